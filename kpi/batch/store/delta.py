"""The store as Delta Lake: a folder with one Delta table per frame, and `runs`, whose commit publishes a run.

A commit of Delta is atomic for one table, not for several. A run therefore writes its rows to the tables first and then
adds one row to `runs` with the version of every table; readers take the versions from there. Rows of a killed run are
not referenced: the next run restores each table to its published version before it writes.

A partition (system and period) is replaced as a whole and is one file, so no compaction is needed.

A row of `runs` also has digests of itself and, for each table, of its files. The name of a file has the hash of its
content. During a run, `.publishing` has its number: a table that is ahead of `runs` without this file is not the rest
of a killed run; the end of `runs` is lost.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, unquote

import polars as pl

from kpi.batch.store.base import TABLES, Change, Repaired, Run, no_run, ordered
from kpi.batch.store.damage import damage_reported, damaged, reports_damage, reports_damage_of_files
from kpi.batch.store.lock import locked
from kpi.batch.store.partition_cache import Opened, PartitionCache, open_table
from kpi.batch.store.whole import digest, write_durably
from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.process.os_errors import reason

_SETTINGS = {
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 3650 days",
}

#: The columns of the table `runs`.
_RUNS = {"number": pl.Int64, "versions": pl.String, "manifest": pl.String, "state": pl.String}

#: Keys of `versions` besides the tables: digests of the tables' files, of the rest of the row, and of `versions`.
_CONTENTS, _DIGEST, _SEAL = "contents", "digest", "seal"

#: The file with the number of the run that is being published.
_PUBLISHING = ".publishing"

#: The rows of a group in a file, of which a reader passes over those whose least and greatest values exclude it. With
#: half as many an indicator in all periods takes a third longer, with twice as many the history of an entity.
_GROUP = 8000

#: The most tables that are kept open.
_TABLES = 32

#: The number of digits of a hash that are kept.
_HASHED = 32


class DeltaStore:
    """A store of results in a folder of Delta tables."""

    def __init__(self, folder: Path) -> None:
        try:
            import deltalake
            import deltalake.transaction
        except ImportError:
            hint = Message("pip install deltalake, or '.[store]' in a checkout")
            raise DataError(
                Diagnostic("K812", Message("a Delta store needs the package deltalake"), hint=hint)
            ) from None
        self.folder = folder
        self._delta = deltalake
        self._published: pl.DataFrame | None = None
        # What was read of the log of `runs`, and tables as they were opened, by what they were made from.
        self._known: tuple[object, pl.DataFrame] | None = None
        self._opened: OrderedDict[object, Opened] = OrderedDict()
        self.partition_cache = PartitionCache()

    @property
    def where(self) -> str:
        """The folder."""
        return str(self.folder)

    @contextmanager
    def lock(self, wait: float, *, damaged: bool = False) -> Iterator[None]:
        """Hold the folder's lock file; nothing else publishes meanwhile, so the runs are read once."""
        with locked(self.folder / ".lock", wait):
            if not damaged:
                with damage_reported(self.where):
                    self._published = self._read_rows()
            try:
                yield
            finally:
                self._published = None

    # ---- READING ---- #

    @reports_damage
    def head(self) -> Run | None:
        """Return the last published run."""
        numbers = self.numbers()
        return self.run(numbers[-1]) if numbers else None

    @reports_damage
    def run(self, number: int) -> Run:
        """Return a run by its number."""
        self._versions(number)
        row = pl.scan_delta(str(self.folder / "runs")).filter(pl.col("number") == number).collect().row(0, named=True)
        if _differs(row):
            raise DataError(
                damaged(
                    Message("the record of run {number} was changed", number=number), Place(str(self.folder / "runs"))
                )
            )
        return Run(row["number"], json.loads(row["manifest"]), json.loads(row["state"]))

    @reports_damage
    def numbers(self) -> list[int]:
        """Return the numbers of the published runs."""
        return self._rows()["number"].to_list()

    @reports_damage
    def read(
        self, table: str, *, system: str | None = None, number: int | None = None,
        periods: Collection[str] | None = None, where: Mapping[str, Collection[str]] | None = None,
    ) -> pl.DataFrame:  # fmt: skip
        """Return a table at the version of a run, or some rows of it."""
        versions = _of_run(self._known_rows(), number)
        if table not in versions:
            return pl.DataFrame()
        source = self._table(table, versions[table])
        kept = None
        if system is not None:
            kept = self.partition_cache.rows(self.folder / table, source, system, periods, _GROUP)
        frame = _selected(pl.scan_delta(source.table), system, periods) if kept is None else kept.lazy()
        for name, values in (where or {}).items():
            if name in source.columns:
                frame = frame.filter(_one_of(name, values))
        return ordered(frame.collect())

    def _known_rows(self) -> pl.DataFrame:
        """Return the published runs, read again only once the log of `runs` is another: a service asks very often."""
        if self._published is not None:
            return self._published
        state = _state(self.folder / "runs/_delta_log")
        if not state:
            return self._read_rows()
        if self._known is None or self._known[0] != state:
            self._known = state, self._read_rows()
        return self._known[1]

    def _table(self, table: str, version: int) -> Opened:
        """Return a table at a version, of the last ones as it was opened: a commit is never written again."""
        commit = self.folder / table / "_delta_log" / f"{version:020}.json"
        try:
            key = table, version, commit.stat().st_mtime_ns
        except OSError:
            return open_table(self._delta.DeltaTable(self.folder / table, version=version))
        source = self._opened.get(key)
        if source is None:
            source = self._opened[key] = open_table(self._delta.DeltaTable(self.folder / table, version=version))
            while len(self._opened) > _TABLES:
                self._opened.popitem(last=False)
        return source

    def _exists(self, table: str) -> bool:
        return bool(self._delta.DeltaTable.is_deltatable(str(self.folder / table)))

    def _rows(self) -> pl.DataFrame:
        """Return the published runs: their numbers and the versions of the tables."""
        return self._read_rows() if self._published is None else self._published

    @contextmanager
    def _rows_read_once(self) -> Iterator[None]:
        """Cache the published runs during the block, unless the lock caches them already."""
        previous, self._published = self._published, self._rows()
        try:
            yield
        finally:
            self._published = previous

    def _read_rows(self) -> pl.DataFrame:
        if not self._exists("runs"):
            if there := [table for table in TABLES if (self.folder / table / "_delta_log").is_dir()]:
                message = Message(
                    "there are results ({there}), but the table `runs` that says what they are is gone",
                    there=tuple(there),
                )
                raise DataError(damaged(message, Place(str(self.folder / "runs"))))
            return pl.DataFrame(schema={"number": pl.Int64, "versions": pl.String})
        runs = self._delta.DeltaTable(self.folder / "runs")
        return self._intact(pl.scan_delta(runs).select("number", "versions").collect().sort("number"), runs)

    def _intact(self, rows: pl.DataFrame, runs: Any) -> pl.DataFrame:
        """Return the published runs; raise DataError K833 if a row was changed or is gone since it was written."""
        where = Place(str(self.folder / "runs"))
        for number, versions in rows.iter_rows():
            if not _sealed(number, versions):
                raise DataError(damaged(Message("the record of run {number} was changed", number=number), where))
        counts = pl.DataFrame(runs.get_add_actions(flatten=True))["num_records"]
        written = rows.height if counts.has_nulls() else counts.sum()
        if rows["number"].n_unique() != written:
            message = Message(
                "{written} records of runs were written, and {rows} can be read",
                written=written,
                rows=rows["number"].n_unique(),
            )
            raise DataError(damaged(message, where))
        return rows

    def _versions(self, number: int | None) -> dict[str, int]:
        """Return the versions of the tables in a run (None for the last); raise DataError K811 if it does not exist."""
        return _of_run(self._rows(), number)

    # ---- WRITING ---- #

    @reports_damage_of_files
    def publish(self, run: Run, changes: Sequence[Change]) -> None:
        """Write the rows, one commit per change, then the row of `runs` with the versions."""
        if not self._exists("runs"):
            # Before any result, so that results without this file are never the rest of a killed run.
            shutil.rmtree(self.folder / "runs", ignore_errors=True)
            none = pl.DataFrame(schema=_RUNS)
            self._delta.write_deltalake(self.folder / "runs", none, configuration=_SETTINGS)
        write_durably(self.folder / _PUBLISHING, json.dumps({"run": run.number}).encode())
        versions = self._versions(None)
        for table in TABLES:
            if (restored := self._restore(table, versions.get(table))) is not None:
                versions[table] = restored
        for change in changes:
            versions[change.table] = self._replace(change)
        row = {
            "number": run.number,
            "manifest": json.dumps(run.manifest, ensure_ascii=False, sort_keys=True),
            "state": json.dumps(run.state, ensure_ascii=False, sort_keys=True),
        }
        contents = {table: _contents(self._files_of(table, version)) for table, version in versions.items()}
        marks = {_CONTENTS: contents, _DIGEST: _digest(row)}
        row["versions"] = _seal(run.number, versions | marks)
        frame = pl.DataFrame([row]).select(list(_RUNS))
        self._delta.write_deltalake(self.folder / "runs", frame, mode="append", configuration=_SETTINGS)
        (self.folder / _PUBLISHING).unlink(missing_ok=True)
        self._published = None if self._published is None else self._read_rows()

    def _restore(self, table: str, version: int | None) -> int | None:
        """Remove what an unpublished run left in a table; return the resulting version."""
        if version is None:
            # NOTE: an unpublished table, or the rest of one whose creation was interrupted.
            shutil.rmtree(self.folder / table, ignore_errors=True)
            return None
        there = self._delta.DeltaTable(self.folder / table)
        if there.version() != version:
            there.restore(version)
        return int(self._delta.DeltaTable(self.folder / table).version())

    def _replace(self, change: Change) -> int:
        """Replace partitions in one commit and return its version.

        The files are written by Polars, which takes a third of the time of Delta's own writer; that one is used for
        columns that the table does not have yet.
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
        """Write one file per partition and return the add actions of the commit."""
        actions = []
        for values, part in rows.partition_by(by, as_dict=True, include_key=False, maintain_order=True).items():
            folder = "/".join(f"{name}={quote(str(value), safe='')}" for name, value in zip(by, values, strict=True))
            # By entity, so that the history of one is in one group of rows of each period, whatever order names have.
            rows_of_file = part.sort("entity", maintain_order=True) if "entity" in part.columns else part
            out = BytesIO()
            # A file of one group of rows is read as a whole, which without compression takes a third less time.
            compression: Literal["uncompressed", "snappy"] = "uncompressed" if part.height <= _GROUP else "snappy"
            rows_of_file.write_parquet(
                out, compression=compression, statistics={"min": True, "max": True}, row_group_size=_GROUP
            )
            # The hash identifies the content; the rest makes the name differ from an earlier file of equal content.
            sha = hashlib.sha256(out.getvalue()).hexdigest()[:_HASHED]
            name = f"{folder}/part-{sha}-{secrets.token_hex(8)}.parquet"
            write_durably(path / name, out.getvalue(), last=False)
            actions.append(
                self._delta.transaction.AddAction(
                    name, out.tell(), dict(zip(by, map(str, values), strict=True)),
                    int(time.time() * 1000), data_change=True, stats=json.dumps({"numRecords": part.height}),
                )
            )  # fmt: skip
        return actions

    # ---- DAMAGE ---- #

    def check(self, *, thorough: bool = False) -> list[Diagnostic]:
        """Return the damage (K833): missing or resized files, and tables that differ from the published version.

        Args:
            thorough: also compare hashes, which reads every file of the last run.
        """
        try:
            with damage_reported(self.where), self._rows_read_once():
                rows = self._rows()
                if not rows.height:
                    return []
                findings = self._damage(rows.tail(1), thorough=thorough)
                self.run(rows["number"][-1])
                return findings + self._ahead(rows["number"][-1])
        except DataError as error:
            return list(error.diagnostics)

    def _damage(self, row: pl.DataFrame, *, thorough: bool) -> list[Diagnostic]:
        """Return the damage of the run in a row of `runs`."""
        findings: list[Diagnostic] = []
        contents: dict[str, str] = json.loads(row["versions"].item()).get(_CONTENTS, {})
        for table, version in self._versions(row["number"].item()).items():
            try:
                with damage_reported(str(self.folder / table)):
                    opened = self._delta.DeltaTable(self.folder / table, version=version)
                    files, named = _files_in(opened), {field.name for field in opened.schema().fields}
            except DataError as error:
                findings += error.diagnostics
                continue
            findings += self._unnamed(table, named, files)
            if contents.get(table, mark := _contents(files)) != mark:
                message = Message("the table `{table}` holds other files than were published", table=table)
                findings.append(damaged(message, Place(str(self.folder / table))))
            wrong = (problem for name, size in files if (problem := self._wrong(table, name, size, thorough=thorough)))
            findings += wrong
        return findings

    def _unnamed(self, table: str, named: Collection[str], files: Sequence[tuple[str, int]]) -> list[Diagnostic]:
        """Return the finding that the log of a table, a byte of which changed, does not name a column of its files."""
        columns = [*_partitions(table)]
        with suppress(OSError, pl.exceptions.PolarsError):  # a file that is damaged has a finding of its own
            columns += pl.read_parquet_schema(self.folder / table / files[-1][0]) if files else ()
        lacking = tuple(f"`{column}`" for column in columns if column not in named)
        message = Message("the log of the table `{table}` does not name {columns}", table=table, columns=lacking)
        return [damaged(message, Place(str(self.folder / table)))] if lacking else []

    def _wrong(self, table: str, name: str, size: int, *, thorough: bool) -> Diagnostic | None:
        """Return the damage of a file of a table, None if it is intact."""
        path = self.folder / table / name
        try:
            if path.stat().st_size != size:
                return damaged(Message("a file is not as long as it was written"), Place(str(path)))
            sha = path.name.split("-")[1] if path.name.count("-") == 2 else ""
            if thorough and len(sha) == _HASHED and digest(path)[:_HASHED] != sha:
                return damaged(Message("a file was changed"), Place(str(path)))
        except FileNotFoundError:
            return damaged(Message("a file is gone"), Place(str(path)))
        except OSError as error:
            return damaged(Message("a file cannot be read: {error}", error=reason(error)), Place(str(path)))
        return None

    def _ahead(self, number: int) -> list[Diagnostic]:
        """Return a finding if tables are ahead of `runs` although no run was killed."""
        with suppress(OSError, ValueError, KeyError):
            if json.loads((self.folder / _PUBLISHING).read_text("utf-8"))["run"] == number + 1:
                return []
        versions = self._versions(number)
        ahead = [table for table in TABLES if self._exists(table) and self._is_ahead(table, versions.get(table))]
        message = Message(
            "`runs` ends with run {number}, but {ahead} hold what a later run published",
            number=number,
            ahead=tuple(ahead),
        )
        return [damaged(message, Place(str(self.folder / "runs")))] if ahead else []

    def _is_ahead(self, table: str, version: int | None) -> bool:
        """Return whether a table has other files than at a version; removing old files makes a version, too."""
        latest = self._latest(table)
        return latest != version and (
            version is None or self._files_of(table, latest) != self._files_of(table, version)
        )

    def _latest(self, table: str) -> int:
        return max(int(file.stem) for file in (self.folder / table / "_delta_log").glob("*.json"))

    def _files_of(self, table: str, version: int) -> list[tuple[str, int]]:
        """Return the files of a table at a version, with their sizes, sorted."""
        return _files_in(self._delta.DeltaTable(self.folder / table, version=version))

    def repair(self) -> Repaired | None:
        """Go back to the last run whose files are all intact and return it; None if there is none.

        The commits of later runs are moved out of the logs, into the folder `damaged`.
        """
        if not (self.folder / "runs" / "_delta_log").is_dir():
            return None
        for version in range(self._latest("runs"), -1, -1):
            try:
                with damage_reported(self.where):
                    opened = self._delta.DeltaTable(self.folder / "runs", version=version)
                    runs = pl.scan_delta(opened).collect()
                    self._published = self._intact(runs.select("number", "versions").sort("number"), opened)
                    row = self._published.tail(1)
                    intact = row.height and not self._damage(row, thorough=True)
                    if not intact or _differs(runs.filter(pl.col("number") == row["number"].item()).row(0, named=True)):
                        continue
            except DataError:
                continue
            versions = self._versions(row["number"].item())
            for table, last in {"runs": version, **{table: versions.get(table, -1) for table in TABLES}}.items():
                self._cut(table, last)
            (self.folder / _PUBLISHING).unlink(missing_ok=True)
            return Repaired(int(row["number"].item()))
        return None

    def _cut(self, table: str, version: int) -> None:
        """Move the commits of a table after a version into the folder `damaged`."""
        log = self.folder / table / "_delta_log"
        aside = self.folder / "damaged" / table
        for file in sorted(log.glob("*")) if log.is_dir() else ():
            number = re.match(r"(\d+)\.", file.name)
            if number is not None and int(number[1]) > version:
                aside.mkdir(parents=True, exist_ok=True)
                file.replace(aside / file.name)
        pointer = log / "_last_checkpoint"
        with suppress(OSError, ValueError, KeyError):
            if json.loads(pointer.read_text("utf-8"))["version"] > version:
                pointer.replace(aside / pointer.name)

    @reports_damage_of_files
    def tidy(self, keep: int) -> int:
        """Remove old runs, then the files that no remaining run reads."""
        rows = self._rows()
        if rows.height <= keep:
            return 0
        remaining = rows.tail(keep)
        first = remaining["number"][0]
        self._delta.DeltaTable(self.folder / "runs").delete(f"number < {first}")
        for table in TABLES:
            versions = [json.loads(text).get(table) for text in remaining["versions"]]
            if self._exists(table):
                # The remaining versions are the retention: all other files can be removed, as the lock is held.
                self._delta.DeltaTable(self.folder / table).vacuum(
                    0, dry_run=False, enforce_retention_duration=False,
                    keep_versions=sorted({version for version in versions if version is not None}),
                )  # fmt: skip
        self._delta.DeltaTable(self.folder / "runs").vacuum(0, dry_run=False, enforce_retention_duration=False)
        self._published = None if self._published is None else remaining
        return rows.height - remaining.height


def _contents(files: list[tuple[str, int]]) -> str:
    """Return a digest of the names and sizes of files."""
    return _hash(json.dumps(files))


def _digest(row: Mapping[str, Any]) -> str:
    """Return a digest of the number, manifest and state of a run."""
    return _hash("\n".join(str(row[name]) for name in ("number", "manifest", "state")))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_HASHED]


def _seal(number: int, versions: Mapping[str, Any]) -> str:
    """Return the text of `versions` with a digest of itself and the number of the run."""
    text = json.dumps(versions, sort_keys=True)
    return json.dumps({**versions, _SEAL: _hash(f"{number}\n{text}")}, sort_keys=True)


def _sealed(number: int, text: str) -> bool:
    """Return whether `versions` is as it was written; a row of an older version of the program has no digest."""
    versions = json.loads(text)
    if not isinstance(versions, dict) or versions.keys() - {*TABLES, _CONTENTS, _DIGEST, _SEAL}:
        return False
    return _SEAL not in versions or _seal(number, {key: item for key, item in versions.items() if key != _SEAL}) == text


def _differs(row: Mapping[str, Any]) -> bool:
    """Return whether a row of `runs` was changed after it was written."""
    digest = _digest(row)
    return bool(json.loads(row["versions"]).get(_DIGEST, digest) != digest)


def _files_in(table: Any) -> list[tuple[str, int]]:
    """Return the files of a version of a table, with their sizes, sorted."""
    actions = pl.DataFrame(table.get_add_actions(flatten=True))
    # NOTE: not select, which builds a plan and would take most of the time.
    paths, sizes = actions["path"].to_list(), actions["size_bytes"].to_list()
    return sorted(zip(map(unquote, paths), sizes, strict=True))


def _partitions(table: str) -> list[str]:
    return ["system"] if table == "findings" else ["system", "period"]


def _selected(frame: pl.LazyFrame, system: str | None, periods: Collection[str] | None) -> pl.LazyFrame:
    """Return the rows of a system and of some periods, None for all."""
    if system is not None:
        frame = frame.filter(pl.col("system") == system)
    return frame if periods is None else frame.filter(_one_of("period", periods))


def _one_of(name: str, values: Collection[str]) -> pl.Expr:
    """Return whether a column has one of some values; files are read faster for one alone."""
    some = list(values)
    return pl.col(name) == some[0] if len(some) == 1 else pl.col(name).is_in(some)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _of_run(rows: pl.DataFrame, number: int | None) -> dict[str, int]:
    """Return the versions of the tables in a run (None for the last); raise DataError K811 if it does not exist."""
    if number is None and not rows.height:
        return {}
    selected = rows.tail(1) if number is None else rows.filter(pl.col("number") == number)
    if not selected.height:
        raise no_run(number or 0, rows["number"].to_list())
    versions: dict[str, int] = json.loads(selected["versions"].item())
    return {table: version for table, version in versions.items() if table in TABLES}


def _state(log: Path) -> tuple[tuple[str, int, int], ...]:
    """Return the files of a log with their times and sizes: another commit, or another store, is another state."""
    try:
        return tuple(sorted((file.name, (about := file.stat()).st_mtime_ns, about.st_size) for file in os.scandir(log)))
    except OSError:
        return ()
