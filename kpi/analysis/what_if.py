"""A scorecard with some values of units replaced: the plan runs again from the replaced figures on.

A measure is replaced before anything is computed from it; an indicator after the stage that computes it, so that
checks, treatment, scores, totals, places and the indicators that are computed from it see the new value. A figure that
a check refused in the data stays refused, unless it is replaced itself.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TypeAlias

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi.analysis.above_whole import rates_above_whole
from kpi.analysis.check_findings import judged
from kpi.analysis.disclosure import analysed, refuse_hidden
from kpi.analysis.explain import place_of
from kpi.analysis.impossible_counts import impossible_counts
from kpi.engine.plan import Plan
from kpi.engine.result_columns import target_bounds
from kpi.engine.scorecard import Scorecard, as_scorecard
from kpi.engine.stage import Stage
from kpi.errors import DataError, Diagnostic, Message, suggest
from kpi.intake.entities import Entities
from kpi.intake.grid import Counts, Panel
from kpi.intake.negative_counts import negative_counts
from kpi.language.quantities import Quantity, in_unit
from kpi.language.system import System
from kpi.values import units
from kpi.values.columns import Column
from kpi.values.status import reason
from kpi.values.units import Unit

#: A value of a figure, as a number in its unit or as text such as 95 %, 3 万件 or 是.
Given: TypeAlias = float | str
_YES = ("是", "yes", "true", "done", "1")
_NO = ("否", "no", "false", "0")
_FORM = Message("write UNIT.indicator=VALUE, such as 桐乡市.一网通办率=95")


class Replacement(Struct, frozen=True):
    """A value that takes the place of that of a measure or indicator of one entity."""

    entity: int
    name: str
    value: float


def given_values(arguments: Iterable[str]) -> dict[str | tuple[str, str], Given]:
    """Return the values of texts such as 桐乡市.一网通办率=95, by unit and figure.

    Raises:
        DataError: K874, if a name or a value is missing, or a figure is set twice.
    """
    values: dict[str | tuple[str, str], Given] = {}
    for argument in arguments:
        key, equals, value = argument.replace("＝", "=").partition("=")
        key, value = key.strip(), value.strip()
        hint = Message("write UNIT.indicator=VALUE, such as 桐乡市.一网通办率=95")
        if not equals or not value or not key:
            message = Message("`--set {argument}` does not say which figure has which value", argument=argument)
            raise DataError(Diagnostic("K874", message, hint=hint))
        if key in values:
            raise DataError(Diagnostic("K874", Message("`{key}` is set twice", key=key), hint=hint))
        values[key] = value
    return values


def what_if(card: Scorecard, values: Mapping[str | tuple[str, str], Given], *, period: str | None = None) -> Scorecard:
    """Return the scorecard as it would be with some values of measures or indicators replaced in one period.

    Its findings are those of the data, with what the checks find in the new values: a check may refuse one of them.

    Args:
        card: the results as scored.
        values: the new values, in the units of the figures, by `UNIT.indicator` or by a pair of both.
        period: the label of the period; None for the last that is shown.

    Raises:
        DataError: K602 for an unknown unit, K203 for an unknown figure, K551 for an unknown period, K874 for a key that
            does not name both, K875 for a value that the figure cannot have.
    """
    index = index_of(as_scorecard(card), period)
    _check_mapping(values)
    for key in values if card.worlds else ():
        refuse_hidden(card, index, _figure(card, key)[0])
    card = analysed(card)
    after = replaced(card, index, [replacement(card, key, value, index) for key, value in values.items()])
    before, new = _checked(card), _checked(after)
    solved = {replace(finding, hint=None) for finding in before if finding not in new}
    # The hints of findings in the data may say what was probably typed, which has no part in what a finding is about.
    kept = [finding for finding in card.findings_list if replace(finding, hint=None) not in solved]
    return replace(after, findings_list=(*kept, *(finding for finding in new if finding not in before)))


def _check_mapping(values: object) -> None:
    if not isinstance(values, Mapping):
        message = Message("the values are of the type {type}, not a mapping by figure", type=type(values).__name__)
        hint = Message("give {{'UNIT.indicator': VALUE}}, such as {{'桐乡市.一网通办率': 95}}")
        raise DataError(Diagnostic("K874", message, hint=hint))


def new_findings(card: Scorecard, after: Scorecard) -> tuple[Diagnostic, ...]:
    """Return the findings that only the other values have."""
    return tuple(finding for finding in after.findings_list if finding not in card.findings_list)


def _checked(card: Scorecard) -> list[Diagnostic]:
    """Return the findings of checks, vetoes and counts that cannot be, in the shown periods of a scorecard."""
    entities = Entities(card.entities, closed=True)
    panel = Panel(card.frame, entities, (), (), Counts(), card.data_hash)
    shown = {index: label for index, label in card.labels.items() if card.shown is None or index in card.shown}
    frame = card.frame.filter(pl.col("period").is_in(list(shown)))
    names = card.entities["entity"].to_list()
    return [
        *judged(card.plan, frame, panel, shown, suspecting=False).findings,
        *impossible_counts(card.definition, frame, names, shown),
        *negative_counts(card.definition, frame, names, shown),
        *rates_above_whole(card.definition, frame, names, shown),
    ]


def index_of(card: Scorecard, period: str | None) -> int:
    """Return the index of a shown period by its label, of the last one for None."""
    label = period or card.periods[-1]
    shown = {text: index for index, text in card.labels.items() if card.shown is None or index in card.shown}
    if label not in shown:
        message = Message("`{period}` is not among the periods", period=label)
        raise DataError(Diagnostic("K551", message, hint=Message("there is {periods}", periods=tuple(card.periods))))
    return shown[label]


def replaced(card: Scorecard, index: int, replacements: Collection[Replacement]) -> Scorecard:
    """Return the scorecard with values of a period replaced.

    Its hash of the data is another one, since no data have these values.
    """
    names = tuple(dict.fromkeys(replacement.name for replacement in replacements))
    given = dict.fromkeys(names, pl.lit(None, dtype=pl.Float64))
    for replacement in replacements:
        here = (pl.col("entity") == replacement.entity) & (pl.col("period") == index)
        given[replacement.name] = (
            pl.when(here).then(pl.lit(replacement.value, dtype=pl.Float64)).otherwise(given[replacement.name])
        )
    panel = card.panel.with_columns(value.alias(column_of(name)) for name, value in given.items())
    plan = Plan(card.plan.system, stages_with(card.plan, names))
    frame = plan.collect(panel).drop(map(column_of, names))
    text = "\n".join(
        [card.data_hash, str(index), *(f"{item.entity} {item.name} {item.value!r}" for item in replacements)]
    )
    return replace(card, frame=frame, data_hash=hashlib.sha256(text.encode()).hexdigest()[:16])


# ---- THE PLAN ---- #


def column_of(name: str) -> str:
    """Return the column of the panel with the new values of a figure (Float64), null where nothing is replaced."""
    return f"#replaced {name}"


def stages_with(plan: Plan, names: Collection[str]) -> tuple[Stage, ...]:
    """Return the stages of a plan that take the values of some figures from the columns `column_of`."""
    return tuple(_with_values(plan, frozenset(names)))


def _with_values(plan: Plan, names: frozenset[str]) -> Iterator[Stage]:
    levels = {f"indicators {number}": level for number, level in enumerate(plan.system.levels, 1)}
    yield from _stage(names & plan.system.measures.keys())
    for stage in plan.stages:
        yield stage
        yield from _stage(names & frozenset(levels.get(stage.name, ())))


def _stage(names: Collection[str]) -> Iterator[Stage]:
    if not names:
        return
    values: dict[str, pl.Expr] = {}
    for name in sorted(names):
        given, status = pl.col(column_of(name)), Column(name).status
        values[name] = pl.coalesce(given, pl.col(name))
        values[status] = pl.when(given.is_not_null()).then(reason("ok")).otherwise(pl.col(status))
    yield Stage("replaced", Message("replaced values"), values)


# ---- WHAT IS ASKED FOR ---- #


def replacement(card: Scorecard, key: str | tuple[str, str], value: Given, index: int) -> Replacement:
    """Return the replacement that a key and a value state; errors as for `what_if`."""
    entity, name = _figure(card, key)
    number = _number(card.definition, name, value)
    low, high = possible(card, index, name)
    if low is not None and high is not None and not low <= number <= high:
        title = card.definition.symbols[name].title
        message = Message("{title} cannot be {value:g}", title=title, value=number)
        hint = Message("it is between {low:g} and {high:g}", low=low, high=high)
        raise DataError(Diagnostic("K875", message, hint=hint))
    return Replacement(entity, name, number)


def _figure(card: Scorecard, key: str | tuple[str, str]) -> tuple[int, str]:
    """Return the entity and the figure that a key names; either may have dots in its name."""
    names = figures_of(card.definition)
    if not isinstance(key, str):
        unit, title = key
        return place_of(card, unit), _known(names, title)
    parts = key.split(".")
    pairs = [(".".join(parts[:at]).strip(), ".".join(parts[at:]).strip()) for at in range(1, len(parts))]
    pairs = [(unit, title) for unit, title in pairs if unit and title]
    if not pairs:
        message = Message("`{key}` does not name a unit and one of its figures", key=key)
        raise DataError(Diagnostic("K874", message, hint=_FORM))
    unit, title = next((pair for pair in pairs if pair[1] in names), pairs[0])
    return place_of(card, unit), _known(names, title)


def figures_of(system: System) -> dict[str, str]:
    """Return the figures of entities, by name and by title: indicators, and measures that are not of finer units."""
    measures = {name: item for name, item in system.measures.items() if item.per is None}
    every = {**measures, **system.indicators}
    return {(item.title or name): name for name, item in every.items()} | {name: name for name in every}


def _known(names: Mapping[str, str], title: str) -> str:
    if title not in names:
        message = Message("`{indicator}` is not an indicator", indicator=title)
        raise DataError(Diagnostic("K203", message, hint=suggest(title, names)))
    return names[title]


def _number(system: System, name: str, value: Given) -> float:
    """Return a value in the unit of a figure.

    Raises:
        DataError: K875, it is no number, or in another unit.
    """
    unit = system.unit(name)
    hint = Message("{title} is in {unit}", title=system.symbols[name].title, unit=unit)
    text = str(value).strip()
    if unit == units.YES_NO:
        if text.lower() in (*_YES, "1.0"):
            return 1.0
        if text.lower() in (*_NO, "0.0"):
            return 0.0
        message = Message("`{text}` is neither 是 nor 否", text=text)
        raise DataError(Diagnostic("K875", message, hint=hint))
    try:
        number, written = (float(value), None) if isinstance(value, int | float) else units.split_quantity(text)
        number *= 1.0 if written is None else units.factor(written, unit)
    except units.UnitError as error:
        raise DataError(Diagnostic("K875", error.message, hint=hint)) from error
    if not math.isfinite(number):
        raise DataError(Diagnostic("K875", Message("`{text}` is not a number", text=text), hint=hint))
    return number


# ---- WHAT IS POSSIBLE ---- #


def possible(card: Scorecard, index: int, name: str) -> tuple[float | None, float | None]:
    """Return between which values a figure can be at all; None for an end without a limit.

    Yes or no is 0 or 1, a ratio of equal units is between 0 and 100 %, unless a unit is beyond it.
    """
    unit, indicator = card.definition.unit(name), card.definition.indicators.get(name)
    if unit == units.YES_NO:
        return 0.0, 1.0
    if indicator is None or indicator.proportion is None or not units.convertible(unit, units.PERCENT):
        return None, None
    whole = _whole(unit)
    known = card.frame.filter(pl.col("period") == index)[name].drop_nulls()
    return (0.0, whole) if known.is_between(0.0, whole).all() else (None, None)


def searched(card: Scorecard, index: int, name: str, known: Collection[float]) -> tuple[float | None, float | None]:
    """Return between which values of a figure a way up is looked for; None for an end without a limit.

    Beside what is possible: a value in % or ‰ ends at 100 %, and nothing is below 0, unless
    a unit or a number of the definition is; a growth has neither limit.

    Args:
        card: the results as scored.
        index: of the period.
        name: of the figure.
        known: its `landmarks`.
    """
    low, high = possible(card, index, name)
    unit, indicator = card.definition.unit(name), card.definition.indicators.get(name)
    if indicator is not None and any(indicator.comparisons()):
        return low, high
    if low is None and all(value >= 0 for value in known):
        low = 0.0
    if high is None and unit.text in ("%", "‰"):
        whole = _whole(unit)
        high = whole if all(value <= whole for value in known) else None
    return low, high


def _whole(unit: Unit) -> float:
    """Return 100 % in a unit of shares."""
    return float(units.factor(units.ONE, unit))


def landmarks(card: Scorecard, index: int, name: str) -> list[float]:
    """Return the values at which the score of a figure may change its course: of all units, targets, and cuts."""
    system, unit = card.definition, card.definition.unit(name)
    rows = card.frame.filter(pl.col("period") == index)
    values = rows[name].drop_nulls().to_list()
    if name in system.indicators:
        for bound in target_bounds(system, name):
            values += rows.select(bound.cast(pl.Float64).alias("bound"))["bound"].drop_nulls().to_list()
        rule = system.rule(name)
        values += _cuts(rule.quantities().values(), unit) if rule is not None else ()
    return sorted({float(value) for value in values if math.isfinite(value)})


def _cuts(quantities: Iterable[Quantity | None], unit: Unit) -> Iterator[float]:
    """Yield quantities in a unit; the steps of a rule may be in 百分点 where the values are in %."""
    for quantity in quantities:
        if quantity is not None:
            with suppress(units.UnitError):
                yield in_unit(quantity, unit)
