"""The finding about periods that stand years before or after all others: rather a date typed wrong than data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.language.system import System
from kpi.values.columns import Column
from kpi.values.periods import Period

#: After how many years without a figure periods stand alone.
_YEARS = 5
#: How many of the figures, or events, there are in such periods at most, as a part of all.
_FEW = 0.05


def lone_periods(system: System, frame: pl.DataFrame, labels: Mapping[int, str]) -> Iterator[Diagnostic]:
    """Yield a warning about the first and the last periods, if years without a figure lie between them and the others.

    Args:
        system: gives the measures and the grain.
        frame: the panel: the column period and the measures.
        labels: the labels of the periods.
    """
    of_year = max(round(12 / system.period.months), 1) if not system.period.timeline.weeks else 52
    if not labels or max(labels) - min(labels) < _YEARS * of_year:
        return
    names = [name for name in system.measures if name in frame.columns]
    if not _may_have_gap(frame, names, _YEARS * of_year):
        return
    # Of events each counts, as a year has few figures of units.
    rows_of = [
        pl.col(Column(name).rows).fill_null(0).cast(pl.Int64) for name in names if Column(name).rows in frame.columns
    ]
    there = frame.select(
        "period",
        there=pl.any_horizontal(pl.col(name).is_not_null() for name in names),
        rows=pl.max_horizontal(1, *rows_of),
    )
    rows = there.filter("there").group_by("period").agg(pl.col("rows").sum()).sort("period").rows()
    every = sum(number for _, number in rows)
    for ends, later in ((rows[::-1], True), (rows, False)):
        number = 0
        for (period, many), (other, _) in pairwise(ends):
            number += many
            if number > _FEW * every:
                break
            if abs(period - other) >= _YEARS * of_year:
                yield _finding(system, ends[0][0], abs(period - other) // of_year, later=later)
                break


def _may_have_gap(frame: pl.DataFrame, names: Iterable[str], least: int) -> bool:
    """Return whether two periods with figures, without any between them, may be so far apart.

    Most measures have figures of all periods, so one is usually enough to know that there are none.
    """
    periods = frame.get_column("period")
    # Those of the panel are ordered.
    there: set[int] = {periods[0], periods[-1]}
    for name in names:
        there.update(periods.filter(frame.get_column(name).is_not_null()).unique())
        if all(later - earlier < least for earlier, later in pairwise(sorted(there))):
            return False
    return True


def _finding(system: System, period: int, years: int, *, later: bool) -> Diagnostic:
    label = Period.of(period, system.period).label
    message = Message("{period} is {years} years before all other periods", period=label, years=years)
    if later:
        message = Message("{period} is {years} years after all other periods", period=label, years=years)
    hint = Message("correct the date; the periods between have no figure")
    return Diagnostic("K684", message, Place(), hint, Severity.WARNING)
