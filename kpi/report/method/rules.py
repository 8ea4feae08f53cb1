"""How scores, levels and places come about: rules of scoring, weights, treatment, adjustments, levels, ranking."""

from __future__ import annotations

from collections.abc import Mapping

from kpi.engine.contributions import KINDS
from kpi.errors import statements
from kpi.language.aggregation.nodes import Node
from kpi.language.classes import Weighed
from kpi.language.model import kind_of
from kpi.language.system import ROOT, System
from kpi.report.cards import adjustment_words
from kpi.report.language import joined, listed, localized, tr
from kpi.report.method.choices import covers
from kpi.report.method.comparison import comparisons
from kpi.report.method.indicators import name_of
from kpi.report.method.limits import node_rules
from kpi.report.paper.model import Column, Section, Table, sentence


def _title(system: System, node: str) -> str:
    return tr("Total") if node == ROOT else name_of(system, node)


def _mark(definition: object) -> str:
    return tr("yes") if getattr(definition, "ours", False) else ""


def scoring_section(system: System) -> Section:
    """Return the rule of indicators, the means of nodes, and what is done about missing values."""
    section = Section(tr("Scoring"), tr("Scoring"))
    section.write(tr("Every score is a percentage of full marks."))
    scored = [name for name in system.indicators if system.rule(name) is not None]
    usual = [rule for name in scored if system.indicators[name].score is None and (rule := system.rule(name))]
    if usual:
        section.write(tr("General rule: {rule}.", rule=usual[0].in_full()))
        if any(system.indicators[name].score is not None for name in scored):
            section.write(tr("Where the table of indicators states another rule, that one holds."))
    if system.trees:
        columns = [
            Column(tr("Pillar"), 3), Column(tr("Aggregation"), 3), Column(tr("Missing values"), 6),
            Column(tr("Decimals"), 2),
        ]  # fmt: skip
        groups: dict[tuple[str, str, str], list[str]] = {}
        for name, node, _ in system.trees:
            key = localized(node.mean_words), localized(node.missing.words()), _decimals_words(node.decimals)
            groups.setdefault(key, []).append(_title(system, name))
        rounded = any(decimals for _, _, decimals in groups)
        rows = [(listed(names), *key)[: 4 if rounded else 3] for key, names in groups.items()]
        section.parts.append(Table(columns[: 4 if rounded else 3], rows))
    section.write(*node_rules(system))
    if any(target.schedule is not None for name in system.indicators for target in system.targets(name)):
        section.write(
            tr(
                "A light is green up to {green:g} percentage points behind schedule, yellow up to {yellow:g}, and red "
                "beyond.",
                green=system.lights.green, yellow=system.lights.yellow,
            )
        )  # fmt: skip
    return section


def _decimals_words(decimals: int | None) -> str:
    """Return how the score of a node is rounded, empty where it is not."""
    if decimals is None:
        return ""
    return tr("rounded half up to whole numbers") if decimals == 0 else tr(
        "rounded half up, decimals: {decimals}", decimals=decimals
    )  # fmt: skip


def treatment_section(system: System) -> Section:
    """Return what is done to values before they are scored."""
    section = Section(tr("Treatment of values before scoring"), tr("Treatment"))
    if system.treatment:
        section.write(tr("The following is done to values before they are scored, in this order."))
        columns = [Column(tr("Step"), 1, "center"), Column(tr("Treatment"), 6), Column(tr("Indicators"), 5)]
        rows = [
            (
                str(number),
                localized(step.words()),
                listed(name_of(system, item) for item in step.of) or tr("all scored"),
            )
            for number, step in enumerate(system.treatment.values(), start=1)
        ]
        section.parts.append(Table(columns, rows))
    return section


def weights_section(system: System) -> Section:
    """Return the weights of each node, how they were found, and the judgements of AHP."""
    section = Section(tr("Weights and how they were found"), tr("Weights"))
    if not system.trees:
        return section
    columns = [Column(tr("Pillar"), 2.5), Column(tr("Weights of the parts"), 7), Column(tr("How they were found"), 4)]
    rows = []
    for name, node, weights in system.trees:
        fixed = node.weights_method is None
        parts = [
            " ".join(
                [
                    name_of(system, part),
                    localized(system.weight_words(part, None if name == ROOT else name)) if fixed else "",
                ]
            ).strip()
            for part in weights
        ]
        # Weights that differ between units have commas of their own.
        together = (joined if system.varied.keys() & set(weights) else listed)(parts)
        rows.append((_title(system, name), together, _method_words(system, name, node, weights)))
    section.parts.append(Table(columns, rows))
    for name, node, weights in system.trees:
        matrix = node.judgements
        if matrix:
            titles = [name_of(system, part) for part in weights]
            heads = [Column("", 2), *(Column(title, 1.5) for title in titles)]
            caption = tr("Judgements: {pillar}", pillar=_title(system, name))
            section.parts.append(
                Table(heads, [(title, *row) for title, row in zip(titles, matrix, strict=True)], caption)
            )
    return section


def _method_words(system: System, name: str, node: Node, weights: Mapping[str, Weighed]) -> str:
    if node.weights is not None:
        words = localized(node.weights.words())
    elif len(weights) > 1 and len(set(weights.values())) == 1:
        words = tr("given, all alike")
    else:
        words = tr("given")
    ours = covers(node, "parts") or covers(node, "weights")
    if name == ROOT:
        ours = ours or any(covers(system.pillars[top], "weight") for top in system.tops)
    return joined([words, tr("ours, stated by no document") if ours else ""])


def adjustments_section(system: System) -> Section:
    """Return bonuses, deductions and vetoes."""
    section = Section(tr("Bonuses, deductions and vetoes"), tr("Adjustments"))
    rows = [
        (
            item.title or name, localized(KINDS[kind_of(type(item))]), adjustment_words(system, name), item.note or "",
            _mark(item),
        )
        for name, item in system.adjustments.items()
    ]  # fmt: skip
    if rows:
        columns = [
            Column(tr("Title"), 3), Column(tr("Kind"), 1.6, "center"), Column(tr("Rule"), 6), Column(tr("Note"), 3),
            Column(tr("Ours"), 1, "center"),
        ]  # fmt: skip
        section.parts.append(Table(columns, rows).compact())
        if set(system.within) != set(system.adjustments):
            section.write(tr("Points are on the scale of the full mark, {full:g}.", full=system.composite.full))
    return section


def levels_section(system: System) -> Section:
    """Return the star scheme, its levels in a table where they make one."""
    section = Section(tr("Levels"), tr("Levels"))
    if system.stars is None:
        section.write(tr("No stars or grades are given."))
        return section
    levels = system.stars.requirements(system.symbols)
    section.write(sentence(statements([system.stars.manner, *system.stars.limits_words])))
    if levels:
        columns = [Column(tr("Star level"), 2, "center"), Column(tr("Requirement"), 6)]
        section.parts.append(Table(columns, [(localized(level), localized(words)) for level, words in levels]))
    return section


def ranking_section(system: System) -> Section:
    """Return how totals are rounded and placed."""
    section = Section(tr("Ranking"), tr("Ranking"))
    titles = {name: name_of(system, name) for name in (*system.indicators, *system.pillars)}
    section.write(sentence(system.ranking.words(titles)), *comparisons(system))
    return section
