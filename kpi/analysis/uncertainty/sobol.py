"""Sobol' indices (全局敏感性): how much of the variance of a result each choice accounts for.

From two independent matrices of points A and B, and for each choice i the matrix A with its dimensions taken from B:

    first order  S_i  = mean(f(B) (f(AB_i) - f(A))) / V        (Saltelli et al. 2010)
    total        ST_i = mean((f(A) - f(AB_i))²) / 2V           (Jansen 1999)

with V the variance of f over A and B. `S_i` is what the choice accounts for by itself, `ST_i` with all its
interactions; a choice with a total of zero changes nothing. A choice may have several dimensions, which are taken
together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from kpi.analysis.uncertainty.points import Spread, drawn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Indices(Struct, frozen=True):
    """Indices of choices (rows) for results (columns), with bootstrap intervals; NaN without variance."""

    first: Floats
    first_low: Floats
    first_high: Floats
    total: Floats
    total_low: Floats
    total_high: Floats


class Design(Struct, frozen=True):
    """The points of a study of sensitivity: `a`, `b`, and for each choice `a` with its dimensions from `b`."""

    a: Floats
    b: Floats
    groups: Sequence[slice]

    @classmethod
    def drawn(cls, base: int, dimensions: int, groups: Sequence[slice], *, seed: int, spread: Spread) -> Design:
        """Return the design of `base` points, both matrices from one sequence of twice the dimensions."""
        points = drawn(base, 2 * dimensions, seed=seed, spread=spread)
        return cls(points[:, :dimensions], points[:, dimensions:], groups)

    def mixed(self, group: slice) -> Floats:
        """Return `a` with the dimensions of a choice from `b`."""
        mixed = self.a.copy()
        mixed[:, group] = self.b[:, group]
        return mixed

    def results(self, function: Callable[[Floats], Floats]) -> tuple[Floats, Floats, list[Floats]]:
        """Return the results of a function at all points: a row a point, a column a result."""
        return function(self.a), function(self.b), [function(self.mixed(group)) for group in self.groups]


def indices(
    a: Floats, b: Floats, mixed: Sequence[Floats], *, seed: int, resamples: int = 500, coverage: float = 0.95
) -> Indices:
    """Return the indices with percentile bootstrap intervals.

    Args:
        a: results at the points of A: a row a point, a column a result.
        b: the same of B.
        mixed: the same for each choice.
        seed: of the bootstrap.
        resamples: how many times points are drawn again.
        coverage: of the intervals.

    >>> import numpy as np
    >>> design = Design.drawn(4096, 2, [slice(0, 1), slice(1, 2)], seed=1, spread="random")
    >>> results = design.results(lambda points: points[:, :1] + 2 * points[:, 1:])
    >>> found = indices(*results, seed=1, resamples=50)
    >>> found.first[:, 0].round(1).tolist(), found.total[:, 0].round(1).tolist()
    ([0.2, 0.8], [0.2, 0.8])
    """
    import numpy as np

    tables = [np.asarray(table, dtype=np.float64).reshape(len(a), -1) for table in (a, b, *mixed)]
    number = len(tables[0])
    random = np.random.Generator(np.random.Philox(abs(2 * seed) + (seed < 0)))
    first, total = _estimated(tables, np.ones((1, number)))
    tail = (1 - coverage) / 2
    drawn_first, drawn_total = [], []
    for _ in range(resamples):
        # How many times each point is drawn: the estimates are means, and need no copies of the points.
        counts = np.bincount(random.integers(0, number, number), minlength=number)[np.newaxis].astype(np.float64)
        again = _estimated(tables, counts)
        drawn_first.append(again[0])
        drawn_total.append(again[1])
    if not resamples:
        drawn_first, drawn_total = [first], [total]
    bounds = [
        np.quantile(np.stack(table), share, axis=0)
        for table in (drawn_first, drawn_total)
        for share in (tail, 1 - tail)
    ]
    return Indices(first, bounds[0], bounds[1], total, bounds[2], bounds[3])


def _estimated(tables: Sequence[Floats], counts: Floats) -> tuple[Floats, Floats]:
    """Return first-order and total indices, a row a choice, a column a result, of points that count so many times."""
    import numpy as np

    a, b, *mixed = tables
    number = counts.sum()
    middle = (counts @ a + counts @ b) / (2 * number)
    square = (counts @ ((a - middle) ** 2) + counts @ ((b - middle) ** 2)) / (2 * number)
    # Differences in the last bits are no variance.
    variance = np.where(square > 1e-18 * (1 + middle**2), square, np.nan)
    first = [counts @ ((b - middle) * (table - a)) / number / variance for table in mixed]
    total = [counts @ ((a - table) ** 2) / (2 * number) / variance for table in mixed]
    shape = (len(mixed), a.shape[1])
    return np.array(first).reshape(shape), np.array(total).reshape(shape)
