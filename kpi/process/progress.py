"""Progress of long work: stages and rows done, reported to a watcher if there is one, else at no cost.

    with stage(Message("reading {file}", file=name), total=rows):     # None where the number is not known
        for batch in batches:
            ...
            advance(batch.height)

A lazy query that is collected in one piece cannot call `advance` by itself: `counted(frame)` counts the rows that pass.
Select the columns that are needed before it, as neither projections nor filters are pushed through it (measured on 5 M
rows of Parquet: 3 % of the time, nothing without a watcher).

The innermost stage is shown. Watchers are called from the threads of Polars too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

import polars as pl

from kpi.errors import Message
from kpi.process import journal


class Watcher(Protocol):
    """Receiver of progress, called from any thread."""

    def begin(self, name: str, total: int | None) -> None:
        """Begin a stage of so many rows, None if not known."""

    def advance(self, rows: int) -> None:
        """Count rows done in the innermost stage."""

    def end(self) -> None:
        """End the innermost stage."""


_doing: list[str] = []
_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched(watcher: Watcher | None) -> Iterator[None]:
    """Report the progress of the block, of this thread and of queries made there, to a watcher."""
    before = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(before)


@contextmanager
def stage(name: str, total: int | None = None) -> Iterator[None]:
    """Run the block as a stage of so many rows, None if not known; `name` reads as `reading cases.csv`."""
    watcher = _watcher.get()
    _doing.append(name)
    journal.emit("begun", name)
    if watcher is not None:
        watcher.begin(name, total)
    try:
        yield
    except Exception as error:
        # The innermost stage, for the finding.
        if not hasattr(error, "__notes__"):
            error.add_note(Message("while {stage}", stage=name))
        raise
    finally:
        _doing.remove(name)
        journal.emit("ended", name)
        if watcher is not None:
            watcher.end()


def doing() -> str:
    """Return the name of the innermost stage, "" outside of any."""
    return _doing[-1] if _doing else ""


def advance(rows: int) -> None:
    """Count rows done in the stage."""
    watcher = _watcher.get()
    if watcher is not None:
        watcher.advance(rows)


def counted(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Wrap a lazy frame so that the rows that pass are counted; the frame itself without a watcher.

    >>> counted(pl.LazyFrame({"a": [1, 2]})).collect().height
    2
    """
    watcher = _watcher.get()
    if watcher is None:
        return frame

    def count(rows: pl.DataFrame) -> pl.DataFrame:
        watcher.advance(rows.height)
        return rows

    return frame.map_batches(count, streamable=True, validate_output_schema=False)
