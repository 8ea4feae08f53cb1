"""A system (评价体系): everything that defines one evaluation, and the checks across its definitions."""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import math
import operator
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

import polars as pl
from pydantic import BeforeValidator, ConfigDict, Field, PrivateAttr, StringConstraints, model_validator

from kpi.errors import Diagnostic, Message
from kpi.language.adjustments import AnyAdjustment, all_awards
from kpi.language.aggregation.nodes import Composite, Node, Pillar
from kpi.language.alerts import Alert, Result, results
from kpi.language.checks import AnyCheck
from kpi.language.classes import Weighed, columns_of, differs, weight_words
from kpi.language.datasets import AnyDataset
from kpi.language.disclosure import Disclosure
from kpi.language.grouping import ALL, COHORTS, Group
from kpi.language.indicators import AnyIndicator, Symbol, rated_measures
from kpi.language.limits import AnyLimitsOfAll
from kpi.language.localisation import Localisation
from kpi.language.longer_totals import TotalsOver
from kpi.language.measures import AnyMeasure
from kpi.language.model import Block, Frozen, Name, OneOrMany, Text
from kpi.language.ranking import Ranking
from kpi.language.scoring import AnyRule, Completion, Rule
from kpi.language.stars.data_driven import AnyScheme
from kpi.language.targets import Target
from kpi.language.treatment.steps import AnyStep
from kpi.language.uncertainty import Uncertainty
from kpi.process import notebook
from kpi.values import units
from kpi.values.columns import COHORT, Column, group_of, kept_by
from kpi.values.periods import Grain, Length
from kpi.values.timelines import Timeline
from kpi.values.units import Unit

#: The name of the root of the tree among the columns of a result.
ROOT = "composite"

#: The rule of an indicator with a target where the system names none.
_BY_DEFAULT = Completion.of_defaults()


class Source(Block):
    """Where the system comes from."""

    document: str = Field(description="the title of the document")
    issuer: str | None = Field(None, description="who issued it (发文机关)")
    date: dt.date | Text | None = Field(None, description="when it was issued")
    number: Text | None = Field(None, description="its number (文号)")
    note: str | None = Field(None, description="free text about the document")


class Entities(Block):
    """What is scored and ranked."""

    title: str = Field("单位", description="what they are called, such as 县(市、区)")
    roster: str | None = Field(
        None,
        description="a table beside the definition: entity, perhaps code, cohort, order, aliases, valid_from, valid_to",
    )
    succession: str | None = Field(
        None,
        description="a table beside the definition of units that merge, split or change their name: old, new, date "
        "(from when), share (of the old unit's figures before that; left out where it all goes to one unit)",
    )
    leave_out: OneOrMany[str] = Field(
        (),
        description="further names of rows that are no units, such as 省本级; 合计, 全市 and the like are known",
    )
    keep: OneOrMany[str] = Field(
        (), description="names that are units although they read like totals, or have no figure; without a roster"
    )


class Lights(Block):
    """红黄绿: how many percentage points behind schedule are still green, still yellow."""

    green: float = Field(0, ge=0, description="percentage points behind schedule that are still green")
    yellow: float = Field(30, ge=0, description="percentage points behind schedule that are still yellow")
    ours: bool = Field(False, description="what no document states and we chose: true, or the keys")


class Quality(Block):
    """报送质量: how completeness, timeliness and accuracy of reports make one number. The defaults are ours."""

    completeness: float = Field(40, ge=0, description="weight of the figures reported among those expected")
    timeliness: float = Field(20, ge=0, description="weight of the figures in time, where a check `due` says when")
    accuracy: float = Field(40, ge=0, description="weight of the figures that no check is against")
    ours: bool = Field(True, description="no document states the weights, we chose them")


class ShortMeasures(Block):
    """`measures:` in short: a measure for each heading of a dataset, or for each row of a table.

    Beside these keys, a value that is no mapping (`unit: 分`, `over_time: last`) is that of every measure that says
    nothing else, and a mapping is a measure that is added, or whose keys take the place of those of the table.
    """

    from_: str | None = Field(
        None, alias="from", description="a dataset with `headings`, as `datasets.panel`: all columns of figures"
    )
    table: OneOrMany[str] = Field((), description="a table beside the definition, a row a measure; or several")
    sheet: str | None = Field(None, description="the sheet of a workbook")
    leave_out: OneOrMany[str] = Field((), description="headings, or names of rows, that are no measures")


class ShortIndicators(Block):
    """`indicators:` in short: an indicator for each row of a table, with targets, goalposts, weights and pillars.

    Beside these keys, a value that is no mapping (`better: lower`) is that of every indicator that says nothing else,
    and a mapping is an indicator that is added, or whose keys take the place of those of the table.
    """

    table: OneOrMany[str] = Field((), description="a table beside the definition, a row an indicator; or several")
    sheet: str | None = Field(None, description="the sheet of a workbook")
    leave_out: OneOrMany[str] = Field((), description="names of rows that are no indicators")


class _OrShort:
    """Allow a short form beside a mapping of definitions in the JSON Schema."""

    def __init__(self, model: type[Block], needs: tuple[str, ...]) -> None:
        self.model, self.needs = model, needs

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        whole = handler(core)
        text = {"type": "string"}
        several = {"anyOf": [text, {"type": "array", "items": text}]}
        properties = {
            item.alias or name: {**(several if item.default == () else text), "description": item.description}
            for name, item in self.model.model_fields.items()
        }
        (definition,) = whole["patternProperties"].values()
        single = {"type": ["string", "number", "boolean", "null"]}
        short = {
            "type": "object", "description": self.model.__doc__, "properties": properties,
            "additionalProperties": {"anyOf": [definition, single]},
            "anyOf": [{"required": [key]} for key in self.needs],
        }  # fmt: skip
        return {"anyOf": [whole, short]}


class YearStarts(Block):
    """Where years begin with another month than January, and which calendar year the number of one names."""

    month: int = Field(ge=1, le=12, description="the month with which a year begins, such as 4 for April to March")
    named_by: Literal["start", "end"] | None = Field(
        None,
        description="whether FY2023, 2023财年 or 2023 is the year that starts or the one that ends in 2023; left out: "
        "the one that starts, which is reported where it matters",
    )


#: The step of the indicators with `shrink: reliability`.
SHRUNK = "shrunk"


def _with_shrinkage(data: dict[str, Any], indicators: Mapping[str, Any]) -> dict[str, Any]:
    """Return a definition with a first step of treatment for indicators with `shrink:`; one that is there stays."""
    names = [
        name for name, item in indicators.items() if isinstance(item, Mapping) and item.get("shrink") == "reliability"
    ]
    treatment = data.get("treatment") or {}
    if not names or not isinstance(treatment, Mapping) or SHRUNK in treatment:
        return data
    return data | {"treatment": {SHRUNK: {"kind": "shrink", "of": names}, **treatment}}


def _month_alone(value: Any) -> Any:
    return {"month": value} if isinstance(value, int) and not isinstance(value, bool) else value


class System(Frozen):
    """One evaluation: datasets, measures, indicators, scoring, tree, adjustments, stars, ranking, checks."""

    model_config = ConfigDict(title="kpi system")

    system: Annotated[str, StringConstraints(pattern=r"^[\w.-]+$")] = Field(description="the id, such as jiaxing-2022")
    title: str | None = Field(None, description="the name that users read, 中文名称")
    note: str | None = Field(None, description="free text about the whole system")
    source: Source | None = Field(None, description="the document that the system comes from")
    period: Grain = Field(description="the grain that is scored: week (ISO 8601), month, quarter, half, year")
    year_starts: (
        Annotated[YearStarts, BeforeValidator(_month_alone, json_schema_input_type=int | YearStarts)] | None
    ) = Field(
        None,
        description="the month with which years begin: 4 for fiscal years from April to March, 9 for school years; "
        "or {month: 4, named_by: end}; left out: January",
    )
    calendar: Text | None = Field(
        None,
        description="a table beside the definition of the days that differ from Monday to Friday, for what is counted "
        "in 工作日: date, working (yes or no, 工作日 or 休息日, 班 or 休); left out: public holidays and make-up days "
        "of China",
    )
    entities: Entities = Field(description="what is scored and ranked")
    datasets: dict[Name, AnyDataset] = Field(
        default_factory=dict, description="name: where figures come from, and what their columns are"
    )
    measures: Annotated[dict[Name, AnyMeasure], _OrShort(ShortMeasures, ("from", "table"))] = Field(
        min_length=1, description="name: one figure per entity and period, with its unit; or in short"
    )
    indicators: Annotated[dict[Name, AnyIndicator], _OrShort(ShortIndicators, ("table",))] = Field(
        min_length=1, description="name: a value made of measures, with target and scoring rule; or in short"
    )
    treatment: dict[Name, AnyStep] = Field(
        default_factory=dict, description="name: what is done to values before they are scored, in this order"
    )
    groups: dict[Name, Group] = Field(
        default_factory=dict, description="name: groups of units besides the cohorts, for `peers` and `ranking: within`"
    )
    peers: str = Field(
        COHORTS,
        description="whom scoring rules, means, weights, treatment and star schemes compare an entity with where they "
        "say `cohort`: `all`, `cohort` or one of `groups:`",
    )
    scoring: AnyRule | None = Field(None, description="the scoring rule of every indicator that has none of its own")
    pillars: dict[Name, Pillar] = Field(
        default_factory=dict, description="name: a weighted node of the tree; those that no other names are the top"
    )
    composite: Composite = Field(
        default_factory=Composite.of_defaults, description="how the top pillars make the total"
    )
    adjustments: dict[Name, AnyAdjustment] = Field(
        default_factory=dict, description="name: bonus, deduction or veto after the tree"
    )
    stars: AnyScheme | None = Field(None, description="how totals become stars or grades; left out: there are none")
    ranking: Ranking = Field(default_factory=Ranking.of_defaults, description="how totals are rounded and placed")
    totals_over: TotalsOver | None = Field(
        None, description="how the totals of the scored periods make those of longer ones, such as a year of quarters"
    )
    show: Literal["percent", "marks"] = Field(
        "percent",
        description="how results print the scores of pillars and indicators: percent of full marks, or the marks of "
        "each item (28 of 30), as the rules do",
    )
    lights: Lights = Field(
        default_factory=Lights.of_defaults, description="how far behind schedule is green, yellow, red"
    )
    checks: dict[Name, AnyCheck] = Field(default_factory=dict, description="name: what must hold of the figures")
    localise: Localisation | None = Field(
        None, description="how figures that can be wrong are found where a check is broken; left out: all count alike"
    )
    disclosure: Disclosure | None = Field(
        None, description="which figures are too small to be published, and what protects them; left out: none are"
    )
    notify: dict[Name, Alert] = Field(
        default_factory=dict, description="name: a condition that is reported when it begins to hold and when it ends"
    )
    quality: Quality = Field(
        default_factory=Quality.of_defaults, description="how the quality of departments' reports is weighed"
    )
    limits: AnyLimitsOfAll | None = Field(
        None, description="confidence limits of the values of indicators, and funnel limits of their groups"
    )
    uncertainty: Uncertainty = Field(
        default_factory=Uncertainty.of_defaults,
        description="what `kpi stress` varies; left out: weights and methods by themselves",
    )

    _home: Path | None = PrivateAttr(None)
    _tables: tuple[str, ...] = PrivateAttr(())

    @model_validator(mode="before")
    @classmethod
    def _with_ratings(cls, data: Any) -> Any:
        """Add the measures that ratings stand for; a measure that is there already stays, see `Rating`."""
        indicators = data.get("indicators") if isinstance(data, dict) else None
        if not isinstance(indicators, Mapping):
            return data
        data = _with_shrinkage(data, indicators)
        filled, measures = rated_measures(indicators)
        given = data.get("measures", {})
        if not filled or not isinstance(given, Mapping):
            return data
        return data | {"indicators": {**indicators, **filled}, "measures": {**measures, **given}}

    @model_validator(mode="after")
    def _on_its_timeline(self) -> Self:
        """Place the scored periods on the timeline of the years that the definition declares."""
        if self.year_starts is None:
            return self
        if self.period.length is Length.WEEK:
            raise ValueError(
                Message("`year_starts` does not go with `period: week`: ISO weeks have years of their own")
            )
        timeline = Timeline(self.year_starts.month, self.year_starts.named_by)
        object.__setattr__(self, "period", Grain.of(self.period.length, timeline))
        return self

    def __repr__(self) -> str:
        """Return the id and what the system holds, in a line."""
        measures, indicators = len(self.measures), len(self.indicators)
        return f"<{type(self).__name__} {self.system}: {measures} measures, {indicators} indicators>"

    def _repr_html_(self) -> str:
        """Return the table of indicators, for notebooks."""
        return notebook.html(self)

    @property
    def timeline(self) -> Timeline:
        """What the ordinals of periods count: months of the years that the definition declares, or weeks."""
        return self.period.timeline

    @property
    def home(self) -> Path:
        """The folder that the files named in the definition are relative to."""
        return self._home or Path()

    @property
    def tables(self) -> tuple[str, ...]:
        """The files beside the definition from which short forms were written out, as it names them."""
        return self._tables

    def reading(self, tables: Iterable[str]) -> System:
        """Return the system as one whose short forms were written out from some files."""
        result = System._build(self, self._home)
        result._tables = tuple(tables)  # noqa: SLF001 - its own class
        return result

    def at(self, home: Path | None) -> System:
        """Return the system with another folder that its files are relative to."""
        return System._build(self, home)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> System:
        """Return a copy, with some fields replaced; nothing that was derived or checked before holds for it."""
        copied = super().model_copy(update=update, deep=deep)
        return System._build(copied, self._home)

    def __getstate__(self) -> dict[Any, Any]:
        """Return what is pickled: the definitions, without what is derived from them."""
        state = super().__getstate__()
        return state | {"__dict__": {name: state["__dict__"][name] for name in type(self).model_fields}}

    @classmethod
    def _build(cls, system: System, home: Path | None) -> Self:
        """Return a system of this class with the fields of another, without what was derived from them."""
        fields = {name: getattr(system, name) for name in cls.model_fields}
        result = cast("Self", cls.model_construct(system.model_fields_set, **fields))
        result._home, result._tables = home, system._tables  # noqa: SLF001 - its own class
        return result

    def succeeding(self, file: Path) -> System:
        """Return the system with another table of units that succeed one another.

        Args:
            file: relative to the working folder.
        """
        own = self.entities.model_copy(update={"succession": str(file.absolute())})
        return self.model_copy(update={"entities": own})

    # ---- WHAT THE DEFINITIONS COME TO ---- #

    @cached_property
    def symbols(self) -> dict[str, Symbol]:
        """Every measure and indicator with title and unit; a unit that cannot be determined is None."""
        results: dict[str, Symbol] = {}
        for name, measure in self.measures.items():
            unit = unit_or_none(measure.unit)
            breaks: tuple[str, ...] = () if self.entities.succession is None else (Column(name).breaks,)
            results[name] = Symbol(
                name, measure.title or name, unit, measure.per, reported=measure.reported, exact=measure.exact,
                breaks=breaks, running=measure.over_time == "ytd",
            )  # fmt: skip
        for level in self.levels:
            for name in level:
                indicator = self.indicators[name]
                try:
                    unit = indicator.in_unit(results)
                except units.UnitError:
                    unit = None
                used = [results[item].breaks for _, item in indicator.inputs() if item in results]
                breaks = tuple(dict.fromkeys(itertools.chain.from_iterable(used)))
                totals = sum(results[used].running for used in indicator.running_with if used in results)
                results[name] = Symbol(
                    name, indicator.title or name, unit, exact=indicator.exact(results), breaks=breaks,
                    running=indicator.runs_from_january or totals == 1,
                )  # fmt: skip
        return results

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
        """The pillar that each part belongs to; of several that of the total, not a headline beside it."""
        beside = self.beside_nodes
        parents = {part: name for name in beside for part in self.pillars[name].parts if part not in self.tops}
        for name, pillar in self.pillars.items():
            if name not in beside:
                parents |= dict.fromkeys(pillar.parts, name)
        return {part: parents[part] for pillar in self.pillars.values() for part in pillar.parts if part in parents}

    @cached_property
    def headlines(self) -> tuple[str, ...]:
        """The top pillars of weight 0: indices beside the total, which are shown and not counted."""
        return tuple(name for name, pillar in self.pillars.items() if pillar.weight == 0)

    @cached_property
    def results(self) -> dict[str, Result]:
        """The results that alerts may name beside figures: scores of pillars and headlines, and the totals."""
        titles = {name: pillar.title or name for name, pillar in self.pillars.items()}
        return results(titles, totals=bool(self.tops), stars=self.stars is not None)

    @cached_property
    def beside_nodes(self) -> tuple[str, ...]:
        """The headlines and the pillars that only they are made of, which have no weight of their own."""
        nodes = list(self.headlines)
        for name in nodes:
            for part in self.pillars[name].parts:
                if part in self.pillars and self.pillars[part].weight is None and part not in nodes:
                    nodes.append(part)
        outside = {part for name, pillar in self.pillars.items() if name not in nodes for part in pillar.parts}
        return tuple(name for name in nodes if name not in outside)

    @cached_property
    def tops(self) -> dict[str, Weighed]:
        """The pillars that make the total, with their weights: no other names them; a single one needs none.

        A headline beside the total may name them too.
        """
        beside = set(self.beside_nodes)
        parts = {part for name, pillar in self.pillars.items() if name not in beside for part in pillar.parts}
        given: dict[str, Weighed] = {
            name: pillar.weight or 1.0
            for name, pillar in self.pillars.items()
            if name not in parts and name not in beside
        }
        return self.composite.fixed(given)

    @cached_property
    def counted(self) -> frozenset[str]:
        """The nodes and indicators that give to the total: those under it without a weight of 0 in between."""
        reached = list(self.tops)
        for name in reached:
            if name in self.pillars:
                reached += [part for part, weight in self.pillars[name].parts.items() if weight and part not in reached]
        return frozenset(reached)

    @cached_property
    def titles(self) -> dict[str, str]:
        """The titles of indicators and pillars."""
        return {name: self.symbols[name].title for name in self.indicators if name in self.symbols} | {
            name: pillar.title or name for name, pillar in self.pillars.items()
        }

    def weight_words(self, part: str, parent: str | None = None) -> Message | str:
        """Return the weight of a part of the tree in its node: numbers, or the method that finds it from data.

        The node is `parent`, by default that of the total.

        Empty for what is no part, and for a single top pillar without a weight.
        """
        parent = parent or self.parents.get(part)
        node: Node = self.composite if parent is None else self.pillars[parent]
        if part not in self.pillars and parent is None:
            return ""
        if node.weights_method is not None:
            return node.weights_method.title
        if parent is None:
            given = self.pillars[part].weight is not None or self.composite.weights is not None
            if part in self.headlines:
                return Message("0, shown and not counted")
            return weight_words(self.tops[part]) if part in self.tops and given else ""
        return weight_words(self.pillars[parent].parts[part])

    @cached_property
    def varied(self) -> dict[str, Weighed]:
        """The parts of the tree whose declared weights differ between entities or periods, with these."""
        nodes = (self.tops, *(pillar.parts for pillar in self.pillars.values()))
        return {part: weight for parts in nodes for part, weight in parts.items() if differs(weight)}

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The columns of the roster by which weights and scoring rules differ."""
        of_weights = itertools.chain.from_iterable(map(columns_of, self.varied.values()))
        rules = [rule for name in self.indicators if (rule := self.rule(name)) is not None]
        return tuple(dict.fromkeys([*of_weights, *itertools.chain.from_iterable(rule.classes for rule in rules)]))

    @cached_property
    def classed_weights(self) -> tuple[str, ...]:
        """The columns of the roster by which weights differ."""
        return tuple(dict.fromkeys(itertools.chain.from_iterable(map(columns_of, self.varied.values()))))

    @cached_property
    def unsure(self) -> frozenset[str]:
        """The indicators and pillars for which nothing may be given in the class or period of an entity."""
        rules = {name: self.rule(name) for name in self.indicators} if self.classes or self.varied else {}
        results = {
            name
            for name, rule in rules.items()
            if rule is not None and (rule.classes or (rule.in_marks is not None and name in self.varied))
        }
        for level in self.depths if rules else ():
            results |= {
                name for name in level if not self.pillars[name].parts.keys().isdisjoint(results | {*self.varied})
            }
        return frozenset(results)

    def shown_marks(self, name: str) -> float | pl.Expr | None:
        """Return the full marks of an item of the tree for display, None where its weight is a proportion."""
        parent = self.parents.get(name)
        if parent is None and name not in self.tops:
            return None
        node: Node = self.composite if parent is None else self.pillars[parent]
        if node.relative or node.weights is not None:
            return None
        if parent is None and self.pillars[name].weight is None:
            return self.composite.full
        return self.own_marks(name)

    @cached_property
    def within(self) -> dict[str, str]:
        """The adjustments within a pillar, each with the pillar."""
        items = {name: item.within for name, item in all_awards(self.adjustments).items()}
        return {name: pillar for name, pillar in items.items() if pillar is not None}

    def marks_of_parts(self, pillar: str) -> float | pl.Expr:
        """Return the marks that the parts of a pillar have in all, in which points within it are."""
        parts = self.pillars[pillar].parts
        marks = [weight for weight in parts.values() if isinstance(weight, int | float)]
        own = [pl.col(Column(part).declared) for part, weight in parts.items() if differs(weight)]
        return functools.reduce(operator.add, own, math.fsum(marks))

    def own_marks(self, name: str) -> float | pl.Expr | None:
        """Return the marks of an item: its weight beside its name in the tree; None for what is no part."""
        parent = self.parents.get(name)
        weight = self.tops.get(name) if parent is None else self.pillars[parent].parts[name]
        if weight is None or name not in self.varied:
            return weight  # type: ignore[return-value]
        return pl.col(Column(name).declared)

    def grouped_by(self, grouping: str) -> tuple[str, ...]:
        """Return the columns that distinguish the groups of a grouping, after the stage that makes them."""
        if grouping == ALL:
            return ("period",)
        own = grouping == COHORTS == self.peers
        return ("period", COHORT if own else group_of(grouping))

    @property
    def ranked_within(self) -> tuple[str, ...]:
        """The columns that distinguish those who are ranked together in the totals."""
        return self.grouped_by(self.ranking.main)

    @property
    def places_apart(self) -> bool:
        """Whether places are more than the rank of the totals: in several rankings, or beside former ones."""
        return len(self.ranking.within) > 1 or self.ranking.against is not None

    @property
    def regrouped(self) -> bool:
        """Whether entities are compared or ranked in other groups than cohorts."""
        return bool(self.groups) or self.peers != COHORTS or self.ranking.main != COHORTS

    @property
    def exempted(self) -> dict[str, tuple[str, ...]]:
        """The columns of the panel with the entities that a screening step keeps by name, with their names."""
        return {kept_by(name): step.exempt for name, step in self.treatment.items() if step.exempt}

    @property
    def stars_words(self) -> Message:
        """How totals become stars, in words."""
        return Message("no stars") if self.stars is None else self.stars.in_full(self.symbols)

    @property
    def nodes(self) -> dict[tuple[str, ...], Node]:
        """The composite and every pillar, by their place in the definition."""
        return {("composite",): self.composite} | {("pillars", name): item for name, item in self.pillars.items()}

    @property
    def tree(self) -> list[tuple[str, Node, Mapping[str, Weighed]]]:
        """The nodes that make the total, from the root down, each with the parts that count and their weights."""
        root: list[tuple[str, Node, Mapping[str, Weighed]]] = [(ROOT, self.composite, self.tops)] if self.tops else []
        below = [
            (name, self.pillars[name], {part: weight for part, weight in self.pillars[name].parts.items() if weight})
            for level in reversed(self.depths)
            for name in level
            if name in self.counted
        ]
        return root + below

    @property
    def trees(self) -> list[tuple[str, Node, Mapping[str, Weighed]]]:
        """The nodes that make the total, then those of the headlines beside it, each with its parts and weights."""
        below = [name for level in reversed(self.depths) for name in level if name in self.beside_nodes]
        return self.tree + [
            (name, self.pillars[name], {part: weight for part, weight in self.pillars[name].parts.items() if weight})
            for name in below
        ]

    @cached_property
    def depths(self) -> tuple[tuple[str, ...], ...]:
        """The pillars by depth, the deepest first, so that parts come before what they make up."""
        depth = dict.fromkeys((*self.tops, *self.headlines), 0)
        order = list(depth)
        for name in order:
            for part in self.pillars[name].parts:
                if part not in self.pillars:
                    continue
                # What a headline names too comes after its longest way down; the bound ends what is a part of itself.
                deeper = part in depth and depth[part] <= depth[name] < len(self.pillars)
                if part not in depth or (deeper and self.headlines):
                    depth[part] = depth[name] + 1
                    order.append(part)
        deepest = max(depth.values(), default=-1)
        return tuple(tuple(n for n, d in depth.items() if d == level) for level in range(deepest, -1, -1))

    @cached_property
    def steps(self) -> dict[str, tuple[str, ...]]:
        """The steps of treatment, each with the indicators it treats."""
        scored = tuple(name for name in self.indicators if self.rule(name) is not None)
        return {name: step.of or scored for name, step in self.treatment.items()}

    @cached_property
    def treated(self) -> dict[str, str]:
        """The column that an indicator's score looks at, for the indicators that are treated."""
        return {name: Column(name).treated for names in self.steps.values() for name in names}

    def breaks(self, name: str) -> tuple[str, ...]:
        """Return the columns that count the breaks of the series that a measure or indicator is computed from."""
        return self.symbols[name].breaks if name in self.symbols else ()

    def rule(self, name: str) -> Rule | None:
        """Return the scoring rule of an indicator: its own, the system's, or completion where it has a target."""
        indicator = self.indicators[name]
        if indicator.score is not None:
            return indicator.score
        return self.scoring or (_BY_DEFAULT if self.targets(name) else None)

    @cached_property
    def named_units(self) -> tuple[str, ...]:
        """The units that scoring rules name."""
        rules = filter(None, map(self.rule, self.indicators))
        return tuple(dict.fromkeys(unit for rule in rules for unit in rule.units))

    @cached_property
    def columns_of_targets(self) -> tuple[tuple[str, str], ...]:
        """The indicators whose targets are in the data, each with the column that the definition names."""
        bounds = ((name, target.per_entity) for name, item in self.indicators.items() for target in item.target)
        return tuple(dict.fromkeys((name, own.column) for name, own in bounds if own is not None and own.column))

    def targets(self, name: str) -> tuple[Target, ...]:
        """Return the targets of an indicator: those that the definition states, else those that its kind implies."""
        indicator = self.indicators[name]
        return indicator.target or indicator.implied_targets

    def unit(self, name: str) -> Unit:
        """Return the unit of a measure or indicator of a system without problems."""
        unit = self.symbols[name].unit
        return units.ONE if unit is None else unit


class CheckedSystem(System):
    """A system that passed all checks across its definitions: the only one that can be scored.

    Attributes:
        warnings: what its definitions probably say by mistake; every scoring reports it.
    """

    _warnings: tuple[Diagnostic, ...] = PrivateAttr(())

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The warnings that the checks gave."""
        return self._warnings

    @classmethod
    def of(cls, system: System, warnings: tuple[Diagnostic, ...] = ()) -> CheckedSystem:
        """Return a system as one that passed the checks: of the loader, and of variants that are known to be sound."""
        return cls._warned(system, system.home, warnings)

    def at(self, home: Path | None) -> CheckedSystem:
        """Return the system with another folder that its files are relative to."""
        return CheckedSystem._warned(self, home, self._warnings)

    def succeeding(self, file: Path) -> CheckedSystem:
        """Return the system with another table of units that succeed one another, which is checked when it is read."""
        return CheckedSystem.of(super().succeeding(file), self._warnings)

    @classmethod
    def _warned(cls, system: System, home: Path | None, warnings: tuple[Diagnostic, ...]) -> CheckedSystem:
        result = cls._build(system, home)
        result._warnings = warnings  # noqa: SLF001 - its own class
        return result


def unit_or_none(text: str) -> Unit | None:
    """Return the unit that a text names, or None when it names none."""
    try:
        return units.parse(text)
    except units.UnitError:
        return None
