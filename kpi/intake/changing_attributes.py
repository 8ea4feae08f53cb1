"""The values of columns of the roster that change with time: those of the row which holds at the end of a period.

A period in which no row of the entity holds has the value of its latest row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import polars as pl

from kpi.intake.entities import ALWAYS, Entities


def by_period(
    grid: pl.DataFrame, values: pl.Series, header: str, entities: Entities, *, months: int,
    read: Callable[[pl.Series], Iterable[str | None]],
) -> pl.DataFrame:  # fmt: skip
    """Return the grid with a column of values by entity, where they change those that hold in each period.

    Args:
        grid: the columns entity (place) and period, in any number of rows.
        values: the values of the latest rows, one for each entity; its name is that of the column.
        header: the column of the roster.
        entities: the entities.
        months: the length of a period.
        read: turns cells of the roster into values.
    """
    column = values.name
    places = pl.DataFrame({"entity": range(values.len()), column: values}, schema_overrides={"entity": pl.UInt32})
    grid = grid.join(places, on="entity", how="left", maintain_order="left")
    held = _held(header, entities, grid["period"].unique().to_list(), months)
    if held.is_empty():
        return grid
    held = held.with_columns(
        pl.Series("#held", list(read(held["#held"])), dtype=values.dtype), known=pl.lit(value=True)
    )
    grid = grid.join(held, on=["entity", "period"], how="left", maintain_order="left")
    return grid.with_columns(pl.when("known").then("#held").otherwise(column).alias(column)).drop("#held", "known")


def _held(header: str, entities: Entities, periods: Iterable[int], months: int) -> pl.DataFrame:
    """Return the cells that hold in each period of the entities whose cells change: entity, period, `#held`."""
    rows = []
    place = {name: at for at, name in enumerate(entities.names)}
    every = sorted(periods)
    for name, spells in entities.changing.get(header, {}).items():
        if name in place:
            rows += [
                (place[name], period, None if cell is None else str(cell))
                for period in every
                for begin, end, cell in spells
                if begin <= (period + 1) * months - 1 <= end
            ]
    return pl.DataFrame(rows, {"entity": pl.UInt32, "period": pl.Int32, "#held": pl.String}, orient="row")


def snapshots(
    header: str, entities: Entities, periods: Iterable[int], months: int
) -> list[tuple[pl.Series, list[int]]]:
    """Return each state of a column of the roster, one cell for each entity, with the periods in which it holds.

    The latest row of each entity comes first, with the periods that differ in nothing from it, perhaps none.
    """
    latest = entities.frame[header]
    cells = latest.to_list()
    place = {name: at for at, name in enumerate(entities.names)}
    spells = {place[name]: items for name, items in entities.changing.get(header, {}).items() if name in place}
    states: dict[tuple[object, ...], list[int]] = {tuple(cells[at] for at in spells): []}
    for period in sorted(periods):
        last = (period + 1) * months - 1
        state = tuple(
            next((cell for begin, end, cell in items if begin <= last <= end), cells[at])
            for at, items in spells.items()
        )
        states.setdefault(state, []).append(period)
    results = []
    for state, own in states.items():
        for at, cell in zip(spells, state, strict=True):
            cells[at] = cell
        results.append((pl.Series(header, cells, dtype=latest.dtype, strict=False), own))
    return results


def bounds_of(header: str, entities: Entities, months: int) -> list[int]:
    """Return the periods in which a value of a column begins or ends to hold."""
    times = {
        time
        for spells in entities.changing.get(header, {}).values()
        for begin, end, _ in spells
        for time in (begin, end)
        if time not in ALWAYS
    }
    return sorted({time // months for time in times})
