"""Scoring again: what follows the mean of a node, its own scoring rule and its caps.

The rules are those of indicators, and the value that they look at is the result of the pillar, in percent of its full
marks (分).
"""

from __future__ import annotations

import polars as pl

from kpi.errors import Message
from kpi.language.aggregation.caps import capped
from kpi.language.aggregation.nodes import Node
from kpi.language.indicators import Symbols
from kpi.language.model import Path, Problem, Problems
from kpi.language.scoring import Case, Rule
from kpi.values import units
from kpi.values.columns import Column, Expressions
from kpi.values.status import guarded, literal, status_of, where_given

#: The unit of the result of a pillar.
SCORE = units.parse("分")


def case_of(name: str, rule: Rule, figures: dict[str, pl.Expr]) -> Case:
    """Return the case that the rule of a pillar judges; statistics of its peers are added to `figures`."""
    nothing = literal(None)
    result = Column(name).result

    def reached() -> pl.Expr:
        return pl.lit(None, dtype=pl.Boolean)

    return Case(pl.col(result), SCORE, "higher", nothing, nothing, reached, rule.peers, result, figures)


def rescored(name: str, node: Node, figures: dict[str, pl.Expr]) -> Expressions:
    """Return `name.score`, or `name.uncapped` where there are caps, and its status; nothing without a rule."""
    rule = node.rule
    if rule is None:
        return Expressions()
    case = case_of(name, rule, figures)
    answer = rule.score(case)
    score = rule.finish(answer)
    if not answer.sound:
        score = where_given(score, [Column(name).result])
    return guarded(node.rule_outcome(name), score, answer.guards, inputs=[Column(name).result], sound=answer.sound)


def under_caps(name: str, node: Node, symbols: Symbols) -> Expressions:
    """Return `name.score` under the caps of a node, and its status; nothing without caps."""
    if not node.caps:
        return Expressions()
    column = Column(name)
    score = capped(node.caps, pl.col(column.uncapped), symbols)
    return Expressions({column.score: score}, {column.score.status: status_of(column.uncapped)})


def rule_problems(name: str, node: Node) -> Problems:
    """Yield the problems of the scoring rule of a pillar."""
    rule = node.rule
    if rule is None:
        return
    path: Path = ("pillars", name, "score")
    if rule.judges_by_target:
        message = Message("the result of a pillar has no target, which this rule needs")
        hint = Message("compare it with its peers, such as by `kind: zscore`, or use `kind: goalposts` or `bands`")
        yield Problem("K428", path, message, hint=hint)
        return
    problems = list(rule.problems(path, SCORE))
    yield from problems
    if not problems:
        yield from rule.order_problem(path, SCORE, higher=True) or ()
