"""The store as tables of PostgreSQL 15 or later, in the schema `kpi`, made and migrated by the engine.

A part, the rows of a table for a system and period, carries the runs between which it holds: `valid_from` is the run
that wrote it, `valid_to` the one that replaced it, null while it is current. So rows are never changed. A night is one
transaction: parts are ended, new rows copied in, the run is added. The views `totals` and so on show what is current,
for any other program, and `totals_history` all with their runs; the rows themselves, in `totals_rows`, hold numbers for
texts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import polars as pl

from kpi.errors import DataError, Diagnostic
from kpi.secrets import without_passwords
from kpi.store import coded
from kpi.store.base import TABLES, Change, Run, no_run, ordered

if TYPE_CHECKING:
    import psycopg

#: The key of the advisory lock; it ends with the connection, however the batch ends.
_LOCK = 0x6B7069

_FROM_SQL: dict[str, pl.DataType] = {
    "text": pl.String(), "bigint": pl.Int64(), "double precision": pl.Float64(), "boolean": pl.Boolean(),
    "date": pl.Date(),
}  # fmt: skip

#: What each version of the schema adds; a store of an older version gets what it lacks when a batch opens it.
_MIGRATIONS = (
    """
    CREATE TABLE kpi.runs (
      number bigint PRIMARY KEY, finished timestamptz NOT NULL DEFAULT now(),
      manifest json NOT NULL, state json NOT NULL
    );
    CREATE TABLE kpi.texts (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL);
    -- Not of the text itself: a long one does not fit into an index.
    CREATE UNIQUE INDEX ON kpi.texts (md5(text));
    CREATE TABLE kpi.parts (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "table" text NOT NULL, system text NOT NULL, period text,
      valid_from bigint NOT NULL, valid_to bigint
    );
    CREATE INDEX ON kpi.parts ("table", system, period) WHERE valid_to IS NULL
    """,
)


class PostgresStore:
    """Results in PostgreSQL."""

    def __init__(self, connection: str) -> None:
        try:
            import numpy  # noqa: F401, ICN001  # rows are laid out with it
            import psycopg
        except ImportError:
            hint = "pip install 'kpi-engine[postgres]'"
            message = "a store in PostgreSQL needs the packages psycopg and numpy"
            raise DataError(Diagnostic("K812", message, hint=hint)) from None
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
            if done and connection.execute("SELECT to_regclass('kpi.parts') IS NULL").fetchone() == (True,):
                hint = "DROP SCHEMA kpi CASCADE, and let the next night score everything"
                raise DataError(Diagnostic("K817", "the store was written before version 0.1 of the engine", hint=hint))
            for version, statement in enumerate(_MIGRATIONS[done:], done + 1):
                connection.execute(statement.encode())
                connection.execute("INSERT INTO kpi.schema_version VALUES (%s)", (version,))

    def _columns(self, connection: psycopg.Connection[Any], table: str) -> dict[str, pl.DataType]:
        """The columns of a table as its view shows them; none while there is no such table."""
        query = (
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'kpi' AND table_name = %s ORDER BY ordinal_position"
        )
        return {name: _FROM_SQL[kind] for name, kind in connection.execute(query, (table,)).fetchall()}

    def _fit(self, connection: psycopg.Connection[Any], table: str, rows: pl.DataFrame) -> None:
        """Makes the table of a frame with its views, or adds the columns that it lacks; nothing is ever dropped."""
        sql = self._psycopg.sql
        known = self._columns(connection, table)
        missing = {name: kind for name, kind in rows.schema.items() if name not in known}
        if not missing:
            return
        place = sql.Identifier("kpi", f"{table}_rows")
        columns = [
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(coded.sql_type(kind)))
            for name, kind in missing.items()
            if name not in _of_part(table)
        ]
        if not known:
            made = sql.SQL("CREATE TABLE {} (part_id bigint NOT NULL, {})").format(place, sql.SQL(", ").join(columns))
            connection.execute(made)
            connection.execute(sql.SQL("CREATE INDEX ON {} USING brin (part_id)").format(place))
        else:
            for column in columns:
                connection.execute(sql.SQL("ALTER TABLE {} ADD COLUMN {}").format(place, column))
        shown, joins = [], [sql.SQL("FROM {} r JOIN kpi.parts p ON p.id = r.part_id").format(place)]
        for number, (name, kind) in enumerate((known | missing).items()):
            if name in _of_part(table) or kind != pl.String():
                shown.append(sql.Identifier("p" if name in _of_part(table) else "r", name))
                continue
            texts = sql.Identifier(f"t{number}")
            shown.append(sql.SQL("{}.text AS {}").format(texts, sql.Identifier(name)))
            joins.append(sql.SQL("LEFT JOIN kpi.texts {0} ON {0}.id = {1}").format(texts, sql.Identifier("r", name)))
        every, tables = sql.SQL(", ").join(shown), sql.SQL(" ").join(joins)
        for view, words in (
            (table, sql.SQL("SELECT {} {} WHERE p.valid_to IS NULL")),
            (f"{table}_history", sql.SQL("SELECT p.valid_from, p.valid_to, {} {}")),
        ):
            head = sql.SQL("CREATE OR REPLACE VIEW {} AS ").format(sql.Identifier("kpi", view))
            connection.execute(head + words.format(every, tables))

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
            kinds = self._columns(connection, table)
            if not kinds:
                return pl.DataFrame()
            at = 2**62 if number is None else number
            parts = connection.execute(
                'SELECT id, system, period FROM kpi.parts WHERE "table" = %s AND valid_from <= %s'
                " AND (valid_to IS NULL OR valid_to > %s) AND (%s::text IS NULL OR system = %s)",
                (table, at, at, system, system),
            ).fetchall()
            names = [name for name in kinds if name not in _of_part(table)]
            shown = [
                sql.SQL("{}::integer" if kinds[name] == pl.Boolean() else "{}").format(sql.Identifier(name))
                for name in names
            ]
            query = sql.SQL("COPY (SELECT part_id, {} FROM {} WHERE part_id = ANY({})) TO STDOUT (FORMAT csv)").format(
                sql.SQL(", ").join(shown),
                sql.Identifier("kpi", f"{table}_rows"),
                sql.Literal([one for one, *_ in parts]),
            )
            with connection.cursor().copy(query) as stream:
                data = b"".join(stream)
            known = self._texts(connection)
        kept = {
            name: pl.Int32() if kind == pl.String() else pl.Int8() if kind == pl.Boolean() else kind
            for name, kind in kinds.items()
            if name in names
        }
        rows = pl.read_csv(data, has_header=False, schema={"part_id": pl.Int64(), **kept}) if data else None
        if rows is None:
            return ordered(pl.DataFrame(schema=kinds))
        whose = pl.DataFrame(
            parts, schema={"part_id": pl.Int64, "system": pl.String, "period": pl.String}, orient="row"
        )
        rows = coded.decoded(rows, [name for name in names if kinds[name] == pl.String()], known)
        rows = rows.join(whose.select("part_id", *_of_part(table)), on="part_id", how="left")
        return ordered(rows.select(pl.col(name).cast(kind) for name, kind in kinds.items()))

    def _texts(self, connection: psycopg.Connection[Any]) -> pl.DataFrame:
        rows = connection.execute("SELECT id, text FROM kpi.texts").fetchall()
        return pl.DataFrame(rows, schema={"id": pl.Int32, "text": pl.String}, orient="row")

    # ---- WRITING ---- #

    def publish(self, run: Run, changes: Sequence[Change]) -> None:
        """Ends the parts that are replaced, copies new rows in and adds the run: one transaction."""
        with self._open() as connection:
            known = self._texts(connection)
            for change in changes:
                self._fit(connection, change.table, change.rows)
                periods = None if change.periods is None else list(change.periods)
                connection.execute(
                    'UPDATE kpi.parts SET valid_to = %s WHERE valid_to IS NULL AND "table" = %s AND system = %s'
                    " AND (%s::text[] IS NULL OR period = ANY(%s))",
                    (run.number, change.table, change.system, periods, periods),
                )
                known = self._copy(connection, run.number, change, known)
            connection.execute(
                "INSERT INTO kpi.runs (number, manifest, state) VALUES (%s, %s, %s)",
                (run.number, _json(run.manifest), _json(run.state)),
            )

    def _copy(
        self, connection: psycopg.Connection[Any], number: int, change: Change, known: pl.DataFrame
    ) -> pl.DataFrame:
        """Copies the rows of a change in, as new parts; takes and returns the texts that have numbers."""
        sql, table, rows = self._psycopg.sql, change.table, change.rows
        labels = rows["period"].unique(maintain_order=True) if "period" in _of_part(table) else pl.Series([None])
        parts = connection.execute(
            'INSERT INTO kpi.parts ("table", system, period, valid_from)'
            " SELECT %s, %s, period, %s FROM unnest(%s::text[]) AS given (period) RETURNING id, period",
            (table, change.system, number, labels.to_list()),
        ).fetchall()
        whose = pl.DataFrame(parts, schema={"part_id": pl.Int64, "period": pl.String}, orient="row")
        if "period" in _of_part(table):
            rows = rows.join(whose, on="period", how="left", maintain_order="left")
        else:
            rows = rows.with_columns(part_id=pl.lit(parts[0][0], dtype=pl.Int64))
        rows = rows.select("part_id", pl.exclude("part_id", *_of_part(table)))
        # What has no value anywhere need not be sent.
        rows = rows.select(one for one in rows if one.name == "part_id" or one.count())
        place = sql.Identifier("kpi", f"{table}_rows")
        columns = sql.SQL(", ").join(map(sql.Identifier, rows.columns))
        copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(place, columns)
        known = self._numbered(connection, coded.texts(rows), known)
        numbered = coded.coded(rows, known)
        with connection.cursor().copy(copy) as stream:
            for piece in coded.binary(numbered):
                stream.write(piece)
        return known

    def _numbered(self, connection: psycopg.Connection[Any], some: pl.Series, known: pl.DataFrame) -> pl.DataFrame:
        """Gives texts that are new their numbers, and returns all."""
        new = some.to_frame().join(known, on="text", how="anti")["text"].to_list()
        if not new:
            return known
        connection.execute("INSERT INTO kpi.texts (text) SELECT unnest(%s::text[])", (new,))
        return self._texts(connection)

    def tidy(self, keep: int) -> int:
        """Removes old runs and the rows that ended before the oldest kept one."""
        gone = self.numbers()[:-keep]
        if gone:
            sql = self._psycopg.sql
            with self._open() as connection:
                connection.execute("DELETE FROM kpi.runs WHERE number <= %s", (gone[-1],))
                for table in TABLES:
                    if self._columns(connection, table):
                        rows = sql.SQL(
                            "DELETE FROM {} WHERE part_id IN (SELECT id FROM kpi.parts WHERE valid_to <= %s)"
                        )
                        connection.execute(rows.format(sql.Identifier("kpi", f"{table}_rows")), (gone[-1] + 1,))
                connection.execute("DELETE FROM kpi.parts WHERE valid_to <= %s", (gone[-1] + 1,))
        return len(gone)


def _of_part(table: str) -> tuple[str, ...]:
    """The columns that a whole part has in common; findings have parts of all periods, and of none."""
    return ("system",) if table == "findings" else ("system", "period")


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
