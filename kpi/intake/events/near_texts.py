"""Texts that are probably another spelling of a text: 已办结 and 辦結 of 办结, and rarely 办洁, Complted of Completed.

An affix or traditional characters show it by themselves. A wrong letter is taken for a slip only where it is rare
beside the right text, and one that typing makes: another character of the same syllable or of nearly the same look.
"""

from __future__ import annotations

from bisect import bisect_right

from kpi.values.patterns import regex
from kpi.values.traditional import simplified

#: What stands before or behind a state that is the same without it: 已办结, 办结了, 男的.
_AROUND = regex(r"^(?:已经?(?=..))?(.+?)[了的]*$")

#: The first character of each syllable in the first level of GB 2312, which is in the order of syllables.
_SYLLABLES = (
    "啊埃鞍肮凹芭白斑邦苞杯奔崩逼鞭标鳖彬兵玻捕擦猜餐苍操厕层插拆搀昌超车郴撑吃充抽初揣川疮吹春戳疵聪凑粗蹿摧村磋搭"
    "呆耽当刀德蹬堤颠碉跌丁丢东兜督端堆墩掇蛾恩而发藩坊菲芬丰佛否夫噶该干冈篙哥给根耕工钩辜刮乖棺光瑰辊锅哈骸酣夯壕"
    "呵嘿痕哼轰喉呼花槐欢荒灰荤豁击嘉歼僵蕉揭巾荆炯揪鞠捐撅均喀开刊康考坷肯坑空抠枯夸块宽匡亏坤括垃莱蓝琅捞勒雷棱厘"
    "俩联粮撩列琳玲溜龙楼芦驴峦掠抡萝妈埋瞒芒猫么玫门萌眯棉苗蔑民明谬摸谋拇拿氖南囊挠呢馁嫩能妮蔫娘鸟捏您柠牛脓奴女"
    "暖挪哦欧啪拍攀乓抛呸喷砰坯篇飘撇拼乒坡剖扑期掐牵枪橇切钦青琼秋趋圈缺裙然瓤饶惹壬扔日戎揉茹软蕊闰若撒腮三桑搔瑟"
    "森僧莎筛珊墒梢奢砷声师收蔬刷摔栓霜谁吮说斯松搜苏酸虽孙蓑塌胎坍汤掏特藤梯天挑贴厅通偷凸湍推吞拖挖歪豌汪威瘟嗡挝"
    "巫昔瞎掀相萧楔薪星兄休墟轩靴勋压焉殃邀椰一茵英哟拥幽迂鸳曰耘匝栽咱赃遭责贼怎增扎摘瞻樟招遮珍蒸芝中舟珠抓拽专桩"
    "椎谆捉兹鬃邹租钻嘴尊昨"
)
#: The last code of the first level, the characters of which are ordered by syllables.
_LAST = bytes.fromhex("d7f9")

#: Characters that look nearly alike.
_LOOKS = (
    "己已巳", "未末", "人入", "日曰", "士土", "戊戌戍", "千干于", "侯候", "拨拔", "析折拆", "准淮", "晴睛", "辩辨",
    "治冶", "免兔", "住往", "今令", "代伐", "天夭", "午牛", "诉拆",
)  # fmt: skip
#: Letters that number, place or negate, and characters of one syllable of which each makes a word of its own.
_TELLING = frozenset(
    "0123456789一二三四五六七八九十百甲乙丙丁戊庚辛壬癸子丑寅卯东西南北中上下前后左右内外新老旧大小高低男女正副负未不非无没否"
)
_WORDS = (
    "收售",
    "公工供",
    "院员园",
    "水税",
    "电店点",
    "油邮游",
    "学雪",
    "校效",
    "省升",
    "食实",
    "形行刑",
    "缴交",
    "资自",
    "借介",
)
#: English words that are two and differ in one letter.
_TWO = (
    {"inland", "island"}, {"county", "country"}, {"trial", "trail"}, {"casual", "causal"}, {"dairy", "diary"},
    {"desert", "dessert"}, {"untied", "united"}, {"former", "format"}, {"human", "humane"},
)  # fmt: skip

#: How many letters an English word needs for one of them to be a slip.
_WORD = 5
#: How many rows the right text has at least beside one row with a slip, and how many times as many beside more.
_ENOUGH, _TIMES = 4, 10


def is_same_state(text: str, other: str) -> bool:
    """Return whether two texts differ by traditional characters, 已 before them or 了 and 的 behind them alone.

    >>> [is_same_state(text, "办结") for text in ("已办结", "办结了", "辦結", "已经辦結", "未办结", "办理中", "已办")]
    [True, True, True, True, False, False, False]
    """
    return _state(text) == _state(other)


def _state(text: str) -> str:
    match = _AROUND.match(text if text.isascii() else simplified(text))
    return match[1] if match else text


def is_rare(rows: int, usual: int) -> bool:
    """Return whether a text has so few rows beside another one that it may be a slip."""
    return usual >= _ENOUGH and (rows == 1 or rows * _TIMES <= usual)


def is_slip(text: str, other: str) -> bool:
    """Return whether one of two texts is probably a typing error for the other, by their letters.

    >>> [is_slip(text, "已办结") for text in ("已办洁", "己办结", "已结办", "已办办结", "未办结", "已办理", "已立案")]
    [True, True, True, True, False, False, False]
    >>> [is_slip(text, "completed") for text in ("complted", "Compelted", "complete", "incompleted", "contested")]
    [True, True, True, False, False]
    >>> is_slip("type A", "type B"), is_slip("2021Q1", "2021Q2"), is_slip("男", "女"), is_slip("employer", "employee")
    (False, False, False, False)
    """
    if abs(len(text) - len(other)) > 1:
        return False
    if text.isascii() and other.isascii():
        words, others = text.casefold().split(), other.casefold().split()
        if len(words) != len(others):
            return False
        unlike = [(one, two) for one, two in zip(words, others, strict=True) if one != two]
        return len(unlike) == 1 and _is_slip_of_word(*unlike[0])
    plain = simplified(text), simplified(other)
    return min(map(len, plain)) > 1 and (_is_slip_of_characters(*plain) or _is_slip_of_characters(*map(_state, plain)))


def _parts(text: str, other: str) -> tuple[str, str, str]:
    """Return what two texts begin with alike, and what is left of each before their like ends."""
    start = next((at for at, (one, two) in enumerate(zip(text, other, strict=False)) if one != two), None)
    start = min(len(text), len(other)) if start is None else start
    end = 0
    while end < min(len(text), len(other)) - start and text[-1 - end] == other[-1 - end]:
        end += 1
    return text[:start], text[start : len(text) - end], other[start : len(other) - end]


def _is_slip_of_word(text: str, other: str) -> bool:
    if min(len(text), len(other)) < _WORD or {text, other} in _TWO or not (text.isalpha() and other.isalpha()):
        return False
    before, left, right = _parts(text, other)
    # Words that differ in their first letter, or have another one at their end, may both be right: typical, atypical.
    at_end = len(before) == len(text) - 1 == len(other) - 1
    return bool(before) and not at_end and (max(len(left), len(right)) == 1 or _is_swapped(left, right))


def _is_swapped(left: str, right: str) -> bool:
    return len(left) == len(right) == 2 and left == right[::-1]


def _is_slip_of_characters(text: str, other: str) -> bool:
    before, left, right = _parts(text, other)
    if not all(map(_is_character, left + right)) or any(letter in _TELLING for letter in left + right):
        return False
    if len(left) == len(right) == 1:
        both = {left, right}
        if any(both <= set(group) for group in _LOOKS):
            return True
        return _syllable(left) == _syllable(right) is not None and not any(both <= set(group) for group in _WORDS)
    if _is_swapped(left, right):
        return len(text) > 2
    # A character that is there twice.
    return len(left + right) == 1 and before.endswith(left + right)


def _is_character(letter: str) -> bool:
    return "一" <= letter <= "鿿"


def _syllable(letter: str) -> int | None:
    """Return the number of the syllable of a character of the first level of GB 2312, None for any other.

    >>> _syllable("结") == _syllable("洁") != _syllable("理")
    True
    """
    try:
        code = letter.encode("gb2312")
    except UnicodeEncodeError:
        return None
    if len(code) != 2 or code > _LAST:
        return None
    return bisect_right(_SYLLABLES, code, key=lambda first: first.encode("gb2312"))
