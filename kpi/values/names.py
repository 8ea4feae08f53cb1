"""Names for comparison: without invisible characters, and by their look."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from kpi.values.patterns import regex

# Characters without width, which have no meaning.
_INVISIBLE = dict.fromkeys([0xAD, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, 0xFEFF])

#: Cyrillic and Greek letters that look like Latin ones.
_LOOKS = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаеорсуҮхіјѕԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧονϲϳ",
    "ABESIJKMHOPCTYXaeopcyYxijsdqwABEZHIKMNOPTYXovcj",
)


@lru_cache(1 << 14)
def clean(text: str) -> str:
    r"""Return a name in NFKC, without line breaks, zero-width characters, blanks beside Chinese and before brackets.

    >>> clean(" 数字经济\n核心产业 增加值（亿元） "), clean("unit  name")
    ('数字经济核心产业增加值(亿元)', 'unit name')
    """
    folded = unicodedata.normalize("NFKC", text.translate(_INVISIBLE))
    return re.sub(r"(?<![!-~]) | (?![!-~])| (?=[(\[])", "", " ".join(folded.split()))


def comparable(cell: object) -> str:
    """Return the text by which a cell of the roster and a value in a definition are compared.

    >>> comparable("三级 "), comparable("２"), comparable(1.0), comparable("1.0"), comparable(None)
    ('三级', '2', '1', '1', '')
    """
    return re.sub(r"(?a)^(-?\d+)\.0+$", r"\1", clean("" if cell is None else str(cell)))


#: Marks of footnotes behind a name: ①, ¹, *, [1], (注1), 注1). A number in round brackets may be part of the name.
_FOOTNOTE_END = regex(
    r"(?:[*＊※†‡°^#①-⑳⓪❶-❿⓵-⓾¹²³⁰⁴-⁹₀-₉]|[\[［〔](?:注|note)? ?[0-9a-z]{1,2}[\]］〕]"
    r"|[(（]注[:：]? ?[0-9一二三四五六七八九十①-⑳]{0,2}[)）]|注 ?\d{1,2}[)）])$",
    re.IGNORECASE,
)


@lru_cache(1 << 14)
def unmarked(text: str) -> str:
    """Return a name without the marks of footnotes at its end; a name of nothing else as it is.

    To be called with names as typed: `clean` makes digits of some marks.

    >>> [unmarked(name) for name in ("海宁市①", "海宁市*", "海宁市（注1）", "海宁市¹", "海宁市 [1]", "一区(1)", "①")]
    ['海宁市', '海宁市', '海宁市', '海宁市', '海宁市', '一区(1)', '①']
    """
    stem = text.rstrip()
    while match := _FOOTNOTE_END.search(stem):
        stem = stem[: match.start()].rstrip()
    return stem or text


@lru_cache(1 << 14)
def look(text: str) -> str:
    """Return a name reduced to its look: without zero-width and combining characters, look-alikes in Latin letters.

    >>> look("ＧＤＰ") == look("GDP") == look("GDР"), look("café") == look("café")
    (True, True)
    """
    return clean(text).translate(_LOOKS)
