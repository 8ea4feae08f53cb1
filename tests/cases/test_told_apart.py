"""Figures of one unit and period that another column tells apart are not repetitions, and namesakes are reported."""

from __future__ import annotations

import polars as pl
import pytest

import kpi

SYSTEM = {
    "system": "s", "period": "quarter", "entities": {},
    "measures": {"n": {"title": "办件量", "unit": "件"}},
    "indicators": {"i": {"kind": "level", "of": "n"}},
}  # fmt: skip


def scored(rows: list[dict[str, str]], form: str, tmp_path) -> kpi.Scorecard:
    frame = pl.DataFrame([{"期别": "2024Q1", "县区": "鼓楼区", "办件量": "10"} | row for row in rows])
    if form.startswith("long"):
        frame = frame.rename({"办件量": "数值"}).with_columns(指标=pl.lit("办件量"))
    if form.endswith("frame"):
        return kpi.score(frame, system=SYSTEM)
    path = tmp_path / f"d.{form.split()[1]}"
    {"csv": frame.write_csv, "xlsx": frame.write_excel, "parquet": frame.write_parquet}[form.split()[1]](path)
    return kpi.score(path, system=SYSTEM)


def findings_of(card: kpi.Scorecard, code: str) -> list[tuple[str, str]]:
    return [(str(item.severity), item.message) for item in card.findings_list if item.code == code]


FORMS = ["long frame", "wide frame", "long csv", "wide csv", "long xlsx", "wide parquet"]
TWO = [
    ("地市", "甲市", "丙市"), ("性别", "男", "女"), ("城乡", "城镇", "农村"), ("口径", "全口径", "规上"),
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("texts", TWO)
@pytest.mark.parametrize("figure", ["10", "30"])
def test_figures_that_a_text_tells_apart_are_refused_and_the_column_is_named(tmp_path, form, texts, figure):
    column, item, other = texts
    card = scored([{column: item}, {column: other, "办件量": figure}], form, tmp_path)
    assert card.indicators["status"].to_list() == ["refused"]
    refused = findings_of(card, "K608")
    assert [severity for severity, _ in refused] == ["error", "error"]
    assert all(f"`{column}`" in message and item in message and other in message for _, message in refused)
    hints = {finding.hint for finding in card.findings_list if finding.code == "K608"}
    assert all(("codes" if column == "地市" else "where") in hint or "leave out" in hint for hint in hints)
    assert card.counts["refused"] == 2


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("column", "item", "other"),
    [("备注", "初报", "复报"), ("填报人", "甲", "乙"), ("录入时间", "五月", "六月"), ("人数", "3", "4"),
     ("性别", "男", "男"), ("性别", "男", None)],
)  # fmt: skip
def test_figures_that_say_the_same_count_once(tmp_path, form, column, item, other):
    card = scored([{column: item}, {column: other}], form, tmp_path)
    assert card.indicators["value"].to_list() == [10]
    assert [severity for severity, _ in findings_of(card, "K608")] == ["warning"]
    assert card.counts["repeated"] == 1


@pytest.mark.parametrize("form", FORMS)
def test_namesakes_in_different_periods_are_reported(tmp_path, form):
    card = scored([{"地市": "甲市"}, {"地市": "丙市", "期别": "2024Q2"}], form, tmp_path)
    ((severity, message),) = findings_of(card, "K579")
    assert severity == "warning"
    assert "鼓楼区" in message
    assert "丙市" in message
    card = scored([{"地市": "甲市"}, {"地市": "甲市", "期别": "2024Q2"}], form, tmp_path)
    assert findings_of(card, "K579") == []
