"""Checks (审核关系): what must hold of the figures, as expressions over the panel."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Discriminator, Field, Tag

from kpi import periods
from kpi.adjustments import condition, condition_problems
from kpi.definition import Definition, Name, OneOrMany, Path, Problem, Problems
from kpi.errors import suggest
from kpi.indicators import ENTITIES, Symbols, window
from kpi.periods import Grain


class Check(Definition):
    """The base of checks.

    An `error` is certainly wrong, a `query` needs an explanation from whoever reported the figure.
    """

    severity: Literal["error", "query", "info"] = Field(
        "query", description="error stops the figure, query asks for an explanation, info is a note"
    )

    @abstractmethod
    def violations(self, symbols: Symbols, grain: Grain) -> dict[str, pl.Expr]:
        """Returns for each rule, in words, where it is violated (Boolean, null where it cannot be judged)."""

    @abstractmethod
    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yields what is wrong with the check itself."""


class Holds(Check):
    """A condition over measures and indicators that must hold: `expr: part <= whole`."""

    expr: str = Field(description="a condition over measures and indicators that must hold")

    def violations(self, symbols: Symbols, grain: Grain) -> dict[str, pl.Expr]:  # noqa: ARG002
        """Returns where the condition is false."""
        return {f"应满足 {self.expr}": ~condition(self.expr, symbols).expr}

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:  # noqa: ARG002
        """Yields what is wrong with the condition."""
        yield from condition_problems(self.expr, (*path, "expr"), symbols)


class GrowthWithin(Check):
    """Growth that is within a limit: `|100 (x/b - 1)| <= growth_within`."""

    growth_within: float = Field(gt=0, description="percent, up or down")
    of: OneOrMany[Name] = Field(description="the measures or indicators")
    over: str = Field("1y", description="the window: 1y year on year, 1q, 1m")

    def violations(self, symbols: Symbols, grain: Grain) -> dict[str, pl.Expr]:
        """Returns where a measure moved by more than the limit."""
        lag = periods.parse_span(self.over) // grain.months
        found: dict[str, pl.Expr] = {}
        for name in self.of:
            base = pl.col(name).shift(ENTITIES * lag)
            jump = ((pl.col(name) / base - 1) * 100).abs() > self.growth_within
            title = symbols[name].title if name in symbols else name
            found[f"{title}{window(self.over)}变动超过 {self.growth_within:g} %"] = pl.when(base > 0).then(jump)
        return found

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yields unknown names and windows that are not a whole number of periods."""
        for place, name in enumerate(self.of):
            if name not in symbols:
                hint = suggest(name, symbols)
                yield Problem(
                    "K203",
                    (*path, "of", place),
                    f"unknown measure or indicator `{name}`",
                    hint=hint,
                    label="not defined",
                )
        try:
            if periods.parse_span(self.over) % grain.months:
                hint = f"periods are scored by {grain}; use a whole number of them"
                yield Problem("K404", (*path, "over"), f"`{self.over}` is not a whole number of periods", hint=hint)
        except periods.PeriodError as error:
            yield Problem("K105", (*path, "over"), str(error), hint=error.hint)


def _which(value: Any) -> str | None:
    given = value if isinstance(value, dict) else getattr(value, "model_fields_set", ())
    return next((key for key in ("growth_within", "expr") if key in given), None)


#: Any check, told apart by its key.
AnyCheck = Annotated[
    Annotated[Holds, Tag("expr")] | Annotated[GrowthWithin, Tag("growth_within")], Discriminator(_which)
]
