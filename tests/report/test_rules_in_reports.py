"""Reports of systems whose rules change who is compared with whom, what counts, and what changes are against."""

from __future__ import annotations

from io import BytesIO

import openpyxl
import polars as pl
import pytest

import kpi
from kpi.analysis.explain import explain
from kpi.report import cards, language
from kpi.report.files import content
from kpi.report.method.report import method_of_scores
from kpi.report.scorebook.figures import Period

HEAD = """
system: rules
title: 示例评价
period: quarter
entities: {title: 县}
measures:
  va: {title: 甲, unit: 分}
  vb: {title: 乙, unit: 分}
  late: {title: 迟报, unit: 次}
indicators:
  a: {kind: level, of: va, title: 办结, score: {kind: piecewise, knots: [[0, 0], [100, 100]]}}
  b: {kind: level, of: vb, title: 满意, score: {kind: piecewise, knots: [[0, 0], [100, 100]]}}
"""
TREE = "pillars: {政务: {weight: 60, parts: {a: 60}}, 数字: {weight: 40, parts: {b: 40}}}\n"
UNITS = {"东湖": "大", "西山": "小", "南港": "大", "北原": "小"}


def data() -> pl.DataFrame:
    periods = ("2022Q4", "2023Q1", "2023Q2", "2023Q3", "2023Q4")
    scores = {"东湖": 90.0, "西山": 60.0, "南港": 80.0, "北原": 50.0}
    rows = [
        {"地区": name, "期别": period, "cohort": group, "甲": scores[name], "乙": scores[name], "迟报": place}
        for period in periods
        for place, (name, group) in enumerate(UNITS.items())
    ]
    return pl.DataFrame(rows)


def sheets(card: kpi.Scorecard) -> dict[str, list[list[object]]]:
    opened = openpyxl.load_workbook(BytesIO(content(card, "xlsx")))
    return {sheet.title: [[cell.value for cell in row] for row in sheet.iter_rows()] for sheet in opened}


@pytest.mark.parametrize("within", ["[all, cohort]", "[cohort, all]", "[all]"])
def test_the_way_to_the_next_level_is_among_those_who_share_the_quota(within: str) -> None:
    rules = f"stars: {{kind: quota, shares: {{5: 50, 3: 50}}}}\nranking: {{within: {within}}}\n"
    shown = Period(kpi.score(data(), system=HEAD + TREE + rules), "2023Q4")
    # Of the small ones 西山 (60) has five stars: 北原 (50) lacks ten points to it, not to 南港 (80).
    assert shown.to_next("北原") == "10.00 points to 5 stars"
    assert shown.to_next("南港") == "10.00 points to 5 stars"
    assert shown.to_next("西山") == ""


def test_with_peers_of_their_own_quotas_follow_these() -> None:
    rules = "stars: {kind: quota, shares: {5: 25, 3: 75}}\npeers: all\n"
    shown = Period(kpi.score(data(), system=HEAD + TREE + rules), "2023Q4")
    assert shown.to_next("北原") == "40.00 points to 5 stars"


CONDITIONS = """
pillars:
  政务: {weight: 60, parts: {a: 60}, caps: [{at_most: 70, when: late > 2}]}
  数字: {weight: 40, parts: {b: 40}}
composite: {caps: [{at_most: 75, when: late > 3}]}
adjustments:
  stop: {kind: veto, title: 造假, when: late >= 3, effect: {stars_at_most: 1}}
  lack: {kind: veto, title: 漏报, when: late >= 9, effect: {stars_at_most: 1}}
stars: {kind: ladder, rungs: {1: {score: 10}, 2: {score: 20, when: late < 9}}}
totals_over: {period: year, by: mean}
"""


def test_conditions_are_in_titles() -> None:
    card = kpi.score(data(), system=HEAD + CONDITIONS)
    texts = [cards.system(card.definition), cards.definition(card.definition, "政务")]
    for period in ("2023Q4", "2023"):
        texts.append(str(explain(card, "北原", period=period)))
    for text in texts:
        assert "late" not in text
        assert "迟报 " in text


def test_sentences_of_the_method_are_not_joined_by_semicolons() -> None:
    with language.using("zh"):
        rows = method_of_scores(kpi.load(HEAD + CONDITIONS))
    assert rows
    assert "。；" not in str(rows)
