"""The grammar of expressions: how each kind of node is compiled into a typed term, with kinds and units checked.

A bare number takes the unit of what it is added to or compared with, as in targets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from operator import add, and_, mul, or_
from typing import Any, NoReturn

import polars as pl
from msgspec.structs import replace
from sqlglot import exp

from kpi.errors import Message, conjunction
from kpi.language.expressions import branches, limits, times
from kpi.language.expressions.terms import (
    ExpressionError,
    Scope,
    Term,
    as_condition,
    assembled,
    comparison,
    joined,
    nonzero,
    real,
    scaled,
    span,
    where,
)
from kpi.values import units
from kpi.values.rounding import BREADTH, Test, rounded
from kpi.values.status import reason
from kpi.values.units import Unit
from kpi.values.working_days import WorkingDays


def resolve(tree: exp.Expr, scope: Scope, calendar: WorkingDays | None = None) -> Term:
    """Compile a tree of the expression language into a typed Polars expression.

    Args:
        tree: what is parsed.
        scope: gives what its names stand for.
        calendar: the working days; without them a difference of dates in working days is not known.

    Raises:
        ExpressionError: for an unknown name, a wrong kind, or units that do not fit.
    """
    return _Compiler(scope, calendar).term(tree)


_DIFFERENCE = Message(
    "write a difference, such as 办结时间 - 受理时间 <= 5 天, or compare with a date: 办结时间 < '2025-07-01'"
)

# Up to so many values are compared one by one, which takes half the time of a lookup.
_FEW = 4

#: The largest exponent.
_MOST_EXPONENT = 99

#: The smallest and the largest scale of a compound unit.
_LEAST_SCALE, _MOST_SCALE = Fraction(1, 10**100), Fraction(10**100)

_TESTS: dict[type[exp.Expr], Test] = {
    exp.EQ: "eq", exp.NEQ: "ne", exp.GT: "gt", exp.GTE: "ge", exp.LT: "lt", exp.LTE: "le",
}  # fmt: skip


class _Compiler:
    """A walk over one tree: each method compiles a kind of node into a `Term`.

    A part that meets a number in working days is walked once more, with its differences of dates counted in them
    (`working`); the terms of both walks are kept, so that no part is walked more than twice.
    """

    def __init__(self, scope: Scope, calendar: WorkingDays | None) -> None:
        self.scope, self.calendar = scope, calendar
        self.compared = 0
        self.working = False
        self.known: dict[tuple[int, bool], Term] = {}

    def term(self, node: exp.Expr) -> Term:
        key = (id(node), self.working)
        if key not in self.known:
            self.known[key] = GRAMMAR[type(node)](self, node)
        return self.known[key]

    @contextmanager
    def counting(self, *, working: bool) -> Iterator[None]:
        """Within the block, differences of dates are counted in working days, or are not."""
        before, self.working = self.working, working
        try:
            yield
        finally:
            self.working = before

    def counted(self, parts: Sequence[exp.Expr]) -> list[Term]:
        """Return the terms of parts that are compared or added, in working days where one of them is in these."""
        terms = [self.term(part) for part in parts]
        if self.working or not any(times.is_working(term.unit) for term in terms):
            return terms
        with self.counting(working=True):
            return [self.term(part) if times.is_span(term) else term for part, term in zip(parts, terms, strict=True)]

    def fail(
        self,
        node: exp.Expr,
        code: str,
        message: Message,
        *,
        hint: Message | None = None,
        label: Message | None = None,
    ) -> NoReturn:
        raise ExpressionError(code, message, span(node), hint=hint, label=label)

    def number(self, node: exp.Expr) -> Term:
        term = self.term(node)
        if term.kind == "time":
            self.undated(node, term)
        if term.kind != "number":
            self.fail(
                node,
                "K302",
                Message("a number is needed here, this is {kind}", kind=term.kind_title),
                label=term.kind_title,
            )
        return term

    def boolean(self, node: exp.Expr) -> Term:
        with self.counting(working=False):
            term = as_condition(self.term(node))
        if term.kind != "boolean":
            self.fail(
                node,
                "K302",
                Message("a condition is needed here, this is {kind}", kind=term.kind_title),
                label=term.kind_title,
            )
        return term

    def same_unit(self, node: exp.Expr, left: Term, right: Term) -> Term:
        """Return the right one of two numbers in the unit of the left one, where both have one."""
        if left.unit is None or right.unit is None:
            return right
        try:
            return scaled(right, units.factor(right.unit, left.unit))
        except units.UnitError:
            pair = Message("{left} and {right}", left=left.unit, right=right.unit)
            hint = Message("only figures of one dimension can be added, subtracted or compared")
            self.fail(node, "K301", Message("{units} do not go together", units=pair), label=pair, hint=hint)

    def undated(self, node: exp.Expr, term: Term) -> NoReturn:
        """Raise for a date where a number is needed."""
        names = [f"`{name}`" for name in term.names] or [Message("this")]
        message = Message(
            "{names} holds dates: two are subtracted or compared, or moved by a duration, and no more",
            names=conjunction(names),
        )
        self.fail(node, "K465", message, hint=_DIFFERENCE, label=Message("a date"))

    def with_unit(self, node: exp.Expr, left: Term, right: Term) -> None:
        """Raise where a duration meets a number that has no unit; 0 needs none."""
        places = (node.left, node.right) if isinstance(node, exp.Binary) else (node, node)
        for item, other, place in ((left, right, places[1]), (right, left, places[0])):
            if not times.has_span(item.unit) or other.unit is not None or other.kind != "number" or other.literal == 0:
                continue
            if isinstance(other.literal, float):
                message = Message("a duration is compared with `{number:g}`, which has no unit", number=other.literal)
                self.fail(
                    place,
                    "K467",
                    message,
                    hint=Message("write the unit of time: {number:g} 天", number=other.literal),
                    label=Message("no unit"),
                )
            what = other.names or (Message("this number"),)
            hint = Message("take a column of durations, or multiply the number by one, such as 1 天")
            self.fail(
                place,
                "K467",
                Message("a duration is compared with {figures}, which has no unit", figures=what),
                hint=hint,
            )

    def dated(self, node: exp.Expr, term: Term) -> Term:
        """Return a text that is compared with a date as a point in time."""
        if term.kind != "text" or not isinstance(term.literal, str):
            return term
        result = times.moment(term.literal)
        if result is None:
            message = Message("a date is compared with `{text}`, which is none", text=term.literal)
            self.fail(node, "K465", message, hint=Message("write it as '2025-07-01'"), label=Message("not a date"))
        return result

    def comparable(self, node: exp.Expr, left: Term, right: Term) -> tuple[Term, Term]:
        """Return two numbers in one unit; durations as whole numbers, so that they compare exactly."""
        self.with_unit(node, left, right)
        other = self.same_unit(node, left, right)
        if times.is_span(left) or times.is_span(right):
            return times.in_micros(left), times.in_micros(right)
        written = next((item for item in (left, right) if item.noise == 0 and _is_duration(node, item)), None)
        if written is not None and (left.unit is None or right.unit is None):
            bare = left if left.unit is None else right
            number = f"{bare.literal:g}" if isinstance(bare.literal, float) else Message("this")
            hint = Message("write the number alone, in the unit of the column, or take a difference of two dates")
            self.fail(
                node,
                "K467",
                Message(
                    "a duration is compared with {figures}, which has no unit of time",
                    figures=bare.names or (number,),
                ),
                hint=hint,
            )
        return left, other

    # ---- LEAVES ---- #

    def duration(self, node: exp.Interval) -> Term:
        return times.duration(node)

    def part_of_date(self, node: exp.Expr) -> Term:
        term = self.dated(node.this, self.term(node.this))
        if term.kind != "time":
            hint = Message("it takes a column of dates, such as 受理时间")
            self.fail(
                node.this,
                "K302",
                Message("a date is needed here, this is {kind}", kind=term.kind_title),
                hint=hint,
                label=term.kind_title,
            )
        return times.part(node, term)

    def name(self, node: exp.Column) -> Term:
        term = self.scope(node.name)
        if term is None:
            self.fail(node, "K203", Message("unknown name `{name}`", name=node.name), label=Message("not defined"))
        return term

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
        chain = _chain(node, exp.Add | exp.Sub)
        parts = [chain[0].left, *(item.right for item in chain)]
        result = self.counted(parts)
        if not any(term.kind == "time" for term in result):
            return self.added(chain, result)
        if any(times.is_working(term.unit) for term in result):
            with self.counting(working=True):
                return self.timed_chain(chain, result)
        return self.timed_chain(chain, result)

    def timed_chain(self, chain: list[Any], terms: list[Term]) -> Term:
        """Return a chain of sums and differences with points in time in it."""
        result = terms[0]
        for item, right in zip(chain, terms[1:], strict=True):
            result = self.timed(item, result, right)
        return result

    def timed(self, node: exp.Binary, left: Term, right: Term) -> Term:
        """Return a sum or difference of two terms, points in time or numbers."""
        subtracts = isinstance(node, exp.Sub)
        if left.kind != "time" and right.kind != "time":
            return self.added([node], [left, right])
        if left.kind == right.kind and subtracts:
            return times.working_days(left, right, self.calendar) if self.working else times.difference(left, right)
        point, other = (left, right) if left.kind == "time" else (right, left)
        if other.kind != "number" or (subtracts and point is right):
            self.undated(node, point)
        if times.is_working(other.unit):
            hint = Message("compare the difference instead: 办结时间 - 受理时间 <= 5 工作日")
            message = Message("a date is not moved by working days")
            self.fail(node, "K467", message, hint=hint, label=Message("working days"))
        if not times.is_duration(other.unit):
            known = other.unit is None and isinstance(other.literal, float)
            hint = (
                Message("write the unit of time: {number:g} 天", number=other.literal)
                if known
                else Message("write a duration, such as 5 天")
            )
            message = (
                Message("a date is moved by a number without a unit")
                if other.unit is None
                else Message("a date is moved by {unit}", unit=other.unit)
            )
            self.fail(node, "K467", message, hint=hint, label=Message("no duration"))
        return times.moved(point, other, back=subtracts)

    def added(self, chain: list[Any], operands: list[Term]) -> Term:
        """Return a sum of numbers, as a chain of nodes joins them."""
        parts = (chain[0].left, *(entry.right for entry in chain))
        for part, term in zip(parts, operands, strict=True):
            if term.kind != "number":
                self.fail(
                    part,
                    "K302",
                    Message("a number is needed here, this is {kind}", kind=term.kind_title),
                    label=term.kind_title,
                )
        terms = [operands[0]]
        unit = terms[0].unit
        pieces = [terms[0].expr]
        for item, term in zip(chain, operands[1:], strict=True):
            right = term
            self.with_unit(item, replace(terms[0], unit=unit), right)
            subtracts = isinstance(item, exp.Sub)
            if unit is None or right.unit is None:
                unit = unit or right.unit
            else:
                unit, factor = self._sum(item, unit, right.unit, subtracts=subtracts)
                right = scaled(right, factor)
            terms.append(right)
            pieces.append(-right.expr if subtracts else right.expr)
        noise = max(BREADTH, *(term.noise for term in terms))
        size = assembled([term.magnitude for term in terms], add)
        if len(chain) == 1 and isinstance(chain[0], exp.Sub):
            result = terms[0].expr - terms[1].expr
        else:
            result = assembled(pieces, add)
        return replace(joined(result, "number", unit, *terms), noise=noise, size=size)

    def _sum(self, node: exp.Expr, left: Unit, right: Unit, *, subtracts: bool) -> tuple[Unit, float]:
        try:
            return (units.subtract if subtracts else units.add)(left, right)
        except units.UnitError as error:
            message = (
                Message("cannot subtract {right} from {left}", left=left, right=right)
                if subtracts
                else Message("cannot add {right} to {left}", left=left, right=right)
            )
            hint = error.hint or Message("only figures of one dimension can be added, subtracted or compared")
            self.fail(
                node,
                "K301",
                message,
                label=Message("{left} and {right}", left=left, right=right),
                hint=hint,
            )

    def multiply(self, node: exp.Mul) -> Term:
        chain = _chain(node, exp.Mul)
        terms = [self.number(chain[0].left), *(self.number(item.right) for item in chain)]
        unit = terms[0].unit
        for item, term in zip(chain, terms[1:], strict=True):
            if unit is not None and term.unit is not None:
                unit = self.bounded(item, units.multiply(unit, term.unit))
            else:
                unit = unit or term.unit
        sized = any(term.size is not None for term in terms)
        size = assembled([term.magnitude for term in terms], mul) if sized else None
        term = joined(assembled([term.expr for term in terms], mul), "number", unit, *terms)
        return replace(term, noise=max(term.noise, BREADTH), size=size)

    def bounded(self, node: exp.Expr, unit: Unit) -> Unit:
        """Return a unit that is a product of others, as long as numbers in it can be converted."""
        if not _LEAST_SCALE <= unit.scale <= _MOST_SCALE:
            hint = Message("numbers are multiplied by few figures with a unit, and by any number of pure ones")
            message = Message("{unit} is beyond what figures are counted in", unit=unit)
            self.fail(node, "K301", message, hint=hint, label=Message("too large or too small"))
        return unit

    def divide(self, node: exp.Div) -> Term:
        self.number(node.left), self.number(node.right)
        left, right = self.counted([node.left, node.right])
        unit = left.unit
        if (times.is_span(left) or times.is_span(right)) and all(
            times.is_duration(item.unit) for item in (left, right)
        ):
            left, right = times.in_micros(left), times.in_micros(right)
            unit = units.ONE
        elif times.is_span(right):
            message = Message("a number is divided by a duration, and the unit of time is not said")
            hint = Message("divide by a number of days: ((办结时间 - 受理时间) / 1 天)")
            self.fail(node.right, "K467", message, hint=hint, label=Message("no unit"))
        elif right.unit is not None:
            unit = self.bounded(node, units.divide(left.unit or units.ONE, right.unit))
        # Nothing comes out of a division by zero, so that no condition can hold of it, and a CASE can step around it.
        safe = isinstance(right.literal, float) and right.literal != 0
        below = right.expr if safe else pl.when(nonzero(right)).then(right.expr)
        term = joined(left.expr / below, "number", unit, left, right)
        size = None if left.size is None and right.size is None else left.magnitude / below.abs()
        if size is not None and right.size is not None:
            size = size * (right.size / below.abs())
        voids = term.voids if safe else (*term.voids, (~nonzero(right), reason("zero_denominator")))
        return replace(term, noise=max(term.noise, BREADTH), size=size, voids=voids)

    # ---- CONDITIONS ---- #

    def test(self, node: exp.Binary) -> Term:
        left, right = self.counted([node.left, node.right])
        method = _TESTS[type(node)]
        if "time" in (left.kind, right.kind):
            left, right = self.dated(node.left, left), self.dated(node.right, right)
            if left.kind == right.kind:
                return joined(times.compared(method, left, right), "boolean", None, left, right)
            self.undated(node, left if left.kind == "time" else right)
        if left.kind != right.kind:
            self.fail(
                node,
                "K302",
                Message("{left} is compared with {right}", left=left.kind_title, right=right.kind_title),
                label=Message("{left} and {right}", left=left.kind_title, right=right.kind_title),
            )
        if left.kind == "number":
            left, right = self.comparable(node, left, right)
            return joined(comparison(method, left, right), "boolean", None, left, right)
        return joined(getattr(left.expr, method)(right.expr), "boolean", None, left, right)

    def logical(self, node: exp.And | exp.Or) -> Term:
        chain = _chain(node, type(node))
        terms = [self.boolean(chain[0].left), *(self.boolean(item.right) for item in chain)]
        expr = assembled([term.expr for term in terms], and_ if isinstance(node, exp.And) else or_)
        term = joined(expr, "boolean", None, *terms)
        asks = any(item.asks_absence for item in terms)
        # What one side decides alone does not need the other.
        gaps, bars = where(expr.is_null(), term.gaps), where(expr.is_null(), term.bars)
        return replace(term, gaps=gaps, bars=bars, asks_absence=asks)

    def negation(self, node: exp.Not) -> Term:
        term = self.boolean(node.this)
        return replace(term, expr=~term.expr)

    def among(self, node: exp.In) -> Term:
        this, *options = self.counted([node.this, *node.expressions])
        if this.kind == "time":
            options = [self.dated(part, item) for part, item in zip(node.expressions, options, strict=True)]
            if all(option.kind == "time" for option in options):
                tests = [times.compared("eq", this, option) for option in options]
                return joined(assembled(tests, or_), "boolean", None, this, *options)
        if times.is_span(this) or any(
            _is_duration(part, item) for part, item in zip(node.expressions, options, strict=True)
        ):
            tests = [
                comparison("eq", *self.comparable(node, this, option)) for option in options if option.kind == "number"
            ]
            return joined(assembled(tests, or_), "boolean", None, this, *options)
        if any(option.kind != this.kind or option.literal is None for option in options):
            hint = Message("write all in quotes, or all as numbers")
            self.fail(node, "K302", Message("IN needs a list of {kind} values", kind=this.kind_title), hint=hint)
        if this.noise:
            self.compared += len(options)
            if self.compared > limits.COMPARED:
                message = Message("IN compares a computed number with at most {most} values", most=limits.COMPARED)
                hint = Message("compare a figure as it was reported, or use BETWEEN")
                self.fail(node, "K132", message, hint=hint, label=Message("too many"))
            test = assembled([comparison("eq", this, option) for option in options], or_)
            return joined(test, "boolean", None, this)
        dtype = pl.String if this.kind == "text" else pl.Float64
        values = pl.Series([option.literal for option in options], dtype=dtype)
        few = len(values) <= _FEW
        test = assembled([this.expr == value for value in values], or_) if few else this.expr.is_in(values.implode())
        return joined(test, "boolean", None, this, *options)

    def between(self, node: exp.Between) -> Term:
        this, low, high = self.counted([node.this, node.args["low"], node.args["high"]])
        if this.kind == "time":
            low, high = self.dated(node.args["low"], low), self.dated(node.args["high"], high)
        if not this.kind == low.kind == high.kind:
            self.fail(
                node,
                "K302",
                Message(
                    "{kind} is compared with {low} and {high}",
                    kind=this.kind_title,
                    low=low.kind_title,
                    high=high.kind_title,
                ),
            )
        if this.kind == "number":
            inside = comparison("ge", *self.comparable(node, this, low))
            inside &= comparison("le", *self.comparable(node, this, high))
        elif this.kind == "time":
            inside = times.compared("ge", this, low) & times.compared("le", this, high)
        else:
            inside = (this.expr >= low.expr) & (this.expr <= high.expr)
        return joined(inside, "boolean", None, this, low, high)

    def empty(self, node: exp.Is) -> Term:
        term = self.term(node.this)
        if not isinstance(node.expression, exp.Null):
            self.fail(node, "K121", Message("only IS NULL and IS NOT NULL are part of the expression language"))
        # A figure that was refused, or covers its period only in part, is neither there nor missing.
        barred = term.barred
        absent = term.expr.is_null() if barred is None else pl.when(~barred).then(term.expr.is_null())
        return Term(
            absent, "boolean", gaps=term.bars, bars=term.bars, names=term.names, asks_absence=True,
            uncounted=term.uncounted,
        )  # fmt: skip

    def like(self, node: exp.Like) -> Term:
        this, pattern = self.term(node.this), self.term(node.expression)
        if this.kind != "text" or not isinstance(pattern.literal, str):
            self.fail(node, "K302", Message("LIKE compares text with a text pattern"))
        wildcards = {"%": "(?s:.*)", "_": "(?s:.{%d})"}
        parts = limits.pattern(pattern.literal)
        escaped = "".join(
            wildcards[sign].replace("%d", str(n)) if sign in wildcards else _escape(sign) for sign, n in parts
        )
        return joined(this.expr.str.contains(f"^{escaped}$"), "boolean", None, this)

    def case(self, node: exp.Case) -> Term:
        if node.this is not None:
            self.fail(node, "K121", Message("write CASE WHEN condition THEN value ... END"))
        conditions = [self.boolean(branch.this) for branch in node.args["ifs"]]
        default = node.args.get("default")
        values = [branch.args["true"] for branch in node.args["ifs"]] + ([default] if default is not None else [])
        return branches.case(conditions, self.alike(node, values))

    def alike(self, node: exp.Expr, parts: list[exp.Expr]) -> list[Term]:
        """Return terms of one kind, brought into one unit."""
        terms = self.counted(parts)
        if len({term.kind for term in terms}) > 1:
            self.fail(
                node,
                "K302",
                Message("the values are of different kinds: {kinds}", kinds=tuple(term.kind_title for term in terms)),
            )
        first = next((term for term in terms if term.unit is not None), terms[0])
        return [
            replace(self.same_unit(node, first, term), unit=first.unit)
            if term.kind == "number" and term is not first
            else term
            for term in terms
        ]

    # ---- FUNCTIONS ---- #

    def extreme(self, node: exp.Least | exp.Greatest) -> Term:
        terms = self.alike(node, list(_alternatives(node)))
        kind = "time" if terms[0].kind == "time" else "number"
        fold = pl.min_horizontal if isinstance(node, exp.Least) else pl.max_horizontal
        # What is missing is neither less nor greater than the rest: the rest alone is no answer.
        there = pl.all_horizontal([term.expr.is_not_null() for term in terms])
        term = joined(
            pl.when(there).then(fold(*(term.expr for term in terms))), kind, terms[0].unit, *terms
        )  # fmt: skip
        return replace(term, size=_size(terms))

    def coalesce(self, node: exp.Coalesce) -> Term:
        terms = self.alike(node, list(_alternatives(node)))
        return branches.coalesce(terms, _size(terms))

    def absolute(self, node: exp.Abs) -> Term:
        term = self.number(node.this)
        return replace(term, expr=term.expr.abs(), literal=None)

    def rounded(self, node: exp.Round) -> Term:
        term, decimals = self.number(node.this), node.args.get("decimals")
        places = 0 if decimals is None else _whole(decimals)
        if places is None or places > 9:
            self.fail(
                node,
                "K121",
                Message("round needs a number of decimals from 0 to 9"),
                hint=Message("write it as round(x, 2)"),
            )
        return replace(term, expr=rounded(term.expr, places), literal=None, noise=BREADTH, size=None)

    def pure(self, node: exp.Expr) -> Term:
        term = self.number(node.this)
        if term.unit not in (None, units.ONE):
            self.fail(
                node,
                "K301",
                Message("{function} needs a pure number, this is {unit}", function=node.key, unit=term.unit),
                label=Message("{unit}", unit=term.unit),
            )
        function = (
            pl.Expr.sqrt if isinstance(node, exp.Sqrt) else pl.Expr.log if isinstance(node, exp.Ln) else pl.Expr.exp
        )
        return real(replace(term, expr=function(term.expr), literal=None))

    def power(self, node: exp.Pow) -> Term:
        base, exponent = self.number(node.left), self.number(node.right)
        if isinstance(exponent.literal, float) and abs(exponent.literal) > _MOST_EXPONENT:
            hint = Message("exponents go from -{most} to {most}", most=_MOST_EXPONENT)
            self.fail(
                node,
                "K133",
                Message("{number:g} is no exponent of a figure", number=exponent.literal),
                hint=hint,
                label=Message("too large"),
            )
        whole = isinstance(exponent.literal, float) and exponent.literal.is_integer()
        if base.unit not in (None, units.ONE) and not whole:
            self.fail(node, "K301", Message("{unit} can only be raised to a whole number", unit=base.unit))
        unit = None
        if base.unit is not None:
            exponents = int(exponent.literal) if isinstance(exponent.literal, float) and whole else 1
            unit = self.bounded(node, units.power(base.unit, exponents))
        return real(joined(base.expr.pow(exponent.expr), "number", unit, base, exponent))

    def text(self, node: exp.Expr) -> Term:
        term = self.term(node.this)
        if term.kind != "text":
            self.fail(node, "K302", Message("text is needed here, this is {kind}", kind=term.kind_title))
        if isinstance(node, exp.Length):
            return replace(term, expr=term.expr.str.len_chars().cast(pl.Float64), kind="number", literal=None)
        if isinstance(node, exp.Upper | exp.Lower):
            written = term.expr.str.to_uppercase() if isinstance(node, exp.Upper) else term.expr.str.to_lowercase()
            return replace(term, expr=written, literal=None)
        length = _whole(node.expression)
        if length is None or length > limits.LETTERS:
            message = Message(
                "{function} takes a whole number of characters up to {most:,}", function=node.key, most=limits.LETTERS
            )
            self.fail(
                node,
                "K133",
                message,
                hint=Message("write it as {function}(code, 4)", function=node.key),
                label=Message("how many?"),
            )
        cut = term.expr.str.head(length) if isinstance(node, exp.Left) else term.expr.str.tail(length)
        return replace(term, expr=cut, literal=None)


def _is_duration(node: exp.Expr, term: Term) -> bool:
    """Return whether a term is a duration written in the expression, or is computed from one alone."""
    is_time = times.is_duration(term.unit) or times.is_working(term.unit)
    return is_time and any(True for _ in node.find_all(exp.Interval)) and not term.names


def _size(terms: list[Term]) -> pl.Expr | None:
    """Return the size of the largest of some terms, None if none has a size of its own."""
    if all(term.size is None for term in terms):
        return None
    return pl.max_horizontal([term.magnitude for term in terms])


def _whole(node: exp.Expr) -> int | None:
    """Return a literal as a whole number of at most nine digits, None if it is none."""
    text = node.name if isinstance(node, exp.Literal) and not node.is_string else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None


def _chain(node: exp.Expr, kinds: Any) -> list[Any]:
    """Return a chain of one operator, `a + b - c`, as its nodes from the left."""
    nodes = [node]
    while isinstance(nodes[-1].args["this"], kinds):
        nodes.append(nodes[-1].args["this"])
    return nodes[::-1]


def _alternatives(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the arguments of a function, with nested calls of the same function flattened."""
    for part in (node.this, *node.expressions):
        if type(part.unnest()) is type(node):
            yield from _alternatives(part.unnest())
        else:
            yield part


def _escape(letter: str) -> str:
    return f"\\{letter}" if letter in r"\.+*?()|[]{}^$#&-~" else letter


#: The kinds of nodes of the language, each with the method that compiles it.
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
    exp.Interval: _Compiler.duration,
    **dict.fromkeys((exp.Year, exp.Month, exp.DayOfWeekIso, exp.Hour), _Compiler.part_of_date),
}  # fmt: skip

#: The functions of the language, as they are written.
FUNCTIONS = (
    "abs", "round", "least", "greatest", "coalesce", "sqrt", "ln", "exp", "power",
    "length", "upper", "lower", "left", "right", "year", "month", "weekday", "hour",
)  # fmt: skip
