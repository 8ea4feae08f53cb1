"""N and S: what a plan costs to make, and how it runs beside the same scoring written by hand in Polars."""

from __future__ import annotations

import math
import statistics

import polars as pl

from benchmarks import by_hand, systems
from benchmarks.race import Race, hold
from kpi.plan import compile_plan


def collected(frame: pl.LazyFrame) -> pl.DataFrame:
    return frame.collect(engine="in-memory")


def test_compile(benchmark):
    sizes = (200, 1000, 2000, 5000)
    made = {size: systems.system(size) for size in sizes}
    small = {size: systems.panel(of, 3, 13).lazy() for size, of in made.items()}

    def compiled(size: int) -> None:
        compile_plan(made[size]).run(small[size]).collect_schema()

    race = Race(
        "N: compiling and planning",
        "200 indicators",
        {"200 indicators": "50 ms"},
        note="From a loaded system to a planned query on a small panel: the stages, their expressions and the schema.",
    )
    hold(benchmark, race, {f"{size} indicators": lambda size=size: compiled(size) for size in sizes}, rounds=5)
    race.note += f" The cost grows with the {exponent(race):.2f}th power of the indicators (goal 1.1)."
    benchmark.extra_info["race"]["note"] = race.note


def exponent(race: Race) -> float:
    """The slope of a line through logarithms of size and median time."""
    points = [
        (math.log(int(name.split()[0])), math.log(statistics.median(times))) for name, times in race.seconds.items()
    ]
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def test_five_thousand_on_a_small_frame(benchmark):
    of = systems.system(5000)
    frame = systems.panel(of, 3, 13).lazy()
    race = Race("N: 5,000 indicators compiled, optimised and scored", "all", {"all": "3 s"}, note="On 39 rows.")
    hold(benchmark, race, {"all": lambda: collected(compile_plan(of).run(frame))}, rounds=3)


def test_score_beside_polars_by_hand(benchmark):
    beside_by_hand(benchmark, periods=12, rounds=15)


def test_score_three_years_beside_polars_by_hand(benchmark):
    beside_by_hand(benchmark, periods=36, rounds=7)


def beside_by_hand(benchmark, *, periods: int, rounds: int) -> None:
    entities, indicators = 3000, 200
    of = systems.system(indicators)
    panel = systems.panel(of, entities, periods)
    plan = compile_plan(of)
    contenders = {
        "by hand": lambda: collected(by_hand.score(panel.lazy(), indicators, entities)),
        "the plan": lambda: collected(plan.run(panel.lazy())),
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
        {"the plan": "1.20"},
        note="From measures to values, statuses, scores, pillars, stars, ranks and changes; results compared.",
    )
    hold(benchmark, race, contenders, rounds=rounds)
