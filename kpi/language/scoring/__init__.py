"""Scoring rules (计分方法): an indicator's value turned into percent of full marks; each kind is one class."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from kpi.language.model import one_of
from kpi.language.scoring.absolute import Bands, Benchmark, Completion, Deduction, Pass, Step
from kpi.language.scoring.lines import Goalposts, Piecewise
from kpi.language.scoring.places import Borda, Percentile, RankScore
from kpi.language.scoring.reference import Reference
from kpi.language.scoring.relative import DistanceToBest, DistanceToTarget, Efficacy, MinMax, ZScore
from kpi.language.scoring.rule import AgainstTarget, Case, Rule, Scored
from kpi.language.scoring.standards import GradeEfficacy, Interval

#: Every kind of scoring rule, in the order of the reference.
KINDS: tuple[type[Rule], ...] = (
    Completion, Benchmark, Pass, Deduction, Step, Bands, Piecewise, Goalposts, Efficacy, GradeEfficacy, Interval,
    MinMax, ZScore, DistanceToTarget, DistanceToBest, Reference, Percentile, RankScore, Borda,
)  # fmt: skip

#: Any scoring rule, distinguished by `kind`.
if TYPE_CHECKING:
    AnyRule: TypeAlias = Rule
else:
    AnyRule = one_of(*KINDS)

__all__ = ["KINDS", "AgainstTarget", "AnyRule", "Case", "Completion", "Rule", "Scored"]
