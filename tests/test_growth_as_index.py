"""Growth that is reported as an index of which the year before is 100, and the reverse, is reported as a warning."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import kpi
from kpi.cli.main import main

UNITS = ["甲县", "乙县", "丙县", "丁县", "戊县"]
INDICES = [103.0, 103.5, 104.0, 98.5, 106.0]
SYSTEM = """\
system: growth
period: year
entities: {{title: 县{roster}}}
measures: {{g: {{title: '{title}', unit: '{unit}'}}}}
indicators: {{x: {{{indicator}}}}}
pillars: {{p: {{parts: {{x: 1}}}}}}
{more}
"""


LEVEL = "kind: level, of: g, target: {target}"


def system_of(title="产值增速", unit="%", *, target="{at_least: 6}", indicator=LEVEL, more="", roster=""):
    indicator = indicator.replace("{target}", target)
    return SYSTEM.format(title=title, unit=unit, indicator=indicator, more=more, roster=roster)


def figures(values, years=(2024,)):
    rows = [(unit, year, value) for year in years for unit, value in zip(UNITS, values, strict=False)]
    return pl.DataFrame(rows, schema=["县", "年份", "g"], orient="row")


def findings_of(data, period=None, **options):
    card = kpi.score(data, system=system_of(**options), period=period)
    return [f"{item.place.period}: {item.message}" for item in card.findings_list if item.code == "K685"]


@pytest.mark.parametrize(
    "title",
    [
        "产值增速",
        "GDP增长率",
        "社会消费品零售总额同比增长（%）",
        "投资增幅",
        "累计同比增速",
        "GDP growth rate",
        "Growth of output",
    ],
)
def test_indices_under_the_title_of_growth(title):
    (message,) = findings_of(figures(INDICES), title=title)
    assert message == (
        f"2024: the figures of {title} in 2024 look like indices with 100 for the period before, 98.5 to 106: "
        "growth is that minus 100"
    )


@pytest.mark.parametrize(
    "title",
    [
        "产值指数", "产值指数（上年=100）", "GDP发展速度", "GDP增长目标完成率", "对增长的贡献率",
        "居民收入比2010年增长",
        "五年累计增长", "产值翻番增速",
        "Growth index", "Contribution to growth", "Growth since 2010", "满意率", "高增长企业占比",
    ],
)  # fmt: skip
def test_titles_of_other_figures(title):
    assert findings_of(figures(INDICES), title=title) == []


@pytest.mark.parametrize(
    "values",
    [
        [3.0, 3.5, 4.0, -1.5, 6.0],
        [103.0, 103.5, 104.0],  # few units
        [3.0, 3.5, 4.0, 45.0, 106.0],  # one grew by half, and one may well have doubled
        [3.0, -25.0, 28.0, 4.5, 106.0],  # growth that is far apart
        [3.0, 3.5, 4.0, 2.5, 125.0],  # growth by 25 % would not be usual, either
        [3.0, 3.5, 104.0, 4.0],  # few figures
        [3.0, 3.5, 4.0, 103.0, 104.0],  # too many for slips
        [62.0, 88.0, 150.0, 95.0, 131.0],  # a rebound
        [100.0, 100.0, 100.0, 100.0, 150.0],  # doubled from 1 to 2
        [210.0, 180.0, 190.0, 220.0, 205.0],
    ],
)
def test_growth_as_it_is(values):
    assert findings_of(figures(values)) == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([3.0, 3.5, 4.0, 104.5, 6.0], "丁县: 104.5 in 2024"),
        ([-3.0, 0.0, 4.0, None, 98.5, 6.0], "戊县: 98.5 in 2024"),
        ([103.0, 103.5, 104.0, 4.5, 105.0], "丙县: 104 in 2024, 乙县: 103.5 in 2024, 戊县: 105 in 2024, and 1 more figure"),  # noqa: E501
    ],
)  # fmt: skip
def test_indices_of_a_few_units(values, words):
    rows = [(name, 2024, value) for name, value in zip([*UNITS, "己县"], values, strict=False)]
    data = pl.DataFrame(rows, schema=["县", "年份", "g"], orient="row")
    (message,) = findings_of(data)
    assert message == (
        "2024: figures of 产值增速 look like indices with 100 for the period before, unlike the others: "
        f"{words}; growth is that minus 100"
    )


def test_one_unit_that_reports_indices_in_every_period():
    data = pl.concat([figures([3.0, 3.5, 4.0, 101.5, 6.0], range(2021, 2024)), figures([1.0, 2, 3, 4, 5], [2024])])
    card = kpi.score(data, system=system_of())
    (finding,) = [item for item in card.findings_list if item.code == "K685"]
    assert (finding.place.entity, finding.place.period, finding.stands_for) == ("丁县", "2023", 3)
    assert findings_of(data, period="2024") == []
    assert findings_of(data, target="{at_least: 105}") == []
    (message,) = findings_of(data, more="disclosure: {threshold: 5, of: [g]}")
    assert "101.5" not in message


@pytest.mark.parametrize("title", ["居民消费价格指数（上年=100）", "CPI (previous year = 100)"])
def test_growth_of_a_few_units_under_the_title_of_an_index(title):
    (message,) = findings_of(figures([102.1, 101.8, 100.4, 1.5, 103.0]), title=title, target="{at_most: 103}")
    words = "look like growth, unlike the others: 丁县: 1.5 in 2024; an index with 100 for the period before is that "
    assert message.endswith(words + "plus 100")
    assert findings_of(figures([102.1, 101.8, 100.4, 29.5, 103.0]), title=title, target="{at_most: 103}") == []


def test_a_rebound_after_a_fall():
    rows = figures([-45.0, -38.0, -50.0, -20.0, -41.0], (2020,)).vstack(
        figures([103.0, 96.0, 118.0, 99.0, 104.0], (2021,))
    )
    assert findings_of(rows) == []


def test_a_definition_that_means_indices():
    assert findings_of(figures(INDICES), target="{at_least: 105}") == []
    assert findings_of(figures(INDICES), indicator="kind: formula, expr: 'g - 100', unit: '%', target: {target}") == []
    assert findings_of(figures(INDICES), unit="百分点") == []


def test_several_periods_are_one_finding():
    data = pl.concat([figures(INDICES, range(2021, 2024)), figures([3.0, 3.5, 4.0, 2.5, 6.0], [2024])])
    (message,) = findings_of(data)
    assert message.startswith("2023: the figures of 产值增速 in 2021, 2022, 2023 look like indices")
    assert findings_of(data, period="2024") == []
    assert len(findings_of(data, period="2022")) == 1


@pytest.mark.parametrize("title", ["居民消费价格指数（上年=100）", "GDP发展速度", "CPI (previous year = 100)"])
def test_growth_under_the_title_of_an_index(title):
    data = figures([2.1, 1.8, 0.4, -0.5, 3.0])
    (message,) = findings_of(data, title=title, target="{at_most: 103}")
    assert message.endswith(
        "in 2024 look like growth, -0.5 to 3: an index with 100 for the period before is that plus 100"
    )
    assert len(findings_of(data, title=title, target="{at_most: 103}", unit="1")) == 1
    assert findings_of(data, title=title, target="{at_most: 3}") == []
    assert findings_of(figures(INDICES), title=title, target="{at_most: 103}") == []
    assert findings_of(figures([1.02, 1.03, 0.99, 1.05, 1.06]), title=title, target="{at_most: 103}") == []


@pytest.mark.parametrize("title", ["创新指数", "居民消费价格指数（2015年=100）", "信心指数", "Happiness index"])
def test_other_indices(title):
    assert findings_of(figures([2.1, 1.8, 0.4, 0.5, 3.0]), title=title) == []


def test_disclosure_shows_no_figure():
    (message,) = findings_of(figures(INDICES), more="disclosure: {threshold: 5, of: [g]}")
    assert message.endswith("look like indices with 100 for the period before: growth is that minus 100")


@pytest.mark.parametrize("roster", ["", ", roster: roster.csv"])
def test_nights_checks_and_words(tmp_path, monkeypatch, roster):
    pytest.importorskip("deltalake")
    monkeypatch.chdir(tmp_path)
    pl.DataFrame({"县": UNITS}).write_csv("roster.csv")
    Path("t.yaml").write_text(system_of(roster=roster), "utf-8")
    Path("n.toml").write_text('store = "store"\n[[source]]\nsystem = "t.yaml"\ndata = "d*.csv"\n', "utf-8")
    for year in (2022, 2023, 2024):
        figures(INDICES if year == 2023 else [3.0, 2.0, 1.0, 5.0, 6.0], [year]).write_csv(f"d{year}.csv")
        done = CliRunner().invoke(main, ["batch", "n.toml"])
        assert done.exit_code == 0, done.stderr
        assert done.stderr.count("K685") == (year > 2022), (year, done.stderr)
        assert CliRunner().invoke(main, ["batch", "n.toml", "--verify"]).exit_code == 0
    done = CliRunner(env={"KPI_LANG": "zh"}).invoke(main, ["check", "t.yaml", "--data", "d2023.csv"])
    assert "产值增速 2023 的数据看似以上期为 100 的指数（98.5 至 106）" in done.stderr + done.output
