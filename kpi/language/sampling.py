"""Sampling errors (抽样误差): how far a figure of another sample of the same size may be from the one there is."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from kpi.errors import Message
from kpi.language.model import Block, Name


def _method(value: Any) -> Any:
    return {"by": value} if isinstance(value, str) else value


class Sampling(Block):
    """The sampling error of an indicator.

    It is one of these:

    - `by: wilson`: a proportion, of `numerator` and `denominator`, drawn so that its quantiles are Wilson's limits.
    - `by: byar`: a number of events, drawn so that its quantiles are Byar's limits; a rate has those of its numerator.
    - `by: dobson`: a weighted sum of counts, such as a directly standardised rate: Byar's limits of the `events`,
      brought to the `variance` of the rate.
    - `by: known`: what fits the kind: `wilson` for coverage and for a quotient of one counting unit, `byar` for other
      quotients with a count above the line and for counts.
    - `standard_error`, in the unit of the indicator, or `relative_error` in percent: a normal distribution.
    - `column`: a measure that is the standard error of each unit and period, in the unit of the indicator.
    - `deviation` and `number`: a mean of events, with measures that are their standard deviation, in the unit of the
      indicator, and their number: the standard error is `s/√n`.

    Source: Wilson (1927); Breslow and Day (1987), Byar's limits; Dobson et al. (1991).
    """

    by: Literal["known", "wilson", "byar", "dobson"] | None = Field(
        None, description="the method for counts; left out: as the other keys say"
    )
    standard_error: Annotated[float, Field(gt=0)] | None = Field(None, description="in the unit of the indicator")
    relative_error: Annotated[float, Field(gt=0, lt=100)] | None = Field(
        None, description="standard error in percent of the value"
    )
    column: Name | None = Field(None, description="the measure that is the standard error")
    deviation: Name | None = Field(None, description="the measure that is the standard deviation of the events")
    number: Name | None = Field(None, description="the measure that is their number")
    events: Name | None = Field(None, description="of `dobson`: the measure that is the number of all events")
    variance: Name | None = Field(None, description="of `dobson`: the measure that is the variance of the rate")

    @model_validator(mode="after")
    def _single(self) -> Self:
        given = [
            name for name in ("by", "standard_error", "relative_error", "column", "deviation")
            if getattr(self, name) is not None
        ]  # fmt: skip
        if len(given) != 1:
            raise ValueError(
                Message("needs exactly one of `by`, `standard_error`, `relative_error`, `column` and `deviation`")
            )
        if (self.deviation is None) != (self.number is None):
            raise ValueError(Message("`deviation` and `number` belong together"))
        if (self.by == "dobson") != (self.events is not None and self.variance is not None):
            raise ValueError(Message("`by: dobson` needs `events` and `variance`, and nothing else does"))
        return self

    def measures(self) -> Iterator[tuple[str, str]]:
        """Yield the measures that are named, each with its key."""
        for key in ("column", "deviation", "number", "events", "variance"):
            if getattr(self, key) is not None:
                yield key, getattr(self, key)

    def words(self) -> Message:
        """Return the error in words."""
        if self.by is not None:
            return {
                "known": Message("by its kind"), "wilson": Message("Wilson's limits"), "byar": Message("Byar's limits"),
                "dobson": Message("Dobson's limits"),
            }[self.by]  # fmt: skip
        if self.standard_error is not None:
            return Message("standard error {error:g}", error=self.standard_error)
        if self.relative_error is not None:
            return Message("standard error {percent:g} % of the value", percent=self.relative_error)
        if self.column is not None:
            return Message("standard error `{name}`", name=self.column)
        return Message(
            "standard error of a mean, `{deviation}`/√`{number}`", deviation=self.deviation, number=self.number
        )


AnySampling = Annotated[
    Sampling, BeforeValidator(_method, json_schema_input_type=Sampling | Literal["known", "wilson", "byar"])
]
