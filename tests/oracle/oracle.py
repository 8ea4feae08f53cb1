"""A second opinion: a whole evaluation in plain Python, one entity, one period, one indicator at a time.

It is written from the words of the definition language, without Polars and without the package's code, so that what
both say is true twice. A definition is the mapping that its YAML holds; data are `Row` and `Event` values.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass, field

from tests.oracle.oracle_figures import (
    MISSING,
    MONTHS,
    UNITS,
    Cell,
    Event,
    Row,
    ZeroDenominatorError,
    evaluate,
    exact_sum,
    factor,
    recorded,
    reported,
)
from tests.oracle.oracle_rules import (
    HAIR,
    attainment,
    bands,
    bounds,
    comparator,
    due,
    in_force,
    last_month,
    reached,
    rounded,
    score,
)
from tests.oracle.oracle_tree import (
    Node,
    Rival,
    after_vetoes,
    climbed,
    combine,
    earned,
    held,
    place,
    total,
    weight_of,
    within,
)  # fmt: skip

#: A period and an entity.
Key = tuple[int, str]


@dataclass
class Opinion:
    """What the oracle says, by period and entity and, where there is one, name."""

    measures: dict[tuple[int, str, str], Cell] = field(default_factory=dict)
    indicators: dict[tuple[int, str, str], dict] = field(default_factory=dict)
    pillars: dict[tuple[int, str, str], dict] = field(default_factory=dict)
    totals: dict[Key, dict] = field(default_factory=dict)


def span(over: str) -> int:
    """Return the months of a window such as 12m, 4q or 1y."""
    return {"y": 12, "q": 3, "m": 1}[over[-1]] * int(over[:-1])


def judge(system: dict, rows: list[Row], events: list[Event], cohorts: dict[str, str]) -> Opinion:
    """Return what every number of a scorecard must be."""
    return _Judge(system, rows, events, cohorts).opinion()


class _Judge:
    def __init__(self, system: dict, rows: list[Row], events: list[Event], cohorts: dict[str, str]) -> None:
        self.system, self.rows, self.events, self.cohorts = system, rows, events, cohorts
        self.size = MONTHS[system["period"]]
        self.entities = sorted({item.entity for item in [*rows, *events]})
        self.out = Opinion()
        self.units = {name: measure["unit"] for name, measure in system["measures"].items()}
        self.finer: dict[str, dict] = {}

    def cohort(self, entity: str) -> list[str]:
        return [item for item in self.entities if self.cohorts.get(item) == self.cohorts.get(entity)]

    def peers(self, entity: str) -> list[str]:
        return self.entities if self.system.get("peers") == "all" else self.cohort(entity)

    def ranked(self, entity: str) -> list[str]:
        return self.entities if self.system["ranking"].get("within", ["cohort"])[0] == "all" else self.cohort(entity)

    def opinion(self) -> Opinion:
        result = self.figures()
        first, last = min(p for *_, p in result), max(p for *_, p in result)
        self.periods = list(range(first, last + 1))
        self.grid = [(period, entity) for period in self.periods for entity in self.entities]
        self.cells: dict[tuple[int, str, str], Cell] = {}
        for name, measure in self.system["measures"].items():
            if "per" not in measure:
                for period, entity in self.grid:
                    self.cells[period, entity, name] = result.get((name, entity, period), MISSING)
        self.out.measures = dict(self.cells)
        for name, indicator in self.system["indicators"].items():
            self.units[name] = self.unit(indicator)
            values = {key: self.value(indicator, *key) for key in self.grid}
            for (period, entity), (value, status) in values.items():
                if value is not None and not math.isfinite(value):
                    value, status = None, "out_of_range"  # noqa: PLW2901
                self.cells[period, entity, name] = (value, status)
        self.scores()
        self.tree()
        self.league()
        return self.out

    # ---- MEASURES ---- #

    def figures(self) -> dict[tuple[str, str, int], Cell]:
        measures = self.system["measures"]
        result = reported(self.rows, {n: m for n, m in measures.items() if "kind" not in m}, self.size)
        for name, measure in measures.items():
            if "kind" in measure:
                cells = recorded(self.events, measure, self.size)
                self.finer[name] = cells
                # A finer unit's figure makes its period exist, too.
                result |= {(name, entity, period): cell for (entity, _, period), cell in cells.items()}
        return result

    # ---- INDICATORS ---- #

    def unit(self, indicator: dict) -> str:
        kind = indicator["kind"]
        if kind == "level":
            return indicator.get("unit", self.units[indicator["of"]])
        if kind == "ratio":
            above, below = self.units[indicator["numerator"]], self.units[indicator["denominator"]]
            return "%" if UNITS[above][1] == UNITS[below][1] else f"{above}/{below}"
        if kind == "rolling":
            return self.units[indicator["of"]]
        if kind == "growth" and indicator.get("as") == "points":
            unit = self.units[indicator["of"]]
            return "百分点" if unit == "%" else unit
        if kind == "count":
            return "%" if indicator.get("as") == "share" else "个"
        return {"milestone": "是/否", "formula": "?"}.get(kind, "%")

    def value(self, indicator: dict, period: int, entity: str) -> Cell:
        return getattr(self, indicator["kind"])(indicator, period, entity)

    def cell(self, period: int, entity: str, name: str) -> Cell:
        return self.cells.get((period, entity, name), MISSING)

    def level(self, item: dict, period: int, entity: str) -> Cell:
        value, status = self.cell(period, entity, item["of"])
        return (None, status) if value is None else (value * factor(self.units[item["of"]], self.unit(item)), "ok")

    def ratio(self, item: dict, period: int, entity: str) -> Cell:
        sides = [item["numerator"], item["denominator"]]
        (above, why), (below, why_not) = self.sides(sides, item.get("pool"), period, entity)
        if above is None or below is None:
            return None, why if above is None else why_not
        if below == 0:
            return None, "zero_denominator"
        if below < 0 and item.get("negative") != "allow":
            return None, "negative_denominator"
        if below < item.get("min_denominator", -math.inf):
            return None, "too_few"
        units = self.units[item["numerator"]], self.units[item["denominator"]]
        return above / below * (100 * factor(*units) if self.unit(item) == "%" else 1), "ok"

    def coverage(self, item: dict, period: int, entity: str) -> Cell:
        (part, why), (whole, why_not) = self.sides([item["covered"], item["total"]], item.get("pool"), period, entity)
        if part is None or whole is None:
            return None, why if part is None else why_not
        part *= factor(self.units[item["covered"]], self.units[item["total"]])
        if whole <= 0:
            return None, "negative_denominator" if whole else "zero_denominator"
        if part < 0 or part > whole + abs(whole) * HAIR:
            return None, "out_of_range"
        if whole < item.get("min_total", -math.inf):
            return None, "too_few"
        return 100 * part / whole, "ok"

    def share(self, item: dict, period: int, entity: str) -> Cell:
        value, status = self.cell(period, entity, item["of"])
        if value is None:
            return None, status
        within = self.entities if item.get("within", "all") == "all" else self.cohort(entity)
        cells = [self.cell(period, other, item["of"]) for other in within]
        if any(why not in ("ok", "not_applicable") for _, why in cells):
            return None, "incomplete"
        whole = sum(v for v, _ in cells if v is not None)
        if whole < 0 and item.get("negative") != "allow":
            return None, "negative_denominator"
        return (100 * value / whole, "ok") if whole else (None, "zero_denominator")

    def sides(self, names: list[str], pool: str | None, period: int, entity: str) -> list[Cell]:
        """Return figures, each over a window where there is one; what they lack together is why either is missing."""
        now = [self.cell(period, entity, name) for name in names]
        if pool is None or any(value is None for value, _ in now):
            return now
        over = [self.window(name, pool, period, entity) for name in names]
        if any(value is None for value, _ in over):
            why = "refused" if any(status == "refused" for _, status in over) else "incomplete"
            return [(None, why)] * len(over)
        return over

    def window(self, name: str, over: str, period: int, entity: str) -> Cell:
        """Return the total of a figure over a window that ends with a period."""
        here = self.cell(period, entity, name)
        if here[0] is None:
            return here
        periods = 12 // self.size
        number = period % periods + 1 if over == "ytd" else span(over) // self.size
        cells = [self.cell(when, entity, name) for when in range(period - number + 1, period + 1)]
        if any(status == "refused" for _, status in cells):
            return None, "refused"
        if any(value is None for value, _ in cells):
            return None, "incomplete"
        return exact_sum([value for value, _ in cells]), "ok"

    def rolling(self, item: dict, period: int, entity: str) -> Cell:
        number = 1 if item["over"] == "ytd" else span(item["over"]) // self.size
        if "at_least" in item:
            cells = [self.cell(when, entity, item["of"]) for when in range(period - number + 1, period + 1)]
            values = [value for value, _ in cells if value is not None]
            if len(values) >= item["at_least"]:
                return exact_sum(values) / len(values), "ok"
        value, status = self.window(item["of"], item["over"], period, entity)
        if value is None or "at_least" in item:
            return None, "incomplete" if status == "ok" else status
        return (value / number if item.get("as") == "mean" else value), "ok"

    def growth(self, item: dict, period: int, entity: str) -> Cell:  # noqa: PLR0911 (one return per status)
        months = span(item.get("over", "1y"))
        back = months // self.size
        value, status = self.cell(period, entity, item["of"])
        if "since" in item:
            back = period - (last_month(item["since"]) // self.size)
            months = back * self.size
        base = self.cell(period - back, entity, item["of"])[0] if back > 0 else None
        if item.get("cumulative"):
            value, status = self.window(item["of"], "ytd", period, entity)
            base = self.window(item["of"], "ytd", period - back, entity)[0]
        if value is None:
            return None, status
        if base is None:
            return None, "no_baseline"
        how = item.get("as", "rate")
        if how == "points":
            return value - base, "ok"
        if base <= 0:
            return None, "zero_baseline" if base == 0 else "negative_baseline"
        if how == "rate":
            return 100 * (value / base - 1), "ok"
        years = months / 12
        ratio = value / base
        if ratio < 0 and 1 / years != int(1 / years):
            return None, "out_of_range"
        return 100 * (ratio ** (1 / years) - 1), "ok"

    def count(self, item: dict, period: int, entity: str) -> Cell:
        cells = [cell for (who, _, when), cell in self.finer[item["of"]].items() if (who, when) == (entity, period)]
        values = [value for value, _ in cells if value is not None]
        if not values:
            return MISSING
        if len(values) < item.get("min_units", 0):
            return None, "too_few"
        passed = sum(evaluate(f"value {item['passes']}", {"value": value}) is True for value in values)
        return (100 * passed / len(values) if item.get("as") == "share" else float(passed)), "ok"

    def milestone(self, item: dict, period: int, entity: str) -> Cell:
        known = [(when, self.cell(when, entity, item["of"])[0]) for when in self.periods if when <= period]
        known = [(when, value) for when, value in known if value is not None]
        if not known:
            return None, self.cell(period, entity, item["of"])[1]
        if known[-1][1] <= 0:
            return 0.0, "ok"
        done_in = min(when for when, value in known if value > 0) * self.size
        deadlines = [last_month(target["by"]) for target in listed(item.get("target")) if "by" in target]
        return (None, "late") if deadlines and done_in > max(deadlines) else (1.0, "ok")

    def formula(self, item: dict, period: int, entity: str) -> Cell:
        needed = [name for name in self.units if re.search(rf"\b{name}\b", item["expr"])]
        order = sorted(needed, key=item["expr"].index)
        cells = {name: self.cell(period, entity, name) for name in order}
        text = needed_part(" ".join(item["expr"].split()), cells)
        for name in order:
            if cells[name][1] != "ok" and re.search(rf"\b{name}\b", text):
                return None, cells[name][1]
        try:
            return float(evaluate(text, {name: value for name, (value, _) in cells.items()})), "ok"
        except ZeroDenominatorError:
            return None, "zero_denominator"
        except OverflowError:
            return None, "out_of_range"

    # ---- TARGETS AND SCORES ---- #

    def own_target(self, name: str, period: int, entity: str) -> float | None:
        """The entity's own target: as given for the period, else the one before, else the first one after."""
        of = self.system["indicators"][name].get("of")
        unit = self.units[name]
        given = sorted(
            (row.end // self.size, row.start, number, row.target * (factor(row.unit, unit) if row.unit else 1))
            for number, row in enumerate(self.rows)
            if row.entity == entity and row.target is not None and row.measure in (of, name)
        )
        before = [target for when, _, _, target in given if when <= period]
        return before[-1] if before else given[0][3] if given else None

    def goal(self, name: str, period: int, entity: str) -> tuple[dict | None, float | None, float | None]:
        month = (period + 1) * self.size - 1
        target = in_force(self.targets(name), month)
        if target is None:
            return None, None, None
        own = self.own_target(name, period, entity) if isinstance(target[comparator(target)], dict) else None
        return target, *bounds(target, self.units[name], own)

    def targets(self, name: str) -> list[dict]:
        item = self.system["indicators"][name]
        return listed(item.get("target")) or ([{"done": True}] if item["kind"] == "milestone" else [])

    def scores(self) -> None:
        for name, item in self.system["indicators"].items():
            implied = any("at_most" in target or "below" in target for target in listed(item.get("target")))
            higher = item.get("better", "lower" if implied else "higher") == "higher"
            rule = (
                item.get("score")
                or self.system.get("scoring")
                or ({"kind": "completion"} if self.targets(name) else None)
            )
            for period, entity in self.grid:
                cell = self.cells[period, entity, name]
                target, low, high = self.goal(name, period, entity)
                met = None
                if target is not None and cell[0] is not None and low is not None:
                    met = reached(target, cell[0], low, high)
                among = "cohort" if rule is None else rule.get("among", "cohort")
                when = self.periods if among == "panel" else [period]
                others = self.entities if among == "period" else self.peers(entity)
                peers = [self.cells[item, other, name][0] for item in when for other in others]
                case = {
                    "value": cell[0], "peers": [v for v in peers if v is not None], "higher": higher, "target": low,
                    "upper": high, "reached": met, "unit": self.units[name],
                    "marks": self.marks(name, entity),
                }  # fmt: skip
                self.out.indicators[period, entity, name] = {
                    "value": cell[0], "status": cell[1], "target": low, "reached": met,
                    **self.progress(name, period, cell, (target, low, high)),
                    **dict(zip(("score", "score_status"), self.scored(item, rule, cell, case), strict=True)),
                }  # fmt: skip

    def marks(self, name: str, entity: str) -> float | None:
        """Return the marks of an item, its weight in the tree."""
        parts = next((item["parts"] for item in self.system.get("pillars", {}).values() if name in item["parts"]), {})
        return weight_of(parts[name], self.cohorts.get(entity, "")) if name in parts else None

    def scored(self, item: dict, rule: dict | None, cell: Cell, case: dict) -> Cell:
        if cell[1] == "late" and rule is not None:
            return float(item.get("late_score", 0)), "ok"
        if rule is None:
            return None, "not_applicable" if cell[1] == "not_applicable" else "no_target"
        if "no_target" in rule and listed(item.get("target")) and case["target"] is None:
            given = rule["no_target"]
            if isinstance(given, dict) and cell[0] is not None:
                return bands({"cuts": given}, case), "ok"
            if not isinstance(given, dict) and cell[1] != "not_applicable":
                return float(given), "ok"
        return (None, cell[1]) if cell[0] is None else score(rule, case)

    def progress(self, name: str, period: int, cell: Cell, goal: tuple) -> dict:
        """Attainment, schedule and light of one value."""
        target, low, high = goal
        value = 1.0 if cell[1] == "late" else cell[0]
        attained = planned = None
        if target is not None:
            planned = due(target, (period + 1) * self.size - 1)
            if value is not None and low is not None:
                attained = attainment(target, value, low, high, self.units[name])
        light = "none"
        if attained is not None and planned is not None:
            behind = round(planned - attained, 9)
            limits = {"green": 0, "yellow": 30, **self.system.get("lights", {})}
            light = "green" if behind <= limits["green"] else "yellow" if behind <= limits["yellow"] else "red"
        return {"attainment": attained, "schedule": planned, "light": light}

    # ---- THE TREE ---- #

    def tree(self) -> None:
        pillars = self.system.get("pillars", {})
        beside = [name for name, pillar in pillars.items() if pillar.get("weight") == 0]
        inner = {part for name, pillar in pillars.items() if name not in beside for part in pillar["parts"]}
        inner |= set(beside)
        self.tops = {name: pillar.get("weight", 1.0) for name, pillar in pillars.items() if name not in inner}
        self.nodes: dict[Key, dict[str, Node]] = defaultdict(dict)
        for (period, entity, name), answer in self.out.indicators.items():
            coverage = None if answer["score"] is None else 100.0
            self.nodes[period, entity][name] = Node((answer["score"], answer["score_status"]), coverage)
        for name in (*self.bottom_up(list(self.tops)), *beside):
            self.add(name, pillars[name], pillars[name]["parts"])
        if self.tops:
            self.add("composite", self.system.get("composite", {}), self.tops)
        for key in self.grid:
            self.weigh(key, "composite", 100.0)
            self.settle(key)

    def weights_of(self, name: str) -> dict[str, float]:
        return self.tops if name == "composite" else self.system["pillars"][name]["parts"]

    def bottom_up(self, names: list[str]) -> list[str]:
        pillars = self.system.get("pillars", {})
        below = [part for name in names for part in pillars[name]["parts"] if part in pillars]
        return [*(self.bottom_up(below) if below else []), *names]

    def add(self, name: str, node: dict, weights: dict[str, float]) -> None:
        created = {}
        for period, entity in self.grid:
            peers = [self.nodes[period, other] for other in self.peers(entity)]
            # What weighs nothing in every class is shown and not counted.
            counted = {part: weight for part, weight in weights.items() if weight}
            own = {part: weight_of(weight, self.cohorts.get(entity, "")) for part, weight in counted.items()}
            parts = self.nodes[period, entity]
            created[period, entity] = combine(node, own, parts, peers)
        for key, item in created.items():
            self.nodes[key][name] = item
        if "score" in node:
            self.score_again(node["score"], created)
        for key, item in created.items():
            if item.score[0] is not None:
                scores = {part: other.score[0] for part, other in self.nodes[key].items()}
                item.score = (held(node.get("caps", []), item.score[0], scores, self.names(key)), "ok")
        for (period, entity), item in created.items():
            own = {part: weight_of(weight, self.cohorts.get(entity, "")) for part, weight in weights.items()}
            self.nodes[period, entity][name] = within(
                self.system, name, item, sum(own.values()), self.nodes[period, entity], self.names((period, entity)),
                self.units,
            )  # fmt: skip

    def score_again(self, rule: dict, created: dict[Key, Node]) -> None:
        """Scores the results of a pillar among its peers."""
        results = {key: item.score[0] for key, item in created.items()}
        among = rule.get("among", "cohort")
        for (period, entity), item in created.items():
            value = results[period, entity]
            when = self.periods if among == "panel" else [period]
            others = self.entities if among == "period" else self.peers(entity)
            peers = [results[then, other] for then in when for other in others]
            case = {
                "value": value, "peers": [known for known in peers if known is not None], "higher": True,
                "target": None, "upper": None, "reached": None, "unit": "分",
            }  # fmt: skip
            if value is not None:
                item.score = score(rule, case)
            if item.score[0] is None:
                item.shares, item.counted = dict.fromkeys(item.shares), {}

    def settle(self, key: Key) -> None:
        """What is shown and not counted weighs nothing in a total, if there is one."""
        root = self.nodes[key].get("composite")
        nothing = None if root is None or root.score[0] is None else 0.0
        for name, pillar in self.system.get("pillars", {}).items():
            if (*key, name) not in self.out.pillars:
                answer = self.nodes[key][name]
                self.out.pillars[(*key, name)] = {
                    "score": answer.score[0], "status": answer.score[1], "coverage": answer.coverage, "weight": nothing,
                    "points": nothing,
                }  # fmt: skip
            for part in pillar["parts"]:
                said_of = self.out.indicators.get((*key, part))
                if said_of is not None and "weight" not in said_of:
                    said_of |= {"weight": nothing, "points": nothing}

    def weigh(self, key: Key, name: str, weight: float | None) -> None:
        """Hands the weight of a node down to its parts."""
        node = self.nodes[key].get(name)
        for part, share in (node.shares if node else {}).items():
            if share is None and node is not None and not self.weights_of(name).get(part, 1.0):
                continue
            mine = None if share is None or weight is None else weight * share
            answer = self.out.indicators.get((*key, part))
            below = self.nodes[key][part]
            value = below.score[0]
            counted = node.counted.get(part) if node else None
            full = self.system.get("composite", {}).get("full", 100)
            points = None if mine is None or counted is None else counted * mine / 100 * full / 100
            if answer is not None:
                answer |= {"weight": mine, "points": points}
            else:
                self.out.pillars[(*key, part)] = {
                    "score": value, "status": below.score[1], "weight": mine, "points": points,
                    "coverage": below.coverage,
                }  # fmt: skip
            self.weigh(key, part, mine)

    # ---- TOTALS ---- #

    def names(self, key: Key) -> dict[str, float | None]:
        return {name: self.cells[(*key, name)][0] for name in self.units if (*key, name) in self.cells}

    def league(self) -> None:
        system, ranking, scheme = self.system, self.system["ranking"], self.system.get("stars", {})
        vetoes, entered = {}, {}
        for key in self.grid:
            root = self.nodes[key].get("composite", Node((None, "not_scored")))
            (raw, status), vetoes[key], whole = total(
                system, self.nodes[key] | {"composite": root}, self.names(key), self.units
            )
            shown, entered[key] = (
                None if item is None else rounded(item, ranking.get("decimals", 2), ranking.get("rounding", "half_up"))
                for item in (raw, whole)
            )
            if scheme.get("on") == "raw":
                entered[key] = None if whole is None else round(whole, 9)
            self.out.totals[key] = {"score": shown, "raw_score": raw, "status": status, "coverage": root.coverage}
        ladder: dict[str, list] = defaultdict(list)
        for period, entity in self.grid:
            answer = self.out.totals[period, entity]
            cohort = [(period, other) for other in self.peers(entity)]
            keys = [self.key((period, other)) for other in self.ranked(entity)]
            answer["rank"] = place(system, self.key((period, entity)), keys)
            answer["of"] = sum(key[0] is not None for key in keys)
            rivals = {
                item: Rival(self.compared(item, scheme.get("on", "rounded")), entered[item], vetoes[item])
                for item in cohort
            }
            names = scheme.get("of") or list(self.tops)
            tops = [self.nodes[period, entity][top].score for top in names]
            tops = [(None if value is None else round(value, 9), why) for value, why in tops]
            mine = rivals[period, entity]
            names = self.names((period, entity))
            ladder[entity].append(earned(system, mine, list(rivals.values()), tops, names) if scheme else None)
            before = self.out.totals.get((period - 1, entity), {"rank": None, "score": None})
            both = answer["rank"] is not None and before["rank"] is not None
            answer["rank_change"] = before["rank"] - answer["rank"] if both else None
            answer["score_change"] = round(answer["score"] - before["score"], 9) if both else None
        for entity, levels in ladder.items():
            final = climbed(levels) if scheme.get("one_rung") else levels
            for period, level in zip(self.periods, final, strict=True):
                key = (period, entity)
                self.out.totals[key]["stars"] = after_vetoes(system, level, vetoes[key])
                titles = [system["adjustments"][name].get("title", name) for name in vetoes[key]]
                self.out.totals[key]["veto"] = "、".join(titles)

    def compared(self, key: Key, on: str) -> float | None:
        answer = self.out.totals[key]
        return answer["score"] if on == "rounded" or answer["raw_score"] is None else round(answer["raw_score"], 9)

    def key(self, key: Key) -> tuple:
        """What a unit is ranked by: its total, then what breaks ties, higher first, none last."""
        result: list[float | None] = [self.compared(key, self.system["ranking"].get("on", "rounded"))]
        for name in self.system["ranking"].get("tie_break", []):
            if name in self.system["indicators"]:
                item = self.system["indicators"][name]
                value = self.cells[(*key, name)][0]
                implied = any("at_most" in t or "below" in t for t in listed(item.get("target")))
                if item.get("better", "lower" if implied else "higher") == "lower" and value is not None:
                    value = -value
            else:
                value = self.nodes[key][name].score[0]
            result.append(-math.inf if value is None else value)
        return tuple(result)


def needed_part(text: str, cells: dict[str, Cell]) -> str:
    """What is left of `coalesce` and `CASE WHEN x IS NULL` once it is known which figures are there.

    Nothing stands in for a figure that was refused or covers its period only in part.
    """

    def stands_in(name: str) -> bool:
        return cells[name][0] is None and cells[name][1] not in ("refused", "incomplete")

    def first(pair: re.Match) -> str:
        other = pair[2] not in cells or cells[pair[2]][0] is not None or not stands_in(pair[2])
        return pair[2] if stands_in(pair[1]) and other else pair[1]

    if result := re.fullmatch(r"CASE WHEN (\w+) IS NULL THEN (.+) ELSE (.+) END", text):
        text = result[2] if stands_in(result[1]) else result[3]
    return re.sub(r"coalesce\((\w+), (\w+)\)", first, text)


def listed(target: dict | list | None) -> list[dict]:
    return [] if target is None else [target] if isinstance(target, dict) else target
