"""Units of the numbers in tables of events, from cells, rows, headings and the line above the table.

A column of a dataset has one unit, in which conditions compare its figures: that of its headings if these agree, else
that of the first measure that reads it. Every figure is converted into it, and from there into the unit of each
measure. Figures whose conversion is not exact in decimals (20分钟 in 小时) are summed in a finer unit, so that three of
them are 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

import polars as pl
from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.intake.cells import instants
from kpi.intake.cells.numbers import LARGEST, PLAIN, YES_NO, Notation, problem_of, read_numbers, undecided
from kpi.intake.cells.unit_factors import meant
from kpi.intake.events.conditions import reads, value_of
from kpi.language import expressions
from kpi.language.expressions.conversions_by_hand import second_conversion
from kpi.language.expressions.terms import ExpressionError, Term
from kpi.language.measures import Measure
from kpi.language.record_columns import DURATIONS, PARTS_OF_DATES, computed, term_of
from kpi.language.system import unit_or_none
from kpi.values import units
from kpi.values.periods import Order
from kpi.values.units import MICROSECONDS, WORKING_DAY, Unit, UnitError

#: What to do about a duration in months.
LENGTHLESS = Message("months and years have no fixed length: write days, 天 or 工作日")

#: The type of the result of `Reader.read`.
READING = pl.Struct({"value": pl.Float64, "exact": pl.Float64, "bad": pl.Boolean, "typed": pl.Boolean})

# The most parts of a unit.
_FINEST = 1_000_000

# A factor whose denominator divides this keeps figures exact in decimals.
_EVEN = 10**6

_DECIMALS = 9


class NumberColumn(Struct, frozen=True):
    """The column of a number in one table, with its unit and notation.

    Attributes:
        header: the header of the column.
        unit: the unit of the heading, else that above the table; None without either.
        above: whether the unit is from above the table.
        by_row: the header of the column with the unit of each row, None without one.
        notation: the notation of its figures.
        dates: for points in time, the order of day and month in dates whose year is last; None for figures.
    """

    header: str
    unit: str | None = None
    above: bool = False
    by_row: str | None = None
    notation: Notation = PLAIN
    dates: Order | None = None


class Scale(Struct, frozen=True):
    """The unit of a column's figures, None if unknown, and the number of parts into which it is divided for sums.

    `assumed` means that it is the unit of a measure because no heading has one; `declared`, that no unit is assumed for
    a figure, which needs its own.
    """

    unit: Unit | None = None
    parts: int = 1
    assumed: bool = False
    declared: bool = False

    def into(self, wanted: Unit) -> Fraction | None:
        """Return the factor of figures, in parts of the unit, into another unit; None if there is none.

        Numbers without a unit, or in the assumed unit of another measure, are unchanged.
        """
        if self.unit is None:
            return Fraction(1, self.parts)
        if self.unit.dimension != wanted.dimension:
            return Fraction(1, self.parts) if self.assumed else None
        return self.unit.scale / wanted.scale / self.parts


class Reader(Struct, frozen=True):
    """Parse the cells of a column of numbers in one table."""

    column: NumberColumn
    scale: Scale

    @property
    def plain(self) -> Fraction | None:
        """The factor of figures without a unit, None if their column has a unit of another dimension."""
        return self.factor(None, None)[0]

    def factor(self, row: str | None, typed: str | None) -> tuple[Fraction | None, Message | None]:
        """Return the factor of a figure into the unit of its column, or what is wrong with its unit.

        Args:
            row: the unit of its row in the column of units.
            typed: the unit that is typed behind it.
        """
        unit = self.scale.unit
        multiple, text = meant(row or self.column.unit, typed, "" if unit is None else str(unit))
        if (not text or text == str(MICROSECONDS)) and self.scale.declared:
            return None, Message("is not known: it is compared with a difference of dates, or added to one")
        if not text or self.column.dates is not None:
            return Fraction(multiple), None
        if unit is None:
            if text == YES_NO:
                return Fraction(1), None
            message = Message(
                "is in {unit}, and the column `{column}` has no unit to convert it into",
                unit=text,
                column=self.column.header,
            )
            return None, message
        try:
            # Differences of times are kept in 微秒, which nobody writes.
            shown = units.parse("天") if unit == MICROSECONDS else unit
            units.factor(parsed := units.parse(text), shown)
        except UnitError as error:
            return None, Message("does not fit: {reason}", reason=error.args[0])
        return Fraction(multiple) * parsed.scale / unit.scale, None

    def fast(self, cells: pl.Series, rows: pl.Series | None = None) -> pl.Series:
        """Parse cells as figures in the unit of the column; NaN marks cells that need a second look.

        A parsed figure is never NaN. Cells need a second look that are no figure, or have a unit of another dimension
        or one whose conversion is not exact in decimals.
        """
        if self.column.dates is not None:
            return instants.read(cells, self.column.notation, self.column.dates)
        read = self._numbers(cells)
        if rows is None and read["unit"].null_count() == read.height:
            value = times(read["value"], self.plain)
        else:
            factors = self._factors(read["unit"], rows)
            even = [item if item is None or _EVEN % item.denominator == 0 else None for item in factors.known]
            value = factors.times(read["value"], even)
        odd = read["problem"].is_not_null()
        return value.set(odd, float("nan")) if odd.any() else value

    def read(self, cells: pl.Series, rows: pl.Series | None = None) -> pl.Series:
        """Parse cells to `READING`: the value in the unit of the column and in its parts, and whether it is unreadable.

        `typed` means that the figure or its row has its own unit. A blank cell has no value and is not bad.
        """
        if self.column.dates is not None:
            at = self.fast(cells)
            bad = at.is_nan().fill_null(value=False)
            known = at.set(bad, None)
            typed = pl.repeat(value=False, n=len(at), eager=True)
            return pl.DataFrame({"value": known, "exact": known, "bad": bad, "typed": typed}).to_struct("reading")
        read = self._numbers(cells)
        factors = self._factors(read["unit"], rows)
        bad = read["problem"].is_not_null()
        value = factors.times(read["value"], factors.known)
        bad |= value.is_nan().fill_null(value=False) | (value.abs() > LARGEST).fill_null(value=False)
        exact = factors.times(read["value"], [item and item * self.scale.parts for item in factors.known])
        typed = read["unit"].is_not_null() if rows is None else read["unit"].is_not_null() | rows.is_not_null()
        return pl.DataFrame(
            {"value": value.set(bad, None), "exact": exact.set(bad, None), "bad": bad, "typed": typed}
        ).to_struct("reading")

    def problem(self, cell: object, row: str | None) -> tuple[str, Message]:
        """Return the code and the message that say why a cell is no figure of its column."""
        if self.column.dates is not None:
            return "K606", instants.problem(cell, self.column.dates)
        if (problem := problem_of(cell, self.column.notation)) is not None:
            return "K604", problem
        _, misfit = self.factor(row, self.typed_unit(cell))
        fault = Message("is too large") if misfit is None else misfit
        return "K605" if misfit else "K604", Message("`{cell}` {fault}", cell=cell, fault=fault)

    def unit_hint(self, row: str | None = None, typed: str | None = None) -> Message | None:
        """Return what to do about a unit of a duration that does not fit; None of any other number."""
        unit = self.scale.unit
        if unit is None or unit.dimension not in (MICROSECONDS.dimension, WORKING_DAY.dimension):
            return None
        _, text = meant(row or self.column.unit, typed, str(unit))
        try:
            given = units.parse(text or "")
        except UnitError:
            return None
        if units.is_of_months(given):
            return LENGTHLESS
        if self.scale.declared and given.dimension in (MICROSECONDS.dimension, WORKING_DAY.dimension):
            return Message(
                "a column of durations is in days or in working days: write those of the other kind into a column of "
                "their own"
            )
        return None

    def typed_unit(self, cell: object) -> str | None:
        """Return the unit typed behind the figure of a cell."""
        unit: str | None = self._numbers(pl.Series([cell]))["unit"].item()
        return unit

    def seen(self, cells: pl.Series, rows: pl.Series | None = None) -> pl.Series:
        """Return the units of cells: a struct of `row`, `typed` and whether the cell is no figure (`bad`)."""
        if self.column.dates is not None:
            none = pl.repeat(None, len(cells), dtype=pl.String, eager=True)
            return pl.DataFrame({"row": none, "typed": none, "bad": self.fast(cells).is_nan()}).to_struct()
        read = self._numbers(cells)
        row = pl.repeat(None, read.height, dtype=pl.String, eager=True) if rows is None else rows
        return pl.DataFrame({"row": row, "typed": read["unit"], "bad": read["problem"].is_not_null()}).to_struct()

    def undecided(self, cells: pl.Series) -> pl.Series:
        """Return which cells are no figure because their decimal mark is ambiguous (Boolean)."""
        if self.column.dates is not None:
            return pl.repeat(value=False, n=len(cells), eager=True)
        return undecided(cells.cast(pl.String), self._numbers(cells)["problem"], self.column.notation)

    def _numbers(self, cells: pl.Series) -> pl.DataFrame:
        return read_numbers(cells, notation=self.column.notation)

    def _factors(self, typed: pl.Series, rows: pl.Series | None) -> _Factors:
        """Return the factor of each cell, looked up once for each distinct pair of units."""
        row = pl.repeat(None, len(typed), dtype=pl.String, eager=True) if rows is None else rows
        pairs = pl.DataFrame({"row": row, "typed": typed})
        known = pairs.unique(maintain_order=True).with_row_index("at")
        place = pairs.join(known, on=["row", "typed"], how="left", nulls_equal=True, maintain_order="left")["at"]
        return _Factors(place, [self.factor(*pair)[0] for pair in known.select("row", "typed").rows()])


class _Factors(Struct, frozen=True):
    """The distinct factors, and for each cell the position of its factor."""

    place: pl.Series
    known: Sequence[Fraction | None]

    def times(self, value: pl.Series, factors: Iterable[Fraction | None]) -> pl.Series:
        """Multiply values by the factors of their cells, NaN without a factor."""
        items = list(factors)
        if len(items) == 1:
            return times(value, items[0])
        above = pl.Series([math.nan if item is None else float(item.numerator) for item in items], dtype=pl.Float64)
        below = pl.Series([1.0 if item is None else float(item.denominator) for item in items], dtype=pl.Float64)
        changed = pl.Series([item != 1 for item in items], dtype=pl.Boolean)
        product = value * above.gather(self.place) / below.gather(self.place)
        return value.zip_with(~changed.gather(self.place), product.round(_DECIMALS))


def times(value: pl.Series, factor: Fraction | None) -> pl.Series:
    """Multiply values by an exact factor, rounded to nine decimals; NaN without a factor.

    >>> times(pl.Series([0.1, 2.0]), Fraction(10_000)).to_list(), times(pl.Series([970.0]), Fraction(1, 60)).to_list()
    ([1000.0, 20000.0], [16.166666667])
    """
    if factor == 1:
        return value
    if factor is None:
        return value * math.nan
    return (value * float(factor.numerator) / pl.Series([float(factor.denominator)])).round(_DECIMALS)


def converted(value: pl.Expr, factor: Fraction) -> pl.Expr:
    """Multiply figures by an exact factor.

    Polars replaces division by a constant with multiplication by its reciprocal; division by a column is exact.
    """
    if factor == 1:
        return value
    product = value * float(factor.numerator)
    return product if factor.denominator == 1 else product / (value * 0.0 + float(factor.denominator))


# ---- UNITS OF COLUMNS ---- #


def scales(
    tables: Sequence[Mapping[str, NumberColumn]],
    measures: Mapping[str, Measure],
    kinds: Mapping[str, str],
    place: Place,
) -> tuple[dict[str, Scale], list[Diagnostic]]:
    """Resolve the unit of each number of a dataset, and return the findings about units.

    Args:
        tables: the numbers of every table.
        measures: the measures of the dataset.
        kinds: the kind of each column.
        place: the place of the dataset, for findings.
    """
    scale_of: dict[str, Scale] = {}
    notes: list[Diagnostic] = []
    for name in tables[0]:
        if kinds[name] == "time":
            scale_of[name] = Scale()
            continue
        figures_of = {key: item for key, item in measures.items() if _takes(item, name)}
        headings = {table[name].unit for table in tables}
        # Figures under a text that is no unit are refused, each as what it is.
        known = [unit for unit in map(unit_or_none, sorted(filter(None, headings))) if unit is not None]
        by_row = any(table[name].by_row for table in tables)
        first = next((item.quantity for item in figures_of.values()), None)
        if known and None not in headings and len({item.scale for item in known}) == 1:
            scale_of[name] = Scale(known[0])
        elif first is not None:
            scale_of[name] = Scale(first, assumed=not any(headings) and not by_row)
        else:
            scale_of[name] = Scale(min(known, key=lambda quantity: quantity.scale) if known else None)
        if kinds[name] in DURATIONS:
            scale_of[name] = Scale(DURATIONS[kinds[name]], declared=True)
        elif len(headings) > 1 and any(name in reads(item.where) for item in measures.values()):
            message = Message(
                "the files have `{column}` in {units}; conditions compare it in {unit}",
                column=name,
                units=tuple(text or Message("no unit") for text in sorted(headings, key=str)),
                unit=scale_of[name].unit,
            )
            notes.append(Diagnostic("K632", message, place, Message("give it one unit in all files"), Severity.WARNING))
        if None in headings and not by_row and first is not None:
            others = [
                (key, item) for key, item in figures_of.items()
                if item.quantity.dimension == first.dimension and item.quantity.scale != first.scale
            ]  # fmt: skip
            if others:
                key, other = others[0]
                message = Message(
                    "`{column}` has no unit: its figures are taken to be in {unit}, for `{measure}` in {other} too",
                    column=name,
                    unit=first,
                    measure=key,
                    other=other.unit,
                )
                hint = Message("write the unit into the heading: {column}（{unit}）", column=name, unit=first)
                notes.append(Diagnostic("K627", message, replace(place, field=name), hint, Severity.WARNING))
    results = _computed(measures.values(), kinds, scale_of)
    return scale_of | results, [*notes, *_converted_twice(measures, results, place)]


def _converted_twice(measures: Mapping[str, Measure], results: Mapping[str, Scale], place: Place) -> list[Diagnostic]:
    """Return a warning (K499) for each measure whose expression converts what the units of its columns convert."""
    findings = []
    for measure in measures.values():
        if not measure.computed or measure.taken_from not in results:
            continue
        again = second_conversion(measure.taken_from, results[measure.taken_from].unit, measure.quantity)
        if again is not None:
            message, hint = again
            where = replace(place, field=measure.taken_from)
            findings.append(Diagnostic("K499", message, where, hint, Severity.WARNING))
    return findings


def _computed(measures: Iterable[Measure], kinds: Mapping[str, str], known: Mapping[str, Scale]) -> dict[str, Scale]:
    """Return the units of computed columns."""
    scale_of = {}
    for text in computed(measures):

        def scope(name: str) -> Term:
            return term_of(name, kinds, pl.col(name), known[name].unit if name in known else None)

        try:
            unit = value_of(text, scope).unit
        except ExpressionError:
            scale_of[text] = Scale(UNFIT)
            continue
        scale_of[text] = Scale(unit)
    return scale_of


#: The unit of expressions whose units do not fit together, which no measure has.
UNFIT = Unit("units that do not go together", Fraction(1), (("no unit", 1),), ())


def with_implied_units(
    columns: Mapping[str, NumberColumn], measures: Mapping[str, Measure], kinds: Mapping[str, str]
) -> dict[str, NumberColumn]:
    """Complete the units of durations in a table: without one, that of the first measure that reads the column."""
    implied = dict(columns)
    for name, column in columns.items():
        if kinds[name] in DURATIONS and column.unit is None and column.by_row is None:
            first = next((measure.unit for measure in measures.values() if _takes(measure, name)), None)
            implied[name] = replace(column, unit=first)
    return implied


def _takes(measure: Measure, name: str) -> bool:
    """Return whether a measure is in the unit of a column: one of its figures, or a sum or difference of columns."""
    if not measure.computes:
        return False
    of = measure.taken_from
    return of == name or (measure.computed and name in measure.columns() and _is_sum(of))


def _is_sum(text: str) -> bool:
    """Return whether an expression is a sum or difference, in the unit of its columns."""
    return not any(True for _ in expressions.parse(text).tree.find_all(exp.Mul, exp.Div, *PARTS_OF_DATES, exp.Case))


def finer(scale: Scale, factors: Iterable[Fraction | None]) -> Scale:
    """Return the scale in whose parts figures with some factors are exact.

    >>> hours = units.parse("小时")
    >>> finer(Scale(hours), [Fraction(1, 60), Fraction(24), None]).parts
    60
    """
    uneven = [factor for factor in factors if factor is not None and _EVEN % factor.denominator]
    parts = math.lcm(1, *(item.denominator for item in uneven))
    return replace(scale, parts=parts) if parts <= _FINEST else scale
