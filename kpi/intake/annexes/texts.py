"""Texts of annexes: plain signs, numbering, marks in brackets, Chinese numerals, units at the beginning of a text."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

from kpi.intake.cells.numbers import read_number
from kpi.values import units
from kpi.values.patterns import regex
from kpi.values.units import Unit, UnitError

#: A number in a rule: digits, or a Chinese numeral up to ten.
NUMBER = r"(?:\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|[一二两三四五六七八九十])"

_CHINESE = {word: number for number, word in enumerate("一二三四五六七八九十", 1)} | {"两": 2}

#: Numbering before a name: 一、 （一） 1. 1.2 ① (1) A1.
_NUMBERING = regex(
    r"^(?:[一二三四五六七八九十]+[、.．]|[(（][一二三四五六七八九十\d]+[)）]|\d+(?:\.\d+)*[、．)）](?!\d)"
    r"|\d+(?:\.\d+)*\.(?!\d)|\d+(?:\.\d+)+(?=\s|[^\d\s.%％万亿])(?!\s*[个分万亿])|\d+\s+(?=\D)|[①-⑳]|[A-Z]\d*(?:\.\d+)*[、.．])\s*"
)
_MARKS = regex(r"[(（](?:满分|权重|共|计|分值)?[:：]?(\d+(?:\.\d+)?)\s*(分|%|％)?[)）]$")

_ONE_SIGN = str.maketrans("−﹣≧≦﹥﹤〔〕【】", "--≥≤><()()")

#: The longest word of a unit, in characters.
_LONGEST_UNIT = 8


def squeezed(text: str) -> str:
    """Return a text in NFKC, without white space, with one sign for each meaning.

    >>> squeezed("≧ ９５％ ，得 满分")
    '≥95%,得满分'
    """
    return "".join(unicodedata.normalize("NFKC", text).split()).translate(_ONE_SIGN)


def number_of(text: str) -> float:
    """Return a number as annexes write it, by the project's reader of figures.

    >>> number_of("1,200"), number_of("两"), number_of("0.5")
    (1200.0, 2.0, 0.5)

    Raises:
        ValueError: the text is no number.
    """
    if text in _CHINESE:
        return float(_CHINESE[text])
    value = read_number(text).value
    if value is None:
        raise ValueError(text)
    return value


def unit_of(text: str) -> Unit | None:
    """Return the unit that a text is, None for any other text."""
    try:
        return units.parse(text)
    except UnitError:
        return None


def leading_unit(text: str) -> tuple[Unit | None, str]:
    """Return the longest unit that a text begins with, and the rest.

    >>> [(str(unit), rest) for unit, rest in map(leading_unit, ("个百分点", "起安全事故", "微克/立方米以上", "任务"))]
    [('个百分点', ''), ('起', '安全事故'), ('微克/立方米', '以上'), ('None', '任务')]
    """
    for length in range(min(_LONGEST_UNIT, len(text)), 0, -1):
        unit = unit_of(text[:length])
        if unit is not None:
            return unit, text[length:]
    return None, text


def without_numbering(text: str) -> str:
    """Return a name without what numbers it.

    >>> [without_numbering(text) for text in ("（一）经济发展", "1.税收收入", "2.1 网办率", "5G覆盖率", "12345热线")]
    ['经济发展', '税收收入', '网办率', '5G覆盖率', '12345热线']
    """
    previous = None
    while previous != text:
        previous, text = text, _NUMBERING.sub("", text.strip(), count=1)
    return text or previous


def split_marks(text: str) -> tuple[str, Fraction | None, bool]:
    """Return a name without the marks in brackets at its end, the marks, and whether they are percents.

    >>> split_marks("政策制度(20分)"), split_marks("教学（60%）"), split_marks("网上办事")
    (('政策制度', Fraction(20, 1), False), ('教学', Fraction(60, 1), True), ('网上办事', None, False))
    """
    match = _MARKS.search(text)
    if match is None or not text[: match.start()].strip():
        return text, None, False
    return text[: match.start()].strip(), Fraction(match[1]), match[2] in ("%", "％")


def marks_of(text: str) -> tuple[Fraction | None, bool]:
    """Return the number of a cell of marks or weights, and whether it is a percent.

    >>> marks_of("15分"), marks_of("15%"), marks_of("≤5分"), marks_of("-")
    ((Fraction(15, 1), False), (Fraction(15, 1), True), (Fraction(5, 1), False), (None, False))
    """
    plain = re.sub(r"^[(≤+]*(?:最高|满分|不超过|权重)?|[)]$", "", squeezed(text))
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(分|%)?", plain)
    return (Fraction(match[1]), match[2] == "%") if match else (None, False)


def short(text: str, limit: int = 24) -> str:
    """Return the beginning of a text for a message or a name."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def number(value: Fraction | float) -> float | int:
    """Return a number as it is written in a definition: whole where it is, else with twelve digits."""
    rounded = float(f"{float(value):.12g}")
    return int(rounded) if rounded.is_integer() else rounded


def quantity(value: float, unit: Unit | None) -> float | int | str:
    """Return a number in a unit as it is written in a definition; a small one of a rate has its unit beside it.

    A bare 0.5 of a rate in % would be taken for a fraction that was meant to be 50.

    >>> quantity(95.0, units.PERCENT), quantity(0.5, units.PERCENT), quantity(0.5, None)
    (95, '0.5 %', 0.5)
    """
    plain = number(value)
    return f"{plain} {unit}" if unit in (units.PERCENT, units.PER_MILLE) and 0 < abs(plain) <= 1 else plain
