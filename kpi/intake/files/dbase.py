"""Tables of dBASE, FoxPro and shapefiles (.dbf): every cell as the file writes it, in the encoding of the file.

The encoding is that of a .cpg file beside it, else of the byte in the header that names it, else it is found: UTF-8
where all texts are, else GB18030, in which cp936 is contained. Rows that are marked as deleted are left out.
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl

from kpi.errors import DataError, Diagnostic, Message, Place, Severity, count
from kpi.intake.files.headers import clean, distinct
from kpi.intake.files.packages import imported
from kpi.intake.files.table import Table, cause
from kpi.process.limits import make_sure

_VERSIONS = {0x02, 0x03, 0x30, 0x31, 0x32, 0x83, 0x8B, 0xCB, 0xF5, 0xFB}
#: Encodings that contain the one that is declared, which many writers exceed.
_WIDER = {"cp936": "gb18030", "gbk": "gb18030", "gb2312": "gb18030", "ansi 936": "gb18030", "936": "gb18030"}
#: The most bytes of memory per byte of a file while it is read.
_GROWTH = 8
_MEMOS = "MGP"


def is_dbf(head: bytes) -> bool:
    """Return whether a file begins like a table of dBASE: a version, a date, and a header of 32 bytes a column."""
    if len(head) < 32 or head[0] not in _VERSIONS or not (head[2] <= 12 and head[3] <= 31):
        return False
    header, record = struct.unpack_from("<2H", head, 8)
    # FoxPro keeps 263 bytes behind the columns.
    return header >= 33 and (header % 32 in (0, 1) or (header - 263) % 32 in (0, 1)) and record > 1


def read_dbf(path: Path, place: Place) -> Table:
    """Return the table of a .dbf file, all cells as text.

    Raises:
        DataError: K503 damaged, K505 no rows, K507 texts that do not decode, K510 a package is missing.
    """
    dbfread = imported("dbfread", "dbf", Message("a dBASE table (.dbf)"), place)
    make_sure(path.stat().st_size * _GROWTH, Message("the table {file}", file=place.file))
    try:
        table = dbfread.DBF(
            str(path), encoding="latin-1", ignorecase=False, parserclass=_parser(dbfread), ignore_missing_memofile=True,
            recfactory=None,
        )  # fmt: skip
        _check(table, path.stat().st_size)
        rows = [[value for _, value in row] for row in table]
        deleted = sum(1 for _ in table.deleted)
        _check_rows(table, len(rows) + deleted)
    except (MemoryError, DataError, PermissionError):
        raise
    except Exception as error:  # noqa: BLE001 - dbfread raises any exception on a damaged file
        message = Message("the file is damaged: {error}", error=cause(error))
        raise DataError(Diagnostic("K503", message, place, Message("write or download it again"))) from None
    if not rows:
        raise DataError(Diagnostic("K505", Message("there are columns, but no row of data"), place))
    return _table(path, place, table, rows, deleted)


def _check(table: Any, size: int) -> None:
    """Raise ValueError if the header does not fit the file; `size` is in bytes."""
    header = table.header
    if size < header.headerlen + header.numrecords * header.recordlen:
        raise ValueError(Message("it has room for fewer rows than the {rows:,} that it names", rows=header.numrecords))
    if not table.fields or sum(field.length for field in table.fields) + 1 != header.recordlen:
        raise ValueError(Message("its columns are not as wide as its rows"))


def _check_rows(table: Any, read: int) -> None:
    """Raise ValueError if some rows are neither valid nor marked as deleted."""
    if read < table.header.numrecords:
        rows = table.header.numrecords
        raise ValueError(Message("{rows:,} rows are in the file, {read:,} could be read", rows=rows, read=read))


def _table(path: Path, place: Place, table: Any, rows: list[list[Any]], deleted: int) -> Table:
    """Return the table of the rows that were read, their texts decoded."""
    names = [field.name.encode("latin-1") for field in table.fields]
    texts = [item for row in rows for item in row if isinstance(item, bytes)]
    encoding = _encoding(path, table.header.language_driver, [*names, *texts])
    try:
        columns, repeats = distinct(clean(name.decode(encoding)) for name in names)
        series = [
            pl.Series(name, [_as_text(row[at], encoding) for row in rows], dtype=pl.String)
            for at, name in enumerate(columns)
        ]
    except UnicodeDecodeError as error:
        message = Message("a text of the file is not {encoding}: `{text}`", encoding=encoding.upper(),
                          text=error.object[:40].decode(encoding, "replace"))  # fmt: skip
        hint = Message("put the encoding of the file, such as UTF-8, into a file of the same name ending in .cpg")
        raise DataError(Diagnostic("K507", message, place, hint)) from None
    notes = [] if encoding == "utf-8" else [
        Diagnostic("K520", Message("the file is {encoding}", encoding=encoding.upper()), place, severity=Severity.INFO)
    ]  # fmt: skip
    if deleted:
        message = Message("left out: {rows} marked as deleted in the file", rows=count(deleted, "row"))
        notes.append(Diagnostic("K514", message, place, severity=Severity.INFO))
    memos = [name for name, field in zip(columns, table.fields, strict=True) if field.type in _MEMOS]
    missing = memos if table.memofilename is None else []
    return Table(
        file=place.file or "", sheet=None, frame=pl.DataFrame(series).lazy(), columns=columns, first_row=1,
        numbers=frozenset(name for name, field in zip(columns, table.fields, strict=True) if field.type in "NFIBYO"),
        repeats=repeats, notes=tuple(notes), size=len(rows),
        unreadable={name: Message("texts of a file of memos that is not there") for name in missing},
    )  # fmt: skip


def _encoding(path: Path, driver: int, texts: list[bytes]) -> str:
    """Return the encoding of a file: as it is declared, else as its texts are."""
    declared = path.with_suffix(".cpg")
    declared = declared if declared.is_file() else path.with_suffix(".CPG")
    if declared.is_file():
        name = declared.read_bytes()[:40].decode("ascii", "ignore").strip().lower()
        name = {"65001": "utf-8", "1252": "cp1252"}.get(name, _WIDER.get(name, name))
        try:
            return _WIDER.get(codecs.lookup(name).name, codecs.lookup(name).name)
        except LookupError:
            pass
    from dbfread.codepages import codepages

    if driver in codepages and driver != 0:
        named = str(codepages[driver][0])
        return _WIDER.get(named, named)
    try:
        for item in texts:
            item.decode()
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


def _as_text(value: Any, encoding: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        text = value.decode(encoding)
        return text if text.strip() else None
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).removesuffix(" 00:00:00")


def _parser(dbfread: ModuleType) -> Callable[..., Any]:
    """Return the parser of cells: texts as bytes, figures and dates as they are written."""
    base: Any = dbfread.FieldParser

    class Parser(base):  # type: ignore[misc] # the package is imported when it is needed
        """Keep what dbfread would change: figures that did not fit are `***`, not empty."""

        def parseC(self, _: Any, data: bytes) -> bytes:  # noqa: N802 - the name dbfread calls
            return data.rstrip(b"\0 ")

        def parseN(self, _: Any, data: bytes) -> str | None:  # noqa: N802
            text = data.decode("latin-1").strip("\0 ")
            return text.replace(",", ".") or None

        parseF = parseN  # noqa: N815

        def parseD(self, _: Any, data: bytes) -> str | None:  # noqa: N802
            text = data.decode("latin-1").strip("\0 ")
            return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else text or None

        def parseL(self, _: Any, data: bytes) -> str | None:  # noqa: N802
            text = data.decode("latin-1").strip("\0 ?")
            return {"T": "true", "Y": "true", "F": "false", "N": "false"}.get(text.upper(), text) or None

        def decode_text(self, text: bytes) -> bytes:  # of memos
            return text

    return Parser
