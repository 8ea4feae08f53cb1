"""What databases write differently, beyond the dialects of sqlglot: times, exact sums, texts by code points, quantiles.

Numbers are compared and summed as 64-bit floats, as the pass over fetched rows does. Texts are compared by their code
points, whatever the collation of a column is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from sqlglot import exp

from kpi.intake.events.fixed_point import Precision

#: What a number becomes that is none, or a time outside the years of data: it needs a second look.
NO_NUMBER = 1e300

#: Figures up to this are whole multiples of 1e-9 in 64 bits.
_IN_64_BITS = 9e9

#: Whole numbers up to this are exact in a float.
_WHOLE = 2.0**53

#: The time zone of dates in data.
LOCAL_TIME = "Asia/Shanghai"


def number(value: float) -> exp.Expr:
    """Return a number as a literal that every database reads as the same 64-bit float, or as an integer.

    >>> number(0.1).sql("postgres"), number(3).sql("duckdb")
    ('CAST(0.1 AS DOUBLE PRECISION)', '3')
    """
    if isinstance(value, int):
        return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))
    literal: exp.Expr = exp.Literal.number(repr(abs(value)))
    literal = exp.Neg(this=literal) if value < 0 else literal
    # A whole number is exact as an integer, too, and meets floats only.
    return literal if value.is_integer() and abs(value) < _WHOLE else exp.cast(literal, exp.DataType.Type.DOUBLE)


def text(value: str) -> exp.Expr:
    """Return a text as a literal."""
    return exp.Literal.string(value)


def call(name: str, *arguments: exp.Expr) -> exp.Expr:
    """Return the call of a function of one database."""
    return exp.Anonymous(this=name, expressions=list(arguments))


class Dialect:
    """What a database writes in its own way. This is the base, as DuckDB has it.

    Attributes:
        name: the dialect of sqlglot.
    """

    name: ClassVar[str] = "duckdb"

    def precision(self, *, whole: bool, computed: bool) -> Precision:
        """Return how a number is summed: in 64 bits, `computed` ones in 128, as they may be larger.

        Sums of 64 bits take half the time; figures that do not fit into them are fetched. `whole` numbers, such as
        microseconds, have no decimals.
        """
        if whole:
            return Precision(_WHOLE, 0, 64)
        return Precision() if computed else Precision(_IN_64_BITS, 9, 64)

    def double(self, value: exp.Expr) -> exp.Expr:
        """Return a number as a 64-bit float."""
        return exp.cast(value, exp.DataType.Type.DOUBLE)

    def multiples(self, value: exp.Expr, precision: Precision) -> exp.Expr:
        """Return a float as an integer of value × 10^decimals, half to even."""
        scaled = value if precision.decimals == 0 else exp.Mul(this=value, expression=number(10.0**precision.decimals))
        return exp.cast(scaled, exp.DataType.Type.BIGINT if precision.bits <= 64 else exp.DataType.Type.INT128)

    def rounded(self, value: exp.Expr) -> exp.Expr:
        """Return a float rounded to a whole number, half to even."""
        return call("round_even", value, number(0))

    def cut(self, value: exp.Expr, length: exp.Expr, *, left: bool) -> exp.Expr:
        """Return the first or the last characters of a text."""
        return (exp.Left if left else exp.Right)(this=value, expression=length)

    def total(self, value: exp.Expr, *, narrow: bool) -> exp.Expr:
        """Return the sum of integers, as text: no driver loses a digit of it.

        The sum of `narrow` ones, of 64 bits, is one of 128 in DuckDB, a decimal of 38 digits in Arrow.
        """
        if narrow and self.name == "duckdb":
            return exp.Sum(this=value)
        return exp.cast(exp.Sum(this=value), exp.DataType.Type.TEXT)

    def divided(self, value: exp.Expr, by: exp.Expr) -> exp.Expr:
        """Return a quotient of floats, null for a divisor of zero."""
        return exp.Div(this=value, expression=exp.Nullif(this=by, expression=number(0)), typed=False, safe=False)

    def extreme(self, items: Sequence[exp.Expr], *, least: bool) -> exp.Expr:
        """Return the least or the greatest of numbers, of those that are not null."""
        return call("least" if least else "greatest", *items)

    def comparable(self, value: exp.Expr) -> exp.Expr:
        """Return a text that is compared by its code points."""
        return value

    def timestamp(self, value: exp.Expr, *, zone: bool) -> exp.Expr:
        """Return a date or time as one without a zone: one with a zone in local time."""
        if zone:
            return exp.AtTimeZone(this=value, zone=text(LOCAL_TIME))
        return exp.cast(value, exp.DataType.Type.TIMESTAMP)

    def micros(self, value: exp.Expr) -> exp.Expr:
        """Return a timestamp without a zone as microseconds since 1970."""
        return self.double(call("epoch_us", value))

    def from_micros(self, value: exp.Expr) -> exp.Expr:
        """Return microseconds since 1970 as a timestamp."""
        return call("make_timestamp", exp.cast(value, exp.DataType.Type.BIGINT))

    def days(self, value: exp.Expr) -> exp.Expr:
        """Return the days from 1970-01-01 to a timestamp."""
        day = exp.cast(value, exp.DataType.Type.DATE)
        return exp.paren(exp.Sub(this=day, expression=exp.cast(text("1970-01-01"), exp.DataType.Type.DATE)))

    def first_of_month(self, months: exp.Expr) -> exp.Expr:
        """Return the microseconds of the first day of a month, counted as 12 × year + month - 1."""
        year = self.floor_divided(months, 12)
        month = exp.Add(
            this=exp.Sub(this=exp.paren(months), expression=exp.Mul(this=year, expression=number(12))),
            expression=number(1),
        )
        return self.micros(exp.cast(call("make_date", year, month, number(1)), exp.DataType.Type.TIMESTAMP))

    def floor_divided(self, value: exp.Expr, by: int) -> exp.Expr:
        """Return the quotient of two non-negative integers without its remainder."""
        return exp.paren(exp.IntDiv(this=exp.paren(value), expression=number(by)))

    def part(self, name: str, value: exp.Expr) -> exp.Expr:
        """Return a part of a timestamp: YEAR, MONTH, DAY, HOUR, or ISODOW, 1 for Monday."""
        return exp.Extract(this=exp.var(name), expression=value)

    def quantile(self, value: exp.Expr, q: float) -> exp.Expr:
        """Return the quantile of floats, interpolated (type 7 of Hyndman and Fan)."""
        return call("quantile_cont", value, exp.Literal.number(repr(q)))

    def matches(self, value: exp.Expr, pattern: str) -> exp.Expr:
        """Return whether a text has a match of a pattern of character classes."""
        return exp.RegexpLike(this=value, expression=text(pattern))

    def finite(self, value: exp.Expr) -> exp.Expr:
        """Return a float, `NO_NUMBER` for NaN, which databases order differently."""
        return value


class PostgreSQL(Dialect):
    """PostgreSQL, and databases that are its kin, such as Kingbase."""

    name: ClassVar[str] = "postgres"

    def precision(self, *, whole: bool, computed: bool) -> Precision:
        """Return how a number is summed: in 64 bits, as a cast to numeric keeps fifteen digits only."""
        del computed
        return Precision(_WHOLE, 0, 64) if whole else Precision(_IN_64_BITS, 9, 64)

    def rounded(self, value: exp.Expr) -> exp.Expr:
        """Return a float rounded to a whole number, half to even."""
        return call("round", value)

    def comparable(self, value: exp.Expr) -> exp.Expr:
        """Return a text that is compared by its bytes, which is the order of code points in UTF-8."""
        return exp.Collate(this=value, expression=exp.to_identifier("C", quoted=True))

    def micros(self, value: exp.Expr) -> exp.Expr:
        """Return a timestamp without a zone as microseconds since 1970; the seconds are numeric, so exact."""
        seconds = exp.Extract(this=exp.var("EPOCH"), expression=value)
        return self.double(exp.Mul(this=seconds, expression=number(1_000_000)))

    def from_micros(self, value: exp.Expr) -> exp.Expr:
        """Return microseconds since 1970 as a timestamp."""
        start = exp.cast(text("1970-01-01"), exp.DataType.Type.TIMESTAMP)
        length = exp.Mul(
            this=value, expression=exp.cast(text("1 microsecond"), exp.DataType.Type.INTERVAL)
        )  # fmt: skip
        return exp.paren(exp.Add(this=start, expression=length))

    def floor_divided(self, value: exp.Expr, by: int) -> exp.Expr:
        """Return the quotient of two non-negative integers without its remainder."""
        return exp.paren(call("div", exp.cast(value, exp.DataType.Type.BIGINT), number(by)))

    def first_of_month(self, months: exp.Expr) -> exp.Expr:
        """Return the microseconds of the first day of a month, counted as 12 × year + month - 1."""
        integer = exp.DataType.Type.INT
        year = exp.cast(self.floor_divided(months, 12), integer)
        month = exp.cast(
            exp.Add(
                this=exp.Sub(this=exp.paren(months), expression=exp.Mul(this=year.copy(), expression=number(12))),
                expression=number(1),
            ),
            integer,
        )
        return self.micros(exp.cast(call("make_date", year, month, number(1)), exp.DataType.Type.TIMESTAMP))

    def quantile(self, value: exp.Expr, q: float) -> exp.Expr:
        """Return the quantile of floats, interpolated (type 7 of Hyndman and Fan)."""
        share = call("percentile_cont", exp.cast(exp.Literal.number(repr(q)), exp.DataType.Type.DOUBLE))
        return exp.WithinGroup(this=share, expression=exp.Order(expressions=[exp.Ordered(this=value)]))


class ClickHouse(Dialect):
    """ClickHouse."""

    name: ClassVar[str] = "clickhouse"

    def rounded(self, value: exp.Expr) -> exp.Expr:
        """Return a float rounded to a whole number, half to even."""
        return call("roundBankers", value)

    def multiples(self, value: exp.Expr, precision: Precision) -> exp.Expr:
        """Return a float as an integer of value × 10^decimals, half to even."""
        scaled = value if precision.decimals == 0 else exp.Mul(this=value, expression=number(10.0**precision.decimals))
        return call("toInt64" if precision.bits <= 64 else "toInt128", call("roundBankers", scaled))

    def cut(self, value: exp.Expr, length: exp.Expr, *, left: bool) -> exp.Expr:
        """Return the first or the last characters of a text; `left` counts bytes."""
        return call("leftUTF8" if left else "rightUTF8", value, length)

    def total(self, value: exp.Expr, *, narrow: bool) -> exp.Expr:
        """Return the sum of integers, in 128 bits, as text."""
        del narrow
        return call("toString", exp.Sum(this=call("toInt128", value)))

    def extreme(self, items: Sequence[exp.Expr], *, least: bool) -> exp.Expr:
        """Return the least or the greatest of numbers, of those that are not null."""
        array = call("arrayFilter", exp.Lambda(this=exp.Not(this=exp.Is(this=exp.column("x"), expression=exp.Null())),
                     expressions=[exp.to_identifier("x")]), call("array", *items))  # fmt: skip
        return call("arrayMin" if least else "arrayMax", array)

    def timestamp(self, value: exp.Expr, *, zone: bool) -> exp.Expr:
        """Return a date or time as it is shown, in UTC; one with a zone as it is shown in local time."""
        shown = call("toTimeZone", value, text(LOCAL_TIME)) if zone else value
        return call("toDateTime64", call("toString", shown), number(6), text("UTC"))

    def micros(self, value: exp.Expr) -> exp.Expr:
        """Return a timestamp as microseconds since 1970."""
        return self.double(call("toUnixTimestamp64Micro", value))

    def from_micros(self, value: exp.Expr) -> exp.Expr:
        """Return microseconds since 1970 as a timestamp."""
        return call("fromUnixTimestamp64Micro", call("toInt64", value), text("UTC"))

    def days(self, value: exp.Expr) -> exp.Expr:
        """Return the days from 1970-01-01 to a timestamp."""
        return call("toInt32", call("toDate32", value))

    def first_of_month(self, months: exp.Expr) -> exp.Expr:
        """Return the microseconds of the first day of a month, counted as 12 × year + month - 1."""
        year = self.floor_divided(months, 12)
        month = exp.Add(
            this=exp.Sub(this=exp.paren(months), expression=exp.Mul(this=year, expression=number(12))),
            expression=number(1),
        )
        day = call("toInt64", call("toInt32", call("makeDate32", year, month, number(1))))
        return self.double(exp.Mul(this=day, expression=number(86_400_000_000)))

    def floor_divided(self, value: exp.Expr, by: int) -> exp.Expr:
        """Return the quotient of two non-negative integers without its remainder."""
        return call("intDiv", value, number(by))

    def part(self, name: str, value: exp.Expr) -> exp.Expr:
        """Return a part of a timestamp."""
        functions = {
            "YEAR": "toYear", "MONTH": "toMonth", "DAY": "toDayOfMonth", "HOUR": "toHour", "ISODOW": "toDayOfWeek",
        }  # fmt: skip
        return call(functions[name], value)

    def quantile(self, value: exp.Expr, q: float) -> exp.Expr:
        """Return the quantile of floats, interpolated (type 7 of Hyndman and Fan)."""
        return exp.ParameterizedAgg(
            this="quantileExactInclusive", expressions=[exp.Literal.number(repr(q))], params=[value]
        )

    def finite(self, value: exp.Expr) -> exp.Expr:
        """Return a float, `NO_NUMBER` for NaN: a comparison with NaN is false in ClickHouse."""
        return exp.Case(
            ifs=[exp.If(this=call("isNaN", value), true=number(NO_NUMBER))], default=value.copy()
        )  # fmt: skip


class MySQL(Dialect):
    """MySQL, as text for its administrator."""

    name: ClassVar[str] = "mysql"

    def precision(self, *, whole: bool, computed: bool) -> Precision:
        """Return how a number is summed: in 64 bits."""
        del computed
        return Precision(_WHOLE, 0, 64) if whole else Precision(_IN_64_BITS, 9, 64)

    def rounded(self, value: exp.Expr) -> exp.Expr:
        """Return a float rounded to a whole number, half to even as the machine does."""
        return call("ROUND", value)

    def comparable(self, value: exp.Expr) -> exp.Expr:
        """Return a text that is compared by its bytes."""
        return exp.Collate(this=value, expression=exp.var("utf8mb4_bin"))

    def timestamp(self, value: exp.Expr, *, zone: bool) -> exp.Expr:
        """Return a date or time as one without a zone."""
        if zone:
            return call("CONVERT_TZ", value, text("+00:00"), text("+08:00"))
        return exp.cast(value, exp.DataType.Type.DATETIME)

    def micros(self, value: exp.Expr) -> exp.Expr:
        """Return a timestamp as microseconds since 1970."""
        start = exp.cast(text("1970-01-01"), exp.DataType.Type.DATETIME)
        return self.double(call("TIMESTAMPDIFF", exp.var("MICROSECOND"), start, value))

    def from_micros(self, value: exp.Expr) -> exp.Expr:
        """Return microseconds since 1970 as a timestamp."""
        start = exp.cast(text("1970-01-01"), exp.DataType.Type.DATETIME)
        return call("TIMESTAMPADD", exp.var("MICROSECOND"), value, start)

    def days(self, value: exp.Expr) -> exp.Expr:
        """Return the days from 1970-01-01 to a timestamp."""
        return exp.paren(exp.Sub(this=call("TO_DAYS", value), expression=number(719_528)))

    def floor_divided(self, value: exp.Expr, by: int) -> exp.Expr:
        """Return the quotient of two non-negative integers without its remainder."""
        return exp.paren(exp.IntDiv(this=exp.paren(value), expression=number(by)))

    def first_of_month(self, months: exp.Expr) -> exp.Expr:
        """Return the microseconds of the first day of a month, counted as 12 × year + month - 1."""
        start = exp.cast(text("0001-01-01"), exp.DataType.Type.DATETIME)
        after = exp.Sub(this=months, expression=number(12))
        return self.micros(call("TIMESTAMPADD", exp.var("MONTH"), after, start))

    def part(self, name: str, value: exp.Expr) -> exp.Expr:
        """Return a part of a timestamp."""
        if name == "ISODOW":
            return exp.paren(exp.Add(this=call("WEEKDAY", value), expression=number(1)))
        return super().part(name, value)


class Spark(Dialect):
    """Spark SQL, as text."""

    name: ClassVar[str] = "spark"

    def rounded(self, value: exp.Expr) -> exp.Expr:
        """Return a float rounded to a whole number, half to even."""
        return call("rint", value)

    def multiples(self, value: exp.Expr, precision: Precision) -> exp.Expr:
        """Return a float as a decimal of 38 digits of value × 10^decimals, half to even."""
        scaled = value if precision.decimals == 0 else exp.Mul(this=value, expression=number(10.0**precision.decimals))
        return exp.cast(call("rint", scaled), exp.DataType.build("DECIMAL(38, 0)"))

    def micros(self, value: exp.Expr) -> exp.Expr:
        """Return a timestamp as microseconds since 1970."""
        return self.double(call("unix_micros", value))

    def from_micros(self, value: exp.Expr) -> exp.Expr:
        """Return microseconds since 1970 as a timestamp."""
        return call("timestamp_micros", exp.cast(value, exp.DataType.Type.BIGINT))

    def days(self, value: exp.Expr) -> exp.Expr:
        """Return the days from 1970-01-01 to a timestamp."""
        return call("unix_date", exp.cast(value, exp.DataType.Type.DATE))

    def quantile(self, value: exp.Expr, q: float) -> exp.Expr:
        """Return the quantile of floats, interpolated (type 7 of Hyndman and Fan)."""
        return call("percentile", value, exp.Literal.number(repr(q)))


#: The dialects by their names; databases that speak PostgreSQL's or MySQL's go by these.
DIALECTS: Mapping[str, Dialect] = {
    "duckdb": Dialect(), "postgres": PostgreSQL(), "clickhouse": ClickHouse(), "mysql": MySQL(), "spark": Spark(),
}  # fmt: skip
