"""The rows of tables of events as typed columns for aggregation, and the location of bad rows.

A scan reads only the columns that measures need, joins nothing and numbers no rows: the name of an entity stays a text,
and bad rows are only counted. If there are any, a further scan of the bad rows alone locates them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from functools import cache, partial, reduce
from operator import or_

import polars as pl
from msgspec import Struct, field

from kpi.errors import Diagnostic, Message, count
from kpi.intake import row_findings
from kpi.intake.cells import instants
from kpi.intake.cells.cell_text import as_text
from kpi.intake.cells.numbers import LARGEST, mark_hint, undecided
from kpi.intake.cells.text_folding import Folding
from kpi.intake.entities import BESIDE, Entities
from kpi.intake.events.conditions import (
    cell,
    reads,
    shortest_text,
    truth_text,
    truth_words,
    uncounted,
    unreadable,
    value_of,
)  # fmt: skip
from kpi.intake.events.units import LENGTHLESS, READING, NumberColumn, Reader, Scale, converted
from kpi.intake.files.headers import clean
from kpi.intake.files.merged_cells import SPLIT, of_several, range_of
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import Placed, column_of, is_unit
from kpi.intake.matching.entity_codes import entity_text, repeats_heading
from kpi.intake.matching.notation import decimal_finding, notation_of
from kpi.language import expressions
from kpi.language.expressions.terms import ExpressionError, Scope, Term
from kpi.language.expressions.times import PERIOD_END
from kpi.language.measures import Measure, OfRows
from kpi.language.record_columns import DURATIONS, READ_AS_NUMBERS, computed, term_of
from kpi.values import period_texts, periods
from kpi.values.patterns import regex
from kpi.values.periods import FIRST_YEAR, LAST_YEAR, Grain
from kpi.values.timelines import Timeline
from kpi.values.units import WORKING_DAY, Unit
from kpi.values.working_days import WorkingDays

WHO, MONTH, ORDER, CLASH, FINER = "#who", "#month", "#order", "#clash", "#finer"

#: The first and the last month that are read, counted as those of periods.
Span = tuple[int, int]

#: Headers of columns of units of measure; 单位 alone is as often an organisation.
_UNITS = ("计量单位", "数据单位", "指标单位", "数值单位", "unit", "units", "unit_of_measure", "measurement_unit")


def exact(column: str) -> str:
    """Return the name of the column of a number in the parts that are summed (`Scale.parts`)."""
    return f"x {column}"


def bad(column: str) -> str:
    """Return the name of the column (Boolean) of unreadable cells of a number."""
    return f"b {column}"


def typed(column: str) -> str:
    """Return the name of the column (Boolean) of figures of a number that have their own unit."""
    return f"t {column}"


class Repeats(Struct, frozen=True):
    """Rows of a table (`ROW`): those left out, as totals or repetitions, and those that contradict another."""

    left_out: pl.Series
    clashing: pl.Series


class Events(Struct, frozen=True):
    """One table of events.

    Attributes:
        source: the table.
        grain: the grain of the scored periods.
        columns: the expressions over its cells, by name: `WHO` (String, the name or code as written), `MONTH` (Int32,
            null without a date, see `dated`), `ORDER` (Int32, the position in time), and texts and numbers as
            `cell(column)`: texts trimmed and in half-width, numbers in the unit of their column, NaN or infinite if
            the cell needs a second look (`looked_at`).
        numbers: the column of each number.
        scales: the units of numbers.
        repeats: the rows that are totals or whose event has further rows, if the dataset has such.
        kinds: the kind of each column.
        computed: expressions over the columns, which are numbers, too.
        calendar: the working days that these are counted in, None where nothing is counted in them.
    """

    source: Placed
    grain: Grain
    columns: Mapping[str, pl.Expr]
    numbers: Mapping[str, NumberColumn]
    scales: Mapping[str, Scale]
    repeats: Repeats | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    computed: tuple[str, ...] = ()
    calendar: WorkingDays | None = None

    def rows(
        self, names: Iterable[str], span: Span | None = None, only: pl.Expr | None = None, *,
        second: Collection[str] | None = None, scales: Mapping[str, Scale] | None = None,
    ) -> pl.LazyFrame:  # fmt: skip
        """Return some of the columns of the rows in a span of months.

        A column of dates is filtered before anything is computed, so that a scan can prune.

        Args:
            names: the names of the columns.
            span: the months.
            only: a condition over the columns `cell(...)`.
            second: the numbers whose cells get a second look, None for no second look.
            scales: the units for that.
        """
        cells, done = self.kept(), set[str]()
        if span is not None:
            cells = cells.filter(self._within(*span))
        if only is not None:
            done = {name for name in only.meta.root_names() if name in self.columns}
            cells = cells.with_columns(self.columns[name].alias(name) for name in sorted(done)).filter(only)
        wanted = dict.fromkeys([*names, *([CLASH] if self.repeats is not None else [])])
        if second is not None:
            return self._mapped(self.looked_at(cells, second, scales or self.scales).select(*wanted))
        return self._mapped(
            cells.select(
                pl.col(name) if name in done or name == CLASH else self.columns[name].alias(name) for name in wanted
            )
        )

    def _mapped(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        return self.source.table.mapped(rows)

    def looked_at(self, cells: pl.LazyFrame, second: Collection[str], scales: Mapping[str, Scale]) -> pl.LazyFrame:
        """Return all columns of cells, with a second look at the cells of some numbers.

        Numbers also have the columns `exact`, `bad` and `typed`; those not in `second` need no second look.
        """
        plain = [number for number in self.numbers if number not in second]
        later = {*map(cell, second), *map(cell, self.computed)}
        frame = cells.with_columns(
            *(expr.alias(name) for name, expr in self.columns.items() if name not in later),
            *(self._reading(name, scales[name]).alias(f"r {name}") for name in second),
        )
        struct = {"value": cell, "exact": exact, "bad": bad, "typed": typed}
        frame = frame.with_columns(
            *(pl.col(f"r {name}").struct.field(part).alias(of(name)) for name in second for part, of in struct.items()),
            *(valid(name).alias(cell(name)) for name in plain),
            *((valid(name) * scales[name].parts).alias(exact(name)) for name in plain),
            *(pl.lit(value=False).alias(of(name)) for name in plain for of in (bad, typed)),
        )
        return self._with_computed(frame) if self.computed else frame

    def _with_computed(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Add the computed columns, over cells that had a second look."""

        def scope(name: str) -> Term:
            return term_of(name, self.kinds, pl.col(cell(name)), self._unit_of(name))

        columns: list[pl.Expr] = []
        for text in self.computed:
            value = _value(text, scope, self.calendar)
            odd = unreadable(text, self.kinds, lambda name: pl.col(bad(name)))
            odd = reduce(or_, uncounted(text, self.kinds, self.calendar), odd)
            odd |= (value.abs() > LARGEST).fill_null(value=False)
            known = pl.when(~odd).then(value)
            columns += [known.alias(cell(text)), known.alias(exact(text)), odd.alias(bad(text))]
            columns.append(pl.lit(value=False).alias(typed(text)))
        return frame.with_columns(columns)

    def _unit_of(self, name: str) -> Unit | None:
        return self.scales[name].unit if name in self.scales else None

    def _reading(self, name: str, scale: Scale) -> pl.Expr:
        column = self.numbers[name]
        return _mapped(column, Reader(column, scale).read, READING)

    def kept(self) -> pl.LazyFrame:
        """Return the cells of the rows that count, with `CLASH` for those that contradict another, if there are any."""
        table = self.source.table
        if self.repeats is None:
            return table.raw
        rows = table.numbered(blank=True).filter(~pl.col(ROW).is_in(self.repeats.left_out.implode()))
        return rows.with_columns(pl.col(ROW).is_in(self.repeats.clashing.implode()).alias(CLASH))

    @property
    def size(self) -> int | None:
        """The number of rows of the file, rows of other periods included, if it is known."""
        return (self.source.table.whole or self.source.table).size

    def head(self, names: Iterable[str], rows: int) -> pl.LazyFrame:
        """Return some of the columns of the first rows of the file, whatever their period."""
        cells = (self.source.table.whole or self.source.table).raw.head(rows)
        return cells.select(self.columns[name].alias(name) for name in names)

    def _within(self, first: int, last: int) -> pl.Expr:
        when = self.source.roles["period"]
        dtype = self.source.table.frame.collect_schema()[when]
        if dtype == pl.Date or (isinstance(dtype, pl.Datetime) and dtype.time_zone is None):
            start, end = (self.grain.timeline.first_day(month) for month in (first, last + 1))
            return pl.col(when).is_between(pl.lit(start).cast(dtype), pl.lit(end).cast(dtype), closed="left")
        return self.columns[MONTH].is_between(first, last)

    # ---- BAD ROWS ---- #

    def blank(self) -> int:
        """Count the blank rows, which are no rows of data."""
        blank = self.source.table.frame.select(pl.all_horizontal(pl.all().is_null()).sum().alias("rows"))
        return int(self._mapped(blank).collect()["rows"].sum())

    def reader(self, name: str, scale: Scale) -> Reader:
        """Return the reader of the cells of a number."""
        return Reader(self.numbers[name], scale)

    def unsettled(self) -> list[str]:
        """Return the numbers with cells that need a second look."""
        odd = {name: pl.col(cell(name)).abs() > LARGEST for name in self.numbers}
        if not odd:
            return []
        rows = self.rows(map(cell, odd), only=pl.any_horizontal(odd.values()))
        odd_columns = rows.select(test.any().alias(name) for name, test in odd.items()).collect().row(0, named=True)
        return [name for name, any_odd in odd_columns.items() if any_odd]

    def units_of(self, name: str) -> list[tuple[str | None, str | None]]:
        """Return the distinct units (of the row, typed) of the cells of a number that need a second look."""
        column = self.numbers[name]
        cells = self.kept().with_columns(self.columns[cell(name)].alias(cell(name)))
        cells = cells.filter(pl.col(cell(name)).abs() > LARGEST)
        kind = pl.Struct({"row": pl.String, "typed": pl.String, "bad": pl.Boolean})
        seen = cells.select(_mapped(column, Reader(column, self.scales[name]).seen, kind).alias("seen"))
        items = seen.unnest("seen").filter(~pl.col("bad")).select("row", "typed")
        items = self.source.table.distinct(items).sort(pl.all())
        return items.collect(engine="streaming").rows()

    def is_left_out(self, entities: Entities, text: str) -> bool:
        """Return whether an unknown name is that of a total or the like, or repeats the heading."""
        code, _, name = text.rpartition(BESIDE)
        excluded = bool(name) and entities.excluded(name)
        return excluded or any(repeats_heading(self.source, item) for item in (name, code) if item)

    def rows_of(self, texts: Sequence[str]) -> pl.DataFrame:
        """Return the rows (`ROW`, text) with some names or codes."""
        rows = self.numbered().select(ROW, text=self.columns[WHO])
        mine = rows.filter(pl.col("text").is_in(pl.Series(texts, dtype=pl.String).implode()))
        return self._mapped(mine).collect().sort(ROW)

    def undeclared_commas(self, names: Iterable[str]) -> set[str]:
        """Return the headers of columns of numbers that have undeclared decimal commas."""
        headers = set()
        for name in names:
            column = self.numbers[name]
            if column.dates is not None or column.notation.unclear or column.notation.decimal != ".":
                continue
            odd = self.source.table.raw.filter(self.columns[cell(name)].abs() > LARGEST)
            cells = (
                self.source.table.distinct(odd.select(pl.col(column.header).cast(pl.String)))
                .collect()
                .to_series()
                .alias("cells")
            )
            if undecided(cells, cells, column.notation).any():
                headers.add(column.header)
        return headers

    def findings(
        self, entities: Entities, unknown: Sequence[str], strangers: int, undated: int, lost: Lost | None,
        *, passed: Sequence[str] = (),
    ) -> list[Diagnostic]:  # fmt: skip
        """Return the findings about rows, the first of each kind.

        Args:
            entities: the entities.
            unknown: the unknown names and codes.
            strangers: the number of rows with an unknown name or none.
            undated: the number of rows without a usable date.
            lost: the unreadable cells of numbers, None if there are none.
            passed: the names of rows that are left out.
        """
        table, when = self.source.table, self.source.roles["period"]
        findings: list[Diagnostic] = []

        def nobody_of(row: dict[str, object]) -> row_findings.Finding:
            code, _, name = str(row["text"] or "").rpartition(BESIDE)
            if not clean(name or code):
                return "K602", Message("the row names no entity"), None
            finding = entities.unknown(name or code, table.place())
            return finding.code, finding.message, finding.hint

        if strangers:
            named = self.columns[WHO]
            text = pl.when(named.str.strip_chars() != "").then(named)
            nobody = text.is_null() | text.is_in(pl.Series(unknown, dtype=pl.String).implode())
            rows = self._first(nobody, text)
            findings += row_findings.of_rows(table, rows, self.source.who, nobody_of, further=strangers - rows.height)
        if undated:
            known = ~self.columns[WHO].is_in(pl.Series(passed, dtype=pl.String).implode()).fill_null(value=False)
            rows = self._first(~dated(self.columns[MONTH], self.grain) & known, pl.col(when).cast(pl.String))
            bad_date = partial(_bad_date, self.grain, self.source.dataset.dates, self._other_date(when))
            findings += row_findings.of_rows(table, rows, when, bad_date, further=undated - rows.height)
        if lost is not None:
            unusable = pl.Series([*unknown, *passed], dtype=pl.String).implode()
            usable = dated(pl.col(MONTH), self.grain) & ~pl.col(WHO).is_in(unusable).fill_null(value=True)
            for name, many in lost.cells.items():
                findings += self._of_number(name, many, lost, usable)
        return findings

    def _of_number(self, name: str, many: int, lost: Lost, usable: pl.Expr) -> list[Diagnostic]:
        """Return the findings about unreadable cells of a number, in otherwise usable rows."""
        table, column = self.source.table, self.numbers[name]
        reader = Reader(column, lost.scales[name])
        lacking = reader.scale.declared and column.unit is None
        if reader.plain is None and not lacking:
            # The unit of the heading applies to all cells.
            _, misfit = reader.factor(None, None)
            message = Message(
                "the unit of `{column}` {fault}: {rows} refused",
                column=column.header,
                fault=misfit,
                rows=count(many, "row"),
            )
            hint = reader.unit_hint()
            if column.above and column.unit:
                hint = Message(
                    "单位：{unit} above the table is taken for all that has no unit of its own: "
                    "write it into the header",
                    unit=column.unit,
                )
            return [Diagnostic("K605", message, table.place(None, column.header), hint)]
        cells = self.looked_at(self.numbered(), lost.second, lost.scales).filter(usable & lost.of(name))
        unit = pl.lit(None, dtype=pl.String) if column.by_row is None else _unit(column.by_row)
        cells = self._mapped(cells.select(ROW, text=pl.col(column.header), unit=unit))
        findings: list[Diagnostic] = []
        if lacking and reader.plain is None:
            bare = cells.filter(self._without_unit(reader))
            without = bare.select(pl.len(), pl.col(ROW).min()).collect().row(0)
            findings += [self._lacks_unit(column, reader, *without)] if without[0] else []
            many, cells = many - without[0], cells.join(bare.select(ROW), on=ROW, how="anti")
        rows = cells.bottom_k(row_findings.LIMIT, by=ROW).collect().sort(ROW)
        commas = reader.undecided(rows["text"])
        others, further = rows.filter(~commas), many - rows.height
        if commas.any():
            # The unlisted cells are assumed to be of the same kind.
            items = rows.filter(commas).select(ROW, pl.col("text").cast(pl.String))
            unlisted = 0 if others.height else further
            findings.append(decimal_finding(table, column.header, items, column.notation, unlisted))
            further -= unlisted

        def finding_of(row: dict[str, object]) -> row_findings.Finding:
            if (merged := range_of(str(row["text"]))) is not None:
                return "K533", of_several(*merged), SPLIT
            code, message = reader.problem(row["text"], row["unit"])  # type: ignore[arg-type]
            hint = mark_hint(str(row["text"])) if code == "K604" else None
            if self.kinds[name] in DURATIONS and _OF_MONTHS.fullmatch(clean(str(row["text"]))):
                hint = LENGTHLESS
            elif code == "K605":
                hint = reader.unit_hint(row["unit"], reader.typed_unit(row["text"]))  # type: ignore[arg-type]
            return code, message, _DAYS if "is a date" in message and hint is not LENGTHLESS else hint

        if others.height:
            findings += row_findings.of_rows(table, others, column.header, finding_of, further=further)
        return findings

    def _other_date(self, when: str) -> str | None:
        """Return a column of dates that measures read beside the one of the period, None without one."""
        times = [name for name, kind in self.kinds.items() if kind == "time" and name in self.numbers]
        return next((name for name in times if self.numbers[name].header != when), None)

    @staticmethod
    def _without_unit(reader: Reader) -> pl.Expr:
        """Return whether a cell is a figure without a unit, of its own or of its row."""
        seen = pl.col("text").map_batches(
            lambda cells: (
                reader.seen(cells).struct.unnest().select(~pl.col("bad") & pl.col("typed").is_null()).to_series()
            ),
            return_dtype=pl.Boolean,
        )
        return seen & pl.col("unit").is_null()

    def _lacks_unit(self, column: NumberColumn, reader: Reader, many: int, first: int) -> Diagnostic:
        """Return the finding about figures of a duration without a unit."""
        _, misfit = reader.factor(None, None)
        message = Message(
            "the unit of `{column}` {fault}: {rows} refused",
            column=column.header,
            fault=misfit,
            rows=count(many, "row"),
        )
        hint = Message(
            "write the unit into the heading, {column}（{unit}）, or behind each figure, 5{unit}",
            column=column.header,
            unit=WORKING_DAY if reader.scale.unit == WORKING_DAY else "天",
        )
        if reader.scale.unit != WORKING_DAY:
            hint = Message("{hint}; for working days {unit}", hint=hint, unit=WORKING_DAY)
        return Diagnostic("K468", message, self.source.table.place(first, column.header), hint)

    def numbered(self) -> pl.LazyFrame:
        """Return the cells of the rows that count, with their numbers (`ROW`), and `CLASH` where some contradict."""
        rows = self.source.table.numbered()
        if self.repeats is None:
            return rows
        rows = rows.filter(~pl.col(ROW).is_in(self.repeats.left_out.implode()))
        return rows.with_columns(pl.col(ROW).is_in(self.repeats.clashing.implode()).alias(CLASH))

    def _first(self, wrong: pl.Expr, text: pl.Expr) -> pl.DataFrame:
        """Return the first bad rows: `ROW` and the text of the cell."""
        rows = self.numbered().filter(wrong)
        first = rows.select(ROW, text=text).bottom_k(row_findings.LIMIT, by=ROW)
        return self._mapped(first).bottom_k(row_findings.LIMIT, by=ROW).collect().sort(ROW)


def _bad_date(grain: Grain, order: periods.Order, other: str | None, row: dict[str, object]) -> row_findings.Finding:
    """Return the finding about a row whose date is not usable; `other` is a column of dates that it may be taken by."""
    if row["text"] is None:
        hint = None
        if other is not None:
            hint = Message(
                "what is open has no such date yet: to count it in the period in which it began, write "
                "`columns: {{period: {column}}}`",
                column=other,
            )
        return "K606", Message("the row has no date"), hint
    text = str(row["text"])
    if (problem := period_texts.problem(text, order=order, timeline=grain.timeline)) is not None:
        return "K606", problem, None
    if period_texts.parse_column(pl.Series([text]), order=order, timeline=grain.timeline).select(_inside(grain)).item():
        return "K606", Message("the row has no date"), None
    return "K606", Message("`{text}` is longer than the scored periods", text=text), None


_OF_MONTHS = regex(r"[0-9.]+\s*(?:个?月|个?季度?|年)")
_DAYS = Message("if these are dates to compute with, say so at the dataset: types: {{COLUMN: date}}")


class Lost(Struct, frozen=True):
    """The unreadable cells of numbers in one table that some measure needs.

    Attributes:
        cells: their count, by number.
        of: returns whether a row has such a cell of a number, over the columns of `Events.looked_at`.
        second: the numbers whose cells need a second look.
        scales: their units.
    """

    cells: Mapping[str, int]
    of: Callable[[str], pl.Expr]
    second: Collection[str]
    scales: Mapping[str, Scale]


def number_columns(source: Placed, kinds: Mapping[str, str], unclear: Collection[str] = ()) -> dict[str, NumberColumn]:
    """Return the columns of numbers of a table, with their notation and units.

    Args:
        source: the table.
        kinds: the kind of each column.
        unclear: the headers of columns with undeclared decimal commas.
    """
    by_row = unit_column(source)
    if by_row is not None and by_row in map(clean, kinds):
        by_row = None
    columns = {}
    for name, kind in kinds.items():
        if kind in READ_AS_NUMBERS:
            header, unit = column_of(source.table, name) or (clean(name), None)
            notation = notation_of(source.dataset, source.table, header, unclear)
            if kind == "time":
                columns[name] = NumberColumn(header, notation=notation, dates=source.dataset.dates)
                continue
            columns[name] = NumberColumn(header, unit or source.table.unit, unit is None, by_row, notation)
    return columns


def unit_column(source: Placed) -> str | None:
    """Return the header of the column that has a unit for each row of a table, None where there is none."""
    header = source.roles.get("unit")
    return header if header is not None and _has_units(source, header) else None


def _has_units(source: Placed, header: str) -> bool:
    """Return whether a column has units of measure: by its heading, or by its first rows."""
    if clean(header).casefold() in _UNITS or "unit" in source.dataset.columns:
        return True
    items = (
        source.table.frame.select(_unit(header)).head(_HEAD).collect().to_series().alias("cells").drop_nulls().unique()
    )
    return bool(items.len()) and all(map(is_unit, items))


# How many of the first rows of a column 单位 are inspected.
_HEAD = 1000


def events(
    source: Placed, measures: Mapping[str, Measure], kinds: Mapping[str, str], grain: Grain, *,
    scales: Mapping[str, Scale], numbers: Mapping[str, NumberColumn], calendar: WorkingDays | None = None,
    alone: bool = False,
) -> Events:  # fmt: skip
    """Return the typed rows of a table for the measures of its dataset.

    Args:
        source: the table.
        measures: the measures.
        kinds: the kind of each column.
        grain: the grain of the scored periods.
        scales: the units of numbers.
        numbers: the columns of numbers.
        calendar: the working days, None where nothing is counted in them.
        alone: whether the dataset has no other table, whose columns might be of other types.
    """
    schema = source.table.frame.collect_schema()
    when, blanks = source.roles["period"], source.table.cells is not None
    columns: dict[str, pl.Expr] = {
        WHO: entity_text(source),
        **_time(when, schema[when], grain, source.dataset.dates, blanks=blanks),
    }
    expressions_of = computed(measures.values())
    texts = [*(measure.where for measure in measures.values() if measure.where), *expressions_of]
    strict = {name for text in texts for name in expressions.parse(text).tells_blank()}
    strict |= {measure.of for measure in measures.values() if isinstance(measure, OfRows)}
    strict |= {measure.per for measure in measures.values() if measure.per is not None}
    read = {name for text in texts for name in reads(text)}
    read |= {measure.per for measure in measures.values() if measure.per is not None}
    for name, kind in kinds.items():
        if kind in READ_AS_NUMBERS:
            columns[cell(name)] = _number(numbers[name], schema, scales[name])
            continue
        header, _ = column_of(source.table, name) or (clean(name), None)
        dtype = schema[header]
        is_text = dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum)
        if alone and name not in read and not isinstance(dtype, pl.Categorical | pl.Enum):
            # A column that is only counted keeps its type, as text costs the most; it is folded when counted.
            text = pl.col(header)
            columns[cell(name)], is_text = text.fill_nan(None) if dtype.is_float() else text, dtype == pl.String
        else:
            text = as_text(header, dtype)
            if dtype == pl.Boolean:
                text = truth_text(pl.col(header), truth_words(texts, name))
            folded = Folding(_shortest(name, measures.values())).of(text)
            columns[cell(name)] = folded if is_text and name in read else text
        if is_text and name in strict:
            column = columns[cell(name)]
            columns[cell(name)] = pl.when(column.str.strip_chars() != "").then(column)
    if PERIOD_END in read:
        columns[cell(PERIOD_END)] = _period_end(columns[MONTH], grain)

    def scope(name: str) -> Term:
        return term_of(name, kinds, columns[cell(name)], scales[name].unit if name in scales else None)

    columns |= {cell(text): _value(text, scope, calendar) for text in expressions_of}
    return Events(source, grain, columns, numbers, scales, kinds=kinds, computed=expressions_of, calendar=calendar)


def _value(text: str, scope: Scope, calendar: WorkingDays | None) -> pl.Expr:
    """Compile an expression over columns; null if their units do not fit, which is a finding of the measure."""
    try:
        return value_of(text, scope, calendar).expr
    except ExpressionError:
        return pl.lit(None, dtype=pl.Float64)


def _period_end(month: pl.Expr, grain: Grain) -> pl.Expr:
    """Return the start of the last day of a row's scored period, in microseconds."""
    timeline, size = grain.timeline, grain.months
    first = timeline.first(FIRST_YEAR)
    last_days = (
        timeline.last_day((item // size + 1) * size - 1) for item in range(first, timeline.first(LAST_YEAR + 1))
    )
    ends = [instants.micros(datetime.combine(day, time())) for day in last_days]
    inside = pl.when(dated(month, grain)).then(month - first)
    return pl.lit(pl.Series(ends, dtype=pl.Float64)).gather(inside)


def _shortest(name: str, measures: Iterable[Measure]) -> int:
    """Return the length in bytes of the shortest text that a column is compared with, 0 if it has other uses."""
    items = list(measures)
    if any(name == item.per for item in items):
        return 0
    texts = [*(item.where for item in items if item.where is not None), *computed(items)]
    lengths = [shortest_text(text, name) for text in texts]
    return 0 if None in lengths else min((length for length in lengths if length is not None), default=0)


def dated(month: pl.Expr, grain: Grain) -> pl.Expr:
    """Return whether a month or week is within the valid years of data."""
    first, after = (grain.timeline.first(year) for year in (FIRST_YEAR, LAST_YEAR + 1))
    return month.is_between(first, after - 1).fill_null(value=False)


def places() -> pl.Series:
    """Return an empty column of a new Categorical type, whose physical values index the texts seen so far.

    Keep a reference while these are used: Polars drops the categories with the last column of the type.
    """
    return pl.Series(dtype=pl.Categorical(pl.Categories.random()))


def valid(column: str) -> pl.Expr:
    """Return a number of `Events`, null for cells that need a second look."""
    raw = pl.col(cell(column))
    return pl.when(raw.abs() <= LARGEST).then(raw)


# ---- CELLS ---- #


def _number(column: NumberColumn, schema: pl.Schema, scale: Scale) -> pl.Expr:
    raw, dtype, reader = pl.col(column.header), schema[column.header], Reader(column, scale)
    if column.dates is not None:
        if dtype in (pl.Date, pl.Datetime):
            return instants.native(raw)
        return raw.map_batches(reader.fast, return_dtype=pl.Float64(), is_elementwise=True)
    marked = dtype.is_numeric() and bool(column.notation.numbers)
    if column.by_row is not None or marked or dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum):
        return _mapped(column, reader.fast, pl.Float64())
    if dtype.is_numeric() or dtype in (pl.Boolean, pl.Null):
        factor = reader.plain
        number = raw.cast(pl.Float64)
        return pl.when(number.is_not_null()).then(float("nan")) if factor is None else converted(number, factor)
    return pl.when(raw.is_not_null()).then(float("nan"))


def _mapped(column: NumberColumn, read: Callable[..., pl.Series], kind: pl.DataType) -> pl.Expr:
    """Apply a reader to the cells of a number, and to the units of their rows if there is a column of these."""
    raw = pl.col(column.header)
    if column.by_row is None:
        return raw.map_batches(read, return_dtype=kind, is_elementwise=True)
    both = pl.struct(raw.alias("cell"), _unit(column.by_row).alias("unit"))

    def of_both(pairs: pl.Series) -> pl.Series:
        return read(pairs.struct.field("cell"), pairs.struct.field("unit"))

    return both.map_batches(of_both, return_dtype=kind, is_elementwise=True)


def _unit(header: str) -> pl.Expr:
    """Return the texts of a column of units, null for blanks."""
    text = pl.col(header).cast(pl.String).str.strip_chars()
    return pl.when(text != "").then(text)


def _time(when: str, dtype: pl.DataType, grain: Grain, order: periods.Order, *, blanks: bool) -> dict[str, pl.Expr]:
    if dtype in (pl.Date, pl.Datetime):
        day = pl.col(when)
        month = _month(day if dtype == pl.Date else day.dt.date(), grain.timeline)
        return {MONTH: month, ORDER: month * 100 + (day.dt.weekday() if grain.timeline.weeks else day.dt.day())}
    cells = pl.col(when).cast(pl.String)
    text: pl.Expr = pl.when(cells.str.strip_chars() != "").then(cells) if blanks else cells
    month = text.map_batches(partial(_months, grain, order), return_dtype=pl.Int32, is_elementwise=True)
    if grain.timeline.weeks:
        day = text.map_batches(partial(_weekdays, order), return_dtype=pl.Int32, is_elementwise=True)
        return {MONTH: month, ORDER: month * 100 + day}
    return {MONTH: month, ORDER: month * 100 + _day(text, order)}


def _month(day: pl.Expr, timeline: Timeline) -> pl.Expr:
    """Return the month or week of a date, null outside the valid years; a fifth of the cost of Polars' calendar."""
    first, months = _calendar(timeline)
    # Days before the first become large unsigned numbers, so one comparison is enough, in half the time of two.
    place = (day.to_physical() - (first - 1)).cast(pl.UInt32, wrap_numerical=True)
    return pl.lit(months).gather(pl.min_horizontal(place, pl.lit(months.len() - 1, pl.UInt32)))


@cache
def _calendar(timeline: Timeline) -> tuple[int, pl.Series]:
    """Return the number of the first valid day, and the month or week of each day, null before and after these."""
    start, end = date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)
    days = pl.date_range(start, end, eager=True)
    months = days.to_frame("day").select(timeline.of_days(pl.col("day"))).to_series()
    outside = pl.Series([None], dtype=pl.Int32)
    return int(days.to_physical()[0]), pl.concat([outside, months, outside])


def _months(grain: Grain, order: periods.Order, column: pl.Series) -> pl.Series:
    """Parse texts to the last month of their period, null for no period or one longer than those scored."""
    read = period_texts.parse_column(column, order=order, timeline=grain.timeline).select(
        pl.col("text"), pl.when(_inside(grain)).then(pl.col("start") + pl.col("months") - 1).cast(pl.Int32).alias(MONTH)
    )
    months = column.cast(pl.String).alias("text").to_frame().join(read, on="text", how="left", maintain_order="left")
    return months[MONTH]


def _weekdays(order: periods.Order, column: pl.Series) -> pl.Series:
    """Parse texts of dates to the day of the week, Monday 1; 0 for a text that names no day."""

    def weekday(text: str) -> int:
        try:
            return period_texts.parse_instant(text, order=order).isoweekday()
        except periods.PeriodError:
            return 0

    texts = column.cast(pl.String)
    days = {text: weekday(text) for text in texts.drop_nulls().unique()}
    return texts.replace_strict(days, default=0, return_dtype=pl.Int32)


def _inside(grain: Grain) -> pl.Expr:
    return pl.col("start") // grain.months == (pl.col("start") + pl.col("months") - 1) // grain.months


def _day(text: pl.Expr, order: periods.Order) -> pl.Expr:
    """Parse the day of the month in the text of a date, 0 without one: 2023/9/30, 2023年9月30日, 20230930."""
    numbers = text.str.extract_all("[0-9]+")
    place: pl.Expr = pl.lit(2)
    if order != "ymd":
        year_behind = text.str.contains(r"^\s*[0-9]{1,2}[^0-9]+[0-9]{1,2}[^0-9]+[0-9]{4}")
        place = pl.when(year_behind).then(0 if order == "dmy" else 1).otherwise(place)
    digits = pl.when(numbers.list.len() > 2).then(numbers.list.get(place, null_on_oob=True))
    return digits.otherwise(text.str.extract("^[0-9]{6}([0-9]{2})")).cast(pl.Int32, strict=False).fill_null(0)
