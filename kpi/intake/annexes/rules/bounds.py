"""Bounds of a text in the unit of the figure."""

from __future__ import annotations

from kpi.intake.annexes.targets import Bound
from kpi.values.units import PERCENT, POINTS, Unit, convertible, factor


def unit_ratio(source: Unit | None, target: Unit | None) -> float | None:
    """Return the factor from one unit to another; percentage points count as the unit of a rate.

    A number without a unit is in the unit of the other; None where the two do not go together.
    """
    if source is None or target is None:
        return 1.0
    if convertible(source, target):
        return factor(source, target)
    if {source.dimension, target.dimension} == {POINTS.dimension, PERCENT.dimension}:
        return factor(source, POINTS) if source.dimension == POINTS.dimension else factor(source, PERCENT)
    return None


def scaled(bound: Bound, unit: Unit | None) -> Bound | None:
    """Return a bound in a unit, None where the two do not go together."""
    ratio = unit_ratio(bound.unit, unit)
    if ratio is None:
        return None
    high = None if bound.high is None else bound.high * ratio
    return Bound(bound.comparator, bound.low * ratio, high, unit, bound.soft)
