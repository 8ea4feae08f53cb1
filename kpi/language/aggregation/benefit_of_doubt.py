"""Benefit of the doubt (数据包络赋权): every entity is judged by the weights that are best for it."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from kpi.errors import Message
from kpi.language.aggregation.weights import FromData, Weighting, named, ordered
from kpi.language.model import PEERS, Name, Path, Problem, Problems

if TYPE_CHECKING:
    import numpy as np

Percent = Annotated[float, Field(ge=0, le=100)]
Percents = Percent | dict[Name, Percent]


class BenefitOfTheDoubt(FromData):
    """Weights of its own for every entity, those with which it is best beside the others (benefit of the doubt).

    `100 max_w (Σ w_r y_ro / max_j Σ w_r y_rj)`: the score is 100 for an entity that none surpasses by the weights
    that are best for it. Without bounds an entity may be judged by its best part alone; `least` and `most` bound
    the part of each in its sum, `least_r ≤ w_r y_ro / Σ w y_o ≤ most_r`, in percent, one for all or by part.
    Entities are compared with those that have the same parts. Needs the arithmetic mean and no stand-ins for
    missing parts; coverage counts all parts the same. Where several lists of weights give the same best score, the
    results have one of them. No result (out_of_range) where a score is negative, where all
    scores of all entities are zero (0/0), or no weights are within the bounds.

    Scores are checked against a linear programme of each entity, solved apart by scipy (HiGHS), and against small cases
    by hand; they were not compared with the example data of Compind.

    Source: Melyn and Moesen (1991); Cherchye, Moesen, Rogge and Van Puyenbroeck (2007); OECD/JRC Handbook (2008), 6.

    >>> frame = pl.DataFrame({"period": 0, "cohort": "", "a": [4.0, 1.0, 2.0], "b": [1.0, 4.0, 2.0]})
    >>> weights = frame.select(BenefitOfTheDoubt().column([pl.col("a"), pl.col("b")])).to_series()
    >>> [round(value, 6) for value in weights[2]]
    [0.5, 0.5, 40.0]
    """

    method: Literal["benefit_of_the_doubt"] = "benefit_of_the_doubt"
    title: ClassVar[Message] = Message("weights that are best for each unit (benefit of the doubt)")
    per_entity: ClassVar[bool] = True
    least: Percents = Field(0.0, description="the least percent of its sum that a part makes; or {part: percent}")
    most: Percents = Field(100.0, description="the greatest percent of its sum that a part makes; or {part: percent}")

    def _bounds(self, number: int) -> tuple[list[float], list[float]]:
        least, most = (
            [bounds] * number if isinstance(bounds, float) else list(bounds.values())
            for bounds in (self.least, self.most)
        )
        return [percent / 100 for percent in least], [percent / 100 for percent in most]

    @override
    def of_parts(self, parts: Sequence[str]) -> Weighting:
        """Return the method with the bounds in the order of the parts."""
        update = {
            name: bounds if isinstance(bounds, float) else ordered(bounds, parts, otherwise)
            for name, bounds, otherwise in (("least", self.least, 0.0), ("most", self.most, 100.0))
        }
        return self.model_copy(update=update)

    @override
    def find(self, columns: Sequence[pl.Series]) -> list[float] | None:
        """Return None: there are no weights that hold for all entities."""
        return None

    def table(self, columns: Sequence[pl.Series]) -> np.ndarray:
        """Return the weights of each entity of a group, and the factor that makes their mean its score."""
        import numpy as np

        from kpi.values.frontier import best_weights

        values = np.column_stack([column.cast(pl.Float64).to_numpy() for column in columns])
        table = best_weights(values, *self._bounds(len(columns)))
        table[:, -1] *= 100
        return table

    @override
    def column(self, parts: Sequence[pl.Expr]) -> pl.Expr:
        """Return a list column: the weights of each entity, and the factor that makes their mean its score."""

        def lists(columns: Sequence[pl.Series]) -> pl.Series:
            rows = self.table(columns)
            return pl.Series([None if row[-1] != row[-1] else row.tolist() for row in rows], dtype=LISTS)

        return pl.map_groups(parts, lists, return_dtype=LISTS, returns_scalar=False).over(PEERS[self.among])

    @override
    def words(self) -> Message:
        """Return the method in words."""
        if (self.least, self.most) == (0.0, 100.0):
            return Message("weights that are best for each unit, without bounds (benefit of the doubt)")
        if isinstance(self.least, float) and isinstance(self.most, float):
            return Message(
                "weights that are best for each unit, each part {least:g} % to {most:g} % of the sum "
                "(benefit of the doubt)",
                least=self.least, most=self.most,
            )  # fmt: skip
        return Message("weights that are best for each unit, within bounds of the parts (benefit of the doubt)")

    @override
    def mean_problems(self, path: Path, mean: object, policy: str) -> Problems:
        """Yield a mean or a policy that the programme does not know."""
        if mean != "arithmetic":
            message = Message("benefit of the doubt needs the arithmetic mean")
            yield Problem("K455", (*path, "method"), message, hint=Message("leave out `mean`, or take another method"))
        if policy not in ("redistribute", "fail"):
            message = Message("benefit of the doubt has no weight for what stands in for a missing part")
            hint = Message("write `missing: redistribute` or `missing: fail`")
            yield Problem("K455", (*path, "method"), message, hint=hint)

    @override
    def problems(self, path: Path, parts: Sequence[str], leaves: frozenset[str]) -> Problems:
        """Yield bounds that are not as many as the parts or leave no weights, and a solver that is not installed."""
        yield from super().problems(path, parts, leaves)
        wrong = [
            problem
            for name, bounds in (("least", self.least), ("most", self.most))
            if not isinstance(bounds, float)
            for problem in named((*path, name), bounds, parts, complete=False)
        ]
        yield from wrong
        if wrong:
            return
        least, most = self.of_parts(parts)._bounds(len(parts))  # type: ignore[attr-defined]  # noqa: SLF001
        # Percents such as 33.3 three times add up by their last bits only.
        if any(a > b for a, b in zip(least, most, strict=True)) or sum(least) > 1 + 1e-9 or sum(most) < 1 - 1e-9:
            message = Message("no weights are within these bounds")
            hint = Message("the least percents add up to at most 100, the greatest to at least 100")
            yield Problem("K454", path, message, hint=hint)
        if importlib.util.find_spec("scipy") is None:
            message = Message("benefit of the doubt needs the package `scipy`, which solves its linear programmes")
            yield Problem("K456", (*path, "method"), message, hint=Message("pip install 'kpi-scorecard[stress]'"))


LISTS = pl.List(pl.Float64)
