"""Report texts of periods with two readings where years do not begin in January, such as FY2023 and 2023Q1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import polars as pl

from kpi.errors import Diagnostic, Message, Severity, count
from kpi.intake.matching.datasets import Placed
from kpi.language.system import System
from kpi.values import periods

_PLAINLY = Message("write it as 2023/24, 2023/24Q1 or 2023-04/06")


def assumed(sources: Iterable[Placed], system: System) -> Iterator[Diagnostic]:
    """Yield a finding (K618) for each table whose column of periods has texts with two readings.

    Args:
        sources: the tables.
        system: says with which month years begin, and by which calendar year they are named.
    """
    if not system.timeline.shifted:
        return
    for source in sources:
        header = source.roles.get("period")
        if header is None:
            continue
        column = pl.selectors.by_name(header).cast(pl.String).str.strip_chars()
        texts = source.table.raw.select(column).unique().collect(engine="streaming").to_series()
        readings = [
            reading
            for text in texts.drop_nulls().sort()
            if (reading := periods.assumption(text, system.timeline)) is not None
        ]
        if not readings:
            continue
        message = readings[0]
        if len(readings) > 1:
            others = count(len(readings) - 1, "other text", "other texts")
            message = Message("{reading}; {others} likewise", reading=message, others=others)
        hint = periods.ASSUMED if system.timeline.named_by is None else _PLAINLY
        yield Diagnostic("K618", message, source.table.place(None, header), hint, Severity.WARNING)
