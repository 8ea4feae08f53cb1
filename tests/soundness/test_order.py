"""Class of wrong answer: a result that depends on the order of rows, on files, on threads."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi.engine.scorecard import Scorecard
from kpi.session import score
from tests.oracle.strategies import Evaluation, evaluations
from tests.oracle.test_oracle import SLOW, loaded, scored
from tests.soundness.small_evaluation import small_system

ROOT = Path(__file__).parents[2]
FRAMES = ("totals", "pillars", "indicators", "measures")


def same_bits(item: Scorecard, other: Scorecard) -> bool:
    return all(getattr(item, frame).equals(getattr(other, frame)) for frame in FRAMES)


@settings(max_examples=20, deadline=None, suppress_health_check=SLOW, derandomize=True)
@given(evaluation=evaluations(), seed=st.integers(0, 1000))
def test_the_order_of_rows_changes_no_bit(evaluation: Evaluation, seed: int) -> None:
    mixed = random.Random(seed)
    rows, events = list(evaluation.rows), list(evaluation.events)
    mixed.shuffle(rows)
    mixed.shuffle(events)
    assert same_bits(scored(evaluation), scored(replace(evaluation, rows=rows, events=events)))


@settings(max_examples=20, deadline=None, suppress_health_check=SLOW, derandomize=True)
@given(evaluation=evaluations(), cut=st.floats(0, 1))
def test_one_file_or_two_make_no_difference(evaluation: Evaluation, cut: float) -> None:
    rows, events = evaluation.rows, evaluation.events
    first = int(cut * len(rows)), int(cut * len(events))
    parts = [
        replace(evaluation, rows=rows[: first[0]], events=events[: first[1]]),
        replace(evaluation, rows=rows[first[0] :], events=events[first[1] :]),
    ]
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, part in enumerate(parts):
            (Path(folder) / str(number)).mkdir()
            files += part.files(Path(folder) / str(number))
        assert same_bits(scored(evaluation), score(files, system=loaded(evaluation)))


EVENTS = """
    datasets: {events: {form: records, columns: {period: date}}}
    measures:
      end: {kind: last, from: events, of: x, unit: 件}
      start: {kind: first, from: events, of: x, unit: 件}
    indicators: {i: {kind: level, of: end}}
"""


@pytest.mark.parametrize(
    "dates",
    [
        ("2023/9/30", "2023/10/2", "2023/10/11"),
        ("2023-9-30", "2023-10-2", "2023-10-11"),
        ("2023年9月30日", "2023年10月2日", "2023年10月11日"),
        ("20230930", "20231002", "20231011"),
        ("2023/9/30", "2023-10-02 08:30", "2023年10月11日"),
        ("2023-09-30", "2023-10-02", "2023-10-11"),
    ],
)
def test_the_latest_date_is_the_latest_however_dates_are_written(dates: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    lines = [f"{date},甲,{value}" for date, value in zip(dates, (1, 2, 3), strict=True)]
    file.write_text("\n".join(["date,entity,x", lines[2], lines[0], lines[1]]) + "\n", "utf-8")
    card = score(file, system=small_system(EVENTS))
    assert dict(card.measures.select("measure", "value").rows()) == {"end": 3.0, "start": 1.0}


PRINT = """
import hashlib, sys
import kpi
card = kpi.score(sys.argv[1:], system="jiaxing-2022")
for name in ("totals", "pillars", "indicators", "measures"):
    frame = getattr(card, name)
    print(name, hashlib.sha256(repr(frame.rows()).encode()).hexdigest())
"""


def test_the_number_of_threads_changes_no_bit() -> None:
    files = [str(ROOT / "sample_data" / "jiaxing-2022" / name) for name in ("reports.csv", "cases.csv")]
    printed = [
        subprocess.run(
            [sys.executable, "-c", PRINT, *files], cwd=ROOT, env={**os.environ, "POLARS_MAX_THREADS": threads},
            capture_output=True, text=True, check=True,
        ).stdout
        for threads in ("1", "2")
    ]  # fmt: skip
    assert printed[0] == printed[1]
    assert len(printed[0].splitlines()) == 4
