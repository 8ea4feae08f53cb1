"""All or nothing: 达到目标得满分，否则不得分."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from kpi.errors import Message
from kpi.intake.annexes.phrases import Earned, Limit
from kpi.intake.annexes.rules.row import Row
from kpi.intake.annexes.rules.scoring import Scoring
from kpi.intake.annexes.targets import Bound


class _Outcomes(Struct, frozen=True):
    """The clauses on what is reached and on what is missed, None without one."""

    reached: Earned | None
    missed: Earned | None

    @property
    def lower(self) -> bool:
        """Whether the words say that less is better."""
        return any(earned is not None and earned.lower for earned in (self.reached, self.missed))

    @property
    def zero(self) -> Bound | None:
        """The bound without marks."""
        return self.missed.bound if self.missed is not None and self.missed.on == "bound" else None

    def percents(self, row: Row) -> tuple[float, float]:
        """Return the percent of full marks of either."""
        missed = self.missed
        states = missed is not None and (missed.marks is not None or missed.share is not None)
        return (
            100 if self.reached is None else row.earned_percent(self.reached),
            row.earned_percent(missed) if missed is not None and states else 0,
        )

    def goes_with(self, bound: Bound | None) -> bool:
        """Return whether the words go with a target, or with none."""
        if self.lower and (bound is None or (bound.rising and not bound.bare)):
            return False
        return self.zero is None or (bound is not None and self.zero.low == bound.low)


def by_passing(row: Row) -> Scoring | None:
    """Return all or nothing."""
    outcomes = _outcomes(row)
    if outcomes is None:
        return None
    if outcomes.missed is None:
        row.guess(Message("nothing where the target is missed"))
    bound = row.target or (None if outcomes.reached is None else outcomes.reached.bound)
    full, fail = outcomes.percents(row)
    if not outcomes.goes_with(bound) or fail >= full:
        return None
    limits = ({} if full == 100 else {"full": full}) | ({} if fail == 0 else {"fail": fail})
    if bound is None:
        return _of_task(row, limits)
    if outcomes.lower and bound.bare:
        bound = replace(bound, comparator="at_most", high=None, bare=False)
    unit = row.figure_unit()
    target = row.target_in(bound, unit)
    return None if target is None else Scoring("value", row.text_of(unit), target, {"kind": "pass"} | limits)


def _outcomes(row: Row) -> _Outcomes | None:
    """Return what is reached and missed, None where the clauses say more than that or nothing."""
    if not row.only(Earned, Limit) or not row.of(Earned):
        return None
    bounds = row.earned("bound")
    reached = [*row.earned("reached"), *(earned for earned in bounds if earned.marks != 0)]
    missed = [*row.earned("missed"), *row.earned("rest"), *(earned for earned in bounds if earned.marks == 0)]
    if len(reached) > 1 or len(missed) > 1 or any(earned.on == "missed" and earned.bound for earned in missed):
        return None
    return _Outcomes(reached[0] if reached else None, missed[0] if missed else None)


def _of_task(row: Row, limits: dict[str, float]) -> Scoring | None:
    """Return the scoring where no number is to be reached: of the completion of a task, or of whether it is done."""
    if (row.stated_target is not None and row.stated_target.task) or row.unit is not None:
        unit, target = row.completed()
        return Scoring("completed", unit, target, {"kind": "pass"} | limits)
    row.guess(Message("the figure is whether it is done, as the annex has no number as target"))
    return None if limits else Scoring("done", "是/否", {"done": True}, None)
