"""Aggregate events by finer units (`per`), such as villages, households or firms, in bounded memory.

Finer units can be as many as rows. So their groups are made when the entities are known, of an entity and a scored
period at once, and only as many in a pass as fit into memory: a pass takes the finer units whose hash leaves one
remainder, so that each is complete in one pass. How many passes are needed says an estimate of the groups
(HyperLogLog), which also shows whether any name has to be folded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi.intake.cells.text_folding import as_names, needs_cleaning
from kpi.intake.events.conditions import cell
from kpi.intake.events.events import FINER, MONTH, WHO, Events, dated
from kpi.intake.events.mergeable import KEY, UNEXPECTED, Aggregation, Keys, named_alike
from kpi.intake.events.remote import ODD, PER, ROWS
from kpi.intake.matching.datasets import column_of
from kpi.language.measures import Part
from kpi.process import progress
from kpi.values.periods import Grain

#: The most groups of a pass by texts, each of which takes some hundred bytes until its figures are made, and by hashes.
GROUPS, HASHED_GROUPS = 3_000_000, 6_000_000


class Pass(Struct, frozen=True):
    """The groups of the finer units of a pass.

    Attributes:
        over: gives the rows of these finer units.
        groups: columns entity (UInt32), `PER`, `MONTH` (the first month of their period), `ROWS` and parts.
        distinct: the months of the periods of which no entity and finer unit has several groups; None if some may.
    """

    over: Aggregation
    groups: pl.DataFrame
    distinct: int | None


class FinerUnits(Struct, frozen=True):
    """The finer units of one column.

    Attributes:
        aggregation: gives the rows.
        per: the column.
        parts: what is kept of the rows of a group.
        grain: the grain of the scored periods.
        months: the length of the periods of groups: that of a scored one, or 1 where months are needed.
        anonymous: whether names only tell finer units of one period apart: then a number may stand for each in `PER`.
    """

    aggregation: Aggregation
    per: str
    parts: Sequence[Part]
    grain: Grain
    months: int
    anonymous: bool = False

    def passes(self, known: pl.DataFrame, whole: pl.DataFrame) -> Iterator[Pass]:
        """Yield the groups of all finer units of known entities, each in one pass.

        Args:
            known: the entity of each name: columns `WHO` and entity.
            whole: the groups of the entities themselves, with a known name and a valid month.
        """
        if not whole.height:
            return
        first, last = (int(month) // self.months for month in (whole[MONTH].min(), whole[MONTH].max()))  # type: ignore[arg-type]
        texts = EntityKeys(known, first, last - first + 1, self.months, self.grain)
        hashed = self.anonymous and texts.size < 1 << 31
        rows = int(whole[ROWS].sum())
        shares = self._shares(rows, HASHED_GROUPS if hashed else GROUPS)
        keys: Keys = _HashedKeys(texts) if hashed and len(shares) > 1 else texts
        for over in shares:
            with progress.stage(progress.doing(), rows):
                groups = over.partials(self.parts, self.per, keys)
            if (groups.filter(pl.col(ODD) == 0)[ROWS].max() or 0) > over.most:  # type: ignore[operator]
                groups = over.wide().partials(self.parts, self.per, keys)
            if over.share is None:
                yield Pass(over, named_alike(groups), None)
            else:
                yield Pass(over, groups, None if groups[ODD].sum() else self.months)

    def _shares(self, rows: int, most: int) -> list[Aggregation]:
        """Return an aggregation for each pass: one without a `share` where all groups fit into one."""
        # An engine aggregates all of them where they are.
        if rows <= most or self.aggregation.remote:
            return [self.aggregation]
        named = pl.col(FINER).is_not_null()
        as_written = self._named(folding=False, raw=True)
        group = pl.col(PER).hash(0) ^ pl.col(WHO).hash(1) ^ (pl.col(MONTH) // self.months).hash(2)
        estimate = replace(as_written, share=named).rows([], self.per).select(
            groups=group.approx_n_unique(), folding=needs_cleaning(pl.col(PER)).any()
        )  # fmt: skip
        groups, folding = estimate.collect(engine="streaming").row(0)
        if groups <= most:
            return [self.aggregation]
        many = -(-groups // most)
        over = self._named(folding=folding, raw=not folding)
        return [replace(over, share=(pl.col(FINER).hash(0) % many == place) & named) for place in range(many)]

    def _named(self, *, folding: bool, raw: bool) -> Aggregation:
        """Return the aggregation with the names of finer units as `FINER`: folded, or `raw` as texts are written."""

        def name(table: Events) -> pl.Expr:
            header, _ = column_of(table.source.table, self.per) or (self.per, None)
            if raw and table.source.table.frame.collect_schema().get(header) == pl.String:
                return pl.selectors.by_name(header).as_expr()
            own = table.columns[cell(self.per)]
            return own.map_batches(as_names, return_dtype=pl.String, is_elementwise=True) if folding else own

        over = self.aggregation
        return replace(
            over, tables=[replace(item, columns={**item.columns, FINER: name(item)}) for item in over.tables]
        )


class EntityKeys(Struct, frozen=True):
    """The key of entity and period; the finer unit stays a text. Rows of unknown names or dates have no group."""

    known: pl.DataFrame
    first: int
    count: int
    months: int
    grain: Grain

    @property
    def names(self) -> list[str]:
        """The names of the key columns."""
        return [KEY, PER]

    def packed(self, apart: pl.Expr | None = None) -> list[pl.Expr]:
        """Return the keys of rows, null for rows without a group; the key of rows kept apart is `UNEXPECTED`."""
        key = self.key()
        if apart is not None:
            key = pl.when(apart).then(pl.lit(UNEXPECTED, pl.Int64)).otherwise(key)
        return [key.alias(KEY), pl.col(PER)]

    @property
    def size(self) -> int:
        """The number of keys."""
        return (int(self.known["entity"].max() or 0) + 1) * self.count  # type: ignore[arg-type]

    def key(self) -> pl.Expr:
        """Return the number of entity and period (Int64), null for rows without a group."""
        place = pl.col(WHO).cast(pl.Enum(self.known[WHO]), strict=False).to_physical()
        entity = pl.lit(self.known["entity"]).gather(place).cast(pl.Int64)
        period = pl.when(dated(pl.col(MONTH), self.grain)).then(pl.col(MONTH) // self.months - self.first)
        return entity * self.count + period

    def unpacked(self, groups: pl.DataFrame) -> pl.DataFrame:
        """Return groups with the columns entity and `MONTH` in place of the key."""
        groups = groups.filter(pl.col(KEY).is_not_null()) if groups[KEY].null_count() else groups
        month = (pl.col(KEY) % self.count + self.first) * self.months
        return groups.with_columns(
            (pl.col(KEY) // self.count).cast(pl.UInt32).alias("entity"), month.cast(pl.Int32).alias(MONTH)
        ).drop(KEY)


class _HashedKeys(Struct, frozen=True):
    """The key of entity and period with 94 bits of hashes of the finer unit, in one integer: `PER` is that number.

    Texts take twice the time and memory. With as many as a billion names, the probability that any two have the same
    hashes is below 1e-10.
    """

    of: EntityKeys

    @property
    def names(self) -> list[str]:
        """The names of the key columns."""
        return [KEY]

    def packed(self, apart: pl.Expr | None = None) -> list[pl.Expr]:
        """Return the keys of rows (Int128), null for rows without a group; of rows kept apart it is `UNEXPECTED`."""
        low = (pl.col(PER).hash(1) // (1 << 33)).cast(pl.Int64) * (1 << 32) + self.of.key()
        key = (pl.col(PER).hash(0) // 2).cast(pl.Int128) * pl.lit(1 << 64, pl.Int128) + low.cast(pl.Int128)
        if apart is not None:
            key = pl.when(apart).then(pl.lit(UNEXPECTED, pl.Int128)).otherwise(key)
        return [key.alias(KEY)]

    def unpacked(self, groups: pl.DataFrame) -> pl.DataFrame:
        """Return groups with the columns entity, `MONTH` and `PER` in place of the key."""
        low = pl.col(KEY).cast(pl.Int64, wrap_numerical=True) & 0xFFFFFFFF
        return self.of.unpacked(groups.with_columns(pl.col(KEY).alias(PER), low.alias(KEY)))
