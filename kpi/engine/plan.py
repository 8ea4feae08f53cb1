"""The plan: a system compiled into stages, each one `with_columns` over the panel; running it is a fold.

The panel is wide: one row per entity and period, complete, ordered by period and then entity, with the columns
`entity` (UInt32, place in the roster), `period` (Int32, index at the system's grain), `cohort` (String), `#month`
(Int32, last month of the period), `#entities` (Int64), and for every measure `name` (Float64) and `name.status`.
Every stage adds named columns, so one harness can
test, explain and time all of them. A plan is immutable and safe to share.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from functools import cached_property

import polars as pl
from msgspec import Struct

from kpi.engine import alert_stage, check_stages, headlines, limits_of_levels
from kpi.engine.result_columns import NOTHING, case_of, details_of
from kpi.engine.stage import Stage
from kpi.engine.totals import adjusted, changes, further_places, joint, placed, starred, totalled, within_pillars
from kpi.errors import Message
from kpi.language import small_numbers
from kpi.language.aggregation import rescoring
from kpi.language.aggregation.nodes import Combination
from kpi.language.classes import weight_expr
from kpi.language.grouping import ALL, COHORTS
from kpi.language.indicators import MONTH
from kpi.language.linear_edits import Edit, edits
from kpi.language.system import ROOT, CheckedSystem, System
from kpi.language.targets import Target, in_force, is_fixed
from kpi.language.treatment.steps import finished
from kpi.process import extensions
from kpi.values.columns import COHORT, OUTSIDE, Column, Expressions, group_of, kept_by, left_out_by
from kpi.values.status import guarded, literal, reason, status_of, where_given


class Plan(Struct, frozen=True, dict=True, eq=False):
    """A compiled system: `stages` compute the totals, `details` the further columns of the tidy result frames.

    Its system keeps it, so two of equal systems are not compared: that would not end.
    """

    system: CheckedSystem
    stages: tuple[Stage, ...]

    def run(self, panel: pl.LazyFrame) -> pl.LazyFrame:
        """Return the panel with the columns of every stage, lazily."""
        return _limited(self.system, self.stages, panel)

    @cached_property
    def rules(self) -> tuple[check_stages.Rule, ...]:
        """The rules of the checks; each has a column of the frame that is true where it is broken."""
        return check_stages.rules(self.system)

    @cached_property
    def edits(self) -> tuple[Edit, ...]:
        """The linear inequalities of the checks."""
        return tuple(edits(self.system))

    def collect(self, panel: pl.DataFrame) -> pl.DataFrame:
        """Run the plan on a panel and return the result; the only place where a plan is collected."""
        in_pieces = panel.height >= _MANY
        return _collected(_limited(self.system, self.stages, panel.lazy(), in_pieces=in_pieces), panel.height)

    @cached_property
    def intervals(self) -> tuple[Stage, ...]:
        """The stage of the intervals of indicators, which details read; empty where none has one."""
        columns, system = Expressions(), self.system
        for name, indicator in system.indicators.items():
            columns |= indicator.intervals(name, system.symbols, system.period) or Expressions()
        stage = Stage.of("intervals", Message("intervals of indicators"), columns)
        return (stage,) if stage.columns else ()

    def with_intervals(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return a result of `collect`, of all periods, with the columns of `intervals`."""
        return _through(self.intervals, frame) if self.intervals else frame

    @cached_property
    def details(self) -> tuple[Stage, ...]:
        """The stages of the tidy frames: attainment, schedule, lights, effective weights, ranks, limits."""
        return (*details_of(self.system), *limits_of_levels.stages(self.system))

    def detail(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return rows of a result of `with_intervals` with the columns of `details`."""
        return _through(self.details, frame)

    def combined_again(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return a result of another plan, of a system with the same scores, with the tree of this one and details."""
        return _through((*(stage for stage in tree(self.system) if stage.columns), *self.details), frame)


#: The number of rows from which common-subexpression elimination pays off.
_SHARED = 20_000

#: The number of rows from which stages are computed in pieces: with fewer, what they pass on is small.
_MANY = 100_000


def _through(stages: Iterable[Stage], frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with the columns of stages."""
    in_pieces = frame.height >= _MANY
    through = functools.reduce(lambda lazy, stage: stage(lazy, in_pieces=in_pieces), stages, frame.lazy())
    return _collected(through, frame.height)


def _collected(frame: pl.LazyFrame, height: int) -> pl.DataFrame:
    # NOTE: a plan is a chain of columns over one frame in memory, without joins, sorts or anything to push down; the
    # search for optimizations takes a fifth of the time of 200 indicators (Polars 2.1). Window functions only run on
    # the in-memory engine, which is the faster one for small frames.
    optimizations = pl.QueryOptFlags.none()
    optimizations.comm_subexpr_elim = height >= _SHARED
    return frame.collect(engine="in-memory", optimizations=optimizations)


#: Where a system keeps its plan, beside the cached properties that are derived from it, too.
_PLAN = "plan"


def compile_plan(system: CheckedSystem) -> Plan:
    """Compile a system that passed all checks, once: a service scores by the same one again and again.

    >>> from kpi.language.loading.loader import examine_text
    >>> plan = compile_plan(examine_text(EXAMPLE).system)
    >>> [stage.name for stage in plan.stages]
    ['indicators 1', 'scores', 'composite', 'totals', 'places', 'stars', 'changes']
    """
    derived = vars(system)
    if _PLAN not in derived:
        with extensions.answering():
            derived[_PLAN] = Plan(system, tuple(stage for stage in _stages(system) if stage.columns))
    plan: Plan = derived[_PLAN]
    return plan


def _limited(system: System, stages: Iterable[Stage], panel: pl.LazyFrame, *, in_pieces: bool = False) -> pl.LazyFrame:
    """Return the panel with the columns of stages, where indicators do not apply to what is no entity in a period."""
    levels = {f"indicators {number}": names for number, names in enumerate(system.levels, 1)}
    limited = OUTSIDE in panel.collect_schema()
    for stage in stages:
        panel = stage(panel, in_pieces=in_pieces)
        if limited and stage.name in levels:
            panel = panel.with_columns(_outside(levels[stage.name]))
    return panel


def valued(system: System, panel: pl.LazyFrame) -> pl.LazyFrame:
    """Return the panel with the values of all indicators, checked, from its measures."""
    return _limited(system, (stage for stage in _valuing(system) if stage.columns), panel)


def _outside(names: Iterable[str]) -> Iterator[pl.Expr]:
    """Yield indicators that do not apply to entities that are none in the period, whatever they are computed from."""
    for name in names:
        status = Column(name).status
        yield pl.when(~pl.col(OUTSIDE)).then(pl.col(name)).alias(name)
        yield pl.when(OUTSIDE).then(reason("not_applicable")).otherwise(pl.col(status)).alias(status)


# ---- STAGES ---- #


def _stages(system: System) -> Iterator[Stage]:
    yield from _valuing(system)
    yield alert_stage.stage(system, of_scores=False)
    yield from _groups(system)
    yield from treating(system)
    given: dict[str, pl.Expr] = {
        Column(part).declared: weight_expr(weight, system.timeline) for part, weight in system.varied.items()
    }
    yield Stage("given weights", Message("weights by class and period"), given)
    yield Stage("targets", Message("targets in force"), _targets(system))
    yield from scoring(system)
    yield from tree(system)
    yield alert_stage.stage(system, of_scores=True)


def _valuing(system: System) -> Iterator[Stage]:
    """Yield the stages that compute the values of indicators, and the checks between them."""
    rules = check_stages.rules(system)
    yield from check_stages.stages(rules, 0)
    for number, names in enumerate(system.levels, 1):
        columns = Expressions()
        for name in names:
            columns |= system.indicators[name].expressions(name, system.symbols, system.period)
        yield Stage.of(f"indicators {number}", Message("values and statuses of indicators"), columns)
        yield from check_stages.stages(rules, number)


def _groups(system: System) -> Iterator[Stage]:
    """Yield the stages that group entities otherwise than by cohort; from there on `cohort` is that of the peers.

    The cohort of the roster or the data is then `group_of("cohort")`.
    """
    by_figure: dict[str, pl.Expr] = {
        group_of(name): group.by_figure(system.symbols) for name, group in system.groups.items() if group.of is not None
    }
    yield Stage("groups", Message("groups by figures"), by_figure)
    if system.peers != COHORTS:
        peers = pl.lit("") if system.peers == ALL else pl.col(group_of(system.peers))
        columns = {group_of(COHORTS): pl.col(COHORT), COHORT: peers}
        yield Stage("compared", Message("groups of peers"), columns)


def scoring(system: System) -> Iterator[Stage]:
    """Yield the stage that computes scores from values, and before them the statistics of peers."""
    scores = Expressions()
    figures: dict[str, pl.Expr] = {}
    for name in system.indicators:
        scores |= _score(system, name, figures)
    yield Stage("scores", Message("scores in percent of full marks"), scores.values, scores.statuses, figures)


def tree(system: System) -> Iterator[Stage]:
    """Yield the stages that compute pillars, totals, ranks and stars from scores."""
    leaves = frozenset(system.indicators)
    for depth, names in enumerate(system.depths):
        nodes = [
            Combination(name, system.pillars[name], system.pillars[name].parts, leaves, system.treated, system.unsure)
            for name in names
        ]
        level = f"pillars {len(system.depths) - depth}"
        yield from _combine(system, level, nodes)
        for number, columns in enumerate(within_pillars(system, names) if system.within else ()):
            yield Stage(f"{level}: adjustments {number}", Message("adjustments within pillars"), columns)
    if system.tops:
        root = Combination(ROOT, system.composite, system.tops, leaves, system.treated, system.unsure)
        yield from _combine(system, ROOT, [root])
    else:
        yield Stage.of(ROOT, Message("no pillars, so no total"), _no_composite())
    yield Stage("adjustments", Message("adjustments and vetoes"), adjusted(system))
    yield Stage("limits", Message("limits on several adjustments"), joint(system))
    yield Stage.of("totals", Message("total and its rounding"), totalled(system))
    yield Stage("places", Message("ranks and stars"), placed(system))
    yield Stage("stars", Message("stars after vetoes, and changes"), starred(system))
    yield Stage("changes", Message("changes against the previous period"), changes(system))
    if system.places_apart:
        for number, columns in enumerate(further_places(system)):
            yield Stage(f"further places {number}", Message("places in several rankings"), columns)
    for number, columns in enumerate(headlines.columns(system)):
        yield Stage(f"headlines {number}", Message("scores and places of headlines"), columns)


def treating(system: System) -> Iterator[Stage]:
    """Yield one stage per step, with the columns `name#step`, and a stage with the values that are scored."""
    current = {name: pl.col(name) for name in system.treated}
    out: dict[str, pl.Expr] = {}
    yield Stage("variances", Message("sampling variances"), small_numbers.variances(system))
    for step, names in system.steps.items():
        treatment, values = system.treatment[step], {name: current[name] for name in names}
        used = {name: current.get(name, pl.col(name)) for name in treatment.uses if name not in values}
        seen = {name: (value, system.breaks(name)) for name, value in (values | used).items()}
        treated_values = {name: value for name, value in treatment.within(seen).items() if name in values}
        # An entity that a step leaves out stays out, also if a later step imputes missing values.
        columns: dict[str, pl.Expr] = {
            Column(name).after(step): pl.when(~out[name]).then(treated_value) if name in out else treated_value
            for name, treated_value in treated_values.items()
        }
        if treatment.mirrors:
            columns |= {
                Column(Column(name).after(step)).mirrored: treatment.mirrored(value) for name, value in values.items()
            }
        if treatment.screens:
            leaves_out = treatment.leaves_out(values)
            if treatment.exempt:
                leaves_out &= ~pl.col(kept_by(step))
                kept: dict[str, pl.Expr] = {Column(name).after(step): value for name, value in values.items()}
                columns = {
                    name: pl.when(pl.col(kept_by(step))).then(kept[name]).otherwise(value)
                    for name, value in columns.items()
                }
            columns[left_out_by(step)] = leaves_out
            out |= {name: out.get(name, pl.lit(False)) | pl.col(left_out_by(step)) for name in names}
        columns |= treatment.facts(values) or {}
        current |= {name: pl.col(Column(name).after(step)) for name in treated_values}
        yield Stage(f"treatment {step}", treatment.words(), columns)
    treated = Expressions()
    for name, last in current.items():
        treated |= finished(name, last, out.get(name))
    yield Stage.of("treated", Message("treated values"), treated)


def _combine(system: System, name: str, nodes: list[Combination]) -> Iterator[Stage]:
    for words, method in (
        (Message("weights by method"), Combination.weighing),
        (Message("weights of the parts"), Combination.weighed),
        (Message("applicable and available weight"), Combination.totals),
        (Message("weight that is carried"), Combination.carrying),
        (Message("scores"), Combination.result),
    ):
        columns = Expressions()
        for node in nodes:
            columns |= method(node)
        yield Stage.of(f"{name}: {words}", words, columns)
    figures: dict[str, pl.Expr] = {}
    again, limited = Expressions(), Expressions()
    for node in nodes:
        again |= rescoring.rescored(node.name, node.node, figures)
        limited |= rescoring.under_caps(node.name, node.node, system.symbols)
    yield Stage(f"{name}: peers", Message("statistics of peers"), figures)
    yield Stage.of(f"{name}: scored again", Message("scores of results"), again, tuple(figures))
    yield Stage.of(f"{name}: caps", Message("scores under caps"), limited)


def _no_composite() -> Expressions:
    score = Column(ROOT).score
    return Expressions({score: NOTHING, Column(ROOT).coverage: NOTHING}, {score.status: reason("not_scored")})


def _bounds(system: System, name: str, place: int, target: Target) -> tuple[pl.Expr, pl.Expr]:
    """Return the bounds of one target as expressions; targets per entity are a column of the panel."""
    if target.per_entity is not None:
        return pl.col(Column(name).own_target(place)), NOTHING
    low, high = target.bounds(system.unit(name))
    return literal(low), literal(high)


def _targets(system: System) -> dict[str, pl.Expr]:
    """Return `name.target` and, for `within`, `name.upper_target` of the target in force, in the indicator's unit.

    A single target for all entities and periods is a number, not a column: see `target_bounds`.
    """
    columns: dict[str, pl.Expr] = {}
    for name in system.indicators:
        targets = system.targets(name)
        if targets and not is_fixed(targets):
            bounds = [_bounds(system, name, place, target) for place, target in enumerate(targets)]
            columns[Column(name).target] = in_force(
                targets, MONTH, {i: low for i, (low, _) in enumerate(bounds)}, system.timeline
            )
            if any(target.within for target in targets):
                columns[Column(name).upper_target] = in_force(
                    targets, MONTH, {i: high for i, (_, high) in enumerate(bounds)}, system.timeline
                )
    return columns


def _score(system: System, name: str, figures: dict[str, pl.Expr]) -> Expressions:
    """Return `name.score` (percent of full marks) and `name.score.status`.

    Columns with statistics of the peers are added to `figures`.
    """
    indicator, rule = system.indicators[name], system.rule(name)
    column = Column(name).score
    if rule is None:
        inapplicable = status_of(name) == reason("not_applicable")
        why = pl.when(inapplicable).then(reason("not_applicable")).otherwise(reason("no_target"))
        return Expressions({column: NOTHING}, {column.status: why})
    value = system.treated.get(name, name)
    case, targets = case_of(system, name, rule, value, figures), system.targets(name)
    low = case.target
    answer = rule.score(case)
    guards = {"no_target": low.is_null()} if rule.needs_target and case.fixed is None else {}
    if rule.in_marks is not None and name in system.varied:
        own = pl.col(Column(name).declared)
        guards |= {"not_given": own.is_null(), "not_applicable": own == 0}
    if not targets and rule.needs_target:
        score = NOTHING
    else:
        score = rule.finish(answer) if answer.sound else where_given(rule.finish(answer), [value])
    pair = guarded(column, score, guards | answer.guards, inputs=[value], sound=answer.sound)
    score, verdict = pair.values[column], pair.statuses[column.status]
    untasked = rule.untasked(case) if targets and case.fixed is None else None
    if untasked is not None:
        # The status is derived from the score, so it becomes ok where this expression has a value.
        exempt = ["not_applicable", "not_scored"]
        counts = pl.col(value).is_not_null() if untasked.judges else ~status_of(value).is_in(exempt)
        if rule.in_marks is not None and name in system.varied:
            counts &= pl.col(Column(name).declared) != 0
        score = pl.when(low.is_null() & counts).then(untasked.score).otherwise(score)
    for status, mark in indicator.status_scores.items():
        holds = status_of(name) == reason(status)
        score = pl.when(holds).then(pl.lit(float(mark))).otherwise(score)
        verdict = pl.when(holds).then(reason("ok")).otherwise(verdict)
    return Expressions({column: score}, {column.status: verdict})


#: A system of one figure, for the doctest of `compile_plan`.
EXAMPLE = """
system: example
period: year
entities: {title: 县}
measures: {roads: {unit: 公里}}
indicators: {length: {kind: level, of: roads, target: {at_least: 10}}}
"""
