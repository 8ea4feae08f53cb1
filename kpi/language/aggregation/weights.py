"""Weights (权重) derived by a method: from a matrix of judgements (AHP), or from data.

`parts: [a, b, c]` with `weights: {method: entropy}` instead of `parts: {a: 3, b: 2, c: 1}`. Weights from data depend on
the entities compared, so they are part of the results (the frame `weights`) for every period.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal, Self

import polars as pl
from pydantic import BeforeValidator, Field, model_validator
from typing_extensions import override

from kpi.errors import Message, suggest
from kpi.language.lookback import Lags, among
from kpi.language.model import PEERS, Among, Block, FrozenMapping, Listed, Name, Path, Problem, Problems
from kpi.values import numerics

#: Saaty's random consistency index by the size of the matrix.
RANDOM_INDEX = (0.0, 0.0, 0.0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59)


class Weighting(Block):
    """The base of weighting methods."""

    ours: bool | Listed[str] = Field(False, description="what no document states and we chose: true, or the keys")

    @abstractmethod
    def words(self) -> Message:
        """Return the method in words."""

    def fixed(self, number: int) -> list[float] | None:
        """Return the weights of `number` parts if they do not depend on data, else None."""

    def problems(self, path: Path, parts: Sequence[str], leaves: frozenset[str]) -> Problems:  # noqa: ARG002
        """Yield problems beyond the shape."""
        yield from ()

    def mean_problems(self, path: Path, mean: object, policy: str) -> Problems | None:
        """Return a mean, or a policy for missing parts, with which the weights would not mean what they should."""

    def of_parts(self, parts: Sequence[str]) -> Weighting:
        """Return the method with what it has for each part in the order of the parts."""
        del parts
        return self

    @property
    def judgements(self) -> tuple[tuple[float, ...], ...]:
        """The matrix of one judge's pairwise judgements in the order of the parts; empty of other methods."""
        return ()

    @property
    def consistency(self) -> float | None:
        """The consistency ratio of judgements; None where there are none."""
        return None


#: A number of zero or more for each part, by name.
ByPart = Annotated[dict[Name, Annotated[float, Field(ge=0)]], Field(min_length=1)]


def ordered(values: Mapping[str, float], parts: Sequence[str], otherwise: float = 0.0) -> FrozenMapping[str, float]:
    """Return a number for each part, in their order."""
    return FrozenMapping({part: values.get(part, otherwise) for part in parts})


def named(path: Path, names: Iterable[str], parts: Sequence[str], *, complete: bool = True) -> Problems:
    """Yield a problem for a name that is no part, and where all parts are needed for one that is not named."""
    known = set(names)
    for name in known.difference(parts):
        message = Message("`{name}` is not among the parts", name=name)
        yield Problem("K454", (*path, name), message, hint=suggest(name, parts), at_key=True)
    if lacking := [part for part in parts if part not in known] if complete else []:
        message = Message("there is no number for {parts}", parts=tuple(lacking))
        yield Problem("K454", path, message, hint=Message("give one for each part"))


class Equal(Weighting):
    """The same weight for every part: `1/n`.

    Source: OECD/JRC Handbook (2008), 6, equal weighting.

    >>> Equal().fixed(3)
    [1.0, 1.0, 1.0]
    """

    method: Literal["equal"] = "equal"

    def fixed(self, number: int) -> list[float]:
        """Return equal weights."""
        return [1.0] * number

    def words(self) -> Message:
        """Return the method in words."""
        return Message("equal weights")


class FromData(Weighting):
    """The base of methods that look at the scores (or the values) of the entities of a cohort.

    `among: cohort` finds the weights of each period and cohort anew, `period` for all cohorts of a period together,
    `panel` one set over all periods.
    """

    among: Among = Field("cohort", description="compare within each period, or over all of them")
    of: Literal["scores", "values"] = Field("scores", description="what is looked at; values: only of indicators")
    title: ClassVar[Message]
    #: The status of a node for which the method gives no weights.
    without: ClassVar[str] = "out_of_range"
    #: Why the method may give no weights.
    why_none: ClassVar[Message] = Message(
        "scores may be negative, all zero, constant, too few, or depend on each other, or bounds too narrow"
    )
    #: Whether each entity has weights of its own; a further entry of its list is the factor that makes their mean its
    #: score.
    per_entity: ClassVar[bool] = False

    @property
    def data_driven(self) -> bool:
        """Whether the weights depend on data."""
        return True

    @abstractmethod
    def find(self, columns: Sequence[pl.Series]) -> list[float] | None:
        """Return the weights for the columns of one group of entities, None where the method has none."""

    def column(self, parts: Sequence[pl.Expr]) -> pl.Expr:
        """Return the weights as a list column, the same for all entities of a group; null where there are none."""

        def weights(columns: Sequence[pl.Series]) -> pl.Series:
            return pl.Series([self.find(columns)], dtype=pl.List(pl.Float64))

        return pl.map_groups(parts, weights, return_dtype=pl.List(pl.Float64), returns_scalar=True).over(
            PEERS[self.among]
        )

    @property
    def lookback(self) -> Lags:
        """The lags, in periods, at which scores or values enter the weights."""
        return among(self.among)

    def words(self) -> Message:
        """Return the method in words."""
        if self.among == "panel":
            return Message("{method}, of all periods together", method=self.title)
        return Message("{method}, period by period", method=self.title)

    def problems(self, path: Path, parts: Sequence[str], leaves: frozenset[str]) -> Problems:
        """Yield `of: values` for parts that are pillars."""
        pillars = [part for part in parts if part not in leaves]
        if self.of == "values" and pillars:
            message = Message("`{name}` is a pillar and has no value", name=pillars[0])
            yield Problem("K422", (*path, "of"), message, hint=Message("write `of: scores`"))


class Entropy(FromData):
    """Entropy weights (熵权法), `w = (1 - e)/Σ(1 - e)`: an indicator that distinguishes entities weighs more.

    Source: Shannon (1948); 熵权法 of 综合评价 textbooks.

    >>> Entropy().find([pl.Series([1.0, 1.0]), pl.Series([1.0, 3.0])])
    [0.0, 1.0]
    """

    method: Literal["entropy"] = "entropy"
    title: ClassVar[Message] = Message("entropy weights")

    def find(self, columns: Sequence[pl.Series]) -> list[float] | None:
        """Return the weights, None where a score is negative."""
        return numerics.entropy(columns)


class Critic(FromData):
    """CRITIC weights, `c_j = s_j Σ(1 - r_jk)`: contrast within an indicator times conflict with the others.

    Source: Diakoulaki, Mavrotas and Papayannakis (1995).

    >>> Critic().find([pl.Series([1.0, 2.0, 3.0]), pl.Series([3.0, 2.0, 1.0]), pl.Series([7.0, 7.0, 7.0])])
    [0.5, 0.5, 0.0]
    """

    method: Literal["critic"] = "critic"
    title: ClassVar[Message] = Message("CRITIC weights")

    def find(self, columns: Sequence[pl.Series]) -> list[float] | None:
        """Return the weights."""
        return numerics.critic(columns)


class Variation(FromData):
    """Weights by the coefficient of variation (变异系数法): `v/Σv`, `v = s/mean`.

    Source: 变异系数法 of 综合评价 textbooks; Pearson (1896) for the coefficient.

    >>> Variation().find([pl.Series([1.0, 3.0]), pl.Series([5.0, 5.0])])
    [1.0, 0.0]
    """

    method: Literal["variation"] = "variation"
    title: ClassVar[Message] = Message("weights by the coefficient of variation")

    def find(self, columns: Sequence[pl.Series]) -> list[float] | None:
        """Return the weights, None where a mean is not positive."""
        return numerics.variation(columns)


class Pca(FromData):
    """Weights by principal components (主成分法): squared loadings, weighted by what each component explains.

    `w_j = Σ_k λ_k l_jk² / Σ_k λ_k` of the correlation matrix.

    Source: OECD/JRC Handbook (2008), 6.1.

    >>> Pca().find([pl.Series([1.0, 2.0, 3.0]), pl.Series([2.0, 4.0, 6.0])])
    [0.5, 0.5]
    """

    method: Literal["pca"] = "pca"
    title: ClassVar[Message] = Message("weights by principal components")
    without: ClassVar[str] = "too_few"
    components: int = Field(1, ge=1, description="how many components; left out: by their eigenvalues")

    def find(self, columns: Sequence[pl.Series]) -> list[float] | None:
        """Return the weights, None where fewer than three entities are complete."""
        return numerics.principal(columns, self.components)


def _fraction(value: Any) -> Any:
    """`1/3` as judgements are written."""
    if isinstance(value, str):
        try:
            return float(Fraction(value.replace(" ", "")))
        except (ValueError, ZeroDivisionError):
            return value
    return value


Judgement = Annotated[float, BeforeValidator(_fraction, json_schema_input_type=float | str), Field(gt=0)]


class Ahp(Weighting):
    """Weights from pairwise judgements (层次分析法, AHP); the matrix is in the order of the parts.

    `by: eigenvector` is the principal eigenvector, `column_mean` the mean of the normalised columns (和法); they differ
    where the judgements contradict each other, so the method has to be named. The consistency ratio
    `CR = (λ - n)/(n - 1)/RI` must be below 0.1, else the weights are refused unless `inconsistent: allow`.

    Source: Saaty (1980), The Analytic Hierarchy Process.

    >>> one = Ahp(by="column_mean", matrix=((1, "1/4", 2), (4, 1, 8), ("1/2", "1/8", 1)))
    >>> [round(w, 4) for w in one.fixed(3)], round(one.consistency, 6)
    ([0.1818, 0.7273, 0.0909], 0.0)
    """

    method: Literal["ahp"] = "ahp"
    by: Literal["eigenvector", "column_mean"] = Field(
        description="how weights are read from the matrix; published numbers differ by it"
    )
    matrix: Listed[Listed[Judgement]] = Field(
        min_length=1, description="row by row, how much more each part matters than each other"
    )
    inconsistent: Literal["refuse", "allow"] = Field(
        "refuse", description="what is done when the consistency ratio is 0.1 or more"
    )

    @model_validator(mode="after")
    def _square(self) -> Self:
        if any(len(row) != len(self.matrix) for row in self.matrix):
            raise ValueError(Message("must be as many rows as columns, one for each part"))
        return self

    @override
    def fixed(self, number: int) -> list[float]:
        """Return the weights, adding up to 1."""
        size = range(len(self.matrix))
        totals = [math.fsum(row[j] for row in self.matrix) for j in size]
        weights = [math.fsum(row[j] / totals[j] for j in size) / len(self.matrix) for row in self.matrix]
        if self.by == "eigenvector":
            # Powers of a positive matrix turn any positive vector to its principal eigenvector (Perron).
            for _ in range(10_000):
                turned = [math.fsum(row[j] * weights[j] for j in size) for row in self.matrix]
                total = math.fsum(turned)
                following = [item / total for item in turned]
                done = max(abs(a - b) for a, b in zip(weights, following, strict=True)) < 1e-16
                weights = following
                if done:
                    break
        return weights

    @property
    def eigenvalue(self) -> float:
        """λ, the mean of (A w)/w; for the eigenvector the principal eigenvalue."""
        weights = self.fixed(len(self.matrix))
        products = [math.fsum(a * w for a, w in zip(row, weights, strict=True)) for row in self.matrix]
        return math.fsum(p / w for p, w in zip(products, weights, strict=True)) / len(weights)

    @property
    @override
    def consistency(self) -> float:
        """The consistency ratio; 0 for one or two parts, which cannot contradict each other."""
        number = len(self.matrix)
        index = RANDOM_INDEX[min(number, len(RANDOM_INDEX) - 1)]
        return (self.eigenvalue - number) / (number - 1) / index if index else 0.0

    @property
    def judgements(self) -> tuple[tuple[float, ...], ...]:
        """The matrix."""
        return self.matrix

    def words(self) -> Message:
        """Return the method in words."""
        if self.by == "eigenvector":
            return Message(
                "analytic hierarchy process (eigenvector, consistency ratio CR = {ratio:.4f})", ratio=self.consistency
            )
        return Message(
            "analytic hierarchy process (mean of columns, consistency ratio CR = {ratio:.4f})", ratio=self.consistency
        )

    @override
    def problems(self, path: Path, parts: Sequence[str], leaves: frozenset[str]) -> Problems:
        """Yield a matrix of the wrong size, judgements that are no reciprocals, and inconsistency."""
        if len(self.matrix) != len(parts):
            message = Message("the matrix has {rows} rows for {parts} parts", rows=len(self.matrix), parts=len(parts))
            yield Problem("K421", (*path, "matrix"), message, hint=Message("the parts are {parts}", parts=tuple(parts)))
            return
        for i, row in enumerate(self.matrix):
            for j in range(i + 1):
                if abs(row[j] * self.matrix[j][i] - 1) > 0.01:
                    message = Message(
                        "{part} against {other} is {judgement:g}, but the other way {reverse:g}",
                        part=parts[i],
                        other=parts[j],
                        judgement=row[j],
                        reverse=self.matrix[j][i],
                    )
                    hint = Message("each is one divided by the other, and 1 on the diagonal")
                    yield Problem(
                        "K421", (*path, "matrix", i, j), message, hint=hint, label=Message("not the reciprocal")
                    )
                    return
        if self.consistency >= 0.1 and self.inconsistent == "refuse":
            message = Message(
                "the judgements contradict each other: the consistency ratio is {ratio:.3f}, not below 0.1",
                ratio=self.consistency,
            )
            yield Problem(
                "K423", (*path, "matrix"), message, hint=Message("revise them, or write `inconsistent: allow`")
            )
