"""Report texts of periods with two readings where years do not begin in January, such as FY2023 and 2023Q1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity, count
from kpi.intake.files.reader import read
from kpi.intake.matching.datasets import Placed
from kpi.intake.roster import TIMES
from kpi.language.system import System
from kpi.values import period_texts
from kpi.values.timelines import Timeline

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
        if header is not None:
            column = pl.selectors.by_name(header).cast(pl.String).str.strip_chars()
            texts = (
                source.table.distinct(source.table.raw.select(column))
                .collect(engine="streaming")
                .to_series()
                .alias("cells")
            )
            yield from of_texts(texts, system.timeline, source.table.place(None, header))


def of_roster(system: System) -> Iterator[Diagnostic]:
    """Yield a finding for each column of times of a roster that has texts with two readings."""
    if not system.timeline.shifted or system.entities.roster is None:
        return
    table = read(system.home / system.entities.roster)[0]
    for header in table.columns:
        if header in TIMES:
            texts = (
                table.frame.select(pl.selectors.by_name(header).cast(pl.String)).collect().to_series().alias("cells")
            )
            yield from of_texts(texts, system.timeline, table.place(None, header))


def of_texts(texts: pl.Series, timeline: Timeline, place: Place) -> Iterator[Diagnostic]:
    """Yield a finding (K618) about the texts of a column that have two readings, if there are any."""
    if not timeline.shifted:
        return
    distinct = texts.drop_nulls().unique().sort()
    readings = [item for text in distinct if (item := period_texts.assumption(text, timeline)) is not None]
    if not readings:
        return
    message = readings[0]
    if len(readings) > 1:
        others = count(len(readings) - 1, "other text", "other texts")
        message = Message("{reading}; {others} likewise", reading=message, others=others)
    hint = period_texts.ASSUMED if timeline.named_by is None else _PLAINLY
    yield Diagnostic("K618", message, place, hint, Severity.WARNING)
