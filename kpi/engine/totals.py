"""The outcome above the tree: adjustments, the total and its rounding, ranks, stars and changes.

Each function returns the columns of one stage of the plan.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Iterator

import polars as pl

from kpi.language.adjustments import awards, vetoes
from kpi.language.ranking import Ranking
from kpi.language.stars.base import Limit, Rated, Scheme
from kpi.language.system import ROOT, System
from kpi.values.columns import Column, Expressions, group_of, in_ranking
from kpi.values.rounding import score_key, sort_key
from kpi.values.status import guarded, literal


def adjusted(system: System) -> dict[str, pl.Expr]:
    """Return the columns `name.points` (positive for a bonus) or `name.veto`, and `name.unjudged`.

    `name.opened` is whether the condition of a conditional bonus holds.
    """
    total = _before(system)
    columns: dict[str, pl.Expr] = {}
    for name, adjustment in system.adjustments.items():
        if name not in system.within:
            columns |= adjustment.columns(name, system.symbols, total)
    return columns


def joint(system: System) -> dict[str, pl.Expr]:
    """Return the columns `name.points` of limits on several adjustments, which read the points of these."""
    columns: dict[str, pl.Expr] = {}
    for name, adjustment in system.adjustments.items():
        if name not in system.within:
            columns |= adjustment.joint_columns(name) or {}
    return columns


def within_pillars(system: System, pillars: Iterable[str]) -> Iterator[dict[str, pl.Expr]]:
    """Yield the columns of adjustments within pillars, in groups that are evaluated together.

    `pillar.unadjusted` is the score before them (percent of full marks), `pillar.score` becomes that with them,
    `name.points` are in the marks that the parts of the pillar have in all.
    """
    adjusted_ones = [pillar for pillar in pillars if pillar in system.within.values()]
    columns: dict[str, pl.Expr] = {
        Column(adjusted_one).unadjusted: pl.col(Column(adjusted_one).score) for adjusted_one in adjusted_ones
    }
    for pillar in adjusted_ones:
        before = score_key(pl.col(Column(pillar).score) * system.marks_of_parts(pillar) / 100)
        for name, award in awards(system.adjustments, pillar).items():
            columns |= award.columns(name, system.symbols, before)
    yield columns
    yield {
        column: points
        for pillar in adjusted_ones
        for name, award in awards(system.adjustments, pillar).items()
        for column, points in (award.joint_columns(name) or {}).items()
    }
    yield {Column(pillar).score: [*limited_pillar(system, pillar).values()][-1] for pillar in adjusted_ones}


def limited_pillar(system: System, pillar: str) -> dict[str, pl.Expr]:
    """Return the score of a pillar (percent of full marks) after each limit, by name, in the order of application.

    `#sum` is its score with the points within it; `floor` and `cap` follow if declared.
    """
    definition, marks = system.pillars[pillar], system.marks_of_parts(pillar)
    points = [pl.col(Column(name).points) for name in awards(system.adjustments, pillar)]
    added = functools.reduce(operator.add, points)
    scores = {"#sum": (score := pl.col(Column(pillar).unadjusted) + added * 100 / marks)}
    for key, bound in (("floor", definition.floor), ("cap", definition.cap)):
        if bound is not None:
            percent = bound * 100 / marks if isinstance(marks, pl.Expr) else literal(bound * 100 / marks)
            over = score < percent if key == "floor" else score > percent
            scores[key] = score = pl.when(over).then(percent).otherwise(score)
    return scores


def _before(system: System) -> pl.Expr:
    """Return the total before adjustments, rounded for comparisons, on the scale of the full mark."""
    tree = pl.col(Column(ROOT).score) * (system.composite.full / 100)
    return system.ranking.rounded(tree) if system.ranking.on == "rounded" else score_key(tree)


def limited(system: System) -> dict[str, pl.Expr]:
    """Return the total after each limit, by name, in the order of application.

    `#sum` is the tree with bonuses and deductions; `composite.floor` and `composite.cap` follow if declared, then every
    veto that affects the score.
    """
    composite = system.composite
    tree = pl.col(Column(ROOT).score) * (composite.full / 100)
    points = [pl.col(Column(name).points) for name in awards(system.adjustments)]
    # NOTE: not pl.sum_horizontal, whose order of addition depends on the number of threads (Polars 2.1).
    totals = {"#sum": (total := functools.reduce(operator.add, points, tree))}
    if points and composite.floor is not None:
        totals["composite.floor"] = total = total.clip(composite.floor)
    if points and composite.cap is not None:
        totals["composite.cap"] = total = total.clip(upper_bound=composite.cap)
    return totals | after_vetoes(system, total)


def after_vetoes(system: System, total: pl.Expr) -> dict[str, pl.Expr]:
    """Return a total (points) after each veto that acts on the score, by the name of the veto, in their order."""
    totals = {}
    for name, veto in vetoes(system.adjustments).items():
        applies = pl.col(Column(name).veto)
        if veto.effect.score is not None:
            total = pl.when(applies & total.is_not_null()).then(pl.lit(float(veto.effect.score))).otherwise(total)
        elif veto.effect.score_at_most is not None:
            total = pl.when(applies).then(total.clip(upper_bound=veto.effect.score_at_most)).otherwise(total)
        else:
            continue
        totals[name] = total
    return totals


def totalled(system: System) -> Expressions:
    """Return the columns `raw` (the total before rounding, in points of the full mark), `raw.status` and `score`.

    `#entered` is `raw` including units that a veto fails, for quotas that count them.
    """
    *_, total = limited(system).values()
    failed = [pl.col(Column(name).veto) for name, veto in vetoes(system.adjustments).items() if veto.effect.fail]
    guards = {"not_scored": functools.reduce(operator.or_, failed)} if failed else {}
    columns = guarded("raw", total, guards, inputs=[Column(ROOT).score])
    more = {"score": system.ranking.rounded(columns.values["raw"])}
    if _counts_failed(system):
        more["#entered"] = total
    return columns | Expressions(more)


def _counts_failed(system: System) -> bool:
    """Return whether a quota counts units that a veto fails."""
    failing = any(veto.effect.fail for veto in vetoes(system.adjustments).values())
    return failing and system.stars is not None and system.stars.counts_vetoed


def _compared(ranking_on: str) -> pl.Expr:
    # All decimals, but without binary noise: 90 must not miss a cut of 90 by its last bit.
    return pl.col("score") if ranking_on == "rounded" else score_key(pl.col("raw"))


def limits(system: System) -> tuple[Limit, ...]:
    """Return the effects of the vetoes of a system on levels, in the order of application."""
    if system.stars is None:
        return ()
    rules = []
    for name, veto in vetoes(system.adjustments).items():
        applies, effect = pl.col(Column(name).veto), veto.effect
        if effect.stars_at_most is not None:
            rules.append(Limit(applies, at_most=effect.stars_at_most))
        elif effect.demote is not None:
            rules.append(Limit(applies, demote=effect.demote, lowest=system.stars.bottom))
    return tuple(rules)


def _rated(system: System, scheme: Scheme) -> Rated:
    """Return the input of the star scheme of a system."""
    entered = None
    if _counts_failed(system):
        entered = pl.col("#entered")
        entered = system.ranking.rounded(entered) if scheme.on == "rounded" else score_key(entered)
    return Rated(
        _compared(scheme.on), tuple(system.tops), system.symbols, system.composite.full, _weighing(system),
        limits(system), entered,
    )  # fmt: skip


def _weighing(system: System) -> tuple[str, ...]:
    """Return the indicators with weight: those of the tree, or all if there is no tree."""
    return tuple(name for name in system.indicators if name in system.counted or not system.tops)


def _breakers(system: System) -> list[pl.Expr]:
    """Return what decides between equal totals, each higher is better."""
    ranking: Ranking = system.ranking
    breakers = []
    for name in ranking.tie_break:
        lower = name in system.indicators and system.indicators[name].direction == "lower"
        value = score_key(pl.col(Column(name).score))
        if name in system.indicators:
            value = pl.col(name) if system.indicators[name].exact(system.symbols) else sort_key(pl.col(name))
        breakers.append(-value if lower else value)
    return breakers


def placed(system: System) -> dict[str, pl.Expr]:
    """Return the columns `rank`, `of` (the number of ranked entities of the cohort) and `#level` (stars before vetoes).

    `#level` is null without a star scheme.
    """
    ranking: Ranking = system.ranking
    shown = _compared(ranking.on)
    scheme = system.stars
    level = pl.lit(None, dtype=pl.Int8) if scheme is None else scheme.settled(_rated(system, scheme))
    return {
        "rank": ranking.place(shown, _breakers(system), system.ranked_within),
        "of": shown.count().over(system.ranked_within).cast(pl.UInt32),
        "#level": level,
    }


def starred(system: System) -> dict[str, pl.Expr]:
    """Return the columns `stars` (Int8, after vetoes) and `veto` (the titles of the vetoes that hold, or empty).

    `stars` is null without a star scheme.
    """
    level = pl.col("#level")
    for limit in limits(system):
        level = limit.lowered(level)
    titles = [
        pl.when(pl.col(Column(name).veto)).then(pl.lit(veto.title or name))
        for name, veto in vetoes(system.adjustments).items()
    ]
    veto_text = pl.concat_str(titles, separator="、", ignore_nulls=True) if titles else pl.lit("")
    return {"stars": level.cast(pl.Int8 if system.stars is None else system.stars.dtype), "veto": veto_text}


def changes(system: System) -> dict[str, pl.Expr]:
    """Return the columns `rank_change` (Int32, positive is better) and `score_change` against the previous period.

    With `ties: average` ranks are means and move by halves: the change is Float64. The changes are null across a break
    in a series that enters the total.
    """
    earlier = system.ranking.earlier(system.period)
    place = pl.col("rank").cast(pl.Float64 if system.ranking.ties == "average" else pl.Int32)
    parts = {"rank_change": _in_one_group(system, system.ranking.main, earlier(place) - place)}
    parts["score_change"] = score_key(pl.col("score") - earlier(pl.col("score")))
    return {name: comparable(system, change, system.counted) for name, change in parts.items()}


def comparable(system: System, change: pl.Expr, parts: Iterable[str]) -> pl.Expr:
    """Return a change where no series of some parts breaks in between, as areas changed."""
    breaks = sorted({column for name in parts for column in system.breaks(name)})
    if not breaks:
        return change
    earlier = system.ranking.earlier(system.period)
    return pl.when(pl.all_horizontal([pl.col(name) == earlier(pl.col(name)) for name in breaks])).then(change)


def _in_one_group(system: System, grouping: str, change: pl.Expr) -> pl.Expr:
    """Return a change of places where an entity stays in its group: a figure may move it to another."""
    group = system.groups.get(grouping)
    if group is None or group.of is None:
        return change
    label = pl.col(group_of(grouping))
    return pl.when(label == system.ranking.earlier(system.period)(label)).then(change)


def further_places(system: System) -> Iterator[dict[str, pl.Expr]]:
    """Yield the columns of places in every grouping of the ranking, in groups that are evaluated together.

    Of each `in_ranking(name)`: `place`, `ranked`; then `former`, the place in the period that changes are against, and
    `place_change` (positive is better).
    """
    ranking, shown = system.ranking, _compared(system.ranking.on)
    earlier = ranking.earlier(system.period)
    groupings = ranking.within or (ranking.main,)
    places: dict[str, pl.Expr] = {}
    changes_of: dict[str, pl.Expr] = {}
    for name in groupings:
        column, within = in_ranking(name), system.grouped_by(name)
        places[column.place] = ranking.place(shown, _breakers(system), within)
        places[column.ranked] = shown.count().over(within).cast(pl.UInt32)
        place = pl.col(column.place).cast(pl.Float64 if ranking.ties == "average" else pl.Int32)
        changes_of[column.former] = earlier(pl.col(column.place))
        change = _in_one_group(system, name, earlier(place) - place)
        changes_of[column.place_change] = comparable(system, change, system.counted)
    yield from (places, changes_of)
