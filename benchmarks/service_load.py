"""A mixed load on the service over loopback: errors, requests a second, times and memory.

    python benchmarks/service_load.py --seconds 600

It makes a store of a synthetic city, starts `kpi serve` over it, and asks from several threads for league tables,
histories, explanations, pages and scorings, beside a night now and then. `--only league` and `--only score` measure one
kind alone. The exit code is 1 where a request failed, or memory grew after the warm-up by more than a tenth.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
SYSTEM = """
system: load
period: quarter
entities: {title: 县, roster: roster.csv}
measures:
  made: {title: 产值, unit: 亿元}
  roads: {title: 公路, unit: 公里, over_time: last}
indicators:
  growth: {kind: growth, of: made, over: 1y, target: {at_least: 5}}
  length: {kind: level, of: roads, target: {at_least: 300}}
scoring: {kind: completion, cap: 100}
pillars:
  经济: {weight: 60, parts: {growth: 1}}
  建设: {weight: 40, parts: {length: 1}}
"""
PERIODS = [f"{year}Q{quarter}" for year in range(2014, 2024) for quarter in (1, 2, 3, 4)]


def city(folder: Path, entities: int) -> tuple[Path, list[str]]:
    """Write a city with ten years of quarters, and return its configuration and its entities."""
    names = [f"第{number:04}县" for number in range(entities)]
    (folder / "inbox").mkdir(parents=True)
    (folder / "load.yaml").write_text(SYSTEM, "utf-8")
    # Without a roster an upload of seven entities has results of seven.
    seven_alone = SYSTEM.replace("system: load", "system: seven").replace(", roster: roster.csv", "")
    (folder / "seven.yaml").write_text(seven_alone, "utf-8")
    (folder / "roster.csv").write_text("entity\n" + "".join(f"{name}\n" for name in names), "utf-8")
    draw = random.Random(1)
    for period in PERIODS:
        rows = [f"{period},{name},{100 + draw.random() * 50:.2f},{250 + draw.random() * 100:.1f}\n" for name in names]
        (folder / f"inbox/{period}.csv").write_text("期别,地区,产值(亿元),公路(公里)\n" + "".join(rows), "utf-8")
    config = folder / "nightly.toml"
    config.write_text(
        'definitions = "."\nstore = "store"\n[[source]]\nsystem = "load.yaml"\ndata = "inbox/*.csv"\n', "utf-8"
    )
    return config, names


def seven(rows_of_each: int = 5) -> bytes:
    """Return an upload of seven entities and 35 rows."""
    quarters = PERIODS[-rows_of_each:]
    rows = [
        f"{period},第{number:04}县,{100 + number + at},{300 + number}\n"
        for number in range(7)
        for at, period in enumerate(quarters)
    ]
    return ("期别,地区,产值(亿元),公路(公里)\n" + "".join(rows)).encode()


class Load:
    """Threads that ask, each with a connection of its own, and what they saw."""

    def __init__(self, url: str, entities: list[str], only: str | None) -> None:
        self.url, self.entities, self.upload = url, entities, seven()
        self.errors: list[str] = []
        self.times: dict[str, list[float]] = {}
        self.stop = threading.Event()
        works: dict[str, tuple[int, Callable[[httpx.Client, random.Random], httpx.Response]]] = {
            "league": (
                50, lambda client, draw: client.get(f"/systems/load/league?period={draw.choice(PERIODS)}&limit=100")
            ),
            "cached": (20, lambda client, _: client.get("/systems/load/league?limit=100")),
            "history": (
                20,
                lambda client, draw: client.get(
                    "/systems/load/tables/totals", params={"entity": draw.choice(self.entities), "format": "arrow"}
                ),
            ),
            "score": (30, lambda client, _: client.post("/systems/seven/score", content=self.upload)),
            "explain": (
                2,
                lambda client, draw: client.get(
                    "/systems/load/explanation", params={"entity": draw.choice(self.entities), "period": "2023Q4"}
                ),
            ),
            "systems": (1, lambda client, _: client.get("/systems")),
            "wrong": (2, lambda client, _: client.get("/systems/load/tables/nothing")),
        }  # fmt: skip
        self.works = {name: work for name, work in works.items() if only is None or name == only}

    def ask(self, seed: int) -> None:
        """Ask until the end."""
        draw = random.Random(seed)
        names, weights = list(self.works), [weight for weight, _ in self.works.values()]
        with httpx.Client(base_url=self.url, timeout=120) as client:
            while not self.stop.is_set():
                name = draw.choices(names, weights)[0]
                began = time.perf_counter()
                try:
                    answer = self.works[name][1](client, draw)
                    expected = 404 if name == "wrong" else 200
                    if answer.status_code != expected:
                        self.errors.append(f"{name}: {answer.status_code} {answer.text[:300]}")
                except httpx.HTTPError as error:
                    self.errors.append(f"{name}: {error!r}")
                self.times.setdefault(name, []).append(time.perf_counter() - began)


def tree(process: int) -> list[int]:
    """Return a process and its children."""
    processes, waiting = [], [process]
    while waiting:
        each = waiting.pop()
        processes.append(each)
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                waiting += map(int, (task / "children").read_text("ascii").split())
    return processes


def memory(process: int) -> int:
    """Return the memory in use by a process and its children, in MB."""
    total = 0
    for each in tree(process):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{each}/status").read_text("ascii").splitlines()
            total += next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)
    return total // 1024


def processor(process: int) -> dict[int, float]:
    """Return the seconds of processor time that a process and each of its children have used."""
    used = {}
    for each in tree(process):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text("utf-8").rpartition(")")[2].split()
            used[each] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


def started(folder: Path, config: Path, workers: int) -> tuple[subprocess.Popen[str], str]:
    """Start the service and return its process and address, once it answers."""
    arguments = [str(config), "--port", "0", "--audit", str(folder / "audit.jsonl"), "--workers", str(workers)]
    process = subprocess.Popen(
        [sys.executable, "-m", "kpi", "serve", *arguments], stderr=subprocess.PIPE, text=True,
        env=os.environ | {"KPI_LANG": "en", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stderr is not None
    url = process.stderr.readline().split()[-1]
    for _ in range(3000):
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/health").status_code == 200:
                break
        time.sleep(0.1)
    return process, url


def run(
    seconds: float, *, threads: int, entities: int, workers: int, only: str | None, nights: bool
) -> dict[str, object]:
    """Run the load and return what was measured."""
    with tempfile.TemporaryDirectory(prefix="kpi-bench-") as place:
        config, names = city(Path(place) / "city", entities)
        night = [sys.executable, "-m", "kpi", "batch", str(config), "-q"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        subprocess.run(night, check=True, env=environment, capture_output=True)
        process, url = started(Path(place), config, workers)
        load = Load(url, names, only)
        asking = [threading.Thread(target=load.ask, args=(seed,)) for seed in range(threads)]
        sizes: list[tuple[float, int]] = []
        before = processor(process.pid)
        try:
            began = time.monotonic()
            for thread in asking:
                thread.start()
            next_night = seconds / 3
            while (passed := time.monotonic() - began) < seconds:
                sizes.append((passed, memory(process.pid)))
                if nights and passed > next_night:
                    file = config.parent / f"inbox/{PERIODS[-1]}.csv"
                    file.write_text(file.read_text("utf-8").replace(",1", ",2", 1), "utf-8")
                    subprocess.run(night, check=True, env=environment, capture_output=True)
                    next_night += seconds / 3
                time.sleep(min(1.0, seconds / 20))
        finally:
            load.stop.set()
            for thread in asking:
                thread.join()
            took = time.monotonic() - began
            used = {each: seconds - before.get(each, 0) for each, seconds in processor(process.pid).items()}
            process.terminate()
            process.wait(120)
        # The warm-up is the first third.
        warm = [size for passed, size in sizes if passed > seconds / 3] or [size for _, size in sizes]
        part = max(len(warm) // 4, 1)
        first, last = sum(warm[:part]) / part, sum(warm[-part:]) / part
        every = sorted(each for times in load.times.values() for each in times)
        return {
            "seconds": round(took, 1),
            "requests": len(every),
            "requests_a_second": round(len(every) / took, 1),
            # What a shared machine does not distort: the server itself, and everything with its workers.
            "processor_ms_a_request": {
                "server": round(1000 * used.get(process.pid, 0) / len(every), 2),
                "all": round(1000 * sum(used.values()) / len(every), 2),
            },
            "errors": Counter(load.errors).most_common(5),
            "memory_mb": {
                "after_warm_up": round(first), "at_the_end": round(last), "most": max(size for _, size in sizes)
            },
            "flat": last <= first * 1.1,
            "milliseconds": {
                name: {
                    "count": len(times), "median": round(1000 * sorted(times)[len(times) // 2], 2),
                    "99 %": round(1000 * sorted(times)[int(len(times) * 0.99)], 2),
                }
                for name, times in sorted(load.times.items())
            },
        }  # fmt: skip


def main() -> int:
    """Run the load as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--entities", type=int, default=300)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", choices=["league", "cached", "history", "score", "explain", "systems", "wrong"])
    parser.add_argument("--no-nights", action="store_true", help="no night beside the requests")
    given = parser.parse_args()
    measured = run(
        given.seconds, threads=given.threads, entities=given.entities, workers=given.workers, only=given.only,
        nights=not given.no_nights,
    )  # fmt: skip
    print(json.dumps(measured, indent=1, ensure_ascii=False))
    return int(bool(measured["errors"]) or not measured["flat"])


if __name__ == "__main__":
    sys.exit(main())
