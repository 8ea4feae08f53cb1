"""Write synthetic reports for any system from its definition, the same bytes for the same seed.

No figure was observed anywhere, except in sample_data/taizhou-2020, which holds what the city published and is not
made here. Every entity has a reach between 0.5 and 1.1 of its targets that grows from period to period; every figure
follows from the target of its indicator, so that parts stay within wholes, stocks never fall and flags switch once.
EVENTS puts in what the systems are there to show: incidents, gaps, figures that do not apply.

    python sample_data/generate.py binzhou-2023
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import floor
from pathlib import Path
from random import Random

import kpi
from kpi.language.indicators import Coverage, Growth, Indicator, Level, Milestone, Ratio
from kpi.language.system import System
from kpi.language.targets import PerEntity, Target
from kpi.values import units

HERE = Path(__file__).parent
HEADER = ["期别", "地区", "指标", "数值", "计量单位", "说明"]

#: The periods of each system that has generated reports.
PERIODS: dict[str, tuple[str, ...]] = {
    "tongxiang-2022": ("2021", "2022", "2023"),
    "dongtai-2021": ("2021", "2022", "2023"),
    "binzhou-2023": ("2023Q1", "2023Q2", "2023Q3", "2023Q4"),
}

#: What is reported instead of the made figure, with a note: by system, then entity, measure and period.
EVENTS: dict[str, dict[tuple[str, str, str], tuple[str, str]]] = {
    "tongxiang-2022": {("大麻镇", "npc_rectification_done", "2022"): ("—", "未按时报送")},
    "dongtai-2021": {("东台沿海经济区", "key_village_5g_part", "2023"): ("不适用", "辖内无行政村")},
    "binzhou-2023": {("北海经济开发区", "old_communities_started_count", "2023Q3"): ("—", "当季未报送")},
}


@dataclass
class Maker:
    """Make the figures of one entity; `made` keeps one figure a period for each measure that is done."""

    system: System
    entity: str
    place: int
    peers: int
    seed: int
    made: dict[str, list[float]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many periods there are."""
        return len(PERIODS[self.system.system])

    def stream(self, name: str) -> Random:
        """Return the random numbers of one figure, whatever else is made."""
        return Random(f"{self.seed} {self.system.system} {self.entity} {name}")

    def reach(self, name: str) -> list[float]:
        """Return how much of its target a figure reaches in each period; rising, between 0.5 and 1.15."""
        own = self.stream(name).uniform(-0.12, 0.12)
        # 7 is prime to the number of entities of every roster here, so neighbours differ and no two are alike.
        level = 0.98 - 0.28 * (self.place * 7 % self.peers) / max(self.peers - 1, 1) + own
        last = max(self.count - 1, 1)
        return [max(0.5, level - 0.16 * (last - period) / last) for period in range(self.count)]

    def bound(self, target: Target, unit: units.Unit) -> float | None:
        """Return what the entity has to reach."""
        own = target.per_entity
        if isinstance(own, PerEntity):
            return (own.total or 0) / self.peers
        return target.bounds(unit)[0]

    def whole(self, name: str) -> bool:
        """Return whether a measure counts things one by one."""
        unit = self.system.measures[name].unit
        return unit not in {"%", "分", "公里", "分钟"} and "元" not in unit and unit[0] not in "万亿"

    def tidy(self, name: str, values: list[float]) -> list[float]:
        """Return figures as they are reported: whole numbers of things, otherwise four decimals."""
        if not self.whole(name):
            return [round(value, 4) for value in values]
        lift = self.stream(f"{name} rounding").random()
        return [float(floor(value + lift)) for value in values]

    def make(self) -> dict[str, list[float]]:
        """Return the figures of every reported measure: flags, growth, levels, then parts of wholes, then the rest."""
        for kinds in ((Milestone, Growth), (Level,), (Coverage, Ratio)):
            for name, indicator in self.system.indicators.items():
                if isinstance(indicator, kinds):
                    self.one(name, indicator)
        for name in self.system.measures:
            if name not in self.made:
                self.plain(name, None)
        return self.made

    def one(self, name: str, indicator: Indicator) -> None:
        """Make the figures that one indicator reads."""
        targets = self.system.targets(name)
        bound = self.bound(targets[-1], self.system.unit(name)) if targets else None
        if isinstance(indicator, Coverage | Ratio):
            part, whole = (of for _, of in indicator.inputs())
            self.parts(part, whole, 80.0 if bound is None else bound)
        elif isinstance(indicator, Growth) and indicator.of not in self.made:
            self.growing(indicator.of, bound, points=indicator.as_ == "points")
        elif isinstance(indicator, Level | Milestone) and indicator.of not in self.made:
            scale = 1.0
            if bound is not None:
                own = units.parse(self.system.measures[indicator.of].unit)
                scale = units.factor(self.system.unit(name), own)
            self.plain(indicator.of, None if bound is None else bound * scale, lower=indicator.direction == "lower")

    def plain(self, measure: str, bound: float | None, *, lower: bool = False) -> None:
        """Make a figure that stands by itself."""
        reach, stream = self.reach(measure), self.stream(f"{measure} size")
        unit = self.system.measures[measure].unit
        if unit == "是/否":
            hard = stream.uniform(0.45, 0.92)
            self.made[measure] = [float(one >= hard) for one in reach]
            return
        goal = stream.uniform(4, 20) if bound is None else bound
        if unit == "位":
            self.made[measure] = [float(max(1, round(6 - 4 * one))) for one in reach]
        elif lower:
            self.made[measure] = [round(goal / one, 2) for one in reach]
        elif getattr(self.system.measures[measure], "over_time", None) == "ytd":
            year = 12 // self.system.period.months
            sums = [goal * one * (period % year + 1) / year for period, one in enumerate(reach)]
            sums = self.tidy(measure, sums)
            self.made[measure] = [
                max(0.0, round(now - (sums[period - 1] if period % year else 0), 4)) for period, now in enumerate(sums)
            ]
        else:
            self.made[measure] = self.tidy(measure, [goal * one for one in reach])

    def growing(self, measure: str, bound: float | None, *, points: bool) -> None:
        """Make a figure that grows from its first period as its target asks, more or less."""
        reach = self.reach(measure)
        goal = (5.0 if bound is None else bound) * (-1 if bound is None else 1)
        value = 0.0 if points else self.stream(f"{measure} size").uniform(20, 60)
        values = [value]
        for one in reach[1:]:
            value = value + goal * one * 1.05 if points else value * (1 + goal * one * 1.05 / 100)
            values.append(value)
        self.made[measure] = self.tidy(measure, values) if points else [round(one, 2) for one in values]

    def parts(self, part: str, whole: str, rate: float) -> None:
        """Make a part of a whole; a rate near 100 is missed by little."""
        if whole not in self.made:
            size = self.stream(f"{whole} size").uniform(40, 160)
            size *= 100.0 if self.system.measures[whole].unit in {"小时", "人", "件", "条", "户"} else 1.0
            self.made[whole] = [float(round(size))] * self.count
        if part in self.made:
            return
        reach = [
            min(1.0, 0.4 + 0.6 * one) if rate < 99.5 or not self.fine(part) else 1.0 - 0.001 * (1 - one)
            for one in self.reach(part)
        ]
        values = [whole * min(1.0, rate / 100 * one) for whole, one in zip(self.made[whole], reach, strict=True)]
        self.made[part] = [float(round(one)) if self.whole(part) else round(one, 4) for one in values]

    def fine(self, measure: str) -> bool:
        """Return whether a part is counted so finely that its rate can be close to 100 without being 100."""
        return self.system.measures[measure].unit == "小时"


def rows(system: System, *, seed: int) -> Iterator[list[str]]:
    """Yield the rows of reports.csv, by period, entity and measure."""
    with (system.home / (system.entities.roster or "")).open(encoding="utf-8", newline="") as file:
        names = [row["entity"] for row in csv.DictReader(file)]
    made = [Maker(system, entity, place, len(names), seed).make() for place, entity in enumerate(names)]
    events = EVENTS.get(system.system, {})
    for period, label in enumerate(PERIODS[system.system]):
        for entity, figures in zip(names, made, strict=True):
            for name, measure in system.measures.items():
                value, note = f"{figures[name][period]:.10g}", ""
                value, note = events.get((entity, name, label), (value, note))
                yield [label, entity, measure.title or name, value, measure.unit, note]


def write(name: str, folder: Path, *, seed: int) -> Path:
    """Write reports.csv of a system into a folder, UTF-8 with LF, and return its path."""
    system = kpi.load(name, definitions=HERE.parent / "definitions")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "reports.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows(system, seed=seed))
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the synthetic reports of systems.")
    parser.add_argument("systems", nargs="*", default=list(PERIODS), help="ids; left out: all")
    parser.add_argument("--seed", type=int, default=2022)
    parser.add_argument("--out", type=Path, default=HERE, help="the folder that holds one folder a system")
    options = parser.parse_args()
    for one in options.systems:
        print(f"Wrote {write(one, options.out / one, seed=options.seed)}.")
