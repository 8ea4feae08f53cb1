"""A rate above 100 %, where those of other units are not, is scored as it is and reported, whatever form it came in."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import kpi
from kpi.cli.main import main
from kpi.errors import Severity

COUNTS = {"县": ["甲县", "乙县", "丙县", "丁县"], "年份": [2024] * 4}
WIDE = pl.DataFrame(COUNTS | {"网上办件量": [90, 188700, 85, 80], "办件总量": [100, 20115, 100, 100]})
LONG = WIDE.unpivot(index=["县", "年份"], variable_name="指标", value_name="数值")
RATES = pl.DataFrame(COUNTS | {"网办率": [90.0, 938.0, 85.0, 80.0]})
EVENTS = pl.DataFrame(
    {
        "县": ["甲县", "甲县", "乙县", "丙县"],
        "日期": ["2024-03-01"] * 4,
        "网上": [80, 10, 500, 85],
        "全部": [90, 10, 50, 99],
    }
)
SYSTEM = """\
system: rates
period: year
entities: {{title: 县}}
{more}
measures: {measures}
indicators: {{x: {indicator}}}
pillars: {{甲: {{weight: 100, parts: {{x: 1}}}}}}
"""
COUNTED = "{网上办件量: {unit: 件}, 办件总量: {unit: 件}}"
RATIO = "{kind: ratio, numerator: 网上办件量, denominator: 办件总量, title: 网上办件率, target: {at_least: 90}}"


def card_of(data, indicator=RATIO, measures=COUNTED, more="", **options):
    system = kpi.load(SYSTEM.format(indicator=indicator, measures=measures, more=more))
    return kpi.score(data, system=system, **options)


def found(*arguments, **options):
    return [
        (finding.place.entity, finding.place.period, str(finding.message))
        for finding in card_of(*arguments, **options).findings_list
        if finding.code == "K680" and finding.severity is Severity.WARNING
    ]


@pytest.mark.parametrize("data", [WIDE, LONG], ids=["wide", "long"])
def test_a_digit_too_many(data):
    ((entity, period, message),) = found(data)
    assert (entity, period) == ("乙县", "2024")
    assert message == (
        "网上办件率 is above 100 %, and a part is never more than all: "
        "乙县: 938.106 % (网上办件量 188,700 件 of 办件总量 20,115 件)"
    )


def test_sums_of_events():
    measures = "{a: {kind: sum, of: 网上, unit: 件}, b: {kind: sum, of: 全部, unit: 件, title: 全部办件}}"
    indicator = "{kind: ratio, numerator: a, denominator: b, target: {at_least: 90}}"
    more = "datasets: {cases: {form: records, columns: {period: 日期, entity: 县}}}"
    ((entity, _, message),) = found(EVENTS, indicator, measures, more)
    assert entity == "乙县"
    assert "1,000 %" in message


def test_a_rate_that_departments_report():
    ((entity, _, message),) = found(
        RATES.rename({"网办率": "上网率"}),
        "{kind: level, title: 上网率, of: 上网率, target: {at_least: 90}}", "{上网率: {unit: '%'}}",
    )  # fmt: skip
    assert (entity, message) == (
        "乙县",
        "上网率 is above 100 %, and more than twice what most other units have: 乙县: 938 %",
    )


def reported_rate(title, figures, *, unit="%", target=90, more="", **options):
    """Return the findings about a rate that departments report, with figures of one year."""
    names = [f"{number}县" for number in range(1, len(figures) + 1)]
    data = pl.DataFrame({"县": names, "年份": [2024] * len(figures), title: figures})
    indicator = f"{{kind: level, of: rate, target: {{at_least: {target}}}}}"
    return found(data, indicator, f"{{rate: {{title: '{title}', unit: '{unit}'}}}}", more, **options)


@pytest.mark.parametrize(
    "title",
    [
        "满意率", "群众满意度", "产品合格率", "空气质量优良天数比例", "按时办结率", "12345热线办结及时率",
        "森林覆盖率", "用水普及率", "常住人口城镇化率",
        "Satisfaction rate", "Pass rate", "On-time rate", "Literacy rate (adults)",
    ],
)  # fmt: skip
def test_a_part_of_a_whole_by_its_name(title):
    ((entity, _, message),) = reported_rate(title, [95.0, 107.0, 96, 98])
    assert entity == "2县"
    assert message.endswith("is above 100 %, and a part is never more than all: 2县: 107 %")
    assert reported_rate(title, [95.0, 100.0, 96, 98]) == []
    # In all units, too, as where percent was read twice.
    ((_, _, message),) = reported_rate(title, [9050.0, 9070.0, 9600, 9800])
    assert "1县: 9,050 %" in message
    assert len(reported_rate(title, [107.0])) == 1
    assert reported_rate(title, [95.0, 107.0, 96, 98], target=105) == []
    assert reported_rate(title, [95.0, 107.0, 96, 98], more="checks: {r: {between: [0, 110], of: [x]}}") == []


@pytest.mark.parametrize(
    "title",
    [
        "任务完成率", "整改完成率", "增长率", "产销率", "预算执行率", "毛入学率", "高中阶段毛入学率",
        "移动电话普及率", "户籍人口参保率",
        "基本医疗保险覆盖率", "拨备覆盖率", "流动性覆盖率", "产能利用率", "资金到位率", "满意率提升幅度",
        "满意率目标达成率", "合格率比上年增长", "利润率", "进出口占GDP比重", "资产负债率", "破案率",
        "Plan completion rate", "Satisfaction rate growth", "Interest coverage rate", "Vaccination coverage rate",
        "Gross enrolment rate", "Capacity utilisation rate",
    ],
)  # fmt: skip
def test_rates_that_are_no_parts_by_their_names(title):
    assert reported_rate(title, [95.0, 107.0, 96, 98]) == []


@pytest.mark.parametrize(("targets", "number"), [([90, 95, 90, 90], 1), ([90, 110, 90, 90], 0)])
def test_targets_of_each_unit(targets, number):
    data = pl.DataFrame(COUNTS | {"满意率": [95.0, 107.0, 96.0, 98.0], "目标": targets})
    indicator = "{kind: level, of: r, target: {at_least: {column: 目标}}}"
    assert len(found(data, indicator, "{r: {title: 满意率, unit: '%'}}")) == number


def test_exchanged_figures_of_all_units():
    indicator = "{kind: ratio, numerator: 抽检数, denominator: 合格数, title: 产品合格率, target: {at_least: 90}}"
    measures = "{抽检数: {unit: 件}, 合格数: {unit: 件}}"
    exchanged = pl.DataFrame(COUNTS | {"抽检数": [650, 700, 620, 640], "合格数": [100] * 4})
    assert len(found(exchanged, indicator, measures)) == 1
    carried_over = exchanged.with_columns(抽检数=pl.Series([105, 110, 120, 103]))
    assert found(carried_over, indicator, measures) == []


def test_a_part_in_other_units_of_measure():
    assert len(reported_rate("满意率", [0.95, 1.07, 0.96, 0.98], unit="1", target=0.9)) == 1
    assert len(reported_rate("病死率", [9.5, 1007, 9.6, 9.8], unit="‰", target=9)) == 1


def test_two_indicators_of_the_same_rate_are_one_finding():
    indicator = (
        "{kind: level, of: 满意率, target: {at_least: 90}}, y: {kind: level, of: 满意率, target: {at_least: 95}}"
    )
    data = RATES.rename({"网办率": "满意率"}).with_columns(满意率=pl.Series([95.0, 107.0, 96, 98]))
    assert len(found(data, indicator, "{满意率: {unit: '%'}}")) == 1


def test_a_formula_in_percent():
    indicator = "{kind: formula, expr: 网上办件量 / 办件总量 * 1, unit: '%', title: 网上办件率, target: {at_least: 90}}"
    ((entity, _, _),) = found(WIDE, indicator)
    assert entity == "乙县"


def test_a_rate_over_several_years():
    years = pl.concat([WIDE, WIDE.with_columns(年份=pl.lit(2023, pl.Int64))])
    indicator = RATIO.replace("target", "pool: 2y, target")
    ((entity, period, message),) = found(years, indicator)
    assert (entity, period) == ("乙县", "2024")
    assert "938.106 %" in message


def test_a_unit_alone_and_a_pair():
    assert [unit for unit, _, _ in found(WIDE.filter(县="乙县"))] == ["乙县"]
    assert [unit for unit, _, _ in found(WIDE.filter(pl.col("县").is_in(["甲县", "乙县"])))] == ["乙县"]


def test_other_dimensions_are_compared_with_the_others_alone():
    money = "{网上办件量: {unit: 万元}, 办件总量: {unit: 亿元}}"
    data = WIDE.with_columns(pl.col("办件总量") / 10000)
    ((_, _, message),) = found(data, measures=money)
    assert message.startswith("网上办件率 is above 100 %, and more than twice what most other units have: 乙县")
    assert found(data.with_columns(网上办件量=pl.Series([90, 24000, 85, 80])), measures=money) == []


@pytest.mark.parametrize(
    "changed",
    [
        RATIO.replace("网上办件率", "年度任务完成率"),
        RATIO.replace("网上办件率", "比上年增长"),
        RATIO.replace("at_least: 90", "at_least: 120"),
        "{kind: ratio, numerator: 办件总量, denominator: 网上办件量, target: {at_least: 90}, title: 倒数}",
    ],
)
def test_rates_that_may_be_above(changed):
    assert found(WIDE, changed) == []


def test_figures_that_a_check_of_the_system_judges():
    assert found(WIDE, more="checks: {range: {between: [0, 2000], of: [x]}}") == []
    assert found(WIDE, more="checks: {part: {expr: 网上办件量 <= 办件总量}}") == []
    assert len(found(WIDE, more="checks: {whole: {expr: 办件总量 > 0}}")) == 1


def test_all_units_above_what_is_all_by_its_name():
    ((entity, _, message),) = found(WIDE.rename({"网上办件量": "办件总量", "办件总量": "网上办件量"}).head(1))
    assert (entity, "111.111 %" in message) == ("甲县", True)
    assert len(found(WIDE.with_columns(pl.col("网上办件量") * 10))) == 1


def notes(*arguments):
    return [str(item.message) for item in card_of(*arguments).findings_list if item.code == "K680"]


COUNTS_OF = "{{合格产品数: {{unit: 件}}, {whole}: {{unit: 件}}}}"
RATIO_OF = "{{kind: ratio, numerator: 合格产品数, denominator: {whole}, title: {title}, target: {{at_least: 90}}}}"


@pytest.mark.parametrize(
    ("title", "whole", "figure", "severities"),
    [
        ("合格率", "抽检产品数", 110, ["info"]),
        ("合格率", "抽检产品数", 900, ["warning"]),
        ("任务完成率", "下达数", 110, []),
        ("任务完成率", "下达数", 900, ["info"]),
        ("率", "受理数", 120, []),
        ("比上年增长率", "抽检产品数", 900, []),
    ],
)
def test_what_may_be_above_and_what_is_far_above(title, whole, figure, severities):
    data = WIDE.select("县", "年份", 合格产品数=pl.Series([90, figure, 85, 80]), **{whole: pl.lit(100)})
    card = card_of(data, RATIO_OF.format(whole=whole, title=title), COUNTS_OF.format(whole=whole))
    assert [item.severity.value for item in card.findings_list if item.code == "K680"] == severities


@pytest.mark.parametrize("pool", ["", ", pool: 1y"])
def test_a_coverage_above_100_percent_has_no_value_and_says_so(pool):
    coverage = (
        f"{{kind: coverage, covered: 网上办件量, total: 办件总量, title: 覆盖率, target: {{at_least: 90}}{pool}}}"
    )
    card = card_of(WIDE, coverage)
    assert card.indicators.filter(entity="乙县")["status"].to_list() == ["out_of_range"]
    ((entity, _, message),) = found(WIDE, coverage)
    assert entity == "乙县"
    assert message == (
        "覆盖率 has no value, as a part is never more than all: "
        "乙县: 938.106 % (网上办件量 188,700 件 of 办件总量 20,115 件)"
    )
    # A check of the value has nothing to judge, one of the figures has.
    assert len(found(WIDE, coverage, more="checks: {range: {between: [0, 100], of: [x]}}")) == 1
    assert found(WIDE, coverage, more="checks: {part: {expr: 网上办件量 <= 办件总量}}") == []
    assert notes(WIDE.with_columns(网上办件量=pl.lit(100), 办件总量=pl.lit(100)), coverage) == []


def test_many_units_are_one_finding():
    many = pl.concat([WIDE, *(WIDE.with_columns(县=pl.col("县") + str(number)) for number in range(5))])
    ((entity, _, message),) = found(many)
    assert entity is None
    assert message.endswith("and 3 more figures")


def test_many_periods_are_a_few_findings_and_one_about_the_rest():
    years = range(1990, 2022)
    data = pl.concat([WIDE.with_columns(年份=pl.lit(year, dtype=pl.Int64)) for year in years])
    items = [item for item in card_of(data).findings_list if item.code == "K680"]
    assert [item.place.period for item in items] == ["1990", "1991", "1992", None]
    assert str(items[-1].message) == "网上办件率 is above 100 % in 29 more figures, of 1993 to 2021"
    assert (items[-1].severity, items[-1].stands_for, items[-1].place.field) == (Severity.WARNING, 29, "网上办件率")
    of_24 = card_of(data.filter(pl.col("年份") < 2014)).findings_list
    assert [item.place.period for item in of_24 if item.code == "K680"] == [*map(str, years[:24])]


@pytest.mark.parametrize(("end", "number"), [(1971, range(4, 24)), (2024, range(4, 5))])
@pytest.mark.parametrize("title", ["网上办件率", "完成率", "满意率"])
def test_large_panels_have_the_findings_of_small_ones(title, end, number, monkeypatch):
    dice = random.Random(3)
    rows = [
        (f"县{at}", year, dice.choice([70, 80, 90, 95, 130, 260, 700]), dice.choice([100, 100, 120]))
        for at in range(9) for year in range(1960, end)
    ]  # fmt: skip
    data = pl.DataFrame(rows, schema=["县", "年份", "网上办件量", "办件量"], orient="row")
    indicator = RATIO.replace("办件总量", "办件量").replace("网上办件率", title)
    arguments = data, indicator, COUNTED.replace("办件总量", "办件量")
    few = notes(*arguments)
    assert len(few) in number
    monkeypatch.setattr("kpi.analysis.above_whole._PART_ROWS", 20)
    assert notes(*arguments) == few


def test_only_the_period_asked_for():
    years = pl.concat([WIDE, WIDE.with_columns(年份=pl.lit(2023, pl.Int64))])
    assert [period for _, period, _ in found(years)] == ["2023", "2024"]
    assert [period for _, period, _ in found(years, period="2024")] == ["2024"]


def test_no_figures_are_quoted_beside_disclosure_rules():
    ((_, _, message),) = found(WIDE, more="disclosure: {threshold: 5, of: [网上办件量]}")
    assert message == "网上办件率 is above 100 %, and a part is never more than all: 乙县"


def test_another_figure_solves_it():
    card = card_of(WIDE)
    after = kpi.what_if(card, {"乙县.网上办件量": 18870})
    assert "K680" not in {finding.code for finding in after.findings_list}


def test_of_nights(tmp_path, monkeypatch):
    pytest.importorskip("deltalake")
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(SYSTEM.format(indicator=RATIO, measures=COUNTED, more=""), "utf-8")
    Path("n.toml").write_text('store = "store"\n[[source]]\nsystem = "t.yaml"\ndata = "d*.csv"\n', "utf-8")
    for year in (2023, 2024):
        WIDE.with_columns(年份=pl.lit(year)).write_csv(f"d{year}.csv")
        done = CliRunner().invoke(main, ["batch", "n.toml"])
        assert done.exit_code == 0, done.stderr
        assert done.stderr.count("K680") == 1
        assert CliRunner().invoke(main, ["batch", "n.toml", "--verify"]).exit_code == 0
