"""Checks of scope: units add up to the figure of the whole, the sides of a ratio cover the same."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from kpi.errors import Message
from kpi.language.checks.base import Breach, Check, differs, name_problems
from kpi.language.indicators import Symbols
from kpi.language.indicators.base import title_of
from kpi.language.measures import exact_sum
from kpi.language.model import Listed, Name, OneOrMany, Path, Problems
from kpi.values.columns import Column
from kpi.values.periods import Grain


class AddsUpTo(Check):
    """Units that add up to the figure of the whole, such as counties to their city: `adds_up_to: 全市`.

    The figure of the whole stands in rows of that name, which are not scored. Judged where every unit has a figure. The
    tolerance left out is that of rounding, `n * 0.5 * 10^-decimals` for n units. A warning by default: where a city and
    its counties each count for themselves (分级核算), they need not agree.

    >>> from kpi.language.checks.example import messages
    >>> messages({"adds_up_to": "全市", "of": "gdp"}, gdp=[10, 11], **{"gdp.全市": [10.004, 11.2]})
    ['2023: the sum of gdp differs from 全市 by more than half a last digit a unit; sum 11.0, 全市 11.2']
    """

    severity: Literal["error", "query", "warning", "info"] = Field(
        "warning", description="error refuses the figure, query asks for an explanation, warning and info are notes"
    )
    adds_up_to: str = Field(min_length=1, description="the name of the whole in the data, such as 全市")
    of: OneOrMany[Name] = Field(description="the measures, amounts that may be added")
    decimals: int = Field(2, ge=0, le=9, description="decimals to which the figures are rounded, in their unit")
    tolerance: float | None = Field(None, ge=0, description="the difference that is allowed, in the unit of the figure")

    @override
    def breaches(self, symbols: Symbols, grain: Grain) -> Iterator[Breach]:
        """Yield the periods in which the units do not add up to the whole."""
        for name in self.of:
            all_there = pl.col(name).is_not_null().all().over("period")
            total = pl.when(all_there).then(exact_sum(pl.col(name)).over("period"))
            whole = pl.col(Column(name).fact(self.adds_up_to))
            least = pl.len().over("period") * 0.5 * 10**-self.decimals
            tolerance = least if self.tolerance is None else pl.lit(self.tolerance)
            title = title_of(symbols, name)
            words = (
                Message(
                    "the sum of {title} differs from {whole} by more than half a last digit a unit",
                    title=title,
                    whole=self.adds_up_to,
                )
                if self.tolerance is None
                else Message(
                    "the sum of {title} differs from {whole} by more than {tolerance:g}",
                    title=title,
                    whole=self.adds_up_to,
                    tolerance=self.tolerance,
                )
            )
            details = pl.struct(sum=total.cast(pl.String), figure=whole.cast(pl.String))
            yield Breach(
                words, differs(total, whole, tolerance), (name,), details, self._sums, aggregate_unit=self.adds_up_to
            )

    def _sums(self, *, sum: str, figure: str) -> Message:  # noqa: A002 - the name of a field
        return Message("sum {sum}, {whole} {figure}", sum=sum, whole=self.adds_up_to, figure=figure)

    @override
    def facts(self, symbols: Symbols) -> Iterator[tuple[str, str]]:
        """Yield the figures of the whole."""
        for name in self.of:
            yield self.adds_up_to, name

    @override
    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unknown names."""
        yield from name_problems(path, "of", self.of, symbols)


class SameScope(Check):
    """The two sides of a ratio, or parts and whole, that cover the same: reported together, to one month, in one scope.

    Broken where one is there and another missing, where they end with different months (a stock at the end of December
    over one of September), and where a column 口径 of the data says different things.

    >>> from kpi.language.checks.example import messages
    >>> messages({"same_scope": ["gdp", "tax"]}, gdp=[10, 10], tax=[1, None])
    ['2023: gdp, tax must be reported together']
    >>> messages({"same_scope": ["gdp", "tax"]}, gdp=[10], tax=[1], **{"gdp.scope": ["规上"], "tax.scope": ["全部"]})
    ['2022: gdp, tax must have the same scope; 规上, 全部']
    """

    same_scope: Annotated[Listed[Name], Field(min_length=2)] = Field(description="measures that must cover the same")

    @override
    def breaches(self, symbols: Symbols, grain: Grain) -> Iterator[Breach]:
        """Yield where the figures cover different things."""
        names = tuple(self.same_scope)
        titles = tuple(title_of(symbols, name) for name in names)
        there = [pl.col(name).is_not_null() for name in names]
        together = Message("{titles} must be reported together", titles=titles)
        yield Breach(together, pl.any_horizontal(there) & ~pl.all_horizontal(there), names)
        same_month = Message("{titles} must end with the same month", titles=titles)
        same_scope = Message("{titles} must have the same scope", titles=titles)
        for fact, words in (("through", same_month), ("scope", same_scope)):
            known = [pl.col(Column(name).fact(fact)) for name in names]
            apart = pl.any_horizontal([item != other for item, other in pairwise(known)])
            texts = [_month(item, grain) if fact == "through" else item for item in known]
            details = pl.struct(text.alias(f"text_{place}") for place, text in enumerate(texts))
            yield Breach(words, apart, names, details, _listed)

    @override
    def facts(self, symbols: Symbols) -> Iterator[tuple[str, str]]:
        """Yield the last month and the scope of each figure."""
        for name in self.same_scope:
            yield "through", name
            yield "scope", name

    @override
    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unknown names."""
        yield from name_problems(path, "same_scope", self.same_scope, symbols)


def _listed(**texts: str) -> Message:
    return Message("{texts}", texts=tuple(texts.values()))


def _month(count: pl.Expr, grain: Grain) -> pl.Expr:
    """Return the label of a month or week by its ordinal."""
    timeline = grain.timeline
    if timeline.weeks:
        day = timeline.first_days(count)
        return pl.format("{}-W{}", day.dt.iso_year(), day.dt.week().cast(pl.String).str.zfill(2))
    month = count + (timeline.year_starts - 1)
    return pl.format("{}-{}", month // 12, (month % 12 + 1).cast(pl.String).str.zfill(2))
