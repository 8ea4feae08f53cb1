from __future__ import annotations

import errno
import io
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from report_sample import UNITS, empty, sample

from kpi.errors import DataError
from kpi.process import atomic_files
from kpi.report import queries
from kpi.report.language import localized
from kpi.report.results import ScorecardReport
from kpi.report.shape import FRAMES, HEADINGS, Results
from kpi.report.workbook import CHARACTERS, workbook

pytestmark = pytest.mark.usefixtures("chinese")


def read(scorecard: Results, **options: int) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(workbook(ScorecardReport(scorecard), **options)))


def column(sheet: Worksheet, heading: str) -> list[object]:
    (result,) = [item for item in sheet.iter_cols() if item[0].value == heading]
    return list(result[1:])


def values(sheet: Worksheet, heading: str) -> list[object]:
    return [cell.value for cell in column(sheet, heading)]


def test_every_frame_is_a_sheet_with_all_its_rows_and_chinese_headings() -> None:
    book, scorecard = read(sample()), sample()
    assert book.sheetnames == [localized(name) for name in FRAMES.values()]
    for name, title in FRAMES.items():
        sheet, frame = book[localized(title)], getattr(scorecard, name)
        assert sheet.max_row == frame.height + 1
        headings = [cell.value for cell in sheet[1]]
        expected = []
        for key in frame.columns:
            if key == "stars":
                expected.append("星数")
            if key != "system":
                expected.append("县(市、区)" if key == "entity" else localized(HEADINGS[key]))
        assert headings == expected


def test_numbers_are_numbers_with_formats_and_nulls_are_empty() -> None:
    sheet = read(sample())["总表"]
    assert values(sheet, "得分") == sample().totals["score"].to_list()
    assert values(sheet, "未取整得分") == pytest.approx(sample().totals["raw_score"].to_list(), nan_ok=True)
    assert values(sheet, "位次升降") == sample().totals["rank_change"].to_list()
    formats = {heading: column(sheet, heading)[8].number_format for heading in ("得分", "位次升降", "数据完整率")}
    assert formats == {"得分": "0.00", "位次升降": '"▲"0;"▼"0;"–"', "数据完整率": '0.0"%"'}
    whole = read(replace(sample(), decimals=0))["总表"]
    assert column(whole, "得分")[0].number_format == "0"


def test_marks_are_in_words_and_signs() -> None:
    book = read(sample())
    assert values(book["总表"], "星级")[2] == "★★★½☆"
    assert values(book["总表"], "星数")[2] == 3.5
    assert values(book["总表"], "状态")[-1] == "缺报"
    assert values(book["指标"], "进度灯")[:4] == ["● 绿", "● 黄", "● 红", "—"]
    assert values(book["指标"], "是否达标")[:4] == ["是", "否", "是", None]
    assert values(book["指标"], "计分状态")[3] == "分母为零"
    assert set(values(book["指标"], "目标要求")) == {"≥"}
    assert values(book["审核"], "级别") == ["警告", "查询"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "http://example.com", "0123", "{=A1}"])
def test_text_is_never_a_formula_a_link_or_a_number(text: str) -> None:
    totals = sample().totals.with_columns(entity=pl.lit(text), veto=pl.lit(text))
    sheet = read(replace(sample(), totals=totals))["总表"]
    for heading in ("县(市、区)", "一票否决"):
        for cell in column(sheet, heading):
            assert (cell.value, cell.data_type, cell.hyperlink) == (text, "s", None)
            assert cell.quotePrefix is (text[0] in "=+-@\t")


def test_sheets_are_ready_to_filter_and_print() -> None:
    sheet = read(sample())["总表"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("D2", "A1:O13")
    # One page wide is what the file format assumes, so it is not written; 0 is as many pages as it takes.
    assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight) == ("landscape", 0)
    assert sheet.page_setup.fitToWidth in {None, 1}
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet.print_title_rows == "$1:$1"
    # A Chinese character is two wide: the longest name has 19 cells.
    assert sheet.column_dimensions["C"].width > 19


def test_movement_has_colour_beside_its_signs() -> None:
    sheet = read(sample())["总表"]
    ranges = {str(result.sqref): [rule.operator for rule in result.rules] for result in sheet.conditional_formatting}
    assert ranges["K2:K13"] == ["greaterThan", "lessThan"]
    assert sheet["K1"].value == "位次升降"


def test_a_frame_beyond_the_limit_goes_on_in_a_further_sheet() -> None:
    book = read(sample(), rows=5)
    parts = [name for name in book.sheetnames if name.startswith("总表")]
    assert parts == ["总表", "总表(2)", "总表(3)"]
    together = [value for name in parts for value in values(book[name], "县(市、区)")]
    assert together == [*UNITS, *UNITS]


def test_a_text_too_long_for_a_cell_is_cut_and_its_row_kept() -> None:
    long = sample().findings.with_columns(message=pl.lit("字" * (CHARACTERS + 10)))
    (first, _) = values(read(replace(sample(), findings=long))["审核"], "说明")
    assert len(first) == CHARACTERS
    assert first.endswith("字…")


def test_the_file_says_what_made_it_and_never_when() -> None:
    data = workbook(ScorecardReport(sample()))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}
    properties = openpyxl.load_workbook(io.BytesIO(data)).properties
    assert properties.created.year == 2000
    assert "7c1e9a5500aa11bb" in properties.description
    assert workbook(ScorecardReport(sample())) == data


def test_nothing_evaluated_is_a_workbook_of_headings() -> None:
    assert [sheet.max_row for sheet in read(empty())] == [1] * 5


def test_an_absent_package_is_a_finding_that_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(DataError, match="xlsxwriter") as caught:
        workbook(ScorecardReport(sample()))
    (item,) = caught.value.diagnostics
    assert (item.code, item.hint) == ("K510", "pip install xlsxwriter, or write .csv")


@pytest.mark.parametrize(
    "created", [lambda: workbook(ScorecardReport(sample())), lambda: queries.workbook([])], ids=["results", "queries"]
)
def test_what_a_workbook_is_put_together_from_goes_with_the_process_and_with_a_failure(
    created: Callable[[], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def full(*_: object, **__: object) -> None:
        seen.append([path for path in tmp_path.rglob("*") if path.is_file()])
        atomic_files.remove_all()
        seen.append(list(tmp_path.iterdir()))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(zipfile.ZipFile, "write", full)
    with pytest.raises(Exception, match="No space"):
        created()
    parts, after = seen
    assert parts
    assert after == list(tmp_path.iterdir()) == []
