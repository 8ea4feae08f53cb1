"""A panel: measures on the complete grid of entities and periods, with the counts of the rows they come from."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
from msgspec import Struct, field

from kpi.errors import Diagnostic, Message
from kpi.intake.cells.text_folding import as_names
from kpi.intake.changing_attributes import by_period
from kpi.intake.entities import Entities
from kpi.intake.groups_of_roster import of_roster
from kpi.language.grouping import columns_of_roster
from kpi.language.system import System
from kpi.values.columns import OUTSIDE, is_unit
from kpi.values.periods import Period


class Counts(Struct, frozen=True):
    """The counts of rows: `read = used + refused + restated + repeated + left_out`.

    `left_out` are those of totals and the like, of headings, and of names without a figure. Not in `read` are those
    `passed_over`: of periods that the requested one does not depend on (`reported.row_pruning`).
    """

    read: int = 0
    refused: int = 0
    restated: int = 0
    repeated: int = 0
    passed_over: int = 0
    left_out: int = 0

    @property
    def used(self) -> int:
        """The rows that entered a measure."""
        return self.read - self.refused - self.restated - self.repeated - self.left_out


class Panel(Struct, frozen=True):
    """Measures on the complete grid, ready for a plan.

    `frame` has one row per period and entity, ordered by period and entity, with the columns entity (UInt32), period
    (Int32), cohort (String), those that the definition gives (`groups_of_roster`), `#month`, `#entities`, where
    entities are such for some time only `#outside`, `#unit NAME` for units that rules name, and per measure `name`,
    `name.status` and `name.rows`.
    """

    frame: pl.DataFrame
    entities: Entities
    periods: tuple[Period, ...]
    findings: tuple[Diagnostic, ...]
    counts: Counts
    data_hash: str
    sources: tuple[str, ...] = ()
    #: Explanations (说明) of figures by departments: by measure, entity and period index.
    notes: Mapping[tuple[str, int, int], str] = field(default_factory=dict)
    #: The reporting departments (see `kpi.engine.reporting_quality.Supply`) and the restated figures, if any.
    reporters: pl.DataFrame | None = None
    restated: pl.DataFrame | None = None
    #: The number of files and sheets that could not be read or assigned to a dataset.
    unread: int = 0
    #: Findings about measures and columns of targets that the files of this reading do not have; other files may.
    absent: tuple[Diagnostic, ...] = ()
    #: The units that are none any more, each with where it went; and those of them that only have a new name, with it.
    former: Mapping[str, Message] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)


def _named(cells: pl.Series) -> pl.Series:
    return as_names(cells).fill_null("")


def _repeated(series: pl.Series, times: int) -> pl.Series:
    return pl.concat([series] * times, rechunk=True) if times > 1 else series


def grid(system: System, entities: Entities, first: int, last: int) -> pl.DataFrame:
    """Return the complete grid of the periods from `first` to `last`, without measures; columns as `Panel.frame`."""
    import numpy as np

    number, periods, size = len(entities.names), last - first + 1, system.period.months
    cohort = entities.frame["cohort"]
    if cohort.null_count():
        none = cohort.null_count() == number
        cohort = pl.Series("cohort", [""]).new_from_index(0, number) if none else cohort.fill_null("")
    given = {"cohort": cohort, **of_roster(system, entities)}
    headers = {"cohort": "cohort", **columns_of_roster(system.groups)}
    changing = {name: header for name, header in headers.items() if header in entities.changing}
    who = np.tile(np.arange(number, dtype=np.uint32), periods)
    when = np.repeat(np.arange(first, last + 1, dtype=np.int32), number)
    rows = pl.DataFrame(
        {
            "period": when,
            "entity": who,
            **{name: _repeated(series, periods) for name, series in given.items() if name not in changing},
            "#month": (when + 1) * size - 1,
            "#entities": np.full(len(when), number, dtype=np.int64),
        }
    )
    for name, header in changing.items():
        rows = by_period(rows, given[name].alias(name), header, entities, months=size, read=_named)
    if system.named_units:
        places = entities.resolve(system.named_units)
        rows = rows.with_columns(
            (pl.col("entity") == places.get(name, number)).alias(is_unit(name)) for name in system.named_units
        )
    if not entities.spans:
        return rows
    out = [
        (place, at)
        for place, spans in entities.spans.items()
        for at in range(first, last + 1)
        if not any(begin <= (at + 1) * size - 1 and at * size <= end for begin, end in spans)
    ]
    outside = pl.DataFrame(out, {"entity": pl.UInt32, "period": pl.Int32}, orient="row")
    outside = outside.with_columns(pl.lit(value=True).alias(OUTSIDE))
    joined = rows.join(outside, on=["entity", "period"], how="left", maintain_order="left")
    return joined.with_columns(pl.col(OUTSIDE).fill_null(value=False))
