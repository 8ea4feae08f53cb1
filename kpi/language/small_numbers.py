"""Sampling errors of values as expressions: which indicators have one, the limits it gives, what chance explains."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator, Mapping

import polars as pl
from msgspec import Struct

from kpi.errors import Message, suggest
from kpi.language.indicators.counted import Counted
from kpi.language.limits import Limits
from kpi.language.model import PEERS, Path, Problem, Problems
from kpi.language.sampling import Sampling
from kpi.language.system import System
from kpi.language.uncertainty import known
from kpi.values.columns import Column
from kpi.values.intervals import byar, wilson
from kpi.values.rounding import HAIR

#: Whose values the funnel limits of a unit come from.
GROUP = PEERS["cohort"]
_KNOWN = Sampling.model_construct(by="known")


class ErrorOf(Struct, frozen=True):
    """The sampling error of the value of an indicator.

    Attributes:
        name: of the indicator.
        sampling: the error that is declared.
        counts: those that it is computed from, None for an error that is stated.
    """

    name: str
    sampling: Sampling
    counts: Counted | None

    @property
    def value(self) -> pl.Expr:
        """The value."""
        return pl.col(self.name)

    @property
    def is_proportion(self) -> bool:
        """Whether the value is a proportion of cases with limits of its own, rather than a rate of events."""
        return self.counts is not None and self.counts.cases is not None and self.sampling.by != "byar"

    @property
    def is_number(self) -> bool:
        """Whether the value is a number of events without a denominator, which no group has in common."""
        return self.counts is not None and self._below is None

    @property
    def _below(self) -> pl.Expr | None:
        """The denominator as it stands in the panel."""
        assert self.counts is not None  # noqa: S101
        below = self.counts.cases or self.counts.below
        return None if below is None else pl.col(below)

    @property
    def _per_event(self) -> float:
        """The value of one event over a denominator of 1, as it stands in the panel."""
        assert self.counts is not None  # noqa: S101
        counts = self.counts
        scale = counts.scale / counts.multiple
        return scale if counts.cases is None else scale * counts.multiple / counts.case_multiple

    @property
    def read(self) -> tuple[str, ...]:
        """The figures from which the error is computed, those of a quotient from above to below."""
        if self.counts is None:
            return tuple(name for _, name in self.sampling.measures())
        below = self.counts.cases or self.counts.below
        return (self.counts.events,) if below is None else (self.counts.events, below)

    def possible(self) -> pl.Expr:
        """Return whether there can be such figures: no number or error below zero, no more events than cases.

        It is null where a figure is missing.
        """
        within = [pl.col(name) >= 0 for name in self.read]
        if self.is_proportion:
            assert self.counts is not None  # noqa: S101
            events, cases = self.counts.multiple, self.counts.case_multiple
            within.append(pl.col(self.counts.events) * events <= pl.col(self.read[1]) * (cases * (1 + HAIR)))
        return functools.reduce(operator.and_, within, pl.lit(value=True))

    def limit(self, z: float) -> pl.Expr:
        """Return the limit of the value at z, in its unit; null where the figures have none."""
        sampling, counts = self.sampling, self.counts
        if counts is not None:
            events = pl.col(counts.events) * counts.multiple
            if self.is_proportion:
                cases = pl.col(str(counts.cases)) * counts.case_multiple
                # All of the cases, in other multiples, may be more than all by the last bit.
                return self._there(counts.scale * wilson(pl.min_horizontal(events, cases), cases, z))
            number = byar(events, z) * self._per_event
            return self._there(number if self._below is None else number / self._below)
        if sampling.by == "dobson":
            events, variance = pl.col(str(sampling.events)), pl.col(str(sampling.variance))
            return self._there(self.value + (variance / events).sqrt() * (byar(events, z) - events))
        return self._there(self.value + self.standard_error() * z)

    def standard_error(self) -> pl.Expr:
        """Return the standard error that is stated, or follows from figures other than counts, in the value's unit."""
        sampling = self.sampling
        if sampling.standard_error is not None:
            return pl.lit(sampling.standard_error)
        if sampling.relative_error is not None:
            return self.value.abs() * (sampling.relative_error / 100)
        if sampling.column is not None:
            return pl.col(sampling.column)
        if sampling.variance is not None:
            return pl.col(sampling.variance).sqrt()
        return pl.col(str(sampling.deviation)) / pl.col(str(sampling.number)).sqrt()

    def centre(self) -> pl.Expr:
        """Return the value of the group as a whole: of all its events and cases, or weighted by 1/s²."""
        if self.counts is None:
            weight = self._sound(1 / self.standard_error() ** 2)
            return (self.value * weight).sum().over(GROUP) / weight.sum().over(GROUP)
        if self.is_number:
            return self._there(self.value).mean().over(GROUP)
        assert self._below is not None  # noqa: S101
        above, below = self._sound(pl.col(self.counts.events)), self._sound(self._below)
        return above.sum().over(GROUP) / below.sum().over(GROUP) * self._per_event * self.counts.multiple

    def chance(self, centre: pl.Expr) -> pl.Expr:
        """Return the standard error that the value of a unit has if its true value is that of the group.

        Args:
            centre: the value of the group, as `centre`.
        """
        if self.counts is None:
            return self._sound(self.standard_error())
        if self.is_proportion:
            share = centre / self.counts.scale
            cases = pl.col(str(self.counts.cases)) * self.counts.case_multiple
            return self._sound(self.counts.scale * (share * (1 - share) / cases).sqrt())
        # A Poisson number of events has its mean as its variance.
        below = pl.lit(1.0) if self._below is None else self._below
        return self._sound((centre * self._per_event / below).sqrt())

    def _there(self, expr: pl.Expr) -> pl.Expr:
        """Return an expression where there is a value of possible figures and it is a number, else null."""
        return pl.when(self.value.is_not_null() & self.possible() & expr.is_finite()).then(expr)

    def _sound(self, expr: pl.Expr) -> pl.Expr:
        """Return an expression where there is a value of possible figures and it is a positive number, else null."""
        return pl.when(self.value.is_not_null() & self.possible() & expr.is_finite() & (expr >= 0)).then(expr)


def error_of(system: System, name: str, declared: Sampling | None) -> ErrorOf | None:
    """Return the sampling error of an indicator, None where it is not known.

    Args:
        system: the system.
        name: of the indicator.
        declared: the error that a key states; None for what `uncertainty:` states, else what its kind shows.
    """
    sampling = declared or system.uncertainty.sampling.get(name) or system.uncertainty.sampling.get("all") or _KNOWN
    if sampling.by not in ("known", "wilson", "byar"):
        return ErrorOf(name, sampling, None)
    counts = known(system.indicators[name], name, system.symbols, sampling.by)
    return None if counts is None else ErrorOf(name, sampling, counts)


def limited(system: System) -> dict[str, tuple[Limits, ErrorOf]]:
    """Return the indicators with limits in the order of the definition, each with its sampling error."""
    results = {}
    for name, indicator in system.indicators.items():
        limits = indicator.limits or (
            system.limits if system.limits is not None and name in (system.limits.of or system.indicators) else None
        )
        error = None if limits is None else error_of(system, name, limits.method)
        if limits is not None and error is not None:
            results[name] = (limits, error)
    return results


def shrunk(system: System) -> dict[str, ErrorOf]:
    """Return the indicators that are shrunk by reliability, each with its sampling error."""
    results = {}
    for step, names in system.steps.items():
        for name in names if system.treatment[step].needs_errors else ():
            error = error_of(system, name, getattr(system.treatment[step], "error", None))
            if error is not None:
                results[name] = error
    return results


def variances(system: System) -> dict[str, pl.Expr]:
    """Return the columns `name.variance` that steps of treatment read."""
    columns: dict[str, pl.Expr] = {}
    for name, error in shrunk(system).items():
        columns[Column(name).variance] = error.chance(error.centre()) ** 2
    return columns


def problems(system: System) -> Problems:
    """Yield limits of values whose sampling error cannot be known, and of indicators that do not exist."""
    yield from _shrinkage_problems(system)
    for name, indicator in system.indicators.items():
        if indicator.limits is not None:
            yield from _wrong(system, name, indicator.limits.method, ("indicators", name, "limits"))
    whole = system.limits
    if whole is None:
        return
    for place, name in enumerate(whole.of):
        if name not in system.indicators:
            message = Message("`{name}` is no indicator", name=name)
            yield Problem("K672", ("limits", "of", place), message, hint=suggest(name, system.indicators))
        elif system.indicators[name].limits is None:
            yield from _wrong(system, name, whole.method, ("limits", "of", place))
    if not whole.of:
        yield from _unknown_measures(system, whole.method, ("limits",))
        own = any(indicator.limits is not None for indicator in system.indicators.values())
        if not own and not limited(system) and all(name in system.symbols for name in system.indicators):
            message = Message("no indicator shows its sampling error by its figures, so there are no limits")
            yield Problem("K672", ("limits",), message, hint=_HINT, at_key=True)


def _shrinkage_problems(system: System) -> Problems:
    """Yield steps of treatment that need sampling errors which cannot be known."""
    for step, names in system.steps.items():
        for name in names if system.treatment[step].needs_errors else ():
            own = name in system.indicators and system.indicators[name].shrink is not None
            path: Path = ("indicators", name, "shrink") if own else ("treatment", step)
            method = getattr(system.treatment[step], "error", None)
            yield from _unknown_measures(system, method, path, "error")
            if name in system.symbols and name in system.indicators and error_of(system, name, method) is None:
                message = Message(
                    "`{name}` cannot be shrunk by reliability: its kind does not show its sampling error", name=name
                )
                yield Problem("K672", path, message, hint=_SHRINK_HINT)


_HINT = Message(
    "a quotient, a coverage or a level of what is counted (件, 户, 人) shows it; for others write "
    "`method: {{standard_error: 1.5}}`, `{{relative_error: 3}}` or `{{column: error}}`"
)


_SHRINK_HINT = Message(
    "a quotient, a coverage or a level of what is counted (件, 户, 人) shows it; for others write "
    "`treatment: {{shrunk: {{kind: shrink, of: [name], error: {{standard_error: 1.5}}}}}}`"
)


def _wrong(system: System, name: str, method: Sampling | None, path: Path) -> Iterator[Problem]:
    yield from _unknown_measures(system, method, path)
    if name in system.symbols and error_of(system, name, method) is None:
        message = Message(
            "the limits of `{name}` cannot be known: its kind does not show its sampling error", name=name
        )
        yield Problem("K672", path, message, hint=_HINT)


def _unknown_measures(system: System, method: Sampling | None, path: Path, at: str = "method") -> Iterator[Problem]:
    measures: Mapping[str, object] = system.measures
    for key, used in () if method is None else method.measures():
        if used not in measures:
            message = Message("`{name}` is no measure", name=used)
            yield Problem("K672", (*path, at, key), message, hint=suggest(used, measures))
