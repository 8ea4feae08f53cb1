"""P: events in a table of DuckDB, aggregated there by generated queries, beside a query that is written by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from benchmarks import events


def generate(path: Path, rows: int, entities: int, months: int) -> None:
    """Write a database with a table of events in no order, with the columns that the measures read."""
    import duckdb

    parquet = path.with_suffix(".parquet")
    events.generate(parquet, rows, entities, months)
    with duckdb.connect(str(path)) as database:
        database.execute("CREATE TABLE cases AS SELECT * FROM read_parquet(?)", [str(parquet)])
    parquet.unlink()


def pushed_down(path: str) -> Callable[[], pl.DataFrame]:
    """The engine, with the table in the database, from its address to figures with statuses and counts of rows."""
    import duckdb
    import pyarrow as pa

    del duckdb, pa  # loaded before the clock runs, for both contenders
    from kpi.intake.entities import from_data
    from kpi.intake.events import records
    from kpi.intake.files.reader import read_all
    from kpi.intake.matching.datasets import match
    from kpi.warehouse.tables import Warehouse

    of = events.system()

    def work() -> pl.DataFrame:
        warehouse = Warehouse.at(f"duckdb:{path}")
        tables = read_all([warehouse.table("cases")])[0]
        gathered = records.gather([match(of, table)[0] for table in tables], of)
        entities = from_data(gathered.texts(), {})
        figures = gathered.measured(entities).figures
        warehouse.close()
        names = pl.Series("entity", entities.names)
        return figures.with_columns(entity=names.gather(figures["entity"]))

    return work


def by_hand(path: str) -> Callable[[], object]:
    """The query as an expert writes it: one `GROUP BY`, sums of floats."""
    import duckdb
    import pyarrow as pa

    del pa  # as in `pushed_down`

    def work() -> object:
        columns = []
        for name, (where, _, _) in events.CONDITIONS.items():
            columns.append(f"(count(*) FILTER (WHERE {where}))::DOUBLE AS n_{name}")
            columns.append(f"coalesce(sum({events.WAIT}) FILTER (WHERE {where}), 0) AS w_{name}")
            columns.append(f"avg({events.FEE}) FILTER (WHERE {where}) AS f_{name}")
        month = f"(year({events.WHEN}) * 12 + month({events.WHEN}) - 1)::INTEGER"
        with duckdb.connect(path, read_only=True) as database:
            query = f"SELECT {events.WHO} AS entity, {month} AS period, {', '.join(columns)} FROM cases GROUP BY ALL"
            return database.sql(query).pl()

    return work
