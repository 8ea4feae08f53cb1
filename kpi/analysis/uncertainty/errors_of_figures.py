"""Errors of figures (抽样误差与修订): the values that another sample, or a later correction, would have given.

Sampling replaces the value of an indicator by a draw from the distribution whose quantiles are its published limits;
revision multiplies a measure by a correction that the same measure had before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct

from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, Message
from kpi.language.indicators.counted import Counted
from kpi.language.sampling import Sampling
from kpi.language.system import System
from kpi.language.uncertainty import Uncertainty, known

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def generator(seed: int, point: float, stream: int) -> np.random.Generator:
    """Return the generator of the errors of one run, the same for the same point.

    Args:
        seed: of the study.
        point: the number in [0, 1) that the run has for this choice.
        stream: another for each choice.
    """
    import numpy as np

    return np.random.Generator(np.random.Philox(key=[abs(2 * seed) + (seed < 0), int(point * 2**53) * 4 + stream]))


# ---- SAMPLING ---- #


def wilson(events: Floats, cases: Floats, z: Floats) -> Floats:
    """Return the proportion whose Wilson limit at `z` standard deviations is that of the sample.

    `(p + z²/2n + z √(p(1 - p)/n + z²/4n²)) / (1 + z²/n)`; for z from a standard normal distribution the quantiles are
    Wilson's limits of every level.

    Source: Wilson (1927), Probable inference, the law of succession, and statistical inference.

    >>> import numpy as np
    >>> wilson(np.array([8.0, 8.0]), np.array([10.0, 10.0]), np.array([-1.96, 1.96])).round(4).tolist()
    [0.4902, 0.9433]
    """
    import numpy as np

    with np.errstate(invalid="ignore", divide="ignore"):
        share = events / cases
        square = z * z / cases
        root = np.sqrt(np.maximum(share * (1 - share) / cases + square / (4 * cases), 0.0))
        return np.clip((share + square / 2 + z * root) / (1 + square), 0.0, 1.0)


def byar(events: Floats, z: Floats) -> Floats:
    """Return the number of events whose Byar limit at `z` standard deviations is that of the sample.

    `O (1 - 1/9O + z/3√O)³`, with O + 1 in place of O for z > 0; 0 below for no events.

    Source: Breslow and Day (1987), Statistical Methods in Cancer Research, volume II, 2.3; Byar's approximation.

    >>> import numpy as np
    >>> byar(np.array([10.0, 10.0, 0.0]), np.array([-1.96, 1.96, -1.96])).round(2).tolist()
    [4.79, 18.39, 0.0]
    """
    import numpy as np

    number = np.where(z > 0, events + 1, events)
    safe = np.maximum(number, 1e-12)
    limit = number * np.maximum(1 - 1 / (9 * safe) + z / (3 * np.sqrt(safe)), 0.0) ** 3
    return np.where(number > 0, limit, 0.0)


class SamplingErrors(Struct, frozen=True):
    """The sampling errors of the indicators of a system.

    `errors` are those declared, by indicator; `counts` the counts that some of them need.
    """

    system: System
    errors: Mapping[str, Sampling]
    counts: Mapping[str, Counted]

    @classmethod
    def of(cls, system: System, uncertainty: Uncertainty) -> SamplingErrors:
        """Return the errors that are declared; `known` those of each indicator whose kind shows one.

        Raises:
            DataError: when no kind shows one.
        """
        declared = dict(uncertainty.sampling)
        everyone = declared.pop("all", None) if "all" not in system.indicators else None
        errors: dict[str, Sampling] = dict(declared)
        counts: dict[str, Counted] = {}
        for name, indicator in system.indicators.items():
            error = declared.get(name, everyone)
            if error is None or error.by not in ("known", "wilson", "byar"):
                continue
            result = known(indicator, name, system.symbols, error.by)
            if result is not None:
                errors[name], counts[name] = error, result
        if everyone is not None and not errors:
            message = Message("no indicator shows its sampling error by its figures")
            hint = Message("write `sampling: {{indicator: {{relative_error: 3}}}}` under `uncertainty:`")
            raise DataError(Diagnostic("K871", message, hint=hint))
        return cls(system, errors, counts)

    def columns(self) -> list[str]:
        """Return the columns that the errors are computed from."""
        used = [name for error in self.errors.values() for _, name in error.measures()]
        for counts in self.counts.values():
            used += [column for column in (counts.events, counts.cases, counts.below) if column is not None]
        return list(dict.fromkeys([*self.errors, *used]))

    def drawn(self, frame: pl.DataFrame, normals: Mapping[str, Floats]) -> dict[str, Floats]:
        """Return the values of another sample, by indicator; NaN where there was no value.

        Args:
            frame: with the `columns`.
            normals: a standard normal number for each row, by indicator.
        """
        import numpy as np

        def column(name: str) -> Floats:
            return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()

        drawn = {}
        for name, error in self.errors.items():
            value, z = column(name), normals[name]
            counts = self.counts.get(name)
            if counts is not None:
                events = column(counts.events) * counts.multiple
                if counts.cases is not None and error.by != "byar":
                    value_drawn = counts.scale * wilson(events, column(counts.cases) * counts.case_multiple, z)
                else:
                    below = counts.cases or counts.below
                    number = byar(events, z) / counts.multiple
                    with np.errstate(invalid="ignore", divide="ignore"):
                        scale = counts.scale
                        if counts.cases is not None:
                            scale *= counts.multiple / counts.case_multiple
                        value_drawn = scale * number / (1.0 if below is None else column(below))
                # Counts that no sample can give, such as more events than cases, leave the value as it is.
                drawn[name] = np.where(np.isnan(value) | np.isfinite(value_drawn), value_drawn, value)
            else:
                drawn[name] = value + self._deviation(error, value, column, z)
            drawn[name] = np.where(np.isnan(value), np.nan, drawn[name])
        return drawn

    @staticmethod
    def _deviation(error: Sampling, value: Floats, read: Callable[[str], Floats], z: Floats) -> Floats:
        """Return the difference from the value at `z` standard errors."""
        import numpy as np

        if error.standard_error is not None:
            return error.standard_error * z
        if error.relative_error is not None:
            return np.abs(value) * (error.relative_error / 100) * z
        if error.column is not None:
            return read(error.column) * z
        if error.deviation is not None and error.number is not None:
            return read(error.deviation) / np.sqrt(read(error.number)) * z
        events, variance = read(str(error.events)), read(str(error.variance))
        return np.sqrt(variance / events) * (byar(events, z) - events)

    def unknown(self, frame: pl.DataFrame) -> list[Diagnostic]:
        """Return a finding for every indicator that has values without a standard error.

        Args:
            frame: with the `columns`, of the period that is studied.
        """
        import numpy as np

        findings = []
        for name in self.errors:
            values = frame[name].is_not_null()
            items = {other: np.ones(frame.height) for other in self.errors}
            drawn = pl.Series(self.drawn(frame, items)[name])
            lacking = int((values & ~drawn.is_finite()).sum())
            if lacking:
                message = Message(
                    "the sampling error of `{name}` cannot be known for {number} of {of} values", name=name,
                    number=lacking, of=int(values.sum()),
                )  # fmt: skip
                hint = Message("give every unit a positive number and standard error, or leave the indicator out")
                findings.append(Diagnostic("K871", message, hint=hint))
        return findings


# ---- REVISION ---- #


class Corrections(Struct, frozen=True):
    """The relative corrections that measures had, and the share of their figures that were corrected.

    A figure is multiplied by one of the corrections, each as likely as the others, with the probability of being
    corrected at all.
    """

    factors: Mapping[str, Floats]
    shares: Mapping[str, float]

    @classmethod
    def of(cls, card: Scorecard, uncertainty: Uncertainty) -> Corrections:
        """Return the corrections on record of the measures that may be corrected.

        Raises:
            DataError: when a measure has none.
        """
        system = card.definition
        declared = uncertainty.revision
        every = "all" in declared and "all" not in system.measures
        record = card.supply.restated
        factors: dict[str, Floats] = {}
        shares: dict[str, float] = {}
        for name in system.measures if every else declared:
            rows = None if record is None else record.filter(pl.col("measure") == name)
            if rows is not None:
                rows = rows.filter(
                    pl.col("before").is_not_null() & pl.col("after").is_not_null() & (pl.col("before") != 0)
                )
            if rows is None or not rows.height:
                if every:
                    continue
                message = Message("the spread of corrections of `{name}` cannot be known: none is on record", name=name)
                raise DataError(Diagnostic("K871", message, hint=_RECORD))
            factors[name] = (rows["after"] / rows["before"]).to_numpy()
            figures = int(card.frame[name].count())
            corrected = rows.select("period", "entity").unique().height
            shares[name] = min(1.0, corrected / max(1, figures))
        if not factors:
            message = Message("the spread of corrections cannot be known: no corrected figure is on record")
            raise DataError(Diagnostic("K871", message, hint=_RECORD))
        return cls(factors, shares)

    def drawn(self, values: Mapping[str, Floats], random: Sequence[np.random.Generator]) -> dict[str, Floats]:
        """Return corrected figures by measure: a row a run, a column a unit.

        Args:
            values: the figures, by measure: a row a run, a column a unit.
            random: the generator of each run.
        """
        import numpy as np

        drawn = {name: value.copy() for name, value in values.items()}
        for run, draw in enumerate(random):
            for name, factors in self.factors.items():
                number = drawn[name].shape[1]
                happens = draw.random(number) < self.shares[name]
                picked = factors[draw.integers(0, len(factors), number)]
                drawn[name][run] *= np.where(happens, picked, 1.0)
        return drawn


_RECORD = Message("corrections are read from a column of revisions (修订) in the data; see docs/data.md")


class Errors(Struct, frozen=True):
    """The errors of the figures of a study; None for a source that does not vary."""

    seed: int
    sampling: SamplingErrors | None = None
    corrections: Corrections | None = None

    def corrected(self, frame: pl.DataFrame, here: NDArray[np.intp], points: Floats) -> pl.DataFrame:
        """Return a stacked frame with corrected measures.

        Args:
            frame: the rows of some runs.
            here: the rows of the period that is studied, run by run.
            points: the number of each run for this choice.
        """
        if self.corrections is None:
            return frame
        random = [generator(self.seed, float(point), 1) for point in points]
        shape = (len(points), -1)
        values = {name: _numbers(frame, name)[here].reshape(shape) for name in self.corrections.factors}
        return _replaced(frame, here, self.corrections.drawn(values, random))

    def resampled(self, frame: pl.DataFrame, here: NDArray[np.intp], points: Floats) -> pl.DataFrame:
        """Return a stacked frame with the values of indicators as in other samples; arguments as of `corrected`."""
        import numpy as np

        if self.sampling is None:
            return frame
        names = list(self.sampling.errors)
        units = len(here) // len(points)
        normals = np.empty((len(names), len(points), units))
        for run, point in enumerate(points):
            normals[:, run] = generator(self.seed, float(point), 2).standard_normal((len(names), units))
        rows = frame.select(self.sampling.columns())[here]
        drawn = self.sampling.drawn(rows, {name: normals[at].reshape(-1) for at, name in enumerate(names)})
        return _replaced(frame, here, drawn)


def _numbers(frame: pl.DataFrame, name: str) -> Floats:
    return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy(writable=True)


def _replaced(frame: pl.DataFrame, here: NDArray[np.intp], values: Mapping[str, Floats]) -> pl.DataFrame:
    columns = []
    for name, drawn in values.items():
        column = _numbers(frame, name)
        column[here] = drawn.reshape(-1)
        columns.append(pl.Series(name, column, nan_to_null=True))
    return frame.with_columns(columns)
