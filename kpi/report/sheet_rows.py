"""Rows of a sheet, written together: Polars makes the XML of all their cells.

A call of xlsxwriter for each cell takes ten times as long, which is most of the time of a large workbook. The distinct
texts of a column still go through xlsxwriter, which escapes what the file format cannot hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

import polars as pl
from msgspec import Struct

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

#: How many cells are made at a time: their XML is in memory.
_PIECE = 100_000


class Cells(Struct, frozen=True):
    """How the cells of a column are written; without a style they are plain.

    Attributes:
        number: the style of numbers.
        whole: the style of whole numbers, None for that of all.
        empty: the style of cells without a value; None leaves them out.
        text: returns the text of a value and its style; None for a column of numbers.
    """

    number: Format | None = None
    whole: Format | None = None
    empty: Format | None = None
    text: Callable[[Any], tuple[str, Format | None]] | None = None


def write_rows(sheet: Worksheet, start: int, frame: pl.DataFrame, columns: Sequence[Cells]) -> None:
    """Write the rows of a frame below everything that the sheet has so far.

    Args:
        sheet: a sheet of a workbook with `constant_memory`.
        start: the number of the first row, from 0.
        frame: the values, a column of it for each column of the sheet from the first on.
        columns: how they are written.

    Raises:
        ValueError: a number is not finite.
    """
    from xlsxwriter.utility import xl_col_to_name

    for part in frame.iter_slices(max(_PIECE // max(frame.width, 1), 1)):
        if not part.height:
            return
        # What is above is complete, and the extent of the sheet is known by its corners.
        sheet._check_dimensions(start, 0)  # noqa: SLF001
        sheet._check_dimensions(start + part.height - 1, max(part.width - 1, 0))  # noqa: SLF001
        sheet._write_single_row(start + part.height)  # noqa: SLF001
        numbered = part.with_row_index("#", offset=start + 1).with_columns(pl.col("#").cast(pl.String))
        cells = [
            _cells(sheet, part[name], style, xl_col_to_name(place))
            for place, (name, style) in enumerate(zip(part.columns, columns, strict=True))
        ]
        row = pl.concat_str(pl.lit('<row r="'), pl.col("#"), pl.lit('">'), *cells, pl.lit("</row>"), ignore_nulls=True)
        sheet.fh.write("".join(numbered.select(row.alias("#")).to_series()))
        start += part.height


def _cells(sheet: Worksheet, values: pl.Series, style: Cells, letter: str) -> pl.Expr:
    """Return the cells of a column, null for those that are left out."""
    value, place = pl.col(values.name), pl.concat_str(pl.lit(f'<c r="{letter}'), pl.col("#"))
    empty = pl.lit(None, dtype=pl.String)
    if style.empty is not None:
        empty = pl.concat_str(place, pl.lit(f'"{_styled(style.empty)}/>'))
    if style.text is not None:
        # In order, as styles are numbered in the order of their first use.
        distinct = values.unique(maintain_order=True).drop_nulls()
        if not len(distinct):
            return empty
        tails = pl.Series([*_tails(sheet, distinct.to_list(), style.text)], dtype=pl.String)
        tail = value.replace_strict(distinct, tails, default=None, return_dtype=pl.String)
        return pl.when(tail.is_not_null()).then(pl.concat_str(place, pl.lit('"'), tail)).otherwise(empty)
    if values.dtype.is_float() and not values.is_finite().all():
        raise ValueError(f"a number of {values.name} is not finite")
    styled = pl.lit(f'"{_styled(style.number)}><v>')
    if style.whole is not None:
        whole = value == value.cast(pl.Float64).floor()
        styled = pl.when(whole).then(pl.lit(f'"{_styled(style.whole)}><v>')).otherwise(styled)
    # The shortest digits that read back as the same number.
    digits = value.cast(pl.String).str.strip_suffix(".0")
    written = pl.concat_str(place, styled, digits, pl.lit("</v></c>"))
    return pl.when(value.is_not_null()).then(written).otherwise(empty)


def _tails(
    sheet: Worksheet, values: Sequence[Any], text: Callable[[Any], tuple[str, Format | None]]
) -> Iterator[str | None]:
    """Yield what follows the place in a cell with each value, None for an empty text: ` s="1" t="inlineStr">...`."""
    from xlsxwriter.worksheet import CellStringTuple

    before, head = sheet.fh, '<c r="A1"'
    try:
        for value in values:
            words, style = text(value)
            sheet.fh = StringIO()
            sheet._write_cell(0, 0, CellStringTuple(words, style))  # noqa: SLF001
            yield sheet.fh.getvalue().removeprefix(head) if words else None
    finally:
        sheet.fh = before


def _styled(style: Format | None) -> str:
    return "" if style is None else f' s="{style._get_xf_index()}"'  # noqa: SLF001
