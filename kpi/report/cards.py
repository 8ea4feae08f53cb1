"""Definitions for people: the catalogue, a system, one definition as a card, a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kpi.analysis.clause_coverage import Covered
from kpi.engine.plan import Plan
from kpi.errors import DefinitionError, Diagnostic, Message, count, suggest
from kpi.language.indicators import Indicator
from kpi.language.loading.loader import Loaded
from kpi.language.model import kind_of
from kpi.language.system import System
from kpi.report.language import joined, listed, localized, tr
from kpi.report.marks import SEVERITIES, visible

#: The width where there is no terminal.
WIDTH = 120


def printed(*parts: object, width: int | None) -> str:
    """Return what rich makes of its parts, as plain text without spaces at the ends of lines."""
    out = StringIO()
    console = Console(file=out, width=width or WIDTH, no_color=True, legacy_windows=False, _environ={})
    for part in parts:
        console.print(part)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def table_of(*headings: str) -> Table:
    """Return an empty table with headings."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def overview(systems: Mapping[str, Loaded], *, width: int | None = None) -> str:
    """Return the catalogue: one line a system, with its title, grain, number of indicators and issuer."""
    table = table_of(tr("System"), tr("Title"), tr("Period"), tr("Indicator"), tr("Source"))
    for name, loaded in systems.items():
        one = loaded.system
        if one is None:
            table.add_row(
                name,
                tr("not valid ({findings}), see kpi check", findings=count(len(loaded.findings), "finding")),
                "",
                "",
                "",
            )
            continue
        source = "" if one.source is None else f"{one.source.document} {one.source.date or ''}".strip()
        table.add_row(
            one.system, visible(one.title or ""), localized(one.period.noun), str(len(one.indicators)), visible(source)
        )
    return printed(table, width=width)


def system(one: System, *, width: int | None = None) -> str:
    """Return a system: its tree with weights, every indicator with formula and target, and how stars are given."""
    table = table_of(tr("Indicator"), tr("Title"), tr("Weight"), tr("Method"), tr("Target"), tr("Source"))
    shown: set[str] = set()
    for name, depth in _ordered(one):
        shown.add(name)
        indent = "  " * depth
        if name in one.pillars:
            pillar = one.pillars[name]
            cells = visible(pillar.title or ""), localized(one.weight_words(name)), localized(pillar.mean_words)
            table.add_row(f"{indent}{name}", *cells, "", "")
        else:
            table.add_row(f"{indent}{name}", *_cells(one, name))
    for name in one.indicators:
        if name not in shown:
            table.add_row(name, *_cells(one, name))
    title = Text(f"{one.system}  {visible(one.title or '')}", style="bold")
    below = [
        tr("Stars: {stars_words}", stars_words=one.stars_words),
        tr("Missing values: {missing}", missing=one.composite.missing.words()),
    ]
    if one.checks:
        below.append(tr("Checks: {checks}", checks=tuple(one.checks)))
    return printed(title, table, *map(Text, below), width=width)


def coverage(one: System, rows: Sequence[Covered], *, width: int | None = None) -> str:
    """Return the document clause by clause: what it asks for, what stands for it, and how much of it is scored."""
    states = {
        "scored": tr("scored"),
        "unscored": tr("not scored"),
        "missing": tr("missing"),
        "invented": tr("not in the document"),
    }
    table = table_of(tr("Clause"), tr("Indicator"), tr("Title"), tr("Target"), tr("Character"), tr("Status"))
    before = None
    for row in rows:
        clause = "" if row.clause == before else row.clause
        table.add_row(clause, row.indicator, visible(row.title), localized(row.target), row.basis, states[row.state])
        before = row.clause
    numbers = Counter(row.state for row in rows)
    tally = listed(f"{words} {numbers[state]}" for state, words in states.items())
    clauses = count(len({row.clause for row in rows}), "clause")
    summary = tr("{clauses}, {items}: {tally}", clauses=clauses, items=count(len(rows), "item"), tally=tally)
    title = Text(f"{one.system}  {visible(one.title or '')}", style="bold")
    return printed(title, table, Text(summary), width=width)


def _ordered(one: System) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []

    def walk(name: str, depth: int) -> None:
        found.append((name, depth))
        for part in one.pillars[name].parts if name in one.pillars else ():
            walk(part, depth + 1)

    for top in one.tops:
        walk(top, 0)
    return found


def _cells(one: System, name: str) -> tuple[str, str, str, str, str]:
    indicator = one.indicators[name]
    target = joined(target.words(one.unit(name)) for target in one.targets(name))
    return (
        visible(one.symbols[name].title), localized(one.weight_words(name)),
        visible(localized(indicator.words(one.symbols))), visible(target), visible(indicator.clause or ""),
    )  # fmt: skip


def definition(one: System, name: str, *, width: int | None = None) -> str:
    """Return one definition as a card: formula in words, unit, direction, target, rule, who uses it.

    Raises:
        DefinitionError: when there is no such name.
    """
    titles = {symbol.title: key for key, symbol in one.symbols.items()}
    key = name if name in one.symbols or name in one.pillars or name in one.checks else titles.get(name)
    if key is None:
        known = [*one.symbols, *titles, *one.pillars, *one.checks]
        raise DefinitionError(
            Diagnostic(
                "K203",
                Message("`{name}` is not defined in {system}", name=name, system=one.system),
                hint=suggest(name, known),
            )
        )
    table = Table(box=None, show_header=False, pad_edge=False)
    for heading, text in _facts(one, key):
        if text:
            table.add_row(heading, visible(localized(text)))
    return printed(Text(f"{key}  {visible(_title(one, key))}", style="bold"), table, width=width)


def _title(one: System, key: str) -> str:
    if key in one.symbols:
        return one.symbols[key].title
    return (one.pillars.get(key) or one.checks[key]).title or ""


def _facts(one: System, key: str) -> list[tuple[str, str]]:
    users = [other for other, i in one.indicators.items() if key in {used for _, used in i.inputs()}]
    if key in one.indicators:
        return _indicator_facts(one, key, one.indicators[key], users)
    if key in one.pillars:
        pillar = one.pillars[key]
        parts = listed(f"{part} {localized(one.weight_words(part))}" for part in pillar.parts)
        return [
            (tr("Parts"), parts),
            (tr("Weighting"), pillar.weights.words() if pillar.weights is not None else ""),
            (tr("Aggregation"), pillar.mean_words),
            (tr("Missing values"), pillar.missing.words()),
            (tr("Note"), pillar.note or ""),
        ]
    if key not in one.measures:
        check = one.checks[key]
        words = check.words(one.symbols, one.period)
        return [(tr("Checks"), words), (tr("Severity"), SEVERITIES[check.severity]), (tr("Note"), check.note or "")]
    measure = one.measures[key]
    facts = [(tr("Kind"), kind_of(type(measure))), (tr("Unit"), measure.unit), (tr("Dataset"), measure.source or "")]
    facts += [(tr("Taken from"), measure.taken_from)]
    facts += [
        (tr("Condition"), measure.where or ""),
        (tr("Per"), measure.per or ""),
        (tr("Aggregated over time"), measure.over_time or ""),
    ]
    facts += [(tr("Reported as"), tr("Cumulative from January") if measure.from_january else "")]
    facts += [(tr("Periods at least"), "" if measure.enough is None else str(measure.enough))]
    return [*facts, (tr("Used by"), listed(users)), (tr("Note"), measure.note or "")]


def _indicator_facts(one: System, key: str, indicator: Indicator, users: list[str]) -> list[tuple[str, str]]:
    rule = one.rule(key)
    parent = one.parents.get(key)
    weight = tr("{weight} of {parent}", parent=parent, weight=one.weight_words(key)) if parent else ""
    return [
        (tr("Formula"), indicator.words(one.symbols)), (tr("Kind"), kind_of(type(indicator))),
        (tr("Unit"), str(one.unit(key))),
        (tr("Direction"), tr("Higher is better") if indicator.direction == "higher" else tr("Lower is better")),
        (tr("Target"), joined(target.words(one.unit(key)) for target in one.targets(key))),
        (tr("Scoring"), rule.in_full() if rule else tr("Not scored")), (tr("Weight"), weight),
        (tr("Clause"), indicator.clause or ""),
        (tr("Lead"), listed(indicator.lead)), (tr("Responsible"), listed(indicator.responsible)),
        (tr("Basis"), indicator.basis or ""), (tr("Used by"), listed(users)), (tr("Note"), indicator.note or ""),
    ]  # fmt: skip


def plan(one: Plan) -> str:
    """Return the stages of a plan with their expressions, a column a line."""
    lines = []
    for stage in one.stages:
        lines.append(f"{stage.name}  {localized(stage.words)}  ({len(stage.columns)})")
        lines += [f"    {name} = {expression}" for name, expression in stage.columns.items()]
    return "\n".join(lines) + "\n"
