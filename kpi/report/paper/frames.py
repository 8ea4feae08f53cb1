"""A report without a document of its own as one: a section with a table for each of its frames."""

from __future__ import annotations

import polars as pl

from kpi.report.language import tr
from kpi.report.paper.model import Cell, Column, Paper, Paragraph, Section, Table
from kpi.report.reader_columns import decimals_of, shown_columns
from kpi.report.shape import LISTED, Report


def paper_of(report: Report, /) -> Paper:
    """Return a report as a document: of each frame the first rows, and how many are not listed.

    Its columns are those of `shown_columns`; what is for programs alone is named at the end.
    """
    about = report.about
    sections = []
    for name, frame in report.frames().items():
        if not frame.height or name in report.unprinted:
            continue
        section = Section(report.sheet(name), report.sheet(name), wide=True)
        section.parts.append(_table(report, name, frame.head(LISTED)))
        if frame.height > LISTED:
            words = tr("{more:,} more are not listed.", more=frame.height - LISTED)
            section.parts.append(Paragraph(words, remark=True))
        sections.append(section)
    if not sections:
        sections.append(Section(tr("Result"), parts=[Paragraph(tr("There is nothing in it."))]))
    if words := report.elsewhere():
        sections[-1].parts.append(Paragraph(words, remark=True))
    return Paper(about.title, sections=sections, margin=about.origin)


def _table(report: Report, name: str, frame: pl.DataFrame) -> Table:
    kept = shown_columns(frame)
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
