"""A star scheme: head/tail breaks."""

from __future__ import annotations

from typing import Literal

import polars as pl
from pydantic import Field

from kpi.extend import Message, Rated, Scheme


class HeadTail(Scheme):
    """Head/tail breaks among the units of a cohort: one star, and one more for each mean that the total is above.

    The first mean is that of all totals, each further one that of the totals above the mean before. Suits totals of
    which few are large and many small. Source: Jiang (2013), Head/tail breaks.
    """

    kind: Literal["head_tail"] = "head_tail"
    levels: int = Field(5, ge=2, le=5, description="the highest level")

    def level(self, rated: Rated) -> pl.Expr:
        """Return the level, null where there is no total."""
        level, head = pl.lit(1), rated.score
        for stars in range(2, self.levels + 1):
            mean = head.mean().over("period", "cohort")
            above = rated.score > mean
            level = pl.when(above).then(pl.lit(stars)).otherwise(level)
            head = pl.when(above).then(rated.score)
        return pl.when(rated.score.is_not_null()).then(level).cast(pl.Int8)

    def words(self) -> Message:
        """Return the scheme in words."""
        return Message("by head/tail breaks of the totals, up to {levels} stars", levels=self.levels)
