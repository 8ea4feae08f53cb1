"""What a bulletin reports of a period, as plain data: lists and texts, with numbers as they are printed.

Templates have nothing else: `Facts` and its parts are all that a template of a bureau can name. Texts are in the
language in use and on one line; what reads from right to left is kept apart from the text around it.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable, Sequence

from msgspec import Struct

from kpi.report.bulletin.changes import Change
from kpi.report.paper.model import inert

#: The most units, indicators and findings of a list, and the most cells of the annex of values.
MOST_UNITS, MOST_FINDINGS, MOST_CELLS = 1000, 30, 12_000
#: How many texts are kept as they are shown: names and titles recur.
_RECENT = 10_000
#: How many units are named at either end of a ranking, and the most that stand beside each other in the annex.
NAMED, BESIDE = 3, 8


class Line(Struct, frozen=True):
    """One unit of a ranking; what it does not have is an empty text.

    `note` has all remarks, in words, `veto` the titles of its vetoes alone.
    """

    rank: str
    move: str
    unit: str
    score: str
    change: str
    year: str
    level: str
    pillars: Sequence[str]
    note: str
    veto: str = ""


class Moved(Struct, frozen=True):
    """A unit that moved by a number of places."""

    unit: str
    places: int


class Level(Struct, frozen=True):
    """The units with one level."""

    title: str
    units: Sequence[str]


class Group(Struct, frozen=True, dict=True):
    """The units that are ranked together; `name` is empty where there is one group only.

    Attributes:
        name: of the cohort.
        lines: the units, the best first; at most `MOST_UNITS`.
        more: how many units are not among the lines.
        units: how many units there are.
        rated: how many have a score.
        first, last: the best and the worst units, the best first, with all that share the place of the third; no unit
            is in both.
        mean: the mean of the scores, empty without any.
        highest, lowest: the lines with the highest and lowest score, None without any.
        highest_units, lowest_units: all units with these scores.
        spread: the difference of these scores.
        change, year: the change of the mean against the period before, and against a year before.
        up, down: the units that moved up and down, each with the number of places.
        levels: the units of each level, the highest first.
        unrated: units without a score, each with the reason.
        vetoes: units with a veto.
        intervals: how far places hold, a footnote; empty where intervals were not asked for.
    """

    name: str
    lines: Sequence[Line]
    more: int
    units: int
    rated: int
    first: Sequence[Line]
    last: Sequence[Line]
    mean: str
    highest: Line | None
    lowest: Line | None
    highest_units: Sequence[str]
    lowest_units: Sequence[str]
    spread: str
    change: Change | None
    year: Change | None
    up: Sequence[Moved]
    down: Sequence[Moved]
    levels: Sequence[Level]
    unrated: Sequence[Line]
    vetoes: Sequence[Line]
    intervals: str = ""

    @property
    def moved(self) -> bool:
        """Whether places are compared with former ones."""
        return self._filled[0]

    @property
    def noted(self) -> bool:
        """Whether a line has a note."""
        return self._filled[1]

    @functools.cached_property
    def _filled(self) -> tuple[bool, bool]:
        """Whether a line has a movement, and whether one has a note: templates ask for it in each line."""
        return any(line.move for line in self.lines), any(line.note for line in self.lines)


class Indicator(Struct, frozen=True):
    """An indicator over all units.

    Attributes:
        title, unit: its name and unit, the unit empty for a pure number.
        yes_no: whether it is a task that is done or not; `mean` is then how many units have done it.
        weight: in percent of the whole, empty where it does not count.
        reported: how many units have a value, of all `units`.
        mean: the mean of the units, with unit.
        change, year: against the period before, and a year before, over the units with both values.
        target: in words, empty without one.
        reached, judged: how many units have reached it, of those that it is judged for.
        green, yellow, red: how many units are on schedule, somewhat behind, far behind.
        best, worst: the units with the best and the worst value; empty where all have the same.
        best_value, worst_value: their values, with unit.
        behind: the units far behind schedule.
    """

    title: str
    unit: str
    yes_no: bool
    weight: str
    reported: int
    units: int
    mean: str
    change: Change | None
    year: Change | None
    target: str
    reached: int
    judged: int
    green: int
    yellow: int
    red: int
    best: Sequence[str]
    best_value: str
    worst: Sequence[str]
    worst_value: str
    behind: Sequence[str]


class Pillar(Struct, frozen=True):
    """A top pillar with the indicators below it, over all units; scores are in percent of its full marks."""

    title: str
    weight: str
    mean: str
    change: Change | None
    year: Change | None
    best: Sequence[str]
    best_score: str
    worst: Sequence[str]
    worst_score: str
    indicators: Sequence[Indicator]

    @property
    def better(self) -> int:
        """How many indicators are better than in the period before."""
        return sum(indicator.change is not None and indicator.change.better is True for indicator in self.indicators)

    @property
    def poorer(self) -> int:
        """How many indicators are worse than in the period before."""
        return sum(indicator.change is not None and indicator.change.better is False for indicator in self.indicators)

    @property
    def compared(self) -> int:
        """How many indicators have a value in the period before."""
        return sum(indicator.change is not None for indicator in self.indicators)


class Progress(Struct, frozen=True):
    """How many targets a unit has reached, and its lights."""

    unit: str
    reached: int
    judged: int
    green: int
    yellow: int
    red: int
    behind: Sequence[str]


class Standings(Struct, frozen=True):
    """A table beside the ranking of totals: a further ranking, an index beside the total, or the year so far.

    Attributes:
        title: of the table.
        headings: its headings.
        rows: the cells of each row in words, at most `MOST_UNITS` rows.
        more: how many rows are not listed.
    """

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    more: int


class Adjustment(Struct, frozen=True):
    """Points that a unit has beside its indicators."""

    unit: str
    title: str
    points: str


class Finding(Struct, frozen=True):
    """A finding of the checks of data."""

    severity: str
    code: str
    about: str
    note: str


class Value(Struct, frozen=True):
    """The values of an indicator for the units of a part of the annex."""

    title: str
    unit: str
    target: str
    values: Sequence[str]


class Matrix(Struct, frozen=True):
    """A part of the annex of values: some units beside each other, and the indicators."""

    units: Sequence[str]
    rows: Sequence[Value]


class Note(Struct, frozen=True):
    """A heading and a text of the method."""

    heading: str
    text: str


class Facts(Struct, frozen=True):
    """Everything that a bulletin reports.

    Attributes:
        title: of the system.
        period, before, year_before: the period in words, the one before and the one a year before; those are empty
            where the scorecard does not have them.
        document, issuer, number, dated: the document that the system comes from, empty where it names none.
        entities: what the units are called.
        units, indicators: how many there are.
        full: the full mark.
        groups: the rankings.
        pillars: the titles of the top pillars, as the columns of the annex.
        parts: the top pillars.
        others: the indicators that do not count.
        rated: whether there are levels; `named`, whether these have names in place of stars.
        levels: how levels are given, in words.
        reached, judged: the targets of all units.
        green, yellow, red: the lights of all units.
        progress, more_progress: the targets by unit, and how many units are not listed.
        adjustments, more_adjustments: what adds to totals beside the indicators, and how many are not listed.
        against: what moves of places are against, empty for the period before.
        tables: places in further rankings, indices beside the total, totals over longer periods.
        alerts, ended: the alerts of the definition that begin or hold on in this period, and those that end.
        missing: how many values the units owe.
        findings, more_findings, errors, warnings, queries: the findings of this period.
        matrices, cut: the annex of values, and how many units are not in it.
        method: how scores come about.
        origin: which definition and data.
    """

    title: str
    period: str
    before: str
    year_before: str
    against: str
    document: str
    issuer: str
    number: str
    dated: str
    entities: str
    units: int
    indicators: int
    full: str
    groups: Sequence[Group]
    pillars: Sequence[str]
    parts: Sequence[Pillar]
    others: Sequence[Indicator]
    rated: bool
    named: bool
    levels: str
    reached: int
    judged: int
    green: int
    yellow: int
    red: int
    progress: Sequence[Progress]
    more_progress: int
    adjustments: Sequence[Adjustment]
    more_adjustments: int
    tables: Sequence[Standings]
    alerts: Sequence[Finding]
    ended: Sequence[Finding]
    missing: int
    findings: Sequence[Finding]
    more_findings: int
    errors: int
    warnings: int
    queries: int
    matrices: Sequence[Matrix]
    cut: int
    method: Sequence[Note] = ()
    origin: str = ""

    @property
    def behind(self) -> list[Indicator]:
        """The indicators in which units are far behind schedule."""
        every = [indicator for part in self.parts for indicator in part.indicators] + list(self.others)
        return [item for item in every if item.behind]

    @property
    def targets(self) -> bool:
        """Whether an indicator has a target."""
        return any(row.target for matrix in self.matrices[:1] for row in matrix.rows)

    @property
    def vetoes(self) -> list[Line]:
        """The units with a veto."""
        return [line for group in self.groups for line in group.vetoes]

    @property
    def unrated(self) -> list[Line]:
        """The units without a score."""
        return [line for group in self.groups for line in group.unrated]

    @property
    def down(self) -> list[Moved]:
        """The units that moved down, in all groups."""
        return [unit for group in self.groups for unit in group.down]


#: What facts consist of: data without methods.
PARTS = frozenset({
    Line, Moved, Level, Group, Indicator, Pillar, Progress, Standings, Adjustment, Finding, Value, Matrix, Note, Facts
})  # fmt: skip


@functools.lru_cache(_RECENT)
def own(text: str | None) -> str:
    r"""Return a text from data on one line, escaped, and kept apart from its surroundings if it runs right to left.

    >>> own("南湖区"), own("a\nb"), own("שלום") == "\u2068שלום\u2069"
    ('南湖区', 'a\\nb', True)
    """
    safe = inert(text or "")
    if any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in safe):
        return f"\u2068{safe}\u2069"
    return safe


def owns(texts: Iterable[str]) -> tuple[str, ...]:
    """Return texts from data as `own` does."""
    return tuple(map(own, texts))
