"""N and S: what a plan costs to make, and how it runs beside the same scoring written by hand in Polars."""

from __future__ import annotations

import polars as pl

from benchmarks import by_hand, systems
from benchmarks.race import Race, hold
from benchmarks.size import size
from kpi.engine.plan import compile_plan


def collected(frame: pl.LazyFrame) -> pl.DataFrame:
    return frame.collect(engine="in-memory")


def test_compile(benchmark):
    sizes = [size(indicators, least=indicators // 20) for indicators in (200, 1000, 2000, 5000)]
    created = {many: systems.system(many) for many in sizes}
    small = {many: systems.panel(of, 3, 13).lazy() for many, of in created.items()}

    def compiled(many: int) -> None:
        compile_plan(created[many]).run(small[many]).collect_schema()

    race = Race(
        "N: compiling and planning",
        f"{sizes[0]} indicators",
        {f"{sizes[0]} indicators": "≤ 50 ms"},
        note="From a loaded system to a planned query on a small panel: the stages, their expressions and the schema.",
        sizes={f"{many} indicators": many for many in sizes},
        axis="indicators",
    )
    hold(benchmark, race, {f"{many} indicators": lambda many=many: compiled(many) for many in sizes}, rounds=5)


def test_five_thousand_on_a_small_frame(benchmark):
    of = systems.system(size(5000, least=50))
    frame = systems.panel(of, 3, 13)
    race = Race("N: 5,000 indicators compiled, optimised and scored", "all", {"all": "≤ 3 s"}, note="On 39 rows.")
    hold(benchmark, race, {"all": lambda: compile_plan(of).collect(frame)}, rounds=3)


def test_score_beside_polars_by_hand(benchmark):
    beside_by_hand(benchmark, periods=12, rounds=15)


def test_score_three_years_beside_polars_by_hand(benchmark):
    beside_by_hand(benchmark, periods=36, rounds=7)


def beside_by_hand(benchmark, *, periods: int, rounds: int) -> None:
    entities, indicators = size(3000, least=30), size(200, least=40)
    of = systems.system(indicators)
    panel = systems.panel(of, entities, periods)
    plan = compile_plan(of)
    contenders = {
        "by hand": lambda: collected(by_hand.score(panel.lazy(), indicators, entities)),
        "the plan": lambda: plan.collect(panel),
    }
    mine, other = contenders["the plan"](), contenders["by hand"]()
    own = [column for column in other.columns if not column.endswith((".present", ".applicable", ".earned"))]
    for column in own:
        assert mine[column].dtype == other[column].dtype, column
        if mine[column].dtype == pl.Float64:
            assert (mine[column].is_null() == other[column].is_null()).all(), column
            assert ((mine[column] - other[column]).abs().max() or 0) < 1e-9, column
        else:
            assert mine[column].equals(other[column]), column
    race = Race(
        f"S: scoring {entities:,} entities × {periods} months × {indicators} indicators",
        "by hand",
        {"the plan": "≤ 1.20"},
        note="From measures to values, statuses, scores, pillars, stars, ranks and changes; results compared.",
    )
    hold(benchmark, race, contenders, rounds=rounds)
