"""Scores by the distance from a unit are the same from slices as from one reading, also when only the unit changes."""

from __future__ import annotations

from test_nights import held, night

SYSTEM = """
system: small
period: year
entities: {title: 地区, keep: [全市]}
measures: {m: {unit: 件, over_time: last}}
indicators: {i: {kind: level, of: m, score: {kind: reference, unit: 全市, by: ratio}}}
pillars: {p: {parts: [i]}}
"""
CONFIG = 'store = "store"\n[[source]]\nsystem = "small.yaml"\ndata = "inbox/*.csv"\n'


def test_a_reference_that_changes_changes_the_scores_of_its_period(tmp_path):
    (tmp_path / "inbox").mkdir()
    (tmp_path / "small.yaml").write_text(SYSTEM, "utf-8")
    (tmp_path / "n.toml").write_text(CONFIG, "utf-8")

    def put(year, reference):
        lines = ["期别,地区,指标,数值", f"{year},甲县,m,2", f"{year},乙县,m,8", f"{year},全市,m,{reference}"]
        (tmp_path / "inbox" / f"{year}.csv").write_text("\n".join(lines) + "\n", "utf-8")

    put(2021, 4)
    put(2022, 5)
    assert night(tmp_path / "n.toml").failed == []
    put(2022, 10)
    put(2023, 4)
    assert night(tmp_path / "n.toml").failed == []
    rows = held(tmp_path / "n.toml")["indicators"].sort("period", "entity").select("period", "entity", "score").rows()
    assert {(period, who): score for period, who, score in rows if who != "全市"} == {
        ("2021", "甲县"): 50, ("2021", "乙县"): 200, ("2022", "甲县"): 20, ("2022", "乙县"): 80,
        ("2023", "甲县"): 50, ("2023", "乙县"): 200,
    }  # fmt: skip
