"""Headings that are nearly those of a measure or a condition."""

from __future__ import annotations

import polars as pl
import pytest

import kpi
from kpi.intake.files import chunks, pieces

SYSTEM = {
    "system": "s", "period": "year", "entities": {},
    "datasets": {"p": {"form": "panel"}, "r": {"form": "reported"}},
    "measures": {"n": {"title": "数量", "unit": "件"}, "m": {"title": "产值", "unit": "亿元"}},
    "indicators": {"i": {"kind": "level", "of": "n"}, "j": {"kind": "level", "of": "m"}},
}  # fmt: skip


@pytest.mark.parametrize("heading", ["数量（累计）", "数量（万）", "数量 件", "数 量(累计)"])
def test_a_lone_heading_near_a_measure_is_named(heading):
    frame = pl.DataFrame({"期别": ["2024"], "地区": ["甲县"], heading: ["3"]})
    system = SYSTEM | {"datasets": {"p": {"form": "panel"}}}
    try:
        findings = kpi.score(frame, system=system).findings_list
    except kpi.KpiError as error:
        findings = error.diagnostics
        assert [item.code for item in findings] == ["K541"]
        assert "数量" in findings[0].hint
        assert "synonyms" in findings[0].hint
    assert findings


@pytest.fixture(params=["small", "large"])
def size(request, monkeypatch):
    if request.param == "large":
        monkeypatch.setattr(chunks, "LARGE", 100)
        monkeypatch.setattr(chunks, "LOOK", 400)
        monkeypatch.setattr(chunks, "SEARCHED", 4)
        monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 150))


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize("form", ["csv", "frame", "xlsx"])
@pytest.mark.parametrize("heading", ["规模", "规模（万元）"])
@pytest.mark.parametrize("wide", [True, False])
def test_a_condition_finds_its_column_with_a_unit(tmp_path, form, heading, wide):
    system = SYSTEM | {
        "measures": {"n": {"title": "数量", "unit": "件", "where": "规模 > 100"}},
        "indicators": {"i": {"kind": "level", "of": "n"}},
    }
    names = [f"{letter}县" for letter in "甲乙丙丁戊己庚辛壬癸"]
    frame = pl.DataFrame(
        {"期别": ["2024"] * 10, "地区": names, heading: ["50", "150"] * 5, "数量": [str(at) for at in range(10)]}
    )
    if not wide:
        frame = frame.rename({"数量": "数值"}).with_columns(指标=pl.lit("数量"))
    path = tmp_path / f"d.{form}"
    if form != "frame":
        {"csv": frame.write_csv, "xlsx": frame.write_excel}[form](path)
    card = kpi.score(frame if form == "frame" else path, system=system)
    values = dict(card.indicators.filter(status="ok").select("entity", "value").rows())
    assert values == {name: at for at, name in enumerate(names) if at % 2}
    assert [item.code for item in card.findings_list if str(item.severity) != "info"] == []
