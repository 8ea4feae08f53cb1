"""The findings about figures of shorter periods than the scored ones: a wrong digit of one month, a count below zero.

In the sum of a year, a month with a digit too many is not seen, nor one that is a copy. The figures of each month are
therefore judged as those of scored periods are (K674, K683, K686, K687, K692). Running totals are left out, as are
figures that are for the scored period.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import polars as pl

from kpi.errors import Diagnostic
from kpi.intake.copied_periods import copied_periods
from kpi.intake.lone_zeros import lone_zeros
from kpi.intake.magnitudes import magnitudes_of, with_magnitude
from kpi.intake.magnitudes_beside import Grid
from kpi.intake.negative_counts import is_judged, negative_counts
from kpi.language.measures import reported
from kpi.language.system import System
from kpi.values.period_texts import parse
from kpi.values.periods import Grain, Period

#: The lengths of periods, in months, that fill a year; a figure of 1-9月 is a running total.
_LENGTHS = (1, 3, 6)

#: The findings that are made for the figures of shorter periods, and for those of the scored ones: about what they are.
_ABOUT = {"K674": "sign", "K683": "size", "K686": "size", "K687": "copy", "K692": "zero"}


def of_finer_periods(rows: pl.DataFrame, system: System, entities: Sequence[str]) -> Iterator[Diagnostic]:
    """Yield the findings about the figures of shorter periods, of each measure those of its commonest length.

    Args:
        rows: clean rows (see `kpi.intake.reported.row_cleaning`), one per measure, entity, finer unit and period.
        system: gives the measures and the scored periods.
        entities: the names in order; figures of others behind them are left out.
    """
    size, timeline = system.period.months, system.period.timeline
    lengths = [months for months in _LENGTHS if months < size]
    if timeline.weeks or not lengths or not rows.height:
        return
    with_size = {*with_magnitude(system)}
    names = [name for name, item in reported(system.measures).items() if item.per is None and not item.from_january]
    finer = pl.col("months").is_in(lengths) & (pl.col("start") % pl.col("months") == 0)
    figures = rows.select("measure", "entity", "start", "months", "value", "per").filter(
        finer & pl.col("value").is_not_null() & pl.col("per").is_null() & (pl.col("entity") < len(entities))
    )
    if not figures.height:
        return
    parts = figures.partition_by("measure", as_dict=True, include_key=False)
    labels: dict[int, dict[int, str]] = {}
    kept: dict[int, list[pl.DataFrame]] = {}
    for name in names:
        if (part := parts.get((name,))) is None or (commonest := _of_commonest_length(part)) is None:
            continue
        months, mine = commonest
        if months not in labels:
            labels[months] = _labels(figures["start"], months, system.period)
        kept.setdefault(months, []).append(mine.with_columns(measure=pl.lit(name)))
        if name in with_size:
            yield from magnitudes_of(_grid(mine, len(entities)), name, system, entities, labels[months])
        if is_judged(name, system.measures[name]) and _lowest(mine) < 0:
            yield from negative_counts(system, mine.rename({"value": name}), entities, labels[months])
    for months, many in kept.items():
        panel = pl.concat(many).pivot("measure", index=["period", "entity"], values="value").sort("period", "entity")
        yield from lone_zeros(system, panel, entities, labels[months])
        yield from copied_periods(system, panel, labels[months], months=months)


def _of_commonest_length(figures: pl.DataFrame) -> tuple[int, pl.DataFrame] | None:
    """Return the length in months that most figures are for, with these and their periods; None without such a one."""
    months = figures["months"]
    length = int(months.median())  # type: ignore[arg-type]
    if months.min() != months.max():
        figures = figures.filter(months == length)
    if figures.height * 2 <= months.len():
        return None
    return length, figures.select("entity", (pl.col("start") // length).alias("period"), "value")


def _labels(starts: pl.Series, months: int, grain: Grain) -> dict[int, str]:
    """Return the labels of all periods of some months from the first to the last."""
    first, last = (int(end) // months for end in (starts.min(), starts.max()))  # type: ignore[arg-type]
    indices = range(first, last + 1)
    return {index: Period(index * months, months, grain.timeline).label for index in indices}


def _grid(figures: pl.DataFrame, entities: int) -> Grid:
    """Return figures by period and unit."""
    period, entity = figures["period"].to_numpy(), figures["entity"].to_numpy()
    first = int(period.min())
    values = np.full((int(period.max()) - first + 1, entities), np.nan)
    values[period - first, entity] = figures["value"].to_numpy()
    return Grid(values, first)


def _lowest(figures: pl.DataFrame) -> float:
    return float(figures["value"].min())  # type: ignore[arg-type]


def within(findings: Iterable[Diagnostic], shown: Iterable[int], grain: Grain) -> Iterator[Diagnostic]:
    """Yield findings of intake, those about figures of finer periods only where these lie in shown periods.

    Args:
        findings: those of intake.
        shown: the indices of scored periods.
        grain: of the scored periods.
    """
    shown = {*shown}
    for finding in findings:
        if (finer := _scored_period(finding, grain)) is None or finer in shown:
            yield finding


def unless_finer(findings: Iterable[Diagnostic], known: Iterable[Diagnostic], grain: Grain) -> Iterator[Diagnostic]:
    """Yield findings about scored periods, without those that a finding about finer figures within explains.

    Args:
        findings: those about figures of scored periods, and others.
        known: findings of intake.
        grain: of the scored periods.
    """
    explained = {
        (_ABOUT[finding.code], finding.place.field, period) for finding in known
        if (period := _scored_period(finding, grain)) is not None
    }  # fmt: skip
    for finding in findings:
        period = _scored_period(finding, grain) if explained else None
        if period is None or (_ABOUT[finding.code], finding.place.field, period) not in explained:
            yield finding


def _scored_period(finding: Diagnostic, grain: Grain) -> int | None:
    """Return the scored period that a finding about the size or the sign of figures is about, None for any other."""
    if finding.code not in _ABOUT or finding.place.period is None:
        return None
    return parse(finding.place.period, timeline=grain.timeline).index(grain)
