"""Lock of a store: an operating-system lock on a file, which is released when the process ends for any reason."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kpi.batch.store.whole import not_writable
from kpi.errors import DataError, Diagnostic, Message, Place

#: The interval between attempts to take a lock, in seconds.
EVERY = 0.1


@contextmanager
def locked(path: Path, wait: float = 0) -> Iterator[None]:
    """Hold a lock file during the block.

    The file remains: only the kernel has the state of the lock, so a killed process leaves nothing to clean up. The
    content of the file, the owner of the lock, is for people only.

    Raises:
        DataError: K810, if another process holds it for longer than `wait` seconds; K813, if the folder cannot be
            written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not blocking, should the name be taken by a pipe.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
    except OSError as error:
        raise not_writable(path, error) from None
    try:
        _take(handle, path, wait)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def _take(handle: int, path: Path, wait: float) -> None:
    end = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                owner = os.pread(handle, 200, 0).decode(errors="replace").strip() or Message("another process")
                hint = Message("wait for it, or let this one wait with --wait SECONDS")
                raise DataError(
                    Diagnostic(
                        "K810", Message("another batch is at work: {owner}", owner=owner), Place(str(path)), hint
                    )
                ) from None
            time.sleep(EVERY)
        else:
            return
