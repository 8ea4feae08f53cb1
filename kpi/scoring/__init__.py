"""Scoring rules (计分方法): an indicator's value turned into percent of full marks; each kind is one class."""

from __future__ import annotations

from typing import Any

from kpi.definition import one_of
from kpi.scoring.absolute import Bands, Benchmark, Completion, Deduction, Goalposts, Pass, Piecewise, Step
from kpi.scoring.relative import Efficacy, MinMax, Percentile, RankScore
from kpi.scoring.rule import Case, Rule, Scored

#: Any scoring rule, told apart by `kind`.
AnyRule: Any = one_of(
    Completion, Benchmark, Pass, Deduction, Step, Bands, Piecewise, Goalposts, Efficacy, MinMax, RankScore, Percentile
)

__all__ = ["AnyRule", "Case", "Completion", "Rule", "Scored"]
