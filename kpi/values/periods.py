"""Periods (期别): months, quarters, halves, years and ranges of months, in every form people write them.

A period is a span of whole months within one calendar year, and the span alone is its identity: 1-6月 and 上半年 are
the same period, as are 1-12月 and 2023年. Whether a figure of such a span is 当期 or 累计 is a matter of its measure.

A date stands for its month. As a deadline (`by: 2025`) a period ends with its last month, `Period.end`: 2025 means
December 2025, 2023Q2 means June 2023.
"""

from __future__ import annotations

import calendar
import functools
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

import polars as pl

from kpi.errors import Message

#: Years outside are taken for numbers that are no years: codes, values, spreadsheet serials.
FIRST_YEAR, LAST_YEAR = 1900, 2199

#: Points in time are counted from here.
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local time

_HINT = Message("write it as 2023-12, 2023Q4, 2023H1, 2023 or 2023年1-9月")


#: The order of year, month and day in the dates of a dataset.
Order = Literal["ymd", "dmy", "mdy"]


class PeriodError(ValueError):
    """A text that names no period; `message` says why, `hint` what to write instead."""

    def __init__(self, message: Message, hint: Message) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint

    def __reduce__(self) -> tuple[type[PeriodError], tuple[Message, Message]]:
        return type(self), (self.message, self.hint)


class Grain(StrEnum):
    """The length of the periods that are scored."""

    MONTH = "month"
    QUARTER = "quarter"
    HALF = "half"
    YEAR = "year"

    @property
    def months(self) -> int:
        """The length in months: 1, 3, 6 or 12."""
        return _GRAIN_MONTHS[self]

    @property
    def noun(self) -> Message:
        """The name of one period of the length: month, quarter, half or year."""
        return _GRAIN_NOUNS[self]

    @property
    def title(self) -> Message:  # type: ignore[override]  # str.title has no use on a grain
        """The name as sentences use it: calendar month (not a number of months), quarter, half or year."""
        return _GRAIN_TITLES[self]


_GRAIN_MONTHS = dict(zip(Grain, (1, 3, 6, 12), strict=True))
_GRAIN_TITLES = dict(
    zip(Grain, (Message("calendar month"), Message("quarter"), Message("half"), Message("year")), strict=True)
)
_GRAIN_NOUNS = {**_GRAIN_TITLES, Grain.MONTH: Message("month")}
_GRAINS = {months: grain for grain, months in _GRAIN_MONTHS.items()}


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A span of `months` whole months from the month `start`, in order of start, then length.

    Months count from January of year 0: `start = 12 * year + month - 1`. A span that leaves its calendar year, or lies
    outside the years 1900 to 2199, raises PeriodError.

    >>> Period(2023 * 12, 9).label, Period.of(8095, Grain.QUARTER).label
    ('2023-01/09', '2023Q4')
    """

    start: int
    months: int

    def __post_init__(self) -> None:
        if not FIRST_YEAR <= self.year <= LAST_YEAR:
            raise PeriodError(
                Message("there is no year {year}", year=self.year),
                Message("years go from {first} to {last}", first=FIRST_YEAR, last=LAST_YEAR),
            )
        if not 1 <= self.months <= 12 - self.start % 12:
            message = Message(
                "{months} months from month {start} are not within one year",
                months=self.months,
                start=self.start % 12 + 1,
            )
            raise PeriodError(message, Message("a period starts and ends in the same year"))

    @classmethod
    def of(cls, index: int, grain: Grain) -> Period:
        """Return the period of a grain by its dense number, `index = start // grain.months`."""
        return cls(index * grain.months, grain.months)

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
        """The last month, inclusive, counted as `start` is."""
        return self.start + self.months - 1

    @property
    def year(self) -> int:
        """The calendar year."""
        return self.start // 12

    @property
    def grain(self) -> Grain | None:
        """The grain of which this is exactly one period, None for any other range of months."""
        grain = _GRAINS.get(self.months)
        return None if grain is None or self.start % grain.months else grain

    @property
    def label(self) -> str:
        """The short form, which `parse` reads back: 2023-12, 2023Q4, 2023H1, 2023, 2023-01/09."""
        first, last = self.start % 12 + 1, self.end % 12 + 1
        regular = {1: f"-{first:02d}", 3: f"Q{last // 3}", 6: f"H{last // 6}", 12: ""}
        return f"{self.year}{regular[self.months] if self.grain else f'-{first:02d}/{last:02d}'}"

    @property
    def title(self) -> Message:
        """The form of sentences: `label` in English, 2023年12月, 2023年四季度, 2023年上半年, 2023年1-9月 in Chinese.

        `parse` reads back both.
        """
        year, first, last = self.year, self.start % 12 + 1, self.end % 12 + 1
        match self.grain:
            case Grain.MONTH:
                return Message("{year}-{month:0>2}", year=year, month=first)
            case Grain.QUARTER:
                return (
                    Message("{year}Q1", year=year),
                    Message("{year}Q2", year=year),
                    Message("{year}Q3", year=year),
                    Message("{year}Q4", year=year),
                )[last // 3 - 1]
            case Grain.HALF:
                return (Message("{year}H1", year=year), Message("{year}H2", year=year))[last // 6 - 1]
            case Grain.YEAR:
                return Message("{year:04}", year=year)
        return Message("{year}-{first:0>2}/{last:0>2}", year=year, first=first, last=last)


# ---- WRITTEN FORMS ---- #

_YEAR, _N = "[0-9]{4}", "[0-9]{1,2}"
_SEP, _TO = "[-/. —]", "[-—~至到/]"
_LEAD = f"(?:年度?|{_SEP})?"
_HOURS = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]+)?)?"
#: The zone of local time, as PostgreSQL (+08), ISO 8601 (+08:00) and Java write it.
_LOCAL = r"(?:(?:UTC|GMT)?\+0?8(?::?00)?(?:\[ASIA/SHANGHAI\])?)"
_CLOCK = f"{_HOURS}{_LOCAL}?"
_WORDED = "(?:[01]?[0-9]|2[0-3])[时点](?:[0-5]?[0-9]分(?:[0-5]?[0-9]秒)?)?"
_TIME = f"(?:(?:[T ]|(?=[上下]午))(?:[上下]午)?(?:{_HOURS}|{_WORDED})(?:[AP]M)?{_LOCAL}?|{_LOCAL})"

#: Whole texts that are dates or bare digits. ".0" is what is left of an integer that went through a float column.
_DATES = [
    re.compile(pattern)
    for pattern in (
        rf"(?P<year>{_YEAR})(?P<sep>{_SEP})(?P<one>{_N})(?P=sep)(?P<day>{_N}){_TIME}?",
        rf"(?P<year>{_YEAR})年(?P<one>{_N})月(?P<day>{_N})[日号](?:T?{_CLOCK}|(?:[上下]午)?(?:{_HOURS}|{_WORDED}))?",
        rf"(?P<year>{_YEAR})(?P<one>[0-9]{{2}})(?P<day>[0-9]{{2}})(?:[T ]{_CLOCK}| ?[0-9]{{6}}|\.0)?",
        rf"(?P<year>{_YEAR})(?P<one>[0-9]{{2}})(?:\.0)?",
    )
]

#: What may follow the year, by the months of its unit: one unit, a range of them, or those up to a last one.
_FORMS = [
    (unit, re.compile(pattern))
    for unit, pattern in (
        (1, rf"(?!\.[01]$)(?:{_LEAD}M|{_SEP})(?P<one>{_N})"),
        (1, rf"{_LEAD}(?P<one>{_N})月份?[末底]?"),
        (3, rf"{_LEAD}Q(?P<one>{_N})"),
        (3, rf"{_LEAD}第?(?P<one>{_N})季度?[末底]?"),
        (12, r"(?:年度?)?(?:全年)?|年[末底]|\.0"),
        (6, rf"{_LEAD}H(?P<one>{_N})"),
        (1, rf"{_LEAD}(?P<first>{_N})(?:月份?)?{_TO}(?P<last>{_N})月份?[末底]?"),
        (1, rf"(?:年度?|{_SEP})(?P<first>{_N}){_TO}(?P<last>{_N})"),
        (1, rf"(?:年{{1,2}}初{_TO}|{_LEAD}前)(?P<last>{_N})个?月份?[末底]?"),
        (3, rf"{_LEAD}前(?P<last>{_N})个?季度?"),
        (3, rf"{_LEAD}第?(?P<first>{_N})(?:季度?)?{_TO}第?(?P<last>{_N})季度?[末底]?"),
        (3, rf"{_LEAD}Q(?P<first>{_N}){_TO}Q?(?P<last>{_N})"),
        (3, rf"{_LEAD}(?P<one>{_N})Q"),
        (6, rf"{_LEAD}(?P<one>{_N})H"),
        (1, rf"(?P<one>{_N})月(?P<day>{_N})[日号]"),
    )
]

_YEAR_BEHIND = rf"(?P<one>{_N})(?P<sep>[-/.])(?P<other>{_N})(?P=sep)(?P<year>{_YEAR}){_TIME}?"

#: A date, perhaps with a time, and the zone that it is in.
_ZONED = re.compile(
    rf"{_YEAR}[-/.年]?{_N}[-/.月]?{_N}日?(?:[T ]?(?P<clock>{_HOURS}))?"
    r"(?P<zone>(?:Z|[A-Z]{2,5})?(?:[+-][0-9]{1,2}(?::?[0-9]{2})?)?(?:\[[A-Z_/]+\])?)"
)

_CALENDAR = Message("a period is a calendar year, or months of one, such as 2023, 2023Q4 or 2023-12")
_MONTHS = "(?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)"

_FULL_DATE = f"{_YEAR}[-/.年]?{_N}[-/.月]?{_N}[日号]?[T ]?"

#: What cannot be read without a guess: pattern, reason, hint; groups of the pattern are fields of the hint.
_MISTAKES = (
    (".*(?:FY|财年|财政年度|会计年度).*", Message("fiscal years are not supported"), _CALENDAR),
    (".*学年.*", Message("school years are not supported"), _CALENDAR),
    (rf"(?:{_YEAR})?[-年 ]?W[0-9]{{1,2}}.*|.*周", Message("weeks are not supported"), _CALENDAR),
    (".*[上中下]旬", Message("parts of months are not supported"), _CALENDAR),
    ("民国.*", Message("years of 民国 are not read"), Message("write the year in full, as in 2023年12月")),
    (
        rf"(?:.*[^A-Z])?{_MONTHS}[A-Z]*.*",
        Message("English names of months are not read"),
        Message("write it as 2023-12"),
    ),
    (
        "1[0-9]{9}(?:[0-9]{3})?",
        Message("it looks like seconds since 1970"),
        Message("write it as a date, such as 2023-12-31"),
    ),
    (
        rf"{_N}([-/.]){_N}\1{_N}(?:[T ].*)?",
        Message("its year has two digits"),
        Message("write the year in full, as in 2023-12-31"),
    ),
    (
        rf"(?P<year>{_YEAR})\.1",
        Message("spreadsheets also turn 2023.10 into 2023.1"),
        Message("write {year}-01 or {year}-10", year="2023"),
    ),
    (
        "(?P<year>(?:19|20|21)[0-9]{2})(?P<month>[1-9])",
        Message("its last digit could be a month or a quarter"),
        Message("write {year}-0{month}, or {year}Q1", year="2023", month="1"),
    ),
    (
        r"[1-9][0-9]{4}(?:\.[0-9]+)?",
        Message("spreadsheets keep dates as such numbers"),
        Message("format the column as dates"),
    ),
    ("[0-9]{2}年.*", Message("its year has two digits"), Message("write the year in full, as in 2023年12月")),
    (
        rf"{_FULL_DATE}24[:时点](?:00?分?)?(?::?00?秒?)?(?:\.0+)?{_LOCAL}?",
        Message("there is no time 24:00"),
        Message("the end of a day is 00:00 of the next one"),
    ),
    (
        rf"{_FULL_DATE}(?:[上下]午)?{_N}[:时点](?:{_N}分?(?::?{_N}(?:\.[0-9]+)?秒?)?)?(?:[AP]M)?{_LOCAL}?",
        Message("its time of day does not exist"),
        Message("hours go from 0 to 23, minutes and seconds to 59"),
    ),
)

_YEAR_LAST = re.compile(rf"((?:[QH]{_N})|(?:{_N}[QH]))[-/. —]?({_YEAR})年?")
_YEAR_TWICE = re.compile(rf"({_YEAR})(?![0-9](?![0-9])){_LEAD}(.*?){_TO}((?:19|20|21)[0-9]{{2}}){_LEAD}(.*)")

_TWINS = "‐‑‒−﹣–―─〜∼ⅠⅡⅢⅣ", "-----———~~1234", "\ufeff\u200b\u200c\u200d\u2060"
_SAME = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | str.maketrans(*_TWINS)
_CHINESE_NUMBER = re.compile("(?:(?<![0-9])|(?<=^[0-9]{4}))[O○〇零一二两三四五六七八九十]+(?![0-9])")
_CHINESE_DIGITS = str.maketrans("O○〇零一二两三四五六七八九", "00001223456789")
_TENS = re.compile("([0-9]?)十([0-9]?)")


def _digits(match: re.Match[str]) -> str:
    """Return a run of Chinese numerals in digits: read one by one (二〇二三), or with tens (三十一)."""
    text = match[0].translate(_CHINESE_DIGITS)
    tens = _TENS.fullmatch(text)
    return text if tens is None else str(int(tens[1] or 1) * 10 + int(tens[2] or 0))


def _normalised(text: str) -> str:
    """Return a text in capitals with ASCII digits and signs, one kind of dash, and blanks only between digits."""
    text = " ".join(text.translate(_SAME).split()).upper()
    text = re.sub("(?<![0-9]) | (?![0-9])", "", re.sub("([-—~])[-—~]+", r"\1", text))
    return _CHINESE_NUMBER.sub(_digits, text).replace("上半年", "H1").replace("下半年", "H2")


def parse(text: str, *, year: int | None = None, order: Order = "ymd") -> Period:
    """Return the period that a text names, in any form in use.

    Months (2023-12, 2023/12, 2023.12, 202312, 2023M12, 2023年12月份), dates for their month (2023-12-31 08:30,
    20231231), quarters (2023Q4, Q4 2023, 2023年第四季度), halves (2023H1, 2023年上半年), years (2023, 2023年度), ranges
    (2023年1-9月, 2023年前三季度, 2023-01/09, 1-9月累计), also with full-width characters or Chinese numerals.

    Args:
        text: in any of these forms.
        year: the year of texts that name none, such as 1-9月 below a heading with the year.
        order: of day and month in dates whose year stands last, such as 31/12/2023; those are refused for `ymd`.

    Raises:
        PeriodError: the text names no period, no year, or something that does not exist, such as month 13.

    >>> [parse(text).label for text in ("2023年第四季度", "2023/12/31 00:00:00", "二〇二三年前三季度", "2023年1—6月")]
    ['2023Q4', '2023-12', '2023-01/09', '2023H1']
    >>> parse("1-9月", year=2023).label
    '2023-01/09'
    >>> [parse("02/12/2023", order=order).label for order in ("dmy", "mdy")]
    ['2023-12', '2023-02']
    """
    # The longest form is far shorter than 200; what is longer is prose or a wrong column.
    body = _normalised(text) if len(text) <= 200 else text
    if not body:
        raise PeriodError(Message("the period is blank"), _HINT)
    bare = body.removesuffix("累计")
    unit, period = _read(text, bare, year, order)
    if bare == body or period.months > unit:
        return period
    if unit == 12:
        raise _error(text, Message("it does not say up to which month it adds up"), Message("write 2023年1-9月"))
    return Period(period.year * 12, period.end % 12 + 1)


def _read(text: str, body: str, year: int | None, order: Order) -> tuple[int, Period]:
    """Return the unit in months and the period of a normalised text; errors quote `text`."""
    for date in _DATES:
        if match := date.fullmatch(body):
            return 1, _period(text, int(match["year"]), 1, match.groupdict())
    if match := re.fullmatch(_YEAR_BEHIND, body):
        return 1, _year_behind(text, match, order)
    _not_fiscal(text, body)
    body = _year_first(text, body)
    has_year = re.match(_YEAR, body) is not None
    tail = body[4:] if has_year else body
    for unit, form in _FORMS:
        if (match := form.fullmatch(tail)) and (has_year or re.match("[^-/. —年]|年初", tail)):
            if not has_year and year is None:
                raise _error(
                    text,
                    Message("it names no year"),
                    Message("add the year, such as 2023年{text}", text="".join(text.split())),
                )
            return unit, _period(text, int(body[:4]) if has_year else year or 0, unit, match.groupdict())
    raise _mistake(text, body)


def _mistake(text: str, body: str) -> PeriodError:
    """Return the error of a text that cannot be parsed without a guess, with the reason."""
    if (match := _ZONED.fullmatch(body)) and (zone := match["zone"]) and (match["clock"] or zone[0] not in "+-"):
        zone = "UTC" if zone == "Z" else zone
        return _error(text, Message("it is in the zone {zone}", zone=zone), Message("write local time, or +08:00"))
    for mistake, why, hint in _MISTAKES:
        if match := re.fullmatch(mistake, body):
            return _error(text, why, Message(hint.template, **(match.groupdict() if hint.fields else {})))
    return _error(text)


def _not_fiscal(text: str, body: str) -> None:
    """Raise PeriodError for a year and the last digits of the next, unless these may be a month: 2023-24."""
    match = re.fullmatch(rf"({_YEAR})[-/—]([0-9]{{2}})(?:年度?)?", body)
    if match and int(match[2]) == (int(match[1]) + 1) % 100 and not 1 <= int(match[2]) <= 12:
        raise _error(text, Message("it looks like a fiscal year, and these are not supported"), _CALENDAR)


def _year_behind(text: str, match: re.Match[str], order: Order) -> Period:
    """Return the period of a date whose year stands last, by the order of day and month, else raise PeriodError."""
    if order == "ymd":
        hint = Message("say `dates: dmy` or `dates: mdy` at the dataset, or write it as 2023-12-31")
        raise _error(text, Message("the order of day and month is not known"), hint)
    day, month = (match["one"], match["other"]) if order == "dmy" else (match["other"], match["one"])
    return _period(text, int(match["year"]), 1, {"one": month, "day": day})


def _year_first(text: str, body: str) -> str:
    """Return a text with its year once, in front; raises PeriodError for two different years."""
    if match := _YEAR_LAST.fullmatch(body):
        return match[2] + match[1]
    match = _YEAR_TWICE.fullmatch(body)
    if match and match[1] != match[3]:
        raise _error(text, Message("it reaches into another year"), Message("a period lies within one year; split it"))
    return f"{match[1]}年{match[2]}至{match[4]}" if match else body


def _period(text: str, year: int, unit: int, parts: dict[str, str | None]) -> Period:
    """Return the period of units `first` to `last` of a year; raises PeriodError for what does not exist."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise _error(
            text,
            Message("there is no year {year}", year=year),
            Message("years go from {first} to {last}", first=FIRST_YEAR, last=LAST_YEAR),
        )
    if unit == 12:
        return Period(year * 12, 12)
    one = parts.get("one")
    first, last = int(one or parts.get("first") or 1), int(one or parts.get("last") or 1)
    for number in (first, last):
        if not 1 <= number <= 12 // unit:
            raise _error(
                text,
                _no_such(unit, number),
                Message("write a number from 1 to {last}", last=12 // unit),
            )
    if first > last:
        raise _error(
            text, Message("it runs backwards"), Message("put the earlier first; a period lies within one year")
        )
    day, days = int(parts.get("day") or 1), calendar.monthrange(year, first)[1]
    if not 1 <= day <= days:
        raise _error(
            text,
            Message("there is no day {day} in that month", day=day),
            Message("its days go from 1 to {days}", days=days),
        )
    return Period(year * 12 + (first - 1) * unit, (last - first + 1) * unit)


def _no_such(unit: int, number: int) -> Message:
    if unit == 1:
        return Message("there is no month {number}", number=number)
    if unit == 3:
        return Message("there is no quarter {number}", number=number)
    return Message("there is no half {number}", number=number)


def _error(text: str, why: Message | None = None, hint: Message = _HINT) -> PeriodError:
    quoted = " ".join(text[:40].split()) + ("…" if len(text) > 40 else "")
    if why is None:
        return PeriodError(Message("`{text}` is not a period", text=quoted), hint)
    return PeriodError(Message("`{text}` is not a period: {why}", text=quoted, why=why), hint)


#: The time of day behind a date.
_TIME_OF_DAY = re.compile(
    r"[日号]?[T ]?(?P<half>[上下]午)?(?P<hour>[0-9]{1,2})[:时点](?:(?P<minute>[0-9]{1,2})分?)?"
    rf"(?::?(?P<second>[0-9]{{1,2}})(?:\.(?P<part>[0-9]+))?秒?)?(?P<noon>[AP]M)?{_LOCAL}?"
)
_PACKED_TIME = re.compile(" ?(?P<hour>[0-9]{2})(?P<minute>[0-9]{2})(?P<second>[0-9]{2})")


def parse_instant(text: str, *, order: Order = "ymd") -> datetime:
    """Return the point in local time that a text names: a date, at midnight where it has no time of day.

    Args:
        text: a date in any form that `parse` reads, perhaps with a time of day.
        order: of day and month in dates whose year stands last.

    Raises:
        PeriodError: the text is no date, or one that does not exist.

    >>> str(parse_instant("2025年7月1日 09:10")), str(parse_instant("20250701"))
    ('2025-07-01 09:10:00', '2025-07-01 00:00:00')
    """
    start = parse(text, order=order).start
    body = _normalised(text)
    match = next((match for date in _DATES if (match := date.fullmatch(body))), None)
    behind = re.fullmatch(_YEAR_BEHIND, body) if match is None else None
    if match is not None and match.groupdict().get("day"):
        day, rest = int(match["day"]), body[match.end("day") :]
    elif behind is not None:
        day, rest = int(behind["one" if order == "dmy" else "other"]), body[behind.end("year") :]
    else:
        message = Message("`{text}` names no day", text=" ".join(text[:40].split()))
        raise PeriodError(message, Message("write a date, such as 2023-12-31 or 2023-12-31 08:30"))
    midnight = datetime(start // 12, start % 12 + 1, day)  # noqa: DTZ001 - local time
    clock = _TIME_OF_DAY.fullmatch(rest) or _PACKED_TIME.fullmatch(rest)
    if clock is None:
        return midnight
    parts = clock.groupdict()
    hour = int(parts["hour"])
    if parts.get("half") == "下午" or parts.get("noon") == "PM":
        hour = hour + 12 if hour < 12 else hour
    elif (parts.get("half") or parts.get("noon")) and hour == 12:
        hour = 0
    minute, second = int(parts["minute"] or 0), int(parts["second"] or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise PeriodError(
            Message("`{text}` has a time that does not exist", text=text[:40]),
            Message("hours go from 0 to 23, minutes to 59"),
        )
    micro = int((parts.get("part") or "0")[:6].ljust(6, "0"))
    return midnight + timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micro)


def parse_span(text: str) -> int:
    """Return the months of a window such as 1y, 1q or 6m; raises PeriodError for anything else.

    >>> parse_span("1y"), parse_span("1q"), parse_span("6m")
    (12, 3, 6)
    """
    match = re.fullmatch("([1-9][0-9]{0,2})([mqy])", text)
    if match is None:
        raise PeriodError(
            Message("`{text}` is not a window of time", text=text[:40]),
            Message("write a number with y, q or m, such as 1y"),
        )
    return int(match[1]) * {"m": 1, "q": 3, "y": 12}[match[2]]


# ---- COLUMNS ---- #

# A column of timestamps has as many texts as rows but few dates: the time of day goes before anything is parsed.
_TIMESTAMP = rf"^\s*({_YEAR}(?:-{_N}-{_N}|/{_N}/{_N}))[T ]{_CLOCK}\s*$"


def parse_column(column: pl.Series, *, year: int | None = None, order: Order = "ymd") -> pl.DataFrame:
    """Return the periods of a column's distinct values, each parsed once, for joining back.

    Args:
        column: texts, dates, datetimes, or numbers such as 20231231, 202312 and 2023.
        year: the year of texts that name none, as for `parse`.
        order: of day and month in dates whose year stands last, as for `parse`.

    Returns:
        A frame sorted by text, without nulls: text (String, the distinct `column.cast(pl.String)`, the key to join on),
        start and months (Int32, null where there is a problem), problem (String; the message and what to do).

    >>> parse_column(pl.Series(["2023Q4", "Q4", None, "2023Q4"])).rows()
    [('2023Q4', 24285, 3, None),
     ('Q4', None, None, '`Q4` is not a period: it names no year; add the year, such as 2023年Q4')]
    """
    texts = column.cast(pl.String).drop_nulls().unique().alias("text").to_frame()
    texts = texts.with_columns(key=pl.col("text").str.replace(_TIMESTAMP, "${1}")).sort("text")
    schema = {"key": pl.String, "start": pl.Int32, "months": pl.Int32, "problem": pl.String}
    parsed = pl.DataFrame([_row(key, year, order) for key in texts["key"].unique()], schema=schema, orient="row")
    return texts.join(parsed, on="key", how="left", maintain_order="left").drop("key")


@functools.lru_cache(maxsize=1 << 16)
def _row(key: str, year: int | None, order: Order = "ymd") -> tuple[str, int | None, int | None, str | None]:
    try:
        return key, (period := parse(key, year=year, order=order)).start, period.months, None
    except PeriodError as error:
        return key, None, None, f"{error}; {error.hint}"


def problem(text: str, *, year: int | None = None, order: Order = "ymd") -> Message | None:
    """Return why a text names no period and what to do, None for one that does: the `problem` of `parse_column`.

    >>> problem("Q4"), problem("2023Q4")
    ('`Q4` is not a period: it names no year; add the year, such as 2023年Q4', None)
    """
    key = pl.Series([text]).str.replace(_TIMESTAMP, "${1}").item()
    try:
        parse(key, year=year, order=order)
    except PeriodError as error:
        return Message("{problem}; {hint}", problem=error.args[0], hint=error.hint)
    return None
