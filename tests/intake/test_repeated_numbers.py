"""Numbers of events that stand in several rows of a dataset without a key are reported."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

import kpi

ROWS = [
    ("1", "2023-01-01", "甲县", "10"), ("2", "2023-01-01", "甲县", "10"), ("3", "2023-02-01", "乙县", "20"),
    ("3", "2023-02-01", "乙县", "20"), ("4", "2023-02-01", "丙县", "20"),
]  # fmt: skip


def definition(**dataset: Any) -> dict[str, Any]:
    return {
        "system": "t", "title": "T", "period": "year", "entities": {"title": "县区"},
        "datasets": {"ev": {"form": "records", "columns": {"period": "日期", "entity": "县区"}, **dataset}},
        "measures": {"s": {"kind": "sum", "of": "金额", "unit": "元", "from": "ev"}},
        "indicators": {"a": {"kind": "level", "of": "s", "score": {"kind": "minmax"}}},
        "pillars": {"p": {"weight": 100, "parts": {"a": 100}, "ours": True}},
    }  # fmt: skip


def frame(rows: list[tuple[str, ...]] = ROWS, header: str = "编号") -> pl.DataFrame:
    return pl.DataFrame(rows, schema=[header, "日期", "县区", "金额"], orient="row")


def numbers(card: Any) -> list[str]:
    return [str(finding.message) for finding in card.findings_list if finding.code == "K690"]


@pytest.mark.parametrize("header", ["编号", "办件编号", "流水号", "案件号", "工单 号", "ID", "Ticket No."])
@pytest.mark.parametrize("form", ["csv", "parquet", "numbers"])
def test_a_number_in_two_rows_is_reported(form, header, tmp_path):
    data: Any = frame(header=header)
    if form == "csv":
        (tmp_path / "a.csv").write_text(data.write_csv(), "utf-8")
        data = tmp_path / "a.csv"
    elif form == "parquet":
        data.write_parquet(tmp_path / "a.parquet")
        data = tmp_path / "a.parquet"
    else:
        data = data.with_columns(pl.col(header).cast(pl.Int64))
    (message,) = numbers(kpi.score(data, system=definition()))
    assert message.startswith("1 row with a number")
    assert "such as 3" in message


def test_a_key_answers_it():
    card = kpi.score(frame(), system=definition(key="编号"))
    assert numbers(card) == []
    assert "K629" in [finding.code for finding in card.findings_list]


@pytest.mark.parametrize("header", ["编号", "办件编号"])
def test_a_number_in_two_files_is_reported_for_one_unit_and_month(header):
    second = [("2", "2023-01-01", "甲县", "10"), ("5", "2023-03-01", "乙县", "7")]
    (message,) = numbers(kpi.score([frame(ROWS[:3], header), frame(second, header)], system=definition()))
    assert "such as 2" in message
    anew = [("1", "2023-02-01", "甲县", "10"), ("2", "2023-02-02", "甲县", "7")]
    assert numbers(kpi.score([frame(ROWS[:3], header), frame(anew, header)], system=definition())) == []


def test_numbers_that_begin_anew_for_each_unit_or_month_are_not_reported():
    rows = [(str(at), f"2023-{month:02}-01", who, "1") for month in (1, 2) for who in ("甲县", "乙县") for at in (1, 2)]
    assert numbers(kpi.score(frame(rows), system=definition())) == []
    assert len(numbers(kpi.score(frame(rows, "工单编号"), system=definition()))) == 1


@pytest.mark.parametrize("header", ["企业编号", "项目编号", "户号", "序号", "身份证号"])
def test_numbers_of_something_else_may_repeat(header):
    assert numbers(kpi.score(frame(header=header), system=definition())) == []


def test_a_number_that_a_measure_reads_is_its_business():
    system = definition()
    system["measures"]["n"] = {"kind": "distinct", "of": "编号", "unit": "件", "from": "ev"}
    system["indicators"]["b"] = {"kind": "level", "of": "n", "score": {"kind": "minmax"}}
    system["pillars"]["p"]["parts"]["b"] = 50
    assert numbers(kpi.score(frame(), system=system)) == []
