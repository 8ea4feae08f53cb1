"""A period years away from all others, with few figures, is rather a date typed wrong."""

from __future__ import annotations

import polars as pl
import pytest

import kpi

SYSTEM = """\
system: lone
period: {grain}
entities: {{title: 县}}
measures: {{产值: {{unit: 亿元}}}}
indicators: {{x: {{kind: level, of: 产值, target: {{at_least: 20}}}}}}
pillars: {{p: {{parts: {{x: 1}}}}}}
"""


def messages(*periods: str, grain: str = "year", units: int = 20) -> list[str]:
    rows = [(f"县{unit:02}", period, 10.0 + unit) for unit in range(units) for period in periods[:3]]
    rows += [("县00", period, 10.0) for period in periods[3:]]
    data = pl.DataFrame(rows, schema=["县", "期别", "产值"], orient="row")
    card = kpi.score(data, system=SYSTEM.format(grain=grain))
    return [str(item.message) for item in card.findings_list if item.code == "K684"]


@pytest.mark.parametrize(
    ("period", "message"),
    [
        ("2042", ["2042 is 18 years after all other periods"]),
        ("2029", ["2029 is 5 years after all other periods"]),
        ("2004", ["2004 is 18 years before all other periods"]),
        ("2028", []),
        ("2025", []),
    ],
)
def test_of_years(period, message):
    assert messages("2022", "2023", "2024", period) == message


def test_of_months():
    assert messages("2024-01", "2024-02", "2024-03", "2042-03", grain="month") == [
        "2042-03 is 18 years after all other periods"
    ]
    assert messages("2024-01", "2024-02", "2024-03", "2024-12", grain="month") == []


def test_both_ends():
    assert len(messages("2022", "2023", "2024", "1990", "2042")) == 2


def test_as_many_figures_as_in_others_are_meant():
    assert messages("2004", "2023", "2024") == []


def test_a_single_unit():
    assert messages("2022", "2023", "2024", "2042", units=1) == []


EVENTS = """\
system: lone
period: {grain}
entities: {{title: 县}}
datasets: {{cases: {{form: records}}}}
measures: {{n: {{kind: count, unit: 件}}, v: {{kind: sum, of: 金额, unit: 元}}}}
indicators: {{x: {{kind: level, of: n}}}}
"""


@pytest.mark.parametrize("grain", ["month", "quarter", "year"])
@pytest.mark.parametrize(
    ("day", "years"), [("2052-03-04", "after"), ("1924-03-04", "before"), ("2025-03-04", None), ("2024-03-04", None)]
)
def test_an_event_of_another_century(grain, day, years):
    rows = [(f"2024-{month:02}-11", f"县{unit}", 5.0) for month in range(1, 7) for unit in range(4) for _ in range(5)]
    data = pl.DataFrame([*rows, (day, "县0", 5.0)], schema=["日期", "县", "金额"], orient="row")
    card = kpi.score(data, system=EVENTS.format(grain=grain))
    messages = [str(item.message) for item in card.findings_list if item.code == "K684"]
    assert [years in message for message in messages] == ([True] if years else [])


def test_many_events_of_another_time_are_meant():
    rows = [(f"{year}-03-11", f"县{unit}", 5.0) for year in (2004, 2024) for unit in range(4) for _ in range(5)]
    card = kpi.score(
        pl.DataFrame(rows, schema=["日期", "县", "金额"], orient="row"), system=EVENTS.format(grain="year")
    )
    assert "K684" not in {item.code for item in card.findings_list}
