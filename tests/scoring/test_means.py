"""Every mean and every policy by class of wrong answer: zeros, negatives, ties, one entity, nothing at all."""

from __future__ import annotations

import itertools
import math

import polars as pl
import pytest
import yaml
from scoring_sample import scored

PLAIN = {"kind": "piecewise", "floor": None, "knots": [[-1e6, -1e6], [1e6, 1e6]]}
MEANS = [
    "arithmetic", "geometric", "harmonic", "minimum", "mazziotta_pareto", "topsis", "copeland",
    {"power": 2}, {"power": -2}, {"power": 0.5}, {"topsis": "minmax"}, {"topsis": "none"},
    {"mazziotta_pareto": "plus"}, {"owa": 2}, {"owa": 0.5}, "grey_relational", {"grey_relational": 0.2}, "vikor",
    {"vikor": 0}, "rank_sum_ratio", {"rank_sum_ratio": "interpolated"},
]  # fmt: skip
POLICIES = [
    "redistribute", {"redistribute": {"at_least": 60}}, "spread", "zero", "fail", "cohort_mean",
    {"penalty": {"points": 3}},
]  # fmt: skip


def nodes(folder, rows, several):
    """Return score and status by entity for several nodes, each over the same scores: a row for each entity."""
    parts = [f"p{place}" for place in range(len(rows[0]))]
    document = {
        "system": "bench",
        "period": "year",
        "entities": {"title": "单位"},
        "measures": {f"m_{name}": {"unit": "1", "over_time": "last"} for name in [*parts, "there"]},
        "indicators": {
            f"{name}_{number}": {"kind": "level", "of": f"m_{name}"} for name in parts for number in range(len(several))
        },
        "scoring": PLAIN,
        "pillars": {
            f"n{number}": {"weight": 1, "parts": [f"{name}_{number}" for name in parts], **item}
            for number, item in enumerate(several)
        },
    }
    columns = {name: [row[place] for row in rows] for place, name in enumerate(parts)}
    figures = pl.DataFrame(
        {"period": 2023, "entity": [f"E{number}" for number in range(len(rows))], "there": 1.0, **columns},
        schema_overrides=dict.fromkeys(parts, pl.Float64),
    )
    result = scored(folder, yaml.safe_dump(document, allow_unicode=True), figures).pillars.sort("entity")
    reports = (result.filter(pl.col("pillar") == f"n{number}") for number in range(len(several)))
    return [(item["score"].to_list(), item["status"].to_list()) for item in reports]


@pytest.mark.parametrize(
    ("mean", "rows", "expected"),
    [
        ("geometric", [(0, 50), (-5, 50), (50, 50)], [0, 0, 50]),
        ("harmonic", [(0, 50), (-5, 50), (25, 100)], [0, 0, 40]),
        ({"power": 2}, [(0, 50), (-3, -3), (-3, 50)], [math.sqrt(1250), 0, math.sqrt(1250)]),
        ({"power": 0.5}, [(-4, 100), (0, 0)], [25, 0]),
        ({"power": -1}, [(0, 50), (-5, 50), (25, 100)], [0, 0, 40]),
        ("mazziotta_pareto", [(50, 50), (40, 60), (-5, -5), (0, 0)], [50, 48, None, None]),
        ("minimum", [(-5, 50), (0, 0)], [-5, 0]),
        ("arithmetic", [(-5, 55)], [25]),
    ],
)
def test_zeros_and_negatives(tmp_path, mean, rows, expected):
    [(result, statuses)] = nodes(tmp_path, rows, [{"mean": mean}])
    assert result == [None if item is None else pytest.approx(item) for item in expected]
    assert statuses == ["out_of_range" if item is None else "ok" for item in expected]


def test_a_zero_without_weight_does_not_make_the_mean_zero(tmp_path):
    # Entropy gives a part in which all are equal no weight, here one in which all have nothing.
    weights = {"method": "entropy"}
    means = ["geometric", "harmonic", {"power": -2}]
    for result, _ in nodes(
        tmp_path, [(0, 20), (0, 40), (0, 60)], [{"mean": item, "weights": weights} for item in means]
    ):
        assert result == pytest.approx([20, 40, 60])


def of_equals(mean, number):
    """Return what each of some equal entities with scores of 40 has."""
    named = mean if isinstance(mean, str) else next(iter(mean))
    middle = 50 * (number + 1) / number
    return {"topsis": 50, "copeland": 50, "vikor": 50, "grey_relational": 100, "rank_sum_ratio": middle}.get(named, 40)


@pytest.mark.parametrize("rows", [[(40, 40)] * 3, [(40, 40)]])
def test_equal_parts_and_a_single_entity(tmp_path, rows):
    for mean, (result, statuses) in zip(MEANS, nodes(tmp_path, rows, [{"mean": item} for item in MEANS]), strict=True):
        assert result == pytest.approx([of_equals(mean, len(rows))] * len(rows)), mean
        assert set(statuses) == {"ok"}, mean


def test_ties_and_order(tmp_path):
    for result, _ in nodes(tmp_path, [(80, 80), (60, 60), (60, 60), (20, 20)], [{"mean": item} for item in MEANS]):
        assert result[0] > result[1] == result[2] > result[3]


def test_who_has_nothing_has_no_score_and_no_part_in_that_of_others(tmp_path):
    cases = [{"mean": mean, "missing": policy} for mean, policy in itertools.product(MEANS, POLICIES)]
    rows = [(80, 60), (None, None), (20, 40), (50, None)]
    (tmp_path / "without").mkdir()
    without = nodes(tmp_path / "without", [row for row in rows if row != (None, None)], cases)
    for case, (result, statuses), (others, _) in zip(cases, nodes(tmp_path, rows, cases), without, strict=True):
        policy = case["missing"]
        named = policy if isinstance(policy, str) else next(iter(policy))
        assert statuses[0] == statuses[2] == "ok", case
        assert all(item is None or math.isfinite(item) for item in result), case
        if named == "fail" or policy == POLICIES[1]:
            assert (result[3], statuses[3]) == (None, "incomplete"), case
        if named in ("redistribute", "spread", "fail"):
            assert (result[1], statuses[1]) == (None, "missing"), case
            assert others == [result[0], *result[2:]], case
