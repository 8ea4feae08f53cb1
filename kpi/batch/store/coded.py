"""Every text a number: a result repeats its titles, units, statuses and names, so each is kept once, in `kpi.texts`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import polars as pl


def texts(columns: Iterable[pl.Series]) -> pl.Series:
    """Returns every text of some columns, once.

    >>> texts([pl.Series(["x", "y"]), pl.Series(["y", None])]).sort().to_list()
    ['x', 'y']
    """
    empty = pl.Series("text", [], dtype=pl.String)
    return reduce(lambda one, other: one.append(other.unique()), columns, empty).unique().drop_nulls()


def coded(frame: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
    """Returns a frame with numbers for texts.

    Args:
        frame: rows.
        numbers: the columns text and id, with every text of the frame.
    """
    places, ids = pl.Enum(numbers["text"]), numbers["id"]
    names = frame.select(pl.selectors.string()).columns
    return frame.with_columns(ids.gather(frame[name].cast(places).to_physical()).alias(name) for name in names)


def decoded(frame: pl.DataFrame, names: list[str], numbers: pl.DataFrame) -> pl.DataFrame:
    """Returns a frame with texts for the numbers in some columns."""
    by = {"old": numbers["id"], "new": numbers["text"], "return_dtype": pl.String}
    return frame.with_columns(pl.col(names).replace_strict(**by)) if names else frame  # type: ignore[arg-type]
