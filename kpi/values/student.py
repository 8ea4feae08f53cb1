"""Student's t distribution with whole degrees of freedom: the factors of intervals around means and trends."""

from __future__ import annotations

import functools
import math


def _within(t: float, freedom: int) -> float:
    """Return the probability of a value between -t and t (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4)."""
    angle = math.atan2(t, math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2 == 1
    term = series = (cosine if odd else 1.0) if freedom > 1 else 0.0
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= (k - 1) / k * cosine**2
        series += term
    return 2 / math.pi * (angle + sine * series) if odd else sine * series


@functools.lru_cache(4096)
def factor(percent: float, freedom: int) -> float:
    """Return the t between whose negative and itself lie `percent` of the values of the distribution.

    >>> [round(factor(percent, freedom), 4) for percent, freedom in ((95, 1), (95, 10), (80, 4))]
    [12.7062, 2.2281, 1.5332]
    """
    low, high = 0.0, 1.0
    while _within(high, freedom) < percent / 100:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < percent / 100 else (low, middle)
    return (low + high) / 2
