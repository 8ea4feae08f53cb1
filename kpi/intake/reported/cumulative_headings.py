"""Titles and headings that call figures cumulative (累计), over figures of single periods."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import polars as pl

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake.matching.datasets import Placed, panel_columns
from kpi.intake.reported.plain_rows import Block, Plain
from kpi.language.datasets import PanelData
from kpi.language.measures import Reported, calls_cumulative
from kpi.language.running_totals import called_cumulative, is_called_cumulative
from kpi.language.system import System


def undeclared(source: Placed, system: System) -> dict[str, tuple[str, str] | None]:
    """Return the measures that a table may hold as running totals, though the definition does not say so.

    Each has the text that calls it cumulative and what that is, a title above the table or a heading; None where its
    own title does.

    Args:
        source: a table of reported figures.
        system: gives the measures.
    """
    measures = {
        name: measure
        for name, measure in system.measures.items()
        if isinstance(measure, Reported) and measure.cumulative is None and measure.timing in ("sum", "ytd")
    }
    called: dict[str, tuple[str, str] | None] = {}
    title = next(filter(calls_cumulative, source.table.titles), None)
    if title is not None:
        called |= dict.fromkeys(measures, ("title", title))
    if isinstance(source.dataset, PanelData):
        for header, (name, _) in panel_columns(system, source.table, list(source.roles.values())).items():
            if calls_cumulative(header):
                called[name] = ("heading", header)
    called |= dict.fromkeys(name for name, measure in measures.items() if is_called_cumulative(name, measure))
    return {name: called[name] for name in measures if name in called}


def within_the_year(rows: pl.DataFrame, plain: Iterable[Plain | Block], system: System) -> set[str]:
    """Return the measures with figures labelled by periods that are shorter than a year and begin after January.

    Args:
        rows: the clean rows of a table, as they are labelled.
        plain: its plain figures.
        system: gives measures and the scored periods.
    """
    later = rows.filter((pl.col("start") % 12 != 0) & (pl.col("months") < 12))
    measures = set(later["measure"].unique())
    names, size = list(system.measures), system.period.months
    for figures in plain if size < 12 else ():
        # A number of the period stands for each figure; those of some kinds are of 16 bits.
        if (figures.period.cast(pl.Int32) * size % 12 != 0).any():
            measures |= {names[place] for place in figures.measures}
    return measures


def contradicted(
    source: Placed, called: dict[str, tuple[str, str] | None], labelled: Collection[str], system: System
) -> list[Diagnostic]:
    """Return a finding for each text that calls figures cumulative that are read as those of single periods.

    Args:
        source: the table.
        called: what `undeclared` gives.
        labelled: the measures that have labels shorter than a year, see `within_the_year`.
        system: gives the titles.
    """
    findings = []
    by_text: dict[tuple[str, str], list[str]] = {}
    for name, text in called.items():
        if name in labelled and text is None:
            findings += [
                Diagnostic(finding.code, finding.message, source.table.place(), finding.hint, finding.severity)
                for finding in called_cumulative(name, system)
            ]
        elif name in labelled and text is not None:
            by_text.setdefault(text, []).append(system.symbols[name].title)
    for (kind, words), titles in by_text.items():
        message = Message(
            "the title `{text}` calls figures cumulative, but each of {titles} is read as that of its own period",
            text=words,
            titles=tuple(titles),
        )
        if kind == "heading":
            message = Message(
                "the heading `{text}` calls figures cumulative, but each of {titles} is read as that of its own period",
                text=words,
                titles=tuple(titles),
            )
        hint = Message(
            "write `cumulative: true` at the measure where they run from January, `cumulative: false` where each "
            "is that of its own period"
        )
        column = words if kind == "heading" else None
        findings.append(Diagnostic("K623", message, source.table.place(None, column), hint, Severity.WARNING))
    return findings
