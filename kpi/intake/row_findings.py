"""Findings about rows: one for each bad row, up to a limit for each kind, and the count of the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity, count
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
    """Return a finding for each row of a frame that holds bad rows with their row numbers.

    Cells of one row with the same fault are one finding, which stands for all of them.

    Args:
        table: where the rows come from.
        rows: the bad rows, with the column `ROW` and whatever `tell` reads.
        column: the header of the bad cell, empty for none; left out: what a column `field` of `rows` says.
        tell: gives code, message and hint for a row.
        severity: of all of them.
        further: how many more bad rows there are, after those of the frame.
    """
    findings: list[Diagnostic] = []
    listed = 0
    for row in table.in_order(rows).iter_rows(named=True):
        code, message, hint = tell(row)
        header = str(row["field"]) if column is None and row.get("field") else column
        finding = Diagnostic(code, message, table.place(int(row[ROW]), header or None), hint, severity)
        if findings and replace(findings[-1], stands_for=1) == finding:  # a further cell of the same row
            findings[-1] = replace(findings[-1], stands_for=findings[-1].stands_for + 1)
        elif len(findings) < LIMIT:
            findings.append(finding)
        else:
            break
        listed += 1
    if (more := rows.height + further - listed) > 0:
        message = Message("... and {more} of this kind", more=count(more, "more row"))
        place = Place(table.file, sheet=table.sheet)
        findings.append(Diagnostic(findings[-1].code, message, place, None, severity, stands_for=more))
    return findings
