"""Figures that are a power of ten away from those of the period before: another unit of measure, or a wrong digit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import kpi
from kpi.cli.main import main
from kpi.intake.magnitudes import magnitudes_of
from kpi.intake.magnitudes_beside import Grid

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


def wrong_one_by_one(values, ratio, power, at):
    """Return the units of a period whose figure, and whose first figure before it, is rather an error, one by one."""

    def others_of(unit):
        others = np.abs(np.delete(ratio[at], unit))
        others = others[~np.isnan(others)]
        return others.size, np.quantile(others, 0.8) if others.size else np.nan

    def spread(own):
        own = np.log10(own[own > 0])
        return own.size, own.max() - own.min() if own.size else 0.0

    wrong, before = [], []
    for unit in np.flatnonzero(power[at]).tolist():
        many, most = others_of(unit)
        steady, alone = many >= 3 and most <= 0.3, many < 3
        begins = max(at - 24, 0)
        number, apart = spread(np.delete(values[begins : at + 25, unit], at - begins))
        if not (at > 1 and power[at - 1, unit] == -power[at, unit]):
            if number >= 3 and apart <= 0.5:
                wrong += [unit] if steady or alone else []
            elif number < 3 and steady and (abs(power[at, unit]) > 1 or most <= 0.15):
                wrong.append(unit)
        number, apart = spread(values[at : at + 24, unit])
        is_first = not (values[: max(at - 1, 0), unit] > 0).any()
        if power[at, unit] < 0 and is_first and number >= 3 and apart <= 0.5 and (alone or most <= 0.3):
            before.append(unit)
    return wrong, before


def expected_of(values):
    """Return the findings about figures, one by one: the period, whether of the one after, and of how many units."""
    ratio = np.zeros_like(values)
    ratio[1:] = np.log10(values[1:]) - np.log10(values[:-1])
    power = np.round(ratio)
    power = np.where(np.abs(ratio - power) <= np.where(np.abs(power) == 1, 0.1, 0.25), power, 0.0)
    for at in range(1, len(values)):
        known = ~np.isnan(ratio[at])
        powers, many = np.unique(power[at][known], return_counts=True)
        usual = powers[many.argmax()] if known.any() else 0
        if abs(usual) > 1 and many.max() >= 0.8 * known.sum() and (known.sum() >= 3 or abs(usual) >= 3):
            yield at, False, None
            continue
        for after, wrong in enumerate(wrong_one_by_one(values, ratio, power, at)):
            if wrong and len(wrong) <= max(1, 0.2 * known.sum()):
                yield at - after, bool(after), len(wrong)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), units=st.integers(1, 30), periods=st.integers(2, 9), noise=st.sampled_from([0, 1])
)
def test_all_units_at_once_are_judged_as_one_by_one(seed, units, periods, noise):
    dice = np.random.default_rng(seed)
    values = 10 ** (dice.uniform(1, 4, units) + dice.normal(0, 0.03 + 0.2 * noise, (periods, units)))
    values *= 10.0 ** dice.choice([0, 1, -1, 4], values.shape, p=[0.94, 0.03, 0.02, 0.01])
    values[dice.random(values.shape) < 0.05] = np.nan
    values[dice.integers(1, periods) :] *= dice.choice([1.0, 10_000.0])
    system, labels = kpi.load(system_of()), {at: str(at) for at in range(periods)}
    names = [f"县{at}" for at in range(units)]
    found = [
        (int(item.place.period), "period after" in item.message, None if "may" in item.message else item.stands_for)
        for item in magnitudes_of(Grid(values, 0), "产值", system, names, labels) if item.code == "K683"
    ]  # fmt: skip
    assert found == list(expected_of(values))
