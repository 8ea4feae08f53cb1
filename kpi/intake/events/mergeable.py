"""Aggregate mergeable measures in one pass over the rows: group by name and month as written, then merge groups.

The pass computes `measures.Part`s. Its groups are few, so everything that is slow per row is done per group: resolving
names to entities and months to scored periods, and merging the groups of one entity.

Sums are of integers, which are independent of the order of rows, as narrow as the first rows of a column suggest
(`events.fixed_point`), and columns without nulls in the first rows are assumed to have none. Rows with a non-numeric,
out-of-precision or unexpectedly empty cell get their own key; if there are any, a second pass reads them alone, in 128
bits, cell by cell. Everything is repeated in 128 bits only if a group has more rows than its sums have room for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from typing import Protocol

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake.cells.text_folding import as_names
from kpi.intake.cells.unit_factors import literal
from kpi.intake.events import events as of_table
from kpi.intake.events.conditions import Decided, cell, condition, decided, reads, uncounted
from kpi.intake.events.events import CLASH, FINER, MONTH, WHO, Events, Lost, Span, exact, places, valid
from kpi.intake.events.fixed_point import DECIMALS, Precision, precisions
from kpi.intake.events.remote import ODD, PER, ROWS, Engine, Groups, Rows
from kpi.intake.events.units import UNFIT, Scale, finer
from kpi.language.measures import Measure, Part
from kpi.language.record_columns import READ_AS_NUMBERS, as_written, expressions_of
from kpi.process import progress
from kpi.values.units import Unit, UnitError, parse
from kpi.values.working_days import WorkingDays

SOURCE = "#source"

#: The column of the packed key of groups.
KEY = "#key"

#: The kinds of columns of numbers: those that are read, and those that are computed.
NUMBERS = (*READ_AS_NUMBERS, "computed")

#: The column of the number of rows that a measure cannot use: unreadable cells, or contradictions.
REFUSED = "#refused"

#: The key of unexpected rows.
UNEXPECTED = -(1 << 60)

# The key of rows without a name and a date.
_NOBODY = -(1 << 17) - 1

# Months count from the year 0, and stay below this in the year 9999; positions of texts are below 2**32.
_MONTHS = 1 << 17

#: Tables of at most this size are summed in 128 bits directly, which is cheaper than inspecting their first rows.
SMALL = 100_000

#: The most rows of tables that are aggregated together; one table may have more.
BATCH = 10_000_000

# How many first rows are inspected for the numbers, and at most for the sizes of groups.
_HEAD, _HEADS = 10_000, 1_000_000


class Aggregation(Struct, frozen=True):
    """The pass over all tables of a dataset.

    Attributes:
        tables: the tables of the dataset.
        kinds: the kind of each column that is read or computed.
        measures: the measures of the dataset.
        scales: the units of the numbers.
        precisions: the precision of the sums of each number.
        most: the row limit of a group for these precisions.
        full: the numbers that are expected in every row.
        second: the numbers whose cells need a second look, None until that is known.
        notes: findings about units.
        calendar: the working days, None where nothing is counted in them.
        uncounted: where a number of working days is needed that reaches beyond the years of the calendar.
        share: which rows with a finer unit (`FINER`) are aggregated, None for all of them.
        remote: whether engines aggregate the rows where they are (`events.remote`).
    """

    tables: Sequence[Events]
    kinds: Mapping[str, str]
    measures: Mapping[str, Measure]
    scales: Mapping[str, Scale]
    precisions: Mapping[str, Precision]
    most: float = float("inf")
    full: frozenset[str] = frozenset()
    second: frozenset[str] | None = None
    notes: tuple[Diagnostic, ...] = ()
    calendar: WorkingDays | None = None
    uncounted: tuple[pl.Expr, ...] = ()
    share: pl.Expr | None = None
    remote: bool = False

    def partials(self, parts: Collection[Part], per: str | None = None, keys: Keys | None = None) -> pl.DataFrame:
        """Return the parts of every group: the columns of its key, `ROWS`, `ODD`, and parts by name.

        Expected and unexpected rows have separate groups; `ODD` counts the rows of the latter, `REFUSED` those that a
        measure cannot use, and `bad(column)` their unreadable cells.

        Args:
            parts: the parts.
            per: the column of finer units.
            keys: the key of groups: by default `SOURCE`, `WHO` and `MONTH`.
        """
        keys = keys or _Keys(len(self.tables) > 1)
        over, expected = self._first_pass(parts, per, keys)
        return over.completed(expected, parts, per, keys)

    def _first_pass(self, parts: Collection[Part], per: str | None, keys: Keys) -> tuple[Aggregation, pl.DataFrame]:
        """Return the parts of the expected rows, and this aggregation, or one of fetched rows where no engine can."""
        if self.remote:
            groups = self._elsewhere(parts, per, keys)
            if groups is not None:
                return self, groups
            return self.wide()._first_pass(parts, per, keys)  # noqa: SLF001 - of this class
        return self, self._expected(parts, per, keys)

    def _elsewhere(self, parts: Collection[Part], per: str | None, keys: Keys) -> pl.DataFrame | None:
        """Return what `_expected` does, from the engines of the tables; None where one of them cannot compute it."""
        needed = self._needed(parts, whole=per is None)
        kept = [part for part in parts if part.what not in {"refused", "unsure"}]
        where = sorted({part.where for part in kept if part.where})
        tests = {text: condition(text, self.kinds, self.calendar) for text in where}
        answers = []
        for place, (table, engine) in enumerate(zip(self.tables, engines(self.tables), strict=True)):
            rows = Rows(table, self.kinds, self.scales, needed, tests, per, self.calendar)
            answer = engine.groups(Groups(rows, kept, self.precisions, self._unexpected(needed)))
            if answer is None:
                return None
            answers.append(answer.with_columns(pl.lit(place, dtype=pl.UInt32).alias(SOURCE)))
        groups = pl.concat(answers, how="vertical_relaxed")
        sums = [
            (pl.col(part.name).cast(pl.Int128) * 10 ** (DECIMALS - self.precisions[str(part.of)].decimals))
            for part in kept if part.what == "sum"
        ]  # fmt: skip
        others = [part.name for part in kept if part.what != "sum"]
        return groups.select(*keys.packed(pl.col(ODD)), pl.col(ROWS).cast(pl.Int64), *others, *sums)

    def _expected(self, parts: Collection[Part], per: str | None, keys: Keys) -> pl.DataFrame:
        """Return the parts of the expected rows; unexpected ones have the key `UNEXPECTED`."""
        needed = self._needed(parts, whole=per is None)
        kept = [part for part in parts if part.what not in {"refused", "unsure"}]
        batches = self._batches() if per is None else [range(len(self.tables))]
        frames = (self.rows(needed, per, tables=batch) for batch in batches)
        return pl.concat([self.groups(rows, kept, keys, self._unexpected(needed)) for rows in frames])

    def _batches(self) -> list[range]:
        """Return the tables that are aggregated together, as groups of a table are of no other.

        A pass over all of them would hold the groups of all: beyond a million Polars keeps rows until the end.
        """
        batches, first, held = [], 0, 0
        for place, table in enumerate(self.tables):
            size = table.size or 0
            if place > first and held + size > BATCH:
                batches.append(range(first, place))
                first, held = place, 0
            held += size
        return [*batches, range(first, len(self.tables))]

    def completed(self, expected: pl.DataFrame, parts: Collection[Part], per: str | None, keys: Keys) -> pl.DataFrame:
        """Complete the parts of the expected rows by those of the unexpected ones."""
        scaled = [
            _times(pl.col(part.name), self._parts(part), wide=part.what == "sum").alias(part.name)
            for part in parts
            if part.what in {"sum", "min", "max"} and self.kinds[str(part.of)] in NUMBERS and self._parts(part) > 1
        ]
        none = [part.name for part in parts if part.what in {"refused", "unsure"} and self.careful]
        # Rows are counted once, in the pass over all of them.
        lost = [REFUSED, *(of_table.bad(name) for name in sorted(self.second or ()))] if per is None else []
        zero = pl.lit(0, pl.UInt32)
        aggregates = expected.with_columns(*scaled, *(zero.alias(name) for name in (*none, *lost, ODD)))
        if (expected[KEY] == UNEXPECTED).any():
            others = self._others(parts, per, keys, lost).with_columns(pl.col(ROWS).alias(ODD))
            aggregates = aggregates.filter(pl.col(KEY) != UNEXPECTED)
            aggregates = pl.concat([aggregates, others.select(aggregates.columns)], how="vertical_relaxed")
        return keys.unpacked(aggregates)

    @property
    def careful(self) -> bool:
        """Whether there may be rows that a measure needs but cannot use."""
        return self.second != frozenset() or self.tables[0].repeats is not None

    def _parts(self, part: Part) -> int:
        return self.scales[str(part.of)].parts

    def _others(self, parts: Collection[Part], per: str | None, keys: Keys, lost: Sequence[str]) -> pl.DataFrame:
        """Return the parts of the unexpected rows, after a second look at their cells."""
        needed = self._needed(parts, whole=per is None)
        parts = [part for part in parts if part.what not in {"refused", "unsure"} or self.careful]
        every = needed if per is not None else sorted(self.kinds)
        numbers = [name for name in every if self.kinds[name] in NUMBERS]
        columns = [cell(name) for name in every] + [
            of(name) for name in numbers for of in (exact, of_table.bad, of_table.typed)
        ]
        unexpected = self._unexpected(needed)
        frame = self.rows([], per, only=unexpected, columns=columns, second=self.second or frozenset())
        wide = self.wide()
        tests = {where: self.decided(where, frame) for where in sorted({part.where for part in parts if part.where})}
        frame = frame.with_columns(
            *(wide.precisions[name].whole(pl.col(exact(name))).alias(f"s {name}") for name in _summed(parts)),
        )
        sums = {} if per is not None else {REFUSED: self.refused(frame)}
        sums |= {name: self.lost(name.removeprefix(of_table.bad("")), frame) for name in lost[1:]}
        others = _collected(
            frame.group_by(keys.packed()).agg(
                pl.len().alias(ROWS),
                *(self._second(part, tests.get(part.where or ""), frame).alias(part.name) for part in parts),
                *(item.sum().alias(name) for name, item in sums.items()),
            )
        )
        return others.with_columns(
            wide.precisions[str(item.of)].billionths(pl.col(item.name)) for item in parts if item.what == "sum"
        )

    def _second(self, part: Part, test: Decided | None, frame: pl.LazyFrame) -> pl.Expr:
        """Return a part as an aggregation over rows after a second look."""
        test = test or self.decided(None, frame)
        if part.what in {"refused", "unsure"}:
            return self._refused(part, test).sum()
        if part.what == "blank":
            return (test.value.is_null() & pl.col(cell(str(part.of))).is_null()).sum()
        if part.of is None:
            return test.holds.sum() if part.where else pl.len()
        value = {"sum": f"s {part.of}", "min": exact(part.of), "max": exact(part.of)}.get(part.what, cell(part.of))
        kept = pl.when(test.holds).then(pl.col(value))
        if part.what == "filled":
            return kept.is_not_null().sum()
        return {"sum": kept.sum(), "min": kept.min(), "max": kept.max()}[part.what]

    def decided(self, where: str | None, frame: pl.LazyFrame) -> Decided:
        """Decide a condition over rows after a second look; a row that contradicts another is open."""
        outcome = decided(where, self.kinds, lambda name: pl.col(of_table.bad(name)), self.calendar)
        if CLASH not in frame.collect_schema():
            return outcome
        clash = pl.col(CLASH)
        return Decided(outcome.holds & ~clash, outcome.open | (outcome.holds & clash), outcome.value)

    def _refused(self, part: Part, test: Decided) -> pl.Expr:
        """Return whether a measure needs a row that it cannot use."""
        if part.of is None:
            return test.open
        if self.kinds[part.of] not in NUMBERS:
            return test.open & pl.col(cell(part.of)).is_not_null()
        unread = pl.col(of_table.bad(part.of))
        if part.what == "unsure":
            unread |= pl.col(of_table.typed(part.of))
        return ((test.holds | test.open) & unread) | (test.open & pl.col(cell(part.of)).is_not_null())

    def refused(self, frame: pl.LazyFrame) -> pl.Expr:
        """Return whether some measure needs a row that it cannot use, after a second look."""
        return pl.any_horizontal(self._by_measure(frame).values())

    def lost(self, name: str, frame: pl.LazyFrame) -> pl.Expr:
        """Return whether the cell of a number is unreadable and some measure needs it."""
        needed = [
            item
            for key, item in self._by_measure(frame).items()
            if name in reads(self.measures[key].where) or name in self.measures[key].columns()
        ]
        unread = pl.col(of_table.bad(name))
        if any(self.assumes(measure) for measure in self.measures.values() if name in measure.columns()):
            unread |= pl.col(of_table.typed(name))
        return unread & pl.any_horizontal(needed) if needed else pl.lit(value=False)

    def _by_measure(self, frame: pl.LazyFrame) -> dict[str, pl.Expr]:
        lost = {}
        for name, item in self.measures.items():
            needed = self._refused(self.refusal(item), self.decided(item.where, frame))
            lost[name] = needed if item.per is None else needed & pl.col(cell(item.per)).is_not_null()
        return lost

    def refusal(self, measure: Measure) -> Part:
        """Return the part that counts the rows that a measure needs but cannot use."""
        of = measure.taken_from or None
        return Part("unsure" if self.assumes(measure) else "refused", measure.where, of)

    def factor(self, measure: Measure) -> Fraction | None:
        """Return the factor of figures into the unit of a measure, None if there is none."""
        if not measure.computes:
            return Fraction(1)
        return self.scales[measure.taken_from].into(measure.quantity)

    def misfits(self) -> list[Diagnostic]:
        """Return the findings about measures whose dimension differs from that of their column."""
        findings = []
        for name, item in self.measures.items():
            if self.factor(item) is None:
                of = item.taken_from
                unit, shown = self.scales[of].unit, as_written(of)
                message = Message(
                    "`{title}` is kept in {unit}, and the figures of `{column}` are in {other}",
                    title=item.title or name,
                    unit=item.unit,
                    column=shown,
                    other=Message("units that do not go together") if unit == UNFIT else unit,
                )
                header = shown if item.computed else self.tables[0].numbers[of].header
                place = self.tables[0].source.table.place(None, header)
                findings.append(
                    Diagnostic("K605", message, place, Message("correct the unit of the measure or the heading"))
                )
        return findings

    def assumes(self, measure: Measure) -> bool:
        """Return whether a measure assumes its unit for figures without one, though others have another dimension."""
        if not measure.computes:
            return False
        scale = self.scales[measure.taken_from]
        return scale.assumed and scale.unit is not None and scale.unit.dimension != measure.quantity.dimension

    def groups(
        self, frame: pl.LazyFrame, parts: Collection[Part], keys: Keys, apart: pl.Expr | None = None
    ) -> pl.DataFrame:
        """Aggregate rows to parts by their key; rows that are kept `apart` have the key `UNEXPECTED`."""
        where = {text: f"?{place}" for place, text in enumerate(sorted({part.where for part in parts if part.where}))}
        calendar = self.calendar
        if calendar is not None:
            dates = self.counted_from() & {name for text in where for name in reads(text)}
            frame, calendar = calendar.with_numbers(frame, sorted(map(cell, dates)))
        frame = frame.with_columns(
            *(self.precisions[name].whole(pl.col(cell(name))).alias(f"s {name}") for name in _summed(parts)),
            *(condition(text, self.kinds, calendar).alias(name) for text, name in where.items()),
        )
        implied = {part: Part("rows", part.where) for part in parts if part.what == "filled" and part.of in self.full}
        kept = dict.fromkeys(implied.get(part, part) for part in parts)
        aggregates = _collected(
            frame.group_by(keys.packed(apart)).agg(
                pl.len().alias(ROWS), *(_kept(item, where).alias(item.name) for item in kept)
            )
        )
        others = [pl.col(implied.get(part, part).name).alias(part.name) for part in parts if part.what != "sum"]
        sums = (self.precisions[str(part.of)].billionths(pl.col(part.name)) for part in parts if part.what == "sum")
        return aggregates.select(*keys.names, ROWS, *others, *sums)

    def _unexpected(self, needed: Collection[str]) -> pl.Expr:
        """Return whether a row has a non-numeric, out-of-precision or unexpectedly empty cell.

        Dates between which working days cannot be counted are unexpected, too.
        """
        raw = {name: pl.col(cell(name)) for name in needed if self.kinds[name] in NUMBERS}
        odd = [self.precisions[name].beyond(value) for name, value in raw.items()]
        odd += [value.is_null() for name, value in raw.items() if name in self.full]
        there = set(map(cell, needed))
        odd += [item for item in self.uncounted if there.issuperset(item.meta.root_names())]
        odd += [pl.col(CLASH)] if self.tables[0].repeats is not None else []
        return pl.any_horizontal(odd) if odd else pl.lit(value=False)

    def wide(self) -> Aggregation:
        """Return the pass in 128 bits, without assumptions about numbers."""
        return replace(
            self, precisions=dict.fromkeys(self.precisions, Precision()), most=float("inf"), full=frozenset(),
            remote=False,
        )  # fmt: skip

    def rows(
        self, needed: Collection[str], per: str | None = None, span: Span | None = None, extra: Collection[str] = (),
        *, only: pl.Expr | None = None, columns: Collection[str] = (), second: Collection[str] | None = None,
        tables: Sequence[int] | None = None,
    ) -> pl.LazyFrame:  # fmt: skip
        """Return the rows of all tables: `SOURCE` when there are several, `WHO`, `MONTH`, cells, `PER`.

        With finer units these are the rows that name one, those of the `share` if there is one.

        Args:
            needed: the columns whose cells are read.
            per: the column of finer units.
            span: the months.
            extra: other columns.
            only: a condition on rows.
            columns: further columns of rows after a second look.
            second: the numbers whose cells get a second look.
            tables: the positions of the tables, None for all.
        """
        frames = []
        finer = [] if per is None else [FINER if self.share is not None else cell(per)]
        if per is not None and self.share is not None:
            only = self.share if only is None else self.share & only
        for place in range(len(self.tables)) if tables is None else tables:
            item = self.tables[place]
            names = dict.fromkeys([WHO, MONTH, *extra, *map(cell, needed), *columns, *finer])
            rows = item.rows(names, span, only, second=second, scales=self.scales)
            for name in finer:
                rows = rows.with_columns(pl.col(name).alias(PER))
                rows = rows if self.share is not None else rows.filter(pl.col(PER).is_not_null())
            if len(self.tables) > 1:
                rows = rows.with_columns(pl.lit(place, dtype=pl.UInt32).alias(SOURCE))
            frames.append(rows)
        return progress.counted(pl.concat(frames) if len(frames) > 1 else frames[0])

    def verified(self, parts: Collection[Part]) -> tuple[pl.DataFrame, Aggregation]:
        """Return the parts of every group, and the aggregation that was used.

        That is this one, or one with a second look at some cells, or, if a group has more rows than expected, one in
        128 bits.
        """
        keys = _Keys(len(self.tables) > 1)
        over, aggregates = self._first_pass(parts, None, keys)
        odd = (aggregates[KEY] == UNEXPECTED).any()
        over = over.with_second_look() if odd else replace(over, second=frozenset())
        aggregates = over.completed(aggregates, parts, None, keys)
        if (aggregates.filter(pl.col(ODD) == 0)[ROWS].max() or 0) <= self.most:  # type: ignore[operator]
            return aggregates, over
        wide = over.wide()
        return wide.partials(parts), wide

    def with_second_look(self) -> Aggregation:
        """Return the pass with the numbers whose cells need a second look, and their units."""
        scales, second, notes = dict(self.scales), set[str](), list(self.notes)
        for table in self.tables:
            second |= set(table.unsettled())
        second |= self.counted_from()
        for name in sorted(second):
            pairs = {(table, pair) for table in range(len(self.tables)) for pair in self.tables[table].units_of(name)}
            words = {typed or row for _, (row, typed) in pairs}
            if scales[name].unit is None and len(words) == 1 and (unit := _unit(*words)) is not None:
                scales[name] = Scale(unit)
                message = Message(
                    "`{column}` has no unit in its heading; that of its cells, {unit}, is taken for all of them",
                    column=name,
                    unit=unit,
                )
                place = self.tables[0].source.table.place(None, name)
                notes.append(Diagnostic("K633", message, place, None, Severity.INFO))
            factors = [self.tables[at].reader(name, scales[name]).factor(*pair)[0] for at, pair in pairs]
            scales[name] = finer(scales[name], factors)
        return replace(self, scales=scales, second=frozenset(second), notes=tuple(notes))

    def counted_from(self) -> set[str]:
        """Return the columns of dates between which working days are counted."""
        roots = {root for item in self.uncounted for root in item.meta.root_names()}
        return {name for name, kind in self.kinds.items() if kind == "time" and cell(name) in roots}

    def lost_of(self, place: int, counts: Mapping[str, int]) -> Lost | None:
        """Return the unreadable cells of one table, None if there are none.

        Args:
            place: the position of the table.
            counts: the number of cells, by column.
        """
        items = {name: many for name, many in counts.items() if many}
        if not items:
            return None
        needed = self.second or frozenset()
        frame = self.tables[place].rows([], second=needed, scales=self.scales)
        return Lost(items, lambda name: self.lost(name, frame), needed, self.scales)

    def _needed(self, parts: Collection[Part], *, whole: bool) -> list[str]:
        """Return the columns that parts need; in the pass over all rows also every column of numbers."""
        names = {part.of for part in parts if part.of is not None}
        names |= {name for text in names if self.kinds[text] == "computed" for name in reads(text)}
        names |= {name for part in parts for name in reads(part.where)}
        every = {name for name, kind in self.kinds.items() if kind in (*NUMBERS, "period")}
        return sorted(names | (every if whole else set()))


class Keys(Protocol):
    """The key of groups, packed into an integer (`KEY`), as a key of texts takes three times as long."""

    @property
    def names(self) -> list[str]:
        """The names of the key columns."""

    def packed(self, apart: pl.Expr | None = None) -> list[pl.Expr]:
        """Return the keys of rows; the key of rows kept apart is `UNEXPECTED`."""

    def unpacked(self, groups: pl.DataFrame) -> pl.DataFrame:
        """Return groups with the columns of their key in its place."""


class _Keys(Struct, frozen=True):
    """The key of name, month and table, of which the name is the position of its text among those seen.

    With `per` the finer unit as written is a column beside it.
    """

    several: bool
    per: bool = False
    seen: pl.Series = field(default_factory=places)

    @property
    def names(self) -> list[str]:
        """The names of the key columns."""
        return [KEY, *([PER] if self.per else [])]

    def packed(self, apart: pl.Expr | None = None) -> list[pl.Expr]:
        """Return the key of rows, never null: a null part is -1; the key of rows kept apart is `UNEXPECTED`."""
        who = pl.col(WHO).cast(self.seen.dtype).to_physical().cast(pl.Int64).fill_null(-1)
        key = who * _MONTHS + pl.col(MONTH).fill_null(-1)
        if self.several:
            key += pl.col(SOURCE).cast(pl.Int64) * (_MONTHS << 32)
        if apart is not None:
            key = pl.when(apart).then(pl.lit(UNEXPECTED, pl.Int64)).otherwise(key)
        return [key.alias(KEY), *([pl.col(PER)] if self.per else [])]

    def unpacked(self, groups: pl.DataFrame) -> pl.DataFrame:
        """Unpack the key of groups into the columns `SOURCE`, `WHO` and `MONTH`."""
        key = pl.col(KEY) + _MONTHS + 1
        month, who = key % _MONTHS, key // _MONTHS % (1 << 32)
        keys = groups.select(
            (key // (_MONTHS << 32)).cast(pl.UInt32).alias(SOURCE),
            pl.when(who > 0).then(who - 1).cast(pl.UInt32).alias(WHO),
            pl.when(month > 0).then(month - 1).cast(pl.Int32).alias(MONTH),
        )
        who_text = keys[WHO].cat.to(self.seen.dtype).cast(pl.String)
        return groups.drop(KEY).with_columns(keys[SOURCE], who_text, keys[MONTH])


def aggregation(
    tables: Sequence[Events], kinds: Mapping[str, str], measures: Mapping[str, Measure], scales: Mapping[str, Scale],
    parts: Collection[Part], *, calendar: WorkingDays | None = None,
) -> Aggregation:  # fmt: skip
    """Return the pass over the tables of a dataset, with precisions from their first rows.

    Args:
        tables: the tables of the dataset.
        kinds: the kind of each column that is read or computed.
        measures: the measures of the dataset.
        scales: the units of the numbers.
        parts: all parts of the measures.
        calendar: the working days, None where nothing is counted in them.
    """
    texts = dict.fromkeys(expressions_of(list(measures.values())))
    beyond = [test for text in texts for test in uncounted(text, kinds, calendar)] if calendar is not None else []
    numbers = [name for name, kind in kinds.items() if kind in NUMBERS]
    wide = Aggregation(
        tables, kinds, measures, scales, dict.fromkeys(numbers, Precision()), calendar=calendar,
        uncounted=tuple(beyond),
    )  # fmt: skip
    if at := engines(tables):
        chosen = {name: at[0].precision(scales[name], kinds[name]) for name in numbers}
        return replace(wide, precisions=chosen, remote=True)
    sizes = [size for table in tables if (size := table.size) is not None]
    total = sum(sizes)
    if not numbers or len(sizes) < len(tables) or total <= SMALL:
        return wide
    heads = [table.head([WHO, MONTH, *map(cell, numbers)], _HEAD).collect() for table in tables]
    head = pl.concat(heads)
    if not head.height:
        return wide
    keys = pl.concat(item.head([WHO, MONTH], _head(size)) for item, size in zip(tables, sizes, strict=True))
    groups = keys.group_by(WHO, MONTH).len().select(pl.col("len").max(), rows=pl.col("len").sum()).collect()
    rows = total * groups["len"].item() / groups["rows"].item()
    chosen, most = precisions(head.select(valid(name).alias(name) for name in _summed(parts)), rows)
    full = frozenset(name for name in numbers if not head[cell(name)].null_count())
    return replace(wide, precisions={**wide.precisions, **chosen}, most=most, full=full)


def engines(tables: Sequence[Events]) -> list[Engine]:
    """Return the engines of tables that are elsewhere, with all their rows; none where a table is here."""
    items = [table.source.table.elsewhere for table in tables]
    own = [item for item in items if isinstance(item, Engine)]
    every = len(own) == len(items) and all(table.repeats is None for table in tables)
    if len(own) > 1 and any(item.alone for item in own):
        return []
    return own if every and len({type(item) for item in own}) == 1 else []


def grouped(request: Groups) -> pl.DataFrame:
    """Answer a request for groups with the pass over rows that are here, see `remote.Engine.groups`."""
    rows = request.rows
    over = Aggregation([rows.events], rows.kinds, {}, rows.scales, request.precisions, calendar=rows.calendar)
    keys = _Keys(several=False, per=rows.per is not None)
    groups = over.groups(over.rows(rows.needed, rows.per), request.parts, keys, request.odd)
    odd = pl.col(KEY) == UNEXPECTED
    named = keys.unpacked(groups.with_columns(odd.alias(ODD), pl.when(~odd).then(KEY).otherwise(_NOBODY).alias(KEY)))
    return named.drop(SOURCE)


def merged(groups: pl.DataFrame, parts: Collection[Part]) -> pl.DataFrame:
    """Merge the groups of several parts of a table, as `grouped` returns them."""
    keys = [name for name in (WHO, MONTH, PER, ODD) if name in groups.columns]
    whole = [
        part.merged() if part.what in {"sum", "min", "max"} else pl.col(part.name).cast(pl.Int64).sum()
        for part in parts
    ]
    return groups.group_by(keys).agg(pl.col(ROWS).cast(pl.Int64).sum(), *whole)


def _head(size: int) -> int:
    """Return how many rows of a table of some size are inspected to estimate the sizes of groups."""
    return min(max(size // 50, _HEAD), _HEADS)


def _collected(groups: pl.LazyFrame) -> pl.DataFrame:
    """Collect a `group_by` of events; the command line tunes Polars for it (`kpi.process.tuning`)."""
    return groups.collect(engine="streaming")


def named_alike(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows or groups with their finer units as names are compared, without those that are of none."""
    return rows.with_columns(as_names(rows[PER]).alias(PER)).filter(pl.col(PER).is_not_null())


def _summed(parts: Collection[Part]) -> list[str]:
    """Return the columns that are summed."""
    return sorted({str(part.of) for part in parts if part.what == "sum"})


def _times(part: pl.Expr, parts: int, *, wide: bool) -> pl.Expr:
    """Return a part in fractions of its unit; with `wide` as integers of 128 bits."""
    return (part.cast(pl.Int128) if wide else part) * parts


def _unit(text: str | None) -> Unit | None:
    try:
        return parse(literal(text or ""))
    except UnitError:
        return None


def _kept(part: Part, where: Mapping[str, str]) -> pl.Expr:
    """Return a part as an aggregation; each condition is a column that parts share."""
    matched = None if part.where is None else pl.col(where[part.where])
    if part.of is None:
        return pl.len() if matched is None else matched.sum()
    value = pl.col(f"s {part.of}" if part.what == "sum" else cell(part.of))
    if part.what == "blank":
        return (matched.is_null() & value.is_null()).sum()  # type: ignore[union-attr]
    if part.what == "filled":
        return value.is_not_null().sum() if matched is None else (matched & value.is_not_null()).sum()
    if part.what == "sum":
        # Without nulls the sum is faster, and an empty sum is 0 anyway.
        return (value if matched is None else pl.when(matched).then(value).otherwise(0)).sum()
    kept = value if matched is None else pl.when(matched).then(value)
    return kept.min() if part.what == "min" else kept.max()
