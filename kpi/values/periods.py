"""Periods (期别): weeks, months, quarters, halves, years and ranges of months.

A period is a span of whole months within one year, or one ISO week, and the span alone is its identity: 1-6月 and
上半年 are the same period, as are 1-12月 and 2023年. Whether a figure of such a span is 当期 or 累计 is a matter of its
measure. What years and ordinals are, its `Timeline` says: years may begin with another month than January. How people
write periods is in `period_texts`.

A date stands for its month, or its week where weeks are counted. As a deadline (`by: 2025`) a period ends with its last
month, `Period.end`: 2025 means December 2025, 2023Q2 means June 2023, of years that begin in April 2023/24 March 2024.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal

from msgspec import Struct

from kpi.errors import Message
from kpi.values.timelines import MONTHS, WEEKS, Timeline

#: Years outside are taken for numbers that are no years: codes, values, spreadsheet serials.
FIRST_YEAR, LAST_YEAR = 1900, 2199

#: Points in time are counted from here.
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local time


#: The order of year, month and day in the dates of a dataset.
Order = Literal["ymd", "dmy", "mdy"]


class PeriodError(ValueError):
    """A text that names no period; `message` says why, `hint` what to write instead."""

    def __init__(self, message: Message, hint: Message) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint

    def __reduce__(self) -> tuple[type[PeriodError], tuple[Message, Message]]:
        return type(self), (self.message, self.hint)


class Length(StrEnum):
    """The lengths of periods that can be scored."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    HALF = "half"
    YEAR = "year"


class Window(Struct, frozen=True):
    """A window of time such as 1y, in periods of a grain.

    Attributes:
        lags: how many periods it may be. The year before a week is 52 or 53 weeks back: there the week counts that has
            the same number in its year.
        years: its length in years.
    """

    lags: tuple[int, ...]
    years: float


class Grain(Struct, frozen=True):
    """The length of the periods that are scored, and the timeline on which they lie.

    >>> Grain.of("quarter") is Grain.QUARTER, Grain.QUARTER.months, str(Grain.WEEK)
    (True, 3, 'week')
    """

    length: Length
    timeline: Timeline = MONTHS

    WEEK: ClassVar[Grain]
    MONTH: ClassVar[Grain]
    QUARTER: ClassVar[Grain]
    HALF: ClassVar[Grain]
    YEAR: ClassVar[Grain]

    def __str__(self) -> str:
        return self.length.value

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Read a definition's `period: quarter`, and write it back so."""
        from pydantic_core import core_schema

        def read(length: Any) -> Grain:
            return Grain.of(length)

        return core_schema.no_info_after_validator_function(
            read,
            handler(Literal["week", "month", "quarter", "half", "year"]),
            serialization=core_schema.to_string_ser_schema(when_used="always"),
        )

    @staticmethod
    def of(length: Length | str, timeline: Timeline = MONTHS) -> Grain:
        """Return the grain of a length: of weeks on the timeline of weeks, of all others on the one that is given."""
        length = Length(length)
        return _grain(length, WEEKS if length is Length.WEEK else timeline)

    @property
    def months(self) -> int:
        """The length in what the timeline counts: 1, 3, 6 or 12 months, or 1 week."""
        return _LENGTHS[self.length]

    @property
    def per_year(self) -> int:
        """How many periods a year has: 1, 2, 4, 12, or 52, some years one more."""
        return self.timeline.per_year // self.months

    @property
    def noun(self) -> Message:
        """The name of one period of the length: week, month, quarter, half or year."""
        return _NOUNS[self.length]

    @property
    def title(self) -> Message:
        """The name as sentences use it: calendar month (not a number of months), quarter, half or year."""
        return _TITLES[self.length]

    def earlier(self, index: int, text: str) -> int:
        """Return the index of the period a window such as 1y before another.

        A week 53 without a counterpart is compared with nothing: its index less 52 weeks a year stands for that.

        >>> from datetime import date
        >>> week = WEEKS.of_day(date(2021, 1, 4))
        >>> Period.of(Grain.WEEK.earlier(week, "1y"), Grain.WEEK).label, Grain.QUARTER.earlier(8, "1y")
        ('2020-W01', 4)
        """
        window = self.window(text)
        if window is None:
            return index
        if not self.timeline.weeks:
            return index - window.lags[0]
        number = self.timeline.first_day(index).isocalendar().week
        same = (lag for lag in window.lags if self.timeline.first_day(index - lag).isocalendar().week == number)
        return index - next(same, window.lags[0])

    def window(self, text: str) -> Window | None:
        """Return a window such as 1y in periods, None for one that is not a whole number of them.

        Raises PeriodError for a text that is no window of time.

        >>> Grain.QUARTER.window("1y"), Grain.WEEK.window("1y").lags, Grain.YEAR.window("1q")
        (Window(lags=(4,), years=1.0), (52, 53), None)
        """
        number, unit = _span(text)
        if not self.timeline.weeks:
            months = number * _SPANS[unit] if unit != "w" else 0
            return Window((months // self.months,), months / 12) if months and months % self.months == 0 else None
        if unit == "w":
            return Window((number,), number / _WEEKS_OF_A_YEAR)
        # Every fifth or sixth year has 53 weeks.
        longer = range(number // 6, -(-number // 5) + 1)
        return Window(tuple(52 * number + more for more in longer), float(number)) if unit == "y" else None


@functools.cache
def _grain(length: Length, timeline: Timeline) -> Grain:
    """Return the one grain of a length and a timeline, so that grains may be compared by identity."""
    return Grain(length, timeline)


_LENGTHS = dict(zip(Length, (1, 1, 3, 6, 12), strict=True))
_NOUNS = dict(
    zip(
        Length,
        (Message("week"), Message("month"), Message("quarter"), Message("half"), Message("year")),
        strict=True,
    )
)
_TITLES = {**_NOUNS, Length.MONTH: Message("calendar month")}
Grain.WEEK, Grain.MONTH, Grain.QUARTER, Grain.HALF, Grain.YEAR = (Grain.of(item) for item in Length)

#: The grains of calendar years, and weeks.
GRAINS = (Grain.WEEK, Grain.MONTH, Grain.QUARTER, Grain.HALF, Grain.YEAR)

_MONTHLY = {months: length for length, months in _LENGTHS.items() if length is not Length.WEEK}
_WEEKS_OF_A_YEAR = 365.2425 / 7


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A span of `months` whole months, or of one week, from the ordinal `start`, in order of start, then length.

    Ordinals are those of a timeline, on calendar years `start = 12 * year + month - 1`. A span that leaves its year, or
    lies outside the years 1900 to 2199, raises PeriodError.

    >>> Period(2023 * 12, 9).label, Period.of(8095, Grain.QUARTER).label, Period(2023 * 12, 12, Timeline(4)).label
    ('2023-01/09', '2023Q4', '2023/24')
    """

    start: int
    months: int
    timeline: Timeline = field(default=MONTHS, compare=False)

    def __post_init__(self) -> None:
        if not self.timeline.first(FIRST_YEAR) <= self.start < self.timeline.first(LAST_YEAR + 1):
            raise PeriodError(
                Message("there is no year {year}", year=self._outside()),
                Message("years go from {first} to {last}", first=FIRST_YEAR, last=LAST_YEAR),
            )
        if self.timeline.weeks and self.months != 1:
            raise PeriodError(Message("a period is one week"), Message("give each week by itself"))
        if not self.timeline.weeks and not 1 <= self.months <= 12 - self.start % 12:
            message = Message(
                "{months} months from month {start} are not within one year",
                months=self.months,
                start=self.timeline.month(self.start)[1],
            )
            raise PeriodError(message, Message("a period starts and ends in the same year"))

    def _outside(self) -> int:
        return self.start // 12 if not self.timeline.weeks else round(self.start / _WEEKS_OF_A_YEAR)

    @classmethod
    def of(cls, index: int, grain: Grain) -> Period:
        """Return the period of a grain by its dense number, `index = start // grain.months`."""
        return cls(index * grain.months, grain.months, grain.timeline)

    def index(self, grain: Grain) -> int:
        """Return the dense number of the period of a grain that holds this one, `start // grain.months`.

        Raises PeriodError when no single one holds it, so that 1-9月 is never taken for the first quarter; a cumulative
        figure is reported at `end // grain.months`.
        """
        first, last = self.start // grain.months, self.end // grain.months
        if first != last:
            raise PeriodError(
                Message("{period} does not lie within one {grain}", period=self.title, grain=grain.title),
                Message("give a single {grain}", grain=grain.title),
            )
        return first

    @property
    def end(self) -> int:
        """The last month (or the week), inclusive, counted as `start` is."""
        return self.start + self.months - 1

    @property
    def year(self) -> int:
        """The calendar year, or the one in which a year of another beginning begins; of a week the ISO year."""
        return self.timeline.year(self.start)

    @property
    def grain(self) -> Grain | None:
        """The grain of which this is exactly one period, None for any other range of months."""
        if self.timeline.weeks:
            return Grain.WEEK
        length = _MONTHLY.get(self.months)
        return None if length is None or self.start % self.months else Grain.of(length, self.timeline)

    @property
    def label(self) -> str:
        """The short form, which `parse` reads back: 2023-12, 2023Q4, 2023H1, 2023, 2023-01/09, 2024-W05.

        Of years that do not begin in January: 2023-12, 2023/24Q3, 2023/24H1, 2023/24, 2023-04/12, 2023-12/2024-02.
        """
        if self.timeline.weeks:
            return f"{self.year}-W{self.week:02d}"
        year, first = self.timeline.month(self.start)
        until, last = self.timeline.month(self.end)
        place = self.start % 12 + self.months
        if self.grain and self.months > 1:
            named = f"{self.year}/{(self.year + 1) % 100:02d}" if self.timeline.shifted else f"{year}"
            return named + {3: f"Q{place // 3}", 6: f"H{place // 6}", 12: ""}[self.months]
        if self.months == 1:
            return f"{year}-{first:02d}"
        return f"{year}-{first:02d}/{last:02d}" if year == until else f"{year}-{first:02d}/{until}-{last:02d}"

    @property
    def week(self) -> int:
        """The number of a week in its year."""
        return self.timeline.first_day(self.start).isocalendar().week

    @property
    def title(self) -> Message:
        """The form of sentences: `label` in English, 2023年12月, 2023年四季度, 2023年上半年, 2023年1-9月 in Chinese.

        Of weeks 2024年第5周, of years of another beginning 2023/24年度, 2023/24年度一季度. `parse` reads them back.
        """
        if self.timeline.weeks:
            return Message("{year}-W{week:0>2}", year=self.year, week=self.week)
        year, first = self.timeline.month(self.start)
        until, last = self.timeline.month(self.end)
        length = None if self.grain is None else self.grain.length
        if length is Length.MONTH:
            return Message("{year}-{month:0>2}", year=year, month=first)
        if length is not None:
            return self._of_two_years(length) if self.timeline.shifted else self._of_one_year(length)
        if year != until:
            return Message("{year}-{first:0>2}/{until}-{last:0>2}", year=year, first=first, until=until, last=last)
        return Message("{year}-{first:0>2}/{last:0>2}", year=year, first=first, last=last)

    def _of_one_year(self, length: Length) -> Message:
        """Return the title of a calendar year, or of a part of it."""
        year, place = self.year, self.start % 12 + self.months
        match length:
            case Length.QUARTER:
                return (
                    Message("{year}Q1", year=year),
                    Message("{year}Q2", year=year),
                    Message("{year}Q3", year=year),
                    Message("{year}Q4", year=year),
                )[place // 3 - 1]
            case Length.HALF:
                return (Message("{year}H1", year=year), Message("{year}H2", year=year))[place // 6 - 1]
        return Message("{year:04}", year=year)

    def _of_two_years(self, length: Length) -> Message:
        """Return the title of a year, or of a part of it, that begins with another month than January."""
        year, then, place = self.year, f"{(self.year + 1) % 100:02d}", self.start % 12 + self.months
        match length:
            case Length.QUARTER:
                return (
                    Message("{year}/{then}Q1", year=year, then=then),
                    Message("{year}/{then}Q2", year=year, then=then),
                    Message("{year}/{then}Q3", year=year, then=then),
                    Message("{year}/{then}Q4", year=year, then=then),
                )[place // 3 - 1]
            case Length.HALF:
                return (
                    Message("{year}/{then}H1", year=year, then=then),
                    Message("{year}/{then}H2", year=year, then=then),
                )[place // 6 - 1]
        return Message("{year}/{then}", year=year, then=then)


# ---- WINDOWS ---- #


def parse_span(text: str) -> int:
    """Return the months of a window such as 1y, 1q or 6m; raises PeriodError for anything else.

    >>> parse_span("1y"), parse_span("1q"), parse_span("6m")
    (12, 3, 6)
    """
    number, unit = _span(text)
    if unit == "w":
        raise PeriodError(
            Message("`{text}` is not a number of months", text=text[:40]),
            Message("write a number with y, q or m, such as 1y"),
        )
    return number * _SPANS[unit]


_SPANS = {"m": 1, "q": 3, "y": 12}


def _span(text: str) -> tuple[int, str]:
    """Return the number and the unit of a window; raises PeriodError for anything else."""
    match = re.fullmatch("([1-9][0-9]{0,2})([wmqy])", text)
    if match is None:
        raise PeriodError(
            Message("`{text}` is not a window of time", text=text[:40]),
            Message("write a number with y, q, m or w, such as 1y"),
        )
    return int(match[1]), match[2]
