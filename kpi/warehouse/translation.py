"""Translate compiled Polars expressions into SQL.

A measure is defined once: its conditions and expressions are compiled to Polars expressions, with kinds, units and
tolerances resolved. The same expressions become SQL, node by node. Nodes that no database computes to the same bits are
refused; their rows are fetched and computed here instead.

Three-valued logic is the same in both. Polars multiplies by the reciprocal where it divides by a constant, so the SQL
does, too; where Polars divides by zero or null, the compiled expression has put null before.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import polars as pl
from sqlglot import exp

from kpi.errors import Message
from kpi.warehouse.dialects import Dialect, number, text

#: A node of an expression: a Polars expression as JSON.
Node = Any


class Untranslatable(Exception):  # noqa: N818 - it is no error of the user
    """Something that a database cannot compute exactly as the pass over fetched rows; `what` says what it is."""

    def __init__(self, what: Message) -> None:
        self.what = what
        super().__init__(what)


_OPERATORS: Mapping[str, type[exp.Binary]] = {
    "Plus": exp.Add, "Minus": exp.Sub, "Multiply": exp.Mul, "Eq": exp.EQ, "NotEq": exp.NEQ, "Lt": exp.LT,
    "LtEq": exp.LTE, "Gt": exp.GT, "GtEq": exp.GTE, "And": exp.And, "Or": exp.Or,
}  # fmt: skip

_PARTS = {"Year": "YEAR", "Month": "MONTH", "WeekDay": "ISODOW", "Hour": "HOUR"}

#: The tokens of a compiled LIKE pattern, see `language.expressions.grammar`.
_ANY, _SOME, _END = "(?s:.*)", "(?s:.{", "})"


class Translator:
    """Translate expressions over some columns.

    Args:
        columns: the SQL of each column that expressions name.
        dialect: the database.
    """

    def __init__(self, columns: Mapping[str, exp.Expr], dialect: Dialect) -> None:
        self.columns, self.dialect = columns, dialect

    def __call__(self, expression: pl.Expr) -> exp.Expr:
        """Return an expression as SQL.

        >>> from kpi.warehouse.dialects import DIALECTS
        >>> named = {name: exp.column(name, quoted=True) for name in ("x", "y")}
        >>> translate = Translator(named, DIALECTS["duckdb"])
        >>> translate(pl.when(pl.col("y") != 0).then(pl.col("x") / pl.col("y"))).sql("duckdb")
        'CASE WHEN "y" <> 0 THEN "x" / "y" ELSE NULL END'

        Raises:
            Untranslatable: the database does not compute it to the same bits.
        """
        with warnings.catch_warnings():
            # The form is read in the process that writes it; a node of another release is refused.
            warnings.simplefilter("ignore")
            tree = json.loads(expression.meta.serialize(format="json"))
        return self._node(tree)

    def _node(self, node: Node) -> exp.Expr:
        kind, content = next(iter(node.items())) if isinstance(node, dict) and len(node) == 1 else (str(node), None)
        handler: Callable[[Any], exp.Expr] | None = {
            "Column": self._column, "Literal": self._literal, "BinaryExpr": self._binary, "Ternary": self._ternary,
            "Function": self._function, "Cast": self._cast,
        }.get(kind)  # fmt: skip
        if handler is None:
            raise _unknown(kind)
        return handler(content)

    def _column(self, name: str) -> exp.Expr:
        return self.columns[name].copy()

    def _literal(self, content: Node) -> exp.Expr:
        kind, value = next(iter(content.items()))
        if kind in {"Dyn", "Scalar"}:
            kind, value = ("Null", None) if value == "Null" else next(iter(value.items()))
        if kind == "Null":
            return exp.Null()
        if kind in {"Float", "Float64"} and isinstance(value, int | float):
            return number(float(value))
        if kind in {"Int", "Int32", "Int64", "UInt32"}:
            return number(int(value))
        if kind in {"Str", "String"}:
            return text(value)
        if kind == "Boolean":
            return exp.Boolean(this=bool(value))
        raise _unknown(kind)

    def _binary(self, content: Node) -> exp.Expr:
        left, right = self._node(content["left"]), self._node(content["right"])
        operator = content["op"]
        if operator == "TrueDivide":
            divisor = _constant(content["right"])
            if divisor is not None:
                return exp.Mul(this=_grouped(left), expression=number(1.0 / divisor)) if divisor else exp.Null()
            return self.dialect.divided(_grouped(left), _grouped(right))
        if operator not in _OPERATORS:
            raise _unknown(operator)
        return _OPERATORS[operator](this=_grouped(left), expression=_grouped(right))

    def _ternary(self, content: Node) -> exp.Expr:
        parts = (self._node(content[name]) for name in ("predicate", "truthy", "falsy"))
        test, value, default = parts
        return exp.Case(ifs=[exp.If(this=test, true=value)], default=default)

    def _cast(self, content: Node) -> exp.Expr:
        dtype = content["dtype"].get("Literal")
        inner = content["expr"]
        if dtype == "Float64":
            return self.dialect.double(self._node(inner))
        raise _unknown(f"Cast {dtype}")

    def _function(self, content: Node) -> exp.Expr:
        function, inputs = content["function"], content["input"]
        family, name = next(iter(function.items())) if isinstance(function, dict) else ("", function)
        if isinstance(name, dict) and family in {"Boolean", "StringExpr"}:
            name = next(iter(name))
        match family, name:
            case "Boolean", "IsIn":
                values = _series(inputs[1])
                return exp.In(this=_grouped(self._node(inputs[0])), expressions=[_value(item) for item in values])
            case "StringExpr", "Contains":
                return self._like(inputs)
            case "StringExpr", "Head" | "Tail":
                cut = exp.Left if name == "Head" else exp.Right
                return cut(this=self._node(inputs[0]), expression=self._node(inputs[1]))
            case "TemporalExpr", str(part) if part in _PARTS:
                return self.dialect.part(_PARTS[part], self.dialect.from_micros(self._instant(inputs[0])))
        items = [self._node(item) for item in inputs]
        if family == "Round" and name == {"decimals": 0, "mode": "HalfToEven"}:
            return self.dialect.rounded(items[0])
        return self._simple(family or str(name), str(name), items)

    def _simple(self, family: str, name: str, items: list[exp.Expr]) -> exp.Expr:
        """Return a function of values."""
        if name in {"MinHorizontal", "MaxHorizontal"}:
            return self.dialect.extreme(items, least=name == "MinHorizontal")
        if name in {"AnyHorizontal", "AllHorizontal"}:
            either = exp.Or if name == "AnyHorizontal" else exp.And
            return reduce(lambda a, b: either(this=a, expression=b), map(_grouped, items))
        function = _FUNCTIONS.get((family, name))
        if function is None:
            raise _unknown(f"{family} {name}" if isinstance(name, str) else family)
        return function(items)

    def _instant(self, node: Node) -> exp.Expr:
        """Return the microseconds of a point in time, which Polars casts to a datetime."""
        for _ in range(2):
            if set(node) != {"Cast"}:
                raise _unknown("Datetime")
            node = node["Cast"]["expr"]
        return self._node(node)

    def _like(self, inputs: Node) -> exp.Expr:
        """Return a LIKE for the regular expression that it was compiled to."""
        pattern = inputs[1].get("Literal", {}).get("Scalar", {}).get("String")
        if pattern is None or not (pattern.startswith("^") and pattern.endswith("$")):
            raise _unknown("Contains")
        rest, like = pattern[1:-1], ""
        while rest:
            if rest.startswith(_ANY):
                like, rest = f"{like}%", rest[len(_ANY) :]
            elif rest.startswith(_SOME):
                many, _, rest = rest[len(_SOME) :].partition(_END)
                like += "_" * int(many)
            elif rest[0] == "\\":
                like, rest = like + rest[1], rest[2:]
            else:
                like, rest = like + rest[0], rest[1:]
        if "\\" in like:
            raise _unknown("LIKE")  # databases differ in what it escapes
        return exp.Like(this=self._node(inputs[0]), expression=text(like))


def _grouped(node: exp.Expr) -> exp.Expr:
    return exp.paren(node) if isinstance(node, exp.Binary | exp.Not | exp.Is | exp.In | exp.Like) else node


def _is_null(items: list[exp.Expr]) -> exp.Expr:
    return exp.Is(this=_grouped(items[0]), expression=exp.Null())


_FUNCTIONS: Mapping[tuple[str, str], Callable[[list[exp.Expr]], exp.Expr]] = {
    ("Abs", "Abs"): lambda items: exp.Abs(this=items[0]),
    ("Negate", "Negate"): lambda items: exp.Neg(this=_grouped(items[0])),
    ("Coalesce", "Coalesce"): lambda items: exp.Coalesce(this=items[0], expressions=items[1:]),
    ("FillNull", "FillNull"): lambda items: exp.Coalesce(this=items[0], expressions=items[1:]),
    ("Boolean", "Not"): lambda items: exp.Not(this=_grouped(items[0])),
    ("Boolean", "IsNull"): _is_null,
    ("Boolean", "IsNotNull"): lambda items: exp.Not(this=_is_null(items)),
    ("StringExpr", "LenChars"): lambda items: exp.Length(this=items[0]),
}


def _constant(node: Node) -> float | None:
    """Return a literal number, None for anything else."""
    content = node.get("Literal") if isinstance(node, dict) else None
    inner = content.get("Dyn", content.get("Scalar")) if isinstance(content, dict) else None
    value = next(iter(inner.values())) if isinstance(inner, dict) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _series(node: Node) -> list[Any]:
    """Return the values of a literal column, which Polars writes as a stream of Arrow."""
    content = node.get("Literal", {}) if isinstance(node, dict) else {}
    if set(content) == {"Series"}:
        values = pl.read_ipc_stream(io.BytesIO(bytes(content["Series"]))).to_series()
        return (values.explode() if values.dtype == pl.List else values).to_list()
    raise _unknown("IsIn")


def _value(value: object) -> exp.Expr:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, float):
        return number(value)
    raise _unknown("IsIn")


def _unknown(what: str) -> Untranslatable:
    return Untranslatable(Message("the operation {what} is not exact in SQL", what=what))
