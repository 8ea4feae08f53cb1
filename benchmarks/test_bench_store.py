"""B: storing a scorecard beside making it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import psycopg
import pytest

import kpi
from benchmarks import systems
from benchmarks.race import Race, hold
from benchmarks.size import size
from kpi.batch.store import binary
from kpi.batch.store.base import Change, Run, Store
from kpi.batch.store.delta import DeltaStore
from kpi.batch.store.postgres import PostgresStore
from kpi.batch.system_run import FRAMES, frames_of
from kpi.engine.plan import compile_plan
from kpi.engine.scorecard import Scorecard
from tests.postgresql import Server, binaries


@contextmanager
def postgresql(folder: Path) -> Iterator[str | None]:
    """The connection string of a server of its own, None where there is no server to start."""
    result = binaries()
    if result is None:
        yield None
        return
    folder.chmod(0o755)
    server = Server(result, folder / "postgresql", safe=True)
    try:
        yield server.url
    finally:
        server.stop()


def scoring(entities: int, indicators: int) -> tuple[str, Callable[[], Scorecard]]:
    """Return a system's name and what scores one period of it: from the panel to the result frames."""
    of = systems.system(indicators)
    panel, plan = systems.panel(of, entities, 1), compile_plan(of)
    names = pl.DataFrame({"entity": [f"样本县{number:04}" for number in range(entities)]})
    who = names.with_columns(code=pl.lit(None, dtype=pl.String))

    def scored() -> Scorecard:
        card = Scorecard(plan, plan.run(panel.lazy()).collect(engine="in-memory"), who, {systems.FIRST: "2021-01"})
        for name in FRAMES:
            getattr(card, name)
        return card

    return of.system, scored


def copying(database: str, card: Scorecard, system: str) -> Callable[[], None]:
    """Return what hands the same rows to the server, encoded beforehand and without an index: the least it can take."""
    frames = {name: rows.drop("system", "period") for name, rows in frames_of([card], system).items() if rows.height}
    encoded = {name: b"".join([binary.HEAD, *binary.rows(rows), binary.END]) for name, rows in frames.items()}
    with psycopg.connect(database) as connection:
        for name, rows in frames.items():
            columns = ", ".join(f'"{column}" {binary.sql_type(kind)}' for column, kind in rows.schema.items())
            connection.execute(f"CREATE TABLE least_{name} ({columns})".encode())

    def copied() -> None:
        def copy(name: str) -> None:
            command = f"COPY least_{name} FROM STDIN (FORMAT binary)".encode()
            with psycopg.connect(database) as connection, connection.cursor().copy(command) as stream:
                stream.write(encoded[name])

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(copy, encoded))

    return copied


def reading(folder: Path, entities: int, indicators: int) -> Callable[[], Scorecard]:
    """Return what scores the same period from a file of its figures, a row each, as a night does."""
    of = systems.system(indicators)
    panel = systems.panel(of, entities, 1)
    rows = panel.select("entity", *of.measures).unpivot(index="entity", variable_name="指标", value_name="数值")
    rows = rows.drop_nulls().select(
        "指标", "数值", 地区=pl.format("样本县{}", pl.col("entity").cast(pl.String).str.zfill(4))
    )
    rows.with_columns(期别=pl.lit("2021-01")).write_csv(folder / "figures.csv")
    definition = folder / "bench.yaml"
    definition.write_text(systems.system_text(indicators), encoding="utf-8")

    def scored() -> Scorecard:
        card = kpi.score(folder / "figures.csv", system=definition)
        for name in FRAMES:
            getattr(card, name)
        return card

    return scored


def test_store_a_scorecard(benchmark):
    entities, indicators = size(3000, least=30), size(200, least=40)
    system, scored = scoring(entities, indicators)
    card = scored()
    with (
        tempfile.TemporaryDirectory(prefix="kpi-bench-", ignore_cleanup_errors=True) as folder,
        postgresql(Path(folder)) as database,
    ):

        def into(store: Store) -> Callable[[], None]:
            numbers = iter(range(1, 1000))

            def stored() -> None:
                frames = frames_of([card], system).items()
                changes = [Change(table, system, ("2021-01",), rows) for table, rows in frames]
                with store.lock(0):
                    store.publish(Run(next(numbers)), changes)

            stored()  # from then on a night finds its tables and replaces what they hold
            return stored

        race = Race(
            f"B: storing the scorecard of {entities:,} entities × {indicators} indicators",
            "scoring it",
            {"into Delta Lake": "≤ 1.00", "into PostgreSQL": "≤ 1.50"},
            note="One period. Scoring is from the panel to the result frames, without reading files; storing is from "
            "the frames to the published run, in place of an earlier one. PostgreSQL gets a row for each value, a "
            "million of them with two indexes and their texts in dimensions, on the same processors. `COPY alone` is "
            "what the server itself takes for rows with all their texts, encoded beforehand, without indexes or runs.",
        )
        contenders = {
            "scoring it": scored,
            "scoring it from a file": reading(Path(folder), entities, indicators),
            "into Delta Lake": into(DeltaStore(Path(folder) / "delta")),
        }
        if database is not None:
            contenders["COPY alone"] = copying(database, card, system)
            contenders["into PostgreSQL"] = into(PostgresStore(database))
        hold(benchmark, race, contenders, rounds=7)
        assert DeltaStore(Path(folder) / "delta").read("indicators").height == entities * indicators


def test_read_from_postgresql(benchmark):
    entities, indicators, months = size(3000, least=30), size(40, least=16), size(120, least=12)
    system, scored = scoring(entities, indicators)
    card = frames_of([scored()], system)
    labels = [f"{2014 + month // 12}-{month % 12 + 1:02}" for month in range(months)]
    with (
        tempfile.TemporaryDirectory(prefix="kpi-bench-", ignore_cleanup_errors=True) as folder,
        postgresql(Path(folder)) as database,
    ):
        if database is None:
            pytest.skip("there is no server to start")

        def changes(start: int) -> Iterator[Change]:
            some = labels[start : start + 12]
            for table in ("totals", "indicators"):
                rows = [card[table].with_columns(period=pl.lit(label)) for label in some]
                yield Change(table, system, tuple(some), pl.concat(rows))

        store = PostgresStore(database)
        with store.lock(0):
            for number, start in enumerate(range(0, months, 12), 1):
                store.publish(Run(number), list(changes(start)))

        with psycopg.connect(database) as connection:
            connection.execute("ANALYZE")  # which the server does by itself within a minute
            connection.execute("SET random_page_cost = 1.1")

            def asked(query: str) -> Callable[[], int]:
                return lambda: len(connection.execute(query.encode()).fetchall())

            columns = "period, entity, indicator, value, score, rank"
            contenders = {
                "the totals of a period": asked(f"SELECT * FROM kpi.totals WHERE period = '{labels[-1]}'"),
                "an indicator in all periods": asked(f"SELECT {columns} FROM kpi.indicators WHERE indicator = 'x9'"),
                "an entity's history": asked(f"SELECT {columns} FROM kpi.indicators WHERE entity = '样本县0007'"),
            }
            assert [work() for work in contenders.values()] == [entities, entities * months, indicators * months]
            race = Race(
                f"B: reading {entities:,} entities × {months} periods × {indicators} indicators from PostgreSQL",
                "the totals of a period",
                {"an indicator in all periods": "≤ 1 s", "an entity's history": "≤ 50 ms"},
                note="Plain SQL on the views `kpi.totals` and `kpi.indicators`, to rows of Python, with "
                "`random_page_cost` for a disk without moving parts.",
            )
            hold(benchmark, race, contenders, rounds=7)
