"""Tables with periods or units across."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from kpi.drafting.survey.conditions import condition
from kpi.drafting.survey.entities import entity_of
from kpi.drafting.survey.reading import Reading
from kpi.drafting.survey.result import Survey
from kpi.drafting.survey.spans import is_year, spans_of
from kpi.drafting.survey.subject import UNNAMED
from kpi.intake.files.headers import role
from kpi.intake.shapes.recognition import is_place


def across(reading: Reading) -> Survey | None:
    """Return a table with periods or units across, None for any other."""
    return _dates_across(reading) or _parts_across(reading) or _places_across(reading)


def _dates_across(reading: Reading) -> Survey | None:
    """Return a table with periods across that have their year, perhaps with a figure each."""
    subject, headings, roles = reading.subject, reading.headings, reading.subject.roles
    dated = headings.dated
    if "period" in roles or not (len(dated) > 1 or (dated and len(subject.others) == 1)):
        return None
    if headings.order != "ymd":
        subject.notes.declare_dates(headings.order)
    named = {header: title for header, (_, title) in dated.items() if title}
    spans = [text for text, _ in dated.values()]
    if len(named) == len(dated):
        return _dated_figures(reading, named, spans)
    if "value" not in roles or "measure" not in roles:
        return _crossed(reading, "periods", [header for header in dated if header not in named], spans)
    return None


def _dated_figures(reading: Reading, named: Mapping[str, str], spans: Sequence[str]) -> Survey:
    """Return a table whose headers name a figure and a period each."""
    entity = entity_of(reading.subject)
    headers = {title: header for header, title in named.items()}
    figures = reading.figures.of_texts(dict.fromkeys(named.values()), headers)
    reading.subject.notes.declared.update(form="reported", shape={"columns": "periods"})
    return reading.survey("reported", figures, entity, spans)


def _parts_across(reading: Reading) -> Survey | None:
    """Return a table with parts of a year across, perhaps below a column of years."""
    subject, parts = reading.subject, reading.headings.parts
    period = subject.roles.get("period")
    if len(parts) < 2 or "value" in subject.roles:
        return None
    spans = list(parts.values())
    if period is None:
        reading.headings.declare_year()
    elif subject.columns[period].share(is_year) == 1:
        spans = [f"{year[:4]}-{text[5:]}" for year in subject.columns[period].distinct for text in spans]
    else:
        return None
    return _crossed(reading, "periods", list(parts), spans)


def _places_across(reading: Reading) -> Survey | None:
    """Return a table with units across."""
    subject, of_figures = reading.subject, reading.headings.of_figures
    places = [header for header in of_figures if is_place(header)]
    if len(places) < 2 or {"entity", "code"} & set(subject.roles) or len(places) * 2 < len(subject.others):
        return None
    return _crossed(reading, "entities", of_figures, None)


def _crossed(
    reading: Reading, kind: Literal["periods", "entities"], headers: Sequence[str], spans: Sequence[str] | None
) -> Survey:
    """Return a table with periods or units in some columns, and the figures named in a column or for the table."""
    subject = reading.subject
    subject.notes.declared.update(form="reported", shape={"columns": kind})
    entity = None if kind == "entities" else entity_of(subject, headers)
    measure = subject.roles.get("measure")
    if measure is None and kind == "entities":
        measure = _first_words(reading, headers)
    if measure is not None:
        texts = reading.figures.texts_in(measure, headers)
        figures = reading.figures.of_texts(texts, None, reading.figures.units_by(measure), cells=headers)
    else:
        figures = [reading.figures.of_table(headers)]
    spans = spans_of(reading.headings) if spans is None else spans
    keys = [key for key in (entity, measure, subject.roles.get("period")) if key is not None]
    return reading.survey("reported", figures, entity, spans, condition(subject, keys, set(headers)))


def _first_words(reading: Reading, taken: Sequence[str]) -> str | None:
    """Return the first column of words as the one that names figures, None without one; declare it."""
    subject = reading.subject
    words = [header for header in subject.others if header not in taken and subject.columns[header].is_words]
    if not words or role(words[0]) is not None:
        return None
    # A column without a header is known by its cells.
    subject.notes.declare_column("measure", words[0], plain=not UNNAMED.fullmatch(words[0]))
    return words[0]
