"""Figures such as 1.234 beside a column of decimal commas that no measure reads: they may be 1234."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake.files.table import Table
from kpi.intake.matching.datasets import Placed, figure_columns
from kpi.language.system import System

#: 1,5 or 12,25, and not 1,234; 1.234 or 1.234.567; any figure with a point.
_COMMA, _GROUPED, _POINTED = r"^[+-]?\d+,\d{1,2}$", r"^[+-]?[1-9]\d{0,2}(\.\d{3})+$", r"^[+-]?\d+\.\d+$"


def beside_commas(source: Placed, system: System) -> Iterator[Diagnostic]:
    """Yield a warning (K635) for each column of figures that may have points between groups of three digits.

    That is so where all its figures with a point have three digits behind it, no decimal mark is declared, and a column
    that is no figure's has decimal commas. A column with a decimal comma of its own is refused elsewhere.
    """
    if "decimal" in source.dataset.model_fields_set or source.table.typed:
        return
    figures = figure_columns(system, source)
    schema = source.table.frame.collect_schema()
    texts = [name for name, dtype in schema.items() if dtype == pl.String and name not in source.table.numbers]
    columns, others = [name for name in texts if name in figures], [name for name in texts if name not in figures]
    if not columns or not others:
        return
    table = source.table.whole or source.table
    commas = _commas(table, others)
    if not commas:
        return
    for name in columns:
        # NOTE: Polars 2.1 takes the name of a series such as ^a$ for a pattern, and finds none.
        pointed = table.first_cells(name).alias("text").str.strip_chars().drop_nulls()
        pointed = pointed.filter(pointed.str.contains(_POINTED))
        if not len(pointed) or not pointed.str.contains(_GROUPED).all():
            continue
        message = Message(
            "`{other}` has decimal commas, and `{column}` figures like {figure}, which are read with a decimal point",
            other=commas[0], column=name, figure=pointed[0],
        )  # fmt: skip
        hint = Message("write `decimal: ','` for the dataset if it has decimal commas, else `decimal: '.'`")
        yield Diagnostic("K635", message, source.table.place(None, name), hint, Severity.WARNING)


def _commas(table: Table, headers: Sequence[str]) -> list[str]:
    """Return the columns of which most filled cells, and at least two, have a decimal comma, by the first rows."""
    cells = pl.DataFrame({str(place): table.first_cells(header) for place, header in enumerate(headers)})
    text = pl.all().str.strip_chars()
    counts = cells.select((text != "").sum(), text.str.contains(_COMMA).sum().name.suffix(" matches"))
    filled, matches = counts.row(0)[: len(headers)], counts.row(0)[len(headers) :]
    return [
        header for header, many, some in zip(headers, filled, matches, strict=True) if some > 1 and 2 * some > many
    ]  # fmt: skip
