"""I: the figure of one entity and period is corrected, and what depends on it is scored again."""

from __future__ import annotations

import polars as pl

from benchmarks import systems
from benchmarks.race import Race, hold
from benchmarks.size import size
from kpi.engine.lookback import reach, window
from kpi.engine.plan import compile_plan


def test_one_entity_and_period_again(benchmark):
    entities, periods, indicators = size(300, least=10), 120, size(200, least=20)
    of = systems.system(indicators)
    plan, panel = compile_plan(of), systems.panel(of, entities, periods)
    back = window(reach(plan.system))
    assert back == 13  # growth over a year, and the change of rank since the month before
    place = (periods - 1) * entities + entities // 2
    later = pl.int_range(pl.len()) >= (periods - 1) * entities

    def corrected(figure: float) -> pl.DataFrame:
        return panel.with_columns(pl.when(pl.int_range(pl.len()) == place).then(figure).otherwise("m0").alias("m0"))

    def everything() -> pl.DataFrame:
        return plan.collect(corrected(77.5)).filter(later)

    def reached() -> pl.DataFrame:
        cut = corrected(77.5).slice((periods - 1 - back) * entities)
        return plan.collect(cut).slice(back * entities)

    first, second = everything(), reached()
    assert first.equals(second)
    race = Race(
        f"I: one figure corrected, {entities:,} entities × {periods} months × {indicators} indicators",
        "everything again",
        note="The last month is scored again on the 14 months that it depends on, as the walk over the plan finds;"
        " the results are the same to the bit.",
    )
    hold(benchmark, race, {"everything again": everything, "what its period reaches": reached}, rounds=7)
