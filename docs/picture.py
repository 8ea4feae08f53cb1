"""Draws docs/league.svg: the league table of the sample data as a terminal shows it.

Run from the root of the repository: python docs/picture.py
"""

from __future__ import annotations

from html import escape
from pathlib import Path

from rich.cells import cell_len
from rich.color import ANSI_COLOR_NAMES
from rich.console import Console
from rich.style import Style
from rich.text import Text

import kpi
from kpi.report.table import league_table

CELL, LINE, MARGIN = 9, 22, 18
INK, FAINT, PAPER = "#e6e6e6", "#8a8a8a", "#1e1e1e"
COLORS = {2: "#7ec87e", 1: "#e87a7a", 3: "#e8c04b"}
assert set(COLORS) <= set(ANSI_COLOR_NAMES.values())


def ink(style: Style | None) -> str:
    """Return the colour of a style."""
    if style is None:
        return INK
    if style.dim:
        return FAINT
    return COLORS.get(style.color.number, INK) if style.color and style.color.number is not None else INK


def line(text: Text, console: Console, top: int) -> str:
    """Return one line of text as SVG, every character placed in its own cell, so that fonts cannot misalign it."""
    parts = []
    cell = 0
    for segment in text.render(console, end=""):
        places = []
        for letter in segment.text:
            places.append(str(MARGIN + cell * CELL))
            cell += cell_len(letter)
        bold = ' font-weight="bold"' if segment.style and segment.style.bold else ""
        shown = escape(segment.text).replace(" ", "\u00a0")
        # Fonts draw these signs two cells wide; a terminal gives them one.
        shown = "".join(f'<tspan font-size="10px">{item}</tspan>' if item in "★☆▲▼" else item for item in shown)
        parts.append(f'<text x="{" ".join(places)}" y="{top}" fill="{ink(segment.style)}"{bold}>{shown}</text>')
    return "\n".join(parts)


def main() -> None:
    """Score the sample and write the picture."""
    card = kpi.score("sample_data/jiaxing-2022/*.csv", system="jiaxing-2022")
    console = Console(force_terminal=True)
    with kpi.using_language("en"):
        table = league_table(card, width=98, color=True)
    lines = [Text.from_ansi(item) for item in table.splitlines()]
    width = 2 * MARGIN + max(item.cell_len for item in lines) * CELL
    height = 2 * MARGIN + len(lines) * LINE
    drawn = "\n".join(line(item, console, MARGIN + LINE * (place + 1) - 6) for place, item in enumerate(lines))
    Path("docs/league.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-size="{LINE - 6}px" '
        'font-family="Noto Sans Mono CJK SC, Sarasa Mono SC, Menlo, Consolas, monospace">\n'
        f'<rect width="{width}" height="{height}" rx="8" fill="{PAPER}"/>\n{drawn}\n</svg>\n',
        "utf-8",
    )


if __name__ == "__main__":
    main()
