"""The interface of stores: result frames of all systems, published one run at a time, with access to every past run.

A run has a number one higher than the last, which is the version of the whole store. The tables are the frames of a
scorecard with three leading columns: `system`, `period` (its label, null for findings without one) and `position` (the
index of the row in its frame), by which every read is sorted. Rows are therefore read in the order and with the bits
that were written, whatever the store.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import polars as pl
from msgspec import Struct, field

from kpi.errors import DataError, Diagnostic, Message

TABLES = (
    "totals",
    "pillars",
    "longer",
    "longer_pillars",
    "places",
    "headlines",
    "indicators",
    "weights",
    "treated",
    "measures",
    "restated",
    "limits",
    "alike",
    "outlook",
    "quality",
    "findings",
)
#: The tables that only what a definition asks for has rows in: confidence limits, levels that chance could have given,
#: and projections. A run of a system that asks for none does not look at them.
ASKED = ("limits", "alike", "outlook")
KEYS = ("system", "period", "position")


class Run(Struct, frozen=True):
    """A published run: its number, its manifest (what was done) and the state after it."""

    number: int
    manifest: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)


class Change(Struct, frozen=True):
    """Rows that replace those of some periods of a system in a table; of all periods if None."""

    table: str
    system: str
    periods: tuple[str, ...] | None
    rows: pl.DataFrame


class Repaired(Struct, frozen=True):
    """The run to which a store went back, and the systems of which rows are lost, to be scored again."""

    number: int
    lost: frozenset[str] = frozenset()


class Store(Protocol):
    """A store of results. Only `publish` and `tidy` write, and only under `lock`."""

    @property
    def where(self) -> str:
        """A description of the store for messages, without secrets."""

    def lock(self, wait: float, *, damaged: bool = False) -> AbstractContextManager[None]:
        """Hold the store for one batch; raise DataError K810 if another batch holds it for longer than `wait` seconds.

        K833 is raised for a damaged store, unless `damaged` is set.
        """

    def head(self) -> Run | None:
        """Return the last published run, None if there is none."""

    def run(self, number: int) -> Run:
        """Return a run; raise DataError K811 if there is none of this number."""

    def numbers(self) -> list[int]:
        """Return the numbers of the available runs, in order."""

    def publish(self, run: Run, changes: Sequence[Change]) -> None:
        """Replace rows and publish the run atomically for readers."""

    def read(
        self, table: str, *, system: str | None = None, number: int | None = None,
        periods: Collection[str] | None = None, where: Mapping[str, Collection[str]] | None = None,
    ) -> pl.DataFrame:  # fmt: skip
        """Return a table as of a run (None for the last), sorted by system, period and position.

        `periods` and `where`, texts by column, restrict the rows before they are read; a column that the table does not
        have restricts nothing.
        """

    def check(self, *, thorough: bool = False) -> list[Diagnostic]:
        """Return the damage of the last run (K833): by file size, or with `thorough` by hash."""

    def repair(self) -> Repaired | None:
        """Go back to the last intact run and return it, None if there is none. Requires `lock`."""

    def tidy(self, keep: int) -> int:
        """Remove all but the last `keep` runs with the files that only they use; return the number of removed runs."""


def prepared(frame: pl.DataFrame, system: str) -> pl.DataFrame:
    """Return a result frame with the types of stores: texts, 64-bit numbers, Booleans.

    The order of rows becomes the column `position`, counted from 0 within a period. Enumerations become text.
    """
    text = pl.selectors.by_dtype(pl.Enum, pl.Categorical, pl.Null)
    plain = frame.with_columns(
        text.cast(pl.String), pl.selectors.integer().cast(pl.Int64), pl.selectors.float().cast(pl.Float64)
    )
    place = pl.int_range(pl.len(), dtype=pl.Int64).over("period")
    return plain.select(
        pl.lit(system).alias("system"), "period", place.alias("position"), pl.exclude("system", "period")
    )


def ordered(frame: pl.DataFrame) -> pl.DataFrame:
    """Return rows sorted by their keys, with the keys as the first columns."""
    return frame.select(*KEYS, pl.exclude(*KEYS)).sort(KEYS, nulls_last=True)


def no_run(number: int, there: Sequence[int]) -> DataError:
    """Return the error for a run that the store does not have."""
    known = Message("nothing was published yet")
    if there:
        known = Message("there are {first} to {last}", first=there[0], last=there[-1])
    return DataError(Diagnostic("K811", Message("the store has no run {number}", number=number), hint=known))
