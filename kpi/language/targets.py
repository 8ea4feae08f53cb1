"""Targets (目标值): what an indicator should reach, by when, from which baseline.

A target compares, says how far a value has come (attainment, percent), and how far it should be by now (schedule,
序时进度). A bare number is in the indicator's unit; a number with a unit is converted, or refused.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Literal, Self

import polars as pl
from pydantic import Field, model_validator

from kpi.errors import Message, Severity, commas, conjunction
from kpi.language.model import Block, Listed, Path, Problem, Problems, Text
from kpi.language.quantities import Quantity, in_unit, printed, quantity_problems
from kpi.values import period_texts, periods, units
from kpi.values.period_texts import ASSUMED
from kpi.values.periods import Grain
from kpi.values.rounding import HAIR, compare, unsigned_zero
from kpi.values.timelines import Timeline
from kpi.values.units import Unit

#: What each comparator is printed as, and the direction that it implies.
COMPARATORS: dict[str, tuple[str, str | None]] = {
    "at_least": ("≥", "higher"),
    "above": (">", "higher"),
    "at_most": ("≤", "lower"),
    "below": ("<", "lower"),
    "equals": ("=", None),
    "within": ("∈", None),
    "done": (Message("done"), "higher"),
}


class PerEntity(Block):
    """A bound that differs by entity; exactly one of four ways to say what it is.

    `column`: the target column of the data. `file`: a file beside the definition with the columns entity, indicator,
    target. `by`: a column of the roster, and the bound for each of its `values` (三级 60, 二级 30). `share`: a part of
    `total`, the document's figure, equal or in proportion to a numeric column of the roster.
    """

    column: str | None = Field(None, description="the column of the data that holds the targets")
    file: str | None = Field(
        None, description="a file beside the definition: entity, indicator, target, and perhaps period and unit"
    )
    by: str | None = Field(None, description="a column of the roster, such as 等级")
    values: dict[Text, Quantity] = Field(
        default_factory=dict, description="the bound for each value of the column `by`"
    )
    share: str | None = Field(None, description="equal, or a numeric column of the roster, such as 人口")
    total: float | None = Field(None, description="the document's figure, which the entities' bounds add up to")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if len([item for item in (self.column, self.file, self.by, self.share) if item is not None]) != 1:
            raise ValueError(Message("give exactly one of `column`, `file`, `by`, `share`"))
        if (self.by is None) == bool(self.values):
            raise ValueError(Message("`by` needs `values`, and only `by` has them"))
        if self.share is not None and self.total is None:
            raise ValueError(Message("`share` needs the `total` that is shared"))
        return self

    def words(self, unit: Unit | str) -> Message:
        """Return the bound as people write it.

        >>> PerEntity(by="等级", values={"三级": 60, "二级": 30}).words("%")
        'by 等级: 三级 60 %, 二级 30 %'
        """
        if self.by is not None:
            bounds = commas(f"{value} {printed(bound)} {unit}" for value, bound in self.values.items())
            return Message("by {column}: {bounds}", column=self.by, bounds=bounds)
        total = printed(self.total or 0)
        if self.share == EQUAL:
            return Message("{total} {unit} (in all, shared equally)", total=total, unit=unit)
        if self.share is not None:
            return Message("{total} {unit} (in all, shared by {column})", total=total, unit=unit, column=self.share)
        return Message("each unit its own")


#: The `share` that divides a total into as many equal parts as there are entities.
EQUAL = "equal"

Bound = Quantity | PerEntity | None


class Baseline(Block):
    """Where the way to a target starts: a value in the indicator's unit and its period."""

    value: Quantity = Field(description="the value there, in the indicator's unit")
    period: Text | None = Field(None, description="the period it was reached: 2022, 2022Q4")


class Target(Block):
    """One comparison with a deadline: exactly one of the comparators, and what surrounds it.

    A comparator without a number (`at_most: null`, 前列) keeps the row in the system, unscored until one is given.
    """

    at_least: Bound = Field(None, description="the value must be this or more")
    above: Bound = Field(None, description="the value must be more than this")
    at_most: Bound = Field(None, description="the value must be this or less")
    below: Bound = Field(None, description="the value must be less than this")
    equals: Bound = Field(None, description="the value must be this")
    within: Listed[Quantity] | None = Field(None, description="the value must lie between two, [low, high]")
    done: bool | None = Field(None, description="the milestone must be reached")
    by: Text | None = Field(None, description="the deadline: 2025, 2023-12, 2023Q2; its last month counts")
    baseline: Baseline | None = Field(None, description="where the way to the target starts")
    schedule: Literal["linear", "even"] | Listed[float] | None = Field(
        None, description="even: in step with the months of the deadline's year; linear: from the baseline; or percents"
    )
    soft: bool = Field(False, description="左右, 基本, 力争: stated as approximate or as an aim")
    tolerance: float = Field(0, ge=0, le=100, description="percent of the target that may be missing")
    inferred: bool = Field(False, description="the deadline is inferred, the clause names none")
    note: str | None = Field(None, description="free text about the target")
    ours: bool | Listed[str] = Field(False, description="what no document states and we chose: true, or the keys")

    @model_validator(mode="after")
    def _one_comparator(self) -> Self:
        given = [key for key in COMPARATORS if key in self.model_fields_set]
        if len(given) != 1:
            keys = tuple(COMPARATORS)
            raise ValueError(
                Message("exactly one of {keys} is needed; here: {given}", keys=keys, given=conjunction(given))
                if given
                else Message("exactly one of {keys} is needed; here: none", keys=keys)
            )
        if self.within is not None and len(self.within) != 2:
            raise ValueError(Message("`within` needs two numbers, [low, high]"))
        return self

    @cached_property
    def comparator(self) -> str:
        """The comparator that is given."""
        return next(key for key in COMPARATORS if key in self.model_fields_set)

    def deadline(self, timeline: Timeline) -> int | None:
        """Return the last month or week that counts; raises PeriodError when `by` is none."""
        return None if self.by is None else period_texts.stretch(self.by, timeline)[1]

    @property
    def per_entity(self) -> PerEntity | None:
        """Where the entities' own targets come from, if they differ."""
        bound = getattr(self, self.comparator)
        return bound if isinstance(bound, PerEntity) else None

    def bounds(self, unit: Unit) -> tuple[float | None, float | None]:
        """Return the lower (or only) and the upper bound in `unit`; None where the document gives no number."""
        if self.done is not None:
            return (1.0 if self.done else 0.0), None
        if self.within is not None:
            return in_unit(self.within[0], unit), in_unit(self.within[1], unit)
        bound = getattr(self, self.comparator)
        return (None if bound is None or isinstance(bound, PerEntity) else in_unit(bound, unit)), None

    def problems(self, path: Path, unit: Unit, grain: Grain) -> Problems:
        """Yield what is wrong with numbers, units, dates and schedule."""
        yield from quantity_problems({(*path, *tail): item for tail, item in self.quantities().items()}, unit)
        if self.done is not None and unit != units.YES_NO:
            hint = Message("give the number to reach, such as {{at_least: ...}}, in {unit}", unit=unit)
            yield Problem(
                "K304",
                (*path, "done"),
                Message("`done` is for 是/否; this indicator is in {unit}", unit=unit),
                hint=hint,
                at_key=True,
            )
        dates = {("by",): self.by, ("baseline", "period"): self.baseline.period if self.baseline else None}
        for tail, text in dates.items():
            try:
                if text is not None:
                    period_texts.stretch(text, grain.timeline)
                    if (assumed := period_texts.assumption(text, grain.timeline)) is not None:
                        yield Problem("K618", (*path, *tail), assumed, hint=ASSUMED, severity=Severity.WARNING)
            except periods.PeriodError as error:
                yield Problem("K105", (*path, *tail), error.message, hint=error.hint)
        if self.schedule is not None and self.by is None:
            yield Problem(
                "K401",
                (*path, "schedule"),
                Message("a schedule needs a deadline"),
                hint=Message("add `by:`"),
                at_key=True,
            )
        if self.schedule == "linear" and (self.baseline is None or self.baseline.period is None):
            hint = Message("add `baseline: {{value: ..., period: ...}}`, or write `schedule: even`")
            yield Problem(
                "K402", (*path, "schedule"), Message("a linear schedule starts at a baseline with a period"), hint=hint
            )
        yield from self._way_problems(path, grain.timeline)
        if isinstance(self.schedule, tuple) and len(self.schedule) > grain.per_year:
            hint = Message("give at most {number} percents, the last for the deadline", number=grain.per_year)
            yield Problem(
                "K403",
                (*path, "schedule"),
                Message("a year has {number} scored periods", number=grain.per_year),
                hint=hint,
            )

    def _way_problems(self, path: Path, timeline: Timeline) -> Problems:
        """Yield a baseline that is not before the deadline: a linear schedule would have no time to go."""
        if self.schedule != "linear" or self.by is None or self.baseline is None or self.baseline.period is None:
            return
        try:
            start, end = (period_texts.stretch(item, timeline)[1] for item in (self.baseline.period, self.by))
        except periods.PeriodError:
            return
        if start >= end:
            message = Message(
                "the baseline ({baseline}) is not before the deadline ({deadline})",
                baseline=self.baseline.period,
                deadline=self.by,
            )
            yield Problem("K402", (*path, "baseline", "period"), message)

    def quantities(self) -> dict[Path, Quantity]:
        """Return every number of the target that is in the indicator's unit, by its place."""
        results: dict[Path, Quantity] = {}
        for key in COMPARATORS:
            bound = getattr(self, key)
            if isinstance(bound, int | float | str) and not isinstance(bound, bool):
                results[(key,)] = bound
            elif isinstance(bound, PerEntity):
                results |= {(key, "values", value): item for value, item in bound.values.items()}
        results |= {("within", place): bound for place, bound in enumerate(self.within or ())}
        if self.baseline is not None:
            results["baseline", "value"] = self.baseline.value
        return results

    def words(self, unit: Unit | str) -> Message:
        """Return the target as people write it.

        >>> Target(at_least=95, by="2025").words("%")
        '≥ 95 % (2025)'
        """
        symbol, _ = COMPARATORS[self.comparator]
        bound = getattr(self, self.comparator)
        if self.comparator == "done":
            text = Message("done")
        elif bound is None:
            text = Message("{comparator} no number given", comparator=symbol)
        elif isinstance(bound, PerEntity):
            text = Message("{comparator} {bound}", comparator=symbol, bound=bound.words(unit))
        elif isinstance(bound, tuple):
            low, high = map(printed, bound)
            text = Message("{comparator} [{low}, {high}] {unit}", comparator=symbol, low=low, high=high, unit=unit)
        else:
            text = Message(
                "{comparator} {bound}",
                comparator=symbol,
                bound=bound if isinstance(bound, str) else f"{printed(bound)} {unit}",
            )
        if self.soft:
            text = Message("about {target}", target=text)
        return Message("{target} ({deadline})", target=text, deadline=self.by) if self.by else text

    # ---- EXPRESSIONS ---- #

    def reached(self, value: pl.Expr, low: pl.Expr, high: pl.Expr) -> pl.Expr:
        """Return whether a value meets the target, Boolean, null where either is null."""
        slack, hair = low.abs() * (self.tolerance / 100), low.abs() * HAIR
        match self.comparator:
            case "at_least" | "done":
                return compare("ge", value, low - slack, hair)
            case "above":
                return compare("gt", value, low - slack, hair)
            case "at_most":
                return compare("le", value, low + slack, hair)
            case "below":
                return compare("lt", value, low + slack, hair)
            case "equals":
                return compare("eq", value, low, slack + hair if self.tolerance else pl.max_horizontal(hair, 1e-9))
        return compare("ge", value, low, hair) & compare("le", value, high, high.abs() * HAIR)

    def attainment(self, value: pl.Expr, low: pl.Expr, high: pl.Expr, unit: Unit) -> pl.Expr:
        """Return how far a value has come, percent of the way from the baseline (zero without one) to the target.

        For a target from below `100 x/t`; from above `100 t/x`, full where x is zero or less; with a baseline b
        `100 (x-b)/(t-b)`. Null where that is no finite number.
        """
        if self.baseline is not None:
            start = in_unit(self.baseline.value, unit)
            # A target that only holds the baseline (保持第一) has no way to go: reached or not.
            way = pl.when(low == start).then(self.reached(value, low, high) * 100.0)
            percent = unsigned_zero(way.otherwise((value - start) / (low - start) * 100))
        elif self.comparator in ("at_least", "above", "done"):
            percent = pl.when(low > 0).then(value / low * 100).otherwise(self.reached(value, low, high) * 100.0)
        elif self.comparator in ("at_most", "below"):
            percent = pl.when(value > 0).then(low / value * 100).otherwise(self.reached(value, low, high) * 100.0)
        elif self.comparator == "equals":
            percent = pl.when(value == low).then(100.0).otherwise((1 - (value - low).abs() / low.abs()).clip(0) * 100)
        else:
            percent = percent_inside(value, low, high)
        return pl.when(value.is_not_null() & percent.is_finite()).then(percent)

    def due(self, month: pl.Expr, timeline: Timeline) -> pl.Expr:
        """Return the percent of the way due by the end of `month` (an ordinal); null without a schedule."""
        end, whole = self.deadline(timeline), timeline.per_year
        if self.schedule is None or end is None:
            return pl.lit(None, dtype=pl.Float64)
        if isinstance(self.schedule, tuple):
            steps = list(self.schedule)
            width = whole // len(steps) if whole % len(steps) == 0 else 1
            due = pl.lit(0.0)
            for place, percent in enumerate(steps):
                due = pl.when(month > end - width * (len(steps) - place)).then(percent).otherwise(due)
            return due
        start = timeline.first(timeline.year(end)) - 1
        if self.schedule == "linear" and self.baseline is not None and self.baseline.period is not None:
            start = period_texts.stretch(self.baseline.period, timeline)[1]
        return ((month - start) / (end - start)).clip(0.0, 1.0) * 100


def percent_inside(value: pl.Expr, low: pl.Expr, high: pl.Expr) -> pl.Expr:
    """Return 100 inside an interval, below it `100 x/low`, above it `100 high/x`; zero beyond an end of zero or less.

    A quotient by an end that is not above zero would rise the further a value is off.
    """
    below = pl.when(low > 0).then(value / low * 100).otherwise(0.0).clip(0)
    above = pl.when(high > 0).then(high / value * 100).otherwise(0.0)
    return pl.when(value < low).then(below).when(value > high).then(above).otherwise(100.0)


def in_force(targets: Sequence[Target], month: pl.Expr, choose: dict[int, pl.Expr], timeline: Timeline) -> pl.Expr:
    """Return for each period the expression of the target in force: the next one due, the last when all are past.

    Args:
        targets: in any order; those without a deadline come last.
        month: the last month or week of the period, by its ordinal.
        choose: the expression for each target by its place.
        timeline: on which the periods lie.
    """
    order = sorted(range(len(targets)), key=lambda place: _due_month(targets[place], timeline))
    result = choose[order[-1]]
    for place in reversed(order[:-1]):
        result = pl.when(month <= _due_month(targets[place], timeline)).then(choose[place]).otherwise(result)
    return result


def is_fixed(targets: Sequence[Target]) -> bool:
    """Return whether there is one target, and it is the same for every entity and period."""
    return len(targets) == 1 and targets[0].per_entity is None


def fixed_bound(targets: Sequence[Target], unit: Unit) -> float | None:
    """Return the bound that is one number other than zero for every entity and period, None where there is none.

    >>> fixed_bound([Target(at_least="3 万件", by="2025")], units.parse("件"))
    30000.0
    """
    if not is_fixed(targets) or targets[0].within is not None:
        return None
    return targets[0].bounds(unit)[0] or None


def fixed_ends(targets: Sequence[Target], unit: Unit) -> tuple[float, float] | None:
    """Return both bounds of the one target that is `within` two numbers, None where there is none.

    >>> fixed_ends([Target(within=[3, 6])], units.PERCENT)
    (3.0, 6.0)
    """
    if len(targets) != 1 or targets[0].within is None:
        return None
    low, high = targets[0].within
    return in_unit(low, unit), in_unit(high, unit)


def _due_month(target: Target, timeline: Timeline) -> float:
    end = target.deadline(timeline)
    return float("inf") if end is None else end
