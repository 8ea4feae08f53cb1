"""Any report as a page of plain tables, one a frame."""

from __future__ import annotations

from html import escape
from importlib.resources import files

import polars as pl

from kpi.report.language import current
from kpi.report.marks import NOTHING, visible
from kpi.report.page.papers import least_width
from kpi.report.reader_columns import constant_columns, decimals_of, shown_columns
from kpi.report.shape import Report

#: Digits of numbers in tables.
_DIGITS = 10


def tables(report: Report) -> bytes:
    """Return a report as a page without a program: its title, and a table for each of its frames."""
    about = report.about
    language = "zh-CN" if current() == "zh" else "en"
    style = files(__package__).joinpath("page.css").read_text("utf-8")
    sections = "".join(_section(report, name, frame) for name, frame in report.frames().items())
    title = _safe(about.title)
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{sections}"
        f"<footer>{_safe(about.origin)}</footer>\n</main>\n</body>\n</html>\n"
    ).encode()


def _section(report: Report, name: str, frame: pl.DataFrame) -> str:
    """Return a frame as a section with a table of the columns for readers."""
    alike = constant_columns(frame)
    shown = {column: decimals_of(frame, column) for column in shown_columns(frame) if column not in alike}
    heading = _safe(report.sheet(name))
    heads = [
        f'<th scope="col"{_of_column(report, frame, column)}>{_safe(report.heading(name, column))}</th>'
        for column in shown
    ]
    head, lines = "".join(heads), []
    for row in frame.iter_rows(named=True):
        cells = [_cell(report, column, row[column], decimals) for column, decimals in shown.items()]
        lines.append(f"<tr>{''.join(cells)}</tr>\n")
    rows = "".join(lines)
    below = f'<p class="words">{_safe(words)}</p>\n' if (words := report.in_all_rows(name, frame)) else ""
    return (
        f"<section>\n<h2>{heading}</h2>\n"
        f'<div class="scroll" tabindex="0" role="region" aria-label="{heading}">\n'
        f"<table>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{rows}</tbody>\n</table>\n</div>\n{below}</section>\n"
    )


def _of_column(report: Report, frame: pl.DataFrame, column: str) -> str:
    """Return the attribute of the header of a column: of numbers at the right, of texts no narrower than they need."""
    if frame.schema[column].is_numeric():
        return ' class="number"'
    return least_width(report.word(column, value) for value in frame[column].drop_nulls().unique(maintain_order=True))


def _cell(report: Report, column: str, value: object, decimals: int | None) -> str:
    if value is None:
        return f"<td>{NOTHING}</td>"
    if isinstance(value, float) and decimals is not None:
        return f'<td class="number">{value:z,.{decimals}f}</td>'
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f'<td class="number">{value:,.{_DIGITS}g}</td>'
    return f"<td>{_safe(report.word(column, value))}</td>"


def _safe(text: str) -> str:
    return escape(visible(text))
