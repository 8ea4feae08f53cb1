"""The phrase book of scoring rules: clauses of 计分方法, one pattern each, and what they say.

A rule is cut into clauses at its punctuation. Each clause has to be one of `PATTERNS`, else the rule is not understood:
a rule of which a part is dropped would be another rule. What the clauses of a rule come to is decided in `rules`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from kpi.intake.annexes.targets import Bound, bound_of, no_change_of
from kpi.intake.annexes.texts import NUMBER, leading_unit, number_of, squeezed
from kpi.values.patterns import regex
from kpi.values.units import Unit

# ---- WHAT CLAUSES SAY ---- #


class Earned(Struct, frozen=True):
    """Marks under a condition: 完成得满分, 达到90%得8分, 未完成不得分.

    Attributes:
        on: `reached` the target, `missed` it, a `bound`, or `rest` for all other values.
        marks: the marks; None for full marks.
        share: the marks as percent of full marks, instead of `marks`.
        bound: the condition if `on` is a bound; of `missed`, the change that is missed (未增长: at most 0).
        base: whether the marks are called 基本分.
        lower: whether the words say that less is better: 小于或等于目标值.
    """

    on: Literal["reached", "missed", "bound", "rest"]
    marks: float | None = None
    share: float | None = None
    bound: Bound | None = None
    base: bool = False
    lower: bool = False


class Step(Struct, frozen=True):
    """Marks for each step: 每低1个百分点扣0.5分, 每发现一起扣2分, 每新增1家得2分.

    Attributes:
        way: `short` of the target, `above` it, or a `count` of things.
        gives: whether marks are given; else they are taken off.
        size: the size of a step.
        unit: the unit of a step, None where none is written.
        of: the words for what is counted.
        marks: the marks for each step.
        growth: whether the step is one of a growth (每提高1个百分点), which may count from zero.
        since: the bound short of which it holds: 不足90%的，每降低1个百分点扣0.5分.
        bare: whether no verb says that marks are given: 每次1分.
    """

    way: Literal["short", "above", "count"]
    gives: bool
    size: float
    unit: Unit | None
    of: str
    marks: float
    growth: bool = False
    since: Bound | None = None
    bare: bool = False


class Once(Struct, frozen=True):
    """Marks taken off or given once under a condition that is not about the value: 无台账扣4分."""

    what: str
    gives: bool
    marks: float


class Limit(Struct, frozen=True):
    """A limit of marks.

    `off` is the most that is taken off, `on` the most that the row gets (None: full marks), `added` the most that is
    added to base marks, `least` the least that the row gets (None: no limit).
    """

    of: Literal["off", "on", "added", "least"]
    marks: float | None


class Ratio(Struct, frozen=True):
    """In proportion to the completion: 按比例得分.

    Attributes:
        capped: whether full marks are the most; None where the text does not say it.
        since: the bound from which on it holds (80%以上按比例得分).
    """

    capped: bool | None = None
    since: Bound | None = None


class Places(Struct, frozen=True):
    """By rank: `marks` for the places from the first on (None: full marks), or `step` marks less for each place."""

    marks: tuple[float | None, ...] = ()
    upto: int = 1
    step: float | None = None


class ToBest(Struct, frozen=True):
    """In proportion to the best of the peers: 第一名得满分，其余按与第一名的比例得分."""


class Efficacy(Struct, frozen=True):
    """功效系数法, from `base` up by `span` percent; None where the text has no numbers."""

    base: float | None = None
    span: float | None = None


class Line(Struct, frozen=True):
    """A straight line between no marks at a bound and full marks at the target: 高于90%按线性内插."""

    since: Bound | None = None


class Judged(Struct, frozen=True):
    """Marks that somebody gives: 酌情扣分, 由考核组综合评定."""


class Vetoed(Struct, frozen=True):
    """一票否决: what happens, `fail` (不合格), `not_best` (不得评为优秀) or `unsaid`."""

    effect: Literal["fail", "not_best", "unsaid"]


class Nothing(Struct, frozen=True):
    """A clause that changes nothing: 满分10分, 以统计局数据为准."""

    marks: float | None = None


class Required(Struct, frozen=True):
    """How much is asked for in each period: 每月报送不少于2篇."""

    bound: Bound


Part = Required | Earned | Step | Once | Limit | Ratio | Places | ToBest | Efficacy | Line | Judged | Vetoed | Nothing

# ---- WORDS OF CONDITIONS AND STEPS ---- #

_N = NUMBER
_GOAL = r"(?:目标任务|目标值|目标|任务数|任务|计划数|计划|指标值|指标|要求|标准|进度|时序进度|序时进度)"
_REACHED = regex(
    rf"(?:按[时期]|如期|全面|全部|按要求|能够?|凡)*(?:完成或超额完成|达到或超过|超额完成|完成|达到|达标|实现|符合|"
    rf"等于或优于|不低于|优于)"
    rf"(?:年度|控制|预期|全年|当年|本年|省|市|县|区|级|下达|规定|考核|既定|工作|的)*{_GOAL}*(?:的|者|及以上|以上)?"
    r"|(?:无|未发生|不发生|未出现|没有|没有发生)[^\d,;。完达]{1,14}?(?:的|者)?|按(?:时|期|要求|"
    r"规定)[^\d,;。未]{1,8}(?:的|者)?"
    rf"|(?:大于或等于|大于等于|高于或等于|不少于|高于|超过|大于){_GOAL}(?:的|者)?"
)
_REACHED_LOW = regex(
    rf"(?:小于或等于|小于等于|低于或等于|不高于|不超过|不大于|控制在{_GOAL}(?:以内|内|之内)|低于|"
    rf"小于){_GOAL}?(?:以内)?(?:的|者)?"
)
_MISSED = regex(
    rf"(?:否则?|反之|不达标|未达标|(?:未|没有|没|不能)(?:按[时期]|如期|全部|全面|能)*(?:完成|达到|达标|实现|"
    rf"达)(?:[^\d,;。扣得]{{0,10}})"
    rf"|达不到[^\d,;。扣得]{{0,10}}|(?:低于|不足|少于){_GOAL}|大于|高于|超过|小于|低于|少于|"
    rf"未[^\d,;。扣得完达]{{1,10}})(?:的|者|时)?"
)
_BEYOND = regex(rf"(?:高于|超过|大于|超出){_GOAL}(?:的|者)?")
_REST = regex(r"(?:其余|其他|其它|除此以外|余下|以下)(?:的|者|情况|情形)?")
_SHORT = (
    "低于", "低", "少于", "差", "降低", "下降", "减少", "欠", "不足", "落后", "下滑", "少完成", "欠缺", "少",
)  # fmt: skip
_ABOVE = (
    "超额完成", "超过", "超出", "超", "高于", "高出", "高", "提高", "提升", "上升", "升高", "升", "增长", "增加",
    "多于", "多",
)  # fmt: skip
#: Those of a growth, which is itself the figure.
_GROWTH = ("提高", "提升", "上升", "升高", "升", "增长", "增加")
#: What is counted from zero: faults, if marks are taken off, merits if they are given.
_COUNTED = (
    "发现", "发生", "出现", "存在", "查出", "缺少", "缺", "漏报", "漏", "迟报", "错报", "瞒报", "延迟", "推迟",
    "逾期", "超期", "拖延", "延期", "新增", "完成", "获得", "获", "引进", "建成", "培育", "创建", "报送", "采用",
    "举办", "开展", "组织", "召开", "到位", "落地", "签约",
    "得到", "受到", "被", "有", "未",
)  # fmt: skip
_WAYS = "|".join(sorted({*_SHORT, *_ABOVE, *_COUNTED}, key=len, reverse=True))
_REFERENCE = rf"(?:于|过|出)?(?:{_GOAL}|平均(?:值|水平)?|基准(?:值)?|上年(?:同期)?)?(?:的)?"
_VERB = r"(?:报送|上报|完成|召开|开展|组织|报|建|办)?"
_OFF = r"扣除|扣减|扣|核减|减扣|递减|减"
_ON = r"加计|加|奖励|奖|计|记|得|赋"
_BODY = regex(rf"(?P<way>{_WAYS})?{_REFERENCE}{_VERB}(?P<size>{_N})?(?P<rest>.*)")
_PLACES = ("位", "名", "位次", "名次", "个位次", "个名次")
_FINDING = r"未|无|没有|不|弄虚|虚报|漏|错|迟|超"

# ---- BUILDERS ---- #

Match = re.Match[str]


def _earned(match: Match) -> Part | None:
    groups = match.groupdict()
    share = groups["share"] or groups["share2"]
    condition = _condition(match["condition"])
    if condition is not None and condition.on == "missed" and match["number"] is None and share is None:
        # 低于目标值得满分: less is better.
        condition = Earned("reached", lower=True) if _REACHED_LOW.fullmatch(match["condition"]) else None
    if condition is None:
        return None
    return replace(
        condition,
        marks=None if match["number"] is None else number_of(match["number"]),
        share=None if share is None else number_of(share),
        base=match["base"] is not None,
    )


def _unearned(match: Match) -> Part | None:
    result = _condition(match["condition"])
    if result is not None and result.on == "reached":
        # 高于目标值不得分: less is better.
        return Earned("missed", 0.0, lower=True) if _BEYOND.fullmatch(match["condition"]) else None
    return None if result is None else replace(result, marks=0.0)


def _condition(text: str) -> Earned | None:
    text = re.sub(r"^(?:若|如果|如|当|对|凡是|凡|其中)", "", text)
    if not text or _REACHED.fullmatch(text):
        return Earned("reached")
    unchanged = no_change_of(text)
    if unchanged is not None or _MISSED.fullmatch(text):
        return Earned("missed", bound=unchanged)
    if _REACHED_LOW.fullmatch(text):
        return Earned("reached", lower=True)
    if _REST.fullmatch(text):
        return Earned("rest")
    bound = bound_of(text)
    if bound is not None and not re.match(r"(?:第|前|后|每|排名)", text):
        return Earned("bound", bound=bound)
    return None


def _step(match: Match) -> Part | None:
    body = _BODY.fullmatch(match["body"])
    if body is None:
        return None
    size = 1.0 if body["size"] is None else number_of(body["size"])
    unit, rest = leading_unit(body["rest"])
    rest = re.sub(r"(?:的|者|,)$", "", rest)
    way, gives, marks = body["way"] or "", match["on"] is not None, number_of(match["number"])
    if unit is not None and str(unit) in _PLACES and not gives:
        return Places(step=marks / size) if way in ("", "低", "降低", "下降", "落后", "少", "差") and not rest else None
    if way in _SHORT or way in _ABOVE:
        # 每少1次 says no more than the count of what lacks; whose length a text adds to the words is no step.
        if len(rest) > 8 or (unit is None and not rest):
            return None
        return Step("short" if way in _SHORT else "above", gives, size, unit, rest, marks, growth=way in _GROWTH)
    if way == "" and unit is None and body["size"] is None:
        return None
    return Step("count", gives, size, unit, (way + rest) if rest else way, marks)


def _step_below(match: Match) -> Part | None:
    step = _step(match)
    condition = match["condition"]
    if not isinstance(step, Step) or step.way == "count":
        return None
    if _MISSED.fullmatch(condition):
        return step
    bound = bound_of(condition)
    if (
        bound is None
        or bound.comparator not in ("below", "above")
        or (bound.comparator == "below") != (step.way == "short")
    ):
        return None
    return replace(step, since=replace(bound, comparator="at_least" if step.way == "short" else "at_most"))


def _required(match: Match) -> Part | None:
    bound = bound_of(match["bound"])
    return None if bound is None or bound.comparator != "at_least" else Required(bound)


def _each(match: Match) -> Part | None:
    """Return a step of things whose name stands before 每: 未按时报送每次扣1分, or before them: 一项未完成扣2分."""
    unit, rest = leading_unit(match["unit"])
    if unit is None or rest:
        return None
    return Step("count", match["on"] is not None, 1.0, unit, match["what"], number_of(match["number"]))


def _bare(match: Match) -> Part | None:
    unit, rest = leading_unit(match["unit"])
    return None if unit is None or rest else Step("count", True, 1.0, unit, "", number_of(match["number"]), bare=True)  # noqa: FBT003


def _once(match: Match) -> Part:
    return Once(match["what"], gives=match["on"] is not None, marks=number_of(match["number"]))


def _least_off(match: Match) -> Part:
    return Limit("off", number_of(next(group for group in match.groups() if group is not None)))


def _most_on(match: Match) -> Part:
    marks = number_of(next(group for group in match.groups() if group is not None))
    return Limit("added" if "加" in match[0] else "on", marks)


def _places(match: Match) -> Part | None:
    groups = match.groupdict()
    first, last = int(number_of(groups["first"])), int(number_of(groups.get("last") or groups["first"]))
    if groups.get("list") is not None:
        marks = tuple(number_of(item) for item in re.findall(_N, groups["list"]))
        return Places(marks) if first == 1 and last == len(marks) else None
    full = None if groups.get("number") is None else number_of(groups["number"])
    if groups.get("top"):
        return Places((full,), upto=first)
    return Places((full,), upto=last) if first == 1 else None


def _since(match: Match) -> Part | None:
    bound = bound_of(match["condition"])
    if bound is None:
        return None
    return Ratio(since=bound) if match["line"] is None else Line(since=bound)


def _efficacy(match: Match) -> Part:
    groups = match.groupdict()
    if groups.get("base") is None:
        return Efficacy()
    return Efficacy(number_of(groups["base"]), number_of(groups["span"]))


class Pattern(Struct, frozen=True):
    """An entry of the phrase book.

    Attributes:
        name: its name.
        example: a clause that it understands.
        words: the regular expression of the complete clause.
        parse: returns the part that a match states, None if it states nothing after all.
    """

    name: str
    example: str
    words: re.Pattern[str]
    parse: Callable[[Match], Part | None]


def _pattern(name: str, example: str, words: str, parse: Callable[[Match], Part | None]) -> Pattern:
    return Pattern(name, example, re.compile(words), parse)


#: The phrase book. The first entry that understands a clause counts.
PATTERNS: tuple[Pattern, ...] = (
    # ---- limits
    _pattern(
        "nothing below zero", "扣完为止",
        r"(?:直至|直到)?(?:本项|该项|此项|分值)?(?:扣完|减完|扣光)(?:本项|该项|此项)?(?:分值|分|得分)?(?:为止|即止)"
        r"|不计负分|不倒扣|最低(?:得分)?(?:为|得|计)?0分|(?:每项)?扣分不超过(?:该项|本项)?(?:总分|分值|满分)",
        lambda _: Limit("least", 0.0),
    ),
    _pattern(
        "below zero", "扣分不设上限", r"(?:可)?(?:扣分不设上限|扣分不封顶|不设上限|可倒扣|可计负分|可为负分|计负分|"
            r"倒扣分?|不够扣的倒扣)",
        lambda _: Limit("least", None),
    ),
    _pattern(
        "at most so much below zero", "最多倒扣5分", rf"(?:最多|最高)?(?:可)?倒扣(?:最多|最高|不超过|至多)?({_N})分",
        lambda match: Limit("least", -number_of(match[1])),
    ),
    _pattern(
        "at most so much off", "最多扣6分",
        rf"(?:本项|该项|此项)?(?:最高|最多|累计最高|累计最多|累计|至多|限|封顶)(?:可)?(?:扣分|扣|减分|减)(?:不超过|"
        rf"至)?({_N})分(?:为止)?"
        rf"|(?:本项|该项|此项|累计)?(?:扣分|减分)(?:最高|最多|累计|合计)?不(?:得)?超过({_N})分|扣至({_N})分为止|"
        rf"扣满({_N})分为止",
        _least_off,
    ),
    _pattern(
        "full marks at most", "满分为止",
        r"(?:得|加)?满分?为止|(?:最高|最多)(?:得分)?(?:得|为|计|不超过)?(?:满分|本项分值|该项分值|分值|权重)|"
        r"以满分为限|加满为止|(?:最高)?(?:得分)?不超过(?:本项|该项)?(?:满分|分值|权重分?)",
        lambda _: Limit("on", None),
    ),
    _pattern(
        "at most so many marks", "最高10分",
        rf"(?:本项|该项|此项|总分|得分|累计|合计)*(?:最高|最多|封顶|上限|至多)(?:可)?(?:加分|得分|计分|得|加|计|"
        rf"不超过|为)*({_N})分(?:封顶|为止|为限)?"
        rf"|(?:本项|该项|此项|累计|合计|加分|得分|总分|最高)+(?:加分|得分)?不(?:得)?超过({_N})分|不(?:得)?超过({_N})分"
        rf"|(?:加|得|计)?满({_N})分(?:为)?止|以({_N})分(?:为限|封顶)|({_N})分封顶",
        _most_on,
    ),
    # ---- peers
    _pattern(
        "to the best of the peers", "其余按与第一名的比例得分",
        r"(?:其余|其他|其它)?(?:各?[县市区乡镇单位部门地区]*)?(?:依次)?(?:按|以)(?:其)?(?:与|占|实际值与|"
        r"完成值与)?(?:第[1一]名|最高值?|最优值?|最高者)(?:的)?(?:比例|比值|比重|百分比|之比)(?:计算)?(?:得分|计分|"
        r"赋分)?"
        r"|以最(?:优|高|好)(?:值|者)?为满分(?:按比例(?:得分|计分))?|与最(?:优|高)值(?:之比|的比例)(?:得分|计分)?",
        lambda _: ToBest(),
    ),
    _pattern(
        "the best gets full marks", "最高的得满分",
        r"(?:数值|得分|指标值)?最(?:优|高|好)(?:的|者|值)?(?:得|计)满分",
        lambda _: Places((None,)),
    ),
    _pattern(
        "marks of places", "排名1-5名依次得60、57、54、51、48分",
        rf"(?:排名|排位|位次)?第?(?P<first>{_N})(?:-|至|到)第?(?P<last>{_N})名(?:的)?(?:依次|分别)(?:得|计|"
        rf"赋)(?P<list>{_N}(?:分?、{_N})+)分?",
        _places,
    ),
    _pattern(
        "marks of the first places", "排名前三得满分",
        rf"(?:综合)?(?:排名|排位|位次|位列|列)?(?:全[省市县区])?(?P<top>前)(?P<first>{_N})(?:名|位)?(?:的|者)?(?:得|"
        rf"计|赋|记)(?:满分|(?P<number>{_N})分)"
        rf"|(?:综合)?(?:排名|排位|位次|位列|列)?(?:全[省市县区])?第(?P<first2>{_N})(?:名|位)?(?:的|者)?(?:得|计|赋|"
        rf"记)(?:满分|(?P<number2>{_N})分)",
        lambda match: Places(
            (None if (given := match["number"] or match["number2"]) is None else number_of(given),),
            upto=int(number_of(match["first"])) if match["first"] else 1,
        ) if match["first"] or number_of(match["first2"]) == 1 else None,
    ),
    _pattern(
        "less for each place", "每降一位扣2分",
        rf"(?:其余|其他|其后|以后|之后)?(?:按)?(?:排名|名次|位次)?(?:每|依次|逐)(?:[往向]后|后退|后移|后|退|降低|降|"
        rf"下降|落后|靠后|低)?(?:[一1]个?)?(?:位次|名次|位|名|个位次)?(?:的)?(?:依次)?(?:递减|扣减|扣|减少|减|少得|"
        rf"降低)(?P<number>{_N})分",
        lambda match: Places(step=number_of(match["number"])),
    ),
    _pattern(
        "efficacy", "按功效系数法计算",
        rf"(?:按照|按|采用|运用|用)?(?:指数型)?功效系数法(?:\({_N}\+{_N}\))?(?:计算|计分|得分|评分|确定|赋分)*(?:得分)?"
        rf"|(?:得分=)?(?:分值|权重|满分)?(?:×|\*)?[(\[]?(?P<base>{_N})%?\+(?P<span>{_N})%?(?:×|"
        rf"\*)[(\[]?(?:[^\d()]{{1,12}})-(?:[^\d()]{{1,12}})[)\]]?/[(\[]?(?:[^\d()]{{1,12}})-(?:[^\d()]{{1,12}})[)\]]"
        rf"*(?:/100)?(?:(?:×|\*)(?:分值|权重|满分))?",
        _efficacy,
    ),
    # ---- proportion
    _pattern(
        "in proportion without a limit", "超额完成按比例加分",
        r"超额(?:完成)?(?:的|部分)?按(?:同等)?比例(?:加分|得分|计分)|(?:得分)?上不封顶", lambda _: Ratio(capped=False),
    ),
    _pattern(
        "in proportion at most", "超过100%按100%计算",
        r"(?:完成率)?(?:超过|大于|高于)100%(?:的)?(?:以|按)100%(?:计算|计)|超额(?:完成)?(?:的)?不加分",
        lambda _: Ratio(capped=True),
    ),
    _pattern(
        "on a straight line", "按线性内插得分", r"(?:之间|中间|区间内|其间)?(?:的)?(?:按|采用)?(?:线性|直线)?(?:内插|"
            r"插值)法?(?:计算|得分|计分)*(?:得分)?", lambda _: Line(),
    ),
    _pattern(
        "in proportion", "未完成按比例得分",
        r"(?:(?:未|没有)(?:全部)?完成(?:目标|任务|计划)*|未达(?:到)?(?:目标|标准|要求|任务)*值?|未达标|低于目标值?|"
        r"不足|不足部分|不足的|否则|其他|其余|达不到(?:的|目标的?)?)?(?:的|者)?(?:则)?"
        r"(?:按照|按|依|根据)(?:实际|任务|目标|年度|计划)*(?:的)?(?:完成)?(?:任务|目标|进度|情况|数量|"
        r"率)?(?:的)?(?:比例|百分比|完成率|完成比例)(?:计算|折算|相应|扣减)?(?:得分|计分|记分|给分|赋分|扣分|减分|"
        r"计算|折算)(?:得分)?"
        r"|(?:得分=)?[(\[]?(?:实际)?完成(?:率|比例|百分比)[)\]]?(?:×|\*|乘以)(?:(?:指标|本项|该项|标准)?(?:权重|分值|"
        r"满分|标准分)|" + _N + r"分?)"
        r"|得分=[(\[]?(?:实际|完成)(?:完成)?(?:值|数|量)?/(?:目标|任务|计划)(?:值|数|量)?[)\]]?(?:×|\*)(?:100%(?:×|"
        r"\*))?(?:(?:指标|本项|该项|标准)?(?:权重|分值|满分|标准分)|" + _N + r"分?)"
        r"|按实际完成值占目标值的(?:比重|比例)(?:计算)?(?:得分)?",
        lambda _: Ratio(),
    ),
    _pattern(
        "in proportion from a bound on", "80%以上按比例得分",
        r"(?P<condition>[^,;。]*\d[^,;。]*?)(?:的|时)?(?:则)?(?:按(?P<line>线性内插|插值|直线内插)(?:法)?|"
        r"按(?:照)?(?:实际|完成)*(?:的)?比例)(?:计算)?(?:得分|计分|赋分)?",
        _since,
    ),
    # ---- judgement and vetoes
    _pattern(
        "given by somebody", "酌情扣分", r"[^,;。]*(?:酌情|视情|视.{0,10}(?:情况|程度)|综合评定|综合评价|打分|评议|"
            r"档次|实绩赋分)[^,;。]*", lambda _: Judged(),
    ),
    _pattern(
        "not the best grade", "不得评为优秀", r"(?:[^,;。\d]{0,14})(?:不得|不能|取消)(?:被)?(?:评为|评定为|确定为|"
            r"定为|评|参评|参加)?(?:优秀|先进|评优|评先)(?:等次|等级|格次|单位|资格|"
            r"评先评优|评优评先|评先)*|一票否优", lambda _: Vetoed("not_best"),
    ),
    _pattern(
        "fails", "直接评定为不合格", r"(?:直接|年度考核|考核结果|考核等次|考核)*(?:评定为|判定为|确定为|评为|定为|"
            r"判为|为)不(?:合格|达标|称职)(?:等次|等级|格次)?|不(?:得|能)(?:评|评为|"
            r"定为)合格(?:及以上)?(?:等次)?", lambda _: Vetoed("fail"),
    ),
    _pattern(
        "veto", "实行一票否决", r"(?:[^,;。\d]{0,6})?(?:实行|执行|予以)?一票否决(?:制)?|"
            r"(?:本指标)?为?否决(?:性)?(?:指标|项)", lambda _: Vetoed("unsaid"),
    ),
    # ---- marks under a condition
    _pattern(
        "no marks", "未完成不得分",
        r"(?P<condition>.*?)(?:的|者|时)?(?:则|,)?(?:(?:本项|此项|该项)?(?:不得分|不计分|得0分|为0分|计0分|记0分|"
        r"零分|扣全分|全扣|扣除?全部(?:分值|分)|扣完)|(?<!\d)0分)",
        _unearned,
    ),
    _pattern(
        "marks", "达到90%以上得8分",
        rf"(?P<condition>.*?)(?:的|者|时)?(?:则|,)?(?:可得|得|计|记|赋|为)(?:(?P<base>基本分|"
        rf"基础分)?(?:(?P<number>{_N})分)|满分|全分|全部分值|分值的?(?P<share>{_N})%|(?P<share2>{_N})%(?:的)?分值?)",
        _earned,
    ),
    # ---- steps
    _pattern(
        "marks for each step", "每低1个百分点扣0.5分",
        rf"(?:其余|其他|但|凡)?每(?:有)?(?P<body>.+?)(?:的|者|,)?(?:则|可|给予|相应)?(?:(?:{_OFF})|"
        rf"(?P<on>{_ON}))(?:分)?(?P<number>{_N})分",
        _step,
    ),
    _pattern(
        "marks for each step short of a bound", "不足90%的每降低1个百分点扣0.5分",
        rf"(?P<condition>[^;。每]+?)(?:的|者|,)?每(?P<body>.+?)(?:的|者|,)?(?:则|可|给予|相应)?(?:(?:{_OFF})|"
        rf"(?P<on>{_ON}))(?:分)?(?P<number>{_N})分",
        _step_below,
    ),
    _pattern(
        "marks for each of things", "未按时报送每次扣1分",
        rf"(?P<what>[^\d,;。每]{{2,20}}?)(?:的|者|,)?每(?:有|出现|"
        rf"发生)?[一1]?(?P<unit>[^\d,;。扣加得]{{1,3}})(?:的)?(?:(?:{_OFF})|(?P<on>加|奖励|奖))(?P<number>{_N})分",
        _each,
    ),
    _pattern(
        "marks for one of things", "一项未完成扣2分",
        rf"(?:有|凡有)?[一1](?P<unit>[^\d,;。扣加得未不]{{1,2}})(?P<what>(?:未|不)[^\d,;。每]{{1,16}}?)(?:的|者|"
        rf",)?(?:(?:{_OFF})|(?P<on>加|奖励|奖))(?P<number>{_N})分",
        _each,
    ),
    _pattern(
        "marks for each, without a verb", "每次1分", rf"每(?P<unit>[^\d,;。扣加得]{{1,3}})(?P<number>{_N})分", _bare,
    ),
    _pattern(
        "marks for a step", "发现一处扣1分",
        rf"(?:[^\d,;。每]{{2,14}}的)?(?P<body>(?:{_WAYS}){_VERB}{_N}[^\d]+?)(?:的|者|,)?(?:(?:{_OFF})|(?P<on>加|奖励|奖|得))(?P<number>{_N})分",
        _step,
    ),
    _pattern(
        "marks once", "无台账扣4分",
        rf"(?P<what>(?:[^\d,;。每一]{{0,12}})(?:{_FINDING})[^\d,;。每一]{{1,24}}?)(?:的|者|,)?(?:(?:{_OFF})|"
        rf"(?P<on>加|奖励|奖))(?P<number>{_N})分", _once,
    ),
    _pattern(
        "marks of a level", "国家级加5分",
        rf"(?P<what>[^\d,;。]{{0,16}}(?:国家级|省部级|省级|市级|县级|国家|省|市|县|国务院|"
        rf"党中央)[^\d,;。每]{{0,16}}?)(?:的|者|,)?(?:每[次项个件篇]|一次)?(?P<on>加|得|计|奖励|"
        rf"奖)(?P<number>{_N})分",
        lambda match: Step("count", True, 1.0, None, match["what"], number_of(match["number"])),  # noqa: FBT003
    ),
    _pattern(
        "marks of a level off", "被省级通报批评扣2分",
        rf"(?P<what>[^\d,;。每]{{0,16}}(?:通报|批评|约谈|曝光|问责)[^\d,;。每]{{0,16}}?)(?:的|者|,)?(?:每[次项个件]|"
        rf"一次)?(?:{_OFF})(?P<number>{_N})分",
        lambda match: Step("count", False, 1.0, None, match["what"], number_of(match["number"])),  # noqa: FBT003
    ),
    _pattern(
        "required in each period", "每月报送不少于2篇",
        r"(?:每(?:年度?|半年|季度?|月|周|旬)|全年|年内|年度|当年)[^,;。\d扣]{0,10}?(?P<bound>(?:不少于|至少|不低于)[^,;。扣得]{1,10}?)"
        r"(?:信息|报道|会议|活动|培训|稿件)?",
        _required,
    ),
    # ---- what changes nothing
    _pattern(
        "full marks stated", "满分10分", rf"(?:本项|该项|此项|指标)?(?:满分|分值|基准分|标准分)(?:为)?({_N})分?",
        lambda match: Nothing(number_of(match[1])),
    ),
    _pattern(
        "where the figures are from", "以统计局数据为准",
        r"(?:以|由)[^,;。]{1,24}(?:为准|提供(?:数据)?|认定|核定)|数据(?:来源|由|以)[^,;。]{1,24}|"
        r"依据[^,;。\d]{1,30}(?:评分|计分)?|不重复(?:计分|加分|扣分)?",
        lambda _: Nothing(),
    ),
)  # fmt: skip


# ---- CLAUSES ---- #

_CIRCLED = regex("[①-⑳⑴-⒇]")
_ENUMERATION = regex(r"^(?:[(]?\d{1,2}[)、]|[①-⑳]|[(]?\d{1,2}\.(?!\d))")
_CUT = regex(r"(?<!\d),|,(?!\d{3}(?!\d))|[;。!:]|(?<=分)、")
#: A clause that goes on from the one before: 每低1个百分点，扣0.5分.
_GOES_ON = regex(rf"(?:的|则|可)?(?:{_OFF}|{_ON}|不得分|不计分)")
#: A clause that is a condition of the next one: 未完成任务的，按比例得分.
_CONDITION = regex(r"(?:未|没有|达不到|低于|不足|高于|超过)[^分每]*|[^分每]*的")
_COMPLETE = regex(r"[\d一二两三四五六七八九十]分(?!点)|满分|全分|不得分|不计分|比例得分")


def clauses(text: str) -> list[str]:
    """Return the clauses of a rule.

    >>> clauses("(1)完成任务得满分；每低1个百分点，扣0.5分，扣完为止。")
    ['完成任务得满分', '每低1个百分点扣0.5分', '扣完为止']
    """
    results: list[str] = []
    for piece in _CUT.split(squeezed(_CIRCLED.sub(";", text))):
        clause = _ENUMERATION.sub("", piece).strip(".")
        if not clause:
            continue
        if (
            results
            and clause.startswith(("按", "每", "发现", "出现"))
            and _CONDITION.fullmatch(results[-1])
            and not _COMPLETE.search(results[-1])
        ) or (results and _GOES_ON.match(clause) and not _COMPLETE.search(results[-1]) and "扣完为止" not in clause):
            results[-1] += clause
        else:
            results.append(clause)
    return results


def understood(clause: str) -> Part | None:
    """Return what a clause says, None if no entry of the phrase book understands it.

    >>> understood("每低1个百分点扣0.5分").marks, understood("群众反映良好")
    (0.5, None)
    """
    for pattern in PATTERNS:
        match = pattern.words.fullmatch(clause)
        part = None if match is None else pattern.parse(match)
        if part is not None:
            return None if _is_nothing(part) else part
    return None


def _is_nothing(part: Part) -> bool:
    """Return whether a step has no size or no marks, as in 每低0个百分点扣1分."""
    match part:
        case Step(size=size, marks=marks):
            return size <= 0 or marks <= 0
        case Places(step=float(step)):
            return step <= 0
        case Once(marks=marks):
            return marks <= 0
    return False


def read_rule(text: str) -> tuple[list[Part], list[str]]:
    """Return what the clauses of a rule say, and the clauses that no entry understands.

    >>> read_rule("完成得满分，居民普遍认可")[1]
    ['居民普遍认可']
    """
    parts, others = [], []
    for clause in clauses(text):
        part = understood(clause)
        if part is None:
            others.append(clause)
        else:
            parts.append(part)
    return parts, others
