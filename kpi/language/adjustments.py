"""Adjustments (加减分、一票否决): bonuses, deductions and vetoes, applied above the tree."""

import functools
import operator
from abc import abstractmethod
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Annotated, Literal, Self, TypeAlias

import polars as pl
from pydantic import Field, model_validator
from typing_extensions import override

from kpi.errors import Message, commas, statements
from kpi.language.aggregation.nodes import reaches
from kpi.language.conditions import condition, condition_problems
from kpi.language.indicators import Symbol, Symbols
from kpi.language.indicators.base import in_titles, title_of, unit_of
from kpi.language.model import Block, Definition, Listed, Name, Path, Problem, Problems, one_of
from kpi.language.quantities import Quantity, in_unit, quantity_problems, step_problems
from kpi.values import units
from kpi.values.columns import Column
from kpi.values.rounding import unsigned_zero

#: What the name `late` stands for, for doctests.
SYMBOLS: Symbols = {"late": Symbol("late", "迟报次数", units.ONE, exact=True)}


class Adjustment(Definition):
    """The base of adjustments."""

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Return the figures that the adjustment names; those in a condition are checked with the condition."""

    def waits_for(self) -> tuple[str, ...]:
        """Return the pillars and indicators on whose scores the adjustment depends."""
        return ()

    def in_tree(self, known: Collection[str]) -> Self | None:  # noqa: ARG002
        """Return the adjustment in a tree that has only the `known` pillars and indicators, None if it has no place."""
        return self

    def joint_columns(self, name: str) -> dict[str, pl.Expr] | None:
        """Return the columns that read the points of other adjustments, evaluated after these; None without such."""

    def joins(self) -> tuple[str, ...]:
        """Return the adjustments whose points it reads."""
        return ()

    def words(self, symbols: Symbols, names: Mapping[int, str]) -> Message:  # noqa: ARG002
        """Return what the adjustment does and when, in words; empty where `opens_words` says all.

        Args:
            symbols: what names in conditions stand for.
            names: what levels are called, where they are not stars.
        """
        return commas([])

    @abstractmethod
    def columns(self, name: str, symbols: Symbols, total: pl.Expr) -> dict[str, pl.Expr]:
        """Return the columns of the adjustment.

        Args:
            name: the adjustment.
            symbols: what names in conditions stand for.
            total: the total before adjustments, on the scale of the full mark.
        """

    @abstractmethod
    def problems(self, path: Path, symbols: Symbols) -> Problems:
        """Yield the problems of names, units and conditions."""


class Award(Adjustment):
    """The base of what adds or takes off points: of the total, or of one pillar in the marks of its parts."""

    within: Name | None = Field(
        None,
        description="a pillar whose score it changes, in the marks that its parts have in all; left out: the total",
    )

    @override
    def in_tree(self, known: Collection[str]) -> Self | None:
        """Return the adjustment, None if its pillar is not there."""
        return self if self.within is None or self.within in known else None

    def opens_words(self, titles: Mapping[str, str]) -> Message | None:
        """Return the condition of the points in words, None without one; `titles` are of pillars and indicators."""


class Points(Award):
    """The base of bonus and deduction: `points * x/per`, at most `max`; or `points` when a condition holds."""

    of: Name | None = Field(None, description="the figure that earns or costs points")
    when: str | None = Field(None, description="a condition that earns or costs the points once")
    points: float = Field(gt=0, description="points per step, on the scale of the full mark")
    per: Quantity = Field(1.0, description="the size of a step, in the unit of `of`")
    steps: Literal["linear", "whole"] = Field("whole", description="count parts of a step, or only whole ones")
    max: float | None = Field(None, gt=0, description="the most points in all; left out: no limit")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.of is None) == (self.when is None):
            raise ValueError(Message("give either `of`, a figure, or `when`, a condition"))
        return self

    def names(self) -> tuple[str, ...]:
        """Return the figure it reads, if any."""
        return () if self.of is None else (self.of,)

    @abstractmethod
    def columns(self, name: str, symbols: Symbols, total: pl.Expr) -> dict[str, pl.Expr]:
        """Return the columns `name.points`, negative for deductions, and `name.unjudged`."""

    @override
    def words(self, symbols: Symbols, names: Mapping[int, str]) -> Message:
        """Return the points in words, without the condition under which they count.

        >>> Deduction(of="late", points=0.25, max=2).words(SYMBOLS, {})
        '0.25 for each 1 of 迟报次数; at most 2'
        >>> Deduction(when="late > 3", points=2).words(SYMBOLS, {})
        '2 where 迟报次数 > 3'
        """
        if self.when is not None:
            return Message("{points:g} where {condition}", points=self.points,
                           condition=in_titles(self.when, symbols))  # fmt: skip
        figure = title_of(symbols, self.of or "")
        step = self.per if isinstance(self.per, str) else f"{self.per:g}"
        unit = unit_of(symbols, self.of or "")
        if not isinstance(self.per, str) and unit is not None and unit != units.ONE:
            step = f"{step} {unit}"
        words = (
            Message("{points:g} for each {step} of {title}", points=self.points, step=step, title=figure)
            if self.steps == "whole"
            else Message(
                "{points:g} for each {step} of {title}, and parts of it", points=self.points, step=step,
                title=figure,
            )
        )  # fmt: skip
        return words if self.max is None else statements([words, Message("at most {most:g}", most=self.max)])

    def points_for(self, symbols: Symbols) -> pl.Expr:
        """Return the points (Float64, zero or more); a missing figure gives 0 points."""
        if self.when is not None:
            return pl.when(condition(self.when, symbols).expr).then(pl.lit(float(self.points))).otherwise(0.0)
        name = self.of or ""
        unit = symbols[name].unit
        step = in_unit(self.per, unit) if unit is not None else 1.0
        steps = (pl.col(name) / step).clip(0).round(9)
        earned = (steps.floor() if self.steps == "whole" else steps) * self.points
        return (earned if self.max is None else earned.clip(upper_bound=self.max)).fill_null(0.0)

    def unjudged(self, symbols: Symbols, total: pl.Expr) -> pl.Expr:
        """Return whether a figure that the points depend on is missing or refused, where there is a total to change."""
        return _lacks_figures(self.when or f"{self.of} > 0", symbols) & total.is_not_null()

    def problems(self, path: Path, symbols: Symbols) -> Problems:
        """Yield the problems of names, units and conditions."""
        if self.when is not None:
            yield from condition_problems(self.when, (*path, "when"), symbols)
        elif self.of is not None and self.of in symbols and (unit := symbols[self.of].unit) is not None:
            yield from quantity_problems({(*path, "per"): self.per}, unit)
            yield from step_problems((*path, "per"), self.per, unit)


class Bonus(Points):
    """Points added (加分), such as 0.5 for each provincial pilot, at most 3.

    With `opens` they count only where scores reach their cuts (得分80分以上才计加分): the total before
    adjustments, as it is ranked, or pillars and indicators in percent of full marks. A score that is not there opens
    nothing.

    >>> frame = pl.DataFrame({"政务.score": [80.0, 79.5, None]})
    >>> frame.select(Bonus(when="pilots > 0", points=2, opens={"政务": 80}).opened(pl.lit(90.0))).to_series().to_list()
    [True, False, False]
    """

    kind: Literal["bonus"] = "bonus"
    opens: float | dict[Name, float] | None = Field(
        None, description="counts only from this total before adjustments on, or from {pillar or indicator: percent}"
    )

    def waits_for(self) -> tuple[str, ...]:
        """Return the parts whose scores are in `opens`."""
        return tuple(self.opens) if isinstance(self.opens, dict) else ()

    @override
    def in_tree(self, known: Collection[str]) -> Self | None:
        """Return the bonus without the conditions of `opens` on other parts."""
        if super().in_tree(known) is None:
            return None
        if not isinstance(self.opens, dict):
            return self
        return self.model_copy(update={"opens": {name: cut for name, cut in self.opens.items() if name in known}})

    @override
    def columns(self, name: str, symbols: Symbols, total: pl.Expr) -> dict[str, pl.Expr]:
        """Return `name.points`, zero or more, `name.unjudged`, and `name.opened` for a conditional bonus."""
        points, opened, unjudged = self.points_for(symbols), self.opened(total), self.unjudged(symbols, total)
        if opened is None:
            return {Column(name).points: points, Column(name).unjudged: unjudged}
        # Points that do not count anyway depend on no figure.
        return {
            Column(name).opened: opened,
            Column(name).points: pl.when(opened).then(points).otherwise(0.0),
            Column(name).unjudged: opened & unjudged,
        }

    def opened(self, total: pl.Expr) -> pl.Expr | None:
        """Return whether the points count, Boolean without nulls; None if they always do.

        Args:
            total: the total before adjustments, on the scale of the full mark.
        """
        if isinstance(self.opens, dict):
            return pl.all_horizontal([reaches(name, cut) for name, cut in self.opens.items()]) if self.opens else None
        return None if self.opens is None else (total >= self.opens).fill_null(value=False)

    def opens_words(self, titles: Mapping[str, str]) -> Message:
        """Return the condition of the bonus in words, empty if there is none.

        >>> Bonus(when="pilots > 0", points=2, opens=80).opens_words({})
        'only from a total of 80 on'
        >>> Bonus(when="pilots > 0", points=2, opens=30, within="service").opens_words({"service": "服务"})
        'only from 30 marks of 服务 before adjustments on'
        """
        if isinstance(self.opens, dict):
            conditions = [
                Message("{title} ≥ {cut:g} %", title=titles.get(name, name), cut=cut)
                for name, cut in self.opens.items()
            ]
            return Message("only with {conditions}", conditions=commas(conditions)) if conditions else commas([])
        if self.opens is None:
            return commas([])
        if self.within is not None:
            title = titles.get(self.within, self.within)
            return Message("only from {score:g} marks of {title} before adjustments on", score=self.opens, title=title)
        return Message("only from a total of {score:g} on", score=self.opens)


class Deduction(Points):
    """Points taken off (减分), such as 0.25 for each late report.

    >>> frame = pl.DataFrame({"late": [1.0, 0.0]})
    >>> frame.select(Deduction(when="late > 0", points=2).columns("discipline", SYMBOLS, pl.lit(90.0)).values()).rows()
    [(-2.0, False), (0.0, False)]
    """

    kind: Literal["deduction"] = "deduction"

    @override
    def columns(self, name: str, symbols: Symbols, total: pl.Expr) -> dict[str, pl.Expr]:
        """Return `name.points`, zero or less, and `name.unjudged`."""
        points = unsigned_zero(-self.points_for(symbols))
        return {Column(name).points: points, Column(name).unjudged: self.unjudged(symbols, total)}


class Limit(Award):
    """The most that several bonuses and deductions may come to together (加分累计不超过5分): `clip(sum, -max, max)`.

    It gives or takes the difference, after the limits that each has of its own. All that it names change the same
    score: the total, or the pillar that it is `within` too.

    >>> frame = pl.DataFrame({"a.points": [3.0, 1.0], "b.points": [4.0, 2.0]})
    >>> frame.select(Limit(of=["a", "b"], max=5).joint_columns("most").values()).to_series().to_list()
    [-2.0, 0.0]
    """

    kind: Literal["limit"] = "limit"
    of: Listed[Name] = Field(min_length=1, description="the bonuses and deductions that are counted together")
    max: float = Field(gt=0, description="the most points that they add in all, and the most that they take off")

    def names(self) -> tuple[str, ...]:
        """Return no figures."""
        return ()

    def joins(self) -> tuple[str, ...]:
        """Return the adjustments that are limited."""
        return self.of

    @override
    def columns(self, name: str, symbols: Symbols, total: pl.Expr) -> dict[str, pl.Expr]:
        """Return nothing: it waits for the points of others."""
        return {}

    @override
    def joint_columns(self, name: str) -> dict[str, pl.Expr]:
        """Return `name.points`: what is over the limit, negative where bonuses are."""
        points = functools.reduce(operator.add, [pl.col(Column(item).points) for item in self.of])
        return {Column(name).points: unsigned_zero(points.clip(-self.max, self.max) - points)}

    @override
    def opens_words(self, titles: Mapping[str, str]) -> Message:
        """Return the limit in words."""
        names = commas(titles.get(name, name) for name in self.of)
        if self.within is not None:
            return Message("at most {max:g} marks in all for {names}", max=self.max, names=names)
        return Message("at most {max:g} points in all for {names}", max=self.max, names=names)

    @override
    def problems(self, path: Path, symbols: Symbols) -> Problems:
        """Yield an adjustment that is named twice."""
        for place, name in enumerate(self.of):
            if name in self.of[:place]:
                message = Message("names `{name}` twice", name=name)
                yield Problem("K491", (*path, "of", place), message, hint=Message("leave it out once"))


class Effect(Block):
    """The effect of a veto; exactly one."""

    stars_at_most: Annotated[int, Field(ge=0, le=5)] | None = Field(None, description="the most stars that remain")
    score_at_most: float | None = Field(None, description="the most that the score may be")
    score: float | None = Field(None, description="a fixed score, such as 59")
    demote: Annotated[int, Field(ge=1, le=5)] | None = Field(None, description="stars lost")
    fail: bool | None = Field(None, description="no score and no stars at all")

    @model_validator(mode="after")
    def _one_effect(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError(Message("give exactly one of {keys}", keys=tuple(type(self).model_fields)))
        return self

    def words(self, names: Mapping[int, str]) -> Message:  # noqa: PLR0911 - one line an effect
        """Return the effect in words.

        Args:
            names: what levels are called, where they are not stars.
        """
        if self.stars_at_most is not None:
            level = names.get(self.stars_at_most)
            if level:
                return Message("no level above {level}", level=level)
            number = self.stars_at_most
            return (
                Message("no more than one star")
                if number == 1
                else Message("no more than {number} stars", number=number)
            )
        if self.score_at_most is not None:
            return Message("a score of at most {score:g}", score=self.score_at_most)
        if self.score is not None:
            return Message("a score of {score:g}", score=self.score)
        if self.demote:
            if self.demote == 1:
                return Message("one level down") if names else Message("one star down")
            if names:
                return Message("{number} levels down", number=self.demote)
            return Message("{number} stars down", number=self.demote)
        return Message("not rated")


class Veto(Adjustment):
    """一票否决: a condition that caps stars or score, fixes the score, demotes, or fails.

    A condition whose figures are missing does not hold; the scorecard says that it could not be judged.

    >>> frame = pl.DataFrame({"late": [1.0, 0.0]})
    >>> frame.select(Veto(when="late > 0", effect=Effect(demote=1)).holds(SYMBOLS)).to_series().to_list()
    [True, False]
    """

    kind: Literal["veto"] = "veto"
    when: str = Field(description="the condition that vetoes, such as incidents > 0")
    effect: Effect = Field(description="what the veto does")

    @override
    def words(self, symbols: Symbols, names: Mapping[int, str]) -> Message:
        """Return the condition and the effect in words.

        >>> Veto(when="late > 0", effect=Effect(demote=1)).words(SYMBOLS, {})
        '迟报次数 > 0: one star down'
        """
        return Message(
            "{condition}: {effect}", condition=in_titles(self.when, symbols), effect=self.effect.words(names)
        )

    def names(self) -> tuple[str, ...]:
        """Return no names; those in the condition are checked with the condition."""
        return ()

    @override
    def columns(self, name: str, symbols: Symbols, total: pl.Expr) -> dict[str, pl.Expr]:
        """Return `name.veto` and `name.unjudged`."""
        return {Column(name).veto: self.holds(symbols), Column(name).unjudged: self.unjudged(symbols)}

    def holds(self, symbols: Symbols) -> pl.Expr:
        """Return whether the veto applies, Boolean without nulls."""
        return condition(self.when, symbols).expr.fill_null(value=False)

    def unjudged(self, symbols: Symbols) -> pl.Expr:
        """Return whether a figure of the condition is missing."""
        return _lacks_figures(self.when, symbols)

    def problems(self, path: Path, symbols: Symbols) -> Problems:
        """Yield the problems of the condition."""
        yield from condition_problems(self.when, (*path, "when"), symbols)


#: Every kind of adjustment, in the order of the reference.
KINDS: tuple[type[Adjustment], ...] = (Bonus, Deduction, Limit, Veto)

#: Any adjustment, distinguished by `kind`.
if TYPE_CHECKING:
    AnyAdjustment: TypeAlias = Adjustment
else:
    AnyAdjustment = one_of(*KINDS)


def points_of_figures(adjustments: Mapping[str, Adjustment]) -> dict[str, Points]:
    """Return the bonuses and deductions, of the total and within pillars."""
    return {name: item for name, item in adjustments.items() if isinstance(item, Points)}


def deducts(adjustments: Mapping[str, Adjustment]) -> bool:
    """Return whether some adjustment takes points off."""
    return any(isinstance(adjustment, Deduction) for adjustment in adjustments.values())


def _lacks_figures(text: str, symbols: Symbols) -> pl.Expr:
    """Return whether a condition does not say yes or no because figures are missing or refused."""
    term = condition(text, symbols)
    gaps = [status.is_not_null() if gap is None else gap.fill_null(value=False) for gap, status in term.gaps]
    return term.expr.is_null() & pl.any_horizontal(gaps) if gaps else pl.lit(False)


def awards(adjustments: Mapping[str, Adjustment], pillar: str | None = None) -> dict[str, Award]:
    """Return the adjustments that add or deduct points: of the total, or within a pillar."""
    return {name: item for name, item in adjustments.items() if isinstance(item, Award) and item.within == pillar}


def all_awards(adjustments: Mapping[str, Adjustment]) -> dict[str, Award]:
    """Return the adjustments that add or deduct points, of the total and within pillars."""
    return {name: item for name, item in adjustments.items() if isinstance(item, Award)}


def in_tree(adjustments: Mapping[str, Adjustment], known: Collection[str]) -> dict[str, Adjustment]:
    """Return the adjustments in a tree that has only the `known` pillars and indicators."""
    results = {name: item.in_tree(known) for name, item in adjustments.items()}
    return {name: item for name, item in results.items() if item is not None}


def vetoes(adjustments: Mapping[str, Adjustment]) -> dict[str, Veto]:
    """Return the vetoes."""
    return {name: item for name, item in adjustments.items() if isinstance(item, Veto)}
