"""Damage of store and archive, and its repair.

Rows that a store lost are not invented: their periods lose their keys in the state, so that the next night scores them
again; those of closed editions come from the archive. A damaged file of the archive is written again from the input it
is a copy of, or from the rows of the edition in the store, if these still have its hash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
from msgspec import Struct

from kpi.batch import editions, last_run
from kpi.batch.config import Config
from kpi.batch.inputs import Inputs, gathered
from kpi.batch.store.base import TABLES, Change, Run, Store
from kpi.batch.store.whole import Archive
from kpi.errors import DataError, Diagnostic, KpiError, Message, count

#: The key of a period whose rows are lost.
_LOST = ""


class Repair(Struct, frozen=True):
    """The result of a repair: the run before damage, what will be scored again, and how many files were restored."""

    number: int
    lost: tuple[str, ...] = ()
    files: int = 0


def damage(store: Store, archive: Archive, *, inputs: bool = True) -> list[Diagnostic]:
    """Return all damage of the store and of the files in the archive, by hash: K833, K838, K814 and K837."""
    if result := store.check(thorough=True):
        return result
    head = store.head()
    if head is None:
        return last_run.lost(store, archive)
    return [*archive_damage(head.state, archive, thorough=True, inputs=inputs), *lost_periods(head.state)]


def archive_damage(
    state: Mapping[str, Any], archive: Archive, *, thorough: bool = False, inputs: bool = True
) -> list[Diagnostic]:
    """Return the damage (K814) of the archived files of closed editions, and of the inputs of the last run.

    Args:
        state: the state of the last run.
        archive: the archive.
        thorough: compare hashes, not only sizes.
        inputs: also the inputs of the last run.
    """
    sizes = _sizes(state) | (dict.fromkeys(_inputs(state)) if inputs else {})
    problems = (archive.problem(sha, sizes[sha], thorough=thorough) for sha in sorted(sizes))
    return [problem for problem in problems if problem is not None]


def lost_periods(state: Mapping[str, Any]) -> list[Diagnostic]:
    """Return a finding (K837) for each system with periods whose lost rows were not scored again yet."""
    findings = []
    for system, entry in sorted(state["systems"].items()):
        lost = [label for label, period in entry["periods"].items() if period.get("key") == _LOST]
        if lost:
            message = Message(
                "{system}: rows of {periods} are lost and were not scored again yet",
                system=system, periods=count(len(lost), "period"),
            )  # fmt: skip
            hint = Message(
                'run a night, with periods = "changed" in the source, and the data of these periods in place'
            )
            findings.append(Diagnostic("K837", message, hint=hint))
    return findings


def repaired(config: Config, store: Store, archive: Archive) -> Repair | None:
    """Repair store and archive and return what was done; None if no run of the store is whole. Requires the lock."""
    went_back = store.repair() if store.check(thorough=True) else None
    head = None
    with suppress(DataError):
        head = store.head()
    if head is None:
        return None
    files = _restored(config, store, archive, head.state)
    lost = tuple(sorted(went_back.lost)) if went_back else ()
    if lost:
        state = {key: dict(value) for key, value in head.state.items()}
        changes = [change for system in lost for change in _given_up(state, store, archive, system)]
        store.publish(Run(head.number + 1, {"repaired": {"systems": list(lost)}}, state), changes)
    return Repair(head.number, lost, files)


def _given_up(state: dict[str, Any], store: Store, archive: Archive, system: str) -> Iterator[Change]:
    """Remove the keys of a system's periods from a state; yield the rows of its closed periods from the archive."""
    entry = state["systems"].get(system)
    if entry is None:
        return
    closed: list[str] = []
    frames: dict[str, list[pl.DataFrame]] = {}
    for name, edition in state["editions"].items():
        if edition["system"] != system:
            continue
        with suppress(DataError):
            tables = {table: editions.read(state, archive, name, table) for table in TABLES}
            closed += edition["periods"]
            for table, rows in tables.items():
                frames.setdefault(table, []).extend([rows] if rows.width else [])
    for table, parts in frames.items():
        rows = pl.concat(parts, how="diagonal") if parts else pl.DataFrame()
        if rows.height and table != "findings":
            yield Change(table, system, tuple(closed), rows)
        elif rows.height and not store.read(table, system=system).height:
            yield Change(table, system, None, rows)
    lost = [label for label in entry["periods"] if label not in closed]
    periods = {label: period | ({"key": _LOST} if label in lost else {}) for label, period in entry["periods"].items()}
    # Not empty, so that the system is scored also if all its rows are of closed editions but the findings.
    pending = sorted({*entry["pending"], *(lost or entry["periods"])})
    state["systems"][system] = {**entry, "periods": periods, "pending": pending}


def _restored(config: Config, store: Store, archive: Archive, state: Mapping[str, Any]) -> int:
    """Write damaged files of the archive again where what they are copies of is still there; return their number."""
    shas = sorted({*_sizes(state), *_inputs(state)})
    bad = [sha for sha in shas if archive.problem(sha, None, thorough=True) is not None]
    if not bad:
        return 0
    aside = [(sha, moved) for sha in bad if (moved := _moved(archive.place(sha))) is not None]
    try:
        for source in config.source:
            with suppress(KpiError, OSError):
                gathered(config, source, archive)
        for edition in state["editions"].values():
            for revision in edition["revisions"]:
                wanted = {table: sha for table, sha in revision["tables"].items() if not archive.place(sha).exists()}
                _frozen_again(store, archive, edition, revision, wanted)
    finally:
        for sha, moved in aside:
            if archive.place(sha).exists():
                moved.unlink()
            else:
                moved.replace(archive.place(sha))
    return sum(archive.problem(sha, None, thorough=True) is None for sha in bad)


def _frozen_again(
    store: Store, archive: Archive, edition: Mapping[str, Any], revision: Mapping[str, Any], wanted: Mapping[str, str]
) -> None:
    """Archive the tables of a revision from the rows in the store, where these have the hash of the revision."""
    numbers: Sequence[int | None] = (
        (revision["run"], None) if revision is edition["revisions"][-1] else (revision["run"],)
    )
    for number in numbers if wanted else ():
        with suppress(DataError):
            for table, data in editions.frozen(store, edition["system"], edition["periods"], number=number):
                if table in wanted:
                    archive.put_only(data, wanted[table])


def _moved(path: Path) -> Path | None:
    """Move a file aside, and return where; None if it does not exist."""
    moved = path.with_name(f"{path.name}.damaged")
    with suppress(FileNotFoundError):
        return path.replace(moved)
    return None


def _sizes(state: Mapping[str, Any]) -> dict[str, int | None]:
    """Return the files of all revisions of closed editions with their sizes, None where they were not recorded."""
    revisions = [revision for edition in state["editions"].values() for revision in edition["revisions"]]
    return {
        sha: revision.get("sizes", {}).get(table) for revision in revisions for table, sha in revision["tables"].items()
    }


def _inputs(state: Mapping[str, Any]) -> set[str]:
    """Return the hashes of the inputs of the last run."""
    entries = state["systems"].values()
    return {sha for entry in entries for sha in Inputs.of_json("", entry["inputs"]).hashes}
