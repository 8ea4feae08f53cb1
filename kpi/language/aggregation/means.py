"""Means (合成方法): the combination of the scores of the parts of a node.

Weighted means of the scores of one entity, and methods that compare the cohort (TOPSIS, Copeland). The input of a mean
are columns: the scores, null for a missing part, and the weights.
"""

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Literal

import polars as pl
from msgspec import Struct
from pydantic import Field, field_validator

from kpi.errors import Message
from kpi.language.aggregation.column_means import (
    BY_NAME,
    ColumnMean,
    GreyRelational,
    MazziottaPareto,
    Owa,
    RankSumRatio,
    Vikor,
    summed,
)  # fmt: skip
from kpi.language.model import PEERS, Block, Path, Problem, Problems
from kpi.language.sums import total
from kpi.values import numerics
from kpi.values.numerics import TIE
from kpi.values.rounding import SCORE_DECIMALS

#: Means compare the entities of a cohort in a period.
COHORT = PEERS["cohort"]


class Power(Block):
    """A power mean: `(sum w x^p / sum w)^(1/p)`."""

    power: float = Field(description="the exponent, not zero")

    @field_validator("power")
    @classmethod
    def _not_zero(cls, power: float) -> float:
        if power == 0:
            raise ValueError(Message("must not be 0; the limit is `geometric`"))
        return power


class Topsis(Block):
    """TOPSIS with its normalisation named: `vector` x/√Σx², `minmax`, or `none`."""

    topsis: Literal["vector", "minmax", "none"] = Field("vector", description="how columns are brought to one scale")


class Worst(Block):
    """The mean of the k lowest scores: `Σ w x / Σ w` over them; of all if there are fewer."""

    worst: int = Field(ge=1, description="how many of the lowest scores count")

    def words(self) -> Message:
        """Return the mean in words."""
        if self.worst == 1:
            return _WORDS["minimum"]
        return Message("weighted mean of the {number} lowest scores", number=self.worst)


class Best(Block):
    """The mean of the k highest scores: `Σ w x / Σ w` over them; of all if there are fewer."""

    best: int = Field(ge=1, description="how many of the highest scores count")

    def words(self) -> Message:
        """Return the mean in words."""
        if self.best == 1:
            return Message("highest score")
        return Message("weighted mean of the {number} highest scores", number=self.best)


Mean = (
    Literal[
        "arithmetic", "geometric", "harmonic", "minimum", "topsis", "copeland", "mazziotta_pareto", "grey_relational",
        "vikor", "rank_sum_ratio",
    ]
    | Power | Topsis | Worst | Best | MazziottaPareto | Owa | GreyRelational | Vikor | RankSumRatio
)  # fmt: skip

_WORDS = {
    "arithmetic": Message("weighted arithmetic mean"),
    "geometric": Message("weighted geometric mean"),
    "harmonic": Message("weighted harmonic mean"),
    "minimum": Message("lowest score"),
    "topsis": Message("TOPSIS closeness"),
    "copeland": Message("Copeland majority comparison"),
    "mazziotta_pareto": Message("Mazziotta-Pareto (less for imbalance)"),
}
_TOPSIS_WORDS = {
    "vector": Message("TOPSIS closeness (vector normalisation)"),
    "minmax": Message("TOPSIS closeness (min-max normalisation)"),
    "none": Message("TOPSIS closeness (not normalised)"),
}


def _of_columns(mean: Mean) -> ColumnMean | None:
    """Return a mean that is computed on columns as its model; None for another."""
    return mean if isinstance(mean, ColumnMean) else BY_NAME.get(mean) if isinstance(mean, str) else None


def words(mean: Mean) -> Message:
    """Return a mean in words."""
    if (of_columns := _of_columns(mean)) is not None:
        return of_columns.words()
    if isinstance(mean, Power):
        return Message("mean of power {power:g}", power=mean.power)
    if isinstance(mean, Topsis):
        return _TOPSIS_WORDS[mean.topsis]
    return mean.words() if isinstance(mean, Worst | Best) else _WORDS[str(mean)]


def by_peers(mean: Mean) -> bool:
    """Return whether a mean compares an entity with others, so that it depends on the scored entities."""
    of_columns = _of_columns(mean)
    return of_columns.by_peers if of_columns is not None else isinstance(mean, Topsis) or mean in ("topsis", "copeland")


def is_sum(mean: Mean) -> bool:
    """Return whether a mean is a sum of the scores by weights that may differ between entities."""
    return mean in ("arithmetic", "minimum") or isinstance(mean, Owa | Worst | Best)


def problems(path: Path, mean: Mean, parts: Sequence[str]) -> Problems:
    """Yield weights of places that are not as many as the parts."""
    if isinstance(mean, Owa) and isinstance(mean.owa, tuple) and len(mean.owa) != len(parts):
        number = len(mean.owa)
        message = Message("there are {number} weights of places for {parts} parts", number=number, parts=len(parts))
        hint = Message("give one for each, from the best score to the worst")
        yield Problem("K457", (*path, "owa"), message, hint=hint)


class Parts(Struct, frozen=True):
    """The parts of a node: `scores` (null for a missing part), `weights` (null with the score), and their sum.

    `given` are the weights before missing parts are handled, the same for a whole cohort.
    """

    scores: Sequence[pl.Expr]
    weights: Sequence[pl.Expr]
    carried: pl.Expr
    given: Sequence[pl.Expr]

    def averaged(self, transform: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
        """Return the weighted arithmetic mean of transformed scores; a part without a score contributes nothing."""
        pairs = zip(self.scores, self.weights, strict=True)
        return total([transform(score) * weight for score, weight in pairs]) / self.carried


def evaluate(mean: Mean, parts: Parts) -> pl.Expr:
    """Return the mean of the parts.

    - arithmetic `Σ w x / Σ w`; geometric `exp(Σ w ln x / Σ w)`; harmonic `Σ w / Σ (w/x)`; power p
      `(Σ w x^p / Σ w)^(1/p)`. A score of zero or less makes the geometric, the harmonic and a power mean with p < 0
      zero, unless it has no weight; with p > 0 scores below zero count as zero.
    - mazziotta_pareto `M - S²/M` with weighted mean M and population deviation S of one entity's scores: unequal scores
      cost (Mazziotta and Pareto 2016, the penalty S · S/M). No result where M is not positive.
    - topsis `100 D⁻/(D⁺ + D⁻)`: distances to the best and the worst score of every part in the cohort (Hwang and Yoon
      1981). 50 where all are equal, and for a single entity.
    - owa, grey_relational, vikor and rank_sum_ratio have sections of their own.
    - worst, best `Σ w x / Σ w` of the k lowest or highest scores. Where equal scores compete for the last places each
      counts with the same part of its weight.
    - copeland `50 (1 + c/(n - 1))`, c being wins less defeats against the others by weighted majority of the parts. 50
      for a single entity.

    Source: OECD/JRC Handbook (2008), 6; the means of powers: Hardy, Littlewood and Pólya (1934), 2; 改进功效系数法.

    >>> frame = pl.DataFrame({"a": [80.0, 0.0], "b": [20.0, 50.0]})
    >>> weight = pl.lit(1.0)
    >>> parts = Parts([pl.col("a"), pl.col("b")], [weight, weight], pl.lit(2.0), [weight, weight])
    >>> for mean in ("arithmetic", "geometric", "harmonic", "minimum", "mazziotta_pareto"):
    ...     print(mean, frame.select(m=evaluate(mean, parts).round(9))["m"].to_list())
    arithmetic [50.0, 25.0]
    geometric [40.0, 0.0]
    harmonic [32.0, 0.0]
    minimum [20.0, 0.0]
    mazziotta_pareto [32.0, 0.0]
    """
    if (of_columns := _of_columns(mean)) is not None:
        return _computed(of_columns, parts)
    if isinstance(mean, Power):
        return _powered(parts, mean.power)
    if isinstance(mean, Worst | Best):
        return _selected_mean(mean, parts)
    if isinstance(mean, Topsis) or mean == "topsis":
        return _topsis(parts, mean.topsis if isinstance(mean, Topsis) else "vector")
    return {
        "minimum": lambda: pl.min_horizontal(parts.scores),
        "geometric": lambda: _vanishing(parts, _above_zero(parts, lambda score: score.log()).exp()),
        "harmonic": lambda: _vanishing(parts, 1 / _above_zero(parts, lambda score: 1 / score)),
        "mazziotta_pareto": lambda: _computed(MazziottaPareto(mazziotta_pareto="minus"), parts),
        "copeland": lambda: _copeland(parts),
        "arithmetic": lambda: parts.averaged(lambda score: score),
    }[str(mean)]()


def _taken_apart(parts: Parts, columns: Sequence[pl.Series]) -> tuple[Sequence[pl.Series], pl.Series, list[pl.Series]]:
    """Return the score, the weight that is carried, and the fraction of it that each part carries."""
    number = len(parts.scores)
    carried = columns[-1]
    return columns[:number], carried, [weight / carried for weight in columns[number:-1]]


def selected(mean: Worst | Best, scores: Sequence[pl.Series]) -> list[pl.Series]:
    """Return the fraction (0 to 1) with which each part is among the k lowest or highest, 0 for a missing score.

    `min(max(k - ahead, 0) / equal, 1)` with the number of scores ahead of a score and of those equal to it, itself
    included, both to nine decimals.

    >>> scores = [pl.Series([60.0, 60.0]), pl.Series([80.0, 60.0]), pl.Series([90.0, None])]
    >>> [fraction.to_list() for fraction in selected(Worst(worst=1), scores)]
    [[1.0, 0.5], [0.0, 0.5], [0.0, 0.0]]
    """
    number, sign = (mean.worst, 1.0) if isinstance(mean, Worst) else (mean.best, -1.0)
    keys = [(score * sign).round(SCORE_DECIMALS).fill_null(math.inf) for score in scores]
    fractions = []
    for score, key in zip(scores, keys, strict=True):
        ahead = functools.reduce(operator.add, [(other < key).cast(pl.Float64) for other in keys])
        equal = functools.reduce(operator.add, [(other == key).cast(pl.Float64) for other in keys])
        fraction = ((number - ahead).clip(0.0) / equal).clip(upper_bound=1.0)
        fractions.append(fraction * score.is_not_null().cast(pl.Float64))
    return fractions


def _selected_mean(mean: Worst | Best, parts: Parts) -> pl.Expr:
    number = len(parts.scores)

    def averaged(columns: Sequence[pl.Series]) -> pl.Series:
        scores, weights = columns[:number], columns[number:]
        carried = [weight * part for weight, part in zip(weights, selected(mean, scores), strict=True)]
        start = carried[0].fill_null(0.0)
        return summed([item * weight for item, weight in zip(scores, carried, strict=True)], start) / summed(
            carried, start
        )

    return pl.map_batches([*parts.scores, *map(_spread_out, parts.weights)], averaged, return_dtype=pl.Float64)


def shares_of_selected(mean: Worst | Best, scores: Sequence[pl.Expr], weights: Sequence[pl.Expr]) -> list[pl.Expr]:
    """Return the fraction of the node that each part carries: 0 for those that are not among the k."""
    number = len(scores)

    def share(place: int, columns: Sequence[pl.Series]) -> pl.Series:
        fractions = selected(mean, columns[:number])
        carried = [weight * part for weight, part in zip(columns[number:], fractions, strict=True)]
        return carried[place].fill_null(0.0) / summed(carried, carried[0].fill_null(0.0))

    columns = [*scores, *map(_spread_out, weights)]
    return [
        pl.map_batches(columns, functools.partial(share, place), return_dtype=pl.Float64) for place in range(number)
    ]


def _spread_out(weight: pl.Expr) -> pl.Expr:
    """Return a weight as one value a row, as columns of unequal length cannot be multiplied."""
    return weight + pl.int_range(pl.len()) * 0.0


def _computed(mean: ColumnMean, parts: Parts) -> pl.Expr:
    """Return a mean that is computed on columns, of a cohort at a time where it compares."""

    def result(columns: Sequence[pl.Series]) -> pl.Series:
        scores, carried, shares = _taken_apart(parts, columns)
        return mean.result(scores, shares, carried)

    columns = [*parts.scores, *parts.weights, parts.carried]
    if mean.by_peers:
        return pl.map_groups(columns, result, return_dtype=pl.Float64).over(COHORT)
    return pl.map_batches(columns, result, return_dtype=pl.Float64)


def shares(mean: Mean, parts: Parts) -> list[pl.Expr] | None:
    """Return the fraction of the node that each part carries, where a mean gives it another than its weight."""
    if not isinstance(mean, Owa):
        return None

    def carried(columns: Sequence[pl.Series]) -> pl.Series:
        scores, _, fractions = _taken_apart(parts, columns)
        return pl.DataFrame({str(at): item for at, item in enumerate(mean.carried(scores, fractions))}).to_struct()

    names = [str(place) for place in range(len(parts.scores))]
    table = pl.map_batches(
        [*parts.scores, *parts.weights, parts.carried], carried,
        return_dtype=pl.Struct(dict.fromkeys(names, pl.Float64)),
    )  # fmt: skip
    return [table.struct.field(name) for name in names]


def _powered(parts: Parts, power: float) -> pl.Expr:
    if power < 0:
        return _vanishing(parts, _above_zero(parts, lambda score: score.pow(power)).pow(1 / power))
    # What is below zero has no power mean (the square of -3 is that of 3) and counts as nothing.
    return parts.averaged(lambda score: score.clip(0.0).pow(power)).pow(1 / power)


def _above_zero(parts: Parts, transform: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    """Return the mean of logarithms or reciprocals of scores above zero; `_vanishing` deals with the others."""
    return parts.averaged(lambda score: transform(pl.when(score <= 0).then(1.0).otherwise(score)))


def _vanishing(parts: Parts, mean: pl.Expr) -> pl.Expr:
    """Return a mean that one part at zero or below makes zero; a part without weight does not."""
    pairs = zip(parts.scores, parts.weights, strict=True)
    none = pl.any_horizontal([((score <= 0) & (weight > 0)).fill_null(value=False) for score, weight in pairs])
    return pl.when(none).then(0.0).otherwise(mean)


def _topsis(parts: Parts, normalisation: str) -> pl.Expr:
    def close(columns: Sequence[pl.Series]) -> pl.Series:
        scores, carried, shares = _taken_apart(parts, columns)
        best, worst = [], []
        for score, share in zip(scores, shares, strict=True):
            if not score.count():
                continue
            high, low = float(score.max()), float(score.min())  # type: ignore[arg-type]
            # A part in which all are equal separates no entities, and may have no size to divide by.
            if high - low <= TIE:
                continue
            size = {"vector": math.sqrt((score * score).sum()), "minmax": high - low, "none": 1.0}[normalisation]
            above, below = (score - high) * share / size, (score - low) * share / size
            best.append(above * above)
            worst.append(below * below)
        far, near = summed(worst, carried).sqrt(), summed(best, carried).sqrt()
        position = pl.when(far + near > 0).then(far / (far + near)).otherwise(0.5)
        return pl.select(pl.when(carried > 0).then(100 * position)).to_series()

    columns = [*parts.scores, *parts.weights, parts.carried]
    return pl.map_groups(columns, close, return_dtype=pl.Float64).over(COHORT)


def _copeland(parts: Parts) -> pl.Expr:
    number = len(parts.scores)

    def compared(columns: Sequence[pl.Series]) -> pl.Series:
        weights = [float(column[0] or 0.0) for column in columns[number:]]
        scores = [column.round(SCORE_DECIMALS) for column in columns[:number]]
        return pl.Series(numerics.copeland(scores, weights), dtype=pl.Float64)

    won = pl.map_groups([*parts.scores, *parts.given], compared, return_dtype=pl.Float64).over(COHORT)
    others = won.count().over(COHORT).cast(pl.Float64) - 1
    return pl.when(others > 0).then(50 * (1 + won / others)).when(won.is_not_null()).then(50.0)
