"""What a format has beside cells: percents, errors, merged and hidden cells, encodings, labels, names of files."""

from __future__ import annotations

import gzip

import pandas as pd
import pytest

import kpi
from kpi.errors import DataError, Severity
from kpi.intake.files.reader import read
from kpi.language.loading.loader import examine_text
from tests.written_formats import dbf, dta_of, html, json_array, ods_cell, ods_of, sav_of, xlsb_of, zipped

TABLE = [["年份", "地区", "产值"], ["2023", "甲县", "5"], ["2023", "乙县", "6"]]


def rows_of(path):
    (table,) = read(path)
    return table.frame.collect().rows()


def written(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


def codes(path):
    return [item.code for table in read(path) for item in table.notes]


# ---- OPENDOCUMENT ---- #


def cell(kind, value, shown="", more=""):
    name = {"date": "date-value", "boolean": "boolean-value"}.get(kind, "value")
    start = f'<table:table-cell office:value-type="{kind}" office:{name}="{value}"{more}>'
    return f"{start}<text:p>{shown}</text:p></table:table-cell>"


def line(*cells, more=""):
    return f"<table:table-row{more}>{''.join(map(ods_cell, cells))}</table:table-row>"


def test_cells_of_an_opendocument_spreadsheet(tmp_path):
    covered = "<table:covered-table-cell/>"
    merged = ods_cell("甲县").replace("<table:table-cell", '<table:table-cell table:number-rows-spanned="2"')
    noted = ods_cell("x").replace("<text:p>", "<office:annotation><text:p>a note</text:p></office:annotation><text:p>")
    rows = (
        ">"
        + line("地区", "率", "日期", "错", "注")
        + line(
            merged, cell("percentage", "0.125", "13%"), cell("date", "2024-03-31", "3月"),
            cell("float", "0", "#DIV/0!"), noted,
        )
        + line(
            covered, cell("float", "1234.5", "1,235"), cell("date", "2024-03-31T12:30:00"), cell("boolean", "true"),
            cell("float", "123456", "12.3万件"), more=' table:visibility="filter"',
        )
        + line(None, None, None, None, None, more=' table:number-rows-repeated="1048570"')
    )  # fmt: skip
    hidden = ' table:style-name="gone">' + line("a", "b") + line("1", "2")
    path = written(tmp_path, "a.ods", ods_of({"一": rows, "藏": hidden}))
    assert rows_of(path) == [
        ("甲县", "12.5%", "2024-03-31", "#DIV/0!", "x"),
        ("甲县", "1234.5", "2024-03-31 12:30:00", "true", "12.3456万件"),
    ]
    assert codes(path) == ["K524", "K514"]
    assert read(path, sheet="藏")[0].sheet == "藏"


def test_a_locked_opendocument_spreadsheet(tmp_path):
    parts = {
        "mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": b"\x01\x02",
        "META-INF/manifest.xml": b"<manifest:manifest><manifest:encryption-data/></manifest:manifest>",
    }  # fmt: skip
    with pytest.raises(DataError) as caught:
        read(written(tmp_path, "a.ods", zipped(parts)))
    assert caught.value.diagnostics[0].code == "K511"


# ---- BINARY WORKBOOKS ---- #


def test_cells_of_a_binary_workbook(tmp_path):
    rows = [
        ["地区", "率", "错", "日期"], ["甲县", 0.125, "#DIV/0!", 45382], [None, 0.07, "#N/A", 45382.5],
        ["乙县", 1.0, "x", None],
    ]  # fmt: skip
    path = written(tmp_path, "a.xlsb", xlsb_of(rows, hidden={3}, merged=[(1, 0, 2, 0)], percent={1}, dates={3}))
    assert rows_of(path) == [
        ("甲县", "12.5%", "#DIV/0!", "2024-03-31"), ("甲县", "7%", "#N/A", "2024-03-31 12:00:00"),
        ("乙县", "100%", "x", None),
    ]  # fmt: skip
    assert codes(path) == ["K514"]
    with pytest.raises(DataError) as caught:
        read(written(tmp_path, "b.xlsb", xlsb_of(rows, state=1)))
    assert caught.value.diagnostics[0].code == "K502"


def test_frozen_panes_of_a_binary_workbook_show_the_header(tmp_path):
    rows = [["1", "2", "3"], ["部门", "2", "4"], ["年份", "地区", "产值"], [2023, "甲县", 5], [2023, "乙县", 6]]
    with pytest.raises(DataError):
        read(written(tmp_path, "a.xlsb", xlsb_of(rows)))
    (table,) = read(written(tmp_path, "a.xlsb", xlsb_of(rows, frozen=3)))
    assert table.columns == ("年份", "地区", "产值")


# ---- PAGES ---- #


def test_a_page_as_excel_and_libreoffice_write_it(tmp_path):
    page = (
        "<html xmlns:x='urn:schemas-microsoft-com:office:excel'><head><meta charset=gb2312></head><body>"
        "<table><tr><td><table><tr><td>单位：万元</td></tr></table></td></tr></table>"
        "<table><caption>2023年主要指标</caption>"
        "<tr><th rowspan=2>地区</th><th colspan=2>经济</th></tr><tr><th>产值</th><th>增速</th></tr>"
        "<tr><td rowspan='2'>甲&nbsp;县</td><td x:num='1234.5678'>1,234.57</td><td x:num='0.125'>12.5%</td></tr>"
        "<tr style='display:none'><td sdval='7.25'>7.3</td><td>—<br>注</td></tr></table></body></html>"
    )
    path = written(tmp_path, "a.xls", page.encode("gb18030"))
    (table,) = read(path)
    assert table.columns == ("地区", "经济_产值", "经济_增速")
    assert (table.unit, table.titles) == ("万元", ("单位:万元", "2023年主要指标"))
    assert table.frame.collect().rows() == [("甲 县", "1234.5678", "12.5%"), ("甲 县", "7.25", "— 注")]
    assert [item.code for item in table.notes] == ["K529", "K521", "K525", "K514"]


def test_the_tables_of_a_page_are_like_sheets(tmp_path):
    table = html(TABLE).decode().partition("<body>")[2].partition("</body>")[0]
    prose = "<table><tr><td>首页</td><td>新闻</td></tr><tr><td>公告</td><td>服务</td></tr></table>"
    path = written(tmp_path, "a.html", f"<!DOCTYPE html><html><body>{table}{prose}</body></html>".encode("utf-16"))
    assert [item.sheet for item in read(path)] == ["table 1", "table 2"]
    assert [item.sheet for item in read(path, sheet="table 1")] == ["table 1"]
    assert rows_of(written(tmp_path, "a.xls.gz", gzip.compress(html(TABLE)))) == [tuple(row) for row in TABLE[1:]]
    with pytest.raises(DataError) as caught:
        read(written(tmp_path, "b.html", b"<html><body><p>no table</p></body></html>"))
    assert caught.value.diagnostics[0].code == "K503"


# ---- JSON ---- #


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": [{"x": 1}], "b": [{"x": 2}]}', "several tables: `a`, `b`"),
        ('{"a": {"x": 1}, "b": [1, 2]}', "not a table"),
        ('[{"x": 1}, {"x": 2}', "damaged"),
    ],
)
def test_a_document_that_is_no_table(tmp_path, text, words):
    with pytest.raises(DataError) as caught:
        read(written(tmp_path, "a.json", text.encode()))
    (finding,) = caught.value.diagnostics
    assert (finding.code, words in finding.message) == ("K503", True), finding


def test_figures_of_a_document_keep_their_digits(tmp_path):
    content = b'{"data": [{"a": "x", "v": 0.1234567890123}, {"a": "y", "v": NaN}, {"a": "z", "v": 12345678901234567}]}'
    (table,) = read(written(tmp_path, "a.json", content))
    assert table.frame.collect()["v"].to_list() == ["0.1234567890123", "NaN", "12345678901234567"]
    assert [item.code for item in table.notes] == ["K532"]


# ---- ARCHIVES ---- #


def test_an_archive_with_chinese_names_and_other_files(tmp_path):
    inner = {
        "数据/一月.csv": "年份,地区,产值\n2023,甲县,5\n".encode("gbk"),
        "数据/二月.json": json_array(TABLE),
        "数据/坏.xlsx": b"PK\x03\x04 damaged",
        "说明.docx": b"x", "__MACOSX/._一月.csv": b"x", "内.zip": zipped({"a.csv": b"a,b\n1,2\n"}),
    }  # fmt: skip
    path = written(tmp_path, "上报.zip", zipped(inner, raw_names=True))
    with pytest.raises(DataError) as caught:
        read(path)
    assert [(item.code, item.place.file) for item in caught.value.diagnostics] == [("K503", f"{path}/数据/坏.xlsx")]
    inner.pop("数据/坏.xlsx")
    tables = read(written(tmp_path, "上报.zip", zipped(inner, raw_names=True)))
    assert [item.file for item in tables] == [f"{path}/数据/一月.csv", f"{path}/数据/二月.json"]
    (note,) = [item for item in tables[0].notes if item.code == "K517"]
    assert all(f"`{name}`" in note.message for name in ("__MACOSX/._一月.csv", "内.zip", "说明.docx"))


def test_an_archive_without_a_table(tmp_path):
    with pytest.raises(DataError) as caught:
        read(written(tmp_path, "a.zip", zipped({"readme.md": b"x"})))
    assert caught.value.diagnostics[0].code == "K502"


# ---- DBASE ---- #


@pytest.mark.parametrize(
    ("codec", "driver", "declared"),
    [("gbk", 0x4D, None), ("gbk", 0, None), ("utf-8", 0, None), ("utf-8", 0x57, "UTF-8"), ("gbk", 0, "936")],
)
def test_texts_of_dbase_in_their_encoding(tmp_path, codec, driver, declared):
    path = written(tmp_path, "a.dbf", dbf([["年份", "地区", "值"], *TABLE[1:]], codec=codec, driver=driver))
    if declared:
        (tmp_path / "a.cpg").write_text(declared)
    assert rows_of(path) == [tuple(row) for row in TABLE[1:]]


def test_texts_of_dbase_in_another_encoding_than_it_says(tmp_path):
    (tmp_path / "a.cpg").write_text("UTF-8")
    with pytest.raises(DataError) as caught:
        read(written(tmp_path, "a.dbf", dbf(TABLE, codec="gbk")))
    assert caught.value.diagnostics[0].code == "K507"


def test_deleted_rows_of_dbase_are_left_out(tmp_path):
    path = written(tmp_path, "a.dbf", dbf(TABLE, deleted={0}))
    assert rows_of(path) == [("2023", "乙县", "6")]
    assert codes(path) == ["K520", "K514"]


# ---- STATISTICS PACKAGES ---- #

SYSTEM = """
system: small
period: year
entities: {}
measures:
  output: {title: 产值, unit: 亿元}
  grade: {title: 等级, unit: 分}
indicators:
  size: {kind: level, of: output, target: {at_least: 1}}
  mark: {kind: level, of: grade, target: {at_least: 1}}
"""


@pytest.mark.parametrize("suffix", [".sav", ".dta"])
def test_labels_of_variables_and_values(tmp_path, suffix):
    frame = pd.DataFrame({"q1": [1.0, 2.0, 3.0], "q2": [2023.0] * 3, "q3": [5.5, -9.0, 6.0], "q4": [1.0, 2.0, 3.0]})
    values = {
        "q1": {1: "甲县", 2: "乙县", 3: "丙县"}, "q3": {-9: "缺报"}, "q4": {1: "差", 2: "中", 3: "好"},
    }  # fmt: skip
    if suffix == ".dta":
        values.pop("q3")
        frame["q3"] = [5.5, None, 6.0]
    write = sav_of if suffix == ".sav" else dta_of
    path = written(
        tmp_path,
        f"a{suffix}",
        write(frame, column_labels=["地区", "年份", "产值", "等级"], variable_value_labels=values),
    )
    loaded = examine_text(SYSTEM, "s.yaml")
    card = kpi.score(path, system=loaded.system)
    got = {(row["entity"], row["indicator"]): (row["value"], row["status"]) for row in card.indicators.rows(named=True)}
    assert got["甲县", "size"] == (5.5, "ok")
    assert got["乙县", "size"] == (None, "missing")
    assert [got[name, "mark"][0] for name in ("甲县", "乙县", "丙县")] == [1, 2, 3]
    assert [item.severity for item in card.findings_list if item.code == "K518"] == [Severity.INFO]
    # The system is found by the labels, too.
    (tmp_path / "s.yaml").write_text(SYSTEM, "utf-8")
    assert kpi.score(path, definitions=tmp_path).indicators.rows() == card.indicators.rows()


def test_values_that_spss_declares_as_missing_are_empty(tmp_path):
    frame = pd.DataFrame({"地区": ["甲县", "乙县"], "年份": [2023, 2023], "产值": [5.0, -9.0], "等级": [1.0, 2.0]})
    path = written(tmp_path, "a.sav", sav_of(frame, missing_ranges={"产值": [-9.0]}))
    assert read(path)[0].frame.collect()["产值"].to_list() == [5, None]
