"""The same figures give the same scorecard, however the table lies.

Class of wrong answer: a figure of another year, unit or measure because it stands across; a period, unit or measure
that is in a title, the name of a sheet or a file and is lost; a blank cell that is zero.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
import xlsxwriter
import xlwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import kpi
from kpi.engine.scorecard import Scorecard
from kpi.errors import Severity
from tests.written_formats import ods_sheets

Cell = str | float | int | None
Grid = list[list[Cell]]

TITLES = {"gdp": "地区生产总值", "people": "人口"}
UNITS = {"gdp": "亿元", "people": "万人"}
ENTITIES = ("甲县", "乙县", "丙市", "丁区")
PERIODS = {
    "year": ("2020年", "2021年", "2022年", "2023年"),
    "quarter": ("2022年第三季度", "2022年第四季度", "2023年第一季度", "2023年第二季度"),
    "month": ("2022年11月", "2022年12月", "2023年1月", "2023年2月"),
}
SYSTEM = """
system: shapes
period: {grain}
entities: {{title: 县}}
{datasets}
measures:
  gdp: {{title: 地区生产总值, unit: 亿元{where}}}
  people: {{title: 人口, unit: 万人, over_time: last{where}}}
indicators:
  each: {{kind: ratio, numerator: gdp, denominator: people, unit: 元/人, score: {{kind: rank}}}}
  growth: {{kind: growth, of: gdp, over: 1{over}, score: {{kind: minmax}}}}
pillars:
  all: {{weight: 100, parts: {{each: 60, growth: 40}}, ours: true}}
"""


#: The frames of a scorecard that are compared, and what identifies their rows.
KEYS = {
    "totals": ("entity", "period"),
    "indicators": ("entity", "period", "indicator"),
    "measures": ("entity", "period", "measure"),
}


@dataclass(frozen=True)
class Table:
    """Figures by entity, period and measure, in the order of `entities` and `periods`; None is a missing one."""

    grain: str
    entities: tuple[str, ...]
    periods: tuple[str, ...]
    figures: dict[tuple[str, str, str], float | None]


@dataclass(frozen=True)
class Written:
    """The sheets of each file by the names of both, and what the definition says of them."""

    files: dict[str, dict[str, Grid]]
    datasets: str = ""
    where: str = ""
    formats: Sequence[str] = ("csv", "xlsx", "xls", "ods")


SHAPES: dict[str, Callable[[Table], Written]] = {}


def shape(write: Callable[[Table], Written]) -> Callable[[Table], Written]:
    SHAPES[write.__name__] = write
    return write


def single(grid: Grid, **rest) -> Written:
    return Written({"数据": {"表": grid}}, **rest)


@shape
def long(table: Table) -> Written:
    rows = [[who, when, TITLES[of], value] for (who, when, of), value in table.figures.items()]
    return single([["地区", "期别", "指标", "数值"], *rows])


@shape
def wide(table: Table) -> Written:
    rows = [
        [who, when, *(table.figures[who, when, of] for of in TITLES)]
        for when in table.periods
        for who in table.entities
    ]
    return single([["地区", "期别", "地区生产总值（亿元）", "人口"], *rows])


@shape
def periods_across(table: Table) -> Written:
    rows = [
        [who, TITLES[of], *(table.figures[who, when, of] for when in reversed(table.periods))]
        for who in table.entities
        for of in TITLES
    ]
    return single([["地区", "指标", *reversed(table.periods)], *rows])


@shape
def periods_across_with_names_in_the_first_row_only(table: Table) -> Written:
    rows = [
        [who if of == "gdp" else None, TITLES[of], *(table.figures[who, when, of] for when in table.periods)]
        for who in table.entities
        for of in TITLES
    ]
    return single([["地区", "指标", *table.periods], *rows])


def _of_measure(table: Table, of: str, first: str = "地区") -> Grid:
    rows = [[who, *(table.figures[who, when, of] for when in table.periods)] for who in table.entities]
    return [[first, *table.periods], *rows]


@shape
def a_file_a_measure_in_the_title(table: Table) -> Written:
    def titled(of: str) -> Grid:
        head = [[f"数据库：{table.grain}"], [f"指标：{TITLES[of]}({UNITS[of]})"], ["时间：最近5期"]]
        return [*head, *_of_measure(table, of), ["注：初步数。"], ["数据来源：统计局"]]

    return Written({f"下载{of}": {"分省数据": titled(of)} for of in TITLES})


@shape
def a_sheet_a_measure(table: Table) -> Written:
    return Written({"年报": {TITLES[of]: _of_measure(table, of) for of in TITLES}}, formats=("xlsx", "xls", "ods"))


@shape
def a_file_a_measure_by_its_name(table: Table) -> Written:
    return Written({TITLES[of]: {"Sheet1": _of_measure(table, of)} for of in TITLES})


@shape
def measures_over_periods(table: Table) -> Written:
    above: list[Cell] = ["地区"]
    for of, title in TITLES.items():
        above += [f"{title}({UNITS[of]})", *[None] * (len(table.periods) - 1)]
    below = [None, *(when for _ in TITLES for when in table.periods)]
    rows = [[who, *(table.figures[who, when, of] for of in TITLES for when in table.periods)] for who in table.entities]
    return single([above, below, *rows])


@shape
def measures_and_periods_in_one_header(table: Table) -> Written:
    heads = [f"{when}{TITLES[of]}（{UNITS[of]}）" for when in table.periods for of in TITLES]
    rows = [[who, *(table.figures[who, when, of] for when in table.periods for of in TITLES)] for who in table.entities]
    return single([["地区", *heads], *rows])


@shape
def years_over_their_parts(table: Table) -> Written:
    if table.grain == "year":
        return periods_across(table)
    above = [
        None if at and when[:5] == table.periods[at - 1][:5] else when[:5] for at, when in enumerate(table.periods)
    ]
    rows = [
        [who, TITLES[of], *(table.figures[who, when, of] for when in table.periods)]
        for who in table.entities
        for of in TITLES
    ]
    return single([["地区", "指标", *above], [None, None, *(when[5:] for when in table.periods)], *rows])


@shape
def entities_across(table: Table) -> Written:
    rows = [
        [TITLES[of] + "(" + UNITS[of] + ")", when, *(table.figures[who, when, of] for who in table.entities)]
        for of in TITLES
        for when in table.periods
    ]
    return single([["指标", "期别", *table.entities], *rows])


@shape
def entities_across_with_measures_in_the_first_row_only(table: Table) -> Written:
    rows = [
        [TITLES[of] if not at else None, when, *(table.figures[who, when, of] for who in table.entities)]
        for of in TITLES
        for at, when in enumerate(table.periods)
    ]
    return single([["指标", "期别", *table.entities], *rows])


@shape
def entities_across_of_a_constant_measure(table: Table) -> Written:
    grid = [
        ["期别", *table.entities],
        *([when, *(table.figures[who, when, "gdp"] for who in table.entities)] for when in table.periods),
    ]
    rest = [[who, when, "人口", value] for (who, when, of), value in table.figures.items() if of == "people"]
    declared = "datasets: {a: {form: reported, shape: {columns: entities}, columns: {period: 期别, measure:"
    declared += " {constant: 地区生产总值}}}, b: {form: reported, columns: {value: 数值}}}"
    return Written({"产值": {"表": grid}, "人": {"表": [["地区", "期别", "指标", "数值"], *rest]}}, declared)


def _of_period(table: Table, when: str) -> Grid:
    rows = [[who, *(table.figures[who, when, of] for of in TITLES)] for who in table.entities]
    return [["地区", "地区生产总值", "人口（万人）"], *rows]


@shape
def a_sheet_a_period(table: Table) -> Written:
    return Written({"汇总": {when: _of_period(table, when) for when in table.periods}}, formats=("xlsx", "xls", "ods"))


@shape
def a_file_a_period(table: Table) -> Written:
    return Written({when: {"Sheet1": _of_period(table, when)} for when in table.periods})


@shape
def a_file_a_period_in_a_longer_name(table: Table) -> Written:
    declared = "datasets: {d: {form: panel, columns: {period: {from: file}}}}"
    return Written({f"各县报表{when}终稿": {"Sheet1": _of_period(table, when)} for when in table.periods}, declared)


@shape
def a_file_an_entity_in_the_title(table: Table) -> Written:
    def titled(who: str) -> Grid:
        rows = [[TITLES[of], *(table.figures[who, when, of] for when in table.periods)] for of in TITLES]
        return [["数据库：主要城市"], [f"地区：{who}"], ["指标", *table.periods], *rows]

    return Written({f"文件{at}": {"表": titled(who)} for at, who in enumerate(table.entities)})


@shape
def a_file_an_entity_by_its_name(table: Table) -> Written:
    def of(who: str) -> Grid:
        rows = [[when, *(table.figures[who, when, of] for of in TITLES)] for when in table.periods]
        return [["期别", "地区生产总值", "人口"], *rows]

    declared = "datasets: {d: {form: panel, columns: {entity: {from: file}}}}"
    return Written({who: {"Sheet1": of(who)} for who in table.entities}, declared)


@shape
def lines_above_and_codes(table: Table) -> Written:
    head: Grid = [["Data Source", "Indicators", None], [], ["Last Updated Date", "2024-01-05", None], []]
    names = ["Country Name", "Indicator Name", "Indicator Code", *(f"{when} [r]" for when in table.periods), None]
    rows = [
        [who, TITLES[of], f"X.{of}", *(table.figures[who, when, of] for when in table.periods), None]
        for of in TITLES
        for who in table.entities
    ]
    return single([*head, names, *rows])


@shape
def keys_joined_by_commas(table: Table) -> Written:
    def cell(who: str, when: str, of: str, sex: str) -> str:
        value = table.figures[who, when, of]
        flag = "bu"[: (len(who) + len(when)) % 3]
        return f": {flag}".rstrip() if value is None else f"{value + (sex == 'F')} {flag}"

    def of_measure(of: str) -> Grid:
        rows: Grid = [
            [f"NR,{sex},{who}", *(cell(who, when, of, sex) for when in table.periods)]
            for sex in "FT"
            for who in table.entities
        ]
        return [["unit,sex,geo\\time", *(f"{when} " for when in table.periods)], *rows]

    return Written(
        {TITLES[of]: {"": of_measure(of)} for of in TITLES}, where=", where: \"sex = 'T'\"", formats=("tsv",)
    )


@shape
def a_label_row_for_entity_and_unit(table: Table) -> Written:
    pairs = [(who, of) for who in table.entities for of in TITLES]
    heads: Grid = [
        ["指标", *(TITLES[of] for _, of in pairs)],
        ["地区", *(who for who, _ in pairs)],
        ["频度", *("年" for _ in pairs)],
        ["单位", *(UNITS[of] for _, of in pairs)],
    ]
    # Each entity stands in a sheet of its own, as a header names each measure once.
    rows = [[when, *(table.figures[who, when, of] for who, of in pairs)] for when in table.periods]

    def of_entity(at: int) -> Grid:
        return [[row[0], *row[1 + 2 * at : 3 + 2 * at]] for row in [*heads, *rows]]

    return Written({f"文件{at}": {"表": of_entity(at)} for at in range(len(table.entities))})


def _beside(blocks: Sequence[Grid], *, gap: int = 0) -> Grid:
    """Return tables beside each other, with blank columns between them; the shorter ones end in blank rows."""
    height = max(map(len, blocks))
    rows: Grid = []
    for at in range(height):
        row: list[Cell] = []
        for block in blocks:
            row += [*([None] * gap if row else []), *(block[at] if at < len(block) else [None] * len(block[0]))]
        rows.append(row)
    return rows


def _in_blocks(grid: Grid, many: int) -> list[Grid]:
    """Return a table as several of the same header, of which the last is the shortest."""
    head, *rows = grid
    height = -(-len(rows) // many)
    return [[head, *rows[at : at + height]] for at in range(0, len(rows), height)]


def _the(written: Written) -> Grid:
    return written.files["数据"]["表"]


@shape
def blocks_of_the_long_form(table: Table) -> Written:
    return single(_beside(_in_blocks(_the(long(table)), 3)))


@shape
def blocks_of_the_wide_form_with_blank_columns_between(table: Table) -> Written:
    return single(_beside(_in_blocks(_the(wide(table)), 2), gap=1))


@shape
def blocks_of_periods_across(table: Table) -> Written:
    return single(_beside(_in_blocks(_the(periods_across(table)), 3), gap=2))


@shape
def blocks_of_numbered_rows(table: Table) -> Written:
    head, *rows = _the(wide(table))
    numbered = [["序号", *head], *([at, *row] for at, row in enumerate(rows, 1))]
    return single([["各县主要指标"], *_beside(_in_blocks(numbered, 2))])


@shape
def blocks_under_headers_of_two_rows(table: Table) -> Written:
    above, below, *rows = _the(measures_over_periods(table))
    height = -(-len(rows) // 2)
    return single(_beside([[above, below, *some] for some in (rows[:height], rows[height:]) if some]))


@shape
def blocks_with_the_period_before_them(table: Table) -> Written:
    middle = -(-len(table.entities) // 2)
    pairs = [(who, table.entities[middle + at] if middle + at < len(table.entities) else None)
             for at, who in enumerate(table.entities[:middle])]  # fmt: skip
    rows = [
        [when, *(cell for who in pair for cell in ([who, *(table.figures[who, when, of] for of in TITLES)]
                                                   if who is not None else [None] * 3))]
        for when in table.periods for pair in pairs
    ]  # fmt: skip
    return single([["期别", *["地区", "地区生产总值", "人口"] * 2], *rows])


@shape
def blocks_of_a_measure_each(table: Table) -> Written:
    rows = [(who, when) for when in table.periods for who in table.entities]
    product: Grid = [["地区", "期别", "地区生产总值"], *([*row, table.figures[*row, "gdp"]] for row in rows)]
    people: Grid = [["地区", "期别", "人口"], *([*row, table.figures[*row, "people"]] for row in reversed(rows))]
    return single(_beside([product, people], gap=1))


@shape
def blocks_of_some_periods_each(table: Table) -> Written:
    blocks: list[Grid] = []
    for at, when in enumerate(table.periods):
        rows = [(who, of) for who in table.entities for of in TITLES]
        rows = rows[at:] + rows[:at]
        blocks.append([["地区", "指标", when], *([who, TITLES[of], table.figures[who, when, of]] for who, of in rows)])
    return single(_beside(blocks))


@shape
def blocks_under_a_blank_heading(table: Table) -> Written:
    grid = [[None if cell == "地区" else cell for cell in row] for row in _of_measure(table, "gdp")]
    files = {
        TITLES["gdp"]: {"表": _beside(_in_blocks(grid, 2))},
        TITLES["people"]: {"表": _of_measure(table, "people")},
    }
    return Written(files)


# ---- WRITING AND COMPARING ---- #


def write(folder: Path, written: Written, file_format: str) -> list[Path]:
    files = []
    for name, sheets in written.files.items():
        path = folder / f"{name}.{file_format}"
        if file_format in ("csv", "tsv"):
            with path.open("w", encoding="utf-8", newline="") as file:
                for grid in sheets.values():
                    csv.writer(file, delimiter="," if file_format == "csv" else "\t").writerows(grid)
        else:
            {"xlsx": write_xlsx, "xls": write_xls, "ods": write_ods}[file_format](path, sheets)
        files.append(path)
    return files


def write_xlsx(path: Path, sheets: dict[str, Grid]) -> None:
    with xlsxwriter.Workbook(path) as book:
        for sheet, grid in sheets.items():
            page = book.add_worksheet(sheet)
            for at, row in enumerate(grid):
                page.write_row(at, 0, row)


def write_ods(path: Path, sheets: dict[str, Grid]) -> None:
    path.write_bytes(ods_sheets(sheets))


def write_xls(path: Path, sheets: dict[str, Grid]) -> None:
    book = xlwt.Workbook(encoding="utf-8")
    for sheet, grid in sheets.items():
        page = book.add_sheet(sheet)
        for at, row in enumerate(grid):
            for column, cell in enumerate(row):
                if cell is not None:
                    page.write(at, column, cell)
    book.save(str(path))


def card_of(table: Table, written: Written, file_format: str) -> Scorecard:
    over = {"year": "y", "quarter": "q", "month": "m"}[table.grain]
    text = SYSTEM.format(grain=table.grain, datasets=written.datasets, where=written.where, over=over)
    with TemporaryDirectory() as folder:
        return kpi.score(write(Path(folder), written, file_format), system=kpi.load(text))


@st.composite
def tables(draw: st.DrawFn) -> Table:
    grain = draw(st.sampled_from(sorted(PERIODS)))
    entities = ENTITIES[: draw(st.integers(2, len(ENTITIES)))]
    many = draw(st.integers(2, 4))
    periods = PERIODS[grain][4 - many :]
    numbers = st.one_of(st.none(), st.integers(-10_000, 10_000_000).map(lambda number: number / 100))
    figures = {
        (who, when, of): draw(numbers) for of in TITLES for when in periods for who in entities
    }  # fmt: skip
    for of in TITLES:
        for at, who in enumerate(entities):
            figures[who, periods[at % len(periods)], of] = 7.5 + at
        # Files of the same bytes count once: no two of them may hold the same.
        for at, when in enumerate(periods):
            figures[entities[at % len(entities)], when, of] = 70.5 + at + len(of) / 8
    return Table(grain, entities, periods, figures)


@pytest.mark.parametrize("name", SHAPES)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables(), data=st.data())
def test_the_same_figures_give_the_same_scorecard(name, table, data):
    written = SHAPES[name](table)
    card = card_of(table, written, data.draw(st.sampled_from(sorted(written.formats))))
    expected = card_of(table, long(table), "csv")
    assert [item for item in card.findings_list if item.severity is Severity.ERROR] == []
    for frame in ("totals", "indicators", "measures"):
        keys = [
            "entity",
            "period",
            *(["indicator"] if frame == "indicators" else ["measure"] if frame == "measures" else []),
        ]
        mine, other = (getattr(item, frame).drop("rows", strict=False).sort(keys) for item in (card, expected))
        assert_frame_equal(mine, other, check_exact=True)
    # Where no column has the period, a row with nothing but a name is a heading.
    rows = card.counts["used"] + card.counts.get("left_out", 0)
    assert rows == expected.counts["used"] * (2 if written.where else 1)


def test_every_shape_but_two_is_reported():
    table = Table(
        "year", ENTITIES[:2], PERIODS["year"][:2],
        {(who, when, of): 5.0 for of in TITLES for when in PERIODS["year"][:2] for who in ENTITIES[:2]},
    )  # fmt: skip
    silent = {
        name
        for name, write_shape in SHAPES.items()
        for written in [write_shape(table)]
        if not {"K562", "K565", "K584"}
        & {item.code for item in card_of(table, written, written.formats[0]).findings_list}
    }
    assert silent == {"long", "wide"}
    assert pl.DataFrame(card_of(table, wide(table), "csv").measures).height == 8
