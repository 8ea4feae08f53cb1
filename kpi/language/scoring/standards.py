"""Rules that judge a value by where it stands: between two posts, among graded standards, inside a range."""

from itertools import pairwise
from typing import Any, ClassVar, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from kpi.errors import Message, commas
from kpi.language.model import Listed, Path, Problem, Problems
from kpi.language.quantities import Quantity, in_unit
from kpi.language.scoring.relative import Relative
from kpi.language.scoring.rule import Case, Rule, Scored, mark_words
from kpi.values.status import HUNDRED, ZERO, literal
from kpi.values.units import Unit


class GradeEfficacy(Rule):
    """档次功效系数: the coefficient of the grade reached, and a part of the step to the next.

    `c_k + (x - s_k)/(s_(k+1) - s_k) (c_(k+1) - c_k)` where s_k is the best standard that is reached and c_k its
    coefficient in percent: `standards: {100: 12, 80: 10, 60: 8, 40: 6, 20: 4}` (优秀 良好 平均 较低 较差). From the
    best standard on the score is its coefficient, short of the worst it is 0.

    Source: 企业绩效评价标准值 (财政部、国资委): 本档基础分 plus 调整分, the 功效系数 of the grade times the step.

    >>> frame = pl.DataFrame({"x": [90.0, 80.0, 120.0, 30.0]})
    >>> rule = GradeEfficacy(standards={100: 100.0, 80: 80.0, 60: 60.0, 40: 50.0})
    >>> frame.select(s=rule.score(Case.plain(pl.col("x"))).score)["s"].to_list()
    [90.0, 80.0, 100.0, 0.0]
    """

    kind: Literal["grade_efficacy"] = "grade_efficacy"
    standards: dict[float, Quantity] = Field(min_length=2, strict=False, description="coefficient in percent: standard")

    def score(self, case: Case) -> Scored:
        """Return the coefficient and the part of the step."""
        grades = [(float(mark), in_unit(standard, case.unit)) for mark, standard in sorted(self.standards.items())]
        score = pl.lit(0.0)
        for (mark, standard), (better, above) in pairwise(grades):
            step = mark + (case.value - standard) * ((better - mark) / (above - standard))
            score = pl.when(case.meets(standard)).then(step).otherwise(score)
        mark, standard = grades[-1]
        return Scored(pl.when(case.meets(standard)).then(pl.lit(mark)).otherwise(score))

    def words(self) -> Message:
        """Return the rule in words."""
        grades = [mark_words(mark, standard) for mark, standard in sorted(self.standards.items(), reverse=True)]
        return Message("graded efficacy coefficient: {grades}, in proportion within a grade", grades=commas(grades))

    def quantities(self) -> dict[Path, Quantity | None]:
        """Return the standards."""
        return {
            ("standards", int(mark) if float(mark).is_integer() else str(mark)): item
            for mark, item in self.standards.items()
        }

    def order_problem(self, path: Path, unit: Unit, *, higher: bool) -> Problems:
        """Yield a problem when a better coefficient does not ask for a better value."""
        values = [in_unit(standard, unit) for _, standard in sorted(self.standards.items())]
        if any((b <= a) if higher else (b >= a) for a, b in pairwise(values)):
            message = (
                Message("better is `higher`, so standards must rise with the coefficient")
                if higher
                else Message("better is `lower`, so standards must fall with the coefficient")
            )
            yield Problem("K413", (*path, "standards"), message)


def _fallen(gap: pl.Expr, room: pl.Expr) -> pl.Expr:
    return HUNDRED * (literal(1.0) - gap / room)


class Interval(Relative):
    """适度指标: full marks inside [a, b], falling in a straight line to 0 at the limits [m, M].

    `100 (1 - (a - x)/(a - m))` below, `100 (1 - (x - b)/(M - b))` above. Without `limits` both sides fall by the same
    slope, `100 (1 - gap/max(a - min, max - b))` with the least and the greatest of the peers, so the furthest off gets
    0. Where all are equal, and for a single one: full marks inside, 0 outside.

    Source: 小康监测 (国家统计局 2008, unemployment [3, 6]); 适度指标正向化 of 综合评价 textbooks.

    >>> frame = pl.DataFrame({"x": [2.0, 3.0, 5.0, 6.5, 9.0]})
    >>> rule = Interval(within=(3.0, 6.0), limits=(1.0, 8.0))
    >>> frame.select(s=rule.score(Case.plain(pl.col("x"))).score.clip(0, 100))["s"].to_list()
    [50.0, 100.0, 100.0, 75.0, 0.0]
    """

    relative: ClassVar[bool] = False
    directed: ClassVar[bool] = False
    kind: Literal["interval"] = "interval"
    within: Listed[Quantity] | None = Field(
        None, description="[a, b], the values with full marks; left out: the indicator's `within` target"
    )
    limits: Listed[Quantity] | None = Field(
        None, description="[m, M], the values where the score is 0; left out: by the peers"
    )

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if any(pair is not None and len(pair) != 2 for pair in (self.within, self.limits)):
            raise ValueError(Message("`within` and `limits` are pairs, such as [3, 6]"))
        return self

    def score(self, case: Case) -> Scored:
        """Return 100 less what the gap costs."""
        if self.within is not None:
            return self._of_numbers(case, *(in_unit(item, case.unit) for item in self.within))
        if case.ends is not None:
            return self._of_numbers(case, *case.ends)
        low, high = case.target, case.upper
        below, above = low - case.value, case.value - high
        if self.limits is not None:
            least, most = (in_unit(limit, case.unit) for limit in self.limits)
            room_below, room_above = low - least, most - high
        else:
            room = pl.max_horizontal(low - case.least(), case.greatest() - high)
            room_below = room_above = room
        score = (
            pl.when(below > 0)
            .then(pl.when(room_below > 0).then(100 * (1 - below / room_below)).otherwise(0.0))
            .when(above > 0)
            .then(pl.when(room_above > 0).then(100 * (1 - above / room_above)).otherwise(0.0))
            .otherwise(100.0)
        )
        return Scored(score, {"no_target": low.is_null() | high.is_null()})

    def _of_numbers(self, case: Case, low: float, high: float) -> Scored:
        """Return the same where a and b are numbers: what is asked of every row there is known here."""
        value, within = case.value, (self.floor, self.cap) == (0, 100)
        below, above = (value < literal(low), literal(low) - value), (value > literal(high), value - literal(high))
        score: Any = pl.when(value.is_between(literal(low), literal(high))).then(HUNDRED)
        if self.limits is None:
            # Who is off is among the peers, so there is room for it.
            furthest = pl.max_horizontal(literal(low) - value.min(), value.max() - literal(high))
            room = case.among(furthest, "furthest")
            for outside, gap in (below, above):
                score = score.when(outside).then(_fallen(gap, room))
        else:
            least, most = (in_unit(limit, case.unit) for limit in self.limits)
            past = value <= literal(least), value >= literal(most)
            for (outside, gap), beyond, left in zip((below, above), past, (low - least, most - high), strict=True):
                if within and left > 0:
                    score = score.when(beyond).then(ZERO)
                score = score.when(outside).then(_fallen(gap, literal(left)) if left > 0 else ZERO)
        return Scored(score, sound=self.floor is not None and self.cap is not None, within=within)

    def words(self) -> Message:
        """Return the rule in words."""
        inside = (
            Message("within the target range")
            if self.within is None
            else Message("within [{low}, {high}]", low=self.within[0], high=self.within[1])
        )
        outside = (
            Message("for the furthest off of the peers")
            if self.limits is None
            else Message("at {low} or {high}", low=self.limits[0], high=self.limits[1])
        )
        return Message(
            "moderate indicator: full marks {inside}, less to either side, none {outside}",
            inside=inside,
            outside=outside,
        )

    def quantities(self) -> dict[Path, Quantity | None]:
        """Return the bounds and the limits."""
        pairs = {"within": self.within, "limits": self.limits}
        return {(key, place): item for key, pair in pairs.items() for place, item in enumerate(pair or ())}

    def problems(self, path: Path, unit: Unit) -> Problems:
        """Yield unit problems and bounds that do not lie inside one another."""
        result = list(super().problems(path, unit))
        yield from result
        if result:
            return
        inner = [in_unit(item, unit) for item in self.within or ()]
        outer = [in_unit(item, unit) for item in self.limits or ()]
        bounds = [*outer[:1], *inner, *outer[1:]]
        if any(b < a for a, b in pairwise(bounds)):
            yield Problem("K414", path, Message("`limits` must enclose `within`, each with its lower bound first"))
