"""CASE and coalesce: select one of several terms, where figures of the conditions may be missing.

The size of the plan is linear in the number of branches: few branches are a chain of conditions; for many, the index of
the branch is computed first.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from msgspec import Struct

from kpi.language.expressions.terms import Term, any_holds, joined, names_of, uncounted_of, where, why
from kpi.values.status import Reason, Status

#: Up to so many branches are a chain of conditions.
_CHAINED = 8

_DTYPES: dict[str, type[pl.DataType]] = {"number": pl.Float64, "text": pl.String, "boolean": pl.Boolean}


def case(conditions: list[Term], values: list[Term]) -> Term:
    """Return the value of the first condition that holds, else the one behind them, if there is one.

    A condition that cannot be judged because a figure is missing leaves the value open: it is null, unless a later
    condition tests `IS NULL`, and null for good if the figure is barred. A condition that cannot be computed does not
    hold.
    """
    branches = _Branches(conditions, default=len(values) > len(conditions))
    expr = branches.pick([value.expr for value in values], pl.lit(None, dtype=_DTYPES[values[0].kind]))
    size = None
    if any(value.size is not None for value in values):
        size = branches.pick([value.magnitude for value in values], pl.lit(None, dtype=pl.Float64))
    gaps = branches.reached([(*value.gaps, *value.voids) for value in values])
    bars = branches.barred([value.bars for value in values])
    return Term(
        expr, values[0].kind, values[0].unit, where(expr.is_null(), gaps), (), bars,
        names_of(*conditions, *values), noise=max(value.noise for value in values), size=size,
        uncounted=uncounted_of(*conditions, *values),
    )  # fmt: skip


def coalesce(terms: list[Term], size: pl.Expr | None) -> Term:
    """Return the first of several terms that has a value; `size` is the magnitude of them all, if it matters.

    In a figure that was refused, or covers its period only in part, nothing may take its place.
    """
    if len(terms) == 1:
        return terms[0]
    first = pl.coalesce([term.expr for term in terms])
    barred = [any_holds(term.bars) if term.bars else None for term in terms[:-1]]
    at = _first(barred)
    expr, bars = first, terms[-1].bars
    if at is not None:
        present = _first([term.expr.is_not_null() for term in terms])
        assert present is not None  # noqa: S101 - there are terms
        free = at.fill_null(len(terms)) > present.fill_null(len(terms))
        expr = pl.when(free | at.is_null()).then(first)
        ahead = pl.coalesce([why(term.bars) for term in terms])
        bars = ((None, pl.when((at < present) | present.is_null()).then(ahead)),)
    elif bars:
        bars = where(pl.all_horizontal([term.expr.is_null() for term in terms[:-1]]), bars)
    result = joined(expr, terms[0].kind, terms[0].unit, *terms)
    # A gap that something stands in for is no reason for what else is missing.
    nothing = expr.is_null()
    gaps, voids = where(nothing, (*bars, *result.gaps)), where(nothing, result.voids)
    return Term(
        expr, result.kind, result.unit, gaps, voids, bars, result.names, noise=result.noise, size=size,
        uncounted=result.uncounted,
    )  # fmt: skip


class _Branches(Struct, dict=True):
    """The conditions of a CASE, each with the branch that it decides for."""

    conditions: list[Term]
    default: bool

    def __post_init__(self) -> None:
        self.holding = [condition.expr for condition in self.conditions]
        self.lacking = [any_holds(condition.gaps) if condition.gaps else None for condition in self.conditions]
        self.barring = [any_holds(condition.bars) if condition.bars else None for condition in self.conditions]
        self.asking = [condition.asks_absence for condition in self.conditions]
        self.few = len(self.conditions) <= _CHAINED
        self.place = None if self.few else self._place()

    def pick(self, parts: Sequence[pl.Expr], nothing: pl.Expr) -> pl.Expr:
        """Return the part of the branch that is taken."""
        if self.place is None:
            return self._chain(parts, nothing, [nothing] * len(self.conditions))
        return pl.concat_list([*parts, nothing]).list.get(self.place.fill_null(len(parts)))

    def reached(self, values: list[tuple[Reason, ...]]) -> tuple[Reason, ...]:
        """Return why the first condition that lacks a figure does, else why the value of the branch taken does."""
        conditions = [condition.gaps for condition in self.conditions]
        if not any(conditions) and not any(values):
            return ()
        if self.few:
            result = why(values[-1]) if self.default else _NONE
            for at in reversed(range(len(conditions))):
                result = pl.when(self.holding[at]).then(why(values[at])).otherwise(result)
                if (lacks := self.lacking[at]) is not None:
                    result = pl.when(lacks).then(why(conditions[at])).otherwise(result)
            return ((None, result),)
        steps = [test for pair in zip(self.lacking, self.holding, strict=True) for test in pair]
        parts = [why(item) for pair in zip(conditions, values, strict=False) for item in pair]
        parts.append(why(values[-1]) if self.default else _NONE)
        at_step = _first(steps)
        assert at_step is not None  # noqa: S101 - there are steps
        return ((None, pl.concat_list(parts).list.get(at_step.fill_null(len(steps)))),)

    def barred(self, values: list[tuple[Reason, ...]]) -> tuple[Reason, ...]:
        """Return the reasons, of conditions and of the value of the branch taken, that nothing may stand in for."""
        conditions = [condition.bars for condition in self.conditions]
        if not any(conditions) and not any(values):
            return ()
        parts, dead = [why(value) for value in values], [why(condition) for condition in conditions]
        if self.place is None:
            return ((None, self._chain(parts, _NONE, dead)),)
        taken = self.pick(parts, _NONE)
        if (first := _first(self.barring)) is None:
            return ((None, taken),)
        return ((None, pl.when(self.place.is_null()).then(pl.concat_list(dead).list.get(first)).otherwise(taken)),)

    def _chain(self, parts: Sequence[pl.Expr], nothing: pl.Expr, dead: Sequence[pl.Expr]) -> pl.Expr:
        """Return the part of the branch that is taken as conditions within conditions, made from the last one on.

        Args:
            parts: one for each branch, with the one behind them.
            nothing: where no branch is taken.
            dead: for each condition, what stands where it is barred.
        """
        number = len(self.conditions)
        decided = parts[number] if len(parts) > number else nothing
        undecided, ends = nothing, True
        for at in reversed(range(number)):
            lacks, bars = self.lacking[at], self.barring[at]
            bars = None if ends and dead[at] is nothing else bars
            if lacks is not None:
                decided = pl.when(lacks).then(undecided).otherwise(decided)
            if bars is not None:
                decided = pl.when(bars).then(dead[at]).otherwise(decided)
                undecided, ends = pl.when(bars).then(dead[at]).otherwise(undecided), False
            decided = pl.when(self.holding[at]).then(parts[at]).otherwise(decided)
            if self.asking[at]:
                undecided, ends = pl.when(self.holding[at]).then(parts[at]).otherwise(undecided), False
        return decided

    def _place(self) -> pl.Expr:
        """Return the number of the branch that is taken, from 0, null where none is."""
        number = len(self.conditions)
        undecided, dead = _first(self.lacking), _first(self.barring)
        plain = _first([None if asks else item for item, asks in zip(self.holding, self.asking, strict=True)])
        asked = _first([item if asks else None for item, asks in zip(self.holding, self.asking, strict=True)])
        places = []
        for first, until in ((plain, undecided), (asked, dead)):
            if first is not None:
                places.append(first if until is None else pl.when(first < until.fill_null(number)).then(first))
        if self.default:
            places.append(pl.lit(number) if undecided is None else pl.when(undecided.is_null()).then(number))
        return pl.min_horizontal(places)


_NONE = pl.lit(None, dtype=Status)


def _first(tests: Sequence[pl.Expr | None]) -> pl.Expr | None:
    """Return the place of the first test that holds, null where none does; None where there is no test."""
    places = [pl.when(item).then(pl.lit(at, dtype=pl.Int32)) for at, item in enumerate(tests) if item is not None]
    return pl.min_horizontal(places) if places else None
