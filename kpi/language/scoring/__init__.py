"""Scoring rules (计分方法): an indicator's value turned into percent of full marks; each kind is one class."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from kpi.language.model import one_of
from kpi.language.scoring.absolute import Completion
from kpi.language.scoring.by_class import FOREIGN, SINGLE, ByClassRule
from kpi.language.scoring.rule import AgainstTarget, Case, Rule, Scored

#: Every kind of scoring rule, in the order of the reference.
KINDS: tuple[type[Rule], ...] = (*SINGLE, ByClassRule)

#: Any scoring rule, distinguished by `kind`.
if TYPE_CHECKING:
    AnyRule: TypeAlias = Rule
else:
    AnyRule = one_of(*KINDS, implied={"by": "by_class"}, foreign=FOREIGN)

__all__ = ["FOREIGN", "KINDS", "AgainstTarget", "AnyRule", "Case", "Completion", "Rule", "Scored"]
