"""Display of single values, shared by all reports: stars, movements, changes, reasons.

Every sign is understood without colour.
"""

from __future__ import annotations

import unicodedata
from decimal import Decimal

from kpi.errors import Message
from kpi.report.language import current, localized, tr
from kpi.values.patterns import regex
from kpi.values.status import NO_LEVEL, STATUSES

#: The spaces after a comparator and before a sign of percent.
_AFTER_COMPARATOR, _BEFORE_PERCENT = regex("(?<=[≥≤＞＜=]) "), regex(" (?=[%‰])")
#: The spaces between numbers, signs and Chinese words.
_SPACED = regex("(?<=[≥≤＞＜＝=>\u3007-\u9fff]) (?=[0-9≥≤＞＜＝>\u3007-\u9fff-])|(?<=[0-9]) (?=[%‰\u3007-\u9fff])")

#: The placeholder of a missing value.
NOTHING = "—"

#: The signs of the lights, with the name of the colour.
LIGHTS = {
    "green": Message("● green"),
    "yellow": Message("● yellow"),
    "red": Message("● red"),
    "at_risk": Message("◐ at risk"),
    "none": NOTHING,
}

#: The comparators of targets, before the number.
COMPARATORS = {
    "at_least": "≥",
    "above": "＞",
    "at_most": "≤",
    "below": "＜",
    "equals": "＝",
    "within": Message("within"),
    "done": Message("done"),
}

#: The names of severities for users.
SEVERITIES = {
    "error": Message("error"),
    "query": Message("query"),
    "warning": Message("warning"),
    "info": Message("info"),
}

#: The most decimals of figures of which some are much smaller than others.
_MOST_DECIMALS = 6

# Control characters move the cursor or break a line; bidirectional overrides reorder the text.
_INVISIBLE = regex("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def stars(number: float | None) -> str:
    """Return a number of stars as five signs, empty for None.

    A half is `½`, which every font has, and one sign like the others: a column of stars stays aligned also on terminals
    that show such signs in double width.

    >>> stars(4), stars(3.5), stars(None)
    ('★★★★☆', '★★★½☆', '')
    """
    if number is None:
        return ""
    halves = min(max(round(number * 2), 0), 10)
    return ("★" * (halves // 2) + "½" * (halves % 2)).ljust(5, "☆")


def level(number: float | None, grade: str | None, *, named: bool) -> str:
    """Return a level by its name if levels are `named`, else as stars; empty for None.

    >>> level(3, "A", named=True), level(3.5, "A", named=True), level(0, None, named=True), level(3, None, named=False)
    ('A', 'A½', 'no level', '★★★☆☆')
    """
    if grade is not None and number is not None:
        return grade + "½" * (not float(number).is_integer())
    return localized(NO_LEVEL) if named and number == 0 else stars(number)


def movement(places: int | None) -> str:
    """Return the change of a rank since the previous period, empty for None.

    >>> movement(2), movement(-1), movement(0), movement(None)
    ('▲2', '▼1', '–', '')
    """
    if not places:
        return "" if places is None else "–"
    return f"{'▲' if places > 0 else '▼'}{abs(places)}"


def number(value: float | None, decimals: int) -> str:
    """Return a number with a fixed count of decimals, empty for None.

    >>> number(81.4, 2), number(-0.001, 2), number(None, 2)
    ('81.40', '0.00', '')
    """
    return "" if value is None else f"{value:z.{decimals}f}"


def change(value: float | None, decimals: int) -> str:
    """Return a difference with its sign, empty for None.

    >>> change(1.2, 2), change(-0.5, 1), change(0.0, 2)
    ('+1.20', '-0.5', '0.00')
    """
    if value is None:
        return ""
    text = f"{value:+z.{decimals}f}"
    return text if any(digit in text for digit in "123456789") else text.lstrip("+")


def reason(status: str) -> str:
    """Return the description of a status; an unknown status is returned unchanged.

    >>> reason("too_few")
    'too few'
    """
    return localized(STATUSES.get(status, status))


def escaped(text: str) -> str:
    r"""Return lines of text for a terminal, with control characters escaped.

    >>> escaped("南湖\x1b[31m区,1\n")
    '南湖\\x1b[31m区,1\n'
    """
    return "\n".join(map(visible, text.split("\n")))


def visible(text: str) -> str:
    r"""Return a text on one line, with control characters escaped.

    >>> visible("南湖\x1b[31m区")
    '南湖\\x1b[31m区'
    """
    return _INVISIBLE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def before_figures(name: str) -> str:
    r"""Return a name on one line that figures follow: one that runs right to left would take them to its other side.

    >>> before_figures("南湖区"), before_figures("שלום") == "שלום\u200e"
    ('南湖区', True)
    """
    text = visible(name)
    return f"{text}\u200e" if any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in text) else text


def figure(value: float, unit: str | None) -> str:
    """Return a figure with its unit for display.

    >>> figure(12345.5, "万元"), figure(1.0, "是/否")
    ('12,345.5 万元', 'yes')
    """
    if unit == "是/否":
        return tr("yes") if value else tr("no")
    return f"{value:,.6g} {unit or ''}".rstrip() if abs(value) < 1e6 else f"{value:,.10g} {unit or ''}".rstrip()


def unit_words(unit: str) -> str:
    """Return a unit as it is shown, that of a task in words, empty for a pure number.

    >>> unit_words("件"), unit_words("是/否"), unit_words("1")
    ('件', 'yes/no', '')
    """
    return tr("yes/no") if unit == "是/否" else "" if unit == "1" else unit


def alike_decimals(smallest: float, largest: float, *, whole: bool, declared: int | None, unit: str) -> int:
    """Return with how many decimals figures below or beside each other are shown, so that all have the same.

    The declared ones; none of whole numbers; else two, and more where figures would be shown with fewer than three
    digits or as zero.

    Args:
        smallest: the smallest figure that is not zero, without sign; 0 for none.
        largest: the largest figure without sign; 0 for none.
        whole: whether all are whole numbers.
        declared: the decimals of the definition.
        unit: of the figures.

    >>> alike_decimals(8.95, 12.6, whole=False, declared=None, unit="分钟"), alike_decimals(
    ...     0.0123, 0.0456, whole=False, declared=None, unit="个"
    ... )
    (2, 4)
    >>> alike_decimals(1.0, 18.0, whole=True, declared=None, unit="个"), alike_decimals(
    ...     1.0, 18.0, whole=True, declared=None, unit="%"
    ... )
    (0, 2)
    """
    if declared is not None:
        return declared
    if unit == "%" or not largest:
        return 2 if unit == "%" else 0
    if whole:
        return 0
    digits = 2 - _exponent(largest) if largest < 0.1 else 1 - _exponent(smallest) if smallest < 0.005 else 2
    return min(digits, _MOST_DECIMALS)


def _exponent(value: float) -> int:
    """Return the power of ten of the first digit of a positive number."""
    return Decimal(repr(value)).adjusted()


def least_change(title: str, value: float | None, needed: float, unit: str) -> str:
    """Return the least change of a single figure that reaches the next level, in words.

    >>> least_change("办结率", None, 92.5, "%")
    'Least single change: 办结率 — → 92.5 %'
    """
    before = NOTHING if value is None else figure(value, unit)
    return tr("Least single change: {title} {before} → {after}", title=title, before=before, after=figure(needed, unit))


def unbroken(text: str) -> str:
    r"""Return a target or cut in words in which no line ends between a sign and its number.

    Chinese texts have no spaces there.

    >>> unbroken("≥ 90 % (2025)")
    '≥\xa090% (2025)'
    >>> from kpi.report.language import using
    >>> with using("zh"):
    ...     unbroken("5 星 ≥ 90，约 ≥ 40 家")
    '5星≥90，约≥40家'
    """
    if current() == "zh":
        return _SPACED.sub("", text)
    return _BEFORE_PERCENT.sub("", _AFTER_COMPARATOR.sub("\u00a0", text))
