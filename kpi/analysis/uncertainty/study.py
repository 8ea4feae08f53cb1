"""Runs of a system under other choices: the totals, ranks and stars of every unit in one period, run by run.

Runs are grouped by the methods that they choose, so that each matrix of scores is computed once; what differs in
weights alone is a product. Trees whose results depend on nothing but the scores of a unit are computed in numpy
(`score_tree`), all others in Polars, with the runs as cohorts of one frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct

from kpi.analysis.uncertainty.errors_of_figures import Errors
from kpi.analysis.uncertainty.score_tree import Patterns, Scores, Tree, countable, leaf, numbers, places
from kpi.analysis.variants import Noisy, factor
from kpi.engine.plan import scoring, treating, tree, valued
from kpi.engine.scorecard import Scorecard
from kpi.engine.stage import Stage
from kpi.language.lookback import NOW
from kpi.language.stars.base import Rated
from kpi.language.system import System
from kpi.language.uncertainty import Uncertainty
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


class Outcome(Struct, frozen=True):
    """What runs give: a row a run, a column a unit that is ranked in the results as scored.

    `ranks` are NaN where there are none; `stars` are in halves, so that they are whole numbers, -1 where there are
    none;
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


class Variant(Struct, frozen=True):
    """A way to score that runs share.

    Attributes:
        system: the system with its methods.
        key: what distinguishes its scores of indicators from those of other variants; () for those as declared.
    """

    system: System
    key: tuple[str, ...] = ()


class Study:
    """A scorecard and one of its periods, from which variants of the system are computed."""

    def __init__(self, card: Scorecard, index: int, uncertainty: Uncertainty, errors: Errors) -> None:
        self.card, self.index, self.system = card, index, card.definition
        self.uncertainty, self.errors = uncertainty, errors
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
        _, *group = self.system.ranked_within
        cohort = pl.col(group[0]) if group else pl.lit("")
        table = rows.select("entity", cohort.alias("cohort"), pl.col("rank").cast(pl.Float64), "stars", "raw")
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
        return self.ranked_by_scores(system) and (system.stars is None or system.stars.by_score)

    def ranked_by_scores(self, system: System) -> bool:
        """Return whether the totals and ranks of a system follow from the scores of its indicators alone."""
        return countable(system) and not system.adjustments and not system.ranking.tie_break

    def run(
        self, variant: Variant, outcome: Outcome, rows: NDArray[np.intp], factors: Mapping[str, Floats], *,
        shifts: Floats | None = None, errors: Mapping[str, Floats] | None = None,
    ) -> None:  # fmt: skip
        """Write the outcome of the runs of one variant.

        Args:
            variant: the methods of the runs.
            outcome: where the results go.
            rows: the rows of the runs there.
            factors: of the weights, by node: a row a run, a column a part; a node that is left out has its own weights.
            shifts: what is added to the cut points of the stars in each run; None for nothing.
            errors: the numbers of the runs for errors of their figures, by choice; none for figures as reported.
        """
        if errors:
            parts = self._disturbed(variant, factors, len(rows), shifts, errors)
        elif self.plain(variant.system):
            parts = self._computed(variant, factors, len(rows), shifts)
        else:
            parts = self._stacked(variant, factors, len(rows))
        for first, last, part in parts:
            outcome.write(rows[first:last], part)
            advance(last - first)

    def _tree(self, variant: Variant) -> Tree:
        frame = self.scored(variant)
        if self.remembers:
            frame = frame.filter(pl.col("period") == self.index)
        return Tree(variant.system, self._leaves_of(variant, frame), self.cohorts, self._gaps)

    def raw(self, variant: Variant, factors: Mapping[str, Floats], runs: int) -> Floats:
        """Return the totals of runs of a `plain` variant, in percent, a column a unit that is ranked as scored."""
        totals = self._tree(variant).totals(self._weights(variant.system, factors), runs)
        return totals[:, self.ranked.to_numpy()]

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
        system = variant.system
        grown, weights = self._tree(variant), self._weights(variant.system, factors)
        size = max(1, BLOCK // len(self.cohorts))
        for first in range(0, runs, size):
            last = min(first + size, runs)
            totals = grown.totals({name: drawn[first:last] for name, drawn in weights.items()}, last - first)
            yield first, last, self.placed(system, totals, None if shifts is None else shifts[first:last])

    @staticmethod
    def _weights(system: System, factors: Mapping[str, Floats]) -> dict[str, Floats]:
        """Return the weights of nodes by run, from the factors of the declared ones."""
        given = {name: numbers(parts) for name, _, parts in system.tree}
        return {name: given[name] * drawn for name, drawn in factors.items() if name in given}

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
                shifted = score_key(shown - pl.col("shift"))
                # A lowest cut of 0 takes in everybody else: it is no judgement, and stays.
                least = scheme.steps[0]
                shown = (
                    pl.when((shown >= least) & (least <= 0)).then(pl.max_horizontal(shifted, least)).otherwise(shifted)
                )
            levels = points.select(in_halves(scheme.settled(Rated.plain(shown)))).to_series()
            stars = levels.to_numpy().reshape(raw.shape)
        return Outcome(ranks, stars, raw)

    def _stacked(
        self, variant: Variant, factors: Mapping[str, Floats], runs: int
    ) -> Iterator[tuple[int, int, Outcome]]:
        base = self.scored(variant)
        if not self.remembers:
            base = base.filter(pl.col("entity").is_in(self.entities.implode()))
        columns = _factor_columns(factors)
        size = max(1, CELLS // max(1, base.height * (base.width + len(columns))))
        if not Noisy(self.system).stackable:
            size = 1
        stages = self._stages(variant, factors)
        for first in range(0, runs, size):
            last = min(first + size, runs)
            frame = stacked(base, _batch(columns, first, last))
            yield first, last, self._collected(stages, frame, last - first)

    def _stages(self, variant: Variant, factors: Mapping[str, Floats]) -> list[Stage]:
        """Return the stages of the tree of a variant whose weights have factors."""
        return list(tree(Noisy(self.system).applied(variant.system, frozenset(factors)) if factors else variant.system))

    def _collected(self, stages: Iterable[Stage], frame: pl.LazyFrame, runs: int) -> Outcome:
        """Return the outcome of stacked rows."""
        import numpy as np

        rows = through(stages, frame).filter(pl.col("period") == self.index)
        ranked = rows.filter(pl.col("#who").is_in(self.entities.implode())).select(
            "#run", "#who", pl.col("rank").cast(pl.Float64), in_halves(pl.col("stars")), "raw"
        )
        table = ranked.collect(engine="in-memory").sort("#run", "#who")
        rank, raw = (
            table[name].cast(pl.Float64).fill_null(float("nan")).to_numpy().reshape(runs, -1)
            for name in ("rank", "raw")
        )
        return Outcome(rank.astype(np.float32), table["stars"].to_numpy().reshape(runs, -1), raw)

    # ---- FIGURES WITH ERRORS ---- #

    @cached_property
    def _figures(self) -> pl.DataFrame:
        """The rows that figures with errors are scored from, without what is computed from them."""
        frame = self.card.frame
        lags = [item.lookback for item in self.system.treatment.values()]
        lags += [rule.lookback for name in self.system.indicators if (rule := self.system.rule(name)) is not None]
        for indicator in self.system.indicators.values():
            lags += indicator.lookback(self.system.period).values()
        if not self.remembers and all(lag == NOW for lag in lags):
            frame = frame.filter(pl.col("period") == self.index)
        later = [*treating(self.system), *scoring(self.system), *tree(self.system)]
        return frame.drop({name for step in later for name in step.columns}, strict=False)

    @cached_property
    def _apart(self) -> bool:
        return apart(self.system)

    def _disturbed(
        self, variant: Variant, factors: Mapping[str, Floats], runs: int, shifts: Floats | None,
        errors: Mapping[str, Floats],
    ) -> Iterator[tuple[int, int, Outcome]]:  # fmt: skip
        import numpy as np

        system, base, columns = variant.system, self._figures, _factor_columns(factors)
        plain = self.plain(system)
        # As many columns again are computed from the figures.
        size = 1 if self._apart else max(1, CELLS // max(1, 2 * base.height * base.width))
        weights = self._weights(system, factors) if plain else {}
        for first in range(0, runs, size):
            last = min(first + size, runs)
            number = last - first
            frame = stacked(base, _batch({} if plain else columns, first, last)).collect(engine="in-memory")
            here = np.flatnonzero((frame["period"] == self.index).to_numpy())
            if "revision" in errors:
                frame = self.errors.corrected(frame, here, errors["revision"][first:last])
                frame = valued(system, frame.lazy()).collect(engine="in-memory")
            if "sampling" in errors:
                frame = self.errors.resampled(frame, here, errors["sampling"][first:last])
            scored = through([*treating(system), *scoring(system)], frame.lazy())
            if not plain:
                yield first, last, self._collected(self._stages(variant, factors), scored, number)
                continue
            rows = scored.filter(pl.col("period") == self.index).collect(engine="in-memory")
            names = {part for _, _, parts in system.tree for part in parts if part in system.indicators}
            grown = Tree(system, {name: leaf(rows, name, number) for name in names}, self.cohorts)
            totals = grown.totals({name: drawn[first:last] for name, drawn in weights.items()}, number)
            yield first, last, self.placed(system, totals, None if shifts is None else shifts[first:last])


def apart(system: System) -> bool:
    """Return whether runs have to be computed one by one, as something looks at all cohorts of a period."""
    rules = [system.rule(name) for name in system.indicators]
    looks = [getattr(item, "among", None) for item in [*rules, *system.treatment.values()]]
    shares = [getattr(indicator, "within", None) for indicator in system.indicators.values()]
    return "period" in looks or "all" in shares or not Noisy(system).stackable


def _factor_columns(factors: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return factors of weights as columns of a stacked frame."""
    return {factor(node, place): drawn[:, place] for node, drawn in factors.items() for place in range(drawn.shape[1])}


def _batch(columns: Mapping[str, Floats], first: int, last: int) -> pl.DataFrame:
    """Return the runs of a stacked frame with their columns."""
    import numpy as np

    return pl.DataFrame(
        {"#run": np.arange(first, last)} | {name: drawn[first:last] for name, drawn in columns.items()},
        schema_overrides={"#run": pl.Int64},
    )


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
