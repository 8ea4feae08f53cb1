"""A roster made of files as a report: the table that `entities: {roster: ...}` reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import polars as pl
from rich.text import Text

from kpi.errors import Message
from kpi.intake.roster_from_files import COLUMNS, DraftRoster
from kpi.report.cards import printed, table_of
from kpi.report.language import tr
from kpi.report.marks import visible
from kpi.report.shape import About, Report, Screen


@dataclass(frozen=True)
class RosterReport(Report):
    """A roster made of files."""

    schema: ClassVar[str] = "kpi.roster/1"
    sheets: ClassVar[Mapping[str, str]] = {"roster": Message("Roster")}
    #: A file of it is read again, so its headings are those of rosters.
    headings: ClassVar[Mapping[str | tuple[str, str], str]] = {("roster", name): name for name in COLUMNS}

    draft: DraftRoster

    @property
    def about(self) -> About:
        """The heading of the roster."""
        return About(tr("Roster"))

    def head(self) -> dict[str, Any]:
        """Return the schema."""
        return {"schema": self.schema}

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the roster."""
        return {"roster": self.draft.frame}

    def text(self, screen: Screen) -> str:
        """Return the roster as a table."""
        table = table_of(
            tr("Entity"), tr("Code"), tr("Cohort"), tr("Other names"), tr("Code of the unit above"), tr("File")
        )
        for row in self.draft.frame.rows():
            table.add_row(*(visible(cell or "") for cell in row))
        return printed(Text(tr("Roster"), style="bold"), table, width=screen.width)
