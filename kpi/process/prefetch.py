"""Prefetching: compute what is needed next in threads while the current result is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from itertools import chain, islice
from typing import TypeVar

import polars as pl

#: The most items that are worked on at a time, whatever the machine.
MOST = 8

S = TypeVar("S")
T = TypeVar("T")


def ahead(work: Callable[[S], T], items: Iterable[S], *, threads: int, most: int) -> Iterator[T]:
    """Yield the results of a function for every item, in order, computed at most `most` items ahead.

    >>> list(ahead(str.upper, "abc", threads=2, most=2))
    ['A', 'B', 'C']

    Raises:
        Exception: what the function raises, where its result would be yielded.
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
        # Not waited for: an early exit may happen in one of these threads, when the last reference is dropped.
        pool.shutdown(wait=False, cancel_futures=True)


def in_threads(work: Callable[[S], T], items: Iterable[S], *, more: int = 0) -> Iterator[T]:
    """Yield the results of a function for every item, in order, computed as far ahead as keeps the machine busy.

    That is one more than it has threads, since some of the work waits for a file or a lock. With small items and
    results, `more` of them, ready or not begun, keep it busy while the first is not done. A single item is worked on in
    this thread: to start another takes longer than a small item does.
    """
    remaining = iter(items)
    first = [*islice(remaining, 2)]
    if len(first) < 2:
        yield from map(work, first)
        return
    many = min(pl.thread_pool_size() + 1, MOST)
    yield from ahead(work, chain(first, remaining), threads=many, most=many + more)


def beside(work: Callable[[], T]) -> Callable[[], T]:
    """Begin some work in a thread, in the context of the caller, and return what waits for its result.

    >>> result = beside(lambda: 2 + 2)
    >>> result()
    4

    Raises:
        Exception: what the work raises, where its result is asked for.
    """
    pool = ThreadPoolExecutor(1, "beside")
    doing = pool.submit(copy_context().run, work)
    pool.shutdown(wait=False)
    return doing.result
