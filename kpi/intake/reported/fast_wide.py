"""Fast path of wide tables, which have a column for each measure: cells cast at once.

A figure is plain as in `fast_rows`: nothing has to be decided about its row, and its cell is a number. All other
cells become texts, one a row, for the careful path (`reported.row_cleaning`). The figures of a batch share the places
of their entities and periods, so a figure takes ten bytes until it is laid out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from kpi.intake.cells.numbers import LARGEST, as_cast, read_numbers, settled, within_bounds
from kpi.intake.entities import Entities
from kpi.intake.files.pieces import Piece
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import Placed, condition_columns, panel_columns
from kpi.intake.matching.notation import notation_of
from kpi.intake.reported.fast_rows import BATCH, Coding
from kpi.intake.reported.lookups import NOT_PLAIN
from kpi.intake.reported.plain_rows import Block, Coded, Plain
from kpi.intake.reported.read_plan import ReadPlan
from kpi.intake.reported.row_cleaning import stacked, texts
from kpi.language.system import System
from kpi.process import progress
from kpi.process.prefetch import in_threads

#: How many cells are taken at a time for each row of a long table.
_CELLS = 4


class _Part(Struct):
    """Rows of a table: how many, the plain figures, and the rows of other cells by column; numbered as they are read.

    `passed_over` of them are left out.
    """

    height: int
    passed_over: int = 0
    plain: list[Plain | Block] = field(default_factory=list)
    odd: dict[str, pl.DataFrame] = field(default_factory=dict)


#: Up to how many rows columns are put together one by one, which takes less time then.
_FEW = 10_000


class Wide(Coding):
    """One reading of a table with a measure in each column; `others` are the `row_cleaning.texts` of its cells."""

    def __init__(self, source: Placed, system: System, entities: Entities, period: str | None, plan: ReadPlan) -> None:
        headers = panel_columns(system, source.table, list(source.roles.values()))
        conditions = condition_columns(system)
        needed = {*source.roles.values(), *headers, *conditions}
        super().__init__(source, system, entities, period, plan, needed=needed)
        self.period = period
        #: The columns that a figure is cleaned with.
        self.beside = [*self.roles.values(), *(name for name in conditions if name in self.schema)]
        names = [measure for measure, _ in headers.values()]
        places = [self.resolver.measures(names)[name].code for name in names]
        factors = [self.resolver.factor(unit or source.table.unit, measure) for measure, unit in headers.values()]
        #: The place of every column's measure and the factor into its unit, None where its cells are not plain.
        self.measures = {
            header: (place, factor) if place is not None and place >= 0 and factor is not None else None
            for header, place, factor in zip(headers, places, factors, strict=True)
        }
        unclear = plan.columns.unclear
        self.notations = {header: notation_of(source.dataset, source.table, header, unclear) for header in headers}
        decided = source.table.numbers | source.table.mixed
        self.alike = frozenset(
            header for header, notation in self.notations.items()
            if notation.decimal == "." and header not in decided and not self.schema[header].is_numeric()
        )  # fmt: skip
        #: The columns whose cells can be read as numbers at once.
        self.castable = [
            header for header, notation in self.notations.items() if notation.decimal == "." and not notation.unclear
        ]
        self.size = max(BATCH * _CELLS // max(len(headers), 1), 1)
        self.odd: dict[str, list[pl.DataFrame]] = {header: [] for header in self.measures}

    def parts(self) -> Iterator[_Part]:
        """Yield the encoded parts of the table, in the order of their rows."""
        if self.table.pieces is not None:
            return self.table.pieces.of(self.schema).map(self.of_piece)
        return in_threads(self.texts, self.batches())

    def keep(self, part: _Part) -> None:
        """Keep the rows of a part, and count them."""
        for rows in part.plain:
            self.out.plain.append(self._in_sheet(rows))
            self.out.read += rows.size
        for header, frame in part.odd.items():
            self.odd[header].append(texts(self.source, self.system, self.period, self.numbered(frame), only=header))
        self.rows += part.height
        self.out.passed_over += part.passed_over * len(self.measures)
        progress.advance(part.height)

    def _in_sheet(self, rows: Plain | Block) -> Plain | Block:
        """Return plain rows with their numbers in the sheet."""
        if isinstance(rows, Block):
            return replace(rows, first=self.first, row=None if rows.row is None else rows.row + self.first)
        if "row" in rows.frame.columns:
            rows = replace(rows, frame=self.numbered(rows.frame, "row"))
        return replace(rows, first=self.first)

    def coded(self) -> Coded:
        """Return what was kept; `others` are the `row_cleaning.texts` of cells."""
        others = [rows for items in self.odd.values() for rows in items]
        self.out.others = stacked(others) if others else pl.DataFrame()
        self.out.read += self.out.others.height
        return self.out

    # ---- IN SEVERAL THREADS ---- #

    def of_piece(self, piece: Piece) -> _Part:
        """Return the rows of a piece, their figures parsed as numbers at once where all are numbers or blank."""
        with suppress(pl.exceptions.ComputeError):
            every = piece.scan(self.types | dict.fromkeys(self.castable, pl.Float64())).collect()
            batch = self.part_of_piece(every)
            cells = [batch[header] for header in self.castable]
            zeros = piece.zeros_are_zero() or not any(bool((cell == 0).any()) for cell in cells)
            if zeros and (figures := self.figures(batch)) is not None:
                return replace(figures, height=every.height, passed_over=every.height - batch.height)
        every = piece.scan(self.types).collect()
        batch = self.part_of_piece(every)
        return replace(self.texts(batch), height=every.height, passed_over=every.height - batch.height)

    def texts(self, batch: pl.DataFrame) -> _Part:
        """Return what `figures` does of rows whose cells are as they came."""
        figures = self.figures(batch)
        assert figures is not None  # noqa: S101
        return figures

    def figures(self, batch: pl.DataFrame) -> _Part | None:
        """Return the plain figures of some rows, and the rows of the others.

        None where texts were parsed as numbers that no statistic can be: a finding has to quote them.
        """
        out, every = _Part(batch.height), ROW not in batch.columns
        if not batch.height:
            return out
        batch = batch.with_row_index(ROW) if every else batch
        entity, period = self.codes(batch, "entity"), self.codes(batch, "period")
        bad = list(self.with_extras(batch))
        bad += [codes.fill_null(NOT_PLAIN) == NOT_PLAIN for codes in (entity, period) if not _plain(codes)]
        rows = ~_any(bad) if bad else None
        complete = self.complete_columns(batch) if rows is None else {}
        if complete and (block := self.block(complete, entity, period)) is not None:
            out.plain.append(block if every else replace(block, row=batch[ROW]))
        else:
            complete = {}
        if complete.keys() == self.measures.keys():
            return out
        blank = self.blank(batch, entity, period)
        keys = {"entity": entity, "period": period} | ({} if every else {"row": batch[ROW]})
        for header, measure in self.measures.items():
            if header in complete:
                continue
            if self.schema[header] == pl.String != batch[header].dtype and not within_bounds(batch[header]):
                return None
            good: pl.Series | None = pl.repeat(value=False, n=batch.height, dtype=pl.Boolean, eager=True)
            if measure is not None:
                plain, good = self.column(header, measure, batch, keys, rows)
                out.plain += [plain] if plain.size else []
            if good is not None and (rest := ~good if blank is None else ~good & ~blank).any():
                out.odd[header] = self.as_they_came(batch.filter(rest), dict.fromkeys([*self.beside, header]))
        return out

    def column(
        self, header: str, measure: tuple[int, float], batch: pl.DataFrame, keys: dict[str, pl.Series],
        rows: pl.Series | None,
    ) -> tuple[Plain, pl.Series | None]:  # fmt: skip
        """Return the plain figures of a column, and in which rows its cells are plain, None for all.

        Args:
            header: of the column.
            measure: its place and the factor into its unit.
            batch: the rows, with `ROW`.
            keys: their entities and periods, and the row numbers where these are not all rows.
            rows: which rows may be plain, None for all.
        """
        value, good = self.read_figures(header, batch[header], measure[1])
        good = rows if good is None else good if rows is None else good & rows
        place = pl.repeat(measure[0], batch.height, dtype=pl.Int32, eager=True)
        frame = pl.DataFrame({"measure": place, **keys, "value": value})
        if good is not None:
            frame = frame.with_columns(batch[ROW].alias("row")).filter(good)
        return Plain(frame, 0, {measure[0]}), good

    def read_figures(self, header: str, cells: pl.Series, factor: float) -> tuple[pl.Series, pl.Series | None]:
        """Return the figures of a column in the unit of its measure, and which of them are plain, None when all are."""
        notation, text = self.notations[header], cells.dtype == pl.String
        value = as_cast(cells, notation) if text else cells.cast(pl.Float64) if cells.dtype.is_numeric() else cells
        good = None
        if not settled(cells, value, notation):
            numbers = read_numbers(cells, value if text else None, notation)
            value = numbers["value"]
            self.check_decimals(header, cells, numbers["problem"], notation)
            good = value.is_not_null() & numbers["unit"].is_null()
        value = value * factor
        if not within_bounds(value):
            within = pl.DataFrame([value.alias("value")]).select(pl.col("value").abs() <= LARGEST).to_series()
            good = within.fill_null(value=False) if good is None else good & within.fill_null(value=False)
        return value, good

    def complete_columns(self, batch: pl.DataFrame) -> dict[str, pl.Series]:
        """Return the columns that are numbers from top to bottom."""
        columns = {}
        for header, measure in self.measures.items():
            cells, notation = batch[header], self.notations[header]
            if measure is not None and cells.dtype.is_numeric() and not cells.null_count():
                value = cells.cast(pl.Float64)
                if not notation.numbers or settled(cells, value, notation):
                    columns[header] = value
            elif measure is not None and cells.dtype == pl.String:
                value = as_cast(cells, notation)
                if settled(cells, value, notation):
                    columns[header] = value
        return columns

    def block(self, cells: dict[str, pl.Series], entity: pl.Series, period: pl.Series) -> Block | None:
        """Return the figures of columns without gaps, None where one is no statistic."""
        import numpy as np

        known = [measure for header in cells if (measure := self.measures[header]) is not None]
        # Column by column in memory. Not a number is neither below nor above anything.
        if len(entity) <= _FEW:
            values = np.array([series.to_numpy() for series in cells.values()])
        else:
            values = pl.DataFrame(cells).to_numpy(order="fortran", writable=True).T
        if any(factor != 1 for _, factor in known):
            values *= np.array([[factor] for _, factor in known])
        # There is no negative zero among statistics.
        values += 0.0
        if not (values.max() <= LARGEST and values.min() >= -LARGEST):
            return None
        return Block(entity, period, values, [place for place, _ in known], 0)

    def blank(self, batch: pl.DataFrame, entity: pl.Series, period: pl.Series) -> pl.Series | None:
        """Return which rows are blank, None when none is; only those that name no entity can be."""
        unnamed = entity.is_null() & period.is_null() if "period" in self.columns else entity.is_null()
        if not unnamed.any():
            return None
        doubtful = unnamed.arg_true()
        blank = self.as_they_came(batch[doubtful]).select(pl.all_horizontal(pl.exclude(ROW).is_null())).to_series()
        if self.partial and blank.any():
            self.require_all_columns()
        return pl.repeat(value=False, n=batch.height, dtype=pl.Boolean, eager=True).scatter(doubtful, blank)


def _plain(places: pl.Series) -> bool:
    return not places.null_count() and places.min() != NOT_PLAIN


def _any(conditions: list[pl.Series]) -> pl.Series:
    return (
        pl.DataFrame([series.alias(str(at)) for at, series in enumerate(conditions)])
        .select(pl.any_horizontal(pl.all()))
        .to_series()
    )
