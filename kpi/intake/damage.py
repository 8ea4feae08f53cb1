"""Damage that shows only while rows are read: which files have it, and what is left without them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kpi.errors import DataError, Diagnostic, Place
from kpi.intake.files import BROKEN, Source, damaged, expanded, read_all
from kpi.resources import shortage


class DamagedError(DataError):
    """Files that cannot be read whole, with a finding for each."""

    def without(self, source: Source) -> list[Source]:
        """Returns what is left of a source without the damaged files; nothing, when it is one of them."""
        if not isinstance(source, str | Path):
            return [source]
        names, files = {one.place.file for one in self.diagnostics}, expanded(Path(source))
        left: list[Source] = [file for file in files if str(file) not in names]
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
        # What the system says, such as a full disk, has a number; what a reader says of bytes has none.
        if shortage(error) is not None or (isinstance(error, OSError) and error.errno is not None):
            raise
        found = [one for source in sources if isinstance(source, str | Path) for one in _tried(source)]
        if found:
            raise DamagedError(found) from None
        raise


def _tried(source: str | Path) -> Iterator[Diagnostic]:
    for path in expanded(Path(source)):
        try:
            for table in read_all([path])[0]:
                table.all_read(table.frame.collect().height)
        except DataError as error:
            yield from error.diagnostics
        except BROKEN as error:
            yield damaged(Place(str(path)), error)
