"""Targets in words: ≥95%, 不低于80%, 控制在5起以内, 12月底前完成, 完成年度任务."""

from __future__ import annotations

import re
from typing import Any, Literal

from msgspec import Struct

from kpi.intake.annexes.texts import NUMBER, number_of, quantity, squeezed, unit_of
from kpi.values.patterns import regex
from kpi.values.units import Unit

Comparator = Literal["at_least", "above", "at_most", "below", "equals", "within"]

#: Words and signs before a number, and what they compare with.
BEFORE: dict[str, Comparator] = {
    "≥": "at_least", ">=": "at_least", "不低于": "at_least", "不少于": "at_least", "不小于": "at_least",
    "大于等于": "at_least", "大于或等于": "at_least", "高于或等于": "at_least", "达到": "at_least", "达": "at_least",
    "至少": "at_least", "完成": "at_least", "实现": "at_least", "满": "at_least",
    "≤": "at_most", "<=": "at_most", "不高于": "at_most", "不超过": "at_most", "不多于": "at_most",
    "不大于": "at_most", "小于等于": "at_most", "小于或等于": "at_most", "低于或等于": "at_most", "控制在": "at_most",
    ">": "above", "高于": "above", "超过": "above", "大于": "above", "多于": "above", "超": "above",
    "<": "below", "低于": "below", "小于": "below", "少于": "below", "不足": "below", "不到": "below", "不满": "below",
    "=": "equals", "等于": "equals",
}  # fmt: skip
#: Words behind a number.
AFTER: dict[str, Comparator] = {
    "以上": "at_least", "及以上": "at_least", "或以上": "at_least", "以上(含)": "at_least",
    "以下": "below", "及以下": "at_most", "或以下": "at_most", "以内": "at_most", "之内": "at_most", "内": "at_most",
    "及以内": "at_most", "以下(含)": "at_most", "(含)以上": "at_least", "(含)以下": "at_most", "(含)": "at_least",
    "(不含)以上": "above", "(不含)以下": "below", "以上(不含)": "above",
}  # fmt: skip
_SOFT = ("左右", "上下")
#: Words of a fall and of a rise: before a number they say that the figure is a change.
_FALLS = "缩短|下降|降低|压降|压减|压缩|减少|回落|削减"
_RISES = "增长|提高|提升|上升|增加"
_CHANGE = regex(rf"(?P<verb>{_FALLS}|{_RISES})(?:率|幅度?|了)?")

_ONE_OF_BEFORE = "|".join(sorted(map(re.escape, BEFORE), key=len, reverse=True))
_ONE_OF_AFTER = "|".join(sorted(map(re.escape, [*AFTER, *_SOFT]), key=len, reverse=True))
_INCLUDING = regex(r"\(含(?:本数|\d+(?:\.\d+)?[^)]*)\)")
_BOUND = regex(
    rf"(?P<subject>[^\d≥≤<>=一二两三四五六七八九十]*?)(?P<before>{_ONE_OF_BEFORE})?(?P<number>{NUMBER})"
    rf"(?P<unit>[^\d,;(≥≤<>=]*?)(?P<after>{_ONE_OF_AFTER})?(?:的|时)?"
)
_RANGE = regex(
    rf"(?P<subject>[^\d≥≤<>=]*?)(?:在|为)?(?P<low>{NUMBER})(?P<unit>[^\d,;(-]*?)(?P<low_in>\((?:不)?含\))?(?:-|~|—|–|至|到)"
    rf"(?P<high>{NUMBER})(?P<unit2>[^\d,;(]*?)(?P<high_in>\((?:不)?含[^)]*\))?(?:之间|区间)?(?:的)?"
)
_PLACE = regex(rf"[^\d前第]{{0,12}}?(?:前|第)(?P<place>{NUMBER})(?:名|位)?(?:以内|以上|之内|及以上)?")
_ZERO = regex(
    r"(?:0|零)(?:起|例|件|次|个)?(?:发生|事故|增长)?|无[^,;。]{0,12}|不发生[^,;。]{0,12}|未发生[^,;。]{0,12}|杜绝[^,;。]{0,12}"
)
_TASK = regex(
    r"(?:按[时期])?(?:全面|如期)?(?:完成|达到|不低于)(?:[^\d,;。]{0,10})(?:任务|计划|目标|下达|要求)(?:数|值|量)?(?:目标|任务)?"
)
_DEADLINE = regex(r"\d{1,2}月(?:底|末|\d{1,2}日)前?.{0,20}|年(?:底|内|末)前?.{0,12}")


class Bound(Struct, frozen=True):
    """A bound in words: a comparator with one number, or `within` two; `unit` is None where none is written."""

    comparator: Comparator
    low: float
    high: float | None = None
    unit: Unit | None = None
    soft: bool = False
    subject: str = ""
    bare: bool = False

    @property
    def rising(self) -> bool:
        """Whether more is better."""
        return self.comparator in ("at_least", "above", "equals")

    def target(self) -> dict[str, Any]:
        """Return the bound as a `target:` in the unit that it is written in."""
        bound: Any = quantity(self.low, self.unit)
        if self.high is not None:
            bound = [quantity(self.low, self.unit), quantity(self.high, self.unit)]
        return {self.comparator: bound} | ({"soft": True} if self.soft else {})


class StatedTarget(Struct, frozen=True):
    """What a cell of targets says.

    Attributes:
        bound: the number to reach, None where there is none.
        task: whether it refers to a task or plan whose figure is elsewhere (完成年度任务).
        deadline: whether it is a date.
        place: the worst place that reaches it (全省前3名), None where it is no place.
        text: the cell.
    """

    text: str
    bound: Bound | None = None
    task: bool = False
    deadline: bool = False
    place: int | None = None


def bound_of(text: str, *, among: Unit | None = None) -> Bound | None:
    """Return the bound that a text states, None for any other text.

    Args:
        text: the text, `squeezed`.
        among: the unit of a number without one.

    >>> bound = bound_of("群众满意度不低于90%")
    >>> bound.comparator, bound.low, str(bound.unit), bound.subject
    ('at_least', 90.0, '%', '群众满意度')
    >>> bound_of("5起以内").comparator, bound_of("85%-95%").high, bound_of("成效明显")
    ('at_most', 95.0, None)
    """
    text = _INCLUDING.sub("(含)", text)
    match = _RANGE.fullmatch(text)
    if match:
        unit = _unit(match["unit2"] or match["unit"])
        if unit is not False and number_of(match["low"]) < number_of(match["high"]):
            low, high = number_of(match["low"]), number_of(match["high"])
            return Bound("within", low, high, unit or among, subject=match["subject"])
    match = _BOUND.fullmatch(text)
    if match is None or match["subject"].endswith(("前", "第", "后")):
        return None
    unit = _unit(match["unit"])
    if unit is False:
        return None
    before, after = match["before"], match["after"]
    comparator: Comparator = "at_least"
    soft = after in _SOFT
    if after in ("以内", "之内", "内") or before is None:
        comparator = AFTER.get(after or "", "at_least")
    else:
        comparator = BEFORE[before]
        if (before in ("低于", "小于", "少于", "<", "不足") and after in ("(含)", "及以下", "以下(含)")) or after in (
            "及以下",
            "以下(含)",
            "(含)以下",
        ):
            comparator = "at_most"
        elif after == "以下" and before in ("达到", "达", "完成"):
            comparator = "below"
    bare = before is None and after in (None, *_SOFT)
    subject = match["subject"] + (before if before in ("完成", "实现") else "")
    return Bound(comparator, number_of(match["number"]), None, unit or among, soft, subject, bare)


def change_of(subject: str) -> str:
    """Return the word for a change that the subject of a bound ends in, "" where the figure is no change.

    >>> change_of("较上年缩短"), change_of("同比增长"), change_of("群众满意度")
    ('缩短', '增长', '')
    """
    match = re.search(rf"{_CHANGE.pattern}$", subject)
    return "" if match is None else match["verb"]


def no_change_of(text: str) -> Bound | None:
    """Return the bound that 未增长, 零增长 or 负增长 states: no more than zero, or below it; None for other texts.

    >>> no_change_of("未增长").comparator, no_change_of("出现负增长").comparator, no_change_of("未完成")
    ('at_most', 'below', None)
    """
    match = re.fullmatch(
        rf"[^\d,;。未没无零负]{{0,6}}(?P<none>未|没有|没|无|零|不|负)(?:能|实现|出现)?(?P<verb>{_FALLS}|{_RISES})(?:的|者|时)?",
        text,
    )
    if match is None:
        return None
    return Bound("below" if match["none"] == "负" else "at_most", 0.0, subject=match["verb"])


def _unit(text: str) -> Unit | Literal[False] | None:
    """Return the unit that a text is, None for no text, False for a text that is none."""
    if not text:
        return None
    return unit_of({"百分比": "%"}.get(text, text)) or False


def stated_target_of(text: str, sign: str = "", *, unit: Unit | None = None, falling: bool = False) -> StatedTarget:
    """Return what a cell of targets says.

    Args:
        text: the cell.
        sign: the cell of 指标性质, such as ≥.
        unit: the unit of a number without one.
        falling: whether the name of the indicator says that less is better, for a number without a comparator.

    >>> stated_target_of("≥95%").bound.comparator, stated_target_of("120", "≥").bound.low
    ('at_least', 120.0)
    >>> stated_target_of("5", falling=True).bound.comparator, stated_target_of("零事故").bound.comparator
    ('at_most', 'at_most')
    >>> stated_target_of("完成年度任务").task, stated_target_of("明显").bound
    (True, None)
    """
    plain = squeezed(text)
    sign = squeezed(sign)
    if sign in ("≥", "≤", ">", "<", "=", ">=", "<=") and plain[:1].isdigit():
        plain = sign + plain
    place = _PLACE.fullmatch(plain)
    if place is not None:
        return StatedTarget(text, place=int(number_of(place["place"])))
    if _DEADLINE.fullmatch(plain):
        return StatedTarget(text, deadline=True)
    if re.fullmatch(r"(?:0|零)[^\d%.]*|无[^\d]{1,12}|(?:不|未|杜绝)发生?[^\d]{1,14}", plain) and _ZERO.fullmatch(plain):
        return StatedTarget(text, Bound("at_most", 0.0, None, unit))
    result = bound_of(plain, among=unit)
    if result is not None and not result.subject.startswith("每"):
        # 能耗下降3%: more of a fall is better, whatever the name says.
        fall = re.search(rf"(?:{_FALLS})(?:率|幅度?|了)?$", result.subject) is not None
        if result.bare and falling and result.comparator == "at_least" and not fall:
            result = Bound("at_most", result.low, None, result.unit, result.soft, result.subject, result.bare)
        return StatedTarget(text, result)
    return StatedTarget(text, task=_TASK.fullmatch(plain) is not None)
