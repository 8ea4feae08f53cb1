"""A report without a document of its own as one: a section with a table for each of its frames."""

from __future__ import annotations

import polars as pl

from kpi.report.language import tr
from kpi.report.paper.model import Cell, Column, Paper, Paragraph, Part, Section, Table
from kpi.report.reader_columns import constant_columns, decimals_of, shown_columns
from kpi.report.shape import LISTED, Report


def paper_of(report: Report, /) -> Paper:
    """Return a report as a document: of each frame the first rows, and how many are not listed.

    Its columns are those of `shown_columns`; what is for programs alone is named at the end.
    """
    about = report.about
    sections = []
    for name, frame in report.frames().items():
        if not frame.height:
            continue
        section = Section(report.sheet(name), report.sheet(name), parts_of(report, name, frame), wide=True)
        sections.append(section)
    if not sections:
        sections.append(Section(tr("Result"), parts=[Paragraph(tr("There is nothing in it."))]))
    return Paper(about.title, sections=sections, margin=about.origin)


def parts_of(report: Report, name: str, frame: pl.DataFrame) -> list[Part]:
    """Return a frame as a table of its first rows; what all rows say, and how many are not listed, stands below it."""
    shown = frame.head(LISTED)
    parts: list[Part] = [_table(report, name, shown)]
    if words := report.in_all_rows(name, shown):
        parts.append(Paragraph(words, remark=True))
    if frame.height > LISTED:
        parts.append(Paragraph(tr("{more:,} more are not listed.", more=frame.height - LISTED), remark=True))
    return parts


def _table(report: Report, name: str, frame: pl.DataFrame) -> Table:
    alike = constant_columns(frame)
    kept = [column for column in shown_columns(frame) if column not in alike]
    columns = [
        Column(report.heading(name, item), 1.0 if frame.schema[item].is_numeric() else 1.6,
               decimals=decimals_of(frame, item))
        for item in kept
    ]  # fmt: skip
    rows = [[_cell(report, *pair) for pair in zip(kept, row, strict=True)] for row in frame.select(kept).iter_rows()]
    return Table(columns, rows)


def _cell(report: Report, column: str, value: object) -> Cell:
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return report.word(column, value)
