"""Names as they are compared: without what is not seen, and as they look."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Characters without width: they are seen nowhere and mean nothing.
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


def look(text: str) -> str:
    """Return what a name looks like: without width and composition, in Latin letters where others look like them.

    >>> look("ＧＤＰ") == look("GDP") == look("GDР"), look("cafe\u0301") == look("café")
    (True, True)
    """
    return clean(text).translate(_LOOKS)
