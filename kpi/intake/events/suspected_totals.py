"""Suspect rows of totals in the middle of large tables of events, by what they do to the figures.

Of a large table only the first and last rows are searched for the names of totals: to read all texts takes longer than
to sum the figures. But the total of a unit's events, beside these events, doubles the mean of the month that it is
dated in, or more. So months with such a mean are a reason to search all rows, and comparing means takes no time.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from kpi.intake.events.events import MONTH, WHO, places
from kpi.intake.events.mergeable import SOURCE
from kpi.intake.events.remote import ODD
from kpi.language.measures import Measure, Part

#: How many figures a month of a unit has at least: the mean of a few varies.
_FIGURES = 20
#: From which multiple of the mean of the unit's other months on, or of all others, a mean is suspicious. That of `n`
#: events and their total is `2 n / (n + 1)` times as large.
_MULTIPLE = 1.8
#: The share of the months of units that are suspicious at most. Where there are more, the figures vary so; totals in
#: so many months would stand in the first rows too.
_SHARE, _FEW = 0.01, 10


def with_suspected_totals(groups: pl.DataFrame, measures: Iterable[Measure]) -> set[int]:
    """Return the positions of the tables in which a month of a unit has a mean as with a total among its events.

    Args:
        groups: the parts of every group, see `mergeable`.
        measures: the measures; those that sum or average a column are inspected.
    """
    pairs: set[tuple[Part, Part]] = set()
    for measure in measures:
        parts = {part.what: part for part in measure.parts()} if measure.per is None else {}
        if {"filled", "sum"} <= parts.keys():
            pairs.add((parts["filled"], parts["sum"]))
    names = sorted((filled.name, total.name) for filled, total in pairs)
    columns = {name for pair in names for name in pair}
    if not columns:
        return set()
    amounts = groups.select(SOURCE, WHO, MONTH, ODD, pl.col(sorted(columns)).cast(pl.Float64))
    if (groups[ODD] > 0).any():
        # Unexpected rows have groups of their own beside others of the same month.
        amounts = amounts.group_by(SOURCE, WHO, MONTH).sum()
    tables, units = amounts[SOURCE].to_numpy(), _units(amounts)
    alone = (np.bincount(units) == 1)[units]
    some_alone = bool(alone.any())
    months = np.bincount(tables)

    @cache
    def figures_and_others(name: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        figures = amounts[name].to_numpy()
        others = np.bincount(units, figures)[units]
        return figures, (
            np.where(alone, np.bincount(tables, figures)[tables], others) if some_alone else others
        ) - figures

    found: set[int] = set()
    for filled, total in names:
        number, others = figures_and_others(filled)
        amount, other_amount = figures_and_others(total)
        # Comparisons with NaN are false. A mean of no other figures has no sign.
        with np.errstate(over="ignore", invalid="ignore"):
            exceeds = amount * others >= _MULTIPLE * other_amount * number
        suspicious = (number >= _FIGURES) & (others > 0) & (other_amount > 0) & exceeds
        if suspicious.any():
            many = np.bincount(tables[suspicious], minlength=len(months))
            found.update(np.flatnonzero((many > 0) & (many <= np.maximum(_FEW, _SHARE * months))).tolist())
    return found


def _units(amounts: pl.DataFrame) -> npt.NDArray[np.int64]:
    """Return for each row a number of its unit in its table; the numbers are as small as those of the units."""
    kept = places()
    unit: npt.NDArray[np.int64] = (
        amounts[WHO].cast(kept.dtype).to_physical().cast(pl.Int64).fill_null(-1).to_numpy() + 1
    )
    return amounts[SOURCE].cast(pl.Int64).to_numpy() * (int(unit.max()) + 1) + unit
