"""Full or base marks at a target, and marks for each step short of it or beyond it: 每低1个百分点扣0.5分."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kpi.errors import Message
from kpi.intake.annexes.phrases import Earned, Limit, Required, Step
from kpi.intake.annexes.rules.bounds import unit_ratio
from kpi.intake.annexes.rules.row import Row
from kpi.intake.annexes.rules.scoring import Figure, Scoring
from kpi.intake.annexes.targets import Bound
from kpi.intake.annexes.texts import number
from kpi.values.units import PERCENT, POINTS, Unit


class _Clauses(Struct, frozen=True):
    """Clauses of steps that go together.

    Attributes:
        down: the step that takes marks off.
        up: the step that gives marks, None without one.
        base: the percent of full marks at the target.
        bound: the target, None where the annex has no number as target.
    """

    down: Step
    up: Step | None
    base: float
    bound: Bound | None

    @property
    def lower(self) -> bool:
        """Whether less is better."""
        return self.down.way == "above"


class _Formula(Struct, frozen=True):
    """Steps down and perhaps up from a base at the target.

    Attributes:
        figure: what the value is.
        unit: its unit.
        target: its target.
        at: the target as a number.
        down: the marks lost for each step, and the size of a step.
        up: the same gained.
        base: the percent of full marks at the target.
        lower: whether less is better.
    """

    figure: Figure
    unit: str
    target: dict[str, Any]
    at: float
    down: tuple[float, float]
    up: tuple[float, float] | None
    base: float
    lower: bool


def by_steps(row: Row) -> Scoring | None:
    """Return full or base marks at the target, and marks for each step short of it or beyond it."""
    clauses = _clauses(row)
    if clauses is None:
        return None
    formula = _without_target(row, clauses) if clauses.bound is None else _at_target(row, clauses, clauses.bound)
    if formula is None or isinstance(formula, Scoring):
        return formula
    return _steps_down(row, formula) if formula.up is None else _both_ways(row, formula, formula.up)


# ---- CLAUSES ---- #


def _clauses(row: Row) -> _Clauses | None:
    """Return the clauses of the row, None where they do not go together."""
    steps, earned = row.of(Step), row.of(Earned)
    if not steps or not row.only(Step, Earned, Limit, Required) or not _is_around_target(row, steps):
        return None
    down, up = [step for step in steps if not step.gives], [step for step in steps if step.gives]
    if len(down) != 1 or len(up) > 1 or (up and up[0].way == down[0].way):
        return None
    if len(earned) > 1 or any(part.on in ("missed", "rest") or part.lower for part in earned):
        return None
    base = row.earned_percent(earned[0]) if earned else 100
    since = [step.since for step in steps if step.since is not None]
    bound = row.target
    if not 0 < base <= 100 or len(since) > 1 or (since and bound is not None and since[0].low != bound.low):
        return None
    bound = bound or (since[0] if since else None) or (earned[0].bound if earned else None)
    return _Clauses(down[0], up[0] if up else None, base, bound)


def _is_around_target(row: Row, steps: Sequence[Step]) -> bool:
    """Return whether all steps are short of a target or above it; of what is required, one that is lacking."""
    if any(step.way not in ("short", "above") for step in steps):
        return False
    return not row.of(Required) or (
        len(steps) == 1 and not steps[0].gives and steps[0].way == "short" and not row.of(Earned)
    )


# ---- FORMULAS ---- #


def _at_target(row: Row, clauses: _Clauses, bound: Bound) -> _Formula | None:
    """Return the formula of steps from a target that is a number."""
    if bound.bare and clauses.lower and bound.comparator == "at_least":
        bound = replace(bound, comparator="at_most", high=None)
    if bound.comparator != "within" and (bound.comparator in ("at_most", "below")) != clauses.lower:
        return None
    unit = row.figure_unit(clauses.down.unit)
    target = row.target_in(bound, unit)
    sizes = {step: _size(row, step, unit, bound) for step in row.of(Step)}
    if target is None or None in sizes.values():
        return None
    down, up = clauses.down, clauses.up
    return _Formula(
        "value", row.text_of(unit), target, bound.low * (unit_ratio(bound.unit, unit) or 1.0),
        (down.marks, sizes[down] or 1.0), None if up is None else (up.marks, sizes[up] or 1.0),
        clauses.base, clauses.lower,
    )  # fmt: skip


def _size(row: Row, step: Step, unit: Unit | None, bound: Bound) -> float | None:
    """Return the size of a step in the unit of the value, None where it has none there."""
    if step.unit is None:
        return step.size
    ratio = unit_ratio(step.unit, unit)
    if ratio is not None:
        if step.unit.dimension == PERCENT.dimension and unit is not None and unit.dimension == PERCENT.dimension:
            row.guess(Message("1 % of a rate is one percentage point"))
        return step.size * ratio
    if step.unit.dimension == PERCENT.dimension and bound.low > 0 and bound.high is None:
        row.guess(Message("a step in % is a part of the target"))
        return bound.low * (unit_ratio(bound.unit, unit) or 1.0) * step.size / 100
    return None


def _without_target(row: Row, clauses: _Clauses) -> _Formula | Scoring | None:
    """Return the same where the annex has no number as target: of the completion, or of what is lacking."""
    percents = (PERCENT.dimension, POINTS.dimension)
    down, up, base = clauses.down, clauses.up, clauses.base
    if down.unit is not None and down.unit.dimension in percents and not clauses.lower:
        unit, target = row.completed()
        if up is not None and up.unit is not None and up.unit.dimension not in percents:
            return None
        gained = None if up is None else (up.marks, up.size)
        return _Formula("completed", unit, target, 100.0, (down.marks, down.size), gained, base, lower=False)
    if up is not None or base != 100 or down.unit is None:
        return None
    return _of_the_rest(row, down, str(down.unit), lower=clauses.lower)


def _of_the_rest(row: Row, down: Step, unit: str, *, lower: bool) -> Scoring:
    """Return the scoring of what is lacking of what is required, or is beyond what is allowed."""
    if row.of(Required):
        row.guess(Message("only what is lacking in all periods counts, not what is required in each"))
    figure: Figure = "over" if lower else "short"
    if lower:
        row.guess(Message("the figure is how far the value is beyond what is allowed, which the annex does not state"))
    else:
        row.guess(Message("the figure is how much is lacking of what is required, which the annex does not state"))
    score = _deduction(row, down.marks, down.size)
    return Scoring(figure, unit, {"at_most": 0}, score | row.least())


# ---- SCORES ---- #


def _deduction(row: Row, marks: float, size: float) -> dict[str, Any]:
    row.guess(Message("only whole steps count"))
    return {
        "kind": "deduction",
        "points": row.percent(marks),
        "per": number(size),
        "steps": "whole",
        "ours": ["steps"],
    }


def _steps_down(row: Row, formula: _Formula) -> Scoring:
    """Return the scoring of steps down alone."""
    marks, size = formula.down
    if formula.base == 100:
        score = _deduction(row, marks, size)
    else:
        score = {
            "kind": "step",
            "base": formula.base,
            "points": row.percent(marks),
            "per": number(size),
            "cap": formula.base,
        }
        row.guess(Message("parts of steps count"))
    return Scoring(formula.figure, formula.unit, formula.target, score | row.least())


def _both_ways(row: Row, formula: _Formula, up: tuple[float, float]) -> Scoring | None:
    """Return the scoring of steps down and up."""
    if "within" in formula.target:
        return None
    base, down = formula.base, formula.down
    cap = _cap(row, base)
    if cap is None:
        return None
    off = row.limit("off")
    floor = row.least() if off is None else {"floor": number(max(base - row.percent(off.marks or 0), -1e6))}
    row.guess(Message("parts of steps count"))
    slopes = down[0] / down[1], up[0] / up[1]
    if math.isclose(*slopes):
        score = {"kind": "step", "base": base, "points": row.percent(down[0]), "per": number(down[1])}
        limits = floor | ({} if cap == 100 else {"cap": cap})
        return Scoring(formula.figure, formula.unit, formula.target, score | limits)
    low = floor.get("floor", 0)
    if low is None:
        return None
    sign = -1 if formula.lower else 1
    lost, gained = (base - low) / row.percent(slopes[0]), (cap - base) / row.percent(slopes[1])
    ends = [number(formula.at - sign * lost), number(low)], [number(formula.at + sign * gained), cap]
    knots = [ends[0], [number(formula.at), base], ends[1]]
    score = {"kind": "piecewise", "knots": knots[::sign]}
    return Scoring(formula.figure, formula.unit, formula.target, score | ({} if low == 0 else {"floor": low}))


def _cap(row: Row, base: float) -> float | None:
    """Return the most that steps up give in percent, None where nothing limits what is added to full marks."""
    added, most = row.limit("added"), row.limit("on")
    if added is not None and added.marks is not None:
        return number(Fraction(str(base)) + Fraction(str(row.percent(added.marks))))
    if most is not None:
        return 100 if most.marks is None else row.percent(most.marks)
    if base == 100:
        return None
    row.guess(Message("full marks are the most, as the annex has no other limit"))
    return 100
