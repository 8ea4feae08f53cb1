"""Values with reasons: `guarded` writes a value and why it may be missing from one list of guards.

A frame of results holds pairs of columns, `name` and `name.status` (see `columns`). The value is null exactly where
the status is not `ok`; no null lacks a reason, and NaN and infinity never leave this module.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from kpi.errors import Message
from kpi.values.columns import Column, Expressions

#: What a total without any level has, where levels have names.
NO_LEVEL = Message("no level")

#: The reasons of values, in the order of the enumeration, with their descriptions for users.
STATUSES: dict[str, Message] = {
    "ok": Message("available"),
    "missing": Message("not reported"),
    "not_applicable": Message("not applicable"),
    "below_unit": Message("below the unit of the table"),
    "refused": Message("wrong, not used"),
    "incomplete": Message("incomplete in the period"),
    "zero_denominator": Message("zero denominator"),
    "too_few": Message("too few"),
    "no_baseline": Message("no baseline"),
    "zero_baseline": Message("zero baseline"),
    "negative_baseline": Message("negative baseline"),
    "out_of_range": Message("beyond what can be computed"),
    "no_target": Message("no target"),
    "zero_target": Message("zero target"),
    "late": Message("late"),
    "not_scored": Message("not scored"),
    "negative_denominator": Message("negative denominator"),
    "break": Message("not comparable across a change of areas"),
    "not_given": Message("no weight or rule is given for its class or period"),
    "suppressed": Message("suppressed (confidential)"),
}

#: The column type of every `*.status` column.
Status = pl.Enum(list(STATUSES))

OK = pl.lit("ok", dtype=Status)

#: Figures, which `kpi.intake.cells.numbers` bounds, make a quotient below `LIMIT` of a denominator above it.
LEAST = 1e-190

#: The bound of the magnitude of results, so that no weighted sum of them overflows. Infinity is beyond it, and so is
#: NaN, which is the greatest number for Polars.
LIMIT = 1e250


@functools.cache
def reason(name: str) -> pl.Expr:
    """Return a status as a literal expression of type `Status`."""
    return pl.lit(name, dtype=Status)


@functools.lru_cache(4096)
def literal(value: float | None) -> pl.Expr:
    """Return a number as a literal expression of type Float64; equal numbers share one, as making them is slow."""
    return pl.lit(value, dtype=pl.Float64)


ZERO, HUNDRED = literal(0.0), literal(100.0)


def status_of(name: str) -> pl.Expr:
    """Return the status column that belongs to the value column `name`."""
    return pl.col(Column(name).status)


#: A condition for a missing value, and its status; None if the status itself is null otherwise.
Reason = tuple[pl.Expr | None, pl.Expr]

#: The maximum length of a chain of conditions; more are coalesced, as plans of deep chains are slow.
_FEW = 40


def first_reason(reasons: Iterable[Reason]) -> list[pl.Expr]:
    """Return the status of each reason, null if it does not apply, as arguments of `pl.coalesce`."""
    return [status if condition is None else pl.when(condition).then(status) for condition, status in reasons]


@functools.lru_cache(4096)
def gap(name: str) -> Reason:
    """Return whether a column has no value, and its status; cached, as indicators share inputs."""
    return pl.col(name).is_null(), status_of(name)


def where_given(value: pl.Expr, names: Iterable[str]) -> pl.Expr:
    """Return a value only where all of some columns have one: a condition on null may still select a branch."""
    return pl.when(functools.reduce(operator.and_, [pl.col(name).is_not_null() for name in names])).then(value)


def guarded(
    name: str,
    value: pl.Expr,
    guards: Mapping[str, pl.Expr] | None = None,
    *,
    inputs: Iterable[str] = (),
    shown: Mapping[str, pl.Expr] | None = None,
    reasons: Iterable[Reason] = (),
    sound: bool = False,
    finite: pl.Expr | None = None,
) -> Expressions:
    """Return the columns `name` (Float64) and `name.status` (Status) of a value and the guards that may void it.

    The status is `ok` where there is a value, else the first that applies: the status of the first of `inputs` that is
    null, the first of `reasons`, `shown`, `guards` that holds (in the order given), or `out_of_range`, where the
    value is no number below `LIMIT`. The value is null wherever the status is not `ok`. A guard that is null does not
    hold.

    The status reads the value, so it is evaluated after it.

    Args:
        name: of the column.
        value: Float64.
        guards: what voids it, by status.
        inputs: the guarded columns that it is computed from; it is null where one of them is.
        shown: reasons for which the value is null, infinite or NaN by itself, such as a zero denominator, by status.
        reasons: the same, each a condition and the status that it gives (an expression).
        sound: the value is null where an input is, and otherwise a finite number: it needs no test of its own.
        finite: a cheaper test of whether the value is a number below `LIMIT`.

    >>> frame = pl.DataFrame({"a": [1.0, 2.0], "b": [4.0, 0.0]})
    >>> pair = guarded("r", pl.col("a") / pl.col("b"), shown={"zero_denominator": pl.col("b") == 0})
    >>> frame.with_columns(**pair.values).select("r", **pair.statuses).rows()
    [(0.25, 'ok'), (None, 'zero_denominator')]
    """
    column = Column(name)
    voids, shows = dict(guards or {}), dict(shown or {})
    names = list(inputs)
    if sound and not voids and not shows and len(names) == 1:
        return Expressions({name: value}, {column.status: status_of(names[0])})
    # NOTE: a magnitude is tested faster than `is_finite`, and a null faster than a status.
    good = value if sound else pl.when(value.abs() < literal(LIMIT) if finite is None else finite).then(value)
    if voids:
        good = pl.when(functools.reduce(operator.or_, voids.values())).then(literal(None)).otherwise(good)
    causes: list[Reason] = [*(gap(name_of) for name_of in names), *reasons]
    causes += [(condition, reason(key)) for key, condition in (shows | voids).items()]
    # NOTE: read from the value rather than decided beside it, each condition stands in the plan once: a fifth less
    # time for 200 indicators, most of it that of planning.
    why: Any = pl.when(pl.col(name).is_not_null()).then(OK)
    if len(causes) > _FEW or any(condition is None for condition, _ in causes):
        return Expressions(
            {name: good}, {column.status: pl.coalesce(why, *first_reason(causes), reason("out_of_range"))}
        )
    for condition, name_of in causes:
        why = why.when(condition).then(name_of)
    return Expressions({name: good}, {column.status: why.otherwise(reason("out_of_range"))})
