"""The vocabulary of units: the meaning of 元, 亩, 件, 万 or %, and suggestions for unknown words.

Measured units are written in the language of pint and parsed once, by a separate registry, into an immutable table. A
counting word is a dimension of its own. Multiples (百, 千, 万, 亿) precede counting words and measured units.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from kpi.errors import Message, alternatives, can_suggest, suggest

#: Names (base dimensions, or written words), each with its power.
Powers = tuple[tuple[str, int], ...]

#: Measured units: `name = size = symbol = other names`. Data volumes are SI multiples, of 1000.
DEFINITIONS = """
元 = [money] = _ = 圆
美元 = [US_dollars]
港元 = [Hong_Kong_dollars]
欧元 = [euros]
日元 = [yen]

米 = [length] = m
毫米 = 米 / 1000 = mm
厘米 = 米 / 100 = cm
公里 = 1000 * 米 = km = 千米
海里 = 1852 * 米
平方米 = 米 ** 2 = m2
平方公里 = 1000000 * 米 ** 2 = km2 = 平方千米
公顷 = 10000 * 米 ** 2 = ha
亩 = 公顷 / 15
立方米 = 米 ** 3 = m3
升 = 立方米 / 1000 = L
毫升 = 升 / 1000 = mL

克 = [mass] = g
毫克 = 克 / 1000 = mg
微克 = 克 / 1000000 = μg
千克 = 1000 * 克 = kg = 公斤
斤 = 500 * 克
吨 = 1000000 * 克 = t

吨标准煤 = [standard_coal] = tce = 吨标煤
千克标准煤 = 吨标准煤 / 1000 = kgce = 公斤标准煤 = 千克标煤
克标准煤 = 吨标准煤 / 1000000 = gce = 克标煤
吨二氧化碳 = [carbon_dioxide] = _ = 吨二氧化碳当量
千瓦时 = [electricity] = kWh = 度 = 千瓦小时
兆瓦时 = 1000 * 千瓦时 = MWh
吉焦 = [heat] = GJ = 百万千焦
千瓦 = [power] = kW
瓦 = 千瓦 / 1000 = W
兆瓦 = 1000 * 千瓦 = MW
千伏安 = [transformer_capacity] = kVA

秒 = [time] = s
毫秒 = 秒 / 1000 = ms
分钟 = 60 * 秒 = min
小时 = 3600 * 秒 = h
天 = 24 * 小时 = _ = 日 = 自然日 = 个自然日 = 日历日 = 个日历日 = 日历天 = 自然天
周 = 7 * 天
工作日 = [working_days] = _ = 个工作日 = 工作天 = 个工作天
月 = [months] = _ = 个月
季度 = 3 * 月 = _ = 季
年 = 12 * 月

字节 = [data_volume] = B
KB = 1000 * 字节
MB = 1000000 * 字节 = _ = 兆字节
GB = 1000 * MB
TB = 1000 * GB
PB = 1000 * TB
EB = 1000 * PB
比特 = 字节 / 8 = bit
bps = 比特 / 秒
Kbps = 1000 * bps
Mbps = 1000 * Kbps
Gbps = 1000 * Mbps

人 = [人] = _ = 名
吨公里 = 吨 * 公里
人公里 = 人 * 公里

百分率 = 1 / 100
千分率 = 1 / 1000
万分率 = 1 / 10000
成 = 1 / 10
倍 = 1 = _ = 比
百分点 = [percentage_points] = _ = 个百分点
千分点 = 百分点 / 10 = _ = 个千分点
基点 = 百分点 / 100

分 = [score]
位 = [rank] = _ = 名次
级 = [level] = _ = 等级 = 档
星 = [stars] = _ = 星级
指数 = [index]
是否 = [yes_or_no]
"""

#: Words that are no valid names for pint, by their names in the registry.
SIGNS = {"百分率": "%", "千分率": "‰", "万分率": "‱", "是否": "是/否"}

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
    import pint

    # Fractions keep 1 公顷 = 15 亩 exact; the default registry would cost 150 ms and brings words we do not mean.
    registry: Any = pint.UnitRegistry(None, non_int_type=Fraction)
    registry.load_definitions(DEFINITIONS.splitlines())
    words: dict[str, tuple[Fraction, Powers]] = {word: (Fraction(1), ((word, 1),)) for word in COUNTING_WORDS}
    for name in registry:
        scale, root = registry.get_root_units(name)
        powers = {base[1:-1].replace("_", " "): int(n) for base, n in root.dimensionality.items()}
        words[SIGNS.get(name, name)] = (Fraction(scale), in_order(powers))
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
