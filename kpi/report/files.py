"""Write results to files: the format follows from the file name, and writes are atomic."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from io import TextIOBase
from pathlib import Path
from typing import IO, cast

from kpi.errors import DataError, Diagnostic, Message, Place, alternatives, suggest
from kpi.process import atomic_files
from kpi.process.os_errors import reason
from kpi.report.formats import IN_FOLDERS, NAMES, SUFFIXES, Format, name_of, named, suffix_of
from kpi.report.language import current, using
from kpi.report.results import ScorecardReport
from kpi.report.shape import Report, Results


def write(
    result: Report | Results, target: str | Path | IO[bytes] | IO[str], form: str | None = None, *,
    period: str | None = None,
) -> tuple[Path, ...]:  # fmt: skip
    """Write a scorecard or another report to a file, a folder or a stream, and return the files written.

    CSV, JSON Lines and Parquet hold the first table (of a scorecard the totals, JSON Lines with their pillars), JSON
    all but the measures, a workbook all, Markdown the league table of `period`, or all tables of other reports. A
    folder (an existing one, or a path that ends in a slash) gets all tables, each as CSV and as Parquet. A CSV
    file starts with a byte order mark, which Excel and WPS need; a stream has none. Every file is replaced as a whole:
    a reader sees the old one or the new one.

    Args:
        result: a scorecard, or a report.
        target: a path, or a stream of bytes or text.
        form: the name of a format; by default what the suffix of the path says, both CSV and Parquet for a folder.
        period: the period of a league table, by default the latest.

    Raises:
        DataError: K540, the target cannot be written; K531, no such period; K541, no such format; K510, the package
            that a format needs is not installed.

    """
    report = _report(result, period)
    if not isinstance(target, str | Path):
        write_stream(content(report, form or "csv"), target)
        return ()
    path = Path(target)
    if path.is_dir() or (isinstance(target, str) and target.endswith(("/", os.sep))):
        return _write_folder(report, path, IN_FOLDERS if form is None else (form,))
    form = form or _format_of(path)
    data = content(report, form)
    return (replace(path, _known(form).mark + data),)


def left_out(
    result: Report | Results, target: str | Path, form: str | None = None, *, period: str | None = None
) -> list[Diagnostic]:
    """Return findings (K894) about whatever `write` leaves out of a file, as it would be too long to read.

    A folder has all tables, each as CSV and as Parquet.
    """
    known = _form_of(target, form)
    return [] if known is None else _report(result, period).left_out(known)


def outlook(result: Report | Results, target: str | Path) -> Message | None:
    """Return what a file will take to write, None of one that is written in seconds."""
    known = _form_of(target, None)
    return None if known is None else _report(result, None).outlook(known)


def _form_of(target: str | Path, form: str | None) -> str | None:
    """Return the format of a file, None of a folder and of one that is not known."""
    if form is not None:
        return form
    path = Path(target)
    if path.is_dir() or str(target).endswith(("/", os.sep)):
        return None
    return SUFFIXES.get(suffix_of(path.name))


def content(result: Report | Results, form: str, /, *, period: str | None = None) -> bytes:
    """Return a scorecard or another report in a format, as bytes for a stream or a web response.

    Raises:
        DataError: as for `write`, except K540.
    """
    report, known = _report(result, period), _known(form)
    # The language of the environment is looked up once, not for every text.
    with using(current()):
        return report.own()[form]() if form in report.own() else known.encode(report)


def _report(result: Report | Results, period: str | None) -> Report:
    return result if isinstance(result, Report) else ScorecardReport(result, period)


def _is_text(given: object) -> bool:
    return isinstance(given, str)


def _known(form: str) -> Format:
    if not _is_text(form):
        raise DataError(_unknown(Message("unknown format `{name}`", name=form), NAMES, None))
    known = named(form)
    if known is None:
        raise DataError(_unknown(Message("unknown format `{name}`", name=form), NAMES, suggest(form, NAMES)))
    return known


def _write_folder(report: Report, folder: Path, forms: Sequence[str]) -> tuple[Path, ...]:
    for form in forms:
        if _known(form).frame is None:
            hint = Message(
                "a folder takes {in_folders}; for {form} name a file", in_folders=alternatives(IN_FOLDERS), form=form
            )
            raise DataError(
                Diagnostic("K541", Message("a folder cannot be written as {form}", form=form), Place(str(folder)), hint)
            )
    written = []
    try:
        # All files are complete before the first is moved into place, so that old and new frames are rarely mixed.
        with atomic_files.folder(folder), ExitStack() as unfinished:
            for name, frame in report.frames().items():
                for known in map(_known, forms):
                    assert known.frame is not None  # noqa: S101
                    written.append(folder / f"{name}{known.suffixes[0]}")
                    data = known.mark + known.frame(frame, report)
                    unfinished.enter_context(atomic_files.replacing(written[-1])).write_bytes(data)
    except OSError as error:
        raise DataError(_unwritable(folder, error)) from error
    return tuple(written)


def _format_of(path: Path) -> str:
    suffix = suffix_of(path.name)
    form = name_of(suffix)
    if form is None:
        message = Message("unknown format: the file name has no suffix")
        if suffix:
            message = Message("unknown file suffix `{suffix}`", suffix=suffix)
        raise DataError(_unknown(message, SUFFIXES, suggest(suffix, SUFFIXES), Place(str(path))))
    return form


def _unknown(message: Message, known: Iterable[str], near: Message | None, place: Place | None = None) -> Diagnostic:
    hint = Message("known are {names}", names=tuple(known))
    if near is not None:
        hint = Message("{suggestion} {known}", suggestion=near, known=hint)
    return Diagnostic("K541", message, place or Place(), hint)


def write_stream(data: bytes, stream: IO[bytes] | IO[str]) -> None:
    """Write to a stream, on its binary layer if it has one, since the text layer might change line breaks."""
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
    """Replace a file atomically; a target that is not a regular file is written to directly."""
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return path
        with atomic_files.replacing(path) as beside:
            beside.write_bytes(data)
    except OSError as error:
        raise DataError(_unwritable(path, error)) from error
    return path


def _unwritable(path: Path, error: OSError) -> Diagnostic:
    hint = {
        FileNotFoundError: Message("create the folder `{folder}` first", folder=path.parent),
        NotADirectoryError: Message("`{path}` is a file, not a folder", path=path.parent),
        PermissionError: Message("close the file in Excel or WPS, or choose a place where you may write"),
    }.get(type(error))
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        hint = Message("make room there, or write to another disk")
    return Diagnostic(
        "K540",
        Message("cannot write `{path}`: {strerror}", path=path, strerror=reason(error)),
        Place(str(path)),
        hint,
    )
