"""Means, weights and clusters against other libraries: pymcdm, scipy, scikit-learn, and what COINr finds."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi.language.aggregation.column_means import GreyRelational, Owa, RankSumRatio, Vikor
from kpi.language.stars import clusters, cutpoints
from kpi.language.stars.data_driven import Breaks, KMeans, Probits
from kpi.language.treatment.estimates import from_neighbours
from kpi.values import linear
from kpi.values.frontier import best_weights

COINR = Path(__file__).parents[1] / "data" / "coinr"

ROWS = st.integers(2, 5).flatmap(
    lambda wide: st.lists(
        st.tuples(*[st.floats(1, 100, allow_subnormal=False).map(lambda x: round(x, 6))] * wide), min_size=3, max_size=9
    )
)


def library(name):
    return pytest.importorskip(name, reason=f"{name} is not installed")


def varied(rows):
    return all(max(column) - min(column) > 1e-2 for column in zip(*rows, strict=True))


def columns(rows):
    return [pl.Series(column, dtype=pl.Float64) for column in zip(*rows, strict=True)]


def fractions(weights, number):
    return [pl.Series([weight / sum(weights)] * number) for weight in weights]


def result(mean, rows, weights):
    return mean.result(columns(rows), fractions(weights, len(rows)), pl.Series([1.0] * len(rows))).to_list()


@pytest.mark.filterwarnings("ignore:Alternatives with indices")
@settings(max_examples=25, deadline=None)
@given(ROWS, st.data())
def test_vikor(rows, data):
    if not varied(rows):
        return
    numpy, methods = library("numpy"), library("pymcdm.methods")
    weights = data.draw(st.tuples(*[st.integers(1, 9)] * len(rows[0])))
    v = data.draw(st.sampled_from([0.0, 0.3, 0.5, 1.0]))
    gaps = [
        [w / sum(weights) * (max(column) - x) / (max(column) - min(column)) for x, w, column in
         zip(row, weights, zip(*rows, strict=True), strict=True)] for row in rows
    ]  # fmt: skip
    if any(max(values) - min(values) < 1e-6 for values in ([sum(g) for g in gaps], [max(g) for g in gaps])):
        return
    theirs = methods.VIKOR(v=v)(numpy.array(rows), numpy.array(weights) / sum(weights), numpy.ones(len(weights)))
    assert result(Vikor(vikor=v), rows, weights) == pytest.approx([100 * (1 - q) for q in theirs], abs=1e-7)


@settings(max_examples=25, deadline=None)
@given(ROWS, st.data())
def test_rank_sums(rows, data):
    numpy, stats = library("numpy"), library("scipy.stats")
    weights = numpy.array(data.draw(st.tuples(*[st.integers(1, 9)] * len(rows[0]))))
    theirs = stats.rankdata(numpy.array(rows), axis=0) @ (weights / weights.sum()) / len(rows) * 100
    assert result(RankSumRatio(), rows, tuple(weights)) == pytest.approx(list(theirs))


def grades_of(scores, limits):
    """Probits, line and limits of the grades of scores, by scipy and numpy."""
    numpy, stats = library("numpy"), library("scipy.stats")
    values, times = numpy.unique(numpy.array(scores), return_counts=True)
    part = (numpy.cumsum(times) - (times - 1) / 2) / len(scores)
    part[-1] = 1 - 1 / (4 * len(scores))
    probit = 5 + stats.norm.ppf(part)
    slope, base = numpy.polyfit(probit, values, 1)
    return values, probit, (base, slope), [base + slope * limit for limit in limits]


def test_the_grades_of_the_rank_sum_ratio_in_the_text_book():
    numpy, stats = library("numpy"), library("scipy.stats")
    folder = Path(__file__).parents[1] / "golden" / "rank-sum-grades"
    figures = pl.read_csv(folder / "data.csv").drop("期别", "地区").to_numpy() * numpy.array([1, -1, -1])
    scores = 100 * stats.rankdata(figures, axis=0).sum(axis=1) / figures.size
    _, probit, line, limits = grades_of(scores.round(9), (4, 6))
    assert [round(float(item), 4) for item in probit] == [3.7184, 4.3255, 4.7467, 5, 5.3853, 5.8416, 6.2816, 6.96]
    assert [round(float(item), 2) for item in (*line, *limits)] == [-60.85, 22.17, 27.82, 72.16]
    assert Probits().cuts(pl.Series(scores.round(9))) == pytest.approx(limits)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 60).map(lambda n: n / 4), min_size=3, max_size=30), st.integers(2, 5), st.booleans())
def test_grades_by_probits(scores, number, fitted):
    scheme = Probits(levels=tuple(range(1, number + 1)), compare="fitted" if fitted else "scores")
    cuts = scheme.cuts(pl.Series(scores))
    if len(set(scores)) < max(3, number):
        assert cuts is None
        return
    values, probit, (base, slope), limits = grades_of(scores, [2 + 6 * place / number for place in range(1, number)])
    if not fitted:
        assert cuts == pytest.approx(limits)
        return
    for value, at in zip(values, probit, strict=True):
        if all(abs(base + slope * at - limit) > 1e-9 for limit in limits):
            assert sum(value >= cut for cut in cuts) == sum(base + slope * at >= limit for limit in limits)


def test_the_limits_of_grades_lie_evenly_between_three_deviations_on_either_side():
    for number, limits in {2: [5], 3: [4, 6], 4: [3.5, 5, 6.5], 5: [3.2, 4.4, 5.6, 6.8], 6: [3, 4, 5, 6, 7]}.items():
        assert Probits(levels=tuple(range(number))).limits == pytest.approx(limits)


def test_line():
    assert cutpoints.line([(3.0, 4.0), (3.0, 5.0)]) == (3.0, 0.0)


@settings(max_examples=25, deadline=None)
@given(ROWS, st.data())
def test_grey_relation(rows, data):
    numpy = library("numpy")
    weights = numpy.array(data.draw(st.tuples(*[st.integers(1, 9)] * len(rows[0]))))
    gaps = numpy.array(rows).max(axis=0) - numpy.array(rows)
    if gaps.max() < 1e-6:
        return
    theirs = 100 * (gaps.min() + 0.5 * gaps.max()) / (gaps + 0.5 * gaps.max()) @ (weights / weights.sum())
    assert result(GreyRelational(), rows, tuple(weights)) == pytest.approx(list(theirs))


@settings(max_examples=25, deadline=None)
@given(ROWS, st.data())
def test_ordered_averages_of_equal_parts_are_the_sorted_scores_by_the_weights(rows, data):
    weights = data.draw(st.tuples(*[st.integers(0, 9)] * len(rows[0])).filter(any))
    theirs = [
        sum(w * x for w, x in zip(weights, sorted(row, reverse=True), strict=True)) / sum(weights) for row in rows
    ]
    assert result(Owa(owa=weights), rows, [1] * len(weights)) == pytest.approx(theirs)


@settings(max_examples=25, deadline=None)
@given(ROWS, st.data())
def test_best_weights(rows, data):
    """Each entity's own programme, over weights instead of parts of the sum, by scipy."""
    numpy, optimize = library("numpy"), library("scipy.optimize")
    table, width = numpy.array(rows), len(rows[0])
    low = numpy.array(data.draw(st.tuples(*[st.sampled_from([0.0, 0.05, 0.1])] * width)))
    high = numpy.array(data.draw(st.tuples(*[st.sampled_from([0.6, 0.9, 1.0])] * width)))
    ours = best_weights(table, list(low), list(high))
    for row, actual in zip(table, ours, strict=True):
        bounds = [numpy.outer(low, row) - numpy.diag(row), numpy.diag(row) - numpy.outer(high, row)]
        item = optimize.linprog(
            -row, A_ub=numpy.vstack([table, *bounds]), b_ub=numpy.append(numpy.ones(len(table)), numpy.zeros(2 * width))
        )
        assert actual[-1] * (actual[:-1] @ row) == pytest.approx(-item.fun, abs=1e-7)
        assert actual[:-1].sum() == pytest.approx(1)


def subindexes():
    nodes = pl.read_csv(COINR / "nodes.csv", infer_schema_length=None).filter(case="normalised")
    return [nodes["Conn"], nodes["Sust"]]


def obtained(parts, weights):
    """Return the correlations of the parts with their weighted sum, adding up to 1."""
    index = parts[0] * weights[0] + parts[1] * weights[1]
    correlations = [pl.DataFrame({"a": part, "b": index}).select(pl.corr("a", "b")).item() for part in parts]
    return [item / sum(correlations) for item in correlations]


@pytest.mark.parametrize("importance", [(1, 1), (2, 3)])
def test_a_wanted_importance(importance):
    """The two sub-indexes of ASEM correlate with the index as wanted; COINr's own test has 1 : 1, with 0.5 and 0.5."""
    weights = linear.for_importance(subindexes(), importance)
    assert weights is not None
    assert obtained(subindexes(), weights) == pytest.approx([item / sum(importance) for item in importance], abs=1e-12)


def test_an_importance_that_takes_a_negative_weight():
    """COINr's own test asks for 1 : 2 and has 0.33 and 0.67, by a weight below zero; for us that is no weight."""
    parts = subindexes()
    correlation = pl.DataFrame({"a": parts[0], "b": parts[1]}).select(pl.corr("a", "b")).item()
    scaled = linear.solved([[1, correlation], [correlation, 1]], [1, 2])
    weights = [item / part.std() for item, part in zip(scaled, parts, strict=True)]
    assert weights[0] < 0
    assert [round(item, 2) for item in obtained(parts, weights)] == [0.33, 0.67]
    assert linear.for_importance(parts, [1, 2]) is None


@settings(max_examples=25, deadline=None)
@given(ROWS)
def test_regression(rows):
    numpy = library("numpy")
    table = numpy.array(rows)
    target, *predictors = columns(rows)
    ours = linear.regressed(target, predictors)
    design = numpy.column_stack([numpy.ones(len(rows)), table[:, 1:]])
    if ours is not None and numpy.linalg.cond(design) < 1e5:
        theirs = design @ numpy.linalg.lstsq(design, table[:, 0])[0]
        assert ours.to_list() == pytest.approx(list(theirs), abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=4, max_size=25), st.data())
def test_clusters(values, data):
    numpy, cluster = library("numpy"), library("sklearn.cluster")
    starts = sorted(data.draw(st.sets(st.integers(0, 60), min_size=2, max_size=4)))
    ours = clusters.cuts(pl.Series(values, dtype=pl.Float64), starts)
    if ours is None:
        return
    points = numpy.array(values, dtype=float)[:, None]
    model = cluster.KMeans(len(starts), init=numpy.array(starts, dtype=float)[:, None], n_init=1, tol=0, max_iter=1000)
    labels = model.fit_predict(points)
    order = numpy.argsort(numpy.argsort(model.cluster_centers_[:, 0]))
    expected = [float(min(v for v, label in zip(values, labels, strict=True) if order[label] == place))
                for place in range(1, len(starts))]  # fmt: skip
    # A score that is as near to two centres may go to either.
    assert ours == expected or tied(values, starts)


def tied(values, starts):
    """Return whether a score was as near to two centres on the way of the iteration."""
    centres = sorted(map(float, starts))
    for _ in range(100):
        middles = [(low + high) / 2 for low, high in pairwise(centres)]
        if any(abs(value - middle) < 1e-9 for value in values for middle in middles):
            return True
        groups = [[] for _ in centres]
        for value in values:
            groups[sum(value > middle for middle in middles)].append(value)
        centres = [sum(group) / len(group) for group in groups]
    return False


@settings(max_examples=25, deadline=None)
@given(ROWS, st.integers(1, 3), st.data())
def test_neighbours(rows, number, data):
    numpy, impute = library("numpy"), library("sklearn.impute")
    table = numpy.array(rows)
    if len(rows) < number + 2 or not varied(rows):
        return
    for at in range(len(rows)):
        for column in range(1, table.shape[1]):
            if data.draw(st.integers(0, 5)) == 0 and numpy.isfinite(table[:, column]).sum() > 2:
                table[at, column] = numpy.nan
    predictors = [pl.Series(column).fill_nan(None) for column in table[:, 1:].T]
    if any(numpy.nanmax(column) - numpy.nanmin(column) < 1e-2 for column in table.T):
        return
    scaled = (table - numpy.nanmean(table, axis=0)) / numpy.nanstd(table, axis=0, ddof=1)
    scaled[:, 0] = table[:, 0]
    scaled[0, 0] = numpy.nan
    target = pl.Series([None, *table[1:, 0]], dtype=pl.Float64)
    actual = from_neighbours(target, predictors, number)[0]
    if actual is None:
        return
    from sklearn.metrics.pairwise import nan_euclidean_distances

    distances = sorted(nan_euclidean_distances(scaled[:1, 1:], scaled[1:, 1:])[0])
    if len(distances) > number and not distances[number] - distances[number - 1] > 1e-6:
        return
    # The first column is a target: its own distance is none, as it is missing in the row that is filled.
    theirs = impute.KNNImputer(n_neighbors=number).fit_transform(scaled)[0, 0]
    assert actual == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize(
    "scheme", [Breaks(levels=(1, 3, 5)), KMeans(levels=(1, 2, 3)), Probits(names={3: "上", 1: "下"})]
)
def test_levels_from_clusters_and_probits_make_a_list(scheme):
    levels = scheme.requirements({})
    assert [title for title, _ in levels] == [scheme.title(step) for step in reversed(scheme.steps)]
    assert len({str(words) for _, words in levels}) == 3
