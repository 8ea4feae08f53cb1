"""The widths of columns that a template repeats, in Word documents."""

from __future__ import annotations

import functools
import itertools
from typing import Any

from rich.cells import cell_len

#: The least and the greatest share of a column, in half-width signs.
_LEAST, _MOST = 7, 26
#: How many breadths of texts are kept: numbers and levels recur.
_RECENT = 10_000


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
        longest = [max(map(_breadth, texts)) for texts in zip(*rows, strict=True)]
        shares = [min(max(length + 1, _LEAST), _MOST) for length in longest]
        whole = sum(int(column.get(width, 0)) for column in grid)
        widths = [str(round(share / sum(shares) * whole)) for share in shares]
        for column, share in zip(grid, widths, strict=True):
            column.set(width, share)
        for size, share in zip(sizes, itertools.cycle(widths), strict=False):
            size.set(width, share)
            size.set(kind, "dxa")


def _cells(table: Any, word: str) -> tuple[list[list[str]], list[Any]]:
    """Return the texts of the cells of each row of a table, and the elements of their widths, in one pass."""
    row, cell, size, text = (f"{word}{name}" for name in ("tr", "tc", "tcW", "t"))
    rows: list[list[str]] = []
    sizes = []
    for element in table.iter(row, cell, size, text):
        tag = element.tag
        if tag == text:
            rows[-1][-1] += element.text or ""
        elif tag == size:
            sizes.append(element)
        elif tag == cell:
            rows[-1].append("")
        else:
            rows.append([])
    return rows, sizes


@functools.lru_cache(_RECENT)
def _breadth(text: str) -> int:
    """Return how many half-width signs a text takes; stars are as wide as Chinese signs in Chinese fonts."""
    return cell_len(text) + sum(text.count(sign) for sign in "★☆")
