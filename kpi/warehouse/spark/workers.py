"""What a Python worker of Spark runs: a stage over the rows of its partition, or over the frames of its buckets.

A stage is pickled once and shipped as bytes within a closure that first compares versions: pickles of Polars hold only
between equal ones, and what cannot be unpickled cannot say why.
"""

from __future__ import annotations

import pickle
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl
from msgspec import Struct, field

from kpi.warehouse.spark import exchange, leaf

if TYPE_CHECKING:
    import pyarrow as pa

#: The column of the leaf with the number of a row in the table; the others are c0, c1, ... by their position.
ROW = "#row"

#: Marks the versions in the message of the error that a worker raises about them.
VERSIONS = "kpi.versions:"

# The rows that are read at a time where a stage does not stream, and those of one batch for Polars.
_CHUNK, _BATCH = 1_000_000, 131_072

Batches = Iterable["pa.RecordBatch"]


class Stage(Protocol):
    """What one worker does."""

    def of(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        """Yield batches for batches."""


class OverRows(Struct, frozen=True):
    """A stage over the rows of a partition.

    Attributes:
        token: that of the leaves in `work`.
        schema: the columns of the leaf that are read.
        work: returns the frame of the rows that the leaf yields.
        key: the column of that frame by which its rows are distributed.
        buckets: over how many buckets.
        streamed: whether `work` takes the whole partition at once, as one stream, rather than some rows at a time.
        before: the number of rows of the partitions before each, if rows are numbered.
    """

    token: str
    schema: pl.Schema
    work: Callable[[], pl.DataFrame]
    key: str = ""
    buckets: int = 1
    streamed: bool = True
    before: Sequence[int] = ()

    def of(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        """Yield the frames of the rows of a partition."""
        rows = _Partition(batches, self.schema, self._first())
        if self.streamed:
            yield from self._answer(rows.all)
            return
        while not rows.ended:
            # Kept, as several plans may read them.
            kept = [*rows.enough()]
            yield from self._answer(partial(iter, kept))

    def _answer(self, rows: Callable[[], Iterator[pl.DataFrame]]) -> Iterator[pa.RecordBatch]:
        with leaf.feeding(self.token, lambda _, __: rows()):
            frame = self.work()
        yield from exchange.batches(exchange.split(frame, self.key, self.buckets))

    def _first(self) -> int | None:
        """Return the number of the first row of the partition, None where rows are not numbered."""
        if ROW not in self.schema:
            return None
        from pyspark import TaskContext

        context = TaskContext.get()
        assert context is not None  # noqa: S101 - in a worker there is one
        number: int = context.partitionId()
        return 1 + self.before[number]


class _Partition(Struct):
    """The rows of a partition, which can be read once."""

    batches: Batches
    schema: pl.Schema
    number: int | None
    ended: bool = False
    _rest: Iterator[pl.DataFrame] = field(default_factory=lambda: iter(()))

    def __post_init__(self) -> None:
        self._rest = self._frames()

    def all(self) -> Iterator[pl.DataFrame]:
        """Yield the rows that were not read yet."""
        yield from self._rest
        self.ended = True

    def enough(self) -> Iterator[pl.DataFrame]:
        """Yield rows until there are enough for one pass."""
        rows = 0
        for frame in self._rest:
            yield frame
            rows += frame.height
            if rows >= _CHUNK:
                return
        self.ended = True

    def _frames(self) -> Iterator[pl.DataFrame]:
        """Yield the batches of Spark, several as one."""
        pending: list[pa.RecordBatch] = []
        rows = 0
        for batch in self.batches:
            pending.append(batch)
            rows += batch.num_rows
            if rows >= _BATCH:
                yield self._frame(pending, rows)
                pending, rows = [], 0
        if rows:
            yield self._frame(pending, rows)

    def _frame(self, batches: list[pa.RecordBatch], rows: int) -> pl.DataFrame:
        frame = as_frame(batches, [name for name in self.schema if name != ROW], rows)
        if self.number is None:
            return frame.cast(self.schema)
        # Beyond 4 billion rows numbers are those modulo 2**32, which order findings and count nothing.
        numbers = pl.int_range(self.number, self.number + rows, eager=True).cast(pl.UInt32, wrap_numerical=True)
        self.number += rows
        return frame.with_columns(numbers.alias(ROW)).select(self.schema.names()).cast(self.schema)


def as_frame(batches: Sequence[pa.RecordBatch], names: Sequence[str], rows: int) -> pl.DataFrame:
    """Return batches of Arrow as one frame with other names; of no columns, a frame of so many rows."""
    import pyarrow as pa

    if not names:
        return pl.select(pl.repeat(None, rows, dtype=pl.Null)).select([])
    frame = pl.from_arrow(pa.Table.from_batches(batches))
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - of a table of Arrow
    frame.columns = list(names)
    return frame


class OverFrames(Struct, frozen=True):
    """A stage over the frames of buckets, each bucket by itself, in the order in which they come.

    Attributes:
        work: returns the frame of all the rows of a bucket.
    """

    work: Callable[[pl.DataFrame], pl.DataFrame]

    def of(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        """Yield a frame for every bucket; those of one bucket come together."""
        yield from exchange.batches(self._worked(batches))

    def _worked(self, batches: Batches) -> Iterator[tuple[int, pl.DataFrame]]:
        pending: list[pl.DataFrame] = []
        current = None
        for batch in batches:
            for bucket, frame in exchange.frames(batch):
                if current not in (None, bucket):
                    yield current, self.work(pl.concat(pending))
                    pending = []
                current = bucket
                pending.append(frame)
        if current is not None:
            yield current, self.work(pl.concat(pending))


def shipped(stage: Stage) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    """Return a stage as a function that Spark ships to its workers.

    The function is pickled by value and imports nothing before it has compared the versions.

    Raises:
        RuntimeError: in a worker with another version of Polars; its message begins with `VERSIONS`.
    """
    payload, here, mark = pickle.dumps(stage), pl.__version__, VERSIONS

    def run(batches: Any) -> Any:
        import os

        # A core of a worker is one thread: others belong to other tasks.
        os.environ.setdefault("POLARS_MAX_THREADS", "1")
        import polars  # noqa: ICN001 - its name in here is that of the driver

        if polars.__version__ != here:
            raise RuntimeError(f"{mark}{here}:{polars.__version__}:")
        import pickle

        yield from pickle.loads(payload).of(batches)  # noqa: S301 - pickled by the driver

    return run


def trial(stage: OverRows, schema: pl.Schema) -> tuple[pl.DataFrame, list[str]]:
    """Return what a stage makes of no rows, and the columns of the leaf that it wants."""
    token, wanted = uuid.uuid4().hex, set[str]()

    def nothing(columns: list[str] | None, _: int | None) -> Iterator[pl.DataFrame]:
        wanted.update(schema.names() if columns is None else columns)
        yield pl.DataFrame(schema=schema)

    with leaf.renaming({stage.token: token}):
        copy: OverRows = pickle.loads(pickle.dumps(stage))  # noqa: S301 - pickled in this call
    with leaf.feeding(token, nothing):
        frame = copy.work()
    return frame, [name for name in schema if name in wanted]
