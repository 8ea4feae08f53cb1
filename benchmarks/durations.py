"""D: conditions on the days between two dates, beside the same conditions on a number of days."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

WHO, DONE, BEGUN, DAYS = "所属县市", "办结时间", "受理时间", "用时"

#: The days that are compared with, a measure each.
LIMITS = range(1, 9)

#: What stands before the limit, and behind it.
CONDITIONS = {
    "numbers": (DAYS, ""),
    "dates": (f"{DONE} - {BEGUN}", " 天"),
    "working days": (f"{DONE} - {BEGUN}", " 工作日"),
}


def generate(path: Path, rows: int, entities: int, months: int) -> None:
    """Write a file of events in no order: two times, the days between them in whole hours, and a table of holidays."""
    number = pl.int_range(rows, dtype=pl.UInt64, eager=True).alias("n").to_frame().lazy()
    n = pl.col("n")
    hours = n.hash(3) % (20 * 24)
    done = pl.lit(1_640_966_400).cast(pl.Int64) + (n.hash(2) % (months * 30 * 86_400)).cast(pl.Int64)
    number.select(
        pl.format("样本县{}", n.hash(1) % entities).alias(WHO),
        pl.from_epoch(done, time_unit="s").alias(DONE),
        pl.from_epoch(done - hours.cast(pl.Int64) * 3600, time_unit="s").alias(BEGUN),
        (hours / 24).alias(DAYS),
    ).sink_parquet(path)
    days = [f"{year}-{day},no" for year in range(2021, 2026) for day in ("01-01", "05-01", "10-01")]
    path.with_name("days.csv").write_text("\n".join(["date,working", *days]), "utf-8")


def counted(path: str, *, how: str) -> Callable[[], pl.DataFrame]:
    """Return the engine's counts of events within so many days, a row for each entity, month and limit."""
    from kpi.language.loading.catalogue import load
    from kpi.session import score

    left, unit = CONDITIONS[how]
    measures = {f"m{limit}": {"kind": "count", "unit": "件", "where": f"{left} <= {limit}{unit}"} for limit in LIMITS}
    of = load(
        {
            "system": "durations", "period": "month", "entities": {}, "pillars": {}, "measures": measures,
            "indicators": {f"i{limit}": {"kind": "level", "of": f"m{limit}"} for limit in LIMITS},
            "datasets": {"cases": {"form": "records", "columns": {"period": DONE, "entity": WHO}}},
            "calendar": str(Path(path).with_name("days.csv")),
        }
    )  # fmt: skip
    return lambda: score(path, system=of).measures.select("period", "entity", "measure", "value")
