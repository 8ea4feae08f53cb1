"""Confidence limits of values, and the funnel limits of groups with over-dispersion, as columns of the details.

For each indicator with limits: `lower`, `upper`, and with a funnel `centre`, `deviation`, `dispersion`, `widened` and
`signal` (alarm_above, alert_above, within, alert_below, alarm_below).
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from kpi.engine.stage import Stage
from kpi.errors import Message
from kpi.language.limits import Limits
from kpi.language.small_numbers import GROUP, limited
from kpi.language.system import System
from kpi.values.columns import Column
from kpi.values.intervals import quantile
from kpi.values.rounding import HAIR

#: The z of the inner and the outer funnel limits.
INNER, OUTER = quantile(95), quantile(99.8)
#: The fewest units of a group with funnel limits.
FEWEST = 3

#: The signals in words, in the order from above.
SIGNALS = {
    "alarm_above": Message("alarm: above the 99.8 % limit"),
    "alert_above": Message("alert: above the 95 % limit"),
    "within": Message("within the limits"),
    "alert_below": Message("alert: below the 95 % limit"),
    "alarm_below": Message("alarm: below the 99.8 % limit"),
}


def stages(system: System) -> Iterator[Stage]:
    """Yield the stages with limits; none for a system without."""
    ends: dict[str, pl.Expr] = {}
    centres: dict[str, pl.Expr] = {}
    chances: dict[str, pl.Expr] = {}
    dispersions: dict[str, pl.Expr] = {}
    widened: dict[str, pl.Expr] = {}
    signals: dict[str, pl.Expr] = {}
    for name, (limits, error) in limited(system).items():
        column, z = Column(name), quantile(limits.level)
        ends[column.lower_limit], ends[column.upper_limit] = error.limit(-z), error.limit(z)
        if limits.funnel == "none" or error.is_number:
            continue
        centres[column.centre] = error.centre()
        chance = error.chance(pl.col(column.centre))
        units = pl.when(error.possible()).then(pl.col(name)).count().over(GROUP)
        chances[column.deviation] = pl.when((units >= FEWEST) & (chance > 0)).then(chance)
        dispersions[column.dispersion] = _dispersion(name, limits)
        widened[column.widened] = _widened(name, limits)
        signals[column.signal] = _signal(name)
    if ends:
        yield Stage("limits", Message("confidence limits"), ends)
        yield Stage("centres", Message("values of groups as a whole"), centres)
        yield Stage("chance", Message("standard errors by chance"), chances)
        yield Stage("dispersion", Message("over-dispersion"), dispersions)
        yield Stage("funnels", Message("standard errors with over-dispersion"), widened)
        yield Stage("signals", Message("alarms and alerts"), signals)


def has_funnel(system: System) -> dict[str, bool]:
    """Return the indicators with limits, each with whether it has funnel limits."""
    return {name: limits.funnel != "none" and not error.is_number for name, (limits, error) in limited(system).items()}


def _dispersion(name: str, limits: Limits) -> pl.Expr:
    """Return φ, the mean square of the winsorised z-scores of the group."""
    z = (pl.col(name) - pl.col(Column(name).centre)) / pl.col(Column(name).deviation)
    part = limits.winsorise / 100
    low, high = (z.quantile(item, "linear").over(GROUP) for item in (part, 1 - part))
    return (z.clip(low, high) ** 2).mean().over(GROUP)


def _widened(name: str, limits: Limits) -> pl.Expr:
    """Return the standard error with over-dispersion."""
    chance, spread = pl.col(Column(name).deviation), pl.col(Column(name).dispersion)
    if limits.funnel == "plain":
        return chance
    if limits.funnel == "multiplicative":
        return chance * spread.clip(1).sqrt()
    weight, number = 1 / chance**2, chance.count().over(GROUP)
    whole = weight.sum().over(GROUP)
    between = (number * spread - (number - 1)) / (whole - (weight**2).sum().over(GROUP) / whole)
    return (chance**2 + between.clip(0)).sqrt()


def _signal(name: str) -> pl.Expr:
    """Return where the value is between the limits; null without limits."""
    column = Column(name)
    away = (pl.col(name) - pl.col(column.centre)) / pl.col(column.widened)
    return (
        pl.when(away.is_null()).then(pl.lit(None, dtype=pl.String))
        .when(away > OUTER * (1 + HAIR)).then(pl.lit("alarm_above"))
        .when(away < -OUTER * (1 + HAIR)).then(pl.lit("alarm_below"))
        .when(away > INNER * (1 + HAIR)).then(pl.lit("alert_above"))
        .when(away < -INNER * (1 + HAIR)).then(pl.lit("alert_below"))
        .otherwise(pl.lit("within"))
    )  # fmt: skip
