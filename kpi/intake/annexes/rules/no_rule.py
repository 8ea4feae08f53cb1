"""A row without a rule: its target in proportion, which is ours, or marks as awarded."""

from __future__ import annotations

from kpi.errors import Message
from kpi.intake.annexes.rules.awards import awarded
from kpi.intake.annexes.rules.row import Row
from kpi.intake.annexes.rules.scoring import Scoring


def without_rule(row: Row) -> Scoring | None:
    """Return completion of a target, or marks as awarded where there is none either."""
    if row.parts:
        return None
    bound = row.target
    if bound is None:
        row.guess(Message("the annex has neither a rule nor a number as target: the marks are entered as awarded"))
        return awarded(row.marks, understood=True)
    unit = row.figure_unit()
    target = row.target_in(bound, unit)
    if target is None:
        return None
    row.guess(Message("the annex has no rule; in proportion to the completion is ours"))
    return Scoring("value", row.text_of(unit), target, {"kind": "completion", "ours": True})
