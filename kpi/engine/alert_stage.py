"""The stage of alerts: where the condition of each holds."""

from __future__ import annotations

import polars as pl

from kpi.engine.stage import Stage
from kpi.errors import Message
from kpi.language.lookback import Reach, back, joined, seen
from kpi.language.system import System


def holds(name: str) -> str:
    """Return the column (Boolean) that is true where an alert holds, null where a figure that decides is missing."""
    return f"#alert {name}"


def stage(system: System, *, of_scores: bool) -> Stage:
    """Return the stage with a column for each alert; without alerts it has none.

    Args:
        system: whose alerts are meant.
        of_scores: the stage of alerts on scores, totals and places, or that of alerts on figures alone.
    """
    columns: dict[str, pl.Expr] = {
        holds(name): alert.condition(system.symbols, system.results).expr
        for name, alert in system.notify.items()
        if alert.reads_results(system.symbols) == of_scores
    }
    if of_scores:
        return Stage("alerts on scores", Message("alerts: where a condition on scores holds"), columns)
    return Stage("alerts", Message("alerts: where a condition holds"), columns)


def reach(system: System, known: dict[str, Reach], results: Reach) -> Reach:
    """Return what alerts depend on: what their conditions read, now and in the period before.

    Args:
        system: whose alerts are meant.
        known: what every figure depends on.
        results: what scores, totals and places depend on.
    """
    alerts = system.notify.values()
    figures = joined(*(known[used] for alert in alerts for used in alert.names() if used in known))
    of_scores = any(alert.reads_results(system.symbols) for alert in alerts)
    return seen(back(1), joined(figures, results) if of_scores else figures)
