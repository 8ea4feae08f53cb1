"""The check of a figure against the unit's own past: by hand, by period, and where the past says nothing."""

from __future__ import annotations

import statistics

import polars as pl
import pytest

import kpi
from kpi.engine.lookback import reach
from kpi.language.loading.loader import examine_text

SYSTEM = """
system: past
period: month
entities: {title: 县}
measures: {sales: {title: 销售额, unit: 万元}}
indicators: {size: {kind: level, of: sales}}
checks: {odd: {history: sales, CHECK}}
"""
VALUES = [10.0, 11.0, 9.0, 10.5, 9.5, 12.0, 10.0, 40.0, 11.0, 10.0, 9.0, 10.0]


def card(check: str, values=VALUES, *, period=None, units=("甲县",)):
    months = [f"2023-{month:02}" for month in range(1, len(values) + 1)]
    frame = pl.DataFrame({
        "期别": months * len(units), "地区": [item for item in units for _ in months], "销售额": values * len(units),
    })  # fmt: skip
    return kpi.score(frame, system=examine_text(SYSTEM.replace("CHECK", check)).system, period=period)


def broken(*args, **more):
    return [item.place.period for item in card(*args, **more).findings_list if item.code == "K701"]


def by_hand(values, width, fewest):
    """Return the months outside, each against all months before it."""
    outside = []
    for at, value in enumerate(values):
        past = [item for item in values[:at] if item is not None]
        if value is None or len(past) < fewest:
            continue
        middle = statistics.median(past)
        spread = 1.4826 * statistics.median(abs(item - middle) for item in past)
        if abs(value - middle) > width * spread * (1 + 1e-9):
            outside.append(at + 1)
    return outside


@pytest.mark.parametrize("values", [VALUES, [10.0] * 7 + [10.1] + [10.0] * 4, [None, 3.0, None, *VALUES[2:]]])
@pytest.mark.parametrize(("width", "fewest"), [(3, 6), (1, 3), (10, 4)])
def test_the_range_is_that_of_the_months_before(values, width, fewest):
    result = broken(f"within: {width} mad, min_periods: {fewest}", values)
    assert [int(item[-2:]) for item in result] == by_hand(values, width, fewest)


def test_fences_are_those_of_tukey():
    """Of 9, 9.5, 10, 10, 10.5, 11, 12 the quartiles are 9.75 and 10.75, so the fences are 8.25 and 12.25."""
    (result,) = [
        item for item in card("within: 1.5 iqr, min_periods: 7", VALUES[:8]).findings_list if item.code == "K701"
    ]
    assert "8.25 to 12.25 (7 periods)" in str(result.message)


def test_one_period_gives_the_findings_of_all():
    whole = broken("within: 3 mad, min_periods: 6")
    assert broken("within: 3 mad, min_periods: 6", period=whole[0]) == whole[:1]


def test_units_have_their_own_past():
    assert len(broken("within: 3 mad, min_periods: 6", units=("甲县", "乙县"))) == 2 * len(
        broken("within: 3 mad, min_periods: 6")
    )


def test_growth_is_judged_in_place_of_the_figure():
    steady = [100.0]
    for percent in (2, 2.1, 1.9, 2.2, 1.8, 2.05, 1.95, 2.1, 1.9, 2, 50):
        steady.append(steady[-1] * (1 + percent / 100))
    assert len(broken("within: 5 mad, min_periods: 6, as: growth", steady)) == 1


def test_the_lookback_is_all_of_the_past_or_the_periods_that_count():
    short = examine_text(SYSTEM.replace("CHECK", "min_periods: 3, periods: 4")).system
    # The change of ranks looks a period further back.
    assert max(reach(short)["sales"]) == 5
    assert min(reach(short)["sales"]) == 0
    assert min(reach(examine_text(SYSTEM.replace("CHECK", "min_periods: 3")).system)["sales"]) == -1


@pytest.mark.parametrize("check", ["within: 3 sd", "within: 0 mad", "within: mad", "min_periods: 2", "periods: 4"])
def test_a_range_that_is_none_is_an_error(check):
    examined = examine_text(SYSTEM.replace("CHECK", check))
    assert examined.system is None
    assert examined.findings
