"""Q: a compiled system scores small data again and again, as a reporting service does."""

from __future__ import annotations

import polars as pl

import kpi
from benchmarks.child import ROOT
from benchmarks.race import Race, hold

SYSTEM = {
    "system": "small", "period": "quarter", "entities": {},
    "measures": {"all": {"title": "办件量", "unit": "件"}, "online": {"title": "网上办件量", "unit": "件"}},
    "indicators": {
        "rate": {"kind": "ratio", "numerator": "online", "denominator": "all", "unit": "%", "score": {"kind": "minmax"}}
    },
    "pillars": {"services": {"weight": 1, "parts": {"rate": 1}}},
}  # fmt: skip


def frame() -> pl.DataFrame:
    """Return 36 rows: four quarters of nine entities."""
    return pl.DataFrame(
        {
            "期别": [f"2023Q{1 + at % 4}" for at in range(36)], "地区": [f"县{at // 4}" for at in range(36)],
            "办件量": [200 + at for at in range(36)], "网上办件量": [100 + at for at in range(36)],
        }
    )  # fmt: skip


def test_a_scorer_on_few_rows(benchmark):
    scorer, rows = kpi.compile(SYSTEM), frame()
    race = Race("Q: a frame of 36 rows", "a compiled system", {"a compiled system": "≤ 4 ms"})
    contenders = {"a compiled system": lambda: scorer.score(rows), "a mapping": lambda: kpi.score(rows, system=SYSTEM)}
    hold(benchmark, race, contenders, rounds=61)


def test_a_scorer_on_two_files(benchmark):
    scorer = kpi.compile("jiaxing-2022")
    files = [ROOT / "sample_data/jiaxing-2022/reports.csv", ROOT / "sample_data/jiaxing-2022/cases.csv"]
    race = Race("Q: two files of 27,000 rows and 77 indicators", "a compiled system", {"a compiled system": "≤ 120 ms"})
    hold(benchmark, race, {"a compiled system": lambda: scorer.score(files)}, rounds=15)
