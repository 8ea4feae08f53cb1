"""What is scored, which figures are needed, how they are checked, and which document it comes from."""

from __future__ import annotations

from kpi.language.measures import Measure
from kpi.language.system import System
from kpi.report.cards import OVER_TIME, kind_words
from kpi.report.language import joined, localized, tr
from kpi.report.marks import SEVERITIES
from kpi.report.paper.model import Column, Section, Table


def scope_section(system: System) -> Section:
    """Return what is scored, and when."""
    section = Section(tr("What is scored"), tr("Scope"), wide=True)
    units = system.entities
    section.write(
        tr(
            "{entities} are scored for each {period}; the full mark is {full:g}.",
            entities=units.title, period=system.period.noun, full=system.composite.full,
        ),
        tr("The units are those of the roster {file}.", file=units.roster) if units.roster else "",
        tr("Units that merge, split or change their name: {file}.", file=units.succession) if units.succession else "",
        tr("Years begin with month {month}.", month=system.year_starts.month) if system.year_starts else "",
        system.note or "",
    )  # fmt: skip
    return section


def data_section(system: System) -> Section:
    """Return the measures, each with its unit and how it comes out of the data."""
    section = Section(tr("Figures that are needed"), tr("Figures"), wide=True)
    columns = [
        Column(tr("No."), 0.8, "center"), Column(tr("Figure"), 4), Column(tr("Unit"), 1.6, "center"),
        Column(tr("Dataset"), 2, "center"), Column(tr("How it is counted"), 6), Column(tr("Note"), 4),
    ]  # fmt: skip
    rows = [
        (
            str(number),
            measure.title or name,
            measure.unit,
            _dataset(system, measure),
            _counted(measure),
            measure.note or "",
        )
        for number, (name, measure) in enumerate(system.measures.items(), start=1)
    ]
    section.parts.append(Table(columns, rows).compact())
    return section


def _dataset(system: System, measure: Measure) -> str:
    if measure.source is None:
        return ""
    return (
        system.datasets[measure.source].title or measure.source if measure.source in system.datasets else measure.source
    )


def _counted(measure: Measure) -> str:
    words = [localized(kind_words(measure)), measure.taken_from]
    if measure.where:
        words.append(tr("where {condition}", condition=measure.where))
    if measure.per:
        words.append(tr("per {unit}", unit=measure.per))
    if measure.over_time:
        words.append(localized(OVER_TIME[measure.over_time]))
    if measure.from_january:
        words.append(tr("Cumulative from January"))
    return joined(words)


def checks_section(system: System) -> Section:
    """Return what must hold of the figures."""
    section = Section(tr("Checks of the figures"), tr("Checks"), wide=True)
    columns = [Column(tr("No."), 0.8, "center"), Column(tr("Rule"), 10), Column(tr("Severity"), 1.4, "center")]
    rows = [
        (
            str(number), joined([check.title or "", check.in_full(system.symbols, system.period)]),
            localized(SEVERITIES[check.severity]),
        )
        for number, check in enumerate(system.checks.values(), start=1)
    ]  # fmt: skip
    if rows:
        section.parts.append(Table(columns, rows))
    return section


def sources_section(system: System) -> Section:
    """Return the document that the system comes from."""
    section = Section(tr("Sources"), tr("Sources"))
    source = system.source
    if source is None:
        section.write(tr("The definition names no document."))
        return section
    facts = [
        (tr("Document"), source.document), (tr("Issuer"), source.issuer), (tr("Number of the document"), source.number),
        (tr("Date"), None if source.date is None else str(source.date)), (tr("Note"), source.note),
    ]  # fmt: skip
    section.parts.append(
        Table([Column(tr("Fact"), 1), Column(tr("Text"), 5)], [(key, text) for key, text in facts if text])
    )
    return section
