"""Work in threads ahead of whoever uses what it makes, a few items at a time, so that neither side waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import polars as pl

#: How many items are worked on at a time at most, whatever the machine.
MOST = 8

S = TypeVar("S")
T = TypeVar("T")


def ahead(work: Callable[[S], T], items: Iterable[S], *, threads: int, most: int) -> Iterator[T]:
    """Yields what some work makes of every item, in their order, at most `most` of them ahead.

    >>> list(ahead(str.upper, "abc", threads=2, most=2))
    ['A', 'B', 'C']

    Raises:
        Exception: what the work raises, where its result would be yielded.
    """
    waiting: deque[Future[T]] = deque()
    pool = ThreadPoolExecutor(threads, "ahead")
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # Not waited for: who leaves early may be one of these threads, where the last reference goes.
        pool.shutdown(wait=False, cancel_futures=True)


def in_threads(work: Callable[[S], T], items: Iterable[S], *, more: int = 0) -> Iterator[T]:
    """Yields what some work makes of every item, in their order, as many of them ahead as keep the machine busy.

    That is one more than it has threads, since some of the work waits: for the file, or for a lock. With small items
    and results, some `more` that are ready or not begun keep it busy while the first is not done.
    """
    many = min(pl.thread_pool_size() + 1, MOST)
    return ahead(work, items, threads=many, most=many + more)
