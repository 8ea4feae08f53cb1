"""The unit in the lines around a table: taken wherever it is stated, and reported where it is not."""

from __future__ import annotations

import openpyxl
import polars as pl
import pytest

import kpi

SYSTEM = """\
system: units
period: year
entities: {title: 县}
measures: {gdp: {title: GDP, unit: 亿元}}
indicators: {a: {kind: level, of: gdp, score: {kind: minmax}}}
pillars: {甲: {weight: 100, parts: {a: 1}}}
"""
HEADER, ROWS = ("年份", "地区", "GDP"), ((2023, "甲县", 12000), (2023, "乙县", 36000))


def written(folder, rows, kind):
    path = folder / f"figures.{kind}"
    if kind == "csv":
        texts = [",".join(f'"{cell}"' if "," in str(cell) else str(cell) for cell in row) for row in rows]
        path.write_text("\n".join(texts) + "\n", "utf-8")
    else:
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.save(path)
    return path


def scored(path):
    return kpi.score(path, system=kpi.load(SYSTEM))


def figure(card, entity="甲县"):
    return card.measures.filter(pl.col("entity") == entity)["value"].item()


def codes(card):
    return {finding.code for finding in card.findings_list}


LINES = [
    "单位：万元",
    "单  位：万元",
    "单位 万元",
    "（万元）",
    "【单位：万元】",
    "单位∶万元",
    "單位：萬元",
    "货币单位：万元",
    "计量单位为万元",
    "本表单位为万元",
    "以万元计",
    "以万元为单位",
    "注：单位为万元",
    "Unit: 10,000 yuan",
    "Unit:万元",
    "单位：万元（10 000 yuan）",
    "单位：万元 按当年价格计算",
    "2023年各县GDP（万元）",
    "指标：GDP(万元)",
    "表1 各县GDP（单位：万元）",
    "单位:万元(现价)",
]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("line", LINES)
def test_a_unit_above_the_table_counts(tmp_path, line, kind):
    card = scored(written(tmp_path, [(line, "", ""), HEADER, *ROWS], kind))
    assert figure(card) == pytest.approx(1.2)
    assert "K523" not in codes(card)


@pytest.mark.parametrize(
    "line",
    ["单位：个、万元", "单位：万元；人", "Unit: ten thousand heads", "单位：万元和人"],
)
def test_units_of_which_none_is_taken_are_reported(tmp_path, line):
    card = scored(written(tmp_path, [(line, "", ""), HEADER, *ROWS], "csv"))
    assert figure(card) == 12000
    assert "K523" in codes(card)


@pytest.mark.parametrize(
    "line", ["各县（市、区）主要指标", "2023年", "单位：", "（2023年）", "各县情况（一）", "填报单位 统计局"]
)
def test_lines_that_name_no_unit(tmp_path, line):
    card = scored(written(tmp_path, [(line, "", ""), HEADER, *ROWS], "csv"))
    assert figure(card) == 12000
    assert "K523" not in codes(card)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("line", ["单位：万元", "注：GDP 单位为万元。"])
def test_a_unit_below_the_table_is_reported(tmp_path, line, kind):
    card = scored(written(tmp_path, [HEADER, *ROWS, (line, "", "")], kind))
    assert figure(card) == 12000
    assert "K523" in codes(card)


def test_a_unit_repeated_below_the_table_is_none_of_its_own(tmp_path):
    card = scored(written(tmp_path, [("单位：万元", "", ""), HEADER, *ROWS, ("注：单位为万元", "", "")], "csv"))
    assert figure(card) == pytest.approx(1.2)
    assert "K523" not in codes(card)


def test_a_unit_in_the_heading_of_the_measures(tmp_path):
    rows = [("年份", "地区", "指标(万元)", "数值"), (2023, "甲县", "GDP", 12000), (2023, "乙县", "GDP", 36000)]
    assert figure(scored(written(tmp_path, rows, "csv"))) == pytest.approx(1.2)


def test_another_unit_among_the_rows_is_refused(tmp_path):
    rows = [("地区", "GDP"), ("甲县", 12), ("单位：万元", ""), ("乙县", 36000)]
    with pytest.raises(kpi.DataError, match="K563"):
        scored(written(tmp_path, [("2023年GDP", ""), *rows], "xlsx"))


def test_a_second_table_in_another_unit_is_refused(tmp_path):
    first = [("表1 2022年GDP（亿元）", ""), ("地区", "GDP"), ("甲县", 10), ("乙县", 20)]
    second = [("表2 2023年GDP（万元）", ""), ("地区", "GDP"), ("甲县", 110000), ("乙县", 210000)]
    with pytest.raises(kpi.DataError, match="K563"):
        scored(written(tmp_path, [*first, *second], "xlsx"))


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("100 million yuan", 1), ("million yuan", 0.01), ("RMB 100 million", 1), ("billion yuan", 10),
        ("CNY million", 0.01), ("10,000 yuan", 1e-4), ("ten thousand yuan", 1e-4), ("yuan", 1e-8),
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["heading", "row of units", "column", "name", "comma"])
def test_english_units_are_read_wherever_a_unit_stands(tmp_path, unit, factor, where):
    if where == "comma" and "," in unit:
        pytest.skip("a comma parts name and unit")
    texts = {
        "heading": f'Year,County,"GDP ({unit})"\n2023,A,200\n2023,B,300\n',
        "comma": f'Year,County,"GDP, {unit}"\n2023,A,200\n2023,B,300\n',
        "row of units": f'Year,County,GDP\n,,"{unit}"\n2023,A,200\n2023,B,300\n',
        "column": f'Year,County,Indicator,Unit,Value\n2023,A,GDP,"{unit}",200\n2023,B,GDP,"{unit}",300\n',
        "name": f'Year,County,Indicator,Value\n2023,A,"GDP ({unit})",200\n2023,B,"GDP ({unit})",300\n',
    }
    (tmp_path / "d.csv").write_text(texts[where], "utf-8")
    card = kpi.score(tmp_path / "d.csv", system=kpi.load(ENGLISH))
    values = card.measures.filter(pl.col("measure") == "gdp")["value"].to_list()
    assert values == pytest.approx([200 * factor, 300 * factor])


ENGLISH = """
system: s
period: year
entities: {title: County}
measures: {gdp: {title: GDP, unit: 亿元}}
indicators: {i: {kind: level, of: gdp}}
"""


@pytest.mark.parametrize("unit", ["thousands", "million", "heads", "million heads"])
def test_english_units_that_say_too_little_are_reported(tmp_path, unit):
    (tmp_path / "d.csv").write_text(f"Year,County,GDP ({unit})\n2023,A,200\n2023,B,300\n", "utf-8")
    with pytest.raises(kpi.DataError) as error:
        kpi.score(tmp_path / "d.csv", system=kpi.load(ENGLISH))
    assert unit in str(error.value.diagnostics[0].hint)
