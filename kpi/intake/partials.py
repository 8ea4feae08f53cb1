"""Measures that merge, in one pass over the rows: `group_by` who and month as written, then again by what those mean.

The pass keeps `kpi.measures.Part`s. Its groups are few, so everything that is slow for a row is done on them: which
entity a text means, which scored period a month lies in, whether two groups are one.

Sums are of whole numbers, which no order of the rows changes, in as few bits as the first rows of a column suggest
(`kpi.intake.precision`), and columns that are filled in the first rows are taken to be filled throughout. The pass
tells every row that is not as expected: one with a cell that is no number, is larger or finer, or lacks. These get a
key of their own, and where there are any, a second pass takes them alone, in 128 bits, and asks of each cell what it
is. Only when a group has more rows than its sums have room for is everything run again with 128 bits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from kpi import expressions, progress
from kpi.intake.events import MONTH, WHO, Events, Span, cell, places, valid
from kpi.intake.precision import Precision, precisions
from kpi.measures import Part
from kpi.terms import Term

SOURCE, ROWS, ODD, PER = "#source", "#rows", "#odd", "per"
_KEY = "#key"

#: The key of rows that are not as expected.
_UNEXPECTED = -(1 << 60)

# Months are counted from the year 0, and below this even in the year 9999; places among texts are below 2**32.
_MONTHS = 1 << 17

#: Tables up to this size are summed in 128 bits at once, which is cheaper than to look at their first rows.
SMALL = 100_000

# Of how many of the first rows the numbers are looked at, and of how many at most the groups.
_HEAD, _HEADS = 10_000, 1_000_000


@dataclass(frozen=True)
class Aggregation:
    """The pass over all tables of a dataset.

    Attributes:
        tables: that count as one.
        kinds: the columns that are read, each a number or a text.
        precisions: how each number is summed.
        most: the most rows that a group may have for this.
        full: the numbers that are expected in every row.
    """

    tables: Sequence[Events]
    kinds: Mapping[str, str]
    precisions: Mapping[str, Precision]
    most: float = float("inf")
    full: frozenset[str] = frozenset()

    def partials(self, parts: Collection[Part], per: str | None = None) -> pl.DataFrame:
        """Returns the parts of every group: columns `SOURCE`, `WHO`, `MONTH`, `PER`, `ROWS`, `ODD`, and theirs by name.

        Rows that are as expected and others have groups of their own; `ODD` counts the rows of the latter.
        """
        needed = self._needed(parts, whole=per is None)
        numbers = [name for name in needed if self.kinds[name] == "number"]
        keys = _Keys(len(self.tables) > 1, per is not None)
        frame, unexpected = self.rows(needed, per), self._unexpected(numbers)
        found = self.groups(frame, parts, keys, unexpected).with_columns(pl.lit(0, pl.UInt32).alias(ODD))
        if (found[_KEY] == _UNEXPECTED).any():
            others = frame.filter(unexpected).with_columns(valid(name).alias(cell(name)) for name in numbers)
            some = self.wide().groups(others, parts, keys).with_columns(pl.col(ROWS).alias(ODD))
            found = pl.concat([found.filter(pl.col(_KEY) != _UNEXPECTED), some], how="vertical_relaxed")
        return keys.unpacked(found)

    def groups(
        self, frame: pl.LazyFrame, parts: Collection[Part], keys: _Keys, apart: pl.Expr | None = None
    ) -> pl.DataFrame:
        """Returns the parts of some rows by their key; those that are to be kept `apart` have the key `_UNEXPECTED`."""
        where = {text: f"?{place}" for place, text in enumerate(sorted({one.where for one in parts if one.where}))}
        frame = frame.with_columns(
            *(self.precisions[name].whole(pl.col(cell(name))).alias(f"s {name}") for name in _summed(parts)),
            *(condition(text, self.kinds).alias(name) for text, name in where.items()),
        )
        implied = {one: Part("rows", one.where) for one in parts if one.what == "filled" and one.of in self.full}
        kept = dict.fromkeys(implied.get(one, one) for one in parts)
        found = _collected(
            frame.group_by(keys.packed(apart)).agg(
                pl.len().alias(ROWS), *(_kept(one, where).alias(one.name) for one in kept)
            )
        )
        others = (pl.col(implied.get(one, one).name).alias(one.name) for one in parts if one.what != "sum")
        sums = (self.precisions[str(one.of)].billionths(pl.col(one.name)) for one in parts if one.what == "sum")
        return found.select(*keys.names, ROWS, *others, *sums)

    def _unexpected(self, numbers: Collection[str]) -> pl.Expr:
        """Whether a row has a number that is none, is beyond its precision, or lacks where there always is one."""
        raw = {name: pl.col(cell(name)) for name in numbers}
        odd = [self.precisions[name].beyond(value) for name, value in raw.items()]
        odd += [value.is_null() for name, value in raw.items() if name in self.full]
        return pl.any_horizontal(odd) if odd else pl.lit(value=False)

    def wide(self) -> Aggregation:
        """Returns the pass that expects nothing of numbers."""
        return replace(
            self, precisions=dict.fromkeys(self.precisions, Precision()), most=float("inf"), full=frozenset()
        )

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

        That is this one, or, when a group had more rows than expected, its like in 128 bits.
        """
        found = self.partials(parts)
        bad: list[dict[str, int]] = [{} for _ in self.tables]
        for place in found.filter(pl.col(ODD) > 0)[SOURCE].unique():
            bad[place] = self.tables[place].bad_numbers(list(self.precisions))
        if (found.filter(pl.col(ODD) == 0)[ROWS].max() or 0) <= self.most:  # type: ignore[operator]
            return found, bad, self
        wide = self.wide()
        return wide.partials(parts), bad, wide

    def _needed(self, parts: Collection[Part], *, whole: bool) -> list[str]:
        """The columns that parts are made of; in the pass over everything also all that have to be numbers."""
        names = {part.of for part in parts if part.of is not None}
        names |= {name for part in parts if part.where for name, _ in expressions.parse(part.where).names()}
        return sorted(names | ({name for name, kind in self.kinds.items() if kind == "number"} if whole else set()))


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

    def packed(self, apart: pl.Expr | None = None) -> list[pl.Expr]:
        """Returns the keys of rows: a null counts as -1, so that none is null; that of rows apart is `_UNEXPECTED`."""
        who = pl.col(WHO).cast(self.seen.dtype).to_physical().cast(pl.Int64).fill_null(-1)
        key = who * _MONTHS + pl.col(MONTH).fill_null(-1)
        if self.several:
            key += pl.col(SOURCE).cast(pl.Int64) * (_MONTHS << 32)
        if apart is not None:
            key = pl.when(apart).then(pl.lit(_UNEXPECTED, pl.Int64)).otherwise(key)
        return [key.alias(_KEY), *([pl.col(PER)] if self.per else [])]

    def unpacked(self, found: pl.DataFrame) -> pl.DataFrame:
        """Returns groups with the columns `SOURCE`, `WHO`, `MONTH` and `PER` instead of the packed key."""
        key = pl.col(_KEY) + _MONTHS + 1
        month, who = key % _MONTHS, key // _MONTHS % (1 << 32)
        keys = found.select(
            (key // (_MONTHS << 32)).cast(pl.UInt32).alias(SOURCE),
            pl.when(who > 0).then(who - 1).cast(pl.UInt32).alias(WHO),
            pl.when(month > 0).then(month - 1).cast(pl.Int32).alias(MONTH),
        )
        who_text = keys[WHO].cat.to(self.seen.dtype).cast(pl.String)
        per = [] if self.per else [pl.lit(None, dtype=pl.String).alias(PER)]
        return found.drop(_KEY).with_columns(keys[SOURCE], who_text, keys[MONTH], *per)


def aggregation(tables: Sequence[Events], kinds: Mapping[str, str], parts: Collection[Part]) -> Aggregation:
    """Returns the pass over the tables of a dataset, with precisions by what their first rows hold.

    Args:
        tables: that count as one.
        kinds: the columns that are read, each a number or a text.
        parts: all that is going to be kept.
    """
    numbers = [name for name, kind in kinds.items() if kind == "number"]
    wide = Aggregation(tables, kinds, dict.fromkeys(numbers, Precision()))
    sizes = [size for one in tables if (size := one.size) is not None]
    total = sum(sizes)
    if not numbers or len(sizes) < len(tables) or total <= SMALL:
        return wide
    heads = [one.head([WHO, MONTH, *map(cell, numbers)], _HEAD).collect() for one in tables]
    head = pl.concat(heads)
    if not head.height:
        return wide
    keys = pl.concat(one.head([WHO, MONTH], _head(size)) for one, size in zip(tables, sizes, strict=True))
    groups = keys.group_by(WHO, MONTH).len().select(pl.col("len").max(), rows=pl.col("len").sum()).collect()
    rows = total * groups["len"].item() / groups["rows"].item()
    chosen, most = precisions(head.select(valid(name).alias(name) for name in _summed(parts)), rows)
    full = frozenset(name for name in numbers if not head[cell(name)].null_count())
    return replace(wide, precisions={**wide.precisions, **chosen}, most=most, full=full)


def _head(size: int) -> int:
    """Of how many of so many rows the groups are looked at: enough to see how large they are going to be."""
    return min(max(size // 50, _HEAD), _HEADS)


def _collected(groups: pl.LazyFrame) -> pl.DataFrame:
    """Return a `group_by` of events; the command line tunes Polars for it (`kpi.tuning`)."""
    return groups.collect(engine="streaming")


def _summed(parts: Collection[Part]) -> list[str]:
    """The columns that are summed."""
    return sorted({str(part.of) for part in parts if part.what == "sum"})


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
