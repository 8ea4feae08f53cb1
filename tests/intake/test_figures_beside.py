"""Columns of figures of a long table beside the one that is read are named in a note."""

from __future__ import annotations

import polars as pl
import pytest

import kpi

SYSTEM = """\
system: beside
period: month
entities: {title: 地区}
measures: {产值: {unit: 亿元}}
indicators: {x: {kind: level, of: 产值, target: {at_least: 20}}}
pillars: {p: {parts: {x: 1}}}
"""
ROWS = pl.DataFrame(
    {
        "地区": ["东区", "东区", "西区"],
        "月份": ["2024-01", "2024-02", "2024-01"],
        "指标": ["产值"] * 3,
        "数值": [10, 12, 20],
    }
)


def notes_of(data) -> list[str]:
    card = kpi.score(data, system=SYSTEM)
    return [str(item.message) for item in card.findings_list if item.code == "K528"]


@pytest.mark.parametrize("form", ["frame", "csv", "xlsx", "parquet", "texts"])
def test_figures_of_other_columns(tmp_path, form):
    rows = ROWS.with_columns(上年同期=pl.Series([9, 1000, 19]), 累计=pl.Series([10, 22, None]))
    path = tmp_path / f"d.{form}"
    if form == "frame":
        data = rows
    elif form == "texts":
        data = rows.with_columns(pl.col("上年同期").cast(pl.String).replace("1000", "1,000"))
        path = tmp_path / "d.csv"
        data.write_csv(path)
        data = path
    else:
        {"csv": rows.write_csv, "xlsx": rows.write_excel, "parquet": rows.write_parquet}[form](path)
        data = path
    assert notes_of(data) == ["`上年同期`, `累计` hold figures and are not read: those of `数值` are"]


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"填报人": ["张", "李", "王"]},
        {"序号": [1, 2, 3]},
        {"代码": [330101, 330101, 330102]},
        {"排名": [2, 1, 1]},
        {"UNIT_MULT": [8, 8, 8], "DECIMALS": [1, 1, 1]},
        {"备注": ["1", "见附件", None]},
        {"空列": [None, None, None]},
        {"目标值": [1, 2, 3]},
        {"修订": [1, 1, 1]},
    ],
)
def test_columns_that_are_no_figures(columns):
    assert notes_of(ROWS.with_columns(**{name: pl.Series(items) for name, items in columns.items()})) == []


def test_the_column_that_the_definition_names():
    system = SYSTEM.replace("measures:", "datasets: {d: {form: reported, columns: {value: 累计}}}\nmeasures:")
    card = kpi.score(ROWS.with_columns(累计=pl.Series([10, 22, 20])), system=system)
    assert [item.message for item in card.findings_list if item.code == "K528"] == []
