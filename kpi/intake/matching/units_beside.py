"""A column of units (计量单位) in a table with a column for each figure: it is not read, and may say another unit."""

from __future__ import annotations

from collections.abc import Iterator

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake.cells.cell_text import as_text
from kpi.intake.cells.unit_factors import factor
from kpi.intake.matching.datasets import Placed, panel_columns
from kpi.language.datasets import PanelData
from kpi.language.system import System

#: How many of the first rows are looked at.
_HEAD = 10_000


def units_beside(source: Placed, system: System) -> Iterator[Diagnostic]:
    """Yield a warning (K605) for the first column of figures of a wide table whose rows say another unit.

    The unit of such a figure is that of its heading, of the table, or of its measure. A text that is no unit, or one
    of another dimension, such as 万元 beside a column of persons, says nothing about the figure.
    """
    header = source.roles.get("unit")
    if header is None or not isinstance(source.dataset, PanelData) or source.table.remote is not None:
        return
    cells = (source.table.whole or source.table).frame.head(_HEAD)
    texts = (
        cells.select(as_text(header).str.strip_chars().unique(maintain_order=True)).collect().to_series().alias("cells")
    )
    for column, (measure, unit) in panel_columns(system, source.table, list(source.roles.values())).items():
        taken, _ = factor(unit or source.table.unit, None, system, measure)
        for text in texts.drop_nulls():
            other, _ = factor(text, None, system, measure)
            if text == "" or other is None or taken is None or other == taken:
                continue
            message = Message(
                "`{header}` says {other}, but figures in `{column}` are taken to be in {unit}",
                header=header, other=text, column=column, unit=unit or source.table.unit or str(system.unit(measure)),
            )  # fmt: skip
            hint = Message("write the unit into the heading, like 收入(万元)")
            yield Diagnostic("K605", message, source.table.place(None, header), hint, Severity.WARNING)
            return
