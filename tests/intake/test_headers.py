"""Headers: which column plays which role, and the units written in them."""

from __future__ import annotations

import pytest

from kpi.errors import Severity
from kpi.intake.files.headers import clean, distinct, role, roles, split_unit

ROLES = {
    "period": "期别 时期 统计期 期间 年月 月份 季度 年份 日期 period Date QUARTER month year",
    "entity": "地区 县市区 县(市、区) 县（市、区） 区县 镇街 单位名称 评价对象 部门 企业 机构"
    " entity unit_name region county town department",
    "code": "行政区划代码 代码 code",
    "measure": "指标 指标名称 指标代码 基础数据 项目 measure indicator variable",
    "value": "数值 本期值 数据 完成值 实际值 value 数值(万元)",
    "unit": "计量单位 unit",
    "target": "目标值 计划 target",
    "revision": "修订 版本 revision",
    "note": "说明 备注 原因 note 备注：",
    "cohort": "分组 组别 cohort group",
    "order": "序号 order",
}


@pytest.mark.parametrize(
    ("expected", "header"), [(key, word) for key, words in ROLES.items() for word in words.split()]
)
def test_headers_name_roles(expected, header):
    assert role(header) == expected


def test_blanks_and_case_do_not_matter():
    assert [role(header) for header in (" 数 值 ", "Unit  Name", "UNIT_NAME", "行政区划\n代码")] == [
        "value",
        "entity",
        "entity",
        "code",
    ]


@pytest.mark.parametrize("header", ["GDP", "单位", "", "地区生产总值", "数值化率", "*", "^a$"])
def test_other_headers_name_none(header):
    assert role(header) is None


@pytest.mark.parametrize(
    ("headers", "meant"),
    [
        (["期别", "地区", "指标", "数值", "单位"], "unit"),
        (["期别", "单位", "指标", "数值", "计量单位"], "entity"),
        (["期别", "代码", "指标", "数值", "单位"], "unit"),
        (["期别", "单位名称", "单位", "数值"], "unit"),
    ],
)
def test_the_other_columns_say_what_the_ambiguous_header_means(headers, meant):
    result, findings = roles(headers)
    assert result[meant] == "单位"
    assert findings == ()


def test_the_ambiguous_header_with_nothing_to_go_by_is_who_reports_and_says_so():
    result, (finding,) = roles(["期别", "单位", "指标", "数值"])
    assert result["entity"] == "单位"
    assert "unit" not in result
    assert (finding.code, finding.severity) == ("K210", Severity.WARNING)


def test_two_headers_for_one_role_are_reported():
    result, (finding,) = roles(["期别", "日期", "地区", "数值"])
    assert result["period"] == "期别"
    assert "`期别`" in finding.message
    assert "`日期`" in finding.message


def test_a_measure_name_is_preferred_to_its_code():
    for headers in (["指标代码", "指标名称"], ["指标名称", "指标代码"]):
        assert roles(headers) == ({"measure": "指标名称"}, ())


@pytest.mark.parametrize(
    "header",
    [
        "GDP（亿元）",
        "GDP(亿元)",
        "GDP 单位：亿元",
        "GDP（单位：亿元）",
        "GDP[亿元]",
        "ＧＤＰ（亿元）",
        "GDP【亿元】",
        "GDP\n(亿元)",
    ],
)
def test_a_unit_in_a_header_is_split_off(header):
    assert split_unit(header) == ("GDP", "亿元")
    assert split_unit(header, {"亿元"}.__contains__) == ("GDP", "亿元")


def test_parts_are_units_only_where_a_registry_says_so():
    known = {"亿元", "元/人", "%"}.__contains__
    assert split_unit("GDP/亿元", known) == ("GDP", "亿元")
    assert split_unit("人均收入/元/人", known) == ("人均收入", "元/人")
    assert split_unit("GDP_亿元", known) == ("GDP", "亿元")
    assert split_unit("财政_收入_亿元", known) == ("财政_收入", "亿元")
    assert split_unit("收入/支出", known) == ("收入/支出", None)
    assert split_unit("GDP/亿元") == ("GDP/亿元", None)


@pytest.mark.parametrize("header", ["县（市、区）", "乡镇(街道)", "增加值(规上)", "GDP", "R&D(全社会)", "(亿元)"])
def test_a_bracket_that_is_no_unit_stays(header):
    assert split_unit(header) == (clean(header), None)


def test_cleaning_is_stable():
    for header in (" 数字经济\r\n核心 产业（%）", "unit \n name", "\ufeff期别", "GDP 总量"):
        assert clean(clean(header)) == clean(header)
    assert clean("unit \n name") == "unit name"
    assert clean("\ufeff期 别\n") == "期别"


def test_headers_that_repeat_others_get_a_number_that_no_other_has():
    names, repeats = distinct(["", "a", "", "b", "b", "a", "b", "b#2"])
    assert names == ("", "a", "", "b", "b#3", "a#2", "b#4", "b#2")
    assert repeats == {"b": ("b#3", "b#4"), "a": ("a#2",)}
