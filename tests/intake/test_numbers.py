"""Cells to numbers: what must read, what must not, and the laws that no text can break."""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kpi.intake.cells.numbers import CELL_STATUS, LARGEST, YES_NO, read_number, read_numbers

FIGURES = {
    "1,234.5": (1234.5, None),
    "１２．５": (12.5, None),
    "１，２３４": (1234.0, None),
    "12.5%": (12.5, "%"),
    "１２．５％": (12.5, "%"),
    "5‰": (5.0, "‰"),
    "(12.3)": (-12.3, None),
    "（12.3）": (-12.3, None),
    "(12.3%)": (-12.3, "%"),
    "(1,234)万元": (-1234.0, "万元"),
    "-12": (-12.0, None),
    "−12": (-12.0, None),
    "－12": (-12.0, None),
    "–12": (-12.0, None),
    "+5": (5.0, None),
    "#123": (123.0, None),
    "'12": (12.0, None),
    '="0.5"': (0.5, None),
    "1e3": (1000.0, None),
    "1.5E+08": (1.5e8, None),
    "1.2万": (1.2, "万"),
    "3.5亿元": (3.5, "亿元"),
    "5 元/人": (5.0, "元/人"),
    "100m²": (100.0, "m²"),
    "¥1,234": (1234.0, "¥"),
    "￥3.5亿": (3.5, "亿元"),
    "12.5个百分点": (12.5, "个百分点"),
    "3年": (3.0, "年"),
    "  12\u200b\n": (12.0, None),
    "00012": (12.0, None),
    "是": (1.0, YES_NO),
    "√": (1.0, YES_NO),
    "TRUE": (1.0, YES_NO),
    "否": (0.0, YES_NO),
    "×": (0.0, YES_NO),
    "No": (0.0, YES_NO),
}

REASONS = {
    "missing": ["", "   ", "—", "——", "--", "-", "－", "空", "缺", "未报", "NA", "null", ".", "'"],
    "not_applicable": ["/", "／", "不适用", "N/A", "n/a", "不涉及"],
    "below_unit": ["…", "……", "...", "⋯"],
}

# What each refused cell must say, in part.
PROBLEMS = {
    "#DIV/0!": "error of a spreadsheet",
    "#REF!": "error of a spreadsheet",
    "#N/A": "error of a spreadsheet",
    "#VALUE!": "error of a spreadsheet",
    "#NAME?": "error of a spreadsheet",
    "####": "too narrow",
    "#": "of-which",
    "=SUM(A1:A3)": "formula without a saved result",
    "12:30": "time",
    "2024-01-31": "date",
    "2024-01-31 00:00:00": "date",
    "2024年1月": "date",
    "2024年": "date",
    "3月": "date",
    "Jan-24": "date",
    "3-Jan": "date",
    "inf": "finite",
    "-Infinity": "finite",
    "NaN": "finite",
    "1e400": "too large",
    "1e-400": "zero",
    "12 34": "more than one",
    "12、34": "more than one",
    "1 234": "blanks between digits",
    "1.234,5": "decimal comma",
    "1,5": "decimal comma",
    "1,2345": "decimal comma",
    "3-5": "range",
    "1/2": "fraction",
    "≥90": "bound",
    "约10": "bound",
    "12左右": "bound",
    "10余万": "bound",
    "—12": "minus",
    "10²": "footnote",
    "12①": "footnote",
    "12*": "footnote",
    "无": "none or not known",
    "三千": "not a number",
    "½": "not a number",
    "1_000": "not a number",
    "0x1A": "not a number",
    "٣": "not a number",
    "(-5)": "not a number",
    "1.5E": "not a number",
    "¥3件": "not a number",
}


@pytest.mark.parametrize(("text", "expected"), FIGURES.items())
def test_a_figure_reads_with_its_unit(text, expected):
    assert read_number(text) == (expected[0], "ok", expected[1], None)


@pytest.mark.parametrize(("status", "text"), [(status, text) for status, texts in REASONS.items() for text in texts])
def test_a_reason_is_neither_a_value_nor_a_problem(status, text):
    assert read_number(text) == (None, status, None, None)


@pytest.mark.parametrize(("text", "words"), PROBLEMS.items())
def test_everything_else_is_a_problem_that_quotes_the_cell(text, words):
    read = read_number(text)
    assert (read.value, read.status, read.unit) == (None, None, None)
    assert read.problem.startswith(f"`{text}` ")
    assert words in read.problem


def test_a_column_reads_as_its_cells_do():
    texts = [*FIGURES, *PROBLEMS, *(text for texts in REASONS.values() for text in texts), "12", "0", "-0", "0.000"]
    column = pl.Series([*texts, None] * 3)
    expected = [tuple(read_number(text)) for text in texts] + [(None, "missing", None, None)]
    assert read_numbers(column).rows() == expected * 3


def test_minus_zero_is_zero():
    zeros = read_numbers(pl.Series(["-0", "-0.00", "(0)", "0"]))["value"].to_list()
    assert [math.copysign(1, zero) for zero in zeros] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pl.Series([1, None], dtype=pl.Int64), [(1.0, "ok"), (None, "missing")]),
        (pl.Series([Decimal("1.25"), None]), [(1.25, "ok"), (None, "missing")]),
        (pl.Series([True, False, None]), [(1.0, "ok"), (0.0, "ok"), (None, "missing")]),
        (pl.Series(["1.5", "x"], dtype=pl.Categorical), [(1.5, "ok"), (None, None)]),
        (pl.Series([None, None]), [(None, "missing")] * 2),
        (pl.Series([dt.date(2024, 1, 1), None]), [(None, None), (None, "missing")]),
        (pl.Series([[1], None]), [(None, None), (None, "missing")]),
        (pl.Series([], dtype=pl.String), []),
    ],
)
def test_native_types_are_read_as_what_they_mean(column, expected):
    read = read_numbers(column)
    assert read.select("value", "status").rows() == expected
    assert read.schema == {"value": pl.Float64, "status": CELL_STATUS, "unit": pl.String, "problem": pl.String}
    assert (read["problem"].is_null() == read["status"].is_not_null()).all()


def test_floats_that_are_not_finite_are_problems_not_values():
    read = read_numbers(pl.Series([1.5, math.nan, math.inf, -math.inf, None]))
    assert read["value"].to_list() == [1.5, None, None, None, None]
    assert read["status"].to_list() == ["ok", None, None, None, "missing"]
    assert read["problem"].is_not_null().to_list() == [False, True, True, True, False]


def test_a_date_in_a_typed_column_is_named_as_one():
    assert read_numbers(pl.Series([dt.date(2024, 1, 1)]))["problem"][0] == "`2024-01-01` is a date, not a figure"


STYLES = {
    "plain": lambda text: text,
    "full width": lambda text: text.translate({ord(item): ord(item) + 0xFEE0 for item in "0123456789.,-"}),
    "minus sign": lambda text: text.replace("-", "−"),
    "brackets": lambda text: f"({text[1:]})" if text.startswith("-") else text,
    "blanks": lambda text: f" \u3000{text}\t",
    "apostrophe": lambda text: f"'{text}",
    "formula": lambda text: f'="{text}"',
    "percent": lambda text: f"{text}%",
    "unit": lambda text: f"{text} 万元",
}


@given(
    value=st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15),
    decimals=st.integers(0, 6),
    style=st.sampled_from(list(STYLES)),
    grouped=st.booleans(),
)
def test_a_formatted_float_reads_back(value, decimals, style, grouped):
    plain = f"{value:.{decimals}f}"
    styled = STYLES[style](f"{value:,.{decimals}f}" if grouped else plain)
    unit = {"percent": "%", "unit": "万元"}.get(style)
    assert read_number(styled) == (float(plain), "ok", unit, None)
    assert read_numbers(pl.Series([styled])).rows() == [(float(plain), "ok", unit, None)]


@given(st.floats(-LARGEST, LARGEST))
def test_every_float_that_a_figure_may_be_reads_back_exactly(value):
    assert read_number(repr(value)).value == value
    assert read_numbers(pl.Series([repr(value)]))["value"][0] == value


@given(
    st.lists(st.text(max_size=30) | st.text("0123456789.,-+()%eE#'/万元是…—:年月 \u200b²①", max_size=12) | st.none())
)
@example(["\ud7ff", "\x00", "1\x00"])
def test_any_text_gives_a_value_or_a_reason_or_a_problem(texts):
    read = read_numbers(pl.Series(texts, dtype=pl.String))
    assert len(read) == len(texts)
    for text, (value, status, unit, problem) in zip(texts, read.rows(), strict=True):
        assert (problem is None) == (status is not None)
        assert (value is None) == (status != "ok")
        assert value is None or math.isfinite(value)
        assert unit is None or status == "ok"
        # No silent zero: a value of nought comes from a cell that says nought or no.
        if value == 0 and unit != YES_NO:
            assert not re.search("[1-9１-９]", text.lower().split("e")[0])
        assert text is None or (value, status, unit, problem) == read_number(text)
