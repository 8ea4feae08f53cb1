"""W: many million events into measures, beside everything else that can do it."""

from __future__ import annotations

import pytest

from benchmarks import durations, engines, events
from benchmarks.child import Apart
from benchmarks.race import Race, hold
from benchmarks.size import size

ENTITIES, MONTHS = size(3000, least=30), 36
ROWS = size(50_000_000, least=20_000)
KEYS = ["entity", "period"]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Files of events by their rows, removed when the races are over."""
    created = {}

    def of(rows: int, *, by_day: bool = False) -> str:
        if (rows, by_day) not in created:
            path = created[rows, by_day] = tmp_path_factory.mktemp("events") / f"{rows}.parquet"
            events.generate(path, rows, ENTITIES, MONTHS, by_day=by_day)
        return str(created[rows, by_day])

    yield of
    for path in created.values():
        path.unlink()


def engine(path: str, **more) -> Apart:
    return Apart(events.engine, {"path": path, **more}, events.wide)


def test_measures_that_merge(benchmark, file):
    path = file(ROWS)
    race = Race(
        f"W: {ROWS:,} events into 24 measures of {ENTITIES:,} entities × {MONTHS} months",
        "the engine",
        {"the engine": "≤ 1.2 GB", "polars by hand": "≥ 0.91", "duckdb": "≥ 1.5"},
        note="Counts, sums and means under eight conditions, from Parquet in no order. The engine adds a status and "
        "the number of rows to every figure, checks every cell, and its sums have the same bits in any order; by hand "
        "they are sums of floats.",
    )
    contenders = {
        "the engine": engine(path),
        "polars by hand": Apart(events.by_hand, {"path": path}),
        "duckdb": Apart(events.duckdb, {"path": path}),
    }
    hold(benchmark, race, contenders, rounds=3, keys=KEYS)


def test_other_engines(benchmark, file):
    for package in ("datafusion", "chdb", "tableauhyperapi"):
        pytest.importorskip(package, reason="make bench installs it where it runs")
    path = file(ROWS)
    race = Race(
        f"W: {ROWS:,} events into 24 measures, in other engines",
        "the engine",
        {"duckdb": "≥ 1.9", "the floor": "≥ 0.29"},
        note="Hyper is a server of its own, whose memory is not counted, and gives its rows to Python one by one. "
        "`benchmarks/league.py` writes the same race in the form of ClickBench.",
    )
    contenders = {
        "the engine": engine(path),
        "duckdb": Apart(events.duckdb, {"path": path}),
        "DataFusion": Apart(engines.datafusion, {"path": path}),
        "chDB": Apart(engines.chdb, {"path": path}),
        "Hyper": Apart(engines.hyper, {"path": path}),
        "the floor": Apart(events.floor, {"path": path}, compared=False),
    }
    hold(benchmark, race, contenders, rounds=2, keys=KEYS)


def test_the_floor(benchmark, file):
    path = file(ROWS)
    race = Race("W: the floor", "the floor", note="The floor reads the same columns and looks at every value once.")
    contenders = {"the floor": Apart(events.floor, {"path": path}), "the engine": engine(path)}
    hold(benchmark, race, contenders, rounds=2)


def test_end_to_end(benchmark, file):
    path = file(ROWS)
    race = Race(
        f"E: from {ROWS:,} events to a scorecard, beside the measures alone",
        "the measures",
        {"the scorecard": "≤ 1.15, ≤ 1.2 GB"},
        note=f"24 indicators, scored, weighted and ranked for {ENTITIES:,} entities × {MONTHS} months.",
    )
    contenders = {"the measures": engine(path), "the scorecard": Apart(events.scorecard, {"path": path})}
    hold(benchmark, race, contenders, rounds=3)


def test_one_period(benchmark, file):
    paths = {"in no order": file(ROWS), "by day": file(ROWS, by_day=True)}
    race = Race(
        f"E: one month of {ROWS:,} events to a scorecard, beside all {MONTHS}",
        "all months",
        note="`--period` with a change of rank: two months are read, of a file by day only the parts that hold them. "
        "The hash of the whole file is made beside it, and takes as long as it does alone.",
    )
    contenders = {"all months": Apart(events.scorecard, {"path": paths["in no order"]})} | {
        f"one month, {how}": Apart(events.scorecard, {"path": path, "period": "2022-06"}) for how, path in paths.items()
    }
    contenders["the hash alone"] = Apart(events.hashed, {"path": paths["by day"]}, compared=False)
    hold(benchmark, race, contenders, rounds=3)


def test_measures_that_do_not_merge(benchmark, file):
    path = file(ROWS)
    race = Race(
        f"W: {ROWS:,} events into 24 measures, 3 distinct counts and 3 quantiles",
        "the engine",
        {"the engine": "≤ 1.2 GB", "duckdb": "≥ 2.5"},
        note="`polars by hand` asks for all of it in one `group_by`, which needs many times the memory.",
    )
    contenders = {
        "the engine": engine(path, hard=True),
        "polars by hand": Apart(events.by_hand, {"path": path, "hard": True}),
        "duckdb": Apart(events.duckdb, {"path": path, "hard": True}),
    }
    hold(benchmark, race, contenders, rounds=1, keys=KEYS)


def test_pandas(benchmark, file):
    path = file(ROWS)
    race = Race(
        f"W: {ROWS:,} events into 24 measures, beside pandas",
        "the engine",
        {"pandas": "≥ 8"},
        note=f"pandas takes {events.PANDAS_ROWS:,} rows at a time, and a column for every measure: all of them do not "
        "fit into memory.",
    )
    contenders = {"the engine": engine(path), "pandas": Apart(events.pandas, {"path": path})}
    hold(benchmark, race, contenders, rounds=2, keys=KEYS)


def test_the_price_of_exact_sums(benchmark, file):
    path = file(max(ROWS // 10, 20_000))
    race = Race(
        "W: what exact sums cost",
        "floats",
        {"64 bits": "≤ 1.15"},
        note="16 sums written by hand, of floats and of whole multiples of 1e-9. The engine sums in 64 bits where it "
        "can prove that they are enough.",
    )
    contenders = {how: Apart(events.sums, {"path": path, "how": how}) for how in ("floats", "64 bits", "128 bits")}
    hold(benchmark, race, contenders, rounds=5, keys=KEYS)


def test_growth_with_the_rows(benchmark, file):
    sizes = [max(ROWS // part, 20_000 // part) for part in (10, 5, 2, 1)]
    race = Race(
        "W: growth with the rows",
        f"{sizes[0]:,} events",
        {f"{rows:,} events": "≤ 1.2 GB" for rows in sizes},
        note="24 measures. The memory does not grow with the rows.",
        sizes={f"{rows:,} events": rows for rows in sizes},
        axis="events",
    )
    hold(benchmark, race, {f"{rows:,} events": engine(file(rows)) for rows in sizes}, rounds=2)


def test_conditions_on_dates(benchmark, tmp_path_factory):
    rows = max(ROWS // 10, 20_000)
    path = tmp_path_factory.mktemp("dates") / "events.parquet"
    durations.generate(path, rows, ENTITIES, MONTHS)
    race = Race(
        f"W: eight conditions on the days between two dates of {rows:,} events, beside a number of days",
        "numbers",
        {"dates": "≤ 1.3"},
        note="From the file to a scorecard. Working days are looked up in a calendar, once for each date.",
    )
    contenders = {
        how: Apart(durations.counted, {"path": str(path), "how": how}, compared=how != "working days")
        for how in durations.CONDITIONS
    }
    hold(benchmark, race, contenders, rounds=5, keys=["period", "entity", "measure"])
