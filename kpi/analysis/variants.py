"""Variants of a system: with other rules, without a part, or with random weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal, TypeVar, cast

import polars as pl
from msgspec import Struct

from kpi.errors import Message
from kpi.language.adjustments import in_tree
from kpi.language.aggregation.nodes import Node
from kpi.language.aggregation.weights import FromData
from kpi.language.classes import Weighed, differs, weight_expr
from kpi.language.scoring import Rule
from kpi.language.system import ROOT, CheckedSystem, System
from kpi.values.timelines import MONTHS, Timeline

N = TypeVar("N", bound=Node)


def changed(system: System, **fields: Any) -> CheckedSystem:
    """Return a copy of a system with some fields replaced, without validating them again."""
    return CheckedSystem.of(system.model_copy(update=fields))


def rescored(system: System, rule: Rule, *, exactly: bool = False) -> dict[str, Any]:
    """Return the indicators with another scoring rule; empty if that would change no indicator.

    An indicator with a rule of the same kind keeps its own, unless the rule is meant `exactly`; a milestone, which is
    no quantity, always does.
    """
    changed_indicators = {}
    for name, indicator in system.indicators.items():
        current = system.rule(name)
        same = current == rule if exactly else type(current) is type(rule)
        if current is not None and not same and indicator.quantitative:
            changed_indicators[name] = indicator.model_copy(update={"score": rule})
    return (
        {name: changed_indicators.get(name, unchanged) for name, unchanged in system.indicators.items()}
        if changed_indicators
        else {}
    )


def leave_out(system: System, part: str) -> System | None:
    """Return a system without an indicator or pillar and pillars left empty; None if no tree is left.

    >>> from kpi.engine.plan import EXAMPLE
    >>> from kpi.language.loading.loader import examine_text
    >>> leave_out(examine_text(EXAMPLE).system, "length") is None
    True
    """
    pillars, removed = dict(system.pillars), {part}
    pillars.pop(part, None)
    while True:
        for name, pillar in pillars.items():
            if removed & pillar.parts.keys():
                rest = {key: weight for key, weight in pillar.parts.items() if key not in removed}
                pillars[name] = pillar.model_copy(update={"parts": rest})
        empty = [name for name, pillar in pillars.items() if not pillar.parts]
        if not empty:
            break
        removed.update(empty)
        pillars = {name: pillar for name, pillar in pillars.items() if name not in empty}
    below = {key for pillar in pillars.values() for key in pillar.parts}
    tops = [name for name in (*system.tops, *system.headlines) if name in pillars]
    # Parts of the pillar that nothing else has are removed with it.
    reached, waiting = set(tops), list(tops)
    while waiting:
        for key in pillars[waiting.pop()].parts:
            if key in pillars and key not in reached:
                reached.add(key)
                waiting.append(key)
    pillars = {name: pillar for name, pillar in pillars.items() if name in reached}
    if not pillars or not below:
        return None
    stars: Any = system.stars
    if getattr(stars, "of", None):
        stars = stars.model_copy(update={"of": tuple(name for name in stars.of if name in pillars)})
    known = pillars.keys() | system.indicators.keys()
    breakers = tuple(name for name in system.ranking.tie_break if name in known)
    ranking = system.ranking.model_copy(update={"tie_break": breakers})
    adjustments = in_tree(system.adjustments, known)
    pillars = {name: _with_caps_on(pillar, known) for name, pillar in pillars.items()}
    composite = _with_caps_on(system.composite, known)
    return changed(system, pillars=pillars, composite=composite, stars=stars, ranking=ranking, adjustments=adjustments)


def _with_caps_on(node: N, known: Collection[str]) -> N:
    """Return a node with the caps that depend on known pillars and indicators only."""
    caps = tuple(cap for cap in node.caps if all(name in known for name in cap.below or ()))
    return node if len(caps) == len(node.caps) else node.model_copy(update={"caps": caps})


def factor(node: str, place: int) -> str:
    """Return the name of the column with the random factor of the weight of a part."""
    return f"{node}~factor{place}"


class Drawn(FromData):
    """The weights of a node, declared or derived from data, times the random factors of a run."""

    method: Literal["drawn"] = "drawn"
    name_: ClassVar[Message] = Message("simulated weights")
    node: str
    declared: tuple[Any, ...]
    timeline: Any = MONTHS
    inner: Any = None

    def find(self, columns: Sequence[pl.Series]) -> list[float] | None:
        """Return the weights of the method that this one wraps."""
        return list(self.declared) if self.inner is None else self.inner.find(columns)

    def column(self, parts: Sequence[pl.Expr]) -> pl.Expr:
        """Return the weights of each row as a list column."""
        factors = [pl.col(factor(self.node, place)) for place in range(len(self.declared))]
        if self.inner is None:
            given = [weight_expr(weight, self.timeline) for weight in self.declared]
            drawn = pl.concat_list([weight * factor_of for weight, factor_of in zip(given, factors, strict=True)])
            if not any(map(differs, self.declared)):
                return drawn
            return pl.when(pl.all_horizontal([weight.is_not_null() for weight in given])).then(drawn)
        weights = self.inner.column(parts)
        return pl.when(weights.is_not_null()).then(
            pl.concat_list([weights.list.get(place) * factor_of for place, factor_of in enumerate(factors)])
        )


class Noisy(Struct, frozen=True, dict=True):
    """The nodes of a system whose weights are random.

    `columns` are the factors; `stackable` is whether runs can be stacked as cohorts.
    """

    system: System

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The factors of all nodes with more than one part and weights that hold for all, from the root down."""
        tree = self.system.tree
        noisy = [(name, parts) for name, node, parts in tree if varies(node, parts)]
        return tuple(factor(name, place) for name, parts in noisy for place in range(len(parts)))

    @property
    def stackable(self) -> bool:
        """Whether nothing depends on other cohorts or on the name of a cohort: runs can be stacked as cohorts."""
        methods = [node.weights_method for _, node, _ in self.system.tree]
        rules = [node.rule for _, node, _ in self.system.tree if node.rule is not None]
        return (
            all(method is None or method.among == "cohort" for method in methods)
            and all("cohort" in rule.peers and "period" in rule.peers for rule in rules)
            and not getattr(self.system.stars, "cohorts", None)
            and not self.system.regrouped
        )

    def applied(self, system: System, only: frozenset[str] | None = None) -> System:
        """Return a variant of the system with random weights of its nodes, all of them or `only` some."""
        nodes: dict[str, Node] = {
            name: node.model_copy(update={"weights": _drawn(name, node, parts, system.timeline)})
            for name, node, parts in system.tree
            if varies(node, parts) and (only is None or name in only)
        }
        pillars: Mapping[str, Any] = {name: nodes.get(name, pillar) for name, pillar in system.pillars.items()}
        return changed(system, pillars=pillars, composite=nodes.get(ROOT, system.composite))


def varies(node: Node, parts: Mapping[str, Weighed]) -> bool:
    """Return whether a node has weights that a run can vary: not those that are best for each entity anyway."""
    return len(parts) > 1 and not node.rescaled


def _drawn(name: str, node: Node, parts: Mapping[str, Weighed], timeline: Timeline) -> Drawn:
    method = node.weights_method
    inner = None if method is None else cast("FromData", method.of_parts(list(parts)))
    return Drawn(
        node=name, declared=tuple(parts.values()), timeline=timeline, inner=inner,
        of="scores" if inner is None else inner.of, among="cohort" if inner is None else inner.among,
    )  # fmt: skip
