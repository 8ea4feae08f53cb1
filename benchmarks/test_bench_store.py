"""B: storing a scorecard beside making it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from benchmarks import systems
from benchmarks.race import Race, hold
from benchmarks.size import size
from kpi.batch.store.base import Change, Run, Store
from kpi.batch.store.delta import DeltaStore
from kpi.batch.store.parquet import ParquetStore
from kpi.batch.store.postgres import PostgresStore
from kpi.batch.system_run import FRAMES, frames_of
from kpi.engine.plan import compile_plan
from kpi.engine.scorecard import Scorecard
from tests.postgresql import Server, binaries


@contextmanager
def postgresql(folder: Path) -> Iterator[Store | None]:
    """A store in a server of its own, None where there is no server to start."""
    found = binaries()
    if found is None:
        yield None
        return
    folder.chmod(0o755)
    server = Server(found, folder / "postgresql", safe=True)
    try:
        yield PostgresStore(server.url)
    finally:
        server.stop()


def test_store_a_scorecard(benchmark):
    entities, indicators = size(3000, least=30), size(200, least=40)
    of = systems.system(indicators)
    panel, plan = systems.panel(of, entities, 1), compile_plan(of)
    names = pl.DataFrame({"entity": [f"样本县{number:04}" for number in range(entities)]})
    who = names.with_columns(code=pl.lit(None, dtype=pl.String))
    label = {systems.FIRST: "2021-01"}

    def scored() -> Scorecard:
        card = Scorecard(plan, plan.run(panel.lazy()).collect(engine="in-memory"), who, label)
        for name in FRAMES:
            getattr(card, name)
        return card

    card = scored()
    with (
        tempfile.TemporaryDirectory(prefix="kpi-bench-", ignore_cleanup_errors=True) as folder,
        postgresql(Path(folder)) as database,
    ):

        def into(store: Store) -> Callable[[], None]:
            numbers = iter(range(1, 1000))

            def stored() -> None:
                changes = [
                    Change(table, of.system, ("2021-01",), rows) for table, rows in frames_of([card], of.system).items()
                ]
                with store.lock(0):
                    store.publish(Run(next(numbers)), changes)

            stored()  # from then on a night finds its tables and replaces what they hold
            return stored

        race = Race(
            f"B: storing the scorecard of {entities:,} entities × {indicators} indicators",
            "scoring it",
            {"into Delta Lake": "≤ 1.00", "into Parquet": "≤ 1.00", "into PostgreSQL": "≤ 1.00"},
            note="One period. Scoring is from the panel to the result frames, without reading files; storing is from "
            "the frames to the published run, in place of an earlier one.",
        )
        contenders = {
            "scoring it": scored,
            "into Delta Lake": into(DeltaStore(Path(folder) / "delta")),
            "into Parquet": into(ParquetStore(Path(folder) / "parquet")),
        }
        if database is not None:
            contenders["into PostgreSQL"] = into(database)
        hold(benchmark, race, contenders, rounds=7)
        assert DeltaStore(Path(folder) / "delta").read("indicators").height == entities * indicators
