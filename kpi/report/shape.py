"""The interface between reports and formats: reports of commands, the shape of a scorecard, headings of frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import polars as pl
from msgspec import Struct

from kpi.engine.contributions import KINDS
from kpi.engine.funnel_limits import SIGNALS
from kpi.errors import Diagnostic, Message, Severity
from kpi.language.indicators import CLASSES
from kpi.report.language import localized, tr
from kpi.report.marks import COMPARATORS, LIGHTS, SEVERITIES
from kpi.report.reader_columns import constant_columns, decimals_of
from kpi.values.status import STATUSES

#: The name and version of the shape, written into every machine-readable file.
SCHEMA = "kpi.scorecard/1"

#: The most rows of a frame in a document: it is read, and Word is slow with tables of many pages.
LISTED = 500

#: What constant columns say where everything is as usual.
_EXPECTED = frozenset({("areas_changed", False), ("status", "ok"), ("status_before", "ok")})

#: The frames of a scorecard in their order, with the names of their sheets.
FRAMES = {
    "totals": Message("Totals"),
    "pillars": Message("Pillars"),
    "indicators": Message("Indicators"),
    "measures": Message("Reported figures"),
    "findings": Message("Checks"),
}

#: Further frames, which a scorecard has only if they have rows.
MORE = {
    "longer": Message("Totals over longer periods"),
    "longer_pillars": Message("Pillars over longer periods"),
    "places": Message("Places"),
    "headlines": Message("Headline indices"),
    "adjustments": Message("Adjustments"),
    "weights": Message("Weights"),
    "treated": Message("Treated"),
    "restated": Message("Revisions"),
    "limits": Message("Limits"),
    "alike": Message("Levels not distinguishable"),
    "outlook": Message("Outlook"),
    "quality": Message("Reporting quality"),
}

#: The headings of the columns of all frames. The heading of `entity` is the system's `entity_title`.
HEADINGS: dict[str | tuple[str, str], str] = {
    "system": Message("System"),
    "period": Message("Period"),
    "cohort": Message("Cohort"),
    "entity": Message("Entity"),
    "pillar": Message("Pillar code"),
    "parent": Message("Parent pillar"),
    "headline": Message("Headline code"),
    "within": Message("Ranked within"),
    "group": Message("Group"),
    "against": Message("Compared over"),
    "rank_before": Message("Former rank"),
    "over": Message("Longer period"),
    "score_before": Message("Former score"),
    "periods": Message("Periods with a total"),
    "indicator": Message("Indicator code"),
    "measure": Message("Measure code"),
    "title": Message("Title"),
    "score": Message("Score"),
    "raw_score": Message("Unrounded score"),
    "stars": Message("Stars"),
    "grade": Message("Grade"),
    "rank": Message("Rank"),
    "of": Message("Of"),
    "rank_change": Message("Rank change"),
    "score_change": Message("Score change"),
    "rank_low": Message("5 % rank"),
    "rank_high": Message("95 % rank"),
    "score_low": Message("5 % score"),
    "score_high": Message("95 % score"),
    "coverage": Message("Data coverage"),
    "veto": Message("Veto"),
    "status": Message("Status"),
    "weight": Message("Weight"),
    "points": Message("Points"),
    "marks": Message("Marks"),
    "full_marks": Message("Full marks"),
    "class": Message("Class"),
    "kind": Message("Category"),
    "value": Message("Value"),
    "unit": Message("Unit of measure"),
    "target": Message("Target value"),
    "comparator": Message("Demand"),
    "attainment": Message("Attainment"),
    "schedule": Message("Schedule"),
    "light": Message("Light"),
    "low": Message("Lower end"),
    "high": Message("Upper end"),
    "stars_low": Message("Stars, not distinguishable from"),
    "stars_high": Message("Stars, not distinguishable up to"),
    "grade_low": Message("Grade, not distinguishable from"),
    "grade_high": Message("Grade, not distinguishable up to"),
    "lower": Message("Lower confidence limit"),
    "upper": Message("Upper confidence limit"),
    "level": Message("Level of the limits (%)"),
    "centre": Message("Value of the group"),
    "low_95": Message("Funnel 95 %, lower"),
    "high_95": Message("Funnel 95 %, upper"),
    "low_998": Message("Funnel 99.8 %, lower"),
    "high_998": Message("Funnel 99.8 %, upper"),
    "dispersion": Message("Dispersion (1: by chance)"),
    "signal": Message("Signal"),
    "actual": Message("Actual growth a year"),
    "required": Message("Required growth a year"),
    "reached": Message("Reached"),
    "score_status": Message("Score status"),
    "rows": Message("Source rows"),
    "code": Message("Code"),
    "severity": Message("Severity"),
    "message": Message("Note"),
    "file": Message("File"),
    "row": Message("Row"),
    "column": Message("Column"),
    "hint": Message("What to do"),
    "stands_for": Message("Count"),
    "node": Message("Parent code"),
    "part": Message("Part code"),
    "method": Message("Weighting method"),
    "effective": Message("Weight in the total"),
    "consistency_ratio": Message("Consistency ratio"),
    "step": Message("Step"),
    "before": Message("Before treatment"),
    "after": Message("After treatment"),
    "treatment": Message("Treatment"),
    "revision": Message("Revision"),
    "new_revision": Message("New revision"),
    "department": Message("Department"),
    "expected": Message("Figures expected"),
    "reported": Message("Figures reported"),
    "dated": Message("Dated"),
    "on_time": Message("On time"),
    "sound": Message("Sound"),
    "completeness": Message("Coverage"),
    "timeliness": Message("Timeliness"),
    "accuracy": Message("Accuracy"),
    "quality": Message("Quality score"),
}


#: The groupings that have no name of their own.
WITHIN = {"all": Message("all units"), "cohort": Message("the cohort")}

#: The display of values by column; other values are shown unchanged.
WORDS: dict[str, Mapping[str, str]] = {
    "comparator": COMPARATORS,
    "severity": SEVERITIES,
    "light": LIGHTS,
    "class": CLASSES,
    "kind": KINDS
    | {
        "total": Message("Total"),
        "pillar": Message("Pillars"),
        "indicator": Message("Indicator"),
        "measure": Message("Reported figures"),
        "place": Message("Rank"),
        "period": Message("Period"),
    },
    "status": STATUSES,
    "score_status": STATUSES,
    "within": WITHIN,
    "signal": SIGNALS,
}


class Results(Protocol):
    """The interface of scorecards for reports: the metadata, and the tidy frames."""

    @property
    def system(self) -> str:
        """The id of the system."""

    @property
    def title(self) -> str:
        """The name of the system."""

    @property
    def definition_hash(self) -> str:
        """The fingerprint of the definitions."""

    @property
    def data_hash(self) -> str:
        """The fingerprint of the data."""

    @property
    def decimals(self) -> int:
        """The number of decimals of scores."""

    @property
    def full(self) -> float:
        """The full mark."""

    @property
    def entity_title(self) -> str:
        """The collective title of the entities, such as 县(市、区)."""

    @property
    def periods(self) -> Sequence[str]:
        """The labels of the periods, earliest first."""

    @property
    def totals(self) -> pl.DataFrame:
        """One row per entity and period: score, stars, rank."""

    @property
    def pillars(self) -> pl.DataFrame:
        """One row per entity, period and pillar."""

    @property
    def indicators(self) -> pl.DataFrame:
        """One row per entity, period and indicator."""

    @property
    def measures(self) -> pl.DataFrame:
        """One row per entity, period and measure."""

    @property
    def findings(self) -> pl.DataFrame:
        """One row per finding."""


class About(Struct, frozen=True):
    """The subject of a report, for headings, margins and metadata.

    Attributes:
        title: the heading.
        system: the id of the system, empty where there is none.
        origin: a description of the definitions and data.
        entity_title: the collective title of the entities.
        decimals: the number of decimals of scores.
        full: the full mark.
    """

    title: str
    system: str = ""
    origin: str = ""
    entity_title: str = Message("Entity")
    decimals: int = 2
    full: float = 100


class Screen(Struct, frozen=True):
    """The output device of a report: its width in terminal cells (None without a terminal), and colour support.

    `columns` are those of the first table that are asked for, by name or heading; none for all that have room.
    """

    width: int | None = None
    color: bool = False
    columns: tuple[str, ...] = ()


class Report(ABC):
    """The result of a command, which every format of `kpi.report.formats` can write.

    Formats with one table hold the first frame, the others all frames. A format that a report writes in its own way,
    such as the JSON of an explanation, is among `own`.
    """

    #: Name and version of the shape, in every machine-readable file.
    schema: ClassVar[str]
    #: The titles of frames for users.
    sheets: ClassVar[Mapping[str, str]]
    #: The headings of columns for users, of all frames or of one: keyed by `column` or `(frame, column)`.
    headings: ClassVar[Mapping[str | tuple[str, str], str]] = HEADINGS
    #: The display of values by column.
    words: ClassVar[Mapping[str, Mapping[str, str]]] = WORDS
    #: The frames whose columns `stars` and `grade` are levels.
    rated: ClassVar[tuple[str, ...]] = ("totals", "longer")

    @property
    @abstractmethod
    def about(self) -> About:
        """The subject of the report."""

    @property
    def texts(self) -> Mapping[str, Message]:
        """The messages that the frames have as English text, by that text."""
        return {}

    @abstractmethod
    def head(self) -> dict[str, Any]:
        """Return the metadata that precede the frames in JSON: the schema, then the identification of the report."""

    @abstractmethod
    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the frames by name; formats with one table hold the first."""

    def heading(self, frame: str, column: str) -> str:
        """Return the heading of a column of a frame, by default its name."""
        if (own := self.headings.get((frame, column))) is not None:
            return localized(own)
        return localized(self.about.entity_title if column == "entity" else self.headings.get(column, column))

    def sheet(self, frame: str) -> str:
        """Return the name of the sheet or section of a frame."""
        return localized(self.sheets[frame])

    def word(self, column: str, value: object) -> str:
        """Return the display of a value that is not a number."""
        if isinstance(value, bool):
            return tr("yes") if value else tr("no")
        text = str(value)
        return localized(self.words.get(column, {}).get(text, self.texts.get(text, text)))

    def first(self) -> pl.DataFrame:
        """Return the first frame, without computing the others if possible."""
        return next(iter(self.frames().values()))

    @abstractmethod
    def text(self, screen: Screen) -> str:
        """Return the report as text for a terminal."""

    def own(self) -> Mapping[str, Callable[[], bytes]]:
        """Return the formats, by name, that the report writes in its own way."""
        return {}

    def outlook(self, form: str) -> Message | None:  # noqa: B027 - what is written at once has none
        """Return how long a format will take to write, None where it is written at once."""

    def in_all_rows(self, name: str, frame: pl.DataFrame) -> str:
        """Return what the `constant_columns` of a frame say, as a sentence; empty without any.

        What readers expect, as that all have values, is not said.
        """
        facts = []
        for column in constant_columns(frame):
            value, decimals = frame[column][0], decimals_of(frame, column)
            if (column, value) in _EXPECTED:
                continue
            text = self.word(column, value) if decimals is None else f"{value:z,.{decimals}f}"
            facts.append(tr("{heading} {value}", heading=self.heading(name, column), value=text))
        return tr("In all rows: {facts}.", facts=tuple(facts)) if facts else ""

    def left_out(self, form: str) -> list[Diagnostic]:
        """Return a finding (K894) for everything that a format leaves out: of documents the rows beyond `LISTED`."""
        if form not in ("docx", "pdf") or "docx" in self.own():
            return []
        long = {name: frame.height for name, frame in self.frames().items() if frame.height > LISTED}
        hint = Message("a folder takes all tables: -o results/")
        return [
            Diagnostic(
                "K894",
                Message("in the document, only the first {shown:,} of {rows:,} rows of `{sheet}` are listed",
                        shown=LISTED, rows=rows, sheet=self.sheets[name]),
                hint=hint, severity=Severity.WARNING,
            )
            for name, rows in long.items()
        ]  # fmt: skip


def origin(definition_hash: str, data_hash: str) -> str:
    """Return a description of the definitions and data of a result.

    >>> origin("7c1e9a55", "90ab34cd")
    'Definition 7c1e9a55 data 90ab34cd'
    """
    return tr("Definition {definition_hash} data {data_hash}", definition_hash=definition_hash, data_hash=data_hash)


def frames(scorecard: Results, /) -> dict[str, pl.DataFrame]:
    """Return the frames of a scorecard by name, in order, with enumerations as plain text for other programs.

    The five frames of every scorecard come first, then those of `MORE` that it has (its `extras`).
    """
    by_name = {name: getattr(scorecard, name) for name in FRAMES} | getattr(scorecard, "extras", {})
    return {name: plain(frame) for name, frame in by_name.items()}


def plain(frame: pl.DataFrame, /) -> pl.DataFrame:
    """Return a frame with its enumerations as plain text, for other programs."""
    return frame.with_columns(pl.selectors.by_dtype(pl.Categorical, pl.Enum).cast(pl.String))
