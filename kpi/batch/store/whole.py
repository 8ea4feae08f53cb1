"""Durable atomic writes, and an archive of files by content."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Collection
from pathlib import Path

from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.process.atomic_files import unfinished
from kpi.process.os_errors import reason

#: The hint for a file of the archive that is missing or changed.
MENDING = Message(
    "kpi batch CONFIG --repair writes it again if the file it is a copy of is still there unchanged; else put it back "
    "from a backup"
)


def write_durably(path: Path, data: bytes, *, last: bool = True) -> None:
    """Write a file beside its place and move it there, after syncing it to disk.

    Args:
        path: the path of the file.
        data: the content.
        last: whether it must survive a power cut; not needed for a file that is verified before use and can be
            computed again.

    Raises:
        DataError: K813, if the file cannot be written: the disk is full, or the folder is not writable.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished(temporary):
            with temporary.open("xb") as out:
                out.write(data)
                out.flush()
                if last:
                    os.fsync(out.fileno())
            temporary.replace(path)
        if not last:
            return
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise not_writable(path, error) from None


def not_writable(path: Path, error: OSError) -> DataError:
    """Return the error K813 for a file that cannot be written."""
    hint = Message("make room, or see who may write there; what was published before is untouched")
    message = Message("cannot be written: {strerror}", strerror=reason(error))
    return DataError(Diagnostic("K813", message, Place(str(path)), hint))


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class Archive:
    """Files stored under the hash of their content, so that any past result can be computed again.

    With `last`, they are synced to disk before anything refers to them.
    """

    def __init__(self, folder: Path, *, last: bool = True) -> None:
        self.folder = folder
        self._last = last

    def place(self, sha: str) -> Path:
        """Return the path of the file with a hash, whether or not it exists."""
        return self.folder / sha[:2] / sha

    def put(self, data: bytes) -> str:
        """Archive some bytes and return their hash; a damaged copy is repaired."""
        sha = hashlib.sha256(data).hexdigest()
        if not (self.place(sha).is_file() and digest(self.place(sha)) == sha):
            write_durably(self.place(sha), data, last=self._last)
        return sha

    def keep(self, file: Path) -> str:
        """Archive a copy of a file and return the hash of the copy.

        Raises:
            DataError: K813, if the copy cannot be written.
            OSError: if the file cannot be read.
        """
        sha = digest(file)
        place = self.place(sha)
        if place.exists() and place.stat().st_size == file.stat().st_size:
            return sha
        # NOTE: read again, as the file may have changed since; the archived copy is authoritative.
        return self.put(file.read_bytes())

    def checked(self, sha: str) -> Path:
        """Return the file with a hash, after verifying its content.

        Raises:
            DataError: K814, if it is missing or changed.
        """
        if (problem := self.problem(sha, thorough=True)) is not None:
            raise DataError(problem)
        return self.place(sha)

    def problem(self, sha: str, size: int | None = None, *, thorough: bool = False) -> Diagnostic | None:
        """Return the finding K814 on a file that is missing or changed, None if it is intact.

        Args:
            sha: the hash of the file.
            size: its size, None if that is not known.
            thorough: compare its hash, which reads it.
        """
        path = self.place(sha)
        try:
            if not path.is_file():
                message = Message("the archive has no file {sha}…", sha=sha[:12])
                return Diagnostic("K814", message, Place(str(self.folder)), MENDING)
            if (size is not None and path.stat().st_size != size) or (thorough and digest(path) != sha):
                return Diagnostic("K814", Message("the archived file was changed"), Place(str(path)), MENDING)
        except OSError as error:
            message = Message("cannot be read: {reason}", reason=reason(error))
            return Diagnostic("K814", message, Place(str(path)), MENDING)
        return None

    def put_only(self, data: bytes, sha: str) -> bool:
        """Archive some bytes if they have a hash; return whether they have it."""
        return hashlib.sha256(data).hexdigest() == sha and bool(self.put(data))

    def prune(self, keep: Collection[str]) -> int:
        """Remove all files except those with the given hashes, and return the number of removed files."""
        unused = [stored for stored in self.folder.glob("??/*") if stored.is_file() and stored.name not in keep]
        for file in unused:
            file.unlink(missing_ok=True)
        return len(unused)
