"""A figure far beyond those of all other units of its period is probably in another unit of measure."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import kpi
from kpi.cli.main import main

UNITS = ["海宁市", "桐乡市", "平湖市", "嘉善县", "海盐县", "南湖区", "秀洲区"]
USUAL = [51.0, 61.0, 71.0, 81.0, 91.0, 101.0, 111.0]
SYSTEM = """\
system: beside
period: year
entities: {{title: 县{entities}}}
measures: {{v: {{title: '{title}', unit: '{unit}'}}}}
indicators: {{x: {{kind: level, of: v, target: {{at_least: 1}}}}}}
pillars: {{p: {{parts: {{x: 1}}}}}}
{more}
"""


def system_of(title="产值", unit="亿元", more="", entities=""):
    return SYSTEM.format(title=title, unit=unit, more=more, entities=entities)


def figures(values, years=(2024,), units=UNITS):
    rows = [(unit, year, value) for year in years for unit, value in zip(units, values, strict=True)]
    return pl.DataFrame(rows, schema=["县", "年份", "v"], orient="row")


def findings_of(data, code="K686", period=None, **options):
    card = kpi.score(data, system=system_of(**options), period=period)
    return [
        f"{item.place.entity} {item.place.period}: {item.message}" for item in card.findings_list if item.code == code
    ]


def changed(value, at=1, base=USUAL):
    return [value if place == at else other for place, other in enumerate(base)]


def test_ten_thousand_times_the_others():
    (message,) = findings_of(figures(changed(610000.0)))
    assert message.startswith("桐乡市 2024: 产值 is far above that of all other units in 2024: 桐乡市: 610,000 亿元")
    assert message.endswith("about 5,500 times the next, 111 亿元")


def test_a_ten_thousandth_of_the_others():
    (message,) = findings_of(figures(changed(0.0061)))
    assert message.endswith("桐乡市: 0.0061 亿元, about 1/8,400 of the next, 51 亿元")


@pytest.mark.parametrize(
    ("title", "unit", "value", "base"),
    [
        ("常住人口", "万人", 523000.0, [52.3, 61.2, 71.5, 44.8, 35.1, 62.7, 48.2]),
        ("常住人口", "人", 52.3, [523000, 612000, 715000, 448000, 351000, 627000, 482000]),
        ("人均可支配收入", "元", 6.52, [65200, 61200, 71500, 54800, 65100, 62700, 58200]),
        ("面积", "平方公里", 700000000.0, [700.5, 610.2, 540.0, 507, 585, 439, 548]),
        ("Output", "万元", 51000000.0, [5100, 300, 2000, 900, 4000, 20000, 700]),
        ("得分", "1", 91000.0, USUAL),
    ],
)
def test_what_else_is_found(title, unit, value, base):
    base = [float(number) for number in base]
    assert len(findings_of(figures(changed(value, base=base)), title=title, unit=unit)) == 1


@pytest.mark.parametrize(
    ("title", "unit", "values"),
    [
        ("出口额", "亿元", [3200.0, 61, 12, 8, 40, 5, 11]),  # skewed exports
        ("出口额", "亿元", [3200.0, 0.5, 0.02, 0.8, 40, 0.005, 1.1]),  # the others are apart, too
        ("产值", "亿元", [51.0, 0.0, 71, 81, 91, 101, 111]),
        ("产值", "亿元", [51.0, 0.05, 71, 81, 91, 101, 111]),  # a small one, rounded
        ("产值", "亿元", [51.0, 50000.0, 71, 81, 91, None, None]),  # few units
        ("利润", "万元", [0.31, 6000.0, 7000, 8000, 9000, 10000, 11000]),
        ("利润总额", "万元", [5100.0, -0.25, 7000, 8000, -9000, 10000, 11000]),
        ("净增贷款", "万元", [0.31, 6000.0, 7000, 8000, 9000, 10000, 11000]),
        ("产值增速", "%", [0.001, 6.0, 7, 8, 9, 10, 11]),
        ("产值增速", "%", [9000.0, 6.0, 7, 8, 9, 10, 11]),
        ("增加值率变化", "百分点", [0.001, 6.0, 7, 8, 9, 10, 11]),
        ("弹性系数", "1", [900.0, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1]),
        ("事故", "起", [1.0, 600, 700, 800, 900, 1000, 1100]),
        ("事故", "起", [600.0, 1, 1, 1, 1, 1, 1]),
        ("专利", "件", [9000.0, 1, 12, 3, 5, 8, 11]),
        ("得分", "分", [0.1, 90, 91, 92, 93, 94, 95]),
        ("平均用时", "天", [0.001, 5, 6, 7, 8, 9, 10]),
        ("是否达标", "是/否", [1.0, 0, 0, 1, 1, 0, 1]),
    ],
)
def test_what_stays_silent(title, unit, values):
    assert (
        findings_of(figures([None if value is None else float(value) for value in values]), title=title, unit=unit)
        == []
    )


def test_a_capital_and_a_city_beside_towns():
    units = ["成都市", "自贡市", "攀枝花市", "泸州市", "德阳市", "绵阳市", "阿坝州"]
    assert findings_of(figures([22074.0, 1750, 1304, 2725, 3014, 4038, 502], units=units)) == []
    towns = ["杭州市", "甲镇", "乙镇", "丙镇", "丁乡", "戊街道", "己镇"]
    people = [12520000.0, 18000, 20100, 15300, 9400, 21000, 16100]
    assert findings_of(figures(people, units=towns), unit="人", title="人口") == []
    assert len(findings_of(figures(people, units=["庚镇", *towns[1:]]), unit="人", title="人口")) == 1


def test_kept_totals_and_provinces():
    units = ["全国", "甲县", "乙县", "丙县", "丁县", "戊县", "己县"]
    values = [1260582.0, 500.0, 300, 400, 350, 450, 380]
    assert findings_of(figures(values, units=units), entities=", keep: [全国]") == []
    assert findings_of(figures(values, units=["浙江省", *units[1:]])) == []


def test_one_finding_for_one_fault():
    data = pl.concat([figures(USUAL, (2022, 2023)), figures(changed(610000.0), (2024,))])
    assert findings_of(data) == []
    assert len(findings_of(data, code="K683")) == 1
    later = pl.concat([data, figures(changed(610000.0), (2025,))])
    assert len(findings_of(later)) + len(findings_of(later, code="K683")) == 1
    always = figures(changed(610000.0), (2022, 2023, 2024))
    (message,) = findings_of(always)
    assert message.startswith("桐乡市 2024: 产值 is far above that of all other units in 2022, 2023, 2024: 桐乡市")
    assert findings_of(always, code="K683") == []
    (message,) = findings_of(always, period="2023")
    assert message.startswith("桐乡市 2023")


@pytest.mark.parametrize(
    "check", ["{magnitude: [v]}", "{history: [v], within: 3 mad, min_periods: 3}", "{between: [0, 1000], of: [v]}"]
)
def test_a_check_takes_its_place(check):
    assert findings_of(figures(changed(610000.0)), more=f"checks: {{slips: {check}}}") == []


def test_several_units_of_many():
    units = [f"{number}号企业" for number in range(30)]
    values = [100.0 + number for number in range(30)]
    two = [value * 10000 if number in (3, 7) else value for number, value in enumerate(values)]
    (message,) = findings_of(figures(two, units=units), unit="万元")
    assert "3号企业: 1,030,000 万元" in message
    assert "7号企业: 1,070,000 万元" in message
    many = [value * 10000 if number < 5 else value for number, value in enumerate(values)]
    assert findings_of(figures(many, units=units), unit="万元") == []


def test_disclosure_shows_no_figure():
    data = figures(changed(610000.0))
    (message,) = findings_of(data, title="常住人口", unit="万人", more="disclosure: {threshold: 5, of: [v]}")
    assert message == "桐乡市 2024: 常住人口 is far above that of all other units in 2024: 桐乡市"


@pytest.mark.parametrize("roster", ["", ", roster: roster.csv"])
def test_nights_checks_and_words(tmp_path, monkeypatch, roster):
    pytest.importorskip("deltalake")
    monkeypatch.chdir(tmp_path)
    pl.DataFrame({"县": UNITS}).write_csv("roster.csv")
    Path("t.yaml").write_text(system_of(entities=roster), "utf-8")
    Path("n.toml").write_text('store = "store"\n[[source]]\nsystem = "t.yaml"\ndata = "d*.csv"\n', "utf-8")
    for year in (2022, 2023):
        figures(changed(610000.0), (year,)).write_csv(f"d{year}.csv")
        done = CliRunner().invoke(main, ["batch", "n.toml"])
        assert done.exit_code == 0, done.stderr
        assert done.stderr.count("K686") == 1, (year, done.stderr)
        assert CliRunner().invoke(main, ["batch", "n.toml", "--verify"]).exit_code == 0
    done = CliRunner(env={"KPI_LANG": "zh"}).invoke(main, ["check", "t.yaml", "--data", "d2023.csv"])
    assert (
        "2023 的产值远高于其他所有评价对象：桐乡市：610,000 亿元，约为次高者 111 亿元的 5,500 倍"
        in done.stderr + done.output
    )


# ---- EVENTS ---- #

EVENTS = """\
system: events
period: month
entities: {title: 县}
datasets: {cases: {form: records}}
measures:
  v: {kind: KIND, of: 金额, unit: 元}
  n: {kind: count, unit: 件}
indicators: {x: {kind: level, of: v}}
"""


def events(factor: float, *, of_odd: int = 30) -> pl.DataFrame:
    """Return events of seven units, far more in some than in others; the amounts of one are multiplied."""
    numbers = {unit: 6 * 3**at for at, unit in enumerate(UNITS)} | {"桐乡市": of_odd}
    rows = [
        (f"2024-01-{1 + at % 28:02}", unit, (100 + 37 * (at % 11)) * (factor if unit == "桐乡市" else 1))
        for unit, number in numbers.items() for at in range(number)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=["日期", "县", "金额"], orient="row")


def of_events(data, kind="sum"):
    card = kpi.score(data, system=EVENTS.replace("KIND", kind))
    return [str(item.message) for item in card.findings_list if item.code == "K686"]


@pytest.mark.parametrize("kind", ["sum", "mean", "median"])
@pytest.mark.parametrize(("factor", "words"), [(1e-4, "far below"), (1e4, "far above")])
def test_amounts_of_events_in_another_unit(kind, factor, words):
    (message,) = of_events(events(factor), kind)
    assert words in message
    assert "桐乡市" in message
    assert ("per event" in message) == (kind == "sum")


@pytest.mark.parametrize("kind", ["sum", "mean", "median"])
def test_sums_of_many_or_few_events_and_single_small_events_stay_silent(kind):
    assert of_events(events(1.0), kind) == []
    assert of_events(events(1.0, of_odd=10000), kind) == []
    assert of_events(events(1e-4, of_odd=2), kind) == []
