"""The widths of columns that a template repeats, in Word documents."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len

#: The width of a half-width sign in tables in twentieths of a point, and the signs that the margins of a cell take.
_SIGN, _MARGINS = 95, 2
#: How many breadths of texts are kept: numbers and levels recur.
_RECENT = 10_000
#: The part of the texts of a column that have room in it before longer ones of other columns.
_USUAL = 0.9


def fit_grid(tree: Any) -> None:
    """Give the grid of each table as many columns as its widest row has, at the same width.

    A template that repeats columns, or leaves some out, has them in its grid as they stand there. Programs lay out
    tables by the grid.

    Args:
        tree: the body of a document, an element of lxml, which is changed.
    """
    word = f"{{{tree.nsmap['w']}}}"
    width = f"{word}w"
    for table in tree.iter(f"{word}tbl"):
        grid = table.find(f"{word}tblGrid")
        if grid is None or not len(grid):
            continue
        columns = max((_columns(row, word) for row in table.iterchildren(f"{word}tr")), default=0)
        if columns in (0, len(grid)):
            continue
        whole = sum(float(column.get(width, 0)) for column in grid)
        for column in grid[columns:]:
            grid.remove(column)
        for _ in range(columns - len(grid)):
            column = grid.makeelement(f"{word}gridCol")
            column.set(width, str(whole / len(grid)))
            grid.append(column)
        now = sum(float(column.get(width, 0)) for column in grid)
        for column in grid:
            column.set(width, str(round(float(column.get(width, 0)) * (whole / now if now else 1))))


def keep_rows(tree: Any) -> None:
    """Keep the first two and the last three rows of tables with repeated headings together on a page.

    So no row stands alone below its heading, or on the next page.

    Args:
        tree: the body of a document, an element of lxml, which is changed.
    """
    word = f"{{{tree.nsmap['w']}}}"
    for table in tree.iter(f"{word}tbl"):
        rows = table.findall(f"{word}tr")
        if not rows or rows[0].find(f"{word}trPr/{word}tblHeader") is None:
            continue
        for row in {id(row): row for row in (*rows[:2], *rows[-3:]) if row is not rows[-1]}.values():
            for line in row.iterfind(f"{word}tc/{word}p"):
                about = line.find(f"{word}pPr")
                if about is None:
                    about = line.makeelement(f"{word}pPr")
                    line.insert(0, about)
                if about.find(f"{word}keepNext") is None:
                    about.insert(int(about.find(f"{word}pStyle") is not None), about.makeelement(f"{word}keepNext"))


def _columns(row: Any, word: str) -> int:
    """Return how many columns the cells of a row take."""
    columns = 0
    for cell in row.iterchildren(f"{word}tc"):
        span = cell.find(f"{word}tcPr/{word}gridSpan")
        columns += 1 if span is None else int(span.get(f"{word}val", 1))
    return columns


def fit_columns(tree: Any) -> None:
    """Share the width of tables whose cells have none of their own (`auto`) by the longest text of each column.

    How many columns a table has is only known from the data where a template repeats them; without widths programs
    lay them out by the columns of the template.

    Args:
        tree: the body of a document, an element of lxml, which is changed.
    """
    word = f"{{{tree.nsmap['w']}}}"
    width, kind = f"{word}w", f"{word}type"
    for table in tree.iter(f"{word}tbl"):
        grid = table.find(f"{word}tblGrid")
        first = next(table.iter(f"{word}tcW"), None)
        if grid is None or not len(grid) or first is None or first.get(kind) != "auto":
            continue
        rows, sizes = _cells(table, word)
        # A cell that spans columns, or holds a table, has a width of its own meaning.
        if {len(row) for row in rows} != {len(grid)} or len(sizes) != len(rows) * len(grid):
            continue
        if any(size.get(kind) != "auto" for size in sizes):
            continue
        whole = sum(int(column.get(width, 0)) for column in grid)
        shares = _fitted([*zip(*rows, strict=True)], whole / _SIGN)
        widths = [str(round(share / sum(shares) * whole)) for share in shares]
        for column, share in zip(grid, widths, strict=True):
            column.set(width, share)
        for size, share in zip(sizes, itertools.cycle(widths), strict=False):
            size.set(width, share)
            size.set(kind, "dxa")


def _fitted(columns: Sequence[Sequence[str]], room: float) -> list[float]:
    """Return the widths of columns: first for most of their texts, then for those few that are longer, and headings.

    So a few cells with a reason in place of a number do not take the room of names. No word is broken if that can be.

    >>> texts = [["Indicator", *["a name that is rather long"] * 20], ["东湖县", *["12.50"] * 19, "not reported"]]
    >>> _fitted(texts, 38), _fitted(texts, 60)
    ([28, 10], [28.0, 14.0])
    """
    longest = [max(map(_breadth, texts)) + _MARGINS for texts in columns]
    if sum(longest) <= room:
        return [float(length) for length in longest]
    usual = []
    for texts in columns:
        lengths = sorted(map(_breadth, texts[1:])) or [0]
        most = lengths[math.ceil(_USUAL * (len(lengths) - 1))]
        usual.append(max(most, *map(_unbroken, texts)) + _MARGINS)
    if sum(usual) >= room:
        return _shares(usual, room)
    lacking = _shares([length - width for length, width in zip(longest, usual, strict=True)], room - sum(usual))
    return [width + more for width, more in zip(usual, lacking, strict=True)]


def _shares(needs: Sequence[float], room: float) -> list[float]:
    """Return the widths of columns: what they need, where that is too much no more than a width that all can have.

    So numbers keep their lines, and only the long texts are broken.

    >>> _shares([5, 10], 100), _shares([5, 40, 60], 45), _shares([5, 10, 60], 45)
    ([5, 10], [5, 20.0, 20.0], [5, 10, 30.0])
    """
    most, left = room / len(needs), room
    for place, need in enumerate(sorted(needs)):
        most = left / (len(needs) - place)
        if need > most:
            break
        left -= need
    return list(needs) if sum(needs) <= room else [min(need, most) for need in needs]


def _cells(table: Any, word: str) -> tuple[list[list[str]], list[Any]]:
    """Return the texts of the cells of each row of a table, and the elements of their widths, in one pass."""
    row, cell, size, text, end = (f"{word}{name}" for name in ("tr", "tc", "tcW", "t", "br"))
    rows: list[list[str]] = []
    sizes = []
    for element in table.iter(row, cell, size, text, end):
        tag = element.tag
        if tag == text:
            rows[-1][-1] += element.text or ""
        elif tag == end:
            rows[-1][-1] += "\n"
        elif tag == size:
            sizes.append(element)
        elif tag == cell:
            rows[-1].append("")
        else:
            rows.append([])
    return rows, sizes


@functools.lru_cache(_RECENT)
def _unbroken(text: str) -> int:
    """Return how many half-width signs the longest word takes; Chinese texts are broken between any three signs."""
    return max((len(word) if word.isascii() else min(cell_len(word), 6) for word in text.split()), default=0)


@functools.lru_cache(_RECENT)
def _breadth(text: str) -> int:
    """Return how many half-width signs the longest line takes; stars and signs of percent are wider than others."""
    return max(cell_len(line) + sum(line.count(sign) for sign in "★☆%") for line in text.split("\n"))
