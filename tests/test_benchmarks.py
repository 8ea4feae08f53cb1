"""The benchmarks themselves: all of them run at a small size; the harness sees wrong answers and measures memory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from benchmarks.child import Apart, differences
from benchmarks.race import Race, verdict

ROOT = Path(__file__).parents[1]


def holding(megabytes):
    """A contender that holds so much while it works."""
    return lambda: len(bytearray(b"x") * (megabytes << 20))


def failing():
    """A contender that cannot run."""
    return lambda: 1 / 0


@pytest.mark.slow
def test_a_child_counts_its_own_peak_of_memory():
    held = b"x" * (400 << 20)  # what the parent holds is in no child's count
    small, large = (Apart(holding, {"megabytes": size}).run() for size in (1, 300))
    assert len(held) > small.peak
    assert 280 << 20 < large.peak - small.peak < 330 << 20


def test_a_child_brings_its_answer_back():
    run = Apart(holding, {"megabytes": 1}).run(answer=True)
    assert run.answer.rows() == [(1 << 20,)]
    assert run.seconds > 0


def test_a_child_that_fails_says_why():
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        Apart(failing).run()


FRAME = pl.DataFrame({"key": ["a", "b"], "x": [1.0, None], "n": [1, 2]})


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (FRAME.with_columns(x=pl.lit(1.0)), "x: 1 nulls"),
        (FRAME.with_columns(x=pl.col("x") + 1e-6), "x: up to"),
        (FRAME.with_columns(x=pl.col("x") * float("nan")), "x: up to"),
        (FRAME.with_columns(n=pl.col("n") + 1), "n: 2 values"),
        (FRAME.head(1), "1 rows beside 2"),
        (FRAME.drop("x"), r"without the columns \['x'\]"),
    ],
)
def test_answers_that_differ_are_seen(other, words):
    (result,) = differences(other, FRAME, ("key",))
    assert re.search(words, result)


def test_answers_agree_in_any_order_and_within_rounding():
    assert not differences(FRAME.reverse().with_columns(x=pl.col("x") + 1e-12), FRAME, ("key",))


def test_a_race_refuses_a_wrong_answer():
    race = Race("wrong", "right")
    with pytest.raises(AssertionError, match="wrong differs from right"):
        race.run({"right": lambda: FRAME, "wrong": lambda: FRAME.with_columns(n=0)}, ("key",))


def answering(value):
    """A contender that answers a number."""
    return lambda: value


def test_a_floor_is_not_compared_and_whatever_runs_beside_it_is():
    contenders = {name: Apart(answering, {"value": value}) for name, value in {"right": 1, "wrong": 2}.items()}
    floor = {"floor": Apart(answering, {"value": 3}, compared=False)}
    Race("right", "right").run(floor | {"right": contenders["right"]}, ("answer",))
    with pytest.raises(AssertionError, match="wrong differs from right"):
        Race("wrong", "right").run(floor | contenders, ("answer",))


def test_ratios_are_medians_round_by_round():
    race = Race("r", "a", seconds={"a": [1.0, 10.0, 100.0], "b": [2.0, 20.0, 900.0]})
    assert race.ratio("b") == 2


def test_the_exponent_of_a_quadratic_cost_is_two():
    sizes = {str(size): float(size) for size in (1, 10, 100, 1000)}
    race = Race("r", "1", seconds={name: [size**2] for name, size in sizes.items()}, sizes=sizes)
    assert race.exponent() == pytest.approx(2)


@pytest.mark.parametrize(("goal", "met"), [("≤ 2", "met"), ("≤ 1.9", "missed"), ("≥ 2", "met"), ("≥ 2.1", "missed")])
def test_goals_are_judged(goal, met):
    assert verdict(goal, ratio=2, seconds=9, peak=None) == f"{goal}: {met}"


def _alone():
    """The environment without what says that other tests run beside, where nothing is measured."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}


@pytest.mark.slow
def test_every_benchmark_runs_at_a_hundredth_of_its_size(tmp_path):
    for package in ("pandas", "duckdb", "matplotlib", "pyarrow"):
        pytest.importorskip(package, reason="make bench installs what the benchmarks compare with")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "benchmarks", "--results", tmp_path / "RESULTS.md"],
        cwd=ROOT, env=_alone() | {"KPI_BENCH_SCALE": "0.01"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    text = (tmp_path / "RESULTS.md").read_text("utf-8")
    plots = {path.name for path in (tmp_path / "plots").iterdir()}
    assert plots
    assert all(f"(plots/{name})" in text for name in plots)
    assert "Sizes are 0.01 times" in text
