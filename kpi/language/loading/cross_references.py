"""Check across the definitions of a system: names, units, the tree, and what refers to what."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import polars as pl
from msgspec.structs import replace

from kpi.errors import Message, Severity, alternatives, suggest
from kpi.language import (
    classes,
    expressions,
    linear_edits,
    ranges,
    running_totals,
    sensitive,
    small_numbers,
    window_checks,
)
from kpi.language.adjustments import vetoes
from kpi.language.aggregation import means
from kpi.language.aggregation.nodes import Node
from kpi.language.aggregation.rescoring import rule_problems
from kpi.language.checks.base import FACTS
from kpi.language.classes import differs
from kpi.language.datasets import Records
from kpi.language.expressions import terms
from kpi.language.grouping import ALL, COHORTS, without_roster
from kpi.language.indicators import Indicator
from kpi.language.loading import full_marks, joint_adjustments, similar_names
from kpi.language.measures import Measure
from kpi.language.model import Path, Problem, Problems, kind_of
from kpi.language.record_columns import column_kinds, counted_in, term_of
from kpi.language.stars.base import Scheme
from kpi.language.system import ROOT, System, unit_or_none
from kpi.language.uncertainty import Uncertainty
from kpi.values import units
from kpi.values.patterns import regex

#: Columns of the panel and of its totals: a measure or indicator of that name would be written over.
RESERVED = frozenset(
    {ROOT, "entity", "period", "cohort", "per", "target", "raw", "score", "rank", "of", "stars", "veto"}
    | {"rank_change", "score_change", "period_index"}
)


def problems(system: System) -> Problems:
    """Yield all problems of a system beyond the shape of its parts, in the order of the file."""
    yield from ranges.problems(system)
    yield from similar_names.problems(system)
    yield from _kept_and_left_out(system)
    yield from _shared_names(system)
    yield from _measure_problems(system)
    yield from _indicator_problems(system)
    yield from running_totals.problems(system)
    yield from window_checks.problems(system)
    yield from small_numbers.problems(system)
    yield from linear_edits.problems(system)
    yield from sensitive.problems(system)
    yield from _treatment_problems(system)
    yield from _tree_problems(system)
    yield from full_marks.problems(system)
    for name, adjustment in system.adjustments.items():
        path: Path = ("adjustments", name)
        for used in adjustment.names():
            yield from _known(system, (*path, "of"), used)
        for used in adjustment.waits_for():
            if used not in system.indicators and used not in system.pillars:
                yield _unknown_part(system, used, (*path, "opens", used), at_key=True)
        yield from adjustment.problems(path, system.symbols)
    yield from joint_adjustments.problems(system)
    yield from _star_problems(system)
    yield from uncertainty_problems(system.uncertainty, system)
    for place, name in enumerate(system.ranking.tie_break):
        if name not in system.indicators and name not in system.pillars:
            yield _unknown_part(system, name, ("ranking", "tie_break", place), at_key=False)
    yield from _group_problems(system)
    yield from _period_problems(system)
    for name, alert in system.notify.items():
        yield from alert.problems(("notify", name), system.symbols, system.results)
    yield from _check_problems(system)


def _check_problems(system: System) -> Problems:
    for name, check in system.checks.items():
        yield from check.problems(("checks", name), system.symbols, system.period)
        for used in dict.fromkeys(item for _, item in check.facts(system.symbols)):
            if used in system.symbols and not system.symbols[used].reported:
                message = Message("nobody reports `{name}`: it is computed", name=used)
                yield Problem(
                    "K452", ("checks", name), message, hint=Message("name the figures that it is computed from")
                )


def _period_problems(system: System) -> Problems:
    """Yield the problems of longer periods, and of the window that places are compared over."""
    yield from system.ranking.window_problems(("ranking",), system.period)
    if system.totals_over is not None:
        yield from system.totals_over.problems(("totals_over",), system.period)


def _group_problems(system: System) -> Problems:
    """Yield the problems of groups, and of groups named that there are not."""
    for name, group in system.groups.items():
        path: Path = ("groups", name)
        if name in (ALL, COHORTS):
            message = Message("`{name}` is a group of the language itself", name=name)
            yield Problem("K202", path, message, hint=Message("rename it"), at_key=True)
        if group.of is not None:
            yield from _known(system, (*path, "of"), group.of)
        if group.column is not None and system.entities.roster is None:
            yield without_roster((*path, "column"))
        yield from group.problems(path, system.symbols)
    places: list[tuple[Path, str]] = [(("peers",), system.peers)]
    places += [(("ranking", "within", place), name) for place, name in enumerate(system.ranking.within)]
    known = [ALL, COHORTS, *system.groups]
    for at, name in places:
        if name not in known:
            hint = suggest(name, known) or Message("there is {groups}", groups=tuple(known))
            yield Problem("K493", at, Message("`{name}` is no group", name=name), hint=hint, label=_UNKNOWN)


def uncertainty_problems(uncertainty: Uncertainty, system: System) -> Problems:
    """Yield what is wrong with a statement of what varies in a system."""
    derived = {
        name: node.weights_method is not None or any(map(differs, parts.values())) for name, node, parts in system.tree
    }
    yield from uncertainty.problems(
        system.symbols, system.indicators,
        {ROOT: False} | dict.fromkeys(system.pillars, False) | derived, frozenset(system.treatment),
        cuts=system.stars.steps if system.stars is not None and system.stars.by_score else None,
        full=system.composite.full,
    )  # fmt: skip


def _kept_and_left_out(system: System) -> Problems:
    wholes = {fact for check in system.checks.values() for fact, _ in check.facts(system.symbols) if fact not in FACTS}
    left_out = set(map(_folded, system.entities.leave_out))
    not_units = set(map(_folded, wholes))
    for place, name in enumerate(system.entities.keep):
        contradictions = (
            (left_out, Message("`{name}` is kept as a unit here and left out by `leave_out`", name=name)),
            (
                not_units,
                Message("`{name}` is kept as a unit here and the whole of a check, which is no unit", name=name),
            ),
        )
        for names, message in contradictions:
            if _folded(name) in names:
                yield Problem(
                    "K418", ("entities", "keep", place), message, hint=Message("take it out of one of the two")
                )


def _folded(name: str) -> str:
    """Return a name as names are compared: without blanks and case."""
    return "".join(name.split()).casefold()


def _star_problems(system: System) -> Problems:
    """Yield the problems of the star scheme, and of vetoes on stars without one."""
    if system.stars is not None:
        yield from system.stars.problems(("stars",), system.symbols, frozenset(system.pillars))
        yield from _levels_of_vetoes(system, system.stars)
        return
    for name, veto in vetoes(system.adjustments).items():
        for key in ("stars_at_most", "demote"):
            if getattr(veto.effect, key) is not None:
                message = Message("the veto `{name}` acts on stars, and the system gives none", name=name)
                hint = Message("write `stars:`, such as {{kind: bands, cuts: {{5: 90, 4: 80, 3: 70, 2: 60, 1: 0}}}}")
                yield Problem("K475", ("adjustments", name, "effect", key), message, hint=hint, at_key=True)


def _levels_of_vetoes(system: System, stars: Scheme) -> Problems:
    """Yield the vetoes that leave a level which the scheme does not have, and that has no name either."""
    known = {*stars.levels_given, *stars.names, stars.floor, stars.cap}
    for name, veto in vetoes(system.adjustments).items():
        most = veto.effect.stars_at_most
        if stars.levels_given and most and most not in known:
            message = Message(
                "the veto `{name}` leaves {level}, which `stars:` never gives", name=name, level=stars.title(most)
            )
            hint = Message("take one of {levels}, or name it in `names:` of the stars",
                           levels=tuple(str(level) for level in stars.levels_given))  # fmt: skip
            place = ("adjustments", name, "effect", "stars_at_most")
            yield Problem("K476", place, message, hint=hint, severity=Severity.WARNING)


def _shared_names(system: System) -> Problems:
    spaces: dict[str, Iterable[str]] = {
        "measures": system.measures,
        "indicators": system.indicators,
        "pillars": system.pillars,
    }
    first: dict[str, str] = {}
    for space, names in spaces.items():
        for name in names:
            if name in first:
                hint = Message("measures, indicators and pillars share one namespace; rename one")
                yield Problem(
                    "K201",
                    (space, name),
                    Message("`{name}` is already one of the {section}", name=name, section=first[name]),
                    hint=hint,
                    at_key=True,
                )
            elif name in RESERVED:
                hint = Message("rename it")
                yield Problem(
                    "K202",
                    (space, name),
                    Message("`{name}` is a name the engine uses itself", name=name),
                    hint=hint,
                    at_key=True,
                )
            first.setdefault(name, space)


def _measure_problems(system: System) -> Problems:
    kinds = _record_kinds(system)
    for name, measure in system.measures.items():
        path: Path = ("measures", name)
        try:
            units.parse(measure.unit)
        except units.UnitError as error:
            yield Problem("K305", (*path, "unit"), error.message, hint=error.hint, label=Message("unknown unit"))
        yield from _one_measure(
            measure, path, system.datasets, {} if measure.reported else kinds.get(measure.source, {})
        )


def _indicator_problems(system: System) -> Problems:
    ordered = {name for level in system.levels for name in level} | set(system.measures)
    for circle in _circles(
        {n: [u for _, u in item.inputs()] for n, item in system.indicators.items() if n not in ordered}
    ):
        yield _circle(
            ("indicators", circle[0]),
            Message("`{name}` is computed from itself", name=circle[0])
            if len(circle) == 1
            else Message("`{name}` is computed from itself: {circle}", name=circle[0], circle=_around(circle)),
        )
    for name, indicator in system.indicators.items():
        path: Path = ("indicators", name)
        unknown = list(_unknown_inputs(system, path, indicator))
        yield from unknown
        for tail, used in indicator.inputs():
            symbol = system.symbols.get(used)
            if symbol is not None and symbol.per is not None and used != indicator.finer_measure:
                hint = Message("only `kind: count` reads a measure with `per`")
                yield Problem(
                    "K407",
                    (*path, *tail),
                    Message("`{name}` has a number per {per}, not per entity", name=used, per=symbol.per),
                    hint=hint,
                )
        if unknown or name not in system.symbols or name in system.measures:
            continue
        declared = getattr(indicator, "unit", None)
        if declared is not None and unit_or_none(declared) is None:
            yield from _unit_problem(declared, (*path, "unit"))
            continue
        result = list(indicator.problems(path, system.symbols, system.period))
        yield from result
        unit = system.symbols[name].unit
        rule = system.rule(name)
        if rule is not None and unit is not None:
            at: Path = (*path, "score") if indicator.score is not None else ("scoring",)
            result = list(rule.problems(at, unit))
            yield from result
            if not result:
                yield from rule.order_problem(at, unit, higher=indicator.direction == "higher") or ()


def _treatment_problems(system: System) -> Problems:
    for name, step in system.treatment.items():
        for place, used in enumerate(step.of):
            if used not in system.indicators:
                path: Path = ("treatment", name, "of", place)
                yield Problem(
                    "K203",
                    path,
                    Message("unknown indicator `{name}`", name=used),
                    hint=suggest(used, system.indicators),
                )
        for place, used in enumerate(step.uses):
            path = ("treatment", name, "on", place)
            if used not in system.indicators:
                message, near = Message("unknown indicator `{name}`", name=used), suggest(used, system.indicators)
                yield Problem("K203", path, message, hint=near)
            elif system.steps[name] == (used,):
                message = Message("`{name}` cannot be filled from itself", name=used)
                yield Problem("K458", path, message, hint=Message("name other indicators that it depends on"))
        for used in system.steps[name]:
            rule = system.rule(used) if used in system.indicators else None
            if not step.keeps_unit and rule is not None and (not rule.relative or any(rule.quantities().values())):
                message = Message(
                    "`{indicator}` is scored by a number in its unit, and `{step}` takes its unit away",
                    indicator=used,
                    step=name,
                )
                hint = Message("score it relative to its peers, such as by minmax, or leave it out with `of:`")
                yield Problem("K425", ("treatment", name), message, hint=hint)


def _tree_problems(system: System) -> Problems:
    seen: dict[str, list[str]] = {}
    for name, pillar in system.pillars.items():
        for part in pillar.parts:
            path: Path = ("pillars", name, "parts", part)
            others = seen.setdefault(part, [])
            if part not in system.indicators and part not in system.pillars:
                yield _unknown_part(system, part, path, at_key=True)
            elif (problem := _shared_part(system, part, name, others)) is not None:
                message, hint = problem
                yield Problem("K408", path, message, hint=hint, at_key=True)
            others.append(name)
        method = system.composite.weights
        if name in system.tops and pillar.weight is None and len(system.tops) > 1 and method is None:
            yield Problem(
                "K409",
                ("pillars", name),
                Message("the top pillar `{name}` has no weight", name=name),
                hint=Message("add `weight:`"),
            )
        if name in system.parents and pillar.weight is not None:
            hint = Message("its weight is the number beside it in the parts of `{pillar}`", pillar=system.parents[name])
            yield Problem(
                "K410", ("pillars", name, "weight"), Message("only top pillars have a weight of their own"), hint=hint
            )
        if name in system.tops and pillar.weight is not None and method is not None:
            message = Message("the composite finds the weights of the top pillars ({method})", method=method.words())
            yield Problem("K410", ("pillars", name, "weight"), message, hint=Message("take out one of the two"))
    reached = {name for level in system.depths for name in level}
    for circle in _circles({name: pillar.parts for name, pillar in system.pillars.items() if name not in reached}):
        yield _circle(
            ("pillars", circle[0]),
            Message("`{name}` is a part of itself", name=circle[0])
            if len(circle) == 1
            else Message("`{name}` is a part of itself: {circle}", name=circle[0], circle=_around(circle)),
        )
    yield from _scored_again_problems(system)
    yield from _weighting_problems(system)
    yield from _unscored(system)


def _scored_again_problems(system: System) -> Problems:
    """Yield the problems of scoring rules and caps of nodes, and of what is shown and not counted."""
    for name, pillar in system.pillars.items():
        if not any(pillar.parts.values()):
            message = Message("nothing counts in `{name}`: all its parts have the weight 0", name=name)
            yield Problem("K430", ("pillars", name, "parts"), message, hint=Message("give what counts a weight"))
        yield from rule_problems(name, pillar)
        yield from _cap_problems(system, ("pillars", name), pillar, _below(system, pillar.parts))
    yield from _cap_problems(system, ("composite",), system.composite, {*system.pillars, *system.parents})
    for name in system.headlines:
        yield from _repeated(system, name)


def _repeated(system: System, headline: str) -> Problems:
    """Yield the parts that stand twice below a headline: nothing would distinguish their contributions."""
    first: dict[str, str] = {}
    for name in (headline, *_below(system, system.pillars[headline].parts)):
        for part in system.pillars[name].parts if name in system.pillars else ():
            if part in first:
                message = Message(
                    "`{part}` stands twice below `{headline}`: in `{first}` and in `{second}`",
                    part=part, headline=headline, first=first[part], second=name,
                )  # fmt: skip
                path: Path = ("pillars", headline, "parts")
                yield Problem("K408", path, message, hint=Message("a part has one place in an index"))
            first.setdefault(part, name)


def _shared_part(system: System, part: str, name: str, others: Iterable[str]) -> tuple[Message, Message] | None:
    """Return what is wrong with a part that other nodes name too, and what to do; None for nothing.

    Headlines, and what only they are made of, may name parts of the total and of each other. The part has one column
    for a weight that is found by a method or differs by class, which is that of the total: the others are numbers.
    """
    for other in others:
        message = Message("`{part}` is already a part of `{pillar}`", part=part, pillar=other)
        beside = [system.pillars[node] for node in (name, other) if node in system.beside_nodes]
        if not beside:
            return message, Message("a part has one parent")
        by_method = any(system.pillars[node].weights_method is not None for node in (name, other))
        if by_method or any(classes.differs(node.parts[part]) for node in beside):
            hint = Message(
                "a headline shares only parts to which it gives plain numbers; define `{part}` again by another name",
                part=part,
            )
            return message, hint
    return None


def _below(system: System, parts: Iterable[str]) -> list[str]:
    """Return everything below a node with some parts."""
    below = list(parts)
    for name in below:
        if name in system.pillars:
            below += [part for part in system.pillars[name].parts if part not in below]
    return below


def _cap_problems(system: System, path: Path, node: Node, below: Collection[str]) -> Problems:
    for place, cap in enumerate(node.caps):
        at: Path = (*path, "caps", place)
        yield from cap.problems(at, system.symbols)
        for name in cap.below or ():
            if name not in system.indicators and name not in system.pillars:
                yield _unknown_part(system, name, (*at, "below", name), at_key=True)
            elif name not in below:
                message = Message("`{name}` is no part below this node, so its score is not there yet", name=name)
                hint = Message("put the cap where both are below, such as in `composite:`, or use `when:` with figures")
                yield Problem("K429", (*at, "below", name), message, hint=hint, at_key=True)


def _declared_weights(system: System) -> Problems:
    """Yield what is wrong with weights by class and with dates, and with marks of items that have none."""
    for name, pillar in system.pillars.items():
        if pillar.weight is not None:
            yield from classes.problems(pillar.weight, ("pillars", name, "weight"), system.period)
        for part, weight in pillar.parts.items():
            yield from classes.problems(weight, ("pillars", name, "parts", part), system.period)


def _weighting_problems(system: System) -> Problems:
    yield from _declared_weights(system)
    leaves = frozenset(system.indicators)
    for name, pillar in system.pillars.items():
        if pillar.weights is not None:
            yield from pillar.weights.problems(("pillars", name, "weights"), list(pillar.parts), leaves)
    if system.composite.weights is not None:
        yield from system.composite.weights.problems(("composite", "weights"), list(system.tops), leaves)
    parts: dict[Path, list[str]] = {("pillars", name): list(pillar.parts) for name, pillar in system.pillars.items()}
    for path, node in system.nodes.items():
        yield from means.problems((*path, "mean"), node.mean, parts.get(path, list(system.tops)))
        if node.weights is not None:
            yield from node.weights.mean_problems((*path, "weights"), node.mean, node.missing.policy) or ()


def _unscored(system: System) -> Problems:
    for name in system.parents:
        if name in system.indicators and not _can_score(system, name):
            path: Path = ("pillars", system.parents[name], "parts", name)
            hint = Message("give its target a number, or a scoring rule that needs none")
            yield Problem(
                "K417",
                path,
                Message("`{name}` has weight but no target to score it by", name=name),
                hint=hint,
                severity=Severity.WARNING,
                at_key=True,
            )


def _can_score(system: System, name: str) -> bool:
    rule = system.rule(name)
    if rule is None or not rule.needs_target:
        return rule is not None
    if system.targets(name) and rule.scores_untasked:
        return True
    given = [t for t in system.targets(name) if t.done is not None or t.within or getattr(t, t.comparator) is not None]
    return bool(given)


def _known(system: System, path: Path, name: str) -> Iterator[Problem]:
    if not _is_figure(system, name):
        names = [*system.measures, *system.indicators]
        yield Problem(
            "K203",
            path,
            Message("unknown measure or indicator `{name}`", name=name),
            hint=suggest(name, names),
            label=_UNKNOWN,
        )


def _is_figure(system: System, name: str) -> bool:
    return name in system.symbols or name in system.indicators


def _unknown_part(system: System, name: str, path: Path, *, at_key: bool) -> Problem:
    hint = suggest(name, [*system.indicators, *system.pillars])
    if name in system.measures:
        hint = Message("`{name}` is a measure; add an indicator of it: {{kind: level, of: {name}}}", name=name)
    return Problem(
        "K203",
        path,
        Message("unknown indicator or pillar `{name}`", name=name),
        hint=hint,
        label=_UNKNOWN,
        at_key=at_key,
    )


_UNKNOWN = Message("not defined")


def _unknown_inputs(system: System, path: Path, indicator: Indicator) -> Problems:
    """Yield unknown names of an indicator; those of a formula in the order of its text, each with its place in it."""
    unknown = [place for place in indicator.named() if not _is_figure(system, place.name)]
    for place in sorted(unknown, key=lambda place: place.span or (0, 0)):
        for problem in _known(system, (*path, *place.place), place.name):
            yield replace(problem, span=place.span)


def _circles(graph: Mapping[str, Iterable[str]]) -> Iterator[list[str]]:
    """Yield circular definitions, each name in at most one."""
    left = dict(graph)
    for start in graph:
        walk = [start] if start in left else []
        while walk and (after := next((name for name in graph[walk[-1]] if name in left), None)) is not None:
            if after in walk:
                yield walk[walk.index(after) :]
                break
            walk.append(after)
        for name in walk:
            left.pop(name, None)


def _around(names: list[str]) -> str:
    return " → ".join([*names, names[0]])


def _circle(path: Path, message: Message) -> Problem:
    return Problem("K406", path, message, hint=Message("take one of them out of the circle"), at_key=True)


def _unit_problem(text: str, path: Path) -> Problems:
    try:
        units.parse(text)
    except units.UnitError as error:
        yield Problem("K305", path, error.message, hint=error.hint, label=Message("unknown unit"))


def _one_measure(measure: Measure, path: Path, datasets: dict[str, Any], kinds: Mapping[str, str]) -> Problems:
    wants = measure.forms
    if measure.source is not None:
        dataset = datasets.get(measure.source)
        if dataset is None:
            hint = suggest(measure.source, datasets)
            yield Problem(
                "K204",
                (*path, "from"),
                Message("unknown dataset `{name}`", name=measure.source),
                hint=hint,
                label=Message("not defined"),
            )
        elif dataset.form not in wants:
            kind = kind_of(type(measure))
            message = Message(
                "`{kind}` needs a dataset of form {forms}; `{dataset}` is {form}",
                kind=kind,
                forms=alternatives(wants),
                dataset=measure.source,
                form=dataset.form,
            )
            fitting = [name for name, item in datasets.items() if item.form in wants]
            hint = (
                Message("one is {datasets}", datasets=alternatives(fitting))
                if fitting
                else Message("add one to `datasets:`, {{form: {form}}}", form=wants[0])
            )
            yield Problem("K411", (*path, "from"), message, hint=hint)
    elif not measure.reported and sum(item.form == "records" for item in datasets.values()) != 1:
        records = [name for name, item in datasets.items() if item.form == "records"]
        hint = (
            Message("add `from:` {datasets}", datasets=alternatives(records))
            if records
            else Message("add one to `datasets:`, {{form: records}}")
        )
        yield Problem(
            "K411", path, Message("`{name}` does not say which records it comes from", name=path[-1]), hint=hint
        )
    if not measure.reported and measure.over_time == "ytd" and not measure.additive:
        hint = Message("take `over_time: ytd` away, or use `kind: sum`")
        yield Problem(
            "K411", (*path, "over_time"), Message("only sums and counts of records can be year to date"), hint=hint
        )
    yield from _expressions_of(measure, path, kinds)


def _record_kinds(system: System) -> dict[str | None, Mapping[str, str]]:
    """Return the kinds of the columns of each dataset of records, by its name, by None where there is one alone."""
    datasets = {name: item for name, item in system.datasets.items() if isinstance(item, Records)}
    items = [measure for measure in system.measures.values() if not measure.reported]
    results: dict[str | None, Mapping[str, str]] = {}
    for name, dataset in datasets.items():
        sources = {name, None} if len(datasets) == 1 else {name}
        results[name] = column_kinds(dataset, [item for item in items if item.source in sources]).kinds
        if len(datasets) == 1:
            results[None] = results[name]
    return results


def _expressions_of(measure: Measure, path: Path, kinds: Mapping[str, str]) -> Problems:
    """Yield what is wrong with the condition of a measure, and with what it computes in the place of a column."""
    if measure.where is not None:
        try:
            _filter(measure.where, kinds)
        except terms.ExpressionError as error:
            yield _expression_problem(error, (*path, "where"))
    of = measure.taken_from
    if not measure.computes:
        if _OPERATOR.search(of):
            message = Message("`of` names one column here; `{text}` is a computation", text=of)
            yield Problem(
                "K466",
                (*path, "of"),
                message,
                hint=Message("name the column that is counted"),
                label=Message("not a column"),
            )
    elif measure.computed:
        yield from _computation(measure, path, kinds)
    elif kinds.get(of) == "time":
        message = Message("`{column}` holds dates, which have no {kind}", column=of, kind=kind_of(type(measure)))
        hint = Message("compute a difference, such as of: 办结时间 - 受理时间")
        yield Problem("K466", (*path, "of"), message, hint=hint, label=Message("dates"))


def _computation(measure: Measure, path: Path, kinds: Mapping[str, str]) -> Problems:
    """Yield what is wrong with an expression that a measure aggregates."""
    try:
        text = counted_in(measure).taken_from
        result = expressions.parse(text).resolve(lambda name: term_of(name, kinds, pl.col(name)))
    except terms.ExpressionError as error:
        yield _expression_problem(error, (*path, "of"))
        return
    if result.kind != "number":
        message = Message("`of` needs figures; `{text}` is a {kind}", text=measure.taken_from, kind=result.kind_title)
        hint = Message("compute a number, such as 办结时间 - 受理时间")
        yield Problem("K466", (*path, "of"), message, hint=hint, label=result.kind_title)
        return
    wanted = unit_or_none(measure.unit)
    # The units of other columns are known from the data alone.
    durations = (units.MICROSECONDS, units.WORKING_DAY)
    if wanted is not None and result.unit in durations and result.unit.dimension != wanted.dimension:
        working = result.unit == units.WORKING_DAY
        what = Message("a number of working days") if working else Message("a duration")
        message = Message(
            "`{text}` is {what}, and the unit of the measure is {unit}",
            text=measure.taken_from,
            what=what,
            unit=measure.unit,
        )
        hint = Message("write 工作日") if working else Message("write a unit of time: 天, 小时, 分钟 or 工作日")
        if units.is_of_months(wanted):
            hint = Message("months and years have no fixed length: write days, 天 or 工作日")
        yield Problem("K468", (*path, "unit"), message, hint=hint, label=Message("another unit"))


# An operator between blanks: a heading may hold signs, but a computation has no distinct values to count.
_OPERATOR = regex(r"\S\s+[-+*/－−×÷]\s+\S")


def _expression_problem(error: terms.ExpressionError, path: Path) -> Problem:
    return Problem(error.code, path, error.message, hint=error.hint, label=error.label, span=error.span)


def _filter(text: str, types: Mapping[str, str]) -> None:
    """Raise ExpressionError for a text that is no condition on the columns of records."""
    parsed = expressions.parse(text)
    kinds = parsed.column_kinds() | dict(types)
    result = parsed.resolve(lambda name: term_of(name, kinds, pl.col(name)))
    if result.kind != "boolean":
        hint = Message("write a comparison, such as 渠道 = '网上'")
        raise terms.ExpressionError(
            "K302",
            Message("a condition is needed here, this is {kind}", kind=result.kind_title),
            (0, len(text)),
            hint=hint,
        )
