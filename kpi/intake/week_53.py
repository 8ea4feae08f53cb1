"""Report weeks 53 that have nothing to be compared with: the year before has 52 weeks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.language.system import System
from kpi.values.periods import Period


def without_counterpart(system: System, first: int, last: int) -> Iterator[Diagnostic]:
    """Yield a finding (K626) for each week 53 whose comparison over years leads to a year without one.

    Args:
        system: gives what is compared over which windows.
        first: the first week that is scored, by its ordinal.
        last: the last.
    """
    if not system.timeline.weeks:
        return
    compared = [
        (name, item.over)
        for family in (system.indicators, system.checks)
        for name, definition in family.items()
        for item in definition.comparisons()
        if item.over is not None and item.over.endswith("y")
    ]
    for week in (Period(at, 1, system.timeline) for at in range(first, last + 1)):
        if week.week != 53:
            continue
        for name, over in dict.fromkeys(compared):
            year = week.year - int(over[:-1])
            if date(year, 12, 28).isocalendar().week == 53 or system.timeline.first(year) < first:
                continue
            message = Message(
                "`{name}` has no base in {period}: {year} has no week 53", name=name, period=week.title, year=str(year)
            )
            hint = Message("write `over: 52w` for the week 52 weeks before")
            yield Diagnostic("K626", message, Place(None), hint, Severity.INFO)
