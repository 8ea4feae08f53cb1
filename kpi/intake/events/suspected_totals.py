"""Suspect rows of totals in the middle of large tables of events, by what they do to the figures.

Of a large table only the first and last rows are searched for the names of totals: to read all texts takes longer than
to sum the figures. But the total of a unit's events, beside these events, doubles the mean of the month that it is
dated in, or more. So months with such a mean are a reason to search all rows, and comparing means takes no time.
"""

from __future__ import annotations

from collections.abc import Iterable

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
    units = _units(amounts)
    positions, tables = np.unique(amounts[SOURCE].to_numpy(), return_inverse=True)
    alone = np.bincount(units)[units] == 1
    months = np.bincount(tables)
    found: set[int] = set()
    for filled, total in names:
        number, amount = (amounts[name].to_numpy() for name in (filled, total))
        others = [
            np.where(alone, np.bincount(tables, figures)[tables], np.bincount(units, figures)[units]) - figures
            for figures in (number, amount)
        ]
        with np.errstate(divide="ignore", invalid="ignore"):
            usual, mean = others[1] / others[0], amount / number
        # Comparisons with NaN, of no other figures, are false.
        suspicious = (number >= _FIGURES) & (usual > 0) & (mean >= _MULTIPLE * usual)
        many = np.bincount(tables, suspicious)
        found.update(positions[(many > 0) & (many <= np.maximum(_FEW, _SHARE * months))].tolist())
    return found


def _units(amounts: pl.DataFrame) -> npt.NDArray[np.intp]:
    """Return for each row the place of its unit in its table among all of them."""
    kept = places()
    unit = amounts[WHO].cast(kept.dtype).to_physical().cast(pl.Int64).fill_null(-1)
    key = amounts[SOURCE].cast(pl.Int64) * (1 << 32) + unit
    return np.unique(key.to_numpy(), return_inverse=True)[1]
