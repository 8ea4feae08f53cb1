"""English names of units, with multiples: `100 million yuan` is 亿元, `yuan per capita` is 元/人."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from kpi.values.patterns import regex

_MULTIPLES = {
    "hundred": "百", "100": "百", "thousand": "千", "1000": "千", "ten thousand": "万", "10 thousand": "万",
    "10000": "万", "hundred thousand": "十万", "100 thousand": "十万", "100000": "十万", "million": "百万",
    "1000000": "百万", "ten million": "千万", "10 million": "千万", "10000000": "千万", "hundred million": "亿",
    "100 million": "亿", "100000000": "亿", "billion": "十亿", "trillion": "万亿",
}  # fmt: skip
_NOUNS = {
    "yuan": "元", "rmb": "元", "cny": "元", "rmb yuan": "元", "yuan rmb": "元", "us dollar": "美元", "usd": "美元",
    "us$": "美元", "person": "人", "people": "人", "inhabitant": "人", "capita": "人", "household": "户",
    "ton": "吨", "tonne": "吨", "metric ton": "吨", "kilogram": "千克", "hectare": "公顷", "mu": "亩",
    "square meter": "平方米", "square metre": "平方米", "sq m": "平方米", "square kilometer": "平方公里",
    "square kilometre": "平方公里", "sq km": "平方公里", "sq. km": "平方公里", "cubic meter": "立方米",
    "cubic metre": "立方米", "kilometer": "公里", "kilometre": "公里", "kilowatt-hour": "千瓦时",
    "percent": "%", "per cent": "%", "percentage point": "百分点",
    "per mille": "‰", "hour": "小时", "day": "天", "minute": "分钟",
}  # fmt: skip
#: Symbols, which have one spelling each and are units of their own without a multiple.
_SYMBOLS = {"km": "公里", "kWh": "千瓦时", "kW": "千瓦"}
#: Nouns that may stand before the multiple: CNY million, RMB 100 million.
_CODES = ("rmb", "cny", "usd", "us$")


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the pattern of a whole unit and that of one with a multiple in running text."""
    many, noun = _alternatives(_MULTIPLES), rf"(?P<noun>{_alternatives((*_NOUNS, *_SYMBOLS))})(?:e?s)?"
    times = rf"(?P<many>{many})s?\s+(?:of\s+)?"
    behind = rf"(?P<code>{_alternatives(_CODES)})\s+(?P<number>{many})s?"
    whole = re.compile(rf"(?:{times})?{noun}|{behind}", re.IGNORECASE)
    return whole, re.compile(rf"(?<![\w.])(?:{times}{noun}|{behind})(?!\w)", re.IGNORECASE)


_PER = regex(r"\s+per\s+|\s*/\s*", re.IGNORECASE)
_DIGITS = regex(r"(?<=\d)[ ,](?=\d{3}\b)")


def in_chinese(text: str) -> str | None:
    """Return an English unit as definitions write it, None for what is none.

    >>> [in_chinese(text) for text in ("100 million yuan", "10,000 persons", "Thousands of persons", "CNY million")]
    ['亿元', '万人', '千人', '百万元']
    >>> [in_chinese(text) for text in ("yuan per capita", "yuan/mu", "percent", "million", "persons per year")]
    ['元/人', '元/亩', '%', None, None]
    """
    if not text.isascii():
        return None
    whole, _ = _patterns()
    text = _DIGITS.sub("", " ".join(text.split()))
    parts = [text] if whole.fullmatch(text) else _PER.split(text)
    units = [unit for part in parts if (match := whole.fullmatch(part.strip())) and (unit := _of(match))]
    return "/".join(units) if len(units) == len(parts) <= 2 else None


def inside(text: str) -> Iterator[str]:
    """Yield the units with a multiple in running text, as definitions write them.

    >>> list(inside("GDP of counties, in 100 million yuan; people in thousands of persons"))
    ['亿元', '千人']
    """
    for match in _patterns()[1].finditer(_DIGITS.sub("", text)):
        if (unit := _of(match)) is not None:
            yield unit


def _of(match: re.Match[str]) -> str | None:
    many, noun = match["many"] or match["number"], match["noun"] or match["code"]
    chinese = _NOUNS.get(noun.casefold()) or (_SYMBOLS.get(noun) if many else None)
    return chinese and (_MULTIPLES[many.casefold()] if many else "") + chinese
