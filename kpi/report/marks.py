"""How single values read in every report: stars, movements, changes, reasons; the same signs wherever they appear.

Every sign carries its meaning without colour.
"""

from __future__ import annotations

import re

from kpi.errors import Message
from kpi.report.language import localized
from kpi.values.status import STATUSES

#: What stands where there is nothing to show.
NOTHING = "—"

#: The signs of the lights, with the word that says the colour.
LIGHTS = {"green": Message("● green"), "yellow": Message("● yellow"), "red": Message("● red"), "none": NOTHING}

#: How the demand of a target reads before its number.
COMPARATORS = {
    "at_least": "≥",
    "above": "＞",
    "at_most": "≤",
    "below": "＜",
    "equals": "＝",
    "within": Message("within"),
    "done": Message("done"),
}

#: The severities of findings where users read them.
SEVERITIES = {
    "error": Message("error"),
    "query": Message("query"),
    "warning": Message("warning"),
    "info": Message("info"),
}

# Control characters would move the cursor of a terminal or break a line; bidirectional overrides reorder what is read.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def stars(number: float | None) -> str:
    """Return a number of stars as five signs, or nothing where there is none.

    A half is `½`, which every font has, and one sign like the others: a column of stars stays aligned also on
    terminals that show such signs in double width.

    >>> stars(4), stars(3.5), stars(None)
    ('★★★★☆', '★★★½☆', '')
    """
    if number is None:
        return ""
    halves = min(max(round(number * 2), 0), 10)
    return ("★" * (halves // 2) + "½" * (halves % 2)).ljust(5, "☆")


def level(number: float | None, grade: str | None, *, named: bool) -> str:
    """Return a level by its name where levels are `named`, else as stars; nothing where there is none.

    >>> level(3, "A", named=True), level(3.5, "A", named=True), level(0, None, named=True), level(3, None, named=False)
    ('A', 'A½', '—', '★★★☆☆')
    """
    if grade is not None and number is not None:
        return grade + "½" * (not float(number).is_integer())
    return NOTHING if named and number == 0 else stars(number)


def movement(places: int | None) -> str:
    """Return by how many places a rank moved since the previous period, or nothing where there was none.

    >>> movement(2), movement(-1), movement(0), movement(None)
    ('▲2', '▼1', '–', '')
    """
    if not places:
        return "" if places is None else "–"
    return f"{'▲' if places > 0 else '▼'}{abs(places)}"


def number(value: float | None, decimals: int) -> str:
    """Return a number with a fixed count of decimals, or nothing where there is none.

    >>> number(81.4, 2), number(-0.001, 2), number(None, 2)
    ('81.40', '0.00', '')
    """
    return "" if value is None else f"{value:z.{decimals}f}"


def change(value: float | None, decimals: int) -> str:
    """Return a difference with its sign, or nothing where there is none.

    >>> change(1.2, 2), change(-0.5, 1), change(0.0, 2)
    ('+1.20', '-0.5', '0.00')
    """
    if value is None:
        return ""
    text = f"{value:+z.{decimals}f}"
    return text if any(digit in text for digit in "123456789") else text.lstrip("+")


def reason(status: str) -> str:
    """Return why a value is missing, in words; a status that is not known stays as it is.

    >>> reason("too_few")
    'too few'
    """
    return localized(STATUSES.get(status, status))


def escaped(text: str) -> str:
    r"""Return lines of text in which control characters are escapes, as a terminal gets them.

    >>> escaped("南湖\x1b[31m区,1\n")
    '南湖\\x1b[31m区,1\n'
    """
    return "\n".join(map(visible, text.split("\n")))


def visible(text: str) -> str:
    r"""Return a text on one line that no terminal takes for a command: control characters become escapes.

    >>> visible("南湖\x1b[31m区")
    '南湖\\x1b[31m区'
    """
    return _INVISIBLE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
