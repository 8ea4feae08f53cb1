"""A year from its quarters, while the year is not over."""

from __future__ import annotations

import pytest

from kpi.engine.scorecard import Scorecard
from kpi.report.files import content
from tests.soundness.small_evaluation import small_card

QUARTERS = """
measures: {a: {unit: 1}}
indicators: {ia: {kind: level, of: a, target: {at_least: 10}}}
pillars: {P: {weight: 100, parts: {ia: 1}}}
stars: {kind: bands, cuts: {5: 90, 1: 0}}
totals_over: {period: year, by: mean}
"""


def card_of(*periods: str) -> Scorecard:
    rows = [(period, unit, "a", value) for period in periods for unit, value in (("A", 5), ("B", 9))]
    return small_card(QUARTERS, *rows, period="quarter")


@pytest.mark.parametrize("quarters", [[1], [2], [4], [1, 2], [1, 2, 3], [2, 4]])
def test_a_year_without_all_quarters_is_incomplete(quarters: list[int]) -> None:
    card = card_of(*(f"2023Q{quarter}" for quarter in quarters))
    assert set(card.longer["status"]) == {"incomplete"}
    assert card.longer["score"].null_count() == card.longer.height
    for kind in ("json", "csv", "html", "md", "xlsx"):
        assert content(card, kind)


def test_a_year_after_an_unfinished_start_is_whole() -> None:
    card = card_of("2022Q4", *(f"2023Q{quarter}" for quarter in (1, 2, 3, 4)))
    whole = card.longer.filter(period="2023Q4")
    assert whole["score"].to_list() == [50, 90]
    assert whole["rank"].to_list() == [2, 1]
