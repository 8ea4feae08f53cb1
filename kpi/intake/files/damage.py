"""Damage that shows only while rows are read: which files have it, and what is left without them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kpi.errors import DataError, Diagnostic, KpiError, Message, Place, readable
from kpi.intake.files.reader import BROKEN, Source, damaged, expanded, read_all, unreadable
from kpi.process.limits import shortage


class DamagedError(DataError):
    """Files that cannot be read whole, with a finding for each."""

    def without(self, source: Source) -> list[Source]:
        """Returns what is left of a source without the damaged files; nothing, when it is one of them."""
        if not isinstance(source, str | Path):
            return [source]
        names, files = {one.place.file for one in self.diagnostics}, expanded(Path(source))
        left: list[Source] = [file for file in files if readable(str(file)) not in names]
        return left if len(left) < len(files) else [source]


@contextmanager
def damage_told(sources: Iterable[Source]) -> Iterator[None]:
    """Tells which file is damaged when that shows only while its rows are read.

    Parquet and Arrow files are read where their columns are used, so a damaged page shows late. To read them twice
    would cost too much; so they are read whole only when something fails.

    Raises:
        DamagedError: K503 for every file that cannot be read whole; any other error stays as it is.
    """
    try:
        yield
    except BROKEN as error:
        if shortage(error) is not None:
            raise
        found = [one for source in sources if isinstance(source, str | Path) for one in _tried(source)]
        if found:
            raise DamagedError(found) from None
        # What the system says has a number; what a reader says of bytes has none.
        if isinstance(error, OSError) and error.errno is not None:
            raise DataError(unreadable(Place(error.filename), error)) from None
        raise


def stamps(sources: Iterable[Source]) -> dict[Path, tuple[int, int]]:
    """Return size and time of change of every file, by which it shows whether one changes while it is read."""
    found = {}
    for source in sources:
        if isinstance(source, str | Path):
            with suppress(DataError, OSError):
                for file in expanded(Path(source)):
                    status = file.stat()
                    found[file] = status.st_size, status.st_mtime_ns
    return found


@contextmanager
def unchanged(sources: Iterable[Source]) -> Iterator[None]:
    """Check that no file changes while it is read.

    Raises:
        DataError: K552 for every file that does.
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
