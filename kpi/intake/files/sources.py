"""Sources of data: paths, folders, patterns and frames, and the files that a path stands for.

Codes: K501 not there, K517 passed over in a folder.
"""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
from msgspec import Struct

from kpi.errors import DataError, Diagnostic, Message, Place, Severity, readable, suggest
from kpi.intake.files.file_formats import SUFFIXES, is_data_file
from kpi.intake.files.remote import Remote


class Rows(Struct, frozen=True, eq=False):
    """A frame with its name in messages, such as that of a query.

    Of texts from a database, `numbers` are the columns of numbers, and `mixed` those of numbers and texts.
    """

    name: str
    frame: pl.DataFrame
    numbers: frozenset[str] = frozenset()
    mixed: frozenset[str] = frozenset()


#: A source of data: the path of a file, a folder or a pattern, a frame, or a table elsewhere.
Source = str | Path | pl.DataFrame | pl.LazyFrame | Rows | Remote


def expanded(path: Path) -> list[Path]:
    """Resolve a path, a folder or a pattern to files; of `book.xlsx#Sheet1` to the workbook."""
    path, _ = sheet_named(path)
    place = Place(str(path))
    if path.is_file():
        return [path]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file() and is_data_file(file))
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


def passed_over(path: Path) -> list[Diagnostic]:
    """Return a note (K517) on the pipes, devices and dead links of a folder that are named like files of data."""
    if not path.is_dir():
        return []
    odd = sorted(
        item.name for item in path.iterdir() if is_data_file(item) and not item.is_file() and not item.is_dir()
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
