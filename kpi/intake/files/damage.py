"""Locate damage that shows only while rows are read, and read on without the damaged files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kpi.errors import DataError, Diagnostic, KpiError, Message, Place, readable
from kpi.intake.files.frame_tables import BROKEN, damaged, unreadable
from kpi.intake.files.reader import read_all
from kpi.intake.files.remote import Remote
from kpi.intake.files.sources import Source, expanded
from kpi.process.limits import shortage


class DamagedError(DataError):
    """Files that cannot be read completely, with a finding for each."""

    def without(self, source: Source) -> list[Source]:
        """Return a source without the damaged files; an empty list if it is one of them."""
        if not isinstance(source, str | Path):
            return [source]
        names, files = {diagnostic.place.file for diagnostic in self.diagnostics}, expanded(Path(source))
        left: list[Source] = [file for file in files if readable(str(file)) not in names]
        return left if len(left) < len(files) else [source]


@contextmanager
def damage_reported(sources: Iterable[Source]) -> Iterator[None]:
    """Report which files are damaged if the block fails on one.

    Parquet and Arrow files are read lazily, so a damaged page shows late. Reading them twice would cost too much, so
    they are read completely only after a failure.

    Raises:
        DamagedError: K503 for every file that cannot be read completely; other errors are raised unchanged.
    """
    sources = [*sources]
    try:
        yield
    except BROKEN as error:
        if shortage(error) is not None:
            raise
        for source in sources:
            if isinstance(source, Remote) and source.failure is not None:
                raise source.failure from None
        findings = [item for source in sources if isinstance(source, str | Path) for item in _tried(source)]
        if findings:
            raise DamagedError(findings) from None
        # Errors of the operating system have a number, those of a reader about bytes have none.
        if isinstance(error, OSError) and error.errno is not None:
            raise DataError(unreadable(Place(error.filename), error)) from None
        raise


def stamps(sources: Iterable[Source]) -> dict[Path, tuple[int, int]]:
    """Return size and modification time of every file, to detect changes while it is read."""
    stamps = {}
    for source in sources:
        if isinstance(source, str | Path):
            with suppress(DataError, OSError):
                for file in expanded(Path(source)):
                    status = file.stat()
                    stamps[file] = status.st_size, status.st_mtime_ns
    return stamps


@contextmanager
def unchanged(sources: Iterable[Source]) -> Iterator[None]:
    """Check that no file changes during the block.

    Raises:
        DataError: K552 for every changed file.
    """
    given = [*sources]
    before = stamps(given)

    def check() -> None:
        after = stamps(given)
        hint = Message("run it again when nobody writes to it; give a copy if it is always written to")
        if changed := [file for file, stamp in before.items() if after.get(file) != stamp]:
            message = Message("the file changed while it was read")
            raise DataError(Diagnostic("K552", message, Place(str(file)), hint) for file in changed) from None

    try:
        yield
    except (KpiError, *BROKEN):
        check()
        raise
    check()


def _tried(source: str | Path) -> Iterator[Diagnostic]:
    for path in expanded(Path(source)):
        try:
            for table in read_all([path])[0]:
                table.all_read(table.frame.collect().height)
        except DataError as error:
            yield from error.diagnostics
        except BROKEN as error:
            yield (unreadable if isinstance(error, OSError) and error.errno is not None else damaged)(
                Place(str(path)), error
            )
