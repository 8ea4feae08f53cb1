"""The widths of columns that a template repeats, in Word documents."""

from __future__ import annotations

from typing import Any

from rich.cells import cell_len

#: The least and the greatest share of a column, in half-width signs.
_LEAST, _MOST = 7, 26


def fit_columns(tree: Any) -> None:
    """Share the width of tables whose cells have none of their own (`auto`) by the longest text of each column.

    How many columns a table has is only known from the data where a template repeats them; without widths programs
    lay them out by the columns of the template.

    Args:
        tree: the body of a document, an element of lxml, which is changed.
    """
    word = f"{{{tree.nsmap['w']}}}"
    for table in tree.iter(f"{word}tbl"):
        rows = [row.findall(f"{word}tc") for row in table.findall(f"{word}tr")]
        grid = table.find(f"{word}tblGrid")
        if grid is None or not rows or len({len(row) for row in rows}) != 1 or len(grid) != len(rows[0]):
            continue
        sizes = [size for row in rows for cell in row for size in cell.iter(f"{word}tcW")]
        if not sizes or any(size.get(f"{word}type") != "auto" for size in sizes):
            continue
        longest = [
            max(_breadth("".join(text.text or "" for text in row[place].iter(f"{word}t"))) for row in rows)
            for place in range(len(grid))
        ]
        shares = [min(max(length + 1, _LEAST), _MOST) for length in longest]
        whole = sum(int(column.get(f"{word}w", 0)) for column in grid)
        widths = [str(round(share / sum(shares) * whole)) for share in shares]
        for column, width in zip(grid, widths, strict=True):
            column.set(f"{word}w", width)
        for row in rows:
            for cell, width in zip(row, widths, strict=True):
                for size in cell.iter(f"{word}tcW"):
                    size.set(f"{word}w", width)
                    size.set(f"{word}type", "dxa")


def _breadth(text: str) -> int:
    """Return how many half-width signs a text takes; stars are as wide as Chinese signs in Chinese fonts."""
    return cell_len(text) + sum(text.count(sign) for sign in "★☆")
