"""Fast path: encode plain reported rows as codes, in one pass over a table in batches.

A row is *plain* when nothing has to be decided about it: its measure, entity, period and unit are known, its figure is
a number, its period is exactly a scored one, and it has no revision (or 0), target or note. Plain rows become small
integers beside a Float64; all others stay as they came, for the careful path (`reported.row_cleaning`). So a table of
many million rows needs little more memory than its figures. `fast_long` and `fast_wide` are the two shapes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from threading import Lock
from typing import Any

import polars as pl
from msgspec.structs import replace

from kpi.errors import Message
from kpi.intake.cells.cell_text import as_text
from kpi.intake.cells.numbers import Notation, undecided
from kpi.intake.entities import BESIDE, Entities
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import Placed
from kpi.intake.matching.entity_codes import both, repeats_heading
from kpi.intake.reported.lookups import (
    NOT_PLAIN,
    Codes,
    EntityText,
    Lookup,
    MeasureText,
    PeriodText,
    Resolver,
    identified,
)
from kpi.intake.reported.plain_rows import Coded
from kpi.intake.reported.read_plan import Escalate, ReadPlan, settled
from kpi.language.system import System
from kpi.process import progress

#: How many rows are read at a time.
BATCH = 500_000

#: The message of Polars 2.1 when the codes of a column are exhausted.
_CROWDED = ("more categories than the maximum", "as dtype `cat`")


class Coding(ABC):
    """One reading of one table in batches, by a plan; distinct texts are resolved as they come.

    Parts are encoded in several threads. What shows there that the plan is not sufficient is noted, and ends the
    reading after the part at hand.
    """

    def __init__(
        self, source: Placed, system: System, entities: Entities, period: str | None, plan: ReadPlan,
        *, needed: Collection[str] = (),
    ) -> None:  # fmt: skip
        self.source, self.table, self.system, self.plan = source, source.table, system, plan
        every, complete = source.table.frame.collect_schema(), plan.columns.complete
        self.schema = pl.Schema({name: dtype for name, dtype in every.items() if complete or name in needed})
        self.partial = len(self.schema) < len(every)
        self.resolver = Resolver(source, system, entities)
        self.factors = self.resolver.unit_places
        self.roles = {role: header for role, header in source.roles.items() if header in self.schema}
        texts = {role: self.roles.get(role) for role in ("measure", "period", "unit")}
        texts["entity"] = self.roles.get("entity", self.roles.get("code"))
        texts["code"] = None if both(source) is None else self.roles["code"]
        self.columns = {role: header for role, header in texts.items() if header is not None}
        self.extras = [self.roles[role] for role in ("revision", "target", "note") if role in self.roles]
        codes: dict[str, Codes] = {
            "measure": lambda texts: _codes(self.resolver.measures(texts), texts),
            "entity": self._codes_of_names,
            "code": self._codes_of_codes,
            "period": lambda texts: _codes(self.resolver.periods(texts), texts),
            "unit": self.factors.places,
        }
        gb18030 = source.table.pieces is not None and source.table.pieces.encoding == "gb18030"
        self.lookups = {role: Lookup(items, gb18030=gb18030) for role, items in codes.items()}
        code = pl.UInt32 if plan.columns.many_texts else pl.UInt16  # which is quicker to make and to look up
        self.types = {header: pl.Categorical(pl.Categories.random(physical=code)) for header in self.columns.values()}
        # The categories of a type are forgotten with the last column of it.
        self.kept = [pl.Series(dtype=dtype) for dtype in self.types.values()]
        self.same_period = None if period is None else self.resolver.periods([period])[period].code
        self.open = not entities.closed
        self.size, self.rows = BATCH, 0
        self._naming, self._requiring = Lock(), Lock()
        self._required = plan.columns
        self.out = Coded(pl.DataFrame(), self.resolver, unclear=plan.columns.unclear)
        #: The columns of texts that are all undecided where two are: a file is written with one decimal mark.
        self.alike: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, source: Placed, system: System, entities: Entities, period: str | None, plan: ReadPlan | None = None
    ) -> Coded | Escalate:
        """Return the figures of a table, plain ones apart, or the plan by which to open all files anew.

        Args:
            source: the table and what its columns are.
            system: gives measures and units.
            entities: the entities of a roster; without one, who is no entity (the wholes, and names of several units),
                so that any other name is one.
            period: the period of every row, for tables without a period column.
            plan: how it is read at first.

        Raises:
            ComputeError: the rows of an unverified table do not form one, or rows are lost.
        """
        plan = plan or ReadPlan()
        return settled(lambda plan: cls(source, system, entities, period, plan).read(), plan, reopen=False)

    def read(self) -> Coded | Escalate:
        """Return the figures of the table, or a plan that does more.

        Raises:
            ComputeError: the rows of an unverified table do not form one, or rows are lost.
        """
        with progress.stage(Message("reading {file}", file=self.table.file), self.table.size or self.table.about):
            try:
                for part in self.parts():
                    self.keep(part)
                    if (escalation := self._escalation()) is not None:
                        return escalation
            except (pl.exceptions.ComputeError, pl.exceptions.SchemaError) as error:
                columns = self.plan.columns
                if columns.many_texts or not any(words in str(error) for words in _CROWDED):
                    raise
                return self.plan.with_columns(replace(columns, many_texts=True))
        self.table.all_read(self.rows)
        return self.coded()

    @abstractmethod
    def parts(self) -> Iterator[Any]:
        """Yield the encoded parts of the table, in the order of their rows."""

    @abstractmethod
    def keep(self, part: Any) -> None:
        """Keep the rows of a part, and count them."""

    @abstractmethod
    def coded(self) -> Coded:
        """Return what was kept."""

    # ---- WHETHER THE PLAN IS SUFFICIENT ---- #

    def _escalation(self) -> Escalate | None:
        if any(lookup.mixed for lookup in self.lookups.values()):
            return self.plan.verified()
        with self._requiring:
            return None if self._required == self.plan.columns else self.plan.with_columns(self._required)

    def require_all_columns(self) -> None:
        """Note that columns which are not read decide whether a row is blank."""
        with self._requiring:
            self._required = replace(self._required, complete=True)

    def check_decimals(self, header: str, cells: pl.Series, problem: pl.Series, notation: Notation) -> None:
        """Note the first cell of a column with a decimal comma that is not declared: the column is to be read anew.

        Args:
            header: of the column.
            cells: some of its cells.
            problem: what is wrong with each.
            notation: with which they were read.
        """
        if notation.unclear or notation.decimal != "." or problem.null_count() == len(problem):
            return
        if undecided(cells, problem, notation).any():
            with self._requiring:
                unclear = self._required.unclear | {header}
                if len(unclear & self.alike) > 1:
                    unclear |= self.alike
                self._required = replace(self._required, unclear=unclear)

    # ---- ROWS ---- #

    def batches(self) -> Iterator[pl.DataFrame]:
        """Yield the rows in their order; the columns of texts to look up are Categorical."""
        frame = self.rows_of_file()
        if (self.table.whole or self.table).scan is None:
            frame = frame.with_columns(
                (pl.selectors.by_name(header) if self.schema[header] == pl.String else as_text(header))
                .cast(dtype)
                .alias(self.code(header))
                for header, dtype in self.types.items()
            )
        names = [*self.schema, *(self.code(header) for header in self.types)]
        names += [] if self.table.only is None else [ROW]
        rows = self.cast(frame.select(pl.selectors.by_name(*dict.fromkeys(names))))
        if self.table.size is not None and self.table.size <= self.size:
            yield rows.collect(engine="in-memory")
            return
        yield from rows.collect_batches(chunk_size=self.size)

    def rows_of_file(self) -> pl.LazyFrame:
        """Return the selected rows, with their numbers if these are not all."""
        complete, only = self.table.whole or self.table, self.table.only
        frame = complete.raw if complete.scan is None else complete.scan(self.types)
        if only is None:
            return frame
        if complete.numbered_cells is not None:
            return complete.numbered_cells.filter(only)
        return frame.with_row_index(ROW, offset=self.table.first_row).filter(only)

    def part_of_piece(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the selected rows of a piece, numbered from 0 if these are not all."""
        if self.table.only is None:
            return rows
        if self.open:
            self.codes(rows, "entity")  # every named unit is an entity
        return rows.with_row_index(ROW).filter(self.table.only)

    @property
    def first(self) -> int:
        """The number in the sheet of the first row of the part at hand, or 0 where rows have their numbers."""
        has_numbers = self.table.only is not None and self.table.pieces is None
        return 0 if has_numbers else self.table.first_row + self.rows

    def numbered(self, rows: pl.DataFrame, name: str = ROW) -> pl.DataFrame:
        """Return rows with their numbers in the sheet in the column `name`, which may count from `first`."""
        if name in rows.columns:
            return rows.with_columns(pl.col(name) + self.first)
        return rows.with_row_index(name, offset=self.first)

    def cast(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Return the rows with the columns that are derived while they are read."""
        return frame

    def as_they_came(self, batch: pl.DataFrame, names: Collection[str] | None = None) -> pl.DataFrame:
        """Return rows with the columns, some or all, types and nulls that the table has."""
        # NOTE: not pl.col, which takes a header such as ^.*$ for a pattern.
        wanted = self.schema if names is None else {name: self.schema[name] for name in names}
        rows = batch.select(ROW, *(pl.selectors.by_name(name).cast(dtype) for name, dtype in wanted.items()))
        if self.table.cells is None:
            return rows
        return rows.with_columns(pl.when(pl.col(pl.String).str.strip_chars() != "").then(pl.col(pl.String)))

    # ---- CODES OF TEXTS ---- #

    def code(self, header: str) -> str:
        """Return the column of the codes of a column's texts; no header has a line break."""
        return header if self.schema[header] == pl.String else f"code\n{header}"

    def codes(self, batch: pl.DataFrame, role: str) -> pl.Series:
        """Return the code of every row in a role: a place, `NOT_PLAIN`, or null for nothing."""
        if role == "entity" and "code" in self.columns:
            names, codes = (self._looked_up(batch, key) for key in ("entity", "code"))
            return identified(names, codes, closed=not self.open)
        if role in self.columns:
            return self._looked_up(batch, role)
        same = self.same_period if role == "period" else None
        return pl.repeat(same, batch.height, dtype=pl.Int32, eager=True)

    def _looked_up(self, batch: pl.DataFrame, role: str) -> pl.Series:
        return self.lookups[role].of(batch[self.code(self.columns[role])])

    def has_not_plain(self, role: str) -> bool:
        """Return whether a text was seen that is resolved in a role but never plain."""
        return self.lookups[role].odd or (role == "entity" and self.lookups["code"].odd)

    def with_extras(self, batch: pl.DataFrame) -> Iterator[pl.Series]:
        """Yield for each column that plain rows leave blank which rows do not; a revision of 0 is none, as a blank."""
        for header in self.extras:
            if batch[header].null_count() < batch.height:
                is_revision = header == self.roles.get("revision")
                if batch[header].dtype.is_float():
                    # NaN is there, too, which is refused where a number is needed.
                    cells = batch[header].alias("cells")
                    yield (cells.is_not_null() & (cells != 0)) if is_revision else cells.is_not_null()
                    continue
                blank = ["", "0"] if is_revision else [""]
                yield batch.select(~as_text(header).str.strip_chars().fill_null("").is_in(blank)).to_series()

    def _codes_of_names(self, texts: list[str]) -> list[int | None]:
        names = self.resolver.names(texts)
        if not self.open:
            return _codes(names, texts)
        return self._numbers([text if names[text].reason == "unknown" else None for text in texts])

    def _codes_of_codes(self, texts: list[str]) -> list[int | None]:
        if not self.open:
            return _codes(self.resolver.codes(texts), texts)
        # A heading in the column of codes is no code: the name beside it counts.
        codes = [text for text in texts if not repeats_heading(self.resolver.source, text)]
        numbers = dict(zip(codes, self._numbers([f"{text}{BESIDE}" for text in codes]), strict=True))
        return [numbers.get(text) for text in texts]

    def _numbers(self, names: list[str | None]) -> list[int | None]:
        """Return the places of names among those seen so far, `NOT_PLAIN` for None."""
        with self._naming:
            first = len(self.out.names)
            self.out.names += [name for name in names if name is not None]
        at = iter(range(first, first + len(names)))
        return [NOT_PLAIN if name is None else next(at) for name in names]


def _codes(meanings: Mapping[str, MeasureText | EntityText | PeriodText], texts: list[str]) -> list[int | None]:
    return [meanings[text].code for text in texts]
