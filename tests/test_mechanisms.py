"""The mechanisms that the cities name, each against results worked out by hand or in plain Python."""

from __future__ import annotations

import csv
import runpy
import time
from collections import Counter
from functools import cache
from pathlib import Path

import polars as pl
import pytest

import kpi
from kpi.engine.scorecard import Scorecard
from kpi.language.loading.loader import examine_text

ROOT = Path(__file__).parents[1]
FILES = {
    "five-star-bands": "five-star/scores.csv",
    "five-star-lit": "five-star/scores.csv",
    "five-star-quota": "five-star/scores.csv",
    "execution-index": "execution-index/tasks.csv",
    "per-mu-2022": "per-mu-2022/firms.csv",
    "smart-city-stars": "smart-city-stars/reports.csv",
    "smart-communities": "smart-communities/reports.csv",
    "eco-code": "eco-code/reports.csv",
    "service-reviews": "service-reviews/reviews.csv",
    "data-maturity": "data-maturity/reports.csv",
    "county-bulletin": "county-bulletin/reports.csv",
    "annual-assessment-2021": "annual-assessment-2021/reports.csv",
    "designated-hospitals-2023": "designated-hospitals-2023/reports.csv",
}


def rows_of(name: str) -> list[dict[str, str]]:
    with (ROOT / "sample_data" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def card(name: str) -> Scorecard:
    return kpi.score(ROOT / "sample_data" / FILES[name], system=name, definitions=ROOT / "definitions")


def totals(name: str, period: str, column: str) -> dict[str, object]:
    rows = card(name).totals.filter(pl.col("period") == period)
    return dict(rows.select("entity", column).rows())


def indicator(name: str, period: str, which: str, column: str) -> dict[str, object]:
    rows = card(name).indicators.filter((pl.col("period") == period) & (pl.col("indicator") == which))
    return dict(rows.select("entity", column).rows())


@pytest.mark.parametrize("name", FILES)
def test_a_mechanism_is_scored_within_two_seconds_without_an_error(name: str):
    began = time.process_time()
    result = card(name).findings_list
    assert time.process_time() - began < 2
    assert [item for item in result if item.severity != "info"] == []


@pytest.mark.parametrize("name", FILES)
def test_a_mechanism_says_what_is_ours(name: str):
    item = card(name).definition
    stated = {"per-mu-2022"}  # whose weights and benchmarks are published
    assert item.ranking.ours is True
    assert bool(item.stars.ours) or name == "data-maturity"  # whose levels are the standard's
    assert name in stated or (item.scoring is not None and item.scoring.ours)
    assert all(adjustment.ours for adjustment in item.adjustments.values() if name not in stated)


# ---- 五星评价, THREE WAYS ---- #


def test_three_readings_of_five_stars_share_scores_and_differ_in_stars():
    scores = [totals(name, "2023Q2", "score") for name in list(FILES)[:3]]
    assert scores[0] == scores[1] == scores[2]
    assert scores[0] == {
        "南湖区": 87.2, "秀洲区": 80.0, "嘉善县": 80.0, "平湖市": 72.0, "海盐县": 62.0, "海宁市": 90.0, "桐乡市": 93.4
    }  # fmt: skip


def test_stars_by_bands_include_the_cut():
    assert totals("five-star-bands", "2023Q2", "stars") == {
        "南湖区": 4, "秀洲区": 4, "嘉善县": 4, "平湖市": 3, "海盐县": 2, "海宁市": 5, "桐乡市": 5
    }  # fmt: skip


def test_stars_by_lit_dimensions_count_what_reaches_eighty():
    rows = [row for row in rows_of("five-star/scores.csv") if row["期别"] == "2023Q2"]
    lit = {row["地区"]: sum(float(item) >= 80 for item in list(row.values())[2:]) for row in rows}
    assert totals("five-star-lit", "2023Q2", "stars") == lit
    assert lit["海盐县"] == 1  # one brilliant dimension is one star
    assert lit["嘉善县"] == 5


def test_stars_by_quota_fill_places_and_take_in_ties():
    # Of seven: 15 % are 1.05, so one; 45 % are 3.15, so three; 85 % are 5.95, so six; 95 % are 6.65, so seven.
    assert totals("five-star-quota", "2023Q2", "stars") == {
        "桐乡市": 5, "海宁市": 4, "南湖区": 4, "秀洲区": 3, "嘉善县": 3, "平湖市": 3, "海盐县": 2
    }  # fmt: skip


# ---- 执行力指数 ---- #


def task_rates(quarter: int, threshold: int) -> dict[str, float]:
    done: Counter[str] = Counter()
    on_time: Counter[str] = Counter()
    for row in rows_of(FILES["execution-index"]):
        if (int(row["办结日期"][5:7]) - 1) // 3 == quarter - 1:
            done[row["承办部门"]] += 1
            on_time[row["承办部门"]] += int(row["用时"]) <= int(row["时限"])
    return {name: on_time[name] / number * 100 for name, number in done.items() if number >= threshold}


def test_the_rate_is_counted_from_tasks_and_four_are_too_few():
    rates = indicator("execution-index", "2022Q3", "on_time_rate", "value")
    assert {name: value for name, value in rates.items() if value is not None} == pytest.approx(task_rates(3, 5))
    assert [name for name, value in rates.items() if value is None] == ["市民政局"]
    assert indicator("execution-index", "2022Q3", "on_time_rate", "status")["市民政局"] == "too_few"


def test_the_index_is_a_hundred_in_its_base_quarter_and_follows_the_rate_from_there():
    assert set(indicator("execution-index", "2022Q1", "on_time_index", "value").values()) == {100.0}
    first, last = task_rates(1, 5), task_rates(4, 5)
    index = indicator("execution-index", "2022Q4", "on_time_index", "value")
    assert index == pytest.approx({name: last[name] / first[name] * 100 for name in last})


def test_the_index_does_not_touch_the_score():
    assert "on_time_index" not in card("execution-index").definition.parents


# ---- 亩均论英雄 ---- #


def test_a_firm_at_every_benchmark_has_exactly_a_hundred():
    assert totals("per-mu-2022", "2022", "score")["标杆企业一"] == 100


def test_the_published_formula_is_reproduced():
    ratios, marks = (30.0, 150.0, 2.0, 4929.81, 20.0, 0.02), (24.097, 136.16, 2.694, 4929.81, 18.14, 0.0302)
    score = sum(x / b * w for x, b, w in zip(ratios, marks, (30, 20, 20, 10, 10, 10), strict=True))
    assert round(score, 4) == 101.8776
    assert totals("per-mu-2022", "2022", "score")["标杆企业二"] == 101.8776


def test_small_firms_are_judged_half_by_land_and_half_by_electricity():
    got = totals("per-mu-2022", "2022", "score")
    for row in rows_of(FILES["per-mu-2022"]):
        if row["企业"].startswith("小微"):
            tax, land, power = (float(row[key]) for key in ("税收(万元)", "用地面积(亩)", "用电量(万千瓦时)"))
            assert got[row["企业"]] == pytest.approx(tax / land / 11.5932 * 50 + tax / power / 0.2352 * 50, abs=5.1e-5)


def test_grades_are_filled_by_quota_within_each_cohort():
    rows = card("per-mu-2022").totals
    graded = {cohort: Counter(group["grade"]) for (cohort,), group in rows.group_by("cohort")}
    assert graded["规上·纺织"] == {"A": 4, "B": 12, "C": 3, "D": 1}
    assert graded["规上·电器"] == {"A": 4, "B": 12, "C": 3, "D": 1, None: 1}
    assert graded["规下"] == {"A": 1, "B": 14, "C": 4, "D": 1}


def test_a_firm_outside_the_grades_has_none_and_takes_no_place():
    [outside] = card("per-mu-2022").totals.filter(pl.col("entity") == "城东供电公司").to_dicts()
    assert (outside["score"], outside["stars"], outside["grade"], outside["rank"]) == (None, None, None, None)
    assert outside["veto"] == "不定等级"
    assert outside["of"] == 20


# ---- 新型智慧城市 ---- #


def test_a_ladder_needs_prerequisites_and_is_climbed_one_rung_at_a_time():
    years = [totals("smart-city-stars", year, "stars") for year in ("2021", "2022", "2023")]
    paths = {name: tuple(year[name] for year in years) for name in years[0]}
    assert paths == {
        "滨城区": (3, 4, 5),  # 94.2 and accepted in 2022, but only one rung a year
        "沾化区": (2, 3, 4),
        "惠民县": (1, 2, 3),
        "阳信县": (0, 1, 2),  # five-star figures in 2022, from nothing in 2021
        "无棣县": (3, 3, 4),  # no city brain in 2022, so not four
        "博兴县": (3, 4, 5),
        "邹平市": (4, 4, 5),  # the pilot accepted in 2023
        "滨州经济技术开发区": (3, 4, 2),  # falls at once
        "滨州高新技术产业开发区": (2, 1, 2),  # 92.5 in one pillar does not make up for 35 in the other
        "北海经济开发区": (1, 2, 2),
    }


def test_a_missing_figure_does_not_cost_a_rung_by_itself():
    row = card("smart-city-stars").totals.filter((pl.col("entity") == "北海经济开发区") & (pl.col("period") == "2023"))
    assert row["coverage"].item() == 80
    assert row["stars"].item() == 2


# ---- 智慧社区 ---- #


def test_a_higher_grade_includes_the_lower():
    assert totals("smart-communities", "2023", "grade") == {
        "东关社区": "标杆型", "西苑社区": "标杆型", "园区社区": "成长型", "南河社区": "成长型", "北湖社区": "成长型",
        "学府社区": "基础型", "滨河社区": "基础型", "老城社区": None, "港口社区": None, "新城社区": None,
    }  # fmt: skip
    # 新城社区 has full marks and no platform: without the first rung there is no higher one.
    assert totals("smart-communities", "2023", "score")["新城社区"] == 100


# ---- 企业环境生态码 ---- #


def test_a_serious_offence_turns_the_code_red_whatever_the_score():
    assert totals("eco-code", "2023Q1", "grade") == {
        "甲化工": "绿码", "乙印染": "绿码", "丙纺织": "红码", "丁电镀": "红码", "戊造纸": "红码", "己建材": "黄码"
    }  # fmt: skip
    assert totals("eco-code", "2023Q1", "score") == {
        "甲化工": 100, "乙印染": 80, "丙纺织": 59, "丁电镀": 100, "戊造纸": 29, "己建材": 67.2 - 2.8
    }  # fmt: skip


def test_the_code_comes_back_with_a_clean_quarter():
    assert totals("eco-code", "2023Q2", "grade")["丁电镀"] == "绿码"


def test_a_veto_that_cannot_be_judged_is_told():
    assert [(item.code, item.place.entity) for item in card("eco-code").findings_list] == [("K702", "己建材")]


# ---- 好差评 ---- #


def test_respondents_stars_become_rates_and_points():
    counts: dict[str, Counter[str]] = {}
    rectified: Counter[str] = Counter()
    for row in rows_of(FILES["service-reviews"]):
        if row["评价日期"] >= "2021-04-01":
            counts.setdefault(row["所属县市"], Counter())[row["星级"]] += 1
            rectified[row["所属县市"]] += row["整改"] == "是"
    points = {"5": 10, "4": 8, "3": 6, "2": 3, "1": 0}
    good, mean, repair = {}, {}, {}
    for county, stars in counts.items():
        number = sum(stars[item] for item in points)
        good[county] = (stars["5"] + stars["4"] + stars["3"]) / number * 100
        mean[county] = sum(stars[item] * worth for item, worth in points.items()) / number
        bad = stars["1"] + stars["2"]
        repair[county] = rectified[county] / bad * 100 if bad else None
    assert indicator("service-reviews", "2021Q2", "good_rate", "value") == pytest.approx(good)
    assert indicator("service-reviews", "2021Q2", "mean_points", "value") == pytest.approx(mean)
    got = indicator("service-reviews", "2021Q2", "rectification_rate", "value")
    assert {name for name, item in got.items() if item is None} == {
        name for name, item in repair.items() if item is None
    }
    assert got == {name: None if item is None else pytest.approx(item) for name, item in repair.items()}


def test_few_reviews_are_too_few_and_no_bad_review_is_not_a_zero():
    assert indicator("service-reviews", "2021Q1", "good_rate", "status")["三门县"] == "too_few"
    statuses = indicator("service-reviews", "2021Q2", "rectification_rate", "status")
    assert statuses["路桥区"] == "zero_denominator"
    assert totals("service-reviews", "2021Q2", "coverage")["路桥区"] == 70


# ---- 数据管理能力成熟度 ---- #


def test_the_lowest_area_decides_and_an_area_not_assessed_leaves_no_level():
    assert totals("data-maturity", "2023", "grade") == {
        "甲集团": "量化管理级", "乙集团": "受管理级", "丙银行": "稳健级", "丁医院": "初始级", "戊水务": None,
        "己电网": "优化级",
    }  # fmt: skip


# ---- 县区季度通报 ---- #


def light(period: str, which: str) -> dict[str, object]:
    return indicator("county-bulletin", period, which, "light")


def test_lights_compare_what_is_reached_with_what_is_due():
    # 135 stations a county in the year. By the middle of the year 50 % are due: 滨城区 80 (59 %), 北海 none reported.
    assert light("2023Q2", "stations") == {
        "滨城区": "green", "邹平市": "green", "阳信县": "green", "博兴县": "green", "滨州经济技术开发区": "green",
        "滨州高新技术产业开发区": "green", "沾化区": "yellow", "惠民县": "yellow", "无棣县": "red",
        "北海经济开发区": "none",
    }  # fmt: skip
    assert set(indicator("county-bulletin", "2023Q2", "stations", "schedule").values()) == {50.0}


def test_missing_data_never_makes_a_laggard():
    for period in ("2023Q2", "2023Q3"):
        assert light(period, "stations")["北海经济开发区"] == "none"
        assert indicator("county-bulletin", period, "stations", "status")["北海经济开发区"] != "ok"


def test_exactly_thirty_points_behind_is_still_yellow():
    lights = card("county-bulletin").definition.lights
    assert (lights.green, lights.yellow) == (0, 30)
    shown = card("county-bulletin").indicators.filter(pl.col("light") != "none")
    behind = (pl.col("schedule") - pl.col("attainment")).round(9)
    expected = (
        pl.when(behind <= 0).then(pl.lit("green")).when(behind <= 30).then(pl.lit("yellow")).otherwise(pl.lit("red"))
    )
    assert shown.select(expected.alias("light"))["light"].to_list() == shown["light"].cast(pl.String).to_list()


# ---- 年度综合考核 ---- #


def test_the_closed_edition_reproduces_its_totals():
    expected = {row["entity"]: row for row in rows_of("annual-assessment-2021/results.csv")}
    got = card("annual-assessment-2021").totals.to_dicts()
    assert len(got) == len(expected)
    for row in got:
        frozen = expected[row["entity"]]
        assert (row["score"], row["stars"], row["rank"]) == (
            float(frozen["score"]), int(frozen["stars"]), int(frozen["rank"])
        )  # fmt: skip


def test_towns_and_departments_are_ranked_apart():
    rows = card("annual-assessment-2021").totals
    assert {cohort: group["of"].max() for (cohort,), group in rows.group_by("cohort")} == {"镇区": 6, "部门": 5}
    assert rows.filter(pl.col("rank") == 1).height == 2


def test_bonuses_have_limits_deductions_count_and_the_total_is_capped():
    got = totals("annual-assessment-2021", "2021", "raw_score")
    # 时堰镇: 100, one national title 2, three provincial ones at most 2. The zone: 99.4, at most 4, 2: capped at 105.
    assert got["时堰镇"] == 104
    assert got["东台经济开发区"] == 105
    # 富安镇: network 90, grid 85/95, online 80/90; five late reports cost at most 2.
    assert got["富安镇"] == pytest.approx((85 / 95 * 50 + 90 / 100 * 50) * 0.6 + 80 / 90 * 40 - 2)


def test_an_incident_caps_the_stars_and_leaves_the_score():
    [row] = card("annual-assessment-2021").totals.filter(pl.col("veto") != "").to_dicts()
    assert (row["entity"], row["score"], row["stars"], row["rank"]) == ("市工业和信息化局", 102, 2, 1)


# ---- TARGETS BY CLASS ---- #


def test_the_target_depends_on_the_class_of_the_hospital():
    assert indicator("designated-hospitals-2023", "2023", "mobile_pay", "target") == {
        "第一医院": 60, "第二医院": 60, "城东医院": 30, "城西医院": 30, "新建医院": None
    }  # fmt: skip
    assert totals("designated-hospitals-2023", "2023", "score") == {
        "第一医院": 100, "第二医院": 75, "城东医院": 100, "城西医院": 50, "新建医院": None
    }  # fmt: skip


# ---- WHAT THE LANGUAGE GREW FOR THEM ---- #


def codes(name: str, old: str, new: str) -> list[str]:
    text = (ROOT / "definitions" / f"{name}.yaml").read_text("utf-8")
    assert old in text
    return [item.code for item in examine_text(text.replace(old, new)).findings]


def test_the_base_of_an_index_is_a_scored_period():
    assert codes("execution-index", "base: 2022Q1", "base: 2022") == ["K432"]
    assert codes("execution-index", "base: 2022Q1", "base: soon") == ["K105"]


def test_the_shares_of_every_cohort_make_a_hundred_percent():
    assert codes("per-mu-2022", "{4: 5, 3: 70, 2: 20, 1: 5}", "{4: 5, 3: 70, 2: 20, 1: 15}") == ["K416"]


def test_the_generator_writes_the_committed_bytes(tmp_path: Path):
    generator = runpy.run_path(str(ROOT / "sample_data" / "mechanisms.py"))
    generator["write"](tmp_path, tmp_path, seed=2022)
    for name in ("per-mu-2022", "execution-index", "service-reviews"):
        assert (tmp_path / FILES[name]).read_bytes() == (ROOT / "sample_data" / FILES[name]).read_bytes(), name
    assert (tmp_path / "per-mu.csv").read_bytes() == (ROOT / "definitions" / "rosters" / "per-mu.csv").read_bytes()
