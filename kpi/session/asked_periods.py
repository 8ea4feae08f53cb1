"""The periods that callers ask for: as texts, of the scored grain, longer ones, and those of forms."""

from __future__ import annotations

import datetime as dt

from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, Message, Severity
from kpi.language.system import System
from kpi.values import period_texts, periods
from kpi.values.periods import Period


def requested_period(system: System, period: str | int | None) -> Period | None:
    """Return the scored period that a caller asks for, None for None.

    Raises:
        DataError: K606, the text is no period of the system's grain.
    """
    if period is None:
        return None
    try:
        requested = period_texts.parse(str(period), timeline=system.timeline)
    except periods.PeriodError as error:
        raise DataError(Diagnostic("K606", error.message, hint=error.hint)) from None
    if requested.grain != system.period:
        # A year-to-date period such as 1-9月 denotes the period at its end.
        index = requested.end // system.period.months
        if requested.start % 12 or (requested.end + 1) % system.period.months:
            raise DataError(
                Diagnostic(
                    "K606",
                    Message("{period} is not a {grain}", period=requested.title, grain=system.period.title),
                    hint=Message("score a whole one, such as {label}", label=Period.of(index, system.period).label),
                )
            )
        requested = Period.of(index, system.period)
    return requested


def longer_period(system: System, period: str) -> str | None:
    """Return the label of a longer period that the system has totals of, None for any other text."""
    over = system.totals_over
    if over is None:
        return None
    try:
        asked = period_texts.parse(period, timeline=system.timeline)
    except periods.PeriodError:
        return None
    return asked.label if asked.grain == over.grain(system.period) else None


def label_of(card: Scorecard, period: str | int) -> str:
    """Return the label of a scored period of a scorecard, whatever its written form.

    Raises:
        DataError: K606, the text is no period of the system's grain.
    """
    requested = requested_period(card.definition, period)
    assert requested is not None  # noqa: S101
    return requested.label


def at_its_end(system: System, period: str | int | None, scored: Period | None) -> list[Diagnostic]:
    """Return the note that the period asked for is longer than the scored ones, and which of them is scored."""
    if period is not None and longer_period(system, str(period)) is not None:
        return []
    if scored is None or (asked := period_texts.parse(str(period), timeline=system.timeline)).grain == scored.grain:
        return []
    message = Message(
        "{period} is longer than a {grain}: {label}, at its end, is scored",
        period=asked.title, grain=system.period.title, label=scored.label,
    )  # fmt: skip
    hint = Message("say `{label}`; for the longer period, use a system of that period", label=scored.label)
    return [Diagnostic("K578", message, hint=hint, severity=Severity.INFO)]


def period_of_form(
    system: System, period: str | int | None, card: Scorecard | None, today: dt.date | None = None
) -> Period:
    """Return the period that a form is for: as asked for, the next after a scorecard, or the last that has ended.

    Args:
        system: whose grain counts.
        period: as a text; None for one of the others.
        card: of the figures there are, None without any.
        today: left out: the day of the call.

    Raises:
        DataError: K606, the text is no period of the grain.
    """
    if (wanted := requested_period(system, period)) is not None:
        return wanted
    grain = system.period
    if card is not None:
        return Period.of(max(card.labels) + 1, grain)
    day = today or dt.datetime.now(dt.UTC).date()
    return Period.of(period_texts.parse(day.isoformat(), timeline=grain.timeline).index(grain) - 1, grain)
