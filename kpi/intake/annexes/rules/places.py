"""Marks by rank, or in proportion to the best of the peers: 第一名得满分，每降一名扣1分."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from kpi.errors import Message
from kpi.intake.annexes.phrases import Limit, Places, Ratio, ToBest
from kpi.intake.annexes.rules.row import Row
from kpi.intake.annexes.rules.scoring import Scoring
from kpi.intake.annexes.texts import number


def by_places(row: Row) -> Scoring | None:
    """Return marks by the place among the units compared, or by the distance to the best of them."""
    places, best = row.of(Places), row.of(ToBest)
    if not (places or best) or not row.only(Places, ToBest, Limit, Ratio):
        return None
    given = [place for place in places if place.marks]
    steps = [place.step for place in places if place.step is not None]
    stated_target = row.stated_target
    if stated_target is not None and stated_target.place is not None:
        return _at_place(row, given, steps, stated_target.place)
    if best or any(ratio.since is None for ratio in row.of(Ratio)):
        return _to_best(row, given, steps)
    return _by_rank(row, given, steps)


def _at_place(row: Row, given: Sequence[Places], steps: Sequence[float], place: int) -> Scoring | None:
    """Return the scoring of a place among others than the units compared, such as all of the province."""
    if len(steps) != 1 or len(given) != 1 or given[0].marks != (None,) or given[0].upto != place:
        return None
    row.guess(Message("the figure is the place, as the target is one among other units"))
    score = {"kind": "deduction", "points": row.percent(steps[0]), "per": 1, "steps": "whole"}
    return Scoring("place", "位", {"at_most": place}, score | row.least())


def _to_best(row: Row, given: Sequence[Places], steps: Sequence[float]) -> Scoring | None:
    better, unit = row.direction(), row.text_of(row.figure_unit())
    if steps or len(given) > 1 or any(place.upto != 1 for place in given):
        return None
    first = _of_first(row, given[0]) if given else 100
    score: dict[str, Any] = {"kind": "distance_to_best", "by": "ratio"}
    if first != 100:
        score["scale"] = [0, first]
    return Scoring("value", unit, None, score, better)


def _by_rank(row: Row, given: Sequence[Places], steps: Sequence[float]) -> Scoring | None:
    better, unit = row.direction(), row.text_of(row.figure_unit())
    if len(given) != 1 or len(steps) > 1:
        return None
    marks = _between_places(row, given[0].marks, steps)
    if marks is None:
        return None
    first, step = _of_first(row, given[0]), row.percent(marks)
    start = number(Fraction(str(first)) + Fraction(str(step)) * (given[0].upto - 1))
    score: dict[str, Any] = {"kind": "rank", "first": start, "step": step}
    if first != 100:
        score["cap"] = first
    row.guess(Message("places are those among the units compared; equal values share the better one"))
    return Scoring("value", unit, None, score | row.least(), better)


def _of_first(row: Row, places: Places) -> float | int:
    """Return the percent of full marks of the first place."""
    marks = places.marks[0]
    return 100 if marks is None else row.percent(marks)


def _between_places(row: Row, listed: Sequence[float | None], steps: Sequence[float]) -> float | None:
    """Return the marks between one place and the next, None where there are none or they are not all the same."""
    if len(listed) == 1:
        return steps[0] if steps else None
    falls = {round(a - b, 9) for a, b in pairwise(listed) if a is not None and b is not None}
    if len(falls) != 1 or min(falls) <= 0 or steps:
        return None
    row.guess(Message("places behind those that are listed go on with the same step"))
    return falls.pop()
