"""Conditions of measures over the typed columns of events: the rows that they select, and undecidable rows.

An unreadable cell leaves a condition undecided unless its other parts decide it: `渠道 = '网上' AND 天数 <= 5` is false
for 窗口, whatever the days are. A blank cell is not unreadable: a comparison with it is null, which selects no row.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache, reduce
from operator import or_

import polars as pl
from msgspec import Struct
from sqlglot import exp

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.intake.cells.numbers import fold
from kpi.language import expressions
from kpi.language.expressions import grammar
from kpi.language.expressions.terms import ExpressionError, Scope, Term
from kpi.language.expressions.times import PERIOD_END
from kpi.language.record_columns import READ_AS_NUMBERS, term_of
from kpi.values.working_days import WorkingDays


def cell(column: str) -> str:
    """Return the name of the typed column of a column of the file."""
    return f"c {column}"


def condition(where: str, kinds: Mapping[str, str], calendar: WorkingDays | None = None) -> pl.Expr:
    """Compile a condition of measures over the columns `cell(...)`; null where a cell that it needs is blank.

    Args:
        where: the condition.
        kinds: the kind of each column.
        calendar: the working days, None where nothing is counted in them.
    """
    return grammar.resolve(_folded(where), _scope(kinds), calendar).expr


def uncounted(text: str, kinds: Mapping[str, str], calendar: WorkingDays | None) -> tuple[pl.Expr, ...]:
    """Return where an expression needs working days beyond the years of the calendar, over the columns `cell(...)`.

    Args:
        text: a condition, or what a measure aggregates.
        kinds: the kind of each column.
        calendar: the working days.
    """
    try:
        return grammar.resolve(_folded(text), _scope(kinds), calendar).uncounted
    except ExpressionError:
        return ()


class Decided(Struct, frozen=True):
    """The outcome of a condition in rows with unreadable cells.

    Attributes:
        holds: whether it is true whatever these cells contain; never null.
        open: whether it may be true, depending on them; never null.
        value: the condition with these cells taken for blank.
    """

    holds: pl.Expr
    open: pl.Expr
    value: pl.Expr


def decided(
    where: str | None, kinds: Mapping[str, str], bad: Callable[[str], pl.Expr], calendar: WorkingDays | None = None
) -> Decided:
    """Decide a condition as far as possible; without a condition all rows are selected.

    Args:
        where: the condition.
        kinds: the kind of each column.
        bad: returns whether the cell of a column is unreadable, never null.
        calendar: the working days; a number of them that reaches beyond its years is open.
    """
    if where is None:
        return Decided(pl.lit(value=True), pl.lit(value=False), pl.lit(value=True))
    outcomes = _outcomes(_folded(where), _Cells(_scope(kinds), kinds, bad, calendar))
    return Decided(outcomes.true, outcomes.may_true & ~outcomes.true, condition(where, kinds, calendar))


def reads(where: str | None) -> set[str]:
    """Return the columns that a condition reads."""
    return {name for name, _ in expressions.parse(where).names()} if where else set()


def shortest_text(where: str, column: str) -> int | None:
    """Return the length in bytes of the shortest text that a column is compared with, None if it has other uses.

    >>> shortest_text("渠道 IN ('网上', '自助机') AND 类型 LIKE 'a%'", "渠道")
    6
    >>> shortest_text("upper(类型) = 'A'", "类型") is None
    True
    """
    lengths = []
    for name in _folded(where).find_all(exp.Column):
        test = name.parent
        if name.name != column or isinstance(test, exp.Is):
            continue
        if isinstance(test, exp.EQ | exp.NEQ):
            others = [test.right if test.left is name else test.left]
        elif isinstance(test, exp.In) and test.this is name:
            others = list(test.expressions)
        else:
            return None
        if not all(isinstance(item, exp.Literal) and item.is_string for item in others):
            return None
        lengths += [len(str(item.this).encode()) for item in others]
    return min(lengths, default=1 << 30)


#: The words for true and false that a condition may compare a column of truth values with.
_TRUTH = (
    ("true", "false"), ("是", "否"), ("True", "False"), ("TRUE", "FALSE"), ("yes", "no"), ("Yes", "No"), ("YES", "NO"),
    ("y", "n"), ("Y", "N"), ("√", "×"), ("✓", "✗"), ("1", "0"),
)  # fmt: skip


def truth_words(texts: Iterable[str], column: str) -> tuple[str, str]:
    """Return the words for true and false that some expressions compare a column with, `true` and `false` if none.

    >>> truth_words(["网上 <> '否'"], "网上"), truth_words(["网上 IS NULL"], "网上")
    (('是', '否'), ('true', 'false'))
    """
    words = literals(texts, {column})
    return next((pair for pair in _TRUTH if not words.isdisjoint(pair)), _TRUTH[0])


def truth_notes(texts: Iterable[str], column: str, place: Place) -> list[Diagnostic]:
    """Return the finding (K651) that a column of truth values is compared with other texts, none where it is not.

    >>> [str(one.message) for one in truth_notes(["网上 = '有'"], "网上", Place())]
    ["`网上` holds truth values, which are compared as 'true' and 'false': '有' is neither"]
    """
    some = list(texts)
    true, false = truth_words(some, column)
    others = sorted(literals(some, {column}) - {true, false})
    if not others:
        return []
    message = Message(
        "`{column}` holds truth values, which are compared as '{true}' and '{false}': {others} is neither",
        column=column, true=true, false=false, others=tuple(f"'{item}'" for item in others),
    )  # fmt: skip
    hint = Message("write {column} = '{true}' or {column} = '{false}'", column=column, true=true, false=false)
    return [Diagnostic("K651", message, place, hint, Severity.WARNING)]


def literals(texts: Iterable[str], columns: Collection[str]) -> set[str]:
    """Return the texts that some expressions compare columns with.

    >>> sorted(literals(["类型 IN ('小计', '合计') AND 渠道 = '网上'"], {"类型"}))
    ['合计', '小计']
    """
    tests = (exp.EQ, exp.NEQ, exp.In, exp.Like)
    return {
        str(item.this)
        for text in texts
        for name in _folded(text).find_all(exp.Column) if name.name in columns and isinstance(name.parent, tests)
        for item in name.parent.find_all(exp.Literal) if item.is_string
    }  # fmt: skip


def truth_of(text: str) -> str | None:
    """Return the word for true or false that a text is another form of, None where it is none.

    >>> truth_of("是"), truth_of("×"), truth_of("办结")
    ('true', 'false', None)
    """
    return next((_TRUTH[0][pair.index(text)] for pair in _TRUTH if text in pair), None)


class Comparison(Struct, frozen=True):
    """A test of one column against texts, within a condition or another expression.

    Attributes:
        column: the column.
        texts: the texts or patterns, folded like the cells.
        where: the condition or expression as it is written.
        test: the test alone, without a negation.
        plain: whether the cell must equal one of the texts, rather than match a pattern or in a part.
        needed: whether the condition selects only rows that meet the test.
        excludes: whether the test is negated.
    """

    column: str
    texts: tuple[str, ...]
    where: str
    test: str
    plain: bool
    needed: bool
    excludes: bool


# A service scores by the same definitions again and again.
@lru_cache(256)
def comparisons(texts: tuple[str, ...]) -> Sequence[Comparison]:
    """Return the tests of one column against texts in some expressions.

    >>> [(item.test, item.needed, item.excludes) for item in comparisons(("渠道 = '网上' AND 状态 <> '作废'",))]
    [("渠道 = '网上'", True, False), ("状态 = '作废'", False, True)]
    """
    items = []
    for text in dict.fromkeys(texts):
        for node in _folded(text).find_all(exp.EQ, exp.NEQ, exp.In, exp.Like):
            names = {item.name for item in node.find_all(exp.Column)}
            words = tuple(str(item.this) for item in node.find_all(exp.Literal) if item.is_string)
            if len(names) != 1 or not words:
                continue
            test = exp.EQ(this=node.this, expression=node.expression) if isinstance(node, exp.NEQ) else node
            sides = (node.this, node.args.get("expression"))
            plain = not isinstance(node, exp.Like) and any(isinstance(side, exp.Column) for side in sides)
            above, negative = node.parent, isinstance(node, exp.NEQ)
            needed = True
            while above is not None:
                negative ^= isinstance(above, exp.Not)
                needed &= isinstance(above, exp.And | exp.Paren)
                above = above.parent
            if _is_within_limits(sql := test.sql()):
                needed &= not negative
                items.append(Comparison(names.pop(), words, text, sql, plain, needed, negative))
    return items


def truth_text(column: pl.Expr, words: tuple[str, str]) -> pl.Expr:
    """Return truth values as one of two words."""
    true, false = map(pl.lit, words)
    return pl.when(column).then(true).when(~column).then(false)


def left_out_blank(where: str | None, kinds: Mapping[str, str]) -> list[str]:
    """Return the columns of texts whose blank cells a condition drops by excluding other texts.

    `状态 <> '作废'` is null, not true, for a row without 状态, contrary to what many users expect.

    >>> left_out_blank("状态 <> '作废' AND 渠道 = '网上'", {"状态": "text", "渠道": "text"})
    ['状态']
    >>> left_out_blank("状态 <> '作废' OR 状态 IS NULL", {"状态": "text"})
    []
    """
    if where is None:
        return []
    tree = expressions.parse(where).tree
    asked = {item.name for test in tree.find_all(exp.Is) for item in test.find_all(exp.Column)}
    asked |= {item.name for call in tree.find_all(exp.Coalesce) for item in call.find_all(exp.Column)}
    columns = [item.name for item in tree.find_all(exp.Column) if kinds.get(item.name) == "text" and _excludes(item)]
    return sorted(set(columns) - asked)


def blank_note(where: str, column: str, measures: Sequence[str], rows: int, place: Place) -> Diagnostic:
    """Return the finding (K628) about rows that a condition drops as a text is blank, see `left_out_blank`."""
    fields = {"column": column, "where": where, "measures": tuple(f"`{name}`" for name in measures)}
    message = Message(
        "1 row with a blank `{column}` is not counted by `{where}` ({measures}): a blank is not known "
        "to be another text",
        **fields,
    )
    if rows > 1:
        message = Message(
            "{number:,} rows with a blank `{column}` are not counted by `{where}` ({measures}): "
            "a blank is not known to be another text",
            number=rows,
            **fields,
        )
    hint = Message("to count them, write ({where} OR {column} IS NULL)", where=where, column=column)
    return Diagnostic("K628", message, place, hint, Severity.INFO)


def blank_comparands(where: str | None) -> dict[str, str]:
    """Return, for each column, the condition of rows that drop out as it alone is blank in a comparison of columns.

    `办结时间 - 受理时间 <= 承诺时限` is null, not true, for a row without 承诺时限. Comparisons within OR and NOT, and
    columns that the condition tests by `IS NULL` or `coalesce`, are left aside.

    >>> blank_comparands("结束 - 开始 <= 5 天 AND 评分 > 3")["开始"]
    '"开始" IS NULL AND "结束" IS NOT NULL AND (评分 > 3)'
    >>> blank_comparands("评分 >= 4")
    {}
    """
    if where is None:
        return {}
    tree = expressions.parse(where).tree
    parts = list(tree.flatten()) if isinstance(tree, exp.And) else [tree]
    asked = {
        column.name for test in tree.find_all(exp.Is, exp.Coalesce) for column in test.find_all(exp.Column)
    }  # fmt: skip
    conditions: dict[str, str] = {}
    for part in parts:
        if not isinstance(part.unnest(), exp.LT | exp.LTE | exp.GT | exp.GTE | exp.Between):
            continue
        names = sorted({column.name for column in part.find_all(exp.Column)} - {PERIOD_END})
        rest = " AND ".join(f"({other.sql()})" for other in parts if other is not part)
        for name in names if len(names) > 1 else ():
            others = " AND ".join(f"{quoted(other)} IS NOT NULL" for other in names if other != name)
            test = f"{quoted(name)} IS NULL AND {others}" + (f" AND {rest}" if rest else "")
            if name not in asked and _is_within_limits(test):
                conditions.setdefault(name, test)
    return conditions


def blank_operands(text: str, where: str | None) -> dict[str, str]:
    """Return, for each column of an expression, the condition of rows without a value because it alone is blank.

    Empty for an expression that handles blanks itself, such as one with `coalesce`.

    >>> blank_operands("金额 - 退款", None)
    {'退款': '"退款" IS NULL AND "金额" IS NOT NULL', '金额': '"金额" IS NULL AND "退款" IS NOT NULL'}
    """
    node = expressions.parse(text).tree
    names = sorted({item.name for item in node.find_all(exp.Column)} - {PERIOD_END})
    if not _is_strict(node) or (len(names) < 2):
        return {}
    asked = set() if where is None else {
        item.name for test in expressions.parse(where).tree.find_all(exp.Is) for item in test.find_all(exp.Column)
    }  # fmt: skip
    conditions = {}
    for name in names:
        others = " AND ".join(f"{quoted(other)} IS NOT NULL" for other in names if other != name)
        test = f"{quoted(name)} IS NULL AND {others}" + ("" if where is None else f" AND ({where})")
        if name not in asked and _is_within_limits(test):
            conditions[name] = test
    return conditions


def quoted(name: str) -> str:
    """Quote the name of a column for an expression."""
    return '"' + name.replace('"', '""') + '"'


def _is_within_limits(text: str) -> bool:
    try:
        expressions.parse(text)
    except ExpressionError:
        return False
    return True


def _excludes(name: exp.Column) -> bool:
    """Return whether a column is an operand of a negated comparison."""
    node, negative = name.parent, False
    while node is not None:
        negative ^= isinstance(node, exp.NEQ | exp.Not)
        node = node.parent
    return negative


def _scope(kinds: Mapping[str, str]) -> Scope:
    return lambda column: term_of(column, kinds, pl.col(cell(column)))


def value_of(text: str, scope: Scope, calendar: WorkingDays | None = None) -> Term:
    """Compile an expression that a measure aggregates to a term; `calendar` gives the working days.

    Raises:
        ExpressionError: kinds or units do not fit.
    """
    return grammar.resolve(_folded(text), scope, calendar)


def unreadable(text: str, kinds: Mapping[str, str], bad: Callable[[str], pl.Expr]) -> pl.Expr:
    """Return whether an expression has no value because of an unreadable cell, over the columns `cell(...)`.

    Args:
        text: the expression.
        kinds: the kind of each column.
        bad: returns whether the cell of a column is unreadable, never null.
    """
    node = _folded(text)
    names = sorted({item.name for item in node.find_all(exp.Column)})
    numbers = [name for name in names if kinds.get(name) in READ_AS_NUMBERS]
    if not numbers:
        return pl.lit(value=False)
    unknown = reduce(or_, map(bad, numbers))
    return unknown & ~_blank(names, numbers, bad) if _is_strict(node) else unknown


@lru_cache(maxsize=1024)
def _folded(where: str) -> exp.Expr:
    """Parse a condition, with its texts folded like the cells."""
    tree = expressions.parse(where).tree.copy()
    for item in tree.find_all(exp.Literal):
        if item.is_string:
            text = str(item.this)
            # A blank at the end of a pattern is a part of it.
            edges = isinstance(item.parent, exp.Like)
            before, after = (text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]) if edges else ("", "")
            item.set("this", before + fold(text) + after)
    return tree


class _Outcomes(Struct, frozen=True):
    """Whether a condition is true or false for certain, and whether it may be; null is neither."""

    true: pl.Expr
    may_true: pl.Expr
    false: pl.Expr
    may_false: pl.Expr


# Expressions that are null if one of their operands is.
_STRICT = (
    exp.Column, exp.Identifier, exp.Literal, exp.Paren, exp.Neg, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.EQ, exp.NEQ,
    exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Abs, exp.Round, exp.Between, exp.Interval, exp.Var, exp.Year,
    exp.Month, exp.DayOfWeekIso, exp.Hour,
)  # fmt: skip


class _Cells(Struct, frozen=True):
    """What is known of the cells that a condition reads, see `decided`."""

    scope: Scope
    kinds: Mapping[str, str]
    bad: Callable[[str], pl.Expr]
    calendar: WorkingDays | None


def _outcomes(node: exp.Expr, cells: _Cells) -> _Outcomes:
    def of(part: exp.Expr) -> _Outcomes:
        return _outcomes(part, cells)

    if isinstance(node, exp.Paren):
        return of(node.this)
    if isinstance(node, exp.Not):
        item = of(node.this)
        return _Outcomes(item.false, item.may_false, item.true, item.may_true)
    if isinstance(node, exp.And | exp.Or):
        a, b = of(node.left), of(node.right)
        if isinstance(node, exp.And):
            return _Outcomes(a.true & b.true, a.may_true & b.may_true, a.false | b.false, a.may_false | b.may_false)
        return _Outcomes(a.true | b.true, a.may_true | b.may_true, a.false & b.false, a.may_false & b.may_false)
    return _test(node, cells)


def _test(node: exp.Expr, cells: _Cells) -> _Outcomes:
    """Return the outcomes of an atomic condition."""
    kinds, bad = cells.kinds, cells.bad
    term = grammar.resolve(node, cells.scope, cells.calendar)
    value = term.expr
    true, false = value.fill_null(value=False), (~value).fill_null(value=False)
    names = sorted({item.name for item in node.find_all(exp.Column)})
    numbers = [name for name in names if kinds.get(name) in READ_AS_NUMBERS]
    if not numbers:
        return _Outcomes(true, true, false, false)
    unknown = reduce(or_, (*map(bad, numbers), *term.uncounted))
    if _is_strict(node):
        unknown &= ~_blank(names, numbers, bad)
        return _Outcomes(true, true | unknown, false, false | unknown)
    return _Outcomes(true & ~unknown, true | unknown, false & ~unknown, false | unknown)


def _is_strict(node: exp.Expr) -> bool:
    """Return whether an expression is null if one of its operands is."""
    return all(isinstance(item, _STRICT) for item in node.walk())


def _blank(names: list[str], numbers: list[str], bad: Callable[[str], pl.Expr]) -> pl.Expr:
    """Return whether one of some cells is blank, rather than unreadable."""
    return reduce(or_, (pl.col(cell(name)).is_null() & (~bad(name) if name in numbers else True) for name in names))
