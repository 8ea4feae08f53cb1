"""Marks for what is counted: taken off for faults (每发现一起扣2分), or given for things (每新增1家得2分)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from kpi.errors import Message
from kpi.intake.annexes.phrases import Earned, Limit, Once, Step
from kpi.intake.annexes.rules.row import Row
from kpi.intake.annexes.rules.scoring import Count, Scoring, addable
from kpi.intake.annexes.texts import number


def by_counts(row: Row) -> Scoring | None:
    """Return full marks less marks for what is counted, such as faults."""
    if not _is_counted(row):
        return None
    counts = _counts(row)
    score: dict[str, Any]
    if len(counts) == 1 and not counts[0].once:
        score = {
            "kind": "deduction",
            "points": row.percent(counts[0].marks),
            "per": number(counts[0].size),
            "steps": "whole",
        }
        return Scoring("counted", counts[0].unit, {"at_most": 0}, score | row.least(), counts=tuple(counts))
    if not all(map(addable, counts)) or any(limit.of == "off" for limit in row.of(Limit)):
        # A limit could be that of one of the counts, or of all.
        return None
    score = {"kind": "deduction", "points": row.percent(1), "per": 1, "steps": "linear"}
    return Scoring("counted", "次", {"at_most": 0}, score | row.least(), counts=_alike(row, counts))


def by_grants(row: Row) -> Scoring | None:
    """Return marks for each step from nothing on, such as for enterprises won."""
    steps = row.of(Step)
    if not steps or not row.only(Step, Limit) or not _is_granted(row, steps):
        return None
    most = row.limit("on") or row.limit("added")
    if any(step.bare for step in steps) and (most is None or most.of != "on"):
        return None
    if most is None:
        row.guess(Message("full marks are the most, as the annex has no other limit"))
    cap = None if most is None or most.marks is None else row.percent(most.marks)
    limits = {} if cap in (None, 100) else {"cap": cap}
    counts = _counts(row)
    if any(step.way == "above" for step in steps):
        row.guess(Message("steps count from zero, and parts of steps count"))
    if len(counts) == 1:
        high = row.marks * Fraction(str(counts[0].size)) / Fraction(str(counts[0].marks))
        score = {"kind": "goalposts", "low": 0, "high": number(high)}
        return Scoring("counted", counts[0].unit, None, score | limits, counts=tuple(counts))
    if not all(map(addable, counts)) or (most is not None and row.parts[-1] is not most):
        # A limit between the counts is that of one of them.
        return None
    score = {"kind": "goalposts", "low": 0, "high": number(row.marks)}
    return Scoring("counted", "次", None, score | limits, counts=_alike(row, counts))


def _is_counted(row: Row) -> bool:
    """Return whether things are counted and marks taken off for them, from full marks."""
    steps = row.of(Step)
    counted = [*steps, *row.of(Once)]
    return (
        bool(counted)
        and not any(part.gives for part in counted)
        and row.only(Step, Once, Limit, Earned)
        and all(step.way == "count" for step in steps)
        and all(earned.on == "reached" and row.earned_percent(earned) == 100 for earned in row.of(Earned))
    )


def _is_granted(row: Row, steps: Sequence[Step]) -> bool:
    """Return whether all steps give marks from nothing on: for things, or for a growth without a target."""
    if not all(step.gives and step.way in ("count", "above") for step in steps):
        return False
    above = [step for step in steps if step.way == "above"]
    has_target = row.stated_target is not None and row.stated_target.bound is not None
    return all(step.growth for step in above) and not (above and has_target)


def _counts(row: Row) -> list[Count]:
    counts = []
    for part in row.parts:
        if isinstance(part, Step):
            unit = "次" if part.unit is None else str(part.unit)
            counts.append(Count(part.of, unit, part.marks, part.size))
        elif isinstance(part, Once):
            counts.append(Count(part.what, "次", part.marks, once=True))
    return counts


def _alike(row: Row, counts: Sequence[Count]) -> tuple[Count, ...]:
    """Return counts in one unit, as they are added up."""
    if len({count.unit for count in counts}) > 1:
        row.guess(Message("what is counted is added up, so all of it is in 次"))
    return tuple(Count(count.label, "次", count.marks, count.size, count.once) for count in counts)
