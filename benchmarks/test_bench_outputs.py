"""O: what a bureau sends out and what readers look at, of thousands of units: time and peak memory of each file."""

from __future__ import annotations

from benchmarks.outputs import scored, written
from benchmarks.race import Apart, Race, hold
from benchmarks.size import size

#: The goals of each format for 3,000 units and 200 indicators in one period.
GOALS = {"docx": "≤ 2 s", "xlsx": "≤ 10 s, ≤ 500 MB", "html": "≤ 3 s"}


def test_one_period(benchmark):
    settings = {"units": size(3000, least=30), "indicators": 200, "periods": 1}
    race = Race(
        "O: the files of 3,000 units × 200 indicators, one period", "the scorecard", GOALS,
        note="The scorecard is scored from a table in memory; each file is made of one that is there. Its peak memory "
        "has the scorecard in it.",
    )  # fmt: skip
    contenders = {"the scorecard": Apart(scored, settings)}
    contenders |= {form: Apart(written, settings | {"form": form}) for form in GOALS}
    hold(benchmark, race, contenders, rounds=3)


def test_all_periods(benchmark):
    settings = {"units": size(3000, least=30), "indicators": 20, "periods": 20}
    race = Race(
        "O: a workbook of 3,000 units × 20 indicators × 20 periods", "the workbook", {"the workbook": "≤ 60 s"},
        note="The sheets of data of more than 100,000 rows are left out and reported.",
    )  # fmt: skip
    hold(benchmark, race, {"the workbook": Apart(written, settings | {"form": "xlsx"})}, rounds=1)
