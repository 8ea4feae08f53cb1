"""A document as a page of HTML without a program: headings, paragraphs, tables, and pictures below the sections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from importlib.resources import files

from rich.cells import cell_len

from kpi.report.language import current, tr
from kpi.report.marks import visible
from kpi.report.paper.model import Paper, Paragraph, Picture, Table
from kpi.values.patterns import regex

#: Nothing is loaded and nothing runs.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:"
_STYLE = """
.page { max-width: 1150px; }
.page p { max-width: 75ch; }
.page .scroll { margin: 1rem 0; }
nav ol { columns: 2; margin: 0.8rem 0; }
nav a { color: var(--accent); }
figure { margin: 1rem 0; overflow-x: auto; background: white; }
figure svg { max-width: 100%; height: auto; }
"""
#: The greatest of the least widths of columns, in widths of a Chinese sign.
_WIDEST = 14
#: How many signs of a heading stand beside each other.
_HEADING = 4
# Where the elements of a picture are named, and where these names are used.
_NAME, _USED = regex(r'\bid="([^"]+)"'), regex(r'(\bid="|url\(#|href="#)([^")]+)')


def paper_page(paper: Paper, pictures: Mapping[int, str] | None = None, note: str = "") -> bytes:
    """Return a document as a page.

    Args:
        paper: the document.
        pictures: SVG by the number of a section, shown at its end.
        note: a line below the title.
    """
    style = files(__package__).joinpath("page.css").read_text("utf-8") + _STYLE
    language = "zh-CN" if current() == "zh" else "en"
    title = _safe(paper.title)
    links, sections = [], []
    labels: list[str] = []
    for number, (heading, section) in enumerate(paper.numbered, start=1):
        links.append(f'<li><a href="#step{number}">{_safe(section.heading)}</a></li>')
        parts = "".join(
            _paragraph(part) if isinstance(part, Paragraph) else _table(part, _label(section.heading, part, labels))
            for part in section.parts
        )
        picture = _figure((pictures or {}).get(number), number, section.heading)
        sections.append(f'<section id="step{number}">\n<h2>{_safe(heading)}</h2>\n{parts}{picture}</section>\n')
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f'<main class="page">\n<h1>{title}</h1>\n'
        + "".join(f'<p class="words">{_safe(text)}</p>\n' for text in (paper.subtitle, note) if text)
        + f'<nav aria-label="{_safe(tr("Contents"))}"><ol>\n{"".join(links)}\n</ol></nav>\n{"".join(sections)}'
        f"<footer>{_safe(paper.margin)}</footer>\n</main>\n</body>\n</html>\n"
    ).encode()


def _paragraph(part: Paragraph) -> str:
    words = ' class="words"' if part.remark else ""
    return f"<p{words}>{_safe(part.text)}</p>\n"


def _label(heading: str, table: Table, taken: list[str]) -> str:
    """Return the label of a table, which no other on the page has, and add it to those that are taken."""
    label = tr("{what}: {names}", what=heading, names=table.caption) if table.caption else heading
    taken.append(label)
    number = taken.count(label)
    return label if number == 1 else f"{label} ({number})"


def _table(table: Table, label: str) -> str:
    numeric = [
        column.align == "right" or any(isinstance(row[at], float | int) for row in table.rows)
        for at, column in enumerate(table.columns)
    ]
    kinds = [' class="number"' if item else "" for item in numeric]
    widths = [
        least_width([column.heading[:_HEADING], *(column.shown(row[at]) for row in table.rows)])
        for at, column in enumerate(table.columns)
    ]
    head = "".join(
        f'<th scope="col"{kind or width}>{_safe(column.heading)}</th>'
        for column, kind, width in zip(table.columns, kinds, widths, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{kind}>{cell.markup if isinstance(cell, Picture) else _safe(column.shown(cell))}</td>"
            for column, kind, cell in zip(table.columns, kinds, row, strict=True)
        )
        + "</tr>\n"
        for row in table.rows
    )
    caption = f"<caption>{_safe(table.caption)}</caption>\n" if table.caption else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{_safe(label)}">\n<table>\n{caption}'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n"
    )


def least_width(texts: Iterable[str]) -> str:
    """Return the attribute of a header of texts that keeps its column readable on a narrow screen.

    >>> least_width(["2023", "2024"]), least_width(["a", "东台经济开发区"])
    (' style="min-width:3.2em"', ' style="min-width:8.2em"')
    """
    longest = max(map(cell_len, texts), default=0)
    return f' style="min-width:{min(longest / 2 + 1.2, _WIDEST):.1f}em"' if longest else ""


def _figure(picture: str | None, number: int, heading: str) -> str:
    """Return a picture whose names are its own, whatever the renderer numbered before; empty for none."""
    if picture is None:
        return ""
    names = {name: f"p{number}-{place}" for place, name in enumerate(dict.fromkeys(_NAME.findall(picture)))}
    own = _USED.sub(lambda match: match[1] + names.get(match[2], match[2]), picture)
    return f'<figure role="img" aria-label="{_safe(heading)}">{own}</figure>\n'


def _safe(text: str) -> str:
    return escape(visible(text))
