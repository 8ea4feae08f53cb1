"""The 查询单: one row a finding, the same in both formats, nothing in it a formula."""

from __future__ import annotations

import sys
from pathlib import Path

import fastexcel
import openpyxl
import polars as pl
import pytest

from kpi.errors import DataError, Diagnostic, Place, Severity
from kpi.report import queries
from kpi.report.files import content, write

pytestmark = pytest.mark.usefixtures("chinese")

FINDINGS = (
    Diagnostic("K604", "`约500` is a bound", Place("a.csv", row=8, field="数值"), "write a figure"),
    Diagnostic("K701", "=cmd|' /C calc'!A1", Place(entity="甲县", period="2023Q4"), severity=Severity.QUERY),
    Diagnostic("K521", "2 rows above", Place("b.xlsx", sheet="表一"), severity=Severity.INFO),
)


def test_one_row_a_finding():
    assert queries.form(FINDINGS).rows() == [
        (1, "错误", "K604", None, None, "`约500` is a bound", "write a figure", "a.csv", None, 8, "数值", None),
        (2, "查询", "K701", "甲县", "2023Q4", "=cmd|' /C calc'!A1", None, None, None, None, None, None),
        (3, "提示", "K521", None, None, "2 rows above", None, "b.xlsx", "表一", None, None, None),
    ]


def test_both_formats_say_the_same(tmp_path):
    expected = queries.form(FINDINGS)
    write(queries.FindingsReport(FINDINGS), tmp_path / "a.csv")
    write(queries.FindingsReport(FINDINGS), tmp_path / "a.xlsx")
    text = pl.read_csv(tmp_path / "a.csv", schema_overrides=expected.schema)
    assert text.with_columns(pl.col("问题").str.strip_prefix("'")).equals(expected)
    sheet = fastexcel.read_excel(tmp_path / "a.xlsx").load_sheet("查询单", dtypes="string").to_polars()
    assert sheet.equals(expected.cast(pl.String))
    assert (tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_no_cell_is_a_formula(tmp_path):
    write(queries.FindingsReport(FINDINGS), tmp_path / "a.xlsx")
    cells = [cell for row in openpyxl.load_workbook(tmp_path / "a.xlsx")["查询单"] for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n"}
    assert b",'=cmd|" in content(queries.FindingsReport(FINDINGS), "csv")


def test_equal_findings_are_equal_bytes():
    assert queries.workbook(FINDINGS) == queries.workbook(list(FINDINGS))


@pytest.mark.parametrize(("name", "code"), [("a.doc", "K541"), ("absent/a.csv", "K540")])
def test_what_cannot_be_written_is_told(tmp_path, name, code):
    with pytest.raises(DataError) as caught:
        write(queries.FindingsReport(FINDINGS), tmp_path / name)
    assert [item.code for item in caught.value.diagnostics] == [code]


def test_without_xlsxwriter_the_form_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(DataError, match="xlsxwriter"):
        queries.workbook(FINDINGS)


def test_the_command_writes_it(tmp_path):
    sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))
    try:
        from command import GOOD, SYSTEM, kpi, write
    finally:
        sys.path.pop(0)
    checks = "checks:\n  part: {title: 部分不大于总体, expr: online <= cases, severity: error}\n"
    write(tmp_path, {"s.yaml": SYSTEM + checks, "a.csv": GOOD.replace("网上办件量,900", "网上办件量,9000")})
    ran = kpi("check", tmp_path / "s.yaml", "--data", tmp_path / "a.csv", "-o", tmp_path / "q.csv")
    assert (ran.code, ran.out) == (1, "")
    row = pl.read_csv(tmp_path / "q.csv").row(0, named=True)
    assert (row["级别"], row["评价对象"], row["期别"]) == ("错误", "甲县", "2023Q4")
    assert "部分不大于总体" in row["问题"]
