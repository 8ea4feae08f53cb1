"""Means that are computed on whole columns: ordered weighted averages, and comparisons with peers.

Each is a model of one key, `mean: {vikor: 0.5}`, and gives its result from the scores of the parts and the fraction of
the node that each part carries, both null where a part is missing. Those that compare are given one cohort at a time.
"""

from __future__ import annotations

import functools
import math
import operator
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import polars as pl
from pydantic import Field, field_validator

from kpi.errors import Message
from kpi.language.model import Block, Listed
from kpi.values.numerics import TIE
from kpi.values.rounding import HAIR, SCORE_DECIMALS

if TYPE_CHECKING:
    import numpy as np


def summed(terms: Sequence[pl.Series], start: pl.Series) -> pl.Series:
    """Return the sum of columns onto zeros as long as `start`, one after the other, nulls counting as nothing."""
    # NOTE: written as expressions, what many terms share (a mean, a greatest value) is worked out for each of them.
    return functools.reduce(operator.add, [term.fill_null(0.0) for term in terms], start * 0.0)


class ColumnMean(Block):
    """The base of means that are computed on columns."""

    #: Whether the entities of a cohort are compared with each other.
    by_peers: ClassVar[bool] = False

    @abstractmethod
    def result(self, scores: Sequence[pl.Series], shares: Sequence[pl.Series], carried: pl.Series) -> pl.Series:
        """Return the score of each entity.

        Args:
            scores: of each part, null where it is missing.
            shares: the fraction (0 to 1) of the node that each part carries.
            carried: the weight that all parts together carry, zero where there are none.
        """

    @abstractmethod
    def words(self) -> Message:
        """Return the mean in words."""


class MazziottaPareto(ColumnMean):
    """Mazziotta-Pareto with its sign named: `M - S²/M` (minus) or `M + S²/M` (plus, where more is worse).

    M is the weighted mean of an entity's scores and S their population deviation, `S²/M = S · S/M`. Of scores by
    `reference` with `by: adjusted` it is the adjusted index (AMPI), which can be compared over time.

    Source: Mazziotta and Pareto (2016); (2018) for the adjusted index.

    >>> scores = [pl.Series([80.0]), pl.Series([120.0])]
    >>> half = [pl.Series([0.5])] * 2
    >>> minus, plus = (MazziottaPareto(mazziotta_pareto=sign) for sign in ("minus", "plus"))
    >>> [mean.result(scores, half, pl.Series([1.0])).item() for mean in (minus, plus)]
    [96.0, 104.0]
    """

    mazziotta_pareto: Literal["minus", "plus"] = Field(description="minus: unequal scores cost; plus: they add")

    def result(self, scores: Sequence[pl.Series], shares: Sequence[pl.Series], carried: pl.Series) -> pl.Series:
        """Return the mean with the penalty; null where the mean is not positive."""
        middle = summed([score * share for score, share in zip(scores, shares, strict=True)], carried)
        gaps = [score - middle for score in scores]
        square = summed([gap * gap * share for gap, share in zip(gaps, shares, strict=True)], carried)
        penalty = square / middle if self.mazziotta_pareto == "minus" else -square / middle
        return pl.select(pl.when(middle > 0).then(middle - penalty)).to_series()

    def words(self) -> Message:
        """Return the mean in words."""
        if self.mazziotta_pareto == "minus":
            return Message("Mazziotta-Pareto (less for imbalance)")
        return Message("Mazziotta-Pareto (more for imbalance)")


class Owa(ColumnMean):
    """An ordered weighted average (OWA): weights go to places, from the best score of an entity to its worst.

    `owa: [1, 2, 3]` weighs the worst of three scores three times the best; `owa: 2` is the quantifier `Q(r) = r²`, a
    power above 1 weighing bad scores more, below 1 good ones. Parts that weigh differently, or are missing, are taken
    into account as in the weighted OWA: the k-th best part has `Q(Σ_{i≤k} w_i) - Q(Σ_{i<k} w_i)`, Q through the points
    of the list in straight lines. Equal scores share their places. The shares are the weights of the explanation.

    Source: Yager (1988, 1996); Torra (1997), the weighted OWA.

    >>> scores = [pl.Series([90.0]), pl.Series([30.0]), pl.Series([60.0])]
    >>> third = [pl.Series([1 / 3])] * 3
    >>> [Owa(owa=owa).result(scores, third, pl.Series([1.0])).round(6).item() for owa in ((1, 2, 3), 1.0, (0, 0, 1))]
    [50.0, 60.0, 30.0]
    """

    owa: Annotated[float, Field(gt=0)] | Listed[Annotated[float, Field(ge=0)]] = Field(
        description="weights from the best score to the worst, or the power of the quantifier"
    )

    @field_validator("owa")
    @classmethod
    def _weighing(cls, owa: float | tuple[float, ...]) -> float | tuple[float, ...]:
        if isinstance(owa, tuple) and not math.fsum(owa) > 0:
            raise ValueError(Message("weights are zero or more, and not all zero"))
        return owa

    def _quantified(self, reached: np.ndarray) -> np.ndarray:
        import numpy as np

        if isinstance(self.owa, tuple):
            steps = np.linspace(0.0, 1.0, len(self.owa) + 1)
            sums = np.array([math.fsum(self.owa[:place]) for place in range(len(self.owa) + 1)])
            quantified: np.ndarray = np.interp(reached, steps, sums / sums[-1])
            return quantified
        powered: np.ndarray = np.clip(reached, 0.0, 1.0) ** self.owa
        return powered

    def carried(self, scores: Sequence[pl.Series], shares: Sequence[pl.Series]) -> list[pl.Series]:
        """Return the fraction of the node that each part carries by the place of its score, 0 for a missing one."""
        import numpy as np

        table = np.column_stack([score.cast(pl.Float64).to_numpy() for score in scores])
        weights = np.column_stack([share.cast(pl.Float64).fill_null(0.0).to_numpy() for share in shares])
        weights[np.isnan(table)] = 0.0
        order = np.argsort(-table, axis=1, kind="stable")
        ranked, own = np.take_along_axis(table, order, 1), np.take_along_axis(weights, order, 1)
        reached = np.minimum(np.cumsum(own, axis=1), 1.0)
        # The parts of an entity carry 1 in all, but for the last bits of their sum.
        reached[reached > 1 - HAIR] = 1.0
        steps = np.diff(self._quantified(reached), axis=1, prepend=self._quantified(np.zeros((len(table), 1))))
        for place in range(1, table.shape[1]):
            # Equal scores share their places by their weights: the order of parts must not matter.
            tied = np.abs(ranked[:, place] - ranked[:, place - 1]) <= HAIR
            for row in np.flatnonzero(tied):
                first = place - 1
                while first and abs(ranked[row, first] - ranked[row, first - 1]) <= HAIR:
                    first -= 1
                both, weight = steps[row, first : place + 1].sum(), own[row, first : place + 1]
                steps[row, first : place + 1] = both * (weight / weight.sum() if weight.sum() > 0 else weight)
        shared = np.zeros(table.shape)
        np.put_along_axis(shared, order, steps, 1)
        return [pl.Series(column) for column in np.ascontiguousarray(shared.T)]

    def result(self, scores: Sequence[pl.Series], shares: Sequence[pl.Series], carried: pl.Series) -> pl.Series:
        """Return the average of the scores by the weights of their places."""
        own = self.carried(scores, shares)
        mean = summed([score * share for score, share in zip(scores, own, strict=True)], carried)
        return pl.select(pl.when(carried > 0).then(mean)).to_series()

    def words(self) -> Message:
        """Return the mean in words."""
        if isinstance(self.owa, tuple):
            weights = ":".join(f"{weight:g}" for weight in self.owa)
            return Message("ordered weighted average, from the best score to the worst {weights}", weights=weights)
        return Message("ordered weighted average by the quantifier r^{power:g}", power=self.owa)


def _spans(scores: Sequence[pl.Series]) -> list[tuple[float, float] | None]:
    """Return the best and the worst score of each part; None for a part in which all are equal."""
    spans: list[tuple[float, float] | None] = []
    for score in scores:
        high, low = score.max(), score.min()
        apart = isinstance(high, float) and isinstance(low, float) and high - low > TIE
        spans.append((high, low) if apart else None)  # type: ignore[arg-type]
    return spans


class GreyRelational(ColumnMean):
    """Grey relational grade (灰色关联度): how near an entity is to the best score of every part in the cohort.

    `100 Σ w_j ρ Δmax/(Δ_ij + ρ Δmax)`, `Δ_ij = max_i x_ij - x_ij`, Δmax the greatest of all; the smallest is zero, that
    of the best. ρ is the distinguishing coefficient. 100 where all are equal, and for a single entity.

    Source: Deng (1989), 灰色系统理论; OECD/JRC Handbook (2008) has no counterpart.

    >>> scores = [pl.Series([100.0, 50.0]), pl.Series([60.0, 80.0])]
    >>> GreyRelational().result(scores, [pl.Series([0.5, 0.5])] * 2, pl.Series([2.0, 2.0])).round(3).to_list()
    [77.778, 66.667]
    """

    by_peers: ClassVar[bool] = True
    grey_relational: float = Field(0.5, gt=0, le=1, description="the distinguishing coefficient ρ")

    def result(self, scores: Sequence[pl.Series], shares: Sequence[pl.Series], carried: pl.Series) -> pl.Series:
        """Return the grades in percent."""
        spans = _spans(scores)
        widest = max((high - low for high, low in filter(None, spans)), default=0.0) * self.grey_relational
        terms = []
        for score, share, span in zip(scores, shares, spans, strict=True):
            near = score * 0.0 + 1.0 if span is None else widest / ((span[0] - score) + widest)
            terms.append(near * share)
        return pl.select(pl.when(carried > 0).then(100 * summed(terms, carried))).to_series()

    def words(self) -> Message:
        """Return the mean in words."""
        return Message("grey relational grade (ρ = {coefficient:g})", coefficient=self.grey_relational)


class Vikor(ColumnMean):
    """VIKOR: a compromise between the sum of an entity's gaps to the best and the greatest of them.

    `100 (1 - Q)`, `Q = v (S - S*)/(S⁻ - S*) + (1 - v)(R - R*)/(R⁻ - R*)`, `S = Σ w_j (x*_j - x_j)/(x*_j - x⁻_j)`, R the
    greatest of these terms, * and ⁻ the best and the worst in the cohort; v is the weight of the sum. Half of a term of
    Q where all are equal in it: 50 where all are equal, and for a single entity.

    Source: Opricovic and Tzeng (2004).

    >>> scores = [pl.Series([100.0, 50.0, 80.0]), pl.Series([60.0, 80.0, 80.0])]
    >>> Vikor().result(scores, [pl.Series([0.5] * 3)] * 2, pl.Series([2.0] * 3)).to_list()
    [0.0, 0.0, 100.0]
    """

    by_peers: ClassVar[bool] = True
    vikor: float = Field(0.5, ge=0, le=1, description="the weight v of the sum beside the greatest gap")

    def result(self, scores: Sequence[pl.Series], shares: Sequence[pl.Series], carried: pl.Series) -> pl.Series:
        """Return `100 (1 - Q)`."""
        gaps = [
            (span[0] - score) / (span[0] - span[1]) * share
            for score, share, span in zip(scores, shares, _spans(scores), strict=True)
            if span is not None
        ]
        there = carried > 0
        total = pl.select(pl.when(there).then(summed(gaps, carried))).to_series()
        worst = pl.select(pl.max_horizontal(gap.fill_null(0.0) for gap in [*gaps, carried * 0.0])).to_series()
        worst = pl.select(pl.when(there).then(worst)).to_series()
        far = _placed(total) * self.vikor + _placed(worst) * (1 - self.vikor)
        return 100 * (1 - far)

    def words(self) -> Message:
        """Return the mean in words."""
        return Message("VIKOR compromise (weight of the sum v = {weight:g})", weight=self.vikor)


def _placed(values: pl.Series) -> pl.Series:
    """Return where values lie between the least (0) and the greatest (1) of them, the middle where all are equal."""
    span = _spans([values])[0]
    return values * 0.0 + 0.5 if span is None else (values - span[1]) / (span[0] - span[1])


class RankSumRatio(ColumnMean):
    """Rank-sum ratio (秩和比, RSR): the weighted mean of an entity's ranks in the parts, the worst being 1.

    `100 Σ w_j R_ij/n_j` of the n_j entities that have the part. `plain` ranks have the mean of tied places (整秩法);
    `interpolated` ones are `R = 1 + (n - 1)(x - min)/(max - min)` (非整秩法), the middle where all are equal. 100 for a
    single entity.

    Source: 田凤调 (1988), 秩和比法; (1993) for the interpolated ranks.

    >>> scores = [pl.Series([90.0, 50.0, 80.0]), pl.Series([60.0, 80.0, 80.0])]
    >>> half, number = [pl.Series([0.5] * 3)] * 2, pl.Series([2.0] * 3)
    >>> for ranks in ("plain", "interpolated"):
    ...     print(ranks, RankSumRatio(rank_sum_ratio=ranks).result(scores, half, number).round(3).to_list())
    plain [66.667, 58.333, 75.0]
    interpolated [66.667, 66.667, 91.667]
    """

    by_peers: ClassVar[bool] = True
    rank_sum_ratio: Literal["plain", "interpolated"] = Field("plain", description="how ranks are found")

    def result(self, scores: Sequence[pl.Series], shares: Sequence[pl.Series], carried: pl.Series) -> pl.Series:
        """Return the ratios in percent."""
        terms = []
        for score, share, span in zip(scores, shares, _spans(scores), strict=True):
            number = score.count()
            if not number:
                continue
            if self.rank_sum_ratio == "plain":
                rank = score.round(SCORE_DECIMALS).rank("average")
            elif span is None:
                rank = score * 0.0 + (number + 1) / 2
            else:
                rank = 1 + (number - 1) * (score - span[1]) / (span[0] - span[1])
            terms.append(rank / number * share)
        return pl.select(pl.when(carried > 0).then(100 * summed(terms, carried))).to_series()

    def words(self) -> Message:
        """Return the mean in words."""
        if self.rank_sum_ratio == "plain":
            return Message("rank-sum ratio (mean of ranks)")
        return Message("rank-sum ratio (mean of interpolated ranks)")


#: Every mean of this module, in the order of the reference.
EVERY: tuple[type[ColumnMean], ...] = (MazziottaPareto, Owa, GreyRelational, Vikor, RankSumRatio)

#: The means that may be written by their name alone.
BY_NAME: dict[str, ColumnMean] = {
    "grey_relational": GreyRelational.of_defaults(), "vikor": Vikor.of_defaults(),
    "rank_sum_ratio": RankSumRatio.of_defaults(),
}  # fmt: skip
