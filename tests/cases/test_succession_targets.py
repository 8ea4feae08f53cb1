"""Targets of units that merge, split or change their name: a figure is compared with a target of its own area."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import kpi
from kpi.engine.scorecard import Scorecard

SYSTEM = """system: t
period: year
entities: {{title: 县, succession: succession.csv{roster}}}
measures:
  g: {{title: 总值, unit: 亿元}}
  n: {{title: 户数, unit: 户}}
  r: {{title: 满意率, unit: '%'}}
indicators:
  ig: {{title: 总值目标, kind: level, of: g, target: {{at_least: {bound}}}}}
  ir: {{title: 满意率目标, kind: level, of: r, target: {{at_least: {bound}}}}}
  ratio: {{title: 户均目标, kind: ratio, numerator: g, denominator: n, unit: 亿元/户, target: {{at_least: {bound}}}}}
"""
YEARS = ("2019", "2020", "2021", "2022")
#: The years in which each unit reports.
UNITS = {
    "merged": {"上城区": YEARS, "江干区": YEARS[:2]},
    "renamed": {"临安市": YEARS[:2], "临安区": YEARS[2:]},
    "split": {"余杭区": YEARS, "临平区": YEARS[2:]},
}
TABLES = {
    "merged": "江干区,上城区,2021,\n",
    "renamed": "临安市,临安区,2021,\n",
    "split": "余杭区,余杭区,2021,0.6\n余杭区,临平区,2021,0.4\n",
    "divided": "余杭区,余杭区,2021,\n余杭区,临平区,2021,\n",
}


def scored(
    path: Path, change: str, targets: list[tuple[str, str, str, float]], source: str = "file", suffix: str = "csv"
) -> Scorecard:
    """Score units of which a target is given by the entity, the indicator and the period (or none)."""
    bound = {"file": f"{{file: targets.{suffix}}}", "column": "{column: 目标值}"}[source]
    (path / "s.yaml").write_text(SYSTEM.format(bound=bound, roster=""), "utf-8")
    (path / "succession.csv").write_text("old,new,date,share\n" + TABLES[change], "utf-8")
    rows = [
        (year, who, measure, value, None)
        for who, years in UNITS["split" if change == "divided" else change].items() for year in years
        for measure, value in (("总值", 100.0), ("户数", 10.0), ("满意率", 90.0))
    ]  # fmt: skip
    frame = pl.DataFrame(targets, ["entity", "indicator", "period", "target"], orient="row")
    if source == "column":
        rows += [(year, who, name, None, value) for who, name, year, value in targets]
    elif suffix == "csv":
        frame.write_csv(path / "targets.csv")
    elif suffix == "xlsx":
        frame.write_excel(path / "targets.xlsx")
    else:
        frame.write_parquet(path / "targets.parquet")
    kinds = {"period": pl.String, "entity": pl.String, "指标": pl.String, "数值": pl.Float64, "目标值": pl.Float64}
    return kpi.score(pl.DataFrame(rows, kinds, orient="row"), system=path / "s.yaml")


def targets_of(card: Scorecard, entity: str, indicator: str) -> list[float | None]:
    frame = card.indicators.filter(entity=entity, indicator=indicator).sort("period")
    assert frame["period"].to_list() == list(YEARS)
    return frame["target"].to_list()


def notes(card: Scorecard, code: str = "K637") -> list[tuple[str, str]]:
    return [(item.severity.value, str(item.message)) for item in card.findings_list if item.code == code]


def years(who: str, name: str, *values: float | None) -> list[tuple[str, str, str, float]]:
    return [(who, name, year, value) for year, value in zip(YEARS, values, strict=False) if value is not None]


SOURCES = pytest.mark.parametrize(
    ("source", "suffix"), [("file", "csv"), ("file", "xlsx"), ("file", "parquet"), ("column", "csv")]
)


@SOURCES
@pytest.mark.parametrize("indicator", ["ig", "ir", "ratio"])
def test_a_new_name_keeps_the_targets(source, suffix, indicator, tmp_path):
    card = scored(tmp_path, "renamed", years("临安市", indicator, 70.0, 80.0), source, suffix)
    assert targets_of(card, "临安区", indicator) == [70.0, 80.0, 80.0, 80.0]
    assert notes(card) == notes(card, "K646") == []


def test_a_target_under_the_new_name_goes_first(tmp_path):
    given = [*years("临安市", "ig", 70.0, 80.0, 81.0), *years("临安区", "ig", None, None, 90.0)]
    assert targets_of(scored(tmp_path, "renamed", given), "临安区", "ig") == [70.0, 80.0, 90.0, 90.0]
    undated = [("临安市", "ig", None, 60.0)]
    assert targets_of(scored(tmp_path, "renamed", undated), "临安区", "ig") == [60.0] * 4


@SOURCES
def test_targets_of_merged_units_add_up_where_the_indicator_does(source, suffix, tmp_path):
    given = [*years("上城区", "ig", 100.0, 110.0, 200.0), *years("江干区", "ig", 60.0, 70.0)]
    card = scored(tmp_path, "merged", given, source, suffix)
    assert targets_of(card, "上城区", "ig") == [160.0, 180.0, 200.0, 200.0]
    ((severity, message),) = notes(card)
    assert severity == "info"
    assert "上城区" in message
    assert notes(card, "K646") == []


@SOURCES
def test_a_quotient_has_no_target_for_the_former_area(source, suffix, tmp_path):
    given = [*years("上城区", "ratio", 8.0, 8.0, 9.0), *years("江干区", "ratio", 7.0, 7.0)]
    card = scored(tmp_path, "merged", given, source, suffix)
    assert targets_of(card, "上城区", "ratio") == [None, None, 9.0, 9.0]
    ((severity, message),) = notes(card)
    assert (severity, "no target of 户均目标 before 2021" in message) == ("warning", True)
    row = card.indicators.filter(entity="上城区", indicator="ratio", period="2020").to_dicts()[0]
    assert (row["value"], row["score"]) == (10.0, None)


@pytest.mark.parametrize("who", ["上城区", "江干区"])
def test_a_sum_lacks_no_part(who, tmp_path):
    card = scored(tmp_path, "merged", [*years(who, "ig", 100.0, 110.0), *years("上城区", "ig", None, None, 200.0)])
    assert targets_of(card, "上城区", "ig") == [None, None, 200.0, 200.0]
    assert [severity for severity, _ in notes(card)] == ["warning"]


def test_a_figure_that_stays_on_its_area_keeps_its_target_and_hands_it_to_no_other(tmp_path):
    card = scored(tmp_path, "merged", years("上城区", "ir", 80.0, 85.0))
    assert targets_of(card, "上城区", "ir") == [80.0, 85.0, None, None]
    ((severity, message),) = notes(card)
    assert (severity, "no target of 满意率目标 from 2021 on" in message) == ("warning", True)
    card = scored(tmp_path, "merged", years("上城区", "ir", 80.0, 85.0, 95.0))
    assert (targets_of(card, "上城区", "ir"), notes(card)) == ([80.0, 85.0, 95.0, 95.0], [])


def test_a_target_without_a_period_is_for_the_area_of_today(tmp_path):
    given = [("上城区", name, None, 100.0) for name in ("ig", "ir", "ratio")]
    card = scored(tmp_path, "merged", given)
    assert targets_of(card, "上城区", "ig") == targets_of(card, "上城区", "ratio") == [100.0] * 4
    assert targets_of(card, "上城区", "ir") == [None, None, 100.0, 100.0]
    assert ["figures are of a former area" in message for _, message in notes(card)] == [True]


def test_targets_of_former_units_that_are_not_needed_are_reported(tmp_path):
    card = scored(tmp_path, "merged", [("上城区", "ig", None, 100.0), ("江干区", "ig", None, 60.0)])
    assert targets_of(card, "上城区", "ig") == [100.0] * 4
    ((severity, message),) = notes(card, "K646")
    assert severity == "warning"
    assert "江干区 (which went into 上城区 in 2021-01)" in message
    assert "not used" in message


def test_targets_of_a_divided_unit_are_divided_as_its_figures(tmp_path):
    given = [*years("余杭区", "ig", 100.0, 200.0, 90.0), *years("临平区", "ig", None, None, 50.0)]
    given += [*years("余杭区", "ratio", 5.0, 6.0, 7.0)]
    card = scored(tmp_path, "split", given)
    assert targets_of(card, "余杭区", "ig") == [60.0, 120.0, 90.0, 90.0]
    assert targets_of(card, "临平区", "ig") == [40.0, 80.0, 50.0, 50.0]
    assert targets_of(card, "余杭区", "ratio") == [None, None, 7.0, 7.0]
    assert sorted(severity for severity, _ in notes(card)) == ["info", "warning", "warning"]


def test_what_is_not_divided_keeps_the_targets_of_its_area(tmp_path):
    given = [*years("余杭区", "ig", 100.0, 200.0), *years("临平区", "ig", None, None, 50.0)]
    card = scored(tmp_path, "divided", given)
    assert targets_of(card, "余杭区", "ig") == [100.0, 200.0, None, None]
    assert [message for _, message in notes(card) if "余杭区" in message and "from 2021 on" in message]
    before = card.indicators.filter(entity="余杭区", indicator="ig", period="2020")
    assert (before["value"].item(), before["status"].item()) == (100.0, "ok")


@pytest.mark.parametrize("bound", ["{by: 等级, values: {甲: 100, 乙: 60}}", "{share: equal, total: 400}"])
def test_targets_by_the_roster_are_for_the_area_of_today(bound, tmp_path):
    (tmp_path / "succession.csv").write_text("old,new,date,share\n" + TABLES["merged"], "utf-8")
    roster = "entity,code,等级\n上城区,330102,甲\n江干区,330104,乙\n余杭区,330110,乙\n"
    (tmp_path / "roster.csv").write_text(roster, "utf-8")
    (tmp_path / "s.yaml").write_text(SYSTEM.format(bound=bound, roster=", roster: roster.csv"), "utf-8")
    rows = [(year, who, 50.0, 10.0, 90.0) for who, some in UNITS["merged"].items() for year in some]
    frame = pl.DataFrame(rows, ["period", "entity", "总值", "户数", "满意率"], orient="row")
    card = kpi.score(frame, system=tmp_path / "s.yaml")
    first = 100.0 if "by" in bound else 200.0
    assert targets_of(card, "上城区", "ig") == [first] * 4
    assert targets_of(card, "上城区", "ir") == [None, None, first, first]
    assert len(notes(card)) == 1


def test_a_unit_that_was_renamed_and_then_merged(tmp_path):
    (tmp_path / "s.yaml").write_text(SYSTEM.format(bound="{file: targets.csv}", roster=""), "utf-8")
    (tmp_path / "succession.csv").write_text("old,new,date,share\n甲县,甲市,2020,\n甲市,乙市,2022,\n", "utf-8")
    (tmp_path / "targets.csv").write_text(
        "entity,indicator,period,target\n甲县,ig,2019,5\n乙市,ig,2019,10\n乙市,ig,2022,30\n", "utf-8"
    )
    rows = [("2019", "甲县", 1.0), ("2020", "甲市", 2.0), ("2021", "甲市", 3.0)]
    rows += [(year, "乙市", 10.0) for year in YEARS]
    card = kpi.score(pl.DataFrame(rows, ["period", "entity", "总值"], orient="row"), system=tmp_path / "s.yaml")
    assert targets_of(card, "乙市", "ig") == [15.0, 15.0, 15.0, 30.0]


def test_events_of_a_renamed_unit_and_of_a_merged_one(tmp_path):
    (tmp_path / "s.yaml").write_text(
        "system: ev\nperiod: year\nentities: {title: 县, succession: succession.csv}\n"
        "datasets: {ev: {form: records, columns: {period: 日期, entity: 地区}}}\n"
        "measures: {many: {kind: count, unit: 件}, mid: {kind: median, of: 金额, unit: 元}}\n"
        "indicators:\n  im: {kind: level, of: many, target: {at_least: {file: targets.csv}}}\n"
        "  id: {kind: level, of: mid, target: {at_least: {file: targets.csv}}}\n",
        "utf-8",
    )
    (tmp_path / "succession.csv").write_text("old,new,date\n临安市,临安区,2021\n江干区,上城区,2021\n", "utf-8")
    targets = [("临安市", 1.0), ("上城区", 2.0), ("江干区", 3.0)]
    lines = [f"{who},{name},2020,{value}\n" for who, value in targets for name in ("im", "id")]
    lines += ["上城区,im,2021,9\n", "上城区,id,2021,9\n"]
    (tmp_path / "targets.csv").write_text("entity,indicator,period,target\n" + "".join(lines), "utf-8")
    rows = [("2020-05-01", who, 1.0) for who in ("临安市", "上城区", "江干区")]
    rows += [("2021-05-01", who, 1.0) for who in ("临安区", "上城区")]
    card = kpi.score(pl.DataFrame(rows, ["日期", "地区", "金额"], orient="row"), system=tmp_path / "s.yaml")

    def given(who: str, name: str) -> list[float | None]:
        return card.indicators.filter(entity=who, indicator=name).sort("period")["target"].to_list()

    assert given("临安区", "im") == given("临安区", "id") == [1.0, 1.0]
    assert given("上城区", "im") == [5.0, 9.0]
    assert given("上城区", "id") == [None, 9.0]
