"""What a row of an annex is scored by, and the things that it counts."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from kpi.errors import Message
from kpi.intake.annexes.phrases import Vetoed
from kpi.intake.annexes.texts import unit_of
from kpi.values.units.vocabulary import counts as is_counted

#: What the figure of an indicator is: its `value`, the percent `completed` of a task, the number of things, how far it
#: falls `short` of what is required or is `over` it, the `place` among others, whether it is `done`, or the
#: `marks` themselves.
Figure = Literal["value", "completed", "counted", "short", "over", "place", "done", "marks"]


class Count(Struct, frozen=True):
    """A figure that is counted, with its marks a step and whether it counts once only."""

    label: str
    unit: str
    marks: float
    size: float = 1.0
    once: bool = False


class Scoring(Struct, frozen=True):
    """What a row is scored by.

    Attributes:
        figure: what the figure is.
        unit: the unit of the figure.
        target: the `target:` of the indicator, in `unit`; None for none.
        score: the `score:`; None where the kind of the indicator has its own.
        better: the direction, where the target does not say it.
        counts: what is counted, if the figure is `counted`.
        gate: below (higher is better) which value there are no marks, with the comparison.
        veto: what a veto on this row does.
        guesses: what the text leaves open.
        understood: whether the rule was understood.
        unread: the clauses that were not.
        change: the words for a change, such as 较上年缩短, if that is what the figure is.
        awards: the least and the most that can be awarded if the figure is `marks`; None for no limit.
    """

    figure: Figure
    unit: str
    target: dict[str, Any] | None = None
    score: dict[str, Any] | None = None
    better: Literal["lower"] | None = None
    counts: tuple[Count, ...] = ()
    gate: tuple[str, float] | None = None
    veto: Vetoed | None = None
    guesses: tuple[Message, ...] = ()
    understood: bool = True
    unread: tuple[str, ...] = ()
    change: str = ""
    awards: tuple[float | None, float | None] = (0.0, 0.0)


def addable(count: Count) -> bool:
    """Return whether the marks of a count can be added to those of others: each thing counts, as 次 does.

    >>> addable(Count("缺", "项", 0.5)), addable(Count("到位资金", "亿元", 1)), addable(Count("培训", "万人", 1))
    (True, False, False)
    """
    unit = unit_of(count.unit)
    return count.size == 1 and unit is not None and unit.scale == 1 and is_counted(unit.dimension)
