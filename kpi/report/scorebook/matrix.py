"""The matrix of units and indicators: values, coloured by which way is better, with the spread of the group above."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from kpi.language.system import System
from kpi.report.language import joined, tr
from kpi.report.marks import unbroken
from kpi.report.method.indicators import name_of
from kpi.report.paper.model import inert
from kpi.report.scorebook.figures import Period
from kpi.report.scorebook.styles import GREEN, RED, YELLOW, Styles, paginate
from kpi.report.sheet_rows import write_rows

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

#: Rows above the units: pillar, indicator, unit, direction, target, then the spread.
_HEAD = 5
#: The most columns of a sheet in the file format, without those of names.
MOST = 16_000
#: How many indicators are fitted to one page, and the percentage at which more are printed.
_ON_A_PAGE, _SCALE = 20, 55


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
    )  # fmt: skip
    top = 1 + _HEAD + len(spread)
    end = max(top + len(lines) - 1, top)
    sheet = book.add_worksheet(name)
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, max(len(names), 1), 11)
    title = inert(f"{shown.card.title} {shown.standing.period or ''}")
    sheet.write_string(0, 0, title, styles["heading"])
    sheet.set_row(1, 30)
    sheet.set_row(2, 46)
    sheet.set_row(5, 46)
    heads = [tr("Pillar"), tr("Indicator"), tr("Unit"), tr("Direction"), tr("Target")]
    for place, heading in enumerate(heads, start=1):
        styles.put(sheet, place, 0, heading, "head")
        if place == 1:
            _pillars(sheet, system, names, styles)
            continue
        for column, item in enumerate(names, start=1):
            styles.put(sheet, place, column, _head(system, item, place), "head")
    present = wide.filter(pl.col("entity").is_in(lines))
    for place, (label, function) in enumerate(spread, start=1 + _HEAD):
        styles.put(sheet, place, 0, label, "label")
        for column, item in enumerate(names, start=1):
            values = present[item].drop_nulls().to_list()
            if not values:
                sheet.write_blank(place, column, None, styles["spread"])
                continue
            formula = f"={function}({xl_range_abs(top, column, end, column)})"
            task = function in ("MAX", "MIN") and _is_task(shown, item)
            style = styles["spread_done" if task else "spread"]
            sheet.write_formula(place, column, formula, style, _computed(function, values))
    _values(sheet, shown, names, wide, top, styles)
    sheet.freeze_panes(top, 1)
    sheet.repeat_rows(1, top - 1)
    sheet.repeat_columns(0)
    if len(names) > _ON_A_PAGE:
        sheet.set_print_scale(_SCALE)
    else:
        sheet.fit_to_pages(1, 0)
    sheet.print_area(0, 0, end, len(names))
    paginate(sheet, origin)


def _values(  # noqa: PLR0917 - what a block of cells consists of
    sheet: Worksheet, shown: Period, names: Sequence[str], wide: pl.DataFrame, top: int, styles: Styles
) -> None:
    """Write the values of the units from a row on, with colours by which way is better."""
    lines = [line.entity for line in shown.standing.lines]
    figures = pl.DataFrame({"entity": lines}, schema={"entity": pl.String}).join(
        wide.select("entity", *names), on="entity", how="left", maintain_order="left"
    )
    number, done = styles.numbers("number"), styles.numbers("done")
    cells = [done if _is_task(shown, item) else number for item in names]
    write_rows(sheet, top, figures, [styles.texts("text"), *cells])
    for column, item in enumerate(names, start=1):
        higher = shown.card.definition.indicators[item].direction == "higher"
        best, worst = (GREEN, RED) if higher else (RED, GREEN)
        scale = {"type": "3_color_scale", "min_color": worst, "mid_color": YELLOW, "max_color": best}
        sheet.conditional_format(top, column, max(top + len(lines) - 1, top), column, scale)


def _is_task(shown: Period, name: str) -> bool:
    """Return whether an indicator is a task that is done or not."""
    return str(shown.card.definition.unit(name)) == "是/否"


def _pillars(sheet: Worksheet, system: System, names: Sequence[str], styles: Styles) -> None:
    """Write the pillars above their indicators, each once over all of its columns."""
    column = 1
    for pillar, group in itertools.groupby(names, system.parents.get):
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
        return name_of(system, name)
    if place == 3:
        return str(system.unit(name))
    if place == 4:
        return tr("Higher is better") if indicator.direction == "higher" else tr("Lower is better")
    return unbroken(joined(target.words(system.unit(name)) for target in system.targets(name)))


def _computed(function: str, values: list[float]) -> float:
    """Return what a function of spreadsheets gives, for programs that do not compute formulas."""
    ordered, number = sorted(values), len(values)
    mean = sum(values) / number
    middle = (ordered[(number - 1) // 2] + ordered[number // 2]) / 2
    deviation: float = (sum((value - mean) ** 2 for value in values) / number) ** 0.5
    results = {"MAX": ordered[-1], "MIN": ordered[0], "AVERAGE": mean, "MEDIAN": middle, "STDEVP": deviation}
    return results[function]
