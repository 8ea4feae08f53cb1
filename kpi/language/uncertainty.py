"""Uncertainty (不确定性): which choices of a system could have been made otherwise, and how sure its figures are.

What varies comes from three sources: the method (weights, normalisation, means, missing policies, treatment, cut
points), sampling (figures that would differ in another sample), and revision (figures that are corrected later).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from kpi.errors import Message, commas, suggest
from kpi.language.aggregation.means import Mean
from kpi.language.aggregation.means import words as mean_words
from kpi.language.aggregation.missing import MissingPolicy
from kpi.language.indicators import AnyIndicator, Symbols
from kpi.language.indicators.counted import Counted
from kpi.language.model import Block, Listed, Name, OneOrMany, Path, Problem, Problems
from kpi.language.sampling import AnySampling, Sampling
from kpi.language.scoring import KINDS, AnyRule
from kpi.language.treatment.steps import AnyStep


def _percent(value: Any) -> Any:
    """Return `weights: 25` as `weights: {percent: 25}`."""
    return {"percent": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class WeightNoise(Block):
    """How weights vary, each node by itself; exactly one of `percent`, `dirichlet` and `order`.

    - `percent: q`: each weight is drawn evenly from `w (1 - q/100)` to `w (1 + q/100)`.
    - `dirichlet: c`: the shares of the parts are drawn from a Dirichlet distribution with the declared shares as means
      and the concentration c, `alpha = c w/Σw`; a share p has the variance `p (1 - p)/(c + 1)`.
    - `order: true`: all weights that keep the declared order are equally likely; equal weights have no order.

    Source: Becker et al. (2022), COINr (percent); Saisana, Saltelli and Tarantola (2005); Barron and Barrett (1996),
    weights of which the order alone is known.
    """

    percent: Annotated[float, Field(gt=0, lt=100)] | None = Field(None, description="percent that each may be off")
    dirichlet: Annotated[float, Field(gt=0)] | None = Field(
        None, description="concentration of a Dirichlet distribution; larger is nearer to the declared shares"
    )
    order: bool = Field(False, description="any weights in the declared order")
    of: OneOrMany[Name] = Field(
        (), description="the nodes whose weights vary, `composite` or pillars; left out: all with several parts"
    )

    @model_validator(mode="after")
    def _single(self) -> Self:
        given = [name for name in ("percent", "dirichlet", "order") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(Message("needs exactly one of `percent`, `dirichlet` and `order`"))
        return self

    def words(self) -> Message:
        """Return how weights vary, in words."""
        if self.percent is not None:
            return Message("±{percent:g} %", percent=self.percent)
        if self.dirichlet is not None:
            return Message("Dirichlet distribution, concentration {number:g}", number=self.dirichlet)
        return Message("any weights in the declared order")


def _rule(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


_BY_NAME = Literal[tuple(model.model_fields["kind"].default for model in KINDS)]  # type: ignore[valid-type]

Alternative = Annotated[AnyRule, BeforeValidator(_rule, json_schema_input_type=AnyRule | _BY_NAME)]


def _all_of(value: Any) -> Any:
    """Return `sampling: known` as the error of every indicator whose kind shows it."""
    return {"all": "known"} if value == "known" else value


class Uncertainty(Block):
    """What `kpi stress` varies.

    Each list adds alternatives to what the system declares, which is drawn as often as each of them. `sampling: known`
    gives every ratio, coverage and count the error that its kind shows. `revision` gives measures (`all`, or names) the
    spread of the corrections of the same measure that the data have on record.
    """

    weights: Annotated[WeightNoise, BeforeValidator(_percent, json_schema_input_type=WeightNoise | float)] | None = (
        Field(None, description="how weights vary; a number is percent")
    )
    normalisation: Listed[Alternative] = Field((), description="scoring rules instead of those of the indicators")
    means: Listed[Mean] = Field((), description="means instead of those of the nodes")
    missing: Listed[MissingPolicy] = Field((), description="policies for missing parts instead of those of the nodes")
    treatment: dict[Name, Listed[AnyStep | Literal["none"]]] = Field(
        default_factory=dict,
        description="step of data treatment (imputation, outliers): steps in its place, or `none` for no such step",
    )
    cut_points: Annotated[float, Field(gt=0)] | None = Field(
        None, description="points that the cut points of the stars may be off, all of them together"
    )
    sampling: Annotated[
        dict[Name, AnySampling],
        BeforeValidator(_all_of, json_schema_input_type=dict[Name, AnySampling] | Literal["known"]),
    ] = Field(default_factory=dict, description="indicator: its sampling error; or `known`")
    revision: OneOrMany[Name] = Field((), description="the measures that may be corrected; `all` of them, or names")
    show: Literal["intervals"] | None = Field(
        None, description="`intervals`: totals have intervals of scores and places, and probabilities of levels"
    )
    ours: bool = Field(False, description="what no document states and we chose: true, or the keys")

    @property
    def declared(self) -> bool:
        """Whether anything varies."""
        return any(getattr(self, name) for name in type(self).model_fields if name not in ("ours", "show"))

    def words(self) -> list[Message]:
        """Return what varies, each in words.

        >>> Uncertainty(weights=25, means=["geometric"], revision="all").words()
        ['weights ±25 %', 'means: weighted geometric mean', 'past corrections of all measures']
        """
        words: list[Message] = []
        if self.weights is not None:
            words.append(Message("weights {how}", how=self.weights.words()))
        if self.normalisation:
            rules = commas(rule.words() for rule in self.normalisation)
            words.append(Message("normalisation: {alternatives}", alternatives=rules))
        if self.means:
            words.append(Message("means: {alternatives}", alternatives=commas(mean_words(mean) for mean in self.means)))
        if self.missing:
            policies = commas(policy.words() for policy in self.missing)
            words.append(Message("missing parts: {alternatives}", alternatives=policies))
        for name, steps in self.treatment.items():
            alternatives = commas(Message("no such step") if step == "none" else step.words() for step in steps)
            words.append(Message("treatment `{step}`: {alternatives}", step=name, alternatives=alternatives))
        if self.cut_points is not None:
            words.append(Message("cut points ±{points:g} points", points=self.cut_points))
        for name, sampling in self.sampling.items():
            words.append(Message("sampling error of `{name}`: {how}", name=name, how=sampling.words()))
        if self.revision:
            every = "all" in self.revision
            words.append(
                Message("past corrections of all measures")
                if every
                else Message("past corrections of {measures}", measures=self.revision)
            )
        if self.show is not None:
            words.append(Message("totals with intervals"))
        return words

    def with_percent(self, percent: float) -> Uncertainty:
        """Return what varies with weights off by other percents; 0 for weights as declared."""
        of = () if self.weights is None else self.weights.of
        return self.model_copy(update={"weights": WeightNoise(percent=percent, of=of) if percent else None})

    def problems(
        self,
        symbols: Symbols,
        indicators: Mapping[str, AnyIndicator],
        nodes: Mapping[str, bool],
        steps: frozenset[str],
        *,
        cuts: Sequence[float] | None,
        full: float,
    ) -> Problems:
        """Yield what varies and does not exist, and variances that cannot be known.

        Args:
            symbols: measures and indicators with their units.
            indicators: the indicators.
            nodes: the nodes of the tree, with whether their weights come from data or differ between units.
            steps: the steps of data treatment.
            cuts: the totals from which on the levels are given, from the least; None where stars do not follow from
                totals by bands.
            full: the full mark.
        """
        yield from self._unknown_methods(nodes, steps)
        yield from self._impossible_cuts(cuts, full)
        measures = {name for name in symbols if name not in indicators}
        for place, name in enumerate(self.revision):
            if name not in measures and name != "all":
                yield _no_measure(name, ("uncertainty", "revision", place), measures)
        for name, sampling in self.sampling.items():
            place_of: Path = ("uncertainty", "sampling", name)
            if name in indicators:
                yield from _unknown_error(sampling, name, indicators[name], symbols, place_of)
                for key, used in sampling.measures():
                    if used not in measures:
                        yield _no_measure(used, (*place_of, key), measures)
            elif name != "all":
                message = Message("`{name}` is no indicator", name=name)
                yield Problem("K870", place_of, message, hint=suggest(name, indicators), at_key=True)

    def _impossible_cuts(self, cuts: Sequence[float] | None, full: float) -> Problems:
        """Yield cut points that do not exist, and those that would pass the next one or the full mark."""
        width = self.cut_points
        if width is None:
            return
        path = ("uncertainty", "cut_points")
        if cuts is None:
            message = Message(
                "there are no cut points that could be off: stars do not follow from totals by bands alone"
            )
            yield Problem("K870", path, message, hint=Message("leave it out"), at_key=True)
            return
        # Shifts are drawn from the whole range, and decimals as 0.3 and 90.3 - 90 differ in their last bits.
        gaps = [(high - low, low, high) for low, high in pairwise(cuts)]
        near = min((gap for gap in gaps if gap[0] <= width * (1 + 1e-9)), default=None)
        if near is not None:
            gap, low, high = near
            message = Message(
                "cut points that are off by {width:g} points pass each other: those of {low:g} and {high:g} are only "
                "{gap:g} apart", width=width, low=low, high=high, gap=round(gap, 9),
            )  # fmt: skip
            yield Problem("K990", path, message, hint=Message("write less than {gap:g}", gap=round(gap, 9)))
        elif cuts and cuts[-1] <= full < cuts[-1] + width * (1 - 1e-9):
            room = round(full - cuts[-1], 9)
            message = Message(
                "the cut point of {cut:g} would be off up to {most:g}, above the full mark of {full:g}, where nobody "
                "reaches it", cut=cuts[-1], most=cuts[-1] + width, full=full,
            )  # fmt: skip
            hint = Message("write at most {room:g}", room=room) if room else Message("leave it out")
            yield Problem("K990", path, message, hint=hint)

    def _unknown_methods(self, nodes: Mapping[str, bool], steps: frozenset[str]) -> Problems:
        """Yield nodes and steps that do not exist, and weights that cannot vary as stated."""
        if self.weights is not None:
            for name in self.weights.of:
                if name not in nodes:
                    message = Message("`{name}` is no node of the tree", name=name)
                    yield Problem("K870", ("uncertainty", "weights", "of"), message, hint=suggest(name, nodes))
            named = self.weights.of or tuple(nodes)
            derived = [name for name, by_method in nodes.items() if by_method and name in named]
            if derived and self.weights.percent is None:
                message = Message(
                    "the weights of `{name}` come from data or differ by class, and can only be off by percent",
                    name=derived[0],
                )
                hint = Message("write `weights: 20`, or name other nodes in `of`")
                yield Problem("K870", ("uncertainty", "weights"), message, hint=hint)
        for name in self.treatment:
            if name not in steps:
                message = Message("`{name}` is no step of the data treatment", name=name)
                path: Path = ("uncertainty", "treatment", name)
                yield Problem("K870", path, message, hint=suggest(name, steps), at_key=True)


def _no_measure(name: str, path: Path, measures: Iterable[str]) -> Problem:
    return Problem("K870", path, Message("`{name}` is no measure", name=name), hint=suggest(name, measures))


def _unknown_error(sampling: Sampling, name: str, indicator: AnyIndicator, symbols: Symbols, path: Path) -> Problems:
    """Yield an error that an indicator does not show by its figures."""
    if sampling.by in ("known", "wilson", "byar") and known(indicator, name, symbols, sampling.by) is None:
        message = Message("the sampling error of `{name}` cannot be known from its figures", name=name)
        hint = Message(
            "a quotient, a coverage or a level of what is counted (件, 户, 人) shows it; for others write "
            "`standard_error`, `relative_error` or `column`, and for a mean of events `deviation` and `number`"
        )
        yield Problem("K871", path, message, hint=hint)


def known(indicator: AnyIndicator, name: str, symbols: Symbols, by: str) -> Counted | None:
    """Return the counts of an indicator that a method works on, None where there are none.

    `wilson` needs cases; `byar` takes the events alone, and so does `known` where there are no cases. A number of
    plain unit is a count if a method is named.
    """
    counts = indicator.counted(name, symbols, stated=by != "known")
    return None if counts is None or (by == "wilson" and counts.cases is None) else counts
