"""Checks of reporting: every unit of the roster once, without gaps, and in time."""

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
from kpi.values.patterns import regex
from kpi.values.periods import Grain
from kpi.values.status import reason, status_of

_SPAN = regex(r"(\d{1,3})(d|w|m)")


def _code(code: str) -> Message:
    return Message("{code}", code=code)


def _days(day: str, deadline: str) -> Message:
    return Message("reported on {day}, due by {deadline}", day=day, deadline=deadline)


def _reported(of: tuple[str, ...], symbols: Symbols) -> tuple[str, ...]:
    """Return the figures named, or all that are reported."""
    return of or tuple(name for name, item in symbols.items() if item.reported and item.per is None)


class Roster(Check):
    """Every unit of the roster reports once, under a code that holds in the period: `roster: once`.

    Broken where a unit hands in nothing at all, hands in a figure more than once for one period and revision, or is
    named by a code of another time.

    >>> from kpi.language.checks.example import messages
    >>> messages({"roster": "once"}, gdp=[10, None])
    ['2023: nothing is reported for the period']
    """

    roster: Literal["once"] = Field(description="once: every unit reports, and none twice")
    of: OneOrMany[Name] = Field((), description="the measures; left out: all that are reported")

    @override
    def breaches(self, symbols: Symbols, grain: Grain) -> Iterator[Breach]:
        """Yield units without data, figures given twice, and codes out of their time."""
        names = _reported(self.of, symbols)
        nothing = pl.all_horizontal([status_of(name) == reason("missing") for name in names])
        yield Breach(Message("nothing is reported for the period"), nothing, names)
        for name in names:
            words = Message("{title} is reported more than once for the period", title=title_of(symbols, name))
            yield Breach(words, pl.col(Column(name).repeated), (name,))
        for name in names:
            code = pl.col(Column(name).outdated)
            words = Message(
                "{title} is reported under a code that is not valid in the period", title=title_of(symbols, name)
            )
            yield Breach(words, code.is_not_null(), (name,), pl.struct(code=code), _code)

    def facts(self, symbols: Symbols) -> Iterator[tuple[str, str]]:
        """Yield whether each figure is reported twice, and an outdated code."""
        for name in _reported(self.of, symbols):
            yield "repeated", name
            yield "outdated", name

    @override
    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unknown names."""
        yield from name_problems(path, "of", self.of, symbols)


class Complete(Check):
    """Figures without a gap: once a unit reports one, it does so in every period that follows.

    >>> from kpi.language.checks.example import messages
    >>> messages({"complete": "gdp"}, gdp=[None, 10, None, 11])
    ['2024: gdp is missing after periods that have it']
    """

    complete: OneOrMany[Name] = Field(description="measures that must be reported without a gap")

    @override
    def breaches(self, symbols: Symbols, grain: Grain) -> Iterator[Breach]:
        """Yield where a figure is missing, or covers its period only in part, after one that was there."""
        for name in self.complete:
            absent = (status_of(name) == reason("missing")) | (status_of(name) == reason("incomplete"))
            # The panel is complete: the rows of an entity stand `#entities` apart.
            place = pl.int_range(pl.len())
            first = pl.when(pl.col(name).is_not_null()).then(place).min().over("entity")
            words = Message("{title} is missing after periods that have it", title=title_of(symbols, name))
            yield Breach(words, absent & (place > first), (name,))

    @override
    def lookback(self, symbols: Symbols, grain: Grain) -> dict[str, Lags]:
        """Return the figures of all periods: a gap is one after the first figure, wherever that is."""
        return dict.fromkeys(self.complete, frozenset({WHOLE}))

    @override
    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unknown names."""
        yield from name_problems(path, "complete", self.complete, symbols)


class Due(Check):
    """Figures handed in within a time after the end of their period: `due: 10d`, also `2w`, `1m`.

    The day stands in a column 报送日期 of the data. Of a figure that was corrected the first day counts, of one that is
    made of several periods the last.

    >>> from datetime import date
    >>> from kpi.language.checks.example import messages
    >>> messages({"due": "10d", "of": "gdp"}, gdp=[10, 11], **{"gdp.reported": [date(2023, 1, 10), date(2024, 1, 11)]})
    ['2023: gdp is due within 10 days after the period; reported on 2024-01-11, due by 2024-01-10']
    """

    due: Annotated[str, StringConstraints(strip_whitespace=True)] = Field(description="10d, 2w or 1m after the period")
    of: OneOrMany[Name] = Field((), description="the measures; left out: all that are reported")

    def deadline(self, grain: Grain) -> pl.Expr:
        """Return the last day for handing in the figures of a row's period."""
        number, unit = self._span()
        first = grain.timeline.first_days(MONTH + 1)
        return first.dt.offset_by(f"{number}mo").dt.offset_by("-1d") if unit == "m" else (
            first.dt.offset_by(f"{number * (7 if unit == 'w' else 1) - 1}d")
        )  # fmt: skip

    @override
    def breaches(self, symbols: Symbols, grain: Grain) -> Iterator[Breach]:
        """Yield where a figure came after its last day."""
        for name in _reported(self.of, symbols):
            day, last = pl.col(Column(name).reported), self.deadline(grain)
            details = pl.struct(day=day.cast(pl.String), deadline=last.cast(pl.String))
            yield Breach(self._due(title_of(symbols, name)), day > last, (name,), details, _days)

    def _due(self, title: str) -> Message:
        match self._span():
            case 1, "d":
                return Message("{title} is due within a day after the period", title=title)
            case 1, "w":
                return Message("{title} is due within a week after the period", title=title)
            case 1, "m":
                return Message("{title} is due within a month after the period", title=title)
            case number, "d":
                return Message("{title} is due within {number} days after the period", title=title, number=number)
            case number, "w":
                return Message("{title} is due within {number} weeks after the period", title=title, number=number)
            case number, _:
                return Message("{title} is due within {number} months after the period", title=title, number=number)

    def facts(self, symbols: Symbols) -> Iterator[tuple[str, str]]:
        """Yield the day on which each figure was handed in."""
        for name in _reported(self.of, symbols):
            yield "reported", name

    @override
    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield a time that cannot be read, and unknown names."""
        if not _SPAN.fullmatch(self.due):
            yield Problem(
                "K453",
                (*path, "due"),
                Message("`{text}` is not a time", text=self.due),
                hint=Message("write it as 10d, 2w or 1m"),
            )
        yield from name_problems(path, "of", self.of, symbols)

    def _span(self) -> tuple[int, str]:
        result = _SPAN.fullmatch(self.due)
        return (int(result[1]), result[2]) if result else (0, "d")
