"""Units of rows: the factor from the unit of a cell or its column into the unit of a measure or indicator."""

from __future__ import annotations

import re

import polars as pl

from kpi import units
from kpi.system import System

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


def factors(raw: pl.DataFrame, system: System) -> pl.DataFrame:
    """For each unit column, typed unit and measure: the factor into the measure's unit, or the misfit."""
    rows = raw.select("unit", "typed", "name").unique(maintain_order=True).to_dicts()
    out = []
    for row in rows:
        factor, misfit = _factor(row["unit"], row["typed"], system, row["name"])
        out.append({**row, "factor": factor, "misfit": misfit})
    schema = {"unit": pl.String, "typed": pl.String, "name": pl.String, "factor": pl.Float64, "misfit": pl.String}
    return pl.DataFrame(out, schema=schema)


def _factor(unit: str | None, typed: str | None, system: System, name: str) -> tuple[float | None, str | None]:
    wanted = system.unit(name)
    multiple = _MULTIPLES.get(typed or "", 1.0)
    text = unit if typed is None or typed in _MULTIPLES else typed
    if typed in _MULTIPLES:
        # 80亿 in a column of 亿元, and 8000万 there, are money as typed: the multiple stands in for the column's own.
        text = _MULTIPLE.sub("", text or str(wanted))
    elif text is None:
        return multiple, None
    try:
        return multiple * units.factor(units.parse(str(text)), wanted), None
    except units.UnitError as error:
        return None, f"`{system.symbols[name].title}` is kept in {wanted}: {error}"
