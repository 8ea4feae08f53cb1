"""Confidence sets of ranks (位次置信集): which ranks units can have, given the sampling errors of their scores.

Unit k is ahead of unit j for sure if the difference of their scores, in standard errors, is larger than a critical
value: the quantile of the largest such difference among all pairs that are not yet decided, over draws of the errors.
The rank of a unit then is at least 1 more than the number of those ahead of it, and at most the number of units less
those behind it.

Source: Mogstad, Romano, Shaikh and Wilhelm (2024), Inference for ranks with applications to mobility across
neighbourhoods and academic achievement across countries, Review of Economic Studies 91(1); the R package csranks is by
the same authors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class RankSets(Struct, frozen=True):
    """The lowest and the highest rank that each unit can have."""

    low: NDArray[np.intp]
    high: NDArray[np.intp]

    def among_first(self, number: int) -> NDArray[np.bool_]:
        """Return which units may be among the first so many (the tau-best), all at once with the same confidence."""
        return self.low <= number


def simultaneous(scores: Floats, errors: Floats, *, coverage: float = 0.95) -> RankSets:
    """Return sets that cover the ranks of all units at once, by the stepwise procedure.

    Args:
        scores: of the units, higher is better.
        errors: draws of the errors of the scores, a row a draw; their covariance is that of the scores.
        coverage: the probability that all sets contain the rank.

    >>> import numpy as np
    >>> errors = np.random.Generator(np.random.Philox(1)).normal(size=(2000, 3))
    >>> sets = simultaneous(np.array([10.0, 9.5, 0.0]), errors)
    >>> sets.low.tolist(), sets.high.tolist(), sets.among_first(1).tolist()
    ([1, 1, 3], [2, 2, 3], [True, True, False])
    """
    import numpy as np

    scale = _scale(errors)
    number = len(scores)
    open_pairs = ~np.eye(number, dtype=bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        ahead_by = (scores[:, np.newaxis] - scores) / scale
    ahead = np.zeros_like(open_pairs)
    while open_pairs.any():
        critical = float(np.quantile(_largest(errors, scale, open_pairs), coverage))
        decided = open_pairs & (ahead_by > critical)
        if not decided.any():
            break
        ahead |= decided
        open_pairs &= ~decided
    return _sets(ahead)


def marginal(scores: Floats, errors: Floats, *, coverage: float = 0.95) -> RankSets:
    """Return sets that cover the rank of each unit by itself; arguments as of `simultaneous`."""
    import numpy as np

    scale, number = _scale(errors), len(scores)
    with np.errstate(divide="ignore", invalid="ignore"):
        ahead_by = (scores[:, np.newaxis] - scores) / scale
    low, high = np.empty(number, np.intp), np.empty(number, np.intp)
    for unit in range(number):
        # Pairs of the unit with others, in both directions.
        open_pairs = np.zeros((number, number), dtype=bool)
        open_pairs[unit, :] = open_pairs[:, unit] = True
        open_pairs[unit, unit] = False
        ahead = np.zeros_like(open_pairs)
        with np.errstate(divide="ignore", invalid="ignore"):
            own = np.nan_to_num((errors[:, unit : unit + 1] - errors) / scale[unit], nan=0.0, posinf=0.0, neginf=0.0)
        while open_pairs.any():
            up, down = open_pairs[unit], open_pairs[:, unit]
            largest = np.full(len(errors), -np.inf)
            if up.any():
                largest = np.maximum(largest, own[:, up].max(axis=1))
            if down.any():
                largest = np.maximum(largest, (-own[:, down]).max(axis=1))
            decided = open_pairs & (ahead_by > float(np.quantile(largest, coverage)))
            if not decided.any():
                break
            ahead |= decided
            open_pairs &= ~decided
        low[unit] = 1 + ahead[:, unit].sum()
        high[unit] = number - ahead[unit].sum()
    return RankSets(low, high)


def _scale(errors: Floats) -> Floats:
    """Return the standard error of the difference of each pair."""
    import numpy as np

    covariance = np.atleast_2d(np.cov(errors, rowvar=False))
    variance = np.diag(covariance)
    return np.sqrt(np.maximum(variance[:, np.newaxis] + variance - 2 * covariance, 0.0))


def _largest(errors: Floats, scale: Floats, pairs: NDArray[np.bool_]) -> Floats:
    """Return the largest difference of the pairs in each draw, in standard errors."""
    import numpy as np

    largest = np.full(len(errors), -np.inf)
    for unit in range(errors.shape[1]):
        others = pairs[unit] & (scale[unit] > 0)
        if others.any():
            differences = (errors[:, unit : unit + 1] - errors[:, others]) / scale[unit, others]
            largest = np.maximum(largest, differences.max(axis=1))
    return np.where(np.isinf(largest), 0.0, largest)


def _sets(ahead: NDArray[np.bool_]) -> RankSets:
    return RankSets(1 + ahead.sum(axis=0), len(ahead) - ahead.sum(axis=1))
