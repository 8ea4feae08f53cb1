"""Timelines: what the ordinals of periods count, months from the first month of a year, or ISO weeks.

A year of business, a fiscal or a school year, rarely begins in January. Its months are counted so that its first month
is divisible by twelve: `ordinal = 12 * year + place of the month in that year`, where `year` is the calendar year in
which it begins. What follows from a year of twelve months (quarters, running totals, the year before) is then the same
arithmetic whatever month it begins with; only texts and dates have to be converted, here.

ISO weeks (ISO 8601) begin on Monday and belong to the year of their Thursday. They are counted from 0001-01-01, a
Monday, and make up neither months nor quarters.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

import polars as pl
from msgspec import Struct

#: Days from 0001-01-01, a Monday, to 1970-01-01.
_TO_1970 = date(1970, 1, 1).toordinal() - 1

#: Whether the number of a year such as FY2023 is that of the calendar year in which it starts or ends.
NamedBy = Literal["start", "end"]


class Timeline(Struct, frozen=True):
    """What ordinals count.

    Attributes:
        year_starts: the month with which a year begins, 1 to 12.
        named_by: which calendar year the number of a year names; None where that is not declared: where it starts.
        weeks: whether ordinals count ISO weeks rather than months.

    >>> Timeline(4).ordinal(2023, 4) == 2023 * 12, Timeline(4).month(2023 * 12 + 11)
    (True, (2024, 3))
    """

    year_starts: int = 1
    named_by: NamedBy | None = None
    weeks: bool = False

    @property
    def shifted(self) -> bool:
        """Whether years begin with another month than January."""
        return self.year_starts != 1

    @property
    def per_year(self) -> int:
        """How many units a year has: 12 months, or 52 weeks, some years one more."""
        return 52 if self.weeks else 12

    def ordinal(self, year: int, month: int) -> int:
        """Return the ordinal of a calendar month; on a timeline of weeks use `of_day`."""
        return 12 * year + month - self.year_starts

    def month(self, ordinal: int) -> tuple[int, int]:
        """Return the calendar year and the month of an ordinal that counts months."""
        year, month = divmod(ordinal + self.year_starts - 1, 12)
        return year, month + 1

    def starting(self, number: int) -> int:
        """Return the calendar year in which the year of a number, such as FY2023, begins."""
        return number - 1 if self.shifted and self.named_by == "end" else number

    def of_day(self, day: date) -> int:
        """Return the ordinal of the month or week that holds a day.

        >>> Timeline(weeks=True).of_day(date(2024, 2, 4)) - Timeline(weeks=True).of_day(date(2024, 1, 28))
        1
        """
        return (day.toordinal() - 1) // 7 if self.weeks else self.ordinal(day.year, day.month)

    def first_day(self, ordinal: int) -> date:
        """Return the first day of a month or week.

        >>> Timeline(weeks=True).first_day(Timeline(weeks=True).of_day(date(2024, 2, 4))).isoformat()
        '2024-01-29'
        """
        return date.fromordinal(7 * ordinal + 1) if self.weeks else date(*self.month(ordinal), 1)

    def last_day(self, ordinal: int) -> date:
        """Return the last day of a month or week."""
        return self.first_day(ordinal + 1) - timedelta(days=1)

    def year(self, ordinal: int) -> int:
        """Return the year of an ordinal: the calendar year in which its year begins, of a week its ISO year."""
        return self.first_day(ordinal).isocalendar().year if self.weeks else ordinal // 12

    def first(self, year: int) -> int:
        """Return the first ordinal of a year."""
        return self.of_day(date(year, 1, 4)) if self.weeks else 12 * year

    # ---- COLUMNS ---- #

    def of_days(self, day: pl.Expr) -> pl.Expr:
        """Return the ordinals (Int32) of days (Date)."""
        if self.weeks:
            return ((day.cast(pl.Int32) + _TO_1970) // 7).cast(pl.Int32)
        return (day.dt.year() * 12 + day.dt.month() - self.year_starts).cast(pl.Int32)

    def first_days(self, ordinal: pl.Expr) -> pl.Expr:
        """Return the first days (Date) of ordinals."""
        if self.weeks:
            return (ordinal.cast(pl.Int32) * 7 - _TO_1970).cast(pl.Date)
        month = ordinal + (self.year_starts - 1)
        return pl.date(month // 12, month % 12 + 1, 1)

    def same_week(self, ordinal: pl.Expr, back: int) -> pl.Expr:
        """Return whether the week so many weeks before has the same number in its year."""
        now, then = self.first_days(ordinal).dt.week(), self.first_days(ordinal - back).dt.week()
        return now == then


#: Calendar years of twelve months.
MONTHS = Timeline()

#: ISO weeks.
WEEKS = Timeline(weeks=True)
