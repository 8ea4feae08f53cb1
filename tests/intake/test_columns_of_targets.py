"""Class of wrong answer: targets of another column than the one that the definition names, or of none."""

from __future__ import annotations

import polars as pl
import pytest

import kpi

DEFINITION = """
system: s
period: year
entities: {title: 县}
measures: {x: {title: 完成, unit: 件}}
indicators: {a: {kind: level, of: x, target: {at_least: {column: 年度任务}}, score: {kind: completion}}}
pillars: {p: {weight: 100, parts: {a: 100}}}
"""
LONG = {"期别": ["2024"] * 2, "地区": ["甲县", "乙县"], "指标": ["完成"] * 2, "数值": [4, 4]}
WIDE = {"期别": ["2024"] * 2, "地区": ["甲县", "乙县"], "完成(件)": [4, 4]}


@pytest.mark.parametrize("figures", [LONG, WIDE])
@pytest.mark.parametrize(
    ("columns", "scores", "severities"),
    [
        ({"年度任务": [8, 5]}, [50, 80], []),
        ({"年度任务": [8, 5], "目标值": [16, 10]}, [50, 80], []),
        ({"目标值": [8, 5]}, [50, 80], ["info"]),
        ({}, [None, None], ["warning"]),
    ],
)
def test_targets_are_those_of_the_column_that_is_named(tmp_path, figures, columns, scores, severities):
    """4 of 8 is 50 %, 4 of 5 is 80 %."""
    (tmp_path / "s.yaml").write_text(DEFINITION, "utf-8")
    for name in ("data.csv", "data.parquet"):
        frame = pl.DataFrame({**figures, **columns})
        frame.write_csv(tmp_path / name) if name.endswith("csv") else frame.write_parquet(tmp_path / name)
        card = kpi.score(str(tmp_path / name), system=str(tmp_path / "s.yaml"))
        rows = dict(card.totals.select("entity", "score").rows())
        assert [rows["甲县"], rows["乙县"]] == scores
        result = [item for item in card.findings_list if item.code == "K862"]
        assert [str(item.severity) for item in result] == severities
        if severities == ["warning"]:
            assert all(column in str(result[0].hint) for column in figures)
