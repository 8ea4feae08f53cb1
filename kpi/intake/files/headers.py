"""Headers: their cleaned text, their unit, and the roles of columns in reported and panel files."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Literal

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.values import names
from kpi.values.patterns import regex

Role = Literal[
    "period", "entity", "code", "measure", "value", "unit", "target", "revision", "note", "cohort", "order", "reporter",
    "reported", "scope",
]  # fmt: skip

#: The separator of the levels of a header of several rows: 财政收入 over 增速 is `财政收入_增速`.
LEVELS = "_"

# Words after `clean` and casefold, without blanks and trailing units; a word of several roles has the first of them.
_ROLES: dict[Role, str] = {
    "period": "期别 年 月 季 时期 统计期 统计时间 统计期间 报告期 数据期 期间 年月 年度 年份 月份 月度 季度 季别"
    " 日期 时间 所属期 所属时期"
    " 周 周次 周别 财年 财政年度 会计年度 学年"
    " period date week month quarter year ano yearmonth year_month year-month time time_period"
    " iso_week isoweek iso_year isoyear year_week yearweek fiscal_year financial_year school_year academic_year",
    "code": "代码 编码 地区代码 地区编码 区划代码 区划编码 行政区划代码 行政区划码 区划码 行政代码 单位代码 机构代码"
    " 统一社会信用代码"
    " code entity_code entitycode region_code regioncode area_code areacode country_code",
    "entity": "地区 区域 县市区 县(市、区) 县(市,区) 县(市区) 县市 区县 区县市 区(县)"
    " 市县 县区 县域 市(县、区) 市 县 区 地市 城市 行政区划 镇街 乡镇"
    " 街道 镇(街道) 乡镇(街道) 镇(街) 镇 村 单位名称 地区名称 区划名称 行政区划名称 名称"
    " 评价对象 考核对象 考核单位 被考核单位 被评价单位"
    " 填报单位 报送单位 上报单位 责任单位 牵头单位 部门 部门名称 企业 企业名称 机构 机构名称 单位详细名称"
    " entity entity_name unit_name unitname name region region_name country country_name geographic_area county"
    " town city district department enterprise ref_area reference_area",
    "measure": "指标 指标名称 指标名 指标代码 指标编码 基础数据 数据项 数据项目 项目 项目名称 统计指标"
    " measure indicator indicator_name series series_name variable variable_name item metric",
    "value": "数值 值 本期值 本期数 本期 数据 指标值 统计值 完成值 完成数 完成情况 完成量"
    " 实际值 实际 实际数 实际完成 实际完成值 上报值"
    " 填报值 value actual amount figure data obs_value",
    "unit": "计量单位 数据单位 指标单位 数值单位 unit units unit_of_measure measurement_unit unit_measure",
    "target": "目标 目标值 年度目标 目标数 计划 计划数 计划值 年度计划 任务数 任务 target goal plan",
    "revision": "修订 修订号 修订版本 修订次数 版本 版本号 批次 revision version rev",
    "note": "说明 备注 注 注释 原因 情况说明 备注说明 原因说明 波动原因 note notes remark remarks comment",
    "cohort": "分组 组别 组 cohort group",
    "reported": "报送日期 报送时间 上报日期 上报时间 填报日期 填报时间 提交日期 提交时间"
    " reported reported_on submitted submitted_on reporting_date submission_date",
    "scope": "口径 统计口径 数据口径 统计范围 数据范围 范围 scope",
    "reporter": "报送部门 填报部门 数据来源 数据来源单位 数据来源部门 来源部门 来源单位 reporter reported_by",
    "order": "序号 排序 顺序 次序 编号 order no no. seq sort",
}
_WORDS: dict[str, Role] = {word: role for role, words in reversed(_ROLES.items()) for word in words.split()}
#: Headers of columns that may be cohorts but often are other categories: no cohort unless declared.
CATEGORIES = ("类别", "分类", "类型", "category", "class")
#: Headers of the reporting department, which is the entity where no other column is.
REPORTERS = ("报送单位", "填报单位", "上报单位", "报送部门", "填报部门")
# 单位 alone is either the unit of measure or the organisation that reports: `roles` decides.
_AMBIGUOUS = "单位"

_BRACKETS = regex(
    r"(?P<name>.*\S)\s*[(\[【<〔](?:单位\s*:?\s*)?(?P<unit>[^()\[\]【】<>〔〕]+(?:\([^()]*\)[^()]*)?)[)\]】>〕]"
)
_WORDED = regex(r"(?P<name>.*?\S)[\s,;_]*(?:计量)?单位\s*:\s*(?P<unit>\S+)")
_PARTED = regex(r"\s*[/_,]\s*")


clean = names.clean


# A service reads the same headers again and again.
@lru_cache(1 << 12)
def role(header: str) -> Role | None:
    """Return the role of a header, or None; the ambiguous 单位 is None here: see `roles`.

    A header in two languages has the role of its Chinese half, or of its English half if that is a key.

    >>> role("期别"), role("县（市、区）"), role("指标名称"), role("Value"), role("GDP"), role("目标值(亿元)")
    ('period', 'entity', 'measure', 'value', None, 'target')
    >>> role("地区 Region"), role("县域_County"), role("产值 Value")
    ('entity', 'entity', None)
    """
    word = clean(header).casefold().replace(" ", "" if not header.isascii() else "_").strip(":*")
    if known := _WORDS.get(word):
        return known
    bracket = re.fullmatch(r"(.+?)\([^()]*\)", word)
    if bracket and bracket[1] in _WORDS:
        return _WORDS[bracket[1]]
    if (both := halves(header)) is None:
        return None
    chinese, english = map(role, both)
    return chinese or (english if english in _KEYS else None)


#: The roles of which the English half of a header suffices; words of the others are also parts of measures' names.
_KEYS = ("period", "entity", "code", "measure")

_HALVES = regex(r"([^\x00-\x7f][^A-Za-z]*?)[ _/(\[-]*([A-Za-z][A-Za-z ,.&'/-]*)[)\]]?")


@lru_cache(1 << 14)
def halves(header: str) -> tuple[str, str] | None:
    """Return the Chinese and the English half of a header in two languages, None for any other.

    The English half is words: capitals alone, as in 人均GDP, are part of a Chinese name.

    >>> halves("地　区 Region"), halves("第三产业_Tertiary"), halves("人均GDP"), halves("GDP")
    (('地区', 'Region'), ('第三产业', 'Tertiary'), None, None)
    """
    match = _HALVES.fullmatch(clean(header))
    if match is None or len(match[2]) < 3 or match[2].isupper():
        return None
    return match[1].rstrip(" _/"), match[2].strip()


def named(names: Mapping[str, str], text: str) -> str | None:
    """Resolve a cleaned header or text by a table of names: as it stands, or by one of its two languages.

    >>> named({"第三产业": "p3", "Tertiary": "p3"}, "第三产业_Tertiary"), named({"gdp": "gdp"}, "人均_gdp")
    ('p3', None)
    """
    if text in names:
        return names[text]
    if (both := halves(text)) is None:
        return None
    chinese, english = both
    return names.get(chinese) or (None if _OTHERWISE.search(chinese) else names.get(english))


def roles(
    headers: Sequence[str], *, place: Place | None = None, about: Collection[str] | None = None
) -> tuple[dict[Role, str], tuple[Diagnostic, ...]]:
    """Assign roles to headers, and return the findings about headers that compete for one.

    The first header of a role keeps it; each further one is a warning (K210), except that among measures a name is
    preferred to a code. 单位 alone is the unit of measure if another header is the entity, or if there is a code but
    neither 计量单位 nor an entity; it is the entity if the unit has its own header. Without either it is the entity,
    since a file without entities could not be read, with a warning.

    Args:
        headers: the headers, in the order of their columns.
        place: the file.
        about: the roles to warn about, None for all.

    >>> roles(["期别", "地区", "指标", "数值", "单位"])[0]["unit"]
    '单位'
    >>> roles(["期别", "单位", "指标", "数值", "计量单位"])[0]["entity"]
    '单位'
    """
    place = place or Place()
    header_of: dict[Role, str] = {}
    findings: list[Diagnostic] = []
    ambiguous: str | None = None
    if (reporter := _reporter(headers)) is not None:
        header_of["reporter"] = reporter
        headers = [header for header in headers if header != reporter]
    if any(role(header) == "period" and not numbers_weeks(header) for header in headers):
        headers = [header for header in headers if not numbers_weeks(header)]
    for header in headers:
        if clean(header) == _AMBIGUOUS:
            ambiguous = header
        elif (meaning := role(header)) is None:
            continue
        elif meaning not in header_of or (
            meaning == "measure" and "代码" in header_of[meaning] and "代码" not in header
        ):
            header_of[meaning] = header
        elif not (meaning == "measure" and "代码" in header) and (about is None or meaning in about):
            findings.append(two_columns(meaning, header_of[meaning], header, place))
    if ambiguous is not None:
        settled = _settled(header_of, ambiguous, place)
        # A wide file has no column of units of measure, so 单位 is the department there.
        findings += settled if about is None or "unit" in about else []
    return header_of, tuple(findings)


#: Headers of the numbers of weeks, which are the period only beside a year, or alone.
_WEEKS = {"周", "周次", "周别", "week", "iso_week", "isoweek"}


def numbers_weeks(header: str) -> bool:
    """Return whether a header names the weeks of a year.

    >>> numbers_weeks("周次"), numbers_weeks("ISO week"), numbers_weeks("年")
    (True, True, False)
    """
    return clean(header).casefold().replace(" ", "_") in _WEEKS


def _settled(header_of: dict[Role, str], ambiguous: str, place: Place) -> list[Diagnostic]:
    """Assign the header 单位 the role that the others leave open, and return the findings."""
    if "entity" in header_of and "unit" in header_of:
        return [two_columns("unit", header_of["unit"], ambiguous, place)]
    if "entity" in header_of or ("code" in header_of and "unit" not in header_of):
        header_of["unit"] = ambiguous
        return []
    header_of["entity"] = ambiguous
    if "unit" in header_of:
        return []
    message = Message(
        "column `{column}` may name the unit of measure or who reports; it is read as who reports",
        column=ambiguous,
    )
    hint = Message("call the columns 单位名称 and 计量单位")
    return [Diagnostic("K210", message, place, hint, Severity.WARNING)]


def _reporter(headers: Sequence[str]) -> str | None:
    """Return the header of the reporting department, if another header is the entity."""
    items = [header for header in headers if clean(header).strip(":*") in REPORTERS]
    others = any(role(header) == "entity" for header in headers if header not in items)
    return items[0] if items and others else None


#: The roles as messages call them.
_ROLE_NAMES: dict[Role, Message] = {
    "period": Message("period"),
    "entity": Message("entity"),
    "code": Message("code"),
    "measure": Message("measure"),
    "value": Message("value"),
    "unit": Message("unit"),
    "target": Message("target"),
    "revision": Message("revision"),
    "note": Message("note"),
    "cohort": Message("cohort"),
    "order": Message("order"),
    "reporter": Message("reporter"),
    "reported": Message("reported"),
    "scope": Message("scope"),
}


#: Names of the rows below a header of measures, beside those of roles: frequency and unit.
_ROWS_OF_KEYS = {"频度", "频率", "周期", "frequency", _AMBIGUOUS}


def names_row_of_keys(text: str) -> bool:
    """Return whether a text in the first column names a row of keys below a header of measures: 地区, 频度, 单位.

    >>> [names_row_of_keys(text) for text in ("地区", "频度", "单位", "2019-03", "东湖县")]
    [True, True, True, False, False]
    """
    return role(text) in ("entity", "unit") or clean(text).casefold() in _ROWS_OF_KEYS


def two_columns(meaning: Role, used: str, other: str, place: Place) -> Diagnostic:
    """Return the warning (K210) that two headers name one role."""
    message = Message(
        "columns `{kept}` and `{other}` both name the {role}; `{kept}` is used",
        kept=used,
        other=other,
        role=_ROLE_NAMES[meaning],
    )
    return Diagnostic("K210", message, place, Message("rename one, or say which under `columns:`"), Severity.WARNING)


@lru_cache(1 << 12)
def split_unit(header: str, is_unit: Callable[[str], bool] | None = None) -> tuple[str, str | None]:
    """Return a header's name and the unit written behind it, None when there is none.

    The unit is in brackets, after `单位：`, or last after `/`, `,` or `_`: `GDP（亿元）`, `GDP 单位：亿元`, `GDP/亿元`.
    `is_unit` recognises units; without it `looks_like_unit` does, and parts after `/ , _` are never units.

    >>> split_unit("GDP（亿元）"), split_unit("县（市、区）"), split_unit("GDP 单位：亿元")
    (('GDP', '亿元'), ('县(市、区)', None), ('GDP', '亿元'))
    >>> split_unit("GDP/亿元", {"亿元"}.__contains__), split_unit("收入/支出", {"亿元"}.__contains__)
    (('GDP', '亿元'), ('收入/支出', None))
    >>> split_unit("满意率_(%)")
    ('满意率', '%')
    """
    cleaned = clean(header)
    accepts = is_unit or looks_like_unit
    candidates = [
        (match["name"], match["unit"]) for match in (_WORDED.fullmatch(cleaned), _BRACKETS.fullmatch(cleaned)) if match
    ]
    if is_unit:
        candidates += [(cleaned[: part.start()], cleaned[part.end() :]) for part in _PARTED.finditer(cleaned)]
    for name, unit in candidates:
        if name and accepts(unit.strip()):
            # A row of units below the names is a level of the header: 满意率 over (%).
            return name.strip().rstrip(LEVELS), unit.strip()
    return cleaned, None


# Words that, in the group above the name of a figure, denote another figure.
_OTHERWISE = regex(
    "上年|去年|前年|上期|上月|上季|同期|基期|本月|当月|累计|同比|环比|增[长速减幅加量]|变动|变化|比重|占比|构成|人均|平均"
    "|目标|计划|预算|预计|预测|任务|排名|排位|位次|得分|全市|全省|全国|last|previous|growth|change|share|target|plan|rank",
    re.IGNORECASE,
)
_AS_SUCH = ("总量", "绝对量", "绝对额", "绝对数", "总额", "总数")


def by_levels(header: str) -> list[str]:
    """Return the possible names of a column whose header has several rows, the most likely first.

    The rows above a name are its group, and 总量 or 本期值 below it denotes the figure itself, unless nothing but that
    is a name. A group such as 上年同期 denotes another figure, which has no name here.

    >>> by_levels("数字经济_核心产业_增加值"), by_levels("数字经济_GDP_总量")
    (['数字经济_核心产业_增加值', '核心产业_增加值', '增加值'], ['数字经济_GDP', 'GDP', '总量'])
    >>> by_levels("上年同期_GDP"), by_levels("GDP_增速")
    (['上年同期_GDP'], ['GDP_增速', '增速'])
    """
    levels = header.split(LEVELS)
    itself: list[str] = []
    while len(levels) > 1 and (levels[-1] in _AS_SUCH or role(levels[-1]) == "value"):
        itself.insert(0, levels.pop())
    groups = (levels[:at] for at in range(len(levels)))
    ways = [LEVELS.join(levels[len(group) :]) for group in groups if not any(map(_OTHERWISE.search, group))]
    return ways if not itself or any(map(_OTHERWISE.search, levels)) else [*ways, LEVELS.join(itself)]


_UNIT_ENDS = regex(
    r"[百千万亿十]*(元|美元|人|户|家|个|件|条|路|座|次|人次|起|项|台|辆|套|所|处|亩|公顷|平方米|平方公里|平方千米|公里|千米"
    r"|米|吨|千克|公斤|克|标准煤"
    r"|千瓦时|千瓦|度|立方米|升|天|小时|分钟|秒|年|个月|倍|分|位|百分点|个百分点|%|‰|km|km2|m2|m3|kg|t|kwh|gb|tb|pb)"
    r"([/·](万|亿|千|百)*[\w²³/·]+)?",
    re.IGNORECASE,
)


def looks_like_unit(text: str) -> bool:
    """Return whether a text has the form of a statistical unit, for use where there is no registry of units.

    >>> [looks_like_unit(text) for text in ("亿元", "%", "元/人", "万千瓦时", "吨标准煤/万元", "市、区", "含市区")]
    [True, True, True, True, True, False, False]
    """
    folded = unicodedata.normalize("NFKC", text)
    return (
        _UNIT_ENDS.fullmatch(folded) is not None or _UNIT_ENDS.fullmatch(folded.replace("吨标准煤", "吨")) is not None
    )


def distinct(headers: Iterable[str]) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Return the headers with repeated ones numbered, and by header those that repeat it.

    >>> distinct(["a", "b", "a", "a", "", ""])
    (('a', 'b', 'a#2', 'a#3', '', ''), {'a': ('a#2', 'a#3')})
    """
    given = list(headers)
    taken, seen = set(given), set[str]()
    named: list[str] = []
    repeats: dict[str, tuple[str, ...]] = {}
    for header in given:
        name = header
        if header and header in seen:
            numbered = (f"{header}#{number}" for number in itertools.count(2))
            name = next(new for new in numbered if new not in taken)
            taken.add(name)
            repeats[header] = (*repeats.get(header, ()), name)
        seen.add(header)
        named.append(name)
    return tuple(named), repeats
