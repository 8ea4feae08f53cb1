"""The table under survey: its columns, and the roles that their headers and cells give them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

from kpi.drafting.columns import columns_of
from kpi.drafting.survey.notes import Notes
from kpi.errors import DataError
from kpi.intake.files.headers import clean, role, roles, split_unit
from kpi.intake.files.sdmx_columns import ids_of, is_about_file
from kpi.intake.files.table import Table
from kpi.intake.matching.datasets import is_unit
from kpi.intake.shapes.adjacent_blocks import blocks_of, together
from kpi.intake.shapes.combined_keys import is_combined, parted
from kpi.intake.shapes.labels import stem
from kpi.values.patterns import regex
from kpi.values.timelines import Timeline

UNNAMED = regex(r"列\d+'*")
_NUMBERED = regex(r"(编号|单号|流水号|身份证号|(?<![a-z])id|_no|number)$", re.IGNORECASE)


class Subject:
    """The table under survey.

    Attributes:
        table: the table, with adjacent blocks below each other, combined keys apart, and units in headers.
        flags: the marks of figures that were parted from combined keys.
        default_year: the period of figures of which nothing says any.
        timeline: what its periods count.
        columns: what its columns hold.
        headers: the headers of columns that can be read.
        sdmx: whether it is a table of SDMX.
        notes: what is declared and guessed of it.
    """

    def __init__(self, table: Table, year: int, timeline: Timeline) -> None:
        self.flags: Mapping[str, int] = {}
        table = _without_blocks(table)
        if is_combined(table, timeline):
            table, self.flags = parted(table)
        table = _with_units(table)
        self.table, self.default_year, self.timeline = table, year, timeline
        self.columns = columns_of(table, timeline)
        self.notes = Notes()
        # Figures whose header occurs more than once have no name to be read by.
        self.headers = [
            header for header, column in self.columns.items() if column.filled and header not in table.repeats
        ]
        self.sdmx = bool(ids_of(table.columns))
        if self.sdmx:
            self.headers = [header for header in self.headers if not is_about_file(header)]

    @cached_property
    def roles(self) -> dict[str, str]:
        """The headers of the columns that play a role, by the role."""
        playing: dict[str, str] = {str(key): header for key, header in roles(self.headers)[0].items()}
        playing |= {key: header for key, header in self.table.roles.items() if header is not None}
        ignored = {key for key, header in self.table.roles.items() if header is None}
        playing = {key: header for key, header in playing.items() if key not in ignored}
        if clean(playing.get("entity", "")) == "单位" and self.columns[playing["entity"]].share(is_unit) > 0.9:
            playing["unit"] = playing.pop("entity")
        for header in self.headers:
            if UNNAMED.fullmatch(header) and header not in playing.values():
                column = self.columns[header]
                kind = "period" if column.is_periods else "entity" if column.is_places else None
                if kind is not None and kind not in playing:
                    playing[kind] = header
        return playing

    @cached_property
    def others(self) -> list[str]:
        """The headers that play no role."""
        playing = {*self.roles.values()}
        return [header for header in self.headers if header not in playing and role(header) not in ("period", "order")]

    @property
    def values(self) -> list[str]:
        """The header of the column of values, none without one."""
        return [self.roles["value"]] if "value" in self.roles else []

    @property
    def period_columns(self) -> list[str]:
        """The headers of columns of periods or of parts of them."""
        period = self.roles.get("period")
        return [header for header in self.headers if role(header) == "period" or header == period]

    @cached_property
    def surroundings(self) -> list[str]:
        """The texts around the table: titles, the name of the sheet, that of the file."""
        sheet = [] if self.table.sheet is None else [clean(self.table.sheet)]
        return [*map(clean, self.table.titles), *sheet, stem(self.table.file)]

    def has_figures(self, header: str) -> bool:
        """Return whether most cells of a column are figures, and its header and cells are not those of codes."""
        column = self.columns[header]
        return column.figures > 0.5 and not is_identifier(header) and role(header) != "code" and not column.is_codes


def is_identifier(header: str) -> bool:
    """Return whether a header is that of numbers that identify rows.

    >>> is_identifier("工单编号"), is_identifier("case_no"), is_identifier("件数")
    (True, True, False)
    """
    return _NUMBERED.search(header) is not None


def _with_units(table: Table) -> Table:
    """Return a table whose columns have the units of their labels, which are their names where these are codes."""
    names: dict[str, str] = {}
    for column, label in table.labels.items():
        unit = split_unit(label, is_unit)[1]
        if unit is None or role(column) is not None or split_unit(column, is_unit)[1] is not None:
            continue
        name = label if column.isascii() and not label.isascii() else f"{column}({unit})"
        if name not in table.columns and name not in names.values():
            names[column] = name
    return table if table.pieces is not None else table.renamed(names)


def _without_blocks(table: Table) -> Table:
    """Return a table of adjacent blocks as one without; one that the readers refuse stays as it is."""
    blocks = None if table.pieces is not None else blocks_of(table)
    try:
        return table if blocks is None else together(table, blocks)[0]
    except DataError:
        return table
