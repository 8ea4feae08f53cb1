"""Windows and projections on every indicator beside plain scoring."""

from __future__ import annotations

import polars as pl

from benchmarks import systems
from benchmarks.race import Race, hold
from benchmarks.size import size
from kpi.engine.plan import Plan, compile_plan
from kpi.language.loading.loader import examine_text
from kpi.language.system import System

INDICATORS = 200
#: The indicators of a measure, by contender; the first one is scored.
KINDS = {
    "plain scoring": ("kind: level",),
    "rolling totals": ("kind: rolling, over: 12m",),
    "projections": ("kind: projection, years: 3",),
    "plain scoring of 400": ("kind: level", "kind: level"),
    "rolling totals and projections": ("kind: rolling, over: 12m", "kind: projection, years: 3"),
    "trends": ("kind: projection, by: trend, over: 2y, as: total",),
}


def system(kinds: tuple[str, ...]) -> System:
    """Return a system of months with the same kinds of indicators for every measure, ten to a pillar."""
    many = size(INDICATORS, least=20)
    lines = ["system: bench", "period: month", "entities: {title: 县}", "measures:"]
    lines += [f"  m{i}: {{unit: 万元}}" for i in range(many)]
    lines.append("indicators:")
    for i in range(many):
        scored, *others = kinds
        lines.append(f"  x{i}: {{{scored}, of: m{i}}}")
        lines += [f"  x{i}_{place}: {{{kind}, of: m{i}}}" for place, kind in enumerate(others)]
    lines += ["scoring: {kind: minmax}", "pillars:"]
    for name, (weight, parts) in systems.tree(many).items():
        inner = ", ".join(f"{part}: {of_parts}" for part, of_parts in parts.items())
        lines.append(f"  {name}: {{{f'weight: {weight}, ' if weight else ''}parts: {{{inner}}}}}")
    loaded = examine_text("\n".join(lines) + "\n")
    assert loaded.system is not None, loaded.findings
    return loaded.system


def test_windows(benchmark):
    compiled = {name: system(kinds) for name, kinds in KINDS.items()}
    frame = systems.panel(compiled["plain scoring"], size(3000, least=30), size(120, least=60))
    race = Race(
        "Windows and projections on every indicator",
        "plain scoring",
        dict.fromkeys((name for name in KINDS if not name.startswith("plain")), "≤ 1.5"),
        note="3,000 units, 120 months, 200 indicators, min-max, a tree of pillars, totals and ranks: the whole plan "
        "from measures in memory. Where there are both, these are 400 indicators, all scored, of which 200 totals are "
        "in the tree and 200 projections stand beside it, as in plain scoring of 400. "
        "Intervals, which neither totals nor ranks read, are in the race of all columns.",
    )
    plans = {name: compile_plan(of) for name, of in compiled.items()}
    hold(benchmark, race, {name: lambda plan=plan: plan.collect(frame) for name, plan in plans.items()}, rounds=5)


def test_windows_with_details(benchmark):
    names = ("plain scoring", "projections", "trends")
    compiled = {name: system(KINDS[name]) for name in names}
    frame = systems.panel(compiled["plain scoring"], size(600, least=30), size(120, least=60))
    race = Race(
        "Projections with all columns of the tidy frames",
        "plain scoring",
        dict.fromkeys(names[1:], "≤ 1.5"),
        note="600 units, otherwise as before: the plan, the intervals of projections, and the details, which are "
        "attainment, lights, weights, contributions and the rank of each indicator.",
    )

    def detailed(plan: Plan) -> pl.DataFrame:
        return plan.detail(plan.with_intervals(plan.collect(frame)))

    plans = {name: compile_plan(of) for name, of in compiled.items()}
    hold(benchmark, race, {name: lambda plan=plan: detailed(plan) for name, plan in plans.items()}, rounds=5)
