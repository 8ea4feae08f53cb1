"""Kinds of the columns of records: numbers, texts, times and durations, as the expressions of measures use them.

A column is of times where a definition says so, where it gives the period, where a part of its date is taken, and where
it stands in what can only be a difference of times: `办结时间 - 受理时间 <= 5 天`. A number that meets such a
difference is a duration, which needs a unit of time; one that meets working days is a number of these.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from types import MappingProxyType
from typing import TypeVar

import polars as pl
from msgspec import Struct, field
from sqlglot import exp

from kpi.language import expressions
from kpi.language.datasets import Dataset, Records
from kpi.language.expressions import times
from kpi.language.expressions.terms import ExpressionError, Term
from kpi.language.expressions.times import PERIOD_END
from kpi.language.measures import Distinct, Measure, OfColumn
from kpi.values.units import MICROSECONDS, WORKING_DAY, UnitError

#: The kinds of columns that are read as numbers: figures, points in time, durations, numbers of working days.
READ_AS_NUMBERS = ("number", "time", "span", "working")

#: The kinds of columns of durations, with the unit of each: any number in them needs a unit.
DURATIONS = {"span": MICROSECONDS, "working": WORKING_DAY}

# What an expression gets behind it where the unit of its measure is that of working days.
_IN_WORKING_DAYS = f" + 0 {WORKING_DAY}"

M = TypeVar("M", bound=Measure)

_TESTS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)
_OF_TEXTS = (exp.Like, exp.Upper, exp.Lower, exp.Length, exp.Left, exp.Right)
_ORDERS = (exp.GT, exp.GTE, exp.LT, exp.LTE)
#: The parts of dates, each a number.
PARTS_OF_DATES = (exp.Year, exp.Month, exp.DayOfWeekIso, exp.Hour)


class ColumnKinds(Struct, frozen=True):
    """The columns that the measures of a dataset read.

    Attributes:
        kinds: of each: number, text, time, span for a duration, or working for a number of working days.
        assumed: the times that only their use says are such, so that the data may say otherwise.
        candidates: the numbers that might be times for all that is known: the data may say so.
        differences: the pairs of columns of times of which the second is subtracted from the first.
    """

    kinds: Mapping[str, str]
    assumed: frozenset[str] = frozenset()
    candidates: frozenset[str] = frozenset()
    differences: tuple[tuple[str, str], ...] = ()


def column_kinds(
    dataset: Dataset, measures: Iterable[Measure], *, timed: Collection[str] = (), untimed: Collection[str] = ()
) -> ColumnKinds:
    """Return the kinds of the columns that measures read.

    Args:
        dataset: that they are aggregated from.
        measures: its measures.
        timed: columns that are known to hold dates.
        untimed: columns that are known to hold no dates.
    """
    return _column_kinds(dataset, tuple(measures), frozenset(timed), frozenset(untimed))


# A service scores by the same definitions again and again.
@lru_cache(256)
def _column_kinds(
    dataset: Dataset, items: Sequence[Measure], timed: AbstractSet[str], untimed: AbstractSet[str]
) -> ColumnKinds:
    declared: dict[str, str] = dict(dataset.types) if isinstance(dataset, Records) else {}
    kinds: dict[str, str] = {}
    trees: list[exp.Expr] = []
    spans: list[tuple[exp.Expr, str]] = []
    for text in expressions_of(items):
        try:
            parsed = expressions.parse(text)
        except ExpressionError:
            continue
        # A use such as IS NULL says nothing: any that needs a number counts.
        kinds |= {name: kind for name, kind in parsed.column_kinds().items() if kinds.get(name) != "number"}
        trees.append(parsed.tree)
    for measure in items:
        if isinstance(measure, OfColumn) and not measure.computed:
            if isinstance(measure, Distinct):
                kinds.setdefault(measure.of, "text")
            else:
                kinds[measure.of] = "number"
        if measure.per is not None:
            kinds[measure.per] = "text"
        if isinstance(measure, OfColumn) and measure.computed and (kind := _span_of(measure)) is not None:
            try:
                spans.append((expressions.parse(measure.of).tree, kind))
            except ExpressionError:
                continue
    headers = dataset.headers
    given = {headers[role] for role in ("period", "reported") if role in headers}
    known = {name for name, kind in declared.items() if kind == "date"}
    known |= {name for name in given if declared.get(name, "date") == "date"}
    # What is read as text, such as by LIKE, stays one.
    written = {item.name for tree in trees for node in tree.find_all(*_OF_TEXTS) for item in node.find_all(exp.Column)}
    written -= {name for name, kind in declared.items() if kind == "date"}
    known = (known | timed) - written
    untimed = {*untimed, *written, *(name for name, kind in declared.items() if kind != "date")}
    result = _Inference(known, {*untimed})
    result.of(trees, spans)
    kinds.pop(PERIOD_END, None)
    plain = {name: "time" if kind == "date" else kind for name, kind in declared.items()}
    inferred = dict.fromkeys(result.times & set(kinds), "time") | dict.fromkeys(result.spans & set(kinds), "span")
    inferred |= dict.fromkeys(result.working & set(kinds), "working")
    # A column whose values are only counted stays what its cells are.
    inferred = {name: kind for name, kind in inferred.items() if name in result.used or kinds[name] != "text"}
    differences = tuple(sorted(pair for pair in result.differences if not {PERIOD_END, *untimed} & set(pair)))
    kinds = {**kinds, **plain, **{name: kind for name, kind in inferred.items() if plain.get(name) != "text"}}
    beside = {name for tree in trees for name in _beside(tree)} - untimed - set(declared)
    return ColumnKinds(
        MappingProxyType(kinds), frozenset(result.times - {PERIOD_END} - {*timed, *declared} - result.certain),
        frozenset(name for name in beside if kinds.get(name) == "number"), differences,
    )  # fmt: skip


def _beside(tree: exp.Expr) -> Iterable[str]:
    """Yield the names that are subtracted from or compared with one another."""
    for node in tree.find_all(exp.Sub, *_ORDERS):
        parts = [part.unnest() for part in (node.left, node.right)]
        if all(isinstance(part, exp.Column) for part in parts):
            yield from (part.name for part in parts)


def computed(measures: Iterable[Measure]) -> tuple[str, ...]:
    """Return the expressions that measures aggregate where others name a column, each once."""
    return tuple(
        dict.fromkeys(measure.of for measure in measures if isinstance(measure, OfColumn) and measure.computed)
    )


def counted_in(measure: M) -> M:
    """Return a measure whose expression comes to working days where its unit is that, and it does not say so itself.

    A sum with a number of working days is counted in these: `办结时间 - 受理时间 + 0 工作日`.
    """
    if not isinstance(measure, OfColumn) or not measure.computed or _span_of(measure) != "working":
        return measure
    try:
        tree = expressions.parse(measure.of).tree
        widened = expressions.parse(measure.of + _IN_WORKING_DAYS)
    except ExpressionError:
        return measure
    if isinstance(tree.unnest(), exp.Mul | exp.Div):
        return measure
    return measure.model_copy(update={"of": widened.text})


def as_written(text: str) -> str:
    """Return an expression as its author wrote it, without what `counted_in` adds.

    >>> as_written("办结时间 - 受理时间 + 0 工作日")
    '办结时间 - 受理时间'
    """
    return text.removesuffix(_IN_WORKING_DAYS)


def counts_working_days(text: str, kinds: Mapping[str, str]) -> bool:
    """Return whether an expression has a difference of dates that is counted in working days.

    >>> kinds = {"办结时间": "time", "受理时间": "time", "时限": "working"}
    >>> [counts_working_days(f"办结时间 - 受理时间 <= {limit}", kinds) for limit in ("5 天", "5 工作日", "时限")]
    [False, True, True]
    """
    try:
        return bool(expressions.parse(text).resolve(lambda name: term_of(name, kinds, pl.col(name))).uncounted)
    except ExpressionError:
        return False


def check(measures: Iterable[Measure], kinds: Mapping[str, str]) -> None:
    """Raise ExpressionError where an expression of measures does not fit the kinds of the columns."""
    items = list(measures)
    for text in expressions_of(items):
        expressions.parse(text).resolve(lambda name: term_of(name, kinds, pl.col(name)))


def term_of(name: str, kinds: Mapping[str, str], value: pl.Expr, unit: object = None) -> Term:
    """Return a column of records as a term.

    Args:
        name: of the column, or `period_end`.
        kinds: of the columns.
        value: its cells: figures, texts, or microseconds.
        unit: of figures, where that is known.
    """
    if name == PERIOD_END:
        return Term(value, "time", names=(name,), whole_day=True)
    kind = kinds.get(name, "text")
    if kind == "span":
        return Term(value.round(), "number", MICROSECONDS, names=(name,))
    if kind == "working":
        return Term(value, "number", WORKING_DAY, names=(name,))
    return Term(value, kind, unit if kind == "number" else None, names=(name,))  # type: ignore[arg-type]


def expressions_of(measures: Sequence[Measure]) -> Iterable[str]:
    """Yield the conditions of measures, and the expressions that they aggregate."""
    for measure in measures:
        if measure.where is not None:
            yield measure.where
    yield from computed(measures)


def _span_of(measure: Measure) -> str | None:
    """Return the kind of the durations that a measure is kept in, None where it is kept in something else."""
    try:
        unit = measure.quantity
    except UnitError:
        return None
    return "span" if times.is_duration(unit) else "working" if times.is_working(unit) else None


#: Operators that may follow one another without parentheses, as often as an expression may be long.
_CHAINED = (exp.Add, exp.Sub, exp.Mul, exp.Div)


def _combined(node: exp.Expr, left: str | None, right: str | None) -> str | None:
    """Return what the result of an operation is known to be."""
    match node:
        case exp.Sub():
            if right == "time":
                return "span"
            return "time" if left == "time" and right in DURATIONS else _together(left, right)
        case exp.Add():
            return "time" if "time" in (left, right) else _together(left, right)
        case exp.Mul():
            known = [kind for kind in (left, right) if kind in DURATIONS]
            return known[0] if len(known) == 1 else None
    return left if left in DURATIONS and right is None else None


class _Inference(Struct):
    """Which columns are points in time, durations, or numbers of working days, until nothing more follows.

    `used` are those that an expression computes or compares as such; `certain` those of which nothing else can be
    meant.
    """

    times: set[str]
    untimed: set[str]
    spans: set[str] = field(default_factory=set)
    working: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    certain: set[str] = field(default_factory=set)
    differences: set[tuple[str, str]] = field(default_factory=set)
    _kinds: dict[int, str | None] = field(default_factory=dict)
    _state: tuple[int, int, int] = (0, 0, 0)

    def of(self, trees: Sequence[exp.Expr], spans: Sequence[tuple[exp.Expr, str]]) -> None:
        """Follow what each node says of the columns in it; `spans` are expressions that come to a duration."""
        nodes = [node for tree in trees for node in tree.walk()]
        for last in (False, True):
            before = None
            while before != (before := (*map(frozenset, (self.times, self.spans, self.working)), len(self.used))):
                for node in nodes:
                    self._node(node, last=last)
                for tree, kind in spans:
                    if isinstance(tree.unnest(), exp.Sub | exp.Add | exp.Abs | exp.Least | exp.Greatest):
                        self._push(tree, kind)
        for node in nodes:
            if isinstance(node, exp.Sub) and self._kind(node.left) == self._kind(node.right) == "time":
                left, right = node.left.unnest(), node.right.unnest()
                if isinstance(left, exp.Column) and isinstance(right, exp.Column):
                    self.differences.add((left.name, right.name))

    def _node(self, node: exp.Expr, *, last: bool) -> None:
        if isinstance(node, _TESTS):
            parts = _compared(node)
            known = [kind for part in parts if (kind := self._kind(part)) is not None]
            kind = "working" if "working" in known else next(iter(known), None)
            if kind is None and any(item.is_string and times.is_date(item.name) for item in parts if _is_literal(item)):
                kind = "time"
            for part in parts if kind is not None else ():
                self._push(part, str(kind))
            columns = {item.name for item in parts if isinstance(item, exp.Column)}
            if PERIOD_END in columns:
                self.certain |= columns
        elif isinstance(node, PARTS_OF_DATES):
            self._push(node.this, "time")
            if isinstance(node.this.unnest(), exp.Column):
                self.certain.add(node.this.unnest().name)
        elif isinstance(node, exp.Sub):
            left, right = self._kind(node.left), self._kind(node.right)
            if right == "time" or (last and left == "time" and right is None):
                self._push(node.left, "time")
                self._push(node.right, "time")
        elif isinstance(node, exp.Add) and last and "time" in (self._kind(node.left), self._kind(node.right)):
            self._push(node, "time")

    def _kind(self, node: exp.Expr) -> str | None:
        """Return what a node is known to be: time, span, working or nothing.

        Chains of operators are walked from their first part on, as they may be longer than Python nests calls, and what
        is known of a node is kept until more is known of columns.
        """
        state = (len(self.times), len(self.spans), len(self.working))
        if state != self._state:
            self._kinds, self._state = {}, state
        chain = []
        while isinstance(node, _CHAINED) and id(node) not in self._kinds:
            chain.append(node)
            node = node.left
        kind = self._kinds[id(node)] if id(node) in self._kinds else self._kind_alone(node)
        for operation in reversed(chain):
            kind = self._kinds[id(operation)] = _combined(operation, kind, self._kind(operation.right))
        return kind

    def _kind_alone(self, node: exp.Expr) -> str | None:  # noqa: PLR0911  # one line a kind
        """Return what a node is known to be that is no chain."""
        match node:
            case exp.Paren() | exp.Neg() | exp.Abs() | exp.Round():
                kind = self._kind(node.this)
                return kind if isinstance(node, exp.Paren) or kind in DURATIONS else None
            case exp.Column():
                if node.name == PERIOD_END or node.name in self.times:
                    return "time"
                return "working" if node.name in self.working else "span" if node.name in self.spans else None
            case exp.Interval():
                return "working" if node.args["unit"].name == WORKING_DAY.text else "span"
            case exp.Least() | exp.Greatest() | exp.Coalesce():
                return next(filter(None, map(self._kind, (node.this, *node.expressions))), None)
            case exp.Case():
                return next(filter(None, map(self._kind, _values(node))), None)
        return None

    def _push(self, node: exp.Expr, kind: str) -> None:
        """Take note of what a node has to be; chains of operators are walked, as in `_kind`."""
        while isinstance(node, _CHAINED):
            before, behind = self._parts(node, kind)
            if behind is not None:
                self._push(node.right, behind)
            if before is None:
                return
            node, kind = node.left, before
        self._push_alone(node, kind)

    def _parts(self, node: exp.Binary, kind: str) -> tuple[str | None, str | None]:
        """Return what the two parts of an operation of some kind have to be, None for what is not known."""
        left, right = self._kind(node.left), self._kind(node.right)
        match node:
            case exp.Sub():
                if kind == "time":
                    return "time", "span"
                spans = {left, right} & set(DURATIONS)
                alone = "time" not in (left, right) and (bool(spans) or self._is_untimed(node))
                return (kind, kind) if alone else ("time", "time")
            case exp.Add():
                span = "span" if kind == "time" else kind
                return (span, "time") if kind == "time" and right == "time" else (kind, span)
            case exp.Mul() if kind in DURATIONS:
                return (
                    kind if _is_literal(node.right.unnest()) else None,
                    kind if _is_literal(node.left.unnest()) else None,
                )
            case exp.Div() if kind in DURATIONS:
                return kind, None
        return None, None

    def _push_alone(self, node: exp.Expr, kind: str) -> None:  # noqa: C901  # one case a kind
        """Take note of what a node has to be that is no chain."""
        match node:
            case exp.Paren():
                self._push(node.this, kind)
            case exp.Neg() | exp.Abs() | exp.Round() if kind in DURATIONS:
                self._push(node.this, kind)
            case exp.Column() if node.name != PERIOD_END:
                self.used.add(node.name)
                if kind == "time" and node.name not in self.untimed:
                    self.times.add(node.name)
                elif kind == "working" and node.name not in self.times:
                    self.spans.discard(node.name)
                    self.working.add(node.name)
                elif kind == "span" and node.name not in self.times | self.working:
                    self.spans.add(node.name)
            case exp.Least() | exp.Greatest() | exp.Coalesce():
                for part in (node.this, *node.expressions):
                    self._push(part, kind)
            case exp.Case():
                for part in _values(node):
                    self._push(part, kind)

    def _is_untimed(self, node: exp.Sub) -> bool:
        return any(item.name in self.untimed for item in node.find_all(exp.Column))


def _together(left: str | None, right: str | None) -> str | None:
    """Return the kind of a sum or difference of two durations: working days where one of them is."""
    if left not in DURATIONS or right not in DURATIONS:
        return None
    return "working" if "working" in (left, right) else "span"


def _compared(node: exp.Expr) -> list[exp.Expr]:
    if isinstance(node, exp.Between):
        return [node.this, node.args["low"], node.args["high"]]
    return [node.this, *node.expressions] if isinstance(node, exp.In) else [node.left, node.right]  # type: ignore[attr-defined]


def _values(node: exp.Case) -> list[exp.Expr]:
    default = node.args.get("default")
    return [branch.args["true"] for branch in node.args["ifs"]] + ([default] if default is not None else [])


def _is_literal(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal)
