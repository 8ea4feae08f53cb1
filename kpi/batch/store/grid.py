"""Rows that are a grid: each value of one column, the key, comes once, with the same list of others.

Every entity has every indicator, whose title, unit and target are the same for all. Row by row a scorecard repeats them
for each entity. As a grid they are there once, and each value of the key has one row of lists. Which column is the key,
and what is the same for all, is seen in the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Grid:
    """Rows taken apart, in their order: `height` of them for each value of the key.

    `heads` has the key and the position of the first row of each of its values; `axis` the columns, of `height` rows,
    that are the same for all; `body` the other columns, of all rows.
    """

    key: str
    height: int
    heads: pl.DataFrame
    axis: pl.DataFrame
    body: pl.DataFrame


def grid_of(rows: pl.DataFrame, key: str | None = None) -> Grid | None:
    """Returns rows with their positions as a grid, None where they are none.

    >>> some = {"entity": ["甲", "甲", "乙", "乙"], "unit": ["%", "人", "%", "人"], "value": [1, 2, None, 4]}
    >>> grid = grid_of(pl.DataFrame(some).with_row_index("position"))
    >>> grid.heads.rows(), grid.axis.rows(), grid.body.rows()
    ([('甲', 0), ('乙', 2)], [('%',), ('人',)], [(1,), (2,), (None,), (4,)])

    Args:
        rows: of one part.
        key: the only column that may be the key; any of texts when None.
    """
    if not (rows["position"].diff().drop_nulls() == 1).all():
        return None
    texts = rows.select(pl.selectors.string()).columns
    for name in texts if key is None else [one for one in texts if one == key]:
        height = _height(rows[name])
        if height is None:
            continue
        rest = rows.drop(name, "position")
        # Most columns differ soon.
        some = _same(rest.head(2 * height), height)
        axis = rest.head(height).select(_same(rest.select(some), height))
        # What tells the rows of one value of the key apart must be the same for all: else it is no grid, only sorted.
        if any(one.dtype == pl.String() and one.n_unique() == height for one in axis):
            heads = rows.select(name, "position").gather_every(height)
            return Grid(name, height, heads, axis, rest.drop(axis.columns))
    return None


def _height(column: pl.Series) -> int | None:
    """How many rows each value of a column has, None unless all have as many, and theirs follow one another."""
    starts = (column != column.shift()).arg_true()
    if column.null_count() or not len(starts):
        return None
    height = int(starts[0])
    blocks, rest = divmod(len(column), height)
    even = not rest and len(starts) == blocks - 1 and (starts == pl.int_range(1, blocks, eager=True) * height).all()
    return height if even and height > 1 and column.gather_every(height).n_unique() == blocks else None


def _same(rows: pl.DataFrame, height: int) -> list[str]:
    """The columns that have what they had `height` rows before, to the bit: as floats, 0 and -0 are equal."""
    bits = rows.with_columns(pl.selectors.float().reinterpret(signed=False))
    same = bits.select(pl.all().eq_missing(pl.all().shift(height)).slice(height).all())
    return [name for name in same.columns if same[name].item()]
