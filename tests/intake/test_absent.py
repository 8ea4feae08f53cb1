"""Measures of which no file says anything: one warning for each, and none where a figure is only missing."""

from __future__ import annotations

import polars as pl
import pytest

import kpi

DEFINITION = """\
system: t
period: year
entities: {title: 县}
datasets: {long: {form: reported}, wide: {form: panel}, cases: {form: records, columns: {period: 日期, entity: 县}}}
measures:
  a: {title: 件数甲, unit: 件}
  b: {title: 网上办件量, unit: 件}
  c: {kind: count, unit: 件, from: cases, title: 办结量}
indicators: {x: {kind: level, of: a}, z: {kind: level, of: b}, w: {kind: level, of: c}}
"""
REPORTED = DEFINITION.replace("  c: {kind: count, unit: 件, from: cases, title: 办结量}\n", "").replace(
    ", w: {kind: level, of: c}", ""
)


def codes_of(data, definition=REPORTED, **options):
    card = kpi.score(data, system=definition, **options)
    return [item for item in card.findings_list if item.code == "K555"]


LONG = {"期别": ["2023"], "县": ["东湖县"], "指标": ["件数甲"], "数值": [5]}
WIDE = {"期别": ["2023"], "县": ["东湖县"], "件数甲": [5]}


@pytest.mark.parametrize("form", ["csv", "parquet", "xlsx", "frame"])
@pytest.mark.parametrize("columns", [LONG, WIDE], ids=["long", "wide"])
def test_a_measure_without_column_and_row_is_a_warning(columns, form, tmp_path):
    frame = pl.DataFrame(columns)
    data = frame if form == "frame" else tmp_path / f"d.{form}"
    if form != "frame":
        {"csv": frame.write_csv, "parquet": frame.write_parquet, "xlsx": frame.write_excel}[form](data)
    (item,) = codes_of(data)
    assert (str(item.severity), "网上办件量" in item.message, "`b`" in item.message) == ("warning", True, True)
    assert ", ".join(columns) in item.hint


def test_a_like_column_is_reported_once_with_the_name_of_the_measure():
    card = kpi.score(WIDE | {"网上办件": [4]}, system=REPORTED)
    (item,) = [item for item in card.findings_list if item.code in {"K528", "K555"}]
    assert (item.code, str(item.severity), item.hint) == ("K528", "warning", "did you mean `网上办件量`?")


def test_the_column_of_another_measure_is_never_suggested():
    definition = REPORTED.replace("件数甲", "网下办件量")
    (item,) = codes_of({"期别": ["2023"], "县": ["东湖县"], "网下办件量": [5]}, definition)
    assert "did you mean" not in item.hint


@pytest.mark.parametrize(
    "data",
    [
        WIDE | {"网上办件量": [4]},
        WIDE | {"网上办件量(件)": [None]},
        [WIDE, LONG | {"指标": ["网上办件量"]}],
        {name: cells * 2 for name, cells in LONG.items()} | {"指标": ["件数甲", "网上办件量"], "数值": ["5", None]},
        {name: cells * 2 for name, cells in LONG.items()} | {"指标": ["件数甲", "网上办件量"], "数值": ["5", "约4"]},
    ],
    ids=["figure", "blank column", "two files", "blank row", "refused"],
)
def test_a_figure_that_is_only_missing_or_refused_is_none(data):
    assert codes_of(data) == []


def test_a_dataset_without_a_file_is_one_warning():
    (item,) = codes_of(WIDE | {"网上办件量": [4]}, DEFINITION)
    assert ("cases" in item.message, "办结量" in item.message) == (True, True)
    cases = {"日期": ["2023-05-06"], "县": ["东湖县"]}
    assert codes_of([WIDE | {"网上办件量": [4]}, cases], DEFINITION) == []
    assert [item.code for item in kpi.check(data=WIDE | {"网上办件量": [4]}, system=DEFINITION)] == ["K555"]


def test_one_period_is_looked_at_alone():
    rows = {"期别": ["2022", "2023"], "县": ["东湖县"] * 2, "指标": ["网上办件量", "件数甲"], "数值": [4, 5]}
    assert codes_of(rows) == []
    assert codes_of(rows, period="2023") == []
