"""The rows of tables of events, as typed columns that measures are aggregated from; and the rows that are wrong.

A scan reads only the columns that some measure needs, resolves nothing by a join and numbers no row: who a row is about
stays the text it is, and what is wrong shows in counts. Only when there is something wrong a further scan, of the bad
rows alone, finds out where.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, partial

import polars as pl

from kpi import expressions, periods
from kpi.errors import Diagnostic
from kpi.intake import findings
from kpi.intake.codes import repeats_heading, who
from kpi.intake.entities import BESIDE, Entities
from kpi.intake.headers import clean
from kpi.intake.match import Placed
from kpi.intake.numbers import LARGEST, read_numbers
from kpi.intake.table import ROW
from kpi.measures import Measure, OfRows
from kpi.periods import FIRST_YEAR, LAST_YEAR, Grain

WHO, MONTH, ORDER = "#who", "#month", "#order"

#: Months, counted as those of periods: the first that is read, and the last.
Span = tuple[int, int]


def cell(column: str) -> str:
    """Returns the name of the typed column that holds a column of the file."""
    return f"c {column}"


@dataclass(frozen=True)
class Events:
    """One table of events.

    `columns` are the expressions over its cells, by the names that they get: `WHO` (String, the text as it is), `MONTH`
    (Int32, null where the row has no date, see `dated`), `ORDER` (Int32, the row's place in time), and texts and
    numbers as `cell(column)`, numbers NaN or infinite where a cell is none.
    """

    source: Placed
    grain: Grain
    columns: Mapping[str, pl.Expr]
    numbers: tuple[str, ...]

    def rows(self, names: Iterable[str], span: Span | None = None) -> pl.LazyFrame:
        """Returns some of the columns of the rows in a span of months.

        A column of dates is compared before anything is computed, so that a scan can leave out what is outside.
        """
        cells = self.source.table.raw
        if span is not None:
            cells = cells.filter(self._within(*span))
        return cells.select(self.columns[name].alias(name) for name in names)

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

    def bad_numbers(self, columns: Iterable[str]) -> dict[str, int]:
        """Returns how many cells of which of some columns are no number."""
        bad = {column: pl.col(cell(column)).abs() > LARGEST for column in columns}
        odd = self.rows(map(cell, bad)).filter(pl.any_horizontal(bad.values()))
        found = odd.select(test.sum().alias(column) for column, test in bad.items()).collect().row(0, named=True)
        return {column: count for column, count in found.items() if count}

    def aside(self, entities: Entities, text: str) -> bool:
        """Returns whether a text that means no entity is that of a total or the like, or repeats the heading."""
        code, _, name = text.rpartition(BESIDE)
        excluded = bool(name) and entities.excluded(name)
        return excluded or any(repeats_heading(self.source, one) for one in (name, code) if one)

    def rows_of(self, texts: Sequence[str]) -> pl.DataFrame:
        """Returns the numbers of the rows with some texts, those without blanks around them in the column text."""
        rows = self.source.table.numbered().select(ROW, text=self.columns[WHO])
        return rows.filter(pl.col("text").is_in(pl.Series(texts, dtype=pl.String).implode())).collect().sort(ROW)

    def findings(
        self, entities: Entities, unknown: Sequence[str], strangers: int, undated: int, bad: Mapping[str, int],
        *, passed: Sequence[str] = (),
    ) -> list[Diagnostic]:  # fmt: skip
        """Returns the findings about rows, the first of each kind.

        Args:
            entities: who there is.
            unknown: the texts that name no entity; how many rows have them, or none, is `strangers`.
            strangers: the rows that name no entity.
            undated: the rows with no usable date.
            bad: the columns with cells that are no number, and how many.
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
            found += findings.of_rows(table, rows, self.source.who, nobody_of, further=strangers - rows.height)
        if undated:
            known = ~self.columns[WHO].is_in(pl.Series(passed, dtype=pl.String).implode()).fill_null(value=False)
            rows = self._first(~dated(self.columns[MONTH]) & known, pl.col(when).cast(pl.String))
            said = _dates(rows["text"], self.grain)
            found += findings.of_rows(table, rows, when, partial(_bad_date, said), further=undated - rows.height)
        for column, count in bad.items():
            rows = self._first(self.columns[cell(column)].abs() > LARGEST, pl.col(clean(column)))
            rows = rows.with_columns(problem=read_numbers(rows["text"])["problem"])
            found += findings.of_rows(table, rows, column, _bad_number, further=count - rows.height)
        return found

    def _first(self, wrong: pl.Expr, text: pl.Expr) -> pl.DataFrame:
        """The first rows with something wrong: their numbers and the text of the cell."""
        rows = self.source.table.numbered().filter(wrong)
        return rows.select(ROW, text=text).bottom_k(findings.LIMIT, by=ROW).collect().sort(ROW)


def _bad_date(said: Mapping[str, str], row: dict[str, object]) -> tuple[str, str, str | None]:
    return "K606", said.get(str(row["text"])) or "the row has no date", None


def _bad_number(row: dict[str, object]) -> tuple[str, str, str | None]:
    return "K604", str(row["problem"]), None


def events(
    source: Placed, measures: Mapping[str, Measure], kinds: Mapping[str, str], grain: Grain, *, alone: bool = False
) -> Events:
    """Returns the rows of a table as the measures of its dataset need them.

    Args:
        source: the table.
        measures: what is aggregated.
        kinds: the columns that are read, each a number or a text.
        grain: of the scored periods.
        alone: whether the dataset has no other table, whose columns might be of other types.
    """
    schema = source.table.frame.collect_schema()
    when, blanks = source.roles["period"], source.table.cells is not None
    columns: dict[str, pl.Expr] = {
        WHO: who(source),
        **_time(when, schema[when], grain, blanks=blanks),
    }
    numbers = tuple(column for column, kind in kinds.items() if kind == "number")
    strict = {name for one in measures.values() if one.where for name in expressions.parse(one.where).tells_blank()}
    strict |= {one.of for one in measures.values() if isinstance(one, OfRows)}
    strict |= {one.per for one in measures.values() if one.per is not None}
    read = {name for one in measures.values() if one.where for name, _ in expressions.parse(one.where).names()}
    read |= {one.per for one in measures.values() if one.per is not None}
    for column, kind in kinds.items():
        dtype = schema[clean(column)]
        if kind == "number":
            columns[cell(column)] = _number(pl.col(clean(column)), dtype)
        else:
            # What is only counted may be of any type, and text costs the most.
            text = pl.col(clean(column))
            text = text if alone and column not in read else text.cast(pl.String)
            blank = blanks and dtype == pl.String and column in strict
            columns[cell(column)] = pl.when(text.str.strip_chars() != "").then(text) if blank else text
    return Events(source, grain, columns, numbers)


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


def _number(raw: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype.is_numeric() or dtype in (pl.Boolean, pl.Null):
        return raw.cast(pl.Float64)
    if dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum):
        return raw.cast(pl.String).map_batches(_figures, return_dtype=pl.Float64, is_elementwise=True)
    return pl.when(raw.is_not_null()).then(float("nan"))


def _figures(column: pl.Series) -> pl.Series:
    """What cells say as numbers, NaN for what is a problem: no number that is read ever is."""
    read = read_numbers(column)
    if read["problem"].null_count() == read.height:
        return read["value"]
    return read.select(pl.when(pl.col("problem").is_null()).then("value").otherwise(float("nan"))).to_series()


def _time(when: str, dtype: pl.DataType, grain: Grain, *, blanks: bool) -> dict[str, pl.Expr]:
    if dtype in (pl.Date, pl.Datetime):
        day = pl.col(when)
        month = _month(day if dtype == pl.Date else day.dt.date())
        return {MONTH: month, ORDER: month * 100 + day.dt.day()}
    said = pl.col(when).cast(pl.String)
    text: pl.Expr = pl.when(said.str.strip_chars() != "").then(said) if blanks else said
    month = text.map_batches(partial(_months, grain), return_dtype=pl.Int32, is_elementwise=True)
    return {MONTH: month, ORDER: month * 100 + _day(text)}


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


def _months(grain: Grain, column: pl.Series) -> pl.Series:
    """The last month of the period that each text names, null where it names none or one longer than those scored."""
    read = periods.parse_column(column).select(
        pl.col("text"), pl.when(_inside(grain)).then(pl.col("start") + pl.col("months") - 1).cast(pl.Int32).alias(MONTH)
    )
    found = column.cast(pl.String).alias("text").to_frame().join(read, on="text", how="left", maintain_order="left")
    return found[MONTH]


def _inside(grain: Grain) -> pl.Expr:
    return pl.col("start") // grain.months == (pl.col("start") + pl.col("months") - 1) // grain.months


def _dates(column: pl.Series, grain: Grain) -> dict[str, str]:
    """What is wrong with texts of periods."""
    said = periods.parse_column(column).select(
        "text",
        pl.when(_inside(grain) | pl.col("start").is_null()).then(pl.col("problem"))
        .otherwise(pl.format("`{}` is longer than the scored periods", "text")),
    )  # fmt: skip
    return {text: problem for text, problem in said.rows() if problem is not None}


def _day(text: pl.Expr) -> pl.Expr:
    """The day of the month in the text of a date, 0 where it has none: 2023/9/30, 2023年9月30日, 20230930."""
    numbers = text.str.extract_all("[0-9]+")
    digits = pl.when(numbers.list.len() > 2).then(numbers.list.get(2, null_on_oob=True))
    return digits.otherwise(text.str.extract("^[0-9]{6}([0-9]{2})")).cast(pl.Int32, strict=False).fill_null(0)
