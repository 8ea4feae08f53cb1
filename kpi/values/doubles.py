"""Numbers that are written in definitions, as doubles."""

from __future__ import annotations

import re
import sys

#: A double that stands for a number too near to zero: every range of definitions refuses it.
_LEAST = 5e-324


def double(text: str) -> float:
    """Return a written number as a double: the least one above or below zero for a number nearer to it than any.

    Of `float`, `1e-400` would be 0, and a weight or a factor of 0 is taken for what was meant.

    >>> double("1.5e3"), double("-1e-400"), double("0.00")
    (1500.0, -5e-324, 0.0)

    Raises:
        ValueError: for a text that is no number.
    """
    number = float(text)
    if number or not re.search(r"[1-9]", re.split("[eE]", text, maxsplit=1)[0]):
        return number
    return -_LEAST if text.lstrip().startswith("-") else _LEAST


def is_exact(number: float) -> bool:
    """Return whether a double holds its number with all its digits, or is zero; numbers nearer to zero lose digits.

    >>> is_exact(0.0), is_exact(1e-300), is_exact(1e-320)
    (True, True, False)
    """
    return not number or abs(number) >= sys.float_info.min
