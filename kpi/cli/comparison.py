"""What `kpi diff` compares: two periods, two results, two definitions, or two runs of a batch become two sides."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kpi import session
from kpi.analysis.diff import Difference, Side, diff, side
from kpi.batch.batch_run import archive_of, store_of
from kpi.batch.config import load
from kpi.batch.inputs import Inputs
from kpi.batch.replay import again
from kpi.batch.store.base import Run
from kpi.batch.store.whole import Archive
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, KpiError, Message, suggest
from kpi.report.reading import is_result, read_result
from kpi.values import periods
from kpi.values.periods import PeriodError
from kpi.values.timelines import Timeline

_SUFFIXES = (".yaml", ".yml")


def compared(
    given: Sequence[str], *, files: Sequence[str | Path], named: Mapping[str, Sequence[str | Path]],
    system: str | None, definitions: str | None, period: str | None, succession: str | None = None,
) -> Difference:  # fmt: skip
    """Return the difference of two periods, two results (written, or files to score) or two definitions.

    Args:
        given: the two.
        files: the files that are scored.
        named: those whose dataset is named.
        system: an id or YAML file, for periods and for files to score.
        definitions: a folder in which ids are looked up first.
        period: compare only this one.
        succession: a table of units that succeed one another, for what is scored.

    Raises:
        DataError: K543, when there are not two, or they do not fit one another, or when there is a table of succession
            and nothing to score; K551, when they share no period.
    """
    if len(given) != 2:
        hint = Message("kpi diff 2024Q1 2024Q2 --data period.csv, kpi diff old.json new.json, kpi diff --at 3 --at 4")
        raise DataError(Diagnostic("K543", Message("say which two are compared"), hint=hint))
    old, new = given

    def scored(more: Sequence[str | Path] = (), by: str | None = system) -> Scorecard:
        return session.score([*files, *more], system=by, definitions=definitions, data=named, succession=succession)

    if _is_period(old) and _is_period(new):
        _need(files or named, "the figures of the two periods")
        return _periods(scored(), old, new)
    if all(one.endswith(_SUFFIXES) for one in given):
        _need(files or named, "the figures to score by the two definitions")
        before, after = (side(scored(by=one), one) for one in given)
        return diff(before, after, periods=_pair(period, (before, after)))
    for one in given:
        if not Path(one).exists():
            near = suggest(one, [path.name for path in Path().iterdir()])
            raise DataError(
                Diagnostic("K543", Message("`{one}` is neither a period nor a file like the other", one=one), hint=near)
            )
    if succession is not None and all(is_result(Path(one)) for one in given):
        hint = Message("compare the data themselves: kpi diff 2023 2024 --data period.csv --succession succession.csv")
        message = Message("both are results, on the areas that they were scored for: no table of succession is used")
        raise DataError(Diagnostic("K543", message, hint=hint))
    before, after = (read_result(Path(one)) if is_result(Path(one)) else side(scored([one]), one) for one in (old, new))
    if before.system != after.system:
        message = Message(
            "{before} is of {system}, {after} of {system_2}",
            before=before.name,
            system=before.system,
            after=after.name,
            system_2=after.system,
        )
        raise DataError(Diagnostic("K543", message, hint=Message("compare two results of one system")))
    return _told(diff(before, after, periods=_pair(period, (before, after))))


def runs(numbers: Sequence[int], *, config: str, system: str | None, period: str | None) -> Difference:
    """Return the difference of two runs of a batch, or of one and the last, computed again from their inputs.

    Where the definition changed between them, the new data are scored by the old definition as well: what came from
    the data and what from the definition add up.

    Raises:
        DataError: K543 without one or two numbers, K811 and K824 when the store has no such run or system.
    """
    settings = load(Path(config))
    store, archive = store_of(settings), archive_of(settings)
    head = store.head()
    if head is None:
        raise DataError(
            Diagnostic("K825", Message("nothing was published yet"), hint=Message("kpi batch CONFIG runs a night"))
        )
    if not 1 <= len(numbers) <= 2:
        raise DataError(
            Diagnostic(
                "K543", Message("say which runs are compared"), hint=Message("--at 3 --at 4, or --at 3 for the last")
            )
        )
    old, new = (store.run(number) for number in (*numbers, head.number)[:2])
    there = sorted(set(old.state["systems"]) & set(new.state["systems"]))
    if system is None and len(there) != 1:
        hint = Message("say which with --system")
        raise DataError(
            Diagnostic(
                "K824", Message("the runs have several systems in common: {there}", there=tuple(there)), hint=hint
            )
        )
    name = system or there[0]
    before, after = (_of_run(run, name, archive) for run in (old, new))
    bridge = None
    if before.definition_hash != after.definition_hash and before.data_hash != after.data_hash:
        bridge = _bridge(old, new, name, archive)
    return _told(diff(before, after, bridge, periods=_pair(period, (before, after))))


def _of_run(run: Run, system: str, archive: Archive) -> Side:
    """Return a run's results, its definition with the files beside it: rosters and targets belong to it."""
    found = side(again(run, system, archive), f"run {run.number}")
    inputs = Inputs.of_json(system, run.state["systems"][system]["inputs"])
    beside = sorted([*inputs.definition.values()][1:])
    if not beside:
        return found
    whole = hashlib.sha256("/".join([found.definition_hash, *beside]).encode()).hexdigest()[:16]
    return replace(found, definition_hash=whole)


def _bridge(old: Run, new: Run, system: str, archive: Archive) -> Side | None:
    """Return the new data under the old definition; None where that definition cannot read them."""
    before, after = (Inputs.of_json(system, run.state["systems"][system]["inputs"]) for run in (old, new))
    run = Run(
        new.number,
        {},
        {"systems": {system: {"inputs": replace(before, data=after.data, explanations=after.explanations).as_json()}}},
    )
    try:
        return side(again(run, system, archive), "between")
    except KpiError:
        return None


def _periods(card: Scorecard, *given: str) -> Difference:
    index = {label: at for at, label in card.labels.items()}
    timeline = card.definition.timeline
    old, new = (_label(one, timeline) for one in given)
    for one in (old, new):
        if one not in index:
            there = Message("they hold {periods}", periods=tuple(card.periods))
            raise DataError(Diagnostic("K551", Message("the files hold nothing for {label}", label=one), hint=there))
    before, after = (side(card.only([index[one]]), one) for one in (old, new))
    return _told(diff(before, after, periods={new: old}), all_of_it=True)


def _told(found: Difference, *, all_of_it: bool = False) -> Difference:
    """Return the difference with what the new result restated and the old one had not."""
    known, now = found.before.restated, found.after.restated
    if now is None or not now.height:
        return found
    if known is not None and known.height and not all_of_it:
        now = now.join(known, on=now.columns, how="anti", nulls_equal=True, maintain_order="left")
    return replace(found, restated=now)


def _pair(period: str | None, sides: Sequence[Side]) -> Mapping[str, str] | None:
    if period is None:
        return None
    there = [label for one in sides for label in one.totals["period"].unique()]
    label = _label(period, periods.timeline_of(there))
    for one in sides:
        if label not in one.totals["period"]:
            raise DataError(Diagnostic("K551", Message("{name} holds nothing for {label}", name=one.name, label=label)))
    return {label: label}


def _is_period(text: str) -> bool:
    if Path(text).exists():
        return False
    try:
        periods.on_any_timeline(text)
    except PeriodError:
        return False
    return True


def _label(text: str, timeline: Timeline) -> str:
    """Return the label of a period as results have it, the text itself where it names none."""
    try:
        return periods.parse(text, timeline=timeline).label
    except PeriodError:
        return text


def _need(data: object, what: str) -> None:
    if not data:
        raise DataError(
            Diagnostic("K543", Message("{what} are not given", what=what), hint=Message("--data period.csv"))
        )
