"""The findings of windows that are longer than the data, so that no period has a value."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from kpi.engine.plan import Plan
from kpi.errors import Diagnostic, Message, Place, Severity


def too_short(plan: Plan, frame: pl.DataFrame) -> Iterator[Diagnostic]:
    """Yield a warning for each indicator that needs more periods than there are.

    Args:
        plan: the plan that was run.
        frame: its result, of all periods.
    """
    system = plan.system
    number = frame["period"].n_unique()
    for name, indicator in system.indicators.items():
        needed = indicator.fewest_periods(system.period)
        if number < needed and frame[name].null_count() == frame.height > 0:
            message = Message(
                "{indicator} needs {needed} periods, and the data has {number}: it has no value",
                indicator=system.symbols[name].title, needed=needed, number=number,
            )  # fmt: skip
            hint = Message("add figures of earlier periods, or make the window of `{name}` shorter", name=name)
            yield Diagnostic("K659", message, Place(), hint, Severity.WARNING)
