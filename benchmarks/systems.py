"""Systems and panels of any size, the same every time: what the benchmarks of the plan run on."""

from __future__ import annotations

import numpy as np
import polars as pl

from kpi.language.loading.loader import examine_text
from kpi.language.system import System
from kpi.values.status import Status

#: The first scored month, 2021-01, in months since year 0.
FIRST = 2021 * 12


def system_text(indicators: int) -> str:
    """Return a definition: half ratios, a quarter each levels and growths, ten to a pillar, five top pillars."""
    measures = indicators // 2 + 1
    lines = ["system: bench", "period: month", "entities: {title: 县}", "measures:"]
    lines += [f"  m{i}: {{title: 数据{i}, unit: 万元}}" for i in range(measures)]
    lines.append("indicators:")
    for i in range(indicators):
        of, by = of_indicator(i, measures)
        ratio = f"kind: ratio, numerator: m{of}, denominator: m{by}, unit: '%', target: {{at_least: 95, by: 2023}}"
        kind = {
            2: f"kind: level, of: m{of}, target: {{at_most: 50, by: 2023}}",
            3: f"kind: growth, of: m{of}, over: 1y, target: {{above: 5, by: 2023}}",
        }.get(i % 4, ratio)
        lines.append(f"  x{i}: {{title: 指标{i}, {kind}}}")
    lines.append("pillars:")
    for name, (weight, parts) in tree(indicators).items():
        inner = ", ".join(f"{part}: {of_parts}" for part, of_parts in parts.items())
        lines.append(f"  {name}: {{{f'weight: {weight}, ' if weight else ''}parts: {{{inner}}}}}")
    lines.append("stars: {kind: bands, cuts: {5: 90, 4: 80, 3: 70, 2: 60, 1: 0}}")
    return "\n".join(lines) + "\n"


def of_indicator(i: int, measures: int) -> tuple[int, int]:
    """Return the places of the two different measures that indicator i is made of."""
    first, second = i % measures, (i * 7 + 1) % measures
    return first, second if second != first else (first + 1) % measures


def tree(indicators: int) -> dict[str, tuple[int | None, dict[str, int]]]:
    """Return every pillar with its weight (None for one inside another) and the weights of its parts."""
    inner = max(1, indicators // 10)
    result: dict[str, tuple[int | None, dict[str, int]]] = {
        f"p{p}": (None, {f"x{i}": 1 + i % 3 for i in range(p, indicators, inner)}) for p in range(inner)
    }
    tops = min(5, inner)
    return result | {f"t{t}": (10 + t, {f"p{p}": 1 for p in range(t, inner, tops)}) for t in range(tops)}


def system(indicators: int) -> System:
    """Return the system of `system_text`, loaded and checked."""
    loaded = examine_text(system_text(indicators))
    assert loaded.system is not None, loaded.findings
    return loaded.system


def panel(of: System, entities: int, periods: int, *, seed: int = 2) -> pl.DataFrame:
    """Return a panel of the system: one figure in 50 missing, in 200 not applicable, in 200 zero; three cohorts."""
    random = np.random.default_rng(seed)
    height = entities * periods
    place = np.arange(height)
    columns = {
        "entity": pl.Series(place % entities, dtype=pl.UInt32),
        "period": pl.Series(FIRST + place // entities, dtype=pl.Int32),
        "cohort": pl.Series(np.array(["东", "中", "西"])[place % entities % 3]),
        "#month": pl.Series(FIRST + place // entities, dtype=pl.Int32),
        "#entities": pl.repeat(entities, height, dtype=pl.Int64, eager=True),
    }
    for name in of.measures:
        value = np.round(random.gamma(2, 40, height), 2)
        value[random.random(height) < 0.005] = 0
        luck = random.random(height)
        absent = luck < 0.025
        figures = pl.Series(value).zip_with(pl.Series(~absent), pl.Series([None], dtype=pl.Float64))
        states = pl.Series(np.where(luck < 0.005, "not_applicable", np.where(absent, "missing", "ok")), dtype=Status)
        columns |= {name: figures, f"{name}.status": states, f"{name}.rows": pl.Series(~absent).cast(pl.Int64)}
    return pl.DataFrame(columns)
