"""Connections to databases that answer in Arrow: read only, in one transaction, with words for what goes wrong."""

from __future__ import annotations

import itertools
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
from sqlglot import exp

from kpi.errors import DataError, Diagnostic, Message, Place, remember
from kpi.process.credentials import connection, has_password, usable
from kpi.warehouse.dialects import DIALECTS, Dialect, call, text

#: How many rows of a table are fetched at a time.
BATCH = 100_000

#: The timeout of a query, in seconds.
TIMEOUT = 3600


class Database(ABC):
    """A connection to a database.

    Attributes:
        label: its name in messages, without credentials.
        dialect: what it writes in its own way.
    """

    dialect: ClassVar[Dialect]
    label: str

    @abstractmethod
    def batches(self, sql: str) -> Iterator[pl.DataFrame]:
        """Yield the rows of a query.

        Raises:
            DataError: K980 the connection is lost; K981 there is no such table; K982 no permission; K983 any other
                reason why the database does not answer.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    def zoned(self, table: exp.Table, schema: pl.Schema) -> frozenset[str]:
        """Return the columns of times with a zone; others are of local time.

        Args:
            table: the table.
            schema: its columns as they are fetched.
        """
        del table
        return frozenset(name for name, dtype in schema.items() if getattr(dtype, "time_zone", None))

    def keeps_ranges(self, table: exp.Table) -> bool:
        """Return whether the database knows the ranges of the columns of a table, and need not read its rows for it."""
        del table
        return False

    def sql(self, tree: exp.Expr) -> str:
        """Return a query as text; the tree is used up."""
        return tree.sql(dialect=self.dialect.name, copy=False)

    def fetch(self, tree: exp.Expr) -> pl.DataFrame:
        """Return the rows of a query; see `batches`."""
        frames = list(self.batches(self.sql(tree)))
        return pl.concat(frames, how="vertical_relaxed") if frames else pl.DataFrame()

    def failed(self, error: Exception) -> DataError:
        """Return what an error of a driver means."""
        words = " ".join(str(error).replace("^", "").split())[:400]
        place = Place(self.label)
        lowered = words.casefold()
        if any(sign in lowered for sign in _LOST):
            hint = Message("nothing was written; see that it runs and can be reached, and start again")
            message = Message("the database cannot be reached, or the connection is lost: {error}", error=words)
            return DataError(Diagnostic("K980", message, place, hint))
        if any(sign in lowered for sign in _DENIED):
            hint = Message("ask its administrator for the right to read (SELECT)")
            return DataError(
                Diagnostic("K982", Message("the database does not permit it: {error}", error=words), place, hint)
            )
        if any(sign in lowered for sign in _ABSENT):
            hint = Message("name it with --table DATASET=SCHEMA.TABLE")
            return DataError(
                Diagnostic("K981", Message("the database has no such table: {error}", error=words), place, hint)
            )
        hint = Message("nothing was written; see the query with `kpi show SYSTEM --sql {name}`", name=self.dialect.name)
        message = Message("the database does not answer the query: {error}", error=words)
        return DataError(Diagnostic("K983", message, place, hint))


_LOST = (
    "connection", "connect to server", "server closed", "could not receive data", "no route to host", "timed out",
    "terminating", "could not translate host name", "database does not exist", "cannot open file", "io error",
    "password authentication",
)  # fmt: skip
_DENIED = ("permission denied", "not enough privileges", "access denied")
_ABSENT = ("does not exist", "unknown table", "unknown_table", "not found", "unknown database")


class DuckDB(Database):
    """A file of DuckDB, opened for reading; other files cannot be read through it."""

    dialect: ClassVar[Dialect] = DIALECTS["duckdb"]

    def __init__(self, path: Path) -> None:
        self.path, self.label = path, f"duckdb:{path}"
        if not path.is_file():
            raise DataError(Diagnostic("K980", Message("the database is not there"), Place(str(path))))

    @cached_property
    def _connection(self) -> Any:
        try:
            import duckdb
        except ImportError:
            raise _package("DuckDB", "duckdb", self.label) from None
        try:
            database = duckdb.connect(str(self.path), read_only=True)
            database.execute("SET enable_external_access = false")
            database.execute("SET lock_configuration = true")
            database.begin()
        except duckdb.Error as error:
            raise self.failed(error) from None
        return database

    def batches(self, sql: str) -> Iterator[pl.DataFrame]:
        """Yield the rows of a query."""
        import duckdb

        try:
            yield from _frames(self._connection.cursor().sql(sql).to_arrow_reader(BATCH))
        except duckdb.Error as error:
            raise self.failed(error) from None

    def keeps_ranges(self, table: exp.Table) -> bool:
        """Return whether it is a table of the file: of views it would read the rows."""
        query = exp.select(exp.alias_(exp.Count(this=exp.Star()), "n")).from_(call("duckdb_tables"))
        for column, name in (("table_name", table.name), ("schema_name", table.db), ("database_name", table.catalog)):
            if name:
                query = query.where(exp.EQ(this=exp.column(column), expression=text(name)))
        return bool(self.fetch(query)["n"][0])

    def close(self) -> None:
        """Close the connection."""
        if "_connection" in vars(self):
            self._connection.close()


class PostgreSQL(Database):
    """A database of PostgreSQL or its kin, read through ADBC in one read-only transaction."""

    dialect: ClassVar[Dialect] = DIALECTS["postgres"]

    def __init__(self, url: str) -> None:
        self.url = usable(url)
        remember(os.environ.get("PGPASSWORD"))
        self.label = _without_account(url)

    @cached_property
    def _connection(self) -> Any:
        try:
            from adbc_driver_postgresql import dbapi
        except ImportError:
            raise _package("PostgreSQL", "adbc-driver-postgresql pyarrow", self.label) from None
        try:
            database = dbapi.connect(self.url)
            with database.cursor() as cursor:
                # The first statement of the transaction: later ones cannot change it.
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                cursor.execute(f"SET LOCAL statement_timeout = {TIMEOUT * 1000}")
        except dbapi.Error as error:
            raise self.failed(error) from None
        return database

    def batches(self, sql: str) -> Iterator[pl.DataFrame]:
        """Yield the rows of a query."""
        from adbc_driver_postgresql import dbapi

        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql)
                yield from _frames(cursor.fetch_record_batch())
        except dbapi.Error as error:
            raise self.failed(error) from None

    def close(self) -> None:
        """Close the connection."""
        if "_connection" in vars(self):
            from adbc_driver_postgresql import dbapi

            # A connection that is lost has nothing to roll back: what went wrong before is what is reported.
            with suppress(dbapi.Error):
                self._connection.rollback()
            with suppress(dbapi.Error):
                self._connection.close()


class ClickHouse(Database):
    """A server of ClickHouse over HTTP, or a folder of chDB, which is ClickHouse within the process."""

    dialect: ClassVar[Dialect] = DIALECTS["clickhouse"]

    def __init__(self, url: str) -> None:
        self.url, self.label = url, _without_account(url)
        remember(os.environ.get("CLICKHOUSE_PASSWORD"))
        if has_password(url):
            remember(re.sub(r".*://[^:@]*:([^@]*)@.*", r"\1", url))

    @cached_property
    def _ask(self) -> Any:
        if self.url.startswith("chdb:"):
            try:
                from chdb import session as chdb
            except ImportError:
                raise _package("chDB", "chdb pyarrow", self.label) from None
            sessions: Any = chdb
            self._session = sessions.Session(self.url.removeprefix("chdb:"))
            return lambda sql: self._session.query(sql, "ArrowStream").bytes()
        try:
            import clickhouse_connect
        except ImportError:
            raise _package("ClickHouse", "clickhouse-connect pyarrow", self.label) from None
        try:
            client = clickhouse_connect.get_client(
                dsn=self.url, password=os.environ.get("CLICKHOUSE_PASSWORD", ""),
                settings={"readonly": 2, "max_execution_time": TIMEOUT},
            )  # fmt: skip
        except Exception as error:  # noqa: BLE001 - the driver passes on errors of several libraries
            raise self.failed(error) from None
        return lambda sql: client.raw_query(sql, fmt="ArrowStream")

    def batches(self, sql: str) -> Iterator[pl.DataFrame]:
        """Yield the rows of a query."""
        settings = " SETTINGS output_format_arrow_string_as_string = 1, join_use_nulls = 1"
        try:
            content = self._ask(sql + settings)
        except DataError:
            raise
        except Exception as error:  # noqa: BLE001 - the driver passes on errors of several libraries
            raise self.failed(error) from None
        if content:
            yield pl.read_ipc_stream(content, use_pyarrow=False)

    def zoned(self, table: exp.Table, schema: pl.Schema) -> frozenset[str]:
        """Return the columns of times with a declared zone: Arrow has that of the server for any other."""
        times = [name for name, dtype in schema.items() if isinstance(dtype, pl.Datetime)]
        if not times:
            return frozenset()
        types = [
            exp.alias_(call("toTypeName", exp.column(name, quoted=True)), f"t{at}") for at, name in enumerate(times)
        ]
        row = self.fetch(exp.select(*types).from_(table.copy()).limit(1))
        return frozenset(name for at, name in enumerate(times) if row.height and "'" in row[f"t{at}"][0])

    def close(self) -> None:
        """Close the session of chDB, of which a process has one at a time."""
        if "_session" in vars(self):
            self._session.close()


def database_at(address: str) -> Database:
    """Return the database at an address.

    Args:
        address: `duckdb:FILE`, `postgresql://host/database`, `clickhouse://host/database`, `chdb:FOLDER`, or
            `env:VARIABLE` for a variable that holds one.

    Raises:
        DataError: K985, it is no such address; K980, K815, K812.
    """
    if address.startswith("env:"):
        address = connection(env=address.removeprefix("env:"))
    kind = re.match(r"[a-z]+(?=:)", address.casefold())
    match kind[0] if kind else "":
        case "duckdb":
            return DuckDB(Path(address.partition(":")[2].removeprefix("//")))
        case "postgresql" | "postgres":
            return PostgreSQL(address)
        case "clickhouse" | "chdb":
            return ClickHouse(address)
    remember(address)
    message = Message("the address of the warehouse is none that is known")
    hint = Message("write duckdb:FILE, postgresql://host/database or clickhouse://host/database")
    raise DataError(Diagnostic("K985", message, hint=hint))


def _frames(reader: Any) -> Iterator[pl.DataFrame]:
    """Yield the batches of a reader of Arrow, first an empty one with the names and types of the columns.

    Decimals of any length, which Arrow has no type for, become floats, other values of types of their own texts.
    """
    import pyarrow as pa

    opaque = {field.name: field.type for field in reader.schema if hasattr(field.type, "storage_type")}
    numbers = [name for name, kind in opaque.items() if getattr(kind, "type_name", "") == "numeric"]
    for batch in itertools.chain([pa.Table.from_batches([], reader.schema)], reader):
        names = batch.schema.names
        columns = [
            _stored(batch.column(at)) if name in opaque else batch.column(at) for at, name in enumerate(names)
        ]  # fmt: skip
        # As a table: a series of one array of pyarrow takes a third of a second for its imports.
        frame = pl.DataFrame(pl.from_arrow(pa.Table.from_arrays(columns, names=names)))
        yield frame.with_columns(pl.col(numbers).cast(pl.Float64))


def _stored(column: Any) -> Any:
    """Return the values of a column of an extension type in the type that stores them."""
    if hasattr(column, "combine_chunks"):
        column = column.combine_chunks()
    return getattr(column, "storage", column)


def _without_account(url: str) -> str:
    """Return an address without user and password.

    >>> _without_account("postgresql://li:geheim@db.example/statistics?sslmode=require")
    'postgresql://db.example/statistics'
    """
    return re.sub(r"//.*@", "//", url).partition("?")[0]


def _package(kind: str, packages: str, label: str) -> DataError:
    hint = Message("pip install {packages}", packages=packages)
    return DataError(Diagnostic("K812", Message("a warehouse of {kind} needs packages", kind=kind), Place(label), hint))
