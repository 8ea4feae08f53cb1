"""Why a unit got its score: from the star down to the figures, with weights and contributions that add up.

The explanation is a tree of plain nodes, so the terminal, a report and a service show the same one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from kpi.adjustments import Bonus, Deduction, Veto
from kpi.errors import DataError, Diagnostic, suggest
from kpi.indicators import Milestone
from kpi.intake.entities import Entities
from kpi.intake.headers import clean
from kpi.pillars import score_of
from kpi.scorecard import Scorecard
from kpi.scoring import AgainstTarget
from kpi.status import STATUSES
from kpi.system import ROOT, System
from kpi.targets import COMPARATORS, is_fixed


@dataclass(frozen=True)
class Explained:
    """One line of an explanation and what is below it.

    `score` is in percent of full marks, `weight` in percent of the whole, `contribution` in points of the total. The
    contributions of the parts of a node add up to its own.
    """

    name: str
    title: str
    kind: str
    score: float | None = None
    weight: float | None = None
    contribution: float | None = None
    value: float | None = None
    unit: str | None = None
    status: str = "ok"
    detail: str = ""
    parts: tuple[Explained, ...] = field(default=())

    def walk(self) -> Iterator[Explained]:
        """Yields the node and everything below it."""
        yield self
        for part in self.parts:
            yield from part.walk()


def name_of(card: Scorecard, entity: str) -> str:
    """Returns the name that results show for an entity's name, short name or code; the text itself when it is none."""
    entities = Entities(card.entities, closed=True)
    place = entities.place(entity)
    return entity if place is None else entities.names[place]


def explain(card: Scorecard, entity: str, indicator: str | None = None, *, period: str | None = None) -> Explained:
    """Returns why an entity got its score, or one indicator (or pillar) its own.

    Args:
        card: a scorecard.
        entity: a name or code.
        indicator: an indicator or pillar, by name or title; the whole tree when None.
        period: a label; the last one when None.

    Raises:
        DataError: when there is no such entity, indicator or period.
    """
    system = card.definition
    entities = Entities(card.entities, closed=True)
    place = entities.place(entity)
    if place is None:
        named = [name for name in entities.names if clean(name).startswith(f"{clean(entity)}(")]
        hint = f"there is {', '.join(named[:5])}" if named else suggest(entity, entities.names)
        raise DataError(Diagnostic("K602", f"`{entity}` is not among the entities", hint=hint))
    labels = card.periods
    label = period or labels[-1]
    index = next((index for index, one in card.labels.items() if one == label), None)
    if index is None:
        raise DataError(Diagnostic("K551", f"`{label}` is not among the periods", hint=f"there is {', '.join(labels)}"))
    row = card.detailed.row(by_predicate=(pl.col("period") == index) & (pl.col("entity") == place), named=True)
    tree = _Tree(system, row)
    if indicator is None:
        return tree.total()
    names = {**{name: name for name in [*system.indicators, *system.pillars, *system.measures]}}
    names |= {
        (one.title or name): name
        for name, one in [*system.measures.items(), *system.pillars.items(), *system.indicators.items()]
    }
    if indicator not in names:
        raise DataError(Diagnostic("K203", f"`{indicator}` is not an indicator", hint=suggest(indicator, names)))
    return tree.node(names[indicator])


class _Tree:
    """The nodes of one row of the wide frame."""

    def __init__(self, system: System, row: Mapping[str, Any]) -> None:
        self.system, self.row = system, row

    def total(self) -> Explained:
        row, system = self.row, self.system
        composite = system.composite
        contribution = None if row[score_of(ROOT)] is None else row[score_of(ROOT)] * composite.full / 100
        tops = self.shared(list(system.tops), contribution)
        adjustments = tuple(self.adjustment(name) for name in system.adjustments)
        return Explained(
            ROOT, "综合得分", "total", row["score"], 100.0, row["raw"], row["raw"], None, row["raw.status"],
            f"{row['stars']}" if row["stars"] is not None else "", (*tops, *adjustments),
        )  # fmt: skip

    def adjustment(self, name: str) -> Explained:
        one = self.system.adjustments[name]
        if isinstance(one, Veto):
            holds = self.row[f"{name}.veto"]
            unjudged = self.row[f"{name}.unjudged"]
            text = f"触发：{one.effect.words}" if holds else ("缺少数据，无法判定" if unjudged else "未触发")
            return Explained(name, one.title or name, "veto", detail=f"{one.when}，{text}")
        return Explained(
            name, one.title or name, one.kind, contribution=self.row[f"{name}.points"], detail=self.opening(name, one)
        )

    def opening(self, name: str, one: Bonus | Deduction) -> str:
        """What a bonus waits for, and whether that is there."""
        if not isinstance(one, Bonus) or f"{name}.opened" not in self.row:
            return ""
        titles = {key: self.titled(key) for key in one.opens} if isinstance(one.opens, dict) else {}
        return one.opens_words(titles) + ("" if self.row[f"{name}.opened"] else "，未达到")

    def titled(self, name: str) -> str:
        """The title of a pillar or an indicator."""
        if name in self.system.pillars:
            return self.system.pillars[name].title or name
        return self.system.symbols[name].title

    def shared(self, names: list[str], contribution: float | None) -> tuple[Explained, ...]:
        """The parts of a node: each gets of the node's contribution what its weight times score is of their sum."""
        carried = {name: (self.row[f"{name}.share"] or 0.0) * (self.row[score_of(name)] or 0.0) for name in names}
        whole = sum(carried.values())
        return tuple(
            self.node(name, None if contribution is None else (contribution * carried[name] / whole if whole else 0.0))
            for name in names
        )

    def node(self, name: str, contribution: float | None = None) -> Explained:
        if name in self.system.pillars:
            return self.pillar(name, contribution)
        if name in self.system.indicators:
            return self.indicator(name, contribution)
        return self.measure(name)

    def pillar(self, name: str, contribution: float | None) -> Explained:
        row, pillar = self.row, self.system.pillars[name]
        if contribution is None and row[score_of(name)] is not None:
            contribution = row[score_of(name)] * (row[f"{name}.weight"] or 0) / 100 * self.system.composite.full / 100
        return Explained(
            name, pillar.title or name, "pillar", row[score_of(name)], row[f"{name}.weight"], contribution,
            status=row[f"{score_of(name)}.status"], detail=pillar.mean_words if pillar.mean != "arithmetic" else "",
            parts=self.shared(list(pillar.parts), contribution),
        )  # fmt: skip

    def indicator(self, name: str, contribution: float | None) -> Explained:
        row, one = self.row, self.system.indicators[name]
        status = row[f"{name}.status"]
        if status == "ok":
            status = row[f"{score_of(name)}.status"]
        inputs = dict.fromkeys(used for _, used in one.inputs())
        return Explained(
            name, self.system.symbols[name].title, "indicator", row[score_of(name)], row.get(f"{name}.weight"),
            contribution,
            row[name], str(self.system.unit(name)), status, "；".join(self.how(name)),
            tuple(self.node(used) for used in inputs if f"{used}.status" in row),
        )  # fmt: skip

    def how(self, name: str) -> Iterator[str]:
        """The formula, the target in force and how far it is reached, and the rule where it is the indicator's own."""
        row, one, unit = self.row, self.system.indicators[name], self.system.unit(name)
        yield one.words(self.system.symbols)
        targets = self.system.targets(name)
        if is_fixed(targets):
            yield f"目标 {targets[0].words(unit)}"
        elif targets and row[f"{name}.target"] is not None:
            yield f"目标 {COMPARATORS[targets[0].comparator][0]} {row[f'{name}.target']:,.10g} {unit}"
        elif targets and row[score_of(name)] is not None and isinstance(self.system.rule(name), AgainstTarget):
            yield "未下达任务"
        if row[f"{name}.attainment"] is not None and not isinstance(one, Milestone):
            yield f"完成 {row[f'{name}.attainment']:.1f} %"
        if row[f"{name}.schedule"] is not None:
            yield f"序时 {row[f'{name}.schedule']:.1f} %"
        if one.score is not None:
            yield one.score.in_full()

    def measure(self, name: str) -> Explained:
        rows = self.row.get(f"{name}.rows") or 0
        detail = f"{rows:,} 行" if rows else ""
        return Explained(
            name, self.system.symbols[name].title, "measure", value=self.row[name], unit=str(self.system.unit(name)),
            status=self.row[f"{name}.status"], detail=detail,
        )  # fmt: skip


def words(status: str) -> str:
    """Returns a status in the users' words.

    >>> words("zero_denominator")
    '分母为零'
    """
    return STATUSES[status]
