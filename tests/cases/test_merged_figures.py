"""Figures in merged cells: one figure for several rows or columns is none of them, in every kind of dataset."""

from __future__ import annotations

from pathlib import Path

import pytest
import xlsxwriter

import kpi
from kpi.intake.files.headers import clean
from tests.written_formats import ods_cell, ods_of


def xlsx(path: Path, rows, merged) -> Path:
    book = xlsxwriter.Workbook(path)
    page = book.add_worksheet()
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            if cell is not None:
                page.write(at, column, cell)
    for top, left, bottom, right in merged:
        page.merge_range(top, left, bottom, right, rows[top][left])
    book.close()
    return path


def ods(path: Path, rows, merged) -> Path:
    spans = {(top, left): (bottom - top + 1, right - left + 1) for top, left, bottom, right in merged}

    def element(at: int, column: int, cell: object) -> str:
        text = ods_cell(cell)
        if (at, column) not in spans:
            return text
        down, right = spans[at, column]
        marks = f'table:number-rows-spanned="{down}" table:number-columns-spanned="{right}"'
        return text.replace("<table:table-cell", f"<table:table-cell {marks}", 1)

    lines = (
        f"<table:table-row>{''.join(element(at, column, cell) for column, cell in enumerate(row))}</table:table-row>"
        for at, row in enumerate(rows)
    )
    path.write_bytes(ods_of({"Sheet1": ">" + "".join(lines)}))
    return path


BOOKS = {"xlsx": xlsx, "ods": ods}

EVENTS = {
    "system": "events", "period": "month", "entities": {},
    "datasets": {"ev": {"form": "records", "columns": {"period": "日期", "entity": "地区"}}},
    "measures": {
        "total": {"kind": "sum", "of": "金额", "unit": "万元"},
        "large": {"kind": "count", "unit": "件", "where": "金额 > 1"},
        "every": {"kind": "count", "unit": "件"},
    },
    "indicators": {f"i_{name}": {"kind": "level", "of": name} for name in ("total", "large", "every")},
}  # fmt: skip


def figures(card: kpi.Scorecard, entity: str) -> dict[str, float | str]:
    rows = card.indicators.filter(entity=entity).select("indicator", "value", "status").rows()
    return {name.removeprefix("i_"): value if status == "ok" else status for name, value, status in rows}


@pytest.mark.parametrize("form", BOOKS)
@pytest.mark.parametrize("heading", ["金额", "金额（万元）"])
def test_a_figure_over_several_events_is_none_of_them(tmp_path, form, heading):
    rows = [
        ["日期", "地区", heading],
        ["2024-01-01", "甲县", 6],
        ["2024-01-02", "甲县", None],
        ["2024-01-02", "乙县", 4],
    ]
    card = kpi.score(BOOKS[form](tmp_path / f"d.{form}", rows, [(1, 2, 2, 2)]), system=EVENTS)
    assert figures(card, "甲县") == {"total": "refused", "large": "refused", "every": 2}
    assert figures(card, "乙县") == {"total": 4, "large": 1, "every": 1}
    refused = [(item.code, item.place.row, item.place.field) for item in card.findings_list if item.severity == "error"]
    assert refused == [("K533", 2, clean(heading)), ("K533", 3, clean(heading))]
    assert "C2:C3" in card.findings_list[0].message


@pytest.mark.parametrize("form", BOOKS)
@pytest.mark.parametrize("reads", [("金额",), ("金额", "退款")])
def test_a_figure_over_two_columns_of_events_is_none_of_them(tmp_path, form, reads):
    system = EVENTS | {
        "measures": {name: {"kind": "sum", "of": name, "unit": "万元"} for name in reads},
        "indicators": {f"i_{name}": {"kind": "level", "of": name} for name in reads},
    }
    rows = [["日期", "地区", "金额", "退款"], ["2024-01-01", "甲县", 6, None], ["2024-01-02", "乙县", 4, 1]]
    card = kpi.score(BOOKS[form](tmp_path / f"d.{form}", rows, [(1, 2, 1, 3)]), system=system)
    assert figures(card, "甲县") == dict.fromkeys(reads, "refused")
    assert figures(card, "乙县") == {name: {"金额": 4, "退款": 1}[name] for name in reads}
    assert [item.code for item in card.findings_list if item.severity == "error"] == ["K533"] * len(reads)


REPORTED = {
    "system": "reported", "period": "year", "entities": {},
    "measures": {"v": {"title": "GDP", "unit": "亿元"}},
    "indicators": {
        "i_v": {
            "kind": "level", "of": "v", "target": {"at_least": {"column": "目标值"}}, "score": {"kind": "completion"},
        }
    },
}  # fmt: skip


@pytest.mark.parametrize("form", BOOKS)
def test_a_figure_over_value_and_target_is_neither(tmp_path, form):
    rows = [["期别", "地区", "指标", "数值", "目标值"], ["2024", "甲县", "GDP", 6, None], ["2024", "乙县", "GDP", 4, 5]]
    card = kpi.score(BOOKS[form](tmp_path / f"d.{form}", rows, [(1, 3, 1, 4)]), system=REPORTED)
    assert (figures(card, "甲县"), figures(card, "乙县")) == ({"v": "refused"}, {"v": 4})
    assert {(item.code, item.place.row) for item in card.findings_list if item.severity == "error"} == {("K533", 2)}


@pytest.mark.parametrize("form", BOOKS)
def test_a_figure_that_is_merged_with_remarks_is_a_figure(tmp_path, form):
    rows = [["期别", "地区", "指标", "数值", "备注", "目标值"], ["2024", "甲县", "GDP", 6, None, 5]]
    card = kpi.score(BOOKS[form](tmp_path / f"d.{form}", rows, [(1, 3, 1, 4)]), system=REPORTED)
    assert figures(card, "甲县") == {"v": 6}
