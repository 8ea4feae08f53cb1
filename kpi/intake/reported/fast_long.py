"""Fast path of long tables, which have a figure in each row: codes of texts looked up, figures cast at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import polars as pl
from msgspec import Struct

from kpi.intake.cells.cell_text import as_text, texts_of
from kpi.intake.cells.numbers import LARGEST, read_numbers, settled, within_bounds
from kpi.intake.entities import Entities
from kpi.intake.files.pieces import Piece
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import Placed, condition_columns
from kpi.intake.matching.notation import notation_of
from kpi.intake.reported.fast_rows import Coding
from kpi.intake.reported.lookups import NOT_PLAIN
from kpi.intake.reported.plain_rows import LACKS, Coded, Plain
from kpi.intake.reported.read_plan import ReadPlan
from kpi.intake.row_findings import LIMIT
from kpi.language.system import System
from kpi.process import progress
from kpi.process.prefetch import in_threads

#: The column of the figures that a cast could make of texts; no cleaned header has a line break.
_CAST = "cast\n"

#: Of how many unknown measures rows are kept: a column of so many texts holds something else.
MOST_UNKNOWN = 1000


class _Figures(Struct, frozen=True):
    """Rows as codes and figures in the units of their measures, and for each reason which rows are not plain."""

    codes: pl.DataFrame
    value: pl.Series
    odd: list[pl.Series]

    def plain(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the codes and figures of all rows, with the numbers that some have."""
        numbers = [rows[ROW].alias("row")] if ROW in rows.columns else []
        return self.codes.hstack([self.value.alias("value"), *numbers])


class _Part(Struct, frozen=True):
    """Rows of a table, `height` with those passed over: as codes where all are `plain`, else as they came.

    `figures` are those of rows that are not plain, where they were read already.
    """

    rows: pl.DataFrame
    height: int
    plain: bool = False
    figures: _Figures | None = None


class Long(Coding):
    """One reading of a table with a figure in each row."""

    def __init__(self, source: Placed, system: System, entities: Entities, period: str | None, plan: ReadPlan) -> None:
        units = {measure.per for measure in system.measures.values() if measure.per is not None}
        needed = {*source.roles.values(), *condition_columns(system), *units}
        super().__init__(source, system, entities, period, plan, needed=needed)
        self.value = self.roles["value"]
        self.notation = notation_of(source.dataset, source.table, self.value, plan.columns.unclear)
        self.plain_parts = 0  # by how many they outnumber the others
        self.others: list[pl.DataFrame] = []
        self.listed = dict.fromkeys(LACKS, 0)  # how many rows that lack a measure, entity or period are among them
        self.unknowns: Counter[str] = Counter()  # how many rows of each unknown measure are

    def parts(self) -> Iterator[_Part]:
        """Yield the encoded parts of the table, in the order of their rows."""
        if self.table.pieces is not None:
            return self.table.pieces.of(self.schema).map(self.of_piece)
        return in_threads(self.of_batch, self.batches())

    def keep(self, part: _Part) -> None:
        """Keep the rows of a part, and count them."""
        rows = part.rows
        if part.plain:
            self.keep_plain(self.numbered(rows, "row") if "row" in rows.columns else rows)
        else:
            self.others += self.batch(rows, part.figures)
        self.plain_parts += 1 if part.plain else -1
        self.rows += part.height
        self.out.passed_over += part.height - rows.height
        progress.advance(part.height)

    def keep_plain(self, rows: pl.DataFrame) -> None:
        """Keep plain rows: those from `first` on, or those that their column `row` numbers."""
        if rows.height:
            self.out.plain.append(Plain(rows, self.first, self.lookups["measure"].places))
            self.out.read += rows.height

    def coded(self) -> Coded:
        """Return what was kept; `others` are rows as they came."""
        self.out.measures = self.lookups["measure"].texts.keys()
        others = self.others
        self.out.others = pl.concat(others).sort(ROW) if others else self.table.numbered().limit(0).collect()
        return self.out

    def cast(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Return the rows with their figures cast to numbers beside them."""
        if self.schema[self.value] != pl.String or self.notation.decimal != ".":
            return frame
        return frame.with_columns(pl.selectors.by_name(self.value).cast(pl.Float64, strict=False).alias(_CAST))

    # ---- IN SEVERAL THREADS ---- #

    def of_batch(self, batch: pl.DataFrame) -> _Part:
        """Return rows as codes where all are plain, else as they are; where most parts are not, it is not tried."""
        read = self.read_codes(batch) if self.plain_parts >= 0 else None
        if read is None or read.odd:
            return _Part(batch, batch.height, figures=read)
        return _Part(read.plain(batch), batch.height, plain=True)

    def of_piece(self, piece: Piece) -> _Part:
        """Return the rows of a piece as `of_batch` does, figures parsed as numbers at once where that is tried."""
        if self.plain_parts >= 0 and self.notation.decimal == "." and not self.notation.unclear:
            with suppress(pl.exceptions.ComputeError):
                every = piece.scan(self.types | {self.value: pl.Float64()}).collect()
                batch = self.part_of_piece(every)
                zero = batch[self.value] == 0
                zeros = bool(zero.any())
                if zeros:
                    batch = batch.with_columns(batch[self.value].set(zero, 0.0))
                if not zeros or piece.zeros_are_zero():
                    read = self.read_codes(batch)
                    if read is not None and not read.odd:
                        return _Part(read.plain(batch), every.height, plain=True)
        every = self.cast(piece.scan(self.types)).collect()
        return _Part(self.part_of_piece(every), every.height)

    def read_codes(self, batch: pl.DataFrame) -> _Figures | None:
        """Return rows as codes and figures, or None where one lacks a measure, an entity or a period."""
        codes = pl.DataFrame([self.codes(batch, role).alias(role) for role in LACKS])
        if any(codes[role].null_count() for role in LACKS):
            return None
        return _Figures(codes, *self.figures(batch, codes))

    # ---- ONE BATCH ---- #

    def batch(self, batch: pl.DataFrame, read: _Figures | None = None) -> list[pl.DataFrame]:
        """Keep the plain rows of a batch as codes and return the others as they came; `read` are its figures."""
        every = batch.height if self.table.only is None else None
        batch = self.numbered(batch)
        others: list[pl.DataFrame] = []
        if read is None:
            codes = pl.DataFrame([self.codes(batch, role).alias(role) for role in LACKS])
            if any(codes[role].null_count() for role in LACKS):
                others += self.lost(batch, codes)
                known = codes.select(pl.all_horizontal(pl.col(*LACKS).is_not_null())).to_series()
                self.check_decimals_of_lost(batch.filter(~known))
                batch, codes = batch.filter(known), codes.filter(known)
            read = _Figures(codes, *self.figures(batch, codes))
        codes, value, odd = read.codes, read.value, read.odd
        rows = batch[ROW]
        if odd:
            plain = ~pl.DataFrame(odd).select(pl.any_horizontal(pl.all())).to_series()
            others.append(self.as_they_came(batch.filter(~plain)))
            self.out.read += others[-1].height
            codes, value, rows = codes.filter(plain), value.filter(plain), rows.filter(plain)
        if codes.height:
            plain_rows = codes.with_columns(value.alias("value"))
            self.keep_plain(plain_rows if codes.height == every else plain_rows.with_columns(rows.alias("row")))
        return others

    def figures(self, batch: pl.DataFrame, codes: pl.DataFrame) -> tuple[pl.Series, list[pl.Series]]:
        """Return the figures in the units of their measures, and for each reason, if any, which rows are not plain."""
        odd: list[pl.Series] = []
        roles = [role for role in LACKS if role not in self.columns or self.has_not_plain(role)]
        if any(codes[role].min() == NOT_PLAIN for role in roles):
            odd.append(codes.select(pl.any_horizontal(pl.col(*LACKS) == NOT_PLAIN).alias("known")).to_series())
        cells, cast = batch[self.value], batch.get_column(_CAST, default=None)
        value = cast if cast is not None else cells.cast(pl.Float64) if cells.dtype.is_numeric() else cells
        if not settled(cells, value, self.notation):
            numbers = read_numbers(cells, cast, self.notation)
            value = numbers["value"]
            self.check_decimals(self.value, cells, numbers["problem"], self.notation)
            if numbers["unit"].null_count() < batch.height:
                odd.append(numbers["unit"].is_not_null().alias("typed"))
        odd += self.with_extras(batch)
        if "unit" in self.columns or self.table.unit is not None:
            place = codes["measure"].cast(pl.Int32, wrap_numerical=True)
            if "unit" in self.columns:
                unit = self.codes(batch, "unit")
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

    def check_decimals_of_lost(self, rows: pl.DataFrame) -> None:
        """Check the figures of rows that are lost: they show how the column is written as well."""
        cells, cast = rows[self.value], rows.get_column(_CAST, default=None)
        if cast is not None and (odd := cast.is_null() & cells.is_not_null()).any():
            texts = cells.filter(odd)
            self.check_decimals(self.value, texts, texts, self.notation)

    def lost(self, batch: pl.DataFrame, codes: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Yield the first rows that lack a measure, an entity or a period, and count the rest, without blank rows.

        Rows that are about no unit are yielded all.
        """
        rest = self.filled(batch, codes)
        if self.has_not_plain("entity"):
            lacking = codes.select(pl.any_horizontal(pl.col(*LACKS).is_null())).to_series()
            aside = rest & lacking & (codes["entity"] == NOT_PLAIN).fill_null(value=False)
            if aside.any():
                self.out.read += int(aside.sum())
                yield self.as_they_came(batch.filter(aside))
                rest &= ~aside
        if (rest & codes["measure"].is_null()).any():
            headings = rest & self.headings(batch)
            self.out.read += int(headings.sum())
            yield self.as_they_came(batch.filter(headings))
            rest &= ~headings
        for role in LACKS:
            mine = rest & codes[role].is_null()
            rest &= codes[role].is_not_null()
            if role == "measure" and mine.any():
                named = mine & self.has_text(batch, self.columns[role])
                mine &= ~named
                yield from self.unknown(batch, named.arg_true())
            if many := int(mine.sum()):
                listed = min(many, LIMIT - self.listed[role])
                self.listed[role] += listed
                self.out.read += many
                self.out.lost[role] += many - listed
                yield self.as_they_came(batch[mine.arg_true().head(listed)])

    def has_text(self, batch: pl.DataFrame, header: str) -> pl.Series:
        """Return which rows have a text in a column."""
        text = as_text(header).str.strip_chars().fill_null("")
        return batch.select((text != "").alias(header)).to_series()

    def headings(self, batch: pl.DataFrame) -> pl.Series:
        """Return which rows name an entity and have neither measure, period nor figure."""
        if "entity" not in self.columns:
            return pl.repeat(value=False, n=batch.height, eager=True)
        named = self.has_text(batch, self.columns["entity"])
        for header in {self.value, *(self.columns[role] for role in ("measure", "period") if role in self.columns)}:
            named &= ~self.has_text(batch, header)
        return named

    def unknown(self, batch: pl.DataFrame, rows: pl.Series) -> Iterator[pl.DataFrame]:
        """Yield the first rows of each text that names no measure, and count the rest by text."""
        texts = texts_of(batch[self.columns["measure"]].gather(rows)).str.strip_chars()
        named = pl.DataFrame({"at": rows, "text": texts}).with_columns(nth=pl.int_range(pl.len()).over("text"))
        counts = dict(named.group_by("text", maintain_order=True).len().rows())
        new = [text for text in counts if text not in self.unknowns][: max(MOST_UNKNOWN - len(self.unknowns), 0)]
        room = {text: LIMIT - self.unknowns[text] for text in counts if text in self.unknowns} | dict.fromkeys(
            new, LIMIT
        )
        most = pl.col("text").replace_strict(room, default=0, return_dtype=pl.Int64)
        taken = named.filter(pl.col("nth") < most)
        kept = dict(taken.group_by("text").len().rows())
        self.unknowns.update(kept)
        self.out.unknown.update({text: many - kept.get(text, 0) for text, many in counts.items()})
        self.out.read += len(rows)
        yield self.as_they_came(batch[taken["at"]])

    def filled(self, batch: pl.DataFrame, codes: pl.DataFrame) -> pl.Series:
        """Return which rows are not blank; only those whose texts mean nothing can be."""
        named = [role for role in LACKS if role in self.columns]
        nothing = codes.select(pl.all_horizontal(pl.col(*named).is_null())).to_series()
        doubtful = nothing.arg_true()
        rows = self.as_they_came(batch[doubtful])
        if self.partial and rows.select(pl.all_horizontal(pl.exclude(ROW).is_null()).any()).item():
            self.require_all_columns()
        return (~nothing).scatter(doubtful, rows.select(pl.any_horizontal(pl.exclude(ROW).is_not_null())).to_series())
