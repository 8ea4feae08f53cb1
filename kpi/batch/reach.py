"""Which earlier periods a period's results depend on, found from the compiled plan.

Every column of a plan is an expression over other columns. Walking all of them gives the columns of the panel that
enter the results, and how many periods back: 0 for the period itself, 4 for the year-on-year growth of quarters,
`HISTORY` where everything up to the period may enter, as for a milestone that keeps its last state. Nothing depends on
later periods. A construct that is not known here counts as history, so a new kind of indicator can make a night slower,
never wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from kpi.plan import Plan

#: A lag that stands for all periods up to the one in question.
HISTORY = -1

#: Columns of the panel, each with the lags at which it enters.
Reach = dict[str, set[int]]

#: What looks at one row at a time. Aggregates do not, but inside `over("period", ...)` they look at one period.
_ROWWISE = {"BinaryExpr", "Ternary", "Cast", "Alias", "KeepName", "RenameAlias"}
_ROWWISE_FUNCTIONS = {
    "Abs", "Clip", "Coalesce", "Exp", "FillNull", "Log", "MaxHorizontal", "MeanHorizontal", "MinHorizontal", "Negate",
    "Pow", "Replace", "ReplaceStrict", "Round", "Sign", "StringExpr", "SumHorizontal",
}  # fmt: skip
_ROWWISE_TESTS = {
    "AllHorizontal", "AnyHorizontal", "IsBetween", "IsClose", "IsFinite", "IsIn", "IsInfinite", "IsNan", "IsNotNan",
    "IsNotNull", "IsNull", "Not",
}  # fmt: skip

#: The number of entities in a period, by which a plan shifts: the same in every row.
_ENTITIES = {"Agg": {"First": {"Column": "#entities"}}}


def reach(plan: Plan) -> Reach:
    """Returns the columns of the panel that a period's results and checks depend on, with their lags.

    Columns that only say where a row is (period, entity, `#month`, `#entities`) are left out.
    """
    known: dict[str, Reach] = {}
    total: Reach = {}
    system = plan.system
    checks = [one.violations(system.symbols, system.period) for one in system.checks.values()]
    for columns in [*(stage.columns for stage in (*plan.stages, *plan.details)), *checks]:
        # A stage sees the columns before it, not its own.
        found = {name: _composed(expression, known) for name, expression in columns.items()}
        known |= found
        for one in found.values():
            _merge(total, one)
    return {name: lags for name, lags in total.items() if name not in ("period", "entity") and name[0] != "#"}


def window(reached: Reach) -> int | None:
    """Returns how many periods back the results look at most, None for all."""
    lags = {lag for some in reached.values() for lag in some}
    return None if HISTORY in lags else max(lags, default=0)


def _merge(into: Reach, other: Mapping[str, set[int]]) -> None:
    for name, lags in other.items():
        into.setdefault(name, set()).update(lags)


def _composed(expression: pl.Expr, known: Mapping[str, Reach]) -> Reach:
    found: Reach = {}
    try:
        direct = _walk(json.loads(expression.meta.serialize(format="json")))
    except (pl.exceptions.PolarsError, ValueError):
        direct = {name: {HISTORY} for name in expression.meta.root_names()}
    for name, lags in direct.items():
        for column, inner in known.get(name, {name: {0}}).items():
            sums = {HISTORY if HISTORY in (lag, more) else lag + more for lag in lags for more in inner}
            found.setdefault(column, set()).update(sums)
    return found


def _walk(node: Any) -> Reach:
    """The columns that a serialised expression reads, with the lags at which it does."""
    found: Reach = {}
    if node == _ENTITIES:
        return found
    match node:
        case {"Column": str(name)}:
            found[name] = {0}
        case {"Literal": _}:
            pass
        case {"Over": {"partition_by": by}} if {"Column": "period"} in by:
            found = {name: {0} for name in _columns(node)}
        case {"Function": {"function": "Shift", "input": [value, by]}}:
            lag = _periods(by)
            found = {name: {_plus(one, lag) for one in lags} for name, lags in _walk(value).items()}
        case {"Function": {"function": function, "input": inputs}} if _is_rowwise(function):
            found = _walk(inputs)
        case dict() if len(node) == 1 and (kind := next(iter(node)))[:1].isupper() and kind not in _ROWWISE:
            found = {name: {HISTORY} for name in _columns(node)}
        case dict() | list():
            for one in node.values() if isinstance(node, dict) else node:
                _merge(found, _walk(one))
    return found


def _plus(lag: int, more: int) -> int:
    return HISTORY if HISTORY in (lag, more) else lag + more


def _is_rowwise(function: Any) -> bool:
    if isinstance(function, dict):
        ((name, inside),) = function.items()
        if name == "Boolean":
            return (next(iter(inside)) if isinstance(inside, dict) else inside) in _ROWWISE_TESTS
        return name in _ROWWISE_FUNCTIONS
    return function in _ROWWISE_FUNCTIONS


def _periods(by: Any) -> int:
    """How many periods a shift goes back, history where that cannot be told."""
    if by == _ENTITIES:
        return 1
    match by:
        case {"BinaryExpr": {"left": left, "op": "Multiply", "right": {"Literal": {"Dyn": {"Int": int(times)}}}}}:
            return times if left == _ENTITIES and times >= 0 else HISTORY
    return HISTORY


def _columns(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, inside in node.items():
            if key == "Column" and isinstance(inside, str):
                yield inside
            else:
                yield from _columns(inside)
    elif isinstance(node, list):
        for one in node:
            yield from _columns(one)
