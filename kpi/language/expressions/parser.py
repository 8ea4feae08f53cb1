"""Expressions in definitions: a small checked subset of SQL, turned into a typed tree and then into Polars.

`where:` and `expr:` are parsed with sqlglot. Every name, function and unit is checked with its position in the text;
nothing is evaluated, and no text ever reaches Polars' own SQL, which can open files.
"""

from __future__ import annotations

import contextvars
import functools
import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from kpi.errors import Message, suggest
from kpi.language.expressions import grammar, limits, times
from kpi.language.expressions.grammar import FUNCTIONS, GRAMMAR
from kpi.language.expressions.terms import ExpressionError, Scope, Term, span
from kpi.values.doubles import double, is_exact
from kpi.values.working_days import WorkingDays

#: Signs that Chinese input methods write, and what an expression needs instead.
FULL_WIDTH = {
    "（": "(", "）": ")", "＋": "+", "－": "-", "×": "*", "＊": "*", "÷": "/", "／": "/", "，": ",", "！": "!",
    "％": "%", "＝": "=", "≠": "<>", "＜": "<", "＞": ">", "≤": "<=", "≥": ">=", "“": "'", "”": "'", "‘": "'", "’": "'",
}  # fmt: skip
T = TypeVar("T")


@dataclass(frozen=True)
class Expression:
    """A parsed expression: its text and its tree."""

    text: str
    tree: exp.Expr = field(compare=False)

    def names(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """Yield every name in the expression with its offset and length."""
        for node in self.tree.find_all(exp.Column):
            yield node.name, span(node)

    def column_kinds(self) -> dict[str, str]:
        """Return for every name the kind that its use implies: number or text.

        A name is a number when it meets a number, an arithmetic operation or an order comparison with another name;
        text when it meets text, LIKE or a text function.

        >>> parse("渠道 IN ('网上') AND 等待分钟 > 3").column_kinds()
        {'渠道': 'text', '等待分钟': 'number'}
        """
        kinds: dict[str, str] = {}
        for name in self.tree.find_all(exp.Column):
            kind = _implied_kind(name)
            if kind or name.name not in kinds:
                kinds[name.name] = kind or kinds.get(name.name) or "text"
        return kinds

    def tells_blank(self) -> set[str]:
        """Return the names for which it matters whether a cell is empty or a text of blanks.

        It does not where a name is only tested for equality with texts that are not blank, and the tests are joined by
        AND and OR: the row does not match either way.

        >>> parse("渠道 IN ('网上') AND (类型 = 'a' OR 环节 <> 'b' OR 备注 IS NULL)").tells_blank() == {"环节", "备注"}
        True
        """
        return {name.name for name in self.tree.find_all(exp.Column) if not _is_plain(name)}

    def resolve(self, scope: Scope, calendar: WorkingDays | None = None) -> Term:
        """Return the expression as a typed Polars expression; `calendar` gives the working days.

        Raises:
            ExpressionError: for an unknown name, a function outside the subset, or units that do not fit.
        """
        try:
            return _with_room(lambda: grammar.resolve(self.tree, scope, calendar))
        except ExpressionError as error:
            error.span = _whole(self.text, error.span)
            raise


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """Parse a text of the SQL subset.

    >>> [name for name, _ in parse("gdp / 人口 * 100").names()]
    ['gdp', '人口']

    Raises:
        ExpressionError: when the text is not one expression of the subset, or beyond `limits`, with the offset of
            the first wrong part.
    """
    _look(text)
    durations = times.written(limits.masked(text))
    _of_fixed_length(text)
    plain = text
    for _, (start, length) in durations.values():
        plain = plain[:start] + " " * length + plain[start + length :]
    try:
        tree: exp.Expr = _with_room(lambda: sqlglot.parse_one(plain))
    except SqlglotError as error:
        raise _syntax(text, error) from None
    except (AttributeError, IndexError, RecursionError, TypeError, ValueError):
        # sqlglot fails on some texts that are no expression, such as names of types without what they need.
        raise ExpressionError("K120", Message("the expression cannot be understood"), (0, max(len(text), 1))) from None
    tree = _with_weekdays(tree)
    for node in tree.walk():
        if _is_foreign(node):
            _refuse(text, node)
        if isinstance(node, exp.In) and not node.expressions:
            hint = Message("write them in parentheses, such as IN ('a', 'b')")
            raise ExpressionError("K120", Message("IN needs a list of values"), _whole(text, span(node)), hint=hint)
        if isinstance(node, exp.Literal) and not node.is_string:
            _check_number(node)
        if isinstance(node, exp.Column) and node.table:
            raise ExpressionError(
                "K120", Message("a name has no dot in it"), span(node), hint=Message("put names with dots into quotes")
            )
        if odd := [key for key, value in node.args.items() if value and key not in _ARGUMENTS]:
            _refuse_argument(text, node, odd[0])
    tree = _with_durations(tree, durations)
    limits.check_tree(tree)
    return Expression(text, tree)


def _with_weekdays(tree: exp.Expr) -> exp.Expr:
    """Return a tree with calls of `weekday`, which sqlglot lacks, as nodes of their own."""
    for node in list(tree.find_all(exp.Anonymous)):
        if str(node.this).lower() == "weekday" and len(node.expressions) == 1:
            known = exp.DayOfWeekIso(this=node.expressions[0])
            known.meta.update(node.meta)
            tree = known if node is tree else tree
            node.replace(known)
    return tree


def _with_durations(tree: exp.Expr, durations: Mapping[int, tuple[str, tuple[int, int]]]) -> exp.Expr:
    """Return a tree with the numbers that have a unit of time behind them as durations."""
    for node in list(tree.find_all(exp.Literal)) if durations else []:
        if node.is_string or (unit := durations.get(node.meta.get("end", -2) + 1)) is None:
            continue
        word, (start, length) = unit
        named = exp.Var(this=word)
        named.meta.update(start=start, end=start + length - 1)
        result = exp.Interval(this=node.copy(), unit=named)
        tree = result if node is tree else tree
        node.replace(result)
    return tree


def _with_room(work: Callable[[], T]) -> T:
    """Return the result of a function, run in a thread if the caller has left too little of the stack."""
    try:
        return work()
    except RecursionError:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(contextvars.copy_context().run, work).result()


def _check_number(node: exp.Literal) -> None:
    """Raise for a literal that is no number, or that no double holds."""
    if not _finite(node.name):
        message = Message("`{text}` is not a number", text=node.name)
        raise ExpressionError("K120", message, span(node), hint=Message("write it as 1200 or 1.2e3"))
    if not is_exact(double(node.name)):
        message = Message("`{text}` is too small to tell from zero", text=node.name)
        hint = Message("write 0, or a number that is not so near to it")
        raise ExpressionError("K120", message, span(node), hint=hint, label=Message("too small"))


def _finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _look(text: str) -> None:
    """Raise, before parsing, for an empty text, full-width signs and parentheses without a partner."""
    if not text.strip():
        raise ExpressionError(
            "K120", Message("the expression is empty"), (0, 1), hint=Message("write one, such as gdp / population")
        )
    plain = limits.masked(text)
    limits.check_text(plain)
    for place, letter in enumerate(plain):
        if letter in FULL_WIDTH:
            hint = Message(
                "write `{sign}`; a column's name that holds `{letter}` goes into double quotes",
                sign=FULL_WIDTH[letter],
                letter=letter,
            )
            raise ExpressionError(
                "K120",
                Message("`{letter}` is full-width", letter=letter),
                (place, 1),
                hint=hint,
                label=Message("full-width"),
            )
    opened = []
    for place, letter in enumerate(plain):
        if letter == "(":
            opened.append(place)
        elif letter == ")" and not opened:
            raise ExpressionError(
                "K120", Message("a parenthesis is closed that was not opened"), (place, 1), hint=Message("take it away")
            )
        elif letter == ")":
            opened.pop()
    if opened:
        raise ExpressionError(
            "K120",
            Message("a parenthesis is not closed"),
            (opened[-1], 1),
            hint=Message("add `)`"),
            label=Message("opened here"),
        )


def _whole(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """Return a span with the closing parentheses that belong to it, which the parser leaves out."""
    start, end = span[0], span[0] + span[1]
    while text[start:end].count("(") > text[start:end].count(")") and (more := text.find(")", end)) >= 0:
        end = more + 1
    return start, end - start


def _of_fixed_length(text: str) -> None:
    """Raise ExpressionError for a number of months or years, which have no fixed length."""
    if (place := times.without_length(limits.masked(text))) is not None:
        written = text[place[0] : sum(place)]
        message = Message("`{text}` has no fixed length: a month has 28 to 31 days", text=written)
        hint = Message("write days: 30 天, or 20 工作日")
        raise ExpressionError("K467", message, place, hint=hint, label=Message("of no fixed length"))


def _syntax(text: str, error: SqlglotError) -> ExpressionError:
    details = getattr(error, "errors", None) or [{}]
    highlight = details[0].get("highlight") or ""
    offset = len(details[0].get("start_context") or "") if highlight else max(len(text) - 1, 0)
    message = (
        Message("the expression cannot be read at `{text}`", text=highlight)
        if highlight
        else Message("the expression cannot be read")
    )
    hint = Message("each operator stands between two figures")
    return ExpressionError("K120", message, (offset, max(len(highlight), 1)), hint=hint, label=Message("here"))


#: What stands in the text for kinds of nodes that carry no position of their own.
_SIGNS = {
    "block": ";", "dot": ".", "dpipe": "||", "mod": "%", "window": "OVER", "alias": "AS", "cast": "::",
    "subquery": "SELECT", "bracket": "[",
}  # fmt: skip
_AGGREGATES = {"sum", "avg", "mean", "count", "min", "max", "median"}


def _is_foreign(node: exp.Expr) -> bool:
    """Return whether a node is not of the language: an IF outside of CASE, and INTERVAL as SQL writes it, neither."""
    lone = isinstance(node, exp.If) and not isinstance(node.parent, exp.Case)
    return type(node) not in GRAMMAR or lone or isinstance(node, exp.Interval)


def _refuse(text: str, node: exp.Expr) -> NoReturn:
    if isinstance(node, exp.Interval):
        message = Message("INTERVAL is not part of the expression language")
        hint = Message("write a duration as 5 天 or 36 小时")
        raise ExpressionError("K121", message, _whole(text, span(node)), hint=hint)
    sign = _SIGNS.get(node.key, "")
    at = text.upper().find(sign) if sign else -1
    if "start" in node.meta:
        place = (node.meta["start"], node.meta["end"] + 1 - node.meta["start"])
    else:
        place = (at, len(sign)) if at >= 0 else _whole(text, span(node))
    name = text[place[0] : place[0] + place[1]]
    near = suggest(name, FUNCTIONS) if isinstance(node, exp.Func) else None
    if name.lower() in _AGGREGATES:
        near = Message(
            "figures are aggregated in measures; of several figures of one entity there are least and greatest"
        )
    hint = near or Message(
        "what there is: + - * / comparisons AND OR NOT IN BETWEEN LIKE CASE, {functions}", functions=FUNCTIONS
    )
    message = Message("`{name}` is not part of the expression language", name=name)
    raise ExpressionError("K121", message, place, hint=hint, label=Message("not known"))


#: The arguments of nodes that the language has; any other changes the meaning of a node.
_ARGUMENTS = {
    "this", "expression", "expressions", "quoted", "is_string", "decimals", "low", "high", "ifs", "true", "default",
    "ignore_nulls",
}  # fmt: skip


def _refuse_argument(text: str, node: exp.Expr, key: str) -> NoReturn:
    value = node.args[key]
    at = value if isinstance(value, exp.Expr) and "start" in getattr(value, "meta", {}) else node
    place = _whole(text, span(at))
    message = Message(
        "`{text}` has more in it than the expression language knows", text=text[place[0] : place[0] + place[1]]
    )
    if isinstance(node, exp.Func):
        message = Message("`{function}` has more arguments than the expression language knows", function=node.key)
    hint = (
        Message("take away what stands behind the figure")
        if isinstance(node, exp.Func)
        else Message("write it without")
    )
    raise ExpressionError("K121", message, place, hint=hint, label=Message("too much"))


def _implied_kind(name: exp.Column) -> str | None:
    parent = name.parent
    while isinstance(parent, exp.Paren | exp.Neg | exp.Case | exp.If):
        if isinstance(parent, exp.Neg):
            return "number"
        parent = parent.parent
    if isinstance(parent, _NUMERIC):
        return "number"
    if isinstance(parent, exp.Like | exp.Upper | exp.Lower | exp.Length | exp.Left | exp.Right):
        return "text"
    others = list(parent.find_all(exp.Literal)) if parent is not None and _is_test(parent) else []
    if others:
        return "text" if all(node.is_string for node in others) else "number"
    return "number" if isinstance(parent, exp.GT | exp.GTE | exp.LT | exp.LTE) else None


def _is_plain(name: exp.Column) -> bool:
    """Return whether a name is tested for equality with texts, under nothing but AND and OR."""
    test = name.parent
    if isinstance(test, exp.EQ):
        others = [test.right if test.left is name else test.left]
    elif isinstance(test, exp.In) and test.this is name:
        others = list(test.expressions)
    else:
        return False
    if not all(isinstance(other, exp.Literal) and other.is_string and other.name.strip() for other in others):
        return False
    above = test.parent
    while isinstance(above, exp.And | exp.Or | exp.Paren):
        above = above.parent
    return above is None


def _is_test(node: object) -> bool:
    return isinstance(node, exp.Binary | exp.In | exp.Between) and not isinstance(node, exp.And | exp.Or)


#: What a name must be a number to stand in.
_NUMERIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Abs, exp.Round, exp.Sqrt, exp.Ln, exp.Exp, exp.Pow)
