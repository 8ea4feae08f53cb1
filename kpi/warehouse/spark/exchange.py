"""Frames as rows of Spark: a frame is the bytes of an Arrow stream, beside the bucket that it belongs to.

So the types of Polars (128-bit integers, unsigned ones) and the names of columns never pass through the types and the
SQL of Spark, and what is repartitioned are whole frames. All workers have the Polars of the driver (`workers`).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import pyarrow as pa

#: The columns of frames in the notation of Spark.
COLUMNS = "bucket int, frame binary"

#: At most this many bytes of a frame become one row: Spark and Arrow hold a row in one buffer of 2 GB.
_LARGEST = 256 << 20


def written(frame: pl.DataFrame) -> bytes:
    """Return a frame as bytes."""
    stream = io.BytesIO()
    frame.write_ipc_stream(stream)
    return stream.getvalue()


def read(content: bytes) -> pl.DataFrame:
    """Return the frame of some bytes."""
    return pl.read_ipc_stream(content)


def split(frame: pl.DataFrame, key: str, buckets: int) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield the rows of each bucket: those whose key, an integer or a text, has the same remainder.

    >>> frame = pl.DataFrame({"key": [4, 7, 1, 8]})
    >>> [(bucket, rows["key"].to_list()) for bucket, rows in split(frame, "key", 3)]
    [(1, [4, 7, 1]), (2, [8])]
    """
    if buckets == 1:
        yield 0, frame
        return
    column = pl.col(key)
    number = column.cast(pl.Int64) if frame.schema[key].is_integer() else column.hash(seed=0)
    rows = frame.with_columns((number.fill_null(0) % buckets).cast(pl.Int32).alias("#bucket"))
    for (bucket,), part in rows.partition_by("#bucket", as_dict=True, include_key=False, maintain_order=True).items():
        yield int(bucket), part


def batches(frames: Iterable[tuple[int, pl.DataFrame]]) -> Iterator[pa.RecordBatch]:
    """Yield a batch of Arrow for each frame with its bucket, large frames in several."""
    import pyarrow as pa

    for bucket, frame in frames:
        pieces = max(1, -(-int(frame.estimated_size()) // _LARGEST))
        for rows in frame.iter_slices(max(1, -(-frame.height // pieces))):
            columns = [pa.array([bucket], pa.int32()), pa.array([written(rows)], pa.binary())]
            yield pa.RecordBatch.from_arrays(columns, names=["bucket", "frame"])


def frames(rows: pa.Table | pa.RecordBatch) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield the frames of rows of `COLUMNS`, with their buckets."""
    for bucket, content in zip(rows.column("bucket"), rows.column("frame"), strict=True):
        yield bucket.as_py(), read(content.as_py())
