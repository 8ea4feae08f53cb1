"""Report reported figures whose periods are days: no grain is that of days, so a day stands for its month or week.

The first or last day of a month is the usual way to write the month in a column of dates; such columns are no finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake.matching.datasets import Placed
from kpi.intake.reported.plain_rows import Coded
from kpi.language.system import System
from kpi.values import period_texts


def days(sources: Sequence[Placed], apart: Mapping[int, Coded], system: System) -> Iterator[Diagnostic]:
    """Yield a finding (K583) for each table of reported figures whose periods are days within a month or week.

    Args:
        sources: the tables.
        apart: the rows of the tables of reported figures, by the number of the table.
        system: says whether months or weeks are counted.
    """
    for number, coded in apart.items():
        source = sources[number]
        header = source.roles.get("period")
        if header is None:
            continue
        within = [text for text in coded.resolver.texts_of_periods() if _is_within(text, source)]
        if not within:
            continue
        weeks = system.timeline.weeks
        message = Message(
            "column `{header}` has days for periods, such as `{day}`: they are read as the months that they lie in",
            header=header,
            day=within[0],
        )
        if weeks:
            message = Message(
                "column `{header}` has days for periods, such as `{day}`: they are read as the weeks that they lie in",
                header=header,
                day=within[0],
            )
        hint = Message(
            "periods of days are not scored: give one figure a month, or, where each row is a case, declare `form: "
            "records`, whose rows are counted and added up"
        )
        severity = Severity.INFO if weeks else Severity.WARNING
        yield Diagnostic("K583", message, source.table.place(None, header), None if weeks else hint, severity)


def _is_within(text: str, source: Placed) -> bool:
    """Return whether a text is a day that is neither the first nor the last of its month."""
    day = period_texts.day(text, source.dataset.dates)
    return day is not None and day.day != 1 and (day + timedelta(days=1)).day != 1
