"""The same results: systems of the catalogue, and drawn ones, are from tables of Spark what they are from files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

import kpi
from tests.conformance.events import MEASURES, drawn_measures, events, system
from tests.conformance.shipped_systems import SYSTEMS, tables_of
from tests.spark_cluster import environment, needed

# Spark 4 warns of pandas 3, which is not used here, and leaves sockets to the collector.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:PySpark does not yet", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_systems_are_the_same_with_all_their_tables_in_spark(subtests, tmp_path, monkeypatch):
    # All in one test: Spark takes long to start, and the tests of a module run in several processes.
    needed()
    from kpi.warehouse.spark.session import opened, table

    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    with opened("local[1]") as session:

        def compare(definition: object, files: dict[str, Path]) -> None:
            here = kpi.score(system=definition, data=dict(files))
            tables = {dataset: table(session, str(file)) for dataset, file in files.items()}
            there = kpi.score(system=definition, data=tables)
            for part in ("totals", "pillars", "indicators", "measures"):
                assert getattr(there, part).equals(getattr(here, part)), part
            assert there.counts == here.counts
            assert _words(there) == _words(here)

        for name in SYSTEMS:
            files = {}
            for dataset, frame in tables_of(name).items():
                files[dataset] = tmp_path / f"{name} {dataset}.parquet"
                frame.write_parquet(files[dataset])
            with subtests.test(name):
                compare(name, files)
        items = tmp_path / "items.parquet"
        events().write_parquet(items)
        with subtests.test("measures of every kind"):
            compare(system(MEASURES), {"items": items})

        @settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(measures=drawn_measures())
        def drawn(measures: dict[str, object]) -> None:
            compare(system(measures), {"items": items})

        with subtests.test("drawn measures"):
            drawn()


def _words(card: kpi.Scorecard) -> list[str]:
    """Return the findings of a scorecard, without their places; K690 is not looked for elsewhere."""
    return sorted(f"{item.code} {item.message}" for item in card.findings_list if item.code != "K690")
