"""Variants of one table: the same figures in the ways in which offices write and send them.

A `Delivery` is a table on its way to a file. Each variant is a function that changes a delivery and leaves the figures
what they are; `variant` enters it into `VARIANTS`, in the order in which several are applied. A new variant is one
function here.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
import xlsxwriter

from tests.written_formats import dta_of, html, ods, sav_of, xlsb, zipped

# ---- THE FIGURES ---- #

#: The units with their codes, other names and groups.
UNITS = {
    "东湖县": ("330401", "东湖", "甲组"), "西山区": ("330402", "西山新城", "乙组"),
    "南浦市": ("330403", "南浦县", "甲组"), "北泽县": ("330404", "北泽老县", "乙组"),
    "云岭市": ("330405", "云岭郡", "甲组"), "第2园区": ("330406", "2号园", "乙组"),
    "石桥县": ("330407", "石桥旧县", "甲组"), "临江区": ("330408", "临江城区", "乙组"),
}  # fmt: skip

#: The measures: their titles, units and figures of two periods. 东湖县 and 西山区 have the same 办件量 for each 亿元.
MEASURES: dict[str, tuple[str, str, str, str]] = {
    "gdp": (
        "地区生产总值", "亿元",
        "1234.56 411.52 98.7 1560.01 88.88 720.3 45.6 1002.03", "1301.1 433.7 99.9 1480.25 93.31 801.17 45.6 1100.4",
    ),
    "cases": (
        "办件量", "件",
        "123456 41152 9000 20411 777 1204 5605 18000", "130110 43370 9100 31415 801 1250 5599 17500",
    ),
    "rate": ("满意率", "%", "95.2 88.1 90 97.35 79.9 92.4 91 85.5", "96.1 89.7 90.05 - 81.3 92.4 91 86.25"),
    "profit": (
        "利润总额", "亿元",
        "12.5 -3.25 0 101.75 -0.4 33 -7.5 61.02", "11.8 -1.5 2.1 99.6 -0.4 35.25 -1234.5 60.4",
    ),
}  # fmt: skip

#: The two periods of each grain, as they are plainly written.
PERIODS = {"month": ("2023-11", "2023-12"), "quarter": ("2023Q3", "2023Q4"), "year": ("2022", "2023")}
OVER = {"month": "1m", "quarter": "1q", "year": "1y"}

AMOUNTS = ("gdp", "profit")

SYSTEM = """
system: variants
period: {grain}
entities: {{title: 县区{roster}}}
{datasets}
measures:
  gdp: {{title: 地区生产总值, unit: 亿元, synonyms: [GDP]}}
  cases: {{title: 办件量, unit: 件}}
  rate: {{title: 满意率, unit: '%'}}
  profit: {{title: 利润总额, unit: 亿元}}
indicators:
  share: {{kind: share, of: gdp, within: all, score: {{kind: minmax}}}}
  growth: {{kind: growth, of: gdp, over: {over}, score: {{kind: rank}}}}
  intensity: {{kind: ratio, numerator: cases, denominator: gdp, unit: 件/亿元, score: {{kind: rank}}}}
  satisfied: {{kind: level, of: rate, target: {{at_least: 90}}, score: {{kind: completion}}}}
  gain: {{kind: level, of: profit, score: {{kind: percentile}}}}
pillars:
  A: {{weight: 60, parts: {{share: 20, growth: 20, intensity: 20}}}}
  B: {{weight: 40, parts: {{satisfied: 20, gain: 20}}}}
stars: {{kind: quota, shares: {{5: 25, 4: 50, 3: 25}}, cohorts: {cohorts}}}
"""

ROSTER = "entity,code,cohort,aliases\n" + "".join(
    f"{name},{code},{group},{alias}\n" for name, (code, alias, group) in UNITS.items()
)


def facts() -> dict[tuple[str, int, str], Decimal | None]:
    """Return the figures by unit, period (0 or 1) and measure; None for the one that is missing."""
    return {
        (who, when, name): None if text == "-" else Decimal(text)
        for name, (_, _, *periods) in MEASURES.items()
        for when, texts in enumerate(periods)
        for who, text in zip(UNITS, texts.split(), strict=True)
    }


FACTS = facts()

# ---- A TABLE ON ITS WAY TO A FILE ---- #


class Shown(NamedTuple):
    """A number of a workbook with the format in which Excel shows it."""

    number: float
    form: str


Cell = Decimal | int | str | date | Shown | None


@dataclass
class Row:
    """A row of a table; `who`, `when` and `measure` say what it is about, None for a row about no unit."""

    cells: dict[str, Cell]
    who: str | None = None
    when: int | None = None
    measure: str | None = None


@dataclass
class Sheet:
    """A table: its columns by id, their headers, its rows, and what stands around it.

    Ids are `period`, `entity`, `measure` and `value`, and in wide tables those of the measures. `groups` are headers
    above those of columns, `merged` the columns in which equal texts of neighbouring rows are one cell.
    """

    columns: list[str]
    heads: dict[str, str]
    rows: list[Row]
    above: list[list[Cell]] = field(default_factory=list)
    below: list[list[Cell]] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)
    merged: set[str] = field(default_factory=set)
    numbered: bool = False
    wide_title: bool = False

    def figures(self, *measures: str) -> Iterator[tuple[Row, str, str]]:
        """Yield the row, column and measure of each figure, of some measures only where they are named."""
        for row in self.rows:
            names = [row.measure] if row.measure is not None else [name for name in MEASURES if name in self.columns]
            for name in names if row.who is not None else ():
                if not measures or name in measures:
                    yield row, "value" if row.measure is not None else name, name

    def call(self, measure: str, text: str) -> None:
        """Write another name for a measure: over its column, or in its rows."""
        if measure in self.columns:
            self.heads[measure] = text
        for row in self.rows:
            if row.measure == measure:
                row.cells["measure"] = text

    def called(self, measure: str) -> str:
        """Return how a measure is called."""
        rows = (str(row.cells["measure"]) for row in self.rows if row.measure == measure)
        return self.heads[measure] if measure in self.columns else next(rows, "")

    def column(self, name: str, head: str, cell: Callable[[Row], Cell], at: int | None = None) -> None:
        """Add a column, last or in some place."""
        self.columns.insert(len(self.columns) if at is None else at, name)
        self.heads[name] = head
        for row in self.rows:
            row.cells[name] = cell(row)


@dataclass
class Delivery:
    """What is sent: one sheet or several, how the files are written, and what the system says of its datasets."""

    form: str
    format: str
    grain: str
    roster: bool
    draw: random.Random
    sheets: list[Sheet]
    workbook: bool = False
    copies: int = 1
    spare_sheets: bool = False
    encoding: str = "utf-8"
    delimiter: str = ","
    line_end: str = "\n"
    quoting: Any = csv.QUOTE_MINIMAL
    first_line: str = ""
    compression: str = ""
    container: str = ""
    texts: Any = pl.String
    decimals: bool = False
    whole: bool = False
    datasets: str = ""


def plain(form: str, file_format: str, grain: str, *, roster: bool, seed: int = 0) -> Delivery:
    """Return the table as it is plainly written: wide (a column for each measure) or long (a row for each figure)."""
    rows, keys = [], {"period": "期别", "entity": "地区"}
    for when, label in enumerate(PERIODS[grain]):
        for who in UNITS:
            start: dict[str, Cell] = {"period": label, "entity": who}
            if form == "wide":
                rows.append(Row(start | {name: FACTS[who, when, name] for name in MEASURES}, who, when))
            else:
                rows += [
                    Row(start | {"measure": title, "value": FACTS[who, when, name]}, who, when, name)
                    for name, (title, *_) in MEASURES.items()
                ]
    figures = {name: title for name, (title, *_) in MEASURES.items()}
    heads = keys | (figures if form == "wide" else {"measure": "指标", "value": "数值"})
    return Delivery(form, file_format, grain, roster, random.Random(seed), [Sheet(list(heads), heads, rows)])


# ---- THE REGISTRY ---- #

FORMS = ("wide", "long")
FORMATS = ("csv", "xlsx", "parquet")
GRAINS = ("month", "quarter", "year")
TEXT, PAPER, TYPED = ("csv",), ("csv", "xlsx"), ("parquet",)


@dataclass(frozen=True)
class Variant:
    """One way to write the table.

    Attributes:
        change: makes it of a delivery.
        forms, formats, grains: where it exists.
        roster: whether it needs one (True), must not have one (False), or goes either way.
        excludes: what it decides; two variants that decide the same are not drawn together.
        exact: whether figures are the same to the bit; otherwise a unit is converted, and they are so to 1e-12.
        warnings: codes of the warnings that it rightly gives.
    """

    change: Callable[[Delivery], None]
    forms: tuple[str, ...] = FORMS
    formats: tuple[str, ...] = FORMATS
    grains: tuple[str, ...] = GRAINS
    roster: bool | None = None
    excludes: frozenset[str] = frozenset()
    exact: bool = True
    warnings: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.change.__name__

    def suits(self, form: str, file_format: str, grain: str, *, roster: bool) -> bool:
        """Return whether the variant exists for a table of this form, format and grain."""
        wanted = self.roster is None or self.roster == roster
        return wanted and form in self.forms and file_format in self.formats and grain in self.grains


VARIANTS: dict[str, Variant] = {}


def variant(*excludes: str, **rest: Any) -> Callable[[Callable[[Delivery], None]], Callable[[Delivery], None]]:
    """Enter a function as a variant; see `Variant` for what is said of it."""

    def enter(change: Callable[[Delivery], None]) -> Callable[[Delivery], None]:
        VARIANTS[change.__name__] = Variant(change, excludes=frozenset(excludes), **rest)
        return change

    return enter


# ---- NAMES OF UNITS ---- #


def rename(delivery: Delivery, name: Callable[[str], str]) -> None:
    """Write other texts for the units."""
    for sheet in delivery.sheets:
        for row in sheet.rows:
            if row.who is not None:
                row.cells["entity"] = name(row.who)


@variant("names")
def blanks_in_names(delivery):
    rename(delivery, " ".join)


@variant("names")
def full_width_blanks_in_names(delivery):
    rename(delivery, "\u3000".join)


@variant("names")
def zero_width_characters_in_names(delivery):
    rename(delivery, "\u200b".join)


@variant("names")
def names_in_full_width(delivery):
    rename(delivery, lambda who: who.replace("2", "２"))


@variant("names")
def names_written_in_two_ways(delivery):
    rename(delivery, lambda who: delivery.draw.choice([who, f" {who}", who[0] + " " + who[1:], f"{who}\u3000"]))


@variant("names", roster=True)
def names_without_their_ending(delivery):
    rename(delivery, lambda who: who[:-1])


@variant("names", roster=True)
def other_names_of_the_roster(delivery):
    rename(delivery, lambda who: UNITS[who][1])


def add_codes(delivery: Delivery, code: Callable[[Row], Cell] | None = None, at: int = 1) -> None:
    """Write a column of codes."""
    for sheet in delivery.sheets:
        sheet.column("code", "行政区划代码", code or (lambda row: UNITS[row.who][0]), at)


@variant("codes")
def codes_beside_names(delivery):
    add_codes(delivery)


@variant("codes", roster=True)
def codes_of_twelve_digits(delivery):
    add_codes(delivery, lambda row: f"{UNITS[row.who][0]}000000")


@variant("codes")
def codes_as_numbers(delivery):
    add_codes(delivery, lambda row: int(UNITS[row.who][0]))


@variant("codes", "names")
def names_left_blank_beside_codes(delivery):
    add_codes(delivery)
    for sheet in delivery.sheets:
        for row in sheet.rows[1::3]:
            row.cells["entity"] = None


@variant("codes", "names", "total", "heading", "blank", roster=True)
def codes_only(delivery):
    add_codes(delivery)
    for sheet in delivery.sheets:
        sheet.columns.remove("entity")


# ---- UNITS OF MEASURE ---- #


def convert(sheet: Sheet, factor: int, *measures: str) -> None:
    """Write figures in another unit."""
    for row, column, _ in sheet.figures(*measures):
        cell = row.cells[column]
        if isinstance(cell, Decimal):
            row.cells[column] = cell * factor


@variant("unit")
def the_unit_in_the_heading(delivery):
    for sheet in delivery.sheets:
        for name, (title, unit, *_) in MEASURES.items():
            sheet.call(name, f"{title}（{unit}）")


@variant("unit", exact=False)
def another_unit_in_the_heading(delivery):
    for sheet in delivery.sheets:
        convert(sheet, 10_000, *AMOUNTS)
        sheet.call("gdp", "地区生产总值（万元）")
        sheet.call("profit", "利润总额(万元)")


@variant("unit", formats=PAPER, exact=False)
def another_unit_above_the_table(delivery):
    for sheet in delivery.sheets:
        convert(sheet, 10_000, *AMOUNTS)
        sheet.call("cases", "办件量（件）")
        sheet.call("rate", "满意率（%）")
        sheet.above.append([None] * (len(sheet.columns) - 1) + ["单位：万元"])


@variant("unit", forms=("long",), exact=False)
def units_in_a_column(delivery):
    units = {name: "万元" if name in AMOUNTS else MEASURES[name][1] for name in MEASURES}
    for sheet in delivery.sheets:
        convert(sheet, 10_000, *AMOUNTS)
        sheet.column("unit", "计量单位", lambda row: units[row.measure])


@variant("unit", "percent", "figures")
def units_in_cells(delivery):
    for sheet in delivery.sheets:
        for row, column, name in sheet.figures():
            if isinstance(row.cells[column], Decimal):
                row.cells[column] = f"{row.cells[column]}{MEASURES[name][1]}"


@variant("unit", "figures", exact=False)
def another_unit_in_cells(delivery):
    for sheet in delivery.sheets:
        convert(sheet, 10_000, *AMOUNTS)
        for row, column, _ in sheet.figures(*AMOUNTS):
            if row.cells[column] is not None:
                row.cells[column] = f"{row.cells[column].quantize(Decimal(1))}万元"


# ---- FIGURES ---- #


def write(delivery: Delivery, text: Callable[[Decimal], Cell], *measures: str) -> None:
    """Write figures as other texts."""
    for sheet in delivery.sheets:
        for row, column, _ in sheet.figures(*measures):
            if isinstance(cell := row.cells[column], Decimal):
                row.cells[column] = text(cell)


@variant("percent")
def percents_with_their_sign(delivery):
    write(delivery, lambda value: f"{value}%", "rate")


@variant("percent", formats=("xlsx",), exact=False)
def percents_by_the_format_of_excel(delivery):
    write(delivery, lambda value: Shown(float(value / 100), "0.00%"), "rate")


def negative(delivery: Delivery, text: Callable[[Decimal], str]) -> None:
    """Write negative figures otherwise."""
    write(delivery, lambda value: text(-value) if value < 0 else value)


@variant("minus")
def the_minus_of_typographers(delivery):
    negative(delivery, lambda value: f"−{value}")


@variant("minus")
def a_full_width_minus(delivery):
    negative(delivery, lambda value: f"－{value}")


@variant("minus")
def negative_figures_in_brackets(delivery):
    negative(delivery, lambda value: f"({value:,})")


@variant("figures")
def thousands_separators(delivery):
    write(delivery, lambda value: f"{value:,}")


@variant("figures")
def full_width_thousands_separators(delivery):
    write(delivery, lambda value: f"{value:,}".replace(",", "，"))


@variant("figures")
def full_width_digits(delivery):
    write(delivery, lambda value: str(value).translate({ord(entry): ord(entry) + 0xFEE0 for entry in "0123456789.-"}))


@variant("figures")
def scientific_notation(delivery):
    write(delivery, lambda value: f"{value:E}")


@variant("figures")
def figures_with_zeros_behind(delivery):
    write(delivery, lambda value: f"{value:.4f}")


@variant("figures")
def figures_as_texts(delivery):
    write(delivery, str)


@variant("figures")
def figures_with_their_sign(delivery):
    write(delivery, lambda value: f"{value:+}")


@variant("figures")
def figures_with_blanks_around(delivery):
    write(delivery, lambda value: f" {value}\u3000")


def absent(delivery: Delivery, mark: str) -> None:
    """Write a mark for figures that are missing."""
    for sheet in delivery.sheets:
        for row, column, _ in sheet.figures():
            if row.cells[column] is None:
                row.cells[column] = mark


@variant("absent")
def a_dash_for_a_missing_figure(delivery):
    absent(delivery, "—")


@variant("absent")
def words_for_a_missing_figure(delivery):
    absent(delivery, "未报")


@variant("absent")
def two_points_for_a_missing_figure(delivery):
    absent(delivery, "..")


@variant("absent", forms=("long",))
def no_row_for_a_missing_figure(delivery):
    for sheet in delivery.sheets:
        sheet.rows = [row for row in sheet.rows if row.cells["value"] is not None]


# ---- PERIODS ---- #


def relabel(delivery: Delivery, texts: dict[str, tuple[Cell, Cell]]) -> None:
    """Write other texts for the periods."""
    for sheet in delivery.sheets:
        for row in sheet.rows:
            if row.when is not None:
                row.cells["period"] = texts[delivery.grain][row.when]


@variant("period")
def periods_in_words(delivery):
    relabel(delivery, {"month": ("2023年11月", "2023年12月"), "quarter": ("2023年三季度", "2023年四季度"),
                       "year": ("2022年", "2023年")})  # fmt: skip


@variant("period")
def periods_in_other_words(delivery):
    relabel(delivery, {"month": ("2023年11月份", "2023年12月份"), "quarter": ("2023年第3季度", "2023年第4季度"),
                       "year": ("2022年度", "2023年度")})  # fmt: skip


@variant("period")
def periods_in_full_width(delivery):
    relabel(delivery, {
        "month": ("２０２３年１１月", "２０２３年１２月"), "quarter": ("２０２３年３季度", "２０２３年４季度"),
        "year": ("２０２２", "２０２３"),
    })  # fmt: skip


@variant("period")
def periods_with_dashes(delivery):
    relabel(delivery, {"month": ("2023/11", "2023/12"), "quarter": ("2023-Q3", "2023-Q4"),
                       "year": (" 2022 年", " 2023 年")})  # fmt: skip


@variant("period", grains=("quarter", "year"))
def periods_as_spans_of_months(delivery):
    relabel(delivery, {"quarter": ("2023年7-9月", "2023年10-12月"), "year": ("2022年1-12月", "2023年1-12月")})


@variant("period", grains=("month", "year"))
def periods_as_numbers(delivery):
    relabel(delivery, {"month": (202311, 202312), "year": (2022, 2023)})


@variant("period", grains=("month",), formats=("xlsx", "parquet"))
def months_as_dates(delivery):
    relabel(delivery, {"month": (date(2023, 11, 1), date(2023, 12, 1))})


@variant("period", grains=("month",))
def months_as_days(delivery):
    relabel(delivery, {"month": ("2023-11-30", "2023-12-31")})


@variant("period", "columns", grains=("month", "quarter"))
def year_and_part_in_two_columns(delivery):
    parts = {"month": ("月份", 11, 12), "quarter": ("季度", 3, 4)}[delivery.grain]
    for sheet in delivery.sheets:
        sheet.heads["period"] = "年份"
        for row in sheet.rows:
            row.cells["period"] = "2023"
        sheet.column("part", parts[0], lambda row: str(parts[1 + row.when]), 1)


@variant("period", "columns", grains=("month", "quarter"))
def year_and_part_in_words(delivery):
    parts = {"month": ("月", "11月", "12月"), "quarter": ("季度", "三季度", "四季度")}[delivery.grain]
    for sheet in delivery.sheets:
        sheet.heads["period"] = "年"
        for row in sheet.rows:
            row.cells["period"] = "2023年"
        sheet.column("part", parts[0], lambda row: parts[1 + row.when], 1)


# ---- COLUMNS AND HEADINGS ---- #


@variant("titles", "unit", "heads")
def measures_by_their_names(delivery):
    for sheet in delivery.sheets:
        for name in MEASURES:
            sheet.call(name, name)


@variant("titles")
def measures_by_synonyms(delivery):
    for sheet in delivery.sheets:
        sheet.call("gdp", sheet.called("gdp").replace("地区生产总值", "ＧＤＰ"))


@variant("titles")
def blanks_in_names_of_measures(delivery):
    for sheet in delivery.sheets:
        for name in MEASURES:
            text = sheet.called(name)
            sheet.call(name, f" {text[0]}\u3000{text[1:]} ")


@variant("heads", "unit", "titles", "repeated heading")
def english_headings(delivery):
    heads = {
        "entity": "Region",
        "period": "Period",
        "measure": "Indicator",
        "value": "Value",
        **{m: m for m in MEASURES},
    }
    for sheet in delivery.sheets:
        sheet.heads |= {name: heads[name] for name in sheet.columns if name in heads}


@variant("heads", "repeated heading")
def headings_in_two_languages(delivery):
    heads = {"entity": "地区_Region", "period": "期别 Period", "measure": "指标_Indicator", "value": "数值"}
    for sheet in delivery.sheets:
        sheet.heads |= {name: heads[name] for name in sheet.columns if name in heads and sheet.heads[name] != "年份"}


@variant("heads", forms=("long",))
def figures_headed_otherwise(delivery):
    for sheet in delivery.sheets:
        sheet.heads["value"] = delivery.draw.choice(["值", "本期值", "完成值", "实际值", "本期数", "指标值"])


@variant("heads", "titles")
def headings_with_blanks_and_line_breaks(delivery):
    for sheet in delivery.sheets:
        for name, head in sheet.heads.items():
            sheet.heads[name] = f" {head[0]}\n{head[1:]}\u3000"


@variant("levels", "columns", "heads", "repeated heading", forms=("wide",), formats=PAPER)
def a_heading_of_two_levels(delivery):
    for sheet in delivery.sheets:
        sheet.groups = {"gdp": "经济", "cases": "政务", "rate": "政务", "profit": "效益"}


@variant("levels", "columns", "heads", "repeated heading", forms=("wide",), formats=("xlsx",))
def a_heading_merged_across(delivery):
    for sheet in delivery.sheets:
        sheet.groups = dict.fromkeys((name for name in sheet.columns if name in MEASURES), "主要指标")


@variant()
def a_category_beside(delivery):
    for sheet in delivery.sheets:
        sheet.column("kind", "类型", lambda row: f"{row.who[-1]}级" if row.who else None)


@variant()
def a_serial_number_in_front(delivery):
    for sheet in delivery.sheets:
        numbers = {id(row): at for at, row in enumerate(sheet.rows, 1)}
        sheet.column("serial", "序号", lambda row, numbers=numbers: numbers[id(row)], 0)


@variant()
def unrelated_columns(delivery):
    for sheet in delivery.sheets:
        sheet.column("phone", "联系电话", lambda _: "0573-8204")
        sheet.column("source", "数据来源", lambda _: "统计局")


@variant()
def an_empty_column(delivery):
    for sheet in delivery.sheets:
        sheet.column("nothing", "", lambda _: None)


@variant(forms=("wide",))
def unrelated_figures_in_columns(delivery):
    for sheet in delivery.sheets:
        sheet.column("forest", "森林覆盖率", lambda _: Decimal("61.5"), 2)


@variant(forms=("long",))
def unrelated_figures_in_rows(delivery):
    for sheet in delivery.sheets:
        rows = [row for row in sheet.rows if row.measure == "rate"]
        for row in rows:
            cells = row.cells | {"measure": "森林覆盖率", "value": Decimal("61.5")}
            sheet.rows.append(Row(cells, None, row.when, "forest"))


@variant("columns")
def columns_in_another_order(delivery):
    for sheet in delivery.sheets:
        sheet.columns.reverse()


# ---- ROWS ---- #


@variant("revision")
def a_revised_row_beside_the_earlier_one(delivery):
    for sheet in delivery.sheets:
        sheet.column("revision", "修订", lambda _: 1)
        for row in [row for row in sheet.rows if row.who == "南浦市"]:
            columns = [column for entry, column, _ in sheet.figures() if entry is row]
            sheet.rows.append(replace(row, cells=row.cells | dict.fromkeys(columns, Decimal(55))))
            row.cells["revision"] = 2


@variant("revision", "repeats", warnings=frozenset({"K608"}))
def identical_rows_repeated(delivery):
    for sheet in delivery.sheets:
        sheet.rows += [deepcopy(row) for row in sheet.rows[::4]]


@variant("order")
def rows_in_any_order(delivery):
    for sheet in delivery.sheets:
        delivery.draw.shuffle(sheet.rows)


@variant("order")
def rows_by_unit(delivery):
    order = list(UNITS)
    for sheet in delivery.sheets:
        sheet.rows.sort(key=lambda row: len(order) if row.who is None else order.index(row.who))


def split(delivery: Delivery, part: Callable[[Row], object]) -> None:
    """Write the rows into several sheets."""
    sheets = []
    for sheet in delivery.sheets:
        groups: dict[object, list[Row]] = {}
        for row in sheet.rows:
            groups.setdefault(part(row), []).append(row)
        sheets += [replace(deepcopy(sheet), rows=deepcopy(rows)) for rows in groups.values()]
    delivery.sheets = sheets


@variant("split")
def split_by_period(delivery):
    split(delivery, lambda row: row.when)


@variant("split")
def split_by_unit(delivery):
    split(delivery, lambda row: list(UNITS).index(row.who) < 4 if row.who else True)


@variant("split", "levels")
def split_by_measure(delivery):
    if delivery.form == "long":
        split(delivery, lambda row: row.measure in AMOUNTS)
        return
    wholes, delivery.sheets = delivery.sheets, []
    for sheet in wholes:
        for left_out in (AMOUNTS, ("cases", "rate")):
            columns = [name for name in sheet.columns if name not in left_out]
            delivery.sheets.append(replace(deepcopy(sheet), columns=columns))


@variant(
    "split", "levels", "revision", "absent", "columns", "repeated heading", "heads", "titles", "unit", forms=("wide",)
)
def half_of_the_measures_in_rows(delivery):
    wholes, delivery.sheets = delivery.sheets, []
    for sheet in wholes:
        keys = [name for name in sheet.columns if name not in MEASURES]
        delivery.sheets.append(replace(deepcopy(sheet), columns=[*keys, *AMOUNTS]))
        rows = [
            Row(row.cells | {"measure": MEASURES[name][0], "value": row.cells[name]}, row.who, row.when, name)
            for row in sheet.rows if row.who is not None
            for name in ("cases", "rate")
        ]  # fmt: skip
        heads = sheet.heads | {"measure": "指标", "value": "数值"}
        delivery.sheets.append(replace(deepcopy(sheet), columns=[*keys, "measure", "value"], heads=heads, rows=rows))


@variant("split", formats=("xlsx",))
def a_sheet_for_each_period(delivery):
    split(delivery, lambda row: row.when)
    delivery.workbook = True


def add_totals(delivery: Delivery, name: str, at: Callable[[Sheet, int], int]) -> None:
    """Write a row that adds up all units, for each period and in long tables for each measure."""
    for sheet in delivery.sheets:
        periods = sorted({row.when for row in sheet.rows if row.who is not None})
        for when in periods:
            rows = [row for row in sheet.rows if row.when == when and row.who is not None]
            first = {row.measure: row for row in reversed(rows)}
            totals = []
            for measure, row in sorted(first.items(), key=lambda item: str(item[0])):
                cells = row.cells | {"entity": name, "code": None}
                for entry, column, figure in sheet.figures():
                    if entry is row:
                        cells[column] = sum((FACTS[who, when, figure] or 0 for who in UNITS), Decimal())
                totals.append(Row(cells, None, when, measure))
            place = at(sheet, max(at for at, row in enumerate(sheet.rows) if row in rows) + 1)
            sheet.rows[place:place] = totals


@variant("total")
def totals_at_the_end(delivery):
    add_totals(delivery, "合计", lambda sheet, _: len(sheet.rows))


@variant("total")
def totals_at_the_beginning(delivery):
    add_totals(delivery, "全　市", lambda *_: 0)


@variant("total")
def totals_in_the_middle(delivery):
    add_totals(delivery, "合  计", lambda _, after: after)


@variant("total")
def averages_at_the_end(delivery):
    add_totals(delivery, "全市平均", lambda sheet, _: len(sheet.rows))


@variant("total")
def totals_in_english(delivery):
    add_totals(delivery, "Grand  Total", lambda sheet, _: len(sheet.rows))


@variant("total")
def an_item_of_which(delivery):
    add_totals(delivery, "其中：开发区", lambda _, after: after)


@variant("heading")
def headings_of_groups_without_figures(delivery):
    for sheet in delivery.sheets:
        sheet.rows.insert(0, Row({"entity": "北部地区"}))
        sheet.rows.insert(len(sheet.rows) // 2, Row({"entity": "南部地区"}))


@variant("repeated heading")
def the_heading_repeated(delivery):
    for sheet in delivery.sheets:
        for at in (len(sheet.rows) // 2, len(sheet.rows) // 4):
            sheet.rows.insert(at, Row({name: sheet.heads[name] for name in sheet.columns}))


@variant("blank")
def blank_rows_between(delivery):
    for sheet in delivery.sheets:
        for at in range(len(sheet.rows) - 2, 0, -5):
            sheet.rows.insert(at, Row({}))


# ---- AROUND THE TABLE ---- #


@variant("above", formats=PAPER)
def titles_above(delivery):
    for sheet in delivery.sheets:
        sheet.above[:0] = [["附件1"], ["各县（市、区）主要指标"], []]


@variant("above", formats=("xlsx",))
def a_title_merged_across(delivery):
    for sheet in delivery.sheets:
        sheet.above.insert(0, ["各县（市、区）主要指标"])
        sheet.wide_title = True


@variant(formats=PAPER)
def notes_below(delivery):
    for sheet in delivery.sheets:
        sheet.below += [["注：1.本表为初步数。"], ["2.含开发区。"], ["资料来源：市统计局"]]


@variant(formats=PAPER)
def signatures_below(delivery):
    for sheet in delivery.sheets:
        sheet.below += [["填表人：张三", None, "审核人：李四"]]


@variant("repeated heading", formats=PAPER)
def numbered_columns(delivery):
    for sheet in delivery.sheets:
        sheet.numbered = True


@variant("order", "merge", formats=("xlsx",), forms=("long",))
def names_merged_downwards(delivery):
    rows_by_unit(delivery)
    for sheet in delivery.sheets:
        sheet.merged |= {"entity", "code"} & set(sheet.columns)


@variant("order", "merge", formats=("xlsx",))
def periods_merged_downwards(delivery):
    for sheet in delivery.sheets:
        sheet.merged |= {"period"}


# ---- FILES ---- #


# A frame that is made of another object each time, such as one of pandas, is compared row by row.
@variant("copies", warnings=frozenset({"K548", "K608"}))
def given_twice(delivery):
    delivery.copies = 2


@variant("copies", "repeats", "revision", "merge", warnings=frozenset({"K608"}))
def given_again_in_another_order(delivery):
    delivery.sheets += [replace(deepcopy(sheet), rows=deepcopy(sheet.rows[::-1])) for sheet in delivery.sheets]


@variant("datasets")
def datasets_declared(delivery):
    delivery.datasets = "datasets: {figures: {form: reported}, table: {form: panel}}"


@variant("datasets")
def datasets_in_another_order(delivery):
    delivery.datasets = "datasets: {table: {form: panel}, figures: {form: reported}}"


@variant("encoding", formats=TEXT)
def in_gb18030(delivery):
    delivery.encoding = "gb18030"


@variant("encoding", formats=TEXT)
def with_a_byte_order_mark(delivery):
    delivery.encoding = "utf-8-sig"


@variant("encoding", formats=TEXT)
def in_utf_16(delivery):
    delivery.encoding = "utf-16"


@variant("delimiter", formats=TEXT)
def separated_by_tabs(delivery):
    delivery.delimiter = "\t"


@variant("delimiter", formats=TEXT)
def separated_by_semicolons(delivery):
    delivery.delimiter = ";"


@variant("delimiter", "above", formats=TEXT)
def separated_as_its_first_line_says(delivery):
    delivery.delimiter, delivery.first_line = ";", "sep=;"


@variant(formats=TEXT)
def line_ends_of_windows(delivery):
    delivery.line_end = "\r\n"


@variant(formats=TEXT)
def every_cell_quoted(delivery):
    delivery.quoting = csv.QUOTE_ALL


@variant("compression", formats=TEXT)
def compressed_by_gzip(delivery):
    delivery.compression = ".gz"


@variant("compression", formats=TEXT)
def compressed_by_zstandard(delivery):
    delivery.compression = ".zst"


@variant(formats=("xlsx",))
def empty_and_hidden_sheets(delivery):
    delivery.spare_sheets = True


@variant("container", formats=TYPED)
def as_arrow(delivery):
    delivery.container = ".arrow"


@variant("container", formats=TYPED)
def as_json_lines(delivery):
    delivery.container = ".jsonl"


@variant("container", formats=TYPED)
def as_a_json_document(delivery):
    delivery.container = ".json"


@variant("container", "types", formats=TYPED)
def as_a_file_of_spss(delivery):
    delivery.container = ".sav"


@variant("container", "types", formats=TYPED)
def as_a_file_of_stata(delivery):
    delivery.container = ".dta"


@variant("container", "compression", "delimiter", formats=TEXT)
def as_a_web_page(delivery):
    delivery.container = ".xls"


@variant("container", "compression", "delimiter", formats=TEXT)
def as_an_opendocument_spreadsheet(delivery):
    delivery.container = ".ods"


@variant("container", "compression", "delimiter", formats=TEXT)
def as_a_binary_workbook(delivery):
    delivery.container = ".xlsb"


@variant("container", formats=TEXT)
def in_a_zip_archive(delivery):
    delivery.container = ".zip"


@variant("container", formats=TYPED)
def as_a_frame(delivery):
    delivery.container = "frame"


@variant("container", "types", formats=TYPED)
def as_a_frame_of_pandas(delivery):
    delivery.container = "pandas"


@variant("container", formats=TYPED)
def as_a_lazy_frame(delivery):
    delivery.container = "lazy"


@variant("container", formats=TYPED)
def as_a_mapping(delivery):
    delivery.container = "mapping"


@variant("types", formats=TYPED)
def texts_as_categories(delivery):
    delivery.texts = pl.Categorical


@variant("types", formats=TYPED)
def figures_as_decimals(delivery):
    delivery.decimals = True


@variant("types", formats=TYPED, forms=("wide",))
def figures_as_whole_numbers(delivery):
    delivery.whole = True


# ---- WRITING ---- #


def written(delivery: Delivery, folder: Path) -> list[Any]:
    """Write the files of a delivery into a folder, and return what is given to `kpi.score`."""
    if delivery.format == "xlsx":
        groups = [delivery.sheets] if delivery.workbook else [[sheet] for sheet in delivery.sheets]
        sources: list[Any] = [_workbook(delivery, some, folder / f"t{at}.xlsx") for at, some in enumerate(groups)]
    elif delivery.format == "parquet":
        sources = [_columns(delivery, sheet, folder / f"t{at}") for at, sheet in enumerate(delivery.sheets)]
    else:
        sources = [_text(delivery, sheet, folder / f"t{at}.csv") for at, sheet in enumerate(delivery.sheets)]
    for number in range(1, delivery.copies):
        sources += [_copied(source, number) for source in sources]
    return sources


def _copied(source: Any, number: int) -> Any:
    """Return a copy of a file under another name; of a frame, the frame."""
    if not isinstance(source, Path):
        return source
    copy = source.with_name(f"copy{number} {source.name}")
    copy.write_bytes(source.read_bytes())
    return copy


def _grid(sheet: Sheet) -> list[list[Cell]]:
    """Return the cells of a sheet, those above and below the table among them."""
    heads: list[list[Cell]] = [[sheet.heads[name] for name in sheet.columns]]
    if sheet.groups:
        before: list[str | None] = [None, *(sheet.groups.get(name) for name in sheet.columns)]
        upper: list[Cell] = [
            sheet.heads[name] if group is None else (None if group == last else group)
            for name, group, last in zip(sheet.columns, before[1:], before, strict=False)
        ]
        heads = [upper, [sheet.heads[name] if name in sheet.groups else None for name in sheet.columns]]
    if sheet.numbered:
        keys = "甲乙丙丁"
        heads.append([keys[at] if at < 2 else str(at - 1) for at in range(len(sheet.columns))])
    body = [[row.cells.get(name) for name in sheet.columns] for row in sheet.rows]
    return [*sheet.above, *heads, *body, *sheet.below]


#: The formats of sheets that are written from rows of cells.
_OF_ROWS = {".xls": html, ".ods": ods, ".xlsb": xlsb}


def _rows(sheet: Sheet) -> list[list[Any]]:
    """Return the rows of a sheet, of equal length, with numbers and texts."""
    rows = [[float(cell) if isinstance(cell, Decimal) else cell for cell in row] for row in _grid(sheet)]
    rows = [[str(cell) if isinstance(cell, date) else cell for cell in row] for row in rows]
    width = max(map(len, rows))
    return [[*row, *[None] * (width - len(row))] for row in rows]


def _plain(cell: Cell) -> str:
    """Return a cell as text."""
    if isinstance(cell, Decimal):
        return format(cell, "f")
    return "" if cell is None else str(cell)


def _text(delivery: Delivery, sheet: Sheet, path: Path) -> Path:
    if (write := _OF_ROWS.get(delivery.container)) is not None:
        path = path.with_suffix(delivery.container)
        path.write_bytes(write(_rows(sheet)))
        return path
    if delivery.container == ".zip":
        inner = _text(replace(delivery, container=""), sheet, path)
        archive = inner.with_name(f"{inner.name}.zip")
        archive.write_bytes(zipped({f"数据/{inner.name}": inner.read_bytes(), "说明.docx": b"x"}, raw_names=True))
        inner.unlink()
        return archive
    buffer = io.StringIO()
    if delivery.first_line:
        buffer.write(delivery.first_line + delivery.line_end)
    writer = csv.writer(
        buffer, delimiter=delivery.delimiter, quoting=delivery.quoting, lineterminator=delivery.line_end
    )
    width = len(sheet.columns)
    for row in _grid(sheet):
        writer.writerow([*map(_plain, row), *[""] * (width - len(row))])
    content = buffer.getvalue().encode(delivery.encoding)
    if delivery.compression == ".gz":
        content = gzip.compress(content)
    elif delivery.compression == ".zst":
        content = pytest.importorskip("zstandard").compress(content)
    path = path.with_name(path.name + delivery.compression)
    path.write_bytes(content)
    return path


def _workbook(delivery: Delivery, sheets: list[Sheet], path: Path) -> Path:
    book = xlsxwriter.Workbook(path)
    formats = {form: book.add_format({"num_format": form}) for form in ("yyyy-mm", "0.00%")}
    for at, sheet in enumerate(sheets):
        page = book.add_worksheet(f"表{at + 1}")
        grid = _grid(sheet)
        for top, cells in enumerate(grid):
            for left, cell in enumerate(cells):
                _write(page, top, left, cell, formats)
        for top, left, bottom, right in _merged(sheet):
            page.merge_range(top, left, bottom, right, None)
            _write(page, top, left, grid[top][left], formats)
    if delivery.spare_sheets:
        book.add_worksheet("Sheet2")
        hidden = book.add_worksheet("参数")
        hidden.write_row(0, 0, ["期别", "地区", "办件量"])
        hidden.write_row(1, 0, ["2023", "东湖县", 1])
        hidden.hide()
    book.close()
    return path


def _write(page: Any, top: int, left: int, cell: Cell, formats: dict[str, Any]) -> None:
    """Write a cell of a workbook."""
    if isinstance(cell, Shown):
        page.write_number(top, left, cell.number, formats[cell.form])
    elif isinstance(cell, date):
        page.write_datetime(top, left, cell, formats["yyyy-mm"])
    elif isinstance(cell, Decimal | int):
        page.write_number(top, left, float(cell))
    elif cell is not None:
        page.write_string(top, left, cell)


def _merged(sheet: Sheet) -> Iterator[tuple[int, int, int, int]]:
    """Yield the merged ranges of a sheet."""
    top = len(sheet.above)
    if sheet.wide_title:
        yield 0, 0, 0, len(sheet.columns) - 1
    if sheet.groups:
        yield from _merged_groups(sheet, top)
    first = top + 1 + bool(sheet.groups) + sheet.numbered
    for name in sorted(sheet.merged):
        left = sheet.columns.index(name)
        for start, end in _runs([row.cells.get(name) for row in sheet.rows]):
            yield first + start, left, first + end, left


def _merged_groups(sheet: Sheet, top: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield the merged ranges of a heading of two levels: each group, and each heading without one."""
    groups = [sheet.groups.get(name) for name in sheet.columns]
    for left, right in _runs(groups):
        yield top, left, top, right
    for left, group in enumerate(groups):
        if group is None:
            yield top, left, top + 1, left


def _runs(cells: Sequence[Cell]) -> Iterator[tuple[int, int]]:
    """Yield the first and last place of each run of two equal cells or more."""
    start = 0
    for at in range(1, len(cells) + 1):
        if at == len(cells) or cells[at] != cells[start]:
            if at - start > 1 and cells[start] is not None:
                yield start, at - 1
            start = at


def frame_of(delivery: Delivery, sheet: Sheet) -> pl.DataFrame:
    """Return a sheet as a frame with the types that its cells have."""
    columns: dict[str, pl.Series] = {}
    for name in sheet.columns:
        cells = [row.cells.get(name) for row in sheet.rows]
        filled = [cell for cell in cells if cell is not None]
        if filled and all(isinstance(cell, Decimal) for cell in filled):
            if delivery.decimals:
                series = pl.Series(cells, dtype=pl.Decimal(20, 4))
            elif delivery.whole and all(cell == int(cell) for cell in filled):
                series = pl.Series([None if cell is None else int(cell) for cell in cells], dtype=pl.Int32)
            else:
                series = pl.Series([None if cell is None else float(cell) for cell in cells], dtype=pl.Float64)
        elif filled and all(isinstance(cell, int) for cell in filled):
            series = pl.Series(cells, dtype=pl.Int64)
        elif filled and all(isinstance(cell, date) for cell in filled):
            series = pl.Series(cells, dtype=pl.Date)
        else:
            texts = [None if cell is None else _plain(cell) for cell in cells]
            series = pl.Series(texts, dtype=pl.String).cast(delivery.texts)
        columns[sheet.heads[name]] = series
    return pl.DataFrame(columns)


def _columns(delivery: Delivery, sheet: Sheet, path: Path) -> Any:
    frame = frame_of(delivery, sheet)
    if delivery.container == "frame":
        return frame
    if delivery.container == "pandas":
        pandas = pytest.importorskip("pandas")
        return pandas.DataFrame(frame.to_dict(as_series=False))
    if delivery.container == "lazy":
        return frame.lazy()
    if delivery.container == "mapping":
        return frame.to_dict(as_series=False)
    path = path.with_name(path.name + (delivery.container or ".parquet"))
    if delivery.container == ".arrow":
        frame.write_ipc(path)
    elif delivery.container == ".jsonl":
        frame.write_ndjson(path)
    elif delivery.container == ".json":
        lines = frame.write_ndjson().splitlines()
        path.write_text('{"data": [' + ",\n".join(lines) + '], "total": 16}', "utf-8")
    elif delivery.container in (".sav", ".dta"):
        labels = list(frame.columns)
        short = frame.rename({name: f"v{at}" for at, name in enumerate(labels)}).with_columns(
            pl.selectors.date().cast(pl.String), pl.selectors.string().fill_null("")
        )
        pandas = pytest.importorskip("pandas")
        table = pandas.DataFrame(short.to_dict(as_series=False))
        path.write_bytes((sav_of if delivery.container == ".sav" else dta_of)(table, column_labels=labels))
    else:
        frame.write_parquet(path, row_group_size=11)
    return path
