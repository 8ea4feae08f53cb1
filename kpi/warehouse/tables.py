"""Tables of a warehouse: their rows stay there, measures are aggregated there, and what is used is fetched."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from threading import RLock

import polars as pl
from msgspec import Struct, field
from polars.io.plugins import register_io_source
from sqlglot import exp

from kpi.errors import DataError, Diagnostic, Message, Place, Severity
from kpi.intake.events.events import MONTH, WHO
from kpi.intake.events.fixed_point import Precision
from kpi.intake.events.remote import ODD, PER, Engine, Groups, OfEntities, Rows, tied
from kpi.intake.events.units import Scale
from kpi.intake.files.frame_tables import LOCAL_TIME
from kpi.values.units import MICROSECONDS
from kpi.warehouse.cells import MOST_TEXTS, Cells
from kpi.warehouse.databases import Database, database_at
from kpi.warehouse.queries import Query, groups_query, not_exact, statistics_query
from kpi.warehouse.ranges import Range, ranges, ranges_query
from kpi.warehouse.translation import Untranslatable

#: More rows than any table has.
_MANY = 1 << 62


class Warehouse(Struct, frozen=True):
    """A database whose tables are scored where they are.

    >>> Warehouse.at("duckdb:nowhere.duckdb")
    Traceback (most recent call last):
    kpi.errors.DataError: nowhere.duckdb: error K980 the database is not there
    """

    database: Database

    @classmethod
    def at(cls, address: str) -> Warehouse:
        """Return the warehouse at an address, see `databases.database_at`."""
        return cls(database_at(address))

    def table(self, name: str) -> WarehouseTable:
        """Return a table, `table` or `schema.table`.

        Raises:
            DataError: K980 to K983, as `Database.batches`; K505, it has no rows.
        """
        return WarehouseTable(self.database, name)

    def close(self) -> None:
        """Close the connection."""
        self.database.close()


class WarehouseTable(Engine):
    """A table of a database.

    Attributes:
        name: its name in messages: the address of the database, and its own.
        frame: its rows, fetched when they are collected.
        size: the number of rows.
    """

    def __init__(self, database: Database, table: str) -> None:
        self.database, self.path = database, _path(table)
        self.name = f"{database.label} {table}"
        self.fetched = _Fetched()
        empty = database.fetch(exp.select(exp.Star()).from_(self.path.copy()).limit(0))
        if not empty.width:
            raise DataError(Diagnostic("K981", Message("the table has no columns"), Place(self.name)))
        self.zoned = database.zoned(self.path, empty.schema)
        self.schema = pl.Schema({name: _plain(dtype) for name, dtype in empty.schema.items()})
        self.frame = register_io_source(self._rows, schema=self.schema, is_pure=True)
        count = database.fetch(exp.select(exp.alias_(exp.Count(this=exp.Star()), "n")).from_(self.path.copy()))
        self.size = int(count["n"][0])
        self._notes: dict[str, Diagnostic] = {}
        self._ranges: dict[str, Range] = {}
        self._texts: dict[tuple[str, str | None], Sequence[str] | None] = {}

    def digest(self) -> str:
        """Return the hash of everything that was fetched from the table."""
        return self.fetched.digest()

    def notes(self) -> Sequence[Diagnostic]:
        """Return the findings about what was computed from fetched rows."""
        return tuple(self._notes.values())

    def precision(self, scale: Scale, kind: str) -> Precision:
        """Return how a number is summed."""
        return self.database.dialect.precision(
            whole=scale.unit == MICROSECONDS or kind == "time", computed=kind == "computed"
        )

    # ---- QUERIES ---- #

    def groups(self, request: Groups) -> pl.DataFrame | None:
        """Return the parts of groups, see `Engine`."""
        try:
            query = groups_query(self.path, self._cells(request.rows), request)
        except Untranslatable as error:
            self._fetch_instead(error, request.rows.events.source.name)
            return None
        frame = self._asked(query)
        if ODD not in frame.columns:
            frame = frame.with_columns(pl.lit(value=False).alias(ODD))
        sums = [part.name for part in request.parts if part.what == "sum"]
        counts = [part.name for part in request.parts if part.what in {"rows", "filled", "blank"}]
        floats = [part.name for part in request.parts if part.what in {"min", "max"}]
        return frame.with_columns(
            pl.col(WHO).cast(pl.String), pl.col(MONTH).cast(pl.Int32), pl.col(ODD).cast(pl.Boolean),
            *(_integers(frame[name]).fill_null(0) for name in sums),
            pl.col(counts).cast(pl.UInt32), pl.col(floats).cast(pl.Float64),
        )  # fmt: skip

    def statistics(self, request: OfEntities) -> pl.DataFrame | None:
        """Return statistics of rows, see `Engine`."""
        try:
            query, measures = statistics_query(self.path, self._cells(request.rows), request)
        except Untranslatable as error:
            self._fetch_instead(error, ", ".join(f"`{name}`" for name in request.measures))
            return None
        if others := [name for name in request.measures if name not in measures]:
            self._fetch_instead(not_exact(request.measures[others[0]]), ", ".join(f"`{name}`" for name in others))
        frame = self._asked(query)
        known = request.known.sort(WHO).group_by("entity").agg(pl.col(WHO).first())
        ties = [tied(name) for name in measures if tied(name) in frame.columns]
        per = pl.col(PER).cast(pl.String) if PER in frame.columns else pl.lit(None, dtype=pl.String).alias(PER)
        rows = frame.with_columns(pl.col(WHO).cast(pl.String)).join(known, on=WHO, how="inner")
        return rows.select(
            pl.col("entity").cast(pl.UInt32), pl.col("period").cast(pl.Int32), per,
            *(pl.col(name).cast(pl.Float64) for name in measures), *(pl.col(name).cast(pl.Int64) for name in ties),
        )  # fmt: skip

    def _fetch_instead(self, error: Untranslatable, what: str) -> None:
        message = Message("{what}: rows are fetched and computed here, as {reason}", what=what, reason=error.what)
        hint = Message("the result is the same; it takes longer, and memory for the columns that are used")
        note = Diagnostic("K984", message, Place(self.name), hint, Severity.INFO)
        self._notes.setdefault(str(message), note)

    def _cells(self, rows: Rows) -> Cells:
        table = rows.events.source.table
        headers = dict(zip(table.columns, self.schema.names(), strict=True))
        schema = pl.Schema({header: self.schema[name] for header, name in headers.items()})
        zoned = frozenset(header for header, name in headers.items() if name in self.zoned)
        known = self._known({name: self.schema[name] for name in self._read(rows, headers)})
        ranges = {header: known[name] for header, name in headers.items() if name in known}
        return Cells(rows, headers, schema, zoned, self.database.dialect, self._distinct, ranges)

    def _read(self, rows: Rows, headers: Mapping[str, str]) -> Iterator[str]:
        """Yield the columns that are read as numbers, or as the dates of rows."""
        events = rows.events
        yield headers[events.source.roles["period"]]
        for name in rows.needed:
            if name in events.numbers:
                yield headers[events.numbers[name].header]

    def _known(self, columns: Mapping[str, pl.DataType]) -> Mapping[str, Range]:
        """Return the ranges of columns, if the database knows them."""
        kept = {
            name: dtype for name, dtype in columns.items()
            if dtype.is_numeric() or (dtype.is_temporal() and name not in self.zoned and dtype != pl.Time)
        }  # fmt: skip
        asked = [name for name in kept if name not in self._ranges]
        if asked and self.database.keeps_ranges(self.path):
            query = ranges_query(self.path, asked, self.schema, self.database.dialect)
            self._ranges |= ranges(self.database.fetch(query), asked)
        return self._ranges

    def _asked(self, query: Query) -> pl.DataFrame:
        frame = self.database.fetch(query.tree)
        if not frame.width:
            frame = pl.DataFrame(schema=dict.fromkeys(query.names, pl.String))
        self.fetched.add(frame)
        frame = frame.rename({name: own for name, own in query.names.items() if name in frame.columns})
        return frame.with_columns(pl.col(other).alias(name) for name, other in query.copies.items())

    def _distinct(self, column: exp.Expr, pattern: str | None) -> Sequence[str] | None:
        """Return the distinct texts of a column that match a pattern, None if there are too many."""
        key = (column.sql(), pattern)
        if key not in self._texts:
            inner = exp.select(exp.alias_(column.copy(), "v", quoted=True)).distinct().from_(self.path.copy())
            value = exp.column("v", quoted=True)
            # Without a limit, the pattern is looked for in every row, not in the distinct texts alone.
            query = exp.select(value).from_(inner.limit(_MANY).subquery("distinct_texts"))
            query = query.where(exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null())))
            if pattern is not None:
                query = query.where(self.database.dialect.matches(value.copy(), pattern))
            frame = self.database.fetch(query.limit(MOST_TEXTS + 1))
            texts = frame["v"].cast(pl.String).sort().to_list() if frame.width else []
            self._texts[key] = texts if len(texts) <= MOST_TEXTS else None
        return self._texts[key]

    def _rows(
        self, columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, _: int | None
    ) -> Iterator[pl.DataFrame]:
        """Yield rows of some columns, the source of `frame`.

        All rows come in one order whatever the columns are, as their numbers stand for them.
        """
        names = self.schema.names() if columns is None else columns
        selected: list[exp.Expr] = [exp.column(name, quoted=True) for name in names]
        selected = selected or [exp.alias_(exp.Null(), "#none")]
        query = exp.select(*selected).from_(self.path.copy())
        if rows is None:
            query = query.order_by(*(_ordered(exp.column(name, quoted=True)) for name in self.schema))
        else:
            query = query.limit(rows)
        left = rows
        for batch in self.database.batches(self.database.sql(query)):
            frame = batch if names else pl.DataFrame(height=batch.height)
            frame = frame.with_columns(
                _typed(frame[name], self.schema[name], zone=name in self.zoned) for name in names
            ) if names else frame  # fmt: skip
            self.fetched.add(frame)
            if left is not None:
                frame, left = frame.head(left), left - min(left, frame.height)
            yield frame if predicate is None else frame.filter(predicate)


class _Fetched(Struct):
    """The hash of what is fetched, as a set of frames; threads may fetch at once."""

    hashes: set[str] = field(default_factory=set)
    lock: RLock = field(default_factory=RLock)

    def add(self, frame: pl.DataFrame) -> None:
        content = io.BytesIO()
        columns: Collection[str] = frame.columns
        rows = frame.select(sorted(columns)).with_columns(pl.all().cast(pl.String))
        rows.sort(pl.all()).write_csv(content) if rows.width else None
        with self.lock:
            self.hashes.add(hashlib.sha256(content.getvalue()).hexdigest())

    def digest(self) -> str:
        with self.lock:
            return hashlib.sha256("\n".join(sorted(self.hashes)).encode()).hexdigest()


def _path(table: str) -> exp.Table:
    """Return the name of a table, `schema.table`, each part a quoted identifier.

    >>> print(_path('stat.items; DROP TABLE "x').sql("postgres"))
    "stat"."items; DROP TABLE ""x"
    """
    parts = table.split(".")
    names = [exp.to_identifier(part, quoted=True) for part in parts]
    if not all(parts) or len(parts) > 3:
        message = Message("`{table}` is no name of a table", table=table)
        raise DataError(
            Diagnostic("K985", message, hint=Message("write --table DATASET=TABLE or DATASET=SCHEMA.TABLE"))
        )
    return exp.Table(**dict(zip(("this", "db", "catalog"), reversed(names), strict=False)))


def _plain(dtype: pl.DataType) -> pl.DataType:
    """Return the type in which the cells of a column are fetched."""
    if isinstance(dtype, pl.Datetime):
        # A time with a zone is fetched as one of local time.
        return pl.Datetime("us")
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return pl.String()
    return dtype


def _typed(cells: pl.Series, dtype: pl.DataType, *, zone: bool) -> pl.Series:
    if isinstance(cells.dtype, pl.Datetime) and cells.dtype.time_zone is not None:
        local = cells.dt.convert_time_zone(LOCAL_TIME) if zone else cells
        cells = local.dt.replace_time_zone(None)
    return cells if cells.dtype == dtype else cells.cast(dtype)


def _integers(cells: pl.Series) -> pl.Series:
    """Return the integers that a database answers as decimals of 38 digits, or as text."""
    if isinstance(cells.dtype, pl.Decimal):
        return cells.cast(pl.Int128)
    return cells.cast(pl.String).str.replace(r"\.0*$", "").cast(pl.Int128)


def _ordered(column: exp.Expr) -> exp.Expr:
    return exp.Ordered(this=column, nulls_first=True)
