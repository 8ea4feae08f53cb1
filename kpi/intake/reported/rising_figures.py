"""Figures that rise within a year as running totals do (累计), and are read as those of single periods.

Within a year running totals never fall, and the last of `n` equal periods has `n` times the figure of the first.
Figures of single periods hardly do so in every unit, as a month with less than the one before is enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity, first_names
from kpi.language.measures import Reported
from kpi.language.system import System, unit_or_none
from kpi.values import units

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

#: How many figures must follow another of their unit and year, at least, and in how many periods.
_STEPS, _PERIODS = 8, 3
#: How much of the growth of running totals of equal periods there must be.
_SHARE = 0.5
#: How much of the last figure of a year the first of the next may be, where there are both.
_ANEW = 0.7


def summed(system: System) -> list[str]:
    """Return the reported measures that are added up over periods and do not say whether they are running totals."""
    names = []
    for name, measure in system.measures.items():
        if isinstance(measure, Reported) and measure.cumulative is None and measure.timing in ("sum", "ytd"):
            unit = unit_or_none(measure.unit)
            if unit is not None and units.summable(unit) and not measure.from_january:
                names.append(name)
    return names


def rises(unit: Places, month: Places, value: Numbers) -> bool:
    """Return whether figures of the periods of a year rise as running totals do.

    Args:
        unit: the unit of each figure.
        month: the number of months from January to the end of its period, in order for each unit.
        value: the figures, NaN for none.

    >>> months = np.arange(1, 11)
    >>> rises(np.zeros(10, int), months, np.array([5.0, 9, 15, 19, 26, 31, 36, 40, 44, 51]))
    True
    >>> rises(np.zeros(10, int), months, np.array([5.0, 6, 7, 8, 9, 10, 11, 12, 13, 14]))
    False
    """
    there = ~np.isnan(value)
    unit, month, value = unit[there], month[there], value[there]
    follows = unit[1:] == unit[:-1]
    if np.count_nonzero(follows) < _STEPS or ((value[1:] < value[:-1]) & follows).any() or (value < 0).any():
        return False
    first, last = np.append(True, ~follows), np.append(~follows, True)
    begun, ended = value[first], value[last]
    equal = begun * month[last] / month[first]
    growth = equal.sum() - begun.sum()
    if not begun.sum() > 0 < growth or ended.sum() - begun.sum() < _SHARE * growth:
        return False
    return np.unique(month).size >= _PERIODS


def rising_within(rows: Sequence[pl.DataFrame], system: System) -> set[str]:
    """Return the measures whose figures of shorter periods than are scored rise within the last year.

    Months from January to June are six periods, and only two where quarters are scored.

    Args:
        rows: the clean rows of the tables, as they are labelled.
        system: gives the measures.
    """
    names = summed(system)
    size = system.period.months
    if size < 2 or system.period.timeline.weeks or not names:
        return set()
    rows = [part for part in rows if part.height and (part["months"] < size).any()]
    if not rows:
        return set()
    shorter = (pl.col("months") < size) & pl.col("per").is_null() & pl.col("value").is_not_null()
    figures = pl.concat(
        [
            part.filter(shorter & pl.col("measure").is_in(names)).select(
                "measure", "entity", "start", "months", "value"
            )
            for part in rows
        ]
    )
    found = set()
    for (name,), mine in figures.partition_by("measure", as_dict=True).items():
        year = mine["start"].to_numpy() // 12
        latest = _latest(year, mine["start"].to_numpy())
        last = mine.filter(year == latest)
        # Figures of several lengths, or of one period twice, are judged by what they contradict.
        if last["months"].n_unique() == 1 and not last.select("entity", "start").is_duplicated().any():
            last = last.sort("entity", "start")
            month = (last["start"] % 12 + last["months"]).to_numpy().astype(np.int64)
            unit = last["entity"].to_numpy().astype(np.int64)
            if rises(unit, month, last["value"].to_numpy()) and _begins_anew_in(mine, int(last["months"][0]), latest):
                found.add(str(name))
    return found


def rising_in_panel(system: System, frame: pl.DataFrame) -> set[str]:
    """Return the measures whose figures rise within the last year that has several periods.

    Args:
        system: gives the measures and the scored periods, which are shorter than years.
        frame: with the columns entity, period and the measures.
    """
    size = system.period.months
    names = [name for name in summed(system) if name in frame.columns]
    if not names or size >= 12 or system.period.timeline.weeks or not frame.height:
        return set()
    names = [name for name in names if _may_rise(system, name, frame)]
    if not names:
        return set()
    period, entity = (frame[name].to_numpy().astype(np.int64) for name in ("period", "entity"))
    order = np.lexsort((period, entity))
    order = order[period[order] * size // 12 >= int(period.max()) * size // 12 - 1]
    period, entity = period[order], entity[order]
    year = period * size // 12
    follows = (entity[1:] == entity[:-1]) & (year[1:] == year[:-1]) & (period[1:] == period[:-1] + 1)
    found = set()
    for name in names:
        value = frame[name].to_numpy()[order].astype(np.float64)
        if system.measures[name].over_time == "ytd":
            value[1:] -= np.where(follows, value[:-1], 0.0)
        for last in range(int(year.max()), int(year.max()) - 2, -1):
            this = year == last
            there = value[this]
            # Whether or not a period without a figure has rows makes no difference.
            if np.unique(period[this][~np.isnan(there)]).size < _PERIODS:
                continue
            end = period[this] * size % 12 + size
            anew = (_begins_anew(entity, period, value, at * 12 // size) for at in (last, last + 1))
            if rises(entity[this], end, there) and all(anew):
                found.add(name)
            break
    return found


def _begins_anew_in(figures: pl.DataFrame, months: int, year: int | None) -> bool:
    """Return whether figures of the first period of a year are below those of the last one before."""
    january = (year or 0) * 12
    equal = figures.filter((pl.col("months") == months) & pl.col("start").is_between(january - months, january))
    period, unit = (
        (equal[name] // per).to_numpy().astype(np.int64) for name, per in (("start", months), ("entity", 1))
    )
    return _begins_anew(unit, period, equal["value"].to_numpy(), january // months)


def _latest(year: Places, period: Places) -> int | None:
    """Return the last year with figures of enough periods, None without one."""
    years, number = np.unique(year[np.unique(period, return_index=True)[1]], return_counts=True)
    enough = years[number >= _PERIODS]
    return int(enough[-1]) if enough.size else None


def _may_rise(system: System, name: str, frame: pl.DataFrame) -> bool:
    """Return whether the figures of a measure may rise as running totals do, by their sums alone where that suffices.

    It does in a panel with a row for every unit and period, in order, for the last year of it.
    """
    size, first, last = system.period.months, frame["period"][0], frame["period"][-1]
    units, rest = divmod(frame.height, last - first + 1)
    begins = max(first, last - last * size % 12 // size)
    if rest or system.measures[name].over_time == "ytd" or last - begins < _PERIODS - 1:
        return True
    places = [(at - first) * units for at in (begins, last)]
    whole = [frame["period"].slice(place, units) for place in places]
    if any(there.min() != at or there.max() != at for there, at in zip(whole, (begins, last), strict=True)):
        return True
    year = frame[name].slice(places[0])
    begun, ended = year.head(units), year.tail(units)
    growth = (last * size % 12 + size) / (begins * size % 12 + size) - 1
    return year.null_count() > 0 or bool(ended.sum() >= begun.sum() * (1 + _SHARE * growth))


def _begins_anew(entity: Places, period: Places, value: Numbers, first: int) -> bool:
    """Return whether figures of the first period of a year are below those before, where units have both."""
    there = ~np.isnan(value)
    old, new = there & (period == first - 1), there & (period == first)
    _, at_old, at_new = np.intersect1d(entity[old], entity[new], return_indices=True)
    return not at_old.size or bool(value[new][at_new].sum() < _ANEW * value[old][at_old].sum())


def rising_findings(
    names: Iterable[str], system: System, known: Iterable[Diagnostic], place: Place | None = None
) -> Iterator[Diagnostic]:
    """Yield one warning (K682) about measures whose figures rise as running totals do.

    Args:
        names: the measures.
        system: gives their titles.
        known: findings; measures that one of them says are cumulative are left out.
        place: the file, where there is one.
    """
    said = [finding.message for finding in known if finding.code in ("K461", "K623", "K682")]
    titles = [system.symbols[name].title for name in system.measures if name in {*names}]
    titles = [title for title in titles if not any(title in message for message in said)]
    if titles:
        message = Message(
            "the figures of {measures} rise within the year in every unit as running totals do, and each is read as "
            "that of its own period",
            measures=first_names(titles),
        )
        hint = Message(
            "write `cumulative: true` at the measure where they run from January, `cumulative: false` where each "
            "is that of its own period"
        )
        yield Diagnostic("K682", message, place or Place(), hint, Severity.WARNING)
