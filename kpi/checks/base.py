"""What all checks (审核关系) share: a severity, the rules they state in words, and where each rule is broken."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl
from pydantic import Field

from kpi import periods, units
from kpi.definition import Definition, Path, Problem, Problems
from kpi.errors import suggest
from kpi.indicators import ENTITIES, Symbols
from kpi.periods import Grain
from kpi.units import Unit, UnitError


@dataclass(frozen=True)
class Breach:
    """One rule of a check: its words, where it is broken (null where it cannot be judged), and of which figures."""

    words: str
    where: pl.Expr
    names: tuple[str, ...]


class Check(Definition):
    """The base of checks.

    An `error` is certainly wrong, a `query` needs an explanation from whoever reported the figure (a note answers it),
    an `info` is worth knowing.
    """

    severity: Literal["error", "query", "info"] = Field(
        "query", description="error stops the figure, query asks for an explanation, info is a note"
    )

    @abstractmethod
    def breaches(self, symbols: Symbols, grain: Grain) -> Iterator[Breach]:
        """Yields each rule, with where it is broken."""

    @abstractmethod
    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yields what is wrong with the check itself."""


def before(name: str, over: str, grain: Grain) -> pl.Expr:
    """Returns a figure of an earlier period, such as that of the year before (`1y`)."""
    return pl.col(name).shift(ENTITIES * (periods.parse_span(over) // grain.months))


def differs(one: pl.Expr, other: pl.Expr, tolerance: float) -> pl.Expr:
    """Returns whether two figures differ by more than a tolerance, and by more than floats do by themselves."""
    return (one - other).abs() > tolerance + 1e-9 * pl.max_horizontal(one.abs(), other.abs())


def name_problems(path: Path, key: str, names: Sequence[str], symbols: Symbols, *, listed: bool = True) -> Problems:
    """Yields unknown names; `listed` says that the key holds a list of them."""
    for place, name in enumerate(names):
        if name not in symbols:
            where = (*path, key, place) if listed else (*path, key)
            message = f"unknown measure or indicator `{name}`"
            yield Problem("K203", where, message, hint=suggest(name, symbols), label="not defined")


def window_problems(path: Path, over: str, grain: Grain) -> Problems:
    """Yields windows that are not a whole number of periods."""
    try:
        if periods.parse_span(over) % grain.months:
            hint = f"periods are scored by {grain}; use a whole number of them"
            yield Problem("K404", (*path, "over"), f"`{over}` is not a whole number of periods", hint=hint)
    except periods.PeriodError as error:
        yield Problem("K105", (*path, "over"), str(error), hint=error.hint)


def unit_problems(path: Path, key: str, names: Sequence[str], unit: Unit | None, symbols: Symbols) -> Problems:
    """Yields names whose figures cannot be brought into a unit."""
    for name in names:
        own = symbols[name].unit if name in symbols else None
        try:
            if own is not None and unit is not None:
                units.factor(own, unit)
        except UnitError as error:
            yield Problem("K303", (*path, key), str(error), hint="compare figures of one kind")


def in_unit(name: str, unit: Unit | None, symbols: Symbols) -> pl.Expr:
    """Returns a figure in a unit."""
    own = symbols[name].unit
    return pl.col(name) if own is None or unit is None else pl.col(name) * units.factor(own, unit)
