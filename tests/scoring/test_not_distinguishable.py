"""Stars that other samples would have changed are said to be so, in every table, and only where limits are declared."""

from __future__ import annotations

import pytest

import kpi
from kpi.language.loading.loader import examine_text
from kpi.report.files import write
from kpi.report.league import league

SYSTEM = """
system: stars
period: year
entities: {title: 区}
measures: {hits: {unit: 件}, cases: {unit: 件}}
indicators:
  share: {kind: ratio, numerator: hits, denominator: cases, score: {kind: goalposts, low: 0, high: 100}}
pillars: {all: {weight: 100, parts: {share: 100}}}
stars: {kind: bands, cuts: {5: 90, 4: 80, 3: 70, 2: 60, 1: 0}}
"""
#: 81 of 100 may be 75 or 87 (3 and 4 stars), 8100 of 10000 is between 80.2 and 81.8; 75 of 100 in between all.
HITS, CASES = [81, 8100, 75, 50], [100, 10_000, 100, 10_000]


def card(more: str = "limits: 95"):
    frame = {"地区": [f"区{at}" for at in range(4)], "期别": ["2023"] * 4, "hits": HITS, "cases": CASES}
    return kpi.score(frame, system=examine_text(SYSTEM + more).system)


def test_levels_are_those_of_wilsons_limits():
    """Wilson: 81/100 is 72.2 to 87.5, 8100/10000 80.2 to 81.8, 75/100 65.7 to 82.5, 50/10000 below 60."""
    rows = {row["entity"]: (row["stars_low"], row["stars"], row["stars_high"]) for row in card().alike.to_dicts()}
    assert rows == {"区0": (3, 4, 4), "区1": (4, 4, 4), "区2": (2, 3, 4), "区3": (1, 1, 1)}


def test_the_table_the_workbook_and_the_page_say_so(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    with kpi.using_language("en"):
        scored = card()
        notes = {line.entity: line.note for line in league(scored).lines}
        write(scored, tmp_path / "a.xlsx")
        write(scored, tmp_path / "a.html")
        write(scored, tmp_path / "a.md")
    assert notes["区0"].startswith("not distinguishable from ★★★☆☆")
    assert notes["区1"] == ""
    assert notes["区2"].startswith("not distinguishable from ★★☆☆☆ to ★★★★☆")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    cells = [str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row]
    assert any("not distinguishable from ★★★☆☆" in text for text in cells)
    for name in ("a.html", "a.md"):
        assert "not distinguishable from ★★★☆☆" in (tmp_path / name).read_text("utf-8")


def test_without_limits_nothing_is_said():
    scored = card("")
    assert scored.alike.height == 0
    assert "alike" not in scored.extras
    assert {line.note for line in league(scored).lines} == {""}
