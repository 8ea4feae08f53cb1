"""Lay plain figures out as cells, by measure, period and entity, and separate the few that are not alone in theirs.

Every plain row has one cell. Where nothing else is reported for a cell, its figure is the figure of the panel. Rows
that share a cell, or the series of a measure and entity with figures for other spans than the scored periods, are
separated from the others and aggregated by `kpi.intake.reported.period_aggregation`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi.errors import Message, count
from kpi.intake.reported.plain_rows import Block, Plain
from kpi.process.limits import make_sure
from kpi.process.prefetch import in_threads
from kpi.values.columns import Column
from kpi.values.periods import Grain
from kpi.values.rounding import unsigned_zero
from kpi.values.status import OK, Status, reason

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: In how many parts the cells are made ready.
PARTS = 8
#: Up to so many cells are worked on by one thread.
_SMALL = 100_000

_LARGEST = 2**31 - 1


class Cells(Struct, frozen=True):
    """Figures by measure, period and entity, in this order, NaN where there is none, if there are such `gaps`."""

    values: pl.Series
    measures: Sequence[str]
    first: int
    periods: int
    entities: int
    gaps: bool

    def column(self, measure: str, first: int, last: int) -> pl.Series | None:
        """Return the figures of a measure for the periods from first to last, None when it has none."""
        if measure not in self.measures:
            return None
        height = self.periods * self.entities
        own = self.values.slice(self.measures.index(measure) * height, height)
        own = own.fill_nan(None) if self.gaps else own
        before, after = (self.first - first) * self.entities, (last - self.first + 1 - self.periods) * self.entities
        if before or after:
            gaps = [pl.repeat(None, many, dtype=pl.Float64, eager=True) for many in (before, after)]
            own = pl.concat([gaps[0], own, gaps[1]])
        return own


def settle(
    plain: Sequence[Plain | Block], rows: pl.DataFrame, measures: Sequence[str], entities: int, grain: Grain
) -> tuple[Cells | None, pl.DataFrame]:
    """Return the cells of the figures that stand alone, and all other rows as clean rows.

    Args:
        plain: rows that stand alone, if nothing else is said of the same.
        rows: clean rows (see `kpi.intake.reported.row_cleaning`), which go the long way.
        measures: the names of all measures.
        entities: how many there are.
        grain: of the scored periods.
    """
    if not plain:
        return None, rows
    layout = _Layout(plain, measures, entities, grain)
    apart: list[pl.DataFrame] = []
    if rows.height:
        plain = layout.without(plain, layout.touched(rows), apart)
    values, full = layout.scatter(plain)
    if full < sum(rows.size for rows in plain):
        plain = layout.without(plain, layout.repeated(plain), apart)
        values, full = layout.scatter(plain)
    cells = Cells(values, layout.names, layout.first, layout.periods, entities, full < layout.height)
    if not apart:
        return cells, rows
    clean = [layout.clean(figures).select(rows.columns).cast(rows.schema) for figures in apart]
    return cells, pl.concat([rows, *clean]).sort("source", "row", "measure", maintain_order=True)


def filled(grid: pl.DataFrame, measures: Sequence[str], figures: pl.DataFrame, cells: Cells | None) -> pl.DataFrame:
    """Return the grid with `name`, `name.status` and `name.rows` of every measure.

    Args:
        grid: one row per period and entity, ordered so.
        measures: the names.
        figures: figures per scored period (see `reported.period_aggregation`) that go before those of the cells.
        cells: figures that stand alone.
    """
    first, last, number = int(grid["period"][0]), int(grid["period"][-1]), int(grid["#entities"][0])
    height = grid.height
    # Measures without gaps, and those without a figure, share the columns that are the same for all of them.
    good, missing = (_status(word).new_from_index(0, height) for word in ("ok", "missing"))
    items, zeros = (pl.Series([many], dtype=pl.Int64).new_from_index(0, height) for many in (1, 0))
    nothing = pl.Series([None], dtype=pl.Float64).new_from_index(0, height)
    columns: dict[str, pl.Series] = {}
    with_gaps: dict[str, pl.Series] = {}
    if cells is not None and cells.gaps and len(cells.values) <= _SMALL:
        # One by one, the gaps of a few figures take longer to find than all of them to copy.
        cells = replace(cells, values=pl.Series(cells.values.to_numpy(), nan_to_null=True), gaps=False)
    for name in measures:
        value = None if cells is None else cells.column(name, first, last)
        if value is not None and value.null_count():
            with_gaps[name] = value
        else:
            shared = (nothing, missing, zeros) if value is None else (value, good, items)
            columns |= {column: series.alias(column) for column, series in zip(_columns(name), shared, strict=True)}
    states = {
        Column(name).status: pl.when(pl.col(name).is_null()).then(reason("missing")).otherwise(OK) for name in with_gaps
    }
    rows = {Column(name).rows: pl.col(name).is_not_null().cast(pl.Int64) for name in with_gaps}
    if with_gaps:
        columns |= {column.name: column for column in pl.DataFrame(with_gaps).with_columns(**states, **rows)}
    if figures.height:
        figures = figures.with_columns(unsigned_zero(pl.col("value")))
        place = (pl.col("period") - first).cast(pl.Int64) * number + pl.col("entity").cast(pl.Int64)
        figures = figures.filter(pl.col("per").is_null() & pl.col("measure").is_in(list(measures)))
        columns |= _with_figures(columns, figures.with_columns(place=place), height) if figures.height else {}
    ordered = [columns[column] for name in measures for column in _columns(name)]
    return grid.hstack(ordered)


def _with_figures(columns: dict[str, pl.Series], figures: pl.DataFrame, height: int) -> dict[str, pl.Series]:
    """Return the columns of the measures that have figures, with these in their places.

    Args:
        columns: the columns of all measures so far.
        figures: with the column place (Int64), the row of the grid. Of several for one place the first counts.
        height: the number of rows of the grid.
    """
    names = figures["measure"].unique(maintain_order=True).to_list()
    value, status, rows = (pl.concat([columns[_columns(name)[at]] for name in names]) for at in range(3))
    filled = value.to_numpy().copy(), status.to_physical().to_numpy().copy(), rows.to_numpy().copy()
    number = figures["measure"].replace_strict(names, range(len(names)), return_dtype=pl.Int64)
    # The first of several is written last.
    place = (number * height + figures["place"]).to_numpy()[::-1]
    given = figures["value"], figures["status"].to_physical(), figures["rows"]
    for cells, new in zip(filled, given, strict=True):
        cells[place] = new.to_numpy()[::-1]
    result = (
        pl.Series(filled[0], nan_to_null=True),
        pl.Series(filled[1], dtype=status.to_physical().dtype).cat.to(Status),
        pl.Series(filled[2]),
    )
    return {
        column: series.slice(at * height, height).alias(column)
        for at, name in enumerate(names) for column, series in zip(_columns(name), result, strict=True)
    }  # fmt: skip


def _columns(name: str) -> tuple[str, str, str]:
    """Return the columns of a measure: its value, why there is none, how many rows it has."""
    return name, Column(name).status, Column(name).rows


@cache
def _status(word: str) -> pl.Series:
    """Return a status alone: to make one takes longer than to repeat it for few rows."""
    return pl.Series([word], dtype=Status)


def _finished(part: NDArray[np.float64]) -> int:
    """Replace minus zero by zero, and return how many cells of a part are filled."""
    part += 0.0
    if part.size <= _SMALL:
        return int((part == part).sum())  # noqa: PLR0124 - NaN alone is no number
    return int(pl.Series(part).is_not_nan().sum())


def span(figures: pl.DataFrame, cells: Cells | None) -> tuple[int, int]:
    """Return the first and the last period of which there is a figure."""
    bounds = [] if cells is None else [cells.first, cells.first + cells.periods - 1]
    if figures.height:
        bounds += [int(figures["period"].min()), int(figures["period"].max())]  # type: ignore[arg-type]
    return min(bounds), max(bounds)


class _Layout:
    """The order of cells: by measure, then by period, then by entity."""

    def __init__(self, plain: Sequence[Plain | Block], measures: Sequence[str], entities: int, grain: Grain) -> None:
        import numpy as np

        places = sorted(set().union(*(figures.measures for figures in plain)))
        bounds = [(figures.period.min(), figures.period.max()) for figures in plain]
        self.first = min(int(str(low)) for low, _ in bounds)
        self.periods = max(int(str(high)) for _, high in bounds) - self.first + 1
        self.names = [measures[place] for place in places]
        self.all, self.entities, self.size = pl.Series(measures, dtype=pl.String), entities, grain.months
        self.height = len(places) * self.periods * entities
        # How many cells stand before those of a measure, in as few bits as do for every cell.
        before = np.zeros(len(measures), dtype=np.int32 if self.height <= _LARGEST else np.int64)
        before[places] = np.arange(len(places)) * (self.periods * entities)
        self.before = pl.Series(before)
        make_sure(
            8 * self.height,
            Message(
                "a panel of {entities:,} entities over {periods}",
                entities=entities,
                periods=count(self.periods, "period"),
            ),
        )

    def cell(self, slot: pl.Expr, period: pl.Expr, entity: pl.Expr) -> pl.Expr:
        place = (slot.cast(pl.Int64) * self.periods + period - self.first) * self.entities + entity
        return place.cast(pl.get_index_type())

    def within(self, figures: Plain | Block) -> pl.Series:
        """Return the cell of every row among those of its measure."""
        # Small numbers need no look at whether they fit, which takes longer than to cast them.
        period = figures.period.cast(self.before.dtype, wrap_numerical=True)
        return (period - self.first) * self.entities + figures.entity()

    def cells(self, figures: Plain) -> pl.Series:
        """Return the cell of every row."""
        return self.within(figures) + self.before[figures.frame["measure"].cast(pl.UInt32, wrap_numerical=True)]

    def scatter(self, plain: Sequence[Plain | Block]) -> tuple[pl.Series, int]:
        """Return the figures in their cells (of several for one, one; NaN for none) and how many cells have one."""
        import numpy as np

        # What is written lies far from what was written before, so most of the time memory is waited for: by several
        # threads at once, which only numpy lets write into one column. Its own large pages cost more than they save.
        values = np.frombuffer(bytearray(8 * self.height))

        def fill(figures: Plain | Block) -> None:
            if isinstance(figures, Plain):
                values[self.cells(figures).to_numpy()] = figures.frame["value"].to_numpy()
                return
            cells = self.within(figures).to_numpy().astype(np.intp)
            for place, row in zip(figures.measures, figures.values, strict=True):
                values[self.before[place] :][cells] = row

        # Not null at first: to find each time which cells have become filled costs more than to look once at the end.
        parts = np.array_split(values, PARTS if self.height > _SMALL else 1)
        deque(in_threads(lambda part: part.fill(np.nan), parts), maxlen=0)
        deque(in_threads(fill, plain), maxlen=0)
        return pl.Series(values), sum(in_threads(_finished, parts))

    def touched(self, rows: pl.DataFrame) -> pl.Series:
        """Return for every cell whether one of some clean rows is for it, or for its series but another span."""
        slots = pl.DataFrame({"measure": self.names}).with_columns(slot=pl.int_range(pl.len()))
        # Units that are no entities, such as 全市, have no cell.
        mine = rows.filter(pl.col("per").is_null() & (pl.col("entity") < self.entities)).join(slots, on="measure")
        exact = (pl.col("months") == self.size) & (pl.col("start") % self.size == 0)
        every = pl.DataFrame({"period": range(self.first, self.first + self.periods)})
        index = self.cell(pl.col("slot"), pl.col("period"), pl.col("entity")).alias("cell")
        alone = mine.filter(exact).select("slot", "entity", period=pl.col("start") // self.size)
        alone = alone.filter(pl.col("period").is_between(self.first, self.first + self.periods - 1))
        series = mine.filter(~exact).select("slot", "entity").unique().join(every, how="cross")
        none = pl.repeat(value=False, n=self.height, dtype=pl.Boolean, eager=True)
        return none.scatter(alone.select(index)["cell"], values=True).scatter(series.select(index)["cell"], values=True)

    def repeated(self, plain: Sequence[Plain | Block]) -> pl.Series:
        """Return for every cell whether several rows are for it."""
        last = pl.zeros(self.height, dtype=pl.UInt32, eager=True)
        many = pl.repeat(value=False, n=self.height, dtype=pl.Boolean, eager=True)
        first = 0
        numbered = []
        rows = [part for figures in plain for part in figures.split()]
        for figures in rows:
            numbers = pl.int_range(first, first + figures.frame.height, dtype=pl.UInt32, eager=True)
            numbered.append(numbers)
            last = last.scatter(self.cells(figures), numbers)
            first += figures.frame.height
        for figures, numbers in zip(rows, numbered, strict=True):
            cells = self.cells(figures)
            many = many.scatter(cells.filter(last.gather(cells) != numbers), values=True)
        return many

    def without(self, plain: Sequence[Plain | Block], listed: pl.Series, apart: list[pl.DataFrame]) -> list[Plain]:
        """Return the rows whose cell is not listed; the others are added to `apart`."""
        kept = []
        for figures in (rows for each in plain for rows in each.split()):
            hit = listed.gather(self.cells(figures))
            kept.append(figures.without(hit) if hit.any() else figures)
            if hit.any():
                apart.append(figures.numbered().filter(hit))
        return kept

    def clean(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return plain rows as clean rows (see `kpi.intake.reported.row_cleaning`)."""
        return rows.select(
            "entity", "value", "row", "source", start=pl.col("period") * self.size, months=pl.lit(self.size),
            measure=self.all.gather(rows["measure"]), per=pl.lit(None, dtype=pl.String),
            status=pl.lit("ok", dtype=Status), revision=pl.lit(0.0),
        )  # fmt: skip
