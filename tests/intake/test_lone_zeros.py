"""A figure of 0 among figures that are far from it is reported; zeros that may well be are not."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import kpi
from kpi.cli.main import main

UNITS = ["甲县", "乙县", "丙县", "丁县"]
MONTHS = [f"2024-{month:02}" for month in range(1, 7)]


def system(*, unit="件", title="办件量", grain="month", more="", roster=""):
    return (
        f"system: z\nperiod: {grain}\nentities: {{title: 县{roster}}}\n"
        f"measures: {{m: {{title: {title}, unit: '{unit}'}}}}\n"
        "indicators: {x: {kind: level, of: m, target: {at_least: 600}}}\npillars: {p: {parts: {x: 1}}}\n" + more
    )


def figures(units=UNITS, periods=MONTHS, low=400.0, **cells):
    """Return figures of units and periods, from `low` up; `cells` are others, by unit and place of the period."""
    rows = [
        (unit, period, cells.get(f"{unit}_{at}", low + 7 * at + 11 * place))
        for place, unit in enumerate(units)
        for at, period in enumerate(periods)
    ]
    return pl.DataFrame(rows, schema=["县", "期别", "m"], orient="row")


def findings(data, *, period=None, **options):
    card = kpi.score(data, system=system(**options), period=period)
    return [item for item in card.findings_list if item.code == "K692"]


def test_a_zero_of_a_unit_whose_other_figures_are_far_from_it():
    (finding,) = findings(figures(乙县_2=0.0))
    assert finding.message == "办件量 is 0, which is rather a missing figure: 乙县: 411 to 446 件 otherwise"
    assert (finding.severity, finding.place.entity, finding.place.period) == ("warning", "乙县", "2024-03")
    assert findings(figures(乙县_2=0.0), period="2024-04") == []


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (figures(乙县_2=None), {}),
        (figures(乙县_2=1.0), {}),
        (figures(low=1, 乙县_2=0.0), {}),  # small numbers of things
        (figures(乙县_2=0.0, 乙县_4=30.0), {}),  # it varies by more than ten times
        (figures(乙县_2=0.0, 丙县_3=0.0), {}),  # more than a few of so few figures
        (figures(甲县_2=0.0, 乙县_2=0.0, 丙县_2=0.0, 丁县_2=0.0), {}),  # nothing happened in the period
        (figures(乙县_2=0.0), {"title": "办件量增减"}),
        (figures(乙县_2=0.0, 丙县_3=-40.0), {"unit": "万元"}),  # a balance
        (figures(乙县_2=0.0), {"more": "checks: {c: {magnitude: [m], over: 1m}}\n"}),
        (figures(periods=MONTHS[:3], 乙县_2=0.0), {}),  # too few to tell
    ],
    ids=range(10),
)
def test_zeros_that_may_be(data, options):
    assert findings(data, **options) == []


def test_amounts_and_rates_may_be_small():
    assert findings(figures(low=0.4, 甲县_2=0.0), unit="亿元", title="产值") == []  # it rises to a hundred times
    assert len(findings(figures(low=9.0, 丁县_5=0.0), unit="亿元", title="产值")) == 1
    assert len(findings(figures(low=30.0, 丁县_0=0.0), unit="%", title="满意率")) == 1


def test_a_zero_beside_other_units_of_one_period_is_a_note():
    units = [f"第{at}镇" for at in range(8)]
    (finding,) = findings(figures(units, MONTHS[:1], 第3镇_0=0.0))
    assert finding.message == "办件量 is 0, which is rather a missing figure: 第3镇: 400 to 477 件 elsewhere"
    assert finding.severity == "info"
    assert findings(figures(units[:6], MONTHS[:1], 第3镇_0=0.0)) == []
    assert findings(figures(units, MONTHS[:1], 第3镇_0=0.0, 第5镇_0=9000.0)) == []


def test_a_zero_of_a_month_of_a_quarter():
    (finding,), (finer,) = (findings(figures(乙县_2=0.0), grain=grain) for grain in ("month", "quarter"))
    assert finer.message == finding.message
    assert finer.place.period == "2024-03"


def test_zero_of_zero_has_no_value_which_is_seen():
    ratio = (
        "system: z\nperiod: month\nentities: {title: 县}\n"
        "measures: {done: {title: 办结量, unit: 件}, due: {title: 应办量, unit: 件}}\n"
        "indicators: {x: {kind: ratio, numerator: done, denominator: due, unit: '%', target: {at_least: 60}}}\n"
    )
    both = figures(乙县_2=0.0).rename({"m": "done"}).with_columns(due=pl.col("done") * 1.2)
    alone = both.with_columns(due=pl.when(pl.col("done") > 0).then("due").otherwise(510.0))
    found = {
        name: [item for item in kpi.score(data, system=ratio).findings_list if item.code == "K692"]
        for name, data in (("both", both), ("alone", alone))
    }
    assert found["both"] == []
    assert [item.place.field for item in found["alone"]] == ["办结量"]


def test_many_periods_are_counted():
    periods = [f"{year}-{month:02}" for year in range(2015, 2025) for month in range(1, 13)]
    units = [f"第{at}镇" for at in range(60)]
    cells = {f"第{at}镇_{at * 2}": 0.0 for at in range(30)}
    found = findings(figures(units, periods, low=4000.0, **cells))
    assert len(found) == 4
    assert sum(item.stands_for for item in found) == 30
    assert found[-1].message.startswith("办件量 is 0 in 27 more figures, of ")


def test_disclosure_shows_no_figure():
    (finding,) = findings(figures(乙县_2=0.0), more="disclosure: {threshold: 5, of: [m]}\n")
    assert "411" not in finding.message


@pytest.mark.parametrize("roster", ["", ", roster: roster.csv"])
@pytest.mark.parametrize("suffix", ["csv", "parquet", "xlsx"])
def test_files_nights_and_words(tmp_path, monkeypatch, roster, suffix):
    pytest.importorskip("deltalake")
    monkeypatch.chdir(tmp_path)
    pl.DataFrame({"县": UNITS}).write_csv("roster.csv")
    Path("z.yaml").write_text(system(roster=roster), "utf-8")
    Path("n.toml").write_text(f'store = "store"\n[[source]]\nsystem = "z.yaml"\ndata = "d*.{suffix}"\n', "utf-8")
    data = figures(乙县_2=0.0).rename({"m": "办件量（件）"})
    if suffix == "xlsx":
        pytest.importorskip("xlsxwriter")
        data.write_excel("d.xlsx")
    else:
        getattr(data, f"write_{suffix}")(f"d.{suffix}")
    done = CliRunner().invoke(main, ["batch", "n.toml"])
    assert done.exit_code == 0, done.stderr
    assert done.stderr.count("K692") == 1
    done = CliRunner(env={"KPI_LANG": "zh"}).invoke(main, ["check", "z.yaml", "--data", f"d.{suffix}"])
    assert "办件量 为 0，更像是缺报：乙县：其余各期 411 至 446 件" in done.stderr + done.output
