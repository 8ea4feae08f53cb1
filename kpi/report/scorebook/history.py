"""Earlier periods on a sheet of their own: score, place and level of each unit, the latest period first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kpi.report.language import localized, tr
from kpi.report.paper.model import inert
from kpi.report.scorebook.figures import Period
from kpi.report.scorebook.styles import Styles, paginate

if TYPE_CHECKING:
    from xlsxwriter import Workbook

#: The most periods that a sheet has room for: three columns each.
MOST = 5_000


def write(book: Workbook, name: str, shown: Period, styles: Styles, origin: str) -> None:
    """Write what each unit had in the periods before the one shown; nothing where there are none."""
    card = shown.card
    periods = [item for item in card.periods if item != shown.standing.period][::-1][:MOST]
    if not periods:
        return
    cells = {(row["period"], row["entity"]): row for row in card.totals.iter_rows(named=True)}
    entities = list(dict.fromkeys([*(line.entity for line in shown.standing.lines), *card.totals["entity"]]))
    parts = 3 if shown.standing.rated else 2
    sheet = book.add_worksheet(name)
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, len(periods) * parts, 9)
    sheet.write_string(0, 0, inert(card.title), styles["heading"])
    styles.put(sheet, 1, 0, "", "head")
    heads = (tr("Score"), tr("Rank"), shown.standing.level_heading)[:parts]
    for at, period in enumerate(periods):
        start = 1 + at * parts
        sheet.merge_range(1, start, 1, start + parts - 1, period, styles["head"])
    styles.put(sheet, 2, 0, localized(card.entity_title), "head")
    for at in range(len(periods)):
        for place, heading in enumerate(heads):
            styles.put(sheet, 2, 1 + at * parts + place, heading, "head")
    for line, entity in enumerate(entities, start=3):
        styles.put(sheet, line, 0, entity, "text")
        for at, period in enumerate(periods):
            row = cells.get((period, entity))
            start = 1 + at * parts
            styles.put(sheet, line, start, None if row is None else row["score"], "score")
            styles.put(sheet, line, start + 1, None if row is None else row["rank"], "count")
            if parts == 3:
                level = "" if row is None else shown.level(row)
                styles.put(sheet, line, start + 2, level, "center" if shown.standing.named else "stars")
    sheet.freeze_panes(3, 1)
    sheet.repeat_rows(1, 2)
    sheet.repeat_columns(0)
    sheet.fit_to_pages(1 if len(periods) * parts <= 24 else 0, 0)
    sheet.print_area(0, 0, max(len(entities) + 2, 3), len(periods) * parts)
    paginate(sheet, origin)
