"""The same input gives the same bits, on however many threads and however many periods beside one."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import kpi
from kpi.engine.plan import compile_plan
from kpi.intake.panel import take_in

ROOT = Path(__file__).parents[1]
DATA = [ROOT / "sample_data/jiaxing-2022" / name for name in ("reports.csv", "cases.csv")]


def fingerprint(period: str | None = None) -> str:
    card = kpi.score(DATA, system="jiaxing-2022", period=period)
    text = "".join(frame.write_ndjson() for frame in (card.totals, card.pillars, card.indicators, card.weights))
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module")
def by_threads():
    code = "import sys; sys.path.insert(0, 'tests'); import test_threads; print(test_threads.fingerprint())"
    result = {}
    for threads in (1, 2, 3, 8):
        environment = os.environ | {"POLARS_MAX_THREADS": str(threads)}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        result[threads] = done.stdout.strip()
    return result


def test_the_number_of_threads_changes_no_bit(by_threads):
    assert len(set(by_threads.values())) == 1, by_threads


def test_sums_do_not_depend_on_the_rows_beside():
    # With the last rows away some columns are empty: that must not change how the others are added up.
    from kpi.language.sums import total

    frame = pl.DataFrame({f"c{i}": [1 / (i + 3 + row) for row in range(9)] for i in range(24)})
    frame = frame.with_columns(c3=pl.when(pl.int_range(9) == 8).then("c3"))
    sums = frame.select(total([pl.col(name) for name in frame.columns]))
    part = frame.head(8).select(total([pl.col(name) for name in frame.columns]))
    assert part.to_series().equals(sums.to_series().head(8))


def test_a_period_has_the_same_bits_alone_and_beside_others():
    # 2022Q1 lacks nothing that later quarters do: whether anything is missing elsewhere must not show in its scores.
    system = kpi.load("jiaxing-2022")
    panel, plan = take_in(system, DATA), compile_plan(system)
    first = panel.periods[0].index(system.period)
    whole = plan.run(panel.frame.lazy()).collect()
    alone = plan.run(panel.frame.filter(pl.col("period") == first).lazy()).collect()
    for name in (name for name, kind in alone.schema.items() if kind == pl.Float64):
        beside = whole.filter(pl.col("period") == first)[name]
        assert alone[name].equals(beside, null_equal=True), name
