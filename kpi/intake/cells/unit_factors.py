"""Factors from the unit of a cell or its column into the unit of a measure or indicator."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from threading import Lock
from typing import Any

import polars as pl

from kpi.errors import Message
from kpi.intake.cells.numbers import YUAN_SIGN
from kpi.language.system import System
from kpi.values import units
from kpi.values.patterns import regex

# The multiple at the beginning of a unit; 千瓦时 and 千克 have none.
_MULTIPLE = regex(r"(?:[十百千]*[万亿]+|千(?=元))(?=.)")

#: Multiples that may be typed behind a figure, with any unit of its column.
_MULTIPLES = {
    "一": 1.0,
    "十": 10.0,
    "百": 100.0,
    "千": 1e3,
    "万": 1e4,
    "十万": 1e5,
    "百万": 1e6,
    "千万": 1e7,
    "亿": 1e8,
    "万亿": 1e12,
}


#: A multiple that makes a figure one of single things, also in a column of 万人.
SINGLE = "一"

#: Letters that statistical offices put behind figures: break in the series, estimated, provisional, unreliable ...
_FLAG = regex("[bcdefinprsuz]{1,2}")

#: Marks a factor that has not been looked up; no factor is negative.
_UNSEEN = -2.0


def factors(raw: pl.DataFrame, system: System) -> pl.DataFrame:
    """Return the factor into the unit of the measure, or the misfit, for each unit, typed unit and measure."""
    rows = raw.select("unit", "typed", "name").unique(maintain_order=True).to_dicts()
    out = []
    for row in rows:
        number, misfit = factor(row["unit"], row["typed"], system, row["name"])
        out.append({**row, "factor": number, "misfit": misfit})
    schema = {"unit": pl.String, "typed": pl.String, "name": pl.String, "factor": pl.Float64, "misfit": pl.String}
    return pl.DataFrame(out, schema=schema)


def meant(unit: str | None, typed: str | None, wanted: str) -> tuple[float, str | None]:
    """Return the multiple and the unit of a figure, None for the unit of its column.

    >>> meant("亿元", "万", "元"), meant(None, "千元", "元"), meant("件", None, "件"), meant(None, None, "件")
    ((10000.0, '元'), (1.0, '千元'), (1.0, '件'), (1.0, None))

    The sign of the currency says nothing of the multiple:

    >>> meant("万元", "¥", "亿元"), meant("元/人", "¥", "元/人"), meant(None, "¥", "万元"), meant("件", "¥", "件")
    ((1.0, '万元'), (1.0, '元/人'), (1.0, '元'), (1.0, '元'))

    Args:
        unit: the unit of the row or the column, None without one.
        typed: the unit typed behind the figure.
        wanted: the unit that is assumed without any.
    """
    if typed in _MULTIPLES:
        # 80亿 and 8000万 in a column of 亿元 are money as typed: the multiple replaces that of the column.
        return _MULTIPLES[typed], without_multiple(unit or wanted)
    if typed == YUAN_SIGN:
        return 1.0, unit if unit is not None and _is_money(unit) else literal(typed)
    return 1.0, unit if typed is None else typed


def literal(typed: str) -> str:
    """Return the unit typed with a figure where its column has none: 元 for the sign of the currency."""
    return "元" if typed == YUAN_SIGN else typed


@lru_cache(maxsize=1024)
def _is_money(unit: str) -> bool:
    """Return whether figures of a unit are amounts of 元, also for each person, 亩 or the like."""
    try:
        return ("money", 1) in units.parse(unit).dimension
    except units.UnitError:
        return False


def without_multiple(unit: str) -> str:
    """Return a unit without the multiple at its beginning.

    >>> without_multiple("万人"), without_multiple("千克")
    ('人', '千克')
    """
    return _MULTIPLE.sub("", unit)


def same(unit: str, other: str) -> bool:
    """Return whether two texts denote one unit; one that is unknown is no other.

    >>> same("亿元", "万元"), same("万元", "万圆"), same("万元", "初步数")
    (False, True, True)
    """
    try:
        return units.factor(units.parse(unit), units.parse(other)) == 1
    except units.UnitError:
        return not (_is_known(unit) and _is_known(other))


def _is_known(unit: str) -> bool:
    try:
        units.parse(unit)
    except units.UnitError:
        return False
    return True


def misfit(row: Mapping[str, Any], system: System) -> Message | None:
    """Return why there is no factor for a row with unit, typed unit and name of the measure, as `factors` gives it."""
    return factor(row["unit"], row["typed"], system, row["name"])[1]


def factor(unit: str | None, typed: str | None, system: System, name: str) -> tuple[float | None, Message | None]:
    """Return the factor from a unit and one typed behind a figure into the unit of a measure, else why there is none.

    Args:
        unit: the unit of the row or the column, None without one.
        typed: the unit typed behind the figure, None without one.
        system: gives the unit of the measure.
        name: of the measure.
    """
    wanted = system.unit(name)
    multiple, text = meant(unit, typed, str(wanted))
    if text is None:
        return multiple, None
    try:
        return multiple * units.factor(units.parse(str(text)), wanted), None
    except units.UnitError as error:
        reason: object = error.args[0]
        if typed is not None and _FLAG.fullmatch(typed):
            reason = Message("the flag `{flag}` follows the figure: move it to a column of its own", flag=typed)
        title = system.symbols[name].title
        return None, Message("`{title}` is kept in {unit}: {reason}", title=title, unit=wanted, reason=reason)


class Factors:
    """Factors from units into those of measures, each looked up once; thread-safe.

    The factors from one unit into all measures are adjacent; the first are those from the unit of the table.
    """

    def __init__(self, system: System, unit: str | None) -> None:
        self._system, self._measures = system, list(system.measures)
        self._units = [unit]
        self._known = pl.Series(dtype=pl.Float64)
        self._lock = Lock()

    def places(self, units: list[str]) -> list[int | None]:
        """Return the positions of the first factors from units."""
        self._units += [unit for unit in units if unit not in self._units]
        return [self._units.index(unit) * len(self._measures) for unit in units]

    def of(self, place: pl.Series) -> pl.Series:
        """Return factors by position, null without one.

        Args:
            place: the position of a unit plus that of a measure, or null.
        """
        known, place = self._known, place.cast(pl.UInt32, wrap_numerical=True)
        if len(self._units) * len(self._measures) > len(known) or (factors := known[place]).min() == _UNSEEN:
            with self._lock:
                self._learn(place.unique().drop_nulls())
                factors = self._known[place]
        return factors

    def _learn(self, places: pl.Series) -> None:
        many = len(self._measures)
        more = pl.repeat(_UNSEEN, len(self._units) * many - len(self._known), dtype=pl.Float64, eager=True)
        known = pl.concat([self._known, more])
        new = places.filter(known.gather(places) == _UNSEEN)
        pairs = [{"unit": self._units[at // many], "typed": None, "name": self._measures[at % many]} for at in new]
        raw = pl.DataFrame(pairs, schema={"unit": pl.String, "typed": pl.String, "name": pl.String})
        self._known = known.scatter(new, factors(raw, self._system)["factor"])
