"""Any report as a page of plain tables, one a frame."""

from __future__ import annotations

from html import escape
from importlib.resources import files

import polars as pl

from kpi.report.language import current
from kpi.report.marks import NOTHING, visible
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
    """Return a frame as a section with a table; columns without any value are left out."""
    shown = [column for column in frame.columns if frame[column].null_count() < frame.height or column == "entity"]
    heading = _safe(report.sheet(name))
    head = "".join(f'<th scope="col">{_safe(report.heading(name, column))}</th>' for column in shown)
    rows = "".join(
        "<tr>" + "".join(_cell(report, column, value) for column, value in zip(shown, row, strict=True)) + "</tr>\n"
        for row in frame.select(shown).iter_rows()
    )
    return (
        f"<section>\n<h2>{heading}</h2>\n"
        f'<div class="scroll" tabindex="0" role="region" aria-label="{heading}">\n'
        f"<table>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{rows}</tbody>\n</table>\n</div>\n</section>\n"
    )


def _cell(report: Report, column: str, value: object) -> str:
    if value is None:
        return f"<td>{NOTHING}</td>"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f'<td class="number">{value:,.{_DIGITS}g}</td>'
    return f"<td>{_safe(report.word(column, value))}</td>"


def _safe(text: str) -> str:
    return escape(visible(text))
