"""What the tidy result frames add to a scored panel: progress, lights, effective weights, contributions, places.

They are stages like those of the plan, and run only when a frame of results first needs them.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from kpi.engine import contributions
from kpi.engine.stage import Stage
from kpi.language.aggregation.nodes import Combination
from kpi.language.indicators import MONTH
from kpi.language.system import ROOT, System
from kpi.language.targets import in_force, is_fixed
from kpi.values.columns import Column
from kpi.values.rounding import score_key
from kpi.values.status import literal

NOTHING = pl.lit(None, dtype=pl.Float64)


def goal(system: System, name: str) -> tuple[pl.Expr, pl.Expr]:
    """Return the target in force and, for `within`, its upper bound, each null where there is none."""
    targets = system.targets(name)
    if is_fixed(targets):
        # NOTE: a column that holds one number for all rows divides as its reciprocal multiplies (Polars 2.1), and where
        # it comes to hold one number a row, the last bits change: a number says which it is.
        low, high = targets[0].bounds(system.unit(name))
        return literal(low), literal(high)
    target = pl.col(Column(name).target) if targets else NOTHING
    return target, pl.col(Column(name).upper_target) if any(one.within for one in targets) else NOTHING


def reached(system: System, name: str) -> pl.Expr:
    """Return whether the target in force is reached, null where there is none."""
    targets = system.targets(name)
    if not targets:
        return pl.lit(None, dtype=pl.Boolean)
    low, high = goal(system, name)
    return in_force(
        targets, MONTH, {i: one.reached(pl.col(name), low, high) for i, one in enumerate(targets)}, system.timeline
    )


def details_of(system: System) -> Iterator[Stage]:
    """Yield the stages for the tidy frames: attainment, schedule, lights, weights, contributions, places."""
    leaves = frozenset(system.indicators)
    columns: dict[str, pl.Expr] = {}
    for name in system.indicators:
        columns |= _progress(system, name)
    yield Stage("progress", "完成程度与序时进度", columns)
    lights: dict[str, pl.Expr] = {}
    for name in system.indicators:
        behind = score_key(pl.col(Column(name).schedule) - pl.col(Column(name).attainment))
        light = (
            pl.when(behind <= system.lights.green)
            .then(pl.lit("green"))
            .when(behind <= system.lights.yellow)
            .then(pl.lit("yellow"))
        )
        lights[Column(name).light] = light.when(behind.is_not_null()).then(pl.lit("red")).otherwise(pl.lit("none"))
    yield Stage("lights", "红黄绿灯", lights)
    if system.tops:
        shares = Combination(ROOT, system.composite, system.tops, leaves).shares()
        for names in system.depths:
            for name in names:
                shares |= Combination(name, system.pillars[name], system.pillars[name].parts, leaves).shares()
        yield Stage("shares", "各部分实际权重占比", shares)
        yield Stage(
            "weights 0",
            "一级指标实际权重",
            {Column(top).weight: pl.col(Column(top).share) * 100 for top in system.tops},
        )
        for depth, names in enumerate(reversed(system.depths), 1):
            parts = [(part, name) for name in names for part in system.pillars[name].parts]
            weights: dict[str, pl.Expr] = {
                Column(part).weight: pl.col(Column(name).weight) * pl.col(Column(part).share) for part, name in parts
            }
            yield Stage(f"weights {depth}", "下级实际权重", weights)
        yield Stage("counted", "计入的得分", contributions.counted(system))
        for number, made in enumerate(contributions.columns(system)):
            yield Stage(f"contributions {number}", "对总分的贡献", made)
    nodes = [*system.indicators, *system.pillars]
    places: dict[str, pl.Expr] = {
        Column(name).rank: score_key(pl.col(Column(name).score)).rank("min", descending=True).over("period", "cohort")
        for name in nodes
    }
    yield Stage("ranks", "单项位次", places)


def _progress(system: System, name: str) -> dict[str, pl.Expr]:
    """Return the columns `name.attainment`, `name.schedule` (percent) and `name.reached` (Boolean)."""
    targets = system.targets(name)
    if not targets:
        return {
            Column(name).attainment: NOTHING,
            Column(name).schedule: NOTHING,
            Column(name).reached: pl.lit(None, dtype=pl.Boolean),
        }
    low, high = goal(system, name)
    unit = system.unit(name)
    value = system.indicators[name].attained(name)
    attained = {i: target.attainment(value, low, high, unit) for i, target in enumerate(targets)}
    due = {i: target.due(MONTH, system.timeline) for i, target in enumerate(targets)}
    return {
        Column(name).attainment: in_force(targets, MONTH, attained, system.timeline),
        Column(name).schedule: in_force(targets, MONTH, due, system.timeline),
        Column(name).reached: reached(system, name),
    }
