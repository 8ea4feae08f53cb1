"""The findings about entities that a figure puts into no group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.language.system import System
from kpi.values.columns import OUTSIDE, group_of


def ungrouped(
    system: System, frame: pl.DataFrame, entities: Sequence[str], labels: Mapping[int, str]
) -> Iterator[Diagnostic]:
    """Yield a warning for each group by a figure and period in which entities are in none (K865).

    Args:
        system: that was scored.
        frame: the result of its plan.
        entities: the names in order.
        labels: the labels of the periods to report on.
    """
    for name, group in system.groups.items():
        if group.of is None:
            continue
        inside = ~pl.col(OUTSIDE) if OUTSIDE in frame.columns else pl.lit(value=True)
        reported = pl.any_horizontal(
            [pl.col(item).is_not_null() for item, own in system.measures.items() if not own.per]
        )
        apart = (pl.col(group_of(name)) == "") & inside & reported
        rows = frame.filter(apart & pl.col("period").is_in(list(labels)))
        for (period,), part in rows.group_by("period", maintain_order=True):
            names = tuple(entities[place] for place in part["entity"])
            title = system.symbols[group.of].title if group.of in system.symbols else group.of
            message = Message(
                "in no group of `{group}`, as {title} is missing or below every bound: {names}; they are compared with "
                "each other",
                group=name, title=title, names=names,
            )  # fmt: skip
            hint = Message("report the figure, or add a group with a lower bound")
            place = Place(period=labels[int(str(period))])
            yield Diagnostic("K865", message, place, hint, Severity.WARNING)
