"""Check of windows across definitions: whether the figures that they add up over several periods are of one each."""

from __future__ import annotations

from kpi.errors import Message, Severity
from kpi.language import running_totals
from kpi.language.model import Path, Problem, Problems
from kpi.language.running_totals import within_a_year
from kpi.language.system import System
from kpi.values import units
from kpi.values.periods import Length


def problems(system: System) -> Problems:
    """Yield running totals that are added up again, and stocks and means that are."""
    totals, no_flows = running_totals.running(system), _no_flows(system)
    for name, indicator in system.indicators.items():
        for tail, used in indicator.added_up():
            path: Path = ("indicators", name, *tail)
            if used in totals:
                yield Problem(
                    "K438", path,
                    Message("`{name}` is a running total of the year: added up, months would count more than once",
                            name=used),
                    hint=Message("write `over_time: sum` at the measure for the figures of single periods"),
                )  # fmt: skip
            elif used in no_flows and indicator.totals_alone:
                yield Problem(
                    "K448", path,
                    Message("`{name}` is a stock, a mean or a number of different values, which a total counts again",
                            name=used),
                    hint=Message("write `as: mean`, or `over_time: sum` at the measure if it is a flow"),
                    severity=Severity.WARNING,
                )  # fmt: skip
    yield from _month_on_month(system, no_flows, totals)


def _month_on_month(system: System, no_flows: set[str], totals: set[str]) -> Problems:
    """Yield 环比 of monthly flows that are not seasonally adjusted, where it is scored."""
    if system.period.length is not Length.MONTH:
        return
    shown = {name: item.measure_shown for name, item in system.indicators.items()}
    for name, indicator in system.indicators.items():
        if name not in system.parents or system.rule(name) is None:
            continue
        for comparison in indicator.comparisons():
            used = shown.get(comparison.name) or comparison.name
            unit = system.symbols[used].unit if used in system.measures and used in system.symbols else None
            flow = unit is not None and units.summable(unit) and used not in no_flows | totals
            if flow and comparison.over is not None and within_a_year(comparison.over):
                yield Problem(
                    "K449", ("indicators", name, *comparison.place),
                    Message("`{name}` is a monthly flow without seasonal adjustment: {over} earlier is another season",
                            name=used, over=comparison.over),
                    hint=Message("write `over: 1y`, or compare its `{{kind: adjusted, of: {name}}}`", name=used),
                    severity=Severity.WARNING,
                )  # fmt: skip


def _no_flows(system: System) -> set[str]:
    """Return the measures that are no flows (stocks, means, distinct values), and the indicators that show them."""
    measures = {
        name
        for name, measure in system.measures.items()
        if measure.over_time in ("last", "first", "mean", "median", "max", "min")
        or not (measure.reported or measure.additive)
    }
    shown = {name for name, indicator in system.indicators.items() if indicator.measure_shown in measures}
    return measures | shown
