"""Plain reported rows as codes: one pass over a long table in batches, texts read once each, figures cast at once.

A row is *plain* when nothing has to be decided about it: its measure, entity, period and unit are known, its figure is
a number, its period is exactly a scored one, and it has no revision, target or note. Plain rows become small integers
beside a Float64; all others leave as they came, for `kpi.intake.reported` to clean or refuse. So a table of many
million rows needs little more memory than its figures.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import polars as pl

from kpi import progress
from kpi.ahead import in_threads
from kpi.intake.conversion import Factors
from kpi.intake.entities import Entities
from kpi.intake.facts import wholes
from kpi.intake.findings import LIMIT
from kpi.intake.match import Placed
from kpi.intake.meanings import NOT_PLAIN, Lookup, condition_columns, entity_meaning, measure_meaning, period_meaning
from kpi.intake.numbers import LARGEST, read_numbers, settled, within_bounds
from kpi.intake.pieces import Piece, Unfit
from kpi.intake.plain import LACKS, Coded, How, Otherwise, Plain, attempted
from kpi.intake.table import ROW
from kpi.system import System

#: How many rows are taken at a time.
BATCH = 500_000

#: The column of the figures that a cast could make of texts; no cleaned header has a line break.
_CAST = "cast\n"

#: What Polars 2.1 says when the codes of a column have run out.
_CROWDED = ("more categories than the maximum", "as dtype `cat`")


class Coding(ABC):
    """One reading of one table in batches: what its texts mean, looked up as they come.

    Columns that nothing needs are read only where one is the `whole` of a row.
    """

    def __init__(
        self, source: Placed, system: System, entities: Entities | None, period: str | None, how: How,
        *, needed: Collection[str] = (),
    ) -> None:  # fmt: skip
        self.table, self.system, self.how = source.table, system, how
        every = source.table.frame.collect_schema()
        self.schema = pl.Schema({name: dtype for name, dtype in every.items() if how.whole or name in needed})
        self.partly = len(self.schema) < len(every)
        self.factors = Factors(system, source.table.unit)
        self.roles = {role: header for role, header in source.roles.items() if header in self.schema}
        texts = {role: self.roles.get(role) for role in ("measure", "period", "unit")}
        texts["entity"] = self.roles.get("entity", self.roles.get("code"))
        self.columns = {role: header for role, header in texts.items() if header is not None}
        self.extras = [self.roles[role] for role in ("revision", "target", "note") if role in self.roles]
        self.look = {
            "measure": Lookup(measure_meaning(system)),
            "entity": Lookup(self._places_of_names if entities is None else entity_meaning(entities)),
            "period": Lookup(period_meaning(system)),
            "unit": Lookup(self.factors.places),
        }
        code = pl.UInt32 if how.many else pl.UInt16  # which is quicker to make and to look up
        self.types = {header: pl.Categorical(pl.Categories.random(physical=code)) for header in self.columns.values()}
        # What was seen of a type is forgotten with the last column of it.
        self.kept = [pl.Series(dtype=dtype) for dtype in self.types.values()]
        self.same_period = None if period is None else period_meaning(system)([period])[0]
        self.size, self.rows = BATCH, 0
        self.out = Coded(pl.DataFrame())

    @classmethod
    def of(cls, source: Placed, system: System, entities: Entities | None, period: str | None) -> Coded:
        """Returns the figures of a table, plain ones apart.

        Args:
            source: the table and what its columns are.
            system: gives measures and units.
            entities: who there is; None: whoever the table names.
            period: the period of every row, for tables without a period column.

        Raises:
            Unfit: an unchecked table is not what it was taken for.
        """
        return attempted(lambda how: cls(source, system, entities, period, how).run())

    @abstractmethod
    def run(self) -> Coded:
        """Reads the table.

        Raises:
            Otherwise: it is to be read in a less simple way.
        """

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Names the stage, and checks at its end that all rows have come.

        Raises:
            Otherwise: a column has too many texts.
            Unfit: an unchecked table is not what it was taken for.
            ComputeError: rows are lost.
        """
        with progress.stage(f"reading {self.table.file}", self.table.size or self.table.about):
            try:
                yield
            except (pl.exceptions.ComputeError, pl.exceptions.SchemaError) as error:
                if not self.how.many and any(words in str(error) for words in _CROWDED):
                    raise Otherwise(replace(self.how, many=True)) from None
                if self.table.pieces is None:
                    raise
                raise Unfit from error
        if self.table.size not in (None, self.rows):
            # Polars 2.1 takes a panic of its reader for the end of the batches.
            raise pl.exceptions.ComputeError(f"{self.table.size:,} rows are in the file, {self.rows:,} could be read")

    def batches(self) -> Iterator[pl.DataFrame]:
        """Yields the rows in their order; what is looked up is Categorical."""
        if self.table.scan is not None:
            frame = self.table.scan(self.types)
        else:
            frame = self.table.frame if self.table.cells is None else self.table.cells
            frame = frame.with_columns(
                pl.selectors.by_name(header).cast(pl.String).cast(dtype).alias(self.code(header))
                for header, dtype in self.types.items()
            )
        codes = pl.selectors.by_name(*(self.code(header) for header in self.types))
        rows = self.cast(frame.select(pl.selectors.by_name(*self.schema) | codes))
        yield from rows.collect_batches(chunk_size=self.size)

    def cast(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Returns the rows with what is made of them while they are read."""
        return frame

    def code(self, header: str) -> str:
        """Returns the column of the codes of a column's texts; no header has a line break."""
        return header if self.schema[header] == pl.String else f"code\n{header}"

    def meant(self, batch: pl.DataFrame, role: str) -> pl.Series:
        """Returns what every row says in a role: a place, `NOT_PLAIN`, or null for nothing."""
        if role in self.columns:
            return self.look[role].of(batch[self.code(self.columns[role])])
        same = self.same_period if role == "period" else None
        return pl.repeat(same, batch.height, dtype=pl.Int32, eager=True)

    def said(self, batch: pl.DataFrame) -> Iterator[pl.Series]:
        """Yields which rows say something that plain rows do not."""
        for header in self.extras:
            if batch[header].null_count() < batch.height:
                text = pl.selectors.by_name(header).cast(pl.String).str.strip_chars()
                yield batch.select((text.fill_null("") != "").alias(header)).to_series()

    def as_they_came(self, batch: pl.DataFrame, names: Collection[str] | None = None) -> pl.DataFrame:
        """Returns rows with the columns, some or all, types and nulls that the table has."""
        # NOTE: not pl.col, which takes a header such as ^.*$ for a pattern.
        wanted = self.schema if names is None else {name: self.schema[name] for name in names}
        rows = batch.select(ROW, *(pl.selectors.by_name(name).cast(dtype) for name, dtype in wanted.items()))
        if self.table.cells is None:
            return rows
        return rows.with_columns(pl.when(pl.col(pl.String).str.strip_chars() != "").then(pl.col(pl.String)))

    def _places_of_names(self, texts: list[str]) -> list[int | None]:
        known = set(wholes(self.system))
        names = [text for text in texts if text not in known]
        places = dict(zip(names, range(len(self.out.names), len(self.out.names) + len(names)), strict=True))
        self.out.names += names
        return [places.get(text, NOT_PLAIN) for text in texts]


class Long(Coding):
    """One reading of a table with a figure in each row."""

    def __init__(self, source: Placed, system: System, entities: Entities | None, period: str | None, how: How) -> None:
        units = {one.per for one in system.measures.values() if one.per is not None}
        needed = {*source.roles.values(), *condition_columns(system), *units}
        super().__init__(source, system, entities, period, how, needed=needed)
        self.value = self.roles["value"]
        #: The columns of names and codes, where there are both.
        self.both = [self.roles[role] for role in ("entity", "code") if {"entity", "code"} <= self.roles.keys()]
        self.plain_parts = 0  # by how many they outnumber the others
        self.told = dict.fromkeys(LACKS, 0)

    def run(self) -> Coded:
        """Reads the table; `others` are its rows as they came."""
        parts: list[pl.DataFrame] = []
        with self.reading():
            for rows, plain in self.read():
                if plain:
                    self.keep(rows, self.table.first_row + self.rows)
                else:
                    parts += self.batch(rows)
                self.plain_parts += 1 if plain else -1
                self.rows += rows.height
                progress.advance(rows.height)
        self.out.others = pl.concat(parts).sort(ROW) if parts else self.table.numbered().limit(0).collect()
        return self.out

    def read(self) -> Iterator[tuple[pl.DataFrame, bool]]:
        """Yields the rows in their order: as codes, and true, where all of some are plain, else as they are read."""
        if self.table.pieces is not None:
            return self.table.pieces.of(self.schema).map(self.of_piece)
        return in_threads(self.of_batch, self.batches())

    def keep(self, rows: pl.DataFrame, first: int) -> None:
        """Keeps plain rows, those that follow the row `first`."""
        self.out.plain.append(Plain(rows, first, self.look["measure"].places))
        self.out.read += rows.height

    def cast(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Returns the rows with the numbers that a cast makes of their figures beside them."""
        if self.schema[self.value] != pl.String:
            return frame
        return frame.with_columns(pl.selectors.by_name(self.value).cast(pl.Float64, strict=False).alias(_CAST))

    # ---- IN SEVERAL THREADS ---- #

    def of_batch(self, batch: pl.DataFrame) -> tuple[pl.DataFrame, bool]:
        """Returns rows as codes and true where all are plain, else as they are and false.

        Where that is mostly so, it is not tried.
        """
        rows = self.plain(batch) if self.plain_parts >= 0 else None
        return (batch, False) if rows is None else (rows, True)

    def of_piece(self, piece: Piece) -> tuple[pl.DataFrame, bool]:
        """Returns the rows of a piece as `of_batch` does, their figures read as numbers at once where that is tried."""
        if self.plain_parts >= 0:
            with suppress(pl.exceptions.ComputeError):
                batch = piece.scan(self.types | {self.value: pl.Float64()}).collect()
                zero = batch[self.value] == 0
                zeros = bool(zero.any())
                if zeros:
                    batch = batch.with_columns(batch[self.value].set(zero, 0.0))
                if (not zeros or piece.zeros_are_zero()) and (rows := self.plain(batch)) is not None:
                    return rows, True
        return self.cast(piece.scan(self.types)).collect(), False

    def plain(self, batch: pl.DataFrame) -> pl.DataFrame | None:
        """Returns rows as codes, or None where some row is not plain."""
        found = pl.DataFrame([self.meant(batch, role).alias(role) for role in LACKS])
        if any(found[role].null_count() for role in LACKS):
            return None
        value, odd = self.figures(batch, found)
        return None if odd else found.hstack([value.alias("value")])

    # ---- ONE BATCH ---- #

    def batch(self, batch: pl.DataFrame) -> list[pl.DataFrame]:
        """Keeps the plain rows of a batch as codes and returns the others as they came."""
        height, first = batch.height, self.table.first_row + self.rows
        batch = batch.with_row_index(ROW, offset=first)
        found = pl.DataFrame([self.meant(batch, role).alias(role) for role in LACKS])
        others: list[pl.DataFrame] = []
        if any(found[role].null_count() for role in LACKS):
            others += self.lost(batch, found)
            known = found.select(pl.all_horizontal(pl.col(*LACKS).is_not_null())).to_series()
            batch, found = batch.filter(known), found.filter(known)
        value, odd = self.figures(batch, found)
        rows = batch[ROW]
        if odd:
            plain = ~pl.DataFrame(odd).select(pl.any_horizontal(pl.all())).to_series()
            others.append(self.as_they_came(batch.filter(~plain)))
            self.out.read += others[-1].height
            found, value, rows = found.filter(plain), value.filter(plain), rows.filter(plain)
        if found.height:
            plain_rows = found.with_columns(value.alias("value"))
            if found.height < height:
                plain_rows = plain_rows.with_columns(rows.alias("row"))
            self.keep(plain_rows, first)
        return others

    def figures(self, batch: pl.DataFrame, found: pl.DataFrame) -> tuple[pl.Series, list[pl.Series]]:
        """Returns the figures in the units of their measures, and by what reason, if any, which rows are not plain."""
        odd: list[pl.Series] = []
        if any(found[role].min() == NOT_PLAIN for role in LACKS if role not in self.columns or self.look[role].odd):
            odd.append(found.select(pl.any_horizontal(pl.col(*LACKS) == NOT_PLAIN).alias("known")).to_series())
        cells, cast = batch[self.value], batch.get_column(_CAST, default=None)
        value = cast if cast is not None else cells.cast(pl.Float64) if cells.dtype.is_numeric() else cells
        if not settled(cells, value):
            numbers = read_numbers(cells, cast)
            value = numbers["value"]
            if numbers["unit"].null_count() < batch.height:
                odd.append(numbers["unit"].is_not_null().alias("typed"))
        odd += self.said(batch)
        if "unit" in self.columns or self.table.unit is not None:
            place = found["measure"].cast(pl.Int32, wrap_numerical=True)
            if "unit" in self.columns:
                unit = self.meant(batch, "unit")
                place = place + (unit.fill_null(0) if unit.null_count() else unit)
            if odd:
                none = pl.repeat(None, batch.height, dtype=pl.Int32, eager=True)
                place = none.zip_with(pl.DataFrame(odd).select(pl.any_horizontal(pl.all())).to_series(), place)
            value = value * self.factors.of(place)
        if value.null_count():
            odd.append(value.is_null().alias("no figure"))
        if not within_bounds(value):
            odd.append((value.abs() > LARGEST).fill_null(value=False).alias("too large"))
        return value, odd

    def lost(self, batch: pl.DataFrame, found: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Yields the first rows that lack a measure, an entity or a period, and counts the rest, without blank rows.

        Rows that have the code of an entity instead of its name are yielded all.
        """
        rest = self.filled(batch, found)
        for role in LACKS:
            mine = rest & found[role].is_null()
            rest &= found[role].is_not_null()
            if role == "entity" and self.both and (by_code := mine & self.coded_only(batch)).any():
                mine &= ~by_code
                self.out.read += int(by_code.sum())
                yield self.as_they_came(batch.filter(by_code))
            if many := int(mine.sum()):
                told = min(many, LIMIT - self.told[role])
                self.told[role] += told
                self.out.read += many
                self.out.lost[role] += many - told
                yield self.as_they_came(batch[mine.arg_true().head(told)])

    def coded_only(self, batch: pl.DataFrame) -> pl.Series:
        """Returns which rows have a code but no name."""
        name, code = (pl.selectors.by_name(one).cast(pl.String).str.strip_chars().fill_null("") for one in self.both)
        return batch.select((name == "").alias("none") & (code != "")).to_series()

    def filled(self, batch: pl.DataFrame, found: pl.DataFrame) -> pl.Series:
        """Returns which rows are not blank; only those whose texts mean nothing can be."""
        named = [role for role in LACKS if role in self.columns]
        nothing = found.select(pl.all_horizontal(pl.col(*named).is_null())).to_series()
        doubtful = nothing.arg_true()
        rows = self.as_they_came(batch[doubtful])
        if self.partly and rows.select(pl.all_horizontal(pl.exclude(ROW).is_null()).any()).item():
            raise Otherwise(replace(self.how, whole=True))
        return (~nothing).scatter(doubtful, rows.select(pl.any_horizontal(pl.exclude(ROW).is_not_null())).to_series())
