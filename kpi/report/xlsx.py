"""Reproducible Excel workbooks: equal content gives equal bytes. Temporary files are removed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

from kpi.errors import DataError, Diagnostic, Message
from kpi.process import atomic_files
from kpi.values.patterns import regex

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

# The creation time of a workbook is constant, so that equal content gives equal bytes.
_CREATED = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - the file format has no time zones
#: The most characters of a cell.
CHARACTERS = 32_767
#: Signs that the name of a sheet cannot have, and its greatest length.
_FORBIDDEN, _LONGEST = regex(r"[\[\]:*?/\\']"), 31


def _exact(number: float) -> str:
    """Return a number as the file format has it: the shortest form that reads back as the same number.

    >>> _exact(0.1 + 0.2), _exact(95.0), _exact(3), _exact(1e-7)
    ('0.30000000000000004', '95', '3', '1e-07')
    """
    return repr(number if type(number) is int else float(number)).removesuffix(".0")


def _worksheet() -> type[Worksheet]:
    """Return a worksheet that writes numbers with all their digits; xlsxwriter writes 16, which may change the last."""
    from xlsxwriter.utility import xl_rowcol_to_cell_fast
    from xlsxwriter.worksheet import Worksheet

    class Exact(Worksheet):  # type: ignore[misc]
        def _write_cell(self, row: int, col: int, cell: Any) -> None:
            if type(cell).__name__ != "Number" or not cell.format:
                super()._write_cell(row, col, cell)
                return
            # Most cells are numbers with a format, and nothing in them is to be escaped: half of the time is saved.
            place, style = xl_rowcol_to_cell_fast(row, col), cell.format._get_xf_index()  # noqa: SLF001
            self.fh.write(f'<c r="{place}" s="{style}"><v>{_exact(cell.number)}</v></c>')

        def _xml_number_element(self, number: float, attributes: Sequence[tuple[str, object]] = ()) -> None:
            words = "".join([f' {key}="{value}"' for key, value in attributes])
            self.fh.write(f"<c{words}><v>{_exact(number)}</v></c>")

    return Exact


@contextmanager
def new_workbook(out: BytesIO, properties: dict[str, str], **options: Any) -> Iterator[Workbook]:
    """Open a new workbook; at the end of the block its bytes are in `out`.

    Args:
        out: receives the file.
        properties: document properties, such as the title.
        options: options of xlsxwriter.

    Raises:
        DataError: K510, xlsxwriter is not installed.
    """
    try:
        from xlsxwriter import Workbook
    except ImportError as error:
        hint = Message("pip install xlsxwriter, or write .csv")
        raise DataError(Diagnostic("K510", Message("writing xlsx needs the package xlsxwriter"), hint=hint)) from error
    with atomic_files.scratch() as folder:
        book = Workbook(out, {**options, "tmpdir": str(folder)})
        book.worksheet_class = _worksheet()
        book.set_properties({**properties, "created": _CREATED})
        try:
            yield book
        except BaseException:
            # xlsxwriter closes its files only with the workbook.
            for sheet in book.worksheets():
                if sheet.row_data_fh is not None:
                    sheet.row_data_fh.close()
            raise
        book.close()


def sheet_name(text: str, taken: Sequence[str] = ()) -> str:
    """Return a text as the name of a sheet or a file that no other has.

    >>> sheet_name("发改局/统计局"), sheet_name("A", ["a"])
    ('发改局_统计局', 'A_2')
    """
    name = _FORBIDDEN.sub("_", text).strip()[:_LONGEST] or "_"
    used = {item.casefold() for item in taken}
    number = 2
    result = name
    while result.casefold() in used:
        result = f"{name[: _LONGEST - 1 - len(str(number))]}_{number}"
        number += 1
    return result
