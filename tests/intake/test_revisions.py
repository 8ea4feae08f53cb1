"""Corrections: the last valid revision wins, what it took the place of is kept, and every row is counted once."""

from __future__ import annotations

import polars as pl
import pytest

import kpi
from kpi.errors import Severity
from kpi.language.system import System

SYSTEM = System.model_validate({
    "system": "revised", "period": "quarter", "entities": {},
    "measures": {"gdp": {"title": "地区生产总值", "unit": "亿元"}},
    "indicators": {"size": {"kind": "level", "of": "gdp"}},
})  # fmt: skip


def scored(*rows):
    """Scores rows of value, unit and revision for one entity and period."""
    columns = ["数值", "计量单位", "修订"]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    frame = frame.with_columns(期别=pl.lit("2023Q4"), 地区=pl.lit("甲县"), 指标=pl.lit("地区生产总值"))
    return kpi.score(frame, system=SYSTEM)


OK, BAD, OTHER = "亿元", "户", "千元"


@pytest.mark.parametrize(
    ("rows", "value", "status", "counts"),
    [
        # used, refused, restated, repeated
        ([("10", OK, None), ("12", OK, "1")], 12.0, "ok", (1, 0, 1, 0)),
        ([("10", OK, "2"), ("12", OK, "1"), ("9", OK, None)], 10.0, "ok", (1, 0, 2, 0)),
        # An invalid correction leaves the last valid figure.
        ([("10", OK, None), ("约12", OK, "1")], 10.0, "ok", (1, 1, 0, 0)),
        ([("10", OK, None), ("12", BAD, "1")], 10.0, "ok", (1, 1, 0, 0)),
        ([("10", OK, None), ("11", OK, "1"), ("12", BAD, "2")], 11.0, "ok", (1, 1, 1, 0)),
        # A valid correction takes the place of an invalid figure.
        ([("约10", OK, None), ("12", OK, "1")], 12.0, "ok", (1, 1, 0, 0)),
        ([("约10", OK, "1"), ("约12", OK, "2")], None, "refused", (0, 2, 0, 0)),
        # Of one revision and not alike, or of a revision that cannot be read: nobody knows which is meant.
        ([("10", OK, None), ("约12", OK, None)], None, "refused", (0, 2, 0, 0)),
        ([("10", OK, "1"), ("12", OK, "二")], None, "refused", (0, 1, 1, 0)),
        ([("10", OK, "1"), ("11", OK, "1")], None, "refused", (0, 2, 0, 0)),
        ([("10", OK, "1"), ("10", OK, "1"), ("9", OK, None)], 10.0, "ok", (1, 0, 1, 1)),
        # A correction to nothing is a correction.
        ([("10", OK, None), ("—", OK, "1")], None, "missing", (1, 0, 1, 0)),
    ],
)
def test_the_last_valid_revision_wins(rows, value, status, counts):
    card = scored(*rows)
    (row,) = card.measures.to_dicts()
    assert (row["value"], str(row["status"])) == (value, status)
    assert tuple(card.counts[key] for key in ("used", "refused", "restated", "repeated")) == counts
    assert card.counts["read"] == len(rows)
    assert bool(counts[1]) == any(item.severity is Severity.ERROR for item in card.findings_list)


def test_what_was_restated_is_kept():
    card = scored(("10", OK, None), ("110000", "万元", "1"), ("12", OK, "2"))
    assert card.restated.select("system", "period", "entity", "measure", "before", "after", "unit").rows() == [
        ("revised", "2023Q4", "甲县", "gdp", 10.0, 12.0, "亿元"),
        ("revised", "2023Q4", "甲县", "gdp", 11.0, 12.0, "亿元"),
    ]
    assert card.restated.select("revision", "new_revision", "file", "row").rows() == [
        (0.0, 2.0, "frame 1", 1), (1.0, 2.0, "frame 1", 2)
    ]  # fmt: skip
    assert card.extras["restated"].equals(card.restated)
    assert card.only([8092]).restated.height == 0


def test_without_corrections_there_is_no_history():
    card = scored(("10", OK, None))
    assert (card.restated.height, "restated" in card.extras) == (0, False)


def test_months_of_a_quarter_are_restated_as_months():
    frame = pl.DataFrame(
        {"期别": ["2023-10", "2023-11", "2023-12", "2023-11"], "地区": ["甲县"] * 4, "指标": ["gdp"] * 4,
         "数值": ["1", "2", "3", "5"], "修订": [None, None, None, "1"]}
    )  # fmt: skip
    card = kpi.score(frame, system=SYSTEM)
    assert card.measures["value"].to_list() == [9.0]
    assert card.restated.select("period", "before", "after", "row").rows() == [("2023-11", 2.0, 5.0, 2)]


def frames(*tables):
    """Scores tables of (period, entity, measure, value), each a frame of its own."""
    columns = ["期别", "地区", "指标", "数值"]
    some = [pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row") for rows in tables]
    return kpi.score(some, system=SYSTEM)


def test_a_figure_that_comes_again_names_the_row_and_the_file_of_the_other():
    first, same, other = (("2023Q4", "甲县", "gdp", value) for value in ("10", "10", "11"))
    (result,) = frames([first], [same, ("2023Q4", "乙县", "gdp", "1")]).findings_list
    assert (result.place.file, result.place.row) == ("frame 2", 1)
    assert result.message == "the figure of 地区生产总值 repeats row 1 of frame 1"
    item, two = frames([first, other]).findings_list
    assert [result.message.split("contradicts ")[1] for result in (item, two)] == ["row 2", "row 1"]
    item, two, three = frames([first], [other, other]).findings_list
    assert [result.message.split("contradicts ")[1] for result in (item, two, three)] == [
        "row 1 of frame 2, row 2 of frame 2", "row 1 of frame 1, row 2", "row 1 of frame 1, row 1"
    ]  # fmt: skip


def test_columns_of_one_row_that_contradict_each_other_are_named():
    wide = pl.DataFrame({"期别": ["2023Q4"], "地区": ["甲县"], "gdp": ["10"], "地区生产总值(亿元)": ["11"]})
    card = kpi.score(wide, system=SYSTEM)
    assert card.counts == {"read": 2, "used": 0, "refused": 2, "restated": 0, "repeated": 0}
    for result in card.findings_list:
        assert result.message.endswith("contradicts another column of the row (`gdp`, `地区生产总值(亿元)`)")
        assert "修订" not in result.hint
