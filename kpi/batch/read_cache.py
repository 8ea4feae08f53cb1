"""Slices: archived figures of files that are read together, so that an unchanged file is read once.

A slice is the result of `take_in` for a group of files (`batch.file_periods`), restricted to their periods: the figures
as a Parquet file, and in an index the findings, notes and row counts, with a mark for every period and column that
detects changes. The key of a slice is a hash of the files, the definition and the engine, so a slice is never out of
date; a lost or damaged one is computed again. The verification of a past run (`kpi batch --verify`) reads the files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field, to_builtins

from kpi.batch.file_periods import Span
from kpi.batch.fingerprints import Marks
from kpi.batch.inputs import Item
from kpi.batch.store.whole import Archive
from kpi.errors import DataError, Diagnostic, Place, Severity
from kpi.intake.grid import Counts


def slices_of(archive: Archive) -> Archive:
    """Return the archive of slices: a folder of the archive that is pruned separately."""
    return Archive(archive.folder / "slices", last=False)


class Slice(Struct, frozen=True):
    """Figures of some files: the hash of their frame in the archive, their periods, and the findings."""

    key: str
    items: tuple[Item, ...]
    frame: str
    periods: tuple[int, ...]
    marks: Marks
    findings: tuple[Diagnostic, ...]
    counts: Counts
    notes: Mapping[tuple[str, int, int], str]
    reporters: str | None = None
    restated: str | None = None

    @property
    def files(self) -> list[str]:
        """The hashes of the archived frames."""
        return [sha for sha in (self.frame, self.reporters, self.restated) if sha is not None]

    def as_json(self) -> dict[str, Any]:
        """Return the slice in the format of an index."""
        findings = [finding.as_dict() for finding in self.findings]
        return {
            "key": self.key, "items": self.items, "frame": self.frame, "periods": self.periods, "marks": self.marks,
            "findings": findings, "counts": to_builtins(self.counts),
            "notes": [[*at, text] for at, text in self.notes.items()], "reporters": self.reporters,
            "restated": self.restated,
        }  # fmt: skip

    @classmethod
    def of_json(cls, tree: Mapping[str, Any]) -> Slice:
        """Return a slice from an index."""
        findings = tuple(
            Diagnostic(**entry | {"place": Place(**entry["place"]), "severity": Severity(entry["severity"])})
            for entry in tree["findings"]
        )
        numbers = {name: {int(at): mark for at, mark in by_period.items()} for name, by_period in tree["marks"].items()}
        notes = {(measure, entity, period): text for measure, entity, period, text in tree["notes"]}
        items = tuple((name, sha, dataset) for name, sha, dataset in tree["items"])
        return cls(
            tree["key"], items, tree["frame"], tuple(tree["periods"]), numbers, findings, Counts(**tree["counts"]),
            notes, tree["reporters"], tree["restated"],
        )  # fmt: skip


class Index(Struct):
    """The spans of files and the slices of the last run of a system, each by its key.

    `rows` are the row counts of all files; they are part of the state of the run, not of the archive.
    """

    spans: dict[str, Span] = field(default_factory=dict)
    slices: dict[str, Slice] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    def put(self, archive: Archive) -> str:
        """Archive the index and return its hash."""
        spans = {
            key: [None if file_span.periods is None else sorted(file_span.periods), file_span.rows]
            for key, file_span in self.spans.items()
        }
        tree = {"spans": spans, "slices": [part.as_json() for part in self.slices.values()]}
        return archive.put(json.dumps(tree, ensure_ascii=False, sort_keys=True).encode())

    @classmethod
    def get(cls, archive: Archive, sha: str | None) -> Index:
        """Return the index with a hash; an empty one if it is missing, as after a change of the engine."""
        try:
            tree = json.loads(archive.checked(sha or "").read_bytes())
            slices = [Slice.of_json(entry) for entry in tree["slices"]]
            spans = {
                key: Span(None if periods is None else frozenset(periods), rows)
                for key, (periods, rows) in tree["spans"].items()
            }
        except (DataError, OSError, ValueError, KeyError, TypeError):
            return cls()
        return cls(spans, {part.key: part for part in slices})

    @property
    def files(self) -> set[str]:
        """The hashes of the archived frames."""
        return {sha for part in self.slices.values() for sha in part.files}
