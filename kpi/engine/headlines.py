"""Headlines: indices beside the total, top pillars of weight 0 with places of their own.

A headline is the total of a system of its own (`alone`), so that its parts are explained by the same weights and
contributions.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator

import polars as pl

from kpi.language.aggregation.nodes import Composite
from kpi.language.indicators import ENTITIES
from kpi.language.system import CheckedSystem, System
from kpi.values.columns import Column
from kpi.values.rounding import score_key


def columns(system: System) -> Iterator[dict[str, pl.Expr]]:
    """Yield the columns of the headlines, in groups that are evaluated together; none without headlines.

    `name.printed` (rounded as totals are), `name.place` and `name.ranked`; then `name.place_change` and
    `name.printed_change` against the previous period.
    """
    ranking = system.ranking
    scores: dict[str, pl.Expr] = {}
    changes: dict[str, pl.Expr] = {}
    for name in system.headlines:
        column = Column(name)
        printed = ranking.rounded(pl.col(column.score))
        shown = printed if ranking.on == "rounded" else score_key(pl.col(column.score))
        scores |= {
            column.printed: printed,
            column.place: ranking.place(shown, []),
            column.ranked: shown.count().over("period", "cohort").cast(pl.UInt32),
        }
        place = pl.col(column.place).cast(pl.Float64 if ranking.ties == "average" else pl.Int32)
        parts = {
            column.place_change: place.shift(ENTITIES) - place,
            column.printed_change: score_key(pl.col(column.printed) - pl.col(column.printed).shift(ENTITIES)),
        }
        breaks = sorted({one for part in _below(system, name) for one in system.breaks(part)})
        if breaks:
            same = [pl.col(one) == pl.col(one).shift(ENTITIES) for one in breaks]
            together = functools.reduce(operator.and_, same)
            parts = {key: pl.when(together).then(change) for key, change in parts.items()}
        changes |= parts
    yield from (scores, changes)


def _below(system: System, name: str) -> list[str]:
    """Return a pillar and everything that it is made of."""
    below = [name]
    for part in below:
        if part in system.pillars:
            below += [one for one in system.pillars[part].parts if one not in below]
    return below


def alone(system: System, name: str) -> CheckedSystem:
    """Return the system in which a headline is all there is: its score is the total, with a full mark of 100."""
    pillars = {
        part: system.pillars[part].model_copy(update={"weight": None})
        for part in _below(system, name)
        if part in system.pillars
    }
    update = {"pillars": pillars, "composite": Composite(), "adjustments": {}, "stars": None}
    ranking = system.ranking.model_copy(update={"tie_break": ()})
    return CheckedSystem.of(system.model_copy(update=update | {"ranking": ranking}))
