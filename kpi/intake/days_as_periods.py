"""Report reported figures whose periods are days: no grain is that of days, so a day stands for its month or week.

The first or last day of a month is the usual way to write the month in a column of dates; such columns are no finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

import polars as pl

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake.matching.datasets import Placed
from kpi.language.datasets import Records
from kpi.language.system import System
from kpi.values import period_texts

#: How many of the first rows show whether a column of periods holds days.
_HEAD = 10_000


def days(sources: Iterable[Placed], system: System) -> Iterator[Diagnostic]:
    """Yield a finding (K583) for each table of reported figures whose periods are days within a month or week.

    Args:
        sources: the tables.
        system: says whether months or weeks are counted.
    """
    for source in sources:
        header = source.roles.get("period")
        if header is None or isinstance(source.dataset, Records):
            continue
        column = pl.selectors.by_name(header).cast(pl.String).str.strip_chars()
        texts = source.table.raw.select(column).head(_HEAD).unique(maintain_order=True).collect().to_series()
        within = [text for text in texts.drop_nulls() if _is_within(text, source)]
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
