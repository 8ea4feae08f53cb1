"""A currency sign before a figure names the currency; how many 元 the figure counts is said by its column."""

from __future__ import annotations

import polars as pl
import pytest

import kpi

REPORTED = """\
system: revenue
period: year
entities: {title: 县}
measures: {rev: {title: 收入, unit: 万元}, head: {title: 人均收入, unit: 元/人}, n: {title: 户数, unit: 户}}
indicators: {a: {kind: level, of: rev}, b: {kind: level, of: head}, c: {kind: level, of: n}}
pillars: {甲: {weight: 100, parts: {a: 1, b: 1, c: 1}}}
"""
EVENTS = """\
system: revenue
period: year
entities: {title: 县}
datasets: {cases: {form: records, columns: {period: 日期, entity: 县}}}
measures: {rev: {title: 收入, unit: 万元, kind: sum, of: 金额}}
indicators: {a: {kind: level, of: rev}}
pillars: {甲: {weight: 100, parts: {a: 1}}}
"""


def figure(system, data, name="rev"):
    row = kpi.score(data, system=kpi.load(system)).measures.filter(pl.col("measure") == name)
    return row["value"].item()


@pytest.mark.parametrize(("heading", "value"), [("收入（万元）", 1234), ("收入（亿元）", 12_340_000), ("收入", 0.1234)])
def test_wide(heading, value):
    assert figure(REPORTED, pl.DataFrame({"县": ["甲县"], "年份": [2024], heading: ["￥1,234"]})) == pytest.approx(
        value
    )


def test_a_column_without_a_unit_says_so():
    data = pl.DataFrame({"县": ["甲县", "乙县"], "年份": [2024, 2024], "收入": ["￥12", "12"]})
    card = kpi.score(data, system=kpi.load(REPORTED))
    assert dict(card.measures.filter(pl.col("measure") == "rev").select("entity", "value").rows()) == {
        "甲县": pytest.approx(0.0012), "乙县": 12,
    }  # fmt: skip
    assert [finding.code for finding in card.findings_list if finding.code == "K633"] == ["K633"]


def test_long():
    data = {"县": ["甲县"], "年份": [2024], "指标": ["收入"], "数值": ["¥1,234"], "单位": ["万元"]}
    assert figure(REPORTED, pl.DataFrame(data)) == 1234


def test_money_for_each_person():
    data = {"县": ["甲县"], "年份": [2024], "人均收入（元/人）": ["¥1,234"]}
    assert figure(REPORTED, pl.DataFrame(data), "head") == 1234


def test_a_figure_that_is_no_money():
    data = pl.DataFrame({"县": ["甲县"], "年份": [2024], "收入": ["1"], "户数（户）": ["¥1,234"]})
    findings = kpi.score(data, system=kpi.load(REPORTED)).findings_list
    assert [finding.code for finding in findings if finding.severity == "error"] == ["K605"]


@pytest.mark.parametrize(
    ("columns", "value"),
    [
        ({"金额（万元）": ["¥1,234", "6"]}, 1240),
        ({"金额": ["¥1,234", "¥6"]}, 0.124),
        ({"金额": ["¥1,234", "¥6"], "计量单位": ["万元", "万元"]}, 1240),
    ],
)
def test_events(columns, value):
    data = {"县": ["甲县"] * 2, "日期": ["2024-01-02", "2024-02-03"], **columns}
    assert figure(EVENTS, pl.DataFrame(data)) == pytest.approx(value, abs=1e-12)
