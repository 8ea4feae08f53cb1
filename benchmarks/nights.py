"""An inbox of one CSV file a month for nights of any size, the same every time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from benchmarks.systems import system_text
from kpi.batch.batch_run import Night, run
from kpi.batch.config import load


class Inbox:
    """A folder with a system, a roster, a file a month and a configuration."""

    def __init__(self, entities: int, months: int, indicators: int) -> None:
        self._kept = tempfile.TemporaryDirectory(prefix="kpi-bench-")
        self.folder = Path(self._kept.name)
        self.measures = [f"数据{i}" for i in range(indicators // 2 + 1)]
        self.names = [f"样本县{number:04}" for number in range(entities)]
        text = system_text(indicators).replace("entities: {title: 县}", "entities: {title: 县, roster: roster.csv}")
        (self.folder / "bench.yaml").write_text(text, "utf-8")
        roster = {"entity": self.names, "code": [f"{900000 + number}" for number in range(entities)]}
        pl.DataFrame(roster).write_csv(self.folder / "roster.csv")
        (self.folder / "inbox").mkdir()
        self.months = [f"{2014 + at // 12}-{at % 12 + 1:02}" for at in range(months)]
        for place, month in enumerate(self.months):
            self.report(month, seed=place)
        self.stores = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.cleanup()

    def report(self, month: str, *, seed: int) -> None:
        """Write the file of a month."""
        many = len(self.names) * len(self.measures)
        value = np.round(np.random.default_rng(seed).gamma(2, 40, many), 2)
        rows = {
            "期别": [month] * many, "地区": [name for name in self.names for _ in self.measures],
            "指标": self.measures * len(self.names), "数值": value,
        }  # fmt: skip
        pl.DataFrame(rows).write_csv(self.folder / "inbox" / f"{month}.csv")

    def correct(self, month: str, turn: int) -> None:
        """Changes one figure of a month: one of which a growth is taken, so that a later year is scored again, too."""
        file = self.folder / "inbox" / f"{month}.csv"
        lines = file.read_text("utf-8").splitlines()
        lines[4] = ",".join([*lines[4].split(",")[:3], f"{50 + turn}.5"])
        file.write_text("\n".join(lines) + "\n", "utf-8")

    def store(self) -> Callable[[], Night]:
        """Return a night with a new store, which does everything when it is first called and then what changed."""
        self.stores += 1
        config = self.folder / f"nightly-{self.stores}.toml"
        place = f"store-{self.stores}"
        lines = [f'store = "{place}"']
        config.write_text("\n".join([*lines, "[[source]]", 'system = "bench.yaml"', 'data = "inbox/*.csv"']) + "\n")

        def night() -> Night:
            result = run(load(config))
            assert not result.failed, result.findings
            return result

        return night

    def whole(self) -> Night:
        """Run a night into a store without a past."""
        return self.store()()
