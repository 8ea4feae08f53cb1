"""Alerts between nights: which have begun and which have ended since the last run, each reported once.

The findings of the store say which alerts held after the last run; no other state is kept.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from kpi.analysis.alert_findings import BEGINS, ENDS, message
from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.language.system import System
from kpi.report.language import wordings
from kpi.values import period_texts


def last_changes(system: System, findings: pl.DataFrame | None) -> dict[tuple[str, str], tuple[str, str]]:
    """Return the last change of every alert and entity: its code and its period.

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
    last: dict[tuple[str, str], tuple[int, str, str]] = {}
    rows = findings.filter(pl.col("code").is_in([BEGINS, ENDS])).select("message", "entity", "period")
    for text, entity, label in rows.rows():
        if text not in texts or entity is None or label is None:
            continue
        name, code = texts[text]
        index = period_texts.parse(label, timeline=system.timeline).index(system.period)
        if (name, entity) not in last or last[name, entity][0] < index:
            last[name, entity] = (index, code, label)
    return {key: (code, label) for key, (_, code, label) in last.items()}


def news(system: System, before: pl.DataFrame | None, after: pl.DataFrame) -> Iterator[Diagnostic]:
    """Yield the alerts that have begun or ended between two runs.

    Args:
        system: whose alerts are meant.
        before: the findings of the last run; None without one.
        after: those of this run.
    """
    known, current = last_changes(system, before), last_changes(system, after)
    for key in sorted({*known, *current}):
        name, entity = key
        code, label = current.get(key, (None, known.get(key, ("", ""))[1]))
        held, holds = known.get(key, ("", ""))[0] == BEGINS, code == BEGINS
        place = Place(entity=entity, period=label)
        if holds and not held:
            yield Diagnostic(BEGINS, message(system, name, BEGINS), place, None, Severity(system.notify[name].severity))
        elif held and code == ENDS:
            yield Diagnostic(ENDS, message(system, name, ENDS), place, None, Severity.INFO)
        elif held and not holds:
            title = system.notify[name].title or name
            corrected = Message(
                "alert {alert} is withdrawn: the figures that it began with were corrected", alert=title
            )
            yield Diagnostic("K655", corrected, place, None, Severity.INFO)
