"""The alerts of a scored panel: where one begins, holds on and ends, as a frame and as findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from kpi.engine.alert_stage import holds
from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.language.system import System
from kpi.values.columns import ENTITIES

#: The codes of findings on alerts: it begins, it holds on, it ends.
BEGINS, HOLDS_ON, ENDS = "K652", "K653", "K654"
ALERTS = (BEGINS, HOLDS_ON, ENDS)


def message(system: System, name: str, code: str) -> Message:
    """Return the message of a finding on an alert, the same for every unit and period."""
    alert = system.notify[name]
    title, words = alert.title or name, alert.words(system.symbols, system.results)
    match code:
        case "K652":
            return Message("alert {alert} begins: {condition}", alert=title, condition=words)
        case "K653":
            return Message("alert {alert} holds on: {condition}", alert=title, condition=words)
    return Message("alert {alert} ends: {condition} no longer holds", alert=title, condition=words)


def transitions(system: System, frame: pl.DataFrame) -> pl.DataFrame:
    """Return where alerts begin, hold on and end: columns alert, code, period (index), entity (position).

    Args:
        system: whose alerts are meant.
        frame: the result of the plan, complete and ordered by period and entity.
    """
    kinds = {"alert": pl.String, "code": pl.String, "period": pl.Int32, "entity": pl.UInt32}
    results = [pl.DataFrame(schema=kinds)]
    if system.notify and frame.height:
        units = frame[ENTITIES][0]
        for name in system.notify:
            now = pl.col(holds(name))
            before = now.shift(units).fill_null(value=False)
            code = (
                pl.when(now & before).then(pl.lit(HOLDS_ON)).when(now).then(pl.lit(BEGINS))
                .when(~now & before).then(pl.lit(ENDS))
            )  # fmt: skip
            rows = frame.select(alert=pl.lit(name), code=code, period="period", entity="entity")
            results.append(rows.filter(pl.col("code").is_not_null()).cast(kinds))  # type: ignore[arg-type]
    return pl.concat(results)


def alert_findings(
    system: System, frame: pl.DataFrame, entities: Sequence[str], labels: Mapping[int, str], shown: Mapping[int, str]
) -> Iterator[Diagnostic]:
    """Yield a finding where an alert begins or ends, and for those that hold on in the last period.

    Args:
        system: whose alerts are meant.
        frame: the result of the plan, with the period before those that are shown.
        entities: the names of the entities, by position.
        labels: the label of each period index.
        shown: the periods that findings are about.
    """
    if not system.notify:
        return
    last = max(shown, default=None)
    rows = transitions(system, frame).filter(
        pl.col("period").is_in(list(shown)) & ((pl.col("code") != HOLDS_ON) | (pl.col("period") == last))
    )
    for name, code, period, entity in rows.rows():
        severity = Severity.INFO if code == ENDS else Severity(system.notify[name].severity)
        place = Place(entity=entities[entity], period=labels[period])
        yield Diagnostic(code, message(system, name, code), place, None, severity)
