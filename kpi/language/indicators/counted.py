"""The counts behind an indicator, from which its sampling error is known without anybody stating it."""

from __future__ import annotations

from msgspec import Struct

from kpi.values import units
from kpi.values.units import Unit


class Counted(Struct, frozen=True):
    """A number of events, out of a number of cases or not, from which a value is computed.

    The value is `scale · events/cases` for a proportion, `scale · events/below` for a rate, else `scale · events`.

    Attributes:
        events: the column with the number of events, in multiples.
        multiple: how many events a figure of 1 stands for, such as 10,000 for 万件.
        scale: what turns the quotient, or the number, into the unit of the indicator.
        cases: the column with the number of cases; None for a number or rate.
        case_multiple: the multiple of the cases.
        below: the column that a rate is divided by.
        measures: those that the columns are sums of, above and below the line; empty where the columns are measures.
    """

    events: str
    multiple: float
    scale: float
    cases: str | None = None
    case_multiple: float = 1.0
    below: str | None = None
    measures: tuple[str, ...] = ()


def multiple(unit: Unit | None, *, stated: bool) -> float | None:
    """Return how many things a figure of 1 stands for, None for what counts nothing.

    Args:
        unit: of the measure.
        stated: whether the definition says that it is a count, so that a plain number is.

    >>> [multiple(units.parse(text), stated=False) for text in ("件", "万人", "万元", "1")]
    [1.0, 10000.0, None, None]
    """
    if unit is None or not (units.is_count(unit) or (stated and not unit.dimension)):
        return None
    return float(unit.scale)


def quotient(
    above: tuple[str, Unit | None], below: tuple[str, Unit | None], unit: Unit | None, *, stated: bool
) -> Counted | None:
    """Return the counts behind a quotient: a proportion of one kind of things, else a rate of counted events.

    Args:
        above: the measure above the line with its unit.
        below: the same below the line.
        unit: of the quotient.
        stated: whether the definition says that figures are counts.
    """
    events, cases = multiple(above[1], stated=stated), multiple(below[1], stated=stated)
    if events is None or above[1] is None or below[1] is None or unit is None:
        return None
    if cases is not None and units.convertible(above[1], below[1]):
        return Counted(above[0], events, units.factor(units.ONE, unit), below[0], cases)
    return Counted(above[0], events, units.factor(units.divide(above[1], below[1]), unit), below=below[0])
