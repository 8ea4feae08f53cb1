"""Levels that a total cannot be told from: which stars other samples of the same size would have given.

The values of indicators with confidence limits are drawn from their sampling errors; the stars of the middle part of
the draws, as wide as the limits, are those that a unit is not distinguishable from.
"""

from __future__ import annotations

import polars as pl

from kpi.analysis.disclosure import analysed
from kpi.analysis.uncertainty import points
from kpi.analysis.uncertainty.choices import declared_by
from kpi.analysis.uncertainty.errors_of_figures import Errors, SamplingErrors
from kpi.analysis.uncertainty.simulation import simulate
from kpi.analysis.uncertainty.study import Study
from kpi.engine.scorecard import ALIKE, Scorecard
from kpi.language.small_numbers import limited
from kpi.language.uncertainty import Uncertainty

#: The runs and the seed of a period.
RUNS, SEED = 400, 1


def alike(card: Scorecard) -> pl.DataFrame:
    """Return one row per period and ranked unit: its stars, and the lowest and highest it cannot be told from.

    Columns: those of `ALIKE`. Empty without confidence limits, stars or pillars.
    """
    system = card.definition
    nothing = pl.DataFrame(schema=ALIKE)
    errors = {name: error.sampling for name, (_, error) in limited(system).items() if name in system.counted}
    if system.stars is None or not system.tops or not errors:
        return nothing
    level = max(limits.level for name, (limits, _) in limited(system).items() if name in errors)
    names = system.stars.names
    uncertainty = Uncertainty.model_construct(**{**Uncertainty().__dict__, "sampling": errors})
    tables, source = [nothing], analysed(card)
    for index in card.labels if card.shown is None else card.shown:
        study = Study(source, index, uncertainty, Errors(SEED, SamplingErrors.of(system, uncertainty)))
        if not study.ranked.any():
            continue
        choices = declared_by(system, uncertainty)
        drawn = points.drawn(RUNS, choices.dimensions, seed=SEED, spread="random")
        stars = simulate(study, choices, drawn).outcome.stars / 2
        tables.append(_table(card, index, study, stars, level))
    table = pl.concat(tables)
    if not names:
        return table
    grade = {end: pl.col(end).cast(pl.Int64).replace_strict(names, default=None, return_dtype=pl.String)
             for end in ("stars", "stars_low", "stars_high")}  # fmt: skip
    return table.with_columns(grade=grade["stars"], grade_low=grade["stars_low"], grade_high=grade["stars_high"])


def _table(card: Scorecard, index: int, study: Study, stars: object, level: float) -> pl.DataFrame:
    """Return the rows of a period from the stars of the runs, a row a run and a column a unit."""
    import numpy as np

    rated, parts = np.asarray(stars, dtype=float), ((1 - level / 100) / 2, (1 + level / 100) / 2)
    low, high = (np.quantile(rated, part, axis=0, method="nearest") for part in parts)
    own = card.totals.filter(period=card.labels[index]).select(
        "system", "period", "cohort", "entity", stars=pl.col("stars").cast(pl.Float64)
    )
    names = card.entities["entity"].gather(study.entities.cast(pl.UInt32))
    low_high = pl.DataFrame({"entity": names, "stars_low": low, "stars_high": high})
    rows = own.join(low_high, on="entity", how="inner", maintain_order="left").filter(pl.col("stars").is_not_null())
    # A total that other samples always raise is still what it is.
    return rows.with_columns(
        stars_low=pl.min_horizontal("stars", pl.col("stars_low").clip(0)),
        stars_high=pl.max_horizontal("stars", "stars_high"),
        **dict.fromkeys(("grade", "grade_low", "grade_high"), pl.lit(None, dtype=pl.String)),
    ).select(list(ALIKE))


def kept(card: Scorecard) -> pl.DataFrame:
    """Return `alike` of a scorecard, computed once."""
    if "#alike" not in card.__dict__:
        card.__dict__["#alike"] = alike(card)
    frame: pl.DataFrame = card.__dict__["#alike"]
    return frame
