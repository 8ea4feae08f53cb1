"""Weights combined of several methods (组合赋权): those of a document or of experts, and those that data give."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self, TypeAlias

import polars as pl
from pydantic import Field, model_validator
from typing_extensions import override

from kpi.errors import Message, commas
from kpi.language.aggregation.importance import Importance
from kpi.language.aggregation.judgements import GroupAhp
from kpi.language.aggregation.weights import (
    Ahp,
    ByPart,
    Critic,
    Entropy,
    Equal,
    FromData,
    Pca,
    Variation,
    Weighting,
    named,
    ordered,
)
from kpi.language.model import Listed, Path, Problem, Problems, one_of
from kpi.values import linear


class Given(Weighting):
    """The weights of the document, as one of several to combine: `w/Σw`.

    Source: 主客观组合赋权 of 综合评价 textbooks.

    >>> Given(weights={"a": 30, "b": 20, "c": 50}).fixed(3)
    [0.3, 0.2, 0.5]
    """

    method: Literal["given"] = "given"
    weights: ByPart = Field(description="part: weight")

    @model_validator(mode="after")
    def _positive(self) -> Self:
        if not math.fsum(self.weights.values()) > 0:
            raise ValueError(Message("weights are zero or more, and not all zero"))
        return self

    @override
    def fixed(self, number: int) -> list[float]:
        """Return the weights, adding up to 1."""
        return linear.added_to_one(list(self.weights.values()))

    @override
    def words(self) -> Message:
        """Return the method in words."""
        return Message("weights as given")

    @override
    def of_parts(self, parts: Sequence[str]) -> Weighting:
        """Return the weights in the order of the parts."""
        return self.model_copy(update={"weights": ordered(self.weights, parts)})

    @override
    def problems(self, path: Path, parts: Sequence[str], leaves: frozenset[str]) -> Problems:
        """Yield names that are no parts, and parts that are not named."""
        yield from named((*path, "weights"), self.weights, parts)


#: The methods that can be combined.
SINGLE: tuple[type[Weighting], ...] = (Equal, Given, Entropy, Critic, Variation, Pca, Importance, Ahp, GroupAhp)

if TYPE_CHECKING:
    Single: TypeAlias = Weighting
else:
    Single = one_of(*SINGLE, tag="method")


class Combined(FromData):
    """Weights combined of several methods (组合赋权), each first made to add up to 1.

    `by: sum` is `Σ_k λ_k w_k` with the `shares` λ (left out: the same for each); `product` is `Π_k w_k / Σ_j Π_k w_k`;
    `game` finds λ so that the combination is nearest to all of them (博弈论组合赋权): `Σ_l λ_l w_k·w_l = w_k·w_k` for
    every k, then λ/Σλ; lists of weights that are all the same count the same. There are no weights where a method has
    none, where all products are zero, where the equations of lists that differ have no single solution, and where a
    weight would be negative: out_of_range.

    Source: 乘法合成法, 加法合成法 and 博弈论组合赋权 of 综合评价 textbooks.

    >>> lists = {"a": 50, "b": 30, "c": 20}, {"a": 20, "b": 20, "c": 60}
    >>> methods = [{"method": "given", "weights": weights} for weights in lists]
    >>> for by in ("sum", "product", "game"):
    ...     print(by, [round(w, 4) for w in Combined(by=by, methods=methods).fixed(3)])
    sum [0.35, 0.25, 0.4]
    product [0.3571, 0.2143, 0.4286]
    game [0.326, 0.242, 0.4321]
    """

    method: Literal["combined"] = "combined"
    title: ClassVar[Message] = Message("combined weights")
    methods: Listed[Single] = Field(min_length=2, description="the methods that are combined")
    by: Literal["sum", "product", "game"] = Field(description="how the weights of the methods are combined")
    shares: Listed[float] | None = Field(None, description="of `by: sum`: how much each method counts")

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.shares is not None and self.by != "sum":
            raise ValueError(Message("`shares` belongs to `by: sum`"))
        if self.shares is not None and (len(self.shares) != len(self.methods) or min(self.shares) <= 0):
            raise ValueError(Message("`shares` are as many positive numbers as there are methods"))
        for method in self.methods:
            if isinstance(method, FromData) and method.model_fields_set & {"among", "of"}:
                raise ValueError(Message("`among` and `of` stand beside `methods`, and hold for all of them"))
        return self

    @property
    @override
    def data_driven(self) -> bool:
        """Whether one of the methods looks at data."""
        return any(isinstance(method, FromData) for method in self.methods)

    @property
    @override
    def consistency(self) -> float | None:
        """The largest consistency ratio of judgements among the methods."""
        ratios = [method.consistency for method in self.methods if method.consistency is not None]
        return max(ratios, default=None)

    @override
    def fixed(self, number: int) -> list[float] | None:
        """Return the weights if none of the methods looks at data."""
        return None if self.data_driven else self._combination([method.fixed(number) for method in self.methods])

    @override
    def find(self, columns: Sequence[pl.Series]) -> list[float] | None:
        """Return the weights for the columns of one group of entities, None where there are none."""
        return self._combination(
            [
                method.find(columns) if isinstance(method, FromData) else method.fixed(len(columns))
                for method in self.methods
            ]
        )

    def _combination(self, several: Sequence[list[float] | None]) -> list[float] | None:
        weights = [linear.added_to_one(weights) for weights in several if weights is not None]
        if len(weights) < len(several) or len({len(weight) for weight in weights}) > 1:
            return None
        if self.by == "product":
            products = [math.prod(own) for own in zip(*weights, strict=True)]
            return linear.added_to_one(products) if math.fsum(products) > 0 else None
        shares: Sequence[float] | None = self.shares or [1.0] * len(weights)
        if self.by == "game":
            shares = linear.game_shares(weights)
        if shares is None:
            return None
        total = math.fsum(shares)
        sums = [
            math.fsum(s * w for s, w in zip(shares, own, strict=True)) / total for own in zip(*weights, strict=True)
        ]
        return None if min(sums) < 0 else linear.added_to_one(sums)

    @override
    def words(self) -> Message:
        """Return the method in words."""
        methods = commas([method.title if isinstance(method, FromData) else method.words() for method in self.methods])
        if self.by == "product":
            words = Message("combined weights, the product of: {methods}", methods=methods)
        elif self.by == "game":
            words = Message("combined weights, nearest to all of (game theory): {methods}", methods=methods)
        elif self.shares is None:
            words = Message("combined weights, the mean of: {methods}", methods=methods)
        else:
            shares = ":".join(f"{share:g}" for share in self.shares)
            words = Message("combined weights, the mean {shares} of: {methods}", shares=shares, methods=methods)
        if not self.data_driven:
            return words
        if self.among == "panel":
            return Message("{method}, of all periods together", method=words)
        return Message("{method}, period by period", method=words)

    @override
    def of_parts(self, parts: Sequence[str]) -> Weighting:
        """Return the combination of the methods as they are for the parts."""
        return self.model_copy(update={"methods": tuple(method.of_parts(parts) for method in self.methods)})

    @override
    def mean_problems(self, path: Path, mean: object, policy: str) -> Problems:
        """Yield what the methods have against a mean."""
        for place, method in enumerate(self.methods):
            yield from method.mean_problems((*path, "methods", place), mean, policy) or ()

    @override
    def problems(self, path: Path, parts: Sequence[str], leaves: frozenset[str]) -> Problems:
        """Yield the problems of each method, and fixed weights that cannot be combined."""
        yield from super().problems(path, parts, leaves)
        problems = [
            problem
            for place, method in enumerate(self.methods)
            for problem in method.problems((*path, "methods", place), parts, leaves)
        ]
        yield from problems
        if not problems and not self.data_driven and self.of_parts(parts).fixed(len(parts)) is None:
            message = Message("these weights have no combination by `{by}`", by=self.by)
            hint = Message("a product of zeros, or equations without a single solution of weights above zero")
            yield Problem("K454", path, message, hint=hint)
