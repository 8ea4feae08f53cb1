"""Sheets and header rows against what a definition declares: what could not be used, and what is only about others."""

from __future__ import annotations

from msgspec.structs import replace

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake.files.choice import is_about
from kpi.intake.files.headers import role
from kpi.intake.files.sheets import has_figures
from kpi.intake.files.table import Table
from kpi.intake.matching.datasets import Placed

#: The roles of columns whose numbers are no figures.
_NUMBERED = ("code", "order", "note")


def is_aside(table: Table) -> bool:
    """Return whether a sheet is about others, or holds no figure, so that nothing is lost without it."""
    if table.sheet is None or table.typed or table.pieces is not None:
        return False
    beside = [header for header in table.columns if role(header) in _NUMBERED]
    return is_about(table.sheet) or not has_figures(table.frame.drop(beside).collect())


def sheet_aside(finding: Diagnostic) -> Diagnostic:
    """Return the note on a sheet that belongs to no dataset beside others that do, of the error that it would be."""
    message = Message("the sheet was left out: {reason}", reason=finding.message)
    return replace(finding, code="K524", message=message, hint=None, severity=Severity.INFO)


def header_unused(source: Placed) -> list[Diagnostic]:
    """Return the warning that the declared header rows were not used, as the file could be of another dataset."""
    table, declared = source.table, source.dataset.header
    complete = table.whole or table
    if not declared or complete.header_row is None:
        return []
    used = tuple(range(complete.header_row, complete.header_row + complete.depth))
    if used == declared:
        return []
    message = Message(
        "the names of the columns were read from row {used}, not from those that `header:` of `{dataset}` names, "
        "as other datasets declare none",
        used=used[0],
        dataset=source.name,
    )
    hint = Message("name the file with --data {dataset}=FILE, or its sheet under `sheet:`", dataset=source.name)
    return [Diagnostic("K515", message, table.place(complete.header_row), hint, Severity.WARNING)]
