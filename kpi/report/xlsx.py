"""Reproducible Excel workbooks: equal content gives equal bytes. Temporary files are removed."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

from kpi.errors import DataError, Diagnostic, Message
from kpi.process import atomic_files

if TYPE_CHECKING:
    from xlsxwriter import Workbook

# The creation time of a workbook is constant, so that equal content gives equal bytes.
_CREATED = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - the file format has no time zones
#: The most characters of a cell.
CHARACTERS = 32_767
#: Signs that the name of a sheet cannot have, and its greatest length.
_FORBIDDEN, _LONGEST = re.compile(r"[\[\]:*?/\\']"), 31


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
        book.set_properties({**properties, "created": _CREATED})
        yield book
        book.close()


def sheet_name(text: str, taken: Sequence[str] = ()) -> str:
    """Return a text as the name of a sheet or a file that no other has.

    >>> sheet_name("发改局/统计局"), sheet_name("A", ["a"])
    ('发改局_统计局', 'A_2')
    """
    name = _FORBIDDEN.sub("_", text).strip()[:_LONGEST] or "_"
    used = {one.casefold() for one in taken}
    number = 2
    found = name
    while found.casefold() in used:
        found = f"{name[: _LONGEST - 1 - len(str(number))]}_{number}"
        number += 1
    return found
