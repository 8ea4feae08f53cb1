"""What all scoring rules share: the case they judge, the score they answer with, and floor, cap and rounding."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

import polars as pl
from msgspec import Struct, field
from pydantic import Field

from kpi.errors import Message, statements
from kpi.language.lookback import NOW, Lags
from kpi.language.model import Block, Listed, Path, Problem, Problems
from kpi.language.quantities import OpenQuantity, Quantity, in_unit, printed, quantity_problems
from kpi.values.columns import is_unit
from kpi.values.rounding import HAIR, compare, differ, rounded, sort_key
from kpi.values.status import literal
from kpi.values.units import ONE, Unit

Ties = Literal["min", "average", "max", "dense"]

_NAN = literal(math.nan)


class Case(Struct, frozen=True):
    """What a rule sees of one indicator: its value, its target in force, and whom it is compared with.

    `target` and `upper` (for `within`) are in the indicator's unit and null where there is none, `upper` everywhere
    unless the target `may_span`; `judged` makes the
    expression of `reached`, which few rules ask for; `peers` are the columns that group the entities compared with each
    other; `marks` are the item's own, its weight in the tree, None for an indicator that is no part of it; `fixed` is
    the target when it is one number other than zero for every entity and period, `ends` are both
    bounds when they are two numbers for all; `exact` says that the value is a decimal number as reported.

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
    ends: tuple[float, float] | None = None
    exact: bool = False
    marks: float | pl.Expr | None = None
    may_span: bool = False

    @classmethod
    def plain(
        cls, value: pl.Expr, *, target: pl.Expr | None = None, better: Literal["higher", "lower"] = "higher"
    ) -> Case:
        """Return the case of a bare value, all rows being peers: for trying a rule on a frame."""
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

    def percent(self, points: float | None, marks: float | None) -> float | pl.Expr:
        """Return points in percent of full marks, which are given in percent or in the item's own marks."""
        if marks is None:
            return points or 0.0
        return marks * 100 / (100.0 if self.marks is None else self.marks)

    def of_marks(self, score: pl.Expr) -> pl.Expr:
        """Return a score that is in the item's own marks in percent of them."""
        return score * 100 / (100.0 if self.marks is None else self.marks)

    def quantity(self, quantity: Quantity | None) -> pl.Expr | None:
        """Return a declared quantity in the indicator's unit as a literal, or None."""
        return None if quantity is None else pl.lit(in_unit(quantity, self.unit))

    def among(self, expr: pl.Expr, what: str) -> pl.Expr:
        """Return an expression evaluated within each group of peers; `what` names it."""
        whole = expr.over(self.peers) if self.peers else expr
        if self.figures is None:
            return whole
        column = f"{self.name}~{what}"
        self.figures[column] = whole
        return pl.col(column)

    def best(self) -> pl.Expr:
        """Return the best value among the peers."""
        return self.greatest() if self.higher else self.least()

    def worst(self) -> pl.Expr:
        """Return the worst value among the peers."""
        return self.least() if self.higher else self.greatest()

    def greatest(self) -> pl.Expr:
        """Return the greatest value among the peers, NaN where none has one."""
        return self.among(self._filled.max(), "greatest")

    def least(self) -> pl.Expr:
        """Return the least value among the peers, NaN where none has one."""
        return self.among(self._filled.min(), "least")

    @property
    def _filled(self) -> pl.Expr:
        # NOTE: the extremes of groups pass over NaN (Polars 2.1) without a branch; with a null in four rows, as windows
        # have after a gap, they take a third of the time.
        return self.value.fill_null(_NAN)

    def of_unit(self, name: str) -> pl.Expr:
        """Return the value of a unit in the period, null where it has none."""
        own = pl.when(pl.col(is_unit(name))).then(self.value).max()
        if not self.peers:
            return own
        column = f"{self.name}~of unit"
        if self.figures is None:
            return own.over("period")
        self.figures[column] = own.over("period")
        return pl.col(column)

    def apart(self) -> pl.Expr:
        """Return whether the peers have different values."""
        best, worst = self.best(), self.worst()
        return best != worst if self.exact else differ(best, worst)

    def meets(self, bound: float) -> pl.Expr:
        """Return whether the value is a bound or better."""
        return compare("ge" if self.higher else "le", self.value, bound, abs(bound) * HAIR)

    def place(self, ties: Ties, *, first: Literal["best", "worst"]) -> pl.Expr:
        """Return the place among the peers as Float64, 1 being the best or the worst value."""
        descending = self.higher == (first == "best")
        value = self.value if self.exact else sort_key(self.value)
        return self.among(value.rank(ties, descending=descending), "place").cast(pl.Float64)


#: Bands of a value, `{score: bound}`: the bounds are inclusive.
Cuts = Annotated[dict[float, OpenQuantity], Field(min_length=1, strict=False)]


def banded(case: Case, cuts: Mapping[float, Quantity]) -> pl.Expr:
    """Return the best score whose bound the value meets, 0 where it meets none."""
    score = pl.lit(0.0)
    for mark, bound in sorted(cuts.items()):
        limit = in_unit(bound, case.unit)
        score = pl.when(case.meets(limit)).then(pl.lit(float(mark))).otherwise(score)
    return score


def cuts_words(cuts: Mapping[float, Quantity], *, in_marks: bool = False) -> Message:
    """Return bands in words, the best first."""
    bands = [mark_words(mark, bound, in_marks=in_marks) for mark, bound in sorted(cuts.items(), reverse=True)]
    return Message("by bands: {bands}", bands=statements(bands))


def mark_words(mark: float, bound: Quantity, *, in_marks: bool = False) -> Message:
    """Return what a value scores, in words: percent of full marks, or the item's own marks."""
    if isinstance(bound, float) and math.isinf(bound):
        return (
            Message("{mark:g} marks otherwise", mark=mark) if in_marks else Message("{mark:g} % otherwise", mark=mark)
        )
    if in_marks:
        return Message("{mark:g} marks for {value}", mark=mark, value=printed(bound))
    return Message("{mark:g} % for {value}", mark=mark, value=printed(bound))


class OwnMarks(Block):
    """Marks of the item, its weight in the tree, where a number is percent: `base: {marks: 8}` (完成任务得8分)."""

    marks: float = Field(ge=0, description="marks of the item, its weight in the tree")


class OwnMarksOrCuts(Block):
    """The same, or cuts in such marks: `no_target: {marks: {6: 0, 10: 1}}`."""

    marks: Annotated[float, Field(ge=0)] | Cuts = Field(
        description="marks of the item, its weight in the tree, or {marks: bound} for the value"
    )


def cut_paths(place: Path, cuts: Mapping[float, Quantity]) -> dict[Path, Quantity | None]:
    """Return the bounds of bands, which stand at a place, by their own."""
    return {(*place, int(mark) if float(mark).is_integer() else str(mark)): bound for mark, bound in cuts.items()}


def cuts_problem(path: Path, cuts: Mapping[float, Quantity], unit: Unit, *, higher: bool) -> Problems:
    """Yield a problem when a better score does not ask for a better value."""
    bounds = [in_unit(bound, unit) for _, bound in sorted(cuts.items())]
    if any((b <= a) if higher else (b >= a) for a, b in pairwise(bounds)):
        message = (
            Message("better is `higher`, so bounds must rise with the score")
            if higher
            else Message("better is `lower`, so bounds must fall with the score")
        )
        hint = Message("the cuts are {{score: bound}}, such as {{100: 95, 80: 90}}")
        yield Problem("K413", path, message, hint=hint)


class Scored(Struct, frozen=True):
    """A rule's answer: the score in percent of full marks before floor and cap, and what may void it.

    A `sound` score is null where the value is and otherwise, after floor and cap, a finite number. One `within` them
    lies between floor and cap by itself.
    """

    score: pl.Expr
    guards: dict[str, pl.Expr] = field(default_factory=dict)
    sound: bool = False
    within: bool = False


class Untasked(Struct, frozen=True):
    """The score of who was given no target, and whether it looks at the value."""

    score: pl.Expr
    judges: bool


class Rule(Block):
    """The base of scoring rules: `clip(score, floor, cap)`, rounded when `decimals` is given."""

    needs_target: ClassVar[bool] = False
    #: Whether only the peers decide, no number in the indicator's unit.
    relative: ClassVar[bool] = False

    #: Whether those ahead of the target score more than those at it, so that the target is where points begin.
    begins_at_target: ClassVar[bool] = False

    #: Whether more, or less, is always better.
    directed: ClassVar[bool] = True

    floor: float | None = Field(0, description="the least percent of full marks; null for none")
    cap: float | None = Field(100, description="the most percent of full marks; null for none")
    decimals: Annotated[int, Field(ge=0, le=9)] | None = Field(None, description="round each score, half up")
    ours: bool | Listed[str] = Field(False, description="what no document states and we chose: true, or the keys")

    @property
    def lookback(self) -> Lags:
        """The lags, in periods, at which values enter the score."""
        return NOW

    @property
    def judges_by_target(self) -> bool:
        """Whether the rule, as it is written, scores nothing without a target."""
        return self.needs_target

    @property
    def classes(self) -> tuple[str, ...]:
        """The columns of the roster by which the rule differs."""
        return ()

    @property
    def class_values(self) -> tuple[str, ...]:
        """The values of the column by which the rule differs."""
        return ()

    def of_class(self, classes: Mapping[str, str]) -> Rule | None:
        """Return the rule of an entity, by its classes in the columns of the roster; None where all have this one."""

    @property
    def in_marks(self) -> Path | None:
        """Where the rule states points in the item's own marks, None if it does not."""
        return None

    @property
    def marks_given(self) -> Mapping[Path, float]:
        """The marks that the rule gives for a value, where it states such, each with its place."""
        return {}

    @property
    def percent_given(self) -> Mapping[Path, float]:
        """The numbers that are written in percent of full marks and may be marks as well, each with its place."""
        return {}

    @abstractmethod
    def score(self, case: Case) -> Scored:
        """Return the score of a case before floor and cap."""

    @abstractmethod
    def words(self) -> Message:
        """Return the rule in words, as a 计分办法 prints it."""

    def in_full(self) -> Message:
        """Return the rule in words, with what it gives to those it cannot judge."""
        return self.words()

    @property
    def scores_untasked(self) -> bool:
        """Whether an entity without a target has a score."""
        return False

    def untasked(self, case: Case) -> Untasked | None:
        """Return the score of entities without a target, or None."""

    def finish(self, answer: Scored) -> pl.Expr:
        """Return the score of an answer with floor, cap and rounding applied."""
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
    def units(self) -> tuple[str, ...]:
        """The units that the rule names."""
        return ()

    @property
    def peers(self) -> tuple[str, ...]:
        """The columns that distinguish the entities that are compared with each other."""
        return ("period", "cohort")

    def quantities(self) -> dict[Path, Quantity | None]:
        """Return the rule's quantities that are in the indicator's unit, each with its place."""
        return {}

    def problems(self, path: Path, unit: Unit) -> Problems:
        """Yield what is wrong with the rule's numbers for an indicator in `unit`."""
        yield from quantity_problems({(*path, *tail): item for tail, item in self.quantities().items()}, unit)

    def order_problem(self, path: Path, unit: Unit, *, higher: bool) -> Problems | None:
        """Return the problem that a better score does not ask for a better value."""


class AgainstTarget(Rule):
    """The base of rules that judge a value against the target in force.

    Who was given no target (未下达任务) has no score, or what `no_target` says: a number whatever was reported, even
    nothing, or cuts as those of `bands`, such as `{60: 0, 100: 1}` for 60 with nothing new and 100 with something. Both
    are percent of full marks; `{marks: 6}` and `{marks: {6: 0, 10: 1}}` are marks of the item.
    Floor, cap and rounding are not asked, and what does not apply to an entity still does not.
    """

    needs_target: ClassVar[bool] = True
    no_target: Annotated[float, Field(ge=0)] | Cuts | OwnMarksOrCuts | None = Field(
        None,
        description="percent of full marks without a target, or {score: bound} for the value; {marks: ...}: the same "
        "in the item's own marks; left out: no score",
    )

    @property
    def scores_untasked(self) -> bool:
        """Whether `no_target` is given."""
        return self.no_target is not None

    @property
    def _untasked(self) -> tuple[Path, float | Mapping[float, Quantity] | None]:
        """What is given without a target, and where it stands."""
        if isinstance(self.no_target, OwnMarksOrCuts):
            return ("no_target", "marks"), self.no_target.marks
        return ("no_target",), self.no_target

    @property
    def in_marks(self) -> Path | None:
        """Where `no_target` states marks."""
        return self._untasked[0] if isinstance(self.no_target, OwnMarksOrCuts) else None

    @property
    def marks_given(self) -> Mapping[Path, float]:
        """The marks that `no_target` gives."""
        place, given = self._untasked
        if not isinstance(self.no_target, OwnMarksOrCuts) or given is None:
            return {}
        if isinstance(given, Mapping):
            return {path: mark for mark, bound in given.items() for path in cut_paths(place, {mark: bound})}
        return {place: given}

    @property
    def percent_given(self) -> Mapping[Path, float]:
        """The percent that `no_target` gives."""
        return {("no_target",): self.no_target} if isinstance(self.no_target, int | float) else {}

    def untasked(self, case: Case) -> Untasked | None:
        """Return what `no_target` gives."""
        _, given = self._untasked
        if given is None:
            return None
        judges = isinstance(given, Mapping)
        score = banded(case, given) if isinstance(given, Mapping) else literal(float(given))
        return Untasked(case.of_marks(score) if isinstance(self.no_target, OwnMarksOrCuts) else score, judges=judges)

    def in_full(self) -> Message:
        """Return the rule in words, with what it gives without a target."""
        _, given = self._untasked
        in_marks = isinstance(self.no_target, OwnMarksOrCuts)
        if given is None:
            return self.words()
        if isinstance(given, Mapping):
            bands = cuts_words(given, in_marks=in_marks)
            return Message("{rule}; without a target {bands}", rule=self.words(), bands=bands)
        if in_marks:
            return Message("{rule}; {mark:g} marks without a target", rule=self.words(), mark=given)
        return Message("{rule}; {mark:g} % without a target", rule=self.words(), mark=given)

    def quantities(self) -> dict[Path, Quantity | None]:
        """Return the bounds of `no_target`."""
        place, given = self._untasked
        return cut_paths(place, given) if isinstance(given, Mapping) else {}

    def order_problem(self, path: Path, unit: Unit, *, higher: bool) -> Problems:
        """Yield a problem when a better score without a target does not ask for a better value."""
        place, given = self._untasked
        if isinstance(given, Mapping):
            yield from cuts_problem((*path, *place), given, unit, higher=higher)
