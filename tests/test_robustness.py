"""How robust a ranking is: simulated runs against plain Python, laws, and what the command prints."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path
from statistics import median

import polars as pl
import pytest
import yaml
from click.testing import CliRunner

import kpi
from kpi.analysis.robustness import stressed
from kpi.analysis.uncertainty import choices, points, study
from kpi.analysis.variants import leave_out
from kpi.cli.main import main
from kpi.errors import DataError
from kpi.language.loading.loader import examine_text
from kpi.report.files import content

ROOT = Path(__file__).parents[1]
NAMES = ("a", "b", "c")
ROWS = {"甲": (90, 60, 30), "乙": (60, 70, 52), "丙": (30, 80, 71), "丁": (95, 90, 85), "戊": (61, 60, 59)}


def document(**more):
    return {
        "system": "bench",
        "period": "year",
        "entities": {"title": "县"},
        "measures": {f"m_{name}": {"unit": "1", "over_time": "last"} for name in NAMES},
        "indicators": {name: {"kind": "level", "of": f"m_{name}"} for name in NAMES},
        "scoring": {"kind": "goalposts", "low": 0, "high": 100},
        "pillars": {"一": {"weight": 2, "parts": {"a": 3, "b": 1}}, "二": {"weight": 1, "parts": {"c": 1}}},
        "stars": {"kind": "bands", "cuts": {3: 70, 2: 60, 1: 0}},
    } | more


def card(folder, rows=ROWS, periods=("2023",), **more):
    system = examine_text(yaml.safe_dump(document(**more), allow_unicode=True)).system
    assert system is not None
    figures = [
        {"period": period, "entity": entity, "measure": f"m_{name}", "value": value}
        for period in periods
        for entity, values in rows.items()
        for name, value in zip(NAMES, values, strict=True)
        if value is not None
    ]
    pl.DataFrame(figures).write_csv(folder / "figures.csv")
    return kpi.score(folder / "figures.csv", system=system)


@pytest.fixture
def weights_alone(monkeypatch):
    for name in ("NORMALISATIONS", "MEANS", "POLICIES"):
        monkeypatch.setattr(choices, name, {})


def quantile(values, share):
    place = share * (len(values) - 1)
    low = sorted(values)[int(place)]
    high = sorted(values)[min(int(place) + 1, len(values) - 1)]
    return low + (high - low) * (place - int(place))


@pytest.mark.usefixtures("weights_alone")
def test_drawn_weights_give_the_places_and_stars_that_plain_python_gives(tmp_path):
    actual = stressed(card(tmp_path), runs=60, weights=30, seed=7)
    drawn = points.drawn(60, 4, seed=7)
    usual = {"甲": 2, "乙": 1, "丙": 1, "丁": 3, "戊": 2}
    places, kept = {name: [] for name in ROWS}, dict.fromkeys(ROWS, 0)
    for point in drawn:
        first, second, a, b = (0.7 + 0.6 * float(item) for item in point)
        totals = {}
        for name, (x, y, z) in ROWS.items():
            item = (x * 3 * a + y * b) / (3 * a + b)
            totals[name] = round((item * 2 * first + z * second) / (2 * first + second), 2)
        for name, total in totals.items():
            places[name].append(1 + sum(other > total for other in totals.values()))
            kept[name] += (3 if total >= 70 else 2 if total >= 60 else 1) == usual[name]
    for row in actual.ranks.iter_rows(named=True):
        reports = places[row["entity"]]
        expected = [
            sum(reports) / 60,
            median(reports),
            quantile(reports, 0.05),
            quantile(reports, 0.95),
            min(reports),
            max(reports),
        ]
        assert [row[key] for key in ("mean", "median", "low", "high", "best", "worst")] == pytest.approx(expected)
        assert row["stars"] == usual[row["entity"]]
        assert row["kept"] == pytest.approx(kept[row["entity"]] / 60 * 100)
    assert any(0 < item < 60 for item in kept.values())


@pytest.mark.usefixtures("weights_alone")
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"pillars": {"一": {"parts": ["a", "b", "c"], "weights": {"method": "entropy"}}}},
        {"pillars": {"一": {"parts": ["a", "b", "c"], "weights": {"method": "critic", "among": "panel"}}}},
        {"pillars": {"一": {"parts": ["a", "b", "c"], "mean": "copeland"}}},
        {"stars": {"kind": "quota", "shares": {3: 50, 1: 50}, "cohorts": {"": {3: 20, 2: 80}}}},
        {"stars": {"kind": "breaks", "levels": [1, 2, 3], "guardrail": 5}},
        {"stars": {"kind": "bands", "cuts": {3: 70, 2: 60, 1: 0}, "moves": "hold_harmless"}},
        {"ranking": {"ties": "average", "decimals": 0}},
    ],
    ids=str,
)
def test_runs_that_change_nothing_give_what_was_scored(tmp_path, more):
    actual = stressed(card(tmp_path, periods=("2022", "2023"), **more), runs=3, weights=0)
    assert actual.ranks["kept"].drop_nulls().to_list() == [100] * 5
    for key in ("mean", "low", "high", "best", "worst"):
        assert actual.ranks[key].to_list() == actual.ranks["rank"].to_list()


def test_runs_held_together_are_the_runs_one_by_one(tmp_path, monkeypatch):
    rows = ROWS | {"己": (50, None, 50)}
    together = stressed(card(tmp_path, rows), runs=40)
    monkeypatch.setattr(study, "CELLS", 1)
    monkeypatch.setattr(study, "BLOCK", 1)
    apart = stressed(card(tmp_path, rows), runs=40)
    assert together.ranks.equals(apart.ranks)
    assert together.alternatives.equals(apart.alternatives)


def test_the_same_seed_gives_the_same_runs_whatever_the_order_of_rows(tmp_path):
    ordered = stressed(card(tmp_path), runs=30, seed=5)
    turned = stressed(card(tmp_path, dict(reversed(ROWS.items()))), runs=30, seed=5)
    assert ordered.ranks.equals(turned.ranks)
    assert not ordered.ranks.equals(stressed(card(tmp_path), runs=30, seed=6).ranks)


def test_who_is_best_in_everything_is_first_under_every_assumption(tmp_path):
    actual = stressed(card(tmp_path), runs=80, weights=60)
    best = actual.ranks.row(0, named=True)
    assert (best["entity"], best["best"], best["worst"]) == ("丁", 1, 1)
    assert actual.ranks["low"].to_list() != actual.ranks["high"].to_list()
    assert actual.ranks.select((pl.col("best") <= pl.col("low")) & (pl.col("low") <= pl.col("high"))).to_series().all()


def test_every_assumption_is_varied_and_what_makes_no_difference_is_left_alone(tmp_path):
    def tried(item):
        return set(item.alternatives.select("assumption", "alternative").rows())

    whole = tried(stressed(card(tmp_path), runs=1))
    normalisations = {("normalisation", name) for name in ("minmax", "zscore", "percentile")}
    # `c` is all of its pillar: without it the pillar is left out.
    left_out = {("without", name) for name in ("a", "b", "一", "二")}
    assert whole == normalisations | left_out | {("mean", "geometric")}
    own = tried(stressed(card(tmp_path, scoring={"kind": "minmax"}), runs=1))
    assert ("normalisation", "minmax") not in own
    gaps = tried(stressed(card(tmp_path, ROWS | {"己": (0, None, 50)}), runs=1))
    assert gaps - whole == {("missing", name) for name in ("redistribute", "zero", "cohort_mean")} | {("mean", "power")}
    assert ("mean", "geometric") not in gaps


def test_leaving_out_moves_whom_it_should(tmp_path):
    rows = stressed(card(tmp_path), runs=1).alternatives.filter(pl.col("assumption") == "without").to_dicts()
    without = {row["alternative"]: row for row in rows}
    # Scored: 丁 甲 戊 乙 丙. Without the second pillar, by 3a + b: 丁 甲 乙 戊 丙, 62.5 before 60.75.
    assert without["二"]["moved"] == pytest.approx(2 / 5)
    assert (without["二"]["most"], without["二"]["entity"] in ("乙", "戊")) == (1, True)


def test_a_part_takes_what_stands_on_it_alone_with_it():
    pillars = {
        "上": {"weight": 1, "parts": ["中", "a"]}, "中": {"parts": ["下"]}, "下": {"parts": ["b"]},
        "旁": {"weight": 1, "parts": ["c"]},
    }  # fmt: skip
    system = examine_text(yaml.safe_dump(document(pillars=pillars), allow_unicode=True)).system
    assert system is not None
    assert set(leave_out(system, "b").pillars) == {"上", "旁"}
    assert set(leave_out(system, "中").pillars) == {"上", "旁"}
    assert set(leave_out(system, "上").pillars) == {"旁"}
    assert leave_out(leave_out(system, "上"), "c") is None
    assert set(system.pillars) == set(pillars)


def test_there_must_be_a_ranking(tmp_path):
    with pytest.raises(DataError, match="K561"):
        stressed(card(tmp_path, pillars={}))
    with pytest.raises(DataError, match="K561"):
        stressed(card(tmp_path, {"甲": (None, None, 50)}, composite={"missing": "fail"}))


def test_who_has_no_place_has_no_interval(tmp_path):
    rows = ROWS | {"己": (None, 50, 50)}
    actual = stressed(card(tmp_path, rows, treatment={"few": {"kind": "screen", "at_least": 90}}), runs=20)
    [row] = actual.ranks.filter(pl.col("entity") == "己").to_dicts()
    assert [row[key] for key in ("rank", "low", "high", "stars", "kept")] == [None] * 5


@pytest.mark.usefixtures("chinese")
def test_the_command_prints_a_table_places_and_json():
    file = str(ROOT / "sample_data/five-star/scores.csv")
    command = ["stress", file, "-s", "five-star-bands", "--runs", "20"]
    shown = CliRunner().invoke(main, [*command, "-f", "table"])
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert "20 次模拟：权重 ±20 %" in shown.stdout
    assert "★★★★★" in shown.stdout
    piped = CliRunner().invoke(main, command)
    rows = list(csv.DictReader(StringIO(piped.stdout)))
    reports = json.loads(CliRunner().invoke(main, [*command, "-f", "json"]).stdout)
    assert reports["schema"] == "kpi.robustness/1"
    assert [row["entity"] for row in rows] == [row["entity"] for row in reports["ranks"]]
    assert {row["assumption"] for row in reports["alternatives"]} == {"normalisation", "mean", "without"}
    wrong = CliRunner().invoke(main, ["stress", file, "-s", "five-star-bands", "-p", "2030Q1"])
    assert (wrong.exit_code, wrong.stdout) == (2, "")


def test_python_gives_the_same():
    file = ROOT / "sample_data/five-star/scores.csv"
    actual = kpi.stress(file, system="five-star-bands", period="2023Q2", runs=10, weights=10, seed=3)
    assert (actual.period, actual.runs, actual.weights, actual.seed) == ("2023Q2", 10, 10, 3)
    assert actual.ranks["entity"][0] == "桐乡市"


SHIPPED = {
    "per-mu-2022": "per-mu-2022/firms.csv", "smart-city-stars": "smart-city-stars/reports.csv",
    "eco-code": "eco-code/reports.csv", "data-maturity": "data-maturity/reports.csv",
    "execution-index": "execution-index/tasks.csv", "five-star-lit": "five-star/scores.csv",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_systems_of_every_make_can_be_stressed(name):
    scored = kpi.score(ROOT / "sample_data" / SHIPPED[name], system=name, definitions=ROOT / "definitions")
    actual = stressed(scored, runs=20)
    ranked = actual.ranks.filter(pl.col("rank").is_not_null())
    last = scored.totals.filter(pl.col("period") == scored.periods[-1])
    assert ranked.height == last["rank"].count() > 1
    for key in ("mean", "median", "low", "high", "best", "worst"):
        assert ranked[key].is_between(1, ranked.height).all(), key
    assert (ranked["best"] <= ranked["worst"]).all()
    assert actual.alternatives.filter(pl.col("assumption") == "without").height > 1


def test_the_parameters_of_every_run_give_its_places():
    """A run computed again from its row, by plain arithmetic, has the ranks whose mean is reported."""
    import numpy as np

    random = np.random.default_rng(3)
    figures = {f"m{at}": random.integers(20, 99, 6).tolist() for at in range(3)}
    frame = pl.DataFrame({"期别": ["2023"] * 6, "单位": list("甲乙丙丁戊己")} | figures)
    system = {
        "system": "drawn", "period": "year", "entities": {},
        "measures": {f"m{at}": {"unit": "1", "over_time": "last"} for at in range(3)},
        "indicators": {
            f"x{at}": {"kind": "level", "of": f"m{at}", "score": {"kind": "goalposts", "low": 0, "high": 100}}
            for at in range(3)
        },
        "pillars": {"p": {"weight": 100, "parts": {"x0": 5, "x1": 3, "x2": 2}}},
        "uncertainty": {"weights": 40, "means": ["geometric"]}, "ranking": {"on": "raw"},
    }  # fmt: skip
    result = kpi.stress(frame, system=system, runs=40)
    drawn = result.drawn
    weights = drawn.select(f"weight.p.x{at}" for at in range(3)).to_numpy()
    assert weights.sum(axis=1) == pytest.approx(100)
    factors = weights / weights[:, :1] * 5 / np.array([5, 3, 2])
    assert ((factors > 0.6 / 1.4) & (factors < 1.4 / 0.6)).all()
    assert set(drawn["mean"]) == {"declared", "geometric"}
    scores = np.array(list(figures.values()), dtype=float).T
    places = []
    for mean, shares in zip(drawn["mean"], weights / 100, strict=True):
        total = scores @ shares if mean == "declared" else np.exp(np.log(scores) @ shares)
        places.append([(total > own).sum() + 1 for own in total])
    expected = dict(zip("甲乙丙丁戊己", np.mean(places, axis=0), strict=True))
    assert {row["entity"]: row["mean"] for row in result.ranks.to_dicts()} == pytest.approx(expected)


def test_reports_have_the_parameters_up_to_a_size(monkeypatch):
    from kpi.report import robustness as report

    result = kpi.stress(ROOT / "sample_data/five-star/scores.csv", system="five-star-bands", runs=20)
    shown = report.RobustnessReport(result)
    assert shown.frames()["drawn"].height == 20
    document = json.loads(content(shown, "json"))
    assert document["runs"] == len(document["drawn"]) == 20
    with kpi.using_language("en"):
        headings = [shown.heading("drawn", column) for column in result.drawn.columns]
    assert headings[0] == "Run"
    assert any(heading.startswith("Weight of ") for heading in headings)
    monkeypatch.setattr(report, "MOST_PARAMETERS", 10)
    assert "drawn" not in shown.frames()
