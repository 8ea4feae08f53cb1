"""Weights from the judgements of a group (群组层次分析法): several matrices or lists of priorities into one."""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from kpi.errors import Message, commas
from kpi.language.aggregation.weights import Ahp, Judgement, Weighting
from kpi.language.model import Block, FrozenMapping, Listed, Name, Path, Problem, Problems


class Judge(Block):
    """A member of the group: the matrix of judgements, and how much it counts beside the others."""

    matrix: Listed[Listed[Judgement]] = Field(
        min_length=1, description="row by row, how much more each part matters than each other"
    )
    weight: float = Field(1, gt=0, description="how much the judge counts beside the others")


class GroupAhp(Weighting):
    """Weights from the pairwise judgements of several people (群组层次分析法); matrices are in the order of the parts.

    `combine: judgements` takes the geometric mean of the matrices, entry by entry, `Π a_ij^(λ_k)`, for a group that
    judges as one; `priorities` the arithmetic mean of the weights that each judge's own matrix gives, `Σ λ_k w_k`, for
    people with interests of their own; λ are the judges' weights, made to add up to 1. The matrix of each judge must be
    consistent (CR < 0.1), and so must that of the group, unless `inconsistent: allow`; with `leave_out` judges whose
    matrices are not are left out. The consistency ratio in the results is that of the group, for `priorities` the
    largest of a judge.

    Source: Aczél and Saaty (1983); Forman and Peniwati (1998).

    >>> judges = {"甲": {"matrix": ((1, 2), ("1/2", 1))}, "乙": {"matrix": ((1, 8), ("1/8", 1))}}
    >>> [round(w, 6) for w in GroupAhp(by="eigenvector", combine="judgements", judges=judges).fixed(2)]
    [0.8, 0.2]
    >>> [round(w, 6) for w in GroupAhp(by="eigenvector", combine="priorities", judges=judges).fixed(2)]
    [0.777778, 0.222222]
    """

    method: Literal["group_ahp"] = "group_ahp"
    by: Literal["eigenvector", "column_mean"] = Field(
        description="how weights are read from a matrix; published numbers differ by it"
    )
    combine: Literal["judgements", "priorities"] = Field(
        description="whether the matrices become one, or the weights that each of them gives"
    )
    judges: dict[Name, Judge] = Field(min_length=1, description="name: the matrix of a judge, and its weight")
    inconsistent: Literal["refuse", "allow", "leave_out"] = Field(
        "refuse", description="what is done with judgements whose consistency ratio is 0.1 or more"
    )

    @model_validator(mode="after")
    def _square(self) -> Self:
        sizes = {len(judge.matrix) for judge in self.judges.values()}
        if len(sizes) > 1 or any(len(row) not in sizes for judge in self.judges.values() for row in judge.matrix):
            raise ValueError(Message("must be matrices of one size, with as many rows as columns, one for each part"))
        self.__dict__["judges"] = FrozenMapping(self.judges)
        return self

    @cached_property
    def _own(self) -> dict[str, Ahp]:
        return {name: Ahp(by=self.by, matrix=judge.matrix, inconsistent="allow") for name, judge in self.judges.items()}

    @cached_property
    def left_out(self) -> tuple[str, ...]:
        """The judges that are left out, because their judgements contradict each other."""
        if self.inconsistent != "leave_out":
            return ()
        return tuple(name for name, own in self._own.items() if own.consistency >= 0.1)

    def _shares(self) -> dict[str, float]:
        """Return the weights of the judges that count, adding up to 1."""
        counting = {name: judge.weight for name, judge in self.judges.items() if name not in self.left_out}
        total = math.fsum(counting.values())
        return {name: weight / total for name, weight in counting.items()}

    @cached_property
    def of_group(self) -> Ahp:
        """The judgements of the group: the geometric means of those of the judges that count."""
        shares = self._shares()
        size = range(len(next(iter(self.judges.values())).matrix))

        def mean(i: int, j: int) -> float:
            logs = (share * math.log(self.judges[name].matrix[i][j]) for name, share in shares.items())
            return math.exp(math.fsum(logs))

        matrix = tuple(tuple(mean(i, j) for j in size) for i in size)
        return Ahp(by=self.by, matrix=matrix, inconsistent="allow")

    @override
    def fixed(self, number: int) -> list[float] | None:
        """Return the weights, adding up to 1; None where no judge counts."""
        shares = self._shares()
        if not shares:
            return None
        if self.combine == "judgements":
            return self.of_group.fixed(number)
        lists = [[share * weight for weight in self._own[name].fixed(number)] for name, share in shares.items()]
        return [math.fsum(weights) for weights in zip(*lists, strict=True)]

    @property
    @override
    def consistency(self) -> float:
        """The consistency ratio of the group's matrix, or the largest of the judges that count."""
        if self.combine == "judgements" and self._shares():
            return self.of_group.consistency
        return max((self._own[name].consistency for name in self._shares()), default=math.nan)

    @override
    def words(self) -> Message:
        """Return the method in words."""
        number, ratio = len(self._shares()), self.consistency
        if self.combine == "judgements":
            words = Message(
                "analytic hierarchy process of {number} judges (geometric mean of judgements, CR = {ratio:.4f})",
                number=number, ratio=ratio,
            )  # fmt: skip
        else:
            words = Message(
                "analytic hierarchy process of {number} judges (mean of priorities, CR at most {ratio:.4f})",
                number=number, ratio=ratio,
            )  # fmt: skip
        if not self.left_out:
            return words
        return commas([words, Message("left out for contradictions: {judges}", judges=self.left_out)])

    @override
    def problems(self, path: Path, parts: Sequence[str], leaves: frozenset[str]) -> Problems:
        """Yield what is wrong with the matrix of each judge, and a group that contradicts itself."""
        allowed: Literal["refuse", "allow"] = "refuse" if self.inconsistent == "refuse" else "allow"
        problems: list[Problem] = []
        for name, judge in self.judges.items():
            own = Ahp(by=self.by, matrix=judge.matrix, inconsistent=allowed)
            problems += own.problems((*path, "judges", name), parts, leaves)
        yield from problems
        if problems:
            return
        if not self._shares():
            message = Message("the judgements of every judge contradict each other, so none counts")
            yield Problem(
                "K423", (*path, "judges"), message, hint=Message("revise them, or write `inconsistent: allow`")
            )
        elif self.combine == "judgements" and self.of_group.consistency >= 0.1 and self.inconsistent != "allow":
            message = Message(
                "together the judgements contradict each other: the consistency ratio is {ratio:.3f}, not below 0.1",
                ratio=self.of_group.consistency,
            )
            yield Problem(
                "K423", (*path, "judges"), message, hint=Message("revise them, or write `inconsistent: allow`")
            )
