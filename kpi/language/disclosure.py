"""Disclosure rules (保密): which figures are too small to be published, and what must stay uncertain about them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kpi.errors import Message, commas
from kpi.language.model import Block, Name, OneOrMany

#: What may be published although it would differ with the suppressed figures.
Kept = Literal["totals", "ranks", "stars"]


class Disclosure(Block):
    """Which figures are suppressed in every output of a run: by themselves, to protect others, and all that shows them.

    - *Primary suppression*: a count of `of` from 1 to below `threshold` is suppressed, with `zeros` also 0; a figure of
      `contributors` where fewer than `threshold` (and at least one) contribute to it.
    - *Secondary suppression*: further figures are suppressed so that the linear relations between what is published
      (totals over all units, or those of each group that `totals` names, and the checks that are linear) do not give
      a suppressed one away. The pattern that costs least, each figure counted with the logarithm of its size, is found
      by τ-Argus (the package pytauargus) for each period.
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
        if not self.of and not self.contributors:
            raise ValueError(Message("needs the measures that are counts, `of`, or `contributors`"))
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
        return parts[0] if len(parts) == 1 else commas(parts)
