"""From the clauses of a scoring rule to a scoring kind of the language, and the figure that it is about.

Marks of the annex become percent of the full marks M of their row. Where a text leaves something open, the choice is
among the guesses of the result. A combination of clauses that is none of those below is not understood, and a rule that
is not understood in full is not used at all: then the figure is the marks themselves, as the assessors give them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

from kpi.errors import Message
from kpi.intake.annexes.phrases import (
    Earned,
    Efficacy,
    Judged,
    Limit,
    Line,
    Nothing,
    Once,
    Part,
    Places,
    Ratio,
    Required,
    Step,
    ToBest,
    Vetoed,
    read_rule,
)
from kpi.intake.annexes.targets import Bound, StatedTarget, change_of
from kpi.intake.annexes.texts import NUMBER, number, quantity, squeezed, unit_of
from kpi.values.units import PERCENT, POINTS, Unit, convertible, factor
from kpi.values.units.vocabulary import counts as is_counted

#: What the figure of an indicator is: its `value`, the percent `completed` of a task, the number of things, how far it
#: falls `short` of what is required or is `over` it, the `place` among others, whether it is `done`, or the
#: `marks` themselves.
Figure = Literal["value", "completed", "counted", "short", "over", "place", "done", "marks"]

#: Endings of names of percents.
_PERCENTS = re.compile(r"(?:率|比重|占比|比例|满意度|覆盖面|增速|增幅|增长|知晓度|比)$")
#: Names of what should be less.
_FALLING = re.compile(
    r"事故|投诉|死亡|伤亡|差错|超标|退件|逾期率|不良|失业率|能耗|排放|PM2\.?5|PM10|发案|信访|舆情|违法|违规|成本|"
    r"时限|时长|欠费"
)
_FALLING_BUT = re.compile(r"下降|降低|压降|减少|办结|处置|化解|整改|查处|满意|回复|办理|处理|及时|达标|优良")


#: Words of a rule that begins from full marks, that adds to them, and that takes more off than there is.
_FROM_FULL = re.compile(r"满分|按比例|扣\d|全分")
_ADDS = re.compile(rf"(?<!不)(?<!不再)(?<!不予)(?:加计?|奖励)(?:{NUMBER})?分|上不封顶")
_BELOW_ZERO = re.compile(r"(?<!不)倒扣|(?<!不计)(?<!不得)(?<!不记)负分")
#: Marks that a rule speaks of.
_STATED = re.compile(r"(?:得|满分为?|赋|计)(\d+(?:\.\d+)?)分")
#: The bound of a band that begins above zero, as bounds of bands are inclusive.
_LEAST_ABOVE = 0.0001


@dataclass(frozen=True)
class Count:
    """A figure that is counted, with its marks a step and whether it counts once only."""

    label: str
    unit: str
    marks: float
    size: float = 1.0
    once: bool = False


@dataclass(frozen=True)
class Scoring:
    """What a row is scored by.

    Attributes:
        figure: what the figure is.
        unit: the unit of the figure.
        target: the `target:` of the indicator, in `unit`; None for none.
        score: the `score:`; None where the kind of the indicator has its own.
        better: the direction, where the target does not say it.
        counts: what is counted, if the figure is `counted`.
        gate: below (higher is better) which value there are no marks, with the comparison.
        veto: what a veto on this row does.
        guesses: what the text leaves open.
        understood: whether the rule was understood.
        unread: the clauses that were not.
        change: the words for a change, such as 较上年缩短, if that is what the figure is.
        awards: the least and the most that can be awarded if the figure is `marks`; None for no limit.
    """

    figure: Figure
    unit: str
    target: dict[str, Any] | None = None
    score: dict[str, Any] | None = None
    better: Literal["lower"] | None = None
    counts: tuple[Count, ...] = ()
    gate: tuple[str, float] | None = None
    veto: Vetoed | None = None
    guesses: tuple[Message, ...] = ()
    understood: bool = True
    unread: tuple[str, ...] = ()
    change: str = ""
    awards: tuple[float | None, float | None] = (0.0, 0.0)


def addable(count: Count) -> bool:
    """Return whether the marks of a count can be added to those of others: each thing counts, as 次 does.

    >>> addable(Count("缺", "项", 0.5)), addable(Count("到位资金", "亿元", 1)), addable(Count("培训", "万人", 1))
    (True, False, False)
    """
    unit = unit_of(count.unit)
    return count.size == 1 and unit is not None and unit.scale == 1 and is_counted(unit.dimension)


def falling(name: str) -> bool:
    """Return whether the name of an indicator says that less is better.

    >>> falling("安全事故起数"), falling("投诉办结率"), falling("单位GDP能耗下降率")
    (True, False, False)
    """
    return _FALLING.search(name) is not None and _FALLING_BUT.search(name) is None


def awarded(
    marks: Fraction, guesses: Sequence[Message] = (), *, unread: Sequence[str] = (), understood: bool = False
) -> Scoring:
    """Return the scoring of a row by the marks that are awarded: `0` to `marks`."""
    score = {"kind": "goalposts", "low": 0, "high": number(marks)}
    return Scoring(
        "marks", "分", None, score, guesses=tuple(guesses), understood=understood, unread=tuple(unread),
        awards=(0.0, float(marks)),
    )  # fmt: skip


def award_limits(text: str, marks: Fraction) -> tuple[float | None, float | None]:
    """Return the least and the most that a text lets a row of `marks` have, None for no limit.

    The text need not be understood: what its limits say counts, and where it adds marks to full ones without a
    limit, there is none.

    >>> award_limits("完成得满分，每超10%加1分，最多加5分，居民认可", Fraction(30))
    (0.0, 35.0)
    >>> award_limits("居民认可的得满分，超额的加分", Fraction(30)), award_limits("居民认可", Fraction(30))
    ((0.0, None), (0.0, 30.0))
    """
    full, plain = float(marks), squeezed(text)
    parts, _ = read_rule(text)
    limits = [one for one in parts if isinstance(one, Limit)]
    earned = [one.marks for one in parts if isinstance(one, Earned) and one.marks]
    base = max((one for one in earned if one <= full), default=full if _FROM_FULL.search(plain) else 0.0)
    added = [one.marks for one in limits if one.of == "added" and one.marks is not None]
    on = [one for one in limits if one.of == "on"]
    most: float | None = max([full, base + sum(added), *(one.marks or full for one in on)])
    if not added and not on and base == full and _ADDS.search(plain):
        most = None
    least = min([0.0, *(one.marks or 0.0 for one in limits if one.of == "least")])
    least = min([least, *(full - one.marks for one in limits if one.of == "off" and one.marks is not None)])
    if least == 0 and _BELOW_ZERO.search(plain):
        return None, most
    return least, most


def _with_limits(scoring: Scoring, text: str, marks: Fraction) -> Scoring:
    """Return a scoring by the marks awarded with the limits of its text."""
    least, most = award_limits(text, marks)
    limits = {} if least == 0 else {"floor": None if least is None else number(least * 100 / float(marks))}
    if most is None or most > float(marks):
        limits["cap"] = None if most is None else number(most * 100 / float(marks))
    stated = max((float(one) for one in _STATED.findall(squeezed(text))), default=0.0)
    guesses = scoring.guesses
    if most is not None and stated > most:
        message = Message("{most:g} marks at most is ours, as the rule speaks of {stated:g}", most=most, stated=stated)
        guesses = (*guesses, message)
    return replace(scoring, score={**(scoring.score or {}), **limits}, guesses=guesses, awards=(least, most))


def scoring_of(
    text: str, marks: Fraction, stated_target: StatedTarget | None = None, *, unit: Unit | None = None, name: str = ""
) -> Scoring:
    """Return what a row is scored by.

    Args:
        text: its rule; empty where the annex has none.
        marks: its full marks.
        stated_target: its target.
        unit: the unit of its figure, where a column says it.
        name: its name.

    >>> from kpi.intake.annexes.targets import stated_target_of
    >>> scoring_of("每低1个百分点扣0.5分，扣完为止", Fraction(10), stated_target_of("≥95%")).score
    {'kind': 'deduction', 'points': 5, 'per': 1, 'steps': 'whole', 'ours': ['steps']}
    >>> scoring_of("居民认可", Fraction(10)).unread
    ('居民认可',)
    """
    found = _understood(text, marks, stated_target, unit, name)
    return _with_limits(found, text, marks) if found.figure == "marks" else found


def _understood(
    text: str, marks: Fraction, stated_target: StatedTarget | None, unit: Unit | None, name: str
) -> Scoring:
    parts, others = read_rule(text)
    if others:
        return awarded(marks, unread=others)
    row = _Row([one for one in parts if not isinstance(one, Nothing)], marks, stated_target, unit, name)
    stated = [one.marks for one in parts if isinstance(one, Nothing) and one.marks is not None]
    if any(not math.isclose(one, float(marks)) for one in stated):
        return awarded(marks, unread=(text,))
    found = row.scoring()
    return awarded(marks, unread=(text,)) if found is None else found


@dataclass
class _Row:
    parts: list[Part]
    marks: Fraction
    stated_target: StatedTarget | None
    unit: Unit | None
    name: str
    guesses: list[Message] = field(default_factory=list)
    used: list[Limit] = field(default_factory=list)

    # ---- WHAT THE CLAUSES ARE ---- #

    def of(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.parts if isinstance(one, kind)]

    def earned(self, on: str) -> list[Earned]:
        return [one for one in self.of(Earned) if one.on == on]

    def only(self, *kinds: type[Any]) -> bool:
        return all(isinstance(one, kinds) for one in self.parts)

    def percent(self, marks: float | Fraction) -> float | int:
        """Return marks as percent of full marks."""
        return number(
            Fraction(str(marks)) * 100 / self.marks if isinstance(marks, float) else Fraction(marks) * 100 / self.marks
        )

    def earned_percent(self, earned: Earned) -> float | int:
        if earned.share is not None:
            return number(earned.share)
        return 100 if earned.marks is None else self.percent(earned.marks)

    def limit(self, of: str) -> Limit | None:
        found = next((one for one in self.of(Limit) if one.of == of), None)
        if found is not None:
            self.used.append(found)
        return found

    def unused_limits(self) -> bool:
        """Return whether a limit changes marks and the scoring that was found does not have it."""
        left = list(self.of(Limit))
        for one in self.used:
            if one in left:
                left.remove(one)
        harmless = (Limit("least", 0.0), Limit("on", None), Limit("on", float(self.marks)))
        return any(one not in harmless for one in left)

    def guess(self, message: Message) -> None:
        if message not in self.guesses:
            self.guesses.append(message)

    def least(self) -> dict[str, Any]:
        """Return the floor: what the limits say, else none but zero."""
        off, least = self.limit("off"), self.limit("least")
        if off is not None and off.marks is not None:
            floor = self.percent(float(self.marks) - off.marks)
            return {} if floor == 0 else {"floor": floor}
        if least is not None and least.marks is None:
            return {"floor": None}
        if least is not None and least.marks:
            return {"floor": self.percent(least.marks)}
        return {}

    def scoring(self) -> Scoring | None:
        """Return the scoring, None where the clauses make no known rule."""
        if any(one.marks is not None and one.marks > float(self.marks) + 1e-9 for one in self.of(Earned)):
            return None
        if self._contradicts():
            return None
        vetoes = self.of(Vetoed)
        self.parts = [one for one in self.parts if not isinstance(one, Vetoed)]
        found = self._first_scoring()
        if found is None or self.unused_limits() or (vetoes and found.target is None and not found.counts):
            return None
        over = (found.score or {}).get("cuts", {})
        if any(mark > 100 for mark in over):
            return None
        changes = self._changes()
        if len({change_of(one) for one in changes}) > 1:
            return None
        if found.figure == "value" and changes:
            found = replace(found, change=changes[0])
        return replace(found, veto=vetoes[0] if vetoes else None, guesses=tuple(self.guesses))

    def _changes(self) -> list[str]:
        """Return the words for changes before the numbers of the row, the longest first."""
        bounds = [one.bound for one in self.of(Earned)] + [one.since for one in (*self.of(Ratio), *self.of(Line))]
        if self.stated_target is not None:
            bounds.append(self.stated_target.bound)
        return sorted(
            {one.subject for one in bounds if one is not None and change_of(one.subject)}, key=len, reverse=True
        )

    def _first_scoring(self) -> Scoring | None:
        if not self.parts:
            return self._without_rule()
        if self.of(Judged):
            self.guess(Message("the marks are given by the assessors"))
            return awarded(self.marks, understood=True)
        for attempt in (
            self._places, self._efficacy, self._line, self._proportional, self._stepped, self._counted, self._granted,
            self._banded, self._passed,
        ):  # fmt: skip
            found = attempt()
            if found is not None:
                return found
        return None

    # ---- THE FIGURE ---- #

    @property
    def target(self) -> Bound | None:
        """The target of the row: of its column, or of a clause such as ≥95%得满分."""
        if self.stated_target is not None and self.stated_target.bound is not None:
            return self.stated_target.bound
        full = [one.bound for one in self.earned("bound") if self.earned_percent(one) == 100 or one.base]
        return full[0] if len(full) == 1 else None

    def _contradicts(self) -> bool:
        """Return whether the rule gives full marks at another number than the column of targets."""
        full = [one.bound for one in self.earned("bound") if one.bound and self.earned_percent(one) == 100]
        stated = None if self.stated_target is None else self.stated_target.bound
        if stated is None or len(full) != 1 or len(self.earned("bound")) > 1:
            return False
        ratio = _ratio(full[0].unit, stated.unit)
        return ratio is None or not math.isclose(full[0].low * ratio, stated.low)

    def figure_unit(self, *hints: Unit | None) -> Unit | None:
        """Return the unit of the value: of its column, of the target, of the rule, or by the name."""
        bound = self.target
        for one in (self.unit, None if bound is None else bound.unit, *hints):
            if one is not None:
                return PERCENT if one.dimension == POINTS.dimension and one is not self.unit else one
        if _PERCENTS.search(self.name):
            self.guess(Message("the unit is %, by the name"))
            return PERCENT
        return None

    def text_of(self, unit: Unit | None) -> str:
        if unit is None:
            self.guess(Message("no unit is stated; 1 stands for a number without one"))
            return "1"
        return str(unit)

    def goal_target(self, bound: Bound, unit: Unit | None) -> dict[str, Any] | None:
        """Return a bound as a target in a unit, None where the two do not go together."""
        ratio = _ratio(bound.unit, unit)
        if ratio is None:
            return None
        if bound.soft:
            self.guess(Message("the target is approximate"))
        if bound.bare:
            self.guess(Message("the target is a number without a comparison"))
        scaled = Bound(
            bound.comparator, bound.low * ratio, None if bound.high is None else bound.high * ratio, unit, bound.soft
        )
        return scaled.target()

    def completed(self) -> tuple[str, dict[str, Any]]:
        """Return unit and target of a figure that is the completion of a task whose figure is elsewhere."""
        self.guess(Message("the figure is the rate of completion in %, as the annex has no number for the task"))
        return "%", {"at_least": 100}

    # ---- RULES ---- #

    def _without_rule(self) -> Scoring | None:
        """Return completion of a target, or marks as awarded where there is none either."""
        bound = self.target
        if bound is None:
            self.guess(Message("the annex has neither a rule nor a number as target: the marks are entered as awarded"))
            return awarded(self.marks, understood=True)
        unit = self.figure_unit()
        target = self.goal_target(bound, unit)
        if target is None:
            return None
        self.guess(Message("the annex has no rule; in proportion to the completion is ours"))
        return Scoring("value", self.text_of(unit), target, {"kind": "completion", "ours": True})

    def direction(self) -> Literal["lower"] | None:
        """Return the direction of a comparison with peers."""
        bound = None if self.stated_target is None else self.stated_target.bound
        if (bound is not None and bound.comparator in ("at_most", "below")) or (bound is None and falling(self.name)):
            self.guess(Message("less is better, by the name or the target"))
            return "lower"
        return None

    def _places(self) -> Scoring | None:  # noqa: C901, PLR0911 - a return for every way in which it is another rule
        places, best = self.of(Places), self.of(ToBest)
        if places or best:
            best = [*best, *(one for one in self.of(Ratio) if one.since is None)]
        if (not places and not best) or not self.only(Places, ToBest, Limit, Ratio):
            return None
        given = [one for one in places if one.marks]
        steps = [one.step for one in places if one.step is not None]
        if self.stated_target is not None and self.stated_target.place is not None:
            return self._at_place(given, steps, self.stated_target.place)
        better, unit = self.direction(), self.text_of(self.figure_unit())
        if best:
            if steps or len(given) > 1 or any(one.upto != 1 for one in given):
                return None
            first = 100 if not given or given[0].marks[0] is None else self.percent(given[0].marks[0])
            score: dict[str, Any] = {"kind": "distance_to_best", "by": "ratio"}
            if first != 100:
                score["scale"] = [0, first]
            return Scoring("value", unit, None, score, better)
        if len(given) != 1 or len(steps) > 1:
            return None
        listed = given[0].marks
        if len(listed) > 1:
            falls = {round(a - b, 9) for a, b in pairwise(listed) if a is not None and b is not None}
            if len(falls) != 1 or min(falls) <= 0 or steps:
                return None
            self.guess(Message("places behind those that are listed go on with the same step"))
            steps = [falls.pop()]
        if not steps:
            return None
        first = 100 if listed[0] is None else self.percent(listed[0])
        step = self.percent(steps[0])
        start = number(Fraction(str(first)) + Fraction(str(step)) * (given[0].upto - 1))
        score = {"kind": "rank", "first": start, "step": step}
        if first != 100:
            score["cap"] = first
        self.guess(Message("places are those among the units compared; equal values share the better one"))
        return Scoring("value", unit, None, score | self.least(), better)

    def _at_place(self, given: Sequence[Places], steps: Sequence[float], stated_target: int) -> Scoring | None:
        """Return the scoring of a place among others than the units compared, such as all of the province."""
        if len(steps) != 1 or len(given) != 1 or given[0].marks != (None,) or given[0].upto != stated_target:
            return None
        self.guess(Message("the figure is the place, as the target is one among other units"))
        score = {"kind": "deduction", "points": self.percent(steps[0]), "per": 1, "steps": "whole"}
        return Scoring("place", "位", {"at_most": stated_target}, score | self.least())

    def _efficacy(self) -> Scoring | None:
        found = self.of(Efficacy)
        if len(found) != 1 or not self.only(Efficacy, Limit):
            return None
        score: dict[str, Any] = {"kind": "efficacy"}
        if found[0].base is None:
            score |= {"base": 60, "span": 40, "ours": ["base", "span"]}
            self.guess(Message("60 + 40, the usual numbers of the method, as the annex has none"))
        else:
            score |= {"base": number(found[0].base), "span": number(found[0].span)}
        self.guess(Message("best and worst are those of the units compared"))
        return Scoring("value", self.text_of(self.figure_unit()), None, score, self.direction())

    def _line(self) -> Scoring | None:  # noqa: PLR0911 - a return for every way in which it is another rule
        lines = self.of(Line)
        if len(lines) != 1 or not self.only(Line, Earned, Limit):
            return None
        zero = [one.bound for one in self.earned("bound") if one.marks == 0]
        start = lines[0].since or (zero[0] if len(zero) == 1 else None)
        if self.earned("missed") or self.earned("rest"):
            return None
        if start is None or (zero and zero[0] is not None and zero[0].low != start.low) or len(zero) > 1:
            return None
        if any(self.earned_percent(one) != 100 for one in self.of(Earned) if one.marks != 0):
            return None
        end = self.target
        unit = self.figure_unit(start.unit)
        if end is None or end.high is not None:
            if unit != PERCENT:
                return None
            self.guess(Message("full marks at 100 %, as no target is stated"))
            high = 100.0
        else:
            ratio = _ratio(end.unit, unit)
            if ratio is None:
                return None
            high = end.low * ratio
        ratio = _ratio(start.unit, unit)
        if ratio is None or start.low * ratio >= high:
            return None
        score = {"kind": "goalposts", "low": quantity(start.low * ratio, unit), "high": quantity(high, unit)}
        return Scoring("value", self.text_of(unit), None, score)

    def _proportional(self) -> Scoring | None:  # noqa: C901 - a return for every way in which it is another rule
        ratios = self.of(Ratio)
        if not ratios or not self.only(Ratio, Earned, Limit):
            return None
        zeros = [one for one in self.of(Earned) if one.marks == 0]
        full = [one for one in self.of(Earned) if one not in zeros]
        if (
            any(self.earned_percent(one) != 100 for one in full)
            or any(one.on != "bound" for one in zeros)
            or len(zeros) > 1
        ):
            return None
        bound = self.target
        if bound is None and full and full[0].bound is not None:
            bound = full[0].bound
        if bound is None:
            unit, target = self.completed()
            known: Unit | None = PERCENT
            figure: Figure = "completed"
        else:
            known = self.figure_unit()
            made = self.goal_target(bound, known)
            if made is None:
                return None
            unit, target, figure = self.text_of(known), made, "value"
        if any(one.lower for one in self.of(Earned)) and (bound is None or bound.rising):
            return None
        score: dict[str, Any] = {"kind": "completion"}
        most = self.limit("on") or self.limit("added")
        uncapped = any(one.capped is False for one in ratios)
        if most is not None and most.marks is not None:
            whole = most.marks + float(self.marks) if most.of == "added" else most.marks
            if self.percent(whole) != 100:
                score["cap"] = self.percent(whole)
        elif uncapped:
            score["cap"] = None
        elif not full and not any(one.capped for one in ratios) and most is None:
            self.guess(Message("full marks are the most, as the annex has no other limit"))
        if bound is not None and not bound.rising:
            self.guess(Message("where less is better, the proportion is target to actual"))
        return self._gated(Scoring(figure, unit, target, score | self.least()), zeros, ratios, known, bound)

    def _gated(
        self, scoring: Scoring, zeros: Sequence[Earned], ratios: Sequence[Ratio], unit: Unit | None, bound: Bound | None
    ) -> Scoring | None:
        """Return a proportional scoring with the value short of which there is nothing."""
        since = [one.since for one in ratios if one.since is not None]
        if not zeros:
            return None if since else scoring
        gate = zeros[0].bound
        if gate is None or gate.comparator not in ("below", "at_most") or (bound is not None and not bound.rising):
            return None
        low = gate.low
        ratio = _ratio(gate.unit, unit)
        if bound is not None and (ratio is None or "完成" in gate.subject):
            if gate.unit is None or gate.unit.dimension != PERCENT.dimension:
                return None
            low, ratio = bound.low * low / 100, _ratio(bound.unit, unit)
            self.guess(Message("the limit below which there are no marks is a part of the target"))
        if ratio is None or any(one.low != gate.low for one in since):
            return None
        return Scoring(
            **{**scoring.__dict__, "gate": ("<" if gate.comparator == "below" else "<=", number(low * ratio))}
        )

    def _stepped(self) -> Scoring | None:  # noqa: C901, PLR0911 - a return for every way in which it is another rule
        """Return full or base marks at the target, and marks for each step short of it or beyond it."""
        steps = [one for one in self.of(Step) if one.way in ("short", "above")]
        if not steps or not self.only(Step, Earned, Limit, Required) or len(steps) != len(self.of(Step)):
            return None
        if self.of(Required) and (len(steps) > 1 or steps[0].gives or steps[0].way != "short" or self.of(Earned)):
            return None
        down = [one for one in steps if not one.gives]
        up = [one for one in steps if one.gives]
        if len(down) != 1 or len(up) > 1 or any(one.on in ("missed", "rest") for one in self.of(Earned)):
            return None
        bound, earned = self.target, self.of(Earned)
        since = [one.since for one in steps if one.since is not None]
        if len(earned) > 1 or len(since) > 1 or any(one.lower for one in earned):
            return None
        if since and bound is not None and since[0].low != bound.low:
            return None
        bound = bound or (since[0] if since else None)
        lower = down[0].way == "above"
        if up and (up[0].way == "above") == lower:
            return None
        base = self.earned_percent(earned[0]) if earned else 100
        if not 0 < base <= 100:
            return None
        if bound is None and (earned[:1] and earned[0].bound is not None):
            bound = earned[0].bound
        if bound is None:
            return self._without_target(down[0], up, base, lower=lower)
        if bound.bare and lower and bound.comparator == "at_least":
            bound = Bound("at_most", bound.low, None, bound.unit, bound.soft, bound.subject, bare=True)
        if bound.comparator != "within" and (bound.comparator in ("at_most", "below")) != lower:
            return None
        unit = self.figure_unit(down[0].unit)
        target = self.goal_target(bound, unit)
        sizes = [self._size(one, unit, bound) for one in steps]
        if target is None or None in sizes:
            return None
        size = dict(zip(map(id, steps), sizes, strict=True))
        return self._from_target(
            "value", self.text_of(unit), target, (down[0].marks, size[id(down[0])] or 1.0),
            None if not up else (up[0].marks, size[id(up[0])] or 1.0), base, lower=lower,
            at=bound.low * (_ratio(bound.unit, unit) or 1.0),
        )  # fmt: skip

    def _size(self, step: Step, unit: Unit | None, bound: Bound | None) -> float | None:
        """Return the size of a step in the unit of the value, None where it has none there."""
        if step.unit is None:
            return step.size
        ratio = _ratio(step.unit, unit)
        if ratio is not None:
            if step.unit.dimension == PERCENT.dimension and unit is not None and unit.dimension == PERCENT.dimension:
                self.guess(Message("1 % of a rate is one percentage point"))
            return step.size * ratio
        if step.unit.dimension == PERCENT.dimension and bound is not None and bound.low > 0 and bound.high is None:
            self.guess(Message("a step in % is a part of the target"))
            return bound.low * (_ratio(bound.unit, unit) or 1.0) * step.size / 100
        return None

    def _without_target(self, down: Step, up: Sequence[Step], base: float, *, lower: bool) -> Scoring | None:
        """Return the same where the annex has no number as target: of the completion, or of what is lacking."""
        percents = (PERCENT.dimension, POINTS.dimension)
        if down.unit is not None and down.unit.dimension in percents and not lower:
            unit, target = self.completed()
            if any(one.unit is not None and one.unit.dimension not in percents for one in up):
                return None
            above = None if not up else (up[0].marks, up[0].size)
            return self._from_target(
                "completed", unit, target, (down.marks, down.size), above, base, lower=False, at=100.0
            )
        if up or base != 100 or down.unit is None:
            return None
        if self.of(Required):
            self.guess(Message("only what is lacking in all periods counts, not what is required in each"))
        figure: Figure = "over" if lower else "short"
        if lower:
            self.guess(
                Message("the figure is how far the value is beyond what is allowed, which the annex does not state")
            )
        else:
            self.guess(Message("the figure is how much is lacking of what is required, which the annex does not state"))
        score = self._deduction(down.marks, down.size)
        return Scoring(figure, str(down.unit), {"at_most": 0}, score | self.least())

    def _deduction(self, marks: float, size: float) -> dict[str, Any]:
        self.guess(Message("only whole steps count"))
        return {
            "kind": "deduction",
            "points": self.percent(marks),
            "per": number(size),
            "steps": "whole",
            "ours": ["steps"],
        }

    def _from_target(  # noqa: PLR0917 - the terms of one formula
        self, figure: Figure, unit: str, target: dict[str, Any], down: tuple[float, float],
        up: tuple[float, float] | None, base: float, *, lower: bool, at: float,
    ) -> Scoring | None:  # fmt: skip
        """Return the scoring of steps down and perhaps up from a base at the target.

        Args:
            figure: what the value is.
            unit: its unit.
            target: its target.
            down: the marks lost for each step, and the size of a step.
            up: the same gained.
            base: the percent of full marks at the target.
            lower: whether less is better.
            at: the target as a number.
        """
        if up is None:
            if base == 100:
                score = self._deduction(*down)
            else:
                score = {
                    "kind": "step",
                    "base": base,
                    "points": self.percent(down[0]),
                    "per": number(down[1]),
                    "cap": base,
                }
                self.guess(Message("parts of steps count"))
            return Scoring(figure, unit, target, score | self.least())
        if "within" in target:
            return None
        added, most = self.limit("added"), self.limit("on")
        if added is not None and added.marks is not None:
            cap = number(Fraction(str(base)) + Fraction(str(self.percent(added.marks))))
        elif most is not None:
            cap = 100 if most.marks is None else self.percent(most.marks)
        elif base == 100:
            return None
        else:
            cap = 100
            self.guess(Message("full marks are the most, as the annex has no other limit"))
        off = self.limit("off")
        floor = self.least() if off is None else {"floor": number(max(base - self.percent(off.marks or 0), -1e6))}
        self.guess(Message("parts of steps count"))
        slopes = down[0] / down[1], up[0] / up[1]
        limits = floor | ({} if cap == 100 else {"cap": cap})
        if math.isclose(*slopes):
            score = {"kind": "step", "base": base, "points": self.percent(down[0]), "per": number(down[1])}
            return Scoring(figure, unit, target, score | limits)
        if floor.get("floor", 0) is None:
            return None
        low, sign = floor.get("floor", 0), -1 if lower else 1
        lost, gained = (base - low) / self.percent(slopes[0]), (cap - base) / self.percent(slopes[1])
        knots = [[number(at - sign * lost), number(low)], [number(at), base], [number(at + sign * gained), cap]]
        score = {"kind": "piecewise", "knots": knots[::sign]}
        return Scoring(figure, unit, target, score | ({} if low == 0 else {"floor": low}))

    def _counts(self) -> list[Count]:
        found = []
        for one in self.parts:
            if isinstance(one, Step):
                unit = "次" if one.unit is None else str(one.unit)
                found.append(Count(one.of, unit, one.marks, one.size))
            elif isinstance(one, Once):
                found.append(Count(one.what, "次", one.marks, once=True))
        return found

    def _counted(self) -> Scoring | None:
        """Return full marks less marks for what is counted, such as faults found."""
        counted = [*self.of(Step), *self.of(Once)]
        if not counted or any(one.gives for one in counted) or not self.only(Step, Once, Limit, Earned):
            return None
        if any(one.way != "count" for one in self.of(Step)):
            return None
        if any(one.on != "reached" or self.earned_percent(one) != 100 for one in self.of(Earned)):
            return None
        counts = self._counts()
        if len(counts) == 1 and not counts[0].once:
            score = {
                "kind": "deduction",
                "points": self.percent(counts[0].marks),
                "per": number(counts[0].size),
                "steps": "whole",
            }
            return Scoring("counted", counts[0].unit, {"at_most": 0}, score | self.least(), counts=tuple(counts))
        if not all(map(addable, counts)) or any(one.of == "off" for one in self.of(Limit)):
            # A limit could be that of one of the counts, or of all.
            return None
        score = {"kind": "deduction", "points": self.percent(1), "per": 1, "steps": "linear"}
        return Scoring("counted", "次", {"at_most": 0}, score | self.least(), counts=self._alike(counts))

    def _alike(self, counts: Sequence[Count]) -> tuple[Count, ...]:
        """Return counts in one unit, as they are added up."""
        if len({one.unit for one in counts}) > 1:
            self.guess(Message("what is counted is added up, so all of it is in 次"))
        return tuple(Count(one.label, "次", one.marks, one.size, one.once) for one in counts)

    def _granted(self) -> Scoring | None:  # noqa: PLR0911 - a return for every way in which it is another rule
        """Return marks for each step from nothing on, such as for enterprises won."""
        steps = self.of(Step)
        if not steps or not all(one.gives for one in steps) or not self.only(Step, Limit):
            return None
        above = [one for one in steps if one.way == "above"]
        if any(one.way == "short" or (one.way == "above" and not one.growth) for one in steps):
            return None
        if above and self.stated_target is not None and self.stated_target.bound is not None:
            return None
        most = self.limit("on") or self.limit("added")
        cap = None if most is None or most.marks is None else self.percent(most.marks)
        if most is None:
            self.guess(Message("full marks are the most, as the annex has no other limit"))
        elif any(one.bare for one in steps) and most.of != "on":
            return None
        if most is None and any(one.bare for one in steps):
            return None
        limits = {} if cap in (None, 100) else {"cap": cap}
        counts = self._counts()
        if above:
            self.guess(Message("steps count from zero, and parts of steps count"))
        if len(counts) == 1:
            high = self.marks * Fraction(str(counts[0].size)) / Fraction(str(counts[0].marks))
            score = {"kind": "goalposts", "low": 0, "high": number(high)}
            return Scoring("counted", counts[0].unit, None, score | limits, counts=tuple(counts))
        if not all(map(addable, counts)) or (most is not None and self.parts[-1] is not most):
            # A limit between the counts is that of one of them.
            return None
        score = {"kind": "goalposts", "low": 0, "high": number(self.marks)}
        return Scoring("counted", "次", None, score | limits, counts=self._alike(counts))

    def _banded(self) -> Scoring | None:  # noqa: C901, PLR0911, PLR0912 - a return for every way in which it is another rule
        """Return marks by bands."""
        bands = self.earned("bound")
        if len(bands) < 2 or not self.only(Earned, Limit):
            return None
        rest = [*self.earned("rest"), *self.earned("missed")]
        if len(rest) > 1 or self.earned("reached"):
            return None
        unchanged = next((one.bound for one in rest if one.bound is not None), None)
        unit = self.figure_unit(*(one.bound.unit for one in bands if one.bound is not None))
        marks: list[tuple[float, Bound]] = []
        for one in bands:
            bound = one.bound
            ratio = None if bound is None else _ratio(bound.unit, unit)
            if bound is None or ratio is None:
                return None
            high = None if bound.high is None else bound.high * ratio
            marks.append((self.earned_percent(one), Bound(bound.comparator, bound.low * ratio, high, unit)))
        marks.sort(key=lambda mark: -mark[0])
        best = marks[0][1]
        others = [one.low for _, one in marks[1:]]
        lower = best.comparator in ("at_most", "below") or (
            best.comparator in ("within", "equals") and all(one > best.low for one in others)
        )
        cuts: dict[float, float] = {}
        for at, (mark, bound) in enumerate(marks):
            last = at == len(marks) - 1
            if bound.comparator == "within":
                edge = (bound.high or 0.0) if lower else bound.low
            elif (bound.comparator in ("at_least", "above", "equals")) != lower:
                edge = bound.low
            elif last and _meets(bound.low, list(cuts.values())[-1]):
                edge = math.inf if lower else -math.inf
            else:
                return None
            if mark in cuts:
                return None
            if mark != 0 or edge not in (math.inf, -math.inf):
                cuts[mark] = edge
            if bound.comparator in ("above", "below") and not last:
                self.guess(Message("the bounds of bands are inclusive"))
        lowest = list(cuts.values())[-1]
        if rest and math.isinf(lowest) and (rest[0].on == "missed" or self.earned_percent(rest[0]) > 0):
            # The bands have marks for every value: what is missed has to be one of them.
            if unchanged is None or lower or not self._is_of_bands(unchanged):
                return None
            cuts[marks[-1][0]] = 0.0 if unchanged.comparator == "below" else _LEAST_ABOVE
            if unchanged.comparator == "at_most":
                self.guess(Message("the last band begins above zero, which is written as {bound}", bound=_LEAST_ABOVE))
        elif unchanged is not None:
            return None
        if rest and self.earned_percent(rest[0]) > 0:
            cuts[self.earned_percent(rest[0])] = math.inf if lower else -math.inf
        edges = [cuts[mark] for mark in sorted(cuts)]
        wrong = [(b <= a) if not lower else (b >= a) for a, b in pairwise(edges)]
        if any(wrong):
            return None
        if any(one.high is not None for _, one in marks):
            self.guess(Message("a value on the bound of two bands belongs to the better one"))
        shown = {
            number(mark): edge if math.isinf(edge) else quantity(edge, unit) for mark, edge in cuts.items() if mark != 0
        }
        return Scoring("value", self.text_of(unit), None, {"kind": "bands", "cuts": shown}, "lower" if lower else None)

    def _is_of_bands(self, unchanged: Bound) -> bool:
        """Return whether 未增长 is about the figure of the bands: one of a growth, by their words or by the name."""
        said = [one.bound.subject for one in self.earned("bound") if one.bound is not None]
        return any(unchanged.subject in one for one in (*said, self.name))

    def _passed(self) -> Scoring | None:  # noqa: C901, PLR0911 - a return for every way in which it is another rule
        """Return all or nothing."""
        if not self.only(Earned, Limit) or not self.of(Earned):
            return None
        reached = [*self.earned("reached"), *(one for one in self.earned("bound") if one.marks != 0)]
        missed = [
            *self.earned("missed"),
            *self.earned("rest"),
            *(one for one in self.earned("bound") if one.marks == 0),
        ]
        if len(reached) > 1 or len(missed) > 1 or any(one.on == "missed" and one.bound for one in missed):
            return None
        full = self.earned_percent(reached[0]) if reached else 100
        fail = (
            self.earned_percent(missed[0])
            if missed and (missed[0].marks is not None or missed[0].share is not None)
            else 0
        )
        if not missed:
            self.guess(Message("nothing where the target is missed"))
        bound = self.target or (reached[0].bound if reached else None)
        if any(one.lower for one in (*reached, *missed)):
            if bound is None or (bound.rising and not bound.bare):
                return None
            bound = Bound("at_most", bound.low, None, bound.unit, bound.soft, bound.subject) if bound.bare else bound
        zero = missed[0].bound if missed and missed[0].on == "bound" else None
        if zero is not None and (bound is None or zero.low != bound.low):
            return None
        if fail >= full:
            return None
        limits = ({} if full == 100 else {"full": full}) | ({} if fail == 0 else {"fail": fail})
        if bound is None:
            if (self.stated_target is not None and self.stated_target.task) or self.unit is not None:
                unit, target = self.completed()
                return Scoring("completed", unit, target, {"kind": "pass"} | limits)
            self.guess(Message("the figure is whether it is done, as the annex has no number as target"))
            if limits:
                return None
            return Scoring("done", "是/否", {"done": True}, None)
        known = self.figure_unit()
        stated_target = self.goal_target(bound, known)
        return (
            None
            if stated_target is None
            else Scoring("value", self.text_of(known), stated_target, {"kind": "pass"} | limits)
        )


def _meets(low: float, edge: float) -> bool:
    """Return whether the last band begins where the one before ends; 80—89 and 79以下 meet, too."""
    whole = float(low).is_integer() and float(edge).is_integer()
    return math.isclose(low, edge, abs_tol=1e-9) or (whole and abs(low - edge) <= 1)


def _ratio(source: Unit | None, target: Unit | None) -> float | None:
    """Return the factor from one unit to another; percentage points count as the unit of a rate."""
    if source is None or target is None:
        return 1.0
    if convertible(source, target):
        return factor(source, target)
    if {source.dimension, target.dimension} == {POINTS.dimension, PERCENT.dimension}:
        return factor(source, POINTS) if source.dimension == POINTS.dimension else factor(source, PERCENT)
    return None
