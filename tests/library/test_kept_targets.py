"""A compiled system keeps the targets of its file for a roster, and reads either again once it changed."""

from __future__ import annotations

import os
import pickle

import polars as pl

import kpi

SYSTEM = """\
system: kept
period: year
entities: {title: 县, roster: roster.csv}
measures: {产值: {unit: 亿元}}
indicators: {x: {kind: level, of: 产值, target: {at_least: {file: targets.csv, total: 30}}, score: {kind: completion}}}
pillars: {p: {parts: {x: 1}}}
"""
DATA = pl.DataFrame({"县": ["甲县", "乙县"], "年份": [2024, 2024], "产值": [5.0, 20.0]})


def write(path, text: str, at: int) -> None:
    path.write_text(text, "utf-8")
    os.utime(path, (at, at))


def scores(scorer) -> list[float]:
    return scorer.score(DATA).totals.sort("entity")["raw_score"].round(2).to_list()


def findings(scorer) -> list[str]:
    return [item.code for item in scorer.score(DATA).findings_list]


def test_changed_files_are_read_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(SYSTEM, "utf-8")
    write(tmp_path / "roster.csv", "县\n甲县\n乙县\n", 1_000_000)
    write(tmp_path / "targets.csv", "县,指标,目标值\n甲县,x,10\n乙县,x,20\n", 1_000_000)
    scorer = kpi.compile("s.yaml")
    assert scores(scorer) == scores(scorer) == [100.0, 50.0]
    assert findings(scorer) == findings(scorer) == []
    write(tmp_path / "targets.csv", "县,指标,目标值\n甲县,x,20\n乙县,x,20\n", 2_000_000)
    assert scores(scorer) == [100.0, 25.0]
    # The targets no longer make the total of the document.
    assert findings(scorer) == findings(scorer) == ["K643"]
    write(tmp_path / "roster.csv", "县\n乙县\n甲县\n", 2_000_000)
    assert scores(scorer) == [100.0, 25.0]
    assert scores(pickle.loads(pickle.dumps(scorer))) == [100.0, 25.0]  # noqa: S301 - own bytes
