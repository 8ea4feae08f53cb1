"""A card for each unit, on pages of its own: value, target, schedule, light, marks, and why marks are missing."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct
from rich.cells import cell_len

from kpi.report.language import localized, tr
from kpi.report.marks import COMPARATORS, LIGHTS, NOTHING, movement, unbroken
from kpi.report.method.indicators import name_of
from kpi.report.scorebook.figures import Period, Row, adds_up, remarks
from kpi.report.scorebook.styles import Styles, paginate

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

#: The most rows of all cards, and of page breaks that a sheet can have in the file format.
ROWS, BREAKS = 20_000, 1_000
#: The scale of print, at which the 11 points of the sheet are 7: cards that are too long for a page take more of them.
SCALE = 64
#: The width of a page of A4 in landscape at that scale in characters, where a font is as wide as those that replace
#: Calibri; what each column takes beside its own characters; the margins at the sides in inches.
_WIDTH, _PADDING, _SIDE = 176, 0.71, 0.3
#: The height of a row in points, and of a page at that scale in rows.
_LINE, _PAGE = 15, 52
#: The rows of the head of a card, of that of its further pages, and of its end: the total, and a row between cards.
_HEAD, _AGAIN, _END = 4.6, 3.6, 2
#: The most lines of a row.
_LINES = 6
#: The widths of the columns; names and reasons, 0 here, have the rest: names what they need, at most that part
#: of it.
_WIDTHS = (10, 0, 9, 10, 8, 8, 7, 8, 8, 8, 8, 8, 5, 7, 7, 6, 6, 0)
_NAME, _WHY, _OF_NAME = 1, -1, 0.53
#: The columns of schedule and light, which are hidden where there are none.
_SCHEDULE = (5, 6)
#: The most decimals of a target that is not tiny.
_DECIMALS = 4
#: The columns of the spread and the place in it, which are hidden where no unit has peers.
_SPREAD = (7, 8, 9, 10, 11, 12)
#: The columns that formulas need.
_SCORE, _WEIGHT, _POINTS = 13, 14, 15
#: The widths of marks and full marks, which follow the points where results show marks.
_OF_MARKS = (7, 7)


class _Entry(Struct, frozen=True):
    """A row of a card: its cells with their styles, how many lines they need, and whether a pillar begins with it.

    The name of the pillar, of which the lines are `of_pillar`, stands in its first row on a page alone.
    """

    cells: Sequence[tuple[str | float | None, str]]
    lines: int = 1
    of_pillar: int = 1
    pillar: str = ""
    begins: bool = False
    row: Row | None = None


def cards(shown: Period) -> list[str]:
    """Return the units that have a card: the first ones in the order of the league table, as far as rows suffice."""
    rows = len(shown.counted) + 8
    return [line.entity for line in shown.standing.lines][: ROWS // rows]


def write(book: Workbook, name: str, shown: Period, styles: Styles, origin: str) -> None:
    """Write the cards, on further sheets where page breaks do not suffice."""
    units, widths = cards(shown), _widths(shown)
    frame = shown.indicators.filter(pl.col("indicator").is_in(shown.counted))
    spread: dict[tuple[str, str], Row] = {
        (row["cohort"], row["indicator"]): row
        for row in frame.group_by("cohort", "indicator")
        .agg(pl.col("value").min().alias("least"), pl.col("value").quantile(0.25, "linear").alias("lower"),
             pl.col("value").median().alias("middle"), pl.col("value").quantile(0.75, "linear").alias("upper"),
             pl.col("value").max().alias("greatest"))
        .iter_rows(named=True)
    }  # fmt: skip
    known = shown.card.definition.indicators
    signs = {item: -1 if known[item].direction == "higher" else 1 for item in shown.counted}
    order = pl.col("value").cast(pl.Float64) * pl.col("indicator").replace_strict(signs, return_dtype=pl.Int8)
    # Where a value is suppressed, the place among the others is not that of the unit.
    known_all = ~(pl.col("status") == "suppressed").any().over("cohort", "indicator")
    frame = frame.with_columns(place=pl.when(known_all).then(order.rank("min").over("cohort", "indicator")))
    own: dict[str, list[Row]] = {}
    for row in frame.filter(pl.col("entity").is_in(units)).iter_rows(named=True):
        own.setdefault(row["entity"], []).append(row)
    added: dict[str, list[Row]] = {}
    adjustments = shown.card.adjustments.filter(pl.col("entity").is_in(units), period=shown.standing.period)
    for row in adjustments.iter_rows(named=True):
        added.setdefault(row["entity"], []).append(row)
    sheet, at, number = _sheet(book, name, widths, origin), 0, 1
    breaks: list[int] = []
    for entity in units:
        entries = _entries(shown, own.get(entity, []), added.get(entity, []), spread, widths)
        cuts = _cuts(entries)
        if len(breaks) + len(cuts) + 1 > BREAKS:
            _print(sheet, at, breaks, widths)
            number += 1
            sheet, at, breaks = _sheet(book, f"{name}({number})", widths, origin), 0, []
        at = _card(sheet, at, shown, entity, entries, cuts, breaks, styles)
    _print(sheet, at, breaks, widths)


def _sheet(book: Workbook, name: str, widths: Sequence[float], origin: str) -> Worksheet:
    """Return a new sheet of cards."""
    sheet = book.add_worksheet(name)
    for place, width in enumerate(widths):
        sheet.set_column(place, place, width, None, {} if width else {"hidden": True})
    paginate(sheet, origin, side=_SIDE)
    # NOTE: spreadsheets ignore page breaks where a sheet is fitted to pages, so the scale is set.
    sheet.set_print_scale(SCALE)
    return sheet


def _print(sheet: Worksheet, rows: int, breaks: Sequence[int], widths: Sequence[float]) -> None:
    """Set the pages of a sheet; the last card needs no break."""
    sheet.set_h_pagebreaks(breaks[:-1])
    sheet.print_area(0, 0, max(rows - 1, 0), len(widths) - 1)


def _widths(shown: Period) -> tuple[float, ...]:
    """Return the widths of the columns, which fill a page, with marks where results show these; 0 of hidden ones.

    No word of a heading is broken.
    """
    widths: list[float] = list(_WIDTHS)
    system = shown.card.definition
    if _marked(shown):
        widths[_POINTS + 1 : _POINTS + 1] = _OF_MARKS
    for place, heading in enumerate(_headings(shown)):
        if widths[place]:
            words = (len(word) * 1.1 + 0.5 for word in heading.split() if word.isascii())
            widths[place] = max(widths[place], *words, 0)
    hidden = (*(() if shown.scheduled else _SCHEDULE), *(() if shown.compared else _SPREAD))
    for place in hidden:
        widths[place] = 0
    spare = _WIDTH - sum(widths) - _PADDING * (len(widths) - len(hidden))
    names = [_title({"title": name_of(system, item), "unit": str(system.unit(item))}) for item in shown.counted]
    widths[_NAME] = round(min(spare * _OF_NAME, max(map(cell_len, names), default=0) * 1.1 + 1))
    widths[_WHY] = int(spare - widths[_NAME])
    return tuple(widths)


def _marked(shown: Period) -> bool:
    return shown.card.definition.show == "marks"


def _cuts(entries: Sequence[_Entry]) -> set[int]:
    """Return the entries with which further pages of a card begin: where the page is full, or the last pillar on it.

    The total is never alone on a page.
    """
    cuts: set[int] = set()
    start, filled = 0, _HEAD
    for number, entry in enumerate(entries):
        end = _END if number == len(entries) - 1 else 0
        lines = max(entry.lines, entry.of_pillar if entry.begins else 1)
        if filled + lines + end > _PAGE and number > start:
            # A pillar stays whole if the page is more than half full without it.
            half = (start + number) // 2
            start = next((at for at in range(number, half, -1) if entries[at].begins), number)
            cuts.add(start)
            filled = _AGAIN + entries[start].of_pillar + sum(entry.lines for entry in entries[start:number])
        filled += lines
    return cuts


def _card(  # noqa: PLR0917 - what a card consists of
    sheet: Worksheet, at: int, shown: Period, entity: str, entries: Sequence[_Entry], cuts: Collection[int],
    breaks: list[int], styles: Styles,
) -> int:  # fmt: skip
    """Write a card from a row on, and add where its pages end; return the row below it."""
    from xlsxwriter.utility import xl_range

    card, total = shown.card, shown.totals[entity]
    columns = len(_widths(shown))
    title = f"{entity}  {card.title}  {shown.standing.period or ''}"
    sheet.set_row(at, 1.6 * _LINE)
    styles.across(sheet, at, columns, title, "title")
    styles.across(sheet, at + 1, columns, _standing(shown, entity), "subtitle")
    _heads(sheet, at + 2, shown, styles)
    first = line = at + 3
    parent = None
    for number, entry in enumerate(entries):
        if number in cuts:
            breaks.append(line)
            sheet.set_row(line, 1.6 * _LINE)
            styles.across(sheet, line, columns, tr("{title} (continued)", title=title), "title")
            _heads(sheet, line + 1, shown, styles)
            line, parent = line + 2, None
        _row(sheet, line, entry, entry.pillar if entry.pillar != parent else "", card.full, styles)
        parent = entry.pillar
        line += 1
    for column in range(columns):
        sheet.write_blank(line, column, None, styles["label"])
    styles.put(sheet, line, _NAME, tr("Total"), "label")
    styles.put(sheet, line, _POINTS, total["score"], "score")
    figures = [value for entry in entries if isinstance(value := entry.cells[_POINTS][0], float | int)]
    if entries and total["score"] is not None and adds_up(figures, total["score"], card.decimals):
        formula = f"=ROUND(SUM({xl_range(first, _POINTS, line - 1, _POINTS)}),{card.decimals})"
        sheet.write_formula(line, _POINTS, formula, styles["score"], total["score"])
    breaks.append(line + 2)
    return line + 2


def _standing(shown: Period, entity: str) -> str:
    """Return where a unit stands: its place, level, what lacks to the next, further indices and vetoes."""
    total = shown.totals[entity]
    place = (
        NOTHING if total["rank"] is None else f"{total['rank']}/{total['of']} {movement(total['rank_change'])}".strip()
    )
    words = [
        tr("place {place}", place=place) if shown.pillars else "", shown.level(total), shown.to_next(entity),
        shown.least_change(entity),
    ]  # fmt: skip
    for title, units in shown.headlines.items():
        if (own := units.get(entity)) is not None and own["rank"] is not None:
            words.append(
                tr("{title}, an index beside the total: {score:.{decimals}f}, place {place:g}", title=title,
                   score=own["score"], decimals=shown.card.decimals, place=own["rank"])
            )  # fmt: skip
    if total["veto"]:
        words.append(tr("Veto: {veto}", veto=total["veto"]))
    return "    ".join(filter(None, words))


def _headings(shown: Period) -> tuple[str, ...]:
    """Return the headings of the columns."""
    return (
        tr("Pillar"), tr("Indicator"), tr("Value"), tr("Target"), tr("Attained"), tr("Schedule"), tr("Light"),
        tr("Min."), tr("Q1"), tr("Median"), tr("Q3"), tr("Max."), tr("Rank"),
        tr("Score"), tr("Weight"),
        *((tr("Gives"), tr("Marks"), tr("Full marks")) if _marked(shown) else (tr("Marks"),)),
        tr("Marks lost"), tr("Why"),
    )  # fmt: skip


def _heads(sheet: Worksheet, at: int, shown: Period, styles: Styles) -> None:
    sheet.set_row(at, 2 * _LINE)
    for column, heading in enumerate(_headings(shown)):
        styles.put(sheet, at, column, heading, "head")


def _entries(
    shown: Period, rows: Sequence[Row], added: Sequence[Row], spread: dict[tuple[str, str], Row],
    widths: Sequence[float],
) -> list[_Entry]:  # fmt: skip
    """Return the rows of a card: of its indicators, and of what adds to them."""
    system, texts = shown.card.definition, shown.card.texts
    entries: list[_Entry] = []
    for row in rows:
        cells = _cells(row, spread.get((row["cohort"], row["indicator"]), {}), shown)
        pillar = name_of(system, system.parents[row["indicator"]])
        begins = not entries or entries[-1].pillar != pillar
        of_pillar = _lines([(pillar, "text")], widths[:1])
        entries.append(_Entry(cells, _lines(cells[1:], widths[1:]), of_pillar, pillar, begins, row))
    for row in added:
        cells = [(None, "text")] * len(widths)
        cells[_NAME] = (localized(texts.get(row["title"], row["title"])), "text")
        cells[_POINTS] = (row["points"], "points")
        entries.append(_Entry(cells, _lines(cells, widths)))
    return entries


def _lines(cells: Sequence[tuple[str | float | None, str]], widths: Sequence[float]) -> int:
    texts = (
        (value, width) for (value, _), width in zip(cells, widths, strict=True) if isinstance(value, str) and width
    )
    return min(max((math.ceil(cell_len(text) * 1.1 / width) for text, width in texts), default=1), _LINES)


def _cells(row: Row, group: Row, shown: Period) -> list[tuple[str | float | None, str]]:
    """Return the cells of an indicator with their styles; the first is for its pillar.

    Where results show marks, those of the full marks follow: the points are more where weights of missing parts have
    been spread.
    """
    marked, decimals, full = _marked(shown), shown.decimals.get(row["indicator"], 2), shown.card.full
    light = row["light"] if row["light"] in ("green", "yellow", "red") else "center"
    points, weight = row["points"], row["weight"]
    earned, of = (
        (row["marks"], row["full_marks"]) if marked else (points, None if weight is None else weight * full / 100)
    )
    lost = None if earned is None or of is None else of - earned
    task = row["unit"] == "是/否"
    return [
        (None, "text"), (_title(row), "text"), (_value(row), Styles.figures("number", decimals)),
        (_target(row), "center"), (row["attainment"], "percent"),
        (row["schedule"], "percent"), (localized(LIGHTS.get(row["light"], "")), light),
        *((group.get(part), "spread_done" if task else Styles.figures("spread", decimals, group.get(part)))
          for part in ("least", "lower", "middle", "upper", "greatest")),
        (row["place"], "count"),
        (row["score"], "points"), (weight, "percent"), (points, "points"),
        *(((earned, "points"), (of, "points")) if marked else ()),
        (None if lost is None or abs(lost) < 1e-9 else round(lost, 9), "points"),
        (remarks(row, shown.level_names), "text"),
    ]  # fmt: skip


def _row(  # noqa: PLR0917 - as for a card
    sheet: Worksheet, line: int, entry: _Entry, pillar: str, full: float, styles: Styles
) -> None:
    """Write a row of a card; the points of an indicator are a formula, `score * weight`, where that is all there is."""
    from xlsxwriter.utility import xl_rowcol_to_cell

    sheet.set_row(line, _LINE * max(entry.lines, entry.of_pillar if pillar else 1))
    styles.put(sheet, line, 0, pillar, "text")
    for column, (value, style) in enumerate(entry.cells[1:], start=1):
        styles.put(sheet, line, column, value, style)
    row = entry.row
    if row is None or any(row[part] is None for part in ("points", "weight", "score")):
        return
    points = row["points"]
    if abs(row["score"] * row["weight"] * full / 10_000 - points) <= 1e-12 * max(abs(points), 1):
        score, share = xl_rowcol_to_cell(line, _SCORE), xl_rowcol_to_cell(line, _WEIGHT)
        sheet.write_formula(line, _POINTS, f"={score}*{share}*{full!r}/10000", styles["points"], points)


def _title(row: Row) -> str:
    """Return the name of an indicator with its unit; that of a task is clear from its values."""
    if row["unit"] in ("是/否", "1"):
        return str(row["title"])
    return tr("{title} ({unit})", title=row["title"], unit=row["unit"])


def _value(row: Row) -> str | float | None:
    """Return a value, that of a flag in words."""
    if row["unit"] == "是/否" and row["value"] in (0, 1):
        return tr("yes") if row["value"] else tr("no")
    return row["value"]  # type: ignore[no-any-return]


def _target(row: Row) -> str:
    if row["comparator"] is None:
        return ""
    sign = localized(COMPARATORS.get(row["comparator"], ""))
    if row["comparator"] == "done" or row["target"] is None:
        return sign
    # A share of a common target may have any number of decimals; at 0.294118 no more than 0.2941 is read.
    text = f"{row['target']:,.6g}"
    if len(text.partition(".")[2]) > _DECIMALS and abs(row["target"]) >= 10**-_DECIMALS:
        text = f"{row['target']:,.{_DECIMALS}f}"
    return unbroken(f"{sign} {text}")
