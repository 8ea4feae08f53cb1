"""Tables with an event in each row."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from kpi.drafting.columns import HEAD
from kpi.drafting.survey.entities import entity_column, entity_of
from kpi.drafting.survey.reading import Reading
from kpi.drafting.survey.result import Survey
from kpi.drafting.survey.subject import Subject, is_identifier
from kpi.errors import Message
from kpi.intake.files.headers import split_unit
from kpi.intake.matching.datasets import is_unit
from kpi.values import period_texts, periods
from kpi.values.patterns import regex

#: Words of headers of the date from which an event counts.
_BEGIN = regex(r"受理|申请|登记|收件|接报|发生|创建|来电|立案|上报|received|created|opened|start", re.IGNORECASE)


def is_events(subject: Subject) -> bool:
    """Return whether each row is an event: it has a day, and a number of its own or nothing that it reports."""
    dates = _dates(subject)
    if not dates:
        return False
    if len(dates) > 1 or _key(subject) is not None:
        return True
    if not any(subject.columns[header].figures > 0.5 for header in (*subject.others, *subject.values)):
        return True
    entity, _ = entity_column(subject, set(dates))
    keys = [header for header in (entity, subject.roles.get("measure")) if header is not None]
    frame = subject.table.frame.head(HEAD).select(
        *(pl.selectors.by_name(header) for header in keys),
        pl.selectors.by_name(dates[0]).cast(pl.String).map_elements(_month, pl.String).alias("month\n"),
    ).collect()  # fmt: skip
    return frame.n_unique() < frame.height


def events(reading: Reading) -> Survey:
    """Return a table with an event in each row."""
    subject, notes = reading.subject, reading.subject.notes
    dates = _dates(subject)
    date = _date_of_event(subject, dates)
    if len(dates) > 1:
        notes.guess(Message("an event counts for the period of `{date}`, of {dates}", date=date, dates=tuple(dates)))
    notes.declare_column("period", date, plain=False)
    entity = entity_of(subject, dates)
    if entity is not None:
        notes.declare_column("entity", entity, plain=False)
    notes.declared["form"] = "records"
    key = _key(subject)
    if key is not None:
        notes.declared["key"] = key
        notes.guess(Message("`{key}` tells events apart, as it differs in all rows", key=key))
    taken = {*dates, entity, key, *(subject.roles.get(role) for role in ("code", "note", "order"))}
    candidates = (*subject.others, *subject.values)
    headers = [header for header in candidates if header not in taken and subject.has_figures(header)]
    names = {split_unit(header, is_unit)[0]: header for header in headers}
    order = next((order for header in dates if (order := subject.columns[header].dates) != "ymd"), "ymd")
    if order != "ymd":
        notes.declare_dates(order)
    figures = reading.figures.of_texts(names, names)
    return reading.survey("records", figures, entity, subject.columns[date].cells, own=True)


def _dates(subject: Subject) -> list[str]:
    return [header for header in subject.headers if subject.columns[header].is_dates]


def _date_of_event(subject: Subject, dates: Sequence[str]) -> str:
    """Return the header of the date from which an event counts."""
    date = next((header for header in dates if header == subject.roles.get("period")), None)
    if date is None or len(dates) > 1:
        return next((header for header in dates if _BEGIN.search(header)), date or dates[0])
    return date


def _key(subject: Subject) -> str | None:
    """Return the header of the numbers that identify events, None without any."""
    return next((header for header in subject.headers if is_identifier(header) and _is_key(subject, header)), None)


def _is_key(subject: Subject, header: str) -> bool:
    """Return whether the cells of a column differ in all rows that have one."""
    cells = subject.table.frame.select(pl.selectors.by_name(header)).collect().to_series().drop_nulls()
    return len(cells) > 1 and cells.n_unique() == len(cells)


def _month(text: str) -> str | None:
    """Return the month of a day, None for what is no day."""
    try:
        return period_texts.parse(text, order="dmy").label
    except periods.PeriodError:
        return None
