"""Files to tables: text in any encoding, workbooks, pages, Parquet, JSON and more, folders and patterns; and frames.

Codes: K501 not there, K502 empty, K503 not a table, K504 no header, K505 only a header, K506 ragged rows, K507 does
not decode, K508 duplicate headers, K509 too large, K510 a package is missing, K511 locked, K512 a column without a
header, K513 quotation marks, K516 a declared header that is not there; as information K514 hidden and deleted rows,
K517 files of an archive left out, K520 the encoding, K521 rows above and K522 below the data, K523 the unit row, K524
sheets left out, K525 a header of several rows, K529 a web page, K532 where in a document the table is; K519 of SDMX.
"""

from __future__ import annotations

import filecmp
import hashlib
import io
import itertools
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import polars as pl

from kpi.errors import DataError, Diagnostic, Message, Place, Severity, readable, suggest
from kpi.intake.files.choice import EVERYTHING, Choice, Selection
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
from kpi.intake.files.headers import clean, distinct
from kpi.intake.files.remote import Remote
from kpi.intake.files.sdmx_columns import ids_of, prepared
from kpi.intake.files.statistics_packages import is_spss, is_stata, labelled
from kpi.intake.files.table import FIRST_ROWS, ROW, Link, Scratch, Table, cause, without_blanks
from kpi.process import progress
from kpi.process.extensions import Extension
from kpi.process.limits import shortage
from kpi.process.os_errors import reason

__all__ = [
    "READERS",
    "ROW",
    "SUFFIXES",
    "Reader",
    "Rows",
    "Source",
    "Table",
    "content_hash",
    "expanded",
    "given_once",
    "hash_of_all",
    "read",
    "read_all",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Rows:
    """A frame with its name in messages, such as that of a query.

    Of texts from a database, `numbers` are the columns of numbers, and `mixed` those of numbers and texts.
    """

    name: str
    frame: pl.DataFrame
    numbers: frozenset[str] = frozenset()
    mixed: frozenset[str] = frozenset()


#: A source of data: the path of a file, a folder or a pattern, a frame, or a table elsewhere.
Source = str | Path | pl.DataFrame | pl.LazyFrame | Rows | Remote

# How many rows of a frame are hashed at a time.
_HASHED = 100_000

#: The time zone of dates in data.
LOCAL_TIME = "Asia/Shanghai"

#: Exceptions of Polars on damaged files; PanicException is no subclass of Exception.
BROKEN = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)


def read(path: str | os.PathLike[str], *, sheet: str | None = None, unchecked: bool = False) -> tuple[Table, ...]:
    """Return the tables of a file, a folder or a pattern (`data/*.csv`), in the order of their names and sheets.

    Of a folder, all files directly in it are read whose names end in one of `SUFFIXES` (also `.gz`, `.zst`). `sheet`
    selects one sheet of a workbook. With `unchecked`, the rows of large text files are not checked beforehand but by
    their consumer (see `kpi.intake.files.chunks`).

    Raises:
        DataError: all findings of all files; the codes are listed at the top of this module.
    """
    tables, wrong = _read_each(Path(path), Selection(sheet), unchecked=unchecked)
    wrong += [finding for table in tables if (finding := table.repeated()) is not None]
    if wrong:
        raise DataError(wrong)
    return tuple(tables)


def _read_each(path: Path, selection: Selection, *, unchecked: bool) -> tuple[list[Table], list[Diagnostic]]:
    """Return the tables of the readable files and sheets, and the findings about the others."""
    tables: list[Table] = []
    findings: list[Diagnostic] = []
    if (sheet := sheet_named(path)[1]) is not None:
        selection = replace(selection, sheet=sheet)
    for item in expanded(path):
        try:
            items = _read_file(item, selection, unchecked=unchecked)
        except DataError as error:
            findings.extend(error.diagnostics)
            continue
        # Errors of unreadable sheets are among the notes of the readable ones.
        for table in items:
            wrong = tuple(note for note in table.notes if note.severity is Severity.ERROR)
            findings += wrong
            tables.append(prepared(replace(table, notes=tuple(note for note in table.notes if note not in wrong))))
    if tables and (notes := _passed_over(path)):
        tables[0] = replace(tables[0], notes=(*tables[0].notes, *notes))
    return tables, findings


#: Findings about the call or the machine rather than about a file: a source does not exist, a package is missing.
_OF_THE_CALL = ("K501", "K510")


def read_all(
    sources: Iterable[Source],
    *,
    unchecked: bool = False,
    unread: list[Diagnostic] | None = None,
    choices: Iterable[tuple[Choice, ...]] = (),
) -> list[list[Table]]:
    """Return the tables of every source, in their order; in messages frames are named frame 1, frame 2 ...

    Args:
        sources: files and frames.
        unchecked: the rows of large text files are not checked beforehand, as for `read`.
        unread: collects the findings about unreadable files, which are then skipped unless no file is readable.
        choices: what is declared of the datasets that each source may belong to.

    Raises:
        DataError: all findings of all sources, as `read`; with `unread`, if no source is readable or one is missing.
    """
    tables_of: list[list[Table]] = []
    errors: list[Diagnostic] = []
    frames = 0
    for source, declared in itertools.zip_longest(sources, choices, fillvalue=()):
        assert not isinstance(source, tuple)  # noqa: S101 - there are no more choices than sources
        tables_of.append([])
        try:
            if isinstance(source, Rows):
                tables_of[-1].append(prepared(_of_rows(source)))
            elif isinstance(source, Remote):
                tables_of[-1].append(prepared(_of_remote(source)))
            elif isinstance(source, pl.DataFrame | pl.LazyFrame):
                frames += 1
                tables_of[-1].append(prepared(_of_frame(source, Place(f"frame {frames}"))))
            else:
                with progress.stage(Message("reading {file}", file=source)):
                    tables, wrong = _read_each(Path(source), Selection(None, declared), unchecked=unchecked)
                tables_of[-1] += tables
                errors += wrong
        except DataError as error:
            errors += error.diagnostics
    if errors and (unread is None or not any(tables_of) or any(item.code in _OF_THE_CALL for item in errors)):
        raise DataError(errors)
    if unread is not None:
        unread += errors
    return tables_of


Named = tuple[Source, str | None]


def given_once(sources: Sequence[Named]) -> tuple[list[Named], list[Diagnostic]]:
    """Drop files and frames that are given twice for one dataset, and return the rest with the findings.

    Files are the same if they have the same bytes, frames if they have the same rows, lazy ones if they are one object.
    Only files of equal size are compared. A file that is given for two named datasets is kept for both.

    Args:
        sources: files, folders, patterns and frames, each with the name of its dataset, None where it is to be found.
    """
    kept: list[Named] = []
    notes: list[Diagnostic] = []
    files: dict[int, list[tuple[Path, str | None, str | None]]] = {}
    frames: list[tuple[pl.DataFrame | pl.LazyFrame, str | None]] = []
    number = 0
    remotes: list[tuple[str, str | None]] = []
    for source, name in sources:
        if isinstance(source, Remote):
            if any(item == source.name and _one_dataset(name, other) for item, other in remotes):
                message = Message("{source} is the same table as one before, which counts once", source=source.name)
                notes.append(_again(Place(source.name), message))
                continue
            remotes.append((source.name, name))
            kept.append((source, name))
            continue
        if isinstance(source, pl.DataFrame | pl.LazyFrame | Rows):
            number += not isinstance(source, Rows)
            frame = source.frame if isinstance(source, Rows) else source
            if any(_one_dataset(name, other) and _same_frame(item, frame) for item, other in frames):
                label = source.name if isinstance(source, Rows) else Message("frame {number}", number=number)
                notes.append(
                    _again(
                        Place(label),
                        Message("{source} is the same frame as one before, which counts once", source=label),
                    )
                )
                continue
            frames.append((frame, name))
            kept.append((source, name))
            continue
        try:
            paths = expanded(Path(source))
        except DataError:
            kept.append((source, name))  # what is wrong with it is found when it is read
            continue
        fresh = []
        sheet = sheet_named(Path(source))[1]
        for path in paths:
            alike = files.setdefault(path.stat().st_size, [])
            same = next(
                (
                    item
                    for item, other, part in alike
                    if _one_dataset(name, other) and part in (None, sheet) and _same_bytes(path, item)
                ),
                None,
            )
            if same is None:
                alike.append((path, name, sheet))
                fresh.append(path)
            else:
                message = Message(
                    "{source} is the same file as one before, which counts once", source=readable(str(path))
                )
                if str(same) != str(path):
                    message = Message(
                        "{source} holds the same as {other}, which counts once", source=readable(str(path)), other=same
                    )
                notes.append(_again(Place(str(path)), message))
        kept += [(source, name)] if len(fresh) == len(paths) else [(path, name) for path in fresh]
    return kept, notes


def _one_dataset(first: str | None, second: str | None) -> bool:
    return first is None or second is None or first == second


def _same_frame(first: pl.DataFrame | pl.LazyFrame, second: pl.DataFrame | pl.LazyFrame) -> bool:
    if first is second:
        return True
    # One frame of pandas or Arrow, or one mapping, that is given twice is converted twice.
    if isinstance(first, pl.LazyFrame) or isinstance(second, pl.LazyFrame):
        return False
    if first.height != second.height or first.schema != second.schema:
        return False
    return pl.Object not in first.schema.dtypes() and first.equals(second)


def _same_bytes(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second) or filecmp.cmp(first, second, shallow=False)
    except OSError:
        return False  # what is wrong with it is found when it is read


def _again(place: Place, message: Message) -> Diagnostic:
    hint = Message("leave one of them out, or replace it by the file that was meant")
    return Diagnostic("K548", message, place, hint, Severity.WARNING)


def content_hash(sources: Iterable[Source]) -> str:
    """Hash the contents of files and frames, independent of their order and names: sixteen hexadecimal digits.

    The hash of a frame covers its schema and its rows in their order, that of a table elsewhere what was fetched.
    """
    hashes = []
    for source in sources:
        if isinstance(source, Remote):
            hashes.append(source.digest())
            continue
        if isinstance(source, pl.DataFrame | pl.LazyFrame | Rows):
            frame = source.frame if isinstance(source, Rows) else source
            hashed = _Hashed(repr(frame.collect_schema()).encode())
            batches: Iterable[pl.DataFrame]
            if isinstance(frame, pl.DataFrame):
                batches = frame.iter_slices(_HASHED)
            else:
                batches = frame.collect_batches(chunk_size=_HASHED)
            with io.BufferedWriter(hashed) as writer:
                for batch in batches:
                    _as_json(batch).write_ndjson(writer)
            hashes.append(hashed.hash.hexdigest())
            continue
        for file in expanded(Path(source)):
            with file.open("rb") as stream:
                hashes.append(hashlib.file_digest(stream, "sha256").hexdigest())
    return hash_of_all(hashes)


def _as_json(batch: pl.DataFrame) -> pl.DataFrame:
    """Return rows with texts in place of bytes and objects, which Polars 2.1 cannot write as JSON."""
    odd = [name for name, dtype in batch.schema.items() if "Binary" in str(dtype) or dtype == pl.Object]
    if not odd:
        return batch
    return batch.with_columns(
        pl.Series(name, [None if item is None else str(item) for item in batch[name].to_list()], dtype=pl.String)
        for name in odd
    )


def hash_of_all(hashes: Iterable[str]) -> str:
    """Combine SHA-256 hashes of contents, as a set, into one hash: sixteen hexadecimal digits."""
    return hashlib.sha256("\n".join(sorted(set(hashes))).encode()).hexdigest()[:16]


class _Hashed(io.RawIOBase):
    """A file object that hashes what is written and discards it: a large frame as text does not fit into memory."""

    def __init__(self, beginning: bytes) -> None:
        self.hash = hashlib.sha256(beginning)

    def writable(self) -> bool:
        return True

    def write(self, content: Any, /) -> int:
        self.hash.update(content)
        return memoryview(content).nbytes


def expanded(path: Path) -> list[Path]:
    """Resolve a path, a folder or a pattern to files; of `book.xlsx#Sheet1` to the workbook."""
    path, _ = sheet_named(path)
    place = Place(str(path))
    if path.is_file():
        return [path]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file() and _is_readable(file))
        if not files:
            hint = Message("it is searched for {suffixes}", suffixes=" ".join(SUFFIXES))
            raise DataError(Diagnostic("K501", Message("the folder holds no data file"), place, hint))
        return files
    if any(mark in str(path) for mark in "*?["):
        # The search starts in the folder before the first pattern.
        parts = path.parts
        fixed = next(at for at, part in enumerate(parts) if any(mark in part for mark in "*?["))
        files = sorted(file for file in Path(*parts[:fixed]).glob(str(Path(*parts[fixed:]))) if file.is_file())
        if not files:
            raise DataError(Diagnostic("K501", Message("no file matches the pattern"), place))
        return files
    if os.path.lexists(path):
        raise DataError(irregular(path, place))
    nearby = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
    message = (
        Message("the file is not there")
        if path.parent.is_dir()
        else Message("the folder {parent} is not there", parent=path.parent)
    )
    raise DataError(Diagnostic("K501", message, place, suggest(path.name, nearby)))


def irregular(path: Path, place: Place) -> Diagnostic:
    """Return the finding (K501) that a path is no file that can be read more than once: a pipe, a device, a dead link.

    A file is read in several passes, which what a pipe gives cannot be.
    """
    if path.is_symlink() and not path.exists():
        message = Message("the file is a link to {file}, which is not there", file=readable(str(path.readlink())))
        return Diagnostic("K501", message, place)
    message = Message("it is a pipe or a device, not a file that is stored")
    return Diagnostic("K501", message, place, Message("write what it gives to a file, and give that file"))


def _passed_over(path: Path) -> list[Diagnostic]:
    """Return a note (K517) on the pipes, devices and dead links of a folder that are named like files of data."""
    if not path.is_dir():
        return []
    odd = sorted(
        item.name for item in path.iterdir() if _is_readable(item) and not item.is_file() and not item.is_dir()
    )
    message = Message("pipes, devices and links to nothing in the folder are passed over: {names}",
                      names=tuple(f"`{readable(name)}`" for name in odd))  # fmt: skip
    return [Diagnostic("K517", message, Place(str(path)), severity=Severity.INFO)] if odd else []


def sheet_named(path: Path) -> tuple[Path, str | None]:
    """Return the path of a file, and the sheet that is named behind it: `book.xlsx#Sheet1`.

    A file whose own name has a `#` is itself.
    """
    text = str(path)
    file, mark, sheet = text.rpartition("#")
    if mark and sheet and not path.exists() and Path(file).is_file():
        return Path(file), sheet
    return path, None


def _is_readable(path: Path) -> bool:
    """Return whether a file of a folder is data: `~$…` are lock files of Excel, `.…` are hidden."""
    name = path.name.lower().removesuffix(".gz").removesuffix(".zst")
    return not name.startswith((".", "~$")) and has_known_suffix(path.name)


def has_known_suffix(name: str) -> bool:
    """Return whether files of a name are read in folders: by a reader that is built in, or one of an extension."""
    plain = name.lower().removesuffix(".gz").removesuffix(".zst")
    return plain.endswith(SUFFIXES) or extension_of(name, SUFFIXES) is not None


def _read_file(path: Path, selection: Selection, *, unchecked: bool) -> tuple[Table, ...]:
    """Return the tables of one file, recognised by its content."""
    place = Place(str(path))
    try:
        str(path).encode()
    except UnicodeEncodeError:
        link = Link(path)
        tables = _read_named(link.path, place, selection, unchecked=unchecked)
        return tuple(replace(table, scratch=table.scratch or link) for table in tables)
    return _read_named(path, place, selection, unchecked=unchecked)


def _read_named(path: Path, place: Place, selection: Selection, *, unchecked: bool) -> tuple[Table, ...]:
    """Return the tables of a file under a name that every library can open; `place` has its name for users."""
    file = File(path, place, selection, unchecked)
    if (extension := extension_of(place.file or path.name, SUFFIXES)) is not None:
        return _tables(_foreign(extension), file)
    try:
        head = beginning(path, place)
        if (reader := _reader(file, head)) is not None:
            return _tables(reader, file)
        packed = packing(path, head, place)
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


@dataclass(frozen=True)
class File:
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


@dataclass(frozen=True)
class Reader:
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
        tables = _read_named(path, place, replace(file.selection, sheet=None), unchecked=file.unchecked)
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
    return not hidden and _is_readable(Path(path.name)) and path.suffix.lower() != ".zip"


def _dbf(file: File) -> tuple[Table, ...]:
    from kpi.intake.files.dbase import read_dbf

    return (read_dbf(file.path, file.place),)


def _statistics(kind: Literal["sav", "dta"]) -> Callable[[File], tuple[Table, ...]]:
    def read(file: File) -> tuple[Table, ...]:
        from kpi.intake.files.statistics_packages import frame_of

        frame, values, labels = frame_of(file.path, kind, file.place)
        table = _of_frame(frame, file.place)
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

    return (_of_frame(of_xml(_text_of(file).path, file.place), file.place),)


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
        return _native(path, scan, place, scratch)
    except DataError:
        if (texts := _as_texts(path)) is None:
            raise
        return _native(texts.path, scan, place, texts)


def _json_document(file: File) -> tuple[Table, ...]:
    from kpi.intake.files.json_document import document_of, found_array, lines_of, read_rows
    from kpi.intake.files.sdmx_messages import is_sdmx_json, of_json

    document = document_of(_text_of(file).path, file.place)
    if is_sdmx_json(document):
        frame, labels = of_json(document, file.place)
        table = _of_frame(frame, file.place)
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


def unreadable(place: Place, error: BaseException) -> Diagnostic:
    """Return the finding (K549) that the operating system cannot read a file."""
    hint = Message("look whether the disk or the network is in order, copy the file to another place, and run it again")
    return Diagnostic("K549", Message("the file cannot be read: {error}", error=reason(error)), place, hint)


def _native(path: Path, scan: Callable[[Path], pl.LazyFrame], place: Place, scratch: Scratch | None = None) -> Table:
    """Return the table of a file with native types."""
    try:
        return replace(_of_frame(scan(path), place), scratch=scratch)
    except BROKEN as error:
        if shortage(error) is not None:
            raise
        raise DataError(damaged(place, error)) from None


def damaged(place: Place, error: BaseException) -> Diagnostic:
    """Return the finding (K503) that a file is damaged."""
    message = Message("the file is damaged: {error}", error=cause(error))
    if isinstance(error, pl.exceptions.PanicException):
        message = Message("the file is damaged: its reader came upon what cannot be")
    return Diagnostic("K503", message, place, Message("write or download it again"))


#: The contents of columns of neither figures nor texts, by type.
_OTHERS: tuple[tuple[type[pl.DataType], Message], ...] = (
    (pl.List, Message("lists")),
    (pl.Array, Message("lists")),
    (pl.Struct, Message("several fields in a cell")),
    (pl.Duration, Message("spans of time")),
    (pl.Binary, Message("bytes that are no text")),
    (pl.Object, Message("objects of Python")),
    (pl.datatypes.BaseExtension, Message("values of a type that only its writer knows")),
)


def _plain_types(lazy: pl.LazyFrame, schema: pl.Schema) -> tuple[list[pl.Expr], dict[str, Message]]:
    """Return replacements of columns of neither figures nor texts, and what these columns contain.

    Bytes that are UTF-8, as some writers of Parquet store texts, become texts; all others are empty.
    """
    others = {
        name: next((words for kind, words in _OTHERS if dtype == kind or isinstance(dtype, kind)), None)
        for name, dtype in schema.items()
    }
    # NOTE: not pl.col, which takes a header such as ^.*$ for a pattern.
    raw = {name: pl.selectors.by_name(name) for name, words in others.items() if words is not None}
    texts = [name for name in raw if schema[name] == pl.Binary and _holds_text(lazy.select(raw[name]))]
    columns = [raw[name].cast(pl.String) for name in texts]
    # A text without letters, which is null in all but `Table.cells`, keeps apart what is filled from what is empty.
    columns += [
        pl.when(raw[name].is_null()).then(pl.lit(None, dtype=pl.String)).otherwise(pl.lit("")).alias(name)
        for name in raw if name not in texts
    ]  # fmt: skip
    return columns, {name: words for name, words in others.items() if words is not None and name not in texts}


def _holds_text(column: pl.LazyFrame) -> bool:
    """Return whether the bytes of a column are texts in UTF-8."""
    try:
        column.select(pl.all().cast(pl.String).null_count()).collect()
    except pl.exceptions.ComputeError:
        return False
    return True


def _of_rows(rows: Rows) -> Table:
    """Return the rows of a query as a table."""
    table = _of_frame(rows.frame, Place(rows.name))
    names = dict(zip(rows.frame.columns, table.columns, strict=True))
    numbers, mixed = (frozenset(names[item] for item in items) for items in (rows.numbers, rows.mixed))
    return replace(table, numbers=numbers, mixed=mixed)


def _of_remote(remote: Remote) -> Table:
    """Return a table elsewhere, whose rows are fetched when they are collected."""
    table = _of_frame(remote.frame, Place(remote.name), size=remote.size, numbers=remote.numbered)
    return replace(table, remote=(table.raw, remote))


def _of_frame(
    frame: pl.DataFrame | pl.LazyFrame, place: Place, *, size: int | None = None, numbers: pl.LazyFrame | None = None
) -> Table:
    """Return a frame as a table; rows count from 1, text of blanks is none, as in a file."""
    lazy = frame.lazy()
    # NOTE: a scan that numbers its own rows still prunes parts of a file, but only if its schema has not been
    # collected yet (Polars 2.1).
    numbered = lazy.with_row_index(ROW, offset=1) if numbers is None else numbers
    schema = lazy.collect_schema()
    if ROW in schema:  # only cleaned headers have no line break
        lazy = lazy.rename({ROW: f"{ROW}\n"})
        numbered, schema = lazy.with_row_index(ROW, offset=1), lazy.collect_schema()
    columns, repeats = distinct(map(clean, schema))
    replaced, unreadable = _plain_types(lazy, schema)
    if size is None:
        size = frame.height if isinstance(frame, pl.DataFrame) else lazy.select(pl.len()).collect().item()
    if not size:
        raise DataError(Diagnostic("K505", Message("there are columns, but no row of data"), place))
    cleaned = dict(zip(schema, columns, strict=True))
    plain, numbered = (item.with_columns(replaced).rename(cleaned) for item in (lazy, numbered))
    zones = {
        cleaned[name]: dtype.time_zone
        for name, dtype in schema.items()
        if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
    }
    if zones:
        # NOTE: not pl.col, which takes a header such as ^.*$ for a pattern.
        local = [
            pl.selectors.by_name(name).dt.convert_time_zone(LOCAL_TIME).dt.replace_time_zone(None) for name in zones
        ]
        plain, numbered = plain.with_columns(local), numbered.with_columns(local)
    # Rows in memory are at hand as they are.
    first_rows = None
    if isinstance(frame, pl.DataFrame) and not replaced and not zones and frame.columns == [*schema]:
        first_rows = plain, frame.head(FIRST_ROWS).rename(cleaned)
    notes = tuple(
        Diagnostic(
            "K624",
            Message(
                "the times in `{name}` are in the zone {zone}; they are read as times of {local_time}",
                name=name, zone=zone, local_time=LOCAL_TIME,
            ),
            replace(place, field=name), None, Severity.INFO,
        )
        for name, zone in zones.items() if zone != LOCAL_TIME
    )  # fmt: skip
    return Table(
        place.file or "", None, without_blanks(plain), columns, typed=True, first_row=1, notes=notes, size=size,
        cells=plain, numbered_cells=numbered, repeats=repeats, first_rows=first_rows,
        unreadable={cleaned[name]: words for name, words in unreadable.items()},
    )  # fmt: skip


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
            replace(_of_frame(frame, replace(file.place, sheet=name)), sheet=name)
            for name, frame in frames.items()
            if wanted in (None, name)
        )

    return Reader(extension.name, (f".{extension.name}",), lambda *_: True, read, sheets=True)


#: Every file format, in the order in which a file is compared with them.
READERS: tuple[Reader, ...] = (
    Reader(
        "Parquet", (".parquet",), lambda _, head: head.startswith(b"PAR1"),
        lambda file: (_native(file.path, pl.scan_parquet, file.place),),
    ),
    Reader(
        "Arrow IPC", (".arrow", ".feather", ".ipc"), lambda _, head: head.startswith(b"ARROW1"),
        lambda file: (_native(file.path, pl.scan_ipc, file.place),),
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
