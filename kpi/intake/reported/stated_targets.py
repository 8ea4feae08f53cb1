"""Targets that data or a file state, one a row, made into one for each entity and scored period.

Of several for one period the latest revision counts, as with figures; different ones of it contradict each other, and
none is used: the target is null, and no earlier one holds instead. Where figures of finer periods are added, so are the
targets of these, if they fill the scored period; elsewhere the last of them holds. Null targets stay null.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity, first_names
from kpi.intake import row_findings
from kpi.intake.entities import Entities
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import Placed
from kpi.intake.reported.duplicates import places_named
from kpi.language.measures import Count, Reported, Sum, exact_sum
from kpi.language.system import System
from kpi.values.periods import Period

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_KEYS = ["indicator", "entity", "start", "months"]


def settled(targets: pl.DataFrame, sources: Sequence[Placed], system: System) -> tuple[pl.DataFrame, list[Diagnostic]]:
    """Return one target for each indicator, entity and period, null where rows contradict each other, and the findings.

    Args:
        targets: the columns indicator, entity, start, months, target, revision, source and row.
        sources: the tables that the rows come from.
        system: gives the titles.
    """
    if not targets.height:
        return targets, []
    # A target that was refused is null, and reported; another one for the period goes before it.
    usable = pl.col("target").is_not_null()
    rows = targets.sort("source", "row").filter(usable | ~usable.any().over(_KEYS))
    rows = rows.filter(pl.col("revision") == pl.col("revision").max().over(_KEYS))
    places = pl.struct("source", "row").implode()
    rows = rows.with_columns(
        clash=pl.col("target").round_sig_figs(12).n_unique().over(_KEYS) > 1,
        others=places.over(_KEYS, mapping_strategy="join"),
    )
    findings: list[Diagnostic] = []
    clash = rows.filter("clash").unique(["source", "row", "measure"], keep="first", maintain_order=True)
    for number, source in enumerate(sources):
        header = source.roles.get("target")
        mine = clash.filter(pl.col("source") == number).rename({"row": ROW})

        def finding_of(row: dict[str, object], at: int = number) -> row_findings.Finding:
            own = (at, int(str(row[ROW])))
            others = [(item["source"], item["row"]) for item in row["others"]]  # type: ignore[attr-defined]
            others.remove(own)
            message = Message(
                "the target of {title} contradicts {places}; none is used",
                title=system.symbols[str(row["indicator"])].title,
                places=places_named(others, own, sources, []),
            )
            return "K608", message, _CORRECT

        if mine.height:
            findings += row_findings.of_rows(source.table, mine, header or "", finding_of)
    rows = rows.with_columns(target=pl.when(~pl.col("clash")).then("target"))
    return rows.unique(_KEYS, keep="first", maintain_order=True).select(targets.columns), findings


_CORRECT = Message("leave all but one out, or give the later one a higher number in a column 修订")


def in_scored_periods(
    targets: pl.DataFrame, indicator: str, system: System, entities: Entities, place: Place
) -> tuple[pl.DataFrame, list[Diagnostic]]:
    """Return the targets of an indicator with those of finer periods as one of the scored period, and the findings.

    Args:
        targets: the columns entity, start, months (null without a period), target, row, and others.
        indicator: the indicator.
        system: gives the scored periods.
        entities: that `entity` counts.
        place: of the targets.
    """
    size = system.period.months
    if not (targets["months"] < size).any():
        return targets, []
    rows = targets.with_columns(period=(pl.col("start") + pl.col("months") - 1) // size)
    finer = rows.filter(pl.col("months") < size)
    title, keys = system.symbols[indicator].title, ["entity", "period"]
    if not _adds_up(system, indicator):
        several = finer.group_by(keys).agg(pl.col("target").n_unique())["target"].max()
        if several == 1 or _runs_on(system, indicator):
            return targets, []
        message = Message(
            "{title}: of several targets within a {grain} the last holds", title=title, grain=system.period.noun
        )
        return targets, [Diagnostic("K643", message, place, None, Severity.INFO)]
    whole = rows.filter(pl.col("months") == size).select(keys)
    rest = rows.filter((pl.col("months") >= size) | pl.col("start").is_null())
    ends = pl.col("start") + pl.col("months")
    begin = pl.col("period").first() * size
    result = (
        finer.join(whole, on=keys, how="anti")
        .sort(*keys, "start", "row")
        .group_by(keys, maintain_order=True)
        .agg(
            filled=(pl.col("start").first() == begin)
            & (ends.last() == begin + size)
            & (pl.col("start") == ends.shift(1)).fill_null(value=True).all(),
            total=pl.when(pl.col("target").is_not_null().all()).then(exact_sum(pl.col("target"))),
            row=pl.col("row").first(),
        )
    )
    findings: list[Diagnostic] = []
    gaps = result.filter(~pl.col("filled")).group_by("period", maintain_order=True).agg("entity").sort("period")
    by_units: dict[tuple[str, ...], list[str]] = {}
    for period, places in gaps.rows():
        units = tuple(entities.every[at] for at in sorted(places))
        by_units.setdefault(units, []).append(Period.of(period, system.period).label)
    for units, labels in by_units.items():
        message = Message(
            "{title}: the targets of {units} within {periods} are not for all of it, so they are not used",
            title=title, units=first_names(units), periods=first_names(labels),
        )  # fmt: skip
        hint = Message("give a target for every part of the {grain}, or one for the {grain}", grain=system.period.noun)
        findings.append(Diagnostic("K643", message, place, hint, Severity.WARNING))
    if result["filled"].any():
        message = Message(
            "{title}: targets within a {grain} are added, as its figures are", title=title, grain=system.period.noun
        )
        hint = Message("give the target of the {grain} once, for the {grain}, if it is meant", grain=system.period.noun)
        findings.append(Diagnostic("K643", message, place, hint, Severity.INFO))
    first = (pl.col("period") * size).cast(targets.schema["start"])
    result = result.with_columns(
        start=first, months=pl.lit(size, dtype=targets.schema["months"]),
        target=pl.when("filled").then("total"), indicator=pl.lit(indicator),
    )  # fmt: skip
    columns = ["start", "months", "target", "indicator", "entity", "row"]
    return pl.concat([rest.select(columns), result.select(columns).cast(rest.select(columns).schema)]), findings


def forward_filled(grid: pl.DataFrame, targets: pl.DataFrame, size: int) -> pl.Series:
    """Return the `target` of each row: one that is given holds until another is given, the first before it too.

    One without a period is given before all others; a null one says that there is none from then on. Which periods the
    grid has makes no difference.
    """
    import numpy as np  # on use, since most programs do without

    if not targets.height:
        return without_targets(grid)
    spans = targets.select(pl.col("start", "months").cast(pl.Int64).fill_null(0), undated=pl.col("start").is_null())
    start, months, undated = (column.to_numpy() for column in spans)
    ends = np.where(undated, -1, (start + months - 1) // size)
    order = np.lexsort((targets["row"].to_numpy(), np.where(undated, -1, start), ends, targets["entity"].to_numpy()))
    stated = _points(targets["entity"], ends)[order]
    wanted = _points(grid["entity"], grid["period"].cast(pl.Int64).to_numpy())
    # Of several for a period the last holds, which a search from the right gives.
    held = np.searchsorted(stated, wanted, side="right") - 1
    first = np.searchsorted(stated, wanted >> _BITS << _BITS).clip(max=len(stated) - 1)
    held = np.where(held < first, np.searchsorted(stated, stated[first], side="right") - 1, held)
    known = stated[held] >> _BITS == wanted >> _BITS
    # A place behind the last stands for none.
    places = np.where(known, order[held], targets.height)
    return pl.concat([targets["target"], without_targets(grid.head(1))]).gather(places)


def without_targets(grid: pl.DataFrame) -> pl.Series:
    """Return the column `target` of rows without any."""
    return pl.Series("target", [None], dtype=pl.Float64).new_from_index(0, grid.height)


#: The bits that a period takes in the number for an entity and a period.
_BITS = 32


def _points(entities: pl.Series, periods: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a number for each entity and period, in the order of these."""
    places: NDArray[np.int64] = entities.cast(pl.Int64).to_numpy()
    return (places << _BITS) + periods + 1


def _adds_up(system: System, indicator: str) -> bool:
    """Return whether the figure of a scored period is the sum of those of finer ones."""
    measure = system.measures.get(system.indicators[indicator].measure_shown or "")
    if isinstance(measure, Reported):
        return measure.timing == "sum" and not measure.from_january
    return isinstance(measure, Count | Sum) and measure.over_time in (None, "sum")


def _runs_on(system: System, indicator: str) -> bool:
    """Return whether figures, and so the targets beside them, are for the year to date."""
    measure = system.measures.get(system.indicators[indicator].measure_shown or "")
    return isinstance(measure, Reported) and measure.timing == "ytd"
