"""The schema `kpi` of a store in PostgreSQL: for each result frame the tables it is kept in, and the views of them.

Rows are in `totals_rows`; those that are a grid are taken apart, a row of lists for each value of the key in
`totals_grid`, and what is the same for all of them in `totals_axis`. All have numbers for texts. The views `totals` and
`totals_history` put together what was taken apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from kpi.batch.store import binary
from kpi.errors import DataError, Diagnostic, Message

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Composable

_FROM_SQL: dict[str, pl.DataType] = {
    "text": pl.String(), "bigint": pl.Int64(), "double precision": pl.Float64(), "boolean": pl.Boolean(),
    "date": pl.Date(),
}  # fmt: skip

#: What each version of the schema adds; a store of an older version gets what it lacks when a batch opens it.
MIGRATIONS = (
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
    # From here on there are grids, which an engine of the version before would not see.
    "COMMENT ON SCHEMA kpi IS 'Query the views: the tables have numbers for texts, and lists for many rows'",
)


def migrate(connection: Connection[Any]) -> None:
    """Makes the schema, or adds what its version lacks.

    Raises:
        DataError: K817, when a newer engine wrote it, or one so old that nobody has it.
    """
    connection.execute("CREATE SCHEMA IF NOT EXISTS kpi")
    connection.execute("CREATE TABLE IF NOT EXISTS kpi.schema_version (version bigint NOT NULL)")
    row = connection.execute("SELECT max(version) FROM kpi.schema_version").fetchone()
    done = (row[0] if row else None) or 0
    if done > len(MIGRATIONS):
        hint = Message("install the engine that wrote it, or a newer one")
        raise DataError(
            Diagnostic("K817", Message("the store was written by a newer engine (schema {done})", done=done), hint=hint)
        )
    if done and connection.execute("SELECT to_regclass('kpi.parts') IS NULL").fetchone() == (True,):
        hint = Message("DROP SCHEMA kpi CASCADE, and let the next night score everything")
        raise DataError(
            Diagnostic("K817", Message("the store was written before version 0.1 of the engine"), hint=hint)
        )
    for version, statement in enumerate(MIGRATIONS[done:], done + 1):
        connection.execute(statement.encode())
        connection.execute("INSERT INTO kpi.schema_version VALUES (%s)", (version,))


def of_part(table: str) -> tuple[str, ...]:
    """Returns the columns that a whole part has in common; findings have parts of all periods, and of none."""
    return ("system",) if table == "findings" else ("system", "period")


def columns(connection: Connection[Any], name: str) -> dict[str, str]:
    """Returns the columns of a table or view with their types; none while there is none."""
    query = (
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = to_regclass(format('kpi.%%I', %s::text)) AND attnum > 0 ORDER BY attnum"
    )
    return dict(connection.execute(query, (name,)).fetchall())


def kinds(connection: Connection[Any], table: str) -> dict[str, pl.DataType]:
    """Returns the columns of a frame, as its views show them; none while there are none."""
    return {name: _FROM_SQL[kind] for name, kind in columns(connection, table).items()}


def key(connection: Connection[Any], table: str) -> str | None:
    """Returns the key of the grids of a frame, None while there are none."""
    return next((name for name, kind in columns(connection, f"{table}_grid").items() if kind == "integer"), None)


@dataclass(frozen=True)
class Source:
    """Where rows of a frame are: an expression for each column, texts as numbers, the tables, the key of grids."""

    values: Mapping[str, Composable]
    tables: Composable
    key: str | None = None


def sources(connection: Connection[Any], table: str, shown: Mapping[str, pl.DataType]) -> Iterator[Source]:
    """Yields where the rows of a frame with some columns are: single rows, and grids."""
    from psycopg import sql

    rows, grid, axis = (columns(connection, f"{table}_{one}") for one in ("rows", "grid", "axis"))
    names = [name for name in shown if name not in of_part(table)]
    # What a column is where it was never written.
    values: dict[str, Composable] = {
        name: sql.SQL("NULL::{}").format(sql.SQL(binary.sql_type(shown[name]))) for name in names
    }
    if rows:
        there = {name: sql.Identifier("r", name) for name in names if name in rows}
        yield Source(values | there, sql.SQL("{} r").format(sql.Identifier("kpi", f"{table}_rows")))
    known = key(connection, table)
    if known is not None:
        lists = {
            name: [sql.Identifier(one, name) for one, there in (("r", grid), ("a", axis)) if name in there]
            for name in names
            if name not in ("position", known)
        }
        # A part has a column in one of the two. The lists of a row are as long as one another, or null.
        given: dict[str, Composable] = {
            name: sql.SQL("unnest(coalesce({}))").format(sql.SQL(", ").join(some))
            for name, some in lists.items()
            if some
        }
        given["position"] = sql.SQL("generate_series(r.position, r.position + a.height - 1)")
        given[known] = sql.Identifier("r", known)
        both = sql.SQL("{} r JOIN {} a ON a.part_id = r.part_id")
        places = (sql.Identifier("kpi", f"{table}_{one}") for one in ("grid", "axis"))
        yield Source(values | given, both.format(*places), known)


def fit(
    connection: Connection[Any], table: str, shown: Mapping[str, pl.DataType], stored: Mapping[str, Mapping[str, str]]
) -> None:
    """Makes the tables and views of a frame, or adds the columns that they lack; nothing is ever dropped.

    Args:
        connection: in a transaction.
        table: name of the frame.
        shown: the columns of the frame.
        stored: the columns with their types that its tables must have.
    """
    known = kinds(connection, table)
    new = [_extended(connection, f"{table}_{one}", types) for one, types in stored.items()]
    if any(new):
        _show(connection, table, known | dict(shown))


def _extended(connection: Connection[Any], name: str, types: Mapping[str, str]) -> bool:
    """Makes a table or adds the columns that it lacks, and returns whether it had to."""
    from psycopg import sql

    known, place = columns(connection, name), sql.Identifier("kpi", name)
    missing = [
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind))
        for column, kind in types.items()
        if column not in known
    ]
    lists = any(kind.endswith("[]") for kind in types.values())
    keys = [column for column, kind in types.items() if lists and kind == "integer"]
    for added in missing if known else ():
        connection.execute(sql.SQL("ALTER TABLE {} ADD COLUMN {}").format(place, added))
    if not known:
        connection.execute(sql.SQL("CREATE TABLE {} ({})").format(place, sql.SQL(", ").join(missing)))
        for column, kind in (("part_id", "btree" if lists else "brin"), *((one, "btree") for one in keys)):
            index = sql.SQL("CREATE INDEX ON {} USING {} ({})").format(place, sql.SQL(kind), sql.Identifier(column))
            connection.execute(index)
    return bool(missing)


def _show(connection: Connection[Any], table: str, shown: Mapping[str, pl.DataType]) -> None:
    """Makes the views of a frame: what is current, and all with the runs between which it holds."""
    from psycopg import sql

    some = list(sources(connection, table, shown))
    for view, history in ((table, False), (f"{table}_history", True)):
        selects = [_selected(one, table, shown, history=history) for one in some]
        head = sql.SQL("CREATE OR REPLACE VIEW {} AS ").format(sql.Identifier("kpi", view))
        connection.execute(head + sql.SQL(" UNION ALL ").join(selects))


def _selected(source: Source, table: str, shown: Mapping[str, pl.DataType], *, history: bool) -> Composable:
    """The rows of a source with their parts and texts.

    The text of the key is inside: a condition on it is met before lists are taken apart.
    """
    from psycopg import sql

    inner: list[Composable] = []
    outer: list[Composable] = [sql.Identifier("w", name) for name in ("valid_from", "valid_to") if history]
    joins: list[Composable] = []
    for number, (name, kind) in enumerate(shown.items()):
        column, value = sql.Identifier(name), sql.Identifier("w", name)
        if name in of_part(table):
            inner.append(sql.Identifier("p", name))
        elif name == source.key:
            inner.append(sql.SQL("k.text AS {}").format(column))
        else:
            inner.append(sql.SQL("{} AS {}").format(source.values[name], column))
        if kind == pl.String() and name not in (*of_part(table), source.key):
            text = sql.Identifier(f"t{number}")
            joins.append(sql.SQL(" LEFT JOIN kpi.texts {0} ON {0}.id = {1}").format(text, value))
            outer.append(sql.SQL("{}.text AS {}").format(text, column))
        else:
            outer.append(value)
    tables: list[Composable] = [sql.SQL("{} JOIN kpi.parts p ON p.id = r.part_id").format(source.tables)]
    if source.key is not None:
        tables.append(sql.SQL(" JOIN kpi.texts k ON k.id = {}").format(source.values[source.key]))
    if not history:
        tables.append(sql.SQL(" WHERE p.valid_to IS NULL"))
    query = sql.SQL("SELECT {} FROM (SELECT p.valid_from, p.valid_to, {} FROM {}) w{}")
    comma, nothing = sql.SQL(", "), sql.SQL("")
    return query.format(comma.join(outer), comma.join(inner), nothing.join(tables), nothing.join(joins))
