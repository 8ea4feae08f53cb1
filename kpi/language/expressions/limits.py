"""Bounds of expressions: how long, how deep and how involved one may be, each a finding with its place.

Within the bounds compiling an expression takes linear time: chains of one operator are built as balanced trees, and the
repetitions of a part in the plan are counted before it is built.
"""

from __future__ import annotations

import re

from sqlglot import exp

from kpi.errors import Message
from kpi.language.expressions.terms import ExpressionError, span
from kpi.values.patterns import regex

#: The most characters of an expression.
CHARACTERS = 10_000
#: The most parentheses, functions and CASEs within one another.
LEVELS = 30
#: The most operators within one another; a chain of one operator, such as a + b - c, is one.
OPERATORS = 60
#: The most names, numbers and texts; the values of a list behind IN are not counted.
TERMS = 1_000
#: The most WHENs of one CASE.
BRANCHES = 200
#: The most WHENs, of an expression together, of CASEs that have IS NULL in a condition.
QUESTIONS = 60
#: The most arguments of the coalesces of an expression together.
ALTERNATIVES = 200
#: The most values, of an expression together, with which IN compares computed numbers.
COMPARED = 100
#: The most wildcards, % and _, of one pattern of LIKE.
WILDCARDS = 50
#: The most characters that `left` and `right` take.
LETTERS = 1_000
#: The most nodes of the plan that an expression becomes.
NODES = 50_000

#: With so many nodes or fewer an expression cannot repeat its parts too often.
_FEW = 8
_QUOTED = regex(r"'[^']*'|\"[^\"]*\"")
_NESTING = regex(r"[(\[{]|[)\]}]|\bCASE\b|\bEND\b", re.IGNORECASE)
_PREFIXES = regex(rf"(?:(?:\bNOT\b|[-+~])\s*){{{LEVELS + 1}}}", re.IGNORECASE)
_COMMENT = regex(r"--|/\*|\{#")
_CHAINS = (exp.And, exp.Or, exp.Add | exp.Sub, exp.Mul)
_DIVIDE = Message("give a part of it an indicator of its own, and use its name here")


def masked(text: str) -> str:
    """Return an expression with what is in quotation marks replaced by underscores.

    >>> masked("渠道 = '(a' AND b > 1")
    '渠道 = ____ AND b > 1'
    """
    return _QUOTED.sub(lambda match: "_" * len(match[0]), text)


def check_text(plain: str) -> None:
    """Raise ExpressionError for a masked text that is too long or nested too deep, or that has a comment.

    This is before parsing, which takes a stack as high as the text is deep.
    """
    if len(plain) > CHARACTERS:
        message = Message(
            "an expression has at most {most:,} characters, this has {number:,}", most=CHARACTERS, number=len(plain)
        )
        raise ExpressionError("K127", message, (CHARACTERS, 1), hint=_DIVIDE, label=Message("too long"))
    if comment := _COMMENT.search(plain):
        message = Message("`{comment}` begins a comment, and what stands behind it would not count", comment=comment[0])
        hint = Message("write `- -` with a blank between for two signs; remarks belong into `note:`")
        raise ExpressionError(
            "K134", message, (comment.start(), len(comment[0])), hint=hint, label=Message("a comment")
        )
    depth = 0
    for mark in _NESTING.finditer(plain):
        depth += 1 if mark[0] in "([{" or mark[0].upper() == "CASE" else -1
        if depth > LEVELS:
            raise _too_deep((mark.start(), len(mark[0])))
    if run := _PREFIXES.search(plain):
        raise _too_deep((run.start(), len(run[0].rstrip())))


def check_tree(tree: exp.Expr) -> None:
    """Raise ExpressionError for a tree with too many terms, branches or wildcards, or that is too deep or involved."""
    nodes = list(tree.walk(bfs=False))
    terms = questions = alternatives = 0
    for node in nodes:
        if isinstance(node, exp.Column | exp.Literal) and not isinstance(node.parent, exp.In):
            terms += 1
            if terms > TERMS:
                message = Message("an expression has at most {most:,} names, numbers and texts", most=TERMS)
                raise ExpressionError("K129", message, span(node), hint=_DIVIDE, label=Message("too many"))
        elif isinstance(node, exp.Case):
            _check_branches(node)
            questions += len(node.args["ifs"]) if any(arg.this.find(exp.Is) for arg in node.args["ifs"]) else 0
            if questions > QUESTIONS:
                message = Message("an expression has at most {most} WHENs of CASEs that ask by IS NULL", most=QUESTIONS)
                raise ExpressionError("K130", message, span(node), hint=_DIVIDE, label=Message("too many"))
        elif isinstance(node, exp.Coalesce):
            alternatives += 1 + len(node.expressions)
            if alternatives > ALTERNATIVES:
                message = Message("an expression has at most {most} arguments of coalesce", most=ALTERNATIVES)
                raise ExpressionError("K132", message, span(node), hint=_DIVIDE, label=Message("too many"))
        elif isinstance(node, exp.Like):
            _check_pattern(node)
    if len(nodes) > _FEW:
        _check_size(nodes)


def _check_size(nodes: list[exp.Expr]) -> None:
    """Raise ExpressionError where operators are nested too deep, or parts repeated too often."""
    depths: dict[int, int] = {}
    sizes: dict[int, tuple[int, int]] = {}
    # Parents come before their parts, so that from behind the parts are known.
    for node in reversed(nodes):
        parts = list(node.iter_expressions())
        depth = max((depths[id(part)] + (not _continues(node, part)) for part in parts), default=0)
        depths[id(node)] = depth - isinstance(node, exp.Paren | exp.Column | exp.If)
        if depth > OPERATORS:
            raise _too_deep(span(node))
        sizes[id(node)] = _size(node, [sizes[id(part)] for part in parts])
        if sum(sizes[id(node)]) > NODES:
            message = Message("the expression is too involved: CASE, coalesce, round and the like within one another")
            raise ExpressionError("K132", message, span(node), hint=_DIVIDE, label=Message("too involved"))


def pattern(text: str) -> list[tuple[str, int]]:
    """Return the parts of a pattern of LIKE, each a letter or a run of wildcards, with its number.

    >>> pattern("a%%b__")
    [('a', 1), ('%', 2), ('b', 1), ('_', 2)]
    """
    return [(match[0][0], len(match[0])) for match in re.finditer(r"%+|_+|.", text, re.DOTALL)]


def _check_branches(node: exp.Case) -> None:
    number = len(node.args["ifs"])
    if number > BRANCHES:
        message = Message("a CASE has at most {most} WHENs, this has {number}", most=BRANCHES, number=number)
        hint = Message("put the values into a column of the data or of the roster")
        raise ExpressionError("K130", message, span(node.args["ifs"][BRANCHES]), hint=hint, label=Message("too many"))


def _check_pattern(node: exp.Like) -> None:
    if not isinstance(node.expression, exp.Literal):
        return
    wildcards = sum(1 if sign == "%" else number for sign, number in pattern(node.expression.name) if sign in "%_")
    if wildcards > WILDCARDS:
        message = Message("a pattern has at most {most} wildcards, this has {number}", most=WILDCARDS, number=wildcards)
        hint = Message("% stands for any text, so that one is enough between two words")
        raise ExpressionError("K131", message, span(node.expression), hint=hint, label=Message("too many"))


def _too_deep(place: tuple[int, int]) -> ExpressionError:
    message = Message("the expression is nested more than {most} deep", most=LEVELS)
    return ExpressionError("K128", message, place, hint=_DIVIDE, label=Message("too deep"))


def _continues(node: exp.Expr, part: exp.Expr | None) -> bool:
    """Return whether a part belongs to the chain that a node ends, or to the same list of alternatives."""
    if isinstance(node, exp.Coalesce | exp.Least | exp.Greatest):
        return type(part) is type(node)
    same = any(isinstance(node, item) and isinstance(part, item) for item in _CHAINS)
    return same and node.args.get("this") is part


def _size(node: exp.Expr, parts: list[tuple[int, int]]) -> tuple[int, int]:  # noqa: PLR0911 - one line a kind
    """Return about how many nodes of the plan a node becomes: its value, and why it has none."""
    value, why = 1 + sum(v for v, _ in parts), 1 + sum(w for _, w in parts)
    if node.parent is not None and _continues(node.parent, node):
        return value, why
    match node:
        case exp.And() | exp.Or() | exp.Case():
            return value, value + why
        case exp.If():
            # The condition decides, and so does why it cannot be judged.
            return value + parts[0][1], why + parts[0][0]
        case exp.EQ() | exp.NEQ() | exp.GT() | exp.GTE() | exp.LT() | exp.LTE() | exp.Between() | exp.In():
            return 4 * value, why
        case exp.Div():
            return value + 2 * parts[-1][0], why + 2 * parts[-1][0]
        case exp.Round():
            return 3 * value, why
        case exp.Sqrt() | exp.Ln() | exp.Exp() | exp.Pow() | exp.Least() | exp.Greatest():
            return 2 * value, value + why
        case exp.Coalesce():
            return 2 * value + why, value + 2 * why
        case exp.Is():
            return value + why, why
    return value, why
