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
    """Returns the statistic of every measure and group: columns measure, entity, period, `PER`, value.

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
    rows_of = _Rows(aggregation, measures, known, sorted(used), per, 1 if by_month else months)
    most = max(CELLS // (3 + len(used) + len(measures)), 1)
    empty = pl.DataFrame(schema=_FIGURES)
    return pl.concat([empty, *(part for one in buckets(rows, months, most) for part in rows_of.figures(one))])


_FIGURES = {"measure": pl.String, "entity": pl.UInt32, "period": pl.Int32, PER: pl.String, "value": pl.Float64}


@dataclass(frozen=True)
class _Rows:
    """What the rows of every bucket are taken from."""

    aggregation: Aggregation
    measures: Mapping[str, OfRows]
    known: pl.DataFrame
    used: Sequence[str]
    per: str | None
    months: int

    def figures(self, bucket: Bucket) -> Iterator[pl.DataFrame]:
        """Yields the statistics of each measure."""
        keys = ["entity", "period", *([PER] if self.per is not None else [])]
        where = {name: f"?{place}" for place, name in enumerate(sorted({one.where or "" for one in self._measures()}))}
        rows = self.rows(bucket, keys, where).lazy()
        for name, measure in self.measures.items():
            value = pl.col(cell(measure.of))
            filled = value.is_not_null()
            matched = filled if measure.where is None else filled & pl.col(where[measure.where])
            order = pl.col(ORDER) if isinstance(measure, First | Last) else pl.lit(0)
            some = rows.filter(matched).select(*keys, value=value, order=order)
            made = measure.statistic(some, keys).collect(engine="in-memory")
            yield made.select(
                measure=pl.lit(name), entity="entity", period="period",
                per=PER if self.per is not None else pl.lit(None, dtype=pl.String), value="value",
            )  # fmt: skip

    def rows(self, bucket: Bucket, keys: Sequence[str], where: Mapping[str, str]) -> pl.DataFrame:
        """Returns the rows of a bucket: keys, cells, and whether they match each condition."""
        extra = [ORDER] if any(isinstance(one, First | Last) for one in self._measures()) else []
        known = self.known.filter(pl.col("entity") % bucket.of == bucket.place).lazy()
        frame = self.aggregation.rows(self.used, self.per, bucket.span, extra).join(known, on=WHO, how="inner")
        kinds = self.aggregation.kinds
        frame = frame.with_columns(valid(name).alias(cell(name)) for name in self.used if kinds[name] == "number")
        frame = frame.with_columns(period=(pl.col(MONTH) // self.months).cast(pl.Int32))
        cells = dict.fromkeys(cell(one.of) for one in self._measures())
        tests = {name: condition(text, kinds) for text, name in where.items() if text}
        frame = frame.select(*keys, *extra, *cells, **tests)
        # A row that matches no condition is of no use.
        return (frame if "" in where else frame.filter(pl.any_horizontal(*tests))).collect(engine="streaming")

    def _measures(self) -> list[OfRows]:
        return list(self.measures.values())
