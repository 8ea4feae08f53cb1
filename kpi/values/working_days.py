"""Working days (工作日): the working days of a span of years, and their number up to a day.

The days from one date to another exclude the first and include the second (民法典第二百零一条: 开始的当日不计入),
counted in working days (行政许可法第八十二条: 以工作日计算，不含法定节假日). Times of day do not count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from functools import cached_property

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from kpi.errors import Message
from kpi.values.periods import EPOCH

_MICROS_OF_DAY = 86_400_000_000


def number_of(column: str) -> str:
    """Return the name of the column with the working days up to a column of points in time."""
    return f"w {column}"


class WorkingDays(Struct, frozen=True, eq=False, dict=True):
    """The working days of whole years.

    Attributes:
        first: the first year.
        last: the last year.
        days: all working days of these years.
        source: the source, in words.
        of_own: whether the source is a table of the user.
        listed: how many days of each year the table of the user lists.
        counted: columns of points in time whose numbers of working days stand in columns of their own, `number_of`.
    """

    first: int
    last: int
    days: frozenset[date]
    source: str
    of_own: bool = False
    listed: Mapping[int, int] = field(default_factory=dict)
    counted: frozenset[str] = frozenset()

    @classmethod
    def of_weeks(
        cls, years: Iterable[int], working: Collection[date], free: Collection[date], source: str, *,
        of_own: bool = False,
    ) -> WorkingDays:  # fmt: skip
        """Return the working days of years: Monday to Friday without days off, plus make-up days.

        Args:
            years: without a gap.
            working: working days that may be at a weekend (调休上班).
            free: days off (法定节假日).
            source: the source, in words.
            of_own: whether the source is a table of the user.

        >>> known = WorkingDays.of_weeks([2025], [date(2025, 1, 26)], [date(2025, 1, 1)], "a table")
        >>> days = pl.DataFrame({"at": [20088.0, 20089.0, 20091.5, 20093.0]})  # 2024-12-31, 2025-01-01, 03, 05
        >>> days.select(known.until(pl.col("at") * 86_400_000_000)).to_series().to_list()
        [None, 0.0, 2.0, 2.0]
        """
        covered = sorted(years)
        day, end = date(covered[0], 1, 1), date(covered[-1], 12, 31)
        days = set()
        while day <= end:
            if day in working or (day.weekday() < 5 and day not in free):
                days.add(day)
            day += timedelta(days=1)
        return cls(covered[0], covered[-1], frozenset(days), source, of_own)

    @cached_property
    def _counts(self) -> tuple[int, pl.Series]:
        """The number of the first day since 1970, and the working days up to each day; null before and after them."""
        start = date(self.first, 1, 1)
        days = pl.date_range(start, date(self.last, 12, 31), eager=True)
        working = days.is_in(pl.Series(sorted(self.days), dtype=pl.Date).implode())
        outside = pl.Series([None], dtype=pl.Float64)
        counts = pl.concat([outside, working.cast(pl.Float64).cum_sum(), outside])
        return (start - EPOCH.date()).days, counts

    def until(self, at: pl.Expr) -> pl.Expr:
        """Return the number of working days up to and including the day of a point in time, null beyond the years.

        Args:
            at: microseconds of local time since 1970 (Float64).
        """
        known = next((name for name in self.counted if at.meta.eq(pl.col(name))), None)
        if known is not None:
            return pl.col(number_of(known))
        first, counts = self._counts
        day = (at / _MICROS_OF_DAY).floor().cast(pl.Int64, strict=False) - (first - 1)
        # What is before the first day is no number without a sign, and null; the last place is that of all others.
        place = day.cast(pl.UInt32, strict=False)
        return pl.lit(counts).gather(pl.min_horizontal(place, pl.lit(counts.len() - 1, pl.UInt32)))

    def with_numbers(self, rows: pl.LazyFrame, columns: Collection[str]) -> tuple[pl.LazyFrame, WorkingDays]:
        """Return rows with the working days up to some columns of points in time, and the calendar that takes them.

        What many conditions need of a row is looked up once.
        """
        rows = rows.with_columns(self.until(pl.col(name)).alias(number_of(name)) for name in columns)
        return rows, replace(self, counted=frozenset(columns))

    def outside(self, at: pl.Expr) -> pl.Expr:
        """Return whether a point in time, in microseconds, is beyond the years; null for null."""
        begin, end = (
            (date(year, 1, 1) - EPOCH.date()).days * float(_MICROS_OF_DAY) for year in (self.first, self.last + 1)
        )
        return ~at.is_between(begin, end, closed="left")

    @property
    def words(self) -> Message:
        """The years and the source, in words."""
        if self.first == self.last:
            return Message("{source}, {year}", source=self.source, year=self.first)
        return Message("{source}, {first} to {last}", source=self.source, first=self.first, last=self.last)
