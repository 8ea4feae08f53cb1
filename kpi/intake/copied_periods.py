"""The finding about a period whose figures are those of the period before: rather a file sent again than data.

Figures that change from period to period are hardly all equal in two, in every unit and in several measures. What
changes seldom, such as areas, says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity, first_names
from kpi.language.measures import Reported, reported
from kpi.language.system import System, unit_or_none
from kpi.values import units
from kpi.values.periods import Period

Numbers = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

#: How many figures of a measure, different ones, are equal at least, how many of all measures, and how many where there
#: are two periods alone.
_UNITS, _FIGURES, _OF_TWO = 3, 6, 12
#: How many different figures they are at least.
_DIFFERENT = 4
#: In which part of the other periods a measure has changed that says something.
_CHANGING = 0.5
#: Whole numbers below this may well stay.
_SMALL = 20.0
#: With how many units measures are looked through.
_FIRST = 8


def copied_periods(
    system: System, frame: pl.DataFrame, labels: Mapping[int, str], *, months: int | None = None
) -> Iterator[Diagnostic]:
    """Yield a warning for each period in which all figures of measures are those of the period before (K687).

    Args:
        system: gives the measures.
        frame: with the columns entity, period and the measures.
        labels: the labels of the periods to report on.
        months: the length of a period; left out: that of the scored ones.
    """
    columns, measures = set(frame.columns), reported(system.measures)
    names = [
        name for name, measure in measures.items()
        if name in columns and measure.per is None and unit_or_none(measure.unit) not in (None, units.YES_NO)
    ]  # fmt: skip
    if not names or not frame.height:
        return
    period, entity = frame["period"].to_numpy(), frame["entity"].to_numpy()
    first, number = int(period.min()), int(entity.max()) + 1
    shape = int(period.max()) - first + 1, number
    if shape[0] < 2 or number < _UNITS:
        return
    place = (period - first).astype(np.int64) * number + entity
    whole = place.size == shape[0] * number and bool((place[1:] > place[:-1]).all())

    def grid(name: str) -> Numbers:
        values = frame[name].to_numpy()
        if not whole:
            every = np.full(shape[0] * number, np.nan)
            every[place] = values
            values = every
        return values.reshape(shape)

    some = np.stack([grid(name)[:, :_FIRST] for name in names])
    likely = _likely(some)
    enough = likely.sum(axis=0) >= min(2, len(names))
    pairs = [at for at in np.flatnonzero(enough).tolist() if first + at + 1 in labels]
    if not pairs:
        return
    for at in pairs:
        mine = [names[place] for place in np.flatnonzero(likely[:, at]).tolist()]
        finding = _copy(at, {name: grid(name) for name in mine}, measures, system, alone=len(names) == 1)
        if finding is not None:
            yield _finding(*finding, [_label(first + at + later, months, system) for later in (0, 1)], system)


def _likely(values: Numbers) -> Truths:
    """Return which measures may be copies in which pairs of periods, by some units: they change in most others.

    Args:
        values: by measure, period and unit.
    """
    changed: Truths = np.asarray(_changes(values).any(axis=2))
    given = ~np.isnan(values)
    compared: Truths = np.asarray((given[:, 1:] & given[:, :-1]).any(axis=2))
    some: Truths = np.asarray(_telling(values[:, 1:]).any(axis=2))
    others = np.count_nonzero(compared, axis=1) - 1
    changing: Truths = np.asarray(np.count_nonzero(changed & compared, axis=1) >= _CHANGING * others)
    return ~changed & some & changing[:, None]


def _telling(values: Numbers) -> Truths:
    """Return which figures are hardly equal by chance, as small whole numbers are."""
    return np.asarray((np.abs(values) >= _SMALL) | (values != np.round(values)) & ~np.isnan(values))


def _changes(values: Numbers) -> Truths:
    """Return which figures are others than those of the period before; periods are the last axis but one."""
    now, before = values[..., 1:, :], values[..., :-1, :]
    changes: Truths = (now != before) & ~(np.isnan(now) & np.isnan(before))
    return changes


def _copy(
    at: int, figures: Mapping[str, Numbers], measures: Mapping[str, Reported], system: System, *, alone: bool
) -> tuple[list[str], int] | None:  # fmt: skip
    """Return the measures that are copies in the period after `at`, and how many figures; None where chance may be."""
    copied: list[str] = []
    equal: list[float] = []
    lone = False
    for name, values in figures.items():
        changed: Truths = np.asarray(_changes(values).any(axis=1))
        if changed[at]:
            continue
        mine = values[at + 1][_telling(values[at + 1])]
        mine = mine[(mine != 100) | (system.unit(name) != units.PERCENT)]
        there = ~np.isnan(values)
        others = np.delete((there[1:] & there[:-1]).any(axis=1), at)
        changing = np.delete(changed, at)[others]
        # Of two periods alone only flows say something: levels may stay.
        says = changing.mean() >= _CHANGING if changing.size else measures[name].timing in ("sum", "ytd")
        if mine.size >= _UNITS and np.unique(mine).size >= _UNITS and says:
            copied.append(name)
            equal += mine.tolist()
            lone |= not changing.size
    enough = len(copied) > 1 or (alone and not lone)
    if not copied or not enough or len(equal) < (_OF_TWO if lone else _FIGURES) or len({*equal}) < _DIFFERENT:
        return None
    return copied, len(equal)


def _label(at: int, months: int | None, system: System) -> str:
    if months is None:
        return Period.of(at, system.period).label
    return Period(at * months, months, system.period.timeline).label


def _finding(names: Sequence[str], number: int, labels: Sequence[str], system: System) -> Diagnostic:
    earlier, label = labels
    message = Message(
        "all figures of {measures} in {period} are those of {before}, {number:,} in all units: they seem to be a copy",
        measures=first_names([system.symbols[name].title for name in names]), period=label, before=earlier,
        number=number,
    )  # fmt: skip
    hint = Message("give the figures of {period}; nothing is to be done where they are right", period=label)
    return Diagnostic("K687", message, Place(period=label), hint, Severity.WARNING, stands_for=number)
