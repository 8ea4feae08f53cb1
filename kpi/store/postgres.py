"""The store as tables of PostgreSQL 15 or later, in the schema `kpi`, made and migrated by the engine.

Every row carries the runs between which it holds: `valid_from` is the run that wrote it, `valid_to` the one that
replaced it, null while it is current. A night is one transaction: rows are ended, new ones copied in, the run is added.
The tables are `totals_history` and so on; the views `totals` and so on show what is current, for any other program.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import polars as pl

from kpi.errors import DataError, Diagnostic
from kpi.secrets import without_passwords
from kpi.store.base import TABLES, Change, Run, no_run, ordered

if TYPE_CHECKING:
    import psycopg

#: The key of the advisory lock; it ends with the connection, however the batch ends.
_LOCK = 0x6B7069

_TYPES: dict[pl.DataType, str] = {
    pl.String(): "text",
    pl.Int64(): "bigint",
    pl.Float64(): "double precision",
    pl.Boolean(): "boolean",
    pl.Date(): "date",
}
_FROM_SQL = {
    "text": pl.String, "bigint": pl.Int64, "double precision": pl.Float64, "boolean": pl.Boolean,
    "date": pl.Date,
}  # fmt: skip

#: What each version of the schema adds; a store of an older version gets what it lacks when a batch opens it.
_MIGRATIONS = (
    """
    CREATE TABLE kpi.runs (
      number bigint PRIMARY KEY, finished timestamptz NOT NULL DEFAULT now(),
      manifest json NOT NULL, state json NOT NULL
    )
    """,
)


class PostgresStore:
    """Results in PostgreSQL."""

    def __init__(self, connection: str) -> None:
        try:
            import psycopg
        except ImportError:
            hint = "pip install 'kpi-engine[postgres]'"
            raise DataError(Diagnostic("K812", "a store in PostgreSQL needs the package psycopg", hint=hint)) from None
        self._connection = connection
        self._psycopg = psycopg

    @property
    def where(self) -> str:
        """The server and database, without user and password."""
        try:
            parts = self._psycopg.conninfo.conninfo_to_dict(self._connection)
        except self._psycopg.Error:
            return "PostgreSQL"
        return f"postgresql://{parts.get('host', '')}/{parts.get('dbname', '')}"

    @contextmanager
    def _open(self) -> Iterator[psycopg.Connection[Any]]:
        """Opens a transaction, committed at the end of the block, and turns what the database says into a finding."""
        try:
            with self._psycopg.connect(self._connection, connect_timeout=10) as connection:
                yield connection
        except self._psycopg.Error as error:
            words = without_passwords(str(error).strip(), self._connection)
            hint = "what was published before is untouched; the next batch does what this one could not"
            raise DataError(Diagnostic("K816", f"PostgreSQL: {words}", hint=hint)) from None

    @contextmanager
    def lock(self, wait: float) -> Iterator[None]:
        """Holds an advisory lock of the database, on a connection of its own."""
        with self._open() as connection:
            connection.autocommit = True
            # NOTE: never less than two seconds: the server may still be ending the session of a batch that was killed.
            connection.execute("SELECT set_config('lock_timeout', %s, false)", (f"{max(int(wait * 1000), 2000)}ms",))
            try:
                connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
            except self._psycopg.errors.LockNotAvailable:
                hint = "wait for it, or let this one wait with --wait SECONDS"
                raise DataError(Diagnostic("K810", f"another batch is at work on {self.where}", hint=hint)) from None
            self._migrate()
            yield
            connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))

    # ---- THE SCHEMA ---- #

    def _migrate(self) -> None:
        with self._open() as connection:
            connection.execute("CREATE SCHEMA IF NOT EXISTS kpi")
            connection.execute("CREATE TABLE IF NOT EXISTS kpi.schema_version (version bigint NOT NULL)")
            row = connection.execute("SELECT max(version) FROM kpi.schema_version").fetchone()
            done = (row[0] if row else None) or 0
            if done > len(_MIGRATIONS):
                hint = "install the engine that wrote it, or a newer one"
                raise DataError(
                    Diagnostic("K817", f"the store was written by a newer engine (schema {done})", hint=hint)
                )
            for version, statement in enumerate(_MIGRATIONS[done:], done + 1):
                connection.execute(statement.encode())
                connection.execute("INSERT INTO kpi.schema_version VALUES (%s)", (version,))

    def _columns(self, connection: psycopg.Connection[Any], table: str) -> dict[str, str]:
        query = (
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'kpi' AND table_name = %s ORDER BY ordinal_position"
        )
        return dict(connection.execute(query, (f"{table}_history",)).fetchall())

    def _fit(self, connection: psycopg.Connection[Any], table: str, rows: pl.DataFrame) -> None:
        """Makes the table of a frame, or adds the columns that it lacks; nothing is ever dropped."""
        sql = self._psycopg.sql
        known = self._columns(connection, table)
        history, view = sql.Identifier("kpi", f"{table}_history"), sql.Identifier("kpi", table)
        missing = [
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(_TYPES[kind]))
            for name, kind in rows.schema.items()
            if name not in known
        ]
        if not known:
            columns = sql.SQL(", ").join([*missing, sql.SQL("valid_from bigint NOT NULL"), sql.SQL("valid_to bigint")])
            connection.execute(sql.SQL("CREATE TABLE {} ({})").format(history, columns))
            index = sql.SQL("CREATE INDEX ON {} (system, period) WHERE valid_to IS NULL")
            connection.execute(index.format(history))
        elif missing:
            for column in missing:
                connection.execute(sql.SQL("ALTER TABLE {} ADD COLUMN {}").format(history, column))
        if not known or missing:
            names = [name for name in self._columns(connection, table) if name not in ("valid_from", "valid_to")]
            shown = sql.SQL(", ").join(map(sql.Identifier, names))
            statement = sql.SQL("CREATE OR REPLACE VIEW {} AS SELECT {} FROM {} WHERE valid_to IS NULL")
            connection.execute(statement.format(view, shown, history))

    # ---- READING ---- #

    def _ready(self, connection: psycopg.Connection[Any]) -> bool:
        row = connection.execute("SELECT to_regclass('kpi.runs') IS NOT NULL").fetchone()
        return bool(row and row[0])

    def _first(self, where: str, values: tuple[int, ...] = ()) -> Run | None:
        with self._open() as connection:
            if not self._ready(connection):
                return None
            query = f"SELECT number, manifest, state FROM kpi.runs {where}"  # noqa: S608  # no part comes from outside
            row = connection.execute(query.encode(), values).fetchone()
        return Run(*row) if row else None

    def head(self) -> Run | None:
        """Returns the last published run."""
        return self._first("ORDER BY number DESC LIMIT 1")

    def run(self, number: int) -> Run:
        """Returns a run by its number."""
        found = self._first("WHERE number = %s", (number,))
        if found is None:
            raise no_run(number, self.numbers())
        return found

    def numbers(self) -> list[int]:
        """Returns the numbers of the published runs."""
        with self._open() as connection:
            if not self._ready(connection):
                return []
            return [row[0] for row in connection.execute("SELECT number FROM kpi.runs ORDER BY number").fetchall()]

    def read(self, table: str, *, system: str | None = None, number: int | None = None) -> pl.DataFrame:
        """Returns the rows of a table that held after a run."""
        sql = self._psycopg.sql
        if number is not None:
            self.run(number)
        with self._open() as connection:
            kinds = {k: v for k, v in self._columns(connection, table).items() if k not in ("valid_from", "valid_to")}
            if not kinds:
                return pl.DataFrame()
            at = 2**62 if number is None else number
            query = sql.SQL(
                "SELECT {} FROM {} WHERE valid_from <= %s AND (valid_to IS NULL OR valid_to > %s)"
                " AND (%s::text IS NULL OR system = %s)"
            ).format(sql.SQL(", ").join(map(sql.Identifier, kinds)), sql.Identifier("kpi", f"{table}_history"))
            rows = connection.execute(query, (at, at, system, system)).fetchall()
        schema = {name: _FROM_SQL[kind] for name, kind in kinds.items()}
        return ordered(pl.DataFrame(rows, schema=schema, orient="row"))

    # ---- WRITING ---- #

    def publish(self, run: Run, changes: Sequence[Change]) -> None:
        """Ends the rows that are replaced, copies the new ones in and adds the run: one transaction."""
        sql = self._psycopg.sql
        with self._open() as connection:
            for change in changes:
                self._fit(connection, change.table, change.rows)
                history = sql.Identifier("kpi", f"{change.table}_history")
                periods = None if change.periods is None else list(change.periods)
                end = sql.SQL(
                    "UPDATE {} SET valid_to = %s WHERE valid_to IS NULL AND system = %s"
                    " AND (%s::text[] IS NULL OR period = ANY(%s))"
                )
                connection.execute(end.format(history), (run.number, change.system, periods, periods))
                names = sql.SQL(", ").join(map(sql.Identifier, [*change.rows.columns, "valid_from"]))
                copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, NULL '\\N')").format(history, names)
                with connection.cursor().copy(copy) as stream:
                    stream.write(_csv(change.rows, run.number))
            connection.execute(
                "INSERT INTO kpi.runs (number, manifest, state) VALUES (%s, %s, %s)",
                (run.number, _json(run.manifest), _json(run.state)),
            )

    def tidy(self, keep: int) -> int:
        """Removes old runs and the rows that ended before the oldest kept one."""
        gone = self.numbers()[:-keep]
        if gone:
            sql = self._psycopg.sql
            with self._open() as connection:
                connection.execute("DELETE FROM kpi.runs WHERE number <= %s", (gone[-1],))
                for table in TABLES:
                    if self._columns(connection, table):
                        statement = sql.SQL("DELETE FROM {} WHERE valid_to <= %s + 1")
                        connection.execute(statement.format(sql.Identifier("kpi", f"{table}_history")), (gone[-1],))
        return len(gone)


def _csv(rows: pl.DataFrame, number: int) -> bytes:
    r"""Returns rows as CSV for COPY: every text quoted, so that only a bare `\N` is null; floats in full."""
    stamped = rows.with_columns(pl.lit(number, dtype=pl.Int64).alias("valid_from"))
    return stamped.write_csv(include_header=False, null_value="\\N", quote_style="non_numeric").encode()


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
