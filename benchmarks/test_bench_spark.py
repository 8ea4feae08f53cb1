"""P: measures of events that the workers of Spark compute, beside a job by hand and Spark's own SQL."""

from __future__ import annotations

import pytest

from benchmarks import events, spark
from benchmarks.child import Apart
from benchmarks.race import Race, hold
from benchmarks.size import size
from tests.spark_cluster import needed

ENTITIES, MONTHS = size(300, least=30), 36
#: Spark's own SQL takes a minute for distinct counts and quantiles of a million.
MANY, FEW = size(10_000_000, least=20_000), size(1_000_000, least=20_000)


RACES = {
    "24 measures": (MANY, False, False),
    "distinct counts and quantiles": (MANY, True, False),
    "Spark SQL of distinct counts and quantiles": (FEW, True, True),
}
if MANY < 1_000_000:
    # A contender takes long to begin, and at such a size the last race shows what the second does.
    del RACES["distinct counts and quantiles"]


@pytest.mark.parametrize(("rows", "hard", "native"), [*RACES.values()], ids=[*RACES])
def test_the_workers_of_spark(benchmark, tmp_path, rows, hard, native):
    needed()
    path = tmp_path / "events.parquet"
    events.generate(path, rows, ENTITIES, MONTHS)
    settings = {"path": str(path), "hard": hard}
    what = "24 measures and 6 that do not merge" if hard else "24 measures"
    race = Race(
        f"P: {rows:,} events on Spark, two threads, into {what} of {ENTITIES:,} entities × {MONTHS} months",
        "Spark SQL" if hard and native else "a job of mapInArrow by hand",
        {"the definition": "≤ 1" if hard and native else "≤ 1.2"},
        note="Sessions are open and have run on 20,000 rows. The engine also counts cells that are filled and those "
        "that need a second look, and its sums are exact; the others add floats. Memory is that of the driver alone.",
    )
    contenders = {
        "a job of mapInArrow by hand": Apart(spark.by_hand, settings),
        "the definition": Apart(spark.definition, settings, events.wide),
    }
    contenders |= {"Spark SQL": Apart(spark.native, settings)} if native else {}
    hold(benchmark, race, contenders, rounds=3, keys=["entity", "period"])
