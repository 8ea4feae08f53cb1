"""Whether the entities' own targets make the document's figure (`total`), and whether every entity has one."""

from __future__ import annotations

import math

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.intake.entities import Entities
from kpi.intake.reported.roster_targets import named
from kpi.intake.reported.stated_targets import forward_filled
from kpi.language.quantities import printed
from kpi.language.system import System
from kpi.values.periods import Period

#: The decimals to which targets and their total are compared, where the indicator and the total have fewer.
_DECIMALS = 2


def beside_total(
    targets: pl.DataFrame, total: float, indicator: str, system: System, entities: Entities, *, place: Place
) -> list[Diagnostic]:
    """Return the warnings about entities without a target, and about periods whose targets make another total.

    The periods are those from which on other targets hold. Units that are none in a period do not count there.

    Args:
        targets: of the indicator: the columns entity, start, months (null without a period), target, row.
        total: the document's figure, in the indicator's unit.
        indicator: the indicator.
        system: gives the scored periods and decimals.
        entities: the entities.
        place: of the targets.
    """
    title, names = system.symbols[indicator].title, entities.names
    findings: list[Diagnostic] = []
    given = set(targets["entity"]) if targets.height else set()
    lacking = [name for at, name in enumerate(names) if at not in given]
    if lacking:
        message = Message("{title}: no target is given for {names}", title=title, names=named(lacking))
        hint = Message("give one for every unit: together they make the total")
        findings.append(Diagnostic("K643", message, place, hint, Severity.WARNING))
    if not targets.height:
        return findings
    size = system.period.months
    ends = targets.select((pl.col("start") + pl.col("months") - 1) // size).to_series().drop_nulls()
    # Without any period they hold for all.
    points = [int(at) for at in ends.unique().sort()] or [-1]
    held = pl.DataFrame({"period": points}, schema={"period": pl.Int32}).join(
        pl.DataFrame({"entity": range(len(names))}, schema={"entity": pl.UInt32}), how="cross"
    )
    known = forward_filled(held, targets, size).drop_nulls("target")
    sums: dict[str, list[str]] = {}
    decimals = system.indicators[indicator].decimals
    if decimals is None:
        decimals = max(_DECIMALS, len(printed(total).partition(".")[2]))
    for at in points:
        mine = known.filter(pl.col("period") == at).select("entity", "target").rows()
        made = math.fsum(target for place, target in mine if at < 0 or _is_unit(entities, place, at, size))
        if round(made, decimals) != round(total, decimals):
            label = Period.of(at, system.period).label if at >= 0 else ""
            sums.setdefault(printed(round(made, decimals)), []).append(label)
    for amount, labels in sums.items():
        unit = system.unit(indicator)
        message = Message(
            "{title}: the targets add up to {made} {unit}, the total is {total} {unit}",
            title=title, made=amount, unit=unit, total=printed(total),
        )  # fmt: skip
        if labels != [""]:
            message = Message(
                "{title}: the targets from {periods} on add up to {made} {unit}, the total is {total} {unit}",
                title=title, periods=named(labels), made=amount, unit=unit, total=printed(total),
            )  # fmt: skip
        hint = Message("correct the targets, or `total`")
        findings.append(Diagnostic("K643", message, place, hint, Severity.WARNING))
    return findings


def _is_unit(entities: Entities, place: int, period: int, size: int) -> bool:
    """Return whether an entity is one in some month of a scored period."""
    spans = entities.spans.get(place)
    return spans is None or any(begin <= (period + 1) * size - 1 and period * size <= end for begin, end in spans)
