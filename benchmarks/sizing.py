"""Rows against time and memory on one machine: `python -m benchmarks.sizing FOLDER --rows 500000000`.

Events of `benchmarks.events` in Parquet files of 25 million rows each (files that are there are used), an eighth, a
quarter, a half and all of them made into 24 measures, each in a process of its own; a line through the processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks import events
from benchmarks.child import peak_memory
from benchmarks.machine import processor
from kpi.process.tuning import SETTINGS

ROOT = Path(__file__).parents[1]

#: Rows of a file, and the counties and months of all.
PART, ENTITIES, MONTHS = 25_000_000, 3000, 36


def files(folder: Path, rows: int) -> list[Path]:
    """Return files of so many rows, made where they are not there."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for first in range(0, rows, PART):
        size = min(PART, rows - first)
        path = folder / f"events-{first}-{size}.parquet"
        if not path.exists():
            created = path.with_suffix(".part")
            events.generate(created, size, ENTITIES, MONTHS, after=first)
            created.rename(path)
        paths.append(path)
    return paths


def measure(paths: list[str]) -> dict[str, float]:
    """Aggregate files in this process, and return seconds, processor seconds, bytes of memory, and groups."""
    work = events.engine(paths)
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    figures = work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "seconds": time.perf_counter() - began, "processor_seconds": used, "peak_bytes": peak_memory(),
        "figures": figures.height,
    }  # fmt: skip


def main() -> None:
    """Run the sizes and write what they took, with the line, as JSON to stdout."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=500_000_000)
    parser.add_argument("--only", nargs="*", help=argparse.SUPPRESS)
    parser.add_argument("--generate", action="store_true", help="only make the files")
    given = parser.parse_args()
    if given.only:
        print(json.dumps(measure(given.only)))
        return
    paths = files(given.folder, given.rows)
    if given.generate:
        return
    runs = []
    for part in (8, 4, 2, 1):
        some = [str(path) for path in paths[: max(len(paths) // part, 1)]]
        command = [sys.executable, "-m", "benchmarks.sizing", str(given.folder), "--only", *some]
        done = subprocess.run(command, cwd=ROOT, env=SETTINGS | os.environ, check=True, stdout=subprocess.PIPE)
        size = sum(Path(path).stat().st_size for path in some)
        runs.append({"rows": sum(_rows(path) for path in some), "bytes": size, **json.loads(done.stdout)})
        print(runs[-1], file=sys.stderr)
    slope, intercept = statistics.linear_regression(
        [run["rows"] for run in runs], [run["processor_seconds"] for run in runs]
    )
    result = {
        "machine": f"{processor()}{os.cpu_count()} cores", "python": platform.python_version(),
        "polars": version("polars"), "measures": 24, "entities": ENTITIES, "months": MONTHS, "runs": runs,
        "line": {"processor_seconds_per_million_rows": slope * 1e6, "processor_seconds": intercept},
    }  # fmt: skip
    print(json.dumps(result, indent=2))


def _rows(path: str) -> int:
    return int(Path(path).stem.rpartition("-")[2])


if __name__ == "__main__":
    main()
