"""Measures (基础数据): one number per entity and period with a unit, aggregated from a dataset.

Every kind declares in `parts` the aggregates of a group of rows, such as counts and exact sums, which merge when two
groups are joined, and computes the value from them in `figure`. What cannot be merged (medians, distinct values, the
latest row) is a statistic of the rows themselves. Sums and counts of nothing matched are zero where the dataset has
rows for that entity and period; every other kind, and an entity without rows, is missing.
"""

import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

import polars as pl
from msgspec import Struct
from pydantic import Field
from typing_extensions import override

from kpi.errors import Message
from kpi.language import expressions
from kpi.language.expressions.terms import ExpressionError
from kpi.language.expressions.times import PERIOD_END
from kpi.language.model import Definition, Listed, Name, Text, one_of
from kpi.values import units
from kpi.values.patterns import regex
from kpi.values.rounding import unsigned_zero
from kpi.values.units import Unit

#: Exact sums add figures as whole multiples of one part in this, in 128-bit integers.
SCALE = 1e9

OverTime = Literal["sum", "last", "first", "mean", "median", "max", "min", "ytd"]


_CUMULATIVE = regex(
    r"累计|年初(?:以来|至)|(?<!\d)1-本月|year[ _-]to[ _-]date|\bytd\b|cumulative|running total", re.IGNORECASE
)


def calls_cumulative(text: str) -> bool:
    """Return whether a title or heading calls figures running totals.

    >>> [calls_cumulative(text) for text in ("累计财政收入", "Revenue (YTD)", "1-本月", "财政收入")]
    [True, True, True, False]
    """
    return _CUMULATIVE.search(text) is not None


def exact_sum(value: pl.Expr) -> pl.Expr:
    """Return the sum of a Float64 expression as Float64, the same bits for any order of the rows.

    Float sums depend on the order in which a parallel engine adds; whole numbers do not. Values are added as
    multiples of 1e-9 in Int128, which is exact for figures of up to nine decimals and magnitudes below 1e29.

    >>> pl.DataFrame({"x": [0.1, 0.2, 0.3, 1e9]}).select(exact_sum(pl.col("x"))).item()
    1000000000.6
    """
    return unscaled((value * SCALE).round().cast(pl.Int128).sum().cast(pl.Float64))


def unscaled(whole: pl.Expr) -> pl.Expr:
    """Return whole multiples of 1e-9 as the figures they stand for, to the last bit.

    Polars divides by a constant as it multiplies by its reciprocal: 5.8e10 / 1e9 comes out above 58, and `> 29` then
    holds of a mean of 29. By a column it divides as IEEE 754 says.

    >>> pl.DataFrame({"x": [5.8e10, 3e8, 7.0]}).select(unscaled(pl.col("x"))).to_series().to_list()
    [58.0, 0.3, 7e-09]
    """
    return whole / (whole * 0.0 + SCALE)


class Part(Struct, frozen=True):
    """What is kept of the rows of a group that satisfy a condition, all of them where there is none.

    `rows` is their number, `filled` the number of those with a figure in the column `of`; `sum`, `min` and `max` are of
    these figures, sums as whole multiples of 1e-9. `refused` is the number of rows that would be needed and cannot be
    used, since a cell cannot be read; `unsure` also counts figures with a unit of their own. `blank` is the number of
    rows that the condition leaves out as the column is blank. Measures that keep the same share it.
    """

    what: Literal["rows", "filled", "sum", "min", "max", "refused", "unsure", "blank"]
    where: str | None
    of: str | None = None

    @property
    def name(self) -> str:
        """The name of its column."""
        return "\n".join((self.what, self.where or "", self.of or ""))

    def merged(self) -> pl.Expr:
        """Return the part of several groups together, under its name, as an aggregation over theirs."""
        column = pl.col(self.name)
        if self.what in {"min", "max"}:
            return column.min() if self.what == "min" else column.max()
        return column.cast(pl.Int128).sum()

    def alone(self) -> pl.Expr:
        """Return the part of a single group as `merged` gives it, but as no aggregation."""
        column = pl.col(self.name)
        return column if self.what in {"min", "max"} else column.cast(pl.Int128)


class Measure(Definition):
    """The base of all measures.

    `where` keeps rows, `per` aggregates at a finer level (a column such as 村) for counts against thresholds, and
    `over_time` says how figures of finer periods make the scored period.
    """

    additive: ClassVar[bool] = False
    #: Whether the value need not be a figure or a sum of figures.
    interpolated: ClassVar[bool] = False
    #: Whether departments report the figure, rather than it being aggregated from records.
    reported: ClassVar[bool] = False
    #: Whether it computes with the values of a column, in whose place an expression may then stand.
    computes: ClassVar[bool] = False
    #: Whether the value is a number of rows or of what they name.
    counts: ClassVar[bool] = False
    #: Whether the value depends on the order of the rows in time.
    chronological: ClassVar[bool] = False

    unit: Text = Field(description="the unit the figures are kept in, such as 亿元, 件 or '%'")
    source: Name | None = Field(None, alias="from", description="the dataset; may be left out when only one fits")
    where: str | None = Field(None, description="a condition on the columns of the dataset")
    per: str | None = Field(None, description="a column that splits the entity into finer units, such as 村")
    over_time: OverTime | None = Field(
        None, description="sum for flows, last for stocks, first, mean, median, max, min; ytd for year-to-date figures"
    )
    decimals: Annotated[int, Field(ge=0, le=9)] | None = Field(None, description="decimals when printed")
    synonyms: Listed[str] = Field((), description="other names under which files carry the figure")
    negative: Literal["allow"] | None = Field(
        None,
        description="allow: figures below zero are meant, as of a change or a balance; left out: a warning for counts",
    )

    @property
    def exact(self) -> bool:
        """Whether it is a decimal number, as its figures are, rather than a quotient or lies between two of them."""
        return not self.interpolated and self.over_time != "mean"

    @property
    def quantity(self) -> Unit:
        """The unit the figures are kept in; raises UnitError when it is none."""
        return units.parse(self.unit)

    def ties(self, name: str, rows: int) -> Message:
        """Return in words what a chronological measure takes of rows of one date that differ.

        Args:
            name: of the measure.
            rows: how many such rows there are.

        Raises:
            NotImplementedError: of a measure that is not `chronological`, in which the order of rows plays no part.
        """
        raise NotImplementedError

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms of the datasets that it can come from."""
        return ("reported", "panel") if self.reported else ("records",)

    @property
    def from_january(self) -> bool:
        """Whether reported figures run from January to the end of their period."""
        return False

    @property
    def enough(self) -> int | None:
        """How many finer periods are enough for the scored one; None for all."""
        return None

    @property
    def taken_from(self) -> str:
        """The column that is aggregated, or the expression in its place; empty where there is none."""
        return ""

    @property
    def computed(self) -> bool:
        """Whether an expression is aggregated rather than a column."""
        return False

    def columns(self) -> tuple[str, ...]:
        """Return the dataset's columns that the value itself is read from."""
        return ()

    def parts(self) -> tuple[Part, ...]:
        """Return what is kept of the rows of a group."""
        raise TypeError(f"{type(self).__name__} measures are not aggregated from events")

    def figure(self, *_parts: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
        """Return the value (Float64) and the number of rows used.

        Args:
            _parts: those of `parts`, in their order; behind them the statistic, where the kind has one.
        """
        raise TypeError(f"{type(self).__name__} measures are not aggregated from events")


class Reported(Measure):
    """A figure that a department reports, one number per entity and period.

    Finer periods make the scored period by `over_time`: flows are summed, stocks taken at the end. Figures of
    1-6月 and the like are year to date and are never summed again. With `cumulative` the figures run from January
    however they are labelled: that of 2024-03, 2024Q1 or 2024年1-3月 is the total of January to March.

    >>> Reported(unit="亿元").timing, Reported(unit="%").timing
    ('sum', 'last')
    """

    reported: ClassVar[bool] = True
    kind: Literal["reported"] = "reported"
    kind_title: ClassVar[Message] = Message("reported figure")
    cumulative: bool | None = Field(
        None,
        description="true: figures run from January to the end of the period that they are labelled with; a period's "
        "own figure is the difference of two of them. Left out: only where `over_time: ytd` and the title says 累计",
    )
    at_least: int | None = Field(
        None,
        ge=1,
        description="how many finer periods are enough for last, first, mean, median, max and min; left out: all",
    )

    @property
    def timing(self) -> OverTime:
        """How finer periods are combined: as declared, else sum for amounts and last for rates and yes/no."""
        return self.over_time or ("sum" if units.summable(self.quantity) else "last")

    @property
    def flow_or_level(self) -> bool:
        """Whether neither `over_time` nor a unit says if figures add up over time.

        >>> [one.flow_or_level for one in (Reported(unit="1"), Reported(unit="%"))]
        [True, False]
        """
        return self.over_time is None and not self.from_january and self.quantity == units.parse("1")

    @property
    def says_cumulative(self) -> bool:
        """Whether the title or a synonym calls the figures cumulative: 累计, year to date, YTD."""
        return any(text is not None and calls_cumulative(text) for text in (self.title, *self.synonyms))

    @property
    def from_january(self) -> bool:
        """Whether figures run from January to the end of their period: as declared, else by title and timing."""
        if self.cumulative is None:
            return self.timing == "ytd" and self.says_cumulative
        return self.cumulative

    @property
    def enough(self) -> int | None:
        """How many finer periods are enough: `at_least`."""
        return self.at_least


class _Countable(Measure):
    """The base of measures that are 0 where there is no event, if a definition says so."""

    none: Literal[0] | None = Field(
        None, description="0: an entity without any event has 0 in every period of which the dataset has events"
    )


class Count(_Countable):
    """The number of rows: `count(rows where ...)`.

    >>> Count(unit="件", where="渠道 = '网上'").kind
    'count'
    """

    additive: ClassVar[bool] = True
    counts: ClassVar[bool] = True
    kind: Literal["count"] = "count"
    kind_title: ClassVar[Message] = Message("count of records")

    def parts(self) -> tuple[Part, ...]:
        """Return the number of rows that match."""
        return (Part("rows", self.where),)

    def figure(self, *parts: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
        """Return it, as value and as rows."""
        return parts[0].cast(pl.Float64), parts[0]


# An operator between blanks, or a function: a heading may hold signs, but is no such thing.
_COMPUTED = regex(rf"\S\s+[-+*/]\s+\S|^\s*(?:(?:{'|'.join(expressions.FUNCTIONS)})\s*\(|CASE\s)", re.IGNORECASE)


class OfColumn(Measure):
    """The base of measures that aggregate one column, or an expression over several in its place."""

    computes: ClassVar[bool] = True
    #: Whether each row matters for what the figure means: a sum or a mean, of which rows without a figure are noted.
    of_all_rows: ClassVar[bool] = False
    of: str = Field(description="the column that is aggregated, or an expression, such as 办结时间 - 受理时间")

    @property
    def taken_from(self) -> str:
        """The column or expression that is aggregated."""
        return self.of

    @property
    def computed(self) -> bool:
        """Whether an expression is aggregated rather than a column: with an operator between blanks, or a function."""
        return _COMPUTED.search(self.of) is not None

    def columns(self) -> tuple[str, ...]:
        """Return the columns that are aggregated; those of an expression but for `period_end`."""
        if not self.computed:
            return (self.of,)
        try:
            names = [name for name, _ in expressions.parse(self.of).names()]
        except ExpressionError:
            return ()
        return tuple(dict.fromkeys(name for name in names if name != PERIOD_END))


class Sum(OfColumn, _Countable):
    """The sum of a column: `sum(of where ...)`, exact to nine decimals in any row order.

    >>> Sum(of="金额 - 退款", unit="万元").columns()
    ('金额', '退款')
    """

    additive: ClassVar[bool] = True
    of_all_rows: ClassVar[bool] = True
    kind: Literal["sum"] = "sum"
    kind_title: ClassVar[Message] = Message("sum over records")
    of: str = Field(description="the column that is added up, or an expression, such as 金额 - 退款")

    def parts(self) -> tuple[Part, ...]:
        """Return the sum, the number of rows that match and of those with a figure."""
        return tuple(Part(what, self.where, None if what == "rows" else self.of) for what in ("rows", "filled", "sum"))

    def figure(self, *parts: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
        """Return the sum, zero where rows exist and none matches, null where a match has no figure at all."""
        rows, filled, total = parts
        return pl.when((filled > 0) | (rows == 0)).then(unscaled(total.cast(pl.Float64))), filled


class Mean(OfColumn):
    """The mean of a column over rows: `sum(of) / count(of)`, so periods weigh by their rows.

    >>> [part.what for part in Mean(of="用时", unit="天").parts()]
    ['filled', 'sum']
    """

    interpolated: ClassVar[bool] = True
    of_all_rows: ClassVar[bool] = True
    kind: Literal["mean"] = "mean"
    kind_title: ClassVar[Message] = Message("mean over records")

    def parts(self) -> tuple[Part, ...]:
        """Return the number of filled rows and the sum."""
        return (Part("filled", self.where, self.of), Part("sum", self.where, self.of))

    def figure(self, *parts: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
        """Return the exact sum divided by the number of filled rows."""
        filled, total = parts
        return pl.when(filled > 0).then(unscaled(total.cast(pl.Float64)) / filled.cast(pl.Float64)), filled


class Min(OfColumn):
    """The smallest value of a column.

    >>> [part.what for part in Min(of="用时", unit="天").parts()]
    ['filled', 'min']
    """

    kind: Literal["min"] = "min"
    kind_title: ClassVar[Message] = Message("minimum of records")

    def parts(self) -> tuple[Part, ...]:
        """Return the number of filled rows and the minimum."""
        return (Part("filled", self.where, self.of), Part("min", self.where, self.of))

    def figure(self, *parts: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
        """Return the minimum; minus zero is zero."""
        return unsigned_zero(parts[1]), parts[0]


class Max(OfColumn):
    """The largest value of a column.

    >>> [part.what for part in Max(of="用时", unit="天").parts()]
    ['filled', 'max']
    """

    kind: Literal["max"] = "max"
    kind_title: ClassVar[Message] = Message("maximum of records")

    def parts(self) -> tuple[Part, ...]:
        """Return the number of filled rows and the maximum."""
        return (Part("filled", self.where, self.of), Part("max", self.where, self.of))

    def figure(self, *parts: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
        """Return the maximum; minus zero is zero."""
        return unsigned_zero(parts[1]), parts[0]


class OfRows(OfColumn):
    """The base of measures that need the rows themselves: groups of them do not merge."""

    #: The statistic as databases know it: quantile, distinct, deviation, last or first; empty for one that they do not.
    statistic: ClassVar[str] = ""

    @property
    def share(self) -> float:
        """The share of the figures that a quantile does not exceed."""
        return 0.5

    def parts(self) -> tuple[Part, ...]:
        """Return the number of filled rows."""
        return (Part("filled", self.where, self.of),)

    def figure(self, *parts: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
        """Return the statistic; minus zero is zero."""
        return unsigned_zero(parts[1]), parts[0]

    @abstractmethod
    def combine(self, value: pl.Expr, order: pl.Expr) -> pl.Expr:
        """Return the statistic (Float64) as an aggregation over a group.

        Args:
            value: the filled cells of the rows that match.
            order: the places of these rows in time.
        """


class Median(OfRows):
    """The median of a column; the mean of the two middle values for an even number of rows.

    >>> rows = pl.DataFrame({"x": [1.0, 2.0, 4.0, 9.0], "day": [1, 2, 3, 3]})
    >>> rows.select(Median(of="x", unit="天").combine(pl.col("x"), pl.col("day"))).item()
    3.0
    """

    interpolated: ClassVar[bool] = True
    statistic: ClassVar[str] = "quantile"
    kind: Literal["median"] = "median"
    kind_title: ClassVar[Message] = Message("median of records")

    @override
    def combine(self, value: pl.Expr, order: pl.Expr) -> pl.Expr:
        """Return the median."""
        return value.median()


class TrimmedMean(OfRows):
    """The mean without the highest and the lowest figures (去掉一个最高分和一个最低分): `trim` of each are left out.

    Of fewer than `trim_from` figures, by default `2 x trim + 1`, it is the mean of all.

    >>> rows = pl.DataFrame({"x": [60.0, 90.0, 92.0, 100.0], "day": [1, 2, 3, 3]})
    >>> rows.select(TrimmedMean(of="x", trim=1, unit="分").combine(pl.col("x"), pl.col("day"))).item()
    91.0
    """

    interpolated: ClassVar[bool] = True
    kind: Literal["trimmed_mean"] = "trimmed_mean"
    kind_title: ClassVar[Message] = Message("mean of records without the highest and lowest")
    trim: int = Field(ge=1, description="how many of the highest figures are left out, and as many of the lowest")
    trim_from: int | None = Field(
        None, ge=3, description="the fewest figures of which any are left out; left out: 2 x trim + 1"
    )

    @override
    def combine(self, value: pl.Expr, order: pl.Expr) -> pl.Expr:
        """Return the mean of the middle figures."""
        least = max(self.trim_from or 0, 2 * self.trim + 1)
        cut = pl.when(value.len() >= least).then(self.trim).otherwise(0).cast(pl.Int64)
        middle = value.sort().slice(cut, value.len().cast(pl.Int64) - 2 * cut)
        return exact_sum(middle) / (value.len().cast(pl.Int64) - 2 * cut).cast(pl.Float64)


class Deviation(OfRows):
    """The standard deviation of a column over rows, `sqrt(sum((x - mean)²)/(n - 1))`; none of fewer than two figures.

    Beside a mean and a count it states how far the mean could be off: `sampling: {x: {deviation: s, number: n}}`.

    >>> rows = pl.DataFrame({"x": [2.0, 4.0, 4.0, 6.0], "day": [1, 2, 3, 3]})
    >>> round(rows.select(Deviation(of="x", unit="天").combine(pl.col("x"), pl.col("day"))).item(), 6)
    1.632993
    """

    interpolated: ClassVar[bool] = True
    statistic: ClassVar[str] = "deviation"
    kind: Literal["deviation"] = "deviation"
    kind_title: ClassVar[Message] = Message("standard deviation of records")

    @override
    def combine(self, value: pl.Expr, order: pl.Expr) -> pl.Expr:
        """Return the deviation; in the order of the figures, so that the order of the rows changes no bit."""
        # NOTE: Polars drops the sorting before an aggregation of a column, not before one of a list.
        return value.sort().implode().list.std(ddof=1)


class Quantile(OfRows):
    """The q-quantile of a column with linear interpolation between order statistics (Hyndman and Fan, type 7).

    >>> rows = pl.DataFrame({"x": [1.0, 2.0, 4.0, 9.0], "day": [1, 2, 3, 3]})
    >>> rows.select(Quantile(of="x", q=0.5, unit="天").combine(pl.col("x"), pl.col("day"))).item()
    3.0
    """

    interpolated: ClassVar[bool] = True
    statistic: ClassVar[str] = "quantile"
    kind: Literal["quantile"] = "quantile"
    kind_title: ClassVar[Message] = Message("quantile of records")
    q: float = Field(ge=0, le=1, description="0.9 is the value that nine tenths do not exceed")

    @property
    def share(self) -> float:
        """The share `q`."""
        return self.q

    @override
    def combine(self, value: pl.Expr, order: pl.Expr) -> pl.Expr:
        """Return the quantile."""
        return value.quantile(self.q, "linear")


class Last(OfRows):
    """The value of the latest row of the period; of several on one day, the largest.

    >>> rows = pl.DataFrame({"x": [1.0, 2.0, 4.0, 9.0], "day": [1, 2, 3, 3]})
    >>> rows.select(Last(of="x", unit="天").combine(pl.col("x"), pl.col("day"))).item()
    9.0
    """

    chronological: ClassVar[bool] = True
    statistic: ClassVar[str] = "last"
    kind: Literal["last"] = "last"
    kind_title: ClassVar[Message] = Message("latest record")

    def ties(self, name: str, rows: int) -> Message:
        """Return that the largest of each date is taken."""
        return Message(
            "`{measure}` takes the last `{column}`: {number:,} rows of one date differ, the largest of each date "
            "is taken",
            measure=name,
            column=self.of,
            number=rows,
        )

    def combine(self, value: pl.Expr, order: pl.Expr) -> pl.Expr:
        """Return the largest value among the rows of the latest date."""
        return value.filter(order == order.max()).max()


class First(OfRows):
    """The value of the earliest row of the period; of several on one day, the smallest.

    >>> rows = pl.DataFrame({"x": [1.0, 2.0, 4.0, 9.0], "day": [1, 2, 3, 3]})
    >>> rows.select(First(of="x", unit="天").combine(pl.col("x"), pl.col("day"))).item()
    1.0
    """

    chronological: ClassVar[bool] = True
    statistic: ClassVar[str] = "first"
    kind: Literal["first"] = "first"
    kind_title: ClassVar[Message] = Message("earliest record")

    def ties(self, name: str, rows: int) -> Message:
        """Return that the smallest of each date is taken."""
        return Message(
            "`{measure}` takes the first `{column}`: {number:,} rows of one date differ, the smallest of each date "
            "is taken",
            measure=name,
            column=self.of,
            number=rows,
        )

    def combine(self, value: pl.Expr, order: pl.Expr) -> pl.Expr:
        """Return the smallest value among the rows of the earliest date."""
        return value.filter(order == order.min()).min()


class Distinct(OfRows, _Countable):
    """The number of different values of a column; empty cells are not a value.

    >>> rows = pl.DataFrame({"x": [1.0, 2.0, 2.0, 9.0], "day": [1, 2, 3, 3]})
    >>> rows.select(Distinct(of="x", unit="个").combine(pl.col("x"), pl.col("day"))).item()
    3.0
    """

    computes: ClassVar[bool] = False
    counts: ClassVar[bool] = True
    statistic: ClassVar[str] = "distinct"
    kind: Literal["distinct"] = "distinct"
    kind_title: ClassVar[Message] = Message("count of distinct values")
    of: str = Field(description="the column whose different values are counted")

    @property
    def computed(self) -> bool:
        """False: only a column has different values."""
        return False

    def figure(self, *parts: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
        """Return how many different values the matched rows hold, zero where none matches."""
        return parts[1].fill_null(0.0), parts[0]

    @override
    def combine(self, value: pl.Expr, order: pl.Expr) -> pl.Expr:
        """Return the number of different values."""
        return value.n_unique().cast(pl.Float64)


def reported(measures: Mapping[str, Measure]) -> dict[str, Reported]:
    """Return the measures that departments report."""
    return {name: item for name, item in measures.items() if isinstance(item, Reported)}


#: Every kind of measure, in the order of the reference.
KINDS: tuple[type[Measure], ...] = (
    Reported, Count, Sum, Mean, Min, Max, Median, TrimmedMean, Deviation, Quantile, Last, First, Distinct,
)  # fmt: skip

#: Any measure, distinguished by `kind` (`reported` when left out).
if TYPE_CHECKING:
    AnyMeasure: TypeAlias = Measure
else:
    AnyMeasure = one_of(*KINDS, default="reported")
