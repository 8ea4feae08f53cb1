"""Intervals and probabilities beside totals: those of kpi stress, in every output, and nothing without the option."""

from __future__ import annotations

import csv
import json
from io import BytesIO, StringIO

import numpy as np
import polars as pl
import pytest
import yaml
from click.testing import CliRunner

import kpi
from kpi.analysis import intervals
from kpi.analysis.robustness import stressed
from kpi.cli.main import main
from kpi.language.loading.loader import examine_text
from kpi.report.files import content
from kpi.report.results import BulletinReport, ScorecardReport

UNITS = ("东", "西", "南", "北", "中", "上", "下")
NAMES = ("a", "b", "c", "d")
NEW = ["rank_low", "rank_high", "score_low", "score_high"]


def document(**more):
    return {
        "system": "bench", "period": "year", "entities": {"title": "县"},
        "measures": {f"m_{name}": {"unit": "1", "over_time": "last"} for name in NAMES},
        "indicators": {name: {"kind": "level", "of": f"m_{name}"} for name in NAMES},
        "scoring": {"kind": "goalposts", "low": 0, "high": 100},
        "pillars": {"一": {"weight": 1, "parts": ["a", "b"]}, "二": {"weight": 1, "parts": ["c", "d"]}},
        "stars": {"kind": "bands", "cuts": {3: 55, 2: 45, 1: 0}, "half": True},
    } | more  # fmt: skip


def system(**more):
    loaded = examine_text(yaml.safe_dump(document(**more), allow_unicode=True))
    assert loaded.system is not None, [str(item) for item in loaded.findings]
    return loaded.system


def figures(units=UNITS, periods=("2022", "2023")):
    random = np.random.default_rng(1)
    return pl.DataFrame([
        {"期别": period, "县": unit} | {f"m_{name}": round(float(random.uniform(20, 80)), 1) for name in NAMES}
        for period in periods for unit in units
    ])  # fmt: skip


@pytest.fixture(scope="module")
def card():
    return kpi.score(figures(), system=system(), intervals=60)


def test_intervals_are_those_of_kpi_stress(card):
    for period in ("2022", "2023"):
        result = stressed(card, period=period, runs=60)
        totals = card.totals.filter(pl.col("period") == period).sort("entity")
        ranks = result.ranks.sort("entity")
        assert totals["rank_low"].to_list() == ranks["low"].to_list()
        assert totals["rank_high"].to_list() == ranks["high"].to_list()
        assert totals["score_low"].to_list() == ranks["score_low"].round(2).to_list()
        assert totals["score_high"].to_list() == ranks["score_high"].round(2).to_list()
        for entity, level, percent in result.stars.select("entity", "stars", "percent").iter_rows():
            [row] = totals.filter(pl.col("entity") == entity).to_dicts()
            assert row[f"probability_{level:g}"] == percent


def test_probabilities_of_all_levels_add_up(card):
    levels = [name for name in card.totals.columns if name.startswith("probability_")]
    assert levels == sorted(levels, reverse=True)
    assert "probability_2.5" in levels
    sums = card.totals.select(pl.sum_horizontal(levels)).to_series()
    assert sums.to_list() == pytest.approx([100] * 14)


def test_scores_places_and_levels_are_the_same_with_and_without(card, monkeypatch):
    monkeypatch.setattr(intervals, "simulated_intervals", fails)
    plain = kpi.score(figures(), system=system())
    assert plain.intervals is None
    assert card.totals.select(plain.totals.columns).equals(plain.totals)
    assert card.totals.columns[: len(plain.totals.columns) + 4] == [*plain.totals.columns, *NEW]
    assert card.definition_hash == plain.definition_hash


def fails(*_, **__):
    raise AssertionError("nothing is to be simulated")


def test_a_definition_declares_intervals_and_only_results_with_totals_compute_them(tmp_path, monkeypatch):
    stated = document(uncertainty={"weights": 30, "show": "intervals"})
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(stated, allow_unicode=True), "utf-8")
    figures().write_csv(tmp_path / "d.csv")
    place = [str(tmp_path / "d.csv"), "-s", str(tmp_path / "s.yaml")]
    done = CliRunner().invoke(main, ["score", *place, "-f", "csv", "-q"])
    rows = list(csv.DictReader(StringIO(done.stdout)))
    assert {*NEW, "probability_3"} <= rows[0].keys()
    monkeypatch.setattr(intervals, "simulated_intervals", fails)
    for command in (["check", place[2], "--data", place[0]], ["explain", place[0], "东", *place[1:]],
                    ["stress", *place, "--runs", "5"], ["show", place[2], "--analysis", place[0]],
                    ["what-if", *place, "--set", "东.a=1"], ["diff", "2022", "2023", "--data", *place],
                    ["plot", "distribution", *place, "-o", str(tmp_path / "p.json")]):  # fmt: skip
        done = CliRunner().invoke(main, command)
        assert done.exit_code in (0, 1), (command, done.stderr)
    assert kpi.score(tmp_path / "d.csv", system=tmp_path / "s.yaml", intervals=0).intervals is None
    assert not kpi.load(document(uncertainty={"show": "intervals"})).uncertainty.declared
    with kpi.using_language("zh"):
        assert CliRunner().invoke(main, ["show", place[2]]).exit_code == 0


def test_declaring_intervals_changes_no_hash_of_systems_that_do_not():
    def hash_of(**more):
        return kpi.score(figures(), system=system(**more), intervals=0).definition_hash

    assert hash_of() == hash_of(uncertainty={}) == hash_of(uncertainty={"means": []})
    assert len({hash_of(), hash_of(uncertainty={"show": "intervals"}), hash_of(uncertainty={"weights": 20})}) == 3


def test_units_without_a_place_and_periods_without_enough_units_have_none():
    few = figures(("东", "西"), ("2021",))
    gone = figures().with_columns(pl.when((pl.col("县") == "东") & (pl.col("期别") == "2023")).then(None)
                                  .otherwise(pl.col("m_a")).alias("m_a"))  # fmt: skip
    card = kpi.score(pl.concat([few, gone]), system=system(composite={"missing": "fail"}, pillars={
        "一": {"weight": 1, "parts": ["a", "b"], "missing": "fail"}, "二": {"weight": 1, "parts": ["c", "d"]},
    }), intervals=20)  # fmt: skip
    [finding] = [item for item in card.findings_list if item.code == "K891"]
    assert "2 units are ranked in 2021" in str(finding.message)
    assert (str(finding.severity), finding.place.period) == ("warning", "2021")
    new = [name for name in card.totals.columns if name in NEW or name.startswith("probability_")]
    nothing = card.totals.filter((pl.col("period") == "2021") | pl.col("rank").is_null())
    assert nothing.height >= 3
    assert nothing.select(pl.all_horizontal(pl.col(new).is_null()).all()).item()
    ranked = card.totals.filter((pl.col("period") != "2021") & pl.col("rank").is_not_null())
    assert ranked.select(pl.all_horizontal(pl.col(new).is_not_null()).all()).item()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_output_has_them(card, language):
    import openpyxl

    with kpi.using_language(language):
        report = ScorecardReport(card)
        row = json.loads(content(report, "json"))["totals"][0]
        assert {*NEW, "probability_3"} <= row.keys()
        book = openpyxl.load_workbook(BytesIO(content(report, "xlsx")))
        cells = [cell for line in book.worksheets[0].iter_rows(values_only=True) for cell in line]
        latest = card.totals.filter(pl.col("period") == "2023")
        spans = [span(low, high) for low, high in latest.select("rank_low", "rank_high").iter_rows()]
        assert any("–" in item for item in spans)
        text = report.text(screen())
        document_of = content(report, "md").decode()
        for item in spans:
            assert item in cells
            assert item in text
            assert f"| {item} |" in document_of
        page = content(report, "html").decode()
        assert '"rankLow"' in page
        assert "probabilities" in page
        bulletin = content(BulletinReport(card), "md").decode()
        for entity, item in zip(latest["entity"], spans, strict=True):
            assert (f"{entity} {item}" in bulletin or f"{entity}{item}" in bulletin) == ("–" in item)


def span(low, high):
    return f"{low:g}" if low == high else f"{low:g}–{high:g}"


def screen():
    from kpi.report.shape import Screen

    return Screen(width=200)


def test_without_intervals_no_output_mentions_them():
    report = ScorecardReport(kpi.score(figures(), system=system()))
    assert "90 %" not in report.text(screen())
    assert "rankLow" not in content(report, "html").decode().split('id="head">')[1].split("</script>")[0]
    assert "of the runs" not in content(BulletinReport(report.scorecard), "md").decode()


def test_a_file_behind_the_option_is_no_number_of_runs(tmp_path):
    figures().write_csv(tmp_path / "d.csv")
    done = CliRunner().invoke(main, ["score", "--intervals", str(tmp_path / "d.csv")])
    assert done.exit_code == 2
    assert "put --intervals behind the files" in done.stderr


def test_the_page_of_kpi_stress_draws_intervals(card):
    from kpi.report.robustness import RobustnessReport

    result = stressed(card, runs=20)
    page = content(RobustnessReport(result), "html").decode()
    assert page.count('<svg class="interval"') == result.ranks["rank"].count()
