"""One system's part of a night: read its inputs, score the periods that changed, say what the store is to change."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import polars as pl

from kpi import session
from kpi.batch import findings
from kpi.batch.config import Source
from kpi.batch.figures import Figures, in_slices, whole
from kpi.batch.fingerprints import engine, keys
from kpi.batch.inputs import Inputs, LaidOut, laid_out
from kpi.batch.read_cache import Index, slices_of
from kpi.batch.store.base import TABLES, Change, Store, prepared
from kpi.batch.store.whole import Archive
from kpi.engine import reporting_quality
from kpi.engine.lookback import reach, window
from kpi.engine.plan import Plan, compile_plan
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, Message, Place, Severity, count, number_of
from kpi.language.lookback import WHOLE, Reach
from kpi.process import atomic_files
from kpi.values import periods
from kpi.values.timelines import Timeline

FRAMES = TABLES[:-1]


@dataclass
class Outcome:
    """What one system's part of a night came to."""

    system: str
    status: str = "unchanged"
    entry: dict[str, Any] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    scored: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    findings: tuple[Diagnostic, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return what the manifest says about it."""
        tally: Counter[str] = Counter()
        for one in self.findings:
            tally[str(one.severity)] += one.stands_for
        return {
            "status": self.status, "scored": list(self.scored), "removed": list(self.removed),
            "pending": list(self.pending), "rows": self.counts, "findings": dict(sorted(tally.items())),
            "seconds": {name: round(value, 4) for name, value in self.seconds.items()},
            "messages": [str(one) for one in self.findings if one.code.startswith("K8")],
        }  # fmt: skip


class Prepared:
    """Inputs laid out, compiled and read; the same for a night and for its check."""

    def __init__(self, laid: LaidOut, plan: Plan, archive: Archive) -> None:
        self.laid, self.plan, self._archive = laid, plan, archive

    @classmethod
    @contextmanager
    def of(cls, inputs: Inputs, archive: Archive) -> Iterator[Self]:
        """Yield inputs laid out and compiled, for as long as the block lasts."""
        with atomic_files.scratch() as folder:
            laid = laid_out(inputs, archive, folder)
            yield cls(laid, compile_plan(laid.system), archive)

    def figures(self, kept: str | None = None) -> tuple[Figures, str]:
        """Return the figures of all files, reading only those that are new, and what to give the next time.

        From then on `reached` says which earlier periods the results look at, and `rows` how many each file has.

        Args:
            kept: what was returned the last time, None to read all files.
        """
        shelf = slices_of(self._archive)
        last = Index.get(shelf, kept)
        figures, index = in_slices(self.laid, shelf, last)
        self.reached: Reach = reach(self.laid.system)
        self.rows = index.rows
        return (figures or whole(self.laid)).explained(), index.put(shelf)

    def keys(self, figures: Figures) -> dict[str, str]:
        """Return the key of every period."""
        system = self.laid.system
        return keys(
            figures.entities.frame, figures.periods, figures.marks, reached=self.reached,
            fingerprint=self.laid.fingerprint, grain=system.period,
        )  # fmt: skip

    def cards(self, figures: Figures, wanted: Collection[str]) -> Iterator[Scorecard]:
        """Yield scorecards that together hold the wanted periods, each computed from no more than it needs."""
        grain, back = self.laid.system.period, window(self.reached)
        labels = figures.periods
        places = [place for place, one in enumerate(labels) if one.label in wanted]
        groups: list[list[int]] = []
        for place in places:
            if groups and (back < 0 or place - groups[-1][-1] <= back + 1):
                groups[-1].append(place)
            else:
                groups.append([place])
        for group in groups:
            first, last = max(group[0] - back, 0), group[-1]
            if back < 0:
                first, last = 0, len(labels) - 1 if back == WHOLE else last
            part = figures.between(labels[first].index(grain), labels[last].index(grain))
            card = session.score_panel(self.plan, part, explanations=figures.said)
            yield card.only([labels[place].index(grain) for place in group])


def frames_of(cards: Collection[Scorecard], system: str) -> dict[str, pl.DataFrame]:
    """Return the frames of scorecards as stores keep them, without the findings."""
    return {
        table: pl.concat([prepared(_frame_of(card, table), system) for card in cards], how="vertical_relaxed")
        for table in FRAMES
    }


def _frame_of(card: Scorecard, table: str) -> pl.DataFrame:
    if table == "restated":
        # A figure may be of a finer period than the scored ones, by which stores are parted.
        rows = card.restated.rename({"period": "figure_period"})
        return rows.with_columns(period=card.restated_in)
    if table == "quality" and not reporting_quality.told(card.definition, card.supply):
        return reporting_quality.nothing()
    frame: pl.DataFrame = getattr(card, table)
    return frame


def unchanged(before: Mapping[str, Any] | None, inputs: Inputs) -> bool:
    """Return whether nothing at all changed since a system was last scored, by the hashes of its inputs."""
    return (
        before is not None
        and not before["pending"]
        and before["inputs"] == inputs.as_json()
        and before["engine"] == engine()
    )


def scored(
    source: Source, inputs: Inputs, *, before: Mapping[str, Any] | None, store: Store, archive: Archive, number: int,
    closed: Mapping[str, str] | None = None, everything: bool = False,
) -> Outcome:  # fmt: skip
    """Score what changed in a system since the state `before`, and return what the store is to change.

    A period of a closed edition, and one that `periods` leaves out, keeps its results and is pending.

    Args:
        source: the system's part of the configuration.
        inputs: as they are now, in the archive.
        before: the system's entry in the last state.
        store: where the results of the other periods are.
        archive: where the inputs are.
        number: of this run.
        closed: the labels of closed periods, each with its edition.
        everything: score every period, changed or not.

    Raises:
        DataError: K820 and K821 when a gate keeps the night from the store, and whatever reading the files raises.
        DefinitionError: when the definition cannot be used.
    """
    outcome = Outcome(inputs.system, "scored")
    clock = _Clock(outcome.seconds)
    old: Mapping[str, Mapping[str, Any]] = before["periods"] if before else {}
    with Prepared.of(inputs, archive) as ready:
        clock("prepare")
        figures, kept = ready.figures(before.get("slices") if before and not everything else None)
        clock("read")
        now = ready.keys(figures)
        differs = [label for label, key in now.items() if everything or old.get(label, {}).get("key") != key]
        differs += [label for label in old if label not in now]
        chosen = _chosen(source, list(now), differs, ready.laid.system.timeline)
        wanted = [label for label in differs if label in now and label in chosen and label not in (closed or {})]
        outcome.removed = tuple(
            label for label in differs if label not in now and label in chosen and label not in (closed or {})
        )
        outcome.pending = tuple(label for label in differs if label not in (*wanted, *outcome.removed))
        cards = list(ready.cards(figures, wanted))
        clock("score")
        frames = frames_of(cards, inputs.system) if cards else {}
        stay = findings.kept(store, inputs.system, (*wanted, *outcome.removed))
        found = findings.found(
            ready.laid.system, figures.findings, said=figures.said, holds=figures.holds, cards=cards, stay=stay
        )
        clock("frames")
    outcome.scored = tuple(wanted)
    outcome.counts = {
        name: getattr(figures.counts, name) for name in ("read", "used", "refused", "restated", "repeated")
    }
    if figures.counts.left_out:
        outcome.counts["left_out"] = figures.counts.left_out
    gone = _gone(Inputs.of_json(inputs.system, before["inputs"]), inputs) if before else ()
    outcome.findings = (*found, *_notes(outcome, closed or {}), *gone)
    _gates(source, outcome, frames)
    for table in FRAMES if cards or outcome.removed else ():
        rows = frames[table] if cards else store.read(table, system=inputs.system).clear()
        # What a system does not have, such as treated cells, needs no rows replaced by none.
        if rows.height or store.read(table, system=inputs.system).height:
            outcome.changes.append(Change(table, inputs.system, (*wanted, *outcome.removed), rows))
    outcome.changes.append(Change("findings", inputs.system, None, findings.table(found, inputs.system, stay)))
    entries = {label: dict(entry) for label, entry in old.items() if label not in outcome.removed}
    entries |= {label: {"key": now[label], "run": number} for label in wanted}
    outcome.entry = {
        "inputs": inputs.as_json(), "engine": engine(), "pending": list(outcome.pending), "run": number, "slices": kept,
        "rows": ready.rows, "periods": {label: entries[label] for label in sorted(entries)},
    }  # fmt: skip
    return outcome


class _Clock:
    """Notes how long each stage took."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds, self.last = seconds, time.perf_counter()

    def __call__(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage], self.last = now - self.last, now


def _chosen(source: Source, there: list[str], differs: list[str], timeline: Timeline) -> set[str]:
    if source.periods == "changed":
        return set(differs)
    if isinstance(source.periods, str):
        return set(there[-int(source.periods.removeprefix("last ")) :])
    return {periods.parse(text, timeline=timeline).label for text in source.periods}


def _notes(outcome: Outcome, closed: Mapping[str, str]) -> Iterator[Diagnostic]:
    """Return what a night has to say of periods that are not scored."""
    for label in outcome.pending:
        if label in closed:
            hint = Message("kpi batch CONFIG --supersede {closed} --reason TEXT scores it again", closed=closed[label])
            message = Message(
                "the inputs of {label} changed, but edition `{closed}` is closed: its results stay",
                label=label,
                closed=closed[label],
            )
            yield Diagnostic("K822", message, hint=hint, severity=Severity.WARNING)
    if outcome.removed:
        message = Message(
            "{removed} no longer in the inputs: {removed_2}",
            removed=count(len(outcome.removed), "period"),
            removed_2=tuple(outcome.removed),
        )
        yield Diagnostic("K823", message, hint=Message("their results were removed"), severity=Severity.WARNING)


def _gone(last: Inputs, now: Inputs) -> Iterator[Diagnostic]:
    """Yield a warning for each file of data of the last run that is not there any more, under this or another name."""
    names, contents = {name for name, _, _ in now.data}, {sha for _, sha, _ in now.data}
    for name, sha, _ in last.data:
        if name not in names and sha not in contents:
            message = Message(
                "the file was there in the last run and is gone: its figures are no longer in the results"
            )
            hint = Message("put it back if that is not meant")
            yield Diagnostic("K640", message, Place(name), hint, Severity.WARNING)


def _gates(source: Source, outcome: Outcome, frames: Mapping[str, pl.DataFrame]) -> None:
    errors = number_of(one for one in outcome.findings if one.severity is Severity.ERROR)
    hint = Message("the last results stay; mend the data or move the gate")
    if source.max_findings is not None and errors > source.max_findings:
        message = Message(
            "{errors} in the data of {system}, more than {max_findings}",
            errors=count(errors, "error"),
            system=outcome.system,
            max_findings=source.max_findings,
        )
        raise DataError(
            [
                *(one for one in outcome.findings if one.severity is Severity.ERROR),
                Diagnostic("K820", message, hint=hint),
            ]
        )
    if source.fail_under is not None and frames:
        totals = frames["totals"]
        share = 100 * totals["score"].count() / totals.height
        if share < source.fail_under:
            message = Message(
                "{share:.1f} % of the totals of {system} have a score, fewer than {fail_under:g} %",
                share=share,
                system=outcome.system,
                fail_under=source.fail_under,
            )
            raise DataError(Diagnostic("K821", message, hint=hint))
