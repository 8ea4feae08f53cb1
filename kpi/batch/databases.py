"""Queries on databases as inputs: their rows become a CSV file of texts, sorted, so that equal rows are equal bytes.

Every database is opened for reading only. Numbers are written as the database writes them, decimals in full, so nothing
is rounded on the way.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from kpi.batch.config import Config, Query
from kpi.errors import DataError, Diagnostic, Place
from kpi.store.secrets import connection, without_passwords

_WAIT = 10


def fetched(config: Config, query: Query, name: str) -> bytes:
    """Returns the rows of a query as CSV with a header.

    Raises:
        DataError: K830, when the database cannot be reached or refuses the query; K812, when its package is missing.
    """
    if query.database == "postgresql":
        file = None if query.connection_file is None else config.path(query.connection_file)
        return _postgresql(connection(env=query.connection_env, file=file), query.sql, name)
    path = config.path(query.path or "")
    if not path.is_file():
        raise DataError(Diagnostic("K830", "the database is not there", Place(str(path))))
    columns, rows = (_sqlite if query.database == "sqlite" else _duckdb)(path, query.sql, name)
    return _csv(columns, rows)


def _refused(name: str, words: object, secret: str = "") -> DataError:
    text = without_passwords(str(words).strip(), secret)
    hint = "the last results of the system stay; the next batch asks again"
    return DataError(Diagnostic("K830", f"the database does not answer the query: {text}", Place(name), hint))


def _sqlite(path: Path, sql: str, name: str) -> tuple[list[str], Iterable[Sequence[Any]]]:
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_WAIT)
        ) as database:
            cursor = database.execute(sql)
            return [column[0] for column in cursor.description or ()], cursor.fetchall()
    except sqlite3.Error as error:
        raise _refused(name, error) from None


def _duckdb(path: Path, sql: str, name: str) -> tuple[list[str], Iterable[Sequence[Any]]]:
    try:
        import duckdb
    except ImportError:
        hint = "pip install 'kpi-engine[duckdb]'"
        raise DataError(Diagnostic("K812", "a DuckDB source needs the package duckdb", Place(name), hint)) from None
    try:
        with duckdb.connect(str(path), read_only=True) as database:
            cursor = database.execute(sql)
            return [column[0] for column in cursor.description or ()], cursor.fetchall()
    except duckdb.Error as error:
        raise _refused(name, error) from None


def _postgresql(secret: str, sql: str, name: str) -> bytes:
    try:
        import psycopg
    except ImportError:
        hint = "pip install 'kpi-engine[postgres]'"
        raise DataError(
            Diagnostic("K812", "a PostgreSQL source needs the package psycopg", Place(name), hint)
        ) from None
    try:
        with psycopg.connect(secret, connect_timeout=_WAIT) as database:
            database.read_only = True
            # Texts as the server writes them: a numeric keeps every digit, a date is a date in ISO form.
            cursor = database.cursor()
            cursor.execute("SET LOCAL datestyle = 'ISO'")
            cursor.execute(sql.encode())
            columns = [column.name for column in cursor.description or ()]
            return _csv(columns, cursor.fetchall())
    except psycopg.Error as error:
        raise _refused(name, error, secret) from None


def _csv(columns: list[str], rows: Iterable[Sequence[Any]]) -> bytes:
    texts = [[None if value is None else _text(value) for value in row] for row in rows]
    frame = pl.DataFrame(texts, schema=dict.fromkeys(columns, pl.String), orient="row")
    return (frame.sort(pl.all(), nulls_last=True) if columns else frame).write_csv().encode()


def _text(value: object) -> str:
    """Returns a value as a file would hold it: truth as 是 and 否, bytes as text, numbers and dates as Python does."""
    if isinstance(value, bool):
        return "是" if value else "否"
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
