"""Names with the marks of footnotes are the names without them where these are known, and else keep the mark."""

from __future__ import annotations

import polars as pl
import pytest

import kpi

SYSTEM = """
system: marks
title: 示例
period: year
entities: {title: 县%s}
measures: {output: {title: 产值, unit: 万元}}
indicators: {i: {kind: level, title: 产值, of: output, better: higher}}
"""
MARKS = ("①", "*", "＊", "（注1）", "(注)", "¹", "[1]", " ②", "†", "注2)")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "open.yaml").write_text(SYSTEM % "", "utf-8")
    (tmp_path / "closed.yaml").write_text(SYSTEM % ", roster: roster.csv", "utf-8")
    (tmp_path / "roster.csv").write_text("entity\n海宁市\n桐乡市\n", "utf-8")
    return tmp_path


def rows(mark: str) -> dict[str, list]:
    names = ["海宁市", f"海宁市{mark}", "桐乡市", "桐乡市", f"合计{mark}"]
    return {"地区": names, "年份": [2022, 2023, 2022, 2023, 2023], "产值": [1, 2, 3, 4, 6]}


def findings(card, code):
    return card.findings.filter(code=code)["message"].to_list()


@pytest.mark.parametrize("system", ["open.yaml", "closed.yaml"])
@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_is_no_part_of_a_name_that_is_known_without(folder, system, mark):
    card = kpi.score(pl.DataFrame(rows(mark)), system=system)
    figures = card.measures.sort("entity", "period").select("entity", "period", "value").rows()
    assert figures == [
        ("桐乡市", "2022", 3.0), ("桐乡市", "2023", 4.0), ("海宁市", "2022", 1.0), ("海宁市", "2023", 2.0),
    ]  # fmt: skip
    (note,) = findings(card, "K581")
    assert "(海宁市)" in note
    assert findings(card, "K612") == [] or "合计" in findings(card, "K612")[0]


def test_marks_that_tell_units_apart_are_kept_and_reported_once(folder):
    data = {"地区": ["一区①", "一区②", "二区"], "年份": [2023] * 3, "产值": [1, 2, 3]}
    card = kpi.score(data, system="open.yaml")
    assert card.totals["entity"].sort().to_list() == ["一区①", "一区②", "二区"]
    (note,) = findings(card, "K581")
    assert "一区①" in note
    assert findings(card, "K647") == []


def test_a_marked_and_a_plain_row_of_one_period_stay_apart(folder):
    data = {"地区": ["二区", "二区①"], "年份": [2023] * 2, "产值": [1, 2]}
    card = kpi.score(data, system="open.yaml")
    assert card.totals["entity"].sort().to_list() == ["二区", "二区①"]
    assert len(findings(card, "K647")) == 1
    assert findings(card, "K581") == []


def test_a_roster_that_has_a_marked_name_means_it(folder):
    (folder / "roster.csv").write_text("entity\n海宁市①\n海宁市\n桐乡市\n", "utf-8")
    card = kpi.score(pl.DataFrame(rows("①")), system="closed.yaml")
    assert card.measures.filter(entity="海宁市①", period="2023")["value"].to_list() == [2.0]
    assert findings(card, "K581") == []


def test_an_unknown_name_with_a_mark_is_unknown(folder):
    data = pl.DataFrame(rows("①")).with_columns(pl.col("地区").replace("桐乡市", "平湖市①"))
    card = kpi.score(data, system="closed.yaml")
    assert set(findings(card, "K602")) == {"`平湖市①` is not in the roster"}
