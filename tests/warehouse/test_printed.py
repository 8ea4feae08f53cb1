"""The queries for an administrator are those that run, in the SQL of each database."""

from __future__ import annotations

import pytest
import sqlglot

import kpi
from kpi.warehouse.printed import queries
from tests.conformance.events import MEASURES, system


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "clickhouse", "mysql", "spark"])
def test_every_database_has_its_text(dialect):
    text = queries(kpi.load(system(dict(MEASURES))), dialect)
    trees = [tree for tree in sqlglot.parse(text, dialect=dialect) if tree is not None]
    assert len(trees) >= 4
    assert all(isinstance(tree, sqlglot.exp.Select) for tree in trees)
    assert "a mean of records without the highest and lowest is not exact in SQL" in text


@pytest.mark.parametrize("system_id", ["jiaxing-2022", "service-reviews", "execution-index"])
def test_systems_of_the_catalogue_have_a_text(system_id):
    assert queries(kpi.load(system_id), "postgres").startswith("-- groups of ")


def test_a_system_without_events_has_none():
    with pytest.raises(kpi.DataError, match="K986"):
        queries(kpi.load("taizhou-2020"), "duckdb")
