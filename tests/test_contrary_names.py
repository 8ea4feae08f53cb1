"""Definitions that say the contrary of their names are warnings, which `better` and other names confirm."""

from __future__ import annotations

import pytest

from kpi.language.loading.catalogue import shipped
from kpi.language.loading.loader import examine, examine_text

BASE = """\
system: t
period: quarter
entities: {{title: 县}}
measures: {{总量: {{title: 办件总量, unit: 件}}, 网上: {{title: 网上办件量, unit: 件}}, 其他: {{unit: 万元}}}}
indicators: {{x: {indicator}}}
pillars: {{p: {{parts: {{x: 1}}}}}}
"""


def codes_of(indicator: str) -> list[str]:
    findings = examine_text(BASE.format(indicator=indicator)).findings
    assert {str(item.severity) for item in findings} <= {"warning"}, [str(item) for item in findings]
    return [item.code for item in findings]


def level(title: str, more: str) -> str:
    return f"{{kind: ratio, numerator: 网上, denominator: 总量, title: {title}, {more}}}"


@pytest.mark.parametrize(
    ("title", "more", "codes"),
    [
        ("满意率", "target: {at_most: 90}", ["K496"]),
        ("满意率", "target: {below: 90}", ["K496"]),
        ("满意率", "target: {at_least: 90}", []),
        ("满意率", "better: lower, target: {at_most: 90}", []),
        ("不满意率", "target: {at_most: 5}", []),
        ("不满意率", "target: {at_least: 5}", ["K496"]),
        ("失业率", "target: {at_least: 5}", ["K496"]),
        ("失业率", "score: {kind: minmax}", ["K496"]),
        ("失业率", "better: higher, score: {kind: minmax}", []),
        ("失业率", "better: lower, score: {kind: minmax}", []),
        ("失业率", "target: {within: [2, 5]}", []),
        ("投诉量增长率", "target: {at_least: 5}", []),
        ("投诉满意率", "target: {at_least: 5}", []),
        ("违法建筑拆除率", "target: {at_least: 5}", []),
        ("超期办结率", "target: {at_most: 5}", []),
        ("能耗降低率", "target: {at_least: 5}", []),
        ("网上办件率", "target: {at_least: 5}", []),
    ],
)
def test_which_way_is_better(title, more, codes):
    assert codes_of(level(title, more)) == codes


@pytest.mark.parametrize(
    ("numerator", "denominator", "more", "codes"),
    [
        ("网上", "总量", "", []),
        ("总量", "网上", "", ["K497"]),
        ("网上", "网上", "", ["K497"]),
        ("总量", "总量", "", ["K497"]),
        ("总量", "其他", ", unit: 件/万元", []),
    ],
)
def test_sides_of_a_ratio(numerator, denominator, more, codes):
    target = "{at_least: 90}"
    assert (
        codes_of(f"{{kind: ratio, numerator: {numerator}, denominator: {denominator}{more}, target: {target}}}")
        == codes
    )


def test_a_coverage_of_itself():
    assert codes_of("{kind: coverage, covered: 网上, total: 网上, target: {at_least: 90}}") == ["K497"]


@pytest.mark.parametrize("path", sorted(shipped().glob("*.yaml")), ids=lambda path: path.stem)
def test_no_shipped_system_is_contrary(path):
    assert not [str(item) for item in examine(path).findings if item.code in ("K496", "K497")]


def test_the_title_of_the_measure_where_the_indicator_has_none():
    system = """\
system: s
period: year
entities: {title: 县}
measures: {a: {title: 投诉件数, unit: 件}, b: {title: 群众满意率, unit: '%'}, c: {title: 失业率, unit: '%'}}
indicators:
  x: {kind: level, of: a}
  y: {kind: level, of: b, target: {at_most: 90}}
  z: {kind: level, of: c, score: {kind: interval, within: [3, 6]}}
scoring: {kind: minmax}
pillars: {p: {parts: {x: 1, y: 1, z: 1}}}
"""
    found = [finding for finding in examine_text(system).findings if finding.code == "K496"]
    assert ["投诉件数" in str(item.message) or "群众满意率" in str(item.message) for item in found] == [True, True]
