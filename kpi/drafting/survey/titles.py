"""What titles say that a table is about."""

from __future__ import annotations

import re

from kpi.drafting.survey.subject import Subject
from kpi.intake.files.headers import clean, split_unit
from kpi.intake.matching.datasets import is_unit
from kpi.intake.shapes.labels import labelled, period_inside, stem
from kpi.values.patterns import regex

_UNIT_LINE = regex(r"(?:计量|数据|金额)?单位\s*:.*|units?\s*:.*", re.IGNORECASE)
#: What a title has before and behind the name of the figure.
_UNITS_BEFORE = regex(r"^(?:[全各分][省市县区镇乡地街道单位部门(、)]+)")
_FRAME = regex(r"(?:完成)?(?:情况)?(?:统计|汇总|一览|明细)?表?$")
#: Names that programs give to sheets and tables.
_GENERIC = regex(r"(sheet|表|数据|工作表)\d*", re.IGNORECASE)


def name_around(subject: Subject) -> str:
    """Return the text around a table that is likeliest to name its figure, with its unit; else the name of its file."""
    titles = [clean(title) for title in subject.table.titles]
    around = [text for text in subject.surroundings if not _UNIT_LINE.fullmatch(text)]
    names = [text for text in around if period_inside(text) is None and not labelled([text], "entity")]
    # 2023年各县用电量 is a figure, of a period and units.
    bare = [name for title in titles if title in around and (name := _without_period(title))]
    at = sum(name in titles for name in names)
    names = [*names[:at], *bare, *names[at:]]
    with_units = [name for name in names if split_unit(name, is_unit)[1] is not None]
    return next((name for name in with_units or names if not _GENERIC.fullmatch(name)), stem(subject.table.file))


def _without_period(title: str) -> str | None:
    """Return what a title of a period is about, None where it names no period, or nothing else.

    >>> _without_period("2023年各县用电量"), _without_period("2023年1-3月全市产值情况表"), _without_period("用电量")
    ('用电量', '产值', None)
    """
    inside = period_inside(title)
    if inside is None or inside not in title:
        return None
    rest = _FRAME.sub("", _UNITS_BEFORE.sub("", title.replace(inside, "").lstrip("年度份的 ")))
    return rest.strip() or None
