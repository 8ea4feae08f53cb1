"""Ranking (位次): places within period and cohort, with declared ties, rounding and tie-breaks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from kpi.errors import Message, statements
from kpi.language.grouping import COHORTS
from kpi.language.indicators import ENTITIES, earlier_by
from kpi.language.lookback import Lags, back
from kpi.language.model import Block, Listed, Name, Path, Problem, Problems
from kpi.values.periods import Grain, PeriodError
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
    within: Listed[str] = Field(
        (),
        description="who is ranked together: `all`, `cohort` or one of `groups:`, or several; the first is the rank of "
        "the totals, `places` of the results has all; left out: cohort",
    )
    against: str | None = Field(
        None, description="the window that changes of places and totals are against, such as 1y; left out: one period"
    )
    tie_break: Listed[Name] = Field((), description="indicators or pillars that decide between equal totals")
    ours: bool | Listed[str] = Field(False, description="what no document states and we chose: true, or the keys")

    @property
    def main(self) -> str:
        """The grouping within which totals are ranked."""
        return self.within[0] if self.within else COHORTS

    def lookback(self, grain: Grain) -> Lags:
        """Return the lags, in periods, at which totals enter places and their changes."""
        window = None if self.against is None else grain.window(self.against)
        return back(1) if window is None else back(*window.lags)

    def earlier(self, grain: Grain) -> Callable[[pl.Expr], pl.Expr]:
        """Return what gives the value of a column in the period that changes are against."""
        if self.against is None:
            return lambda column: column.shift(ENTITIES)
        return earlier_by(grain.window(self.against), grain.timeline)

    def window_problems(self, path: Path, grain: Grain) -> Problems:
        """Yield a window that is none, or no whole number of periods."""
        if self.against is None:
            return
        try:
            window = grain.window(self.against)
        except PeriodError as error:
            yield Problem("K105", (*path, "against"), error.message, hint=error.hint)
            return
        if window is None:
            message = Message("`{over}` is not a whole number of periods", over=self.against)
            hint = Message("periods are scored by {grain}; use a whole number of them", grain=grain.title)
            yield Problem("K404", (*path, "against"), message, hint=hint)

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

    def place(self, score: pl.Expr, breakers: list[pl.Expr], within: Sequence[str] = ("period", "cohort")) -> pl.Expr:
        """Return the place (1 is best) within groups, null where there is no score.

        Args:
            score: what is compared first, higher is better.
            breakers: what decides between equal scores, each higher is better; null loses.
            within: the columns that distinguish groups.
        """
        key = score
        if breakers:
            filled = [item.fill_null(float("-inf")).alias(f"breaker {i}") for i, item in enumerate(breakers)]
            key = pl.when(score.is_not_null()).then(pl.struct(score.alias("score"), *filled))
        return key.rank(self.ties, descending=True).over(within)
