"""Scorecards of any size and the files that are made of them: the contenders of the benchmarks of output."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import polars as pl

import kpi
from benchmarks.systems import system_text
from kpi.engine.scorecard import Scorecard
from kpi.report.files import content


def rows(units: int, measures: int, periods: int, *, seed: int = 2) -> pl.DataFrame:
    """Return a wide table of reported figures: a row for each unit and month, one figure in 50 not reported."""
    random = np.random.default_rng(seed)
    place = np.arange(units * periods)
    columns = {
        "地区": pl.Series([f"县{at % units:04}" for at in place]),
        "期别": pl.Series([f"{2021 + at // units // 12}-{at // units % 12 + 1:02}" for at in place]),
    }
    for measure in range(measures):
        figures = pl.Series(np.round(random.gamma(2, 40, len(place)), 2))
        columns[f"数据{measure}"] = figures.zip_with(
            pl.Series(random.random(len(place)) >= 0.02), pl.Series([None], dtype=pl.Float64)
        )
    return pl.DataFrame(columns)


def card(units: int, indicators: int, periods: int) -> Scorecard:
    """Return the scorecard of a system of `systems.system_text`."""
    return kpi.score(rows(units, indicators // 2 + 1, periods), system=system_text(indicators))


def scored(units: int, indicators: int, periods: int) -> Callable[[], Scorecard]:
    """Return a function that scores and writes nothing."""
    return partial(card, units, indicators, periods)


def written(form: str, units: int, indicators: int, periods: int) -> Callable[[], int]:
    """Return a function that makes the file of a scorecard in a format, and returns its size in bytes."""
    scorecard = card(units, indicators, periods)

    def write() -> int:
        return len(content(scorecard, form))

    return write
