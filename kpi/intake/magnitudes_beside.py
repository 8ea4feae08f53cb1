"""The findings about figures hundreds of times those of all other units of a period, or a part of them: another unit.

One county reports in 元 where the others report in 万元. Without a period before, only the others show it: they lie
within a factor of 100, and it at least 500 times beyond them all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from kpi.errors import Diagnostic, Message, Place, Severity, first_names
from kpi.intake.aggregate_rows import Exclusions, is_aggregate
from kpi.intake.named_figures import named_figures
from kpi.intake.nested_units import units_above
from kpi.intake.region_names import is_region
from kpi.language.system import System, unit_or_none
from kpi.values import units
from kpi.values.names import clean
from kpi.values.patterns import regex
from kpi.values.units import YES_NO, Unit
from kpi.values.units.vocabulary import INTENSIVE, counts

Numbers = npt.NDArray[np.float64]

#: How many units have figures at least, and in which part of them another unit of measure stands at most.
_UNITS, _FEW = 6, 0.1
#: How many times the figures of all others such a figure is at least, and within what factor the others lie.
_FAR, _NEAR = 500.0, 100.0
#: The same as differences of exponents of two, with which the figures are looked through.
_NEAR_EXPONENTS = 7
#: Which part of the units is looked through first.
_FIRST_UNITS = 8
#: The bits of an exponent, which are all there where a figure is none.
_EXPONENT = 0x7FF
#: Numbers of things below this may be any.
_SMALL = 20.0
#: How many times the least step of the figures a small figure is at least, so that it is not a rounded one.
_STEPS = 10.0

#: Words of figures that are near zero at times, such as profits and changes.
_NEAR_ZERO = regex(
    r"利润|利得|盈|亏|损|差|净|余额|结余|[增减升降]|变动|变化|赤字|\b(profit\w*|loss\w*|net|balance|gap|difference|change|increase"
    r"|decrease|growth|surplus|deficit|margin)\b",
    re.IGNORECASE,
)
#: Words of figures without a unit that are rates.
_RATE = regex(
    r"[率比占]|系数|弹性|指数|[增减]|\b(rate|ratio|share|growth|coefficient|index|elasticity)\b", re.IGNORECASE
)
#: Names of the smallest divisions, which a city beside them is no other of.
_TOWN = regex(r".+(镇|乡|街道|村|社区|苏木|嘎查)")


class Grid(Struct, frozen=True):
    """The figures of a measure.

    Attributes:
        values: by period and unit, NaN for none.
        first: the index of the first period.
        rows: of the periods that may have figures far beyond all others.
    """

    values: Numbers
    first: int
    rows: Sequence[int] = ()


class _Odd(Struct, frozen=True):
    """The figures of one period that are far beyond all others.

    Attributes:
        at: the row of the period.
        odd: the units with such figures.
        beside: the nearest of the other figures.
        above: whether they are above the others.
    """

    at: int
    odd: tuple[int, ...]
    beside: float
    above: bool


def far_apart(exponents: npt.NDArray[np.int16]) -> list[int]:
    """Return the periods in which few figures are far beyond all others, by their exponents, and maybe some more.

    Args:
        exponents: of two, of the figures of a measure by period and unit, as doubles have them, with the sign.
    """
    if exponents.shape[1] < _UNITS:
        return []
    exponents = exponents & np.int16(_EXPONENT)
    there = (exponents != 0) & (exponents != _EXPONENT)
    complete = there.all()
    high = (exponents if complete else np.where(there, exponents, 0)).max(axis=1)
    low = (exponents if complete else np.where(there, exponents, _EXPONENT)).min(axis=1)
    rows = np.flatnonzero(high - low > _NEAR_EXPONENTS)
    rows = rows[row_counts(there[rows]) >= _UNITS]
    every = exponents.shape[1]
    # Where figures vary, the first units show it.
    for some in (every // _FIRST_UNITS, every):
        if not rows.size:
            break
        mine, present = exponents[:, :some][rows], there[:, :some][rows]
        above = row_counts(present & (mine > low[rows, None] + _NEAR_EXPONENTS))
        below = row_counts(present & (mine < high[rows, None] - _NEAR_EXPONENTS))
        most = np.maximum(1, row_counts(there[rows]) * _FEW)
        rows = rows[(above <= most) | (below <= most)]
    return [int(at) for at in rows]


def row_counts(cells: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Return how many cells of each row are true.

    >>> row_counts(np.array([[True, False, True], [False, False, False]])).tolist()
    [2, 0]
    """
    # Short numbers are added in less time; they are never subtracted, as they have no sign.
    numbers: npt.NDArray[np.unsignedinteger] = cells.view(np.uint8).sum(
        axis=1, dtype=np.min_scalar_type(cells.shape[1])
    )
    return numbers.astype(np.intp)


def magnitudes_beside(
    grid: Grid, name: str, system: System, entities: Sequence[str], labels: Mapping[int, str], *,
    without: Collection[int] = (),
) -> Iterator[Diagnostic]:  # fmt: skip
    """Yield a warning for the units whose figures are far beyond those of all others (K686), with their periods.

    Args:
        grid: the figures of one measure.
        name: the measure.
        system: gives the measure.
        entities: the names in order.
        labels: the labels of the periods to report on.
        without: units that are not named, as another finding has.
    """
    title, unit = system.symbols[name].title, unit_or_none(system.measures[name].unit)
    rows = [at for at in grid.rows if grid.first + at in labels]
    if not rows or unit is None or not _is_of_size(unit, title):
        return
    exclusions = Exclusions.of(system)
    kept = [place for place, entity in enumerate(entities) if exclusions.is_kept(entity)] if exclusions.keep else []
    found: dict[tuple[tuple[int, ...], bool], list[_Odd]] = {}
    for at in rows:
        row = grid.values[at]
        if kept:
            row = row.copy()
            row[kept] = np.nan
        odd = _odd(row, at)
        if odd is not None and not set(odd.odd) & set(without) and _may_be_another_unit(row, odd, unit, title):
            found.setdefault((odd.odd, odd.above), []).append(odd)
    if found and _is_judged(name, system):
        return
    for items in found.values():
        if not _of_other_kind([entities[place] for place in items[0].odd], entities):
            yield _finding(items, grid, name, system, entities, labels=labels)


def _is_of_size(unit: Unit, title: str) -> bool:
    """Return whether figures are amounts that have a size, rather than rates, which are of any size, and changes."""
    if unit == YES_NO or units.convertible(unit, units.POINTS):
        return False
    return not units.convertible(unit, units.PERCENT) or (unit == units.ONE and _RATE.search(title) is None)


def _is_judged(name: str, system: System) -> bool:
    """Return whether a check of the system is about the figures of a measure alone, such as their range."""
    return any(
        set(breach.names) == {name}
        for check in system.checks.values()
        for breach in check.breaches(system.symbols, system.period)
    )


def _odd(row: Numbers, at: int) -> _Odd | None:
    """Return the figures of a period that are far beyond all others, None without any."""
    size = np.abs(row)
    places = np.flatnonzero((size > 0) & np.isfinite(size))
    places = places[np.argsort(size[places], kind="stable")]
    ordered = size[places]
    number = ordered.size
    most = max(1, int(number * _FEW))
    if number < _UNITS:
        return None
    for many in range(1, most + 1):
        least, greatest = ordered[0], ordered[number - many - 1]
        if ordered[number - many] >= _FAR * greatest and greatest <= _NEAR * least:
            return _Odd(at, tuple(sorted(places[number - many :].tolist())), float(greatest), above=True)
        least, greatest = ordered[many], ordered[-1]
        if ordered[many - 1] * _FAR <= least and greatest <= _NEAR * least:
            return _Odd(at, tuple(sorted(places[:many].tolist())), float(least), above=False)
    return None


def _may_be_another_unit(row: Numbers, odd: _Odd, unit: Unit, title: str) -> bool:
    """Return whether the figures are such that they are not that small, or the others not that few, by nature."""
    size = np.abs(row[(row != 0) & np.isfinite(row)])
    own = np.abs(row[list(odd.odd)])
    small = float(size.min()) if odd.above else float(own.min())
    if counts(unit.dimension) and small * float(unit.scale) < _SMALL:
        return False
    if odd.above:
        return True
    near_zero = {"time", "temperature"} | INTENSIVE
    if not unit.dimension or unit == units.ONE or any(part in near_zero for part, _ in unit.dimension):
        return False
    if _NEAR_ZERO.search(title) or bool((row < 0).any()):
        return False
    return small >= _STEPS * _step(size)


def _step(size: Numbers) -> float:
    """Return the least step that figures are written in, by their decimals: 0.01 for 3.25 and 4.5."""
    texts = (f"{value:.10g}" for value in size[:1000].tolist())
    decimals = max(len(text.partition(".")[2]) if "e" not in text else 10 for text in texts)
    return float(10.0**-decimals)


def _of_other_kind(odd: Sequence[str], entities: Sequence[str]) -> bool:
    """Return whether names are those of totals, of regions, or of divisions that others lie in."""
    if any(is_aggregate(name) or is_region(name) for name in odd):
        return True
    above = set(units_above(entities, [clean(name) for name in entities]))
    if above & set(odd):
        return True
    towns = sum(_TOWN.fullmatch(name) is not None for name in entities)
    return towns * 2 > len(entities) and not any(_TOWN.fullmatch(name) for name in odd)


def _finding(
    items: Sequence[_Odd], grid: Grid, name: str, system: System, entities: Sequence[str], *,
    labels: Mapping[int, str],
) -> Diagnostic:  # fmt: skip
    """Return the finding about the figures of some units, those of the last period; with disclosure rules without."""
    last = items[-1]
    measure = system.measures[name]
    title, unit = system.symbols[name].title, measure.unit
    shown = Message("{measure} per event", measure=title) if measure.computes and measure.additive else title
    figures = (
        (entities[place], _figure(float(grid.values[last.at, place]), last, unit)) for place in last.odd
    )  # fmt: skip
    periods = [labels[grid.first + item.at] for item in items]
    words = {
        "measure": shown, "periods": first_names(periods),
        "figures": named_figures(figures, len(last.odd), quoted=system.disclosure is None),
    }  # fmt: skip
    message = Message("{measure} is far above that of all other units in {periods}: {figures}", **words)
    if not last.above:
        message = Message("{measure} is far below that of all other units in {periods}: {figures}", **words)
    hint = Message("check the unit and the number of digits; nothing is to be done where the figures are right")
    entity = entities[last.odd[0]] if len(last.odd) == 1 else None
    number = sum(len(item.odd) for item in items)
    place = Place(entity=entity, period=periods[-1], field=title)
    return Diagnostic("K686", message, place, hint, Severity.WARNING, stands_for=number)


def _figure(value: float, odd: _Odd, unit: str) -> Message:
    """Return a figure with the nearest of the others and the ratio, as it is read."""
    ratio = abs(value) / odd.beside if odd.above else odd.beside / abs(value)
    words = {"value": value, "unit": unit, "beside": odd.beside, "ratio": f"{float(f'{ratio:.2g}'):,.0f}"}
    if odd.above:
        return Message("{value:,.10g} {unit}, about {ratio} times the next, {beside:,.10g} {unit}", **words)
    return Message("{value:,.10g} {unit}, about 1/{ratio} of the next, {beside:,.10g} {unit}", **words)
