"""The findings about rates above 100 % where those of other units are not, as with a digit too many.

A rate may be above 100 %: of what was planned, of last year's, of residents by register. So a rate is only reported if
most other units are at 100 % or below, and either its denominator is by its name all there is (办件总量), or it is more
than twice what the highest of those others has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from kpi.analysis.named_figures import named_figures
from kpi.analysis.negative_counts import never_negative
from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.language.indicators import Indicator
from kpi.language.system import System
from kpi.values import units
from kpi.values.rounding import HAIR

#: How many times the highest rate of the units at 100 % or below is far above them.
_FAR = 2
#: Denominators that are by their names all there is.
_ALL = re.compile(r"总(?!.*[值额])|全部|全体|合计|应|\b(total|all|overall)\b", re.IGNORECASE)
#: Rates by their titles.
_RATE = re.compile(
    r"(率|占比|比重|比例|覆盖面)([（(].*)?$|\b(rate|share|percent|percentage|proportion|coverage)\b", re.IGNORECASE
)
#: Words of comparisons with a plan, an earlier period or another quantity, which may well be above 100 %.
_NO_PART = re.compile(
    r"完成|计划|目标|任务|预算|上年|去年|上期|同期|基期|[增减升降]|变[动化]|同比|环比|倍|比值|毛|负债|杠杆|依存|抚养|负担|利用|产销"
    r"|\b(plan\w*|targets?|budget\w*|quota|growth|change|increase|decrease|previous|last|gross|debt|leverage|depend\w*"
    r"|utili[sz]ation|occupancy|index)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Rate:
    """An indicator that is a part of a whole, probably.

    Attributes:
        name: of the indicator, which is its column.
        whole: 100 % in its unit.
        of_all: whether the denominator is by its name all there is.
        sides: the measures above and below the line; None of what departments report as a rate.
    """

    name: str
    whole: float
    of_all: bool
    sides: tuple[str, str] | None


def rates_above_whole(
    system: System, frame: pl.DataFrame, entities: Sequence[str], labels: Mapping[int, str]
) -> Iterator[Diagnostic]:
    """Yield a warning for each rate and period with values above 100 % where those of most other units are not (K680).

    Rates are ratios of two figures of one dimension, and other values in percent of one period whose title says so.
    Those with a target above 100 %, and those that a check of the system judges, are left out.

    Args:
        system: that was scored.
        frame: the result of its plan.
        entities: the names in order.
        labels: the labels of the periods to report on.
    """
    there = set(frame.columns)
    above = []
    for name in filter(there.__contains__, system.indicators):
        # Column by column, as a query takes longer than the comparisons.
        highest = frame.get_column(name).max()
        if highest is None or not highest > 1:  # type: ignore[operator]
            continue
        rate = _rate(name, system)
        if rate is not None and highest > _most(rate):  # type: ignore[operator]
            above.append(rate)
    judged = _judged(system) if above else []
    for rate in above:
        if any(rate.name in names or (rate.sides and names.issuperset(rate.sides)) for names in judged):
            continue
        shown = frame.filter(pl.col(rate.name).is_not_null() & pl.col("period").is_in(list(labels)))
        for (period,), rows in shown.sort("period", "entity").group_by("period", maintain_order=True):
            wrong = _wrong(rate, rows)
            if wrong.height:
                yield _finding(rate, system, wrong, entities, labels[int(str(period))])


def _rate(name: str, system: System) -> _Rate | None:
    """Return an indicator as a rate, None if it is none, or may be above 100 %."""
    indicator, symbols = system.indicators[name], system.symbols
    unit = system.symbols[name].unit
    if unit is None or not units.convertible(unit, units.PERCENT) or _beyond(indicator, unit):
        return None
    sides, shown = indicator.proportion, indicator.measure_shown
    titles = [name, symbols[name].title]
    if sides is not None:
        over, under = (symbols[side].unit for side in sides)
        if over is None or under is None or not units.convertible(over, under):
            return None
        titles += [text for side in sides for text in (side, symbols[side].title)]
    else:
        titles += [] if shown is None else [shown, symbols[shown].title]
        if not (_of_one_period(indicator, system) and any(map(_RATE.search, titles))):
            return None
    if any(map(_NO_PART.search, titles)):
        return None
    of_all = False
    if sides is not None:
        counted = all(never_negative(side, system.measures[side]) for side in sides if side in system.measures)
        of_all = counted and any(map(_ALL.search, (sides[1], symbols[sides[1]].title)))
    return _Rate(name, units.factor(units.ONE, unit), of_all, sides)


def _of_one_period(indicator: Indicator, system: System) -> bool:
    """Return whether the value is what it is in its period, rather than a growth, a mean over time or a projection."""
    compared = any(True for _ in indicator.comparisons())
    return not compared and not indicator.projects and indicator.fewest_periods(system.period) is None


def _beyond(indicator: Indicator, unit: units.Unit) -> bool:
    """Return whether a target of an indicator is above 100 %, or differs by unit."""
    whole = units.factor(units.ONE, unit)
    return any(
        target.per_entity is not None or any(bound is not None and bound > whole for bound in target.bounds(unit))
        for target in indicator.target
    )


def _judged(system: System) -> list[frozenset[str]]:
    """Return the figures that each rule of a check of the system is about."""
    return [
        frozenset(breach.names)
        for check in system.checks.values()
        for breach in check.breaches(system.symbols, system.period)
    ]


def _most(rate: _Rate) -> float:
    return rate.whole * (1 + HAIR)


def _wrong(rate: _Rate, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a period in which a rate is not what it should be."""
    value = pl.col(rate.name)
    others = rows.filter(value <= _most(rate))
    wrong = rows.filter(value > _most(rate))
    if rate.of_all:
        # Where most are above, the name of the denominator is no proof of what is right; of a single unit it has to be.
        return wrong if wrong.height <= max(others.height, 1) else wrong.clear()
    if wrong.height >= others.height:
        return wrong.clear()
    return wrong.filter(value > _FAR * others.select(value.max()).item())


def _finding(rate: _Rate, system: System, rows: pl.DataFrame, entities: Sequence[str], label: str) -> Diagnostic:
    """Return the finding about the values of one rate and period; with disclosure rules it has none of them."""
    title = system.symbols[rate.name].title
    figures = [(entities[row["entity"]], _figure(rate, system, row)) for row in rows.iter_rows(named=True)]
    figures_words = named_figures(figures, quoted=system.disclosure is None)
    message = Message(
        "{indicator} is above 100 %, and a part is never more than all: {figures}"
        if rate.of_all
        else "{indicator} is above 100 %, and more than twice what most other units have: {figures}",
        indicator=title, figures=figures_words,
    )  # fmt: skip
    hint = Message(
        "correct the figures; if the rate may be above 100 %, write a check that says up to where: "
        "`{check}: {{between: [0, {most:g}], of: [{indicator}]}}`",
        check=f"{rate.name}_range", most=rate.whole * 2, indicator=rate.name,
    )  # fmt: skip
    entity = entities[rows["entity"][0]] if rows.height == 1 else None
    return Diagnostic(
        "K680", message, Place(entity=entity, period=label, field=title), hint, Severity.WARNING, stands_for=rows.height
    )


def _figure(rate: _Rate, system: System, row: Mapping[str, float]) -> Message:
    """Return the value of a rate, with the two figures behind it."""
    value = Message("{value:,.6g} {unit}", value=row[rate.name], unit=system.symbols[rate.name].unit)
    if rate.sides is None or any(row.get(side) is None for side in rate.sides):
        return value
    above, below = (
        Message(
            "{title} {value:,.10g} {unit}",
            title=system.symbols[side].title, value=row[side], unit=system.symbols[side].unit,
        )
        for side in rate.sides
    )  # fmt: skip
    return Message("{value} ({above} of {below})", value=value, above=above, below=below)
