"""Weights optimised to a wanted importance: each part correlates with the result as much as it is meant to matter."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from kpi.errors import Message
from kpi.language.aggregation.weights import ByPart, FromData, Weighting, named, ordered
from kpi.language.model import Path, Problem, Problems
from kpi.values import linear


class Importance(FromData):
    """Weights with which the correlations of the parts with the result are as the wanted importances t.

    `w = c S⁻¹ R⁻¹ t` with the correlations R and the deviations S of the parts, over the entities that have all parts:
    then `corr(x_j, Σ w x) = λ t_j`. Exact where the solution has no negative weight; otherwise, and where parts are
    linear combinations of each other, constant, or not fewer than the complete entities, there are no weights
    (out_of_range).

    Source: Becker, Saisana, Paruolo and Vandecasteele (2017), the linear case; COINr (Becker et al. 2022) searches for
    the same weights.

    >>> columns = [pl.Series([1.0, 2.0, 3.0, 4.0]), pl.Series([20.0, -10.0, -10.0, 20.0])]
    >>> [round(w, 3) for w in Importance().find(columns)]
    [0.931, 0.069]
    """

    method: Literal["importance"] = "importance"
    title: ClassVar[Message] = Message("weights for a wanted importance")
    why_none: ClassVar[Message] = Message(
        "a weight would be negative, as a part matters more through the others than wanted: change `importance:` or "
        "the parts; or scores are constant, too few, or depend on each other"
    )
    importance: ByPart | None = Field(None, description="part: how much it is meant to matter; left out: the same")

    @override
    def find(self, columns: Sequence[pl.Series]) -> list[float] | None:
        """Return the weights, None where there are none."""
        wanted = [1.0] * len(columns) if self.importance is None else list(self.importance.values())
        return linear.for_importance(columns, wanted)

    @override
    def of_parts(self, parts: Sequence[str]) -> Weighting:
        """Return the method with the importances in the order of the parts."""
        if self.importance is None:
            return self
        return self.model_copy(update={"importance": ordered(self.importance, parts)})

    @override
    def mean_problems(self, path: Path, mean: object, policy: str) -> Problems:
        """Yield a mean for which the importance would be another."""
        if mean != "arithmetic":
            message = Message("weights for a wanted importance need the arithmetic mean")
            yield Problem("K455", (*path, "method"), message, hint=Message("leave out `mean`, or take another method"))

    @override
    def problems(self, path: Path, parts: Sequence[str], leaves: frozenset[str]) -> Problems:
        """Yield importances that are not as many as the parts, or not positive."""
        yield from super().problems(path, parts, leaves)
        if self.importance is not None:
            yield from named((*path, "importance"), self.importance, parts)
            for name, wanted in self.importance.items():
                if wanted <= 0:
                    message = Message("an importance must be above zero")
                    hint = Message("take a part without any out")
                    yield Problem("K454", (*path, "importance", name), message, hint=hint)
