"""Units of rows: the factor from the unit of a cell or its column into the unit of a measure or indicator."""

from __future__ import annotations

import re
from threading import Lock

import polars as pl

from kpi.errors import Message
from kpi.language.system import System
from kpi.values import units

# The multiple that a unit begins with; 千瓦时 and 千克 begin with none.
_MULTIPLE = re.compile(r"(?:[十百千]*[万亿]+|千(?=元))(?=.)")

#: Multiples that may be typed behind a figure, of whatever unit its column has.
_MULTIPLES = {
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


#: Letters that statistical offices put behind figures: break in the series, estimated, provisional, unreliable ...
_FLAG = re.compile("[bcdefinprsuz]{1,2}")

#: Stands for a factor that has not been looked up; none is negative.
_UNSEEN = -2.0


def factors(raw: pl.DataFrame, system: System) -> pl.DataFrame:
    """For each unit column, typed unit and measure: the factor into the measure's unit, or the misfit."""
    rows = raw.select("unit", "typed", "name").unique(maintain_order=True).to_dicts()
    out = []
    for row in rows:
        factor, misfit = _factor(row["unit"], row["typed"], system, row["name"])
        out.append({**row, "factor": factor, "misfit": misfit})
    schema = {"unit": pl.String, "typed": pl.String, "name": pl.String, "factor": pl.Float64, "misfit": pl.String}
    return pl.DataFrame(out, schema=schema)


def meant(unit: str | None, typed: str | None, wanted: str) -> tuple[float, str | None]:
    """Returns the multiple and the unit that a figure has, None for that of its column.

    >>> meant("亿元", "万", "元"), meant(None, "千元", "元"), meant("件", None, "件"), meant(None, None, "件")
    ((10000.0, '元'), (1.0, '千元'), (1.0, '件'), (1.0, None))

    Args:
        unit: of the row or the column, None where neither has one.
        typed: what stands behind the figure.
        wanted: the unit that is meant where nothing says any.
    """
    if typed in _MULTIPLES:
        # 80亿 in a column of 亿元, and 8000万 there, are money as typed: the multiple stands in for the column's own.
        return _MULTIPLES[typed], _MULTIPLE.sub("", unit or wanted)
    return 1.0, unit if typed is None else typed


def _factor(unit: str | None, typed: str | None, system: System, name: str) -> tuple[float | None, Message | None]:
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
    """Factors from units into those of measures, each looked up once; several threads may ask.

    Those into all measures from one unit stand together; the first are from that of the table.
    """

    def __init__(self, system: System, unit: str | None) -> None:
        self._system, self._measures = system, list(system.measures)
        self._units = [unit]
        self._known = pl.Series(dtype=pl.Float64)
        self._lock = Lock()

    def places(self, units: list[str]) -> list[int | None]:
        """Returns where the factors from units begin."""
        self._units += [unit for unit in units if unit not in self._units]
        return [self._units.index(unit) * len(self._measures) for unit in units]

    def of(self, place: pl.Series) -> pl.Series:
        """Returns factors, null where there is none.

        Args:
            place: that of a unit plus that of a measure, or null.
        """
        known, place = self._known, place.cast(pl.UInt32, wrap_numerical=True)
        if len(self._units) * len(self._measures) > len(known) or (found := known[place]).min() == _UNSEEN:
            with self._lock:
                self._learn(place.unique().drop_nulls())
                found = self._known[place]
        return found

    def _learn(self, places: pl.Series) -> None:
        many = len(self._measures)
        more = pl.repeat(_UNSEEN, len(self._units) * many - len(self._known), dtype=pl.Float64, eager=True)
        known = pl.concat([self._known, more])
        new = places.filter(known.gather(places) == _UNSEEN)
        pairs = [{"unit": self._units[at // many], "typed": None, "name": self._measures[at % many]} for at in new]
        raw = pl.DataFrame(pairs, schema={"unit": pl.String, "typed": pl.String, "name": pl.String})
        self._known = known.scatter(new, factors(raw, self._system)["factor"])
