"""Conditions over measures and indicators, as `when:` has them."""

from __future__ import annotations

from collections.abc import Mapping

from kpi.errors import Message, suggest
from kpi.language import expressions
from kpi.language.expressions.terms import ExpressionError, Term, as_condition
from kpi.language.indicators import Symbols
from kpi.language.indicators.base import scope_of
from kpi.language.model import Path, Problem, Problems


def condition(text: str, symbols: Symbols, results: Mapping[str, Term] | None = None) -> Term:
    """Return a `when:` expression over measures and indicators as a Boolean term; raises ExpressionError.

    Args:
        text: the expression.
        symbols: what the names of measures and indicators stand for.
        results: further names, for results such as totals.
    """
    figures = scope_of(symbols)

    def scope(name: str) -> Term | None:
        return figures(name) if name in symbols or results is None else results.get(name)

    term = as_condition(expressions.parse(text).resolve(scope))
    if term.kind != "boolean":
        raise ExpressionError(
            "K302",
            Message("a condition is needed here"),
            (0, len(text)),
            hint=Message("write a comparison, such as x > 0"),
        )
    return term


def condition_problems(text: str, path: Path, symbols: Symbols, results: Mapping[str, Term] | None = None) -> Problems:
    """Yield the problems of a `when:` expression; arguments as of `condition`."""
    try:
        condition(text, symbols, results)
    except ExpressionError as error:
        hint = error.hint
        if error.code == "K203" and hint is None:
            start, length = error.span
            hint = suggest(text[start : start + length], [*symbols, *(results or ())])
        yield Problem(error.code, path, error.message, hint=hint, label=error.label, span=error.span)
