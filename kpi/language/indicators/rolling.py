"""Totals and means over a window: rolling totals, moving averages, and the total of the year to date."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from kpi.errors import Message
from kpi.language.indicators.base import Symbols, unit_of
from kpi.language.indicators.deflation import Deflated
from kpi.language.indicators.windows import (
    YEAR_TO_DATE,
    comparable,
    gaps,
    lags_of,
    length_of,
    mean_of_enough,
    periods_of,
    span_words,
    window_problems,
    window_total,
)
from kpi.language.lookback import Lags
from kpi.language.model import Name, Path, Problem, Problems
from kpi.values import units
from kpi.values.columns import Expressions
from kpi.values.periods import Grain
from kpi.values.status import guarded, literal
from kpi.values.units import Unit


class Rolling(Deflated):
    """A figure over the period and those before it: the total `x1 + ... + xn`, or the mean of the n (移动平均).

    `over: 12m` is the period and those before it that make twelve months, `over: ytd` the year to date (累计). A window
    that begins before the data, or with a period without a figure, is `incomplete`: no smaller total stands in.

    >>> Rolling(of="sales", over="12m").words({})
    'total of sales over 12 months'
    >>> Rolling.model_validate({"of": "rate", "over": "3y", "as": "mean"}).words({})
    'mean of rate over 3 years'
    """

    kind: Literal["rolling"] = "rolling"
    kind_title: ClassVar[Message] = Message("total or mean over a window")
    of: Name = Field(description="the measure or indicator")
    over: str = Field(description="12m, 4q, 3y, 13w: the period and those before it; ytd: from the start of the year")
    as_: Literal["total", "mean"] = Field(
        "total", alias="as", description="the total, of figures that add up, or the mean (a moving average)"
    )
    at_least: int | None = Field(
        None, ge=1, description="of a mean: how many periods with a figure are enough; left out: all"
    )

    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Return the unit of what is added up."""
        return unit_of(symbols, self.of)

    @override
    def exact(self, symbols: Symbols) -> bool:
        """Return whether it is a total of decimal numbers."""
        return self.as_ == "total" and self.of in symbols and symbols[self.of].exact and self.deflator is None

    @property
    def runs_from_january(self) -> bool:
        """Whether it is a running total of the year."""
        return self.over == YEAR_TO_DATE and self.as_ == "total"

    @property
    def totals_alone(self) -> bool:
        """Whether it is a total."""
        return self.as_ == "total"

    def added_up(self) -> Iterator[tuple[Path, str]]:
        """Yield what is added up, or averaged, over several periods."""
        yield ("of",), self.of

    @override
    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the value and its status: that of the period's figure, refused, break, incomplete."""
        of, symbols, before = self.figure(name, symbols, grain)
        number, column = periods_of(self.over, grain) or 1, pl.col(of)
        if self.at_least is not None:
            value = mean_of_enough(column, number, self.at_least)
            value = comparable(of, value, self.over, grain, symbols)
        else:
            value = window_total(of, self.over, grain, symbols)
            if self.as_ == "mean":
                value = value / literal(float(number))
        return before | guarded(name, value, reasons=gaps([of], self.over, grain, symbols), sound=True)

    def lookback(self, grain: Grain) -> dict[str, Lags]:
        """Return the figure in every period of the window."""
        return self.with_deflator({self.of: lags_of(periods_of(self.over, grain))})

    @override
    def fewest_periods(self, grain: Grain) -> int:
        """Return the length of the window, or how many figures are enough."""
        return self.at_least or length_of(self.over, grain)

    def words(self, symbols: Symbols) -> Message:
        """Return what is added up or averaged over which window."""
        title, over = self.figure_words(symbols), span_words(self.over)
        if self.as_ == "total":
            return Message("total of {title} over {window}", title=title, window=over)
        if self.at_least is None:
            return Message("mean of {title} over {window}", title=title, window=over)
        return Message(
            "mean of {title} over {window}, of {number} periods at least",
            title=title, window=over, number=self.at_least,
        )  # fmt: skip

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unit and target problems, windows that are none, and totals of what does not add up."""
        yield from super().problems(path, symbols, grain)
        wrong = list(window_problems(path, "over", self.over, grain))
        yield from wrong
        unit = unit_of(symbols, self.of)
        if self.as_ == "total" and unit is not None and not units.summable(unit):
            yield Problem(
                "K438", (*path, "of"),
                Message("`{name}` is in {unit}, which does not add up over periods", name=self.of, unit=unit),
                hint=Message("write `as: mean`, or pool a ratio with `pool:`"),
            )  # fmt: skip
        if self.over == YEAR_TO_DATE and self.as_ == "mean":
            yield Problem(
                "K439", (*path, "as"), Message("the year to date is a total, and its mean has no fixed length"),
                hint=Message("write the length of the mean, such as `over: 12m`"),
            )  # fmt: skip
        yield from self._enough(path, None if wrong else periods_of(self.over, grain))

    def _enough(self, path: Path, number: int | None) -> Problems:
        if self.at_least is None:
            return
        if self.as_ == "total":
            message = Message("a total of some periods is not that of all: `at_least` is for `as: mean`")
            yield Problem("K439", (*path, "at_least"), message, hint=Message("leave it out, or write `as: mean`"))
        elif number is not None and self.at_least > number:
            message = Message(
                "a window of {number} periods never has {least} figures", number=number, least=self.at_least
            )
            yield Problem("K439", (*path, "at_least"), message, hint=Message("lower it"))
