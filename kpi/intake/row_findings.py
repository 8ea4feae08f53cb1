"""Findings about rows: one for each bad row, up to a limit of each kind, and the number of the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import polars as pl
from msgspec.structs import replace

from kpi.errors import Diagnostic, Message, Place, Severity, count
from kpi.intake.files.table import ROW, Table

#: Code, message and hint of a finding.
Finding: TypeAlias = tuple[str, Message, Message | None]

#: How many findings of one kind are listed for a table; the rest are counted.
LIMIT = 100


def of_rows(
    table: Table,
    rows: pl.DataFrame,
    column: str | None,
    finding_of: Callable[[dict[str, object]], Finding],
    *,
    severity: Severity = Severity.ERROR,
    further: int = 0,
) -> list[Diagnostic]:
    """Return a finding for each row of a frame that holds bad rows with their row numbers.

    Several cells of a row with the same fault are one finding that counts as all of them.

    Args:
        table: the table of the rows.
        rows: the bad rows, with the column `ROW` and the columns that `finding_of` reads.
        column: the header of the bad cell, empty for none; None for that in the column `field` of `rows`.
        finding_of: returns code, message and hint of a row.
        severity: the severity of all findings.
        further: the number of further bad rows that are not in the frame.
    """
    findings: list[Diagnostic] = []
    listed = 0
    for row in table.in_order(rows).iter_rows(named=True):
        code, message, hint = finding_of(row)
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
