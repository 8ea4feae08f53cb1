"""Further columns of the tidy result frames: progress, lights, effective weights, contributions, ranks.

They are stages like those of the plan, and run when a result frame first needs them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import polars as pl

from kpi.engine import contributions, funnel_limits
from kpi.engine.stage import Stage
from kpi.errors import Message
from kpi.language.aggregation.nodes import Combination
from kpi.language.indicators import MONTH
from kpi.language.scoring import Case
from kpi.language.scoring.rule import Rule
from kpi.language.system import System
from kpi.language.targets import fixed_bound, fixed_ends, in_force, is_fixed
from kpi.values.columns import Column
from kpi.values.rounding import score_key
from kpi.values.status import literal

NOTHING = pl.lit(None, dtype=pl.Float64)


def target_bounds(system: System, name: str) -> tuple[pl.Expr, pl.Expr]:
    """Return the target in force and, for `within`, its upper bound, each null where there is none."""
    targets = system.targets(name)
    if is_fixed(targets):
        # NOTE: Polars 2.1 divides by a constant column as a multiplication by its reciprocal, but by a column with a
        # number per row as a division, which differs in the last bits. A literal makes the choice explicit.
        low, high = targets[0].bounds(system.unit(name))
        return literal(low), literal(high)
    target = pl.col(Column(name).target) if targets else NOTHING
    return target, pl.col(Column(name).upper_target) if any(targeted.within for targeted in targets) else NOTHING


def target_reached(system: System, name: str, value: pl.Expr | None = None) -> pl.Expr:
    """Return whether the target in force is reached, by the value or another one; null without a target."""
    targets = system.targets(name)
    if not targets:
        return pl.lit(None, dtype=pl.Boolean)
    low, high = target_bounds(system, name)
    value = pl.col(name) if value is None else value
    return in_force(
        targets, MONTH, {i: item.reached(value, low, high) for i, item in enumerate(targets)}, system.timeline
    )


def case_of(system: System, name: str, rule: Rule, value: str, figures: dict[str, pl.Expr]) -> Case:
    """Return what the rule of an indicator sees of a column of values.

    Args:
        system: the system.
        name: of the indicator.
        rule: its scoring rule.
        value: the column: the indicator itself, its treated values, or an end of its limits.
        figures: where columns with statistics of the peers are added.
    """
    low, high = target_bounds(system, name)
    targets, unit, indicator = system.targets(name), system.unit(name), system.indicators[name]
    is_reached = functools.partial(target_reached, system, name)
    return Case(
        pl.col(value), unit, indicator.direction, low, high, is_reached, rule.peers, name, figures,
        fixed=fixed_bound(targets, unit), ends=fixed_ends(targets, unit),
        exact=value == name and indicator.exact(system.symbols), marks=system.own_marks(name),
        may_span=any(target.within for target in targets),
    )  # fmt: skip


def _outlook(system: System, name: str) -> pl.Expr:
    """Return the light of a projection: green where the target will be reached, at_risk where it may be, else red."""
    ends = [target_reached(system, name, pl.col(end)) for end in (Column(name).low, Column(name).high)]
    # An interval without an upper end reaches every target from below.
    within = pl.any_horizontal(ends) | pl.col(Column(name).high).is_null()
    will = target_reached(system, name)
    return (
        pl.when(will).then(pl.lit("green")).when(will.is_null()).then(pl.lit("none"))
        .when(within).then(pl.lit("at_risk")).otherwise(pl.lit("red"))
    )  # fmt: skip


def details_of(system: System) -> Iterator[Stage]:
    """Yield the stages of the tidy frames: attainment, schedule, lights, weights, contributions, ranks."""
    leaves = frozenset(system.indicators)
    columns: dict[str, pl.Expr] = {}
    for name in system.indicators:
        columns |= _progress(system, name)
    yield Stage("progress", Message("attainment and schedule"), columns)
    lights: dict[str, pl.Expr] = {}
    for name in system.indicators:
        behind = score_key(pl.col(Column(name).schedule) - pl.col(Column(name).attainment))
        light = (
            pl.when(behind <= system.lights.green)
            .then(pl.lit("green"))
            .when(behind <= system.lights.yellow)
            .then(pl.lit("yellow"))
        )
        if system.indicators[name].light_by_outlook:
            lights[Column(name).light] = _outlook(system, name)
            continue
        lights[Column(name).light] = light.when(behind.is_not_null()).then(pl.lit("red")).otherwise(pl.lit("none"))
    yield Stage("lights", Message("lights"), lights)
    if system.tops:
        shares: dict[str, pl.Expr] = {}
        for name, node, given in system.tree:
            shares |= Combination(name, node, given, leaves).shares()
        yield Stage("shares", Message("shares of the parts"), shares)
        yield Stage(
            "weights 0",
            Message("effective weights of top pillars"),
            {Column(top).weight: pl.col(Column(top).share) * 100 for top in system.tops},
        )
        for depth, names in enumerate(reversed(system.depths), 1):
            nodes_of = {name: system.pillars[name].parts for name in names if name in system.counted}
            parts = [(part, name) for name, under in nodes_of.items() for part, weight in under.items() if weight]
            weights: dict[str, pl.Expr] = {
                Column(part).weight: pl.col(Column(name).weight) * pl.col(Column(part).share) for part, name in parts
            }
            yield Stage(f"weights {depth}", Message("effective weights of lower levels"), weights)
        yield Stage("counted", Message("scores that count"), contributions.counted(system))
        for number, group in enumerate(contributions.columns(system)):
            yield Stage(f"contributions {number}", Message("contributions to the total"), group)
    elif system.headlines:
        nothing = [*system.pillars, *system.parents]
        facts = [fact for name in nothing for fact in (Column(name).weight, Column(name).contribution)]
        yield Stage("contributions", Message("contributions to the total"), dict.fromkeys(facts, NOTHING))
    nodes = [*system.indicators, *system.pillars]
    places: dict[str, pl.Expr] = {
        Column(name).rank: score_key(pl.col(Column(name).score)).rank("min", descending=True).over(system.ranked_within)
        for name in nodes
    }
    yield Stage("ranks", Message("ranks by indicator and pillar"), places)
    yield from funnel_limits.stages(system)


def _progress(system: System, name: str) -> dict[str, pl.Expr]:
    """Return the columns `name.attainment`, `name.schedule` (percent) and `name.reached` (Boolean)."""
    targets = system.targets(name)
    if not targets:
        return {
            Column(name).attainment: NOTHING,
            Column(name).schedule: NOTHING,
            Column(name).reached: pl.lit(None, dtype=pl.Boolean),
        }
    low, high = target_bounds(system, name)
    unit = system.unit(name)
    value = system.indicators[name].attained(name)
    attained = {i: target.attainment(value, low, high, unit) for i, target in enumerate(targets)}
    due = {i: target.due(MONTH, system.timeline) for i, target in enumerate(targets)}
    return {
        Column(name).attainment: in_force(targets, MONTH, attained, system.timeline),
        Column(name).schedule: in_force(targets, MONTH, due, system.timeline),
        Column(name).reached: target_reached(system, name),
    }
