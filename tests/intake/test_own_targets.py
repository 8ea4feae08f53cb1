"""Targets that follow from the roster: each entity its own, none where the roster does not say."""

from __future__ import annotations

from pathlib import Path

import pytest

import kpi
from kpi.errors import DataError, DefinitionError

ROSTER = "entity,order,等级,人口\n甲院,1,三级,30\n乙院,2,二级,10\n丙院,3,未定级,\n"
DEFINITION = """
system: hospitals
period: year
entities: {title: 机构, roster: roster.csv}
measures: {paid: {title: 移动支付占比, unit: '%', over_time: last}, beds: {title: 床位, unit: 张, over_time: last}}
indicators:
  pay: {kind: level, of: paid, target: {at_least: BOUND}}
"""


@pytest.fixture
def score(tmp_path: Path):
    def scored(bound: str, roster: str = ROSTER, of: str = "paid"):
        (tmp_path / "roster.csv").write_text(roster, "utf-8")
        (tmp_path / "hospitals.yaml").write_text(
            DEFINITION.replace("BOUND", bound).replace("of: paid", f"of: {of}"), "utf-8"
        )
        rows = "".join(f"2023,{item},{value}\n" for item, value in (("甲院", 45), ("乙院", 45), ("丙院", 45)))
        data = tmp_path / "data.csv"
        data.write_text(f"期别,地区,{'移动支付占比(%)' if of == 'paid' else '床位(张)'}\n{rows}", "utf-8")
        return kpi.score(data, system=str(tmp_path / "hospitals.yaml"))

    return scored


def targets(card) -> list[float | None]:
    return card.indicators["target"].to_list()


def test_a_bound_by_a_column_of_the_roster(score):
    card = score("{by: 等级, values: {三级: 60, 二级: 30}}")
    assert targets(card) == [60, 30, None]
    assert card.indicators["score"].to_list() == [75, 100, None]
    assert card.frame["pay.score.status"].to_list() == ["ok", "ok", "no_target"]


def test_equal_shares_of_a_total(score):
    assert targets(score("{share: equal, total: 90}", of="beds")) == [30, 30, 30]


def test_shares_in_proportion_to_a_column_add_up_to_the_total(score):
    card = score("{share: 人口, total: 90}", of="beds")
    assert targets(card) == [67.5, 22.5, None]
    refused = [item for item in card.findings_list if item.code == "K604"]
    assert [item.place.entity for item in refused] == ["丙院"]


def test_a_column_that_the_roster_lacks_is_named(score):
    with pytest.raises(DataError, match="等级"):
        score("{by: 等级, values: {三级: 60}}", roster="entity,order\n甲院,1\n")


@pytest.mark.parametrize(
    "bound", ["{by: 等级}", "{share: equal}", "{by: 等级, share: equal, total: 3}", "{values: {三级: 60}}"]
)
def test_a_bound_says_one_thing_completely(score, bound: str):
    with pytest.raises(DefinitionError):
        score(bound)


def test_a_bound_by_value_is_converted_or_refused(score):
    assert targets(score("{by: 等级, values: {三级: 0.1 千张, 二级: 50}}", of="beds")) == [100, 50, None]
    with pytest.raises(DefinitionError, match="亩"):
        score("{by: 等级, values: {三级: 60 亩}}", of="beds")


def test_each_of_several_dated_targets_has_bounds_of_its_own(tmp_path: Path):
    (tmp_path / "roster.csv").write_text(ROSTER, "utf-8")
    dated = """[
      {at_least: {by: 等级, values: {三级: 60, 二级: 30}}, by: 2023},
      {at_least: {by: 等级, values: {三级: 70, 二级: 50}}, by: 2024},
      {at_least: 90, by: 2025}]"""
    text = DEFINITION.replace("target: {at_least: BOUND}", f"target: {dated}")
    (tmp_path / "hospitals.yaml").write_text(text, "utf-8")
    rows = "".join(f"{year},{item},45\n" for year in (2023, 2024, 2025) for item in ("甲院", "乙院"))
    (tmp_path / "data.csv").write_text(f"期别,地区,移动支付占比(%)\n{rows}", "utf-8")
    wide = kpi.score(tmp_path / "data.csv", system=str(tmp_path / "hospitals.yaml")).frame
    result = {
        period: group["pay.target"].to_list() for (period,), group in wide.group_by("period", maintain_order=True)
    }
    assert list(result.values()) == [[60, 30, None], [70, 50, None], [90, 90, 90]]


def test_two_indicators_of_one_measure_both_take_the_target_beside_its_figure(tmp_path):
    system = tmp_path / "two.yaml"
    system.write_text(
        """
system: two
period: year
entities: {title: 机构}
measures: {beds: {title: 床位, unit: 张, over_time: last}}
indicators:
  first: {kind: level, of: beds, target: {at_least: {column: target}}}
  second: {kind: level, of: beds, better: lower, target: {at_most: {column: target}}}
""",
        "utf-8",
    )
    data = tmp_path / "data.csv"
    data.write_text("期别,地区,指标,数值,目标\n2023,甲院,床位,45,50\n2023,乙院,床位,60,高\n", "utf-8")
    card = kpi.score(data, system=str(system))
    assert card.indicators.select("entity", "indicator", "target").sort("entity", "indicator").rows() == [
        ("乙院", "first", None), ("乙院", "second", None), ("甲院", "first", 50.0), ("甲院", "second", 50.0),
    ]  # fmt: skip
    assert [item.place.row for item in card.findings_list if item.code == "K604"] == [3]


def test_a_dated_target_of_a_file_holds_whatever_periods_the_data_have(tmp_path: Path, score):
    rows = ["甲院,pay,10,2020", "甲院,pay,20,2022", "乙院,pay,30,2025", "丙院,pay,40,", "丙院,pay,50,2024"]
    (tmp_path / "targets.csv").write_text("\n".join(["entity,indicator,target,period", *rows]) + "\n", "utf-8")
    card = score("{file: targets.csv}")
    assert card.indicators.sort("entity")["target"].to_list() == [40, 30, 20]
    later = tmp_path / "later.csv"
    later.write_text("期别,地区,移动支付占比(%)\n2021,甲院,45\n2024,丙院,45\n", "utf-8")
    frame = kpi.score(later, system=str(tmp_path / "hospitals.yaml")).frame
    # 甲院, 乙院, 丙院 of 2021, 2022, 2023, 2024.
    assert frame["pay.own_target.0"].to_list() == [10, 30, 40, 20, 30, 40, 20, 30, 40, 20, 30, 50]


@pytest.mark.parametrize(
    "headings",
    ["地区,指标,目标值,期别,计量单位", "region,indicator,target,year,unit", "单位名称,指标名称,目标,年度,单位"],
)
def test_a_file_of_targets_has_the_headings_of_data(tmp_path: Path, score, headings: str):
    rows = ["甲院,pay,10,2022,%", "甲院,pay,200,2023,‰", "乙院,pay,30,,"]
    (tmp_path / "targets.csv").write_text("\n".join([headings, *rows]) + "\n", "utf-8")
    card = score("{file: targets.csv}")
    assert card.indicators.sort("entity")["target"].to_list() == [None, 30, 20]
    assert [item.code for item in card.findings_list if item.code.startswith("K6")] == []


def test_what_is_wrong_in_a_file_of_targets_is_named_by_its_own_headings(tmp_path: Path, score):
    rows = ["甲院,pay,10,二零", "丁院,pay,10,", "乙院,pays,10,", "乙院,pay,多,"]
    (tmp_path / "targets.csv").write_text("\n".join(["地区,指标,目标值,期别", *rows]) + "\n", "utf-8")
    result = [
        item for item in score("{file: targets.csv}").findings_list if (item.place.file or "").endswith("targets.csv")
    ]
    assert {item.place.field for item in result} == {"地区", "指标", "目标值", "期别"}


def test_a_heading_with_a_unit_is_refused_as_it_would_be_overlooked(tmp_path: Path, score):
    (tmp_path / "targets.csv").write_text("地区,指标,目标值(‰)\n甲院,pay,10\n", "utf-8")
    with pytest.raises(DataError, match="K541 the target file has no column target") as refused:
        score("{file: targets.csv}")
    assert "计量单位" in (refused.value.diagnostics[0].hint or "")


def test_a_second_column_of_targets_is_reported(tmp_path: Path, score):
    (tmp_path / "targets.csv").write_text("地区,指标,目标值,年度目标\n甲院,pay,10,20\n", "utf-8")
    card = score("{file: targets.csv}")
    assert [item.message for item in card.findings_list if item.code == "K210"] == [
        "columns `目标值` and `年度目标` both name the target; `目标值` is used"
    ]
