"""The same results: every system of the catalogue, with all its tables in Spark, is what it is from files."""

from __future__ import annotations

import pytest

import kpi
from tests.conformance.catalogue import SYSTEMS, tables_of
from tests.spark_cluster import environment, needed

# Spark 4 warns of pandas 3, which is not used here, and leaves sockets to the collector.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:PySpark does not yet", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_every_system_is_the_same_with_all_its_tables_in_spark(subtests, tmp_path, monkeypatch):
    # All in one test: Spark takes long to start, and the tests of a module run in several processes.
    needed()
    from kpi.warehouse.spark.session import opened, table

    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    with opened("local[1]") as session:
        for name in SYSTEMS:
            files = {}
            for dataset, frame in tables_of(name).items():
                files[dataset] = tmp_path / f"{name} {dataset}.parquet"
                frame.write_parquet(files[dataset])
            with subtests.test(name):
                here = kpi.score(system=name, data=dict(files))
                there = kpi.score(
                    system=name, data={dataset: table(session, str(file)) for dataset, file in files.items()}
                )
                for part in ("totals", "pillars", "indicators", "measures"):
                    assert getattr(there, part).equals(getattr(here, part)), part
                assert there.counts == here.counts
                assert _words(there) == _words(here)


def _words(card: kpi.Scorecard) -> list[str]:
    """Return the findings of a scorecard, without their places."""
    return sorted(f"{item.code} {item.message}" for item in card.findings_list)
