"""Findings about rows: one for each bad row, up to a limit for each kind, and the count of the rest."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from kpi.errors import Diagnostic, Place, Severity, count
from kpi.intake.files.table import ROW, Table

#: How many findings of one kind are listed for one table; the rest are counted.
LIMIT = 100


def of_rows(
    table: Table,
    rows: pl.DataFrame,
    column: str | None,
    tell: Callable[[dict[str, object]], tuple[str, str, str | None]],
    *,
    severity: Severity = Severity.ERROR,
    further: int = 0,
) -> list[Diagnostic]:
    """Returns a finding for each row of a frame that holds bad rows with their row numbers.

    Args:
        table: where the rows come from.
        rows: the bad rows, with the column `ROW` and whatever `tell` reads.
        column: the header of the bad cell, empty for none; left out: what a column `field` of `rows` says.
        tell: gives code, message and hint for a row.
        severity: of all of them.
        further: how many more bad rows there are, after those of the frame.
    """
    findings = []
    for row in rows.sort(ROW).head(LIMIT).to_dicts():
        code, message, hint = tell(row)
        header = str(row["field"]) if column is None and row.get("field") else column
        place = table.place(int(row[ROW]), header or None)
        findings.append(Diagnostic(code, message, place, hint, severity))
    if (more := rows.height + further - len(findings)) > 0:
        message = f"... and {count(more, 'more row')} of this kind"
        place = Place(table.file, sheet=table.sheet)
        findings.append(Diagnostic(findings[-1].code, message, place, None, severity, stands_for=more))
    return findings
