"""Rules that judge a value by its place among its peers: how far apart the values are does not matter."""

from typing import Literal

import polars as pl
from pydantic import Field

from kpi.errors import Message
from kpi.language.scoring.relative import Relative, Scale, stretched
from kpi.language.scoring.rule import Case, Scored

Ties = Literal["min", "average", "max"]


class RankScore(Relative):
    """A fixed step per place: `first - step (rank - 1)` (争先进位：第一名 100 %，每后一名减 5 %).

    Equal values share a place: `min` the better one, `average` the mean of the places they take, `max` the worse one,
    `dense` counts no place twice. Where all are equal all are first (with `min`), and a single one is.

    Source: 争先进位 monthly evaluations, 16 indicators, 5 % a place.

    >>> frame = pl.DataFrame({"x": [7.0, 9.0, 7.0, 5.0]})
    >>> frame.select(RankScore().score(Case.plain(pl.col("x"))).score).to_series().to_list()
    [95.0, 100.0, 95.0, 85.0]
    """

    kind: Literal["rank"] = "rank"
    first: float = Field(100, description="percent of full marks for the first place")
    step: float = Field(5, gt=0, description="percent of full marks less for each place")
    ties: Literal["min", "average", "dense", "max"] = Field("min", description="which place equal values share")

    def score(self, case: Case) -> Scored:
        """Return the score of the place."""
        return Scored(self.first - self.step * (case.place(self.ties, first="best") - 1))

    def words(self) -> Message:
        """Return the rule in words."""
        return Message(
            "by place: {first:g} % for the first, {step:g} % less for each place behind",
            first=self.first,
            step=self.step,
        )


class Percentile(Relative):
    """The percent of peers that are worse: `100 (place - 1)/(n - 1)`, place from the worst; 100 for a single one.

    Equal values take the mean of their places (`ties: average`, so all equal makes 50), the worst (`min`) or the best
    (`max`) of them.

    Source: percentile ranks of the OECD/JRC Handbook (2008), 5.5.

    >>> frame = pl.DataFrame({"x": [1.0, 2.0, 2.0, 5.0]})
    >>> frame.select(Percentile(ties="min").score(Case.plain(pl.col("x"))).score).to_series().round(2).to_list()
    [0.0, 33.33, 33.33, 100.0]
    """

    kind: Literal["percentile"] = "percentile"
    scale: Scale = Field((0.0, 100.0), description="the range of scores")
    ties: Ties = Field("average", description="which place equal values share")

    def score(self, case: Case) -> Scored:
        """Return the percentile among the peers that have a value."""
        place = case.place(self.ties, first="worst")
        others = case.among(case.value.count(), "count").cast(pl.Float64) - 1
        position = pl.when(others == 0).then(pl.lit(1.0)).otherwise((place - 1) / others)
        return Scored(stretched(position, self.scale))

    def words(self) -> Message:
        """Return the rule in words."""
        return Message("by percentile: the percent of the peers that are worse")


class Borda(Relative):
    """Points for every peer that is worse: `points (place - 1)`, place from the worst; 0 where all are equal.

    Equal values get what the worst of their places gets (`ties: min`), the mean (`average`) or the best (`max`). A
    single one has nobody to beat and gets 0. Not clipped unless `cap` says so.

    Source: Borda count (1784); OECD/JRC Handbook (2008), 6.

    >>> frame = pl.DataFrame({"x": [1.0, 2.0, 2.0, 5.0]})
    >>> frame.select(Borda().score(Case.plain(pl.col("x"))).score).to_series().to_list()
    [0.0, 1.0, 1.0, 3.0]
    """

    kind: Literal["borda"] = "borda"
    cap: float | None = Field(None, description="the most percent of full marks; null for none")
    points: float = Field(1, gt=0, description="percent of full marks for each peer that is worse")
    ties: Ties = Field("min", description="which place equal values share")

    def score(self, case: Case) -> Scored:
        """Return the points."""
        return Scored(self.points * (case.place(self.ties, first="worst") - 1))

    def words(self) -> Message:
        """Return the rule in words."""
        return Message("Borda count: {points:g} % for each peer that is worse", points=self.points)
