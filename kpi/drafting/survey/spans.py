"""The periods of the rows of a table: in columns, around the table, or guessed."""

from __future__ import annotations

import re

from kpi.drafting.columns import Column
from kpi.drafting.survey.headings import Headings
from kpi.drafting.survey.subject import Subject
from kpi.errors import Message
from kpi.intake.files.headers import clean
from kpi.intake.shapes.labels import period_in, period_inside, stem
from kpi.intake.shapes.table_keys import period_of_table


def is_year(text: str) -> bool:
    """Return whether a cell is a year."""
    return re.fullmatch(r"(?:19|20)\d{2}(?:年度?|\.0)?", text.strip()) is not None


def spans_of(headings: Headings) -> list[str]:
    """Return the periods of the rows as texts; declare where they stand if no column has them."""
    subject = headings.subject
    columns, named = subject.columns, subject.period_columns
    if len(named) > 1 and (parts := _parts_of_years(headings, named)) is not None:
        return parts
    if named:
        column = next((columns[header] for header in named if columns[header].is_periods), columns[named[0]])
        return _texts_of(subject, column)
    dated = [
        header for header in subject.headers
        if columns[header].is_periods and header not in subject.roles.values()
        and (columns[header].is_dates or not columns[header].figures)
    ]  # fmt: skip
    if dated:
        subject.notes.declare_column("period", dated[0])
        subject.notes.guess(Message("column `{header}` holds the periods", header=dated[0]), dated[0])
        return _texts_of(subject, columns[dated[0]])
    if (own := period_of_table(subject.table, subject.timeline)) is not None:
        return [own[0]]
    return [_around(subject)]


def _parts_of_years(headings: Headings, named: list[str]) -> list[str] | None:
    """Return the periods of a column of years and one of parts of them, None where there are no such columns."""
    columns = headings.subject.columns
    parts = [header for header in named if not columns[header].is_periods]
    years = [header for header in named if columns[header].share(is_year) == 1]
    if not parts or not years:
        return None
    headings.subject.notes.declare_column("period", [years[0], parts[0]], plain=False)
    year = int(columns[years[0]].distinct[0][:4])
    template = "第{}季度" if re.search(r"季|quarter", parts[0], re.IGNORECASE) else "{}月"
    cells = [re.sub(r"\.0$", "", cell) for cell in columns[parts[0]].distinct]
    texts = [headings.period_in(template.format(cell) if cell.isdigit() else clean(cell), year) for cell in cells]
    return [text for text in texts if text is not None]


def _texts_of(subject: Subject, column: Column) -> list[str]:
    """Return the periods of a column; declare the order of its dates where their year stands last."""
    if column.dates == "ymd":
        return column.distinct
    subject.notes.declare_dates(column.dates)
    read = [period_in(clean(cell), None, column.dates, subject.timeline) for cell in column.distinct]
    return [text for text in read if text is not None]


def _around(subject: Subject) -> str:
    """Return the period that the title, the sheet or the file names, else the year that is taken by default."""
    table, notes = subject.table, subject.notes
    for source, text in (("title", " ".join(table.titles)), ("sheet", table.sheet or ""), ("file", stem(table.file))):
        if (inside := period_inside(text, subject.timeline)) is not None:
            notes.declare_column("period", {"from": source})
            return inside
    year = str(subject.default_year)
    notes.declare_column("period", {"constant": year})
    notes.guess(Message("the period {year}, as nothing in the file says one", year=year))
    return year
