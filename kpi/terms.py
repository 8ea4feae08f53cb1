"""Typed terms: the tree of an expression becomes Polars, with kinds and units checked at every node.

A bare number takes the unit of what it is added to or compared with, as in targets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import polars as pl
from sqlglot import exp

from kpi import units
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
    `zero` lists what must not be zero for the value to exist; `needs` the names whose value it cannot do without.
    """

    expr: pl.Expr
    kind: str
    unit: Unit | None = None
    zero: tuple[pl.Expr, ...] = ()
    needs: tuple[str, ...] = ()
    literal: object = None


#: Looks up what a name stands for; None when there is no such name.
Scope = Callable[[str], Term | None]


def resolve(tree: exp.Expr, scope: Scope) -> Term:
    """Returns a tree of the expression language as a typed Polars expression.

    Raises:
        ExpressionError: for an unknown name, a wrong kind, or units that do not fit.
    """
    return _Compiler(scope).term(tree)


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
            self.fail(
                node, "K301", f"{left.unit} and {right.unit} do not go together",
                label=f"{left.unit} and {right.unit}",
                hint="only figures of one dimension can be added, subtracted or compared",
            )  # fmt: skip
        return left.expr, _scaled(right.expr, factor), left.unit

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
            second = _scaled(right.expr, factor)
        return _joined(left.expr - second if subtracts else left.expr + second, "number", unit, left, right)

    def multiply(self, node: exp.Mul) -> Term:
        left, right = self.number(node.left), self.number(node.right)
        unit = units.multiply(left.unit, right.unit) if left.unit and right.unit else left.unit or right.unit
        return _joined(left.expr * right.expr, "number", unit, left, right)

    def divide(self, node: exp.Div) -> Term:
        left, right = self.number(node.left), self.number(node.right)
        unit = left.unit if right.unit is None else units.divide(left.unit or units.ONE, right.unit)
        # Nothing comes out of a division by zero, so that no condition can hold of it, and a CASE can step around it.
        safe = isinstance(right.literal, float) and right.literal != 0
        below = right.expr if safe else pl.when(right.expr != 0).then(right.expr)
        term = _joined(left.expr / below, "number", unit, left, right)
        return term if safe else replace(term, zero=(*term.zero, right.expr))

    # ---- CONDITIONS ---- #

    def test(self, node: exp.Binary) -> Term:
        left, right = self.term(node.left), self.term(node.right)
        method = _TESTS[type(node)]
        if left.kind != right.kind:
            self.fail(node, "K302", f"{left.kind} is compared with {right.kind}", label=f"{left.kind} and {right.kind}")
        a, b = left.expr, right.expr
        if left.kind == "number":
            a, b, _ = self.same_unit(node, left, right)
        return _joined(getattr(a, method)(b), "boolean", None, left, right)

    def both(self, node: exp.And) -> Term:
        left, right = self.boolean(node.left), self.boolean(node.right)
        return _joined(left.expr & right.expr, "boolean", None, left, right)

    def either(self, node: exp.Or) -> Term:
        left, right = self.boolean(node.left), self.boolean(node.right)
        return _joined(left.expr | right.expr, "boolean", None, left, right)

    def negation(self, node: exp.Not) -> Term:
        term = self.boolean(node.this)
        return replace(term, expr=~term.expr)

    def among(self, node: exp.In) -> Term:
        this = self.term(node.this)
        options = [self.term(one) for one in node.expressions]
        if any(one.kind != this.kind or one.literal is None for one in options):
            self.fail(
                node, "K302", f"IN needs a list of {this.kind} values", hint="write all in quotes, or all as numbers"
            )
        dtype = pl.String if this.kind == "text" else pl.Float64
        values = pl.Series([one.literal for one in options], dtype=dtype)
        return _joined(this.expr.is_in(values.implode()), "boolean", None, this, *options)

    def between(self, node: exp.Between) -> Term:
        this, low, high = self.term(node.this), self.term(node.args["low"]), self.term(node.args["high"])
        if not this.kind == low.kind == high.kind:
            self.fail(node, "K302", f"{this.kind} is compared with {low.kind} and {high.kind}")
        a, b = low.expr, high.expr
        if this.kind == "number":
            _, a, _ = self.same_unit(node, this, low)
            _, b, _ = self.same_unit(node, this, high)
        return _joined((this.expr >= a) & (this.expr <= b), "boolean", None, this, low, high)

    def empty(self, node: exp.Is) -> Term:
        term = self.term(node.this)
        if not isinstance(node.expression, exp.Null):
            self.fail(node, "K121", "only IS NULL and IS NOT NULL are part of the expression language")
        return Term(term.expr.is_null(), "boolean", zero=term.zero)

    def like(self, node: exp.Like) -> Term:
        this, pattern = self.term(node.this), self.term(node.expression)
        if this.kind != "text" or not isinstance(pattern.literal, str):
            self.fail(node, "K302", "LIKE compares text with a text pattern")
        escaped = "".join({"%": "(?s:.*)", "_": "(?s:.)"}.get(letter, _escape(letter)) for letter in pattern.literal)
        return _joined(this.expr.str.contains(f"^{escaped}$"), "boolean", None, this)

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
        return _joined(result, values[0].kind, values[0].unit, *conditions, *values)

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
        return _joined(fold(*(term.expr for term in terms)), "number", terms[0].unit, *terms)

    def coalesce(self, node: exp.Coalesce) -> Term:
        terms = self.alike(node, [node.this, *node.expressions])
        term = _joined(pl.coalesce(*(term.expr for term in terms)), terms[0].kind, terms[0].unit, *terms)
        return replace(term, needs=())

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
        value = term.expr
        value = value.sqrt() if isinstance(node, exp.Sqrt) else value.log() if isinstance(node, exp.Ln) else value.exp()
        return replace(term, expr=value, literal=None)

    def power(self, node: exp.Pow) -> Term:
        base, exponent = self.number(node.left), self.number(node.right)
        if base.unit not in (None, units.ONE) and not (
            isinstance(exponent.literal, float) and exponent.literal.is_integer()
        ):
            self.fail(node, "K301", f"{base.unit} can only be raised to a whole number")
        unit = None if base.unit is None else units.power(base.unit, int(float(str(exponent.literal or 1))))
        return _joined(base.expr.pow(exponent.expr), "number", unit, base, exponent)

    def text(self, node: exp.Expr) -> Term:
        term = self.term(node.this)
        if term.kind != "text":
            self.fail(node, "K302", f"text is needed here, this is {term.kind}")
        match node:
            case exp.Length():
                return replace(term, expr=term.expr.str.len_chars().cast(pl.Float64), kind="number", literal=None)
            case exp.Upper():
                return replace(term, expr=term.expr.str.to_uppercase(), literal=None)
            case exp.Lower():
                return replace(term, expr=term.expr.str.to_lowercase(), literal=None)
        length = int(self.number(node.expression).literal or 0)  # type: ignore[call-overload]
        cut = term.expr.str.head(length) if isinstance(node, exp.Left) else term.expr.str.tail(length)
        return replace(term, expr=cut, literal=None)


def _scaled(expr: pl.Expr, factor: float) -> pl.Expr:
    return expr if factor == 1 else expr * factor


def _joined(expr: pl.Expr, kind: str, unit: Unit | None, *parts: Term) -> Term:
    """A term made of parts: it needs what they need, and what must not be zero in them must not be zero in it."""
    zero = tuple(one for part in parts for one in part.zero)
    needs = tuple(dict.fromkeys(one for part in parts for one in part.needs))
    return Term(expr, kind, unit, zero, needs)


def _escape(letter: str) -> str:
    return f"\\{letter}" if letter in r"\.+*?()|[]{}^$#&-~" else letter


#: Every kind of node that may stand in an expression, and the method that answers it.
GRAMMAR: dict[type[exp.Expr], Callable[[_Compiler, Any], Term]] = {
    exp.Column: _Compiler.name, exp.Literal: _Compiler.literal, exp.Boolean: _Compiler.truth, exp.Null: _Compiler.null,
    exp.Paren: _Compiler.paren, exp.Neg: _Compiler.minus,
    exp.Add: _Compiler.add, exp.Sub: _Compiler.add, exp.Mul: _Compiler.multiply, exp.Div: _Compiler.divide,
    **dict.fromkeys(_TESTS, _Compiler.test),
    exp.And: _Compiler.both, exp.Or: _Compiler.either, exp.Not: _Compiler.negation,
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
