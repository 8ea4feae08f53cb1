"""The vocabulary of units: the meaning of 元, 亩, 件, 万 or %, and suggestions for unknown words.

Measured units are defined in `measured.txt`, in the language of pint. `docs/units.py` computes their sizes and
dimensions into `measured.json`, so that a run needs neither pint nor the time to load it. A counting word is a
dimension of its own. Multiples (百, 千, 万, 亿) precede counting words and measured units.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from importlib.resources import files
from types import MappingProxyType

from kpi.errors import Message, alternatives, can_suggest, suggest

#: Names (base dimensions, or written words), each with its power.
Powers = tuple[tuple[str, int], ...]

#: Words that count things, each its own dimension (人 and 名 are one, and so defined above).
COUNTING_WORDS = frozenset(
    "件个家户路条座起次项所辆台套张份篇处支只头场期册部库类间栋幢宗例门片批枚株棵羽匹艘架列班组队届章本幅首集节"
    "笔单票号床盏块段根孔颗口眼亭站点线款种对双"
) | {
    *(
        "人次",
        "户次",
        "件次",
        "项次",
        "家次",
        "批次",
        "车次",
        "架次",
        "班次",
        "场次",
        "台次",
        "艘次",
        "例次",
        "课时",
        "学时",
    ),
    *("领域", "个领域", "平台", "岗位", "床位", "车位", "泊位", "标准箱"),
}

#: 万亿 and the like are multiples of their own; 万万 is none.
MULTIPLES = {
    word: 10**n
    for n, word in enumerate(["百", "千", "万", "十万", "百万", "千万", "亿", "十亿", "百亿", "千亿", "万亿"], start=2)
}

#: Dimensions that are measured but not additive.
INTENSIVE = frozenset({"percentage points", "score", "rank", "level", "stars", "index", "yes or no"})

#: The names of base dimensions.
_NOUNS: Mapping[str, Message] = {
    str(noun): noun
    for noun in (
        Message("money"), Message("US dollars"), Message("Hong Kong dollars"), Message("euros"), Message("yen"),
        Message("length"), Message("mass"), Message("standard coal"), Message("carbon dioxide"),
        Message("electricity"), Message("heat"), Message("power"), Message("transformer capacity"), Message("time"),
        Message("working days"), Message("months"), Message("data volume"), Message("percentage points"),
        Message("score"), Message("rank"), Message("level"), Message("stars"), Message("index"), Message("yes or no"),
    )
}  # fmt: skip
#: The names of powers of base dimensions.
_POWER_NOUNS: Mapping[tuple[str, int], Message] = {("length", 2): Message("area"), ("length", 3): Message("volume")}


@functools.cache
def vocabulary() -> Mapping[str, tuple[Fraction, Powers]]:
    """Return every word without a multiple: its size in base units and its dimension. Threads may share it.

    >>> vocabulary()["公顷"], vocabulary()["件"]
    ((Fraction(10000, 1), (('length', 2),)), (Fraction(1, 1), (('件', 1),)))
    """
    words: dict[str, tuple[Fraction, Powers]] = {word: (Fraction(1), ((word, 1),)) for word in COUNTING_WORDS}
    measured = json.loads(files(__package__).joinpath("measured.json").read_text("utf-8"))
    words |= {word: (Fraction(size), in_order(powers)) for word, (size, powers) in measured.items()}
    return MappingProxyType(words)


def meaning(word: str, declared: frozenset[str] = frozenset()) -> tuple[Fraction, Powers] | None:
    """Return the size and dimension of one word, with or without a multiple; None when it is no unit.

    `declared` are counting words beyond those of the vocabulary.

    >>> meaning("万件"), meaning("百分"), meaning("万杆", frozenset({"杆"}))
    ((Fraction(10000, 1), (('件', 1),)), None, (Fraction(10000, 1), (('杆', 1),)))
    """
    words = vocabulary()
    if word in words:
        return words[word]
    if word in declared:
        return Fraction(1), ((word, 1),)
    for multiple, times in MULTIPLES.items():
        base = word.removeprefix(multiple)
        if base != word and (base in words or base in declared):
            scale, dimension = words.get(base, (Fraction(1), ((base, 1),)))
            # 百分 is no hundred points, 十年 no count of months: these have no multiples.
            if dimension and dimension[0][0] not in INTENSIVE | {"months"}:
                return times * scale, dimension
    return None


def has_multiple(word: str) -> bool:
    """Return whether a word begins with a multiple that is not part of its name.

    >>> has_multiple("千元"), has_multiple("千克")
    (True, False)
    """
    return word.startswith(tuple(MULTIPLES)) and word not in vocabulary()


def counts(dimension: Powers) -> bool:
    """Return whether a dimension is that of one counting word."""
    return len(dimension) == 1 and dimension[0][1] == 1 and not dimension[0][0].isascii()


def predicate(dimension: Powers) -> Message:
    """Return the description of a dimension as the predicate of a sentence about a unit.

    >>> [predicate(dimension) for dimension in ((("money", 1),), (("件", 1),), (("length", -2), ("money", 1)), ())]
    ['is money', 'counts 件', 'is money per area', 'is a pure ratio']
    """
    if counts(dimension):
        return Message("counts {word}", word=dimension[0][0])
    if not dimension:
        return Message("is a pure ratio")
    above = _product([(name, n) for name, n in dimension if n > 0])
    below = _product([(name, -n) for name, n in dimension if n < 0])
    if not below:
        return Message("is {quantity}", quantity=above)
    return Message("is {above} per {below}", above=above or Message("a number"), below=below)


def _product(powers: Sequence[tuple[str, int]]) -> str:
    """Return the product of some dimensions in words, empty without any."""
    nouns: list[str] = []
    for name, n in powers:
        noun = _NOUNS.get(name, name)
        nouns.append(_POWER_NOUNS.get((name, n)) or (noun if n == 1 else Message("{noun}^{power}", noun=noun, power=n)))
    return (
        functools.reduce(lambda first, second: Message("{first} times {second}", first=first, second=second), nouns)
        if nouns
        else ""
    )


def nearest(word: str, declared: frozenset[str] = frozenset()) -> Message | None:
    """Return a suggestion for an unknown word: similar units, else how to declare a counting word.

    >>> nearest("平方公理"), nearest("万公倾")
    ('did you mean `平方公里`?', 'did you mean `万公斤`, `万公里` or `万公顷`?')
    """
    if word in MULTIPLES:
        return Message("say {word} of what, such as {word}件 or {word}元", word=word)
    if word == "兆":
        return Message("data volume is in MB, bandwidth in Mbps")
    if not can_suggest():
        return None
    multiple = max((m for m in MULTIPLES if word.startswith(m)), key=len, default="")
    known = sorted(unit for unit in declared.union(vocabulary()) if unit[-1] not in "23")
    known += [multiple + base for base in known if multiple and meaning(multiple + base, declared)]
    if spelled := [unit for unit in known if unit.casefold() == word.casefold()]:
        return Message("did you mean `{name}`?", name=spelled[0])
    # For two characters a similarity ratio is too coarse, so a single wrong character is searched first.
    slips = [
        f"`{candidate}`"
        for candidate in known
        if len(candidate) == len(word) > len(multiple) + 1
        and sum(a != b for a, b in zip(candidate, word, strict=True)) == 1
    ]
    if 0 < len(slips) <= 4:
        return Message("did you mean {names}?", names=alternatives(slips))
    base = word.removeprefix(multiple)
    chinese = base.isalpha() and not base.isascii()
    return suggest(word, known, 0.6) or (
        Message("if `{word}` counts things, declare it as a counting word", word=base) if chinese else None
    )


def in_order(powers: Mapping[str, int]) -> Powers:
    """Return powers sorted by name, without those that cancel."""
    return tuple(sorted((name, n) for name, n in powers.items() if n))
