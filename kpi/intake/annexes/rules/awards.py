"""Marks as the assessors award them, and the limits that a text has for them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from msgspec.structs import replace

from kpi.errors import Message
from kpi.intake.annexes.phrases import Earned, Judged, Limit, read_rule
from kpi.intake.annexes.rules.row import Row
from kpi.intake.annexes.rules.scoring import Scoring
from kpi.intake.annexes.texts import NUMBER, number, squeezed
from kpi.values.patterns import regex

#: Words of a rule that begins from full marks, that adds to them, and that takes more off than there is.
_FROM_FULL = regex(r"满分|按比例|扣\d|全分")
_ADDS = regex(rf"(?<!不)(?<!不再)(?<!不予)(?:加计?|奖励)(?:{NUMBER})?分|上不封顶")
_BELOW_ZERO = regex(r"(?<!不)倒扣|(?<!不计)(?<!不得)(?<!不记)负分")
#: Marks that a rule speaks of.
_STATED = regex(r"(?:得|满分为?|赋|计)(\d+(?:\.\d+)?)分")


def by_judgement(row: Row) -> Scoring | None:
    """Return marks as awarded where a clause says that the assessors give them."""
    if not row.of(Judged):
        return None
    row.guess(Message("the marks are given by the assessors"))
    return awarded(row.marks, understood=True)


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
    limits = [part for part in parts if isinstance(part, Limit)]
    earned = [part.marks for part in parts if isinstance(part, Earned) and part.marks]
    base = max((given for given in earned if given <= full), default=full if _FROM_FULL.search(plain) else 0.0)
    added = [limit.marks for limit in limits if limit.of == "added" and limit.marks is not None]
    on = [limit for limit in limits if limit.of == "on"]
    most: float | None = max([full, base + sum(added), *(limit.marks or full for limit in on)])
    if not added and not on and base == full and _ADDS.search(plain):
        most = None
    least = min([0.0, *(limit.marks or 0.0 for limit in limits if limit.of == "least")])
    least = min([least, *(full - limit.marks for limit in limits if limit.of == "off" and limit.marks is not None)])
    if least == 0 and _BELOW_ZERO.search(plain):
        return None, most
    return least, most


def with_award_limits(scoring: Scoring, text: str, marks: Fraction) -> Scoring:
    """Return a scoring by the marks awarded with the limits of its text."""
    least, most = award_limits(text, marks)
    limits = {} if least == 0 else {"floor": None if least is None else number(least * 100 / float(marks))}
    if most is None or most > float(marks):
        limits["cap"] = None if most is None else number(most * 100 / float(marks))
    stated = max(map(float, _STATED.findall(squeezed(text))), default=0.0)
    guesses = scoring.guesses
    if most is not None and stated > most:
        message = Message("{most:g} marks at most is ours, as the rule speaks of {stated:g}", most=most, stated=stated)
        guesses = (*guesses, message)
    return replace(scoring, score={**(scoring.score or {}), **limits}, guesses=guesses, awards=(least, most))
