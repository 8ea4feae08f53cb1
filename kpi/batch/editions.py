"""Frozen editions: published results of announced periods do not change.

Closing an edition (such as an annual assessment) archives the rows of its periods as Parquet files under the hash of
their content, and excludes the periods from later runs: changes of their inputs are reported, not scored. An edition is
never overwritten; superseding it, with a reason, adds a revision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any

import polars as pl

from kpi.batch.store.base import TABLES, Change, Run, Store, ordered
from kpi.batch.store.whole import Archive
from kpi.errors import DataError, Diagnostic, Message, suggest
from kpi.values import period_texts, periods


def closed(state: Mapping[str, Any], system: str, *, but: str | None = None) -> dict[str, str]:
    """Return the closed periods of a system with their editions, except those of the edition `but`."""
    return {
        label: name
        for name, edition in state["editions"].items()
        if edition["system"] == system and name != but
        for label in edition["periods"]
    }


def known(state: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return an edition; raise DataError K828 for an unknown name."""
    there: dict[str, dict[str, Any]] = state["editions"]
    if name not in there:
        hint = suggest(name, there) or Message("there is {there}", there=tuple(there) or Message("none"))
        raise DataError(Diagnostic("K828", Message("there is no edition `{name}`", name=name), hint=hint))
    return there[name]


def files(state: Mapping[str, Any]) -> set[str]:
    """Return the hashes of the archived files of all revisions of all editions."""
    revisions = [revision for edition in state["editions"].values() for revision in edition["revisions"]]
    return {sha for item in revisions for sha in item["tables"].values()}


def close(
    store: Store, archive: Archive, *, name: str, system: str, labels: Sequence[str], number: int | None = None
) -> Run:
    """Close an edition of published results as a run of its own and return the run; requires the lock of the store.

    Raises:
        DataError: K828, if the name is in use, the store has no such results, or periods are closed already.
    """
    head = store.head()
    state: dict[str, Any] = {"systems": {}, "editions": {}} if head is None else _copied(head.state)
    entry = state["systems"].get(system)
    if head is None or entry is None:
        raise DataError(
            Diagnostic(
                "K828",
                Message("the store has no results of `{system}`", system=system),
                hint=suggest(system, state["systems"]),
            )
        )
    if name in state["editions"]:
        hint = Message("kpi batch CONFIG --supersede {name} --reason TEXT makes a new revision", name=name)
        raise DataError(Diagnostic("K828", Message("the edition `{name}` is closed already", name=name), hint=hint))
    requested = [label for text in labels for label in _labels(text, list(entry["periods"]))]
    closed_periods = closed(state, system)
    if conflicts := [label for label in requested if label in closed_periods]:
        raise DataError(
            Diagnostic(
                "K828",
                Message(
                    "{twice} belong to the edition `{taken}`",
                    twice=tuple(conflicts),
                    taken=closed_periods[conflicts[0]],
                ),
            )
        )
    number = head.number + 1 if number is None else number
    tables = _frozen(store, archive, system, requested)
    state["editions"][name] = {
        "system": system, "periods": requested, "revisions": [{
            "run": head.number, "reason": None, "tables": tables, "sizes": _sizes(archive, tables)
        }]
    }  # fmt: skip
    run = Run(number, {"closed": {"edition": name, "system": system, "periods": requested}}, state)
    store.publish(run, ())
    return run


def supersede(
    state: dict[str, Any], store: Store, archive: Archive, *, name: str, reason: str, number: int,
    changes: Sequence[Change],
) -> None:  # fmt: skip
    """Add a revision to an edition in a state, with its periods after the changes of run `number`."""
    edition = dict(known(state, name))
    tables = _frozen(store, archive, edition["system"], edition["periods"], changes)
    revision = {"run": number, "reason": reason, "tables": tables, "sizes": _sizes(archive, tables)}
    edition["revisions"] = [*edition["revisions"], revision]
    state["editions"][name] = edition


def read(
    state: Mapping[str, Any], archive: Archive, name: str, table: str, *, revision: int | None = None
) -> pl.DataFrame:
    """Return a frozen table of a revision of an edition (counted from 1, None for the newest)."""
    revisions = known(state, name)["revisions"]
    if revision is not None and not 1 <= revision <= len(revisions):
        raise DataError(
            Diagnostic(
                "K828",
                Message("edition `{name}` has no revision {revision}", name=name, revision=revision),
                hint=Message("there are {revisions}", revisions=len(revisions)),
            )
        )
    chosen = revisions[-1 if revision is None else revision - 1]
    if table not in chosen["tables"]:  # closed before the store had the table
        return pl.DataFrame()
    return pl.read_parquet(archive.checked(chosen["tables"][table]))


def _frozen(
    store: Store, archive: Archive, system: str, labels: Sequence[str], changes: Sequence[Change] = ()
) -> dict[str, str]:
    return {table: archive.put(data) for table, data in frozen(store, system, labels, changes)}


def _sizes(archive: Archive, tables: Mapping[str, str]) -> dict[str, int]:
    """Return the sizes of archived files by table."""
    return {table: archive.place(sha).stat().st_size for table, sha in tables.items()}


def frozen(
    store: Store, system: str, labels: Sequence[str], changes: Sequence[Change] = (), *, number: int | None = None
) -> Iterator[tuple[str, bytes]]:
    """Yield each table with the Parquet file of the rows of some periods, after some changes of a run."""
    for table in TABLES:
        rows = [store.read(table, system=system, number=number)]
        for change in changes:
            if (change.table, change.system) == (table, system):
                replaced = pl.lit(True) if change.periods is None else pl.col("period").is_in(list(change.periods))
                rows = [*(part.filter(~replaced) for part in rows if part.height), change.rows]
        frozen_rows = [part.filter(pl.col("period").is_in(list(labels))) for part in rows if part.height]
        out = BytesIO()
        (ordered(pl.concat(frozen_rows, how="diagonal")) if frozen_rows else pl.DataFrame()).write_parquet(out)
        yield table, out.getvalue()


def _labels(text: str, there: Sequence[str]) -> list[str]:
    """Return the stored periods that a text denotes: 2022 is all quarters of 2022 if quarters are scored."""
    try:
        timeline = period_texts.timeline_of(there)
        first, last = period_texts.stretch(text, timeline)
    except periods.PeriodError as error:
        raise DataError(Diagnostic("K606", error.message, hint=error.hint)) from None
    spans = {label: period_texts.stretch(label, timeline) for label in there}
    inside = [label for label, (start, end) in spans.items() if first <= start and end <= last]
    if not inside:
        raise DataError(
            Diagnostic(
                "K828",
                Message("the store has no period in {label}", label=text),
                hint=Message("there is {there}", there=tuple(there)),
            )
        )
    return inside


def _copied(state: Mapping[str, Any]) -> dict[str, Any]:
    return {"systems": dict(state["systems"]), "editions": {k: dict(v) for k, v in state["editions"].items()}}
