"""Rules that lie on straight lines: between knots, and between two posts."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal, Self

import polars as pl
from pydantic import Field, model_validator
from typing_extensions import override

from kpi.errors import Message, Severity, commas
from kpi.language.model import Listed, Path, Problem, Problems
from kpi.language.quantities import Quantity, in_unit
from kpi.language.scoring.relative import Scale, stretched
from kpi.language.scoring.rule import Case, Rule, Scored, mark_words
from kpi.values.units import Unit


class Piecewise(Rule):
    """Straight lines between knots, flat outside: `knots: [[60, 0], [80, 100], [95, 120]]` (底线、基准、努力目标).

    The knots have the direction: where lower is better the scores fall. `marks: [[60, 0], [80, 5]]` in place of `knots`
    gives marks of the item, its weight in the tree.

    Source: three-point rules of 考核办法, 0 at A, 100 at B, 120 at C.

    >>> rule = Piecewise(knots=((60.0, 0.0), (80.0, 100.0), (95.0, 120.0)))
    >>> pl.DataFrame({"x": [50.0, 70.0, 99.0]}).select(s=rule.score(Case.plain(pl.col("x"))).score)["s"].to_list()
    [0.0, 50.0, 120.0]
    """

    kind: Literal["piecewise"] = "piecewise"
    cap: float | None = Field(None, description="the most percent of full marks; null for none")
    knots: Listed[Listed[Quantity]] | None = Field(
        None, min_length=2, description="[value, score] pairs, values rising; give either this or `marks`"
    )
    marks: Listed[Listed[Quantity]] | None = Field(
        None, min_length=2, description="[value, marks of the item] pairs, values rising"
    )

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if (self.knots is None) == (self.marks is None):
            raise ValueError(Message("give either `knots`, percent of full marks, or `marks`, of the item's own"))
        if any(len(knot) != 2 or isinstance(knot[1], str) for knot in self._points):
            raise ValueError(Message("each knot is a pair, [value, score], the score a number"))
        return self

    @property
    def _key(self) -> str:
        return "knots" if self.marks is None else "marks"

    @property
    def _points(self) -> tuple[tuple[Quantity, ...], ...]:
        return (self.knots if self.marks is None else self.marks) or ()

    @property
    def in_marks(self) -> Path | None:
        """Where the rule states marks."""
        return None if self.marks is None else ("marks",)

    @property
    def marks_given(self) -> Mapping[Path, float]:
        """The marks of each knot."""
        return {("marks", place): float(knot[1]) for place, knot in enumerate(self.marks or ())}

    def score(self, case: Case) -> Scored:
        """Return the score on the line between the neighbouring knots."""
        knots = [(in_unit(x, case.unit), float(y)) for x, y in self._points]
        score = pl.lit(knots[-1][1])
        for (x0, y0), (x1, y1) in reversed(list(pairwise(knots))):
            score = pl.when(case.value < x1).then(y0 + (case.value - x0) * ((y1 - y0) / (x1 - x0))).otherwise(score)
        score = pl.when(case.value <= knots[0][0]).then(pl.lit(knots[0][1])).otherwise(score)
        return Scored(score if self.marks is None else case.of_marks(score))

    def words(self) -> Message:
        """Return the rule in words."""
        return Message("piecewise linear: {knots}", knots=commas(
            mark_words(float(y), x, in_marks=self.marks is not None) for x, y in self._points
        ))  # fmt: skip

    def quantities(self) -> dict[Path, Quantity | None]:
        """Return the knots' values."""
        return {(self._key, place, 0): knot[0] for place, knot in enumerate(self._points)}

    def problems(self, path: Path, unit: Unit) -> Problems:
        """Yield unit problems and knots that do not rise."""
        result = list(super().problems(path, unit))
        yield from result
        if not result:
            values = [in_unit(knot[0], unit) for knot in self._points]
            for place, (a, b) in enumerate(pairwise(values), 1):
                if b <= a:
                    yield Problem(
                        "K414",
                        (*path, self._key, place),
                        Message("the values of the knots must rise"),
                        label=Message("not above the last"),
                        hint=Message("put the knots in the order of their values"),
                    )

    @override
    def order_problem(self, path: Path, unit: Unit, *, higher: bool) -> Problems:
        """Yield a warning when better values score less all the way; what goes up and down is meant to."""
        scores = [float(y) for _, y in self._points]
        wrong = sorted(scores, reverse=higher)
        if scores == wrong and scores != wrong[::-1]:
            message = (
                Message("better is `higher`, so scores are expected to rise with the value")
                if higher
                else Message("better is `lower`, so scores are expected to fall with the value")
            )
            yield Problem("K413", (*path, self._key), message, severity=Severity.WARNING)


class Goalposts(Rule):
    """Position between two fixed posts: `100 (x - low)/(high - low)`, mirrored where lower is better.

    With `log: true` on logarithms, as for income in the Human Development Index. The posts do not depend on the peers,
    so neither equal values nor a single one are special. `scale` stretches the result before floor and cap.

    Source: UNDP Human Development Report, technical notes.

    >>> frame = pl.DataFrame({"x": [100.0, 2000.0, 75000.0]})
    >>> rule = Goalposts(low=100.0, high=75000.0, log=True)
    >>> frame.select(s=rule.score(Case.plain(pl.col("x"))).score.round(1))["s"].to_list()
    [0.0, 45.3, 100.0]
    """

    kind: Literal["goalposts"] = "goalposts"
    low: Quantity = Field(description="the value at 0 %")
    high: Quantity = Field(description="the value at 100 %")
    log: bool = Field(False, description="on logarithms, as for income")
    scale: Scale = Field((0.0, 100.0), description="the range of scores")

    def score(self, case: Case) -> Scored:
        """Return the position; a value that has no logarithm is out of range."""
        low, high = pl.lit(in_unit(self.low, case.unit)), pl.lit(in_unit(self.high, case.unit))
        value, guards = case.value, {}
        if self.log:
            guards = {"out_of_range": value <= 0}
            value, low, high = value.log(), low.log(), high.log()
        position = (value - low) / (high - low)
        return Scored(stretched(position if case.higher else 1 - position, self.scale), guards)

    def words(self) -> Message:
        """Return the rule in words."""
        if self.log:
            return Message(
                "logarithmic goalposts: 0 % for {low}, 100 % for {high} (the other way where lower is better)",
                low=self.low,
                high=self.high,
            )
        return Message(
            "goalposts: 0 % for {low}, 100 % for {high} (the other way where lower is better)",
            low=self.low,
            high=self.high,
        )

    def quantities(self) -> dict[Path, Quantity | None]:
        """Return the two posts."""
        return {("low",): self.low, ("high",): self.high}

    def problems(self, path: Path, unit: Unit) -> Problems:
        """Yield unit problems and posts that stand the wrong way round."""
        result = list(super().problems(path, unit))
        yield from result
        if result:
            return
        if in_unit(self.low, unit) >= in_unit(self.high, unit):
            yield Problem(
                "K414",
                (*path, "low"),
                Message("`low` must be below `high`"),
                hint=Message("direction comes from `better`"),
            )
        elif self.log and in_unit(self.low, unit) <= 0:
            yield Problem(
                "K414",
                (*path, "low"),
                Message("a logarithmic scale needs posts above zero"),
                hint=Message("leave `log` out"),
            )
