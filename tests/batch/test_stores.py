"""What is read from a store is what was written, to the bit: every type, nulls anywhere, any text."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from kpi.batch.config import load
from kpi.batch.run import store_of
from kpi.store.base import Change, Run, prepared

TEXTS = ["", "甲县", "a,b\"c\\N'd", "一\n二", "\\.", "x" * 9000, None]
NUMBERS = [0, -1, 2**63 - 1, -(2**63), 7, 8, None]
FLOATS = [0.0, -0.0, 0.1 + 0.2, 5e-324, 1.7976931348623157e308, -1e-9, None]
DAYS = [dt.date(1949, 10, 1), dt.date(2023, 12, 31), None, dt.date(2000, 1, 1), None, dt.date(1, 1, 1), None]


def rows(period: str, shift: int = 0) -> pl.DataFrame:
    """Rows with a null in each column, at places of its own."""
    some = {"part": TEXTS, "many": NUMBERS, "share": FLOATS, "day": DAYS, "told": [True, False, None] * 2 + [None]}
    turned = {name: values[shift + at :] + values[: shift + at] for at, (name, values) in enumerate(some.items())}
    nothing = pl.lit(None, dtype=pl.String).alias("nothing")
    return prepared(pl.DataFrame({"period": [period] * 7} | turned).with_columns(nothing), "s'1")


def bits(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.selectors.float().reinterpret(signed=False))


@pytest.fixture
def opened(city, store):
    return store_of(load(city.config(store=store)))


def test_what_is_read_is_what_was_written(opened):
    first, second, other = rows("2023Q1"), rows("2023Q2", 2), rows("2023Q2", 4)
    findings = prepared(pl.DataFrame({"period": [None, "2023Q1"], "message": ["x", "y" * 5000]}), "s'1")
    both = Change("totals", "s'1", ("2023Q1", "2023Q2"), pl.concat([first, second]))
    with opened.lock(0):
        opened.publish(Run(1, {"a": "甲"}, {"b": 1}), [both, Change("findings", "s'1", None, findings)])
        more = other.with_columns(pl.lit("new").alias("added"))
        opened.publish(
            Run(2), [Change("totals", "s'1", ("2023Q2",), more), Change("pillars", "s'1", ("x",), first[:0])]
        )
    assert opened.run(1) == Run(1, {"a": "甲"}, {"b": 1})
    was = opened.read("totals", number=1, system="s'1").select(first.columns)
    assert bits(was).equals(bits(pl.concat([first, second])))
    now = opened.read("totals")
    assert bits(now.select(first.columns)).equals(bits(pl.concat([first, other])))
    assert now["added"].to_list() == [None] * 7 + ["new"] * 7
    assert opened.read("findings").sort("message")["message"].to_list() == ["x", "y" * 5000]
    assert opened.read("pillars").height == opened.read("totals", system="s").height == 0
    with opened.lock(0):
        assert opened.tidy(1) == 1
    assert bits(opened.read("totals").select(first.columns)).equals(bits(pl.concat([first, other])))
