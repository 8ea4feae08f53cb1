"""The shape that a table is taken for: the first that fits."""

from __future__ import annotations

from kpi.drafting.columns import columns_of
from kpi.drafting.survey.across import across
from kpi.drafting.survey.events import events, is_events
from kpi.drafting.survey.labelled import labelled_rows
from kpi.drafting.survey.reading import Reading
from kpi.drafting.survey.result import Survey
from kpi.drafting.survey.row_labels import row_labels
from kpi.drafting.survey.rows import long, wide
from kpi.errors import Message
from kpi.intake.files.headers import roles
from kpi.intake.files.table import Table
from kpi.values.periods import FIRST_YEAR
from kpi.values.timelines import MONTHS, Timeline

#: The share of figures from which a column holds figures.
_LEAST_FIGURES = 0.1


def survey(table: Table, year: int, timeline: Timeline = MONTHS) -> Survey | None:
    """Return what a table is taken for, None where it has no figures and no events.

    Args:
        table: the table as it was read.
        year: the period of figures of which nothing says any.
        timeline: what its periods count.
    """
    reading = Reading.of(table, year, timeline)
    if not reading.subject.headers:
        return None
    return across(reading) or _in_rows(reading)


def _in_rows(reading: Reading) -> Survey | None:
    """Return a table without periods or units across, None for one without figures and events."""
    subject = reading.subject
    measure, value = subject.roles.get("measure"), subject.roles.get("value")
    if subject.sdmx and (measure is None or value is None):
        return wide(reading)
    if measure is not None and value is not None and subject.columns[value].figures:
        if subject.sdmx or not is_events(subject):
            return long(reading, measure, value)
    elif (labels := row_labels(reading.headings)) is not None:
        return labelled_rows(reading, labels)
    return events(reading) if is_events(subject) else wide(reading)


def unread_periods(table: Table, timeline: Timeline = MONTHS) -> list[Message]:
    """Return why headings of figures that look like periods cannot be read."""
    return list(Reading.of(table, FIRST_YEAR, timeline).headings.unread.values())


def is_description(table: Table) -> bool:
    """Return whether a table describes figures and holds none: it names them, perhaps with units and times of update.

    >>> import polars as pl
    >>> texts = {"指标": ["GDP", "税收"], "单位": ["亿元", "万元"], "更新时间": ["2024-01-05", "2024-02-05"]}
    >>> is_description(Table("a.xlsx", None, pl.DataFrame(texts).lazy(), tuple(texts)))
    True
    """
    columns = columns_of(table, MONTHS)
    playing = roles(list(columns))[0]
    others = [column for header, column in columns.items() if header != playing.get("code") and not column.is_codes]
    return "measure" in playing and not any(column.figures > _LEAST_FIGURES for column in others)
