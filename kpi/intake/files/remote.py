"""Tables whose rows stay where they are: in a database, or with the workers of a cluster.

Such a table is read like any other: `frame` fetches the columns that are used, when it is collected. What grows with
the number of rows need not be fetched: an engine that can do so aggregates measures where the rows are (see
`kpi.intake.events.remote`), and answers with groups.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import polars as pl

from kpi.errors import Diagnostic, KpiError


class Remote(ABC):
    """A table elsewhere.

    Attributes:
        name: its name in messages, without credentials.
        frame: its rows with their own types, in an order that does not depend on the columns that are fetched. Columns
            have their names in the table, in its order.
        size: the number of rows.
        numbered: the same rows with their numbers in the first column (`kpi.intake.files.table.ROW`), where numbering
            what is fetched would fetch everything; None where they are numbered here.
        failure: why rows could not be fetched, which Polars passes on as a mere text; None where they could.
    """

    name: str
    frame: pl.LazyFrame
    size: int
    numbered: pl.LazyFrame | None = None
    failure: KpiError | None = None

    def mapped(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Return what a plan makes of the rows, or of parts of them, where they are if that can be done.

        Args:
            rows: a plan over `frame` or `numbered`, of single rows or of parts whose results the caller merges.
        """
        return rows

    @abstractmethod
    def digest(self) -> str:
        """Return the SHA-256 hash (hexadecimal) of what results depend on: everything that was fetched, as a set."""

    def notes(self) -> Sequence[Diagnostic]:
        """Return the findings so far about what was computed from fetched rows instead of where they are."""
        return ()
