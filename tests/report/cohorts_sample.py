"""A scorecard of two cohorts that are ranked apart, with ties and with units below every named level."""

from __future__ import annotations

from kpi.engine.scorecard import Scorecard
from tests.soundness.small_evaluation import small_card

SYSTEM = """
measures: {a: {unit: 1}}
indicators: {ia: {kind: level, of: a, target: {at_least: 100}}}
pillars: {P: {weight: 100, parts: {ia: 1}}}
stars: {kind: bands, cuts: {5: 90, 4: 60}, names: {5: top, 4: good}}
"""
ROWS = [
    *((2022, unit, "a", 50, cohort) for unit, cohort in (("A", "east"), ("B", "east"), ("D", "west"), ("E", "west"))),
    (2023, "A", "a", 70, "east"),
    (2023, "B", "a", 70, "east"),
    (2023, "C", "a", 60, "east"),
    (2023, "D", "a", 95, "west"),
    (2023, "E", "a", 10, "west"),
    (2023, "F", "a", 10, "west"),
]


def cohorts_card() -> Scorecard:
    return small_card(SYSTEM, *ROWS)
