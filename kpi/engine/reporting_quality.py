"""Quality of reporting (报送质量) by department: completeness, timeliness and accuracy.

The three dimensions are those of official statistics (完整性、及时性、准确性). Their weights in the overall quality are
the system's `quality:`; the defaults are ours.

    completeness = 100 * figures reported / figures expected
    timeliness   = 100 * figures in time / figures with a known date that a check `due` applies to
    accuracy     = 100 * figures reported without objection / figures reported
    quality      = weighted mean of the dimensions that are defined

A figure is expected of every entity in every period. A figure that does not apply (不适用) counts as reported.
Objections are: the figure could not be read or was refused, or a check reports an error, or a query without an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

import polars as pl
from msgspec import Struct, field

from kpi.language.system import System
from kpi.values.columns import Column
from kpi.values.status import reason, status_of

_REPORTERS = {"measure": pl.String, "entity": pl.UInt32, "period": pl.Int32, "reporter": pl.String}
_COUNTS = ("expected", "reported", "dated", "on_time", "sound")
_PARTS = ("completeness", "timeliness", "accuracy")
COLUMNS = ("system", "period", "department", *_COUNTS, *_PARTS, "quality")


@cache
def _no_reporters() -> pl.DataFrame:
    return pl.DataFrame(schema=_REPORTERS)


class Supply(Struct, frozen=True):
    """Facts about reports: who reported the figures, which were restated, which are doubtful.

    Attributes:
        reporters: measure, entity (place), period (index), reporter; empty if no column of the data names it.
        restated: figures that later revisions replaced, see `Scorecard.restated`.
        doubtful: figures that a check objects to: measure, entity and period.
    """

    reporters: pl.DataFrame = field(default_factory=_no_reporters)
    restated: pl.DataFrame | None = None
    doubtful: frozenset[tuple[str, int, int]] = frozenset()


def departments(system: System) -> dict[str, str]:
    """Return the department responsible for each measure: the first `lead` of the first indicator that reads it."""
    leads: dict[str, str] = {}
    for indicator in system.indicators.values():
        for _, used in indicator.inputs():
            if indicator.lead and used in system.measures:
                leads.setdefault(used, indicator.lead[0])
    return leads


def is_assessable(system: System, supply: Supply) -> bool:
    """Return whether reporters or due dates are known; without them there is no quality of reporting."""
    due = any(check.deadline(system.period) is not None for check in system.checks.values())
    return bool(supply.reporters.height or departments(system) or due)


def quality(
    system: System, rows: pl.DataFrame, labels: Mapping[int, str], names: pl.Series, supply: Supply
) -> pl.DataFrame:
    """Return the quality of reporting, one row per period and department, ordered by period and name.

    Columns: system, period, department, expected, reported, dated, on_time, sound (figures), completeness, timeliness,
    accuracy, quality (percent; null if undefined).

    Args:
        system: gives measures, leads, deadlines and weights.
        rows: of the scored frame.
        labels: of the periods.
        names: of the entities, in their order.
        supply: who reported, and what is in doubt.
    """
    lead = departments(system)
    doubtful: dict[str, list[tuple[int, int]]] = {}
    for measure, entity, period in supply.doubtful:
        doubtful.setdefault(measure, []).append((entity, period))
    reporters = supply.reporters.partition_by("measure", as_dict=True)
    due = {
        name: deadline
        for check in system.checks.values()
        if (deadline := check.deadline(system.period)) is not None
        for fact, name in check.facts(system.symbols)
        if fact == "reported"
    }
    parts = []
    for name in _reported(system):
        day = pl.col(Column(name).reported) if name in due else pl.lit(None, dtype=pl.Date)
        there = ~_any(status_of(name) == reason(status) for status in ("missing", "incomplete"))
        keys = pl.DataFrame(doubtful.get(name, []), schema={"entity": pl.UInt32, "period": pl.Int32}, orient="row")
        who = reporters.get((name,), supply.reporters.clear()).select("entity", "period", "reporter")
        read = [Column(name).reported] if name in due else []
        figures = rows.select("entity", "period", "#month", *read, Column(name).status)
        # Most figures are not in doubt, and most data have no reporters: skip the join, which would dominate the cost.
        for known, blank in ((keys.unique().with_columns(doubt=True), "doubt"), (who, "reporter")):
            if known.height:
                figures = figures.join(known, on=["entity", "period"], how="left", maintain_order="left")
            else:
                figures = figures.with_columns(pl.lit(None, dtype=known.schema[blank]).alias(blank))
        other = (
            pl.lit(lead[name])
            if name in lead
            else pl.col("entity").replace_strict(dict(enumerate(names)), return_dtype=pl.String)
        )
        sound = there & (status_of(name) != reason("refused")) & pl.col("doubt").is_null()
        parts.append(
            figures.group_by("period", department=pl.coalesce("reporter", other)).agg(
                expected=pl.len().cast(pl.Int64), reported=there.sum().cast(pl.Int64),
                dated=day.is_not_null().sum().cast(pl.Int64),
                on_time=((day <= due[name]).sum() if name in due else pl.lit(0)).cast(pl.Int64),
                sound=sound.sum().cast(pl.Int64),
            )
        )  # fmt: skip
    if not parts:
        return nothing()
    every = pl.concat(parts).group_by("period", "department").agg(pl.col(*_COUNTS).sum()).sort("period", "department")
    return every.with_columns(
        completeness=_percent("reported", "expected"), timeliness=_percent("on_time", "dated"),
        accuracy=_percent("sound", "reported"),
    ).select(
        pl.lit(system.system).alias("system"), pl.col("period").replace_strict(dict(labels), return_dtype=pl.String),
        "department", *_COUNTS, *_PARTS, _mean(system).alias("quality"),
    )  # fmt: skip


def nothing() -> pl.DataFrame:
    """Return an empty frame with the columns of `quality`."""
    numbers = dict.fromkeys((*_PARTS, "quality"), pl.Float64) | dict.fromkeys(_COUNTS, pl.Int64)
    return pl.DataFrame(schema={name: numbers.get(name, pl.String) for name in COLUMNS})


def _reported(system: System) -> list[str]:
    return [name for name, symbol in system.symbols.items() if symbol.reported and symbol.per is None]


def _any(conditions: Iterable[pl.Expr]) -> pl.Expr:
    return pl.any_horizontal(list(conditions))


def _percent(part: str, total: str) -> pl.Expr:
    return pl.when(pl.col(total) > 0).then(100 * pl.col(part) / pl.col(total))


def _mean(system: System) -> pl.Expr:
    """Return the weighted mean of the dimensions that are defined."""
    weights = {name: float(getattr(system.quality, name)) for name in _PARTS}
    # Added one by one, so that the order of addition does not depend on threads.
    total = sum((pl.col(name).fill_null(0.0) * weight for name, weight in weights.items()), pl.lit(0.0))
    weight = sum(
        (pl.when(pl.col(name).is_not_null()).then(factor).otherwise(0.0) for name, factor in weights.items()),
        pl.lit(0.0),
    )
    return pl.when(weight > 0).then(total / weight)
