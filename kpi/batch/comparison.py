"""The comparisons of `kpi diff`: two periods, two results, two definitions, or two runs of a batch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from kpi import session
from kpi.analysis.diff import Difference, Side, diff, side
from kpi.batch.batch_run import archive_of, store_of
from kpi.batch.config import load
from kpi.batch.inputs import Inputs
from kpi.batch.replay import again
from kpi.batch.store.base import Run, Store
from kpi.batch.store.whole import Archive
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, KpiError, Message, suggest
from kpi.report.reading import is_result, read_result
from kpi.values import period_texts
from kpi.values.periods import PeriodError
from kpi.values.timelines import Timeline

_SUFFIXES = (".yaml", ".yml")


def compared(
    arguments: Sequence[str], *, files: Sequence[str | Path], named: Mapping[str, Sequence[str | Path]],
    system: str | None, definitions: str | None, period: str | None, succession: str | None = None,
) -> Difference:  # fmt: skip
    """Return the difference of two periods, two results (files of results, or of data to score) or two definitions.

    Args:
        arguments: the two periods, results or definitions.
        files: the files to score.
        named: the files to score by dataset.
        system: an id or YAML file, for periods and for files to score.
        definitions: a folder that is searched first for ids.
        period: the only period to compare.
        succession: a table of successions of units, for scoring.

    Raises:
        DataError: K543, if there are not two, or they are of different kinds, or there is a table of successions but
            nothing to score; K551, if they share no period.
    """
    if len(arguments) != 2:
        hint = Message("kpi diff 2024Q1 2024Q2 --data period.csv, kpi diff old.json new.json, kpi diff --at 3 --at 4")
        raise DataError(Diagnostic("K543", Message("say which two are compared"), hint=hint))
    old, new = arguments

    def scored(more: Sequence[str | Path] = (), by: str | None = system) -> Scorecard:
        return session.score(
            [*files, *more], system=by, definitions=definitions, data=named, succession=succession, intervals=0
        )

    if _is_period(old) and _is_period(new):
        _need(files or named, Message("the figures of the two periods are missing"))
        return between(scored(), old, new)
    if all(argument.endswith(_SUFFIXES) for argument in arguments):
        _need(files or named, Message("the figures to score by the two definitions are missing"))
        before, after = (side(scored(by=argument), argument) for argument in arguments)
        return diff(before, after, periods=_pair(period, (before, after)))
    for argument in arguments:
        if not Path(argument).exists():
            near = suggest(argument, [path.name for path in Path().iterdir()])
            message = Message("`{argument}` is neither a period nor a file like the other", argument=argument)
            raise DataError(Diagnostic("K543", message, hint=near))
    if succession is not None and all(is_result(Path(argument)) for argument in arguments):
        hint = Message("compare the data themselves: kpi diff 2023 2024 --data period.csv --succession succession.csv")
        message = Message("both are results, on the areas that they were scored for: no table of succession is used")
        raise DataError(Diagnostic("K543", message, hint=hint))
    before, after = (
        read_result(Path(argument)) if is_result(Path(argument)) else side(scored([argument]), argument)
        for argument in (old, new)
    )
    if before.system != after.system:
        message = Message(
            "{before} is of {system}, {after} of {system_2}",
            before=before.name,
            system=before.system,
            after=after.name,
            system_2=after.system,
        )
        raise DataError(Diagnostic("K543", message, hint=Message("compare two results of one system")))
    return _with_restated(diff(before, after, periods=_pair(period, (before, after))))


def runs(numbers: Sequence[int], *, config: str, system: str | None, period: str | None) -> Difference:
    """Return the difference of two runs of a batch, see `of_runs`."""
    settings = load(Path(config))
    return of_runs(store_of(settings), archive_of(settings), numbers, system=system, period=period)


def of_runs(
    store: Store, archive: Archive, numbers: Sequence[int], *, system: str | None, period: str | None
) -> Difference:
    """Return the difference of two runs of a store, or of one and the last, computed again from their inputs.

    If the definition changed between them, the new data are also scored by the old definition: the effects of data and
    definition add up.

    Raises:
        DataError: K543 without one or two numbers, K811 and K824 if the store has no such run or system.
    """
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
    return _with_restated(diff(before, after, bridge, periods=_pair(period, (before, after))))


def _of_run(run: Run, system: str, archive: Archive) -> Side:
    """Return the results of a run; the files of the definition, such as rosters and targets, belong to its hash."""
    result = side(again(run, system, archive), f"run {run.number}")
    inputs = Inputs.of_json(system, run.state["systems"][system]["inputs"])
    beside = sorted([*inputs.definition.values()][1:])
    if not beside:
        return result
    combined_hash = hashlib.sha256("/".join([result.definition_hash, *beside]).encode()).hexdigest()[:16]
    return replace(result, definition_hash=combined_hash)


def _bridge(old: Run, new: Run, system: str, archive: Archive) -> Side | None:
    """Return the new data under the old definition; None if it cannot read them."""
    before, after = (Inputs.of_json(system, run.state["systems"][system]["inputs"]) for run in (old, new))
    inputs = replace(
        before, data=after.data, explanations=after.explanations, tables=after.tables, figures=after.figures
    )
    run = Run(
        new.number,
        {},
        {"systems": {system: {"inputs": inputs.as_json()}}},
    )
    try:
        return side(again(run, system, archive), "between")
    except KpiError:
        return None


def between(card: Scorecard, *given: str) -> Difference:
    """Return the difference of two periods of a scorecard, the older first; raise DataError K551 for an unknown one."""
    index = {label: at for at, label in card.labels.items()}
    timeline = card.definition.timeline
    old, new = (_last_of(card, _label(text, timeline)) for text in given)
    for requested in (old, new):
        if requested not in index:
            there = Message("they hold {periods}", periods=tuple(card.periods))
            message = Message("the files hold nothing for {label}", label=requested)
            raise DataError(Diagnostic("K551", message, hint=there))
    before, after = (side(card.only([index[period]]), period) for period in (old, new))
    return _with_restated(diff(before, after, periods={new: old}), all_of_it=True)


def _last_of(card: Scorecard, label: str) -> str:
    """Return the label of the last scored period of a longer one that the system has totals of; others unchanged."""
    over, grain = card.definition.totals_over, card.definition.period
    if over is None or label in card.labels.values():
        return label
    asked = period_texts.parse(label, timeline=card.definition.timeline)
    if asked.grain != over.grain(grain):
        return label
    inside = [text for index, text in card.labels.items() if index // over.number(grain) == asked.index(asked.grain)]
    return inside[-1] if inside else label


def _with_restated(difference: Difference, *, all_of_it: bool = False) -> Difference:
    """Return the difference with the figures that only the new result restated."""
    known, current = difference.before.restated, difference.after.restated
    if current is None or not current.height:
        return difference
    if known is not None and known.height and not all_of_it:
        current = current.join(known, on=current.columns, how="anti", nulls_equal=True, maintain_order="left")
    return replace(difference, restated=current)


def _pair(period: str | None, sides: Sequence[Side]) -> Mapping[str, str] | None:
    if period is None:
        return None
    there = [label for result in sides for label in result.totals["period"].unique()]
    label = _label(period, period_texts.timeline_of(there))
    for result in sides:
        if label not in result.totals["period"]:
            raise DataError(
                Diagnostic("K551", Message("{name} holds nothing for {label}", name=result.name, label=label))
            )
    return {label: label}


def _is_period(text: str) -> bool:
    if Path(text).exists():
        return False
    try:
        period_texts.on_any_timeline(text)
    except PeriodError:
        return False
    return True


def _label(text: str, timeline: Timeline) -> str:
    """Return the label of a period as results have it, the text itself where it names none."""
    try:
        return period_texts.parse(text, timeline=timeline).label
    except PeriodError:
        return text


def _need(data: object, message: Message) -> None:
    if not data:
        raise DataError(Diagnostic("K543", message, hint=Message("--data period.csv")))
