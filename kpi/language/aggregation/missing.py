"""Missing parts (缺项): how a node treats a part that should have a score and has none.

A part that does not apply to an entity is not missing, and neither is one that was left out on purpose: their weight is
always redistributed, and no score is substituted.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from kpi.errors import Message, conjunction
from kpi.language.model import Block


class Redistribute(Block):
    """Share the weight of missing parts among the others in proportion, if enough weight is there."""

    at_least: float = Field(0, ge=0, le=100, description="percent of the weight that must have a score")


class Plain(Block):
    """A policy without settings, written `{}` or by its name alone."""


class Penalty(Block):
    """Score a missing part below zero."""

    points: float = Field(gt=0, description="percent of the part's full marks that are taken off")


class Missing(Block):
    """What happens to a part without a score; exactly one policy. W is the weight of the parts that apply.

    - `redistribute`: `w W/Σ_present w` for those that are there; `at_least` percent of W must be, else incomplete.
    - `spread`: `w + (W - Σ_present w)/n` for each of the n that are there (平均计入其他指标).
    - `zero`, `cohort_mean`, `penalty`: it scores 0, the mean of the scores of its cohort, `-points`, at its own weight.
    - `fail`: the node has no score (incomplete).

    Where nothing at all is there `redistribute`, `spread` and `fail` give no score (missing).

    Source: 清洁生产评价指标体系 (in proportion inside the parent); 肇庆 (evenly); 黄岩 2023 (mean of the group);
    亩均论英雄 (3 points off for no energy figure); COINr (thresholds of availability).

    >>> Missing.model_validate({"redistribute": {"at_least": 60}}).words()
    'the weight of missing parts goes to the others in proportion (if at least 60 % of the weight is there)'
    """

    redistribute: Redistribute | None = Field(None, description="share the weight among the others in proportion")
    spread: Redistribute | None = Field(None, description="share the weight among the others evenly")
    zero: Plain | None = Field(None, description="count it as zero")
    fail: Plain | None = Field(None, description="no score at all when anything is missing")
    cohort_mean: Redistribute | None = Field(None, description="take the mean score of the cohort")
    penalty: Penalty | None = Field(None, description="take points off")

    @model_validator(mode="after")
    def _one_policy(self) -> Self:
        if len(self.model_fields_set) > 1:
            raise ValueError(
                Message("one policy is needed, not {policies}", policies=conjunction(sorted(self.model_fields_set)))
            )
        return self

    @property
    def policy(self) -> str:
        """The policy."""
        return next(iter(self.model_fields_set), "redistribute")

    @property
    def at_least(self) -> float:
        """The percent of the weight that must have a score."""
        chosen = getattr(self, self.policy)
        return chosen.at_least if isinstance(chosen, Redistribute) else 0.0

    def words(self) -> Message:
        """Return the policy in words."""
        if self.penalty is not None:
            return Message("a missing part scores -{points:g} %", points=self.penalty.points)
        policy = _WORDS[self.policy]
        if not self.at_least:
            return policy
        return Message(
            "{policy} (if at least {percent:g} % of the weight is there)", policy=policy, percent=self.at_least
        )


_WORDS = {
    "redistribute": Message("the weight of missing parts goes to the others in proportion"),
    "spread": Message("the weight of missing parts goes to the others evenly"),
    "zero": Message("missing parts count as zero"),
    "fail": Message("no score where a part is missing"),
    "cohort_mean": Message("missing parts take the mean score of the cohort"),
}


def _policy(value: Any) -> Any:
    return {value: {}} if isinstance(value, str) else value


Policy = Literal["redistribute", "spread", "zero", "fail", "cohort_mean"]
MissingPolicy = Annotated[Missing, BeforeValidator(_policy, json_schema_input_type=Missing | Policy)]
