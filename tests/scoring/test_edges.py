"""Every scoring rule at its edges, from YAML: equal values, one entity, nothing, ties, targets of zero or less."""

from __future__ import annotations

import math

import polars as pl
import pytest
import yaml
from scoring_sample import scored

from kpi.language.model import kind_of
from kpi.language.scoring.by_class import SINGLE

#: Each rule as it is written, and what it makes of equal values (5 5 5) and of a single one, 5, with a target of 5.
RULES = {
    "completion": ({}, 100, 100),
    "benchmark": ({"benchmark": 5}, 100, 100),
    "pass": ({}, 100, 100),
    "deduction": ({"points": 10}, 100, 100),
    "step": ({"points": 10}, 80, 80),
    "bands": ({"cuts": {50: 5}}, 50, 50),
    "piecewise": ({"knots": [[0, 0], [10, 100]]}, 50, 50),
    "goalposts": ({"low": 0, "high": 10}, 50, 50),
    "efficacy": ({}, 100, 100),
    "grade_efficacy": ({"standards": {100: 10, 50: 0}}, 75, 75),
    "interval": ({"within": [4, 6]}, 100, 100),
    "minmax": ({}, 50, 50),
    "zscore": ({}, 50, 50),
    "distance_to_target": ({}, 100, 100),
    "distance_to_best": ({}, 100, 100),
    "reference": ({"unit": "E00", "by": "range"}, 100, 100),
    "percentile": ({}, 50, 100),
    "rank": ({}, 100, 100),
    "borda": ({}, 0, 0),
}
TARGETED = ("completion", "pass", "deduction", "step", "distance_to_target")


def written(kind, better, **more):
    """Return a rule that makes sense in a direction."""
    rule = {"kind": kind} | RULES[kind][0] | more
    if kind == "grade_efficacy" and better == "lower":
        rule["standards"] = {100: 0, 50: 10}
    if kind == "piecewise" and better == "lower":
        rule["knots"] = [[low, high] for (low, _), (_, high) in zip(rule["knots"], rule["knots"][::-1], strict=True)]
    return rule


def run(folder, values, rules, target=5):
    """Return score and status by name of several rules, {name: (rule, better)}, over the same values in order."""
    document = {
        "system": "bench",
        "period": "year",
        "entities": {"title": "单位"},
        "measures": {"m_x": {"unit": "1", "over_time": "last"}, "m_there": {"unit": "1", "over_time": "last"}},
        "indicators": {
            name: {
                "kind": "level",
                "of": "m_x",
                "better": better,
                "target": {"at_least" if better == "higher" else "at_most": target},
                "score": rule,
            }
            for name, (rule, better) in rules.items()
        },
    }
    figures = pl.DataFrame(
        {"period": 2023, "entity": [f"E{number:02}" for number in range(len(values))], "there": 1.0, "x": values},
        schema_overrides={"x": pl.Float64},
    )
    result = scored(folder, yaml.safe_dump(document, allow_unicode=True), figures).indicators.sort("entity")
    reports = {name: result.filter(pl.col("indicator") == name) for name in rules}
    return {name: (item["score"].to_list(), item["score_status"].to_list()) for name, item in reports.items()}


def every(**more):
    return {
        f"{kind}_{better}": (written(kind, better, **more), better) for kind in RULES for better in ("higher", "lower")
    }


def test_every_rule_is_tried():
    assert list(RULES) == [kind_of(item) for item in SINGLE]


@pytest.mark.parametrize(("number", "place"), [(3, 1), (1, 2)])
def test_equal_values_and_one_entity(tmp_path, number, place):
    for name, (result, statuses) in run(tmp_path, [5.0] * number, every()).items():
        assert result == [RULES[name.rpartition("_")[0]][place]] * number, name
        assert set(statuses) == {"ok"}, name


def test_nothing_at_all_is_missing_and_makes_nobody_a_peer(tmp_path):
    for name, (result, statuses) in run(tmp_path, [None, None], every()).items():
        assert (result, statuses) == ([None, None], ["missing", "missing"]), name
    (tmp_path / "without").mkdir()
    without = run(tmp_path / "without", [2.0, 5.0, 7.0], every())
    for name, (result, _) in run(tmp_path, [2.0, None, 5.0, 7.0], every()).items():
        assert [result[0], *result[2:]] == without[name][0], name
        assert result[1] is None, name


def test_equal_values_score_the_same_and_better_ones_no_less(tmp_path):
    for name, (result, statuses) in run(tmp_path, [1.0, 4.0, 4.0, 6.0, 9.0], every()).items():
        assert result[1] == result[2], name
        assert set(statuses) == {"ok"}, name
        if not name.startswith("interval"):
            assert result == sorted(result, reverse=name.endswith("lower")), name


def test_every_rule_is_clipped_to_floor_and_cap(tmp_path):
    free = run(tmp_path, [-30.0, 1.0, 5.0, 9.0, 40.0], every(floor=None, cap=None))
    for name, (result, _) in run(tmp_path, [-30.0, 1.0, 5.0, 9.0, 40.0], every(floor=40, cap=60)).items():
        expected = [None if item is None else min(max(item, 40), 60) for item in free[name][0]]
        assert result == pytest.approx(expected), name


SCALED = {
    "minmax": {"scale": [1, 10]}, "percentile": {"scale": [1, 10]}, "goalposts": {"scale": [1, 10]},
    "distance_to_target": {"scale": [1, 10]}, "distance_to_best": {"scale": [1, 10], "by": "range"},
    "efficacy": {"base": 1, "span": 9}, "rank": {"first": 10, "step": 4.5}, "zscore": {"mean": 5.5, "sd": 4.5},
    "borda": {"points": 5}, "piecewise": {"knots": [[0, 1], [10, 10]]},
}  # fmt: skip


def test_every_normaliser_has_an_output_range_in_both_directions(tmp_path):
    rules = {
        f"{kind}_{better}": (written(kind, better, **scale), better)
        for kind, scale in SCALED.items()
        for better in ("higher", "lower")
    }
    for name, (result, _) in run(tmp_path, [0.0, 5.0, 10.0], rules, target=5).items():
        kind = name.rpartition("_")[0]
        low, high = {"borda": (0, 10), "distance_to_target": (1, 19)}.get(kind, (1, 10))
        expected = [low, (low + high) / 2, high]
        assert result == pytest.approx(expected[::-1] if name.endswith("lower") else expected), name


ZERO = {
    # kind: {(target, direction): scores of -50, 0 and 50}
    "completion": {
        (0, "higher"): [0, 100, 100], (0, "lower"): [100, 100, 0],
        (-100, "higher"): [150, 200, 250], (-100, "lower"): [50, 0, 0],
    },
    "pass": {
        (0, "higher"): [0, 100, 100], (0, "lower"): [100, 100, 0],
        (-100, "higher"): [100, 100, 100], (-100, "lower"): [0, 0, 0],
    },
    "deduction": {
        (0, "higher"): [50, 100, 100], (0, "lower"): [100, 100, 50],
        (-100, "higher"): [100, 100, 100], (-100, "lower"): [50, 0, 0],
    },
    "step": {
        (0, "higher"): [30, 80, 130], (0, "lower"): [130, 80, 30],
        (-100, "higher"): [130, 180, 230], (-100, "lower"): [30, 0, 0],
    },
    "distance_to_target": {
        (0, "higher"): [0, 100, 200], (0, "lower"): [200, 100, 0],
        (-100, "higher"): [100, 100, 100], (-100, "lower"): [200 / 3, 100 / 3, 0],
    },
}  # fmt: skip


@pytest.mark.parametrize("target", [0, -100])
def test_zero_and_negative_targets(tmp_path, target):
    sizes = {"deduction": {"points": 1}, "step": {"points": 1}}
    rules = {
        f"{kind}_{better}": (written(kind, better, cap=None, **sizes.get(kind, {})), better)
        for kind in TARGETED
        for better in ("higher", "lower")
    }
    for name, (result, statuses) in run(tmp_path, [-50.0, 0.0, 50.0], rules, target=target).items():
        kind, _, better = name.rpartition("_")
        assert result == pytest.approx(ZERO[kind][target, better]), name
        assert set(statuses) == {"ok"}, name


def test_a_benchmark_of_zero_has_no_percent(tmp_path):
    rules = {"x": ({"kind": "benchmark", "benchmark": 0}, "higher")}
    assert run(tmp_path, [1.0], rules)["x"] == ([None], ["zero_target"])


@pytest.mark.parametrize("cap", [100, 150, None])
def test_nothing_left_of_what_should_shrink_is_full_marks_and_never_infinite(tmp_path, cap):
    rules = {
        "completion": ({"kind": "completion", "cap": cap}, "lower"),
        "benchmark": ({"kind": "benchmark", "benchmark": 5, "cap": cap}, "lower"),
        "distance_to_best": ({"kind": "distance_to_best", "cap": cap}, "lower"),
    }
    result = run(tmp_path, [0.0, 2.5, 10.0], rules)
    full = 100 if cap is None else cap
    for name in ("completion", "benchmark"):
        assert result[name][0] == [full, min(200, cap or 200), 50], name
    assert result["distance_to_best"][0] == [100, 0, 0]
    assert all(math.isfinite(item) for scores, _ in result.values() for item in scores)
