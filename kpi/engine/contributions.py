"""Contributions of parts to the total, in points of the full mark: the definition that all outputs share.

The contribution of a part is the weight that it carries times the score that enters the mean of its node:

    contribution = weight/100 · counted/100 · full

`weight` is in percent of the total weight; `counted` is the score of the part in percent of full marks, or what the
node's policy for missing parts substitutes. With an arithmetic mean the contributions of the parts add up to that of
the node, and with a minimum too (the lowest part has all the weight). For other means, and where a node is rounded, the
remainder is an entry of its own: the node's score less the weighted arithmetic mean of its parts (for a geometric mean,
the cost of unequal scores). A node without a score for which the parent substitutes a value is one entry.

Points within a pillar are parts of it too: `points/marks · weight/100 · full`, where `marks` are those that the parts
of the pillar have in all, and so are the effects of its floor and cap.

Bonuses, deductions and the effects of floor, cap and vetoes follow. Indicators and entries together add up to the total
before rounding, `raw`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import polars as pl
from msgspec import Struct

from kpi.engine.totals import limited, limited_pillar
from kpi.errors import Message
from kpi.language.adjustments import awards
from kpi.language.aggregation import means
from kpi.language.aggregation.nodes import Combination, Node
from kpi.language.model import kind_of
from kpi.language.sums import total
from kpi.language.system import ROOT, System
from kpi.values.columns import Column

#: Smaller amounts of points are floating-point error.
NOISE = 1e-9

#: The policies that substitute a score for a part without one.
STAND_INS = ("zero", "cohort_mean", "penalty")

#: The titles of the kinds of entries.
KINDS = {
    "mean": Message("aggregation"), "rounding": Message("rounding"), "missing": Message("missing parts"),
    "bonus": Message("bonus"), "deduction": Message("deduction"), "limit": Message("joint limit"),
    "floor": Message("floor"), "cap": Message("cap"),
    "veto": Message("veto"), "scoring": Message("scoring again"), "capped": Message("cap under a condition"),
}  # fmt: skip


def contribution_of(name: str) -> str:
    """Return the name of the column with the contribution of a part or node to the total, in points."""
    return Column(name).contribution


def counted_of(name: str) -> str:
    """Return the name of the column with the score of a part that entered its node, in percent."""
    return Column(name).counted


def residual_of(node: str) -> str:
    """Return the name of the column, and of the entry, for the part of a score that its parts do not explain."""
    return Column(node).residual


class Entry(Struct, frozen=True):
    """A component of the total that is not an indicator.

    `kind` is a key of `KINDS`; `points` is an expression over the wide frame with details, in points of the full mark,
    null where the entry does not apply.
    """

    name: str
    title: str
    kind: str
    points: pl.Expr


def columns(system: System) -> Iterator[dict[str, pl.Expr]]:
    """Yield the columns of contributions and residuals, from the root down, in groups that are evaluated together.

    They read `{part}.weight` and `{part}.counted` of every part.
    """
    scale = system.composite.full / 100
    yield {Column(ROOT).contribution: pl.col(Column(ROOT).score) * scale}
    parts = [part for _, _, names in system.tree for part in names]
    yield {
        Column(part).contribution: pl.col(Column(part).counted) * pl.col(Column(part).weight) / 100 * scale
        for part in parts
    }
    effects: dict[str, pl.Expr] = {}
    for node, definition, _ in system.tree:
        effects |= _effects(node, definition, scale, adjusted=node in system.within.values())
    yield effects
    yield {
        Column(node).residual: _residual(node, definition, names, [entry.points for entry in within(system, node)])
        for node, definition, names in system.tree
        if not adds_up(definition)
    }
    shown = pl.when(pl.col(Column(ROOT).score).is_not_null()).then(0.0)
    yield {fact: shown for name in _uncounted(system) for fact in (Column(name).contribution, Column(name).weight)}


def _uncounted(system: System) -> list[str]:
    """Return the pillars and parts that are shown and not counted."""
    every = [*system.pillars, *system.parents]
    return [name for name in dict.fromkeys(every) if name not in system.counted]


def _effects(node: str, definition: Node, scale: float, *, adjusted: bool) -> dict[str, pl.Expr]:
    """Return what the own scoring rule and the caps of a node change, in points of the total.

    With `adjusted` its score has adjustments within it, which follow.
    """
    column, columns = Column(node), {}
    weight = pl.lit(100.0) if node == ROOT else pl.col(column.weight)
    final = column.unadjusted if adjusted else column.score
    steps = [
        final if name == column.score else name for name in (definition.outcome(node), definition.rule_outcome(node))
    ]
    before, after = map(pl.col, steps)
    if definition.rule is not None:
        columns[column.rescored] = (after - before) * weight / 100 * scale
    if definition.caps:
        columns[column.capped] = (pl.col(final) - after) * weight / 100 * scale
    scored = pl.col(column.score).is_not_null()
    return {name: pl.when(scored).then(effect) for name, effect in columns.items()}


def adds_up(node: Node) -> bool:
    """Return whether the result of a node is the weighted sum of the scores of its parts."""
    return is_sum(node) and node.decimals is None


def is_sum(node: Node) -> bool:
    """Return whether the result of a node before rounding is a weighted sum of the scores of its parts."""
    return means.is_sum(node.mean) and not node.rescaled


def after_mean(node: str, definition: Node) -> dict[str, Column]:
    """Return the columns with the effects of what follows the mean of a node, by the kind of their entries."""
    columns = {}
    if definition.rule is not None:
        columns["scoring"] = Column(node).rescored
    if definition.caps:
        columns["capped"] = Column(node).capped
    return columns


def _residual(node: str, definition: Node, parts: Iterable[str], more: Iterable[pl.Expr]) -> pl.Expr:
    effects = after_mean(node, definition).values()
    names = (*(Column(part).contribution for part in parts), *effects)
    explained = total([*(pl.col(name) for name in names), *more])
    return pl.when(pl.col(Column(node).score).is_not_null()).then(pl.col(Column(node).contribution) - explained)


def counted(system: System) -> dict[str, pl.Expr]:
    """Return the columns `{part}.counted` of every part of the tree."""
    leaves = frozenset(system.indicators)
    columns: dict[str, pl.Expr] = {}
    for node, definition, parts in system.tree:
        combination = Combination(node, definition, parts, leaves)
        scored = pl.col(Column(node).score).is_not_null()
        columns |= {Column(part).counted: pl.when(scored).then(combination.filled(part)) for part in parts}
    return columns


def residual_title(system: System, node: str) -> Message:
    """Return the title of the residual of a node."""
    definition = system.composite if node == ROOT else system.pillars[node]
    if is_sum(definition):
        return KINDS["rounding"]
    if definition.rescaled:
        return Message("result relative to the best by the same weights, beyond the weighted mean")
    if definition.decimals is not None:
        return Message(
            "difference of the {mean} from the weighted arithmetic mean, with rounding", mean=definition.mean_words
        )
    return Message("difference of the {mean} from the weighted arithmetic mean", mean=definition.mean_words)


def residual_kind(node: Node) -> str:
    """Return the kind of the entry of a residual."""
    return "rounding" if is_sum(node) else "mean"


def effect_title(node: Node, kind: str) -> Message:
    """Return the title of what the own scoring rule (`scoring`) or the caps (`capped`) of a node change."""
    if kind == "scoring" and node.rule is not None:
        return node.rule.in_full()
    return KINDS[kind]


def entries(system: System) -> list[Entry]:
    """Return the components of the total other than indicators, in the order of application."""
    inside = (entry for name in system.pillars for entry in within(system, name))
    return [*_nodes(system), *inside, *_adjustments(system), *limits(system)]


def within(system: System, pillar: str) -> list[Entry]:
    """Return the effects of adjustments within a pillar, and of its floor and cap, in the order of application."""
    if pillar not in system.within.values():
        return []
    scored = pl.when(pl.col(Column(pillar).score).is_not_null())
    scale = pl.col(Column(pillar).weight) / 100 * (system.composite.full / 100)
    marks, result = system.marks_of_parts(pillar), []
    for name, award in awards(system.adjustments, pillar).items():
        points = scored.then(pl.col(Column(name).points) * 100 / marks * scale)
        result.append(Entry(entry_name(system, name), award.title or name, kind_of(type(award)), points))
    bounds = {"floor": system.pillars[pillar].floor, "cap": system.pillars[pillar].cap}
    titles = {
        "floor": Message("floor of {points:g} marks", points=bounds["floor"] or 0.0),
        "cap": Message("cap of {points:g} marks", points=bounds["cap"] or 0.0),
    }
    own = system.pillars[pillar].title or pillar
    for (_, before), (key, after) in pairwise(limited_pillar(system, pillar).items()):
        title = Message("{title}: {part}", title=own, part=titles[key])
        result.append(Entry(Column(pillar).fact(key), title, key, scored.then((after - before) * scale)))
    return result


def _nodes(system: System) -> Iterator[Entry]:
    for node, definition, parts in system.tree:
        title = Message("Composite score") if node == ROOT else system.pillars[node].title or node
        if not adds_up(definition):
            kind = residual_kind(definition)
            words = Message("{title}: {part}", title=title, part=residual_title(system, node))
            yield Entry(Column(node).residual, words, kind, pl.col(Column(node).residual))
        for kind, column in after_mean(node, definition).items():
            words = Message("{title}: {part}", title=title, part=effect_title(definition, kind))
            yield Entry(column, words, kind, pl.col(column))
        if definition.missing.policy in STAND_INS:
            for part in (part for part in parts if part in system.pillars):
                words = Message(
                    "{title}: {part}", title=system.pillars[part].title or part, part=definition.missing.words()
                )
                absent = pl.col(Column(part).score).is_null()
                yield Entry(part, words, "missing", pl.when(absent).then(pl.col(Column(part).contribution)))


def _adjustments(system: System) -> Iterator[Entry]:
    for name, award in awards(system.adjustments).items():
        points = pl.col(Column(name).points)
        yield Entry(entry_name(system, name), award.title or name, kind_of(type(award)), points)


def limits(system: System) -> list[Entry]:
    """Return the effects of floor, cap and vetoes on the total, in the order of application."""
    composite = system.composite
    limiting = []
    for (_, before), (name, after) in pairwise(limited(system).items()):
        if name in ("composite.floor", "composite.cap"):
            kind = name.removeprefix("composite.")
            entry = name
            if kind == "floor":
                title: str = Message("floor of {points:g} points", points=composite.floor)
            else:
                title = Message("cap of {points:g} points", points=composite.cap)
        else:
            kind, entry, title = "veto", entry_name(system, name), system.adjustments[name].title or name
        limiting.append(Entry(entry, title, kind, after - before))
    return limiting


def entry_name(system: System, adjustment: str) -> str:
    """Return the name of an adjustment as an entry, prefixed if an indicator or a pillar has the same name."""
    ambiguous = adjustment in system.indicators or adjustment in system.pillars
    return f"adjustments.{adjustment}" if ambiguous else adjustment
