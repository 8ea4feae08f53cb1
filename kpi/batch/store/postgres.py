"""The store as tables of PostgreSQL 15 or later, in the schema `kpi`, made and migrated by the engine.

A part, the rows of a table for a system and period, carries the runs between which it holds: `valid_from` is the run
that wrote it, `valid_to` the one that replaced it, null while it is current. So rows are never changed. A night is one
transaction: parts are ended, new rows copied in, the run is added. The views `totals` and so on show what is current,
for any other program, and `totals_history` all with their runs; `tables` says how the rows themselves are kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby, repeat, takewhile
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import polars as pl
from typing_extensions import override

from kpi.batch.store import binary, coded, tables
from kpi.batch.store.base import TABLES, Change, Run, Store, no_run, ordered
from kpi.batch.store.copies import Copy, copies
from kpi.batch.store.damage import damaged
from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.process.prefetch import ahead

if TYPE_CHECKING:
    import psycopg

#: The key of the advisory lock; it ends with the connection, however the batch ends.
_LOCK = 0x6B7069


class PostgresStore(Store):
    """Results in PostgreSQL."""

    def __init__(self, connection: str) -> None:
        try:
            import psycopg
        except ImportError:
            hint = Message("pip install 'psycopg[binary]'")
            message = Message("a store in PostgreSQL needs the package psycopg")
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
            hint = Message("what was published before is untouched; the next batch does what this one could not")
            raise DataError(
                Diagnostic("K816", Message("PostgreSQL: {error}", error=str(error).strip()), hint=hint)
            ) from None

    @override
    @contextmanager
    def lock(self, wait: float, *, damaged: bool = False) -> Iterator[None]:
        """Holds an advisory lock of the database, on a connection of its own."""
        with self._open() as connection:
            connection.autocommit = True
            # NOTE: never less than two seconds: the server may still be ending the session of a batch that was killed.
            connection.execute("SELECT set_config('lock_timeout', %s, false)", (f"{max(int(wait * 1000), 2000)}ms",))
            try:
                connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
            except self._psycopg.errors.LockNotAvailable:
                hint = Message("wait for it, or let this one wait with --wait SECONDS")
                raise DataError(
                    Diagnostic("K810", Message("another batch is at work on {where}", where=self.where), hint=hint)
                ) from None
            with self._open() as other:
                if not (_there(other, "parts") and not _there(other, "runs")):  # which `check` reports
                    tables.migrate(other)
            yield
            connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))

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
            kinds = tables.kinds(connection, table)
            if not kinds:
                return pl.DataFrame()
            at = 2**62 if number is None else number
            parts = connection.execute(
                'SELECT id, system, period FROM kpi.parts WHERE "table" = %s AND valid_from <= %s'
                " AND (valid_to IS NULL OR valid_to > %s) AND (%s::text IS NULL OR system = %s)",
                (table, at, at, system, system),
            ).fetchall()
            names = [name for name in kinds if name not in tables.of_part(table)]
            data = b""
            for source in tables.sources(connection, table, kinds):
                shown = [
                    sql.SQL("({})::integer" if kinds[name] == pl.Boolean() else "{}").format(source.values[name])
                    for name in names
                ]
                query = sql.SQL("COPY (SELECT r.part_id, {} FROM {} WHERE r.part_id = ANY({})) TO STDOUT (FORMAT csv)")
                ids = sql.Literal([one for one, *_ in parts])
                with connection.cursor().copy(query.format(sql.SQL(", ").join(shown), source.tables, ids)) as stream:
                    data += b"".join(stream)
            known = self._texts(connection)
        if not data:
            return ordered(pl.DataFrame(schema=kinds))
        kept = {
            name: pl.Int32()
            if kinds[name] == pl.String()
            else pl.Int8()
            if kinds[name] == pl.Boolean()
            else kinds[name]
            for name in names
        }
        rows = pl.read_csv(data, has_header=False, schema={"part_id": pl.Int64(), **kept})
        whose = pl.DataFrame(
            parts, schema={"part_id": pl.Int64, "system": pl.String, "period": pl.String}, orient="row"
        )
        rows = coded.decoded(rows, [name for name in names if kinds[name] == pl.String()], known)
        rows = rows.join(whose.select("part_id", *tables.of_part(table)), on="part_id", how="left")
        return ordered(rows.select(pl.col(name).cast(kind) for name, kind in kinds.items()))

    def _texts(self, connection: psycopg.Connection[Any]) -> pl.DataFrame:
        rows = connection.execute("SELECT id, text FROM kpi.texts").fetchall()
        return pl.DataFrame(rows, schema={"id": pl.Int32, "text": pl.String}, orient="row")

    # ---- WRITING ---- #

    def publish(self, run: Run, changes: Sequence[Change]) -> None:
        """Ends the parts that are replaced, copies new rows in and adds the run: one transaction."""
        with self._open() as connection:
            # Lists take a third of the room and no more time, unlike with what is the default; not all servers can.
            connection.execute(
                "SELECT set_config(name, 'lz4', true) FROM pg_settings"
                " WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals)"
            )
            keys: dict[str, str | None] = {}
            new: list[tuple[str, Copy]] = []
            for change in changes:
                table = change.table
                rows = self._parted(connection, run.number, change)
                key = keys[table] if table in keys else tables.key(connection, table)
                some, keys[table] = copies(rows, key)
                tables.fit(connection, table, change.rows.schema, {name: one.types for name, one in some.items()})
                new += [(f"{table}_{name}", one) for name, one in some.items() if one.columns]
            self._send(connection, new)
            connection.execute(
                "INSERT INTO kpi.runs (number, manifest, state) VALUES (%s, %s, %s)",
                (run.number, _json(run.manifest), _json(run.state)),
            )

    def _parted(self, connection: psycopg.Connection[Any], number: int, change: Change) -> dict[int, pl.DataFrame]:
        """Ends the parts that a change replaces and begins new ones; returns the rows of each by its number."""
        periods = None if change.periods is None else list(change.periods)
        connection.execute(
            'UPDATE kpi.parts SET valid_to = %s WHERE valid_to IS NULL AND "table" = %s AND system = %s'
            " AND (%s::text[] IS NULL OR period = ANY(%s))",
            (number, change.table, change.system, periods, periods),
        )
        parts = _parts(change)
        begun = connection.execute(
            'INSERT INTO kpi.parts ("table", system, period, valid_from)'
            " SELECT %s, %s, period, %s FROM unnest(%s::text[]) AS given (period) RETURNING id, period",
            (change.table, change.system, number, list(parts)),
        ).fetchall()
        return {part: parts[period].drop(tables.of_part(change.table)) for part, period in begun}

    def _send(self, connection: psycopg.Connection[Any], new: Sequence[tuple[str, Copy]]) -> None:
        """Copies rows into their tables, the next being laid out while the server takes those before."""
        known = self._numbered(connection, coded.texts(text for _, one in new for text in one.texts()))
        sql, cursor = self._psycopg.sql, connection.cursor()
        pieces = ((place, some) for place, (_, one) in enumerate(new) for some in binary.whole(one.rows(known)))
        end = (len(new), b"")
        laid_out = ahead(lambda _: next(pieces, end), repeat(None), threads=1, most=4)
        for place, some in groupby(takewhile(lambda one: one is not end, laid_out), key=itemgetter(0)):
            name, one = new[place]
            columns = sql.SQL(", ").join(map(sql.Identifier, one.columns))
            copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(sql.Identifier("kpi", name), columns)
            with cursor.copy(copy) as stream:
                for _, piece in some:
                    stream.write(piece)

    def _numbered(self, connection: psycopg.Connection[Any], some: pl.Series) -> pl.DataFrame:
        """Gives texts that are new their numbers, and returns all that have one."""
        known = self._texts(connection)
        new = some.to_frame().join(known, on="text", how="anti")["text"].to_list()
        if not new:
            return known
        connection.execute("INSERT INTO kpi.texts (text) SELECT unnest(%s::text[])", (new,))
        return self._texts(connection)

    # ---- DAMAGE ---- #

    @override
    def check(self, *, thorough: bool = False) -> list[Diagnostic]:  # the server checks its own pages
        """Return what is damaged (K833): rows of runs that nobody knows, or results without the table of runs."""
        with self._open() as connection:
            if not _there(connection, "parts"):
                return []
            place = Place(self.where)
            if not _there(connection, "runs"):
                return [damaged("there are results, but the table kpi.runs that says what they are is gone", place)]
            last = "(SELECT coalesce(max(number), 0) FROM kpi.runs)"
            late = connection.execute(
                f"SELECT count(*) FROM kpi.parts WHERE valid_from > {last} OR valid_to > {last}".encode()  # noqa: S608
            ).fetchone()
            if late and late[0]:
                return [damaged("kpi.runs has lost its last rows: there are results of later runs", place)]
        return []

    def repair(self) -> int | None:
        """Go back to the last run that kpi.runs knows, and return its number; None when it knows none."""
        head = self.head()
        if head is None:
            return None
        with self._open() as connection:
            self._remove(connection, "valid_from > %s", head.number)
            connection.execute("UPDATE kpi.parts SET valid_to = NULL WHERE valid_to > %s", (head.number,))
        return head.number

    def tidy(self, keep: int) -> int:
        """Removes old runs and the rows that ended before the oldest kept one."""
        gone = self.numbers()[:-keep]
        if gone:
            with self._open() as connection:
                connection.execute("DELETE FROM kpi.runs WHERE number <= %s", (gone[-1],))
                self._remove(connection, "valid_to <= %s", gone[-1] + 1)
        return len(gone)

    def _remove(self, connection: psycopg.Connection[Any], which: str, number: int) -> None:
        """Remove the parts that a condition on `kpi.parts` takes, and their rows."""
        sql = self._psycopg.sql
        condition = sql.SQL(which)
        for table in (f"{one}_{kind}" for one in TABLES for kind in ("rows", "grid", "axis")):
            if tables.columns(connection, table):
                rows = sql.SQL("DELETE FROM {} WHERE part_id IN (SELECT id FROM kpi.parts WHERE {})")
                connection.execute(rows.format(sql.Identifier("kpi", table), condition), (number,))
        connection.execute(sql.SQL("DELETE FROM kpi.parts WHERE {}").format(condition), (number,))


def _there(connection: psycopg.Connection[Any], table: str) -> bool:
    return connection.execute("SELECT to_regclass(%s) IS NOT NULL", (f"kpi.{table}",)).fetchone() == (True,)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _parts(change: Change) -> dict[str | None, pl.DataFrame]:
    """The rows of each part, by its period."""
    if "period" not in tables.of_part(change.table):
        return {None: change.rows}
    if change.rows.height and change.periods is not None and len(change.periods) == 1:
        return {change.periods[0]: change.rows}
    return {one["period"][0]: one for one in change.rows.partition_by("period", maintain_order=True)}
