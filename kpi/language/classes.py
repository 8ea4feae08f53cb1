"""Weights that differ between entities or periods (差异化考核): by a column of the roster, and from a period on.

A weight is a number, `{by: 类别, values: {工业县: 60, 生态县: 20}}`, or a list of either with the period from which it
holds: `[{weight: 30}, {from: 2024, weight: 20}]`. The first of a list without `from` holds before the others. What no
weight is given for, a class or an early period, is not scored: nothing stands in for it.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, TypeAlias

import polars as pl
from pydantic import Discriminator, Field, Tag

from kpi.errors import Message, commas, statements
from kpi.language.model import Block, Listed, Path, Problem, Problems, Text
from kpi.values import period_texts, periods
from kpi.values.columns import MONTH, class_by
from kpi.values.names import comparable
from kpi.values.periods import Grain
from kpi.values.status import literal
from kpi.values.timelines import Timeline


class ByClass(Block):
    """A weight by a column of the roster, `{by: 类别, values: {工业县: 60, 生态县: 20}}`; 0: no part there.

    >>> frame = pl.DataFrame({"#class 类别": ["工业县", "生态县", "山区县"]})
    >>> frame.select(w=ByClass(by="类别", values={"工业县": 60, "生态县": 20}).expr())["w"].to_list()
    [60.0, 20.0, None]
    """

    by: str = Field(description="a column of the roster, such as 类别; or cohort")
    values: dict[Text, Annotated[float, Field(ge=0)]] = Field(
        min_length=1, description="the weight for each value of the column; 0: the part does not apply there"
    )

    def expr(self) -> pl.Expr:
        """Return the weight, null for a class without one."""
        weights = {comparable(value): float(weight) for value, weight in self.values.items()}
        return pl.col(class_by(self.by)).replace_strict(weights, default=None, return_dtype=pl.Float64)

    def words(self) -> Message:
        """Return the weights in words.

        >>> ByClass(by="类别", values={"工业县": 60, "生态县": 20}).words()
        'by 类别: 工业县 60, 生态县 20'
        """
        weights = commas(f"{value} {weight:.6g}" for value, weight in self.values.items())
        return Message("by {column}: {bounds}", column=self.by, bounds=weights)


def _form(value: Any) -> str:
    """Return which of the two forms of a weight of one period a value has."""
    return "by" if isinstance(value, dict | ByClass) else "number"


#: The weight of one period.
AtOnce: TypeAlias = Annotated[
    Annotated[Annotated[float, Field(gt=0)], Tag("number")] | Annotated[ByClass, Tag("by")], Discriminator(_form)
]


class Since(Block):
    """A weight and the period from which it holds, until the next of the list does."""

    from_: Text | None = Field(
        None, alias="from", description="the first period, such as 2024 or 2024Q3; left out in the first of a list"
    )
    weight: AtOnce = Field(description="the weight from then on, a number or by a column of the roster")


def _form_over_time(value: Any) -> str:
    return "dated" if isinstance(value, list | tuple) else _form(value)


#: A weight as a definition states it; 0 is of what is shown and not counted.
Weight: TypeAlias = Annotated[
    Annotated[Annotated[float, Field(ge=0)], Tag("number")]
    | Annotated[ByClass, Tag("by")]
    | Annotated[Listed[Since], Field(min_length=1), Tag("dated")],
    Discriminator(_form_over_time),
]

#: The same for annotations: pydantic's own are of no use to a type checker.
Weighed: TypeAlias = float | ByClass | tuple[Since, ...]


def differs(weight: Weighed) -> bool:
    """Return whether a weight is not one number for all entities and periods."""
    return not isinstance(weight, int | float)


def weight_expr(weight: Weighed, timeline: Timeline) -> pl.Expr:
    """Return a weight as an expression over the panel, null where none is given.

    >>> dated = (Since(weight=30.0), Since(**{"from": "2024", "weight": 20.0}))
    >>> frame = pl.DataFrame({"#month": [2023 * 12 + 11, 2024 * 12 + 11]})
    >>> frame.select(w=weight_expr(dated, periods.MONTHS))["w"].to_list()
    [30.0, 20.0]
    """
    if isinstance(weight, ByClass):
        return weight.expr()
    if isinstance(weight, tuple):
        column = literal(None)
        for item in weight:
            current = weight_expr(item.weight, timeline)
            begins = None if item.from_ is None else period_texts.stretch(item.from_, timeline)[0]
            column = current if begins is None else pl.when(pl.col(MONTH) >= begins).then(current).otherwise(column)
        return column
    return literal(float(weight))


def weight_words(weight: Weighed) -> Message | str:
    """Return a weight in words.

    >>> weight_words((Since(weight=30.0), Since(**{"from": "2024", "weight": 20.0})))
    '30; from 2024 on 20'
    """
    if isinstance(weight, ByClass):
        return weight.words()
    if isinstance(weight, tuple):
        return statements(
            Message("from {period} on {weight}", period=item.from_, weight=weight_words(item.weight))
            if item.from_
            else weight_words(item.weight)
            for item in weight
        )
    return f"{weight:.6g}"


def columns_of(weight: Weighed) -> tuple[str, ...]:
    """Return the columns of the roster that a weight depends on."""
    if isinstance(weight, ByClass):
        return (weight.by,)
    return tuple(item.weight.by for item in weight if isinstance(item.weight, ByClass)) if differs(weight) else ()  # type: ignore[union-attr]


def classes_of(weight: Weighed) -> Iterator[ByClass]:
    """Yield the tables of a weight by class."""
    for item in (Since(weight=weight),) if not isinstance(weight, tuple) else weight:
        if isinstance(item.weight, ByClass):
            yield item.weight


def begins(weight: Weighed, timeline: Timeline) -> int | None:
    """Return the month or week from which a weight is given, None if it always is."""
    if not isinstance(weight, tuple) or weight[0].from_ is None:
        return None
    return period_texts.stretch(weight[0].from_, timeline)[0]


# ---- WHAT ADDS UP ---- #

#: A case that weights distinguish: the values of the columns, and the month.
Case: TypeAlias = tuple[tuple[tuple[str, str], ...], int | None]


def cases(weights: Iterable[Weighed], timeline: Timeline) -> list[Case]:
    """Return all cases that some weights distinguish: every value of every column with every date.

    >>> [case for case, _ in cases([ByClass(by="类别", values={"甲类": 1, "乙类": 2}), 5.0], periods.MONTHS)]
    [(('类别', '甲类'),), (('类别', '乙类'),)]
    """
    values: dict[str, dict[str, None]] = {}
    months: dict[int | None, None] = {None: None}
    for weight in weights:
        for item in classes_of(weight):
            values.setdefault(item.by, {}).update(dict.fromkeys(map(comparable, item.values)))
        if isinstance(weight, tuple):
            months |= {
                period_texts.stretch(entry.from_, timeline)[0]: None for entry in weight if entry.from_ is not None
            }
    pairs = [[(column, value) for value in items] for column, items in values.items()]
    return [(tuple(chosen), month) for chosen in itertools.product(*pairs) for month in months]


def weight_in(weight: Weighed, case: Case, timeline: Timeline) -> float | None:
    """Return the weight in a case, None where none is given."""
    values, month = case
    if isinstance(weight, tuple):
        result: Weighed | None = None
        for item in weight:
            if item.from_ is None or (month is not None and month >= period_texts.stretch(item.from_, timeline)[0]):
                result = item.weight
        return None if result is None else weight_in(result, case, timeline)
    if isinstance(weight, ByClass):
        chosen: Mapping[str, str] = dict(values)
        return next((w for value, w in weight.values.items() if comparable(value) == chosen.get(weight.by)), None)
    return float(weight)


def case_words(case: Case, timeline: Timeline) -> Message:
    """Return a case in words."""
    values, month = case
    # Of several columns the value alone does not say which is meant.
    names = [
        value if len(values) == 1 else Message("{column} {value}", column=key, value=value) for key, value in values
    ]
    if month is not None:
        day = timeline.first_day(month).isoformat()
        names.append(day if timeline.weeks else day[:7])
    return Message("{names}", names=tuple(names))


def problems(weight: Weighed, path: Path, grain: Grain) -> Problems:
    """Yield dates of a weight that are none, do not ascend, or begin within a scored period; values given twice."""
    yield from _repeated_values(weight, path)
    if isinstance(weight, tuple):
        yield from _dates(weight, path, grain)


def _repeated_values(weight: Weighed, path: Path) -> Problems:
    for tail, table in _tables(weight):
        seen: set[str] = set()
        for value in table.values:
            if comparable(value) in seen:
                message, at = Message("`{value}` has two weights", value=comparable(value)), (*path, *tail, "values")
                yield Problem("K426", (*at, value), message, hint=Message("leave one of the two out"))
            seen.add(comparable(value))


def _dates(weight: tuple[Since, ...], path: Path, grain: Grain) -> Problems:
    before: int | None = None
    for place, item in enumerate(weight):
        at: Path = (*path, place, "from")
        if item.from_ is None:
            if place:
                yield Problem(
                    "K427", (*path, place), Message("only the first weight of a list has no `from`"),
                    hint=Message("say from which period on it holds"),
                )  # fmt: skip
            continue
        try:
            start, _ = period_texts.stretch(item.from_, grain.timeline)
        except periods.PeriodError as error:
            yield Problem("K105", at, error.message, hint=error.hint)
            return
        if not grain.timeline.weeks and start % grain.months:
            message = Message("{period} begins within a scored period, which has one weight", period=item.from_)
            yield Problem("K427", at, message, hint=Message("let it hold from the beginning of a scored period"))
        if before is not None and start <= before:
            message = Message("{period} is not after the period before it", period=item.from_)
            yield Problem("K427", at, message, hint=Message("write the earliest first"))
        before = start


def _tables(weight: Weighed) -> Iterator[tuple[Path, ByClass]]:
    if isinstance(weight, ByClass):
        yield (), weight
    elif isinstance(weight, tuple):
        for place, item in enumerate(weight):
            if isinstance(item.weight, ByClass):
                yield (place, "weight"), item.weight
