"""Alerts: conditions that are worth a message when they begin to hold, and when they no longer do."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kpi.errors import Message
from kpi.language import expressions
from kpi.language.conditions import condition, condition_problems
from kpi.language.expressions.terms import ExpressionError, Term
from kpi.language.indicators import Symbols
from kpi.language.model import Definition, Path, Problems


class Alert(Definition):
    """A condition on the figures of a unit in a period, reported when it begins to hold and when it ends.

    It begins in a period in which it holds and did not in the period before, and ends in one in which it does not and
    did before. Where a figure is missing that decides, it is neither.

    >>> Alert(when="rate < 60").words({})
    'rate < 60'
    """

    when: str = Field(description="a condition on measures and indicators, such as rate < 60")
    severity: Literal["warning", "info"] = Field("warning", description="of the finding that it begins")

    def names(self) -> tuple[str, ...]:
        """Return the figures that the condition reads, each once."""
        try:
            return tuple(dict.fromkeys(name for name, _ in expressions.parse(self.when).names()))
        except ExpressionError:
            return ()

    def condition(self, symbols: Symbols) -> Term:
        """Return the condition as a Boolean term; raises ExpressionError."""
        return condition(self.when, symbols)

    def words(self, symbols: Symbols) -> Message:
        """Return the condition with titles for names."""
        text, parts, end = self.when, [], 0
        for name, (offset, length) in sorted(expressions.parse(text).names(), key=lambda pair: pair[1]):
            parts += [text[end:offset], symbols[name].title if name in symbols else name]
            end = offset + length
        return Message("{formula}", formula="".join([*parts, text[end:]]))

    def problems(self, path: Path, symbols: Symbols) -> Problems:
        """Yield the problems of the condition."""
        yield from condition_problems(self.when, (*path, "when"), symbols)
