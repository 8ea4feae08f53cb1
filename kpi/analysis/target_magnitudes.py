"""Targets in another unit of measure than the figures: those of a file in 万元 beside figures in 亿元, 0.42 for 42 %.

Targets that a definition states are judged by themselves. Those that units have of their own, in a file, a column or by
class, are compared with the figures of the units.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity, first_names
from kpi.intake.named_figures import named_figures
from kpi.language.system import System
from kpi.values.columns import Column

if TYPE_CHECKING:
    import numpy as np

    Numbers: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

#: How many units with a target and a figure, neither 0, there are in a period at least.
_UNITS = 4
#: From how many times their targets on the figures of all units are in another unit; and below which part of them, as
#: the first figures of a year may be small beside the targets of the year.
_ABOVE, _BELOW = 50, 1 / 500
#: How far from its usual ratio the target of one unit is, while those of the others lie within `_NEAR` times of it.
_FAR, _NEAR = 500, 10
#: The most units with such a target, as a part of all.
_FEW = 0.1


@dataclass(frozen=True)
class _Odd:
    """Some units of a period whose figures are far from their targets.

    Attributes:
        period: its index.
        rows: their rows in the frame.
        every: whether they are all units.
    """

    period: int
    rows: Sequence[int]
    every: bool


def target_magnitudes(
    system: System, frame: pl.DataFrame, entities: Sequence[str], labels: Mapping[int, str]
) -> Iterator[Diagnostic]:
    """Yield a warning for targets of units that are another order of magnitude than their figures (K687).

    Either the figures of all units of a period are at least 50 times their targets, or at most a 500th of them; or few
    units are 500 times as far from theirs as the others, which are near each other.

    Args:
        system: that was scored.
        frame: the result of its plan.
        entities: the names in order.
        labels: the labels of the periods to report on.
    """
    for name, indicator in system.indicators.items():
        column = Column(name).target
        if not any(target.per_entity is not None for target in indicator.target) or column not in frame.columns:
            continue
        found: dict[tuple[bool, tuple[int, ...]], list[_Odd]] = {}
        for odd in _odd(frame, name, labels):
            units = () if odd.every else tuple(frame["entity"].gather(list(odd.rows)).to_list())
            found.setdefault((odd.every, units), []).append(odd)
        for items in found.values():
            yield _finding(items, name, system, frame, entities, labels=labels)


def _odd(frame: pl.DataFrame, name: str, labels: Mapping[int, str]) -> Iterator[_Odd]:
    """Yield the periods in which targets and figures are far from each other, with the rows of the units."""
    import numpy as np

    values, targets = (frame[part].cast(pl.Float64).to_numpy() for part in (name, Column(name).target))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.abs(values / targets)
        # In most periods all figures are near their targets.
        if not np.fmax.reduce(ratio) >= _ABOVE and not np.fmin.reduce(ratio) <= _BELOW:
            return
        ratio = np.log10(ratio)
    period = frame["period"].to_numpy()
    there = np.isfinite(ratio)
    for at in np.unique(period[there]).tolist():
        rows = np.flatnonzero(there & (period == at))
        if at not in labels or rows.size < _UNITS:
            continue
        own = ratio[rows]
        if own.min() >= np.log10(_ABOVE) or own.max() <= np.log10(_BELOW):
            yield _Odd(at, rows.tolist(), every=True)
            continue
        off = np.abs(own - np.median(own))
        far = off >= np.log10(_FAR)
        if far.any() and far.sum() <= max(1, _FEW * rows.size) and bool((off[~far] <= np.log10(_NEAR)).all()):
            yield _Odd(at, rows[far].tolist(), every=False)


def _finding(
    items: Sequence[_Odd], name: str, system: System, frame: pl.DataFrame, entities: Sequence[str], *,
    labels: Mapping[int, str],
) -> Diagnostic:  # fmt: skip
    indicator = system.indicators[name]
    shown = name if indicator.title or indicator.measure_shown is None else indicator.measure_shown
    title, last = system.symbols[shown].title, items[-1]
    unit = system.symbols[name].unit
    periods = first_names([labels[item.period] for item in items])
    figures = (
        (
            entities[row["entity"]],
            Message(
                "{value:,.10g} {unit} with a target of {target:,.10g}",
                value=row[name], unit=unit, target=row[Column(name).target],
            ),
        )
        for row in frame[list(last.rows)].iter_rows(named=True)
    )  # fmt: skip
    words = {
        "indicator": title, "periods": periods,
        "figures": named_figures(figures, len(last.rows), quoted=system.disclosure is None),
    }  # fmt: skip
    message = Message("the target of {indicator} is far from the figure in {periods}: {figures}", **words)
    if last.every:
        message = Message("the targets of {indicator} are far from all figures in {periods}: {figures}", **words)
    hint = Message("check the unit and the number of digits of the targets; nothing is to be done where they are right")
    entity = entities[frame["entity"][last.rows[0]]] if len(last.rows) == 1 else None
    place = Place(entity=entity, period=labels[last.period], field=title)
    return Diagnostic("K687", message, place, hint, Severity.WARNING, stands_for=sum(len(item.rows) for item in items))
