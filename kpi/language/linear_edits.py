"""Checks as linear inequalities over the measures of one unit in one period: `low <= Σ a x <= high`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl
from msgspec import Struct

from kpi.errors import Message, suggest
from kpi.language.checks.base import Balance
from kpi.language.expressions.terms import ExpressionError
from kpi.language.model import Problem, Problems
from kpi.language.system import System

#: What the figures of a trial are: whether a number is linear shows where they are not small and not regular.
_TRIALS = ((3.0, 7.0, 11.0, 17.0, 23.0), (1013.0, 211.0, 89.0, 499.0, 37.0))


class Edit(Struct, frozen=True):
    """A linear inequality that a check wants to hold; `check` is its name."""

    check: str
    factors: Mapping[str, float]
    low: float | None
    high: float | None

    def holds(self, figures: Mapping[str, float]) -> bool:
        """Return whether figures satisfy it, but for floating-point error.

        >>> Edit("sum", {"a": 1.0, "b": 1.0, "whole": -1.0}, 0.0, 0.0).holds({"a": 0.1, "b": 0.2, "whole": 0.3})
        True
        """
        terms = [factor * figures[name] for name, factor in self.factors.items()]
        number, hair = sum(terms), 1e-9 * max(abs(term) for term in terms)
        return (self.low is None or number >= self.low - hair) and (self.high is None or number <= self.high + hair)


def edits(system: System) -> list[Edit]:
    """Return the linear inequalities of the checks of a system, in their order; those that are not are left out."""
    named = () if system.localise is None else system.localise.of
    return [
        edit for name, check in system.checks.items() if not named or name in named
        for balance in check.balances(system.symbols) or () for edit in _of_balance(system, name, balance)
    ]  # fmt: skip


def _of_balance(system: System, check: str, balance: Balance) -> Iterator[Edit]:
    """Yield the inequality of a balance, over measures alone."""
    linear = _linear(balance)
    if linear is None:
        return
    constant, factors = linear
    ends = [None if end is None else end - constant for end in (balance.low, balance.high)]
    quotients = {
        name: system.indicators[name].quotient(system.symbols) for name in factors if name in system.indicators
    }
    if None in quotients.values():
        return
    if all(quotient is not None and quotient[1] is None for quotient in quotients.values()):
        merged: dict[str, float] = {}
        for name, factor in factors.items():
            of = quotients.get(name)
            measure, scale = (name, 1.0) if of is None else (of[0], of[2])
            merged[measure] = merged.get(measure, 0.0) + factor * scale
        yield Edit(check, {name: factor for name, factor in merged.items() if factor}, ends[0], ends[1])
    elif len(factors) == 1:
        # low <= a s x/y <= high becomes a s x - low y >= 0 and a s x - high y <= 0, for y > 0.
        ((name, factor),) = factors.items()
        above, below, scale = quotients[name]  # type: ignore[misc]
        if above == below or below is None:
            return
        if ends[0] is not None:
            yield Edit(check, {above: factor * scale, below: -ends[0]}, 0.0, None)
        if ends[1] is not None:
            yield Edit(check, {above: factor * scale, below: -ends[1]}, None, 0.0)


def _linear(balance: Balance) -> tuple[float, dict[str, float]] | None:
    """Return the constant and the factors of a number, None if it is not linear in its figures."""
    names = list(balance.names)
    if not names or not set(balance.number.meta.root_names()) <= set(names):
        return None
    rows = [[0.0] * len(names), *([float(at == place) for at in range(len(names))] for place in range(len(names)))]
    rows += [[trial[at % len(trial)] * (1 + at) for at in range(len(names))] for trial in _TRIALS]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Float64), orient="row")
    numbers = frame.select(balance.number.cast(pl.Float64).alias("#")).to_series()
    if numbers.null_count() or not numbers.is_finite().all():
        return None
    constant, *values = numbers.to_list()
    factors = [value - constant for value in values[: len(names)]]
    for row, number in zip(rows[-len(_TRIALS) :], values[len(names) :], strict=True):
        terms = [factor * figure for factor, figure in zip(factors, row, strict=True)]
        if abs(number - constant - sum(terms)) > 1e-9 * max(1.0, abs(number), *map(abs, terms)):
            return None
    return constant, {name: factor for name, factor in zip(names, factors, strict=True) if factor}


def problems(system: System) -> Problems:
    """Yield weights of what is no measure, and checks in which no figures can be located."""
    own = system.localise
    if own is None:
        return
    for name in own.weights:
        if name not in system.measures:
            hint = suggest(name, system.measures)
            message = Message("`{name}` is no measure", name=name)
            yield Problem("K673", ("localise", "weights", name), message, hint=hint, at_key=True)
    for place, name in enumerate(own.of):
        if name not in system.checks:
            hint = suggest(name, system.checks)
            yield Problem("K673", ("localise", "of", place), Message("`{name}` is no check", name=name), hint=hint)
            continue
        try:
            result = any(edit.check == name for edit in edits(system))
        except (ExpressionError, KeyError):  # reported where it stands
            return
        if not result:
            message = Message("the check `{name}` is not linear, so no figure that can be wrong is located", name=name)
            hint = Message("`parts`, `between` and comparisons of sums are; leave it out of `localise:`")
            yield Problem("K673", ("localise", "of", place), message, hint=hint)
