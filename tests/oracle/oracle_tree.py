"""The oracle's tree: means and missing parts, adjustments and vetoes, stars, places."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tests.oracle.oracle_figures import Cell, ZeroDenominatorError, evaluate
from tests.oracle.oracle_rules import HAIR, places, quantity, rounded


@dataclass
class Node:
    """What a node makes of its parts for one entity and period: `shares` are fractions (0 to 1) of the node.

    `counted` are the scores that entered the mean, stand-ins for missing parts included.
    """

    score: Cell
    coverage: float | None = None
    shares: dict[str, float | None] = field(default_factory=dict)
    counted: dict[str, float] = field(default_factory=dict)


def policy_of(node: dict) -> tuple[str, dict]:
    given = node.get("missing", "redistribute")
    return (given, {}) if isinstance(given, str) else next(iter(given.items()))


def combine(  # noqa: C901, PLR0912 (one branch per policy)
    node: dict, weights: dict[str, float], parts: dict[str, Node], peers: list[dict[str, Node]]
) -> Node:
    """Return a node from the scores of its parts.

    Args:
        node: its mean, its policy for missing parts, its decimals.
        weights: of the parts.
        parts: the parts of this entity.
        peers: the parts of every entity of the same period and cohort.
    """
    policy, options = policy_of(node)
    applicable = {name: w for name, w in weights.items() if w > 0 and parts[name].score[1] != "not_applicable"}
    own = {name: parts[name].score[0] for name in applicable if parts[name].score[0] is not None}
    nothing = dict.fromkeys(weights)
    if not applicable:
        return Node((None, "not_applicable"), None, nothing)
    whole, there = sum(applicable.values()), sum(applicable[name] for name in own)
    reach = {name: parts[name].coverage if parts[name].coverage is not None else 0.0 for name in applicable}
    coverage = sum(applicable[name] * reach[name] for name in applicable) / whole
    filled = dict(own)
    for name in applicable.keys() - own.keys():
        if policy == "zero":
            filled[name] = 0.0
        elif policy == "penalty":
            filled[name] = -options["points"]
        elif policy == "cohort_mean":
            known = [item[name].score[0] for item in peers if item[name].score[0] is not None]
            if known:
                filled[name] = sum(known) / len(known)
    carried = {name: applicable[name] for name in filled}
    if policy == "spread" and own:
        carried = {name: applicable[name] + (whole - there) / len(own) for name in own}
    if not carried:
        statuses = [parts[name].score[1] for name in applicable]
        before = [item for item in ("refused", "out_of_range", "missing") if item in statuses]
        return Node((None, [*before, *statuses][0]), coverage, nothing)
    least = 100 if policy == "fail" else options.get("at_least", 0)
    if there / whole * 100 < least - 1e-9:
        return Node((None, "incomplete"), coverage, nothing)
    mean = node.get("mean", "arithmetic")
    value = mean_of(mean, filled, carried)
    if not math.isfinite(value):
        return Node((None, "out_of_range"), coverage, nothing)
    if "decimals" in node:
        value = rounded(value, node["decimals"])
    if node.get("mean") == "minimum":
        lowest = [name for name in filled if filled[name] <= min(filled.values()) + HAIR]
        return Node((value, "ok"), coverage, {name: (name in lowest) / len(lowest) for name in weights}, filled)
    if isinstance(mean, dict) and "owa" in mean:
        carried = by_place(mean["owa"], filled, carried)
    if isinstance(node.get("mean"), dict) and node["mean"].keys() & {"worst", "best"}:
        carried = {name: carried[name] * part for name, part in chosen(node["mean"], filled).items()}
    total = sum(carried.values())
    return Node((value, "ok"), coverage, {name: carried.get(name, 0.0) / total for name in weights}, filled)


def by_place(power: float, scores: dict[str, float], weights: dict[str, float]) -> dict[str, float]:
    """Return what each part weighs by the place of its score, equal scores sharing their places by their weights."""
    total = sum(weights.values())
    result: dict[str, float] = {}
    for name, score in scores.items():
        above = sum(w for other, w in weights.items() if scores[other] > score + HAIR) / total
        equal = sum(w for other, w in weights.items() if abs(scores[other] - score) <= HAIR) / total
        result[name] = (min(above + equal, 1.0) ** power - above**power) * weights[name] / total / equal
    return result


def weight_of(weight: float | dict, cohort: str) -> float:
    """Return a weight, perhaps by cohort, in a cohort."""
    return weight["values"][cohort] if isinstance(weight, dict) else weight


def signed(adjustment: dict, names: dict, units: dict[str, str]) -> float:
    """Return the points of a bonus or deduction, negative for the latter."""
    given = points(adjustment, names, units.get(adjustment.get("of", ""), "个"))
    return -given if adjustment["kind"] == "deduction" else given


def over_limits(adjustments: dict[str, dict], earned: dict[str, float]) -> float:
    """Return what the limits on several adjustments take off, or give back."""
    taken = 0.0
    for item in adjustments.values():
        if item["kind"] == "limit":
            together = sum(earned[name] for name in item["of"])
            taken += min(max(together, -item["max"]), item["max"]) - together
    return taken


def within(  # noqa: PLR0917 (all that an adjustment may read)
    system: dict, pillar: str, node: Node, marks: float, nodes: dict[str, Node], names: dict, units: dict[str, str]
) -> Node:
    """Return a pillar with the adjustments within it, which are in the marks of its parts."""
    inside = {k: item for k, item in system.get("adjustments", {}).items() if item.get("within") == pillar}
    score, status = node.score
    if not inside or score is None:
        return node
    earned = {}
    for key, item in inside.items():
        if item["kind"] != "limit":
            counts = opened(item, score * marks / 100, {"on": "raw"}, nodes)
            earned[key] = signed(item, names, units) if counts else 0.0
    total_points = score * marks / 100 + sum(earned.values()) + over_limits(inside, earned)
    definition = system["pillars"][pillar]
    floor, cap = definition.get("floor", 0), definition.get("cap")
    total_points = total_points if floor is None else max(total_points, floor)
    total_points = total_points if cap is None else min(total_points, cap)
    return Node((total_points * 100 / marks, status), node.coverage, node.shares, node.counted)


def mean_of(  # noqa: PLR0911 (one return per mean)
    mean: str | dict, scores: dict[str, float], weights: dict[str, float]
) -> float:
    """The weighted mean of some scores."""
    total = sum(weights.values())
    pairs = [(scores[name], weights[name] / total) for name in scores]
    if mean == "arithmetic":
        return sum(score * share for score, share in pairs)
    if mean == "minimum":
        return min(scores.values())
    if mean in ("geometric", "harmonic"):
        if any(score <= 0 for score, _ in pairs):
            return 0.0
        if mean == "geometric":
            return math.prod(score**share for score, share in pairs)
        return 1 / sum(share / score for score, share in pairs)
    if "owa" in mean:
        return sum(scores[name] * share for name, share in by_place(mean["owa"], scores, weights).items())
    if "mazziotta_pareto" in mean:
        middle = sum(score * share for score, share in pairs)
        square = sum((score - middle) ** 2 * share for score, share in pairs)
        return middle + square / middle if middle > 0 else math.nan
    if "power" not in mean:
        chosen_weights = {name: weights[name] * part for name, part in chosen(mean, scores).items()}
        return sum(scores[name] * weight for name, weight in chosen_weights.items()) / sum(chosen_weights.values())
    power = mean["power"]
    if power < 0 and any(score <= 0 for score, _ in pairs):
        return 0.0
    return sum(max(score, 0.0) ** power * share for score, share in pairs) ** (1 / power)


def chosen(mean: dict, scores: dict[str, float]) -> dict[str, float]:
    """Return which part of each score is among the k worst or best: equal ones share the last places."""
    ((which, number),) = mean.items()
    left, parts = float(number), {}
    keys = {name: round(score, 9) if which == "worst" else -round(score, 9) for name, score in scores.items()}
    for key in sorted(set(keys.values())):
        equal = [name for name, item in keys.items() if item == key]
        taken = min(left, len(equal))
        parts |= dict.fromkeys(equal, taken / len(equal))
        left -= taken
    return parts


def held(caps: list[dict], value: float, scores: dict[str, float | None], names: dict[str, float | None]) -> float:
    """Return a score under the caps of its node."""
    for cap in caps:
        if "when" in cap:
            applies = holds(cap["when"], names) is True
        else:
            known = [(scores[name], bound) for name, bound in cap["below"].items()]
            applies = any(score is not None and round(score, 9) < bound for score, bound in known)
        value = min(value, cap["at_most"]) if applies else value
    return value


# ---- AFTER THE TREE ---- #


def holds(when: str, names: dict[str, float | None]) -> bool | None:
    """Return whether a condition holds; None where it cannot be judged."""
    try:
        return evaluate(when, names)
    except ZeroDenominatorError:
        return None


def points(adjustment: dict, names: dict[str, float | None], unit: str) -> float:
    """Return the points that a bonus or deduction gives, zero or more."""
    if "when" in adjustment:
        return float(adjustment["points"]) if holds(adjustment["when"], names) else 0.0
    value = names[adjustment["of"]]
    if value is None:
        return 0.0
    steps = round(max(value / quantity(adjustment.get("per", 1), unit), 0.0), 9)
    if adjustment.get("steps", "whole") == "whole":
        steps = math.floor(steps)
    return min(steps * adjustment["points"], adjustment.get("max", math.inf))


def opened(adjustment: dict, before: float, ranking: dict, nodes: dict[str, Node]) -> bool:
    """Return whether a bonus counts: the total before adjustments, or the scores it names, reach their cuts."""
    asked = adjustment.get("opens")
    if isinstance(asked, dict):
        scores = {name: nodes[name].score[0] for name in asked}
        return all(scores[name] is not None and round(scores[name], 9) >= cut for name, cut in asked.items())
    raw = ranking.get("on", "rounded") == "raw"
    shown = round(before, 9) if raw else rounded(before, ranking.get("decimals", 2), ranking.get("rounding", "half_up"))
    return asked is None or shown >= asked


def total(
    system: dict, nodes: dict[str, Node], names: dict[str, float | None], units: dict[str, str]
) -> tuple[Cell, list[str], float | None]:
    """Return the total on the scale of the full mark, the vetoes that hold, and the total if none made it fail."""
    root = nodes["composite"]
    composite = system.get("composite", {})
    adjustments = system.get("adjustments", {})
    vetoes = [name for name, item in adjustments.items() if item["kind"] == "veto" and holds(item["when"], names)]
    value, status = root.score
    if value is None:
        return (None, status), vetoes, None
    value = value * composite.get("full", 100) / 100
    own = {key: item for key, item in adjustments.items() if "within" not in item}
    added = {key: item for key, item in own.items() if item["kind"] not in ("veto", "limit")}
    earned = {
        key: signed(item, names, units) if opened(item, value, system["ranking"], nodes) else 0.0
        for key, item in added.items()
    }
    value += sum(earned.values()) + over_limits(own, earned)
    if added:
        floor, cap = composite.get("floor", 0), composite.get("cap")
        value = value if floor is None else max(value, floor)
        value = value if cap is None else min(value, cap)
    for name in vetoes:
        effect = adjustments[name]["effect"]
        if "score" in effect:
            value = float(effect["score"])
        elif "score_at_most" in effect:
            value = min(value, effect["score_at_most"])
        elif "fail" in effect:
            status = "not_scored"
    return ((value, "ok") if status == "ok" else (None, status)), vetoes, value


def place(system: dict, mine: tuple, others: list[tuple]) -> float | None:
    """Return the place of a key among the keys of the cohort; a key is the score and then what breaks ties."""
    if mine[0] is None:
        return None
    return places(
        mine, [item for item in others if item[0] is not None], system["ranking"].get("ties", "min"), higher=True
    )


# ---- STARS ---- #


@dataclass
class Rival:
    """Someone who may take a place: the total, that with the vetoes that fail left out, and the vetoes that hold."""

    score: float | None
    entered: float | None
    vetoes: list[str]


def earned(system: dict, mine: Rival, peers: list[Rival], tops: list[Cell], names: dict) -> int | None:
    """Return the stars before vetoes, without the memory of a ladder."""
    scheme, score = system["stars"], mine.score
    if score is None:
        return None
    match scheme["kind"]:
        case "bands":
            return max((stars for stars, cut in scheme["cuts"].items() if score >= cut), default=0)
        case "quota":
            return by_quota(system, mine, peers)
        case "lit":
            return min(sum(value is not None and value >= scheme.get("cut", 80) for value, _ in tops), 5)
    level = 0
    for stars, rung in sorted(scheme["rungs"].items()):
        floor = rung.get("pillars")
        met = [
            "score" not in rung or score >= rung["score"],
            floor is None or all(s == "not_applicable" or (v is not None and v >= floor) for v, s in tops),
            "when" not in rung or holds(rung["when"], names) is True,
        ]
        if not all(met):
            break
        level = stars
    return level


def by_quota(system: dict, mine: Rival, peers: list[Rival]) -> int:
    """Gives the places out from the best level down; who may not keep a level leaves its place to the next."""
    scheme = system["stars"]
    counted = scheme.get("vetoed", "passed_on") == "counted"
    rivals = [(item, item.entered if counted else item.score) for item in peers]
    rivals = [(item, value) for item, value in rivals if value is not None]
    exclude = scheme.get("ties", "include") == "exclude"
    got: dict[int, int] = {}
    ordered = sorted(scheme["shares"].items(), reverse=True)
    cumulative = 0.0
    for stars, share in ordered[:-1]:
        cumulative += share
        exact = round(len(rivals) * cumulative / 100, 9)
        seats = {"half_up": math.floor(exact + 0.5), "down": math.floor(exact), "up": math.ceil(exact)}
        takers = [
            (number, value)
            for number, (item, value) in enumerate(rivals)
            if counted or after_vetoes(system, got.get(number, stars), item.vetoes) >= stars
        ]
        for number, (_, value) in enumerate(rivals):
            ahead = [v for n, v in takers if v > value or (exclude and v == value and n != number)]
            if number not in got and len(ahead) < seats[scheme.get("rounding", "half_up")]:
                got[number] = stars
    place = next(number for number, (item, _) in enumerate(rivals) if item is mine)
    return got.get(place, ordered[-1][0])


def climbed(levels: list[int | None]) -> list[int | None]:
    """Return the levels of successive periods when one rises at most one a period; periods without count as well."""
    out: list[int | None] = []
    reach = None
    for level in levels:
        reach = level if reach is None else reach + 1 if level is None else min(level, reach + 1)
        out.append(None if level is None else reach)
    return out


def after_vetoes(system: dict, level: int | None, vetoes: list[str]) -> int | None:
    if level is None or "stars" not in system:
        return None
    scheme = system["stars"]
    lowest = min(*(scheme.get("cuts") or scheme.get("shares") or {0: 0}), scheme.get("floor", 9))
    for name in vetoes:
        effect = system["adjustments"][name]["effect"]
        if "stars_at_most" in effect:
            level = min(level, effect["stars_at_most"])
        elif "demote" in effect:
            level = max(level - effect["demote"], min(level, lowest))
    return level
