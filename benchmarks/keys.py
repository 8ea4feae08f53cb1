"""K: events of millions of households, counted against a threshold (`per`), by the engine and by DuckDB.

For each county and year: how many households paid at least so much, and how many there are. And the same events where
each has a number of its own (`key`), of which none may be there twice.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

WHO, WHEN, HOUSEHOLD, AMOUNT, NUMBER = "县区", "缴费日期", "户号", "金额", "流水号"
THRESHOLD = 500

# Rows that are made, and written, at a time.
_BATCH = 500_000


def generate(path: Path, rows: int, households: int, counties: int, years: int = 3) -> None:
    """Write a file of events in no order, the same for the same sizes."""
    days = years * 360

    def batch(first: int, count: int) -> pl.DataFrame:
        number = pl.int_range(first, first + count, dtype=pl.UInt64)
        household = number.hash(3) % households
        return pl.select(
            pl.lit(pl.Series([f"样本县{place:04d}" for place in range(counties)]))
            .gather(household % counties)
            .alias(WHO),
            (pl.date(2021, 1, 1) + pl.duration(days=number.hash(2) % days)).alias(WHEN),
            ("户" + (household + 10_000_000_000).cast(pl.String)).alias(HOUSEHOLD),
            (number.hash(5) % 100_000 / 100).alias(AMOUNT),
            ("JF" + (number * 48_271 % (1 << 40) + (1 << 40)).cast(pl.String)).alias(NUMBER),
        )

    schema = batch(0, 1).schema
    parts = [
        pl.defer(lambda first=first: batch(first, min(_BATCH, rows - first)), schema=schema)
        for first in range(0, rows, _BATCH)
    ]
    pl.concat(parts).sink_parquet(path, row_group_size=_BATCH)


# ---- CONTENDERS ---- #


def system(*, keyed: bool = False):
    """Return the system that counts households, or with `keyed` events without a number twice."""
    from kpi.language.system import System

    paid = {"kind": "sum", "of": AMOUNT, "unit": "元"}
    key = {"key": NUMBER} if keyed else {}
    return System.model_validate(
        {
            "system": "keys", "period": "year", "entities": {},
            "measures": {"paid": paid if keyed else paid | {"per": HOUSEHOLD}},
            "indicators": {
                "reached": {"kind": "level", "of": "paid"} if keyed
                else {"kind": "count", "of": "paid", "passes": f">= {THRESHOLD}"},
            },
            "pillars": {"every": {"parts": {"reached": 1}}}, "scoring": {"kind": "minmax"},
            "datasets": {"payments": {"form": "records", "columns": {"period": WHEN, "entity": WHO}, **key}},
        }
    )  # fmt: skip


def engine(path: str, *, keyed: bool = False) -> Callable[[], pl.DataFrame]:
    """The engine, from the file to what indicators are computed from."""
    from functools import partial

    from kpi.intake.entities import from_data
    from kpi.intake.events import records
    from kpi.intake.files.reader import read
    from kpi.intake.finer_facts import finer_facts, with_facts
    from kpi.intake.matching.datasets import match

    of = system(keyed=keyed)

    def work() -> pl.DataFrame:
        gathered = records.gather([match(of, table)[0] for table in read(path)], of)
        entities = from_data(gathered.texts(), {})
        result = gathered.measured(entities, reduce=partial(finer_facts, of))
        assert not result.findings
        names = pl.Series("entity", entities.names)
        rows = result.figures.select("entity", "period", "value")
        if not keyed:
            rows = pl.concat(facts["reached"].select("entity", "period") for facts in result.reduced).unique()
            rows = with_facts(of, rows, result.reduced)
        return rows.with_columns(names.gather(rows["entity"]))

    return work


def shown(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the numbers of households of the engine as SQL names them."""
    return rows.select("entity", "period", passed="reached.passed", units="reached.units")


def duckdb(path: str, *, keyed: bool = False) -> Callable[[], object]:
    """The same in SQL, from sums of floats."""
    import duckdb as db

    if keyed:
        rows = f"SELECT DISTINCT ON ({NUMBER}) * FROM '{path}'"  # noqa: S608
        query = f"SELECT {WHO} AS entity, year({WHEN})::INTEGER AS period, sum({AMOUNT}) AS value FROM ({rows}) GROUP BY ALL"  # noqa: E501, S608
        return lambda: db.sql(query).to_arrow_table()
    rows = f"SELECT {WHO} AS entity, year({WHEN})::INTEGER AS period, {HOUSEHOLD}, sum({AMOUNT}) AS paid FROM '{path}' GROUP BY ALL"  # noqa: E501, S608
    query = (
        f"SELECT entity, period, (count(*) FILTER (round(paid, 9) >= {THRESHOLD}))::DOUBLE AS passed,"  # noqa: S608
        f" count(paid)::DOUBLE AS units FROM ({rows}) GROUP BY ALL"
    )
    return lambda: db.sql(query).to_arrow_table()
