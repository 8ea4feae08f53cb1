"""Many trial values of one unit's figures scored at once: the level, place and total that each trial gives the unit.

Where nothing looks back, each trial is a period of its own in one frame, so that peers, quotas and groups are those of
the trial; where something does, trials are cohorts of their own (as in `uncertainty.study`), or run one by one if
something looks at all cohorts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import polars as pl
from msgspec import Struct

from kpi.analysis.uncertainty.study import CELLS, apart, stacked, through
from kpi.analysis.what_if import column_of, stages_with
from kpi.engine.scorecard import Scorecard
from kpi.language.lookback import NOW, WHOLE, Lags
from kpi.language.system import System
from kpi.values.rounding import score_key

#: New values of figures by name.
Trial = Mapping[str, float]


class Standing(Struct, frozen=True):
    """What a unit has: total before rounding in points, level, place; None for what it lacks."""

    raw: float | None
    level: float | None
    rank: int | None

    @property
    def order(self) -> tuple[float, float, float]:
        """What is compared to say which of two standings is better."""
        low = float("-inf")
        return (
            low if self.level is None else self.level, low if self.raw is None else self.raw,
            low if self.rank is None else -self.rank,
        )  # fmt: skip


class Trials:
    """A scorecard, one of its periods and a unit, whose figures are tried with other values.

    Args:
        card: the results as scored.
        index: the period.
        entity: the number of the unit.
        names: the figures that trials may replace.
        together: whether trials are scored in one frame where they can; the result is the same.
    """

    def __init__(
        self, card: Scorecard, index: int, entity: int, names: Sequence[str], *, together: bool = True
    ) -> None:
        self.card, self.index, self.entity, self.names, self.together = card, index, entity, tuple(names), together
        self._known: dict[tuple[tuple[str, float], ...], Standing] = {}

    def standings(self, trials: Sequence[Trial]) -> list[Standing]:
        """Return what the unit has in each trial."""
        keys = [tuple(sorted(trial.items())) for trial in trials]
        new = [key for key in dict.fromkeys(keys) if key not in self._known]
        for first in range(0, len(new), self._size):
            part = new[first : first + self._size]
            self._known |= dict(zip(part, self._scored(part), strict=True))
        return [self._known[key] for key in keys]

    @cached_property
    def _remembers(self) -> bool:
        return any(lags != NOW for lags in lookbacks(self.card.definition))

    @cached_property
    def _base(self) -> pl.DataFrame:
        panel = self.card.panel
        return panel.filter(pl.col("period") == self.index) if self._alone else panel

    @property
    def _alone(self) -> bool:
        """Whether the period is scored without any other."""
        return self.together and not self._remembers

    @cached_property
    def _size(self) -> int:
        """How many trials are scored at once."""
        system = self.card.definition
        whole = any(WHOLE in lags for lags in lookbacks(system))
        single = self._remembers and (whole or apart(system) or bool(system.named_units))
        if single or not self.together:
            return 1
        # As many columns again are computed from the figures.
        return max(1, CELLS // max(1, 2 * self._base.height * self.card.frame.width))

    def _scored(self, keys: Sequence[tuple[tuple[str, float], ...]]) -> Iterator[Standing]:
        values = [dict(key) for key in keys]
        names = [name for name in self.names if any(name in value for value in values)]
        columns = {column_of(name): [value.get(name) for value in values] for name in names}
        runs = pl.DataFrame(
            {"#run": range(len(keys)), **columns},
            schema={"#run": pl.Int64, **dict.fromkeys(columns, pl.Float64)},
        )
        if not self._alone:
            frame = stacked(self._base, runs).with_columns(pl.col("period").alias("#period"))
        else:
            every = self._base.lazy().with_columns(pl.col("entity").alias("#who"), pl.col("period").alias("#period"))
            frame = every.join(runs.lazy(), how="cross").sort("#run", "#who")
            frame = frame.with_columns(pl.col("#run").cast(self._base.schema["period"]).alias("period"))
        here = (pl.col("#period") == self.index) & (pl.col("#who") == self.entity)
        frame = frame.with_columns(pl.when(here).then(pl.col(name)).alias(name) for name in columns)
        # Materialized before the window functions, so that filters stay behind them.
        frame = frame.collect(engine="in-memory").lazy()
        rows = through(stages_with(self.card.plan, names), frame).filter(here)
        chosen = rows.select("#run", score_key(pl.col("raw")).alias("raw"), pl.col("stars").cast(pl.Float64), "rank")
        table = chosen.collect(engine="in-memory").sort("#run")
        for _, raw, stars, rank in table.iter_rows():
            yield Standing(raw, stars, rank)


def lookbacks(system: System) -> Iterator[Lags]:
    """Yield the lags in periods at which figures enter the level of a unit, one for each thing that has such."""
    yield from (item.lookback for item in system.treatment.values())
    yield from (rule.lookback for name in system.indicators if (rule := system.rule(name)) is not None)
    for indicator in system.indicators.values():
        yield from indicator.lookback(system.period).values()
    for check in system.checks.values():
        yield from check.lookback(system.symbols, system.period).values()
    for node in (system.composite, *system.pillars.values()):
        yield from (item.lookback for item in (node.weights_method, node.rule) if item is not None)
    if system.stars is not None:
        yield system.stars.lookback
