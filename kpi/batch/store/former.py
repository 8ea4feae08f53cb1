"""Stores with an older layout, read only to migrate them (`batch.migration`).

The Parquet store was a folder of immutable files named by the hash of their content, one folder per table. `HEAD` held
the number of the published run; `runs/000012.json` its manifest, its state, and the file of each system and period.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
from msgspec import Struct, field

from kpi.batch.store.base import Change, Run, ordered
from kpi.batch.store.damage import damage_reported
from kpi.batch.store.whole import digest
from kpi.errors import DataError, Diagnostic, Message, Place

#: The folder inside a store in which its successor is built; it exists until the migration is complete.
BUILDING = ".migrating"

#: The number of digits of the hash in the name of a file.
_HASHED = 32


def former_layout(where: str) -> Diagnostic:
    """Return the finding K850 on a store with an older layout."""
    message = Message("the store was written by an older engine, in a layout that is no longer used")
    hint = Message("kpi batch CONFIG --migrate brings its content over; nothing was scored, nothing was changed")
    return Diagnostic("K850", message, Place(where), hint)


def former_damage(message: Message, place: Path) -> Diagnostic:
    """Return the finding K853 on an old store that is too damaged to be migrated."""
    hint = Message(
        "kpi batch CONFIG --repair by the engine that wrote it goes back to the last run that is "
        "whole; or move the store aside and run a night, which computes everything from the inputs; nothing was "
        "changed"
    )
    return Diagnostic(
        "K853", Message("the store to be brought over is damaged: {message}", message=message), Place(str(place)), hint
    )


def refuse_former(folder: Path) -> None:
    """Raise DataError K850 if a folder holds a Parquet store or an interrupted migration."""
    if FormerParquet(folder).exists() or (folder / BUILDING / "complete").is_file():
        raise DataError(former_layout(str(folder)))


class FormerRun(Struct):
    """A run of a Parquet store, with the file of each table, system and period."""

    run: Run
    tables: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)

    def files(self) -> Iterator[tuple[str, str]]:
        """Yield the table and name of each file."""
        for table, systems in self.tables.items():
            for parts in systems.values():
                for name in parts.values():
                    yield table, name


class FormerParquet:
    """The runs of a Parquet store, read only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._hashed: set[Path] = set()

    def exists(self) -> bool:
        """Return whether the store exists: it has a `HEAD`, or runs without one."""
        runs = self.folder / "runs"
        return (self.folder / "HEAD").is_file() or next(runs.glob("[0-9]*.json"), None) is not None

    def numbers(self) -> list[int]:
        """Return the numbers of the published runs.

        Raises:
            DataError: K853, if the record of the last run is missing.
        """
        try:
            last = int((self.folder / "HEAD").read_text())
        except (OSError, ValueError):
            raise DataError(
                former_damage(Message("`HEAD` does not say what the last run is"), self.folder / "HEAD")
            ) from None
        there = sorted(int(path.stem) for path in (self.folder / "runs").glob("[0-9]*.json"))
        if last and last not in there:
            raise DataError(
                former_damage(Message("run {number}, the last, is gone", number=last), self.folder / "runs")
            )
        return [number for number in there if number <= last]

    def run(self, number: int) -> FormerRun:
        """Return a run after verifying its files.

        Raises:
            DataError: K853, if its record cannot be read, or a file is missing or changed.
        """
        path = self.folder / "runs" / f"{number:06}.json"
        try:
            tree: dict[str, Any] = json.loads(path.read_text("utf-8"))
            run = FormerRun(Run(number, tree["manifest"], tree["state"]), tree["tables"])
            files = [self.folder / table / name for table, name in run.files()]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise DataError(
                former_damage(Message("the record of run {number} cannot be read", number=number), path)
            ) from None
        for file in files:
            if file in self._hashed:
                continue
            try:
                if digest(file)[:_HASHED] != file.stem:
                    raise DataError(former_damage(Message("a file was changed"), file))
            except OSError:
                raise DataError(former_damage(Message("a file is gone"), file)) from None
            self._hashed.add(file)
        return run

    def read(self, run: FormerRun, table: str) -> pl.DataFrame:
        """Return a table as of a run, sorted by system, period and position."""
        names = [name for _, parts in sorted(run.tables.get(table, {}).items()) for name in parts.values()]
        return ordered(self._rows(table, names)) if names else pl.DataFrame()

    def changes(self, before: FormerRun | None, after: FormerRun) -> Iterator[Change]:
        """Yield the changes from the tables of a run (None before the first) to those of a later one."""
        past = {} if before is None else before.tables
        for table in dict.fromkeys([*past, *after.tables]):
            for system in dict.fromkeys([*past.get(table, {}), *after.tables.get(table, {})]):
                old, new = (tables.get(table, {}).get(system, {}) for tables in (past, after.tables))
                periods = [period for period in dict.fromkeys([*old, *new]) if old.get(period) != new.get(period)]
                if not periods:
                    continue
                # Findings are one file for all periods, under the empty name.
                all_periods = "" in periods
                names = [name for period, name in new.items() if all_periods or period in periods]
                rows = self._rows(table, names) if names else self._rows(table, list(old.values())).clear()
                yield Change(table, system, None if all_periods else tuple(periods), rows)

    def _rows(self, table: str, names: list[str]) -> pl.DataFrame:
        with damage_reported(str(self.folder / table)):
            return pl.concat([pl.read_parquet(self.folder / table / name) for name in names], how="diagonal")
