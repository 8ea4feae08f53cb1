"""The plan: a system compiled into stages, each one `with_columns` over the panel; running it is a fold.

The panel is wide: one row per entity and period, complete, ordered by period and then entity, with the columns
`entity` (UInt32, place in the roster), `period` (Int32, index at the system's grain), `cohort` (String), `#month`
(Int32, last month of the period), `#entities` (Int64), and for every measure `name` (Float64) and `name.status`.
Every stage adds
named columns, so one harness tests, explains and times them all. A plan is immutable and safe to share.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from kpi import audit
from kpi.adjustments import Bonus, Deduction, Veto
from kpi.details import NOTHING, Stage, details_of, goal, reached
from kpi.indicators import ENTITIES, MONTH, Milestone
from kpi.pillars import Combination, score_of
from kpi.ranking import Ranking
from kpi.scheme import Rated
from kpi.scoring import Case
from kpi.status import guarded, literal, reason, status_of, where_given
from kpi.system import ROOT, System
from kpi.targets import Target, fixed_bound, in_force, own_column
from kpi.treatment import Screen, after, finished, left_out


@dataclass(frozen=True)
class Plan:
    """A compiled system: `stages` make the totals, `details` what the tidy result frames add to them."""

    system: System
    stages: tuple[Stage, ...]

    def run(self, panel: pl.LazyFrame) -> pl.LazyFrame:
        """Returns the panel with every column of every stage."""
        for stage in self.stages:
            panel = stage(panel)
        return panel

    @cached_property
    def rules(self) -> tuple[audit.Rule, ...]:
        """The rules of the system's checks; where each is broken is a column of the frame."""
        return audit.rules(self.system)

    def collect(self, panel: pl.DataFrame) -> pl.DataFrame:
        """Returns what `run` gives, computed: the one place where a plan is collected."""
        return _collected(self.run(panel.lazy()), panel.height)

    @cached_property
    def details(self) -> tuple[Stage, ...]:
        """The stages for the tidy frames: attainment, schedule, lights, effective weights, places."""
        return tuple(details_of(self.system))

    def detail(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Returns a result of `collect` with the columns of `details` added."""
        return _collected(functools.reduce(lambda lazy, stage: stage(lazy), self.details, frame.lazy()), frame.height)


#: From so many rows on, finding what two expressions share takes less time than computing it twice.
_SHARED = 20_000


def _collected(frame: pl.LazyFrame, height: int) -> pl.DataFrame:
    # NOTE: a plan is a chain of columns over one frame in memory: there is nothing to join, to sort or to share between
    # queries, and looking for it took a tenth of the time of 200 indicators (Polars 2.1). Window functions only run on
    # the in-memory engine, which is the faster one for small frames.
    looked_for = pl.QueryOptFlags(
        comm_subexpr_elim=height >= _SHARED,
        comm_subplan_elim=False, cluster_with_columns=False, sort_collapse=False, join_order=False,
    )  # fmt: skip
    return frame.collect(engine="in-memory", optimizations=looked_for)


def compile_plan(system: System) -> Plan:
    """Compiles a system without problems.

    >>> from kpi.loader import examine_text
    >>> plan = compile_plan(examine_text(EXAMPLE).system)
    >>> [stage.name for stage in plan.stages]
    ['indicators 1', 'targets', 'scores', 'composite', 'totals', 'places', 'stars', 'changes']
    """
    return Plan(system, tuple(stage for stage in _stages(system) if stage.columns))


# ---- STAGES ---- #


def _stages(system: System) -> Iterator[Stage]:
    rules = audit.rules(system)
    yield from audit.stages(rules, 0)
    for number, names in enumerate(system.levels, 1):
        columns: dict[str, pl.Expr] = {}
        for name in names:
            columns |= system.indicators[name].expressions(name, system.symbols, system.period)
        yield Stage(f"indicators {number}", "指标值及状态", columns)
        yield from audit.stages(rules, number)
    yield from _treatment(system)
    yield Stage("targets", "执行中的目标值", _targets(system))
    yield from scoring(system)
    yield from tree(system)


def scoring(system: System) -> Iterator[Stage]:
    """Yields the stages that turn values into scores."""
    scores: dict[str, pl.Expr] = {}
    figures: dict[str, pl.Expr] = {}
    for name in system.indicators:
        scores |= _score(system, name, figures)
    yield Stage("peers", "同组最好、最差等", figures)
    yield Stage("scores", "计分（占满分百分比）", scores, tuple(figures))


def tree(system: System) -> Iterator[Stage]:
    """Yields the stages that make totals, places and stars of scores."""
    leaves = frozenset(system.indicators)
    for depth, names in enumerate(system.depths):
        nodes = [
            Combination(name, system.pillars[name], system.pillars[name].parts, leaves, system.treated)
            for name in names
        ]
        yield from _combine(f"pillars {len(system.depths) - depth}", nodes)
    if system.tops:
        yield from _combine(ROOT, [Combination(ROOT, system.composite, system.tops, leaves, system.treated)])
    else:
        yield Stage(ROOT, "没有一级指标，不计总分", _no_composite())
    yield Stage("adjustments", "加减分与一票否决", _adjustments(system))
    yield Stage("totals", "综合得分及取位", _totals(system))
    yield Stage("places", "位次与星级", _places(system))
    yield Stage("stars", "星级（含否决）与变动", _stars(system))
    yield Stage("changes", "与上期比较", _changes(system.ranking))


def _treatment(system: System) -> Iterator[Stage]:
    """A stage for each step, with the columns `name#step`, and one that says what is scored in the end."""
    now = {name: pl.col(name) for name in system.treated}
    out: dict[str, pl.Expr] = {}
    for step, names in system.steps.items():
        treatment, values = system.treatment[step], {name: now[name] for name in names}
        made = treatment.columns(values)
        # Who was left out stays so, whatever a later step would put in place of what is not there.
        columns = {
            after(name, step): pl.when(~out[name]).then(one) if name in out else one for name, one in made.items()
        }
        if isinstance(treatment, Screen):
            columns[left_out(step)] = treatment.leaves_out(values)
            out |= {name: out.get(name, pl.lit(False)) | pl.col(left_out(step)) for name in names}
        now |= {name: pl.col(after(name, step)) for name in made}
        yield Stage(f"treatment {step}", treatment.words(), columns)
    columns = {}
    for name, last in now.items():
        columns |= finished(name, last, out.get(name))
    yield Stage("treated", "处理后的数值", columns)


def _combine(name: str, nodes: list[Combination]) -> Iterator[Stage]:
    for words, method in (
        ("权重", Combination.weighing),
        ("各部分权重", Combination.weighed),
        ("适用与有数权重", Combination.totals),
        ("计入权重", Combination.carrying),
        ("得分", Combination.result),
    ):
        columns: dict[str, pl.Expr] = {}
        for node in nodes:
            columns |= method(node)
        yield Stage(f"{name}: {words}", words, columns)


def _no_composite() -> dict[str, pl.Expr]:
    score = score_of(ROOT)
    return {score: NOTHING, f"{score}.status": reason("not_scored"), f"{ROOT}.coverage": NOTHING}


def _bounds(system: System, name: str, place: int, target: Target) -> tuple[pl.Expr, pl.Expr]:
    """The bounds of one target as expressions; entities' own targets stand in a column of the panel."""
    if target.per_entity is not None:
        return pl.col(own_column(name, place)), NOTHING
    low, high = target.bounds(system.unit(name))
    return literal(low), literal(high)


def _targets(system: System) -> dict[str, pl.Expr]:
    """The columns `name.target`, `name.upper` (for `within`) of the target in force, in the indicator's unit."""
    columns: dict[str, pl.Expr] = {}
    for name in system.indicators:
        targets = system.targets(name)
        if targets:
            bounds = [_bounds(system, name, place, target) for place, target in enumerate(targets)]
            columns[f"{name}.target"] = in_force(targets, MONTH, {i: low for i, (low, _) in enumerate(bounds)})
            if any(target.within for target in targets):
                columns[f"{name}.upper"] = in_force(targets, MONTH, {i: high for i, (_, high) in enumerate(bounds)})
    return columns


def _score(system: System, name: str, figures: dict[str, pl.Expr]) -> dict[str, pl.Expr]:
    """The columns `name.score` (percent of full marks) and `name.score.status`; what they ask of peers is collected."""
    indicator, rule = system.indicators[name], system.rule(name)
    column = score_of(name)
    if rule is None:
        return {
            column: NOTHING,
            f"{column}.status": pl.when(status_of(name) == reason("not_applicable"))
            .then(reason("not_applicable"))
            .otherwise(reason("no_target")),
        }
    low, high = goal(system, name)
    value = system.treated.get(name, name)
    unit, met = system.unit(name), functools.partial(reached, system, name)
    case = Case(
        pl.col(value), unit, indicator.direction, low, high, met, rule.peers, name, figures,
        fixed=fixed_bound(system.targets(name), unit),
    )  # fmt: skip
    answer = rule.score(case)
    guards = {"no_target": low.is_null()} if rule.needs_target and case.fixed is None else {}
    score = rule.finish(answer)
    if not answer.sound:
        score = where_given(score, [value])
    pair = guarded(column, score, guards | answer.guards, inputs=[value], sound=answer.sound)
    score, verdict = pair.values()
    if isinstance(indicator, Milestone):
        # Late is a result, not a gap: it earns what the definition says, by default nothing.
        late = status_of(name) == reason("late")
        score = pl.when(late).then(pl.lit(float(indicator.late_score))).otherwise(score)
        verdict = pl.when(late).then(reason("ok")).otherwise(verdict)
    return {column: score, f"{column}.status": verdict}


def _adjustments(system: System) -> dict[str, pl.Expr]:
    """The columns `name.points` of bonuses (positive) and deductions (negative), `name.veto` and `name.unjudged`."""
    columns: dict[str, pl.Expr] = {}
    for name, adjustment in system.adjustments.items():
        if isinstance(adjustment, Veto):
            columns[f"{name}.veto"] = adjustment.holds(system.symbols)
            columns[f"{name}.unjudged"] = adjustment.unjudged(system.symbols)
        elif isinstance(adjustment, Bonus | Deduction):
            points = adjustment.points_for(system.symbols)
            columns[f"{name}.points"] = points if isinstance(adjustment, Bonus) else -points
    return columns


def vetoes(system: System) -> dict[str, Veto]:
    """Returns the vetoes of a system by name."""
    return {name: one for name, one in system.adjustments.items() if isinstance(one, Veto)}


def _totals(system: System) -> dict[str, pl.Expr]:
    """The columns `raw` (the total before rounding, on the scale of the full mark), `raw.status` and `score`."""
    composite = system.composite
    tree = pl.col(score_of(ROOT)) * (composite.full / 100)
    points = [pl.col(f"{name}.points") for name, one in system.adjustments.items() if not isinstance(one, Veto)]
    # NOTE: not pl.sum_horizontal, whose order of addition depends on the number of threads (Polars 2.1).
    total = functools.reduce(operator.add, points, tree)
    if points and (composite.floor is not None or composite.cap is not None):
        total = total.clip(composite.floor, composite.cap)
    guards: dict[str, pl.Expr] = {}
    for name, veto in vetoes(system).items():
        applies = pl.col(f"{name}.veto")
        if veto.effect.score is not None:
            total = pl.when(applies & total.is_not_null()).then(pl.lit(float(veto.effect.score))).otherwise(total)
        elif veto.effect.score_at_most is not None:
            total = pl.when(applies).then(total.clip(upper_bound=veto.effect.score_at_most)).otherwise(total)
        elif veto.effect.fail:
            guards["not_scored"] = guards.get("not_scored", pl.lit(False)) | applies
    columns = guarded("raw", total, guards, inputs=[score_of(ROOT)])
    return columns | {"score": system.ranking.rounded(columns["raw"])}


def _compared(ranking_on: str) -> pl.Expr:
    # The full number, but for what binary fractions add to it: 90 must not miss a cut of 90 by its last bit.
    return pl.col("score") if ranking_on == "rounded" else pl.col("raw").round(9)


def _weighing(system: System) -> tuple[str, ...]:
    """The indicators that count: those of the tree, or all where there is none."""
    return tuple(name for name in system.indicators if name in system.parents or not system.tops)


def _places(system: System) -> dict[str, pl.Expr]:
    """The columns `rank`, `of` (how many are ranked in the cohort) and `#level` (stars earned before vetoes)."""
    ranking: Ranking = system.ranking
    breakers = []
    for name in ranking.tie_break:
        lower = name in system.indicators and system.indicators[name].direction == "lower"
        value = pl.col(name) if name in system.indicators else pl.col(score_of(name))
        breakers.append(-value if lower else value)
    shown = _compared(ranking.on)
    rated = Rated(
        _compared(system.stars.on), tuple(system.tops), system.symbols, system.composite.full, _weighing(system)
    )
    return {
        "rank": ranking.place(shown, breakers),
        "of": shown.count().over("period", "cohort").cast(pl.UInt32),
        "#level": system.stars.settled(rated),
    }


def _stars(system: System) -> dict[str, pl.Expr]:
    """The columns `stars` (Int8, after vetoes) and `veto` (the titles of the vetoes that hold, empty for none)."""
    level = pl.col("#level")
    titles = []
    for name, veto in vetoes(system).items():
        applies = pl.col(f"{name}.veto")
        if veto.effect.stars_at_most is not None:
            level = pl.when(applies).then(level.clip(upper_bound=veto.effect.stars_at_most)).otherwise(level)
        elif veto.effect.demote is not None:
            # A demotion stops at the lowest level, but never lifts what had not even reached that.
            lowered = pl.max_horizontal(
                level - veto.effect.demote, pl.min_horizontal(level, pl.lit(system.stars.lowest))
            )
            level = pl.when(applies & level.is_not_null()).then(lowered).otherwise(level)
        titles.append(pl.when(applies).then(pl.lit(veto.title or name)))
    veto_text = pl.concat_str(titles, separator="、", ignore_nulls=True) if titles else pl.lit("")
    return {"stars": level.cast(system.stars.dtype), "veto": veto_text}


def _changes(ranking: Ranking) -> dict[str, pl.Expr]:
    """The columns `rank_change` (Int32, positive is better) and `score_change` against the period before.

    Places that are the mean of several, with `ties: average`, move by halves: their change is Float64.
    """
    place = pl.col("rank").cast(pl.Float64 if ranking.ties == "average" else pl.Int32)
    change = pl.col("score") - pl.col("score").shift(ENTITIES)
    return {"rank_change": place.shift(ENTITIES) - place, "score_change": change.round(9)}


#: A system of one figure, for the doctest of `compile_plan`.
EXAMPLE = """
system: example
period: year
entities: {title: 县}
measures: {roads: {unit: 公里}}
indicators: {length: {kind: level, of: roads, target: {at_least: 10}}}
"""
