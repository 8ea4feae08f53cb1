"""The table of cells in docs/data.md says what happens."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

import kpi
from kpi.language.system import System

DOCS = Path(__file__).parents[2] / "docs"


def table(page):
    lines = (DOCS / page).read_text("utf-8").splitlines()
    return [match for line in lines if (match := re.fullmatch(r"\| (`.*`) \| (\S+) \| (\S+) \|", line))]


ROWS = table("data.md")
CELLS = [(cell, row[2], row[3]) for row in ROWS for cell in re.findall("`([^`]+)`", row[1])]


def test_the_table_is_there():
    assert len(CELLS) > 40


def test_the_chinese_page_has_the_same_table():
    assert [row[0] for row in table("data.zh.md")] == [row[0] for row in ROWS]


@pytest.mark.parametrize("unit", sorted({unit for _, unit, _ in CELLS}))
def test_cells_are_what_the_documentation_says(unit):
    cells = [(cell, text) for cell, of, text in CELLS if of == unit]
    system = System.model_validate({
        "system": "cells", "period": "quarter", "entities": {}, "measures": {"it": {"unit": unit, "over_time": "last"}},
        "indicators": {"level": {"kind": "level", "of": "it"}},
    })  # fmt: skip
    who = [f"{at:02}" for at in range(len(cells))]
    frame = pl.DataFrame({"期别": "2023Q4", "地区": who, "指标": "it", "数值": [cell for cell, _ in cells]})
    card = kpi.score(frame, system=system)
    result = dict(card.measures.select("entity", pl.coalesce(pl.col("value").cast(pl.String), "status")).rows())
    for name, (cell, text) in zip(who, cells, strict=True):
        if text in ("missing", "not_applicable", "below_unit", "refused"):
            assert result[name] == text, cell
        else:
            assert float(result[name]) == pytest.approx(float(text), rel=1e-12), cell
    reports = {item.place.row for item in card.findings_list if item.code in ("K604", "K605", "K635")}
    assert reports == {at for at, (_, text) in enumerate(cells, 1) if text == "refused"}
