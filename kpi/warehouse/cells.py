"""The typed columns of events as SQL: names, months, numbers in the unit of their column, folded texts.

What the pass over fetched rows computes per cell is computed here by the database, from columns of native types. Texts
are trimmed and in half-width there, by rules that no database has: the distinct texts that are not plain are fetched,
folded by the very expression of the pass, and a CASE replaces them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import polars as pl
from msgspec import Struct, field
from sqlglot import exp

from kpi.errors import Message
from kpi.intake.cells.instants import EARLIEST, END
from kpi.intake.cells.text_folding import as_names
from kpi.intake.entities import BESIDE
from kpi.intake.events.conditions import cell, value_of
from kpi.intake.events.events import MONTH, ORDER, WHO, Events
from kpi.intake.events.remote import Rows
from kpi.intake.events.units import Reader
from kpi.intake.matching.datasets import column_of
from kpi.intake.matching.entity_codes import both
from kpi.language.expressions.terms import ExpressionError, Term
from kpi.language.expressions.times import PERIOD_END
from kpi.language.record_columns import READ_AS_NUMBERS, term_of
from kpi.values.periods import FIRST_YEAR, LAST_YEAR
from kpi.values.timelines import Timeline
from kpi.values.units import Unit
from kpi.warehouse.dialects import NO_NUMBER, Dialect, number, text
from kpi.warehouse.ranges import Range
from kpi.warehouse.translation import Translator, Untranslatable

#: The texts of a column that are not plain: they may be folded, or are blank (see `intake.cells.text_folding`).
NOT_PLAIN = "^$|^\\s|\\s$|[^ -~㐀-䶿一-鿿、。·“”—《》]"
#: The same of names, which are compared without blanks.
NOT_PLAIN_NAME = "^$|[^!-~㐀-䶿一-鿿]"

#: The most texts that a CASE replaces.
MOST_TEXTS = 1000

#: Returns the distinct texts of a column (SQL) that match a pattern, all of them for None, or None if too many do.
Distinct = Callable[[exp.Expr, str | None], Sequence[str] | None]

_TEXT = (pl.String, pl.Categorical, pl.Enum)


class Cells(Struct):
    """The typed columns of one table as SQL.

    Attributes:
        rows: what is read of which table.
        columns: the names that the headers of the table have in the database.
        schema: the types of the headers.
        zoned: the headers of times with a zone.
        dialect: the database.
        distinct: looks up texts that are not plain.
        ranges: what the database knows of the values of some headers.
    """

    rows: Rows
    columns: dict[str, str]
    schema: pl.Schema
    zoned: frozenset[str]
    dialect: Dialect
    distinct: Distinct
    ranges: Mapping[str, Range] = field(default_factory=dict)
    _aliases: dict[str, str] = field(default_factory=dict)

    @property
    def events(self) -> Events:
        """The table."""
        return self.rows.events

    def alias(self, name: str) -> str:
        """Return the name of a column of a query, short enough for any database."""
        return self._aliases.setdefault(name, name if len(name.encode()) < 60 else f"c {len(self._aliases)}")

    def typed(self) -> dict[str, exp.Expr]:
        """Return the columns over those of the table: `WHO`, `MONTH`, cells and `PER`, by name.

        Raises:
            Untranslatable: a column is of a type that is read cell by cell.
        """
        items = {WHO: self._who(), MONTH: self._month()}
        per = [] if self.rows.per is None else [self.rows.per]
        for name in dict.fromkeys([*self.rows.needed, *per]):
            kind = self.rows.kinds[name]
            if kind in READ_AS_NUMBERS:
                items[cell(name)] = self._number(name)
            elif kind not in {"computed", "period"}:
                items[cell(name)] = self._text(name)
        return items

    def order(self) -> exp.Expr:
        """Return the position of rows in time, as `ORDER` has it."""
        header = self.events.source.roles["period"]
        if not self.schema[header].is_temporal():
            raise _refused(header, Message("dates as texts"))
        day = "ISODOW" if self._timeline.weeks else "DAY"
        month = exp.Mul(this=exp.paren(self._month()), expression=number(100))
        return exp.Add(this=month, expression=self.dialect.part(day, self._timestamp(header)))

    def computed(self) -> dict[str, exp.Expr]:
        """Return the columns that are computed from typed ones, by name.

        Raises:
            Untranslatable: an expression cannot be computed to the same bits.
        """
        translate, items = Translator(self.references(), self.dialect), {}
        if any(self.rows.kinds[name] == "period" for name in self.rows.needed):
            items[cell(PERIOD_END)] = self._period_end()
        for name in self.rows.needed:
            if self.rows.kinds[name] == "computed":
                items[cell(name)] = self.dialect.double(translate(self._value(name)))
        return items

    def within(self, name: str, limit: float) -> bool:
        """Return whether a number is known to be at most a limit in magnitude in every row."""
        known, factor = self._plain_number(name)
        return known is not None and known.within(limit, float(factor.numerator), float(factor.denominator))

    def filled(self, name: str) -> bool:
        """Return whether a number is known to be there in every row."""
        known, _ = self._plain_number(name)
        return known is not None and known.filled

    def _plain_number(self, name: str) -> tuple[Range | None, Fraction]:
        column = self.events.numbers.get(name)
        if column is None or column.dates is not None or not self.schema[column.header].is_numeric():
            return None, Fraction(1)
        return self.ranges.get(column.header), Reader(column, self.rows.scales[name]).plain or Fraction(1)

    def references(self) -> dict[str, exp.Expr]:
        """Return every column by name, as later parts of a query refer to it."""
        names = [WHO, MONTH, ORDER, *(cell(name) for name in (*self.rows.kinds, PERIOD_END))]
        return {name: exp.column(self.alias(name), quoted=True) for name in names}

    def named(self, name: str, column: exp.Expr) -> exp.Expr:
        """Return the texts of a column as names are compared (`PER`, distinct values).

        Args:
            name: of the column of events.
            column: its cells in the query.
        """
        header = self._header(name)
        if not isinstance(self.schema[header], _TEXT):
            return column
        texts = self._not_plain(header, NOT_PLAIN_NAME)
        cells = self._cells_of(name, header, texts)
        new = as_names(cells)
        return _replaced(column, dict(zip(cells, new, strict=True)))

    # ---- COLUMNS ---- #

    @property
    def _timeline(self) -> Timeline:
        return self.events.grain.timeline

    def _header(self, name: str) -> str:
        known = column_of(self.events.source.table, name)
        assert known is not None  # noqa: S101 - the pass has read its type
        return known[0]

    def _column(self, header: str) -> exp.Expr:
        return exp.column(self.columns[header], quoted=True)

    def _as_text(self, header: str) -> exp.Expr:
        dtype = self.schema[header]
        if isinstance(dtype, _TEXT):
            return self.dialect.comparable(self._column(header))
        if dtype.is_integer():
            return exp.cast(self._column(header), exp.DataType.Type.TEXT)
        raise _refused(header, Message("a column of names that are no texts"))

    def _who(self) -> exp.Expr:
        source = self.events.source
        pair = both(source)
        if pair is None:
            return self._as_text(source.who)
        name, code = (self._stripped(header) for header in pair)
        joined = exp.Concat(
            expressions=[code, text(BESIDE), exp.Coalesce(this=name, expressions=[text("")])],
            safe=False,
            coalesce=False,
        )
        present = exp.Not(this=exp.Is(this=exp.paren(code.copy()), expression=exp.Null()))
        return exp.Case(ifs=[exp.If(this=present, true=joined)], default=name.copy())

    def _stripped(self, header: str) -> exp.Expr:
        """Return texts without blanks around them, null where there is nothing else."""
        column = self._as_text(header)
        if not isinstance(self.schema[header], _TEXT):
            return column
        texts = pl.Series(self._not_plain(header, NOT_PLAIN), dtype=pl.String)
        stripped = texts.str.strip_chars()
        new = [item or None for item in stripped]
        return _replaced(column, dict(zip(texts, new, strict=True)))

    def _timestamp(self, header: str) -> exp.Expr:
        return self.dialect.timestamp(self._column(header), zone=header in self.zoned)

    def _month(self) -> exp.Expr:
        header = self.events.source.roles["period"]
        dtype = self.schema[header]
        if dtype.is_temporal() and isinstance(dtype, pl.Date | pl.Datetime):
            plain = isinstance(dtype, pl.Date) and not self._timeline.weeks
            at = self._column(header) if plain else self._timestamp(header)
            year = self.dialect.part("YEAR", at)
            if self._timeline.weeks:
                week = exp.Add(this=self.dialect.days(at.copy()), expression=number(_TO_1970))
                ordinal = self.dialect.floor_divided(week, 7)
            else:
                months = exp.Mul(this=year.copy(), expression=number(12))
                month = exp.Add(this=months, expression=self.dialect.part("MONTH", at.copy()))
                ordinal = exp.Sub(this=month, expression=number(self._timeline.year_starts))
            value: exp.Expr = ordinal
            if header not in self.ranges or not self.ranges[header].dated:
                inside = exp.Between(this=year.copy(), low=number(FIRST_YEAR), high=number(LAST_YEAR))
                value = exp.Case(ifs=[exp.If(this=inside, true=ordinal)])
        elif isinstance(dtype, _TEXT) or dtype.is_integer():
            value = self._month_of_texts(header)
        else:
            raise _refused(header, Message("periods that are neither dates nor texts"))
        return exp.cast(value, exp.DataType.Type.INT)

    def _month_of_texts(self, header: str) -> exp.Expr:
        """Return the months of texts: each distinct one is read by the expression of the pass."""
        column = self._as_text(header)
        texts = self.distinct(column, None)
        if texts is None:
            raise _refused(header, Message("more than {number} different texts of periods", number=MOST_TEXTS))
        cells = pl.DataFrame({header: pl.Series(texts, dtype=pl.String)})
        months = cells.select(self.events.columns[MONTH].alias(MONTH))[MONTH]
        known = {item: month for item, month in zip(texts, months, strict=True) if month is not None}
        branches = [exp.If(this=_equal(column, item), true=number(month)) for item, month in known.items()]
        return exp.Case(ifs=branches) if branches else exp.Null()

    def _number(self, name: str) -> exp.Expr:
        column = self.events.numbers[name]
        header, dtype = column.header, self.schema[column.header]
        if column.dates is not None:
            if not isinstance(dtype, pl.Date | pl.Datetime):
                raise _refused(header, Message("dates as texts"))
            at = self.dialect.micros(self._timestamp(header))
            inside = exp.And(
                this=exp.GTE(this=at, expression=number(EARLIEST)), expression=exp.LT(this=at, expression=number(END))
            )
            there = exp.Not(this=exp.Is(this=self._column(header), expression=exp.Null()))
            return exp.Case(ifs=[exp.If(this=inside, true=at.copy()), exp.If(this=there, true=number(NO_NUMBER))])
        if column.by_row is not None:
            raise _refused(header, Message("a column of units beside it"))
        if not (dtype.is_numeric() or dtype == pl.Boolean):
            raise _refused(header, Message("figures as texts"))
        if dtype.is_numeric() and column.notation.numbers:
            raise _refused(header, Message("numbers that stand for missing figures"))
        factor = Reader(column, self.rows.scales[name]).plain
        if factor is None:
            raise _refused(header, Message("a unit of another dimension"))
        return _converted(self._float(header, dtype), factor)

    def _float(self, header: str, dtype: pl.DataType) -> exp.Expr:
        column = self._column(header)
        if dtype == pl.Boolean:
            ones = [exp.If(this=column, true=number(1)), exp.If(this=exp.Not(this=column.copy()), true=number(0))]
            return self.dialect.double(exp.Case(ifs=ones))
        value = self.dialect.double(column)
        return self.dialect.finite(value) if dtype.is_float() else value

    def _text(self, name: str) -> exp.Expr:
        header = self._header(name)
        dtype = self.schema[header]
        if isinstance(dtype, _TEXT):
            texts = self._not_plain(header, NOT_PLAIN)
            new = self._cells_of(name, header, texts)
            return _replaced(self._as_text(header), dict(zip(texts, new, strict=True)))
        expression = self.events.columns[cell(name)]
        if dtype == pl.Boolean:
            words = pl.DataFrame({header: [True, False]}).select(expression.alias("w"))["w"]
            if words.dtype == pl.Boolean:
                return self._column(header)
            column = self._column(header)
            tests = (column, exp.Not(this=column.copy()))
            return exp.Case(ifs=[exp.If(this=test, true=text(word)) for test, word in zip(tests, words, strict=True)])
        if dtype.is_integer():
            kept = pl.DataFrame({header: pl.Series([1], dtype=dtype)}).select(expression.alias("w"))["w"].dtype
            return self._as_text(header) if kept == pl.String else self._column(header)
        if isinstance(dtype, pl.Date):
            return self._column(header)
        raise _refused(header, Message("a column of texts that holds numbers or times"))

    def _not_plain(self, header: str, pattern: str) -> Sequence[str]:
        texts = self.distinct(self._as_text(header), pattern)
        if texts is None:
            what = Message("more than {number} different texts that are folded or trimmed", number=MOST_TEXTS)
            raise _refused(header, what)
        return texts

    def _cells_of(self, name: str, header: str, texts: Sequence[str]) -> pl.Series:
        """Return what the pass over fetched rows makes of some texts of a column."""
        frame = pl.DataFrame({header: pl.Series(texts, dtype=pl.String)})
        return frame.select(self.events.columns[cell(name)].alias("cell"))["cell"]

    # ---- COMPUTED ---- #

    def _period_end(self) -> exp.Expr:
        """Return the start of the last day of a row's scored period, in microseconds."""
        size, month = self.events.grain.months, exp.column(self.alias(MONTH), quoted=True)
        after: exp.Expr = exp.Mul(
            this=exp.paren(exp.Add(this=self.dialect.floor_divided(month, size), expression=number(1))),
            expression=number(size),
        )
        day = 86_400_000_000.0
        if self._timeline.weeks:
            days = exp.Sub(
                this=exp.Mul(this=exp.paren(after), expression=number(7)), expression=number(_TO_1970 + 1)
            )  # fmt: skip
            return exp.Mul(this=self.dialect.double(exp.paren(days)), expression=number(day))
        if self._timeline.year_starts != 1:
            after = exp.Add(this=exp.paren(after), expression=number(self._timeline.year_starts - 1))
        return exp.Sub(this=self.dialect.first_of_month(after), expression=number(day))

    def _value(self, name: str) -> pl.Expr:
        """Return the compiled expression of a computed column, as `Events` has it."""
        kinds, scales = self.rows.kinds, self.rows.scales

        def unit(column: str) -> Unit | None:
            return scales[column].unit if column in scales else None

        def scope(column: str) -> Term:
            return term_of(column, kinds, pl.col(cell(column)), unit(column))

        try:
            return value_of(name, scope, self.rows.calendar).expr
        except ExpressionError:
            return pl.lit(None, dtype=pl.Float64)


#: Days from 0001-01-01, a Monday, to 1970-01-01.
_TO_1970 = 719_162


def _equal(column: exp.Expr, value: str) -> exp.Expr:
    return exp.EQ(this=column.copy(), expression=text(value))


def _replaced(column: exp.Expr, new: dict[str, str | None]) -> exp.Expr:
    """Return a column with some texts replaced, null for None."""
    changes = {old: item for old, item in new.items() if item != old}
    if not changes:
        return column
    branches = [
        exp.If(this=_equal(column, old), true=exp.Null() if item is None else text(item))
        for old, item in sorted(changes.items())
    ]
    return exp.Case(ifs=branches, default=column)


def _converted(value: exp.Expr, factor: Fraction) -> exp.Expr:
    """Return figures times an exact factor, in the operations of `events.units.converted`."""
    if factor == 1:
        return value
    product = exp.Mul(this=value, expression=number(float(factor.numerator)))
    if factor.denominator == 1:
        return product
    return exp.Div(this=product, expression=number(float(factor.denominator)), typed=False, safe=False)


def _refused(header: str, what: Message) -> Untranslatable:
    return Untranslatable(Message("`{column}` has {what}", column=header, what=what))
