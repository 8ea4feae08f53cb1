"""A system (评价体系): everything that defines one evaluation, and the checks across its definitions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from kpi import units
from kpi.adjustments import AnyAdjustment
from kpi.checks import AnyCheck
from kpi.datasets import AnyDataset
from kpi.definition import Block, Name, Path, Problem, Problems, Text
from kpi.errors import Severity, suggest
from kpi.indicators import AnyIndicator, Indicator, Milestone, Symbol
from kpi.indicators import Count as CountIndicator
from kpi.measures import AnyMeasure, Measure, Reported
from kpi.periods import Grain
from kpi.pillars import Composite, Pillar
from kpi.ranking import Ranking
from kpi.scoring import AnyRule, Completion, Rule
from kpi.scoring.absolute import cut_order
from kpi.stars import AnyScheme, Bands
from kpi.targets import Target
from kpi.units import Unit

if TYPE_CHECKING:
    from kpi.adjustments import Bonus, Deduction, Veto
    from kpi.checks import Check
    from kpi.datasets import Dataset
    from kpi.stars import Scheme

    Measures: TypeAlias = dict[str, Measure]
    Indicators: TypeAlias = dict[str, Indicator]
    Datasets: TypeAlias = dict[str, Dataset]
    Adjustments: TypeAlias = dict[str, Bonus | Deduction | Veto]
    Checks: TypeAlias = dict[str, Check]
    Stars: TypeAlias = Scheme
    Scoring: TypeAlias = Rule
else:
    Measures, Indicators, Datasets = dict[Name, AnyMeasure], dict[Name, AnyIndicator], dict[Name, AnyDataset]
    Adjustments, Checks, Stars, Scoring = dict[Name, AnyAdjustment], dict[Name, AnyCheck], AnyScheme, AnyRule

#: The name of the root of the tree among the columns of a result.
ROOT = "composite"


class Source(Block):
    """Where the system comes from."""

    document: str
    issuer: str | None = None
    date: dt.date | Text | None = None
    number: Text | None = Field(None, description="文号")
    note: str | None = None


class Entities(Block):
    """What is scored and ranked."""

    title: str = "单位"
    roster: str | None = Field(None, description="a CSV beside the definition: entity, code, name, cohort, order")


class Lights(Block):
    """红黄绿: how many percentage points behind schedule are still green, still yellow."""

    green: float = Field(0, ge=0)
    yellow: float = Field(30, ge=0)
    ours: bool = False


class System(BaseModel):
    """One evaluation: datasets, measures, indicators, scoring, tree, adjustments, stars, ranking, checks."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, title="kpi system")

    system: Annotated[str, StringConstraints(pattern=r"^[\w.-]+$")] = Field(description="the id, such as jiaxing-2022")
    title: str | None = None
    note: str | None = None
    source: Source | None = None
    period: Grain = Field(strict=False, description="the grain that is scored: month, quarter, half, year")
    entities: Entities
    datasets: Datasets = Field(default_factory=dict)
    measures: Measures = Field(min_length=1)
    indicators: Indicators = Field(min_length=1)
    scoring: Scoring | None = None
    pillars: dict[Name, Pillar] = Field(default_factory=dict)
    composite: Composite = Field(default_factory=Composite)
    adjustments: Adjustments = Field(default_factory=dict)
    stars: Stars = Field(default_factory=Bands)
    ranking: Ranking = Field(default_factory=Ranking)
    lights: Lights = Field(default_factory=Lights)
    checks: Checks = Field(default_factory=dict)

    # ---- WHAT THE DEFINITIONS COME TO ---- #

    @cached_property
    def symbols(self) -> dict[str, Symbol]:
        """Every measure and indicator with title and unit; a unit that cannot be told is None."""
        found: dict[str, Symbol] = {}
        for name, measure in self.measures.items():
            found[name] = Symbol(name, measure.title or name, _unit_or_none(measure.unit), measure.per)
        for level in self.levels:
            for name in level:
                indicator = self.indicators[name]
                try:
                    unit = indicator.in_unit(found)
                except units.UnitError:
                    unit = None
                found[name] = Symbol(name, indicator.title or name, unit)
        return found

    @cached_property
    def levels(self) -> tuple[tuple[str, ...], ...]:
        """The indicators by dependency: each level uses only measures and the levels before it. Cycles are left out."""
        waiting = {
            name: {used for _, used in indicator.inputs() if used in self.indicators}
            for name, indicator in self.indicators.items()
        }
        levels = []
        done: set[str] = set()
        while ready := tuple(name for name, needs in waiting.items() if needs <= done):
            levels.append(ready)
            done.update(ready)
            for name in ready:
                del waiting[name]
        return tuple(levels)

    @cached_property
    def parents(self) -> dict[str, str]:
        """The pillar that each part belongs to."""
        return {part: name for name, pillar in self.pillars.items() for part in pillar.parts}

    @cached_property
    def tops(self) -> dict[str, float]:
        """The pillars that no other names, with their weights; a single one needs none."""
        return {name: pillar.weight or 1.0 for name, pillar in self.pillars.items() if name not in self.parents}

    @cached_property
    def depths(self) -> tuple[tuple[str, ...], ...]:
        """The pillars by depth, the deepest first, so that parts come before what they make up."""
        depth = dict.fromkeys(self.tops, 0)
        order = list(depth)
        for name in order:
            for part in self.pillars[name].parts:
                if part in self.pillars and part not in depth:
                    depth[part] = depth[name] + 1
                    order.append(part)
        deepest = max(depth.values(), default=-1)
        return tuple(tuple(n for n, d in depth.items() if d == level) for level in range(deepest, -1, -1))

    def rule(self, name: str) -> Rule | None:
        """Returns the scoring rule of an indicator: its own, the system's, or completion where it has a target."""
        indicator = self.indicators[name]
        if indicator.score is not None:
            return indicator.score  # type: ignore[no-any-return]
        return self.scoring or (Completion() if self.targets(name) else None)

    def targets(self, name: str) -> tuple[Target, ...]:
        """Returns the targets of an indicator; a milestone without one is meant to be done."""
        indicator = self.indicators[name]
        implied = (Target(done=True),) if isinstance(indicator, Milestone) else ()
        return indicator.target or implied

    def unit(self, name: str) -> Unit:
        """Returns the unit of a measure or indicator of a system without problems."""
        unit = self.symbols[name].unit
        return units.ONE if unit is None else unit

    # ---- CHECKS ACROSS DEFINITIONS ---- #

    def problems(self) -> Problems:
        """Yields everything that is wrong with the system beyond the shape of its parts, in the order of the file."""
        yield from self._shared_names()
        yield from self._measure_problems()
        yield from self._indicator_problems()
        yield from self._tree_problems()
        for name, adjustment in self.adjustments.items():
            path: Path = ("adjustments", name)
            for used in adjustment.names():
                yield from self._known(used, (*path, "of"))
            yield from adjustment.problems(path, self.symbols)
        yield from self.stars.problems(("stars",), self.symbols, frozenset(self.pillars))
        for place, name in enumerate(self.ranking.tie_break):
            if name not in self.indicators and name not in self.pillars:
                yield self._unknown(name, ("ranking", "tie_break", place), "indicator or pillar")
        for name, check in self.checks.items():
            yield from check.problems(("checks", name), self.symbols, self.period)

    def _shared_names(self) -> Problems:
        spaces: dict[str, Iterable[str]] = {
            "measures": self.measures,
            "indicators": self.indicators,
            "pillars": self.pillars,
        }
        first: dict[str, str] = {}
        for space, names in spaces.items():
            for name in names:
                if name in first:
                    hint = "measures, indicators and pillars share one namespace; rename one"
                    yield Problem("K201", (space, name), f"`{name}` is already one of the {first[name]}", hint=hint)
                elif name in (ROOT, "entity", "period", "cohort"):
                    yield Problem("K202", (space, name), f"`{name}` is a name the engine uses itself")
                first.setdefault(name, space)

    def _measure_problems(self) -> Problems:
        for name, measure in self.measures.items():
            path: Path = ("measures", name)
            try:
                units.parse(measure.unit)
            except units.UnitError as error:
                yield Problem("K305", (*path, "unit"), str(error), hint=error.hint, label="unknown unit")
            yield from _measure_problems(measure, path, self.datasets)

    def _indicator_problems(self) -> Problems:
        ordered = {name for level in self.levels for name in level}
        for name, indicator in self.indicators.items():
            path: Path = ("indicators", name)
            unknown = False
            for tail, used in indicator.inputs():
                problems = list(self._known(used, (*path, *tail)))
                unknown = unknown or bool(problems)
                yield from problems
                symbol = self.symbols.get(used)
                if symbol is not None and symbol.per is not None and not isinstance(indicator, CountIndicator):
                    hint = "only `kind: count` reads a measure with `per`"
                    yield Problem(
                        "K407", (*path, *tail), f"`{used}` has a number per {symbol.per}, not per entity", hint=hint
                    )
            if unknown:
                continue
            if name not in ordered:
                yield Problem("K406", path, f"`{name}` depends on itself")
                continue
            declared = getattr(indicator, "unit", None)
            if declared is not None and _unit_or_none(declared) is None:
                yield from _unit_problem(declared, (*path, "unit"))
                continue
            found = list(indicator.problems(path, self.symbols, self.period))
            yield from found
            unit = self.symbols[name].unit
            rule = self.rule(name)
            if rule is not None and unit is not None:
                at: Path = (*path, "score") if indicator.score is not None else ("scoring",)
                found = list(rule.problems(at, unit))
                yield from found
                if not found:
                    yield from cut_order(rule, at, unit, higher=indicator.direction == "higher")

    def _tree_problems(self) -> Problems:
        seen: dict[str, str] = {}
        for name, pillar in self.pillars.items():
            for part in pillar.parts:
                path: Path = ("pillars", name, "parts", part)
                if part not in self.indicators and part not in self.pillars:
                    yield self._unknown(part, path, "indicator or pillar")
                elif part in seen:
                    yield Problem(
                        "K408", path, f"`{part}` is already a part of `{seen[part]}`", hint="a part has one parent"
                    )
                seen.setdefault(part, name)
            if name not in self.parents and pillar.weight is None and len(self.tops) > 1:
                yield Problem("K409", ("pillars", name), f"the top pillar `{name}` has no weight", hint="add `weight:`")
            if name in self.parents and pillar.weight is not None:
                hint = f"its weight is the number beside it in the parts of `{self.parents[name]}`"
                yield Problem(
                    "K410", ("pillars", name, "weight"), "only top pillars have a weight of their own", hint=hint
                )
        reached = {name for level in self.depths for name in level}
        for name in self.pillars:
            if name not in reached:
                yield Problem("K406", ("pillars", name), f"`{name}` is a part of itself")
        yield from self._unscored()

    def _unscored(self) -> Problems:
        for name in self.parents:
            if name in self.indicators and not self._can_score(name):
                path: Path = ("pillars", self.parents[name], "parts", name)
                hint = "give its target a number, or a scoring rule that needs none"
                yield Problem(
                    "K417",
                    path,
                    f"`{name}` has weight but no target to score it by",
                    hint=hint,
                    severity=Severity.WARNING,
                )

    def _can_score(self, name: str) -> bool:
        rule = self.rule(name)
        if rule is None or not rule.needs_target:
            return rule is not None
        given = [
            t for t in self.targets(name) if t.done is not None or t.within or getattr(t, t.comparator) is not None
        ]
        return bool(given)

    def _known(self, name: str, path: Path) -> Iterator[Problem]:
        if name not in self.symbols and name not in self.indicators:
            yield self._unknown(name, path, "measure or indicator")

    def _unknown(self, name: str, path: Path, what: str) -> Problem:
        names = [*self.measures, *self.indicators, *self.pillars]
        return Problem("K203", path, f"unknown {what} `{name}`", hint=suggest(name, names), label="not defined")


def _unit_or_none(text: str) -> Unit | None:
    try:
        return units.parse(text)
    except units.UnitError:
        return None


def _unit_problem(text: str, path: Path) -> Problems:
    try:
        units.parse(text)
    except units.UnitError as error:
        yield Problem("K305", path, str(error), hint=error.hint, label="unknown unit")


def _measure_problems(measure: Measure, path: Path, datasets: dict[str, Any]) -> Problems:
    from kpi import expressions, terms

    wants = ("reported", "panel") if isinstance(measure, Reported) else ("records",)
    if measure.source is not None:
        dataset = datasets.get(measure.source)
        if dataset is None:
            hint = suggest(measure.source, datasets)
            yield Problem(
                "K204", (*path, "from"), f"unknown dataset `{measure.source}`", hint=hint, label="not defined"
            )
        elif dataset.form not in wants:
            kind = getattr(measure, "kind", "")
            message = f"`{kind}` needs a dataset of form {' or '.join(wants)}; `{measure.source}` is {dataset.form}"
            yield Problem("K411", (*path, "from"), message)
    elif not isinstance(measure, Reported) and sum(one.form == "records" for one in datasets.values()) != 1:
        yield Problem("K411", path, f"`{path[-1]}` does not say which records it comes from", hint="add `from:`")
    if not isinstance(measure, Reported) and measure.over_time == "ytd" and not measure.additive:
        yield Problem("K411", (*path, "over_time"), "only sums and counts of records can be year to date")
    if measure.where is not None:
        try:
            expressions.parse(measure.where)
        except terms.ExpressionError as error:
            yield Problem(
                error.code, (*path, "where"), error.message, hint=error.hint, label=error.label, span=error.span
            )
