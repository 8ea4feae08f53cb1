"""`kpi show` has bonuses, deductions, limits and vetoes, with what they do and when."""

from __future__ import annotations

import pytest

import kpi
from kpi.errors import DefinitionError
from kpi.report import cards
from tests.soundness.small_evaluation import small_system

DEFINITION = """
    measures: {x: {unit: 分}, c: {title: 通报批评, unit: 1}, v: {title: 事故, unit: 1}}
    indicators: {a: {kind: level, of: x}}
    scoring: {kind: goalposts, low: 0, high: 100}
    pillars: {p: {title: 服务, weight: 100, parts: {a: 100}}}
    stars: {kind: bands, cuts: {5: 90, 4: 80, 3: 70, 2: 60, 1: 0}}
    adjustments:
      b_media: {title: 媒体, kind: bonus, of: c, points: 2, per: 1, max: 6, opens: 58, within: p, note: 国家级}
      d: {kind: deduction, of: c, points: 5, per: 1}
      l: {title: 封顶, kind: limit, of: [d], max: 5}
      veto_v: {title: 重大事故, kind: veto, when: v > 0, effect: {demote: 1}}
"""
WORDS = {
    "b_media": "2 for each 1 of 通报批评; at most 6; only from 58 marks of 服务 before adjustments on; within 服务",
    "d": "5 for each 1 of 通报批评",
    "l": "at most 5 points in all for d",
    "veto_v": "事故 > 0: one star down",
}


def test_a_system_and_its_cards_have_the_adjustments():
    system = small_system(DEFINITION)
    whole = cards.system(system, width=200)
    for name, words in WORDS.items():
        assert words in whole
        assert words in cards.definition(system, name, width=200)
    assert "国家级" in cards.definition(system, "b_media")
    assert cards.definition(system, "重大事故") == cards.definition(system, "veto_v")
    with pytest.raises(DefinitionError, match="K203"):
        cards.definition(system, "b_medai")


def test_cards_of_adjustments_are_in_the_language_of_the_reader():
    system = small_system(DEFINITION)
    with kpi.using_language("zh"):
        assert "加分" in cards.system(system)
        assert "一票否决" in cards.definition(system, "veto_v")
