"""Atomic files: written beside their place, then moved there; unfinished ones are removed.

A process may be killed while the thread that writes is deep inside a query and cannot clean up. So every unfinished
path is reported (`journal`) before it exists, and the supervisor removes it if the process ends.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from kpi.process import journal

#: Absolute paths by kind: a file, a folder that may still be empty, a folder with its content.
_unfinished: dict[str, str] = {}


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; move the file into place if the block succeeds, else remove it.

    The file is synced to disk before it is moved, and gets the permissions of the file that it replaces.

    Raises:
        OSError: if the system refuses.
    """
    # NOTE: resolved, so that a link stays and its target is replaced.
    final = Path(os.path.realpath(path))
    with unfinished(final.with_name(f".{secrets.token_hex(6)}.tmp")) as temporary:
        yield temporary
        # NOTE: O_RDWR, as some systems sync only writable files.
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
    """Remove a file at the end of the block, or if the process is killed inside it."""
    register(path)
    try:
        yield path
    finally:
        remove(path)


def register(path: Path, kind: Literal["file", "folder", "tree"] = "file") -> None:
    """Register a file, an empty folder or a tree, before it exists, for removal if the process is killed."""
    absolute = str(path.absolute())
    journal.emit(kind, absolute)
    _unfinished[absolute] = kind


def remove(path: Path) -> None:
    """Remove a file, if it exists."""
    path.unlink(missing_ok=True)
    _forget(path)


def _forget(path: Path) -> None:
    absolute = str(path.absolute())
    if _unfinished.pop(absolute, None) is not None:
        journal.emit("finished", absolute)


@contextmanager
def folder(path: Path) -> Iterator[Path]:
    """Create a folder and its parents; at the end of the block, remove those that are empty.

    Raises:
        OSError: if the system refuses.
    """
    new = [directory for directory in (path, *path.parents) if not directory.exists()]
    for directory in reversed(new):
        register(directory, "folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
        yield path
    finally:
        for result in new:
            with suppress(OSError):  # it is not empty
                result.rmdir()
            _forget(result)


def fresh(suffix: str = "") -> Path:
    """Return a unique path in the folder for temporary files."""
    return Path(tempfile.gettempdir()).resolve() / f"kpi-{secrets.token_hex(8)}{suffix}"


@contextmanager
def scratch() -> Iterator[Path]:
    """Create a temporary folder and remove it, with its content, at the end of the block.

    Raises:
        OSError: if the system refuses.
    """
    path = fresh()
    register(path, "tree")
    try:
        path.mkdir(mode=0o700)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        _forget(path)


def remove_all(paths: Mapping[str, str] = _unfinished) -> None:
    """Remove unfinished paths by kind, of this process or of one that has ended."""
    # The latest first: a folder is empty once its files are removed.
    for path, kind in reversed(list(paths.items())):
        if kind == "tree":
            shutil.rmtree(path, ignore_errors=True)
            continue
        with suppress(OSError):  # it is not there, or a folder that is not empty
            (os.rmdir if kind == "folder" else os.unlink)(path)
