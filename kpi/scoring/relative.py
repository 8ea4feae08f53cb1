"""Rules that judge a value against its peers: the entities of the same period and cohort."""

from __future__ import annotations

import math
from typing import Literal

import polars as pl
from pydantic import Field

from kpi.definition import Path
from kpi.scoring.rule import Case, Rule, Scored
from kpi.targets import Quantity


def _position(case: Case, worst: pl.Expr, best: pl.Expr, constant: float) -> pl.Expr:
    """Where a value lies between worst (0) and best (1); `constant` where the two are the same."""
    return pl.when(best == worst).then(pl.lit(constant)).otherwise((case.value - worst) / (best - worst))


class Efficacy(Rule):
    """功效系数: `base + span (x - xs)/(xh - xs)` between 不允许值 xs and 满意值 xh, by default worst and best.

    Exponential: `base exp(ln((base+span)/base) (x - xs)/(xh - xs))`. Not clipped (a value below xs gets less than the
    base) unless `floor` and `cap` say so. All get base + span where best and worst are the same.

    >>> frame = pl.DataFrame({"x": [5.81]})
    >>> rule = Efficacy(unacceptable=6.0, satisfactory=12.0)
    >>> round(frame.select(rule.score(Case.plain(pl.col("x"))).score).item(), 2)
    58.73
    """

    kind: Literal["efficacy"] = "efficacy"
    floor: float | None = None
    cap: float | None = None
    base: float = 60
    span: float = 40
    satisfactory: Quantity | None = Field(None, description="满意值; left out: the best of the peers")
    unacceptable: Quantity | None = Field(None, description="不允许值; left out: the worst of the peers")
    exponential: bool = False

    def score(self, case: Case) -> Scored:
        """Returns base and span by position."""
        best, worst = case.quantity(self.satisfactory), case.quantity(self.unacceptable)
        position = _position(case, case.worst() if worst is None else worst, case.best() if best is None else best, 1.0)
        if self.exponential:
            return Scored(self.base * (math.log((self.base + self.span) / self.base) * position).exp())
        return Scored(self.base + self.span * position)

    def words(self) -> str:
        """Returns the rule in words."""
        position = "（实际值−不允许值）÷（满意值−不允许值）"
        return f"{'指数' if self.exponential else ''}功效系数法：{self.base:g} + {self.span:g} × {position}"

    def quantities(self) -> dict[Path, Quantity | None]:
        """Returns the two standards."""
        return {("satisfactory",): self.satisfactory, ("unacceptable",): self.unacceptable}


class MinMax(Rule):
    """Position between the worst and the best of the peers: `low + (high - low) (x - worst)/(best - worst)`.

    Where all peers are equal everyone gets `constant`, by default the middle of the range.
    """

    kind: Literal["minmax"] = "minmax"
    low: float = 0
    high: float = 100
    constant: float | None = Field(None, description="the score where all are equal; left out: the middle")

    def score(self, case: Case) -> Scored:
        """Returns the position on the range."""
        same = 0.5 if self.constant is None else (self.constant - self.low) / (self.high - self.low)
        return Scored(self.low + (self.high - self.low) * _position(case, case.worst(), case.best(), same))

    def words(self) -> str:
        """Returns the rule in words."""
        return f"极差标准化：组内最差得 {self.low:g} %，最好得 {self.high:g} %"


class RankScore(Rule):
    """A fixed step per place: `first - step (rank - 1)` (争先进位：第一名 100 %，每后一名减 5 %).

    Equal values share a place, `min` the better one, `average` the mean of the places they take.
    """

    kind: Literal["rank"] = "rank"
    first: float = 100
    step: float = Field(5, gt=0)
    ties: Literal["min", "average", "dense", "max"] = "min"

    def score(self, case: Case) -> Scored:
        """Returns the score of the place."""
        place = case.among(case.value.rank(self.ties, descending=case.higher))
        return Scored(self.first - self.step * (place.cast(pl.Float64) - 1))

    def words(self) -> str:
        """Returns the rule in words."""
        return f"按位次计分：第一名 {self.first:g} %，每后一名减 {self.step:g} %"


class Percentile(Rule):
    """The percent of peers that are worse: `100 (rank - 1)/(n - 1)`, rank from the worst; 100 for a single one.

    Equal values take the mean of their places.
    """

    kind: Literal["percentile"] = "percentile"

    def score(self, case: Case) -> Scored:
        """Returns the percentile among the peers that have a value."""
        place = case.among(case.value.rank("average", descending=not case.higher))
        others = case.among(case.value.count()).cast(pl.Float64) - 1
        return Scored(pl.when(others == 0).then(pl.lit(100.0)).otherwise((place - 1) / others * 100))

    def words(self) -> str:
        """Returns the rule in words."""
        return "百分位计分：组内不如本单位者所占百分比"
