"""Class of wrong answer: a gap without a reason, a reason that is not the true one, a number out of nothing."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpi.engine.scorecard import Scorecard
from kpi.session import score
from tests.oracle.strategies import Evaluation, evaluations
from tests.oracle.test_oracle import SLOW, scored
from tests.soundness.small_evaluation import column, examined, small_card, small_system

ONE_PART = """
    measures: {x: {unit: '%'}, cases: {unit: 件}}
    indicators: {i: {kind: level, of: x, target: {at_least: 50}}}
    pillars: {p: {parts: {i: 1}}}
"""


def assert_sound(card: Scorecard) -> None:
    """Every value has a status that is ok exactly where it is not null, and no number is infinite or none."""
    for name in (item for item in card.detailed.columns if item.endswith(".status")):
        value, status = card.detailed[name.removesuffix(".status")], card.detailed[name]
        assert status.null_count() == 0, name
        assert (value.is_not_null() == (status.cast(pl.String) == "ok")).all(), (name, value, status)
    for table in (card.detailed, *card.frames.values()):
        for number in table.select(pl.col(pl.Float64)).get_columns():
            assert not number.is_nan().any(), number
            assert not number.is_infinite().any(), number


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW, derandomize=True)
@given(evaluation=evaluations())
def test_a_value_is_there_exactly_where_its_status_is_ok(evaluation: Evaluation) -> None:
    assert_sound(scored(evaluation))


EXTREME = [1e308, -1e308, 1e-308, -0.0, 0.0, 5e-324, 1e30, 1e19, -1e16, 1e15, 1.0, 0.1 + 0.2]

EVERY_KIND = """
    measures: {a: {unit: 件}, b: {unit: 件}, c: {unit: 件, over_time: mean}}
    indicators:
      level: {kind: level, of: a, target: {at_least: 1e-9}, score: {kind: benchmark}}
      ratio: {kind: ratio, numerator: a, denominator: b, target: {at_most: 5}, score: {kind: step, points: 1}}
      cover: {kind: coverage, covered: a, total: b, target: {at_least: 5}}
      share: {kind: share, of: a, score: {kind: minmax}}
      growth: {kind: growth, of: a, score: {kind: efficacy, exponential: true}}
      points: {kind: growth, of: b, as: points, score: {kind: percentile}}
      formula: {kind: formula, expr: a * b / (a - b), score: {kind: goalposts, low: 1, high: 10, log: true}}
      mean: {kind: level, of: c, target: {within: [1, 2], by: 2023, schedule: even}}
    pillars:
      p: {weight: 1, parts: {level: 1, ratio: 1, cover: 1, share: 1}}
      q: {weight: 2, parts: {growth: 1, points: 1, formula: 1, mean: 1}, mean: {power: 3}, missing: zero}
    adjustments: {more: {kind: bonus, of: a, points: 1, per: 1e-9}}
    stars: {kind: quota, shares: {5: 50, 1: 50}}
"""


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(figures=st.lists(st.sampled_from(EXTREME), min_size=12, max_size=12))
def test_no_figure_however_large_or_small_makes_infinity_or_an_exception(figures: list[float]) -> None:
    rows = [
        (2022 + number // 6, "甲乙"[number // 3 % 2], "abc"[number % 3], repr(figure))
        for number, figure in enumerate([*figures[:11], 1.0])
    ]
    assert_sound(small_card(EVERY_KIND, *rows))


def test_records_may_hold_figures_of_any_size() -> None:
    system = small_system("""
        datasets: {events: {form: records, columns: {period: date}}}
        measures:
          s: {kind: sum, from: events, of: x, unit: 件}
          m: {kind: mean, from: events, of: x, unit: 件, over_time: mean}
        indicators: {i: {kind: level, of: s}, j: {kind: level, of: m}}
    """)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events.csv"
        file.write_text("date,entity,x\n2023-01-05,甲,1e308\n2023-01-06,甲,2\n2023-02-01,乙,\n", "utf-8")
        card = score(file, system=system)
    assert_sound(card)
    assert card.findings.filter(code="K604")["row"].to_list() == [2]


# ---- THE TRUE REASON ---- #


@pytest.mark.parametrize(
    ("cell", "status", "coverage"), [("—", "missing", 0.0), ("/", "not_applicable", None), ("…", "below_unit", 0.0)]
)
def test_a_pillar_of_one_part_without_a_figure_is_missing_not_out_of_range(
    cell: str, status: str, coverage: float | None
) -> None:
    card = small_card(ONE_PART, (2023, "甲", "x", cell))
    assert column(card, "pillars", "status") == [status]
    assert column(card, "pillars", "coverage") == [coverage]
    assert column(card, "totals", "status") == [status]


def test_what_has_no_figure_has_no_attainment() -> None:
    text = ONE_PART.replace("at_least: 50", "within: [40, 60]")
    card = small_card(text, (2023, "甲", "x", "—"), (2023, "乙", "x", 50))
    assert dict(zip(column(card, "indicators", "entity"), column(card, "indicators", "attainment"), strict=True)) == {
        "甲": None, "乙": 100.0,
    }  # fmt: skip


def test_a_demotion_gives_no_star_to_whom_has_no_score() -> None:
    text = ONE_PART + "adjustments: {v: {kind: veto, when: cases > 3, effect: {demote: 1}}}"
    text += "\nstars: {kind: bands, cuts: {5: 90, 4: 80, 3: 70, 2: 60, 1: 0}}"
    text = text.replace("\nadj", "\n    adj").replace("\nstars", "\n    stars")
    card = small_card(text, (2023, "甲", "x", "—"), (2023, "甲", "cases", 9))
    assert column(card, "totals", "score") == [None]
    assert column(card, "totals", "stars") == [None]
    assert column(card, "totals", "veto") == ["v"]


def test_a_pillar_that_does_not_apply_costs_no_rung_of_the_ladder() -> None:
    text = """
        measures: {x: {unit: '%'}, y: {unit: '%'}}
        indicators:
          i: {kind: level, of: x, target: {at_least: 100}}
          j: {kind: level, of: y, target: {at_least: 100}}
        pillars: {p: {weight: 1, parts: {i: 1}}, q: {weight: 1, parts: {j: 1}}}
        stars: {kind: ladder, rungs: {1: {score: 50}, 3: {score: 60, pillars: 50}}}
    """
    rows = [(2023, who, "x", 90) for who in "甲乙丙"] + [
        (2023, "甲", "y", "/"),
        (2023, "乙", "y", "—"),
        (2023, "丙", "y", 40),
    ]
    card = small_card(text, *rows)
    assert dict(zip(column(card, "totals", "entity"), column(card, "totals", "stars"), strict=True)) == {
        "甲": 3, "乙": 1, "丙": 1,
    }  # fmt: skip


def test_an_equal_place_moves_by_halves() -> None:
    text = ONE_PART + "    ranking: {ties: average}\n"
    rows = [(2022, "甲", "x", 40), (2022, "乙", "x", 40), (2023, "甲", "x", 40), (2023, "乙", "x", 30)]
    card = small_card(text, *rows)
    last = card.totals.filter(period="2023").sort("rank")
    assert last["rank"].to_list() == [1.0, 2.0]
    assert last["rank_change"].to_list() == [0.5, -0.5]


@pytest.mark.parametrize("name", ["score", "rank", "of", "stars", "veto", "raw", "target"])
def test_a_name_that_the_engine_writes_itself_is_refused(name: str) -> None:
    result = examined(f"""
        measures: {{{name}: {{unit: 件}}}}
        indicators: {{i: {{kind: level, of: {name}}}}}
    """)
    assert [item.code for item in result.findings] == ["K202"]


# ---- NOTHING COMES OUT OF A DIVISION BY ZERO ---- #


@pytest.mark.parametrize("bad", [0, 5])
def test_a_condition_that_divides_by_zero_does_not_hold(bad: int) -> None:
    text = ONE_PART.replace("cases: {unit: 件}", "cases: {unit: 件}, bad: {unit: 件}") + (
        "    adjustments:\n"
        "      v: {kind: veto, when: bad / cases > 0.1, effect: {stars_at_most: 1}}\n"
        "      b: {kind: bonus, when: bad / cases > 0.1, points: 5}\n"
        "    stars: {kind: bands, cuts: {5: 90, 4: 80, 3: 70, 2: 60, 1: 0}}\n"
    )
    card = small_card(text, (2023, "甲", "x", 50), (2023, "甲", "cases", 0), (2023, "甲", "bad", bad))
    assert column(card, "totals", "veto") == [""]
    assert column(card, "totals", "score") == [100.0]


def test_a_case_may_step_around_a_division_by_zero() -> None:
    text = """
        measures: {a: {unit: 件}, b: {unit: 件}}
        indicators:
          safe: {kind: formula, expr: CASE WHEN b = 0 THEN 0 ELSE a / b END}
          bare: {kind: formula, expr: a / b}
    """
    card = small_card(text, (2023, "甲", "a", 6), (2023, "甲", "b", 0), (2023, "乙", "a", 6), (2023, "乙", "b", 3))
    table = card.indicators.select("entity", "indicator", "value", "status").rows()
    assert sorted(table) == [
        ("乙", "bare", 2.0, "ok"), ("乙", "safe", 2.0, "ok"),
        ("甲", "bare", None, "zero_denominator"), ("甲", "safe", 0.0, "ok"),
    ]  # fmt: skip


# ---- NOR OUT OF A ROOT OF -1 ---- #


@pytest.mark.parametrize("expr", ["sqrt(x)", "ln(x)", "power(x, 0.5)", "exp(x * -1000)", "least(sqrt(x), 5)"])
def test_what_cannot_be_computed_is_out_of_range_and_no_condition_holds_of_it(expr: str) -> None:
    text = f"""
        measures: {{x: {{unit: '1', over_time: last}}}}
        indicators:
          bare: {{kind: formula, expr: '{expr}'}}
          greater: {{kind: formula, expr: 'CASE WHEN {expr} > 2 THEN 1 ELSE 0 END'}}
          less: {{kind: formula, expr: 'CASE WHEN {expr} < 2 THEN 1 ELSE 0 END'}}
          other: {{kind: formula, expr: 'CASE WHEN NOT {expr} > 2 THEN 1 ELSE 0 END'}}
    """
    card = small_card(text, (2023, "甲", "x", -4))
    rows = dict(card.indicators.select("indicator", pl.struct("value", "status")).iter_rows())
    assert rows["bare"] == {"value": None, "status": "out_of_range"}
    assert [rows[name]["value"] for name in ("greater", "less", "other")] == [0.0, 0.0, 0.0]


def test_a_figure_that_is_not_there_is_missing_whatever_is_asked_of_it() -> None:
    text = """
        measures: {x: {unit: '1', over_time: last}, y: {unit: '1', over_time: last}}
        indicators: {root: {kind: formula, expr: sqrt(x)}, stepped: {kind: formula, expr: 'coalesce(sqrt(x), y)'}}
    """
    card = small_card(text, (2023, "甲", "y", 3))
    assert column(card, "indicators", "status") == ["missing", "ok"]
    assert column(card, "indicators", "value") == [None, 3.0]


# ---- WHAT BINARY FRACTIONS MUST NOT DECIDE ---- #


def test_twenty_nine_of_a_hundred_reach_twenty_nine_percent() -> None:
    assert 29 / 100 * 100 < 29
    text = """
        measures: {a: {unit: 件}, b: {unit: 件}}
        indicators:
          passed: {kind: ratio, numerator: a, denominator: b, target: {at_least: 29}, score: {kind: pass}}
          banded: {kind: ratio, numerator: a, denominator: b, score: {kind: bands, cuts: {100: 29, 0: -.inf}}}
          strict: {kind: ratio, numerator: a, denominator: b, target: {below: 29}, score: {kind: pass}}
    """
    card = small_card(text, (2023, "甲", "a", 29), (2023, "甲", "b", 100))
    assert column(card, "indicators", "score") == [100.0, 100.0, 0.0]


def test_a_whole_of_another_unit_is_covered_in_full() -> None:
    assert pytest.approx(1.1) == 1.1 * 1e4 / 1e4
    text = """
        measures: {part: {unit: 万户}, whole: {unit: 户}}
        indicators: {i: {kind: coverage, covered: part, total: whole}}
    """
    for houses in (7, 11000, 14100, 57000, 80100):
        card = small_card(text, (2023, "甲", "part", houses / 10000), (2023, "甲", "whole", houses))
        assert card.indicators["value"].item() == pytest.approx(100)


def test_a_pillar_of_equal_parts_reaches_their_cut() -> None:
    text = """
        measures: {x: {unit: '%'}}
        indicators: {i: {kind: level, of: x, target: {at_least: 100}}}
        pillars: {p: {mean: geometric, parts: {i: 1}}}
        stars: {kind: lit, cut: 50, on: raw}
    """
    assert math.exp(math.log(50)) < 50
    assert column(small_card(text, (2023, "甲", "x", 50)), "totals", "stars") == [1]


# ---- TARGETS AND SCHEDULES ---- #


@pytest.mark.parametrize(
    ("low", "high", "value", "score"),
    [
        (-5, 5, 0, 100.0), (-5, 5, -10, 0.0), (-5, 5, 10, 50.0), (0, 5, 10, 50.0), (0, 5, -1, 0.0), (2, 5, 1, 50.0),
        (-5, -2, -1, 0.0),
    ],
)  # fmt: skip
def test_outside_an_interval_scores_less_the_further_off(low: int, high: int, value: int, score: float) -> None:
    text = ONE_PART.replace("at_least: 50", f"within: [{low}, {high}]")
    card = small_card(text, (2023, "甲", "x", value))
    assert column(card, "indicators", "score") == [score]
    assert column(card, "indicators", "attainment") == [score]


def test_even_is_in_step_with_the_year_whatever_the_baseline() -> None:
    text = ONE_PART.replace(
        "at_least: 50", "at_least: 50, by: 2024, schedule: even, baseline: {value: 10, period: 2020}"
    )
    rows = [(year, "甲", "x", 50) for year in (2022, 2023, 2024)]
    assert column(small_card(text, *rows), "indicators", "schedule") == [0.0, 0.0, 100.0]


def test_a_linear_schedule_needs_time_to_go() -> None:
    target = "at_least: 50, by: 2023, schedule: linear, baseline: {value: 10, period: 2023}"
    result = examined(ONE_PART.replace("at_least: 50", target))
    assert [(item.code, item.place.line) for item in result.findings] == [("K402", 6)]
    assert result.system is None


@pytest.mark.parametrize(
    "text",
    [
        ONE_PART + "    scoring: {kind: deduction, points: 1, per: 0}\n",
        ONE_PART + "    scoring: {kind: step, points: 1, per: -1}\n",
        ONE_PART + "    adjustments: {b: {kind: bonus, of: cases, points: 1, per: 0}}\n",
    ],
)
def test_a_step_has_a_size(text: str) -> None:
    assert [item.code for item in examined(text).findings] == ["K414"]
