"""A number of things below zero is scored as it is and reported, whatever form it came in."""

from __future__ import annotations

import polars as pl
import pytest

import kpi
from kpi.errors import Severity

SYSTEM = """\
system: counted
period: year
entities: {{title: 县}}
{datasets}measures:
  a: {{{measure}}}
indicators: {{x: {{kind: level, of: a, target: {{at_most: 10}}, score: {{kind: pass}}}}}}
pillars: {{甲: {{weight: 100, parts: {{x: 1}}}}}}
"""
WIDE = pl.DataFrame({"县": ["甲县", "乙县"], "年份": [2024, 2024], "投诉": [-60, 5]})
LONG = pl.DataFrame({"县": ["甲县", "乙县"], "年份": [2024, 2024], "指标": ["投诉", "投诉"], "数值": ["-60", "5"]})
EVENTS = pl.DataFrame({"县": ["甲县", "甲县", "乙县"], "日期": ["2024-03-01"] * 3, "数量": [-70, 10, 5]})


RECORDS = "datasets: {cases: {form: records, columns: {period: 日期, entity: 县}}}\n"


def findings(measure, data, datasets="", **options):
    card = kpi.score(data, system=kpi.load(SYSTEM.format(measure=measure, datasets=datasets)), **options)
    return [
        (finding.place.entity, finding.place.period, str(finding.message))
        for finding in card.findings_list
        if finding.code == "K674" and finding.severity is Severity.WARNING
    ]


@pytest.mark.parametrize("data", [WIDE, LONG], ids=["wide", "long"])
def test_a_reported_count_below_zero(data):
    ((entity, period, message),) = findings("title: 投诉, unit: 件", data)
    assert (entity, period) == ("甲县", "2024")
    assert message == "投诉 is below zero, which a number of things never is: 甲县: -60 件"


def test_many_periods_are_a_few_findings_and_one_about_the_rest():
    data = pl.concat([WIDE.with_columns(年份=pl.lit(year, dtype=pl.Int64)) for year in range(1990, 2022)])
    of_years = findings("title: 投诉, unit: 件", data)
    assert [period for _, period, _ in of_years] == ["1990", "1991", "1992", None]
    assert of_years[-1][2] == "投诉 is below zero in 29 more figures, of 1993 to 2021"
    of_24 = findings("title: 投诉, unit: 件", data.filter(pl.col("年份") < 2014))
    assert [period for _, period, _ in of_24] == [*map(str, range(1990, 2014))]


def test_a_sum_of_events_below_zero():
    ((entity, _, message),) = findings("title: 投诉, kind: sum, of: 数量, unit: 件", EVENTS, RECORDS)
    assert entity == "甲县"
    assert "甲县: -60 件" in message


@pytest.mark.parametrize("unit", ["亩", "公里", "万立方米", "吨", "万人", "人次"])
def test_quantities_that_are_never_below_zero(unit):
    assert len(findings(f"title: 投诉, unit: {unit}", WIDE)) == 1


@pytest.mark.parametrize("unit", ["万元", "%", "百分点", "1", "分"])
def test_quantities_that_may_be_below_zero(unit):
    assert findings(f"title: 投诉, unit: '{unit}'", WIDE) == []


def test_changes_and_balances():
    assert findings("title: 投诉, unit: 件, negative: allow", WIDE) == []
    assert findings("title: 净增户数, unit: 户", WIDE.rename({"投诉": "净增户数"})) == []
    assert (
        findings("title: net change of households, unit: 户", WIDE.rename({"投诉": "net change of households"})) == []
    )


def rates(title, figures, unit="%"):
    names = [f"{number}县" for number in range(1, len(figures) + 1)]
    data = pl.DataFrame({"县": names, "年份": [2024] * len(figures), title: figures})
    return findings(f"title: '{title}', unit: '{unit}'", data)


@pytest.mark.parametrize(
    "title", ["满意率", "合格率（%）", "差错率", "毛入学率", "产能利用率", "参保率", "Satisfaction rate", "Birth rate"]
)
def test_a_part_of_a_whole_below_zero(title):
    ((entity, _, message),) = rates(title, [92.0, -95.0, 93.0, 94.0])
    assert entity == "2县"
    assert message == f"{title} is below zero, which a part of a whole never is: 2县: -95 %"
    assert rates(title, [92.0, 0.0, 93.0, 94.0]) == []
    # If those of other units are, too, the figures are something else.
    assert rates(title, [-92.0, -95.0, 93.0, 94.0]) == []


@pytest.mark.parametrize(
    "title",
    [
        "产值增速", "自然增长率", "利润率", "净资产收益率", "资本回报率", "贡献率", "满意率差异",
        "满意率提升", "利润完成率", "满意率同比变化", "税收降幅",
        "Profit rate", "Growth rate", "Change of the satisfaction rate", "Net return rate",
    ],
)  # fmt: skip
def test_rates_that_may_be_below_zero(title):
    assert rates(title, [2.0, -5.0, 3.0, 4.0]) == []


def test_a_rate_that_is_said_to_be_below_zero():
    data = pl.DataFrame({"县": ["甲县", "乙县", "丙县"], "年份": [2024] * 3, "满意率": [95, -1, 96]})
    assert len(findings("title: 满意率, unit: '%'", data)) == 1
    assert findings("title: 满意率, unit: '%', negative: allow", data) == []


def test_only_the_period_asked_for():
    years = pl.concat([WIDE, WIDE.with_columns(年份=pl.lit(2023, pl.Int64), 投诉=pl.lit(-1, pl.Int64))])
    assert [period for _, period, _ in findings("title: 投诉, unit: 件", years)] == ["2023", "2024"]
    assert [period for _, period, _ in findings("title: 投诉, unit: 件", years, period="2024")] == ["2024"]
