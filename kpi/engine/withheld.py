"""What of a wide frame can be published: only what is the same whichever values the suppressed figures have.

Suppressed figures are given several values each, so that all that readers know holds (`analysis.disclosure`), and the
plan is run for each such *world*. A cell that differs between worlds is a hint at them, and is suppressed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import polars as pl

from kpi.language.system import ROOT
from kpi.values.columns import COHORT, Column
from kpi.values.status import Status

#: The relative difference below which two numbers are the same: what sums in another order may differ by.
SAME = 1e-9
#: The columns that locate a row.
KEYS = ("period", "entity", COHORT)
#: The status of what is withheld.
SUPPRESSED = "suppressed"
#: The columns that `disclosure: {keep: ...}` leaves as they are, by key.
_RESULTS = {
    "totals": (
        "score", "raw", Column("raw").status, "score_change", "#total", Column(ROOT).score,
        Column(ROOT).score.status, Column("score").former,
    ),
    "ranks": ("rank", "of", "rank_change", Column("rank").former),
    "stars": ("stars",),
}  # fmt: skip
#: What follows a total, which has its status: without the total before rounding none is printed.
_WITH_THE_TOTAL = {"score": "raw", "#total": "raw", "score_change": "score"}


def common(frames: Sequence[pl.DataFrame], keep: Collection[str] = ()) -> pl.DataFrame:
    """Return the first frame without the cells that differ in any of the others.

    Such a cell is null; the status that belongs to it is `suppressed`.

    Args:
        frames: the same columns of the same rows, in the same order, in each world; the first has the true figures.
        keep: the keys of `disclosure: keep`.

    >>> worlds = [pl.DataFrame({"period": [1], "entity": [0], "rank": [2], "raw": [x]}) for x in (80.0, 81.0)]
    >>> common(worlds).row(0, named=True)
    {'period': 1, 'entity': 0, 'rank': 2, 'raw': None}
    """
    truth, *others = frames
    kept = {column for key in keep for column in _RESULTS[key]}
    names = [name for name in truth.columns if name not in KEYS and name not in kept]
    hidden = {name: mask for name in names if (mask := _differing(truth, others, name)).any()}
    for name, total in _WITH_THE_TOTAL.items():
        if total in hidden and name in truth.columns and name not in kept:
            hidden[name] = hidden[name] | hidden[total] if name in hidden else hidden[total]
    columns = dict(_with_statuses(truth, hidden, kept))
    return truth.with_columns(columns.values())


def _differing(truth: pl.DataFrame, others: Sequence[pl.DataFrame], name: str) -> pl.Series:
    """Return in which rows a column differs between worlds."""
    column = truth[name]
    mask = pl.Series(name, [False]).new_from_index(0, truth.height)
    for other in others:
        mask = mask | _unequal(column, other[name])
    return mask.alias(name)


def _unequal(first: pl.Series, second: pl.Series) -> pl.Series:
    if first.dtype.is_nested():
        pairs = zip(first.to_list(), second.to_list(), strict=True)
        return pl.Series([left != right for left, right in pairs], dtype=pl.Boolean)
    different = first.ne_missing(second)
    if not first.dtype.is_float():
        return different
    gap = (first - second).abs()
    near = gap <= SAME * pl.select(pl.max_horizontal(first.abs(), second.abs(), pl.lit(1e-12))).to_series()
    return different & ~near.fill_null(value=False)


def _with_statuses(
    truth: pl.DataFrame, hidden: dict[str, pl.Series], kept: Collection[str]
) -> Iterator[tuple[str, pl.Series]]:
    """Yield the columns with what is hidden left out, values together with their statuses."""
    statuses = {name: Column(name).status for name in truth.columns if Column(name).status in truth.columns}
    owners: dict[str, str] = {status: name for name, status in statuses.items()}
    for name in dict.fromkeys(owners.get(name, name) for name in hidden):
        status = statuses.get(name)
        mask = hidden.get(name)
        if status is not None and status in hidden:
            mask = hidden[status] if mask is None else mask | hidden[status]
        assert mask is not None  # noqa: S101
        nothing = pl.Series(name, [None], dtype=truth[name].dtype).new_from_index(0, truth.height)
        if name not in kept:
            yield name, truth[name].zip_with(~mask, nothing)
        if status is not None and status not in kept:
            why = pl.Series(status, [SUPPRESSED], dtype=Status).new_from_index(0, truth.height)
            yield status, truth[status].zip_with(~mask, why)


def is_hidden(frame: pl.DataFrame) -> pl.Series:
    """Return the rows of a published wide frame in which anything is suppressed."""
    statuses = [pl.col(name) == SUPPRESSED for name in frame.columns if frame.schema[name] == Status]
    return frame.select(pl.any_horizontal(statuses).fill_null(value=False).alias("hidden")).to_series()
