"""The schema `kpi` of a store in PostgreSQL: tables of facts, and the views of valid rows.

`indicators_facts` has the rows of the frame `indicators` in typed columns. The columns that a whole part shares are in
`parts`: table, system, period, and its validity in runs; texts that many rows of a large table share are in
`dimensions`. The view `indicators` shows the current rows as they were written, `indicators_history` all rows with
their runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from kpi.batch.store import binary, partitions
from kpi.batch.store.dimensions import Dimension, dimensions
from kpi.errors import DataError, Diagnostic, Message

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Composable

_FROM_SQL: dict[str, pl.DataType] = {
    "text": pl.String(), "integer": pl.Int32(), "bigint": pl.Int64(), "double precision": pl.Float64(),
    "boolean": pl.Boolean(), "date": pl.Date(),
}  # fmt: skip

#: The version of this layout. Versions 1 and 2 packed rows into lists with texts as numbers, version 3 had all texts in
#: every row.
VERSION = 4
#: The first version with a table of parts that every later one has.
_PLAIN = 3

#: The indexed columns; the second of a table is the subject of its rows.
_LOOKED_UP = ("entity", "indicator", "pillar", "measure", "department")

_SCHEMA = """
    CREATE SCHEMA IF NOT EXISTS kpi;
    CREATE TABLE IF NOT EXISTS kpi.schema_version (version bigint NOT NULL);
    CREATE TABLE kpi.runs (
      number bigint PRIMARY KEY, finished timestamptz NOT NULL DEFAULT now(),
      manifest json NOT NULL, state json NOT NULL
    );
    CREATE TABLE kpi.parts (
      id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "table" text NOT NULL, system text NOT NULL, period text,
      valid_from bigint NOT NULL, valid_to bigint
    );
    CREATE INDEX ON kpi.parts ("table", system, period) WHERE valid_to IS NULL
"""


def version(connection: Connection[Any]) -> int:
    """Return the version of the layout, 0 without a store.

    Raises:
        DataError: K817, if it was written by a newer engine, or by one before 0.1; K838, if its table of parts is gone.
    """
    if not exists(connection, "schema_version"):
        return 0
    row = connection.execute("SELECT max(version) FROM kpi.schema_version").fetchone()
    done = (row[0] if row else None) or 0
    if done > VERSION:
        hint = Message("install the engine that wrote it, or a newer one")
        raise DataError(
            Diagnostic("K817", Message("the store was written by a newer engine (schema {done})", done=done), hint=hint)
        )
    if done >= _PLAIN and not exists(connection, "parts"):
        hint = Message(
            "put the schema back from a backup; or DROP SCHEMA kpi CASCADE, and do what the next night says to begin "
            "anew: everything is computed from the inputs, and the tables of closed editions are in the archive"
        )
        message = Message("the table kpi.parts, which says what the rows of the store are, is gone")
        raise DataError(Diagnostic("K838", message, hint=hint))
    if done and not exists(connection, "parts"):
        hint = Message("DROP SCHEMA kpi CASCADE, and let the next night score everything")
        raise DataError(
            Diagnostic("K817", Message("the store was written before version 0.1 of the engine"), hint=hint)
        )
    return int(done)


def prepare(connection: Connection[Any]) -> None:
    """Create the schema if it does not exist."""
    if not version(connection):
        connection.execute(_SCHEMA.encode())
        mark(connection)


def mark(connection: Connection[Any]) -> None:
    """Record the layout of this engine."""
    connection.execute("INSERT INTO kpi.schema_version VALUES (%s)", (VERSION,))


def exists(connection: Connection[Any], name: str) -> bool:
    """Return whether a table exists."""
    return connection.execute("SELECT to_regclass(%s) IS NOT NULL", (f"kpi.{name}",)).fetchone() == (True,)


def of_part(table: str) -> tuple[str, ...]:
    """Return the columns that a part shares; findings have one part for all periods."""
    return ("system",) if table == "findings" else ("system", "period")


def columns(connection: Connection[Any], name: str) -> dict[str, pl.DataType]:
    """Return the columns of a table or view with their types; none if it does not exist."""
    return polars_types(sql_columns(connection, name))


def sql_columns(connection: Connection[Any], name: str) -> dict[str, str]:
    """Return the columns of a table or view with their SQL types; none if it does not exist."""
    query = (
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped"
        " AND attrelid = to_regclass(format('kpi.%%I', %s::text)) ORDER BY attnum"
    )
    return dict(connection.execute(query, (name,)).fetchall())


def polars_types(kinds: Mapping[str, str]) -> dict[str, pl.DataType]:
    """Return the types of columns by their SQL types."""
    return {name: _FROM_SQL[kind] for name, kind in kinds.items()}


def facts(table: str) -> Composable:
    """Return the name of the table with the rows of a frame."""
    from psycopg import sql

    return sql.Identifier("kpi", f"{table}_facts")


def joined(table: str) -> Composable:
    """Return the facts of a table, as `f`, joined with their dimensions."""
    from psycopg import sql

    parts = [sql.SQL("{} f").format(facts(table))]
    for item in dimensions(table):
        # An outer join, which the server leaves out of queries for none of the columns.
        join = sql.SQL("LEFT JOIN {} ON {} = {}")
        keys = sql.Identifier(item.name, "id"), sql.Identifier("f", item.key)
        parts.append(join.format(sql.Identifier("kpi", item.name), *keys))
    return sql.SQL(" ").join(parts)


def source(table: str, name: str) -> str:
    """Return what a column of a frame belongs to in `joined`: a dimension, or `f`."""
    return next((item.name for item in dimensions(table) if name in item.columns), "f")


def stored_columns(connection: Connection[Any], table: str) -> dict[str, pl.DataType]:
    """Return the columns of a frame that the facts and their dimensions have, with their types."""
    keys = {item.key for item in dimensions(table)}
    stored = {name: kind for name, kind in columns(connection, f"{table}_facts").items() if name not in keys}
    for item in dimensions(table):
        stored |= {name: pl.String() for name in item.of(columns(connection, item.name))}
    return stored


def fit(connection: Connection[Any], table: str, shown: Mapping[str, pl.DataType]) -> bool:
    """Create the tables and views of a frame, or add missing columns; nothing is dropped.

    Args:
        connection: a connection in a transaction.
        table: the name of the frame.
        shown: the columns of the frame.

    Returns:
        whether the table is new.
    """
    known, stored = columns(connection, table), stored_columns(connection, table)
    missing = {name: kind for name, kind in shown.items() if name not in (*stored, *of_part(table), "position")}
    views, is_new = (table, f"{table}_history"), not exists(connection, f"{table}_facts")
    all_there = all(exists(connection, name) for name in (*views, *(item.name for item in dimensions(table))))
    if known and stored and not missing and not is_new and all_there and shown.keys() <= known.keys():
        return False
    if not known:
        # A view that was removed gets the columns of the other one again, in their order.
        history = columns(connection, views[1]).items()
        known = {name: kind for name, kind in history if name not in ("valid_from", "valid_to")}
    for item in dimensions(table):
        _fit_dimension(connection, item)
    own = {name: kind for name, kind in missing.items() if source(table, name) == "f"}
    # Columns of eight bytes before texts, to avoid padding.
    added: list[Composable] = [
        _column(name, kind) for name, kind in sorted(own.items(), key=lambda pair: pair[1] == pl.String())
    ]
    if is_new:
        _create(connection, table, added, shown)
    else:
        _add(connection, facts(table), added)
    # A view that was removed shows all columns of its table again.
    hidden = ("part_id", "cohort") if dimensions(table) else ("part_id",)
    of_table = [(name, kind) for name, kind in stored.items() if name not in (*hidden, *known, *shown)]
    show(connection, table, known | dict(shown) | (dict(of_table) if not known else {}))
    return is_new


def _create(connection: Connection[Any], table: str, added: list[Composable], shown: Mapping[str, Any]) -> None:
    """Create the table of the facts of a frame with its indexes, or its first partition."""
    from psycopg import sql

    numbers = ("part_id", "position", *(item.key for item in dimensions(table)))
    keys = [sql.SQL("{} integer NOT NULL").format(sql.Identifier(name)) for name in numbers]
    is_large = bool(dimensions(table))
    by_part = sql.SQL(" PARTITION BY RANGE (part_id)" if is_large else "")
    query = sql.SQL("CREATE TABLE {} ({}){}")
    connection.execute(query.format(facts(table), sql.SQL(", ").join([*keys, *added]), by_part))
    if is_large:
        partitions.create_common(connection, table)
        return
    for key in looked_up(table, shown) or ((),):
        names = sql.SQL(", ").join(sql.Identifier(name) for name in ("part_id", *key))
        connection.execute(sql.SQL("CREATE INDEX ON {} ({})").format(facts(table), names))


def _fit_dimension(connection: Connection[Any], item: Dimension) -> None:
    """Create a dimension with all its columns, or add those that are gone."""
    from psycopg import sql

    name, there = sql.Identifier("kpi", item.name), columns(connection, item.name)
    if not there:
        query = sql.SQL("CREATE TABLE {} (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY)")
        connection.execute(query.format(name))
    added = [column for column in item.columns if column not in there]
    _add(connection, name, [_column(column, pl.String()) for column in added])
    if item.looked_up in added:
        connection.execute(sql.SQL("CREATE INDEX ON {} ({})").format(name, sql.Identifier(item.looked_up)))


def _add(connection: Connection[Any], table: Composable, added: list[Composable]) -> None:
    """Add columns to a table."""
    from psycopg import sql

    for column in added:
        connection.execute(sql.SQL("ALTER TABLE {} ADD COLUMN {}").format(table, column))


def _column(name: str, kind: pl.DataType) -> Composable:
    """Return the definition of a column."""
    from psycopg import sql

    return sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(binary.sql_type(kind)))


def looked_up(table: str, shown: Mapping[str, pl.DataType]) -> tuple[tuple[str, ...], ...]:
    """Return the indexed columns of a frame; findings, with texts of any length, have none."""
    return () if table == "findings" else tuple((name,) for name in _LOOKED_UP if name in shown)


def show(connection: Connection[Any], table: str, shown: Mapping[str, pl.DataType]) -> None:
    """Create the views of a frame: current rows, and all rows with their validity."""
    from psycopg import sql

    names = [sql.Identifier("p" if name in of_part(table) else source(table, name), name) for name in shown]
    runs = [sql.Identifier("p", name) for name in ("valid_from", "valid_to")]
    rows = sql.SQL('{} JOIN kpi.parts p ON p.id = f.part_id AND p."table" = {}').format(joined(table), table)
    for view, columns_shown, condition in (
        (table, names, "p.valid_to IS NULL"),
        (f"{table}_history", [*runs, *names], "p.valid_to IS DISTINCT FROM p.valid_from"),
    ):
        query = sql.SQL("CREATE OR REPLACE VIEW {} AS SELECT {} FROM {} WHERE {}")
        parts = (sql.Identifier("kpi", view), sql.SQL(", ").join(columns_shown), rows, sql.SQL(condition))
        connection.execute(query.format(*parts))


def readers(connection: Connection[Any], view: str) -> list[str | None]:
    """Return the roles other than the owner that may read a view; None is everybody."""
    query = (
        "SELECT r.rolname FROM pg_class c, aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee"
        " WHERE c.oid = to_regclass(%s) AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner"
    )
    return [role for (role,) in connection.execute(query, (f"kpi.{view}",)).fetchall()]


def grant(connection: Connection[Any], view: str, roles: Iterable[str | None]) -> None:
    """Let roles read a view; None is everybody."""
    from psycopg import sql

    for role in roles:
        reader = sql.SQL("PUBLIC") if role is None else sql.Identifier(role)
        connection.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(sql.Identifier("kpi", view), reader))


def drop_view(connection: Connection[Any], view: str) -> None:
    """Drop a view."""
    from psycopg import sql

    connection.execute(sql.SQL("DROP VIEW {}").format(sql.Identifier("kpi", view)))
