"""Figures are compared as decimals, missing ones are handled where an expression says so, negatives have a status."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kpi
from kpi.engine.scorecard import Scorecard
from kpi.language.loading.loader import examine_text

HEAD = "system: case\nperiod: year\nentities: {title: 县}\n"


def score(text: str, **columns: list[object]) -> Scorecard:
    """Scores a definition over one row a unit, of one year; texts are read as cells of a file."""
    result = examine_text(HEAD + text)
    assert result.system is not None, result.findings
    height = len(next(iter(columns.values())))
    names = [f"县{number}" for number in range(height)]
    return kpi.score(pl.DataFrame({"期别": ["2024"] * height, "地区": names, **columns}), system=result.system)


def column(card: Scorecard, name: str, what: str = "value") -> list[object]:
    return card.indicators.filter(pl.col("indicator") == name).sort("entity")[what].to_list()


RATE = """
measures:
  num: {unit: 件}
  den: {unit: 件}
indicators:
  rate: {kind: ratio, numerator: num, denominator: den}
"""

# ---- THRESHOLDS ---- #


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ("rate < 57", False), ("rate >= 57", True), ("rate <> 57", False), ("rate = 57", True), ("rate > 57", False),
        ("rate IN (57, 60)", True), ("rate BETWEEN 57 AND 60", True), ("NOT rate >= 57", False),
        ("num / den * 100 < 57", False), ("CASE WHEN rate < 57 THEN 1 ELSE 0 END > 0", False),
        ("round(rate - 0.5, 0) = 57", True), ("57 > rate", False), ("57 <= rate", True),
    ],
)  # fmt: skip
def test_a_condition_on_57_of_100_judges_57_percent(when, holds):
    text = RATE + f"adjustments:\n  v: {{kind: veto, when: '{when}', effect: {{fail: true}}}}\n"
    card = score(text, num=[57], den=[100])
    assert card.frame["v.veto"].to_list() == [holds]


def test_the_score_is_not_vetoed_at_the_exact_threshold():
    text = RATE.replace("denominator: den", "denominator: den, target: {at_least: 57}")
    text += "pillars: {p: {weight: 1, parts: {rate: 1}}}\n"
    text += "adjustments:\n  v: {kind: veto, when: 'rate < 57', effect: {score: 0}}\n"
    card = score(text, num=[57, 58], den=[100, 100])
    assert card.totals.sort("entity")["score"].to_list() == [100.0, 100.0]


def test_sums_that_are_equal_as_decimals_hold_of_each_other():
    text = """
measures:
  aa: {unit: 亿元}
  bb: {unit: 亿元}
  cc: {unit: 亿元}
indicators:
  lc: {kind: level, of: cc}
checks:
  part: {expr: "aa + bb <= cc", severity: error}
  whole: {expr: "aa + bb = cc", severity: error}
  rest: {expr: "cc - aa - bb = 0", severity: error}
"""
    card = score(text, aa=[0.1, 1.1, 0.2, 0.1], bb=[0.2, 2.2, 0.2, 0.2], cc=[0.3, 3.3, 0.4, 0.29])
    assert column(card, "lc", "status") == ["ok", "ok", "ok", "refused"]


def test_a_cent_in_billions_is_no_noise():
    text = """
measures:
  aa: {unit: 元}
  bb: {unit: 元}
  cc: {unit: 元}
indicators:
  lc: {kind: level, of: cc}
checks:
  part: {expr: "aa + bb = cc", severity: error}
  plain: {expr: "cc <= 12345678901.25", severity: error}
"""
    card = score(
        text, aa=[12345678901.22, 12345678901.22, 0.0], bb=[0.01, 0.01, 0.0], cc=[12345678901.23, 12345678901.24, 0]
    )
    assert column(card, "lc", "status") == ["ok", "refused", "ok"]
    card = score(text, aa=[0.0], bb=[12345678901.26], cc=[12345678901.26])
    assert column(card, "lc", "status") == ["refused"]


def test_figures_across_units_are_compared_as_decimals():
    text = """
measures:
  aa: {unit: 亿元}
  bb: {unit: 万元}
indicators:
  lc: {kind: level, of: aa}
checks:
  same: {expr: "aa = bb", severity: error}
"""
    card = score(text, aa=[0.0057, 1.1, 0.0058], bb=[57.0, 11000.0, 57.0])
    assert column(card, "lc", "status") == ["ok", "ok", "refused"]


def test_between_is_inclusive_of_a_rate_at_its_end():
    text = RATE + "checks:\n  range: {between: [57, 100], of: [rate], severity: error}\n"
    assert column(score(text, num=[57, 56], den=[100, 100]), "rate", "status") == ["ok", "refused"]


def test_passes_counts_a_mean_at_its_threshold():
    system = examine_text(
        HEAD + "measures:\n  m: {kind: mean, from: e, of: 分, unit: 分, per: 村}\n"
        "datasets: {e: {form: records, columns: {period: 日期, entity: 地区}}}\n"
        "indicators:\n  c: {kind: count, of: m, passes: '>= 0.2'}\n"
    ).system
    rows = pl.DataFrame({
        "日期": ["2024-01-01"] * 3, "地区": ["甲"] * 3, "村": ["一"] * 3, "分": [0.1, 0.2, 0.3],
    })  # fmt: skip
    assert column(kpi.score(rows, system=system), "c") == [1.0]


def test_a_difference_of_equal_rates_is_zero():
    text = """
measures:
  num: {unit: 万件}
  den: {unit: 万件}
  n: {unit: 万件}
  d: {unit: 万件}
indicators:
  a: {kind: ratio, numerator: num, denominator: den}
  b: {kind: ratio, numerator: n, denominator: d}
  gap: {kind: formula, expr: a - b, target: {at_least: 0}}
  part: {kind: formula, expr: num / (a - b)}
"""
    card = score(text, num=[1.1], den=[3.3], n=[0.7], d=[2.1])
    assert column(card, "gap") == [0.0]
    assert column(card, "gap", "reached") == [True]
    assert column(card, "part", "status") == ["zero_denominator"]


@pytest.mark.parametrize(
    ("first", "second", "gap"), [(1000000.1, 1000000.0, 0.1), (0.3, 0.1, 0.2), (2.0, 1.999, 0.001)]
)
def test_digits_that_cancel_decide_about_no_target(first, second, gap):
    text = f"""
measures:
  a: {{unit: 亿元}}
  b: {{unit: 亿元}}
indicators:
  gap: {{kind: formula, expr: a - b, target: {{at_least: {gap}}}}}
  most: {{kind: formula, expr: b - a, target: {{at_most: {-gap}}}}}
"""
    card = score(text, a=[first], b=[second])
    assert (column(card, "gap", "reached"), column(card, "most", "reached")) == ([True], [True])
    system = examine_text(
        HEAD + "measures:\n  a: {unit: 亿元}\nindicators:\n"
        f"  g: {{kind: growth, of: a, as: points, target: {{at_least: {gap}}}}}\n"
    ).system
    rows = pl.DataFrame({"期别": ["2023", "2024"], "地区": ["甲"] * 2, "a": [second, first]})
    assert column(kpi.score(rows, system=system), "g", "reached") == [None, True]


def test_growth_of_an_equal_rate_is_zero():
    system = examine_text(
        HEAD + RATE + "  g: {kind: growth, of: rate, as: points, target: {at_least: 0}}\n"
        "  h: {kind: growth, of: rate, target: {at_least: 0}}\n"
    ).system
    rows = pl.DataFrame({"期别": ["2023", "2024"], "地区": ["甲"] * 2, "num": [0.7, 1.1], "den": [2.1, 3.3]})
    card = kpi.score(rows, system=system)
    for name in ("g", "h"):
        assert column(card, name) == [None, 0.0]
        assert column(card, name, "reached") == [None, True]


# ---- PEERS ---- #

THIRDS = {"num": [1.1, 0.7, 2.2, 0.1], "den": [3.3, 2.1, 6.6, 0.3]}


@pytest.mark.parametrize("better", ["higher", "lower"])
@pytest.mark.parametrize(
    ("rule", "each"),
    [
        ("{kind: minmax}", 50), ("{kind: zscore}", 50), ("{kind: efficacy}", 100), ("{kind: rank}", 100),
        ("{kind: percentile}", 50), ("{kind: borda}", 0), ("{kind: distance_to_best}", 100),
        ("{kind: distance_to_best, by: range}", 100), ("{kind: rank, ties: dense}", 100),
    ],
)  # fmt: skip
def test_equal_ratios_have_equal_scores(rule, each, better):
    text = RATE.replace("denominator: den", f"denominator: den, better: {better}, score: {rule}")
    text = text.replace("unit: 件", "unit: 万件") + "pillars: {p: {weight: 1, parts: {rate: 1}}}\n"
    card = score(text, **THIRDS)
    assert column(card, "rate", "score") == pytest.approx([each] * 4, abs=1e-9)
    assert card.totals["rank"].to_list() == [1] * 4
    assert column(card, "rate", "rank") == [1] * 4


@pytest.mark.parametrize(
    ("rule", "scores"),
    [("{kind: rank}", [100, 100, 85, 80]), ("{kind: percentile, ties: max}", [100, 100, 100 / 3, 0])],
)
def test_equal_ratios_among_others_share_a_place(rule, scores):
    text = RATE.replace("denominator: den", f"denominator: den, score: {rule}").replace("unit: 件", "unit: 万件")
    card = score(text, num=[1.1, 0.7, 1.0, 1.0], den=[3.3, 2.1, 4.0, 5.0])
    if "percentile" in rule:
        assert column(card, "rate", "score")[:2] == column(card, "rate", "score")[:1] * 2
    else:
        assert column(card, "rate", "score") == [100, 100, 90, 85]


def test_ties_are_not_broken_by_the_last_bit_of_a_rate():
    text = (
        RATE.replace("unit: 件", "unit: 万件") + "  lv: {kind: level, of: num, score: {kind: bands, cuts: {60: 0}}}\n"
    )
    text += "pillars: {p: {weight: 1, parts: {lv: 1}}}\nranking: {tie_break: [rate]}\n"
    assert score(text, **THIRDS).totals["rank"].to_list() == [1] * 4


def test_reported_figures_that_differ_in_the_last_digit_are_told_apart():
    text = "measures:\n  m: {unit: 元}\nindicators:\n  x: {kind: level, of: m, score: {kind: rank}}\n"
    assert column(score(text, m=[1234567890123.25, 1234567890123.24, 1.0]), "x", "score") == [100, 95, 90]


def test_weights_from_data_take_equal_ratios_for_constant():
    text = """
measures:
  num: {unit: 万件}
  den: {unit: 万件}
  m: {unit: 万件}
indicators:
  rate: {kind: ratio, numerator: num, denominator: den, score: {kind: benchmark, benchmark: 50}}
  lv: {kind: level, of: m, score: {kind: benchmark, benchmark: 5}}
pillars:
  p: {weight: 1, parts: [rate, lv], weights: {method: METHOD}}
"""
    for method in ("entropy", "variation", "critic"):
        card = score(text.replace("METHOD", method), m=[1.0, 2.0, 3.0, 5.0], **THIRDS)
        weights = card.weights.filter(pl.col("part") == "rate")["weight"].to_list()
        assert weights == pytest.approx([0.0] * len(weights), abs=1e-9)


def test_a_share_of_the_peers_is_reached_exactly():
    text = (
        "measures:\n  m: {unit: 元}\nindicators:\n  x: {kind: level, of: m, score: {kind: benchmark, benchmark: 5}}\n"
    )
    text += "treatment:\n  fill: {kind: impute, by: mean, at_least: 55}\n"
    card = score(text, m=[5.0] * 11 + [None] * 9)
    assert column(card, "x", "score") == [100.0] * 20


parts = st.integers(1, 60)


@settings(max_examples=60, deadline=None)
@given(pairs=st.lists(st.tuples(parts, parts, st.integers(1, 9)), min_size=2, max_size=6), data=st.data())
def test_scaling_a_ratio_keeps_score_and_place(pairs, data):
    """1.1 of 3.3 is 2.2 of 6.6: neither score nor place changes, and equal ratios share both in any order."""
    order = data.draw(st.permutations(range(len(pairs))))
    text = RATE.replace("denominator: den", "denominator: den, score: {kind: rank}").replace("unit: 件", "unit: 万件")
    moved = [pairs[place] for place in order]

    def tenths(numbers: list[int]) -> list[object]:
        return [float(Decimal(number) / 10) for number in numbers]

    plain = score(text, num=tenths([a for a, _, _ in pairs]), den=tenths([b for _, b, _ in pairs]))
    scaled = score(text, num=tenths([a * k for a, _, k in moved]), den=tenths([b * k for _, b, k in moved]))
    before, after = column(plain, "rate", "score"), column(scaled, "rate", "score")
    assert [before[place] for place in order] == after
    rates = [Fraction(a, b) for a, b, _ in pairs]
    assert before == [100 - 5 * sum(other > item for other in rates) for item in rates]


@settings(max_examples=60, deadline=None)
@given(a=st.integers(-(10**6), 10**6), b=st.integers(-(10**6), 10**6), places=st.integers(0, 4))
def test_equal_decimals_compare_equal(a, b, places):
    item, other, total = (float(Decimal(n).scaleb(-places)) for n in (a, b, a + b))
    text = "measures:\n  x: {unit: 元}\n  y: {unit: 元}\n  z: {unit: 元}\nindicators:\n  i: {kind: level, of: x}\n"
    whens = {"eq": "x + y = z", "le": "z <= x + y", "lt": "x + y < z", "off": "x + y < z + " + f"{10.0**-places:.4f}"}
    text += "adjustments:\n" + "".join(
        f"  {name}: {{kind: veto, when: '{when}', effect: {{fail: true}}}}\n" for name, when in whens.items()
    )
    frame = score(text, x=[item], y=[other], z=[total]).frame
    assert [frame[f"{name}.veto"].item() for name in whens] == [True, True, False, True]


# ---- WHAT IS MISSING ---- #

FORMULA = "measures:\n  a: {unit: '1'}\n  b: {unit: '1'}\nindicators:\n  f: {kind: formula, expr: '%s'}\n"


@pytest.mark.parametrize(
    ("expr", "value", "status"),
    [
        ("CASE WHEN b IS NULL THEN a ELSE a * b END", 5.0, "ok"),
        ("CASE WHEN b IS NOT NULL THEN a * b ELSE a END", 5.0, "ok"),
        ("CASE WHEN a > 0 THEN a ELSE b END", 5.0, "ok"),
        ("CASE WHEN a < 0 THEN a ELSE b END", None, "STATUS"),
        ("CASE WHEN b > 0 THEN a ELSE 0 END", None, "STATUS"),
        ("CASE WHEN b > 0 THEN a WHEN b IS NULL THEN 7 ELSE 0 END", 7.0, "ok"),
        ("CASE WHEN b > 0 OR a > 0 THEN a ELSE 0 END", 5.0, "ok"),
        ("coalesce(b, a) + 1", 6.0, "ok"),
        ("coalesce(b * 2, 0)", 0.0, "ok"),
        ("coalesce(b, b)", None, "STATUS"),
        ("a + b", None, "STATUS"),
        ("least(a, b)", None, "STATUS"),
        ("greatest(a, coalesce(b, 0))", 5.0, "ok"),
        ("a / b", None, "STATUS"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("cell", "why"), [("", "missing"), ("/", "not_applicable"), ("…", "below_unit")])
def test_a_formula_does_without_what_it_handles(expr, value, status, cell, why):
    card = score(FORMULA % expr, a=["5"], b=[cell])
    assert column(card, "f") == [value]
    assert column(card, "f", "status") == [why if status == "STATUS" else status]


@pytest.mark.parametrize(
    "expr",
    [
        "CASE WHEN b IS NULL THEN a ELSE a * b END", "coalesce(b, 0)", "coalesce(b * 2, a)", "a + b",
        "CASE WHEN b IS NULL THEN a WHEN a IS NULL THEN b ELSE 7 END", "coalesce(a - b, 1)",
        "CASE WHEN b > 1 THEN a WHEN b IS NULL THEN 7 ELSE 0 END", "coalesce(coalesce(b, a), 1)",
    ],
)  # fmt: skip
def test_nothing_stands_in_for_a_refused_or_incomplete_figure(expr):
    checks = "checks:\n  c: {expr: b < 100, severity: error}\n"
    assert column(score(FORMULA % expr + checks, a=["5"], b=["200"]), "f", "status") == ["refused"]
    system = examine_text(
        HEAD + FORMULA.replace("unit: '1'", "unit: 元") % expr.replace("a * b", "a").replace("b * 2", "b")
    )
    assert system.system is not None, system.findings
    rows = pl.DataFrame({
        "period": ["2024", "2024-01", "2024-02"], "entity": ["甲"] * 3, "measure": ["a", "b", "b"],
        "value": [5.0, 1.0, 2.0],
    })  # fmt: skip
    assert column(kpi.score(rows, system=system.system), "f", "status") == ["incomplete"]


def test_a_refused_figure_that_was_to_stand_in_is_the_reason():
    checks = "checks:\n  c: {expr: b < 100, severity: error}\n"
    assert column(score(FORMULA % "coalesce(a, b)" + checks, a=[""], b=["200"]), "f", "status") == ["refused"]


def test_what_a_branch_not_taken_holds_does_not_matter():
    checks = "checks:\n  c: {expr: b < 100, severity: error}\n"
    card = score(FORMULA % "CASE WHEN a > 0 THEN a ELSE b END" + checks, a=["5"], b=["200"])
    assert column(card, "f") == [5.0]


def test_the_first_missing_figure_gives_the_status():
    card = score(FORMULA % "a + b", a=["", "/"], b=["/", ""])
    assert column(card, "f", "status") == ["missing", "not_applicable"]


@pytest.mark.parametrize(
    "expr",
    [
        "coalesce(a, 0) + b", "CASE WHEN a IS NULL THEN 1 ELSE a END + b",
        "CASE WHEN a > 0 THEN a WHEN a IS NULL THEN 2 END + b",
        "CASE WHEN (a > 0 OR c > 0) AND b > 0 THEN 1 ELSE 0 END",
    ],
)  # fmt: skip
def test_a_gap_that_is_handled_is_not_the_reason_for_another(expr):
    text = FORMULA.replace("indicators:", "  c: {unit: '1'}\nindicators:") % expr
    assert column(score(text, a=[""], b=["/"], c=["1"]), "f", "status") == ["not_applicable"]


def test_conditions_and_checks_follow_the_same_rules():
    text = "measures:\n  a: {unit: '1'}\n  b: {unit: '1'}\nindicators:\n  x: {kind: level, of: a}\n"
    text += "checks:\n  c: {expr: 'coalesce(b, 0) < a', severity: error}\n"
    whens = {"gone": "b IS NULL", "none": "coalesce(b, 0) = 0", "either": "b > 0 OR a > 0", "both": "b > 0 AND a > 0"}
    text += "adjustments:\n" + "".join(
        f"  {name}: {{kind: veto, when: '{when}', effect: {{fail: true}}}}\n" for name, when in whens.items()
    )
    card = score(text, a=["5"], b=[""])
    assert [card.frame[f"{name}.veto"].item() for name in whens] == [True, True, True, False]
    assert [item.message for item in card.findings_list if item.code == "K702"] == [
        "the veto both cannot be judged: a figure is missing"
    ]
    assert column(card, "x") == [5.0]
    broken = score(text, a=["-5"], b=[""])
    assert column(broken, "x", "status") == ["refused"]


def test_round_takes_decimals_from_0_to_9():
    assert column(score(FORMULA % "round(a, 2)", a=["1.005"], b=["1"]), "f") == [1.01]
    for wrong in ("round(a, -2)", "round(a, b)", "round(a, 12)", "round(a, 1.5)"):
        result = examine_text(HEAD + FORMULA % wrong)
        assert [item.code for item in result.findings] == ["K121"], wrong


# ---- NEGATIVE DENOMINATORS ---- #


def test_a_loss_on_negative_equity_is_no_return():
    text = """
measures:
  pp: {unit: 亿元}
  qq: {unit: 亿元}
indicators:
  roe: {kind: ratio, numerator: pp, denominator: qq, target: {at_least: 10}}
  meant: {kind: ratio, numerator: pp, denominator: qq, negative: allow}
  part: {kind: coverage, covered: pp, total: qq}
  few: {kind: ratio, numerator: pp, denominator: qq, min_denominator: 1}
  formula: {kind: formula, expr: pp / qq}
pillars:
  px: {weight: 1, parts: {roe: 1}}
"""
    card = score(text, pp=[-5.0, 5.0, 1.0, -3.0, 1.0], qq=[-10.0, 20.0, 20.0, 20.0, 0.0])
    assert column(card, "roe") == [None, 25.0, 5.0, -15.0, None]
    assert column(card, "roe", "status") == ["negative_denominator", "ok", "ok", "ok", "zero_denominator"]
    assert column(card, "roe", "score") == [None, 100.0, 50.0, 0.0, None]
    assert column(card, "meant") == [50.0, 25.0, 5.0, -15.0, None]
    assert column(card, "part", "status")[0] == "negative_denominator"
    assert column(card, "few", "status")[0] == "negative_denominator"
    assert column(card, "formula")[0] == 0.5


def test_a_share_of_a_total_below_zero_is_none():
    text = "measures:\n  m: {unit: 亿元}\nindicators:\n  s: {kind: share, of: m}\n"
    text += "  t: {kind: share, of: m, negative: allow}\n"
    card = score(text, m=[-3.0, 1.0])
    assert column(card, "s", "status") == ["negative_denominator"] * 2
    assert column(card, "t") == [150.0, -50.0]
    assert column(score(text, m=[0.1, 0.2, -0.3]), "s", "status") == ["zero_denominator"] * 3


# ---- MINUS ZERO ---- #


def is_minus_zero(value: object) -> bool:
    return isinstance(value, float) and value == 0 and math.copysign(1, value) < 0


@pytest.mark.parametrize("form", ["frame", "long", "parquet", "csv"])
def test_minus_zero_is_zero(tmp_path: Path, form):
    text = """
measures:
  aa: {unit: "%"}
  bb: {unit: "%"}
indicators:
  l1: {kind: level, of: aa}
  l2: {kind: level, of: bb, better: lower}
  l3: {kind: level, of: bb, score: {kind: benchmark, benchmark: -5}}
  l4: {kind: level, of: bb, target: {at_most: -5, baseline: {value: 0, period: "2023"}}}
  r: {kind: ratio, numerator: aa, denominator: bb, negative: allow}
  f: {kind: formula, expr: "-(aa * bb)"}
scoring: {kind: minmax}
pillars:
  p: {weight: 1, parts: [l1, l2, l3, r, f]}
adjustments:
  d: {kind: deduction, of: aa, points: 1}
"""
    system = examine_text(HEAD + text).system
    aa, bb = [-0.0, 1.0, 2.0], [-5.0, 5.0, -0.0]
    data: object = pl.DataFrame({"期别": ["2024"] * 3, "地区": ["甲", "乙", "丙"], "aa": aa, "bb": bb})
    if form != "frame":
        data = pl.DataFrame({
            "period": ["2024"] * 6, "entity": ["甲", "乙", "丙"] * 2, "measure": ["aa"] * 3 + ["bb"] * 3,
            "value": aa + bb,
        })  # fmt: skip
    if form == "parquet":
        data.write_parquet(tmp_path / "d.parquet")
        data = str(tmp_path / "d.parquet")
    elif form == "csv":
        data.write_csv(tmp_path / "d.csv")
        data = str(tmp_path / "d.csv")
    card = kpi.score(data, system=system)
    for name, frame in {**card.frames, "wide": card.frame}.items():
        for values in frame:
            assert not any(map(is_minus_zero, values.to_list())), (name, values.name)


def test_the_least_of_events_is_zero_rather_than_minus_zero():
    kinds = ("min", "max", "median", "last", "first", "sum", "mean")
    text = "datasets: {e: {form: records, columns: {period: 日期, entity: 地区}}}\nmeasures:\n"
    text += "".join(f"  m_{kind}: {{kind: {kind}, from: e, of: 数, unit: 分}}\n" for kind in kinds)
    text += "indicators:\n  i: {kind: level, of: m_min}\n"
    rows = pl.DataFrame({"日期": ["2024-01-01"], "地区": ["甲"], "数": [-0.0]})
    card = kpi.score(rows, system=examine_text(HEAD + text).system)
    assert not any(map(is_minus_zero, card.measures["value"].to_list()))
