"""Headlines: indices beside the total, explained like totals of their own."""

from __future__ import annotations

import pytest

from kpi.analysis.explain import explain
from tests.soundness.small_evaluation import examined, small_card

SYSTEM = """
measures: {甲: {unit: 分}, 乙: {unit: 分}, 丙: {unit: 分}}
indicators: {a: {kind: level, of: 甲}, b: {kind: level, of: 乙}, c: {kind: level, of: 丙}}
scoring: {kind: goalposts, low: 0, high: 100}
pillars:
  总: {weight: 100, parts: {a: 40, c: 60}}
  韧性: {weight: 0, mean: harmonic, parts: {a: 1, b: 1}, caps: [{at_most: 50, below: {a: 70}}]}
"""
BESIDE = """
notify: {低: {when: 总 < 60 OR rank > 2}}
adjustments:
  通报: {kind: deduction, of: 丙, points: 0.01}
  试点: {kind: bonus, of: 丙, points: 0.01, max: 0.2, within: 韧性, opens: {c: 30, a: 50}}
  获奖: {kind: bonus, of: 丙, points: 0.01, max: 0.2, within: 韧性}
  合计: {kind: limit, of: [试点, 获奖], max: 0.3, within: 韧性}
"""
FIGURES = (
    *(("2024", "东县", name, value) for name, value in (("甲", 60), ("乙", 92), ("丙", 40))),
    *(("2024", "西县", name, value) for name, value in (("甲", 90), ("乙", 70), ("丙", 30))),
)


def test_a_headline_is_explained_beside_alerts_on_the_total():
    card = small_card(SYSTEM + "notify: {低: {when: 总 < 60 OR rank > 2}}\n", *FIGURES)
    node = explain(card, "东县", "韧性")
    # The harmonic mean of 60 and 92 is 72.63, at most 50 as a is below 70.
    assert node.score == pytest.approx(50)
    assert sum(part.contribution for part in node.parts) == pytest.approx(50)


def test_what_is_within_a_headline_is_in_its_explanation():
    card = small_card(SYSTEM + BESIDE, *FIGURES)
    node = explain(card, "东县", "韧性")
    # Twice 0.2, at most 0.3 of the 2 marks that the parts have, 15 %.
    assert node.score == pytest.approx(65)
    assert card.headlines.filter(entity="东县")["score"].to_list() == pytest.approx([65])
    points = {part.name: part.contribution for part in node.parts if part.kind in {"bonus", "limit"}}
    assert points == pytest.approx({"试点": 10, "获奖": 10, "合计": -5})
    assert sum(part.contribution for part in node.parts) == pytest.approx(65)


def test_a_part_that_weighs_by_class_in_the_total_has_a_number_in_a_headline():
    text = """
    measures: {甲: {unit: 分}, 乙: {unit: 分}}
    indicators: {a: {kind: level, of: 甲}, b: {kind: level, of: 乙}}
    scoring: {kind: goalposts, low: 0, high: 100}
    pillars:
      总:
        weight: 100
        parts: {a: {by: cohort, values: {工业: 60, 生态: 20}}, b: {by: cohort, values: {工业: 40, 生态: 80}}}
      韧性: {weight: 0, parts: {a: 1, b: 3}}
    """
    card = small_card(
        text,
        ("2024", "东县", "甲", 90, "工业"), ("2024", "东县", "乙", 70, "工业"),
        ("2024", "西县", "甲", 60, "生态"), ("2024", "西县", "乙", 80, "生态"),
        ("2024", "南县", "甲", 60, "农业"), ("2024", "南县", "乙", 80, "农业"),
    )  # fmt: skip
    total = dict(card.totals.select("entity", "score").iter_rows())
    assert total == {"东县": pytest.approx(82), "西县": pytest.approx(76), "南县": None}
    beside = dict(card.headlines.select("entity", "score").iter_rows())
    assert beside == {"东县": pytest.approx(75), "西县": pytest.approx(75), "南县": pytest.approx(75)}
    assert explain(card, "南县", "韧性").score == pytest.approx(75)


def test_headlines_do_not_share_a_part_whose_weights_differ():
    # The part has one column for such a weight: without the finding both headlines would take the last one.
    by_class = "{a: {by: cohort, values: {工业: 60, 生态: 20}}, b: {by: cohort, values: {工业: 40, 生态: 80}}}"
    for parts in (f"parts: {by_class}", "parts: [a, b], weights: {method: entropy}"):
        result = examined(
            "measures: {甲: {unit: 分}, 乙: {unit: 分}}\n"
            "indicators: {a: {kind: level, of: 甲}, b: {kind: level, of: 乙}}\nscoring: {kind: minmax}\n"
            f"pillars: {{韧性: {{weight: 0, {parts}}}, 活力: {{weight: 0, {parts}}}}}\n"
        )
        assert [item.code for item in result.findings] == ["K408", "K408"]
