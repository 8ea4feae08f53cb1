"""The check of a figure against the history of the unit itself: a range that past periods teach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal, Self

import polars as pl
from pydantic import Field, field_validator, model_validator
from typing_extensions import override

from kpi.errors import Message
from kpi.language.checks.base import Breach, Check, name_problems
from kpi.language.indicators import ENTITIES, Symbols
from kpi.language.indicators.base import title_of
from kpi.language.lookback import HISTORY, Lags, back
from kpi.language.model import Name, OneOrMany, Path, Problems
from kpi.values.patterns import regex
from kpi.values.periods import Grain
from kpi.values.rounding import HAIR

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_WITHIN = regex(r"(\d+(?:\.\d+)?) ?(mad|iqr)")
#: What makes the median absolute deviation of a normal distribution its standard deviation.
_NORMAL = 1.4826


class History(Check):
    """A figure within the range of the unit's own past: `history: [gdp], within: 3 mad, min_periods: 6`.

    `k mad`: `median ± k · 1.4826 · median |x - median|`, which is k standard deviations of a normal distribution and is
    not moved by single odd figures. `k iqr`: from `Q1 - k (Q3 - Q1)` to `Q3 + k (Q3 - Q1)`. The range is learned from
    the periods before, up to `periods` of them, on the same side of a break of the series, and judged from
    `min_periods` figures on; where all of them are equal, any other figure is outside. `as: growth` judges the change
    against the period before in place of the figure, which is fit for figures that grow.

    Source: Hampel (1974), the influence curve; Tukey (1977), Exploratory Data Analysis, fences.

    >>> from kpi.language.checks.example import messages
    >>> messages({"history": "gdp", "within": "3 mad", "min_periods": 5}, gdp=[10, 11, 9, 10, 12, 30, 11])
    ['2027: gdp must be within 3 mad of its own past; 5.5522 to 14.4478 (5 periods)']
    """

    history: OneOrMany[Name] = Field(description="the measures or indicators")
    within: str = Field("3 mad", description="the half-width of the range: `3 mad`, or fences `1.5 iqr`")
    min_periods: int = Field(6, ge=3, description="how many figures the past must have")
    periods: int | None = Field(None, ge=3, description="how many past periods count at most; left out: all")
    as_: Literal["value", "growth"] = Field(
        "value", alias="as", description="the figure, or its change against the period before in percent"
    )

    @field_validator("within")
    @classmethod
    def _readable(cls, within: str) -> str:
        match = _WITHIN.fullmatch(within.strip())
        if match is None or not float(match[1]):
            raise ValueError(Message("`{within}` is no width of a range: write `3 mad` or `1.5 iqr`", within=within))
        return within.strip()

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.periods is not None and self.periods < self.min_periods:
            raise ValueError(
                Message("the past has at most {periods} periods, and {number} figures are needed",
                        periods=self.periods, number=self.min_periods)
            )  # fmt: skip
        return self

    @override
    def compared_with_past(self) -> Sequence[str]:
        """Return the measures or indicators."""
        return self.history

    @property
    def _width(self) -> tuple[float, str]:
        """The number and the measure of spread."""
        number, spread = _WITHIN.fullmatch(self.within).groups()  # type: ignore[union-attr]
        return float(number), spread

    @override
    def breaches(self, symbols: Symbols, grain: Grain) -> Iterator[Breach]:
        """Yield where a figure is outside the range of the past."""
        for name in self.history:
            value = pl.col(name)
            if self.as_ == "growth":
                before = value.shift(ENTITIES)
                value = pl.when(before > 0).then((value / before - 1) * 100)
            breaks = [pl.col(column).cast(pl.Float64) for column in (symbols[name].breaks if name in symbols else ())]
            dtype = pl.Struct({"low": pl.Float64, "high": pl.Float64, "number": pl.Int64})
            ranges = pl.map_batches([value, ENTITIES, *breaks], self._ranges, return_dtype=dtype)
            low, high = ranges.struct.field("low"), ranges.struct.field("high")
            hair = pl.max_horizontal(low.abs(), high.abs()) * HAIR
            template = {
                "value": Message("{title} must be within {within} of its own past", title=title_of(symbols, name),
                                 within=self.within),
                "growth": Message("the change of {title} must be within {within} of its own past",
                                  title=title_of(symbols, name), within=self.within),
            }[self.as_]  # fmt: skip
            details = pl.struct(
                low=low.round_sig_figs(6).cast(pl.String), high=high.round_sig_figs(6).cast(pl.String),
                number=ranges.struct.field("number").cast(pl.String),
            )  # fmt: skip
            yield Breach(template, (value < low - hair) | (value > high + hair), (name,), details, _described)

    def _ranges(self, columns: Sequence[pl.Series]) -> pl.Series:
        """Return the range and the number of past figures of each row of a complete panel."""
        import numpy as np

        values, entities, *breaks = columns
        units = int(entities[0]) if len(entities) else 1
        figures = values.cast(pl.Float64).fill_null(float("nan")).to_numpy().reshape(-1, units)
        marks = [item.fill_null(0.0).to_numpy().reshape(-1, units) for item in breaks]
        low, high = np.full(figures.shape, np.nan), np.full(figures.shape, np.nan)
        number = np.zeros(figures.shape, dtype=np.int64)
        for period in range(1, len(figures)):
            first = 0 if self.periods is None else max(0, period - self.periods)
            past = figures[first:period].copy()
            for mark in marks:
                past[mark[first:period] != mark[period]] = np.nan
            low[period], high[period], number[period] = self._range(past)
        enough = number >= self.min_periods
        return pl.DataFrame({
            "low": pl.Series(np.where(enough, low, np.nan).reshape(-1), nan_to_null=True),
            "high": pl.Series(np.where(enough, high, np.nan).reshape(-1), nan_to_null=True),
            "number": number.reshape(-1),
        }).to_struct()  # fmt: skip

    def _range(self, past: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
        """Return the ends of the range, and the number of figures, of each unit (a column)."""
        import numpy as np

        width, spread = self._width
        number = np.sum(~np.isnan(past), axis=0)
        if spread == "iqr":
            first, third = _quantile(past, number, 0.25), _quantile(past, number, 0.75)
            return first - width * (third - first), third + width * (third - first), number
        middle = _quantile(past, number, 0.5)
        away = width * _NORMAL * _quantile(np.abs(past - middle), number, 0.5)
        return middle - away, middle + away, number

    @override
    def lookback(self, symbols: Symbols, grain: Grain) -> dict[str, Lags]:
        """Return the figures: all earlier ones, or those of the past periods."""
        more = int(self.as_ == "growth")
        lags = frozenset({0, HISTORY}) if self.periods is None else back(*range(1, self.periods + 1 + more))
        return dict.fromkeys(self.history, lags)

    @override
    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unknown names."""
        yield from name_problems(path, "history", self.history, symbols)


def _described(*, low: str, high: str, number: str) -> Message:
    return Message("{low} to {high} ({number} periods)", low=low, high=high, number=number)


def _quantile(columns: Floats, number: NDArray[np.int64], part: float) -> Floats:
    """Return a quantile of each column without its gaps, with linear interpolation; NaN for a column of gaps."""
    import numpy as np

    ordered = np.sort(columns, axis=0)
    place = part * np.maximum(number - 1, 0)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(number - 1, 0))
    at = np.arange(ordered.shape[1])
    low, high = ordered[below, at], ordered[above, at]
    quantiles: Floats = low + (place - below) * (high - low)
    return quantiles
