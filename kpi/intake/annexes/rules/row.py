"""The terms of a row: its clauses, full marks, target, unit and name, and what follows from these alone."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, Literal

from msgspec import Struct, field

from kpi.errors import Message
from kpi.intake.annexes.phrases import Earned, Limit, Line, Part, Ratio
from kpi.intake.annexes.rules.bounds import scaled, unit_ratio
from kpi.intake.annexes.rules.names import falling, is_percent
from kpi.intake.annexes.targets import Bound, StatedTarget, change_of
from kpi.intake.annexes.texts import number
from kpi.values.units import PERCENT, POINTS, Unit


class Row(Struct):
    """The terms of a row, the guesses about them, and the limits that a scoring has used.

    Attributes:
        parts: the clauses of its rule, without those on vetoes and on nothing.
        marks: its full marks.
        stated_target: its target, None where the annex has none.
        unit: the unit of its figure, where a column says it.
        name: its name.
        guesses: what its text leaves open.
        used: the limits that the scoring has.
    """

    parts: list[Part]
    marks: Fraction
    stated_target: StatedTarget | None
    unit: Unit | None
    name: str
    guesses: list[Message] = field(default_factory=list)
    used: list[Limit] = field(default_factory=list)

    def guess(self, message: Message) -> None:
        """Add a guess."""
        if message not in self.guesses:
            self.guesses.append(message)

    # ---- CLAUSES ---- #

    def of(self, kind: type[Any]) -> list[Any]:
        """Return the clauses of a kind."""
        return [part for part in self.parts if isinstance(part, kind)]

    def earned(self, on: str) -> list[Earned]:
        """Return the clauses that give marks on a condition of a kind."""
        return [earned for earned in self.of(Earned) if earned.on == on]

    def only(self, *kinds: type[Any]) -> bool:
        """Return whether all clauses are of these kinds."""
        return all(isinstance(part, kinds) for part in self.parts)

    # ---- MARKS ---- #

    def percent(self, marks: float | Fraction) -> float | int:
        """Return marks as percent of full marks."""
        return number(
            Fraction(str(marks)) * 100 / self.marks if isinstance(marks, float) else Fraction(marks) * 100 / self.marks
        )

    def earned_percent(self, earned: Earned) -> float | int:
        """Return the marks of a clause as percent of full marks."""
        if earned.share is not None:
            return number(earned.share)
        return 100 if earned.marks is None else self.percent(earned.marks)

    def exceeded(self) -> bool:
        """Return whether a clause gives more than full marks."""
        return any(earned.marks is not None and earned.marks > float(self.marks) + 1e-9 for earned in self.of(Earned))

    # ---- LIMITS ---- #

    def limit(self, of: str) -> Limit | None:
        """Return the limit of a kind, which the scoring has then."""
        limit = next((limit for limit in self.of(Limit) if limit.of == of), None)
        if limit is not None:
            self.used.append(limit)
        return limit

    def unused_limits(self) -> bool:
        """Return whether a limit changes marks and the scoring does not have it."""
        left = list(self.of(Limit))
        for limit in self.used:
            if limit in left:
                left.remove(limit)
        harmless = (Limit("least", 0.0), Limit("on", None), Limit("on", float(self.marks)))
        return any(limit not in harmless for limit in left)

    def least(self) -> dict[str, Any]:
        """Return the floor: what the limits say, else none but zero."""
        off, least = self.limit("off"), self.limit("least")
        if off is not None and off.marks is not None:
            floor = self.percent(float(self.marks) - off.marks)
            return {} if floor == 0 else {"floor": floor}
        if least is not None and least.marks is None:
            return {"floor": None}
        if least is not None and least.marks:
            return {"floor": self.percent(least.marks)}
        return {}

    # ---- TARGET ---- #

    @property
    def target(self) -> Bound | None:
        """The target of the row: of its column, or of a clause such as ≥95%得满分."""
        if self.stated_target is not None and self.stated_target.bound is not None:
            return self.stated_target.bound
        full = [earned.bound for earned in self.earned("bound") if self.earned_percent(earned) == 100 or earned.base]
        return full[0] if len(full) == 1 else None

    def contradicts(self) -> bool:
        """Return whether the rule gives full marks at another number than the column of targets."""
        bounds = self.earned("bound")
        full = [earned.bound for earned in bounds if earned.bound and self.earned_percent(earned) == 100]
        stated = None if self.stated_target is None else self.stated_target.bound
        if stated is None or len(full) != 1 or len(bounds) > 1:
            return False
        ratio = unit_ratio(full[0].unit, stated.unit)
        return ratio is None or not math.isclose(full[0].low * ratio, stated.low)

    def target_in(self, bound: Bound, unit: Unit | None) -> dict[str, Any] | None:
        """Return a bound as a target in a unit, None where the two do not go together."""
        target = scaled(bound, unit)
        if target is None:
            return None
        if bound.soft:
            self.guess(Message("the target is approximate"))
        if bound.bare:
            self.guess(Message("the target is a number without a comparison"))
        return target.target()

    def completed(self) -> tuple[str, dict[str, Any]]:
        """Return unit and target of a figure that is the completion of a task whose figure is elsewhere."""
        self.guess(Message("the figure is the rate of completion in %, as the annex has no number for the task"))
        return "%", {"at_least": 100}

    def changes(self) -> list[str]:
        """Return the words for changes before the numbers of the row, the longest first."""
        bounds = [earned.bound for earned in self.of(Earned)]
        bounds += [part.since for part in (*self.of(Ratio), *self.of(Line))]
        if self.stated_target is not None:
            bounds.append(self.stated_target.bound)
        return sorted(
            {bound.subject for bound in bounds if bound is not None and change_of(bound.subject)}, key=len, reverse=True
        )

    # ---- UNIT AND DIRECTION ---- #

    def figure_unit(self, *hints: Unit | None) -> Unit | None:
        """Return the unit of the value: of its column, of the target, of the rule, or by the name."""
        bound = self.target
        for unit in (self.unit, None if bound is None else bound.unit, *hints):
            if unit is not None:
                return PERCENT if unit.dimension == POINTS.dimension and unit is not self.unit else unit
        if is_percent(self.name):
            self.guess(Message("the unit is %, by the name"))
            return PERCENT
        return None

    def text_of(self, unit: Unit | None) -> str:
        """Return a unit as the definition states it."""
        if unit is None:
            self.guess(Message("no unit is stated; 1 stands for a number without one"))
            return "1"
        return str(unit)

    def direction(self) -> Literal["lower"] | None:
        """Return the direction of a comparison with peers."""
        bound = None if self.stated_target is None else self.stated_target.bound
        if (bound is not None and bound.comparator in ("at_most", "below")) or (bound is None and falling(self.name)):
            self.guess(Message("less is better, by the name or the target"))
            return "lower"
        return None
