"""Columns of times in tables of events: which ones the cells show to be such, and differences that are negative."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import polars as pl
from msgspec.structs import replace

from kpi.errors import Diagnostic, Message, Severity
from kpi.intake import row_findings
from kpi.intake.cells import instants
from kpi.intake.events.conditions import cell, quoted
from kpi.intake.events.events import MONTH, Events, dated, number_columns
from kpi.intake.events.mergeable import Aggregation
from kpi.intake.events.units import Reader, Scale, with_implied_units
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import Placed, column_of
from kpi.intake.matching.notation import notation_of
from kpi.language.expressions.terms import ExpressionError
from kpi.language.expressions.times import PERIOD_END, is_working
from kpi.language.measures import Measure, Part
from kpi.language.record_columns import ColumnKinds, check, column_kinds, counts_working_days, expressions_of
from kpi.language.system import unit_or_none

#: How many of the first cells show whether a column holds dates.
_HEAD = 1000


def settled(sources: Sequence[Placed], measures: Mapping[str, Measure]) -> tuple[ColumnKinds, list[Diagnostic]]:
    """Return the kinds of the columns of a dataset, where the definition leaves it open as its first cells show.

    The finding is about an expression that does not fit dates in the columns that hold some.

    Args:
        sources: the tables of the dataset.
        measures: of the dataset.
    """
    dataset, items = sources[0].dataset, list(measures.values())
    result = column_kinds(dataset, items)
    if not result.assumed and not result.candidates:
        return result, []
    dated = {name: _dated(sources, name) for name in sorted(result.assumed | result.candidates)}
    timed = {name for name in result.candidates if dated[name]}
    untimed = {name for name in result.assumed if dated[name] is False}
    if not timed and not untimed:
        return result, []
    other = column_kinds(dataset, items, timed=timed, untimed=untimed)
    try:
        check(items, other.kinds)
    except ExpressionError as error:
        # The cells that do not fit are refused.
        place = sources[0].table.place()
        return result, [Diagnostic(error.code, error.message, place, error.hint)] if timed else []
    return other, []


def with_working_days(
    sources: Sequence[Placed], known_kinds: ColumnKinds, measures: Mapping[str, Measure]
) -> ColumnKinds:
    """Return the kinds of columns with those durations as numbers of working days that have this unit in the data.

    It stands in the heading, above the table, in the column of units, behind the figures, or is that of a measure. A
    column has the unit of most of its first figures; single ones in the other are refused.

    Args:
        sources: the tables of the dataset.
        known_kinds: the kinds, of which some may be durations.
        measures: of the dataset.
    """
    spans = {name: kind for name, kind in known_kinds.kinds.items() if kind == "span"}
    votes: dict[str, int] = {}
    for source in sources:
        for name, more in _in_working_days(source, spans, measures):
            votes[name] = votes.get(name, 0) + more
    kinds = {**known_kinds.kinds, **{name: "working" for name, more in sorted(votes.items()) if more > 0}}
    try:
        check(measures.values(), kinds)
    except ExpressionError:
        # The cells that do not fit are refused.
        return known_kinds
    return replace(known_kinds, kinds=kinds)


def _in_working_days(
    source: Placed, spans: Mapping[str, str], measures: Mapping[str, Measure]
) -> Iterator[tuple[str, int]]:
    """Yield columns of durations, each with how many more of its first figures are in working days than are not.

    Of as many the unit of the column decides, and without one it is in working days.
    """
    columns = with_implied_units(number_columns(source, spans), measures, spans) if spans else {}
    for name, column in columns.items():
        own = unit_or_none(column.unit) if column.unit else None
        more = 0 if own is None else 1 if is_working(own) else -1
        if column.header in source.table.columns:
            names = dict.fromkeys(filter(None, (column.header, column.by_row)))
            head = source.table.raw.select(*names).head(_HEAD).collect()
            rows = None if column.by_row is None else head[column.by_row].cast(pl.String).str.strip_chars()
            seen = Reader(column, Scale()).seen(head[column.header], rows).struct.unnest()
            seen = seen.filter(head[column.header].is_not_null() & ~pl.col("bad"))
            texts = seen.select(unit=pl.coalesce("typed", "row", pl.lit(column.unit))).drop_nulls()
            units = {text: unit_or_none(text) for text in texts["unit"].unique()}
            known = [unit for text in texts["unit"] if (unit := units[text]) is not None]
            ahead = sum(1 if is_working(unit) else -1 for unit in known)
            tied = 1 if known and own is None and not ahead else more
            more = ahead or tied
        yield name, more


def _dated(sources: Sequence[Placed], name: str) -> bool | None:
    """Whether at least half of the first cells of a column are dates in some table; None where all are blank."""
    shown = None
    for source in sources:
        known = column_of(source.table, name)
        if known is None:
            continue
        cells = source.table.first_cells(known[0]).drop_nulls()
        if cells.dtype in (pl.Date, pl.Datetime):
            return True
        read = instants.read(cells, notation_of(source.dataset, source.table, known[0], ()), source.dataset.dates)
        there = read.drop_nulls()
        if there.len():
            shown = bool(shown) or there.is_not_nan().sum() * 2 >= there.len()
    return shown


def negative(later: str, earlier: str) -> Part:
    """Return the part that counts the rows in which a column of times that should be the later is the earlier."""
    return Part("rows", f"{quoted(later)} < {quoted(earlier)}")


def negative_findings(table: Events, rows: Mapping[tuple[str, str], int]) -> list[Diagnostic]:
    """Return a warning for each difference of times that is negative in some rows of a table.

    Args:
        table: the events.
        rows: how many there are, by the two columns.
    """
    results = []
    for (later, earlier), many in rows.items():
        if not many:
            continue
        both = [table.columns[cell(name)] for name in (later, earlier)]
        first = table.source.table.numbered().filter(both[0] < both[1])
        texts = [_shown(item).alias(str(at)) for at, item in enumerate(both)]
        first = table.source.table.mapped(first.select(ROW, *texts).bottom_k(1, by=ROW))
        row = first.bottom_k(1, by=ROW).collect()
        results += row_findings.of_rows(
            table.source.table, row, table.numbers[later].header, partial(_negative_finding, later, earlier, many),
            severity=Severity.WARNING,
        )  # fmt: skip
    return results


_NEWER = Message("pip install -U chinesecalendar, or name a table of your own: calendar: days.csv")


def uncounted_findings(table: Events, over: Aggregation) -> list[Diagnostic]:
    """Return a finding for each column of a table with dates that are needed and beyond the years of the calendar.

    Args:
        table: the events.
        over: the pass, which counts working days.
    """
    calendar = over.calendar
    if calendar is None or not over.second:
        return []
    measures = [
        f"`{name}`" for name, item in over.measures.items()
        if any(counts_working_days(text, over.kinds) for text in expressions_of([item]))
    ]  # fmt: skip
    results = []
    rows = table.looked_at(table.numbered(), over.second, over.scales)
    rows = rows.filter(over.refused(rows) & dated(pl.col(MONTH), table.grain))
    ends = {PERIOD_END} if any(cell(PERIOD_END) in item.meta.root_names() for item in over.uncounted) else set()
    for name in sorted(over.counted_from() | ends):
        at = pl.col(cell(name))
        beyond = rows.filter(calendar.outside(at)).select(
            ROW, year=at.cast(pl.Int64, strict=False).cast(pl.Datetime("us")).dt.year()
        )
        many = beyond.group_by("year").agg(pl.len(), pl.col(ROW).min()).sort("year").collect()
        if not many.height:
            continue
        years = tuple(map(str, many["year"]))
        total = int(many["len"].sum())
        if total == 1:
            message = Message(
                "1 row has `{name}` in {years}, and the calendar ({calendar}) does not know the working days: "
                "{measures} cannot use it",
                name=name,
                years=years,
                calendar=calendar.words,
                measures=tuple(measures),
            )
        else:
            message = Message(
                "{total:,} rows have `{name}` in {years}, and the calendar ({calendar}) does not know the working "
                "days: {measures} cannot use them",
                total=total,
                name=name,
                years=years,
                calendar=calendar.words,
                measures=tuple(measures),
            )
        hint = Message("add the holidays of {years}", years=years) if calendar.of_own else _NEWER
        header = table.source.roles["period"] if name == PERIOD_END else table.numbers[name].header
        place = table.source.table.place(int(many[ROW].min()), header)  # type: ignore[arg-type]
        results.append(Diagnostic("K668", message, place, hint))
    return results


def _shown(at: pl.Expr) -> pl.Expr:
    """Return a point in time as text, without a time of day where that is midnight."""
    text = at.cast(pl.Int64, strict=False).cast(pl.Datetime("us")).dt.to_string("%Y-%m-%d %H:%M")
    return text.str.strip_suffix(" 00:00")


def _negative_finding(later: str, earlier: str, many: int, row: Mapping[str, object]) -> row_findings.Finding:
    if many == 1:
        message = Message(
            "`{later} - {earlier}` is negative in 1 row, {time} before {time_before}; it counts as computed",
            later=later,
            earlier=earlier,
            time=row["0"],
            time_before=row["1"],
        )
    else:
        message = Message(
            "`{later} - {earlier}` is negative in {many:,} rows, first {time} before {time_before}; "
            "they count as computed",
            later=later,
            earlier=earlier,
            many=many,
            time=row["0"],
            time_before=row["1"],
        )
    hint = Message(
        "correct the dates, or leave such rows out: {later} >= {earlier} in `where`", later=later, earlier=earlier
    )
    return "K649", message, hint
