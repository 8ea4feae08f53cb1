"""Weights that a method finds, and what is written down of them."""

from __future__ import annotations

import tracemalloc
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring_sample import problems, scored, system_text

from kpi.language.aggregation.weights import Ahp
from kpi.values import numerics

VALUES = pl.DataFrame(
    {"period": [2023] * 3, "entity": ["A", "B", "C"], "a": [10.0, 12, 8], "b": [20.0, 22, 18], "c": [30.0, 28, 32]}
)
PLAIN = {"kind": "piecewise", "floor": None, "knots": [[-1e6, -1e6], [1e6, 1e6]]}
JUDGEMENTS = [
    [1, 3, 2, 2, "1/3"],
    ["1/3", 1, "1/2", 1, "1/5"],
    ["1/2", 2, 1, 1, "1/2"],
    ["1/2", 1, 1, 1, 5],
    [3, 5, 2, "1/5", 1],
]
FIVE = list("abcde")


def weighed(folder, method, values=VALUES, names=("a", "b", "c"), **options):
    pillars = {"总": {"weights": {"method": method, **options}, "parts": list(names)}}
    return scored(folder, system_text(list(names), scoring=PLAIN, pillars=pillars), values)


def judged(by, **options):
    return {"总": {"weights": {"method": "ahp", "by": by, "matrix": JUDGEMENTS, **options}, "parts": FIVE}}


def test_entropy_weights_of_a_published_example_are_frozen_into_the_scorecard(tmp_path):
    card = weighed(tmp_path, "entropy")
    result = card.weights.filter(pl.col("node") == "总")
    assert [round(item, 2) for item in result["weight"]] == [73.57, 18.30, 8.13]
    assert result["method"].unique().to_list() == ["entropy"]
    assert result["effective"].to_list() == result["weight"].to_list()
    expected = [sum(w * v for w, v in zip(result["weight"], row, strict=True)) / 100 for row in [(10, 20, 30)]]
    assert card.pillars.filter(pl.col("entity") == "A")["score"].to_list() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("by", "expected"),
    [("column_mean", [0.235, 0.089, 0.136, 0.247, 0.294]), ("eigenvector", [0.221, 0.089, 0.131, 0.298, 0.261])],
)
def test_the_way_to_ahp_weights_matters_where_judgements_contradict(tmp_path, by, expected):
    text = system_text(FIVE, scoring=PLAIN, pillars=judged(by, inconsistent="allow"))
    values = pl.DataFrame({"period": [2023], "entity": ["A"], **{name: [1.0] for name in FIVE}})
    result = scored(tmp_path, text, values).weights.filter(pl.col("node") == "总")
    assert [round(item / 100, 3) for item in result["weight"]] == expected
    assert result["consistency_ratio"][0] == pytest.approx(0.326 if by == "column_mean" else 0.331, abs=5e-4)


def test_contradicting_judgements_are_refused_unless_allowed():
    assert "K423" in problems(system_text(FIVE, scoring=PLAIN, pillars=judged("column_mean")))
    assert "K423" not in problems(system_text(FIVE, scoring=PLAIN, pillars=judged("column_mean", inconsistent="allow")))


@pytest.mark.parametrize(
    ("matrix", "code"),
    [
        ([[1, 2], ["1/2", 1]], "K421"),
        ([[1, 2, 3], [2, 1, 1], ["1/3", 1, 1]], "K421"),
        ([[1, 2, 3], ["1/2", 1]], "K113"),
        ([[1, "x", 3], ["1/2", 1, 1], ["1/3", 1, 1]], "K113"),
    ],
)
def test_matrices_that_are_no_judgements_are_refused(matrix, code):
    pillars = {"总": {"weights": {"method": "ahp", "by": "eigenvector", "matrix": matrix}, "parts": ["a", "b", "c"]}}
    assert code in problems(system_text(["a", "b", "c"], scoring=PLAIN, pillars=pillars))


def test_consistent_judgements_have_a_ratio_of_zero():
    for by in ("eigenvector", "column_mean"):
        item = Ahp(by=by, matrix=((1, "1/4", 2), (4, 1, 8), ("1/2", "1/8", 1)))
        assert [round(w, 4) for w in item.fixed(3)] == [0.1818, 0.7273, 0.0909]
        assert item.consistency == pytest.approx(0, abs=1e-12)


def test_numbers_and_a_method_at_once_are_refused():
    pillars = {"总": {"weights": {"method": "equal"}, "parts": {"a": 2, "b": 1}}}
    assert "K113" in problems(system_text(["a", "b"], scoring=PLAIN, pillars=pillars))


def test_values_of_pillars_are_refused():
    pillars = {"上": {"parts": ["下"], "weights": {"method": "entropy", "of": "values"}}, "下": {"parts": ["a"]}}
    assert "K422" in problems(system_text(["a"], scoring=PLAIN, pillars=pillars))


def test_a_part_named_twice_is_refused():
    assert "K113" in problems(system_text(["a"], scoring=PLAIN, pillars={"总": {"parts": ["a", "a"]}}))


def test_the_composite_may_find_the_weights_of_the_top_pillars(tmp_path):
    pillars = {"甲": {"parts": ["a"]}, "乙": {"parts": ["b", "c"]}}
    text = system_text(["a", "b", "c"], scoring=PLAIN, pillars=pillars, composite={"weights": {"method": "variation"}})
    result = scored(tmp_path, text, VALUES).weights
    assert result.filter(pl.col("node") == "composite")["weight"].sum() == pytest.approx(100)
    leaves = result.filter(pl.col("part").is_in(["a", "b", "c"]))
    assert leaves["effective"].sum() == pytest.approx(100)
    pillars["甲"]["weight"] = 1
    text = system_text(["a", "b", "c"], scoring=PLAIN, pillars=pillars, composite={"weights": {"method": "variation"}})
    assert "K410" in problems(text)


def test_weights_of_all_periods_together_are_the_same_in_each(tmp_path):
    later = VALUES.with_columns(period=pl.lit(2024), a=pl.col("a") * 3)
    values = pl.concat([VALUES.cast({"period": pl.Int32}), later])
    each = weighed(tmp_path, "variation", values).weights.filter(pl.col("node") == "总")
    whole = weighed(tmp_path, "variation", values, among="panel").weights.filter(pl.col("node") == "总")
    assert each["weight"].to_list()[:3] == pytest.approx(each["weight"].to_list()[3:])
    assert whole["weight"].to_list()[:3] == whole["weight"].to_list()[3:]
    assert whole["weight"][0] > each["weight"][0]


def test_negative_scores_leave_entropy_without_weights_and_say_so(tmp_path):
    card = weighed(tmp_path, "entropy", VALUES.with_columns(a=pl.col("a") - 11))
    assert card.pillars["score"].null_count() == 3
    assert set(card.pillars["status"]) == {"out_of_range"}
    assert card.weights.filter(pl.col("node") == "总")["weight"].null_count() == 3


METHODS = [numerics.entropy, numerics.variation, numerics.critic, numerics.principal]


@pytest.mark.parametrize("method", METHODS)
def test_a_constant_indicator_has_no_weight_and_all_constant_ones_the_same(method):
    varied, constant = pl.Series([1.0, 2.0, 4.0]), pl.Series([0.1, 0.1, 0.1])
    assert method([varied, constant]) == [1, 0]
    assert method([constant, constant * 3]) == [0.5, 0.5]


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[st.one_of(st.none(), st.integers(1, 1000))] * 3), min_size=4, max_size=9))
def test_weights_add_up_and_do_not_depend_on_the_unit_or_on_copies_of_all_entities(method, rows):
    columns = [pl.Series(column, dtype=pl.Float64) for column in zip(*rows, strict=True)]
    result = method(columns)
    if result is None or any(column.null_count() == len(column) for column in columns):
        return
    assert sum(result) == pytest.approx(1)
    assert all(item >= -1e-12 for item in result)
    assert method([column * 8 for column in columns]) == pytest.approx(result, abs=1e-7)


def test_copeland_never_holds_entities_by_entities_by_indicators():
    random = Random(4)
    columns = [pl.Series([random.random() for _ in range(1500)]) for _ in range(20)]
    tracemalloc.start()
    try:
        result = numerics.copeland(columns, [1 + place / 7 for place in range(20)])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # 1500 x 1500 x 20 small integers are 45 MB, a block of 128 x 1500 pairs with its sums 2 MB.
    assert peak < 12e6
    assert sum(result) == 0
