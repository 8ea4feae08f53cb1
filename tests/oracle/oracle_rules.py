"""The oracle's targets and scoring rules: one value at a time."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import pairwise

from tests.oracle.oracle_figures import Cell, factor

#: Figures that differ by less than this part are equal: what binary arithmetic adds must not decide.
HAIR = 1e-12


def rounded(value: float, decimals: int, mode: str = "half_up") -> float:
    """Return a number rounded on its decimal form of nine places."""
    how = ROUND_HALF_UP if mode == "half_up" else ROUND_HALF_EVEN
    nine = Decimal(value).quantize(Decimal("1e-9"), ROUND_HALF_EVEN)
    return float(nine.quantize(Decimal(1).scaleb(-decimals), how))


def alike(item: float | tuple, other: float | tuple) -> bool:
    """Whether two numbers, or all numbers of two keys, agree to about eleven significant digits."""
    if isinstance(item, tuple):
        return all(map(alike, item, other))
    if math.isinf(item) or math.isinf(other):
        return item == other
    return abs(item - other) <= 1e-11 * max(abs(item), abs(other))


def at_least(value: float, bound: float) -> bool:
    return value >= bound - HAIR * abs(bound)


# ---- TARGETS ---- #

COMPARATORS = ("at_least", "above", "at_most", "below", "equals", "within", "done")


def comparator(target: dict) -> str:
    return next(key for key in COMPARATORS if key in target)


def quantity(given: float | str, unit: str) -> float:
    """Return `95` or `3 万件` in a unit."""
    if not isinstance(given, str):
        return float(given)
    number, written = given.split(" ")
    return float(number) * factor(written, unit)


def last_month(text: str) -> int:
    """Return the last month of 2023, 2023Q2 or 2023-05."""
    year = int(text[:4]) * 12
    if len(text) == 4:
        return year + 11
    return year + (int(text[5:]) * 3 - 1 if text[4] == "Q" else int(text[5:]) - 1)


def in_force(targets: list[dict], month: int) -> dict | None:
    """Return the next target due, the last of all when all are past."""
    dated = sorted(targets, key=lambda item: last_month(item["by"]) if "by" in item else math.inf)
    return next(
        (item for item in dated if "by" not in item or month <= last_month(item["by"])), dated[-1] if dated else None
    )


def bounds(target: dict, unit: str, own: float | None) -> tuple[float | None, float | None]:
    given = target[comparator(target)]
    if comparator(target) == "within":
        return quantity(given[0], unit), quantity(given[1], unit)
    if isinstance(given, dict):
        return own, None
    if given is None:
        return None, None
    return (float(given) if comparator(target) == "done" else quantity(given, unit)), None


def reached(target: dict, value: float, low: float, high: float | None) -> bool:
    slack = abs(low) * target.get("tolerance", 0) / 100
    hair = abs(low) * HAIR
    match comparator(target):
        case "at_least" | "done":
            return value >= low - slack - hair
        case "above":
            return value > low - slack + hair
        case "at_most":
            return value <= low + slack + hair
        case "below":
            return value < low + slack - hair
        case "equals":
            return abs(value - low) <= (slack or 1e-9)
    return low - hair <= value <= high + abs(high) * HAIR


def inside(value: float, low: float, high: float) -> float:
    """Percent of an interval's nearer end, 100 within it."""
    if value < low:
        return max(value / low * 100, 0.0) if low > 0 else 0.0
    if value > high:
        return high / value * 100 if high > 0 else 0.0
    return 100.0


def attainment(target: dict, value: float, low: float, high: float | None, unit: str) -> float | None:
    """Percent of the way from the baseline, zero without one, to the target."""
    which, met = comparator(target), 100.0 * reached(target, value, low, high)
    if "baseline" in target:
        start = quantity(target["baseline"]["value"], unit)
        return met if low == start else (value - start) / (low - start) * 100
    if which in ("at_least", "above", "done"):
        return value / low * 100 if low > 0 else met
    if which in ("at_most", "below"):
        return low / value * 100 if value > 0 else met
    if which == "equals":
        if value == low:
            return 100.0
        return max(1 - abs(value - low) / abs(low), 0.0) * 100 if low else 0.0
    return inside(value, low, high)


def due(target: dict, month: int) -> float | None:
    """Percent of the way due by the end of a month."""
    plan = target.get("schedule")
    if plan is None:
        return None
    end = last_month(target["by"])
    if isinstance(plan, list):
        width = 12 // len(plan)
        passed = [percent for place, percent in enumerate(plan) if month > end - width * (len(plan) - place)]
        return passed[-1] if passed else 0.0
    start = end // 12 * 12 - 1
    if plan == "linear":
        start = last_month(target["baseline"]["period"])
    return min(max((month - start) / (end - start), 0.0), 1.0) * 100


# ---- SCORING RULES ---- #


def score(rule: dict, case: dict) -> Cell:
    """Return the score of a case in percent of full marks, floor, cap and rounding applied.

    A case has value, peers (all values of the group, with the own one), higher, target, upper, reached and unit.
    """
    kind = rule["kind"]
    if kind in ("completion", "pass", "deduction", "step") and case["target"] is None:
        return None, "no_target"
    if "marks" in rule and case["marks"] == 0:
        return None, "not_applicable"
    raw = RULES[kind](rule, case)
    if isinstance(raw, str):
        return None, raw
    loose = kind in ("benchmark", "bands", "piecewise", "efficacy")
    floor, cap = rule.get("floor", None if kind == "efficacy" else 0), rule.get("cap", None if loose else 100)
    if math.isnan(raw):
        return None, "out_of_range"
    raw = raw if floor is None else max(raw, floor)
    raw = raw if cap is None else min(raw, cap)
    if not math.isfinite(raw):
        return None, "out_of_range"
    return (rounded(raw, rule["decimals"]) if "decimals" in rule else raw), "ok"


def completed(rule: dict, value: float, standard: float, *, higher: bool) -> float:
    quotient = value / standard
    plain, turned = 100 * quotient, 100 * (2 - quotient)
    if higher or rule.get("reverse") == "mirror":
        return plain if (standard > 0) == higher else turned
    if standard < 0:
        return plain
    # Nothing left of what should shrink is full marks.
    return (
        100 * standard / value if value > 0 else rule.get("cap", 100 if rule["kind"] == "completion" else None) or 100.0
    )


def completion(rule: dict, case: dict) -> float:
    value, target = case["value"], case["target"]
    if case["upper"] is not None:
        return inside(value, target, case["upper"])
    if target == 0:
        return 100.0 * case["reached"]
    return completed(rule, value, target, higher=case["higher"])


def benchmark(rule: dict, case: dict) -> float | str:
    standard = quantity(rule["benchmark"], case["unit"]) if "benchmark" in rule else case["target"]
    if standard is None:
        return "no_target"
    return completed(rule, case["value"], standard, higher=case["higher"]) if standard else "zero_target"


def passed(rule: dict, case: dict) -> float:
    if "marks" in rule:
        full = rule["marks"].get("full", case["marks"])
        return (full if case["reached"] else rule["marks"].get("fail", 0)) * 100 / case["marks"]
    return rule.get("full", 100) if case["reached"] else rule.get("fail", 0)


def percent(rule: dict, case: dict, key: str | None = None) -> float:
    """Return the points of a rule in percent of full marks; marks are those of the item."""
    in_marks = "marks" in rule
    given = rule[key or ("marks" if in_marks else "points")]
    return given * 100 / case["marks"] if in_marks else given


def deduction(rule: dict, case: dict) -> float:
    value, target, upper = case["value"], case["target"], case["upper"]
    if upper is not None:
        short = max(target - value, value - upper, 0)
    else:
        short = max(target - value if case["higher"] else value - target, 0)
    steps = round(short / quantity(rule.get("per", 1), case["unit"]), 9)
    count = {"linear": lambda x: x, "whole": math.floor, "started": math.ceil}[rule.get("steps", "linear")]
    most = percent(rule, case, "max") if "max" in rule else math.inf
    return 100 - min(count(steps) * percent(rule, case), most)


def step(rule: dict, case: dict) -> float:
    ahead = case["value"] - case["target"] if case["higher"] else case["target"] - case["value"]
    return rule.get("base", 80) + ahead / quantity(rule.get("per", 1), case["unit"]) * percent(rule, case)


def bands(rule: dict, case: dict) -> float:
    won = [
        mark
        for mark, bound in rule["marks" if "marks" in rule else "cuts"].items()
        if (at_least(case["value"], bound) if case["higher"] else at_least(-case["value"], -bound))
    ]
    return max(won, default=0) * (100 / case["marks"] if "marks" in rule else 1)


def piecewise(rule: dict, case: dict) -> float:
    if "marks" in rule:
        of_percent = [[value, marks * 100 / case["marks"]] for value, marks in rule["marks"]]
        return piecewise({"knots": of_percent}, case)
    knots = rule["knots"]
    if case["value"] <= knots[0][0]:
        return knots[0][1]
    for (x0, y0), (x1, y1) in pairwise(knots):
        if case["value"] < x1:
            return y0 + (y1 - y0) * (case["value"] - x0) / (x1 - x0)
    return knots[-1][1]


def goalposts(rule: dict, case: dict) -> float | str:
    low, high, value = rule["low"], rule["high"], case["value"]
    if rule.get("log"):
        if value <= 0:
            return "out_of_range"
        low, high, value = math.log(low), math.log(high), math.log(value)
    percent = 100 * (value - low) / (high - low)
    return percent if case["higher"] else 100 - percent


def position(case: dict, worst: float | None = None, best: float | None = None) -> float | None:
    """Where a value lies between the worst (0) and the best (1) of its peers; None where these are the same."""
    ends = (min(case["peers"]), max(case["peers"]))
    low, high = ends if case["higher"] else ends[::-1]
    low, high = (low if worst is None else worst), (high if best is None else best)
    return None if alike(low, high) else (case["value"] - low) / (high - low)


def efficacy(rule: dict, case: dict) -> float:
    place = position(case, rule.get("unacceptable"), rule.get("satisfactory"))
    place = 1.0 if place is None else place
    base, span = rule.get("base", 60), rule.get("span", 40)
    return base * ((base + span) / base) ** place if rule.get("exponential") else base + span * place


def minmax(rule: dict, case: dict) -> float:
    low, high = rule.get("scale", (0, 100))
    place = position(case)
    if place is None:
        return rule.get("constant", (low + high) / 2)
    return low + (high - low) * place


def places(value: float, others: list[float], ties: str, *, higher: bool) -> float:
    """The place of a value among others (itself included), 1 is best."""
    ahead = sorted(item for item in others if not alike(item, value) and (item > value if higher else item < value))
    same = sum(alike(item, value) for item in others)
    steps = sum(not alike(a, b) for a, b in pairwise(ahead)) + bool(ahead)
    return {
        "min": len(ahead) + 1,
        "max": len(ahead) + same,
        "average": len(ahead) + (same + 1) / 2,
        "dense": steps + 1,
    }[ties]


def rank(rule: dict, case: dict) -> float:
    place = places(case["value"], case["peers"], rule.get("ties", "min"), higher=case["higher"])
    return rule.get("first", 100) - rule.get("step", 5) * (place - 1)


def percentile(rule: dict, case: dict) -> float:
    others = len(case["peers"]) - 1
    place = places(case["value"], case["peers"], "average", higher=not case["higher"])
    return float(Fraction(place - 1) / others * 100) if others else 100.0


RULES = {
    "completion": completion, "benchmark": benchmark, "pass": passed, "deduction": deduction, "step": step,
    "bands": bands, "piecewise": piecewise, "goalposts": goalposts, "efficacy": efficacy, "minmax": minmax,
    "rank": rank, "percentile": percentile,
}  # fmt: skip
