"""Races: contenders for the same result run in turns in one session, so that what slows the machine slows them all."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Measured:
    """What a child process measured of itself, and its peak memory as the operating system counts it."""

    seconds: float
    peak: int
    answer: object = None


@dataclass
class Race:
    """The times (seconds) and peaks (bytes) of every contender; ratios are to `reference`, round by round.

    `goals` are the most that a contender's ratio may be, or with a `>` before it the least.
    """

    title: str
    reference: str
    goals: Mapping[str, str] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)
    note: str = ""

    def run(self, contenders: Mapping[str, Callable[[], object]]) -> None:
        """Runs one round: every contender once, in turn."""
        for name, contender in contenders.items():
            began = time.perf_counter()
            result = contender()
            spent = time.perf_counter() - began
            if isinstance(result, Measured):
                spent = result.seconds
                self.peaks[name] = max(result.peak, self.peaks.get(name, 0))
            self.seconds.setdefault(name, []).append(spent)

    def ratio(self, name: str) -> float:
        """Returns the median over the rounds of a contender's time by the reference's."""
        pairs = zip(self.seconds[name], self.seconds[self.reference], strict=True)
        return statistics.median(mine / other for mine, other in pairs)


def hold(benchmark: object, race: Race, contenders: Mapping[str, Callable[[], object]], *, rounds: int) -> None:
    """Runs a race under pytest-benchmark, which times whole rounds; each contender's times go into its extra info."""
    benchmark.pedantic(race.run, args=(contenders,), rounds=rounds, warmup_rounds=0)  # type: ignore[attr-defined]
    benchmark.extra_info["race"] = asdict(race) | {"ratios": {name: race.ratio(name) for name in contenders}}  # type: ignore[attr-defined]


def child(function: str, *arguments: object) -> Measured:
    """Returns what `module:function` of the benchmarks measures in a process of its own.

    The function returns the seconds of the work itself, without imports, and an answer to compare.
    """
    command = [sys.executable, "-m", "benchmarks.child", function, json.dumps(arguments)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    text = process.stdout.read()
    _, code, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(code)
    process.stdout.close()
    assert process.returncode == 0, f"{function} ended with {process.returncode}"
    seconds, answer = json.loads(text)
    return Measured(seconds, usage.ru_maxrss * 1024, answer)
