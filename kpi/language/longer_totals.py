"""Totals over longer periods (年度得分): a year from its quarters, in the system that scores the quarters."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kpi.errors import Message, statements
from kpi.language.lookback import Lags, back
from kpi.language.model import Block, Listed, Path, Problem, Problems
from kpi.values.periods import Grain, Length


class TotalsOver(Block):
    """The total of a longer period from those of the scored periods in it, and its pillars likewise.

    `mean` `Σ x / n`; `sum` `Σ x`; `last` the last one; `weighted` `Σ w x / Σ w`, with a weight for each period in their
    order. Without `at_least` periods with a total (all of them, or for `last` the last) the longer period is
    `incomplete` and has none; what is missing counts as nothing in none of them. Totals are taken before rounding, with
    what vetoes of their own period made of them.

    `vetoes: any` says that a veto of any of the periods acts on the longer one too, `last` that only one of the last
    does. Stars, places and their changes, against the longer period before, follow from the total as they do elsewhere.

    Source: 年度得分 as the mean or a weighted sum of 季度得分 in 考核办法.

    >>> TotalsOver(period="year", by="weighted", weights=(20, 20, 20, 40)).words(Grain.QUARTER)
    'the total of a year is the weighted mean of its totals by quarter (20, 20, 20, 40)'
    """

    period: Literal["quarter", "half", "year"] = Field(description="the longer period")
    by: Literal["mean", "sum", "last", "weighted"] = Field(description="how the totals of the periods make its own")
    weights: Listed[Annotated[float, Field(gt=0)]] = Field(
        (), description="with `by: weighted`: the weight of each period, in their order"
    )
    vetoes: Literal["any", "last"] = Field("any", description="whose vetoes act on the longer period, too")
    at_least: Annotated[int, Field(ge=1)] | None = Field(
        None, description="how many of the periods must have a total; left out: all of them"
    )
    ours: bool | Listed[str] = Field(False, description="what no document states and we chose: true, or the keys")

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if (self.by == "weighted") != bool(self.weights):
            raise ValueError(Message("`weights` and `by: weighted` belong together"))
        if self.by == "last" and self.at_least is not None:
            raise ValueError(Message("`at_least` does not go with `by: last`, which needs the last period alone"))
        return self

    def grain(self, scored: Grain) -> Grain:
        """Return the grain of the longer periods."""
        return Grain.of(Length(self.period), scored.timeline)

    def number(self, scored: Grain) -> int:
        """Return how many scored periods a longer one has."""
        return self.grain(scored).months // scored.months

    def weight(self, place: int) -> float:
        """Return the weight of a period by its place."""
        return self.weights[place] if self.weights else 1.0

    def needed(self, scored: Grain) -> int:
        """Return how many of the periods must have a total."""
        return self.at_least or self.number(scored)

    def lookback(self, scored: Grain) -> Lags:
        """Return the lags at which totals enter those of longer periods and their changes."""
        return back(*range(1, 2 * self.number(scored)))

    def words(self, scored: Grain) -> Message:
        """Return how the totals are made, in words."""
        longer, grain = self.grain(scored).noun, scored.noun
        if self.by == "weighted":
            weights = tuple(f"{weight:g}" for weight in self.weights)
            return Message(
                "the total of a {longer} is the weighted mean of its totals by {grain} ({weights})",
                longer=longer, grain=grain, weights=weights,
            )  # fmt: skip
        templates = {
            "mean": Message("the total of a {longer} is the mean of its totals by {grain}", longer=longer, grain=grain),
            "sum": Message("the total of a {longer} is the sum of its totals by {grain}", longer=longer, grain=grain),
            "last": Message("the total of a {longer} is that of its last {grain}", longer=longer, grain=grain),
        }
        return templates[self.by]

    def in_full(self, scored: Grain) -> Message:
        """Return how the totals are made, from how many periods, and which vetoes act on them, in words."""
        needed = "" if self.by == "last" else Message(
            "{number} of {all} periods must have a total", number=self.needed(scored), all=self.number(scored)
        )  # fmt: skip
        vetoes = (
            Message("a veto of any of its periods acts on it")
            if self.vetoes == "any"
            else Message("only a veto of its last period acts on it")
        )
        return statements(filter(None, (self.words(scored), needed, vetoes)))

    def problems(self, path: Path, scored: Grain) -> Problems:
        """Yield a period that is not longer, and a number of weights or periods that does not fit it."""
        if scored.length is Length.WEEK or self.grain(scored).months <= scored.months:
            message = Message("a {longer} is not made of periods by {grain}", longer=self.period, grain=scored.title)
            hint = Message("name a longer period, such as `year` for quarters")
            yield Problem("K431", (*path, "period"), message, hint=hint)
            return
        number = self.number(scored)
        if self.weights and len(self.weights) != number:
            message = Message("{weights} weights for {number} periods", weights=len(self.weights), number=number)
            yield Problem("K431", (*path, "weights"), message, hint=Message("give each period its weight"))
        if self.at_least is not None and self.at_least > number:
            message = Message("{least} of {number} periods are more than there are", least=self.at_least, number=number)
            yield Problem("K431", (*path, "at_least"), message, hint=Message("ask for {number} at most", number=number))
