"""What a reporting service asks of a store, from eight readers beside a night that writes: the times of each question.

    python -m benchmarks.store_readers --seconds 20
    python -m benchmarks.store_readers --entities 300 --periods 24 --store delta --pause 0

It publishes 120 months of 3,000 entities and 16 indicators into Delta Lake and, where a server can be started, into
PostgreSQL. Readers are processes, as those of `kpi serve`, and ask for a league table, for the history of an entity
over ten years, for that of all its indicators and for an indicator of all entities in all periods, by turns (`CYCLE`),
with a pause between; a further process publishes one month again and again. `alone` are the times of one reader without
a night, `beside` those of all. A reader checks that each answer has the rows that it must have. The exit code is 1
where one has not, or a reader fails.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.test_bench_store import postgresql, scoring
from kpi.batch.store.base import Change, Run, Store
from kpi.batch.system_run import frames_of

#: Milliseconds at the median, of a reader beside the others.
GOALS = {"league": 20.0, "history": 50.0, "history of indicators": 50.0, "indicator": 1000.0}
TABLES = ("totals", "indicators")
#: Seconds between two nights.
_NIGHTLY = 2.0
#: What a reader asks, by turns: most want a table of places, few all figures of an indicator.
CYCLE = ("league", "league", "history", "league", "league", "history of indicators", "league", "indicator")


@dataclass(frozen=True)
class Held:
    """A store and what it holds: the kind and place of the store, the system, its periods and its results of each."""

    kind: str
    place: str
    system: str
    labels: list[str]
    frames: dict[str, pl.DataFrame]

    def opened(self) -> Store:
        """Return the store, open in this process."""
        if self.kind == "delta":
            from kpi.batch.store.delta import DeltaStore

            return DeltaStore(Path(self.place))
        from kpi.batch.store.postgres import PostgresStore

        return PostgresStore(self.place)

    def changes(self, labels: list[str]) -> Iterator[Change]:
        """Yield the tables with the same results for each of some periods."""
        for table in TABLES:
            rows = [self.frames[table].with_columns(period=pl.lit(label)) for label in labels]
            yield Change(table, self.system, tuple(labels), pl.concat(rows))


def labels_of(periods: int) -> list[str]:
    """Return the months from January 2014 on."""
    return [f"{2014 + month // 12}-{month % 12 + 1:02}" for month in range(periods)]


def questions(held: Held) -> dict[str, Callable[[], bool]]:
    """Return what is asked, each as a function that returns whether the answer has the rows that it must have."""
    store, months = held.opened(), len(held.labels)
    entities = held.frames["totals"].height
    indicators = held.frames["indicators"].height // entities

    def has(rows: int, table: str, **asked: Any) -> bool:
        return store.read(table, system=held.system, **asked).height == rows

    entity, indicator = {"entity": ["样本县0007"]}, {"indicator": ["x9"]}
    return {
        "league": lambda: has(entities, "totals", periods=held.labels[-1:]),
        "history": lambda: has(months, "totals", where=entity),
        "history of indicators": lambda: has(months * indicators, "indicators", where=entity),
        "indicator": lambda: has(months * entities, "indicators", where=indicator),
    }


def read(held: Held, seconds: float, pause: float, out: Any) -> None:
    """Ask by turns for some seconds, and put the times of each question into a queue, and what failed."""
    times: dict[str, list[float]] = {name: [] for name in GOALS}
    failed = None
    try:
        asked = questions(held)
        for question in asked.values():  # what a process does once
            question()
        end = time.monotonic() + seconds
        while failed is None and time.monotonic() < end:
            for name in CYCLE:
                began = time.perf_counter()
                failed = failed if asked[name]() else f"{name}: rows are missing"
                times[name].append(time.perf_counter() - began)
                time.sleep(pause)
    except Exception as error:  # noqa: BLE001 - reported by the process that started this one
        failed = f"{type(error).__name__}: {error}"[:300]
    out.put((times, failed))


def publish(held: Held, stop: Any) -> None:
    """Publish the last month again and again, as corrections do, until told to stop."""
    store = held.opened()
    while not stop.is_set():
        with store.lock(60):
            head = store.head()
            store.publish(Run(1 if head is None else head.number + 1), list(held.changes(held.labels[-1:])))
        time.sleep(_NIGHTLY)


def measured(held: Held, *, readers: int, seconds: float, pause: float, night: bool) -> dict[str, Any]:
    """Return the median and the 95 % quantile of each question in milliseconds, and what failed."""
    context = multiprocessing.get_context("spawn")
    out, stop = context.Queue(), context.Event()
    asking = [context.Process(target=read, args=(held, seconds, pause, out)) for _ in range(readers)]
    writer = context.Process(target=publish, args=(held, stop))
    runs = len(held.opened().numbers())
    if night:
        writer.start()
    for process in asking:
        process.start()
    answers = [out.get() for _ in asking]
    stop.set()
    for process in [*asking, *([writer] if night else [])]:
        process.join()
    times = {name: sorted(each for item, _ in answers for each in item[name]) for name in GOALS}
    shown: dict[str, Any] = {
        name: {
            "count": len(values), "median_ms": round(1000 * values[len(values) // 2], 1),
            "95_%_ms": round(1000 * values[int(len(values) * 0.95)], 1),
        }
        for name, values in times.items() if values
    }  # fmt: skip
    return shown | {
        "nights": len(held.opened().numbers()) - runs,
        "errors": [error for _, error in answers if error is not None] + ([] if not writer.exitcode else ["night"]),
    }


def main() -> int:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--entities", type=int, default=3000)
    parser.add_argument("--periods", type=int, default=120)
    parser.add_argument("--indicators", type=int, default=16)
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between two questions of a reader")
    parser.add_argument("--store", choices=["delta", "postgresql"])
    given = parser.parse_args()
    system, scored = scoring(given.entities, given.indicators)
    frames = {name: rows for name, rows in frames_of([scored()], system).items() if name in TABLES}
    labels = [f"{2014 + month // 12}-{month % 12 + 1:02}" for month in range(given.periods)]
    results: dict[str, Any] = {"goals_ms": GOALS, "rows": given.periods * frames["indicators"].height}
    with (
        tempfile.TemporaryDirectory(prefix="kpi-bench-", ignore_cleanup_errors=True) as folder,
        contextlib.nullcontext() if given.store == "delta" else postgresql(Path(folder)) as database,
    ):
        places = {"delta": str(Path(folder) / "delta"), "postgresql": database}
        for kind, place in places.items():
            if place is None or given.store not in {None, kind}:
                continue
            held = Held(kind, place, system, labels, frames)
            store = held.opened()
            with store.lock(0):
                for number, start in enumerate(range(0, given.periods, 12), 1):
                    store.publish(Run(number), list(held.changes(labels[start : start + 12])))
            results[kind] = {
                "alone": measured(held, readers=1, seconds=given.seconds / 2, pause=0, night=False),
                "beside": measured(
                    held, readers=given.readers, seconds=given.seconds, pause=given.pause, night=True
                ),
            }  # fmt: skip
    print(json.dumps(results, indent=1, ensure_ascii=False))
    return int(any(each["errors"] for kind in places if kind in results for each in results[kind].values()))


if __name__ == "__main__":
    sys.exit(main())
