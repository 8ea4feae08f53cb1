"""The formats of results: one table, from which commands, messages and folders of results derive theirs.

Every format writes every report (`kpi.report.shape.Report`). The libraries of a format are imported when it writes, so
that commands can list formats at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    import polars as pl

    from kpi.process.extensions import Extension
    from kpi.report.shape import Report

#: The format of terminals, which files do not have.
TEXT = "table"


class Format(Struct, frozen=True):
    """A format of results.

    Attributes:
        name: the value of `--format`.
        suffixes: the suffixes of files, the usual one first.
        encode: writes a report.
        frame: writes one frame of a report to a file of its own; None where the format is not for folders.
        mark: the prefix of files, which streams lack.
        binary: whether it is a binary format.
        data: whether it is for programs that read figures.
    """

    name: str
    suffixes: tuple[str, ...]
    encode: Callable[[Report], bytes]
    frame: Callable[[pl.DataFrame, Report], bytes] | None = None
    mark: bytes = b""
    binary: bool = False
    data: bool = True


def _csv(frame: pl.DataFrame, _: Report) -> bytes:
    from kpi.report.encode import csv

    return csv(frame)


def _json(report: Report) -> bytes:
    from kpi.report.encode import document

    return document(report.head(), report.frames())


def _json_lines(report: Report) -> bytes:
    return report.first().write_ndjson().encode()


def _parquet(frame: pl.DataFrame, report: Report) -> bytes:
    from kpi.report.encode import parquet

    return parquet(frame, report.head())


def _workbook(report: Report) -> bytes:
    from kpi.report.workbook import workbook

    return workbook(report)


def _markdown(report: Report) -> bytes:
    from kpi.report.markdown import tables

    return tables(report).encode()


def _docx(report: Report) -> bytes:
    from kpi.report.paper.frames import paper_of
    from kpi.report.paper.word import word

    return word(paper_of(report))


def _pdf(report: Report) -> bytes:
    from kpi.report.paper.pdf import pdf

    return pdf(report.own().get("docx", partial(_docx, report))())


def _page(report: Report) -> bytes:
    from kpi.report.page.tables import tables

    return tables(report)


def _sdmx(report: Report) -> bytes:
    from kpi.report.encode import csv
    from kpi.report.sdmx_csv import observations

    return csv(observations(report))


#: Every format, in the order in which messages name them.
FORMATS: tuple[Format, ...] = (
    # The byte order mark of UTF-8: without it Excel and WPS misread Chinese text.
    Format("csv", (".csv",), lambda report: _csv(report.first(), report), _csv, mark=b"\xef\xbb\xbf"),
    Format("json", (".json",), _json),
    Format("jsonl", (".jsonl", ".ndjson"), _json_lines),
    Format("parquet", (".parquet",), lambda report: _parquet(report.first(), report), _parquet, binary=True),
    Format("sdmx-csv", (".sdmx.csv",), _sdmx),
    Format("xlsx", (".xlsx",), _workbook, binary=True),
    Format("docx", (".docx",), _docx, binary=True, data=False),
    Format("pdf", (".pdf",), _pdf, binary=True, data=False),
    Format("md", (".md",), _markdown, data=False),
    Format("html", (".html", ".htm"), _page, data=False),
)

#: The formats by name.
NAMES: dict[str, Format] = {form.name: form for form in FORMATS}

#: The names of formats by the suffix of a file that asks for them.
SUFFIXES: dict[str, str] = {suffix: form.name for form in FORMATS for suffix in form.suffixes}


def suffix_of(name: str) -> str:
    """Return the suffix of a file by which its format is known, the longest that fits, else its last one.

    >>> suffix_of("a.sdmx.csv"), suffix_of("a.b.csv"), suffix_of("a.PDF"), suffix_of("a")
    ('.sdmx.csv', '.csv', '.pdf', '')
    """
    name = name.lower()
    known = [item for item in SUFFIXES if name.endswith(item)]
    _, dot, last = name.rpartition(".")
    return max(known, key=len) if known else dot + last if dot else ""


def _foreign(extension: Extension) -> Format:
    """Return the format that an extension writes: a function of the frames of a report and its metadata."""

    def encode(report: Report) -> bytes:
        from kpi.errors import Message

        write = extension.load()
        if not callable(write):
            raise extension.unfit(Message("it is no function of frames and metadata"))
        with extension.at_work():
            data = write(report.frames(), report.head())
        if not isinstance(data, bytes):
            raise extension.unfit(Message("it returned {type}, not bytes", type=type(data).__name__))
        return data

    return Format(extension.name, (f".{extension.name}",), encode)


def named(name: str) -> Format | None:
    """Return the format of a name, built in or of an extension; None if there is none.

    Raises:
        DataError: K932, if several distributions write the format.
    """
    if name in NAMES:
        return NAMES[name]
    from kpi.process import extensions

    extension = extensions.named("writers", name)
    return None if extension is None else _foreign(extension)


def name_of(suffix: str) -> str | None:
    """Return the name of the format of a suffix, built in or of an extension; None if there is none.

    Raises:
        DataError: K932, if several distributions write the format.
    """
    if suffix in SUFFIXES or len(suffix) < 2:
        return SUFFIXES.get(suffix)
    form = named(suffix[1:]) if suffix[1:] not in NAMES else None
    return None if form is None else form.name


#: The formats that a folder can hold, one file a frame.
IN_FOLDERS: tuple[str, ...] = tuple(form.name for form in FORMATS if form.frame is not None)
