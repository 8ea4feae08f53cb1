"""A title, sheet or file of a part of a year over figures that are read as those of the year is a warning."""

from __future__ import annotations

import openpyxl
import pytest

import kpi

SYSTEM = """\
system: parts
period: year
entities: {title: 县}
measures: {gdp: {title: GDP, unit: 亿元}}
indicators: {a: {kind: level, of: gdp, score: {kind: minmax}}}
pillars: {甲: {weight: 100, parts: {a: 1}}}
"""


def codes(folder, titles=(), *, sheet="S", file="a.xlsx", years=True):
    book = openpyxl.Workbook()
    book.active.title = sheet
    for title in titles:
        book.active.append([title])
    book.active.append(["年份", "地区", "GDP"] if years else ["地区", "GDP"])
    for name in ("甲县", "乙县"):
        book.active.append([2023, name, 12] if years else [name, 12])
    book.save(folder / file)
    return [finding.code for finding in kpi.score(folder / file, system=kpi.load(SYSTEM)).findings_list]


@pytest.mark.parametrize("part", ["1-9月", "1至9月", "1—9月", "上半年", "前三季度", "第三季度", "3月份", "三季度"])
def test_a_part_in_the_title(tmp_path, part):
    assert "K671" in codes(tmp_path, [f"2023年各县主要指标（{part}）"], years=False)
    assert "K671" in codes(tmp_path, ["各县主要指标", part])


def test_a_part_in_the_name_of_the_sheet_or_the_file(tmp_path):
    assert "K671" in codes(tmp_path, sheet="1-9月")
    assert "K671" in codes(tmp_path, file="1月.xlsx")


@pytest.mark.parametrize(
    "title",
    [
        "2023年各县主要指标",
        "2023年1-12月各县主要指标",
        "2023年12月末各县主要指标",
        "各县主要指标（2024年1月编）",
        "2023年9月30日填报",
        "1-6月与1-9月对比",
        "第9届各县主要指标",
    ],
)
def test_titles_of_no_part_of_the_year(tmp_path, title):
    assert "K671" not in codes(tmp_path, [title])
