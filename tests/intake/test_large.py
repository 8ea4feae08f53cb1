"""Large files are taken for what they nearly always are; what comes out is as if they were small."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import kpi
from kpi.errors import DataError, KpiError
from kpi.intake.cells.numbers import LARGEST, read_number
from kpi.intake.files import chunks, pieces
from kpi.intake.files.reader import read_all
from kpi.intake.files.table_layout import Layout
from kpi.intake.grid import Panel
from kpi.intake.panel import take_in
from kpi.language.loading.loader import examine_text

SYSTEM = """
system: s
period: month
entities: {title: 县}
measures: {flow: {title: 收入, unit: 万元}, stock: {title: 站数, unit: 个}}
indicators: {a: {kind: level, of: flow}, b: {kind: level, of: stock}}
"""
ROWS = [
    f"2023-{month:02d},{who},{measure},{month * 7 + len(who)}"
    for month in range(1, 13)
    for who in ("东县", "西山县", "南县")
    for measure in ("收入", "站数")
]
HEADER = "期别,地区,指标,数值"
#: Where a row stands that the look at beginning and end does not see.
MIDDLE = 36


@pytest.fixture(autouse=True)
def every_file_is_large(monkeypatch):
    monkeypatch.setattr(chunks, "LARGE", 100)
    monkeypatch.setattr(chunks, "LOOK", 400)
    monkeypatch.setattr(chunks, "SEARCHED", 4)
    monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 150))


def text(*, middle: str | None = None, end: str = "\n", header: str = HEADER) -> str:
    rows = [*ROWS[:MIDDLE], *([] if middle is None else [middle]), *ROWS[MIDDLE:]]
    return "\n".join([header, *rows]) + end


CONTENTS = {
    "as it should be": text(),
    "no break at the end": text(end=""),
    "a byte order mark": "\ufeff" + text(),
    "Windows line ends": text().replace("\n", "\r\n"),
    "tabs": text().replace(",", "\t"),
    "a title": "某市月报,,,\n" + text(),
    "a blank row": text(middle=""),
    "a short row": text(middle="2024-01,东县,收入"),
    "a figure as typed": text(middle='2024-01,东县,收入,"1,234.5"'),
    "quotation marks": text(middle='"2024-01","东县","收入","12"'),
    "a break in a cell": text(middle='2024-01,"东\n县",收入,12'),
    "a quotation mark that is not closed": text(middle='2024-01,"东县,收入,12'),
    "a quotation mark within a cell": text(middle='2024-01,东县,5" 管,12'),
    "two quotation marks that are no pair": text(middle='2024-01,"东县,收入,12\n2024-02,西山县",收入,12'),
    "a quotation mark in the header": text(header='期别,地区,指标,"数\n值"'),
    **{f"the figure {item}": text(middle=f"2024-01,东县,收入,{item}") for item in (
        "0", "-0", "0.000", "1e-400", "1e-5", "1e30", "nan", "inf", " 7", "7 ", "12%", "3.5亿元", "—", "x", "")},
    "no figure anywhere": "\n".join([HEADER, *(row.rpartition(",")[0] + "," for row in ROWS)]) + "\n",
    "a blank name": text(middle="2024-01, ,收入,12"),
    "GB18030 damaged": text(middle="2024-01,东县,收入,12").encode("gb18030").replace(b"2024-01", b"2024\xff01"),
    "blank cells too many": text(middle="2024-01,东县,收入,12,,"),
    "a row with too many cells": text(middle="2024-01,东县,收入,1,234.5"),
    "too many cells and too few": text(middle="2024-01,东县,收入,1,234.5\n2024-02,东县,收入"),
    "notes below": text(end="\n注：初步数,,,\n"),
    "a column without a name": text(header="期别,地区,指标,数值,").replace("\n2023", ",x\n2023"),
    "only unknown measures": text().replace("收入", "别的").replace("站数", "另外"),
    "GB18030": text().encode("gb18030"),
    "UTF-16": text().encode("utf-16"),
    "GB18030 in the middle": text().replace("东县", "A").replace("西山县", "B").replace("南县", "C").replace(
        "收入", "flow").replace("站数", "stock").encode().replace(b"2023-07,A", "2023-07,东".encode("gb18030")),
    "bytes that are no text": text(middle="2024-01,东县,收入,12").encode().replace(b"2024-01", b"2024\xff01"),
}  # fmt: skip


def taken(path) -> Panel | list[str]:
    loaded = examine_text(SYSTEM)
    assert loaded.system is not None
    try:
        return take_in(loaded.system, [path])
    except DataError as error:
        return [f"{item} {item.place} {item.hint}" for item in error.diagnostics]


@pytest.mark.parametrize("content", [pytest.param(item, id=name) for name, item in CONTENTS.items()])
def test_a_large_file_gives_what_a_small_one_does(tmp_path, monkeypatch, content):
    path = tmp_path / "data.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    big = taken(path)
    monkeypatch.setattr(chunks, "LARGE", 1 << 30)
    small = taken(path)
    if isinstance(big, list) or isinstance(small, list):
        assert big == small
        return
    assert (big.findings, big.counts, big.entities.names) == (small.findings, small.counts, small.entities.names)
    assert big.frame.equals(small.frame)


def chosen(path, folder) -> list[str]:
    try:
        card = kpi.score(path, definitions=folder)
    except KpiError as error:
        return [f"{item} {item.place} {item.hint}" for item in error.diagnostics]
    return [card.system, str(card.findings_list), str(card.counts)]


NAMES = ["as it should be", "a row with too many cells", "a quotation mark that is not closed", "notes below",
         "bytes that are no text", "GB18030", "only unknown measures"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_system_of_a_large_file_is_found_as_that_of_a_small_one(tmp_path, monkeypatch, name):
    (tmp_path / "s.yaml").write_text(SYSTEM, "utf-8")
    path = tmp_path / "data.csv"
    content = CONTENTS[name]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    big = chosen(path, tmp_path)
    monkeypatch.setattr(chunks, "LARGE", 1 << 30)
    assert big == chosen(path, tmp_path)


def test_a_large_file_is_not_checked_to_find_its_system(tmp_path, monkeypatch):
    (tmp_path / "s.yaml").write_text(SYSTEM, "utf-8")
    path = tmp_path / "data.csv"
    path.write_text(text(), "utf-8")
    monkeypatch.setattr("kpi.intake.files.file_formats.read_delimited", None)
    assert kpi.score(path, definitions=tmp_path).system == "s"


@pytest.mark.parametrize(
    ("name", "unchecked"),
    [
        ("as it should be", True),
        ("a row with too many cells", True),
        ("notes below", False),
        ("GB18030", True),
        ("UTF-16", True),
    ],
)
def test_only_what_looks_well_is_left_unchecked(tmp_path, name, unchecked):
    path = tmp_path / "data.csv"
    content = CONTENTS[name]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    [[table]] = read_all([path], unchecked=True)
    assert (table.pieces is not None) is unchecked


def test_a_damaged_row_is_found_wherever_it_stands(tmp_path):
    path = tmp_path / "data.csv"
    for place in random.Random(3).sample(range(len(ROWS)), 12):
        rows = [*ROWS]
        rows[place] += ",5"
        path.write_text("\n".join([HEADER, *rows]) + "\n", "utf-8")
        result = taken(path)
        assert isinstance(result, list)
        assert f": row {place + 2}: error K506" in result[0]


@given(st.lists(st.text("0123456789.,-+eE _xnif%\t　７", max_size=8), min_size=1, max_size=6))
@example(["-0", "0", "0.000", "5."])
@example([" 7", "+5", ".5", "1e5"])
def test_a_figure_that_is_read_at_once_is_what_its_text_says(figures):
    content = "".join(f"a;{item}\n" for item in figures).encode()
    layout = Layout(0, 0, ("name", "value"), None, (), ())
    piece = pieces.Piece(content, pieces.Pieces(Path(), "utf-8", layout, ";", {0: "name", 1: "value"}))
    try:
        values = piece.scan({"value": pl.Float64()}).collect()["value"]
    except pl.exceptions.ComputeError:
        return
    for text, value in zip(figures, values, strict=True):
        if value is not None and abs(value) <= LARGEST and (value != 0 or piece.zeros_are_zero()):
            read = read_number(text)
            assert (read.value, read.unit) == (value, None)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_pieces_are_all_rows_in_their_order(tmp_path, monkeypatch, encoding):
    path = tmp_path / "data.csv"
    path.write_text(text(), encoding)
    for size in (1, 7, 40, 10_000):
        monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, size))
        [[table]] = read_all([path], unchecked=True)
        rows = pl.concat(table.pieces.map(lambda piece: piece.scan().collect()))
        assert [",".join(row) for row in rows.rows()] == ROWS
        assert table.pieces.frame().collect().equals(rows)
        assert table.pieces.frame().with_row_index().slice(5, 3).collect()["index"].to_list() == [5, 6, 7]


def test_a_large_file_in_gb18030_makes_no_copy(tmp_path, monkeypatch):
    path = tmp_path / "data.csv"
    path.write_text(text(), "gb18030")
    monkeypatch.setattr("kpi.intake.files.encoding.Scratch", None)
    result = taken(path)
    assert isinstance(result, Panel)
    assert [item.code for item in result.findings] == ["K520"]
    assert result.counts.used == len(ROWS)


@pytest.mark.parametrize("form", ["small", "large", "wide", "parquet"])
def test_more_entities_than_short_codes_are_all_read(tmp_path, monkeypatch, form):
    loaded = examine_text(SYSTEM)
    rows = pl.DataFrame({"期别": "2023-01", "地区": [f"县{at}" for at in range(70_000)]})
    rows = rows.with_columns(pl.int_range(pl.len()).alias("收入"))
    if form != "wide":
        rows = rows.select("期别", "地区", pl.lit("收入").alias("指标"), pl.col("收入").alias("数值"))
    path = tmp_path / ("data.parquet" if form == "parquet" else "data.csv")
    rows.write_parquet(path) if form == "parquet" else rows.write_csv(path)
    monkeypatch.setattr(chunks, "LARGE", 1 << 30 if form == "small" else 100)
    monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 100_000))
    panel = take_in(loaded.system, [path])
    assert (panel.counts.read, panel.counts.refused) == (70_000, 0)
    assert panel.frame["flow"].sum() == 70_000 * 69_999 // 2
