"""What a sheet's merged cells, its key columns, its headings and its further figures mean, and where a file belongs."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

import kpi
from kpi.errors import DataError, Severity
from kpi.intake.files import chunks, delimited, pieces
from kpi.language.loading.loader import examine_text

HERE = Path(__file__).parent


def system(text: str, folder: Path | None = None):
    if folder is not None:
        (folder / "s.yaml").write_text(text, encoding="utf-8")
        return (
            kpi.load(folder / "s.yaml") if hasattr(kpi, "load") else examine_text(text, str(folder / "s.yaml")).system
        )
    loaded = examine_text(text, "s.yaml")
    assert loaded.system is not None, loaded.findings
    return loaded.system


def scored(given, *sources, period=None):
    return kpi.score(list(sources), system=given, period=period)


def values(card, indicator: str) -> dict[tuple[str, str], float | str]:
    rows = card.indicators.filter(pl.col("indicator") == indicator).select("entity", "period", "value", "status").rows()
    return {(who, when): value if status == "ok" else status for who, when, value, status in rows}


def codes(card) -> list[str]:
    return [item.code for item in card.findings_list]


def sheet(path: Path, rows, merged=()) -> Path:
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


LEVELS = """
system: c
period: quarter
entities: {title: 县}
measures: {r: {title: 满意率, unit: '%'}, n: {title: 办件量, unit: 件}}
indicators: {ir: {kind: level, of: r}, in: {kind: level, of: n}}
"""

COMPLETION = """
system: r20
period: year
entities: {title: 县}
measures: {v: {title: GDP, unit: 亿元}, w: {title: 财政收入, unit: 亿元}}
indicators:
  a: {kind: level, of: v, target: {at_least: {column: 目标值}}, score: {kind: completion}}
  b: {kind: level, of: w, target: {at_least: {column: 目标值}}, score: {kind: completion}}
pillars: {P: {weight: 100, parts: {a: 60, b: 40}, ours: true}}
"""


@pytest.fixture
def every_file_is_large(monkeypatch):
    def make():
        monkeypatch.setattr(chunks, "LARGE", 100)
        monkeypatch.setattr(chunks, "LOOK", 400)
        monkeypatch.setattr(chunks, "SEARCHED", 4)
        monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 150))

    return make


# ---- MERGED CELLS ---- #

MEASURED = [
    ["被考核单位", "指标", "目标值", "完成值"],
    ["甲县", "GDP", 45, 50],
    [None, "财政收入", 7, 6],
    ["乙县", "GDP", 32, 30],
    [None, "财政收入", 3, 3],
]


@pytest.mark.parametrize("form", ["xlsx", "xls"])
def test_a_name_that_is_merged_downwards_is_that_of_each_row(tmp_path, form):
    file = HERE / "merged-down" / "kh.xls"
    if form == "xlsx":
        file = sheet(tmp_path / "kh.xlsx", MEASURED, [(1, 0, 2, 0), (3, 0, 4, 0)])
    card = scored(system(COMPLETION), file, period="2023")
    assert dict(card.totals.select("entity", pl.col("score").round(2)).rows()) == {"甲县": 94.29, "乙县": 96.25}
    assert card.counts == {"read": 4, "used": 4, "refused": 0, "restated": 0, "repeated": 0}


def test_text_saved_from_merged_cells_is_refused_and_says_so(tmp_path):
    file = tmp_path / "kh.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([["期别", *MEASURED[0]], *(["2023", *row] for row in MEASURED[1:])])
    card = scored(system(COMPLETION), file)
    bad = [item for item in card.findings_list if item.code == "K602"]
    assert [item.place.row for item in bad] == [3, 5]
    assert all("merged" in item.hint for item in bad)


def test_a_period_that_is_merged_is_that_of_each_row_and_a_merged_figure_of_none(tmp_path):
    rows = [
        ["期别", "地区", "满意率", "办件量"],
        ["2024Q1", "甲县", 90, 12],
        [None, "乙县", 80, None],
        [None, "丙县", 70, 3],
    ]
    file = sheet(tmp_path / "d.xlsx", rows, [(1, 0, 3, 0), (1, 3, 2, 3)])
    card = scored(system(LEVELS), file)
    who = ("甲县", "乙县", "丙县")
    assert [values(card, "ir")[item, "2024Q1"] for item in who] == [90, 80, 70]
    assert [values(card, "in")[item, "2024Q1"] for item in who] == ["refused", "refused", 3]
    assert [(item.code, item.place.row, item.place.field) for item in card.findings_list] == [
        ("K533", 2, "办件量"), ("K533", 3, "办件量"),
    ]  # fmt: skip
    assert "D2:D3" in card.findings_list[0].message


def test_a_figure_over_two_measures_is_none_of_them_and_a_heading_over_the_table_is_no_figure(tmp_path):
    rows = [["期别", "地区", "满意率", "办件量"], ["一、县", *[None] * 3], ["2024Q1", "甲县", 90, None]]
    card = scored(system(LEVELS), sheet(tmp_path / "d.xlsx", rows, [(1, 0, 1, 3), (2, 2, 2, 3)]))
    assert {values(card, name)["甲县", "2024Q1"] for name in ("ir", "in")} == {"refused"}
    assert codes(card).count("K533") == 2
    assert "K604" not in codes(card)


def test_rows_of_double_height_are_one_row_each(tmp_path):
    rows = [
        ["期别", "地区", "满意率", "办件量"],
        ["2024Q1", "甲县", 90, 3],
        [None] * 4,
        ["2024Q1", "乙县", 80, 4],
        [None] * 4,
    ]
    merged = [(top, column, top + 1, column) for top in (1, 3) for column in range(4)]
    card = scored(system(LEVELS), sheet(tmp_path / "d.xlsx", rows, merged))
    assert values(card, "in") == {("甲县", "2024Q1"): 3, ("乙县", "2024Q1"): 4}
    assert codes(card) == []


def test_a_merged_mark_of_absence_holds_for_each_row(tmp_path):
    rows = [["期别", "地区", "满意率", "办件量"], ["2024Q1", "甲县", 90, "不适用"], ["2024Q1", "乙县", 80, None]]
    card = scored(system(LEVELS), sheet(tmp_path / "d.xlsx", rows, [(1, 3, 2, 3)]))
    assert set(values(card, "in").values()) == {"not_applicable"}


def test_a_merged_figure_of_events_is_refused(tmp_path):
    text = """
system: e
period: month
entities: {title: 县}
datasets: {ev: {form: records}}
measures: {s: {kind: sum, of: 金额, from: ev, unit: 元}}
indicators: {i: {kind: level, of: s}}
"""
    rows = [["日期", "地区", "金额"], ["2024-01-02", "甲县", 5], ["2024-01-03", "乙县", None]]
    card = scored(system(text), sheet(tmp_path / "d.xlsx", rows, [(1, 2, 2, 2)]))
    bad = [item for item in card.findings_list if item.severity is Severity.ERROR]
    assert [item.place.row for item in bad] == [2, 3]
    assert all("C2:C3" in item.message for item in bad)


# ---- HEADINGS ALIKE ---- #

SHARE = """
system: r05
period: year
entities: {title: 县区}
measures: {gdp: {title: GDP, unit: 亿元}, rev: {title: 财政收入, unit: 亿元}}
indicators: {r: {kind: ratio, numerator: rev, denominator: gdp, unit: '%'}, g: {kind: level, of: gdp}}
"""


def test_a_header_and_cells_merged_over_two_columns_are_one(tmp_path):
    rows = [
        ["期别", "地区", "GDP（亿元）", None, "财政收入（亿元）"],
        [2023, "甲县", 50, None, 6],
        [2023, "乙县", 30, None, 3],
    ]
    card = scored(system(SHARE), sheet(tmp_path / "m.xlsx", rows, [(at, 2, at, 3) for at in range(3)]))
    assert values(card, "r") == {("甲县", "2023"): 12.0, ("乙县", "2023"): 10.0}
    assert codes(card) == []


@pytest.mark.parametrize("header", ["备注", "增速", "数据来源", "说不清"])
def test_headings_alike_that_nothing_needs_are_a_note(tmp_path, header):
    file = tmp_path / "d.csv"
    file.write_text(
        f"期别,地区,GDP（亿元）,{header},财政收入（亿元）,{header}\n2023,甲县,50,a,6,b\n2023,乙县,30,c,3,\n", "utf-8"
    )
    card = scored(system(SHARE), file)
    assert values(card, "r") == {("甲县", "2023"): 12.0, ("乙县", "2023"): 10.0}
    assert [(item.code, item.severity, item.place.row) for item in card.findings_list] == [("K534", Severity.INFO, 1)]
    assert card.counts["used"] == 4


def test_headings_alike_that_are_needed_are_an_error_unless_they_say_the_same(tmp_path):
    file = tmp_path / "d.csv"
    file.write_text("期别,地区,GDP,GDP\n2023,甲县,50,5%\n", "utf-8")
    with pytest.raises(DataError, match="K508"):
        scored(system(SHARE), file)
    file.write_text("期别,地区,GDP,GDP,地区\n2023,甲县,50,50,甲县\n", "utf-8")
    card = scored(system(SHARE), file)
    assert values(card, "g") == {("甲县", "2023"): 50.0}
    assert codes(card) == ["K534", "K534", "K555"]
    file.write_text("期别,地区,GDP,GDP\n2023,甲县,,50\n", "utf-8")
    assert values(scored(system(SHARE), file), "g") == {("甲县", "2023"): 50.0}


@pytest.mark.parametrize(
    "headers",
    [
        ("地区_Region", "第三产业_Tertiary"),
        ("地　区 Region", "第三产业 Tertiary"),
        ("县域 County", "服务业 Tertiary (亿元)"),
    ],
)
def test_a_header_in_two_languages_is_known_by_either(tmp_path, headers):
    text = """
system: y
period: year
entities: {title: 省}
measures: {p: {title: 第三产业, unit: 亿元, synonyms: [Tertiary]}}
indicators: {i: {kind: level, of: p}}
"""
    file = tmp_path / "d.csv"
    file.write_text(f"年份 Year,{','.join(headers)}\n2019,甲,5\n", "utf-8")
    assert values(scored(system(text), file), "i") == {("甲", "2019"): 5.0}


# ---- KEY COLUMNS ---- #

MONTHLY = """
system: m
period: month
entities: {title: 单位}
measures: {v: {title: GDP, unit: 亿元}}
indicators: {g: {kind: level, of: v}}
"""


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("年份,月份", ["2023,5", "2023,6"]),
        ("年,月", ["2023,05", "2023,06"]),
        ("year,month", ["2023,5", "2023,6"]),
        ("年度,月份", ["2023年,5月", "2023年,六月"]),
        ("月份,年份", ["5,2023", "6,2023"]),
        ("年份,月份", ["2023,202305", "2023,202306"]),
        ("年份,季度,月份", ["2023,2,5", "2023,2,6"]),
    ],
)
@pytest.mark.parametrize("shape", ["wide", "long"])
def test_a_year_and_a_month_are_read_together(tmp_path, header, rows, shape):
    file = tmp_path / "d.csv"
    head, cell = ("GDP", "") if shape == "wide" else ("指标,数值", "GDP,")
    file.write_text(
        "\n".join([f"{header},地区,{head}", *(f"{row},甲县,{cell}{at}" for at, row in enumerate(rows, 5))]), "utf-8"
    )
    card = scored(system(MONTHLY), file)
    assert values(card, "g") == {("甲县", "2023-05"): 5.0, ("甲县", "2023-06"): 6.0}
    assert [(item.code, item.severity) for item in card.findings_list] == [("K538", Severity.INFO)]


TITLES = {
    "2025年13月各县情况": "taken from the title, `2025年13月` is not a period: there is no month 13",
    "各县情况（2025年第五季度）": "taken from the title, `2025年第五季度` is not a period",
    "2025年3月与2024年3月各县情况": "`2025年3月` in the title is not taken for it",
    "各县情况": None,
}


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
@pytest.mark.parametrize("title", TITLES)
def test_what_the_title_says_of_the_period_is_said_where_no_column_does(tmp_path, title, suffix):
    file = tmp_path / f"d.{suffix}"
    rows = [[title, None], ["地区", "GDP"], ["甲县", "5"], ["乙县", "6"]]
    if suffix == "csv":
        file.write_text("\n".join(",".join(cell or "" for cell in row) for row in rows), "utf-8")
    else:
        pl.DataFrame(rows, schema=["a", "b"], orient="row").write_excel(file, include_header=False)
    with pytest.raises(DataError) as caught:
        scored(system(MONTHLY), file)
    message = next(item.message for item in caught.value.diagnostics if item.code == "K606")
    assert message.startswith("no column says which period the row is for")
    assert (TITLES[title] or "") in message
    assert ("title" in message) is (TITLES[title] is not None)
    assert values(kpi.score(file, system=system(MONTHLY), period="2025-03"), "g")["甲县", "2025-03"] == 5.0


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
@pytest.mark.parametrize("shape", ["wide", "long"])
@pytest.mark.parametrize("title", ["2-5  各县主要指标（2025年3月）", "2025年3月各县情况", "各县主要指标 2025-03"])
def test_the_one_period_of_a_title_is_that_of_the_rows(tmp_path, title, shape, suffix):
    head, rows = (
        (["地区", "GDP"], [["甲县", "5"]]) if shape == "wide" else (["地区", "指标", "数值"], [["甲县", "GDP", "5"]])
    )
    file = laid_out(tmp_path / f"d.{suffix}", [[title], ["单位：亿元"], head, *rows])
    card = scored(system(MONTHLY), file)
    assert values(card, "g") == {("甲县", "2025-03"): 5.0}
    (note,) = [item for item in card.findings_list if item.code == "K565"]
    assert "from the title" in note.message


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("各县主要指标（2025年3月）", "2025年4月"),
        ("各县主要指标（2025年3月）", "报表2025年4月"),
        ("各县主要指标（按2025年3月价格）", "d"),
        ("来源：2025年3月报表", "d"),
        ("统计年鉴2025年3月", "d"),
        ("2025年3月、4月和2024年3月各县指标", "d"),
    ],
)
def test_where_title_and_file_contradict_the_period_is_asked_for(tmp_path, title, name):
    file = laid_out(tmp_path / f"{name}.csv", [[title], ["地区", "GDP"], ["甲县", "5"]])
    with pytest.raises(DataError) as caught:
        scored(system(MONTHLY), file)
    assert "K606" in {item.code for item in caught.value.diagnostics}


def laid_out(file, rows):
    width = max(map(len, rows))
    rows = [[*row, *[None] * (width - len(row))] for row in rows]
    if file.suffix == ".csv":
        file.write_text("\n".join(",".join(cell or "" for cell in row) for row in rows), "utf-8")
    else:
        columns = [str(at) for at in range(width)]
        pl.DataFrame(rows, schema=columns, orient="row").write_excel(file, include_header=False)
    return file


def test_a_month_that_is_none_is_refused_alone_and_one_that_contradicts_its_year_as_well(tmp_path):
    file = tmp_path / "d.csv"
    file.write_text("年份,月份,地区,GDP\n2023,5,甲县,5\n2023,13,甲县,6\n2023,,甲县,7\n2023,2022-07,甲县,8\n", "utf-8")
    card = scored(system(MONTHLY), file)
    assert values(card, "g") == {("甲县", "2023-05"): 5.0}
    assert [(item.code, item.place.row) for item in card.findings_list if item.code == "K606"] == [
        ("K606", 3), ("K606", 4), ("K606", 5),
    ]  # fmt: skip


def test_two_columns_of_quarters_ask_in_wide_files_too(tmp_path):
    file = tmp_path / "d.csv"
    file.write_text("期别,统计期,地区,GDP\n2023-05,2023-06,甲县,5\n", "utf-8")
    card = scored(system(MONTHLY), file)
    assert [(item.code, item.severity) for item in card.findings_list] == [("K210", Severity.WARNING)]


def test_large_files_with_a_year_and_a_month_are_read_alike(tmp_path, every_file_is_large):
    file = tmp_path / "d.csv"
    rows = [
        f"{year},{month},{who},{year + month}" for year in (2022, 2023) for month in range(1, 13) for who in "甲乙丙"
    ]
    file.write_text("\n".join(["年份,月份,地区,GDP", *rows, ""]), "utf-8")
    small = scored(system(MONTHLY), file)
    every_file_is_large()
    read = scored(system(MONTHLY), file)
    assert values(read, "g") == values(small, "g")
    assert len(values(small, "g")) == 72
    assert values(scored(system(MONTHLY), file, period="2023-06"), "g") == {
        (who, "2023-06"): 2029.0 for who in "甲乙丙"
    }


COUNTY = """
system: c
period: year
entities: {title: 单位}
measures: {v: {title: GDP, unit: 亿元}}
indicators: {g: {kind: level, of: v}}
"""


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("城市,区县", ["嘉兴市,南湖区", "嘉兴市,秀洲区", "湖州市,吴兴区"]),
        ("区县,城市", ["南湖区,嘉兴市", "秀洲区,嘉兴市", "吴兴区,湖州市"]),
        ("city,county", ["嘉兴市,南湖区", "湖州市,秀洲区", "衢州市,吴兴区"]),
        ("省份,城市,区县", ["浙江省,嘉兴市,南湖区", "浙江省,嘉兴市,秀洲区", "浙江省,湖州市,吴兴区"]),
        ("区域,地区", ["嘉兴市,南湖区", "嘉兴市,秀洲区", "湖州市,吴兴区"]),
    ],
)
@pytest.mark.parametrize("shape", ["wide", "long"])
def test_of_a_city_and_a_county_the_county_is_meant(tmp_path, header, rows, shape):
    file = tmp_path / "d.csv"
    head, cell = ("GDP", "") if shape == "wide" else ("指标,数值", "GDP,")
    file.write_text(
        "\n".join([f"年份,{header},{head}", *(f"2023,{row},{cell}{at}" for at, row in enumerate(rows))]), "utf-8"
    )
    card = scored(system(COUNTY), file)
    assert values(card, "g") == {("南湖区", "2023"): 0.0, ("秀洲区", "2023"): 1.0, ("吴兴区", "2023"): 2.0}
    result = [(item.code, item.severity) for item in card.findings_list if "省份" not in (item.place.field or "")]
    assert result == [("K538", Severity.INFO)]


def test_which_column_names_the_units_is_asked_where_it_cannot_be_told_and_can_be_said(tmp_path):
    file = tmp_path / "d.csv"
    file.write_text("年份,地区,责任单位,GDP\n2023,甲县,发改局,5\n", "utf-8")
    assert codes(scored(system(COUNTY), file)) == ["K210"]
    file.write_text("年份,城市,区县,GDP\n2023,嘉兴市,南湖区,5\n", "utf-8")
    declared = COUNTY + "datasets: {d: {form: panel, columns: {entity: 城市}}}\n"
    assert values(scored(system(declared), file), "g") == {("嘉兴市", "2023"): 5.0}


def test_events_are_dated_by_their_date_and_about_the_finer_place(tmp_path):
    text = """
system: e
period: month
entities: {title: 单位}
datasets: {ev: {form: records}}
measures: {c: {kind: count, from: ev, unit: 件}}
indicators: {i: {kind: level, of: c}}
"""
    file = tmp_path / "ev.csv"
    file.write_text("年份,日期,城市,区县\n2024,2024-01-05,嘉兴市,南湖区\n2024,2024-02-05,嘉兴市,南湖区\n", "utf-8")
    card = scored(system(text), file)
    assert values(card, "i") == {("南湖区", "2024-01"): 1.0, ("南湖区", "2024-02"): 1.0}
    assert codes(card) == ["K538", "K538"]


# ---- WHERE A FILE BELONGS ---- #

PLACED = """
system: r18
period: month
entities: {{title: 县}}
datasets: {{{datasets}}}
measures: {{cc: {{kind: count, from: ev, unit: 件}}, cases: {{title: 办件量, unit: 件, from: rep}}}}
indicators: {{rate: {{kind: ratio, numerator: cc, denominator: cases, unit: '‰'}}}}
"""
FORMS = ["ev: {form: records}", "rep: {form: panel}"]


@pytest.mark.parametrize("order", [FORMS, FORMS[::-1]])
def test_a_file_goes_where_it_fits_best_in_any_order(tmp_path, order):
    (tmp_path / "ev.csv").write_text("日期,地区\n2024-01-05,甲县\n", "utf-8")
    (tmp_path / "rep.csv").write_text("期别,地区,办件量\n2024-01,甲县,100\n2024-01,乙县,100\n", "utf-8")
    given = system(PLACED.format(datasets=", ".join(order)))
    assert values(scored(given, tmp_path / "ev.csv", tmp_path / "rep.csv"), "rate")["甲县", "2024-01"] == 10.0


def test_a_file_that_fits_two_is_not_read_but_named(tmp_path):
    text = """
system: t
period: month
entities: {title: 县}
datasets: {b: {form: records}, a: {form: records}}
measures: {x: {kind: count, from: a, unit: 件}, y: {kind: count, from: b, unit: 件}}
indicators: {i: {kind: level, of: x}, j: {kind: level, of: y}}
"""
    file = tmp_path / "ev.csv"
    file.write_text("日期,地区\n2024-01-05,甲县\n", "utf-8")
    with pytest.raises(DataError) as caught:
        scored(system(text), file)
    (finding,) = caught.value.diagnostics
    assert finding.code == "K535"
    assert "`a` and `b`" in finding.message
    assert values(kpi.score([], data={"b": [file]}, system=system(text)), "j") == {("甲县", "2024-01"): 1.0}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("地区,指标,1月,2月\n甲县,GDP,80,90\n", "periods"),
        ("期别,指标,甲县,乙县,东湖,西湖,南湖\n2023,GDP,80,90,1,2,3\n", "units"),
    ],
)
def test_periods_or_units_in_the_header_are_named_with_what_to_do(tmp_path, text, what):
    file = tmp_path / "d.csv"
    file.write_text(text, "utf-8")
    with pytest.raises(DataError) as caught:
        scored(system(COUNTY), file)
    (finding,) = caught.value.diagnostics
    assert (finding.code, finding.message.split()[0]) == ("K536", what)
    assert "逆透视列" in finding.hint


# ---- CONDITIONS AND FURTHER FIGURES ---- #


@pytest.mark.parametrize("shape", ["wide", "long"])
@pytest.mark.parametrize("size", ["small", "large"])
def test_the_condition_of_a_measure_reads_the_columns_of_the_file(tmp_path, every_file_is_large, shape, size):
    if size == "large":
        every_file_is_large()
    text = """
system: r02
period: year
entities: {title: 县区}
measures: {un: {title: 失业率, unit: '%', where: "性别 = 'T'"}, all: {title: 人口, unit: 万人}}
indicators: {u: {kind: level, of: un}, p: {kind: level, of: all}}
"""
    years = range(2004, 2024)
    wide = [
        f"{who},{year},{sex},{at + year - 2000}"
        for year in years
        for at, who in enumerate(("甲县", "乙县"))
        for sex in "TF"
    ]
    head = "地区,年份,性别,失业率（%）"
    if shape == "long":
        wide = [row.rpartition(",")[0] + ",失业率," + row.rpartition(",")[2] for row in wide]
        head = "地区,年份,性别,指标,数值"
    file = tmp_path / "d.csv"
    file.write_text("\n".join([head, *wide, ""]), "utf-8")
    card = scored(system(text), file)
    assert values(card, "u") == {
        (who, str(year)): year - 2000 + at for year in years for at, who in enumerate(("甲县", "乙县"))
    }
    # 人口 is a measure of the system that the file does not have.
    assert {item.code for item in card.findings_list if item.severity is not Severity.INFO} == {"K555"}


EXTRA = """
system: r16
period: year
entities: {title: 县}
measures: {v: {title: GDP, unit: 亿元}, r: {title: 财政收入, unit: 亿元}}
indicators: {x: {kind: level, of: v}, y: {kind: level, of: r}}
"""


@pytest.mark.parametrize("size", ["small", "large"])
def test_figures_that_the_system_does_not_use_are_a_note(tmp_path, every_file_is_large, size):
    if size == "large":
        every_file_is_large()
    years = range(1990, 2024)
    rows = [
        f"{year},{who},{what},{year}"
        for year in years for who in ("甲县", "乙县") for what in ("GDP(亿元)", "财政收入(万元)", "人口(万人)", "面积")
    ]  # fmt: skip
    file = tmp_path / "long.csv"
    file.write_text("\n".join(["年份,地区,指标,数值", *rows, ""]), "utf-8")
    card = scored(system(EXTRA), file)
    assert values(card, "x")["甲县", "2023"] == 2023.0
    assert values(card, "y")["甲县", "2023"] == pytest.approx(0.2023)
    assert [(item.code, item.severity) for item in card.findings_list] == [("K537", Severity.INFO)]
    assert "136 rows of 2 figures" in card.findings_list[0].message
    assert (card.counts["read"], card.counts["used"], card.counts["left_out"]) == (272, 136, 136)


def findings(card):
    """The findings but those about measures of the system that the small files of these tests do not have."""
    return [(item.code, item.severity, item.hint) for item in card.findings_list if item.code != "K555"]


def test_a_text_like_a_measure_without_rows_is_misspelt_and_no_other_figure_is_suggested(tmp_path):
    file = tmp_path / "long.csv"
    file.write_text("年份,地区,指标,数值\n2023,甲县,GDP,50\n2023,甲县,财政收人,6\n", "utf-8")
    card = scored(system(EXTRA), file)
    assert [(item.code, item.severity, item.hint) for item in card.findings_list] == [
        ("K601", Severity.ERROR, "did you mean `财政收入`?")
    ]
    file.write_text("年份,地区,指标,数值\n2023,甲县,财政收入,50\n2023,甲县,财政收出,6\n", "utf-8")
    card = scored(system(EXTRA), file)
    assert findings(card) == [("K537", Severity.WARNING, None)]
    assert "`财政收入`, misspelt?" in next(item.message for item in card.findings_list if item.code == "K537")
    assert card.counts["left_out"] == 1


def test_a_column_that_is_read_is_not_suggested_for_another(tmp_path):
    file = tmp_path / "wide.csv"
    file.write_text("年份,地区,财政收入,财政收出\n2023,甲县,50,6\n", "utf-8")
    card = scored(system(EXTRA), file)
    assert findings(card) == [("K528", Severity.INFO, None)]


def test_a_file_without_any_known_figure_is_an_error(tmp_path):
    file = tmp_path / "long.csv"
    file.write_text("年份,地区,指标,数值\n2023,甲县,人口,50\n", "utf-8")
    with pytest.raises(DataError, match="K601"):
        scored(system(EXTRA), file)


# ---- LONG CELLS ---- #


@pytest.mark.parametrize("length", [200_000, 2_000_000])
@pytest.mark.parametrize("form", ["csv", "breaks", "jsonl", "json by content"])
def test_a_quoted_cell_of_any_length_is_read(tmp_path, form, length):
    limit = csv.field_size_limit()
    cell = "长\n" * 10 + "长" * length if form == "breaks" else "长" * length
    rows = [
        {"年份": "2023", "地区": who, "指标": "GDP", "数值": "5", "备注": note}
        for who, note in (("甲县", cell), ("乙县", ""))
    ]
    file = tmp_path / ("d.jsonl" if form == "jsonl" else "d.csv")
    with file.open("w", encoding="utf-8", newline="") as stream:
        if form.startswith("json"):
            stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        else:
            writer = csv.DictWriter(stream, rows[0], quoting=csv.QUOTE_ALL)
            writer.writeheader()
            writer.writerows(rows)
    card = scored(system(EXTRA), file)
    assert values(card, "x") == {("甲县", "2023"): 5.0, ("乙县", "2023"): 5.0}
    assert csv.field_size_limit() == limit
    assert length < delimited.LONGEST


# ---- FORMATS ---- #


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.xls", "<html><table><tr><td>期别</td></tr></table></html>".encode("gb18030")),
        ("b.xls", b'<?xml version="1.0"?><Report xmlns="urn:example:report"/>'),
        ("c.json", '{"期别": "2023", "数值": {"GDP": 5}}'.encode()),
        ("d.pdf", b"%PDF-1.7\n%" + bytes(range(128, 200)) * 9),
    ],
)
def test_a_format_that_cannot_be_read_is_refused_with_a_way_out(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        scored(system(EXTRA), tmp_path / name)
    (finding,) = caught.value.diagnostics
    assert finding.code == "K503"
    assert finding.hint


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.xls", "年份\t地区\tGDP\n2023\t甲县\t5\n".encode("utf-16")),
        ("b.xls", "年份\t地区\tGDP\n2023\t甲县\t5\n".encode("gb18030")),
        ("c.csv", "年份|地区|GDP\n2023|甲县|5\n".encode()),
        ("d.csv", "sep=;\n年份;地区;GDP\n2023;甲县;5\n".encode()),
        ("e.json", '{"年份": "2023", "地区": "甲县", "GDP": 5}\n'.encode()),
    ],
)
def test_text_is_read_whatever_it_is_called(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert values(scored(system(EXTRA), tmp_path / name), "x") == {("甲县", "2023"): 5.0}
