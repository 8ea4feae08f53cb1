"""Writing results: the format from the name of the file, whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from io import TextIOBase
from pathlib import Path
from typing import IO, cast

from kpi.errors import DataError, Diagnostic, Message, Place, suggest
from kpi.process import atomic_files
from kpi.report import encode, queries
from kpi.report.markdown import markdown
from kpi.report.shape import Results, frames, plain

#: The format that the suffix of a file name asks for.
FORMATS = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
    ".md": "md",
}


def _workbook(scorecard: Results, period: str | None) -> bytes:
    from kpi.report.workbook import workbook

    del period
    return workbook(scorecard)


#: How each format is made; a period chooses the league table of documents, data formats hold all periods.
_WRITERS: dict[str, Callable[[Results, str | None], bytes]] = {
    "csv": lambda scorecard, _: encode.csv(plain(scorecard.totals)),
    "json": lambda scorecard, _: encode.document(scorecard),
    "jsonl": lambda scorecard, _: encode.lines(scorecard),
    "parquet": lambda scorecard, _: encode.parquet(plain(scorecard.totals), scorecard),
    "xlsx": _workbook,
    "md": lambda scorecard, period: markdown(scorecard, period=period).encode(),
}

#: The formats that a folder can hold, one file a frame.
_IN_FOLDERS = ("parquet", "csv")

_BOM = b"\xef\xbb\xbf"


def write(
    scorecard: Results, target: str | Path | IO[bytes] | IO[str], form: str | None = None, *, period: str | None = None
) -> tuple[Path, ...]:
    """Writes a scorecard to a file, a folder or a stream, and returns the files written.

    CSV and Parquet files hold the totals, JSON all frames but the measures, JSON Lines the totals with their pillars,
    a workbook all five frames, Markdown the league table of `period`. A folder (an existing one, or a path that ends
    in a slash) gets all five frames, one file each, as Parquet or CSV. A CSV file starts with a byte order mark, which
    Excel and WPS need; a stream has none. Every file is replaced as a whole: a reader sees the old one or the new one.

    Args:
        scorecard: the results.
        target: a path, or a stream of bytes or text.
        form: csv, json, jsonl, parquet, xlsx or md; by default what the suffix of the path says, parquet for a folder.
        period: the period of a league table, by default the latest.

    Raises:
        DataError: K540, the target cannot be written; K531, no such period; K541, no such format; K510, the package
            that a format needs is not installed.

    """
    if not isinstance(target, str | Path):
        pour(content(scorecard, form or "csv", period=period), target)
        return ()
    path = Path(target)
    if path.is_dir() or (isinstance(target, str) and target.endswith(("/", os.sep))):
        return _write_folder(scorecard, path, form or "parquet")
    data = content(scorecard, form or _format_of(path), period=period)
    return (replace(path, _BOM + data if (form or _format_of(path)) == "csv" else data),)


def write_findings(findings: Iterable[Diagnostic], target: str | Path, /) -> Path:
    """Writes findings as a form (查询单), CSV or xlsx by the suffix, and returns the path.

    Raises:
        DataError: K540, the target cannot be written; K541, another suffix; K510, a package is not installed.

    """
    path = Path(target)
    forms = {".csv": queries.csv, ".xlsx": queries.workbook}
    if path.suffix.lower() not in forms:
        raise DataError(_unknown(f"file suffix `{path.suffix}`", forms, None, Place(str(path))))
    return replace(path, forms[path.suffix.lower()](findings))


def content(scorecard: Results, form: str, /, *, period: str | None = None) -> bytes:
    """Returns a scorecard in a format, as the bytes that a stream or a web response gets.

    Raises:
        DataError: as for `write`, except K540.

    """
    if form not in _WRITERS:
        raise DataError(_unknown(f"format `{form}`", _WRITERS, suggest(form, _WRITERS)))
    return _WRITERS[form](scorecard, period)


def _write_folder(scorecard: Results, folder: Path, form: str) -> tuple[Path, ...]:
    if form not in _IN_FOLDERS:
        hint = Message(
            "a folder takes {in_folders}; for {form} name a file", in_folders=" or ".join(_IN_FOLDERS), form=form
        )
        raise DataError(
            Diagnostic("K541", Message("a folder cannot be written as {form}", form=form), Place(str(folder)), hint)
        )
    written = []
    try:
        # All files are there before the first has its name, so that a folder seldom holds old frames beside new ones.
        with atomic_files.folder(folder), ExitStack() as unfinished:
            for name, frame in frames(scorecard).items():
                data = _BOM + encode.csv(frame) if form == "csv" else encode.parquet(frame, scorecard)
                written.append(folder / f"{name}.{form}")
                unfinished.enter_context(atomic_files.whole(written[-1])).write_bytes(data)
    except OSError as error:
        raise DataError(_unwritable(folder, error)) from error
    return tuple(written)


def _format_of(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        what = f"file suffix `{suffix}`" if suffix else "format: the file name has no suffix"
        raise DataError(_unknown(what, FORMATS, suggest(suffix, FORMATS), Place(str(path))))
    return FORMATS[suffix]


def _unknown(what: str, known: Iterable[str], near: str | None, place: Place | None = None) -> Diagnostic:
    hint = " ".join(filter(None, (near, f"known are {', '.join(known)}")))
    return Diagnostic("K541", Message("unknown {what}", what=what), place or Place(), hint)


def pour(data: bytes, stream: IO[bytes] | IO[str]) -> None:
    """Writes to a stream, below the layer of text where there is one, since that might change line breaks."""
    if not isinstance(stream, TextIOBase):
        cast("IO[bytes]", stream).write(data)
        return
    stream.flush()
    if (below := getattr(stream, "buffer", None)) is not None:
        below.write(data)
        below.flush()
        return
    try:
        stream.write(data.decode())
    except UnicodeDecodeError as error:
        raise DataError(Diagnostic("K540", Message("cannot write a binary format to a text stream"))) from error


def replace(path: Path, data: bytes, /) -> Path:
    """Writes a file beside its final place, then moves it there; what is no regular file is written to directly."""
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return path
        with atomic_files.whole(path) as beside:
            beside.write_bytes(data)
    except OSError as error:
        raise DataError(_unwritable(path, error)) from error
    return path


def _unwritable(path: Path, error: OSError) -> Diagnostic:
    hint = {
        FileNotFoundError: f"create the folder `{path.parent}` first",
        NotADirectoryError: f"`{path.parent}` is a file, not a folder",
        PermissionError: "close the file in Excel or WPS, or choose a place where you may write",
    }.get(type(error))
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        hint = Message("make room there, or write to another disk")
    return Diagnostic(
        "K540",
        Message("cannot write `{path}`: {strerror}", path=path, strerror=error.strerror or error),
        Place(str(path)),
        hint,
    )
