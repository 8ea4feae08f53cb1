"""The share of weight that is there is a percent: never infinite, never none, whatever weights and figures are."""

from __future__ import annotations

import math

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

import kpi
from kpi.language.loading.loader import examine_text
from kpi.language.ranges import HEAVIEST, LIGHTEST

weights = st.one_of(st.floats(LIGHTEST, HEAVIEST), st.sampled_from([LIGHTEST, 1e-3, 1.0, 100.0, HEAVIEST]))
policies = st.sampled_from(
    [
        "redistribute",
        "spread",
        "zero",
        "fail",
        "cohort_mean",
        "{redistribute: {at_least: 50}}",
        "{penalty: {points: 3}}",
    ]
)
means = st.sampled_from(["arithmetic", "geometric", "harmonic", "minimum", "{power: 3}"])
cells = st.sampled_from(["1", "50", "1e15", "0", "", "不适用", "nan", "inf", "1e300", "约3"])


@st.composite
def pillars(draw):
    """Draw a tree of one or two levels over five indicators."""
    names = draw(st.permutations("abcde"))
    cut = draw(st.integers(1, 4))

    def node(parts, weight):
        inside = ", ".join(f"{name}: {draw(weights)!r}" for name in parts)
        head = f"weight: {weight!r}, " if weight is not None else ""
        return f"{{{head}relative: true, mean: {draw(means)}, missing: {draw(policies)}, parts: {{{inside}}}}}"

    lines = [f"  X: {node(names[:cut], draw(weights))}", f"  Y: {node(names[cut:], draw(weights))}"]
    if draw(st.booleans()):
        lines = [f"  X: {node(names[:cut], None)}", f"  Y: {node(['X', *names[cut:]], draw(weights))}"]
    return "\n".join(lines)


@given(tree=pillars(), figures=st.lists(st.lists(cells, min_size=5, max_size=5), min_size=1, max_size=3), of=means)
@settings(max_examples=60, deadline=None)
def test_coverage_is_a_percent(tree, figures, of):
    measures = "".join(f"  m{name}: {{unit: 件}}\n" for name in "abcde")
    indicators = "".join(f"  {name}: {{kind: level, of: m{name}, target: {{at_least: 50}}}}\n" for name in "abcde")
    text = f"system: s\nperiod: year\nentities: {{title: 县}}\nmeasures:\n{measures}indicators:\n{indicators}"
    actual = examine_text(f"{text}pillars:\n{tree}\ncomposite: {{mean: {of}, relative: true}}\n")
    assert actual.system is not None, actual.findings
    rows = [["2023", f"县{at}", *row] for at, row in enumerate(figures)] + [["2023", "整县", *["7"] * 5]]
    frame = pl.DataFrame(rows, ["年份", "县", *(f"m{name}" for name in "abcde")], orient="row")
    card = kpi.score(frame, system=actual.system)
    for name in ("totals", "pillars"):
        result = getattr(card, name)
        for coverage, status in result.select("coverage", "status").iter_rows():
            assert coverage is None or (math.isfinite(coverage) and 0 <= coverage <= 100), (name, coverage)
            assert coverage is not None or status != "ok"
    assert card.totals.filter(entity="整县")["coverage"].to_list() == [100.0]
    assert card.pillars.filter(entity="整县")["coverage"].to_list() == [100.0] * 2
