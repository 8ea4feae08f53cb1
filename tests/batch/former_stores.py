"""Stores in the layouts of before: what wrote them, kept as it was, and a small one as the database dumped it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import polars as pl

from kpi.batch.store.base import TABLES, Change, Run, Store, prepared

#: Stores in PostgreSQL by the version of their layout. That of version 3 has rows of a killed night.
DUMPS = {
    version: Path(__file__).parent / "data" / name
    for version, name in {1: "packed_store.sql", 2: "packed_store.sql", 3: "plain_store.sql"}.items()
}


# ---- PARQUET ---- #


class ParquetWriter:
    """The part of the Parquet store that wrote."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tables: dict[str, dict[str, dict[str, str]]] = {}
        (folder / "runs").mkdir(parents=True)
        (folder / "HEAD").write_bytes(b"0\n")

    def publish(self, run: Run, changes: list[Change]) -> None:
        for change in changes:
            parts = self.tables.setdefault(change.table, {}).setdefault(change.system, {})
            if change.periods is None:
                parts.clear()
                groups = {"": change.rows}
            else:
                groups = {period: change.rows.filter(pl.col("period") == period) for period in change.periods}
            for period, rows in groups.items():
                parts[period] = self._put(change.table, rows)
        names = [(t, n) for t, systems in self.tables.items() for parts in systems.values() for n in parts.values()]
        sizes = {name: (self.folder / table / name).stat().st_size for table, name in names}
        text = json.dumps(
            {"tables": self.tables, "sizes": sizes, "manifest": run.manifest, "state": run.state},
            ensure_ascii=False, sort_keys=True,
        )  # fmt: skip
        (self.folder / "runs" / f"{run.number:06}.json").write_bytes(text.encode())
        (self.folder / "HEAD").write_bytes(f"{run.number}\n".encode())

    def _put(self, table: str, rows: pl.DataFrame) -> str:
        out = BytesIO()
        rows.write_parquet(out, compression="snappy", statistics=False)
        data = out.getvalue()
        name = f"{hashlib.sha256(data).hexdigest()[:32]}.parquet"
        (self.folder / table).mkdir(exist_ok=True)
        (self.folder / table / name).write_bytes(data)
        return name


def as_parquet(store: Store, folder: Path) -> ParquetWriter:
    """Write all runs of a store into a Parquet store."""
    writer = ParquetWriter(folder)
    for number in store.numbers():
        changes = []
        for table in TABLES:
            rows = store.read(table, number=number)
            for system in rows["system"].unique().sort() if rows.height else ():
                some = rows.filter(system=system)
                periods = None if table == "findings" else tuple(some["period"].unique().sort())
                changes.append(Change(table, system, periods, some))
            gone = set(writer.tables.get(table, {}).get("small", {})) - set(rows["period"] if rows.height else ())
            if gone and table != "findings":
                changes.append(Change(table, "small", tuple(sorted(gone)), rows.clear()))
        writer.publish(store.run(number), changes)
    return writer


# ---- POSTGRESQL ---- #

NUMBERS = [0, -1, 2**63 - 1, -(2**63), 7, 8, None]
FLOATS = [0.0, -0.0, 0.1 + 0.2, 5e-324, 1.7976931348623157e308, -1e-9, None]
DAYS = [dt.date(1949, 10, 1), dt.date(2023, 12, 31), None, dt.date(2000, 1, 1), None, dt.date(1, 1, 1), None]
LINES = ["", "甲县", "a,b\"c\\N'd", "一\n二", "\\.", "x" * 90, None]


def _rows(period: str, shift: int = 0) -> pl.DataFrame:
    some = {"part": LINES, "many": NUMBERS, "share": FLOATS, "day": DAYS, "told": [True, False, None] * 2 + [None]}
    turned = {name: values[shift + at :] + values[: shift + at] for at, (name, values) in enumerate(some.items())}
    return prepared(pl.DataFrame({"period": [period] * 7} | turned), "s'1")


def _grid(period: str, *, changed: int = 0) -> pl.DataFrame:
    parts = pl.DataFrame({"indicator": [f"p{part}" for part in range(12)]})
    whole = pl.DataFrame({"entity": ["甲县", "乙县", "丙,县"]}).join(parts, how="cross")
    place = pl.int_range(pl.len())
    return prepared(
        whole.with_columns(
            period=pl.lit(period),
            title=pl.col("indicator") + "指标",
            unit=pl.lit("%"),
            value=pl.when(place % 5 != 0).then(place * 0.1 + changed),
            target=pl.lit(0.1) + 0.2,
            reached=pl.when(place % 3 != 0).then(place % 2 == 0),
            rank=pl.when(place % 7 != 0).then(place),
        ),
        "s'1",
    )


def dumped() -> Iterator[tuple[Run, list[Change]]]:
    """Yield what was published into the store of the dump."""
    findings = prepared(pl.DataFrame({"period": [None, "2023Q1"], "message": ["x", "“y”"]}), "s'1")
    state = {"systems": {}, "editions": {"年度": {"system": "s'1", "periods": ["2023Q1"], "revisions": []}}}
    q1, q2, q3 = "2023Q1", "2023Q2", "2023Q3"
    yield (
        Run(1, {"a": "甲"}, {"systems": {}, "editions": {}}),
        [
            Change("totals", "s'1", (q1, q2), pl.concat([_rows(q1), _rows(q2, 2)])),
            Change("indicators", "s'1", (q1, q2), pl.concat([_grid(q1), _grid(q2)])),
            Change("findings", "s'1", None, findings),
        ],
    )
    yield Run(2, {}, state), []
    yield (
        Run(3, {"b": 0.1}, state),
        [
            Change("totals", "s'1", (q1, q2), _rows(q2, 4).with_columns(added=pl.lit("new"))),
            Change("indicators", "s'1", (q1, q3), pl.concat([_grid(q1, changed=1), _grid(q3)[:-1]])),
            Change("totals", "other", (q2,), _rows(q2).with_columns(system=pl.lit("other"))),
        ],
    )
