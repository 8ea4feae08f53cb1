"""Caps (封顶) of a node that hold under a condition, such as at most 60 % where there was an accident."""

import functools
import operator
from collections.abc import Mapping, Sequence
from typing import Self

import polars as pl
from pydantic import Field, model_validator

from kpi.errors import Message, alternatives
from kpi.language.conditions import condition, condition_problems
from kpi.language.indicators import Symbols
from kpi.language.indicators.base import in_titles
from kpi.language.model import Block, Name, Path, Problems
from kpi.values.columns import Column
from kpi.values.rounding import score_key


class Cap(Block):
    """The most that a node may score while a condition holds: `min(score, at_most)`.

    The condition is `when`, over measures and indicators, or `below`: a score of a part that is below its bound. What
    is missing is no reason for a cap: neither a condition that cannot be judged nor a part without a score.

    Source: limits that 考核办法 tie to a condition, the form of a veto on the score of the whole (一票否决) for a part.

    >>> frame = pl.DataFrame({"安全.score": [59.0, 60.0, None], "x": [90.0, 90.0, 90.0]})
    >>> cap = Cap(at_most=80, below={"安全": 60})
    >>> frame.select(cap.applied(pl.col("x"), {})).to_series().to_list()
    [80.0, 90.0, 90.0]
    """

    at_most: float = Field(ge=0, description="percent of the node's full marks")
    when: str | None = Field(None, description="the condition under which it holds, such as incidents > 0")
    below: dict[Name, float] | None = Field(
        None, min_length=1, description="{pillar or indicator below the node: percent}: it holds where a score is below"
    )

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        if (self.when is None) == (self.below is None):
            raise ValueError(Message("give either `when`, a condition, or `below`, scores of parts"))
        return self

    def holds(self, symbols: Symbols) -> pl.Expr:
        """Return whether the cap holds, Boolean without nulls."""
        if self.when is not None:
            return condition(self.when, symbols).expr.fill_null(value=False)
        short = [score_key(pl.col(Column(name).score)) < bound for name, bound in (self.below or {}).items()]
        return functools.reduce(operator.or_, [item.fill_null(value=False) for item in short])

    def applied(self, score: pl.Expr, symbols: Symbols) -> pl.Expr:
        """Return a score (percent of full marks) under the cap."""
        return pl.when(self.holds(symbols)).then(score.clip(upper_bound=self.at_most)).otherwise(score)

    def words(self, titles: Mapping[str, str], symbols: Symbols) -> Message:
        """Return the cap in words; `titles` are of pillars and indicators, `symbols` of what conditions name.

        >>> Cap(at_most=80, below={"安全": 60}).words({}, {})
        'at most 80 % where 安全 < 60 %'
        """
        if self.when is not None:
            return Message("at most {percent:g} % where {condition}", percent=self.at_most,
                           condition=in_titles(self.when, symbols))  # fmt: skip
        bounds = [
            Message("{title} < {cut:g} %", title=titles.get(name, name), cut=cut)
            for name, cut in (self.below or {}).items()
        ]
        return Message("at most {percent:g} % where {condition}", percent=self.at_most, condition=alternatives(bounds))

    def problems(self, path: Path, symbols: Symbols) -> Problems:
        """Yield the problems of the condition."""
        if self.when is not None:
            yield from condition_problems(self.when, (*path, "when"), symbols)


def capped(caps: Sequence[Cap], score: pl.Expr, symbols: Symbols) -> pl.Expr:
    """Return a score under all caps of a node."""
    return functools.reduce(lambda capped_score, cap: cap.applied(capped_score, symbols), caps, score)
