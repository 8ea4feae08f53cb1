"""Races: contenders for the same result run in turns in one session, so that what slows the machine slows them all.

A contender is a function without arguments that is timed here, or an `Apart`, which runs in a process of its own and
whose peak memory counts.
"""

from __future__ import annotations

import math
import re
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import polars as pl

from benchmarks.child import ROOT, Apart, Run, as_frame, differences
from benchmarks.size import rounds as scaled

__all__ = ["ROOT", "Apart", "Race", "hold", "verdict"]

Contender = Callable[[], object] | Apart


@dataclass
class Race:
    """The times (seconds) and the peak memory (bytes) of every contender.

    `goals` are limits of a contender, such as `≤ 1.10` or `≥ 1.5` times the reference, `≤ 3 s`, `≤ 1.2 GB`, several
    with commas; or words. `sizes` and `axis` say how much of what every contender works on: then the exponent of the
    cost is fitted and drawn.
    """

    title: str
    reference: str
    goals: Mapping[str, str] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    note: str = ""
    memory: dict[str, int] = field(default_factory=dict)
    sizes: Mapping[str, float] = field(default_factory=dict)
    axis: str = ""

    def run(self, contenders: Mapping[str, Contender], keys: Sequence[str] | None = None) -> None:
        """Run one round: every contender once, in turn; with `keys` the first round's answers must be the same."""
        answers: dict[str, pl.DataFrame] = {}
        for name, contender in contenders.items():
            compared = keys is not None and name not in self.seconds
            if isinstance(contender, Apart):
                item = contender.run(answer=compared and contender.compared)
            else:
                item = _here(contender, compared)
            self.seconds.setdefault(name, []).append(item.seconds)
            if item.peak is not None:
                self.memory[name] = max(item.peak, self.memory.get(name, 0))
            if item.answer is not None:
                answers[name] = item.answer
        for name, answer in answers.items():
            if name != self.reference and (result := differences(answer, answers[self.reference], tuple(keys or ()))):
                raise AssertionError(f"{name} differs from {self.reference}: {'; '.join(result[:8])}")

    def ratio(self, name: str) -> float:
        """Return the median over the rounds of a contender's time by the reference's."""
        pairs = zip(self.seconds[name], self.seconds[self.reference], strict=True)
        return statistics.median(mine / other for mine, other in pairs)

    def exponent(self) -> float | None:
        """Return the slope of a line through the logarithms of size and ratio to the reference; None without sizes."""
        if len(self.sizes) < 2:
            return None
        points = [(math.log(of), math.log(self.ratio(name))) for name, of in self.sizes.items()]
        return statistics.linear_regression(*zip(*points, strict=True)).slope


def _here(contender: Callable[[], object], compared: bool) -> Run:
    began = time.perf_counter()
    answer = contender()
    return Run(time.perf_counter() - began, None, as_frame(answer) if compared else None)


UNITS = {"": 1, "s": 1, "ms": 1e-3, "GB": 1e9, "MB": 1e6}


def verdict(goal: str, *, ratio: float, seconds: float, peak: int | None) -> str:
    """Return a goal with what became of it: `≤ 1.10: met`; words that are no limit come back as they are.

    >>> verdict("≤ 1.10, ≤ 1.2 GB", ratio=1.3, seconds=2, peak=10**9)
    '≤ 1.10: missed, ≤ 1.2 GB: met'
    >>> verdict("as fast as it can be", ratio=1.3, seconds=2, peak=None)
    'as fast as it can be'
    """
    reports = []
    for part in filter(None, goal.split(", ")):
        result = re.fullmatch(r"([≤≥]) ([\d.]+) ?(|s|ms|GB|MB)", part)
        if result is None:
            reports.append(part)
            continue
        sign, number, unit = result.groups()
        value = ratio if not unit else seconds if unit in ("s", "ms") else peak
        limit = float(number) * UNITS[unit]
        if value is None:
            reports.append(f"{part}: not measured")
        else:
            reports.append(f"{part}: {'met' if (value <= limit if sign == '≤' else value >= limit) else 'missed'}")
    return ", ".join(reports)


def hold(
    benchmark: object,
    race: Race,
    contenders: Mapping[str, Contender],
    *,
    rounds: int,
    keys: Sequence[str] | None = None,
) -> None:
    """Run a race under pytest-benchmark, which times whole rounds; each contender's times go into its extra info.

    With `keys`, the columns that name a row, the answers of the first round are compared with the reference's.
    """
    benchmark.pedantic(race.run, args=(contenders, keys), rounds=scaled(rounds), warmup_rounds=0)  # type: ignore[attr-defined]
    ratios = {name: race.ratio(name) for name in contenders}
    benchmark.extra_info["race"] = asdict(race) | {"ratios": ratios, "exponent": race.exponent()}  # type: ignore[attr-defined]
