"""The findings about rates above 100 % where those of other units are not, as with a digit too many.

A rate may be above 100 %: of what was planned, of last year's, of residents by register. So it is reported if its
denominator is by its name all there is (办件总量), or if most other units are at 100 % or below: as a warning where it
is more than twice what the highest of those has, or is reported under the name of a part of a whole (满意率), else as a
note. A coverage above 100 % has no value, which is said.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from msgspec import Struct

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.intake.named_figures import MOST_NAMED, named_figures, periods_named
from kpi.intake.part_names import is_part
from kpi.language.indicators import Indicator
from kpi.language.never_negative import never_negative
from kpi.language.system import System
from kpi.values import units
from kpi.values.columns import Column
from kpi.values.patterns import regex
from kpi.values.rounding import HAIR

#: How many times the highest rate of the units at 100 % or below is far above them.
_FAR = 2
#: The same for a rate that may well be above 100 %.
_VERY_FAR = 5
#: In how many units a ratio that is a part by its name is above 100 % at least to be wrong in all of them.
_UNITS = 4
#: Denominators that are by their names all there is.
_ALL = regex(r"总(?!.*[值额])|全部|全体|合计|应|\b(total|all|overall)\b", re.IGNORECASE)
#: Rates by their titles.
_RATE = regex(
    r"(率|占比|比重|比例|覆盖面)([（(].*)?$|\b(rate|share|percent|percentage|proportion|coverage)\b", re.IGNORECASE
)
#: The value of a rate that a finding names, and the status of what has none for being above 100 %.
_VALUE, _OUT_OF_RANGE = "#value", "out_of_range"
#: How many rows are judged at once, about.
_PART_ROWS = 131_072
#: The name of the unit of a row that a finding names.
_ENTITY = "#entity"
#: Words of changes and of comparisons with an earlier period, which are of any size.
_CHANGE = regex(
    r"上年|去年|上期|同期|基期|[增减升降]|变[动化]|同比|环比|\b(growth|change|increase|decrease|previous|last|index)\b",
    re.IGNORECASE,
)
#: Words of comparisons with a plan, a capacity or another quantity, which may well be above 100 %.
_NO_PART = regex(
    r"完成|计划|目标|任务|预算|倍|比值|比率|(?<!占)比$|毛|债|杠杆|依存|抚养|负担|利用|使用|产销|存贷|拨备|到位|负荷|户籍|受理|结转|报名"
    r"|(?<!燃气|用水|供水|来水|厕所|联网|饮水)普及|招生|招聘|剂次|人次|\b(plan\w*|targets?|budget\w*|quota|complet\w*|gross|debt|leverage|depend\w*|utili[sz]ation"
    r"|occupancy)\b",
    re.IGNORECASE,
)


#: Values of a rate with the figures behind it, and the unit that they are about.
_Rows = list[dict[str, Any]]


class _Doubt(Enum):
    """Why a rate above 100 % is reported."""

    IMPOSSIBLE = auto()
    FAR = auto()
    UNUSUAL = auto()


class _Rate(Struct, frozen=True):
    """An indicator that is a part of a whole, probably.

    Attributes:
        name: of the indicator, which is its column.
        whole: 100 % in its unit.
        sides: the measures above and below the line; None of what departments report as a rate.
        of_all: whether the denominator is by its name all there is.
        bounded: whether it has no value above 100 %.
        named_part: whether departments report it under the name of a part of a whole.
        of_part: whether a ratio of two figures has such a name.
        far: how many times the highest rate of the units at 100 % or below is far above them.
    """

    name: str
    whole: float
    sides: tuple[str, str] | None
    of_all: bool = False
    bounded: bool = False
    named_part: bool = False
    of_part: bool = False
    far: int = _FAR


def rates_above_whole(
    system: System, frame: pl.DataFrame, entities: Sequence[str], labels: Mapping[int, str]
) -> Iterator[Diagnostic]:
    """Yield a finding for each rate and period with values above 100 % that are wrong or unusual (K680).

    Rates are ratios of two figures of one dimension, and other values in percent of one period whose title says so.
    Those with a target above 100 %, of some unit, and those that a check of the system judges, are left out.

    Args:
        system: that was scored.
        frame: the result of its plan.
        entities: the names in order.
        labels: the labels of the periods to report on.
    """
    there = set(frame.columns)
    above = [
        rate for name in filter(there.__contains__, system.indicators)
        if _is_percent(name, system) and (highest := _highest(name, system, frame)) > 1
        and (rate := _rate(name, system, frame)) is not None
        and highest > rate.whole
    ]  # fmt: skip
    if not above:
        return
    judged = _judged(system)
    periods, entity = (frame.get_column(name).to_numpy() for name in ("period", "entity"))
    starts = np.flatnonzero(np.diff(periods, prepend=periods[0] - 1))
    known = periods[starts].tolist()
    shown_measures: set[str] = set()
    rates = []
    for rate in above:
        measure = system.indicators[rate.name].measure_shown
        if measure in shown_measures:
            continue  # Another indicator shows the same figures.
        # A check of a value finds nothing where there is none.
        about = [{rate.name}] if not rate.bounded else []
        about += [] if rate.sides is None else [set(rate.sides)]
        if any(names.issuperset(item) for item in about for names in judged):
            continue
        shown_measures |= set() if measure is None else {measure}
        rates.append(rate)

    ends = np.append(starts[1:], entity.size)
    # Parts of large panels that stay in the cache of a processor.
    parts = np.unique(np.searchsorted(starts, np.arange(0, entity.size, _PART_ROWS)))

    def judge(rate: _Rate) -> tuple[list[_Doubtful], list[_Rows]]:
        """Return what is doubted, and the rows of the first items, which have findings of their own."""
        values = _values(rate, system, frame)
        sides = [frame.get_column(side) for side in dict.fromkeys(rate.sides or ()) if side in there]
        doubtful = [
            item for part in np.split(np.arange(starts.size), parts[1:])
            for item in _doubtful(rate, values, part, starts, ends) if known[item.at] in labels
        ]  # fmt: skip
        named: list[_Rows] = []
        for item in doubtful[: periods_named(len(doubtful))]:
            begin = int(starts[item.at])
            mine = values[begin : ends[item.at]]
            places = np.flatnonzero((mine > item.above) & (mine <= item.at_most))[:MOST_NAMED]
            named.append(
                [
                    {_ENTITY: entities[entity[begin + at]], _VALUE: float(mine[at])}
                    | {side.name: side[begin + at] for side in sides}
                    for at in places.tolist()
                ]
            )
        return doubtful, named

    for rate in rates:
        doubtful, named = judge(rate)
        for item, rows in zip(doubtful, named, strict=False):
            yield _finding(rate, system, rows, item.number, label=labels[known[item.at]], doubt=item.doubt)
        if more := doubtful[len(named) :]:
            first, last = (labels[known[item.at]] for item in (more[0], more[-1]))
            yield _further(rate, system, more, first, last)


def _is_percent(name: str, system: System) -> bool:
    unit = system.symbols[name].unit
    return unit is not None and units.convertible(unit, units.PERCENT)


def _highest(name: str, system: System, frame: pl.DataFrame) -> float:
    """Return the highest value of an indicator, infinite where one is missing for being above 100 %."""
    # Column by column, as a query takes longer than the comparisons.
    values = frame.get_column(name)
    if system.indicators[name].bounded:
        missing = values.null_count() and bool((frame.get_column(Column(name).status) == _OUT_OF_RANGE).any())
        return math.inf if missing else 0.0
    highest: Any = values.max()
    return 0.0 if highest is None else float(highest)


def _values(rate: _Rate, system: System, frame: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Return a rate, NaN where there is none, and what it would be where it has no value for being above 100 %."""
    if rate.bounded and rate.sides is not None:
        values = frame.select(_unbounded(rate, rate.sides, system, frame.columns).cast(pl.Float64)).to_series()
    else:
        values = frame.get_column(rate.name).cast(pl.Float64)
    numbers: npt.NDArray[np.float64] = values.to_numpy()
    return numbers


def _unbounded(rate: _Rate, sides: tuple[str, str], system: System, there: Collection[str]) -> pl.Expr:
    pooled = Column(rate.name).pooled_above, Column(rate.name).pooled_below
    above, below = pooled if set(pooled) <= set(there) else sides
    over, under = (system.symbols[side].unit for side in sides)
    factor = 1.0 if over is None or under is None else units.factor(over, under)
    # Below zero is another finding.
    beyond = (pl.col(Column(rate.name).status) == _OUT_OF_RANGE) & (pl.col(above) * factor > pl.col(below))
    value = pl.col(above) * (factor * rate.whole) / pl.col(below)
    return pl.when(beyond).then(value).otherwise(pl.col(rate.name))


def _rate(name: str, system: System, frame: pl.DataFrame) -> _Rate | None:
    """Return an indicator in percent as a rate, None if it is none, or may be of any size."""
    indicator, symbols = system.indicators[name], system.symbols
    sides = indicator.proportion
    whole = units.factor(units.ONE, system.unit(name))
    named_part = False
    if indicator.bounded:
        return _Rate(name, whole, sides, of_all=True, bounded=True)
    if sides is None:
        # Of what departments report as a rate, and of formulas, the title says so.
        named = [name] if indicator.measure_shown is None else [name, indicator.measure_shown]
        is_rate = _of_one_period(indicator, system)
        # A ratio of two figures that are reported may be above 100 % for cases carried over, whatever its name.
        named_part = indicator.measure_shown is not None and any(is_part(symbols[item].title) for item in named)
    else:
        named = [name, *sides]
        over, under = (symbols[side].unit for side in sides)
        is_rate = over is not None and under is not None and units.convertible(over, under)
    titles = [text for item in named for text in (item, symbols[item].title)]
    is_rate = is_rate and (sides is not None or named_part or any(map(_RATE.search, titles)))
    if not is_rate or _beyond(name, system, frame) or any(map(_CHANGE.search, titles)):
        return None
    if any(map(_NO_PART.search, titles)):
        return _Rate(name, whole, sides, far=_VERY_FAR)
    of_all = sides is not None and _are_counts(sides, system) and _is_all(titles[-2:])
    of_part = sides is not None and any(is_part(symbols[name].title) for name in named[:1])
    return _Rate(name, whole, sides, of_all=of_all, named_part=named_part, of_part=of_part)


def _are_counts(sides: tuple[str, str], system: System) -> bool:
    return all(never_negative(side, system.measures[side]) for side in sides if side in system.measures)


def _is_all(titles: Iterable[str]) -> bool:
    return any(map(_ALL.search, titles))


def _of_one_period(indicator: Indicator, system: System) -> bool:
    """Return whether the value is what it is in its period, rather than a growth, a mean over time or a projection."""
    compared = any(True for _ in indicator.comparisons())
    return not compared and not indicator.projects and indicator.fewest_periods(system.period) is None


def _beyond(name: str, system: System, frame: pl.DataFrame) -> bool:
    """Return whether a target of an indicator is above 100 %, that of some unit where they differ."""
    unit = system.unit(name)
    whole = units.factor(units.ONE, unit)
    column = Column(name)
    for target in system.indicators[name].target:
        bounds: Iterable[Any] = target.bounds(unit)
        if target.per_entity is not None:
            columns = (part for part in (column.target, column.upper_target) if part in frame.columns)
            bounds = (frame.get_column(part).max() for part in columns)
        if any(bound is not None and bound > whole for bound in bounds):
            return True
    return False


def _judged(system: System) -> list[frozenset[str]]:
    """Return the figures that each rule of a check of the system is about."""
    return [
        frozenset(breach.names)
        for check in system.checks.values()
        for breach in check.breaches(system.symbols, system.period)
    ]


class _Doubtful(NamedTuple):
    """The values of a rate in one period that are doubted for one reason.

    Attributes:
        at: which period.
        doubt: the reason.
        number: how many values.
        above: what they are above.
        at_most: what they are at most.
    """

    at: int
    doubt: _Doubt
    number: int
    above: float
    at_most: float = math.inf


def _doubtful(
    rate: _Rate,
    values: npt.NDArray[np.float64],
    periods: npt.NDArray[np.intp],
    starts: npt.NDArray[np.intp],
    ends: npt.NDArray[np.intp],
) -> Iterator[_Doubtful]:
    """Yield the values of a rate that are probably wrong, and those that may be, in the order of periods.

    A ratio of two figures may be above 100 % for cases carried over, whatever its name, but hardly in all units far.

    Args:
        rate: the rate.
        values: its values, NaN where there is none, ordered by period.
        periods: those that are judged, one after another.
        starts: the first row of each period.
        ends: the row after the last one of each.
    """
    starts, ends = starts[periods], ends[periods]
    begin = starts[0]
    values = values[begin : ends[-1]]
    starts, ends = starts - begin, ends - begin
    sizes = ends - starts
    whole = rate.whole * (1 + HAIR)
    others = values <= whole
    many, rest = (_in_periods(rows, starts, sizes) for rows in (values > whole, others))
    impossible = np.full(starts.size, rate.of_all or rate.named_part)
    if rate.of_part:
        impossible |= (rest == 0) & (many >= _UNITS)
    doubted = (many > 0) & (impossible | (many < rest))
    if not doubted.any():
        return
    with np.errstate(invalid="ignore"):
        # A product, as a choice by a condition that holds for every other row takes longer. A rate above 100 % is above
        # any multiple of one below zero, so 0 in place of the others makes no difference.
        highest = np.fmax.reduceat(values * others, starts)
    limit = np.maximum(rate.far * highest, whole)
    many_far = _in_periods(values > np.repeat(limit, sizes), starts, sizes)
    certain, first = rate.far == _FAR, int(periods[0])
    for at in np.flatnonzero(doubted).tolist():
        number, far = int(many[at]), int(many_far[at])
        if impossible[at]:
            if rate.of_all or rate.named_part or _mostly_far(rate, values[starts[at] : ends[at]]):
                yield _Doubtful(first + at, _Doubt.IMPOSSIBLE, number, whole)
            continue
        if far:
            yield _Doubtful(first + at, _Doubt.FAR if certain else _Doubt.UNUSUAL, far, float(limit[at]))
        if certain and rate.sides is not None and number > far:
            yield _Doubtful(first + at, _Doubt.UNUSUAL, number - far, whole, float(limit[at]))


def _in_periods(
    rows: npt.NDArray[np.bool_], starts: npt.NDArray[np.intp], sizes: npt.NDArray[np.intp]
) -> npt.NDArray[np.intp]:
    """Return in how many rows of each period a condition holds, of periods with so many rows."""
    # Short numbers are added in less time; they are never subtracted, as they have no sign.
    return np.add.reduceat(rows.view(np.uint8), starts, dtype=np.min_scalar_type(int(sizes.max()))).astype(np.intp)


def _mostly_far(rate: _Rate, values: npt.NDArray[np.float64]) -> bool:
    """Return whether half of the values above 100 % are far above."""
    above = values[values > rate.whole * (1 + HAIR)]
    with np.errstate(over="ignore"):
        return bool(np.median(above) >= _FAR * rate.whole)


def _further(rate: _Rate, system: System, doubtful: Sequence[_Doubtful], first: str, last: str) -> Diagnostic:
    """Return the finding about the values of one rate in periods beyond those that have findings of their own."""
    title, number = _title(rate, system), sum(item.number for item in doubtful)
    message = Message(
        "{indicator} is above 100 % in {figures:,} more figures, of {first} to {last}",
        indicator=title, figures=number, first=first, last=last,
    )  # fmt: skip
    only_notes = all(item.doubt is _Doubt.UNUSUAL for item in doubtful)
    severity = Severity.INFO if only_notes else Severity.WARNING
    return Diagnostic("K680", message, Place(field=title), Message("check the figures"), severity, stands_for=number)


def _title(rate: _Rate, system: System) -> str:
    """Return the title of a rate, that of the figure where the indicator has none of its own."""
    indicator = system.indicators[rate.name]
    shown = rate.name if indicator.title or indicator.measure_shown is None else indicator.measure_shown
    return system.symbols[shown].title


def _finding(
    rate: _Rate, system: System, rows: Sequence[Mapping[str, Any]], number: int, *, label: str, doubt: _Doubt
) -> Diagnostic:
    """Return the finding about the values of one rate and period; with disclosure rules it has none of them."""
    title = _title(rate, system)
    figures = ((row[_ENTITY], _figure(rate, system, row)) for row in rows)
    words = {"indicator": title, "figures": named_figures(figures, number, quoted=system.disclosure is None)}
    if rate.bounded:
        message = Message("{indicator} has no value, as a part is never more than all: {figures}", **words)
    elif doubt is _Doubt.IMPOSSIBLE:
        message = Message("{indicator} is above 100 %, and a part is never more than all: {figures}", **words)
    elif doubt is _Doubt.FAR:
        message = Message(
            "{indicator} is above 100 %, and more than twice what most other units have: {figures}", **words
        )
    else:
        message = Message("{indicator} is above 100 %, which it is not in most other units: {figures}", **words)
    hint = Message("check the figures")
    if not rate.bounded:
        hint = Message(
            "correct the figures; if the rate may be above 100 %, write a check that says up to where: "
            "`{check}: {{between: [0, {most:g}], of: [{indicator}]}}`",
            check=f"{rate.name}_range", most=rate.whole * 2, indicator=rate.name,
        )  # fmt: skip
    severity = Severity.INFO if doubt is _Doubt.UNUSUAL else Severity.WARNING
    entity = rows[0][_ENTITY] if number == 1 else None
    place = Place(entity=entity, period=label, field=title)
    return Diagnostic("K680", message, place, hint, severity, stands_for=number)


def _figure(rate: _Rate, system: System, row: Mapping[str, float]) -> Message:
    """Return the value of a rate, with the two figures behind it."""
    value = Message("{value:,.6g} {unit}", value=row[_VALUE], unit=system.symbols[rate.name].unit)
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
