"""What is copied into the tables of a frame for new parts: single rows, or grids taken apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from kpi.batch.store import binary, coded
from kpi.batch.store.grid import grid_of

#: Parts of fewer rows are not taken apart: as single rows many of them go in one piece.
_FEW = 500


@dataclass(frozen=True)
class Piece:
    """Rows of a table for a part: values, and in each row lists of the next `height` values of other columns."""

    values: pl.DataFrame
    lists: pl.DataFrame = field(default_factory=pl.DataFrame)
    height: int = 0


@dataclass(frozen=True)
class Copy:
    """All rows that go into one table."""

    pieces: list[Piece] = field(default_factory=list)

    @property
    def types(self) -> dict[str, str]:
        """The columns that the table must have, with their types."""
        values = {name: binary.sql_type(kind) for one in self.pieces for name, kind in one.values.schema.items()}
        lists = {name: binary.sql_type(kind) for one in self.pieces for name, kind in one.lists.schema.items()}
        return values | {name: f"{kind}[]" for name, kind in lists.items()}

    @property
    def columns(self) -> list[str]:
        """The columns that are sent: what has no value anywhere need not be."""
        return [*self._some("values"), *self._some("lists")]

    def _some(self, what: str) -> list[str]:
        return list(dict.fromkeys(s.name for one in self.pieces for s in getattr(one, what) if s.count()))

    def texts(self) -> Iterator[pl.Series]:
        """Yields columns that together have every text."""
        for one in self.pieces:
            yield from one.values.select(pl.selectors.string())
            yield from one.lists.select(pl.selectors.string())

    def rows(self, numbers: pl.DataFrame) -> Iterator[bytes]:
        """Yields the rows for COPY, with numbers for texts."""
        values, lists = self._some("values"), self._some("lists")
        for one in self.pieces:
            first = coded.coded(one.values.select(values), numbers)
            if not one.height:
                yield from binary.single(first)
                continue
            some = coded.coded(one.lists, numbers)
            columns = [some[name] if name in some.columns and some[name].count() else None for name in lists]
            yield from binary.listed(first, columns, one.height)


def copies(parts: Mapping[int, pl.DataFrame], key: str | None) -> tuple[dict[str, Copy], str | None]:
    """Returns what is copied into each of the tables of a frame, and the key of its grids from then on.

    Args:
        parts: the rows of each part, by its number, without the columns that a part has in common.
        key: that of the grids that are there, None while there are none.
    """
    found = {"rows": Copy(), "axis": Copy(), "grid": Copy()}
    single: list[pl.DataFrame] = []
    for number, rows in parts.items():
        part = pl.lit(number, dtype=pl.Int64).alias("part_id")
        grid = None if rows.height < _FEW else grid_of(rows, key)
        if grid is None:
            single.append(rows.select(part, pl.all()))
            continue
        key = grid.key
        height = pl.lit(grid.height, dtype=pl.Int64).alias("height")
        found["axis"].pieces.append(Piece(pl.select(part, height), grid.axis, grid.height))
        found["grid"].pieces.append(Piece(grid.heads.select(part, "position", grid.key), grid.body, grid.height))
    if single:
        found["rows"].pieces.append(Piece(pl.concat(single)))
    return {name: one for name, one in found.items() if one.pieces}, key
