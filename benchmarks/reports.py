"""Reported rows: a long file of any size, and every way to make of it one row per period and entity.

The file has the columns period, entity, measure, value, unit, in no order: for every cell of the panel one row, in
万元, 亿元 or 元. The answer has the columns period and entity (texts) and one per measure, in 万元.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import kpi
from benchmarks import by_hand, systems
from kpi.intake.panel import take_in
from kpi.values.status import Status

UNITS = {"万元": 1.0, "亿元": 10_000.0, "元": 0.0001}

#: Rows written at a time.
PART = 2_000_000


@dataclass(frozen=True)
class Reports:
    """A file of reported rows: one for each of so many entities, months and measures, or a column for each measure."""

    path: str
    entities: int
    months: int
    indicators: int
    wide: bool = False

    @property
    def measures(self) -> int:
        """How many measures the system of so many indicators has."""
        return self.indicators // 2 + 1

    @property
    def rows(self) -> int:
        """How many rows the file has."""
        return self.entities * self.months * self.measures

    @property
    def settings(self) -> dict[str, Any]:
        """What a contender in a process of its own is called with."""
        return asdict(self)

    def write(self) -> None:
        """Write the file, part by part."""
        size, part = (self.entities * self.months, self._wide) if self.wide else (self.rows, self._part)
        parts = [part(first, min(first + PART, size)) for first in range(0, size, PART)]
        frame = pl.concat(parts)
        if self.path.endswith(".csv"):
            frame.sink_csv(self.path)
        else:
            frame.sink_parquet(self.path)

    def _part(self, first: int, after: int) -> pl.LazyFrame:
        # A prime above any number of rows runs through all of them, in no order.
        cell = pl.int_range(first, after, dtype=pl.Int64) * 2_147_483_647 % self.rows
        month = cell // self.entities % self.months
        chance = cell * 48_271 % 2_147_483_647
        unit = pl.when(chance % 10 < 8).then(pl.lit("万元")).when(chance % 10 < 9).then(pl.lit("亿元"))
        return pl.LazyFrame().select(
            period=pl.format("{}-{}", 2015 + month // 12, (month % 12 + 1).cast(pl.String).str.zfill(2)),
            entity=pl.format("示范县{}", (cell % self.entities).cast(pl.String).str.zfill(4)),
            measure=pl.format("数据{}", cell // (self.entities * self.months)),
            value=chance % 100_000_000 / 100,
            unit=unit.otherwise(pl.lit("元")),
        )

    def _wide(self, first: int, after: int) -> pl.LazyFrame:
        row = pl.int_range(first, after, dtype=pl.Int64)
        month, size = row // self.entities, self.entities * self.months
        chances = {f"数据{at}": (row + at * size) * 48_271 % 2_147_483_647 for at in range(self.measures)}
        return pl.LazyFrame().select(
            period=pl.format("{}-{}", 2015 + month // 12, (month % 12 + 1).cast(pl.String).str.zfill(2)),
            entity=pl.format("示范县{}", (row % self.entities).cast(pl.String).str.zfill(4)),
            **{name: chance % 100_000_000 / 100 for name, chance in chances.items()},
        )


@contextlib.contextmanager
def written(entities: int, months: int, indicators: int, suffix: str, *, wide: bool = False) -> Iterator[Reports]:
    """Give a file of reported rows in a folder that goes with the block."""
    with tempfile.TemporaryDirectory(prefix="kpi-bench-") as folder:
        reports = Reports(str(Path(folder) / f"reports{suffix}"), entities, months, indicators, wide)
        reports.write()
        yield reports


def _names(reports: Reports) -> list[str]:
    return [f"m{i}" for i in range(reports.measures)]


def _scan(reports: Reports) -> pl.LazyFrame:
    scan = pl.scan_csv if reports.path.endswith(".csv") else pl.scan_parquet
    return scan(reports.path)


# ---- ROWS TO A PANEL ---- #


def untouched(**settings: Any) -> Callable[[], pl.DataFrame]:
    """Read the same columns and does nothing with them."""
    return _scan(Reports(**settings)).collect


def floor(**settings: Any) -> Callable[[], float]:
    """Read the same columns and looks at every cell of them."""
    frame = _scan(Reports(**settings))
    lengths = pl.sum_horizontal(pl.col("period", "entity", "measure", "unit").str.len_bytes()).sum()
    return lambda: float(frame.select(lengths + pl.col("value").sum()).collect().item())


def ours(*, data_hash: str | None = None, **settings: Any) -> Callable[[], pl.DataFrame]:
    """The intake of this package, with entities found and every row judged, and the hash of the file if not given."""
    reports = Reports(**settings)
    system = systems.system(reports.indicators)

    def work() -> pl.DataFrame:
        panel = take_in(system, [reports.path], data_hash=data_hash)
        assert panel.counts.used == reports.rows
        labels = pl.Series([item.label for item in panel.periods])
        return panel.frame.select(
            labels.gather(panel.frame["period"] - panel.periods[0].start).alias("period"),
            panel.entities.frame["entity"].gather(panel.frame["entity"]).alias("entity"),
            *_names(reports),
        )

    return work


def ours_unhashed(**settings: Any) -> Callable[[], pl.DataFrame]:
    """The same where the hash of the file is known, as a batch knows it: reading, cleaning and laying out."""
    return ours(data_hash="0" * 16, **settings)


def ours_gb18030(**settings: Any) -> Callable[[], pl.DataFrame]:
    """The same from a copy of the text file in GB18030."""
    return ours(**settings | {"path": _in_gb18030(settings["path"])})


def _in_gb18030(name: str) -> str:
    path = Path(name)
    copy = path.with_suffix(".gb18030.csv")
    with path.open(encoding="utf-8", newline="") as source, copy.open("w", encoding="gb18030", newline="") as to:
        shutil.copyfileobj(source, to, 1 << 20)
    return str(copy)


def ours_few(**settings: Any) -> Callable[[], pl.DataFrame]:
    """The same for a system that knows two of the measures: what is read is not what is kept."""
    reports = Reports(**settings)
    system = systems.system(2)

    def work() -> pl.DataFrame:
        panel = take_in(system, [reports.path])
        assert panel.counts.read == reports.rows
        return panel.frame.select("period", "entity", *system.measures)

    return work


def ours_few_gb18030(**settings: Any) -> Callable[[], pl.DataFrame]:
    """The same from a copy in GB18030."""
    return ours_few(**settings | {"path": _in_gb18030(settings["path"])})


def _long(reports: Reports) -> pl.LazyFrame:
    units = pl.LazyFrame({"unit": list(UNITS), "factor": list(UNITS.values())})
    return _scan(reports).join(units, on="unit").select(
        "period", "entity", pl.col("measure").str.replace("数据", "m"), value=pl.col("value") * pl.col("factor")
    )  # fmt: skip


def polars_pivot(**settings: Any) -> Callable[[], pl.DataFrame]:
    """Polars' own pivot."""
    reports = Reports(**settings)
    return lambda: _long(reports).collect().pivot("measure", index=["period", "entity"], values="value")  # noqa: PD010


def polars_lazy(**settings: Any) -> Callable[[], pl.DataFrame]:
    """The obvious lazy query: one `group_by` with a filtered figure for each measure."""
    reports = Reports(**settings)
    return lambda: _obvious(reports).collect()


def _obvious(reports: Reports) -> pl.LazyFrame:
    figures = {name: pl.col("value").filter(pl.col("measure") == name).first() for name in _names(reports)}
    return _long(reports).group_by("period", "entity").agg(**figures)


def duckdb_pivot(**settings: Any) -> Callable[[], Any]:
    """DuckDB's PIVOT."""
    import duckdb

    reports = Reports(**settings)
    factor = " ".join(f"WHEN '{unit}' THEN {number}" for unit, number in UNITS.items())
    names = ", ".join(f"'{name}'" for name in _names(reports))
    rows = (
        f"SELECT period, entity, replace(measure, '数据', 'm') AS measure, value * CASE unit {factor} END AS value "  # noqa: S608
        f"FROM '{reports.path}'"
    )
    text = f"PIVOT ({rows}) ON measure IN ({names}) USING first(value) GROUP BY period, entity"
    return lambda: duckdb.sql(text).to_arrow_table()


def pandas_pivot(**settings: Any) -> Callable[[], Any]:
    """What one writes in pandas, with texts as categories: as objects they would not fit into memory."""
    import pandas as pd
    import pyarrow.parquet as pq

    reports = Reports(**settings)
    texts = ["period", "entity", "measure", "unit"]

    def work() -> Any:
        if reports.path.endswith(".csv"):
            frame = pd.read_csv(reports.path, dtype=dict.fromkeys(texts, "category"))
        else:
            frame = pq.read_table(reports.path, read_dictionary=texts).to_pandas()
        frame["value"] *= frame["unit"].map(UNITS).astype(float)
        wide = frame.pivot(index=["period", "entity"], columns="measure", values="value").reset_index()  # noqa: PD010
        wide.columns = [str(name).replace("数据", "m") for name in wide.columns]
        return wide

    return work


# ---- ROWS TO RANKS ---- #


def ours_ranked(*, month: str | None = None, **settings: Any) -> Callable[[], pl.DataFrame]:
    """The whole of this package: a file in, totals with scores, stars and ranks out, of all months or of one."""
    reports = Reports(**settings)
    system = systems.system(reports.indicators)

    def work() -> pl.DataFrame:
        card = kpi.score(reports.path, system=system, period=month)
        return card.totals.select("period", "entity", "score", "rank")

    return work


def ours_one_month(**settings: Any) -> Callable[[], pl.DataFrame]:
    """The same for the last month, which looks thirteen months back."""
    last = Reports(**settings).months - 1
    return ours_ranked(month=f"{2015 + last // 12}-{last % 12 + 1:02}", **settings)


def polars_ranked(**settings: Any) -> Callable[[], pl.DataFrame]:
    """The obvious lazy query for the panel, and the scoring as well as we can write it by hand."""
    reports = Reports(**settings)
    names = _names(reports)

    def work() -> pl.DataFrame:
        panel = _obvious(reports).collect().sort("period", "entity")
        ok, item = pl.lit("ok", dtype=Status), pl.lit("")
        panel = panel.with_columns(item.alias("cohort"), *(ok.alias(f"{name}.status") for name in names))
        scored = by_hand.score(panel.lazy(), reports.indicators, reports.entities).collect(engine="in-memory")
        return scored.select("period", "entity", "score", "rank")

    return work


def pandas_ranked(**settings: Any) -> Callable[[], Any]:
    """The panel in pandas, and the scoring in numpy arrays: values, scores, tree and ranks, no reasons."""
    reports = Reports(**settings)
    pivoted = pandas_pivot(**settings)

    def work() -> Any:
        panel = pivoted().astype({"period": str, "entity": str})  # categories would sort as the file has them
        panel = panel.sort_values(["period", "entity"], ignore_index=True)
        scores = {f"x{i}": _score(panel, reports, i) for i in range(reports.indicators)}
        nodes = systems.tree(reports.indicators)
        for level in ("p", "t"):
            scores |= {
                name: _mean([(scores[part], weight) for part, weight in parts.items()])
                for name, (_, parts) in nodes.items() if name[0] == level
            }  # fmt: skip
        total = _mean([(scores[name], weight) for name, (weight, _) in nodes.items() if weight])
        panel["score"] = np.floor(total * 100 + 0.5) / 100
        panel["rank"] = panel.groupby("period")["score"].rank("min", ascending=False)
        return panel[["period", "entity", "score", "rank"]]

    return work


def _score(panel: Any, reports: Reports, i: int) -> Any:
    of, by = systems.of_indicator(i, reports.measures)
    value = panel[f"m{of}"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        if i % 4 == 3:
            back = 12 * reports.entities
            base = np.concatenate([np.full(min(back, len(value)), np.nan), value[:-back]])
            return np.where(base > 0, np.clip((value / base - 1) * 100 / 5 * 100, 0, 100), np.nan)
        if i % 4 == 2:
            return np.where(value > 50, 50 / value * 100, 100.0)
        whole = panel[f"m{by}"].to_numpy()
        return np.where(whole != 0, np.clip(value / whole * 100 / 95 * 100, 0, 100), np.nan)


def _mean(parts: list[tuple[Any, int]]) -> Any:
    present = sum(np.where(np.isnan(item), 0.0, weight) for item, weight in parts)
    earned = sum(np.nan_to_num(item) * weight for item, weight in parts)
    with np.errstate(invalid="ignore"):
        return np.where(present > 0, earned / present, np.nan)
