"""Tables beside a definition, as what reads files hands them over: the language itself reads YAML alone.

`kpi.intake.definition_tables` is the reader. The package provides it when it is imported; it is loaded when a
definition first names a table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kpi.errors import Diagnostic


@dataclass(frozen=True)
class Cells:
    """A table of texts.

    Attributes:
        file: its name in messages.
        sheet: the sheet, None for files that have none.
        columns: the headings, cleaned.
        header_row: the number of the row of headings, None where there is none.
        rows: the number of each row, as a spreadsheet shows it, with its filled cells by heading.
        notes: findings about the file.
    """

    file: str
    sheet: str | None
    columns: tuple[str, ...]
    header_row: int | None
    rows: tuple[tuple[int, Mapping[str, str]], ...]
    notes: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True)
class Headings:
    """The headings of a table of figures.

    Attributes:
        file: its name in messages.
        sheet: the sheet, None for files that have none.
        header_row: the number of the row of headings, None where there is none.
        figures: the columns of figures: the heading, its text without the unit, and the unit or None.
        others: the columns that hold no figures and play no role.
    """

    file: str
    sheet: str | None
    header_row: int | None
    figures: tuple[tuple[str, str, str | None], ...]
    others: tuple[str, ...]


@dataclass(frozen=True)
class Reader:
    """What reads tables beside definitions; both raise a DataError for files that cannot be read.

    Attributes:
        rows: reads the tables of a file, of a workbook those of one sheet where it is named.
        headings: reads the headings of the tables of a file; columns with some headings are no figures.
    """

    rows: Callable[[Path, str | None], Sequence[Cells]]
    headings: Callable[[Path, str | None, Sequence[str]], Sequence[Headings]]


_provided: list[Reader] = []


def provide(reader: Reader) -> None:
    """Name the reader of tables."""
    _provided[:] = [reader]


def reader() -> Reader:
    """Return the reader of tables."""
    return _provided[0]
