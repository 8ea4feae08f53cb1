"""Grades that texts beside a table state: 90分以上为优秀，80—89分为良好，60分以下为不合格."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kpi.intake.annexes.texts import squeezed

_NAMES = (
    "不合格", "不达标", "不称职", "基本合格", "基本达标", "基本称职", "优秀",
    "优良", "良好", "较好", "一般", "较差", "合格",
    "达标", "称职", "先进", "优", "良", "中", "差", "好",
)  # fmt: skip
_GRADE = re.compile("|".join(_NAMES))
_BOUND = re.compile(
    r"(?P<low>\d+(?:\.\d+)?)分?(?:\((?:含|不含)[^)]*\))?(?:-|~|—|–|至|到)(?P<high>\d+(?:\.\d+)?)分?(?:\((?:含|"
    r"不含)[^)]*\))?"
    r"|(?:≥|>=|不低于|达到)?(?P<least>\d+(?:\.\d+)?)分?(?:\(含[^)]*\))?(?:\(?含\)?)?(?:及以上|以上|\(含\)以上)"
    r"|(?:≥|>=|不低于)(?P<at_least>\d+(?:\.\d+)?)分?"
    r"|(?:<|低于|不足)(?P<below>\d+(?:\.\d+)?)分?|(?P<under>\d+(?:\.\d+)?)分?(?:\(不含[^)]*\))?以下"
)


def grades_of(texts: Iterable[str]) -> tuple[dict[int, float], dict[int, str]] | None:
    """Return the cut points and the names of grades by their level, None where no text states at least two.

    >>> grades_of(["考核结果90分以上为优秀，75—89分为良好，60—74分为合格，60分以下为不合格。"])
    ({4: 90.0, 3: 75.0, 2: 60.0, 1: 0.0}, {4: '优秀', 3: '良好', 2: '合格', 1: '不合格'})
    """
    for text in texts:
        found = _of(squeezed(text))
        if found is not None:
            return found
    return None


def _of(text: str) -> tuple[dict[int, float], dict[int, str]] | None:
    bounds = list(_BOUND.finditer(text))
    pairs: list[tuple[float, str]] = []
    for place, bound in enumerate(bounds):
        end = bounds[place + 1].start() if place + 1 < len(bounds) else len(text)
        start = bounds[place - 1].end() if place else 0
        after = _GRADE.search(text[bound.end() : min(end, bound.end() + 10)])
        before = list(_GRADE.finditer(text[max(start, bound.start() - 8) : bound.start()]))
        grade = after[0] if after else before[-1][0] if before else None
        if grade is None:
            continue
        low = next((bound[name] for name in ("low", "least", "at_least") if bound[name]), None)
        pairs.append((0.0 if low is None else float(low), grade))
    values = [low for low, _ in pairs]
    names = [name for _, name in pairs]
    if not 2 <= len(pairs) <= 5 or values != sorted(set(values), reverse=True) or len(set(names)) != len(names):
        return None
    levels = range(len(pairs), 0, -1)
    return dict(zip(levels, values, strict=True)), dict(zip(levels, names, strict=True))
