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
    """Returns the measures that a table may hold as running totals, though the definition does not say so.

    Each has the text that calls it cumulative and what that is, a title above the table or a heading; None where its
    own title does.

    Args:
        source: a table of reported figures.
        system: gives the measures.
    """
    measures = {
        name: one
        for name, one in system.measures.items()
        if isinstance(one, Reported) and one.cumulative is None and one.timing in ("sum", "ytd")
    }
    found: dict[str, tuple[str, str] | None] = {}
    title = next(filter(calls_cumulative, source.table.titles), None)
    if title is not None:
        found |= dict.fromkeys(measures, ("title", title))
    if isinstance(source.dataset, PanelData):
        for header, (name, _) in panel_columns(system, source.table, list(source.roles.values())).items():
            if calls_cumulative(header):
                found[name] = ("heading", header)
    found |= dict.fromkeys(name for name, one in measures.items() if is_called_cumulative(name, one))
    return {name: found[name] for name in measures if name in found}


def within_the_year(rows: pl.DataFrame, plain: Iterable[Plain | Block], system: System) -> set[str]:
    """Returns the measures with figures labelled by periods that are shorter than a year and begin after January.

    Args:
        rows: the clean rows of a table, as they are labelled.
        plain: its plain figures.
        system: gives measures and the scored periods.
    """
    later = rows.filter((pl.col("start") % 12 != 0) & (pl.col("months") < 12))
    found = set(later["measure"].unique())
    names, size = list(system.measures), system.period.months
    for one in plain if size < 12 else ():
        # A number of the period stands for each figure; those of some kinds are of 16 bits.
        if (one.period.cast(pl.Int32) * size % 12 != 0).any():
            found |= {names[place] for place in one.measures}
    return found


def told(
    source: Placed, said: dict[str, tuple[str, str] | None], labelled: Collection[str], system: System
) -> list[Diagnostic]:
    """Returns a finding for each text that calls figures cumulative that are read as those of single periods.

    Args:
        source: the table.
        said: what `undeclared` gives.
        labelled: the measures that have labels shorter than a year, see `within_the_year`.
        system: gives the titles.
    """
    found = []
    by_text: dict[tuple[str, str], list[str]] = {}
    for name, text in said.items():
        if name in labelled and text is None:
            found += [
                Diagnostic(one.code, one.message, source.table.place(), one.hint, one.severity)
                for one in called_cumulative(name, system)
            ]
        elif name in labelled and text is not None:
            by_text.setdefault(text, []).append(system.symbols[name].title)
    for (kind, words), titles in by_text.items():
        message = Message(
            "the {kind} `{words}` calls figures cumulative, but each of {titles} is read as that of its own period",
            kind=kind,
            words=words,
            titles="、".join(titles),
        )
        hint = Message(
            "write `cumulative: true` at the measure where they run from January, `cumulative: false` where each "
            "is that of its own period"
        )
        column = words if kind == "heading" else None
        found.append(Diagnostic("K623", message, source.table.place(None, column), hint, Severity.WARNING))
    return found
