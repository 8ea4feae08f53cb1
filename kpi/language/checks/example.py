"""A check on a few figures, for examples."""

from __future__ import annotations

from typing import Any

import polars as pl
from pydantic import TypeAdapter

from kpi.language.checks import AnyCheck
from kpi.language.checks.base import FACTS, Check
from kpi.language.indicators import Symbol
from kpi.values.columns import Column
from kpi.values.periods import Grain
from kpi.values.status import Status


def messages(check: dict[str, Any], **figures: list[Any]) -> list[str]:
    """Return the messages of a check about figures of one unit, one a year from 2022.

    Columns named `measure.fact` are facts of the panel beside the values.

    >>> messages({"required": "gdp"}, gdp=[10, None])
    ['2023: gdp is required, and missing or incomplete']
    """
    validated: Check = TypeAdapter(AnyCheck).validate_python(check)
    names = [name for name in figures if "." not in name]
    symbols = {name: Symbol(name, name, None, None, reported=True) for name in names}
    height = len(next(iter(figures.values())))
    frame = pl.DataFrame({"period": range(2022, 2022 + height)}, schema={"period": pl.Int32}).with_columns(
        pl.lit(0, dtype=pl.UInt32).alias("entity"), (pl.col("period") * 12 + 11).alias("#month"),
        pl.lit(1, dtype=pl.Int64).alias("#entities"),
        **{name: pl.Series(column, dtype=pl.Float64 if name in names else None) for name, column in figures.items()},
    )  # fmt: skip
    frame = frame.with_columns(
        pl.when(pl.col(name).is_null())
        .then(pl.lit("missing"))
        .otherwise(pl.lit("ok"))
        .cast(Status)
        .alias(Column(name).status)
        for name in names
    )
    lacking = {Column(name).fact(fact): FACTS.get(fact, pl.Float64) for fact, name in validated.facts(symbols)}
    frame = frame.with_columns(
        pl.lit(None, dtype=dtype).alias(column) for column, dtype in lacking.items() if column not in frame.columns
    )
    results: list[str] = []
    for breach in validated.breaches(symbols, Grain.YEAR):
        details = pl.struct(nothing=None) if breach.details is None else breach.details
        rows = frame.with_columns(broken=breach.where, details=details).filter("broken")
        results += [f"{year}: {breach.description(more)}" for year, more in rows["period", "details"].rows()]
    return sorted(results)
