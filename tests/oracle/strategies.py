"""Random whole evaluations: a valid system of any shape, and data with the flaws that real data have."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.oracle.oracle_figures import MONTHS, UNITS, Event, Row

#: What a figure may be: zero, negative, ties, what binary fractions get wrong, large, and anything with one decimal.
FIGURES = st.one_of(
    st.sampled_from([0.0, 1.0, 2.0, 29.0, 57.0, 100.0, 100.0, -3.0, 0.07, 0.1, 33.3, 1e6]),
    st.integers(0, 1200).map(lambda n: n / 10),
)
#: A status and the cell that says it.
MARKS = {"missing": "—", "not_applicable": "/", "below_unit": "…"}
KINDS_OF_ROWS = ("mean", "min", "max", "median", "quantile", "last", "first", "sum", "distinct", "count")
AMOUNTS, COUNTS, RATES, STOCKS, YES = ("va", "gdp"), ("cases", "online"), ("rate",), ("people",), ("issued",)
JANUARY = 2022 * 12
POLICIES = ["redistribute", "spread", "zero", "fail", "cohort_mean", {"redistribute": {"at_least": 60}},
            {"spread": {"at_least": 50}}, {"penalty": {"points": 3}}]  # fmt: skip
MEANS = ["arithmetic", "arithmetic", "geometric", "harmonic", "minimum", {"power": 2}, {"power": -1}, {"power": 0.5},
         {"owa": 2}, {"mazziotta_pareto": "plus"}, {"worst": 1}, {"worst": 2}, {"best": 2}]  # fmt: skip
#: How the result of a pillar may be scored again; its values are percent.
AGAIN = ["minmax", "percentile", "rank", "efficacy", "goalposts", "benchmark"]


@dataclass(frozen=True)
class Evaluation:
    """A definition, its data, and who belongs to which cohort."""

    system: dict
    rows: list[Row]
    events: list[Event]
    cohorts: dict[str, str]

    @property
    def yaml(self) -> str:
        return as_yaml(self.system)

    def files(self, folder: Path) -> list[Path]:
        """Write the data into a folder and return the files."""
        out = []
        if self.rows:
            header = ["period", "entity", "measure", "value", "unit", "revision", "target", "cohort"]
            lines = [
                [
                    span(row), row.entity, row.measure, MARKS.get(row.status, repr(row.value)), row.unit or "",
                    row.revision or "", "" if row.target is None else repr(row.target),
                    self.cohorts.get(row.entity, ""),
                ]
                for row in self.rows
            ]  # fmt: skip
            out.append(_write(folder / "reports.csv", header, lines))
        if self.events:
            names = list(self.events[0].columns)
            lines = [
                [
                    f"{item.month // 12}-{item.month % 12 + 1:02d}-{item.day:02d}", item.entity,
                    self.cohorts.get(item.entity, ""),
                    *("" if item.columns[name] is None else item.columns[name] for name in names),
                ]
                for item in self.events
            ]  # fmt: skip
            out.append(_write(folder / "events.csv", ["date", "entity", "cohort", *names], lines))
        return out


def as_yaml(system: dict) -> str:
    """A definition as YAML text; JSON is YAML but for the numbers among its keys."""

    def keyed(value: object) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{_key(key)}: {keyed(item)}" for key, item in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(keyed, value)) + "]"
        return json.dumps(value, ensure_ascii=False)

    return "\n".join(f"{key}: {keyed(value)}" for key, value in system.items())


def _key(key: object) -> str:
    return json.dumps(key, ensure_ascii=False) if isinstance(key, str) else repr(key)


def _write(path: Path, header: list[str], lines: list[list]) -> Path:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *lines])
    path.write_text(text.getvalue(), "utf-8")
    return path


def span(row: Row) -> str:
    year, first = divmod(row.start, 12)
    return f"{year}-{first + 1:02d}" if row.months == 1 else f"{year}年{first + 1}-{first + row.months}月"


def span_months(over: str) -> int:
    return {"y": 12, "m": 1}[over[-1]] * int(over[:-1])


# ---- WHOLE EVALUATIONS ---- #


@st.composite
def evaluations(draw: st.DrawFn) -> Evaluation:
    """Draws a system and data for it."""
    grain = draw(st.sampled_from(["quarter", "year", "month", "half"]))
    entities = draw(st.sampled_from([["甲"], ["甲", "乙"], ["甲", "乙", "丙", "丁"]]))
    cohorts = draw(st.sampled_from([{}, {"甲": "县", "乙": "县", "丙": "区", "丁": "区"}]))
    measures = draw(reported_measures())
    with_events = draw(st.booleans())
    if with_events:
        measures |= draw(event_measures())
    indicators = draw(indicator_sets(measures, grain))
    system = {
        "system": "random", "period": grain, "entities": {"title": "单位"},
        "datasets": {"reports": {"form": "reported"}}, "measures": measures, "indicators": indicators,
    }  # fmt: skip
    if with_events:
        system["datasets"]["events"] = {"form": "records", "columns": {"period": "date", "entity": "entity"}}
    if draw(st.booleans()):
        # Bands have a direction, which not all indicators share.
        system["scoring"] = draw(rules(no_target=True).filter(lambda rule: rule["kind"] != "bands"))
    names = list(indicators)
    if draw(st.integers(0, 5)):
        system["pillars"] = draw(trees(names))
        system["composite"] = draw(nodes()) | draw(st.sampled_from([{}, {"full": 110}, {"floor": 20, "cap": 90}]))
        if draw(st.integers(0, 3)) == 0:
            tops = [name for name, pillar in system["pillars"].items() if pillar.get("weight")]
            system["composite"]["caps"] = [draw(caps(tops))]
        if draw(st.booleans()):
            system["adjustments"] = draw(adjustments(measures, [*names, *system["pillars"]]))
    if system.get("pillars"):
        draw(as_printed(system, cohorts))
    pillars = system.get("pillars", {})
    effects = [item["effect"] for item in system.get("adjustments", {}).values() if item["kind"] == "veto"]
    if draw(st.integers(0, 7)) or any("stars_at_most" in item or "demote" in item for item in effects):
        system["stars"] = draw(schemes([name for name in pillars if pillars[name].get("weight")], list(measures)))
    system["ranking"] = draw(rankings(names))
    system |= draw(st.sampled_from([{}, {}, {"peers": "all"}]))
    system["lights"] = draw(st.sampled_from([{}, {"green": 5, "yellow": 40}]))
    rows = draw(figures(measures, grain, entities))
    events = draw(st.lists(event(entities), min_size=1, max_size=14)) if with_events else []
    return Evaluation(system, rows, events, cohorts)


@st.composite
def reported_measures(draw: st.DrawFn) -> dict[str, dict]:
    result: dict[str, dict] = {}
    for name in AMOUNTS:
        result[name] = {"unit": draw(st.sampled_from(["亿元", "万元"]))}
        how = draw(st.sampled_from([None, None, None, "ytd", "mean", "median", "max", "min", "first", "last"]))
        if how:
            result[name]["over_time"] = how
        if how in (None, "ytd") and draw(st.integers(0, 2)) == 0:
            result[name]["cumulative"] = True
        if how not in (None, "ytd") and draw(st.booleans()):
            result[name]["at_least"] = draw(st.integers(1, 3))
    result |= {name: {"unit": "件"} for name in COUNTS}
    result |= {name: {"unit": "%"} for name in RATES}
    result |= {name: {"unit": "户", "over_time": "last"} for name in STOCKS}
    result |= {name: {"unit": "是/否"} for name in YES}
    return result


@st.composite
def event_measures(draw: st.DrawFn) -> dict[str, dict]:
    result: dict[str, dict] = {}
    for number, kind in enumerate(draw(st.lists(st.sampled_from(KINDS_OF_ROWS), min_size=1, max_size=3))):
        item: dict = {"kind": kind, "from": "events", "unit": "件" if kind in ("count", "distinct") else "分钟"}
        if kind == "distinct":
            item["of"] = "渠道"
        elif kind != "count":
            item["of"] = "等待"
        if kind == "quantile":
            item["q"] = draw(st.sampled_from([0, 0.25, 0.9, 1]))
        if draw(st.booleans()):
            where = ["渠道 = '网上'", "等待 > 3", "渠道 = '网上' AND 等待 <= 5", "NOT (等待 < 4) OR 渠道 = '掌上'"]
            item["where"] = draw(st.sampled_from(where))
        how = draw(st.sampled_from([None, None, "sum", "mean", "max", "min", "last", "first"]))
        if how:
            item["over_time"] = how
        result[f"e{number}"] = item
    if draw(st.booleans()):
        result["finer"] = {"kind": "mean", "from": "events", "of": "等待", "unit": "分钟", "per": "村"}
    return result


# ---- INDICATORS AND THEIR SCORES ---- #


@st.composite
def indicator_sets(draw: st.DrawFn, measures: dict[str, dict], grain: str) -> dict[str, dict]:
    result: dict[str, dict] = {}
    for number in range(draw(st.integers(1, 5))):
        item = draw(indicator(measures, grain))
        unit = _unit_of(item, measures)
        which = draw(st.integers(0, 4))
        if item["kind"] == "milestone":
            if which:
                item["target"] = {"done": True, "by": draw(st.sampled_from(["2022-06", "2022", "2023Q1"]))}
            item |= draw(st.sampled_from([{}, {"late_score": 40}]))
        elif which:
            lower = draw(st.booleans())
            amount = 1 if which < 3 else 2
            item["target"] = [draw(targets(unit, lower=lower, grain=grain)) for _ in range(amount)]
            if amount == 1 or draw(st.booleans()):
                item["target"] = item["target"][0]
            if item["kind"] == "level" and draw(st.integers(0, 5)) == 0:
                item["target"] = {"at_most" if lower else "at_least": {"column": "target"}}
        if draw(st.integers(0, 2)) == 0:
            item["score"] = draw(rules(no_target="target" not in item and item["kind"] != "milestone"))
        if "better" not in item and "target" not in item and draw(st.booleans()):
            item["better"] = draw(st.sampled_from(["higher", "lower"]))
        _fit_direction(item)
        result[f"i{number}"] = item
    return result


def _unit_of(item: dict, measures: dict[str, dict]) -> str | None:
    return item.get("unit", measures[item["of"]]["unit"]) if item["kind"] == "level" else None


def _fit_direction(item: dict) -> None:
    """Bounds of bands must rise with the score where more is better, fall where less is."""
    targets = item.get("target", [])
    targets = targets if isinstance(targets, list) else [targets]
    lower = item.get("better") == "lower" or any("at_most" in target or "below" in target for target in targets)
    rule = item.get("score", {})
    for key in ("cuts", "no_target"):
        if isinstance(rule.get(key), dict):
            marks, cuts = sorted(rule[key]), sorted(rule[key].values(), reverse=lower)
            item["score"] = rule | {key: dict(zip(marks, cuts, strict=True))}


@st.composite
def indicator(  # noqa: C901, PLR0911, PLR0912 (one return per kind)
    draw: st.DrawFn, measures: dict[str, dict], grain: str
) -> dict:
    plain = [name for name, item in measures.items() if "per" not in item and item["unit"] != "是/否"]
    counts = [name for name in plain if measures[name]["unit"] == "件"]
    pairs = [("va", "gdp"), ("gdp", "va"), ("va", "people"), ("online", "cases"), ("cases", "online"), ("va", "cases")]
    kinds = ["level", "ratio", "coverage", "share", "growth", "rolling", "milestone", "formula"]
    flows = [name for name in plain if measures[name]["unit"] in ("件", "亿元") and "kind" not in measures[name]]
    flows = [name for name in flows if measures[name].get("over_time") != "ytd"]
    spans = [over for over in ("1m", "3m", "6m", "1y", "2y") if span_months(over) % MONTHS[grain] == 0]
    kind = draw(st.sampled_from([*kinds, "count"] if "finer" in measures else kinds))
    if kind == "level":
        of = draw(st.sampled_from(plain))
        other = {"亿元": "万元", "万元": "亿元", "件": "万件"}.get(measures[of]["unit"])
        change = other is not None and draw(st.integers(0, 3)) == 0
        return {"kind": kind, "of": of} | ({"unit": other} if change else {})
    if kind == "ratio":
        above, below = draw(st.sampled_from(pairs))
        extra = draw(st.sampled_from([{}, {}, {"min_denominator": 20}, {"negative": "allow"}]))
        if {above, below} <= {*flows, "people"} and draw(st.booleans()):
            extra = extra | {"pool": draw(st.sampled_from([*spans, "ytd"]))}
        return {"kind": kind, "numerator": above, "denominator": below} | extra
    if kind == "coverage":
        part, whole = draw(st.sampled_from([("online", "cases"), ("va", "gdp")]))
        extra = draw(st.sampled_from([{}, {"min_total": 20}]))
        if {part, whole} <= set(flows) and draw(st.booleans()):
            extra = extra | {"pool": draw(st.sampled_from([*spans, "ytd"]))}
        return {"kind": kind, "covered": part, "total": whole} | extra
    if kind == "share":
        extra = draw(st.sampled_from([{}, {"within": "cohort"}, {"negative": "allow"}]))
        return {"kind": kind, "of": draw(st.sampled_from(plain))} | extra
    if kind == "growth":
        of = draw(st.sampled_from(plain))
        windows = ["1y", "2y"]
        if measures[of].get("over_time") != "ytd":
            windows += [*(["6m"] if 6 % MONTHS[grain] == 0 else []), *(["1m", "1q"] if grain == "month" else [])]
        how = draw(st.sampled_from([{}, {"as": "points"}, {"as": "annualised"}]))
        if of in flows and draw(st.booleans()):
            return {"kind": kind, "of": of, "cumulative": True, "over": draw(st.sampled_from(["1y", "2y"]))} | how
        if grain != "half" and draw(st.integers(0, 3)) == 0:
            period = {"year": "2022", "quarter": "2022Q2", "month": "2022-02"}[grain]
            return {"kind": kind, "of": of, "since": period} | how
        return {"kind": kind, "of": of, "over": draw(st.sampled_from(windows))} | how
    if kind == "rolling":
        if flows and draw(st.booleans()):
            return {"kind": kind, "of": draw(st.sampled_from(flows)), "over": draw(st.sampled_from([*spans, "ytd"]))}
        of = draw(st.sampled_from([name for name in plain if measures[name].get("over_time") != "ytd"]))
        over = draw(st.sampled_from(spans))
        number = span_months(over) // MONTHS[grain]
        least = draw(st.sampled_from([{}, {"at_least": max(number - 1, 1)}]))
        return {"kind": kind, "of": of, "over": over, "as": "mean"} | least
    if kind == "count":
        test = draw(st.sampled_from([">= 5", "< 4", "> 29"]))
        return {"kind": kind, "of": "finer", "passes": test} | draw(
            st.sampled_from([{}, {"as": "share"}, {"min_units": 2}])
        )
    if kind == "milestone":
        return {"kind": kind, "of": "issued"}
    count = draw(st.sampled_from(counts))
    texts = [f"va / {count}", "( online + cases ) / people", "online - cases", "va * 2 / ( cases - online )"]
    texts += ["coalesce(online, 0) + cases", "coalesce(online, cases)", "coalesce(va, 1) / people"]
    texts += [
        "CASE WHEN online IS NULL THEN cases ELSE online * 2 END",
        "CASE WHEN va IS NULL THEN 0 ELSE va / people END",
    ]
    return {"kind": kind, "expr": draw(st.sampled_from(texts))}


@st.composite
def targets(draw: st.DrawFn, unit: str | None, *, lower: bool, grain: str) -> dict:
    number = draw(st.sampled_from([0, 1, 5, 29, 57, 100, -10, 12.5]))
    which = draw(
        st.sampled_from(["at_most", "below"] if lower else ["at_least", "above", "at_least", "equals", "within"])
    )
    given: object = number
    if which == "within":
        given = [number, number + draw(st.sampled_from([0.5, 20]))]
    elif unit in ("亿元", "万元") and draw(st.integers(0, 3)) == 0:
        given = f"{number} 万元"
    elif draw(st.integers(0, 9)) == 0:
        given = None
    target: dict = {which: given}
    if draw(st.booleans()):
        target["by"] = draw(st.sampled_from(["2022", "2023", "2023-06", "2024"]))
        steps = [25, 50, 75, 100][: min(4, 12 // MONTHS[grain])]
        plan = draw(st.sampled_from([None, "even", steps, "linear"]))
        if draw(st.integers(0, 2)) == 0 or plan == "linear":
            target["baseline"] = {"value": draw(st.sampled_from([0, 10, 29])), "period": "2021"}
        if plan is not None:
            target["schedule"] = plan
    return target | draw(st.sampled_from([{}, {}, {"tolerance": 5}]))


@st.composite
def rules(draw: st.DrawFn, *, no_target: bool) -> dict:
    """Draws a scoring rule; with `no_target` one that also says something without a target."""
    alone = ["benchmark", "piecewise", "goalposts", "efficacy", "minmax", "rank", "percentile", "bands"]
    kind = draw(st.sampled_from(alone if no_target else [*alone, "completion", "pass", "deduction", "step"]))
    own: dict[str, list[dict]] = {
        "completion": [{}, {"reverse": "mirror"}, {"cap": 120}, {"no_target": 60}],
        "benchmark": [{"benchmark": 50}, {"benchmark": 29, "reverse": "mirror"}, {"benchmark": -5, "cap": 150}, {}],
        "pass": [{}, {"full": 90, "fail": 20}, {"no_target": {60: 0, 90: 29}}],
        "deduction": [{"points": 2}, *({"points": 5, "per": 3, "steps": how} for how in ("whole", "started"))],
        "step": [{"points": 1}, {"points": 0.3, "base": 60, "per": 2}],
        "bands": [{"cuts": {100: 90, 80: 57, 60: 29, 20: 0}}],
        "piecewise": [{"knots": [[0, 0], [29, 60], [100, 120]]}, {"knots": [[10, 90], [50, 20]]}],
        "goalposts": [{"low": 0, "high": 100}, {"low": 1, "high": 1000, "log": True}],
        "efficacy": [{}, {"unacceptable": 10, "satisfactory": 60}, {"exponential": True}, {"floor": 0, "cap": 100}],
        "minmax": [{}, {"scale": [20, 80]}, {"constant": 70}, {"among": "panel"}, {"among": "period"}],
        "rank": [{}, {"ties": "average", "step": 10}, {"ties": "dense"}, {"ties": "max"}],
        "percentile": [{}],
    }  # fmt: skip
    return {"kind": kind} | draw(st.sampled_from(own[kind])) | draw(st.sampled_from([{}, {}, {"decimals": 1}]))


# ---- THE TREE AND WHAT FOLLOWS ---- #


@st.composite
def nodes(draw: st.DrawFn) -> dict:
    node: dict = {"mean": draw(st.sampled_from(MEANS)), "missing": draw(st.sampled_from(POLICIES))}
    return node | draw(st.sampled_from([{}, {}, {"decimals": 1}]))


@st.composite
def trees(draw: st.DrawFn, leaves: list[str]) -> dict[str, dict]:
    """Draws pillars over indicators: parts are put together, at random, until at most two are left."""
    weights = st.sampled_from([1, 2, 5, 30, 0.1])
    counted_or_not = st.sampled_from([1, 2, 5, 30, 0.1, 0])
    pillars: dict[str, dict] = {}
    loose = list(draw(st.permutations(leaves)))
    while len(loose) > 2 or any(name in leaves for name in loose):
        number = draw(st.integers(1, min(3, len(loose))))
        taken, loose = loose[:number], loose[number:]
        name = f"p{len(pillars)}"
        parts = {part: draw(counted_or_not if place else weights) for place, part in enumerate(taken)}
        pillars[name] = draw(nodes()) | {"parts": parts} | draw(afterwards(taken))
        loose.append(name)
        if len(pillars) > 6:
            number = len(loose)
            pillars["rest"] = draw(nodes()) | {"parts": dict.fromkeys(loose, 1)}
            loose = ["rest"]
    for name in loose:
        pillars[name]["weight"] = draw(weights)
    if draw(st.integers(0, 3)) == 0:
        pillars["beside"] = draw(nodes()) | {"weight": 0, "parts": {name: draw(weights) for name in loose}}
    return pillars


@st.composite
def afterwards(draw: st.DrawFn, parts: list[str]) -> dict:
    """Draws what follows the mean of a pillar: seldom a rule of its own, seldom caps."""
    after: dict = {}
    if draw(st.integers(0, 3)) == 0:
        alone = rules(no_target=True).filter(lambda rule: rule["kind"] in AGAIN)
        after["score"] = draw(alone.filter(lambda rule: rule["kind"] != "benchmark" or "benchmark" in rule))
    if draw(st.integers(0, 3)) == 0:
        after["caps"] = [draw(caps(parts))]
    return after


@st.composite
def caps(draw: st.DrawFn, parts: list[str]) -> dict:
    limits = {"when": draw(st.sampled_from(["cases > 40", "online / cases > 0.5"]))}
    if draw(st.booleans()):
        limits = {"below": {draw(st.sampled_from(parts)): draw(st.sampled_from([30, 60]))}}
    return {"at_most": draw(st.sampled_from([20, 50, 80]))} | limits


@st.composite
def adjustments(draw: st.DrawFn, measures: dict[str, dict], scores: list[str]) -> dict[str, dict]:
    effects = [{"stars_at_most": 2}, {"score_at_most": 50}, {"score": 59}, {"demote": 1}, {"fail": True}]
    whens = ["cases > 40", "online / cases > 0.5", "rate < 10 AND va > 3"]
    everything = {
        "extra": {"kind": "bonus", "of": draw(st.sampled_from(COUNTS)), "points": 0.5, "per": 10, "max": 8},
        "late": {"kind": "deduction", "of": "cases", "points": 0.1, "steps": "linear"},
        "plus": {"kind": "bonus", "when": draw(st.sampled_from(whens)), "points": 3},
        "stop": {"kind": "veto", "title": "否决", "when": draw(st.sampled_from(whens))},
    }  # fmt: skip
    everything["halt"] = {"kind": "veto", "when": draw(st.sampled_from(whens))}
    for name in ("stop", "halt"):
        everything[name]["effect"] = draw(st.sampled_from(effects))
    asked = [{}, {"opens": 40}, {"opens": {draw(st.sampled_from(scores)): 50}}]
    for name in ("extra", "plus"):
        everything[name] |= draw(st.sampled_from(asked))
    names = draw(st.sets(st.sampled_from(sorted(everything)), min_size=1))
    return {name: item for name, item in everything.items() if name in names}


@st.composite
def as_printed(  # noqa: C901, PLR0912 (one branch per way)
    draw: st.DrawFn, system: dict, cohorts: dict[str, str]
) -> None:
    """Let a system say what rules print: points in marks, weights by class, limits, adjustments within a pillar."""
    pillars, names = system["pillars"], list(system["indicators"])
    worth = {name: weight for pillar in pillars.values() for name, weight in pillar["parts"].items()}
    for name, item in system["indicators"].items():
        # An item that is shown and not counted has no marks.
        rule = item.get("score", {}) if worth.get(name) else {}
        if rule.get("kind") in ("deduction", "step") and draw(st.booleans()):
            rule["marks"] = rule.pop("points")
            if rule["kind"] == "deduction":
                rule |= draw(st.sampled_from([{}, {"max": 3}, {"floor": None}]))
        elif rule.get("kind") in ("bands", "piecewise", "pass") and draw(st.booleans()):
            # The cap says that more than the full marks is meant.
            if rule["kind"] == "pass":
                marks: Any = {key: rule.pop(key) / 20 for key in ("full", "fail") if key in rule}
            else:
                marks = rule.pop("cuts" if rule["kind"] == "bands" else "knots")
            rule |= {"marks": marks, "cap": 1_000_000}
    for pillar in pillars.values():
        if len(pillar["parts"]) > 1 and draw(st.integers(0, 3)) == 0:
            (a, x), (b, y), *_ = pillar["parts"].items()
            kinds = sorted(set(cohorts.values())) or [""]
            turned = [(x, y), (y, x), (x + y, 0)]
            chosen = [draw(st.sampled_from(turned)) for _ in kinds]
            for place, part in enumerate((a, b)):
                values = {kind: pair[place] for kind, pair in zip(kinds, chosen, strict=True)}
                pillar["parts"][part] = {"by": "cohort", "values": values}
    adjusted = system.get("adjustments", {})
    awards = [name for name, item in adjusted.items() if item["kind"] != "veto"]
    inside = set(draw(st.sets(st.sampled_from(awards)))) if awards and draw(st.booleans()) else set()
    pillar = draw(st.sampled_from(sorted(pillars)))
    for name in inside:
        asked = adjusted[name].get("opens")
        if isinstance(asked, dict):
            adjusted[name]["opens"] = {item: cut for item, cut in asked.items() if item in names} or 1
        adjusted[name]["within"] = pillar
    if inside:
        pillars[pillar] |= draw(st.sampled_from([{}, {"floor": None}, {"cap": 2}]))
    for key, some in (("most", [item for item in awards if item not in inside]), ("inside", sorted(inside))):
        if some and draw(st.booleans()):
            adjusted[key] = {"kind": "limit", "of": some, "max": draw(st.sampled_from([0.5, 4]))}
            adjusted[key] |= {"within": pillar} if key == "inside" else {}


@st.composite
def schemes(draw: st.DrawFn, tops: list[str], measures: list[str]) -> dict:
    rungs = {1: {"score": 20}, 2: {"score": 40, "when": "cases > 5"}, 3: {"score": 60, "pillars": 30}, 5: {"score": 80}}
    if not tops:
        del rungs[3]["pillars"]
    options: list[dict] = [
        {"kind": "bands", "cuts": {5: 90, 4: 80, 3: 70, 2: 60, 1: 0}},
        {"kind": "bands", "cuts": {5: 70, 3: 40, 1: 20}},
        {"kind": "quota", "shares": {5: 10, 4: 30, 3: 40, 1: 20}},
        {"kind": "quota", "shares": {5: 25, 3: 75}, "ties": "exclude", "rounding": "up"},
        {"kind": "quota", "shares": {5: 50, 3: 50}, "rounding": "down"},
        {"kind": "quota", "shares": {5: 25, 4: 25, 2: 25, 1: 25}},
        {"kind": "quota", "shares": {5: 25, 4: 25, 2: 25, 1: 25}, "ties": "exclude"},
        {"kind": "ladder", "rungs": rungs, "one_rung": draw(st.booleans())},
    ]
    if tops:
        options.append({"kind": "lit", "cut": 50})
    scheme = draw(st.sampled_from(options)) | {"on": draw(st.sampled_from(["rounded", "raw"]))}
    if scheme["kind"] == "quota":
        scheme |= draw(st.sampled_from([{}, {"vetoed": "passed_on"}, {"vetoed": "counted"}]))
    return scheme | draw(st.sampled_from([{}, {}, {"floor": 0}]))


@st.composite
def rankings(draw: st.DrawFn, names: list[str]) -> dict:
    ranking: dict = {
        "ties": draw(st.sampled_from(["min", "max", "average", "dense"])),
        "decimals": draw(st.integers(0, 3)),
        "rounding": draw(st.sampled_from(["half_up", "half_even"])),
        "on": draw(st.sampled_from(["rounded", "raw"])),
    }
    ranking |= draw(st.sampled_from([{}, {}, {"within": ["all", "cohort"]}, {"within": ["cohort", "all"]}]))
    if draw(st.booleans()):
        ranking["tie_break"] = [draw(st.sampled_from(names))]
    return ranking


# ---- DATA ---- #


@st.composite
def figures(  # noqa: C901 (one branch per flaw)
    draw: st.DrawFn, measures: dict[str, dict], grain: str, entities: list[str]
) -> list[Row]:
    """Draws reported figures: gaps, finer and cumulative periods, marks for no figure, other units, revisions."""
    size = MONTHS[grain]
    number = draw(st.integers(1, {1: 14, 3: 5, 6: 3, 12: 3}[size]))
    rows: list[Row] = []
    for name, measure in measures.items():
        if "kind" in measure:
            continue
        unit = measure["unit"]
        units = [
            None,
            None,
            *(item for item in UNITS if UNITS[item][1] == UNITS[unit][1] and UNITS[unit][1] == "money"),
        ]
        values = st.sampled_from([0.0, 1.0]) if unit == "是/否" else FIGURES
        for entity in entities:
            style = draw(st.sampled_from(["whole", "whole", "whole", "finer", "to_date", "none"]))
            if style == "none":
                continue
            for period in range(number):
                for start, months in _spans(style, JANUARY + period * size, size):
                    luck = draw(st.integers(0, 30))
                    if luck == 0:
                        continue
                    status = ["missing", "not_applicable", "below_unit"][luck - 1] if luck < 4 else "ok"
                    value = draw(values) if status == "ok" else None
                    row = Row(start, months, entity, name, value, status, draw(st.sampled_from(units)))
                    rows.append(row)
                    if luck == 4:
                        rows.append(Row(start, months, entity, name, draw(values), unit=row.unit, revision=1))
                    elif luck == 5:
                        rows.append(Row(start, months, entity, name, draw(values), unit=row.unit))
                    elif luck == 6:
                        rows[-1] = Row(
                            *[*row.__dict__.values()][:-1], target=draw(st.sampled_from([10.0, 29.0, 100.0]))
                        )
    if not rows:
        rows.append(Row(JANUARY, size, entities[0], next(iter(measures)), 1.0))
    return list(draw(st.permutations(rows))) if len(rows) < 12 else rows


def _spans(style: str, start: int, size: int) -> list[tuple[int, int]]:
    if style == "to_date":
        january = start // 12 * 12
        return [(january, start + size - january)]
    if style == "finer" and size > 1:
        step = 1 if size == 3 else 3
        return [(item, step) for item in range(start, start + size, step)]
    return [(start, size)]


@st.composite
def event(draw: st.DrawFn, entities: list[str]) -> Event:
    columns = {
        "渠道": draw(st.sampled_from(["网上", "掌上", "窗口", None])),
        "等待": draw(st.sampled_from([None, 0.0, 2.0, 3.5, 4.0, 5.0, 30.0, 29.0])),
        "村": draw(st.sampled_from(["一村", "二村", "三村", None])),
    }
    month = JANUARY + draw(st.integers(0, 8))
    return Event(month, draw(st.integers(1, 28)), draw(st.sampled_from(entities)), columns)
