"""The weights that a scoring used and the cells that data treatment changed, as frames of the results."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from kpi.language.aggregation.nodes import Node
from kpi.language.classes import Weighed, differs
from kpi.language.sums import total
from kpi.language.system import ROOT, System
from kpi.values.columns import Column, class_by

NUMBERS = ("weight", "effective", "consistency_ratio", "before", "after")


def weights(system: System, rows: pl.DataFrame, keys: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """Return the weight of each part of each node per period, cohort and class; columns as in `Scorecard.weights`.

    Where each entity has weights of its own, their mean.
    """
    classes = [class_by(attribute) for attribute in system.classed_weights]
    own = [Column(part).weighting for _, node, parts in system.tree if node.rescaled for part in parts]
    rows = rows.with_columns(pl.col(name).mean().over("period", "cohort", *classes) for name in own)
    groups = rows.unique(["period", "cohort", *classes], maintain_order=True)
    labels = groups.select(**keys).drop("entity").with_row_index("at")
    if classes:
        labels = labels.with_columns(groups.select(pl.concat_str(classes, separator="、").alias("class")))
    effective: dict[str, pl.Series] = {ROOT: pl.Series([100.0] * groups.height)}
    tables = []
    for node, definition, parts in (*system.tree, *_beside(system)):
        whole = total([_weight_of(definition, part, weight) for part, weight in parts.items()])
        for part, weight_given in parts.items():
            # A group for which the method gives no weights has a total of 0: the shares are null.
            share = _weight_of(definition, part, weight_given) / pl.when(whole > 0).then(whole) * 100
            weight = groups.select(pl.repeat(1.0, pl.len()) * share).to_series()
            share_of_total = weight * effective[node] / 100 if node in effective else weight.clear(groups.height)
            if node in effective:
                effective[part] = share_of_total
            tables.append(
                labels.with_columns(
                    node=pl.lit(node), part=pl.lit(part), method=pl.lit(definition.method),
                    weight=weight, effective=share_of_total,
                    consistency_ratio=pl.lit(definition.consistency, dtype=pl.Float64),
                )
            )  # fmt: skip
    names = (
        *keys,
        *(["class"] if classes else []),
        "node",
        "part",
        "method",
        "weight",
        "effective",
        "consistency_ratio",
    )
    return _stacked(tables, [name for name in names if name != "entity"])


def _beside(system: System) -> list[tuple[str, Node, dict[str, Weighed]]]:
    """Return the nodes that do not count, as `System.tree` has those that do; nothing of the total is theirs."""
    return [
        (name, system.pillars[name], {part: weight for part, weight in system.pillars[name].parts.items() if weight})
        for level in reversed(system.depths)
        for name in level
        if name not in system.counted
    ]


def _weight_of(node: Node, part: str, weight: Weighed) -> pl.Expr:
    if node.weights_method is not None:
        return pl.col(Column(part).weighting)
    return pl.col(Column(part).declared) if differs(weight) else pl.lit(float(weight))  # type: ignore[arg-type]


def treated(system: System, rows: pl.DataFrame, keys: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """Return the cells that data treatment changed; columns as in `Scorecard.treated`."""
    units: dict[str, str | None] = {name: str(system.unit(name)) for name in system.treated}
    current = {name: pl.col(name) for name in system.treated}
    tables = []
    for step, names in system.steps.items():
        treatment = system.treatment[step]
        for name in names:
            after = Column(name).after(step)
            treated_value, words = pl.col(after), pl.lit(treatment.words_of_values)
            if treatment.mirrors:
                mirrored = pl.col(Column(after).mirrored) == 1
                words = pl.when(mirrored).then(pl.lit(treatment.words_mirrored)).otherwise(words)
            # What a transformation makes of values is in no unit, nor is what later steps make of that.
            units[name] = units[name] if treatment.keeps_unit else None
            tables.append(
                rows.with_row_index("#at").filter(current[name].ne_missing(treated_value)).select(
                    pl.col("#at").alias("at"), **keys,
                    step=pl.lit(step), indicator=pl.lit(name), title=pl.lit(system.symbols[name].title),
                    before=current[name], after=treated_value, unit=pl.lit(units[name], dtype=pl.String),
                    treatment=words,
                )
            )  # fmt: skip
            current[name] = treated_value
    columns = [*keys, "step", "indicator", "title", "before", "after", "unit", "treatment"]
    return _stacked(tables, columns)


def _stacked(tables: list[pl.DataFrame], names: list[str]) -> pl.DataFrame:
    """Concatenate the frames in the order of periods and entities."""
    if not tables:
        return pl.DataFrame(schema={name: pl.Float64 if name in NUMBERS else pl.String for name in names})
    return pl.concat(tables).sort("at", maintain_order=True).select(names)
