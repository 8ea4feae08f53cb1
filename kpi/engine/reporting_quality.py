"""How well departments report (报送质量): completeness, timeliness and accuracy of the figures of each.

The words are those of official statistics (完整性、及时性、准确性); the weights by which they make one number are the
system's `quality:`, and those it has by default are ours:

    completeness = 100 * figures reported / figures expected
    timeliness   = 100 * figures in time / figures whose day is known and that a check `due` is about
    accuracy     = 100 * figures reported that nothing is said against / figures reported
    quality      = their weighted mean, over those that can be told

A figure is expected of every entity in every period. One that does not apply (不适用) is reported. Something is said
against a figure that could not be read or was refused, or about which a check has an error or a query without answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl

from kpi.language.system import System
from kpi.values.columns import Column
from kpi.values.status import reason, status_of

_REPORTERS = {"measure": pl.String, "entity": pl.UInt32, "period": pl.Int32, "reporter": pl.String}
_COUNTS = ("expected", "reported", "dated", "on_time", "sound")
_PARTS = ("completeness", "timeliness", "accuracy")
COLUMNS = ("system", "period", "department", *_COUNTS, *_PARTS, "quality")


@dataclass(frozen=True)
class Supply:
    """What is known of how figures came: who reported them, which were restated, which are in doubt.

    Attributes:
        reporters: measure, entity (place), period (index), reporter; empty where no column of the data says it.
        restated: what later revisions took the place of, see `Scorecard.restated`.
        doubtful: figures that a check is against: measure, entity and period.
    """

    reporters: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_REPORTERS))
    restated: pl.DataFrame | None = None
    doubtful: frozenset[tuple[str, int, int]] = frozenset()


def departments(system: System) -> dict[str, str]:
    """Return the department responsible for a measure: the first `lead` of the first indicator that reads it."""
    found: dict[str, str] = {}
    for indicator in system.indicators.values():
        for _, used in indicator.inputs():
            if indicator.lead and used in system.measures:
                found.setdefault(used, indicator.lead[0])
    return found


def told(system: System, supply: Supply) -> bool:
    """Return whether anything says who reports or when it is due: else the quality of reports says nothing."""
    due = any(check.deadline(system.period) is not None for check in system.checks.values())
    return bool(supply.reporters.height or departments(system) or due)


def quality(
    system: System, rows: pl.DataFrame, labels: Mapping[int, str], names: pl.Series, supply: Supply
) -> pl.DataFrame:
    """Return the quality of reporting, one row per period and department, in the order of periods and names.

    Columns: system, period, department, expected, reported, dated, on_time, sound (figures), completeness, timeliness,
    accuracy, quality (percent; null where they cannot be told).

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
        there = ~_any(status_of(name) == reason(one) for one in ("missing", "incomplete"))
        keys = pl.DataFrame(doubtful.get(name, []), schema={"entity": pl.UInt32, "period": pl.Int32}, orient="row")
        who = reporters.get((name,), supply.reporters.clear()).select("entity", "period", "reporter")
        read = [Column(name).reported] if name in due else []
        mine = rows.select("entity", "period", "#month", *read, Column(name).status)
        # Most figures are beyond doubt, and most data do not say who reports: a join would cost more than the rest.
        for known, blank in ((keys.unique().with_columns(doubt=True), "doubt"), (who, "reporter")):
            if known.height:
                mine = mine.join(known, on=["entity", "period"], how="left", maintain_order="left")
            else:
                mine = mine.with_columns(pl.lit(None, dtype=known.schema[blank]).alias(blank))
        other = (
            pl.lit(lead[name])
            if name in lead
            else pl.col("entity").replace_strict(dict(enumerate(names)), return_dtype=pl.String)
        )
        sound = there & (status_of(name) != reason("refused")) & pl.col("doubt").is_null()
        parts.append(
            mine.group_by("period", department=pl.coalesce("reporter", other)).agg(
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
    """Return a frame of no quality, with its columns."""
    numbers = dict.fromkeys((*_PARTS, "quality"), pl.Float64) | dict.fromkeys(_COUNTS, pl.Int64)
    return pl.DataFrame(schema={name: numbers.get(name, pl.String) for name in COLUMNS})


def _reported(system: System) -> list[str]:
    return [name for name, one in system.symbols.items() if one.reported and one.per is None]


def _any(some: Iterable[pl.Expr]) -> pl.Expr:
    return pl.any_horizontal(list(some))


def _percent(part: str, whole: str) -> pl.Expr:
    return pl.when(pl.col(whole) > 0).then(100 * pl.col(part) / pl.col(whole))


def _mean(system: System) -> pl.Expr:
    """Return the weighted mean of the parts that can be told."""
    weights = {name: float(getattr(system.quality, name)) for name in _PARTS}
    # Added one after the other: the order must not depend on threads.
    total = sum((pl.col(name).fill_null(0.0) * weight for name, weight in weights.items()), pl.lit(0.0))
    weight = sum(
        (pl.when(pl.col(name).is_not_null()).then(one).otherwise(0.0) for name, one in weights.items()), pl.lit(0.0)
    )
    return pl.when(weight > 0).then(total / weight)
