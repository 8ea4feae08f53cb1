"""The best score that each entity can have by weights of its own (benefit of the doubt), as linear programmes.

The programmes of many entities are blocks of one, solved by HiGHS. scipy is imported on use: it is the one package here
that brings a solver, and few systems need it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]
    Mask = NDArray[np.bool_]

#: The number of entities in one programme; more are solved by further ones.
_BLOCK = 50

#: The number of peers that a programme takes in at a time, and by how much they surpass the limit.
_ADDED, _SLACK = 5, 1e-9

#: The distance from 1 within which a score is 1: the error of the solver.
_ERROR = 1e-9


def best_weights(values: Matrix, least: Sequence[float], most: Sequence[float]) -> Matrix:
    """Return for each entity its own weights, adding up to 1, and the factor that makes their mean its score.

    `max Σ_r w_r y_ro` so that `Σ_r w_r y_rj ≤ 1` for every entity j that has the same parts, `w ≥ 0`, and the part of
    each in the sum is within its bounds: `least_r ≤ w_r y_ro / Σ w y_o ≤ most_r`. Weights of missing parts are 0. A row
    is NaN where a value is negative, all are missing, all of all peers are zero, or no weights are within the bounds.

    Source: Melyn and Moesen (1991); Cherchye et al. (2007), with bounds on shares as Cherchye et al. (2008).

    Args:
        values: entities by parts, NaN for missing.
        least: the least share of each part, 0 to 1.
        most: the greatest share of each part, 0 to 1.

    >>> table = np.array([[4.0, 1.0], [1.0, 4.0], [2.0, 2.0]])
    >>> best_weights(table, [0, 0], [1, 1]).round(6).tolist()[2]
    [0.5, 0.5, 0.4]
    """
    number, parts = values.shape
    answers = np.full((number, parts + 1), np.nan)
    there = ~np.isnan(values)
    low, high = np.array(least, dtype=np.float64), np.array(most, dtype=np.float64)
    for pattern in np.unique(there, axis=0):
        chosen = (there == pattern).all(axis=1)
        if not pattern.any():
            continue
        # The entities that have these parts, in an order of their own: the rows that come first must not matter.
        peers = np.unique(values[there[:, pattern].all(axis=1)][:, pattern], axis=0)
        own, places = np.unique(values[chosen][:, pattern], axis=0, return_inverse=True)
        result = np.full((len(own), parts + 1), np.nan)
        if (peers >= 0).all() and peers.any():
            result[:, np.append(pattern, True)] = _of_pattern(own, _frontier(peers), low[pattern], high[pattern])
            result[:, :-1][:, ~pattern] = np.where(np.isnan(result[:, -1:]), np.nan, 0.0)
        answers[chosen] = result[places.ravel()]
    return answers


def _frontier(peers: Matrix) -> Matrix:
    """Return the peers that no other surpasses in every part: the constraints of the others follow from theirs."""
    best, number = np.empty_like(peers), 0
    # A row that surpasses another has the greater sum, and comes first.
    for row in peers[np.argsort(-peers.sum(axis=1), kind="stable")]:
        if not (best[:number] >= row).all(axis=1).any():
            best[number] = row
            number += 1
    return np.unique(best[:number], axis=0)


def _of_pattern(own: Matrix, peers: Matrix, low: Matrix, high: Matrix) -> Matrix:
    """Return weights and factor of entities that all have the same parts."""
    result = np.full((len(own), own.shape[1] + 1), np.nan)
    waiting = []
    for place, row in enumerate(own):
        positive = row > 0
        if not positive.any():
            if not low.any():
                result[place] = [*np.full(len(row), 1 / len(row)), 0.0]
        # A part of zero has no share in the sum, whatever its weight.
        elif not low[~positive].any() and low.sum() <= 1 + _ERROR and high[positive].sum() >= 1 - _ERROR:
            waiting.append(place)
    for start in range(0, len(waiting), _BLOCK):
        block = waiting[start : start + _BLOCK]
        for place, sums in zip(block, _solved(own[block], peers, low, high), strict=True):
            weights = np.divide(sums, own[place], out=np.zeros(len(sums)), where=own[place] > 0)
            score, total = sums.sum(), weights.sum()
            # The best by its own weights is 1 exactly, not by the error of the solver.
            total *= 1.0 if abs(score - 1) > _ERROR else 1 / score
            result[place] = [*(weights / weights.sum()), total]
    return result


def _solved(own: Matrix, peers: Matrix, low: Matrix, high: Matrix) -> Matrix:
    """Return `w_r y_ro` of each entity and part at the optimum.

    The programme begins with the peers that are best in a part or in all together, and takes in those that surpass the
    limit, until none does: most entities are bounded by a few peers only.
    """
    first = {*np.argmax(peers, axis=0).tolist(), int(np.argmax(peers.sum(axis=1)))}
    bounding = [set(first) for _ in own]
    sums = np.full(own.shape, np.nan)
    open_places = list(range(len(own)))
    while open_places:
        sums[open_places] = _programme(own[open_places], [peers[sorted(bounding[at])] for at in open_places], low, high)
        weights = np.divide(sums, own, out=np.zeros(own.shape), where=own > 0)
        unfinished = []
        for place in open_places:
            # NOTE: not by matrix multiplication, whose last bits depend on the number of threads.
            reached = (peers * weights[place]).sum(axis=1)
            above = [at for at in np.argsort(-reached, kind="stable")[:_ADDED].tolist() if reached[at] > 1 + _SLACK]
            if not bounding[place].issuperset(above):
                bounding[place].update(above)
                unfinished.append(place)
        open_places = unfinished
    return sums


def _programme(own: Matrix, bounding: Sequence[Matrix], low: Matrix, high: Matrix) -> Matrix:
    """Return `w_r y_ro` of each entity and part, from one programme with a block for each entity.

    Args:
        own: entities by parts.
        bounding: for each entity the peers that bound it.
        low: the least share of each part.
        high: the greatest share of each part.
    """
    from scipy.optimize import linprog
    from scipy.sparse import block_diag, csr_array

    width = own.shape[1]
    blocks, limits = [], []
    upper = np.ones(own.shape)
    bounded = low.any() or (high < 1).any()
    for place, (row, peers) in enumerate(zip(own, bounding, strict=True)):
        positive = row > 0
        upper[place, ~positive] = 0.0
        ratios = np.divide(peers, row, out=np.zeros(peers.shape), where=positive)
        rows, right = [ratios], [np.ones(len(peers))]
        if bounded:
            rows += [np.outer(low, np.ones(width)) - np.eye(width), np.eye(width) - np.outer(high, np.ones(width))]
            right.append(np.zeros(2 * width))
        blocks.append(csr_array(np.vstack(rows)))
        limits.append(np.concatenate(right))
    answer = linprog(
        -np.ones(own.size), A_ub=block_diag(blocks, format="csr"), b_ub=np.concatenate(limits),
        bounds=np.column_stack([np.zeros(own.size), upper.ravel()]), method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )  # fmt: skip
    if answer.status != 0:
        return np.full(own.shape, np.nan)
    sums: Matrix = np.maximum(answer.x, 0.0).reshape(own.shape)
    return sums
