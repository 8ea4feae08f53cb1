"""Targets of units that are in another unit than the figures are reported; those that are only ambitious are not."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import kpi
from kpi.cli.main import main

UNITS = ["甲县", "乙县", "丙县", "丁县", "戊县"]
VALUES = [503.0, 620.5, 488.0, 911.0, 700.0]
RATES = [87.0, 93.5, 90.1, 95.0, 88.0]


def system(*, unit="亿元", title="产值", target="{at_least: {file: targets.csv}}", grain="year", more=""):
    return (
        f"system: t\nperiod: {grain}\nentities: {{title: 县}}\nmeasures: {{m: {{title: 数, unit: '{unit}'}}}}\n"
        f"indicators: {{x: {{title: {title}, kind: level, of: m, target: {target}}}}}\n{more}"
    )


def scored(folder: Path, values, targets, *, heading="目标值", period=None, periods=("2024",), **options):
    """Return the findings about figures of the units and targets of a file."""
    lines = [f"县,指标,{heading}"] + [
        f"{unit},x,{target}" for unit, target in zip(UNITS, targets, strict=False) if target is not None
    ]
    (folder / "targets.csv").write_text("\n".join(lines) + "\n", "utf-8")
    (folder / "t.yaml").write_text(system(**options), "utf-8")
    rows = [(unit, label, value) for label in periods for unit, value in zip(UNITS, values, strict=False)]
    data = pl.DataFrame(rows, schema=["县", "期别", "数"], orient="row")
    card = kpi.score(data, system=folder / "t.yaml", period=period)
    return [item for item in card.findings_list if item.code == "K693"]


def test_targets_of_a_file_in_another_unit(tmp_path):
    (finding,) = scored(tmp_path, VALUES, [value * 10_000 for value in VALUES])
    assert finding.message == (
        "the targets of 产值 are far from its figures: 6,205,000 亿元 beside 620.5 亿元, in the middle of all"
    )
    assert (finding.severity, finding.place.file, finding.place.period, finding.place.entity) == (
        "warning", str(tmp_path / "targets.csv"), "2024", None,
    )  # fmt: skip


def test_a_unit_beside_the_targets_is_converted(tmp_path):
    targets = [f"{value * 10_000},万元" for value in VALUES]
    assert scored(tmp_path, VALUES, targets, heading="目标值,计量单位") == []


@pytest.mark.parametrize("better", ["at_least", "at_most"])
def test_percents_beside_fractions(tmp_path, better):
    (finding,) = scored(tmp_path, RATES, [0.9] * 5, unit="%", title="率", target=f"{{{better}: {{file: targets.csv}}}}")
    assert "0.9 % beside 90.1 %" in finding.message


def test_one_target_in_another_unit(tmp_path):
    (finding,) = scored(tmp_path, VALUES, [500, 600, 4_900_000, 900, 700])
    assert finding.message == (
        "targets of 产值 are far from the figures, unlike the others: 丙县: 4,900,000 亿元 beside 488 亿元"
    )
    assert finding.place.entity == "丙县"


def test_targets_beside_the_figures(tmp_path):
    (tmp_path / "t.yaml").write_text(system(target="{at_least: {column: 目标值}}"), "utf-8")
    data = pl.DataFrame({"县": UNITS, "年份": 2024, "数": VALUES, "目标值": [value * 1e4 for value in VALUES]})
    card = kpi.score(data, system=tmp_path / "t.yaml")
    (finding,) = [item for item in card.findings_list if item.code == "K693"]
    assert (finding.place.file, finding.place.field) == (None, "产值")


@pytest.mark.parametrize(
    ("values", "targets", "target"),
    [
        (VALUES, [value * 1.2 for value in VALUES], "at_least"),
        (VALUES, [value * 40 for value in VALUES], "at_least"),  # the year's target, in its first months
        ([3, 40, 7, 90, 2], [300, 4000, 100, 50, 1000], "at_least"),
        ([0.2, 4.0, 1.0, 0.1, 0.03], [100] * 5, "at_most"),  # far below a limit
        (VALUES, [0] * 5, "at_least"),
        (VALUES[:2], [5e6] * 2, "at_least"),
        (VALUES, [5e6, 5e6, 500, 900, 700], "at_least"),  # neither a few nor most
        ([0.0] * 5, [5e6] * 5, "at_least"),
        ([503.0, 620.5, 1.4, 911.0, 700.0], [500, 600, 500, 900, 700], "at_least"),  # a unit that hardly began
    ],
    ids=range(9),
)
def test_targets_that_may_be_right(tmp_path, values, targets, target):
    assert scored(tmp_path, values, targets, target=f"{{{target}: {{file: targets.csv}}}}") == []


def test_limits_that_no_unit_keeps(tmp_path):
    target = "{at_most: {file: targets.csv}}"
    assert len(scored(tmp_path, [300.0, 4000.0, 900.0, 70.0, 50.0], [0.3, 2, 0.9, 0.7, 0.4], target=target)) == 1


def test_each_period_is_judged_by_itself(tmp_path):
    found = scored(tmp_path, VALUES, [5e6] * 5, periods=("2022", "2023", "2024"))
    assert [item.place.period for item in found] == ["2022", "2023", "2024"]
    (finding,) = scored(tmp_path, VALUES, [5e6] * 5, periods=("2022", "2023", "2024"), period="2023")
    assert finding == found[1]


def test_many_periods_are_counted(tmp_path):
    periods = [f"{year}-{month:02}" for year in range(2022, 2025) for month in range(1, 13)]
    found = scored(tmp_path, VALUES, [5e6] * 5, periods=periods, grain="month")
    assert len(found) == 4
    assert found[-1].message == "targets of 产值 are far from the figures in 33 more periods, 2022-04 to 2024-12"


def test_shares_of_a_total_are_not_judged(tmp_path):
    assert scored(tmp_path, VALUES, [], target="{at_least: {share: equal, total: 5}}") == []


def test_disclosure_shows_no_figure(tmp_path):
    (finding,) = scored(tmp_path, VALUES, [5e6] * 5, unit="件", more="disclosure: {threshold: 5, of: [m]}\n")
    assert finding.message == "the targets of 产值 are far from its figures"


def test_nights_and_words(tmp_path, monkeypatch):
    pytest.importorskip("deltalake")
    monkeypatch.chdir(tmp_path)
    scored(tmp_path, VALUES, [5e6] * 5)
    pl.DataFrame({"县": UNITS, "年份": 2024, "数": VALUES}).write_csv("d.csv")
    Path("n.toml").write_text('store = "store"\n[[source]]\nsystem = "t.yaml"\ndata = "d.csv"\n', "utf-8")
    done = CliRunner().invoke(main, ["batch", "n.toml"])
    assert done.exit_code == 0, done.stderr
    assert done.stderr.count("K693") == 1
    done = CliRunner(env={"KPI_LANG": "zh"}).invoke(main, ["check", "t.yaml", "--data", "d.csv"])
    assert "产值 的目标值与其数据相差悬殊：5,000,000 亿元 对 620.5 亿元（均为中位数）" in done.stderr + done.output
