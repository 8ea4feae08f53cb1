"""The run of one system: read its inputs, score the periods that changed, and return the changes of the store."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import polars as pl
from msgspec import Struct, field

from kpi import session
from kpi.batch import alerts, findings
from kpi.batch.config import Source
from kpi.batch.figures import Figures, in_slices, read_together
from kpi.batch.fingerprints import engine, keys
from kpi.batch.inputs import Inputs, LaidOut, laid_out
from kpi.batch.read_cache import Index, slices_of
from kpi.batch.store.base import ASKED, TABLES, Change, Store, prepared
from kpi.batch.store.whole import Archive
from kpi.engine import reporting_quality
from kpi.engine.lookback import reach, window
from kpi.engine.plan import Plan, compile_plan
from kpi.engine.scorecard import PROBABILITY, Scorecard
from kpi.errors import DataError, Diagnostic, Message, Place, Severity, count, number_of
from kpi.language.lookback import WHOLE, Reach
from kpi.process import atomic_files
from kpi.values import period_texts
from kpi.values.timelines import Timeline

FRAMES = TABLES[:-1]

#: The highest level that a star scheme may give.
HIGHEST = 5


class Outcome(Struct):
    """The outcome of the run of one system."""

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
    alerts: tuple[Diagnostic, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the entry of the manifest."""
        tally: Counter[str] = Counter()
        for item in self.findings:
            tally[str(item.severity)] += item.stands_for
        return {
            "status": self.status, "scored": list(self.scored), "removed": list(self.removed),
            "pending": list(self.pending), "rows": self.counts, "findings": dict(sorted(tally.items())),
            "seconds": {name: round(value, 4) for name, value in self.seconds.items()},
            "alerts": [finding.in_english() for finding in self.alerts],
            "messages": [finding.in_english() for finding in self.findings if finding.code.startswith("K8")],
        }  # fmt: skip


class Prepared:
    """Inputs laid out, compiled and read; used by runs and by their verification."""

    def __init__(self, laid: LaidOut, plan: Plan, archive: Archive) -> None:
        self.laid, self.plan, self._archive = laid, plan, archive

    @classmethod
    @contextmanager
    def of(cls, inputs: Inputs, archive: Archive) -> Iterator[Self]:
        """Yield inputs laid out and compiled, for the duration of the block."""
        with atomic_files.scratch() as folder:
            laid = laid_out(inputs, archive, folder)
            yield cls(laid, compile_plan(laid.system), archive)

    def figures(self, index_hash: str | None = None) -> tuple[Figures, str]:
        """Return the figures of all files, reading only new files, and the hash of the index of slices.

        Sets `reached`, the earlier periods that the results depend on, and `rows`, the number of rows of each file.

        Args:
            index_hash: the hash that the last run returned, None to read all files.
        """
        shelf = slices_of(self._archive)
        last = Index.get(shelf, index_hash)
        figures, index = in_slices(self.laid, shelf, last)
        self.reached: Reach = reach(self.laid.system)
        self.rows = index.rows
        return (figures or read_together(self.laid)).explained(), index.put(shelf)

    def findings_apart(self, together: Iterable[Diagnostic]) -> Iterable[Diagnostic]:
        """Return the findings of all files, each of them read anew as a run reads them.

        Args:
            together: the findings of reading the files together, for files that cannot be read separately.
        """
        with TemporaryDirectory() as folder:
            figures, _ = in_slices(self.laid, slices_of(Archive(Path(folder))), Index())
        return together if figures is None else figures.findings

    def keys(self, figures: Figures) -> dict[str, str]:
        """Return the key of every period."""
        system = self.laid.system
        return keys(
            figures.entities.frame, figures.periods, figures.marks, reached=self.reached,
            fingerprint=self.laid.fingerprint, grain=system.period,
        )  # fmt: skip

    def cards(self, figures: Figures, requested: Collection[str]) -> Iterator[Scorecard]:
        """Yield scorecards that together have the requested periods, each computed from the minimal lookback."""
        grain, back = self.laid.system.period, window(self.reached)
        labels = figures.periods
        places = [place for place, period in enumerate(labels) if period.label in requested]
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
            card = session.score_panel(self.plan, part, explanations=figures.explanations)
            yield with_uncertainty(card.only([labels[place].index(grain) for place in group]))


def with_uncertainty(card: Scorecard) -> Scorecard:
    """Return a scorecard with the intervals of its totals, where its definition declares them."""
    if card.definition.uncertainty.show != "intervals":
        return card
    from kpi.analysis.intervals import with_intervals

    return with_intervals(card, each_period=True)


def frames_of(cards: Collection[Scorecard], system: str) -> dict[str, pl.DataFrame]:
    """Return the frames of scorecards in the format of stores, without the findings."""
    asked = {table for card in cards for table in card.asked}
    return {
        table: pl.concat([prepared(_frame_of(card, table), system) for card in cards], how="vertical_relaxed")
        for table in FRAMES
        if table not in ASKED or table in asked
    }


def _frame_of(card: Scorecard, table: str) -> pl.DataFrame:
    if table == "restated":
        # The period of a figure may be finer than the scored periods, which partition the store.
        rows = card.restated.rename({"period": "figure_period"})
        return rows.with_columns(period=card.restated_in)
    if table == "quality" and not reporting_quality.is_assessable(card.definition, card.supply):
        return reporting_quality.nothing()
    if table == "totals" and card.intervals is not None:
        return _with_every_level(card)
    frame: pl.DataFrame = getattr(card, table)
    return frame


def _with_every_level(card: Scorecard) -> pl.DataFrame:
    """Return totals with the probability of every level that there may be, whichever periods are scored together."""
    totals, scheme = card.totals, card.definition.stars
    if scheme is None:
        return totals
    halves = range(2 * HIGHEST, -1, -1 if scheme.dtype == pl.Float64 else -2)
    levels = [f"{PROBABILITY}{half / 2:g}" for half in halves]
    known = [name for name in levels if name in totals.columns]
    simulated = pl.any_horizontal(pl.col(known).is_not_null()) if known else pl.lit(value=False)
    nothing = pl.lit(0.0)
    columns = {name: pl.when(simulated).then(pl.col(name) if name in known else nothing) for name in levels}
    return totals.select(pl.exclude(known), **columns)


def unchanged(before: Mapping[str, Any] | None, inputs: Inputs) -> bool:
    """Return whether all inputs are unchanged since a system was last scored, by their hashes."""
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
    """Score the periods of a system that changed since the state `before`, and return the changes of the store.

    A period of a closed edition, or one that `periods` excludes, keeps its results and is pending.

    Args:
        source: the system's part of the configuration.
        inputs: the current inputs, archived.
        before: the system's entry in the last state.
        store: the store with the results of the other periods.
        archive: the archive of the inputs.
        number: the number of this run.
        closed: the labels of closed periods with their editions.
        everything: score every period, changed or not.

    Raises:
        DataError: K820 and K821 if a gate prevents publishing, and errors of reading the files.
        DefinitionError: if the definition cannot be used.
    """
    outcome = Outcome(inputs.system, "scored")
    clock = _Clock(outcome.seconds)
    old: Mapping[str, Mapping[str, Any]] = before["periods"] if before else {}
    with Prepared.of(inputs, archive) as ready:
        clock("prepare")
        figures, index_hash = ready.figures(before.get("slices") if before and not everything else None)
        clock("read")
        current_keys = ready.keys(figures)
        differs = [label for label, key in current_keys.items() if everything or old.get(label, {}).get("key") != key]
        differs += [label for label in old if label not in current_keys]
        chosen = _chosen(source, list(current_keys), differs, ready.laid.system.timeline)
        selected = [
            label for label in differs if label in current_keys and label in chosen and label not in (closed or {})
        ]
        outcome.removed = tuple(
            label for label in differs if label not in current_keys and label in chosen and label not in (closed or {})
        )
        outcome.pending = tuple(label for label in differs if label not in (*selected, *outcome.removed))
        cards = list(ready.cards(figures, selected))
        clock("score")
        frames = frames_of(cards, inputs.system) if cards else {}
        stay = findings.unchanged_findings(store, inputs.system, (*selected, *outcome.removed))
        finding_table = findings.findings_of(
            ready.laid.system,
            figures.findings,
            explanations=figures.explanations,
            holds=figures.holds,
            cards=cards,
            recent=figures.recent(),
            entities=figures.entities.names,
            there=figures.periods,
            stay=stay,
        )
        clock("frames")
    outcome.scored = tuple(selected)
    outcome.counts = {
        name: getattr(figures.counts, name) for name in ("read", "used", "refused", "restated", "repeated")
    }
    if figures.counts.left_out:
        outcome.counts["left_out"] = figures.counts.left_out
    missing_files = _missing_files(Inputs.of_json(inputs.system, before["inputs"]), inputs) if before else ()
    outcome.findings = (
        *finding_table,
        *_notes(outcome, closed or {}),
        *missing_files,
        *(_published_before(store, inputs.system, selected, frames) if ready.laid.system.disclosure else ()),
    )
    _gates(source, outcome, frames)
    held = set(before.get("asked", ())) if before else set()
    for table in FRAMES if cards or outcome.removed else ():
        if table in ASKED and table not in frames and table not in held:
            continue
        rows = frames[table] if table in frames else store.read(table, system=inputs.system).clear()
        # An empty frame, such as treated cells, is only written if it replaces rows.
        if rows.height or store.read(table, system=inputs.system).height:
            outcome.changes.append(Change(table, inputs.system, (*selected, *outcome.removed), rows))
    stored = findings.table(finding_table, inputs.system, stay)
    outcome.changes.append(Change("findings", inputs.system, None, stored))
    reported: Mapping[alerts.Key, alerts.Change] = {}
    if ready.laid.system.notify:
        last = store.read("findings", system=inputs.system) if before else None
        known = alerts.recorded(ready.laid.system, before, last)
        outcome.alerts, reported = alerts.news(ready.laid.system, known, stored, cards)
    entries = {label: dict(entry) for label, entry in old.items() if label not in outcome.removed}
    entries |= {label: {"key": current_keys[label], "run": number} for label in selected}
    outcome.entry = {
        "inputs": inputs.as_json(), "engine": engine(), "pending": list(outcome.pending), "run": number,
        "slices": index_hash, "rows": ready.rows, "periods": {label: entries[label] for label in sorted(entries)},
    }  # fmt: skip
    if asked := sorted(held | {table for table in ASKED if table in frames}):
        outcome.entry["asked"] = asked
    if ready.laid.system.uncertainty.show == "intervals" or (before or {}).get("intervals"):
        outcome.entry["intervals"] = True
    if ready.laid.system.notify:
        outcome.entry["alerts"] = alerts.record(ready.laid.system, reported)
    return outcome


class _Clock:
    """Records the duration of each stage."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds, self.last = seconds, time.perf_counter()

    def __call__(self, stage: str) -> None:
        time_now = time.perf_counter()
        self.seconds[stage], self.last = time_now - self.last, time_now


def _chosen(source: Source, there: list[str], differs: list[str], timeline: Timeline) -> set[str]:
    if source.periods == "changed":
        return set(differs)
    if isinstance(source.periods, str):
        return set(there[-int(source.periods.removeprefix("last ")) :])
    return {period_texts.parse(text, timeline=timeline).label for text in source.periods}


def _notes(outcome: Outcome, closed: Mapping[str, str]) -> Iterator[Diagnostic]:
    """Return the findings on periods that are not scored."""
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


def _published_before(
    store: Store, system: str, periods: Collection[str], frames: Mapping[str, pl.DataFrame]
) -> Iterator[Diagnostic]:  # fmt: skip
    """Yield a warning for each period of which figures are suppressed now that the last run has published."""
    keys = ["period", "entity", "measure"]
    old = store.read("measures", system=system, periods=periods) if periods else pl.DataFrame()
    if not old.height:
        return
    hidden = frames["measures"].filter(pl.col("status") == "suppressed")
    both = hidden.join(old.drop_nulls("value"), on=keys, how="semi")
    for period, number in both.group_by("period").len().sort("period").iter_rows():
        message = Message(
            "{figures} of {period} are suppressed now, and the last run has published them",
            figures=count(number, "figure"), period=period,
        )  # fmt: skip
        hint = Message("who has the former results knows them: tell them what is confidential, or recall them")
        yield Diagnostic("K967", message, Place(period=period), hint, Severity.WARNING)


def _missing_files(last: Inputs, current: Inputs) -> Iterator[Diagnostic]:
    """Yield a warning for each data file of the last run that is missing now, also under other names."""
    names, contents = {name for name, _, _ in current.data}, {sha for _, sha, _ in current.data}
    for name, sha, _ in last.data:
        if name not in names and sha not in contents:
            message = Message(
                "the file was there in the last run and is gone: its figures are no longer in the results"
            )
            hint = Message("put it back if that is not meant")
            yield Diagnostic("K640", message, Place(name), hint, Severity.WARNING)


def _gates(source: Source, outcome: Outcome, frames: Mapping[str, pl.DataFrame]) -> None:
    errors = number_of(finding for finding in outcome.findings if finding.severity is Severity.ERROR)
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
                *(finding for finding in outcome.findings if finding.severity is Severity.ERROR),
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
