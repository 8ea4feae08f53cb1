"""Succession of units (区划调整): figures before a merger or split are brought to the areas of today.

A table says which unit goes into which from when: the columns old, new, date and share. Steps are taken in the order of
their dates, each for the periods before its own: the figures of old units are added to those of the new one, divided by
shares where a unit is split. What does not add up stays as the new unit reported it, and its series breaks.

An area goes where the rows of its unit say; without a row of its own among the old units, a unit that has figures
before the date keeps its area, too. The rules are ours: they bring figures to one area, as comparisons over time need.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from kpi.errors import DataError, Diagnostic, Message, Place, Severity, suggest
from kpi.intake import assumed_years
from kpi.intake.cells.cell_text import as_text
from kpi.intake.cells.numbers import problem_of, read_numbers
from kpi.intake.entities import Entities, code_of, from_data, short_forms
from kpi.intake.files.headers import clean
from kpi.intake.files.reader import read
from kpi.intake.files.table import ROW, Table
from kpi.intake.reported.period_aggregation import together
from kpi.intake.roster import roster_of
from kpi.language.measures import Count, Measure, Reported, Sum, exact_sum
from kpi.values import period_texts, periods, units
from kpi.values.columns import Column
from kpi.values.periods import Grain, Period
from kpi.values.status import OK, STATUSES, Status, reason

if TYPE_CHECKING:
    from kpi.language.system import System

_HEADERS = {
    "old": ("old", "旧", "原", "旧单位", "原单位", "旧名称", "原名称", "调整前", "调整前单位"),
    "new": ("new", "新", "现", "新单位", "现单位", "新名称", "现名称", "调整后", "调整后单位"),
    "date": ("date", "日期", "生效日期", "调整日期", "生效时间", "起始日期"),
    "share": ("share", "份额", "比例", "占比", "比重"),
}

#: Shares of one unit are parts of one within so much.
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Row:
    """A row of the table: `old` goes into `new` from the month `start`, by `share` (1 is all) where one is given."""

    old: str
    new: str
    start: int
    within: bool
    share: float | None
    number: int


@dataclass(frozen=True)
class Flow:
    """What a unit gives to another, both by their places; `share` is None where its figures cannot be divided."""

    old: int
    new: int
    share: float | None
    number: int


@dataclass(frozen=True)
class Step:
    """What happens at one date: `since` is the first scored period on the new areas."""

    start: int
    since: int
    flows: tuple[Flow, ...]

    def into(self, new: int) -> list[Flow]:
        """Return what a unit receives, from itself too."""
        return [flow for flow in self.flows if flow.new == new]

    @property
    def olds(self) -> set[int]:
        """The places of the units that give."""
        return {flow.old for flow in self.flows}

    @property
    def news(self) -> list[int]:
        """The places of the units that receive, in order."""
        return sorted({flow.new for flow in self.flows})


@dataclass(frozen=True)
class Succession:
    """The rows of a table of units that succeed one another, see the module; `table` is where they stand."""

    table: Table
    rows: tuple[Row, ...]
    headers: Mapping[str, str | None]
    grain: Grain

    @property
    def units(self) -> list[str]:
        """The texts that name units."""
        return list(dict.fromkeys(text for row in self.rows for text in (row.old, row.new)))

    def place(self, number: int, role: str) -> Place:
        """Return the place of a cell."""
        return self.table.place(number, self.headers[role])

    # ---- WHICH UNITS ---- #

    def check_names(self, units: Iterable[str]) -> None:
        """Check the names of the table against the units in data, which are all there are without a roster.

        Raises:
            DataError: K639, a name that the data do not have is a unit's without its ending, or the other way round, or
                differs in one character from that of a unit that the table does not name.
        """
        named = {clean(text) for text in self.units}
        known = {clean(unit): unit for unit in units}
        by_form: dict[str, list[str]] = {}
        for key in known:
            for form in {key, *short_forms(key)}:
                by_form.setdefault(form, []).append(key)
        wrong = []
        for row in self.rows:
            for role, text in (("old", row.old), ("new", row.new)):
                key = clean(text)
                forms = (key, *(form for form in short_forms(key) if form in known))
                alike = dict.fromkeys(unit for form in forms for unit in by_form.get(form, ()))
                alike |= dict.fromkeys(unit for unit in known if unit not in named and _is_slip(key, unit))
                if key not in known and alike:
                    message = Message("`{text}` is no unit of {where}", text=text, where=Message("the data"))
                    hint = Message(
                        "did you mean `{name}`? If not, leave the row out: a unit without figures gives none",
                        name=known[next(iter(alike))],
                    )
                    wrong.append(Diagnostic("K639", message, self.place(row.number, role), hint))
        if wrong:
            raise DataError(wrong)

    def apart(self, roster: Entities) -> Entities:
        """Return the entities of a roster with the old units as entities of their own, also those it has as aliases."""
        entities = roster
        for row in self.rows:
            key, place = clean(row.old), entities.place(row.old)
            if place is not None and not self._is_alias(row.old, place, entities):
                continue
            if clean(row.old) in entities.ambiguous:
                continue
            alike = {key, *short_forms(key)}
            others = {
                text: at for text, at in entities.others.items()
                if not (alike & {text, *short_forms(text)} or code_of(text) == code_of(key)) or at != place
            }  # fmt: skip
            line = pl.DataFrame({"entity": [row.old]}, schema={"entity": pl.String})
            frame = pl.concat([entities.frame, line], how="diagonal")
            entities = replace(entities, frame=frame, others=others)
        return entities

    def _is_alias(self, old: str, place: int, entities: Entities) -> bool:
        """Return whether a text is another name of the unit that it goes into, rather than its name or code."""
        if place >= len(entities.names):
            return False
        own = entities.frame.row(place, named=True)
        if clean(old) in {clean(own["entity"]), clean(own["code"] or "")} or clean(old) not in entities.others:
            return False
        return any(entities.place(row.new) == place for row in self.rows if row.old == old)

    def steps(self, entities: Entities) -> tuple[Step, ...]:
        """Return what happens, in the order of dates.

        Raises:
            DataError: with the rows, K639 a unit that is none, one that goes into another twice or round in a circle,
                K644 shares that do not make 1.
        """
        wrong: list[Diagnostic] = []
        by_date: dict[int, dict[int, list[Flow]]] = {}
        for row in self.rows:
            places = {role: entities.place(text) for role, text in (("old", row.old), ("new", row.new))}
            for role, at in places.items():
                if at is None or at >= len(entities.names):
                    text = row.old if role == "old" else row.new
                    where = Message("the roster") if entities.closed else Message("the data")
                    hint = suggest(text, entities.lookup) or Message("write a name or code of {where}", where=where)
                    message = Message("`{text}` is no unit of {where}", text=text, where=where)
                    if clean(text) in entities.ambiguous:
                        message, hint = Message("`{text}` may be several units", text=text), Message("write the code")
                    wrong.append(Diagnostic("K639", message, self.place(row.number, role), hint))
            old, new = places["old"], places["new"]
            if old is None or new is None or max(old, new) >= len(entities.names):
                continue
            mine = by_date.setdefault(row.start, {}).setdefault(old, [])
            if any(flow.new == new for flow in mine):
                message = Message(
                    "`{old}` goes into `{new}` twice from {label}",
                    old=row.old,
                    new=row.new,
                    label=Period(row.start, 1, self.grain.timeline).label,
                )
                wrong.append(
                    Diagnostic("K639", message, self.place(row.number, "new"), Message("leave one of the rows out"))
                )
                continue
            mine.append(Flow(old, new, row.share, row.number))
        if not wrong:
            for start, rows in sorted(by_date.items()):
                wrong += [*self._shares(start, rows, entities), *self._circles(start, rows, entities)]
        if wrong:
            raise DataError(wrong)
        size = self.grain.months
        return tuple(
            Step(start, start // size, tuple(chain.from_iterable(_passed_on(old, rows) for old in rows)))
            for start, rows in sorted(by_date.items())
        )

    def _shares(self, start: int, rows: Mapping[int, list[Flow]], entities: Entities) -> Iterable[Diagnostic]:
        """Yield shares of a unit that do not make 1."""
        for old, flows in rows.items():
            given = [flow.share for flow in flows if flow.share is not None]
            name, when = entities.names[old], Period(start, 1, self.grain.timeline).label
            if not given:
                continue
            last = flows[-1].number
            if len(given) < len(flows):
                message = Message(
                    "some rows of `{name}` from {when} have a share and others none", name=name, when=when
                )
                hint = Message("give each a share, or none, and nothing is divided")
                yield Diagnostic("K644", message, self.place(last, "share"), hint)
            elif abs(sum(given) - 1) > _TOLERANCE:
                message = Message(
                    "the shares of `{name}` from {when} make {given:.10g}, not 1",
                    name=name,
                    when=when,
                    given=sum(given),
                )
                kept = all(flow.new != old for flow in flows) and sum(given) < 1
                hint = (
                    Message("add the row for what stays with `{name}`", name=name)
                    if kept
                    else Message("write parts of 1, such as 0.55 or 55%")
                )
                yield Diagnostic("K644", message, self.place(last, "share"), hint)

    def _circles(self, start: int, rows: Mapping[int, list[Flow]], entities: Entities) -> Iterable[Diagnostic]:
        """Yield units that go into one another at one date."""
        through = {old for old, flows in rows.items() if all(flow.new != old for flow in flows)}
        told: set[int] = set()
        for old in sorted(through, key=lambda old: rows[old][0].number):
            seen, ahead = {old}, [flow.new for flow in rows[old] if flow.new in through]
            while ahead:
                now = ahead.pop()
                if now == old and not seen & told:
                    message = Message(
                        "`{names}` goes into itself by way of others, from {label}",
                        names=entities.names[old],
                        label=Period(start, 1, self.grain.timeline).label,
                    )
                    hint = Message("say with dates which came first, or what part of a unit goes where")
                    yield Diagnostic("K639", message, self.place(rows[old][0].number, "old"), hint)
                    told |= seen
                    break
                if now not in seen:
                    seen.add(now)
                    ahead += [flow.new for flow in rows[now] if flow.new in through]

    def within(self) -> list[Diagnostic]:
        """Return a warning for each date inside a scored period, and about dates with two readings."""
        header = str(self.headers["date"])
        dates = self.table.frame.select(pl.selectors.by_name(header).cast(pl.String)).collect().to_series()
        found = [*assumed_years.of_texts(dates, self.grain.timeline, self.table.place(None, header))]
        for start in dict.fromkeys(row.start for row in self.rows if row.within):
            rows = [row for row in self.rows if row.start == start and row.within]
            label = Period.of(start // self.grain.months, self.grain).title
            message = Message(
                "the date lies within {label}: its figures are made of those of the old units for months before it and "
                "of those of the new units since; a figure for the whole {grain} is taken to be on the new areas",
                label=label,
                grain=self.grain.noun,
            )
            hint = Message("if figures are on the new areas for all of {label}, write its first day", label=label)
            found.append(Diagnostic("K645", message, self.place(rows[0].number, "date"), hint, Severity.WARNING))
        return found


def _is_slip(text: str, name: str) -> bool:
    """Return whether two names differ in one character; numbers are codes, of which that says nothing.

    >>> _is_slip("江于区", "江干区"), _is_slip("330104", "330102"), _is_slip("余杭", "余姚")
    (True, False, False)
    """
    same = len(text) == len(name) > 2 and not text.isascii()
    return same and sum(one != other for one, other in zip(text, name, strict=True)) == 1


def _passed_on(old: int, rows: Mapping[int, list[Flow]]) -> Iterable[Flow]:
    """Yield where the area of a unit goes in the end, of units that go into one another at one date."""
    flows = rows[old]
    for flow in flows:
        share = 1.0 if len(flows) == 1 else flow.share
        further = rows.get(flow.new, [])
        if flow.new == old or not further or any(one.new == flow.new for one in further):
            yield Flow(old, flow.new, share, flow.number)
            continue
        for one in _passed_on(flow.new, rows):
            both = None if share is None or one.share is None else share * one.share
            yield Flow(old, one.new, both, flow.number)


def last_steps(steps: Sequence[Step]) -> dict[int, Step]:
    """Return the places of the units that are none any more, each with the step that ended it."""
    found: dict[int, Step] = {}
    for step in steps:
        for flow in step.flows:
            found.pop(flow.new, None)
        news = set(step.news)
        found |= {old: step for old in step.olds if old not in news}
    return found


def unions(steps: Sequence[Step]) -> dict[int, int]:
    """Return the units whose events count for another, by their places: those that went into it as a whole.

    Where one of the two was divided at some time, figures are brought to the areas of today instead.
    """
    divided = {place for step in steps for flow in step.flows if flow.share != 1 for place in (flow.old, flow.new)}
    ended = last_steps(steps)
    one = {
        flow.old: flow.new
        for old, step in ended.items()
        for flow in step.flows
        if flow.old == old and not {flow.old, flow.new} & divided
    }

    def last(place: int) -> int:
        return last(one[place]) if place in one else place

    return {old: last(old) for old in one}


def succession_of(system: System) -> Succession | None:
    """Return the table of units that succeed one another, None where the system names none.

    Raises:
        DataError: K639 a column is missing, or a row has no unit or date; K644 a share that is none.
    """
    if system.entities.succession is None:
        return None
    return read_succession(system.home / system.entities.succession, system.period)


def examined(system: System) -> list[Diagnostic]:
    """Return what is wrong with the table of units that succeed one another, without any data."""
    try:
        table = succession_of(system)
        if table is None:
            return []
        roster = roster_of(system)
        table.steps(from_data(table.units) if roster is None else table.apart(roster))
    except DataError as error:
        return list(error.diagnostics)
    return table.within()


def read_succession(path: Path, grain: Grain) -> Succession:
    """Read a table of units that succeed one another: the columns old, new, date and, where units split, share.

    Args:
        path: a table file with a row per old and new unit.
        grain: of the scored periods.

    Raises:
        DataError: as for `succession_of`.
    """
    table = read(path)[0]
    known = {clean(header).casefold(): header for header in table.columns}
    headers = {role: next((known[word] for word in words if word in known), None) for role, words in _HEADERS.items()}
    lacking = [role for role in ("old", "new", "date") if headers[role] is None]
    if lacking:
        words = tuple(f"`{role}` ({_HEADERS[role][1]})" for role in lacking)
        hint = suggest(lacking[0], list(table.columns)) or Message("its columns are old, new, date and share")
        raise DataError(
            Diagnostic(
                "K639", Message("the table of succession has no column {columns}", columns=words), table.place(), hint
            )
        )
    rows, wrong = _rows(table, headers, grain)
    if not rows and not wrong:
        wrong.append(Diagnostic("K639", Message("the table of succession has no rows"), table.place()))
    if wrong:
        raise DataError(wrong)
    return Succession(table, tuple(rows), headers, grain)


def _rows(table: Table, headers: Mapping[str, str | None], grain: Grain) -> tuple[list[Row], list[Diagnostic]]:
    """Return the rows, and what is wrong with others."""
    frame = table.numbered().collect()
    cells = frame.select(
        pl.lit(None, dtype=pl.String).alias(role) if header is None
        else as_text(header).str.strip_chars().fill_null("").alias(role)
        for role, header in headers.items()
    ).with_columns(number=frame[ROW])  # fmt: skip
    spans = {row["text"]: row for row in period_texts.parse_column(cells["date"], timeline=grain.timeline).to_dicts()}
    share = headers["share"]
    parts = (
        [None] * frame.height
        if share is None
        else read_numbers(frame[share]).with_columns(text=frame[share]).to_dicts()
    )
    rows: list[Row] = []
    wrong: list[Diagnostic] = []
    for cell, number in zip(cells.to_dicts(), parts, strict=True):
        given = [role for role in ("old", "new", "date") if cell[role]]
        if not given:
            continue
        span, (part, problem) = spans[cell["date"]], _share(number)
        problems = {
            role: Message("the row has no {column}", column=role)
            for role in ("old", "new", "date")
            if role not in given
        }
        if "date" in given and (no_date := period_texts.problem(cell["date"], timeline=grain.timeline)) is not None:
            problems["date"] = no_date
        wrong += [
            Diagnostic("K639", text, table.place(cell["number"], headers[role])) for role, text in problems.items()
        ]
        if problem is not None:
            place = table.place(cell["number"], share)
            wrong.append(Diagnostic("K644", problem, place, Message("write parts of 1, such as 0.55 or 55%")))
        if not problems:
            start = int(span["start"])
            within = start % grain.months != 0 or _begun(cell["date"], start, grain)
            rows.append(Row(clean(cell["old"]), clean(cell["new"]), start, within, part, int(cell["number"])))
    return rows, wrong


def _share(cell: Mapping[str, object] | None) -> tuple[float | None, Message | None]:
    """Return a share as a part of one, None where the cell is blank, and what is wrong with it."""
    if cell is None:
        return None, None
    if cell["problem"] is not None:
        return None, problem_of(cell["text"])
    if cell["value"] is None:
        return None, None
    value = float(str(cell["value"])) / (100 if cell["unit"] == "%" else 1)
    if cell["unit"] not in (None, "%") or not 0 < value <= 1:
        return None, Message("`{value:g}{unit}` is no share", value=cell["value"], unit=cell["unit"] or "")
    return value, None


def _begun(text: str, start: int, grain: Grain) -> bool:
    """Return whether a date lies behind the first day of its month or week."""
    if not grain.timeline.weeks:
        return _day(text) > 1
    try:
        return period_texts.parse_instant(text).date() > grain.timeline.first_day(start)
    except periods.PeriodError:
        return False


def _day(text: str) -> int:
    """Return the day of a date, 1 where a text names none.

    >>> [_day(text) for text in ("2021-04-09", "20210409", "2021年4月9日", "2021-04-01 00:00:00", "2021-04", "2021")]
    [9, 9, 9, 1, 1, 1]
    """
    digits = re.findall(r"\d+", text)
    if digits and len(digits[0]) >= 8:
        return int(digits[0][6:8])
    return int(digits[2]) if len(digits) > 2 else 1


# ---- FIGURES ---- #


def adds_up(measure: Measure) -> bool:
    """Return whether the figures of units make that of all of them together: amounts, and sums and counts of events.

    A share, an index, a mean, yes/no or a rank does not, nor the highest or lowest of several periods.
    """
    if measure.over_time in ("max", "min", "median"):
        return False
    return units.summable(measure.quantity) if isinstance(measure, Reported) else isinstance(measure, Count | Sum)


@dataclass(frozen=True)
class _Before:
    """The periods of a panel before a date: rows are ordered by period, of which each has `number`, from `first` on."""

    periods: range
    first: int
    number: int

    def rows(self, place: int) -> list[int]:
        """Return the rows of a unit."""
        return [(period - self.first) * self.number + place for period in self.periods]


@dataclass
class Areas:
    """Figures brought to the areas of today: the panel, and what was found.

    `inflows` has what every unit is made of at each date, once the panel is brought to the areas of today. `within` are
    old units with figures in the scored period of their end (`kpi.intake.periods_of_change`).
    """

    succession: Succession
    steps: tuple[Step, ...]
    entities: Entities
    measures: Mapping[str, Measure]

    def __post_init__(self) -> None:
        """Prepare what all figures share."""
        self.findings: list[Diagnostic] = []
        self.unused = 0
        self.ended = last_steps(self.steps)
        self.unions = unions(self.steps)
        self.inflows: list[tuple[Step, Mapping[int, Inflow]]] = []
        self._breaks: dict[str, dict[int, set[int]]] = {name: {} for name in self.measures}
        self._divided: dict[int, list[tuple[str, list[int]]]] = {}
        self.within: set[int] = set()
        self._left_over: list[tuple[str, int, int]] = []

    def gone_words(self, text: str) -> Message | None:
        """Return where a unit went that is none any more, None for any other text.

        Args:
            text: a name or code.
        """
        place = self.entities.place(text)
        step = None if place is None else self.ended.get(place)
        if step is None or place is None:
            return None
        return Message(
            "{name} (which went into {into} in {when})",
            name=self.entities.names[place],
            into=tuple(self.entities.names[flow.new] for flow in step.flows if flow.old == place),
            when=Period(step.start, 1, self.succession.grain.timeline).label,
        )

    def former(self) -> dict[str, Message]:
        """Return the units that are none any more by their names, each with where it went."""
        return {
            self.entities.names[old]: Message(
                "`{name}` went into {into} in {when}",
                name=self.entities.names[old],
                into=tuple(self.entities.names[flow.new] for flow in step.flows if flow.old == old),
                when=Period(step.start, 1, self.succession.grain.timeline).label,
            )
            for old, step in self.ended.items()
        }

    def finer(self, figures: pl.DataFrame) -> pl.DataFrame:
        """Return figures of finer units (`per`), those of a unit that went into another as a whole under that one.

        Where one of the units that became one has none for a period, the others' are left out: they would be a part.

        Args:
            figures: with the columns measure, entity, per, period, as `period_aggregation.to_scored` gives them.
        """
        mine = figures.filter(pl.col("per").is_not_null())
        if not mine.height:
            return figures
        for step in self.steps:
            for new in step.news:
                flows = step.into(new)
                if any(flow.share != 1 for flow in flows):
                    continue
                olds = [flow.old for flow in flows]
                before = pl.col("period") < step.since
                own = mine.filter(before & (pl.col("entity") == new)).height > 0
                olds += [new] if own and new not in olds else []
                some = before & pl.col("entity").is_in(olds)
                there = mine.filter(some).group_by("measure", "period").agg(pl.col("entity").n_unique() == len(olds))
                reported = [name for name, measure in self.measures.items() if isinstance(measure, Reported)]
                partial = there.filter(~pl.col("entity") & pl.col("measure").is_in(reported)).drop("entity")
                moved = mine.filter(some).join(partial, on=["measure", "period"], how="anti")
                moved = moved.with_columns(entity=pl.lit(new, dtype=mine.schema["entity"]))
                mine = pl.concat([mine.filter(~some), moved])
        return pl.concat([figures.filter(pl.col("per").is_null()), mine])

    def brought(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the panel on the areas of today, without the units that are none any more.

        Columns that are added for every measure: `name.breaks` (Int32, how often its series has broken up to the
        period), `name.added` (String, the figures that were added, in words; null where none were).
        """
        first, number = int(frame["period"][0]), int(frame["#entities"][0])
        last = int(frame["period"][-1])
        self._unused(frame)
        columns: dict[str, pl.Series] = {}
        for name in self.measures:
            columns |= {one: frame[one] for one in _columns(name) if one in frame.columns}
            columns[Column(name).added] = pl.repeat(None, frame.height, dtype=pl.String, eager=True)
        for name, new, period in self._left_over:
            self._without_value(
                name, columns, _Before(range(period, period + 1), first, number).rows(new), "incomplete"
            )
        for step in self.steps:
            self._step(step, columns, _Before(range(first, min(step.since, last + 1)), first, number))
        self.findings += self._of_divided_events()
        places = frame.select("period", "entity")
        for name in self.measures:
            columns[Column(name).breaks] = self._counted(places, name)
        kept = ~pl.col("entity").is_in(sorted(self.ended))
        left = pl.lit(number - len(self.ended), dtype=pl.Int64).alias("#entities")
        frame = frame.with_columns(column.alias(name) for name, column in columns.items()).filter(kept)
        places_now = self.moved()
        return frame.with_columns(places_now.gather(frame["entity"]).alias("entity"), left)

    def moved(self) -> pl.Series:
        """Return the place of every entity, and of the wholes behind them, among those that are left; null for none."""
        kept = [place for place in range(len(self.entities.every)) if place not in self.ended]
        now = dict(zip(kept, range(len(kept)), strict=True))
        return pl.Series([now.get(place) for place in range(len(self.entities.every))], dtype=pl.UInt32)

    def _step(self, step: Step, columns: dict[str, pl.Series], before: _Before) -> None:
        plans = {new: self._plan(step, new, columns, before) for new in step.news}
        self.inflows.append((step, plans))
        changed: dict[str, pl.Series] = {}
        for name, measure in self.measures.items():
            flows: list[tuple[int, int, float]] = []
            after = {new: set(breaks) for new, breaks in self._breaks[name].items()}
            for new, plan in plans.items():
                parts = plan.parts(measure)
                if parts is None:
                    after.setdefault(new, set()).add(step.since)
                    if plan.is_new and measure.per is None:
                        self._not_there(name, columns, before.rows(new))
                    continue
                flows += [(new, old, share) for old, share in parts]
                if parts:
                    own = {at for at in self._breaks[name].get(new, ()) if at >= step.since}
                    earlier = (self._breaks[name].get(old, set()) for old, _ in parts)
                    after[new] = own | {at for at in chain.from_iterable(earlier) if at < step.since}
            self._breaks[name] = after
            self._mixed(name, step, plans, columns, before)
            if measure.per is None and flows and before:
                changed |= self._added(name, columns, flows, before)
        columns |= changed

    def _mixed(
        self, name: str, step: Step, inflows: Mapping[int, Inflow], columns: dict[str, pl.Series], before: _Before
    ) -> None:
        """Mark figures of events of the period of a date as a break where events are divided: they are of two areas."""
        measure, size = self.measures[name], self.succession.grain.months
        span = 12 if measure.over_time == "ytd" else size
        if isinstance(measure, Reported) or measure.per is not None or step.start % span == 0:
            return
        last = before.first + len(columns[name]) // before.number - 1
        first, end = max(step.since, before.first), min(((step.start // span + 1) * span - 1) // size, last)
        divided = [new for new, one in inflows.items() if any(flow.old not in one.unions for flow in one.flows)]
        marked = [
            new for new in divided
            if self._without_value(name, columns, _Before(range(first, end + 1), before.first, before.number).rows(new))
        ]  # fmt: skip
        if marked:
            self._divided.setdefault(step.start, []).append((name, marked))

    @staticmethod
    def _without_value(name: str, columns: dict[str, pl.Series], rows: Sequence[int], status: str = "break") -> bool:
        """Take the figures of some rows away, with a status that says why; return whether there were any."""
        own, why = name, Column(name).status
        there = [row for row in rows if columns[why][row] == "ok"]
        if there:
            code = pl.Series([status], dtype=Status).to_physical()[0]
            columns[own] = columns[own].scatter(there, None)
            columns[why] = columns[why].to_physical().scatter(there, code).cat.to(Status)
        return bool(there)

    def _of_divided_events(self) -> Iterable[Diagnostic]:
        """Yield a finding for each date inside a period of which events are of two areas."""
        for start, some in self._divided.items():
            units = sorted(set(chain.from_iterable(news for _, news in some)))
            flow = next(flow for step in self.steps if step.start == start for flow in step.flows)
            message = Message(
                "{names}: no figure of {measures} for {period}, as events before {when} are of another area",
                names=tuple(self.entities.names[place] for place in units),
                measures=tuple(dict.fromkeys(self.measures[name].title or name for name, _ in some)),
                period=Period.of(start // self.succession.grain.months, self.succession.grain).label,
                when=Period(start, 1, self.succession.grain.timeline).label,
            )
            place = self.succession.place(flow.number, "new")
            yield Diagnostic("K638", message, place, None, Severity.WARNING)

    def _plan(self, step: Step, new: int, columns: Mapping[str, pl.Series], before: _Before) -> Inflow:
        flows, rows = step.into(new), before.rows(new)

        def has_own(*, events: bool) -> bool:
            return any(
                bool((columns[Column(name).status].gather(rows) != "missing").any())
                for name, measure in self.measures.items()
                if measure.per is None and isinstance(measure, Reported) is not events
            )

        listed = any(flow.old == new for flow in flows)
        taken = {flow.old for flow in flows if flow.old in self.unions}
        own = not listed and bool(rows) and (has_own(events=False) or (not taken and has_own(events=True)))
        reported = any(isinstance(measure, Reported) for measure in self.measures.values())
        added = (reported or len(taken) < len(flows)) and all(flow.share is not None for flow in flows)
        if not listed and not own and rows and added:
            self._guess(step, new, flows)
        return Inflow(new, tuple(flows), own=own, listed=listed, unions=frozenset(taken))

    def _guess(self, step: Step, new: int, flows: Sequence[Flow]) -> None:
        """Add a finding for a unit that is taken for a new one, as it has no figures before the date."""
        names = [self.entities.names[flow.old] for flow in flows]
        name, when = self.entities.names[new], Period.of(step.since, self.succession.grain).label
        alone = len(flows) == 1 and flows[0].share == 1
        if alone and set(short_forms(clean(name))) & set(short_forms(clean(names[0]))):
            return
        divided = any(flow.share != 1 for flow in flows)
        message = Message(
            "`{name}` has no figures of its own before {when}: it is taken for a new unit, with the area of {units}",
            name=name,
            when=when,
            units=tuple(names),
        )
        if divided:
            message = Message(
                "`{name}` has no figures of its own before {when}: it is taken for a new unit, with the area of "
                "parts of {units}",
                name=name,
                when=when,
                units=tuple(names),
            )
        hint = Message("if it was there before, add a row with `{name}` as old and as new unit", name=name)
        place = self.succession.place(flows[0].number, "new")
        self.findings.append(Diagnostic("K645", message, place, hint, Severity.WARNING if alone else Severity.INFO))

    def _not_there(self, name: str, columns: dict[str, pl.Series], rows: Sequence[int]) -> None:
        """Mark what a new unit lacks before its date as a break, as its area was there under another unit."""
        status = columns[Column(name).status]
        gaps = [row for row in rows if status[row] == "missing"]
        if gaps:
            code = pl.Series(["break"], dtype=Status).to_physical()[0]
            columns[Column(name).status] = status.to_physical().scatter(gaps, code).cat.to(Status)

    def _added(
        self, name: str, columns: Mapping[str, pl.Series], flows: Sequence[tuple[int, int, float]], before: _Before
    ) -> dict[str, pl.Series]:  # fmt: skip
        """Return the columns of a measure with the figures of units added, for the periods before a date."""
        at = pl.DataFrame({"base": before.rows(0)})
        parts = pl.DataFrame(flows, {"new": pl.Int64, "old": pl.Int64, "share": pl.Float64}, orient="row")
        rows = at.join(parts, how="cross").with_columns(
            target=pl.col("base") + pl.col("new"), source=pl.col("base") + pl.col("old")
        )
        value, status, many = (columns[column].gather(rows["source"]) for column in _columns(name))
        names = self.entities.names
        said = [
            _words(number, why, share, names[old])
            for number, why, share, old in zip(
                value.to_list(), status.cast(pl.String).to_list(), rows["share"], rows["old"], strict=True
            )
        ]
        rows = rows.with_columns(value=value, status=status, many=many, said=pl.Series(said, dtype=pl.String))
        whole = (pl.len() == 1) & (pl.col("share").first() == 1)
        done = rows.group_by("target", maintain_order=True).agg(
            value=pl.when(whole).then(pl.col("value").first()).otherwise(exact_sum(pl.col("value") * pl.col("share"))),
            worst=together(pl.col("status")), many=pl.col("many").sum(), said=pl.col("said").str.join("＋"),
            there=(pl.col("status") != reason("missing")).any(),
        ).with_columns(
            value=pl.when(pl.col("worst").is_null()).then("value"),
            status=pl.when(pl.col("worst").is_null()).then(OK).otherwise("worst"),
            said=pl.when("there").then("said"),
        )  # fmt: skip
        places, (own, why, rows_of) = done["target"], _columns(name)
        return {
            own: columns[own].scatter(places, done["value"]),
            why: columns[why].to_physical().scatter(places, done["status"].to_physical()).cat.to(Status),
            rows_of: columns[rows_of].scatter(places, done["many"]),
            Column(name).added: columns[Column(name).added].scatter(places, done["said"]),
        }

    def _counted(self, places: pl.DataFrame, name: str) -> pl.Series:
        """Return how often the series of a measure has broken up to each row of the panel."""
        breaks = [(entity, since) for entity, some in self._breaks[name].items() for since in some]
        here = [((pl.col("entity") == entity) & (pl.col("period") >= since)).cast(pl.Int32) for entity, since in breaks]
        none = pl.repeat(0, places.height, dtype=pl.Int32, eager=True)
        return places.select(pl.sum_horizontal(here).cast(pl.Int32)).to_series() if here else none

    def _unused(self, frame: pl.DataFrame) -> None:
        """Add findings for figures of units that are none any more, and for units without any figure."""
        names = [
            name for name, measure in self.measures.items() if measure.per is None and isinstance(measure, Reported)
        ]
        given = {name: pl.col(Column(name).status) != "missing" for name in names}
        many = [
            pl.when(there).then(pl.max_horizontal(Column(name).rows, 1)).otherwise(0) for name, there in given.items()
        ]
        for old, step in self.ended.items() if names else ():
            name = self.entities.names[old]
            flows = [flow for flow in step.flows if flow.old == old]
            into = tuple(self.entities.names[flow.new] for flow in flows)
            place = self.succession.place(flows[0].number, "old")
            rows = frame.filter(pl.col("entity") == old).select("period", many=pl.sum_horizontal(many))
            rows = rows.filter(pl.col("many") > 0)
            if not rows.height and old not in self.within:
                message = Message(
                    "the data have no figure of `{name}`: those of {into} before the date lack its part",
                    name=name,
                    into=into,
                )
                hint = Message(
                    "add its figures, or leave the row out where those of the new unit are on its new area already"
                )
                self.findings.append(Diagnostic("K639", message, place, hint, Severity.WARNING))
            late = rows.filter(pl.col("period") >= step.since)
            if late.height:
                labels = [Period.of(at, self.succession.grain).label for at in late["period"]]
                span = Message("{first} to {last}", first=labels[0], last=labels[-1]) if len(labels) > 1 else labels[0]
                when = Period(step.start, 1, self.succession.grain.timeline).label
                message = Message(
                    "`{name}` has figures for {span}, but went into {into} in {when}: they are not used",
                    name=name,
                    span=span,
                    into=into,
                    when=when,
                )
                hint = Message(
                    "report them under the new unit, or correct the date; if only a part went, add a row for the rest"
                )
                self.findings.append(Diagnostic("K646", message, place, hint))
                self.unused += int(late["many"].sum())
            if step.start % self.succession.grain.months:
                now = frame.filter((pl.col("entity") == old) & (pl.col("period") == step.since))
                self._left_over += [
                    (measure, flow.new, step.since) for measure in names for flow in flows
                    if flow.share is not None and adds_up(self.measures[measure])
                    and (now[Column(measure).status] != "missing").any()
                ]  # fmt: skip


@dataclass(frozen=True)
class Inflow:
    """What a unit is made of at a date: flows into it, and whether it was there before.

    `own` says that it has figures before and is no old unit; `listed` that it is one of the old units itself.
    """

    new: int
    flows: tuple[Flow, ...]
    own: bool
    listed: bool
    unions: Collection[int]

    @property
    def is_new(self) -> bool:
        """Whether it was not there before."""
        return not (self.own or self.listed)

    def parts(self, measure: Measure) -> list[tuple[int, float]] | None:
        """Return what makes its figures before the date, none where that is so already; None where nothing can."""
        events = not isinstance(measure, Reported)
        flows = [flow for flow in self.flows if not (events and flow.old in self.unions)]
        if not flows:
            return []
        own = [(self.new, 1.0)] if self.own or (events and self.unions and not self.listed) else []
        parts = [(flow.old, flow.share) for flow in flows if flow.share is not None]
        if len(parts) < len(flows):
            return None
        same = len(parts) == 1 and not own and parts[0][1] == 1
        divided = measure.per is not None and any(share != 1 for _, share in parts)
        if same or (measure.per is not None and not divided) or (measure.per is None and adds_up(measure)):
            return [*own, *parts]
        return None


def _columns(name: str) -> tuple[str, str, str]:
    return name, Column(name).status, Column(name).rows


def _words(value: float | None, status: str, share: float, name: str) -> str:
    """Return a part of a sum in words.

    >>> _words(20.0, "ok", 0.55, "余杭区"), _words(None, "missing", 1.0, "江干区")
    ('20×0.55（余杭区）', 'not reported（江干区）')
    """
    figure = STATUSES[status] if value is None else f"{value:,.10g}"
    return f"{figure}{'' if share == 1 or value is None else f'×{share:.10g}'}（{name}）"
