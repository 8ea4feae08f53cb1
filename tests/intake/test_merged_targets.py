"""A target in a cell that is merged over several rows is the target of none of them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

import kpi

DEFINITION = """
system: towns
period: year
entities: {title: 县}
measures: {done: {title: 完成, unit: 件}, open: {title: 未结, unit: 件}}
indicators:
  work: {kind: level, of: done, target: {at_least: BOUND}, score: {kind: completion}}
"""


def sheet(path: Path, rows: list[tuple], *merged: tuple[int, int, int, int]) -> Path:
    book = xlsxwriter.Workbook(path)
    page = book.add_worksheet()
    for at, cells in enumerate(rows):
        page.write_row(at, 0, cells)
    for top, left, bottom, right in merged:
        page.merge_range(top, left, bottom, right, rows[top][left])
    book.close()
    return path


def scored(folder: Path, bound: str, data: Path):
    definition = folder / "towns.yaml"
    definition.write_text(DEFINITION.replace("BOUND", bound), "utf-8")
    card = kpi.score(data, system=str(definition))
    result = [(item.code, item.place.row, item.place.field) for item in card.findings_list if item.code == "K533"]
    rows = card.indicators.filter(pl.col("period").cast(pl.String) == "2024")
    return dict(rows.select("entity", "target").rows()), result


LONG = [
    ("期别", "地区", "指标", "数值", "目标值"), (2024, "甲县", "完成", 50, 100), (2024, "乙县", "完成", 40, ""),
    (2024, "丙县", "完成", 30, 60),
]  # fmt: skip
WIDE = [("期别", "地区", "完成(件)", "目标值"), (2024, "甲县", 50, 100), (2024, "乙县", 40, ""), (2024, "丙县", 30, 60)]
TURNED = [
    ("地区", "指标", "目标值", "2023年", "2024年"), ("甲县", "完成", 100, 40, 50), ("乙县", "完成", "", 30, 40),
    ("丙县", "完成", 60, 20, 30),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "column"), [(LONG, 4), (WIDE, 3), (TURNED, 2)], ids=["long", "wide", "turned"])
def test_a_merged_target_of_data_is_refused_for_every_row(tmp_path, rows, column):
    data = sheet(tmp_path / "data.xlsx", rows, (1, column, 2, column))
    targets, result = scored(tmp_path, "{column: 目标值}", data)
    assert targets == {"甲县": None, "乙县": None, "丙县": 60}
    assert {(code, row, field) for code, row, field in result} == {("K533", 2, "目标值"), ("K533", 3, "目标值")}


def test_a_merged_target_of_a_file_is_refused_for_every_row(tmp_path):
    rows = [("entity", "indicator", "target"), ("甲县", "work", 100), ("乙县", "work", ""), ("丙县", "work", 60)]
    sheet(tmp_path / "targets.xlsx", rows, (1, 2, 2, 2))
    data = sheet(tmp_path / "data.xlsx", [row[:4] for row in LONG])
    targets, result = scored(tmp_path, "{file: targets.xlsx}", data)
    assert targets == {"甲县": None, "乙县": None, "丙县": 60}
    assert result == [("K533", 2, "target"), ("K533", 3, "target")]
