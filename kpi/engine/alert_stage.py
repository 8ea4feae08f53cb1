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


def stage(system: System) -> Stage:
    """Return the stage with a column for each alert; without alerts it has none."""
    columns: dict[str, pl.Expr] = {
        holds(name): alert.condition(system.symbols).expr for name, alert in system.notify.items()
    }
    return Stage("alerts", Message("alerts: where a condition holds"), columns)


def reach(system: System, known: dict[str, Reach]) -> Reach:
    """Return what alerts depend on: the figures of their conditions, now and in the period before."""
    figures = joined(*(known[used] for alert in system.notify.values() for used in alert.names()))
    return seen(back(1), figures)
