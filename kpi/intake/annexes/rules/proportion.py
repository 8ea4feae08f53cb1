"""Marks in proportion to the completion of a target: 按比例得分, perhaps with nothing below a limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kpi.errors import Message
from kpi.intake.annexes.phrases import Earned, Limit, Ratio
from kpi.intake.annexes.rules.bounds import unit_ratio
from kpi.intake.annexes.rules.row import Row
from kpi.intake.annexes.rules.scoring import Figure, Scoring
from kpi.intake.annexes.targets import Bound
from kpi.intake.annexes.texts import number
from kpi.values.units import PERCENT, Unit


class _Completed(Struct, frozen=True):
    """What is completed in proportion: a figure with its unit, as a unit and as a text, and its target."""

    figure: Figure
    unit: Unit | None
    text: str
    target: dict[str, Any]


def by_proportion(row: Row) -> Scoring | None:
    """Return marks in proportion to the target, or to the completion of a task whose figure is elsewhere."""
    ratios = row.of(Ratio)
    if not ratios or not row.only(Ratio, Earned, Limit):
        return None
    zeros = [earned for earned in row.of(Earned) if earned.marks == 0]
    full = [earned for earned in row.of(Earned) if earned not in zeros]
    if not _is_simple(row, zeros, full):
        return None
    bound = row.target
    if bound is None and full:
        bound = full[0].bound
    completed = _completed(row, bound)
    if completed is None or (any(earned.lower for earned in row.of(Earned)) and (bound is None or bound.rising)):
        return None
    score = {"kind": "completion"} | _cap(row, ratios, full)
    if bound is not None and not bound.rising:
        row.guess(Message("where less is better, the proportion is target to actual"))
    scoring = Scoring(completed.figure, completed.text, completed.target, score | row.least())
    since = [ratio.since for ratio in ratios if ratio.since is not None]
    if not zeros:
        return None if since else scoring
    gate = _gate(row, zeros[0].bound, since, completed.unit, bound)
    return None if gate is None else replace(scoring, gate=gate)


def _is_simple(row: Row, zeros: Sequence[Earned], full: Sequence[Earned]) -> bool:
    """Return whether marks beside the proportion are full ones, and none at all short of one bound at most."""
    return (
        all(row.earned_percent(earned) == 100 for earned in full)
        and all(earned.on == "bound" for earned in zeros)
        and len(zeros) <= 1
    )


def _completed(row: Row, bound: Bound | None) -> _Completed | None:
    if bound is None:
        text, target = row.completed()
        return _Completed("completed", PERCENT, text, target)
    unit = row.figure_unit()
    in_unit = row.target_in(bound, unit)
    return None if in_unit is None else _Completed("value", unit, row.text_of(unit), in_unit)


def _cap(row: Row, ratios: Sequence[Ratio], full: Sequence[Earned]) -> dict[str, Any]:
    """Return the cap: what the limits say, else full marks unless the text has no limit."""
    most = row.limit("on") or row.limit("added")
    if most is not None and most.marks is not None:
        cap = row.percent(most.marks + float(row.marks) if most.of == "added" else most.marks)
        return {} if cap == 100 else {"cap": cap}
    if any(ratio.capped is False for ratio in ratios):
        return {"cap": None}
    if not full and not any(ratio.capped for ratio in ratios) and most is None:
        row.guess(Message("full marks are the most, as the annex has no other limit"))
    return {}


def _gate(
    row: Row, zero: Bound | None, since: Sequence[Bound], unit: Unit | None, bound: Bound | None
) -> tuple[str, float] | None:
    """Return the value short of which there is nothing, with the comparison; None where it does not fit.

    Args:
        row: the row.
        zero: the bound of the clause on no marks.
        since: the bounds from which on the proportion holds.
        unit: the unit of the figure.
        bound: the target.
    """
    if zero is None or zero.comparator not in ("below", "at_most") or (bound is not None and not bound.rising):
        return None
    low = zero.low
    ratio = unit_ratio(zero.unit, unit)
    if bound is not None and (ratio is None or "完成" in zero.subject):
        if zero.unit is None or zero.unit.dimension != PERCENT.dimension:
            return None
        low, ratio = bound.low * low / 100, unit_ratio(bound.unit, unit)
        row.guess(Message("the limit below which there are no marks is a part of the target"))
    if ratio is None or any(start.low != zero.low for start in since):
        return None
    return "<" if zero.comparator == "below" else "<=", number(low * ratio)
