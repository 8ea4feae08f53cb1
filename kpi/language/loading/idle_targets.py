"""Targets that every unit reaches, or none can: `at_least: 0` of a number of things, `above: 100` of a coverage.

Figures that may be below zero, such as growth, changes, money and balances, are not judged. A `note` or `ours` at the
target says that it is meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from kpi.errors import Message, Severity
from kpi.language.indicators import Indicator
from kpi.language.model import Problem, Problems
from kpi.language.never_negative import never_negative, says_change
from kpi.language.quantities import Quantity, in_unit
from kpi.language.system import System
from kpi.language.targets import PerEntity, Target
from kpi.values.units import Unit


class Range(Struct, frozen=True):
    """The least and the greatest value that an indicator can have."""

    low: float
    high: float


def range_of(name: str, system: System) -> Range | None:
    """Return between which numbers the values of an indicator lie; None where they may be below zero."""
    indicator = system.indicators[name]
    extent = indicator.extent(lambda of: _never_negative(of, system))
    if extent is None or (not indicator.bounded and says_change(name, indicator.title or "")):
        return None
    return Range(*extent)


def idle(system: System) -> Problems:
    """Yield the targets of a valid system that every unit reaches, and those that no unit can reach."""
    for name, indicator in system.indicators.items():
        unit = system.symbols[name].unit
        if not indicator.target or unit is None:
            continue
        within = range_of(name, system)
        if within is not None:
            yield from _of(name, indicator, within, unit, system)


def idle_at_zero(system: System) -> Iterator[tuple[str, PerEntity]]:
    """Yield the targets which the data or a file give, and which every unit reaches if they are all 0.

    Each is the only one of its indicator.
    """
    for name, indicator in system.indicators.items():
        bounds = [target.per_entity for target in indicator.target if not _answered(target)]
        # The first of several dated targets may well be 0.
        if len(indicator.target) != 1 or not bounds or indicator.target[0].comparator != "at_least":
            continue
        (bound,) = bounds
        if bound is None or bound.by is not None or range_of(name, system) is None:
            continue
        rule = system.rule(name)
        if rule is None or not rule.begins_at_target:
            yield name, bound


def _of(name: str, indicator: Indicator, within: Range, unit: Unit, system: System) -> Problems:
    judged = [_judged(target, within, unit) for target in indicator.target]
    rule = system.rule(name)
    stepwise = rule is not None and rule.begins_at_target
    for place, (target, reached) in enumerate(zip(indicator.target, judged, strict=True)):
        # The first of several dated targets may well be 0.
        if reached is None or (reached and (not all(judged) or stepwise)):
            continue
        fields = {"target": target.words(unit), "title": system.symbols[name].title}
        if reached:
            message = Message("every unit reaches the target {target} of {title}", **fields)
            hint = Message("write the number that is meant; a `note:` at the target says that every unit reaches it")
        else:
            message = Message("no unit can reach the target {target} of {title}", **fields)
            hint = Message("write the number that is meant; a `note:` at the target says why it is that")
        path = ("indicators", name, "target", place, target.comparator)
        yield Problem("K464", path, message, hint, severity=Severity.WARNING, at_key=True)


def _judged(target: Target, within: Range, unit: Unit) -> bool | None:
    """Return true where every value reaches a target, false where none does, None for any other."""
    if _answered(target) or target.done is not None:
        return None
    bounds = _bounds(target, unit)
    if not bounds:
        return None
    if target.within is not None:
        low, high = bounds
        everything, nothing = low <= within.low and high >= within.high, high < within.low or low > within.high
        return True if everything else False if nothing else None
    if all(_reached_by_all(target.comparator, bound, within) for bound in bounds):
        return True
    return False if all(_reached_by_none(target.comparator, bound, within) for bound in bounds) else None


def _answered(target: Target) -> bool:
    """Return whether a target says more of itself than its number."""
    return bool(target.note or target.ours or target.baseline is not None or target.tolerance)


def _bounds(target: Target, unit: Unit) -> Sequence[float]:
    """Return the bounds that a definition states: one, one for each class of units, or both ends."""
    if target.within is not None:
        return [in_unit(bound, unit) for bound in target.within]
    bound = getattr(target, target.comparator)
    given: Sequence[Quantity] = () if bound is None else (bound,)
    if isinstance(bound, PerEntity):
        given = tuple(bound.values.values())
    return [in_unit(item, unit) for item in given]


def _reached_by_all(comparator: str, bound: float, within: Range) -> bool:
    match comparator:
        case "at_least":
            return bound <= within.low
        case "above":
            return bound < within.low
        case "at_most":
            return bound >= within.high
        case "below":
            return bound > within.high
    return False


def _reached_by_none(comparator: str, bound: float, within: Range) -> bool:
    match comparator:
        case "at_least":
            return bound > within.high
        case "above":
            return bound >= within.high
        case "at_most":
            return bound < within.low
        case "below":
            return bound <= within.low
    return not within.low <= bound <= within.high


def _never_negative(name: str, system: System) -> bool:
    """Return whether a name is of a measure that is never below zero."""
    measure = system.measures.get(name)
    return measure is not None and (measure.counts or never_negative(name, measure))
