"""Definitions that say the contrary of their names: 满意率 of which less is better, all cases over those online.

Each is a warning, and each can be confirmed in the definition: by `better`, or by a title.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from kpi.errors import Message, Severity
from kpi.language.indicators import Indicator
from kpi.language.model import Path, Problem, Problems
from kpi.language.system import System
from kpi.values import units
from kpi.values.patterns import regex

#: Rates of which more is better, by the end of their names.
_HIGHER = regex(
    r"(满意|合格|达标|优良|优秀|完成|办结|及时|好评|覆盖|网办|就业|入学|参保|签约|通过)(率|度|占比)$"
    r"|\b(satisfaction|completion|pass|coverage|success) rate$",
    re.IGNORECASE,
)
#: Figures of which less is better, by the end of their names.
_LOWER = regex(
    r"((不|未)(满意|合格|达标|完成|办结|及时|通过)|差评|投诉|失业|超期|逾期|违法|违规|事故|死亡|流失|退件)"
    r"(率|量|数|件数|起数|次数|人数|占比)$"
    r"|\b(complaint|unemployment|accident|death|mortality|failure) rate$|\bcomplaints$",
    re.IGNORECASE,
)
#: Words with which the end of a name does not say which way is better.
_UNDECIDED = regex(r"[增减升降]|变[动化]|超期.|逾期.|受理|登记数|\b(growth|change|increase|decrease)\b", re.IGNORECASE)
#: Figures that are by their names all there is.
_ALL = regex(r"总(?!.*[值额])|全部|全体|合计|\b(total|all|overall)\b", re.IGNORECASE)


def contrary(system: System) -> Problems:
    """Yield what a valid definition says of indicators that is probably the contrary of what was meant."""
    for name, indicator in system.indicators.items():
        yield from _direction(name, indicator, system)
        yield from _sides(name, indicator, system)


def less_is_better(title: str) -> bool:
    """Return whether less is better of a figure by the end of its name.

    >>> [less_is_better(title) for title in ("投诉量", "不满意率", "投诉量增长率", "投诉满意率")]
    [True, True, False, False]
    """
    return _LOWER.search(title) is not None and _UNDECIDED.search(title) is None


def _slip(code: str, path: Path, message: Message, hint: Message) -> Problem:
    return Problem(code, path, message, hint, severity=Severity.WARNING, at_key=True)


def _direction(name: str, indicator: Indicator, system: System) -> Problems:
    """Yield a direction that the name of an indicator contradicts and that nothing declares."""
    title = _shown_title(name, indicator, system)
    rule = system.rule(name)
    if indicator.better is not None or _UNDECIDED.search(title) or rule is None or not rule.directed:
        return
    compared = {target.comparator for target in indicator.target}
    path: Path = ("indicators", name, *(("target",) if indicator.target else ()))
    lower = _LOWER.search(title) is not None
    if lower and compared <= {"at_least", "above"}:
        message = Message("higher is better for {title}, as nothing says otherwise", title=title)
        if compared:
            message = Message("the target makes higher better for {title}", title=title)
        hint = Message("write `at_most`, or `better: lower`; `better: higher` if that is meant")
        yield _slip("K496", path, message, hint)
    elif not lower and _HIGHER.search(title) and compared and compared <= {"at_most", "below"}:
        message = Message("the target makes lower better for {title}", title=title)
        yield _slip("K496", path, message, Message("write `at_least`, or `better: lower` beside it if that is meant"))


def _shown_title(name: str, indicator: Indicator, system: System) -> str:
    """Return the title of an indicator, or that of the measure it shows where it has none of its own."""
    shown = indicator.measure_shown
    return system.symbols[name if indicator.title or shown is None else shown].title


def _sides(name: str, indicator: Indicator, system: System) -> Problems:
    """Yield a proportion of a figure and itself, and one whose sides are exchanged by their names."""
    sides, symbols = indicator.proportion, system.symbols
    if sides is None:
        return
    (_, (path, _)) = indicator.inputs()
    titles = [symbols[side].title for side in sides]
    at: Path = ("indicators", name, *path)
    if sides[0] == sides[1]:
        message = Message("{title} divides {side} by itself", title=symbols[name].title, side=titles[0])
        yield _slip("K497", at, message, Message("name the figure that it is a part of"))
    elif _is_all(sides[0], titles[0]) and not _is_all(sides[1], titles[1]) and _is_rate(name, sides, system):
        message = Message(
            "{title} divides {numerator}, which is all by its name, by {denominator}",
            title=symbols[name].title, numerator=titles[0], denominator=titles[1],
        )  # fmt: skip
        yield _slip("K497", at, message, Message("exchange the two figures, unless that is meant"))


def _is_all(*names: str) -> bool:
    return any(map(_ALL.search, names))


def _is_rate(name: str, sides: Iterable[str], system: System) -> bool:
    """Return whether an indicator is a percentage of two figures of one dimension."""
    unit = system.symbols[name].unit
    over, under = (system.symbols[side].unit for side in sides)
    return (
        unit is not None and over is not None and under is not None
        and units.convertible(unit, units.PERCENT) and unit != units.ONE and units.convertible(over, under)
    )  # fmt: skip
