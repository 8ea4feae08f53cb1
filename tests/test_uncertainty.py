"""What varies, and what runs come to: against the plan, other libraries, published figures and plain arithmetic."""

from __future__ import annotations

import json
import math
import re
import statistics
from io import BytesIO
from pathlib import Path

import numpy as np
import openpyxl
import polars as pl
import pytest
import yaml
from click.testing import CliRunner
from polars.testing import assert_frame_equal

import kpi
from kpi.analysis.robustness import stressed
from kpi.analysis.uncertainty import errors_of_figures, points, rank_sets, sobol
from kpi.analysis.uncertainty import study as study_module
from kpi.analysis.uncertainty.choices import Choices
from kpi.analysis.uncertainty.errors_of_figures import Errors
from kpi.analysis.uncertainty.score_tree import places
from kpi.analysis.uncertainty.study import Study, Variant
from kpi.cli.main import main
from kpi.errors import DataError, DefinitionError
from kpi.language.loading.loader import examine_text
from kpi.language.uncertainty import Uncertainty, WeightNoise
from kpi.report.files import content
from kpi.report.robustness import RobustnessReport, settled

ROOT = Path(__file__).parents[1]
UNITS = ("东", "西", "南", "北", "中", "上", "下")


def document(**more):
    names = [f"i{at}" for at in range(20)]
    return {
        "system": "bench",
        "period": "year",
        "entities": {"title": "县"},
        "measures": {f"m_{name}": {"unit": "1", "over_time": "last"} for name in names},
        "indicators": {name: {"kind": "level", "of": f"m_{name}"} for name in names},
        "scoring": {"kind": "goalposts", "low": 0, "high": 100},
        "pillars": {
            "一": {"weight": 0.3, "parts": {name: 0.1 + at / 7 for at, name in enumerate(names[:17])}},
            "二": {"weight": 0.7, "parts": {"三": 1, "i19": 0.3}},
            "三": {"parts": {"i17": 1, "i18": 0.7}},
        },
        "ranking": {"on": "raw"},
        "stars": {"kind": "bands", "cuts": {3: 60, 2: 45, 1: 0}, "half": True},
    } | more


def figures(seed=1, gaps=0.0, periods=("2023",)):
    random = np.random.default_rng(seed)
    rows = []
    for period in periods:
        for unit in UNITS:
            row = {"期别": period, "县": unit}
            for at in range(20):
                value = float(np.round(random.uniform(0, 100), 3))
                row[f"m_i{at}"] = None if random.random() < gaps else value
            rows.append(row)
    return pl.DataFrame(rows, schema_overrides={f"m_i{at}": pl.Float64 for at in range(20)})


def card(data=None, **more):
    loaded = examine_text(yaml.safe_dump(document(**more), allow_unicode=True))
    assert loaded.system is not None, [str(item) for item in loaded.findings]
    return kpi.score(figures() if data is None else data, system=loaded.system)


def study(scored):
    index = next(iter(scored.labels))
    return Study(scored, index, Uncertainty(), Errors(1))


# ---- THE TREE IN NUMPY ---- #

MEANS = ["arithmetic", "geometric", "harmonic", "minimum", "mazziotta_pareto", {"power": 0.5}, {"power": -1.5}]
POLICIES = [
    "redistribute", "spread", "zero", "cohort_mean", "fail", {"penalty": {"points": 5}},
    {"redistribute": {"at_least": 80}},
]  # fmt: skip


def nodes(mean, policy, **more):
    given = document()["pillars"]
    pillars = {name: item | {"mean": mean, "missing": policy} | more for name, item in given.items()}
    return {"pillars": pillars, "composite": {"mean": mean, "missing": policy} | more}


@pytest.mark.parametrize("mean", MEANS, ids=str)
@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_declared_weights_give_the_bits_of_the_plan(mean, policy):
    scored = card(figures(gaps=0.01 if policy == "fail" else 0.05), **nodes(mean, policy))
    item = study(scored)
    assert item.plain(item.system)
    outcome = item.alone(Variant(item.system))
    ranked = item.nominal.filter(item.ranked)
    assert outcome.scores[0].tolist() == ranked["raw"].to_list()
    assert outcome.ranks[0].tolist() == ranked["rank"].to_list()
    assert (outcome.stars[0] / 2).tolist() == ranked["stars"].to_list()


@pytest.mark.parametrize("more", [{"decimals": 1}, {"relative": True}], ids=str)
def test_rounded_nodes_give_the_bits_of_the_plan(more):
    scored = card(figures(gaps=0.1), **nodes("geometric", "redistribute", **more))
    item = study(scored)
    assert item.alone(Variant(item.system)).scores[0].tolist() == item.nominal.filter(item.ranked)["raw"].to_list()


@pytest.mark.parametrize("ties", ["min", "max", "average", "dense"])
def test_places_are_those_of_polars(ties):
    random = np.random.default_rng(3)
    scores = random.integers(0, 6, (5, 40)).astype(float)
    scores[random.random(scores.shape) < 0.1] = np.nan
    cohorts = random.integers(0, 3, 40)
    ours = places(scores, cohorts, ties)
    for row, placed in zip(scores, ours, strict=True):
        frame = pl.DataFrame({"x": pl.Series(row, nan_to_null=True), "c": cohorts})
        theirs = frame.select(pl.col("x").rank(ties, descending=True).over("c").cast(pl.Float64))["x"]
        assert pl.Series(placed, nan_to_null=True).to_list() == theirs.to_list()


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@pytest.mark.parametrize("mean", ["arithmetic", "geometric"])
def test_drawn_weights_in_numpy_are_those_of_stacked_runs(monkeypatch, mean, policy):
    def ran():
        scored = card(figures(gaps=0.01 if policy == "fail" else 0.05), **nodes(mean, policy))
        return stressed(scored, runs=30, uncertainty=Uncertainty(weights=40))

    ours = ran()
    monkeypatch.setattr(Study, "plain", lambda *_: False)
    stacked = ran()
    exact = [name for name in ours.ranks.columns if not name.startswith("score")]
    assert ours.ranks.select(exact).equals(stacked.ranks.select(exact))
    for name in ("score_low", "score_high"):
        assert (ours.ranks[name] - stacked.ranks[name]).abs().max() < 1e-9


# ---- POINTS AND WEIGHTS ---- #


@pytest.mark.parametrize("spread", ["random", "sobol", "halton", "latin"])
def test_equal_seeds_give_equal_points_and_other_seeds_others(spread):
    first, again, other = (points.drawn(50, 4, seed=seed, spread=spread) for seed in (5, 5, -5))
    assert first.tobytes() == again.tobytes()
    assert not np.array_equal(first, other)
    assert ((first >= 0) & (first < 1)).all()
    assert abs(points.drawn(4096, 1, seed=2, spread=spread).mean() - 0.5) < 5 / math.sqrt(12 * 4096)


def test_quasi_random_points_converge_faster():
    def error(spread):
        means = [np.prod(points.drawn(512, 4, seed=seed, spread=spread), axis=1).mean() for seed in range(10)]
        return float(np.sqrt(np.mean((np.array(means) - 1 / 16) ** 2)))

    assert error("sobol") < error("random") / 3


def drawn_weights(noise, runs=20_000):
    system = examine_text(yaml.safe_dump(document(), allow_unicode=True)).system
    declared = Uncertainty(weights=noise)
    from kpi.analysis.uncertainty.choices import declared_by

    choices = declared_by(system, declared)
    return choices.factors(points.drawn(runs, choices.dimensions, seed=1))


def test_weights_off_by_percent_are_even_around_the_declared():
    for factors in drawn_weights(25).values():
        assert factors.min() >= 0.75
        assert factors.max() <= 1.25
        # The standard error of a mean of 20,000 even numbers of half-width 0.25 is 0.25/√3/√20000 = 0.001.
        assert np.abs(factors.mean(axis=0) - 1).max() < 0.005


def test_dirichlet_weights_have_the_declared_means_and_variances():
    factors = drawn_weights(WeightNoise(dirichlet=30))["composite"]
    shares = factors * np.array([0.3, 0.7])
    assert np.allclose(shares.sum(axis=1), 1)
    assert shares.mean(axis=0) == pytest.approx([0.3, 0.7], abs=0.003)
    assert shares.var(axis=0) == pytest.approx([0.21 / 31] * 2, rel=0.05)


def test_weights_of_which_the_order_is_known_keep_it():
    factors = drawn_weights(WeightNoise(order=True))["一"]
    # YAML was written in the order of names: i0, i1, i10, i11 ...
    declared = np.array([0.1 + at / 7 for at in sorted(range(17), key=str)])
    weights = (factors * declared)[:, np.argsort(declared)]
    assert (np.diff(weights, axis=1) >= 0).all()
    # The means are those of the order statistics of a broken stick: 1/n Σ_{j=0}^{i} 1/(n - j), Barron and Barrett
    # (1996).
    centroid = np.cumsum(1 / np.arange(17, 0, -1)) / 17
    assert (weights / weights.sum(axis=1, keepdims=True)).mean(axis=0) == pytest.approx(centroid, abs=0.003)


def test_only_the_named_nodes_vary():
    assert set(drawn_weights(WeightNoise(percent=10, of=("二",)))) == {"二"}


# ---- ERRORS OF FIGURES ---- #


def test_the_quantiles_of_a_proportion_are_the_limits_of_wilson():
    stats = pytest.importorskip("scipy.stats")
    for events, cases in ((0, 20), (3, 20), (20, 20), (412, 1000)):
        for coverage in (0.8, 0.95, 0.99):
            z = float(stats.norm.ppf(0.5 + coverage / 2))
            ours = errors_of_figures.wilson(*np.array([[events] * 2, [cases] * 2, [-z, z]], dtype=float))
            theirs = stats.binomtest(events, cases).proportion_ci(coverage, method="wilson")
            assert ours.tolist() == pytest.approx([theirs.low, theirs.high], abs=1e-12)


def test_the_quantiles_of_a_count_are_near_the_exact_limits():
    """Byar's approximation is within a percent or so of the exact limits of a Poisson count from ten events on."""
    stats = pytest.importorskip("scipy.stats")
    for events in (10, 25, 100, 1000):
        low, high = errors_of_figures.byar(np.array([events] * 2, dtype=float), np.array([-1.959964, 1.959964]))
        assert low == pytest.approx(stats.chi2.ppf(0.025, 2 * events) / 2, rel=0.01)
        assert high == pytest.approx(stats.chi2.ppf(0.975, 2 * events + 2) / 2, rel=0.01)


COUNTED = {
    "measures": {
        "办结": {"unit": "件"}, "受理": {"unit": "件"}, "人口": {"unit": "万人", "over_time": "last"},
        "投诉": {"unit": "件"},
        "收入": {"unit": "元", "over_time": "last"}, "误差": {"unit": "元", "over_time": "last"},
        "人数": {"unit": "人", "over_time": "last"},
    },
    "indicators": {
        "办结率": {"kind": "ratio", "numerator": "办结", "denominator": "受理"},
        "投诉率": {"kind": "ratio", "numerator": "投诉", "denominator": "人口", "better": "lower"},
        "收入水平": {"kind": "level", "of": "收入"},
    },
    "scoring": {"kind": "minmax"},
    "pillars": {"一": {"weight": 1, "parts": ["办结率", "投诉率"]}, "二": {"weight": 1, "parts": ["收入水平"]}},
}  # fmt: skip


def counts(**changes):
    columns = {
        "期别": ["2023"] * 4, "县": ["甲", "乙", "丙", "丁"], "办结": [80, 45, 30, 190], "受理": [100, 60, 50, 200],
        "人口": [10.0, 4.0, 5.0, 20.0], "投诉": [12, 9, 4, 40], "收入": [30000, 28000, 35000, 26000],
        "误差": [500, 500, 700, 300], "人数": [100, 100, 100, 100],
    }  # fmt: skip
    return pl.DataFrame(columns | changes)


def resampled(sampling, runs=4000, data=None):
    """Return the values of many samples by indicator, a row a run, with the scorecard."""
    scored = card(counts() if data is None else data, **COUNTED)
    uncertainty = Uncertainty(sampling=sampling)
    errors = errors_of_figures.SamplingErrors.of(scored.definition, uncertainty)
    assert not errors.unknown(scored.frame)
    stacked = pl.concat([scored.frame] * runs)
    here = np.arange(stacked.height)
    drawn = Errors(1, errors).resampled(stacked, here, points.drawn(runs, 1, seed=1)[:, 0])
    order = [scored.entities["entity"].to_list().index(unit) for unit in "甲乙丙丁"]
    return {name: drawn[name].to_numpy().reshape(runs, -1)[:, order] for name in errors.errors}, scored


def test_ratios_know_their_own_variance():
    drawn, _ = resampled({"all": "known"})
    assert set(drawn) == {"办结率", "投诉率"}
    limits = errors_of_figures.wilson(*np.array([[80, 80], [100, 100], [-1.2815515655446, 1.2815515655446]]))
    assert np.quantile(drawn["办结率"][:, 0], [0.1, 0.9]) == pytest.approx(100 * limits, abs=0.4)
    limits = errors_of_figures.byar(np.array([12.0, 12.0]), np.array([-1.2815515655446, 1.2815515655446]))
    assert np.quantile(drawn["投诉率"][:, 0], [0.1, 0.9]) == pytest.approx(limits / 10, abs=0.03)


@pytest.mark.parametrize(
    ("sampling", "error"),
    [
        ({"standard_error": 400}, [400] * 4),
        ({"relative_error": 2}, [600, 560, 700, 520]),
        ({"column": "误差"}, [500, 500, 700, 300]),
        ({"deviation": "误差", "number": "人数"}, [50, 50, 70, 30]),
    ],
    ids=str,
)
def test_other_errors_are_stated(sampling, error):
    drawn, _ = resampled({"收入水平": sampling})
    # The standard error of a standard deviation of 4,000 is 1/√8000 = 1.1 % of it.
    assert drawn["收入水平"].std(axis=0) == pytest.approx(error, rel=0.05)
    assert drawn["收入水平"].mean(axis=0) == pytest.approx([30000, 28000, 35000, 26000], rel=0.002)


def test_a_mean_of_events_has_its_error_from_the_events():
    """The error of each unit is `s/√n` of its filled rows, whatever their order; one event has none (K871)."""
    times = {"甲": [2.0, 4.0, 4.0, 6.0], "乙": [1.0, 10.0, None], "丙": [3.0, 5.0, 9.0]}
    rows = [("2023-05-02", unit, value) for unit, values in times.items() for value in values]
    mean = {"of": "用时", "unit": "天", "from": "cases"}
    system = {
        "system": "bench", "period": "year", "entities": {"title": "县"},
        "datasets": {"cases": {"form": "records", "columns": {"period": "日期", "entity": "县"}}},
        "measures": {
            "均值": mean | {"kind": "mean"}, "离差": mean | {"kind": "deviation"},
            "件数": {"kind": "count", "unit": "件", "from": "cases", "where": "用时 is not null"},
        },
        "indicators": {"用时长": {"kind": "level", "of": "均值", "better": "lower"}},
        "scoring": {"kind": "minmax"}, "pillars": {"一": {"parts": ["用时长"]}},
        "uncertainty": {"sampling": {"用时长": {"deviation": "离差", "number": "件数"}}},
    }  # fmt: skip
    for order in (rows, rows[::-1]):
        data = pl.DataFrame(order, schema=["日期", "县", "用时"], orient="row")
        scored = kpi.score(data, system=system)
        errors = errors_of_figures.SamplingErrors.of(scored.definition, scored.definition.uncertainty)
        drawn = errors.drawn(scored.frame, {"用时长": np.ones(3)})["用时长"]
        for place, unit in enumerate(scored.entities["entity"]):
            known = [value for value in times[unit] if value is not None]
            assert drawn[place] == pytest.approx(
                statistics.mean(known) + statistics.stdev(known) / math.sqrt(len(known)), rel=1e-12
            )
    alone = kpi.score(data.filter(pl.col("用时").fill_null(0) != 1), system=system)
    with pytest.raises(DataError, match="K871"):
        stressed(alone, runs=5)


def test_a_weighted_sum_of_counts_has_the_limits_of_dobson():
    """`rate + √(var(rate)/events) (Byar's limit - events)`, by hand for 40 events and a variance of 0.04."""
    data = counts().with_columns(事件=pl.lit(40), 方差=pl.lit(0.04))
    more = {name: {"unit": "1", "over_time": "last"} for name in ("事件", "方差")}
    scored = card(data, **COUNTED | {"measures": COUNTED["measures"] | more})
    sampling = {"投诉率": {"by": "dobson", "events": "事件", "variance": "方差"}}
    errors = errors_of_figures.SamplingErrors.of(scored.definition, Uncertainty(sampling=sampling))
    z = 1.959963984540054
    drawn = [errors.drawn(scored.frame, {"投诉率": np.full(4, at)})["投诉率"] for at in (-z, z)]
    value = scored.frame["投诉率"].to_numpy()
    low = 40 * (1 - 1 / 360 - z / (3 * math.sqrt(40))) ** 3
    high = 41 * (1 - 1 / 369 + z / (3 * math.sqrt(41))) ** 3
    scale = math.sqrt(0.04 / 40)
    assert drawn[0].tolist() == pytest.approx((value + scale * (low - 40)).tolist())
    assert drawn[1].tolist() == pytest.approx((value + scale * (high - 40)).tolist())


SYSTEMS = {
    "plain": {},
    "treated": {
        "treatment": {
            "gaps": {"kind": "impute", "by": "previous"},
            "tails": {"kind": "winsorise", "most": 1, "among": "period"},
        },
        "scoring": {"kind": "minmax", "among": "panel"},
    },
    "growing": {
        "indicators": {
            name: {"kind": "growth", "of": f"m_{name}", "over": "1y"} for name in (f"i{at}" for at in range(20))
        },
        "scoring": {"kind": "percentile"},
    },
    "of peers": nodes("copeland", "redistribute"),
    "by quota": {"stars": {"kind": "quota", "shares": {3: 30, 1: 70}}},
    "of all": {
        "indicators": {name: {"kind": "share", "of": f"m_{name}"} for name in (f"i{at}" for at in range(20))},
        "scoring": {"kind": "minmax", "among": "period"},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("in_numpy", [True, False], ids=["in numpy", "stacked"])
def test_figures_without_errors_give_what_was_scored(monkeypatch, name, in_numpy):
    """Runs whose figures are scored anew have to look back, at peers and at panels as the plan does."""
    data = pl.concat([figures(seed=2, periods=("2022",)), figures(seed=1, gaps=0.02)])
    scored = card(data, **SYSTEMS[name])
    monkeypatch.setattr(errors_of_figures.SamplingErrors, "drawn", unchanged)
    monkeypatch.setattr(
        errors_of_figures.Corrections,
        "of",
        lambda *_: errors_of_figures.Corrections({"m_i1": np.ones(1)}, {"m_i1": 1.0}),
    )
    if not in_numpy:
        monkeypatch.setattr(Study, "plain", lambda *_: False)
    uncertainty = Uncertainty(sampling={"i1": {"standard_error": 1.0}}, revision="all")
    result = stressed(scored, runs=2, uncertainty=uncertainty)
    for key in ("mean", "low", "high", "best", "worst"):
        assert result.ranks[key].to_list() == result.ranks["rank"].to_list()
    assert result.ranks["kept"].drop_nulls().to_list() == [100] * result.ranks["rank"].count()
    assert result.ranks["score_low"].to_list() == pytest.approx(result.ranks["score"].to_list(), rel=1e-13)


def unchanged(self, frame, normals):
    return {name: frame[name].fill_null(float("nan")).to_numpy() for name in normals}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "treated", "of peers", "of all"])
def test_runs_with_errors_in_numpy_are_those_of_stacked_runs(monkeypatch, name):
    scored = card(figures(gaps=0.02), **SYSTEMS[name])
    uncertainty = Uncertainty(
        weights=20, means=["geometric"] if name == "plain" else [],
        sampling={"i1": {"standard_error": 60.0}, "i3": {"relative_error": 20.0}},
    )  # fmt: skip
    ours = stressed(scored, runs=12, uncertainty=uncertainty)
    monkeypatch.setattr(study_module, "CELLS", 1)
    alone = stressed(scored, runs=12, uncertainty=uncertainty)
    monkeypatch.setattr(Study, "plain", lambda *_: False)
    stacked = stressed(scored, runs=12, uncertainty=uncertainty)
    exact = [column for column in ours.ranks.columns if not column.startswith("score")]
    for other in (alone, stacked):
        assert ours.ranks.select(exact).equals(other.ranks.select(exact))
    if name == "plain":
        assert ours.ranks["low"].to_list() != ours.ranks["high"].to_list()


def test_errors_of_units_are_independent_and_equal_for_equal_seeds():
    drawn, _ = resampled({"收入水平": {"standard_error": 400}})
    correlation = np.corrcoef(drawn["收入水平"], rowvar=False)
    assert np.abs(correlation - np.eye(4)).max() < 0.07
    again, _ = resampled({"收入水平": {"standard_error": 400}})
    assert drawn["收入水平"].tobytes() == again["收入水平"].tobytes()


REVISED = """期别,县,指标,数值,修订
2023,甲,办结,80,1
2023,甲,办结,88,2
2023,乙,办结,45,1
2023,丙,办结,30,1
2023,丙,办结,27,2
2023,丁,办结,190,1
"""


def revised_files(folder):
    (folder / "修订.csv").write_text(REVISED, encoding="utf-8")
    rest = counts().drop("办结").unpivot(index=["期别", "县"], variable_name="指标", value_name="数值")
    rest.with_columns(修订=1).write_csv(folder / "其余.csv")
    return [folder / "修订.csv", folder / "其余.csv"]


def test_corrections_have_the_spread_of_the_past(tmp_path):
    system = examine_text(yaml.safe_dump(document(**COUNTED), allow_unicode=True)).system
    scored = kpi.score(revised_files(tmp_path), system=system)
    corrections = errors_of_figures.Corrections.of(scored, Uncertainty(revision="all"))
    assert set(corrections.factors) == {"办结"}
    assert sorted(corrections.factors["办结"].tolist()) == pytest.approx([0.9, 1.1])
    assert corrections.shares == {"办结": 0.5}
    result = stressed(scored, runs=400, uncertainty=Uncertainty(revision="all"))
    assert set(result.sources["source"]) == {"revision"}
    # 丁 at 95 % or 85.5 % (or 104.5 %) is ahead of all others in 办结率 either way.
    assert result.ranks["low"].to_list() != result.ranks["high"].to_list()
    with pytest.raises(DataError, match="K871"):
        stressed(scored, uncertainty=Uncertainty(revision="受理"))


def test_a_variance_that_cannot_be_known_is_an_error():
    for sampling in ({"收入水平": "known"}, {"收入水平": "byar"}, {"投诉率": "wilson"}):
        loaded = examine_text(
            yaml.safe_dump(document(**COUNTED, uncertainty={"sampling": sampling}), allow_unicode=True)
        )
        assert [item.code for item in loaded.findings] == ["K871"]
    scored = card(counts(误差=[500, None, 700, 300]), **COUNTED)
    with pytest.raises(DataError, match="1 of 4") as error:
        stressed(scored, uncertainty=Uncertainty(sampling={"收入水平": {"column": "误差"}}))
    assert error.value.diagnostics[0].code == "K871"


@pytest.mark.parametrize(
    "uncertainty",
    [
        {"weights": {"percent": 20, "of": ["五"]}},
        {"treatment": {"tails": ["none"]}},
        {"sampling": {"无": "wilson"}},
        {"sampling": {"i1": {"column": "无"}}},
        {"revision": ["无"]},
    ],
    ids=str,
)
def test_what_does_not_exist_cannot_vary(uncertainty):
    loaded = examine_text(yaml.safe_dump(document(uncertainty=uncertainty), allow_unicode=True))
    assert [item.code for item in loaded.findings] == ["K870"]


def test_cut_points_need_bands_and_totals_of_scores_alone():
    quota = {"kind": "quota", "shares": {2: 50, 1: 50}}
    loaded = examine_text(yaml.safe_dump(document(stars=quota, uncertainty={"cut_points": 2}), allow_unicode=True))
    assert [item.code for item in loaded.findings] == ["K870"]
    result = stressed(card(), runs=200, uncertainty=Uncertainty(cut_points=5))
    assert result.ranks["low"].to_list() == result.ranks["rank"].to_list()
    assert result.ranks["kept"].min() < 100


@pytest.mark.parametrize(
    ("cuts", "points", "word"),
    [
        ({5: 90, 4: 80, 3: 77.3, 1: 0}, 2.7, "77.3 and 80 are only 2.7 apart"),
        ({5: 90, 4: 80, 1: 0}, 200, "80 and 90 are only 10 apart"),
        ({5: 98, 4: 80, 1: 0}, 2.5, "up to 100.5, above the full mark of 100"),
        ({5: 90, 4: 80, 3: 77.3, 1: 0}, 2.6, None),
        ({5: 98, 4: 80, 1: 0}, 2, None),
    ],
)
def test_cut_points_may_not_pass_each_other_or_the_full_mark(cuts, points, word):
    stars = {"kind": "bands", "cuts": cuts}
    text = yaml.safe_dump(document(stars=stars, uncertainty={"cut_points": points}), allow_unicode=True)
    findings = [item for item in examine_text(text).findings if item.code == "K990"]
    assert len(findings) == (word is not None)
    assert all(word in str(item.message) for item in findings)


def test_the_middles_of_half_stars_are_cut_points():
    stars = {"kind": "bands", "cuts": {5: 90, 4: 80, 1: 0}, "half": True}
    text = yaml.safe_dump(document(stars=stars, uncertainty={"cut_points": 5}), allow_unicode=True)
    assert "K990" in [item.code for item in examine_text(text).findings]


def test_a_lowest_cut_of_zero_does_not_move():
    """Whoever scores nearly nothing has the lowest level in each run."""
    data = figures().with_columns(pl.lit(0.1).alias(name) for name in figures().columns if name.startswith("m_i"))
    result = stressed(card(data), runs=200, uncertainty=Uncertainty(cut_points=5))
    assert result.ranks["kept"].to_list() == [100.0] * len(UNITS)


def test_two_units_have_no_intervals():
    data = figures()
    with pytest.raises(DataError, match="three") as error:
        stressed(card(data.head(2)))
    assert error.value.diagnostics[0].code == "K872"


# ---- RESULTS ---- #

EVERYTHING = {
    "weights": 25, "normalisation": ["percentile"], "means": ["geometric"], "missing": ["zero"],
    "sampling": "known", "revision": "all",
}  # fmt: skip


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    folder = tmp_path_factory.mktemp("revised")
    system = examine_text(yaml.safe_dump(document(**COUNTED, uncertainty=EVERYTHING), allow_unicode=True)).system
    return stressed(kpi.score(revised_files(folder), system=system), runs=200, sensitivity=64)


def test_every_choice_is_varied_and_described(everything):
    chosen = set(everything.choices.select("choice", "source").rows())
    methods = {(name, "method") for name in ("normalisation", "mean", "missing", "weights")}
    assert chosen == methods | {("sampling", "sampling"), ("revision", "revision")}
    assert set(everything.sensitivity["choice"]) == {name for name, _ in chosen}


def test_tables_for_people_have_no_ids_of_choices():
    """In either language each choice and alternative is in words, also in the parameters of the runs."""
    varied = {
        "weights": 25, "normalisation": ["zscore", "minmax", {"kind": "minmax", "scale": [0, 10]}],
        "means": ["harmonic", {"power": 0.5}], "missing": ["zero", "cohort_mean"], "cut_points": 1,
        "treatment": {"tails": ["none"]}, "sampling": "known",
    }  # fmt: skip
    more = COUNTED | {"treatment": {"tails": {"kind": "winsorise"}}, "uncertainty": varied}
    report = RobustnessReport(stressed(card(counts(), **more), runs=40))
    ids = {"zscore", "minmax", "harmonic", "power", "zero", "cohort_mean", "none", "declared", "cut_points"}
    with kpi.using_language("zh"):
        text = content(report, "md").decode()
        book = openpyxl.load_workbook(BytesIO(content(report, "xlsx")))
    # The parameters of the runs are in the workbook alone.
    runs = [
        str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row if cell is not None
    ]
    for shown in (text.replace("\\", ""), "\n".join(runs)):
        assert not set(re.findall(r"[a-z_]+", shown)) & ids
    assert {"按定义", "不做该步骤", "极差标准化：组内最差得 0 %，最好得 10 %"} <= set(runs)
    assert "换数据处理" in runs
    assert "| 数据处理 \\`tails\\` | 按定义、不做该步骤 |" in text
    plain_rows = report.frames()["drawn"]
    assert "minmax 2" in plain_rows["normalisation"]


def test_probabilities_add_up(everything):
    by_unit = everything.stars.group_by("entity").agg(pl.col("percent").sum())
    assert by_unit["percent"].to_list() == pytest.approx([100] * 4)
    assert (everything.ahead["ahead"] + everything.ahead["equal"] <= 100 + 1e-9).all()
    assert everything.ahead.height == 6
    shares = everything.sources.group_by("entity").agg(pl.col("share").sum()).drop_nulls()
    assert shares["share"].to_list() == pytest.approx([100] * shares.height)


def test_the_same_parameters_give_the_same_bits(tmp_path):
    system = examine_text(yaml.safe_dump(document(**COUNTED, uncertainty=EVERYTHING), allow_unicode=True)).system
    files = revised_files(tmp_path)
    first, again = (stressed(kpi.score(files, system=system), runs=60, sensitivity=8, spread="sobol") for _ in range(2))
    for name in ("ranks", "alternatives", "stars", "ahead", "sources", "sets", "sensitivity", "convergence"):
        assert getattr(first, name).equals(getattr(again, name)), name


def test_few_runs_have_not_converged(everything):
    assert everything.convergence["runs"].to_list() == [50, 100, 200]
    assert not stressed(everything.card, runs=8).converged


def test_importance_adds_up_and_finds_a_part_that_does_nothing():
    data = figures().with_columns(m_i19=pl.lit(50.0))
    scored = card(data)
    rows = {row["part"]: row for row in stressed(scored, runs=2).importance.to_dicts()}
    assert rows["i19"]["weight"] == pytest.approx(70 * 0.3 / 1.3)
    assert rows["i19"]["effective"] == pytest.approx(0, abs=1e-9)
    assert rows["一"]["effective"] + rows["二"]["effective"] == pytest.approx(100)
    # By hand, over the totals: cov(0.3 score of 一, total)/var(total).
    pillar = scored.pillars.filter(pl.col("pillar") == "一").select("entity", pillar="score")
    both = scored.totals.join(pillar, on="entity")
    item, total = both["pillar"].to_numpy(), both["raw_score"].to_numpy()
    expected = np.cov(0.3 * item, total)[0, 1] / total.var(ddof=1) * 100
    assert rows["一"]["effective"] == pytest.approx(expected)


def test_few_runs_do_not_say_that_intervals_have_not_converged():
    with kpi.using_language("en"):
        assert "Too few runs" in settled(stressed(card(), runs=50))


def test_weights_at_which_units_change_places_are_there_where_stars_are_by_quota():
    quota = {"kind": "quota", "shares": {5: 50, 4: 50}}
    assert_frame_equal(stressed(card(stars=quota), runs=2).swaps, stressed(card(), runs=2).swaps)


def test_the_weight_at_which_two_units_change_places_makes_them_equal():
    result = stressed(card(), runs=2)
    top = result.swaps.filter(pl.col("part") == "一")
    assert top.height
    scored = result.card
    scores = {(row["entity"], row["pillar"]): row["score"] for row in scored.pillars.to_dicts()}
    for row in top.to_dicts():
        share = row["needed"] / 100
        totals = [
            share * scores[unit, "一"] + (1 - share) * scores[unit, "二"] for unit in (row["entity"], row["other"])
        ]
        assert row["weight"] == pytest.approx(30)
        assert totals[0] == pytest.approx(totals[1], abs=1e-6)


# ---- PUBLISHED: CSRANKS ---- #


def test_confidence_sets_of_ranks_are_those_of_csranks():
    """The example of the package: mathematics in PISA 2018 (tests/data/README.md).

    The published sets come from 1,000 draws. Of 10,000 here the sets are stable but for the lower bound of the United
    Kingdom, for which the documentation has both 7 and 8.
    """
    table = pl.read_csv(ROOT / "tests/data/pisa2018.csv")
    names = table["country"].to_list()
    score, error = table["math"].to_numpy(), table["se"].to_numpy()
    draws = np.random.Generator(np.random.Philox(1)).normal(size=(10_000, 37)) * error
    sets = rank_sets.simultaneous(score, draws)
    best = {
        "Belgium", "Canada", "Denmark", "Estonia", "Finland", "Japan", "Korea", "Netherlands", "Poland", "Slovenia",
        "Sweden", "Switzerland",
    }  # fmt: skip
    assert {name for name, may in zip(names, sets.among_first(5), strict=True) if may} == best
    less = rank_sets.simultaneous(score, draws, coverage=0.9)
    assert {name for name, may in zip(names, less.among_first(5), strict=True) if may} == best - {"Sweden"}
    kingdom = names.index("United Kingdom")
    each = rank_sets.marginal(score, draws)
    assert each.low[kingdom] in (7, 8)
    assert each.high[kingdom] == 23
    bounds = {name: (sets.low[at], sets.high[at]) for at, name in enumerate(names)}
    last = ("Chile", "Mexico", "Colombia")
    assert min(bounds[name][0] for name in last) > max(high for name, (_, high) in bounds.items() if name not in last)
    assert bounds["Germany"][0] == bounds["Korea"][1] == 7


# ---- SOBOL' INDICES ---- #


def ishigami(at):
    x = math.pi * (2 * at - 1)
    return (np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0]))[:, np.newaxis]


def g_function(at, a=(0, 1, 4.5, 9, 99, 99, 99, 99)):
    a = np.array(a)
    return np.prod((np.abs(4 * at - 2) + a) / (1 + a), axis=1, keepdims=True)


def g_indices(a=(0, 1, 4.5, 9, 99, 99, 99, 99)):
    own = [1 / (3 * (1 + item) ** 2) for item in a]
    variance = math.prod(1 + item for item in own) - 1
    return [item / variance for item in own], [
        item * math.prod(1 + two for at, two in enumerate(own) if at != place) / variance
        for place, item in enumerate(own)
    ]


#: Analytic indices: Ishigami and Homma (1990) with a = 7, b = 0.1; the g-function of Saltelli and Sobol' (1995).
FUNCTIONS = {
    "ishigami": (ishigami, 3, ([0.3139, 0.4424, 0.0], [0.5576, 0.4424, 0.2437])),
    "g": (g_function, 8, g_indices()),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_indices_of_functions_are_the_analytic_ones(name):
    function, dimensions, (first, total) = FUNCTIONS[name]
    groups = [slice(at, at + 1) for at in range(dimensions)]
    design = sobol.Design.drawn(16_384, dimensions, groups, seed=1, spread="sobol")
    result = sobol.indices(*design.results(function), seed=1, resamples=100)
    assert result.first[:, 0].tolist() == pytest.approx(first, abs=0.01)
    assert result.total[:, 0].tolist() == pytest.approx(total, abs=0.01)
    assert (result.first_low <= result.first).all()
    assert (result.first <= result.first_high).all()
    assert (result.total_high - result.total_low).max() < 0.1


def test_bootstrap_intervals_cover_the_analytic_indices():
    function, dimensions, (first, total) = FUNCTIONS["ishigami"]
    groups = [slice(at, at + 1) for at in range(dimensions)]
    inside = 0
    for seed in range(20):
        design = sobol.Design.drawn(512, dimensions, groups, seed=seed, spread="random")
        result = sobol.indices(*design.results(function), seed=seed, resamples=200)
        inside += sum(
            a <= b <= c for a, b, c in zip(result.first_low[:, 0], first, result.first_high[:, 0], strict=True)
        )
        inside += sum(
            a <= b <= c for a, b, c in zip(result.total_low[:, 0], total, result.total_high[:, 0], strict=True)
        )
    # 120 intervals at 95 %: 114 on average, 105 is 3.8 standard deviations below.
    assert inside >= 105


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_indices_are_those_of_salib(name):
    analyze = pytest.importorskip("SALib.analyze.sobol")
    function, number, _ = FUNCTIONS[name]
    design = sobol.Design.drawn(256, number, [slice(at, at + 1) for at in range(number)], seed=2, spread="random")
    a, b, mixed = design.results(function)
    ours = sobol.indices(a, b, mixed, seed=1, resamples=0)
    # SALib wants the results of each point together: A, then A with one dimension of B, then B.
    results = np.hstack([a, *mixed, b]).reshape(-1)
    problem = {"num_vars": number, "names": [f"x{at}" for at in range(number)], "bounds": [[0, 1]] * number}
    theirs = analyze.analyze(problem, results, calc_second_order=False, num_resamples=2, seed=1)
    # SALib centres results on the mean of all points, we on that of A and B: the difference is O(1/N).
    assert ours.total[:, 0] == pytest.approx(theirs["ST"], rel=1e-9)
    assert ours.first[:, 0] == pytest.approx(theirs["S1"], abs=0.02)


def test_a_choice_of_several_dimensions_is_one():
    design = sobol.Design.drawn(16_384, 3, [slice(0, 2), slice(2, 3)], seed=1, spread="sobol")
    result = sobol.indices(*design.results(ishigami), seed=1, resamples=2)
    assert result.first[:, 0].tolist() == pytest.approx([0.3139 + 0.4424, 0], abs=0.01)
    assert result.total[:, 0].tolist() == pytest.approx([1, 0.2437], abs=0.01)


def test_what_does_not_vary_has_no_indices():
    design = sobol.Design.drawn(16, 2, [slice(0, 1), slice(1, 2)], seed=1, spread="random")
    result = sobol.indices(*design.results(lambda at: np.full((len(at), 1), 0.1)), seed=1, resamples=3)
    assert np.isnan(result.first).all()
    assert np.isnan(result.total).all()


# ---- COMMAND AND PYTHON ---- #


def test_the_command_line_states_what_varies(tmp_path):
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(document(**COUNTED), allow_unicode=True), encoding="utf-8")
    counts().write_csv(tmp_path / "d.csv")
    command = ["stress", str(tmp_path / "d.csv"), "-s", str(tmp_path / "s.yaml"), "--runs", "40", "-f", "json"]
    more = ["--vary", "sampling=known", "--vary", "means=[geometric]", "--points", "sobol", "--first", "2", "-q"]
    reports = json.loads(CliRunner().invoke(main, [*command, *more, "--sensitivity", "8"]).stdout)
    assert {row["choice"] for row in reports["choices"]} == {"mean", "sampling"}
    assert (reports["points"], reports["first"], reports["runs"], reports["sensitivity_points"]) == ("sobol", 2, 40, 8)
    assert {"sets", "sources", "sensitivity", "importance", "convergence"} <= reports.keys()
    for wrong, code in (("means=[nonsense]", "K113"), ("sampling={无: wilson}", "K870"), ("weights", "K542")):
        refused = CliRunner().invoke(main, [*command, "--vary", wrong])
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert code in refused.stderr
    result = kpi.stress(
        tmp_path / "d.csv", system=tmp_path / "s.yaml", runs=40, vary={"sampling": "known", "means": ["geometric"]},
        spread="sobol", first=2, sensitivity=8,
    )  # fmt: skip
    assert result.ranks["low"].to_list() == [row["low"] for row in reports["ranks"]]
    with pytest.raises(DefinitionError, match="K870"):
        kpi.stress(tmp_path / "d.csv", system=tmp_path / "s.yaml", vary={"revision": "无"})


def test_the_declared_choices_are_used_and_the_percent_can_be_replaced():
    scored = card(uncertainty={"weights": {"percent": 30, "of": ["composite"]}})
    result = stressed(scored, runs=10)
    assert (result.weights, set(result.choices["choice"])) == (30, {"weights"})
    assert stressed(scored, runs=10, weights=5).weights == 5
    assert isinstance(result.study.cohorts, np.ndarray)
    assert Choices(scored.definition, ()).dimensions == 0


def test_what_varies_changes_no_score_and_what_is_not_stated_no_hash():
    plain, empty, stated = (card(uncertainty=given) for given in ({}, {"means": []}, {"weights": 25}))
    assert plain.definition_hash == empty.definition_hash == card().definition_hash != stated.definition_hash
    assert plain.totals.equals(stated.totals)
    for scored in (plain, stated):
        again = kpi.load(scored.definition.model_dump(by_alias=True, exclude_unset=True))
        assert again.uncertainty == scored.definition.uncertainty
        assert again.uncertainty.declared is (scored is stated)


CLASSED = {
    "pillars": {
        "一": {"weight": 1, "parts": {
            "i0": {"by": "cohort", "values": {"甲类": 70, "乙类": 40}},
            "i1": {"by": "cohort", "values": {"甲类": 30, "乙类": 60}},
        }},
    },
    "scoring": {"kind": "goalposts", "low": 0, "high": 100},
}  # fmt: skip


def test_weights_by_class_vary_by_percent_around_those_of_each_class():
    data = figures().with_columns(分组=pl.Series(["甲类"] * 4 + ["乙类"] * 3))
    scored = card(data, **CLASSED)
    still = stressed(scored, runs=3, uncertainty=Uncertainty(means=["arithmetic"]))
    assert still.ranks["low"].to_list() == still.ranks["high"].to_list() == still.ranks["rank"].to_list()
    result = stressed(scored, runs=200, uncertainty=Uncertainty(weights=90))
    for row in scored.totals.join(result.ranks, on="entity").to_dicts():
        # Scores of the parts bound that of their mean, whatever the weights.
        assert row["score_low"] - 1e-9 <= row["raw_score"] <= row["score_high"] + 1e-9
    refused = examine_text(
        yaml.safe_dump(document(**CLASSED, uncertainty={"weights": {"order": True}}), allow_unicode=True)
    )
    assert [item.code for item in refused.findings if item.severity == "error"] == ["K870"]
