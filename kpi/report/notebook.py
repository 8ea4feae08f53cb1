"""Scorecards and systems as notebooks show them: HTML without scripts, every text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from kpi.engine.scorecard import Scorecard
from kpi.language.system import System
from kpi.report.language import joined, localized, tr
from kpi.report.league import league
from kpi.report.marks import NOTHING, number, visible

#: The most units and indicators that a notebook shows.
MOST = 30


def of_scorecard(card: Scorecard) -> str:
    """Return the league table of the last period shown, its best `MOST` units."""
    standing = league(card)
    headings = [tr("Rank"), localized(card.entity_title), tr("Score")]
    headings += [standing.level_heading] if standing.rated else []
    headings += [*standing.pillars, tr("Note")]
    lines = [
        [
            NOTHING if line.rank is None else str(line.rank), line.entity,
            number(line.score, card.decimals) or NOTHING, *([standing.level(line)] if standing.rated else []),
            *(number(score, card.decimals) or NOTHING for score in line.pillars), line.note,
        ]
        for line in standing.lines
    ]  # fmt: skip
    return _table(" ".join(filter(None, (card.title, standing.period))), headings, lines)


def of_system(system: System) -> str:
    """Return the indicators of a system with their weights, formulas and targets, the first `MOST`."""
    headings = [tr("Indicator"), tr("Weight"), tr("Method"), tr("Target")]
    lines = [
        [
            system.symbols[name].title, localized(system.weight_words(name)) if name in system.parents else "",
            localized(indicator.words(system.symbols)),
            joined(target.words(system.unit(name)) for target in system.targets(name)),
        ]
        for name, indicator in system.indicators.items()
    ]  # fmt: skip
    return _table(f"{system.title or ''} {system.system}".strip(), headings, lines)


def _table(caption: str, headings: Iterable[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a table with a caption, and how many lines it leaves out."""
    head = "".join(f"<th>{_safe(heading)}</th>" for heading in headings)
    rows = "".join(f"<tr>{''.join(f'<td>{_safe(cell)}</td>' for cell in line)}</tr>" for line in lines[:MOST])
    more = f"<p>{_safe(tr('{more:,} more', more=len(lines) - MOST))}</p>" if len(lines) > MOST else ""
    return (
        f"<table><caption>{_safe(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{more}"
    )


def _safe(text: str) -> str:
    return escape(visible(text))
