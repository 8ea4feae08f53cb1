"""The figures of a period as cells of a table with linear relations, for disclosure control."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import polars as pl

from kpi.language.linear_edits import Edit, edits
from kpi.language.sensitive import Sensitive
from kpi.language.system import System

#: A figure of a period: the entity (place in the roster) and the measure.
Cell: TypeAlias = tuple[int, str]


@dataclass(frozen=True)
class Relation:
    """What readers know of some figures: `low <= Σ factor · figure <= high`; None for no end."""

    factors: Mapping[Cell, float]
    low: float | None
    high: float | None

    @property
    def is_equation(self) -> bool:
        """Whether both ends are the same."""
        return self.low is not None and self.low == self.high


@dataclass(frozen=True)
class Table:
    """The figures of a period that are, or may have to be, suppressed.

    Attributes:
        period: the index of the period.
        values: the true figures.
        ends: of the figures that are suppressed by themselves, what they must be able to be.
        bounds: what readers know of a figure that is suppressed: least and greatest.
        whole: the figures that are whole numbers, as their measure is throughout.
        relations: what readers know of several figures.
    """

    period: int
    values: Mapping[Cell, float]
    ends: Mapping[Cell, tuple[float, float]]
    bounds: Mapping[Cell, tuple[float, float]]
    whole: frozenset[Cell]
    relations: tuple[Relation, ...] = ()

    @property
    def related(self) -> bool:
        """Whether a relation holds a figure that is suppressed by itself."""
        return any(cell in self.ends for relation in self.relations for cell in relation.factors)


@dataclass(frozen=True)
class _Scope:
    """The measures that relations connect with protected ones, and the checks that do."""

    measures: tuple[str, ...]
    checks: tuple[Edit, ...] = field(default=())


def tables(system: System, frame: pl.DataFrame, rules: Iterable[Sensitive]) -> list[Table]:
    """Return a table for each period of a wide frame in which figures are suppressed by themselves.

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
    judged = frame.with_columns(columns)
    whole = {name for name in scope.measures if bool((frame[name].drop_nulls() % 1 == 0).all())}
    results = []
    for (period,), part in judged.partition_by("period", as_dict=True, maintain_order=True).items():
        if part.select(pl.any_horizontal(f"#holds.{place}" for place in range(len(rules))).any()).item():
            results.append(_table(system, int(period), part, rules=rules, scope=scope, whole=whole))
    return results


def _scope(system: System, rules: Iterable[Sensitive]) -> _Scope:
    names = dict.fromkeys(rule.measure for rule in rules)
    checks = [edit for edit in edits(system) if all(name in system.measures for name in edit.factors)]
    used: list[Edit] = []
    grown = True
    while grown:
        more = [edit for edit in checks if edit not in used and names.keys() & edit.factors.keys()]
        used += more
        names |= dict.fromkeys(name for edit in more for name in edit.factors)
        grown = bool(more)
    return _Scope(tuple(names), tuple(edit for edit in checks if edit in used))


def _table(
    system: System, period: int, part: pl.DataFrame, *, rules: list[Sensitive], scope: _Scope, whole: set[str]
) -> Table:
    entities = part["entity"].to_list()
    values = {
        (entity, name): float(figure)
        for name in scope.measures
        for entity, figure in zip(entities, part[name].to_list(), strict=True) if figure is not None
    }  # fmt: skip
    ends: dict[Cell, tuple[float, float]] = {}
    for place, rule in enumerate(rules):
        rows = part.select("entity", f"#holds.{place}", f"#low.{place}", f"#high.{place}").rows()
        for entity, holds, low, high in rows:
            if holds:
                former = ends.get((entity, rule.measure), (low, high))
                ends[entity, rule.measure] = min(low, former[0]), max(high, former[1])
    disclosure = system.disclosure
    assert disclosure is not None  # noqa: S101
    far = 4 * sum(map(abs, values.values())) + 100
    signed = {name for (_, name), figure in values.items() if figure < 0}
    bounds = {cell: (-far if cell[1] in signed else 0.0, far) for cell in values}
    bounds |= {cell: pair for cell, pair in ends.items() if cell[1] in disclosure.of}
    relations = [*_totals(system, part, scope, values), *_checked(scope, values, entities)]
    integral = frozenset(cell for cell in values if cell[1] in whole)
    return Table(period, values, ends, bounds, integral, tuple(relations))


def _totals(system: System, part: pl.DataFrame, scope: _Scope, values: Mapping[Cell, float]) -> Iterator[Relation]:
    """Yield the totals of measures over the groups whose totals are known."""
    assert system.disclosure is not None  # noqa: S101
    for grouping in system.disclosure.groupings:
        _, *columns = system.grouped_by(grouping)
        groups = part.select("entity", pl.col(columns[0]).alias("group") if columns else pl.lit("").alias("group"))
        for _, members in groups.group_by("group", maintain_order=True):
            for name in scope.measures:
                cells = [(entity, name) for entity in members["entity"] if (entity, name) in values]
                if cells:
                    total = math.fsum(values[cell] for cell in cells)
                    yield Relation(dict.fromkeys(cells, 1.0), total, total)


def _checked(scope: _Scope, values: Mapping[Cell, float], entities: Iterable[int]) -> Iterator[Relation]:
    """Yield the checks that hold of the figures of a unit."""
    for entity in entities:
        for edit in scope.checks:
            figures = {name: values.get((entity, name)) for name in edit.factors}
            there = {name: figure for name, figure in figures.items() if figure is not None}
            if len(there) < len(figures) or not edit.holds(there):
                continue
            number = math.fsum(factor * there[name] for name, factor in edit.factors.items())
            low, high = edit.low, edit.high
            if low is not None and low == high:
                low = high = number
            yield Relation({(entity, name): factor for name, factor in edit.factors.items()}, low, high)
