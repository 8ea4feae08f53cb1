"""Whatever a table holds, written in any format and encoding it reads back the same, and scores the same."""

from __future__ import annotations

import gzip
import io
import json

import openpyxl
import polars as pl
import pytest
import xlsxwriter
import xlwt
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kpi
from kpi.intake.files.reader import read
from kpi.language.system import System
from tests.written_formats import ANY_TEXT

HEADER = ["期别", "地区名称与说明", "指标", "数值"]
#: What a cell of text may hold: Chinese of every plane, marks of CSV, formulas, blanks inside, line breaks.
TEXT = st.text(
    st.sampled_from("甲乙县一开　，。、aZ09 ,;|\"'\t\n=+-@#%…—/\\·𠮷éß€㎡①Ω") | st.characters(
        codec="utf-8", exclude_categories=("Cc", "Cs", "Co", "Cn"), exclude_characters="\ufeff\u200b"
    ),
    min_size=1, max_size=12,
).map(str.strip).filter(bool)  # fmt: skip
CELLS = st.none() | TEXT
#: Rows between plain ones, so that none can be a header or a note.
ROWS = st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=6).map(
    lambda rows: [["2023Q4", "甲县", "甲", "1"], *(["2023Q4", *row] for row in rows), ["2023Q4", "乙县", "甲", "2"]]
)


def delimited(rows, delimiter, ending):
    lines = [delimiter.join('"' + (cell or "").replace('"', '""') + '"' for cell in row) for row in rows]
    return ending.join([*lines, ""])


def text_file(codec, delimiter=",", ending="\n", pack=bytes):
    return lambda rows: pack(delimited(rows, delimiter, ending).encode(codec))


def frame(rows):
    return pl.DataFrame(rows[1:], schema=dict.fromkeys(rows[0], pl.String), orient="row")


def stored(write):
    def build(rows):
        out = io.BytesIO()
        write(frame(rows), out)
        return out.getvalue()

    return build


def xlsx(rows):
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet()
        for at, row in enumerate(rows):
            for column, cell in enumerate(row):
                if cell is not None:
                    sheet.write_string(at, column, cell)
    return out.getvalue()


def from_openpyxl(rows):
    book = openpyxl.Workbook()
    for at, row in enumerate(rows, 1):
        for column, text in enumerate(row, 1):
            cell = book.active.cell(at, column)
            if text is not None:
                cell.value, cell.data_type = text, "s"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def xls(rows):
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("a")
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            if cell is not None:
                sheet.write(at, column, cell)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def json_lines(rows):
    records = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in records).encode()


CODECS = ("utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be", "utf-32")
FORMS = {
    **{f"{codec}.csv": text_file(codec) for codec in CODECS},
    "windows.csv": text_file("gb18030", ending="\r\n"),
    "tabs.tsv": text_file("utf-16", "\t", "\r\n"),
    "semicolons.csv": text_file("utf-8", ";"),
    "bars.txt": text_file("gb18030", "|"),
    "packed.csv.gz": text_file("gb18030", pack=lambda data: gzip.compress(data, mtime=0)),
    "packed.csv.zst": text_file("utf-8", pack=zstandard.compress),
    "book.xlsx": xlsx,
    "other.xlsx": from_openpyxl,
    "old.xls": xls,
    "columns.parquet": stored(lambda item, out: item.write_parquet(out)),
    "columns.arrow": stored(lambda item, out: item.write_ipc(out)),
    "lines.jsonl": json_lines,
    "lines.ndjson.gz": lambda rows: gzip.compress(json_lines(rows), mtime=0),
    **ANY_TEXT,
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS)
def test_a_table_reads_back_the_same(tmp_path, name, rows):
    path = tmp_path / name
    path.write_bytes(FORMS[name]([HEADER, *rows]))
    (table,) = read(path)
    assert list(table.columns) == HEADER
    assert table.frame.collect().rows() == [tuple(row) for row in rows]
    numbers = [row[0] for row in table.numbered().collect().rows()]
    first = 1 if table.typed else 2
    assert numbers == list(range(first, first + len(rows)))


SYSTEM = System.model_validate({
    "system": "small", "period": "quarter", "entities": {},
    "measures": {"gdp": {"title": "地区生产总值", "unit": "亿元"}},
    "indicators": {"size": {"kind": "level", "of": "gdp", "target": {"at_least": 100}}},
})  # fmt: skip
FIGURES = st.lists(
    st.decimals(-1000000, 1000000, places=3, allow_nan=False, allow_infinity=False), min_size=1, max_size=8
)


@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FIGURES)
def test_figures_score_the_same_whatever_holds_them(tmp_path, name, figures):
    rows = [["2023Q4", f"单位{at}", "地区生产总值", f"{value:f}"] for at, value in enumerate(figures)]
    path = tmp_path / name
    path.write_bytes(FORMS[name]([["期别", "地区", "指标", "数值"], *rows]))
    card = kpi.score(path, system=SYSTEM)
    assert card.indicators.sort("entity")["value"].to_list() == [
        float(value) + 0.0 for _, value in sorted((f"单位{at}", value) for at, value in enumerate(figures))
    ]
    assert card.counts["read"] == card.counts["used"] == len(figures)
