"""Reported rows as codes: one pass over a table in batches, what its texts mean read once each.

A row is *plain* when nothing has to be decided about it: its measure, entity, period and unit are known, its figure is
a number, its period is exactly a scored one, and it has no revision, target or note. Plain rows become small integers
beside a Float64; all others leave as they came, for `reported.row_cleaning` to clean or refuse. So a table of many
million rows needs little more memory than its figures. `fast_long` and `fast_wide` are the two shapes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock

import polars as pl

from kpi.intake.cells.numbers import Notation, undecided
from kpi.intake.entities import BESIDE, Entities
from kpi.intake.files.pieces import Unfit
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import Placed
from kpi.intake.matching.entity_codes import both
from kpi.intake.reported.lookups import NOT_PLAIN, EntityText, Lookup, MeasureText, PeriodText, Resolver, identified
from kpi.intake.reported.plain_rows import Coded, How, Otherwise, attempted
from kpi.language.system import System
from kpi.process import progress

#: How many rows are taken at a time.
BATCH = 500_000

#: What Polars 2.1 says when the codes of a column have run out.
_CROWDED = ("more categories than the maximum", "as dtype `cat`")


class Coding(ABC):
    """One reading of one table in batches: what its texts mean, looked up as they come.

    Columns that nothing needs are read only where one is the `whole` of a row.
    """

    def __init__(
        self, source: Placed, system: System, entities: Entities, period: str | None, how: How,
        *, needed: Collection[str] = (),
    ) -> None:  # fmt: skip
        self.source, self.table, self.system, self.how = source, source.table, system, how
        every = source.table.frame.collect_schema()
        self.schema = pl.Schema({name: dtype for name, dtype in every.items() if how.whole or name in needed})
        self.partly = len(self.schema) < len(every)
        self.resolver = Resolver(source, system, entities)
        self.factors = self.resolver.unit_places
        self.roles = {role: header for role, header in source.roles.items() if header in self.schema}
        texts = {role: self.roles.get(role) for role in ("measure", "period", "unit")}
        texts["entity"] = self.roles.get("entity", self.roles.get("code"))
        texts["code"] = None if both(source) is None else self.roles["code"]
        self.columns = {role: header for role, header in texts.items() if header is not None}
        self.extras = [self.roles[role] for role in ("revision", "target", "note") if role in self.roles]
        self.look = {
            "measure": Lookup(lambda texts: _codes(self.resolver.measures(texts), texts)),
            "entity": Lookup(self._codes_of_names),
            "code": Lookup(self._codes_of_codes),
            "period": Lookup(lambda texts: _codes(self.resolver.periods(texts), texts)),
            "unit": Lookup(self.factors.places),
        }
        if source.table.pieces is not None and source.table.pieces.encoding == "gb18030":
            for look in self.look.values():
                look.unmixed = True
        code = pl.UInt32 if how.many else pl.UInt16  # which is quicker to make and to look up
        self.types = {header: pl.Categorical(pl.Categories.random(physical=code)) for header in self.columns.values()}
        # What was seen of a type is forgotten with the last column of it.
        self.kept = [pl.Series(dtype=dtype) for dtype in self.types.values()]
        self.same_period = None if period is None else self.resolver.periods([period])[period].code
        self.named = not entities.closed
        self.size, self.rows = BATCH, 0
        self._naming = Lock()
        self.out = Coded(pl.DataFrame(), self.resolver, unclear=how.unclear)

    @classmethod
    def of(cls, source: Placed, system: System, entities: Entities, period: str | None) -> Coded:
        """Returns the figures of a table, plain ones apart.

        Args:
            source: the table and what its columns are.
            system: gives measures and units.
            entities: who there is by a roster; without one, who is no entity (the wholes, and names of several units),
                and so whoever else the table names.
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
        self.table.all_read(self.rows)

    def batches(self) -> Iterator[pl.DataFrame]:
        """Yields the rows in their order; what is looked up is Categorical."""
        frame = self.rows_of_file()
        if (self.table.whole or self.table).scan is None:
            frame = frame.with_columns(
                pl.selectors.by_name(header).cast(pl.String).cast(dtype).alias(self.code(header))
                for header, dtype in self.types.items()
            )
        names = [*self.schema, *(self.code(header) for header in self.types)]
        names += [] if self.table.only is None else [ROW]
        rows = self.cast(frame.select(pl.selectors.by_name(*dict.fromkeys(names))))
        yield from rows.collect_batches(chunk_size=self.size)

    def rows_of_file(self) -> pl.LazyFrame:
        """Returns the rows that are wanted, with their numbers where these are not all."""
        whole, only = self.table.whole or self.table, self.table.only
        frame = whole.raw if whole.scan is None else whole.scan(self.types)
        if only is None:
            return frame
        if whole.numbered_cells is not None:
            return whole.numbered_cells.filter(only)
        return frame.with_row_index(ROW, offset=self.table.first_row).filter(only)

    def part_of_piece(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Returns the rows of a piece that are wanted, numbered from 0 where these are not all."""
        if self.table.only is None:
            return rows
        if self.named:
            self.meant(rows, "entity")  # whoever is named anywhere is there
        return rows.with_row_index(ROW).filter(self.table.only)

    @property
    def first(self) -> int:
        """The number in the sheet of the first row of what is read at once, or 0 where rows have theirs."""
        has_numbers = self.table.only is not None and self.table.pieces is None
        return 0 if has_numbers else self.table.first_row + self.rows

    def numbered(self, rows: pl.DataFrame, name: str = ROW) -> pl.DataFrame:
        """Returns rows with their numbers in the sheet in the column `name`, which may count from `first`."""
        if name in rows.columns:
            return rows.with_columns(pl.col(name) + self.first)
        return rows.with_row_index(name, offset=self.first)

    def cast(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Returns the rows with what is made of them while they are read."""
        return frame

    def decided(self, header: str, cells: pl.Series, problem: pl.Series, notation: Notation) -> None:
        """Check that no cell of a column is the first with a decimal comma that is not declared.

        Args:
            header: of the column.
            cells: some of its cells.
            problem: what is wrong with each.
            notation: with which they were read.

        Raises:
            Otherwise: the column is to be read anew.
        """
        if notation.unclear or notation.decimal != "." or problem.null_count() == len(problem):
            return
        if undecided(cells, problem, notation).any():
            raise Otherwise(replace(self.how, unclear=self.how.unclear | {header}))

    def code(self, header: str) -> str:
        """Returns the column of the codes of a column's texts; no header has a line break."""
        return header if self.schema[header] == pl.String else f"code\n{header}"

    def meant(self, batch: pl.DataFrame, role: str) -> pl.Series:
        """Returns what every row says in a role: a place, `NOT_PLAIN`, or null for nothing."""
        if role == "entity" and "code" in self.columns:
            return self._identified(batch)
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

    def odd(self, role: str) -> bool:
        """Returns whether some text was seen that is known in a role but never plain."""
        return self.look[role].odd or (role == "entity" and self.look["code"].odd)

    def _identified(self, batch: pl.DataFrame) -> pl.Series:
        """Return who rows with names and codes are about."""
        name, code = (self.look[role].of(batch[self.code(self.columns[role])]) for role in ("entity", "code"))
        return identified(name, code, closed=not self.named)

    def _codes_of_names(self, texts: list[str]) -> list[int | None]:
        names = self.resolver.names(texts)
        if not self.named:
            return _codes(names, texts)
        return self._numbers([text if names[text].reason == "unknown" else None for text in texts])

    def _codes_of_codes(self, texts: list[str]) -> list[int | None]:
        if not self.named:
            return _codes(self.resolver.codes(texts), texts)
        return self._numbers([f"{text}{BESIDE}" for text in texts])

    def _numbers(self, names: list[str | None]) -> list[int | None]:
        """Return the places of names among those seen so far, `NOT_PLAIN` for None."""
        with self._naming:
            first = len(self.out.names)
            self.out.names += [name for name in names if name is not None]
        at = iter(range(first, first + len(names)))
        return [NOT_PLAIN if name is None else next(at) for name in names]


def _codes(meanings: Mapping[str, MeasureText | EntityText | PeriodText], texts: list[str]) -> list[int | None]:
    return [meanings[text].code for text in texts]
