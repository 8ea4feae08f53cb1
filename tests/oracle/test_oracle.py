"""The plan and the oracle agree on random systems and data, to nine digits, in every frame of the scorecard."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from kpi.engine.scorecard import Scorecard
from kpi.language.loading.loader import examine_text
from kpi.language.system import System
from kpi.session import score
from kpi.values.period_texts import parse
from tests.oracle.oracle import Opinion, judge
from tests.oracle.strategies import Evaluation, evaluations

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


def loaded(evaluation: Evaluation) -> System:
    result = examine_text(evaluation.yaml)
    assert result.system is not None, (result.findings, evaluation.yaml)
    return result.system


def scored(evaluation: Evaluation) -> Scorecard:
    with tempfile.TemporaryDirectory() as folder:
        return score(evaluation.files(Path(folder)), system=loaded(evaluation))


def same(item: object, other: object) -> bool:
    if isinstance(item, float | int) and isinstance(other, float | int):
        return math.isclose(item, other, rel_tol=1e-9, abs_tol=1e-9)
    return item == other


def differences(card: Scorecard, opinion: Opinion) -> list[str]:
    """Every cell in which the scorecard and the oracle differ."""
    grain = card.definition.period
    result = []
    frames = {
        "measures": (card.measures, "measure", opinion.measures),
        "indicators": (card.indicators, "indicator", opinion.indicators),
        "pillars": (card.pillars, "pillar", opinion.pillars),
        "totals": (card.totals, None, opinion.totals),
    }
    for frame, (table, what, text) in frames.items():
        seen = set()
        for row in table.to_dicts():
            key = (parse(row["period"]).index(grain), row["entity"], *([row[what]] if what else []))
            seen.add(key)
            expected = text[key]
            if isinstance(expected, tuple):
                expected = {"value": expected[0], "status": expected[1]}
            result += [
                f"{frame} {key} {name}: {row[name]!r}, the oracle says {value!r}"
                for name, value in expected.items()
                if not same(row[name], value)
            ]
        if seen != set(text):
            result.append(f"{frame}: only one has {sorted(seen ^ set(text))}")
    return result


def compare(evaluation: Evaluation) -> None:
    opinion = judge(evaluation.system, evaluation.rows, evaluation.events, evaluation.cohorts)
    result = differences(scored(evaluation), opinion)
    assert not result, "\n".join([*result, evaluation.yaml])


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW, derandomize=True)
@given(evaluation=evaluations())
def test_the_plan_and_the_oracle_agree(evaluation: Evaluation) -> None:
    compare(evaluation)


@pytest.mark.slow
@settings(max_examples=250, derandomize=True, deadline=None, suppress_health_check=SLOW)
@given(evaluation=evaluations())
def test_the_plan_and_the_oracle_agree_on_many_more(evaluation: Evaluation) -> None:
    compare(evaluation)
