"""A period whose figures are all those of the period before is rather a copy than data."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import kpi
from kpi.cli.main import main

SYSTEM = """\
system: copied
period: month
entities: {title: 县}
measures:
  产值: {unit: 亿元}
  税收: {unit: 亿元}
  面积: {unit: 平方公里}
  参保率: {unit: '%', over_time: last}
indicators: {x: {kind: level, of: 产值}}
"""
UNITS = ["海宁市", "桐乡市", "平湖市", "嘉善县"]
MEASURES = ["产值", "税收"]


def table(months: int = 4, measures=MEASURES, units=UNITS) -> pl.DataFrame:
    chance = random.Random(7)
    rows = [
        (f"2024-{month:02}", unit, *(round(chance.uniform(20, 90), 1) for _ in measures))
        for month in range(1, months + 1) for unit in units
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=["月份", "县", *measures], orient="row")


def copied(data: pl.DataFrame, month: int, measures=MEASURES) -> pl.DataFrame:
    """Return a table in which the figures of a month are those of the month before."""
    before = data.filter(月份=f"2024-{month - 1:02}").select("县", *measures)
    rest = data.filter(pl.col("月份") != f"2024-{month:02}")
    mine = data.filter(月份=f"2024-{month:02}").drop(measures).join(before, on="县", maintain_order="left")
    return pl.concat([rest, mine.select(data.columns)])


def messages(data, **options) -> list[str]:
    card = kpi.score(data, system=SYSTEM, **options)
    return [str(item.message) for item in card.findings_list if item.code == "K687"]


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize("month", [2, 3, 4])
def test_a_month_that_is_the_one_before(month, long):
    data = copied(table(), month)
    if long:
        data = data.unpivot(index=["月份", "县"], variable_name="指标", value_name="数值")
    (message,) = messages(data)
    assert message == (
        f"all figures of 产值, 税收 in 2024-{month:02} are those of 2024-{month - 1:02}, 8 in all units: "
        "they seem to be a copy"
    )
    assert len(messages(data, period=f"2024-{month:02}")) <= 1
    assert messages(data, period="2024-01") == []


@pytest.mark.parametrize("grain", ["quarter", "year"])
@pytest.mark.parametrize("long", [False, True])
def test_a_copied_month_where_longer_periods_are_scored(grain, long):
    data = copied(table(12), 5)
    if long:
        data = data.unpivot(index=["月份", "县"], variable_name="指标", value_name="数值")
    of_longer = SYSTEM.replace("period: month", f"period: {grain}")
    (finding,) = [item for item in kpi.score(data, system=of_longer).findings_list if item.code == "K687"]
    assert finding.message == (
        "all figures of 产值, 税收 in 2024-05 are those of 2024-04, 8 in all units: they seem to be a copy"
    )
    assert finding.place.period == "2024-05"
    assert "K687" not in {item.code for item in kpi.score(table(12), system=of_longer).findings_list}
    shown, other = ("2024Q2", "2024Q3") if grain == "quarter" else ("2024", None)
    assert "K687" in {item.code for item in kpi.score(data, system=of_longer, period=shown).findings_list}
    if other is not None:
        assert "K687" not in {item.code for item in kpi.score(data, system=of_longer, period=other).findings_list}


def test_a_copied_quarter_of_months_is_reported_by_month_and_quarter():
    data = table(12)
    second = data.filter(pl.col("月份").is_in([f"2024-{month:02}" for month in (4, 5, 6)]))
    third = second.with_columns(("2024-0" + (pl.col("月份").str.slice(5).cast(int) + 3).cast(str)).alias("月份"))
    data = pl.concat([data.join(third, on=["月份", "县"], how="anti"), third])
    of_quarters = SYSTEM.replace("period: month", "period: quarter")
    (finding,) = [item for item in kpi.score(data, system=of_quarters).findings_list if item.code == "K687"]
    assert finding.place.period == "2024Q3"


def test_of_two_months_flows_alone_say_something():
    units = [*UNITS, "海盐县", "南湖区"]
    assert len(messages(copied(table(2, units=units), 2))) == 1
    measures = ["参保率", "产值"]
    assert messages(copied(table(2, measures, units), 2, measures)) == []


def test_a_measure_that_changes_beside_them_is_not_named():
    data = table(measures=[*MEASURES, "参保率"])
    (message,) = messages(copied(data, 3))
    assert "参保率" not in message


@pytest.mark.parametrize(
    "case", ["right", "one differs", "one measure", "constant", "nothing", "all at 100", "few", "small numbers"]
)
def test_what_is_no_copy(case):
    data = table(measures=[*MEASURES, "面积", "参保率"])
    match case:
        case "one differs":
            data = copied(data, 3).with_columns(
                产值=pl.col("产值") + ((pl.col("月份") == "2024-03") & (pl.col("县") == "桐乡市")).cast(pl.Float64),
            )
        case "one measure":
            data = copied(data, 3, ["税收"])
        case "constant":
            first = data.head(4)
            data = pl.concat([first.with_columns(月份=pl.lit(f"2024-{month:02}")) for month in range(1, 5)])
        case "nothing":
            data = data.with_columns(产值=0.0, 税收=0.0)
        case "all at 100":
            late = pl.col("月份") >= "2024-03"
            data = copied(data, 4, ["税收"]).with_columns(参保率=pl.when(late).then(100.0).otherwise("参保率"))
        case "small numbers":
            data = copied(data.with_columns((pl.col(name) / 8).round() for name in MEASURES), 3)
        case "few":
            data = copied(table(units=UNITS[:2]), 3)
    assert messages(data) == []


def test_nights_report_it(tmp_path, monkeypatch):
    pytest.importorskip("deltalake")
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(SYSTEM, "utf-8")
    Path("n.toml").write_text('store = "store"\n[[source]]\nsystem = "t.yaml"\ndata = "d*.csv"\n', "utf-8")
    data = copied(table(), 4)
    for last, number in ((3, 0), (4, 1)):
        for month in range(1, last + 1):
            data.filter(月份=f"2024-{month:02}").write_csv(f"d{month}.csv")
        done = CliRunner().invoke(main, ["batch", "n.toml"])
        assert done.exit_code == 0, done.stderr
        assert done.stderr.count("K687") == number, done.stderr
        verified = CliRunner().invoke(main, ["batch", "n.toml", "--verify"])
        assert verified.exit_code == 0, verified.stderr
