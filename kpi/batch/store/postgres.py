"""The store as tables of PostgreSQL 15 or later, in the schema `kpi`, which the engine creates.

A part, the rows of a table for a system and period, has a validity in runs: `valid_from` is the run that wrote it,
`valid_to` the run that replaced it, null while it is current. Rows are never changed. A run first copies rows into
parts with an empty validity; one transaction then ends the replaced parts, makes the new ones valid and adds the run.
Rows of a killed run are removed by the next run. The views `totals` and so on show the current rows for other programs,
`totals_history` all rows with their runs; `tables` defines the tables.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

import polars as pl
from typing_extensions import override

from kpi.batch.store import binary, contents, tables
from kpi.batch.store.base import TABLES, Change, Repaired, Run, Store, no_run, ordered
from kpi.batch.store.damage import damaged
from kpi.batch.store.former import former_layout
from kpi.errors import DataError, Diagnostic, Message, Place

if TYPE_CHECKING:
    import psycopg

#: The key of the advisory lock, which is released with the connection, however the batch ends.
_LOCK = 0x6B7069
#: The key of the shared lock of sessions that copy rows, which is released with their transactions.
_COPYING = _LOCK + 1

#: The second key of a table: the subject of a row of an entity.
_ABOUT = ("indicator", "measure")
#: The number of subjects per block.
_BLOCK = 8

#: The number of parallel connections, and of rows per copy.
_CONNECTIONS, _PIECE = 4, 100_000


class PostgresStore(Store):
    """A store of results in PostgreSQL."""

    def __init__(self, connection: str) -> None:
        try:
            import psycopg
        except ImportError:
            hint = Message("pip install 'psycopg[binary]'")
            message = Message("a store in PostgreSQL needs the package psycopg")
            raise DataError(Diagnostic("K812", message, hint=hint)) from None
        self._connection = connection
        self._psycopg = psycopg
        self._known = False

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
        """Open a transaction on a store with the layout of this engine."""
        with self.transaction() as connection:
            if not self._known:
                if 0 < tables.version(connection) < tables.VERSION:
                    raise DataError(former_layout(self.where))
                self._known = True
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection[Any]]:
        """Open a transaction, committed at the end of the block; database errors become findings."""
        try:
            with self._psycopg.connect(self._connection, connect_timeout=10) as connection:
                yield connection
        except self._psycopg.errors.ProgramLimitExceeded as error:
            message = Message(
                "PostgreSQL: a name is too long for an index: {error}", error=str(error).strip().splitlines()[0]
            )
            hint = Message(
                "a name of an entity, indicator, measure or department has at most 2,600 bytes; nothing was changed"
            )
            raise DataError(Diagnostic("K852", message, Place(self.where), hint)) from None
        except self._psycopg.Error as error:
            hint = Message("what was published before is untouched; the next batch does what this one could not")
            raise DataError(
                Diagnostic("K816", Message("PostgreSQL: {error}", error=str(error).strip()), hint=hint)
            ) from None

    @override
    @contextmanager
    def lock(self, wait: float, *, damaged: bool = False) -> Iterator[None]:
        """Hold an advisory lock on a connection of its own, and create the schema."""
        with self.advisory_lock(wait):
            with self._open() as connection:
                if not (tables.exists(connection, "parts") and not tables.exists(connection, "runs")):
                    tables.prepare(connection)  # unless runs are lost, which `check` reports
                    contents.widen(connection)
            yield

    @contextmanager
    def advisory_lock(self, wait: float) -> Iterator[None]:
        """Hold the advisory lock, whatever the layout of the store."""
        with self.transaction() as connection:
            connection.autocommit = True
            # NOTE: at least two seconds: the server may still be ending the session of a killed batch.
            connection.execute("SELECT set_config('lock_timeout', %s, false)", (f"{max(int(wait * 1000), 2000)}ms",))
            try:
                connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
            except self._psycopg.errors.LockNotAvailable:
                hint = Message("wait for it, or let this one wait with --wait SECONDS")
                raise DataError(
                    Diagnostic("K810", Message("another batch is at work on {where}", where=self.where), hint=hint)
                ) from None
            yield
            connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))

    # ---- READING ---- #

    def _first(self, where: str, values: tuple[int, ...] = ()) -> Run | None:
        with self._open() as connection:
            if not tables.exists(connection, "runs"):
                return None
            mark = "digest" if contents.is_recorded(connection) else "NULL"
            query = f"SELECT number, manifest, state, {mark} FROM kpi.runs {where}"  # noqa: S608  # nothing from outside
            row = connection.execute(query.encode(), values).fetchone()
        return contents.sound(Run(*row[:3]), row[3], f"{self.where} kpi.runs") if row else None

    def head(self) -> Run | None:
        """Return the last published run."""
        return self._first("ORDER BY number DESC LIMIT 1")

    def run(self, number: int) -> Run:
        """Return a run by its number."""
        row = self._first("WHERE number = %s", (number,))
        if row is None:
            raise no_run(number, self.numbers())
        return row

    def numbers(self) -> list[int]:
        """Return the numbers of the published runs."""
        with self._open() as connection:
            if not tables.exists(connection, "runs"):
                return []
            return [row[0] for row in connection.execute("SELECT number FROM kpi.runs ORDER BY number").fetchall()]

    def read(self, table: str, *, system: str | None = None, number: int | None = None) -> pl.DataFrame:
        """Return the rows of a table that were valid after a run."""
        sql = self._psycopg.sql
        if number is not None:
            self.run(number)
        with self._open() as connection:
            kinds = tables.columns(connection, table)
            if not kinds:
                return pl.DataFrame()
            at = 2**62 if number is None else number
            parts = connection.execute(
                'SELECT id, system, period FROM kpi.parts WHERE "table" = %s AND valid_from <= %s'
                " AND (valid_to IS NULL OR valid_to > %s) AND (%s::text IS NULL OR system = %s)",
                (table, at, at, system, system),
            ).fetchall()
            names = ["part_id", *(name for name in kinds if name not in tables.of_part(table))]
            shown = [
                sql.SQL("{}::integer" if kinds.get(name) == pl.Boolean() else "{}").format(sql.Identifier(name))
                for name in names
            ]
            # An empty text is quoted, a null is not.
            texts = [sql.Identifier(name) for name in names if kinds.get(name) == pl.String()] or [sql.SQL("*")]
            query = sql.SQL("COPY (SELECT {} FROM {} WHERE part_id = ANY({})) TO STDOUT (FORMAT csv, FORCE_QUOTE ({}))")
            ids = sql.Literal([part for part, *_ in parts])
            comma = sql.SQL(", ")
            data = BytesIO()
            with connection.cursor().copy(
                query.format(comma.join(shown), tables.facts(table), ids, comma.join(texts))
            ) as stream:
                for piece in stream:
                    data.write(piece)
        stored = {**kinds, "part_id": pl.Int32(), "position": pl.Int64()}
        if not data.tell():
            return ordered(pl.DataFrame(schema={name: stored[name] for name in kinds}))
        schema = {name: pl.Int8() if stored[name] == pl.Boolean() else stored[name] for name in names}
        rows = pl.read_csv(data.getvalue(), has_header=False, schema=schema)
        whose = pl.DataFrame(
            parts, schema={"part_id": pl.Int32, "system": pl.String, "period": pl.String}, orient="row"
        )
        rows = rows.join(whose.select("part_id", *tables.of_part(table)), on="part_id", how="left")
        return ordered(rows.select(pl.col(name).cast(stored[name]) for name in kinds))

    # ---- WRITING ---- #

    def publish(self, run: Run, changes: Sequence[Change]) -> None:
        """Write rows into new parts without validity; then, in one transaction, make them valid and add the run."""
        with self._open() as connection:
            # Parts of a killed run, once the server has ended its sessions.
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_COPYING,))
            self._remove(connection, "valid_to = valid_from")
            new = [item.table for item in changes if tables.fit(connection, item.table, item.rows.schema)]
            parts = [self._begun(connection, run.number, change) for change in changes]
        self._copied(changes, parts)
        with self._open() as connection:
            for table in new:
                # The server does this later by itself; until then it would not use the indexes.
                connection.execute(self._psycopg.sql.SQL("ANALYZE {}").format(tables.facts(table)))
            for change in changes:
                periods = None if change.periods is None else list(change.periods)
                connection.execute(
                    'UPDATE kpi.parts SET valid_to = %s WHERE valid_to IS NULL AND "table" = %s AND system = %s'
                    " AND (%s::text[] IS NULL OR period = ANY(%s))",
                    (run.number, change.table, change.system, periods, periods),
                )
            begun = [part for by_period in parts for part in by_period.values()]
            connection.execute("UPDATE kpi.parts SET valid_to = NULL WHERE id = ANY(%s)", (begun,))
            texts = _json(run.manifest), _json(run.state)
            connection.execute(
                "INSERT INTO kpi.runs (number, manifest, state, digest) VALUES (%s, %s, %s, %s)",
                (run.number, *texts, contents.digest(*texts)),
            )
            contents.record(connection, run.number)

    def _begun(self, connection: psycopg.Connection[Any], number: int, change: Change) -> dict[str | None, int]:
        """Create the parts of a change, without validity, and return their numbers by period."""
        there: dict[str | None, int] = {None: change.rows.height}
        if "period" in tables.of_part(change.table):
            there = dict(change.rows.group_by("period").len().rows())
        begun = connection.execute(
            'INSERT INTO kpi.parts ("table", system, period, valid_from, valid_to, rows) SELECT %s, %s, period, %s, %s,'
            " rows FROM unnest(%s::text[], %s::bigint[]) AS given (period, rows) RETURNING period, id",
            (change.table, change.system, number, number, list(there), list(there.values())),
        ).fetchall()
        return dict(begun)

    def _copied(self, changes: Sequence[Change], parts: Sequence[Mapping[str | None, int]]) -> None:
        """Copy rows into their tables over several connections: each index is built by one processor."""
        pieces = [
            (change.table, rows[start : start + _PIECE])
            for change, numbers in zip(changes, parts, strict=True)
            for rows in _parted(change, numbers)
            for start in range(0, rows.height, _PIECE)
        ]
        # The largest first, so that the connections finish at about the same time.
        waiting = deque(sorted(pieces, key=lambda piece: piece[1].height, reverse=True))

        def copied(_: int) -> None:
            try:
                with self._open() as connection:
                    connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", (_COPYING,))
                    while True:
                        try:
                            table, rows = waiting.popleft()
                        except IndexError:
                            return
                        self._copy(connection, table, rows)
            except BaseException:
                waiting.clear()
                raise

        with ThreadPoolExecutor(_CONNECTIONS, "copy") as pool:
            for _ in pool.map(copied, range(min(_CONNECTIONS, len(pieces)))):
                pass

    def _copy(self, connection: psycopg.Connection[Any], table: str, rows: pl.DataFrame) -> None:
        """Copy rows into a table."""
        sql = self._psycopg.sql
        # Columns without values are not sent.
        filled = rows.select(column.name for column in rows if column.null_count() < len(column))
        names = sql.SQL(", ").join(map(sql.Identifier, filled.columns))
        query = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(tables.facts(table), names)
        with connection.cursor().copy(query) as stream:
            stream.write(binary.HEAD)
            for piece in binary.rows(filled):
                stream.write(piece)
            stream.write(binary.END)

    # ---- DAMAGE ---- #

    @override
    def check(self, *, thorough: bool = False) -> list[Diagnostic]:  # the server checks its own pages
        """Return the damage (K833): rows of unknown runs, results without the table of runs, losses of the last run.

        Changed values are found by computing the run again.
        """
        with self._open() as connection:
            if not tables.exists(connection, "parts"):
                return []
            place = Place(self.where)
            if not tables.exists(connection, "runs"):
                return [
                    damaged(Message("there are results, but the table kpi.runs that says what they are is gone"), place)
                ]
            late = connection.execute(
                "SELECT count(*) FROM kpi.parts, (SELECT coalesce(max(number), 0) AS last FROM kpi.runs) AS r"
                " WHERE valid_from IS DISTINCT FROM valid_to AND (valid_from > last OR valid_to > last)"
            ).fetchone()
            if late and late[0]:
                return [damaged(Message("kpi.runs has lost its last rows: there are results of later runs"), place)]
        try:
            head = self.head()
        except DataError as error:
            return list(error.diagnostics)
        if head is None:
            return []
        with self._open() as connection:
            return contents.losses(connection, head).findings(self.where)

    @override
    def repair(self) -> Repaired | None:
        """Go back to the last run in kpi.runs whose record is as it was written; None if there is none.

        Lost tables, columns and views are created again; parts that lack rows are removed.
        """
        head = next(filter(None, map(self._sound, reversed(self.numbers()))), None)
        if head is None:
            return None
        with self._open() as connection:
            contents.widen(connection)
            connection.execute("DELETE FROM kpi.runs WHERE number > %s", (head.number,))
            self._remove(connection, "valid_from > %s", head.number)
            connection.execute("UPDATE kpi.parts SET valid_to = NULL WHERE valid_to > %s", (head.number,))
            lost = contents.losses(connection, head)
            for table, kinds in contents.recorded_columns(connection, head.number).items():
                tables.fit(connection, table, tables.polars_types(kinds))
            self._remove(connection, "valid_to = valid_from")
            self._remove(connection, "id = ANY(%s)", list(lost.parts))
            for table in TABLES:
                if tables.exists(connection, f"{table}_facts"):
                    orphans = "DELETE FROM {} WHERE part_id NOT IN (SELECT id FROM kpi.parts)"
                    connection.execute(self._psycopg.sql.SQL(orphans).format(tables.facts(table)))
        return Repaired(head.number, frozenset(lost.systems))

    def _sound(self, number: int) -> Run | None:
        """Return a run, None if its record was changed."""
        try:
            return self.run(number)
        except DataError:
            return None

    def tidy(self, keep: int) -> int:
        """Remove old runs and the rows whose validity ended before the oldest remaining run."""
        expired = self.numbers()[:-keep]
        if expired:
            with self._open() as connection:
                connection.execute("DELETE FROM kpi.runs WHERE number <= %s", (expired[-1],))
                self._remove(connection, "valid_to <= %s", expired[-1] + 1)
        return len(expired)

    def _remove(self, connection: psycopg.Connection[Any], condition: str, *numbers: int | list[int]) -> None:
        """Remove the parts that satisfy a condition on `kpi.parts`, with their rows."""
        sql = self._psycopg.sql
        deletion = sql.SQL('DELETE FROM kpi.parts WHERE {} RETURNING "table", id').format(sql.SQL(condition))
        parts: dict[str, list[int]] = {}
        for table, part in connection.execute(deletion, numbers).fetchall():
            parts.setdefault(table, []).append(part)
        for table, ids in parts.items():
            if not tables.exists(connection, f"{table}_facts"):
                continue
            rows = sql.SQL("DELETE FROM {} WHERE part_id = ANY(%s)").format(tables.facts(table))
            connection.execute(rows, (ids,))


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _parted(change: Change, parts: Mapping[str | None, int]) -> Iterator[pl.DataFrame]:
    """Yield the rows of each part with its number, in storage order."""
    for period, part in parts.items():
        rows = change.rows if period is None or len(parts) == 1 else change.rows.filter(pl.col("period") == period)
        yield _near(rows).select(
            pl.lit(part, pl.Int32).alias("part_id"),
            pl.col("position").cast(pl.Int32),
            pl.exclude("position", *tables.of_part(change.table)),
        )


def _near(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a part in storage order: rows of an entity, and rows of an indicator, are close together.

    Rows are in blocks of a few indicators, ordered by entity within a block. A page of the server has several rows of
    either, so both kinds of queries read a fraction of the pages.
    """
    key = next((name for name in _ABOUT if name in rows.columns and "entity" in rows.columns), None)
    if key is None:
        return rows
    known = rows[key].unique(maintain_order=True).drop_nulls()
    if len(known) <= _BLOCK:
        return rows
    block = (rows[key].cast(pl.Enum(known)).to_physical() // _BLOCK).alias("#block")
    return rows.with_columns(block).sort("#block", maintain_order=True).drop("#block")
