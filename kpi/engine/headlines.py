"""Headlines: indices beside the total, top pillars of weight 0 with places of their own.

A headline is the total of a system of its own (`alone`), so that its parts are explained by the same weights and
contributions.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from kpi.engine.totals import comparable
from kpi.language.aggregation.nodes import Composite
from kpi.language.system import CheckedSystem, System
from kpi.values.columns import Column
from kpi.values.rounding import score_key


def columns(system: System) -> Iterator[dict[str, pl.Expr]]:
    """Yield the columns of the headlines, in groups that are evaluated together; none without headlines.

    `name.printed` (rounded as totals are), `name.place` and `name.ranked`; then `name.place_change` and
    `name.printed_change` against the earlier period.
    """
    ranking, earlier = system.ranking, system.ranking.earlier(system.period)
    scores: dict[str, pl.Expr] = {}
    changes: dict[str, pl.Expr] = {}
    for name in system.headlines:
        column = Column(name)
        printed = ranking.rounded(pl.col(column.score))
        shown = printed if ranking.on == "rounded" else score_key(pl.col(column.score))
        scores |= {
            column.printed: printed,
            column.place: ranking.place(shown, [], system.ranked_within),
            column.ranked: shown.count().over(system.ranked_within).cast(pl.UInt32),
        }
        place = pl.col(column.place).cast(pl.Float64 if ranking.ties == "average" else pl.Int32)
        parts = {
            column.place_change: earlier(place) - place,
            column.printed_change: score_key(pl.col(column.printed) - earlier(pl.col(column.printed))),
        }
        below = _below(system, name)
        changes.update({key: comparable(system, change, below) for key, change in parts.items()})
    yield from (scores, changes)


def _below(system: System, name: str) -> list[str]:
    """Return a pillar and everything that it is made of."""
    below = [name]
    for part in below:
        if part in system.pillars:
            below += [item for item in system.pillars[part].parts if item not in below]
    return below


def alone(system: System, name: str) -> CheckedSystem:
    """Return the system in which a headline is all there is: its score is the total, with a full mark of 100.

    What is about other results (the total's adjustments, alerts, the totals of longer periods) is left out; adjustments
    within the headline and its pillars stay.
    """
    pillars = {
        part: system.pillars[part].model_copy(update={"weight": None})
        for part in _below(system, name)
        if part in system.pillars
    }
    adjustments = {key: item for key, item in system.adjustments.items() if system.within.get(key) in pillars}
    update = {
        "pillars": pillars, "composite": Composite(), "adjustments": adjustments,
        "stars": None, "notify": {}, "totals_over": None,
    }  # fmt: skip
    ranking = system.ranking.model_copy(update={"tie_break": ()})
    return CheckedSystem.of(system.model_copy(update=update | {"ranking": ranking}))
