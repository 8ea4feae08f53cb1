"""Measures that need the rows themselves (medians, quantiles, distinct values, first and last), in bounded memory.

One quantile in an aggregation sends all of it to the engine that holds every row. So these are made apart, from one
bucket of whole scored periods after the other; a period with more rows than fit is taken by entities.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from kpi import expressions
from kpi.intake.events import MONTH, ORDER, WHO, Span, cell, valid
from kpi.intake.partials import PER, Aggregation, condition
from kpi.measures import First, Last, OfRows

#: How many cells, keys included, the rows of a bucket may have.
CELLS = 64_000_000


@dataclass(frozen=True)
class Bucket:
    """A span of months, and of the entities those whose number leaves the rest `place` when divided by `of`."""

    span: Span
    place: int = 0
    of: int = 1


def buckets(rows: pl.DataFrame, months: int, most: int) -> Iterator[Bucket]:
    """Yields buckets that hold all rows, each of whole periods of so many months.

    Args:
        rows: how many there are in each period: columns period and rows.
        months: of a period.
        most: the rows a bucket may have; one of a single entity may have more.

    >>> counted = pl.DataFrame({"period": [0, 1, 2, 5], "rows": [3, 3, 9, 1]})
    >>> [(bucket.span, bucket.of) for bucket in buckets(counted, 3, 6)]
    [((0, 5), 1), ((6, 8), 2), ((6, 8), 2), ((15, 17), 1)]
    """
    first, last, held = 0, 0, 0
    for period, count in rows.sort("period").select("period", "rows").rows():
        if held and held + count > most:
            yield from _of_entities(first, last, held, months, most)
            held = 0
        first = first if held else period
        last, held = period, held + count
    if held:
        yield from _of_entities(first, last, held, months, most)


def _of_entities(first: int, last: int, held: int, months: int, most: int) -> Iterator[Bucket]:
    parts = -(-held // most)
    for place in range(parts):
        yield Bucket((first * months, (last + 1) * months - 1), place, parts)


def statistics(
    aggregation: Aggregation,
    measures: Mapping[str, OfRows],
    known: pl.DataFrame,
    rows: pl.DataFrame,
    *,
    per: str | None,
    months: int,
    by_month: bool,
) -> pl.DataFrame:
    """Returns the statistic of every measure and group: columns entity, period, `PER`, and the measures (Float64).

    Args:
        aggregation: the rows.
        measures: with one `per`, or without.
        known: which entity a text means: columns `WHO` and entity.
        rows: how many rows each scored period has: columns period and rows.
        per: the column of finer units.
        months: of a scored period.
        by_month: whether period is to be the month rather than the scored period.
    """
    used = {one.of for one in measures.values()}
    used |= {name for one in measures.values() if one.where for name, _ in expressions.parse(one.where).names()}
    keys = {"entity": pl.UInt32, "period": pl.Int32, PER: pl.String}
    empty = pl.DataFrame(schema={**keys, **dict.fromkeys(measures, pl.Float64)})
    most = max(CELLS // (3 + len(used) + len(measures)), 1)
    made = [empty]
    for bucket in buckets(rows, months, most):
        some = known.filter(pl.col("entity") % bucket.of == bucket.place).lazy()
        order = [ORDER] if any(isinstance(one, First | Last) for one in measures.values()) else []
        frame = aggregation.rows(sorted(used), per, bucket.span, order).join(some, on=WHO, how="inner")
        numbers = [name for name in used if aggregation.kinds[name] == "number"]
        frame = frame.with_columns(valid(name).alias(cell(name)) for name in numbers)
        frame = frame.with_columns(period=(pl.col(MONTH) // (1 if by_month else months)).cast(pl.Int32))
        found = _of_bucket(frame, measures, list(keys)[: 2 if per is None else 3], aggregation.kinds).collect()
        made.append(found if per is not None else found.with_columns(pl.lit(None, dtype=pl.String).alias(PER)))
    return pl.concat([one.select(empty.columns) for one in made])


def _of_bucket(
    frame: pl.LazyFrame, measures: Mapping[str, OfRows], keys: Sequence[str], kinds: Mapping[str, str]
) -> pl.LazyFrame:
    """The statistics of a bucket: one `group_by` for all, and each takes of a group's rows those that match."""
    where = {
        text: f"?{place}" for place, text in enumerate(sorted({one.where for one in measures.values() if one.where}))
    }
    frame = frame.with_columns(**{name: condition(text, kinds) for text, name in where.items()})
    if all(one.where for one in measures.values()):
        # A row that matches no condition is of no use.
        frame = frame.filter(pl.any_horizontal(*where.values()))
    aggregations = {}
    for name, measure in measures.items():
        value = pl.col(cell(measure.of))
        matched = value.is_not_null() if measure.where is None else pl.col(where[measure.where]) & value.is_not_null()
        aggregations[name] = measure.combine(value.filter(matched), pl.col(ORDER).filter(matched))
    return frame.group_by(keys).agg(**aggregations)
