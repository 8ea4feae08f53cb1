"""The first sheet: the league table with places, movement, points of pillars, levels; vetoes are footnotes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from rich.cells import cell_len

from kpi.report.language import localized, tr
from kpi.report.league import Line
from kpi.report.marks import NOTHING
from kpi.report.method.indicators import full_marks, name_of
from kpi.report.paper.model import sentence
from kpi.report.scorebook.figures import Period, adds_up
from kpi.report.scorebook.styles import Styles, paginate

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

#: The signs of footnotes; further ones are numbers in brackets.
_SIGNS = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"
#: The width of the names of units, the height of a further line of a long one, and the most of these.
_NAME, _LINE, _LINES = 22, 15, 20


class _Columns(Struct, frozen=True):
    """Which columns there are, and where those stand that formulas need."""

    heads: Sequence[tuple[str, float]]
    cohorts: bool
    rated: bool
    adjusted: bool
    moved: bool
    noted: bool
    score: int
    first: int
    last: int


def write(book: Workbook, name: str, shown: Period, styles: Styles, origin: str) -> None:
    """Write the league table of a period, cohort after cohort.

    The total is a formula, `ROUND(points of pillars + adjustments)`, where a spreadsheet comes to exactly our figure.
    """
    adjusted = {entity: _adjustment(shown, entity) for entity in shown.totals}
    columns = _columns(shown, adjusted=any(adjusted.values()))
    width = len(columns.heads)
    sheet = book.add_worksheet(name)
    for place, (_, share) in enumerate(columns.heads):
        sheet.set_column(place, place, share)
    sheet.set_row(0, 26)
    styles.across(sheet, 0, width, shown.card.title, "title")
    styles.across(sheet, 1, width, _about(shown), "subtitle")
    sheet.set_row(2, 32)
    for place, (heading, _) in enumerate(columns.heads):
        styles.put(sheet, 2, place, heading, "head")
    fulls = _marks(sheet, shown, columns, styles)
    row, notes = _lines(sheet, shown, columns, adjusted, styles)
    end = max(row - 1, 4)
    _bars(sheet, columns.first, fulls, end)
    sheet.autofilter(2, 0, end, width - 1)
    words = [sentence(shown.standing.base)] if columns.moved else []
    if shown.pillars:
        words.append(tr("Pillars are in points of the total; the score is their sum with adjustments, rounded."))
    for note in [*notes, *words]:
        styles.across(sheet, row, width, note, "remark")
        row += 1
    sheet.freeze_panes(4, columns.score)
    sheet.repeat_rows(2, 3)
    sheet.fit_to_pages(1, 0)
    sheet.print_area(0, 0, row - 1, width - 1)
    paginate(sheet, origin)


def _columns(shown: Period, *, adjusted: bool) -> _Columns:
    standing = shown.standing
    cohorts = len(standing.blocks) > 1
    moved = any(line.moved or line.change is not None for line in standing.lines)
    heads: list[tuple[str, float]] = [(tr("Rank"), 6), *([(tr("Move"), 6)] if moved else [])]
    heads += [(tr("Cohort"), 12)] if cohorts else []
    heads += [(localized(shown.card.entity_title), _NAME)]
    score = len(heads)
    heads += [(tr("Score"), 9)]
    heads += [(standing.level_heading, 11)] if standing.rated else []
    heads += [(tr("Change"), 8)] if moved else []
    first = len(heads)
    heads += [(title, 9) for title in shown.pillars]
    heads += [(tr("Adjustments"), 9)] if adjusted else []
    last = len(heads) - 1
    for title in shown.headlines:
        heads += [(tr("{title} (index beside the total)", title=title), 11), (tr("Place by {title}", title=title), 9)]
    for at in range(len(standing.further) - standing.intervals, len(standing.further)):
        # Probabilities of several levels are longer than places and scores.
        longest = max((cell_len(line.further[at]) for line in standing.lines), default=0)
        heads += [(standing.further[at], min(max(longest + 4, 14), 60))]
    noted = any(line.note for line in standing.lines)
    heads += [(tr("Coverage"), 9), *([(tr("Footnote"), 8)] if noted else [])]
    return _Columns(heads, cohorts, standing.rated, adjusted, moved, noted, score, first, last)


def _marks(sheet: Worksheet, shown: Period, columns: _Columns, styles: Styles) -> list[float | None]:
    """Write the marks of the pillars below the header, and return them."""
    system = shown.card.definition
    marks = full_marks(system)
    tops = {name_of(system, top): marks.get(top) for top in system.tops}
    fulls = [tops.get(title) for title in shown.pillars]
    for place in range(len(columns.heads)):
        sheet.write_blank(3, place, None, styles["label"])
    styles.put(sheet, 3, columns.first - 1, tr("Full marks"), "label")
    for place, full in enumerate(fulls, start=columns.first):
        styles.put(sheet, 3, place, full, "full")
    return fulls


def _lines(
    sheet: Worksheet, shown: Period, columns: _Columns, adjusted: Mapping[str, float], styles: Styles
) -> tuple[int, list[str]]:
    """Write a row for each unit; return the row below them and the footnotes."""
    from xlsxwriter.utility import xl_range

    row = 4
    notes: list[str] = []
    for block in shown.standing.blocks:
        for line in block.lines:
            sign = ""
            if line.note:
                sign = _SIGNS[len(notes)] if len(notes) < len(_SIGNS) else f"[{len(notes) + 1}]"
                notes.append(f"{sign} {line.entity}: {line.note}")
            parts = [shown.points.get((line.entity, title)) for title in shown.pillars]
            parts += [adjusted[line.entity]] if columns.adjusted else []
            cells = _cells(shown, columns, line, block.cohort)
            cells += [(part, "points") for part in parts]
            for rows in shown.headlines.values():
                own = rows.get(line.entity, {})
                cells += [(own.get("score"), "score"), (own.get("rank"), "count")]
            cells += [(text, "center") for text in line.further[len(line.further) - shown.standing.intervals :]]
            cells += [(line.coverage, "percent"), *([(sign, "center")] if columns.noted else [])]
            sheet.set_row(row, 18 + _LINE * min(math.ceil(max(cell_len(line.entity), 1) * 1.1 / _NAME) - 1, _LINES))
            for place, (value, style) in enumerate(cells):
                styles.put(sheet, row, place, value, style)
            figures = [part for part in parts if part is not None]
            if line.score is not None and figures and adds_up(figures, line.score, shown.card.decimals):
                formula = f"=ROUND(SUM({xl_range(row, columns.first, row, columns.last)}),{shown.card.decimals})"
                sheet.write_formula(row, columns.score, formula, styles["score"], line.score)
            row += 1
    return row, notes


def _cells(shown: Period, columns: _Columns, line: Line, cohort: str | None) -> list[tuple[str | float | None, str]]:
    """Return the cells of a unit before those of pillars, each with its style."""
    cells: list[tuple[str | float | None, str]] = [
        (NOTHING if line.rank is None else float(line.rank), "center"),
        *([(line.moved, "center")] if columns.moved else []),
    ]  # fmt: skip
    cells += [(cohort or "", "text")] if columns.cohorts else []
    cells += [(line.entity, "text"), (line.score, "score")]
    cells += [(shown.level(line), "center" if shown.standing.named else "stars")] if columns.rated else []
    return [*cells, (line.change, "change")] if columns.moved else cells


def _about(shown: Period) -> str:
    source = shown.card.definition.source
    issuer = source.issuer if source is not None else None
    units = len(shown.totals)
    number = tr("1 unit") if units == 1 else tr("{units} units", units=units)
    return "  ".join(
        filter(None, [issuer, shown.standing.period, number, tr("data {hash}", hash=shown.card.data_hash)])
    )


def _adjustment(shown: Period, entity: str) -> float:
    """Return what the total has beside the points of the top pillars; 0 for what is only noise."""
    raw = shown.totals[entity]["raw_score"]
    if raw is None:
        return 0.0
    whole = 0.0
    for title in shown.pillars:
        whole += shown.points.get((entity, title), 0.0)
    rest = float(raw) - whole
    return 0.0 if abs(rest) < 1e-9 else rest


def _bars(sheet: Worksheet, first: int, fulls: Sequence[float | None], end: int) -> None:
    """Draw a bar behind the points of each pillar, as long as their part of its marks."""
    for place, full in enumerate(fulls, start=first):
        bar: dict[str, object] = {"type": "data_bar", "bar_color": "#BBD6EE", "min_type": "num", "min_value": 0}
        if full is not None:
            bar |= {"max_type": "num", "max_value": full}
        sheet.conditional_format(4, place, end, place, bar)
