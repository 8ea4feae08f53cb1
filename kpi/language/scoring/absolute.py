"""Rules that judge a value by itself, against a target, a benchmark or fixed cut points."""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from kpi.errors import Message
from kpi.language.model import Block, Path, Problems
from kpi.language.quantities import Quantity, in_unit, printed, step_problems
from kpi.language.scoring.rule import (
    AgainstTarget,
    Case,
    Cuts,
    OwnMarks,
    Rule,
    Scored,
    banded,
    cut_paths,
    cuts_problem,
    cuts_words,
)
from kpi.language.targets import percent_inside
from kpi.values.rounding import unsigned_zero
from kpi.values.status import literal
from kpi.values.units import Unit


def _completion(case: Case, standard: pl.Expr, reverse: str) -> pl.Expr:
    """Percent completed of a standard; a negative plan turns the quotient round (plan -100, actual -50: 150)."""
    value = case.value
    forward, mirrored = value / standard * 100, (2 - value / standard) * 100
    forward = unsigned_zero(forward)
    if case.higher:
        return pl.when(standard > 0).then(forward).otherwise(mirrored)
    if reverse == "mirror":
        return pl.when(standard > 0).then(mirrored).otherwise(forward)
    # Nothing left of what should shrink is complete: the quotient t/x has no value at zero, and none is needed.
    reciprocal = pl.when(value > 0).then(standard / value * 100).otherwise(pl.lit(float("inf")))
    return pl.when(standard > 0).then(reciprocal).otherwise(forward)


class Completion(AgainstTarget):
    """Percent completed, capped: `100 x/t` (按完成比例计分，满分为止); lower is better: `100 t/x`, or `100 (2 - x/t)`.

    Source: 项目支出绩效自评表; half marks of 标杆值法. A target of zero is reached or not.

    >>> frame = pl.DataFrame({"x": [10391.0, 34940.0], "t": [19470.05, 58197.0]})
    >>> case = Case.plain(pl.col("x"), target=pl.col("t"))
    >>> [round(one, 2) for one in frame.select(s=Completion().score(case).score)["s"]]
    [53.37, 60.04]
    >>> Completion(no_target=60).in_full().rpartition("; ")[2]
    '60 % without a target'
    """

    kind: Literal["completion"] = "completion"
    reverse: Literal["reciprocal", "mirror"] = Field("reciprocal", description="lower is better: t/x or 2 - x/t")

    def score(self, case: Case) -> Scored:
        """Return the percent completed; a value inside a `within` target is full."""
        if case.fixed is not None:
            plain = self._of_plain(case, case.fixed)
            if plain is not None:
                return Scored(plain, sound=True, within=True)
            bounded = self.floor is not None and self.cap is not None
            return Scored(self._of_fixed(case, case.fixed, 100.0 if self.cap is None else self.cap), sound=bounded)
        score = _completion(case, case.target, self.reverse)
        full = pl.lit(100.0)
        reached = pl.when(case.reached).then(full).otherwise(pl.lit(0.0))
        score = pl.when(case.target == 0).then(reached).otherwise(score)
        if case.may_span:
            inside = percent_inside(case.value, case.target, case.upper)
            score = pl.when(case.upper.is_not_null()).then(inside).otherwise(score)
        if self.floor is not None and self.cap is not None:
            # NOTE: an expression that stands in a condition and in its branch is planned twice, and tests of it once
            # more each: most of the time of a small frame (two thirds of that of 77 scores of 56 rows, Polars 2.1).
            within = (
                pl.when(case.value.is_not_null()).then(score).clip(literal(float(self.floor)), literal(float(self.cap)))
            )
            return Scored(within, sound=True, within=True)
        # An uncapped reciprocal at x = 0 would be infinite; full marks are what is meant.
        return Scored(
            pl.when(score == float("inf")).then(full if self.cap is None else pl.lit(self.cap)).otherwise(score)
        )

    def _of_plain(self, case: Case, target: float) -> pl.Expr | None:
        """Return the same between 0 and 100 for a target above zero; where less is better, the value decides."""
        if target < 0 or (self.floor, self.cap) != (0, 100) or (not case.higher and self.reverse == "mirror"):
            return None
        value, bound, hundred = case.value, literal(target), literal(100.0)
        if case.higher:
            return (value / bound * hundred).clip(literal(0.0), hundred)
        return pl.when(value > bound).then(bound / value * hundred).when(value.is_not_null()).then(hundred)

    def _of_fixed(self, case: Case, target: float, cap: float) -> pl.Expr:
        """Return the same score where the target is one number: what is asked of every row there is known here."""
        value, bound, hundred = case.value, literal(target), literal(100.0)
        if case.higher or self.reverse == "mirror":
            forward = case.higher == (target > 0)
            return unsigned_zero(value / bound * hundred) if forward else (2 - value / bound) * hundred
        if target < 0:
            return unsigned_zero(value / bound * hundred)
        rest = pl.when(value > literal(0.0)).then(bound / value * hundred)
        return rest.when(value.is_not_null()).then(literal(float(cap)))

    def words(self) -> Message:
        """Return the rule in words."""
        formula = (
            Message("actual ÷ target; where lower is better, target ÷ actual")
            if self.reverse == "reciprocal"
            else Message("actual ÷ target; where lower is better, 2 − actual ÷ target")
        )
        if self.cap is None:
            return Message("by completion ({formula}), without a cap", formula=formula)
        return Message("by completion ({formula}), at most {cap:g} %", formula=formula, cap=self.cap)


class Benchmark(Rule):
    """Percent of a benchmark, uncapped: `100 x/b`; lower is better: `100 b/x`, or `100 (2 - x/b)`, zero at 2b.

    Source: 亩均论英雄 (黄岩 2022): a firm at the benchmark of every item gets exactly 100, above it more. With the
    reciprocal a value of zero gets the cap, or 100 where there is none.

    >>> frame = pl.DataFrame({"x": [24.097, 30.0]})
    >>> frame.select(s=Benchmark(benchmark=24.097).score(Case.plain(pl.col("x"))).score.round(2))["s"].to_list()
    [100.0, 124.5]
    """

    kind: Literal["benchmark"] = "benchmark"
    cap: float | None = Field(None, description="the most percent of full marks; null for none")
    benchmark: Quantity | None = Field(None, description="the value that scores 100; left out: the indicator's target")
    reverse: Literal["reciprocal", "mirror"] = Field("reciprocal", description="lower is better: b/x or 2 - x/b")

    @property
    def judges_by_target(self) -> bool:
        """Whether the benchmark is the target."""
        return self.benchmark is None

    def score(self, case: Case) -> Scored:
        """Return the percent of the benchmark; a benchmark of zero has none."""
        declared = case.quantity(self.benchmark)
        standard = case.target if declared is None else declared
        score = _completion(case, standard, self.reverse)
        best = pl.lit(100.0 if self.cap is None else self.cap)
        score = pl.when(score == float("inf")).then(best).otherwise(score)
        return Scored(score, {"no_target": standard.is_null(), "zero_target": standard == 0})

    def words(self) -> Message:
        """Return the rule in words."""
        if self.cap is None:
            return Message("by the ratio to the benchmark, without a cap")
        return Message("by the ratio to the benchmark, at most {cap:g} %", cap=self.cap)

    def quantities(self) -> dict[Path, Quantity | None]:
        """Return the benchmark."""
        return {("benchmark",): self.benchmark}


class PassMarks(Block):
    """What `pass` gives in the item's own marks: `marks: {full: 5, fail: 3}` (达到得5分，否则得3分)."""

    full: float | None = Field(None, ge=0, description="marks when the target is reached; left out: all of the item's")
    fail: float = Field(0, ge=0, description="marks when it is not")


class Pass(AgainstTarget):
    """All or nothing: `full` where the target is reached, else `fail` (目标完成计分); strict comparators are strict.

    `marks: {full: 5, fail: 3}` gives both in marks of the item, its weight in the tree, in place of percent.

    Source: 目标完成计分 of monthly evaluations, 16 indicators.

    >>> case = Case.plain(pl.col("x"), target=pl.lit(8.0))
    >>> pl.DataFrame({"x": [8.0, 7.9]}).select(s=Pass().score(case).score)["s"].to_list()
    [100.0, 0.0]
    """

    kind: Literal["pass"] = "pass"
    full: float = Field(100, description="percent of full marks when the target is reached")
    fail: float = Field(0, description="percent of full marks when it is not")
    marks: PassMarks | None = Field(None, description="the item's own marks in place of `full` and `fail`")

    @model_validator(mode="after")
    def _one_scale(self) -> Self:
        if self.marks is not None and not self.model_fields_set.isdisjoint({"full", "fail"}):
            raise ValueError(
                Message("give either `full` and `fail`, percent of full marks, or `marks`, of the item's own")
            )
        return self

    @property
    def in_marks(self) -> Path | None:
        """Where the rule states marks."""
        return super().in_marks if self.marks is None else ("marks",)

    @property
    def marks_given(self) -> Mapping[Path, float]:
        """The marks for both, and without a target."""
        given = {} if self.marks is None else {"full": self.marks.full, "fail": self.marks.fail}
        own: dict[Path, float] = {("marks", key): marks for key, marks in given.items() if marks is not None}
        return {**own, **super().marks_given}

    def score(self, case: Case) -> Scored:
        """Return `full` or `fail`."""
        if self.marks is not None:
            full = pl.lit(100.0) if self.marks.full is None else case.of_marks(pl.lit(float(self.marks.full)))
            return Scored(pl.when(case.reached).then(full).otherwise(case.of_marks(pl.lit(float(self.marks.fail)))))
        return Scored(pl.when(case.reached).then(pl.lit(float(self.full))).otherwise(pl.lit(float(self.fail))))

    def words(self) -> Message:
        """Return the rule in words."""
        if self.marks is not None and self.marks.full is None:
            return Message("full marks if the target is reached, else {fail:g} marks", fail=self.marks.fail)
        if self.marks is not None:
            return Message(
                "{full:g} marks if the target is reached, else {fail:g}", full=self.marks.full, fail=self.marks.fail
            )
        return Message("{full:g} % if the target is reached, else {fail:g} %", full=self.full, fail=self.fail)


class InMarks(AgainstTarget):
    """The base of rules that gain or lose points: percent of full marks, or marks as a 计分办法 prints them.

    `marks: 2` of an item that is worth 10, its weight in the tree, is `points: 20`.
    """

    points: float | None = Field(None, gt=0, description="percent of full marks per step; give either this or `marks`")
    marks: float | None = Field(None, gt=0, description="marks per step, of those that the item is worth in the tree")
    per: Quantity = Field(1.0, description="the size of a step, in the indicator's unit")

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        if (self.points is None) == (self.marks is None):
            raise ValueError(Message("give either `points`, percent of full marks, or `marks`, of the item's own"))
        return self

    @property
    def in_marks(self) -> Path | None:
        """Where the rule states marks."""
        return super().in_marks if self.marks is None else ("marks",)

    def size(self) -> Message:
        """Return the points of a step in words."""
        if self.marks is not None:
            return Message("{marks:g} marks", marks=self.marks)
        return Message("{points:g} %", points=self.points)

    def quantities(self) -> dict[Path, Quantity | None]:
        """Return the size of a step, and what the base has."""
        return super().quantities() | {("per",): self.per}

    def problems(self, path: Path, unit: Unit) -> Problems:
        """Yield unit problems and a step of no size."""
        yield from super().problems(path, unit)
        yield from step_problems((*path, "per"), self.per, unit)


class Deduction(InMarks):
    """Full marks less a deduction per step short: `100 - points * short/per` (每差1个百分点扣…，扣完为止).

    `{kind: deduction, marks: 2}` takes 2 marks off for each step (每项未完成扣2分). `max` is the most that it takes
    (最多扣6分), `floor: null` lets the score fall below nothing (倒扣).

    Source: 考核办法 for PM10 and days of good air; 群众满意率, 每降低5个百分点扣1分.

    >>> case = Case.plain(pl.col("x"), target=pl.lit(90.0))
    >>> rule = Deduction(points=10, per=5, steps="whole")
    >>> pl.DataFrame({"x": [90.0, 82.0]}).select(s=rule.score(case).score)["s"].to_list()
    [100.0, 90.0]
    >>> Deduction(marks=2, floor=None, max=6).words()
    '2 marks off for each 1 short, at most 6 marks'
    """

    kind: Literal["deduction"] = "deduction"
    max: float | None = Field(
        None, gt=0, description="the most that is lost, as `points` or `marks` are; left out: down to `floor`"
    )
    steps: Literal["linear", "whole", "started"] = Field(
        "linear", description="count parts of a step, only whole, or every started one"
    )

    def score(self, case: Case) -> Scored:
        """Return 100 less what is short."""
        short = (case.target - case.value if case.higher else case.value - case.target).clip(0)
        if case.may_span:
            outside = pl.max_horizontal(case.target - case.value, case.value - case.upper).clip(0)
            short = pl.when(case.upper.is_not_null()).then(outside).otherwise(short)
        # A hair's breadth of binary error must not decide whether a step is whole.
        steps = (short / in_unit(self.per, case.unit)).round(9)
        steps = {"linear": steps, "whole": steps.floor(), "started": steps.ceil()}[self.steps]
        lost = steps * case.percent(self.points, self.marks)
        if self.max is not None:
            most = case.percent(self.max, None if self.marks is None else self.max)
            lost = pl.min_horizontal(lost, most) if isinstance(most, pl.Expr) else lost.clip(upper_bound=most)
        return Scored(100 - lost)

    def words(self) -> Message:
        """Return the rule in words."""
        templates = {
            "linear": Message("{size} off for each {step} short", size=self.size(), step=printed(self.per)),
            "whole": Message("{size} off for each whole {step} short", size=self.size(), step=printed(self.per)),
            "started": Message("{size} off for each started {step} short", size=self.size(), step=printed(self.per)),
        }
        lost = templates[self.steps]
        if self.max is not None:
            most = self.model_copy(update={"points" if self.marks is None else "marks": self.max}).size()
            return Message("{lost}, at most {most}", lost=lost, most=most)
        if self.floor is None:
            return Message("{lost}, below nothing too", lost=lost)
        if self.floor == 0:
            return Message("{lost}, down to nothing", lost=lost)
        return Message("{lost}, down to {floor:g} %", lost=lost, floor=self.floor)


class Step(InMarks):
    """A base at the target and a step on either side: `base + points * (x - t)/per`, with both signs.

    `marks` instead of `points` are those of the item, as of `deduction`; so is `base: {marks: 8}`, where a number is
    percent (完成任务得8分，每高1个百分点加1分: `{kind: step, base: {marks: 8}, marks: 1}`).

    Source: 工业增加值 in 考核办法: the task met earns the base, each percentage point more or less a step.

    >>> case = Case.plain(pl.col("x"), target=pl.lit(8.0))
    >>> pl.DataFrame({"x": [9.0, 6.0]}).select(s=Step(points=2).score(case).score)["s"].to_list()
    [82.0, 76.0]
    >>> Step(base=OwnMarks(marks=8), marks=1).words()
    '8 marks at the target, 1 marks more (less) for each 1 above (below)'
    """

    begins_at_target: ClassVar[bool] = True
    kind: Literal["step"] = "step"
    base: float | OwnMarks = Field(
        80, description="percent of full marks at the target; {marks: 8}: marks of the item, its weight in the tree"
    )

    @property
    def in_marks(self) -> Path | None:
        """Where the rule states marks."""
        return super().in_marks or (("base", "marks") if isinstance(self.base, OwnMarks) else None)

    @property
    def marks_given(self) -> Mapping[Path, float]:
        """The marks at the target, and without one."""
        own: dict[Path, float] = {("base", "marks"): self.base.marks} if isinstance(self.base, OwnMarks) else {}
        return {**own, **super().marks_given}

    @property
    def percent_given(self) -> Mapping[Path, float]:
        """The percent at the target, where it is written, and without one."""
        if "base" not in self.model_fields_set or isinstance(self.base, OwnMarks):
            return super().percent_given
        return {("base",): self.base, **super().percent_given}

    def score(self, case: Case) -> Scored:
        """Return the base and what is gained or lost."""
        ahead = case.value - case.target if case.higher else case.target - case.value
        base = self.base if not isinstance(self.base, OwnMarks) else case.of_marks(literal(float(self.base.marks)))
        return Scored(base + ahead / in_unit(self.per, case.unit) * case.percent(self.points, self.marks))

    def words(self) -> Message:
        """Return the rule in words."""
        if isinstance(self.base, OwnMarks):
            return Message(
                "{base:g} marks at the target, {size} more (less) for each {step} above (below)",
                base=self.base.marks, size=self.size(), step=printed(self.per),
            )  # fmt: skip
        return Message(
            "{base:g} % at the target, {size} more (less) for each {step} above (below)",
            base=self.base,
            size=self.size(),
            step=printed(self.per),
        )


class Bands(Rule):
    """A fixed score per band: the best score whose bound is met (`>=`; `<=` where lower is better).

    `cuts: {100: 95, 80: 90, 60: -.inf}` gives 100 from 95, 80 from 90, 60 below. A value outside all bounds gets 0.

    `marks: {5: 90, 3: 80}` in place of `cuts` gives marks of the item, its weight in the tree (达到90%得5分，80%得3分).

    Source: 成本控制率 in 项目支出绩效自评表.

    >>> rule = Bands(cuts={100: 95.0, 80: 90.0})
    >>> pl.DataFrame({"x": [95.0, 94.9, 80.0]}).select(s=rule.score(Case.plain(pl.col("x"))).score)["s"].to_list()
    [100.0, 80.0, 0.0]
    """

    kind: Literal["bands"] = "bands"
    cap: float | None = Field(None, description="the most percent of full marks; null for none")
    cuts: Cuts | None = Field(None, description="score: bound, bounds inclusive; give either this or `marks`")
    marks: Cuts | None = Field(None, description="marks of the item: bound, bounds inclusive")

    @model_validator(mode="after")
    def _one_scale(self) -> Self:
        if (self.cuts is None) == (self.marks is None):
            raise ValueError(Message("give either `cuts`, percent of full marks, or `marks`, of the item's own"))
        return self

    @property
    def _bounds(self) -> tuple[str, Cuts]:
        """The bounds with the key that they stand under."""
        return ("cuts", self.cuts) if self.cuts is not None else ("marks", self.marks or {})

    @property
    def in_marks(self) -> Path | None:
        """Where the rule states marks."""
        return None if self.marks is None else ("marks",)

    @property
    def marks_given(self) -> Mapping[Path, float]:
        """The marks of each band."""
        given = {} if self.marks is None else self.marks
        return {path: mark for mark, bound in given.items() for path in cut_paths(("marks",), {mark: bound})}

    def score(self, case: Case) -> Scored:
        """Return the score of the band."""
        score = banded(case, self._bounds[1])
        return Scored(score if self.marks is None else case.of_marks(score))

    def words(self) -> Message:
        """Return the rule in words."""
        return cuts_words(self._bounds[1], in_marks=self.marks is not None)

    def quantities(self) -> dict[Path, Quantity | None]:
        """Return the bounds."""
        key, bounds = self._bounds
        return cut_paths((key,), bounds)

    def order_problem(self, path: Path, unit: Unit, *, higher: bool) -> Problems:
        """Yield a problem when a better score does not ask for a better value."""
        key, bounds = self._bounds
        yield from cuts_problem((*path, key), bounds, unit, higher=higher)
