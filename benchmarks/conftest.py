"""Writes what the benchmarks measured into a Markdown file: `pytest benchmarks --results benchmarks/RESULTS.md`."""

from __future__ import annotations

import os
import platform
import statistics
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("polars", "numpy", "pydantic", "sqlglot", "pytest-benchmark")


def pytest_addoption(parser):
    parser.addoption("--results", metavar="FILE", help="write the measurements into this Markdown file")


def pytest_sessionfinish(session):
    out = session.config.getoption("--results")
    found = getattr(session.config, "_benchmarksession", None)
    races = [one.extra_info["race"] for one in (found.benchmarks if found else ()) if "race" in one.extra_info]
    if out and races:
        Path(out).write_text("\n".join([*_head(), *(line for race in races for line in _table(race))]), "utf-8")


def _head():
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}"
    return [
        "# Results of the benchmarks",
        "",
        "Written by `make bench`. The contenders of a table ran in turns in one session; read the ratios, which are",
        "medians over the rounds, rather than the times.",
        "",
        f"{machine}, Python {platform.python_version()}; {packages}.",
        "",
    ]


def _table(race):
    lines = [f"## {race['title']}", ""]
    if race["note"]:
        lines += [race["note"], ""]
    heads = ["", "median", "least to most", f"to {race['reference']}", "goal"]
    lines += ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name, seconds in race["seconds"].items():
        cells = [
            name,
            _time(statistics.median(seconds)),
            f"{_time(min(seconds))} to {_time(max(seconds))}",
            f"{race['ratios'][name]:.2f}",
            race["goals"].get(name, ""),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def _time(seconds):
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
