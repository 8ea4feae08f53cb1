"""P: measures of events that a database computes where they are, beside SQL that is written by hand."""

from __future__ import annotations

from benchmarks import events, warehouse
from benchmarks.child import Apart
from benchmarks.race import Race, hold
from benchmarks.size import size

ENTITIES, MONTHS = size(300, least=30), 36
ROWS = size(10_000_000, least=20_000)


def test_the_queries_of_a_definition(benchmark, tmp_path):
    path = tmp_path / "events.duckdb"
    warehouse.generate(path, ROWS, ENTITIES, MONTHS)
    race = Race(
        f"P: {ROWS:,} events in DuckDB into 24 measures of {ENTITIES:,} entities × {MONTHS} months",
        "by hand",
        {"the definition": "≤ 1.1"},
        note="The generated query also counts cells that are filled and those that need a second look, and its sums "
        "are exact; the one by hand adds floats.",
    )
    contenders = {
        "by hand": Apart(warehouse.by_hand, {"path": str(path)}),
        "the definition": Apart(warehouse.pushed_down, {"path": str(path)}, events.wide),
    }
    hold(benchmark, race, contenders, rounds=3, keys=["entity", "period"])
