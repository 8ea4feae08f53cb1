"""Checks of how figures are handed in: every unit of the roster once, no gap, and in time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

import polars as pl
from pydantic import Field, StringConstraints
from typing_extensions import override

from kpi.errors import Message
from kpi.language.checks.base import Breach, Check, name_problems
from kpi.language.indicators import MONTH, Symbols
from kpi.language.indicators.base import title_of
from kpi.language.lookback import WHOLE, Lags
from kpi.language.model import Name, OneOrMany, Path, Problem, Problems
from kpi.values.columns import Column
from kpi.values.periods import Grain
from kpi.values.status import reason, status_of

_SPAN = re.compile(r"(\d{1,3})(d|w|m)")
_WORDS = {"d": "天", "w": "周", "m": "个月"}


def _reported(of: tuple[str, ...], symbols: Symbols) -> tuple[str, ...]:
    """The figures named, or all that are reported."""
    return of or tuple(name for name, one in symbols.items() if one.reported and one.per is None)


class Roster(Check):
    """Every unit of the roster reports once, under a code that holds in the period: `roster: once`.

    Broken where a unit hands in nothing at all, hands in a figure more than once for one period and revision, or is
    named by a code of another time.

    >>> from kpi.language.checks.example import told
    >>> told({"roster": "once"}, gdp=[10, None])
    ['2023: 本期未报送任何数据']
    """

    roster: Literal["once"] = Field(description="once: every unit reports, and none twice")
    of: OneOrMany[Name] = Field((), description="the measures; left out: all that are reported")

    @override
    def breaches(self, symbols: Symbols, grain: Grain) -> Iterator[Breach]:
        """Yields units without data, figures given twice, and codes out of their time."""
        names = _reported(self.of, symbols)
        nothing = pl.all_horizontal([status_of(name) == reason("missing") for name in names])
        yield Breach("本期未报送任何数据", nothing, names)
        for name in names:
            yield Breach(f"{title_of(symbols, name)}同一期报送了不止一次", pl.col(Column(name).twice), (name,))
        for name in names:
            code = pl.col(Column(name).outdated)
            yield Breach(f"{title_of(symbols, name)}所用代码在本期无效", code.is_not_null(), (name,), said=code)

    def facts(self, symbols: Symbols) -> Iterator[tuple[str, str]]:
        """Yields who reported twice, and under which code."""
        for name in _reported(self.of, symbols):
            yield "twice", name
            yield "outdated", name

    @override
    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yields unknown names."""
        yield from name_problems(path, "of", self.of, symbols)


class Complete(Check):
    """Figures without a gap: once a unit reports one, it does so in every period that follows.

    >>> from kpi.language.checks.example import told
    >>> told({"complete": "gdp"}, gdp=[None, 10, None, 11])
    ['2024: gdp断报：此前各期已有数据']
    """

    complete: OneOrMany[Name] = Field(description="measures that must be reported without a gap")

    @override
    def breaches(self, symbols: Symbols, grain: Grain) -> Iterator[Breach]:
        """Yields where a figure is missing, or covers its period only in part, after one that was there."""
        for name in self.complete:
            absent = (status_of(name) == reason("missing")) | (status_of(name) == reason("incomplete"))
            # The panel is complete: the rows of an entity stand `#entities` apart.
            place = pl.int_range(pl.len())
            first = pl.when(pl.col(name).is_not_null()).then(place).min().over("entity")
            yield Breach(f"{title_of(symbols, name)}断报：此前各期已有数据", absent & (place > first), (name,))

    @override
    def lookback(self, symbols: Symbols, grain: Grain) -> dict[str, Lags]:
        """Return the figures of all periods: a gap is one after the first figure, wherever that is."""
        return dict.fromkeys(self.complete, frozenset({WHOLE}))

    @override
    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yields unknown names."""
        yield from name_problems(path, "complete", self.complete, symbols)


class Due(Check):
    """Figures handed in within a time after the end of their period: `due: 10d`, also `2w`, `1m`.

    The day stands in a column 报送日期 of the data. Of a figure that was corrected the first day counts, of one that is
    made of several periods the last.

    >>> from datetime import date
    >>> from kpi.language.checks.example import told
    >>> told({"due": "10d", "of": "gdp"}, gdp=[10, 11], **{"gdp.reported": [date(2023, 1, 10), date(2024, 1, 11)]})
    ['2023: gdp应在期末后10天内报送；报送于 2024-01-11，期限为 2024-01-10']
    """

    due: Annotated[str, StringConstraints(strip_whitespace=True)] = Field(description="10d, 2w or 1m after the period")
    of: OneOrMany[Name] = Field((), description="the measures; left out: all that are reported")

    def deadline(self) -> pl.Expr:
        """Returns the last day for handing in the figures of a row's period."""
        number, unit = self._span()
        first = pl.date((MONTH + 1) // 12, (MONTH + 1) % 12 + 1, 1)
        return first.dt.offset_by(f"{number}mo").dt.offset_by("-1d") if unit == "m" else (
            first.dt.offset_by(f"{number * (7 if unit == 'w' else 1) - 1}d")
        )  # fmt: skip

    @override
    def breaches(self, symbols: Symbols, grain: Grain) -> Iterator[Breach]:
        """Yields where a figure came after its last day."""
        number, unit = self._span()
        for name in _reported(self.of, symbols):
            day, last = pl.col(Column(name).reported), self.deadline()
            said = pl.format("报送于 {}，期限为 {}", day.cast(pl.String), last.cast(pl.String))
            words = f"{title_of(symbols, name)}应在期末后{number}{_WORDS[unit]}内报送"
            yield Breach(words, day > last, (name,), said=said)

    def facts(self, symbols: Symbols) -> Iterator[tuple[str, str]]:
        """Yields the day on which each figure was handed in."""
        for name in _reported(self.of, symbols):
            yield "reported", name

    @override
    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yields a time that cannot be read, and unknown names."""
        if not _SPAN.fullmatch(self.due):
            yield Problem(
                "K453",
                (*path, "due"),
                Message("`{due}` is not a time", due=self.due),
                hint=Message("write it as 10d, 2w or 1m"),
            )
        yield from name_problems(path, "of", self.of, symbols)

    def _span(self) -> tuple[int, str]:
        found = _SPAN.fullmatch(self.due)
        return (int(found[1]), found[2]) if found else (0, "d")
