"""The finding about targets of units that are a hundred times the figures, or a hundredth: rather in another unit.

A target that each unit has of its own, from a file or a column, is about as large as the figure that is to reach it.
Targets in 万元 beside figures in 亿元, or 0.9 beside 87 %, decide every score in silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.intake.named_figures import MOST_NAMED, named_figures, periods_named
from kpi.language.system import System
from kpi.language.targets import Target
from kpi.values import units
from kpi.values.columns import Column

Numbers = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

#: How many targets with a figure there are at least, and from what ratio on (powers of ten) they are far from figures.
_TARGETS, _FAR = 3, 1.9
#: In which part of the units they are, and how far apart the middle half of the ratios is at most.
_MOST, _HALF = 0.8, 0.3
#: How far the other targets of an indicator are from their figures at most, one of which is far, and which part is.
_NEAR, _FEW = 0.7, 0.2
#: How far (in powers of ten) the ratio of such a target to that of the others may be from a power of ten.
_OF_POWER = 0.35


def target_sizes(
    system: System, frame: pl.DataFrame, entities: Sequence[str], labels: Mapping[int, str]
) -> Iterator[Diagnostic]:
    """Yield a warning for each indicator and period with targets of units that are far from the figures (K693).

    So they are in most units; or in a few, where the others are near. Where all figures are on the good side of the
    target, such as far below an upper limit, the ratios must be alike: limits may well be far away.

    Args:
        system: that was scored.
        frame: the result of its plan, of the periods to report on.
        entities: the names in order.
        labels: the labels of the periods.
    """
    there = set(frame.columns)
    for name, indicator in system.indicators.items():
        column = Column(name).target
        if column not in there or name not in there or not any(map(_is_written, indicator.target)):
            continue
        rows = frame.select("entity", "period", value=pl.col(name).cast(pl.Float64), target=column)
        rows = rows.filter((pl.col("value") > 0) & (pl.col("target") > 0) & pl.col("period").is_in(list(labels)))
        found = [
            finding for part in rows.partition_by("period", maintain_order=True)
            if (finding := _of_period(name, part, system, entities, labels)) is not None
        ]  # fmt: skip
        named = periods_named(len(found))
        yield from found[:named]
        if more := found[named:]:
            yield _further(name, system, len(more), more[0].place.period, more[-1].place.period)


def _is_written(target: Target) -> bool:
    """Return whether somebody wrote the bound of each unit, rather than that of all, which is shared among them."""
    return target.per_entity is not None and target.per_entity.share is None


def _of_period(
    name: str, rows: pl.DataFrame, system: System, entities: Sequence[str], labels: Mapping[int, str]
) -> Diagnostic | None:
    """Return the finding about the targets of one indicator and period, None without any."""
    if rows.height < _TARGETS:
        return None
    ratio = np.log10(rows["target"].to_numpy()) - np.log10(rows["value"].to_numpy())
    if _are_far(ratio, lower=system.indicators[name].direction == "lower"):
        return _of_most(name, rows, system, labels)
    if (far := _far(ratio)).any() and not _is_percent(name, system):
        return _of_few(name, rows.filter(pl.Series(far)), system, entities, labels)
    return None


def _are_far(ratio: Numbers, *, lower: bool) -> bool:
    """Return whether most targets are far from their figures, by the decimal logarithms of target by figure."""
    middle = float(np.median(ratio))
    if abs(middle) < _FAR or np.mean(np.sign(middle) * ratio >= _FAR - _HALF) < _MOST:
        return False
    quarter, three = np.quantile(ratio, (0.25, 0.75))
    out_of_reach = (middle < 0) if lower else (middle > 0)
    return bool(out_of_reach or three - quarter <= _HALF)


def _far(ratio: Numbers) -> Truths:
    """Return which of a few targets are about a power of ten from all others, which are near their figures."""
    far: Truths = np.abs(ratio) >= _FAR
    others = ratio[~far]
    few = far.sum() <= max(1, _FEW * ratio.size) and others.size >= _TARGETS and bool((np.abs(others) <= _NEAR).all())
    if not few:
        return np.zeros_like(far)
    beyond = ratio - np.median(others)
    return far & (np.abs(beyond - np.round(beyond)) <= _OF_POWER)


def _is_percent(name: str, system: System) -> bool:
    # A few fractions among percents are found where they are read (K636).
    return units.convertible(system.unit(name), units.PERCENT)


def _place(name: str, system: System, period: str, entity: str | None = None) -> Place:
    file = next((item.per_entity.file for item in system.indicators[name].target if item.per_entity), None)
    if file is not None:
        return Place(str(system.home / file), entity=entity, period=period)
    return Place(entity=entity, period=period, field=system.symbols[name].title)


def _hint() -> Message:
    return Message(
        "correct the targets, or write their unit into a column 计量单位 beside them; nothing is to be done where they "
        "are right"
    )


def _of_most(name: str, rows: pl.DataFrame, system: System, labels: Mapping[int, str]) -> Diagnostic:
    symbol = system.symbols[name]
    if system.disclosure is not None:
        message = Message("the targets of {indicator} are far from its figures", indicator=symbol.title)
    else:
        middle = rows.select("target", "value").median()
        message = Message(
            "the targets of {indicator} are far from its figures: {target:,.10g} {unit} beside {figure:,.10g} {unit}, "
            "in the middle of all",
            indicator=symbol.title, target=middle["target"][0], figure=middle["value"][0], unit=symbol.unit,
        )  # fmt: skip
    place = _place(name, system, labels[int(rows["period"].max())])  # type: ignore[arg-type]
    return Diagnostic("K693", message, place, _hint(), Severity.WARNING)


def _further(name: str, system: System, number: int, first: str | None, last: str | None) -> Diagnostic:
    """Return the finding about periods beyond those with findings of their own."""
    title = system.symbols[name].title
    message = Message(
        "targets of {indicator} are far from the figures in {number} more periods, {first} to {last}",
        indicator=title, number=number, first=first, last=last,
    )  # fmt: skip
    return Diagnostic("K693", message, Place(field=title), _hint(), Severity.WARNING, stands_for=number)


def _of_few(
    name: str, rows: pl.DataFrame, system: System, entities: Sequence[str], labels: Mapping[int, str]
) -> Diagnostic:
    symbol = system.symbols[name]
    figures = (
        (
            entities[entity],
            Message(
                "{target:,.10g} {unit} beside {figure:,.10g} {unit}", target=target, figure=value, unit=symbol.unit
            ),
        )
        for entity, _, value, target in rows.head(MOST_NAMED).iter_rows()
    )
    message = Message(
        "targets of {indicator} are far from the figures, unlike the others: {figures}",
        indicator=symbol.title, figures=named_figures(figures, rows.height, quoted=system.disclosure is None),
    )  # fmt: skip
    one = rows["entity"].unique()
    place = _place(
        name, system, labels[int(rows["period"].max())], entities[one[0]] if one.len() == 1 else None  # type: ignore[arg-type]
    )  # fmt: skip
    return Diagnostic("K693", message, place, _hint(), Severity.WARNING, stands_for=rows.height)
