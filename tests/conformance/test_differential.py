"""Our weights and closeness against other libraries, on complete positive data: pymcdm, objective-weighting, AHPy."""

from __future__ import annotations

import importlib
from itertools import combinations

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi.engine.stage import Stage
from kpi.language.aggregation.means import Topsis
from kpi.language.aggregation.nodes import Combination, Pillar
from kpi.language.aggregation.weights import Ahp
from kpi.language.loading.loader import examine_text
from kpi.values import numerics
from kpi.values.status import Status

ROWS = st.integers(3, 5).flatmap(
    lambda wide: st.lists(
        st.tuples(*[st.floats(1, 100, allow_subnormal=False).map(lambda x: round(x, 6))] * wide), min_size=4, max_size=9
    )
)


def library(name):
    return pytest.importorskip(name, reason=f"{name} is not installed")


def varied(rows):
    # Other libraries divide by zero where a column is constant; what we do there is tested elsewhere.
    return all(max(column) - min(column) > 1e-2 for column in zip(*rows, strict=True))


def series(rows):
    return [pl.Series(column, dtype=pl.Float64) for column in zip(*rows, strict=True)]


@settings(max_examples=20, deadline=None)
@given(ROWS)
def test_weights(rows):
    if not varied(rows):
        return
    numpy, pymcdm = library("numpy"), library("pymcdm.weights")
    objective = library("objective_weighting.weighting_methods")
    table = numpy.array(rows)
    assert numerics.entropy(series(rows)) == pytest.approx(list(pymcdm.entropy_weights(table)), abs=1e-12)
    assert numerics.entropy(series(rows)) == pytest.approx(list(objective.entropy_weighting(table)), abs=1e-12)
    assert numerics.critic(series(rows)) == pytest.approx(list(objective.critic_weighting(table)), abs=1e-12)
    assert numerics.critic(series(rows)) == pytest.approx(list(pymcdm.critic_weights(table)), abs=1e-12)
    assert numerics.variation(series(rows)) == pytest.approx(list(objective.coeff_var_weighting(table)), abs=1e-12)


@pytest.mark.filterwarnings("ignore:Alternatives with indices")
@pytest.mark.parametrize("normalisation", ["vector", "minmax"])
@settings(max_examples=12, deadline=None)
@given(ROWS, st.data())
def test_topsis(normalisation, rows, data):
    if not varied(rows):
        return
    numpy, methods = library("numpy"), library("pymcdm.methods")
    names = [f"p{i}" for i in range(len(rows[0]))]
    weights = data.draw(st.tuples(*[st.integers(1, 9)] * len(names)))
    parts = dict(zip(names, map(float, weights), strict=True))
    frame = pl.LazyFrame(
        {f"{name}.score": column for name, column in zip(names, series(rows), strict=True)}
    ).with_columns(
        pl.lit(0).alias("period"),
        pl.lit("").alias("cohort"),
        *[pl.lit("ok", dtype=Status).alias(f"{name}.score.status") for name in names],
    )
    node = Combination("n", Pillar(parts=dict(parts), mean=Topsis(topsis=normalisation)), parts, frozenset(names))
    for level in (node.totals(), node.carrying(), node.result()):
        frame = Stage.of("", "", level)(frame)
    function = getattr(importlib.import_module("pymcdm.normalizations"), f"{normalisation}_normalization")
    theirs = methods.TOPSIS(function)(numpy.array(rows), numpy.array(weights) / sum(weights), numpy.ones(len(names)))
    assert frame.collect()["n.score"].to_list() == pytest.approx([100 * item for item in theirs], abs=1e-12)


JUDGED = st.tuples(*[st.sampled_from([1 / 5, 1 / 3, 1 / 2, 1.0, 2.0, 3.0, 5.0])] * 6)


@settings(max_examples=12, deadline=None)
@given(JUDGED)
def test_judgements(upper):
    ahpy = library("ahpy")
    given = dict(zip(combinations("abcd", 2), upper, strict=True))
    matrix = tuple(
        tuple(1.0 if i == j else given.get((i, j)) or 1 / given[j, i] for j in "abcd") for i in "abcd"
    )  # fmt: skip
    theirs = ahpy.Compare("judged", given, precision=15, tolerance=1e-14, iterations=1000).target_weights
    ours = dict(zip("abcd", Ahp(by="eigenvector", matrix=matrix).fixed(4), strict=True))
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_what_is_compared_with_the_libraries_is_what_a_definition_gives():
    document = {
        "system": "bench",
        "period": "year",
        "entities": {},
        "measures": {"m": {"unit": "1"}},
        "indicators": {"a": {"kind": "level", "of": "m"}},
        "pillars": {"p": {"parts": ["a"], "mean": {"topsis": "minmax"}, "weights": {"method": "critic"}}},
        "scoring": {"kind": "minmax"},
    }
    system = examine_text(yaml.safe_dump(document)).system
    assert system is not None
    assert system.pillars["p"].mean == Topsis(topsis="minmax")
    assert system.pillars["p"].method == "critic"
