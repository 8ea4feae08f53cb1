"""Ranges of the numbers in definitions: weights, targets, cuts, marks and steps within which every result is a number.

A weight of 1e308 or 5e-324 is a slip, and sums of such weights are infinite or nothing. The ranges are wide: none of a
published system comes near their ends.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from kpi.errors import Message
from kpi.language.model import Path, Problem, Problems

#: Weights and judgements are between these.
LIGHTEST, HEAVIEST = 1e-6, 1e6
#: Any other number is zero, or its magnitude between these; an open end may be infinite.
SMALLEST, LARGEST = 1e-20, 1e20

_WEIGHTS = Message("weights are between 0.000001 and 1,000,000")
_NUMBERS = Message("numbers of definitions are between -1e20 and 1e20, and none but 0 is nearer to 0 than 1e-20")


def problems(root: BaseModel) -> Problems:
    """Yield the numbers of a definition that are outside their range, in the order of the file."""
    for path, number in _numbers(root, ()):
        if _is_weight(path):
            if number and not LIGHTEST <= number <= HEAVIEST:
                yield _outside(path, number, _WEIGHTS)
        elif not fits(number):
            yield _outside(path, number, _NUMBERS)


def fits(number: float) -> bool:
    """Return whether a number of a definition other than a weight is within its range.

    >>> fits(1e20), fits(-1e21), fits(0), fits(5e-324), fits(float("inf"))
    (True, False, True, False, True)
    """
    return not number or SMALLEST <= abs(number) <= LARGEST or number in {math.inf, -math.inf}


def outside(path: Path, written: str) -> Problem:
    """Return the finding of a number that is outside the range of numbers."""
    return Problem(
        "K481",
        path,
        Message("{quantity} is beyond what figures are", quantity=written),
        hint=_NUMBERS,
        label=Message("out of range"),
    )


def _outside(path: Path, number: float, hint: Message) -> Problem:
    written: str
    try:
        written = f"{number:g}"
    except OverflowError:  # a whole number that no double holds
        written = Message("a number of {digits} digits", digits=len(str(abs(int(number)))))
    key = next((str(step) for step in reversed(path) if isinstance(step, str)), "")
    return Problem(
        "K481",
        path,
        Message("`{key}` cannot be {number}", key=key, number=written),
        hint=hint,
        label=Message("out of range"),
    )


def _is_weight(path: Path) -> bool:
    """Return whether the number at a path is the weight of a part, or a judgement of how much one weighs."""
    match path:
        case ("pillars", _, "weight", *_) | ("pillars", _, "parts", _, *_) | ("quality", _):
            return True
        case ("pillars", _, "weights", *_) | ("composite", "weights", *_):
            return True
    return False


def _numbers(value: Any, path: Path) -> Iterator[tuple[Path, float]]:
    """Yield every number that is written in a definition, with its path."""
    if isinstance(value, bool | str) or value is None:
        return
    if isinstance(value, float | int):
        yield path, value
    elif isinstance(value, BaseModel):
        fields = type(value).model_fields
        given = value.model_fields_set
        for name, field in fields.items():
            if name in given:
                yield from _numbers(getattr(value, name), (*path, field.alias or name))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _numbers(item, (*path, key))
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from _numbers(item, (*path, place))
