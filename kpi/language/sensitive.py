"""Which figures disclosure rules suppress by themselves, with the ends of what they must be able to be."""

from __future__ import annotations

import polars as pl
from msgspec import Struct

from kpi.errors import Message, suggest
from kpi.language.disclosure import Disclosure, Dominance
from kpi.language.grouping import ALL, COHORTS
from kpi.language.indicators.counted import multiple
from kpi.language.model import Path, Problem, Problems
from kpi.language.system import System
from kpi.values.columns import Column


class Sensitive(Struct, frozen=True):
    """The rule of one measure, as expressions over the panel.

    Attributes:
        measure: its name.
        holds: whether its figure is suppressed.
        low: the least that a suppressed figure must be able to be.
        high: the greatest.
    """

    measure: str
    holds: pl.Expr
    low: pl.Expr
    high: pl.Expr


def sensitive(system: System) -> list[Sensitive]:
    """Return the rules of the measures that a system protects, none without `disclosure:`."""
    rules = system.disclosure
    if rules is None:
        return []
    results = []
    least = 0.0 if rules.zeros else 1.0
    for name in dict.fromkeys(rules.of):
        figure, per_count = pl.col(name), _per_count(system, name)
        # What lies between 0 and 1 is no count, and as small as one.
        holds = (figure < rules.threshold * per_count) & ((figure >= 0) if rules.zeros else (figure > 0))
        low, high = pl.lit(least * per_count), pl.lit((rules.threshold - 1) * per_count)
        results.append(Sensitive(name, holds, pl.min_horizontal(low, figure), pl.max_horizontal(high, figure)))
    for name, counted in rules.contributors.items():
        figure, number = pl.col(name), pl.col(counted)
        few = (number > 0) & (number < rules.threshold * _per_count(system, counted)) & figure.is_not_null()
        part = figure.abs() * (rules.protect / 100)
        results.append(Sensitive(name, few, figure - part, figure + part))
    for name, rule in rules.dominance.items():
        results.append(_dominated(name, rule, rules.protect))
    for name in contributions(system):
        part = pl.col(name).abs() * (rules.protect / 100)
        results.append(Sensitive(name, pl.col(name) != 0, pl.col(name) - part, pl.col(name) + part))
    return results


def contributions(system: System) -> tuple[str, ...]:
    """Return the measures that are contributions of single contributors: nothing of them is published."""
    rules = system.disclosure
    return (
        ()
        if rules is None
        else tuple(dict.fromkeys(name for rule in rules.dominance.values() for name in rule.largest))
    )


class ContributionFacts(Struct, frozen=True):
    """The columns of the panel about the contributions of finer units: the largest ones in order, and their total."""

    largest: tuple[str, ...]
    total: str


def contribution_facts(measure: str, number: int) -> ContributionFacts:
    """Return the columns about the contributions that a measure with `per` has."""
    column = Column(measure)
    return ContributionFacts(
        tuple(column.fact(f"largest {place}") for place in range(1, number + 1)), column.fact("all contributions")
    )


def contributed(system: System) -> dict[str, int]:
    """Return the measures of the contributions of finer units, and how many of the largest ones rules look at."""
    numbers: dict[str, int] = {}
    for rule in () if system.disclosure is None else system.disclosure.dominance.values():
        if rule.by is not None:
            numbers[rule.by] = max(numbers.get(rule.by, 0), rule.number)
    return numbers


def _dominated(name: str, rule: Dominance, protect: float) -> Sensitive:
    """Return the rule of a figure to which a few contribute nearly all.

    It must stay uncertain by so much that nobody computes the largest contribution within p percent of it, or from n
    contributors that they are more than k percent, and at least by `protect` percent.
    """
    figure = pl.col(name)
    if rule.by is None:
        first, together = pl.col(rule.largest[0]), pl.sum_horizontal(rule.largest, ignore_nulls=False)
    else:
        facts = contribution_facts(rule.by, rule.number)
        # Rows without a contributor may all be the first one's.
        unknown = pl.max_horizontal(figure - pl.col(facts.total), 0.0)
        first = pl.col(facts.largest[0]) + unknown
        together = pl.sum_horizontal(facts.largest, ignore_nulls=False) + unknown
    if rule.p is not None:
        lacking = first * (rule.p / 100) - (figure - together)
    else:
        assert rule.k is not None  # noqa: S101 - the model has checked it
        lacking = together * (100 / rule.k) - figure
    holds = (lacking > 0).fill_null(value=True) & (figure != 0)
    part = pl.max_horizontal(figure.abs() * (protect / 100), lacking)
    return Sensitive(name, holds, figure - part, figure + part)


def _per_count(system: System, name: str) -> float:
    """Return the figure of a measure that stands for one thing, such as 0.0001 for 万件."""
    number = multiple(system.symbols[name].unit, stated=True)
    return 1.0 if number is None else 1 / number


def problems(system: System) -> Problems:
    """Yield rules about what is no measure or no count, and totals of groups that do not exist."""
    rules = system.disclosure
    if rules is None:
        return
    for key, named in (("contributors", rules.contributors), ("dominance", rules.dominance)):
        for name in named:
            if name not in system.measures:
                hint = suggest(name, system.measures)
                message = Message("`{name}` is no measure", name=name)
                yield Problem("K960", ("disclosure", key, name), message, hint=hint, at_key=True)
    yield from _count_problems(system, rules)
    yield from _contribution_problems(system, rules)
    if rules.years and system.period.per_year == 1:
        message = Message("the scored periods are years, so `years` adds nothing that is known")
        yield Problem("K960", ("disclosure", "years"), message, hint=Message("leave it out"))
    known = (ALL, COHORTS, *system.groups)
    for place, name in enumerate(rules.groupings):
        if name not in known:
            message = Message("there are no groups `{name}`, whose totals could be known", name=name)
            yield Problem("K960", ("disclosure", "totals", place), message, hint=suggest(name, known))


def _count_problems(system: System, rules: Disclosure) -> Problems:
    """Yield counts that are no measure, not published, or count nothing."""
    counts: list[tuple[Path, str]] = [(("disclosure", "of", place), name) for place, name in enumerate(rules.of)]
    counts += [(("disclosure", "contributors", name), counted) for name, counted in rules.contributors.items()]
    for path, name in counts:
        if name not in system.measures:
            yield Problem(
                "K960", path, Message("`{name}` is no measure", name=name), hint=suggest(name, system.measures)
            )
        elif system.measures[name].per is not None:
            message = Message("`{name}` has figures of finer units, which are not published", name=name)
            yield Problem("K960", path, message, hint=Message("leave it out"))
        elif name in system.symbols and multiple(system.symbols[name].unit, stated=True) is None:
            message = Message(
                "`{name}` is in {unit}, which counts nothing, so no threshold applies to it",
                name=name, unit=system.measures[name].unit,
            )  # fmt: skip
            hint = Message("name who contributes to it: `contributors: {{{name}: enterprises}}`", name=name)
            yield Problem("K960", path, message, hint=hint)


def _contribution_problems(system: System, rules: Disclosure) -> Problems:
    """Yield largest contributions that are no measure, or not of the kind of their figure."""
    for name, rule in rules.dominance.items():
        used: list[tuple[Path, str]] = [(("largest", place), largest) for place, largest in enumerate(rule.largest)]
        for key, largest in [*used, *([] if rule.by is None else [(("by",), rule.by)])]:
            path: Path = ("disclosure", "dominance", name, *key)
            if largest not in system.measures:
                message = Message("`{name}` is no measure", name=largest)
                yield Problem("K960", path, message, hint=suggest(largest, system.measures))
            elif name in system.measures and system.measures[largest].unit != system.measures[name].unit:
                message = Message(
                    "`{largest}` is in {unit}, and a contribution to `{name}` is in {other}",
                    largest=largest, unit=system.measures[largest].unit, name=name, other=system.measures[name].unit,
                )  # fmt: skip
                yield Problem("K960", path, message, hint=Message("give both measures the same unit"))
            elif key == ("by",) and (system.measures[largest].per is None or not system.measures[largest].additive):
                message = Message("`{name}` has no sum for each contributor", name=largest)
                hint = Message("add up the rows of each: `{{kind: sum, of: COLUMN, per: COLUMN}}`")
                yield Problem("K960", path, message, hint=hint)
            elif key != ("by",) and system.measures[largest].per is not None:
                message = Message(
                    "`{name}` has a figure for each {per}", name=largest, per=system.measures[largest].per
                )
                yield Problem("K960", path, message, hint=Message("write `by: {name}`", name=largest))
