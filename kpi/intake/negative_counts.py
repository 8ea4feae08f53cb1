"""The findings about counts and parts below zero: a negative number of things is a slip, or the measure is a change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.intake.named_figures import MOST_NAMED, named_figures, periods_named
from kpi.intake.part_names import is_never_below_zero
from kpi.language.measures import Measure
from kpi.language.never_negative import never_negative
from kpi.language.system import System
from kpi.values import units

_COLUMNS = ("period", "number", "entity", "value")


def negative_counts(
    system: System, frame: pl.DataFrame, entities: Sequence[str], labels: Mapping[int, str]
) -> Iterator[Diagnostic]:
    """Yield a warning for each measure and period with figures below zero that are counts of things (K674).

    Areas, lengths, volumes and masses are judged as counts are, and so are rates in percent whose title is that of a
    part of a whole, such as 满意率, where those of most other units are not below zero. Measures with
    `negative: allow`, or with the title of a change or a balance, such as 净增户数, are not judged.

    Args:
        system: that was scored.
        frame: the result of its plan.
        entities: the names in order.
        labels: the labels of the periods to report on.
    """
    there = set(frame.columns)
    for name, measure in system.measures.items():
        if name not in there or not is_judged(name, measure):
            continue
        # Column by column, as a query takes longer than the comparisons.
        lowest = frame.get_column(name).min()
        if lowest is None or lowest >= 0:  # type: ignore[operator]
            continue
        mine = frame.select("period", "entity", value=name).filter(pl.col("period").is_in(list(labels)))
        below = mine.filter(pl.col("value") < 0).sort("period", "entity")
        periods = below.group_by("period", maintain_order=True).agg(
            pl.len().alias("number"), pl.col("entity", "value").head(MOST_NAMED)
        )
        if _is_part(name, measure):
            others = mine.group_by("period").agg((pl.col("value") >= 0).sum().alias("others"))
            periods = periods.join(others, on="period", maintain_order="left").filter(
                pl.col("number") < pl.col("others")
            )
        named = periods_named(periods.height)
        for period, number, places, values in periods.head(named).select(_COLUMNS).iter_rows():
            units_of = [entities[place] for place in places]
            quoted = system.disclosure is None
            yield _finding(
                name, measure, dict(zip(units_of, values, strict=True)), number, labels[period], quoted=quoted
            )
        if (more := periods.slice(named)).height:
            yield _further(name, measure, more, labels)


def is_judged(name: str, measure: Measure) -> bool:
    """Return whether figures of a measure are never below zero, by its unit or its title."""
    return never_negative(name, measure) or _is_part(name, measure)


def _is_part(name: str, measure: Measure) -> bool:
    """Return whether figures of a measure are in percent, with the title of a rate that is never below zero."""
    if measure.negative is not None or not units.convertible(measure.quantity, units.PERCENT):
        return False
    return is_never_below_zero(measure.title or name)


def _further(name: str, measure: Measure, periods: pl.DataFrame, labels: Mapping[int, str]) -> Diagnostic:
    """Return the finding about figures of one measure in periods beyond those that have findings of their own."""
    title, number = measure.title or name, int(periods["number"].sum())
    message = Message(
        "{measure} is below zero in {figures:,} more figures, of {first} to {last}",
        measure=title, figures=number, first=labels[periods["period"][0]], last=labels[periods["period"][-1]],
    )  # fmt: skip
    hint = Message("correct the figures; if it is a change or a balance, write `negative: allow` for the measure")
    return Diagnostic("K674", message, Place(field=title), hint, Severity.WARNING, stands_for=number)


def _finding(
    name: str, measure: Measure, rows: Mapping[str, float], number: int, label: str, *, quoted: bool
) -> Diagnostic:
    """Return the finding about the figures of one measure and period; with disclosure rules it has none of them.

    Args:
        name: the measure.
        measure: the same.
        rows: the first units, with their figures.
        number: how many figures there are.
        label: the period.
        quoted: whether figures may be shown.
    """
    figures = (
        (entity, Message("{value:,.10g} {unit}", value=value, unit=measure.unit)) for entity, value in rows.items()
    )
    words = {"measure": measure.title or name, "figures": named_figures(figures, number, quoted=quoted)}
    message = Message("{measure} is below zero, which a number of things never is: {figures}", **words)
    if _is_part(name, measure):
        message = Message("{measure} is below zero, which a part of a whole never is: {figures}", **words)
    hint = Message("correct the figures; if it is a change or a balance, write `negative: allow` for the measure")
    entity = next(iter(rows)) if number == 1 else None
    place = Place(entity=entity, period=label, field=measure.title or name)
    return Diagnostic("K674", message, place, hint, Severity.WARNING, stands_for=number)
