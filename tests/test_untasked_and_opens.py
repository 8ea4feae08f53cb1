"""Who was given no task, and bonuses that wait for a score: what explanations and variants make of them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import kpi
from kpi.analysis.explain import explain
from kpi.analysis.variants import leave_out
from kpi.language.loading.loader import examine_text

GOLDEN = Path(__file__).parent / "golden"


def scored(name: str) -> kpi.Scorecard:
    return kpi.score(GOLDEN / name / "data.csv", system=GOLDEN / name / "system.yaml")


def detail(card: kpi.Scorecard, entity: str, name: str) -> str:
    return next(node.detail for node in explain(card, entity).walk() if node.name == name)


def test_an_explanation_says_what_a_bonus_waits_for():
    card = scored("bonus-from-eighty-on")
    assert detail(card, "甲", "试点加分") == "only from a total of 80 on"
    assert detail(card, "乙", "试点加分") == "only from a total of 80 on, not reached"
    assert detail(card, "甲", "获奖加分") == "only with 服务 ≥ 90 %, not reached"


@pytest.mark.parametrize(("entity", "answer"), [("乙", True), ("甲", False), ("丁", True), ("戊", False)])
def test_an_explanation_says_that_no_task_was_given(entity, answer):
    text = detail(scored("no-task-given"), entity, "落地")
    assert ("; no task set; " in text) is answer
    assert text.endswith("; 60 % without a target")


def test_parts_of_an_explanation_add_up_with_a_bonus_that_does_not_count():
    card = scored("bonus-from-eighty-on")
    for entity in "甲乙丙丁":
        whole = explain(card, entity)
        assert sum(part.contribution or 0 for part in whole.parts) == pytest.approx(whole.contribution)


def test_a_bonus_does_not_wait_for_a_pillar_that_was_left_out():
    system = kpi.load(GOLDEN / "bonus-from-eighty-on" / "system.yaml")
    rest = leave_out(system, "服务")
    assert rest is not None
    assert system.adjustments["获奖加分"].opens == {"服务": 90}
    card = kpi.score(GOLDEN / "bonus-from-eighty-on" / "data.csv", system=rest)
    assert dict(card.totals.select("entity", "score").rows())["甲"] == 90 + 4 + 3


def test_a_blank_target_in_the_data_is_no_task():
    text = """
system: later
period: year
entities: {}
datasets: {data: {form: reported}}
measures: {done: {title: 完成, unit: 个}}
indicators:
  work: {kind: level, of: done, target: {at_least: {column: 目标值}}, score: {kind: completion, no_target: 60}}
pillars: {all: {parts: [work]}}
"""
    rows = pl.DataFrame(
        {"期别": ["2022", "2022"], "地区": ["甲", "乙"], "指标": ["完成"] * 2, "数值": [5, 5], "目标值": [10, None]}
    )
    card = kpi.score(rows, system=examine_text(text).system)
    assert card.totals.sort("entity")["score"].to_list() == [60.0, 50.0]
