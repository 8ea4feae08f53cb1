"""What every store does: hold the result frames of all systems, publish a night at once, read any night again.

A night is a `Run` with a number one higher than the last; its number is the version of the whole store. The tables are
the frames of a scorecard with three columns in front: `system`, `period` (its label, null where a finding has none)
and `position` (the place of the row in its frame), by which every read is sorted. So what is read is what was written,
in the same order and with the same bits, whatever the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import polars as pl

from kpi.errors import DataError, Diagnostic, Message

TABLES = ("totals", "pillars", "indicators", "weights", "treated", "measures", "restated", "quality", "findings")
KEYS = ("system", "period", "position")


@dataclass(frozen=True)
class Run:
    """One night in the store: its number, its manifest (what was done) and the state after it (what is there)."""

    number: int
    manifest: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """Rows that take the place of what a table holds for some periods of a system; all periods when None."""

    table: str
    system: str
    periods: tuple[str, ...] | None
    rows: pl.DataFrame


class Store(Protocol):
    """A place for results. Only `publish` and `tidy` write, and only under `lock`."""

    @property
    def where(self) -> str:
        """The store as people are told about it, without secrets."""

    def lock(self, wait: float, *, damaged: bool = False) -> AbstractContextManager[None]:
        """Hold the store for one batch; raises DataError K810 when another has it for longer than `wait` seconds.

        K833 is raised when it is damaged, unless a `damaged` one is wanted.
        """

    def head(self) -> Run | None:
        """Return the last published run, None while there is none."""

    def run(self, number: int) -> Run:
        """Return a run; raises DataError K811 when there is none of this number."""

    def numbers(self) -> list[int]:
        """Return the numbers of the runs that can still be read, in order."""

    def publish(self, run: Run, changes: Sequence[Change]) -> None:
        """Replace rows and publish the run: readers see all of it or nothing."""

    def read(self, table: str, *, system: str | None = None, number: int | None = None) -> pl.DataFrame:
        """Return a table as of a run, the last when None, sorted by system, period and position."""

    def check(self, *, thorough: bool = False) -> list[Diagnostic]:
        """Return what is damaged of the last run (K833): by the sizes of files, when thorough by their hashes."""

    def repair(self) -> int | None:
        """Go back to the last run that is whole and return its number, None when none is. Only under `lock`."""

    def tidy(self, keep: int) -> int:
        """Forgets all but the last `keep` runs and removes what only they used; returns how many runs went."""


def prepared(frame: pl.DataFrame, system: str) -> pl.DataFrame:
    """Return a result frame with the types that every store keeps: texts, 64-bit numbers, truth values.

    The frame's order becomes the column `position`, which counts from 0 within a period. Enumerations become text.
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
    """Return rows in the order of their keys, the keys first."""
    return frame.select(*KEYS, pl.exclude(*KEYS)).sort(KEYS, nulls_last=True)


def no_run(number: int, there: Sequence[int]) -> DataError:
    """Return the error for a run that the store does not have."""
    known = Message("nothing was published yet")
    if there:
        known = Message("there are {first} to {last}", first=there[0], last=there[-1])
    return DataError(Diagnostic("K811", Message("the store has no run {number}", number=number), hint=known))
