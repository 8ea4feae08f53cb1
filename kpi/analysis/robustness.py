"""Robustness (稳健性): how ranks and stars depend on choices that could have been made otherwise.

The uncertainty analysis varies many choices at once: each simulated run draws all weights, a normalisation, a mean and
a policy for missing parts; the result is an interval of ranks for every entity. The sensitivity analysis varies one
choice at a time, and leaves out each indicator and pillar.

Source: OECD/JRC Handbook on Constructing Composite Indicators (2008), 7, uncertainty analysis; COINr (Becker et al.
2022). The alternatives and the width of the weights are ours.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl

from kpi.analysis.variants import Noisy, changed, leave_out, rescored
from kpi.engine.plan import scoring, tree
from kpi.engine.scorecard import Scorecard
from kpi.engine.stage import Stage
from kpi.errors import DataError, Diagnostic, Message
from kpi.language.aggregation.means import Mean, Power
from kpi.language.aggregation.missing import Missing, Redistribute
from kpi.language.scoring import Rule
from kpi.language.scoring.places import Percentile
from kpi.language.scoring.relative import MinMax, ZScore
from kpi.language.system import System
from kpi.process.progress import stage
from kpi.values.columns import Column

#: The alternatives to the choices of a system. Scales start at 1 to keep geometric means positive; if scores are zero,
#: a power mean replaces the geometric one, which would make all of them equal.
NORMALISATIONS: dict[str, Rule] = {
    "minmax": MinMax(scale=(1.0, 100.0)), "zscore": ZScore(), "percentile": Percentile(scale=(1.0, 100.0)),
}  # fmt: skip
MEANS: dict[str, Mean] = {"arithmetic": "arithmetic", "geometric": "geometric", "power": Power(power=0.5)}
POLICIES: dict[str, Missing] = {
    "redistribute": Missing(redistribute=Redistribute()),
    "zero": Missing.model_validate({"zero": {}}),
    "cohort_mean": Missing.model_validate({"cohort_mean": {}}),
}
#: The name of the system's own choice.
DECLARED = "declared"

#: The maximum number of cells of a stacked frame.
CELLS = 20_000_000


@dataclass(frozen=True)
class Robustness:
    """The result for one period: `ranks` of the simulated runs, `alternatives` one at a time.

    `ranks`, ordered by rank: cohort, entity, rank (as scored), mean, median, low, high (5th and 95th percentile of the
    ranks), best, worst, stars, kept (percent of the runs with the declared normalisation that give the same stars,
    since cut points are made for its scale; null without stars).

    `alternatives`, ordered by effect: assumption (normalisation, mean, missing, without), alternative (for `without`
    the indicator or pillar left out), title, moved (mean of |change of rank|), most (the largest), entity (with the
    largest change), stars (number of entities with other stars; null if the scale of scores differs).
    """

    card: Scorecard
    period: str
    runs: int
    weights: float
    seed: int
    ranks: pl.DataFrame
    alternatives: pl.DataFrame


@dataclass(frozen=True)
class Choice:
    """One way to score: the names of a normalisation, a mean and a policy; each may be the declared one."""

    normalisation: str = DECLARED
    mean: str = DECLARED
    missing: str = DECLARED


def stressed(
    card: Scorecard, *, period: str | None = None, runs: int = 500, weights: float = 20, seed: int = 1
) -> Robustness:
    """Return the robustness of the ranking of a period.

    Args:
        card: the results as scored.
        period: the label of the period; None for the last that is shown.
        runs: the number of simulated runs.
        weights: the half-width in percent of the uniform distribution that each weight is drawn from.
        seed: of the random numbers; equal seeds give equal runs.

    Raises:
        DataError: when there is nothing to rank.
    """
    label = period or card.periods[-1]
    index = next(index for index, text in card.labels.items() if text == label)
    if not card.definition.tops:
        hint = Message("write `pillars:`, with the weights of the indicators")
        raise DataError(
            Diagnostic("K561", Message("a ranking needs a composite, and the system has no pillars"), hint=hint)
        )
    study = _Study(card, index)
    if study.nominal["rank"].null_count() == study.nominal.height:
        message = Message("nobody is ranked in {period}", period=label)
        raise DataError(Diagnostic("K561", message, hint=Message("kpi score says why")))
    with stage(Message("varying one assumption at a time")):
        alternatives = study.alternatives()
    with stage(Message("simulating {runs} runs", runs=runs)):
        simulated = study.simulated(runs, weights / 100, random.Random(seed))  # noqa: S311
    return Robustness(card, label, runs, weights, seed, study.ranks(simulated), alternatives)


class _Study:
    """A scorecard and the variants of its system, restricted to the rows that matter."""

    def __init__(self, card: Scorecard, index: int) -> None:
        self.card, self.index, self.system = card, index, card.definition
        stars = self.system.stars
        #: Whether levels depend on earlier ones, so that all periods have to be run.
        self.remembers = any(getattr(stars, key, None) for key in ("moves", "guardrail", "one_rung"))
        rows = pl.col("period") <= index if self.remembers else pl.col("period") == index
        self.rows = card.frame.lazy().filter(rows)
        self.nominal = self.places(card.frame.lazy())
        self.bases: dict[str, pl.DataFrame] = {}
        self.options = self._options(card.frame.filter(pl.col("period") == index))

    def _options(self, here: pl.DataFrame) -> dict[str, list[str]]:
        """Return the alternatives that make a difference here, by assumption."""
        system = self.system
        scores = [Column(name).score for name in system.parents if name in system.indicators]
        gaps = any(not here[Column(name).status].is_in(["ok", "not_applicable"]).all() for name in scores)
        zeros = any((here[name] <= 0).any() for name in scores)
        means = [mean for mean in MEANS if mean != ("geometric" if zeros else "power")]
        return {
            "normalisation": [name for name, rule in NORMALISATIONS.items() if rescored(system, rule)],
            "mean": [mean for mean in means if any(node.mean != MEANS[mean] for _, node, _ in system.tree)],
            # Without missing values all policies agree.
            "missing": list(POLICIES) if gaps else [],
        }

    def variant(self, choice: Choice) -> System:
        """Return the system with a choice applied."""
        system = self.system
        if choice.normalisation != DECLARED:
            system = changed(system, indicators=rescored(system, NORMALISATIONS[choice.normalisation]))
        update: dict[str, Any] = {}
        if choice.mean != DECLARED:
            update["mean"] = MEANS[choice.mean]
        if choice.missing != DECLARED:
            update["missing"] = POLICIES[choice.missing]
        if not update:
            return system
        pillars = {name: pillar.model_copy(update=update) for name, pillar in system.pillars.items()}
        return changed(system, pillars=pillars, composite=system.composite.model_copy(update=update))

    def places(self, frame: pl.LazyFrame) -> pl.DataFrame:
        """Return the ranks and stars of the period: entity, cohort, rank (Float64), stars."""
        rows = frame.filter(pl.col("period") == self.index)
        _, *group = self.system.ranked_within
        cohort = pl.col(group[0]) if group else pl.lit("")
        table = rows.select("entity", cohort.alias("cohort"), pl.col("rank").cast(pl.Float64), "stars")
        return table.collect(engine="in-memory").sort("entity")

    def scored(self, normalisation: str = DECLARED) -> pl.DataFrame:
        """Return the rows with indicators scored by a normalisation; entities without a rank are left out."""
        if normalisation not in self.bases:
            rows = self.rows
            if normalisation != DECLARED:
                rows = _through(scoring(self.variant(Choice(normalisation=normalisation))), rows)
            if not self.remembers:
                ranked = self.nominal.filter(pl.col("rank").is_not_null())["entity"]
                rows = rows.filter(pl.col("entity").is_in(ranked.implode()))
            self.bases[normalisation] = rows.collect(engine="in-memory")
        return self.bases[normalisation]

    # ---- ONE AT A TIME ---- #

    def alternatives(self) -> pl.DataFrame:
        """Return the effect of each alternative by itself."""
        rows = []
        for assumption, names in self.options.items():
            for name in names:
                choice = Choice(**{assumption: name})
                rows.append((assumption, name, "", *self._moved(self.variant(choice), choice.normalisation)))
        for part in [*self.system.tops, *(part for part in self.system.parents if part in self.system.counted)]:
            parent = self.system.pillars.get(self.system.parents.get(part, ""))
            # A pillar with a single part is removed with it, and is an alternative by itself.
            rest = None if parent is not None and len(parent.parts) == 1 else leave_out(self.system, part)
            if rest is not None:
                rows.append(("without", part, self._title(part), *self._moved(rest)))
        schema = {
            "assumption": pl.String, "alternative": pl.String, "title": pl.String, "moved": pl.Float64,
            "most": pl.Float64, "entity": pl.String, "stars": pl.Int64,
        }  # fmt: skip
        frame = pl.DataFrame(rows, schema=schema, orient="row")
        return frame.sort("moved", "assumption", "alternative", descending=[True, False, False], nulls_last=True)

    def _moved(
        self, system: System, normalisation: str = DECLARED
    ) -> tuple[float | None, float | None, str, int | None]:
        other = self.places(_through(tree(system), self.scored(normalisation).lazy()))
        both = self.nominal.join(other, on="entity", suffix=".other")
        change = (both["rank.other"] - both["rank"]).abs()
        if change.drop_nulls().is_empty():
            return None, None, "", None
        most = float(change.max())  # type: ignore[arg-type]
        entity = "" if most == 0 else self.card.entities["entity"][both["entity"][change.arg_max() or 0]]
        compared = normalisation == DECLARED and self.system.stars is not None
        stars = None if not compared else int(both["stars"].ne_missing(both["stars.other"]).sum())
        return float(change.mean()), most, entity, stars  # type: ignore[arg-type]

    def _title(self, part: str) -> str:
        if part in self.system.pillars:
            return self.system.pillars[part].title or part
        return self.system.symbols[part].title

    # ---- MANY AT ONCE ---- #

    def simulated(self, runs: int, width: float, draw: random.Random) -> pl.DataFrame:
        """Return the ranks of every run: run, entity, rank, stars, own (whether the normalisation is declared)."""
        factors = Noisy(self.system)
        drawn: dict[Choice, list[dict[str, float]]] = {}
        for run in range(runs):
            picked = {key: draw.choice([DECLARED, *names]) for key, names in self.options.items() if names}
            weights = {name: draw.uniform(1 - width, 1 + width) for name in factors.columns}
            drawn.setdefault(Choice(**picked), []).append({"#run": run, **weights})
        done = []
        for choice, many in drawn.items():
            stages = list(tree(factors.applied(self.variant(choice))))
            base = self.scored(choice.normalisation)
            size = max(1, CELLS // max(1, base.height * (base.width + len(factors.columns))))
            if not factors.stackable:
                size = 1
            for first in range(0, len(many), size):
                batch = pl.DataFrame(many[first : first + size], schema_overrides={"#run": pl.Int64})
                stacked = _through(stages, _stacked(base, batch))
                rows_of = stacked.filter(pl.col("period") == self.index)
                ranks = rows_of.select("#run", "#who", pl.col("rank").cast(pl.Float64), "stars")
                done.append(
                    ranks.collect(engine="in-memory").with_columns(own=pl.lit(choice.normalisation == DECLARED))
                )
        return pl.concat(done).rename({"#who": "entity", "#run": "run"})

    def ranks(self, simulated: pl.DataFrame) -> pl.DataFrame:
        """Return the frame `ranks`."""
        stars = self.nominal.select("entity", usual="stars").filter(self.nominal["rank"].is_not_null())
        rank = pl.col("rank")
        summed = simulated.join(stars, on="entity").group_by("entity").agg(
            mean=rank.mean(), median=rank.median(), low=rank.quantile(0.05, "linear"),
            high=rank.quantile(0.95, "linear"), best=rank.min(), worst=rank.max(),
            kept=pl.col("stars").eq_missing(pl.col("usual")).filter(pl.col("own")).mean() * 100,
        )  # fmt: skip
        names = self.card.entities["entity"]
        table = self.nominal.join(summed, on="entity", how="left").sort("cohort", "rank", "entity", nulls_last=True)
        unchanged = pl.when(pl.col("stars").is_not_null()).then(pl.col("kept"))
        return table.select(
            "cohort", pl.col("entity").map_elements(lambda place: names[place], return_dtype=pl.String), "rank", "mean",
            "median", "low", "high", "best", "worst", "stars", unchanged.alias("kept"),
        )  # fmt: skip


def _through(stages: Iterable[Stage], frame: pl.LazyFrame) -> pl.LazyFrame:
    for step in stages:
        if step.columns:
            frame = step(frame)
    return frame


def _stacked(base: pl.DataFrame, runs: pl.DataFrame) -> pl.LazyFrame:
    """Repeat every row for each run, with the factors of the run; each run has cohorts and entities of its own."""
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
