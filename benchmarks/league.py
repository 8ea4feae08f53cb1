"""W in every engine, in the form of ClickBench: `python -m benchmarks.league FOLDER`; without a folder it draws.

Three rounds; in each every engine runs once, in a process of its own. Before the first run of an engine the file is
dropped from the page cache, so its first time is cold. Writes `benchmarks/results/ENGINE.json` and `docs/engines.svg`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from benchmarks import engines, events
from benchmarks.child import Apart, differences
from benchmarks.machine import processor
from benchmarks.plots import draw

ROOT = Path(__file__).parents[1]
ENTITIES, MONTHS, ROUNDS = 3000, 36, 3

#: The packages of the contenders whose names differ.
PACKAGES = {
    "kpi": "polars", "Polars by hand": "polars", "DuckDB": "duckdb", "DataFusion": "datafusion", "chDB": "chdb",
    "Hyper": "tableauhyperapi", "the floor": "polars",
}  # fmt: skip


def contenders(path: str) -> dict[str, Apart]:
    """Return the engines."""
    at = {"path": path}
    return {
        "kpi": Apart(events.engine, at, events.wide),
        "DuckDB": Apart(events.duckdb, at),
        "Polars by hand": Apart(events.by_hand, at),
        "DataFusion": Apart(engines.datafusion, at),
        "chDB": Apart(engines.chdb, at),
        "Hyper": Apart(engines.hyper, at),
        "the floor": Apart(events.floor, at, compared=False),
    }


def cold(path: str) -> None:
    """Drop a file from the page cache."""
    with Path(path).open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def hold(path: str) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Return seconds, cold first, and the peak memory (bytes) of every engine; all answers are compared."""
    seconds: dict[str, list[float]] = {}
    memory: dict[str, int] = {}
    reference = None
    for _ in range(ROUNDS):
        for name, contender in contenders(path).items():
            first = name not in seconds
            if first:
                cold(path)
            run = contender.run(answer=first and contender.compared)
            seconds.setdefault(name, []).append(run.seconds)
            if run.peak is not None and name != "Hyper":  # a server of its own
                memory[name] = max(run.peak, memory.get(name, 0))
            if run.answer is not None:
                reference = run.answer if reference is None else reference
                if actual := differences(run.answer.select(reference.columns), reference, ("entity", "period")):
                    raise AssertionError(f"{name} differs: {'; '.join(actual[:5])}")
    return seconds, memory


def written(path: Path, rows: int, seconds: Mapping[str, list[float]], memory: Mapping[str, int]) -> None:
    """Write the results."""
    folder = ROOT / "benchmarks/results"
    folder.mkdir(exist_ok=True)
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    for name, runs in seconds.items():
        package = PACKAGES[name]
        result = {
            "system": f"{name} ({package} {version(package)})",
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "machine": f"{processor()}{os.cpu_count()} cores, {gigabytes:.0f} GiB",
            "cluster_size": 1, "proprietary": "yes" if name == "Hyper" else "no", "tuned": "no",
            "comment": f"{rows:,} events into 24 measures of {ENTITIES:,} entities × {MONTHS} months, one Parquet file",
            "tags": ["embedded"], "load_time": 0, "data_size": path.stat().st_size,
            "peak_memory": memory.get(name),
            "result": [[round(item, 3) for item in runs]],
        }  # fmt: skip
        stem = name.lower().replace(" ", "-")
        (folder / f"{stem}.json").write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", "utf-8")


def picture() -> None:
    """Draw the results, hot: the best run but the first, as ClickBench counts."""
    results = [json.loads(file.read_text("utf-8")) for file in (ROOT / "benchmarks/results").glob("*.json")]
    results.sort(key=lambda result: min(result["result"][0][1:]))
    seconds = {result["system"].partition(" (")[0]: [min(result["result"][0][1:])] for result in results}
    memory = {result["system"].partition(" (")[0]: result["peak_memory"] for result in results}
    race = {
        "title": results[0]["comment"], "reference": "kpi", "sizes": {}, "seconds": seconds,
        "axis": "seconds, the better of two hot runs",
        "memory": {name: peak for name, peak in memory.items() if peak is not None},
        "ratios": {name: runs[0] / seconds["kpi"][0] for name, runs in seconds.items()},
    }  # fmt: skip
    draw(race, ROOT / "docs/engines.svg")


def main() -> None:
    """Hold the race and write its results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the file is, or is made", nargs="?")
    parser.add_argument("--rows", type=int, default=50_000_000)
    given = parser.parse_args()
    if given.folder is None:
        picture()
        return
    given.folder.mkdir(parents=True, exist_ok=True)
    path = given.folder / f"events-{given.rows}.parquet"
    if not path.exists():
        events.generate(path, given.rows, ENTITIES, MONTHS)
    seconds, memory = hold(str(path))
    for name, runs in seconds.items():
        print(name, [round(item, 2) for item in runs], memory.get(name))
    written(path, given.rows, seconds, memory)
    picture()


if __name__ == "__main__":
    main()
