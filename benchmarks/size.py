"""How large the benchmarks are: KPI_BENCH_SCALE=0.01 makes every size a hundredth and holds every race once."""

from __future__ import annotations

import os

SCALE = float(os.environ.get("KPI_BENCH_SCALE", "1"))


def size(whole: int, *, least: int = 1) -> int:
    """Return a size of the benchmarks at the scale that is asked for, never below `least`."""
    return max(least, round(whole * SCALE))


def rounds(whole: int) -> int:
    """Return how often a race is held: once where the sizes are so small that only the run itself is of interest."""
    return whole if SCALE >= 0.1 else 1
