"""Class of wrong answer: a score that depends on how large a weight is written, or in which unit a figure is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kpi.engine.scorecard import Scorecard
from tests.oracle.oracle_figures import UNITS, Row
from tests.oracle.strategies import AMOUNTS, Evaluation, evaluations
from tests.oracle.test_oracle import SLOW, same, scored


def assert_same_results(item: Scorecard, other: Scorecard, frames: tuple[str, ...]) -> None:
    for frame in frames:
        before, after = getattr(item, frame), getattr(other, frame)
        for row, twin in zip(before.to_dicts(), after.to_dicts(), strict=True):
            different = [name for name in row if not same(row[name], twin[name])]
            assert not different, (frame, different, row, twin)


def scaled(weight: Any, scale: float) -> Any:
    """Return a weight, or those by class or from dates on, times a factor."""
    if isinstance(weight, list):
        return [entry | {"weight": scaled(entry["weight"], scale)} for entry in weight]
    if isinstance(weight, dict):
        return weight | {"values": {name: scaled(inner, scale) for name, inner in weight["values"].items()}}
    return weight * scale


@settings(max_examples=15, deadline=None, suppress_health_check=SLOW, derandomize=True)
@given(evaluation=evaluations(), scale=st.sampled_from([0.001, 3, 10, 1000]))
def test_only_the_proportions_of_weights_count(evaluation: Evaluation, scale: float) -> None:
    # Marks of an item are a share of its weight, so a system that has them changes with it.
    assume(not any(word in evaluation.yaml for word in ("marks", "within")))
    pillars = {
        name: {
            **pillar,
            "parts": {part: scaled(weight, scale) for part, weight in pillar["parts"].items()},
            **({"weight": scaled(pillar["weight"], scale * 7)} if "weight" in pillar else {}),
        }
        for name, pillar in evaluation.system.get("pillars", {}).items()
    }
    system = evaluation.system | ({"pillars": pillars} if pillars else {})
    after = scored(replace(evaluation, system=system))
    assert_same_results(scored(evaluation), after, ("totals", "pillars", "indicators"))


@settings(max_examples=15, deadline=None, suppress_health_check=SLOW, derandomize=True)
@given(evaluation=evaluations(), unit=st.sampled_from(["元", "万元", "亿元"]))
def test_the_unit_a_figure_is_reported_in_changes_nothing(evaluation: Evaluation, unit: str) -> None:
    def told_in(row: Row) -> Row:
        if row.measure not in AMOUNTS or row.value is None:
            return row
        was = UNITS[row.unit or evaluation.system["measures"][row.measure]["unit"]][0]
        return replace(row, value=row.value * was / UNITS[unit][0], unit=unit)

    plain = [replace(row, target=None) for row in evaluation.rows]
    before = scored(replace(evaluation, rows=plain))
    after = scored(replace(evaluation, rows=[told_in(row) for row in plain]))
    assert_same_results(before, after, ("totals", "pillars", "indicators", "measures"))
