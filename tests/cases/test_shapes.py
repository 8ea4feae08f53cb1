"""Tables that lie otherwise than a figure a row: what is recognised, what is declared, and what is refused.

Class of wrong answer: a year, unit or measure that stands across and is lost or mistaken, a further dimension that is
added up, a title that is a unit, a flag that is part of a figure.
"""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

import kpi
from kpi.errors import DataError, Severity
from kpi.intake.files import chunks, pieces
from kpi.intake.roster_from_files import roster_from_files
from kpi.session import score

RATE = """
system: rates
period: year
entities: {title: 县}
measures: {rate: {title: 满意率, unit: '%'}}
indicators: {level: {kind: level, of: rate}}
"""
GDP = """
system: product
period: PERIOD
entities: {title: 地区}
DATASETS
measures: {gdp: {title: 地区生产总值, unit: 亿元}}
indicators: {growth: {kind: growth, of: gdp, over: 1y}, share: {kind: share, of: gdp}}
"""


def product(period: str = "year", datasets: str = "", *, where: str = "") -> str:
    text = GDP.replace("PERIOD", period).replace("DATASETS", datasets)
    return text.replace("unit: 亿元", f"unit: 亿元, where: {where!r}") if where else text


def text_file(folder: Path, rows: list[str], name: str = "d.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes("\n".join([*rows, ""]).encode(encoding))
    return path


def workbook(folder: Path, sheets: dict[str, list[list[object]]], name: str = "d.xlsx") -> Path:
    with xlsxwriter.Workbook(folder / name) as book:
        for sheet, rows in sheets.items():
            page = book.add_worksheet(sheet)
            for at, row in enumerate(rows):
                page.write_row(at, 0, row)
    return folder / name


def scored(path, definition: str, **rest):
    return score(path, system=kpi.load(definition), partly=True, **rest)


def figures(card, measure: str) -> dict[tuple[str, str], float | str]:
    rows = card.measures.filter(pl.col("measure") == measure).select("entity", "period", "value", "status").rows()
    return {(who, when): value if status == "ok" else status for who, when, value, status in rows}


def findings(card, code: str) -> list[str]:
    return [item.message for item in card.findings_list if item.code == code]


def refused(path, definition: str):
    with pytest.raises(DataError) as caught:
        scored(path, definition)
    (finding,) = caught.value.diagnostics
    return finding


# ---- THE CASES ---- #


def test_years_across(tmp_path):
    file = text_file(tmp_path, ["地区,指标,2022年,2023年", "甲县,满意率,80,90", "乙县,满意率,70,75"])
    card = scored(file, RATE)
    assert figures(card, "rate") == {
        ("甲县", "2022"): 80.0, ("甲县", "2023"): 90.0, ("乙县", "2022"): 70.0, ("乙县", "2023"): 75.0,
    }  # fmt: skip
    assert findings(card, "K562") == ["periods in columns 2022年 to 2023年"]


def test_entities_across(tmp_path):
    card = scored(text_file(tmp_path, ["期别,指标,甲县,乙县", "2023,满意率,80,90"]), RATE)
    assert figures(card, "rate") == {("甲县", "2023"): 80.0, ("乙县", "2023"): 90.0}
    assert findings(card, "K562") == ["units in columns 甲县 to 乙县"]


@pytest.mark.parametrize("head", ["年,月,地区,满意率", "Year,Month,Region,满意率", "ano,month,地区,满意率"])
def test_year_and_month_columns(tmp_path, head):
    file = text_file(tmp_path, [head, "2023,1,甲县,80", "2023,2,甲县,90"])
    card = scored(file, RATE.replace("period: year", "period: month"))
    assert figures(card, "rate") == {("甲县", "2023-01"): 80.0, ("甲县", "2023-02"): 90.0}


@pytest.mark.parametrize("form", ["wide", "across", "long"])
def test_a_condition_fixes_a_further_dimension(tmp_path, form):
    rows = {
        "wide": [
            "地区,年份,性别,满意率（%）",
            "甲县,2023,T,5.0",
            "甲县,2023,F,6.0",
            "乙县,2023,T,4.0",
            "乙县,2023,F,3.0",
        ],
        "across": [
            "地区,性别,指标,2023",
            "甲县,T,满意率,5.0",
            "甲县,F,满意率,6.0",
            "乙县,T,满意率,4.0",
            "乙县,F,满意率,3.0",
        ],
        "long": ["地区,年份,性别,指标,数值", "甲县,2023,T,满意率,5.0", "甲县,2023,F,满意率,6", "乙县,2023,T,满意率,4"],
    }
    definition = RATE.replace("unit: '%'", "unit: '%', where: \"性别 = 'T'\"")
    card = scored(text_file(tmp_path, rows[form]), definition)
    assert figures(card, "rate") == {("甲县", "2023"): 5.0, ("乙县", "2023"): 4.0}


def test_a_further_dimension_that_nothing_fixes_is_refused(tmp_path):
    file = text_file(tmp_path, ["地区,性别,指标,2022,2023", "甲县,男,满意率,5,6", "甲县,女,满意率,6,7"])
    finding = refused(file, RATE)
    assert (finding.code, finding.hint) == ("K569", "say it at the measure: `where: \"性别 = '男'\"`")
    assert "`性别`" in finding.message


@pytest.mark.parametrize(
    "sexes", [("男", "男 "), ("男", "　男"), ("１级", "1级"), ("1", "1.0"), ("1,234", "1234"), ("", " ")]
)
def test_texts_that_are_read_alike_are_no_further_dimension(tmp_path, sexes):
    rows = [
        "地区,类,指标,2022,2023",
        *(f'甲县,"{item}",{name},5,6' for item, name in zip(sexes, ("满意率", "满意率 "), strict=True)),
    ]
    codes = {item.code for item in scored(text_file(tmp_path, rows), RATE).findings_list}
    assert "K569" not in codes


@pytest.mark.parametrize("sexes", [("男", "女"), ("01", "1"), ("1", "2")])
def test_a_further_dimension_is_compared_as_it_is_read(tmp_path, sexes):
    file = text_file(
        tmp_path, ["地区,类,指标,2022,2023", f"甲 县,{sexes[0]},满意率,5,6", f"甲县,{sexes[1]},满意率,6,7"]
    )
    assert refused(file, RATE).code == "K569"


def test_a_yearbook_turned_on_its_side(tmp_path):
    definition = """
system: side
period: year
entities: {title: 地区}
measures: {gdp: {title: GDP, unit: 亿元}, tax: {title: 财政收入, unit: 万元}}
indicators: {r: {kind: ratio, numerator: tax, denominator: gdp}}
"""
    file = text_file(tmp_path, ["指标,甲县,乙县,丙县", "GDP（亿元）,50,30,20", "财政收入（亿元）,6,3,1"])
    card = scored(file, definition, period="2023")
    assert figures(card, "gdp") == {("甲县", "2023"): 50.0, ("乙县", "2023"): 30.0, ("丙县", "2023"): 20.0}
    assert figures(card, "tax")["甲县", "2023"] == 60_000.0


# ---- LOOK-ALIKES OF REAL LAYOUTS ---- #


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
def test_a_download_with_the_measure_in_the_title(tmp_path, encoding):
    rows = [
        "数据库：分省年度数据", "指标：地区生产总值(亿元)", "时间：最近20年", "地区,2024年,2023年,2022年",
        "东山省,110.0,100.0,80.0", "西河省,95.0,100.0,", "注：按照有关制度进行了修订。", "数据来源：统计局",
    ]  # fmt: skip
    card = scored(text_file(tmp_path, rows, encoding=encoding), product())
    assert figures(card, "gdp") == {
        ("东山省", "2024"): 110.0, ("东山省", "2023"): 100.0, ("东山省", "2022"): 80.0,
        ("西河省", "2024"): 95.0, ("西河省", "2023"): 100.0, ("西河省", "2022"): "missing",
    }  # fmt: skip
    growth = card.indicators.filter((pl.col("indicator") == "growth") & (pl.col("period") == "2024"))
    assert dict(growth.select("entity", "value").rows()) == pytest.approx({"东山省": 10.0, "西河省": -5.0})
    (note,) = findings(card, "K562")
    assert note == "periods in columns 2024年 to 2022年; the measure from the title `指标:地区生产总值(亿元)`"


def test_the_unit_of_the_title_is_that_of_all_figures(tmp_path):
    rows = ["指标：地区生产总值(万元)", "地区,2022年,2023年", "甲县,10000,20000", "乙县,5000,3亿元"]
    card = scored(text_file(tmp_path, rows), product())
    assert figures(card, "gdp")["甲县", "2023"] == 2.0
    assert figures(card, "gdp")["乙县", "2023"] == 3.0


def test_the_base_of_an_index_is_no_unit_and_an_empty_month_is_missing(tmp_path):
    definition = RATE.replace("满意率", "食品价格指数").replace("period: year", "period: month")
    rows = ["数据库：分省月度数据", "指标：食品价格指数(上年同月=100)", "时间：2020", "地区,2020年3月,2020年2月",
            "甲省,,109.8", "乙省,,122.3", '"注：一。', '二。"', "数据来源：统计局"]  # fmt: skip
    card = scored(text_file(tmp_path, rows), definition)
    assert figures(card, "rate") == {
        ("甲省", "2020-02"): 109.8, ("乙省", "2020-02"): 122.3,
        ("甲省", "2020-03"): "missing", ("乙省", "2020-03"): "missing",
    }  # fmt: skip


def test_one_city_in_the_title_and_measures_down(tmp_path):
    rows = ["数据库：主要城市年度数据", "地区：海东", "指标,2023年,2022年", "地区生产总值(亿元),12,10", "人口(万人),5,"]
    card = scored(text_file(tmp_path, rows), product())
    assert figures(card, "gdp") == {("海东", "2022"): 10.0, ("海东", "2023"): 12.0}
    assert "the units from the title `地区:海东`" in findings(card, "K562")[0]


def test_header_rows_for_entity_frequency_and_unit(tmp_path):
    definition = product("month").replace("title: 地区生产总值", "title: 货运量_当期").replace("亿元", "万吨")
    sheet = [
        ["指标", "客运量_当期", "货运量_当期"],
        ["地区", "全国", "全国"],
        ["频度", "月", "月"],
        ["单位", "万人", "亿吨"],
        ["2020-01", 5, None],
        ["2020-02", 6, 0.5],
    ]
    card = scored(workbook(tmp_path, {"Sheet1": sheet}), definition)
    assert figures(card, "gdp") == {("全国", "2020-01"): "missing", ("全国", "2020-02"): 5000.0}
    assert findings(card, "K567") == ["columns left out: `客运量_当期`"]


def test_provinces_across_with_year_and_month_in_columns(tmp_path):
    rows = ["Year,Month,北山自治区,北山自治区 东,吉江省", "2022,12,6,2,4", "2023,12,9,3,5"]
    datasets = "datasets: {d: {form: reported, columns: {period: [Year, Month], measure: {constant: 地区生产总值}}}}"
    card = scored(text_file(tmp_path, ["\ufeff" + rows[0], *rows[1:]]), product("month", datasets))
    assert figures(card, "gdp")["北山自治区东", "2023-12"] == 3.0
    assert figures(card, "gdp")["吉江省", "2022-12"] == 4.0


def test_a_sheet_a_year_beside_one_with_everything(tmp_path):
    names = ["北京", "天津", "河北"]
    everything = [["", "", *names], ["地区生产总值", "2012", 1, 2, 3], ["", "2013", 4, 5, 6], ["", "2014", 7, 8, 9]]
    years = {
        f"Sheet{at}": [
            ["", "地区生产总值", "人口"],
            ["", year, year],
            *([name, value, 1] for name, value in zip(names, row, strict=True)),
        ]
        for at, (year, row) in enumerate([(2012, (1, 2, 3)), (2013, (4, 5, 6.5))], 2)
    }
    card = scored(workbook(tmp_path, {"Sheet1": everything, **years}), product())
    assert figures(card, "gdp")["河北", "2013"] == "refused"
    assert figures(card, "gdp")["河北", "2014"] == 9.0
    assert figures(card, "gdp")["北京", "2012"] == 1.0
    places = {(item.place.sheet, item.place.row, item.place.field) for item in card.findings_list if item.code == "K608"
              and item.severity is Severity.ERROR}  # fmt: skip
    assert places == {("Sheet1", 3, "河北"), ("Sheet3", 5, "地区生产总值_2013")}
    assert "blank cells of `列1` repeat the cell above" in findings(card, "K562")[0]


EUROSTAT = [
    "unit,age,sex,geo\\time\t2012 \t2011 \t2010 ",
    "PC,Y15,F,AT11\t6.4 u\t: bu\t: u",
    "PC,Y15,F,ES61\t30.1 \t29 e\t28.0 b",
    "PC,Y15,T,AT11\t4.1 bu\t5 \t: ",
    "PC,Y15,T,ES61\t36.2 \t30 b\t?",
]


@pytest.mark.parametrize("name", ["d.tsv", "d.tsv.gz"])
def test_keys_joined_by_commas_and_flags_behind_figures(tmp_path, name):
    path = tmp_path / name
    content = "\n".join([*EUROSTAT, ""]).encode()
    path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    definition = RATE.replace("unit: '%'", "unit: '%', synonyms: [d], where: \"sex = 'T'\"")
    card = scored(path, definition)
    assert figures(card, "rate") == {
        ("AT11", "2012"): 4.1, ("AT11", "2011"): 5.0, ("AT11", "2010"): "missing",
        ("ES61", "2012"): 36.2, ("ES61", "2011"): 30.0, ("ES61", "2010"): "refused",
    }  # fmt: skip
    assert findings(card, "K568") == ["figures with flags are used as they are: b (2), bu (1), e (1), u (1)"]
    (error,) = [item for item in card.findings_list if item.severity is Severity.ERROR]
    assert (error.code, error.place.row, error.place.field) == ("K604", 5, "2010")


def test_lines_above_codes_and_a_comma_at_each_end(tmp_path):
    rows = [
        '"Data Source","Indicators",',
        "",
        '"Last Updated Date","2016-07-22",',
        "",
        '"Country Name","Country Code","Indicator Name","Indicator Code","2014","2015",',
        '"Chin’a, Rep.","CHA","GDP (current US$)","NY.X","10","11",',
        '"Aruba","ABW","GDP (current US$)","NY.X","","0",',
    ]
    datasets = "datasets: {d: {form: reported, missing: [0]}}"
    definition = product("year", datasets).replace("unit: 亿元", "unit: 美元, synonyms: ['GDP (current US$)']")
    card = scored(text_file(tmp_path, ["\ufeff" + rows[0], *rows[1:]]), definition)
    assert figures(card, "gdp") == {
        ("Chin’a, Rep.", "2014"): 10.0, ("Chin’a, Rep.", "2015"): 11.0,
        ("Aruba", "2014"): "missing", ("Aruba", "2015"): "missing",
    }  # fmt: skip
    assert card.entities["code"].to_list() == ["ABW", "CHA"]
    assert findings(card, "K567") == ["columns left out: `Indicator Code`"]
    by_code = scored(text_file(tmp_path, rows), definition.replace("'GDP (current US$)'", "NY.X"))
    assert figures(by_code, "gdp") == figures(card, "gdp")


def test_levels_with_a_date_that_is_another_measure(tmp_path):
    definition = product().replace("title: 地区生产总值, unit: 亿元", "title: Estimate, unit: 人, over_time: last")
    with xlsxwriter.Workbook(tmp_path / "d.xlsx") as book:
        page = book.add_worksheet("NST")
        page.merge_range("A1:E1", "Table 1. Estimates")
        page.merge_range("A2:A3", "Geographic Area")
        page.merge_range("B2:C2", "April 1, 2010")
        page.write_datetime("B2", dt.date(2010, 4, 1), book.add_format({"num_format": "mmm d, yyyy"}))
        page.merge_range("D2:E2", "Estimate")
        page.write_row("B3", ["Census", "Base", 2010, 2011])
        page.write_row("A4", ["United States", 100, 101, 102, 104])
        page.write_row("A5", [".California", 40, 41, 42, 43])
        page.write_row("A6", [".Wyoming", 60, 60, 60, 61])
    card = scored(tmp_path / "d.xlsx", definition)
    assert figures(card, "gdp")["California", "2010"] == 42.0
    assert figures(card, "gdp")["Wyoming", "2011"] == 61.0
    assert findings(card, "K567") == ["columns left out: `2010-04-01_Census`, `2010-04-01_Base`"]


# ---- KEYS OF WHOLE TABLES ---- #


def test_a_constant_for_the_whole_country_is_a_unit(tmp_path):
    file = text_file(tmp_path, ["年份,地区生产总值", "2022,100", "2023,104"])
    card = scored(file, product("year", "datasets: {d: {form: panel, columns: {entity: {constant: 全国}}}}"))
    assert figures(card, "gdp") == {("全国", "2022"): 100.0, ("全国", "2023"): 104.0}
    assert findings(card, "K565") == ["the unit of all rows is `全国`, from the definition"]


def test_a_department_a_file_by_the_roster(tmp_path):
    text_file(tmp_path, ["entity", "发改局", "财政局"], "roster.csv")
    files = [
        text_file(tmp_path, ["期别,满意率", "2022,80", f"2023,{value}"], f"{name}.csv")
        for name, value in (("发改局", 90), ("财政局", 85))
    ]
    (tmp_path / "s.yaml").write_text(RATE.replace("{title: 县}", "{title: 部门, roster: roster.csv}"), "utf-8")
    card = score(files, system=kpi.load(tmp_path / "s.yaml"))
    assert figures(card, "rate")["发改局", "2023"] == 90.0
    assert figures(card, "rate")["财政局", "2023"] == 85.0


def test_a_key_that_is_not_where_it_is_declared(tmp_path):
    file = text_file(tmp_path, ["地区,满意率", "甲县,80"], "报表.csv")
    definition = RATE.replace("measures:", "datasets: {d: {form: panel, columns: {period: {from: file}}}}\nmeasures:")
    finding = refused(file, definition)
    assert (finding.code, finding.message) == ("K566", "the name of the file says no period")


def test_names_that_say_two_periods_say_none(tmp_path):
    book = workbook(tmp_path, {"2022": [["地区", "满意率"], ["甲县", 80]]}, "2023.xlsx")
    with pytest.raises(DataError) as caught:
        scored(book, RATE)
    assert {item.code for item in caught.value.diagnostics} == {"K606"}


def test_a_year_in_a_column_and_its_months_across(tmp_path):
    rows = ["年份,地区,指标,1月,2月", "2022年,甲县,满意率,1,2", "2023年,甲县,满意率,3,4"]
    card = scored(text_file(tmp_path, rows), RATE.replace("period: year", "period: month"))
    result = {key: value for key, value in figures(card, "rate").items() if value != "missing"}
    assert result == {
        ("甲县", "2022-01"): 1.0, ("甲县", "2022-02"): 2.0, ("甲县", "2023-01"): 3.0, ("甲县", "2023-02"): 4.0,
    }  # fmt: skip


def test_months_across_take_the_year_of_the_title(tmp_path):
    rows = ["2023年各县满意率情况", "地区,指标,1月,2月", "甲县,满意率,1,2"]
    card = scored(text_file(tmp_path, rows), RATE.replace("period: year", "period: month"))
    assert figures(card, "rate") == {("甲县", "2023-01"): 1.0, ("甲县", "2023-02"): 2.0}


# ---- DECLARED ---- #


def test_names_that_are_no_places_stand_across_where_that_is_declared(tmp_path):
    file = text_file(tmp_path, ["期别,指标,东湖医院,西湖医院,备注", "2023,满意率,80,90,初报"])
    with pytest.raises(DataError):
        scored(file, RATE)
    declared = RATE.replace("measures:", "datasets: {d: {form: reported, shape: {columns: entities}}}\nmeasures:")
    assert figures(scored(file, declared), "rate") == {("东湖医院", "2023"): 80.0, ("西湖医院", "2023"): 90.0}


def test_measures_across_and_periods_down_where_that_is_declared(tmp_path):
    file = text_file(tmp_path, ["项目,满意率", "2022,80", "2023,90"])
    rest = "shape: {columns: measures, rows: periods}, columns: {entity: {constant: 全市}}"
    declared = RATE.replace("measures:", f"datasets: {{d: {{form: panel, {rest}}}}}\nmeasures:")
    assert figures(scored(file, declared), "rate") == {("全市", "2022"): 80.0, ("全市", "2023"): 90.0}


def test_a_constant_unit_is_that_of_figures_without_their_own(tmp_path):
    file = text_file(tmp_path, ["地区,年份,地区生产总值", "甲县,2023,15000"])
    card = scored(file, product("year", "datasets: {d: {form: panel, columns: {unit: {constant: 万元}}}}"))
    assert figures(card, "gdp") == {("甲县", "2023"): 1.5}


def test_a_year_and_a_part_of_it_under_unknown_headers(tmp_path):
    file = text_file(tmp_path, ["distrito,any,trim,满意率", "Centro,2023,1,80", "Centro,2023,2,90"])
    declared = "datasets: {d: {form: panel, columns: {entity: distrito, period: [any, trim]}}}"
    definition = RATE.replace("period: year", "period: quarter").replace("measures:", f"{declared}\nmeasures:")
    assert figures(scored(file, definition), "rate") == {("Centro", "2023Q1"): 80.0, ("Centro", "2023Q2"): 90.0}


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ("columns: {entity: [甲, 乙]}", "`entity` cannot be a list"),
        ("columns: {value: {constant: 1}}", "`value` is a column"),
        ("columns: {entity: {from: file, constant: 全国}}", "give either `from`"),
        ("shape: {columns: entities, rows: entities}", "cannot be the same"),
        ("shape: {columns: rows}", "must be periods, entities or measures"),
    ],
)
def test_what_cannot_be_declared(declared, words):
    text = RATE.replace("measures:", f"datasets: {{d: {{form: reported, {declared}}}}}\nmeasures:")
    with pytest.raises(kpi.KpiError, match=words):
        kpi.load(text)


# ---- REFUSED ---- #


@pytest.mark.parametrize(
    ("rows", "code", "words"),
    [
        (["地区,2022年,2023年", "甲县,1,2"], "K563", "understood: 甲县 | 2022年 | ? | 1"),
        (["指标,2022年,2023年", "满意率,1,2"], "K563", "understood: ? | 2022年 | 满意率 | 1"),
        (["指标：好评率(%)", "地区,2022年,2023年", "甲县,1,2"], "K564", "`好评率(%)`"),
        (["地区,满意率,2022年满意率,2023年满意率", "甲县,1,2,3"], "K563", "no column says it"),
        (["地区,指标,2022年,2023年,数据", "甲县,满意率,1,2,3"], "K563", "`数据` have none"),
    ],
)
def test_what_cannot_be_told_is_refused_with_the_way_to_say_it(tmp_path, rows, code, words):
    finding = refused(text_file(tmp_path, rows), RATE)
    assert finding.code == code
    assert words in finding.message
    assert finding.hint


def test_a_period_that_stands_in_two_columns_is_refused(tmp_path):
    finding = refused(text_file(tmp_path, ["地区,指标,2022年,2023年,2023年", "甲县,满意率,1,2,3"]), RATE)
    assert (finding.code, "`2023年`" in finding.message) == ("K508", True)


def test_a_column_of_figures_beside_periods_is_named(tmp_path):
    card = scored(text_file(tmp_path, ["指标：满意率(%)", "地区,2022年,2023年,数据,列", "甲县,1,2,9,x"]), RATE)
    assert findings(card, "K567") == ["columns left out: `数据`, `列`"]


def test_findings_name_the_row_and_the_column_of_the_file(tmp_path):
    rows = [
        "标题",
        "地区,指标,2022年,2023年",
        "华北,,,",
        "甲县,满意率,80,约九成",
        ",满意率,1,2",
        "合计,满意率,3,4",
        "乙县,满意率,70,75",
    ]
    card = scored(text_file(tmp_path, rows), RATE)
    places = {
        (item.code, item.place.row, item.place.field) for item in card.findings_list if item.severity is Severity.ERROR
    }
    assert places == {("K604", 4, "2023年"), ("K602", 5, "地区")}
    (totals,) = findings(card, "K612")
    assert "合计 (row 6)" in totals
    assert "华北 (row 3)" in findings(card, "K614")[0]


def test_a_figure_that_is_merged_over_two_years_is_none_of_them(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "d.xlsx") as book:
        page = book.add_worksheet()
        page.write_row("A1", ["地区", "指标", "2022年", "2023年"])
        page.write_row("A2", ["甲县", "满意率"])
        page.merge_range("C2:D2", 80)
        page.write_row("A3", ["乙县", "满意率", 70, 75])
    card = scored(tmp_path / "d.xlsx", RATE)
    assert figures(card, "rate")["甲县", "2022"] == "refused"
    assert figures(card, "rate")["甲县", "2023"] == "refused"


# ---- BLOCKS BESIDE EACH OTHER ---- #

BESIDE = """
system: beside
period: year
entities: {title: 县}
DATASETS
measures:
  gdp: {title: 产值, unit: 亿元, over_time: last}
  people: {title: 人口, unit: 万人, over_time: last}
indicators: {g: {kind: level, of: gdp}, p: {kind: level, of: people}}
"""


def beside(datasets: str = "") -> str:
    return BESIDE.replace("DATASETS", datasets)


def test_blocks_are_read_one_below_the_other(tmp_path):
    file = text_file(tmp_path, ["地区,产值（亿元）,地区,产值（亿元）", "甲县,50,丙县,20", "乙县,30,,"], "2023.csv")
    card = scored(file, beside())
    assert {who: value for (who, _), value in figures(card, "gdp").items()} == {"甲县": 50, "乙县": 30, "丙县": 20}
    message = "2 blocks beside each other, each with its own `地区`, read one below the other"
    assert findings(card, "K584") == [message]


def test_blocks_of_other_figures_are_joined_by_name(tmp_path):
    file = text_file(
        tmp_path, ["地区,人口,地区,产值", "甲县,5,乙县,30", "乙县,6,丙县,20", "丙县,7,甲县,50"], "2023.csv"
    )
    card = scored(file, beside())
    assert {who: value for (who, _), value in figures(card, "gdp").items()} == {"甲县": 50, "乙县": 30, "丙县": 20}
    assert {who: value for (who, _), value in figures(card, "people").items()} == {"甲县": 5, "乙县": 6, "丙县": 7}
    message = "2 blocks beside each other, each with its own `地区`, joined by `地区`"
    assert findings(card, "K584") == [message]


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        (["地区,产值,人口,地区,产值,人口", "甲县,50,5,丙县,20,4", "乙县,30,3,丁县,x,2"], (3, "产值#2")),
        (
            ["地区,指标,2022,2023,地区,指标,2022,2023", "甲县,产值,50,5,丙县,产值,20,4", "乙县,产值,3,3,丁县,产值,2,x"],
            (3, "2023#2"),
        ),
        (["地区,产值,地区,人口", "甲县,50,乙县,20", "乙县,30,甲县,x"], (3, "人口")),
        (["地区,产值,地区,人口", "甲县,50,丙县,20", "乙县,30,甲县,x", "丙县,3,乙县,7"], (3, "人口")),
    ],
)
def test_findings_in_blocks_have_the_place_of_the_sheet(tmp_path, rows, place):
    card = scored(text_file(tmp_path, rows, "2023.csv"), beside())
    (finding,) = [item for item in card.findings_list if item.code == "K604"]
    assert (finding.place.row, finding.place.field) == place


@pytest.mark.parametrize(
    ("rows", "why", "help_"),
    [
        (["地区,产值,地区,产值", "甲县,50,乙县,30", "乙县,40,甲县,20"], "with different `产值`", "of each block"),
        (
            ["地区,产值,地区,人口", "甲县,50,丙县,30", "乙县,40,丁县,20"],
            "other columns and other names",
            "blocks: joined",
        ),
        (["地区,产值,地区,人口", "甲县,50,乙县,30", "乙县,40,乙县,20"], "two rows of one block", "name of its own"),
        (
            ["地区,产值,地区,人口", "甲县,50,乙县,30", "乙县,40,,20"],
            "row 3 of a block has figures, but",
            "name of its own",
        ),
        (
            ["地区,产值,人口,地区,产值,户数", "甲县,50,5,丙县,30,3", "乙县,40,4,丁县,20,2"],
            "`人口` is not in all of them",
            "blocks: below",
        ),
        (
            ["代码,地区,产值,地区,产值", "331001,甲县,50,丙县,30", "331002,乙县,40,丁县,20"],
            "`代码` stands before the first",
            "blocks: below",
        ),
    ],
)
def test_ambiguous_blocks_are_refused_with_the_reason(tmp_path, rows, why, help_):
    finding = refused(text_file(tmp_path, rows, "2023.csv"), beside())
    assert finding.code == "K585"
    assert why in finding.message
    assert help_ in finding.hint


def test_the_definition_says_how_blocks_belong_together(tmp_path):
    rows = ["地区,产值,人口,地区,产值,户数", "甲县,50,5,丙县,30,3", "乙县,40,4,丁县,20,2"]
    card = scored(
        text_file(tmp_path, rows, "2023.csv"), beside("datasets: {table: {form: panel, shape: {blocks: below}}}")
    )
    assert {who: value for (who, _), value in figures(card, "gdp").items()} == {
        "甲县": 50, "乙县": 40, "丙县": 30, "丁县": 20
    }  # fmt: skip
    assert figures(card, "people")["丙县", "2023"] == "missing"
    rows = ["地区,产值,地区,人口", "甲县,50,丙县,30", "乙县,40,丁县,20"]
    card = scored(
        text_file(tmp_path, rows, "2023.csv"), beside("datasets: {table: {form: panel, shape: {blocks: joined}}}")
    )
    assert figures(card, "gdp") == {
        ("甲县", "2023"): 50, ("乙县", "2023"): 40, ("丙县", "2023"): "missing", ("丁县", "2023"): "missing"
    }  # fmt: skip
    assert figures(card, "people")["丁县", "2023"] == 20


def test_a_code_before_declared_blocks_is_of_the_first(tmp_path):
    rows = ["代码,地区,产值,地区,产值", "331001,甲县,50,丙县,30", "331002,乙县,40,丁县,20"]
    card = scored(
        text_file(tmp_path, rows, "2023.csv"), beside("datasets: {table: {form: panel, shape: {blocks: below}}}")
    )
    assert {who: value for (who, _), value in figures(card, "gdp").items()} == {
        "甲县": 50, "乙县": 40, "丙县": 30, "丁县": 20
    }  # fmt: skip


def test_an_empty_column_of_a_block_is_missing(tmp_path):
    rows = ["地区,2022,2023,地区,2022,2023", "甲县,50,,丙县,,30", "乙县,40,,丁县,,20"]
    card = scored(text_file(tmp_path, rows, "产值.csv"), beside())
    some = figures(card, "gdp")
    assert (some["甲县", "2022"], some["甲县", "2023"], some["丙县", "2023"]) == (50, "missing", 30)
    blank = [row.replace("地区", "") for row in rows]
    assert figures(scored(text_file(tmp_path, blank, "产值.csv"), beside()), "gdp") == some


def test_the_name_at_both_edges_of_a_page_begins_no_block(tmp_path):
    rows = ["地区,产值,人口,地区", "甲县,50,5,甲县", "乙县,40,4,乙县"]
    card = scored(text_file(tmp_path, rows, "2023.csv"), beside())
    assert findings(card, "K584") == []
    assert figures(card, "people") == {("甲县", "2023"): 5, ("乙县", "2023"): 4}


@pytest.mark.parametrize("head", ["地区", ""])
def test_blocks_of_a_large_file(tmp_path, monkeypatch, head):
    monkeypatch.setattr(chunks, "LARGE", 100)
    monkeypatch.setattr(chunks, "LOOK", 400)
    monkeypatch.setattr(chunks, "SEARCHED", 4)
    monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 150))
    rows = [f"县{at},{at},{at + 1},县{at + 200},{at + 200},{at + 201}" for at in range(200)]
    card = scored(text_file(tmp_path, [f"{head},2022,2023,{head},2022,2023", *rows], "产值.csv"), beside())
    some = figures(card, "gdp")
    assert len(some) == 800
    assert (some["县150", "2023"], some["县350", "2022"]) == (151.0, 350.0)


def test_the_units_of_blocks_make_a_roster(tmp_path):
    file = text_file(tmp_path, ["地区,产值,地区,产值", "甲县,50,丙县,20", "乙县,30,,"], "2023.csv")
    assert set(roster_from_files([file]).frame["entity"].to_list()) == {"甲县", "乙县", "丙县"}


# ---- FORMS OF INPUT ---- #


def test_typed_tables_and_large_files(tmp_path, monkeypatch):
    frame = pl.DataFrame({"地区": ["甲县", "乙县"], "指标": "满意率", "2022": [80, 70], "2023": [90.5, None]})
    expected = {("甲县", "2022"): 80.0, ("甲县", "2023"): 90.5, ("乙县", "2022"): 70.0, ("乙县", "2023"): "missing"}
    assert figures(scored(frame, RATE), "rate") == expected
    frame.write_parquet(tmp_path / "d.parquet")
    assert figures(scored(tmp_path / "d.parquet", RATE), "rate") == expected
    monkeypatch.setattr(chunks, "LARGE", 100)
    monkeypatch.setattr(chunks, "LOOK", 400)
    monkeypatch.setattr(chunks, "SEARCHED", 4)
    monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 150))
    rows = [f"县{at},满意率,{at},{at + 1}" for at in range(200)]
    card = scored(text_file(tmp_path, ["地区,指标,2022年,2023年", *rows]), RATE)
    assert figures(card, "rate")["县150", "2023"] == 151.0
    assert card.counts["read"] == 400


def test_one_period_of_many_is_scored_alone(tmp_path):
    rows = [f"县{at},满意率,{at},{at + 1},{at + 2}" for at in range(20)]
    card = scored(text_file(tmp_path, ["地区,指标,2021年,2022年,2023年", *rows]), RATE, period="2022")
    assert figures(card, "rate")["县7", "2022"] == 8.0


def test_the_system_is_found_by_a_turned_table(tmp_path):
    (tmp_path / "s.yaml").write_text(RATE, "utf-8")
    file = text_file(tmp_path, ["地区,指标,2022年,2023年", "甲县,满意率,80,90"])
    card = kpi.score(file, definitions=tmp_path)
    assert (card.system, figures(card, "rate")["甲县", "2023"]) == ("rates", 90.0)
