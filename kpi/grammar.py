"""The grammar of expressions: every kind of node, and how it becomes a typed term, with kinds and units checked.

A bare number takes the unit of what it is added to or compared with, as in targets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import Any, NoReturn

import polars as pl
from sqlglot import exp

from kpi import units
from kpi.terms import ExpressionError, Scope, Term, as_condition, joined, real, scaled, span
from kpi.units import Unit


def resolve(tree: exp.Expr, scope: Scope) -> Term:
    """Returns a tree of the expression language as a typed Polars expression.

    Raises:
        ExpressionError: for an unknown name, a wrong kind, or units that do not fit.
    """
    return _Compiler(scope).term(tree)


# Up to so many values are compared one by one, which takes half the time of a lookup.
_FEW = 4

_TESTS: dict[type[exp.Expr], str] = {
    exp.EQ: "eq", exp.NEQ: "ne", exp.GT: "gt", exp.GTE: "ge", exp.LT: "lt", exp.LTE: "le",
}  # fmt: skip


class _Compiler:
    """One walk over one tree; every method answers a node with a `Term`."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def term(self, node: exp.Expr) -> Term:
        return GRAMMAR[type(node)](self, node)

    def fail(self, node: exp.Expr, code: str, message: str, *, hint: str | None = None, label: str = "") -> NoReturn:
        raise ExpressionError(code, message, span(node), hint=hint, label=label)

    def number(self, node: exp.Expr) -> Term:
        term = self.term(node)
        if term.kind != "number":
            self.fail(node, "K302", f"a number is needed here, this is {term.kind}", label=term.kind)
        return term

    def boolean(self, node: exp.Expr) -> Term:
        term = as_condition(self.term(node))
        if term.kind != "boolean":
            self.fail(node, "K302", f"a condition is needed here, this is {term.kind}", label=term.kind)
        return term

    def same_unit(self, node: exp.Expr, left: Term, right: Term) -> tuple[pl.Expr, pl.Expr, Unit | None]:
        """Brings two numbers into the unit of the first that has one."""
        if left.unit is None or right.unit is None:
            return left.expr, right.expr, left.unit or right.unit
        try:
            factor = units.factor(right.unit, left.unit)
        except units.UnitError:
            pair = f"{left.unit} and {right.unit}"
            hint = "only figures of one dimension can be added, subtracted or compared"
            self.fail(node, "K301", f"{pair} do not go together", label=pair, hint=hint)
        return left.expr, scaled(right.expr, factor), left.unit

    # ---- LEAVES ---- #

    def name(self, node: exp.Column) -> Term:
        found = self.scope(node.name)
        if found is None:
            self.fail(node, "K203", f"unknown name `{node.name}`", label="not defined")
        return found

    def literal(self, node: exp.Literal) -> Term:
        if node.is_string:
            return Term(pl.lit(node.this, dtype=pl.String), "text", literal=node.this)
        return Term(pl.lit(float(node.this), dtype=pl.Float64), "number", literal=float(node.this))

    def truth(self, node: exp.Boolean) -> Term:
        return Term(pl.lit(bool(node.this)), "boolean")

    def null(self, _: exp.Null) -> Term:
        return Term(pl.lit(None, dtype=pl.Float64), "number")

    # ---- ARITHMETIC ---- #

    def paren(self, node: exp.Paren) -> Term:
        return self.term(node.this)

    def minus(self, node: exp.Neg) -> Term:
        term = self.number(node.this)
        return replace(term, expr=-term.expr, literal=-term.literal if isinstance(term.literal, float) else None)

    def add(self, node: exp.Binary) -> Term:
        left, right = self.number(node.left), self.number(node.right)
        subtracts = isinstance(node, exp.Sub)
        if left.unit is None or right.unit is None:
            unit, second = left.unit or right.unit, right.expr
        else:
            try:
                unit, factor = (units.subtract if subtracts else units.add)(left.unit, right.unit)
            except units.UnitError as error:
                verb = "subtract" if subtracts else "add"
                pair = f"{right.unit} from {left.unit}" if subtracts else f"{right.unit} to {left.unit}"
                hint = error.hint or "only figures of one dimension can be added, subtracted or compared"
                self.fail(node, "K301", f"cannot {verb} {pair}", label=f"{left.unit} and {right.unit}", hint=hint)
            second = scaled(right.expr, factor)
        return joined(left.expr - second if subtracts else left.expr + second, "number", unit, left, right)

    def multiply(self, node: exp.Mul) -> Term:
        left, right = self.number(node.left), self.number(node.right)
        unit = units.multiply(left.unit, right.unit) if left.unit and right.unit else left.unit or right.unit
        return joined(left.expr * right.expr, "number", unit, left, right)

    def divide(self, node: exp.Div) -> Term:
        left, right = self.number(node.left), self.number(node.right)
        unit = left.unit if right.unit is None else units.divide(left.unit or units.ONE, right.unit)
        # Nothing comes out of a division by zero, so that no condition can hold of it, and a CASE can step around it.
        safe = isinstance(right.literal, float) and right.literal != 0
        below = right.expr if safe else pl.when(right.expr != 0).then(right.expr)
        term = joined(left.expr / below, "number", unit, left, right)
        return term if safe else replace(term, voids=(*term.voids, ("zero_denominator", right.expr == 0)))

    # ---- CONDITIONS ---- #

    def test(self, node: exp.Binary) -> Term:
        left, right = self.term(node.left), self.term(node.right)
        method = _TESTS[type(node)]
        if left.kind != right.kind:
            self.fail(node, "K302", f"{left.kind} is compared with {right.kind}", label=f"{left.kind} and {right.kind}")
        a, b = left.expr, right.expr
        if left.kind == "number":
            a, b, _ = self.same_unit(node, left, right)
        return joined(getattr(a, method)(b), "boolean", None, left, right)

    def logical(self, node: exp.And | exp.Or) -> Term:
        left, right = self.boolean(node.left), self.boolean(node.right)
        expr = left.expr & right.expr if isinstance(node, exp.And) else left.expr | right.expr
        return joined(expr, "boolean", None, left, right)

    def negation(self, node: exp.Not) -> Term:
        term = self.boolean(node.this)
        return replace(term, expr=~term.expr)

    def among(self, node: exp.In) -> Term:
        this = self.term(node.this)
        options = [self.term(one) for one in node.expressions]
        if any(one.kind != this.kind or one.literal is None for one in options):
            hint = "write all in quotes, or all as numbers"
            self.fail(node, "K302", f"IN needs a list of {this.kind} values", hint=hint)
        dtype = pl.String if this.kind == "text" else pl.Float64
        values = pl.Series([one.literal for one in options], dtype=dtype)
        few = len(values) <= _FEW
        found = reduce(or_, (this.expr == one for one in values)) if few else this.expr.is_in(values.implode())
        return joined(found, "boolean", None, this, *options)

    def between(self, node: exp.Between) -> Term:
        this, low, high = self.term(node.this), self.term(node.args["low"]), self.term(node.args["high"])
        if not this.kind == low.kind == high.kind:
            self.fail(node, "K302", f"{this.kind} is compared with {low.kind} and {high.kind}")
        a, b = low.expr, high.expr
        if this.kind == "number":
            _, a, _ = self.same_unit(node, this, low)
            _, b, _ = self.same_unit(node, this, high)
        return joined((this.expr >= a) & (this.expr <= b), "boolean", None, this, low, high)

    def empty(self, node: exp.Is) -> Term:
        term = self.term(node.this)
        if not isinstance(node.expression, exp.Null):
            self.fail(node, "K121", "only IS NULL and IS NOT NULL are part of the expression language")
        return Term(term.expr.is_null(), "boolean", voids=term.voids)

    def like(self, node: exp.Like) -> Term:
        this, pattern = self.term(node.this), self.term(node.expression)
        if this.kind != "text" or not isinstance(pattern.literal, str):
            self.fail(node, "K302", "LIKE compares text with a text pattern")
        escaped = "".join({"%": "(?s:.*)", "_": "(?s:.)"}.get(letter, _escape(letter)) for letter in pattern.literal)
        return joined(this.expr.str.contains(f"^{escaped}$"), "boolean", None, this)

    def case(self, node: exp.Case) -> Term:
        if node.this is not None:
            self.fail(node, "K121", "write CASE WHEN condition THEN value ... END")
        conditions = [self.boolean(branch.this) for branch in node.args["ifs"]]
        default = node.args.get("default")
        branches = [branch.args["true"] for branch in node.args["ifs"]] + ([default] if default is not None else [])
        values = self.alike(node, branches)
        result = values[-1].expr if default is not None else pl.lit(None)
        for condition, value in reversed(list(zip(conditions, values, strict=False))):
            result = pl.when(condition.expr).then(value.expr).otherwise(result)
        return joined(result, values[0].kind, values[0].unit, *conditions, *values)

    def alike(self, node: exp.Expr, parts: list[exp.Expr]) -> list[Term]:
        """Returns terms of one kind, brought into one unit."""
        terms = [self.term(part) for part in parts]
        if len({term.kind for term in terms}) > 1:
            self.fail(node, "K302", f"the values are of different kinds: {', '.join(term.kind for term in terms)}")
        first = next((term for term in terms if term.unit is not None), terms[0])
        unified = []
        for term in terms:
            if term.kind == "number" and term is not first:
                _, expr, unit = self.same_unit(node, first, term)
                unified.append(replace(term, expr=expr, unit=unit))
            else:
                unified.append(term)
        return unified

    # ---- FUNCTIONS ---- #

    def extreme(self, node: exp.Least | exp.Greatest) -> Term:
        terms = self.alike(node, [node.this, *node.expressions])
        fold = pl.min_horizontal if isinstance(node, exp.Least) else pl.max_horizontal
        term = joined(fold(*(term.expr for term in terms)), "number", terms[0].unit, *terms)
        # What cannot be computed is neither less nor greater than the rest: the rest alone is no answer.
        void = [condition.fill_null(value=False) for _, condition in term.voids]
        return replace(term, expr=pl.when(~pl.any_horizontal(void)).then(term.expr)) if void else term

    def coalesce(self, node: exp.Coalesce) -> Term:
        terms = self.alike(node, [node.this, *node.expressions])
        first = pl.coalesce(*(term.expr for term in terms))
        return replace(joined(first, terms[0].kind, terms[0].unit, *terms), needs=())

    def absolute(self, node: exp.Abs) -> Term:
        term = self.number(node.this)
        return replace(term, expr=term.expr.abs(), literal=None)

    def rounded(self, node: exp.Round) -> Term:
        term, decimals = self.number(node.this), node.args.get("decimals")
        places = int(float(decimals.this)) if isinstance(decimals, exp.Literal) else 0
        return replace(term, expr=term.expr.round(places, mode="half_away_from_zero"), literal=None)

    def pure(self, node: exp.Expr) -> Term:
        term = self.number(node.this)
        if term.unit not in (None, units.ONE):
            self.fail(node, "K301", f"{node.key} needs a pure number, this is {term.unit}", label=str(term.unit))
        function = (
            pl.Expr.sqrt if isinstance(node, exp.Sqrt) else pl.Expr.log if isinstance(node, exp.Ln) else pl.Expr.exp
        )
        return real(replace(term, expr=function(term.expr), literal=None))

    def power(self, node: exp.Pow) -> Term:
        base, exponent = self.number(node.left), self.number(node.right)
        whole = isinstance(exponent.literal, float) and exponent.literal.is_integer()
        if base.unit not in (None, units.ONE) and not whole:
            self.fail(node, "K301", f"{base.unit} can only be raised to a whole number")
        unit = None if base.unit is None else units.power(base.unit, int(float(str(exponent.literal or 1))))
        return real(joined(base.expr.pow(exponent.expr), "number", unit, base, exponent))

    def text(self, node: exp.Expr) -> Term:
        term = self.term(node.this)
        if term.kind != "text":
            self.fail(node, "K302", f"text is needed here, this is {term.kind}")
        if isinstance(node, exp.Length):
            return replace(term, expr=term.expr.str.len_chars().cast(pl.Float64), kind="number", literal=None)
        if isinstance(node, exp.Upper | exp.Lower):
            written = term.expr.str.to_uppercase() if isinstance(node, exp.Upper) else term.expr.str.to_lowercase()
            return replace(term, expr=written, literal=None)
        length = int(self.number(node.expression).literal or 0)  # type: ignore[call-overload]
        cut = term.expr.str.head(length) if isinstance(node, exp.Left) else term.expr.str.tail(length)
        return replace(term, expr=cut, literal=None)


def _escape(letter: str) -> str:
    return f"\\{letter}" if letter in r"\.+*?()|[]{}^$#&-~" else letter


#: Every kind of node that may stand in an expression, and the method that answers it.
GRAMMAR: dict[type[exp.Expr], Callable[[_Compiler, Any], Term]] = {
    exp.Column: _Compiler.name, exp.Literal: _Compiler.literal, exp.Boolean: _Compiler.truth, exp.Null: _Compiler.null,
    exp.Paren: _Compiler.paren, exp.Neg: _Compiler.minus,
    exp.Add: _Compiler.add, exp.Sub: _Compiler.add, exp.Mul: _Compiler.multiply, exp.Div: _Compiler.divide,
    **dict.fromkeys(_TESTS, _Compiler.test),
    exp.And: _Compiler.logical, exp.Or: _Compiler.logical, exp.Not: _Compiler.negation,
    exp.In: _Compiler.among, exp.Between: _Compiler.between, exp.Is: _Compiler.empty, exp.Like: _Compiler.like,
    exp.Case: _Compiler.case, exp.If: _Compiler.case, exp.Identifier: _Compiler.name,
    exp.Least: _Compiler.extreme, exp.Greatest: _Compiler.extreme, exp.Coalesce: _Compiler.coalesce,
    exp.Abs: _Compiler.absolute, exp.Round: _Compiler.rounded, exp.Pow: _Compiler.power,
    exp.Sqrt: _Compiler.pure, exp.Ln: _Compiler.pure, exp.Exp: _Compiler.pure,
    exp.Length: _Compiler.text, exp.Upper: _Compiler.text, exp.Lower: _Compiler.text,
    exp.Left: _Compiler.text, exp.Right: _Compiler.text,
}  # fmt: skip

#: The functions of the language, as they are written.
FUNCTIONS = (
    "abs", "round", "least", "greatest", "coalesce", "sqrt", "ln", "exp", "power",
    "length", "upper", "lower", "left", "right",
)  # fmt: skip
