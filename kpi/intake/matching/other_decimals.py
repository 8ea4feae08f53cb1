"""Figures such as 1.234 beside a column of decimal commas that no measure reads: they may be 1234."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake.matching.datasets import Placed, figure_columns
from kpi.language.system import System

#: How many of the first rows are looked at.
_HEAD = 1_000

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
    head = (source.table.whole or source.table).frame.head(_HEAD)
    frame = head.select(pl.selectors.by_name(*columns, *others).str.strip_chars()).collect()
    # NOTE: Polars 2.1 takes the name of a series such as ^a$ for a pattern, and finds none.
    cells = {name: frame[name].alias("text") for name in frame.columns}
    commas = [name for name in others if _most(cells[name], _COMMA)]
    if not commas:
        return
    for name in columns:
        pointed = cells[name].drop_nulls()
        pointed = pointed.filter(pointed.str.contains(_POINTED))
        if not len(pointed) or not pointed.str.contains(_GROUPED).all():
            continue
        message = Message(
            "`{other}` has decimal commas, and `{column}` figures like {figure}, which are read with a decimal point",
            other=commas[0], column=name, figure=pointed[0],
        )  # fmt: skip
        hint = Message("write `decimal: ','` for the dataset if it has decimal commas, else `decimal: '.'`")
        yield Diagnostic("K635", message, source.table.place(None, name), hint, Severity.WARNING)


def _most(cells: pl.Series, pattern: str) -> bool:
    """Return whether most filled cells match a pattern, and at least two."""
    filled = cells.drop_nulls()
    filled = filled.filter(filled != "")
    matches = int(filled.str.contains(pattern).sum())
    return matches > 1 and 2 * matches > len(filled)
