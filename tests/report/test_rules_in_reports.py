"""Reports of systems whose rules change who is compared with whom, what counts, and what changes are against."""

from __future__ import annotations

from io import BytesIO

import openpyxl
import polars as pl
import pytest
from msgspec import structs

import kpi
from kpi.analysis.explain import explain
from kpi.language.loading.loader import examine_text
from kpi.report import cards, language
from kpi.report.files import content
from kpi.report.method.report import method_of_scores
from kpi.report.scorebook.figures import Period
from kpi.report.table import league_table

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
    texts += [str([*map(structs.asdict, explain(card, "北原", period=period).walk())]) for period in ("2023Q4", "2023")]
    for text in texts:
        assert "late" not in text
        assert "迟报 " in text


def test_sentences_of_the_method_are_not_joined_by_semicolons() -> None:
    with language.using("zh"):
        rows = method_of_scores(kpi.load(HEAD + CONDITIONS))
    assert rows
    assert "。；" not in str(rows)


HEADLINES = "pillars: {总览: {title: 总览指数, weight: 0, parts: {a: 1}}, 均衡: {weight: 0, parts: {a: 1, b: 1}}}\n"


def test_a_headline_has_its_score_and_place_on_the_first_sheet() -> None:
    beside = TREE.replace("}}\n", "}, 总览: {title: 总览指数, weight: 0, parts: {a: 1}}}\n")
    for rules in (beside, HEADLINES):
        rows = sheets(kpi.score(data(), system=HEAD + rules))["Results"]
        at = rows[2].index("总览指数 (index beside the total)")
        assert rows[2][at + 1] == "Place by 总览指数"
        assert "总览指数" not in rows[2]
        units = {row[rows[2].index("县")]: row for row in rows[4:]}
        assert units["东湖"][at : at + 2] == [90, 1]
        assert units["西山"][at : at + 2] == [60, 1]  # first of the small ones
        assert "Not rated" not in str(rows)


def test_with_headlines_alone_no_card_asks_for_a_total() -> None:
    card = kpi.score(data(), system=HEAD + HEADLINES)
    rows = sheets(card)["Cards"]
    words = [f"{title}, an index beside the total: 90.00, place 1" for title in ("总览指数", "均衡")]
    assert rows[1][0] == "    ".join(words)
    assert "Not rated" not in content(card, "md").decode()


@pytest.mark.parametrize(("against", "words"), [("1y", "year on year"), (None, "against the previous period")])
def test_reports_name_what_changes_are_against(against: str | None, words: str) -> None:
    rules = TREE + ("" if against is None else f"ranking: {{against: {against}}}\n")
    card = kpi.score(data(), system=HEAD + rules)
    text = content(card, "md").decode()
    assert words in text
    assert ("previous period" in text) == (against is None)
    assert words in str(sheets(card)["Results"])


def test_the_year_has_a_block_for_each_cohort() -> None:
    card = kpi.score(data(), system=HEAD + TREE + "totals_over: {period: year, by: mean}\n")
    text = content(card, "md").decode()
    assert "## 2023, from its periods 大, 2\n" in text
    block = text.split("## 2023, from its periods 小, 2\n")[1].split("##")[0]
    assert "西山" in block
    assert "东湖" not in block
    assert "2023, from its periods 小, 2" in league_table(card)
    together = kpi.score(data().drop("cohort"), system=HEAD + TREE + "totals_over: {period: year, by: mean}\n")
    assert "## 2023, from its periods\n" in content(together, "md").decode()


def test_a_veto_that_leaves_a_level_that_is_never_given_is_reported() -> None:
    veto = "adjustments: {stop: {kind: veto, when: late > 2, effect: {stars_at_most: 2}}}\n"
    for stars, codes in (
        ("{kind: quota, shares: {5: 50, 3: 50}}", ["K476"]),
        ("{kind: quota, shares: {5: 50, 3: 50}, names: {2: 不合格}}", []),
        ("{kind: quota, shares: {5: 50, 2: 50}}", []),
        ("{kind: bands, cuts: {5: 90, 3: 0}}", ["K476"]),
    ):
        result = examine_text(f"{HEAD}{TREE}{veto}stars: {stars}\n").findings
        assert [item.code for item in result] == codes, stars
