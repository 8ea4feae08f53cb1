"""A table of Spark whose rows are grouped by its Python workers.

Measures that merge are aggregated for each partition, with the plan that aggregates files, and their groups merged:
here where they are few, else in Spark by name. Statistics that do not merge are computed after the rows are distributed
by entity and period. Other questions about rows, such as which are bad, are answered by the workers, too.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl
from msgspec.structs import replace
from polars.io.plugins import register_io_source

from kpi.errors import DataError, Diagnostic
from kpi.intake.events import mergeable, ordered
from kpi.intake.events.events import WHO
from kpi.intake.events.remote import PER, Engine, Groups, OfEntities, tied
from kpi.intake.files.table import ROW as NUMBER
from kpi.warehouse.spark import exchange, leaf
from kpi.warehouse.spark.failures import in_words
from kpi.warehouse.spark.workers import ROW, OverFrames, OverRows, as_frame, shipped, trial

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

# From so many partitions on, their groups are merged in Spark; below, a shuffle costs more than it saves.
_MANY = 64

# The rows of a bucket whose statistics one worker computes: it holds them in memory.
_BUCKET = 1_000_000


class SparkTable(Engine):
    """A table of a session of Spark.

    Attributes:
        name: its name in messages.
        frame: its rows, fetched when they are collected.
        numbered: the same with their numbers, from 1, in the first column, `ROW` of `kpi.intake.files.table`.
        size: the number of rows.
    """

    looks_twice: ClassVar[bool] = True
    alone: ClassVar[bool] = True

    def __init__(self, rows: DataFrame, name: str) -> None:
        """Look at a table.

        Args:
            rows: its rows.
            name: its name in messages.

        Raises:
            DataError: K920 to K929, Spark cannot read it.
        """
        self.name = name
        self._hash, self._lock = hashlib.sha256(), threading.Lock()
        with in_words(name):
            columns = _distinct(rows.columns)
            self._rows = rows.toDF(*(f"c{place}" for place in range(len(columns))))
            self._rows, schema = _readable(self._rows)
            self._before, self.size = _partitions(self._rows)
        self._schema = pl.Schema([*schema.items(), (ROW, pl.UInt32())])
        self._token = uuid.uuid4().hex
        table = weakref.ref(self)
        leaf.feed(self._token, lambda names, most: _of(table)._fetched(names, most))  # noqa: SLF001 - its own
        weakref.finalize(self, leaf.starve, self._token)
        every = leaf.scan(self._token, self._schema)
        named = [pl.col(f"c{place}").alias(column) for place, column in enumerate(columns)]
        self.frame, self.numbered = every.select(named), every.select(pl.col(ROW).alias(NUMBER), *named)

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        """Pickle as None: a worker has the rows of its partition, and no session."""
        return type(None), ()

    def digest(self) -> str:
        """Return the SHA-256 hash of all groups and rows that came from the workers."""
        return self._hash.hexdigest()

    def notes(self) -> Sequence[Diagnostic]:
        """Return nothing: everything is computed by the workers."""
        return ()

    # ---- THE PASSES ---- #

    def groups(self, request: Groups) -> pl.DataFrame:
        """Return the parts of groups, of each partition and then merged."""
        merge = partial(mergeable.merged, parts=tuple(request.parts))
        many = len(self._before) > _MANY
        stages = [OverFrames(merge)] if many else []
        first = self._over_rows(partial(mergeable.grouped, request), key=WHO, buckets=_MANY if many else 1)
        answer = merge(self._run(first, stages))
        self._take(answer)
        return answer

    def statistics(self, request: OfEntities) -> pl.DataFrame:
        """Return the statistics of entities and periods, each from all of its rows."""
        (answer,) = self.statistics_of([request])
        return answer

    def statistics_of(self, requests: Sequence[OfEntities]) -> list[pl.DataFrame]:
        """Return the statistics of each request; the rows are read, and distributed, once."""
        buckets = max(4, -(-self.size * len(requests) // _BUCKET))
        first = self._over_rows(partial(ordered.cells, requests), key=mergeable.KEY, buckets=buckets, streamed=False)
        answer = self._run(first, [OverFrames(partial(ordered.statistics, requests))])
        self._take(answer)
        return [_own(answer, request) for request in requests]

    def mapped(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Return rows that a plan makes of single rows of the table, made by the workers when they are collected."""

        def collected(
            names: list[str] | None, only: pl.Expr | None, most: int | None, _: int | None = None
        ) -> Iterator[pl.DataFrame]:
            plan = rows if only is None else rows.filter(only)
            plan = plan if names is None else plan.select(names)
            plan = plan if most is None else plan.head(most)
            first = self._over_rows(plan.collect, streamed=False)
            answer = self._run(first, [])
            yield answer if most is None else answer.head(most)

        return register_io_source(collected, schema=rows.collect_schema())

    # ---- JOBS ---- #

    def _over_rows(self, work: Callable[[], pl.DataFrame], **settings: Any) -> OverRows:
        return OverRows(self._token, self._schema, work, before=self._before, **settings)

    def _run(self, first: OverRows, stages: Sequence[OverFrames]) -> pl.DataFrame:
        """Run a stage over the rows and further ones over its frames, each bucket in one piece, and fetch the last."""
        empty, wanted = trial(first, self._schema)
        for stage in stages:
            empty = stage.work(empty)
        # A batch of no columns has no rows.
        names = [name for name in wanted if name != ROW] or ["c0"]
        own = pl.Schema({name: self._schema[name] for name in dict.fromkeys([*names, *wanted])})
        first = replace(first, schema=own, before=first.before if ROW in wanted else ())
        with self._in_words():
            rows = self._rows.select(*names).mapInArrow(shipped(first), exchange.COLUMNS)
            for stage in stages:
                rows = rows.repartition(first.buckets, "bucket").sortWithinPartitions("bucket")
                rows = rows.mapInArrow(shipped(stage), exchange.COLUMNS)
            answers = [frame for _, frame in exchange.frames(rows.toArrow())]
        return pl.concat([empty, *answers])

    def _fetched(self, names: list[str] | None, most: int | None) -> Iterator[pl.DataFrame]:
        """Yield rows as they are, for whatever is collected in this process."""
        names = self._schema.names() if names is None else names
        if ROW in names:
            rows = leaf.scan(self._token, self._schema).select(names)
            yield self._run(self._over_rows(rows.collect, streamed=False), [])
            return
        with self._in_words():
            own = self._rows.select(*names)
            table = (own if most is None else own.limit(most)).toArrow()
        frame = as_frame(table.to_batches(), names, table.num_rows) if table.num_rows else pl.DataFrame()
        answer = (
            frame.cast(pl.Schema({name: self._schema[name] for name in names})) if frame.width else self._empty(names)
        )
        self._take(answer)
        yield answer

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """Report an error of Spark in words, also to whom Polars passes on its text alone."""
        try:
            with in_words(self.name):
                yield
        except DataError as error:
            self.failure = error
            raise

    def _empty(self, names: Sequence[str]) -> pl.DataFrame:
        return pl.DataFrame(schema={name: self._schema[name] for name in names})

    def _take(self, answer: pl.DataFrame) -> None:
        """Add what came to the hash, whatever the order of its rows."""
        rows = answer.with_columns(pl.col(pl.Int128).cast(pl.String)) if answer.width else answer
        digests = sorted(hashlib.sha256(repr(row).encode()).digest() for row in rows.iter_rows())
        with self._lock:
            self._hash.update(repr(answer.schema).encode())
            for digest in digests:
                self._hash.update(digest)


def _own(answer: pl.DataFrame, request: OfEntities) -> pl.DataFrame:
    """Return the statistics of one request, of the entities and periods that have some."""
    ties = (name for name in map(tied, request.measures) if name in answer.columns)
    rows = answer.filter(pl.any_horizontal(pl.col(name).is_not_null() for name in request.measures))
    return rows.select("entity", "period", PER, *request.measures, *ties)


def _of(table: weakref.ref[SparkTable]) -> SparkTable:
    item = table()
    assert item is not None  # noqa: S101 - its feed is removed with it
    return item


def _distinct(names: Sequence[str]) -> list[str]:
    """Return names that Polars can tell apart; those of equal ones are equal again when they are cleaned."""
    columns: list[str] = [NUMBER]
    for name in names:
        own = name
        while own in columns:
            own += "\n"
        columns.append(own)
    return columns[1:]


def _readable(rows: DataFrame) -> tuple[DataFrame, pl.Schema]:
    """Return rows with texts in place of what Arrow has no type for, and the schema of what comes."""
    from pyspark.errors import PySparkException
    from pyspark.sql import functions

    def schema(frame: DataFrame) -> pa.Schema:
        return frame.limit(0).toArrow().schema

    try:
        types = schema(rows)
    except PySparkException:
        odd = []
        for name in rows.columns:
            try:
                schema(rows.select(name))
            except PySparkException:
                odd.append(name)
        rows = rows.select(
            *(functions.col(name).cast("string").alias(name) if name in odd else name for name in rows.columns)
        )
        types = schema(rows)
    frame = pl.from_arrow(types.empty_table())
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - of a table of Arrow
    return rows, frame.schema


def _partitions(rows: DataFrame) -> tuple[tuple[int, ...], int]:
    """Return the number of rows before each partition, and in all of them."""
    from pyspark.sql import functions

    counted = rows.groupBy(functions.spark_partition_id().alias("place")).count().collect()
    sizes = {int(row["place"]): int(row["count"]) for row in counted}
    before, size = [], 0
    for place in range(max(sizes, default=-1) + 1):
        before.append(size)
        size += sizes.get(place, 0)
    return tuple(before), size
