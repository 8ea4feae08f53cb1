"""Cells that are points in time: dates, with or without a time of day, as microseconds of local time since 1970."""

from __future__ import annotations

import functools
import math
from datetime import datetime, timedelta

import polars as pl

from kpi.errors import Message
from kpi.intake.cells.numbers import Notation, read_numbers
from kpi.values import period_texts
from kpi.values.periods import EPOCH, FIRST_YEAR, LAST_YEAR, Order, PeriodError

#: The earliest valid point in time, and the first one after the latest.
EARLIEST, END = (
    (datetime(year, 1, 1) - EPOCH) / timedelta(microseconds=1)  # noqa: DTZ001 - local time
    for year in (FIRST_YEAR, LAST_YEAR + 1)
)

#: The formats in which programs write dates, by their pattern; others are parsed text by text.
_DAY = ("[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", "[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}")
_FORMS = [
    (f"^{day}{time}$", f"{form}{spelled}")
    for time, spelled in (
        ("", ""),
        (" [0-9]{1,2}:[0-9]{2}", " %H:%M"),
        (" [0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]{1,9})?", " %H:%M:%S%.f"),
        ("T[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]{1,9})?", "T%H:%M:%S%.f"),
    )
    for day, form in zip(_DAY, ("%Y-%m-%d", "%Y/%m/%d"), strict=True)
]


def micros(instant: datetime) -> float:
    """Return a point in local time as whole microseconds since 1970.

    >>> micros(datetime(1970, 1, 2))
    86400000000.0
    """
    return (instant - EPOCH) / timedelta(microseconds=1)


def native(column: pl.Expr) -> pl.Expr:
    """Convert a native column of dates or times to microseconds since 1970, NaN outside the valid years."""
    instant = column.cast(pl.Datetime("us")).to_physical().cast(pl.Float64)
    inside = instant.is_between(EARLIEST, END, closed="left")
    return pl.when(inside).then(instant).when(instant.is_not_null()).then(math.nan)


def read(cells: pl.Series, notation: Notation, order: Order) -> pl.Series:
    """Parse cells to microseconds since 1970 (Float64): null if blank or marked as missing, NaN if no date.

    Args:
        cells: texts, dates, times, or numbers such as 20231231.
        notation: has the marks of missing cells.
        order: the order of day and month in dates whose year is last.

    >>> from kpi.intake.cells.numbers import PLAIN
    >>> read(pl.Series(["1970-01-01 00:01", "未报", "1970年1月1日", "5"]), PLAIN, "ymd").to_list()
    [60000000.0, None, 0.0, nan]
    """
    if cells.dtype in (pl.Date, pl.Datetime):
        return cells.to_frame("cell").select(native(pl.col("cell"))).to_series()
    texts = cells.cast(pl.String)
    instants = pl.repeat(None, len(texts), dtype=pl.Float64, eager=True)
    rest = texts
    for look, form in _FORMS:
        if rest.null_count() == len(rest):
            return instants
        matching = rest.to_frame("text").select(pl.when(pl.col("text").str.contains(look)).then("text")).to_series()
        if matching.null_count() == len(matching):
            continue
        parsed = matching.str.to_datetime(form, strict=False, exact=True, time_unit="us").to_frame("at")
        known = parsed.select(native(pl.col("at"))).to_series()
        instants = instants.zip_with(known.is_null(), known)
        rest = rest.zip_with(known.is_null(), pl.Series([None], dtype=pl.String))
    others = rest.drop_nulls().unique()
    if not others.len():
        return instants
    missing = read_numbers(others, notation=notation)
    values = [
        None if number is None and problem is None else _instant(text, order)
        for text, number, problem in zip(others, missing["value"], missing["problem"], strict=True)
    ]
    odd = rest.replace_strict(others, pl.Series(values, dtype=pl.Float64), default=None)
    return instants.zip_with(rest.is_null(), odd)


def problem(cell: object, order: Order) -> Message:
    """Return why a cell is no date, and what to write."""
    try:
        instant = period_texts.parse_instant(str(cell), order=order)
    except PeriodError as error:
        return _no_date(error)
    return Message(
        "`{instant}` is outside the years {first_year} to {last_year}",
        instant=instant, first_year=FIRST_YEAR, last_year=LAST_YEAR,
    )  # fmt: skip


def _no_date(error: PeriodError) -> Message:
    """Return the problem of a text that is no period, in terms of dates."""
    text, no_period, why = str(error).partition(" is not a period")
    if not no_period:
        reason = error.args[0]
        return Message("{problem}; {hint}", problem=reason, hint=error.hint) if error.hint else reason
    if not why:
        return Message("{text} is not a date; write it as 2025-07-31 or 2025-07-31 08:30", text=text)
    why = getattr(error.args[0], "fields", {}).get("why", why.removeprefix(": "))
    if not error.hint:
        return Message("{text} is not a date: {why}", text=text, why=why)
    return Message("{text} is not a date: {why}; {hint}", text=text, why=why, hint=error.hint)


@functools.lru_cache(maxsize=1 << 16)
def _instant(text: str, order: Order) -> float:
    try:
        return micros(period_texts.parse_instant(text, order=order))
    except PeriodError:
        return math.nan
