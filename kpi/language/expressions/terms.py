"""Typed terms: the kind, the unit, and the missing values of a part of an expression."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from operator import or_

import polars as pl
from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from kpi.errors import Message
from kpi.values import units
from kpi.values.rounding import BREADTH, HAIR, Test, compare
from kpi.values.status import LIMIT, Reason, Status, first_reason, gap, literal, reason, status_of
from kpi.values.units import Unit


class ExpressionError(ValueError):
    """An expression is malformed; `span` is the offset and length of the part that is wrong."""

    def __init__(
        self,
        code: str,
        message: Message,
        span: tuple[int, int],
        *,
        hint: Message | None = None,
        label: Message | None = None,
    ) -> None:
        self.code, self.message, self.span, self.hint, self.label = code, message, span, hint, label
        super().__init__(message)


#: The kinds of terms, as messages have them.
KINDS: Mapping[str, Message] = {
    str(kind): kind for kind in (Message("number"), Message("text"), Message("boolean"), Message("time"))
}


class Term(Struct, frozen=True):
    """A typed part of an expression: its Polars form, what it is, and why it may have no value.

    `kind` is number, text, boolean or time (a point in time, in microseconds); `unit` belongs to numbers (None for a
    bare number that takes any unit); `names` are the figures it reads, in the order of the text. `gaps` and `voids` say
    why it is null, where it is: figures that it needs and that are not there, and what cannot be computed. `bars` are
    the gaps that nothing may stand in for: refused and incomplete figures.

    `noise` is the part of a number by which binary fractions may be off, 0 for a figure as it was reported; it is a
    part of `size` where terms of that size cancel, else of the number itself. `asks_absence` marks a condition that is
    made of `IS NULL`, `whole_day` a time that stands for its day. `uncounted` says where a number of working days is
    not known: dates beyond the years of the calendar.
    """

    expr: pl.Expr
    kind: str
    unit: Unit | None = None
    gaps: tuple[Reason, ...] = ()
    voids: tuple[Reason, ...] = ()
    bars: tuple[Reason, ...] = ()
    names: tuple[str, ...] = ()
    literal: object = None
    noise: float = 0.0
    size: pl.Expr | None = None
    asks_absence: bool = False
    whole_day: bool = False
    uncounted: tuple[pl.Expr, ...] = ()

    @property
    def kind_title(self) -> Message:
        """The kind as messages have it."""
        return KINDS[self.kind]

    @property
    def magnitude(self) -> pl.Expr:
        """The size that its noise is a part of."""
        if self.size is not None:
            return self.size
        return literal(abs(self.literal)) if isinstance(self.literal, float) else self.expr.abs()

    @property
    def barred(self) -> pl.Expr | None:
        """Whether it has no value because of a figure that nothing may stand in for; None where that cannot be."""
        return any_holds(self.bars) if self.bars else None


#: Looks up what a name stands for; None when there is no such name.
Scope = Callable[[str], Term | None]

_NO_REASON = pl.lit(None, dtype=Status)

#: Up to so many parts of a chain are joined one by one.
FEW = 32

#: The statuses of figures that nothing may stand in for: they were reported, and what was is not the whole of it.
BARRED = ("refused", "incomplete")


def figure(name: str, unit: Unit | None, *, exact: bool) -> Term:
    """Return a measure or indicator of the panel as a term.

    Args:
        name: of the columns `name` and `name.status`.
        unit: of the figure.
        exact: whether it is a decimal number as it was reported or counted, rather than a quotient or a mean.
    """
    status = status_of(name)
    bars = tuple((status == reason(item), reason(item)) for item in BARRED)
    return Term(pl.col(name), "number", unit, (gap(name),), (), bars, (name,), noise=0.0 if exact else HAIR)


def as_condition(term: Term) -> Term:
    """Return a 是/否 figure as the condition that it is 是, any other term as it stands."""
    if term.kind == "number" and term.unit == units.YES_NO:
        return replace(term, expr=term.expr != 0, kind="boolean", unit=None)
    return term


def span(node: exp.Expr) -> tuple[int, int]:
    """Return the offset and length of the text that a node came from."""
    marks = [part.meta for part in node.walk() if "start" in part.meta]
    if not marks:
        return (0, 1)
    start = min(mark["start"] for mark in marks)
    return start, max(mark["end"] for mark in marks) + 1 - start


def scaled(term: Term, factor: float) -> Term:
    """Return a number in a unit that is `factor` times as small."""
    if factor == 1:
        return term
    size = None if term.size is None else term.size * factor
    known = term.literal * factor if isinstance(term.literal, float) else None
    return replace(term, expr=term.expr * factor, literal=known, noise=max(term.noise, BREADTH), size=size)


def real(term: Term) -> Term:
    """Return a number where there is one, else nothing; Polars takes a NaN, as the root of -1, for the greatest."""
    present = term.expr.abs() < LIMIT
    void = (~present, reason("out_of_range"))
    return replace(term, expr=pl.when(present).then(term.expr), voids=(*term.voids, void), noise=HAIR, size=None)


def joined(expr: pl.Expr, kind: str, unit: Unit | None, *parts: Term) -> Term:
    """Return a term computed from parts: it has no value where one of them has none, for the same reasons."""
    return Term(
        expr, kind, unit,
        _once(gap for part in parts for gap in part.gaps), _once(void for part in parts for void in part.voids),
        _once(bar for part in parts for bar in part.bars), names_of(*parts),
        noise=max((part.noise for part in parts), default=0.0), uncounted=uncounted_of(*parts),
    )  # fmt: skip


def uncounted_of(*parts: Term) -> tuple[pl.Expr, ...]:
    """Return where numbers of working days in some terms are not known, each once."""
    return tuple({id(item): item for part in parts for item in part.uncounted}.values())


def names_of(*parts: Term) -> tuple[str, ...]:
    """Return the figures that terms read, each once."""
    return tuple(dict.fromkeys(name for part in parts for name in part.names))


def _once(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Return reasons without those that are there before; what a figure gives is the same object each time."""
    return tuple({id(reason): reason for reason in reasons}.values())


def why(reasons: Sequence[Reason]) -> pl.Expr:
    """Return the status of the first of some reasons that applies, null where none does."""
    parts = first_reason(reasons)
    return pl.coalesce(parts) if len(parts) > 1 else parts[0] if parts else _NO_REASON


def any_holds(reasons: Sequence[Reason]) -> pl.Expr:
    """Return whether one of some reasons applies."""
    tests = [status.is_not_null() if condition is None else condition for condition, status in reasons]
    return reduce(or_, tests) if len(tests) < FEW else pl.any_horizontal(tests)


def where(condition: pl.Expr, reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Return reasons that only apply under a condition.

    Several become one, so that the condition stands in the plan once.
    """
    if len(reasons) == 1 and (own := reasons[0][0]) is not None:
        return ((condition & own, reasons[0][1]),)
    return ((None, pl.when(condition).then(why(reasons))),) if reasons else ()


def assembled(parts: Sequence[pl.Expr], operator: Callable[[pl.Expr, pl.Expr], pl.Expr]) -> pl.Expr:
    """Return parts joined from the left by an associative operator; many of them in groups, as deep plans are slow."""
    while len(parts) > FEW:
        parts = [reduce(operator, parts[at : at + FEW]) for at in range(0, len(parts), FEW)]
    return reduce(operator, parts)


def comparison(test: Test, left: Term, right: Term) -> pl.Expr:
    """Return whether one number compares to another, free of what binary fractions add to computed ones."""
    noise = max(left.noise, right.noise)
    if noise == 0:
        return getattr(left.expr, test)(right.expr)  # type: ignore[no-any-return]
    if left.size is None and right.size is None:
        # Neither is a difference, so the figure compared with says how large both are where it matters.
        hair = (left if isinstance(left.literal, float) else right).magnitude * noise
        return compare(test, left.expr, right.expr, hair)
    size = left.magnitude + right.magnitude
    return pl.when(size < LIMIT).then(compare(test, left.expr, right.expr, size * noise))


def nonzero(term: Term) -> pl.Expr:
    """Return whether a number is other than zero; one that is left of a difference by binary fractions is zero."""
    return term.expr != 0 if term.size is None or term.noise == 0 else term.expr.abs() > term.size * term.noise
