"""Ratios that headings suggest beyond doubt: a part over its whole, done over due, anything over the population.

They are suggestions, written as comments: that two figures belong together is for someone to say who knows them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from kpi.values import units
from kpi.values.patterns import regex

#: What stands above the line, and what may then stand below it; `\1` is the same text.
_PAIRS = tuple(
    (regex(above), below)
    for above, below in (
        (
            r"(?:已|按时|按期|及时|提前|实际)?办结(?:件)?(?:总)?(?:量|数)",
            r"(?:应办|办件|受理|收件|受理办件|收办)(?:件)?(?:总)?(?:量|数)",
        ),
        (
            r"(?:已|实际|按时|按期)?(完成|整改|落实|报送|缴纳|参保|参加|到位|检查)(?:总)?(量|数|额|人数|件数)",
            r"(?:应|计划|任务)\1(?:总)?\2",
        ),
        (
            r"(?:非常|基本)?满意(?:票|人|件|评价|户)?数(?:量)?",
            r"(?:有效|总|参加)?(?:评价|参评|回访|测评|办件评价)(?:票|人|件|户)?(?:总)?数(?:量)?",
        ),
    )
)
_ENDING = regex(r"(总量|总数|总额|数量|件数|人数|户数|量|数|额)$")
_PEOPLE = regex(r"(?:年末|年均|平均)?(?:常住|户籍|总)?人口(?:数|总数)?|population", re.IGNORECASE)


class Ratio(Struct, frozen=True):
    """One figure over another, by their names."""

    numerator: str
    denominator: str
    unit: str | None = None


def ratios(figures: Mapping[str, tuple[str, str]]) -> list[Ratio]:
    """Return the ratios that headings suggest, in the order of their numerators.

    Args:
        figures: heading and unit by name.

    >>> figures = {"a": ("办结量", "件"), "b": ("办件总量", "件"), "c": ("网上办件量", "件"), "d": ("常住人口", "万人")}
    >>> [(ratio.numerator, ratio.denominator, ratio.unit) for ratio in ratios(figures)]
    [('a', 'b', None), ('b', 'd', '件/万人'), ('c', 'b', None)]
    """
    matches = []
    for name, (title, unit) in figures.items():
        for other, (whole, below) in figures.items():
            if other != name and _alike(unit, below) and (_paired(title, whole) or _part_of(title, whole)):
                matches.append(Ratio(name, other))
                break
        else:
            people = next(
                (key for key, (text, of) in figures.items() if _PEOPLE.fullmatch(text) and _of_people(of)), None
            )
            if people is not None and people != name and unit not in ("%", "‰", "1", "位", "分", "指数", "是/否"):
                matches.append(Ratio(name, people, f"{unit}/{figures[people][1]}"))
    return matches


def _alike(unit: str, other: str) -> bool:
    try:
        return units.convertible(units.parse(unit), units.parse(other))
    except units.UnitError:
        return False


def _of_people(unit: str) -> bool:
    return _alike(unit, "人")


def _paired(above: str, below: str) -> bool:
    for pattern, template in _PAIRS:
        match = pattern.fullmatch(above)
        if match is not None:
            groups = [re.escape(text) for text in match.groups()]
            wanted = template
            for number, text in enumerate(groups, 1):
                wanted = wanted.replace(f"\\{number}", text)
            return re.fullmatch(wanted, below) is not None
    return False


def _part_of(part: str, whole: str) -> bool:
    """Return whether one heading is the other with a word in front, as 网上办件量 and 办件总量 are."""
    core = _ENDING.sub("", whole.replace("总", "", 1) if whole.startswith("总") else whole)
    text = _ENDING.sub("", part)
    return len(core) >= 2 and text != core and text.endswith(core) and not text.startswith(("人均", "户均", "未", "非"))
