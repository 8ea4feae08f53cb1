"""Nodes of the tree: means and missing parts."""

from __future__ import annotations

import polars as pl
import pytest

from kpi.engine.stage import Stage
from kpi.language.aggregation.means import Power
from kpi.language.aggregation.missing import Missing
from kpi.language.aggregation.nodes import Combination, Pillar
from kpi.values.status import Status

PARTS = {"a": 3.0, "b": 1.0}


def score(mean, missing="redistribute", *, a=80.0, b=None, b_status="missing"):
    """Return the score of a pillar of two parts, one of which may be missing."""
    node = Pillar(parts=dict(PARTS), mean=mean, missing=Missing.model_validate({missing: {}}))
    frame = pl.LazyFrame(
        {"a.score": [a], "b.score": [b], "a.score.status": ["ok"], "b.score.status": [b_status if b is None else "ok"]},
        schema={"a.score": pl.Float64, "b.score": pl.Float64, "a.score.status": Status, "b.score.status": Status},
    )  # fmt: skip
    combination = Combination("n", node, PARTS, frozenset(PARTS))
    for level in (combination.totals(), combination.carrying(), combination.result()):
        frame = Stage.of("", "", level)(frame)
    return frame.collect()["n.score"].item()


@pytest.mark.parametrize("mean", ["arithmetic", "geometric", "harmonic", "minimum", Power(power=2.0)])
def test_a_missing_part_leaves_its_weight_to_the_others(mean):
    assert score(mean) == pytest.approx(80)


@pytest.mark.parametrize(
    ("mean", "expected"),
    [("arithmetic", 70), ("geometric", (80**3 * 40) ** 0.25), ("harmonic", 4 / (3 / 80 + 1 / 40)), ("minimum", 40)],
)
def test_means_are_weighted(mean, expected):
    assert score(mean, b=40.0) == pytest.approx(expected)


@pytest.mark.parametrize("mean", ["geometric", "harmonic"])
def test_one_part_at_zero_makes_the_mean_zero(mean):
    assert score(mean, b=0.0) == 0


@pytest.mark.parametrize(("policy", "expected"), [("zero", 60), ("fail", None), ("redistribute", 80), ("spread", 80)])
def test_policies_for_a_missing_part(policy, expected):
    assert score("arithmetic", policy) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("policy", ["zero", "fail", "redistribute", "spread"])
def test_a_part_that_does_not_apply_is_no_gap(policy):
    assert score("arithmetic", policy, b_status="not_applicable") == pytest.approx(80)
