"""The findings about growth that is reported as an index of which last year is 100, or an index as growth.

A growth of 5 % is 105 as an index. Figures of 产值增速 that lie about 100 in all units are rather such indices than
growth, and figures of an index (上年=100) about zero rather growth. So are those of a few units, where all others of
the period are of the kind that the title says. Nothing is found where a target, or a rule of scoring, has such figures,
too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from msgspec import Struct

from kpi.errors import Diagnostic, Message, Place, Severity, first_names
from kpi.intake.named_figures import named_figures
from kpi.language.indicators import Indicator
from kpi.language.measures import Reported, reported
from kpi.language.quantities import in_unit
from kpi.language.system import System
from kpi.values import units
from kpi.values.patterns import regex

Numbers = npt.NDArray[np.float64]

#: How many units there are at least, and which part of the figures lies in the range.
_UNITS, _MOST = 4, 0.9
#: Where indices lie, where their median does, how far apart the middle half of them is at most, and below what a figure
#: is near zero.
_INDICES, _MEDIAN, _HALF, _ZERO = (60.0, 160.0), (85.0, 130.0), 25.0, 30.0
#: Below what growth is, and its median.
_GROWTH, _USUAL = 40.0, 30.0
#: Below what the growth of half of the units is after which figures may double.
_FALL = -25.0
#: Of how many figures of a period which part is that of a few units, how far most others lie from each other at most,
#: and how far beyond them a figure of the few may lie once it is of their kind.
_FIGURES, _A_FEW, _SPREAD, _BEYOND = 5, 0.25, 20.0, 10.0
#: Where indices lie whose units are few.
_OF_A_FEW = (85.0, 130.0)
#: Where indices of which last year is 1 lie.
_OF_ONE = (0.5, 2.0)

_IS_GROWTH = regex(r"增速|增长率|增长速度|增长幅度|增幅|涨幅|增长\s*(?:[（(].*)?$|\bgrowth\b", re.IGNORECASE)
#: Words of indices, of growth since some earlier year, which may well be about 100 %, and of figures made of growth.
_IS_NONE = regex(
    r"指数|发展速度|[=＝]\s*100|贡献|拉动|弹性|目标|任务|计划|完成|达成|占|比重|位次|排名|得分|翻番|翻一番|倍|以来|期间|基期|\d{4}|[两三四五六七八九十]年"
    r"|累计增长(?!.*(?:同比|上年|去年))"
    r"|\b(ind(?:ex|ices)|relatives?|contribution|elasticity|targets?|planned|share|rank|score|since|cumulative|factor)\b",
    re.IGNORECASE,
)
_IS_INDEX = regex(
    r"(?:上年|去年|上期|同期|上月|上季|previous|preceding|last|prior)[^=＝]{0,20}[=＝]\s*100(?!\d)|发展速度",
    re.IGNORECASE,
)


class _Misnamed(Struct, frozen=True):
    """The periods, by index, in which the figures of a measure are of the other kind, and their range."""

    periods: list[int]
    low: float
    high: float


def growth_as_index(
    system: System, frame: pl.DataFrame, entities: Sequence[str], labels: Mapping[int, str]
) -> Iterator[Diagnostic]:
    """Yield a warning for each reported measure whose growth looks like indices, or the reverse (K685).

    Args:
        system: gives the measures, their titles, and targets.
        frame: with the columns entity, period and the measures.
        entities: the names in order.
        labels: the labels of the periods to report on.
    """
    for name, measure in reported(system.measures).items():
        title = measure.title or name
        is_growth = _IS_GROWTH.search(title) is not None and _IS_NONE.search(title) is None
        is_growth = is_growth and measure.quantity == units.PERCENT
        is_index = not is_growth and _IS_INDEX.search(title) is not None
        is_index = is_index and units.convertible(measure.quantity, units.PERCENT)
        if not (is_growth or is_index) or name not in frame.columns:
            continue
        values, period = frame[name].to_numpy(), frame["period"].to_numpy()
        misnamed = _misnamed(values, period, labels, is_growth=is_growth)
        apart = _of_a_few(values, period, labels, is_growth=is_growth)
        if (misnamed is None and not apart.size) or _is_meant(name, measure, system, is_growth=is_growth):
            continue
        quoted = system.disclosure is None
        if misnamed is not None:
            yield _finding(misnamed, title, labels, is_growth=is_growth, quoted=quoted)
        if apart.size:
            rows = frame[apart].select("entity", "period", value=name)
            yield _finding_of_a_few(rows, title, entities, labels, is_growth=is_growth, quoted=quoted)


def _is_meant(name: str, measure: Reported, system: System, *, is_growth: bool) -> bool:
    """Return whether a target, a rule or a formula takes the figures as they are, whatever the title says."""
    for indicator in system.indicators.values():
        used = indicator.measure_shown == name
        if not used and any(of == name for _, of in indicator.inputs()):
            return True  # What it makes of the figures is not known.
        if used and any(_is_of_other_kind(bound, is_growth=is_growth) for bound in _bounds(indicator, measure)):
            return True
    return False


def _bounds(indicator: Indicator, measure: Reported) -> Iterator[float]:
    """Yield the figures of the targets and of the scoring rule of an indicator, in the unit of its measure."""
    unit = measure.quantity
    for target in indicator.target:
        if target.per_entity is None:
            yield from (bound for bound in target.bounds(unit) if bound is not None)
    rule: Any = indicator.score
    if rule is not None and not rule.judges_by_target:
        yield from (in_unit(item, unit) for item in rule.quantities().values() if item is not None)


def _is_of_other_kind(bound: float, *, is_growth: bool) -> bool:
    """Return whether a bound is one of indices where growth is expected, and the reverse."""
    return _INDICES[0] <= bound <= _INDICES[1] if is_growth else 0 < abs(bound) < _GROWTH


def _misnamed(
    values: Numbers, period: npt.NDArray[np.int32], labels: Mapping[int, str], *, is_growth: bool
) -> _Misnamed | None:
    """Return the periods of which nearly all figures are of the other kind, None without any."""
    size = np.abs(values)
    inside = (values >= _INDICES[0]) & (values <= _INDICES[1]) if is_growth else size < _GROWTH
    number = int(inside.sum())
    if number < _UNITS:
        return None
    first = int(period.min())
    row = period - first
    every = np.bincount(row, weights=~np.isnan(values))
    likely = np.bincount(row, weights=inside)
    chosen = [
        at for at in np.flatnonzero((every >= _UNITS) & (likely >= _MOST * every)).tolist()
        if first + at in labels and _is_likely(values[row == at], is_growth=is_growth)
    ]  # fmt: skip
    if not chosen or _has_fallen(values, row):
        return None
    figures = values[np.isin(row, chosen)]
    return _Misnamed([first + at for at in chosen], float(np.nanmin(figures)), float(np.nanmax(figures)))


def _of_a_few(
    values: Numbers, period: npt.NDArray[np.int32], labels: Mapping[int, str], *, is_growth: bool
) -> npt.NDArray[np.intp]:
    """Return the rows of a few figures of the other kind, or of nearly all, in periods without a figure of neither.

    A figure of the other kind is between, or near, those of the others once it is made one of theirs.
    """
    none = np.empty(0, np.intp)
    indices = (values >= _OF_A_FEW[0]) & (values <= _OF_A_FEW[1])
    if not indices.any():
        return none
    growth = np.abs(values) < _ZERO
    first = int(period.min())
    row = period - first
    every, of_index, of_growth = (np.bincount(row, weights=rows) for rows in (~np.isnan(values), indices, growth))
    clear = (every >= _FIGURES) & (of_index + of_growth == every) & (of_index > 0) & (of_growth > 0)
    clear &= np.minimum(of_index, of_growth) <= _A_FEW * every
    chosen = [at for at in np.flatnonzero(clear).tolist() if first + at in labels]
    if not chosen or (is_growth and _has_fallen(values, row)):
        return none
    found = []
    for at in chosen:
        there = np.flatnonzero(row == at)
        as_growth = np.where(indices[there], values[there] - 100, values[there])
        few, most = (indices, growth) if of_index[at] < of_growth[at] else (growth, indices)
        low, high = np.quantile(as_growth[most[there]], (0.1, 0.9))
        near = (as_growth >= low - _BEYOND) & (as_growth <= high + _BEYOND)
        if high - low <= _SPREAD and near[few[there]].all():
            found.append(there[(indices if is_growth else growth)[there]])
    return np.concatenate(found) if found else none


def _has_fallen(values: Numbers, row: npt.NDArray[np.int32]) -> bool:
    """Return whether most figures of some period fell by a quarter and more: growth by about 100 % may follow."""
    fallen = np.bincount(row, weights=values < _FALL)
    return bool((fallen * 2 > np.bincount(row, weights=~np.isnan(values))).any())


def _is_likely(values: Numbers, *, is_growth: bool) -> bool:
    """Return whether the figures of a period are rather of the other kind than what the title says."""
    values = values[~np.isnan(values)]
    if not is_growth:
        of_one = bool(((values >= _OF_ONE[0]) & (values <= _OF_ONE[1])).all())
        return bool(values.any()) and not of_one and float(np.median(np.abs(values))) < _USUAL
    # Figures that are 100 in most units are doubled, from 1 to 2.
    if bool((np.abs(values) < _ZERO).any()) or (values == 100).sum() * 2 > values.size:
        return False
    quarter, half, three = np.quantile(values, (0.25, 0.5, 0.75))
    return bool(_MEDIAN[0] <= half <= _MEDIAN[1] and three - quarter <= _HALF)


def _finding_of_a_few(
    rows: pl.DataFrame, title: str, entities: Sequence[str], labels: Mapping[int, str], *, is_growth: bool, quoted: bool
) -> Diagnostic:
    """Return the finding about figures of the other kind; with disclosure rules it has none of them."""
    figures = (
        (entities[entity], Message("{value:,.10g} in {period}", value=value, period=labels[period]))
        for entity, period, value in rows.iter_rows()
    )
    words = {"measure": title, "figures": named_figures(figures, rows.height, quoted=quoted)}
    if is_growth:
        message = Message(
            "figures of {measure} look like indices with 100 for the period before, unlike the others: {figures}; "
            "growth is that minus 100",
            **words,
        )
    else:
        message = Message(
            "figures of {measure} look like growth, unlike the others: {figures}; an index with 100 for the period "
            "before is that plus 100",
            **words,
        )
    units_of = rows["entity"].unique()
    place = Place(
        entity=entities[units_of[0]] if units_of.len() == 1 else None,
        period=labels[int(rows["period"][-1])],
        field=title,
    )
    hint = Message("correct the figures; nothing is to be done where they are right")
    return Diagnostic("K685", message, place, hint, Severity.WARNING, stands_for=rows.height)


def _finding(
    misnamed: _Misnamed, title: str, labels: Mapping[int, str], *, is_growth: bool, quoted: bool
) -> Diagnostic:
    """Return the finding about the figures of a measure; with disclosure rules it has none of them."""
    periods = [labels[period] for period in misnamed.periods]
    words: dict[str, Any] = {"measure": title, "periods": first_names(periods)}
    words |= {"low": misnamed.low, "high": misnamed.high} if quoted else {}
    if is_growth and quoted:
        message = Message(
            "the figures of {measure} in {periods} look like indices with 100 for the period before, {low:,.10g} to "
            "{high:,.10g}: growth is that minus 100",
            **words,
        )
    elif is_growth:
        message = Message(
            "the figures of {measure} in {periods} look like indices with 100 for the period before: growth is that "
            "minus 100",
            **words,
        )
    elif quoted:
        message = Message(
            "the figures of {measure} in {periods} look like growth, {low:,.10g} to {high:,.10g}: an index with 100 "
            "for the period before is that plus 100",
            **words,
        )
    else:
        message = Message(
            "the figures of {measure} in {periods} look like growth: an index with 100 for the period before is that "
            "plus 100",
            **words,
        )
    hint = Message(
        "correct the figures, or the title and the target; nothing is to be done where the figures are right"
    )
    return Diagnostic("K685", message, Place(period=periods[-1], field=title), hint, Severity.WARNING)
