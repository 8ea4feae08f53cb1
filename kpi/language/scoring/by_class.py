"""A scoring rule by a column of the roster (差异化考核): each class of entities has a rule of its own."""

import functools
import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

import polars as pl
from msgspec.structs import replace
from pydantic import Field, model_validator

from kpi.errors import Message, statements
from kpi.language.foreign_kinds import ForeignKinds
from kpi.language.lookback import Lags
from kpi.language.model import Path, Problems, Text, one_of
from kpi.language.quantities import Quantity
from kpi.language.scoring.absolute import Bands, Benchmark, Completion, Deduction, Pass, Step
from kpi.language.scoring.lines import Goalposts, Piecewise
from kpi.language.scoring.places import Borda, Percentile, RankScore
from kpi.language.scoring.reference import Reference
from kpi.language.scoring.relative import DistanceToBest, DistanceToTarget, Efficacy, MinMax, ZScore
from kpi.language.scoring.rule import Case, Rule, Scored
from kpi.language.scoring.standards import GradeEfficacy, Interval
from kpi.values.columns import class_by
from kpi.values.names import comparable
from kpi.values.units import Unit

#: Every rule that one class may have, in the order of the reference.
SINGLE: tuple[type[Rule], ...] = (
    Completion, Benchmark, Pass, Deduction, Step, Bands, Piecewise, Goalposts, Efficacy, GradeEfficacy, Interval,
    MinMax, ZScore, DistanceToTarget, DistanceToBest, Reference, Percentile, RankScore, Borda,
)  # fmt: skip

#: Kinds of scoring rules that extensions bring.
FOREIGN = ForeignKinds("scoring", lambda: Rule)

if TYPE_CHECKING:
    AnySingle: TypeAlias = Rule
else:
    AnySingle = one_of(*SINGLE, foreign=FOREIGN)


class ByClassRule(Rule):
    """A rule for each value of a column of the roster: `{by: 类别, values: {工业县: {...}, 生态县: {...}}}`.

    A unit whose value has no rule has no score (`not_given`). `kind` may be left out.

    Source: 差异化考核 of counties by function (重点开发区, 农产品主产区, 生态功能区).

    >>> rule = ByClassRule(by="类别", values={"甲类": Bands(cuts={100: 90.0}), "乙类": Bands(cuts={100: 60.0})})
    >>> frame = pl.DataFrame({"#class 类别": ["甲类", "乙类", "丙类"], "x": [70.0, 70.0, 70.0]})
    >>> frame.select(s=rule.finish(rule.score(Case.plain(pl.col("x")))))["s"].to_list()
    [0.0, 100.0, None]
    """

    kind: Literal["by_class"] = "by_class"
    by: str = Field(description="a column of the roster, such as 类别; or cohort")
    values: dict[Text, AnySingle] = Field(min_length=1, description="the rule for each value of the column")
    floor: float | None = Field(None, description="the least percent of full marks; null: that of each rule")
    cap: float | None = Field(None, description="the most percent of full marks; null: that of each rule")

    @model_validator(mode="after")
    def _tasked(self) -> Self:
        if any(rule.scores_untasked for rule in self.values.values()):
            raise ValueError(Message("a rule of one class has no `no_target`"))
        return self

    @property
    def needs_target(self) -> bool:  # type: ignore[override]
        """Whether every class is judged against a target."""
        return all(rule.needs_target for rule in self.values.values())

    @property
    def begins_at_target(self) -> bool:  # type: ignore[override]
        """Whether those ahead of the target score more in some class."""
        return any(rule.begins_at_target for rule in self.values.values())

    @property
    def directed(self) -> bool:  # type: ignore[override]
        """Whether more, or less, is always better in some class."""
        return any(rule.directed for rule in self.values.values())

    @property
    def relative(self) -> bool:  # type: ignore[override]
        """Whether every class is judged by its peers alone."""
        return all(rule.relative for rule in self.values.values())

    @property
    def lookback(self) -> Lags:
        """The lags of all rules."""
        return functools.reduce(operator.or_, (rule.lookback for rule in self.values.values()))

    @property
    def units(self) -> tuple[str, ...]:
        """The units that the rules name."""
        return tuple(unit for rule in self.values.values() for unit in rule.units)

    @property
    def classes(self) -> tuple[str, ...]:
        """The column."""
        return (self.by,)

    @property
    def class_values(self) -> tuple[str, ...]:
        """The values that have a rule."""
        return tuple(self.values)

    @property
    def in_marks(self) -> Path | None:
        """Where the first rule states marks that does."""
        places = ((value, rule.in_marks) for value, rule in self.values.items())
        return next((("values", value, *place) for value, place in places if place is not None), None)

    @property
    def marks_given(self) -> Mapping[Path, float]:
        """The marks that the rules of all classes give."""
        return {
            ("values", value, *tail): marks
            for value, rule in self.values.items()
            for tail, marks in rule.marks_given.items()
        }

    @property
    def percent_given(self) -> Mapping[Path, float]:
        """The percent that the rules of those classes give that also state marks."""
        return {
            ("values", value, *tail): percent
            for value, rule in self.values.items()
            if rule.in_marks is not None
            for tail, percent in rule.percent_given.items()
        }

    def of_class(self, classes: Mapping[str, str]) -> Rule:
        """Return the rule of an entity; this one for a class that has none."""
        rules = {comparable(value): rule for value, rule in self.values.items()}
        return rules.get(classes.get(self.by, ""), self)

    def score(self, case: Case) -> Scored:
        """Return the score by the rule of the class."""
        score = pl.lit(None, dtype=pl.Float64)
        guards: dict[str, list[pl.Expr]] = {}
        known: list[pl.Expr] = []
        for place, (value, rule) in enumerate(self.values.items()):
            holds = pl.col(class_by(self.by)) == comparable(value)
            known.append(holds)
            answer = rule.score(replace(case, peers=rule.peers, name=f"{case.name}~{place}"))
            score = pl.when(holds).then(rule.finish(answer)).otherwise(score)
            own = answer.guards | ({"no_target": case.target.is_null()} if rule.needs_target else {})
            for status, guard in own.items():
                guards.setdefault(status, []).append(holds & guard)
        voids = {status: functools.reduce(operator.or_, items) for status, items in guards.items()}
        return Scored(score, {"not_given": ~functools.reduce(operator.or_, known)} | voids)

    def words(self) -> Message:
        """Return the rules in words."""
        rules = [Message("{group}: {rule}", group=value, rule=rule.in_full()) for value, rule in self.values.items()]
        return Message("by {column}: {bounds}", column=self.by, bounds=statements(rules))

    def quantities(self) -> dict[Path, Quantity | None]:
        """Return the quantities of all rules."""
        return {
            ("values", value, *tail): item
            for value, rule in self.values.items()
            for tail, item in rule.quantities().items()
        }

    def problems(self, path: Path, unit: Unit) -> Problems:
        """Yield the problems of all rules."""
        for value, rule in self.values.items():
            yield from rule.problems((*path, "values", value), unit)

    def order_problem(self, path: Path, unit: Unit, *, higher: bool) -> Problems:
        """Yield the problems of the order of all rules."""
        for value, rule in self.values.items():
            yield from rule.order_problem((*path, "values", value), unit, higher=higher) or ()
