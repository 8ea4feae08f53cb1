"""Robustness (稳健性): how ranks and stars depend on choices that could have been made otherwise.

The uncertainty analysis varies many choices at once: each simulated run draws all weights, a normalisation, a mean and
a policy for missing parts; the result is an interval of ranks for every entity. The sensitivity analysis varies one
choice at a time, and leaves out each indicator and pillar.

Source: OECD/JRC Handbook on Constructing Composite Indicators (2008), 7, uncertainty analysis; COINr (Becker et al.
2022). The alternatives and the width of the weights are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from kpi.analysis.uncertainty import points
from kpi.analysis.uncertainty.choices import DECLARED, Choices, by_default
from kpi.analysis.uncertainty.study import Outcome, Study, Variant, in_halves
from kpi.analysis.variants import leave_out
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, Message
from kpi.process.progress import stage
from kpi.values.columns import Column

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
    study = Study(card, index)
    if not study.ranked.any():
        message = Message("nobody is ranked in {period}", period=label)
        raise DataError(Diagnostic("K561", message, hint=Message("kpi score says why")))
    choices = _choices(study, weights)
    with stage(Message("varying one assumption at a time")):
        others = alternatives(study, choices)
    drawn = points.drawn(runs, choices.dimensions, seed=seed)
    with stage(Message("simulating {runs} runs", runs=runs), runs):
        simulated, own = simulate(study, choices, drawn)
    return Robustness(card, label, runs, weights, seed, ranks(study, simulated, own), others)


def _choices(study: Study, weights: float) -> Choices:
    system = study.system
    here = study.card.frame.filter(pl.col("period") == study.index)
    scores = [Column(name).score for name in system.parents if name in system.indicators]
    gaps = any(not here[Column(name).status].is_in(["ok", "not_applicable"]).all() for name in scores)
    zeros = any((here[name] <= 0).any() for name in scores)
    return by_default(system, weights, gaps=gaps, zeros=zeros)


# ---- MANY AT ONCE ---- #


def simulate(
    study: Study, choices: Choices, drawn: NDArray[np.float64]
) -> tuple[Outcome, NDArray[np.bool_]]:
    """Return the outcome of the runs of some points, and whether each has the declared normalisation."""
    import numpy as np

    picked = choices.picked(drawn)
    runs_of: dict[tuple[str, ...], list[int]] = {}
    for run, names in enumerate(picked):
        runs_of.setdefault(names, []).append(run)
    outcome = Outcome.empty(len(drawn), len(study.entities))
    own = np.zeros(len(drawn), dtype=bool)
    # Runs of the same scores one after the other, since a matrix of scores is kept as long as it is in use.
    variants = {names: choices.variant(names) for names in runs_of}
    for names in sorted(variants, key=lambda names: (variants[names].key, names)):
        runs = np.array(runs_of[names])
        own[runs] = not any(entry.startswith("normalisation=") for entry in variants[names].key)
        study.run(variants[names], outcome, runs, choices.factors(drawn[runs]))
    return outcome, own


def ranks(study: Study, simulated: Outcome, own: NDArray[np.bool_]) -> pl.DataFrame:
    """Return the frame `ranks`."""
    import numpy as np

    usual = study.nominal.filter(study.ranked).select(in_halves(pl.col("stars"))).to_series().to_numpy()
    same = (simulated.stars == usual) & own[:, np.newaxis]
    kept = same.sum(axis=0) / own.sum() * 100 if own.any() else np.full(len(usual), np.nan)
    summed = pl.DataFrame({"entity": study.entities}).with_columns(
        **statistics(simulated.ranks), kept=pl.Series(kept, nan_to_null=True)
    )
    names = study.card.entities["entity"]
    table = study.nominal.join(summed, on="entity", how="left").sort("cohort", "rank", "entity", nulls_last=True)
    unchanged = pl.when(pl.col("stars").is_not_null()).then(pl.col("kept"))
    return table.select(
        "cohort", pl.col("entity").map_elements(lambda place: names[place], return_dtype=pl.String), "rank", "mean",
        "median", "low", "high", "best", "worst", "stars", unchanged.alias("kept"),
    )  # fmt: skip


#: The number of columns whose runs are sorted together.
_SORTED = 100


def statistics(values: NDArray[np.float32] | NDArray[np.float64]) -> dict[str, pl.Series]:
    """Return mean, median, 5th and 95th percentile, least and most of each column; NaN counts as nothing."""
    import numpy as np

    names = ("mean", "median", "low", "high", "best", "worst")
    units = values.shape[1]
    table = np.full((len(names), units), np.nan)
    for first in range(0, units, _SORTED):
        # NaN is sorted last.
        ordered = np.sort(np.ascontiguousarray(values[:, first : first + _SORTED].T), axis=1).astype(np.float64)
        number = ordered.shape[1] - np.isnan(ordered).sum(axis=1)
        some = number > 0
        rows = np.flatnonzero(some)
        last = number[rows] - 1
        shown = ordered[rows]
        table[0, first + rows] = np.nansum(shown, axis=1) / number[rows]
        for place, share in ((1, 0.5), (2, 0.05), (3, 0.95), (4, 0.0), (5, 1.0)):
            at = share * last
            below = np.floor(at).astype(int)
            above = np.minimum(below + 1, last)
            every = np.arange(len(rows))
            low, high = shown[every, below], shown[every, above]
            table[place, first + rows] = low + (high - low) * (at - below)
    return {name: pl.Series(name, table[place], nan_to_null=True) for place, name in enumerate(names)}


# ---- ONE AT A TIME ---- #


def alternatives(study: Study, choices: Choices) -> pl.DataFrame:
    """Return the effect of each alternative by itself."""
    system = study.system
    rows: list[tuple[object, ...]] = []
    for choice in choices.methods:
        for name in choice.changes or ():
            variant = choices.variant([name if other is choice else DECLARED for other in choices.methods])
            rows.append((choice.key, name, "", *_moved(study, variant)))
    for part in [*system.tops, *system.parents]:
        parent = system.pillars.get(system.parents.get(part, ""))
        # A pillar with a single part is removed with it, and is an alternative by itself.
        rest = None if parent is not None and len(parent.parts) == 1 else leave_out(system, part)
        if rest is not None:
            rows.append(("without", part, _title(study, part), *_moved(study, Variant(rest))))
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
        other=pl.Series(outcome.ranks[0], nan_to_null=True).cast(pl.Float64),
        others=pl.Series(outcome.stars[0]),
    )
    change = (both["other"] - both["rank"]).abs()
    if change.drop_nulls().is_empty():
        return None, None, "", None
    most = float(change.max())  # type: ignore[arg-type]
    entity = "" if most == 0 else study.card.entities["entity"][both["entity"][change.arg_max() or 0]]
    rescaled = any(entry.startswith("normalisation=") for entry in variant.key)
    compared = not rescaled and study.system.stars is not None
    stars = int(both.select(in_halves(pl.col("stars")) != pl.col("others")).to_series().sum()) if compared else None
    return float(change.mean()), most, entity, stars  # type: ignore[arg-type]


def _title(study: Study, part: str) -> str:
    if part in study.system.pillars:
        return study.system.pillars[part].title or part
    return study.system.symbols[part].title
