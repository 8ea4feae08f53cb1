"""The matrix of units and indicators: values, coloured by which way is better, with the spread of the group above."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl
from rich.cells import cell_len

from kpi.language.system import System
from kpi.report.language import joined, tr
from kpi.report.marks import unbroken, unit_words
from kpi.report.method.indicators import name_of
from kpi.report.paper.model import inert
from kpi.report.scorebook.figures import Period
from kpi.report.scorebook.styles import GREEN, RED, YELLOW, Styles, paginate
from kpi.report.sheet_rows import write_rows
from kpi.report.xlsx import CHARACTERS
from kpi.values.patterns import regex

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

#: Rows above the units: pillar, indicator, unit, direction, target, then the spread.
_HEAD = 5
#: The most columns of a sheet in the file format, without those of names, and the most page breaks.
MOST, _BREAKS = 16_000, 1_023
#: How many indicators are fitted to one page, and of more how many stand on each, and the percentage at which.
_FITTED, _ON_A_PAGE, _SCALE = 20, 15, 55
#: What stands between a target and its period.
_PERIOD = regex("(?: (?=[(][^()]*[)]$)|(?=（[^（）]*）$))")
#: The width of a column of values, and the height of a line and the most lines of a heading.
_WIDTH, _LINE, _LINES = 11, 15, 8


def write(book: Workbook, name: str, shown: Period, styles: Styles, origin: str) -> None:
    """Write the values of a period; the spread are formulas over the units."""
    from xlsxwriter.utility import xl_range_abs

    system = shown.card.definition
    names = [*shown.counted, *(indicator for indicator in system.indicators if indicator not in set(shown.counted))][
        :MOST
    ]
    figures = shown.indicators.with_columns(pl.col("value").cast(pl.Float64))
    wide = figures.pivot(on="indicator", index="entity", values="value", maintain_order=True)
    lines = [line.entity for line in shown.standing.lines]
    spread = (
        (tr("Maximum"), "MAX"), (tr("Median"), "MEDIAN"), (tr("Mean"), "AVERAGE"), (tr("Minimum"), "MIN"),
        (tr("Standard deviation"), "STDEVP"),
    ) if len(lines) > 1 else ()  # fmt: skip
    top = 1 + _HEAD + len(spread)
    end = max(top + len(lines) - 1, top)
    sheet = book.add_worksheet(name)
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, max(len(names), 1), _WIDTH)
    title = inert(f"{shown.card.title} {shown.standing.period or ''}")
    sheet.write_string(0, 0, title, styles["heading"])
    many = len(names) > _FITTED
    heads = [tr("Pillar"), tr("Indicator"), tr("Unit"), tr("Direction"), tr("Target")]
    for place, heading in enumerate(heads, start=1):
        styles.put(sheet, place, 0, heading, "head")
        if place == 1:
            sheet.set_row(1, 2 * _LINE)
            _pillars(sheet, system, names, styles, most=_ON_A_PAGE if many else len(names))
            continue
        texts = [_head(system, item, place) for item in names]
        sheet.set_row(place, _LINE * min(max(map(_lines, texts), default=1), _LINES))
        for column, text in enumerate(texts, start=1):
            # Line ends are ours: those of data are escaped.
            sheet.write_string(place, column, text[:CHARACTERS], styles["head"])
    present = wide.filter(pl.col("entity").is_in(lines))
    for place, (label, function) in enumerate(spread, start=1 + _HEAD):
        styles.put(sheet, place, 0, label, "label")
        for column, item in enumerate(names, start=1):
            values = present[item].drop_nulls().to_list()
            if not values:
                sheet.write_blank(place, column, None, styles["label"])
                continue
            formula = f"={function}({xl_range_abs(top, column, end, column)})"
            task = function in ("MAX", "MIN") and _is_task(shown, item)
            result = _computed(function, values)
            style = "spread_done" if task else styles.figures("spread", shown.decimals.get(item, 2), result)
            sheet.write_formula(place, column, formula, styles[style], result)
    _values(sheet, shown, names, wide, top, styles)
    sheet.freeze_panes(top, 1)
    sheet.repeat_rows(1, top - 1)
    sheet.repeat_columns(0)
    # The title is on each page, above the columns that are repeated: a cell would be cut there.
    sheet.set_header(f"&C&12{title[:100].replace('&', '&&')}")
    if many:
        sheet.set_print_scale(_SCALE)
        sheet.set_v_pagebreaks(list(range(1 + _ON_A_PAGE, len(names) + 1, _ON_A_PAGE))[:_BREAKS])
    else:
        sheet.fit_to_pages(1, 0)
    sheet.print_area(1, 0, end, len(names))
    paginate(sheet, origin)


def _values(  # noqa: PLR0917 - what a block of cells consists of
    sheet: Worksheet, shown: Period, names: Sequence[str], wide: pl.DataFrame, top: int, styles: Styles
) -> None:
    """Write the values of the units from a row on, with colours by which way is better."""
    lines = [line.entity for line in shown.standing.lines]
    figures = pl.DataFrame({"entity": lines}, schema={"entity": pl.String}).join(
        wide.select("entity", *names), on="entity", how="left", maintain_order="left"
    )
    cells = [
        styles.numbers("done" if _is_task(shown, item) else styles.figures("number", shown.decimals.get(item, 2)))
        for item in names
    ]
    write_rows(sheet, top, figures, [styles.texts("text"), *cells])
    for column, item in enumerate(names, start=1):
        higher = shown.card.definition.indicators[item].direction == "higher"
        best, worst = (GREEN, RED) if higher else (RED, GREEN)
        scale = {"type": "3_color_scale", "min_color": worst, "mid_color": YELLOW, "max_color": best}
        sheet.conditional_format(top, column, max(top + len(lines) - 1, top), column, scale)


def _is_task(shown: Period, name: str) -> bool:
    """Return whether an indicator is a task that is done or not."""
    return str(shown.card.definition.unit(name)) == "是/否"


def _pillars(sheet: Worksheet, system: System, names: Sequence[str], styles: Styles, *, most: int) -> None:
    """Write the pillars above their indicators, each once over all of its columns on a page of `most` columns."""
    column = 1
    parents = [(system.parents.get(item), place // max(most, 1)) for place, item in enumerate(names)]
    for (pillar, _), group in itertools.groupby(parents):
        number = len(list(group))
        title = inert(name_of(system, pillar)) if pillar is not None else ""
        if number > 1:
            sheet.merge_range(1, column, 1, column + number - 1, "", styles["head"])
        sheet.write_string(1, column, title, styles["head"])
        column += number


def _head(system: System, name: str, place: int) -> str:
    """Return what stands above an indicator in a row."""
    indicator = system.indicators[name]
    if place == 2:
        return inert(name_of(system, name))
    if place == 3:
        return inert(unit_words(str(system.unit(name))))
    if place == 4:
        return tr("Higher is better") if indicator.direction == "higher" else tr("Lower is better")
    words = inert(unbroken(joined(target.words(system.unit(name)) for target in system.targets(name))))
    # A line for the number and one for the period: a column is too narrow for both.
    return _PERIOD.sub("\n", words)


def _lines(text: str) -> int:
    """Return how many lines a heading takes in a column; a word may leave part of each line empty."""
    return sum(max(math.ceil(cell_len(line) * 1.25 / _WIDTH), 1) for line in text.split("\n"))


def _computed(function: str, values: list[float]) -> float:
    """Return what a function of spreadsheets gives, for programs that do not compute formulas."""
    ordered, number = sorted(values), len(values)
    mean = sum(values) / number
    middle = (ordered[(number - 1) // 2] + ordered[number // 2]) / 2
    deviation: float = (sum((value - mean) ** 2 for value in values) / number) ** 0.5
    results = {"MAX": ordered[-1], "MIN": ordered[0], "AVERAGE": mean, "MEDIAN": middle, "STDEVP": deviation}
    return results[function]
