"""Plain rows: reported figures whose measure, entity, period and unit are known, as integer codes beside a Float64."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from kpi.intake.entities import Entities
from kpi.intake.reported.lookups import Resolver

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: What a row that is lost can lack, in the order in which it is reported.
LACKS = ("measure", "entity", "period")


class Plain(Struct, frozen=True):
    """Some plain rows of a table.

    `frame` has the columns measure (place among the measures), entity (place in `entities`, which holds places among
    the entities, or that itself), period (index of the scored period), all Int16 or Int32, and value (Float64, in the
    measure's unit), and row (UInt32) where the rows are not all of those that follow the row `first`. `measures` holds
    all measures of `frame` and may hold others. `source` is the table's number.
    """

    frame: pl.DataFrame
    first: int
    measures: Collection[int]
    source: int = 0
    entities: pl.Series | None = None

    @property
    def size(self) -> int:
        """How many figures there are."""
        return self.frame.height

    @property
    def period(self) -> pl.Series:
        """The period of every row."""
        return self.frame["period"]

    def entity(self) -> pl.Series:
        """Return the place of every row's entity among the entities."""
        return _among(self.frame["entity"], self.entities)

    def split(self) -> Iterator[Plain]:
        """Yield itself."""
        yield self

    def numbered(self) -> pl.DataFrame:
        """Return the rows with the places of their entities and the columns row and source."""
        frame = self.frame.with_columns(self.entity().alias("entity"))
        if "row" not in frame.columns:
            rows = pl.int_range(self.first, self.first + frame.height, dtype=pl.UInt32, eager=True)
            frame = frame.with_columns(rows.alias("row"))
        return frame.with_columns(pl.lit(self.source, dtype=pl.UInt32).alias("source"))

    def without(self, rows: pl.Series) -> Plain:
        """Return the rows for which `some` is false."""
        return replace(self, frame=self.numbered().drop("source").filter(~rows), entities=None)


class Block(Struct, frozen=True):
    """Plain figures of several measures in the same rows, those that follow the row `first`.

    `values` has a row of figures for each of `measures`, in their units. `row` (UInt32) numbers the rows where they are
    not all of those that follow `first`. All else is as in `Plain`.
    """

    entity_of: pl.Series
    period: pl.Series
    values: npt.NDArray[np.float64]
    measures: Sequence[int]
    first: int
    source: int = 0
    entities: pl.Series | None = None
    row: pl.Series | None = None

    @property
    def size(self) -> int:
        """How many figures there are."""
        return int(self.values.size)

    def entity(self) -> pl.Series:
        """Return the place of every row's entity among the entities."""
        return _among(self.entity_of, self.entities)

    def split(self) -> Iterator[Plain]:
        """Yield the figures of each measure."""
        for place, row in zip(self.measures, self.values, strict=True):
            measure = pl.repeat(place, len(row), dtype=pl.Int32, eager=True)
            frame = {"measure": measure, "entity": self.entity_of, "period": self.period, "value": row}
            frame |= {} if self.row is None else {"row": self.row}
            yield Plain(pl.DataFrame(frame), self.first, {place}, self.source, self.entities)


def _among(own: pl.Series, entities: pl.Series | None) -> pl.Series:
    return own if entities is None else entities[own.cast(pl.UInt32, wrap_numerical=True)]


class Coded(Struct):
    """The rows of a table: the plain ones as codes, the others as they came.

    The entities of `plain` are places in `names`, or among the entities if there is a roster.

    Attributes:
        others: the rows that are not plain, with the table's columns and `ROW`; of those that name no known measure,
            entity or period the first few.
        resolver: resolved the texts.
        plain: the plain rows.
        lost: how many more rows there are that name no known measure, entity or period.
        read: how many rows, or figures of a wide table, were read, without those that were `passed_over`.
        passed_over: how many are not needed for the period that is asked for.
        names: the names of `plain`.
        unclear: the columns in which there are decimal commas that are not declared.
        unknown: how many more rows there are of texts that name no measure.
        measures: all texts of measures that rows have.
    """

    others: pl.DataFrame
    resolver: Resolver
    plain: list[Plain | Block] = field(default_factory=list)
    lost: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LACKS, 0))
    read: int = 0
    passed_over: int = 0
    names: list[str] = field(default_factory=list)
    unclear: frozenset[str] = frozenset()
    unknown: Counter[str] = field(default_factory=Counter)
    measures: Collection[str] = ()

    def units(self, entities: Entities, sought: Collection[int]) -> set[int]:
        """Return which of some entities, given by their places, have a plain row."""
        import numpy as np

        known = entities.resolve(self.names)
        left = {place for place in known.values() if place in sought}
        where = np.array([known.get(name, -1) for name in self.names], dtype=np.int64)
        places: set[int] = set()
        for rows in self.plain:
            if not left:
                break
            seen = np.zeros(len(where), dtype=np.bool_)
            own = rows.entity_of if isinstance(rows, Block) else rows.frame["entity"]
            seen[own.to_numpy()] = True
            there = {int(place) for place in where[seen]} & left
            places |= there
            left -= there
        return places

    def numbered(self, source: int, entities: Entities) -> Iterator[Plain | Block]:
        """Yield the plain rows with the places of their entities and the number of their table in `source`.

        They are handed over: none is kept here, so that a table of many million rows is not held two times.
        """
        places = None
        if self.names:
            known = entities.resolve(self.names)
            places = pl.Series([known.get(name) for name in self.names], dtype=pl.Int32)
        while self.plain:
            yield replace(self.plain.pop(0), source=source, entities=places)
