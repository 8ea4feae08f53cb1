"""The system of `systems.system_text` written by hand in Polars, as well as we can: what the plan is measured against.

Everything that the plan's result frames show is here: values, statuses, scores, pillars, composite, stars, ranks and
changes; what a person would leave out, because it cannot happen in this system, is left out.
"""

from __future__ import annotations

import polars as pl

from benchmarks.systems import of_indicator, tree
from kpi.values.status import Status

OK = pl.lit("ok", dtype=Status)


def _why(name: str) -> pl.Expr:
    return pl.lit(name, dtype=Status)


def score(frame: pl.LazyFrame, indicators: int, entities: int) -> pl.LazyFrame:
    """Return the panel with every column that the result frames show."""
    measures = indicators // 2 + 1
    values: dict[str, pl.Expr] = {}
    scores: dict[str, pl.Expr] = {}
    for i in range(indicators):
        of, by = of_indicator(i, measures)
        value, state = pl.col(f"m{of}"), pl.col(f"m{of}.status")
        x = pl.col(f"x{i}")
        if i % 4 == 3:
            base = value.shift(12 * entities)
            values[f"x{i}"] = pl.when(base > 0).then((value / base - 1) * 100)
            values[f"x{i}.status"] = (
                pl.when(state != OK).then(state)
                .when(base.is_null()).then(_why("no_baseline"))
                .when(base == 0).then(_why("zero_baseline")).otherwise(OK)
            )  # fmt: skip
            scores[f"x{i}.score"] = _within(x / 5 * 100)
        elif i % 4 == 2:
            values[f"x{i}"], values[f"x{i}.status"] = value, state
            scores[f"x{i}.score"] = pl.when(x > 50).then(50 / x * 100).when(x.is_not_null()).then(100.0)
        else:
            whole, other = pl.col(f"m{by}"), pl.col(f"m{by}.status")
            values[f"x{i}"] = pl.when(whole != 0).then(value / whole * 100)
            values[f"x{i}.status"] = (
                pl.when(state != OK).then(state).when(other != OK).then(other)
                .when(whole == 0).then(_why("zero_denominator")).otherwise(OK)
            )  # fmt: skip
            scores[f"x{i}.score"] = _within(x / 95 * 100)
        scores[f"x{i}.score.status"] = pl.col(f"x{i}.status")
    frame = frame.with_columns(**values).with_columns(**scores)
    nodes = tree(indicators)
    for level in ("p", "t"):
        frame = _level(frame, {name: parts for name, (_, parts) in nodes.items() if name[0] == level})
    frame = _level(frame, {"composite": {name: weight for name, (weight, _) in nodes.items() if weight}})
    total, peers = pl.col("composite.score"), ("period", "cohort")
    frame = frame.with_columns(
        total.alias("raw"),
        total.cast(pl.Decimal(38, 9)).round(2, mode="half_away_from_zero").cast(pl.Float64).alias("score"),
    )
    place = pl.col("score").rank("min", descending=True).over(peers)
    stars = pl.lit(0)
    for level, cut in ((1, 0), (2, 60), (3, 70), (4, 80), (5, 90)):
        stars = pl.when(pl.col("score") >= cut).then(level).otherwise(stars)
    frame = frame.with_columns(
        place.alias("rank"),
        pl.col("score").count().over(peers).cast(pl.UInt32).alias("of"),
        pl.when(pl.col("score").is_not_null()).then(stars).cast(pl.Int8).alias("stars"),
    )
    return frame.with_columns(
        (pl.col("rank").shift(entities).cast(pl.Int32) - pl.col("rank").cast(pl.Int32)).alias("rank_change"),
        (pl.col("score") - pl.col("score").shift(entities)).round(9).alias("score_change"),
    )


def _within(score: pl.Expr) -> pl.Expr:
    return pl.when(score > 100).then(100.0).when(score < 0).then(0.0).otherwise(score)


def _level(frame: pl.LazyFrame, nodes: dict[str, dict[str, int]]) -> pl.LazyFrame:
    sums: dict[str, pl.Expr] = {}
    results: dict[str, pl.Expr] = {}
    for name, parts in nodes.items():
        own = {part: pl.col(f"{part}.score") for part in parts}
        applies = {part: pl.col(f"{part}.score.status") != _why("not_applicable") for part in parts}
        sums[f"{name}.applicable"] = _total(
            [pl.when(applies[part]).then(float(w)).otherwise(0.0) for part, w in parts.items()]
        )
        there = {part: own[part].is_not_null() for part in parts}
        sums[f"{name}.present"] = _total(
            [pl.when(there[part]).then(float(w)).otherwise(0.0) for part, w in parts.items()]
        )
        sums[f"{name}.earned"] = _total([own[part].fill_null(0.0) * w for part, w in parts.items()])
        present, applicable = pl.col(f"{name}.present"), pl.col(f"{name}.applicable")
        results[f"{name}.score"] = pl.when(present > 0).then(pl.col(f"{name}.earned") / present)
        states = {part: pl.col(f"{part}.score.status") for part in parts}
        lacking = pl.any_horizontal([state == _why("missing") for state in states.values()])
        first = pl.coalesce([pl.when(applies[part]).then(state) for part, state in states.items()])
        results[f"{name}.score.status"] = (
            pl.when(applicable <= 0).then(_why("not_applicable")).when(present > 0).then(OK)
            .when(lacking).then(_why("missing")).otherwise(first)
        )  # fmt: skip
        covered = [pl.when(applies[part]).then(pl.col(f"{part}.coverage") * w) for part, w in parts.items()]
        percent = present / applicable * 100 if next(iter(parts))[0] == "x" else _total(covered) / applicable
        results[f"{name}.coverage"] = pl.when(applicable > 0).then(percent)
    return frame.with_columns(**sums).with_columns(**results)


def _total(terms: list[pl.Expr]) -> pl.Expr:
    return pl.sum_horizontal(terms) if len(terms) > 1 else terms[0]
