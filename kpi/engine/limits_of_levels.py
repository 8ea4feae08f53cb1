"""Ratings of single indicators: the levels that the limits of a value reach, beside the level of the value itself.

A rating is the level that the cuts of the star scheme give to a total that is the score of the indicator. For each
indicator with confidence limits: `level`, `level_low` and `level_high`, the lowest and the highest rating of the values
between its limits. Where these differ, the unit cannot be told from the other level. Scores that depend on the other
units have no rating: the minimum or the mean of a group moves with the value.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator

import polars as pl
from msgspec.structs import replace

from kpi.engine.result_columns import case_of, target_reached
from kpi.engine.stage import Stage
from kpi.errors import Message
from kpi.language.lookback import NOW
from kpi.language.scoring.rule import Rule
from kpi.language.small_numbers import limited
from kpi.language.stars.base import Rated, Scheme
from kpi.language.system import System
from kpi.values.columns import Column
from kpi.values.rounding import score_key


def rated(system: System) -> tuple[str, ...]:
    """Return the indicators with ratings that limits can be compared with.

    They have limits, a rule that judges the value as it is, without other units and of the period alone, and the system
    has stars by cuts of the total.
    """
    if system.stars is None or not system.stars.cuts_of_total:
        return ()
    return tuple(name for name in limited(system) if (rule := system.rule(name)) is not None and _follows(
        system, name, rule
    ))  # fmt: skip


def stages(system: System) -> Iterator[Stage]:
    """Yield the stages with ratings, which read the limits; none for a system without."""
    scheme, names = system.stars, rated(system)
    if scheme is None or not names:
        return
    scores: dict[str, pl.Expr] = {}
    points: dict[str, pl.Expr] = {}
    levels: dict[str, pl.Expr] = {}
    for name in names:
        column = Column(name)
        # Each is a column of its own, as every cut asks for it.
        ends = {column.at_limit(place): score for place, score in enumerate(_scores(system, name))}
        scores.update(ends.items())
        points[column.points] = _points(system, scheme, pl.col(column.score))
        points.update((end.points, _points(system, scheme, pl.col(end))) for end in ends)
        own = _level(scheme, pl.col(column.points))
        others = [_level(scheme, pl.col(end.points)) for end in ends]
        known = own.is_not_null() & pl.col(column.lower_limit).is_not_null() & pl.col(column.upper_limit).is_not_null()
        levels[column.level] = own
        levels[column.level_low] = pl.when(known).then(pl.min_horizontal(own, *others))
        levels[column.level_high] = pl.when(known).then(pl.max_horizontal(own, *others))
    yield Stage("ratings", Message("ratings of indicators"), levels, bases=points, sources=(scores,))


def _follows(system: System, name: str, rule: Rule) -> bool:
    """Return whether the score of an indicator follows from its value of the period alone."""
    if name in system.treated or rule.lookback != NOW:
        return False
    figures: dict[str, pl.Expr] = {}
    rule.score(case_of(system, name, rule, name, figures))
    return not figures


def _scores(system: System, name: str) -> Iterator[pl.Expr]:
    """Yield the scores of the ends of the limits, and of the target where it is between them."""
    rule, column = system.rule(name), Column(name)
    assert rule is not None  # noqa: S101 - `rated` has checked it
    case = case_of(system, name, rule, name, {})
    low, high = pl.col(column.lower_limit), pl.col(column.upper_limit)
    targets = [bound.clip(low, high) for bound in (case.target, case.upper)] if system.targets(name) else []
    for value in (low, high, *targets):
        judged = functools.partial(target_reached, system, name, value)
        answer = rule.score(replace(case, value=value, judged=judged, figures={}, exact=False))
        void = [*answer.guards.values(), *([case.target.is_null()] if rule.needs_target else [])]
        score = rule.finish(answer)
        yield pl.when(~functools.reduce(operator.or_, void)).then(score) if void else score


def _points(system: System, scheme: Scheme, score: pl.Expr) -> pl.Expr:
    """Return the total that is a score in percent of full marks, as levels compare it."""
    points = score * (system.composite.full / 100)
    return system.ranking.rounded(points) if scheme.on == "rounded" else score_key(points)


def _level(scheme: Scheme, points: pl.Expr) -> pl.Expr:
    """Return the level of a total."""
    level = scheme.level(Rated.plain(points))
    if scheme.floor is not None or scheme.cap is not None:
        level = level.clip(scheme.floor, scheme.cap)
    return level.cast(pl.Float64)
