"""The findings about figures that are some power of ten away from those before: another unit, or a wrong digit.

A measure whose figures in nearly all units are about 10,000 times those of the period before has another unit since,
万元 in place of 亿元. A figure that alone is about ten times its unit's others has a digit too many. What no period
before shows, the other units of the period may: see `magnitudes_beside`. Sums over events depend on their number:
of these the amounts per event are compared, with the other units alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.intake.magnitudes_beside import Grid, far_apart, magnitudes_beside, row_counts
from kpi.intake.named_figures import named_figures
from kpi.language.measures import reported
from kpi.language.system import System, unit_or_none
from kpi.values import units
from kpi.values.columns import Column
from kpi.values.patterns import regex
from kpi.values.units import YES_NO, Unit
from kpi.values.units.vocabulary import counts

Numbers = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

#: How far (in powers of ten) a ratio may be from ten, and from a higher power.
_OF_TEN, _OF_MORE = 0.1, 0.25
#: In which part of the units, of how many at least, a figure of another unit of measure stands.
_MOST, _UNITS = 0.8, 3
#: From which power of ten on it does where there are fewer units.
_CERTAIN = 3
#: In which part of the units wrong digits stand at most, and how far the others' ratios are from one (powers of ten).
_FEW, _STEADY = 0.2, 0.3
#: How far apart (powers of ten) the other figures of a unit are at most, of which one has a digit too many; and those
#: of the other units, where it has few.
_SPREAD, _STILL = 0.5, 0.15
#: How many periods before and after a figure are those that it is compared with: over decades most figures grow.
_AROUND = 24
#: The bits of a figure behind its exponent.
_MANTISSA = 52
#: Numbers of things below this vary by a power of ten.
_SMALL = 20.0

#: How many events a unit has at least whose amounts per event are compared.
_EVENTS = 5

#: Titles of growth and changes, whose ratios mean nothing; 增加值 and 新增 are amounts.
_CHANGE = regex(
    r"增速|增长|增幅|涨幅|降幅|跌幅|升幅|涨跌|增减|净[增减流变]|增量|减量|变动|变化|同比|环比|[比较][上去同].*[增减升降]"
    r"|\b(growth|changes?|increases?|decreases?)\b",
    re.IGNORECASE,
)


class _Jumps(Struct, frozen=True):
    """Figures of one measure by period and unit, and the powers of ten that they jump by from the period before.

    Attributes:
        values: the figures, NaN for none.
        ratio: the decimal logarithm of the ratio to the period before.
        power: the power of ten that a figure jumps by, 0 where it does not.
    """

    values: Numbers
    ratio: Numbers
    power: Numbers


class _Slip(Struct, frozen=True):
    """What is found in a period: a power of ten in most units, or units whose figures are wrong.

    Attributes:
        at: the row of the period.
        power: the power of ten.
        alike: in how many units.
        number: of how many.
        wrong: the units with wrong figures, none where most units have the power.
        after: whether they are compared with the period after, as there is none before.
    """

    at: int
    power: float = 0.0
    alike: int = 0
    number: int = 0
    wrong: tuple[int, ...] = ()
    after: bool = False


def magnitude_findings(
    system: System, frame: pl.DataFrame, entities: Sequence[str], labels: Mapping[int, str]
) -> Iterator[Diagnostic]:
    """Yield a warning for each measure and period with figures about a power of ten from those before (K683).

    Figures far beyond those of all other units of the period are another warning (K686), where the first is not about
    their unit. Measures that a check `magnitude` or `history` of the system judges are left out.

    Args:
        system: gives the measures.
        frame: with the columns entity, period and the measures.
        entities: the names in order.
        labels: the labels of the periods to report on.
    """
    there = set(frame.columns)
    names = [name for name in with_magnitude(system) if name in there]
    per_event = [name for name in _of_events(system) if Column(name).rows in there]
    if not (names or per_event) or not frame.height:
        return
    period = frame["period"].to_numpy()
    first = int(period.min())
    row = period - first
    shape = int(row.max()) + 1, len(entities)
    column = frame["entity"].to_numpy()
    place = row.astype(np.int64) * shape[1] + column
    whole = place.size == shape[0] * shape[1] and bool((place[1:] > place[:-1]).all())

    def grid(values: Numbers) -> Grid:
        if not whole:
            every = np.full(shape[0] * shape[1], np.nan)
            every[place] = values
            values = every
        return Grid(values.reshape(shape), first)

    def prepare(name: str) -> _Prepared:
        return _Prepared.of(grid(frame.get_column(name).to_numpy()), name, system)

    for name in names:
        yield from _of_measure(prepare(name), name, system, entities, labels)
    for name in per_event:
        rows = frame[Column(name).rows].to_numpy().astype(np.float64)
        values = frame[name].to_numpy() / np.where(
            rows < _EVENTS, np.nan, rows if system.measures[name].additive else 1
        )
        amounts = grid(values)
        if found := far_apart((amounts.values.view(np.int64) >> _MANTISSA).astype(np.int16)):
            yield from magnitudes_beside(replace(amounts, rows=found), name, system, entities, labels)


def _of_events(system: System) -> list[str]:
    """Return the measures of amounts of events: sums, means and the like, without counts."""
    return [
        name for name, measure in system.measures.items()
        if measure.computes and measure.per is None and (measure.additive or measure.interpolated)
        and _CHANGE.search(measure.title or name) is None
    ]  # fmt: skip


def with_magnitude(system: System) -> list[str]:
    """Return the reported measures whose figures are compared with those before, without growth and changes."""
    checked = {name for check in system.checks.values() for name in check.compared_with_past()}
    return [
        name for name, measure in reported(system.measures).items()
        if name not in checked and (unit := unit_or_none(measure.unit)) is not None and unit != YES_NO
        and not units.convertible(unit, units.POINTS) and _CHANGE.search(measure.title or name) is None
    ]  # fmt: skip


def magnitudes_of(
    grid: Grid, name: str, system: System, entities: Sequence[str], labels: Mapping[int, str]
) -> Iterator[Diagnostic]:
    """Yield the warnings about the figures of one measure (K683, K686).

    Args:
        grid: the figures.
        name: the measure, one `with_magnitude`.
        system: gives the measure.
        entities: the names in order.
        labels: the labels of the periods to report on.
    """
    yield from _of_measure(_Prepared.of(grid, name, system), name, system, entities, labels)


class _Prepared(Struct, frozen=True):
    """What is computed of the figures of one measure before any is judged.

    Attributes:
        grid: the figures; its rows are the periods in which some may be far from all others.
        jumps: their jumps from the period before, None without any.
    """

    grid: Grid
    jumps: _Jumps | None

    @classmethod
    def of(cls, grid: Grid, name: str, system: System) -> _Prepared:
        """Return what is computed of the figures of a measure."""
        # Exponents of two are there without a logarithm.
        exponents = (grid.values.view(np.int64) >> _MANTISSA).astype(np.int16)
        jumps = _jumps(grid.values, exponents, unit_or_none(system.measures[name].unit))
        return cls(replace(grid, rows=far_apart(exponents)), jumps)


def _of_measure(
    prepared: _Prepared, name: str, system: System, entities: Sequence[str], labels: Mapping[int, str]
) -> Iterator[Diagnostic]:
    grid, jumps = prepared.grid, prepared.jumps
    named: set[int] = set()
    if jumps is not None:
        for slip in _slips(jumps):
            if (label := labels.get(grid.first + slip.at)) is not None:
                named.update(slip.wrong or range(len(entities)))
                yield _finding(slip, jumps, name, system, entities, label=label)
    if grid.rows:
        yield from magnitudes_beside(grid, name, system, entities, labels, without=named)


def _jumps(values: Numbers, exponents: npt.NDArray[np.int16], unit: Unit | None) -> _Jumps | None:
    """Return the jumps of figures from the period before, None without any; the first period has none."""
    # Exponents differ by three at a power of ten. Where they differ by two, a figure is far from the one before.
    there = values > 0
    both = there[1:] & there[:-1]
    steps = np.abs(exponents[1:] - exponents[:-1])
    jumping = (both & (steps > 2)).any(axis=1)
    if jumping.any():
        compared, far = (row_counts(cells) for cells in (both, both & (steps > 1)))
        jumping &= _by_few(compared, far) | (far >= _MOST * compared)
    if not jumping.any():
        return None
    logarithms = np.log10(values, where=there, out=np.full(values.shape, np.nan))
    ratio = np.zeros_like(values)
    # A difference of logarithms is never too large, as a ratio may be.
    np.subtract(logarithms[1:], logarithms[:-1], out=ratio[1:])
    power = np.round(ratio)
    near = np.abs(ratio - power) <= np.where(np.abs(power) == 1, _OF_TEN, _OF_MORE)
    if unit is not None and counts(unit.dimension):
        near[1:] &= np.fmin(values[1:], values[:-1]) >= _SMALL
    return _Jumps(values, ratio, np.where(near, power, 0.0))


def _slips(jumps: _Jumps) -> Iterator[_Slip]:
    """Yield what is found in the figures of one measure."""
    jumping = row_counts(jumps.power != 0)
    compared = row_counts(~np.isnan(jumps.ratio))
    far = row_counts(np.abs(jumps.ratio) > _STEADY)
    for at in np.flatnonzero((jumping > 0) & (_by_few(compared, far) | (jumping >= _MOST * compared))).tolist():
        yield from _slips_of(jumps, at)


def _by_few(compared: npt.NDArray[np.intp], far: npt.NDArray[np.intp]) -> Truths:
    """Return for each period whether a few units alone can be wrong: most others are near their figures before.

    Args:
        compared: how many units have a figure before.
        far: how many are far from it.
    """
    steady: Truths = (compared <= _UNITS) | (far - 1 <= _FEW * (compared - 1) + 2)
    return steady


def _slips_of(jumps: _Jumps, at: int) -> Iterator[_Slip]:
    """Yield what is found in the figures of one measure and period, and of the first one from the second."""
    power, ratio = jumps.power[at], jumps.ratio[at]
    compared = ~np.isnan(ratio)
    usual = _commonest(power[compared])
    number, alike = int(compared.sum()), int((power == usual).sum())
    if abs(usual) > 1 and alike >= _MOST * number and (number >= _UNITS or abs(usual) >= _CERTAIN):
        yield _Slip(at, power=usual, alike=alike, number=number)
        return
    jumping = np.flatnonzero(power)
    others = _Others.of(ratio, jumping)
    most = max(1, _FEW * number)
    wrong = jumping[_are_wrong(jumps, at, jumping, others)].tolist()
    if wrong and len(wrong) <= most:
        yield _Slip(at, wrong=tuple(wrong))
    wrong = jumping[_are_wrong_before(jumps, at, jumping, others)].tolist()
    if wrong and len(wrong) <= most:
        yield _Slip(at - 1, wrong=tuple(wrong), after=True)


def _finding(
    slip: _Slip, jumps: _Jumps, name: str, system: System, entities: Sequence[str], *, label: str
) -> Diagnostic:
    """Return the finding about the figures of one measure and period."""
    title = system.symbols[name].title
    if not slip.wrong:
        message = Message(
            "{measure} is about {factor} times that of the period before in {alike:,} of {number:,} units: its unit "
            "may have changed",
            measure=title, factor=_factor(slip.power), alike=slip.alike, number=slip.number,
        )  # fmt: skip
        hint = Message("convert the figures, or write their unit into the heading or a column 单位")
        return Diagnostic("K683", message, Place(period=label, field=title), hint, Severity.WARNING)
    figures = ((entities[unit], _figure(slip, jumps, unit, system.measures[name].unit)) for unit in slip.wrong)
    words = {
        "measure": title, "figures": named_figures(figures, len(slip.wrong), quoted=system.disclosure is None)
    }  # fmt: skip
    message = Message(
        "{measure} is a power of ten away from the period before, as other units are not: {figures}", **words
    )
    if slip.after:
        message = Message(
            "{measure} is a power of ten away from the period after, as other units are not: {figures}", **words
        )
    hint = Message("check the unit and the number of digits; nothing is to be done where the figures are right")
    entity = entities[slip.wrong[0]] if len(slip.wrong) == 1 else None
    place = Place(entity=entity, period=label, field=title)
    return Diagnostic("K683", message, place, hint, Severity.WARNING, stands_for=len(slip.wrong))


def _figure(slip: _Slip, jumps: _Jumps, place: int, unit: str) -> Message:
    """Return the figure of a unit and its ratio to the one before, of the first to the one after, as they are read."""
    words = {"value": float(jumps.values[slip.at, place]), "unit": unit}
    if slip.after:
        factor = _factor(-jumps.power[slip.at + 1, place])
        return Message("{value:,.10g} {unit}, about {factor} times that after", factor=factor, **words)
    factor = _factor(jumps.power[slip.at, place])
    return Message("{value:,.10g} {unit}, about {factor} times that before", factor=factor, **words)


def _commonest(power: Numbers) -> float:
    slip, number = np.unique(power, return_counts=True)
    return float(slip[number.argmax()]) if slip.size else 0.0


class _Others(Struct, frozen=True):
    """How far the other units of a period are from their figures before.

    Attributes:
        number: how many others each unit has.
        most: for each of some units, how far (powers of ten) nearly all others are at most, NaN without any.
    """

    number: int
    most: Numbers

    @classmethod
    def of(cls, ratio: Numbers, units_of: npt.NDArray[np.intp]) -> _Others:
        """Return those of some units of a period, all with a ratio."""
        far = np.abs(ratio)
        every = np.sort(far[~np.isnan(far)])
        number = every.size - 1
        if number < 1:
            return cls(number, np.full(units_of.size, np.nan))
        # The quantile of the others, without the unit itself: all behind its place move up by one.
        place, part = divmod((number - 1) * (1 - _FEW), 1)
        own = np.searchsorted(every, far[units_of])
        low, high = (every[at + (at >= own)] for at in (int(place), min(int(place) + 1, number - 1)))
        return cls(number, low + (high - low) * part)


def _are_wrong(jumps: _Jumps, at: int, jumping: npt.NDArray[np.intp], others: _Others) -> Truths:
    """Return for each unit with a jump whether that is rather an error than a change."""
    power = jumps.power[at, jumping]
    # It is back where it was.
    is_back = (jumps.power[at - 1, jumping] == -power) if at > 1 else np.zeros(jumping.size, dtype=np.bool_)
    begins = max(at - _AROUND, 0)
    window = np.delete(jumps.values[begins : at + _AROUND + 1][:, jumping], at - begins, axis=0)
    number, spread = _spread(window)
    steady = (others.number >= _UNITS) & (others.most <= _STEADY)
    as_others = steady | (others.number < _UNITS)
    alone = steady & ((np.abs(power) > 1) | (others.most <= _STILL)) & (number < _UNITS)
    return ~is_back & np.where((number >= _UNITS) & (spread <= _SPREAD), as_others, alone).astype(np.bool_)


def _are_wrong_before(jumps: _Jumps, at: int, jumping: npt.NDArray[np.intp], others: _Others) -> Truths:
    """Return for each unit with a jump whether that is a fall from its first figure, and rather from an error in it.

    A rise is not: what begins within a period has a small first figure.
    """
    first = ~(jumps.values[: max(at - 1, 0)][:, jumping] > 0).any(axis=0)
    number, spread = _spread(jumps.values[at : at + _AROUND][:, jumping])
    steady = (others.number < _UNITS) | (others.most <= _STEADY)
    wrong: Truths = (jumps.power[at, jumping] < 0) & first & (number >= _UNITS) & (spread <= _SPREAD) & steady
    return wrong


def _spread(values: Numbers) -> tuple[npt.NDArray[np.intp], Numbers]:
    """Return for each column how many figures above zero it has, and how far apart (powers of ten) these are."""
    there = values > 0
    logarithms = np.log10(values, where=there, out=np.full(values.shape, np.nan))
    highest = np.max(logarithms, axis=0, where=there, initial=-np.inf)
    return np.count_nonzero(there, axis=0), highest - np.min(logarithms, axis=0, where=there, initial=np.inf)


def _factor(power: float) -> str:
    """Return a power of ten as it is read: 10,000 or 1/10,000."""
    return f"{10 ** int(power):,}" if power > 0 else f"1/{10 ** int(-power):,}"
