"""Races: contenders for the same result run in turns in one session, so that what slows the machine slows them all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass
class Race:
    """The times (seconds) of every contender; ratios are to `reference`, round by round; `goals` are in words."""

    title: str
    reference: str
    goals: Mapping[str, str] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    note: str = ""

    def run(self, contenders: Mapping[str, Callable[[], object]]) -> None:
        """Runs one round: every contender once, in turn."""
        for name, contender in contenders.items():
            began = time.perf_counter()
            contender()
            self.seconds.setdefault(name, []).append(time.perf_counter() - began)

    def ratio(self, name: str) -> float:
        """Returns the median over the rounds of a contender's time by the reference's."""
        pairs = zip(self.seconds[name], self.seconds[self.reference], strict=True)
        return statistics.median(mine / other for mine, other in pairs)


def hold(benchmark: object, race: Race, contenders: Mapping[str, Callable[[], object]], *, rounds: int) -> None:
    """Runs a race under pytest-benchmark, which times whole rounds; each contender's times go into its extra info."""
    benchmark.pedantic(race.run, args=(contenders,), rounds=rounds, warmup_rounds=0)  # type: ignore[attr-defined]
    benchmark.extra_info["race"] = asdict(race) | {"ratios": {name: race.ratio(name) for name in contenders}}  # type: ignore[attr-defined]
