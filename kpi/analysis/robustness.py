"""Robustness (稳健性): how ranks and stars depend on choices that could have been made otherwise, and on the figures.

The uncertainty analysis varies many choices at once: each run draws all of them, and the runs give intervals of ranks
and scores for every entity. What varies stands under `uncertainty:` in the definition or after `--vary`; a system that
declares nothing has its weights varied, and a normalisation, a mean and a policy for missing parts drawn where they
would make a difference. The sensitivity analysis varies one choice at a time, leaves out each indicator and pillar,
and, if asked for, splits the variance of ranks between the choices (Sobol' indices).

Source: OECD/JRC Handbook on Constructing Composite Indicators (2008), 7, uncertainty analysis; Saisana, Saltelli and
Tarantola (2005); COINr (Becker et al. 2022). The alternatives and the width of the weights are ours.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct

from kpi.analysis.disclosure import analysed
from kpi.analysis.uncertainty import importance, points, sobol, summaries
from kpi.analysis.uncertainty.choices import DECLARED, Choices, by_default, declared_by
from kpi.analysis.uncertainty.errors_of_figures import Corrections, Errors, SamplingErrors
from kpi.analysis.uncertainty.points import Spread
from kpi.analysis.uncertainty.simulation import Simulated, of_source, rescaled, simulate
from kpi.analysis.uncertainty.study import Study, Variant, in_halves
from kpi.analysis.variants import leave_out
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, Message
from kpi.language.uncertainty import Uncertainty
from kpi.process.progress import stage
from kpi.values.columns import Column

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The percent that weights may be off in a system that declares nothing.
PERCENT = 20.0

#: The largest number of units that have Sobol' indices of their own.
UNITS = 200


class Parameters(Struct, frozen=True):
    """The parameters of a study: with the same ones, definition and data the results have the same bits.

    `weights` is the percent that weights may be off (0 where they do not vary by percent), `spread` how points are
    drawn, `first` the number of places of "who may be among the first", `coverage` the percent of confidence sets and
    bootstrap intervals, `sensitivity` the base points of Sobol' indices, 0 for none.
    """

    runs: int
    weights: float
    seed: int
    spread: Spread
    first: int
    coverage: float
    sensitivity: int


class Robustness(Struct, frozen=True, dict=True):
    """The result for one period.

    Percentages of runs with stars and intervals of scores are of those with the declared
    normalisation, since cut points are made for its scale.

    `ranks`, ordered by rank: cohort, entity, rank (as scored), mean, median, low, high (5th and 95th percentile of the
    ranks), best, worst, stars, kept (percent of runs that give the same stars; null without stars), first (percent of
    runs among the first `parameters.first`), score (as scored, before rounding), score_low, score_high.

    `alternatives`, ordered by effect: assumption (normalisation, mean, missing, treatment.STEP, without), alternative
    (for `without` the indicator or pillar left out), title, moved (mean of |change of rank|), most (the largest),
    entity (with the largest change), stars (number of entities with other stars; null if the scale of scores differs).

    `drawn`: the parameters of every run: run, the alternative of each choice among methods, weight.NODE.PART and so
    on.

    `choices`: choice, source (method, sampling, revision), alternative (of a choice among methods, `declared` first),
    title (in words). All of them are drawn in every run.

    `convergence`: runs (a quarter, a half, all), width (mean width of the intervals of ranks), shifted (mean distance
    of their bounds from those of all runs), shifted_most. `converged`: whether half of the runs give the same bounds,
    within half a place or one percent of the places on average.

    `stars`: cohort, entity, stars (null for none), percent of runs.

    `ahead`: cohort, entity, other, ahead (percent of runs in which the entity has a better rank), equal; every pair, in
    cohorts of more than 100 entities each with the next 10.

    `sources`, if figures have errors: cohort, entity, source, low, high (of the ranks where only this source varies),
    share (percent of the sum of the widths).

    `sets`, if figures have sampling errors, in cohorts of up to 300 entities: cohort, entity, rank, marginal_low,
    marginal_high, simultaneous_low, simultaneous_high (confidence sets of the rank), among_first (may be among the
    first).

    `sensitivity`, if asked for: choice, source, result (ranks: the mean |change of rank|; stars: the mean |change of
    stars|; rank: that of `entity`, for up to 200 entities), entity, first, first_low, first_high, total, total_low,
    total_high; null where the result does not vary.

    `importance`: part, title, weight (percent of the total on paper), effective (percent of the variance of the
    totals).

    `swaps`, for the first 50 pairs of neighbours: part, title, cohort, entity, other, weight (percent of its node),
    needed (the percent at which both have the same total, the other parts in proportion), ordered by the difference. A
    pair without a row changes places at no weight of the part. Empty where totals depend on other units, on
    adjustments or on tie-breaks, and for more than 100,000 units times parts.
    """

    card: Scorecard
    period: str
    parameters: Parameters
    ranks: pl.DataFrame
    alternatives: pl.DataFrame
    choices: pl.DataFrame
    convergence: pl.DataFrame
    converged: bool
    stars: pl.DataFrame
    ahead: pl.DataFrame
    sources: pl.DataFrame | None
    sets: pl.DataFrame | None
    sensitivity: pl.DataFrame | None
    study: Study
    varied: Choices

    @property
    def default(self) -> bool:
        """Whether nothing was declared, so that weights and methods varied by themselves."""
        return not self.study.uncertainty.declared

    @property
    def words(self) -> tuple[str, ...]:
        """The texts of the choices in words."""
        return tuple(text for choice in self.varied.choices for text in (choice.words or {}).values())

    @property
    def runs(self) -> int:
        """The number of runs."""
        return self.parameters.runs

    @property
    def weights(self) -> float:
        """The percent that weights may be off."""
        return self.parameters.weights

    @property
    def seed(self) -> int:
        """The seed of the runs."""
        return self.parameters.seed

    @cached_property
    def drawn(self) -> pl.DataFrame:
        """The parameters of every run, a row a run; columns as in `Choices.parameters`."""
        parameters = self.parameters
        drawn = points.drawn(
            parameters.runs, self.varied.dimensions, seed=parameters.seed, spread=parameters.spread
        )  # fmt: skip
        return self.varied.parameters(drawn, self.study.uncertainty.cut_points or 0.0)

    @cached_property
    def importance(self) -> pl.DataFrame:
        """What indicators and pillars do to the total, beside their weights."""
        return importance.importance(self.study)

    @cached_property
    def swaps(self) -> pl.DataFrame:
        """The weights at which neighbours in the ranking change places."""
        with stage(Message("seeking the weights that decide places")):
            return importance.swaps(self.study)


def stressed(
    card: Scorecard, *, period: str | None = None, runs: int = 500, weights: float | None = None, seed: int = 1,
    uncertainty: Uncertainty | None = None, spread: Spread = "random", first: int = 5, coverage: float = 95,
    sensitivity: int = 0,
) -> Robustness:  # fmt: skip
    """Return the robustness of the ranking of a period.

    Args:
        card: the results as scored.
        period: the label of the period; None for the last that is shown.
        runs: the number of simulated runs.
        weights: the half-width in percent of the uniform distribution that each weight is drawn from, instead of what
            is declared; None for that, or 20 where nothing is declared.
        seed: of the random numbers; equal seeds give equal runs.
        uncertainty: what varies, instead of what the definition declares.
        spread: how points are drawn.
        first: the number of places that `first` and `among_first` are about.
        coverage: the percent of confidence sets and bootstrap intervals.
        sensitivity: the number of base points of Sobol' indices; 0 for none.

    Raises:
        DataError: when there is nothing to rank, fewer than three units are ranked, or an error of figures is not
        known.
    """
    study, label = _study(card, period, seed, card.definition.uncertainty if uncertainty is None else uncertainty)
    choices = _choices(study, weights)
    parameters = Parameters(
        runs, choices.weights.percent or 0.0 if choices.weights is not None else 0.0, seed, spread, first, coverage,
        sensitivity,
    )  # fmt: skip
    drawn = points.drawn(runs, choices.dimensions, seed=seed, spread=spread)
    with stage(Message("varying one assumption at a time")):
        others = alternatives(study, choices)
    with stage(Message("simulating {runs} runs", runs=runs), runs):
        simulated = simulate(study, choices, drawn)
    varying = list(dict.fromkeys(choice.source for choice in choices.choices))
    by_source: dict[str, Simulated] = {}
    if set(varying) - {"method"}:
        for source in varying:
            if len(varying) == 1:
                by_source[source] = simulated
                continue
            with stage(Message("simulating {runs} runs of one source", runs=runs), runs):
                by_source[source] = of_source(study, choices, drawn, source)
    frame, converged = summaries.convergence(simulated)
    return Robustness(
        study.card, label, parameters, summaries.ranks(study, simulated, first), others, described(choices), frame,
        converged,
        summaries.stars(study, simulated), summaries.ahead(study, simulated),
        summaries.sources(study, by_source) if by_source else None,
        summaries.sets(study, by_source["sampling"], coverage, first) if "sampling" in by_source else None,
        sensitivities(study, choices, parameters) if sensitivity else None,
        study, choices,
    )  # fmt: skip


def simulated_intervals(card: Scorecard, period: str, *, runs: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the frames `ranks` and `stars` of `Robustness` of what the system declares, and compute nothing else.

    Raises:
        DataError: see `stressed`.
    """
    study, _ = _study(card, period, seed, card.definition.uncertainty)
    choices = _choices(study, None)
    drawn = points.drawn(runs, choices.dimensions, seed=seed, spread="random")
    with stage(Message("simulating {runs} runs", runs=runs), runs):
        simulated = simulate(study, choices, drawn)
    return summaries.ranks(study, simulated, 1), summaries.stars(study, simulated)


def _study(card: Scorecard, period: str | None, seed: int, uncertainty: Uncertainty) -> tuple[Study, str]:
    """Return the study of a period, and the label of the period.

    Raises:
        DataError: see `stressed`.
    """
    card = analysed(card)
    label = period or card.periods[-1]
    index = next(index for index, text in card.labels.items() if text == label)
    if not card.definition.tops:
        hint = Message("write `pillars:`, with the weights of the indicators")
        raise DataError(
            Diagnostic("K561", Message("a ranking needs a composite, and the system has no pillars"), hint=hint)
        )
    errors = Errors(
        seed,
        SamplingErrors.of(card.definition, uncertainty) if uncertainty.sampling else None,
        Corrections.of(card, uncertainty) if uncertainty.revision else None,
    )
    study = Study(card, index, uncertainty, errors)
    if not study.ranked.any():
        message = Message("nobody is ranked in {period}", period=label)
        raise DataError(Diagnostic("K561", message, hint=Message("kpi score says why")))
    if len(study.entities) < 3:
        message = Message(
            "{number} units are ranked in {period}, and intervals of ranks need three",
            number=len(study.entities),
            period=label,
        )
        raise DataError(Diagnostic("K872", message, hint=Message("add the other units, or compare the scores")))
    if uncertainty.cut_points is not None and not study.plain(card.definition):
        message = Message("cut points vary only where totals come from the scores of each unit alone")
        hint = Message("leave out `cut_points`: the system has adjustments, tie-breaks or methods that compare units")
        raise DataError(Diagnostic("K870", message, hint=hint))
    if errors.sampling is not None:
        here = card.frame.filter(pl.col("period") == index)
        if unknown := errors.sampling.unknown(here):
            raise DataError(unknown)
    return study, label


def _choices(study: Study, weights: float | None) -> Choices:
    """Return what varies.

    Raises:
        DataError: when nothing would.
    """
    system, uncertainty = study.system, study.uncertainty
    if uncertainty.declared:
        if weights is not None:
            uncertainty = uncertainty.with_percent(weights)
        choices = declared_by(system, uncertainty)
    else:
        here = study.card.frame.filter(pl.col("period") == study.index)
        scores = [Column(name).score for name in system.parents if name in system.indicators]
        gaps = any(not here[Column(name).status].is_in(["ok", "not_applicable"]).all() for name in scores)
        zeros = any((here[name] <= 0).any() for name in scores)
        choices = by_default(system, PERCENT if weights is None else weights, gaps=gaps, zeros=zeros)
    return choices


def described(choices: Choices) -> pl.DataFrame:
    """Return the frame `choices` of `Robustness`."""
    rows: list[tuple[str, str, str | None, str | None]] = []
    for choice in choices.choices:
        words = choice.words or {}
        if choice.changes is not None:
            rows += [(choice.key, choice.source, name, words.get(name)) for name in choice.names]
        else:
            rows += [(choice.key, choice.source, name, text) for name, text in words.items()]
    schema = {"choice": pl.String, "source": pl.String, "alternative": pl.String, "title": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


# ---- ONE AT A TIME ---- #


def alternatives(study: Study, choices: Choices) -> pl.DataFrame:
    """Return the effect of each alternative by itself."""
    system = study.system
    rows: list[tuple[object, ...]] = []
    for choice in choices.methods:
        for name in choice.changes or ():
            variant = choices.variant([name if other is choice else DECLARED for other in choices.methods])
            rows.append((choice.key, name, str((choice.words or {}).get(name, "")), *_moved(study, variant)))
    for part in [*system.tops, *(part for part in system.parents if part in system.counted)]:
        parent = system.pillars.get(system.parents.get(part, ""))
        # A pillar with a single part is removed with it, and is an alternative by itself.
        rest = None if parent is not None and len(parent.parts) == 1 else leave_out(system, part)
        if rest is not None:
            rows.append(("without", part, importance.title(study, part), *_moved(study, Variant(rest))))
    schema = {
        "assumption": pl.String, "alternative": pl.String, "title": pl.String, "moved": pl.Float64,
        "most": pl.Float64, "entity": pl.String, "stars": pl.Int64,
    }  # fmt: skip
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.sort("moved", "assumption", "alternative", descending=[True, False, False], nulls_last=True)


def _moved(study: Study, variant: Variant) -> tuple[float | None, float | None, str, int | None]:
    outcome = study.alone(variant)
    nominal = study.nominal.filter(study.ranked)
    both = nominal.with_columns(
        other=pl.Series(outcome.ranks[0], nan_to_null=True).cast(pl.Float64), others=pl.Series(outcome.stars[0])
    )
    change = (both["other"] - both["rank"]).abs()
    if change.drop_nulls().is_empty():
        return None, None, "", None
    most = float(change.max())  # type: ignore[arg-type]
    entity = "" if most == 0 else study.card.entities["entity"][both["entity"][change.arg_max() or 0]]
    compared = not rescaled(variant.key) and study.system.stars is not None
    stars = int(both.select(in_halves(pl.col("stars")) != pl.col("others")).to_series().sum()) if compared else None
    return float(change.mean()), most, entity, stars  # type: ignore[arg-type]


# ---- VARIANCE BY CHOICE ---- #


def sensitivities(study: Study, choices: Choices, parameters: Parameters) -> pl.DataFrame:
    """Return the frame `sensitivity` of `Robustness`."""
    import numpy as np

    groups = [choices.columns[choice.key] for choice in choices.choices]
    design = sobol.Design.drawn(
        parameters.sensitivity, choices.dimensions, groups, seed=parameters.seed, spread=parameters.spread
    )
    usual = study.nominal.filter(study.ranked)["rank"].to_numpy()
    own = len(usual) <= UNITS
    halves = study.nominal.filter(study.ranked).select(in_halves(pl.col("stars"))).to_series().to_numpy()
    levels = halves / 2.0 if study.system.stars is not None else None

    def results(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        outcome = simulate(study, choices, drawn).outcome
        placed = outcome.ranks.astype(np.float64)
        # A unit that a run leaves without a rank is last there.
        placed = np.where(np.isnan(placed), len(usual), placed)
        moved = [np.abs(placed - usual).mean(axis=1, keepdims=True)]
        if levels is not None:
            moved.append(np.abs(outcome.stars / 2.0 - levels).mean(axis=1, keepdims=True))
        return np.hstack([*moved, placed] if own else moved)

    number = parameters.sensitivity * (len(groups) + 2)
    with stage(Message("simulating {runs} runs for the variance by choice", runs=number), number):
        result = sobol.indices(*design.results(results), seed=parameters.seed, coverage=parameters.coverage / 100)
    kinds = ["ranks"] if levels is None else ["ranks", "stars"]
    names: list[str | None] = [None] * len(kinds)
    if own:
        kinds, names = kinds + ["rank"] * len(usual), [*names, *summaries.names_of(study)]
    tables = []
    for place, choice in enumerate(choices.choices):
        columns = {
            key: pl.Series(getattr(result, key)[place], nan_to_null=True)
            for key in ("first", "first_low", "first_high", "total", "total_low", "total_high")
        }
        frame = pl.DataFrame({"result": kinds, "entity": pl.Series(names, dtype=pl.String)}).with_columns(**columns)
        tables.append(frame.select(pl.lit(choice.key).alias("choice"), pl.lit(choice.source).alias("source"), pl.all()))
    return pl.concat(tables) if tables else pl.DataFrame()
