"""The reader of tables beside a definition, which stands above the language: the package provides it when imported.

It is `kpi.intake.definition_tables`, loaded when a definition first names a table. This module imports nothing, as
every command begins with it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Protocol

    from kpi.language.loading.beside import Cells, Headings

    class TableReader(Protocol):
        """What reads tables beside definitions; both functions raise a DataError for files that cannot be read."""

        def rows(self, path: Path, sheet: str | None, /) -> Sequence[Cells]:
            """Read the tables of a file, of a workbook those of one sheet if it is named."""

        def headings(self, path: Path, sheet: str | None, keys: Sequence[str], /) -> Sequence[Headings]:
            """Read the headings of the tables of a file; columns with the headings `keys` hold no figures."""


_provided: list[Callable[[], TableReader]] = []


def provide(load: Callable[[], TableReader]) -> None:
    """Set the function that loads the reader of tables."""
    _provided[:] = [load]


def reader() -> TableReader:
    """Return the reader of tables."""
    return _provided[0]()


def is_short(section: object) -> bool:
    """Return whether a section of a definition is a short form, whose `from` or `table` is a text or a list of them."""
    return isinstance(section, dict) and any(isinstance(section.get(key), str | list) for key in ("from", "table"))
