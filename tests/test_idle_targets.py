"""Targets that every unit reaches or none can are warnings, which a note at the target answers."""

from __future__ import annotations

import polars as pl
import pytest

import kpi
from kpi.language.loading.loader import examine_text

BASE = """\
system: t
period: month
entities: {{title: 县}}
measures:
  a: {{title: 网上办件量, unit: 件}}
  b: {{title: 办件总量, unit: 件}}
  money: {{title: 产值, unit: 亿元}}
  net: {{title: 净增企业数, unit: 家}}
  rate: {{title: 合格度, unit: '%', per: 村}}
indicators: {{x: {indicator}}}
pillars: {{p: {{parts: {{x: 1}}}}}}
{more}
"""
RATIO, COVERAGE = "kind: ratio, numerator: a, denominator: b", "kind: coverage, covered: a, total: b"


def codes(indicator: str, more: str = "") -> list[str]:
    findings = examine_text(BASE.format(indicator=indicator, more=more)).findings
    return [item.code for item in findings]


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("kind: level, of: a", "{at_least: 0}"),
        ("kind: level, of: a", "{at_least: 0 件}"),
        ("kind: level, of: a", "{above: -1}"),
        ("kind: level, of: a", "{below: 0}"),
        ("kind: level, of: a", "{at_most: -1}"),
        ("kind: level, of: a", "{equals: -1}"),
        ("kind: level, of: a", "{at_least: {by: 等级, values: {一: 0, 二: 0}}}"),
        (RATIO, "{at_least: 0}"),
        (COVERAGE, "{at_least: 0}"),
        (COVERAGE, "{at_most: 100}"),
        (COVERAGE, "{above: 100}"),
        (COVERAGE, "{at_least: 120}"),
        (COVERAGE, "{within: [0, 100]}"),
        (COVERAGE, "{within: [120, 150]}"),
        ("kind: share, of: a", "{at_least: 0}"),
        ("kind: count, of: rate, passes: '>= 90'", "{at_least: 0}"),
        ("kind: count, of: rate, passes: '>= 90', as: share", "{at_least: 0}"),
    ],
)
def test_a_target_that_says_nothing_is_reported(kind, target):
    assert codes(f"{{{kind}, target: {target}}}") == ["K464"]
    (bound,) = (target.removeprefix("{").removesuffix("}"),)
    assert codes(f"{{{kind}, target: {{{bound}, note: 报送即得分}}}}") == []
    assert codes(f"{{{kind}, target: {{{bound}, ours: true}}}}") == []


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("kind: level, of: a", "{at_least: 1}"),
        ("kind: level, of: a", "{above: 0}"),
        ("kind: level, of: a", "{at_most: 0}"),
        ("kind: level, of: a", "{equals: 0}"),
        ("kind: level, of: a", "{at_least: 0, baseline: {value: -5}}"),
        ("kind: level, of: a", "{at_least: {by: 等级, values: {一: 0, 二: 5}}}"),
        ("kind: level, of: a", "[{at_least: 0, by: 2023}, {at_least: 50, by: 2024}]"),
        ("kind: level, of: money", "{at_least: 0}"),
        ("kind: level, of: net", "{at_least: 0}"),
        ("kind: level, of: a, title: 比上年增加", "{at_least: 0}"),
        ("kind: growth, of: a", "{at_least: 0}"),
        ("kind: growth, of: a, as: points", "{at_least: 0}"),
        ("kind: formula, expr: a - b", "{at_least: 0}"),
        ("kind: ratio, numerator: money, denominator: a", "{at_least: 0}"),
        (RATIO, "{at_least: 120}"),
        (RATIO + ", negative: allow", "{at_least: 0}"),
        (COVERAGE, "{at_least: 100}"),
        (COVERAGE, "{at_most: 0}"),
        (COVERAGE, "{within: [80, 100]}"),
        ("kind: share, of: money", "{at_least: 0}"),
    ],
)
def test_a_target_that_says_something_is_not(kind, target):
    assert codes(f"{{{kind}, target: {target}}}") == []


def test_a_rule_may_begin_at_zero():
    step = "{kind: step, base: 60, points: 1, per: 10}"
    assert codes("{kind: level, of: a, target: {at_least: 0}, score: " + step + "}") == []
    by_class = "{by: 等级, values: {一: " + step + ", 二: {kind: completion}}}"
    assert codes("{kind: level, of: a, target: {at_least: 0}, score: " + by_class + "}") == []
    assert codes("{kind: level, of: a, target: {at_least: 0}, score: {kind: pass}}") == ["K464"]


def test_a_count_of_events_is_never_below_zero():
    text = BASE.format(
        indicator="{kind: level, of: rows, target: {at_least: 0}}", more="datasets: {ev: {form: records}}"
    )
    text = text.replace("  a: {", "  rows: {kind: count, from: ev, title: 新增企业数, unit: 家}\n  a: {")
    assert [item.code for item in examine_text(text).findings] == ["K464"]


DATA = pl.DataFrame({"月份": ["2024-01"] * 3, "县": ["甲县", "乙县", "丙县"], "办件量": [5, 6, 7]})


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize(
    ("targets", "more", "expected"),
    [
        ([0, 0, 0], "", ["K464"]),
        ([0, 0, 3], "", []),
        ([0, 0, 0], ", note: 报送即得分", []),
        ([0, None, 0], "", ["K464"]),
        ([3, 4, 5], "", []),
    ],
)
def test_targets_in_a_file_that_are_all_zero(tmp_path, targets, more, expected, closed):
    given = [f"{who},x,{'' if item is None else item}\n" for who, item in zip(DATA["县"], targets, strict=True)]
    (tmp_path / "t.csv").write_text("entity,indicator,target\n" + "".join(given), "utf-8")
    (tmp_path / "r.csv").write_text("name\n甲县\n乙县\n丙县\n", "utf-8")
    entities = "{roster: r.csv}" if closed else "{title: 县}"
    (tmp_path / "s.yaml").write_text(
        f"system: t\nperiod: month\nentities: {entities}\nmeasures: {{m: {{title: 办件量, unit: 件}}}}\n"
        f"indicators: {{x: {{kind: level, of: m, target: {{at_least: {{file: t.csv}}{more}}}}}}}\n"
        "pillars: {p: {parts: {x: 1}}}\n", "utf-8",
    )  # fmt: skip
    card = kpi.score(DATA, system=tmp_path / "s.yaml")
    assert [item.code for item in card.findings_list if item.code == "K464"] == expected


@pytest.mark.parametrize(("unit", "expected"), [("件", ["K464"]), ("亿元", [])])
def test_targets_in_the_data_that_are_all_zero(unit, expected):
    system = {
        "system": "t", "period": "month", "entities": {"title": "县"},
        "measures": {"m": {"title": "办件量", "unit": unit}},
        "indicators": {"x": {"kind": "level", "of": "m", "target": {"at_least": {"column": "目标值"}}}},
        "pillars": {"p": {"parts": {"x": 1}}},
    }  # fmt: skip
    data = DATA.unpivot(index=["月份", "县"], variable_name="指标", value_name="数值").with_columns(目标值=0)
    assert [item.code for item in kpi.score(data, system=system).findings_list if item.code == "K464"] == expected
    data = data.with_columns(目标值=pl.Series([0, 0, 4]))
    assert [item.code for item in kpi.score(data, system=system).findings_list if item.code == "K464"] == []
