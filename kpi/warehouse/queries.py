"""The queries of a table of events: groups with the parts of measures, and statistics of the rows themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl
from msgspec import Struct, field
from sqlglot import exp

from kpi.errors import Message
from kpi.intake.cells.numbers import LARGEST
from kpi.intake.events.conditions import cell
from kpi.intake.events.events import MONTH, ORDER, WHO
from kpi.intake.events.fixed_point import Precision
from kpi.intake.events.remote import ODD, PER, ROWS, Groups, OfEntities, tied
from kpi.language.measures import OfRows, Part
from kpi.warehouse.cells import Cells
from kpi.warehouse.dialects import Dialect, number, text
from kpi.warehouse.translation import Translator, Untranslatable

_CELLS, _VALUES, _TESTS = "cells", "computed_cells", "tested_rows"


class Query(Struct, frozen=True):
    """A query, and what its columns are.

    Attributes:
        tree: the query.
        names: the own name of each of its columns, by that in the query.
        copies: further columns, and the own names of those that they are equal to.
    """

    tree: exp.Select
    names: Mapping[str, str]
    copies: Mapping[str, str] = field(default_factory=dict)


def groups_query(table: exp.Table, cells: Cells, request: Groups) -> Query:
    """Return the query of the groups of a table, as `Engine.groups` describes them.

    Raises:
        Untranslatable: a part cannot be computed exactly.
    """
    dialect, rows = cells.dialect, request.rows
    query = _typed(table, cells)
    references = cells.references()
    translate = Translator(references, dialect)
    tests = {where: f"test {at}" for at, where in enumerate(sorted(rows.conditions))}
    names = {"name": WHO, "month": MONTH}
    columns = [_as(references[WHO], "name"), _as(references[MONTH], "month")]
    keys = ["name", "month"]
    if rows.per is not None:
        columns.append(_as(references[cell(rows.per)], PER))
        keys.append(PER)
        names[PER] = PER
    odd = _possible(translate(request.odd), _odd(cells, request))
    never = isinstance(odd, exp.Boolean)
    if not never:
        columns.append(_as(exp.Coalesce(this=odd, expressions=[exp.false()]), "odd"))
        keys.append("odd")
        names["odd"] = ODD
    columns += [_as(translate(rows.conditions[where]), name) for where, name in tests.items()]
    read = dict.fromkeys(str(part.of) for part in request.parts if part.of is not None)
    columns += [_as(references[cell(name)], cells.alias(cell(name))) for name in read]
    summed = dict.fromkeys(str(part.of) for part in request.parts if part.what == "sum")
    whole = {name: f"whole {at}" for at, name in enumerate(summed)}
    for name, alias in whole.items():
        precision = request.precisions[name]
        within = cells.within(name, precision.limit)
        columns.append(_as(_whole(references[cell(name)], precision, dialect, within=within), alias))
    inner = exp.select(*columns, copy=False).from_(_named(_VALUES))
    if rows.per is not None:
        inner = inner.where(_filled(references[cell(rows.per)]))
    query = query.with_(_quoted(_TESTS), as_=inner)
    names["row_count"] = ROWS
    aggregates, copies = _parts(cells, request, tests, whole, names)
    group = [exp.column(key, quoted=True) for key in keys]
    query = query.select(*group, _as(exp.Count(this=exp.Star()), "row_count"), *aggregates, copy=False)
    return Query(query.from_(_named(_TESTS)).group_by(*(item.copy() for item in group)), names, copies)


def _parts(
    cells: Cells, request: Groups, tests: Mapping[str, str], whole: Mapping[str, str], names: dict[str, str]
) -> tuple[list[exp.Expr], dict[str, str]]:
    """Return the parts of measures as aggregates, and those that are equal to others; add what they are called.

    Args:
        cells: the columns of the table.
        request: the parts.
        tests: the column of each condition.
        whole: the column of each number that is summed, as an integer.
        names: the own name of each column of the query.
    """
    aggregates: list[exp.Expr] = []
    copies: dict[str, str] = {}
    computed: dict[Part, str] = {}
    for at, part in enumerate(request.parts):
        # A number without gaps is filled in every row.
        filled = part.what == "filled" and part.of is not None and cells.filled(part.of)
        item = Part("rows", part.where) if filled else part
        if item in computed:
            copies[part.name] = computed[item]
            continue
        computed[item] = names[f"part {at}"] = part.name
        of = str(item.of)
        value = None if item.of is None else exp.column(cells.alias(cell(of)), quoted=True)
        test = None if item.where is None else exp.column(tests[item.where], quoted=True)
        if item.what == "sum":
            kept = _kept(exp.column(whole[of], quoted=True), test)
            aggregate = cells.dialect.total(kept, narrow=request.precisions[of].bits <= 64)
        else:
            aggregate = _part(item, value, test)
        aggregates.append(_as(aggregate, f"part {at}"))
    return aggregates, copies


def statistics_query(table: exp.Table, cells: Cells, request: OfEntities) -> tuple[Query, list[str]]:
    """Return the query of statistics by entity, period and finer unit, and the names of the measures in it.

    Rows of an entity that goes by several names are joined under the first of these, in the column `WHO`.

    Raises:
        Untranslatable: none of the measures can be computed exactly.
    """
    dialect, rows = cells.dialect, request.rows
    possible = {name: item for name, item in request.measures.items() if item.statistic}
    if not possible:
        raise not_exact(next(iter(request.measures.values())))
    chronological = any(item.chronological for item in possible.values())
    query = _typed(table, cells, order=chronological)
    references = cells.references()
    translate = Translator(references, dialect)
    names = {"name": WHO, "period": "period"}
    who = _one_name(references[WHO], request.known)
    period = dialect.floor_divided(references[MONTH], request.months)
    columns = [_as(who, "name"), _as(period, "period")]
    keys = ["name", "period"]
    if rows.per is not None:
        columns.append(_as(cells.named(rows.per, references[cell(rows.per)]), PER))
        keys.append(PER)
        names[PER] = PER
    if chronological:
        columns.append(_as(references[ORDER], "day"))
    of = {column: f"value {at}" for at, column in enumerate(dict.fromkeys(item.of for item in possible.values()))}
    for column, name in of.items():
        value = references[cell(column)]
        if rows.kinds[column] == "text":
            value = cells.named(column, value)
        else:
            there = exp.LTE(this=exp.Abs(this=value), expression=number(LARGEST))
            value = exp.Case(ifs=[exp.If(this=there, true=value.copy())])
        columns.append(_as(value, name))
    inner = exp.select(*columns).from_(_named(_VALUES)).where(_filled(references[MONTH]))
    for test in rows.conditions.values():
        inner = inner.where(translate(test))
    if rows.per is not None:
        inner = inner.where(_filled(references[cell(rows.per)]))
    query = query.with_(_quoted(_TESTS), as_=inner)
    group = [exp.column(key, quoted=True) for key in keys]
    source = _TESTS
    if chronological:
        query = query.with_(_quoted("edges"), as_=_edges(possible, of, group))
        source = "edges"
    aggregates = _statistics(possible, of, names, dialect)
    query = (
        query.select(*group, *aggregates, copy=False).from_(_named(source)).group_by(*(item.copy() for item in group))
    )
    return Query(query, names), list(possible)


def _statistics(
    measures: Mapping[str, OfRows], of: Mapping[str, str], names: dict[str, str], dialect: Dialect
) -> list[exp.Expr]:
    """Return the aggregates of measures, and add what they are called to `names`."""
    aggregates: list[exp.Expr] = []
    for at, (measure, item) in enumerate(measures.items()):
        name = f"measure {at}"
        names[name] = measure
        value = exp.column(of[item.of], quoted=True)
        if item.chronological:
            edge = exp.EQ(
                this=exp.column("day", quoted=True), expression=exp.column(_edge(of[item.of], item), quoted=True)
            )
            kept = exp.Case(ifs=[exp.If(this=edge, true=value)])
            fold = exp.Max if item.statistic == "last" else exp.Min
            aggregates.append(_as(fold(this=kept), name))
            names[f"tied {at}"] = tied(measure)
            several = exp.GT(this=_distinct(kept.copy()), expression=number(1))
            ties = exp.Case(ifs=[exp.If(this=several, true=exp.Count(this=kept.copy()))], default=number(0))
            aggregates.append(_as(ties, f"tied {at}"))
        else:
            aggregates.append(_as(_statistic(item, value, dialect), name))
    return aggregates


def not_exact(measure: OfRows) -> Untranslatable:
    """Return that a statistic has no exact form in SQL."""
    title = getattr(type(measure), "kind_title", type(measure).__name__)
    return Untranslatable(Message("a {kind} is not exact in SQL", kind=title))


def _typed(table: exp.Table, cells: Cells, *, order: bool = False) -> exp.Select:
    """Return a query that begins with the typed columns of a table, and those computed from them."""
    typed = cells.typed()
    if order:
        typed[ORDER] = cells.order()
    columns = [_as(value, cells.alias(name)) for name, value in typed.items()]
    query = exp.select().with_(_quoted(_CELLS), as_=exp.select(*columns, copy=False).from_(table.copy()))
    computed = [_as(value, cells.alias(name)) for name, value in cells.computed().items()]
    return query.with_(_quoted(_VALUES), as_=exp.select(exp.Star(), *computed).from_(_named(_CELLS)))


def _part(part: Part, value: exp.Expr | None, test: exp.Expr | None) -> exp.Expr:
    """Return a part other than a sum as an aggregate over tested rows."""
    match part.what:
        case "min" | "max":
            fold = exp.Min if part.what == "min" else exp.Max
            return fold(this=_kept(value, test))
        case "blank":
            both = [exp.Is(this=item, expression=exp.Null()) for item in (test, value)]
            return _count(exp.And(this=both[0], expression=both[1]))
    if value is None:
        return exp.Count(this=exp.Star()) if test is None else _count(test)
    return exp.Count(this=_kept(value, test))


def _count(test: exp.Expr) -> exp.Expr:
    return exp.Count(this=exp.Case(ifs=[exp.If(this=test, true=number(1))]))


def _kept(value: exp.Expr | None, test: exp.Expr | None) -> exp.Expr:
    assert value is not None  # noqa: S101 - the part is of a column
    return value if test is None else exp.Case(ifs=[exp.If(this=test, true=value)])


def _whole(value: exp.Expr, precision: Precision, dialect: Dialect, *, within: bool) -> exp.Expr:
    if within:
        return dialect.multiples(value.copy(), precision)
    inside = exp.LTE(this=exp.Abs(this=value), expression=number(precision.limit))
    return exp.Case(ifs=[exp.If(this=inside, true=dialect.multiples(value.copy(), precision))])


def _statistic(item: OfRows, value: exp.Expr, dialect: Dialect) -> exp.Expr:
    if item.statistic == "distinct":
        return _distinct(value)
    if item.statistic == "deviation":
        return exp.StddevSamp(this=value)
    return dialect.quantile(value, item.share)


def _odd(cells: Cells, request: Groups) -> frozenset[str]:
    """Return the columns whose numbers are all within the limit of their precision."""
    limits = {name: precision.limit for name, precision in request.precisions.items()}
    return frozenset(cells.alias(cell(name)) for name, limit in limits.items() if cells.within(name, limit))


def _possible(test: exp.Expr, within: frozenset[str]) -> exp.Expr:
    """Return a test without the alternatives that a magnitude is beyond the limit of its column, where none is."""
    if isinstance(test, exp.Paren):
        inner = _possible(test.this, within)
        return inner if isinstance(inner, exp.Boolean) else exp.paren(inner, copy=False)
    if isinstance(test, exp.Or):
        sides = [_possible(side, within) for side in (test.left, test.right)]
        open_sides = [side for side in sides if not (isinstance(side, exp.Boolean) and not side.this)]
        return exp.or_(*open_sides, copy=False) if open_sides else exp.false()
    magnitude = test.this if isinstance(test, exp.GT) and isinstance(test.this, exp.Abs) else None
    if magnitude is not None and isinstance(magnitude.this, exp.Column) and magnitude.this.name in within:
        return exp.false()
    return test


def _distinct(value: exp.Expr) -> exp.Expr:
    return exp.Count(this=exp.Distinct(expressions=[value]))


def _edge(column: str, item: OfRows) -> str:
    return f"{item.statistic} of {column}"


def _edges(measures: Mapping[str, OfRows], of: Mapping[str, str], group: Sequence[exp.Expr]) -> exp.Select:
    """Return rows with the first and the last day of the filled cells of their group."""
    columns = {}
    for item in measures.values():
        if item.chronological:
            value = exp.column(of[item.of], quoted=True)
            day = exp.Case(ifs=[exp.If(this=_filled(value), true=exp.column("day", quoted=True))])
            fold = exp.Max if item.statistic == "last" else exp.Min
            window = exp.Window(this=fold(this=day), partition_by=[key.copy() for key in group])
            columns[_edge(of[item.of], item)] = window
    return exp.select(exp.Star(), *(_as(value, name) for name, value in columns.items())).from_(_named(_TESTS))


def _one_name(who: exp.Expr, known: pl.DataFrame) -> exp.Expr:
    """Return names with the other names of an entity replaced by its first, null for those of none."""
    firsts = known.sort(WHO).group_by("entity").agg(pl.col(WHO).first().alias("first"))
    others = known.join(firsts, on="entity").filter(pl.col(WHO) != pl.col("first")).sort(WHO)
    branches = [
        exp.If(this=exp.EQ(this=who.copy(), expression=text(name)), true=text(first))
        for name, first in others.select(WHO, "first").rows()
    ]
    return exp.Case(ifs=branches, default=who) if branches else who


def _filled(value: exp.Expr) -> exp.Expr:
    return exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null()))


def _as(value: exp.Expr, name: str) -> exp.Alias:
    return exp.Alias(this=value.copy(), alias=_quoted(name))


def _quoted(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=True)


def _named(name: str) -> exp.Table:
    return exp.Table(this=_quoted(name))
