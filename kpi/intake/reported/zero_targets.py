"""Targets of units that are all 0, and so reached by every unit: a column or file that was not filled in."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.language.loading.idle_targets import idle_at_zero
from kpi.language.system import System
from kpi.values.columns import Column


def zero_targets(grid: pl.DataFrame, system: System) -> Iterator[Diagnostic]:
    """Yield a warning (K464) for the targets of an indicator that are 0 for every unit and period that has one.

    Args:
        grid: the panel with the column `own_target` of targets that differ by unit.
        system: gives the indicators.
    """
    for name, bound in idle_at_zero(system):
        column = Column(name).own_target(0)
        if column not in grid.columns or grid[column].null_count() == grid.height:
            continue
        if grid[column].min() != 0 or grid[column].max() != 0:
            continue
        title = system.symbols[name].title
        message = Message("every unit reaches its target of {title}: all targets are 0", title=title)
        place = Place(field=title) if bound.file is None else Place(str(system.home / bound.file), field=title)
        hint = Message("fill them in; a unit without a target has a blank cell")
        yield Diagnostic("K464", message, place, hint, Severity.WARNING)
