"""Robustness: a thousand runs of four choices on a small system, ten thousand draws of weights on a large one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import yaml

from benchmarks.race import Apart, Race, hold
from benchmarks.size import size
from kpi import session
from kpi.analysis.robustness import stressed
from kpi.engine.scorecard import Scorecard
from kpi.language.loading.loader import examine_text


def tree(groups: int, each: int) -> dict[str, Any]:
    """Return groups of indicators below two top pillars."""
    names = [f"x{at}" for at in range(groups * each)]
    pillars: dict[str, Any] = {f"g{at}": {"parts": names[each * at : each * at + each]} for at in range(groups)}
    return pillars | {f"t{at}": {"weight": 1, "parts": [f"g{g}" for g in range(at, groups, 2)]} for at in range(2)}


def card(units: int, groups: int, each: int, **more: Any) -> Scorecard:
    """Return the scorecard of a system of `groups * each` indicators with figures of one year."""
    names = [f"x{at}" for at in range(groups * each)]
    document = {
        "system": "bench", "period": "year", "entities": {},
        "measures": {f"m_{name}": {"unit": "1", "over_time": "last"} for name in names},
        "indicators": {name: {"kind": "level", "of": f"m_{name}"} for name in names},
        "scoring": {"kind": "minmax", "scale": [1, 100]}, "pillars": tree(groups, each),
        "stars": {"kind": "bands", "cuts": {3: 60, 2: 45, 1: 0}}, "ranking": {"on": "raw"},
    } | more  # fmt: skip
    system = examine_text(yaml.safe_dump(document)).system
    assert system is not None
    random = np.random.default_rng(1)
    # Some indicators have tails, so that winsorising makes a difference.
    figures = {f"m_{name}": np.exp(random.normal(size=units) * (at % 5) / 3) for at, name in enumerate(names)}
    frame = pl.DataFrame({"期别": ["2023"] * units, "单位": [f"u{at:05}" for at in range(units)]} | figures)
    return session.score(frame, system=system)


def four_choices(runs: int) -> Callable[[], pl.DataFrame]:
    """Prepare runs of the data treatment, the normalisation, the weights and the mean, of 51 units and 49 indicators.

    The size and the choices are those of the example of COINr, W. Becker and others (2022).
    """
    tails = {"kind": "winsorise", "most": 5, "otherwise": "undo", "among": "period"}
    scored = card(
        51, 7, 7, treatment={"tails": tails},
        uncertainty={
            "weights": {"percent": 25, "of": ["composite", "t0", "t1"]}, "normalisation": ["zscore"],
            "means": ["geometric"], "treatment": {"tails": [tails | {"most": most} for most in (1, 2, 3, 4)]},
        },
    )  # fmt: skip
    return lambda: stressed(scored, runs=runs).ranks


def weights_alone(runs: int, units: int) -> Callable[[], pl.DataFrame]:
    """Prepare draws of all weights of 200 indicators."""
    scored = card(units, 10, 20, uncertainty={"weights": 25})
    return lambda: stressed(scored, runs=runs).ranks


def test_runs(benchmark):
    race = Race(
        "R: runs of kpi stress",
        "1,000 of 51 x 49, four choices",
        {
            "1,000 of 51 x 49, four choices": "≤ 1 s",
            "10,000 of 3,000 x 200, weights": "≤ 20 s, ≤ 1 GB",
        },
        note="From the scorecard to intervals, probabilities, alternatives and convergence; memory includes scoring.",
    )
    contenders = {
        "1,000 of 51 x 49, four choices": Apart(four_choices, {"runs": size(1000, least=50)}),
        "10,000 of 3,000 x 200, weights": Apart(
            weights_alone, {"runs": size(10_000, least=50), "units": size(3000, least=50)}
        ),
    }
    hold(benchmark, race, contenders, rounds=3)
