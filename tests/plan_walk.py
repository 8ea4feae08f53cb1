"""How far the expressions of a compiled plan look back, walked column by column: definitions declare no less.

Polars calls the serialised form unstable, so only tests read it. An expression that cannot be serialised, as it calls a
function in Python, is taken to look at one row; what such functions look at is tested by changing figures.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from kpi.engine.plan import Plan
from kpi.language.lookback import HISTORY, WHOLE

#: Columns of the panel, each with the lags at which it enters.
Reach = dict[str, set[int]]

#: What looks at one row at a time. Aggregates do not, but inside `over("period", ...)` they look at one period.
_ROWWISE = {"BinaryExpr", "Ternary", "Cast", "Alias", "KeepName", "RenameAlias"}
_ROWWISE_FUNCTIONS = {
    "AsStruct", "ListExpr",
    "Abs", "Ceil", "Clip", "Coalesce", "Exp", "FillNull", "Floor", "Log", "MaxHorizontal", "MeanHorizontal",
    "MinHorizontal", "Negate", "Pow", "Replace", "ReplaceStrict", "Round", "Sign", "StringExpr", "StructExpr",
    "SumHorizontal",
}  # fmt: skip
_ROWWISE_TESTS = {
    "AllHorizontal", "AnyHorizontal", "IsBetween", "IsClose", "IsFinite", "IsIn", "IsInfinite", "IsNan", "IsNotNan",
    "IsNotNull", "IsNull", "Not",
}  # fmt: skip

#: The other words of serialised expressions that look at one row at a time.
_WORDS = {
    "And", "Boolean", "Column", "ConcatHorizontal", "Decimal", "Dyn", "Enum", "Eq", "Float", "Float64", "Function",
    "Gt", "GtEq", "HalfAwayFromZero", "HalfToEven", "Int", "Int64", "Int8", "Literal", "Lt", "LtEq", "Minus",
    "Multiply", "NotEq", "Null", "Or", "Plus", "Scalar", "Strict", "String", "TrueDivide",
    *_ROWWISE, *_ROWWISE_FUNCTIONS, *_ROWWISE_TESTS,
}  # fmt: skip
_WORD = re.compile('"([A-Z][A-Za-z0-9]+)"')

#: Functions over the rows of an entity, in the order of periods, that never look ahead.
_CAUSAL = (
    {"Forward": None},
    {"CumMin": {"reverse": False}},
    {"CumMax": {"reverse": False}},
    {"CumSum": {"reverse": False}},
)

#: The number of entities in a period, by which a plan shifts: the same in every row.
_ENTITIES = {"Agg": {"First": {"Column": "#entities"}}}


def walked(plan: Plan) -> Reach:
    """Return the columns of the panel that a period's results and checks depend on, with their lags.

    Columns that only say where a row is (period, entity, `#month`, `#entities`) are left out.
    """
    known: dict[str, Reach] = {}
    total: Reach = {}
    # Checks are stages of a plan too.
    for columns in (step for stage in (*plan.stages, *plan.intervals, *plan.details) for step in stage.steps):
        # A step sees the columns before it, not its own.
        result = {name: composed(expression, known) for name, expression in columns.items()}
        known |= result
        for item in result.values():
            _merge(total, item)
    return {name: lags for name, lags in total.items() if not _is_place(name)}


def _is_place(name: str) -> bool:
    """Return whether a column of the panel says where a row is."""
    return name in ("period", "entity") or name[0] == "#"


def _merge(into: Reach, other: Mapping[str, set[int]]) -> None:
    for name, lags in other.items():
        into.setdefault(name, set()).update(lags)


def composed(expression: pl.Expr, known: Mapping[str, Reach]) -> Reach:
    result: Reach = {}
    for name, lags in _direct(expression).items():
        for column, inner in known.get(name, {name: {0}}).items():
            result.setdefault(column, set()).update(_plus(lag, more) for lag in lags for more in inner)
    return result


def _direct(expression: pl.Expr) -> Reach:
    """The columns that an expression itself reads, with the lags at which it does."""
    try:
        text = expression.meta.serialize(format="json")
        if '"AnonymousFunction"' in text:
            # Where cloudpickle is installed (scikit-learn brings it) functions in Python are serialised, as bytes.
            return {name: {0} for name in expression.meta.root_names()}
        if _WORDS.issuperset(_WORD.findall(text)):
            return {name: {0} for name in expression.meta.root_names()}
        return _walk(json.loads(text))
    except (pl.exceptions.PolarsError, ValueError):
        return {name: {0} for name in expression.meta.root_names()}


def _walk(node: Any) -> Reach:  # noqa: C901  # one case a construct
    """The columns that a serialised expression reads, with the lags at which it does."""
    result: Reach = {}
    if node == _ENTITIES:
        return result
    match node:
        case {"Column": str(name)}:
            result[name] = {0}
        case {"Literal": _}:
            pass
        case {"Over": {"partition_by": by}} if {"Column": "period"} in by:
            result = {name: {0} for name in _columns(node)}
        case {"Over": {"partition_by": [{"Column": "entity"}], "function": inside}} if _is_causal(inside):
            result = {name: {HISTORY} for name in _columns(inside)}
        case {"Function": {"function": "Shift", "input": [value, by]}}:
            lag = _periods(by)
            result = {name: {_plus(item, lag) for item in lags} for name, lags in _walk(value).items()}
        case {"Function": {"function": function, "input": inputs}} if _is_rowwise(function):
            result = _walk(inputs)
        case dict() if len(node) == 1 and (kind := next(iter(node)))[:1].isupper() and kind not in _ROWWISE:
            result = {name: {WHOLE} for name in _columns(node)}
        case dict() | list():
            for item in node.values() if isinstance(node, dict) else node:
                _merge(result, _walk(item))
    return result


def _plus(lag: int, more: int) -> int:
    return min(lag, more) if min(lag, more) < 0 else lag + more


def _is_causal(node: Any) -> bool:
    """Return whether an expression over the rows of an entity looks at no later row."""
    match node:
        case {"Function": {"function": function, "input": inputs}}:
            inside = function.get("FillNullWithStrategy", function) if isinstance(function, dict) else function
            return (inside in _CAUSAL or _is_rowwise(function)) and _is_causal(inputs)
        case {"Column": _} | {"Literal": _} | {"Over": {"function": {"Function": {"function": {"Range": _}}}}}:
            return True
        case dict() if len(node) == 1 and (kind := next(iter(node)))[:1].isupper():
            return kind in _ROWWISE and _is_causal(node[kind])
        case dict() | list():
            return all(_is_causal(item) for item in (node.values() if isinstance(node, dict) else node))
    return True


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
            return times if left == _ENTITIES and times >= 0 else WHOLE
    return WHOLE


def _columns(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, inside in node.items():
            if key == "Column" and isinstance(inside, str):
                yield inside
            else:
                yield from _columns(inside)
    elif isinstance(node, list):
        for item in node:
            yield from _columns(item)
