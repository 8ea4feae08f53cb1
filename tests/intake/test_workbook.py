"""Workbooks: what the cells show, the marks that decide it, and sheets that are no table."""

from __future__ import annotations

import datetime as dt
import io
import random
import sys
import zipfile

import openpyxl
import pytest
import xlsxwriter

from kpi.errors import DataError, Diagnostic, Place, Severity
from kpi.intake.cells.numbers import read_numbers
from kpi.intake.files import encoding, workbook_xml
from kpi.intake.files.number_formats import number_format
from kpi.intake.files.reader import read, read_all


@pytest.fixture
def make(tmp_path):
    """Write a workbook with xlsxwriter: a function for each sheet fills it."""

    def maker(name="a.xlsx", **sheets):
        path = tmp_path / name
        with xlsxwriter.Workbook(path) as book:
            for title, fill in sheets.items():
                fill(book.add_worksheet(title), book)
        return path

    return maker


def refusal(path, **options):
    with pytest.raises(DataError) as caught:
        read(path, **options)
    return caught.value.diagnostics


def table_or_findings(path):
    try:
        return read(path)
    except DataError as error:
        return [item for item in error.diagnostics if item.code.startswith("K5")]


def plain(sheet, _):
    sheet.write_row("A1", ["地区", "GDP"])
    sheet.write_row("A2", ["南湖区", 1.5])


def form(sheet, book):
    percent = book.add_format({"num_format": "0.0%"})
    month = book.add_format({"num_format": 'yyyy"年"m"月"'})
    sheet.merge_range("B2:H2", "2024年一季度主要指标")
    sheet.write("H3", "单位：万元")
    sheet.merge_range("B4:B6", "地区")
    sheet.merge_range("C4:F4", "财政收入")
    sheet.merge_range("C5:D5", "总量")
    sheet.merge_range("E5:F5", "增速")
    sheet.write_row("C6", ["本月", "累计", "本月", "累计"])
    sheet.merge_range("G4:G6", "日期")
    sheet.merge_range("H4:H6", "备注\n说明")
    sheet.write_row("B7", ["南湖区", 1234.5, 1 / 3])
    sheet.write("E7", 0.125, percent)
    sheet.write_formula("F7", "=1/0", percent, "#DIV/0!")
    sheet.write("G7", dt.date(2024, 3, 31), month)
    sheet.write_row("B8", ["秀洲区", True, "—"])
    sheet.write_formula("E8", "=0.07", percent, 0.07)
    sheet.write("G8", dt.datetime(2024, 3, 31, 12, 30), month)  # noqa: DTZ001 - a spreadsheet's time has no zone
    sheet.write("B10", "海宁市")
    sheet.write("C10", 123456789012)
    sheet.write("B12", "注：初步数。")
    sheet.write("B13", "填报人：张三")
    sheet.write("E13", "审核人：李四")
    sheet.set_row(40, 20, percent)


def test_a_form_with_title_unit_merged_header_and_notes(make):
    (table,) = read(make(主要指标=form))
    assert table.columns == (
        "地区",
        "财政收入_总量_本月",
        "财政收入_总量_累计",
        "财政收入_增速_本月",
        "财政收入_增速_累计",
        "日期",
        "备注说明",
    )
    assert (table.sheet, table.unit, table.first_row) == ("主要指标", "万元", 7)
    assert table.titles == ("2024年一季度主要指标", "单位:万元")
    assert table.numbered().collect().rows() == [
        (7, "南湖区", "1234.5", repr(1 / 3), "12.5%", "#DIV/0!", "2024-03-31", None),
        (8, "秀洲区", "true", "—", "7%", None, "2024-03-31 12:30:00", None),
        (10, "海宁市", "123456789012", None, None, None, None, None),
    ]
    assert [item.code for item in table.notes] == ["K521", "K525", "K522"]


def test_figures_keep_their_digits_and_texts_their_form(make):
    cells = [1 / 3, 1e-12, -5e-7, 123456789.123456789, 1e21, 12, "01", "1.50", "1e5", " x "]

    def fill(sheet, _):
        sheet.write_row("A1", ["地区", "GDP"])
        for row, cell in enumerate(cells, 1):
            sheet.write_row(row, 0, ["南湖区", cell])

    texts = read(make(一=fill))[0].frame.collect()["GDP"].to_list()
    assert texts[6:] == cells[6:]
    assert [float(text) for text in texts[:6]] == [float(f"{cell:.16g}") for cell in cells[:6]]


def test_an_error_in_a_cell_reaches_the_numbers_as_a_problem(make):
    (table,) = read(make(主要指标=form))
    read_cells = read_numbers(table.frame.collect()["财政收入_增速_累计"])
    assert read_cells["problem"][0] == "`#DIV/0!` is an error of a spreadsheet formula, not a figure"
    assert read_cells["status"].to_list() == [None, "missing", "missing", "missing"]


def test_a_formula_without_a_saved_result_is_a_problem_not_a_blank(tmp_path):
    book = openpyxl.Workbook()
    for row in (["地区", "GDP"], ["南湖区", "=1+1"], ["秀洲区", 2.5]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    (table,) = read(tmp_path / "a.xlsx")
    cells = table.frame.collect()["GDP"]
    assert cells.to_list() == ["=1+1", "2.5"]
    assert "without a saved result" in read_numbers(cells)["problem"][0]


def test_every_visible_sheet_is_a_table_and_the_others_are_named(make):
    def hidden(sheet, book):
        plain(sheet, book)
        sheet.hide()

    path = make(一=plain, 空=lambda *_: None, 藏=hidden, 说明=lambda sheet, _: sheet.write("A1", "填报说明"), 二=plain)
    first, second = read(path)
    assert (first.sheet, second.sheet) == ("一", "二")
    assert [(item.code, item.place.sheet, item.severity) for item in first.notes] == [
        ("K524", "空", Severity.INFO),
        ("K524", "藏", Severity.INFO),
        ("K505", "说明", Severity.INFO),
    ]
    (asked,) = read(path, sheet="藏")
    assert asked.rows == 1
    (finding,) = refusal(path, sheet="三")
    assert finding.code == "K501"
    assert "`二`" in finding.hint


def test_findings_of_all_sheets_come_together(make):
    def twice(sheet, _):
        sheet.write_row("A1", ["地区", "地区"])
        sheet.write_row("A2", ["南湖区", 1])

    result = refusal(make(一=twice, 二=plain, 三=twice))
    assert [(item.code, item.place.sheet) for item in result] == [("K508", "一"), ("K508", "三")]


def test_what_is_wrong_with_a_sheet_need_not_keep_the_others(make):
    def twice(sheet, _):
        sheet.write_row("A1", ["地区", "地区"])
        sheet.write_row("A2", ["南湖区", 1])

    path = make(一=twice, 二=plain)
    unread: list[Diagnostic] = []
    ((item, table),) = read_all([path], unread=unread)
    # Whether a column that stands twice is needed is for the system to say.
    assert (item.sheet, item.repeats, table.sheet, table.repeats, unread) == ("一", {"地区": ("地区#2",)}, "二", {}, [])
    assert [item.code for item in refusal(path)] == ["K508"]


def test_a_sheet_that_goes_on_without_names_of_columns_is_an_error(make):
    def headed(sheet, _):
        sheet.write_row("A1", ["期别", "地区", "GDP"])
        sheet.write_row("A2", ["2023Q4", "南湖区", 12])

    def bare(sheet, _):
        sheet.write_row("A1", ["2023Q4", "秀洲区", 13])

    def words(sheet, _):
        sheet.write_row("A1", [1, "一季度报一次"])

    assert [(item.code, item.place.sheet) for item in refusal(make(一=headed, 二=bare))] == [("K504", "二")]
    (table,) = read(make("b.xlsx", 一=headed, 二=words))
    assert [(item.code, item.severity) for item in table.notes] == [("K504", Severity.WARNING)]


def test_a_workbook_without_cells(make):
    assert [item.code for item in refusal(make(一=lambda *_: None))] == ["K502"]
    assert [item.code for item in refusal(make(一=lambda sheet, _: sheet.write_row("A1", ["地区", "GDP"])))] == ["K505"]


def test_a_workbook_is_known_by_its_content(make):
    assert read(make("a.csv", 一=plain))[0].columns == ("地区", "GDP")


def test_a_stray_cell_far_away_is_refused_before_memory_is_taken(make):
    def stray(sheet, book):
        plain(sheet, book)
        sheet.write("XFD1048576", "x")

    (finding,) = refusal(make(一=stray))
    assert (finding.code, finding.place.sheet) == ("K509", "一")


def test_a_bomb_is_refused(make, tmp_path, monkeypatch):
    monkeypatch.setattr(encoding, "FREE_GROWTH", 1000)
    path = make(一=plain)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/x.bin", b"0" * 5_000_000)
    assert [item.code for item in refusal(path)] == ["K509"]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (["word/document.xml"], "Word"),
        (["ppt/presentation.xml"], "PowerPoint"),
        (["mimetype", "content.xml"], "OpenDocument"),
    ],
)
def test_other_zip_files_are_named(tmp_path, parts, words):
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        for part in parts:
            archive.writestr(part, "x")
    (finding,) = refusal(tmp_path / "a.xlsx")
    assert finding.code == "K503"
    assert words in finding.message


@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml", "xl/_rels/workbook.xml.rels"]
)
def test_damaged_parts_are_a_finding(make, tmp_path, part):
    source = make(一=plain)
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(tmp_path / "b.xlsx", "w") as damaged:
        for name in archive.namelist():
            content = archive.read(name)
            damaged.writestr(name, content[: len(content) // 2] if name == part else content)
    assert [item.code for item in refusal(tmp_path / "b.xlsx")] == ["K503"]


def test_a_directory_that_points_before_the_file_is_a_finding(make):
    path = make(一=plain)
    content = bytearray(path.read_bytes())
    # The offset of the central directory, sixteen bytes into the last record of the archive.
    content[content.rindex(b"PK\x05\x06") + 19] |= 0x80
    path.write_bytes(content)
    (finding,) = refusal(path)
    assert finding.code == "K503"
    assert "damaged" in finding.message


@pytest.mark.parametrize("package", ["fastexcel", "xlrd"])
def test_a_reader_that_is_not_installed_says_what_to_install(make, tmp_path, monkeypatch, package):
    path = make(一=plain)
    if package == "xlrd":
        path = tmp_path / "a.xls"
        path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le"))
    monkeypatch.setitem(sys.modules, package, None)
    (finding,) = refusal(path)
    assert finding.code == "K510"
    assert f"`{package}`" in finding.message
    assert "pip install" in finding.hint


PERCENT = number_format("0%")


def xml(cells):
    head = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    return io.BytesIO(head + cells.encode() + b"</sheetData></worksheet>")


def test_marks_follow_cells_that_do_not_say_where_they_are():
    result = workbook_xml.marks_of(
        xml('<row><c><v>1</v></c><c s="1"><v>2</v></c></row><row><c t="e"><v>#REF!</v></c></row>'),
        {"1": PERCENT},
        Place(),
    )
    assert result.formats == {(0, 1): PERCENT}
    assert result.texts == {(1, 0): "#REF!"}
    assert (result.rows, result.columns) == (2, 2)


def test_marks_know_prefixed_names_and_empty_texts():
    cells = '<x:row r="3"><x:c r="B3" s="1"/><x:c r="C3" t="str"><x:f>""</x:f><x:v></x:v></x:c></x:row>'
    content = f'<x:worksheet xmlns:x="y"><x:sheetData>{cells}</x:sheetData></x:worksheet>'
    result = workbook_xml.marks_of(io.BytesIO(content.encode()), {"1": PERCENT}, Place())
    assert (result.formats, result.texts) == ({}, {})


def test_a_document_type_is_refused():
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet>&a;</worksheet>'
    with pytest.raises(DataError, match="document type"):
        workbook_xml.marks_of(io.BytesIO(bomb), {}, Place())


@pytest.fixture
def old(tmp_path):
    xlwt = pytest.importorskip("xlwt")
    pytest.importorskip("xlrd")
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("表一")
    sheet.write_merge(0, 0, 0, 3, "一季度")
    sheet.write_merge(1, 2, 0, 0, "地区")
    sheet.write_merge(1, 1, 1, 2, "GDP")
    sheet.write(2, 1, "总量")
    sheet.write(2, 2, "增速")
    sheet.write_merge(1, 2, 3, 3, "日期")
    sheet.write(3, 0, "南湖区")
    sheet.write(3, 1, 12.5)
    sheet.write(3, 2, 0.125, xlwt.easyxf(num_format_str="0.00%"))
    sheet.write(3, 3, dt.date(2024, 1, 31), xlwt.easyxf(num_format_str="yyyy-mm-dd"))
    sheet.write(4, 0, "秀洲区")
    sheet.write(4, 1, 3)
    sheet.row(4).set_cell_error(2, "#DIV/0!")
    book.add_sheet("空")
    path = tmp_path / "a.xls"
    book.save(str(path))
    return path


def test_an_old_workbook_reads_like_a_new_one(old):
    (table,) = read(old)
    assert table.columns == ("地区", "GDP_总量", "GDP_增速", "日期")
    assert table.numbered().collect().rows() == [
        (4, "南湖区", "12.5", "12.5%", "2024-01-31"),
        (5, "秀洲区", "3", "#DIV/0!", None),
    ]
    assert table.titles == ("一季度",)


@pytest.mark.parametrize("seed", range(25))
def test_a_damaged_old_workbook_is_a_finding_or_a_table(old, seed):
    source = random.Random(seed)
    content = bytearray(old.read_bytes())
    for _ in range(source.randint(1, 20)):
        content[source.randrange(len(content))] = source.randrange(256)
    old.write_bytes(content)
    assert table_or_findings(old)


@pytest.mark.parametrize("seed", range(25))
def test_a_damaged_workbook_is_a_finding_or_a_table(make, tmp_path, seed):
    source = random.Random(seed)
    with zipfile.ZipFile(make(一=form)) as archive, zipfile.ZipFile(tmp_path / "b.xlsx", "w") as damaged:
        chosen = source.choice(archive.namelist())
        for name in archive.namelist():
            content = bytearray(archive.read(name))
            for _ in range(source.randint(1, 6) if name == chosen else 0):
                content[source.randrange(len(content))] = source.choice(b'0123456789<>/"AZ= \xff')
            damaged.writestr(name, bytes(content))
    assert table_or_findings(tmp_path / "b.xlsx")


#: Formats, what they show of a number, and what is read.
LOOKS = [
    ('0"万件"', 12, "12万件"),
    ('#,##0.00"亿元"', 1234.5, "1234.5亿元"),
    ('0.0"%"', 12.5, "12.5%"),
    (r"0.0\%", 12.5, "12.5%"),
    ("0.0%", 0.125, "12.5%"),
    ("0.00%%", 0.125, "1250%%"),
    ('0!.0,"万"', 123456, "12.3456万"),
    ('0.0,"千元"', 12300, "12.3千元"),
    ('[>=100000000]0.0,,"百万";[>=10000]0!.0,"万";0"个"', 123456, "12.3456万"),
    ('[>=100000000]0.0,,"百万";[>=10000]0!.0,"万";0"个"', 12, "12个"),
    ('0"件";[Red]-0"件"', -12, "-12件"),
    ('[DBNum1][$-804]General"件"', 12, "12件"),
    ("[DBNum1]0", 12, "12"),
    ('"约"0', 12, "约12"),
    ('"▲"0.0;"▼"0.0', -1.5, "-1.5"),
    ("0.0,", 12300, "12300"),
    ("_ ¥* #,##0.00_ ;_ ¥* -#,##0.00_ ", 12, "12"),
    ("0.00E+00", 1234.5, "1234.5"),
    ("# ?/?", 0.5, "0.5"),
]


@pytest.mark.parametrize(("code", "number", "text"), LOOKS)
def test_a_number_format_is_read_as_if_typed(make, tmp_path, code, number, text):
    def fill(sheet, book):
        sheet.write_row("A1", ["地区", "办件量"])
        sheet.write_row("A2", ["南湖区"])
        sheet.write("B2", number, book.add_format({"num_format": code}))

    (table,) = read(make(一=fill))
    assert table.frame.collect()["办件量"].to_list() == [text]
    xlwt = pytest.importorskip("xlwt")
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("一")
    for at, header in enumerate(["地区", "办件量"]):
        sheet.write(0, at, header)
    sheet.write(1, 0, "南湖区")
    sheet.write(1, 1, number, xlwt.easyxf(num_format_str=code))
    book.save(str(tmp_path / "a.xls"))
    assert read(tmp_path / "a.xls")[0].frame.collect()["办件量"].to_list() == [text]


def test_a_scale_or_currency_that_a_format_shows_is_reported(make):
    def fill(sheet, book):
        thousands, yuan, dollars = (book.add_format({"num_format": code}) for code in ("0.0,", '"¥"0', "[$$-409]0.0"))
        sheet.write_row("A1", ["地区", "产值", "税收", "出口额"])
        for row in (1, 2):
            sheet.write(row, 0, "南湖区" if row == 1 else "秀洲区")
            for at, style in enumerate([thousands, yuan, dollars], 1):
                sheet.write(row, at, 12300, style)

    notes = [item for item in read(make(一=fill))[0].notes if item.code == "K580"]
    assert [(item.severity, item.place.field) for item in notes] == [
        (Severity.WARNING, "产值"), (Severity.WARNING, None), (Severity.INFO, None),
    ]  # fmt: skip
    assert "12300 in row 2" in notes[0].message
    assert ["`出口额`" in notes[1].message, "`税收`" in notes[2].message] == [True, True]
