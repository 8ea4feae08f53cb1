"""Plain figures of wide tables as codes: a column for each measure, whose cells are cast at once.

A figure is plain as in `fast_rows`: nothing has to be decided about its row, and its cell is a number. All other
cells leave as texts, one a row, for `reported.row_cleaning` to clean or refuse. The figures of a batch share the places
of their entities and periods, so a figure takes ten bytes until it is laid out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

import polars as pl

from kpi.intake.cells.numbers import LARGEST, as_cast, read_numbers, settled, within_bounds
from kpi.intake.entities import Entities
from kpi.intake.files.pieces import Piece
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import Placed, condition_columns, panel_columns
from kpi.intake.matching.notation import notation_of
from kpi.intake.reported.fast_rows import BATCH, Coding
from kpi.intake.reported.lookups import NOT_PLAIN
from kpi.intake.reported.plain_rows import Block, Coded, How, Otherwise, Plain
from kpi.intake.reported.row_cleaning import stacked, texts
from kpi.language.system import System
from kpi.process import progress
from kpi.process.prefetch import in_threads

#: How many cells are taken at a time for each row of a long table.
_CELLS = 4


@dataclass
class _Part:
    """Some rows: how many, the plain figures, and the rows of other cells by column; numbered as they are read.

    `passed_over` of them are left out.
    """

    height: int
    passed_over: int = 0
    plain: list[Plain | Block] = field(default_factory=list)
    odd: dict[str, pl.DataFrame] = field(default_factory=dict)


class Wide(Coding):
    """One reading of a table with a measure in each column; `others` are the `row_cleaning.texts` of its cells."""

    def __init__(self, source: Placed, system: System, entities: Entities, period: str | None, how: How) -> None:
        found = panel_columns(system, source.table, list(source.roles.values()))
        conditions = condition_columns(system)
        needed = {*source.roles.values(), *found, *conditions}
        super().__init__(source, system, entities, period, how, needed=needed)
        self.period = period
        #: The columns that a figure is cleaned with.
        self.beside = [*self.roles.values(), *(name for name in conditions if name in self.schema)]
        names = [measure for measure, _ in found.values()]
        places = [self.resolver.measures(names)[name].code for name in names]
        rows = [(unit or source.table.unit, None, measure) for measure, unit in found.values()]
        schema = {"unit": pl.String, "typed": pl.String, "name": pl.String}
        raw = pl.DataFrame(rows, schema=schema, orient="row")
        factors = self.resolver.factors(raw)
        into = raw.join(factors, on=list(schema), how="left", nulls_equal=True, maintain_order="left")
        #: The place of every column's measure and the factor into its unit, None where its cells are not plain.
        self.measures = {
            header: (place, factor) if place is not None and place >= 0 and factor is not None else None
            for header, place, factor in zip(found, places, into["factor"].to_list(), strict=True)
        }
        self.notations = {header: notation_of(source.dataset, source.table, header, how.unclear) for header in found}
        #: The columns whose cells can be read as numbers at once.
        self.castable = [header for header, one in self.notations.items() if one.decimal == "." and not one.unclear]
        self.size = max(BATCH * _CELLS // max(len(found), 1), 1)

    def run(self) -> Coded:
        """Reads the table."""
        odd: dict[str, list[pl.DataFrame]] = {header: [] for header in self.measures}
        with self.reading():
            for part in self.read():
                for one in part.plain:
                    if isinstance(one, Block):
                        one = replace(one, row=None if one.row is None else one.row + self.first)  # noqa: PLW2901
                    elif "row" in one.frame.columns:
                        one = replace(one, frame=self.numbered(one.frame, "row"))  # noqa: PLW2901
                    self.out.plain.append(replace(one, first=self.first))
                    self.out.read += one.size
                for header, rows in part.odd.items():
                    odd[header].append(texts(self.source, self.system, self.period, self.numbered(rows), only=header))
                self.rows += part.height
                self.out.passed_over += part.passed_over * len(self.measures)
                progress.advance(part.height)
        others = [one for some in odd.values() for one in some]
        self.out.others = stacked(others) if others else pl.DataFrame()
        self.out.read += self.out.others.height
        return self.out

    def read(self) -> Iterator[_Part]:
        """Yields the rows in their order."""
        if self.table.pieces is not None:
            return self.table.pieces.of(self.schema).map(self.of_piece)
        return in_threads(self.texts, self.batches())

    # ---- IN SEVERAL THREADS ---- #

    def of_piece(self, piece: Piece) -> _Part:
        """Returns the rows of a piece, their figures read as numbers at once where all are numbers or blank."""
        with suppress(pl.exceptions.ComputeError):
            whole = piece.scan(self.types | dict.fromkeys(self.castable, pl.Float64())).collect()
            batch = self.part_of_piece(whole)
            cells = [batch[header] for header in self.castable]
            zeros = piece.zeros_are_zero() or not any(bool((cell == 0).any()) for cell in cells)
            if zeros and (figures := self.figures(batch)) is not None:
                return replace(figures, height=whole.height, passed_over=whole.height - batch.height)
        whole = piece.scan(self.types).collect()
        batch = self.part_of_piece(whole)
        return replace(self.texts(batch), height=whole.height, passed_over=whole.height - batch.height)

    def texts(self, batch: pl.DataFrame) -> _Part:
        """Returns what `figures` does of rows whose cells are as they came."""
        figures = self.figures(batch)
        assert figures is not None  # noqa: S101
        return figures

    def figures(self, batch: pl.DataFrame) -> _Part | None:
        """Returns the plain figures of some rows, and the rows of the others.

        None where texts were read as numbers that no statistic can be: what they were is to be told.
        """
        out, every = _Part(batch.height), ROW not in batch.columns
        if not batch.height:
            return out
        batch = batch.with_row_index(ROW) if every else batch
        entity, period = self.meant(batch, "entity"), self.meant(batch, "period")
        bad = list(self.said(batch))
        bad += [one.fill_null(NOT_PLAIN) == NOT_PLAIN for one in (entity, period) if not _plain(one)]
        rows = ~_any(bad) if bad else None
        blank = self.blank(batch, entity, period)
        none = pl.repeat(value=False, n=batch.height, dtype=pl.Boolean, eager=True)
        whole = self.whole(batch) if rows is None else {}
        if whole and (block := self.block(whole, entity, period)) is not None:
            out.plain.append(block if every else replace(block, row=batch[ROW]))
        else:
            whole = {}
        for header, measure in self.measures.items():
            if header in whole:
                continue
            if self.schema[header] == pl.String != batch[header].dtype and not within_bounds(batch[header]):
                return None
            good: pl.Series | None = none
            if measure is not None:
                value, good = self.read_figures(header, batch[header], measure[1])
                good = rows if good is None else good if rows is None else good & rows
                place = pl.repeat(measure[0], batch.height, dtype=pl.Int32, eager=True)
                frame = pl.DataFrame({"measure": place, "entity": entity, "period": period, "value": value})
                if good is not None or not every:
                    frame = frame.with_columns(batch[ROW].alias("row"))
                frame = frame if good is None else frame.filter(good)
                if frame.height:
                    out.plain.append(Plain(frame, 0, {measure[0]}))
            if good is not None and (rest := ~good if blank is None else ~good & ~blank).any():
                out.odd[header] = self.as_they_came(batch.filter(rest), dict.fromkeys([*self.beside, header]))
        return out

    def read_figures(self, header: str, cells: pl.Series, factor: float) -> tuple[pl.Series, pl.Series | None]:
        """Return the figures of a column in the unit of its measure, and which of them are plain, None when all are."""
        notation, text = self.notations[header], cells.dtype == pl.String
        value = as_cast(cells, notation) if text else cells.cast(pl.Float64) if cells.dtype.is_numeric() else cells
        good = None
        if not settled(cells, value, notation):
            numbers = read_numbers(cells, value if text else None, notation)
            value = numbers["value"]
            self.decided(header, cells, numbers["problem"], notation)
            good = value.is_not_null() & numbers["unit"].is_null()
        value = value * factor
        if not within_bounds(value):
            within = pl.DataFrame([value.alias("value")]).select(pl.col("value").abs() <= LARGEST).to_series()
            good = within.fill_null(value=False) if good is None else good & within.fill_null(value=False)
        return value, good

    def whole(self, batch: pl.DataFrame) -> dict[str, pl.Series]:
        """Returns the columns that are numbers from top to bottom."""
        found = {}
        for header, measure in self.measures.items():
            cells, notation = batch[header], self.notations[header]
            if measure is not None and cells.dtype.is_numeric() and not cells.null_count():
                value = cells.cast(pl.Float64)
                if not notation.numbers or settled(cells, value, notation):
                    found[header] = value
            elif measure is not None and cells.dtype == pl.String:
                value = as_cast(cells, notation)
                if settled(cells, value, notation):
                    found[header] = value
        return found

    def block(self, cells: dict[str, pl.Series], entity: pl.Series, period: pl.Series) -> Block | None:
        """Returns the figures of columns without gaps, None where one is no statistic."""
        import numpy as np

        known = [measure for header in cells if (measure := self.measures[header]) is not None]
        # Column by column in memory. Not a number is neither below nor above anything.
        values = pl.DataFrame(cells).to_numpy(order="fortran", writable=True).T
        if any(factor != 1 for _, factor in known):
            values *= np.array([[factor] for _, factor in known])
        # There is no negative zero among statistics.
        values += 0.0
        if not (values.max() <= LARGEST and values.min() >= -LARGEST):
            return None
        return Block(entity, period, values, [place for place, _ in known], 0)

    def blank(self, batch: pl.DataFrame, entity: pl.Series, period: pl.Series) -> pl.Series | None:
        """Returns which rows are blank, None when none is; only those that name nobody can be."""
        nobody = entity.is_null() & period.is_null() if "period" in self.columns else entity.is_null()
        if not nobody.any():
            return None
        doubtful = nobody.arg_true()
        blank = self.as_they_came(batch[doubtful]).select(pl.all_horizontal(pl.exclude(ROW).is_null())).to_series()
        if self.partly and blank.any():
            raise Otherwise(replace(self.how, whole=True))
        return pl.repeat(value=False, n=batch.height, dtype=pl.Boolean, eager=True).scatter(doubtful, blank)


def _plain(places: pl.Series) -> bool:
    return not places.null_count() and places.min() != NOT_PLAIN


def _any(some: list[pl.Series]) -> pl.Series:
    return (
        pl.DataFrame([one.alias(str(at)) for at, one in enumerate(some)])
        .select(pl.any_horizontal(pl.all()))
        .to_series()
    )
