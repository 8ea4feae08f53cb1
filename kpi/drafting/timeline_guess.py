"""Which years, or weeks, the texts of tables count by, and headings that look like periods but cannot be read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from kpi.drafting.columns import Column, columns_of
from kpi.errors import Message
from kpi.intake.files.headers import clean, role
from kpi.intake.files.table import Table
from kpi.intake.shapes.labels import period_in, with_any_measure
from kpi.values import period_texts, periods
from kpi.values.patterns import regex
from kpi.values.periods import Order
from kpi.values.timelines import MONTHS, WEEKS, Timeline

#: Years from April to March, and from September to August.
FISCAL, SCHOOL = Timeline(4), Timeline(9)
_SCHOOL = regex(r"学年|school|academic", re.IGNORECASE)
#: Years such as 2021-2022 in front of the name of a figure may be those of a comparison.
_TWO = regex("[0-9]{4}[^0-9/][0-9]{4}年?")
#: W1 alone is a name of figures, too.
_WEEK = regex("[0-9] ?周|week|wk|W[0-9]{2}", re.IGNORECASE)
#: A week whose year stands elsewhere is read with this one.
_ANY_YEAR = 2000
#: Why a text is no period, where nothing but a period is written so.
_REASONS = (
    "its year has two digits", "it is a fiscal year", "it looks like a fiscal year", "it is a school year",
    "it is a week", "parts of months are not supported", "years of 民国 are not read",
    "the order of day and month is not known",
    "its two years do not follow each other", "it is not one week, and periods are scored by week",
    "it reaches into another year",
)  # fmt: skip


def timeline_of(tables: Iterable[Table]) -> Timeline:
    """Return the timeline by which the periods of tables can be read: that of calendar years wherever that does."""
    for table in tables:
        columns = columns_of(table)
        headings = [clean(header) for header, column in columns.items() if column.figures]
        for texts in (*_of_columns(columns.values()), headings):
            timelines = [timeline for text in texts if (timeline := _needed(text, table.depth)) is not None]
            if timelines:
                return timelines[0]
    return MONTHS


def _of_columns(columns: Iterable[Column]) -> list[list[str]]:
    """Return the texts of columns that are periods, those with a heading that says so first."""
    candidates = sorted(columns, key=lambda column: role(column.header) != "period")
    candidates = [
        column
        for column in candidates
        if role(column.header) == "period" or (not column.figures and not column.is_dates)
    ]
    if any(column.is_periods or column.is_dates for column in candidates if role(column.header) == "period"):
        return []
    texts = [list(map(clean, column.distinct)) for column in candidates]
    return [cells for cells in texts if cells and sum(_needed(text) is not None for text in cells) > len(cells) / 2]


def _needed(text: str, depth: int = 1) -> Timeline | None:
    """Return the timeline without which a text is no period; None for a calendar period, and for what is none.

    >>> _needed("2021-22"), _needed("2020-W01").weeks, _needed("2022-2023学年").year_starts, _needed("2023Q1")
    (Timeline(year_starts=4, named_by=None, weeks=False), True, 9, None)
    """
    levels = [text, *text.split("_")] if depth > 1 else [text]
    if role(text) is not None or any(period_in(level) is not None for level in levels):
        return None
    business = SCHOOL if _SCHOOL.search(text) else FISCAL
    for timeline in (business, WEEKS):
        if any(period_in(level, timeline=timeline) is not None for level in levels):
            return timeline
        both = with_any_measure(text, depth=depth, timeline=timeline)
        if both is not None and not _TWO.fullmatch(both[0]) and with_any_measure(text, depth=depth) is None:
            return timeline
    if _WEEK.search(text) and period_in(text, _ANY_YEAR, timeline=WEEKS) is not None:
        return WEEKS
    return None


def unreadable_period(text: str, order: Order, timeline: Timeline) -> Message | None:
    """Return why a text that looks like a period is none, None for any other text.

    >>> unreadable_period("Jan-20", "ymd", MONTHS)
    '`Jan-20` is not a period: its year has two digits; write the year in full, as in Feb 2020'
    >>> unreadable_period("GDP", "ymd", MONTHS) is None
    True
    """
    try:
        period_texts.parse(text, year=_ANY_YEAR, order=order, timeline=timeline)
    except periods.PeriodError as error:
        why = error.message.fields.get("why")
        # Numbers such as Q5 or 1990-2000 are in names of figures, too.
        plain = not isinstance(why, Message) or why.template not in _REASONS or re.search("[0-9]", text) is None
        plain = plain or (re.fullmatch("W[0-9]", text, re.IGNORECASE) is not None)
        return None if plain else Message("{message}; {hint}", message=error.message, hint=error.hint)
    return None


def order_of(texts: Sequence[str]) -> Order:
    """Return the order of day and month in headings: `ymd` where no year stands last.

    >>> order_of(["State", "31/03/2020"]), order_of(["2020"])
    ('dmy', 'ymd')
    """
    dated = [text for text in texts if period_texts.has_year_last(text)]
    if not dated:
        return "ymd"
    order = period_texts.order_of(dated)
    return "dmy" if order is None else order[0]
