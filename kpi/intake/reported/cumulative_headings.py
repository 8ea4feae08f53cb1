"""Texts that call figures cumulative (累计) which are read as those of single periods, such as titles and notes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

import polars as pl

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake.cells.cell_text import as_text
from kpi.intake.matching.datasets import Placed, panel_columns
from kpi.intake.reported.plain_rows import Block, Plain
from kpi.language.datasets import PanelData
from kpi.language.measures import Reported, calls_cumulative
from kpi.language.running_totals import called_cumulative, is_called_cumulative
from kpi.language.system import System
from kpi.values.names import clean
from kpi.values.patterns import regex

#: Headings of columns of remarks on figures.
_REMARKS = regex(r"备注|口径|说明|注释|^注$|remark|\bnotes?\b|comment|basis", re.IGNORECASE)

#: What every text has that calls figures cumulative.
_PERHAPS = r"(?i)累计|年初|本月|year|ytd|cumulative|running"


def undeclared(
    source: Placed, system: System, notes: Mapping[tuple[str, int, int], str]
) -> dict[str, tuple[str, str] | None]:
    """Return the measures that a table may hold as running totals, though the definition does not say so.

    Each has the text that calls it cumulative and what that is (`_what`); None where its own title does.

    Args:
        source: a table of reported figures.
        system: gives the measures.
        notes: the texts in its note column, by measure, entity and period.
    """
    measures = {
        name: measure
        for name, measure in system.measures.items()
        if isinstance(measure, Reported) and measure.cumulative is None and measure.timing in ("sum", "ytd")
    }
    called: dict[str, tuple[str, str] | None] = {}
    if not measures:
        return called
    for about_all in _about_all(source):
        called |= dict.fromkeys(measures, about_all)
    noted = {name: text for (name, _, _), text in notes.items() if name in measures and calls_cumulative(text)}
    called |= {name: ("remark", text) for name, text in (noted | _remarked(source, measures)).items()}
    if isinstance(source.dataset, PanelData):
        for header, (name, _) in panel_columns(system, source.table, list(source.roles.values())).items():
            if calls_cumulative(header):
                called[name] = ("heading", header)
    called |= dict.fromkeys(name for name, measure in measures.items() if is_called_cumulative(name, measure))
    return {name: called[name] for name in measures if name in called}


def _about_all(source: Placed) -> Iterator[tuple[str, str]]:
    """Yield the texts about all of a table that call it cumulative, with what each is, the most telling last."""
    table = source.table
    texts = [("file", table.file.rpartition("/")[2]), ("sheet", table.sheet or "")]
    texts += [("note", text) for text in table.below[::-1]] + [("title", text) for text in table.titles[::-1]]
    yield from ((kind, text) for kind, text in texts if calls_cumulative(text))


def _remarked(source: Placed, measures: Mapping[str, Reported]) -> dict[str, str]:
    """Return the measures that cells in a column of remarks beside that of notes, 口径, call cumulative, with one."""
    read = {header for role, header in source.roles.items() if role != "scope"}
    columns = [name for name in source.table.columns if name not in read and _REMARKS.search(name)]
    if not columns:
        return {}
    header = source.roles.get("measure")
    named = pl.lit(None, dtype=pl.String) if header is None else as_text(header)
    remarks = pl.concat_str([as_text(name) for name in columns], separator=" ", ignore_nulls=True)
    rows = source.table.frame.select(measure=named, remark=remarks).filter(pl.col("remark").str.contains(_PERHAPS))
    said = source.table.mapped(rows).unique().sort("measure", "remark", descending=True).collect()
    texts = {None if text is None else clean(text): remark for text, remark in said.rows() if calls_cumulative(remark)}
    if None in texts:
        return dict.fromkeys(measures, texts[None])
    words = {name: [name, measure.title or name, *measure.synonyms] for name, measure in measures.items()}
    return {name: texts[word] for name, own in words.items() for word in map(clean, own) if word in texts}


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
            "{text} calls figures cumulative, but each of {titles} is read as that of its own period",
            text=_what(kind, words), titles=tuple(titles),
        )  # fmt: skip
        hint = Message(
            "write `cumulative: true` at the measure where they run from January, `cumulative: false` where each "
            "is that of its own period"
        )
        column = words if kind == "heading" else None
        findings.append(Diagnostic("K623", message, source.table.place(None, column), hint, Severity.WARNING))
    return findings


def _what(kind: str, text: str) -> Message:
    """Return what calls figures cumulative: a title, heading, note, sheet, file or remark, with its text."""
    match kind:
        case "title":
            return Message("the title `{text}`", text=text)
        case "heading":
            return Message("the heading `{text}`", text=text)
        case "note":
            return Message("the note `{text}` below the table", text=text)
        case "sheet":
            return Message("the name `{text}` of the sheet", text=text)
        case "file":
            return Message("the name `{text}` of the file", text=text)
    return Message("the remark `{text}`", text=text)
