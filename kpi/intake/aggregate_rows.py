"""Names of rows: their display form, and the recognition of totals, parts, changes and remarks: 合计, 全市, 同比.

Names are compared in NFKC, without blanks beside Chinese, case-insensitively and without a closing colon.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from msgspec import Struct

from kpi.errors import Message
from kpi.intake.files.headers import clean
from kpi.language.system import System
from kpi.values.names import unmarked
from kpi.values.patterns import regex

_SUM = "合计|总计|小计|共计|总和|汇总"
_MEAN = "平均|平均值|平均数|平均水平|均值"
_WHOLE = r"全(市|县|区|省|国|州|旗|盟|镇|乡|村|街道|域|市域|县域|部|体|系统|行业|辖区)"
#: What a whole may be said to consist of: 全市企业, 全省规上工业.
_OF_WHOLE = (
    "(所有|各类?|重点|规模以上|规模以下|规上|规下|限额以上|限上|国有|民营|外资|亩均|工业|农业|服务业|建筑业|批发零售业)*"
    "(企业|工业|农业|服务业|建筑业|单位|部门|机关|乡镇|镇街|街道|学校|医院|园区|项目|城镇|农村|乡村|居民)?(总体|整体|总数|总量|水平)?"
)
_CHINESE = regex(
    rf".*({_SUM})(数|额|值|量)?[\d一二三四五六七八九十]{{0,2}}|.*({_MEAN})|[∑Σσ]|{_WHOLE}(总体|整体|总数|总量|水平)?"
    rf"|(?!全州){_WHOLE}{_OF_WHOLE}|.{{2,8}}(?<![安保])全[市省]"
    r"|(所有|全部|全体|各)(企业|单位|部门|县区|县市|区县|乡镇|镇街)"
    r"|总数|总体|整体|其中|其中:?.+"
    r"|中位数|中位值|最[高低大小](值|数|分|者)?|极差|标准差|方差|变异系数|离散系数"
)
_ENGLISH = regex(
    r"((.+ )?(grand |sub[- ]?)?totals?|grand ?totals?|totals? (of|for) .+|sum( of .+)?|(.+ )?(average|mean)"
    r"|avg\.?|overall"
    r"|median|maximum|minimum|max\.?|min\.?|highest|lowest|(standard|std\.?) deviation|of which( .+|:.*)?|total: .+"
    r"|all( (areas|cities|counties|countries|departments|districts|entities|provinces|regions|states|towns|units))?)"
)

#: Rows of a table that show other figures of all columns: shares, changes, ranks, the year before, the plan.
_ASIDE = "增减|增长|增速|增幅|增加|减少|下降|上升|变化|变动|升降|±"
_OTHER_FIGURES = regex(
    rf"(同比|环比|((比|较|与)?(上|去|前)(年|期|月|季|季度)|同期|基期)(同期|同月|同季|末|底)*(数|值|水平|完成数?|实绩|实际)?)"
    rf"(相?比)?({_ASIDE})*(额|量|率|幅度|值|数|情况|点|百分点|个百分点)?"
    rf"|({_ASIDE})+(额|量|率|幅度|值|数|情况|百分点|个百分点)?"
    r"|(占.{0,8}的?)?(占比|比重|比例)|构成|人均|(在?全[市省县区国州]|本[市省县区])?(排名|位次|名次|排位|位次变化|排名变化)"
    r"|(年初|年度|本年|全年|调整|上年)?(预算|计划|目标|任务)(数|值|目标)?|(完成|占)?(年度?|全年)?(预算|计划|目标|任务)?(的?完成(率|进度)|进度)"
    r"|(last|previous|prior) year( .+)?|(year[- ]on[- ]year|yoy|y/y)( .+)?|growth( rate)?|(% )?change( over .+)?"
    r"|share( of total)?|rank(ing)?|budget"
)

_REMARK = regex(
    r"((附?注|备注|说明|资料来源|数据来源|填报说明|指标解释|remarks?|notes?|source)\s*\d*"
    r"|(填报|填表|制表|审核|报送|复核|经办|联系)(人|员|单位|日期|电话)|单位(负责人|领导)|分管领导):.+"
)

#: What a name is framed with: 【合计】, —合计—.
_FRAME = "【】[]〔〕「」《》<>—–-=~·•*# "

# Footnote marks, which NFKC turns into digits.
_MARK = regex("([\u2460-\u24ff\u00b2\u00b3\u00b9\u2070-\u209f])")
# A blank beside an ideograph.
_IDEOGRAPH = "[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
_BLANK_IN_CHINESE = regex(f"(?<={_IDEOGRAPH}) | (?={_IDEOGRAPH})")

#: How many names, and rows of each, are listed in a note; the rest are counted.
_NAMES, _ROWS = 10, 5


def shown(name: str) -> str:
    """Return the display form of a name: `clean`, but with blanks between words and before brackets.

    Footnote marks are kept.

    >>> shown("甲　 县"), shown(" Baden  (CH)"), shown("（乙县）"), shown("Île de  France"), shown("内蒙古①")
    ('甲县', 'Baden (CH)', '(乙县)', 'Île de France', '内蒙古①')
    """
    if clean(name) == name:
        return name
    parts = [part if _MARK.fullmatch(part) else " ".join(_words(part)) for part in _MARK.split(" ".join(name.split()))]
    return _BLANK_IN_CHINESE.sub("", "".join(parts)).strip()


def _words(text: str) -> list[str]:
    return [clean(word) for word in unicodedata.normalize("NFKC", text).split()]


@lru_cache(1 << 14)
def folded(name: str) -> str:
    """Normalise a name for the recognition of aggregates.

    >>> folded("合　计："), folded("Grand  Total")
    ('合计', 'grand total')
    """
    return clean(name).casefold().rstrip(":")


def unframed(text: str) -> str:
    """Return a text without brackets, dashes and stars around it.

    >>> unframed("【合计】"), unframed("—小计—"), unframed("—")
    ('合计', '小计', '—')
    """
    return text.strip(_FRAME) or text


@lru_cache(1 << 14)
def is_aggregate(name: str) -> bool:
    """Return whether a name is that of a total, an average, a part, other figures or a remark rather than of an entity.

    Other figures are shares, changes, ranks, those of the year before, and plans.

    >>> some = ("合 计", "嘉兴市合计", "其中：开发区", "Grand total", "全市（不含市本级）", "备注：初步数")
    >>> all(map(is_aggregate, some))
    True
    >>> all(map(is_aggregate, ("占比（%）", "同比增速", "比上年同期增减", "全市排名", "预算数", "去年同期")))
    True
    >>> all(map(is_aggregate, ("合计数", "小计2", "【合计】", "—总 计—", "∑")))
    True
    >>> all(map(is_aggregate, ("全市企业", "全省规上工业企业", "嘉兴全市", "各县区")))
    True
    >>> some = ("甲县", "增城区", "全州工业园区", "保全市", "其他", "平均镇", "Total Energies", "Meanwhile")
    >>> [text for text in some if is_aggregate(text)]
    []
    """
    text = unframed(folded(unmarked(name)))
    inside = re.fullmatch(r"(.*?)\(([^()]*)\)", text)
    texts = [text] if inside is None else [text, *filter(None, (inside[1].strip(), inside[2].strip()))]
    if inside is not None and re.fullmatch(_WHOLE, texts[-1]):
        texts.pop()  # a remark on a unit, not its name
    return any(
        pattern.fullmatch(part.rstrip("%‰ "))
        for part in texts
        for pattern in (_CHINESE, _ENGLISH, _OTHER_FIGURES, _REMARK)
    )


class Exclusions(Struct, frozen=True):
    """The excluded names: aggregates and `leave_out`, except those in `keep`; both are `folded`."""

    leave_out: frozenset[str] = frozenset()
    keep: frozenset[str] = frozenset()

    @classmethod
    def of(cls, system: System, units: Iterable[str] = ()) -> Exclusions:
        """Return the exclusions of a system; `units` are names that denote units whatever they say."""
        items = system.entities
        constants = (dataset.elsewhere.get("entity") for dataset in system.datasets.values())
        keep = (
            *items.keep,
            *units,
            *(constant.constant for constant in constants if constant is not None and constant.constant),
        )
        return cls(*(frozenset(map(folded, names)) for names in (items.leave_out, keep)))

    def exclude(self, name: str) -> bool:
        """Return whether a name that no roster has denotes no entity.

        >>> [Exclusions(frozenset({"省本级"}), frozenset({"全市"})).exclude(one) for one in ("省本级", "全市", "全省")]
        [True, False, True]
        """
        text = folded(name)
        if text in self.keep:
            return False
        left_out = self.leave_out and not self.leave_out.isdisjoint((text, folded(unmarked(name))))
        return bool(left_out) or is_aggregate(name)

    def is_kept(self, name: str) -> bool:
        """Return whether a name is in `keep`."""
        return folded(name) in self.keep


def listed(rows: Mapping[str, Iterable[int]]) -> Message:
    """Return names with the numbers of their rows.

    >>> listed({"合计": [5, 9], "全市": [12]}), listed({"合计": range(2, 9)})
    ('合计 (rows 5, 9), 全市 (row 12)', '合计 (rows 2, 3, 4, 5, 6 and 2 more)')
    """
    names = tuple(_with_rows(name, sorted(set(numbers))) for name, numbers in list(rows.items())[:_NAMES])
    if len(rows) > _NAMES:
        return Message("{names} and {more:,} more names", names=names, more=len(rows) - _NAMES)
    return Message("{names}", names=names)


def _with_rows(name: str, rows: Sequence[int]) -> Message:
    if not rows:
        return Message("{name}", name=name)
    if len(rows) == 1:
        return Message("{name} (row {row:,})", name=name, row=rows[0])
    numbers = tuple(f"{row:,}" for row in rows[:_ROWS])
    if len(rows) > _ROWS:
        return Message("{name} (rows {rows} and {more:,} more)", name=name, rows=numbers, more=len(rows) - _ROWS)
    return Message("{name} (rows {rows})", name=name, rows=numbers)


def by_name(rows: Iterable[tuple[str, int]]) -> dict[str, list[int]]:
    """Group rows by the display form of their name.

    >>> by_name([("华 北", 3), ("华北", 9)])
    {'华北': [3, 9]}
    """
    rows_of: dict[str, list[int]] = {}
    for name, row in rows:
        rows_of.setdefault(shown(name), []).append(row)
    return rows_of
