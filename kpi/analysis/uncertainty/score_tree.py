"""The tree of a system in numpy: the totals of many runs at once, with the bits that the plan gives.

The plan computes one tree a row. Runs that differ in weights alone share their scores, so that a node is a sum of outer
products of weights (one a run) and scores (one a unit). Additions and divisions are those of the plan in the same
order, and logarithms, powers and roundings are those of Polars, so declared weights give the same bits as the plan.
Blocks are small enough for the cache of a processor, and no result depends on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct, field

from kpi.language.aggregation import means
from kpi.language.aggregation.nodes import Node
from kpi.language.classes import Weighed
from kpi.language.system import ROOT, System
from kpi.values.columns import Column
from kpi.values.rounding import rounded
from kpi.values.status import LIMIT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Booleans = NDArray[np.bool_]

#: The number of cells of a block that fits into the cache of a processor.
CACHED = 48_000

#: The means by name that are computed here.
_MEANS = ("arithmetic", "geometric", "harmonic", "minimum", "mazziotta_pareto")

#: The length from which the plan halves a sum (`sums.total`).
_CHAIN = 16


class Scores(Struct, frozen=True, dict=True):
    """The scores of a part, one a unit, or one a run and unit: NaN without a score.

    `applies` is whether the part applies to the unit; `withheld` whether it was left out on purpose (not_scored).
    """

    values: Floats
    applies: Booleans
    withheld: Booleans

    @cached_property
    def there(self) -> Booleans:
        """Whether there is a score."""
        import numpy as np

        return ~np.isnan(self.values)

    @cached_property
    def complete(self) -> bool:
        """Whether every unit has a score."""
        return bool(self.there.all())

    def of_runs(self, first: int, last: int) -> Scores:
        """Return the scores of some runs; all of them where runs share their scores."""
        if self.values.ndim == 1:
            return self
        return Scores(self.values[first:last], self.applies[first:last], self.withheld[first:last])


class Patterns(Struct, frozen=True):
    """The patterns in which units have gaps: `places`, a unit for each pattern, and `of_units`, that of each unit."""

    places: NDArray[np.intp]
    of_units: NDArray[np.intp]

    @classmethod
    def of(cls, scores: Sequence[Scores]) -> Patterns:
        """Return the patterns of some parts."""
        import numpy as np

        flags = [flag for score in scores for flag in (score.there, score.applies, score.withheld)]
        bits = np.packbits(np.column_stack(flags), axis=1)
        # NOTE: numpy sorts rows a hundred times slower than numbers, so rows are distinguished by a sum of random
        # multiples.
        multiples = np.random.Generator(np.random.Philox(1)).integers(1, 2**63, bits.shape[1], dtype=np.uint64)
        keys = (bits * multiples).sum(axis=1, dtype=np.uint64)
        _, places, of_units = np.unique(keys, return_index=True, return_inverse=True)
        if not np.array_equal(bits[places][of_units], bits):
            _, places, of_units = np.unique(bits, axis=0, return_index=True, return_inverse=True)
        return cls(places, of_units.reshape(-1))


def leaf(frame: pl.DataFrame, name: str, runs: int | None = None) -> Scores:
    """Return the scores of an indicator of a frame; of stacked runs, one after the other, in two dimensions."""
    import numpy as np

    score = Column(name).score
    status = frame[score.status].cast(pl.String)
    columns = [
        frame[score].cast(pl.Float64).fill_null(float("nan")).to_numpy(),
        (status != "not_applicable").to_numpy(),
        (status == "not_scored").to_numpy(),
    ]
    values, applies, withheld = (
        np.ascontiguousarray(column if runs is None else column.reshape(runs, -1)) for column in columns
    )
    return Scores(values, applies, withheld)


def countable(system: System) -> bool:
    """Return whether a tree can be computed here.

    Its means are among those of `Branch.mean`, no weights come from data, weights and rules are the same for all units,
    and nothing follows a mean: no rule of the pillar's own, no cap.
    """
    return (
        bool(system.tops)
        and not system.varied
        and not system.unsure
        and not system.regrouped
        and all(_countable(node) for _, node, _ in system.tree)
    )


def _countable(node: Node) -> bool:
    known = node.mean in _MEANS or isinstance(node.mean, means.Power)
    return known and node.weights_method is None and node.rule is None and not node.caps


def numbers(parts: Mapping[str, Weighed]) -> Floats:
    """Return the weights of the parts of a node that are the same for all units."""
    import numpy as np

    return np.array([float(weight) for weight in parts.values() if isinstance(weight, int | float)])


class Tree(Struct, frozen=True):
    """The tree of a system over the scores of its indicators.

    Attributes:
        system: of which the nodes are computed; see `countable`.
        leaves: the scores of its indicators.
        cohorts: the cohort of each unit, a number.
        gaps: the patterns of gaps that are known of these leaves, by the parts of a node; trees may share them.
    """

    system: System
    leaves: Mapping[str, Scores]
    cohorts: NDArray[np.intp]
    gaps: dict[tuple[str, ...], Patterns | None] = field(default_factory=dict)

    def totals(self, weights: Mapping[str, Floats], runs: int) -> Floats:
        """Return the scores of the composite, a row a run, in percent; NaN without a score.

        Args:
            weights: of the parts of nodes, by node: a row a run, a column a part; a node that is left out has its own.
            runs: the number of runs.
        """
        import numpy as np

        units = len(self.cohorts)
        result = np.empty((runs, units))
        size = max(1, CACHED // max(1, units))
        for first in range(0, runs, size):
            last = min(first + size, runs)
            block = {node: drawn[first:last] for node, drawn in weights.items()}
            result[first:last] = self._scored(block, first, last)[ROOT].values
        return result

    def nodes(self, weights: Mapping[str, Floats] | None = None) -> dict[str, Scores]:
        """Return the scores of all nodes in one run, by node, each with one row."""
        return self._scored(weights or {}, 0, 1)

    def _scored(self, weights: Mapping[str, Floats], first: int, last: int) -> dict[str, Scores]:
        import numpy as np

        parts_of = {name: (node, parts) for name, node, parts in self.system.tree}
        scored: dict[str, Scores] = {}
        names = [name for depth in self.system.depths for name in depth]
        for name in [*names, ROOT]:
            node, parts = parts_of[name]
            given = weights.get(name)
            if given is None:
                given = np.broadcast_to(numbers(parts), (last - first, len(parts)))
            scores = [scored[part] if part in scored else self.leaves[part].of_runs(first, last) for part in parts]
            scored[name] = _Node(node, scores, given, self.cohorts, self._patterns(tuple(parts))).result()
        return scored

    def _patterns(self, parts: tuple[str, ...]) -> Patterns | None:
        """Return the patterns of gaps of a node of indicators that runs share; None where it has none."""
        if parts not in self.gaps:
            scores = [self.leaves[part] for part in parts if part in self.leaves]
            shared = len(scores) == len(parts) and all(score.values.ndim == 1 for score in scores)
            self.gaps[parts] = Patterns.of(scores) if shared else None
        return self.gaps[parts]


class _Node(Struct, frozen=True, dict=True):
    """One node over a block of runs."""

    node: Node
    scores: Sequence[Scores]
    weights: Floats
    cohorts: NDArray[np.intp]
    patterns: Patterns | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return self.weights.shape[0], len(self.cohorts)

    @cached_property
    def policy(self) -> str:
        return self.node.missing.policy

    @cached_property
    def counts(self) -> list[Booleans]:
        """Whether each part has a score or a gap."""
        return [score.applies & ~score.withheld for score in self.scores]

    @cached_property
    def filled(self) -> list[Floats]:
        """The scores that enter the mean, NaN where there is none."""
        import numpy as np

        penalty = self.node.missing.penalty
        if self.policy not in ("zero", "cohort_mean", "penalty"):
            return [score.values for score in self.scores]
        filled = []
        for score, counts in zip(self.scores, self.counts, strict=True):
            if score.complete:
                filled.append(np.where(counts, score.values, np.nan))
                continue
            if self.policy == "cohort_mean":
                stand_in = _by_cohort(score.values, self.cohorts)
            else:
                stand_in = np.array(-penalty.points if penalty is not None else 0.0)
            filled.append(np.where(counts, np.where(score.there, score.values, stand_in), np.nan))
        return filled

    @cached_property
    def complete(self) -> bool:
        """Whether every part has a score for every unit of every run."""
        return all(score.complete and bool(score.applies.all()) for score in self.scores)

    def weight_where(self, flags: Sequence[Booleans]) -> Floats:
        """Return the sum of the given weights of the parts that count, a row a run, a column a unit (or one)."""
        import numpy as np

        if self.complete:
            return _total([self._weight(place) for place in range(len(flags))], (self.shape[0], 1))
        if self.patterns is not None:
            flags = [flag[self.patterns.places] for flag in flags]
        units = flags[0].shape[-1]
        terms = [
            (lambda place=place, flag=flag: np.where(flag, self.weights[:, place : place + 1], 0.0))
            for place, flag in enumerate(flags)
        ]
        summed = _total(terms, (self.shape[0], units))
        return summed if self.patterns is None else np.take(summed, self.patterns.of_units, axis=1)

    def _weight(self, place: int) -> Callable[[], Floats]:
        return lambda: self.weights[:, place : place + 1]

    @cached_property
    def applicable(self) -> Floats:
        return self.weight_where([score.applies for score in self.scores])

    @cached_property
    def present(self) -> Floats:
        return self.weight_where([score.there for score in self.scores])

    @cached_property
    def carried(self) -> Floats:
        import numpy as np

        if self.policy in ("redistribute", "fail"):
            return self.present
        if self.policy == "spread":
            return np.where(self.present > 0, self.applicable, 0.0)
        if self.policy in ("zero", "penalty"):
            return self.weight_where(self.counts)
        if self.complete:
            return self.present
        # Means of peers fill gaps in other patterns than those of the scores alone.
        return _Node(self.node, self.scores, self.weights, self.cohorts).weight_where(
            [~np.isnan(filled) for filled in self.filled]
        )

    @cached_property
    def spread(self) -> Floats | None:
        """What each part that is there carries of the gaps, where they are spread evenly."""
        import numpy as np

        if self.policy != "spread":
            return None
        number = sum((score.there.astype(np.float64) for score in self.scores), start=np.zeros(1))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.present > 0, (self.applicable - self.present) / number, 0.0)

    def averaged(self, columns: Sequence[Floats]) -> Floats:
        """Return the weighted mean of transformed scores; NaN counts as nothing."""
        import numpy as np

        clean = [
            column if score.complete else np.where(np.isnan(column), 0.0, column)
            for column, score in zip(columns, self.scores, strict=True)
        ]
        if self.spread is None:
            summed = _products(clean, self.weights, self.shape)
        else:
            terms = [
                (lambda place=place, column=column: column * self._given(place)) for place, column in enumerate(clean)
            ]
            summed = _total(terms, self.shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.divide(summed, self.carried, out=summed)

    def mean(self) -> Floats:
        """Return the mean of the filled scores."""
        mean = self.node.mean
        if isinstance(mean, means.Power):
            return self._powered(mean.power)
        if mean == "mazziotta_pareto":
            return self._balanced()
        if mean == "geometric":
            logs = [_polars(column, lambda x: x.log()) for column in self._above_zero]
            return self._vanishing(_polars(self.averaged(logs), lambda x: x.exp()))
        if mean == "harmonic":
            return self._vanishing(1 / self.averaged([1 / column for column in self._above_zero]))
        return self._lowest() if mean == "minimum" else self.averaged(self.filled)

    @property
    def _above_zero(self) -> list[Floats]:
        import numpy as np

        return [np.where(column <= 0, 1.0, column) for column in self.filled]

    def _powered(self, power: float) -> Floats:
        if power < 0:
            raised = [_polars(column, lambda x: x.pow(power)) for column in self._above_zero]
            return self._vanishing(_polars(self.averaged(raised), lambda x: x.pow(1 / power)))
        raised = [_polars(column, lambda x: x.clip(0.0).pow(power)) for column in self.filled]
        return _polars(self.averaged(raised), lambda x: x.pow(1 / power))

    def _lowest(self) -> Floats:
        import numpy as np

        lowest = np.full(self.shape, np.inf)
        for column in self.filled:
            np.fmin(lowest, column, out=lowest)
        return np.where(np.isinf(lowest), np.nan, lowest)

    def _vanishing(self, mean: Floats) -> Floats:
        """Return a mean that one part at zero or below makes zero; a part without weight does not."""
        import numpy as np

        for place, column in enumerate(self.filled):
            at_zero = column <= 0
            if at_zero.any():
                mean = np.where(at_zero & (self.weights[:, place : place + 1] > 0), 0.0, mean)
        return mean

    def _balanced(self) -> Floats:
        import numpy as np

        with np.errstate(divide="ignore", invalid="ignore"):
            shares = [
                np.broadcast_to(self._given(place) / self.carried, self.shape) for place in range(len(self.scores))
            ]
            start = np.zeros(self.shape)
            middle = start
            for column, share in zip(self.filled, shares, strict=True):
                middle = middle + np.nan_to_num(column * share, nan=0.0)
            square = start
            for column, share in zip(self.filled, shares, strict=True):
                gap = column - middle
                square = square + np.nan_to_num(gap * gap * share, nan=0.0)
            return np.where(middle > 0, middle - square / middle, np.nan)

    def _given(self, place: int) -> Floats:
        weight = self.weights[:, place : place + 1]
        return weight if self.spread is None else weight + self.spread

    def result(self) -> Scores:
        """Return the scores of the node, NaN where the plan gives none, and what its parent asks of it."""
        import numpy as np

        value = np.broadcast_to(self.mean(), self.shape)
        if self.node.decimals is not None:
            decimals = self.node.decimals
            value = _polars(value, lambda x: rounded(x, decimals))
        with np.errstate(invalid="ignore", divide="ignore"):
            good = (self.carried > 0) & (np.abs(value) < LIMIT)
            least = 100.0 if self.policy == "fail" else self.node.missing.at_least
            if least:
                good = good & ~(self.present / self.applicable * 100.0 < least - 1e-9)
        good = np.broadcast_to(good, self.shape)
        value = value if bool(good.all()) else np.where(good, value, np.nan)
        applies = np.broadcast_to(self.applicable > 0, self.shape)
        withheld = np.zeros(self.shape, dtype=bool)
        if not self.complete:
            for score in self.scores:
                withheld |= score.withheld
            withheld &= ~(self.carried > 0) & applies
        return Scores(value, applies, withheld)


def _products(columns: Sequence[Floats], weights: Floats, shape: tuple[int, int]) -> Floats:
    """Return the sum of outer products of weights and scores, added in the order of the plan."""
    import numpy as np

    scratch = np.empty(shape)

    def summed(first: int, last: int) -> Floats:
        if last - first > _CHAIN:
            middle = first + (last - first) // 2
            left = summed(first, middle)
            return np.add(left, summed(middle, last), out=left)
        result = np.multiply(columns[first], weights[:, first : first + 1], out=np.empty(shape))
        for place in range(first + 1, last):
            np.multiply(columns[place], weights[:, place : place + 1], out=scratch)
            np.add(result, scratch, out=result)
        return result

    return summed(0, len(columns))


def _total(terms: Sequence[Callable[[], Floats]], shape: tuple[int, int]) -> Floats:
    """Return the sum of terms in the order of the plan."""
    import numpy as np

    if len(terms) > _CHAIN:
        middle = len(terms) // 2
        return _total(terms[:middle], shape) + _total(terms[middle:], shape)
    result = np.array(np.broadcast_to(terms[0](), shape))
    for term in terms[1:]:
        result += term()
    return result


def _polars(values: Floats, function: Callable[[pl.Expr], pl.Expr]) -> Floats:
    """Return a function of Polars of all values; NaN stays NaN."""
    import numpy as np

    if values.strides and 0 in values.strides:
        values = np.ascontiguousarray(values)
    series = pl.Series("x", values.reshape(-1), nan_to_null=True)
    changed = series.to_frame().select(function(pl.col("x"))).to_series()
    return changed.cast(pl.Float64).fill_null(float("nan")).to_numpy().reshape(values.shape)


def _by_cohort(values: Floats, cohorts: NDArray[np.intp]) -> Floats:
    """Return the mean of the scores of the cohort of each unit, as Polars adds them up."""
    import numpy as np

    rows = np.atleast_2d(values)
    run = np.repeat(np.arange(rows.shape[0]), rows.shape[1])
    frame = pl.DataFrame({"run": run, "cohort": np.tile(cohorts, rows.shape[0])}).with_columns(
        x=pl.Series(rows.reshape(-1), nan_to_null=True)
    )
    filled = frame.select(pl.col("x").mean().over("run", "cohort").fill_null(float("nan"))).to_series()
    return filled.to_numpy().reshape(values.shape)


def places(scores: Floats, cohorts: NDArray[np.intp], ties: str) -> Floats:
    """Return the places within cohorts, 1 for the highest, a row a run; NaN without a score.

    >>> import numpy as np
    >>> scores = np.array([[70.0, 90.0, 90.0, np.nan, 60.0]])
    >>> places(scores, np.zeros(5, dtype=int), "min").tolist()
    [[3.0, 1.0, 1.0, nan, 4.0]]
    """
    import numpy as np

    result = np.full(scores.shape, np.nan)
    for members in _members(cohorts):
        # NaN is sorted last.
        falling = -scores[:, members]
        order = np.argsort(falling, axis=1)
        ordered = np.take_along_axis(falling, order, axis=1)
        number = len(members)
        place = np.broadcast_to(np.arange(1.0, number + 1), ordered.shape)
        starts = np.ones(ordered.shape, dtype=bool)
        starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
        lowest = np.maximum.accumulate(np.where(starts, place, 0.0), axis=1)
        if ties == "min":
            placed = lowest
        elif ties == "dense":
            placed = np.cumsum(starts, axis=1, dtype=np.float64)
        else:
            ends = np.ones(ordered.shape, dtype=bool)
            ends[:, :-1] = starts[:, 1:]
            highest = np.minimum.accumulate(np.where(ends, place, np.inf)[:, ::-1], axis=1)[:, ::-1]
            placed = highest if ties == "max" else (lowest + highest) / 2
        placed = np.where(np.isnan(ordered), np.nan, placed)
        back = np.empty_like(falling)
        np.put_along_axis(back, order, placed, axis=1)
        result[:, members] = back
    return result


def _members(cohorts: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    import numpy as np

    for cohort in np.unique(cohorts):
        yield np.flatnonzero(cohorts == cohort)
