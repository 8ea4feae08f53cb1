"""Any report as a page of plain tables, one a frame, perhaps with a picture in each row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

import polars as pl

from kpi.report.language import current
from kpi.report.marks import NOTHING, visible
from kpi.report.reader_columns import decimals_of, shown_columns
from kpi.report.shape import Report

#: Digits of numbers in tables.
_DIGITS = 10


@dataclass(frozen=True)
class Drawing:
    """A column of pictures, SVG, that stands after another column of a frame.

    Attributes:
        heading: of the column, in the language in use.
        after: the column that it stands after.
        draw: returns the picture of a row, which is trusted markup; empty for none.
    """

    heading: str
    after: str
    draw: Callable[[Mapping[str, Any]], str]


def tables(report: Report, drawings: Mapping[str, Drawing] | None = None) -> bytes:
    """Return a report as a page without a program: its title, and a table for each of its frames.

    Args:
        report: the report.
        drawings: a column of pictures by the frame that has one.
    """
    about = report.about
    language = "zh-CN" if current() == "zh" else "en"
    style = files(__package__).joinpath("page.css").read_text("utf-8")
    drawn = drawings or {}
    sections = "".join(
        _section(report, name, frame, drawn.get(name))
        for name, frame in report.frames().items()
        if name not in report.unprinted
    )
    sections += f"<p>{_safe(words)}</p>\n" if (words := report.elsewhere()) else ""
    title = _safe(about.title)
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{sections}"
        f"<footer>{_safe(about.origin)}</footer>\n</main>\n</body>\n</html>\n"
    ).encode()


def _section(report: Report, name: str, frame: pl.DataFrame, drawing: Drawing | None) -> str:
    """Return a frame as a section with a table of the columns for readers."""
    shown = {column: decimals_of(frame, column) for column in shown_columns(frame)}
    heading = _safe(report.sheet(name))
    heads = [f'<th scope="col">{_safe(report.heading(name, column))}</th>' for column in shown]
    place = [*shown].index(drawing.after) + 1 if drawing is not None and drawing.after in shown else None
    if drawing is not None and place is not None:
        heads.insert(place, f'<th scope="col">{_safe(drawing.heading)}</th>')
    head, lines = "".join(heads), []
    for row in frame.iter_rows(named=True):
        cells = [_cell(report, column, row[column], decimals) for column, decimals in shown.items()]
        if drawing is not None and place is not None:
            cells.insert(place, f"<td>{drawing.draw(row)}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>\n")
    rows = "".join(lines)
    return (
        f"<section>\n<h2>{heading}</h2>\n"
        f'<div class="scroll" tabindex="0" role="region" aria-label="{heading}">\n'
        f"<table>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{rows}</tbody>\n</table>\n</div>\n</section>\n"
    )


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
