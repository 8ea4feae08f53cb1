"""Intervals beside totals (区间): how far scores and places hold, and how probable each level is, period by period.

They are those of `kpi stress` with the same number of runs and seed.
"""

from __future__ import annotations

import polars as pl
from msgspec.structs import replace

from kpi.analysis.robustness import simulated_intervals
from kpi.engine.scorecard import BOUNDS, PROBABILITY, Scorecard
from kpi.errors import DataError, Diagnostic, Message, Place, Severity

#: How many runs are simulated where nothing else is asked for, and the seed of all.
RUNS, SEED = 500, 1

#: How many periods a finding names.
_NAMED = 5


def with_intervals(
    card: Scorecard, runs: int = RUNS, seed: int = SEED, *, each_period: bool = False
) -> Scorecard:  # fmt: skip
    """Return a scorecard whose totals have intervals and probabilities in every period that it shows.

    A period of which there are none, such as one with two ranked units, is a finding (K891). Where `disclosure:` has
    suppressed results, only units without such have intervals, and none of places.

    Args:
        card: the results as scored.
        runs: the number of simulated runs of each period.
        seed: of the random numbers.
        each_period: whether each period without intervals has a finding of its own, for stores that keep periods apart.
    """
    tables, without = [], dict[str, list[tuple[str, Diagnostic]]]()
    for label in card.periods:
        try:
            tables.append(_of_period(card, label, runs, seed))
        except DataError as error:
            finding = error.diagnostics[0]
            key = f"{finding.code} {label}" if each_period else finding.code
            without.setdefault(key, []).append((label, finding))
    schema = {"period": pl.String, "entity": pl.String, **dict.fromkeys(BOUNDS, pl.Float64)}
    every = {name for table in tables for name in table.columns if name.startswith(PROBABILITY)}
    levels = sorted(every, key=lambda name: float(name.removeprefix(PROBABILITY)), reverse=True)
    # A level that occurs in no run of a period has no probability there; without any level nothing is known.
    filled = [
        table.with_columns(pl.lit(0.0).alias(name) for name in levels if name not in table.columns)
        if any(name in table.columns for name in levels)
        else table
        for table in tables
    ]
    frame = pl.concat([pl.DataFrame(schema=schema), *filled], how="diagonal").select(*schema, *levels)
    if card.worlds:
        # The simulated places are those among units without suppressed results.
        frame = frame.with_columns(rank_low=pl.lit(None, pl.Float64), rank_high=pl.lit(None, pl.Float64))
    findings = tuple(_without(cases) for cases in without.values())
    return replace(card, intervals=frame, findings_list=(*card.findings_list, *findings))


def _of_period(card: Scorecard, label: str, runs: int, seed: int) -> pl.DataFrame:
    """Return the intervals of the ranked units of a period, and a column of percent for each level."""
    ranks, stars = simulated_intervals(card, label, runs=runs, seed=seed)
    decimals = card.decimals
    table = ranks.drop_nulls("rank").select(
        pl.lit(label).alias("period"), "entity", rank_low="low", rank_high="high",
        score_low=pl.col("score_low").round(decimals), score_high=pl.col("score_high").round(decimals),
    )  # fmt: skip
    rated = stars.drop_nulls("stars")
    if rated.is_empty():
        return table
    names = rated.select(
        "entity", "percent", level=pl.lit(PROBABILITY) + pl.col("stars").map_elements("{:g}".format, pl.String)
    )
    wide = names.pivot("level", index="entity", values="percent").with_columns(pl.exclude("entity").fill_null(0.0))
    return table.join(wide, on="entity", how="left", maintain_order="left")


def _without(cases: list[tuple[str, Diagnostic]]) -> Diagnostic:
    """Return the finding on periods without intervals, all for the same kind of reason."""
    labels, (_, first) = [label for label, _ in cases], cases[0]
    message = Message("no intervals of places and scores in {period}: {reason}", period=labels[0], reason=first.message)
    if len(labels) > 1:
        periods = (*labels[:_NAMED], "…") if len(labels) > _NAMED else tuple(labels)
        message = Message(
            "no intervals of places and scores in {periods}; in {period}: {reason}",
            periods=periods, period=labels[0], reason=first.message,
        )  # fmt: skip
    return Diagnostic("K891", message, Place(period=labels[0]), first.hint, severity=Severity.WARNING)
