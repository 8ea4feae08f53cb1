"""Every scoring kind by class of wrong answer: formulas, direction, constant columns, single entities, gaps, limits."""

from __future__ import annotations

import inspect

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring_sample import problems, scored, system_text

from kpi.language.aggregation.methods import METHODS
from kpi.language.ranking import Ranking
from kpi.language.scoring import KINDS, Case
from kpi.language.scoring.places import Borda, Percentile, RankScore
from kpi.language.scoring.relative import DistanceToBest, DistanceToTarget, Efficacy, MinMax, ZScore
from kpi.language.scoring.standards import GradeEfficacy, Interval
from kpi.language.stars.data_driven import SCHEMES
from kpi.language.treatment.steps import STEPS

X = pl.col("x")


def run(rule, values, *, better="higher", target=None):
    frame = pl.DataFrame({"x": values}, schema={"x": pl.Float64})
    goal = None if target is None else pl.lit(float(target))
    answer = rule.score(Case.plain(X, better=better, target=goal))
    return frame.select(s=rule.finish(answer)).to_series().to_list()


# Everything equal, and one alone: what the docstring of each kind promises.
CONSTANT = [
    (Efficacy(), 100, 100),
    (MinMax(), 50, 50),
    (MinMax(constant=0), 0, 0),
    (ZScore(), 50, 50),
    (DistanceToBest(), 100, 100),
    (DistanceToBest(by="range"), 100, 100),
    (Percentile(), 50, 100),
    (RankScore(), 100, 100),
    (Borda(), 0, 0),
    (Interval(within=(1.0, 9.0)), 100, 100),
    (Interval(within=(8.0, 9.0)), 0, 0),
    (GradeEfficacy(standards={100: 9.0, 50: 5.0}), 50, 50),
]


@pytest.mark.parametrize(("rule", "equal", "single"), CONSTANT, ids=lambda item: getattr(item, "kind", str(item)))
@pytest.mark.parametrize("better", ["higher", "lower"])
def test_equal_values_and_a_single_one(rule, equal, single, better):
    if rule.kind == "grade_efficacy" and better == "lower":
        rule = GradeEfficacy(standards={100: 1.0, 50: 5.0})
    assert run(rule, [5.0] * 4, better=better) == [equal] * 4
    assert run(rule, [5.0], better=better) == [single]


def test_equal_values_with_binary_noise_in_their_mean_have_no_z_score():
    assert run(ZScore(), [0.1] * 3) == [50.0] * 3


@pytest.mark.parametrize(("target", "expected"), [(4, 100), (6, 0)])
def test_distance_to_target_of_equal_values(target, expected):
    assert run(DistanceToTarget(), [5.0] * 3, target=target) == [expected] * 3


def test_distance_to_target_mirrors():
    assert run(DistanceToTarget(), [10.0, 6.0, 2.0], better="lower", target=2) == [0, 50, 100]


def test_distance_to_best_lower_is_better():
    assert run(DistanceToBest(), [2.0, 4.0, 8.0], better="lower") == [100, 50, 25]
    assert run(DistanceToBest(), [0.0, 4.0], better="lower") == [100, 0]


def test_distance_to_a_best_of_zero_or_less_has_no_ratio(tmp_path):
    text = system_text(["a"], scoring={"kind": "distance_to_best"})
    card = scored(tmp_path, text, pl.DataFrame({"period": [2023] * 2, "entity": ["A", "B"], "a": [-4.0, -2.0]}))
    assert card.indicators["score_status"].to_list() == ["out_of_range", "ok"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=12), st.sampled_from(["higher", "lower"]))
def test_places_and_positions_agree_with_plain_python(values, better):
    sign = 1 if better == "higher" else -1
    numbers = [float(v) for v in values]
    worse = [sum(sign * w < sign * v for w in numbers) for v in numbers]
    equal = [sum(w == v for w in numbers) for v in numbers]
    n = len(numbers)
    assert run(Borda(), numbers, better=better) == worse
    assert run(Borda(ties="max"), numbers, better=better) == [w + e - 1 for w, e in zip(worse, equal, strict=True)]
    if n > 1:
        expected = [100 * (w + (e - 1) / 2) / (n - 1) for w, e in zip(worse, equal, strict=True)]
        assert run(Percentile(), numbers, better=better) == pytest.approx(expected, abs=1e-12)
    best, worst = (max, min) if better == "higher" else (min, max)
    if max(numbers) > min(numbers):
        spread = best(numbers) - worst(numbers)
        expected = [1 + 99 * (v - worst(numbers)) / spread for v in numbers]
        assert run(MinMax(scale=(1.0, 100.0)), numbers, better=better) == pytest.approx(expected, abs=1e-10)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-50, 50), min_size=2, max_size=9), st.floats(0.5, 8), st.floats(-20, 20))
def test_scores_relative_to_peers_do_not_change_with_the_unit(values, factor, shift):
    if max(values) - min(values) < 1e-3:
        return
    for rule in (MinMax(), ZScore(), Efficacy(), Interval(within=(-5.0, 5.0))):
        moved = rule
        if isinstance(rule, Interval):
            moved = Interval(within=(-5.0 * factor + shift, 5.0 * factor + shift))
        ours = run(moved, [v * factor + shift for v in values])
        assert ours == pytest.approx(run(rule, values), abs=1e-6)


def test_gaps_are_no_peers():
    assert run(MinMax(), [1.0, None, 3.0]) == [0, None, 100]
    assert run(Percentile(), [1.0, None, 3.0]) == [0, None, 100]
    assert run(Borda(), [1.0, None, 3.0]) == [0, None, 1]


def test_grade_efficacy_moves_between_grades_and_knows_direction():
    rule = GradeEfficacy(standards={100: 2.0, 80: 4.0, 60: 8.0})
    assert run(rule, [1.0, 2.0, 3.0, 6.0, 8.0, 8.1], better="lower") == pytest.approx([100, 100, 90, 70, 60, 0])


def test_interval_without_limits_falls_by_one_slope_on_both_sides():
    assert run(Interval(within=(3.0, 6.0)), [1.0, 4.0, 10.0]) == [50, 100, 0]


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"kind": "interval", "within": [3, 6], "limits": [4, 8]}, "K414"),
        ({"kind": "interval", "within": [3]}, "K113"),
        ({"kind": "grade_efficacy", "standards": {100: 5, 80: 6}}, "K413"),
        ({"kind": "minmax", "scale": [100, 0]}, "K113"),
        ({"kind": "efficacy", "base": 0}, "K113"),
    ],
)
def test_rules_that_contradict_themselves_are_refused(rule, code):
    assert code in problems(system_text(["a"], scoring=rule))


def test_peers_of_all_periods(tmp_path):
    figures = pl.DataFrame({"period": [2022, 2022, 2023, 2023], "entity": ["甲", "乙"] * 2, "a": [0.0, 5.0, 5.0, 10.0]})
    card = scored(tmp_path, system_text(["a"], scoring={"kind": "minmax", "among": "panel"}), figures)
    assert card.indicators.sort("period", "value")["score"].to_list() == [0, 50, 50, 100]
    card = scored(tmp_path, system_text(["a"], scoring={"kind": "minmax"}), figures)
    assert card.indicators.sort("period", "value")["score"].to_list() == [0, 100, 0, 100]


@pytest.mark.parametrize("kind", [*KINDS, *METHODS, *STEPS, *SCHEMES, Ranking], ids=lambda kind: kind.__name__)
def test_every_kind_has_its_formula_its_source_and_an_example(kind):
    text = inspect.getdoc(kind)
    assert "`" in text
    assert "Source:" in text
    assert ">>>" in text
