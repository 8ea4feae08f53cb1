"""Refused rows: each for the first reason that holds, counted once, and without touching the rows beside them."""

from __future__ import annotations

import polars as pl
import pytest

import kpi

SYSTEM = {
    "system": "s",
    "period": "year",
    "entities": {"title": "县"},
    "measures": {
        "income": {"title": "收入", "unit": "万元"},
        "urban": {"title": "城区收入", "unit": "万元", "where": "区域 = '城'"},
    },
    "indicators": {"a": {"kind": "level", "of": "income"}},
}


def scored(*rows: dict[str, str]) -> kpi.Scorecard:
    filled = {"期别": "2023", "地区": "甲县", "指标": "收入", "数值": "1"}
    return kpi.score(pl.DataFrame([filled | row for row in rows]), system=SYSTEM)


@pytest.mark.parametrize(
    ("cell", "status"), [("不适用", "not_applicable"), ("…", "below_unit"), ("—", "missing"), ("7", "ok")]
)
@pytest.mark.parametrize(
    "odd", [{"数值": "1e19", "计量单位": "亿元"}, {"数值": "1e30"}, {"数值": "x"}, {"计量单位": "件"}, {"修订": "x"}]
)
def test_a_refused_figure_leaves_the_others_as_they_are(cell, status, odd):
    extra = dict.fromkeys(odd.keys() - {"数值"}, "")
    card = scored({"地区": "甲县", **odd}, {"地区": "乙县", "数值": cell, **extra}, {"地区": "丙县", **extra})
    states = dict(card.measures.filter(pl.col("measure") == "income").select("entity", "status").rows())
    assert states == {"甲县": "refused", "乙县": status, "丙县": "ok"}
    assert card.counts["refused"] == 1


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        ({"指标": "城区收人", "地区": "", "期别": "x", "数值": "x"}, "K601", "指标"),
        ({"地区": "", "期别": "x", "数值": "x"}, "K602", "地区"),
        ({"期别": "x", "数值": "x", "计量单位": "件"}, "K606", "期别"),
        ({"数值": "x", "计量单位": "件", "修订": "x"}, "K604", "数值"),
        ({"计量单位": "件", "修订": "x"}, "K605", "计量单位"),
        ({"数值": "1e19", "计量单位": "亿元", "修订": "x"}, "K604", "数值"),
        ({"指标": "城区收入", "修订": "x"}, "K604", "修订"),
        ({"指标": "城区收入"}, "K541", None),
    ],
)
def test_a_row_is_refused_once_for_the_first_reason_that_holds(row, code, column):
    card = scored({"地区": "乙县", "计量单位": "", "修订": ""}, {"计量单位": "", "修订": "", **row})
    errors = card.findings.filter(pl.col("severity") == "error")
    assert errors.select("code", "row", "column").rows() == [(code, 2, column)]
    assert (card.counts["read"], card.counts["refused"], card.counts["used"]) == (2, 1, 1)
