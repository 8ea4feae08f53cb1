"""Rates that are declared as numbers of things: 按时办结率 with the unit 件."""

from __future__ import annotations

import re

from kpi.errors import Message, Severity
from kpi.language.model import Problem, Problems
from kpi.language.system import System
from kpi.values import units
from kpi.values.patterns import regex
from kpi.values.units import Unit

#: Rates and shares by the end of their titles, before a remark in parentheses.
_RATE = regex(
    r"(率|占比|比重|百分比)\s*([（(][^（()）]*[)）])?$|\b(rate|share|percentage|proportion)\s*(\([^()]*\))?$",
    re.IGNORECASE,
)
#: Rates that are no parts of a whole, so that they may be counted, and those that are often stated for so many people.
_NO_PART = regex(
    r"(汇|频|税|利|费|功|效|速|周转|换手|倍|概|市盈|市净|生育|心|呼吸|脉搏|容积|翻台"
    r"|死亡|出生|发病|患病|犯罪|发案|拥有|普及)率"
    r"|\b(turnover|exchange|interest|tax|frame|sampling|heart|pulse|refresh|clock|fertility|birth|death|mortality|fatality"
    r"|incidence|crime|ownership|penetration) rate\b",
    re.IGNORECASE,
)
#: Numbers of things for so many people or places: 每万人专利授权率.
_PER = regex(r"每|人均|户均|[十百千万亿](元|人|户|车|亩)|\bper\b", re.IGNORECASE)


def rates_as_counts(system: System) -> Problems:
    """Yield the measures, and the other indicators, that are rates by their titles and counts by their units."""
    wrong = set()
    for name, measure in system.measures.items():
        if is_rate(measure.title or name) and units.is_count(measure.quantity):
            wrong.add(name)
            yield _slip("measures", name, measure.title or name, measure.quantity)
    for name, indicator in system.indicators.items():
        title, unit = indicator.title or name, system.symbols[name].unit
        if unit is None or not units.is_count(unit) or not is_rate(title):
            continue
        if not wrong.intersection(used for _, used in indicator.inputs()):
            yield _slip("indicators", name, title, unit)


def is_rate(title: str) -> bool:
    """Return whether a figure is a rate or share by the end of its title, and no number of things for so many others.

    >>> [is_rate(title) for title in ("按时办结率", "绿地占比（%）", "completion_rate", "汇率", "每万人拥有率")]
    [True, True, True, False, False]
    """
    plain = title.replace("_", " ").strip()
    return bool(_RATE.search(plain)) and not _NO_PART.search(plain) and not _PER.search(plain)


def _slip(block: str, name: str, title: str, unit: Unit) -> Problem:
    message = Message("{title} is a rate by its name, and counts {unit} by its unit", title=title, unit=unit)
    hint = Message("write `unit: '%'` if the figures are percentages; if they are counts, give it another title")
    return Problem("K498", (block, name), message, hint, severity=Severity.WARNING, at_key=True)
