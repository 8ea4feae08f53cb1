"""Texts of periods: every form in which people write them, in cells, columns and definitions; why others are none."""

from __future__ import annotations

import calendar
import functools
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

import polars as pl

from kpi.errors import Message
from kpi.values.patterns import regex
from kpi.values.periods import FIRST_YEAR, LAST_YEAR, Order, Period, PeriodError
from kpi.values.timelines import MONTHS, WEEKS, Timeline

_HINT = Message("write it as 2023-12, 2023Q4, 2023H1, 2023 or 2023年1-9月")

#: Patterns are compiled when a text needs them: most runs read two or three of the forms.
_compiled = functools.cache(re.compile)

_YEAR, _N = "[0-9]{4}", "[0-9]{1,2}"
_SEP, _TO = "[-/. —]", "[-—~至到/]"
_LEAD = f"(?:年度?|{_SEP}|_)?"
_HOURS = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]+)?)?"
#: The zone of local time, as PostgreSQL (+08), ISO 8601 (+08:00) and Java write it.
_LOCAL = r"(?:(?:UTC|GMT)?\+0?8(?::?00)?(?:\[ASIA/SHANGHAI\])?)"
_CLOCK = f"{_HOURS}{_LOCAL}?"
_WORDED = "(?:[01]?[0-9]|2[0-3])[时点](?:[0-5]?[0-9]分(?:[0-5]?[0-9]秒)?)?"
_TIME = f"(?:(?:[T ]|(?=[上下]午))(?:[上下]午)?(?:{_HOURS}|{_WORDED})(?:[AP]M)?{_LOCAL}?|{_LOCAL})"

#: Whole texts that are dates or bare digits. ".0" is what is left of an integer that went through a float column.
_DATES = (
    rf"(?P<year>{_YEAR})(?P<sep>{_SEP})(?P<one>{_N})(?P=sep)(?P<day>{_N}){_TIME}?",
    rf"(?P<year>{_YEAR})年(?P<one>{_N})月(?P<day>{_N})[日号](?:T?{_CLOCK}|(?:[上下]午)?(?:{_HOURS}|{_WORDED}))?",
    rf"(?P<year>{_YEAR})(?P<one>[0-9]{{2}})(?P<day>[0-9]{{2}})(?:[T ]{_CLOCK}| ?[0-9]{{6}}|\.0)?",
    rf"(?P<year>{_YEAR})(?P<one>[0-9]{{2}})(?:\.0)?",
)

#: What may follow the year, by the months of its unit: one unit, a range of them, or those up to a last one.
_FORMS = (
    (1, rf"(?!\.[01]$)(?:{_LEAD}M|{_SEP})(?P<one>{_N})"),
    # 2023_2 may be the second column of 2023.
    (1, "_(?P<one>[0-9]{2})"),
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

#: A month before its year: 03/2020, but not 3.2020, which may be a number.
_MONTH_FIRST = regex(rf"(?P<one>{_N})[-/](?P<year>{_YEAR})")

_YEAR_BEHIND = rf"(?P<one>{_N})(?P<sep>[-/.])(?P<other>{_N})(?P=sep)(?P<year>{_YEAR}){_TIME}?"

#: A date, perhaps with a time, and the zone that it is in.
_ZONED = (
    rf"{_YEAR}[-/.年]?{_N}[-/.月]?{_N}日?(?:[T ]?(?P<clock>{_HOURS}))?"
    r"(?P<zone>(?:Z|[A-Z]{2,5})?(?:[+-][0-9]{1,2}(?::?[0-9]{2})?)?(?:\[[A-Z_/]+\])?)"
)

# ---- ENGLISH MONTHS ---- #

_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_NAME = (
    "(?:JAN(?:UARY)?|FEB(?:RUARY)?|MAR(?:CH)?|APR(?:IL)?|MAY|JUNE?|JULY?|AUG(?:UST)?|SEPT?(?:EMBER)?|OCT(?:OBER)?"
    r"|NOV(?:EMBER)?|DEC(?:EMBER)?)\.?"
)
_BY, _DAY = "[-/ ,._]*", "(?P<day>[0-9]{1,2})(?:ST|ND|RD|TH)?"
#: Months and dates with the English name of the month.
_ENGLISH = (
    rf"(?P<name>{_NAME})(?:-(?P<last>{_NAME}))?(?:{_BY}(?P<year>{_YEAR}))?",
    rf"(?P<year>{_YEAR})年?{_BY}(?P<name>{_NAME})(?:-(?P<last>{_NAME}))?",
    rf"{_DAY}{_BY}(?P<name>{_NAME}){_BY}(?P<year>{_YEAR})(?P<time>{_TIME})?",
    rf"(?P<name>{_NAME}){_BY}{_DAY}[ ,]+(?P<year>{_YEAR})(?P<time>{_TIME})?",
    rf"(?P<year>{_YEAR}){_BY}(?P<name>{_NAME}){_BY}{_DAY}(?P<time>{_TIME})?",
)


def _without_names(body: str) -> str:
    """Return a normalised text with the number of a month in place of its English name.

    >>> [_without_names(text) for text in ("FEB2020", "28-FEB-2020", "FEBRUARY", "FEB-APR2020", "GDP")]
    ['2020-02', '2020-02-28', '2月', '2020-02/04', 'GDP']
    """
    for form in _ENGLISH if re.search("[A-Z]{3}", body) else ():
        if match := _compiled(form).fullmatch(body):
            parts = match.groupdict()
            month, year = _NAMES.index(match["name"][:3]) + 1, match["year"]
            if last := parts.get("last"):
                until = _NAMES.index(last[:3]) + 1
                return f"{year}-{month:02d}/{until:02d}" if year else f"{month}-{until}月"
            if year is None:
                return f"{month}月"
            day = parts.get("day")
            return f"{year}-{month:02d}" + (f"-{int(day):02d}{parts.get('time') or ''}" if day else "")
    return body


# ---- YEARS OF ANOTHER BEGINNING ---- #

_PART = "(?:Q[1-4]|[1-4]Q|第?[1-4]季度?|H[12]|[12]H|前[23]个?季度)"
_OWN = "FY|财政年度?|会计年度|财年|学年度?"
#: A year, or a part of one, that need not begin in January: FY2023, 2023/24, 2023-24, 2023-2024学年, Q1 FY2023.
_BUSINESS = (
    rf"(?:(?P<front>{_PART})[-/. —_]?)?(?P<mark>FY|FISCALYEAR|SCHOOLYEAR|ACADEMICYEAR)?[-_]?(?P<year>{_YEAR})年?"
    rf"(?:(?P<sep>[-/—~至到])(?P<then>{_YEAR}|[0-9]{{2}})(?![0-9])年?)?(?P<kind>{_OWN}|年度)?(?:全年)?"
    rf"(?:[-/. —_]?(?P<back>{_PART}))?"
)
_MONTH_TO_MONTH = rf"(?P<year>{_YEAR})[-/.年](?P<first>{_N})月?{_TO}(?P<then>{_YEAR})[-/.年](?P<last>{_N})月?份?"

# ---- WEEKS ---- #

_WEEK_FORMS = (
    rf"(?P<year>{_YEAR})[-_/. 年]?(?:W|WK|WEEK|KW|CW)-?(?P<week>{_N})(?:-[1-7])?",
    rf"(?P<year>{_YEAR})年?第?(?P<week>{_N})周",
    rf"(?:W|WK|WEEK|KW|CW|第)-?(?P<week>{_N})周?[-_/., ]*(?P<year>{_YEAR})年?",
    rf"(?P<year>)(?:W|WK|WEEK|KW|CW|第)-?(?P<week>{_N})周?",
)
_WEEK_HINT = Message("write it as 2024-W05 or 2024年第5周, or give a date")

_CALENDAR = Message("a period is a calendar year, or months of one, such as 2023, 2023Q4 or 2023-12")
_DECLARE = Message(
    "say in the definition with which month its years begin, such as `year_starts: 4`, or write months of one calendar "
    "year, such as 2023Q4 or 2023-12"
)
_BY_WEEK = Message(
    "weeks do not add up to months: write `period: week` in the definition to score by week, or give dates or months"
)

_FULL_DATE = f"{_YEAR}[-/.年]?{_N}[-/.月]?{_N}[日号]?[T ]?"

#: What cannot be read without a guess: pattern, reason, hint; groups of the pattern are fields of the hint.
_MISTAKES = (
    (
        "(?:.*[^0-9]|Q[1-4]|H[12])?FY(?:[0-9]{2}|[0-9]{2}[-/][0-9]{2})(?![0-9]).*",
        Message("its year has two digits"),
        Message("write the year in full, as in FY2023"),
    ),
    (".*(?:FY|财年|财政年度|会计年度).*", Message("it is a fiscal year"), _DECLARE),
    (".*学年.*", Message("it is a school year"), _DECLARE),
    (rf"(?:{_YEAR})?[-年 ]?W[0-9]{{1,2}}.*|.*周", Message("it is a week"), _BY_WEEK),
    (".*[上中下]旬", Message("parts of months are not supported"), _CALENDAR),
    ("民国.*", Message("years of 民国 are not read"), Message("write the year in full, as in 2023年12月")),
    (
        rf"{_NAME}[-/ ']*[0-9]{{2}}|[0-9]{{2}}[-/ ']*{_NAME}(?:[-/ ']*[0-9]{{2}})?",
        Message("its year has two digits"),
        Message("write the year in full, as in Feb 2020"),
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

_YEAR_LAST = regex(rf"((?:[QHM]{_N})|(?:{_N}[QH]))[-/. —_]?({_YEAR})年?")
_YEAR_TWICE = regex(rf"({_YEAR})(?![0-9](?![0-9])){_LEAD}(.*?){_TO}((?:19|20|21)[0-9]{{2}}){_LEAD}(.*)")

_TWINS = "‐‑‒−﹣–―─〜∼ⅠⅡⅢⅣ", "-----———~~1234", "\ufeff\u200b\u200c\u200d\u2060"
_SAME = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | str.maketrans(*_TWINS)
_CHINESE_NUMBER = regex("(?:(?<![0-9])|(?<=^[0-9]{4}))[O○〇零一二两三四五六七八九十]+(?![0-9])")
_CHINESE_DIGITS = str.maketrans("O○〇零一二两三四五六七八九", "00001223456789")
_TENS = regex("([0-9]?)十([0-9]?)")


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


def parse(text: str, *, year: int | None = None, order: Order = "ymd", timeline: Timeline = MONTHS) -> Period:
    """Return the period that a text names, in any form in use.

    Months (2023-12, 2023/12, 202312, 2023M12, 2023年12月份, Dec 2023), dates for their month (2023-12-31 08:30,
    20231231), quarters (2023Q4, Q4 2023, 2023年第四季度), halves (2023H1, 2023年上半年), years (2023, 2023年度), ranges
    (2023年1-9月, 2023年前三季度, 2023-01/09, 1-9月累计), also with full-width characters or Chinese numerals.

    Where years begin with another month than January: FY2023, 2023/24, 2023-24, 2023-2024学年, Q1 FY2023, 2023/24Q1. A
    year alone is one of these, a quarter or half that names one calendar year is a part of that.

    Where weeks are counted: 2024-W05, 2024W5, 2024年第5周, and dates for their week; nothing else is a week.

    Args:
        text: in any of these forms.
        year: the calendar year of texts that name none, such as 1-9月 below a heading with the year.
        order: of day and month in dates whose year stands last, such as 31/12/2023; those are refused for `ymd`.
        timeline: what is counted: the months of calendar years or of others, or weeks.

    Raises:
        PeriodError: the text names no period, no year, or something that does not exist, such as month 13.

    >>> [parse(text).label for text in ("2023年第四季度", "2023/12/31 00:00:00", "二〇二三年前三季度", "2023年1—6月")]
    ['2023Q4', '2023-12', '2023-01/09', '2023H1']
    >>> parse("1-9月", year=2023).label
    '2023-01/09'
    >>> [parse("02/12/2023", order=order).label for order in ("dmy", "mdy")]
    ['2023-12', '2023-02']
    >>> [parse(text, timeline=Timeline(4)).label for text in ("FY2023", "2023-24", "Q1 2023/24", "2023Q1", "Mar 2023")]
    ['2023/24', '2023/24', '2023/24Q1', '2022/23Q4', '2023-03']
    >>> [parse(text, timeline=WEEKS).label for text in ("2024W5", "2024年第5周", "2024-12-31")]
    ['2024-W05', '2024-W05', '2025-W01']
    """
    # The longest form is far shorter than 200; what is longer is prose or a wrong column.
    body = _without_names(_normalised(text)) if len(text) <= 200 else text
    if not body:
        raise PeriodError(Message("the period is blank"), _HINT)
    if timeline.weeks:
        return _week(text, body, year, order)
    bare = body.removesuffix("累计")
    unit, period = _read(text, bare, year, order, timeline)
    if bare == body or period.months > unit:
        return period
    if unit == 12:
        raise _error(text, Message("it does not say up to which month it adds up"), Message("write 2023年1-9月"))
    return Period(period.year * 12, period.end % 12 + 1, timeline)


def stretch(text: str, timeline: Timeline = MONTHS) -> tuple[int, int]:
    """Return the first and the last ordinal of what a text names; raises PeriodError.

    Among weeks a month, quarter or year stands for the weeks whose Thursday lies in it, as ISO 8601 has it for years:
    so a deadline (`by: 2025`) has a last week.

    >>> stretch("2023Q2"), [Period(one, 1, WEEKS).label for one in stretch("2025", WEEKS)]
    ((24279, 24281), ['2025-W01', '2025-W52'])
    """
    try:
        period = parse(text, timeline=timeline)
    except PeriodError as error:
        if not timeline.weeks:
            raise
        try:
            months = parse(text)
        except PeriodError:
            raise error from None
        half = timedelta(days=3)
        first, last = MONTHS.first_day(months.start) + half, MONTHS.last_day(months.end) - half
        return timeline.of_day(first), timeline.of_day(last)
    return period.start, period.end


def day(text: str, order: Order = "ymd") -> date | None:
    """Return the day that a text names, perhaps with a time of day; None for any other text and a day that is none.

    >>> day("2024年1月5日"), day("2024-01-05 08:30"), day("2024-01"), day("2024-02-30")
    (datetime.date(2024, 1, 5), datetime.date(2024, 1, 5), None, None)
    """
    if len(text) > 200:
        return None
    try:
        return _day_of(text, _without_names(_normalised(text)), order)
    except PeriodError:
        return None


def has_year_last(text: str) -> bool:
    """Return whether a text is a date whose year stands last: 31/03/2024."""
    return len(text) <= 200 and re.fullmatch(_YEAR_BEHIND, _normalised(text)) is not None


def order_of(texts: Iterable[str]) -> tuple[Order, str] | None:
    """Return the order of day and month that the dates of a column have in common, and a date that shows it.

    None where no date has a day above 12, or where one order would need a month above 12 either way.

    >>> order_of(["04/03/2024", "31/03/2024"]), order_of(["04/03/2024"]), order_of(["31/03/2024", "03/31/2024"])
    (('dmy', '31/03/2024'), None, None)
    """
    shown: dict[Order, str] = {}
    for text in texts:
        match = re.fullmatch(_YEAR_BEHIND, _normalised(text)) if len(text) <= 200 else None
        if match is not None and int(match["one"]) > 12:
            shown.setdefault("dmy", text)
        if match is not None and int(match["other"]) > 12:
            shown.setdefault("mdy", text)
    return next(iter(shown.items())) if len(shown) == 1 else None


def on_any_timeline(text: str) -> Period:
    """Return the period that a text names on one timeline or another: for texts of which the system is not known yet.

    Raises PeriodError when it names none on any. Years of another beginning are taken to begin in April.
    """
    for timeline in (MONTHS, WEEKS, Timeline(4)):
        try:
            return parse(text, timeline=timeline)
        except PeriodError:
            continue
    return parse(text)


def timeline_of(labels: Iterable[str]) -> Timeline:
    """Return a timeline on which some labels of results can be compared with one another.

    Labels do not say with which month years begin: where they name two years, April stands for any month but January.

    >>> timeline_of(["2023Q1"]) == MONTHS, timeline_of(["2023-W05"]) == WEEKS, timeline_of(["2023/24Q1"]).shifted
    (True, True, True)
    """
    items = list(labels)
    if any("-W" in label for label in items):
        return WEEKS
    return Timeline(4) if any(re.match(rf"{_YEAR}/[0-9]{{2}}(?![0-9-])", label) for label in items) else MONTHS


def calendar_year(text: str) -> int | None:
    """Return the calendar year that texts below or beside a year lie in, None where that is none or two.

    >>> calendar_year("2023年"), calendar_year("2023Q1"), calendar_year("2023/24")
    (2023, None, None)
    """
    try:
        whole = parse(text)
    except PeriodError:
        return None
    return whole.year if whole.months == 12 else None


#: What to do about an assumption.
ASSUMED = Message("write it as 2023/24 or 2023/24Q1, or say `year_starts: {{month: 4, named_by: end}}` (or start)")


def assumption(text: str, timeline: Timeline) -> Message | None:
    """Return what is assumed about a text of which years that do not begin in January leave two readings, else None.

    >>> assumption("FY2023", Timeline(4))
    '`FY2023` is read as 2023/24, named by the year in which it starts'
    >>> assumption("2023Q1", Timeline(4)), assumption("FY2023", Timeline(4, "start"))
    ('`2023Q1` is read as a part of the calendar year, 2022/23Q4', None)
    """
    if not timeline.shifted:
        return None
    try:
        period = parse(text, timeline=timeline)
    except PeriodError:
        return None
    match = _compiled(_BUSINESS).fullmatch(_without_names(_normalised(text)))
    if match is None or period.months == 1:
        return None
    return _reading(match, " ".join(text.split()), period, timeline)


def _reading(match: re.Match[str], text: str, period: Period, timeline: Timeline) -> Message | None:
    """Return how a text is read that could be read otherwise."""
    marked = match["mark"] is not None or match["kind"] not in (None, "年度")
    whole = period.months == 12
    if then := match["then"]:
        month = whole and match["sep"] == "/" and int(then) <= 12 and not marked and not match["kind"]
        message = Message("`{text}` is read as the year {period}, not as a month", text=text, period=period.label)
        return message if month else None
    if not whole and not marked:
        return Message("`{text}` is read as a part of the calendar year, {period}", text=text, period=period.label)
    if timeline.named_by is not None:
        return None
    return Message("`{text}` is read as {period}, named by the year in which it starts", text=text, period=period.label)


def _week(text: str, body: str, year: int | None, order: Order) -> Period:
    """Return the week that a normalised text names; errors quote `text`."""
    for form in _WEEK_FORMS:
        if (match := _compiled(form).fullmatch(body)) and (match["year"] or year is not None):
            number, week = int(match["year"] or year or 0), int(match["week"])
            if not FIRST_YEAR <= number <= LAST_YEAR:
                return _period(text, number, 1, {}, MONTHS)
            weeks = date(number, 12, 28).isocalendar().week
            if not 1 <= week <= weeks:
                raise _error(
                    text,
                    Message("there is no week {number} in {year}", number=week, year=number),
                    Message("its weeks go from 1 to {last}", last=weeks),
                )
            return Period(WEEKS.first(number) + week - 1, 1, WEEKS)
    if (day := _day_of(text, body, order)) is not None:
        return Period(WEEKS.of_day(day), 1, WEEKS)
    try:
        _read(text, body, year, order, MONTHS)
    except PeriodError as error:
        raise (error if error.hint not in (_BY_WEEK, _HINT) else _error(text, hint=_WEEK_HINT)) from None
    raise _error(text, Message("it is not one week, and periods are scored by week"), _WEEK_HINT)


def _day_of(text: str, body: str, order: Order) -> date | None:
    """Return the day that a normalised text names, None for a text that names none."""
    match = next((match for form in _DATES if (match := _compiled(form).fullmatch(body))), None)
    behind = re.fullmatch(_YEAR_BEHIND, body) if match is None else None
    if match is not None and match.groupdict().get("day"):
        month, day = _period(text, int(match["year"]), 1, match.groupdict(), MONTHS), int(match["day"])
    elif behind is not None:
        month, day = _year_behind(text, behind, order, MONTHS), int(behind["one" if order == "dmy" else "other"])
    else:
        return None
    return MONTHS.first_day(month.start) + timedelta(days=day - 1)


def _read(text: str, body: str, year: int | None, order: Order, timeline: Timeline) -> tuple[int, Period]:
    """Return the unit in months and the period of a normalised text; errors quote `text`."""
    for form in _DATES:
        if match := _compiled(form).fullmatch(body):
            return 1, _period(text, int(match["year"]), 1, match.groupdict(), timeline)
    if match := re.fullmatch(_YEAR_BEHIND, body):
        return 1, _year_behind(text, match, order, timeline)
    if match := _MONTH_FIRST.fullmatch(body):
        return 1, _period(text, int(match["year"]), 1, match.groupdict(), timeline)
    if timeline.shifted:
        if (period := _of_two_years(text, body, timeline)) is not None:
            return period.months, period
    else:
        _not_fiscal(text, body)
    body = _year_first(text, body)
    has_year = re.match(_YEAR, body) is not None
    tail = body[4:] if has_year else body
    for unit, form in _FORMS:
        if (match := _compiled(form).fullmatch(tail)) and (has_year or re.match("[^-/. —_年]|年初", tail)):
            if not has_year and year is None:
                raise _error(
                    text,
                    Message("it names no year"),
                    Message("add the year, such as 2023年{text}", text="".join(text.split())),
                )
            return unit, _period(text, int(body[:4]) if has_year else year or 0, unit, match.groupdict(), timeline)
    raise _mistake(text, body)


def _of_two_years(text: str, body: str, timeline: Timeline) -> Period | None:
    """Return the period of a text about years that do not begin in January, None for a text that is not."""
    if match := _compiled(_MONTH_TO_MONTH).fullmatch(body):
        begin, end = (
            _period(text, int(match[year]), 1, {"one": match[month]}, timeline).start
            for year, month in (("year", "first"), ("then", "last"))
        )
        return _within(text, begin, end - begin + 1, timeline)
    match = _compiled(_BUSINESS).fullmatch(body)
    if match is None or (match["front"] and match["back"]):
        return None
    number, then, part = int(match["year"]), match["then"], match["front"] or match["back"]
    marked = match["mark"] is not None or match["kind"] not in (None, "年度")
    follows = then is None or int(then) == (number + 1) % 10 ** len(then)
    # 2022-24 is a month that does not exist rather than two years, 2009-10 a month.
    slash, late = match["sep"] == "/", then is not None and int(then) > 12
    if not follows and (marked or (slash and late) or len(then or "") == 4):
        raise _error(text, Message("its two years do not follow each other"), Message("write it as 2023/24"))
    certain = marked if then is None else marked or part or match["kind"] or slash or late
    if not follows or not certain:
        return None
    year = number if then is not None else timeline.starting(number)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return _period(text, year, 12, {}, timeline)
    first, months = 0, 12
    if part is not None:
        place = int(re.sub("[^0-9]", "", part))
        size = 6 if "H" in part else 3
        first, months = (0, 3 * place) if "前" in part else ((place - 1) * size, size)
    return Period(12 * year + first, months, timeline)


def _mistake(text: str, body: str) -> PeriodError:
    """Return the error of a text that cannot be parsed without a guess, with the reason."""
    if (
        (match := _compiled(_ZONED).fullmatch(body))
        and (zone := match["zone"])
        and (match["clock"] or zone[0] not in "+-")
    ):
        zone = "UTC" if zone == "Z" else zone
        return _error(text, Message("it is in the zone {zone}", zone=zone), Message("write local time, or +08:00"))
    for mistake, why, hint in _MISTAKES:
        if match := re.fullmatch(mistake, body):
            return _error(text, why, Message(hint.template, **(match.groupdict() if hint.fields else {})))
    return _error(text)


def _not_fiscal(text: str, body: str) -> None:
    """Raise PeriodError for a year and the next, unless the digits of that may be a month: 2023-24, 2023-2024学年."""
    match = _compiled(_BUSINESS).fullmatch(body)
    if match is None or (then := match["then"]) is None or match["mark"] or f"{match['year']}年" in body:
        return
    month = len(then) == 2 and 1 <= int(then) <= 12 and match["kind"] in (None, "年度")
    if int(then) == (int(match["year"]) + 1) % 10 ** len(then) and not month:
        raise _error(text, Message("it looks like a fiscal year"), _DECLARE)


def _year_behind(text: str, match: re.Match[str], order: Order, timeline: Timeline) -> Period:
    """Return the period of a date whose year stands last, by the order of day and month, else raise PeriodError."""
    if order == "ymd":
        hint = Message("say `dates: dmy` or `dates: mdy` at the dataset, or write it as 2023-12-31")
        raise _error(text, Message("the order of day and month is not known"), hint)
    day, month = (match["one"], match["other"]) if order == "dmy" else (match["other"], match["one"])
    return _period(text, int(match["year"]), 1, {"one": month, "day": day}, timeline)


def _year_first(text: str, body: str) -> str:
    """Return a text with its year once, in front; raises PeriodError for two different years."""
    if match := _YEAR_LAST.fullmatch(body):
        return match[2] + match[1]
    match = _YEAR_TWICE.fullmatch(body)
    if match and match[1] != match[3]:
        raise _error(text, Message("it reaches into another year"), Message("a period lies within one year; split it"))
    return f"{match[1]}年{match[2]}至{match[4]}" if match else body


def _period(text: str, year: int, unit: int, parts: dict[str, str | None], timeline: Timeline) -> Period:
    """Return the period of units `first` to `last` of a year; raises PeriodError for what does not exist."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise _error(
            text,
            Message("there is no year {year}", year=year),
            Message("years go from {first} to {last}", first=FIRST_YEAR, last=LAST_YEAR),
        )
    if unit == 12:
        return Period(timeline.starting(year) * 12, 12, timeline)
    item = parts.get("one")
    first, last = int(item or parts.get("first") or 1), int(item or parts.get("last") or 1)
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
    return _within(text, timeline.ordinal(year, (first - 1) * unit + 1), (last - first + 1) * unit, timeline)


def _within(text: str, start: int, months: int, timeline: Timeline) -> Period:
    """Return a span of months that lies within one year of a timeline; raises PeriodError for any other."""
    if months < 1:
        raise _error(
            text, Message("it runs backwards"), Message("put the earlier first; a period lies within one year")
        )
    if start // 12 != (start + months - 1) // 12:
        raise _error(
            text,
            Message("it does not lie within one year, which begins with month {month}", month=timeline.year_starts),
            Message("write a year as 2023/24, its first quarter as 2023/24Q1, and other months within one year"),
        )
    return Period(start, months, timeline)


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
_TIME_OF_DAY = (
    r"[日号]?[T ]?(?P<half>[上下]午)?(?P<hour>[0-9]{1,2})[:时点](?:(?P<minute>[0-9]{1,2})分?)?"
    rf"(?::?(?P<second>[0-9]{{1,2}})(?:\.(?P<part>[0-9]+))?秒?)?(?P<noon>[AP]M)?{_LOCAL}?"
)
_PACKED_TIME = regex(" ?(?P<hour>[0-9]{2})(?P<minute>[0-9]{2})(?P<second>[0-9]{2})")


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
    body = _without_names(_normalised(text))
    match = next((match for form in _DATES if (match := _compiled(form).fullmatch(body))), None)
    behind = re.fullmatch(_YEAR_BEHIND, body) if match is None else None
    if match is not None and match.groupdict().get("day"):
        day, rest = int(match["day"]), body[match.end("day") :]
    elif behind is not None:
        day, rest = int(behind["one" if order == "dmy" else "other"]), body[behind.end("year") :]
    else:
        message = Message("`{text}` names no day", text=" ".join(text[:40].split()))
        raise PeriodError(message, Message("write a date, such as 2023-12-31 or 2023-12-31 08:30"))
    midnight = datetime(start // 12, start % 12 + 1, day)  # noqa: DTZ001 - local time
    clock = _compiled(_TIME_OF_DAY).fullmatch(rest) or _PACKED_TIME.fullmatch(rest)
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


# ---- COLUMNS ---- #

# A column of timestamps has as many texts as rows but few dates: the time of day goes before anything is parsed.
_TIMESTAMP = rf"^\s*({_YEAR}(?:-{_N}-{_N}|/{_N}/{_N}))[T ]{_CLOCK}\s*$"

#: Up to so many texts are parsed without making a column of them.
_FEW = 256


def parse_texts(
    texts: Sequence[str], *, order: Order = "ymd", timeline: Timeline = MONTHS
) -> list[tuple[str, int | None, int | None, str | None]]:
    """Return the rows of `parse_column` for distinct texts, in any order.

    >>> parse_texts(["2023Q4", "2023-05-01 08:30"])
    [('2023Q4', 24285, 3, None), ('2023-05-01 08:30', 24280, 1, None)]
    """
    if len(texts) > _FEW:
        return parse_column(pl.Series(texts, dtype=pl.String), order=order, timeline=timeline).rows()
    timestamp = _timestamp()
    keys = (match[1] if (match := timestamp.fullmatch(text)) else text for text in texts)
    return [(text, *_row(key, None, order, timeline)[1:]) for text, key in zip(texts, keys, strict=True)]


@functools.cache
def _timestamp() -> re.Pattern[str]:
    return re.compile(_TIMESTAMP.removesuffix("$"))


def parse_column(
    column: pl.Series, *, year: int | None = None, order: Order = "ymd", timeline: Timeline = MONTHS
) -> pl.DataFrame:
    """Return the periods of a column's distinct values, each parsed once, for joining back.

    Args:
        column: texts, dates, datetimes, or numbers such as 20231231, 202312 and 2023.
        year: the year of texts that name none, as for `parse`.
        order: of day and month in dates whose year stands last, as for `parse`.
        timeline: what is counted, as for `parse`.

    Returns:
        A frame sorted by text, without nulls: text (String, the distinct `column.cast(pl.String)`, the key to join on),
        start and months (Int32, null where there is a problem), problem (String; the message and what to do).

    >>> parse_column(pl.Series(["2023Q4", "Q4", None, "2023Q4"])).rows()
    [('2023Q4', 24285, 3, None),
     ('Q4', None, None, '`Q4` is not a period: it names no year; add the year, such as 2023年Q4')]
    """
    text = pl.col("text").cast(pl.String).drop_nulls().unique()
    distinct = column.to_frame("text").lazy().select(text)
    keyed = distinct.with_columns(key=pl.col("text").str.replace(_TIMESTAMP, "${1}")).sort("text")
    # NOTE: a streaming query calls this in threads of its own, for which a streaming query here would wait for ever.
    texts = keyed.collect(engine="in-memory")
    schema = {"key": pl.String, "start": pl.Int32, "months": pl.Int32, "problem": pl.String}
    parsed = pl.DataFrame(
        [_row(key, year, order, timeline) for key in texts["key"].unique()], schema=schema, orient="row"
    )
    return texts.join(parsed, on="key", how="left", maintain_order="left").drop("key")


@functools.lru_cache(maxsize=1 << 16)
def _row(
    key: str, year: int | None, order: Order, timeline: Timeline
) -> tuple[str, int | None, int | None, str | None]:
    try:
        return key, (period := parse(key, year=year, order=order, timeline=timeline)).start, period.months, None
    except PeriodError as error:
        return key, None, None, f"{error}; {error.hint}"


def problem(text: str, *, year: int | None = None, order: Order = "ymd", timeline: Timeline = MONTHS) -> Message | None:
    """Return why a text names no period and what to do, None for one that does: the `problem` of `parse_column`.

    >>> problem("Q4"), problem("2023Q4")
    ('`Q4` is not a period: it names no year; add the year, such as 2023年Q4', None)
    """
    key = pl.Series([text]).str.replace(_TIMESTAMP, "${1}").item()
    try:
        parse(key, year=year, order=order, timeline=timeline)
    except PeriodError as error:
        return Message("{problem}; {hint}", problem=error.args[0], hint=error.hint)
    return None
