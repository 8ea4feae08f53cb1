"""What a plot shows of a scorecard: one period of it, and perhaps a unit and an indicator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import polars as pl
from msgspec import Struct
from msgspec.structs import force_setattr

from kpi.analysis.explain import name_of
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, Message, suggest


class View(Struct, frozen=True, dict=True):
    """A part of a scorecard.

    Attributes:
        card: the scorecard.
        period: the label of the period; empty for the last.
        unit: the name or code of a unit, None for all.
        figure: the name or title of an indicator.
        map: a GeoJSON file of the units' areas.
        runs: how many runs of a robustness analysis.
        seed: of its random numbers.
    """

    card: Scorecard
    period: str = ""
    unit: str | None = None
    figure: str | None = None
    map: Path | None = None
    runs: int = 500
    seed: int = 1

    def __post_init__(self) -> None:
        periods = self.card.periods
        if not self.period:
            force_setattr(self, "period", periods[-1])
        if self.period not in periods:
            message = Message("`{period}` is not among the periods", period=self.period)
            hint = Message("there is {periods}", periods=tuple(periods))
            raise DataError(Diagnostic("K551", message, hint=hint))
        _ = self.entity, self.indicator

    @cached_property
    def entity(self) -> str | None:
        """The displayed name of the unit.

        Raises:
            DataError: K602, it is not among the entities.
        """
        if self.unit is None:
            return None
        name, names = name_of(self.card, self.unit), self.card.entities["entity"].to_list()
        if name not in names:
            message = Message("`{entity}` is not among the entities", entity=self.unit)
            raise DataError(Diagnostic("K602", message, hint=suggest(self.unit, names)))
        return name

    @cached_property
    def indicator(self) -> str | None:
        """The name of the indicator.

        Raises:
            DataError: K203, there is none of this name or title.
        """
        if self.figure is None:
            return None
        symbols = self.card.definition.symbols
        names = {name: name for name in self.card.definition.indicators}
        known = {symbols[name].title: name for name in names} | names
        if self.figure not in known:
            message = Message("`{indicator}` is not an indicator", indicator=self.figure)
            raise DataError(Diagnostic("K203", message, hint=suggest(self.figure, known)))
        return known[self.figure]

    @cached_property
    def cohort(self) -> str | None:
        """The cohort of the unit, None without a unit or cohorts."""
        if self.entity is None:
            return None
        of_unit = self.card.totals.filter((pl.col("entity") == self.entity) & (pl.col("period") == self.period))
        return None if of_unit.is_empty() else of_unit["cohort"][0]

    def totals(self) -> pl.DataFrame:
        """Return the totals of the period, of the unit's cohort if there is a unit."""
        return self._shown(self.card.totals)

    def indicators(self) -> pl.DataFrame:
        """Return the indicators of the period, of the unit's cohort if there is a unit."""
        return self._shown(self.card.indicators)

    def at_period(self) -> Scorecard:
        """Return the scorecard of the period alone."""
        index = next(index for index, label in self.card.labels.items() if label == self.period)
        return self.card.only([index])

    def titles(self) -> Mapping[str, str]:
        """Return a different title for each indicator: where two are alike, with the names."""
        symbols = self.card.definition.symbols
        many = Counter(symbols[name].title for name in self.card.definition.indicators)
        return {
            name: title if many[title := symbols[name].title] == 1 else f"{title} ({name})"
            for name in self.card.definition.indicators
        }

    def _shown(self, frame: pl.DataFrame) -> pl.DataFrame:
        frame = frame.filter(pl.col("period") == self.period)
        return frame if self.cohort is None else frame.filter(pl.col("cohort") == self.cohort)

    # ---- HEADINGS ---- #

    def headline(self, what: str) -> Message:
        """Return the title of a plot of the period."""
        return Message("{system}, {period}: {what}", system=self.card.title, period=self.period, what=what)

    def of_system(self, what: Message) -> Message:
        """Return the title of a plot of all periods."""
        return Message("{system}: {what}", system=self.card.title, what=what)

    def below(self) -> list[str]:
        """Return the lines below the title: the cohort, where only one of several is shown."""
        several = self.card.totals["cohort"].n_unique() > 1
        return [self.cohort] if self.cohort and several else []
