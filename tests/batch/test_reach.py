"""What a period depends on is declared by definitions, and never less than what the compiled plan reads."""

from __future__ import annotations

import polars as pl
import pytest
from city import SYSTEM
from hypothesis import given, settings

from kpi.engine.lookback import reach, window
from kpi.engine.plan import compile_plan
from kpi.language.loading.catalogue import files
from kpi.language.loading.catalogue import load as load_system
from kpi.language.loading.loader import examine_text
from kpi.language.lookback import HISTORY, WHOLE
from tests import plan_walk
from tests.oracle.strategies import evaluations
from tests.oracle.test_oracle import SLOW, loaded


def covers(declared, lag):
    return lag in declared or WHOLE in declared or (lag != WHOLE and HISTORY in declared)


def assert_no_less_than_the_plan_reads(system):
    declared = reach(system)
    for column, lags in plan_walk.walked(compile_plan(system)).items():
        for lag in lags:
            assert covers(declared.get(column, ()), lag), (column, lag, declared.get(column))


@pytest.fixture
def small(tmp_path):
    (tmp_path / "roster.csv").write_text("entity,code\n甲县,330101\n")
    return lambda text: reach(examine_text(text, folder=tmp_path).system)


def test_growth_looks_a_year_back_and_changes_of_rank_one_quarter_more(small):
    result = small(SYSTEM)
    assert result["made"] == {0, 1, 4, 5}
    assert result["roads"] == {0, 1}
    assert min(result["plan_out"]) == HISTORY
    assert window(result) == HISTORY


@pytest.mark.parametrize(("over", "lags"), [("1q", {0, 1, 2}), ("2y", {0, 1, 8, 9})])
def test_the_window_of_a_growth_is_declared(small, over, lags):
    text = (
        SYSTEM.replace("over: 1y", f"over: {over}").replace("  plan: {kind: milestone", "  #").replace(", plan: 1", "")
    )
    text = text.replace("checks:\n  jump: {growth_within: 50, of: [made], severity: query}\n", "")
    result = small(text)
    assert result["made"] == lags
    assert window(result) == max(lags)


def test_a_ladder_of_single_steps_looks_at_all_earlier_periods(small):
    result = small(
        SYSTEM + "stars: {kind: ladder, one_rung: true, rungs: {3: {score: 80}, 2: {score: 60}, 1: {score: 0}}}\n"
    )
    assert HISTORY in result["roads"]
    assert WHOLE not in result["roads"]


def test_what_the_walk_does_not_know_counts_as_the_whole():
    walked = plan_walk.composed
    assert walked(pl.col("x").interpolate().over("entity"), {})["x"] == {WHOLE}
    assert walked(pl.col("x").mean(), {})["x"] == {WHOLE}
    assert walked(pl.col("x").backward_fill().over("entity"), {})["x"] == {WHOLE}
    assert walked(pl.col("x").shift(3), {})["x"] == {WHOLE}
    assert walked(pl.col("x").mean().over("period"), {})["x"] == {0}


@pytest.mark.parametrize("name", sorted(files()))
def test_no_shipped_system_looks_at_later_periods(name):
    system = load_system(name)
    # An index is of its base period, wherever that is.
    indexed = any(item.kind == "index" for item in system.indicators.values())
    assert (window(reach(system)) == WHOLE) is indexed
    assert_no_less_than_the_plan_reads(system)


CHECKS = [
    "{growth_within: 30, of: a}", "{required: a}", "{between: [0, 9], of: a}", "{parts: [a, b], whole: c}",
    "{cumulative: a, of: b}", "{last_year: a, of: b}", "{reported_growth: rate, of: a}",
    "{same_direction: [a, b], over: 1m}", "{magnitude: a, over: 2y}", "{roster: once}", "{complete: a}",
    "{due: 10d}", "{adds_up_to: 全市, of: a}", "{same_scope: [a, b]}", "{expr: a <= b}", "{expr: x <= 5}",
]  # fmt: skip
PARTS = [
    "treatment: {fill: {kind: impute, by: previous}}",
    "treatment: {fill: {kind: impute, by: linear}}",
    "treatment: {fill: {kind: impute, by: mean, among: panel}}",
    "treatment: {few: {kind: screen, at_least: 50}, fill: {kind: impute, by: median}}",
    "scoring: {kind: minmax, among: panel}",
    "scoring: {kind: zscore, among: period}",
    "pillars: {p: {parts: [x, y], weights: {method: entropy, among: panel}}}",
    "treatment: {fill: {kind: impute, by: regression, of: [x], on: [y]}}",
    "treatment: {fill: {kind: impute, by: neighbours, of: [x], on: [y, w], among: panel}}",
    "scoring: {kind: reference, unit: 全市, by: range}",
    "pillars: {p: {parts: [x, y], weights: {method: benefit_of_the_doubt}}}",
    "pillars: {p: {parts: {x: 1, y: 1}}}\nstars: {kind: quantiles, percentiles: {2: 50, 1: 0}, guardrail: 5}",
    "pillars: {p: {parts: {x: 1, y: 1}}}\nstars: {kind: bands, cuts: {2: 50, 1: 0}, moves: hold_harmless}",
]
TINY = """\
system: t
period: month
entities: {title: 县}
measures: {a: {unit: 件}, b: {unit: 件}, c: {unit: 件}, rate: {unit: '%'}, done: {unit: 是/否}}
indicators:
  x: {kind: growth, of: a, over: 1y}
  y: {kind: index, of: b, base: 2022-01}
  z: {kind: milestone, of: done}
  w: {kind: formula, expr: x + 1}
  v: {kind: growth, of: w, over: 1m, as: points}
"""


@pytest.mark.parametrize("severity", ["error", "query"])
@pytest.mark.parametrize("check", CHECKS)
def test_a_check_declares_no_less_than_its_rules_read(check, severity):
    text = f"{TINY}checks:\n  one: {check[:-1]}, severity: {severity}}}\n"
    loaded = examine_text(text)
    assert loaded.system is not None, loaded.findings
    assert_no_less_than_the_plan_reads(loaded.system)


@pytest.mark.parametrize(
    "indicator",
    [
        "{kind: rolling, of: a, over: 12m}", "{kind: rolling, of: a, over: 5m, as: mean, at_least: 2}",
        "{kind: rolling, of: a, over: ytd}", "{kind: ratio, numerator: a, denominator: b, pool: 7m}",
        "{kind: coverage, covered: a, total: b, pool: ytd}", "{kind: growth, of: a, cumulative: true}",
        "{kind: projection, of: a, years: 3}", "{kind: projection, of: a, by: trend, over: 5m, as: total}",
        "{kind: projection, of: rate, by: trend, over: 13m, as: level, to: 2023-01}",
        "{kind: pace, of: rate, at_least: 9, since: 2022-01, by: 2025-01}", "{kind: adjusted, of: a}",
        "{kind: chain, of: rate, over: 1m, base: 2022-01}", "{kind: real, of: a, deflator: rate, base: 2022-01}",
        "{kind: growth, of: x, since: 2022-01}", "{kind: growth, of: a, since: 2022-01, until: 2022-05}",
    ],
)  # fmt: skip
def test_a_window_declares_no_less_than_the_plan_reads(indicator):
    loaded = examine_text(f"{TINY}  over_time: {indicator}\n")
    assert loaded.system is not None, loaded.findings
    assert_no_less_than_the_plan_reads(loaded.system)


def test_an_alert_declares_no_less_than_the_plan_reads_and_the_period_before():
    loaded = examine_text(f"{TINY}notify: {{low: {{when: a < 5 AND x > 3}}}}\n")
    assert loaded.system is not None, loaded.findings
    assert_no_less_than_the_plan_reads(loaded.system)
    assert {0, 1, 12, 13} <= reach(loaded.system)["a"]


@pytest.mark.parametrize("when", ["score < 60", "p < 5 AND a > 3", "rank_change < -1"])
def test_an_alert_on_scores_depends_on_them_in_the_period_before_too(when):
    text = f"{TINY}pillars: {{p: {{parts: {{x: 1, y: 1}}}}}}\n"
    loaded = examine_text(f"{text}notify: {{low: {{when: '{when}'}}}}\n")
    assert loaded.system is not None, loaded.findings
    assert_no_less_than_the_plan_reads(loaded.system)
    plain = reach(examine_text(text).system)
    assert all(lag + 1 in reach(loaded.system)["a"] for lag in plain["a"])


@pytest.mark.parametrize("part", PARTS)
def test_other_parts_declare_no_less_than_the_plan_reads(part):
    loaded = examine_text(f"{TINY}{part}\n")
    assert loaded.system is not None, loaded.findings
    assert_no_less_than_the_plan_reads(loaded.system)


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW, derandomize=True)
@given(evaluation=evaluations())
def test_random_systems_declare_no_less_than_the_plan_reads(evaluation):
    assert_no_less_than_the_plan_reads(loaded(evaluation))
