"""Check full marks: they are the same for every class and period, and items with points in marks have some."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from kpi.errors import Message, Severity, statements
from kpi.language import classes
from kpi.language.aggregation.nodes import Node
from kpi.language.classes import Case, Weighed
from kpi.language.model import Path, Problem, Problems
from kpi.language.scoring import Rule
from kpi.language.system import ROOT, System
from kpi.values.names import comparable
from kpi.values.periods import PeriodError

#: How many cases a finding names.
_NAMED = 6


def problems(system: System) -> Problems:
    """Yield marks that do not add up in every class and period, and points in marks of what has no marks."""
    try:
        yield from _unequal(system)
    except PeriodError:  # reported where it stands
        return
    yield from _without_marks(system)


def _unequal(system: System) -> Problems:
    for name, node, parts in system.tree:
        if node.relative or not any(map(classes.differs, parts.values())):
            continue
        sums: dict[Case, float] = {}
        for case in classes.cases(parts.values(), system.timeline):
            weights = [classes.weight_in(weight, case, system.timeline) for weight in parts.values()]
            # A case of which one weight is not given at all is not scored.
            given = [weight for weight in weights if weight is not None]
            if len(given) == len(weights):
                sums[case] = math.fsum(given)
        if _alike(sums.values()):
            yield from _against_own(system, name, sums)
            continue
        words = [
            Message("{group}: {total:g}", group=classes.case_words(case, system.timeline), total=total)
            for case, total in sums.items()
        ]
        message = Message("the weights do not add up to the same: {sums}", sums=statements(words[:_NAMED]))
        columns = {column for (values, _), _ in sums.items() for column, _ in values}
        hint = _HINT
        if len(columns) > 1:
            hint = Message(
                "{hint}; the weights differ by the columns {columns}: write one of them if they are the same",
                hint=_HINT, columns=tuple(sorted(columns)),
            )  # fmt: skip
        yield Problem("K424", _path(name), message, hint=hint, at_key=True)


_HINT = Message(
    "make the full marks the same for every class and period, or write `relative: true` if they are proportions"
)


def _against_own(system: System, name: str, sums: dict[Case, float]) -> Iterator[Problem]:
    """Yield a pillar whose own weight differs by class while its parts, in marks of it, have one sum."""
    if name == ROOT or not sums:
        return
    own: Weighed = system.tops[name] if name in system.tops else system.pillars[system.parents[name]].parts[name]
    if not classes.differs(own):
        return
    total = next(iter(sums.values()))
    wanted = {classes.weight_in(own, case, system.timeline) for case in classes.cases([own], system.timeline)}
    if total in wanted and len(wanted - {None}) > 1:
        message = Message(
            "the parts of `{name}` have {total:g} in every class, and the pillar has not", name=name, total=total
        )
        yield Problem("K424", _path(name), message, hint=_HINT, at_key=True)


def _alike(sums: Iterable[float]) -> bool:
    numbers = list(sums)
    return all(math.isclose(number, numbers[0], rel_tol=1e-9) for number in numbers)


def _path(node: str) -> Path:
    if node == ROOT:
        return ("pillars",)
    return ("pillars", node, "parts")


def node_of(system: System, part: str) -> Node:
    """Return the node that a part of the tree belongs to."""
    parent = system.parents.get(part)
    return system.composite if parent is None else system.pillars[parent]


def _without_marks(system: System) -> Problems:
    for name in system.indicators:
        rule = system.rule(name)
        if rule is None or rule.in_marks is None:
            continue
        own = system.indicators[name].score is not None
        path: Path = ("indicators", name, "score", *rule.in_marks) if own else ("scoring", *rule.in_marks)
        title = system.symbols[name].title
        if name not in system.parents:
            if own:
                message = Message("`{title}` is no part of a pillar, so it has no marks", title=title)
                hint = Message("give it its marks in `parts:` of a pillar, or let the rule give percent of full marks")
                yield Problem("K490", path, message, hint=hint)
            continue
        node = node_of(system, name)
        if node.relative or node.weights is not None:
            message = Message("the weights of `{pillar}` are proportions, no marks", pillar=system.parents[name])
            hint = Message("let the rule give percent of full marks, or give the parts their marks")
            yield Problem("K490", path, message, hint=hint)
            continue
        if name not in system.varied and system.own_marks(name) == 0:
            message = Message("`{title}` is worth no marks where it stands, so marks are no part of them", title=title)
            hint = Message("let the rule give percent of full marks, or give the item its marks in `parts:`")
            yield Problem("K490", path, message, hint=hint)
            continue
        yield from _too_many(system, name, path[: -len(rule.in_marks)], rule)
        yield from _in_percent(system, name, path[: -len(rule.in_marks)], rule)


def _in_percent(system: System, name: str, path: Path, rule: Rule) -> Problems:
    """Yield percent beside marks that is probably meant in marks, as it is no more than the item is worth."""
    weight = system.pillars[system.parents[name]].parts[name]
    own = [classes.weight_in(weight, case, system.timeline) for case in classes.cases([weight], system.timeline)]
    worth = min((marks for marks in own if marks), default=0.0)
    for tail, percent in rule.percent_given.items():
        if 0 < percent <= worth < 100:
            message = Message(
                "`{key}` is {percent:g} % of the {worth:g} that `{title}` is worth, beside marks",
                key=tail[-1], percent=percent, worth=worth, title=system.symbols[name].title,
            )  # fmt: skip
            hint = Message(
                "write `{key}: {{marks: {percent:g}}}`, which is `{key}: {whole:g}`, if these are marks of the item",
                key=tail[-1], percent=percent, whole=percent * 100 / worth,
            )  # fmt: skip
            yield Problem("K948", (*path, *tail), message, hint=hint, severity=Severity.WARNING)


def _too_many(system: System, name: str, path: Path, rule: Rule) -> Problems:
    """Yield marks that a rule gives for a value beyond those that the item is worth in a class and period."""
    weight = system.pillars[system.parents[name]].parts[name]
    for tail, marks in rule.marks_given.items():
        for case in classes.cases([weight], system.timeline):
            own = classes.weight_in(weight, case, system.timeline)
            most = rule.cap if rule.cap is not None and rule.cap > 100 else 100.0
            # A cap above full marks says that more than these is meant.
            if not own or not _concerns(rule, tail, case) or marks <= own * most / 100 * (1 + 1e-9):
                continue
            message = Message(
                "{marks:g} marks are more than the {own:g} that `{title}` is worth",
                marks=marks, own=own, title=system.symbols[name].title,
            )  # fmt: skip
            hint = Message("correct the marks, or those in `parts:`; a `cap:` above 100 says that more is meant")
            yield Problem("K660", (*path, *tail), message, hint=hint)
            break


def _concerns(rule: Rule, tail: Path, case: Case) -> bool:
    """Return whether what stands in a rule by class is about entities of a case."""
    values: dict[str, str] = dict(case[0])
    if not rule.classes:
        return True
    own = comparable(str(tail[1]))
    return values.get(rule.classes[0], own) == own
