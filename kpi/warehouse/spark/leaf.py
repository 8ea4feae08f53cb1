"""The leaf of a plan over a table of Spark: it yields the rows of whichever process collects the plan.

A lazy frame over such a leaf is pickled as it is. In the driver the leaf fetches rows; in a worker it yields those of
the partition that the worker was given; and in a trial run it yields none, and records which columns Polars wants.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import polars as pl
from polars.io.plugins import register_io_source

#: Yields rows: of all columns where the names are None, at most so many where the number is not None.
Feed = Callable[[list[str] | None, int | None], Iterator[pl.DataFrame]]

#: The feeds of this process, by token. Those of tables are removed with their tables.
_FEEDS: dict[str, Feed] = {}

# The tokens that are replaced while this thread unpickles.
_renamed = threading.local()


class Leaf:
    """The source of the rows of one table, which Polars calls with the columns and rows that it wants.

    Attributes:
        token: names the feed in `feeding`.
    """

    def __init__(self, token: str) -> None:
        self.token = token

    def __reduce__(self) -> tuple[Callable[[str], Leaf], tuple[str]]:
        return _leaf, (self.token,)

    def __call__(
        self, with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, _: int | None = None
    ) -> Iterator[pl.DataFrame]:
        """Yield the rows of the feed, as Polars asks for them."""
        # With a condition, a limit is one of the rows for which it holds.
        for rows in _FEEDS[self.token](with_columns, n_rows if predicate is None else None):
            frame = rows if with_columns is None else rows.select(with_columns)
            frame = frame if predicate is None else frame.filter(predicate)
            if n_rows is not None:
                frame = frame.head(n_rows)
                n_rows -= frame.height
            yield frame
            if n_rows == 0:
                break


def _leaf(token: str) -> Leaf:
    return Leaf(getattr(_renamed, "tokens", {}).get(token, token))


def scan(token: str, schema: pl.Schema) -> pl.LazyFrame:
    """Return the lazy frame over a leaf."""
    return register_io_source(Leaf(token), schema=schema)


def feed(token: str, rows: Feed) -> None:
    """Let the leaves with a token yield rows, in this process, until `starve`."""
    _FEEDS[token] = rows


def starve(token: str) -> None:
    """End what `feed` began."""
    _FEEDS.pop(token, None)


@contextmanager
def feeding(token: str, rows: Feed) -> Iterator[None]:
    """Let the leaves with a token yield rows for the time of the block."""
    feed(token, rows)
    try:
        yield
    finally:
        starve(token)


@contextmanager
def renaming(tokens: Mapping[str, str]) -> Iterator[None]:
    """Replace the tokens of leaves that this thread unpickles within the block."""
    _renamed.tokens = tokens
    try:
        yield
    finally:
        _renamed.tokens = {}
