"""The store as plain Parquet: immutable files named by their content, and one manifest a run that names its files.

`runs/000012.json` lists, for every table, the file of each partition; `HEAD` holds the number of the published run.
Both are written beside their place and moved there. A file that no manifest names is what a killed night left. `HEAD`
is there, with 0, before anything else is: a folder without it that holds runs or results is damaged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

import polars as pl
from typing_extensions import override

from kpi.batch.store.base import Change, Run, Store, no_run, ordered
from kpi.batch.store.damage import damage_reported, damaged, reports_damage, reports_damage_of_files
from kpi.batch.store.lock import locked
from kpi.batch.store.whole import digest, write_whole
from kpi.errors import DataError, Diagnostic, Message, Place

#: The files of every table, by system and period.
Tables: TypeAlias = Mapping[str, Mapping[str, Mapping[str, str]]]


class ParquetStore(Store):
    """Results in a folder of Parquet files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def where(self) -> str:
        """The folder."""
        return str(self.folder)

    @override
    def lock(self, wait: float, *, damaged: bool = False) -> AbstractContextManager[None]:
        """Holds the folder's lock file."""
        return locked(self.folder / ".lock", wait)

    # ---- READING ---- #

    def _published(self) -> int | None:
        try:
            return int((self.folder / "HEAD").read_text()) or None
        except FileNotFoundError:
            if next(self.folder.glob("*/*.*"), None) is None:
                return None
            message = Message("there are results, but `HEAD`, which says what the last run is, is gone")
            raise DataError(damaged(message, Place(str(self.folder / "HEAD")))) from None

    def _manifest(self, number: int) -> dict[str, Any]:
        published = self._published()
        if published is not None and number <= published:
            path = self.folder / "runs" / f"{number:06}.json"
            try:
                return dict(json.loads(path.read_text("utf-8")))
            except FileNotFoundError:
                if number == published:
                    message = Message("the manifest of run {number}, the last, is gone", number=number)
                    raise DataError(damaged(message, Place(str(path)))) from None
        raise no_run(number, self.numbers())

    @reports_damage
    def head(self) -> Run | None:
        """Returns the last published run."""
        published = self._published()
        return None if published is None else self.run(published)

    @reports_damage
    def run(self, number: int) -> Run:
        """Returns a run by its number."""
        there = self._manifest(number)
        return Run(number, there["manifest"], there["state"])

    @reports_damage
    def numbers(self) -> list[int]:
        """Returns the numbers of the published runs."""
        published = self._published()
        found = sorted(int(one.stem) for one in (self.folder / "runs").glob("[0-9]*.json"))
        return [number for number in found if published is not None and number <= published]

    @reports_damage
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

    @reports_damage_of_files
    def publish(self, run: Run, changes: Sequence[Change]) -> None:
        """Writes the files that are new, the run's manifest, and last the number of the run."""
        published = self._published()
        if published is None:
            write_whole(self.folder / "HEAD", b"0\n")
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
            {"tables": tables, "sizes": self._sizes(tables), "manifest": run.manifest, "state": run.state},
            ensure_ascii=False, sort_keys=True,
        )  # fmt: skip
        write_whole(self.folder / "runs" / f"{run.number:06}.json", text.encode())
        write_whole(self.folder / "HEAD", f"{run.number}\n".encode())

    def _put(self, table: str, rows: pl.DataFrame) -> str:
        out = BytesIO()
        rows.write_parquet(out, compression="snappy", statistics=False)
        data = out.getvalue()
        name = f"{hashlib.sha256(data).hexdigest()[:32]}.parquet"
        path = self.folder / table / name
        if not path.exists() or path.read_bytes() != data:
            write_whole(path, data)
        return name

    # ---- DAMAGE ---- #

    def _sizes(self, tables: Tables) -> dict[str, int]:
        return {name: (self.folder / table / name).stat().st_size for table, name in _files(tables)}

    def check(self, *, thorough: bool = False) -> list[Diagnostic]:
        """Return what is damaged (K833) of the last run: files that are gone, of another size, or thorough: changed."""
        try:
            with damage_reported(self.where):
                published = self._published()
                return [] if published is None else self._damage(self._manifest(published), thorough=thorough)
        except DataError as error:
            return list(error.diagnostics)

    def _damage(self, manifest: Mapping[str, Any], *, thorough: bool) -> list[Diagnostic]:
        sizes: dict[str, int] = manifest.get("sizes", {})
        found = []
        for table, name in _files(manifest["tables"]):
            path = self.folder / table / name
            if not path.is_file():
                found.append(damaged("a file is gone", Place(str(path))))
            elif path.stat().st_size != sizes.get(name, path.stat().st_size):
                found.append(damaged("a file is not as long as it was written", Place(str(path))))
            elif thorough and digest(path)[:32] != path.stem:
                found.append(damaged("a file was changed", Place(str(path))))
        return found

    def repair(self) -> int | None:
        """Go back to the last run whose files are all whole, and return its number; None when there is none."""
        for path in sorted((self.folder / "runs").glob("[0-9]*.json"), reverse=True):
            try:
                with damage_reported(self.where):
                    if self._damage(json.loads(path.read_text("utf-8")), thorough=True):
                        continue
            except DataError:
                continue
            write_whole(self.folder / "HEAD", f"{int(path.stem)}\n".encode())
            return int(path.stem)
        return None

    @reports_damage
    def tidy(self, keep: int) -> int:
        """Removes the manifests of old runs and the files that no kept one names."""
        numbers = self.numbers()
        gone = numbers[:-keep]
        for number in gone:
            (self.folder / "runs" / f"{number:06}.json").unlink(missing_ok=True)
        named = {one for number in numbers[len(gone) :] for one in _files(self._manifest(number)["tables"])}
        for file in self.folder.glob("*/*.parquet"):
            if (file.parent.name, file.name) not in named:
                file.unlink(missing_ok=True)
        return len(gone)


def _files(tables: Tables) -> Iterator[tuple[str, str]]:
    """Yield the table and name of every file that a manifest names."""
    for table, systems in tables.items():
        for parts in systems.values():
            for name in parts.values():
                yield table, name
