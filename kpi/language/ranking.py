"""Ranking (位次): places within period and cohort, with declared ties, rounding and tie-breaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from kpi.errors import Message, statements
from kpi.language.lookback import Lags, back
from kpi.language.model import Block, Listed, Name
from kpi.values.rounding import Mode, rounded

Ties = Literal["min", "max", "average", "dense"]

_TIES: dict[str, Message] = {
    "min": Message("equal totals share the better place (1, 2, 2, 4)"),
    "max": Message("equal totals share the worse place (1, 3, 3, 4)"),
    "average": Message("equal totals share the mean of their places (1, 2.5, 2.5, 4)"),
    "dense": Message("equal totals share a place, and none is left out after them (1, 2, 2, 3)"),
}


class Ranking(Block):
    """How totals are rounded and placed.

    `ties: min` is competition ranking, 1 2 2 4. `on: rounded` compares printed numbers (修约值比较), `raw` the full
    ones (全数值比较, GB/T 8170-2008 4.3). `tie_break` names indicators or pillars that decide between equal totals. Who
    has no score has no place; a single one is first.

    Source: GB/T 8170-2008; competition ranking as in published league tables (码头镇: 8, 8, 10, 10, 12).

    >>> frame = pl.DataFrame({"period": 0, "cohort": "", "score": [90.5, 90.5, None, 90.0]})
    >>> frame.select(Ranking().place(pl.col("score"), [])).to_series().to_list()
    [1, 1, None, 3]
    """

    ties: Ties = Field("min", description="which place equal totals share; min is 1 2 2 4")
    decimals: Annotated[int, Field(ge=0, le=9)] = Field(2, description="decimals of printed totals")
    rounding: Mode = Field("half_up", description="half_up is 四舍五入, half_even GB/T 8170")
    on: Literal["rounded", "raw"] = Field("rounded", description="rank the printed or the full numbers")
    cohort: str | None = Field(None, description="the roster or data column that splits the ranking; left out: cohort")
    tie_break: Listed[Name] = Field((), description="indicators or pillars that decide between equal totals")
    ours: bool | Listed[str] = Field(False, description="what no document states and we chose: true, or the keys")

    @property
    def lookback(self) -> Lags:
        """The lags, in periods, at which totals enter places and their changes."""
        return back(1)

    def words(self, titles: Mapping[str, str]) -> Message:
        """Return the rules in words; `titles` are of indicators and pillars.

        >>> Ranking(decimals=1, tie_break=("a",)).words({"a": "一网通办率"})
        'totals are rounded half up, to this number of decimals: 1; equal totals share the better place (1, 2, 2, 4);
        between equal totals the scores decide of: 一网通办率'
        """
        rounding = (
            Message("totals are rounded half up, to this number of decimals: {decimals}", decimals=self.decimals)
            if self.rounding == "half_up"
            else Message(
                "totals are rounded half to even, to this number of decimals: {decimals}", decimals=self.decimals
            )
        )
        rules = [rounding, _TIES[self.ties]]
        if self.on == "raw":
            rules.append(Message("places are those of the totals before rounding"))
        if self.cohort is not None:
            rules.append(Message("places are within each {column}", column=self.cohort))
        if self.tie_break:
            names = tuple(titles.get(name, name) for name in self.tie_break)
            rules.append(Message("between equal totals the scores decide of: {titles}", titles=names))
        return statements(rules)

    def rounded(self, score: pl.Expr) -> pl.Expr:
        """Return totals as they are printed."""
        return rounded(score, self.decimals, self.rounding)

    def place(self, score: pl.Expr, breakers: list[pl.Expr]) -> pl.Expr:
        """Return the place (1 is best) within period and cohort, null where there is no score.

        Args:
            score: what is compared first, higher is better.
            breakers: what decides between equal scores, each higher is better; null loses.
        """
        key = score
        if breakers:
            filled = [one.fill_null(float("-inf")).alias(f"breaker {i}") for i, one in enumerate(breakers)]
            key = pl.when(score.is_not_null()).then(pl.struct(score.alias("score"), *filled))
        return key.rank(self.ties, descending=True).over("period", "cohort")
