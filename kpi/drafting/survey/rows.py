"""Tables with a unit and a period in each row: with a figure in each row, or a column for each figure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from kpi.drafting.survey.conditions import condition
from kpi.drafting.survey.entities import entity_of
from kpi.drafting.survey.reading import Reading
from kpi.drafting.survey.result import Survey
from kpi.drafting.survey.spans import spans_of
from kpi.errors import Message
from kpi.intake.files.headers import roles, split_unit
from kpi.intake.matching.datasets import is_unit


def long(reading: Reading, measure: str, value: str) -> Survey:
    """Return a table with a figure in each row.

    Args:
        reading: the table.
        measure: the column of names of figures.
        value: the column of figures.
    """
    subject, figures = reading.subject, reading.figures
    entity = entity_of(subject, {value})
    named = figures.of_texts(figures.texts_in(measure, [value]), None, figures.units_by(measure), cells=[value])
    subject.notes.declared["form"] = "reported"
    keys = [key for key in (entity, measure, *subject.period_columns) if key is not None]
    if roles(subject.headers)[0].get("value") != value:
        subject.notes.declare_column("value", value)
    return reading.survey("reported", named, entity, spans_of(reading.headings), condition(subject, keys, {value}))


def wide(reading: Reading) -> Survey | None:
    """Return a table with a column for each figure, None without any."""
    subject = reading.subject
    headers = _headers(reading)
    entity = entity_of(subject, headers)
    headers = [header for header in headers if header != entity]
    keys = [key for key in (entity, *subject.period_columns) if key is not None]
    if not headers:
        value = subject.roles.get("value")
        return None if value is None or not subject.columns[value].figures else _unnamed(reading, value, entity, keys)
    names = {split_unit(header, is_unit)[0]: header for header in headers}
    figures = reading.figures.of_texts(names, names)
    subject.notes.declared["form"] = "panel"
    spans = spans_of(reading.headings)
    where = condition(subject, keys, headers)
    _guess_unused(reading, [*headers, entity], where or "")
    return reading.survey("panel", figures, entity, spans, where)


def _headers(reading: Reading) -> list[str]:
    """Return the headers that name figures; those of SDMX do not."""
    subject = reading.subject
    if subject.sdmx:
        return []
    return [
        header for header in subject.others
        if subject.has_figures(header) and not subject.columns[header].is_dates
        and header not in reading.headings.unread
    ]  # fmt: skip


def _unnamed(reading: Reading, value: str, entity: str | None, keys: Sequence[str]) -> Survey:
    """Return a table with one figure, which its column does not name."""
    subject, figures = reading.subject, reading.figures
    subject.notes.declared["form"] = "reported"
    figure = figures.of_table([value], constant=True)
    if figure.guessed and figures.units_known:
        figure = replace(figure, unit=figures.units_known[0], guessed=False)
    return reading.survey("reported", [figure], entity, spans_of(reading.headings), condition(subject, keys, [value]))


def _guess_unused(reading: Reading, used: Sequence[str | None], where: str) -> None:
    """Add guesses on the columns that are not used."""
    subject, unread = reading.subject, reading.headings.unread
    left = [header for header in subject.others if header not in used and header not in where and header not in unread]
    codes = [header for header in left if subject.columns[header].figures > 0.5]
    words = [header for header in left if header not in codes]
    if codes:
        subject.notes.guess(Message("columns of codes or dates are no figures: {columns}",
                                    columns=tuple(f"`{header}`" for header in codes)))  # fmt: skip
    if words:
        subject.notes.guess(Message("columns of words are not used: {columns}",
                                    columns=tuple(f"`{header}`" for header in words)))  # fmt: skip
