"""A merger or split within a scored period: its figure is of the whole period and area, or there is none."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import kpi
from kpi.engine.scorecard import Scorecard
from kpi.intake.files import chunks, pieces

MONTHS = [f"2021-{month:02d}" for month in range(1, 13)]
MERGED, RENAMED = "江干区,上城区,2021-04,\n", "临安市,临安区,2021-04,\n"
SHARED = "余杭区,余杭区,2021-04,0.6\n余杭区,临平区,2021-04,0.4\n"
DIVIDED = "余杭区,余杭区,2021-04,\n余杭区,临平区,2021-04,\n"

Rows = list[tuple[str, str, float | None]]


def definition(path: Path, table: str, measure: str, period: str = "year") -> Path:
    (path / "s.yaml").write_text(
        f"system: t\nperiod: {period}\nentities: {{title: 县, succession: succession.csv}}\n"
        f"measures: {{g: {{title: 总值, {measure}}}}}\nindicators: {{ig: {{kind: level, of: g}}}}\n",
        "utf-8",
    )
    (path / "succession.csv").write_text("old,new,date,share\n" + table, "utf-8")
    return path / "s.yaml"


def scored(path: Path, table: str, rows: Rows, measure: str = "unit: 亿元", period: str = "year") -> Scorecard:
    frame = pl.DataFrame(rows, {"period": pl.String, "entity": pl.String, "总值": pl.Float64}, orient="row")
    return kpi.score(frame, system=definition(path, table, measure, period))


def cell(card: Scorecard, who: str, period: str = "2021") -> tuple[float | None, str]:
    row = card.measures.filter(entity=who, period=period, measure="g").to_dicts()[0]
    return row["value"], row["status"]


def codes(card: Scorecard) -> set[str]:
    return {item.code for item in card.findings_list if item.code[:2] == "K6"}


def monthly(who: str, value: float, first: int = 1, last: int = 12) -> Rows:
    return [(month, who, value) for month in MONTHS[first - 1 : last]]


def to_date(who: str, last: int, value: int, extra: int = 0) -> Rows:
    """Return figures cumulative from January; those since April have `extra` in addition."""
    labels = [f"2021年1-{month}月" if month > 1 else "2021-01" for month in range(1, last + 1)]
    return [(label, who, float(value * at + (extra if at > 3 else 0))) for at, label in enumerate(labels, 1)]


BEFORE = [("2020", "上城区", 120.0), ("2020", "江干区", 60.0)]


@pytest.mark.parametrize("rest", [[], BEFORE])
def test_months_before_a_merger_are_those_of_all_units(rest, tmp_path):
    card = scored(tmp_path, MERGED, [*monthly("上城区", 10.0), *monthly("江干区", 5.0, last=3), *rest])
    assert cell(card, "上城区") == (135.0, "ok")
    assert codes(card) == {"K645"}
    assert card.counts["used"] == card.counts["read"]


@pytest.mark.parametrize("measure", ["unit: 亿元", "unit: '%', over_time: mean", "unit: 亿元, over_time: last"])
def test_months_before_a_new_name_are_the_units_own(measure, tmp_path):
    card = scored(tmp_path, RENAMED, [*monthly("临安市", 4.0, last=3), *monthly("临安区", 8.0, 4)], measure)
    expected = {"unit: 亿元": 84.0, "unit: '%', over_time: mean": 7.0}.get(measure, 8.0)
    assert cell(card, "临安区") == (expected, "ok")


@pytest.mark.parametrize("rest", [[], BEFORE])
def test_a_year_is_never_that_of_a_part(rest, tmp_path):
    card = scored(tmp_path, MERGED, [*monthly("上城区", 10.0), *monthly("江干区", 5.0, last=2), *rest])
    assert cell(card, "上城区") == (None, "incomplete")
    assert codes(card) == {"K638", "K645"}
    none = scored(tmp_path, MERGED, [*monthly("上城区", 10.0), *BEFORE])
    assert cell(none, "上城区") == (None, "incomplete")
    later = scored(tmp_path, MERGED, [*monthly("上城区", 10.0, 4), *monthly("江干区", 5.0, last=3), *BEFORE])
    assert cell(later, "上城区") == (None, "incomplete"), "its own months before are not there"
    new = scored(tmp_path, MERGED, [*monthly("上城区", 10.0, 4), *monthly("江干区", 5.0, last=3), BEFORE[1]])
    assert cell(new, "上城区") == (105.0, "ok"), "a unit without earlier figures is a new one"


def test_figures_of_whole_years(tmp_path):
    card = scored(tmp_path, MERGED, [("2021", "上城区", 100.0), *BEFORE])
    assert cell(card, "上城区") == (100.0, "ok"), "a figure for the whole year is on the new area, which is said"
    assert codes(card) == {"K645"}
    both = scored(tmp_path, MERGED, [("2021", "上城区", 100.0), ("2021", "江干区", 60.0), *BEFORE])
    assert cell(both, "上城区") == (None, "incomplete")
    assert "K646" in codes(both)


@pytest.mark.parametrize("measure", ["unit: 亿元", "unit: 亿元, over_time: ytd"])
def test_quarters_of_cumulative_figures(measure, tmp_path):
    rows = [*to_date("上城区", 12, 10, 15), *to_date("江干区", 3, 5)]
    values = [45.0, 75.0, 105.0, 135.0] if "ytd" in measure else [45.0, 30.0, 30.0, 30.0]
    card = scored(tmp_path, MERGED, rows, measure, "quarter")
    assert [cell(card, "上城区", f"2021Q{quarter}") for quarter in (1, 2, 3, 4)] == [(item, "ok") for item in values]


@pytest.mark.parametrize("period", ["month", "quarter", "year"])
def test_figures_declared_cumulative(period, tmp_path):
    rows = [(MONTHS[at], who, value) for who, last, extra, by in (("上城区", 12, 15, 10), ("江干区", 3, 0, 5))
            for at, (_, _, value) in enumerate(to_date(who, last, by, extra))]  # fmt: skip
    card = scored(tmp_path, MERGED, rows, "unit: 亿元, cumulative: true", period)
    values = card.measures.filter(entity="上城区")["value"].to_list()
    by_period = {"month": [15.0] * 3 + [10.0] * 9, "quarter": [45.0, 30.0, 30.0, 30.0], "year": [135.0]}
    assert values == by_period[period]


@pytest.mark.parametrize("period", ["month", "quarter"])
def test_running_totals_of_flows(period, tmp_path):
    rows = [*monthly("上城区", 10.0), *monthly("江干区", 5.0, last=3)]
    card = scored(tmp_path, MERGED, rows, "unit: 亿元, over_time: ytd", period)
    totals = [15.0 * min(at, 3) + 10.0 * max(at - 3, 0) for at in range(1, 13)]
    expected = totals if period == "month" else totals[2::3]
    assert card.measures.filter(entity="上城区")["value"].to_list() == expected


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        ("unit: '%', over_time: mean", (None, "break")),
        ("unit: '%', over_time: last", (10.0, "ok")),
        ("unit: '%', over_time: first", (None, "break")),
        ("unit: 亿元, over_time: max", (None, "break")),
        ("unit: 亿元, over_time: mean", (11.25, "ok")),
        ("unit: 亿元, over_time: last", (10.0, "ok")),
    ],
)
def test_how_figures_are_combined_over_time(measure, expected, tmp_path):
    card = scored(tmp_path, MERGED, [*monthly("上城区", 10.0), *monthly("江干区", 5.0, last=3)], measure)
    assert cell(card, "上城区") == expected
    assert ("K638" in codes(card)) is (expected[1] == "break")


def test_splits(tmp_path):
    rows = [*monthly("余杭区", 10.0), *monthly("临平区", 7.0, 4)]
    card = scored(tmp_path, SHARED, rows)
    assert [cell(card, who) for who in ("余杭区", "临平区")] == [(108.0, "ok"), (75.0, "ok")]
    card = scored(tmp_path, DIVIDED, rows)
    assert [cell(card, who) for who in ("余杭区", "临平区")] == [(None, "break"), (None, "incomplete")]


@pytest.mark.parametrize(("period", "expected"), [("year", [1273.0]), ("quarter", [333.0, 330.0, 310.0, 300.0])])
def test_two_changes_within_a_year(period, expected, tmp_path):
    rows = [*monthly("甲", 1.0, last=3), *monthly("乙", 10.0, last=7), *monthly("丙", 100.0)]
    card = scored(tmp_path, "甲,乙,2021-04,\n乙,丙,2021-08,\n", rows, period=period)
    assert card.measures["value"].to_list() == expected
    assert set(card.measures["entity"]) == {"丙"}


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet"])
@pytest.mark.parametrize("shape", ["wide", "long"])
def test_every_format_shape_and_size_says_the_same(suffix, shape, tmp_path, monkeypatch):
    rows = [*monthly("上城区", 10.0), *monthly("江干区", 5.0, last=3), *BEFORE]
    rows += [(month, f"{name}县", 1.0) for name in "甲乙丙丁戊己庚辛" for month in MONTHS]
    frame = pl.DataFrame(rows, ["period", "entity", "总值"], orient="row")
    if shape == "long":
        frame = frame.unpivot(index=["period", "entity"], variable_name="指标", value_name="数值")
    path = tmp_path / f"d.{suffix}"
    {"csv": frame.write_csv, "xlsx": frame.write_excel, "parquet": frame.write_parquet}[suffix](path)
    yaml = definition(tmp_path, MERGED, "unit: 亿元")
    small = kpi.score(path, system=yaml)
    assert cell(small, "上城区") == (135.0, "ok")
    monkeypatch.setattr(chunks, "LARGE", 100)
    monkeypatch.setattr(chunks, "LOOK", 400)
    monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 150))
    large = kpi.score(path, system=yaml)
    assert large.measures.equals(small.measures)
    assert codes(large) == codes(small)
    assert kpi.score(path, system=yaml, period="2021").measures["value"].to_list() == (
        small.measures.filter(period="2021")["value"].to_list()
    )


# ---- EVENTS ---- #


def of_events(path: Path, table: str, period: str, rows: list[tuple[str, str, float]]) -> Scorecard:
    (path / "succession.csv").write_text("old,new,date,share\n" + table, "utf-8")
    (path / "ev.yaml").write_text(
        f"system: ev\nperiod: {period}\nentities: {{title: 县, succession: succession.csv}}\n"
        "datasets: {ev: {form: records, columns: {period: 日期, entity: 地区}}}\n"
        "measures:\n  many: {kind: count, unit: 件}\n  mid: {kind: median, of: 金额, unit: 元}\n"
        "  run: {kind: count, unit: 件, over_time: ytd}\n  mean: {kind: sum, of: 金额, unit: 元, over_time: mean}\n"
        "indicators: {im: {kind: level, of: many}}\n",
        "utf-8",
    )
    return kpi.score(pl.DataFrame(rows, ["日期", "地区", "金额"], orient="row"), system=path / "ev.yaml")


def values(card: Scorecard, who: str, period: str) -> dict[str, tuple[float | None, str]]:
    rows = card.measures.filter(entity=who, period=period)
    return {name: (value, status) for name, value, status in rows.select("measure", "value", "status").rows()}


def test_events_of_a_merged_unit_before_the_date_count_for_the_new_one(tmp_path):
    rows = [("2021-02-01", "江干区", 9.0), ("2021-03-01", "上城区", 1.0), ("2021-05-01", "上城区", 2.0)]
    year = values(of_events(tmp_path, MERGED, "year", rows), "上城区", "2021")
    assert year == {"many": (3.0, "ok"), "mid": (2.0, "ok"), "run": (3.0, "ok"), "mean": (4.0, "ok")}
    quarter = values(of_events(tmp_path, MERGED, "quarter", rows), "上城区", "2021Q2")
    assert quarter == {"many": (1.0, "ok"), "mid": (2.0, "ok"), "run": (3.0, "ok"), "mean": (2.0, "ok")}


@pytest.mark.parametrize("table", [SHARED, DIVIDED])
def test_events_of_a_divided_unit_have_no_figure_for_the_period_of_the_date(table, tmp_path):
    rows = [("2021-02-01", "余杭区", 9.0), ("2021-05-01", "余杭区", 1.0), ("2021-05-01", "临平区", 2.0)]
    card = of_events(tmp_path, table, "year", rows)
    for who in ("余杭区", "临平区"):
        assert set(values(card, who, "2021").values()) == {(None, "break")}
    assert "K638" in codes(card)
    quarter = of_events(tmp_path, table, "quarter", rows)
    second = values(quarter, "余杭区", "2021Q2")
    assert second == {"many": (1.0, "ok"), "mid": (1.0, "ok"), "run": (None, "break"), "mean": (1.0, "ok")}
