"""What a period depends on is found from the plan, and never less than it really depends on."""

from __future__ import annotations

import polars as pl
import pytest
from conftest import SYSTEM

from kpi.engine.lookback import HISTORY, WHOLE, looks_back, reach, window
from kpi.engine.plan import compile_plan
from kpi.language.loading.catalogue import files
from kpi.language.loading.catalogue import load as load_system
from kpi.language.loading.loader import examine_text


def reached(text):
    loaded = examine_text(text)
    assert loaded.system is not None, loaded.findings
    return reach(compile_plan(loaded.system))


@pytest.fixture
def small(tmp_path):
    (tmp_path / "roster.csv").write_text("entity,code\n甲县,330101\n")
    return lambda text: reach(compile_plan(examine_text(text, folder=tmp_path).system))


def test_growth_looks_a_year_back_and_changes_of_rank_one_quarter_more(small):
    found = small(SYSTEM)
    assert found["made"] == {0, 1, 4, 5}
    assert found["roads"] == {0, 1}
    assert found["plan_out"] == {HISTORY}
    assert window(found) == HISTORY


@pytest.mark.parametrize(("over", "lags"), [("1q", {0, 1, 2}), ("2y", {0, 1, 8, 9})])
def test_the_window_of_a_growth_is_read_from_the_plan(small, over, lags):
    text = (
        SYSTEM.replace("over: 1y", f"over: {over}").replace("  plan: {kind: milestone", "  #").replace(", plan: 1", "")
    )
    text = text.replace("checks:\n  jump: {growth_within: 50, of: [made], severity: query}\n", "")
    found = small(text)
    assert found["made"] == lags
    assert window(found) == max(lags)


def test_a_ladder_of_single_steps_looks_at_all_earlier_periods(small):
    found = small(
        SYSTEM + "stars: {kind: ladder, one_rung: true, rungs: {3: {score: 80}, 2: {score: 60}, 1: {score: 0}}}\n"
    )
    assert HISTORY in found["roads"]
    assert WHOLE not in found["roads"]


def test_what_is_not_known_counts_as_the_whole():
    from kpi.engine.lookback import _composed

    assert _composed(pl.col("x").interpolate().over("entity"), {})["x"] == {WHOLE}
    assert _composed(pl.col("x").mean(), {})["x"] == {WHOLE}
    assert _composed(pl.col("x").backward_fill().over("entity"), {})["x"] == {WHOLE}
    assert _composed(pl.col("x").shift(3), {})["x"] == {WHOLE}
    assert _composed(pl.col("x").mean().over("period"), {})["x"] == {0}


@pytest.mark.parametrize("name", sorted(files()))
def test_no_shipped_system_looks_at_later_periods(name):
    system = load_system(name)
    # An index is of its base period, wherever that is.
    indexed = any(one.kind == "index" for one in system.indicators.values())
    plan = compile_plan(system)
    assert (window(reach(plan)) == WHOLE) is indexed
    assert looks_back(plan) == window(reach(plan))
