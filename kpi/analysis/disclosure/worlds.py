"""Other values of suppressed figures that readers cannot tell from the true ones: a world each.

For every figure that is suppressed by itself there must be a world in which it is at the lower end of what it must be
able to be, and one in which it is at the upper end. The figures of a world keep all relations that readers know; the
figures that are not suppressed are the true ones. A world is the solution of

    minimise Σ |x - goal|   so that   low <= A x <= high,  least <= x <= most,  one figure is at an end

where the goal of each other figure is an end that no world has reached, or its true value with a small weight; measures
of whole numbers stay whole where they can. It is solved by HiGHS, through scipy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct

from kpi.analysis.disclosure.cells import Cell, Table
from kpi.errors import DataError, Diagnostic, Message

#: The weight of staying near the true value, beside that of reaching an end.
_NEAR = 1e-4
#: What is taken for floating-point error, as a part of a figure.
_HAIR = 1e-7


class Worlds(Struct, frozen=True):
    """The worlds of a table: the values of its suppressed figures in each, and the figures that lack one."""

    values: tuple[Mapping[Cell, float], ...]
    narrow: tuple[Cell, ...] = ()


def worlds(table: Table, hidden: Sequence[Cell]) -> Worlds:
    """Return worlds that together reach both ends of every figure that is suppressed by itself.

    Args:
        table: the figures and what readers know of them.
        hidden: all that are suppressed.
    """
    free = [cell for cell in table.ends if not any(cell in relation.factors for relation in table.relations)]
    if len(free) == len(table.ends):
        low, high = ({cell: ends[at] for cell, ends in table.ends.items()} for at in (0, 1))
        return Worlds((low, high))
    problem = _Problem(table, hidden)
    todo = {(cell, at): None for cell, ends in table.ends.items() for at in (0, 1) if ends[at] != table.values[cell]}
    results: list[dict[Cell, float]] = []
    narrow: list[Cell] = []
    while todo:
        (cell, at), *_ = todo
        goals = {other: table.ends[other][side] for other, side in reversed(todo)}
        solution = problem.solve({cell: table.ends[cell][at]}, goals)
        if solution is None:
            narrow.append(cell)
            del todo[cell, at]
            continue
        results.append(solution)
        reached = [key for key in todo if _same(solution[key[0]], table.ends[key[0]][key[1]])]
        for key in dict.fromkeys([(cell, at), *reached]):
            del todo[key]
    narrow = list(dict.fromkeys(narrow))
    # What relations give away is suppressed nevertheless, with all that is computed from it.
    for at in (0, 1) if narrow else ():
        results.append((results[-1] if results else {}) | {cell: table.ends[cell][at] for cell in narrow})
    return Worlds(tuple(results), tuple(narrow))


def _same(first: float, second: float) -> bool:
    return abs(first - second) <= _HAIR * max(1.0, abs(first), abs(second))


class _Problem:
    """The relations of the suppressed figures of a table, as a mixed-integer programme."""

    def __init__(self, table: Table, hidden: Sequence[Cell]) -> None:
        try:
            from scipy import sparse
        except ImportError as error:
            message = Message("disclosure rules with relations between figures need the package scipy")
            hint = Message("pip install {packages}", packages="scipy")
            raise DataError(Diagnostic("K510", message, hint=hint)) from error
        self.table, self.cells = table, list(hidden)
        at = {cell: place for place, cell in enumerate(self.cells)}
        rows: list[int] = []
        columns: list[int] = []
        factors: list[float] = []
        lows: list[float] = []
        highs: list[float] = []
        for relation in table.relations:
            unknown = [cell for cell in relation.factors if cell in at]
            if not unknown:
                continue
            known = sum(factor * table.values[cell] for cell, factor in relation.factors.items() if cell not in at)
            number = known + sum(relation.factors[cell] * table.values[cell] for cell in unknown)
            for cell in unknown:
                rows.append(len(lows))
                columns.append(at[cell])
                factors.append(relation.factors[cell])
            # The true figures satisfy every relation, but for the last bits.
            lows.append(-np.inf if relation.low is None else min(relation.low, number) - known)
            highs.append(np.inf if relation.high is None else max(relation.high, number) - known)
        size = len(self.cells)
        self.matrix = sparse.csr_array((factors, (rows, columns)), shape=(len(lows), size))
        self.low, self.high = np.array(lows), np.array(highs)
        self.least = np.array([table.bounds[cell][0] for cell in self.cells])
        self.most = np.array([table.bounds[cell][1] for cell in self.cells])
        self.truth = np.array([table.values[cell] for cell in self.cells])
        self.whole = np.array([float(cell in table.whole) for cell in self.cells])

    def solve(self, fixed: Mapping[Cell, float], goals: Mapping[Cell, float]) -> dict[Cell, float] | None:
        """Return figures with some fixed and the others as near to their goals as possible, None if there are none."""
        from scipy import optimize, sparse

        size = len(self.cells)
        least, most = self.least.copy(), self.most.copy()
        for place, cell in enumerate(self.cells):
            if cell in fixed:
                least[place] = most[place] = fixed[cell]
        goal = np.array([goals.get(cell, self.table.values[cell]) for cell in self.cells])
        weight = np.array([1.0 if cell in goals else _NEAR for cell in self.cells]) / (1 + np.abs(self.truth))
        unit = sparse.eye_array(size, format="csr")
        # x - d <= goal and x + d >= goal make d the distance.
        matrix = sparse.vstack([
            sparse.hstack([self.matrix, sparse.csr_array(self.matrix.shape)]),
            sparse.hstack([unit, -unit]), sparse.hstack([unit, unit]),
        ])  # fmt: skip
        unbounded = np.full(size, np.inf)
        low = np.concatenate([self.low, -unbounded, goal])
        high = np.concatenate([self.high, goal, unbounded])
        bounds = optimize.Bounds(np.concatenate([least, np.zeros(size)]), np.concatenate([most, unbounded]))
        for whole in (self.whole, np.zeros(size)):
            solution = optimize.milp(
                np.concatenate([np.zeros(size), weight]), bounds=bounds,
                constraints=optimize.LinearConstraint(matrix, low, high),
                integrality=np.concatenate([whole, np.zeros(size)]),
            )  # fmt: skip
            if solution.x is not None:
                values = np.where(whole > 0, np.round(solution.x[:size]), solution.x[:size])
                return dict(zip(self.cells, map(float, values), strict=True))
            if not whole.any():
                break
        return None
