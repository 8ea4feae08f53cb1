"""Figures of months that are scored by quarter or year: what is wrong with one month is found as where months are."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import kpi
from kpi.cli.main import main

UNITS = ["南湖区", "秀洲区", "嘉善县", "海盐县", "海宁市", "平湖市", "桐乡市"]
ENGLISH = ["Ashby", "Bexley", "Corby", "Derby", "Ely", "Frome", "Goole"]
CODES = ("K674", "K683", "K686")


def system_of(period: str = "year", **more) -> dict:
    measures = {
        "办件总量": {"unit": "件"}, "财政收入": {"unit": "万元", "over_time": "sum"},
        "用电负荷": {"unit": "万千瓦", "over_time": "mean"}, "贷款余额": {"unit": "亿元", "over_time": "last"},
    }  # fmt: skip
    for name, item in more.pop("measures", {}).items():
        measures.setdefault(name, {}).update(item)
    indicators = {f"{name}得分": {"kind": "level", "of": name, "score": {"kind": "minmax"}} for name in measures}
    return {
        "system": "t", "period": period, "entities": {"title": "县市区"}, "measures": measures,
        "indicators": indicators, **more,
    }  # fmt: skip


def figures(units: list[str] = UNITS, first: int = 2023, months: int = 24) -> pl.DataFrame:
    rows = [
        (
            f"{first + at // 12}-{at % 12 + 1:02}", unit, 10000.0 + 1500 * place + 37 * (at * 7 % 11),
            50000.0 + 9000 * place + 131 * (at * 5 % 13), 80.0 + 10 * place + (at * 3 % 7), 400.0 + 50 * place + 2 * at,
        ) for at in range(months) for place, unit in enumerate(units)
    ]  # fmt: skip
    columns = ["期别", "县市区", "办件总量", "财政收入", "用电负荷", "贷款余额"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def changed(data: pl.DataFrame, name: str, factor: float, period: str = "2024-05", unit: str | None = "海宁市"):
    where = pl.col("期别").eq(period) & (pl.lit(value=True) if unit is None else pl.col("县市区").eq(unit))
    return data.with_columns(pl.when(where).then(pl.col(name) * factor).otherwise(name).alias(name))


def found(data: pl.DataFrame, system: dict, **options) -> list[tuple[str | None, ...]]:
    card = kpi.score(data, system=system, **options)
    places = [(item.code, item.place) for item in card.findings_list if item.code in CODES]
    return [(code, place.field, place.entity, place.period) for code, place in places]


@pytest.mark.parametrize("period", ["quarter", "half", "year", "month"])
@pytest.mark.parametrize("name", ["办件总量", "财政收入", "用电负荷", "贷款余额"])
@pytest.mark.parametrize("factor", [10, 0.1, 10000])
def test_a_wrong_digit_or_unit_of_one_month_is_found_once(period, name, factor):
    data = changed(figures(), name, factor)
    assert found(data, system_of(period)) == [("K683", name, "海宁市", "2024-05")]


@pytest.mark.parametrize("period", ["quarter", "half", "year"])
def test_nothing_is_found_in_steady_figures(period):
    assert found(figures(), system_of(period)) == []


@pytest.mark.parametrize("period", ["quarter", "year"])
def test_another_unit_from_some_month_on(period):
    later = pl.col("期别") >= "2024-07"
    data = figures().with_columns(财政收入=pl.when(later).then(pl.col("财政收入") * 10000).otherwise("财政收入"))
    assert found(data, system_of(period)) == [("K683", "财政收入", None, "2024-07")]


@pytest.mark.parametrize("period", ["quarter", "year"])
@pytest.mark.parametrize("factor", [-1, -40])
def test_a_count_below_zero_in_one_month_is_found_once(period, factor):
    data = changed(figures(), "办件总量", factor)
    assert found(data, system_of(period)) == [("K674", "办件总量", "海宁市", "2024-05")]


def test_a_change_may_be_below_zero():
    data = changed(figures(), "办件总量", -1).rename({"办件总量": "净增户数"})
    system = system_of(measures={"净增户数": {"unit": "户"}})
    del system["measures"]["办件总量"], system["indicators"]["办件总量得分"]
    assert found(data, system) == []


def test_one_unit_far_beyond_the_others_in_all_months():
    data = figures()
    data = data.with_columns(财政收入=pl.col("财政收入") * pl.when(县市区="海宁市").then(10000).otherwise(1))
    assert found(data, system_of()) == [("K686", "财政收入", "海宁市", "2024-12")]


@pytest.mark.parametrize("shape", ["long", "files", "wide"])
def test_other_forms_of_the_same_table(shape, tmp_path):
    data = changed(figures(), "财政收入", 10)
    given: object = data.unpivot(index=["期别", "县市区"], variable_name="指标", value_name="数值")
    if shape == "files":
        given = []
        for (month,), part in data.partition_by("期别", as_dict=True).items():
            part.write_csv(tmp_path / f"{month}.csv")
            given.append(tmp_path / f"{month}.csv")
    if shape == "wide":
        given = (
            data.select("期别", "县市区", "财政收入")
            .pivot(on="期别", index="县市区")
            .with_columns(指标=pl.lit("财政收入"))
        )
    assert found(given, system_of()) == [("K683", "财政收入", "海宁市", "2024-05")]


def test_names_in_english_and_a_roster(tmp_path):
    data = changed(figures(ENGLISH), "办件总量", 10, unit="Corby")
    pl.DataFrame({"县市区": ENGLISH}).write_csv(tmp_path / "roster.csv")
    data.write_csv(tmp_path / "d.csv")
    entities = {"title": "县市区", "roster": str(tmp_path / "roster.csv")}
    assert found(tmp_path / "d.csv", system_of(entities=entities)) == [("K683", "办件总量", "Corby", "2024-05")]


def test_only_the_period_that_is_asked_for():
    data = changed(changed(figures(), "财政收入", 10), "办件总量", 10, period="2023-08")
    assert [period for *_, period in found(data, system_of())] == ["2023-08", "2024-05"]
    assert [period for *_, period in found(data, system_of(), period="2024")] == ["2024-05"]


def test_years_that_begin_in_april():
    data = changed(figures(), "财政收入", 10)
    assert found(data, system_of(year_starts=4)) == [("K683", "财政收入", "海宁市", "2024-05")]


@pytest.mark.parametrize("factor", [1, 10])
def test_running_totals_are_left_out(factor):
    running = pl.col("财政收入").cum_sum().over("县市区", pl.col("期别").str.head(4))
    data = changed(figures().with_columns(财政收入=running), "财政收入", factor)
    assert found(data, system_of(measures={"财政收入": {"cumulative": True}})) == []


def test_seasons_are_no_slips():
    # Snow in one month, and ten times as many tourists in October: every year in every unit, and once in one.
    month = pl.col("期别").str.tail(2)
    season = pl.when(month == "10").then(10).when(month == "01").then(0.1).otherwise(1)
    data = figures().with_columns(办件总量=pl.col("办件总量") * season, 财政收入=pl.col("财政收入") * season)
    for period in ("quarter", "year"):
        assert found(data, system_of(period)) == []
    one = pl.when((month == "10") & (pl.col("县市区") == "海宁市")).then(10).otherwise(1)
    assert found(figures().with_columns(办件总量=pl.col("办件总量") * one), system_of()) == []


def test_decades_of_growth():
    grown = figures(first=2005, months=240).with_columns(
        财政收入=pl.col("财政收入") * 1.12 ** (pl.col("期别").str.head(4).cast(pl.Int64) - 2005)
    )
    assert found(grown, system_of()) == []
    assert found(changed(grown, "财政收入", 10), system_of()) == [("K683", "财政收入", "海宁市", "2024-05")]


def test_growth_is_no_amount():
    data = changed(figures(), "用电负荷", 0.1).rename({"用电负荷": "工业增速"})
    system = system_of(measures={"工业增速": {"unit": "%", "over_time": "mean"}})
    del system["measures"]["用电负荷"], system["indicators"]["用电负荷得分"]
    assert found(data, system) == []


def test_a_check_takes_its_place():
    data = changed(figures(), "财政收入", 10)
    assert found(data, system_of(checks={"slips": {"magnitude": ["财政收入"]}})) == []


def test_quarters_that_are_scored_by_year_with_a_few_months_beside():
    quarters = figures().filter(pl.col("期别").str.tail(2).is_in(["03", "06", "09", "12"])).with_columns(
        期别=pl.col("期别").str.head(4) + "Q" + (pl.col("期别").str.tail(2).cast(pl.Int64) // 3).cast(pl.String)
    )  # fmt: skip
    data = changed(quarters, "财政收入", 10, period="2024Q2")
    assert found(data, system_of()) == [("K683", "财政收入", "海宁市", "2024Q2")]


def test_finer_units_and_years_beside_months():
    years = pl.DataFrame(
        {"期别": ["2021", "2022"] * 7, "县市区": [unit for unit in UNITS for _ in range(2)], "财政收入": 6e5}
    )
    data = pl.concat([figures(), years], how="diagonal")
    assert found(changed(data, "财政收入", 10), system_of()) == [("K683", "财政收入", "海宁市", "2024-05")]


@pytest.mark.parametrize("by_file", [False, True])
def test_nights_and_their_verification(tmp_path, monkeypatch, by_file):
    pytest.importorskip("deltalake")
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(str(system_of()), "utf-8")
    Path("n.toml").write_text('store = "store"\n[[source]]\nsystem = "t.yaml"\ndata = "d*.csv"\n', "utf-8")
    data = changed(changed(figures(), "财政收入", 10), "办件总量", -40, period="2024-03")
    for year in ("2023", "2024"):
        part = data.filter(pl.col("期别").str.starts_with(year))
        if by_file:
            for (month,), rows in part.partition_by("期别", as_dict=True).items():
                rows.write_csv(f"d{month}.csv")
        else:
            part.write_csv(f"d{year}.csv")
        done = CliRunner().invoke(main, ["batch", "n.toml"])
        assert done.exit_code == 0, done.stderr
        verified = CliRunner().invoke(main, ["batch", "n.toml", "--verify"])
        assert verified.exit_code == 0, verified.stderr
    assert done.stderr.count("K683") == 1, done.stderr
    assert done.stderr.count("K674") == 1, done.stderr


def test_in_chinese(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    changed(figures(), "财政收入", 10).write_csv("d.csv")
    Path("t.yaml").write_text(str(system_of()), "utf-8")
    for command in (["score", "d.csv", "--system", "t.yaml"], ["check", "t.yaml", "--data", "d.csv"]):
        done = CliRunner(env={"KPI_LANG": "zh"}).invoke(main, command)
        assert (done.stderr + done.stdout).count("K683") == 1
        assert "海宁市 2024-05" in done.stderr + done.stdout
