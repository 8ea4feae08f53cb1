"""Checks of a system as VTL 2.1: one datapoint ruleset, whose rules hold for each entity and period.

A rule has the name of its check as errorcode, and as errorlevel 3 for an error, 2 for a query, 1 for a warning, 0 for
an information. As here, a rule that a missing figure leaves undecided is not broken. K947 names the checks that VTL
does not express as rules of one data point.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from kpi.errors import Diagnostic, Message, Severity
from kpi.language import expressions
from kpi.language.checks import KINDS, Check
from kpi.language.expressions.terms import ExpressionError
from kpi.language.system import System

_LEVELS = {"error": 3, "query": 2, "warning": 1, "info": 0}
_BINARY: dict[type[exp.Expr], str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<=", exp.And: "and", exp.Or: "or",
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/",
}  # fmt: skip
#: Words that are names only within quotation marks.
_WORDS = frozenset(
    {
        "and", "or", "not", "xor", "if", "then", "else", "is", "in", "between", "null", "true", "false",
        "define", "end", "rule", "ruleset", "variable", "when", "errorcode", "errorlevel", "sum", "avg", "min",
        "max", "count", "median", "rank", "mod", "abs", "round", "trunc", "date", "time", "filter", "calc",
        "keep", "drop", "rename", "to", "all", "by", "group",
    }
)  # fmt: skip


def ruleset(system: System) -> tuple[str, list[Diagnostic]]:
    """Return the ruleset of a system as text, empty without any rule, and the checks that are not in it as findings."""
    rules: list[str] = []
    names: dict[str, None] = {}
    findings = []
    for name, check in system.checks.items():
        try:
            parts = [*_conditions(system, check)]
        except _UnsayableError as error:
            findings.append(_left_out(name, error))
            continue
        for number, (condition, used) in enumerate(parts, 1):
            names |= dict.fromkeys(used)
            label = _identifier(name if len(parts) == 1 else f"{name}_{number}")
            rules.append(f'    {label}: {condition} errorcode "{name}" errorlevel {_LEVELS[check.severity]}')
    if not rules:
        return "", findings
    variables = ", ".join(map(_identifier, names))
    head = f"define datapoint ruleset {_identifier(_ruleset_name(system.system))} (variable {variables}) is"
    return "\n".join([head, ";\n".join(rules), "end datapoint ruleset;"]) + "\n", findings


class _UnsayableError(Exception):
    """A check, or a part of a condition, that VTL does not express."""


def _left_out(name: str, error: _UnsayableError) -> Diagnostic:
    message = Message("the check `{name}` is not in the ruleset: {reason}", name=name, reason=error.args[0])
    hint = Message("it is checked by `kpi check --data`")
    return Diagnostic("K947", message, hint=hint, severity=Severity.WARNING)


def _conditions(system: System, check: Check) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the conditions of a check, each with the figures that it is about."""
    fields = check.model_dump()
    kind = next(key for key, model in KINDS.items() if type(check) is model)
    if kind == "expr":
        tree = _parsed(fields["expr"])
        used = tuple(dict.fromkeys(column.name for column in tree.find_all(exp.Column)))
        _alike(system, used)
        yield _vtl(tree), used
    elif kind == "required":
        for name in fields["required"]:
            yield f"not isnull({_identifier(name)})", (name,)
    elif kind == "between":
        low, high = fields["between"]
        for name in fields["of"]:
            bounds = [*([] if low is None else [f"{_identifier(name)} >= {_number(low)}"])]
            bounds += [] if high is None else [f"{_identifier(name)} <= {_number(high)}"]
            if bounds:
                yield " and ".join(bounds), (name,)
    elif kind == "parts":
        used = (*fields["parts"], fields["whole"])
        _alike(system, used)
        tolerance = fields["tolerance"]
        if tolerance is None:
            tolerance = len(fields["parts"]) * 0.5 * 10 ** -fields["decimals"]
        total = " + ".join(map(_identifier, fields["parts"]))
        yield f"abs({total} - {_identifier(fields['whole'])}) <= {_number(tolerance)}", used
    else:
        raise _UnsayableError(Message("`{kind}` is about more than one entity and period", kind=kind))


def _parsed(text: str) -> exp.Expr:
    try:
        return expressions.parse(text).tree
    except ExpressionError as error:
        raise _UnsayableError(Message("{reason}", reason=str(error))) from None


def _alike(system: System, names: tuple[str, ...]) -> None:
    """Refuse figures in different units, which are converted here."""
    if len({str(system.symbols[name].unit) for name in names if name in system.symbols}) > 1:
        raise _UnsayableError(Message("its figures are in different units, which VTL does not convert"))


def _vtl(node: Any) -> str:  # noqa: PLR0911 - one line a kind of node
    """Return an expression in VTL."""
    if (sign := _BINARY.get(type(node))) is not None:
        return f"{_vtl(node.left)} {sign} {_vtl(node.right)}"
    match node:
        case exp.Paren():
            return f"({_vtl(node.this)})"
        case exp.Neg():
            return f"-{_vtl(node.this)}"
        case exp.Not():
            return f"not ({_vtl(node.this)})"
        case exp.Column():
            return _identifier(node.name)
        case exp.Literal() if not node.is_string:
            return _number(float(node.this)) if "." in node.this or "e" in node.this.lower() else str(node.this)
        case exp.Abs():
            return f"abs({_vtl(node.this)})"
        case exp.Is() if isinstance(node.expression, exp.Null):
            return f"isnull({_vtl(node.this)})"
    raise _UnsayableError(Message("`{part}` has no counterpart among numbers in VTL", part=node.sql()))


def _number(value: float) -> str:
    text = f"{value:.15f}".rstrip("0")
    return f"{text}0" if text.endswith(".") else text


def _ruleset_name(system: str) -> str:
    return re.sub(r"\W", "_", system)


def _identifier(name: str) -> str:
    """Return a name as VTL writes it: within single quotation marks unless it is plain."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) and name.lower() not in _WORDS
    return name if plain else f"'{name}'"
