"""Check of running totals (累计): measures whose figures run from January, and what compares them.

Running totals of different lengths do not compare: that of June is above that of March whatever June was like. Only the
same months of another year do.
"""

from __future__ import annotations

from kpi.errors import Message, Severity, count
from kpi.language.indicators import Indicator
from kpi.language.measures import Reported, calls_cumulative, reported
from kpi.language.model import Path, Problem, Problems
from kpi.language.system import System, unit_or_none
from kpi.values import periods, units
from kpi.values.periods import Grain, Length


def problems(system: System) -> Problems:
    """Yield what is wrong with cumulative measures, with `at_least`, and with comparisons of running totals."""
    if system.period.length is Length.WEEK:
        yield from _of_weeks(system)
    for name, measure in reported(system.measures).items():
        unit = unit_or_none(measure.unit)
        additive = unit is not None and units.summable(unit)
        if unit is not None:
            yield from _cumulative(name, measure, additive=additive)
            if system.period.length is not Length.YEAR:
                yield from called_cumulative(name, system)
            yield from _enough(name, measure, system.period)
    totals = running(system)
    for name, indicator in system.indicators.items():
        yield from _compared_by(indicator, ("indicators", name), totals, system.period)
    for name, check in system.checks.items():
        for comparison in check.comparisons():
            if comparison.over is not None and comparison.name in totals and within_a_year(comparison.over):
                message = _other_months(comparison.name, comparison.over)
                path: Path = ("checks", name, *comparison.place)
                yield Problem("K462", path, message, hint=Message("write `over: 1y`"), severity=Severity.WARNING)


def _of_weeks(system: System) -> Problems:
    """Yield the measures that run from January where weeks are scored: no week ends with a year."""
    for name, measure in system.measures.items():
        if measure.over_time == "ytd" or measure.from_january:
            key = "over_time" if measure.over_time == "ytd" else "cumulative"
            message = Message("`{name}` runs from January, and weeks do not begin with a year", name=name)
            hint = Message("report the figure of each week (`over_time: sum`), or score by month (`period: month`)")
            yield Problem("K619", ("measures", name, key), message, hint=hint)


def _other_months(name: str, over: str) -> Message:
    return Message(
        "`{name}` is a running total of the year: {over} earlier it covers other months", name=name, over=over
    )


def _compared_by(indicator: Indicator, path: Path, totals: set[str], grain: Grain) -> Problems:
    """Yield what is wrong with an indicator that compares a running total with that of an earlier period."""
    for comparison in indicator.comparisons():
        if comparison.name not in totals:
            continue
        if comparison.over is None and grain.length is not Length.YEAR:
            message = Message(
                "`{name}` is a running total of the year: only in the same {grain} of a year does it cover as "
                "many months as in the base",
                name=comparison.name,
                grain=grain.title,
            )
            yield Problem(
                "K462",
                (*path, *comparison.place),
                message,
                hint=Message("write `over_time: sum` at the measure for the figures of single periods"),
                severity=Severity.WARNING,
            )
        elif comparison.over is not None and within_a_year(comparison.over):
            message = _other_months(comparison.name, comparison.over)
            yield Problem(
                "K462",
                (*path, *comparison.place),
                message,
                hint=Message("write `over: 1y`, or `over_time: sum` at the measure for the figures of single periods"),
            )


def running(system: System) -> set[str]:
    """Return the measures and indicators whose values run from January: `over_time: ytd`, and what is computed from it.

    A level of a running total is one, and a ratio of which only one side is. Two running totals make a rate to date,
    which compares with any other.
    """
    return {name for name, symbol in system.symbols.items() if symbol.running}


def within_a_year(over: str) -> bool:
    """Return whether a window does not lead to the same months of another year."""
    try:
        return periods.parse_span(over) % 12 != 0
    except periods.PeriodError:
        return False


def called_cumulative(name: str, system: System) -> Problems:
    """Yield what is done with a reported measure that is called cumulative and does not say whether it is."""
    measure = reported(system.measures).get(name)
    if measure is None or measure.cumulative is not None or not is_called_cumulative(name, measure):
        return
    path, title = ("measures", name), measure.title or name
    if measure.from_january:
        yield Problem(
            "K461", path, Message("{title} is called cumulative: its figures are read as running from January, "
                "whatever period they are labelled with", title=title),
            hint=Message("write `cumulative: true`, or `cumulative: false` where each figure is that of its own "
                "period"),
            severity=Severity.INFO, at_key=True,
        )  # fmt: skip
    elif measure.timing in ("sum", "ytd"):
        yield Problem(
            "K461", path, Message("{title} is called cumulative, but each figure is read as that of its own "
                "period", title=title),
            hint=Message("write `cumulative: true` where they run from January, `over_time: last` where they are "
                "a stock, or `cumulative: false` where each is that of its own period"),
            severity=Severity.WARNING, at_key=True,
        )  # fmt: skip


def is_called_cumulative(name: str, measure: Reported) -> bool:
    """Return whether a measure's title, a synonym, or its name if it has no title, calls it cumulative."""
    return measure.says_cumulative or (measure.title is None and calls_cumulative(name))


def _cumulative(name: str, measure: Reported, *, additive: bool) -> Problems:
    path: Path = ("measures", name)
    if measure.cumulative and (measure.timing not in ("sum", "ytd") or not additive):
        message = (
            Message("`{name}` cannot be cumulative: it is taken by `over_time: {way}`", name=name, way=measure.timing)
            if additive
            else Message(
                "`{name}` cannot be cumulative: it is in {unit}, which does not add up", name=name, unit=measure.unit
            )
        )
        yield Problem(
            "K460", (*path, "cumulative"), message,
            hint=Message("only sums run from January, by `over_time: sum` or `ytd`; a rate to date is "
                "`over_time: last`"),
        )  # fmt: skip


def _enough(name: str, measure: Reported, grain: Grain) -> Problems:
    path: Path = ("measures", name, "at_least")
    if measure.at_least is None:
        return
    if measure.timing in ("sum", "ytd"):
        message = Message("`{name}` is added up, and a sum of some periods is not that of all", name=name)
        yield Problem("K463", path, message, hint=Message("leave it out, or take another `over_time`, such as mean"))
    elif measure.at_least > grain.months or grain.months == 1:
        message = (
            Message(
                "a {grain} has no finer period: `at_least: {number}` is never reached",
                grain=grain.noun,
                number=measure.at_least,
            )
            if grain.months == 1
            else Message(
                "a {grain} has {months}: `at_least: {number}` is never reached",
                grain=grain.title,
                months=count(grain.months, "month"),
                number=measure.at_least,
            )
        )
        yield Problem("K463", path, message, hint=Message("leave it out, or lower it"), severity=Severity.WARNING)
