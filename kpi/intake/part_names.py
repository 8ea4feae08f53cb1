"""Names of rates that are by nature parts of a whole (满意率, 合格率, coverage rate), or that are never below zero.

Rates that compare with a plan, a capacity or another population (完成率, 产销率, 毛入学率) may be above 100 %; growth,
profit and contribution may be below zero.
"""

from __future__ import annotations

import functools
import re

from kpi.values.patterns import regex

#: What the units of a rate that is a part of a whole have or are.
_PARTS = (
    "满意|好评|差评|知晓|认可|合格|不良品|次品|达标|优良|优秀|良好|及格|优质|办结|覆盖|及时|准时|按时|按期|限时|超时|逾期|准确|正确|差错|错误"
    "|失误|完好|完整|公开|网办|掌办|通办|可办|即办|回复|答复|反馈|回访|签收|签约|建档|出勤|缺勤|参与|参评|投票|通过|合规|守信|治愈|病死|成活|存活|识字|文盲"
    "|失业|城镇化|城市化|绿地|绿化|空置|在线|可用|无害化处理|未达标|不合格|(?:燃气|用水|供水|自来水|厕所|互联网|饮水)普及"
)
#: Further rates that are never below zero.
_NEVER_BELOW = (
    "普及|入学|入园|升学|巩固|参保|接种|利用|使用|就业|死亡|出生|发病|患病|检出|阳性|投诉|信访|处理|处置|到位|入住|上线|开机|破案|结案|化解|整改"
    "|受理|响应|录取|录用|执行|履约|开工|投产|入库|出租|回收"
)
_END = r"(?:率|度|面|比例|占比)(?:\s*[（(].*)?\s*$"
_CHINESE = rf"\w{{0,4}}{_END}"
_IS_PART = regex(rf"(?:{_PARTS}){_CHINESE}")
_IS_SUCH = regex(rf"(?:{_PARTS}|{_NEVER_BELOW}){_CHINESE}")
_ENGLISH_PART = regex(
    r"\b(satisfaction|pass|qualified|qualification|compliance|coverage|on[- ]time|timely|timeliness|punctuality"
    r"|accuracy|error|literacy|attendance|absence|turnout|unemployment|survival|approval|urbani[sz]ation|vacancy"
    r")\b[ \w-]*\b(rates?|share|percentage)\b",
    re.IGNORECASE,
)
_ENGLISH_SUCH = regex(
    r"\b(response|employment|mortality|birth|death|enrolment|enrollment|completion|utili[sz]ation|occupancy|participation"
    r")\b[ \w-]*\b(rates?|share|percentage)\b",
    re.IGNORECASE,
)
#: Shares of banks, of insured people by register and the like, which are above 100 % at times.
_MAY_BE_ABOVE = regex(
    r"拨备|流动|利息|现金|资金|风险|担保|抵押|本息|保险|医保|社保|参保|养老|低保|接种|疫苗"
    r"|\b(interest|debt|liquidity|provision\w*|loan|asset|cash|insurance|immuni[sz]ation|vaccin\w*|dose)\b",
    re.IGNORECASE,
)
#: Words of changes, differences and results, which are below zero at times.
_MAY_BE_BELOW = regex(
    r"[净增减降欠]|差(?![错评])|升(?!学)|超(?!时)|变动|变化|同比|环比|幅|利润|盈|亏|收益|回报|贡献|拉动|偏离|弹性|结余|完成"
    r"|\b(growth|change|increase|decrease|difference|gap|profit\w*|margin|return|net|contribution|deviation|excess)\b",
    re.IGNORECASE,
)


@functools.lru_cache(maxsize=4096)
def is_part(title: str) -> bool:
    """Return whether a title is that of a rate that is by nature a part of a whole, of at most 100 %.

    >>> [is_part(title) for title in ("群众满意率", "合格率（%）", "任务完成率", "拨备覆盖率", "Coverage rate")]
    [True, True, False, False, True]
    """
    return bool(_IS_PART.search(title) or _ENGLISH_PART.search(title)) and _MAY_BE_ABOVE.search(title) is None


@functools.lru_cache(maxsize=4096)
def is_never_below_zero(title: str) -> bool:
    """Return whether a title is that of a rate of things that are so, which is never below zero.

    >>> [is_never_below_zero(title) for title in ("群众满意率", "毛入学率", "利润率", "差错率", "净增长率")]
    [True, True, False, True, False]
    """
    named = _IS_SUCH.search(title) or _ENGLISH_PART.search(title) or _ENGLISH_SUCH.search(title)
    return bool(named) and _MAY_BE_BELOW.search(title) is None
