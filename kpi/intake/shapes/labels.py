"""What the texts of headers, titles and names of sheets say: a period, a measure, an entity."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from kpi.intake.cells.numbers import read_number
from kpi.intake.files.headers import LEVELS, by_levels, clean, role, split_unit
from kpi.intake.matching.datasets import is_unit, measure_of
from kpi.values import period_texts, periods
from kpi.values.patterns import regex
from kpi.values.periods import Order, Period
from kpi.values.timelines import MONTHS, Timeline

# Marks behind a period in a header: `2014 [YR2014]`, `2020[r]`, `2020 [note 2]`.
_MARK = regex(r"\s*\[[^\[\]]*\]$")
_YEAR = "(?:19|20)[0-9]{2}"
_PART = "(?:年?(?:[0-9]{1,2}月|第?[一二三四1-4]季度|[上下]半年|第?[0-9]{1,2}周)|[-.]?Q[1-4]|-[01][0-9]|-?W[0-9]{2})"
_BEFORE = regex(
    rf"((?:FY ?)?{_YEAR}(?:[-/](?:20)?[0-9]{{2}}(?![0-9]))?年?{_PART}?)(?:末|底)?[_ ]?(?=[^0-9年月季-])(.+)"
)
_BEHIND = regex(
    rf"(.+?)[_ ]?\(?((?:(?<![0-9A-Za-z])FY ?)?(?<![0-9]){_YEAR}(?:[-/](?:20)?[0-9]{{2}}(?![0-9]))?年?{_PART}?)\)?"
)
# A text that is a period with its year, inside another.
_INSIDE = regex(
    r"(?<![0-9])(?:19|20)[0-9]{2}(?:-?(?:0[1-9]|1[0-2])(?![-0-9])|[-.]?[QH][1-4])"
    rf"|(?<![0-9]){_YEAR}(?:年度?|(?![0-9]))(?:[0-9]{{1,2}}[-—~至][0-9]{{1,2}}月|[0-9]{{1,2}}月份?|第?[一二三四1-4]季度|[上下]半年"
    r"|前[一二三1-3]季度)?"
)
_OF_A_YEAR = "(?: ?(?:Q[1-4]|H[12]|第?[一二三四1-4]季度|[上下]半年))?"
_TWO_YEARS_INSIDE = regex(
    rf"(?<![0-9])(?:FY ?{_YEAR}(?:[-/][0-9]{{2,4}})?|{_YEAR}(?:[-/](?:20)?[0-9]{{2}})?(?:财年|财政年度|会计年度|学年)"
    rf"|{_YEAR}/(?:20)?[0-9]{{2}}(?:年度)?(?![/0-9])|{_YEAR}-(?:20[0-9]{{2}}|(?:1[3-9]|[2-9][0-9]))(?![-0-9])){_OF_A_YEAR}"
)
_WEEK_INSIDE = regex(rf"(?<![0-9]){_YEAR}(?:-?W[0-9]{{1,2}}|年?第?[0-9]{{1,2}}周)")
_PART_ALONE = regex(r"Q[1-4]|H[12]|第?[一二三四1-4]季度|[上下]半年")
_LABEL = regex(r"\s*([^:]{1,12}):\s*(.*\S)\s*", re.DOTALL)
_WORDS: dict[str, set[str]] = {
    "measure": {"指标", "指标名称", "项目", "indicator", "series", "measure"},
    "entity": {
        "地区", "单位名称", "填报单位", "报送单位", "填报部门", "部门", "区域", "城市", "region", "country",
        "county", "city", "state", "district",
    },
    "period": {"期别", "报告期", "统计期", "时期", "年份", "年度", "月份", "季度", "period", "year"},
}  # fmt: skip


@lru_cache(1 << 14)
def period_in(header: str, year: int | None = None, order: Order = "ymd", timeline: Timeline = MONTHS) -> str | None:
    """Return the text of the period that a whole header names, as `period_texts.parse` reads it; None for any other.

    Args:
        header: the header, cleaned.
        year: the year of headers that name none.
        order: of day and month in dates whose year stands last.
        timeline: what is counted, as for `period_texts.parse`.

    >>> period_in("2014 [YR2014]"), period_in("2023年一季度"), period_in("1月"), period_in("1月", 2023)
    ('2014', '2023年一季度', None, '2023-01')
    """
    text = _MARK.sub("", header).strip()
    try:
        span = period_texts.parse(text, order=order, timeline=timeline)
    except periods.PeriodError:
        if year is None or role(text) is not None:
            return None
        try:
            label = period_texts.parse(text, year=year, order=order, timeline=timeline).label
        except periods.PeriodError:
            return None
        # A quarter without its year has two readings, which its text keeps.
        return f"{year}年{text}" if timeline.shifted else label
    return span.label if order != "ymd" else text


def with_measure(
    header: str, names: Mapping[str, str], *, depth: int, timeline: Timeline = MONTHS
) -> tuple[str, str] | None:
    """Return the period and the measure that a header names together, the latter blank where no level names one.

    The levels of a header of several rows may name any measure, in one row only one of the system.

    Args:
        header: the header, cleaned.
        names: the measures by their texts.
        depth: how many rows the header has.
        timeline: what is counted, as for `period_texts.parse`.

    >>> with_measure("GDP_2022", {"GDP": "gdp"}, depth=2), with_measure("2022年GDP(亿元)", {"GDP": "gdp"}, depth=1)
    (('2022', 'GDP'), ('2022年', 'GDP(亿元)'))
    >>> with_measure("GDP_2022年_一季度", {"GDP": "gdp"}, depth=3), with_measure("2022年_一季度", {}, depth=2)
    (('2022Q1', 'GDP'), ('2022Q1', ''))
    >>> with_measure("2022年人口", {"GDP": "gdp"}, depth=1) is None
    True
    """
    if depth > 1 and LEVELS in header:
        levels = header.split(LEVELS)
        dated = [level for level in levels if period_in(level, timeline=timeline) is not None]
        if len(dated) == 1:
            text = str(period_in(dated[0], timeline=timeline))
            rest = [level for level in levels if level != dated[0]]
            parts = [level for level in rest if part_of(text, level, timeline) is not None]
            if len(parts) == 1:
                text = str(part_of(text, parts[0], timeline))
                rest.remove(parts[0])
            return text, _by_level(LEVELS.join(rest), names) if rest else ""
    for match, when, what in ((_BEFORE.fullmatch(header), 1, 2), (_BEHIND.fullmatch(header), 2, 1)):
        period = None if match is None else period_in(match[when], timeline=timeline)
        if match and period and measure_of(names, match[what].strip())[0] is not None:
            return period, match[what].strip()
    return None


def part_of(whole: str, part: str, timeline: Timeline) -> str | None:
    """Return the text of the period of a year and a part of it that stand apart, None where they make none.

    >>> part_of("2023年", "一季度", MONTHS), part_of("2023/24", "Q1", Timeline(4)), part_of("2023Q1", "2月", MONTHS)
    ('2023Q1', '2023/24 Q1', None)
    """
    if (year := period_texts.calendar_year(whole)) is not None:
        return period_in(part, year, timeline=timeline)
    text = f"{whole} {part}"
    return period_in(text, timeline=timeline) if timeline.shifted and _PART_ALONE.fullmatch(part) else None


def with_any_measure(
    header: str, *, depth: int, order: Order = "ymd", timeline: Timeline = MONTHS
) -> tuple[str, str] | None:
    """Return the period and the text beside it that a header may name together, whatever figures there are.

    Args:
        header: the header, cleaned.
        depth: how many rows the header has.
        order: of day and month in dates whose year stands last.
        timeline: what is counted, as for `period_texts.parse`.

    >>> with_any_measure("2022年GDP(亿元)", depth=1), with_any_measure("GDP_2022", depth=2)
    (('2022年', 'GDP(亿元)'), ('2022', 'GDP'))
    """
    if (both := with_measure(header, {}, depth=depth, timeline=timeline)) is not None:
        return both
    for match, when, what in ((_BEFORE.fullmatch(header), 1, 2), (_BEHIND.fullmatch(header), 2, 1)):
        if match and (period := period_in(match[when], None, order, timeline)) is not None:
            return period, match[what].strip()
    return None


def _by_level(text: str, names: Mapping[str, str]) -> str:
    """Return the text of a header of several levels that names a measure: a level of it where the whole does not."""
    levels = [split_unit(level, is_unit) for level in text.split(LEVELS)]
    unit = next((unit for _, unit in reversed(levels) if unit), None)
    for way in by_levels(LEVELS.join(name for name, _ in levels)):
        if measure_of(names, way)[0] is not None:
            return f"{way}({unit})" if unit else way
    return text


def labelled(titles: Iterable[str], key: str) -> tuple[str, str] | None:
    """Return what a line above the table says of a key behind its label, and the line; None where none does.

    >>> labelled(["数据库:分省年度数据", "指标:地区生产总值(亿元)"], "measure")
    ('地区生产总值(亿元)', '指标:地区生产总值(亿元)')
    """
    for title in titles:
        match = _LABEL.fullmatch(clean(title))
        if match and match[1].strip().casefold() in _WORDS[key]:
            return match[2], title
    return None


def period_inside(text: str, timeline: Timeline = MONTHS) -> str | None:
    """Return the one period that a text holds, None where it holds none or several.

    >>> period_inside("各县2023年1-9月主要指标"), period_inside("2022年与2023年对比"), period_inside("报表_202312")
    ('2023年1-9月', None, '2023-12')
    >>> period_inside("各县主要指标2025-03")
    '2025-03'
    """
    spans = _spans_inside(text, timeline)
    if len(spans) != 1:
        return None
    ((span, written),) = spans.items()
    return span.label if written.isdigit() else written


#: Texts whose period is not that of the figures: a base year or prices of it, the edition of a yearbook, when the text
#: was issued.
_OF_OTHERS = regex(
    r"价格|不变价|可比价|基期|=\s*100|为100|年鉴|更新|发布|下载|打印|制表|填报|印发|来源|口径|修订|[〔【][12]|号文?$|yearbook|updated|prices"
    r"|compared|对比|相比|比较|制定|修改|version",
    re.IGNORECASE,
)


def named_inside(text: str, timeline: Timeline = MONTHS) -> str | None:
    """Return the one period that a text names among other words, None where it names none, several or another thing.

    A year is one with 年, at the end or in brackets: 2000 before a noun may count something.

    >>> [named_inside(text) for text in ("2-5 各市主要指标（2019年）", "Main indicators, 2019", "企业2000户情况")]
    ['2019年', '2019', None]
    >>> [named_inside(text) for text in ("中国统计年鉴2020", "按2015年价格计算", "来源：2019年报表", "2018年和2019年")]
    [None, None, None, None]
    """
    words = clean(text)
    if _OF_OTHERS.search(words) or _LABEL.fullmatch(words):
        return None
    written = period_inside(text, timeline)
    if written is None or re.search(rf"{re.escape(written)}(?:第?[一二三四五六七八九十0-9]+季|[0-9])", words):
        return None
    if written.isdigit() and not re.search(rf"(?:^|[(,、_ ]){written}(?:$|[),、_ ])", words):
        return None
    return written


def periods_inside(text: str, timeline: Timeline = MONTHS) -> int:
    """Return how many periods a text holds.

    >>> periods_inside("2022年与2023年对比"), periods_inside("各县主要指标")
    (2, 0)
    """
    return len(_spans_inside(text, timeline))


def _spans_inside(text: str, timeline: Timeline) -> dict[Period, str]:
    """Return the periods that a text holds, each as it is written."""
    spans: dict[Period, str] = {}
    cleaned = clean(text)
    form = _WEEK_INSIDE if timeline.weeks else _INSIDE
    if timeline.shifted and _TWO_YEARS_INSIDE.search(cleaned):
        form = _TWO_YEARS_INSIDE
    for match in form.finditer(cleaned):
        written = match[0]
        try:
            spans.setdefault(period_texts.parse(written, timeline=timeline), written)
        except periods.PeriodError:
            continue
    return spans


#: Words of a title around the name of its measure that name none: 各县 before it, 情况表 behind it.
_AROUND = regex(
    r"(?:(?:各|分)(?:省|地|州|市|县|区|镇|乡|街道|部门|单位)+|全(?:省|市|县|区|国))?(?:分月|分季度?|分年度?|月度|季度|年度)?"
    r"(.+?)(?:完成)?(?:情况)?(?:统计|汇总|一览)?表?"
)


def without_period(title: str) -> str:
    """Return a title without its periods and the words around the name of what it is about.

    >>> without_period("2023年各县财政收入（万元）"), without_period("2023年1-9月各县（市、区）人均财政收入情况表")
    ('财政收入(万元)', '(市、区)人均财政收入')
    """
    match = _AROUND.fullmatch(_INSIDE.sub("", clean(title)).strip())
    return "" if match is None else match[1]


def stem(file: str) -> str:
    """Return the name of a file without its folder and endings.

    >>> stem("data/发改局.xlsx"), stem("2023.csv.gz")
    ('发改局', '2023')
    """
    name = Path(file).name
    while (ending := Path(name).suffix) and ending[1:].isalnum() and not ending[1:].isdigit() and len(ending) <= 8:
        name = name.removesuffix(ending)
    return clean(name)


#: The name that a column without a header gets.
_UNNAMED = regex(r"列\d+'*")


def is_unnamed(header: str) -> bool:
    """Return whether a name is that of a column without a header."""
    return _UNNAMED.fullmatch(header) is not None


def are_words(cells: Sequence[str]) -> bool:
    """Return whether most of some cells are words.

    >>> are_words(["甲县", "乙县", "3"]), are_words(["12", "3 个"]), are_words([])
    (True, False, False)
    """
    words = [cell for cell in cells if read_number(cell).problem is not None and not re.match(r"[\d.,]", cell)]
    return bool(cells) and len(words) * 2 > len(cells)
