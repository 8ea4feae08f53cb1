"""Who is compared and ranked with whom, what changes are against, and totals over longer periods, in words."""

from __future__ import annotations

from collections.abc import Iterator

from kpi.language.grouping import COHORTS
from kpi.language.indicators.derived import window
from kpi.language.system import System
from kpi.report.language import joined, localized, tr
from kpi.report.method.indicators import name_of
from kpi.report.paper.model import Column, Section, Table, sentence
from kpi.report.shape import WITHIN


def comparisons(system: System) -> Iterator[str]:
    """Yield the groups of units, the peers, the rankings, and the period that changes are against."""
    for name, group in system.groups.items():
        yield tr("Groups {name}: {words}.", name=name, words=group.words(system.symbols))
    if system.peers != COHORTS:
        yield tr("Where a rule compares units, these are compared with each other: {peers}.",
                 peers=WITHIN.get(system.peers, system.peers))  # fmt: skip
    if system.ranking.within:
        groups = tuple(WITHIN.get(name, name) for name in system.ranking.within)
        yield tr("Units are ranked within: {groups}; the first is the rank of the totals.", groups=groups)
    if system.ranking.against is not None:
        yield tr("Changes of places and totals: {window}.", window=window(system.ranking.against))


def longer_section(system: System) -> Section:
    """Return how totals over longer periods are made."""
    section = Section(tr("Totals over longer periods"), tr("Longer periods"))
    if system.totals_over is not None:
        section.write(sentence(system.totals_over.in_full(system.period)))
    return section


def alerts_section(system: System) -> Section:
    """Return the conditions that are reported when they begin to hold and when they end."""
    section = Section(tr("Conditions that are reported"), tr("Alerts"))
    for name, alert in system.notify.items():
        words = localized(alert.words(system.symbols, system.results))
        section.write(joined([f"{alert.title or name}: {words}", alert.note or ""]))
    return section


def limits_section(system: System) -> Section:
    """Return the confidence limits, and how figures that can be wrong are found; scores do not depend on them."""
    section = Section(tr("Confidence limits, and figures that can be wrong"), tr("Limits"))
    if system.limits is not None:
        section.write(sentence(localized(system.limits.words())))
    rows = [
        (name_of(system, name), localized(indicator.limits.words()))
        for name, indicator in system.indicators.items() if indicator.limits is not None
    ]  # fmt: skip
    if rows:
        section.parts.append(Table([Column(tr("Indicator"), 4), Column(tr("Limits"), 8)], rows))
    if system.localise is not None:
        section.write(sentence(localized(system.localise.words())))
    return section


def disclosure_section(system: System) -> Section:
    """Return which figures are suppressed; scores do not depend on it."""
    section = Section(tr("Suppressed figures"), tr("Disclosure"))
    if system.disclosure is not None:
        section.write(sentence(localized(system.disclosure.words())))
        section.write(tr("What would give them away, and what is computed from them, is suppressed too."))
    return section


def robustness_section(system: System) -> Section:
    """Return what is varied to see how robust the ranking is; scores do not depend on it."""
    section = Section(tr("What is varied to see how robust the ranking is"), tr("Robustness"))
    if system.uncertainty.words():
        section.write(sentence(joined(system.uncertainty.words())))
    return section
