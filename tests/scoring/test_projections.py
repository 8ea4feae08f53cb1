"""Projections and paces: against statsmodels and scipy, by laws, and by class of wrong answer."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.api import OLS, add_constant
from test_windows import codes, months, scored, statuses, values

from kpi.errors import Severity
from kpi.language.loading.loader import examine_text
from kpi.values import student, window_sums
from tests.soundness.small_evaluation import small_system

EACH = settings(max_examples=12, deadline=None)
FIGURES = st.lists(st.decimals("0.1", "999.9", places=1).map(float), min_size=30, max_size=60)


def interval(card, indicator, entity="县0"):
    rows = card.outlook.filter(pl.col("indicator") == indicator, pl.col("entity") == entity)
    return rows["value"].to_list(), rows["low"].to_list(), rows["high"].to_list()


def close(item, other):
    return (
        item is None or other is None
        if None in (item, other)
        else math.isclose(item, other, rel_tol=1e-8, abs_tol=1e-8)
    )


# ---- AGAINST OTHER LIBRARIES ---- #


@pytest.mark.parametrize("percent", [50, 80, 90, 95, 99, 99.9])
def test_factors_are_the_quantiles_of_student(percent):
    for freedom in (1, 2, 3, 4, 5, 10, 33, 118, 400):
        assert student.factor(percent, freedom) == pytest.approx(
            stats.t.ppf((1 + percent / 100) / 2, freedom), rel=1e-9
        )


@EACH
@given(FIGURES, st.sampled_from([3, 5, 12, 24]), st.sampled_from([80, 95]), st.sampled_from([0.0, 1e7]))
def test_a_trend_and_its_interval_are_those_of_statsmodels(xs, number, percent, offset):
    xs = [round(x + offset, 1) for x in xs]
    card = scored(
        f"  p: {{kind: projection, of: rate, by: trend, over: {number}m, as: level, interval: {percent}}}\n",
        months({"rate": [xs]}),
    )
    result = list(zip(*interval(card, "p"), strict=True))
    for i, (value, low, high) in enumerate(result):
        ahead = 11 - i % 12
        if i < number - 1:
            assert (value, low, high) == (None, None, None)
        elif ahead == 0:
            assert (value, low, high) == (xs[i], xs[i], xs[i])
        else:
            past = np.array(xs[i - number + 1 : i + 1])
            model = OLS(past, add_constant(np.arange(number, dtype=float))).fit()
            there = model.get_prediction(np.array([[1.0, number - 1 + ahead]]))
            ends = there.conf_int(obs=True, alpha=1 - percent / 100)[0]
            width = max(ends[1] - ends[0], 1e-6)
            assert abs(value - there.predicted_mean[0]) <= 1e-6 * width + 1e-7 * (1 + offset * 1e-3)
            assert abs(low - ends[0]) <= 1e-5 * width + 1e-7 * (1 + offset * 1e-3)
            assert abs(high - ends[1]) <= 1e-5 * width + 1e-7 * (1 + offset * 1e-3)


@EACH
@given(FIGURES)
def test_a_total_by_trend_is_what_there_is_and_the_line_over_the_rest(xs):
    number = 12
    card = scored("  p: {kind: projection, of: x, by: trend, over: 12m, as: total}\n", months({"x": [xs], "z": [xs]}))
    for i, (value, low, high) in enumerate(zip(*interval(card, "p"), strict=True)):
        if i < number - 1:
            continue
        ahead, done = 11 - i % 12, sum(xs[i - i % 12 : i + 1])
        if ahead == 0:
            assert value == low == high == pytest.approx(done)
            continue
        past, place = np.array(xs[i - 11 : i + 1]), np.arange(12.0)
        line = stats.linregress(place, past)
        rest = [line.intercept + line.slope * (11 + step) for step in range(1, ahead + 1)]
        design = np.column_stack([np.ones(12), place])
        sums = np.array([ahead, sum(11 + step for step in range(1, ahead + 1))])
        error = ((past - line.intercept - line.slope * place) ** 2).sum() / 10
        spread = math.sqrt(error * (ahead + sums @ np.linalg.inv(design.T @ design) @ sums))
        half = stats.t.ppf(0.9, 10) * spread
        assert value == pytest.approx(done + sum(rest), rel=1e-9)
        assert low == pytest.approx(done + sum(rest) - half, rel=1e-7, abs=1e-6)
        assert high == pytest.approx(done + sum(rest) + half, rel=1e-7, abs=1e-6)


@EACH
@given(FIGURES, st.sampled_from([2, 3]), st.booleans())
def test_a_total_by_share_is_that_of_loops(xs, least, running):
    card_of = "run" if running else "x"
    definition = f"  p: {{kind: projection, of: {card_of}, years: 4, at_least: {least}}}\n"
    to_date = [round(sum(xs[i - i % 12 : i + 1]), 9) for i in range(len(xs))]
    frame = months({"x": [xs], "z": [xs]})
    if running:
        frame = months({"run": [to_date]})
        definition = definition.replace("of: run", "of: run")
        card = scored_running(definition, frame)
    else:
        card = scored(definition, frame)
    for i, (value, low, high) in enumerate(zip(*interval(card, "p"), strict=True)):
        shares = [to_date[i - 12 * k] / to_date[i - i % 12 - 1 - 12 * (k - 1)] for k in range(1, 5) if i - 12 * k >= 0]
        if i % 12 == 11:
            assert (value, low, high) == pytest.approx((to_date[i],) * 3)
            continue
        if len(shares) < least:
            assert (value, low, high) == (None, None, None)
            continue
        mean, deviation = np.mean(shares), np.std(shares, ddof=1)
        half = stats.t.ppf(0.9, len(shares) - 1) * deviation * math.sqrt(1 + 1 / len(shares))
        assert value == pytest.approx(to_date[i] / mean)
        assert low == pytest.approx(to_date[i] / (mean + half), rel=1e-7)
        if mean - half > 1e-9:
            assert high == pytest.approx(to_date[i] / (mean - half), rel=1e-5)
        else:
            assert high is None or high > 1e6


def scored_running(definition, frame):
    import kpi

    text = (
        "system: running\nperiod: month\nentities: {title: 县}\ndatasets: {data: {form: panel}}\n"
        f"measures: {{run: {{unit: 件, over_time: ytd, cumulative: true}}}}\nindicators:\n{definition}"
    )
    loaded = examine_text(text)
    assert loaded.system is not None, [str(finding) for finding in loaded.findings]
    return kpi.score(frame, system=loaded.system)


# ---- LAWS AND STATUSES ---- #


def test_a_straight_line_is_carried_on_without_an_interval():
    xs = [1e6 + 0.7 * i for i in range(36)]
    card = scored("  p: {kind: projection, of: rate, by: trend, over: 1y, as: level}\n", months({"rate": [xs]}))
    value, low, high = interval(card, "p")
    for i in range(11, 36):
        assert value[i] == pytest.approx(1e6 + 0.7 * (i - i % 12 + 11), rel=1e-12)
        assert (low[i], high[i]) == (value[i], value[i])


def test_years_alike_are_projected_without_an_interval():
    card = scored(
        "  p: {kind: projection, of: x}\n", months({"x": [[float(i % 12 + 1) for i in range(60)]], "z": [[1.0] * 60]})
    )
    value, low, high = interval(card, "p")
    # The end of a year is known without past years.
    first = ([None] * 11 + [pytest.approx(78.0)]) * 3
    assert value == [*first, *[pytest.approx(78.0)] * 24]
    assert (low, high) == (value, value)


def test_a_projection_depends_on_no_unit_beside_it_and_on_no_later_period():
    xs = [float(i * 7 % 13 + 1) for i in range(60)]
    definition = "  p: {kind: projection, of: x}\n  t: {kind: projection, of: x, by: trend, over: 2y, as: total}\n"
    both = scored(definition, months({"x": [xs, xs[::-1]], "z": [xs, xs]}))
    alone = scored(definition, months({"x": [xs[:50]], "z": [xs[:50]]}))
    for name in ("p", "t"):
        for first, second in zip(interval(both, name), interval(alone, name), strict=True):
            assert first[:50] == second


def test_blocks_of_entities_change_no_bit(monkeypatch):
    rows = [[round(100 + place * 3.1 + i * 7 % 13 * 0.37, 2) for i in range(80)] for place in range(7)]
    rows[2][40] = rows[5][70] = None
    definition = (
        "  p: {kind: projection, of: x}\n  q: {kind: projection, of: x, years: 3}\n"
        "  t: {kind: projection, of: x, by: trend, over: 2y, as: total}\n  s: {kind: rolling, of: x, over: ytd}\n"
    )
    frame = months({"x": rows, "z": rows})
    at_once = scored(definition, frame)
    for cells in (1, 100, 250):
        monkeypatch.setattr(window_sums, "_CELLS", cells)
        in_blocks = scored(definition, frame)
        assert in_blocks.outlook.equals(at_once.outlook)
        assert in_blocks.indicators.equals(at_once.indicators)


def test_an_interval_is_the_same_beside_one_period_and_all():
    xs = [float(i * 7 % 13 + 1) for i in range(60)]
    card = scored("  p: {kind: projection, of: x}\n", months({"x": [xs], "z": [xs]}))
    last = max(card.frame["period"])
    shown = card.only([last]).outlook
    assert shown["low"][0] is not None
    assert shown.equals(card.outlook.filter(pl.col("period") == "2025-12"))


@pytest.mark.parametrize("period", ["2024-06", "2025-12", "2025-01"])
def test_a_projection_of_one_period_is_that_of_all(period):
    xs = [float(i * 7 % 13 + 1) for i in range(60)]
    frame = months({"x": [xs], "z": [xs], "rate": [xs]})
    definition = (
        "  p: {kind: projection, of: x, years: 3}\n  t: {kind: projection, of: x, by: trend, over: 2y, as: total}\n"
        "  c: {kind: pace, of: rate, at_least: 50, since: 2021-06, by: 2026-12}\n"
    )
    of_all = scored(definition, frame).outlook.filter(pl.col("period") == period)
    assert scored(definition, frame, period=period).outlook.equals(of_all)


def test_statuses_of_projections():
    xs = [float(i % 12 + 1) for i in range(60)]
    gap, zero = [*xs], [0.0] * 12 * 5
    gap[50] = None
    frame = months({"x": [gap, zero], "z": [xs, xs], "rate": [gap, zero]})
    card = scored(
        "  p: {kind: projection, of: x}\n  t: {kind: projection, of: rate, by: trend, over: 6m, as: level}\n"
        "  end: {kind: projection, of: rate, by: trend, over: 6m, as: level, to: 2025-10}\n",
        frame,
    )
    assert statuses(card, "p")[48:] == ["ok", "ok", "missing", *["incomplete"] * 9]
    assert statuses(card, "p")[34:37] == ["too_few", "ok", "ok"]
    assert statuses(card, "p", "县1") == [*["too_few"] * 11, "ok"] * 5
    assert values(card, "p", "县1")[11] == 0
    assert statuses(card, "t")[49:] == ["ok", "missing", *["incomplete"] * 5, *["ok"] * 4]
    assert statuses(card, "end")[-4:] == ["ok", "ok", "not_applicable", "not_applicable"]
    assert values(card, "end")[57] == gap[57]


@pytest.mark.parametrize(("many", "results"), [(36, ["K659"]), (37, [])])
def test_fewer_past_years_than_a_projection_needs_are_a_finding(many, results):
    card = scored("  p: {kind: projection, of: x}\n", months({"x": [[1.0] * many], "z": [[1.0] * many]}))
    assert [item.code for item in card.findings_list if item.code == "K659"] == results


def test_lights_say_whether_the_target_will_be_reached():
    xs = [10 + (i * 5 % 7) for i in range(48)]
    text = "  {0}: {{kind: projection, of: x, target: {{at_least: {1}, by: 2024}}}}\n"
    xs = [float(x) for x in xs]
    frame = months({"x": [xs], "z": [xs]})
    value, low, high = (column[41] for column in interval(scored(text.format("p", 1), frame), "p"))
    card = scored(
        text.format("good", value - 0.01) + text.format("risky", (value + high) / 2) + text.format("bad", high + 1)
        + text.format("plain", value - 0.01).replace("by: 2024}", "by: 2024}, light: schedule"),
        frame,
    )  # fmt: skip
    lights = dict(card.indicators.filter(pl.col("period") == "2024-06").select("indicator", "light").rows())
    assert lights == {"good": "green", "risky": "at_risk", "bad": "red", "plain": "none"}
    assert low < value < high


def test_paces_of_what_should_fall_and_of_compound_growth():
    frame = pl.DataFrame({"期别": ["2015", "2020", "2025"], "地区": "县0", "rate": [40.0, 30.0, 20.0]})
    card = scored(
        "  down: {kind: pace, of: rate, at_most: 10, since: 2015, by: 2030}\n"
        "  rates: {kind: pace, of: rate, at_most: 10, since: 2015, by: 2030, growth: compound}\n"
        "  eurostat: {kind: pace, of: rate, at_most: 10, since: 2015, by: 2030, growth: compound, cuts: [95, 60]}\n",
        frame, "year",
    )  # fmt: skip
    assert [values(card, "down")[i] for i in (0, 5, 10)] == [None, 100.0, 100.0]
    required = 100 * ((10 / 40) ** (1 / 15) - 1)
    actual = [100 * ((30 / 40) ** (1 / 5) - 1), 100 * ((20 / 40) ** (1 / 10) - 1)]
    assert [values(card, "rates")[i] for i in (5, 10)] == pytest.approx([100 * item / required for item in actual])
    classes = card.outlook.filter(pl.col("period") == "2025").select("indicator", "class").rows()
    assert dict(classes) == {"down": "on_track", "rates": "moderately_improving", "eurostat": "moderately_improving"}


def test_compound_growth_needs_a_base_above_zero():
    frame = pl.DataFrame(
        {"期别": ["2015", "2020"] * 3, "地区": ["县0"] * 2 + ["县1"] * 2 + ["县2"] * 2, "rate": [0.0, 5, -1, 5, 5, -1]}
    )
    card = scored("  c: {kind: pace, of: rate, at_least: 10, since: 2015, by: 2030, growth: compound}\n", frame, "year")
    assert [statuses(card, "c", f"县{i}")[5] for i in range(3)] == [
        "zero_baseline",
        "negative_baseline",
        "out_of_range",
    ]


@pytest.mark.parametrize(
    ("indicator", "code"),
    [
        ("{kind: projection, of: rate}", "K438"),
        ("{kind: projection, of: rate, by: trend, over: 1y, as: total}", "K438"),
        ("{kind: projection, of: run, by: trend, over: 1y, as: total}", "K438"),
        ("{kind: projection, of: run, by: trend, over: 1y, as: level}", "K443"),
        ("{kind: projection, of: x, by: trend, as: total}", "K443"),
        ("{kind: projection, of: x, by: trend, over: 1y}", "K443"),
        ("{kind: projection, of: x, by: trend, over: 2m, as: total}", "K443"),
        ("{kind: projection, of: x, by: trend, over: ytd, as: total}", "K443"),
        ("{kind: projection, of: x, by: trend, over: 1y, as: total, years: 3}", "K443"),
        ("{kind: projection, of: x, by: trend, over: 1y, as: total, to: 2026-01}", "K443"),
        ("{kind: projection, of: x, over: 1y}", "K443"),
        ("{kind: projection, of: x, years: 2}", "K443"),
        ("{kind: projection, of: rate, by: trend, over: 1y, as: level, to: 2026}", "K432"),
        ("{kind: projection, of: x, by: trend, over: 13w, as: total}", "K404"),
        ("{kind: pace, of: rate, since: 2021-01, by: 2025-01}", "K444"),
        ("{kind: pace, of: rate, since: 2021-01, by: 2025-01, at_least: 9, at_most: 8}", "K444"),
        ("{kind: pace, of: rate, since: 2021-01, by: 2020-01, at_least: 9}", "K444"),
        ("{kind: pace, of: rate, since: 2021-01, by: 2025-01, at_least: 9, cuts: [50, 100]}", "K444"),
        ("{kind: pace, of: rate, since: 2021-01, by: 2025-01, at_least: 9 件}", "K303"),
        ("{kind: pace, of: rate, since: 2021, by: 2025-01, at_least: 9}", "K432"),
    ],
)
def test_a_projection_that_means_nothing_is_a_finding(indicator, code):
    assert codes(f"  p: {indicator}\n") == {code: Severity.ERROR}


@pytest.mark.parametrize(
    "indicator", ["{kind: projection, of: x}", "{kind: projection, of: rate, by: trend, over: 3y, as: level}"]
)
def test_a_scored_year_has_no_end_to_project_to(indicator):
    assert codes(f"  p: {indicator}\n", "year") == {"K443": Severity.ERROR}


def test_a_year_is_projected_to_a_later_one():
    xs = [80.0, 81, 83, 84, 86]
    frame = pl.DataFrame({"期别": [str(2019 + i) for i in range(5)], "地区": "县0", "rate": xs})
    card = scored("  p: {kind: projection, of: rate, by: trend, over: 5y, as: level, to: 2025}\n", frame, "year")
    line = stats.linregress(range(5), xs)
    assert values(card, "p")[-1] == pytest.approx(line.intercept + line.slope * 6)


def test_a_pace_says_how_it_grows_and_from_where_on_it_is_on_track():
    system = small_system("""
    measures: {net: {title: 上网率, unit: '%'}}
    indicators:
      slow: {kind: pace, of: net, at_least: 95, since: 2015, by: 2030}
      fast: {kind: pace, of: net, at_least: 95, since: 2015, by: 2030, growth: compound, cuts: [95, 60]}
    """)
    words = {name: str(item.words(system.symbols)) for name, item in system.indicators.items()}
    assert words["slow"].startswith("growth of 上网率 since 2015, percent of what 95 % by 2030 requires; on track from")
    assert words["fast"].startswith("compound growth of 上网率 since 2015")
    assert words["fast"].endswith("on track from 95 % on, improving from 60 % on")
