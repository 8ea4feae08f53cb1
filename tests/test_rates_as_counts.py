"""Rates by their titles that count things by their units are warnings."""

from __future__ import annotations

import pytest

from kpi.language.loading.loader import examine_text

BASE = """\
system: t
period: month
entities: {{title: 县}}
measures: {{m: {{title: {title}, unit: {unit}}}, k: {{title: 办件量, unit: 件}}}}
indicators: {{x: {indicator}}}
pillars: {{p: {{parts: {{x: 1}}}}}}
scoring: {{kind: minmax}}
"""


def codes(title: str, unit: str = "件", indicator: str = "{kind: level, of: m, better: higher}") -> list[str]:
    findings = examine_text(BASE.format(title=title, unit=unit, indicator=indicator)).findings
    return [item.code for item in findings]


@pytest.mark.parametrize(
    ("title", "unit"),
    [
        ("按时办结率", "件"), ("满意率", "户"), ("绿地占比", "个"),
        ("工业比重（规上）", "家"), ("签约率", "万人"), ("网办百分比", "件"),
        ("on-time rate", "件"), ("Share", "人"), ("Coverage percentage (all)", "户"),
    ],
)  # fmt: skip
def test_a_rate_that_counts_things_is_reported_once(title, unit):
    assert codes(title, unit) == ["K498"]


@pytest.mark.parametrize(
    ("title", "unit"),
    [
        ("按时办结率", "'%'"), ("按时办结率", "'1'"), ("死亡率", "‰"), ("平均汇率", "元"),
        ("检修频率", "次"), ("存货周转率", "次"),
        ("床位周转率（次）", "次"), ("实际税率", "个"), ("心率", "次"), ("总和生育率", "个"),
        ("孕产妇死亡率", "人"), ("移动电话普及率", "台"),
        ("每万人专利授权率", "件"), ("千人床位拥有率", "张"), ("办结率排名", "位"), ("达标率不足的村", "个"),
        ("办结数", "件"), ("率先完成数", "件"),
        ("turnover rate", "次"), ("Interest rate", "个"), ("rated hotels", "家"),
        ("birth rate per 1000", "人"), ("shareholders", "人"),
        ("亩均效率", "件"),
    ],
)  # fmt: skip
def test_a_rate_of_another_unit_or_kind_is_not(title, unit):
    assert codes(title, unit) == []


def test_an_indicator_is_reported_where_its_measure_is_not():
    assert codes("受理量", indicator="{kind: level, of: k, title: 办结率, better: higher}") == ["K498"]
    assert codes("受理量", indicator="{kind: ratio, numerator: m, denominator: k, title: 办结率}") == []
    assert codes("办结率", indicator="{kind: level, of: m, title: 办结率, better: higher}") == ["K498"]


def test_a_measure_without_a_title_is_judged_by_its_name():
    text = BASE.format(title="办件", unit="件", indicator="{kind: level, of: on_time_rate}")
    text = text.replace("measures: {", "measures: {on_time_rate: {unit: 件}, ")
    assert [item.code for item in examine_text(text).findings] == ["K498"]
    assert examine_text(text.replace("{unit: 件}, ", "{unit: 件, title: 按时办结数}, ")).findings == ()
