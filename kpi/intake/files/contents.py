"""Compare and hash the contents of sources: what is given twice counts once.

Code: K548 given twice.
"""

from __future__ import annotations

import filecmp
import hashlib
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from kpi.errors import DataError, Diagnostic, Message, Place, Severity, readable
from kpi.intake.files.remote import Remote
from kpi.intake.files.sources import Rows, Source, expanded, sheet_named

# How many rows of a frame are hashed at a time.
_HASHED = 100_000


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


#: How many rows a frame has at most whose rows are encoded one by one, as `write_ndjson` encodes them.
_FEW_ROWS = 200

#: Types that are encoded alike both ways.
_PLAIN = (pl.String, pl.Boolean, pl.Date)


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
            if isinstance(frame, pl.DataFrame) and _is_small(frame):
                hashed.write("".join(f"{row}\n" for row in frame.to_struct().struct.json_encode()).encode())
                hashes.append(hashed.hash.hexdigest())
                continue
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


def _is_small(frame: pl.DataFrame) -> bool:
    """Return whether a frame has so few rows, of plain types, that they are encoded sooner than a sink is opened."""
    plain = all(dtype in _PLAIN or dtype.is_integer() or dtype.is_float() for dtype in frame.schema.dtypes())
    return 0 < frame.height <= _FEW_ROWS and plain


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
