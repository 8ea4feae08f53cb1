"""docs/systems is what the definitions say today."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES: dict[str, str] = runpy.run_path(str(ROOT / "docs" / "systems.py"))["pages"]()


def test_there_is_a_page_for_every_system_and_no_other():
    assert {path.name for path in (ROOT / "docs" / "systems").iterdir()} == set(PAGES)
    systems = {path.stem for path in (ROOT / "definitions").glob("*.yaml")}
    assert set(PAGES) == {f"{name}{suffix}" for name in {*systems, "README"} for suffix in (".md", ".zh.md")}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_up_to_date(name: str):
    assert (ROOT / "docs" / "systems" / name).read_text("utf-8") == PAGES[name], "run make docs"


def test_a_page_tells_formulas_targets_clauses_and_what_is_ours():
    page = PAGES["binzhou-2023.zh.md"]
    assert "| 已汇聚核心业务数据项数 ÷ 应汇聚核心业务数据项数 |" in page
    assert "≥ 1,350 个（合计，平均分解）" in page
    assert "四(一)28" in page
    assert "- 计分办法：本评价所定" in page
    assert "- 指标「新开通5G基站」：分解办法、序时进度为本评价所定" in page
    published = PAGES["per-mu-2022.zh.md"]
    assert "- 计分办法：本评价所定" not in published
    assert "按规模：规上 24.097 万元/亩，规下 11.5932 万元/亩" in published


def test_the_english_page_is_the_method_in_english():
    page = PAGES["service-reviews.md"]
    assert "| 1 | 好评率 | 好评数 ÷ 评价数 | Higher is better |" in page
    assert "stated by no document" in page
    assert "[`definitions/service-reviews.yaml`](../../definitions/service-reviews.yaml)" in page
