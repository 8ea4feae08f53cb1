"""Figures of other lengths beside complete ones: one month beside the four quarters of its year.

The months and quarters of a year overlap, so together they fill nothing. Where those of one length fill the scored
period by themselves, it is read from them, and the others are spare.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity, count
from kpi.intake.entities import Entities
from kpi.intake.reported.period_aggregation import KEYS, placed
from kpi.language.measures import OverTime
from kpi.language.system import System
from kpi.values.periods import Period
from kpi.values.status import OK

#: Of several complete lengths the shortest is added up; the mean or maximum of months is not that of quarters.
_ADDED: frozenset[OverTime] = frozenset({"sum", "ytd"})

#: The year in which a figure's period ends.
_YEAR = (pl.col("end") // 12).alias("year")


def without_spare(
    rows: pl.DataFrame, timings: Mapping[str, OverTime], system: System, entities: Entities
) -> tuple[pl.DataFrame, list[Diagnostic]]:
    """Return clean rows without the spare ones, and a note (K678) for each measure that has such.

    A figure is not spare if it contradicts the one in whose span it lies: if it is larger, and none is below zero.

    Args:
        rows: clean rows, one per measure, entity, finer unit and period.
        timings: how each measure is combined over time.
        system: gives the scored periods and titles.
        entities: gives the names.
    """
    size = system.period.months
    combined = [name for name, timing in timings.items() if timing not in ("last", "first")]
    parts = placed(rows.with_row_index("#at"), size).filter(pl.col("inside") & pl.col("measure").is_in(combined))
    if parts["months"].n_unique() < 2:
        return rows, []
    keys = [*KEYS, "period"]
    exact = parts.filter("exact").select(keys).unique()
    parts = parts.join(exact, on=keys, how="anti", nulls_equal=True)
    aligned = (size % pl.col("months") == 0) & (pl.col("start") % pl.col("months") == 0) & (pl.col("status") == OK)
    levels = parts.filter(aligned).group_by(*keys, "months").agg(pl.col("start").n_unique().alias("many"))
    levels = levels.filter(pl.col("many") * pl.col("months") == size)
    added = [name for name, timing in timings.items() if timing in _ADDED]
    several = pl.len().over(keys) > 1
    first = pl.col("months") == pl.col("months").min().over(keys)
    levels = levels.filter(~several | (pl.col("measure").is_in(added) & first)).select(*keys, level="months")
    parts = parts.join(levels, on=keys, nulls_equal=True)
    spare = parts.filter(pl.col("months") != pl.col("level"))
    if not spare.height:
        return rows, []
    held = parts.filter(pl.col("months") == pl.col("level"))
    around = spare.join(held, on=keys, nulls_equal=True, suffix=".held").filter(
        (pl.col("start") >= pl.col("start.held")) & (pl.col("end") <= pl.col("end.held"))
    )
    least = pl.min_horizontal("value", "value.held")
    odd = around.filter((pl.col("value") > pl.col("value.held")) & (least >= 0) & pl.col("measure").is_in(added))
    spare = spare.join(odd.select(keys).unique(), on=keys, how="anti", nulls_equal=True)
    kept = rows.with_row_index("#at").filter(~pl.col("#at").is_in(spare["#at"].implode())).drop("#at")
    order = ["measure", "entity", "start", "months"]
    return kept, [*_notes(spare.sort(order), system, entities), *_contradictions(odd.sort(order), system, entities)]


def _notes(spare: pl.DataFrame, system: System, entities: Entities) -> Iterator[Diagnostic]:
    """Yield a note (K678) for each measure and year with spare figures: a batch reads the files of a year together."""
    for (measure, _), items in spare.group_by("measure", _YEAR, maintain_order=True):
        row = items.row(0, named=True)
        fields = {
            **_fields(row, system, entities),
            "scored": Period.of(row["period"], system.period).title, "length": count(row["level"], "month"),
        }  # fmt: skip
        message = Message(
            "{measure} of {entity} for {scored} is made of the figures of {length} each, which are complete; "
            "that for {span} is not counted beside them",
            **fields,
        )
        if items.height > 1:
            message = Message("{message}; so with {more} of it", message=message,
                              more=count(items.height - 1, "more figure"))  # fmt: skip
        yield Diagnostic("K678", message, Place(field=system.symbols[str(measure)].title), None, Severity.INFO)


def _contradictions(odd: pl.DataFrame, system: System, entities: Entities) -> Iterator[Diagnostic]:
    """Yield a warning (K622) for each measure and year with a figure larger than that of the span in which it lies."""
    for (measure, _), items in odd.group_by("measure", _YEAR, maintain_order=True):
        row = items.row(0, named=True)
        around = Period(row["start.held"], row["months.held"], system.timeline).title
        message = Message(
            "{measure} of {entity} is more for {span} than for {around}, in which that lies, "
            "so the period is incomplete",
            **_fields(row, system, entities),
            around=around,
        )
        if items.height > 1:
            message = Message("{message}; so with {more} of it", message=message,
                              more=count(items.height - 1, "more figure"))  # fmt: skip
        hint = Message("correct one of them, or leave one out")
        yield Diagnostic("K622", message, Place(field=system.symbols[str(measure)].title), hint, Severity.WARNING)


def _fields(row: Mapping[str, Any], system: System, entities: Entities) -> dict[str, Any]:
    return {
        "measure": system.symbols[row["measure"]].title,
        "entity": [*entities.names, *entities.wholes][row["entity"]],
        "span": Period(row["start"], row["months"], system.timeline).title,
    }
