"""The findings of a run as a table: of the definition, files, explanations, all data and each period.

Those of periods that did not change are kept.

A run scores some periods, its verification all of them at once, and both must give the same findings. Findings that do
not concern one period, such as a check without any data, are therefore derived from all periods, not from those scored.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import polars as pl

from kpi.analysis.alert_findings import BEGINS, ENDS, HOLDS_ON
from kpi.analysis.check_findings import unjudgeable, with_answer
from kpi.analysis.growth_as_index import growth_as_index
from kpi.analysis.price_findings import bases_outside, plain_relatives
from kpi.analysis.short_data import too_short
from kpi.analysis.unsolved import unsolved
from kpi.batch.store.base import Store, prepared
from kpi.engine.scorecard import Scorecard
from kpi.errors import Diagnostic, Message, Severity
from kpi.intake.copied_periods import copied_periods
from kpi.intake.finer_figures import unless_finer
from kpi.intake.lone_zeros import lone_zeros
from kpi.intake.magnitudes import magnitude_findings
from kpi.intake.query_answers import Explanations
from kpi.intake.reported.rising_figures import rising_findings, rising_in_panel
from kpi.language.system import CheckedSystem, System
from kpi.report.language import wordings
from kpi.values.periods import Period

#: The prefix of findings on figures, which belong to a period as those on alerts do; the others belong to files.
_OF_FIGURES = "K7"

#: Findings that a scoring has once for all its periods: here each period has its own, so that those of others stay.
_ONCE = ("K446", "K657", "K658")

#: Findings on figures beside those of other periods, which a period that is scored alone does not have, and those that
#: are found once for all periods.
_BESIDE = ("K683", "K685", "K686", "K687", "K692")

#: The codes of all findings that follow from scoring a period, beside those on figures.
_OF_PERIODS = (BEGINS, ENDS, "K672", "K674", "K680", "K693", "K865", "K891", *_ONCE)

_TEXTS = ("code", "severity", "message", "file", "sheet", "row", "column", "entity", "period", "hint")


def findings_of(
    system: CheckedSystem, of_files: Iterable[Diagnostic], *, explanations: Explanations, holds: Callable[[str], bool],
    cards: Collection[Scorecard], recent: pl.DataFrame, entities: Sequence[str], there: Sequence[Period] = (),
    stay: pl.DataFrame | None = None,
) -> list[Diagnostic]:  # fmt: skip
    """Return the findings on the definition, files, explanations, all data, and the periods of scorecards.

    Args:
        system: the system with the checks.
        of_files: the findings of reading the files.
        explanations: answers to findings; an answer without a finding is a finding itself.
        holds: returns whether a column of the panel has a value in any period.
        cards: the scorecards of the run.
        recent: the figures of the last years, as in a panel.
        entities: the names in order.
        there: the periods of the data.
        stay: the findings of the other periods.
    """
    of_files = [*of_files]
    findings = [*system.warnings, *of_files, *explanations.findings, *unjudgeable(system, holds)]
    findings += bases_outside(system, there)
    findings += too_short(system, len(there))
    findings += rising_findings(rising_in_panel(system, recent), system, findings)
    labels = {period.index(system.period): period.label for period in there}
    lately = _lately(system, recent)
    findings += unless_finer(magnitude_findings(system, lately, entities, labels), of_files, system.period)
    findings += growth_as_index(system, lately, entities, labels)
    findings += lone_zeros(system, lately, entities, labels)
    findings += copied_periods(system, lately, labels)
    for card in cards:
        shown = set(card.periods)
        # That an alert holds on is said of the last period of a run, whichever that is.
        findings += [
            finding for finding in unless_finer(card.findings_list, of_files, system.period)
            if finding.place.period in shown and finding.code not in (HOLDS_ON, *_BESIDE, *_ONCE)
        ]  # fmt: skip
        findings += _of_each_period(card)
    return [*findings, *_unused(explanations, findings, stay)]


def recent_from(system: System, last: int) -> int:
    """Return the first period of those that are recent: of the last two years, or the last three if these are more.

    Args:
        system: gives the scored periods.
        last: the index of the last period.
    """
    size = system.period.months
    return last - 2 if system.period.timeline.weeks else min((last * size // 12 - 1) * 12 // size, last - 2)


def _lately(system: System, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the recent periods."""
    last = frame.select(pl.col("period").max()).item()
    return frame if last is None else frame.filter(pl.col("period") >= recent_from(system, last))


def _of_each_period(card: Scorecard) -> Iterator[Diagnostic]:
    """Yield the findings of `_ONCE` for each period of a scorecard."""
    for index, label in card.labels.items():
        if card.shown is None or index in card.shown:
            rows, labels = card.frame.filter(period=index), {index: label}
            yield from unsolved(card.plan, rows, labels)
            yield from plain_relatives(card.definition, rows, labels)


def _unused(
    explanations: Explanations, findings: Iterable[Diagnostic], stay: pl.DataFrame | None
) -> Iterator[Diagnostic]:
    """Yield a finding for each answer without a finding; a finding with an answer has it in its message.

    Stored messages are in one language. For a form in another language, the answer itself identifies its finding.
    """
    if not explanations.places:
        return
    marks = wordings(with_answer(Message("{text}", text=""), ""))
    places = {(entity, period) for entity, period, _ in explanations.places}
    texts: dict[tuple[str, str], list[str]] = {}
    for known in findings:
        place = (known.place.entity or "", known.place.period or "")
        if place in places:
            texts.setdefault(place, []).extend(wordings(known.message) if isinstance(known.message, Message) else ())
    stored: dict[tuple[str, str], list[str]] = {}
    for entity, period, message in () if stay is None else stay.select("entity", "period", "message").rows():
        stored.setdefault((entity or "", period or ""), []).append(message)
    used = set()
    for who, period, finding in explanations.places:
        key, place = (who, period, finding), (who, period)
        messages = [*texts.get(place, ()), *stored.get(place, ())]
        if any(message.startswith(f"{finding}{mark}") for message in messages for mark in marks) or any(
            mark in message and message.endswith(explanations.answers[key])
            for message in stored.get(place, ()) for mark in marks
        ):  # fmt: skip
            used.add(key)
    yield from explanations.unused(used)


def unchanged_findings(store: Store, system: str, replaced: Collection[str]) -> pl.DataFrame | None:
    """Return the findings on figures of unchanged periods, None without any."""
    there = store.read("findings", system=system)
    if not there.height:
        return None
    of_periods = pl.col("code").str.starts_with(_OF_FIGURES) | pl.col("code").is_in(_OF_PERIODS)
    stays = of_periods & ~pl.col("period").is_in(list(replaced))
    return there.filter(stays)


def table(findings: Iterable[Diagnostic], system: str, stay: pl.DataFrame | None = None) -> pl.DataFrame:
    """Return findings in the format of stores, with those of unchanged periods, in a canonical order."""
    frame = pl.DataFrame(
        [
            (
                finding.code, str(finding.severity), finding.message, finding.place.file, finding.place.sheet,
                finding.place.row, finding.place.field, finding.place.entity, finding.place.period, finding.hint,
            )
            for finding in findings
        ],
        schema={name: pl.Int64 if name == "row" else pl.String for name in _TEXTS}, orient="row",
    )  # fmt: skip
    if stay is not None and stay.height:
        frame = pl.concat([frame, stay.select(frame.columns)])
    order = {str(severity): place for place, severity in enumerate(Severity)}
    rank = pl.col("severity").replace_strict(order, return_dtype=pl.Int64)
    return prepared(frame.sort(rank, pl.all(), nulls_last=True, maintain_order=True), system)
