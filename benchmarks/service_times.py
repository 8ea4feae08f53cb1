"""What HTTP adds to a scoring, and how much a service answers in a second on two cores.

    python -m benchmarks.service_times
    python -m benchmarks.service_times --seconds 5 --requests 50

`added_ms` is the difference of two medians, of requests that score an upload of seven entities and of the same scoring
by a compiled system in this process, made in turns. `stored` and `scorings` are requests a second of stored tables, and
of scorings of 35 rows, by several clients at once; `benchmarks/service_load.py` mixes them for as long as one likes.
The exit code is 1 where a request failed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

import kpi
from benchmarks import service_load

#: What the documentation promises, on two cores.
GOALS = {"added_ms": "≤ 5", "stored": "≥ 300", "scorings": "≥ 60"}


def timed(work: Callable[[], object]) -> float:
    """Return the milliseconds that work takes."""
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


def added(requests: int) -> dict[str, float]:
    """Return the median times of a scoring over HTTP and in this process, and their difference."""
    with tempfile.TemporaryDirectory(prefix="kpi-bench-") as place:
        config, _ = service_load.city(Path(place) / "city", 7)
        upload = service_load.seven()
        scorer = kpi.compile(config.parent / "seven.yaml")
        process, url = service_load.started(Path(place), config, 2)
        try:
            with httpx.Client(base_url=url, timeout=60) as client:

                def asked() -> None:
                    client.post("/systems/seven/score", content=upload).raise_for_status()

                def scored() -> None:
                    kpi.content(scorer.score(kpi.NamedFile("data.csv", upload)), "json")

                for work in (asked, scored) * 5:
                    work()
                pairs = [(timed(asked), timed(scored)) for _ in range(requests)]
        finally:
            process.terminate()
            process.wait(60)
    over, here = (statistics.median(times) for times in zip(*pairs, strict=True))
    return {"over_http_ms": round(over, 2), "in_process_ms": round(here, 2), "added_ms": round(over - here, 2)}


def main() -> int:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--entities", type=int, default=300)
    given = parser.parse_args()
    results: dict[str, Any] = {"goals": GOALS, "seven entities": added(given.requests)}
    for name, only in (("stored", "league"), ("scorings", "score")):
        load = service_load.run(given.seconds, threads=4, entities=given.entities, workers=2, only=only, nights=False)
        kept = ("requests_a_second", "processor_ms_a_request", "errors", "milliseconds")
        results[name] = {key: load[key] for key in kept}
    print(json.dumps(results, indent=1, ensure_ascii=False))
    return int(any(results[name]["errors"] for name in ("stored", "scorings")))


if __name__ == "__main__":
    sys.exit(main())
