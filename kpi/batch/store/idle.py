"""Idle connections: open ones, kept for the next question, as a server of PostgreSQL begins a process for a new one."""

from __future__ import annotations

import os
from collections import deque
from selectors import EVENT_READ, DefaultSelector
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

#: The most that are kept: of many questions at a time the others close theirs.
_MOST = 2


class Idle:
    """The idle connections of a store; the threads of a process share them."""

    def __init__(self) -> None:
        # A forked process neither uses nor closes the connections of the one that it comes from.
        self._by_process: dict[int, deque[psycopg.Connection[Any]]] = {}

    def taken(self) -> psycopg.Connection[Any] | None:
        """Return a connection that is open on both sides, None without one."""
        kept = self._kept()
        while kept:
            try:
                connection = kept.pop()
            except IndexError:  # another thread took it
                return None
            if not _has_ended(connection):
                return connection
            connection.close()
        return None

    def returned(self, connection: psycopg.Connection[Any]) -> bool:
        """Keep a connection that is not in a transaction, and return whether it is kept."""
        kept = self._kept()
        if len(kept) >= _MOST or connection.closed:
            return False
        kept.append(connection)
        return True

    def close(self) -> None:
        """Close the connections."""
        kept = self._kept()
        while kept:
            kept.pop().close()

    def _kept(self) -> deque[psycopg.Connection[Any]]:
        return self._by_process.setdefault(os.getpid(), deque())


def _has_ended(connection: psycopg.Connection[Any]) -> bool:
    """Return whether the server ended a connection: unasked it sends little else."""
    if connection.closed:
        return True
    with DefaultSelector() as waiting:
        waiting.register(connection.fileno(), EVENT_READ)
        return bool(waiting.select(0))
