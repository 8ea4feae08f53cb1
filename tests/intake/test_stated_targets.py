"""Several targets of one unit: rows that contradict each other, restatements, and finer periods than what is scored."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import kpi

DEFINITION = """
system: towns
period: GRAIN
entities: {title: 县}
measures: {done: {title: 数量, unit: UNIT}}
indicators:
  work: {kind: level, of: done, target: {at_least: BOUND}, score: {kind: completion}}
"""


@pytest.fixture
def score(tmp_path: Path):
    def scored(*files: str, grain="year", unit="件", bound="{column: 目标值}", head="期别,地区,指标,数值,目标值,修订"):
        definition = tmp_path / "towns.yaml"
        text = DEFINITION.replace("GRAIN", grain).replace("UNIT", unit).replace("BOUND", bound)
        definition.write_text(text, "utf-8")
        data = []
        for number, rows in enumerate(files):
            data.append(tmp_path / f"data{number}.csv")
            lines = [row.replace(" ", ",") for row in rows.split(" / ")]
            data[-1].write_text("\n".join([head, *lines]) + "\n", "utf-8")
        card = kpi.score(data, system=str(definition))
        rows = card.frame.sort("period", "entity")
        return rows["work.target"].to_list(), [item for item in card.findings_list if item.code in ("K608", "K643")]

    return scored


# ---- CONTRADICTIONS ---- #


@pytest.mark.parametrize(
    "files",
    [
        ["2024 甲县 数量 1 100 / 2024 甲县 数量 1 300 / 2024 乙县 数量 1 7"],
        ["2024 甲县 数量 1 100 / 2024 乙县 数量 1 7", "2024 甲县 数量 1 300"],
        ["2024 甲县 work  100 / 2024 甲县 work  300 / 2024 甲县 数量 1 / 2024 乙县 数量 1 7"],
    ],
    ids=["one file", "two files", "alone"],
)
def test_different_targets_for_one_period_contradict_each_other(score, files):
    targets, result = score(*files)
    assert sorted(targets, key=str) == [7, None]
    errors = [item for item in result if item.severity.value == "error"]
    assert len(errors) == 2
    assert all("the target of work contradicts" in item.message and item.place.field == "目标值" for item in errors)


def test_equal_targets_do_not_contradict_each_other(score):
    targets, result = score("2024 甲县 数量 1 100 / 2024 甲县 数量 1 100.0")
    assert targets == [100]
    assert [item.severity.value for item in result] == ["warning"]


def test_no_earlier_target_holds_where_two_contradict_each_other(score):
    targets, _ = score("2023 甲县 数量 1 50 / 2024 甲县 数量 1 100 / 2024 甲县 数量 1 300 / 2025 甲县 数量 1 / ")
    assert targets == [50, None, None]


def test_nor_where_a_file_has_two(tmp_path, score):
    (tmp_path / "t.csv").write_text(
        "entity,indicator,target,period\n甲县,work,50,2023\n甲县,work,60,2024\n甲县,work,70,2024\n", "utf-8"
    )
    targets, _ = score("2023 甲县 数量 1 / 2024 甲县 数量 1", bound="{file: t.csv}", head="期别,地区,指标,数值")
    assert targets == [50, None]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("2024 甲县 数量 1 100 1 / 2024 甲县 数量 2 300 2", 300),
        ("2024 甲县 数量 2 300 2 / 2024 甲县 数量 1 100 1", 300),
        ("2024 甲县 数量 1 100 1 / 2024 甲县 数量 约2 300 2", 100),
        ("2024 甲县 数量 1 100 / 2024 甲县 数量 约2 300 2", 100),
    ],
)
def test_the_target_of_the_latest_valid_revision_counts(score, rows, expected):
    assert score(rows)[0] == [expected]


def test_the_target_beside_a_figure_that_is_refused_still_holds(score):
    assert score("2024 甲县 数量 约2 300 / 2025 甲县 数量 1")[0][-1] == 300


def test_no_earlier_target_holds_where_one_is_refused(tmp_path, score):
    assert score("2023 甲县 数量 1 50 / 2024 甲县 数量 1 约60 / 2025 甲县 数量 1 70")[0] == [50, None, 70]
    (tmp_path / "t.csv").write_text("entity,indicator,target,period\n甲县,work,50,2023\n甲县,work,约60,2024\n", "utf-8")
    figures = "2023 甲县 数量 1 / 2024 甲县 数量 1"
    assert score(figures, bound="{file: t.csv}", head="期别,地区,指标,数值")[0] == [50, None]


def test_a_refused_target_leaves_another_one_for_the_period(score):
    assert score("2024 甲县 数量 1 50 1 / 2024 甲县 数量 1 约60 2")[0] == [50]


# ---- FINER PERIODS ---- #

MONTHS = " / ".join(f"2024-0{month} 甲县 数量 1 {target}" for month, target in ((1, 100), (2, 200), (3, 300)))


def test_targets_of_months_are_added_as_figures_are(score):
    targets, (result,) = score(MONTHS, grain="quarter")
    assert targets == [600]
    assert (result.message, result.severity.value) == (
        "work: targets within a quarter are added, as its figures are", "info"
    )  # fmt: skip


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_targets_of_some_months_are_not_used(score, missing):
    rows = MONTHS.split(" / ")
    rows[missing] = rows[missing].rsplit(" ", 1)[0] + " "
    targets, (result,) = score(" / ".join(rows), grain="quarter")
    assert targets == [None]
    assert result.message == "work: the targets of 甲县 within 2024Q1 are not for all of it, so they are not used"
    assert result.severity.value == "warning"


def test_one_for_the_quarter_goes_before_those_of_its_months(score):
    assert score(MONTHS + " / 2024Q1 甲县 work  900", grain="quarter") == ([900], [])


def test_of_a_stock_the_last_target_holds(score):
    targets, (result,) = score(MONTHS, grain="quarter", unit="'%'")
    assert targets == [300]
    assert (result.message, result.severity.value) == (
        "work: of several targets within a quarter the last holds", "info"
    )  # fmt: skip


def test_months_that_are_names_of_quarters_have_the_targets_of_these(score):
    rows = "2024-03 甲县 数量 1 100 / 2024-06 甲县 数量 1 200"
    assert score(rows, grain="quarter") == ([100, 200], [])


def test_a_file_gives_targets_of_months_too(tmp_path, score):
    rows = [f"甲县,work,{target},2024-0{month}" for month, target in enumerate((100, 200, 300, 50), 1)]
    (tmp_path / "t.csv").write_text("\n".join(["entity,indicator,target,period", *rows]) + "\n", "utf-8")
    figures = " / ".join(f"2024-0{month} 甲县 数量 1" for month in range(1, 7))
    targets, result = score(figures, grain="quarter", bound="{file: t.csv}", head="期别,地区,指标,数值")
    assert targets == [600, None]
    assert ["2024Q2" in item.message for item in result] == [True, False]


def test_frames_give_the_same(tmp_path, score):
    score(MONTHS, grain="quarter")
    frame = pl.DataFrame({
        "期别": ["2024-01", "2024-02", "2024-03"], "地区": ["甲县"] * 3, "指标": ["数量"] * 3,
        "数值": [1.0, 1.0, 1.0], "目标值": [100.0, 200.0, 300.0],
    })  # fmt: skip
    card = kpi.score(frame, system=str(tmp_path / "towns.yaml"))
    assert card.frame["work.target"].to_list() == [600]
