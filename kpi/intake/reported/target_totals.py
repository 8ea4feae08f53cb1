"""Whether the entities' own targets make the document's figure (`total`), and whether every entity has one."""

from __future__ import annotations

import math
from collections.abc import Mapping

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity, first_names
from kpi.intake.entities import Entities
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
    names = entities.names
    given = set(targets["entity"]) if targets.height else set()
    lacking = [name for at, name in enumerate(names) if at not in given]
    findings = _lacking(lacking, system.symbols[indicator].title, place)
    if not targets.height:
        return findings
    size = system.period.months
    ends = targets.select((pl.col("start") + pl.col("months") - 1) // size).to_series().drop_nulls().to_list()
    # Without any period they hold for all.
    points = sorted(set(ends)) or [-1]
    held = pl.DataFrame(
        {"period": [at for at in points for _ in names], "entity": [*range(len(names))] * len(points)},
        schema={"period": pl.Int32, "entity": pl.UInt32},
    )
    by_point: dict[int, list[float]] = {at: [] for at in points}
    for (at, who), target in zip(held.iter_rows(), forward_filled(held, targets, size), strict=True):
        if target is not None and (at < 0 or _is_unit(entities, who, at, size)):
            by_point[at].append(target)
    sums = {at: math.fsum(items) for at, items in by_point.items()}
    return findings + _differing(sums, total, indicator, system, place)


def on_areas_beside_total(
    held: pl.DataFrame,
    total: float,
    indicator: str,
    system: System,
    entities: Entities,
    *,
    aside: Mapping[str, int],
    place: Place,
) -> list[Diagnostic]:
    """Return the warnings of `beside_total` where units succeed one another: by the targets on the areas of today.

    Of a period in which a unit of today has no target, as those that are given are for former areas, no sum can be
    made; that is a warning, too.

    Args:
        held: the columns period, entity, target (null without one) of the units of today, a row for each of each period
            from the first target on.
        aside: former units whose targets none of today has, with the period from which on they are no units.
        total: the document's figure, in the indicator's unit.
        indicator: the indicator.
        system: gives the scored periods and decimals.
        entities: the entities of today.
        place: of the targets.
    """
    size, title = system.period.months, system.symbols[indicator].title
    given = set(held.drop_nulls("target")["entity"])
    findings = _lacking([name for at, name in enumerate(entities.names) if at not in given], title, place)
    sums: dict[int, float] = {}
    without: dict[str, list[str]] = {}
    last: float | None = None
    for rows in held.sort("period").partition_by("period", maintain_order=True):
        period = int(rows["period"][0])
        mine = [row for row in rows.select("entity", "target").rows() if _is_unit(entities, row[0], period, size)]
        lacking = [entities.names[who] for who, target in mine if target is None and who in given]
        if lacking := [*lacking, *(name for name, since in aside.items() if period < since)]:
            for name in lacking:
                without.setdefault(name, []).append(Period.of(period, system.period).label)
            last = None
            continue
        result = math.fsum(target for _, target in mine if target is not None)
        if result != last:
            sums[period] = last = result
    if without:
        periods = list(dict.fromkeys(label for labels in without.values() for label in labels))
        message = Message(
            "{title}: whether the targets make the total is not checked for {periods}: on the areas of today there is "
            "no target for {names}",
            title=title, periods=first_names(periods), names=first_names(list(without)),
        )  # fmt: skip
        findings.append(Diagnostic("K643", message, place, None, Severity.WARNING))
    return findings + _differing(sums, total, indicator, system, place)


def _lacking(names: list[str], title: str, place: Place) -> list[Diagnostic]:
    """Return the warning about units without a target."""
    if not names:
        return []
    message = Message("{title}: no target is given for {names}", title=title, names=first_names(names))
    hint = Message("give one for every unit: together they make the total")
    return [Diagnostic("K643", message, place, hint, Severity.WARNING)]


def _differing(
    made_at: Mapping[int, float], total: float, indicator: str, system: System, place: Place
) -> list[Diagnostic]:
    """Return the warnings about periods from which on the targets make another figure than the total."""
    title, findings = system.symbols[indicator].title, list[Diagnostic]()
    sums: dict[str, list[str]] = {}
    decimals = system.indicators[indicator].decimals
    if decimals is None:
        decimals = max(_DECIMALS, len(printed(total).partition(".")[2]))
    for at, result in made_at.items():
        if round(result, decimals) != round(total, decimals):
            label = Period.of(at, system.period).label if at >= 0 else ""
            sums.setdefault(printed(round(result, decimals)), []).append(label)
    for amount, labels in sums.items():
        unit = system.unit(indicator)
        message = Message(
            "{title}: the targets add up to {made} {unit}, the total is {total} {unit}",
            title=title, made=amount, unit=unit, total=printed(total),
        )  # fmt: skip
        if labels != [""]:
            message = Message(
                "{title}: the targets from {periods} on add up to {made} {unit}, the total is {total} {unit}",
                title=title, periods=first_names(labels), made=amount, unit=unit, total=printed(total),
            )  # fmt: skip
        hint = Message("correct the targets, or `total`")
        findings.append(Diagnostic("K643", message, place, hint, Severity.WARNING))
    return findings


def _is_unit(entities: Entities, place: int, period: int, size: int) -> bool:
    """Return whether an entity is one in some month of a scored period."""
    spans = entities.spans.get(place)
    return spans is None or any(begin <= (period + 1) * size - 1 and period * size <= end for begin, end in spans)
