"""The figures of a system for a night: in slices where files can be read apart, else read all together."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from kpi.batch.file_periods import Span, separable, span, together
from kpi.batch.fingerprints import Marks, engine, marks
from kpi.batch.inputs import Item, LaidOut
from kpi.batch.read_cache import Index, Slice
from kpi.batch.store.whole import Archive
from kpi.errors import DataError, Diagnostic
from kpi.intake.entities import Entities
from kpi.intake.grid import Counts, Panel, grid
from kpi.intake.query_answers import Explanations
from kpi.intake.reported import entity_targets
from kpi.intake.roster import roster_of
from kpi.language.system import System
from kpi.values import periods as calendar
from kpi.values.columns import OUTSIDE, Column
from kpi.values.periods import Period

#: Columns of a panel that follow from the roster and the calendar, and are not kept.
_GIVEN = ("cohort", "#month", "#entities", OUTSIDE)

#: A finding of the intake that months were read as names of the periods that they end: it holds for all files or none.
_BY_ENDS = "K620"


@dataclass(frozen=True)
class Figures:
    """The figures of a system, of which any span of periods can be had as a panel.

    `of` holds them whole, where they could not be had in slices.
    """

    laid: LaidOut
    entities: Entities
    periods: tuple[Period, ...]
    marks: Marks
    findings: tuple[Diagnostic, ...]
    counts: Counts
    slices: tuple[Slice, ...] = ()
    archive: Archive | None = None
    of: Panel | None = None
    said: Explanations = field(default_factory=Explanations)

    @property
    def system(self) -> System:
        """The system whose figures they are."""
        return self.laid.system

    def explained(self) -> Figures:
        """Return the figures with what explanations say, which is news of the periods that they are about."""
        said = self.laid.said(self.entities, self.periods)
        index = {one.label: one.index(self.system.period) for one in self.periods}
        by: dict[int, list[list[str]]] = {}
        for (measure, entity, at), text in said.notes.items():
            by.setdefault(at, []).append([measure, str(entity), text])
        for (who, label, message), text in said.answers.items():
            if label in index:
                by.setdefault(index[label], []).append([who, message, text])
        news = {at: int(_hash(sorted(some))[:15], 16) for at, some in by.items()}
        return dataclasses.replace(self, said=said, marks={**self.marks, "#explained": news})

    def panel(self) -> Panel:
        """Return the panel of all periods, with the findings."""
        if self.of is not None:
            return self.of
        first, last = (self.periods[at].index(self.system.period) for at in (0, -1))
        return dataclasses.replace(self.between(first, last), findings=self.findings, data_hash=self.laid.data_hash)

    def holds(self, column: str) -> bool:
        """Return whether a column of the panel has a value in any period."""
        if self.of is not None:
            return self.of.frame[column].count() > 0
        # A period that no file is for has none.
        before = self.periods[0].index(self.system.period) - 1
        nothing = marks(self._grid((), before, before).select("period", "entity", column))[column][before]
        return any(mark != nothing for mark in self.marks[column].values())

    def between(self, low: int, high: int) -> Panel:
        """Return the panel of the periods with indices from `low` to `high`, without findings."""
        some = tuple(one for one in self.periods if low <= one.index(self.system.period) <= high)
        if self.of is not None:
            frame = self.of.frame.filter(pl.col("period").is_between(low, high))
            return dataclasses.replace(self.of, frame=frame, periods=some, findings=())
        mine = [one for one in self.slices if any(low <= at <= high for at in one.periods)]
        frame = self._grid(mine, low, high)
        notes = {at: text for one in mine for at, text in one.notes.items()}
        reporters, restated = (self._gathered(mine, name, low, high) for name in ("reporters", "restated"))
        return Panel(
            frame, self.entities, some, (), self.counts, "", notes=notes, reporters=reporters, restated=restated
        )

    def _gathered(self, slices: Sequence[Slice], what: str, low: int, high: int) -> pl.DataFrame | None:
        """Who reported, or what was restated, in some periods; in the order that reading all files together gives."""
        some = [frame for one in slices if (frame := self._frame(one, what)) is not None]
        if not some:
            return None
        frame = pl.concat(some)
        if what == "reporters":
            return frame.filter(pl.col("period").is_between(low, high))
        frame = frame.filter(pl.col("index").is_between(low, high))
        spans = calendar.parse_column(frame["period"]).select(period="text", start="start", months="months")
        keys = ["start", "months"]
        return (
            frame.join(spans, on="period", how="left", maintain_order="left").sort(keys, maintain_order=True).drop(keys)
        )

    def _grid(self, slices: Sequence[Slice], low: int, high: int) -> pl.DataFrame:
        """Return the complete grid of the figures in slices, with the entities' own targets; null without a file."""
        # Any slice tells what columns there are.
        held = pl.concat(frame for one in slices or self.slices[:1] if (frame := self._frame(one)) is not None)
        nothing: dict[str, object] = {Column(name).status: "missing" for name in self.system.measures}
        nothing.update({Column(name).rows: 0 for name in self.system.measures})
        empty = [pl.col(name).fill_null(nothing[name]) for name in held.columns if name in nothing]
        keys = ["period", "entity"]
        frame = grid(self.system, self.entities, low, high)
        frame = frame.join(held, on=keys, how="left", maintain_order="left").with_columns(empty)
        return frame if self.targets is None else frame.join(self.targets, on=keys, how="left", maintain_order="left")

    def _frame(self, one: Slice, what: str = "frame") -> pl.DataFrame | None:
        """Return a frame of a slice, None where it has none; a lost or damaged one is made again from the files."""
        assert self.archive is not None  # noqa: S101
        sha = getattr(one, what)
        if sha is None:
            return None
        try:
            file = self.archive.checked(sha)
        except DataError:
            if _read(one.key, one.items, one.periods, self.laid, self.archive) is None:
                raise
            file = self.archive.checked(sha)
        return pl.read_parquet(file)

    @cached_property
    def targets(self) -> pl.DataFrame | None:
        """The entities' own targets in all periods, None where there are none: one that is given holds on."""
        if not _own(self.system):
            return None
        first, last = (self.periods[at].index(self.system.period) for at in (0, -1))
        whole = grid(self.system, self.entities, first, last).select("period", "entity")
        return entity_targets.add(whole, self.system, pl.DataFrame(), self.entities)[0]

    def marked(self, gaps: Collection[int]) -> Marks:
        """Return the marks of all periods, also of those that no file is for."""
        found: dict[str, dict[int, int]] = {}
        for one in self.slices:
            for name, some in one.marks.items():
                found.setdefault(name, {}).update(some)
        if gaps:
            # A period without figures looks like any other.
            first = min(gaps)
            for name, some in marks(self._grid((), first, first).drop(_own(self.system), strict=False)).items():
                found.setdefault(name, {}).update(dict.fromkeys(gaps, some[first]))
        if self.targets is not None:
            found |= marks(self.targets)  # they hold over periods, so the slices do not have them
        return {name: dict(sorted(some.items())) for name, some in sorted(found.items())}


def in_slices(laid: LaidOut, archive: Archive, index: Index) -> tuple[Figures | None, Index]:
    """Return the figures in slices, reading only files of which the index has none, and the index for the next night.

    The figures are None where files can only be read all together.

    Args:
        laid: the inputs.
        archive: where slices are.
        index: of the last night.
    """
    kept = Index()
    spans: dict[Item, Span] = {}
    try:
        for item in laid.inputs.data:
            key = _hash([laid.fingerprint, engine(), *item])
            spans[item] = kept.spans[key] = index.spans.get(key) or _span(laid, item)
            kept.rows[item[0]] = spans[item].rows
    except DataError:
        return None, kept
    roster = roster_of(laid.system)
    # Where a unit is one for some time only, a period without files does not look like any other.
    if not separable(laid.system) or (roster is not None and roster.spans):
        return None, kept
    for items in together(spans):
        key = _hash([laid.fingerprint, engine(), items])
        found = index.slices.get(key)
        if found is None or not all(archive.place(sha).is_file() for sha in found.files):
            owned = frozenset().union(*(spans[item].periods or () for item in items))
            found = _read(key, items, owned, laid, archive)
        if found is None:
            return None, kept
        kept.slices[key] = found
    return _joined(laid, tuple(kept.slices.values()), archive), kept


def _span(laid: LaidOut, item: Item) -> Span:
    ((dataset, (file,)),) = laid.checked([item]).items()
    return span(laid.system, Path(file), dataset)


def _read(key: str, items: Collection[Item], owned: Collection[int], laid: LaidOut, archive: Archive) -> Slice | None:
    """Read files into a slice; None when they cannot stand alone."""
    if not owned:
        return None
    try:
        panel = laid.panel(items)
    except DataError:
        # What is wrong with all files together is for reading them together to say.
        return None
    mine = pl.col("period").is_in(list(owned))
    if panel.frame.select((~mine & ~_blank(laid.system, panel.frame.schema)).any()).item():
        return None
    frame = panel.frame.filter(mine).drop(_own(laid.system), strict=False)
    found = marks(frame) | _supplied(panel)
    return Slice(
        key, tuple(items), _put(archive, frame.drop(_GIVEN, strict=False)),
        tuple(frame["period"].unique().sort()), found,
        panel.findings, panel.counts, panel.notes, _put(archive, panel.reporters), _put(archive, panel.restated),
    )  # fmt: skip


def _joined(laid: LaidOut, slices: tuple[Slice, ...], archive: Archive) -> Figures | None:
    """Return slices as one; None when their files mean something else together than apart."""
    ends = [any(one.code == _BY_ENDS for one in some.findings) for some in slices]
    if any(ends) and not all(ends):
        return None
    system = laid.system
    there = sorted(at for one in slices for at in one.periods)
    periods = tuple(Period.of(at, system.period) for at in range(there[0], there[-1] + 1))
    found: list[Diagnostic] = []
    said: set[Diagnostic] = set()
    for one in slices:
        # What is about no file of its own, such as a file of targets, every slice says again.
        found += [finding for finding in one.findings if finding not in said]
        said.update(one.findings)
    counts = Counts(*(sum(getattr(one.counts, name) for one in slices) for name in Counts.__dataclass_fields__))
    entities = roster_of(system)
    assert entities is not None  # noqa: S101
    figures = Figures(laid, entities, periods, {}, tuple(found), counts, slices, archive)
    return dataclasses.replace(figures, marks=figures.marked(set(range(there[0], there[-1] + 1)) - set(there)))


def whole(laid: LaidOut) -> Figures:
    """Return the figures of all files, read all together."""
    panel = laid.panel()
    return Figures(laid, panel.entities, panel.periods, marks(panel.frame), panel.findings, panel.counts, of=panel)


def _blank(system: System, schema: pl.Schema) -> pl.Expr:
    """Whether a row of a panel holds no figure: as a period is that no file is for."""
    columns = [Column(name) for name in system.measures]
    missing = [pl.col(one.status) == "missing" for one in columns if one.status in schema]
    return pl.all_horizontal(*missing, *(pl.col(one.rows) == 0 for one in columns if one.rows in schema))


def _put(archive: Archive, frame: pl.DataFrame | None) -> Any:
    """Keep a frame and return its hash; None for none, and for one without rows."""
    if frame is None or not frame.height:
        return None
    out = BytesIO()
    frame.write_parquet(out, compression="lz4", statistics=False)
    return archive.put(out.getvalue())


def _supplied(panel: Panel) -> dict[str, dict[int, int]]:
    """Return the marks of what is known beside figures: notes on them, who reported them, what was restated."""
    facts: dict[str, dict[int, list[object]]] = {"#notes": {}, "#reporters": {}, "#restated": {}}
    for (measure, entity, period), text in sorted(panel.notes.items()):
        facts["#notes"].setdefault(period, []).append([measure, entity, text])
    for name, frame, by in (("#reporters", panel.reporters, "period"), ("#restated", panel.restated, "index")):
        if frame is not None and frame.height:
            rows = frame.sort(pl.all(), nulls_last=True).partition_by(by, as_dict=True, maintain_order=True)
            facts[name] = {int(at): [part.write_ndjson()] for (at,), part in rows.items()}
    return {name: {at: int(_hash(said)[:15], 16) for at, said in some.items()} for name, some in facts.items()}


def _own(system: System) -> list[str]:
    """Return the columns of the entities' own targets, which hold over periods."""
    return [
        Column(name).own_target(place)
        for name, indicator in system.indicators.items()
        for place, target in enumerate(indicator.target)
        if target.per_entity is not None
    ]


def _hash(tree: object) -> str:
    return hashlib.sha256(json.dumps(tree).encode()).hexdigest()[:32]
