"""Class of wrong answer: totals without a level that nobody meant, and statuses of nodes that hide a refused part."""

from __future__ import annotations

import pytest

from tests.soundness.small_evaluation import examined, small_card

DEFINITION = """
    measures: {x: {unit: 分}, z: {unit: 分}, c: {unit: 1}}
    indicators: {a: {kind: level, of: x}, b: {kind: level, of: z}}
    scoring: {kind: goalposts, low: 0, high: 100}
    pillars: {p: {weight: 50, parts: {a: 50}}, q: {weight: 50, parts: {b: 50}}}
"""
DEDUCTION = "    adjustments: {d: {kind: deduction, of: c, points: 5, per: 1}}\n"


@pytest.mark.parametrize(
    ("composite", "stars", "codes"),
    [
        ("{floor: null}", "{kind: bands, cuts: {2: 60, 1: 0}}", ["K866"]),
        ("{floor: null}", "{kind: bands, cuts: {2: 60, 1: 0}, floor: 1}", []),
        ("{floor: 0}", "{kind: bands, cuts: {2: 60, 1: 0}}", []),
        ("{floor: null}", "{kind: bands, cuts: {2: 60, 1: -20}}", []),
        ("{floor: null}", "{kind: bands, cuts: {2: 60}}", []),
    ],
)
def test_a_lowest_cut_that_totals_may_fall_below_is_reported(composite, stars, codes):
    text = DEFINITION + DEDUCTION + f"    composite: {composite}\n    stars: {stars}\n"
    assert [finding.code for finding in examined(text).findings] == codes


def test_the_advice_gives_totals_below_zero_a_level():
    """(10 + 10)/2 - 3 x 5 = -5 is below the cut of 0."""
    figures = [(2024, "A", "x", 10), (2024, "A", "z", 10), (2024, "A", "c", 3)]
    levels = []
    for more in ("", ", floor: 1"):
        stars = f"    composite: {{floor: null}}\n    stars: {{kind: bands, cuts: {{2: 60, 1: 0}}{more}}}\n"
        card = small_card(DEFINITION + DEDUCTION + stars, *figures)
        assert card.totals["score"].to_list() == [-5]
        levels += card.totals["stars"].to_list()
    assert levels == [0, 1]


def test_a_node_without_a_score_has_the_reason_of_its_parts():
    figures = [(2024, "A", "x", "abc"), (2024, "B", "x", 80), (2024, "C", "c", 0), (2024, "D", "x", "abc"),
               (2024, "D", "z", 60)]  # fmt: skip
    card = small_card(DEFINITION, *figures)
    pillars = {(row["entity"], row["pillar"]): row["status"] for row in card.pillars.iter_rows(named=True)}
    assert pillars == {
        ("A", "p"): "refused", ("A", "q"): "missing", ("B", "p"): "ok", ("B", "q"): "missing",
        ("C", "p"): "missing", ("C", "q"): "missing", ("D", "p"): "refused", ("D", "q"): "ok",
    }  # fmt: skip
    totals = dict(card.totals.select("entity", "status").rows())
    assert totals == {"A": "refused", "B": "ok", "C": "missing", "D": "ok"}
