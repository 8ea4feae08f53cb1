"""Facts about the finer units of entities: how many pass a threshold, how many have a value (`Indicator.over_units`).

Facts of different finer units of one entity and period add up: so the figures of millions of them need not be there at
once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from kpi.language.sensitive import contributed, contribution_facts
from kpi.language.system import System
from kpi.values.columns import Column
from kpi.values.status import reason

#: For each indicator with a `finer_measure` the columns entity, period, and `Column(indicator).fact(...)`; for each
#: measure of contributions that disclosure rules look at the same of the measure (`contribution_facts`).
FinerFacts = Mapping[str, pl.DataFrame]


def finer_facts(system: System, figures: pl.DataFrame) -> FinerFacts:
    """Return the facts about finer units.

    Args:
        system: gives the indicators.
        figures: as `period_aggregation.to_scored` gives them; those of entities are left out.
    """
    facts: dict[str, pl.DataFrame] = {}
    for name, indicator in system.indicators.items():
        if indicator.finer_measure is None:
            continue
        mine = figures.lazy().filter(
            (pl.col("measure") == indicator.finer_measure)
            & pl.col("per").is_not_null()
            & (pl.col("value").is_not_null() | (pl.col("status") == reason("refused")))
        )
        # One key of integers is grouped in half the time of two.
        key = pl.col("entity").cast(pl.Int64) * (1 << 32) + pl.col("period")
        grouped = mine.group_by(key.alias("#key")).agg(
            fact.alias(Column(name).fact(key)) for key, fact in indicator.over_units(system.symbols).items()
        )
        facts[name] = grouped.select(
            (pl.col("#key") // (1 << 32)).cast(pl.UInt32).alias("entity"),
            (pl.col("#key") % (1 << 32)).cast(pl.Int32).alias("period"),
            pl.exclude("#key"),
        ).collect()
    for measure, number in contributed(system).items():
        mine = figures.lazy().filter(
            (pl.col("measure") == measure) & pl.col("per").is_not_null() & pl.col("value").is_not_null()
        )
        facts[measure] = _contributions(mine, measure, number)
    return facts


def _contributions(figures: pl.LazyFrame, measure: str, number: int) -> pl.DataFrame:
    """Return the largest contributions of each entity and period, and the total of all."""
    columns = contribution_facts(measure, number)
    # Sorted, so that the total does not depend on the order of rows.
    ordered = pl.col("value").sort(descending=True)
    return (
        figures.group_by("entity", "period")
        .agg(
            *(ordered.get(place, null_on_oob=True).alias(name) for place, name in enumerate(columns.largest)),
            ordered.sum().alias(columns.total),
        )
        .select("entity", "period", *columns.largest, columns.total)
        .collect()
    )


def _together(frames: list[pl.DataFrame], measure: str, number: int) -> pl.DataFrame:
    """Return the contributions of different finer units as if they had been together."""
    columns = contribution_facts(measure, number)
    every = pl.concat(frames)
    largest = every.unpivot(columns.largest, index=["entity", "period"], value_name="value").drop_nulls("value")
    totals = every.group_by("entity", "period").agg(pl.col(columns.total).sort().sum())
    return _contributions(largest.lazy(), measure, number).drop(columns.total).join(totals, on=["entity", "period"])


def with_facts(system: System, grid: pl.DataFrame, facts: Iterable[FinerFacts]) -> pl.DataFrame:
    """Add the facts about finer units to a panel, those of each entity and period together.

    Args:
        system: as of the facts.
        grid: with the columns entity and period.
        facts: about different finer units.
    """
    by_indicator: dict[str, list[pl.DataFrame]] = {}
    for part in facts:
        for name, frame in part.items():
            by_indicator.setdefault(name, []).append(frame)
    keys, numbers = ["entity", "period"], contributed(system)
    for name, frames in by_indicator.items():
        if name in numbers:
            grid = grid.join(_together(frames, name, numbers[name]), on=keys, how="left", maintain_order="left")
            continue
        yes_no = pl.selectors.boolean()
        every = pl.concat(frames).group_by(keys).agg(yes_no.any(), (~yes_no - pl.selectors.by_name(keys)).sum())
        grid = grid.join(every.select(frames[0].columns), on=keys, how="left", maintain_order="left")
    return grid
