"""Summaries of runs: intervals, probabilities, and whether they have converged, as frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from kpi.analysis.uncertainty.rank_sets import marginal, simultaneous
from kpi.analysis.uncertainty.simulation import Simulated
from kpi.analysis.uncertainty.study import Study, in_halves

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: The number of columns whose runs are sorted together.
_SORTED = 100

#: The largest number of units of a cohort of which every pair is compared, and how many of the next are in larger ones.
PAIRS, NEXT = 100, 10

#: The largest number of units of a cohort that has confidence sets, and the largest number of draws that they use.
SETS, DRAWS = 300, 2000

#: Intervals whose bounds move less than this from half of the runs to all, on average, have converged: places, and
#: percent of the number of units.
SETTLED, SETTLED_PERCENT = 0.5, 1.0

#: The fewest runs of which half can show it.
FEWEST = 100


def statistics(values: NDArray[np.float32] | Floats) -> dict[str, pl.Series]:
    """Return mean, median, 5th and 95th percentile, least and most of each column; NaN counts as nothing."""
    import numpy as np

    names = ("mean", "median", "low", "high", "best", "worst")
    units = values.shape[1]
    table = np.full((len(names), units), np.nan)
    for first in range(0, units, _SORTED):
        # NaN is sorted last.
        ordered = np.sort(np.ascontiguousarray(values[:, first : first + _SORTED].T), axis=1).astype(np.float64)
        number = ordered.shape[1] - np.isnan(ordered).sum(axis=1)
        rows = np.flatnonzero(number > 0)
        last = number[rows] - 1
        shown = ordered[rows]
        every = np.arange(len(rows))
        table[0, first + rows] = np.nansum(shown, axis=1) / number[rows]
        for place, share in ((1, 0.5), (2, 0.05), (3, 0.95), (4, 0.0), (5, 1.0)):
            at = share * last
            below = np.floor(at).astype(int)
            above = np.minimum(below + 1, last)
            low, high = shown[every, below], shown[every, above]
            table[place, first + rows] = low + (high - low) * (at - below)
    return {name: pl.Series(name, table[place], nan_to_null=True) for place, name in enumerate(names)}


def names_of(study: Study) -> list[str]:
    """Return the names of the units that are ranked."""
    names = study.card.entities["entity"]
    return [names[int(place)] for place in study.entities]


def nominal(study: Study) -> pl.DataFrame:
    """Return the units that are ranked as scored: cohort, entity (name), rank, raw, stars."""
    rows = study.nominal.filter(study.ranked)
    return rows.with_columns(entity=pl.Series(names_of(study), dtype=pl.String))


def ranks(study: Study, simulated: Simulated, first: int) -> pl.DataFrame:
    """Return the frame `ranks` of `Robustness`."""
    import numpy as np

    outcome, own = simulated.outcome, simulated.own
    usual = study.nominal.filter(study.ranked).select(in_halves(pl.col("stars"))).to_series().to_numpy()
    same = (outcome.stars == usual) & own[:, np.newaxis]
    kept = same.sum(axis=0) / own.sum() * 100 if own.any() else np.full(len(usual), np.nan)
    scores = statistics(outcome.scores if own.all() else outcome.scores[own])
    summed = pl.DataFrame({"entity": study.entities}).with_columns(
        **statistics(outcome.ranks), kept=pl.Series(kept, nan_to_null=True), score_low=scores["low"],
        score_high=scores["high"], first=pl.Series((outcome.ranks <= first).mean(axis=0) * 100),
    )  # fmt: skip
    names = study.card.entities["entity"]
    table = study.nominal.join(summed, on="entity", how="left").sort("cohort", "rank", "entity", nulls_last=True)
    unchanged = pl.when(pl.col("stars").is_not_null()).then(pl.col("kept"))
    return table.select(
        "cohort", pl.col("entity").map_elements(lambda place: names[place], return_dtype=pl.String), "rank", "mean",
        "median", "low", "high", "best", "worst", "stars", unchanged.alias("kept"), "first",
        score="raw", score_low="score_low", score_high="score_high",
    )  # fmt: skip


def stars(study: Study, simulated: Simulated) -> pl.DataFrame:
    """Return the frame `stars` of `Robustness`; empty without stars."""
    import numpy as np

    schema = {"cohort": pl.String, "entity": pl.String, "stars": pl.Float64, "percent": pl.Float64}
    if study.system.stars is None or not simulated.own.any():
        return pl.DataFrame(schema=schema)
    units = nominal(study)
    rated = simulated.outcome.stars[simulated.own]
    tables = []
    for level in np.unique(rated):
        percent = (rated == level).mean(axis=0) * 100
        shown = None if level < 0 else float(level) / 2
        tables.append(
            units.select("cohort", "entity", "rank", stars=pl.lit(shown, dtype=pl.Float64)).with_columns(
                percent=pl.Series(percent)
            )
        )
    table = pl.concat(tables).filter(pl.col("percent") > 0)
    order = ["cohort", "rank", "entity", "stars"]
    return table.sort(order, descending=[False, False, False, True], nulls_last=True).select(list(schema))


def ahead(study: Study, simulated: Simulated) -> pl.DataFrame:
    """Return the frame `ahead` of `Robustness`."""
    import numpy as np

    units = nominal(study).with_row_index("column").sort("cohort", "rank", "entity")
    tables = [
        pl.DataFrame(
            schema={
                "cohort": pl.String, "entity": pl.String, "other": pl.String, "ahead": pl.Float64, "equal": pl.Float64
            }
        )
    ]  # fmt: skip
    for (cohort,), rows in units.group_by("cohort", maintain_order=True):
        columns, names = rows["column"].to_numpy(), rows["entity"]
        placed = simulated.outcome.ranks[:, columns]
        following = rows.height if rows.height <= PAIRS else NEXT
        for place in range(rows.height - 1):
            last = min(rows.height, place + 1 + following)
            own, others = placed[:, place : place + 1], placed[:, place + 1 : last]
            tables.append(
                pl.DataFrame({"entity": names[place], "other": names[place + 1 : last]}).select(
                    pl.lit(cohort, dtype=pl.String).alias("cohort"), "entity", "other",
                    ahead=pl.Series((own < others).mean(axis=0) * 100),
                    equal=pl.Series(np.asarray((own == others).mean(axis=0) * 100)),
                )
            )  # fmt: skip
    return pl.concat(tables)


def convergence(simulated: Simulated) -> tuple[pl.DataFrame, bool]:
    """Return the frame `convergence` of `Robustness`, and whether the intervals have converged."""
    placed = simulated.outcome.ranks
    number = len(placed)
    every = statistics(placed)
    rows = []
    for runs in sorted({max(1, number // 4), max(1, number // 2), number}):
        part = statistics(placed[:runs])
        moves = pl.concat([(part[key] - every[key]).abs() for key in ("low", "high")])
        width = (part["high"] - part["low"]).mean()
        rows.append((runs, width, moves.mean(), moves.max()))
    schema = {"runs": pl.Int64, "width": pl.Float64, "shifted": pl.Float64, "shifted_most": pl.Float64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    if frame.height < 2:
        return frame, False
    moved = frame["shifted"][-2]
    allowed = max(SETTLED, SETTLED_PERCENT / 100 * placed.shape[1])
    return frame, number >= FEWEST and moved is not None and moved <= allowed


def sources(study: Study, by_source: Mapping[str, Simulated]) -> pl.DataFrame:
    """Return the frame `sources` of `Robustness`."""
    units = nominal(study).select("cohort", "entity", "rank")
    tables = []
    for source, simulated in by_source.items():
        own = statistics(simulated.outcome.ranks)
        tables.append(units.with_columns(low=own["low"], high=own["high"]).with_columns(source=pl.lit(source)))
    table = pl.concat(tables).with_columns(width=pl.col("high") - pl.col("low"))
    total = pl.col("width").sum().over("cohort", "entity")
    share = pl.when(total > 0).then(pl.col("width") / total * 100)
    return table.with_columns(share=share).sort("cohort", "rank", "entity", maintain_order=True).select(
        "cohort", "entity", "source", "low", "high", "share"
    )  # fmt: skip


def sets(study: Study, sampled: Simulated, coverage: float, first: int) -> pl.DataFrame:
    """Return the frame `sets` of `Robustness`."""
    import numpy as np

    units = nominal(study).with_row_index("column").sort("cohort", "rank", "entity")
    tables = [
        pl.DataFrame(
            schema={
                "cohort": pl.String, "entity": pl.String, "rank": pl.Float64, "marginal_low": pl.Int64,
                "marginal_high": pl.Int64, "simultaneous_low": pl.Int64, "simultaneous_high": pl.Int64,
                "among_first": pl.Boolean,
            }
        )
    ]  # fmt: skip
    for _, rows in units.group_by("cohort", maintain_order=True):
        if not 2 <= rows.height <= SETS:
            continue
        columns = rows["column"].to_numpy()
        scores = rows["raw"].to_numpy()
        errors = sampled.outcome.scores[:DRAWS, columns]
        # A unit without a score in a run has no error there.
        errors = np.where(np.isnan(errors), 0.0, errors - scores)
        errors = errors - errors.mean(axis=0)
        each, together = (method(scores, errors, coverage=coverage / 100) for method in (marginal, simultaneous))
        tables.append(
            rows.select("cohort", "entity", "rank").with_columns(
                marginal_low=pl.Series(each.low), marginal_high=pl.Series(each.high),
                simultaneous_low=pl.Series(together.low), simultaneous_high=pl.Series(together.high),
                among_first=pl.Series(together.among_first(first)),
            )
        )  # fmt: skip
    return pl.concat(tables)
