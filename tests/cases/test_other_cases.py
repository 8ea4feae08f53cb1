"""What is read, or reported in words: yearbooks, turned tables, merged units, spans of days, odd types."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

import kpi
from kpi.errors import DataError, Severity
from kpi.language.loading.loader import examine_text


def system(text: str, folder: Path | None = None):
    loaded = examine_text(text, "s.yaml", folder=folder)
    assert loaded.system is not None, loaded.findings
    return loaded.system


def values(card, indicator: str) -> dict[tuple[str, str], float | str]:
    rows = card.indicators.filter(pl.col("indicator") == indicator).select("entity", "period", "value", "status").rows()
    return {(who, when): value if status == "ok" else status for who, when, value, status in rows}


def errors(card) -> list[str]:
    return [item.code for item in card.findings_list if item.severity is Severity.ERROR]


# ---- A YEARBOOK ---- #

YEARBOOK = """
system: yearbook
period: year
entities: {title: 地区, roster: r.csv}
measures:
  gdp: {title: 地区生产总值, unit: 亿元, synonyms: [Gross Regional Product]}
  tertiary: {title: 第三产业, unit: 亿元, synonyms: [Tertiary]}
indicators:
  structure: {kind: ratio, numerator: tertiary, denominator: gdp}
  part: {kind: share, of: gdp, within: all}
"""
PAGE = [
    ["1-2  地区生产总值", None, None, None], ["Gross Regional Product", None, None, None],
    [None, None, None, "单位：亿元"], [None, None, None, "(100 million yuan)"],
    ["地\u3000区", "地区生产总值", "按产业分", None], ["Region", "Gross Regional Product", "第二产业", "第三产业"],
    [None, None, "Secondary", "Tertiary"],
    ["全\u3000国", 1000, 400, 600], ["华北", None, None, None], ["北\u3000\u3000京", 400, 100, 300],
    ["  天  津", 300, 150, 150], ["东北", None, None, None], ["黑 龙 江", 200, 100, 100], ["内蒙古", 100, 50, 50],
    ["资料来源：统计局。", None, None, None],
]  # fmt: skip


@pytest.mark.parametrize("roster", [True, False])
def test_a_page_of_a_yearbook_is_read_as_its_reader_would(tmp_path, roster):
    (tmp_path / "r.csv").write_text("entity\n北京市\n天津市\n黑龙江省\n内蒙古自治区\n", "utf-8")
    book = xlsxwriter.Workbook(tmp_path / "y.xlsx")
    sheet = book.add_worksheet()
    for at, row in enumerate(PAGE):
        for column, cell in enumerate(row):
            if cell is not None:
                sheet.write(at, column, cell)
    sheet.merge_range(4, 2, 4, 3, "按产业分")
    book.close()
    text = YEARBOOK if roster else YEARBOOK.replace(", roster: r.csv", "")
    card = kpi.score(tmp_path / "y.xlsx", system=system(text, tmp_path), period="2023")
    names = ["北京市", "天津市", "黑龙江省", "内蒙古自治区"] if roster else ["北京", "天津", "黑龙江", "内蒙古"]
    assert values(card, "part") == dict(zip([(name, "2023") for name in names], (40, 30, 20, 10), strict=True))
    assert values(card, "structure") == dict(zip([(name, "2023") for name in names], (75, 50, 50, 50), strict=True))
    result = {item.code: item for item in card.findings_list}
    assert {item.severity for item in card.findings_list} == {Severity.INFO}
    assert "全国 (row 8)" in result["K612"].message
    assert "华北 (row 9), 东北 (row 12)" in result["K614"].message


# ---- TABLES TURNED THE OTHER WAY ---- #

RATE = """
system: turned
period: year
entities: {title: 县}
measures: {rate: {title: 满意率, unit: '%'}, gdp: {title: GDP, unit: 亿元}}
indicators: {r: {kind: level, of: rate}, g: {kind: level, of: gdp}}
"""


@pytest.mark.parametrize(
    "rows",
    [
        ["地区,指标,2021年,2022年", "东县,满意率,81,91", "西县,满意率,71,76"],
        ["期别,指标,东县,西县", "2022,满意率,91,76", "2021,满意率,81,71"],
    ],
)
def test_a_turned_table_is_read(tmp_path, rows):
    (tmp_path / "d.csv").write_text("\n".join([*rows, ""]), "utf-8")
    card = kpi.score(tmp_path / "d.csv", system=system(RATE))
    result = card.measures.filter(measure="rate").select("entity", "period", "value").rows()
    expected = [("东县", "2021", 81.0), ("东县", "2022", 91.0), ("西县", "2021", 71.0), ("西县", "2022", 76.0)]
    assert sorted(result) == expected
    assert [item.code for item in card.findings_list if item.code.startswith("K56")] == ["K562"]


def test_a_table_of_units_across_takes_the_period_of_the_call(tmp_path):
    (tmp_path / "d.csv").write_text("指标,东县,西县,南县\nGDP（亿元）,51,31,21\n满意率（%）,6,3,1\n", "utf-8")
    card = kpi.score(tmp_path / "d.csv", system=system(RATE), period="2022")
    assert sorted(card.measures.filter(measure="gdp")["value"]) == [21.0, 31.0, 51.0]


# ---- FORMATS ---- #


@pytest.mark.parametrize(("inside", "words"), [("content.xml", "OpenDocument"), ("word/d.xml", "Word document")])
def test_an_archive_is_refused_with_a_way_out(tmp_path, inside, words):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(inside, "a,b\n")
    (tmp_path / "d.ods").write_bytes(content.getvalue())
    with pytest.raises(DataError, match=words) as caught:
        kpi.score(tmp_path / "d.ods", system=system(RATE))
    (finding,) = caught.value.diagnostics
    assert (finding.code, bool(finding.hint)) == ("K503", True)


# ---- UNITS THAT WERE MERGED OR DIVIDED ---- #

AREAS = """
system: areas
period: year
entities: {title: 区, roster: r.csv}
measures: {cases: {title: 办件量, unit: 件}, output: {title: 总值, unit: 亿元}}
indicators: {level: {kind: level, of: cases}, change: {kind: growth, of: output, over: 1y}}
"""


def test_figures_of_two_former_units_are_refused_for_the_one_they_became(tmp_path):
    (tmp_path / "r.csv").write_text("entity,code,aliases\n甲区,110,\n乙区,120,丙区\n", "utf-8")
    rows = [
        "2020,甲区,110,90,10",
        "2021,甲区,110,99,12",
        "2020,乙区,120,45,5",
        "2020,丙区,,55,6",
        "2021,乙区,120,115,13",
    ]
    (tmp_path / "d.csv").write_text("\n".join(["period,entity,code,办件量,总值", *rows, ""]), "utf-8")
    card = kpi.score(tmp_path / "d.csv", system=system(AREAS, tmp_path))
    assert values(card, "level") == {
        ("甲区", "2020"): 90, ("甲区", "2021"): 99, ("乙区", "2020"): "refused", ("乙区", "2021"): 115,
    }  # fmt: skip
    change = values(card, "change")
    assert change["甲区", "2021"] == pytest.approx(20)
    assert change["乙区", "2021"] in {"refused", "no_baseline"}
    assert errors(card) == ["K608"] * 4
    assert card.counts["refused"] == 4


# ---- SPANS OF DAYS ---- #

DAYS = """
system: days
period: quarter
entities: {title: 镇}
datasets: {cases: {form: records, columns: {period: 办结时间, entity: 所属乡镇}}}
measures:
  count: {kind: count, from: cases, unit: 件}
  some: MEASURE
indicators: {all: {kind: level, of: count}, other: {kind: level, of: some}}
"""


@pytest.mark.parametrize(
    ("measure", "code"),
    [
        ("{kind: count, from: cases, unit: 件, where: 办结时间 - 受理时间 <= 5}", "K467"),
        ("{kind: mean, from: cases, of: 办结时间 + 受理时间, unit: 天}", "K466"),
    ],
)
def test_what_dates_do_not_come_to_is_an_error_of_the_definition(measure, code):
    (finding,) = examine_text(DAYS.replace("MEASURE", measure), "s.yaml").findings
    assert (finding.code, finding.severity) == (code, Severity.ERROR)


# ---- COLUMNS OF OTHER TYPES ---- #


@pytest.mark.parametrize("remark", [None, "初步数"])
@pytest.mark.parametrize(
    "odd",
    [dt.date(2023, 1, 1), dt.datetime(2023, 1, 1, 8), dt.time(1, 2), True],  # noqa: DTZ001
    ids=["date", "time stamp", "time", "yes"],
)
def test_what_is_no_number_is_refused_beside_columns_of_numbers(odd, remark):
    rows = pl.DataFrame({
        "期别": ["2023"] * 2, "地区": ["东县", "西县"], "满意率": [odd, odd], "GDP": [1.5, 2.5],
        "说明": [remark, remark],
    })  # fmt: skip
    card = kpi.score(rows, system=system(RATE))
    assert values(card, "r") == {("东县", "2023"): "refused", ("西县", "2023"): "refused"}
    assert values(card, "g") == {("东县", "2023"): 1.5, ("西县", "2023"): 2.5}
    assert len(errors(card)) == 2


def test_texts_as_categories_are_read_beside_columns_of_numbers():
    rows = pl.DataFrame({
        "期别": ["2023"] * 2, "地区": ["东县", "西县"], "满意率": pl.Series(["95%", "－3"], dtype=pl.Categorical),
        "GDP": [1.5, 2.5], "说明": ["初步数"] * 2,
    })  # fmt: skip
    card = kpi.score(rows, system=system(RATE))
    assert values(card, "r") == {("东县", "2023"): 95.0, ("西县", "2023"): -3.0}


# ---- HEADINGS AND NAMES ---- #


@pytest.mark.parametrize("size", [1, 150])
@pytest.mark.parametrize("roster", [True, False])
def test_headings_of_groups_in_long_tables_are_no_errors(tmp_path, roster, size):
    (tmp_path / "r.csv").write_text("entity\n东县\n西县\n", "utf-8")
    lines = ["期别,地区,指标,数值", ",北部,,", "2023,东县,GDP,1.5", *[",南部,,"] * size, "2023,西县,GDP,2.5", ""]
    (tmp_path / "d.csv").write_text("\n".join(lines), "utf-8")
    text = RATE.replace("title: 县", "title: 县, roster: r.csv") if roster else RATE
    card = kpi.score(tmp_path / "d.csv", system=system(text, tmp_path))
    assert values(card, "g") == {("东县", "2023"): 1.5, ("西县", "2023"): 2.5}
    assert not errors(card)
    assert [item.message.split(",")[0] for item in card.findings_list if item.code == "K614"] == ["no figure"]
    assert (card.counts["used"], card.counts["refused"], card.counts["left_out"]) == (2, 0, 1 + size)


@pytest.mark.parametrize("name", ["年份", "月份"])
def test_a_repeated_heading_does_not_hide_the_parts_of_a_period(name, tmp_path):
    lines = ["年份,月份,地区,满意率", "2023,1,东县,81", "年份,月份,地区,满意率", "2023,2,东县,91", ""]
    (tmp_path / "d.csv").write_text("\n".join(lines), "utf-8")
    card = kpi.score(tmp_path / "d.csv", system=system(RATE.replace("period: year", "period: month")))
    assert values(card, "r") == {("东县", "2023-01"): 81.0, ("东县", "2023-02"): 91.0}
    assert name in next(item.message for item in card.findings_list if item.code == "K538")
