"""Class of wrong answer: points that nothing was deducted or added for, as the figure is missing or was refused."""

from __future__ import annotations

import pytest
from msgspec import structs

import kpi
from kpi.analysis.explain import explain
from tests.soundness.small_evaluation import small_card

DEFINITION = """
    measures: {x: {unit: 分}, c: {title: 通报批评, unit: 1}}
    indicators: {a: {kind: level, of: x}}
    scoring: {kind: goalposts, low: 0, high: 100}
    pillars: {p: {weight: 100, parts: {a: 100}}}
    adjustments: {d: RULE}
"""
FIGURES = [
    *[(2024, name, "x", score) for name, score in (("A", 90), ("B", 91), ("C", 91), ("D", 80))],
    (2024, "B", "c", 2), (2024, "C", "c", "x"), (2024, "D", "c", 0),
]  # fmt: skip


def words(card: kpi.Scorecard, name: str) -> str:
    """Return every text of an explanation."""
    return str([*map(structs.asdict, explain(card, name).walk())])


@pytest.mark.parametrize(
    ("rule", "scores"),
    [
        ("{kind: deduction, of: c, points: 5, per: 1}", {"A": 90, "B": 81, "C": 91, "D": 80}),
        ("{kind: bonus, of: c, points: 4, per: 1}", {"A": 90, "B": 99, "C": 91, "D": 80}),
        ("{kind: deduction, when: c > 1, points: 5}", {"A": 90, "B": 86, "C": 91, "D": 80}),
        ("{kind: deduction, of: c, points: 5, per: 1, within: p}", {"A": 90, "B": 81, "C": 91, "D": 80}),
    ],
)
def test_points_without_a_figure_are_reported_and_explained(rule, scores):
    """91 - 2 x 5 = 81, 91 + 2 x 4 = 99, 91 - 5 = 86; the figures of A (none) and C (x) are not known."""
    card = small_card(DEFINITION.replace("RULE", rule), *FIGURES)
    assert dict(card.totals.select("entity", "score").rows()) == pytest.approx(scores)
    result = [finding for finding in card.findings_list if finding.code == "K702"]
    assert [finding.place.entity for finding in result] == ["A", "C"]
    assert "d is not judged, as figures are missing: no points" in str(result[0].message)
    for name in scores:
        assert ("not judged, as figures are missing" in words(card, name)) == (name in "AC")


def test_points_that_do_not_count_need_no_figure():
    rule = "{kind: bonus, of: c, points: 4, per: 1, opens: 91}"
    card = small_card(DEFINITION.replace("RULE", rule), *FIGURES)
    assert [finding.place.entity for finding in card.findings_list if finding.code == "K702"] == ["C"]


def test_the_condition_of_a_bonus_within_a_pillar_names_the_pillar():
    rule = "{kind: bonus, of: c, points: 4, per: 1, opens: 85, within: p}"
    card = small_card(DEFINITION.replace("RULE", rule).replace("{weight: 100, ", "{title: 甲, weight: 100, "), *FIGURES)
    assert "only from 85 marks of 甲 before adjustments on" in words(card, "B")
    assert "a total of" not in words(card, "B")
