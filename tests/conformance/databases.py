"""Databases of every kind with tables of frames."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl


def in_duckdb(path: Path, tables: Mapping[str, pl.DataFrame]) -> str:
    """Write frames into a file of DuckDB, and return its address."""
    import duckdb

    with duckdb.connect(str(path)) as database:
        for name, frame in tables.items():
            database.register("frame", frame.to_arrow())
            database.execute(f"CREATE TABLE {quoted(name)} AS SELECT * FROM frame")
            database.unregister("frame")
    return f"duckdb:{path}"


def in_postgresql(url: str, tables: Mapping[str, pl.DataFrame]) -> str:
    """Write frames into a database of PostgreSQL, and return its address."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(url) as database, database.cursor() as cursor:
        for name, frame in tables.items():
            table = frame.to_arrow()
            cursor.adbc_ingest(name, table.cast(_with_strings(table.schema)), mode="replace")
        database.commit()
    return url


def _with_strings(schema: Any) -> Any:
    import pyarrow as pa

    texts = (pa.large_string(), pa.string_view())
    return pa.schema([pa.field(item.name, pa.string() if item.type in texts else item.type) for item in schema])


def in_chdb(folder: Path, tables: Mapping[str, pl.DataFrame]) -> str:
    """Write frames into a folder of chDB, and return its address."""
    from chdb import session

    folder.mkdir()
    database = session.Session(str(folder / "data"))
    for at, (name, frame) in enumerate(tables.items()):
        path = folder / f"{at}.parquet"
        frame.write_parquet(path)
        # Times of Parquet come with the zone UTC: here they are of no zone.
        times = [quoted(column) for column, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]
        plain = ", ".join(f"toDateTime64OrNull(toString({column}), 6) AS {column}" for column in times)
        columns = f"* REPLACE ({plain})" if times else "*"
        database.query(
            f"CREATE TABLE {quoted(name)} ENGINE = MergeTree ORDER BY tuple() "
            f"AS SELECT {columns} FROM file('{path}', 'Parquet')"
        )
    database.close()
    return f"chdb:{folder / 'data'}"


def quoted(name: str) -> str:
    """Return an identifier of any of these databases; the names here have no backslash."""
    return '"' + name.replace('"', '""') + '"'
