"""The rows of tables of events, as typed columns that measures are aggregated from; and the rows that are wrong.

A scan reads only the columns that some measure needs, resolves nothing by a join and numbers no row: who a row is about
stays the text it is, and what is wrong shows in counts. Only when there is something wrong a further scan, of the bad
rows alone, finds out where.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache, partial, reduce
from operator import or_

import polars as pl

from kpi.errors import Diagnostic, Message, count
from kpi.intake import row_findings
from kpi.intake.cells import instants
from kpi.intake.cells.numbers import LARGEST, mark_hint, undecided
from kpi.intake.cells.text_folding import Folding
from kpi.intake.entities import BESIDE, Entities
from kpi.intake.events.conditions import cell, reads, shortest_text, uncounted, unreadable, value_of
from kpi.intake.events.units import READING, NumberColumn, Reader, Scale, converted
from kpi.intake.files.headers import clean
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import Placed, column_of, is_unit
from kpi.intake.matching.entity_codes import repeats_heading, who
from kpi.intake.matching.notation import decimal_finding, notation_of
from kpi.language import expressions
from kpi.language.expressions.terms import ExpressionError, Scope, Term
from kpi.language.expressions.times import PERIOD_END
from kpi.language.measures import Measure, OfRows
from kpi.language.record_columns import READ_AS_NUMBERS, computed, term_of
from kpi.values import periods
from kpi.values.periods import FIRST_YEAR, LAST_YEAR, Grain
from kpi.values.units import WORKING_DAY, Unit
from kpi.values.working_days import WorkingDays

WHO, MONTH, ORDER, CLASH = "#who", "#month", "#order", "#clash"

#: Months, counted as those of periods: the first that is read, and the last.
Span = tuple[int, int]

#: The columns of texts that are units, by what heads them; 单位 alone names an organisation as often.
_UNITS = ("计量单位", "数据单位", "指标单位", "数值单位", "unit", "units", "unit_of_measure", "measurement_unit")


def exact(column: str) -> str:
    """Returns the name of the column that holds a number in the parts that its sums are made of (`Scale.parts`)."""
    return f"x {column}"


def bad(column: str) -> str:
    """Returns the name of the column that says whether the cell of a number cannot be read."""
    return f"b {column}"


def typed(column: str) -> str:
    """Returns the name of the column that says whether the figure of a number has a unit of its own."""
    return f"t {column}"


@dataclass(frozen=True)
class Repeats:
    """Rows of a table whose event another row has as well (`ROW`): those left out, and those that contradict it."""

    left_out: pl.Series
    clashing: pl.Series


@dataclass(frozen=True)
class Events:
    """One table of events.

    `columns` are the expressions over its cells, by the names that they get: `WHO` (String, the text as it is), `MONTH`
    (Int32, null where the row has no date, see `dated`), `ORDER` (Int32, the row's place in time), and texts and
    numbers as `cell(column)`: texts trimmed and in half-width, numbers in the unit of their column, NaN or infinite
    where a cell takes a second look (`looked_at`). `numbers` says where each number is, `repeats` which rows have the
    event of another, if rows of the dataset do. `kinds` are those of the columns; `computed` are the expressions over
    them, which are numbers, too; `calendar` gives the working days that these are counted in.
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
        """Returns some of the columns of the rows in a span of months.

        A column of dates is compared before anything is computed, so that a scan can leave out what is outside.

        Args:
            names: of the columns.
            span: the months.
            only: which rows, over the columns `cell(...)`.
            second: the numbers whose cells are looked at a second time, None where no row is.
            scales: the units for that.
        """
        cells, done = self._kept(), set[str]()
        if span is not None:
            cells = cells.filter(self._within(*span))
        if only is not None:
            done = {name for name in only.meta.root_names() if name in self.columns}
            cells = cells.with_columns(self.columns[name].alias(name) for name in sorted(done)).filter(only)
        wanted = dict.fromkeys([*names, *([CLASH] if self.repeats is not None else [])])
        if second is not None:
            return self.looked_at(cells, second, scales or self.scales).select(*wanted)
        return cells.select(
            pl.col(name) if name in done or name == CLASH else self.columns[name].alias(name) for name in wanted
        )

    def looked_at(self, cells: pl.LazyFrame, second: Collection[str], scales: Mapping[str, Scale]) -> pl.LazyFrame:
        """Returns cells with all columns, and some numbers looked at a second time.

        Numbers have `exact`, `bad` and `typed` besides; those that are not among `second` are known to need no second
        look.
        """
        plain = [one for one in self.numbers if one not in second]
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
        """Add what is computed of cells that were looked at a second time."""

        def scope(name: str) -> Term:
            return term_of(name, self.kinds, pl.col(cell(name)), self._unit_of(name))

        made: list[pl.Expr] = []
        for text in self.computed:
            value = _value(text, scope, self.calendar)
            odd = unreadable(text, self.kinds, lambda name: pl.col(bad(name)))
            odd = reduce(or_, uncounted(text, self.kinds, self.calendar), odd)
            odd |= (value.abs() > LARGEST).fill_null(value=False)
            known = pl.when(~odd).then(value)
            made += [known.alias(cell(text)), known.alias(exact(text)), odd.alias(bad(text))]
            made.append(pl.lit(value=False).alias(typed(text)))
        return frame.with_columns(made)

    def _unit_of(self, name: str) -> Unit | None:
        return self.scales[name].unit if name in self.scales else None

    def _reading(self, name: str, scale: Scale) -> pl.Expr:
        column = self.numbers[name]
        return _mapped(column, Reader(column, scale).read, READING)

    def _kept(self) -> pl.LazyFrame:
        """The cells of the rows that count; `CLASH` says which contradict another, where there are such."""
        table = self.source.table
        if self.repeats is None:
            return table.raw
        rows = table.numbered(blank=True).filter(~pl.col(ROW).is_in(self.repeats.left_out.implode()))
        return rows.with_columns(pl.col(ROW).is_in(self.repeats.clashing.implode()).alias(CLASH))

    @property
    def size(self) -> int | None:
        """How many rows the file has, those that are passed over included, where that is known."""
        return (self.source.table.whole or self.source.table).size

    def head(self, names: Iterable[str], rows: int) -> pl.LazyFrame:
        """Returns some of the columns of the first rows of the file, whatever their period."""
        cells = (self.source.table.whole or self.source.table).raw.head(rows)
        return cells.select(self.columns[name].alias(name) for name in names)

    def _within(self, first: int, last: int) -> pl.Expr:
        when = self.source.roles["period"]
        dtype = self.source.table.frame.collect_schema()[when]
        if dtype == pl.Date or (isinstance(dtype, pl.Datetime) and dtype.time_zone is None):
            start, end = (date(month // 12, month % 12 + 1, 1) for month in (first, last + 1))
            return pl.col(when).is_between(pl.lit(start).cast(dtype), pl.lit(end).cast(dtype), closed="left")
        return self.columns[MONTH].is_between(first, last)

    # ---- WHAT IS WRONG ---- #

    def blank(self) -> int:
        """Returns how many rows have no cell filled; those are no rows of data."""
        return int(self.source.table.frame.select(pl.all_horizontal(pl.all().is_null()).sum()).collect().item())

    def reader(self, name: str, scale: Scale) -> Reader:
        """Returns what reads the cells of a number."""
        return Reader(self.numbers[name], scale)

    def unsettled(self) -> list[str]:
        """Returns the numbers with cells that take a second look."""
        odd = {name: pl.col(cell(name)).abs() > LARGEST for name in self.numbers}
        if not odd:
            return []
        rows = self.rows(map(cell, odd), only=pl.any_horizontal(odd.values()))
        found = rows.select(test.any().alias(name) for name, test in odd.items()).collect().row(0, named=True)
        return [name for name, some in found.items() if some]

    def units_of(self, name: str) -> list[tuple[str | None, str | None]]:
        """Returns the units of the cells of a number that take a second look: those of the row, and those typed."""
        column = self.numbers[name]
        cells = self._kept().with_columns(self.columns[cell(name)].alias(cell(name)))
        cells = cells.filter(pl.col(cell(name)).abs() > LARGEST)
        kind = pl.Struct({"row": pl.String, "typed": pl.String, "bad": pl.Boolean})
        seen = cells.select(_mapped(column, Reader(column, self.scales[name]).seen, kind).alias("seen"))
        some = seen.unnest("seen").filter(~pl.col("bad")).select("row", "typed").unique().sort(pl.all())
        return some.collect(engine="streaming").rows()

    def aside(self, entities: Entities, text: str) -> bool:
        """Returns whether a text that means no entity is that of a total or the like, or repeats the heading."""
        code, _, name = text.rpartition(BESIDE)
        excluded = bool(name) and entities.excluded(name)
        return excluded or any(repeats_heading(self.source, one) for one in (name, code) if one)

    def rows_of(self, texts: Sequence[str]) -> pl.DataFrame:
        """Returns the numbers of the rows with some texts, those without blanks around them in the column text."""
        rows = self.numbered().select(ROW, text=self.columns[WHO])
        return rows.filter(pl.col("text").is_in(pl.Series(texts, dtype=pl.String).implode())).collect().sort(ROW)

    def undeclared_commas(self, names: Iterable[str]) -> set[str]:
        """Return the headers of the columns, of some numbers, that have decimal commas which are not declared."""
        found = set()
        for name in names:
            column = self.numbers[name]
            if column.dates is not None or column.notation.unclear or column.notation.decimal != ".":
                continue
            odd = self.source.table.raw.filter(self.columns[cell(name)].abs() > LARGEST)
            cells = odd.select(pl.col(column.header).cast(pl.String).unique()).collect().to_series()
            if undecided(cells, cells, column.notation).any():
                found.add(column.header)
        return found

    def findings(
        self, entities: Entities, unknown: Sequence[str], strangers: int, undated: int, lost: Lost | None,
        *, passed: Sequence[str] = (),
    ) -> list[Diagnostic]:  # fmt: skip
        """Returns the findings about rows, the first of each kind.

        Args:
            entities: who there is.
            unknown: the texts that name no entity; how many rows have them, or none, is `strangers`.
            strangers: the rows that name no entity.
            undated: the rows with no usable date.
            lost: the cells of numbers that cannot be read, None where all can.
            passed: the texts of rows that are left out.
        """
        table, when = self.source.table, self.source.roles["period"]
        found: list[Diagnostic] = []

        def nobody_of(row: dict[str, object]) -> tuple[str, str, str | None]:
            code, _, name = str(row["text"] or "").rpartition(BESIDE)
            if not clean(name or code):
                return "K602", "the row names no entity", None
            finding = entities.unknown(name or code, table.place())
            return finding.code, finding.message, finding.hint

        if strangers:
            named = self.columns[WHO]
            text = pl.when(named.str.strip_chars() != "").then(named)
            nobody = text.is_null() | text.is_in(pl.Series(unknown, dtype=pl.String).implode())
            rows = self._first(nobody, text)
            found += row_findings.of_rows(table, rows, self.source.who, nobody_of, further=strangers - rows.height)
        if undated:
            known = ~self.columns[WHO].is_in(pl.Series(passed, dtype=pl.String).implode()).fill_null(value=False)
            rows = self._first(~dated(self.columns[MONTH]) & known, pl.col(when).cast(pl.String))
            said = _dates(rows["text"], self.grain, self.source.dataset.dates)
            found += row_findings.of_rows(table, rows, when, partial(_bad_date, said), further=undated - rows.height)
        if lost is not None:
            unusable = pl.Series([*unknown, *passed], dtype=pl.String).implode()
            usable = dated(pl.col(MONTH)) & ~pl.col(WHO).is_in(unusable).fill_null(value=True)
            for name, many in lost.cells.items():
                found += self._of_number(name, many, lost, usable)
        return found

    def _of_number(self, name: str, many: int, lost: Lost, usable: pl.Expr) -> list[Diagnostic]:
        """The findings about the cells of a number that cannot be read, in rows that are usable otherwise."""
        table, column = self.source.table, self.numbers[name]
        reader = Reader(column, lost.scales[name])
        if reader.plain is None:
            # What its heading says holds for all of them.
            _, misfit = reader.factor(None, None)
            message = Message(
                "the unit of `{header}` {misfit}: {many} refused",
                header=column.header,
                misfit=misfit,
                many=count(many, "row"),
            )
            hint = _ABOVE.format(column.unit) if column.above and column.unit else None
            lacking = reader.scale.declared and column.unit is None
            if lacking:
                word = WORKING_DAY.text if reader.scale.unit == WORKING_DAY else "天"
                hint = Message(
                    "write the unit into the heading, {header}（{word}）, or behind each figure, 5{word}",
                    header=column.header,
                    word=word,
                )
                hint += "" if word == WORKING_DAY.text else f"; for working days {WORKING_DAY}"
            return [Diagnostic("K468" if lacking else "K605", message, table.place(None, column.header), hint)]
        cells = self.looked_at(self.numbered(), lost.second, lost.scales).filter(usable & lost.of(name))
        unit = pl.lit(None, dtype=pl.String) if column.by_row is None else _unit(column.by_row)
        rows = cells.select(ROW, text=pl.col(column.header), unit=unit).bottom_k(row_findings.LIMIT, by=ROW).collect()
        rows = rows.sort(ROW)
        commas = reader.undecided(rows["text"])
        found, others, further = [], rows.filter(~commas), many - rows.height
        if commas.any():
            # What is not listed is taken for the same.
            some = rows.filter(commas).select(ROW, pl.col("text").cast(pl.String))
            unlisted = 0 if others.height else further
            found.append(decimal_finding(table, column.header, some, column.notation, unlisted))
            further -= unlisted

        def tell(row: dict[str, object]) -> tuple[str, str, str | None]:
            code, message = reader.problem(row["text"], row["unit"])  # type: ignore[arg-type]
            hint = mark_hint(str(row["text"])) if code == "K604" else None
            return code, message, _DAYS if "is a date" in message else hint

        if others.height:
            found += row_findings.of_rows(table, others, column.header, tell, further=further)
        return found

    def numbered(self) -> pl.LazyFrame:
        """Return the cells of the rows that count, with their numbers (`ROW`), and `CLASH` where some contradict."""
        rows = self.source.table.numbered()
        if self.repeats is None:
            return rows
        rows = rows.filter(~pl.col(ROW).is_in(self.repeats.left_out.implode()))
        return rows.with_columns(pl.col(ROW).is_in(self.repeats.clashing.implode()).alias(CLASH))

    def _first(self, wrong: pl.Expr, text: pl.Expr) -> pl.DataFrame:
        """The first rows with something wrong: their numbers and the text of the cell."""
        rows = self.numbered().filter(wrong)
        return rows.select(ROW, text=text).bottom_k(row_findings.LIMIT, by=ROW).collect().sort(ROW)


def _bad_date(said: Mapping[str, str], row: dict[str, object]) -> tuple[str, str, str | None]:
    return "K606", said.get(str(row["text"])) or "the row has no date", None


_DAYS = "if these are dates to compute with, say so at the dataset: types: {COLUMN: date}"
_ABOVE = "单位：{} above the table is taken for all that has no unit of its own: write it into the header"


@dataclass(frozen=True)
class Lost:
    """The cells of numbers in one table that cannot be read, where some measure would need them.

    Attributes:
        cells: how many, by number.
        of: gives whether a row has such a cell of a number, over the columns of `Events.looked_at`.
        second: the numbers whose cells have to be looked at a second time.
        scales: their units.
    """

    cells: Mapping[str, int]
    of: Callable[[str], pl.Expr]
    second: Collection[str]
    scales: Mapping[str, Scale]


def number_columns(source: Placed, kinds: Mapping[str, str], unclear: Collection[str] = ()) -> dict[str, NumberColumn]:
    """Returns where the numbers of a table are, how they are written, and the units that it says for them.

    Args:
        source: the table.
        kinds: of the columns that are read.
        unclear: the headers of columns in which decimal commas were seen that are not declared.
    """
    by_row = unit_column(source)
    if by_row is not None and by_row in map(clean, kinds):
        by_row = None
    found = {}
    for name, kind in kinds.items():
        if kind in READ_AS_NUMBERS:
            header, unit = column_of(source.table, name) or (clean(name), None)
            notation = notation_of(source.dataset, source.table, header, unclear)
            if kind == "time":
                found[name] = NumberColumn(header, notation=notation, dates=source.dataset.dates)
                continue
            found[name] = NumberColumn(header, unit or source.table.unit, unit is None, by_row, notation)
    return found


def unit_column(source: Placed) -> str | None:
    """Return the header of the column that has a unit for each row of a table, None where there is none."""
    header = source.roles.get("unit")
    return header if header is not None and _has_units(source, header) else None


def _has_units(source: Placed, header: str) -> bool:
    """Whether a column holds units: by its heading, or by what stands in its first rows."""
    if clean(header).casefold() in _UNITS or "unit" in source.dataset.columns:
        return True
    some = source.table.frame.select(_unit(header)).head(_HEAD).collect().to_series().drop_nulls().unique()
    return bool(some.len()) and all(map(is_unit, some))


# In how many of the first rows a column of 单位 is looked at.
_HEAD = 1000


def events(
    source: Placed, measures: Mapping[str, Measure], kinds: Mapping[str, str], grain: Grain, *,
    scales: Mapping[str, Scale], numbers: Mapping[str, NumberColumn], calendar: WorkingDays | None = None,
    alone: bool = False,
) -> Events:  # fmt: skip
    """Returns the rows of a table as the measures of its dataset need them.

    Args:
        source: the table.
        measures: what is aggregated.
        kinds: of the columns that are read.
        grain: of the scored periods.
        scales: the units of numbers.
        numbers: where they are in the table.
        calendar: the working days, None where nothing is counted in them.
        alone: whether the dataset has no other table, whose columns might be of other types.
    """
    schema = source.table.frame.collect_schema()
    when, blanks = source.roles["period"], source.table.cells is not None
    columns: dict[str, pl.Expr] = {
        WHO: who(source),
        **_time(when, schema[when], grain, source.dataset.dates, blanks=blanks),
    }
    expressions_of = computed(measures.values())
    texts = [*(one.where for one in measures.values() if one.where), *expressions_of]
    strict = {name for text in texts for name in expressions.parse(text).tells_blank()}
    strict |= {one.of for one in measures.values() if isinstance(one, OfRows)}
    strict |= {one.per for one in measures.values() if one.per is not None}
    read = {name for text in texts for name in reads(text)}
    read |= {one.per for one in measures.values() if one.per is not None}
    for name, kind in kinds.items():
        if kind in READ_AS_NUMBERS:
            columns[cell(name)] = _number(numbers[name], schema, scales[name])
            continue
        header, _ = column_of(source.table, name) or (clean(name), None)
        text = pl.col(header)
        if alone and name not in read:
            # What is only counted may be of any type, and text costs the most; it is folded when it is counted.
            columns[cell(name)] = text
        else:
            text = text.cast(pl.String)
            dtype = schema[header]
            is_text = dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum)
            folding = Folding(_shortest(name, measures.values()))
            folded = text.map_batches(folding, return_dtype=pl.String, is_elementwise=True)
            columns[cell(name)] = folded if is_text and name in read else text
        if schema[header] == pl.String and name in strict:
            made = columns[cell(name)]
            columns[cell(name)] = pl.when(made.str.strip_chars() != "").then(made)
    if PERIOD_END in read:
        columns[cell(PERIOD_END)] = _period_end(columns[MONTH], grain)

    def scope(name: str) -> Term:
        return term_of(name, kinds, columns[cell(name)], scales[name].unit if name in scales else None)

    columns |= {cell(text): _value(text, scope, calendar) for text in expressions_of}
    return Events(source, grain, columns, numbers, scales, kinds=kinds, computed=expressions_of, calendar=calendar)


def _value(text: str, scope: Scope, calendar: WorkingDays | None) -> pl.Expr:
    """What is computed of columns; nothing where their units do not go together, which is a finding of the measure."""
    try:
        return value_of(text, scope, calendar).expr
    except ExpressionError:
        return pl.lit(None, dtype=pl.Float64)


def _period_end(month: pl.Expr, grain: Grain) -> pl.Expr:
    """The midnight at which the last day of a row's scored period begins, in microseconds."""
    months = pl.Series(range((LAST_YEAR + 1) * 12), dtype=pl.Int32)
    ends = [
        instants.micros(datetime(last // 12, last % 12 + 1, 1) - timedelta(days=1))  # noqa: DTZ001 - local time
        if one >= FIRST_YEAR * 12
        else None
        for one in months
        if (last := (one // grain.months + 1) * grain.months)
    ]
    inside = pl.when(dated(month)).then(month)
    return pl.lit(pl.Series(ends, dtype=pl.Float64)).gather(inside)


def _shortest(name: str, measures: Iterable[Measure]) -> int:
    """The bytes of the shortest text that conditions compare a column with, 0 where it has other uses."""
    some = list(measures)
    if any(name == one.per for one in some):
        return 0
    texts = [*(one.where for one in some if one.where is not None), *computed(some)]
    found = [shortest_text(text, name) for text in texts]
    return 0 if None in found else min(one for one in found if one is not None)


def dated(month: pl.Expr) -> pl.Expr:
    """Returns whether a month is one of the years that data may be of."""
    return month.is_between(FIRST_YEAR * 12, LAST_YEAR * 12 + 11).fill_null(value=False)


def places() -> pl.Series:
    """Returns an empty column of a type of its own, whose physical values are the places of texts among those seen.

    It has to be kept while these are used: what was seen is forgotten with the last column of the type.
    """
    return pl.Series(dtype=pl.Categorical(pl.Categories.random()))


def valid(column: str) -> pl.Expr:
    """Returns a number as `Events` gives it, null where it is none."""
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
    """What is read in the cells of a number, and the units of their rows where there is a column of them."""
    raw = pl.col(column.header)
    if column.by_row is None:
        return raw.map_batches(read, return_dtype=kind, is_elementwise=True)
    both = pl.struct(raw.alias("cell"), _unit(column.by_row).alias("unit"))

    def of_both(pairs: pl.Series) -> pl.Series:
        return read(pairs.struct.field("cell"), pairs.struct.field("unit"))

    return both.map_batches(of_both, return_dtype=kind, is_elementwise=True)


def _unit(header: str) -> pl.Expr:
    """The units in a column of them, null where there is none."""
    text = pl.col(header).cast(pl.String).str.strip_chars()
    return pl.when(text != "").then(text)


def _time(when: str, dtype: pl.DataType, grain: Grain, order: periods.Order, *, blanks: bool) -> dict[str, pl.Expr]:
    if dtype in (pl.Date, pl.Datetime):
        day = pl.col(when)
        month = _month(day if dtype == pl.Date else day.dt.date())
        return {MONTH: month, ORDER: month * 100 + day.dt.day()}
    said = pl.col(when).cast(pl.String)
    text: pl.Expr = pl.when(said.str.strip_chars() != "").then(said) if blanks else said
    month = text.map_batches(partial(_months, grain, order), return_dtype=pl.Int32, is_elementwise=True)
    return {MONTH: month, ORDER: month * 100 + _day(text, order)}


def _month(day: pl.Expr) -> pl.Expr:
    """The month of a date, null outside of the years that data may be of; a fifth of what the calendar costs."""
    first, months = _calendar()
    # What is before the first day is a large number without a sign; to cut off one end takes half the time of two.
    place = (day.to_physical() - (first - 1)).cast(pl.UInt32, wrap_numerical=True)
    return pl.lit(months).gather(pl.min_horizontal(place, pl.lit(months.len() - 1, pl.UInt32)))


@cache
def _calendar() -> tuple[int, pl.Series]:
    """The number of the first day that data may be of, and the month of each day, null before and after them."""
    start, end = date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)
    days = pl.date_range(start, end, eager=True)
    months = (days.dt.year() * 12 + days.dt.month() - 1).cast(pl.Int32)
    outside = pl.Series([None], dtype=pl.Int32)
    return int(days.to_physical()[0]), pl.concat([outside, months, outside])


def _months(grain: Grain, order: periods.Order, column: pl.Series) -> pl.Series:
    """The last month of the period that each text names, null where it names none or one longer than those scored."""
    read = periods.parse_column(column, order=order).select(
        pl.col("text"), pl.when(_inside(grain)).then(pl.col("start") + pl.col("months") - 1).cast(pl.Int32).alias(MONTH)
    )
    found = column.cast(pl.String).alias("text").to_frame().join(read, on="text", how="left", maintain_order="left")
    return found[MONTH]


def _inside(grain: Grain) -> pl.Expr:
    return pl.col("start") // grain.months == (pl.col("start") + pl.col("months") - 1) // grain.months


def _dates(column: pl.Series, grain: Grain, order: periods.Order) -> dict[str, str]:
    """What is wrong with texts of periods."""
    said = periods.parse_column(column, order=order).select(
        "text",
        pl.when(_inside(grain) | pl.col("start").is_null()).then(pl.col("problem"))
        .otherwise(pl.format("`{}` is longer than the scored periods", "text")),
    )  # fmt: skip
    return {text: problem for text, problem in said.rows() if problem is not None}


def _day(text: pl.Expr, order: periods.Order) -> pl.Expr:
    """The day of the month in the text of a date, 0 where it has none: 2023/9/30, 2023年9月30日, 20230930."""
    numbers = text.str.extract_all("[0-9]+")
    place: pl.Expr = pl.lit(2)
    if order != "ymd":
        year_behind = text.str.contains(r"^\s*[0-9]{1,2}[^0-9]+[0-9]{1,2}[^0-9]+[0-9]{4}")
        place = pl.when(year_behind).then(0 if order == "dmy" else 1).otherwise(place)
    digits = pl.when(numbers.list.len() > 2).then(numbers.list.get(place, null_on_oob=True))
    return digits.otherwise(text.str.extract("^[0-9]{6}([0-9]{2})")).cast(pl.Int32, strict=False).fill_null(0)
