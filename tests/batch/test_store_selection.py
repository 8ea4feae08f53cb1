"""Rows that a store selects are those of the whole table that satisfy the conditions, in their order."""

from __future__ import annotations

import polars as pl
import pytest

from kpi.batch.batch_run import run, store_of
from kpi.batch.config import load
from kpi.batch.store.base import TABLES

SELECTIONS = [
    {"periods": ["2023Q4"]},
    {"periods": ["2022Q1", "2023Q4", "1999Q1"]},
    {"periods": []},
    {"where": {"entity": ["乙县"]}},
    {"where": {"entity": ["乙县", "甲县"], "indicator": ["growth"]}},
    {"periods": ["2022Q4"], "where": {"measure": ["made"], "entity": ["甲县"]}},
    {"where": {"nothing": ["a"]}},
    {"where": {"entity": []}},
]


@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
def test_selected_rows_are_those_of_the_table(city, store, selection):
    city.report("2022Q4", created=[1, 900, 3], roads=260)
    config = load(city.config(store=store))
    run(config)
    kept = store_of(config)
    for table in TABLES:
        for number in (None, 1):
            whole = kept.read(table, system="small", number=number)
            rows = kept.read(table, system="small", number=number, **selection)
            expected = whole
            if whole.width and "periods" in selection:
                expected = expected.filter(pl.col("period").is_in(selection["periods"]))
            for column, values in selection.get("where", {}).items():
                if column in whole.columns:
                    expected = expected.filter(pl.col(column).is_in(values))
            if whole.width:
                assert rows.equals(expected), table
