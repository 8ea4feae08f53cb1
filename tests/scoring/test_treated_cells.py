"""Class of wrong answer: a treated value with the unit or the formula of another."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import pytest

import kpi
from kpi.analysis.explain import explain
from kpi.report.language import localized, using
from tests.soundness.small_evaluation import small_card

GOLDEN = Path(__file__).parents[1] / "golden" / "logarithm-of-a-left-skew"
LEFT = "logarithm of the mirror image, −ln(max − x + range/100), as skewed to the left; without a unit"
PLAIN = "logarithm, ln(x − min + range/100); without a unit"

STEPS = """
    measures: {x: {unit: 分}, z: {unit: 件}}
    indicators: {i: {kind: level, of: x}, j: {kind: level, of: z}}
    treatment: {STEPS}
    scoring: {kind: minmax}
    pillars: {p: {parts: [i, j]}}
"""


def card_of(steps, xs, zs=None):
    rows = [(2023, f"县{at}", name, value) for name, values in (("x", xs), ("z", zs or xs))
            for at, value in enumerate(values) if value is not None]  # fmt: skip
    return small_card(STEPS.replace("STEPS", steps), *rows)


def test_a_cell_has_the_formula_by_which_it_was_bent():
    card = kpi.score(GOLDEN / "data.csv", system=GOLDEN / "system.yaml")
    words = dict(card.treated.select("indicator", "treatment").unique().rows())
    assert words == {"甲": LEFT, "乙": PLAIN}
    assert card.treated["unit"].null_count() == card.treated.height
    details = {node.name: node.detail for node in explain(card, "一").walk()}
    assert LEFT in details["甲"]
    assert PLAIN in details["乙"]


@pytest.mark.parametrize("values", [[0.0, 99, 100, 98, 97], [0.0, 1, 100, 2, 3]])
def test_the_formula_in_words_gives_the_value(values):
    card = card_of("bend: {kind: transform, by: log, when: always}", values)
    low, high, spread = min(values), max(values), (max(values) - min(values)) / 100
    expected = {LEFT: lambda x: -math.log(high - x + spread), PLAIN: lambda x: math.log(x - low + spread)}
    for row in card.treated.filter(indicator="i").iter_rows(named=True):
        assert row["after"] == pytest.approx(expected[row["treatment"]](row["before"]))


def test_units_end_with_a_transformation():
    steps = (
        "fill: {kind: impute, by: mean, of: [i]},"
        " bend: {kind: transform, by: box_cox, power: 0.5, when: always, of: [i]},"
        " tails: {kind: winsorise, most: 1, skew: 0.1, kurtosis: -9}"
    )
    card = card_of(steps, [1.0, None, 4, 9, 400], [1.0, 2, 3, 4, 100])
    units = card.treated.select("step", "indicator", "unit").unique().sort("step", "indicator").rows()
    assert units == [("bend", "i", None), ("fill", "i", "分"), ("tails", "i", None), ("tails", "j", "件")]
    texts = set(card.treated.filter(step="bend")["treatment"])
    assert texts == {"Box-Cox transformation by the power 0.5; without a unit"}


def test_the_mirror_is_that_of_each_group_of_peers():
    rows = [(2023, f"{kind}{at}", "x", value, kind) for kind, values in (("东", (0, 99, 100)), ("西", (0, 1, 100)))
            for at, value in enumerate(values)]  # fmt: skip
    text = STEPS.replace("STEPS", "bend: {kind: transform, by: log, when: always}").replace(", z: {unit: 件}", "")
    card = small_card(text.replace(", j: {kind: level, of: z}", "").replace("[i, j]", "[i]"), *rows)
    assert dict(card.treated.select("cohort", "treatment").unique().rows()) == {"东": LEFT, "西": PLAIN}


def test_every_formula_is_shown_in_the_language():
    card = kpi.score(GOLDEN / "data.csv", system=GOLDEN / "system.yaml")
    assert {LEFT, PLAIN} <= set(card.texts)
    with using("en"):
        assert localized(card.texts[LEFT]) == LEFT


def test_a_system_without_logarithms_has_no_columns_about_them():
    card = card_of("tails: {kind: winsorise, most: 1}", [1.0, 2, 3, 4, 100])
    assert not [name for name in card.frame.columns if name.endswith(".mirrored")]
    assert card.frame.schema["i.treated"] == pl.Float64
