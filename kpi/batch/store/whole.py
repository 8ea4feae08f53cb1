"""Files that are there whole or not at all, and an archive of files by their content."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Collection
from pathlib import Path

from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.process.atomic_files import unfinished


def write_durably(path: Path, data: bytes, *, last: bool = True) -> None:
    """Write a file beside its place and move it there, on the disk before it has its name.

    Args:
        path: its place.
        data: what it holds.
        last: it must outlast a power cut; a file whose content is looked at before it is used, and that can be made
            again, need not.

    Raises:
        DataError: K813, when the file cannot be written: the disk is full, or the folder may not be written to.
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
        hint = Message("make room, or see who may write there; what was published before is untouched")
        raise DataError(
            Diagnostic(
                "K813",
                Message("cannot be written: {strerror}", strerror=error.strerror or error),
                Place(str(path)),
                hint,
            )
        ) from None


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class Archive:
    """Files kept under the hash of their content, so that any past result can be computed again.

    Unless they need not `last`, they are on the disk before anything refers to them.
    """

    def __init__(self, folder: Path, *, last: bool = True) -> None:
        self.folder = folder
        self._last = last

    def place(self, sha: str) -> Path:
        """Return where a file with a hash is or would be."""
        return self.folder / sha[:2] / sha

    def put(self, data: bytes) -> str:
        """Keep some bytes and return their hash; a damaged copy of them is mended."""
        sha = hashlib.sha256(data).hexdigest()
        if not (self.place(sha).is_file() and digest(self.place(sha)) == sha):
            write_durably(self.place(sha), data, last=self._last)
        return sha

    def keep(self, file: Path) -> str:
        """Keep a copy of a file and return its hash: of the copy, whatever happens to the file meanwhile.

        Raises:
            DataError: K813, when the copy cannot be written.
            OSError: when the file cannot be read.
        """
        sha = digest(file)
        place = self.place(sha)
        if place.exists() and place.stat().st_size == file.stat().st_size:
            return sha
        # NOTE: read anew, as the file may have changed since; what counts is what the archive holds.
        return self.put(file.read_bytes())

    def checked(self, sha: str) -> Path:
        """Return the file that has a hash.

        Raises:
            DataError: K814, when it is not there or is no longer what it was.
        """
        path = self.place(sha)
        if not path.is_file():
            raise DataError(
                Diagnostic("K814", Message("the archive has no file {sha}…", sha=sha[:12]), Place(str(self.folder)))
            )
        if digest(path) != sha:
            raise DataError(Diagnostic("K814", Message("the archived file was changed"), Place(str(path))))
        return path

    def prune(self, keep: Collection[str]) -> int:
        """Remove every file whose hash is not among those to keep, and return how many."""
        unused = [stored for stored in self.folder.glob("??/*") if stored.is_file() and stored.name not in keep]
        for file in unused:
            file.unlink(missing_ok=True)
        return len(unused)
