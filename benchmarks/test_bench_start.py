"""Whole processes: how soon the command line answers, and the demo from start to end."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.race import ROOT, Race, hold

SAMPLE = ("sample_data/jiaxing-2022/reports.csv", "sample_data/jiaxing-2022/cases.csv")


#: A program that is installed has been compiled: whatever the surroundings say, the first run keeps what it compiles.
KEPT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True, env=KEPT)


def test_start(benchmark):
    contenders = {
        "python -c pass": lambda: run("-c", "pass"),
        "kpi --help": lambda: run("-m", "kpi", "--help"),
        "kpi score (the demo)": lambda: run("-m", "kpi", "score", *SAMPLE),
    }
    goals = {"kpi --help": "150 ms more than python -c pass", "kpi score (the demo)": "1.5 s"}
    race = Race("Start: whole processes", "python -c pass", goals)
    hold(benchmark, race, contenders, rounds=7)
