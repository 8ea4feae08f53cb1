"""The queries of a system as text, for the administrator of a database: what runs, before anything runs.

The queries are those of scoring, asked of a table that is not there: its columns have the types that their use needs.
Texts that are not plain are looked up when a query runs, and replaced by a CASE, so the text has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import polars as pl
from sqlglot import exp

from kpi.errors import DataError, Diagnostic, Message
from kpi.intake.entities import from_data
from kpi.intake.events.events import MONTH, WHO
from kpi.intake.events.fixed_point import Precision
from kpi.intake.events.records import gather
from kpi.intake.events.remote import ODD, PER, ROWS, Engine, Groups, OfEntities, Rows
from kpi.intake.events.units import Scale
from kpi.intake.files.headers import clean
from kpi.intake.files.reader import read_all
from kpi.intake.matching.datasets import Placed, datasets, needed_columns
from kpi.language.datasets import Records
from kpi.language.system import System
from kpi.values.units import MICROSECONDS
from kpi.warehouse.cells import Cells
from kpi.warehouse.dialects import DIALECTS, Dialect
from kpi.warehouse.queries import groups_query, statistics_query
from kpi.warehouse.translation import Untranslatable

#: The unit and the period of the row by which a table that is not there is typed.
_NAME, _DAY = "名", date(2023, 1, 1)


def queries(system: System, dialect: str) -> str:
    """Return the queries that score a system, one after the other, with what they are for.

    Args:
        system: the system.
        dialect: duckdb, postgres, clickhouse, mysql or spark.

    Raises:
        DataError: K986, the system has no dataset of events.
    """
    names = [name for name, item in datasets(system).items() if isinstance(item, Records)]
    if not names:
        message = Message("the system has no dataset of events (form: records) to look for in the warehouse")
        raise DataError(Diagnostic("K986", message, hint=Message("kpi show jiaxing-2022 --sql postgres")))
    texts: list[str] = []
    for name in names:
        texts += _of_dataset(system, name, DIALECTS[dialect])
    return ";\n\n".join(texts) + ";\n"


def _of_dataset(system: System, name: str, dialect: Dialect) -> list[str]:
    dataset = datasets(system)[name]
    who = clean(dataset.headers.get("entity") or dataset.headers.get("code") or "entity")
    when = clean(dataset.headers.get("period", "period"))
    table = _PrintedTable(name, _typed(needed_columns(system, name), who, when), dialect)
    read = read_all([table])[0][0]
    gathered = gather([Placed(read, name, dataset, {"entity": who, "period": when})], system)
    gathered.measured(from_data([_NAME]))
    return table.texts


def _typed(kinds: Mapping[str, str], who: str, when: str) -> pl.DataFrame:
    """Return a row with a column of the type that each use needs."""
    values: dict[str, object] = {who: _NAME, when: datetime(_DAY.year, _DAY.month, _DAY.day)}  # noqa: DTZ001 - local time
    for column, kind in kinds.items():
        value: object = 1.0 if kind in {"number", "span", "working"} else "x"
        values.setdefault(clean(column), values[when] if kind == "time" else value)
    return pl.DataFrame({column: [value] for column, value in values.items()})


class _PrintedTable(Engine):
    """A table that is not there: it keeps the queries as text, and answers with its one row."""

    def __init__(self, name: str, frame: pl.DataFrame, dialect: Dialect) -> None:
        self.name, self.frame, self.size = name, frame.lazy(), frame.height
        self.schema, self.dialect = frame.schema, dialect
        self.texts: list[str] = []

    def digest(self) -> str:
        """Return nothing of use: nothing is fetched."""
        return ""

    def precision(self, scale: Scale, kind: str) -> Precision:
        """Return how a number is summed."""
        return self.dialect.precision(whole=scale.unit == MICROSECONDS or kind == "time")

    def groups(self, request: Groups) -> pl.DataFrame | None:
        """Keep the query of groups, and return the group of the row."""
        try:
            query = groups_query(self._path, self._cells(request.rows), request)
        except Untranslatable as error:
            return self._computed_here(error)
        self._keep(query.tree, Message("groups of {table} by name and period, and their parts", table=self.name))
        per = {} if request.rows.per is None else {PER: _NAME}
        month = request.rows.events.grain.timeline.of_day(_DAY)
        keys = {WHO: _NAME, MONTH: month, ODD: False, ROWS: 1, **per}
        parts = {part.name: 0.0 if part.what in {"min", "max"} else 0 for part in request.parts}
        kinds = {MONTH: pl.Int32}
        return pl.DataFrame({name: [value] for name, value in {**keys, **parts}.items()}, schema_overrides=kinds)

    def statistics(self, request: OfEntities) -> pl.DataFrame | None:
        """Keep the query of statistics."""
        try:
            query, measures = statistics_query(self._path, self._cells(request.rows), request)
        except Untranslatable as error:
            return self._computed_here(error)
        names = ", ".join(measures)
        self._keep(query.tree, Message("statistics of rows of {table}: {measures}", table=self.name, measures=names))
        keys = {"entity": pl.UInt32, "period": pl.Int32, PER: pl.String}
        return pl.DataFrame(schema={**keys, **dict.fromkeys(measures, pl.Float64)})

    @property
    def _path(self) -> exp.Table:
        return exp.Table(this=exp.to_identifier(self.name, quoted=True))

    def _cells(self, rows: Rows) -> Cells:
        headers = dict(zip(rows.events.source.table.columns, self.schema.names(), strict=True))
        return Cells(rows, headers, self.schema, frozenset(), self.dialect, _no_texts)

    def _keep(self, tree: exp.Select, words: Message) -> None:
        self.texts.append(f"-- {words}\n{tree.sql(dialect=self.dialect.name, pretty=True)}")

    def _computed_here(self, error: Untranslatable) -> None:
        self.texts.append(f"-- {error.what}")


def _no_texts(_: exp.Expr, __: str | None) -> Sequence[str]:
    return ()
