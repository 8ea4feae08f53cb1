"""Measures (基础数据): one number per entity and period with a unit, aggregated from a dataset.

Every kind answers `aggregate` with one Polars expression over the rows of a group. Sums and counts of nothing matched
are zero where the dataset has rows for that entity and period; every other kind, and an entity without rows, is
missing.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import Field

from kpi import units
from kpi.definition import Definition, Listed, Name, Text, one_of
from kpi.units import Unit

#: Exact sums add figures as whole multiples of one part in this, in 128-bit integers.
SCALE = 1e9

OverTime = Literal["sum", "last", "first", "mean", "max", "min", "ytd"]


def exact_sum(value: pl.Expr) -> pl.Expr:
    """Returns the sum of a Float64 expression as Float64, the same bits for any order of the rows.

    Float sums depend on the order in which a parallel engine adds; whole numbers do not. Values are added as
    multiples of 1e-9 in Int128, which is exact for figures of up to nine decimals and magnitudes below 1e29.

    >>> pl.DataFrame({"x": [0.1, 0.2, 0.3, 1e9]}).select(exact_sum(pl.col("x"))).item()
    1000000000.6
    """
    return unscaled((value * SCALE).round().cast(pl.Int128).sum().cast(pl.Float64))


def unscaled(whole: pl.Expr) -> pl.Expr:
    """Returns whole multiples of 1e-9 as the figures they stand for, to the last bit.

    Polars divides by a constant as it multiplies by its reciprocal: 5.8e10 / 1e9 comes out above 58, and `> 29` then
    holds of a mean of 29. By a column it divides as IEEE 754 says.

    >>> pl.DataFrame({"x": [5.8e10, 3e8, 7.0]}).select(unscaled(pl.col("x"))).to_series().to_list()
    [58.0, 0.3, 7e-09]
    """
    return whole / (whole * 0.0 + SCALE)


class Measure(Definition):
    """The base of all measures.

    `where` keeps rows, `per` aggregates at a finer level (a column such as 村) for counts against thresholds, and
    `over_time` says how figures of finer periods make the scored period.
    """

    additive: ClassVar[bool] = False

    unit: Text = Field(description="the unit the figures are kept in, such as 亿元, 件 or '%'")
    source: Name | None = Field(None, alias="from", description="the dataset; may be left out when only one fits")
    where: str | None = Field(None, description="a condition on the columns of the dataset")
    per: str | None = Field(None, description="a column that splits the entity into finer units, such as 村")
    over_time: OverTime | None = Field(
        None, description="sum for flows, last for stocks, mean, max, min; ytd for year-to-date figures"
    )
    decimals: Annotated[int, Field(ge=0, le=9)] | None = Field(None, description="decimals when printed")
    synonyms: Listed[str] = Field((), description="other names under which files carry the figure")

    @property
    def quantity(self) -> Unit:
        """The unit the figures are kept in; raises UnitError when it is none."""
        return units.parse(self.unit)

    def columns(self) -> tuple[str, ...]:
        """Returns the dataset's columns that the value itself is read from."""
        return ()

    def aggregate(self, matched: pl.Expr, order: pl.Expr) -> tuple[pl.Expr, pl.Expr]:  # noqa: ARG002
        """Returns the value (Float64) and the number of rows used, as aggregations over a group.

        Args:
            matched: Boolean, whether the row satisfies `where`.
            order: the row's place in time, for first and last.
        """
        raise TypeError(f"{type(self).__name__} measures are not aggregated from events")


class Reported(Measure):
    """A figure that a department reports, one number per entity and period.

    Finer periods make the scored period by `over_time`: flows are summed, stocks taken at the end. Figures of
    1-6月 and the like are year to date and are never summed again.
    """

    kind: Literal["reported"] = "reported"

    @property
    def timing(self) -> OverTime:
        """How finer periods are combined: as declared, else sum for amounts and last for rates and yes/no."""
        return self.over_time or ("sum" if units.summable(self.quantity) else "last")


class Count(Measure):
    """The number of rows: `count(rows where ...)`.

    >>> Count(unit="件", where="渠道 = '网上'").kind
    'count'
    """

    additive: ClassVar[bool] = True
    kind: Literal["count"] = "count"

    def aggregate(self, matched: pl.Expr, order: pl.Expr) -> tuple[pl.Expr, pl.Expr]:  # noqa: ARG002
        """Returns how many rows match, as value and as rows."""
        return matched.sum().cast(pl.Float64), matched.sum()


class OfColumn(Measure):
    """The base of measures that aggregate one column."""

    of: str = Field(description="the column that is aggregated")

    def columns(self) -> tuple[str, ...]:
        """Returns the column that is aggregated."""
        return (self.of,)

    def aggregate(self, matched: pl.Expr, order: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
        """Returns the value over the matched rows whose column is filled, and how many they are."""
        value = pl.when(matched).then(pl.col(self.of))
        used = value.is_not_null().sum()
        return pl.when(used > 0).then(
            self.combine(value, pl.when(matched & pl.col(self.of).is_not_null()).then(order))
        ), used

    @abstractmethod
    def combine(self, value: pl.Expr, order: pl.Expr) -> pl.Expr:
        """Returns the aggregation of a Float64 expression that is null where a row does not count."""


class Sum(Measure):
    """The sum of a column: `sum(of where ...)`, exact to nine decimals in any row order."""

    additive: ClassVar[bool] = True
    kind: Literal["sum"] = "sum"
    of: str = Field(description="the column that is added up")

    def columns(self) -> tuple[str, ...]:
        """Returns the column that is added up."""
        return (self.of,)

    def aggregate(self, matched: pl.Expr, order: pl.Expr) -> tuple[pl.Expr, pl.Expr]:  # noqa: ARG002
        """Returns the sum, zero where rows exist and none matches, null where a match has no figure at all."""
        value = pl.when(matched).then(pl.col(self.of))
        used = value.is_not_null().sum()
        return pl.when((used > 0) | (matched.sum() == 0)).then(exact_sum(value)), used


class Mean(OfColumn):
    """The mean of a column over rows: `sum(of) / count(of)`, so periods weigh by their rows."""

    kind: Literal["mean"] = "mean"

    def combine(self, value: pl.Expr, order: pl.Expr) -> pl.Expr:  # noqa: ARG002
        """Returns the exact sum divided by the number of filled rows."""
        return exact_sum(value) / value.is_not_null().sum()


class Min(OfColumn):
    """The smallest value of a column."""

    kind: Literal["min"] = "min"

    def combine(self, value: pl.Expr, order: pl.Expr) -> pl.Expr:  # noqa: ARG002
        """Returns the minimum."""
        return value.min()


class Max(OfColumn):
    """The largest value of a column."""

    kind: Literal["max"] = "max"

    def combine(self, value: pl.Expr, order: pl.Expr) -> pl.Expr:  # noqa: ARG002
        """Returns the maximum."""
        return value.max()


class Median(OfColumn):
    """The median of a column; the mean of the two middle values for an even number of rows."""

    kind: Literal["median"] = "median"

    def combine(self, value: pl.Expr, order: pl.Expr) -> pl.Expr:  # noqa: ARG002
        """Returns the median."""
        return value.median()


class Quantile(OfColumn):
    """The q-quantile of a column with linear interpolation between order statistics (Hyndman and Fan, type 7)."""

    kind: Literal["quantile"] = "quantile"
    q: float = Field(ge=0, le=1, description="0.9 is the value that nine tenths do not exceed")

    def combine(self, value: pl.Expr, order: pl.Expr) -> pl.Expr:  # noqa: ARG002
        """Returns the quantile."""
        return value.quantile(self.q, "linear")


class Last(OfColumn):
    """The value of the latest row of the period; of several on one day, the largest."""

    kind: Literal["last"] = "last"

    def combine(self, value: pl.Expr, order: pl.Expr) -> pl.Expr:
        """Returns the largest value among the rows of the latest date."""
        return pl.when(order == order.max()).then(value).max()


class First(OfColumn):
    """The value of the earliest row of the period; of several on one day, the smallest."""

    kind: Literal["first"] = "first"

    def combine(self, value: pl.Expr, order: pl.Expr) -> pl.Expr:
        """Returns the smallest value among the rows of the earliest date."""
        return pl.when(order == order.min()).then(value).min()


class Distinct(Measure):
    """The number of different values of a column; empty cells are not a value."""

    kind: Literal["distinct"] = "distinct"
    of: str = Field(description="the column whose different values are counted")

    def columns(self) -> tuple[str, ...]:
        """Returns the column whose values are counted."""
        return (self.of,)

    def aggregate(self, matched: pl.Expr, order: pl.Expr) -> tuple[pl.Expr, pl.Expr]:  # noqa: ARG002
        """Returns how many different values the matched rows hold, zero where none matches."""
        value = pl.when(matched).then(pl.col(self.of))
        return value.drop_nulls().n_unique().cast(pl.Float64), value.is_not_null().sum()


#: Any measure, told apart by `kind` (`reported` when left out).
AnyMeasure = one_of(Reported, Count, Sum, Mean, Min, Max, Median, Quantile, Last, First, Distinct, default="reported")
