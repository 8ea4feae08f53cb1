"""Months of a level that are added up, as those of a flow are, are a warning."""

from __future__ import annotations

import polars as pl
import pytest

import kpi


def codes(title, unit, more="", months=12):
    system = f"""\
system: levels
period: year
entities: {{title: 县}}
measures: {{a: {{title: {title}, unit: {unit}{more}}}}}
indicators: {{x: {{kind: level, of: a}}}}
pillars: {{甲: {{weight: 100, parts: {{x: 1}}}}}}
"""
    periods = [f"2023-{month:02}" for month in range(1, 13)] if months == 12 else ["2023"]
    data = pl.DataFrame({"县": ["甲县"] * months, "期别": periods, title: [51.0 + step for step in range(months)]})
    return [finding.code for finding in kpi.score(data, system=kpi.load(system)).findings_list]


@pytest.mark.parametrize(
    ("title", "unit"),
    [
        ("年末常住人口", "万人"),
        ("存款余额", "亿元"),
        ("床位数", "张"),
        ("公路里程", "公里"),
        ("total population", "人"),
    ],
)
def test_levels_that_are_added_up(title, unit):
    assert "K664" in codes(title, unit)
    assert "K664" not in codes(title, unit, ", over_time: last")
    assert "K664" not in codes(title, unit, ", over_time: sum")
    assert "K664" not in codes(title, unit, months=1)


@pytest.mark.parametrize(("title", "unit"), [("财政收入", "亿元"), ("办件量", "件"), ("新增就业人数", "人")])
def test_flows(title, unit):
    assert "K664" not in codes(title, unit)
