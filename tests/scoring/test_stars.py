"""Stars with cut points from the scores, guardrails, halves, and limits of what may move."""

from __future__ import annotations

from itertools import combinations, pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring_sample import problems, scored, system_text

from kpi.language.loading.loader import examine_text
from kpi.language.stars import cutpoints

IDENTITY = {"kind": "goalposts", "low": 0, "high": 100}
FIVE = {5: 90, 4: 70, 3: 30, 2: 10, 1: 0}


def stars(folder, scheme, periods, **more):
    """Return the stars by period of entities whose scores are given by period."""
    rows = [
        {"period": 2020 + place, "entity": f"E{number:02}", "a": score}
        for place, scores in enumerate(periods)
        for number, score in enumerate(scores)
    ]
    text = system_text(["a"], scoring=IDENTITY, pillars={"全": {"parts": ["a"]}}, stars=scheme, **more)
    card = scored(folder, text, pl.DataFrame(rows, schema_overrides={"a": pl.Float64}))
    result = card.totals.sort("period", "entity")["stars"].to_list()
    return [result[start : start + len(periods[0])] for start in range(0, len(result), len(periods[0]))]


def squares(group):
    mean = sum(group) / len(group)
    return sum((item - mean) ** 2 for item in group)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=10), st.integers(2, 4))
def test_breaks_are_the_best_of_all_ways_to_cut(values, number):
    ordered = sorted(values)
    distinct = sorted(set(values))
    starts = cutpoints.breaks(pl.Series("s", values, dtype=pl.Float64), number)
    assert len(starts) == min(number, len(distinct)) - 1

    def cost(cuts):
        bounds = [float("-inf"), *cuts, float("inf")]
        groups = [[v for v in ordered if a <= v < b] for a, b in pairwise(bounds)]
        return sum(squares(group) for group in groups)

    best = min(cost(cuts) for cuts in combinations(distinct[1:], len(starts)))
    assert cost(starts) == pytest.approx(best, abs=1e-6)


def test_quantiles_and_the_side_of_a_score_on_a_cut(tmp_path):
    scores = [[10, 20, 30, 40, 50]]
    percentiles = {3: 75, 2: 25, 1: 0}
    scheme = {"kind": "quantiles", "percentiles": percentiles}
    assert stars(tmp_path, scheme, scores) == [[1, 2, 2, 3, 3]]
    assert stars(tmp_path, scheme | {"inclusive": "upper"}, scores) == [[1, 1, 2, 2, 3]]


@pytest.mark.parametrize("scheme", [{"kind": "quantiles", "percentiles": FIVE}, {"kind": "breaks"}])
def test_equal_scores_and_a_single_one_have_the_highest_level(tmp_path, scheme):
    assert stars(tmp_path, scheme, [[50, 50, 50]]) == [[5, 5, 5]]
    assert stars(tmp_path, scheme, [[50]]) == [[5]]


def test_breaks_with_the_upper_bound_inclusive_give_the_same_clusters(tmp_path):
    scores = [[10, 11, 50, 52, 90]]
    for inclusive in ("lower", "upper"):
        scheme = {"kind": "breaks", "levels": [1, 3, 5], "inclusive": inclusive}
        assert stars(tmp_path, scheme, scores) == [[1, 1, 3, 3, 5]]


def test_a_guardrail_holds_the_cut_points_near_those_of_the_period_before(tmp_path):
    periods = [[0, 50, 100], [0, 80, 100], [0, 80, 100]]
    scheme = {"kind": "quantiles", "percentiles": {2: 50, 1: 0}}
    assert stars(tmp_path, scheme, [[0, 50, 100], [0, 54, 100]]) == [[1, 2, 2], [1, 2, 2]]
    # Without a guardrail the cut follows the median to 20; with it 45, then 40, and 44 is one star, then two.
    falling = [[0, 50, 100], [0, 20, 44], [0, 20, 44]]
    assert stars(tmp_path, scheme, falling) == [[1, 2, 2], [1, 2, 2], [1, 2, 2]]
    assert stars(tmp_path, scheme | {"guardrail": 5}, falling) == [[1, 2, 2], [1, 1, 1], [1, 1, 2]]
    assert stars(tmp_path, scheme | {"guardrail": 5}, periods)[1] == [1, 2, 2]


def test_half_stars(tmp_path):
    scheme = {"kind": "bands", "cuts": {3: 80, 2: 60, 1: 0}, "half": True}
    assert stars(tmp_path, scheme, [[0, 30, 60, 69.99, 70, 80, 100]]) == [[1, 1.5, 2, 2, 2.5, 3, 3]]
    assert stars(tmp_path, {"kind": "breaks", "levels": [1, 2, 3], "half": True}, [[10, 50, 62, 76, 100]]) == [
        [1, 2, 2, 2.5, 3]
    ]


def test_moves_limit_what_stars_do_from_one_period_to_the_next(tmp_path):
    scheme = {"kind": "bands", "cuts": {3: 90, 2: 60, 1: 0}}
    periods = [[0, 95], [95, 0], [95, 0], [0, None], [95, 0]]
    plain = [[1, 3], [3, 1], [3, 1], [1, None], [3, 1]]
    assert stars(tmp_path, scheme, periods) == plain
    assert stars(tmp_path, scheme | {"moves": {"up": 1}}, periods) == [[1, 3], [2, 1], [3, 1], [1, None], [2, 1]]
    assert stars(tmp_path, scheme | {"moves": {"down": 1}}, periods) == [[1, 3], [3, 2], [3, 1], [2, None], [3, 1]]
    assert stars(tmp_path, scheme | {"moves": {"down": 0}}, periods) == [[1, 3], [3, 3], [3, 3], [3, None], [3, 3]]


def test_floors_caps_and_the_least_number_of_indicators(tmp_path):
    scheme = {"kind": "bands", "cuts": {5: 90, 1: 50}}
    assert stars(tmp_path, scheme | {"floor": 1, "cap": 4}, [[10, 60, 95]]) == [[1, 1, 4]]
    assert stars(tmp_path, scheme | {"min_indicators": 2}, [[10, 60]]) == [[None, None]]


def test_levels_by_period_do_not_depend_on_other_cohorts_or_the_order_of_rows(tmp_path):
    scheme = {"kind": "breaks", "levels": [1, 2, 3], "guardrail": 2}
    item = stars(tmp_path, scheme, [[10, 50, 90], [12, 80, 85]])
    turned = stars(tmp_path, scheme, [[90, 50, 10], [85, 80, 12]])
    assert [list(reversed(period)) for period in turned] == item


@pytest.mark.parametrize(
    ("scheme", "code"),
    [
        ({"kind": "quantiles", "percentiles": {5: 10, 4: 20}}, "K415"),
        ({"kind": "quantiles", "percentiles": {5: 120, 4: 20}}, "K415"),
        ({"kind": "quantiles", "percentiles": {5: 90}}, "K113"),
        ({"kind": "lit", "half": True}, "K110"),
    ],
)
def test_schemes_that_contradict_themselves_are_refused(scheme, code):
    assert code in problems(system_text(["a"], scoring=IDENTITY, stars=scheme))


SCHEMES = [
    {"kind": "bands"}, {"kind": "quota", "shares": {5: 10, 3: 60, 1: 30}}, {"kind": "lit", "cut": 60},
    {"kind": "ladder", "rungs": {1: {"score": 10}, 2: {"score": 50, "pillars": 60}}},
    {"kind": "quantiles", "percentiles": FIVE}, {"kind": "breaks"}, {"kind": "breaks", "guardrail": 5, "half": True},
]  # fmt: skip


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda item: item["kind"])
def test_ties_share_a_level_and_better_scores_have_no_lower_one(tmp_path, scheme):
    for shift in ({}, {"inclusive": "upper"} if scheme["kind"] in ("quantiles", "breaks") else {}):
        [result] = stars(tmp_path, scheme | shift, [[5, 40, 40, 75, 75, 100]])
        assert result == sorted(result)
        assert result[1] == result[2]
        assert result[3] == result[4]


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda item: item["kind"])
def test_who_has_no_score_has_no_star_and_takes_none_from_others(tmp_path, scheme):
    with_gap = stars(tmp_path, scheme, [[5, 40, 75, 100, 60], [None, 40, 75, 100, 60]])
    assert with_gap[1][0] is None
    assert with_gap[1][1:] == stars(tmp_path, scheme, [[5, 40, 75, 100, 60], [40, 75, 100, 60, None]])[1][:4]
    assert stars(tmp_path, scheme, [[50, 50], [None, 50]])[1][0] is None


def test_named_moves_are_the_limits_they_name():
    def moved(moves):
        loaded = examine_text(system_text(["a"], scoring=IDENTITY, stars={"kind": "bands", "moves": moves}))
        assert loaded.system is not None, loaded.findings
        return loaded.system.stars

    assert moved("hold_harmless") == moved({"down": 0})
    assert moved("one_rung") == moved({"up": 1})
    assert moved("hold_harmless").in_full({}).endswith("no level down")
    assert "K11" in problems(system_text(["a"], stars={"kind": "bands", "moves": "sideways"}))[0]


def test_what_limits_stars_is_said():
    scheme = {"kind": "quantiles", "percentiles": FIVE, "half": True, "guardrail": 5, "floor": 1, "cap": 4}
    text = system_text(["a"], scoring=IDENTITY, stars=scheme | {"min_indicators": 3, "moves": {"up": 1, "down": 2}})
    loaded = examine_text(text)
    assert loaded.system is not None
    for part in (
        "half a star",
        "move at most 5 points",
        "fewer than 3 scored",
        "at least 1 star",
        "at most 4 stars",
        "at most one level up",
        "at most 2 levels down",
    ):
        assert part in loaded.system.stars.in_full({})
