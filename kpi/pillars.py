"""Pillars (一级、二级指标): weighted nodes of the tree, the composite at its root.

A node makes one score from its parts by a mean and weights. Missing parts follow a declared policy; a part that does
not apply always leaves its weight to the others. What each part carried in the end is a column too, so contributions
add up for every entity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Self

import polars as pl
from pydantic import BeforeValidator, Field, model_validator

from kpi.definition import Block, Definition, Listed, Name
from kpi.rounding import rounded
from kpi.status import OK, reason, status_of

Number = pl.Float64


class Redistribute(Block):
    """Share the weight of missing parts among the others in proportion, if enough weight is there."""

    at_least: float = Field(0, ge=0, le=100, description="percent of the weight that must have a score")


class Penalty(Block):
    """Score a missing part below zero."""

    points: float = Field(gt=0, description="percent of the part's full marks that are taken off")


class Missing(Block):
    """What happens to a part without a score; exactly one policy."""

    redistribute: Redistribute | None = None
    spread: Redistribute | None = None
    zero: Block | None = None
    fail: Block | None = None
    cohort_mean: Redistribute | None = None
    penalty: Penalty | None = None

    @model_validator(mode="after")
    def _one_policy(self) -> Self:
        if len(self.model_fields_set) > 1:
            raise ValueError(f"one policy is needed, not {' and '.join(sorted(self.model_fields_set))}")
        return self

    @property
    def policy(self) -> str:
        """The policy that is given."""
        return next(iter(self.model_fields_set), "redistribute")

    @property
    def at_least(self) -> float:
        """The percent of the weight that must have a score."""
        chosen = getattr(self, self.policy)
        return chosen.at_least if isinstance(chosen, Redistribute) else 0.0

    def words(self) -> str:
        """Returns the policy in words."""
        text = {
            "redistribute": "缺项权重按比例分摊", "spread": "缺项权重平均分摊", "zero": "缺项计零分",
            "fail": "缺项则不评",
            "cohort_mean": "缺项取同组平均分", "penalty": "缺项倒扣",
        }[self.policy]  # fmt: skip
        return text + (f"（有数权重不低于 {self.at_least:g} %）" if self.at_least else "")


def _policy(value: Any) -> Any:
    return {value: {}} if isinstance(value, str) else value


class Power(Block):
    """A power mean: `(sum w x^p)^(1/p)`."""

    power: float = Field(description="the exponent, not zero")


Mean = Literal["arithmetic", "geometric", "harmonic", "minimum"] | Power
MissingPolicy = Annotated[Missing, BeforeValidator(_policy)]


class Node(Definition):
    """What the composite and the pillars share: a mean and a policy for missing parts."""

    mean: Mean = "arithmetic"
    missing: MissingPolicy = Field(default_factory=lambda: Missing(redistribute=Redistribute()))
    decimals: Annotated[int, Field(ge=0, le=9)] | None = Field(None, description="round the node's score, half up")

    @property
    def mean_words(self) -> str:
        """The mean in words."""
        if isinstance(self.mean, Power):
            return f"{self.mean.power:g} 次幂平均"
        return {
            "arithmetic": "加权算术平均",
            "geometric": "加权几何平均",
            "harmonic": "加权调和平均",
            "minimum": "取最低分",
        }[self.mean]


class Pillar(Node):
    """A node whose parts are indicators or other pillars; only the top ones have a weight of their own."""

    weight: float | None = Field(None, gt=0, description="of a top pillar in the composite; any positive numbers")
    parts: dict[Name, Annotated[float, Field(gt=0)]] = Field(min_length=1, description="name: weight")


class Composite(Node):
    """The root (综合得分): the mean of the top pillars, with a full mark that need not be 100."""

    full: float = Field(100, gt=0)
    cap: float | None = Field(None, description="the most the total may be with bonuses; left out: no limit")
    floor: float | None = Field(0, description="the least the total may be after deductions; null for no limit")
    ours: bool | Listed[str] = False


def score_of(name: str) -> str:
    """Returns the name of the column that holds a node's or an indicator's score."""
    return f"{name}.score"


def _sum(terms: list[pl.Expr]) -> pl.Expr:
    return pl.sum_horizontal(terms) if len(terms) > 1 else terms[0]


class Combination:
    """The expressions of one node over the score columns of its parts.

    They come in levels, each a `with_columns` of its own, because a total that is written out inside every share makes
    plans of quadratic size.

    Args:
        name: the node.
        node: its mean and policy.
        weights: the weight of each part.
        leaves: the parts that are indicators.
    """

    def __init__(self, name: str, node: Node, weights: Mapping[str, float], leaves: frozenset[str]) -> None:
        self.name, self.node, self.weights, self.leaves = name, node, weights, leaves
        self.policy = node.missing.policy
        self.carried = pl.col(f"{name}.carried")
        self.present = pl.col(f"{name}.present")
        self.applicable = pl.col(f"{name}.applicable")

    # ---- ONE PART ---- #

    def own(self, part: str) -> pl.Expr:
        """Returns the part's own score, null where it has none."""
        return pl.col(score_of(part))

    def applies(self, part: str) -> pl.Expr:
        """Returns whether the part applies to the entity at all."""
        return status_of(score_of(part)) != reason("not_applicable")

    def filled(self, part: str) -> pl.Expr:
        """Returns the score that enters the mean: its own, or what the policy puts in its place."""
        own = self.own(part)
        penalty = self.node.missing.penalty
        stand_in = {
            "zero": pl.lit(0.0),
            "cohort_mean": own.mean().over("period", "cohort"),
            "penalty": pl.lit(-penalty.points if penalty else 0.0),
        }.get(self.policy)
        return own if stand_in is None else pl.when(own.is_null() & self.applies(part)).then(stand_in).otherwise(own)

    def weight(self, part: str) -> pl.Expr:
        """Returns the weight that the part carries, null where it carries none."""
        weight = self.weights[part]
        if self.policy == "spread":
            spread = (self.applicable - self.present) / _sum(
                [self.own(one).is_not_null().cast(Number) for one in self.weights]
            )
            return pl.when(self.own(part).is_not_null()).then(weight + spread)
        return pl.when(self.filled(part).is_not_null()).then(pl.lit(float(weight)))

    # ---- THE NODE ---- #

    def totals(self) -> dict[str, pl.Expr]:
        """Returns `name.applicable` and `name.present`: the weight that applies, and that has its own score."""
        applicable = _sum([pl.when(self.applies(part)).then(pl.lit(float(w))) for part, w in self.weights.items()])
        present = _sum(
            [pl.when(self.own(part).is_not_null()).then(pl.lit(float(w))) for part, w in self.weights.items()]
        )
        return {f"{self.name}.applicable": applicable, f"{self.name}.present": present}

    def carrying(self) -> dict[str, pl.Expr]:
        """Returns the column `name.carried`: the sum of the weights that enter the mean."""
        if self.policy in ("redistribute", "fail"):
            return {f"{self.name}.carried": self.present}
        if self.policy == "spread":
            return {f"{self.name}.carried": pl.when(self.present > 0).then(self.applicable).otherwise(0.0)}
        return {f"{self.name}.carried": _sum([self.weight(part) for part in self.weights])}

    def result(self) -> dict[str, pl.Expr]:
        """Returns `name.score` (percent of full marks), `name.score.status` and `name.coverage` (percent).

        Coverage is the part of the applicable weight that has its own score, down to the indicators. The status is
        not_applicable, missing (no part has a score), incomplete (too few have, or any gap under `fail`), or ok.
        """
        value = self.mean()
        if self.node.decimals is not None:
            value = rounded(value, self.node.decimals)
        there = self.present / self.applicable * 100
        least = 100.0 if self.policy == "fail" else self.node.missing.at_least
        verdict = pl.when(value.is_finite()).then(OK).otherwise(reason("out_of_range"))
        if least:
            verdict = pl.when(there < least - 1e-9).then(reason("incomplete")).otherwise(verdict)
        verdict = pl.when(self.carried <= 0).then(reason("missing")).otherwise(verdict)
        verdict = pl.when(self.applicable <= 0).then(reason("not_applicable")).otherwise(verdict)
        return {
            score_of(self.name): pl.when(verdict == OK).then(value),
            f"{score_of(self.name)}.status": verdict,
            f"{self.name}.coverage": pl.when(self.applicable > 0).then(self.coverage()),
        }

    def coverage(self) -> pl.Expr:
        """Returns the percent of applicable weight that has data, down to the indicators."""
        if self.leaves.issuperset(self.weights):
            return self.present / self.applicable * 100
        reach: list[pl.Expr] = []
        for part, weight in self.weights.items():
            leaf = pl.when(self.own(part).is_not_null()).then(100.0)
            covered = leaf if part in self.leaves else pl.col(f"{part}.coverage")
            reach.append(pl.when(self.applies(part)).then(covered * weight))
        return _sum(reach) / self.applicable

    def mean(self) -> pl.Expr:
        """Returns the mean of the filled scores."""
        kind = self.node.mean
        if kind == "minimum":
            return pl.min_horizontal([self.filled(part) for part in self.weights])
        if isinstance(kind, Power):
            exponent = kind.power
            return self.averaged(lambda score: score.pow(exponent)).pow(1 / exponent)
        if kind == "arithmetic":
            return self.averaged(lambda score: score)

        # One part at zero makes these means zero: logarithm and reciprocal only ever see scores above it, or nothing.
        def positive(score: pl.Expr) -> pl.Expr:
            return pl.when(score <= 0).then(1.0).otherwise(score)

        if kind == "geometric":
            inner = self.averaged(lambda score: positive(score).log()).exp()
        else:
            inner = 1 / self.averaged(lambda score: 1 / positive(score))
        none = pl.any_horizontal([(self.filled(part) <= 0).fill_null(value=False) for part in self.weights])
        return pl.when(none).then(0.0).otherwise(inner)

    def averaged(self, transform: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
        """Returns the weighted arithmetic mean of transformed scores; a part without a score adds nothing."""
        if self.policy in ("redistribute", "fail"):
            return _sum([transform(self.own(part)) * weight for part, weight in self.weights.items()]) / self.carried
        return _sum([transform(self.filled(part)) * self.weight(part) for part in self.weights]) / self.carried

    def shares(self) -> dict[str, pl.Expr]:
        """Returns for each part the column `part.share`: the fraction (0 to 1) of the node that it carried.

        The shares of a node with a score sum to 1. Under `minimum` the lowest parts carry everything.
        """
        scored = pl.col(score_of(self.name)).is_not_null()
        if self.node.mean == "minimum":
            lowest = pl.min_horizontal([self.filled(part) for part in self.weights])
            ties = _sum([(self.filled(part) == lowest).cast(Number) for part in self.weights])
            carried = {p: pl.when(self.filled(p) == lowest).then(1.0).otherwise(0.0) / ties for p in self.weights}
        else:
            carried = {part: self.weight(part).fill_null(0.0) / self.carried for part in self.weights}
        return {f"{part}.share": pl.when(scored).then(share) for part, share in carried.items()}
