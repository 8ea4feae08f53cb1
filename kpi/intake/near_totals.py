"""Detect units that are nearly the sum of all others: a city among its districts, but for rounding or a remainder.

A unit may be as large as all others together by chance, for years: of 3,921 that the five cities of Ningxia produced in
2020 (in 100 million yuan), 1,964 were those of 银川市. So one measure alone is enough only for a name that is of a
higher division than the others', or where the figures of many periods move apart.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl
from msgspec import Struct, field

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.intake.division_codes import PROVINCES
from kpi.intake.entities import Entities, code_of
from kpi.intake.nested_units import units_above
from kpi.intake.region_names import is_district
from kpi.intake.undeclared_totals import is_additive, of_events
from kpi.language.system import System
from kpi.values.names import clean
from kpi.values.patterns import regex

if TYPE_CHECKING:
    import numpy as np

    Matrix: TypeAlias = np.ndarray[Any, np.dtype[Any]]

#: How far a total is from the sum at most, as a part of it: with little evidence, and with much.
_NEAR, _ABOUT = 0.005, 0.015
#: A sum of fewer others than these, not 0, may be a coincidence.
_OTHERS = 3
#: How many units of the last decimal a sum has at least that counts: smaller ones are near by coincidence.
_LARGE = 500
#: The most decimals that figures are said to be rounded to.
_DECIMALS = 4
#: How many standard errors of a sum of rounded figures a total may be from it.
_ROUNDING = 3 / 12**0.5

#: How many sums are compared at least: for a name of a higher division, and of how many measures for any other.
_SUMS, _MEASURES = 2, 2
#: How many measures are needed, or for a name of a higher division sums, where a total is only about the sum.
_MANY_MEASURES, _MANY_SUMS = 3, 4
#: How many sums of one measure do where the figures of the units move apart from one to the next, and how far.
_MOVED_SUMS, _MOVED = 6, 0.02

_PROVINCES = frozenset(PROVINCES.values())
#: The levels of divisions by the ends of their names, the lowest first; 县级市 end like the cities above them.
_LEVELS = tuple(
    regex(pattern, re.IGNORECASE)
    for pattern in (
        r".+(村|社区)|.+ village",
        r".{2,}(街道|镇|乡)|.+ (town|township|subdistrict)",
        r".+[县旗]|.+ (county|district|borough)",
        r".+(市|州|盟|地区)|.+ (city|prefecture)",
        r".+(省|自治区)|.+ (province|state)",
    )
)
_DISTRICT = 2


class _Compared(Struct):
    """The sums that a unit was compared with.

    Attributes:
        sums: how many that count, by measure.
        moved: how many of a measure at most, of periods between which figures moved apart.
        apart: how far it is from one of them at most, as a part of it.
    """

    sums: dict[str, int] = field(default_factory=dict)
    moved: int = 0
    apart: float = 0.0


def nearly(
    frame: pl.DataFrame, entities: Entities, system: System, reported: Collection[str | None] = ()
) -> Iterator[Diagnostic]:
    """Yield a warning (K613) for each unit within 0.5 or 1.5 % of the sum of all others, wherever all have a figure.

    This holds for every additive measure in every period, except for the rounding of small figures. A sum counts if at
    least three of the others are not 0, none is negative, and it has at least 500 units of the last decimal. One sum is
    enough for a province among units that are none, two for a name whose ending is of a higher division than half of
    the others' and of a lower one than none's. Any other name needs sums of two measures, or six of one, between which
    the shares of the units move by 2 %. From 0.5 % to 1.5 % it takes sums of three measures, or four of a
    name of a higher division, but for a province.

    Args:
        frame: the panel, ordered by period and entity.
        entities: those of the data.
        system: gives the measures.
        reported: names that are reported as totals already.
    """
    number = len(entities.names)
    if number <= _OTHERS:
        return
    for place, compared in _candidates(frame, system, number).items():
        name = entities.names[place]
        if name in reported or entities.exclusions.is_kept(name) or not _is_sure(name, compared, entities):
            continue
        if not _is_ranked_with_others(place, entities) or name in _above(entities):
            continue
        message = Message(
            "{name} is nearly the sum of all others (at most {apart:.2g} % apart); it is ranked with them",
            name=name, apart=100 * compared.apart,
        )  # fmt: skip
        hint = Message("if it is a total, write `entities: {{leave_out: [{name}]}}`, or use a roster", name=name)
        yield Diagnostic("K613", message, Place(entity=name), hint, Severity.WARNING)


def _candidates(frame: pl.DataFrame, system: System, number: int) -> dict[int, _Compared]:
    """Return the places of units that are near the sum of all others, with the sums that they were compared with."""
    additive = {name: measure for name, measure in system.measures.items() if is_additive(measure)}
    left: dict[int, _Compared] = {at: _Compared() for at in range(number)}
    for name in [name for name, measure in additive.items() if measure.reported]:
        _compare(name, frame[name].to_numpy().reshape(-1, number), left)
        if not left:
            return {}
    left = {at: compared for at, compared in left.items() if compared.sums}
    for name in [name for name, measure in additive.items() if left and not measure.reported]:
        values, _ = of_events(frame, name, number)
        others = values[-1].sum() - values[-1]
        for at in [at for at in left if values[-1, at] and abs(values[-1, at] - others[at]) > _ABOUT * abs(others[at])]:
            del left[at]
    return left


def _compare(name: str, values: Matrix, left: dict[int, _Compared]) -> None:
    """Compare the units that are left with the sums of one measure, and remove those that are not near them."""
    import numpy as np

    complete = values[~np.isnan(values).any(axis=1)]
    if not len(complete):
        return
    places = np.array(sorted(left))
    own = complete[:, places]
    others = complete.sum(axis=1, keepdims=True) - own
    apart = np.abs(own - others)
    sizes = np.abs(complete).sum(axis=1, keepdims=True) - np.abs(own)
    # All are far from the sum of others in most tables: how figures are rounded is then of no interest.
    close = apart <= _ABOUT * sizes
    if not close.any() and not (apart <= complete.shape[1]).any():
        left.clear()
        return
    unit = _last_decimal(complete)
    slack = min(_ROUNDING * complete.shape[1] ** 0.5, (complete.shape[1] + 1) / 2) * unit
    near = (close | (apart <= slack)).all(axis=0)
    for at in places[~near].tolist():
        del left[at]
    for at, column in zip(places[near].tolist(), near.nonzero()[0].tolist(), strict=True):
        rest = np.delete(complete, at, axis=1)
        counted = (
            close[:, column] & ((rest > 0).sum(axis=1) >= _OTHERS) & (rest >= 0).all(axis=1)
            & (others[:, column] >= _LARGE * unit)
        )  # fmt: skip
        if not counted.any():
            continue
        compared = left[at]
        compared.sums[name] = int(counted.sum())
        compared.moved = max(compared.moved, _moved(rest[counted]))
        compared.apart = max(compared.apart, float((apart[:, column] / others[:, column])[counted].max()))


def _last_decimal(values: Matrix) -> float:
    """Return the unit of the last decimal of figures: 1, 0.1 and so on."""
    import numpy as np

    for decimals in range(_DECIMALS):
        scaled = values * 10**decimals
        if bool((np.abs(scaled - np.round(scaled)) <= 1e-6 * np.maximum(1, np.abs(scaled))).all()):
            return float(10**-decimals)
    return float(10**-_DECIMALS)


def _moved(values: Matrix) -> int:
    """Return how many rows there are from one to the next of which the shares of the units change."""
    import numpy as np

    shares = values / values.sum(axis=1, keepdims=True)
    number, last = 1, shares[0]
    for row in shares[1:]:
        both = (row > 0) & (last > 0)
        if both.any() and np.median(np.abs(np.log(row[both] / last[both]))) >= _MOVED:
            number, last = number + 1, row
    return number


def _is_sure(name: str, compared: _Compared, entities: Entities) -> bool:
    """Return whether the sums that a unit is near are enough for one of its name."""
    others = [clean(other) for other in entities.names if other != name]
    sums, text = sum(compared.sums.values()), clean(name)
    if text in _PROVINCES and _PROVINCES.isdisjoint(others):
        return True
    if compared.apart > _NEAR:
        # A unit that is about half of all is no rarity: of several measures at once it is.
        higher = sums >= _MANY_SUMS and _is_higher(text, others)
        return higher or len(compared.sums) >= _MANY_MEASURES
    if sums >= _SUMS and _is_higher(text, others):
        return True
    return len(compared.sums) >= _MEASURES or compared.moved >= _MOVED_SUMS


def _is_higher(name: str, others: Collection[str]) -> bool:
    """Return whether a name is that of a higher division than half of the others, and none of them of a higher one.

    >>> _is_higher("嘉兴市", ["海宁市", "海盐县", "南湖区"]), _is_higher("银川市", ["石嘴山市", "吴忠市", "固原市"])
    (True, False)
    """
    own = _level(name)
    levels = [_level(other) for other in others]
    lower = sum(level is not None and own is not None and level < own for level in levels)
    return own is not None and 2 * lower >= len(levels) and all(level is None or level <= own for level in levels)


def _level(name: str) -> int | None:
    for level, pattern in reversed([*enumerate(_LEVELS)]):
        if pattern.fullmatch(name):
            return level
    return _DISTRICT if is_district(name) else None


def _is_ranked_with_others(place: int, entities: Entities) -> bool:
    cohorts = entities.frame["cohort"]
    return int(cohorts.eq_missing(pl.Series([cohorts[place]], dtype=pl.String)).sum()) > _OTHERS


def _above(entities: Entities) -> Collection[str]:
    """Return the names of units that others belong to by their codes, which is another finding."""
    codes = [code_of(code or name) for name, code in entities.frame.select("entity", "code").rows()]
    return units_above(entities.names, codes)
