"""Formulas that convert units by hand: `a / b * 100`, which is 88.9 and no percentage, or 8890 % where `%` stands."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kpi.errors import Message, Severity
from kpi.language.expressions.conversions_by_hand import multipliers, second_conversion
from kpi.language.model import Path, Problem, Problems
from kpi.language.targets import Target
from kpi.values import units
from kpi.values.patterns import regex
from kpi.values.units import PER_MILLE, PERCENT, Unit, UnitError

#: Units of shares that multiply by so much.
_SHARES = {100: PERCENT, 1000: PER_MILLE}
#: What stands before the unit below the line for so many of it.
_MULTIPLES = {100: "百", 1000: "千", 10_000: "万", 100_000: "十万", 1_000_000: "百万"}
#: Titles of figures that are plain numbers although a share is multiplied by 100.
_PLAIN = regex(r"指数|得分|评分|分值|积分|\b(index|score|points?|marks?)\b", re.IGNORECASE)


def converted_by_hand(
    path: Path, expr: str, source: Unit, unit: Unit | None, *, title: str, targets: Iterable[Target]
) -> Problems:
    """Yield a warning where a formula converts what its unit converts, and a note where it does so without a unit.

    Args:
        path: of the formula.
        expr: its expression.
        source: the unit that comes out of it.
        unit: the declared one.
        title: of the formula.
        targets: of the formula.
    """
    place: Path = (*path, "expr")
    if unit is not None:
        again = second_conversion(expr, source, unit)
        if again is not None:
            yield Problem("K499", place, *again, severity=Severity.WARNING)
        return
    factors = (item for item in multipliers(expr) if item.divided and item.factor > 1)
    factor = next((item.size for item in factors), None)
    if factor is None or _PLAIN.search(title):
        return
    if not source.dimension:
        yield from _of_share(place, factor, source, targets)
    elif (per := _per(source, factor)) is not None:
        message = Message(
            "the expression multiplies by {factor:,}, and its result is called {unit}", factor=factor, unit=source
        )
        hint = Message("write `unit: {unit}`, and leave out `* {factor}`", unit=per, factor=factor)
        yield Problem("K499", place, message, hint, severity=Severity.INFO)


def _of_share(path: Path, factor: int, source: Unit, targets: Iterable[Target]) -> Problems:
    """Yield the finding about a share without a unit that is multiplied by 100 or 1000."""
    unit = _SHARES.get(factor)
    if unit is None or source in (PERCENT, PER_MILLE):
        return
    message = Message("the expression multiplies by {factor:,}, and its result is a plain number", factor=factor)
    hint = Message(
        "write `unit: '{unit}'`, and leave out `* {factor}`; `unit: '1'` if a plain number is meant",
        unit=unit, factor=factor,
    )  # fmt: skip
    severity = Severity.WARNING if any(map(_states_share, targets)) else Severity.INFO
    if severity is Severity.WARNING:
        message = Message(
            "the expression multiplies by {factor:,} and has no unit: the target in % is {factor:,} times too small",
            factor=factor,
        )
    yield Problem("K499", path, message, hint, severity=severity)


def _states_share(target: Target) -> bool:
    """Return whether a target has a number with the unit % or ‰."""
    for item in target.quantities().values():
        if isinstance(item, str):
            try:
                unit = units.split_quantity(item)[1]
            except UnitError:
                continue
            if unit in (PERCENT, PER_MILLE):
                return True
    return False


def _per(source: Unit, factor: int) -> str | None:
    """Return a quotient of two units for so many of the one below the line, 件/万人 for 件/人.

    >>> _per(units.parse("件/人"), 10_000), _per(units.parse("万元/人"), 100), _per(units.parse("元"), 100)
    ('件/万人', '万元/百人', None)
    """
    above, line, below = source.text.partition("/")
    if not line or factor not in _MULTIPLES:
        return None
    text = f"{above}/{_MULTIPLES[factor]}{below}"
    try:
        unit = units.parse(text)
    except UnitError:
        return None
    return text if unit.dimension == source.dimension and source.scale == unit.scale * factor else None
