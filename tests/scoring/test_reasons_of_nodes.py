"""Class of wrong answer: a pillar or total that is said not to be reported where its figures cannot be scored."""

from __future__ import annotations

import pytest

from tests.soundness.small_evaluation import small_card

TEXT = """
    measures: {x: {unit: 分}, z: {unit: 分}, w: {unit: 1}}
    indicators:
      baseline: {kind: growth, of: x, over: 1y}
      zero: {kind: ratio, numerator: x, denominator: z, unit: 1}
      beyond: {kind: formula, expr: ln(w), unit: 1}
      untasked: {kind: level, of: w, score: {kind: completion}}
      absent: {kind: ratio, numerator: x, denominator: x, unit: 1, min_denominator: 5}
      gap: {kind: formula, expr: z / x, unit: 1}
    scoring: {kind: minmax}
    pillars: {p: {weight: 100, parts: {q: 1}}, q: {parts: {PARTS}, missing: MISSING}}
"""


def statuses(parts, *, z=0, missing="redistribute"):
    names = ", ".join(f"{part}: 1" for part in parts)
    text = TEXT.replace("{PARTS}", f"{{{names}}}").replace("MISSING", missing)
    figures = {"x": 1, "z": z, "w": -1}
    card = small_card(text, *((2023, "甲", name, value) for name, value in figures.items() if value is not None))
    return [*card.pillars["status"], *card.totals["status"]]


@pytest.mark.parametrize("missing", ["redistribute", "spread", "fail"])
@pytest.mark.parametrize(
    ("parts", "status"),
    [
        (["baseline"], "no_baseline"), (["zero"], "zero_denominator"), (["beyond"], "out_of_range"),
        (["untasked"], "no_target"), (["absent"], "too_few"),
        # Of several reasons the first part has its say, unless something cannot be computed at all.
        (["baseline", "zero"], "no_baseline"), (["zero", "baseline"], "zero_denominator"),
        (["baseline", "beyond"], "out_of_range"),
    ],
)  # fmt: skip
def test_a_node_has_the_reason_of_its_parts_at_every_level(parts, status, missing):
    assert statuses(parts, missing=missing) == [status] * 3


def test_what_is_not_reported_goes_before_other_reasons_but_one():
    assert statuses(["baseline", "gap"], z=None) == ["missing"] * 3
    assert statuses(["baseline", "gap", "beyond"], z=None) == ["out_of_range"] * 3
    assert statuses(["zero"], z=None) == ["missing"] * 3


def test_a_part_with_a_score_needs_no_reason():
    assert statuses(["baseline", "gap"], z=3) == ["ok"] * 3
