"""The periods of the rows of a file, and which files therefore have to be read together.

Rows that enter a scored period lie in it, or in its year if periods do not nest (`reported.row_pruning`). Files with
rows for different periods, or years, are independent and can be read separately.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import polars as pl
from msgspec import Struct

from kpi.intake.files.reader import read_all
from kpi.intake.files.table import Table
from kpi.intake.matching.datasets import Placed, choices_of, match, of_system
from kpi.intake.matching.date_order import ordered
from kpi.intake.matching.labels import by_labels
from kpi.intake.reported.entity_targets import targeted_in_data
from kpi.intake.reported.row_pruning import entered, months_of
from kpi.intake.shapes.tables import shaped
from kpi.language.datasets import Records
from kpi.language.system import System
from kpi.values import period_texts, periods
from kpi.values.timelines import Timeline

_File = TypeVar("_File", bound=Hashable)


class Span(Struct, frozen=True):
    """The scored periods that the rows of a file may enter, as indices, and the number of its rows.

    `periods` is None if unknown: such a file is read with all others.
    """

    periods: frozenset[int] | None
    rows: int


def separable(system: System) -> bool:
    """Return whether files for different periods can be read separately.

    They cannot without a roster (the entities depend on all files), with a target in the data (it applies to later
    periods, also in other files), with succession of units (figures are added over files), and with events that have a
    key (a file for another period may repeat them).
    """
    keyed = any(isinstance(dataset, Records) and dataset.key for dataset in system.datasets.values())
    apart = system.entities.roster is not None and system.entities.succession is None
    return apart and not targeted_in_data(system) and not keyed


def span(system: System, file: Path, dataset: str | None) -> Span:
    """Return the span of a file, read from its column of periods only.

    Raises:
        DataError: if the file cannot be read.
    """
    entered: set[int] | None = set()
    rows = 0
    for table in (table for group in read_all([file], choices=[choices_of(system, dataset)]) for table in group):
        rows += table.rows
        labelled = by_labels(system, table)
        matched, _ = of_system(system, table if labelled is None else labelled[0])
        shape = shaped(system, matched, dataset)
        turned = None if shape is None else shape[0]
        source = None if turned is None else match(system, turned, name=dataset)[0]
        if source is None or "period" not in source.roles:
            entered = None
        elif entered is not None:
            entered.update(_entered(system, ordered(source)[0]))
    return Span(None if entered is None else frozenset(entered), rows)


def _entered(system: System, source: Placed) -> Iterator[int]:
    """Return the scored periods that the rows of a table may enter."""
    events = isinstance(source.dataset, Records)
    for start, months in _periods(source.table, source.roles["period"], source.dataset.dates, system.timeline):
        yield from entered(system, start, months, events=events)


def _periods(table: Table, header: str, order: periods.Order, timeline: Timeline) -> list[tuple[int, int]]:
    """Return the distinct periods in a column, as first month and number of months, ignoring other texts."""
    column = pl.col(header)
    if (month := months_of(column, table.frame.collect_schema()[header], timeline)) is not None:
        months = table.frame.select(month.drop_nulls().unique()).collect().to_series()
        return [(start, 1) for start in months]
    texts = table.frame.select(column.cast(pl.String).str.strip_chars().drop_nulls().unique()).collect().to_series()
    known = period_texts.parse_column(texts, order=order, timeline=timeline).drop_nulls("start")
    return known.select("start", "months").unique().rows()


def together(spans: Mapping[_File, Span]) -> list[list[_File]]:
    """Return the groups of files that must be read together, in the order of their first files.

    >>> some = {"a": {1}, "b": {2}, "c": {3}, "d": {2, 4}, "e": {4}}
    >>> together({name: Span(frozenset(periods), 0) for name, periods in some.items()})
    [['a'], ['b', 'd', 'e'], ['c']]
    >>> together({"a": Span(frozenset({1}), 0), "b": Span(None, 0)})
    [['a', 'b']]
    """
    groups: list[tuple[list[_File], set[int]]] = []
    for name, file_span in spans.items():
        if file_span.periods is None:
            return [list(spans)]
        overlapping = [group for group in groups if group[1] & file_span.periods]
        if not overlapping:
            groups.append(([name], set(file_span.periods)))
            continue
        for other in overlapping[1:]:
            overlapping[0][0].extend(other[0])
            overlapping[0][1].update(other[1])
        overlapping[0][0].append(name)
        overlapping[0][1].update(file_span.periods)
        groups = [group for group in groups if not any(group is other for other in overlapping[1:])]
    order = {name: place for place, name in enumerate(spans)}
    return [sorted(names, key=order.__getitem__) for names, _ in groups]
