"""The store as tables of PostgreSQL 15 or later, in the schema `kpi`, which the engine creates.

A part, the rows of a table for a system and period, has a validity in runs: `valid_from` is the run that wrote it,
`valid_to` the run that replaced it, null while it is current. Rows are never changed. A run first copies rows into
parts with an empty validity; one transaction then ends the replaced parts, makes the new ones valid and adds the run.
Rows of a killed run are removed by the next run. The views `totals` and so on show the current rows for other programs,
`totals_history` all rows with their runs; `tables` defines the tables, `dimensions` and `partitions` what the large
ones have besides.
"""

from __future__ import annotations

import json
import weakref
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from io import BytesIO
from queue import SimpleQueue
from selectors import EVENT_READ, DefaultSelector
from typing import TYPE_CHECKING, Any

import polars as pl
from msgspec import Struct, field
from typing_extensions import override

from kpi.batch.store import binary, contents, partitions, tables
from kpi.batch.store.base import TABLES, Change, Repaired, Run, Store, no_run, ordered
from kpi.batch.store.damage import damaged
from kpi.batch.store.dimensions import Dimension, dimensions, numbered
from kpi.batch.store.former import former_layout
from kpi.batch.store.idle import Idle
from kpi.errors import DataError, Diagnostic, Message, Place

if TYPE_CHECKING:
    import psycopg
    from psycopg.sql import Composable, Composed

#: The key of the advisory lock, which is released with the connection, however the batch ends.
_LOCK = 0x6B7069
#: The key of the shared lock of sessions that copy rows, which is released with their connections.
_COPYING = _LOCK + 1

#: The second key of a table: the subject of a row of an entity.
_ABOUT = ("indicator", "measure")
#: The number of subjects per block.
_BLOCK = 8

#: The number of parallel connections, and of rows per copy.
_CONNECTIONS, _PIECE = 4, 100_000


class _Load(Struct):
    """The new parts of a run, and its new partitions."""

    parts: list[int] = field(default_factory=list)
    partitions: list[partitions.Partition] = field(default_factory=list)


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
        self.idle = Idle()
        weakref.finalize(self, self.idle.close)

    @property
    def where(self) -> str:
        """The server and database, without user and password."""
        try:
            parts = self._psycopg.conninfo.conninfo_to_dict(self._connection)
        except self._psycopg.Error:
            return "PostgreSQL"
        return f"postgresql://{parts.get('host', '')}/{parts.get('dbname', '')}"

    @contextmanager
    def _open(self, *, kept: bool = False) -> Iterator[psycopg.Connection[Any]]:
        """Open a transaction on a store with the layout of this engine.

        Args:
            kept: whether the connection is one that questions before it used, and stays open for the next.
        """
        with self.transaction(self.idle if kept else None) as connection:
            if not self._known:
                if 0 < tables.version(connection) < tables.VERSION:
                    raise DataError(former_layout(self.where))
                self._known = True
            yield connection

    @contextmanager
    def transaction(self, idle: Idle | None = None) -> Iterator[psycopg.Connection[Any]]:
        """Open a transaction, committed at the end of the block; database errors become findings.

        Args:
            idle: connections of which one is used if there is any, and to which it returns; by default a new one is
                opened and closed.
        """
        try:
            connection = None if idle is None else idle.taken()
            if connection is None:
                connection = self._psycopg.connect(self._connection, connect_timeout=10)
            with ExitStack() as closing:
                closing.callback(connection.close)
                with connection.transaction() if idle is not None else connection:
                    yield connection
                if idle is not None and idle.returned(connection):
                    closing.pop_all()
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
        with self._open(kept=True) as connection:
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
        with self._open(kept=True) as connection:
            if not tables.exists(connection, "runs"):
                return []
            return [row[0] for row in connection.execute("SELECT number FROM kpi.runs ORDER BY number").fetchall()]

    def read(
        self, table: str, *, system: str | None = None, number: int | None = None,
        periods: Collection[str] | None = None, where: Mapping[str, Collection[str]] | None = None,
    ) -> pl.DataFrame:  # fmt: skip
        """Return the rows of a table that were valid after a run, or some of them."""
        sql = self._psycopg.sql
        if number is not None:
            self.run(number)
        with self._open(kept=True) as connection:
            kinds = tables.columns(connection, table)
            if not kinds:
                return pl.DataFrame()
            at = 2**62 if number is None else number
            parts = connection.execute(
                'SELECT id, system, period FROM kpi.parts WHERE "table" = %s AND valid_from <= %s'
                " AND (valid_to IS NULL OR valid_to > %s) AND (%s::text IS NULL OR system = %s)"
                " AND (%s::text[] IS NULL OR period IS NULL OR period = ANY(%s))",
                (table, at, at, system, system, *2 * [None if periods is None else list(periods)]),
            ).fetchall()
            names = [name for name in kinds if name not in tables.of_part(table)]
            shown = {name: (tables.source(table, name), kinds[name]) for name in names}
            conditions = [sql.SQL("part_id = ANY({})").format(sql.Literal([part for part, *_ in parts]))]
            # Findings of all periods are one part, which has their periods in its rows.
            more = dict(where or {}) | ({} if periods is None or "period" not in shown else {"period": periods})
            for name, values in more.items():
                if name in shown:
                    column, texts = sql.Identifier(shown[name][0], name), sql.Literal(list(values))
                    conditions.append(sql.SQL("{} = ANY({}::text[])").format(column, texts))
            # Texts of dimensions are fetched once, not with every row.
            kept = [item for item in dimensions(table) if item.of(shown)]
            numbers = {name: ("f", pl.Int32()) for name in ("part_id", *(item.key for item in kept))}
            own = {name: item for name, item in shown.items() if item[0] == "f"}
            rows = self.rows(connection, tables.joined(table), numbers | own, sql.SQL(" AND ").join(conditions))
            rows = rows.with_columns(pl.col("position").cast(pl.Int64))
            for item in kept:
                texts = self._dimension(connection, item, item.of(shown), rows[item.key])
                rows = rows.join(texts, on=item.key, how="left")
        whose = pl.DataFrame(
            parts, schema={"part_id": pl.Int32, "system": pl.String, "period": pl.String}, orient="row"
        )
        rows = rows.join(whose.select("part_id", *tables.of_part(table)), on="part_id", how="left")
        return ordered(rows.select(*kinds))

    def _dimension(
        self, connection: psycopg.Connection[Any], item: Dimension, names: Sequence[str], numbers: pl.Series
    ) -> pl.DataFrame:
        """Return some columns of the rows of a dimension, under the name of the key in the facts with their numbers."""
        sql = self._psycopg.sql
        shown: dict[str, tuple[str, pl.DataType]] = {"id": (item.name, pl.Int32())}
        shown |= {name: (item.name, pl.String()) for name in names}
        wanted = sql.SQL("id = ANY({}::integer[])").format(sql.Literal(numbers.unique().to_list()))
        return self.rows(connection, sql.Identifier("kpi", item.name), shown, wanted).rename({"id": item.key})

    def rows(
        self,
        connection: psycopg.Connection[Any],
        source: Composable,
        shown: Mapping[str, tuple[str, pl.DataType]],
        condition: Composable,
    ) -> pl.DataFrame:
        """Return rows of a table or view.

        Args:
            connection: a connection in a transaction.
            source: the tables, as SQL.
            shown: the names of the columns, with the table or alias that has them, and their types.
            condition: the condition on the rows, as SQL.
        """
        sql = self._psycopg.sql
        columns = [
            sql.SQL("{}::integer" if kind == pl.Boolean() else "{}").format(sql.Identifier(of, name))
            for name, (of, kind) in shown.items()
        ]
        # An empty text is quoted, a null is not.
        comma = sql.SQL(", ")
        texts = [sql.Identifier(name) for name, (_, kind) in shown.items() if kind == pl.String()]
        quoted = sql.SQL(", FORCE_QUOTE ({})").format(comma.join(texts)) if texts else sql.SQL("")
        query = sql.SQL("COPY (SELECT {} FROM {} WHERE {}) TO STDOUT (FORMAT csv{})")
        data = _copied_out(connection, query.format(comma.join(columns), source, condition, quoted))
        kinds = {name: kind for name, (_, kind) in shown.items()}
        if not data:
            return pl.DataFrame(schema=kinds)
        schema = {name: pl.Int8() if kind == pl.Boolean() else kind for name, kind in kinds.items()}
        return pl.read_csv(data, has_header=False, schema=schema).cast(kinds)  # type: ignore[arg-type]

    # ---- WRITING ---- #

    def publish(self, run: Run, changes: Sequence[Change]) -> None:
        """Write rows into new parts without validity; then, in one transaction, make them valid and add the run."""
        with self._open() as connection:
            # Parts of a killed run, once the server has ended its sessions.
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_COPYING,))
            self.remove_unpublished(connection)
            partitions.drop_unattached(connection)
            new = [item.table for item in changes if tables.fit(connection, item.table, item.rows.schema)]
            connection.commit()
            load = self._copied(connection, run.number, changes)
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
            for partition in load.partitions:
                partitions.attach(connection, partition)
            connection.execute("UPDATE kpi.parts SET valid_to = NULL WHERE id = ANY(%s)", (load.parts,))
            texts = _json(run.manifest), _json(run.state)
            connection.execute(
                "INSERT INTO kpi.runs (number, manifest, state, digest) VALUES (%s, %s, %s, %s)",
                (run.number, *texts, contents.digest(*texts)),
            )
            contents.record(connection, run.number)
            # Too few rows for the server to do this by itself; without, it takes a table of one part for empty.
            connection.execute("ANALYZE kpi.parts")

    def _copied(self, connection: psycopg.Connection[Any], number: int, changes: Sequence[Change]) -> _Load:
        """Copy the rows of changes into new parts, without validity, and return these.

        Several connections copy, while the rows of the next table get their numbers; then they build the indexes of new
        partitions. Each is the work of one processor.
        """
        load, heights = _Load(), Counter[str]()
        for change in changes:
            heights[change.table] += change.rows.height
        most = sum(-(-height // _PIECE) for height in heights.values())
        with ExitStack() as stack, ThreadPoolExecutor(_CONNECTIONS, "copy") as pool:
            opened = [pool.submit(self._copying, stack) for _ in range(min(_CONNECTIONS, most))]
            copies = (
                partial(self.copy, table=name, rows=rows)
                for table, _ in heights.most_common()
                for name, rows in self._pieces(connection, number, load, table, changes)
            )
            _shared(pool, opened, copies)
            largest = sorted(load.partitions, key=lambda partition: heights[partition.table], reverse=True)
            indexes = [index for partition in largest for index in partitions.indexes(partition)]
            _shared(pool, opened, (partial(_executed, statement=index) for index in indexes))
        return load

    def _pieces(
        self, connection: psycopg.Connection[Any], number: int, load: _Load, table: str, changes: Sequence[Change]
    ) -> Iterator[tuple[str, pl.DataFrame]]:
        """Create the parts of a table, and its partitions; yield rows with the name of the table that they are for."""
        own = [change for change in changes if change.table == table]
        is_large = bool(dimensions(table))
        has_partition = is_large and sum(change.rows.height for change in own) >= partitions.MANY
        parts: list[tuple[int, pl.DataFrame]] = []
        for change in own:
            begun = self._begun(connection, number, change, sign=-1 if is_large and not has_partition else 1)
            rows = numbered(connection, table, change.rows.with_columns(_block(change.rows)))
            parts += _parted(rows, begun, table)
        load.parts += [part for part, _ in parts]
        new: list[partitions.Partition] = []
        if has_partition:
            new += partitions.planned(table, {part: rows.height for part, rows in parts})
        for partition in new:
            partitions.create(connection, partition)
        load.partitions += new
        connection.commit()
        for part, rows in parts:
            names = [partition.name for partition in new if partition.first <= part < partition.end]
            for start in range(0, rows.height, _PIECE):
                yield (names or [f"{table}_facts"])[0], rows[start : start + _PIECE]

    def _begun(
        self, connection: psycopg.Connection[Any], number: int, change: Change, *, sign: int
    ) -> dict[str | None, int]:
        """Create the parts of a change, without validity, and return their numbers by period."""
        there: dict[str | None, int] = {None: change.rows.height}
        if "period" in tables.of_part(change.table):
            there = dict(change.rows.group_by("period", maintain_order=True).len().rows())
        begun = connection.execute(
            'INSERT INTO kpi.parts (id, "table", system, period, valid_from, valid_to, rows) OVERRIDING SYSTEM VALUE'
            " SELECT %s * nextval(pg_get_serial_sequence('kpi.parts', 'id')), %s, %s, period, %s, %s,"
            " rows FROM unnest(%s::text[], %s::bigint[]) AS given (period, rows) RETURNING period, id",
            (sign, change.table, change.system, number, number, list(there), list(there.values())),
        ).fetchall()
        return dict(begun)

    def _copying(self, stack: ExitStack) -> psycopg.Connection[Any]:
        """Open a connection for copying, closed with the stack."""
        connection = stack.enter_context(self._open())
        connection.execute("SELECT pg_advisory_lock_shared(%s)", (_COPYING,))
        # Publishing, which waits for the disk, makes all that was written before it durable too.
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET max_parallel_maintenance_workers = 0")
        connection.commit()
        return connection

    def refill(
        self, connection: psycopg.Connection[Any], table: str, history: str, kinds: Mapping[str, pl.DataType]
    ) -> None:
        """Copy the rows of all parts of a table from a former view of its history, in the transaction of a connection.

        Args:
            connection: a connection in a transaction.
            table: the table, which is empty.
            history: the view, in the schema.
            kinds: the columns of the table, with their types.
        """
        sql = self._psycopg.sql
        query = 'SELECT id, system, period, valid_from FROM kpi.parts WHERE "table" = %s ORDER BY id'
        parts = connection.execute(query, (table,)).fetchall()
        own = partitions.Partition(table, parts[0][0], parts[-1][0] + 1) if parts and dimensions(table) else None
        if own is not None:
            partitions.create(connection, own)
        shown = {name: ("h", kind) for name, kind in kinds.items()}
        source = sql.SQL("{} h").format(sql.Identifier("kpi", history))
        for part, system, period, run in parts:
            condition = sql.SQL("h.system = {} AND h.valid_from = {}").format(system, run)
            if "period" in tables.of_part(table):
                condition += sql.SQL(" AND h.period IS NOT DISTINCT FROM {}").format(period)
            rows = self.rows(connection, source, shown, condition).sort("position")
            stored = numbered(connection, table, rows.with_columns(_block(rows)))
            for _, copied in _parted(stored, {None: part}, table):
                self.copy(connection, own.name if own else f"{table}_facts", copied)
        if own is not None:
            for statement in partitions.indexes(own):
                connection.execute(statement)
            partitions.attach(connection, own)
        connection.execute(sql.SQL("ANALYZE {}").format(tables.facts(table)))

    def copy(self, connection: psycopg.Connection[Any], table: str, rows: pl.DataFrame) -> None:
        """Copy rows into a table of the schema."""
        sql = self._psycopg.sql
        # Columns without values are not sent.
        filled = rows.select(column.name for column in rows if column.null_count() < len(column))
        names = sql.SQL(", ").join(map(sql.Identifier, filled.columns))
        query = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(sql.Identifier("kpi", table), names)
        with connection.cursor().copy(query) as stream:
            stream.write(binary.HEAD)
            for piece in binary.rows(filled):
                stream.write(piece)
            stream.write(binary.END)

    # ---- DAMAGE ---- #

    @override
    def check(self, *, thorough: bool = False) -> list[Diagnostic]:
        """Return the damage (K833): rows of unknown runs, results without the table of runs, losses of the last run.

        With `thorough` also views with another definition. The server checks its own pages; changed values are found by
        computing the run again.
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
            findings = contents.losses(connection, head).findings(self.where)
            for name in contents.changed_views(connection, head.number) if thorough else ():
                findings.append(damaged(Message("the view `kpi.{name}` was changed", name=name), place))
            return findings

    @override
    def repair(self) -> Repaired | None:
        """Go back to the last run in kpi.runs whose record is as it was written; None if there is none.

        Lost tables, columns and views, and views with another definition, are created again; parts that lack rows are
        removed.
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
            changed = contents.changed_views(connection, head.number)
            readers = {view: tables.readers(connection, view) for view in changed}
            for view in changed:
                tables.drop_view(connection, view)
            for table, kinds in contents.recorded_columns(connection, head.number).items():
                tables.fit(connection, table, tables.polars_types(kinds))
            for view in changed:
                tables.grant(connection, view, readers[view])
            contents.record_views(connection, head.number)
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
        with self._open() as connection:
            if tables.exists(connection, "parts"):
                partitions.drop_unused(connection)
        return len(expired)

    def remove_unpublished(self, connection: psycopg.Connection[Any]) -> None:
        """Remove the parts of killed runs, with their rows."""
        self._remove(connection, "valid_to = valid_from")

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
            connection.execute(rows, (partitions.to_empty(connection, table, ids),))


def _copied_out(connection: psycopg.Connection[Any], statement: Composable) -> bytes:
    """Return what a `COPY … TO STDOUT` gives.

    Raises:
        psycopg.Error: the server refuses it, or ends the connection.
    """
    # NOTE: by libpq, as the cursor's own loop takes as long for each row as the server, and as much of the processor
    # as all else.
    from psycopg import errors, pq

    server, data = connection.pgconn, BytesIO()
    result = server.exec_(statement.as_bytes(connection))
    if result.status != pq.ExecStatus.COPY_OUT:
        raise errors.error_from_result(result, connection.info.encoding)
    with DefaultSelector() as waiting:
        waiting.register(server.socket, EVENT_READ)
        # Of a row the number of bytes, 0 where none is there yet, a negative number at the end.
        while (size := (got := server.get_copy_data(1))[0]) >= 0:
            if size:
                data.write(got[1])
            else:
                waiting.select()
                server.consume_input()
    failed = None
    while (end := server.get_result()) is not None:
        if end.status != pq.ExecStatus.COMMAND_OK:
            failed = errors.error_from_result(end, connection.info.encoding)
    if failed is not None:
        raise failed
    return data.getvalue()


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


#: Work on a connection.
_Job = Callable[["psycopg.Connection[Any]"], None]


def _executed(connection: psycopg.Connection[Any], statement: Composed) -> None:
    connection.execute(statement)


def _shared(pool: ThreadPoolExecutor, opened: Sequence[Future[psycopg.Connection[Any]]], jobs: Iterable[_Job]) -> None:
    """Share jobs among connections as they come, and commit them."""
    waiting: SimpleQueue[_Job | None] = SimpleQueue()

    def worked(each: Future[psycopg.Connection[Any]]) -> None:
        connection = each.result()
        while (job := waiting.get()) is not None:
            job(connection)
        connection.commit()

    running = [pool.submit(worked, each) for each in opened]
    try:
        for job in jobs:
            waiting.put(job)
            if any(each.done() for each in running):
                break  # one failed
    except BaseException:
        while not waiting.empty():
            waiting.get()
        raise
    finally:
        for _ in running:
            waiting.put(None)
    for each in running:
        each.result()


def _parted(rows: pl.DataFrame, parts: Mapping[str | None, int], table: str) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield the number of each part and its rows, in storage order."""
    for period, part in parts.items():
        of_part = rows if period is None or len(parts) == 1 else rows.filter(pl.col("period") == period)
        if "#block" in of_part.columns:
            of_part = of_part.sort("#block", maintain_order=True).drop("#block")
        yield (
            part,
            of_part.select(
                pl.lit(part, pl.Int32).alias("part_id"),
                pl.col("position").cast(pl.Int32),
                pl.exclude("position", *tables.of_part(table)),
            ),
        )


def _block(rows: pl.DataFrame) -> list[pl.Series]:
    """Return the column `#block`, by which rows are stored: rows of an entity, and of an indicator, are close together.

    A block has a few indicators, with its rows in their order, which is by entity. A page of the server has several
    rows of either, so both kinds of queries read a fraction of the pages. There are none for a few indicators.
    """
    key = next((name for name in _ABOUT if name in rows.columns and "entity" in rows.columns), None)
    if key is None:
        return []
    known = rows[key].unique(maintain_order=True).drop_nulls()
    if len(known) <= _BLOCK:
        return []
    return [(rows[key].cast(pl.Enum(known)).to_physical() // _BLOCK).alias("#block")]
