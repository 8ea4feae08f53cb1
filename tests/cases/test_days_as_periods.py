"""Days as the periods of reported figures: read as their months or weeks, and said so."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

import kpi

SYSTEM = """
system: days
period: PERIOD
entities: {title: 县}
measures: {output: {title: 产值, unit: 万元}}
indicators: {i: {kind: level, of: output, better: higher}}
"""
DAYS = ["2024-01-05", "2024-02-29", "2024-03-01"]


def scored(days, period="month", form="wide", tmp_path=None, suffix=""):
    frame = pl.DataFrame({"日期": days, "地区": ["甲县"] * len(days), "产值": [1.0] * len(days)})
    if form == "long":
        frame = frame.unpivot(["产值"], index=["日期", "地区"], variable_name="指标", value_name="数值")
    data = frame
    if suffix:
        data = tmp_path / f"d{suffix}"
        (frame.write_csv if suffix == ".csv" else frame.write_excel)(data)
    return kpi.score(data, system=kpi.load(SYSTEM.replace("PERIOD", period)))


def notes(card):
    return [(str(item.severity), item.message) for item in card.findings_list if item.code == "K583"]


@pytest.mark.parametrize("suffix", ["", ".csv", ".xlsx"])
@pytest.mark.parametrize("form", ["wide", "long"])
@pytest.mark.parametrize("typed", [False, True])
def test_a_day_is_read_as_its_month_and_reported_once(tmp_path, form, suffix, typed):
    days = [date.fromisoformat(day) for day in DAYS] if typed else DAYS
    card = scored(days, form=form, tmp_path=tmp_path, suffix=suffix)
    assert card.measures["period"].to_list() == ["2024-01", "2024-02", "2024-03"]
    ((severity, message),) = notes(card)
    assert severity == "warning"
    assert "such as `2024-01-05`" in message


@pytest.mark.parametrize("days", [["2024-01-31", "2024-02-29"], ["2024-01-01", "2024-02-01"], ["2024-01", "202402"]])
def test_the_first_and_last_day_of_a_month_denote_it(days):
    assert notes(scored(days)) == []


@pytest.mark.parametrize("period", ["quarter", "year"])
def test_in_longer_periods_a_day_is_of_its_month_too(period):
    assert len(notes(scored(DAYS[:1], period=period))) == 1


@pytest.mark.parametrize("suffix", ["", ".csv"])
def test_a_day_behind_many_months_is_found(tmp_path, suffix):
    months = [f"{year}-{month:02}" for year in range(1000, 2020) for month in range(1, 13)]
    ((_, message),) = notes(scored([*months, "2024-01-05"], tmp_path=tmp_path, suffix=suffix))
    assert "such as `2024-01-05`" in message


def test_among_weeks_it_is_a_note():
    card = scored(["2024-01-05", "2024-01-12"], period="week")
    assert card.measures["period"].to_list() == ["2024-W01", "2024-W02"]
    assert notes(card)[0][0] == "info"


@pytest.mark.parametrize("values", [[5.0, 5.0], [5.0, 6.0]])
@pytest.mark.parametrize("typed", [False, True])
@pytest.mark.parametrize("form", ["wide", "long"])
@pytest.mark.parametrize(("period", "what"), [("month", "a month"), ("week", "a week")])
def test_figures_of_two_days_are_no_repetition(values, typed, form, period, what):
    days = [date(2023, 1, 5), date(2023, 1, 6)] if typed else ["2023-01-05", "2023-01-06"]
    frame = pl.DataFrame({"日期": days, "地区": ["甲县"] * 2, "产值": values})
    if form == "long":
        frame = frame.unpivot(["产值"], index=["日期", "地区"], variable_name="指标", value_name="数值")
    other = {"日期": [date(2023, 2, 1) if typed else "2023-02"], "地区": ["甲县"]}
    rest = {"产值": [1.0]} if form == "wide" else {"指标": ["产值"], "数值": [1.0]}
    if period == "month":
        frame = pl.concat([frame, pl.DataFrame({**other, **rest})])
    card = kpi.score(frame, system=kpi.load(SYSTEM.replace("PERIOD", period)), partly=True)
    some = [item for item in card.findings_list if item.code == "K608"]
    assert [str(item.severity) for item in some] == ["error", "error"]
    assert all(f"give one figure {what}" in str(item.hint) for item in some)


def test_the_same_day_twice_is_a_repetition():
    frame = pl.DataFrame({"日期": ["2023-01-05", "2023年1月5日"], "地区": ["甲县"] * 2, "产值": [5.0, 5.0]})
    card = kpi.score(frame, system=kpi.load(SYSTEM.replace("PERIOD", "month")))
    assert [str(item.severity) for item in card.findings_list if item.code == "K608"] == ["warning"]


def test_a_month_and_its_last_day_are_a_repetition():
    frame = pl.DataFrame({"日期": ["2023-01", "2023-01-31"], "地区": ["甲县"] * 2, "产值": [5.0, 5.0]})
    card = kpi.score(frame, system=kpi.load(SYSTEM.replace("PERIOD", "month")))
    assert [str(item.severity) for item in card.findings_list if item.code == "K608"] == ["warning"]
