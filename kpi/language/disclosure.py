"""Disclosure rules (保密): which figures are too small to be published, and what must stay uncertain about them."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kpi.errors import Message, commas
from kpi.language.model import Block, Name, OneOrMany

#: What may be published although it would differ with the suppressed figures.
Kept = Literal["totals", "ranks", "stars"]


class Dominance(Block):
    """A figure to which one or a few contribute so much that it shows what they contribute.

    The contributions are those of the finer units of the measure `by`, such as `{kind: sum, of: 产值, per: 企业}`: the
    rows of a contributor are added up. Or `largest` are the measures with the largest ones, the first one first. With
    `k` a figure is suppressed where the n largest together are more than k percent of it, the (n,k) rule; with `p`
    where what is left without the first two is less than p percent of the first, the p% rule: the second could compute
    the first more exactly than that. The contributions are suppressed everywhere. A figure other than zero whose
    largest contributions are not reported is suppressed, too; what rows without a contributor add counts as the
    largest one's.

    Source: Hundepool et al. (2012), Statistical Disclosure Control, 4.2.
    """

    largest: OneOrMany[Name] = Field((), description="the measures of the largest contributions, in order")
    by: Name | None = Field(
        None, description="the measure of the contribution of each contributor, with `per`, in the place of `largest`"
    )
    n: Annotated[int, Field(ge=1, le=20)] | None = Field(
        None, description="how many of the largest contributions of `by` the (n,k) rule adds up; left out: 1"
    )
    p: Annotated[float, Field(gt=0, lt=100)] | None = Field(
        None, description="percent of the largest contribution that the others, without the second, must be"
    )
    k: Annotated[float, Field(gt=0, lt=100)] | None = Field(
        None, description="percent of the figure that the largest contributions may be together"
    )

    @model_validator(mode="after")
    def _single_rule(self) -> Self:
        if (self.p is None) == (self.k is None):
            raise ValueError(Message("needs `p` (of the p% rule) or `k` (of the (n,k) rule), not both"))
        if bool(self.largest) == (self.by is not None):
            raise ValueError(Message("needs `by`, the measure of each contribution, or `largest`, not both"))
        if self.n is not None and (self.by is None or self.k is None):
            raise ValueError(Message("`n` belongs to the (n,k) rule, with `by` and `k`"))
        if self.p is not None and self.largest and len(self.largest) != 2:
            raise ValueError(Message("the p% rule needs two measures in `largest`: the first and the second"))
        return self

    @property
    def number(self) -> int:
        """How many of the largest contributions the rule looks at."""
        return len(self.largest) or (2 if self.p is not None else self.n or 1)


class Disclosure(Block):
    """Which figures are suppressed in every output of a run: by themselves, to protect others, and all that shows them.

    - *Primary suppression*: a count of `of` from 1 to below `threshold` is suppressed, with `zeros` also 0; a figure of
      `contributors` where fewer than `threshold` (and at least one) contribute to it, one of `dominance` where a few
      contribute nearly all of it.
    - *Secondary suppression*: further figures are suppressed so that the linear relations between what is published
      (totals over all units, or those of each group that `totals` names, with `years` those of each unit over a year,
      and the checks that are linear, `cumulative` ones too) do not give a suppressed one away. The pattern that costs
      least, each figure counted with the logarithm of its size, is found by τ-Argus (the package pytauargus) for each
      period. Where relations connect the periods of a year they are protected in their order, what is published of the
      earlier ones being known.
    - *What follows*: everything that the engine computes from suppressed figures and that would be another number if
      they were, is suppressed too: rates, shares, growth, scores, totals, places, levels, of whichever unit and period.

    A suppressed count can be anything from 1 (with `zeros` 0) to below the threshold, a suppressed figure of
    `contributors` anything within `protect` percent: for both ends there are figures that give the same publication to
    the last digit. `keep` names what is published nevertheless; then those who know all other figures of a unit
    can narrow its suppressed ones.

    Source: Hundepool et al. (2012), Statistical Disclosure Control; Fischetti and Salazar-González (2000), Models and
    algorithms for optimizing cell suppression in tabular data with linear constraints, Journal of the American
    Statistical Association 95.
    """

    threshold: Annotated[int, Field(ge=2)] = Field(
        description="counts below it are suppressed, or figures with fewer contributors"
    )
    of: OneOrMany[Name] = Field((), description="the measures that are counts (件, 人, 户)")
    zeros: bool = Field(False, description="whether 0 is suppressed too")
    contributors: dict[Name, Name] = Field(
        default_factory=dict, description="measure: the measure that counts who contributes to it, such as enterprises"
    )
    protect: Annotated[float, Field(gt=0, lt=100)] = Field(
        15, description="percent by which a suppressed figure of `contributors` must stay uncertain on either side"
    )
    dominance: dict[Name, Dominance] = Field(
        default_factory=dict, description="measure: the rule for what a few contribute to it"
    )
    years: bool = Field(
        False, description="whether the totals of each unit over a year are known to readers, as a yearbook has them"
    )
    totals: OneOrMany[str] = Field(
        ("all",),
        description="whose totals are known to readers: `all` units, each `cohort`, one of `groups:`; or `none`",
    )
    keep: OneOrMany[Kept] = Field(
        (), description="what is published although suppressed figures enter it: `totals`, `ranks`, `stars`"
    )
    ours: bool = Field(False, description="what no document states and we chose: true, or the keys")

    @model_validator(mode="after")
    def _about_something(self) -> Self:
        if not self.of and not self.contributors and not self.dominance:
            raise ValueError(Message("needs the measures that are counts, `of`, or `contributors`, or `dominance`"))
        return self

    @property
    def groupings(self) -> tuple[str, ...]:
        """The groupings whose totals are known."""
        return tuple(name for name in self.totals if name != "none")

    def words(self) -> Message:
        """Return the rules in words.

        >>> Disclosure(threshold=5, of=["complaints"]).words()
        'counts from 1 to 4 are suppressed: complaints'
        """
        least = 0 if self.zeros else 1
        parts = []
        if self.of:
            parts.append(
                Message("counts from {least} to {most} are suppressed: {measures}",
                        least=least, most=self.threshold - 1, measures=self.of)
            )  # fmt: skip
        if self.contributors:
            pairs = tuple(f"{measure} ({counted})" for measure, counted in self.contributors.items())
            parts.append(
                Message("figures with fewer than {threshold} contributors are suppressed: {measures}",
                        threshold=self.threshold, measures=pairs)
            )  # fmt: skip
        if self.dominance:
            parts.append(
                Message("figures of which a few contribute nearly all are suppressed: {measures}",
                        measures=tuple(self.dominance))
            )  # fmt: skip
        return parts[0] if len(parts) == 1 else commas(parts)
