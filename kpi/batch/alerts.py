"""Alerts between nights: which begin, end and are withdrawn since the last run, each reported once.

The entry of a system in the state of a run has what was last reported of each alert and entity, so that an alert whose
figure is missing for a night neither ends nor begins again when the figure is back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import polars as pl

from kpi.analysis.alert_findings import BEGINS, ENDS, message
from kpi.engine.alert_stage import holds
from kpi.engine.scorecard import Scorecard
from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.language.system import System
from kpi.report.language import wordings
from kpi.values import period_texts

#: An alert and an entity, and a code with its period.
Key = tuple[str, str]
Change = tuple[str, str]

_WITHDRAWN = "K655"


def changes(system: System, findings: pl.DataFrame | None) -> dict[Key, list[Change]]:
    """Return where every alert of every entity begins and ends, in the order of periods.

    Args:
        system: whose alerts are meant.
        findings: in the format of stores; messages may be in any language.
    """
    if findings is None or not system.notify or not findings.height:
        return {}
    texts = {
        text: (name, code)
        for name in system.notify
        for code in (BEGINS, ENDS)
        for text in wordings(message(system, name, code).cleaned())
    }
    results: dict[Key, list[Change]] = {}
    rows = findings.filter(pl.col("code").is_in([BEGINS, ENDS])).select("message", "entity", "period")
    for text, entity, label in rows.rows():
        if text in texts and entity is not None and label is not None:
            name, code = texts[text]
            results.setdefault((name, entity), []).append((code, label))
    return {key: sorted(listed, key=lambda change: _index(system, change[1])) for key, listed in results.items()}


def refuted(system: System, cards: Collection[Scorecard]) -> dict[Key, list[str]]:
    """Return the periods of scorecards in which an alert of an entity does not hold, in order; not where unknown."""
    results: dict[Key, list[str]] = {}
    for card in cards:
        shown = set(card.periods)
        entities = card.entities["entity"]
        for name in system.notify:
            rows = card.frame.filter(~pl.col(holds(name))).select("entity", "period").sort("period").rows()
            for entity, period in rows:
                if card.labels[period] in shown:
                    results.setdefault((name, entities[entity]), []).append(card.labels[period])
    return results


def recorded(system: System, entry: Mapping[str, Any] | None, findings: pl.DataFrame | None) -> dict[Key, Change]:
    """Return what was last reported of every alert and entity, from the entry of the last run.

    An entry of a former version has no record: what its findings say was reported.
    """
    if entry is not None and "alerts" in entry:
        return {
            (name, entity): (code, label)
            for name, record in entry["alerts"].items()
            if name in system.notify and system.notify[name].when == record["when"]
            for entity, (code, label) in record["reported"].items()
        }
    return {key: listed[-1] for key, listed in changes(system, findings).items()}


def record(system: System, reported: Mapping[Key, Change]) -> dict[str, Any]:
    """Return what was last reported as part of the entry of a run; a condition that changes is another alert."""
    tree: dict[str, Any] = {name: {"when": alert.when, "reported": {}} for name, alert in system.notify.items()}
    for (name, entity), (code, label) in sorted(reported.items()):
        tree[name]["reported"][entity] = [code, label]
    return tree


def news(
    system: System, last: Mapping[Key, Change], after: pl.DataFrame, cards: Collection[Scorecard]
) -> tuple[tuple[Diagnostic, ...], dict[Key, Change]]:
    """Return the alerts that begin, end or are withdrawn in a run, and what is then the last that was reported.

    An alert is withdrawn where its condition no longer holds in the period in which it was reported to begin, and ends
    where that is known of a later one. A figure that is missing does neither.

    Args:
        system: whose alerts are meant.
        last: what was last reported.
        after: the findings of this run.
        cards: the scorecards of this run.
    """
    current, known_not, reported = changes(system, after), refuted(system, cards), dict(last)
    results: list[Diagnostic] = []
    for key in sorted({*last, *current}):
        name, entity = key
        listed, refutations = current.get(key, []), known_not.get(key, [])
        state = last.get(key)
        if state is not None and state[0] == BEGINS:
            ended = _ended(system, state[1], listed, refutations)
            if state[1] in refutations:
                results.append(_withdrawn(system, name, Place(entity=entity, period=state[1])))
                state = None
            elif ended is not None:
                place = Place(entity=entity, period=ended)
                results.append(Diagnostic(ENDS, message(system, name, ENDS), place, None, Severity.INFO))
                state = (ENDS, ended)
            else:
                continue
        if listed and listed[-1][0] == BEGINS:
            label = listed[-1][1]
            over = any(_index(system, other) > _index(system, label) for other in refutations)
            if not over and (state is None or _index(system, state[1]) < _index(system, label)):
                severity = Severity(system.notify[name].severity)
                place = Place(entity=entity, period=label)
                results.append(Diagnostic(BEGINS, message(system, name, BEGINS), place, None, severity))
                state = (BEGINS, label)
        if state is None:
            reported.pop(key, None)
        else:
            reported[key] = state
    return tuple(results), reported


def _ended(system: System, begun: str, listed: Collection[Change], refutations: Collection[str]) -> str | None:
    """Return the first period after the beginning of an alert in which it is known not to hold, None without one."""
    later = [label for code, label in listed if code == ENDS] + list(refutations)
    later = [label for label in later if _index(system, label) > _index(system, begun)]
    return min(later, key=lambda label: _index(system, label), default=None)


def _withdrawn(system: System, name: str, place: Place) -> Diagnostic:
    title = system.notify[name].title or name
    corrected = Message(
        "alert {alert} is withdrawn: what it began with has changed, as figures were corrected or rules are others",
        alert=title,
    )  # fmt: skip
    return Diagnostic(_WITHDRAWN, corrected, place, None, Severity.INFO)


def _index(system: System, label: str) -> int:
    return period_texts.parse(label, timeline=system.timeline).index(system.period)


def withdrawals(alerts: Collection[Diagnostic]) -> Iterator[Diagnostic]:
    """Yield those of the news that are no findings of the run: alerts that are withdrawn."""
    yield from (alert for alert in alerts if alert.code == _WITHDRAWN)
