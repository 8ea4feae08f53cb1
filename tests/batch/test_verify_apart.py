"""A verification finds the findings of files as the nights do, which read files of different periods by themselves."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from kpi.cli.main import main

pytest.importorskip("deltalake")

SYSTEM = """\
system: texts
period: month
entities: {title: 区县, roster: roster.csv}
datasets: {办件: {form: records, columns: {entity: 区县, period: 日期}}}
measures:
  全部: {kind: count, unit: 件}
  部分: {kind: count, unit: 件, where: "状态 <> '作废'"}
indicators: {x: {kind: ratio, numerator: 部分, denominator: 全部, unit: '%', target: {at_least: 90}}}
pillars: {p: {parts: {x: 1}}}
"""


def test_findings_that_count_rows_of_single_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pl.DataFrame({"区县": ["东区", "西区"]}).write_csv("roster.csv")
    Path("t.yaml").write_text(SYSTEM, "utf-8")
    Path("n.toml").write_text('store = "store"\n[[source]]\nsystem = "t.yaml"\ndata = "d*.csv"\n', "utf-8")

    def month(number: int, blank: int) -> None:
        rows = {"区县": ["东区", "西区"] * 5, "日期": [f"2024-0{number}-03"] * 10}
        pl.DataFrame({**rows, "状态": [None] * blank + ["办结"] * (10 - blank)}).write_csv(f"d{number}.csv")

    for number in (1, 2, 3):
        month(number, blank=1)
        done = CliRunner().invoke(main, ["batch", "n.toml"])
        assert done.exit_code == 0, done.stderr
        assert "1 row with a blank `状态`" in done.stderr
        verified = CliRunner().invoke(main, ["batch", "n.toml", "--verify"])
        assert verified.exit_code == 0, verified.stderr
