"""Typed terms: what is known of a part of an expression, its kind, its unit, and when it has no value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import polars as pl
from sqlglot import exp

from kpi import units
from kpi.status import LIMIT
from kpi.units import Unit


class ExpressionError(ValueError):
    """An expression is malformed; `span` is the offset and length of the part that is wrong."""

    def __init__(
        self, code: str, message: str, span: tuple[int, int], *, hint: str | None = None, label: str = ""
    ) -> None:
        self.code, self.message, self.span, self.hint, self.label = code, message, span, hint, label
        super().__init__(message)


@dataclass(frozen=True)
class Term:
    """A typed part of an expression: its Polars form and what it is.

    `kind` is number, text or boolean; `unit` belongs to numbers (None for a bare number that takes any unit);
    `voids` are conditions under which there is no value, with the status that says why; `needs` the names whose value
    it cannot do without.
    """

    expr: pl.Expr
    kind: str
    unit: Unit | None = None
    voids: tuple[tuple[str, pl.Expr], ...] = ()
    needs: tuple[str, ...] = ()
    literal: object = None


#: Looks up what a name stands for; None when there is no such name.
Scope = Callable[[str], Term | None]


def as_condition(term: Term) -> Term:
    """Returns a 是/否 figure as the condition that it is 是, any other term as it stands."""
    if term.kind == "number" and term.unit == units.YES_NO:
        return replace(term, expr=term.expr != 0, kind="boolean", unit=None)
    return term


def span(node: exp.Expr) -> tuple[int, int]:
    """Returns the offset and length of the text that a node came from."""
    marks = [part.meta for part in node.walk() if "start" in part.meta]
    if not marks:
        return (0, 1)
    start = min(mark["start"] for mark in marks)
    return start, max(mark["end"] for mark in marks) + 1 - start


def scaled(expr: pl.Expr, factor: float) -> pl.Expr:
    """Returns a number in a unit that is `factor` times as small."""
    return expr if factor == 1 else expr * factor


def real(term: Term) -> Term:
    """Returns a number where there is one, else nothing; Polars takes a NaN, as the root of -1, for the greatest."""
    found = term.expr.abs() < LIMIT
    return replace(term, expr=pl.when(found).then(term.expr), voids=(*term.voids, ("out_of_range", ~found)))


def joined(expr: pl.Expr, kind: str, unit: Unit | None, *parts: Term) -> Term:
    """Returns a term made of parts: it needs what they need, and what leaves them without a value leaves it so."""
    voids = tuple(one for part in parts for one in part.voids)
    needs = tuple(dict.fromkeys(one for part in parts for one in part.needs))
    return Term(expr, kind, unit, voids, needs)
