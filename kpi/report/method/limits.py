"""What limits or changes the score of a node after the mean of its parts, in words."""

from __future__ import annotations

from collections.abc import Iterator

from kpi.errors import statements
from kpi.language.system import System
from kpi.report.language import tr
from kpi.report.method.indicators import name_of


def node_rules(system: System) -> Iterator[str]:
    """Yield, pillar by pillar and then for the total, own scoring rules, bounds, caps and notes; then headlines."""
    adjusted = set(system.within.values())
    for name, pillar in system.pillars.items():
        title = name_of(system, name)
        if pillar.rule is not None:
            rule = pillar.rule.in_full()
            yield tr("The result of {pillar} is scored again before it enters its pillar or the total: {rule}.",
                     pillar=title, rule=rule)  # fmt: skip
        if name in adjusted:
            if pillar.floor is None:
                yield tr("{pillar} may fall below 0 with deductions.", pillar=title)
            else:
                yield tr("{pillar} has at least {least:g} marks with deductions.", pillar=title, least=pillar.floor)
            if pillar.cap is not None:
                yield tr("{pillar} has at most {most:g} marks with bonuses.", pillar=title, most=pillar.cap)
        if pillar.caps:
            caps = statements(cap.words(system.titles, system.symbols) for cap in pillar.caps)
            yield tr("Caps of {pillar}: {caps}.", pillar=title, caps=caps)
        if pillar.note:
            yield tr("{pillar}: {note}", pillar=title, note=pillar.note)
    yield from _of_total(system)
    if system.headlines:
        titles = tuple(name_of(system, name) for name in system.headlines)
        yield tr("Indices beside the total, which have a score and a place of their own and do not count: {titles}.",
                 titles=titles)  # fmt: skip


def _of_total(system: System) -> Iterator[str]:
    composite = system.composite
    if composite.caps:
        caps = statements(cap.words(system.titles, system.symbols) for cap in composite.caps)
        yield tr("Caps of the total before adjustments: {caps}.", caps=caps)
    if composite.cap is not None:
        yield tr("The total is at most {most:g}.", most=composite.cap)
    if composite.floor is None:
        yield tr("The total may fall below 0.")
    elif composite.floor or system.adjustments:
        yield tr("The total is at least {least:g}.", least=composite.floor)
    if composite.note:
        yield composite.note
