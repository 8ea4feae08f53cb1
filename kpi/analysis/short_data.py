"""The findings of windows that are longer than the data, so that no period has a value."""

from __future__ import annotations

from collections.abc import Iterator

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.language.system import System


def too_short(system: System, number: int) -> Iterator[Diagnostic]:
    """Yield a warning for each indicator that needs more periods than there are.

    Args:
        system: the system with the indicators.
        number: the number of periods of the data, none where it is not known.
    """
    for name, indicator in system.indicators.items():
        needed = indicator.fewest_periods(system.period)
        if needed is not None and 0 < number < needed:
            message = Message(
                "{indicator} needs {needed} periods, and the data has {number}: it has no value",
                indicator=system.symbols[name].title, needed=needed, number=number,
            )  # fmt: skip
            if indicator.known_at_year_end:
                message = Message(
                    "{indicator} needs {needed} periods, and the data has {number}: it has no value before the end of "
                    "the year",
                    indicator=system.symbols[name].title, needed=needed, number=number,
                )  # fmt: skip
            hint = Message("add figures of earlier periods, or make the window of `{name}` shorter", name=name)
            yield Diagnostic("K659", message, Place(), hint, Severity.WARNING)
