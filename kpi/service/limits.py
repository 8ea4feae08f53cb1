"""The limits of the service, and how the body of a request is read within them."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from msgspec import Struct

from kpi.errors import Diagnostic, Message
from kpi.service.problems import Problem

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Limits(Struct, frozen=True):
    """What requests may use.

    Attributes:
        size: bytes of the body of a request.
        files: files of an upload.
        rows: rows of all tables of an upload.
        seconds: of the work on a request.
        upload_seconds: until the body of a request has arrived.
        memory: bytes of a worker process.
        queue: requests that wait for a worker.
        workers: processes that score; 0 for one a processor.
        readers: processes that read the store.
        cache: bytes of responses that are kept.
    """

    size: int = 64 << 20
    files: int = 100
    rows: int = 5_000_000
    seconds: float = 60
    upload_seconds: float = 60
    memory: int = 2 << 30
    queue: int = 64
    workers: int = 0
    readers: int = 2
    cache: int = 64 << 20

    @property
    def scorers(self) -> int:
        """The number of processes that score."""
        return self.workers or _processors()


def limited(receive: Receive, headers: Mapping[str, str], limits: Limits) -> Receive:
    """Return a `receive` that fails where the body is too large or arrives too slowly.

    Raises:
        Problem: K905 or K913, from the call that receives too much or waits for too long; also for a `Content-Length`
            that is too large, before anything is received.
    """
    declared = headers.get("content-length", "")
    size, complete = 0, False
    deadline = time.monotonic() + limits.upload_seconds

    async def within() -> MutableMapping[str, Any]:
        nonlocal size, complete
        if complete:
            return await receive()
        if declared.isascii() and declared.isdigit() and int(declared) > limits.size:
            raise too_large(limits.size)
        try:
            message = await asyncio.wait_for(receive(), max(deadline - time.monotonic(), 0.001))
        except TimeoutError:
            raise _too_slow(limits.upload_seconds) from None
        size += len(message.get("body", b""))
        if size > limits.size:
            raise too_large(limits.size)
        complete = not message.get("more_body", False)
        return message

    return within


def too_large(size: int) -> Problem:
    """Return the problem of a body with more bytes than the limit."""
    message = Message("the request has more than {size:,} bytes", size=size)
    hint = Message("send fewer periods or files at once, Parquet instead of text, or have --max-size raised")
    return Problem(413, Diagnostic("K905", message, hint=hint), headers={"Connection": "close"})


def _too_slow(seconds: float) -> Problem:
    message = Message("the request did not arrive within {seconds:g} s", seconds=seconds)
    hint = Message("send it again over a faster connection, or in parts")
    return Problem(408, Diagnostic("K913", message, hint=hint), headers={"Connection": "close"})
