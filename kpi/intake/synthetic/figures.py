"""Generate reported figures: every measure of a system for every entity and period, long or wide.

A figure is a level of its measure times the size of the entity, growing over time, with noise. A part never exceeds
its whole: measures that are parts by coverages, ratios in percent and checks such as `part <= whole` are shares of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

import polars as pl
from msgspec import Struct

from kpi.intake.files.headers import clean, role
from kpi.intake.matching.datasets import measure_names
from kpi.intake.synthetic.draws import salt, share
from kpi.intake.synthetic.events import literals
from kpi.language import expressions
from kpi.language.measures import reported
from kpi.language.quantities import in_unit
from kpi.language.system import System
from kpi.language.targets import PerEntity
from kpi.values import units
from kpi.values.units.vocabulary import COUNTING_WORDS


class Figure(Struct, frozen=True):
    """The generator of a measure's figures: around `typical`, rounded to `decimals`, never above its wholes."""

    name: str
    header: str
    unit: str
    typical: float
    decimals: int
    #: The measures that it is a part of, each with the factor from the unit of the whole into this unit.
    wholes: tuple[tuple[str, float], ...] = ()
    flag: bool = False
    bounded: bool = False
    per: str | None = None
    #: The columns of its `where`, with their texts or numbers.
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()


def figures(system: System, seed: int) -> list[list[Figure]]:
    """Return the generators of the reported measures of a system, wholes in an earlier list than their parts."""
    parts: dict[str, set[str]] = {name: set() for name in reported(system.measures)}
    for part, whole in _parts(system):
        if part in parts and whole in parts and part != whole and part not in _above(parts, whole):
            parts[part].add(whole)
    try:
        order = TopologicalSorter(parts)
        order.prepare()
    except CycleError:  # pragma: no cover  # `_above` excludes cycles
        return []
    levels: list[list[Figure]] = []
    while order.is_active():
        ready = sorted(order.get_ready())
        levels.append([_figure(system, name, tuple(sorted(parts[name])), seed) for name in ready])
        order.done(*ready)
    return levels


def _above(parts: dict[str, set[str]], name: str) -> set[str]:
    """Return the direct and indirect wholes of a measure."""
    return {name}.union(*(_above(parts, whole) for whole in parts.get(name, ())))


def _parts(system: System) -> Iterator[tuple[str, str]]:
    """Yield all pairs of part and whole in the system."""
    for indicator in system.indicators.values():
        if indicator.in_unit(system.symbols) == units.PERCENT:
            yield from indicator.nested()
    for check in system.checks.values():
        yield from check.nested()


def _figure(system: System, name: str, wholes: tuple[str, ...], seed: int) -> Figure:
    measure = system.measures[name]
    unit, title = measure.quantity, measure.title or name
    header = title if measure_names(system).get(clean(title)) == name and role(title) is None else name
    flag = unit == units.YES_NO
    bounded = unit == units.PERCENT or measure.unit in ("分", "级", "星")
    multiple = measure.unit.startswith(("万", "亿"))
    counted = not multiple and all(word in COUNTING_WORDS or word == "人" for word, _ in unit.dimension)
    inside = tuple(
        (whole, units.factor(system.measures[whole].quantity, unit) / _adds_up(system, name, whole))
        for whole in wholes
        if units.convertible(system.measures[whole].quantity, unit)
    )
    rare = any(name in _named(adjustment) for adjustment in system.adjustments.values())
    typical = 1.0 if rare else _target(system, name) or (4 if measure.unit in ("级", "星") else 80 if bounded else 0)
    if not typical:
        draw = pl.select(share(pl.lit(0, dtype=pl.UInt64), salt(seed, "level", name))).item()
        typical = float(f"{10 ** (2.5 + 2 * draw - 2 * multiple):.2g}")
    decimals = 0 if (counted and not bounded) or flag or rare else 2
    where = literals([measure.where]) if measure.where is not None else {}
    return Figure(
        name, header, measure.unit, typical, decimals, inside, flag, bounded, measure.per,
        tuple((column, pool.texts) for column, pool in where.items()),
    )  # fmt: skip


def _adds_up(system: System, part: str, whole: str) -> int:
    """Return how many figures of a part are summed in a year before the comparison with the latest of the whole."""
    timings = [getattr(system.measures[name], "timing", None) for name in (part, whole)]
    return system.period.per_year if timings[0] == "ytd" and timings[1] != "ytd" else 1


def _named(adjustment: object) -> set[str]:
    """Return the figures of a bonus, a deduction or a veto: rare events."""
    names = {of} if isinstance(of := getattr(adjustment, "of", None), str) else set()
    when = getattr(adjustment, "when", None)
    return names | ({name for name, _ in expressions.parse(when).names()} if isinstance(when, str) else set())


def _target(system: System, name: str) -> float | None:
    """Return the target of the figure, in its unit, so that scores of the sample are between the extremes."""
    for indicator in system.indicators.values():
        unit = indicator.in_unit(system.symbols)
        if indicator.measure_shown != name or unit is None:
            continue
        for target in indicator.target:
            bound = getattr(target, target.comparator, None)
            if isinstance(bound, bool | list | tuple | PerEntity) or bound is None:
                continue
            return in_unit(bound, unit) * units.factor(unit, system.measures[name].quantity) or None
    return None


def wide(levels: list[list[Figure]], cells: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Return cells with a column (Float64) per measure.

    Args:
        levels: the generators.
        cells: the columns `who` and `when`, the numbers of entity and period (UInt64).
        seed: the seed of all draws.
    """
    who, when = pl.col("who"), pl.col("when")
    cell = when * 2**32 + who
    frame = cells.with_columns(
        (0.4 + 1.6 * share(who, salt(seed, "size"))).alias("size\n"),
        (0.02 * share(who, salt(seed, "growth"))).alias("growth\n"),
    )
    for level in levels:
        frame = frame.with_columns(
            _value(item, who, cell, when.cast(pl.Float64), seed).alias(f"{item.name}\n") for item in level
        )
    return frame.select(
        "who", "when", *(pl.col(f"{item.name}\n").alias(item.name) for level in levels for item in level)
    )


def _value(figure: Figure, entity: pl.Expr, cell: pl.Expr, when: pl.Expr, seed: int) -> pl.Expr:
    noise, own = share(cell, salt(seed, "noise", figure.name)), share(entity, salt(seed, "own", figure.name))
    if figure.flag:
        return (own + 0.05 * when > 0.4).cast(pl.Float64)
    level = 0.65 + 0.3 * own + 0.05 * noise
    if figure.wholes:
        least = pl.min_horizontal(pl.col(f"{whole}\n") * factor for whole, factor in figure.wholes)
        # NOTE: rounded down, since a part rounded up may exceed a small whole.
        steps: float = 10.0**figure.decimals
        return (least * level * steps).floor() / steps
    if figure.bounded or figure.typical <= 10:
        return (figure.typical * level * 1.15).round(figure.decimals)
    grown: pl.Expr = figure.typical * level * pl.col("size\n") * (1 + pl.col("growth\n")).pow(when)
    return grown.round(figure.decimals)
