"""Forms as offices fill them in: titles, units, remarks and signatures around a table are neither units nor errors."""

from __future__ import annotations

import polars as pl
import pytest

import kpi
from kpi.intake.panel import take_in

SYSTEM = """\
system: t
period: year
entities: {title: 县}
measures: {a: {title: 办件量, unit: 件}}
indicators: {x: {kind: level, of: a}}
"""
HEADER, ROWS = ["年份", "地区", "办件量"], [["2022", "甲县", "1"], ["2022", "乙县", "2"], ["2022", "丙县", "3"]]


def written(path, lines):
    width = max(map(len, lines))
    lines = [[*line, *[""] * (width - len(line))] for line in lines]
    if path.suffix == ".csv":
        path.write_text("".join(",".join(line) + "\n" for line in lines), "utf-8")
    else:
        frame = pl.DataFrame(lines, schema=[str(at) for at in range(width)], orient="row")
        frame.with_columns(pl.all().replace("", None)).write_excel(path, include_header=False, autofit=False)
    return path


def scored(path, lines, text=SYSTEM):
    card = kpi.score(written(path, lines), system=text)
    return card, [(item.code, str(item.severity)) for item in card.findings_list]


def counts(path, text=SYSTEM):
    created = take_in(kpi.load(text), [path]).counts
    return created.used, created.refused


@pytest.fixture(params=["csv", "xlsx"])
def path(request, tmp_path):
    return tmp_path / f"d.{request.param}"


@pytest.mark.parametrize(
    "line",
    [
        ["填表人：张三", "审核人：李四", "2024年1月5日"],
        ["单位负责人：王五", "填表人：张三", "联系电话：0573-1234"],
        ["填报日期：2024-01-05", "", "审核：李四"],
    ],
)
def test_a_signature_over_several_cells_is_read_as_no_row(path, line):
    card, findings = scored(path, [HEADER, *ROWS, line])
    assert findings == [("K522", "info")]
    assert card.entities["entity"].to_list() == ["丙县", "乙县", "甲县"]
    assert counts(path) == (3, 0)


def test_a_row_with_a_figure_is_no_signature(path):
    _, findings = scored(path, [HEADER, *ROWS, ["填表人：张三", "甲县", "5"]])
    assert ("K606", "error") in findings


def test_a_title_and_its_unit_in_one_row_are_no_column_names(path):
    _, findings = scored(path, [["各县情况", "单位：件"], HEADER, *ROWS])
    assert findings == [("K521", "info")]
    assert counts(path) == (3, 0)


@pytest.mark.parametrize(
    "remark", ["备注：初步数", "注：含开发区", "资料来源：统计局", "审核人：李四", "Note: preliminary"]
)
def test_a_remark_with_a_period_is_no_unit(path, remark):
    card, findings = scored(path, [HEADER, *ROWS[:2], ["2022", remark, ""], *ROWS[2:]])
    assert findings == [("K612", "info")]
    assert card.entities["entity"].to_list() == ["丙县", "乙县", "甲县"]


@pytest.mark.parametrize("names", [["累计"], ["累计", "县区数"], ["累计", "县区数", "县域"]])
def test_totals_under_unknown_names_do_not_hide_each_other(path, names):
    card, findings = scored(path, [HEADER, *ROWS, *(["2022", name, "6"] for name in names)])
    assert findings == [("K613", "warning")] * len(names)
    assert {item.place.entity for item in card.findings_list} == set(names)


def test_equal_units_are_no_totals(path):
    _, findings = scored(path, [HEADER, *(["2022", f"{name}县", "5"] for name in "甲乙丙丁戊")])
    assert findings == []


def test_a_bad_row_of_several_figures_is_one_finding_that_counts_for_all(tmp_path):
    text = SYSTEM.replace("unit: 件}", "unit: 件}, g: {title: 总值, unit: 亿元}").replace(
        "of: a}", "of: a}, y: {kind: level, of: g}"
    )
    lines = [[*HEADER, "总值"], ["2022", "甲县", "1", "5"], ["2022", "", "3", "6"], ["20x2", "丙县", "3", "6"]]
    card, findings = scored(tmp_path / "d.csv", lines, text)
    assert findings == [("K602", "error"), ("K606", "error")]
    assert [item.stands_for for item in card.findings_list] == [2, 2]
    assert counts(tmp_path / "d.csv", text) == (2, 4)


@pytest.mark.parametrize(
    ("rows", "totals"),
    [
        ([["2022", "丁县", "未报"], ["2022", "某片", "6"]], ["某片"]),
        ([["2022", "丁县", ""], ["2022", "某片", "6"], ["2022", "各地", "6"]], ["某片", "各地"]),
        ([["2022", "丁县", "未报"], ["2022", "某片", "7"]], []),
        ([["2022", "丁县", "未报"], ["2022", "某片", "6"], ["2023", "甲县", "2"], ["2023", "某片", "3"]], []),
    ],
    ids=["one lacks", "two totals", "another figure", "not in every period"],
)
def test_a_total_under_another_name_is_reported_where_a_unit_lacks_its_figure(path, rows, totals):
    _, findings = scored(path, [HEADER, *ROWS, *rows])
    assert [item for item in findings if item[0] == "K613"] == [("K613", "warning")] * len(totals)
