"""The file formats, each with what recognises a file of it and what reads its tables.

Codes: K501 no permission or no sheets, K503 no text, and those of the modules of the formats.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.intake.files.choice import EVERYTHING, Selection
from kpi.intake.files.chunks import read_large
from kpi.intake.files.dbase import is_dbf
from kpi.intake.files.delimited import LONGEST, read_delimited
from kpi.intake.files.encoding import (
    Text,
    as_utf8,
    beginning,
    is_markup,
    is_ods,
    is_plain_zip,
    is_xls,
    is_xlsb,
    is_xlsx,
    markup,
    packing,
    unpacked,
)
from kpi.intake.files.foreign_formats import extension_of, frames_of
from kpi.intake.files.frame_tables import BROKEN, damaged, native, of_frame, unreadable
from kpi.intake.files.other_documents import refuse_other_documents
from kpi.intake.files.sdmx_columns import ids_of
from kpi.intake.files.statistics_packages import is_spss, is_stata, labelled
from kpi.intake.files.table import Scratch, Table
from kpi.process.extensions import Extension
from kpi.process.limits import shortage


class File(Struct, frozen=True):
    """A file to read.

    Attributes:
        path: of the file.
        place: its name for users.
        selection: the sheets and header rows to read.
        unchecked: whether the rows of large text files are not checked in advance.
        text: its text in UTF-8, unpacked, for formats that are text.
    """

    path: Path
    place: Place
    selection: Selection = EVERYTHING
    unchecked: bool = False
    text: Text | None = None


class Reader(Struct, frozen=True):
    """A supported file format.

    Attributes:
        name: as the documentation has it.
        suffixes: the suffixes of files of this format in a folder.
        recognises: returns whether a file with these first bytes is of this format, whatever its name.
        read: returns its tables.
        text: whether the format is text, which is tried after all others, on the unpacked and decoded text.
        sheets: whether a file may have several tables that have names.
    """

    name: str
    suffixes: tuple[str, ...]
    recognises: Callable[[File, bytes], bool]
    read: Callable[[File], tuple[Table, ...]]
    text: bool = False
    sheets: bool = False


def has_known_suffix(name: str) -> bool:
    """Return whether files of a name are read in folders: by a reader that is built in, or one of an extension."""
    plain = name.lower().removesuffix(".gz").removesuffix(".zst")
    return plain.endswith(SUFFIXES) or extension_of(name, SUFFIXES) is not None


def is_data_file(path: Path) -> bool:
    """Return whether a file of a folder is data: `~$…` are lock files of Excel, `.…` are hidden."""
    name = path.name.lower().removesuffix(".gz").removesuffix(".zst")
    return not name.startswith((".", "~$")) and has_known_suffix(path.name)


def read_file(path: Path, place: Place, selection: Selection, *, unchecked: bool) -> tuple[Table, ...]:
    """Return the tables of a file under a name that every library can open; `place` has its name for users."""
    file = File(path, place, selection, unchecked)
    if (extension := extension_of(place.file or path.name, SUFFIXES)) is not None:
        return _tables(_foreign(extension), file)
    try:
        head = beginning(path, place)
        if (reader := _reader(file, head)) is not None:
            return _tables(reader, file)
        packed = packing(path, head, place)
        if packed is None:
            refuse_other_documents(head, place)
        if (
            unchecked
            and packed is None
            and selection.sheet is None
            and not is_markup(head)
            and _json_kind(path, path) is None
            and (large := read_large(path, place, declared=selection.header()))
            and not ids_of(large.columns)
        ):
            return (large,)
        scratch = unpacked(path, packed, place) if packed is not None else None
        inner = scratch.path if scratch else path
        if scratch and not _is_text(inner, place):
            hint = Message("unpack the file and read what it holds")
            raise DataError(Diagnostic("K503", Message("the compressed file does not hold text"), place, hint))
        if scratch:
            refuse_other_documents(beginning(inner, place), place)
        text = as_utf8(inner, place)
    except PermissionError:
        raise DataError(Diagnostic("K501", Message("the file may not be read: no permission"), place)) from None
    except OSError as error:
        if shortage(error) is not None or error.errno is None:
            raise
        raise DataError(unreadable(place, error)) from None
    # An intermediate scratch file is removed; one that the frame reads is kept with the table.
    file = replace(file, text=text if text.scratch else replace(text, scratch=scratch))
    reader = _reader(file, head)
    assert reader is not None  # noqa: S101 - any text may be delimited
    return _tables(reader, file)


def _tables(reader: Reader, file: File) -> tuple[Table, ...]:
    """Return the tables of a file.

    Raises:
        DataError: as the reader; K501 a sheet of a file that has none.
    """
    if file.selection.sheet is not None and not reader.sheets:
        message = Message("the file has no sheets, so none is called `{sheet}`", sheet=file.selection.sheet)
        raise DataError(Diagnostic("K501", message, file.place))
    return reader.read(file)


def _reader(file: File, head: bytes) -> Reader | None:
    """Return the first format that recognises a file, or its text where that is given."""
    items = (item for item in READERS if item.text is (file.text is not None))
    return next((item for item in items if item.recognises(file, head)), None)


def _is_text(path: Path, place: Place) -> bool:
    head = beginning(path, place)
    return _reader(File(path, place), head) is None and packing(path, head, place) is None


def _workbook(kind: str) -> Callable[[File], tuple[Table, ...]]:
    def read(file: File) -> tuple[Table, ...]:
        from kpi.intake.files.workbook import read_workbook

        return read_workbook(file.path, kind, file.place, file.selection)

    return read


def _opendocument(file: File) -> tuple[Table, ...]:
    from kpi.intake.files.opendocument import read_opendocument

    return read_opendocument(file.path, file.place, file.selection)


def _archive(file: File) -> tuple[Table, ...]:
    from kpi.intake.files.archive import read_archive

    def read(path: Path, place: Place) -> tuple[Table, ...]:
        tables = read_file(path, place, replace(file.selection, sheet=None), unchecked=file.unchecked)
        for table in tables:
            if table.typed:
                # The other files of the archive would not be read if damage showed later.
                try:
                    table.all_read(table.frame.collect().height)
                except BROKEN as error:
                    raise DataError(damaged(place, error)) from None
        return tables

    return read_archive(file.path, file.place, _is_table_of_archive, read)


def _is_table_of_archive(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not hidden and is_data_file(Path(path.name)) and path.suffix.lower() != ".zip"


def _dbf(file: File) -> tuple[Table, ...]:
    from kpi.intake.files.dbase import read_dbf

    return (read_dbf(file.path, file.place),)


def _statistics(kind: Literal["sav", "dta"]) -> Callable[[File], tuple[Table, ...]]:
    def read(file: File) -> tuple[Table, ...]:
        from kpi.intake.files.statistics_packages import frame_of

        frame, values, labels = frame_of(file.path, kind, file.place)
        table = of_frame(frame, file.place)
        return (labelled(table, dict(zip(frame.columns, table.columns, strict=True)), labels, values),)

    return read


def _text_of(file: File) -> Text:
    assert file.text is not None  # noqa: S101 - of text formats
    return file.text


def _start(file: File) -> str:
    """Return the beginning of a text file."""
    with _text_of(file).path.open(encoding="utf-8-sig", errors="replace") as stream:
        return stream.read(1 << 14)


def _page(file: File) -> tuple[Table, ...]:
    from kpi.intake.files.web_page import read_page

    return read_page(_text_of(file).path, file.place, file.selection)


def _is_spreadsheet(file: File, _: bytes) -> bool:
    start = _start(file)
    if not start.lstrip("\ufeff \t\r\n").startswith("<"):
        return False
    from kpi.intake.files.spreadsheet_xml import is_spreadsheet

    return is_spreadsheet(start)


def _spreadsheet(file: File) -> tuple[Table, ...]:
    from kpi.intake.files.spreadsheet_xml import read_spreadsheet

    return read_spreadsheet(_text_of(file).path, file.place, file.selection)


def _is_sdmx(file: File, _: bytes) -> bool:
    start = _start(file)
    if not start.lstrip("\ufeff \t\r\n").startswith("<"):
        return False
    from kpi.intake.files.sdmx_messages import is_sdmx_ml

    return is_sdmx_ml(start)


def _sdmx(file: File) -> tuple[Table, ...]:
    from kpi.intake.files.sdmx_messages import of_xml

    return (of_frame(of_xml(_text_of(file).path, file.place), file.place),)


def _is_page(file: File, _: bytes) -> bool:
    start = _start(file)
    if not start.lstrip("\ufeff \t\r\n").startswith("<"):
        return False
    from kpi.intake.files.web_page import is_page

    if is_page(start):
        return True
    if re.match(r"\s*<[?!A-Za-z]", start):
        raise markup(file.place)
    return False


def _delimited(file: File) -> tuple[Table, ...]:
    text, place, declared = _text_of(file), file.place, file.selection.header()
    if file.unchecked and text.encoding != "UTF-8":
        large = read_large(text.path, place, text, declared=declared)
        if large is not None and not ids_of(large.columns):
            return (large,)
    return (read_delimited(text, place, declared=declared),)


def _json_kind(path: Path, text: Path) -> Literal["lines", "document"] | None:
    """Return whether a text file is JSON lines (by its name, or as its first line is an object) or a JSON document."""
    if path.name.lower().removesuffix(".gz").removesuffix(".zst").endswith((".jsonl", ".ndjson")):
        return "lines"
    with text.open(encoding="utf-8-sig", errors="replace") as stream:
        first = stream.read(1)
        first += stream.readline(LONGEST if first == "{" else 1 << 16)
        alone = not stream.read(1 << 10).strip()
    try:
        if isinstance(row := json.loads(first), dict):
            tables = any(isinstance(item, dict) or (isinstance(item, list) and item) for item in row.values())
            return "document" if alone and tables else "lines"
    except (ValueError, RecursionError):
        pass
    return "document" if re.match(r"\s*[\[{]\s*([\[{\"]|$)", first) else None


def _is_json(kind: Literal["lines", "document"]) -> Callable[[File, bytes], bool]:
    return lambda file, _: _json_kind(file.path, _text_of(file).path) == kind


def _json_lines(file: File) -> tuple[Table, ...]:
    text = _text_of(file)
    return (_of_lines(text.path, file.place, text.scratch),)


def _of_lines(path: Path, place: Place, scratch: Scratch | None) -> Table:
    """Return the table of JSON lines; the type of a column is inferred from all lines.

    Lines with NaN or Infinity, which are no JSON but which Python writes, are read as texts.
    """
    scan = partial(pl.scan_ndjson, infer_schema_length=None)
    try:
        return native(path, scan, place, scratch)
    except DataError:
        if (texts := _as_texts(path)) is None:
            raise
        return native(texts.path, scan, place, texts)


def _json_document(file: File) -> tuple[Table, ...]:
    from kpi.intake.files.json_document import document_of, found_array, lines_of, read_rows
    from kpi.intake.files.sdmx_messages import is_sdmx_json, of_json

    document = document_of(_text_of(file).path, file.place)
    if is_sdmx_json(document):
        frame, labels = of_json(document, file.place)
        table = of_frame(frame, file.place)
        return (labelled(table, dict(zip(frame.columns, table.columns, strict=True)), {}, labels),)
    array, notes = found_array(document, file.place)
    if isinstance(array[0], list):
        return read_rows(array, file.place, notes, file.selection)
    lines = lines_of(array)
    table = _of_lines(lines.path, file.place, lines)
    return (replace(table, notes=(*notes, *table.notes)),)


def _as_texts(path: Path) -> Scratch | None:
    """Return a copy of JSON lines with all numbers as texts, None if a line is no JSON."""
    scratch = Scratch(".jsonl")
    try:
        with path.open(encoding="utf-8-sig") as lines, scratch.path.open("w", encoding="utf-8") as copy:
            for line in lines:
                row = json.loads(line, parse_float=str, parse_int=str, parse_constant=str) if line.strip() else {}
                json.dump(
                    {key: str(item).lower() if isinstance(item, bool) else item for key, item in row.items()}, copy
                )
                copy.write("\n")
    except (ValueError, AttributeError, RecursionError):
        return None
    return scratch


def _foreign(extension: Extension) -> Reader:
    """Return the reader that an extension is."""

    def read(file: File) -> tuple[Table, ...]:
        frames = frames_of(extension, file.path, file.place)
        wanted = file.selection.sheet
        if wanted is not None and wanted not in frames:
            names = tuple(f"`{name}`" for name in frames if name is not None)
            message = Message("the file has no sheet `{sheet}`; it has {sheets}", sheet=wanted, sheets=names)
            raise DataError(Diagnostic("K501", message, file.place))
        return tuple(
            replace(of_frame(frame, replace(file.place, sheet=name)), sheet=name)
            for name, frame in frames.items()
            if wanted in (None, name)
        )

    return Reader(extension.name, (f".{extension.name}",), lambda *_: True, read, sheets=True)


#: Every file format, in the order in which a file is compared with them.
READERS: tuple[Reader, ...] = (
    Reader(
        "Parquet", (".parquet",), lambda _, head: head.startswith(b"PAR1"),
        lambda file: (native(file.path, pl.scan_parquet, file.place),),
    ),
    Reader(
        "Arrow IPC", (".arrow", ".feather", ".ipc"), lambda _, head: head.startswith(b"ARROW1"),
        lambda file: (native(file.path, pl.scan_ipc, file.place),),
    ),
    Reader(
        "`.xlsx`", (".xlsx", ".xlsm"), lambda file, head: is_xlsx(file.path, head), _workbook("xlsx"), sheets=True,
    ),
    Reader("`.xlsb`", (".xlsb",), lambda file, head: is_xlsb(file.path, head), _workbook("xlsb"), sheets=True),
    Reader("`.xls`", (".xls",), lambda file, head: is_xls(file.path, head), _workbook("xls"), sheets=True),
    Reader("OpenDocument", (".ods",), lambda file, head: is_ods(file.path, head), _opendocument, sheets=True),
    Reader("SPSS", (".sav", ".zsav"), lambda _, head: is_spss(head), _statistics("sav")),
    Reader("Stata", (".dta",), lambda _, head: is_stata(head), _statistics("dta")),
    Reader("dBASE", (".dbf",), lambda _, head: is_dbf(head), _dbf),
    Reader("zip", (".zip",), lambda file, head: is_plain_zip(file.path, head), _archive),
    # A folder is searched for it under the suffixes of others, .xls and .xml.
    Reader("XML Spreadsheet 2003", (), _is_spreadsheet, _spreadsheet, text=True, sheets=True),
    Reader("SDMX-ML", (".xml",), _is_sdmx, _sdmx, text=True),
    Reader("HTML", (".html", ".htm"), _is_page, _page, text=True, sheets=True),
    Reader("JSON lines", (".jsonl", ".ndjson"), _is_json("lines"), _json_lines, text=True),
    Reader("JSON documents", (".json",), _is_json("document"), _json_document, text=True),
    Reader("CSV", (".csv", ".tsv", ".txt"), lambda *_: True, _delimited, text=True),
)  # fmt: skip


#: The names of files that a folder is searched for; a file that is named itself is recognised by its content.
SUFFIXES: tuple[str, ...] = tuple(suffix for item in READERS for suffix in item.suffixes)
