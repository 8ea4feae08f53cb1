"""Checks across the definitions of a system: names, units, the tree, and what refers to what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kpi import expressions, matrices, terms, units
from kpi.definition import Path, Problem, Problems
from kpi.errors import Severity, suggest
from kpi.indicators import Count as CountIndicator
from kpi.measures import Measure, Reported
from kpi.system import ROOT, System, unit_or_none

#: Columns of the panel and of its totals: a measure or indicator of that name would be written over.
RESERVED = frozenset(
    {ROOT, "entity", "period", "cohort", "per", "target", "raw", "score", "rank", "of", "level", "stars", "veto"}
    | {"rank_change", "score_change", "period_index"}
)


def problems(system: System) -> Problems:
    """Yields everything that is wrong with the system beyond the shape of its parts, in the order of the file."""
    yield from _shared_names(system)
    yield from _measure_problems(system)
    yield from _indicator_problems(system)
    yield from _tree_problems(system)
    for name, adjustment in system.adjustments.items():
        path: Path = ("adjustments", name)
        for used in adjustment.names():
            yield from _known(system, used, (*path, "of"))
        yield from adjustment.problems(path, system.symbols)
    yield from system.stars.problems(("stars",), system.symbols, frozenset(system.pillars))
    for place, name in enumerate(system.ranking.tie_break):
        if name not in system.indicators and name not in system.pillars:
            yield _unknown(system, name, ("ranking", "tie_break", place), "indicator or pillar")
    for name, check in system.checks.items():
        yield from check.problems(("checks", name), system.symbols, system.period)


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
                hint = "measures, indicators and pillars share one namespace; rename one"
                yield Problem("K201", (space, name), f"`{name}` is already one of the {first[name]}", hint=hint)
            elif name in RESERVED:
                hint = "choose another; what users read goes into `title:`"
                yield Problem("K202", (space, name), f"`{name}` is a name the engine uses itself", hint=hint)
            first.setdefault(name, space)


def _measure_problems(system: System) -> Problems:
    for name, measure in system.measures.items():
        path: Path = ("measures", name)
        try:
            units.parse(measure.unit)
        except units.UnitError as error:
            yield Problem("K305", (*path, "unit"), str(error), hint=error.hint, label="unknown unit")
        yield from _one_measure(measure, path, system.datasets)


def _indicator_problems(system: System) -> Problems:
    ordered = {name for level in system.levels for name in level}
    for name, indicator in system.indicators.items():
        path: Path = ("indicators", name)
        unknown = False
        for tail, used in indicator.inputs():
            problems = list(_known(system, used, (*path, *tail)))
            unknown = unknown or bool(problems)
            yield from problems
            symbol = system.symbols.get(used)
            if symbol is not None and symbol.per is not None and not isinstance(indicator, CountIndicator):
                hint = "only `kind: count` reads a measure with `per`"
                yield Problem(
                    "K407", (*path, *tail), f"`{used}` has a number per {symbol.per}, not per entity", hint=hint
                )
        if unknown:
            continue
        if name not in ordered:
            yield Problem("K406", path, f"`{name}` depends on itself")
            continue
        declared = getattr(indicator, "unit", None)
        if declared is not None and unit_or_none(declared) is None:
            yield from _unit_problem(declared, (*path, "unit"))
            continue
        found = list(indicator.problems(path, system.symbols, system.period))
        yield from found
        unit = system.symbols[name].unit
        rule = system.rule(name)
        if rule is not None and unit is not None:
            at: Path = (*path, "score") if indicator.score is not None else ("scoring",)
            found = list(rule.problems(at, unit))
            yield from found
            if not found:
                yield from rule.order_problem(at, unit, higher=indicator.direction == "higher")


def _tree_problems(system: System) -> Problems:
    seen: dict[str, str] = {}
    for name, pillar in system.pillars.items():
        for part in pillar.parts:
            path: Path = ("pillars", name, "parts", part)
            if part not in system.indicators and part not in system.pillars:
                yield _unknown(system, part, path, "indicator or pillar")
            elif part in seen:
                yield Problem(
                    "K408", path, f"`{part}` is already a part of `{seen[part]}`", hint="a part has one parent"
                )
            seen.setdefault(part, name)
        method = system.composite.weights
        if name not in system.parents and pillar.weight is None and len(system.tops) > 1 and method is None:
            yield Problem("K409", ("pillars", name), f"the top pillar `{name}` has no weight", hint="add `weight:`")
        if name in system.parents and pillar.weight is not None:
            hint = f"its weight is the number beside it in the parts of `{system.parents[name]}`"
            yield Problem("K410", ("pillars", name, "weight"), "only top pillars have a weight of their own", hint=hint)
        if name in system.tops and pillar.weight is not None and method is not None:
            message = f"the composite finds the weights of the top pillars ({method.words()})"
            yield Problem("K410", ("pillars", name, "weight"), message, hint="take out one of the two")
    reached = {name for level in system.depths for name in level}
    for name in system.pillars:
        if name not in reached:
            yield Problem("K406", ("pillars", name), f"`{name}` is a part of itself")
    yield from _weighting_problems(system)
    yield from _unscored(system)


def _weighting_problems(system: System) -> Problems:
    leaves = frozenset(system.indicators)
    for name, pillar in system.pillars.items():
        if pillar.weights is not None:
            yield from pillar.weights.problems(("pillars", name, "weights"), list(pillar.parts), leaves)
    if system.composite.weights is not None:
        yield from system.composite.weights.problems(("composite", "weights"), list(system.tops), leaves)
    for path, node in system.nodes.items():
        if node.mean == "copeland" and not matrices.available():
            yield Problem(
                "K424", (*path, "mean"), "copeland needs numpy, which is not installed", hint=matrices.INSTALL
            )


def _unscored(system: System) -> Problems:
    for name in system.parents:
        if name in system.indicators and not _can_score(system, name):
            path: Path = ("pillars", system.parents[name], "parts", name)
            hint = "give its target a number, or a scoring rule that needs none"
            yield Problem(
                "K417",
                path,
                f"`{name}` has weight but no target to score it by",
                hint=hint,
                severity=Severity.WARNING,
            )


def _can_score(system: System, name: str) -> bool:
    rule = system.rule(name)
    if rule is None or not rule.needs_target:
        return rule is not None
    given = [t for t in system.targets(name) if t.done is not None or t.within or getattr(t, t.comparator) is not None]
    return bool(given)


def _known(system: System, name: str, path: Path) -> Iterator[Problem]:
    if name not in system.symbols and name not in system.indicators:
        yield _unknown(system, name, path, "measure or indicator")


def _unknown(system: System, name: str, path: Path, what: str) -> Problem:
    names = [*system.measures, *system.indicators, *system.pillars]
    return Problem("K203", path, f"unknown {what} `{name}`", hint=suggest(name, names), label="not defined")


def _unit_problem(text: str, path: Path) -> Problems:
    try:
        units.parse(text)
    except units.UnitError as error:
        yield Problem("K305", path, str(error), hint=error.hint, label="unknown unit")


def _one_measure(measure: Measure, path: Path, datasets: dict[str, Any]) -> Problems:
    wants = ("reported", "panel") if isinstance(measure, Reported) else ("records",)
    if measure.source is not None:
        dataset = datasets.get(measure.source)
        if dataset is None:
            hint = suggest(measure.source, datasets)
            yield Problem(
                "K204", (*path, "from"), f"unknown dataset `{measure.source}`", hint=hint, label="not defined"
            )
        elif dataset.form not in wants:
            kind = getattr(measure, "kind", "")
            message = f"`{kind}` needs a dataset of form {' or '.join(wants)}; `{measure.source}` is {dataset.form}"
            yield Problem("K411", (*path, "from"), message)
    elif not isinstance(measure, Reported) and sum(one.form == "records" for one in datasets.values()) != 1:
        yield Problem("K411", path, f"`{path[-1]}` does not say which records it comes from", hint="add `from:`")
    if not isinstance(measure, Reported) and measure.over_time == "ytd" and not measure.additive:
        yield Problem("K411", (*path, "over_time"), "only sums and counts of records can be year to date")
    if measure.where is not None:
        try:
            expressions.parse(measure.where)
        except terms.ExpressionError as error:
            yield Problem(
                error.code, (*path, "where"), error.message, hint=error.hint, label=error.label, span=error.span
            )
