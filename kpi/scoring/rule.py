"""What all scoring rules share: the case they judge, the score they answer with, and floor, cap and rounding."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import Field

from kpi.definition import Block, Listed, Path, Problems
from kpi.quantities import Quantity, in_unit, quantity_problems
from kpi.rounding import rounded
from kpi.status import literal
from kpi.units import ONE, Unit

Ties = Literal["min", "average", "max", "dense"]


@dataclass(frozen=True)
class Case:
    """What a rule sees of one indicator: its value, its target in force, and whom it is compared with.

    `target` and `upper` (for `within`) are in the indicator's unit and null where there is none; `judged` makes the
    expression of `reached`, which few rules ask for; `peers` are the columns that group the entities compared with each
    other; `fixed` is the target when it is one number other than zero for every entity and period.

    Figures of a whole group, such as its best value, are collected in `figures` under the name of the indicator, to be
    columns of a stage of their own: written out inside a score, each would be computed for every place where it stands
    (7 s instead of 0.3 s for 100,000 x 200). Without `figures` they stand inside.
    """

    value: pl.Expr
    unit: Unit
    better: Literal["higher", "lower"]
    target: pl.Expr
    upper: pl.Expr
    judged: Callable[[], pl.Expr]
    peers: tuple[str, ...] = ("period", "cohort")
    name: str = ""
    figures: dict[str, pl.Expr] | None = None
    fixed: float | None = None

    @classmethod
    def plain(
        cls, value: pl.Expr, *, target: pl.Expr | None = None, better: Literal["higher", "lower"] = "higher"
    ) -> Case:
        """Returns the case of a bare value, all rows being peers: for trying a rule on a frame."""
        goal = pl.lit(None, dtype=pl.Float64) if target is None else target

        def reached() -> pl.Expr:
            return value >= goal if better == "higher" else value <= goal

        return cls(value, ONE, better, goal, pl.lit(None, dtype=pl.Float64), reached, ())

    @property
    def reached(self) -> pl.Expr:
        """Whether the value meets the target, Boolean, null where either is null."""
        return self.judged()

    @property
    def higher(self) -> bool:
        """Whether more is better."""
        return self.better == "higher"

    def quantity(self, quantity: Quantity | None) -> pl.Expr | None:
        """Returns a declared quantity in the indicator's unit as a literal, or None."""
        return None if quantity is None else pl.lit(in_unit(quantity, self.unit))

    def among(self, expr: pl.Expr, what: str) -> pl.Expr:
        """Returns an expression evaluated within each group of peers; `what` names it."""
        whole = expr.over(self.peers) if self.peers else expr
        if self.figures is None:
            return whole
        column = f"{self.name}~{what}"
        self.figures[column] = whole
        return pl.col(column)

    def best(self) -> pl.Expr:
        """Returns the best value among the peers."""
        return self.greatest() if self.higher else self.least()

    def worst(self) -> pl.Expr:
        """Returns the worst value among the peers."""
        return self.least() if self.higher else self.greatest()

    def greatest(self) -> pl.Expr:
        """Returns the greatest value among the peers."""
        return self.among(self.value.max(), "greatest")

    def least(self) -> pl.Expr:
        """Returns the least value among the peers."""
        return self.among(self.value.min(), "least")

    def place(self, ties: Ties, *, first: Literal["best", "worst"]) -> pl.Expr:
        """Returns the place among the peers as Float64, 1 being the best or the worst value."""
        descending = self.higher == (first == "best")
        return self.among(self.value.rank(ties, descending=descending), "place").cast(pl.Float64)


@dataclass(frozen=True)
class Scored:
    """A rule's answer: the score in percent of full marks before floor and cap, and what may void it.

    A `sound` score is null where the value is and otherwise, after floor and cap, a finite number. One `within` them
    lies between floor and cap by itself.
    """

    score: pl.Expr
    guards: dict[str, pl.Expr] = field(default_factory=dict)
    sound: bool = False
    within: bool = False


class Rule(Block):
    """The base of scoring rules: `clip(score, floor, cap)`, rounded when `decimals` is given."""

    needs_target: ClassVar[bool] = False
    #: Whether only the peers decide, no number in the indicator's unit.
    relative: ClassVar[bool] = False

    floor: float | None = Field(0, description="the least percent of full marks; null for none")
    cap: float | None = Field(100, description="the most percent of full marks; null for none")
    decimals: Annotated[int, Field(ge=0, le=9)] | None = Field(None, description="round each score, half up")
    ours: bool | Listed[str] = Field(False, description="what no document states and we chose: true, or the keys")

    @abstractmethod
    def score(self, case: Case) -> Scored:
        """Returns the score of a case before floor and cap."""

    @abstractmethod
    def words(self) -> str:
        """Returns the rule in words, as a 计分办法 prints it."""

    def finish(self, answer: Scored) -> pl.Expr:
        """Returns the score of an answer with floor, cap and rounding applied."""
        score = answer.score
        if answer.within:
            pass
        elif answer.sound and self.floor is not None and self.cap is not None:
            # NOTE: half the time of `clip` (measured on 200 columns), which passes NaN through where this would not.
            floor, cap = literal(float(self.floor)), literal(float(self.cap))
            score = pl.when(score > cap).then(cap).when(score < floor).then(floor).otherwise(score)
        elif self.floor is not None or self.cap is not None:
            score = score.clip(self.floor, self.cap)
        return score if self.decimals is None else rounded(score, self.decimals)

    @property
    def has_unit(self) -> bool:
        """Whether a number in the indicator's unit decides, a target or a standard."""
        return not self.relative or any(one is not None for one in self.quantities().values())

    @property
    def peers(self) -> tuple[str, ...]:
        """The columns that tell the entities compared with each other from others."""
        return ("period", "cohort")

    def quantities(self) -> dict[Path, Quantity | None]:
        """Returns the rule's quantities that are in the indicator's unit, each with its place."""
        return {}

    def problems(self, path: Path, unit: Unit) -> Problems:
        """Yields what is wrong with the rule's numbers for an indicator in `unit`."""
        yield from quantity_problems({(*path, *tail): one for tail, one in self.quantities().items()}, unit)

    def order_problem(self, path: Path, unit: Unit, *, higher: bool) -> Problems:  # noqa: ARG002
        """Yields a problem when a better score does not ask for a better value."""
        yield from ()
