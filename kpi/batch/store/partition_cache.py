"""A cache of the small partitions of Delta tables, so that a league table or a history opens no files again.

Opening the 120 files of a ten-year history takes most of the time of its question. A file of a Delta table is never
written again under its name, so the rows of a partition are kept until others need the room.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import unquote

import polars as pl
from msgspec import Struct

#: The most bytes of rows that a store keeps in a process: ten years of totals of 3,000 entities have 33 million.
BOUND = 64 << 20

#: What the rows of a partition depend on: its files with their times and sizes, and the columns of the table. The names
#: of files are unlike those of any other table or version, as they have a hash and a random number.
_Key = tuple[tuple[tuple[str, int, int], ...], tuple[str, ...]]


class Partition(Struct, frozen=True):
    """The files of one system and period in a version of a table.

    Attributes:
        files: their paths in the folder of the table.
        rows: the number of their rows, None where the log does not say it.
    """

    system: str
    period: str
    files: tuple[str, ...]
    rows: int | None


class Opened(Struct, frozen=True):
    """A version of a Delta table as it was opened.

    Attributes:
        table: the table.
        columns: the names of its columns.
        partitions: its partitions, sorted; none where it is not partitioned by system and period.
    """

    table: Any
    columns: tuple[str, ...]
    partitions: tuple[Partition, ...]


def open_table(table: Any) -> Opened:
    """Return a version of a Delta table with its columns and partitions."""
    columns = tuple(field.name for field in table.schema().fields)
    if not {"system", "period"} <= {*table.metadata().partition_columns}:
        return Opened(table, columns, ())
    actions = pl.DataFrame(table.get_add_actions(flatten=True))
    files: dict[tuple[str, str], list[tuple[str, int | None]]] = {}
    names = ("partition.system", "partition.period", "path", "num_records")
    for system, period, path, rows in zip(*(actions[name].to_list() for name in names), strict=True):
        files.setdefault((system, period), []).append((unquote(path), rows))
    return Opened(table, columns, tuple(_partition(*of, parts) for of, parts in sorted(files.items())))


def _partition(system: str, period: str, parts: Sequence[tuple[str, int | None]]) -> Partition:
    known = [rows for _, rows in parts if rows is not None]
    rows = sum(known) if len(known) == len(parts) else None
    return Partition(system, period, tuple(sorted(path for path, _ in parts)), rows)


class PartitionCache:
    """The rows of partitions that were read last, at most `BOUND` bytes of them; threads may share it.

    Attributes:
        size: the bytes of the rows that are kept.
    """

    def __init__(self) -> None:
        self._rows: OrderedDict[_Key, pl.DataFrame] = OrderedDict()
        self._asked: set[Path] = set()
        self.size = 0
        self._lock = Lock()

    def rows(
        self, folder: Path, source: Opened, system: str, periods: Collection[str] | None, largest: int
    ) -> pl.DataFrame | None:
        """Return the rows of a system in some periods, or None where they are not kept.

        They are not the first time that a table is asked for, as a command asks once and reads faster all at once; nor
        where a partition has more than `largest` rows, where all together are larger than the bound, and where a file
        is not there, which its reader reports.

        Args:
            folder: the folder of the table.
            source: the table.
            system: the system.
            periods: the periods, None for all.
            largest: the most rows of a partition.
        """
        parts = [
            part for part in source.partitions if part.system == system and (periods is None or part.period in periods)
        ]
        if not parts or any(part.rows is None or part.rows > largest for part in parts):
            return None
        try:
            keys = {part.period: _key(folder, part, source.columns) for part in parts}
        except OSError:
            return None
        if sum(size for files, _ in keys.values() for _, _, size in files) > BOUND:
            return None
        with self._lock:
            if folder not in self._asked:
                self._asked.add(folder)
                return None
            rows = {period: self._rows[key] for period, key in keys.items() if key in self._rows}
            for period in rows:
                self._rows.move_to_end(keys[period])
        missing = [period for period in keys if period not in rows]
        # Each by itself: the texts of rows that are cut from a larger frame keep all of its texts in memory.
        frame = pl.scan_delta(source.table).filter(pl.col("system") == system)
        read = pl.collect_all([frame.filter(pl.col("period") == period) for period in missing])
        for period, these in zip(missing, read, strict=True):
            rows[period] = these
            self._keep(keys[period], these)
        return pl.concat([rows[period] for period in keys])

    def _keep(self, key: _Key, rows: pl.DataFrame) -> None:
        with self._lock:
            if key in self._rows:
                return
            self._rows[key] = rows
            self.size += _size(rows)
            while self.size > BOUND:
                _, oldest = self._rows.popitem(last=False)
                self.size -= _size(oldest)


def _size(rows: pl.DataFrame) -> int:
    return int(rows.estimated_size())


def _key(folder: Path, part: Partition, columns: tuple[str, ...]) -> _Key:
    """Return what the rows of a partition depend on; raise OSError where a file is not there."""
    about = ((name, (folder / name).stat()) for name in part.files)
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in about), columns
