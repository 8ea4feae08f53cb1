"""Grades and stars that texts beside a table state: 90分以上为优秀，60分以下为不合格; 95分以上的评为五星."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from kpi.intake.annexes.texts import squeezed
from kpi.values.patterns import regex

_NAMES = (
    "不合格", "不达标", "不称职", "基本合格", "基本达标", "基本称职", "优秀",
    "优良", "良好", "较好", "一般", "较差", "合格",
    "达标", "称职", "先进", "优", "良", "中", "差", "好",
)  # fmt: skip
_STARS = {word: number for number, words in enumerate(("一1", "二两2", "三3", "四4", "五5"), 1) for word in words}
_STAR = regex(rf"([{''.join(_STARS)}])(?:颗)?星级?")
_GRADE = regex("|".join([_STAR.pattern.replace("(", "(?:", 1), *_NAMES]))
#: What a text does with grades beyond their bounds: quotas, conditions, consequences.
_RULES = regex(
    r"比例|名额|占比|不超过|不高于|不少于|控制在|前\d|排名|最后|末位|连续|直接|一律|否则|降[级档]|升[级档]|晋[级档]|[降升]为"
)
_ABOUT = regex(r"等次|等级|档次|星级|评为|评定|定为|确定为|分为|划分|为")
_BOUND = regex(
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
    >>> grades_of(["年度得分95分以上的评为五星，85分以上的评为四星，75分以上三星，75分以下不评星。"])
    ({5: 95.0, 4: 85.0, 3: 75.0}, {5: '五星', 4: '四星', 3: '三星'})
    """
    for text in texts:
        result = _of(squeezed(text))
        if result is not None:
            return result
    return None


def states_grades(text: str) -> bool:
    """Return whether a text is about the grades of those scored: it has names of grades and what they are given for.

    >>> states_grades("考核结果分为优秀、良好、一般三个等次"), states_grades("优秀比例不超过30%")
    (True, True)
    >>> states_grades("75分以上三星"), states_grades("本办法由办公室解释"), states_grades("营造良好氛围")
    (True, False, False)
    """
    plain = squeezed(text)
    names = {item[0] for item in _GRADE.finditer(plain)}
    if not names:
        return False
    if _STAR.search(plain) or re.search(r"\d分", plain):
        return bool(_BOUND.search(plain) or _RULES.search(plain) or len(names) > 1)
    # A single character, such as 中 and 好, is part of other words.
    telling = {name for name in names if len(name) > 1}
    return bool(telling) and bool(
        (len(telling) > 1 and _ABOUT.search(plain))
        or re.search(r"(?:优秀|良好|合格|先进)(?:等[次级])?(?:的?(?:比例|名额|占比|单位(?:比例|不超过)))", plain)
    )


def left_unread(text: str, *, read: bool = False) -> bool:
    """Return whether a sentence about grades says more than the bounds that `grades_of` reads.

    Args:
        text: the sentence.
        read: whether the bounds of grades in it are read, if there are any.

    >>> left_unread("90分以上为优秀", read=True), left_unread("优秀比例不超过30%", read=True)
    (False, True)
    """
    if not states_grades(text):
        return False
    plain = squeezed(text)
    bounds = re.search(r"\d分", plain) is not None and _BOUND.search(plain) is not None
    return not (read and bounds) or _RULES.search(_BOUND.sub("", plain)) is not None


def _of(text: str) -> tuple[dict[int, float], dict[int, str]] | None:
    bounds = list(_BOUND.finditer(text))
    pairs: list[tuple[float, str]] = []
    used = 0
    for place, bound in enumerate(bounds):
        end = bounds[place + 1].start() if place + 1 < len(bounds) else len(text)
        start = max(used, bounds[place - 1].end() if place else 0)
        after = _GRADE.search(text, bound.end(), min(end, bound.end() + 10))
        if after:
            used = after.end()
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
    stars = [_STAR.fullmatch(name) for name in names]
    levels: Sequence[int] = range(len(pairs), 0, -1)
    if any(stars):
        levels = [_STARS[star[1]] for star in stars if star is not None]
        # 95分以上五星，75分以上三星 lacks one in between, and mixed names have no order.
        if len(levels) != len(pairs) or list(levels) != list(range(levels[0], levels[0] - len(pairs), -1)):
            return None
    return dict(zip(levels, values, strict=True)), dict(zip(levels, names, strict=True))
