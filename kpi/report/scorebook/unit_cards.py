"""A card for each unit, on a page of its own: value, target, schedule, light, marks, and why marks are missing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl
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
#: The height of a row and of a page of A4 in points without its margins, and the least scale at which it is read.
_LINE, _PAGE, _LEAST = 15, 740, 35
#: The greatest scale at which the columns without marks fit on a page in portrait.
_WIDEST = 42
#: The height of a page in landscape, and that scale there, for cards that are low enough.
_LOW, _ACROSS = 470, 60
_WIDTHS = (10, 22, 9, 10, 8, 8, 7, 8, 8, 8, 8, 8, 5, 7, 7, 6, 6, 20)
#: The columns of schedule and light, which are hidden where there are none, and what names and reasons then have more.
_SCHEDULE, _MORE_NAME, _MORE_WHY = (5, 6), 7, 8
#: The columns that formulas need.
_SCORE, _WEIGHT, _POINTS = 13, 14, 15
#: The widths of marks and full marks, which follow the points where results show marks.
_OF_MARKS = (7, 7)


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
    for start in range(0, max(len(units), 1), BREAKS):
        sheet = book.add_worksheet(name + (f"({start // BREAKS + 1})" if start else ""))
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width, None, {} if width else {"hidden": True})
        at, breaks, high = 0, [], 0.0
        for entity in units[start : start + BREAKS]:
            at, height = _card(sheet, at, shown, entity, own.get(entity, []), spread, added.get(entity, []), styles)
            high = max(high, height)
            breaks.append(at)
        sheet.set_h_pagebreaks(breaks[:-1])
        # NOTE: spreadsheets ignore page breaks where a sheet is fitted to pages, so the scale is computed.
        across, widest = (scale * sum(_WIDTHS) // sum(widths) for scale in (_ACROSS, _WIDEST))
        low = high * across / 100 <= _LOW
        sheet.set_print_scale(across if low else max(min(int(100 * _PAGE / max(high, _LINE)), widest), _LEAST))
        sheet.print_area(0, 0, max(at - 1, 0), len(widths) - 1)
        paginate(sheet, origin, landscape=low)


def _widths(shown: Period) -> tuple[int, ...]:
    """Return the widths of the columns, with those of marks where results show these; 0 of hidden ones."""
    widths = list(_with_marks(marked=shown.card.definition.show == "marks"))
    if not shown.scheduled:
        for place in _SCHEDULE:
            widths[place] = 0
        widths[1] += _MORE_NAME
        widths[-1] += _MORE_WHY
    return tuple(widths)


def _with_marks(*, marked: bool) -> tuple[int, ...]:
    return (*_WIDTHS[: _POINTS + 1], *_OF_MARKS, *_WIDTHS[_POINTS + 1 :]) if marked else _WIDTHS


def _card(  # noqa: PLR0917 - what a card consists of
    sheet: Worksheet, at: int, shown: Period, entity: str, rows: Sequence[Row], spread: dict[tuple[str, str], Row],
    added: Sequence[Row], styles: Styles,
) -> tuple[int, float]:  # fmt: skip
    """Write a card from a row on; return the row below it, and its height in points."""
    from xlsxwriter.utility import xl_range

    card, total = shown.card, shown.totals[entity]
    full, columns, marked = card.full, len(_widths(shown)), card.definition.show == "marks"
    sheet.set_row(at, 1.6 * _LINE)
    styles.across(sheet, at, columns, f"{entity}  {card.title}  {shown.standing.period or ''}", "title")
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
                   score=own["score"], decimals=card.decimals, place=own["rank"])
            )  # fmt: skip
    if total["veto"]:
        words.append(tr("Veto: {veto}", veto=total["veto"]))
    styles.across(sheet, at + 1, columns, "    ".join(filter(None, words)), "subtitle")
    heads = (
        tr("Pillar"), tr("Indicator"), tr("Value"), tr("Target"), tr("Attainment"), tr("Schedule"), tr("Light"),
        tr("Minimum"), tr("Lower quartile"), tr("Median"), tr("Upper quartile"), tr("Maximum"), tr("Rank"),
        tr("Score"), tr("Weight"), *((tr("Contribution"), tr("Marks"), tr("Full marks")) if marked else (tr("Marks"),)),
        tr("Marks lost"), tr("Why"),
    )  # fmt: skip
    sheet.set_row(at + 2, 2 * _LINE)
    for column, heading in enumerate(heads):
        styles.put(sheet, at + 2, column, heading, "head")
    line, parent = at + 3, None
    first = line
    system = card.definition
    high = 8.0 + len(added)
    for row in rows:
        pillar = name_of(system, system.parents[row["indicator"]])
        group = spread.get((row["cohort"], row["indicator"]), {})
        high += _indicator(sheet, line, row, pillar if pillar != parent else "", group, full, styles, shown)
        parent = pillar
        line += 1
    for row in added:
        for column in range(columns):
            sheet.write_blank(line, column, None, styles["text"])
        styles.put(sheet, line, 1, localized(card.texts.get(row["title"], row["title"])), "text")
        styles.put(sheet, line, _POINTS, row["points"], "points")
        line += 1
    for column in range(columns):
        sheet.write_blank(line, column, None, styles["label"])
    styles.put(sheet, line, 1, tr("Total"), "label")
    styles.put(sheet, line, _POINTS, total["score"], "score")
    figures = [row["points"] for row in (*rows, *added) if row["points"] is not None]
    if line > first and total["score"] is not None and adds_up(figures, total["score"], card.decimals):
        formula = f"=ROUND(SUM({xl_range(first, _POINTS, line - 1, _POINTS)}),{card.decimals})"
        sheet.write_formula(line, _POINTS, formula, styles["score"], total["score"])
    return line + 2, high * _LINE


def _indicator(  # noqa: PLR0917 - as for a card
    sheet: Worksheet, line: int, row: Row, pillar: str, group: Row, full: float, styles: Styles, shown: Period
) -> int:
    """Write the row of an indicator; its points are a formula, `score * weight`, where that is all there is to them.

    Return the lines of the row.

    Where results show marks, those of the full marks follow: the points are more where weights of missing parts have
    been spread.
    """
    from xlsxwriter.utility import xl_rowcol_to_cell

    marked, decimals = shown.card.definition.show == "marks", shown.decimals.get(row["indicator"], 2)
    light = row["light"] if row["light"] in ("green", "yellow", "red") else "center"
    points, weight = row["points"], row["weight"]
    earned, of = (
        (row["marks"], row["full_marks"]) if marked else (points, None if weight is None else weight * full / 100)
    )
    lost = None if earned is None or of is None else of - earned
    task = row["unit"] == "是/否"
    cells: list[tuple[str | float | None, str]] = [
        (pillar, "text"), (_title(row), "text"), (_value(row), styles.figures("number", decimals)),
        (_target(row), "center"), (row["attainment"], "percent"),
        (row["schedule"], "percent"), (localized(LIGHTS.get(row["light"], "")), light),
        *((group.get(part), "spread_done" if task else styles.figures("spread", decimals, group.get(part)))
          for part in ("least", "lower", "middle", "upper", "greatest")),
        (row["place"], "count"),
        (row["score"], "points"), (weight, "percent"), (points, "points"),
        *(((earned, "points"), (of, "points")) if marked else ()),
        (None if lost is None or abs(lost) < 1e-9 else round(lost, 9), "points"),
        (remarks(row, shown.level_names), "text"),
    ]  # fmt: skip
    for column, (value, style) in enumerate(cells):
        styles.put(sheet, line, column, value, style)
    widths = _widths(shown)
    texts = (
        (value, widths[column]) for column, (value, _) in enumerate(cells) if isinstance(value, str) and widths[column]
    )
    high = max(math.ceil(cell_len(text) * 1.1 / width) for text, width in texts)
    high = min(high, 3)
    sheet.set_row(line, _LINE * high)
    if points is None or weight is None or row["score"] is None:
        return high
    if abs(row["score"] * weight * full / 10_000 - points) <= 1e-12 * max(abs(points), 1):
        score, share = xl_rowcol_to_cell(line, _SCORE), xl_rowcol_to_cell(line, _WEIGHT)
        sheet.write_formula(line, _POINTS, f"={score}*{share}*{full!r}/10000", styles["points"], points)
    return high


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
    return sign if row["comparator"] == "done" or row["target"] is None else unbroken(f"{sign} {row['target']:,.6g}")
