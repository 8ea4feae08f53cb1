"""Queries on databases as inputs: their rows become texts, sorted, so that equal rows are equal bytes.

A query is one read-only statement of at most `timeout` seconds, which is enforced: PostgreSQL runs it prepared in a
read-only transaction, DuckDB with access only to files beside the database, SQLite without ATTACH and PRAGMA. Numbers
keep the digits of the database, so nothing is rounded on the way.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

import polars as pl
from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field, model_validator

from kpi.errors import DataError, Diagnostic, Message, Place, alternatives, remember
from kpi.process.credentials import connection, has_password, usable
from kpi.values.patterns import regex

#: The timeout of connecting, in seconds.
_WAIT = 10

#: The names of the columns, and the rows.
Rows: TypeAlias = tuple[list[str], Iterable[Sequence[Any]]]


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
    timeout: float = Field(600, gt=0, le=86_400, description="the seconds that the query may take")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        places = ("path", "url", "connection_env", "connection_file")
        given = [name for name in places if getattr(self, name) is not None]
        wanted = places[1:] if self.database == "postgresql" else places[:1]
        if len(given) != 1 or given[0] not in wanted:
            keys = alternatives(f"`{name}`" for name in wanted)
            raise ValueError(
                Message("a {database} query needs {keys}, and nothing else", database=self.database, keys=keys)
            )
        if (self.sql is None) == (self.table is None):
            raise ValueError(Message("give either `sql`, a query, or `table`"))
        if self.url is not None and has_password(self.url):
            raise ValueError(Message("a password does not stand in a file: set PGPASSWORD, or use `connection_env`"))
        if self.connection_env is not None and not re.fullmatch(r"[A-Za-z_]\w*", self.connection_env):
            raise ValueError(
                Message("`connection_env` is the name of a variable of the environment, not what it holds")
            )
        return self

    @property
    def statement(self) -> str:
        """The query, for a table all of it; its name is quoted, so that it is nothing but a name."""
        if self.sql is not None:
            return self.sql
        parts = ['"' + part.replace('"', '""') + '"' for part in (self.table or "").split(".")]
        return f"SELECT * FROM {'.'.join(parts)}"  # noqa: S608


class Answer(Struct, frozen=True):
    """The rows of a query as texts, sorted.

    Attributes:
        rows: the texts, null where the database has null.
        numbers: the columns in which all values are numbers.
        mixed: the columns in which some values are numbers, others texts, as SQLite allows.
    """

    rows: pl.DataFrame
    numbers: frozenset[str]
    mixed: frozenset[str]


def fetched(query: Query, name: str, path: Callable[[str], Path], *, decimal: str = ".") -> bytes:
    """Return the rows of a query as CSV with a header, see `answer_of`.

    Args:
        query: the query.
        name: its name in messages.
        path: makes a path of the configuration absolute.
        decimal: the decimal mark of numbers; texts are unchanged.
    """
    return _texts(*_asked(query, name, path), number=_with_comma if decimal == "," else str).write_csv().encode()


def answer_of(query: Query, name: str, path: Callable[[str], Path]) -> Answer:
    """Return the rows of a query as texts, and which columns are numbers; see `rows_of`."""
    columns, rows = _asked(query, name, path)
    rows = list(rows)
    kinds: dict[str, set[bool]] = {
        column: {_is_number(row[at]) for row in rows if row[at] is not None} for at, column in enumerate(columns)
    }
    numbers = frozenset(column for column, kind in kinds.items() if kind == {True})
    mixed = frozenset(column for column, kind in kinds.items() if len(kind) > 1)
    return Answer(_texts(columns, rows), numbers, mixed)


def rows_of(query: Query, name: str, path: Callable[[str], Path]) -> pl.DataFrame:
    """Return the rows of a query as texts.

    Args:
        query: the query.
        name: its name in messages.
        path: makes a path of the configuration absolute.

    Raises:
        DataError: K830, the database cannot be reached or rejects the query; K831, the query is not one read-only
            statement; K832, it takes too long; K812, its package is missing; K815, as `connection`.
    """
    return answer_of(query, name, path).rows


def _asked(query: Query, name: str, path: Callable[[str], Path]) -> Rows:
    columns, rows = _answered(query, name, path)
    if again := sorted({item for item in columns if columns.count(item) > 1}):
        message = Message("the query gives several columns the name `{column}`", column=again[0])
        raise DataError(Diagnostic("K830", message, Place(name), Message("give each a name of its own with AS")))
    return columns, rows


def _answered(query: Query, name: str, path: Callable[[str], Path]) -> Rows:
    if query.database == "postgresql":
        file = None if query.connection_file is None else path(query.connection_file)
        secret = usable(query.url) if query.url else connection(env=query.connection_env, file=file)
        return _postgresql(secret, query.statement, name, query.timeout)
    database = path(query.path or "")
    if not database.is_file():
        raise DataError(Diagnostic("K830", Message("the database is not there"), Place(str(database))))
    ask = _sqlite if query.database == "sqlite" else _duckdb
    return ask(database, query.statement, name, query.timeout)


def _refused(name: str, words: object) -> DataError:
    # Drivers format messages on several lines, with a caret below the query.
    text = " ".join(str(words).replace("^", "").split())
    hint = Message("nothing was changed; look at the query and at the connection, and ask again")
    return DataError(
        Diagnostic("K830", Message("the database does not answer the query: {error}", error=text), Place(name), hint)
    )


def _not_a_query(name: str) -> DataError:
    message = Message(
        "the query is not one statement that reads: write a single SELECT, without others behind a semicolon"
    )
    return DataError(
        Diagnostic("K831", message, Place(name), Message("prepare what it needs in a view of the database"))
    )


def _writes(name: str) -> DataError:
    message = Message("the query writes, by itself or by a function that it calls; only queries that read are answered")
    hint = Message("nothing was changed; read from the tables, without the function")
    return DataError(Diagnostic("K831", message, Place(name), hint))


def _unreadable(name: str, error: Exception) -> DataError:
    message = Message("the answer to the query holds a value that cannot be read: {error}", error=error)
    hint = Message("make it a text in the query, such as CAST(day AS text), or leave such rows out")
    return DataError(Diagnostic("K830", message, Place(name), hint))


def _too_long(name: str, seconds: float) -> DataError:
    message = Message("the query was stopped after {seconds:g} seconds", seconds=seconds)
    hint = Message("give it more time with `timeout`, in seconds, or read less")
    return DataError(Diagnostic("K832", message, Place(name), hint))


#: Actions that a query on SQLite needs; anything else, such as ATTACH and PRAGMA, is denied while it is compiled.
_SQLITE_READS = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)

#: The most bytes of a cell of SQLite.
_LONGEST = 1 << 24

_SQLITE_REFUSES = ("not authorized", "authorization denied", "one statement")


def _sqlite(path: Path, sql: str, name: str, seconds: float) -> Rows:
    end = time.monotonic() + seconds
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_WAIT)
        ) as database:
            database.set_authorizer(
                lambda action, *_: sqlite3.SQLITE_OK if action in _SQLITE_READS else sqlite3.SQLITE_DENY
            )
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)  # no handler runs while a cell is made
            database.set_progress_handler(lambda: time.monotonic() > end, 10_000)
            cursor = database.execute(sql)
            if cursor.description is None:
                raise _not_a_query(name)
            return [column[0] for column in cursor.description], cursor.fetchall()
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_INTERRUPT:
            raise _too_long(name, seconds) from None
        if code == sqlite3.SQLITE_READONLY:
            raise _writes(name) from None
        if any(words in str(error) for words in _SQLITE_REFUSES):
            raise _not_a_query(name) from None
        raise _refused(name, error) from None


def _duckdb(path: Path, sql: str, name: str, seconds: float) -> Rows:
    try:
        import duckdb
    except ImportError:
        hint = Message("pip install duckdb")
        raise DataError(
            Diagnostic("K812", Message("a DuckDB source needs the package duckdb"), Place(name), hint)
        ) from None
    folder = str(path.resolve().parent).replace("'", "''")
    try:
        with duckdb.connect(str(path), read_only=True) as database:
            # Only files beside the database may be read, and the query cannot change that.
            database.execute(f"SET allowed_directories = ['{folder}/']")
            database.execute("SET enable_external_access = false")
            database.execute("SET lock_configuration = true")
            statements = database.extract_statements(sql)
            if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
                raise _not_a_query(name)
            stop = threading.Timer(seconds, database.interrupt)
            stop.start()
            try:
                cursor = database.execute(statements[0])
                return [column[0] for column in cursor.description or ()], cursor.fetchall()
            finally:
                stop.cancel()
    except duckdb.InterruptException:
        raise _too_long(name, seconds) from None
    except duckdb.Error as error:
        raise _refused(name, error) from None


#: The beginning of a statement that reads, after blanks, comments and brackets.
_READS = regex(r"(?is)(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/|\()*(?:select|with|values|table)\b")


def _postgresql(secret: str, sql: str, name: str, seconds: float) -> Rows:
    try:
        import psycopg
    except ImportError:
        hint = Message("pip install 'psycopg[binary]'")
        raise DataError(
            Diagnostic("K812", Message("a PostgreSQL source needs the package psycopg"), Place(name), hint)
        ) from None
    if not _READS.match(sql):
        raise _not_a_query(name)
    remember(os.environ.get("PGPASSWORD"))
    try:
        with psycopg.connect(secret, connect_timeout=_WAIT) as database:
            database.read_only = True
            cursor = database.cursor()
            # Texts as the server writes them: a numeric keeps every digit, a date is in ISO form. The first statement
            # fixes the transaction as read-only: later ones cannot change that.
            cursor.execute("SELECT set_config('datestyle', 'ISO', true)")
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", (f"{max(int(seconds * 1000), 1)}ms",))
            # Prepared, a text holds one statement: `SELECT 1; ROLLBACK; DROP TABLE t` is refused by the server.
            cursor.execute(sql.encode(), prepare=True)
            if cursor.description is None:
                raise _not_a_query(name)
            columns, rows = [column.name for column in cursor.description], cursor.fetchall()
            # Some functions, such as lo_import, write even in a read-only transaction: nothing of it stays.
            database.rollback()
            return columns, rows
    except psycopg.errors.QueryCanceled:
        raise _too_long(name, seconds) from None
    except psycopg.errors.ReadOnlySqlTransaction:
        raise _writes(name) from None
    except psycopg.Error as error:
        if isinstance(error, psycopg.DataError) and error.sqlstate is None:  # of the driver, not of the server
            raise _unreadable(name, error) from None
        if "multiple commands" in str(error):
            raise _not_a_query(name) from None
        raise _refused(name, error) from None


def _texts(columns: list[str], rows: Iterable[Sequence[Any]], *, number: Callable[[object], str] = str) -> pl.DataFrame:
    texts = [[None if value is None else _text(value, number) for value in row] for row in rows]
    frame = pl.DataFrame(texts, schema=dict.fromkeys(columns, pl.String), orient="row")
    return frame.sort(pl.all(), nulls_last=True) if columns else frame


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _text(value: object, number: Callable[[object], str]) -> str:
    """Format a value as in a file: truth as 是 and 否, bytes as text, numbers and dates as Python does."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if _is_number(value):
        return number(value)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _with_comma(value: object) -> str:
    """Return a number with a decimal comma; a whole one, such as a code kept as double, without decimals.

    >>> _with_comma(684.864), _with_comma(330401.0), _with_comma(1.5e-07)
    ('684,864', '330401', '1,5e-07')
    """
    return str(value).removesuffix(".0").replace(".", ",")
