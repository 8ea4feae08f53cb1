"""Compare this state of the code with a former one: the engine's side of the races, in turns.

    git worktree add ../former COMMIT
    python -m benchmarks.former ../former               the races, and whole processes of `kpi score`
    python -m benchmarks.former ../former --rounds 7

Both run in processes of their own on the same files, each with the benchmarks of its own checkout, in which the
contenders must be there under the same names. `KPI_BENCH_SCALE` gives the sizes. The ratio is that of the least times
of this state to the former: below 1 is faster.
"""

from __future__ import annotations

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import events, reports
from benchmarks.child import ROOT
from benchmarks.size import size
from kpi.process.tuning import SETTINGS

ENTITIES, MONTHS, INDICATORS = size(3000, least=20), size(120, least=14), 198
EVENTS = size(50_000_000, least=20_000)

#: Runs what it is given in a checkout and returns the seconds.
Timed = Callable[[Path], float]


def contender(module: str, name: str, settings: dict[str, Any]) -> Timed:
    """Return the timing of a contender of the races, without what gets it ready."""

    def run(checkout: Path) -> float:
        with tempfile.TemporaryDirectory(prefix="kpi-bench-") as folder:
            out = Path(folder) / "run"
            subprocess.run(
                [sys.executable, "-m", "benchmarks.child"], cwd=checkout, check=True, env=_environment(checkout),
                input=pickle.dumps((module, name, settings, out, None, None)),
            )  # fmt: skip
            seconds, _ = pickle.loads(out.read_bytes())  # noqa: S301  (written by our own child)
            return float(seconds)

    return run


def command(*arguments: str) -> Timed:
    """Return the timing of a whole process of the command line."""

    def run(checkout: Path) -> float:
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "kpi", *arguments], cwd=checkout, check=True, env=_environment(checkout),
            capture_output=True,
        )  # fmt: skip
        return time.perf_counter() - began

    return run


def _environment(checkout: Path) -> dict[str, str]:
    # Those of the command line, which a former state may set by itself.
    return SETTINGS | os.environ | {"PYTHONPATH": str(checkout)}


def races(stack: ExitStack) -> Iterator[tuple[str, Timed]]:
    """Yield the races with their files, which are there until the stack is closed."""
    sample = str(ROOT / "sample_data" / "jiaxing-2022")
    yield "kpi score of the sample data", command("score", sample, "--system", "jiaxing-2022")
    for suffix, wide in ((".parquet", False), (".csv", False), (".csv", True)):
        of = stack.enter_context(reports.written(ENTITIES, MONTHS, INDICATORS, suffix, wide=wide))
        what = f"{of.rows:,} {'figures of a wide' if wide else 'reported rows of a'} {suffix[1:]} file"
        yield f"{what}, into a panel", contender("benchmarks.reports", "ours", of.settings)
        if not wide:
            yield f"{what}, to ranks", contender("benchmarks.reports", "ours_ranked", of.settings)
            yield f"{what}, one month", contender("benchmarks.reports", "ours_one_month", of.settings)
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="kpi-bench-"))
    path = Path(folder) / "events.parquet"
    events.generate(path, EVENTS, ENTITIES, 36)
    for name, hard in (("24 measures", False), ("measures that do not merge", True)):
        yield (
            f"{EVENTS:,} events into {name}",
            contender("benchmarks.events", "engine", {"path": str(path), "hard": hard}),
        )


def main() -> None:
    """Run the races and print a line for each."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("former", type=Path, help="a checkout of the former state")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--only", default="", help="the races whose title has this text")
    given = options.parse_args()
    former = given.former.resolve()
    with ExitStack() as stack:
        for title, timed in races(stack):
            if given.only not in title:
                continue
            times: dict[Path, list[float]] = {ROOT: [], former: []}
            for number in range(given.rounds):
                # Who comes second finds a warmer machine.
                for checkout in (ROOT, former) if number % 2 else (former, ROOT):
                    times[checkout].append(timed(checkout))
            mine, other = min(times[ROOT]), min(times[former])
            print(f"{mine / other:5.2f}  {mine:8.3f} s beside {other:8.3f} s  {title}", flush=True)


if __name__ == "__main__":
    main()
