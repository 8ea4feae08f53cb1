"""The seam between measures and an engine that aggregates events where they are: a database, a cluster.

An engine is asked twice. `groups` is the pass of `mergeable.Aggregation`: rows grouped by name and month as written,
with the parts of measures. `statistics` are those of `ordered.Statistics`, after the names are resolved to entities. An
engine that cannot answer exactly as the pass over fetched rows would says so with None, and the rows are fetched. So
rows with cells that need a second look are not its concern: it only counts them, and they are fetched and read here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import polars as pl
from msgspec import Struct

from kpi.intake.events.events import Events
from kpi.intake.events.fixed_point import Precision
from kpi.intake.events.units import Scale
from kpi.intake.files.remote import Remote
from kpi.language.measures import OfRows, Part
from kpi.values.working_days import WorkingDays

#: The columns of groups: the number of their rows, whether these need a second look, and the finer unit.
ROWS, ODD, PER = "#rows", "#odd", "per"


def tied(name: str) -> str:
    """Return the name of the column that counts the rows of one date that differ, of the last or first."""
    return f"#tied {name}"


class Rows(Struct, frozen=True):
    """The rows of one table, and what is read from them.

    Attributes:
        events: the table, with its typed columns as Polars expressions over fetched cells.
        kinds: the kind of each column that is read or computed.
        scales: the units of numbers.
        needed: the columns whose cells are read, those of computed columns included.
        conditions: each condition as a Polars expression over the columns `conditions.cell(...)`.
        per: the column of finer units.
        calendar: the working days, None where nothing is counted in them.
        second: the numbers whose cells get a second look, for statistics alone and for engines that give it.
    """

    events: Events
    kinds: Mapping[str, str]
    scales: Mapping[str, Scale]
    needed: Sequence[str]
    conditions: Mapping[str, pl.Expr]
    per: str | None = None
    calendar: WorkingDays | None = None
    second: frozenset[str] = frozenset()


class Groups(Struct, frozen=True):
    """What the groups of a table have.

    Attributes:
        rows: the rows.
        parts: the parts of measures: rows, filled, sum, min, max, blank.
        precisions: how each number is summed.
        odd: whether a row needs a second look, a Polars expression over the columns `conditions.cell(...)`.
    """

    rows: Rows
    parts: Sequence[Part]
    precisions: Mapping[str, Precision]
    odd: pl.Expr


class OfEntities(Struct, frozen=True):
    """Statistics of the rows themselves, by entity, scored period and finer unit.

    Attributes:
        rows: the rows, with one condition or none.
        measures: the measures, all with that condition.
        known: the entity of each name as written: columns `WHO` (String) and entity (UInt32); other rows do not count.
        months: the length of a period in months, or weeks: 1 where figures are of these.
    """

    rows: Rows
    measures: Mapping[str, OfRows]
    known: pl.DataFrame
    months: int


class Engine(Remote):
    """A table elsewhere that can aggregate its rows there.

    How numbers are summed is its choice: one with 64 bits needs sums that cannot overflow.

    Attributes:
        looks_twice: whether its statistics give cells a second look; else rows that may need it are fetched.
        alone: whether it aggregates a dataset only if that has no other table; else the rows of all are fetched.
    """

    looks_twice: ClassVar[bool] = False
    alone: ClassVar[bool] = False

    def precision(self, scale: Scale, kind: str) -> Precision:
        """Return how a number is summed, by default in 128 bits.

        Args:
            scale: its unit.
            kind: of its column: number, time, span, working or computed.
        """
        del scale, kind
        return Precision()

    @abstractmethod
    def groups(self, request: Groups) -> pl.DataFrame | None:
        """Return the parts of groups of rows, None where the engine cannot compute all of them exactly.

        The columns are `WHO` (String, as written, null for none), `MONTH` (Int32, null without a date), `PER` (String,
        as written) where finer units are asked for, without rows that are of none, `ODD` (Boolean, never null), `ROWS`
        and a column for each part by `Part.name`: counts as integers, `sum` as whole multiples of one part in
        10^decimals of the precision, `min` and `max` as Float64. Of the groups that are odd only the number of rows is
        used. A group may come several times.
        """

    @abstractmethod
    def statistics(self, request: OfEntities) -> pl.DataFrame | None:
        """Return statistics of the filled cells of matching rows, None where the engine can compute none.

        The columns are entity (UInt32), period (Int32), `PER` (String, as names are compared, null without) and those
        of the measures (Float64) that it computes exactly, each group once; `tied(name)` (integers) for chronological
        measures. Measures without a column are computed from fetched rows.
        """

    def statistics_of(self, requests: Sequence[OfEntities]) -> Sequence[pl.DataFrame | None]:
        """Return the answer of `statistics` to each of some requests, which are of the same table and periods.

        An engine that reads its rows anew for each request answers all of them in one pass.
        """
        return [self.statistics(request) for request in requests]
