"""Workbooks of scorecards for people: the text of their sheets, formulas that come to our figures, inert texts."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import warnings
import zipfile
from io import BytesIO
from pathlib import Path

import openpyxl
import polars as pl
import pytest

import kpi
from kpi.analysis import next_level
from kpi.analysis.next_level import ahead
from kpi.report.files import content, left_out, outlook
from kpi.report.marks import least_change
from kpi.report.results import ScorecardReport
from kpi.report.scorebook import extent, figures, unit_cards
from kpi.report.scorebook.figures import adds_up, why
from kpi.report.sheet_rows import Cells, write_rows
from kpi.report.xlsx import new_workbook
from tests.soundness.small_evaluation import small_card

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "methods" / "scorebook.txt"
SYSTEM = """
system: demo
title: 示例评价
source: {document: 方案, issuer: 市政府办公室}
period: year
entities: {title: 县}
measures:
  va: {title: 甲, unit: '%'}
  vb: {title: 乙, unit: 件}
  vc: {title: 丙, unit: 是/否}
  late: {title: 迟报, unit: 次}
indicators:
  a: {kind: level, of: va, title: 办结率, target: {at_least: 90}}
  b: {kind: level, of: vb, title: 投诉, better: lower, target: {at_most: 10}}
  c: {kind: milestone, of: vc, title: 平台建成, target: {done: true, by: 2023}}
pillars: {政务: {weight: 60, parts: {a: 40, b: 20}}, 数字: {weight: 40, parts: {c: 1}, relative: true}}
adjustments:
  tardy: {kind: deduction, title: 迟报扣分, of: late, points: 0.5}
  stop: {kind: veto, title: 造假, when: late > 5, effect: {stars_at_most: 2}}
stars: {kind: bands, cuts: {5: 90, 4: 80, 3: 70, 2: 60, 1: 0}}
"""
UNITS = ("东湖", "西山", "南港", "北原")


def data(names: tuple[str, ...] = UNITS) -> pl.DataFrame:
    return pl.DataFrame({
        "地区": [*names, *names], "期别": ["2022"] * 4 + ["2023"] * 4, "甲": [80.0, 85, 70, 88, 90, 87.3, 71, 95],
        "乙": [10, 12, 14, 9, 8, 12, 11, None], "丙": [0, 0, 1, 1, 1, 0, 1, 1], "迟报": [0, 0, 1, 0, 0, 1, 0, 7],
    })  # fmt: skip


@pytest.fixture(scope="module")
def card() -> kpi.Scorecard:
    return kpi.score(data(), system=SYSTEM)


def sheets(card: kpi.Scorecard) -> dict[str, list[list[object]]]:
    """Return the sheets for people as rows of values, formulas as their text."""
    opened = openpyxl.load_workbook(BytesIO(content(card, "xlsx")))
    return {sheet.title: [[cell.value for cell in row] for row in sheet.iter_rows()] for sheet in opened}


def test_the_text_is_the_one_that_was_read(card) -> None:
    lines = []
    for name, rows in list(sheets(card).items())[:5]:
        lines.append(f"== {name}")
        lines += [" | ".join("" if cell is None else str(cell) for cell in row).rstrip(" |") for row in rows]
    text = re.sub(r"\b[0-9a-f]{16}\b", "(hash)", "\n".join(lines) + "\n")
    if os.environ.get("KPI_METHODS") == "write":
        GOLDEN.write_text(text, "utf-8")
    assert text == GOLDEN.read_text("utf-8")


def test_the_sheets_of_data_come_last(card) -> None:
    names = list(sheets(card))
    assert names[:5] == ["Results", "Matrix", "Cards", "Earlier periods", "Method"]
    report = ScorecardReport(card)
    assert names[5:] == [report.sheet(name) for name in report.frames()]


def test_cards_have_the_least_single_change_where_it_is_cheap(card, monkeypatch) -> None:
    above = ahead(card, "南港")
    assert above is not None
    assert above.change is not None
    words = least_change(above.change.title, above.change.value, above.change.needed, above.change.unit)
    assert words.startswith("Least single change: ")
    assert any(words in str(cell) for row in sheets(card)["Cards"] for cell in row)
    text = "The least single change to the next level is on cards where units × units × indicators are at most"
    assert text not in str(sheets(card)["Method"])
    monkeypatch.setattr(next_level, "CHEAP_FOR_ALL", 47)
    result = sheets(card)
    assert "Least single change" not in str(result["Cards"])
    assert text in str(result["Method"])


def test_tasks_are_done_or_not_in_the_matrix(card) -> None:
    sheet = openpyxl.load_workbook(BytesIO(content(card, "xlsx")))["Matrix"]
    columns = {cell.value: cell.column for cell in sheet[3]}
    formats = {sheet.cell(row, columns["平台建成"]).number_format for row in range(12, 16)}
    assert formats == {'[=1]"yes";[=0]"no";0.00'}
    assert sheet.cell(12, columns["办结率"]).number_format != formats.pop()


def test_rows_that_are_written_together_are_those_of_single_cells() -> None:
    names = ["a", None, "", " b ", "=1+1", "<&>", "a", "\x07", "_x0041_"]
    numbers = [1.0, None, -0.5, 1e-7, 1e16, 0.1 + 0.2, 12345.0, 5e-324, -3.0]
    frame = pl.DataFrame({"name": names, "number": numbers, "whole": range(9), "none": [None] * 9})
    out = BytesIO()
    with new_workbook(out, {}, constant_memory=True) as book:
        bold, plain = book.add_format({"bold": True}), book.add_format({"num_format": "0.00"})
        sheet = book.add_worksheet("A")
        sheet.write_string(0, 0, "head")
        texts = Cells(empty=bold, text=lambda value: (value, bold if value == "a" else None))
        write_rows(sheet, 2, frame, [texts, Cells(plain, bold), Cells(plain), Cells()])
        sheet.write_string(11, 0, "below")
    read = openpyxl.load_workbook(out)["A"]
    rows = [[cell.value for cell in row] for row in read.iter_rows()]
    assert rows[0][0] == "head"
    assert not any(rows[1])
    assert [row[1] for row in rows[2:11]] == numbers
    assert [row[2] for row in rows[2:11]] == [*range(9)]
    shown = [row[0] for row in rows[2:11]]
    assert shown[:7] == ["a", None, None, " b ", "=1+1", "<&>", "a"]
    assert read["A7"].data_type == "s"
    assert rows[11][0] == "below"
    assert [read.cell(row, 1).font.bold for row in (3, 4, 6)] == [True, True, False]
    assert [read.cell(row, 2).font.bold for row in (3, 5)] == [True, False]
    with pytest.raises(ValueError, match="not finite"), new_workbook(BytesIO(), {}, constant_memory=True) as book:
        write_rows(book.add_worksheet("A"), 0, pl.DataFrame({"x": [float("inf")]}), [Cells()])


def test_one_period_has_no_sheet_of_earlier_ones() -> None:
    assert "Earlier periods" not in sheets(kpi.score(data().filter(pl.col("期别") == "2023"), system=SYSTEM))


def test_each_card_ends_its_page(card) -> None:
    opened = openpyxl.load_workbook(BytesIO(content(card, "xlsx")))["Cards"]
    breaks = [item.id for item in opened.row_breaks.brk]
    titles = [row for row in range(1, opened.max_row + 1) if "示例评价  2023" in str(opened.cell(row, 1).value)]
    assert [row - 1 for row in titles[1:]] == breaks
    # A sheet that is fitted to pages would ignore its breaks.
    assert not opened.sheet_properties.pageSetUpPr or not opened.sheet_properties.pageSetUpPr.fitToPage


@pytest.mark.parametrize("show", ["percent", "marks"])
@pytest.mark.parametrize(("number", "pages"), [(10, 1), (40, 3), (100, 6)])
def test_a_long_card_has_further_pages_that_are_read(number: int, pages: int, show: str) -> None:
    parts = {
        f"i{n}": {"kind": "level", "of": f"m{n}", "title": f"指标{n}：" + "每万人口数量" * 3} for n in range(number)
    }
    halves = [dict.fromkeys(list(parts)[: number // 2], 1), dict.fromkeys(list(parts)[number // 2 :], 1)]
    system = kpi.load({
        "system": "long", "title": "长表", "period": "year", "entities": {"title": "县"}, "show": show,
        "measures": {f"m{n}": {"title": f"数据{n}", "unit": "件"} for n in range(number)},
        "indicators": {name: {**part, "target": {"at_least": 5}} for name, part in parts.items()},
        "pillars": {name: {"weight": 50, "parts": part} for name, part in zip("甲乙", halves, strict=True)},
    })  # fmt: skip
    rows = {"地区": ["东湖", "西山"], "期别": ["2023"] * 2, **{f"数据{n}": [n % 7, 9] for n in range(number)}}
    sheet = openpyxl.load_workbook(BytesIO(content(kpi.score(pl.DataFrame(rows), system=system), "xlsx")))["Cards"]
    ends = [0, *(mark.id for mark in sheet.row_breaks.brk), sheet.max_row]
    assert abs(len(ends) - 1 - 2 * pages) <= 2  # marks leave less room for names, and more lines
    scale = sheet.page_setup.scale / 100
    assert scale * 11 >= 7
    for start, end in itertools.pairwise(ends):
        heights = [sheet.row_dimensions[row].height or 15 for row in range(start + 1, end + 1)]
        # A4 in landscape, in points, less the margins.
        assert sum(heights) * scale <= 508
        heads = start + (2 if "continued" in sheet.cell(start + 1, 1).value else 3)
        assert sheet.cell(heads, 2).value == "Indicator"
        assert sheet.cell(heads + 1, 1).value in ("甲", "乙")
        # The total is never alone.
        assert "指标" in sheet.cell(heads + 1, 2).value
    totals = [row for row in range(1, sheet.max_row + 1) if sheet.cell(row, 2).value == "Total"]
    assert [row in ends or row + 1 in ends for row in totals] == [True, True]
    columns = [column for column in sheet.column_dimensions.values() if not column.hidden]
    assert 165 <= sum(column.width * (column.max - column.min + 1) for column in columns) <= 176


def _many(indicators: int, periods: int) -> kpi.Scorecard:
    """Return scores of three units by shares, without a schedule."""
    names = range(indicators)
    system = kpi.load({
        "system": "many", "title": "多指标评价", "period": "year", "entities": {"title": "县"},
        "measures": {f"m{n}": {"title": f"数据{n}", "unit": "件"} for n in names},
        "indicators": {
            f"i{n}": {"kind": "level", "of": f"m{n}", "title": f"指标{n}", "target": {"at_least": 5, "by": 2030}}
            for n in names
        },
        "pillars": {"甲": {"weight": 100, "parts": {f"i{n}": 1 for n in names}}},
    })  # fmt: skip
    rows = [(str(2020 + at), unit, *(n % 7 + at / 4 for n in names)) for at in range(periods) for unit in "ABC"]
    return kpi.score(pl.DataFrame(rows, ["期别", "地区", *(f"数据{n}" for n in names)], orient="row"), system=system)


def test_data_are_not_printed_beyond_a_page_and_the_page_says_so() -> None:
    opened = openpyxl.load_workbook(BytesIO(content(_many(30, 4), "xlsx")))
    indicators = opened["Indicators"]
    assert indicators.max_row == 1 + 30 * 4 * 3
    assert indicators.print_area.endswith("$41")
    assert "the first 40 of 360 rows" in indicators.oddHeader.center.text
    # What is short is printed whole.
    assert not opened["Totals"].print_area
    assert "not for printing" not in (opened["Totals"].oddHeader.center.text or "")
    words = [str(row[0].value) for row in opened["Method"].iter_rows()]
    assert any("the first 40 rows are printed" in text for text in words)


def test_pages_of_the_matrix_are_whole_columns_and_pillars() -> None:
    matrix = openpyxl.load_workbook(BytesIO(content(_many(40, 1), "xlsx")))["Matrix"]
    breaks = [mark.id for mark in matrix.col_breaks.brk]
    assert breaks == [16, 31]
    spans = sorted((area.min_col, area.max_col) for area in matrix.merged_cells.ranges)
    assert spans == [(2, 16), (17, 31), (32, 41)]
    assert matrix.oddHeader.center.text.endswith("多指标评价 2020")


def test_long_names_and_probabilities_are_not_cut() -> None:
    card = kpi.score(data(("甲" * 60, *UNITS[1:])), system=SYSTEM, intervals=20)
    opened = openpyxl.load_workbook(BytesIO(content(card, "xlsx")))["Results"]
    heights = {opened.cell(row, 3).value: opened.row_dimensions[row].height for row in range(5, 9)}
    assert heights[UNITS[1]] == 18
    assert heights["甲" * 60] >= 6 * 15
    heads = {cell.value: cell.column_letter for cell in opened[3]}
    letter = next(letter for head, letter in heads.items() if head and "robabilit" in str(head))
    longest = max(len(str(opened[f"{letter}{row}"].value or "")) for row in range(5, 9))
    assert opened.column_dimensions[letter].width >= longest


def test_columns_without_anything_are_left_out() -> None:
    opened = openpyxl.load_workbook(BytesIO(content(_many(3, 1), "xlsx")))
    heads = [cell.value for cell in opened["Results"][3]]
    assert not {"Move", "Change", "Footnote"} & set(heads)
    hidden = [letter for letter, column in opened["Cards"].column_dimensions.items() if column.hidden]
    assert [opened["Cards"][f"{letter}3"].value for letter in hidden][:1] == ["Schedule"]


def test_values_of_an_indicator_have_the_same_decimals() -> None:
    matrix = openpyxl.load_workbook(BytesIO(content(_many(3, 2), "xlsx")))["Matrix"]
    formats = {(cell.column, cell.number_format) for row in matrix.iter_rows(min_row=12, min_col=2) for cell in row}
    assert formats == {(2, "#,##0.00"), (3, "#,##0.00"), (4, "#,##0.00")}


def test_colours_follow_which_way_is_better(card) -> None:
    opened = openpyxl.load_workbook(BytesIO(content(card, "xlsx")))["Matrix"]
    scales = {str(item.sqref): [colour.rgb[-6:] for colour in rule.colorScale.color]
              for item in opened.conditional_formatting for rule in item.rules}  # fmt: skip
    assert [colours[0] for colours in scales.values()] == ["F8696B", "63BE7B", "F8696B"]  # the least: red, green, red


def test_what_is_long_is_left_out_and_said(card, monkeypatch) -> None:
    monkeypatch.setattr(extent, "DATA_ROWS", 10)
    monkeypatch.setattr(unit_cards, "ROWS", 25)
    result = sheets(card)
    text = str(result["Method"])
    assert "Indicators" not in result
    assert "`Indicators` has 24 rows and is left out" in text
    assert "There are cards of the first 2 of 4 units." in text
    findings = [str(item) for item in left_out(card, "result.xlsx")]
    assert len(findings) == len([name for name in card.frames if len(card.frames[name]) > 10]) + 1
    assert "warning K894 in the workbook, the sheet `Indicators` is left out, as it has 24 rows" in findings
    assert "warning K894 in the workbook, only the first 2 of 4 units have a card" in findings
    assert not left_out(card, "results/")  # a folder has everything


def test_units_beyond_a_sheet_are_left_out_and_said(card, monkeypatch) -> None:
    monkeypatch.setattr(figures, "UNITS", 3)
    monkeypatch.setattr(extent, "UNITS", 3)
    result = sheets(card)
    assert "西山" in str(result["Totals"])
    assert "西山" not in str(result["Results"] + result["Matrix"] + result["Cards"])
    assert [str(item) for item in left_out(card, "result.xlsx")] == [
        "warning K894 in the workbook, only the first 3 of 4 units are listed"
    ]


def test_the_size_is_known_before(card, monkeypatch) -> None:
    size = extent.extent(card)
    frames = ScorecardReport(card).frames()
    assert size.rows == {name: frame.height for name, frame in frames.items() if name != "findings"}
    written = sum(len(row) for rows in sheets(card).values() for row in rows)
    assert written / 2 < size.cells < written * 2
    assert outlook(card, "result.xlsx") is None
    monkeypatch.setattr(extent, "_CELLS", 1)
    assert "The workbook will have 4 units, 2 periods and about" in str(outlook(card, "result.xlsx"))
    assert outlook(card, "result.csv") is None


def test_numbers_keep_their_last_digit() -> None:
    values = [0.1 + 0.2, 1 / 3, 1e-7 / 3, 123456789.12345679]
    card = kpi.score(data().with_columns(甲=pl.Series(values * 2)), system=SYSTEM)
    opened = openpyxl.load_workbook(BytesIO(content(card, "xlsx")))
    assert {row[1].value for row in opened["Matrix"].iter_rows(min_row=12)} == set(values)


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "甲" * 200, "\u202egnp.exe", "@SUM(A1)", "<b>&amp;"])
def test_hostile_names_are_inert(name: str) -> None:
    card = kpi.score(data((name, *UNITS[1:])), system=SYSTEM)
    opened = openpyxl.load_workbook(BytesIO(content(card, "xlsx")))
    formulas = [str(cell.value) for sheet in opened for row in sheet.iter_rows() for cell in row
                if cell.data_type == "f"]  # fmt: skip
    assert formulas
    assert not [
        item for item in formulas if not re.match(r"=(ROUND\(SUM|MAX|MIN|MEDIAN|AVERAGE|STDEVP|[A-Z]+\d+\*)", item)
    ]
    entities = {str(row[2].value) for row in opened["Results"].iter_rows(min_row=5)}
    assert any(name.strip("\u202e") in item for item in entities)


def test_a_total_is_a_formula_only_where_spreadsheets_come_to_it() -> None:
    assert adds_up([94.885, 0.0], 94.89, 2)
    assert not adds_up([94.884], 94.89, 2)
    assert not adds_up([2.5], 2.0, 0)  # half to even
    assert not adds_up([float("inf")], 1.0, 2)


def test_reasons_of_lost_marks(card) -> None:
    rows = {(row["entity"], row["indicator"]): why(row)
            for row in card.indicators.filter(period="2023").iter_rows(named=True)}  # fmt: skip
    assert rows["东湖", "a"] == ""
    assert rows["西山", "a"] == "off target by 2.7 pp"
    assert rows["西山", "b"] == "off target by 2 件"
    assert rows["西山", "c"] == "not done"
    assert rows["北原", "b"] == "not reported"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("name", ["demo", "jiaxing-2022"])
def test_libreoffice_computes_our_figures(name: str, card, tmp_path) -> None:
    if name != "demo":
        card = kpi.score(f"{ROOT}/sample_data/jiaxing-2022/*.csv", system=name, period="2023Q4")
    blank, full = tmp_path / "blank.xlsx", BytesIO(content(card, "xlsx"))
    with zipfile.ZipFile(full) as source, zipfile.ZipFile(blank, "w") as target:
        for member in source.namelist():
            # Without our results the program has to compute every formula.
            text = re.sub(rb"(<f>[^<]*</f>)<v>[^<]*</v>", rb"\1", source.read(member))
            target.writestr(member, text)
    subprocess.run(
        ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to",
         "xlsx:Calc MS Excel 2007 XML", "--outdir", str(tmp_path / "out"), str(blank)],
        check=True, capture_output=True, timeout=240,
    )  # fmt: skip
    ours = openpyxl.load_workbook(full, data_only=True)
    formulas = openpyxl.load_workbook(full)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of extensions that openpyxl leaves out
        theirs = openpyxl.load_workbook(tmp_path / "out" / "blank.xlsx", data_only=True)
    compared = 0
    for sheet in formulas:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type != "f":
                    continue
                mine, other = ours[sheet.title][cell.coordinate].value, theirs[sheet.title][cell.coordinate].value
                rounded = str(cell.value).startswith("=ROUND")
                assert other == (mine if rounded else pytest.approx(mine, rel=1e-12, abs=1e-12)), cell.coordinate
                compared += 1
    assert compared > 20


def test_marks_of_cards_are_those_of_the_indicators_where_a_part_is_missing() -> None:
    system = """
measures: {a: {unit: 1}, b: {unit: 1}}
indicators:
  ia: {kind: level, title: first, of: a, target: {at_least: 100}}
  ib: {kind: level, title: second, of: b, target: {at_least: 100}}
pillars: {P: {weight: 100, parts: {ia: 50, ib: 50}, missing: redistribute}}
show: marks
"""
    card = small_card(system, (2023, "A", "a", 80), (2023, "B", "a", 60), (2023, "B", "b", 60))
    book = openpyxl.load_workbook(BytesIO(content(card, "xlsx")))
    rows = [[cell.value for cell in row] for row in book["Cards"].iter_rows()]
    heads = next(row for row in rows if row[0] == "Pillar")
    line = next(row for row in rows if str(row[1]).startswith("first"))
    assert heads.count("Marks") == 1
    assert [line[heads.index(name)] for name in ("Marks", "Full marks", "Marks lost")] == [40, 50, 10]
    sheet = [[cell.value for cell in row] for row in book["Indicators"].iter_rows()]
    assert sheet[1][sheet[0].index("Marks")] == 40


def test_a_unit_without_peers_has_no_spread_and_rows_are_as_high_as_their_own_texts() -> None:
    names = [f"i{number}" for number in range(4)]
    system = kpi.load({
        "system": "alone", "title": "独评", "period": "year", "entities": {"title": "市"},
        "measures": {f"m{number}": {"unit": "件"} for number in range(4)},
        "indicators": {name: {"kind": "level", "of": f"m{at}", "title": f"指标{at}", "target": {"at_least": 5}}
                       for at, name in enumerate(names)},
        "pillars": {"政府数字化转型与治理能力现代化": {"weight": 100, "parts": dict.fromkeys(names, 1)}},
    })  # fmt: skip
    rows = {"地区": ["甲市"], "期别": ["2023"], **{f"m{number}": [number] for number in range(4)}}
    book = openpyxl.load_workbook(BytesIO(content(kpi.score(pl.DataFrame(rows), system=system), "xlsx")))
    cards, matrix = book["Cards"], book["Matrix"]
    spans = [(each.min, each.max) for each in cards.column_dimensions.values() if each.hidden]
    hidden = {cell.value for cell in cards[3] if any(low <= cell.column <= high for low, high in spans)}
    assert hidden >= {"Min.", "Q1", "Median", "Q3", "Max.", "Rank"}
    assert "Standard deviation" not in {row[0].value for row in matrix.iter_rows()}
    # The pillar stands in the first row alone, so that one is higher.
    assert cards.row_dimensions[4].height > 15
    assert cards.row_dimensions[5].height in (None, 15)
    assert book["Results"]["A2"].value.endswith("1 unit") or "1 unit " in book["Results"]["A2"].value
