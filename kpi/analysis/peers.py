"""The place of a unit among its peers: the spread of a figure or score in the group that is ranked together."""

from __future__ import annotations

from functools import cached_property

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi.engine.scorecard import Scorecard


class Spread(Struct, frozen=True):
    """The five numbers of a group, and the place of one of its units.

    Quartiles are interpolated linearly between neighbours (type 7 of Hyndman and Fan 1996, as QUARTILE.INC of
    spreadsheets). `place` is 1 for the best, and shared by equal values; None where the unit has no value.
    """

    number: int
    least: float
    lower: float
    middle: float
    upper: float
    greatest: float
    own: float | None
    place: int | None


def spread(values: pl.Series, own: float | None, *, higher: bool = True) -> Spread | None:
    """Return the spread of the values of a group, None of fewer than two values.

    >>> one = spread(pl.Series([1.0, 2.0, None, 4.0]), 2.0)
    >>> one.least, one.lower, one.middle, one.upper, one.greatest, one.place
    (1.0, 1.5, 2.0, 3.0, 4.0, 2)
    """
    known = values.cast(pl.Float64).drop_nulls()
    if known.len() < 2:
        return None
    least, lower, middle, upper, greatest = (known.quantile(part, "linear") for part in (0.0, 0.25, 0.5, 0.75, 1.0))
    better = None if own is None else int((known > own).sum() if higher else (known < own).sum())
    place = None if better is None else better + 1
    return Spread(known.len(), least, lower, middle, upper, greatest, own, place)  # type: ignore[arg-type]


class Peers(Struct, frozen=True, dict=True):
    """The units that are ranked with one of them in a period."""

    card: Scorecard
    index: int
    place: int

    @cached_property
    def rows(self) -> pl.DataFrame:
        """The rows of the wide frame of the unit and its peers."""
        frame = self.card.detailed.filter(pl.col("period") == self.index)
        _, *column = self.card.definition.grouped_by(self.card.definition.ranking.main)
        if not column:
            return frame
        own = frame.filter(pl.col("entity") == self.place)[column[0]].item()
        return frame.filter(pl.col(column[0]).eq_missing(pl.lit(own, dtype=frame.schema[column[0]])))

    def spread(self, column: str, *, higher: bool = True) -> Spread | None:
        """Return the spread of a column of the wide frame; without the place where a value is suppressed."""
        own = self.rows.filter(pl.col("entity") == self.place)[column].item()
        result = spread(self.rows[column], own, higher=higher)
        suppressed = bool(self.card.worlds) and self.rows[column].null_count() > 0
        return result if result is None or not suppressed else replace(result, place=None)
