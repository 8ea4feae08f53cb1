"""What changed, and that what came from the data and from the definition add up to it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

import kpi
from kpi.analysis.diff import diff, side
from kpi.batch.comparison import compared
from kpi.cli import starter
from kpi.errors import DataError
from kpi.language.loading.loader import examine_text
from kpi.report import difference as report
from kpi.report.files import content, write

ROOT = Path(__file__).parents[1]
SAMPLES = {
    "jiaxing-2022": ["reports.csv", "cases.csv"],
    "binzhou-2023": ["reports.csv"],
    "execution-index": ["tasks.csv"],
}
SYSTEM = """
system: small
period: year
entities: {title: 县}
measures:
  made: {title: 产值, unit: 亿元}
  roads: {title: 公路, unit: 公里}
  pilots: {title: 试点, unit: 个}
  accidents: {title: 事故, unit: 起}
indicators:
  output: {kind: level, of: made, target: {at_least: 100}}
  length: {kind: level, of: roads, target: {at_least: 300}}
pillars:
  经济: {weight: 60, parts: {output: 1}}
  建设: {weight: 40, parts: {length: 1}}
adjustments:
  pilot: {kind: bonus, of: pilots, points: 2, per: 1, max: 5}
  unsafe: {kind: veto, when: accidents > 0, effect: {score_at_most: 50}}
"""


def small(text=SYSTEM):
    loaded = examine_text(text)
    assert loaded.system is not None, loaded.findings
    return loaded.system


def figures(year="2023", **more):
    given = {"made": [80, 90, 60], "roads": [150, 240, 300], "pilots": [0, 1, 2], "accidents": [0, 0, 0]} | more
    names = {"made": "产值", "roads": "公路", "pilots": "试点", "accidents": "事故"}
    columns = {"期别": [year] * 3, "县": ["甲县", "乙县", "丙县"]}
    return pl.DataFrame(columns | {names[name]: values for name, values in given.items()})


def scored(data, text=SYSTEM, name="a"):
    return side(kpi.score(data, system=small(text)), name)


def adds_up(result):
    """The parts of every change add up to it, and what indicators and adjustments moved adds up to the total."""
    for frame in (result.totals, result.indicators):
        whole = frame.filter(pl.col("from_data").is_not_null())
        assert ((whole["from_data"] + whole["from_definition"] - whole["change"]).abs() < 1e-9).all()
    moved = result.indicators.group_by("period", "entity").agg(pl.col("change", "from_data", "from_definition").sum())
    both = result.totals.join(moved, on=["period", "entity"], how="left", suffix="_moved")
    for name in ("change", "from_data", "from_definition"):
        assert ((both[name].fill_null(0) - both[f"{name}_moved"].fill_null(0)).abs() < 1e-7).all(), name


@pytest.mark.usefixtures("chinese")
def test_nothing_changes_between_a_result_and_itself():
    item = scored(figures())
    result = diff(item, item)
    assert (result.changed.height, result.indicators.height, result.figures.height) == (0, 0, 0)
    assert "没有变化" in report.table(result)


def test_a_figure_that_changes_is_followed_to_the_total():
    result = diff(scored(figures()), scored(figures(made=[80, 95, 60]), name="b"))
    assert result.changed.select("entity", "change", "from_data", "from_definition").rows() == [
        ("乙县", pytest.approx(3.0), pytest.approx(3.0), 0.0)
    ]
    (row,) = result.indicators.iter_rows(named=True)
    assert (row["entity"], row["indicator"], row["value_before"], row["value"]) == ("乙县", "output", 90, 95)
    assert row["change"] == pytest.approx(3.0)
    assert result.figures.select("entity", "measure", "value_before", "value").rows() == [("乙县", "made", 90, 95)]
    adds_up(result)


def test_data_and_definition_that_both_change_add_up():
    new = SYSTEM.replace("at_least: 300", "at_least: 320").replace("weight: 60", "weight: 70")
    old_data, new_data = figures(), figures(made=[70, 95, 60], accidents=[0, 1, 0])
    before, after = scored(old_data), scored(new_data, new, "b")
    between = scored(new_data, SYSTEM, "between")
    result = diff(before, after, between)
    adds_up(result)
    lookup = {row["entity"]: row for row in result.totals.iter_rows(named=True)}
    score = {item: dict(zip(s.totals["entity"], s.totals["raw_score"], strict=True)) for item, s in (
        ("before", before), ("between", between), ("after", after)
    )}  # fmt: skip
    for entity, row in lookup.items():
        assert row["from_data"] == pytest.approx(score["between"][entity] - score["before"][entity])
        assert row["from_definition"] == pytest.approx(score["after"][entity] - score["between"][entity])
    # What the veto took is the data's.
    rest = result.indicators.filter(entity="乙县", indicator="unsafe").row(0, named=True)
    assert rest["from_data"] < -20
    paths = dict(result.definitions.select("path", "after").rows())
    assert paths == {"indicators.length.target[1].at_least": "320.0", "pillars.经济.weight": "70.0"} or set(paths) == {
        "indicators.length.target[1].at_least", "pillars.经济.weight"
    }  # fmt: skip


def test_the_same_data_under_another_definition_is_all_the_definition():
    result = diff(scored(figures()), scored(figures(), SYSTEM.replace("points: 2", "points: 3"), "b"))
    assert (result.totals["from_data"] == 0).all()
    assert result.changed["entity"].to_list() == ["乙县", "丙县"]
    assert result.indicators["indicator"].unique().to_list() == ["pilot"]
    adds_up(result)


@pytest.mark.usefixtures("chinese")
def test_without_a_bridge_the_effects_are_unknown_not_guessed():
    new = SYSTEM.replace("at_least: 300", "at_least: 320")
    result = diff(scored(figures()), scored(figures(made=[70, 95, 60]), new, "b"))
    assert not result.separable
    assert result.totals["from_data"].null_count() == 3
    assert result.totals["change"].null_count() == 0
    assert "不能区分" in report.table(result)


def test_whom_only_one_result_has_is_absent_in_the_other():
    result = diff(scored(figures()), scored(figures().head(2), name="b"))
    row = result.totals.filter(entity="丙县").row(0, named=True)
    assert (row["status_before"], row["status"], row["score"], row["change"]) == ("ok", "absent", None, None)
    # Without it the one behind it moves up.
    assert result.changed.select("entity", "rank_change").rows() == [("甲县", 1.0), ("丙县", None)]


def test_a_geometric_mean_and_missing_parts_add_up():
    text = SYSTEM.replace("pillars:", "composite: {mean: geometric, missing: redistribute}\npillars:")
    result = diff(scored(figures(), text), scored(figures(made=[85, None, 70], roads=[150, 250, 0]), text, "b"))
    adds_up(result)


@pytest.mark.parametrize("name", SAMPLES)
def test_two_periods_of_the_samples_add_up(name):
    files = [ROOT / "sample_data" / name / file for file in SAMPLES[name]]
    card = kpi.score(files, system=name)
    old, new = card.periods[-2:]
    result = compared([old, new], files=files, named={}, system=name, definitions=None, period=None)
    assert result.totals.height == card.entities.height
    adds_up(result)
    assert (result.totals["from_definition"].drop_nulls() == 0).all()


def test_periods_without_data_in_common_are_refused():
    with pytest.raises(DataError, match="K551"):
        diff(scored(figures()), scored(figures("2024"), name="b"))


def test_results_that_were_written_give_the_difference_of_the_scorecards(tmp_path):
    cards = [kpi.score(figures(made=created), system=small()) for created in ([80, 90, 60], [80, 95, 60])]
    expected = diff(*(side(card, str(at)) for at, card in enumerate(cards)))
    for form in ("{}.json", "{}/"):
        names = [str(tmp_path / form.format(at)) + ("/" if form.endswith("/") else "") for at in "ab"]
        for card, name in zip(cards, names, strict=True):
            write(card, name)
        result = compared(names, files=[], named={}, system=None, definitions=None, period=None)
        for column in ("entity", "score_before", "score", "change", "from_data", "rank"):
            assert result.totals[column].to_list() == expected.totals[column].to_list(), (form, column)
        assert result.indicators["indicator"].to_list() == ["output"]
    assert result.figures.select("measure", "value").rows() == [("made", 95.0)]


@pytest.mark.usefixtures("chinese")
def test_what_was_restated_is_named_with_file_and_row(tmp_path):
    rows = [
        "期别,县,指标,数值,单位,修订",
        *(f"2023,{who},产值,{80 + at},亿元,0" for at, who in enumerate(("甲县", "乙县"))),
    ]
    for name, more in (("a.csv", []), ("b.csv", ["2023,甲县,产值,95,亿元,1"])):
        (tmp_path / name).write_text("\n".join([*rows, *more]) + "\n", "utf-8")
    (tmp_path / "small.yaml").write_text(SYSTEM, "utf-8")
    names = [str(tmp_path / name) for name in ("a.csv", "b.csv")]
    result = compared(names, files=[], named={}, system=str(tmp_path / "small.yaml"), definitions=None, period=None)
    (row,) = result.restated.iter_rows(named=True)
    assert (row["entity"], row["before"], row["after"], row["row"]) == ("甲县", 80, 95, 2)
    assert row["file"].endswith("b.csv")
    assert "更正的数据：1 个" in report.table(result)
    # Results that were written name it as well.
    for ending in (".json", "-frames/"):
        written = [name.removesuffix(".csv") + ending for name in names]
        for name, to in zip(names, written, strict=True):
            write(kpi.score(name, system=tmp_path / "small.yaml"), to)
        again = compared(written, files=[], named={}, system=None, definitions=None, period=None)
        assert again.restated.equals(result.restated)
        assert "更正的数据：1 个" in (text := report.table(again, "甲县"))
        assert "产值" in text


def test_the_json_says_what_it_is_and_holds_every_frame():
    result = diff(scored(figures()), scored(figures(made=[80, 95, 60]), name="b"))
    tree = json.loads(content(report.DifferenceReport(result), "json"))
    assert tree["schema"] == "kpi.diff/1"
    for name, frame in result.frames.items():
        assert len(tree[name]) == frame.height
    assert tree["totals"][0]["entity"] == result.totals["entity"][0]


@pytest.mark.parametrize(
    ("given", "code"),
    [(["2023"], "K543"), (["2023", "2024"], "K543"), (["a.yaml", "b.yaml"], "K543"), (["none.json", "x.json"], "K543")],
)
def test_what_cannot_be_compared_is_said(given, code):
    with pytest.raises(DataError, match=code):
        compared(given, files=[], named={}, system=None, definitions=None, period=None)


def test_a_damaged_result_is_a_finding(tmp_path):
    starter.write(tmp_path)
    bad = tmp_path / "bad.json"
    bad.write_text('{"schema": "kpi.scorecard/1", "system": "demo", "totals": [', "utf-8")
    with pytest.raises(DataError, match="K503"):
        compared([str(bad), str(bad)], files=[], named={}, system=None, definitions=None, period=None)
