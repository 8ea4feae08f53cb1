"""How far long work has come. Who works tells it here; unless somebody watches, telling costs nothing.

    with stage("reading cases.csv", total=rows):     # None where nobody knows how many there will be
        for batch in batches:
            ...
            advance(batch.height)

A lazy query that is collected in one piece cannot call `advance` by itself. `counted(frame)` lets its rows tell when
they pass: select the columns that are needed before it, as neither projections nor filters are pushed through it
(measured on 5 M rows of Parquet: 3 % of the time, and nothing at all where nobody watches).

A stage inside a stage is shown until it ends. Watchers are called from the threads of Polars too.
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
    """Who is told, from any thread."""

    def begin(self, name: str, total: int | None) -> None:
        """Takes notice of a stage and of how many rows it will have, None when that is not known."""

    def advance(self, rows: int) -> None:
        """Takes notice of rows done in the latest stage that has not ended."""

    def end(self) -> None:
        """Takes notice that the latest stage has ended."""


_doing: list[str] = []
_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched(watcher: Watcher | None) -> Iterator[None]:
    """Lets a watcher be told what happens inside the block, on this thread and in queries made there."""
    before = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(before)


@contextmanager
def stage(name: str, total: int | None = None) -> Iterator[None]:
    """Names what is done inside the block and how many rows it will take."""
    watcher = _watcher.get()
    _doing.append(name)
    journal.tell("begun", name)
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
        journal.tell("ended", name)
        if watcher is not None:
            watcher.end()


def doing() -> str:
    """Returns the name of the latest stage that has not ended; "" when there is none."""
    return _doing[-1] if _doing else ""


def advance(rows: int) -> None:
    """Tells that so many more rows of the stage are done."""
    watcher = _watcher.get()
    if watcher is not None:
        watcher.advance(rows)


def counted(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Returns a frame whose rows tell when they pass; the frame itself when nobody watches.

    >>> counted(pl.LazyFrame({"a": [1, 2]})).collect().height
    2
    """
    watcher = _watcher.get()
    if watcher is None:
        return frame

    def seen(rows: pl.DataFrame) -> pl.DataFrame:
        watcher.advance(rows.height)
        return rows

    return frame.map_batches(seen, streamable=True, validate_output_schema=False)
