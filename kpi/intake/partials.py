"""Measures that merge, in one pass over the rows: `group_by` who and month as written, then again by what those mean.

The pass keeps `kpi.measures.Part`s. Its groups are few, so everything that is slow for a row is done on them: which
entity a text means, which scored period a month lies in, whether two groups are one.

Sums are whole multiples of 1e-9, which no order of the rows changes. In 64 bits they cost what sums of floats do, in
128 bits a third more. So columns whose first rows leave room are summed in 64 bits, and the pass proves that this was
enough: no cell was above the limit of its column, and no group had more rows than fit below it. Otherwise it is run
again with 128 bits.

In the same way columns that are filled in the first rows are taken to be filled throughout: the rows that match are
then those with a figure. The pass counts the cells where that is not so, and if there are any, a scan of their rows
alone corrects the numbers.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from kpi import expressions, progress
from kpi.intake.events import MONTH, WHO, Events, Span, cell, places, valid
from kpi.intake.numbers import LARGEST
from kpi.measures import SCALE, Part
from kpi.terms import Term

SOURCE, ROWS, ODD, PER = "#source", "#rows", "#odd", "per"
_HOLES, _KEY = "#holes", "#key"

# Months are counted from the year 0, and below this even in the year 9999; places among texts are below 2**32.
_MONTHS = 1 << 17

#: Tables up to this size are summed in 128 bits at once, which is cheaper than to look at their first rows.
SMALL = 100_000

# How many of the first rows are looked at, and how much larger than there cells and groups may be.
_HEAD, _ROOM = 10_000, 8.0

# How many groups Polars keeps as it reads, and how many rows it takes at a time.
_GROUPS, _MORSEL = 1 << 20, 300_000

# What sums in 64 bits stay below.
_LIMIT = 2.0**63


@dataclass(frozen=True)
class Aggregation:
    """The pass over all tables of a dataset.

    Attributes:
        tables: that count as one.
        kinds: the columns that are read, each a number or a text.
        limits: what the magnitude of each number is expected to stay below; `LARGEST` where sums take 128 bits.
        most: the most rows that a group may have for these limits.
        full: the numbers that are expected in every row.
    """

    tables: Sequence[Events]
    kinds: Mapping[str, str]
    limits: Mapping[str, float]
    most: float = float("inf")
    full: frozenset[str] = frozenset()

    def partials(self, parts: Collection[Part], per: str | None = None) -> pl.DataFrame:
        """Returns the parts of every group: columns `SOURCE`, `WHO`, `MONTH`, `PER`, `ROWS`, `ODD`, and theirs by name.

        `ODD` counts rows with a number that is none, or above its limit; without `per` only.
        """
        where = {text: f"?{place}" for place, text in enumerate(sorted({one.where for one in parts if one.where}))}
        numbers = [name for name in self._needed(parts, whole=per is None) if self.kinds[name] == "number"]
        frame = self.rows(self._needed(parts, whole=per is None), per)
        odd = [pl.col(cell(name)).abs() > self.limits[name] for name in numbers] if per is None else []
        frame = frame.with_columns(
            pl.any_horizontal(odd).alias(ODD) if odd else pl.lit(value=False).alias(ODD),
            *(valid(name).alias(cell(name)) for name in numbers),
        )
        frame = frame.with_columns(
            **{name: condition(text, self.kinds) for text, name in where.items()},
            **{f"s {one.of}": self._scaled(one.of) for one in parts if one.what == "sum" and one.of is not None},
        )
        there = _Keys(len(self.tables) > 1, per is not None)
        implied = [one for one in parts if one.what == "filled" and one.of in self.full]
        rows = [Part("rows", one.where) for one in implied]
        kept = [_kept(one, where).alias(one.name) for one in dict.fromkeys([*parts, *rows]) if one not in implied]
        holes = [pl.col(cell(name)).is_null() for name in sorted({str(one.of) for one in implied})]
        hole = pl.any_horizontal(holes) if holes else pl.lit(value=False)
        counted = [pl.len().alias(ROWS), pl.col(ODD).sum(), hole.sum().alias(_HOLES)]
        found = _collected(frame.group_by(there.packed()).agg(*counted, *kept))
        found = found.with_columns(pl.col(of.name).alias(one.name) for one, of in zip(implied, rows, strict=True))
        if found[_HOLES].sum():
            missed = [
                (_kept(of, where) - _kept(one, where)).alias(one.name) for one, of in zip(implied, rows, strict=True)
            ]
            some = _collected(frame.filter(hole).group_by(there.packed()).agg(*missed))
            found = found.join(some, on=there.names, how="left", nulls_equal=True, suffix=_HOLES).with_columns(
                pl.col(one.name) - pl.col(one.name + _HOLES).fill_null(0) for one in implied
            )
        return there.unpacked(found)

    def rows(
        self, needed: Collection[str], per: str | None = None, span: Span | None = None, extra: Collection[str] = ()
    ) -> pl.LazyFrame:
        """Returns the rows of all tables: `SOURCE` when there are several, `WHO`, `MONTH`, cells, `PER` if filled."""
        frames = []
        for place, one in enumerate(self.tables):
            names = dict.fromkeys([WHO, MONTH, *extra, *map(cell, needed), *([cell(per)] if per is not None else [])])
            rows = one.rows(names, span)
            if per is not None:
                rows = rows.with_columns(pl.col(cell(per)).alias(PER)).filter(pl.col(PER).is_not_null())
            if len(self.tables) > 1:
                rows = rows.with_columns(pl.lit(place, dtype=pl.UInt32).alias(SOURCE))
            frames.append(rows)
        return progress.counted(pl.concat(frames) if len(frames) > 1 else frames[0])

    def proven(self, parts: Collection[Part]) -> tuple[pl.DataFrame, list[dict[str, int]], Aggregation]:
        """Returns the parts of every group, for each table how many cells of which columns are no number, and the pass.

        That is this one, or, when numbers were larger than expected, its like in 128 bits.
        """
        found = self.partials(parts)
        odd = found.group_by(SOURCE).agg(pl.col(ODD).sum()).filter(pl.col(ODD) > 0)[SOURCE].to_list()
        bad: list[dict[str, int]] = [{} for _ in self.tables]
        larger = bool((found[ROWS].max() or 0) > self.most)  # type: ignore[operator]
        for place in odd:
            bad[place], beyond = self.tables[place].bad_numbers(self.limits)
            larger = larger or bool(beyond)
        if not larger:
            return found, bad, self
        wide = replace(self, limits=dict.fromkeys(self.limits, LARGEST), most=float("inf"))
        return wide.partials(parts), bad, wide

    def _needed(self, parts: Collection[Part], *, whole: bool) -> list[str]:
        """The columns that parts are made of; in the pass over everything also all that have to be numbers."""
        names = {part.of for part in parts if part.of is not None}
        names |= {name for part in parts if part.where for name, _ in expressions.parse(part.where).names()}
        return sorted(names | ({name for name, kind in self.kinds.items() if kind == "number"} if whole else set()))

    def _scaled(self, column: str) -> pl.Expr:
        whole = (pl.col(cell(column)) * SCALE).round()
        if self.limits[column] < LARGEST:
            return whole.cast(pl.Int64, strict=False)
        return whole.cast(pl.Int128)


@dataclass(frozen=True)
class _Keys:
    """What the pass groups by: who, month and table as one whole number, since a key of texts costs three times that.

    Who is the place of the text among those seen. The finer unit, which may be anything, stays a text.
    """

    several: bool
    per: bool
    seen: pl.Series = field(default_factory=places)

    @property
    def names(self) -> list[str]:
        """The names of the key columns."""
        return [_KEY, *([PER] if self.per else [])]

    def packed(self) -> list[pl.Expr]:
        """Returns the keys of rows: all of a null is 0, so that no key is null."""
        who = pl.col(WHO).cast(self.seen.dtype).to_physical().cast(pl.Int64) + 1
        month = pl.col(MONTH).cast(pl.Int64) + 1
        key = who.fill_null(0) * _MONTHS + month.fill_null(0).clip(0, _MONTHS - 1)
        if self.several:
            key += pl.col(SOURCE).cast(pl.Int64) * (_MONTHS << 32)
        return [key.alias(_KEY), *([pl.col(PER)] if self.per else [])]

    def unpacked(self, found: pl.DataFrame) -> pl.DataFrame:
        """Returns groups with the columns `SOURCE`, `WHO`, `MONTH` and `PER` instead of the packed key."""
        month, who = pl.col(_KEY) % _MONTHS, pl.col(_KEY) // _MONTHS % (1 << 32)
        keys = found.select(
            (pl.col(_KEY) // (_MONTHS << 32)).cast(pl.UInt32).alias(SOURCE),
            pl.when(who > 0).then(who - 1).cast(pl.UInt32).alias(WHO),
            pl.when(month > 0).then(month - 1).cast(pl.Int32).alias(MONTH),
        )
        who_text = keys[WHO].cat.to(self.seen.dtype).cast(pl.String)
        per = [] if self.per else [pl.lit(None, dtype=pl.String).alias(PER)]
        return found.drop(_KEY).with_columns(keys[SOURCE], who_text, keys[MONTH], *per)


def aggregation(tables: Sequence[Events], kinds: Mapping[str, str]) -> Aggregation:
    """Returns the pass over the tables of a dataset, with limits by what their first rows hold."""
    numbers = [name for name, kind in kinds.items() if kind == "number"]
    wide = Aggregation(tables, kinds, dict.fromkeys(numbers, LARGEST))
    sizes = [one.source.table.size for one in tables]
    total = sum(size for size in sizes if size is not None)
    if not numbers or None in sizes or total <= SMALL:
        return wide
    heads = [one.rows([WHO, MONTH, *map(cell, numbers)], head=_HEAD).collect() for one in tables]
    head = pl.concat(heads)
    if not head.height:
        return wide
    share = int(head.group_by(WHO, MONTH).len()["len"].max()) / head.height  # type: ignore[arg-type]
    most = min(_ROOM * share * total, float(total))
    limit = _LIMIT / SCALE / max(most, 1.0)
    largest = head.select(valid(name).abs().max().alias(name) for name in numbers).row(0, named=True)
    narrow = {name: limit for name, value in largest.items() if value is not None and value * _ROOM < limit}
    full = frozenset(name for name in numbers if not head[cell(name)].null_count())
    return replace(wide, limits={**wide.limits, **narrow}, most=most if narrow else float("inf"), full=full)


def _collected(groups: pl.LazyFrame) -> pl.DataFrame:
    """Returns a `group_by` of events.

    Polars 2.1 keeps 4,096 groups and holds the rows of all others until the end, up to 7.7 GB where 0.7 GB will do. And
    the more rows are added at a time, the less often the sums of all groups are fetched from far memory.
    """
    os.environ.setdefault("POLARS_MAX_HOT_TABLE_SIZE", str(_GROUPS))
    with pl.Config():
        pass  # at whose end Polars reads its environment again
    with pl.Config(streaming_chunk_size=_MORSEL):
        return groups.collect(engine="streaming")


def condition(where: str, kinds: Mapping[str, str]) -> pl.Expr:
    """Returns a condition of measures over the columns `cell(...)`; null where it cannot be told."""

    def scope(column: str) -> Term:
        return Term(pl.col(cell(column)), kinds.get(column, "text"))

    return expressions.parse(where).resolve(scope).expr


def _kept(part: Part, where: Mapping[str, str]) -> pl.Expr:
    """One part as an aggregation. Each condition is a column, which the parts share."""
    matched = None if part.where is None else pl.col(where[part.where])
    if part.of is None:
        return pl.len() if matched is None else matched.sum()
    value = pl.col(f"s {part.of}" if part.what == "sum" else cell(part.of))
    if part.what == "filled":
        return value.is_not_null().sum() if matched is None else (matched & value.is_not_null()).sum()
    if part.what == "sum":
        # Without nulls the sum is faster, and it is 0 where there is nothing to add anyway.
        return (value if matched is None else pl.when(matched).then(value).otherwise(0)).sum()
    kept = value if matched is None else pl.when(matched).then(value)
    return kept.min() if part.what == "min" else kept.max()
