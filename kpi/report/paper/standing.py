"""A scorecard as a document: the league tables of a period, and the findings."""

from __future__ import annotations

from kpi.report.language import localized, tr
from kpi.report.league import league
from kpi.report.markdown import LISTED, league_rows
from kpi.report.marks import SEVERITIES
from kpi.report.paper.model import Column, Paper, Paragraph, Section, Table
from kpi.report.shape import Results, origin


def paper_of_scores(scorecard: Results, /, *, period: str | None = None) -> Paper:
    """Return the results of a period, by default the latest, as a document.

    Raises:
        DataError: K531, the scorecard has no such period.
    """
    standing = league(scorecard, period=period)
    sections = []
    for block in standing.blocks:
        titles, aligned, rows = league_rows(scorecard, standing, block)
        columns = [
            Column(title, 4 if side == "<" else 1.5, "left" if side == "<" else "center")
            for title, side in zip(titles, aligned, strict=True)
        ]
        heading = standing.heading(block) or tr("Results")
        sections.append(Section(heading, heading, [Table(columns, rows).compact()], wide=True))
    if not standing.blocks:
        sections.append(Section(tr("Results"), parts=[Paragraph(tr("There are no scores to rank."))], wide=True))
    sections.append(_findings(scorecard))
    title = " ".join(filter(None, (scorecard.title, standing.period)))
    return Paper(title, sections=sections, margin=origin(scorecard.definition_hash, scorecard.data_hash))


def _findings(scorecard: Results) -> Section:
    """Return the first findings; the section is empty without any."""
    section = Section(tr("Findings"), wide=True)
    rows = list(scorecard.findings.head(LISTED).iter_rows(named=True))
    texts = getattr(scorecard, "texts", {})
    if rows:
        columns = [
            Column(tr("Severity"), 1, "center"), Column(tr("Code"), 1, "center"), Column(tr("About"), 3),
            Column(tr("Note"), 10),
        ]  # fmt: skip
        cells = [
            (
                localized(SEVERITIES.get(row["severity"], row["severity"])), row["code"],
                " ".join(filter(None, (row["entity"], row["period"]))),
                localized(texts.get(row["message"], row["message"])),
            )
            for row in rows
        ]  # fmt: skip
        section.parts.append(Table(columns, cells))
        if (more := scorecard.findings.height - len(rows)) > 0:
            section.parts.append(Paragraph(tr("{more:,} more are not listed.", more=more), remark=True))
    return section
