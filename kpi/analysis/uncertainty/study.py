"""Runs of a system under other choices: the totals, ranks and stars of every unit in one period, run by run.

Runs are grouped by the methods that they choose, so that each matrix of scores is computed once; what differs in
weights alone is a product. Trees whose results depend on nothing but the scores of a unit are computed in numpy
(`score_tree`), all others in Polars, with the runs as cohorts of one frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from kpi.analysis.uncertainty.score_tree import Patterns, Scores, Tree, countable, leaf, places
from kpi.analysis.variants import Noisy, factor
from kpi.engine.plan import scoring, tree, treating
from kpi.engine.scorecard import Scorecard
from kpi.engine.stage import Stage
from kpi.language.stars.base import Rated
from kpi.language.system import System
from kpi.process.progress import advance
from kpi.values.rounding import score_key

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: The maximum number of cells of a stacked frame.
CELLS = 20_000_000

#: The maximum number of cells of a block of totals.
BLOCK = 1_000_000


@dataclass(frozen=True)
class Outcome:
    """What runs give: a row a run, a column a unit that is ranked in the results as scored.

    `ranks` are NaN where there are none; `stars` are in halves, so that they are whole numbers, -1 where there are none;
    `scores` are totals before rounding, in points, NaN where there are none.
    """

    ranks: NDArray[np.float32]
    stars: NDArray[np.int8]
    scores: Floats

    @classmethod
    def empty(cls, runs: int, units: int) -> Outcome:
        """Return an outcome to be filled."""
        import numpy as np

        return cls(
            np.full((runs, units), np.nan, np.float32), np.full((runs, units), -1, np.int8),
            np.full((runs, units), np.nan),
        )  # fmt: skip

    def write(self, rows: NDArray[np.intp], part: Outcome) -> None:
        """Take over the rows of some runs."""
        self.ranks[rows], self.stars[rows], self.scores[rows] = part.ranks, part.stars, part.scores


@dataclass(frozen=True)
class Variant:
    """A way to score that runs share.

    Attributes:
        system: the system with its methods.
        key: what distinguishes its scores of indicators from those of other variants; () for those as declared.
    """

    system: System
    key: tuple[str, ...] = ()


class Study:
    """A scorecard and one of its periods, from which variants of the system are computed."""

    def __init__(self, card: Scorecard, index: int) -> None:
        self.card, self.index, self.system = card, index, card.definition
        self.nominal = self._places(card.frame.lazy())
        #: Whether levels depend on earlier ones, so that all periods have to be run.
        stars = self.system.stars
        self.remembers = any(getattr(stars, key, None) for key in ("moves", "guardrail", "one_rung"))
        self._bases: dict[tuple[str, ...], pl.DataFrame] = {}
        self._leaves: tuple[tuple[str, ...], dict[str, Scores]] | None = None
        self._gaps: dict[tuple[str, ...], Patterns | None] = {}

    @cached_property
    def ranked(self) -> pl.Series:
        """Whether each unit of the period is ranked as scored."""
        return self.nominal["rank"].is_not_null()

    @cached_property
    def entities(self) -> pl.Series:
        """The units that are ranked as scored, numbers of the roster in their order."""
        return self.nominal.filter(self.ranked)["entity"]

    @cached_property
    def cohorts(self) -> NDArray[np.intp]:
        """The cohort of each unit of the period, a number."""
        import numpy as np

        cohorts = self.nominal["cohort"]
        return cohorts.rank("dense").fill_null(0).to_numpy().astype(np.intp)

    def _places(self, frame: pl.LazyFrame) -> pl.DataFrame:
        """Return the ranks and stars of the period: entity, cohort, rank (Float64), stars, raw."""
        rows = frame.filter(pl.col("period") == self.index)
        table = rows.select("entity", "cohort", pl.col("rank").cast(pl.Float64), "stars", "raw")
        return table.collect(engine="in-memory").sort("entity")

    # ---- SCORES OF INDICATORS ---- #

    def scored(self, variant: Variant) -> pl.DataFrame:
        """Return the rows with the indicators scored by a variant: of the period, or all up to it."""
        if variant.key not in self._bases:
            frame = self.card.frame.lazy()
            if variant.key:
                frame = through([*treating(variant.system), *scoring(variant.system)], frame)
            rows = pl.col("period") <= self.index if self.remembers else pl.col("period") == self.index
            # Of the matrices other than the declared one only the last is kept.
            self._bases = {key: base for key, base in self._bases.items() if not key}
            self._bases[variant.key] = frame.filter(rows).collect(engine="in-memory").sort("period", "entity")
        return self._bases[variant.key]

    # ---- RUNS ---- #

    def plain(self, system: System) -> bool:
        """Return whether the totals, ranks and stars of a system follow from the scores of its indicators alone."""
        return (
            countable(system) and not system.adjustments and not system.ranking.tie_break
            and (system.stars is None or system.stars.by_score)
        )  # fmt: skip

    def run(
        self, variant: Variant, outcome: Outcome, rows: NDArray[np.intp], factors: Mapping[str, Floats],
        shifts: Floats | None = None,
    ) -> None:  # fmt: skip
        """Write the outcome of the runs of one variant.

        Args:
            variant: the methods of the runs.
            outcome: where the results go.
            rows: the rows of the runs there.
            factors: of the weights, by node: a row a run, a column a part; a node that is left out has its own weights.
            shifts: what is added to the cut points of the stars in each run; None for nothing.
        """
        parts = self._computed if self.plain(variant.system) else self._stacked
        for first, last, part in parts(variant, factors, len(rows), shifts):
            outcome.write(rows[first:last], part)
            advance(last - first)

    def _leaves_of(self, variant: Variant, frame: pl.DataFrame) -> dict[str, Scores]:
        """Return the scores of the indicators of the tree in a variant; those of the last variant are kept."""
        if self._leaves is None or self._leaves[0] != variant.key:
            names = [name for name in self.system.parents if name in self.system.indicators]
            self._leaves = variant.key, {name: leaf(frame, name) for name in names}
            self._gaps = {}
        return self._leaves[1]

    def alone(self, variant: Variant) -> Outcome:
        """Return the outcome of a variant with its own weights: one row."""
        import numpy as np

        outcome = Outcome.empty(1, len(self.entities))
        self.run(variant, outcome, np.zeros(1, dtype=np.intp), {})
        return outcome

    def _computed(
        self, variant: Variant, factors: Mapping[str, Floats], runs: int, shifts: Floats | None
    ) -> Iterator[tuple[int, int, Outcome]]:
        import numpy as np

        system, frame = variant.system, self.scored(variant)
        if self.remembers:
            frame = frame.filter(pl.col("period") == self.index)
        grown = Tree(system, self._leaves_of(variant, frame), self.cohorts, self._gaps)
        given = {name: np.array([float(weight) for weight in parts.values()]) for name, _, parts in system.tree}
        weights = {name: given[name] * drawn for name, drawn in factors.items() if name in given}
        size = max(1, BLOCK // len(self.cohorts))
        for first in range(0, runs, size):
            last = min(first + size, runs)
            totals = grown.totals({name: drawn[first:last] for name, drawn in weights.items()}, last - first)
            yield first, last, self.placed(system, totals, None if shifts is None else shifts[first:last])

    def placed(self, system: System, totals: Floats, shifts: Floats | None = None) -> Outcome:
        """Return the outcome of totals of a `plain` system, in percent, a column a unit of the period."""
        import numpy as np

        kept = self.ranked.to_numpy()
        cohorts = self.cohorts if kept.all() else self.cohorts[kept]
        raw = (totals if kept.all() else totals[:, kept]) * (system.composite.full / 100)
        points = pl.Series("raw", raw.reshape(-1), nan_to_null=True).to_frame()
        points = points.select("raw", score=system.ranking.rounded(pl.col("raw")))
        full = score_key(pl.col("raw"))
        compared = points.select(pl.col("score") if system.ranking.on == "rounded" else full).to_series()
        keys = compared.fill_null(float("nan")).to_numpy().reshape(raw.shape)
        ranks = places(keys, cohorts, system.ranking.ties).astype(np.float32)
        stars = np.full(raw.shape, -1, np.int8)
        scheme = system.stars
        if scheme is not None:
            shown = pl.col("score") if scheme.on == "rounded" else full
            if shifts is not None:
                points = points.with_columns(shift=pl.Series(np.repeat(shifts, raw.shape[1])))
                shown = score_key(shown - pl.col("shift"))
            levels = points.select(in_halves(scheme.settled(Rated.plain(shown)))).to_series()
            stars = levels.to_numpy().reshape(raw.shape)
        return Outcome(ranks, stars, raw)

    def _stacked(
        self, variant: Variant, factors: Mapping[str, Floats], runs: int, shifts: Floats | None
    ) -> Iterator[tuple[int, int, Outcome]]:
        import numpy as np

        noisy = Noisy(self.system)
        columns = {
            factor(node, place): drawn[:, place] for node, drawn in factors.items() for place in range(drawn.shape[1])
        }
        system = noisy.applied(variant.system) if factors else variant.system
        stages = list(tree(system))
        base = self.scored(variant)
        if not self.remembers:
            base = base.filter(pl.col("entity").is_in(self.entities.implode()))
        size = max(1, CELLS // max(1, base.height * (base.width + len(columns))))
        if not noisy.stackable:
            size = 1
        for first in range(0, runs, size):
            last = min(first + size, runs)
            batch = pl.DataFrame(
                {"#run": np.arange(first, last)} | {name: drawn[first:last] for name, drawn in columns.items()},
                schema_overrides={"#run": pl.Int64},
            )
            rows = through(stages, stacked(base, batch)).filter(pl.col("period") == self.index)
            ranked = rows.filter(pl.col("#who").is_in(self.entities.implode())).select(
                "#run", "#who", pl.col("rank").cast(pl.Float64), in_halves(pl.col("stars")), "raw"
            )
            table = ranked.collect(engine="in-memory").sort("#run", "#who")
            rank, raw = (
                table[name].cast(pl.Float64).fill_null(float("nan")).to_numpy().reshape(last - first, -1)
                for name in ("rank", "raw")
            )
            stars = table["stars"].to_numpy().reshape(last - first, -1)
            yield first, last, Outcome(rank.astype(np.float32), stars, raw)


def in_halves(stars: pl.Expr) -> pl.Expr:
    """Return stars as numbers of halves (Int8), -1 for none."""
    return (stars.cast(pl.Float64) * 2).fill_null(-1).cast(pl.Int8)


def through(stages: Iterable[Stage], frame: pl.LazyFrame) -> pl.LazyFrame:
    """Return a frame with the columns of some stages."""
    for step in stages:
        if step.columns:
            frame = step(frame)
    return frame


def stacked(base: pl.DataFrame, runs: pl.DataFrame) -> pl.LazyFrame:
    """Repeat every row for each run, with the columns of the run; each run has cohorts and entities of its own."""
    number = int(base["#entities"][0])
    place = pl.int_range(pl.len(), dtype=pl.Int64)
    every = base.lazy().with_columns(pl.col("entity").alias("#who")).join(
        runs.lazy().with_columns(place.alias("#place")), how="cross"
    )  # fmt: skip
    if runs.height > 1:
        every = every.with_columns(
            entity=(pl.col("entity").cast(pl.Int64) + pl.col("#place") * number).cast(pl.UInt32),
            cohort=pl.concat_str("cohort", pl.lit("\x1f"), "#run"),
        )
    return every.with_columns(pl.lit(number * runs.height, dtype=pl.Int64).alias("#entities")).sort("period", "entity")
