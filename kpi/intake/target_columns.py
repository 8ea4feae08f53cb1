"""Report columns of the data that targets are read from and that the data do not have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from kpi.errors import Diagnostic, Message, Severity, suggest
from kpi.intake.entities import Entities
from kpi.intake.files.headers import clean
from kpi.intake.matching.datasets import Placed
from kpi.language.datasets import Records
from kpi.language.system import System


def without_column(
    system: System, sources: Sequence[Placed], targets: pl.DataFrame, entities: Entities
) -> Iterator[Diagnostic]:
    """Yield a finding for each column of targets that no table has, and one where several are named.

    Args:
        system: gives the indicators.
        sources: the tables; those of records hold no targets.
        targets: what the data state, with the column indicator.
        entities: the entities, whose roster may have the column.
    """
    tables = [source for source in sources if not isinstance(source.dataset, Records)]
    given = set(targets["indicator"].unique()) if "indicator" in targets.columns else set()
    read = {source.roles["target"] for source in tables if "target" in source.roles}
    for name, column in system.columns_of_targets:
        if clean(column) in read or not tables:
            continue
        title, table = system.symbols[name].title, tables[0].table
        if name in given and not read:
            # Rows that name the indicator state its targets.
            continue
        if read:
            other = tuple(sorted(read))
            message = Message(
                "the targets of {title} are read from the column {others}, not from `{column}`",
                title=title, others=other, column=column,
            )  # fmt: skip
            hint = Message("a table has one column of targets: write which, `columns: {{target: ...}}` in its dataset")
        else:
            message = Message(
                "no table of the data has the column `{column}`, which the targets of {title} are in: no targets",
                column=column, title=title,
            )  # fmt: skip
            columns = tuple(dict.fromkeys(header for source in tables for header in source.table.columns))
            hint = suggest(column, columns) or Message(
                "write one of the columns of the data: {columns}", columns=columns
            )
            if column in entities.frame.columns:
                hint = Message(
                    "it is a column of the roster, and `column` is one of the data, beside the figures: add it there, "
                    "or write `by: {column}` with `values`", column=column,
                )  # fmt: skip
        # Another heading for the same column is usual, a second column of targets is not.
        elsewhere = read and not any(clean(column) in source.table.columns for source in tables)
        severity = Severity.INFO if elsewhere else Severity.WARNING
        yield Diagnostic("K862", message, table.place(), hint, severity)
