"""Analyses of a ranking some of whose figures are suppressed: what they say is what was published, or they refuse."""

from __future__ import annotations

import pytest

import kpi
from kpi.analysis.way_up import way_up
from kpi.errors import DataError

SYSTEM = """
system: complaints
period: year
entities: {title: 县区}
datasets: {p: {form: panel}}
measures: {投诉: {unit: 件}, 办件: {unit: 件}}
indicators: {率: {kind: ratio, numerator: 投诉, denominator: 办件, unit: ‰, better: lower, SCORE}}
pillars: {总: {weight: 100, parts: {率: 100}}}
stars: {kind: bands, cuts: {5: 90, 4: 70, 3: 50, 2: 20, 1: 0}}
limits: 95
disclosure: {threshold: 5, of: [投诉], totals: none}
"""
FIGURES = {
    "期别": ["2024"] * 5,
    "县区": ["甲县", "乙县", "丙县", "丁县", "戊县"],
    "投诉": [2, 3, 30, 41, 12],
    "办件": [1000, 1100, 1200, 900, 1500],
}


def card(score: str) -> kpi.Scorecard:
    return kpi.score(FIGURES, system=SYSTEM.replace("SCORE", score))


def test_a_place_among_suppressed_units_is_not_looked_for():
    with pytest.raises(DataError) as caught:
        way_up(card("target: {at_most: 5}"), "丙县", "rank:1")
    assert [item.code for item in caught.value.diagnostics] == ["K966"]


def test_a_level_by_fixed_cuts_is_found_from_what_is_published():
    scored = card("target: {at_most: 5}")
    way = way_up(scored, "丙县", 3)
    now = scored.totals.filter(entity="丙县").row(0, named=True)
    found = way.totals.filter(situation="now").row(0, named=True)
    assert (found["score"], found["stars"]) == (now["score"], now["stars"])


def test_a_score_that_depends_on_suppressed_units_has_no_way_up():
    with pytest.raises(DataError) as caught:
        way_up(card("score: {kind: minmax}"), "丙县", 5)
    assert [item.code for item in caught.value.diagnostics] == ["K966"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_explanation_leaves_out_the_limits_of_a_group_with_suppressed_figures(language):
    with kpi.using_language(language):
        text = str(kpi.explain(card("target: {at_most: 5}"), "丙县", "率").detail)
    assert "17.5671" in text
    assert "around" not in text
