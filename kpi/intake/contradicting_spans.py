"""Detect contradictions between figures of a period and of its parts: months, quarters, 1-6月.

A flow for a span of months is the difference of two running totals, at its end and before its start. So the figures of
a year are edges of a graph whose nodes are the ends of months, and the sum around a cycle, such as three months and
their quarter, must be zero. Stocks with the same end must be equal, whatever their span, and so must those with the
same beginning where the first counts. The mean, median, maximum or minimum of a period must be that of its parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from kpi.errors import Diagnostic, Message, Severity, count
from kpi.intake.entities import Entities
from kpi.intake.matching.datasets import Placed
from kpi.intake.reported.period_aggregation import KEYS, by_period, made_of, placed
from kpi.language.measures import Measure, OverTime
from kpi.language.system import System
from kpi.values.periods import Grain, Period
from kpi.values.status import OK
from kpi.values.units.vocabulary import COUNTING_WORDS

#: The most decimals of a printed figure.
_DECIMALS = 9

#: The columns of a figure with the value that others of its series imply (`other`, with its span where it is one
#: figure), and its table and row.
_FOUND = [*KEYS, "start", "months", "value", "other", "other_start", "other_months", "source", "row"]

#: The year in which a figure's period ends.
_YEAR = ((pl.col("start") + pl.col("months") - 1) // 12).alias("year")


def contradictions(
    rows: pl.DataFrame, timings: Mapping[str, OverTime], system: System, entities: Entities, sources: Sequence[Placed]
) -> list[Diagnostic]:
    """Return a warning for each measure and year with figures that contradict each other.

    Findings are by year because a batch reads the files of a year together and must find the same.

    The tolerance is that of rounding: half a unit of the last printed decimal of the measure for each part; zero for
    whole numbers of counted things.

    Args:
        rows: clean usable rows, one per measure, entity, finer unit and period.
        timings: how each measure is combined over time.
        system: gives titles and the scored periods.
        entities: gives the names.
        sources: the tables that the rows come from.
    """
    rows = rows.filter(pl.col("status") == OK)
    size, result = system.period.months, []
    for timing in dict.fromkeys(timings.values()):
        mine = rows.filter(pl.col("measure").is_in([name for name, item in timings.items() if item == timing]))
        if not mine.height:
            continue
        if timing in ("sum", "ytd"):
            result.append(_of_flows(mine))
        elif timing in ("last", "first"):
            result.append(_of_stocks(placed(mine, size), "end" if timing == "last" else "start"))
        else:
            result.append(_of_parts(placed(mine, size), timing, size))
    findings = []
    for items in result:
        if not items.height:
            continue
        years = items.with_columns(_YEAR).partition_by("measure", "year", as_dict=True)
        keys = pl.DataFrame([*years], schema={"measure": pl.String, "year": pl.Int32}, orient="row")
        of_years = rows.select("measure", _YEAR.cast(pl.Int32), "value").join(keys, on=["measure", "year"], how="semi")
        every = of_years.partition_by("measure", "year", as_dict=True)
        for (measure, year), figures in sorted(years.items(), key=lambda pair: (str(pair[0][0]), pair[0][1])):
            # A mean of whole numbers need not be one.
            whole = timings[str(measure)] not in ("mean", "median")
            half = _half_a_unit(every[measure, year]["value"], system.measures[str(measure)], whole=whole)
            beyond = (pl.col("value") - pl.col("other")).abs() > half * pl.col("parts") + 1e-9 * pl.col("value").abs()
            odd = figures.filter(beyond).sort("entity", "start", "months", "per")
            if odd.height:
                first = odd.row(0, named=True)
                who = [*entities.names, *entities.wholes][first["entity"]]
                message, hint = _words(first, who, timings[str(measure)], system)
                if odd.height > 1:
                    more = count(odd.height - 1, "more figure")
                    message = Message("{contradiction}; so with {more} of it", contradiction=message, more=more)
                place = sources[first["source"]].table.place(first["row"])
                findings.append(Diagnostic("K622", message, place, hint, Severity.WARNING))
    return findings


def _words(first: Mapping[str, Any], entity: str, timing: OverTime, system: System) -> tuple[Message, Message]:
    """Return the message and the hint about a contradiction."""
    measure, span = first["measure"], Period(first["start"], first["months"], system.timeline)
    unit, title = system.measures[measure].unit, system.symbols[measure].title
    value, other = (f"{round(first[name], _DECIMALS):,.12g} {unit}" for name in ("value", "other"))
    alone = Message("correct one of them, or leave one out")
    if timing in ("last", "first"):
        fields = {"title": title, "entity": entity, "value": value, "period": span.title, "other": other}
        shorter = Period(first["other_start"], first["other_months"], system.timeline).title
        message = Message(
            "{title} of {entity} is {value} for {period} and {other} for {shorter}, which end together; "
            "that for {shorter} is used",
            **fields, shorter=shorter,
        )  # fmt: skip
        if timing == "first":
            message = Message(
                "{title} of {entity} is {value} for {period} and {other} for {shorter}, which begin together; "
                "that for {shorter} is used",
                **fields, shorter=shorter,
            )  # fmt: skip
        return message, alone
    message = Message(
        "{title} of {entity} is {value} for {period}, but figures for other spans come to {other}; {used}",
        title=title, entity=entity, value=value, period=span.title, other=other,
        used=_used(span, timing, system.period),
    )  # fmt: skip
    if timing not in ("sum", "ytd"):
        return message, alone
    hint = Message("correct one of them; where months are running totals, write `cumulative: true` at the measure")
    return message, hint


def _used(span: Period, timing: OverTime, grain: Grain) -> Message:
    """Return which of the figures is used for the scored periods."""
    if span.grain == grain or (timing == "ytd" and span.start % 12 == 0 and (span.end + 1) % grain.months == 0):
        return Message("that for {period} is used", period=span.title)
    if span.months > grain.months:
        return Message("those of the shorter spans are used where they fill a period")
    return Message("neither is added up, as they overlap")


def _half_a_unit(values: pl.Series, measure: Measure, *, whole: bool) -> float:
    """Return half a unit of the last printed decimal of figures; 0 for counts if what is made of them is `whole`."""
    off = values.to_frame("value").select(
        ((pl.col("value") - pl.col("value").round(at)).abs() > 1e-10).any().alias(str(at)) for at in range(_DECIMALS)
    )
    decimals = sum(off.row(0))
    if whole and decimals == 0 and (measure.unit == "人" or measure.unit in COUNTING_WORDS):
        return 0.0
    return float(0.5 * 10.0**-decimals)


# ---- STOCKS ---- #


def _of_stocks(rows: pl.DataFrame, edge: str) -> pl.DataFrame:
    """Return the figures for which another counts, with the same `edge`: the end, or the start.

    It is the one for exactly a scored period, else that of the shortest span.
    """
    keys = [*KEYS, edge]
    rows = rows.filter(pl.len().over(keys) > 1).sort(*keys, ~pl.col("exact"), "months")
    counting = {f"other{name}": pl.col(column).first().over(keys) for name, column in _OTHER.items()}
    rows = rows.with_columns(parts=pl.lit(1), **counting)
    return rows.filter(pl.col("months") != pl.col("other_months")).select(*_FOUND, "parts")


_OTHER = {"": "value", "_start": "start", "_months": "months"}


# ---- MEANS AND EXTREMES ---- #


def _of_parts(rows: pl.DataFrame, timing: OverTime, size: int) -> pl.DataFrame:
    """Return the figures for exactly a scored period with what its parts come to.

    Parts that do not fill the period contradict only an extreme that they go beyond.
    """
    keys = [*KEYS, "period"]
    periods = by_period(rows, size, other=made_of(pl.col("part"), timing))
    exact = rows.filter("exact").join(
        periods.select(*keys, "other", "filled").drop_nulls("other"), on=keys, nulls_equal=True
    )
    beyond = {"max": pl.col("other") > pl.col("value"), "min": pl.col("other") < pl.col("value")}.get(timing)
    exact = exact.filter(pl.col("filled") if beyond is None else pl.col("filled") | beyond)
    return exact.with_columns(other_start=0, other_months=0, parts=2).select(*_FOUND, "parts")


# ---- FLOWS ---- #

#: A cycle of spans: the position of the longest, and the positions of the others, each with its sign.
Circle = tuple[int, list[tuple[int, int]]]


def _of_flows(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the figures that others of the same year imply, with the implied values."""
    year = [*KEYS, pl.col("start") // 12]
    bits = ((2 ** pl.col("months").cast(pl.Int64)) - 1) * 2 ** (pl.col("start") % 12).cast(pl.Int64)
    if rows.height and rows.select((pl.col("months") == 1).all()).item():
        rows = rows.clear()
    rows = rows.filter(pl.col("months").sum().over(year) > bits.bitwise_or().over(year).bitwise_count_ones())
    none = rows.clear().with_columns(
        other=pl.lit(0.0), other_start=pl.lit(0), other_months=pl.lit(0), parts=pl.lit(0)
    ).select(*_FOUND, "parts")  # fmt: skip
    if not rows.height:
        return none
    rows = rows.with_columns(year=pl.col("start") // 12).sort("year", "start", "months")
    spans = (pl.col("start") % 12).cast(pl.String) + "+" + pl.col("months").cast(pl.String)
    years = rows.group_by([*KEYS, "year"], maintain_order=True).agg(
        pl.col("start", "months", "value", "source", "row"), spans=spans.str.join(" ")
    )
    circles = [none]
    for (spans_of,), items in years.partition_by("spans", as_dict=True, maintain_order=True).items():
        edges = [
            (int(first), int(months)) for first, _, months in (part.partition("+") for part in spans_of.split(" "))
        ]
        for longest, others in _circles(edges):
            implied = pl.sum_horizontal(pl.col("value").list.get(at) * sign for at, sign in others)
            columns = {name: pl.col(name).list.get(longest) for name in ("start", "months", "value", "source", "row")}
            circle = items.select(*KEYS, **columns, other=implied, other_start=0, other_months=0, parts=len(others))
            circles.append(circle.select(*_FOUND, "parts").cast(none.schema))
    return pl.concat(circles)


def _circles(edges: Sequence[tuple[int, int]]) -> Iterator[Circle]:
    """Yield, for each span that shorter ones imply, their positions and signs.

    >>> list(_circles([(0, 1), (1, 1), (0, 2), (2, 1)]))
    [(2, [(0, 1), (1, 1)])]
    >>> list(_circles([(0, 3), (0, 6), (3, 3)]))
    [(1, [(0, 1), (2, 1)])]
    """
    tree: dict[int, list[tuple[int, int, int]]] = {}
    for place in sorted(range(len(edges)), key=lambda at: (edges[at][1], edges[at][0])):
        start, months = edges[place]
        path = _path(tree, start, start + months)
        if path is not None:
            yield place, path
            continue
        tree.setdefault(start, []).append((start + months, place, 1))
        tree.setdefault(start + months, []).append((start, place, -1))


def _path(tree: Mapping[int, Sequence[tuple[int, int, int]]], start: int, end: int) -> list[tuple[int, int]] | None:
    """Return the spans on the path from one end of a month to another, None if there is none."""
    ways: list[tuple[int, int, list[tuple[int, int]]]] = [(start, -1, [])]
    for at, last, path in ways:
        if at == end:
            return path
        ways += [(to, place, [*path, (place, sign)]) for to, place, sign in tree.get(at, ()) if place != last]
    return None
