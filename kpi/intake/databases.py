"""Queries on databases as inputs: their rows become texts, sorted, so that equal rows are equal bytes.

Every database is opened for reading only. Numbers are written as the database writes them, decimals in full, so nothing
is rounded on the way.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

from kpi.errors import DataError, Diagnostic, Place
from kpi.secrets import connection, without_passwords

_WAIT = 10


class Query(BaseModel):
    """A query on a database, or a table of it, whose rows are one file of data."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    database: Literal["postgresql", "sqlite", "duckdb"]
    sql: str | None = Field(None, min_length=1, description="the query")
    table: str | None = Field(None, min_length=1, description="a table, or schema.table, instead of a query")
    path: str | None = Field(None, description="the file of an SQLite or DuckDB database")
    url: str | None = Field(None, description="postgresql://host/database; user and password from the environment")
    connection_env: str | None = Field(None, description="the variable that holds the connection string")
    connection_file: str | None = Field(None, description="a private file that holds the connection string")
    dataset: str | None = Field(None, description="the dataset that the rows are, when their columns do not tell")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        places = ("path", "url", "connection_env", "connection_file")
        given = [name for name in places if getattr(self, name) is not None]
        wanted = places[1:] if self.database == "postgresql" else places[:1]
        if len(given) != 1 or given[0] not in wanted:
            raise ValueError(f"a {self.database} query needs `{'` or `'.join(wanted)}`, and nothing else")
        if (self.sql is None) == (self.table is None):
            raise ValueError("give either `sql`, a query, or `table`")
        if self.url is not None and without_passwords(self.url) != self.url:
            raise ValueError("a password does not stand in a file: set PGPASSWORD, or use `connection_env`")
        return self

    @property
    def statement(self) -> str:
        """The query, for a table all of it; its name is quoted, so that it is nothing but a name."""
        if self.sql is not None:
            return self.sql
        parts = ['"' + part.replace('"', '""') + '"' for part in (self.table or "").split(".")]
        return f"SELECT * FROM {'.'.join(parts)}"  # noqa: S608


def fetched(query: Query, name: str, path: Callable[[str], Path]) -> bytes:
    """Returns the rows of a query as CSV with a header, see `rows_of`."""
    return rows_of(query, name, path).write_csv().encode()


def rows_of(query: Query, name: str, path: Callable[[str], Path]) -> pl.DataFrame:
    """Returns the rows of a query as texts.

    Args:
        query: what is asked.
        name: how it is called in messages.
        path: makes a path of the configuration absolute.

    Raises:
        DataError: K830, when the database cannot be reached or refuses the query; K812, when its package is missing.
    """
    if query.database == "postgresql":
        file = None if query.connection_file is None else path(query.connection_file)
        secret = query.url or connection(env=query.connection_env, file=file)
        return _texts(*_postgresql(secret, query.statement, name))
    database = path(query.path or "")
    if not database.is_file():
        raise DataError(Diagnostic("K830", "the database is not there", Place(str(database))))
    return _texts(*(_sqlite if query.database == "sqlite" else _duckdb)(database, query.statement, name))


def _refused(name: str, words: object, secret: str = "") -> DataError:
    # A driver lays its words out on lines, with a caret below the query.
    text = without_passwords(" ".join(str(words).replace("^", "").split()), secret)
    hint = "nothing was changed; look at the query and at the connection, and ask again"
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
        hint = "pip install duckdb"
        raise DataError(Diagnostic("K812", "a DuckDB source needs the package duckdb", Place(name), hint)) from None
    try:
        with duckdb.connect(str(path), read_only=True) as database:
            cursor = database.execute(sql)
            return [column[0] for column in cursor.description or ()], cursor.fetchall()
    except duckdb.Error as error:
        raise _refused(name, error) from None


def _postgresql(secret: str, sql: str, name: str) -> tuple[list[str], Iterable[Sequence[Any]]]:
    try:
        import psycopg
    except ImportError:
        hint = "pip install 'psycopg[binary]'"
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
            return [column.name for column in cursor.description or ()], cursor.fetchall()
    except psycopg.Error as error:
        raise _refused(name, error, secret) from None


def _texts(columns: list[str], rows: Iterable[Sequence[Any]]) -> pl.DataFrame:
    texts = [[None if value is None else _text(value) for value in row] for row in rows]
    frame = pl.DataFrame(texts, schema=dict.fromkeys(columns, pl.String), orient="row")
    return frame.sort(pl.all(), nulls_last=True) if columns else frame


def _text(value: object) -> str:
    """Returns a value as a file would hold it: truth as 是 and 否, bytes as text, numbers and dates as Python does."""
    if isinstance(value, bool):
        return "是" if value else "否"
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
