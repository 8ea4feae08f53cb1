"""Alerts: conditions that are worth a message when they begin to hold, and when they no longer do."""

from collections.abc import Mapping
from typing import Literal

import polars as pl
from msgspec import Struct
from pydantic import Field

from kpi.errors import Message
from kpi.language import expressions
from kpi.language.conditions import condition, condition_problems
from kpi.language.expressions.terms import ExpressionError, Term, figure
from kpi.language.indicators import Symbols
from kpi.language.model import Definition, Path, Problems
from kpi.values.columns import Column
from kpi.values.status import gap
from kpi.values.units import ONE, parse


class Result(Struct, frozen=True):
    """A result that a condition may name beside figures: its title, and what the name stands for."""

    title: str
    term: Term


#: The totals of a unit in a period by name: title, column, and whether it is points rather than a number of something.
_TOTALS = {
    "score": (Message("Total"), "score", True), "score_change": (Message("Score change"), "score_change", True),
    "rank": (Message("Rank"), "rank", False), "rank_change": (Message("Rank change"), "rank_change", False),
    "stars": (Message("Stars"), "stars", False),
}  # fmt: skip


def results(pillars: Mapping[str, str], *, totals: bool, stars: bool) -> dict[str, Result]:
    """Return the results that conditions may name: scores of pillars, and what a unit has in all.

    Args:
        pillars: name and title of every pillar, headlines included.
        totals: whether there are totals.
        stars: whether there is a star scheme.
    """
    points = parse("分")
    matches: dict[str, Result] = {}
    if totals:
        for name, (title, column, in_points) in _TOTALS.items():
            if name != "stars" or stars:
                value = pl.col(column).cast(pl.Float64)
                unit = points if in_points else ONE
                matches[name] = Result(title, Term(value, "number", unit, (gap(Column("raw")),), names=(name,)))
    for name, heading in pillars.items():
        matches[name] = Result(heading, figure(Column(name).score, points, exact=False))
    return matches


class Alert(Definition):
    """A condition on a unit in a period, reported when it begins to hold and when it ends.

    It begins in a period in which it holds and did not in the period before, and ends in one in which it does not and
    did before. Where a figure is missing that decides, it is neither. Beside measures and indicators it may name
    pillars (their scores, those of headlines too) and `score`, `score_change`, `rank`, `rank_change` and `stars`, as
    in the totals.

    >>> Alert(when="rate < 60 OR rank > 10").words({}, results({}, totals=True, stars=False))
    'rate < 60 OR Rank > 10'
    """

    when: str = Field(
        description="a condition on measures, indicators, pillars (their scores), score, rank, stars, rank_change and "
        "score_change, such as rate < 60"
    )
    severity: Literal["warning", "info"] = Field("warning", description="of the finding that it begins")

    def names(self) -> tuple[str, ...]:
        """Return the figures and results that the condition reads, each once."""
        try:
            return tuple(dict.fromkeys(name for name, _ in expressions.parse(self.when).names()))
        except ExpressionError:
            return ()

    def reads_results(self, symbols: Symbols) -> bool:
        """Return whether the condition reads something that only the scores come to."""
        return any(name not in symbols for name in self.names())

    def condition(self, symbols: Symbols, of_scores: Mapping[str, Result]) -> Term:
        """Return the condition as a Boolean term; raises ExpressionError."""
        return condition(self.when, symbols, {name: result.term for name, result in of_scores.items()})

    def words(self, symbols: Symbols, of_scores: Mapping[str, Result]) -> Message:
        """Return the condition with titles for names."""
        words, text, end = Message("{formula}", formula=""), self.when, 0
        for name, (offset, length) in sorted(expressions.parse(text).names(), key=lambda pair: pair[1]):
            title = symbols[name].title if name in symbols else of_scores[name].title if name in of_scores else name
            between = text[end:offset]
            words = Message("{before}{between}{name}", before=words, between=between, name=title)
            end = offset + length
        return Message("{before}{between}", before=words, between=text[end:])

    def problems(self, path: Path, symbols: Symbols, of_scores: Mapping[str, Result]) -> Problems:
        """Yield the problems of the condition."""
        terms = {name: result.term for name, result in of_scores.items()}
        yield from condition_problems(self.when, (*path, "when"), symbols, terms)
