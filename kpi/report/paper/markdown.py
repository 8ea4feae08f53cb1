"""A document as Markdown, with tables in the dialect of GitHub."""

from __future__ import annotations

from kpi.report.markdown import escaped, piped
from kpi.report.paper.model import Paper, Paragraph, Table


def markdown(paper: Paper, /) -> str:
    """Return a document as Markdown; a cell that continues the one above is blank.

    >>> from kpi.report.paper.model import Column, Section
    >>> table = Table([Column("Indicator"), Column("Weight")], [["Online", 40.0]])
    >>> print(markdown(Paper("Demo", sections=[Section("Indicators", parts=[table])])))
    # Demo
    <BLANKLINE>
    ## 1. Indicators
    <BLANKLINE>
    | Indicator | Weight |
    | --- | ---: |
    | Online | 40 |
    <BLANKLINE>
    """
    parts = [f"# {escaped(paper.title)}", escaped(paper.subtitle)]
    for heading, section in paper.numbered:
        parts.append(f"## {escaped(heading)}")
        parts += [escaped(part.text) if isinstance(part, Paragraph) else _table(part) for part in section.parts]
    if paper.margin:
        parts += ["---", escaped(paper.margin)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _table(table: Table) -> str:
    numeric = [
        column.align == "right" or any(isinstance(row[place], float) for row in table.rows)
        for place, column in enumerate(table.columns)
    ]
    rows = [[column.shown(cell) for column, cell in zip(table.columns, row, strict=True)] for row in table.rows]
    body = piped([item.heading for item in table.columns], "".join("<>"[item] for item in numeric), rows)
    return f"**{escaped(table.caption)}**\n\n{body}" if table.caption else body
