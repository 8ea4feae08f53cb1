"""The dimensions of the large tables of a store in PostgreSQL: texts that many rows share, each stored once.

A row of `indicators_facts` has numbers, and the numbers of a row of `entities` (`cohort`, `entity`) and of a row of
`indicators_kinds` (`indicator`, `title`, `unit` and so on): a star schema. Rows of dimensions are added, never changed
or removed, so a number keeps its meaning for all runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl
from msgspec import Struct

if TYPE_CHECKING:
    from psycopg import Connection

#: The columns of the dimension `kinds` of each large table, that by which rows are looked up first.
_KINDS = {
    "pillars": ("pillar", "title", "parent", "status"),
    "indicators": ("indicator", "title", "unit", "status", "comparator", "light", "score_status"),
    "measures": ("measure", "title", "unit", "status"),
    "limits": ("indicator", "title", "unit", "signal"),
    "outlook": ("indicator", "title", "unit", "status", "light", "class"),
}
#: The columns of the dimension `entities`, which the large tables share.
_ENTITIES = ("entity", "cohort")
#: A combination of texts is computed as a number below this.
_GREATEST = 2**62


class Dimension(Struct, frozen=True):
    """A dimension of a table: its name, its columns, and the column of the facts with the number of its row."""

    name: str
    columns: tuple[str, ...]
    key: str

    @property
    def looked_up(self) -> str:
        """The indexed column."""
        return self.columns[0]

    def of(self, names: Mapping[str, Any]) -> list[str]:
        """Return those of some columns that belong to the dimension."""
        return [name for name in self.columns if name in names]


def dimensions(table: str) -> tuple[Dimension, ...]:
    """Return the dimensions of a table, none for a small table.

    >>> [dimension.name for dimension in dimensions("measures")]
    ['entities', 'measures_kinds']
    """
    if table not in _KINDS:
        return ()
    return Dimension("entities", _ENTITIES, "entity_id"), Dimension(f"{table}_kinds", _KINDS[table], "kind_id")


def every() -> tuple[Dimension, ...]:
    """Return the dimensions of all tables, each once."""
    return tuple({dimension.name: dimension for table in _KINDS for dimension in dimensions(table)}.values())


def numbered(connection: Connection[Any], table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows with the numbers of their dimensions in place of texts; new texts are added to the dimensions.

    Requires the lock of the store, and the columns of the rows in the dimensions (`tables.fit`).
    """
    for dimension in dimensions(table):
        names = dimension.of(rows.schema)
        code = _code(rows, names)
        first = code.arg_unique()
        known = rows.select(names)[first].with_columns(code[first].alias("#code"))
        keys = _keys(connection, dimension, known)
        number = code.to_frame("#code").join(keys, on="#code", how="left", maintain_order="left")[dimension.key]
        rows = rows.drop(names).with_columns(number)
    return rows


def _code(rows: pl.DataFrame, names: list[str]) -> pl.Series:
    """Return a number for each row, equal for rows with the same texts in some columns."""
    if not names:
        return pl.zeros(rows.height, pl.Int64, eager=True)
    known = rows.select(pl.col(names).unique().drop_nulls().implode()).row(0, named=True)
    codes = rows.select(
        pl.col(name).cast(pl.Enum(texts)).to_physical().cast(pl.Int64).fill_null(len(texts))
        for name, texts in known.items()
    )
    code, number = codes[names[0]], len(known[names[0]]) + 1
    for name in names[1:]:
        more = len(known[name]) + 1
        if number * more > _GREATEST:
            code = code.rank("dense").cast(pl.Int64)
            number = rows.height + 1
        code, number = code * more + codes[name], number * more
    return code


def _keys(connection: Connection[Any], dimension: Dimension, known: pl.DataFrame) -> pl.DataFrame:
    """Return the numbers of the rows of a dimension by their `#code`, after adding those that are missing."""
    from psycopg import sql

    table, names = sql.Identifier("kpi", dimension.name), dimension.columns
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    # A column that the rows do not have is null.
    absent = [pl.lit(None, pl.String).alias(name) for name in names if name not in known.columns]
    full = known.with_columns(absent).select("#code", *names)

    def stored() -> pl.DataFrame:
        rows = connection.execute(sql.SQL("SELECT id, {} FROM {}").format(columns, table)).fetchall()
        schema = {dimension.key: pl.Int32, **dict.fromkeys(names, pl.String)}
        # A row that is there twice, after one was added by hand, counts once.
        return pl.DataFrame(rows, schema=schema, orient="row").sort(dimension.key).unique(names, keep="first")

    keys = full.join(stored(), on=names, how="left", nulls_equal=True)
    missing = keys.filter(pl.col(dimension.key).is_null()).sort("#code")
    if missing.height:
        with connection.cursor() as cursor:
            copy = sql.SQL("COPY {} ({}) FROM STDIN").format(table, columns)
            with cursor.copy(copy) as stream:
                for row in missing.select(names).iter_rows():
                    stream.write_row(row)
        connection.execute(sql.SQL("ANALYZE {}").format(table))
        keys = full.join(stored(), on=names, how="left", nulls_equal=True)
    return keys.select("#code", dimension.key)
