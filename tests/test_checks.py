"""Checks (审核关系): each kind is broken exactly where it should be, a note answers a query, faults are told."""

from __future__ import annotations

import polars as pl
import pytest

import kpi
from kpi.errors import Severity
from kpi.language.loading.loader import examine
from kpi.language.system import System

MEASURES = {
    "gdp": {"title": "生产总值", "unit": "亿元"},
    "first": {"title": "一产", "unit": "亿元"},
    "rest": {"title": "二三产", "unit": "万元"},
    "ytd": {"title": "累计", "unit": "亿元", "over_time": "last"},
    "then": {"title": "上年同期", "unit": "亿元"},
    "rate": {"title": "上报增速", "unit": "%", "over_time": "last"},
    "power": {"title": "用电量", "unit": "万千瓦时"},
}


def system(**checks):
    return System.model_validate({
        "system": "checked", "period": "quarter", "entities": {}, "measures": MEASURES,
        "indicators": {"size": {"kind": "level", "of": "gdp"}}, "checks": checks,
    })  # fmt: skip


def figures(**columns):
    """Return a wide frame of one entity, one row a quarter from 2022Q1."""
    height = max(map(len, columns.values()))
    periods = [f"{2022 + at // 4}Q{at % 4 + 1}" for at in range(height)]
    return pl.DataFrame({"期别": periods, "地区": ["甲县"] * height, **columns})


def broken(frame, check):
    card = kpi.score(frame, system=system(rule=check))
    return [item.place.period for item in card.findings_list if item.code == "K701"]


QUARTERS = ["2022Q1", "2022Q2", "2022Q3", "2022Q4", "2023Q1", "2023Q2", "2023Q3", "2023Q4"]
STEADY = [10.0, 10.0, 10.0, 10.0, 11.0, 11.0, 11.0, 11.0]


@pytest.mark.parametrize(
    ("columns", "check", "expected"),
    [
        ({"gdp": [10.0, 10.0], "first": [9.0, 11.0]}, {"expr": "first <= gdp"}, ["2022Q2"]),
        ({"gdp": [10.0, None, 0.0]}, {"required": "gdp"}, ["2022Q2"]),
        ({"rate": [0.0, 100.0, 100.1, -0.1]}, {"between": [0, 100], "of": "rate"}, ["2022Q3", "2022Q4"]),
        ({"gdp": [-1.0, 9e9]}, {"between": [0, None], "of": ["gdp"]}, ["2022Q1"]),
        # 万元 beside 亿元: 1 + 90000 万元 = 10 亿元; two parts rounded to 0.01 may be 0.01 off.
        (
            {"gdp": [10.0, 10.009, 10.02, None], "first": [1.0] * 4, "rest": [90000.0] * 4},
            {"parts": ["first", "rest"], "whole": "gdp"}, ["2022Q3"],
        ),
        (
            {"gdp": [10.0, 10.02], "first": [1.0] * 2, "rest": [90000.0] * 2},
            {"parts": ["first", "rest"], "whole": "gdp", "tolerance": 0.05}, [],
        ),
        ({"gdp": [*STEADY[:4], 13.0, 13.1, 7.0, 6.9]}, {"growth_within": 30, "of": "gdp"}, ["2023Q2", "2023Q4"]),
        ({"gdp": [1.0, 1.5, 1.5]}, {"growth_within": 30, "of": "gdp", "over": "1q"}, ["2022Q2"]),
        # The running total starts anew in January.
        (
            {"gdp": [1.0, 2.0, 3.0, 4.0, 5.0], "ytd": [1.0, 3.0, 6.5, 10.5, 5.0]},
            {"cumulative": "ytd", "of": "gdp"}, ["2022Q3"],
        ),
        ({"gdp": STEADY, "then": [None] * 4 + [10.0, 10.0, 10.1, 10.0]}, {"last_year": "then", "of": "gdp"},
         ["2023Q3"]),
        (
            {"gdp": STEADY, "rate": [None] * 4 + [10.0, 10.04, 10.06, 1.0]},
            {"reported_growth": "rate", "of": "gdp"}, ["2023Q3", "2023Q4"],
        ),
        (
            {"gdp": STEADY, "power": [5.0] * 4 + [6.0, 5.0, 4.0, 4.9]},
            {"same_direction": ["gdp", "power"], "more_than": 3}, ["2023Q3"],
        ),
        ({"gdp": [1.0] * 4 + [9.0, 50.0, 12000.0, 0.0001]}, {"magnitude": ["gdp"]}, ["2023Q1", "2023Q3", "2023Q4"]),
        # A base of nothing or zero cannot be judged.
        ({"gdp": [0.0] * 4 + [5.0] * 4}, {"growth_within": 30, "of": "gdp"}, []),
    ],
)  # fmt: skip
def test_each_kind_is_broken_where_it_should_be(columns, check, expected):
    assert broken(figures(**columns), check) == expected


def messages_of(card):
    """What is found but for the measures that these small frames leave out."""
    return [item for item in card.findings_list if item.code != "K555"]


def test_severity_words_and_place():
    frame = figures(gdp=[10.0], first=[11.0])
    check = {"title": "部分不大于总体", "expr": "first <= gdp", "severity": "error"}
    (result,) = messages_of(kpi.score(frame, system=system(rule=check)))
    assert (result.severity, result.place.entity, result.place.period) == (Severity.ERROR, "甲县", "2022Q1")
    assert result.message == "部分不大于总体: first <= gdp must hold"


def test_a_note_answers_a_query_but_not_an_error():
    frame = figures(gdp=STEADY[:4] + [20.0] * 4).unpivot(
        index=["期别", "地区"], variable_name="指标", value_name="数值"
    )
    frame = frame.with_columns(说明=pl.when(pl.col("期别") == "2023Q2").then(pl.lit("新投产项目")))
    for severity, expected in (("query", ["K701", "K703", "K701", "K701"]), ("error", ["K701"] * 4)):
        check = {"growth_within": 30, "of": "gdp", "severity": severity}
        result = messages_of(kpi.score(frame, system=system(jump=check)))
        assert [item.code for item in result] == expected
        assert result[1].message.endswith("explanation: 新投产项目")
    assert messages_of(kpi.score(frame, system=system(jump=check | {"severity": "query"})))[1].severity is Severity.INFO


@pytest.mark.parametrize(
    ("check", "code"),
    [
        ("{required: [gpd]}", "K203"),
        ("{between: [0, 1], of: gpd}", "K203"),
        ("{between: [1, 0], of: gdp}", "K450"),
        ("{parts: [gdp, power], whole: gdp}", "K303"),
        ("{parts: [gdp, rate], whole: rate}", "K303"),
        ("{cumulative: gdp, of: power}", "K303"),
        ("{last_year: power, of: gdp}", "K303"),
        ("{reported_growth: gdp, of: power}", "K303"),
        ("{same_direction: [gdp, power], over: 2m}", "K404"),
        ("{magnitude: gdp, over: 1z}", "K105"),
        ("{growth_within: 30, of: gpd}", "K203"),
        ("{parts: [gdp], whole: gdp}", "K113"),
        ("{betwen: [1, 0], of: gdp}", "K111"),
    ],
)
def test_faults_of_checks_are_told_with_their_line(tmp_path, check, code):
    file = tmp_path / "s.yaml"
    file.write_text(
        "system: s\nperiod: quarter\nentities: {}\nmeasures:\n  gdp: {unit: 亿元}\n  power: {unit: 万千瓦时}\n"
        f"  rate: {{unit: '%'}}\nindicators:\n  size: {{kind: level, of: gdp}}\nchecks:\n  rule: {check}\n",
        "utf-8",
    )
    loaded = examine(file)
    assert loaded.system is None
    assert code in [item.code for item in loaded.findings]
    assert {item.place.line for item in loaded.findings} == {11}
