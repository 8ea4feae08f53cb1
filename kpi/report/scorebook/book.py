"""The workbook of a scorecard: sheets that are read and printed, then those of data for programs."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

from kpi.analysis.next_level import CHEAP_FOR_ALL
from kpi.engine.scorecard import Scorecard
from kpi.report.language import tr
from kpi.report.method.report import method_of_scores
from kpi.report.paper.model import Column, Paper, Paragraph, Section, Table
from kpi.report.paper.sheets import add_sheets
from kpi.report.scorebook import history, league_sheet, matrix, unit_cards
from kpi.report.scorebook.extent import extent
from kpi.report.scorebook.figures import Period
from kpi.report.scorebook.styles import Styles
from kpi.report.shape import FRAMES, Report, plain
from kpi.report.workbook import PRINTED, add_frames
from kpi.report.xlsx import new_workbook


def book(report: Report, card: Scorecard, period: str | None = None) -> bytes:
    """Return a scorecard as the bytes of an xlsx file.

    The sheets: the league table, the matrix of units and indicators, a card for each unit, earlier periods, the method
    with its sources; then a sheet for each frame. Frames that are too long are left out, see `extent`, and not even
    computed; the sheet of the method says so.

    Raises:
        DataError: K510, xlsxwriter is not installed; K531, no such period.
    """
    shown, about, size = Period(card, period), report.about, extent(card, period)
    out = BytesIO()
    frames = {name: plain(getattr(card, name)) for name in FRAMES if name not in size.long}
    frames |= {name: plain(frame) for name, frame in card.extras.items()}
    kept = {name: frame for name, frame in frames.items() if name not in size.long}
    cut = any(frame.height > PRINTED for frame in kept.values())
    options = {"constant_memory": True, "default_date_format": "yyyy-mm-dd"}
    properties = {"title": about.title, "subject": about.system, "comments": about.origin}
    with new_workbook(out, properties, **options) as opened:
        styles = Styles(opened, card.decimals)
        if shown.standing.blocks:
            league_sheet.write(opened, tr("Results"), shown, styles, about.origin)
            matrix.write(opened, tr("Matrix"), shown, styles, about.origin)
            unit_cards.write(opened, tr("Cards"), shown, styles, about.origin)
            history.write(opened, tr("Earlier periods"), shown, styles, about.origin)
        add_sheets(opened, _method(report, shown, size.long, cut=cut), [])
        add_frames(opened, report, kept, printed=PRINTED)
    return out.getvalue()


def _method(report: Report, shown: Period, left_out: Mapping[str, int], *, cut: bool) -> Paper:
    """Return the method as one table, and below it what the workbook leaves out, and what is not printed."""
    facts = method_of_scores(shown.card.definition)
    section = Section(tr("Method and sources"), tr("Method"))
    section.parts.append(Table([Column(tr("Fact"), 2), Column(tr("Text"), 10)], facts))
    units, carded = len(shown.standing.lines), len(unit_cards.cards(shown))
    if carded < units:
        words = tr("There are cards of the first {shown:,} of {units:,} units.", shown=carded, units=units)
        section.parts.append(Paragraph(words, remark=True))
    if shown.changes is None:
        words = tr(
            "The least single change to the next level is on cards where units × units × indicators are at most "
            "{most:,}; elsewhere `kpi explain FILE UNIT --to LEVEL` finds it.", most=CHEAP_FOR_ALL,
        )  # fmt: skip
        section.parts.append(Paragraph(words, remark=True))
    if cut:
        words = tr(
            "Of sheets of data the first {shown:,} rows are printed; without the print area all are.", shown=PRINTED
        )
        section.parts.append(Paragraph(words, remark=True))
    for name, rows in left_out.items():
        words = tr(
            "`{sheet}` has {rows:,} rows and is left out; a folder takes all tables: -o results/",
            sheet=report.sheet(name), rows=rows,
        )  # fmt: skip
        section.parts.append(Paragraph(words, remark=True))
    return Paper(report.about.title, sections=[section], margin=report.about.origin)
