"""Class of wrong answer: a composite that its parts cannot make, and one that falls when a figure gets better."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kpi.engine.scorecard import Scorecard
from kpi.language.system import ROOT
from kpi.values.columns import Column
from tests.oracle.strategies import MEANS, Evaluation, as_yaml, evaluations
from tests.oracle.test_oracle import SLOW, scored
from tests.soundness.small_evaluation import small_card


def nodes(card: Scorecard) -> dict[str, tuple[object, list[str]]]:
    """Every node with its definition and its parts."""
    system = card.definition
    result: dict[str, tuple[object, list[str]]] = {n: (p, list(p.parts)) for n, p in system.pillars.items()}
    if system.tops:
        result[ROOT] = (system.composite, list(system.tops))
    return result


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW, derandomize=True)
@given(evaluation=evaluations())
def test_a_mean_lies_between_the_lowest_and_the_highest_part(evaluation: Evaluation) -> None:
    card = scored(evaluation)
    for name, (node, parts) in nodes(card).items():
        written = {**evaluation.system.get("pillars", {}), ROOT: evaluation.system.get("composite", {})}
        given = written.get(name, {})
        # Mazziotta and Pareto add to the mean, or take from it, what the parts differ by.
        beyond = "mazziotta_pareto" in str(given.get("mean"))
        bounded = node.caps or given.keys() & {"cap", "floor"}  # type: ignore[attr-defined]
        awarded = name in card.definition.within.values()
        if name == "beside" or node.rule is not None or bounded or beyond or awarded:  # type: ignore[attr-defined]
            continue  # a headline, or the mean is scored again, capped, or added to
        slack = 0.051 if node.decimals is not None else 1e-9  # type: ignore[attr-defined]
        # What a policy puts in place of a missing part is a part, too.
        extra = {"zero": [0.0], "penalty": [-3.0], "cohort_mean": [-math.inf, math.inf]}.get(node.missing.policy, [])  # type: ignore[attr-defined]
        for row in card.detailed.to_dicts():
            value = row[Column(name).score]
            present = [row[Column(part).score] for part in parts if row[Column(part).score] is not None]
            if value is None:
                continue
            within = [*present, *extra]
            # A geometric, harmonic or power mean of a negative part is zero or more.
            within += [0.0] if min(within) < 0 else []
            # Points in marks may be many times the full marks.
            slack = max(slack, 1e-9 * max(map(abs, present), default=0.0))
            assert min(within) - slack <= value <= max(within) + slack, (name, value, within)


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW, derandomize=True)
@given(evaluation=evaluations())
def test_the_shares_of_a_node_add_up_to_one(evaluation: Evaluation) -> None:
    # A part of a headline has its share of the total alone, and below a pillar that is not counted there are none.
    assume("beside" not in evaluation.system.get("pillars", {}))
    card = scored(evaluation)
    for name, (_, parts) in nodes(card).items():
        for row in card.detailed.to_dicts():
            shares = [row[f"{part}.share"] for part in parts if f"{part}.share" in row]
            if not shares:
                continue
            if row[Column(name).score] is None:
                assert shares == [None] * len(shares)
            else:
                assert math.fsum(shares) == pytest.approx(1, abs=1e-9)
                assert all(-1e-12 <= share <= 1 + 1e-12 for share in shares)


# ---- BETTER IS NEVER WORSE ---- #

RISING = [
    {"kind": "completion", "cap": 120}, {"kind": "completion", "reverse": "mirror"}, {"kind": "pass"},
    {"kind": "deduction", "points": 3, "per": 7, "steps": "whole"}, {"kind": "step", "points": 0.7, "decimals": 1},
    {"kind": "goalposts", "low": 1, "high": 90}, {"kind": "goalposts", "low": 1, "high": 90, "log": True},
    {"kind": "minmax"}, {"kind": "rank", "ties": "average"}, {"kind": "percentile"},
    {"kind": "efficacy", "exponential": True, "floor": 0, "cap": 100},
]  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW, derandomize=True)
@given(data=st.data())
def test_improving_one_indicator_never_lowers_the_composite(data: st.DataObject) -> None:
    figures = st.one_of(st.none(), st.integers(1, 1000).map(lambda n: n / 10))
    names, entities = ["a", "b", "c"], ["甲", "乙", "丙"]
    lower = data.draw(st.sets(st.sampled_from(names)))
    system = {
        "measures": {name: {"unit": "件"} for name in names},
        "indicators": {
            f"i{name}": {
                "kind": "level", "of": name, "target": {"at_most" if name in lower else "at_least": 50},
                "score": data.draw(st.sampled_from(RISING)),
            }
            for name in names
        },
        "pillars": {
            "p": {"weight": 2, "mean": data.draw(st.sampled_from(MEANS)), "parts": {"ia": 1, "ib": 3}},
            "q": {"weight": 1, "parts": {"ic": 1}},
        },
        "composite": {"mean": data.draw(st.sampled_from(MEANS)), "decimals": data.draw(st.sampled_from([1, 3]))},
    }  # fmt: skip
    reports = {(who, name): data.draw(figures) for who in entities for name in names}
    assume(reports["甲", "a"] is not None)
    step = data.draw(st.floats(0, 60))
    better = reports | {("甲", "a"): max(reports["甲", "a"] + (-step if "a" in lower else step), 0.1)}

    def total(cells: dict[tuple[str, str], float | None]) -> float | None:
        rows = [(2023, who, name, "—" if value is None else value) for (who, name), value in cells.items()]
        card = small_card(as_yaml(system), *rows)
        return card.totals.filter(entity="甲")["raw_score"].item()

    before, after = total(reports), total(better)
    if before is not None:
        assert after is not None
        assert after >= before - 1e-9
