"""Times in expressions: points in time, differences of them, whole days, working days, and parts of dates.

A point in time is a term of the kind `time`, in whole microseconds of local time. A difference of two is a number in
microseconds: `scale` is exact, so that durations are compared as whole numbers. A date without a time of day stands for
the whole day where it is compared, and for its midnight where it is computed with.

A difference that meets a number in working days is counted in them by a calendar, see `kpi.values.working_days`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import polars as pl
from msgspec.structs import replace
from sqlglot import exp

from kpi.language.expressions.terms import Term, joined, scaled
from kpi.values import period_texts, periods, units
from kpi.values.patterns import regex
from kpi.values.rounding import Test
from kpi.values.units import MICROSECONDS, WORKING_DAY, Unit
from kpi.values.working_days import WorkingDays

#: The name that stands for the last day of the scored period that a row belongs to.
PERIOD_END = "period_end"

#: The units in which a duration is written.
UNITS = {
    "周": "周", "天": "天", "日": "天", "小时": "小时", "分钟": "分钟", "秒": "秒",
    "自然日": "天", "个自然日": "天", "自然天": "天", "日历日": "天", "个日历日": "天", "日历天": "天",
    "工作日": "工作日", "个工作日": "工作日", "工作天": "工作日", "个工作天": "工作日",
    "week": "周", "weeks": "周", "day": "天", "days": "天", "hour": "小时", "hours": "小时", "minute": "分钟",
    "minutes": "分钟", "second": "秒", "seconds": "秒", "working day": "工作日", "working days": "工作日",
    "workday": "工作日", "workdays": "工作日",
}  # fmt: skip
_WORDS = "|".join(sorted(UNITS, key=len, reverse=True)).replace(" ", r"\s+")
_WRITTEN = regex(rf"(?<![\w.])(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>{_WORDS})(?!\w)", re.IGNORECASE)
_MONTHS = regex(r"(?<![\w.])[0-9]+(?:\.[0-9]+)?\s*(?:个?月|个?季度?|年|months?|quarters?|years?)(?!\w)", re.IGNORECASE)
_MICROS_OF_DAY = 86_400_000_000.0
_DATE = regex(r"\s*[0-9]{4}(?:[-/.][0-9]{1,2}[-/.][0-9]{1,2}|年[0-9]{1,2}月[0-9]{1,2}[日号]|[0-9]{4}$).*", re.DOTALL)


def written(masked: str) -> dict[int, tuple[str, tuple[int, int]]]:
    """Return the durations in a masked expression: by the end of each number its unit, and where that stands.

    >>> written("a - b <= 36 小时")
    {11: ('小时', (12, 2))}
    """
    return {
        result.end("number"): (
            UNITS[" ".join(result["unit"].lower().split())],
            (result.start("unit"), len(result["unit"])),
        )
        for result in _WRITTEN.finditer(masked)
    }


def without_length(masked: str) -> tuple[int, int] | None:
    """Return where a masked expression has a number of months or years, which are of no fixed length; None if nowhere.

    >>> without_length("a - b <= 2 个月"), without_length("year(a) = 2023")
    ((9, 4), None)
    """
    result = _MONTHS.search(masked)
    return None if result is None else (result.start(), len(result[0]))


def duration(node: exp.Interval) -> Term:
    """Return a duration as it is written, `5 天`: a number with a unit."""
    value = float(node.this.name)
    return Term(pl.lit(value, dtype=pl.Float64), "number", units.parse(node.args["unit"].name), literal=value)


def is_date(text: str) -> bool:
    """Return whether a text is a full date, with or without a time of day.

    >>> [is_date(text) for text in ("2025-07-01", "2025年7月1日", "2025-07", "网上")]
    [True, True, False, False]
    """
    return moment(text) is not None


def moment(text: str) -> Term | None:
    """Return a text as a point in time, None where it is no full date."""
    if not _DATE.fullmatch(text):
        return None
    try:
        instant = period_texts.parse_instant(text)
    except periods.PeriodError:
        return None
    value = (instant - periods.EPOCH) / timedelta(microseconds=1)
    whole = ":" not in text and "时" not in text and "点" not in text
    return Term(pl.lit(value, dtype=pl.Float64), "time", literal=value, whole_day=whole)


def is_span(term: Term) -> bool:
    """Return whether a term is a difference of two points in time, or made of one."""
    return term.kind == "number" and term.unit == MICROSECONDS


def has_span(unit: Unit | None) -> bool:
    """Return whether a unit is made of that of differences of points in time: no bare number is meant to be in it."""
    return unit is not None and any(word == MICROSECONDS.text for word, _ in unit.words)


def is_duration(unit: Unit | None) -> bool:
    """Return whether a unit is one of time."""
    return unit is not None and unit.dimension == MICROSECONDS.dimension


def is_working(unit: Unit | None) -> bool:
    """Return whether a unit is that of working days."""
    return unit is not None and unit.dimension == WORKING_DAY.dimension


def in_micros(term: Term) -> Term:
    """Return a duration as whole microseconds; the unit is one of time."""
    unit = term.unit
    if unit == MICROSECONDS and not term.noise:
        return term
    factor = 1.0 if unit is None else units.factor(unit, MICROSECONDS)
    if isinstance(term.literal, float):
        value = float(round(term.literal * factor))
        return replace(term, expr=pl.lit(value), literal=value, unit=MICROSECONDS, noise=0.0, size=None)
    return replace(scaled(term, factor), expr=(term.expr * factor).round(), unit=MICROSECONDS, noise=0.0, size=None)


def difference(left: Term, right: Term) -> Term:
    """Return the duration from the right one of two points in time to the left one."""
    return joined(left.expr - right.expr, "number", MICROSECONDS, left, right)


def working_days(left: Term, right: Term, calendar: WorkingDays | None) -> Term:
    """Return the working days after the day of the right one of two points in time, up to that of the left one.

    Formula: W(left) - W(right), where W is the number of working days up to and including the day; negative where the
    left one is the earlier. Without a calendar nothing is known.
    """
    if calendar is None:
        term = joined(pl.lit(None, dtype=pl.Float64), "number", WORKING_DAY, left, right)
        return replace(term, uncounted=(*term.uncounted, pl.lit(value=True)))
    term = joined(calendar.until(left.expr) - calendar.until(right.expr), "number", WORKING_DAY, left, right)
    beyond = (calendar.outside(left.expr) | calendar.outside(right.expr)) & (left.expr + right.expr).is_not_null()
    return replace(term, uncounted=(*term.uncounted, beyond.fill_null(value=False)))


def moved(point: Term, span: Term, *, back: bool) -> Term:
    """Return a point in time that is a duration later, or earlier."""
    length = in_micros(span)
    return joined(point.expr - length.expr if back else point.expr + length.expr, "time", None, point, length)


def compared(test: Test, left: Term, right: Term) -> pl.Expr:
    """Return whether a point in time compares to another, of which one may stand for a whole day."""
    if left.whole_day and not right.whole_day:
        mirrored: dict[Test, Test] = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}
        return compared(mirrored.get(test, test), right, left)
    if not right.whole_day or left.whole_day:
        return getattr(left.expr, test)(right.expr)  # type: ignore[no-any-return]
    after = right.expr + _MICROS_OF_DAY
    match test:
        case "le":
            result = left.expr < after
        case "gt":
            result = left.expr >= after
        case "eq":
            result = (left.expr >= right.expr) & (left.expr < after)
        case "ne":
            result = (left.expr < right.expr) | (left.expr >= after)
        case _:
            result = getattr(left.expr, test)(right.expr)
    return result


def part(node: exp.Expr, term: Term) -> Term:
    """Return a part of a date as a number: the year, the month, the weekday (1 is Monday), the hour (0 to 23)."""
    at = term.expr.cast(pl.Int64, strict=False).cast(pl.Datetime("us")).dt
    parts: dict[type[exp.Expr], Callable[[], pl.Expr]] = {
        exp.Year: at.year, exp.Month: at.month, exp.DayOfWeekIso: at.weekday, exp.Hour: at.hour,
    }  # fmt: skip
    taken = parts[type(node)]()
    return replace(term, expr=taken.cast(pl.Float64), kind="number", unit=None, literal=None, whole_day=False)
