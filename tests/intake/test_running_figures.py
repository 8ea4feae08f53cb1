"""Running totals that no heading calls so: what else calls them cumulative, and figures that rise as they do."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import kpi
from kpi.cli.main import main
from kpi.intake.reported.rising_figures import rising_in_panel
from kpi.language.loading.loader import examine_text

SYSTEM = """\
system: totals
period: {grain}
entities: {{title: 县{roster}}}
measures: {{收入: {{unit: 万元{more}}}, 支出: {{unit: 万元, over_time: sum}}}}
indicators:
  x: {{kind: ratio, numerator: 收入, denominator: 支出, unit: '%', target: {{at_least: 90}}}}
pillars: {{p: {{parts: {{x: 1}}}}}}
"""
UNITS = ["甲县", "乙县", "丙县"]
#: Figures of single months, which fall in some.
MONTHLY = [30, 25, 41, 38, 44, 40, 39, 45, 43, 47, 50, 61]


def months(running: bool, first: int = 1, last: int = 12, year: int = 2024) -> pl.DataFrame:
    rows = []
    for place, unit in enumerate(UNITS):
        for month in range(first, last + 1):
            single = MONTHLY[month - 1] * (place + 1)
            total = sum(MONTHLY[:month]) * (place + 1)
            rows.append((unit, f"{year}-{month:02}", "收入", total if running else single))
            rows.append((unit, f"{year}-{month:02}", "支出", single + place))
    return pl.DataFrame(rows, schema=["县", "月份", "指标", "数值"], orient="row")


def system_of(grain: str = "month", more: str = ", over_time: sum", roster: str = "") -> str:
    return SYSTEM.format(grain=grain, more=more, roster=roster)


def findings_of(data, code: str, **options) -> list[str]:
    card = kpi.score(data, system=system_of(**options))
    return [str(item.message) for item in card.findings_list if item.code == code]


@pytest.mark.parametrize("grain", ["month", "quarter", "year"])
@pytest.mark.parametrize("wide", [False, True])
def test_figures_that_rise_as_running_totals(grain, wide):
    data, fine = months(running=True), months(running=False)
    if wide:
        data, fine = (frame.pivot("指标", index=["县", "月份"], values="数值") for frame in (data, fine))
    (message,) = findings_of(data, "K682", grain=grain)
    assert message.startswith("the figures of 收入 rise within the year in every unit as running totals do")
    assert findings_of(fine, "K682", grain=grain) == []


@pytest.mark.parametrize(
    "more", [", cumulative: true", ", cumulative: false", ", over_time: last", ", over_time: mean"]
)
def test_measures_that_say_what_they_are(more):
    assert findings_of(months(running=True), "K682", more=more) == []


def test_a_year_to_date_is_made_of_single_months():
    assert findings_of(months(running=False), "K682", more=", over_time: ytd") == []
    assert len(findings_of(months(running=True), "K682", more=", over_time: ytd")) == 1


def test_one_unit_with_a_fall_is_enough():
    data = months(running=True)
    data[30, "数值"] = data[28, "数值"] - 1
    assert findings_of(data, "K682") == []


def test_few_figures_and_slow_growth_are_not_judged():
    assert findings_of(months(running=True, last=2), "K682") == []
    slow = months(running=False).with_columns(数值=100 + pl.col("月份").str.slice(5).cast(pl.Int64))
    assert findings_of(slow, "K682") == []


@pytest.mark.parametrize("grain", ["month", "quarter", "half", "year"])
def test_half_a_year_of_months_is_enough(grain):
    (message,) = findings_of(months(running=True, last=6), "K682", grain=grain)
    assert "收入" in message
    assert findings_of(months(running=False, last=6), "K682", grain=grain) == []
    growing = months(running=False, last=6).with_columns(数值=100 * 1.2 ** pl.col("月份").str.slice(5).cast(pl.Int64))
    assert findings_of(growing, "K682", grain=grain) == []


@pytest.mark.parametrize("grain", ["quarter", "year"])
def test_months_that_grow_over_new_year_are_no_running_totals(grain):
    growing = pl.concat([months(running=False, year=2023), months(running=False, last=6)]).with_columns(
        数值=10 * 1.4 ** (pl.col("月份").str.slice(5).cast(pl.Int64) + 12 * (pl.col("月份") > "2024"))
    )
    assert findings_of(growing, "K682", grain=grain) == []


def test_a_series_that_does_not_begin_anew_in_january():
    data = pl.concat([months(running=True, year=2023), months(running=True, year=2024)])
    assert len(findings_of(data, "K682")) == 1
    further = data.with_columns(
        数值=pl.col("数值") + pl.when(pl.col("月份") > "2024", pl.col("指标") == "收入").then(2000).otherwise(0)
    )
    assert findings_of(further, "K682") == []


def test_files_of_one_month_each(tmp_path):
    files = []
    for month in range(1, 7):
        files.append(tmp_path / f"m{month}.csv")
        months(running=True, first=month, last=month).write_csv(files[-1])
    assert len(findings_of(files, "K682")) == 1


@pytest.mark.parametrize("grain", ["month", "year"])
@pytest.mark.parametrize("roster", ["", ", roster: roster.csv"])
def test_nights_and_their_verification(tmp_path, monkeypatch, roster, grain):
    pytest.importorskip("deltalake")
    monkeypatch.chdir(tmp_path)
    pl.DataFrame({"县": UNITS}).write_csv("roster.csv")
    Path("t.yaml").write_text(system_of(grain=grain, roster=roster), "utf-8")
    Path("n.toml").write_text('store = "store"\n[[source]]\nsystem = "t.yaml"\ndata = "d*.csv"\n', "utf-8")
    for year, last in ((2023, 12), (2024, 2), (2024, 6)):
        for month in range(1, last + 1):
            months(running=True, year=year, first=month, last=month).write_csv(f"d{year}{month:02}.csv")
        done = CliRunner().invoke(main, ["batch", "n.toml"])
        assert done.exit_code == 0, done.stderr
        assert done.stderr.count("K682") == 1, done.stderr
        verified = CliRunner().invoke(main, ["batch", "n.toml", "--verify"])
        assert verified.exit_code == 0, verified.stderr


def write_sheet(path: Path, frame: pl.DataFrame, sheet: str = "Sheet1", below: str | None = None) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.active.title = sheet
    for row in [frame.columns, *frame.rows(), *([[], [below]] if below else [])]:
        book.active.append(list(row))
    book.save(path)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("sheet", "the name `累计` of the sheet"),
        ("file", "the name `累计数.xlsx` of the file"),
        ("note", "the note `注：本表为累计数` below the table"),
        ("note in a CSV", "the note `注：本表为累计数` below the table"),
        ("备注", "the remark `累计`"),
        ("口径", "the remark `累计`"),
        ("wide", "the remark `累计`"),
    ],
)
def test_what_else_calls_figures_cumulative(tmp_path, monkeypatch, place, said):
    monkeypatch.chdir(tmp_path)
    frame, path = months(running=False, last=3), Path("d.xlsx")
    if place in ("备注", "口径"):
        frame = frame.with_columns(pl.when(指标="收入").then(pl.lit("累计")).otherwise(pl.lit("当月")).alias(place))
    if place == "wide":
        frame = frame.pivot("指标", index=["县", "月份"], values="数值").with_columns(备注=pl.lit("累计"))
    if place == "note in a CSV":
        path = Path("d.csv")
        path.write_text(frame.write_csv() + "注：本表为累计数,,,\n", "utf-8")
    else:
        path = Path("累计数.xlsx") if place == "file" else path
        below = "注：本表为累计数" if place == "note" else None
        write_sheet(path, frame, sheet="累计" if place == "sheet" else "数据", below=below)
    (message,) = findings_of(path, "K623")
    every = "收入, 支出" if place not in ("备注", "口径") else "收入"
    assert message == f"{said} calls figures cumulative, but each of {every} is read as that of its own period"
    assert findings_of(path, "K623", more=", cumulative: false") == (
        [] if place in ("备注", "口径") else [message.replace(every, "支出")]
    )


def test_in_chinese(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    months(running=True).write_csv("累计.csv")
    Path("t.yaml").write_text(system_of(more=""), "utf-8")
    done = CliRunner(env={"KPI_LANG": "zh"}).invoke(main, ["score", "累计.csv", "--system", "t.yaml"])
    assert "文件名“累计.csv”" in done.stderr
    months(running=True).write_csv("d.csv")
    done = CliRunner(env={"KPI_LANG": "zh"}).invoke(main, ["score", "d.csv", "--system", "t.yaml"])
    assert "K682" in done.stderr
    assert "逐期上升" in done.stderr


def test_periods_without_a_figure_make_no_difference():
    """A panel has rows for them, the periods that a night reads have none."""
    system = examine_text(system_of()).system
    rows = {"entity": list(range(9)), "收入": 1.0}
    figures = [
        pl.DataFrame({**rows, "period": 12 * 2023 + month}).with_columns(
            pl.col("收入") * (month + 1), pl.col("entity").cast(pl.UInt32), pl.col("period").cast(pl.Int32)
        )
        for month in range(12)
    ]
    figures += [figures[0].with_columns(period=pl.lit(12 * 2024, pl.Int32))]
    third = figures[0].with_columns(period=pl.lit(12 * 2024 + 2, pl.Int32))
    gap = figures[0].with_columns(pl.lit(None, pl.Float64).alias("收入"), period=pl.lit(12 * 2024 + 1, pl.Int32))
    assert rising_in_panel(system, pl.concat([*figures, third])) == {"收入"}
    assert rising_in_panel(system, pl.concat([*figures, gap, third])) == {"收入"}
