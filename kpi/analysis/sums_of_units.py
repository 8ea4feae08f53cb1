"""Corrections where the figures of the units do not add up to that of the whole, such as counties to their city."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from kpi.analysis.typing_errors import Correction, corrections
from kpi.engine.check_stages import Rule
from kpi.intake.grid import Panel
from kpi.values.columns import Column

#: The most corrections of a period that are tried, those that come nearest to the sum.
_TRIED = 60


def corrections_of_sums(rule: Rule, period: int, panel: Panel) -> list[tuple[int | None, Correction]]:
    """Return the corrections of one figure with which the units add up to the whole.

    Args:
        rule: one that is about all units together, broken in the period.
        period: the index.
        panel: with the figures as reported.

    Returns:
        Corrections with the entity of which the figure is, None for the whole.
    """
    unit = rule.breach.aggregate_unit
    (name,) = rule.breach.names
    fact = Column(name).fact(str(unit))
    frame = panel.frame.filter(period=period).select("period", "entity", name, fact)
    whole, total = frame[fact].drop_nulls().first(), float(frame[name].sum())
    if not isinstance(whole, float) or frame[name].null_count():
        return []

    def tries() -> Iterator[tuple[float, int | None, Correction]]:
        for item in corrections(fact, whole, float(f"{total:.12g}")):
            yield abs(item.after - total), None, item
        for entity, value in frame.select("entity", name).iter_rows():
            for item in corrections(name, value, float(f"{value + whole - total:.12g}")):
                yield abs(total - value + item.after - whole), entity, item

    nearest = sorted(tries(), key=lambda entry: entry[0])[:_TRIED]
    # Each trial is a period of its own, as the rule adds up within periods.
    trials = pl.concat(
        frame.with_columns(
            pl.lit(trial, dtype=frame.schema["period"]).alias("period"),
            _changed(name, pl.col("entity") == (-1 if entity is None else entity), item),
            _changed(fact, pl.lit(entity is None), item),
        )
        for trial, (_, entity, item) in enumerate(nearest)
    )
    judged = trials.select("period", rule.breach.where.fill_null(value=True).alias("#broken"))
    broken = set(judged.filter("#broken")["period"].to_list())
    return [(entity, item) for trial, (_, entity, item) in enumerate(nearest) if trial not in broken]


def _changed(name: str, where: pl.Expr, item: Correction) -> pl.Expr:
    """Return a column with the corrected figure where it is meant."""
    return pl.when(where & (item.name == name)).then(item.after).otherwise(name).alias(name)
