r"""Number formats of spreadsheets: what a cell shows beside the number that is stored in it.

A format such as `0.0"万件"` is part of what the owner of a file sees: the cell is read as if she had typed 12.5万件.
The grammar is that of ECMA-376 part 1, 18.8.31 (`numFmt`): up to four sections parted by semicolons, each perhaps with
a condition; `%` shows a hundred times the number, a comma behind the digits a thousandth, text stands in quotes or
behind `\` or `!`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

from msgspec import Struct

from kpi.values.patterns import regex

#: Number formats 9 and 10 of the standard, which files do not write out.
BUILT_IN = {9: "0%", 10: "0.00%"}

_TOKEN = regex(r'"(?P<quoted>[^"]*)"|[\\!](?P<escaped>.)|_.|\*.|\[(?P<bracket>[^\]]*)\]|(?P<plain>.)', re.DOTALL)
_GENERAL = regex(r"general|g/通用格式", re.IGNORECASE)
_CONDITION = regex(r"(<=|>=|<>|<|>|=)\s*(-?\d+\.?\d*)")
_NUMBER = regex(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_PLACES = frozenset("0#?")
_CURRENCIES = frozenset("¥￥$€£₩")
#: Signs of units that are no letters.
_UNIT_SIGNS = frozenset("%‰‱℃°")
#: The letters of dates and times in a format, and of the exponent.
_TIMES = frozenset("yYmMdDhHsS")


class Section(Struct, frozen=True):
    """A section of a format.

    Attributes:
        before: the words before the digits.
        behind: the words or signs behind the digits, such as a unit.
        shift: the power of ten that the shown number is of the stored: 2 for a percent, -3 with a comma behind.
        currency: the sign of a currency among the digits' surroundings; it is the look of a cell, no unit: in a column
            of 万元 the style "currency" is often given to figures that are no 元.
        condition: the operator and number of a condition; None without one.
    """

    before: str = ""
    behind: str = ""
    shift: int = 0
    currency: str = ""
    condition: tuple[str, Decimal] | None = None

    def shown(self, number: Decimal) -> str:
        """Return a number as displayed, with all its digits."""
        text = f"{number.scaleb(self.shift):f}"
        return self.before + (text.rstrip("0").rstrip(".") if "." in text else text) + self.behind


class NumberFormat(Struct, frozen=True):
    """A format that shows more than the stored number, or another number."""

    code: str
    sections: tuple[Section, ...]

    def section(self, number: Decimal) -> Section:
        """Return the section that a number is shown by."""
        numeric = self.sections[:3]
        if any(item.condition for item in numeric):
            return next((item for item in numeric if _holds(item.condition, number)), numeric[-1])
        at = 1 if number < 0 else 2 if number == 0 else 0
        return numeric[at] if at < len(numeric) else numeric[0]

    def shown(self, cell: str) -> str:
        """Return the text of a cell as displayed; a cell without a number, and one that is only scaled, as it is.

        >>> unit, percent, myriad = map(number_format, ('0"万件"', "0.0%", '0!.0,"万"'))
        >>> unit.shown("12"), percent.shown("0.125"), myriad.shown("123456"), percent.shown("n/a")
        ('12万件', '12.5%', '12.3456万', 'n/a')
        """
        if not _NUMBER.fullmatch(cell):
            return cell
        number = Decimal(cell)
        section = self.section(number)
        return section.shown(number) if section.before or section.behind else cell

    def scale(self, cell: str) -> int:
        """Return the power of ten by which a cell shows another number than the stored one, and no unit; 0 else."""
        if not _NUMBER.fullmatch(cell):
            return 0
        number = Decimal(cell)
        section = self.section(number)
        return 0 if section.before or section.behind or not number else section.shift

    @property
    def currency(self) -> str:
        """The sign of a currency that the format shows; none where it shows a unit as well."""
        return next((section.currency for section in self.sections if section.currency and not section.behind), "")


def _holds(condition: tuple[str, Decimal] | None, number: Decimal) -> bool:
    if condition is None:
        return True
    sign, bound = condition
    equal, less = number == bound, number < bound
    return {"<": less, "<=": less or equal, ">": not less and not equal, ">=": not less, "=": equal, "<>": not equal}[
        sign
    ]


@lru_cache(maxsize=4096)
def number_format(code: str) -> NumberFormat | None:
    r"""Return a format that shows more than the number; None for any other, and for those of dates and texts.

    >>> number_format("#,##0.00"), number_format('yyyy"年"m"月"'), number_format("@"), number_format("[DBNum1]0")
    (None, None, None, None)
    >>> [one.behind for one in number_format('0.0"%";-0.0\\‰').sections]
    ['%', '‰']
    """
    sections = [_section(tokens) for tokens in _sections(_GENERAL.sub("0", code))]
    if sections[0] is None:
        return None
    # A section without digits (such as an empty one, or a text for zero) shows the number by no unit.
    numeric = tuple(section or Section() for section in sections[:3])
    return NumberFormat(code, numeric) if any(map(_decorates, numeric)) else None


def _decorates(section: Section) -> bool:
    return bool(section.before or section.behind or section.shift or section.currency)


def _sections(code: str) -> list[list[tuple[str, str]]]:
    """Return the tokens of each section of a format: their kind (text, bracket, plain) and what they hold."""
    sections: list[list[tuple[str, str]]] = [[]]
    for match in _TOKEN.finditer(code):
        if match["plain"] == ";":
            sections.append([])
        elif match["plain"] is not None:
            sections[-1].append(("plain", match["plain"]))
        elif match["bracket"] is not None:
            sections[-1].append(("bracket", match["bracket"]))
        elif (text := match["quoted"] or match["escaped"]) is not None:
            sections[-1].append(("text", text))
    return sections


def _section(tokens: list[tuple[str, str]]) -> Section | None:
    """Return a section; None for one of dates or without digits."""
    plain = [text for kind, text in tokens if kind == "plain"]
    if not _PLACES.intersection(plain) or _TIMES.intersection(plain):
        return None
    first, last = _digits(tokens)
    around = [item for at, item in enumerate(tokens) if not first <= at <= last]
    behind = [token for token in tokens[last + 1 :] if token[0] != "bracket"]
    before, after = _words(tokens[:first]), _words(behind)
    if before == "%":
        before, after = "", before + after
    shift = 2 * sum(item == ("plain", "%") for item in around) - 3 * behind.count(("plain", ","))
    return Section(before, after, shift - _places_moved(tokens[first : last + 1]), _sign(around), _bound(tokens))


def _places_moved(digits: list[tuple[str, str]]) -> int:
    """Return how many digits follow a point that is written as text, as in `0!.0`, before the true point."""
    true = digits.index(("plain", ".")) if ("plain", ".") in digits else len(digits)
    written = digits.index(("text", ".")) if ("text", ".") in digits else true
    return sum(kind == "plain" and text in _PLACES for kind, text in digits[written:true])


def _sign(around: list[tuple[str, str]]) -> str:
    """Return the sign of a currency among the tokens around digits; none without one."""
    for kind, text in around:
        sign = text[1:].partition("-")[0] if kind == "bracket" and text.startswith("$") else text.strip()
        if sign and (sign in _CURRENCIES or (kind == "bracket" and text.startswith("$"))):
            return sign
    return ""


def _bound(tokens: list[tuple[str, str]]) -> tuple[str, Decimal] | None:
    """Return the condition of a section."""
    matches = [_CONDITION.fullmatch(text) for kind, text in tokens if kind == "bracket"]
    return next(((match[1], Decimal(match[2])) for match in matches if match), None)


def _digits(tokens: list[tuple[str, str]]) -> tuple[int, int]:
    """Return the positions of the first and last place of a digit."""
    places = [at for at, (kind, text) in enumerate(tokens) if kind == "plain" and text in _PLACES]
    return places[0], places[-1]


def _words(tokens: list[tuple[str, str]]) -> str:
    """Return the text around digits, none where it has neither a letter nor the sign of a unit: an arrow, a bracket."""
    text = "".join(text for kind, text in tokens if kind == "text" or (kind == "plain" and _is_word(text)))
    return text.strip() if _is_word(text) else ""


def _is_word(text: str) -> bool:
    return any(character.isalpha() or character in _UNIT_SIGNS for character in text)


_SHOWN = regex(
    r"(?P<before>[^\d.]*?)(?P<sign>[-−(]?)(?P<figure>\d[\d,]*\.?\d*|\.\d+)(?P<behind>[^\d]*)", re.DOTALL | re.ASCII
)
#: The most places that a format moves the point by: two commas, and a point that is written as text.
_MOST_PLACES = 12


def displayed(number: str, shown: str) -> NumberFormat | None:
    """Return the format of a cell from its number and what it shows; None where it shows the number alone.

    Files of OpenDocument keep both. What shows the figure rounded to zero, or in another notation, shows no scale.

    >>> format_of = displayed("123456", "12.3 万件")
    >>> format_of.shown("123456"), displayed("1234.5", "1,234.50"), displayed("12300", "12.3").scale("12300")
    ('12.3456万件', None, -3)
    """
    match = _SHOWN.fullmatch(shown.strip())
    if match is None or (shift := _shift(Decimal(number), match)) is None:
        return None
    before, behind = match["before"].strip(), match["behind"].strip().removeprefix(")").strip()
    sign = next((item for item in (before, behind) if item in _CURRENCIES), "")
    words = [text.strip("¥￥$€£₩ ") if _is_word(text) else "" for text in (before, behind)]
    section = Section(words[0], words[1], shift, sign)
    return NumberFormat(shown.strip(), (section,)) if _decorates(section) else None


def _shift(number: Decimal, shown: re.Match[str]) -> int | None:
    """Return the power of ten between the shown figure and the number; None where there is none."""
    figure = Decimal(shown["figure"].replace(",", ""))
    step = Decimal(1).scaleb(-len(shown["figure"].partition(".")[2]))
    near = [-at for at in range(_MOST_PLACES) if abs(abs(number).scaleb(-at) - figure) <= step / 2]
    if not near or (not figure and number):
        return 0 if number == 0 else None
    return near[0]
