"""S beside other engines: the same scoring in Polars by hand, DuckDB and pandas, each in a process of its own."""

from __future__ import annotations

import pytest

from benchmarks import rivals
from benchmarks.race import Apart, Race, hold
from benchmarks.size import size


def test_score_beside_other_engines(benchmark):
    for package in ("duckdb", "pandas", "pyarrow"):
        pytest.importorskip(package, reason="make bench installs it")
    settings = {"indicators": size(200, least=40), "entities": size(1000, least=30), "periods": 36}
    race = Race(
        f"S beside other engines: {settings['entities']:,} entities × 36 months × {settings['indicators']} indicators",
        "the plan",
        {"Polars by hand": "≥ 0.83"},
        note="From measures in the engine's own memory to values, statuses, scores, coverage, pillars, stars, ranks and"
        " changes. A process for each run, so that the first touch of memory is in all times.",
    )
    created = {
        "the plan": rivals.plan,
        "Polars by hand": rivals.polars,
        "pandas": rivals.pandas,
        "DuckDB": rivals.duckdb,
    }
    contenders = {name: Apart(make, settings, rivals.numbers) for name, make in created.items()}
    hold(benchmark, race, contenders, rounds=5, keys=("period", "entity"))
