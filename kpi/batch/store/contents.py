"""What a store in PostgreSQL holds, against the record of its last run.

`kpi.runs.contents` has, for the last run, the number of valid parts and of their rows by table and system, the columns
of the tables, the definitions of the views and the number of rows of each dimension; `kpi.parts.rows` the number of
rows of a part; `kpi.runs.digest` a digest of the rest of the record. All are null where an earlier engine wrote them,
and are then not compared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from kpi.batch.store import tables
from kpi.batch.store.base import TABLES, Run
from kpi.batch.store.damage import damaged
from kpi.batch.store.dimensions import dimensions, every
from kpi.errors import DataError, Diagnostic, Message, Place, count

if TYPE_CHECKING:
    from psycopg import Connection

#: The columns that layout 3 has gained, by table.
_GAINED = {"parts": {"rows": "bigint"}, "runs": {"contents": "json", "digest": "text"}}


class Losses(Struct):
    """What is lost: views or columns of tables, parts with other rows than were written, and whole systems."""

    tables: set[str] = field(default_factory=set)
    parts: set[int] = field(default_factory=set)
    systems: set[str] = field(default_factory=set)
    messages: list[Message] = field(default_factory=list)

    def findings(self, where: str) -> list[Diagnostic]:
        """Return a finding K833 for each loss."""
        return [damaged(message, Place(where)) for message in self.messages]


def is_recorded(connection: Connection[Any]) -> bool:
    """Return whether the store has the columns of this record."""
    return all(set(more) <= _names(connection, table) for table, more in _GAINED.items())


def widen(connection: Connection[Any]) -> None:
    """Add the columns of this record to a store that does not have them yet."""
    if tables.exists(connection, "runs") and tables.exists(connection, "parts") and not is_recorded(connection):
        for table, more in _GAINED.items():
            for name, kind in more.items():
                connection.execute(f"ALTER TABLE kpi.{table} ADD COLUMN IF NOT EXISTS {name} {kind}".encode())


def digest(manifest: str, state: str) -> str:
    """Return a digest of the record of a run."""
    return hashlib.sha256(f"{manifest}\n{state}".encode()).hexdigest()


def record(connection: Connection[Any], number: int) -> None:
    """Record what the store holds now as the content of a run."""
    parts: dict[str, dict[str, list[int | None]]] = {}
    query = (
        'SELECT "table", system, count(*), CASE WHEN bool_and(rows IS NOT NULL) THEN sum(rows)::bigint END'
        " FROM kpi.parts WHERE valid_to IS NULL GROUP BY 1, 2 ORDER BY 1, 2"
    )
    for table, system, number_of_parts, rows in connection.execute(query).fetchall():
        parts.setdefault(table, {})[system] = [number_of_parts, rows]
    columns = {table: tables.sql_columns(connection, table) for table in TABLES}
    tree = {
        "parts": parts,
        "columns": {table: kinds for table, kinds in columns.items() if kinds},
        "dimensions": _dimension_heights(connection),
        "views": _views(connection),
    }
    text = json.dumps(tree, ensure_ascii=False)
    connection.execute("UPDATE kpi.runs SET contents = %s WHERE number = %s", (text, number))


def sound(run: Run, digest_of_run: str | None, where: str) -> Run:
    """Return a run; raise DataError K833 if its record is not what was written."""
    state, text = (
        run.state,
        [json.dumps(tree, ensure_ascii=False, sort_keys=True) for tree in (run.manifest, run.state)],
    )
    whole = isinstance(run.manifest, dict) and isinstance(state, dict)
    whole = whole and all(isinstance(state.get(key), dict) for key in ("systems", "editions"))
    whole = whole and all(
        isinstance(entry, dict) and {"inputs", "engine", "pending", "periods"} <= set(entry)
        for entry in state["systems"].values()
    )
    if digest(*text) != digest_of_run if digest_of_run is not None else not whole:
        message = Message("the record of run {number} was changed", number=run.number)
        raise DataError(damaged(message, Place(where)))
    return run


def recorded_columns(connection: Connection[Any], number: int) -> Mapping[str, Mapping[str, str]]:
    """Return the columns of each table in the record of a run, with their SQL types."""
    columns: Mapping[str, Mapping[str, str]] = _recorded(connection, number).get("columns", {})
    return columns


def _recorded(connection: Connection[Any], number: int) -> Mapping[str, Any]:
    row = None
    if is_recorded(connection):
        row = connection.execute("SELECT contents FROM kpi.runs WHERE number = %s", (number,)).fetchone()
    contents: Mapping[str, Any] = (row and row[0]) or {}
    return contents


def _dimension_heights(connection: Connection[Any]) -> dict[str, int]:
    """Return the number of rows of each dimension that exists."""
    heights = {}
    for item in every():
        if tables.exists(connection, item.name):
            row = connection.execute(f"SELECT count(*) FROM kpi.{item.name}".encode()).fetchone()  # noqa: S608  # known
            heights[item.name] = row[0] if row else 0
    return heights


def _views(connection: Connection[Any]) -> dict[str, str]:
    """Return a digest of the definition of each view, and the version of the server, which words it, as `server`."""
    query = (
        "SELECT relname, pg_get_viewdef(oid) FROM pg_class WHERE relnamespace = to_regnamespace('kpi')"
        " AND relkind = 'v' AND relname = ANY(%s) ORDER BY 1"
    )
    names = [f"{table}{end}" for table in TABLES for end in ("", "_history")]
    definitions = connection.execute(query, (names,)).fetchall()
    server = {"server": str(connection.info.server_version // 10_000)}
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in definitions} | server


def record_views(connection: Connection[Any], number: int) -> None:
    """Record the views as those of a run, unless an earlier engine wrote its record."""
    contents = _recorded(connection, number)
    if contents:
        text = json.dumps({**contents, "views": _views(connection)}, ensure_ascii=False)
        connection.execute("UPDATE kpi.runs SET contents = %s WHERE number = %s", (text, number))


def changed_views(connection: Connection[Any], number: int) -> list[str]:
    """Return the views with another definition than that which a run recorded; none after an upgrade of the server."""
    recorded, there = _recorded(connection, number).get("views", {}), _views(connection)
    if recorded.get("server") != there["server"]:
        return []
    return [name for name in recorded if name in there and there[name] != recorded[name]]


def losses(connection: Connection[Any], run: Run) -> Losses:
    """Return what the store lacks of its last run."""
    lost, contents = Losses(), _recorded(connection, run.number)
    _dimensions(connection, contents.get("dimensions", {}), lost)
    _columns(connection, contents.get("columns", {}), lost)
    _systems(connection, run, contents.get("parts"), lost)
    for table in TABLES:
        _parts(connection, table, lost)
    return lost


def _dimensions(connection: Connection[Any], recorded: Mapping[str, int], lost: Losses) -> None:
    """Find dimensions that lack rows, and the parts of any run with rows that refer to these."""
    there = _dimension_heights(connection)
    short = {name: rows for name, rows in recorded.items() if there.get(name, 0) < rows}
    for name, rows in sorted(short.items()):
        message = Message(
            "`kpi.{name}` has {there} of {rows}", name=name, there=there.get(name, 0), rows=count(rows, "row")
        )
        lost.messages.append(message)
    for table in TABLES:
        for item in dimensions(table):
            if item.name not in short or not tables.exists(connection, f"{table}_facts"):
                continue
            known = f" AND f.{item.key} NOT IN (SELECT id FROM kpi.{item.name})" if item.name in there else ""  # noqa: S608
            query = (
                f"SELECT DISTINCT p.id, p.system FROM kpi.parts p JOIN kpi.{table}_facts f ON f.part_id = p.id"  # noqa: S608
                f' WHERE p."table" = %s{known}'
            )
            for part, system in connection.execute(query.encode(), (table,)).fetchall():
                lost.parts.add(part)
                lost.systems.add(system)


def _columns(connection: Connection[Any], recorded: Mapping[str, Mapping[str, str]], lost: Losses) -> None:
    """Find tables, views and columns that are gone."""
    query = 'SELECT DISTINCT "table" FROM kpi.parts WHERE valid_to IS NULL'
    used = {*recorded, *(table for (table,) in connection.execute(query).fetchall())} & set(TABLES)
    for table in sorted(used):
        names = (f"{table}_facts", table, f"{table}_history")
        gone = [name for name in names if not tables.exists(connection, name)]
        lost.messages += [Message("`kpi.{name}` is gone", name=name) for name in gone]
        there = _names(connection, f"{table}_facts").union(
            *(_names(connection, item.name) for item in dimensions(table))
        )
        wanted = [name for name in recorded.get(table, {}) if name not in tables.of_part(table)]
        missing = [] if names[0] in gone else [name for name in wanted if name not in there]
        shown = (
            [] if table in gone else [name for name in recorded.get(table, {}) if name not in _names(connection, table)]
        )
        for name in missing or shown:
            lost.messages.append(Message("`kpi.{table}` has lost the column `{name}`", table=table, name=name))
        if gone or missing or shown:
            lost.tables.add(table)
        if missing:
            of_table = 'SELECT id, system FROM kpi.parts WHERE valid_to IS NULL AND "table" = %s'
            for part, system in connection.execute(of_table, (table,)).fetchall():
                lost.parts.add(part)
                lost.systems.add(system)


def _systems(
    connection: Connection[Any],
    run: Run,
    recorded: Mapping[str, Mapping[str, tuple[int, int | None]]] | None,
    lost: Losses,
) -> None:
    """Find parts that are gone, or not valid any more."""
    query = 'SELECT "table", system, count(*) FROM kpi.parts WHERE valid_to IS NULL GROUP BY 1, 2'
    there = {(table, system): parts for table, system, parts in connection.execute(query).fetchall()}
    if recorded is None:
        # Without a record: a system with scored periods has totals.
        scored = [system for system, entry in run.state["systems"].items() if entry["periods"]]
        wanted = {("totals", system): 1 for system in scored if not there.get(("totals", system))}
    else:
        wanted = {(table, system): parts for table, of in recorded.items() for system, (parts, _) in of.items()}
    for (table, system), parts in sorted(wanted.items()):
        if there.get((table, system), 0) != parts:
            message = Message(
                "{system}: `kpi.{table}` has {there} of {parts}",
                system=system, table=table, there=there.get((table, system), 0), parts=count(parts, "part"),
            )  # fmt: skip
            lost.messages.append(message)
            lost.systems.add(system)


def _parts(connection: Connection[Any], table: str, lost: Losses) -> None:
    """Find parts with other rows than were written."""
    if "rows" not in _names(connection, "parts"):
        return
    counted = "SELECT 0 AS part_id, 0 AS there WHERE false"
    if "part_id" in _names(connection, f"{table}_facts"):
        counted = (
            f"SELECT part_id, count(*) AS there FROM kpi.{table}_facts WHERE part_id IN"  # noqa: S608  # a known name
            f" (SELECT id FROM kpi.parts WHERE valid_to IS NULL AND \"table\" = '{table}') GROUP BY 1"
        )
    query = (
        f"SELECT id, system, rows, coalesce(there, 0) FROM kpi.parts LEFT JOIN ({counted}) c ON part_id = id"  # noqa: S608
        ' WHERE valid_to IS NULL AND "table" = %s AND rows <> coalesce(there, 0)'
    )
    short: dict[str, list[int]] = {}
    for part, system, rows, there in connection.execute(query.encode(), (table,)).fetchall():
        lost.parts.add(part)
        lost.systems.add(system)
        sums = short.setdefault(system, [0, 0])
        sums[0], sums[1] = sums[0] + there, sums[1] + rows
    for system, (there, rows) in sorted(short.items()):
        message = Message(
            "{system}: parts of `kpi.{table}` have {there} of {rows}",
            system=system, table=table, there=there, rows=count(rows, "row"),
        )  # fmt: skip
        lost.messages.append(message)


def _names(connection: Connection[Any], name: str) -> set[str]:
    """Return the names of the columns of a table or view; none if it does not exist."""
    query = (
        "SELECT attname FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped"
        " AND attrelid = to_regclass(format('kpi.%%I', %s::text))"
    )
    return {column for (column,) in connection.execute(query, (name,)).fetchall()}
