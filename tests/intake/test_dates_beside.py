"""A column of dates beside the one that names the periods is reported where it says something else."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

import kpi

SYSTEM: dict[str, Any] = {
    "system": "t", "title": "T", "period": "quarter", "entities": {"title": "地区"},
    "measures": {"a": {"title": "人口", "unit": "人", "over_time": "last"}},
    "indicators": {"i": {"kind": "level", "of": "a", "score": {"kind": "minmax"}}},
    "pillars": {"p": {"weight": 100, "parts": {"i": 100}, "ours": True}},
}  # fmt: skip


def frame(header: str, date: str, form: str, period: str = "2024") -> pl.DataFrame:
    cells = {"年份": [period] * 2, header: [date] * 2, "地区": ["甲县", "乙县"]}
    figures = {"人口": ["5", "3"]} if form == "wide" else {"指标": ["人口"] * 2, "数值": ["5", "3"]}
    return pl.DataFrame({**cells, **figures})


def codes(data: Any, **columns: str) -> list[str]:
    system = SYSTEM | ({"datasets": {"d": {"form": "panel", "columns": columns}}} if columns else {})
    return [item.code for item in kpi.score(data, system=system).findings_list if item.code != "K528"]


@pytest.mark.parametrize("header", ["统计日期", "数据日期", "截止日期", "报告月", "所属月份", "As of date"])
@pytest.mark.parametrize("form", ["wide", "long"])
@pytest.mark.parametrize("kind", ["csv", "parquet", "frame"])
def test_a_date_within_the_year_is_reported(header, form, kind, tmp_path):
    data: Any = frame(header, "2024-03-31", form)
    if kind != "frame":
        path = tmp_path / f"d.{kind}"
        (data.write_csv if kind == "csv" else data.write_parquet)(path)
        data = path
    assert codes(data) == ["K691"]


def test_what_says_the_same_or_is_declared_is_not_reported():
    assert codes(frame("统计日期", "2024-12-31", "wide")) == []
    assert codes(frame("统计日期", "2025-03-31", "long")) == []
    assert codes(frame("统计日期", "每年", "long")) == []
    assert codes(frame("填报日期", "2024-03-31", "wide")) == []
    assert codes(frame("统计日期", "2024-03-31", "wide"), period="年份") == []
    assert "K691" not in codes(frame("统计日期", "2024-03-31", "wide"), period="统计日期")
