"""K: as many keys as rows, beside DuckDB."""

from __future__ import annotations

import pytest

from benchmarks import keys
from benchmarks.child import Apart
from benchmarks.race import Race, hold
from benchmarks.size import size

COUNTIES = size(300, least=10)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Files of events by their rows and households, removed when the races are over."""
    created = {}

    def of(rows: int, households: int) -> str:
        if (rows, households) not in created:
            path = created[rows, households] = tmp_path_factory.mktemp("keys") / f"{rows}.parquet"
            keys.generate(path, rows, households, COUNTIES)
        return str(created[rows, households])

    yield of
    for path in created.values():
        path.unlink()


@pytest.mark.parametrize(("rows", "households"), [(10_000_000, 20_000_000), (45_000_000, 22_400_000)])
def test_households(benchmark, file, rows, households):
    rows, households = size(rows, least=20_000), size(households, least=10_000)
    path = file(rows, households)
    race = Race(
        f"K: {rows:,} payments of {households:,} households, counted against a threshold",
        "the engine",
        {"the engine": "≤ 2.0 GB", "duckdb": "≥ 0.77"},
        note="The households of each county and year, and those that paid enough. The engine takes a share of the "
        "households in a pass; DuckDB has all groups in memory.",
    )
    contenders = {
        "the engine": Apart(keys.engine, {"path": path}, keys.shown),
        "duckdb": Apart(keys.duckdb, {"path": path}),
    }
    hold(benchmark, race, contenders, rounds=3, keys=["entity", "period"])


def test_events_with_a_number(benchmark, file):
    rows = size(10_000_000, least=20_000)
    path = file(rows, size(20_000_000, least=10_000))
    race = Race(
        f"K: {rows:,} payments, each with a number of its own",
        "the engine",
        {"the engine": "≤ 2.0 GB", "duckdb": "≥ 0.77"},
        note="No number may count twice (`key`).",
    )
    contenders = {
        "the engine": Apart(keys.engine, {"path": path, "keyed": True}),
        "duckdb": Apart(keys.duckdb, {"path": path, "keyed": True}),
    }
    hold(benchmark, race, contenders, rounds=3, keys=["entity", "period"])
