"""What COINr (R) computes for its own data set ASEM, computed from definitions in YAML.

The figures are COINr's (tests/data/README.md). Where the method is the same we agree to 1e-12 of the figure (or of the
scale); where COINr has a defect, the test says what we do.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import yaml

from kpi.analysis.robustness import stressed
from kpi.analysis.uncertainty import points
from kpi.analysis.uncertainty.simulation import simulate
from kpi.analysis.uncertainty.summaries import names_of
from kpi.analysis.variants import leave_out
from kpi.language.loading.loader import examine_text
from kpi.session import score

COINR = Path(__file__).parents[1] / "data" / "coinr"

IDENTITY = {"kind": "goalposts", "low": 0, "high": 100, "floor": None, "cap": None}


def table(name):
    return pl.read_csv(COINR / f"{name}.csv", infer_schema_length=None)


def nodes(case):
    return table("nodes").filter(pl.col("case") == case).drop("case")


def from_1_to_100(name):
    """Return a table of figures from 0 to 100 as Aggregate takes them: a geometric mean wants none that is 0."""
    return table(name).with_columns(pl.exclude("uCode") * 0.99 + 1)


@pytest.fixture(scope="module")
def meta():
    return table("tree")


@pytest.fixture(scope="module")
def raw():
    return table("raw")


def leaves(meta):
    return meta.filter(pl.col("Type") == "Indicator")


def system(meta, *, rule=None, rules=None, targets=None, mean="arithmetic", missing="redistribute", **more):
    """Return the ASEM index as a system: every indicator reported, the tree of COINr's metadata.

    With a rule indicators have their direction; without one figures are scores already, and higher is better.
    """
    rows = leaves(meta).to_dicts()
    groups = meta.filter(pl.col("Type") == "Aggregate").to_dicts()
    pillars = {
        item["iCode"]: {"parts": [row["iCode"] for row in [*rows, *groups] if row["Parent"] == item["iCode"]]}
        | {"mean": mean, "missing": missing}
        | ({"weight": 1} if item["Parent"] == "Index" else {})
        for item in groups
        if item["iCode"] != "Index"
    }
    definition = {
        "system": "asem",
        "period": "year",
        "entities": {"title": "country"},
        "measures": {f"m_{row['iCode']}": {"unit": "1", "over_time": "last"} for row in rows},
        "indicators": {
            row["iCode"]: {
                "kind": "level",
                "of": f"m_{row['iCode']}",
                "better": "lower" if int(row["Direction"]) == -1 and (rule or rules) else "higher",
                "target": [] if targets is None else targets[row["iCode"]],
                "score": (rules or {}).get(row["iCode"], rule or IDENTITY),
            }
            for row in rows
        },
        "pillars": pillars,
        "composite": {"mean": mean, "missing": missing, "floor": None},
    } | more
    return yaml.safe_dump(definition, allow_unicode=True, sort_keys=False)


def run(folder, text, figures, cohorts=None, names=None):
    """Scores a wide table of figures, uCode and a column per indicator, by a system given as text."""
    loaded = examine_text(text, "asem.yaml", folder=folder)
    assert loaded.system is not None, [str(item) for item in loaded.findings]
    names = names or list(loaded.system.indicators)
    long = figures.select("uCode", *names).unpivot(index="uCode", variable_name="measure").drop_nulls()
    long = long.select(pl.lit("2018").alias("period"), entity="uCode", measure="m_" + pl.col("measure"), value="value")
    if cohorts is not None:
        long = long.join(cohorts, on="entity")
    long.write_csv(folder / "figures.csv")
    return score(folder / "figures.csv", system=loaded.system)


def scores(card):
    """Return indicators and nodes wide: uCode and a column for each."""
    wide = card.indicators.pivot("indicator", index="entity", values="score")
    wide = wide.join(card.pillars.pivot("pillar", index="entity", values="score"), on="entity")
    index = card.totals.select("entity", Index="raw_score")
    return wide.join(index, on="entity").rename({"entity": "uCode"}).sort("uCode")


def agree(ours, theirs, columns, *, factor=1.0, shift=0.0, tolerance=1e-12):
    """Checks that ours * factor + shift is theirs, to a tolerance relative to the largest figure of a column."""
    ours, theirs = ours.sort("uCode"), theirs.sort("uCode")
    assert ours["uCode"].to_list() == theirs["uCode"].to_list()
    for name in columns:
        mine, their = ours[name].cast(pl.Float64) * factor + shift, theirs[name].cast(pl.Float64)
        assert mine.is_null().to_list() == their.is_null().to_list(), name
        size = max(1.0, float(their.abs().max()))
        worst = float((mine - their).abs().max())
        assert worst <= tolerance * size, (name, worst)


# ---- NORMALISERS ---- #


@pytest.mark.parametrize(
    "case",
    [
        ("minmax", {"kind": "minmax"}, 1, 0),
        ("zscore", {"kind": "zscore", "mean": 0, "sd": 1}, 1, 0),
        ("rank", {"kind": "borda"}, 1, 1),
        ("prank", {"kind": "percentile", "ties": "min", "scale": [0, 1]}, 1, 0),
        ("minmax", {"kind": "distance_to_best", "by": "range", "scale": [0, 1]}, 100, 0),
    ],
)
def test_normalisers(tmp_path, meta, raw, case):
    file, rule, factor, shift = case
    card = run(tmp_path, system(meta, rule=rule), raw)
    agree(scores(card), table(file), leaves(meta)["iCode"], factor=factor, shift=shift)


def test_goalposts(tmp_path, meta, raw):
    rules = {
        row["iCode"]: {"kind": "goalposts", "low": row["goalpost_lower"], "high": row["goalpost_upper"]}
        for row in leaves(meta).to_dicts()
    }
    agree(scores(run(tmp_path, system(meta, rules=rules), raw)), table("goalposts"), list(rules))


def test_distance_to_target(tmp_path, meta, raw):
    targets = {
        row["iCode"]: {"at_least" if int(row["Direction"]) == 1 else "at_most": row["Target"]}
        for row in leaves(meta).to_dicts()
    }
    card = run(
        tmp_path, system(meta, rule={"kind": "distance_to_target", "scale": [0, 1], "cap": 1}, targets=targets), raw
    )
    agree(scores(card), table("dist2targ"), list(targets))


# ---- MEANS ---- #


def test_copeland(tmp_path, meta):
    """All indicators at once, each with its effective weight in the tree."""
    figures = from_1_to_100("normalised")
    effective = run(tmp_path, system(meta), figures).weights
    weight = dict(effective.select("part", "effective").iter_rows())
    parts = {name: weight[name] for name in leaves(meta)["iCode"]}
    flat = {"全部": {"parts": parts, "mean": "copeland"}}
    card = run(tmp_path, system(meta, pillars=flat), figures)
    ours = card.pillars.select(uCode="entity", copeland="score")
    agree(ours, table("copeland"), ["copeland"], factor=(figures.height - 1) / 50, shift=-(figures.height - 1.0))


@pytest.mark.parametrize(
    ("case", "mean"),
    [
        ("arithmetic", "arithmetic"),
        ("geometric", "geometric"),
        ("harmonic", "harmonic"),
        ("power_2", {"power": 2.0}),
    ],
)
def test_means(tmp_path, meta, case, mean):
    expected = nodes(case)
    card = run(tmp_path, system(meta, mean=mean), from_1_to_100("normalised"))
    agree(scores(card), expected, [name for name in expected.columns if name != "uCode"])


@pytest.mark.parametrize(("case", "percent"), [("at_least_half", 50), ("complete", 100)])
def test_missing_data_thresholds(tmp_path, meta, case, percent):
    expected = nodes(case)
    text = system(meta, missing={"redistribute": {"at_least": percent}})
    card = run(tmp_path, text, from_1_to_100("minmax"))
    agree(scores(card), expected, [name for name in expected.columns if name != "uCode"])


# ---- WEIGHTS ---- #


def test_principal_components(tmp_path, meta):
    """COINr takes the loadings themselves, some of them negative, as weights; ours are their squares."""
    theirs = table("pca")
    pillars = yaml.safe_load(system(meta))["pillars"]
    groups = [name for name, item in pillars.items() if item["parts"][0] in theirs["iCode"]]
    for name in groups:
        pillars[name]["weights"] = {"method": "pca"}
    card = run(tmp_path, system(meta, pillars=pillars), table("normalised"))
    ours = card.weights.select(iCode="part", weight="weight").join(theirs, on="iCode")
    assert ours.height == theirs.height
    assert (ours["weight"] / 100 - ours["Weight"] ** 2).abs().max() < 1e-12
    assert (theirs["Weight"] < 0).any()


# ---- DATA TREATMENT ---- #


def divided(measure, below):
    if not below:
        return {"kind": "level", "of": measure}
    return {"kind": "ratio", "unit": "1", "numerator": measure, "denominator": f"m_{below}"}


def denominated(meta):
    """Return the measures and indicators of a system, an indicator with a denominator as a ratio."""
    rows = leaves(meta).to_dicts()
    below = {row["Denominator"] for row in rows if row["Denominator"]}
    return {
        "measures": {f"m_{name}": {"unit": "1", "over_time": "last"} for name in [*leaves(meta)["iCode"], *below]},
        "indicators": {
            row["iCode"]: divided(f"m_{row['iCode']}", row["Denominator"])
            | {"better": "higher" if int(row["Direction"]) == 1 else "lower"}
            for row in rows
        },
        "scoring": {"kind": "minmax", "among": "period"},
    }  # fmt: skip


CHAIN = {
    "gaps": {"kind": "impute", "by": "mean"},
    "tails": {"kind": "winsorise", "most": 5, "otherwise": "undo", "among": "period"},
    "logs": {"kind": "transform", "by": "log", "among": "period"},
}


def test_the_whole_index_from_raw_figures(tmp_path, meta):
    """Denominate, impute by the mean of the continent, winsorise or take logarithms, min-max, aggregate."""
    data = table("raw")
    groups = data.select(entity="uCode", 分组="EurAsia_group")
    text = system(meta, treatment=CHAIN, **denominated(meta))
    loaded = examine_text(text)
    assert loaded.system is not None, [str(item) for item in loaded.findings]
    below = {row["Denominator"] for row in leaves(meta).to_dicts() if row["Denominator"]}
    card = run(tmp_path, text, data, groups, [*leaves(meta)["iCode"], *below])
    expected = nodes("normalised")
    agree(scores(card), expected, [name for name in expected.columns if name != "uCode"])
    touched = card.treated.group_by("step").len().sort("step")
    assert dict(touched.iter_rows())["gaps"] == 65
    assert set(card.treated["step"]) == {"gaps", "tails"}  # five values at most were enough everywhere


@pytest.mark.parametrize(
    "case",
    [("mean", "mean", None), ("median_of_group", "median", "GDP_group")],
)
def test_imputation(tmp_path, meta, raw, case):
    column, by, cohorts = case
    groups = None if cohorts is None else table("raw").select(entity="uCode", 分组=cohorts)
    text = system(meta, treatment={"gaps": {"kind": "impute", "by": by}})
    card = run(tmp_path, text, raw, groups)
    names = leaves(meta)["iCode"]
    filled = card.frame.select(uCode=card.entities["entity"], **{name: f"{name}.treated" for name in names})
    theirs = table("imputed").pivot("iCode", index="uCode", values=column)
    theirs = raw.select("uCode", *names).update(theirs, on="uCode")
    agree(filled, theirs, names)


@pytest.mark.parametrize("case", [(-1, -1, True), (1, -1, False), (-1, 1, False)])
def test_skewness_and_kurtosis(tmp_path, meta, raw, case):
    """A gate a millionth of a millionth below both finds outliers in every indicator; above either, in none."""
    skew, kurtosis, moved = case
    steps = {}
    for name, their_skew, their_kurtosis in table("skew_kurt").iter_rows():
        gate = {
            "skew": abs(their_skew) + skew * 1e-12 * max(1, abs(their_skew)),
            "kurtosis": their_kurtosis + kurtosis * 1e-12 * max(1, abs(their_kurtosis)),
        }
        steps[f"tails_{name}"] = {"kind": "winsorise", "most": 1, "of": [name]} | gate
    card = run(tmp_path, system(meta, rule={"kind": "minmax"}, treatment=steps), raw)
    assert set(card.treated["indicator"]) == (set(leaves(meta)["iCode"]) if moved else set())


# ---- RANKS ---- #


def test_ranks(tmp_path, meta):
    expected, ranks = nodes("normalised"), table("ranks")
    card = run(tmp_path, system(meta, ranking={"on": "raw"}), table("normalised"))
    agree(scores(card), expected, [name for name in expected.columns if name != "uCode"])
    places = card.totals.select(uCode="entity", Index="rank")
    for frame, key in ((card.pillars, "pillar"), (card.indicators, "indicator")):
        places = places.join(frame.pivot(key, index="entity", values="rank").rename({"entity": "uCode"}), on="uCode")
    # COINr tells 54.02298850574711 and 54.02298850574713 apart, which are both 100 * 47/87.
    tied = table("normalised").select("uCode", "TolMin")
    assert (tied["TolMin"].n_unique(), tied["TolMin"].round(9).n_unique()) == (41, 40)
    placed = tied.with_columns(pl.col("TolMin").round(9).rank("min", descending=True))
    ranks = ranks.drop("TolMin").join(placed, on="uCode")
    agree(places, ranks, [name for name in ranks.columns if name != "uCode"])


# ---- ROBUSTNESS ---- #


def test_ranks_without_each_group(tmp_path, meta):
    """What COINr's remove_elements does: the ranking without each of the eight groups, its weight with the others."""
    expected = table("left_out")
    card = run(tmp_path, system(meta, ranking={"on": "raw"}), table("normalised"))
    assert dict(zip(expected["uCode"], expected["Nominal"], strict=True)) == ranked(card)
    for name in expected.columns[2:]:
        rest = leave_out(card.definition, name)
        ours = ranked(score(tmp_path / "figures.csv", system=rest))
        assert ours == dict(zip(expected["uCode"], expected[name], strict=True)), name


def ranked(card):
    return dict(card.totals.select("entity", pl.col("rank").cast(pl.Int64)).iter_rows())


def test_simulated_ranks(tmp_path, meta):
    """What COINr's get_sensitivity does of raw figures: a thousand draws of four choices.

    The most points that are winsorised (1 to 5), min-max or z-scores, weights of the upper levels off by 25 %, the
    arithmetic or the geometric mean. The draws differ: of a mean rank four standard errors are allowed, of a bound of
    an interval, and of a median, the places to which its own error leads, which is one but for few countries.
    """
    theirs = table("simulated")
    groups = table("raw").select(entity="uCode", 分组="EurAsia_group")
    below = {row["Denominator"] for row in leaves(meta).to_dicts() if row["Denominator"]}
    names = list(leaves(meta)["iCode"])
    (tmp_path / "imputed").mkdir()
    card = run(tmp_path, system(meta, treatment=CHAIN, **denominated(meta)), table("raw"), groups, [*names, *below])
    imputed = card.frame.select(uCode=card.entities["entity"], **{name: f"{name}#gaps" for name in names})
    chain = {name: step for name, step in CHAIN.items() if name != "gaps"}
    uncertainty = {
        "weights": {"percent": 25, "of": ["composite", "Conn", "Sust"]},
        "normalisation": [{"kind": "zscore", "mean": 10, "sd": 2, "among": "period"}],
        "means": ["geometric"],
        "treatment": {"tails": [CHAIN["tails"] | {"most": most} for most in (1, 2, 3, 4)]},
    }
    rule = {"kind": "minmax", "scale": [1, 100], "among": "period"}
    text = system(meta, rule=rule, treatment=chain, uncertainty=uncertainty, ranking={"on": "raw"})
    result = stressed(run(tmp_path / "imputed", text, imputed), runs=4000)
    assert result.converged
    both = result.ranks.rename({"entity": "uCode"}).join(theirs, on="uCode")
    assert both["rank"].to_list() == both["Nominal"].to_list()
    spread = simulated_deviation(result)
    error = both["uCode"].replace_strict(spread, return_dtype=pl.Float64) * (1 / 1000 + 1 / 4000) ** 0.5
    assert ((both["mean"] - both["Mean"]).abs() <= 4 * error + 0.01).all()
    for ours, their in (("low", "Q5"), ("high", "Q95"), ("median", "Median")):
        differences = (both[ours] - both[their]).abs()
        assert differences.max() <= 2, ours
        assert (differences > 1).sum() <= 2, ours
        assert differences.mean() < 0.25, ours


def simulated_deviation(result):
    """Return the standard deviation of the ranks of each country over other runs of the same study."""
    again = points.drawn(1000, result.varied.dimensions, seed=9)
    ranks = simulate(result.study, result.varied, again).outcome.ranks
    return dict(zip(names_of(result.study), ranks.std(axis=0).astype(float).tolist(), strict=True))


def test_simulated_ranks_of_normalised_figures(tmp_path, meta):
    """The same with the choices that a system has which declares none: the picture is the same."""
    theirs = table("simulated")
    card = run(tmp_path, system(meta, ranking={"on": "raw"}), table("normalised"))
    ours = stressed(card, runs=300, weights=25).ranks.rename({"entity": "uCode"})
    both = ours.join(theirs, on="uCode")
    assert both["rank"].to_list() == both["Nominal"].to_list()
    assert (both["median"] - both["Median"]).abs().mean() < 1
    wide, their = (both["high"] - both["low"]).mean(), (both["Q95"] - both["Q5"]).mean()
    assert their * 0.75 < wide < their * 1.25


def test_what_is_left_out_is_in_the_report(tmp_path, meta):
    """The mean change of rank of each alternative is that of the published ranks without each group."""
    expected = table("left_out")
    card = run(tmp_path, system(meta, ranking={"on": "raw"}), table("normalised"))
    result = stressed(card, runs=1).alternatives.filter(pl.col("assumption") == "without")
    moved = dict(result.select("alternative", "moved").iter_rows())
    for name in expected.columns[2:]:
        assert moved[name] == pytest.approx((expected[name] - expected["Nominal"]).abs().mean()), name
