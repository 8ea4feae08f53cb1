"""Measures that need the rows themselves (medians, quantiles, distinct values, first and last), in bounded memory.

A quantile in an aggregation sends all of it to the in-memory engine. So these measures are computed separately, those
of the same rows together: a pass keeps a key and the cells of the matching rows, which have been counted before. If
these do not fit, the pass takes one bucket of complete scored periods after the other, and a period with more rows
than fit in parts by entity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce

import polars as pl
from msgspec import Struct, field

from kpi.intake.cells.text_folding import as_names
from kpi.intake.events.conditions import cell, condition, reads
from kpi.intake.events.events import MONTH, ORDER, WHO, Span, exact, places, valid
from kpi.intake.events.mergeable import KEY, NUMBERS, Aggregation, engines, named_alike
from kpi.intake.events.remote import PER, ROWS, OfEntities, Rows, tied
from kpi.language.measures import OfRows, Part
from kpi.process import progress
from kpi.values.periods import FIRST_YEAR, LAST_YEAR

#: The most cells of a bucket, keys included; each takes about 20 bytes until it is aggregated.
CELLS = 60_000_000

_SMALL = (pl.String, pl.UInt32, pl.Int32, pl.UInt16, pl.Int16, pl.UInt8, pl.Int8, pl.Date)


class Bucket(Struct, frozen=True):
    """A span of months, and the entities whose number is `place` modulo `of`."""

    span: Span
    place: int = 0
    of: int = 1


def buckets(rows: pl.DataFrame, months: int, most: int) -> Iterator[Bucket]:
    """Yield buckets that cover all rows, each of complete periods.

    Args:
        rows: the number of rows of each period: columns period and rows.
        months: the length of a period.
        most: the most rows of a bucket; one of a single entity may have more.

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


class Statistics(Struct, frozen=True):
    """The statistics of measures that need the rows, by groups.

    Attributes:
        aggregation: gives the rows.
        known: the entity of each name: columns `WHO` and entity.
        per: the column of finer units.
        months: the length of a scored period.
        by_month: whether figures are of months rather than of scored periods.
        tied: the rows of one date, the last or the first, that differ, by measure; complete when all frames are made.
    """

    aggregation: Aggregation
    known: pl.DataFrame
    per: str | None
    months: int
    by_month: bool
    tied: dict[str, int] = field(default_factory=dict)

    def of(self, measures: Mapping[str, OfRows], groups: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Yield frames with the columns entity, period, `PER` and some of the measures (Float64), each once.

        Args:
            measures: with this `per`.
            groups: the parts of the measures for groups of an entity and a `MONTH`.
        """
        families: dict[str | None, dict[str, dict[str, OfRows]]] = {}
        for name, measure in measures.items():
            families.setdefault(measure.where, {}).setdefault(measure.of, {})[name] = measure
        answers = self._elsewhere(families)
        for where, every in families.items():
            family = every
            if (answer := answers.get(where)) is not None:
                yield answer
                family = _without(every, answer.columns)
            if not family:
                continue
            filled = [Part("filled", where, column).name for column in family]
            counted = groups.group_by(period=pl.col(MONTH) // self.months).agg(
                rows=pl.max_horizontal(pl.col(filled).sum())
            )
            most = max(CELLS // (3 + len(family)), 1)
            items = buckets(counted.filter(pl.col("rows") > 0), self.months, most)
            frames = []
            for bucket in items:
                read = groups.filter(pl.col(MONTH).is_between(*bucket.span))[ROWS].sum()
                with progress.stage(progress.doing(), int(read)):
                    frames.append(self._of_bucket(where, family, bucket))
            yield from (pl.concat(frames) for frames in zip(*frames, strict=True))

    def _elsewhere(
        self, families: Mapping[str | None, Mapping[str, Mapping[str, OfRows]]]
    ) -> dict[str | None, pl.DataFrame]:
        """Return the statistics that the engine of a table computes where its rows are, by condition."""
        over = self.aggregation
        if not (families and over.remote) or len(over.tables) > 1:
            return {}
        engine = engines(over.tables)[0]
        if over.second and not engine.looks_twice:
            return {}
        requests = [self._request(where, family) for where, family in families.items()]
        answers = {}
        for where, request, answer in zip(families, requests, engine.statistics_of(requests), strict=True):
            if answer is None:
                continue
            for name in request.measures:
                if tied(name) in answer.columns and (ties := int(answer[tied(name)].sum())):
                    self.tied[name] = self.tied.get(name, 0) + ties
            there = [name for name in request.measures if name in answer.columns]
            answers[where] = answer.select("entity", "period", PER, *there)
        return answers

    def _request(self, where: str | None, family: Mapping[str, Mapping[str, OfRows]]) -> OfEntities:
        """Return what an engine is asked for, about the measures of one condition by their column."""
        over = self.aggregation
        measures = {name: measure for group in family.values() for name, measure in group.items()}
        used = {*family, *reads(where)}
        used |= {name for text in family if over.kinds[text] == "computed" for name in reads(text)}
        tests = {} if where is None else {where: condition(where, over.kinds, over.calendar)}
        second = over.second or frozenset()
        rows = Rows(over.tables[0], over.kinds, over.scales, sorted(used), tests, self.per, over.calendar, second)
        return OfEntities(rows, measures, self.known, 1 if self.by_month else self.months)

    def _of_bucket(
        self, where: str | None, family: Mapping[str, Mapping[str, OfRows]], bucket: Bucket
    ) -> list[pl.DataFrame]:
        """Return the statistics of the selected rows of a bucket, a frame for each column."""
        span = bucket.span
        cells, seen = self.cells(where, family, bucket), places()
        # Texts are compared by their positions among those seen, which is faster.
        texts = _texts(cells, family)
        rows = cells.with_columns(pl.col(texts).cast(seen.dtype).to_physical()).collect(engine="streaming")
        frames = self.figures(rows, texts, seen, family, span)
        for name in (name for group in family.values() for name, measure in group.items() if measure.chronological):
            if ties := sum(int(frame[tied(name)].sum()) for frame in frames if name in frame.columns):
                self.tied[name] = self.tied.get(name, 0) + ties
        return [frame.select(pl.exclude("^#tied .*$")) for frame in frames]

    def cells(self, where: str | None, family: Mapping[str, Mapping[str, OfRows]], bucket: Bucket) -> pl.LazyFrame:
        """Return the filled cells of the selected rows of a bucket, with their key, order and finer unit."""
        kinds, used = self.aggregation.kinds, {*family, *reads(where)}
        ordered = any(measure.chronological for group in family.values() for measure in group.values())
        frame = self._rows(sorted(used), bucket.span, [ORDER] if ordered else [])
        kept = pl.any_horizontal(pl.col(cell(column)).is_not_null() for column in family)
        # A measure that needs an unreadable cell is refused: here the cell may be taken for blank.
        frame = frame.filter(kept if where is None else kept & condition(where, kinds, self.aggregation.calendar))
        if self.aggregation.second:
            numbers = [column for column in family if kinds[column] in NUMBERS]
            frame = frame.with_columns(pl.col(exact(column)).alias(cell(column)) for column in numbers)
        schema = frame.collect_schema()
        entity, period = self._entity(), pl.col(MONTH) // (1 if self.by_month else self.months)
        first, count = self._periods(bucket.span)
        key = pl.when(entity % bucket.of == bucket.place).then(entity.cast(pl.Int64) * count + period - first)
        others = [name for name in (ORDER, PER, *map(cell, family)) if name in schema]
        return frame.select(key.alias(KEY), *others).filter(pl.col(KEY).is_not_null())

    def figures(
        self, rows: pl.DataFrame, texts: Sequence[str], seen: pl.Series,
        family: Mapping[str, Mapping[str, OfRows]], span: Span,
    ) -> list[pl.DataFrame]:  # fmt: skip
        """Return the statistics of cells, a frame for each column; of `texts` these have the positions."""
        first, count = self._periods(span)
        rows = rows.with_columns(_folded(rows[column], seen) for column in texts)
        rows = rows if self.per is None else named_alike(rows)
        fits = self.per is None and (int(self.known["entity"].max() or 0) + 1) * count < 1 << 31  # type: ignore[arg-type]
        finer = pl.lit(None, dtype=pl.String).alias(PER) if self.per is None else pl.col(PER)
        frames = []
        for column, items in family.items():
            packed = fits and rows.schema[cell(column)] in _SMALL
            statistics = _aggregated(rows.lazy(), cell(column), items, [] if self.per is None else [PER], packed=packed)
            keys = (
                (pl.col(KEY) // count).cast(pl.UInt32).alias("entity"),
                (pl.col(KEY) % count + first).cast(pl.Int32),
            )
            ties = [tied(name) for name, measure in items.items() if measure.chronological]
            frames.append(statistics.select(keys[0], keys[1].alias("period"), finer, *items, *ties))
        return frames

    def _rows(self, used: Sequence[str], span: Span, extra: Sequence[str]) -> pl.LazyFrame:
        """Return the rows of a span of months, with null for non-numeric cells."""
        over, kinds = self.aggregation, self.aggregation.kinds
        numbers = [name for name in used if kinds[name] in NUMBERS]
        if over.second:
            columns = [exact(name) for name in numbers]
            return over.rows(used, self.per, span, extra, columns=columns, second=over.second)
        frame = over.rows(used, self.per, span, extra)
        return frame.with_columns(valid(name).alias(cell(name)) for name in numbers)

    def _entity(self) -> pl.Expr:
        """Return the entity of a row, null if its name is unknown."""
        texts = pl.Enum(self.known[WHO])
        return pl.lit(self.known["entity"]).gather(pl.col(WHO).cast(texts, strict=False).to_physical())

    def _periods(self, span: Span) -> tuple[int, int]:
        """Return the first period of a span of months, and the number of periods."""
        first, last = (month // (1 if self.by_month else self.months) for month in span)
        return first, last - first + 1


def _without(
    family: Mapping[str, Mapping[str, OfRows]], names: Sequence[str]
) -> dict[str, dict[str, OfRows]]:  # fmt: skip
    """Return measures by their column, without those of some names."""
    left = {
        column: {name: measure for name, measure in group.items() if name not in names}
        for column, group in family.items()
    }
    return {column: group for column, group in left.items() if group}


def _texts(cells: pl.LazyFrame | pl.DataFrame, family: Iterable[str]) -> list[str]:
    """Return the columns of cells that are texts."""
    schema = cells.collect_schema()
    return [cell(column) for column in family if schema[cell(column)] == pl.String]


# ---- WHERE THE ROWS ARE ---- #


#: Which request a cell is of, where several are answered in one pass.
_REQUEST = "#request"


def cells(requests: Sequence[OfEntities]) -> pl.DataFrame:
    """Return the cells of the rows of one table, or of a part of it, that statistics are of, by `KEY` and request.

    Rows whose cells are only counted once come once.
    """
    frames = [
        _cells(request).with_columns(pl.lit(number, dtype=pl.UInt32).alias(_REQUEST))
        for number, request in enumerate(requests)
    ]
    return pl.concat(frames, how="diagonal")


def _cells(request: OfEntities) -> pl.DataFrame:
    statistics, where, family = _asked(request)
    frame = statistics.cells(where, family, Bucket(_everything(request))).collect(engine="streaming")
    frame = frame if statistics.per is None else named_alike(frame)
    counted = not any(item.computes or item.chronological for item in request.measures.values())
    return frame.unique() if counted else frame


def statistics(requests: Sequence[OfEntities], cells: pl.DataFrame) -> pl.DataFrame:
    """Return the statistics of all `cells` of some keys, those of all requests (see `remote.Engine.statistics`)."""
    frames = []
    for number, request in enumerate(requests):
        item, _, family = _asked(request)
        there = [name for name in (KEY, ORDER, PER, *map(cell, family)) if name in cells.columns]
        mine = cells.filter(pl.col(_REQUEST) == number).select(there)
        texts, seen = _texts(mine, family), places()
        rows = mine.with_columns(pl.col(texts).cast(seen.dtype).to_physical())
        frames += item.figures(rows, texts, seen, family, _everything(request))
    keys = ["entity", "period", PER]
    return reduce(lambda left, right: left.join(right, on=keys, how="full", nulls_equal=True, coalesce=True), frames)


def _asked(request: OfEntities) -> tuple[Statistics, str | None, dict[str, dict[str, OfRows]]]:
    """Return the statistics over rows that are here, their condition, and the measures by column."""
    rows = request.rows
    over = Aggregation([rows.events], rows.kinds, {}, rows.scales, {}, second=rows.second, calendar=rows.calendar)
    family: dict[str, dict[str, OfRows]] = {}
    for name, measure in request.measures.items():
        family.setdefault(measure.of, {})[name] = measure
    where = next(iter(rows.conditions), None)
    return Statistics(over, request.known, rows.per, request.months, by_month=False), where, family


def _everything(request: OfEntities) -> Span:
    """Return all months of data."""
    timeline = request.rows.events.grain.timeline
    return timeline.first(FIRST_YEAR), timeline.first(LAST_YEAR + 1) - 1


def _folded(places: pl.Series, seen: pl.Series) -> pl.Series:
    """Return the positions of texts among those seen, with one position for all texts that are one name."""
    own = places.unique().drop_nulls()
    texts = own.cat.to(seen.dtype).cast(pl.String)
    new = as_names(texts)
    if new.equals(texts):
        return places
    return places.replace_strict(own, new.cast(seen.dtype).to_physical(), default=None)


def _aggregated(
    rows: pl.LazyFrame, column: str, measures: Mapping[str, OfRows], per: list[str], *, packed: bool
) -> pl.DataFrame:
    """Return the statistics of one column by `KEY` and `per`.

    If keys and values are `packed` into one integer, distinct values are counted by sorting, in a third of the time.
    """
    rows = rows.filter(pl.col(column).is_not_null())
    if packed and not any(item.computes for item in measures.values()):
        value = pl.col(column).to_physical().cast(pl.Int64) & 0xFFFFFFFF
        sorted_ = rows.select(both=pl.col(KEY) * (1 << 32) + value).sort("both")
        fresh = sorted_.filter(pl.col("both") != pl.col("both").shift(1, fill_value=-1))
        counts = fresh.group_by((pl.col("both") // (1 << 32)).alias(KEY)).len("#len")
        return counts.select(KEY, *(pl.col("#len").cast(pl.Float64).alias(name) for name in measures)).collect()
    statistics = {name: measure.combine(pl.col(column), pl.col(ORDER)) for name, measure in measures.items()}
    for name, measure in measures.items():
        if measure.chronological:
            edge = measure.combine(pl.col(ORDER), pl.col(ORDER))
            there = pl.col(column).filter(pl.col(ORDER) == edge)
            statistics[tied(name)] = pl.when(there.n_unique() > 1).then(there.len()).otherwise(0)
    return rows.group_by(KEY, *per).agg(**statistics).collect()
