"""Definitions for readers: the catalogue, a system, one definition as a card, a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kpi.analysis.clause_coverage import Covered
from kpi.engine.contributions import KINDS as ADJUSTMENTS
from kpi.engine.plan import Plan
from kpi.errors import DefinitionError, Diagnostic, Message, count, statements, suggest
from kpi.language.adjustments import all_awards
from kpi.language.indicators import Indicator
from kpi.language.loading.loader import Loaded
from kpi.language.measures import Measure
from kpi.language.model import kind_of
from kpi.language.small_numbers import limited
from kpi.language.system import System
from kpi.report.language import joined, listed, localized, tr
from kpi.report.marks import SEVERITIES, visible
from kpi.report.shape import WITHIN

#: The width without a terminal.
WIDTH = 120

#: The values of `basis` for readers.
_BASES = {
    "stated": Message("stated"), "full_coverage": Message("full coverage"), "milestone": Message("milestone"),
    "qualitative": Message("qualitative"), "structural": Message("structural"), "named_list": Message("named list"),
}  # fmt: skip

#: The values of `over_time` for readers.
OVER_TIME = {
    "sum": Message("sum of the periods"), "mean": Message("mean of the periods"), "last": Message("last period"),
    "first": Message("first period"), "median": Message("median of the periods"),
    "max": Message("largest of the periods"), "min": Message("smallest of the periods"),
    "ytd": Message("year to date"),
}  # fmt: skip


def printed(*parts: object, width: int | None) -> str:
    """Return what rich prints for its arguments, as plain text without trailing spaces."""
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
    """Return the catalogue: one line per system, with title, grain, number of indicators and issuer."""
    table = table_of(tr("System"), tr("Title"), tr("Period"), tr("Indicator"), tr("Source"))
    for name, loaded in systems.items():
        definition = loaded.system
        if definition is None:
            table.add_row(
                name,
                tr("not valid ({findings}), see kpi check", findings=count(len(loaded.findings), "finding")),
                "",
                "",
                "",
            )
            continue
        source = (
            "" if definition.source is None else f"{definition.source.document} {definition.source.date or ''}".strip()
        )
        table.add_row(
            definition.system,
            visible(definition.title or ""),
            localized(definition.period.noun),
            str(len(definition.indicators)),
            visible(source),
        )
    return printed(table, width=width)


def system(shown_system: System, *, width: int | None = None) -> str:
    """Return a system: its tree with weights, the formula and target of each indicator, and the star scheme."""
    table = table_of(tr("Indicator"), tr("Title"), tr("Weight"), tr("Method"), tr("Target"), tr("Source"))
    shown: set[str] = set()
    for name, depth, parent in _ordered(shown_system):
        shown.add(name)
        indent = "  " * depth
        if name in shown_system.pillars:
            pillar = shown_system.pillars[name]
            cells = (
                visible(pillar.title or ""),
                localized(shown_system.weight_words(name, parent)),
                localized(statements(node_words(shown_system, name))),
            )
            table.add_row(f"{indent}{name}", *cells, "", "")
        else:
            table.add_row(f"{indent}{name}", *_cells(shown_system, name, parent))
    for name in shown_system.indicators:
        if name not in shown:
            table.add_row(name, *_cells(shown_system, name))
    title = Text(f"{shown_system.system}  {visible(shown_system.title or '')}", style="bold")
    below = [
        tr("Stars: {stars_words}", stars_words=shown_system.stars_words),
        tr("Missing values: {missing}", missing=shown_system.composite.missing.words()),
    ]
    below += _beyond_the_tree(shown_system)
    for name, adjustment in shown_system.adjustments.items():
        kind = localized(ADJUSTMENTS[kind_of(type(adjustment))])
        words = adjustment_words(shown_system, name)
        below.append(tr("{kind} {title}: {words}", kind=kind, title=visible(adjustment.title or name), words=words))
    if shown_system.checks:
        below.append(tr("Checks: {checks}", checks=tuple(shown_system.checks)))
    for name, alert in shown_system.notify.items():
        words = localized(alert.words(shown_system.symbols, shown_system.results))
        below.append(tr("Alert {title}: {words}", title=visible(alert.title or name), words=words))
    below += _of_errors(shown_system)
    return printed(title, table, *map(Text, below), width=width)


def _of_errors(shown_system: System) -> Iterator[str]:
    """Yield the lines on errors of figures (which can be wrong, limits, what `kpi stress` varies) and disclosure."""
    if shown_system.localise is not None:
        yield tr("Which figures can be wrong: {words}", words=shown_system.localise.words())
    if shown_system.disclosure is not None:
        yield tr("Confidential: {words}", words=shown_system.disclosure.words())
    if shown_system.limits is not None:
        yield tr("Limits: {words}", words=shown_system.limits.words())
    if shown_system.uncertainty.words():
        yield tr("What kpi stress varies: {choices}", choices=statements(shown_system.uncertainty.words()))


def coverage(shown_system: System, rows: Sequence[Covered], *, width: int | None = None) -> str:
    """Return the clauses of the document, the indicators that implement them, and the share that is scored."""
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
        basis = localized(_BASES.get(row.basis, row.basis))
        table.add_row(clause, row.indicator, visible(row.title), localized(row.target), basis, states[row.state])
        before = row.clause
    numbers = Counter(row.state for row in rows)
    tally = listed(f"{words} {numbers[state]}" for state, words in states.items())
    clauses = count(len({row.clause for row in rows}), "clause")
    summary = tr("{clauses}, {items}: {tally}", clauses=clauses, items=count(len(rows), "item"), tally=tally)
    title = Text(f"{shown_system.system}  {visible(shown_system.title or '')}", style="bold")
    return printed(title, table, Text(summary), width=width)


def _ordered(shown_system: System) -> list[tuple[str, int, str | None]]:
    """Return the pillars and their parts from the top down, each with its depth and the node that it stands in."""
    nodes: list[tuple[str, int, str | None]] = []

    def walk(name: str, depth: int, parent: str | None) -> None:
        nodes.append((name, depth, parent))
        for part in shown_system.pillars[name].parts if name in shown_system.pillars else ():
            walk(part, depth + 1, name)

    for top in (*shown_system.tops, *shown_system.headlines):
        walk(top, 0, None)
    return nodes


def _cells(shown_system: System, name: str, parent: str | None = None) -> tuple[str, str, str, str, str]:
    indicator = shown_system.indicators[name]
    target = joined(target.words(shown_system.unit(name)) for target in shown_system.targets(name))
    return (
        visible(shown_system.symbols[name].title), localized(shown_system.weight_words(name, parent)),
        visible(localized(indicator.words(shown_system.symbols))), visible(target), visible(indicator.clause or ""),
    )  # fmt: skip


def definition(shown_system: System, name: str, *, width: int | None = None) -> str:
    """Return one definition as a card: formula, unit, direction, target, scoring rule, users.

    Raises:
        DefinitionError: if the name is not defined.
    """
    titles = {item.title: key for key, item in shown_system.adjustments.items() if item.title is not None}
    titles |= {symbol.title: key for key, symbol in shown_system.symbols.items()}
    key = (
        name
        if name in shown_system.symbols or any(name in items for items in _named_apart(shown_system))
        else titles.get(name)
    )
    if key is None:
        known = [*shown_system.symbols, *titles, *(key for items in _named_apart(shown_system) for key in items)]
        raise DefinitionError(
            Diagnostic(
                "K203",
                Message("`{name}` is not defined in {system}", name=name, system=shown_system.system),
                hint=suggest(name, known),
            )
        )
    table = Table(box=None, show_header=False, pad_edge=False)
    for heading, text in _facts(shown_system, key):
        if text:
            table.add_row(heading, visible(localized(text)))
    return printed(Text(f"{key}  {visible(_title(shown_system, key))}", style="bold"), table, width=width)


def _beyond_the_tree(shown_system: System) -> list[str]:
    """Return the lines on groups, rankings, longer periods and caps of the total."""
    below = []
    if shown_system.totals_over is not None:
        below.append(tr("Longer periods: {words}", words=shown_system.totals_over.words(shown_system.period)))
    for name, group in shown_system.groups.items():
        below.append(tr("Groups {name}: {words}", name=name, words=group.words(shown_system.symbols)))
    if shown_system.peers != "cohort":
        below.append(tr("Compared with: {peers}", peers=WITHIN.get(shown_system.peers, shown_system.peers)))
    if shown_system.ranking.within:
        within = tuple(WITHIN.get(name, name) for name in shown_system.ranking.within)
        below.append(tr("Ranked within: {groups}", groups=within))
    if shown_system.composite.caps:
        caps = statements(cap.words(shown_system.titles, shown_system.symbols) for cap in shown_system.composite.caps)
        below.append(tr("Caps of the total before adjustments: {caps}", caps=caps))
    return below


def node_words(shown_system: System, name: str) -> list[Message]:
    """Return what a pillar makes of its parts in words: the mean, its own scoring rule, its caps."""
    pillar = shown_system.pillars[name]
    again = [] if pillar.rule is None else [pillar.rule.in_full()]
    return [pillar.mean_words, *again, *cap_words(shown_system, name)]


def cap_words(shown_system: System, name: str) -> list[Message]:
    """Return the caps of a pillar in words."""
    return [cap.words(shown_system.titles, shown_system.symbols) for cap in shown_system.pillars[name].caps]


def _title(shown_system: System, key: str) -> str:
    if key in shown_system.symbols:
        return shown_system.symbols[key].title
    return next((items[key].title for items in _named_apart(shown_system) if key in items), None) or ""


def _named_apart(shown_system: System) -> tuple[Mapping[str, Any], ...]:
    """Return what has names besides measures and indicators."""
    return shown_system.pillars, shown_system.checks, shown_system.adjustments, shown_system.notify


def adjustment_words(shown_system: System, name: str) -> str:
    """Return what an adjustment does and when, in the language of readers: points or effect, condition, pillar."""
    adjustment = shown_system.adjustments[name]
    award = all_awards(shown_system.adjustments).get(name)
    pillars, added = shown_system.pillars, shown_system.adjustments
    titles = {key: symbol.title for key, symbol in shown_system.symbols.items()}
    titles |= {key: item.title or key for items in (pillars, added) for key, item in items.items()}
    stars = {} if shown_system.stars is None else shown_system.stars.names
    words: list[str] = [adjustment.words(shown_system.symbols, stars)]
    if award is not None:
        words.append(award.opens_words(titles) or "")
    if award is not None and award.within is not None:
        words.append(Message("within {pillar}, in the marks of its parts", pillar=titles[award.within]))
    return joined(filter(None, words))


def kind_words(item: Measure | Indicator) -> str:
    """Return what the kind of a measure or an indicator is called, a Message where it has a title."""
    return getattr(type(item), "kind_title", kind_of(type(item)))


def _facts(shown_system: System, key: str) -> list[tuple[str, str]]:
    users = [other for other, i in shown_system.indicators.items() if key in {used for _, used in i.inputs()}]
    if key in shown_system.indicators:
        return _indicator_facts(shown_system, key, shown_system.indicators[key], users)
    if key in shown_system.pillars:
        pillar = shown_system.pillars[key]
        parts = listed(f"{part} {localized(shown_system.weight_words(part, key))}" for part in pillar.parts)
        return [
            (tr("Parts"), parts),
            (tr("Weighting"), pillar.weights.words() if pillar.weights is not None else ""),
            (tr("Aggregation"), pillar.mean_words),
            (tr("Scored again"), pillar.rule.in_full() if pillar.rule is not None else ""),
            (tr("Caps"), statements(cap_words(shown_system, key))),
            (tr("Missing values"), pillar.missing.words()),
            (tr("Note"), pillar.note or ""),
        ]
    if key in shown_system.adjustments:
        adjustment = shown_system.adjustments[key]
        kind = ADJUSTMENTS[kind_of(type(adjustment))]
        return [
            (tr("Kind"), kind), (tr("Rule"), adjustment_words(shown_system, key)), (tr("Note"), adjustment.note or "")
        ]  # fmt: skip
    if key not in shown_system.measures and key not in shown_system.checks:
        alert = shown_system.notify[key]
        return [
            (tr("Alert when"), alert.words(shown_system.symbols, shown_system.results)),
            (tr("Severity"), SEVERITIES[alert.severity]), (tr("Note"), alert.note or ""),
        ]  # fmt: skip
    if key not in shown_system.measures:
        check = shown_system.checks[key]
        words = check.words(shown_system.symbols, shown_system.period)
        return [(tr("Checks"), words), (tr("Severity"), SEVERITIES[check.severity]), (tr("Note"), check.note or "")]
    measure = shown_system.measures[key]
    facts = [(tr("Kind"), kind_words(measure)), (tr("Unit"), measure.unit), (tr("Dataset"), measure.source or "")]
    facts += [(tr("Taken from"), measure.taken_from)]
    facts += [
        (tr("Condition"), measure.where or ""),
        (tr("Per"), measure.per or ""),
        (tr("Aggregated over time"), OVER_TIME[measure.over_time] if measure.over_time else ""),
    ]
    facts += [(tr("Reported as"), tr("Cumulative from January") if measure.from_january else "")]
    facts += [(tr("Periods at least"), "" if measure.enough is None else str(measure.enough))]
    return [*facts, (tr("Used by"), listed(users)), (tr("Note"), measure.note or "")]


def _indicator_facts(shown_system: System, key: str, indicator: Indicator, users: list[str]) -> list[tuple[str, str]]:
    rule = shown_system.rule(key)
    limits = limited(shown_system).get(key)
    parent = shown_system.parents.get(key)
    weight = tr("{weight} of {parent}", parent=parent, weight=shown_system.weight_words(key)) if parent else ""
    return [
        (tr("Formula"), indicator.words(shown_system.symbols)), (tr("Kind"), kind_words(indicator)),
        (tr("Unit"), str(shown_system.unit(key))),
        (tr("Direction"), tr("Higher is better") if indicator.direction == "higher" else tr("Lower is better")),
        (tr("Target"), joined(target.words(shown_system.unit(key)) for target in shown_system.targets(key))),
        (tr("Scoring"), rule.in_full() if rule else tr("Not scored")), (tr("Weight"), weight),
        (tr("Limits"), "" if limits is None else limits[0].words()),
        (tr("Clause"), indicator.clause or ""),
        (tr("Lead"), listed(indicator.lead)), (tr("Responsible"), listed(indicator.responsible)),
        (tr("Basis"), _BASES[indicator.basis] if indicator.basis else ""),
        (tr("Used by"), listed(users)), (tr("Note"), indicator.note or ""),
    ]  # fmt: skip


def plan(compiled: Plan) -> str:
    """Return the stages of a plan with their expressions, one column per line."""
    lines = []
    for stage in compiled.stages:
        lines.append(f"{stage.name}  {localized(stage.words)}  ({len(stage.columns)})")
        lines += [f"    {name} = {expression}" for name, expression in stage.columns.items()]
    return "\n".join(lines) + "\n"
