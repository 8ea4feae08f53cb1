"""Units of the numbers in tables of events: what a cell, its row, its heading and the line above the table say.

A column of a dataset has one unit, in which conditions compare its figures: that of its headings where these agree,
else that of the first measure that reads it. Every figure is converted into it, and from there into the unit of each
measure. Figures that do not come out even (20分钟 in 小时) are added up in a finer unit, so that three of them are 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import polars as pl
from sqlglot import exp

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.intake.cells import instants
from kpi.intake.cells.numbers import LARGEST, PLAIN, YES_NO, Notation, read_numbers, undecided
from kpi.intake.cells.unit_factors import meant
from kpi.intake.events.conditions import reads, value_of
from kpi.language import expressions
from kpi.language.expressions.terms import ExpressionError, Term
from kpi.language.measures import Measure
from kpi.language.record_columns import DURATIONS, PARTS_OF_DATES, computed, term_of
from kpi.values import units
from kpi.values.periods import Order
from kpi.values.units import MICROSECONDS, Unit, UnitError

#: What a reading of a number's cells gives, see `Reader.read`.
READING = pl.Struct({"value": pl.Float64, "exact": pl.Float64, "bad": pl.Boolean, "typed": pl.Boolean})

# Into how many parts a unit is divided at most.
_FINEST = 1_000_000

# A factor with so many decimals at most leaves figures as even as they are.
_EVEN = 10**6

_DECIMALS = 9


@dataclass(frozen=True)
class NumberColumn:
    """Where the cells of a number are in one table, and what is said of their unit there.

    Attributes:
        header: of the column.
        unit: that of the heading, or that above the table; None where neither says one.
        above: whether it stands above the table.
        by_row: the header of the column that has a unit for each row, None where there is none.
        notation: how its figures are written.
        dates: the order in dates whose year stands last, where the column holds points in time; None for figures.
    """

    header: str
    unit: str | None = None
    above: bool = False
    by_row: str | None = None
    notation: Notation = PLAIN
    dates: Order | None = None


@dataclass(frozen=True)
class Scale:
    """The unit of a column's figures, None where nothing says any, and into how many parts it is divided for sums.

    `assumed` says that it is the unit of a measure, since no heading says one; `declared`, that none is taken for a
    figure, which needs one of its own.
    """

    unit: Unit | None = None
    parts: int = 1
    assumed: bool = False
    declared: bool = False

    def into(self, wanted: Unit) -> Fraction | None:
        """Return what figures, in parts of the unit, are multiplied by to be in another; None where that cannot be.

        A number without a unit, or in the assumed unit of another measure, is taken as it is.
        """
        if self.unit is None:
            return Fraction(1, self.parts)
        if self.unit.dimension != wanted.dimension:
            return Fraction(1, self.parts) if self.assumed else None
        return self.unit.scale / wanted.scale / self.parts


@dataclass(frozen=True)
class Reader:
    """Read the cells of a number's column in one table."""

    column: NumberColumn
    scale: Scale

    @property
    def plain(self) -> Fraction | None:
        """What a figure without a unit is multiplied by, None where its column has a unit of another dimension."""
        return self.factor(None, None)[0]

    def factor(self, row: str | None, typed: str | None) -> tuple[Fraction | None, str | None]:
        """Return the factor of a figure into the unit of its column, or what is wrong.

        Args:
            row: the unit that its row has in the column of units.
            typed: the unit that is typed behind it.
        """
        unit = self.scale.unit
        multiple, text = meant(row or self.column.unit, typed, "" if unit is None else str(unit))
        if (not text or text == str(MICROSECONDS)) and self.scale.declared:
            return None, "is not known: it is compared with a difference of dates, or added to one"
        if not text or self.column.dates is not None:
            return Fraction(multiple), None
        if unit is None:
            if text == YES_NO:
                return Fraction(1), None
            return None, f"is in {text}, and the column `{self.column.header}` has no unit to convert it into"
        try:
            units.factor(found := units.parse(text), unit)
        except UnitError as error:
            return None, f"does not fit: {error}"
        return Fraction(multiple) * found.scale / unit.scale, None

    def fast(self, cells: pl.Series, rows: pl.Series | None = None) -> pl.Series:
        """Return what cells say as figures in the unit of the column, NaN where that takes a second look.

        No figure is NaN. A second look is for cells that are no figure, that have a unit of another dimension, or one
        in which the figure does not come out even.
        """
        if self.column.dates is not None:
            return instants.read(cells, self.column.notation, self.column.dates)
        read = self._numbers(cells)
        if rows is None and read["unit"].null_count() == read.height:
            value = times(read["value"], self.plain)
        else:
            found = self._factors(read["unit"], rows)
            even = [one if one is None or _EVEN % one.denominator == 0 else None for one in found.known]
            value = found.times(read["value"], even)
        odd = read["problem"].is_not_null()
        return value.set(odd, float("nan")) if odd.any() else value

    def read(self, cells: pl.Series, rows: pl.Series | None = None) -> pl.Series:
        """Return cells as `READING`: the value in the unit of the column, that in its parts, whether neither can be.

        `typed` says that a unit is typed behind the figure, or stands in its row. A blank cell has no value and is not
        bad.
        """
        if self.column.dates is not None:
            at = self.fast(cells)
            bad = at.is_nan().fill_null(value=False)
            known = at.set(bad, None)
            typed = pl.repeat(value=False, n=len(at), eager=True)
            return pl.DataFrame({"value": known, "exact": known, "bad": bad, "typed": typed}).to_struct("reading")
        read = self._numbers(cells)
        found = self._factors(read["unit"], rows)
        bad = read["problem"].is_not_null()
        value = found.times(read["value"], found.known)
        bad |= value.is_nan().fill_null(value=False) | (value.abs() > LARGEST).fill_null(value=False)
        exact = found.times(read["value"], [one and one * self.scale.parts for one in found.known])
        typed = read["unit"].is_not_null() if rows is None else read["unit"].is_not_null() | rows.is_not_null()
        return pl.DataFrame(
            {"value": value.set(bad, None), "exact": exact.set(bad, None), "bad": bad, "typed": typed}
        ).to_struct("reading")

    def problem(self, cell: object, row: str | None) -> tuple[str, str]:
        """Return the code and the sentence that say why a cell is no figure of its column."""
        if self.column.dates is not None:
            return "K606", instants.problem(cell, self.column.dates)
        read = self._numbers(pl.Series([cell]))
        typed, problem = read["unit"].item(), read["problem"].item()
        if problem is not None:
            return "K604", str(problem)
        _, misfit = self.factor(row, typed)
        return ("K605", f"`{cell}` {misfit}") if misfit else ("K604", f"`{cell}` is too large")

    def seen(self, cells: pl.Series, rows: pl.Series | None = None) -> pl.Series:
        """Return the units of cells that are figures: a struct of `row` and `typed`."""
        if self.column.dates is not None:
            none = pl.repeat(None, len(cells), dtype=pl.String, eager=True)
            return pl.DataFrame({"row": none, "typed": none, "bad": self.fast(cells).is_nan()}).to_struct()
        read = self._numbers(cells)
        row = pl.repeat(None, read.height, dtype=pl.String, eager=True) if rows is None else rows
        return pl.DataFrame({"row": row, "typed": read["unit"], "bad": read["problem"].is_not_null()}).to_struct()

    def undecided(self, cells: pl.Series) -> pl.Series:
        """Returns which cells are no figure since their decimal mark cannot be told (Boolean)."""
        if self.column.dates is not None:
            return pl.repeat(value=False, n=len(cells), eager=True)
        return undecided(cells.cast(pl.String), self._numbers(cells)["problem"], self.column.notation)

    def _numbers(self, cells: pl.Series) -> pl.DataFrame:
        return read_numbers(cells, notation=self.column.notation)

    def _factors(self, typed: pl.Series, rows: pl.Series | None) -> _Factors:
        """The factor of each cell, looked up for each pair of units."""
        row = pl.repeat(None, len(typed), dtype=pl.String, eager=True) if rows is None else rows
        pairs = pl.DataFrame({"row": row, "typed": typed})
        known = pairs.unique(maintain_order=True).with_row_index("at")
        place = pairs.join(known, on=["row", "typed"], how="left", nulls_equal=True, maintain_order="left")["at"]
        return _Factors(place, [self.factor(*pair)[0] for pair in known.select("row", "typed").rows()])


@dataclass(frozen=True)
class _Factors:
    """Factors by the places of the cells in the list of those known."""

    place: pl.Series
    known: Sequence[Fraction | None]

    def times(self, value: pl.Series, factors: Iterable[Fraction | None]) -> pl.Series:
        """Return values times the factors of their cells, NaN where there is no factor."""
        some = list(factors)
        if len(some) == 1:
            return times(value, some[0])
        above = pl.Series([math.nan if one is None else float(one.numerator) for one in some], dtype=pl.Float64)
        below = pl.Series([1.0 if one is None else float(one.denominator) for one in some], dtype=pl.Float64)
        changed = pl.Series([one != 1 for one in some], dtype=pl.Boolean)
        product = value * above.gather(self.place) / below.gather(self.place)
        return value.zip_with(~changed.gather(self.place), product.round(_DECIMALS))


def times(value: pl.Series, factor: Fraction | None) -> pl.Series:
    """Return values times an exact factor, to nine decimals; NaN where there is none.

    >>> times(pl.Series([0.1, 2.0]), Fraction(10_000)).to_list(), times(pl.Series([970.0]), Fraction(1, 60)).to_list()
    ([1000.0, 20000.0], [16.166666667])
    """
    if factor == 1:
        return value
    if factor is None:
        return value * math.nan
    return (value * float(factor.numerator) / pl.Series([float(factor.denominator)])).round(_DECIMALS)


def converted(value: pl.Expr, factor: Fraction) -> pl.Expr:
    """Return figures times an exact factor.

    Polars divides by a constant as it multiplies by its reciprocal, by a column as IEEE 754 says.
    """
    if factor == 1:
        return value
    product = value * float(factor.numerator)
    return product if factor.denominator == 1 else product / (value * 0.0 + float(factor.denominator))


# ---- WHICH UNIT A COLUMN HAS ---- #


def scales(
    tables: Sequence[Mapping[str, NumberColumn]],
    measures: Mapping[str, Measure],
    kinds: Mapping[str, str],
    place: Place,
) -> tuple[dict[str, Scale], list[Diagnostic]]:
    """Return the unit of each number of a dataset, and what has to be known about it.

    Args:
        tables: the numbers of every table.
        measures: of the dataset.
        kinds: of the columns.
        place: of the dataset, for findings.
    """
    found: dict[str, Scale] = {}
    notes: list[Diagnostic] = []
    for name in tables[0]:
        if kinds[name] == "time":
            found[name] = Scale()
            continue
        takers = {key: one for key, one in measures.items() if _takes(one, name)}
        headings = {one[name].unit for one in tables}
        known = [units.parse(text) for text in sorted(filter(None, headings))]
        by_row = any(one[name].by_row for one in tables)
        first = next((one.quantity for one in takers.values()), None)
        if known and None not in headings and len({one.scale for one in known}) == 1:
            found[name] = Scale(known[0])
        elif first is not None:
            found[name] = Scale(first, assumed=not known and not by_row)
        else:
            found[name] = Scale(min(known, key=lambda one: one.scale) if known else None)
        if kinds[name] in DURATIONS:
            found[name] = Scale(DURATIONS[kinds[name]], declared=True)
        elif len(headings) > 1 and any(name in reads(one.where) for one in measures.values()):
            words = ", ".join(text or "no unit" for text in sorted(headings, key=str))
            message = Message(
                "the files have `{name}` in {words}; conditions compare it in {unit}",
                name=name,
                words=words,
                unit=found[name].unit,
            )
            notes.append(Diagnostic("K632", message, place, Message("give it one unit in all files"), Severity.WARNING))
        if None in headings and not by_row and first is not None:
            others = [
                (key, one) for key, one in takers.items()
                if one.quantity.dimension == first.dimension and one.quantity.scale != first.scale
            ]  # fmt: skip
            if others:
                key, other = others[0]
                message = Message(
                    "`{name}` has no unit: its figures are taken to be in {first}, for `{key}` in {unit} too",
                    name=name,
                    first=first,
                    key=key,
                    unit=other.unit,
                )
                hint = Message("write the unit into the heading: {name}（{first}）", name=name, first=first)
                notes.append(Diagnostic("K627", message, replace(place, field=name), hint, Severity.WARNING))
    return found | _computed(measures.values(), kinds, found), notes


def _computed(measures: Iterable[Measure], kinds: Mapping[str, str], known: Mapping[str, Scale]) -> dict[str, Scale]:
    """The units of what is computed from columns, where these are known."""
    found = {}
    for text in computed(measures):

        def scope(name: str) -> Term:
            return term_of(name, kinds, pl.col(name), known[name].unit if name in known else None)

        try:
            unit = value_of(text, scope).unit
        except ExpressionError:
            found[text] = Scale(_UNFIT)
            continue
        found[text] = Scale(unit)
    return found


# The unit of figures whose units do not go together: no measure has it.
_UNFIT = Unit("units that do not go together", Fraction(1), (("no unit", 1),), ())


def with_implied_units(
    columns: Mapping[str, NumberColumn], measures: Mapping[str, Measure], kinds: Mapping[str, str]
) -> dict[str, NumberColumn]:
    """Return the numbers of a table with the unit of the first measure that reads it for a duration without one."""
    found = dict(columns)
    for name, column in columns.items():
        if kinds[name] in DURATIONS and column.unit is None and column.by_row is None:
            first = next((one.unit for one in measures.values() if _takes(one, name)), None)
            found[name] = replace(column, unit=first)
    return found


def _takes(measure: Measure, name: str) -> bool:
    """Whether a measure is a figure of a column, or a sum of such, rather than a number of its values."""
    if not measure.computes:
        return False
    of = measure.taken_from
    return of == name or (measure.computed and name in measure.columns() and _is_sum(of))


def _is_sum(text: str) -> bool:
    """Whether an expression has the unit of each of its columns."""
    return not any(True for _ in expressions.parse(text).tree.find_all(exp.Mul, exp.Div, *PARTS_OF_DATES, exp.Case))


def finer(scale: Scale, factors: Iterable[Fraction | None]) -> Scale:
    """Return the scale in whose parts figures with some factors come out even.

    >>> hours = units.parse("小时")
    >>> finer(Scale(hours), [Fraction(1, 60), Fraction(24), None]).parts
    60
    """
    uneven = [one for one in factors if one is not None and _EVEN % one.denominator]
    parts = math.lcm(1, *(one.denominator for one in uneven))
    return replace(scale, parts=parts) if parts <= _FINEST else scale
