"""Tables beside a definition, as their reader (`table_reader`) returns them: the language itself reads YAML alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from kpi.errors import Diagnostic


class Cells(Struct, frozen=True):
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


class Headings(Struct, frozen=True):
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
