"""The store as Delta Lake: a folder with one Delta table per frame, and `runs`, whose commit publishes a night.

Delta makes a commit to one table atomic, not one to five. So a night writes its rows to the tables first and then adds
one row to `runs` that names the version of every table; readers take the versions from there. What a killed night had
written is no longer named by anything: the next one restores each table to its published version before it writes.

A partition (system and period) is replaced as a whole and is one file, so there is nothing to compact.
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl

from kpi.errors import DataError, Diagnostic
from kpi.store.base import TABLES, Change, Run, no_run, ordered
from kpi.store.lock import locked
from kpi.store.whole import write_whole

_SETTINGS = {
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 3650 days",
}


class DeltaStore:
    """Results in a folder of Delta tables."""

    def __init__(self, folder: Path) -> None:
        try:
            import deltalake
            import deltalake.transaction
        except ImportError:
            hint = 'pip install deltalake, or store = {kind = "parquet", path = ...}'
            raise DataError(Diagnostic("K812", "a Delta store needs the package deltalake", hint=hint)) from None
        self.folder = folder
        self._delta = deltalake
        self._published: pl.DataFrame | None = None

    @property
    def where(self) -> str:
        """The folder."""
        return str(self.folder)

    @contextmanager
    def lock(self, wait: float) -> Iterator[None]:
        """Holds the folder's lock file; nobody else publishes meanwhile, so the runs are read once."""
        with locked(self.folder / ".lock", wait):
            self._published = self._read_rows()
            try:
                yield
            finally:
                self._published = None

    # ---- READING ---- #

    def head(self) -> Run | None:
        """Returns the last published run."""
        numbers = self.numbers()
        return self.run(numbers[-1]) if numbers else None

    def run(self, number: int) -> Run:
        """Returns a run by its number."""
        self._versions(number)
        row = pl.scan_delta(str(self.folder / "runs")).filter(pl.col("number") == number).collect().row(0, named=True)
        return Run(row["number"], json.loads(row["manifest"]), json.loads(row["state"]))

    def numbers(self) -> list[int]:
        """Returns the numbers of the published runs."""
        return self._rows()["number"].to_list()

    def read(self, table: str, *, system: str | None = None, number: int | None = None) -> pl.DataFrame:
        """Returns a table at the version that a run published."""
        versions = self._versions(number)
        if table not in versions:
            return pl.DataFrame()
        source = self._delta.DeltaTable(self.folder / table, version=versions[table])
        frame = pl.scan_delta(source)
        if system is not None:
            frame = frame.filter(pl.col("system") == system)
        return ordered(frame.collect())

    def _exists(self, table: str) -> bool:
        return bool(self._delta.DeltaTable.is_deltatable(str(self.folder / table)))

    def _rows(self) -> pl.DataFrame:
        """The published runs: their number and the versions that belong together."""
        return self._read_rows() if self._published is None else self._published

    def _read_rows(self) -> pl.DataFrame:
        if not self._exists("runs"):
            return pl.DataFrame(schema={"number": pl.Int64, "versions": pl.String})
        return pl.scan_delta(str(self.folder / "runs")).select("number", "versions").collect().sort("number")

    def _versions(self, number: int | None) -> dict[str, int]:
        """The versions of the tables as of a run, the last when None; raises DataError K811 when it is not there."""
        rows = self._rows()
        if number is None and not rows.height:
            return {}
        found = rows.tail(1) if number is None else rows.filter(pl.col("number") == number)
        if not found.height:
            raise no_run(number or 0, rows["number"].to_list())
        versions: dict[str, int] = json.loads(found["versions"].item())
        return versions

    # ---- WRITING ---- #

    def publish(self, run: Run, changes: Sequence[Change]) -> None:
        """Writes the rows, one commit a change, then the row of `runs` that names the versions."""
        versions = self._versions(None)
        for table in TABLES:
            self._restore(table, versions.get(table))
        for change in changes:
            versions[change.table] = self._replace(change)
        row = {
            "number": run.number,
            "versions": json.dumps(versions, sort_keys=True),
            "manifest": json.dumps(run.manifest, ensure_ascii=False, sort_keys=True),
            "state": json.dumps(run.state, ensure_ascii=False, sort_keys=True),
        }
        self._delta.write_deltalake(self.folder / "runs", pl.DataFrame([row]), mode="append", configuration=_SETTINGS)
        self._published = None if self._published is None else self._read_rows()

    def _restore(self, table: str, version: int | None) -> None:
        """Takes back what a night that was not published left in a table."""
        if version is None:
            # NOTE: not only a table that nobody published: also the rest of one whose creation was interrupted.
            shutil.rmtree(self.folder / table, ignore_errors=True)
            return
        there = self._delta.DeltaTable(self.folder / table)
        if there.version() != version:
            there.restore(version)

    def _replace(self, change: Change) -> int:
        """Replaces partitions in one commit and returns the version that this makes.

        The files are written by Polars, which takes a third of the time that Delta's own writer takes; that one is
        asked where an engine knows columns that the table does not have yet.
        """
        path, by = self.folder / change.table, _partitions(change.table)
        if not self._exists(change.table):
            self._delta.write_deltalake(path, change.rows.clear(), partition_by=by, configuration=_SETTINGS)
        there = self._delta.DeltaTable(path)
        terms: list[tuple[str, str, Any]] = [("system", "=", change.system)]
        terms += [] if change.periods is None else [("period", "in", list(change.periods))]
        if set(change.rows.columns) <= {field.name for field in there.schema().fields}:
            there.create_write_transaction(self._files(path, change.rows, by), "overwrite", there.schema(), by, terms)
        else:
            words = [f"system = {_quoted(change.system)}"]
            words += [] if change.periods is None else [f"period IN ({', '.join(map(_quoted, change.periods))})"]
            self._delta.write_deltalake(
                there, change.rows, mode="overwrite", predicate=" AND ".join(words), schema_mode="merge"
            )
        return int(self._delta.DeltaTable(path).version())

    def _files(self, path: Path, rows: pl.DataFrame, by: list[str]) -> list[Any]:
        """Writes one file a partition and returns what the commit says of it."""
        found = []
        for values, part in rows.partition_by(by, as_dict=True, include_key=False, maintain_order=True).items():
            folder = "/".join(f"{name}={quote(str(value), safe='')}" for name, value in zip(by, values, strict=True))
            name = f"{folder}/part-{secrets.token_hex(16)}.parquet"
            out = BytesIO()
            part.write_parquet(out, compression="snappy", statistics=False)
            write_whole(path / name, out.getvalue(), last=False)
            found.append(
                self._delta.transaction.AddAction(
                    name, out.tell(), dict(zip(by, map(str, values), strict=True)),
                    int(time.time() * 1000), data_change=True, stats=json.dumps({"numRecords": part.height}),
                )
            )  # fmt: skip
        return found

    def tidy(self, keep: int) -> int:
        """Forgets old runs, then removes the files that no kept run reads."""
        rows = self._rows()
        if rows.height <= keep:
            return 0
        kept = rows.tail(keep)
        first = kept["number"][0]
        self._delta.DeltaTable(self.folder / "runs").delete(f"number < {first}")
        for table in TABLES:
            versions = [json.loads(text).get(table) for text in kept["versions"]]
            if self._exists(table):
                # The kept versions are the retention: everything else may go at once, as the lock is held.
                self._delta.DeltaTable(self.folder / table).vacuum(
                    0, dry_run=False, enforce_retention_duration=False,
                    keep_versions=sorted({version for version in versions if version is not None}),
                )  # fmt: skip
        self._delta.DeltaTable(self.folder / "runs").vacuum(0, dry_run=False, enforce_retention_duration=False)
        self._published = None if self._published is None else kept
        return rows.height - kept.height


def _partitions(table: str) -> list[str]:
    return ["system"] if table == "findings" else ["system", "period"]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
