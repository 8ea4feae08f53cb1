"""Mutated inputs: figures as a sheet, odd changes to its cells, one of many file formats, odd changes to its bytes.

A `Case` says all of it in small numbers and texts, so that a case is drawn at random, by hypothesis or by a fuzzer that
watches coverage, is printed when it fails, and gives the same bytes whenever it is made again.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import re
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import pandas as pd
import polars as pl
import xlsxwriter
import xlwt
import zstandard

sys.path.insert(0, str(Path(__file__).parents[2]))

from kpi.intake.files.encoding import UNZIPPED
from tests.written_formats import dta_of, html, ods, sav_of, xlsb, zipped

ENTITIES = ("甲县", "乙县", "丙区", "丁市")
CODES = ("330401", "330402", "330403", "330481")
PERIODS = ("2023Q3", "2023Q4")
MEASURES = {"gdp": "地区生产总值", "cases": "办件量", "online": "网上办件量"}
UNITS = {"gdp": "亿元", "cases": "件", "online": "件"}
ROSTER = "entity,code,cohort\n" + "".join(
    f"{name},{code},{'市区' if name[-1] == '区' else '县市'}\n" for name, code in zip(ENTITIES, CODES, strict=True)
)
SYSTEM = """\
system: fuzzed
period: quarter
entities: {title: 县, roster: roster.csv}
datasets:
  reports: {form: reported}
  table: {form: panel}
  items: {form: records, columns: {period: 办结日期, entity: 所属县市}}
measures:
  gdp:    {title: 地区生产总值, unit: 亿元}
  cases:  {title: 办件量, unit: 件}
  online: {title: 网上办件量, unit: 件}
  events: {kind: count, from: items, unit: 件, where: "渠道 IN ('网上', '掌上')"}
  fees:   {kind: sum, from: items, of: 收费, unit: 元}
indicators:
  output:      {kind: level, title: 经济总量, of: gdp, target: {at_least: 100}}
  online_rate: {kind: ratio, title: 网办率, numerator: online, denominator: cases, unit: '%', target: {at_least: 80}}
  per_case:    {kind: formula, title: 件均收费, expr: fees / events, unit: 元/件}
pillars:
  总体: {weight: 1, missing: {redistribute: {at_least: 1}}, parts: {output: 40, online_rate: 60}}
checks:
  within: {expr: online <= cases, severity: query}
  jump:   {growth_within: 30, of: [gdp, cases], over: 1q}
"""

Grid = list[list[str]]


def figure(entity: int, period: int, measure: str) -> float:
    """Return the figure of an entity, all of them different."""
    return {"gdp": 50.5, "cases": 1000.0, "online": 700.0}[measure] + 17 * entity + 5 * period


def long() -> Grid:
    """Return the figures one a row."""
    rows = [["期别", "地区", "指标", "数值", "计量单位", "说明"]]
    return rows + [
        [period, name, title, f"{figure(who, when, measure):g}", UNITS[measure], ""]
        for when, period in enumerate(PERIODS)
        for who, name in enumerate(ENTITIES)
        for measure, title in MEASURES.items()
    ]


def wide() -> Grid:
    """Return the figures one row an entity and period."""
    head = ["期别", "区划代码", "地区", *(f"{title}（{UNITS[name]}）" for name, title in MEASURES.items())]
    return [head] + [
        [period, CODES[who], name, *(f"{figure(who, when, measure):g}" for measure in MEASURES)]
        for when, period in enumerate(PERIODS)
        for who, name in enumerate(ENTITIES)
    ]


def records() -> Grid:
    """Return events, one a row, with dates in both periods."""
    days, ways = ("2023-08-15", "2023/11/2"), ("网上", "掌上", "窗口")
    return [["办结日期", "所属县市", "渠道", "收费"]] + [
        [days[at % 2], ENTITIES[at % 4], ways[at % 3], f"{at * 1.5:g}"] for at in range(24)
    ]


SHAPES: dict[str, Callable[[], Grid]] = {"long": long, "wide": wide, "records": records}

# ---- CHANGES TO CELLS ---- #

#: What stands in cells of real files, and what never should.
TOKENS = (
    "", " ", "—", "-", "…", "……", "#", "/", "不适用", "无", "N/A", "nan", "inf", "-inf", "1e400", "1e-400", "0",
    "-0", "00", "1,234.5", "12,34", "１２．５", "(12.3)", "（12.3）", "12.5%", "12.5‰", "1.2万", "3.5亿元", "1 234",
    "12 34", "1.2.3", "--5", "+7", "1_000", "0x10", "٣", "½", "²", "1e3", "约100", "100左右", "≥90", "12～15",
    "3/4", "10:30", "2023-13", "2023Q5", "2023年三季度", "1-9月", "2023年1—9月", "2023", "202312", "20231231",
    "2023-02-30", "0000", "9999-12", "45290", "前三季度", "甲", "甲 县", "甲县 ", "330401", "330401000000", "戊县",
    "合计", "全市", "其中：甲县", "注：数据为初步统计", "单位：万元", "地区生产总值", "地区生产总值(万元)",
    "办件量", "网上办件量", "GDP", "亿元", "万元", "件", "户", "%", "元/人", "光年", "期别", "地区", "指标", "数值",
    "=1+1", "=SUM(A1:A9)", "@cmd", "'12", '"', '""', "'", ",", "，", ";", "\t", "\n", "\r\n", "a\nb", "\x00",
    "\ufeff", "\u200b", "\xa0", "\u3000", "\u202e", "𠮷", "é", "🙂", "TRUE", "是", "否", "true", "null", "NULL",
    "None", "#N/A", "#DIV/0!", "#REF!", "*", "^a$", "^.*$", "row\n", "9" * 25, "9" * 400, "1" + "0" * 18,
    "0." + "3" * 60, "x" * 5000, "{}", "[]", '{"a": 1}', "<td>", "%s", "{0}", "\\", "\\N", "nan%", "-—", "12.",
    ".5", ".", "-.5", "1e5万", "1亿亿", "12,345,678.9",
)  # fmt: skip
#: Changes of a sheet, each with the place of a cell, another number, and a token.
GRID = ("cell", "figure", "reformat", "delete row", "repeat row", "swap rows", "blank row", "title", "note", "header",
        "drop column", "swap columns", "repeat column", "cut row", "long row", "shuffle")  # fmt: skip
#: Those after which every figure is the same as before.
HARMLESS = frozenset({"reformat", "swap rows", "blank row", "shuffle", "swap columns"})
#: Those that touch the figures of the entity in their row, or of the one they name, and no others.
LOCAL = frozenset({"figure", "delete row", "repeat row"})


@dataclass(frozen=True, slots=True)
class Change:
    """One change: what kind, where (two numbers, taken modulo what there is) and with what."""

    kind: str
    at: int
    other: int
    token: str = ""


def _reformatted(text: str, how: int) -> str:
    """Return a number written in another way that means the same."""
    text = text.strip()
    value = float(text)
    wide = text.translate(str.maketrans("0123456789.", "０１２３４５６７８９．"))
    ways = (
        f"{value:,.4f}",
        f" {text} ",
        wide,
        f"{text}0" if "." in text else f"{text}.0",
        text if text.startswith("+") else f"+{text}",
        f"\u3000{text}",
        f"{value:,g}",
        text.replace(".", "．"),
    )
    return ways[how % len(ways)]


def columns_of_figures(shape: str) -> range:
    """Return which columns of a sheet hold numbers."""
    return {"long": range(3, 4), "wide": range(3, 6), "records": range(3, 4)}[shape]


def changed(grid: Grid, shape: str, change: Change) -> Grid:
    """Return a sheet with a change made."""
    rows = [list(row) for row in grid]
    if len(rows) < 2 or not rows[0]:
        return rows
    at = 1 + change.at % (len(rows) - 1)
    row = rows[at]
    kind, token = change.kind, change.token
    if kind in {"cell", "cut row"} and row:
        column = change.other % len(row)
        rows[at] = [*row[:column], token, *row[column + 1 :]] if kind == "cell" else row[:column]
    elif kind in {"figure", "reformat"}:
        figures = columns_of_figures(shape)
        column = figures[change.other % len(figures)]
        if column < len(row):
            with contextlib.suppress(ValueError):
                row[column] = token if kind == "figure" else _reformatted(row[column], change.other)
    elif kind == "delete row":
        del rows[at]
    elif kind == "repeat row":
        rows.insert(1 + change.other % len(rows), list(row))
    elif kind == "swap rows":
        other = 1 + change.other % (len(rows) - 1)
        rows[at], rows[other] = rows[other], rows[at]
    elif kind == "blank row":
        rows.insert(1 + change.other % len(rows), [""] * len(row))
    elif kind == "title":
        rows.insert(0, [token, *[""] * (len(rows[0]) - 1)])
    elif kind == "note":
        rows.append([token, *[""] * (len(rows[0]) - 1)])
    elif kind == "header":
        rows[0][change.other % len(rows[0])] = token
    elif kind == "long row":
        row.append(token)
    elif kind == "shuffle":
        rows[1:] = rows[1 + at :] + rows[1 : 1 + at]
    else:
        rows = _columns_changed(rows, change)
    return rows


def _columns_changed(rows: Grid, change: Change) -> Grid:
    width = len(rows[0])
    item, other = change.at % width, change.other % width
    order = list(range(width))
    if change.kind == "drop column":
        del order[item]
    elif change.kind == "swap columns":
        order[item], order[other] = order[other], order[item]
    elif change.kind == "repeat column":
        order.insert(other, item)
    return [[row[at] for at in order if at < len(row)] for row in rows]


# ---- FORMATS ---- #


def _delimited(delimiter: str, ending: str = "\n") -> Callable[[Grid], str]:
    def write(grid: Grid) -> str:
        special = {delimiter, '"', "\n", "\r"}
        cells = [['"' + c.replace('"', '""') + '"' if special & set(c) else c for c in row] for row in grid]
        return "".join(delimiter.join(row) + ending for row in cells)

    return write


_CSV, _TSV = _delimited(","), _delimited("\t", "\r\n")


def _frame(grid: Grid) -> pl.DataFrame:
    width = len(grid[0])
    names: list[str] = []
    for name in grid[0]:
        names.append(name if name not in names else f"{name}{len(names)}")
    rows = [[cell or None for cell in (row + [""] * width)[:width]] for row in grid[1:]]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def _typed(grid: Grid) -> pl.DataFrame:
    """The frame with numbers where a whole column is numbers."""
    frame = _frame(grid)
    for name in frame.columns:
        number = frame[name].cast(pl.Float64, strict=False)
        if number.null_count() == frame[name].null_count() and number.len() > number.null_count():
            frame = frame.with_columns(number.alias(name))
    return frame


def _bytes(write: Callable[[io.BytesIO], object]) -> bytes:
    out = io.BytesIO()
    write(out)
    return out.getvalue()


def _xlsx(grid: Grid) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"created": datetime(2024, 1, 1)})  # noqa: DTZ001 - what the format asks for
        sheet = book.add_worksheet()
        for at, row in enumerate(grid):
            for column, cell in enumerate(row):
                sheet.write_string(at, column, cell[:30000])
    return out.getvalue()


def _xls(grid: Grid) -> bytes:
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("a", cell_overwrite_ok=True)
    for at, row in enumerate(grid):
        for column, cell in enumerate(row[:250]):
            sheet.write(at, column, cell[:30000])
    return _bytes(book.save)


def _json_lines(grid: Grid) -> bytes:
    rows = [dict(zip(grid[0], row, strict=False)) for row in grid[1:]]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8", "replace")


#: Characters that XML cannot hold.
_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _cells(grid: Grid) -> list[list[str | None]]:
    """Return rows of one length, blank cells as none, without characters that XML cannot hold."""
    width = max(map(len, grid), default=0)
    rows = [[_NO_XML.sub("", cell) or None for cell in row] + [None] * (width - len(row)) for row in grid]
    return rows or [[None]]


def _survey(grid: Grid, write: Callable[..., bytes]) -> bytes:
    """Return a file of a statistics package whose variables have the header as labels."""
    head, *rows = _cells(grid)
    columns = {f"v{at}": [(row[at] or "")[:2000] for row in rows] or [""] for at in range(len(head))}
    return write(pd.DataFrame(columns), column_labels=[(item or "")[:70] for item in head])


FORMATS: dict[str, tuple[str, Callable[[Grid], bytes]]] = {
    "utf-8": (".csv", lambda grid: _CSV(grid).encode("utf-8", "replace")),
    "utf-8-sig": (".csv", lambda grid: _CSV(grid).encode("utf-8-sig", "replace")),
    "gb18030": (".csv", lambda grid: _CSV(grid).encode("gb18030", "replace")),
    "utf-16": (".csv", lambda grid: _TSV(grid).encode("utf-16", "replace")),
    "utf-16-be": (".txt", lambda grid: _CSV(grid).encode("utf-16-be", "replace")),
    "tsv": (".tsv", lambda grid: _TSV(grid).encode("utf-8", "replace")),
    "semicolons": (".csv", lambda grid: _delimited(";")(grid).encode("gb18030", "replace")),
    "gzip": (".csv.gz", lambda grid: gzip.compress(_CSV(grid).encode("gb18030", "replace"), 1, mtime=0)),
    "zstd": (".csv.zst", lambda grid: zstandard.compress(_CSV(grid).encode("utf-8", "replace"), 1)),
    "xlsx": (".xlsx", _xlsx),
    "xls": (".xls", _xls),
    "parquet": (".parquet", lambda grid: _bytes(partial(_typed(grid).write_parquet, row_group_size=5))),
    "arrow": (".arrow", lambda grid: _bytes(_typed(grid).write_ipc)),
    "jsonl": (".jsonl", _json_lines),
    "json": (".json", lambda grid: b"[" + b",\n".join(_json_lines(grid).splitlines()) + b"]"),
    "zip": (".zip", lambda grid: zipped({"数据/a.csv": _CSV(grid).encode("gb18030", "replace")}, raw_names=True)),
    "ods": (".ods", lambda grid: ods(_cells(grid))),
    "xlsb": (".xlsb", lambda grid: xlsb(_cells(grid))),
    "html": (".xls", lambda grid: html(_cells(grid))),
    "sav": (".sav", lambda grid: _survey(grid, sav_of)),
    "dta": (".dta", lambda grid: _survey(grid, dta_of)),
}

# ---- CHANGES TO BYTES ---- #

#: Changes of a file's bytes, each with a place and another number.
RAW = ("flip", "set", "delete", "insert", "cut", "repeat", "swap", "zero", "inside")
_BYTES = (
    b"\x00", b"\xff", b"\xfe", b'"', b",", b"\n", b"\r", b"\t", b"\x81", b"0", b"\xef\xbb\xbf", b"\xff\xfe",
    b"=", b"<", b"-", b"9", b"\x80", b"\xe4\xb8", b"PK", b"\x1f\x8b", b"\xef\xbc\x8c", b"\xe4\xb8\x87", b"&",
    b"e", b".",
)  # fmt: skip


def damaged(data: bytes, change: Change) -> bytes:
    """Return bytes with a change made."""
    if not data:
        return _BYTES[change.other % len(_BYTES)]
    at, other = change.at % len(data), change.other
    piece = _BYTES[other % len(_BYTES)]
    end = at + 1 + other % 40
    match change.kind:
        case "flip":
            return data[:at] + bytes([data[at] ^ (1 << other % 8)]) + data[at + 1 :]
        case "set":
            return data[:at] + bytes([other % 256]) + data[at + 1 :]
        case "delete":
            return data[:at] + data[end:]
        case "insert":
            return data[:at] + piece + data[at:]
        case "cut":
            return data[:at]
        case "repeat":
            return data[:end] + data[at:end] * (1 + other % 5) + data[end:]
        case "swap":
            place = other % len(data)
            low, high = sorted((at, place))
            return data[:low] + data[high : high + 1] + data[low + 1 : high] + data[low : low + 1] + data[high + 1 :]
        case "zero":
            return data[:at] + bytes(len(data[at:end])) + data[end:]
        case _:
            return _inside(data, change)


def _inside(data: bytes, change: Change) -> bytes:
    """Return an archive in which one part was changed and the checksums agree; other bytes get one inserted."""
    if not data.startswith(b"PK"):
        return damaged(data, Change("insert", change.at, change.other))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as source:
            parts = {name: source.read(name) for name in source.namelist()}
    except (*UNZIPPED, zlib.error, OSError, ValueError):
        return damaged(data, Change("flip", change.at, change.other))
    if not parts:
        return data
    name = sorted(parts)[change.at % len(parts)]
    parts[name] = damaged(parts[name], Change(RAW[change.other % 8], change.at // 7, change.other // 3))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for part, content in parts.items():
            target.writestr(zipfile.ZipInfo(part), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


# ---- CASES ---- #


@dataclass(frozen=True, slots=True)
class Case:
    """One input: the shape of its sheet, what is changed in it, the format, and what is changed in the bytes."""

    shape: str
    form: str
    grid: tuple[Change, ...] = ()
    raw: tuple[Change, ...] = ()

    @property
    def name(self) -> str:
        """The name of the file."""
        return f"case{FORMATS[self.form][0]}"

    def sheet(self) -> Grid:
        """Return the sheet."""
        grid = SHAPES[self.shape]()
        for change in self.grid:
            grid = changed(grid, self.shape, change)
        return grid

    def content(self) -> bytes:
        """Return the bytes of the file."""
        data = FORMATS[self.form][1](self.sheet())
        for change in self.raw:
            data = damaged(data, change)
        return data
