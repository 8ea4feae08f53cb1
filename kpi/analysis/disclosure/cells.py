"""The figures of a period, or of a year, as cells of a table with linear relations, for disclosure control."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeAlias

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from kpi.language.linear_edits import Edit, edits
from kpi.language.sensitive import Sensitive, contributions
from kpi.language.system import System
from kpi.values import units
from kpi.values.periods import Period

#: A figure: the row of the wide frame, which is of a period and entity, and the measure.
Cell: TypeAlias = tuple[int, str]
#: The relative error of floating-point sums of figures.
_TOLERANCE = 1e-9


class Relation(Struct, frozen=True):
    """What readers know of some figures: `low <= Σ factor · figure <= high`; None for no end."""

    factors: Mapping[Cell, float]
    low: float | None
    high: float | None

    @property
    def is_equation(self) -> bool:
        """Whether both ends are the same."""
        return self.low is not None and self.low == self.high


class Table(Struct, frozen=True):
    """The figures of a period, or of connected periods, that are, or may have to be, suppressed.

    Attributes:
        periods: the indices of the periods, in order.
        values: the true figures.
        ends: of the figures that are suppressed by themselves, what they must be able to be.
        bounds: what readers know of a figure that is suppressed: least and greatest.
        whole: the figures that are whole numbers, as their measure is throughout.
        relations: what readers know of several figures.
        places: period and entity by row; empty for a table of one period.
        published: figures of earlier periods that readers know.
        withheld: further figures of earlier periods that are suppressed already.
    """

    periods: tuple[int, ...]
    values: Mapping[Cell, float]
    ends: Mapping[Cell, tuple[float, float]]
    bounds: Mapping[Cell, tuple[float, float]]
    whole: frozenset[Cell]
    relations: tuple[Relation, ...] = ()
    places: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    published: frozenset[Cell] = frozenset()
    withheld: frozenset[Cell] = frozenset()

    @property
    def related(self) -> bool:
        """Whether a relation holds a figure that is suppressed by itself."""
        return any(cell in self.ends for relation in self.relations for cell in relation.factors)

    def of_period(self, place: int) -> frozenset[Cell]:
        """Return the figures of one of its periods."""
        if len(self.periods) == 1:
            return frozenset(self.values)
        return frozenset(cell for cell in self.values if self.places[cell[0]][0] == self.periods[place])

    def up_to(self, place: int, hidden: Collection[Cell]) -> Table:
        """Return the table as it was when one of its periods was new, the earlier ones being published.

        Args:
            place: of the period.
            hidden: what is suppressed of the earlier periods.
        """
        if len(self.periods) == 1:
            return self
        earlier = frozenset(cell for at in range(place) for cell in self.of_period(at))
        cells = earlier | self.of_period(place)
        return replace(
            self, periods=self.periods[: place + 1], values={cell: self.values[cell] for cell in cells},
            ends={cell: ends for cell, ends in self.ends.items() if cell in cells},
            relations=tuple(item for item in self.relations if item.factors.keys() <= cells),
            published=earlier - frozenset(hidden), withheld=earlier & frozenset(hidden) - self.ends.keys(),
        )  # fmt: skip


class _Scope(Struct, frozen=True):
    """The measures that relations connect with protected ones, and the checks that do."""

    measures: tuple[str, ...]
    checks: tuple[Edit, ...] = ()
    accumulations: tuple[tuple[str, str, float], ...] = ()

    @property
    def connects_periods(self) -> bool:
        """Whether a check makes a figure follow from running totals."""
        return bool(self.accumulations)


def tables(system: System, frame: pl.DataFrame, rules: Iterable[Sensitive]) -> list[Table]:
    """Return the tables of a wide frame in which figures are suppressed by themselves: one for each period.

    Where relations connect the periods of a year, there is one for each year.

    Args:
        system: with `disclosure:`.
        frame: one row per period and entity.
        rules: of its protected measures; of several rules for a measure the widest ends hold.
    """
    rules = list(rules)
    scope = _scope(system, rules)
    columns: list[pl.Expr] = []
    for place, rule in enumerate(rules):
        columns += [
            rule.holds.fill_null(value=False).alias(f"#holds.{place}"),
            rule.low.alias(f"#low.{place}"), rule.high.alias(f"#high.{place}"),
        ]  # fmt: skip
    judged = frame.with_columns(columns).with_row_index("#row")
    whole = {name for name in scope.measures if bool((frame[name].drop_nulls() % 1 == 0).all())}
    connected = scope.connects_periods or bool(system.disclosure and system.disclosure.years)
    years = {int(index): Period.of(int(index), system.period).year for index in frame["period"].unique().sort()}
    group = pl.col("period").replace_strict(years) if connected else pl.col("period")
    holds = pl.any_horizontal(f"#holds.{place}" for place in range(len(rules))).any()
    parts = judged.with_columns(group.alias("#group")).partition_by("#group", maintain_order=True)
    return [_table(system, part, rules=rules, scope=scope, whole=whole) for part in parts if part.select(holds).item()]


def _scope(system: System, rules: Iterable[Sensitive]) -> _Scope:
    names = dict.fromkeys(rule.measure for rule in rules)
    checks = [edit for edit in edits(system) if all(name in system.measures for name in edit.factors)]
    running = [result for check in system.checks.values() if (result := check.accumulation(system.symbols)) is not None]
    running = [item for item in running if all(name in system.measures for name in item[:2])]
    used: list[Edit] = []
    adding: list[tuple[str, str, float]] = []
    grown = True
    while grown:
        more = [edit for edit in checks if edit not in used and names.keys() & edit.factors.keys()]
        sums = [item for item in running if item not in adding and names.keys() & set(item[:2])]
        used += more
        adding += sums
        names |= dict.fromkeys(name for edit in more for name in edit.factors)
        names |= dict.fromkeys(name for item in sums for name in item[:2])
        grown = bool(more or sums)
    return _Scope(tuple(names), tuple(edit for edit in checks if edit in used), tuple(adding))


def _table(system: System, part: pl.DataFrame, *, rules: list[Sensitive], scope: _Scope, whole: set[str]) -> Table:
    rows = part["#row"].to_list()
    values = {
        (row, name): float(figure)
        for name in scope.measures
        for row, figure in zip(rows, part[name].to_list(), strict=True) if figure is not None
    }  # fmt: skip
    ends: dict[Cell, tuple[float, float]] = {}
    for place, rule in enumerate(rules):
        for row, holds, low, high in part.select("#row", f"#holds.{place}", f"#low.{place}", f"#high.{place}").rows():
            if holds:
                former = ends.get((row, rule.measure), (low, high))
                ends[row, rule.measure] = min(low, former[0]), max(high, former[1])
    disclosure = system.disclosure
    assert disclosure is not None  # noqa: S101
    far = 4 * sum(map(abs, values.values())) + 100
    signed = {name for (_, name), figure in values.items() if figure < 0}
    bounds = {cell: (-far if cell[1] in signed else 0.0, far) for cell in values}
    bounds |= {cell: pair for cell, pair in ends.items() if cell[1] in disclosure.of}
    places = {row: (period, entity) for row, period, entity in part.select("#row", "period", "entity").rows()}
    periods = tuple(dict.fromkeys(part["period"].to_list()))
    relations = [
        *(relation for period in periods
          for relation in _totals(system, part.filter(pl.col("period") == period), scope, values)),
        *_checked(scope, values, rows), *_over_years(system, part, scope, values), *_accumulated(scope, values, places),
    ]  # fmt: skip
    integral = frozenset(cell for cell in values if cell[1] in whole)
    return Table(periods, values, ends, bounds, integral, tuple(relations), places)


def _totals(system: System, part: pl.DataFrame, scope: _Scope, values: Mapping[Cell, float]) -> Iterator[Relation]:
    """Yield the totals of measures of a period over the groups whose totals are known."""
    assert system.disclosure is not None  # noqa: S101
    single = contributions(system)
    for grouping in system.disclosure.groupings:
        _, *columns = system.grouped_by(grouping)
        groups = part.select("#row", pl.col(columns[0]).alias("group") if columns else pl.lit("").alias("group"))
        for _, members in groups.group_by("group", maintain_order=True):
            for name in scope.measures:
                cells = [(row, name) for row in members["#row"] if (row, name) in values]
                if cells and name not in single:
                    yield _known(cells, values)


def _known(cells: Iterable[Cell], values: Mapping[Cell, float]) -> Relation:
    """Return that the total of figures is known."""
    factors = dict.fromkeys(cells, 1.0)
    total = math.fsum(values[cell] for cell in factors)
    return Relation(factors, total, total)


def _checked(scope: _Scope, values: Mapping[Cell, float], rows: Iterable[int]) -> Iterator[Relation]:
    """Yield the checks that hold of the figures of a unit in a period."""
    for row in rows:
        for edit in scope.checks:
            figures = {name: values.get((row, name)) for name in edit.factors}
            there = {name: figure for name, figure in figures.items() if figure is not None}
            if len(there) < len(figures) or not edit.holds(there):
                continue
            number = math.fsum(factor * there[name] for name, factor in edit.factors.items())
            low, high = edit.low, edit.high
            if low is not None and low == high:
                low = high = number
            yield Relation({(row, name): factor for name, factor in edit.factors.items()}, low, high)


def _over_years(
    system: System, part: pl.DataFrame, scope: _Scope, values: Mapping[Cell, float]
) -> Iterator[Relation]:  # fmt: skip
    """Yield the totals of flows of each unit over a complete year, where readers know them."""
    disclosure = system.disclosure
    if disclosure is None or not disclosure.years or part["period"].n_unique() < system.period.per_year:
        return
    running, single = {total for total, _, _ in scope.accumulations}, contributions(system)
    flows = [
        name for name in scope.measures
        if _is_flow(system, name) and name not in running and name not in single
    ]  # fmt: skip
    for own in part.partition_by("entity", maintain_order=True):
        for name in flows:
            cells = [(row, name) for row in own["#row"]]
            if all(cell in values for cell in cells):
                yield _known(cells, values)


def _is_flow(system: System, name: str) -> bool:
    """Return whether the figures of a measure add up over periods."""
    measure, symbol = system.measures[name], system.symbols[name]
    if symbol.running or symbol.unit is None or not units.summable(symbol.unit):
        return False
    return measure.over_time in (None, "sum") and (measure.reported or measure.additive)


def _accumulated(
    scope: _Scope, values: Mapping[Cell, float], places: Mapping[int, tuple[int, int]]
) -> Iterator[Relation]:  # fmt: skip
    """Yield that a running total is that of the period before and the figure of the period, where it is."""
    rows = {place: row for row, place in places.items()}
    first = min(period for period, _ in rows)
    for (period, entity), row in rows.items():
        for total, figure, factor in scope.accumulations:
            factors: dict[Cell, float] = {(row, total): 1.0, (row, figure): -factor}
            if period != first:
                factors[rows[period - 1, entity], total] = -1.0
            if not all(cell in values for cell in factors):
                continue
            terms = [number * values[cell] for cell, number in factors.items()]
            if abs(rest := math.fsum(terms)) <= _TOLERANCE * max(1.0, *map(abs, terms)):
                yield Relation(factors, rest, rest)
