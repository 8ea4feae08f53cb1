"""Shrinkage by reliability: by hand, the original kept, and where it cannot be."""

from __future__ import annotations

import statistics

import pytest

import kpi
from kpi.analysis.explain import explain
from kpi.language.loading.loader import examine_text

SYSTEM = """
system: shrunk
period: year
entities: {title: 区}
measures:
  hits: {unit: 件}
  cases: {unit: 件}
  income: {unit: 元}
  error: {unit: 元}
indicators:
  share: {kind: ratio, numerator: hits, denominator: cases, score: {kind: goalposts, low: 0, high: 100}, SHRINK}
  level: {kind: level, of: income, score: {kind: goalposts, low: 0, high: 1000}}
"""
HITS, CASES = [8, 60, 150, 700, 30], [10, 100, 300, 1000, 40]


def scored(shrink: str = "shrink: reliability", more: str = "", **columns) -> kpi.Scorecard:
    columns = columns or {"hits": HITS, "cases": CASES}
    number = len(next(iter(columns.values())))
    frame = {"地区": [f"区{at}" for at in range(number)], "期别": ["2023"] * number, **columns}
    examined = examine_text(SYSTEM.replace(", SHRINK", f", {shrink}" if shrink else "") + more)
    assert examined.system is not None, examined.findings
    return kpi.score(frame, system=examined.system)


def by_hand(hits, cases):
    """Return the shrunk proportions in percent and the reliabilities."""
    pooled = sum(hits) / sum(cases)
    values = [100 * h / n for h, n in zip(hits, cases, strict=True)]
    chance = [10_000 * pooled * (1 - pooled) / n for n in cases]
    between = max(0.0, statistics.variance(values) - statistics.mean(chance))
    parts = [between / (between + item) for item in chance]
    mean = statistics.mean(values)
    return [mean + r * (x - mean) for r, x in zip(parts, values, strict=True)], parts


def test_values_are_drawn_to_the_mean_by_reliability_before_they_are_scored():
    card = scored()
    shrunk, parts = by_hand(HITS, CASES)
    rows = card.indicators.filter(indicator="share").sort("entity")
    assert rows["value"].to_list() == pytest.approx([100 * h / n for h, n in zip(HITS, CASES, strict=True)])
    assert rows["score"].to_list() == pytest.approx(shrunk)
    assert card.frame.sort("entity")["share.reliability"].to_list() == pytest.approx(parts)
    assert card.treated["after"].to_list() == pytest.approx(shrunk)


def test_it_is_explained():
    node = explain(scored(), "区0", "share")
    assert "reliability" in node.detail
    assert "drawn to the mean" in node.detail
    assert node.treated != node.value


def test_the_key_of_an_indicator_is_the_step_in_short():
    step = "\ntreatment: {shrunk: {kind: shrink, of: [share]}}"
    assert scored("", step).indicators.equals(scored().indicators)
    again = kpi.load(scored().definition.model_dump(by_alias=True, exclude_unset=True))
    assert list(again.treatment) == ["shrunk"]


def test_a_stated_error_is_taken():
    step = "\ntreatment: {small: {kind: shrink, of: [level], error: {column: error}}}"
    card = scored("", step, income=[100.0, 200.0, 300.0], error=[0.0, 50.0, 100.0])
    between = 10_000 - (0 + 2500 + 10_000) / 3
    expected = [100.0, 200.0, 200 + 100 * between / (between + 10_000)]
    assert card.frame.sort("entity")["level.treated"].to_list() == pytest.approx(expected)


def test_values_that_differ_by_chance_alone_become_their_mean():
    card = scored(hits=[5, 6, 4], cases=[10, 10, 10])
    assert card.frame["share.treated"].to_list() == pytest.approx([50.0] * 3)


def test_two_units_stay_as_they_are():
    card = scored(hits=[1, 9], cases=[10, 10])
    assert card.frame["share.treated"].to_list() == pytest.approx([10.0, 90.0])


def test_what_is_missing_stays_missing():
    card = scored(hits=[5, None, 4, 9], cases=[10, 10, 10, 10])
    assert card.indicators.filter(indicator="share", entity="区1")["score"].to_list() == [None]


def test_an_error_that_cannot_be_known_is_refused():
    text = SYSTEM.replace(", SHRINK", "").replace("of: income,", "of: income, shrink: reliability,")
    examined = examine_text(text)
    assert [item.code for item in examined.findings] == ["K672"]
    assert examined.findings[0].place.line == 12


def test_impossible_counts_are_reported_and_move_no_other():
    good = scored()
    card = scored(hits=[*HITS, 9999], cases=[*CASES, 622])
    values = card.treated.filter(indicator="share").sort("entity")
    assert (
        values.head(5)
        .drop("cohort", strict=False)
        .equals(good.treated.filter(indicator="share").sort("entity").drop("cohort", strict=False))
    )
    assert [item.place.entity for item in card.findings_list if item.code == "K672"] == ["区5"]
