"""A program that uses the library as others do: read by type checkers, and run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import polars as pl

import kpi

SYSTEM: dict[str, Any] = {
    "system": "small", "period": "quarter", "entities": {}, "measures": {"filed": {"title": "办件量", "unit": "件"}},
    "indicators": {"level": {"kind": "level", "of": "filed", "score": {"kind": "minmax"}}},
    "pillars": {"p": {"weight": 1, "parts": {"level": 1}}},
}  # fmt: skip
ROWS = {"期别": ["2023Q4"] * 4, "地区": ["东湖县", "西山区", "南岭县", "北塘区"], "办件量": [200, 100, 150, 120]}


def main(folder: Path) -> str:
    """Score rows, and write what comes of them."""
    scorer: kpi.Scorer = kpi.compile(SYSTEM)
    card: kpi.Scorecard = scorer.score(pl.DataFrame(ROWS))
    totals: pl.DataFrame = card.totals
    rows: list[dict[str, Any]] = card.to_dicts("indicators")
    written: tuple[Path, ...] = kpi.write(card, folder / "card.json")
    document: bytes = kpi.content(card, "csv")
    changed = kpi.diff(card, kpi.what_if(card, {"东湖县.level": 90.0}))
    findings: list[kpi.Diagnostic] = scorer.check(kpi.NamedFile("rows.csv", pl.DataFrame(ROWS).write_csv().encode()))
    robust = kpi.stress(ROWS, system=SYSTEM, runs=20)
    tree = kpi.explain(card, "东湖县")
    later: kpi.Scorecard = asyncio.run(_later())
    try:
        kpi.load({"system": "x"})
    except kpi.KpiError as error:
        words = [f"{item.code} {item.message}" for item in error.diagnostics]
    else:
        words = list[str]()
    with kpi.using_language("zh"):
        language = [str(item) for item in findings]
    parts = (totals.height, len(rows), len(written), len(document), changed.totals.height, robust.period, tree.title)
    return f"{parts} {later.periods} {words} {language} {kpi.__version__}"


async def _later() -> kpi.Scorecard:
    return await kpi.aio.score(ROWS, system=SYSTEM)
