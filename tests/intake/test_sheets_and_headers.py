"""Which sheets and rows are a table: chosen sheets, covers and notes, hidden rows, headers that are said or shown."""

from __future__ import annotations

from pathlib import Path

import pytest
import xlsxwriter
import xlwt

import kpi
from kpi.errors import DataError, Severity
from kpi.intake.files import chunks, pieces
from kpi.intake.files.reader import read
from kpi.language.loading.loader import examine_text

SYSTEM = """
system: small
period: year
entities: {{}}
datasets:
{datasets}
measures:
  gdp: {{title: 地区生产总值, unit: 亿元, synonyms: [GDP]}}
  people: {{title: 常住人口, unit: 万人}}
indicators:
  size: {{kind: level, of: gdp, target: {{at_least: 1}}}}
"""
TABLE = [["年份", "地区", "地区生产总值"], [2023, "甲县", 5], [2023, "乙县", 6]]
OTHER = [["年份", "地区", "地区生产总值"], [2022, "甲县", 50], [2022, "乙县", 60]]


def system(datasets="  wide: {form: panel}"):
    loaded = examine_text(SYSTEM.format(datasets=datasets), "s.yaml")
    assert loaded.system is not None, loaded.findings
    return loaded.system


def book(path: Path, sheets: dict, change=lambda *_: None) -> Path:
    with xlsxwriter.Workbook(path) as target:
        for name, rows in sheets.items():
            sheet = target.add_worksheet(name)
            for at, row in enumerate(rows):
                sheet.write_row(at, 0, row)
            change(name, sheet, target)
    return path


def values(card) -> dict:
    return dict(
        card.indicators.filter(kpi_ok(card)).select("period", "value").group_by("period").sum().sort("period").rows()
    )


def kpi_ok(card):
    return card.indicators["value"].is_not_null()


def messages_of(card, code):
    return [item for item in card.findings_list if item.code == code]


# ---- WHICH SHEETS ---- #


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("sheet: 表1", {"2023": 11}),
        ("sheet: '20*年'", {"2022": 110}),
        ("sheet: [表1, '20*年']", {"2022": 110, "2023": 11}),
    ],
)
def test_a_definition_chooses_sheets(tmp_path, declared, expected):
    path = book(
        tmp_path / "a.xlsx",
        {"表1": TABLE, "2022年": OTHER, "附表": [["年份", "地区", "地区生产总值"], [2021, "甲县", 1]]},
    )
    card = kpi.score(path, system=system(f"  wide: {{form: panel, {declared}}}"))
    assert values(card) == expected
    assert "附表" in [item.place.sheet for item in messages_of(card, "K524")]


def test_each_dataset_takes_its_own_sheet(tmp_path):
    path = book(tmp_path / "a.xlsx", {"今年": TABLE, "去年": OTHER})
    datasets = "  one: {form: panel, sheet: 今年}\n  two: {form: panel, sheet: 去年, columns: {period: 年份}}"
    assert values(kpi.score(path, system=system(datasets))) == {"2022": 110, "2023": 11}


def test_a_sheet_that_is_chosen_must_be_there(tmp_path):
    path = book(tmp_path / "a.xlsx", {"一": TABLE})
    with pytest.raises(DataError) as caught:
        kpi.score(path, system=system("  wide: {form: panel, sheet: [表1, '2*']}"))
    (finding,) = caught.value.diagnostics
    assert (finding.code, "`表1`" in finding.message, "`一`" in finding.hint) == ("K501", True, True)


def test_a_hidden_sheet_is_read_only_by_its_name(tmp_path):
    path = book(tmp_path / "a.xlsx", {"一": TABLE, "二": OTHER}, lambda name, sheet, _: name == "二" and sheet.hide())
    assert values(kpi.score(path, system=system())) == {"2023": 11}
    assert values(kpi.score(path, system=system("  wide: {form: panel, sheet: '*'}"))) == {"2023": 11}
    card = kpi.score(path, system=system("  wide: {form: panel, sheet: [一, 二]}"))
    assert values(card) == {"2022": 110, "2023": 11}
    assert [item.place.sheet for item in messages_of(card, "K524")] == ["二"]


def test_a_caller_names_a_sheet(tmp_path):
    path = book(tmp_path / "a.xlsx", {"一": TABLE, "二": OTHER})
    assert values(kpi.score(f"{path}#二", system=system())) == {"2022": 110}
    both = kpi.score([f"{path}#一", f"{path}#二"], system=system())
    assert values(both) == {"2022": 110, "2023": 11}
    assert not messages_of(both, "K548")
    assert values(kpi.score([], data={"wide": f"{path}#一"}, system=system())) == {"2023": 11}
    assert messages_of(kpi.score([path, f"{path}#一"], system=system()), "K548")
    with pytest.raises(DataError) as caught:
        kpi.score(f"{path}#三", system=system())
    assert caught.value.diagnostics[0].code == "K501"


def test_a_sheet_of_a_file_without_sheets(tmp_path):
    (tmp_path / "a.csv").write_text("年份,地区,地区生产总值\n2023,甲县,5\n", "utf-8")
    with pytest.raises(DataError) as caught:
        read(tmp_path / "a.csv#一")
    assert caught.value.diagnostics[0].code == "K501"
    (tmp_path / "a.csv#一").write_text("年份,地区,地区生产总值\n2023,甲县,5\n", "utf-8")
    assert read(tmp_path / "a.csv#一")[0].rows == 1


# ---- SHEETS THAT ARE NO TABLES ---- #


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("Cover", [["统计年鉴"], [], ["2023"]]),
        ("目录", [["序号", "表名"], [1, "地区生产总值"], [2, "常住人口"]]),
        ("填报说明", [["指标", "解释"], ["地区生产总值", "按现价计算"], ["常住人口", "年末数"]]),
        ("Notes", [["Notes:"], ["1. Preliminary."], ["2. Without 丙县."]]),
        ("Sheet9", [["表一 各县情况"], ["本表由各县填报"]]),
        ("变更", [["谁", "改了什么"], ["张", "补录"], ["李", "更正"]]),
    ],
)
def test_a_sheet_that_is_no_table_is_a_note(tmp_path, name, rows):
    path = book(tmp_path / "a.xlsx", {name: rows, "数据": TABLE})
    card = kpi.score(path, system=system())
    assert values(card) == {"2023": 11}
    about = [item for item in card.findings_list if item.place.sheet == name]
    assert about
    assert all(item.severity is Severity.INFO for item in about), about


def test_a_sheet_with_figures_that_belong_nowhere_is_an_error(tmp_path):
    path = book(tmp_path / "a.xlsx", {"数据": TABLE, "更多": [["代号", "甲", "乙"], ["x", 5, 6]]})
    with pytest.raises(DataError) as caught:
        kpi.score(path, system=system())
    assert [(item.code, item.place.sheet) for item in caught.value.diagnostics] == [("K541", "更多")]


def test_a_cover_alone_is_an_error(tmp_path):
    path = book(tmp_path / "a.xlsx", {"封面": [["序号", "表名"], [1, "x"], [2, "y"]]})
    with pytest.raises(DataError):
        kpi.score(path, system=system())


# ---- HIDDEN ROWS ---- #


def test_hidden_rows_and_columns_are_read_and_reported(tmp_path):
    def hide(_, sheet, __):
        sheet.set_row(1, None, None, {"hidden": True})
        sheet.set_column(2, 2, None, None, {"hidden": True})

    card = kpi.score(book(tmp_path / "a.xlsx", {"一": TABLE}, hide), system=system())
    assert values(card) == {"2023": 11}
    rows, columns = messages_of(card, "K514")
    assert "1 row hidden" in rows.message
    assert "地区生产总值 (C)" in columns.message
    old = xlwt.Workbook()
    sheet = old.add_sheet("一")
    for at, row in enumerate(TABLE):
        for column, cell in enumerate(row):
            sheet.write(at, column, cell)
    sheet.row(2).hidden = True
    old.save(str(tmp_path / "b.xls"))
    card = kpi.score(tmp_path / "b.xls", system=system())
    assert [item.place.sheet for item in messages_of(card, "K514")] == ["一"]


# ---- HEADERS ---- #

ODD = [["甲类", "11", "x"], ["年份", "地区", "地区生产总值"], [None, None, "GDP"], [2023, "甲县", 5], [2023, "乙县", 6]]


@pytest.mark.parametrize("kind", ["csv", "xlsx", "large"])
def test_a_definition_says_which_rows_are_the_header(tmp_path, kind, monkeypatch):
    rows = [*ODD, *([2023, f"县{at}", 1] for at in range(100))] if kind == "large" else ODD
    if kind == "large":
        monkeypatch.setattr(chunks, "LARGE", 100)
        monkeypatch.setattr(chunks, "LOOK", 400)
        monkeypatch.setattr(chunks, "SEARCHED", 4)
        monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 150))
    path = tmp_path / ("a.xlsx" if kind == "xlsx" else "a.csv")
    if kind == "xlsx":
        book(path, {"一": rows})
    else:
        path.write_text(
            "".join(",".join("" if cell is None else str(cell) for cell in row) + "\n" for row in rows), "utf-8"
        )
    with pytest.raises(DataError):
        kpi.score(path, system=system())
    total = {"2023": 11 + 100 * (kind == "large")}
    assert values(kpi.score(path, system=system("  wide: {form: panel, header: [2, 3]}"))) == total
    assert values(kpi.score([], data={"wide": path}, system=system("  wide: {form: panel, header: [2, 3]}"))) == total


def test_a_header_that_is_said_must_be_there(tmp_path):
    (tmp_path / "a.csv").write_text("年份,地区,地区生产总值\n\n2023,甲县,5\n", "utf-8")
    for row in (2, 9):
        with pytest.raises(DataError) as caught:
            kpi.score(tmp_path / "a.csv", system=system(f"  wide: {{form: panel, header: {row}}}"))
        assert [(item.code, item.place.row) for item in caught.value.diagnostics] == [("K516", row)]


def test_a_cover_without_the_rows_of_the_header_is_a_note(tmp_path):
    path = book(tmp_path / "a.xlsx", {"封面": [["统计年鉴"]], "一": ODD, "话": [["一张表"], ["由各县填报"]]})
    card = kpi.score(path, system=system("  wide: {form: panel, header: [2, 3]}"))
    assert values(card) == {"2023": 11}
    about = [item for item in card.findings_list if item.place.sheet in {"封面", "话"}]
    assert [item.severity for item in about] == [Severity.INFO] * 2


def test_a_header_of_one_of_several_datasets_is_not_used_silently(tmp_path):
    rows = [["年份", "地区", "地区生产总值"], ["年份", "地区", "人"], [2023, "甲县", 5]]
    (tmp_path / "a.csv").write_text("".join(",".join(map(str, row)) + "\n" for row in rows), "utf-8")
    datasets = "  wide: {form: panel, header: [1, 2]}\n  long: {form: reported}"
    card = kpi.score(tmp_path / "a.csv", system=system(datasets))
    assert [item.severity for item in messages_of(card, "K515")] == [Severity.WARNING]
    card = kpi.score([], data={"wide": tmp_path / "a.csv"}, system=system(datasets))
    assert not messages_of(card, "K515")


@pytest.mark.parametrize("header", ["[4, 3]", "[1, 3]", "0", "[1, 2, 3, 4, 5]", "x"])
def test_a_header_that_cannot_be_meant_is_an_error_of_the_definition(header):
    text = SYSTEM.format(datasets=f"  wide: {{form: panel, header: {header}}}")
    assert [item for item in examine_text(text, "s.yaml").findings if item.severity is Severity.ERROR]


@pytest.mark.parametrize(
    "rows",
    [
        [["年份", "地区", "地区生产总值"], ["Year", "Region", "Output"], [2023, "甲县", 5], [2023, "乙县", 6]],
        [["Year", "Region", "Output"], ["年份", "地区", "地区生产总值"], [2023, "甲县", 5], [2023, "乙县", 6]],
        [["年份 Year", "地区 Region", "地区生产总值 Output"], [2023, "甲县", 5], [2023, "乙县", 6]],
        [["年份", "地区", "总产出"], ["Year", "Region", "GDP"], [2023, "甲县", 5], [2023, "乙县", 6]],
        [["年份", "地区", "总产出(亿元)"], ["Year", "Region", "GDP"], [2023, "甲县", 5], [2023, "乙县", 6]],
    ],
)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_header_in_two_languages_is_known_by_either(tmp_path, kind, rows):
    path = tmp_path / f"a.{kind}"
    if kind == "xlsx":
        book(path, {"一": rows})
    else:
        path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows), "utf-8")
    card = kpi.score(path, system=system())
    assert values(card) == {"2023": 11}
    assert kpi.score(path, system=system()).counts["read"] == 2


def test_a_row_of_data_in_english_is_no_header(tmp_path):
    (tmp_path / "a.csv").write_text("地区,等级,年份,地区生产总值\nZhejiang,high,2023,5\nJiangsu,low,2023,6\n", "utf-8")
    assert values(kpi.score(tmp_path / "a.csv", system=system())) == {"2023": 11}


FORM = [
    ["部门", "统计局", "电话"],
    ["2", "3", "4"],
    ["年份", "地区", "地区生产总值"],
    [2023, "甲县", 5],
    [2023, "乙县", 6],
]


@pytest.mark.parametrize("mark", ["table", "panes", "titles"])
def test_marks_of_the_sheet_show_the_header(tmp_path, mark):
    def change(_, sheet, __):
        if mark == "table":
            sheet.add_table(2, 0, 4, 2, {"columns": [{"header": item} for item in FORM[2]]})
        elif mark == "panes":
            sheet.freeze_panes(3, 1)
        else:
            sheet.repeat_rows(2, 2)

    with pytest.raises(DataError):
        kpi.score(book(tmp_path / "a.xlsx", {"一": [["1", "2", "3"], *FORM]}), system=system())
    rows = [["1", "2", "3"], *FORM[1:]] if mark != "table" else FORM
    assert values(kpi.score(book(tmp_path / "b.xlsx", {"一": rows}, change), system=system())) == {"2023": 11}


@pytest.mark.parametrize(("row", "columns"), [([5, 6], ("产值_亿元", "人口_万人")), (["高", "低"], ("产值", "人口"))])
def test_frozen_rows_of_words_belong_to_the_header_only_over_figures(tmp_path, row, columns):
    rows = [["地区", "产值", "人口"], ["县名", "亿元", "万人"], ["甲县", *row], ["乙县", *row]]
    path = book(tmp_path / "a.xlsx", {"一": rows}, lambda _, sheet, __: sheet.freeze_panes(2, 1))
    assert read(path)[0].columns[1:] == columns
