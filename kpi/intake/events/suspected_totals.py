"""Suspect rows of totals in the middle of large tables of events, by what they do to the figures.

Of a large table only the first and last rows are searched for the names of totals: to read all texts takes longer than
to sum the figures. But the total of a unit's events, beside these events, doubles the mean of the month that it is
dated in, or more. So months with such a mean are a reason to search all rows, and comparing means takes no time.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from kpi.intake.events.events import MONTH, WHO
from kpi.intake.events.mergeable import SOURCE
from kpi.language.measures import Measure, Part

#: How many figures a month of a unit has at least: the mean of a few varies.
_FIGURES = 20
#: From which multiple of the mean of the unit's other months on, or of all others, a mean is suspicious. That of `n`
#: events and their total is `2 n / (n + 1)` times as large.
_MULTIPLE = 1.8
#: The share of the months of units that are suspicious at most. Where there are more, the figures vary so; totals in
#: so many months would stand in the first rows too.
_SHARE, _FEW = 0.01, 10

#: What is behind the names of the sums of a unit and of a table.
_UNIT, _TABLE = " of the unit", " of the table"


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
    amounts = groups.lazy().group_by(SOURCE, WHO, MONTH).agg(pl.col(columns).cast(pl.Float64).sum())
    unit, table = (
        amounts.group_by(keys).agg(pl.col(columns).sum(), months=pl.len()) for keys in ((SOURCE, WHO), SOURCE)
    )
    beside = amounts.join(unit, on=[SOURCE, WHO], nulls_equal=True, suffix=_UNIT).join(table, on=SOURCE, suffix=_TABLE)
    counted = beside.group_by(SOURCE).agg(
        pl.len().alias("months"), *(_suspicious(*pair).sum().alias(str(at)) for at, pair in enumerate(names))
    )  # fmt: skip
    tables = set()
    for position, months, *suspicious in counted.collect().rows():
        if any(0 < many <= max(_FEW, _SHARE * months) for many in suspicious):
            tables.add(position)
    return tables


def _suspicious(filled: str, total: str) -> pl.Expr:
    """Return whether a month of a unit has a suspicious mean, given the number of figures and their sum."""

    def others(name: str) -> pl.Expr:
        # The unit's other months; of a unit with one month, all other units.
        every = pl.when(pl.col("months") > 1).then(pl.col(name + _UNIT)).otherwise(pl.col(name + _TABLE))
        return every - pl.col(name)

    number, mean = pl.col(filled), pl.col(total) / pl.col(filled)
    usual = others(total) / others(filled)
    return ((number >= _FIGURES) & (usual > 0) & (mean >= _MULTIPLE * usual)).fill_null(value=False)
