"""Files that are there whole or not at all: written beside their place, then moved there; what is unfinished goes.

An interrupt may come while the thread that writes is deep inside a query and cannot clean up. `remove_all` does it
from any other thread, just before the process ends.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_unfinished: set[Path] = set()
_folders: list[Path] = []
_scratch: set[Path] = set()


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yields a path beside `path` to write to; moves what was written there when the block ends well, else removes it.

    The file is on the disk before it has its name, and has the permissions of the file that it replaces.

    Raises:
        OSError: what the system refuses.
    """
    # NOTE: resolved, so that a link keeps pointing where it does and its target is what changes.
    final = Path(os.path.realpath(path))
    with unfinished(final.with_name(f".{secrets.token_hex(6)}.tmp")) as temporary:
        yield temporary
        # NOTE: O_RDWR, as some systems sync only what may be written.
        handle = os.open(temporary, os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        if final.exists():
            temporary.chmod(final.stat().st_mode & 0o7777)
        temporary.replace(final)


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """Removes a file when the block ends, or when the process is interrupted in it."""
    register(path)
    try:
        yield path
    finally:
        remove(path)


def register(path: Path) -> None:
    """Has a file removed when the process is interrupted."""
    _unfinished.add(path)


def remove(path: Path) -> None:
    """Removes a file that is no longer needed, if it is there."""
    path.unlink(missing_ok=True)
    _unfinished.discard(path)


@contextmanager
def folder(path: Path) -> Iterator[Path]:
    """Makes a folder, with those above it; removes it again when nothing was put there.

    Raises:
        OSError: what the system refuses.
    """
    new = not path.exists()
    path.mkdir(parents=True, exist_ok=True)
    if new:
        _folders.append(path)
    try:
        yield path
    finally:
        if new:
            _folders.remove(path)
            with suppress(OSError):  # it is not empty
                path.rmdir()


@contextmanager
def scratch() -> Iterator[Path]:
    """Makes a folder among the system's temporary files and removes it, with all that is in it.

    Raises:
        OSError: what the system refuses.
    """
    path = Path(tempfile.mkdtemp(prefix="kpi-")).resolve()
    _scratch.add(path)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        _scratch.discard(path)


def remove_all() -> None:
    """Removes what is unfinished; for the end of a process that cannot go on."""
    for path in list(_unfinished):
        with suppress(OSError):
            path.unlink(missing_ok=True)
    for path in _folders:
        with suppress(OSError):  # it is not empty
            path.rmdir()
    for path in list(_scratch):
        for _ in range(3):  # another thread may be putting a file there
            shutil.rmtree(path, ignore_errors=True)
