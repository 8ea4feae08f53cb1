"""The partitions of the large tables of a store in PostgreSQL, by the number of a part.

A batch of many rows gets a partition of its own: its rows are copied into a table that is not a partition yet, its
indexes are built at once, which takes a fraction of the time of adding row by row, and the transaction that publishes
the run attaches it. Parts of few rows have negative numbers, and a partition in common. A partition of which no run
needs a part is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from kpi.batch.store.dimensions import dimensions

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Composable, Composed

#: The number of rows from which a batch gets a partition, and with which a partition is complete.
MANY, FULL = 50_000, 5_000_000
#: How long the removal of a partition waits for readers, and they for it; it is tried again after the next run.
_PATIENCE = "2s"


class Partition(Struct, frozen=True):
    """A partition of a table: the numbers of its parts, from `first` up to `end`, exclusive."""

    table: str
    first: int
    end: int

    @property
    def name(self) -> str:
        """The name of the partition."""
        return f"{self.table}_facts_{self.first}"


def create_common(connection: Connection[Any], table: str) -> None:
    """Create the partition of the parts of few rows."""
    from psycopg import sql

    name = f"{table}_facts_0"
    query = sql.SQL("CREATE TABLE {} PARTITION OF {} FOR VALUES FROM (MINVALUE) TO (1)")
    connection.execute(query.format(_named(name), _named(f"{table}_facts")))
    for index in indexes(Partition(table, 0, 1)):
        connection.execute(index)


def create(connection: Connection[Any], partition: Partition) -> None:
    """Create the table that becomes a partition."""
    from psycopg import sql

    # The constraint saves reading the rows again when it is attached. A clean-up by the server would hold that up.
    query = sql.SQL("CREATE TABLE {} (LIKE {}, CHECK (part_id >= {} AND part_id < {})) WITH (autovacuum_enabled = off)")
    bounds = partition.first, partition.end
    connection.execute(query.format(_named(partition.name), _named(f"{partition.table}_facts"), *bounds))


def indexes(partition: Partition) -> list[Composed]:
    """Return the statements that create the indexes of a partition; `first` is 0 for that of few rows."""
    from psycopg import sql

    table = _named(partition.name)
    keys: list[Composable] = [sql.SQL("({})").format(sql.Identifier(item.key)) for item in dimensions(partition.table)]
    if not partition.first:
        keys = [sql.SQL("({}, part_id)").format(sql.Identifier(item.key)) for item in dimensions(partition.table)]
        keys.append(sql.SQL("(part_id)"))
    elif partition.end > partition.first + 1:
        # The rows of a part lie together in what is written once.
        keys.append(sql.SQL("USING brin (part_id)"))
    return [sql.SQL("CREATE INDEX ON {} {}").format(table, key) for key in keys]


def attach(connection: Connection[Any], partition: Partition) -> None:
    """Make a table a partition; readers are not kept waiting."""
    from psycopg import sql

    query = sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})")
    bounds = partition.first, partition.end
    connection.execute(query.format(_named(f"{partition.table}_facts"), _named(partition.name), *bounds))
    connection.execute(sql.SQL("ALTER TABLE {} RESET (autovacuum_enabled)").format(_named(partition.name)))


def drop_unattached(connection: Connection[Any]) -> None:
    """Drop what a killed night had copied and not attached."""
    from psycopg import sql

    query = (
        "SELECT relname FROM pg_class c WHERE relnamespace = to_regnamespace('kpi') AND relkind = 'r'"
        " AND NOT relispartition AND relname ~ '^[a-z]+_facts_[0-9]+$'"
    )
    for (name,) in connection.execute(query).fetchall():
        connection.execute(sql.SQL("DROP TABLE {}").format(_named(name)))


def planned(table: str, heights: Mapping[int, int]) -> Iterator[Partition]:
    """Yield partitions for parts by their numbers of rows: each complete one has more than `FULL` rows."""
    numbers, first, height = sorted(heights), None, 0
    for place, part in enumerate(numbers):
        first, height = part if first is None else first, height + heights[part]
        if height >= FULL or place == len(numbers) - 1:
            yield Partition(table, first, part + 1)
            first, height = None, 0


def to_empty(connection: Connection[Any], table: str, parts: Sequence[int]) -> list[int]:
    """Return those of some removed parts whose rows are to be deleted: not those of a partition that is dropped."""
    dropped = [range(*bounds) for name, *bounds in _unused(connection) if name.startswith(f"{table}_facts_")]
    return [part for part in parts if not any(part in numbers for numbers in dropped)]


def drop_unused(connection: Connection[Any]) -> None:
    """Drop the partitions that have no part any more, unless a reader reads them for long."""
    import psycopg
    from psycopg import sql

    for name, *_ in _unused(connection):
        try:
            with connection.transaction():
                connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(_PATIENCE))
                connection.execute(sql.SQL("DROP TABLE {}").format(_named(name)))
        except psycopg.errors.LockNotAvailable:
            return


def _unused(connection: Connection[Any]) -> list[tuple[str, int, int]]:
    """Return the partitions of which no run needs a part, with their bounds."""
    query = (
        "SELECT c.relname, b[1]::bigint, b[2]::bigint"
        " FROM pg_class c, substring(c.relname FROM '^([a-z]+)_facts_') AS of,"
        " regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \\(''?(\\d+)''?\\) TO \\(''?(\\d+)''?\\)') AS b"
        " WHERE c.relnamespace = to_regnamespace('kpi') AND c.relispartition AND c.relkind = 'r' AND b IS NOT NULL"
        ' AND NOT EXISTS (SELECT FROM kpi.parts WHERE "table" = of AND id >= b[1]::bigint AND id < b[2]::bigint)'
    )
    return connection.execute(query).fetchall()


def _named(name: str) -> Composable:
    from psycopg import sql

    return sql.Identifier("kpi", name)
