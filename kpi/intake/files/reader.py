"""Files to tables: text in any encoding, workbooks, pages, Parquet, JSON and more, folders and patterns; and frames.

Codes: K501 not there, K502 empty, K503 not a table, K504 no header, K505 only a header, K506 ragged rows, K507 does
not decode, K508 duplicate headers, K509 too large, K510 a package is missing, K511 locked, K512 a column without a
header, K513 quotation marks, K516 a declared header that is not there; as information K514 hidden and deleted rows,
K517 files of an archive left out, K520 the encoding, K521 rows above and K522 below the data, K523 the unit row, K524
sheets left out, K525 a header of several rows, K529 a web page, K532 where in a document the table is; K519 of SDMX.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from pathlib import Path

import polars as pl
from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Place, Severity
from kpi.intake.files.choice import Choice, Selection
from kpi.intake.files.file_formats import read_file
from kpi.intake.files.frame_tables import of_frame
from kpi.intake.files.remote import Remote
from kpi.intake.files.sdmx_columns import prepared
from kpi.intake.files.sources import Rows, Source, expanded, passed_over, sheet_named
from kpi.intake.files.table import Link, Table
from kpi.process import progress


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
            items = _read_named_file(item, selection, unchecked=unchecked)
        except DataError as error:
            findings.extend(error.diagnostics)
            continue
        # Errors of unreadable sheets are among the notes of the readable ones.
        for table in items:
            wrong = tuple(note for note in table.notes if note.severity is Severity.ERROR)
            findings += wrong
            tables.append(prepared(replace(table, notes=tuple(note for note in table.notes if note not in wrong))))
    if tables and (notes := passed_over(path)):
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
                tables_of[-1].append(prepared(of_frame(source, Place(f"frame {frames}"))))
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


def _of_rows(rows: Rows) -> Table:
    """Return the rows of a query as a table."""
    table = of_frame(rows.frame, Place(rows.name))
    names = dict(zip(rows.frame.columns, table.columns, strict=True))
    numbers, mixed = (frozenset(names[item] for item in items) for items in (rows.numbers, rows.mixed))
    return replace(table, numbers=numbers, mixed=mixed)


def _of_remote(remote: Remote) -> Table:
    """Return a table elsewhere, whose rows are fetched when they are collected."""
    table = of_frame(remote.frame, Place(remote.name), size=remote.size, numbers=remote.numbered)
    return replace(table, remote=(table.raw, remote))


def _read_named_file(path: Path, selection: Selection, *, unchecked: bool) -> tuple[Table, ...]:
    """Return the tables of one file, recognised by its content."""
    place = Place(str(path))
    try:
        str(path).encode()
    except UnicodeEncodeError:
        link = Link(path)
        tables = read_file(link.path, place, selection, unchecked=unchecked)
        return tuple(replace(table, scratch=table.scratch or link) for table in tables)
    return read_file(path, place, selection, unchecked=unchecked)
