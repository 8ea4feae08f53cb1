"""Migration of stores with an older layout: `kpi batch CONFIG --migrate`.

A Parquet store becomes a Delta store in the same folder. The new tables are built beside the old ones and moved into
place when they are complete; the old ones are moved to `parquet`. An interrupted migration is restarted, or finished if
its tables were complete.

A PostgreSQL store gets the tables of today in one transaction. Its former views are read once more, part by part, and
dropped with the tables below them; roles that could read the views can read the new ones.

All runs are migrated, with their manifests, states and closed editions; a damaged run of a Parquet store, other than
the last, is skipped and reported.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi.batch.batch_run import store_of
from kpi.batch.config import Config
from kpi.batch.store import contents, tables
from kpi.batch.store.base import TABLES
from kpi.batch.store.dimensions import dimensions
from kpi.batch.store.former import BUILDING, FormerParquet, FormerRun, former_damage
from kpi.batch.store.lock import locked
from kpi.batch.store.whole import write_durably
from kpi.errors import DataError, Diagnostic, Message, Severity
from kpi.process import progress

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Composable

    from kpi.batch.store.postgres import PostgresStore

#: The first version of the layout in PostgreSQL with a row for each row.
_PLAIN = 3

#: The file that marks the new tables as complete, and the folder of the old ones.
_COMPLETE = "complete"


class Migrated(Struct, frozen=True):
    """The result of a migration: the numbers of the runs, those skipped, and the folder of the old files."""

    where: str
    runs: tuple[int, ...] = ()
    findings: tuple[Diagnostic, ...] = ()
    aside: str | None = None
    was_needed: bool = True


def migrated(config: Config, *, wait: float = 0) -> Migrated:
    """Migrate the store of a configuration to the current layout, if it has an older one.

    Args:
        config: the configuration; `kind = "parquet"` is the former store.
        wait: the seconds to wait for another batch.

    Raises:
        DataError: K810 if a batch is running, K853 if the last run is damaged; errors of the disk or database.
    """
    if config.store.kind == "postgresql":
        from kpi.batch.store.postgres import PostgresStore

        store = store_of(config)
        assert isinstance(store, PostgresStore)  # noqa: S101
        return _unpacked(store, wait)
    folder = config.path(config.store.path or "")
    if not (FormerParquet(folder).exists() or (folder / BUILDING).is_dir()):
        return Migrated(str(folder), was_needed=False)
    with locked(folder / ".lock", wait):
        if not (folder / BUILDING / _COMPLETE).is_file():
            try:
                _build(folder)
            except BaseException:
                shutil.rmtree(folder / BUILDING, ignore_errors=True)
                raise
        return _put_in_place(folder)


# ---- PARQUET ---- #


def _build(folder: Path) -> None:
    """Build the Delta store of a Parquet store in the folder `.migrating`."""
    from kpi.batch.store.delta import DeltaStore

    work = folder / BUILDING
    shutil.rmtree(work, ignore_errors=True)
    former, left_out = FormerParquet(folder), []
    numbers, copied = former.numbers(), []
    if numbers:
        former.run(numbers[-1])  # raises if the last run is damaged, before anything is built
    last: FormerRun | None = None
    store = DeltaStore(work)
    with progress.stage(Message("bringing runs over")), store.lock(0):
        for number in numbers:
            try:
                run = former.run(number)
            except DataError as error:
                left_out.append([number, str(error.diagnostics[0].message), str(error.diagnostics[0].place.file)])
                continue
            store.publish(run.run, list(former.changes(last, run)))
            copied.append(number)
            last = run
    for table in TABLES:
        if last is not None and not _same(former.read(last, table), store.read(table)):
            raise DataError(
                former_damage(Message("`{table}` would not be the same, to the bit", table=table), folder / table)
            )
    names = ("parquet", *(f"parquet-{number}" for number in range(2, 1000)))
    aside = next(name for name in names if not (folder / name).exists())
    tree = {"runs": copied, "left_out": left_out, "aside": aside}
    write_durably(work / _COMPLETE, json.dumps(tree, ensure_ascii=False).encode())


def _same(old: pl.DataFrame, new: pl.DataFrame) -> bool:
    """Return whether two tables are equal to the bit; the new one may have further columns without values."""
    if not old.height:
        return not new.height
    more = [name for name in new.columns if name not in old.columns and new[name].count()]
    bits = pl.selectors.float().reinterpret(signed=False)
    return not more and old.with_columns(bits).equals(new.select(old.columns).with_columns(bits))


def _put_in_place(folder: Path) -> Migrated:
    """Move the old files aside and the new ones into place; completed steps are skipped."""
    work = folder / BUILDING
    tree: dict[str, Any] = json.loads((work / _COMPLETE).read_text("utf-8"))
    aside = folder / tree["aside"]
    aside.mkdir(exist_ok=True)
    # HEAD last: it, or the build folder, identifies the store as not yet migrated.
    for name in (*TABLES, "runs", "HEAD"):
        place = folder / name
        if place.exists() and not (place / "_delta_log").is_dir():
            place.replace(aside / name)
        if (work / name).exists():
            (work / name).replace(place)
    shutil.rmtree(work)
    findings = [
        replace(
            former_damage(Message("{reason}", reason=reason), Path(file)),
            severity=Severity.WARNING,
            hint=Message("run {number} was left out", number=number),
        )
        for number, reason, file in tree["left_out"]
    ]
    return Migrated(str(folder), tuple(tree["runs"]), tuple(findings), str(aside))


# ---- POSTGRESQL ---- #


def _unpacked(store: PostgresStore, wait: float) -> Migrated:
    """Convert a store with another layout, in one transaction."""
    with store.advisory_lock(wait), store.transaction() as connection:
        version = tables.version(connection)
        if version in {0, tables.VERSION}:
            return Migrated(store.where, was_needed=False)
        if not tables.exists(connection, "runs"):
            raise DataError(former_damage(Message("the table kpi.runs is gone"), Path(store.where)))
        was_packed = version < _PLAIN
        with progress.stage(Message("bringing tables over")):
            store.remove_unpublished(connection)
            for table in TABLES:
                if tables.columns(connection, table) and (was_packed or dimensions(table)):
                    _renew(store, connection, table)
            if was_packed:
                connection.execute("DROP TABLE kpi.texts")
            tables.mark(connection)
            contents.widen(connection)
            last = connection.execute("SELECT max(number) FROM kpi.runs").fetchone()
            if last and last[0] is not None:
                contents.record(connection, last[0])
        numbers = connection.execute("SELECT number FROM kpi.runs ORDER BY number").fetchall()
        return Migrated(store.where, tuple(number for (number,) in numbers))


def _renew(store: PostgresStore, connection: Connection[Any], table: str) -> None:
    """Fill the tables of a frame from its former views, and drop those and their tables."""
    from psycopg import sql

    def name(of: str) -> Composable:
        return sql.Identifier("kpi", of)

    former = [kind for kind in ("rows", "grid", "axis", "facts") if tables.exists(connection, f"{table}_{kind}")]
    views = (table, f"{table}_history")
    readers = {view: tables.readers(connection, view) for view in views}
    for view in views:
        rename = sql.SQL("ALTER VIEW {} RENAME TO {}")
        connection.execute(rename.format(name(view), sql.Identifier(f"{view}_former")))
    for kind in former:
        rename = sql.SQL("ALTER TABLE {} RENAME TO {}")
        connection.execute(rename.format(name(f"{table}_{kind}"), sql.Identifier(f"{table}_{kind}_former")))
    kinds = tables.columns(connection, f"{table}_former")
    tables.fit(connection, table, kinds)
    store.refill(connection, table, f"{table}_history_former", kinds)
    count = "SELECT (SELECT count(*) FROM {}), (SELECT count(*) FROM {})"
    heights = connection.execute(sql.SQL(count).format(name(views[1]), name(f"{views[1]}_former"))).fetchone()
    if heights is None or heights[0] != heights[1]:
        message = Message("`{table}` would not be the same, to the bit", table=table)
        raise DataError(former_damage(message, Path(store.where)))
    for view in views:
        connection.execute(sql.SQL("DROP VIEW {}").format(name(f"{view}_former")))
        tables.grant(connection, view, readers[view])
    for kind in former:
        connection.execute(sql.SQL("DROP TABLE {}").format(name(f"{table}_{kind}_former")))
