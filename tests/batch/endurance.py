"""What stores endure, as often as asked for: killed nights, several writers and damaged files.

    python tests/batch/endurance.py --kills 200 --writers 20 --damages 1000 --store delta

A reader reads beside the nights that are killed and those of the writers. The first wrong answer ends it with a
traceback. `--store` is delta or postgresql, both of them without it; files are damaged in the first.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import psycopg  # noqa: E402
from city import STORES, City  # noqa: E402
from test_damaged_stores import judged, three_runs  # noqa: E402
from test_faults import killed_often, written_by  # noqa: E402

from tests.postgresql import Server, binaries  # noqa: E402


def database(server: Server, name: str) -> None:
    """Make an empty database, and name it in the environment."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    os.environ["KPI_TEST_DATABASE"] = server.url.removesuffix("postgres") + name


def endured(kind: str, folder: Path, server: Server | None, given: argparse.Namespace) -> None:
    """Do to one kind of store what is asked for, and print what came of it."""

    def part(name: str, work: Callable[[City], str]) -> None:
        if kind == "postgresql" and server is not None:
            database(server, name)
        began = time.perf_counter()
        words = work(City(folder / f"{kind}-{name}"))
        print(f"{kind}: {words}, {time.perf_counter() - began:,.0f} s", flush=True)

    def kills(city: City) -> str:
        before, reads = killed_often(city, STORES[kind], given.kills, given.seed)
        return f"{given.kills} kills, {before} before anything was published, {reads:,} reads beside, none wrong"

    def writing(writers: int) -> Callable[[City], str]:
        def work(city: City) -> str:
            reads = written_by(city, STORES[kind], writers, given.writers)
            return f"{writers} writers, {writers * given.writers} nights, {reads:,} reads beside, none wrong"

        return work

    def damages(city: City) -> str:
        refused = judged(*three_runs(city), random.Random(given.seed), given.damages)
        return f"{given.damages} damaged files, {refused} refused in words, the others as good as before"

    if given.kills:
        part("kills", kills)
    for writers in (2, 4) if given.writers else ():
        part(f"writers{writers}", writing(writers))
    if given.damages and kind != "postgresql":
        part("damages", damages)


def main() -> int:
    """Read the options and do what they ask for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=0, help="how many nights are killed")
    options.add_argument("--writers", type=int, default=0, help="how many times two, then four, writers begin at once")
    options.add_argument("--damages", type=int, default=0, help="how many files are damaged, one at a time")
    options.add_argument("--store", choices=STORES)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    kinds = [given.store] if given.store else list(STORES)
    with tempfile.TemporaryDirectory(prefix="kpi.endurance-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o755)
        result = binaries() if "postgresql" in kinds else None
        server = None if result is None else Server(result, Path(place) / "server")
        try:
            for kind in kinds:
                if kind == "postgresql" and server is None:
                    print("postgresql: there is no server to start")
                    continue
                endured(kind, Path(place), server, given)
        finally:
            if server is not None:
                server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
