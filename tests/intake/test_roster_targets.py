"""Cells of a roster that targets follow from: units, blanks, signs, merged cells, and values without a bound."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

import kpi
from kpi.errors import first_names
from kpi.session import checked

DEFINITION = """
system: towns
period: year
entities: {title: 县, roster: ROSTER}
measures: {done: {title: 完成, unit: 件}}
indicators:
  work: {kind: level, of: done, target: {at_least: BOUND}, score: {kind: completion}}
"""
NAMES = ["甲县", "乙县", "丙县", "丁县"]


@pytest.fixture
def score(tmp_path: Path):
    def scored(bound: str, cells: list, column: str = "人口", *, suffix: str = "csv"):
        names = NAMES[: len(cells)]
        roster = tmp_path / f"roster.{suffix}"
        frame = pl.DataFrame({"entity": names, "order": range(len(names)), column: cells})
        {"csv": frame.write_csv, "xlsx": frame.write_excel, "parquet": frame.write_parquet}[suffix](roster)
        definition = tmp_path / "towns.yaml"
        definition.write_text(DEFINITION.replace("BOUND", bound).replace("ROSTER", roster.name), "utf-8")
        data = pl.DataFrame({"期别": ["2024"] * len(names), "地区": names, "完成(件)": [50.0] * len(names)})
        card = kpi.score(data, system=str(definition))
        result, alone = (
            [item for item in some if item.code in {"K533", "K604", "K642", "K643"}]
            for some in (card.findings_list, checked(str(definition)).findings)
        )
        assert alone == result
        return card.frame["work.target"].to_list(), result

    return scored


SHARE = "{share: COLUMN, total: 100}"


@pytest.mark.parametrize(
    ("column", "cells", "expected"),
    [
        ("人口", ["1000", "0.1万", "1000人", "0.1万人"], [25, 25, 25, 25]),
        ("人口(万人)", ["1", "10000人", "1", "1万人"], [25, 25, 25, 25]),
        ("人口", ["0.1万", "0.1万", "0.2万"], [25, 25, 50]),
        ("份额", ["10%", "0.1", "20%", "0.6"], [10, 10, 20, 60]),
        ("份额", ["10%", "10%", "20%"], [25, 25, 50]),
        ("面积", ["3平方公里", "1", "6000亩"], [3 / 8 * 100, 12.5, 50]),
    ],
)
def test_shares_are_in_one_unit(score, column: str, cells: list[str], expected: list[float]):
    targets, result = score(SHARE.replace("COLUMN", column), cells, column)
    assert targets == pytest.approx(expected)
    bare = {cell.replace(".", "").isdigit() for cell in cells}  # whether some have a unit, and others none
    assert [item.code for item in result] == (["K642"] if len(bare) == 2 and "(" not in column else [])


@pytest.mark.parametrize(
    ("cell", "code", "words"),
    [
        ("-5", "K642", "`-5` is no share, as it is not above zero"), ("0", "K642", "not above zero"),
        ("", "K604", "the cell is blank; 丙县"), ("约5", "K604", "约5"), ("5元", "K642", "元"),
        ("—", "K604", "no number"),
    ],
)  # fmt: skip
def test_what_is_no_share_is_refused_by_cell(score, cell: str, code: str, words: str):
    targets, result = score("{share: 人口, total: 100}", ["10人", "30人", cell])
    assert targets == [25, 75, None]
    result = [item for item in result if item.place.entity == "丙县"]
    assert [item.code for item in result] == [code]
    assert words in result[0].message
    assert "None" not in result[0].message


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet"])
def test_a_blank_share_is_called_blank(score, suffix: str):
    targets, (result,) = score("{share: 人口, total: 100}", [10, 30, None], suffix=suffix)
    assert targets == [25, 75, None]
    assert result.message == "the cell is blank; 丙县 has no target for work"


@pytest.mark.parametrize(
    ("values", "cells", "expected"),
    [
        ("{三级: 60, 二级: 30}", ["三级 ", "三\u200b级", "　二级", "二级"], [60, 60, 30, 30]),
        ("{'2': 60, '1': 30}", ["２", "2.0", "1.0", "1"], [60, 60, 30, 30]),
        ("{'２': 60, ' 1 ': 30}", ["2", "２", "1", "1"], [60, 60, 30, 30]),
    ],
)
def test_values_are_compared_as_they_read(score, values: str, cells: list[str], expected: list[float]):
    assert score(f"{{by: 等级, values: {values}}}", cells, "等级") == (expected, [])


@pytest.mark.parametrize("suffix", ["xlsx", "parquet"])
def test_values_may_be_numbers_in_the_roster(score, suffix: str):
    assert score("{by: 等级, values: {'2': 60, '1': 30}}", [2.0, 1.0], "等级", suffix=suffix)[0] == [60, 30]


def test_values_without_a_bound_are_reported_once(score):
    targets, result = score("{by: 等级, values: {三级: 60}}", ["三级", "未定级", "未定级", None], "等级")
    assert targets == [60, None, None, None]
    assert [(item.code, item.message) for item in result] == [
        ("K643", "`values` gives no bound for `未定级` (乙县, 丙县): no target for work")
    ]


def test_one_value_with_two_bounds_is_an_error(score):
    targets, result = score("{by: 等级, values: {'2': 60, '２': 30}}", ["2"], "等级")
    assert targets == [60]
    assert [str(item.severity.value) for item in result] == ["error"]


def merged_roster(path: Path) -> None:
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    for row, cells in enumerate(
        [("entity", "人口", "等级"), ("甲县", 10, "三级"), ("乙县", "", ""), ("丙县", 30, "二级")]
    ):
        sheet.write_row(row, 0, cells)
    sheet.merge_range(1, 1, 2, 1, 10)
    sheet.merge_range(1, 2, 2, 2, "三级")
    book.close()


@pytest.mark.parametrize(
    ("bound", "expected", "codes"),
    [
        ("{share: 人口, total: 100}", [None, None, 100], ["K533", "K533"]),
        ("{by: 等级, values: {三级: 6, 二级: 3}}", [6, 6, 3], []),
    ],
)
def test_a_merged_figure_of_the_roster_is_no_share_but_a_merged_value_holds(tmp_path, bound, expected, codes):
    merged_roster(tmp_path / "roster.xlsx")
    definition = tmp_path / "towns.yaml"
    definition.write_text(DEFINITION.replace("BOUND", bound).replace("ROSTER", "roster.xlsx"), "utf-8")
    data = pl.DataFrame({"期别": ["2024"] * 3, "地区": NAMES[:3], "完成(件)": [50.0] * 3})
    card = kpi.score(data, system=str(definition))
    assert card.frame["work.target"].to_list() == expected
    assert [item.code for item in card.findings_list if item.code.startswith(("K5", "K6"))] == codes


def test_many_units_are_counted():
    assert first_names(list("甲乙丙丁戊己庚辛壬癸")) == "甲, 乙, 丙, 丁, 戊, 己, 庚, 辛 and 2 more"
