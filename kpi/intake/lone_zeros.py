"""The finding about a figure of zero among figures that are far from it: rather one that is missing than a zero.

A zero counts as a figure: it is the lowest of all, where a blank is a gap. In measures of which zeros are usual, or
small numbers of things, it says nothing; nor does 0 of 0 in a ratio, which then has no value.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
from msgspec import Struct

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.intake.magnitudes import with_magnitude
from kpi.intake.named_figures import MOST_NAMED, named_figures, periods_named
from kpi.language.system import System
from kpi.values.units.vocabulary import counts

Numbers = npt.NDArray[np.float64]

#: Which part of all figures of a measure, of a period and of a unit may be zero at most, or one figure.
_OF_ALL, _OF_PERIOD, _OF_UNIT = 0.02, 0.05, 0.1
#: How many other figures a unit has at least, and by what factor they differ at most.
_PERIODS, _STEADY = 3, 10.0
#: The same of the other units, where there are fewer other periods.
_UNITS, _ALIKE = 6, 20.0
#: Numbers of things below this may well be zero.
_SMALL = 20.0


class _Others(Struct, frozen=True):
    """The figures above zero of each unit, or of each period: how many, the lowest and the highest."""

    number: npt.NDArray[np.intp]
    low: Numbers
    high: Numbers

    @classmethod
    def along(cls, values: Numbers, axis: int) -> _Others:
        above = values > 0
        low = np.where(above, values, np.inf).min(axis=axis)
        return cls(np.count_nonzero(above, axis=axis), low, np.where(above, values, 0.0).max(axis=axis))

    def steady(self, least: int, factor: float, small: float) -> npt.NDArray[np.bool_]:
        """Return where there are enough, not too far from each other, and none is small."""
        steady: npt.NDArray[np.bool_] = (self.number >= least) & (self.low >= small)
        # Divided, as a product may be too large.
        return steady & (self.high / factor <= self.low)


class _Zero(Struct, frozen=True):
    """A figure of zero, and those that it is far from: of its unit (`before`), or of the other units of its period."""

    unit: int
    low: float
    high: float
    before: bool


def lone_zeros(
    system: System, frame: pl.DataFrame, entities: Sequence[str], labels: Mapping[int, str]
) -> Iterator[Diagnostic]:
    """Yield a finding for each reported measure and period with zeros that are rather gaps (K692).

    It is a warning where the other figures of the unit, three or more, are all above zero and within a factor of ten;
    a note where the unit has fewer, and those of six other units or more are within a factor of 20.

    Args:
        system: gives the measures; those of growth and changes, and those that a check `magnitude` or `history` judges,
            are left out.
        frame: with the columns entity, period and the measures.
        entities: the names in order.
        labels: the labels of the periods to report on.
    """
    there = set(frame.columns)
    names = [name for name in with_magnitude(system) if name in there and (frame.get_column(name) == 0).any()]
    if not names:
        return
    period, entity = frame["period"].to_numpy(), frame["entity"].to_numpy()
    first = int(period.min())
    shape = int(period.max()) - first + 1, len(entities)
    place = (period - first).astype(np.int64) * shape[1] + entity

    def grid(name: str) -> Numbers:
        values = np.full(shape[0] * shape[1], np.nan)
        values[place] = frame.get_column(name).to_numpy()
        return values.reshape(shape)

    wholes = _wholes(system, there)
    for name in names:
        values, small = grid(name), _SMALL if counts(system.measures[name].quantity.dimension) else 0.0
        zeros = _zeros(values, small, [grid(whole) == 0 for whole in wholes.get(name, ())])
        periods = [at for at in zeros if first + at in labels]
        named = periods_named(len(periods))
        for at in periods[:named]:
            yield _finding(name, system, zeros[at], entities, labels[first + at])
        if more := periods[named:]:
            number = sum(len(zeros[at]) for at in more)
            yield _further(name, system, number, labels[first + more[0]], labels[first + more[-1]])


def _wholes(system: System, there: Collection[str]) -> dict[str, set[str]]:
    """Return the denominators of the ratios that a measure is in; where one is 0, the ratio has no value."""
    wholes: dict[str, set[str]] = {}
    for indicator in system.indicators.values():
        if (sides := indicator.proportion) is not None and sides[1] in there:
            for side in sides:
                wholes.setdefault(side, set()).add(sides[1])
    return wholes


def _zeros(values: Numbers, small: float, without: Sequence[npt.NDArray[np.bool_]]) -> dict[int, list[_Zero]]:
    """Return the zeros that are rather gaps, by row of the period, but for some cells; units are columns."""
    zero, given = values == 0, ~np.isnan(values)
    if zero.sum() > max(1, _OF_ALL * given.sum()) or (values < 0).any():
        return {}
    few = zero.sum(axis=1) <= np.maximum(1, _OF_PERIOD * given.sum(axis=1))
    seldom = zero.sum(axis=0) <= np.maximum(1, _OF_UNIT * given.sum(axis=0))
    of_unit, of_period = _Others.along(values, 0), _Others.along(values, 1)
    before = of_unit.steady(_PERIODS, _STEADY, small)
    beside = of_period.steady(_UNITS, _ALIKE, small)
    found: dict[int, list[_Zero]] = {}
    likely = zero & few[:, None] & seldom
    for cells in without:
        likely &= ~cells
    for at, unit in np.argwhere(likely).tolist():
        if before[unit]:
            item = _Zero(unit, float(of_unit.low[unit]), float(of_unit.high[unit]), before=True)
        elif of_unit.number[unit] < _PERIODS and beside[at]:
            item = _Zero(unit, float(of_period.low[at]), float(of_period.high[at]), before=False)
        else:
            continue
        found.setdefault(at, []).append(item)
    return found


def _finding(name: str, system: System, zeros: Sequence[_Zero], entities: Sequence[str], label: str) -> Diagnostic:
    """Return the finding about the zeros of one measure and period; with disclosure rules it has no figures."""
    unit, title = system.measures[name].unit, system.symbols[name].title
    figures = (
        (
            entities[zero.unit],
            Message("{low:,.6g} to {high:,.6g} {unit} otherwise", low=zero.low, high=zero.high, unit=unit)
            if zero.before
            else Message("{low:,.6g} to {high:,.6g} {unit} elsewhere", low=zero.low, high=zero.high, unit=unit),
        )
        for zero in zeros[:MOST_NAMED]
    )
    message = Message(
        "{measure} is 0, which is rather a missing figure: {figures}",
        measure=title, figures=named_figures(figures, len(zeros), quoted=system.disclosure is None),
    )  # fmt: skip
    severity = Severity.WARNING if any(zero.before for zero in zeros) else Severity.INFO
    place = Place(entity=entities[zeros[0].unit] if len(zeros) == 1 else None, period=label, field=title)
    return Diagnostic("K692", message, place, _hint(), severity, stands_for=len(zeros))


def _further(name: str, system: System, number: int, first: str, last: str) -> Diagnostic:
    """Return the finding about the zeros of one measure in periods beyond those that have findings of their own."""
    title = system.symbols[name].title
    message = Message(
        "{measure} is 0 in {figures:,} more figures, of {first} to {last}", measure=title, figures=number, first=first,
        last=last,
    )  # fmt: skip
    return Diagnostic("K692", message, Place(field=title), _hint(), Severity.WARNING, stands_for=number)


def _hint() -> Message:
    return Message(
        "leave the cell empty if there is no figure, as 0 counts as one; nothing is to be done where it is right"
    )
