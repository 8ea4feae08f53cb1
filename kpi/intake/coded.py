"""Plain reported rows as codes: one pass over a long table in batches, texts read once each, figures cast at once.

A row is *plain* when nothing has to be decided about it: its measure, entity, period and unit are known, its figure is
a number, its period is exactly a scored one, and it has no revision, target or note. Plain rows become small integers
beside a Float64; all others leave as they came, for `kpi.intake.reported` to clean or refuse. So a table of many
million rows needs little more memory than its figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import polars as pl

from kpi import periods, progress
from kpi.intake import own_targets
from kpi.intake.conversion import factors
from kpi.intake.entities import Entities
from kpi.intake.facts import wholes
from kpi.intake.findings import LIMIT
from kpi.intake.headers import clean
from kpi.intake.large import Unfit
from kpi.intake.match import Placed, measure_names
from kpi.intake.numbers import LARGEST, read_numbers
from kpi.intake.table import ROW
from kpi.measures import OverTime, Reported
from kpi.system import System

#: How many rows are taken at a time.
BATCH = 500_000

#: What is combined over time in such a way that a figure for exactly the scored period is the figure.
_AS_IT_IS: frozenset[OverTime] = frozenset({"sum", "last", "first"})

#: What a text means where that is no place: not looked up yet, or known but never plain.
_UNSEEN, _NOT_PLAIN = -2, -1

#: What a row lacks that is lost, in the order in which it is told.
_LACKS = ("measure", "entity", "period")

#: What the distinct texts of a column mean: a place, `_NOT_PLAIN`, or None for nothing.
Meaning = Callable[[list[str]], list[int | None]]


class Lookup:
    """What the texts of a Categorical column mean, each asked for once; `texts` are those seen, stripped."""

    def __init__(self, mean: Meaning) -> None:
        self._mean = mean
        self._known = pl.Series(dtype=pl.Int32)
        self.texts: dict[str, int | None] = {}

    def of(self, column: pl.Series) -> pl.Series:
        """Returns what every cell means (Int32), null where it is blank or means nothing."""
        codes = column.to_physical().cast(pl.UInt32)
        most = codes.max()
        if most is None:
            return pl.repeat(None, len(column), dtype=pl.Int32, eager=True)
        if (more := int(str(most)) + 1 - len(self._known)) > 0:
            self._known = pl.concat([self._known, pl.repeat(_UNSEEN, more, dtype=pl.Int32, eager=True)])
        found = self._known.gather(codes)
        if found.min() == _UNSEEN:
            self._learn(column.filter(found == _UNSEEN).unique())
            found = self._known.gather(codes)
        return found

    def _learn(self, new: pl.Series) -> None:
        texts = new.cast(pl.String).str.strip_chars().to_list()
        wanted = sorted({text for text in texts if text} - self.texts.keys())
        self.texts |= dict(zip(wanted, self._mean(wanted), strict=True))
        meant = pl.Series([self.texts.get(text) for text in texts], dtype=pl.Int32)
        self._known = self._known.scatter(new.to_physical().cast(pl.UInt32), meant)


@dataclass
class Coded:
    """The rows of a table: the plain ones as codes, the others as they came.

    `plain` are frames with the columns measure (UInt16, place among the measures), entity (UInt32, place in `names`, or
    among the entities where a roster says who there is), period (Int32, index of the scored period), value (Float64, in
    the measure's unit) and row (UInt32). `others` has the table's columns and `ROW`; of rows that name no known
    measure, entity or period it holds the first few, and `lost` counts the rest. `read` counts the rows of all.
    """

    others: pl.DataFrame
    plain: list[pl.DataFrame] = field(default_factory=list)
    lost: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_LACKS, 0))
    read: int = 0
    names: list[str] = field(default_factory=list)

    def numbered(self, source: int, entities: Entities) -> Iterator[pl.DataFrame]:
        """Yields the plain rows with the places of their entities and the number of their table in `source`.

        They are handed over: none is left here, or a table of many million rows would be held twice.
        """
        places = None
        if self.names:
            known = entities.resolve(self.names)
            places = pl.Series([known[name] for name in self.names], dtype=pl.UInt32)
        while self.plain:
            one = self.plain.pop(0)
            entity = one["entity"] if places is None else places.gather(one["entity"])
            yield one.with_columns(entity.alias("entity"), pl.lit(source, dtype=pl.UInt32).alias("source"))


def coded(source: Placed, system: System, entities: Entities | None, period: str | None) -> Coded:
    """Returns the rows of a long table, plain ones apart.

    Args:
        source: the table and what its columns are.
        system: gives measures and units.
        entities: who there is; None: whoever the table names.
        period: the period of every row, for tables without a period column.

    Raises:
        Unfit: an unchecked table is not what it was taken for.
    """
    return _Coding(source, system, entities, period).run()


class _Coding:
    """One reading of one table: the lookups grow with its batches."""

    def __init__(self, source: Placed, system: System, entities: Entities | None, period: str | None) -> None:
        self.table, self.system = source.table, system
        self.schema = source.table.frame.collect_schema()
        self.measures = list(system.measures)
        roles = {role: header for role, header in source.roles.items() if header in self.schema}
        texts = {"measure": roles.get("measure"), "entity": roles.get("entity", roles.get("code"))}
        texts |= {"period": roles.get("period"), "unit": roles.get("unit")}
        self.columns = {role: header for role, header in texts.items() if header is not None}
        self.value = roles["value"]
        self.extras = [roles[role] for role in ("revision", "target", "note") if role in roles]
        self.look = {
            "measure": Lookup(_measure_meaning(system)),
            "entity": Lookup(self._places_of_names if entities is None else _entity_meaning(entities)),
            "period": Lookup(_period_meaning(system)),
            "unit": Lookup(self._places_of_units),
        }
        self.same_period = None if period is None else _period_meaning(system)([period])[0]
        self.units: list[str | None] = [source.table.unit]
        self.factor = pl.Series(dtype=pl.Float64)
        self.rows = 0
        self.told = dict.fromkeys(_LACKS, 0)
        self.out = Coded(pl.DataFrame())

    def run(self) -> Coded:
        try:
            parts = [self.batch(batch) for batch in self.batches()]
        except (pl.exceptions.ComputeError, pl.exceptions.SchemaError) as error:
            if self.table.expected is None:
                raise
            raise Unfit from error
        if self.table.expected not in (None, self.rows):
            raise Unfit
        self.out.others = pl.concat(parts) if parts else self.table.numbered().limit(0).collect()
        return self.out

    def batches(self) -> Iterator[pl.DataFrame]:
        """Yields the rows in their order, numbered; what is looked up is Categorical."""
        types = {header: pl.Categorical(pl.Categories.random()) for header in self.columns.values()}
        if self.table.scan is not None:
            frame = self.table.scan(types)
        else:
            frame = self.table.frame if self.table.cells is None else self.table.cells
            frame = frame.with_columns(
                pl.selectors.by_name(header).cast(pl.String).cast(dtype).alias(self.code(header))
                for header, dtype in types.items()
            )
        with progress.stage(f"reading {self.table.file}"):
            for batch in frame.with_row_index(ROW, offset=self.table.first_row).collect_batches(chunk_size=BATCH):
                self.rows += batch.height
                yield batch
                progress.advance(batch.height)

    def code(self, header: str) -> str:
        """Returns the column of the codes of a column's texts; no header has a line break."""
        return header if self.schema[header] == pl.String else f"code\n{header}"

    # ---- ONE BATCH ---- #

    def batch(self, batch: pl.DataFrame) -> pl.DataFrame:
        """Keeps the plain rows of a batch as codes and returns the others as they came."""
        found = pl.DataFrame([batch[ROW], *(self.meant(batch, role).alias(role) for role in _LACKS)])
        others: list[pl.DataFrame] = []
        if any(found[role].null_count() for role in _LACKS):
            others += self.lost(batch, found)
            known = found.select(pl.all_horizontal(pl.col(*_LACKS).is_not_null())).to_series()
            batch, found = batch.filter(known), found.filter(known)
        value, odd = self.figures(batch, found)
        if odd:
            plain = ~pl.DataFrame(odd).select(pl.any_horizontal(pl.all())).to_series()
            others.append(self.as_they_came(batch.filter(~plain)))
            self.out.read += others[-1].height
            found, value = found.filter(plain), value.filter(plain)
        if found.height:
            codes = found.select(pl.col("measure").cast(pl.UInt16), pl.col("entity").cast(pl.UInt32), "period", row=ROW)
            self.out.plain.append(codes.with_columns(value.alias("value")))
            self.out.read += codes.height
        return pl.concat([self.as_they_came(batch.clear()), *others]).sort(ROW)

    def meant(self, batch: pl.DataFrame, role: str) -> pl.Series:
        if role in self.columns:
            return self.look[role].of(batch[self.code(self.columns[role])])
        same = self.same_period if role == "period" else None
        return pl.repeat(same, batch.height, dtype=pl.Int32, eager=True)

    def figures(self, batch: pl.DataFrame, found: pl.DataFrame) -> tuple[pl.Series, list[pl.Series]]:
        """Returns the figures in the units of their measures, and by what reason, if any, which rows are not plain."""
        odd: list[pl.Series] = []
        if any(found[role].min() == _NOT_PLAIN for role in _LACKS):
            odd.append(found.select(pl.any_horizontal(pl.col(*_LACKS) == _NOT_PLAIN).alias("known")).to_series())
        numbers = read_numbers(batch[self.value])
        value = numbers["value"]
        if numbers["unit"].null_count() < batch.height:
            odd.append(numbers["unit"].is_not_null().alias("typed"))
        for header in self.extras:
            if batch[header].null_count() < batch.height:
                said = pl.selectors.by_name(header).cast(pl.String).str.strip_chars()
                odd.append(batch.select((said.fill_null("") != "").alias(header)).to_series())
        if "unit" in self.columns or self.units != [None]:
            place = found["measure"]
            if "unit" in self.columns:
                place = place + self.meant(batch, "unit").fill_null(0) * len(self.measures)
            if odd:
                none = pl.repeat(None, batch.height, dtype=pl.Int32, eager=True)
                place = none.zip_with(pl.DataFrame(odd).select(pl.any_horizontal(pl.all())).to_series(), place)
            value = value * self.factors(place)
        if value.null_count():
            odd.append(value.is_null().alias("no figure"))
        largest = value.abs().max()
        if largest is not None and float(str(largest)) > LARGEST:
            odd.append((value.abs() > LARGEST).fill_null(value=False).alias("too large"))
        return value, odd

    def factors(self, place: pl.Series) -> pl.Series:
        """Returns the factors from units into those of measures, null where there is none.

        Args:
            place: of a unit among `units`, times the number of measures, plus the place of a measure; or null.
        """
        many = len(self.measures)
        if (more := len(self.units) * many - len(self.factor)) > 0:
            self.factor = pl.concat([self.factor, pl.repeat(float(_UNSEEN), more, dtype=pl.Float64, eager=True)])
        factor = self.factor.gather(place)
        if factor.min() == _UNSEEN:
            new = place.filter(factor == _UNSEEN).unique()
            pairs = [{"unit": self.units[at // many], "typed": None, "name": self.measures[at % many]} for at in new]
            schema = {"unit": pl.String, "typed": pl.String, "name": pl.String}
            known = factors(pl.DataFrame(pairs, schema=schema), self.system)["factor"]
            self.factor = self.factor.scatter(new, known)
            factor = self.factor.gather(place)
        return factor

    def lost(self, batch: pl.DataFrame, found: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Yields the first rows that lack a measure, an entity or a period, and counts the rest, without blank rows."""
        rest = self.filled(batch, found)
        for role in _LACKS:
            mine = rest & found[role].is_null()
            rest &= found[role].is_not_null()
            if many := int(mine.sum()):
                told = min(many, LIMIT - self.told[role])
                self.told[role] += told
                self.out.read += many
                self.out.lost[role] += many - told
                yield self.as_they_came(batch[mine.arg_true().head(told)])

    def filled(self, batch: pl.DataFrame, found: pl.DataFrame) -> pl.Series:
        """Returns which rows are not blank; only those whose texts mean nothing can be."""
        named = [role for role in _LACKS if role in self.columns]
        nothing = found.select(pl.all_horizontal(pl.col(*named).is_null())).to_series()
        doubtful = nothing.arg_true()
        rows = self.as_they_came(batch[doubtful])
        return (~nothing).scatter(doubtful, rows.select(pl.any_horizontal(pl.exclude(ROW).is_not_null())).to_series())

    def as_they_came(self, batch: pl.DataFrame) -> pl.DataFrame:
        """Returns rows with the columns, types and nulls that the table has."""
        # NOTE: not pl.col, which takes a header such as ^.*$ for a pattern.
        rows = batch.select(ROW, *(pl.selectors.by_name(name).cast(dtype) for name, dtype in self.schema.items()))
        if self.table.cells is None:
            return rows
        return rows.with_columns(pl.when(pl.col(pl.String).str.strip_chars() != "").then(pl.col(pl.String)))

    # ---- WHAT TEXTS MEAN ---- #

    def _places_of_names(self, texts: list[str]) -> list[int | None]:
        known = set(wholes(self.system))
        names = [text for text in texts if text not in known]
        places = dict(zip(names, range(len(self.out.names), len(self.out.names) + len(names)), strict=True))
        self.out.names += names
        return [places.get(text, _NOT_PLAIN) for text in texts]

    def _places_of_units(self, texts: list[str]) -> list[int | None]:
        self.units += [text for text in texts if text not in self.units]
        return [self.units.index(text) for text in texts]


def names_of(system: System) -> dict[str, str]:
    """Returns the name behind every cleaned text that the column of measures may hold.

    Those are measures, and indicators that take their targets from the data.
    """
    names = measure_names(system)
    for key in own_targets.takers(system):
        for text in filter(None, (key, system.indicators[key].title)):
            names.setdefault(clean(text), key)
    return names


def _measure_meaning(system: System) -> Meaning:
    names = names_of(system)
    places = dict.fromkeys(names.values(), _NOT_PLAIN)
    for place, (name, measure) in enumerate(system.measures.items()):
        if isinstance(measure, Reported) and measure.where is None and measure.per is None:
            places[name] = place if measure.timing in _AS_IT_IS else _NOT_PLAIN
    return lambda texts: [places.get(names.get(clean(text), "")) for text in texts]


def _entity_meaning(entities: Entities) -> Meaning:
    def mean(texts: list[str]) -> list[int | None]:
        known = entities.resolve(texts)
        # A code that holds for some time only is judged with the period of its row; a whole is no entity.
        odd = [clean(text) in entities.times or known.get(text, 0) >= len(entities.names) for text in texts]
        return [
            _NOT_PLAIN if strange and text in known else known.get(text)
            for text, strange in zip(texts, odd, strict=True)
        ]

    return mean


def _period_meaning(system: System) -> Meaning:
    size = system.period.months

    def place(start: int | None, months: int | None) -> int | None:
        if start is None:
            return None
        return start // size if months == size and start % size == 0 else _NOT_PLAIN

    def mean(texts: list[str]) -> list[int | None]:
        known = periods.parse_column(pl.Series(texts, dtype=pl.String))
        spans = {text: place(start, months) for text, start, months, _ in known.rows()}
        return [spans[text] for text in texts]

    return mean
