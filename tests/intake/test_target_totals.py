"""Targets with a total: what they add up to from period to period, and units without one."""

from __future__ import annotations

from pathlib import Path

import pytest

import kpi
from kpi.session import checked

DEFINITION = """
system: towns
period: year
entities: {title: 县, roster: roster.csv}
measures: {done: {title: 数量, unit: 件}}
indicators:
  work: {kind: level, of: done, target: {at_least: BOUND}, score: {kind: completion}MORE}
"""
ROSTER = "entity,valid_from,valid_to\n甲县,,\n乙县,,\n丙县,,2023\n"
TOTAL = "{file: t.csv, total: 100}"


@pytest.fixture
def messages(tmp_path: Path):
    def codes_of(*rows: str, bound=TOTAL, more="", data="期别,地区,数量\n2023,甲县,1\n2023,丙县,1\n2024,乙县,1\n"):
        (tmp_path / "roster.csv").write_text(ROSTER, "utf-8")
        (tmp_path / "t.csv").write_text("\n".join(["entity,indicator,target,period", *rows]) + "\n", "utf-8")
        definition, figures = tmp_path / "towns.yaml", tmp_path / "data.csv"
        definition.write_text(DEFINITION.replace("BOUND", bound).replace("MORE", more), "utf-8")
        figures.write_text(data, "utf-8")
        card = kpi.score(figures, system=str(definition))
        listed = [item for item in card.findings_list if item.code == "K643"]
        assert {item.severity.value for item in listed} <= {"warning"}
        if "file" in bound:
            assert [item for item in checked(str(definition)).findings if item.code == "K643"] == listed
        return [item.message for item in listed]

    return codes_of


def test_targets_that_make_the_total_are_no_finding(messages):
    assert messages("甲县,work,50,", "乙县,work,30,", "丙县,work,20,") == []
    # 丙县 is no unit any more in 2024.
    assert messages("甲县,work,50,2023", "乙县,work,30,2023", "丙县,work,20,2023", "甲县,work,70,2024") == []
    assert messages("甲县,work,33.333,", "乙县,work,33.333,", "丙县,work,33.333,") == []


def test_another_total_is_reported(messages):
    assert messages("甲县,work,51,", "乙县,work,30,", "丙县,work,20,") == [
        "work: the targets add up to 101 件, the total is 100 件"
    ]
    assert messages("甲县,work,50,2023", "乙县,work,30,2023", "丙县,work,20,2023", "甲县,work,71,2024") == [
        "work: the targets from 2024 on add up to 101 件, the total is 100 件"
    ]


def test_the_total_is_compared_as_it_is_printed(messages):
    rows = ("甲县,work,50.2,", "乙县,work,30.1,", "丙县,work,20.1,")
    assert messages(*rows, more=", decimals: 0") == []
    assert messages(*rows) == ["work: the targets add up to 100.4 件, the total is 100 件"]


def test_a_unit_that_is_not_listed_is_reported(messages):
    assert messages("甲县,work,60,", "乙县,work,40,") == ["work: no target is given for 丙县"]
    assert messages("甲县,other,60,") == ["work: no target is given for 甲县, 乙县, 丙县"]


def test_targets_of_the_data_make_their_total_too(messages):
    data = "期别,地区,指标,数值,目标值\n2023,甲县,数量,1,61\n2023,乙县,数量,1,40\n"
    assert messages(bound="{column: 目标值, total: 100}", data=data) == [
        "work: no target is given for 丙县",
        "work: the targets from 2023 on add up to 101 件, the total is 100 件",
    ]


SUCCEEDED = """
system: towns
period: year
entities: {title: 县, succession: succession.csv}
measures: {done: {title: 数量, unit: 件}, rate: {title: 率, unit: '%'}}
indicators:
  work: {kind: level, of: MEASURE, target: {at_least: {file: t.csv, total: 100}}, score: {kind: completion}}
"""


@pytest.fixture
def merged(tmp_path: Path):
    def codes_of(*rows: str, measure="done", split=""):
        (tmp_path / "succession.csv").write_text(f"old,new,date,share\n丙县,乙县,2024,\n{split}", "utf-8")
        (tmp_path / "t.csv").write_text("\n".join(["entity,indicator,target,period", *rows]) + "\n", "utf-8")
        (tmp_path / "towns.yaml").write_text(SUCCEEDED.replace("MEASURE", measure), "utf-8")
        figures = [f"{year},{name},1,1" for year in (2022, 2023, 2024) for name in ("甲县", "乙县", "丙县")][:-1]
        (tmp_path / "data.csv").write_text("\n".join(["期别,地区,数量,率", *figures]) + "\n", "utf-8")
        card = kpi.score(tmp_path / "data.csv", system=str(tmp_path / "towns.yaml"))
        return [item.message for item in card.findings_list if item.code == "K643"]

    return codes_of


def test_targets_of_units_that_merged_make_the_total(merged):
    before = ("甲县,work,50,2022", "乙县,work,30,2022", "丙县,work,20,2022")
    assert merged(*before, "乙县,work,50,2024") == []
    assert merged(*before, "乙县,work,51,2024") == [
        "work: the targets from 2024 on add up to 101 件, the total is 100 件"
    ]
    assert merged(*before[:2], "丙县,work,21,2022", "乙县,work,50,2024") == [
        "work: the targets from 2022 on add up to 101 件, the total is 100 件"
    ]
    assert merged("乙县,work,30,2022", "丙县,work,70,2022", "乙县,work,100,2024") == [
        "work: no target is given for 甲县",
    ]


def test_a_total_that_cannot_be_checked_on_the_areas_of_today_is_reported(merged):
    rows = ("甲县,work,50,2022", "乙县,work,30,2022", "丙县,work,20,2022")
    (message,) = merged(*rows)
    # Targets of rates do not add up, so there is none for the time before the merger.
    assert merged(*rows, "乙县,work,50,2024", measure="rate")[0].startswith(
        "work: whether the targets make the total is not checked for 2022, 2023"
    )
    assert message == (
        "work: whether the targets make the total is not checked for 2024: on the areas of today there is "
        "no target for 乙县"
    )
