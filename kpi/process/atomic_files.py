"""Files that are there whole or not at all: written beside their place, then moved there; what is unfinished goes.

A process may be ended while the thread that writes is deep inside a query and cannot clean up. So whatever is
unfinished is told (`journal`) before it is there, and whoever answers for the end of the process removes it.
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

#: Absolute paths, each with what it is: a file, a folder that may still be empty, a folder with all that is in it.
_unfinished: dict[str, str] = {}


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
    """Removes a file when the block ends, or when the process is ended in it."""
    register(path)
    try:
        yield path
    finally:
        remove(path)


def register(path: Path, kind: Literal["file", "folder", "tree"] = "file") -> None:
    """Has a file, an empty folder or a tree of folders removed when the process is ended; before it is made."""
    absolute = str(path.absolute())
    journal.tell(kind, absolute)
    _unfinished[absolute] = kind


def remove(path: Path) -> None:
    """Removes a file that is no longer needed, if it is there."""
    path.unlink(missing_ok=True)
    _forget(path)


def _forget(path: Path) -> None:
    absolute = str(path.absolute())
    if _unfinished.pop(absolute, None) is not None:
        journal.tell("finished", absolute)


@contextmanager
def folder(path: Path) -> Iterator[Path]:
    """Makes a folder, with those above it; removes each of them again when nothing was put there.

    Raises:
        OSError: what the system refuses.
    """
    new = [one for one in (path, *path.parents) if not one.exists()]
    for one in reversed(new):
        register(one, "folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
        yield path
    finally:
        for one in new:
            with suppress(OSError):  # it is not empty
                one.rmdir()
            _forget(one)


def fresh(suffix: str = "") -> Path:
    """Returns a path among the system's temporary files that nobody else has."""
    return Path(tempfile.gettempdir()).resolve() / f"kpi-{secrets.token_hex(8)}{suffix}"


@contextmanager
def scratch() -> Iterator[Path]:
    """Makes a folder among the system's temporary files and removes it, with all that is in it.

    Raises:
        OSError: what the system refuses.
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
    """Removes what is unfinished, in this process or in one that has ended: paths, each with what it is."""
    # The latest first, as a folder is empty when what was in it is gone.
    for path, kind in reversed(list(paths.items())):
        if kind == "tree":
            shutil.rmtree(path, ignore_errors=True)
            continue
        with suppress(OSError):  # it is not there, or a folder that is not empty
            (os.rmdir if kind == "folder" else os.unlink)(path)
