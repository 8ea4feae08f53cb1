"""What the service reads from a store; a run never changes, so what is read of one is kept."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import polars as pl
from msgspec import Struct

from kpi.analysis.diff import Difference
from kpi.batch import comparison
from kpi.batch.batch_run import archive_of, store_of
from kpi.batch.config import load
from kpi.batch.replay import again
from kpi.batch.store.base import TABLES, Run, Store
from kpi.batch.store.whole import Archive
from kpi.engine.scorecard import Scorecard, is_of_intervals
from kpi.errors import Diagnostic, Message, suggest
from kpi.service.problems import Problem
from kpi.service.settings import Settings
from kpi.values import period_texts
from kpi.values.periods import PeriodError

#: How many scorecards, and runs, a process keeps.
_CARDS, _RUNS = 2, 8

#: The tables that have every name of a column.
_NAMED_IN = {"entity": "totals", "indicator": "indicators", "pillar": "pillars", "measure": "measures"}


class Published(Struct, frozen=True):
    """A system in a run: the hash of all that determines its results, and its periods in order."""

    tag: str
    periods: tuple[str, ...]


class Head(Struct, frozen=True):
    """A run: its number, and its systems by id."""

    number: int
    systems: Mapping[str, Published]


class Stored:
    """The store of a service, open in one process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened: tuple[Store, Archive] | None = None
        self._runs: OrderedDict[int, tuple[Run, Head]] = OrderedDict()
        self._cards: OrderedDict[tuple[str, str], Scorecard] = OrderedDict()

    def _open(self) -> tuple[Store, Archive]:
        """Return the store and its archive; raise Problem K914 without one."""
        if self._opened is None:
            if self._settings.batch is not None:
                config = load(self._settings.batch)
                self._opened = store_of(config), archive_of(config)
            elif self._settings.store is not None:
                from kpi.batch.store.delta import DeltaStore

                self._opened = DeltaStore(self._settings.store), Archive(self._settings.store / "archive")
            else:
                hint = Message("start it with a configuration, kpi serve nightly.toml, or with --store FOLDER")
                raise missing(Message("the service has no store"), hint)
        return self._opened

    def head(self, number: int | None = None) -> Head:
        """Return a run as it is in the store now, by default the last.

        Raises:
            Problem: K914, if nothing was published.
            DataError: K811, if there is no such run.
        """
        if number is None:
            numbers = self._open()[0].numbers()
            if not numbers:
                raise missing(Message("nothing was published yet"), Message("kpi batch CONFIG runs a night"))
            number = numbers[-1]
        return self._run(number, anew=True)[1]

    def published(self, system: str, number: int, tag: str) -> Published:
        """Return a system in a run, which is read again if it has another tag: a repaired store counts anew.

        Raises:
            Problem: K914, if the run has it no more.
        """
        known = self._run(number)[1].systems.get(system)
        if known is None or known.tag != tag:
            known = self._run(number, anew=True)[1].systems.get(system)
        if known is None:
            raise missing(Message("the store has no results of `{system}`", system=system))
        return known

    def _run(self, number: int, *, anew: bool = False) -> tuple[Run, Head]:
        if anew or number not in self._runs:
            run = self._open()[0].run(number)
            systems = {name: _published(entry, run, name) for name, entry in run.state["systems"].items()}
            self._runs[number] = run, Head(number, systems)
            while len(self._runs) > _RUNS:
                self._runs.popitem(last=False)
        self._runs.move_to_end(number)
        return self._runs[number]

    def table(
        self, name: str, system: str, number: int, *, there: Sequence[str], periods: Sequence[str],
        where: Mapping[str, Collection[str]], columns: Sequence[str],
    ) -> pl.DataFrame:  # fmt: skip
        """Return rows of a table of a system in a run, in the order of periods and of the result.

        Args:
            name: the table, such as `totals`.
            system: the id of the system.
            number: the run.
            there: the periods of the system in the run.
            periods: the labels; none for all.
            where: texts by column; a row has one of them in each.
            columns: the columns that are shown; none for all.

        Raises:
            Problem: K914 for an unknown table, K915 for an unknown column, K551 for a period, K602 for an entity, and
                K203 for another name that the run does not have.
        """
        if name not in TABLES:
            raise missing(Message("there is no table `{name}`", name=name), suggest(name, TABLES))
        labels = [_label(text, there) for text in periods]
        if absent := [label for label in labels if label not in there]:
            message = Message("run {number} has nothing for {wanted}", number=number, wanted=absent[0])
            raise Problem(404, Diagnostic("K551", message, hint=Message("{periods}", periods=tuple(there))))
        frame = self._open()[0].read(
            name,
            system=system,
            number=number,
            periods=labels or None,
            where=where,
        )
        if frame.width:
            order = {label: at for at, label in enumerate(there)}
            at = pl.col("period").replace_strict(order, default=None, return_dtype=pl.Int64)
            frame = frame.sort(at, "position", nulls_last=True).drop("position")
        if name == "totals" and not self._run(number)[0].state["systems"][system].get("intervals"):
            frame = frame.drop(column for column in frame.columns if is_of_intervals(column))
        unknown = [column for column in (*where, *columns) if frame.width and column not in frame.columns]
        if unknown:
            message = Message("the table `{name}` has no column `{column}`", name=name, column=unknown[0])
            hint = Message("it has {names}", names=tuple(frame.columns))
            raise Problem(422, Diagnostic("K915", message, hint=suggest(unknown[0], frame.columns) or hint))
        for column, values in where.items():
            self._check_names(column, set(values).difference(frame[column] if frame.width else ()), system, number)
        return frame.select(columns) if columns and frame.width else frame

    def _check_names(self, column: str, absent: Collection[str], system: str, number: int) -> None:
        """Raise Problem if no result of a system in a run has a name: one without rows is right, a mistake is not."""
        if not absent:
            return
        frame = self._open()[0].read(_NAMED_IN[column], system=system, number=number)
        names = frame[column].unique(maintain_order=True).drop_nulls().to_list() if column in frame.columns else []
        if unknown := sorted(set(absent).difference(names)):
            message = Message(
                "run {number} has no `{name}` in the column `{column}`", number=number, name=unknown[0], column=column
            )
            code = "K602" if column == "entity" else "K203"
            raise Problem(404, Diagnostic(code, message, hint=suggest(unknown[0], names)))

    def card(self, system: str, number: int, tag: str) -> Scorecard:
        """Return the scorecard of a system in a run, computed again from its archived inputs."""
        key = self.published(system, number, tag).tag, system
        if key not in self._cards:
            run, _ = self._run(number)
            _, archive = self._open()
            self._cards[key] = again(run, system, archive)
            while len(self._cards) > _CARDS:
                self._cards.popitem(last=False)
        self._cards.move_to_end(key)
        return self._cards[key]

    def difference(self, system: str, before: int, after: int) -> Difference:
        """Return the difference of a system between two runs, see `kpi.batch.comparison.of_runs`."""
        store, archive = self._open()
        return comparison.of_runs(store, archive, (before, after), system=system, period=None)


def missing(message: Message, hint: Message | None = None) -> Problem:
    """Return the problem of something that is not there."""
    return Problem(404, Diagnostic("K914", message, hint=hint))


def _published(entry: Mapping[str, Any], run: Run, system: str) -> Published:
    editions = {name: each for name, each in run.state["editions"].items() if each["system"] == system}
    determined = {key: value for key, value in entry.items() if key not in {"run", "alerts"}}
    text = json.dumps([determined, editions], sort_keys=True, ensure_ascii=False)
    labels = list(entry["periods"])
    try:
        timeline = period_texts.timeline_of(labels)
        labels.sort(key=lambda label: period_texts.stretch(label, timeline)[1])
    except PeriodError:
        labels.sort()
    return Published(hashlib.sha256(text.encode()).hexdigest()[:32], tuple(labels))


def _label(text: str, there: Sequence[str]) -> str:
    """Return the label of a stored period, however it is written; the text itself where it names none."""
    if text in there:
        return text
    try:
        return period_texts.parse(text, timeline=period_texts.timeline_of(there)).label
    except PeriodError as error:
        raise Problem(422, Diagnostic("K606", error.message, hint=error.hint)) from None
