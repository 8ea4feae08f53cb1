"""The figures of a system for a run: in slices if files can be read separately, else read together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from kpi.batch.file_periods import Span, separable, span, together
from kpi.batch.findings import recent_from
from kpi.batch.fingerprints import Marks, engine, marks
from kpi.batch.inputs import Item, LaidOut
from kpi.batch.read_cache import Index, Slice
from kpi.batch.store.whole import Archive
from kpi.engine.lookback import CORRECTED
from kpi.errors import DataError, Diagnostic
from kpi.intake import entity_classes
from kpi.intake.entities import Entities
from kpi.intake.grid import Counts, Panel, grid
from kpi.intake.groups_of_roster import given_columns
from kpi.intake.query_answers import Explanations
from kpi.intake.reported import entity_targets
from kpi.intake.roster import roster_of
from kpi.language.measures import reported
from kpi.language.system import CheckedSystem, System
from kpi.values import period_texts
from kpi.values.columns import OUTSIDE, Column, class_by, is_unit
from kpi.values.periods import Period

#: Columns of a panel that are derived from the roster and the calendar, and not archived.
_GIVEN = ("cohort", "#month", "#entities", OUTSIDE)

#: The finding that months were read as the last month of a period, which holds for all files or for none.
_BY_ENDS = "K620"


class Figures(Struct, frozen=True, dict=True):
    """The figures of a system; any range of periods is available as a panel.

    `of` is the whole panel if the files could not be read in slices.
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
    explanations: Explanations = field(default_factory=Explanations)

    @property
    def system(self) -> CheckedSystem:
        """The system of the figures."""
        return self.laid.system

    def explained(self) -> Figures:
        """Return the figures with the explanations, which change the marks of their periods."""
        explanations = self.laid.explanations(self.entities, self.periods)
        index = {period.label: period.index(self.system.period) for period in self.periods}
        by: dict[int, list[list[str]]] = {}
        for (measure, entity, at), text in explanations.notes.items():
            by.setdefault(at, []).append([measure, str(entity), text])
        for (unit, label, message), text in explanations.answers.items():
            if label in index:
                by.setdefault(index[label], []).append([unit, message, text])
        news = {at: int(_hash(sorted(texts))[:15], 16) for at, texts in by.items()}
        return replace(self, explanations=explanations, marks={**self.marks, "#explained": news})

    def panel(self) -> Panel:
        """Return the panel of all periods, with the findings."""
        if self.of is not None:
            return self.of
        first, last = (self.periods[at].index(self.system.period) for at in (0, -1))
        return replace(self.between(first, last), findings=self.findings, data_hash=self.laid.data_hash)

    def holds(self, column: str) -> bool:
        """Return whether a column of the panel has a value in any period."""
        if self.of is not None:
            return self.of.frame[column].count() > 0
        # A period without a file has no slice.
        before = self.periods[0].index(self.system.period) - 1
        nothing = marks(self._grid((), before, before).select("period", "entity", column))[column][before]
        return any(mark != nothing for mark in self.marks[column].values())

    def recent(self) -> pl.DataFrame:
        """Return the reported measures of the recent periods that have files, as a panel has them."""
        if self.of is not None:
            return self.of.frame
        first = recent_from(self.system, self.periods[-1].index(self.system.period))
        slices = [part for part in self.slices if any(at >= first for at in part.periods)]
        columns = ["entity", "period", *reported(self.system.measures)]
        frames = [frame.select(columns) for part in slices if (frame := self._frame(part)) is not None]
        return pl.concat(frames) if frames else pl.DataFrame(schema={"entity": pl.UInt32, "period": pl.Int32})

    def between(self, low: int, high: int) -> Panel:
        """Return the panel of the periods with indices from `low` to `high`, without findings."""
        periods = tuple(period for period in self.periods if low <= period.index(self.system.period) <= high)
        if self.of is not None:
            frame = self.of.frame.filter(pl.col("period").is_between(low, high))
            return replace(self.of, frame=frame, periods=periods, findings=())
        slices = [part for part in self.slices if any(low <= at <= high for at in part.periods)]
        frame = self._grid(slices, low, high)
        notes = {at: text for part in slices for at, text in part.notes.items()}
        reporters, restated = (self._gathered(slices, name, low, high) for name in ("reporters", "restated"))
        return Panel(
            frame, self.entities, periods, (), self.counts, "", notes=notes, reporters=reporters, restated=restated
        )

    def _gathered(self, slices: Sequence[Slice], frame_name: str, low: int, high: int) -> pl.DataFrame | None:
        """Return the reporters or restated figures of some periods, in the order of reading all files together."""
        frames = [frame for part in slices if (frame := self._frame(part, frame_name)) is not None]
        if not frames:
            return None
        frame = pl.concat(frames)
        if frame_name == "reporters":
            return frame.filter(pl.col("period").is_between(low, high))
        frame = frame.filter(pl.col("index").is_between(low, high))
        spans = period_texts.parse_column(frame["period"], timeline=self.system.timeline).select(
            period="text", start="start", months="months"
        )
        keys = ["start", "months"]
        return (
            frame.join(spans, on="period", how="left", maintain_order="left").sort(keys, maintain_order=True).drop(keys)
        )

    def _grid(self, slices: Sequence[Slice], low: int, high: int) -> pl.DataFrame:
        """Return the complete grid of the figures in slices, with the targets per entity; null without a file."""
        # All slices have the same columns.
        stacked = pl.concat(frame for part in slices or self.slices[:1] if (frame := self._frame(part)) is not None)
        nothing: dict[str, object] = {Column(name).status: "missing" for name in self.system.measures}
        nothing.update({Column(name).rows: 0 for name in self.system.measures})
        empty = [pl.col(name).fill_null(nothing[name]) for name in stacked.columns if name in nothing]
        keys = ["period", "entity"]
        frame = grid(self.system, self.entities, low, high)
        frame = frame.join(stacked, on=keys, how="left", maintain_order="left").with_columns(empty)
        return frame if self.targets is None else frame.join(self.targets, on=keys, how="left", maintain_order="left")

    def _frame(self, part: Slice, frame_name: str = "frame") -> pl.DataFrame | None:
        """Return a frame of a slice, or None; a lost or damaged frame is recomputed from the files."""
        assert self.archive is not None  # noqa: S101
        sha = getattr(part, frame_name)
        if sha is None:
            return None
        try:
            file = self.archive.checked(sha)
        except DataError:
            if _read(part.key, part.items, part.periods, self.laid, self.archive) is None:
                raise
            file = self.archive.checked(sha)
        return pl.read_parquet(file)

    @cached_property
    def targets(self) -> pl.DataFrame | None:
        """Targets per entity and period, forward-filled; None if unused."""
        if not _own(self.system):
            return None
        first, last = (self.periods[at].index(self.system.period) for at in (0, -1))
        complete = grid(self.system, self.entities, first, last).select("period", "entity")
        frame = entity_targets.add(complete, self.system, pl.DataFrame(), self.entities)[0]
        return entity_classes.add(frame, self.system, self.entities)[0]

    def marked(self, gaps: Collection[int]) -> Marks:
        """Return the marks of all periods, including periods without a file."""
        result: dict[str, dict[int, int]] = {}
        for part in self.slices:
            for name, month_marks in part.marks.items():
                result.setdefault(name, {}).update(month_marks)
        if gaps:
            # All periods without figures have equal marks.
            first = min(gaps)
            for name, by_period in marks(self._grid((), first, first).drop(_own(self.system), strict=False)).items():
                result.setdefault(name, {}).update(dict.fromkeys(gaps, by_period[first]))
        if self.targets is not None:
            result |= marks(self.targets)  # targets extend over periods, so slices do not hold them
        return {name: dict(sorted(month_marks.items())) for name, month_marks in sorted(result.items())}


def in_slices(laid: LaidOut, archive: Archive, index: Index) -> tuple[Figures | None, Index]:
    """Return the figures in slices and the index for the next run; only files that are not in the index are read.

    The figures are None if the files have to be read together.

    Args:
        laid: the inputs, laid out.
        archive: the archive of slices.
        index: the index of the last run.
    """
    new_index = Index()
    if laid.inputs.figures is not None:
        return None, new_index
    spans: dict[Item, Span] = {}
    try:
        for item in laid.inputs.data:
            key = _hash([laid.fingerprint, engine(), *item])
            spans[item] = new_index.spans[key] = index.spans.get(key) or _span(laid, item)
            new_index.rows[item[0]] = spans[item].rows
    except DataError:
        return None, new_index
    roster = roster_of(laid.system)
    # Where a unit is one for some time only, a period without files does not look like any other.
    if not separable(laid.system) or (roster is not None and roster.spans):
        return None, new_index
    for items in together(spans):
        key = _hash([laid.fingerprint, engine(), items])
        part = index.slices.get(key)
        if part is None or not all(archive.place(sha).is_file() for sha in part.files):
            owned = frozenset().union(*(spans[item].periods or () for item in items))
            part = _read(key, items, owned, laid, archive)
        if part is None:
            return None, new_index
        new_index.slices[key] = part
    return _joined(laid, tuple(new_index.slices.values()), archive), new_index


def _span(laid: LaidOut, item: Item) -> Span:
    ((dataset, (file,)),) = laid.checked([item]).items()
    return span(laid.system, Path(file), dataset)


def _read(key: str, items: Collection[Item], owned: Collection[int], laid: LaidOut, archive: Archive) -> Slice | None:
    """Read files into a slice; None if they cannot be read separately."""
    if not owned:
        return None
    try:
        panel = laid.panel(items)
    except DataError:
        # Errors of the combination are reported when the files are read together.
        return None
    owned_rows = pl.col("period").is_in(list(owned))
    if panel.frame.select((~owned_rows & ~_blank(laid.system, panel.frame.schema)).any()).item():
        return None
    frame = panel.frame.filter(owned_rows).drop(_own(laid.system), strict=False)
    fingerprint = marks(frame) | _supplied(panel)
    return Slice(
        key, tuple(items),
        _put(
            archive,
            frame.drop(
                *_GIVEN, *map(is_unit, laid.system.named_units), *given_columns(laid.system), strict=False
            ),
        ),
        tuple(frame["period"].unique().sort()), fingerprint,
        panel.findings, panel.counts, panel.notes, _put(archive, panel.reporters), _put(archive, panel.restated),
    )  # fmt: skip


def _joined(laid: LaidOut, slices: tuple[Slice, ...], archive: Archive) -> Figures | None:
    """Return slices as one; None if the files give other results together than separately."""
    ends = [any(finding.code == _BY_ENDS for finding in part.findings) for part in slices]
    if any(ends) and not all(ends):
        return None
    system = laid.system
    there = sorted(at for part in slices for at in part.periods)
    periods = tuple(Period.of(at, system.period) for at in range(there[0], there[-1] + 1))
    findings: list[Diagnostic] = []
    listed: set[Diagnostic] = set()
    for slice_read in slices:
        # Findings that concern all files, such as those on a file of targets, repeat in every slice.
        findings += [finding for finding in slice_read.findings if finding not in listed]
        listed.update(slice_read.findings)
    counts = Counts(*(sum(getattr(part.counts, name) for part in slices) for name in Counts.__struct_fields__))
    entities = roster_of(system)
    assert entities is not None  # noqa: S101
    figures = Figures(laid, entities, periods, {}, tuple(findings), counts, slices, archive)
    return replace(figures, marks=figures.marked(set(range(there[0], there[-1] + 1)) - set(there)))


def read_together(laid: LaidOut) -> Figures:
    """Return the figures of all files, read together."""
    panel = laid.panel()
    return Figures(laid, panel.entities, panel.periods, marks(panel.frame), panel.findings, panel.counts, of=panel)


def _blank(system: System, schema: pl.Schema) -> pl.Expr:
    """Return whether a row of a panel has no figure, as in a period without a file."""
    columns = [Column(name) for name in system.measures]
    missing = [pl.col(column.status) == "missing" for column in columns if column.status in schema]
    return pl.all_horizontal(*missing, *(pl.col(column.rows) == 0 for column in columns if column.rows in schema))


def _put(archive: Archive, frame: pl.DataFrame | None) -> Any:
    """Archive a frame and return its hash; None for None and for an empty frame."""
    if frame is None or not frame.height:
        return None
    out = BytesIO()
    frame.write_parquet(out, compression="lz4", statistics=False)
    return archive.put(out.getvalue())


def _supplied(panel: Panel) -> dict[str, dict[int, int]]:
    """Return the marks of facts beside the figures: notes, reporters, restated figures."""
    facts: dict[str, dict[int, list[object]]] = {"#notes": {}, "#reporters": {}, CORRECTED: {}}
    for (measure, entity, period), text in sorted(panel.notes.items()):
        facts["#notes"].setdefault(period, []).append([measure, entity, text])
    for name, frame, by in (("#reporters", panel.reporters, "period"), (CORRECTED, panel.restated, "index")):
        if frame is not None and frame.height:
            rows = frame.sort(pl.all(), nulls_last=True).partition_by(by, as_dict=True, maintain_order=True)
            facts[name] = {int(at): [part.write_ndjson()] for (at,), part in rows.items()}
    return {
        name: {at: int(_hash(facts_of_period)[:15], 16) for at, facts_of_period in by_period.items()}
        for name, by_period in facts.items()
    }


def _own(system: System) -> list[str]:
    """Return the columns of targets per entity and of classes, which extend over periods."""
    targets = [
        Column(name).own_target(place)
        for name, indicator in system.indicators.items()
        for place, target in enumerate(indicator.target)
        if target.per_entity is not None
    ]
    return [*targets, *map(class_by, system.classes)]


def _hash(tree: object) -> str:
    return hashlib.sha256(json.dumps(tree).encode()).hexdigest()[:32]
