"""Pillars (一级、二级指标): weighted nodes of the tree, with the composite at its root.

A node combines the scores of its parts by a mean and weights. Missing parts follow a declared policy; the weight of a
part that does not apply is always redistributed. The weight that each part carries is a column too, so contributions
add up for every entity.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, Self, cast

import polars as pl
from pydantic import BeforeValidator, Field, model_validator

from kpi.errors import Message
from kpi.language.aggregation import means
from kpi.language.aggregation.caps import Cap
from kpi.language.aggregation.means import COHORT, Best, Mean, Parts, Worst
from kpi.language.aggregation.methods import AnyWeighting
from kpi.language.aggregation.missing import Missing, MissingPolicy, Redistribute
from kpi.language.aggregation.weights import FromData
from kpi.language.classes import Weighed, Weight, differs
from kpi.language.model import Definition, FrozenMapping, Listed, Name, kind_of
from kpi.language.scoring import AnyRule, Rule
from kpi.language.sums import exactly_added, total
from kpi.values.columns import Column, Expressions
from kpi.values.rounding import HAIR, rounded, score_key
from kpi.values.status import HUNDRED, ZERO, guarded, literal, reason, status_of

Number = pl.Float64


class Node(Definition):
    """The common part of the composite and the pillars: a mean and a policy for missing parts."""

    mean: Mean = Field("arithmetic", description="how the parts are averaged")
    missing: MissingPolicy = Field(
        default_factory=lambda: Missing(redistribute=Redistribute()),
        description="what happens to parts without a score",
    )
    decimals: Annotated[int, Field(ge=0, le=9)] | None = Field(None, description="round the node's score, half up")

    weights: AnyWeighting | None = Field(None, description="a method that finds the weights of the parts")
    relative: bool = Field(
        False, description="the weights of the parts are proportions, not marks that add up to their pillar's or to 100"
    )
    caps: Listed[Cap] = Field(
        (), description="the most that the node may score under conditions, after everything else of the node"
    )

    @property
    def rule(self) -> Rule | None:
        """The rule that scores the node's own result before it enters its parent, if there is one."""
        return None

    def outcome(self, name: str) -> Column:
        """Return the column of the mean: the score, unless a rule or caps follow."""
        column = Column(name)
        return column.result if self.rule is not None else self.rule_outcome(name)

    def rule_outcome(self, name: str) -> Column:
        """Return the column of the score before caps: the score where there are none."""
        return Column(name).uncapped if self.caps else Column(name).score

    @property
    def mean_words(self) -> Message:
        """The mean in words."""
        return means.words(self.mean)

    @property
    def weights_method(self) -> FromData | None:
        """The method that derives the weights from data, if there is one."""
        return self.weights if isinstance(self.weights, FromData) and self.weights.data_driven else None

    @property
    def rescaled(self) -> bool:
        """Whether the score is the mean of the parts times a factor that each entity has of its own."""
        method = self.weights_method
        return method is not None and method.per_entity

    @property
    def method(self) -> str:
        """The origin of the weights: `given`, or the name of the method."""
        return "given" if self.weights is None else kind_of(type(self.weights), "method")

    @property
    def consistency(self) -> float | None:
        """The consistency ratio of judgements (AHP), else None."""
        return None if self.weights is None else self.weights.consistency

    @property
    def judgements(self) -> tuple[tuple[float, ...], ...]:
        """The matrix of judgements (AHP) in the order of the parts, empty without one."""
        return () if self.weights is None else self.weights.judgements

    def fixed(self, given: Mapping[str, Weighed]) -> dict[str, Weighed]:
        """Return the weights of the parts that do not depend on data: as given, or from judgements."""
        fixed = None if self.weights is None else self.weights.of_parts(list(given)).fixed(len(given))
        if fixed is None or len(fixed) != len(given):
            return dict(given)
        return dict(zip(given, fixed, strict=True))


def _named(parts: Any) -> Any:
    """Return a list of parts, `[a, b]`, as a mapping of each to the weight 1."""
    if not isinstance(parts, list | tuple):
        return parts
    twice = next((part for place, part in enumerate(parts) if part in parts[:place]), None)
    if twice is not None:
        raise ValueError(Message("names `{name}` twice", name=twice))
    return dict.fromkeys(parts, 1.0)


Weights = Annotated[dict[Name, Weight], BeforeValidator(_named, json_schema_input_type=dict[Name, Weight] | list[Name])]


class Pillar(Node):
    """A node whose parts are indicators or other pillars; only the top ones have a weight of their own."""

    weight: Weight | None = Field(
        None,
        description="of a top pillar in the composite: 0.000001 to 1,000,000, or by a column of the roster, or dated; "
        "0 for a headline index beside the total",
    )
    parts: Weights = Field(
        min_length=1,
        description="name: weight, a number, {by: a column of the roster, values: {value: number}}, or a list of "
        "either with the period `from` which it holds; or a list of names; what has the weight 0 is shown and not "
        "counted",
    )

    floor: float | None = Field(
        0, description="the least marks that it may have with deductions within it; null for no limit (倒扣)"
    )
    cap: float | None = Field(
        None, description="the most marks that it may have with bonuses within it; left out: no limit"
    )
    score: AnyRule | None = Field(
        None, description="how the pillar's own result is scored before it enters its parent; left out: it is the score"
    )

    @property
    def rule(self) -> Rule | None:
        """The rule that scores the pillar's own result."""
        return self.score

    @model_validator(mode="after")
    def _weigh(self) -> Self:
        if self.weights is not None:
            # What a method fixed is dumped with the parts, and is no other weight when it is read again.
            if len(set(self.parts.values())) > 1 and self.parts != self.fixed(self.parts):
                raise ValueError(
                    Message("has weights in `parts` and a method in `weights`; write `parts: [a, b]` for the method")
                )
            self.__dict__["parts"] = FrozenMapping(self.fixed(self.parts))
        return self


class Composite(Node):
    """The root (综合得分): the mean of the top pillars, with a full mark that need not be 100."""

    full: float = Field(100, gt=0, description="the full mark, 100 or another")
    cap: float | None = Field(None, description="the most the total may be with bonuses; left out: no limit")
    floor: float | None = Field(0, description="the least the total may be after deductions; null for no limit")
    ours: bool | Listed[str] = Field(False, description="what no document states and we chose: true, or the keys")


def reaches(name: str, cut: float) -> pl.Expr:
    """Return whether a node or indicator has a score of at least `cut`, apart from floating-point error."""
    return (score_key(pl.col(Column(name).score)) >= cut).fill_null(value=False)


class Combination:
    """The expressions of one node over the score columns of its parts.

    They come in levels, each a `with_columns` of its own, because a total that is written out inside every share makes
    plans of quadratic size.

    Args:
        name: the node.
        node: its mean and policy.
        weights: the weight of each part.
        leaves: the parts that are indicators.
        treated: the columns that hold the values of indicators, where they are not their own.
        unsure: the parts for which nothing may be given in the class or period of an entity; the node then has no
            score either, whatever its policy for missing parts.
    """

    def __init__(  # noqa: PLR0917 - a node and what surrounds it
        self,
        name: str,
        node: Node,
        weights: Mapping[str, Weighed],
        leaves: frozenset[str],
        treated: Mapping[str, str] | None = None,
        unsure: Collection[str] = (),
    ) -> None:
        # What weighs nothing is shown and not counted, whatever the mean and the policy for missing parts.
        weights = {part: weight for part, weight in weights.items() if weight}
        self.name, self.node, self.weights, self.leaves = name, node, weights, leaves
        self.treated = treated or {}
        self.unsure = [part for part in weights if part in unsure]
        self._scores = {part: pl.col(Column(part).score) for part in weights}
        self.policy = node.missing.policy
        #: A part without a score falls out by its score alone, and what carries the mean is what is present.
        self.alone = self.policy in ("redistribute", "fail") and not node.rescaled
        #: Every gap has a stand-in.
        self.certain = self.policy in ("zero", "penalty")
        self.carried = pl.col(Column(name).present if self.alone else Column(name).carried)
        self.present = pl.col(Column(name).present)
        #: The parts whose declared weights differ between entities or periods.
        self.varied = frozenset(part for part, weight in weights.items() if differs(weight))
        self.applicable = pl.col(Column(name).applicable)

    # ---- ONE PART ---- #

    def own(self, part: str) -> pl.Expr:
        """Return the part's own score, null where it has none, or no weight in the entity's class."""
        if part in self.varied:
            return pl.when(self.raw_weight(part) > ZERO).then(self._scores[part])
        return self._scores[part]

    def applies(self, part: str) -> pl.Expr:
        """Return whether the part applies to the entity at all."""
        applies = status_of(Column(part).score) != reason("not_applicable")
        return applies & (self.raw_weight(part) > ZERO) if part in self.varied else applies

    def filled(self, part: str) -> pl.Expr:
        """Return the score that enters the mean: that of the part, or what the policy substitutes."""
        own = self.own(part)
        if self.policy not in ("zero", "cohort_mean", "penalty"):
            return own
        penalty = self.node.missing.penalty
        stand_in = {
            "zero": literal(0.0),
            "cohort_mean": own.mean().over(COHORT),
            "penalty": literal(-penalty.points if penalty else 0.0),
        }[self.policy]
        return pl.when(self._counts(part)).then(own.fill_null(stand_in))

    def _counts(self, part: str) -> pl.Expr:
        """Return whether the part has a score or a gap: it applies, and was not left out on purpose."""
        return self.applies(part) & (status_of(Column(part).score) != reason("not_scored"))

    def raw_weight(self, part: str) -> pl.Expr:
        """Return the weight of a part before missing parts are handled: a number, or the result of a method."""
        weight = self.weights[part]
        if self.node.weights_method is not None:
            return pl.col(Column(part).weighting)
        return pl.col(Column(part).declared) if differs(weight) else literal(float(weight))  # type: ignore[arg-type]

    def given(self) -> pl.Expr | None:
        """Return whether weights and rules are given in the entity's class and period, None if they always are."""
        known = [self.raw_weight(part).is_not_null() for part in self.weights if part in self.varied]
        for part in self.unsure:
            lacks = status_of(Column(part).score) == reason("not_given")
            known.append(~(lacks & (self.raw_weight(part) > ZERO)) if part in self.varied else ~lacks)
        return pl.all_horizontal(known) if known else None

    def nominal_weight(self, part: str) -> pl.Expr:
        """Return the weight of a part for coverage: all the same where each entity has weights of its own."""
        return literal(1.0) if self.node.rescaled else self.raw_weight(part)

    def weight(self, part: str) -> pl.Expr:
        """Return the weight that the part carries, null where it carries none."""
        weight = self.raw_weight(part)
        if self.policy == "spread":
            return pl.when(self.own(part).is_not_null()).then(weight + pl.col(Column(self.name).spread))
        if self.certain:
            return pl.when(self._counts(part)).then(weight)
        return pl.when(self.filled(part).is_not_null()).then(weight)

    # ---- THE NODE ---- #

    def weighing(self) -> Expressions:
        """Return the list column `name.weighting`, the weights derived from data; nothing without a method."""
        method = self.node.weights_method
        if method is None:
            return Expressions()
        columns = [
            pl.col(self.treated.get(part, part)) if method.of == "values" else self.own(part) for part in self.weights
        ]
        method = cast("FromData", method.of_parts(list(self.weights)))
        return Expressions({Column(self.name).weighting: method.column(columns)})

    def weighed(self) -> Expressions:
        """Return the columns `part.weighting` out of the list; they add up to 1."""
        if self.node.weights_method is None:
            return Expressions()
        weights = pl.col(Column(self.name).weighting).list
        columns: dict[str, pl.Expr] = {
            Column(part).weighting: weights.get(place) for place, part in enumerate(self.weights)
        }
        if self.node.rescaled:
            columns[Column(self.name).factor] = weights.get(len(self.weights))
        return Expressions(columns)

    def totals(self) -> Expressions:
        """Return `name.applicable` and `name.present`: the weight that applies, and that has its own score."""
        return Expressions(
            {
                Column(self.name).applicable: self._weight_where(self.applies),
                Column(self.name).present: self._weight_where(lambda part: self.own(part).is_not_null()),
            }
        )

    def _weight_where(self, counts: Callable[[str], pl.Expr]) -> pl.Expr:
        """Return the sum of the given weights of the parts that count."""
        # NOTE: zeros add up two to three times faster than nulls.
        fixed = [weight for weight in self.weights.values() if isinstance(weight, int | float)]
        exact = self.node.weights_method is None and not self.varied and exactly_added(fixed)
        parts = [pl.when(counts(part)).then(self.nominal_weight(part)).otherwise(literal(0.0)) for part in self.weights]
        return _spelt_out(total(parts, exact=exact))

    def carrying(self) -> Expressions:
        """Return the column `name.carried`: the sum of the weights that enter the mean, where it is not `present`.

        Where gaps are spread evenly, `name.spread` is what each part that is there carries of them.
        """
        if self.alone:
            return Expressions()
        if self.policy == "spread":
            there = total([self.own(part).is_not_null().cast(Number) for part in self.weights], exact=True)
            any_there = pl.when(self.present > 0)
            return Expressions(
                {
                    Column(self.name).carried: any_there.then(self.applicable).otherwise(0.0),
                    Column(self.name).spread: any_there.then((self.applicable - self.present) / there),
                }
            )
        if self.certain:
            return Expressions({Column(self.name).carried: self._weight_where(self._counts)})
        carried = _spelt_out(total([self.weight(part) for part in self.weights]))
        return Expressions({Column(self.name).carried: carried})

    def result(self) -> Expressions:
        """Return `name.score` (percent of full marks), `name.score.status` and `name.coverage` (percent).

        Where the node has a scoring rule of its own, or caps, the score is `name.result` or `name.uncapped` instead.

        Coverage is the part of the applicable weight with a score of reported figures, down to the indicators; what
        data treatment filled in has a score, but nobody reported it. The status is not_applicable, not_scored (left out
        by a screen), incomplete (too few parts have a score, or any gap under `fail`), what a method without weights
        says, or ok. Where no part that applies has a score, it is refused or out_of_range if some part is, missing if
        some part is not reported, else the status of the first.
        """
        value = self.mean()
        if self.node.decimals is not None:
            value = rounded(value, self.node.decimals)
        shown: dict[str, pl.Expr] = {}
        method, without = self.node.weights_method, pl.col(Column(self.name).weighting).is_null()
        if method is not None:
            # An entity without a part has no weights of its own, and that is not the reason.
            nothing = self.present <= ZERO
            absent = {
                "not_applicable": self.applicable <= ZERO, "refused": nothing & self._refused(), "missing": nothing
            }  # fmt: skip
            shown = {**(absent if method.per_entity else {}), method.without: without}
        given = self.given()
        if given is not None:
            shown["not_given"] = ~given
            value = pl.when(given).then(value)
        # What does not apply, or has no part with a score, is a division by zero.
        shown |= {"not_applicable": self.applicable <= ZERO}
        if self.treated:
            left_out = [status_of(Column(part).score) == reason("not_scored") for part in self.weights]
            shown["not_scored"] = (self.carried <= ZERO) & pl.any_horizontal(left_out)
        shown.setdefault("refused", (self.carried <= ZERO) & self._refused())
        shown.setdefault("missing", self.carried <= ZERO)
        reasons = [(holds, self._why_none() if key == "missing" else reason(key)) for key, holds in shown.items()]
        guards = {"incomplete": self.there() < self.least - 1e-9} if self.least else {}
        sound = self.node.mean == "arithmetic" and self.node.decimals is None and not self.node.rescaled
        pair = guarded(
            self.node.outcome(self.name), pl.when(self.carried > ZERO).then(value), guards, reasons=reasons, sound=sound
        )
        applicable = self.applicable > ZERO
        coverage = pl.when(applicable if given is None else applicable & given).then(self.coverage())
        return pair | Expressions({Column(self.name).coverage: coverage})

    def _refused(self) -> pl.Expr:
        """Return whether the score of some part that applies is refused."""
        return self._part_is("refused")

    def _part_is(self, status: str) -> pl.Expr:
        """Return whether some part that applies has a status, another than `not_applicable`."""
        held: list[pl.Expr] = []
        for part in self.weights:
            holds = status_of(Column(part).score) == reason(status)
            held.append(holds & (self.raw_weight(part) > ZERO) if part in self.varied else holds)
        return pl.any_horizontal(held)

    def _why_none(self) -> pl.Expr:
        """Return why a node has no score of which no part has one, where none is refused.

        What cannot be computed is no gap that a report would fill, so it goes before what is not reported.
        """
        others = [pl.when(self._counts(part)).then(status_of(Column(part).score)) for part in self.weights]
        first = pl.coalesce(*others, reason("missing"))
        return (
            pl.when(self._part_is("out_of_range")).then(reason("out_of_range"))
            .when(self._part_is("missing")).then(reason("missing")).otherwise(first)
        )  # fmt: skip

    @property
    def least(self) -> float:
        """The percent of the applicable weight that must have a score."""
        return 100.0 if self.policy == "fail" else self.node.missing.at_least

    def there(self) -> pl.Expr:
        """Return the percent of the applicable weight that has its own score."""
        return self.present / self.applicable * HUNDRED

    def coverage(self) -> pl.Expr:
        """Return the percent of applicable weight that has reported data, down to the indicators."""
        if self.leaves.issuperset(self.weights) and self.treated.keys().isdisjoint(self.weights):
            return self.there()
        reach: list[pl.Expr] = []
        for part in self.weights:
            there = self.own(part).is_not_null()
            if part in self.treated:
                there &= pl.col(part).is_not_null() | pl.col(self.treated[part]).is_null()
            covered = pl.when(there).then(1.0) if part in self.leaves else pl.col(Column(part).coverage) / HUNDRED
            reach.append(pl.when(self.applies(part)).then(covered * self.nominal_weight(part)))
        # Fractions, so that the sum of full ones has the bits of the sum of weights, and none is larger.
        return total(reach) / self.applicable * HUNDRED

    def _parts(self) -> Parts:
        """Return the filled scores with their weights."""
        scores = [self.filled(part) for part in self.weights]
        given = [self.raw_weight(part) for part in self.weights]
        # The plan is smaller without a second test for missing scores: no weight counts without a score.
        weights = given if self.alone or self.certain else [self.weight(part) for part in self.weights]
        if means.by_peers(self.node.mean):
            # An entity that is not scored is not a peer.
            scored = self.there() >= self.least - 1e-9
            scores = [pl.when(scored).then(score) for score in scores]
        return Parts(scores, weights, self.carried, given)

    def mean(self) -> pl.Expr:
        """Return the mean of the filled scores."""
        mean = means.evaluate(self.node.mean, self._parts())
        return mean * pl.col(Column(self.name).factor) if self.node.rescaled else mean

    def shares(self) -> dict[str, pl.Expr]:
        """Return the columns `part.share`: the fraction (0 to 1) of the node that each part carried, 1 in all."""
        scored = pl.col(Column(self.name).score).is_not_null()
        if self.node.mean == "minimum":
            lowest = pl.min_horizontal([self.filled(part) for part in self.weights])
            # Two parts may stand for the same figure and differ by the last bit of a mean.
            least = {part: self.filled(part) <= lowest + HAIR for part in self.weights}
            ties = total([least[part].cast(Number) for part in self.weights])
            carried = {part: pl.when(least[part]).then(1.0).otherwise(0.0) / ties for part in self.weights}
        elif (own := means.shares(self.node.mean, self._parts())) is not None:
            carried = dict(zip(self.weights, own, strict=True))
        elif isinstance(self.node.mean, Worst | Best):
            scores, weights = map(self.filled, self.weights), map(self.weight, self.weights)
            shares = means.shares_of_selected(self.node.mean, list(scores), list(weights))
            carried = dict(zip(self.weights, shares, strict=True))
        else:
            carried = {part: self.weight(part).fill_null(0.0) / self.carried for part in self.weights}
        return {Column(part).share: pl.when(scored).then(share) for part, share in carried.items()}


#: A zero for every row.
_ZEROS = pl.int_range(pl.len()) * 0.0


def _spelt_out(divisor: pl.Expr) -> pl.Expr:
    """Return a column as one value a row, even where all are equal."""
    # NOTE: Polars (2.1) keeps a column of equal values as a single one, and divides by a single value by multiplying by
    # its reciprocal: other last bits, depending on whether anything is missing in the rows beside.
    return divisor + _ZEROS
