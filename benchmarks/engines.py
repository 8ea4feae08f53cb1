"""W in other engines: DataFusion, chDB (ClickHouse in the process) and Hyper, each as its documentation writes it.

All read the Parquet file of `benchmarks.events` where it lies, and give one row for each county and month.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import reduce
from pathlib import Path

import polars as pl

from benchmarks.events import CHANNEL, CONDITIONS, FEE, KIND, RATING, WAIT, WHEN, WHO

COLUMNS = (CHANNEL, KIND, WAIT, FEE, RATING)


def _conditions() -> dict[str, str]:
    """Return the conditions with quoted names."""
    conditions = {}
    for name, (text, _, _) in CONDITIONS.items():
        conditions[name] = reduce(lambda sql, column: sql.replace(column, f'"{column}"'), COLUMNS, text)
    return conditions


def _standard(source: str, month: str) -> str:
    """Return the statement in standard SQL."""
    columns = []
    for name, where in _conditions().items():
        columns += [
            f'CAST(count(*) FILTER (WHERE {where}) AS DOUBLE PRECISION) AS "n_{name}"',
            f'CAST(coalesce(sum("{WAIT}") FILTER (WHERE {where}), 0) AS DOUBLE PRECISION) AS "w_{name}"',
            f'CAST(avg("{FEE}") FILTER (WHERE {where}) AS DOUBLE PRECISION) AS "f_{name}"',
        ]
    return f'SELECT "{WHO}" AS entity, {month} AS period, {", ".join(columns)} FROM {source} GROUP BY 1, 2'  # noqa: S608


def datafusion(path: str) -> Callable[[], object]:
    """Return the work in DataFusion."""
    from datafusion import SessionContext

    month = f"CAST(date_part('year', \"{WHEN}\") * 12 + date_part('month', \"{WHEN}\") - 1 AS INT)"

    def work() -> object:
        context = SessionContext()
        context.register_parquet("events", path)
        return context.sql(_standard("events", month)).to_arrow_table()

    return work


def chdb(path: str) -> Callable[[], object]:
    """Return the work in chDB."""
    import chdb as clickhouse

    columns = []
    for name, where in _conditions().items():
        columns += [
            f'toFloat64(countIf({where})) AS "n_{name}"', f'coalesce(sumIf("{WAIT}", {where}), 0) AS "w_{name}"',
            f'avgIf("{FEE}", {where}) AS "f_{name}"',
        ]  # fmt: skip
    month = f'toInt32(toYear("{WHEN}") * 12 + toMonth("{WHEN}") - 1)'
    query = (
        f'SELECT "{WHO}" AS entity, {month} AS period, {", ".join(columns)}'  # noqa: S608
        f" FROM file('{path}', Parquet) GROUP BY entity, period"
    )
    return lambda: clickhouse.query(query, "ArrowTable")


def hyper(path: str) -> Callable[[], pl.DataFrame]:
    """Return the work in Hyper, a server of its own; its memory is not in the count of the process."""
    from tableauhyperapi import Connection, HyperProcess, Telemetry

    folder = tempfile.mkdtemp(prefix="kpi.hyper-")
    server = HyperProcess(Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU, parameters={"log_dir": folder})
    connection = Connection(server.endpoint)
    month = f'CAST(EXTRACT(YEAR FROM "{WHEN}") * 12 + EXTRACT(MONTH FROM "{WHEN}") - 1 AS INT)'
    query = _standard(f"external('{Path(path).resolve()}', FORMAT => 'parquet')", month)

    def work() -> pl.DataFrame:
        with connection.execute_query(query) as result:
            names = [column.name.unescaped for column in result.schema.columns]
            rows = list(result)
        connection.close()
        server.close()
        return pl.DataFrame(rows, names, orient="row")

    return work
