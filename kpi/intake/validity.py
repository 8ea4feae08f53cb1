"""Units that are such for some time only, as the roster says: outside of it nothing is missing, and nothing counts."""

from __future__ import annotations

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.intake.entities import ALWAYS, Entities
from kpi.language.system import System
from kpi.values.columns import OUTSIDE, Column
from kpi.values.periods import Period
from kpi.values.status import reason
from kpi.values.timelines import Timeline


def out_of_time(frame: pl.DataFrame, entities: Entities, system: System) -> tuple[pl.DataFrame, list[Diagnostic]]:
    """Return a panel in which figures do not apply to units that are none in the period, and the warnings about them.

    Args:
        frame: the panel, with the column `#outside` where units are limited in time.
        entities: whose `spans` say when they are units.
        system: of the panel.
    """
    if OUTSIDE not in frame.columns:
        return frame, []
    names = [name for name in system.measures if name in frame.columns]
    given = pl.any_horizontal(pl.col(name).is_not_null() for name in names)
    counted = [Column(name).passed for name in system.indicators if Column(name).passed in frame.columns]
    reported = pl.any_horizontal(given, *(pl.col(item).is_not_null() for item in counted))
    rows = frame.filter(pl.col(OUTSIDE) & reported).group_by("entity", maintain_order=True).agg("period")
    findings = [_finding(entities, system, place, sorted(periods)) for place, periods in rows.sort("entity").rows()]
    exprs = []
    for name in names:
        status = Column(name).status
        exprs.append(pl.when(~pl.col(OUTSIDE)).then(pl.col(name)).alias(name))
        exprs.append(pl.when(OUTSIDE).then(reason("not_applicable")).otherwise(pl.col(status)).alias(status))
    return frame.with_columns(exprs), findings


def _finding(entities: Entities, system: System, place: int, periods: list[int]) -> Diagnostic:
    name = entities.names[place]
    which = tuple(Period.of(at, system.period).label for at in periods[:5])
    message = Message(
        "figures of {entity} for {periods} are not used: by the roster it is a unit {spans}",
        entity=name, periods=which, spans=tuple(_span(*span, entities.timeline) for span in entities.spans[place]),
    )  # fmt: skip
    hint = Message("correct `valid_from` and `valid_to` in the roster, or the period of the figures")
    where = Place(entity=name)
    return Diagnostic("K610", message, where, hint, Severity.WARNING, stands_for=len(periods))


def _span(first: int, last: int, timeline: Timeline) -> Message:
    if first <= ALWAYS[0]:
        return Message("until {period}", period=Period(last, 1, timeline).label)
    if last >= ALWAYS[1]:
        return Message("from {period}", period=Period(first, 1, timeline).label)
    return Message(
        "from {first} to {last}", first=Period(first, 1, timeline).label, last=Period(last, 1, timeline).label
    )
