"""Write what the benchmarks measured into a Markdown file: `pytest benchmarks --results benchmarks/RESULTS.md`."""

from __future__ import annotations

import os
import platform
import re
import shutil
import statistics
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.machine import processor
from benchmarks.plots import draw
from benchmarks.race import verdict
from benchmarks.size import SCALE

PACKAGES = ("polars", "duckdb", "pandas", "numpy", "pyarrow", "pydantic", "sqlglot", "pytest-benchmark")


def pytest_addoption(parser):
    parser.addoption(
        "--results", metavar="FILE", help="write the measurements into this Markdown file, plots beside it"
    )


def pytest_sessionfinish(session):
    out = session.config.getoption("--results")
    result = getattr(session.config, "_benchmarksession", None)
    races = [item.extra_info["race"] for item in (result.benchmarks if result else ()) if "race" in item.extra_info]
    if not out or not races:
        return
    plots = Path(out).parent / "plots"
    shutil.rmtree(plots, ignore_errors=True)
    lines = _head()
    for race in races:
        lines += _table(race)
        if len(race["seconds"]) > 1:
            name = re.sub(r"[^a-z0-9]+", "-", race["title"].lower()).strip("-") + ".svg"
            draw(race, plots / name)
            lines += [f"![{race['title']}](plots/{name})", ""]
    Path(out).write_text("\n".join(lines), "utf-8")


def _head():
    packages = ", ".join(filter(None, map(_version, PACKAGES)))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = f"{processor()}{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}"
    scale = [f"Sizes are {SCALE:g} times those of the titles' cases: this is no measurement to cite.", ""]
    return [
        "# Results of the benchmarks",
        "",
        "Written by `make bench`. The contenders of a table ran in turns in one session; read the ratios, which are",
        "medians over the rounds, rather than the times. Peak memory is the most that the operating system counted as",
        "resident for a process that did nothing else, preparation included.",
        "",
        *(scale if SCALE != 1 else ()),
        f"{machine}, Python {platform.python_version()}; {packages}.",
        "",
    ]


def _version(name):
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return ""


def _table(race):
    lines = [f"## {race['title']}", ""]
    if race["note"]:
        lines += [race["note"], ""]
    if race["exponent"] is not None:
        met = "met" if race["exponent"] <= 1.1 else "missed"
        lines += [f"The cost grows with the {race['exponent']:.2f}th power of the {race['axis']} (≤ 1.1: {met}).", ""]
    memory = race["memory"]
    heads = ["", "median", "least to most", *(["peak memory"] if memory else []), f"to {race['reference']}", "goal"]
    lines += ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name, seconds in race["seconds"].items():
        median, ratio = statistics.median(seconds), race["ratios"][name]
        cells = [
            name,
            _time(median),
            f"{_time(min(seconds))} to {_time(max(seconds))}",
            *([f"{memory[name] / 1e9:.2f} GB" if name in memory else ""] if memory else []),
            f"{ratio:.2f}",
            verdict(race["goals"].get(name, ""), ratio=ratio, seconds=median, peak=memory.get(name)),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def _time(seconds):
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
