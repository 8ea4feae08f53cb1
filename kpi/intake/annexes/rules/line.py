"""Marks on a straight line from a value without marks to the target: 低于90%不得分，高于90%按线性内插得分."""

from __future__ import annotations

from kpi.errors import Message
from kpi.intake.annexes.phrases import Earned, Limit, Line
from kpi.intake.annexes.rules.bounds import unit_ratio
from kpi.intake.annexes.rules.row import Row
from kpi.intake.annexes.rules.scoring import Scoring
from kpi.intake.annexes.targets import Bound
from kpi.intake.annexes.texts import quantity
from kpi.values.units import PERCENT, Unit


def by_line(row: Row) -> Scoring | None:
    """Return marks on the line from the bound where it starts to the target."""
    lines = row.of(Line)
    if len(lines) != 1 or not row.only(Line, Earned, Limit):
        return None
    start = _start(row, lines[0])
    if start is None:
        return None
    unit = row.figure_unit(start.unit)
    high, ratio = _end(row, unit), unit_ratio(start.unit, unit)
    if high is None or ratio is None or start.low * ratio >= high:
        return None
    score = {"kind": "goalposts", "low": quantity(start.low * ratio, unit), "high": quantity(high, unit)}
    return Scoring("value", row.text_of(unit), None, score)


def _start(row: Row, line: Line) -> Bound | None:
    """Return the bound where the line starts, None where the text has none or has more than one."""
    zeros = [earned.bound for earned in row.earned("bound") if earned.marks == 0]
    if len(zeros) > 1 or row.earned("missed") or row.earned("rest"):
        return None
    if any(row.earned_percent(earned) != 100 for earned in row.of(Earned) if earned.marks != 0):
        return None
    zero = zeros[0] if zeros else None
    start = line.since or zero
    return None if start is None or (zero is not None and zero.low != start.low) else start


def _end(row: Row, unit: Unit | None) -> float | None:
    """Return the value with full marks, None where it is not known."""
    end = row.target
    if end is not None and end.high is None:
        ratio = unit_ratio(end.unit, unit)
        return None if ratio is None else end.low * ratio
    if unit != PERCENT:
        return None
    row.guess(Message("full marks at 100 %, as no target is stated"))
    return 100.0
