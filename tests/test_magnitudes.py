"""Figures that are a power of ten away from those of the period before: another unit of measure, or a wrong digit."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import kpi
from kpi.cli.main import main

UNITS = ["甲县", "乙县", "丙县", "丁县", "戊县"]
SYSTEM = """\
system: magnitudes
period: year
entities: {{title: 县{roster}}}
measures: {{产值: {{unit: {unit}}}, 人口: {{unit: 万人}}}}
indicators: {{x: {{kind: ratio, numerator: 产值, denominator: 人口, unit: {rate}, target: {{at_least: 10}}}}}}
pillars: {{p: {{parts: {{x: 1}}}}}}
{more}
"""


def system_of(unit: str = "亿元", more: str = "", roster: str = "") -> str:
    return SYSTEM.format(unit=unit, more=more, roster=roster, rate=f"{unit}/万人")


def figures(years: range = range(2020, 2025), units: list[str] = UNITS, **changed: float) -> pl.DataFrame:
    """Return figures of some years; `甲县2024=9000` changes one of them."""
    rows = [
        (unit, year, changed.get(f"{unit}{year}", 90.0 * (place + 1) * (1 + 0.05 * (year - 2020))), 50.0 + place)
        for place, unit in enumerate(units) for year in years
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=["县", "年份", "产值", "人口"], orient="row")


def findings_of(data, **options) -> list[str]:
    card = kpi.score(data, system=system_of(**options))
    return [
        f"{item.place.entity} {item.place.period}: {item.message}" for item in card.findings_list if item.code == "K683"
    ]


def test_steady_figures():
    assert findings_of(figures()) == []


@pytest.mark.parametrize("years", [range(2020, 2025), range(2023, 2025)])
@pytest.mark.parametrize(("power", "factor"), [(100, "100"), (1e4, "10,000"), (1e-4, "1/10,000")])
def test_another_unit_in_all_units(years, power, factor):
    base = figures(years)
    data = base.with_columns(产值=pl.when(年份=2024).then(pl.col("产值") * power).otherwise("产值"))
    assert findings_of(data) == [
        f"None 2024: 产值 is about {factor} times that of the period before in 5 of 5 units: its unit may have changed"
    ]


def test_another_unit_of_one_unit_alone():
    (message,) = findings_of(figures(range(2023, 2025), 甲县2024=950000))
    assert message.startswith("甲县 2024: 产值 is a power of ten away from the period before")
    assert message.endswith("甲县: 950,000 亿元, about 10,000 times that before")


@pytest.mark.parametrize("years", [range(2020, 2025), range(2023, 2025)])
@pytest.mark.parametrize("year", [2022, 2024])
def test_one_digit_too_many(years, year):
    if year not in years:
        return
    (message,) = findings_of(figures(years, **{f"乙县{year}": 180.0 * 1.15 * 10}))
    assert message.startswith(f"乙县 {year}: 产值 is a power of ten away")


def test_one_digit_too_many_in_the_first_period():
    (message,) = findings_of(figures(甲县2020=900.0))
    assert message.startswith("甲县 2020: 产值 is a power of ten away from the period after")
    assert message.endswith("甲县: 900 亿元, about 10 times that after")


def test_a_small_first_figure_is_that_of_what_begins():
    assert findings_of(figures(甲县2020=9.0)) == []
    assert findings_of(figures(甲县2020=900.0, 甲县2021=900.0)) == []


@pytest.mark.parametrize(
    "name", ["GDP增速", "产值比上年增长", "较上年增减额", "value added growth", "Change in output"]
)
def test_growth_and_changes_are_of_any_size(name):
    system = system_of().replace("产值: {", f"产值: {{title: {name}, ")
    data = figures(甲县2023=9.0).rename({"产值": name})
    card = kpi.score(data, system=system)
    assert not [item for item in card.findings_list if item.code == "K683"]


@pytest.mark.parametrize("name", ["工业增加值", "增值税收入", "新增就业", "存款余额"])
def test_amounts_whose_names_have_the_words_of_changes(name):
    data = figures(甲县2023=9.0 * 1.15).rename({"产值": name})
    card = kpi.score(data, system=system_of().replace("产值: {", f"产值: {{title: {name}, "))
    assert [item for item in card.findings_list if item.code == "K683"]


@pytest.mark.parametrize(
    "changed",
    [
        {"甲县2024": 400.0},
        {f"{unit}2024": 3000.0 for unit in UNITS},
        {"甲县2021": 900.0, "甲县2022": 90.0, "甲县2023": 900.0},
    ],
)
def test_changes_that_are_no_power_of_ten_or_usual(changed):
    assert findings_of(figures(**changed)) == []


def test_small_numbers_of_things():
    data = figures(甲县2024=10.0, **{f"甲县{year}": 1.0 for year in range(2020, 2024)})
    assert findings_of(data, unit="件") == []


@pytest.mark.parametrize("check", ["{magnitude: [产值]}", "{history: [产值], within: 3 mad, min_periods: 3}"])
def test_a_check_takes_its_place(check):
    assert findings_of(figures(甲县2024=9500.0), more=f"checks: {{slips: {check}}}") == []


def test_one_unit_alone():
    assert findings_of(figures(units=["甲县"], 甲县2024=1080.0))
    assert findings_of(figures(range(2023, 2025), units=["甲县"], 甲县2024=1080.0)) == []


def test_disclosure_shows_no_figure():
    (message,) = findings_of(figures(甲县2024=950000), more="disclosure: {threshold: 5, of: [人口]}")
    assert message == "甲县 2024: 产值 is a power of ten away from the period before, as other units are not: 甲县"


@pytest.mark.parametrize("roster", ["", ", roster: roster.csv"])
def test_nights_and_their_verification(tmp_path, monkeypatch, roster):
    pytest.importorskip("deltalake")
    monkeypatch.chdir(tmp_path)
    pl.DataFrame({"县": UNITS}).write_csv("roster.csv")
    Path("t.yaml").write_text(system_of(roster=roster), "utf-8")
    Path("n.toml").write_text('store = "store"\n[[source]]\nsystem = "t.yaml"\ndata = "d*.csv"\n', "utf-8")
    for year, wrong in ((2020, 1), (2021, 10), (2022, 1), (2023, 1), (2024, 1)):
        frame = figures(range(year, year + 1))
        frame.with_columns(产值=pl.col("产值") * pl.when(县="乙县").then(wrong).otherwise(1)).write_csv(f"d{year}.csv")
        done = CliRunner().invoke(main, ["batch", "n.toml"])
        assert done.exit_code == 0, done.stderr
        assert done.stderr.count("K683") == (year in (2021, 2022, 2023)), (year, done.stderr)
        verified = CliRunner().invoke(main, ["batch", "n.toml", "--verify"])
        assert verified.exit_code == 0, verified.stderr


def test_in_chinese(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    figures(甲县2024=950000).write_csv("d.csv")
    Path("t.yaml").write_text(system_of(), "utf-8")
    done = CliRunner(env={"KPI_LANG": "zh"}).invoke(main, ["score", "d.csv", "--system", "t.yaml"])
    assert "甲县：950,000 亿元，约为上期的 10,000 倍" in done.stderr
