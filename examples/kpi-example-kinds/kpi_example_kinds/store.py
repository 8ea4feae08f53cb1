"""A store: all runs in one SQLite file.

The rows of a period are one blob (Arrow IPC) with the numbers of the runs that it holds in: from `since`, up to before
`until`. A run is published in one transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from kpi.extend import Change, DataError, Diagnostic, Message, Place, Repaired, Run, locked, no_run, ordered

_TABLES = """
CREATE TABLE IF NOT EXISTS runs (number INTEGER PRIMARY KEY, manifest TEXT NOT NULL, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS parts (
    name TEXT NOT NULL, system TEXT NOT NULL, period TEXT, since INTEGER NOT NULL, until INTEGER, content BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS parts_of ON parts (name, system, period);
"""


class SqliteStore:
    """A store in a SQLite file, which is made by the first run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def where(self) -> str:
        """The file."""
        return str(self.path)

    @contextmanager
    def lock(self, wait: float, *, damaged: bool = False) -> Iterator[None]:
        """Hold a lock file beside the file."""
        with locked(self.path.with_name(f"{self.path.name}.lock"), wait):
            if not damaged and (findings := self.check()):
                raise DataError(findings)
            yield

    def head(self) -> Run | None:
        """Return the last run."""
        numbers = self.numbers()
        return self.run(numbers[-1]) if numbers else None

    def run(self, number: int) -> Run:
        """Return a run by its number."""
        rows = self._rows("SELECT manifest, state FROM runs WHERE number = ?", number)
        if not rows:
            raise no_run(number, self.numbers())
        return Run(number, json.loads(rows[0][0]), json.loads(rows[0][1]))

    def numbers(self) -> list[int]:
        """Return the numbers of all runs."""
        return [number for (number,) in self._rows("SELECT number FROM runs ORDER BY number")]

    def publish(self, run: Run, changes: Sequence[Change]) -> None:
        """Write the rows and the run in one transaction."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(_TABLES)
            with connection:
                for change in changes:
                    _replace(connection, change, run.number)
                row = (run.number, json.dumps(run.manifest), json.dumps(run.state))
                connection.execute("INSERT INTO runs VALUES (?, ?, ?)", row)

    def read(self, table: str, *, system: str | None = None, number: int | None = None) -> pl.DataFrame:
        """Return a table as of a run."""
        there = self.numbers()
        if number is not None and number not in there:
            raise no_run(number, there)
        at = number if number is not None else there[-1] if there else 0
        where, values = "name = ? AND since <= ? AND (until IS NULL OR until > ?)", [table, at, at]
        if system is not None:
            where, values = f"{where} AND system = ?", [*values, system]
        blobs = self._rows(f"SELECT content FROM parts WHERE {where}", *values)
        parts = [pl.read_ipc(BytesIO(blob)) for (blob,) in blobs]
        return ordered(pl.concat(parts, how="diagonal_relaxed")) if parts else pl.DataFrame()

    def check(self, *, thorough: bool = False) -> list[Diagnostic]:
        """Return the damage that SQLite finds, with `thorough` also in indexes."""
        try:
            answer = self._rows("PRAGMA integrity_check" if thorough else "PRAGMA quick_check")
        except sqlite3.DatabaseError as error:
            answer = [(str(error),)]
        if answer in ([], [("ok",)]):
            return []
        return [Diagnostic("K833", Message("the store is damaged: {reason}", reason=answer[0][0]), Place(self.where))]

    def repair(self) -> Repaired | None:
        """Return the last run where the file is whole; a damaged file has to come from a backup."""
        head = None if self.check(thorough=True) else self.head()
        return None if head is None else Repaired(head.number)

    def tidy(self, keep: int) -> int:
        """Remove all but the last runs, and the rows that held only in these."""
        numbers = self.numbers()
        removed = numbers[:-keep]
        if removed:
            with closing(sqlite3.connect(self.path)) as connection, connection:
                connection.execute("DELETE FROM runs WHERE number <= ?", (removed[-1],))
                connection.execute("DELETE FROM parts WHERE until <= ?", (numbers[-keep],))
        return len(removed)

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query; none where there is no file yet."""
        if not self.path.exists():
            return []
        with closing(sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute(statement, values).fetchall()


def _replace(connection: sqlite3.Connection, change: Change, number: int) -> None:
    """End the rows that a change replaces, and add its own."""
    statement, values = "UPDATE parts SET until = ? WHERE name = ? AND system = ? AND until IS NULL", [
        number, change.table, change.system,
    ]  # fmt: skip
    if change.periods is None:
        connection.execute(statement, values)
    for period in change.periods or ():
        connection.execute(f"{statement} AND period = ?", [*values, period])
    for (period,), rows in change.rows.partition_by("period", as_dict=True, maintain_order=True).items():
        out = BytesIO()
        rows.write_ipc(out, compression="zstd")
        row = (change.table, change.system, period, number, None, out.getvalue())
        connection.execute("INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?)", row)
