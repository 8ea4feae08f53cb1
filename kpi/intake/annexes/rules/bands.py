"""Marks by bands of values: 90%以上得10分，80%-90%得8分，80%以下不得分."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from kpi.errors import Message
from kpi.intake.annexes.phrases import Earned, Limit
from kpi.intake.annexes.rules.bounds import scaled
from kpi.intake.annexes.rules.row import Row
from kpi.intake.annexes.rules.scoring import Scoring
from kpi.intake.annexes.targets import Bound
from kpi.intake.annexes.texts import number, quantity
from kpi.values.units import Unit

#: The bound of a band that begins above zero, as bounds of bands are inclusive.
_LEAST_ABOVE = 0.0001

#: Bands from the best one down: the percent of full marks, and the bound in the unit of the figure.
_Bands = Sequence[tuple[float, Bound]]


def by_bands(row: Row) -> Scoring | None:
    """Return marks by bands."""
    earned = row.earned("bound")
    if len(earned) < 2 or not row.only(Earned, Limit):
        return None
    rest = [*row.earned("rest"), *row.earned("missed")]
    if len(rest) > 1 or row.earned("reached"):
        return None
    unit = row.figure_unit(*(band.bound.unit for band in earned if band.bound is not None))
    bands = _bands(row, earned, unit)
    if bands is None:
        return None
    lower = _is_lower(bands)
    cuts = _cuts(row, bands, lower=lower)
    if cuts is not None:
        cuts = _with_rest(row, cuts, rest[0] if rest else None, bands[-1][0], lower=lower)
    if cuts is None or not _is_ordered(cuts, lower=lower):
        return None
    if any(bound.high is not None for _, bound in bands):
        row.guess(Message("a value on the bound of two bands belongs to the better one"))
    shown = {
        number(mark): edge if math.isinf(edge) else quantity(edge, unit) for mark, edge in cuts.items() if mark != 0
    }
    return Scoring("value", row.text_of(unit), None, {"kind": "bands", "cuts": shown}, "lower" if lower else None)


def _bands(row: Row, earned: Sequence[Earned], unit: Unit | None) -> _Bands | None:
    """Return the bands in a unit, None where one has no bound in it."""
    bands = []
    for band in earned:
        bound = None if band.bound is None else scaled(band.bound, unit)
        if bound is None:
            return None
        bands.append((row.earned_percent(band), bound))
    return sorted(bands, key=lambda band: -band[0])


def _is_lower(bands: _Bands) -> bool:
    """Return whether less is better: the best band is that of the least values."""
    best = bands[0][1]
    return best.comparator in ("at_most", "below") or (
        best.comparator in ("within", "equals") and all(bound.low > best.low for _, bound in bands[1:])
    )


def _cuts(row: Row, bands: _Bands, *, lower: bool) -> dict[float, float] | None:
    """Return the worst value of each band by its percent of marks, None where the bands do not go together."""
    cuts: dict[float, float] = {}
    for at, (mark, bound) in enumerate(bands):
        last = at == len(bands) - 1
        edge = _edge(bound, list(cuts.values())[-1] if last else None, lower=lower)
        if edge is None or mark in cuts:
            return None
        if mark != 0 or not math.isinf(edge):
            cuts[mark] = edge
        if bound.comparator in ("above", "below") and not last:
            row.guess(Message("the bounds of bands are inclusive"))
    return cuts


def _edge(bound: Bound, before: float | None, *, lower: bool) -> float | None:
    """Return the worst value of a band, None where it has none.

    Args:
        bound: the bound of the band.
        before: of the last band, the worst value of the one before.
        lower: whether less is better.
    """
    if bound.comparator == "within":
        return (bound.high or 0.0) if lower else bound.low
    if (bound.comparator in ("at_least", "above", "equals")) != lower:
        return bound.low
    if before is not None and _meets(bound.low, before):
        return _worst(lower=lower)
    return None


def _meets(low: float, edge: float) -> bool:
    """Return whether the last band begins where the one before ends; 80—89 and 79以下 meet, too."""
    integers = float(low).is_integer() and float(edge).is_integer()
    return math.isclose(low, edge, abs_tol=1e-9) or (integers and abs(low - edge) <= 1)


def _worst(*, lower: bool) -> float:
    return math.inf if lower else -math.inf


def _with_rest(
    row: Row, cuts: dict[float, float], rest: Earned | None, least: float, *, lower: bool
) -> dict[float, float] | None:
    """Return the cuts with the marks of all other values, None where these do not go with the bands.

    Args:
        row: the row.
        cuts: the worst value of each band.
        rest: the clause on other values, or on what is missed.
        least: the percent of marks of the last band.
        lower: whether less is better.
    """
    if rest is None:
        return cuts
    unchanged, percent = rest.bound, row.earned_percent(rest)
    cuts = dict(cuts)
    if math.isinf(list(cuts.values())[-1]) and (rest.on == "missed" or percent > 0):
        # The bands have marks for every value: what is missed has to be one of them.
        if unchanged is None or lower or not _is_of_bands(row, unchanged):
            return None
        cuts[least] = 0.0 if unchanged.comparator == "below" else _LEAST_ABOVE
        if unchanged.comparator == "at_most":
            row.guess(Message("the last band begins above zero, which is written as {bound}", bound=_LEAST_ABOVE))
    elif unchanged is not None:
        return None
    if percent > 0:
        cuts[percent] = _worst(lower=lower)
    return cuts


def _is_of_bands(row: Row, unchanged: Bound) -> bool:
    """Return whether 未增长 is about the figure of the bands: one of a growth, by their words or by the name."""
    subjects = [earned.bound.subject for earned in row.earned("bound") if earned.bound is not None]
    return any(unchanged.subject in text for text in (*subjects, row.name))


def _is_ordered(cuts: dict[float, float], *, lower: bool) -> bool:
    """Return whether better marks have better values."""
    edges = [cuts[mark] for mark in sorted(cuts)]
    return all((b < a) if lower else (b > a) for a, b in pairwise(edges))
