"""The schema `kpi` of a store in PostgreSQL: plain tables of facts, and the views of valid rows.

`indicators_facts` has the rows of the frame `indicators` in typed columns. The columns that a whole part shares are in
`parts`: table, system, period, and its validity in runs. The view `indicators` shows the current rows,
`indicators_history` all rows with their runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from kpi.batch.store import binary
from kpi.errors import DataError, Diagnostic, Message

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Composable

_FROM_SQL: dict[str, pl.DataType] = {
    "text": pl.String(), "integer": pl.Int32(), "bigint": pl.Int64(), "double precision": pl.Float64(),
    "boolean": pl.Boolean(), "date": pl.Date(),
}  # fmt: skip

#: The version of this layout. Versions 1 and 2 packed rows into lists with texts as numbers.
VERSION = 3

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
        DataError: K817, if it was written by a newer engine, or by one before 0.1.
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


def fit(connection: Connection[Any], table: str, shown: Mapping[str, pl.DataType]) -> bool:
    """Create the table and views of a frame, or add missing columns; nothing is dropped.

    Args:
        connection: a connection in a transaction.
        table: the name of the frame.
        shown: the columns of the frame.

    Returns:
        whether the table is new.
    """
    from psycopg import sql

    known, stored = columns(connection, table), columns(connection, f"{table}_facts")
    missing = {name: kind for name, kind in shown.items() if name not in (*stored, *of_part(table), "position")}
    views = (table, f"{table}_history")
    if known and stored and not missing and all(exists(connection, view) for view in views):
        return False
    if not known:
        # A view that was removed gets the columns of the other one again, in their order.
        history = columns(connection, views[1]).items()
        known = {name: kind for name, kind in history if name not in ("valid_from", "valid_to")}
    # Columns of eight bytes before texts, to avoid padding.
    added = [
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(binary.sql_type(kind)))
        for name, kind in sorted(missing.items(), key=lambda item: item[1] == pl.String())
    ]
    if stored:
        for column in added:
            connection.execute(sql.SQL("ALTER TABLE {} ADD COLUMN {}").format(facts(table), column))
    else:
        keys = [sql.SQL(f"{name} integer NOT NULL") for name in ("part_id", "position")]
        connection.execute(sql.SQL("CREATE TABLE {} ({})").format(facts(table), sql.SQL(", ").join([*keys, *added])))
        for key in looked_up(table, shown) or ((),):
            names = sql.SQL(", ").join(sql.Identifier(name) for name in ("part_id", *key))
            connection.execute(sql.SQL("CREATE INDEX ON {} ({})").format(facts(table), names))
    # A view that was removed shows all columns of its table again.
    of_table = [(name, kind) for name, kind in stored.items() if name not in ("part_id", *known, *shown)]
    _show(connection, table, known | dict(shown) | (dict(of_table) if not known else {}))
    return not stored


def looked_up(table: str, shown: Mapping[str, pl.DataType]) -> tuple[tuple[str, ...], ...]:
    """Return the indexed columns of a frame; findings, with texts of any length, have none."""
    return () if table == "findings" else tuple((name,) for name in _LOOKED_UP if name in shown)


def _show(connection: Connection[Any], table: str, shown: Mapping[str, pl.DataType]) -> None:
    """Create the views of a frame: current rows, and all rows with their validity."""
    from psycopg import sql

    names = [sql.Identifier("p" if name in of_part(table) else "f", name) for name in shown]
    runs = [sql.Identifier("p", name) for name in ("valid_from", "valid_to")]
    source = sql.SQL('{} f JOIN kpi.parts p ON p.id = f.part_id AND p."table" = {}').format(facts(table), table)
    for view, columns_shown, condition in (
        (table, names, "p.valid_to IS NULL"),
        (f"{table}_history", [*runs, *names], "p.valid_to IS DISTINCT FROM p.valid_from"),
    ):
        query = sql.SQL("CREATE OR REPLACE VIEW {} AS SELECT {} FROM {} WHERE {}")
        parts = (sql.Identifier("kpi", view), sql.SQL(", ").join(columns_shown), source, sql.SQL(condition))
        connection.execute(query.format(*parts))
