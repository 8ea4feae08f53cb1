"""Generate records: events with a date, an entity and every column that measures read, such that conditions match.

The values of a column come from the conditions: the texts and numbers that it is compared with, and some others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import polars as pl
from msgspec import Struct, field
from sqlglot import exp

from kpi.intake.matching.datasets import datasets, needed_columns, of_dataset
from kpi.intake.synthetic.draws import one_of, place, salt, share
from kpi.language import expressions
from kpi.language.datasets import Records
from kpi.language.record_columns import DURATIONS
from kpi.language.system import System
from kpi.values import units
from kpi.values.periods import EPOCH, Period
from kpi.values.units import WORKING_DAY

#: A text that is in no condition.
OTHER = "其他"


class Pool(Struct):
    """The texts and numbers that a column is compared with in conditions."""

    strings: dict[str, None] = field(default_factory=dict)
    numbers: set[float] = field(default_factory=set)
    beside: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        """The possible texts of the column."""
        return (*self.strings, OTHER) if self.strings else tuple(map(_written, self.range()))

    def range(self) -> list[float]:
        """Return the possible numbers of the column: on both sides of those that it is compared with."""
        if self.beside or not self.numbers:
            # Two columns that are compared have the same wide range, so that either may be the larger.
            most = max(30.0, 3 * max(self.numbers, default=0))
            return [float(number) for number in range(1, math.ceil(most) + 1)]
        low, high = min(self.numbers), max(self.numbers)
        spread = 0 if len(self.numbers) >= 3 else max(1, math.ceil(abs(high) / 2))
        first = low - spread if low < 0 else max(0.0, low - spread)
        steps = math.ceil(high + spread - first)
        return sorted({*(first + step for step in range(min(steps, 1000) + 1)), *self.numbers})


def literals(conditions: Iterable[str]) -> dict[str, Pool]:
    """Return the literals that each column is compared with in some conditions.

    >>> pools = literals(["渠道 IN ('网上', '掌上')", "用时 > 3"])
    >>> pools["渠道"].texts, pools["用时"].range()
    (('网上', '掌上', '其他'), [1.0, 2.0, 3.0, 4.0, 5.0])
    """
    pools: dict[str, Pool] = {}
    for condition in conditions:
        tree = expressions.parse(condition).tree
        for column in tree.find_all(exp.Column):
            pools.setdefault(column.name, Pool())
        for node in tree.find_all(exp.Binary, exp.In, exp.Between):
            if isinstance(node, exp.And | exp.Or):
                continue
            columns = [column.name for column in node.find_all(exp.Column)]
            for name in columns:
                pool = pools[name]
                pool.beside |= len(set(columns)) > 1
                for literal in node.find_all(exp.Literal):
                    if literal.is_string:
                        # A pattern of LIKE becomes a text that matches it.
                        pool.strings[literal.name.replace("%", "样").replace("_", "样")] = None
                    else:
                        pool.numbers.add(float(literal.name))
    return pools


class Events(Struct, frozen=True):
    """A records dataset that can be generated row by row."""

    system: System
    name: str
    names: tuple[str, ...]
    periods: tuple[Period, ...]
    rows: int
    seed: int
    flaws: bool
    who: str
    date: str

    def batch(self, first: int, height: int) -> pl.DataFrame:
        """Return rows `first` to `first + height`: the entity (String), the date (Date), and a column per need."""
        row = pl.col("row\n")
        frame = pl.DataFrame(pl.int_range(first, first + height, dtype=pl.UInt64, eager=True).alias("row\n"))
        days = pl.Series([_days(period) for period in self.periods], dtype=pl.List(pl.Int32))
        at = place(row, salt(self.seed, self.name, "period"), len(self.periods))
        day = (share(row, salt(self.seed, self.name, "day")) * pl.lit(days).gather(at).list.get(1)).cast(pl.Int32)
        # The key of events is different in every row.
        keys = [name for name in _key(self.system, self.name) if name not in (self.date, self.who)]
        needed = needed_columns(self.system, self.name)
        columns = {name: kind for name, kind in needed.items() if name not in (*keys, self.date, self.who)}
        date = (pl.lit(days).gather(at).list.get(0) + day).cast(pl.Date)
        return frame.select(
            date.alias(self.date),
            one_of(row, salt(self.seed, self.name, "entity"), self.names).alias(self.who),
            *(self._column(name, kind, row, date) for name, kind in columns.items()),
            *((row + 1).cast(pl.String).alias(name) for name in keys),
        )

    def _column(self, name: str, kind: str, row: pl.Expr, date: pl.Expr) -> pl.Expr:
        """Return the cells of a column; times are in the weeks before the date of the row."""
        of, pool = salt(self.seed, self.name, "column", name), self._pools().get(name)
        value: pl.Expr
        if kind == "time":
            value = date.cast(pl.Datetime("us")) - pl.duration(minutes=place(row, of, _WEEKS_BEFORE))
        elif kind in DURATIONS:
            unit = "天" if kind == "span" else WORKING_DAY.text
            value = pl.format(f"{{}}{unit}", place(row, of, 20) + 1)
        elif kind == "number":
            value = self._amount(name, row, of) if pool is None else _number(row, of, pool)
        elif pool is not None and pool.strings:
            value = one_of(row, of, pool.texts)
        else:
            fine = any(item.per == name for item in of_dataset(self.system, self.name).values())
            many = 5 if fine else 1000
            value = pl.format(f"{name.replace('{', '').replace('}', '')}{{}}", place(row, of, many) + 1)
        if self.flaws:
            value = pl.when(share(row, salt(self.seed, self.name, "blank", name)) >= 0.005).then(value)
        return value.alias(name)

    def _pools(self) -> dict[str, Pool]:
        return literals(item.where for item in of_dataset(self.system, self.name).values() if item.where is not None)

    def _amount(self, name: str, row: pl.Expr, of: int) -> pl.Expr:
        """Return the figures of a column that no condition reads: 0 to 100 where a measure is in %, else skewed."""
        measures = [item for item in of_dataset(self.system, self.name).values() if item.computes]
        if any(
            name in measure.columns() and units.convertible(measure.quantity, units.PERCENT) for measure in measures
        ):
            return (share(row, of) * 100).round(1)
        return ((1 - share(row, of)).log() * -20).round(2)


# The range of the other times of a row, in minutes before its date.
_WEEKS_BEFORE = 21 * 24 * 60


def _key(system: System, name: str) -> tuple[str, ...]:
    dataset = datasets(system)[name]
    return dataset.key if isinstance(dataset, Records) else ()


def _number(row: pl.Expr, of: int, pool: Pool) -> pl.Expr:
    numbers = pool.range()
    return pl.lit(pl.Series(numbers, dtype=pl.Float64)).gather(place(row, of, len(numbers)))


def _days(period: Period) -> list[int]:
    """Return the first day of a period, in days since 1970, and how many it has."""
    edges = (period.start, period.end + 1)
    first, after = ((period.timeline.first_day(at) - EPOCH.date()).days for at in edges)
    return [first, after - first]


def _written(number: float) -> str:
    return f"{number:g}"
