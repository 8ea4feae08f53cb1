"""Where tables start and end on a sheet."""

from __future__ import annotations

import pytest

from kpi.errors import DataError, Place
from kpi.intake.files.table_layout import find_layout, trailing_notes

DATA = [["南湖区", "12", "3"], ["秀洲区", "5", "6"]]


def layout(*rows, merged=()):
    return find_layout([*rows, *DATA], Place("a.xlsx"), merged)


def test_a_plain_header():
    result = layout(["地区", "GDP", "人口"])
    assert (result.header, result.body, result.columns, result.unit, result.titles, result.notes) == (
        0, 1, ("地区", "GDP", "人口"), None, (), (),
    )  # fmt: skip


def test_rows_above_the_header_are_titles_and_the_unit():
    result = layout(
        ["2024年一季度主要指标", None, None],
        [None, None, None],
        ["填报单位：市统计局", None, "单位：万元"],
        ["地区", "GDP", "人口"],
    )
    assert (result.header, result.body, result.unit) == (3, 4, "万元")
    assert result.titles == ("2024年一季度主要指标", "填报单位:市统计局", "单位:万元")
    assert [item.code for item in result.notes] == ["K521"]


@pytest.mark.parametrize(
    "text", ["单位：万元", "计量单位：万元", "（单位：万元）", "填报单位：市统计局 单位：万元", "单位: 万元"]
)
def test_forms_of_the_unit_row(text):
    assert layout([text, None, None], ["地区", "GDP", "人口"]).unit == "万元"


def test_a_thin_row_above_a_wide_header_is_a_title():
    rows = [
        ["附件1", None, None, None, "2024年3月"],
        ["地区", "甲类", "乙类", "丙类", "丁类"],
        ["南湖区", "1", "2", "3", "4"],
    ]
    assert find_layout(rows, Place("a.xlsx")).header == 1
    # Rows wider than the header leave it the header: they are ragged.
    rows = [["地区", "GDP"], ["南湖区", "1", "2", "3", "4"]]
    assert find_layout(rows, Place("a.xlsx")).columns == ("地区", "GDP")


def test_who_reports_is_not_a_unit():
    assert layout(["填报单位：市统计局", None, None], ["地区", "GDP", "人口"]).unit is None


def test_several_units_are_none_with_a_warning():
    result = layout(["单位：万元、人", None, None], ["地区", "GDP", "人口"])
    assert result.unit is None
    assert [item.code for item in result.notes] == ["K521", "K523"]


def test_merged_ranges_make_a_header_of_three_rows():
    result = layout(
        ["标题", None, None, None, None],
        ["地区", "财政收入", None, None, "人口"],
        [None, "总量", None, "增速", None],
        [None, "本月", "累计", None, None],
        merged=[(0, 0, 0, 4), (1, 0, 3, 0), (1, 1, 1, 3), (2, 1, 2, 2), (2, 3, 3, 3), (1, 4, 3, 4)],
    )
    assert result.columns == ("地区", "财政收入_总量_本月", "财政收入_总量_累计", "财政收入_增速", "人口")
    assert (result.header, result.body) == (1, 4)


def test_without_merged_ranges_the_blank_first_cell_tells():
    result = layout(["地区", "GDP", None, "人口"], [None, "总量", "增速", None])
    assert result.columns == ("地区", "GDP_总量", "GDP_增速", "人口")
    assert [item.code for item in result.notes] == ["K525"]


def test_a_row_of_units_below_the_header_joins_it():
    assert layout(["地区", "GDP", "人口"], [None, "亿元", "万人"]).columns == ("地区", "GDP_亿元", "人口_万人")


def test_data_with_a_blank_entity_is_not_a_header():
    result = layout(["地区", "GDP", "人口"], [None, "12", "—"])
    assert (result.columns, result.body) == (("地区", "GDP", "人口"), 1)


def test_text_data_is_not_a_header():
    assert layout(["地区", "负责人", None], ["海宁市", None, "张三"]).body == 1


def test_a_group_over_unnamed_columns_does_not_spill_over_its_neighbours():
    result = layout(["地区", "GDP", None, "人口", None], [None, "总量", "增速", None, None])
    assert result.columns == ("地区", "GDP_总量", "GDP_增速", "人口", "")


def test_a_row_that_numbers_the_columns_is_skipped():
    result = layout(["地区", "GDP", "人口"], ["甲", "1", "2"])
    assert result.body == 2
    assert layout(["地区", "GDP", "人口"], ["甲村", "1", "2"]).body == 1


@pytest.mark.parametrize(
    "header", [["地区", "2022", "2023"], ["地区", "202401", "2024-02"], ["地区", "2023年", "5G基站数"]]
)
def test_years_and_names_with_digits_are_headers(header):
    assert layout(header).columns == tuple(header)


@pytest.mark.parametrize("rows", [[["202401", "南湖区", "12.3"]], [["标题", None], ["南湖区", "1,234"]]])
def test_figures_are_no_header(rows):
    with pytest.raises(DataError) as caught:
        find_layout(rows, Place("a.csv"))
    (finding,) = caught.value.diagnostics
    assert (finding.code, finding.place.row) == ("K504", len(rows))


def test_nothing_is_no_header():
    with pytest.raises(DataError, match="K504"):
        find_layout([[None], []], Place("a.csv"))


def test_headers_that_occur_again_are_numbered():
    result = layout(["GDP", "人口", "GDP ", "人口"])
    assert result.columns == ("GDP", "人口", "GDP#2", "人口#2")
    assert result.repeats == {"GDP": ("GDP#2",), "人口": ("人口#2",)}


@pytest.mark.parametrize(
    ("rows", "dropped"),
    [
        (DATA, 0),
        ([*DATA, ["注：初步数。", None, None]], 1),
        ([*DATA, [None, None, None], ["注1：初步数。", None, None], ["2.含开发区", None, None], [None, None, None]], 4),
        ([*DATA, ["资料来源：市统计局", "", ""]], 1),
        ([*DATA, ["备注", None, None]], 1),
        ([*DATA, ["填报人：张三", None, "审核人：李四"], ["联系电话：123", None, None]], 2),
        ([*DATA, [None, None, None]], 1),
        ([*DATA, ["合计", "17", "9"]], 0),
        ([*DATA, ["海宁市", None, None]], 0),
        ([*DATA, ["注册企业", "1", "2"]], 0),
        ([["注：初步数。", None, None], *DATA], 0),
        ([], 0),
    ],
)
def test_notes_below_the_data(rows, dropped):
    assert trailing_notes(rows) == dropped


def test_rows_of_words_among_data_above_a_blank_row_are_no_header():
    rows = [
        ["地区", "甲", "乙"],
        ["南湖区", "1", "2"],
        [None, "—", "x"],
        ["注", "y", "z"],
        [None] * 3,
        ["秀洲区", "1", "2"],
    ]
    assert find_layout(rows, Place("a.csv")).header == 0
