"""No key of a system, a pillar or the total that changes scores, levels or places is left out of the method."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

import kpi
from kpi.language.aggregation.nodes import Composite, Pillar
from kpi.language.longer_totals import TotalsOver
from kpi.language.ranking import Ranking
from kpi.language.system import System
from kpi.report.files import content
from kpi.report.method.report import MethodReport, method_of_scores

SYSTEM = """
system: all-keys
title: 全部规则
note: 适用于全部单位
source: {document: 示例方案}
period: quarter
year_starts: 4
calendar: days.csv
entities: {title: 县, roster: units.csv}
datasets: {reports: {form: panel, title: 月报表, columns: {period: 期别, entity: 县}}}
measures:
  va: {title: 甲, unit: 分, from: reports}
  vb: {title: 乙, unit: 分, from: reports}
  late: {title: 迟报, unit: 次, from: reports}
indicators:
  a:
    {kind: level, of: va, title: 办结, score: {kind: minmax},
     target: {at_least: 90, by: 2025, baseline: {value: 80, period: 2023Q4}, schedule: linear}}
  b: {kind: level, of: vb, title: 满意}
  c: {kind: level, of: vb, title: 评价}
localise: {weights: {va: 2}}
disclosure: {threshold: 5, of: late}
treatment: {tails: {kind: winsorise, most: 5}}
groups: {经济规模: {of: va, cuts: {大: 50, 小: 0}}}
peers: 经济规模
scoring: {kind: percentile}
pillars:
  政务:
    {title: 政务服务, note: 由数据局评价, weight: 60, mean: geometric, missing: fail, decimals: 1, parts: {a: 60},
     caps: [{at_most: 70, when: late > 2}], floor: 3, cap: 66, score: {kind: zscore}}
  数字: {weight: 40, parts: [b, c], weights: {method: entropy}, missing: zero}
  总览: {title: 总览指数, weight: 0, parts: {政务: 1, 数字: 2}}
composite:
  {full: 120, mean: harmonic, decimals: 3, missing: {penalty: {points: 7}}, note: 总分说明,
   caps: [{at_most: 75, below: {数字: 60}}],
   cap: 118, floor: 4}
adjustments:
  stop: {kind: veto, title: 造假, when: late > 5, effect: {stars_at_most: 3}}
  less: {kind: deduction, title: 迟报扣分, of: late, points: 1, within: 政务}
stars: {kind: quota, shares: {5: 50, 3: 50}, names: {5: 优秀, 3: 合格}}
ranking:
  {within: [经济规模, cohort], against: 1y, tie_break: [a], ties: dense, decimals: 4, rounding: half_even, on: raw}
totals_over: {period: year, by: weighted, weights: [1, 2, 3, 4], at_least: 3, vetoes: last}
show: marks
lights: {green: 1, yellow: 17}
checks: {sum: {expr: va <= vb}}
notify: {low: {title: 预警, when: a < 60}}
uncertainty: {weights: 25}
"""

#: Keys with a text that the document has because of them, by model.
WORDED: dict[type[BaseModel], dict[str, str]] = {
    System: {
        "system": "System all-keys", "title": "全部规则", "note": "适用于全部单位", "source": "示例方案",
        "period": "for each quarter", "year_starts": "Years begin with month 4", "calendar": "days.csv",
        "entities": "units.csv", "datasets": "月报表", "measures": "reported figure", "indicators": "办结",
        "treatment": "winsoris", "groups": "Groups 经济规模: by 甲", "peers": "compared with each other: 经济规模",
        "scoring": "General rule: by percentile", "pillars": "政务服务", "composite": "full mark is 120",
        "adjustments": "迟报扣分", "stars": "50 %", "ranking": "half to even", "show": "Results show the marks",
        "totals_over": "Totals over longer periods", "lights": "yellow up to 17", "checks": "甲 \\<= 乙",
        "notify": "预警: 办结 \\< 60", "uncertainty": "Weights ±25 %",
        "localise": "Trust in figures", "disclosure": "Counts from 1 to 4 are suppressed",
    },
    Pillar: {
        "title": "政务服务", "note": "由数据局评价", "weight": "政务服务 60", "parts": "总览指数 | 政务服务 1, 数字 2",
        "mean": "geometric mean", "missing": "no score where a part is missing",
        "decimals": "| 1 |", "weights": "entropy",
        "caps": "Caps of 政务服务: at most 70 % where 迟报 \\> 2", "floor": "at least 3 marks",
        "cap": "at most 66 marks", "score": "scored again",
    },
    Composite: {
        "full": "full mark is 120", "mean": "harmonic mean", "missing": "scores -7 %", "decimals": "| 3 |",
        "caps": "at most 75 % where 数字 \\< 60 %", "cap": "The total is at most 118", "floor": "at least 4",
        "note": "总分说明",
    },
    Ranking: {
        "ties": "none is left out after them", "decimals": "decimals: 4", "rounding": "half to even",
        "on": "before rounding", "within": "ranked within: 经济规模, the cohort", "against": "year on year",
        "tie_break": "decide of: 办结",
    },
    TotalsOver: {
        "period": "total of a year", "by": "weighted mean", "weights": "(1, 2, 3, 4)",
        "at_least": "3 of 4 periods", "vetoes": "only a veto of its last period",
    },
}  # fmt: skip

#: Keys that have no words of their own, with the reason.
LEFT_OUT: dict[type[BaseModel], dict[str, str]] = {
    System: {
        "limits": "need counts, and no score depends on them",
        "quality": "weighs reports of departments, and no score depends on it",
    },
    Pillar: {"relative": "only says that weights are not meant to add up", "ours": "has a section of its own"},
    Composite: {
        "relative": "only says that weights are not meant to add up", "ours": "has a section of its own",
        "weights": "is worded as that of pillars", "title": "the total has none in the document",
    },
    Ranking: {"ours": "has a section of its own", "cohort": "is worded in the ranking itself, and excludes `within`"},
    TotalsOver: {"ours": "has a section of its own"},
}  # fmt: skip


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("method")
    (folder / "days.csv").write_text("date,working\n2024-01-02,no\n", "utf-8")
    (folder / "units.csv").write_text("entity,cohort\n东湖,大\n西山,小\n", "utf-8")
    (folder / "all.yaml").write_text(SYSTEM, "utf-8")
    return content(MethodReport(kpi.load(folder / "all.yaml")), "md").decode()


@pytest.mark.parametrize("model", list(WORDED), ids=lambda model: model.__name__)
def test_every_key_has_words_or_a_reason_for_none(model: type[BaseModel], text: str) -> None:
    assert WORDED[model].keys() | LEFT_OUT[model].keys() == model.model_fields.keys()
    lacking = {key: words for key, words in WORDED[model].items() if words not in text}
    assert not lacking, text


def test_the_sheet_of_the_method_has_the_rules_too(text: str) -> None:
    rows = dict(
        method_of_scores(kpi.load(SYSTEM.replace("calendar: days.csv\n", "").replace(", roster: units.csv", "")))
    )
    whole = str(rows)
    for words in ("Caps of 政务服务", "scored again", "Indices beside the total", "ranked within", "year on year",
                  "3 of 4 periods", "compared with each other", "within 政务服务, in the marks",
                  "政务服务 60"):  # fmt: skip
        assert words in whole, words
    assert text
