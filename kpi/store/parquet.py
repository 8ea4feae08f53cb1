"""The store as plain Parquet: immutable files named by their content, and one manifest a run that names its files.

`runs/000012.json` lists, for every table, the file of each partition; `HEAD` holds the number of the published run.
Both are written beside their place and moved there. A file that no manifest names is what a killed night left.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from kpi.store.base import Change, Run, no_run, ordered
from kpi.store.lock import locked
from kpi.store.whole import write_whole


class ParquetStore:
    """Results in a folder of Parquet files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def where(self) -> str:
        """The folder."""
        return str(self.folder)

    def lock(self, wait: float) -> AbstractContextManager[None]:
        """Holds the folder's lock file."""
        return locked(self.folder / ".lock", wait)

    # ---- READING ---- #

    def _published(self) -> int | None:
        try:
            return int((self.folder / "HEAD").read_text())
        except FileNotFoundError:
            return None

    def _manifest(self, number: int) -> dict[str, Any]:
        published = self._published()
        if published is not None and number <= published:
            try:
                return dict(json.loads((self.folder / "runs" / f"{number:06}.json").read_text("utf-8")))
            except FileNotFoundError:
                pass
        raise no_run(number, self.numbers())

    def head(self) -> Run | None:
        """Returns the last published run."""
        published = self._published()
        return None if published is None else self.run(published)

    def run(self, number: int) -> Run:
        """Returns a run by its number."""
        there = self._manifest(number)
        return Run(number, there["manifest"], there["state"])

    def numbers(self) -> list[int]:
        """Returns the numbers of the published runs."""
        published = self._published()
        found = sorted(int(one.stem) for one in (self.folder / "runs").glob("[0-9]*.json"))
        return [number for number in found if published is not None and number <= published]

    def read(self, table: str, *, system: str | None = None, number: int | None = None) -> pl.DataFrame:
        """Returns a table from the files that a run names."""
        wanted = self._published() if number is None else number
        if wanted is None:
            return pl.DataFrame()
        files = self._manifest(wanted)["tables"].get(table, {})
        some = [name for one, parts in sorted(files.items()) if system in (None, one) for name in parts.values()]
        frames = [pl.read_parquet(self.folder / table / name) for name in some]
        return ordered(pl.concat(frames, how="diagonal")) if frames else pl.DataFrame()

    # ---- WRITING ---- #

    def publish(self, run: Run, changes: Sequence[Change]) -> None:
        """Writes the files that are new, the run's manifest, and last the number of the run."""
        published = self._published()
        tables: dict[str, dict[str, dict[str, str]]] = {} if published is None else self._manifest(published)["tables"]
        for change in changes:
            parts = tables.setdefault(change.table, {}).setdefault(change.system, {})
            if change.periods is None:
                parts.clear()
                groups = {"": change.rows}
            else:
                groups = {period: change.rows.filter(pl.col("period") == period) for period in change.periods}
            for period, rows in groups.items():
                parts[period] = self._put(change.table, rows)
        text = json.dumps(
            {"tables": tables, "manifest": run.manifest, "state": run.state}, ensure_ascii=False, sort_keys=True
        )
        write_whole(self.folder / "runs" / f"{run.number:06}.json", text.encode())
        write_whole(self.folder / "HEAD", f"{run.number}\n".encode())

    def _put(self, table: str, rows: pl.DataFrame) -> str:
        out = BytesIO()
        rows.write_parquet(out, compression="snappy", statistics=False)
        data = out.getvalue()
        name = f"{hashlib.sha256(data).hexdigest()[:32]}.parquet"
        path = self.folder / table / name
        if not path.exists():
            write_whole(path, data)
        return name

    def tidy(self, keep: int) -> int:
        """Removes the manifests of old runs and the files that no kept one names."""
        numbers = self.numbers()
        gone = numbers[:-keep]
        for number in gone:
            (self.folder / "runs" / f"{number:06}.json").unlink(missing_ok=True)
        named = {
            (table, name)
            for number in numbers[len(gone) :]
            for table, systems in self._manifest(number)["tables"].items()
            for parts in systems.values()
            for name in parts.values()
        }
        for file in self.folder.glob("*/*.parquet"):
            if (file.parent.name, file.name) not in named:
                file.unlink(missing_ok=True)
        return len(gone)
