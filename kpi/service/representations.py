"""What a resource looks like: the format that a request accepts, pages, and tags by which caches compare."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from urllib.parse import urlencode

import polars as pl
from msgspec import Struct

from kpi.errors import Diagnostic, Message, alternatives
from kpi.process.locale import LANGUAGES, current
from kpi.report import encode
from kpi.report.files import content
from kpi.report.shape import Report, plain
from kpi.service.problems import Problem


class Kind(Struct, frozen=True):
    """A format: its name in `?format=`, and its media type."""

    name: str
    media: str

    @property
    def header(self) -> str:
        """The value of `Content-Type`."""
        return f"{self.media}; charset=utf-8" if self.media.startswith("text/") else self.media


JSON = Kind("json", "application/json")
ARROW = Kind("arrow", "application/vnd.apache.arrow.stream")
CSV = Kind("csv", "text/csv")
PARQUET = Kind("parquet", "application/vnd.apache.parquet")
HTML = Kind("html", "text/html")
MARKDOWN = Kind("md", "text/markdown")
WORKBOOK = Kind("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
WORD = Kind("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document")

#: The formats of stored tables, the usual one first.
TABLES = (JSON, ARROW, CSV)
#: Those of one table of a result.
ONE_TABLE = (JSON, ARROW, CSV, PARQUET)
#: Those of results, and those that are written for people.
RESULTS = (JSON, ARROW, CSV, PARQUET, WORKBOOK, HTML, MARKDOWN, WORD)
PAPERS = (HTML, MARKDOWN, WORD, WORKBOOK)
BY_NAME = {kind.name: kind for kind in RESULTS}


def chosen(accept: str, offered: Sequence[Kind], name: str | None = None) -> Kind:
    """Return the format that a request prefers of some: by name, else by its header `Accept`.

    Raises:
        Problem: K911 (406), if it accepts none.

    >>> chosen("text/csv;q=0.5, application/json;q=0.4", TABLES).name, chosen("", TABLES).name
    ('csv', 'json')
    >>> chosen("text/*, */*;q=0.1", TABLES).name, chosen("*/*", TABLES, "arrow").name
    ('csv', 'arrow')
    """
    if name is not None:
        by_name = [kind for kind in offered if kind.name == name]
        if by_name:
            return by_name[0]
        raise _unacceptable(offered)
    if not accept.strip():
        return offered[0]
    ranges = [_range(part) for part in accept.split(",") if part.strip()]
    rated = [(max((_quality(kind, each) for each in ranges), default=(0, 0.0)), kind) for kind in offered]
    best = max(rated, key=lambda pair: pair[0][1])  # the first of the best
    if best[0][1] <= 0:
        raise _unacceptable(offered)
    return best[1]


def _range(text: str) -> tuple[str, float]:
    media, *parameters = (part.strip().lower() for part in text.split(";"))
    quality = 1.0
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                quality = 0.0
    return media, quality


def _quality(kind: Kind, accepted: tuple[str, float]) -> tuple[int, float]:
    """Return how exactly a range names a format, and how much it is wanted; the more exact range counts."""
    media, quality = accepted
    if media == kind.media:
        return 2, quality
    if media == "*/*":
        return 0, quality
    top, _, sub = media.partition("/")
    return (1, quality) if sub == "*" and kind.media.startswith(f"{top}/") else (-1, 0.0)


def _unacceptable(offered: Sequence[Kind]) -> Problem:
    message = Message("none of the formats that the request accepts is one of this resource")
    hint = Message("ask for {formats}", formats=alternatives(kind.media for kind in offered))
    return Problem(406, Diagnostic("K911", message, hint=hint))


def language(accepted: str) -> str:
    """Return the language that a header `Accept-Language` prefers, else that of the service.

    >>> language("zh-CN,zh;q=0.9,en;q=0.8"), language("fr, en;q=0.3, zh;q=0.2")
    ('zh', 'en')
    """
    ranges = [_range(part) for part in accepted.split(",") if part.strip()]
    wanted = [(quality, name[:2]) for name, quality in ranges if name[:2] in LANGUAGES and quality > 0]
    return max(wanted, key=lambda pair: pair[0])[1] if wanted else current()


# ---- TAGS ---- #


def tag(*parts: object) -> str:
    """Return an entity tag of the hashes and parameters that determine a representation."""
    return f'"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'


def is_current(header: str, current_tag: str) -> bool:
    """Return whether a header `If-None-Match` has a tag, so that the answer is 304.

    >>> is_current('W/"a", "b"', '"b"'), is_current("*", '"b"'), is_current("", '"b"')
    (True, True, False)
    """
    return not tags(header).isdisjoint({"*", current_tag})


def tags(header: str) -> set[str]:
    """Return the tags of a header `If-None-Match`, weak ones as strong ones."""
    return {part.strip().removeprefix("W/") for part in header.split(",")}


# ---- PAGES ---- #


class Page(Struct, frozen=True):
    """A page of a table: the place of its first row, counted from 0, and the most rows that it has."""

    offset: int
    limit: int

    def links(self, path: str, parameters: Iterable[tuple[str, str]], rows: int) -> str:
        """Return the header `Link` with the first, previous, next and last page of so many rows (RFC 8288)."""
        offsets = {"first": 0, "last": max(rows - 1, 0) // self.limit * self.limit}
        if self.offset > 0:
            offsets["prev"] = max(self.offset - self.limit, 0)
        if self.offset + self.limit < rows:
            offsets["next"] = self.offset + self.limit
        kept = [(key, value) for key, value in parameters if key not in {"offset", "limit"}]
        return ", ".join(
            f'<{path}?{urlencode([*kept, ("offset", offset), ("limit", self.limit)])}>; rel="{relation}"'
            for relation, offset in offsets.items()
        )


# ---- ENCODING ---- #


def table(frame: pl.DataFrame, kind: Kind, head: Mapping[str, object]) -> bytes:
    """Return a table as Arrow, CSV, Parquet or JSON, there with `head` before its array `rows`.

    Raises:
        Problem: K911 (406) for another format, as a browser would take JSON that is sent as HTML for markup.
    """
    if kind not in ONE_TABLE:
        raise _unacceptable(ONE_TABLE)
    if kind == ARROW:
        out = BytesIO()
        frame.write_ipc_stream(out)
        return out.getvalue()
    if kind == CSV:
        return encode.csv(frame)
    if kind == PARQUET:
        return encode.parquet(frame, head)
    return encode.document(head, {"rows": frame})


def report(result: Report, kind: Kind, name: str | None = None) -> bytes:
    """Return a report in a format; of formats with one table the first frame, or that of a name.

    Raises:
        Problem: K914, if it has no such frame; K911, for a format that holds no single table.
        DataError: as `kpi.report.files.content`.
    """
    if name is None and kind != ARROW:
        return content(result, kind.name)
    if name is None:
        return table(result.first(), kind, {})
    frames = result.frames()
    if name not in frames:
        message = Message("the result has no table `{name}`", name=name)
        raise Problem(404, Diagnostic("K914", message, hint=Message("it has {names}", names=tuple(frames))))
    return table(plain(frames[name]), kind, result.head())
