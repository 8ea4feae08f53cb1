"""Error localisation (差错定位): how the figures that can be wrong are found where checks are broken."""

from typing import Annotated

from pydantic import Field

from kpi.errors import Message
from kpi.language.model import Block, Name, OneOrMany


class Localisation(Block):
    """Which figures of a unit can be wrong if checks are broken: the set of least weight that can restore all.

    Every linear check is an inequality over the figures of a unit in a period: parts and their whole, ranges,
    conditions that compare sums (`expr`), and ranges of ratios. Of the figures in these, as few as possible are taken
    to be wrong, each counted with its weight, so that the others stand and all checks can hold; sets of the same weight
    are all named. Figures that are nowhere negative in a period stay so. Where one typing error in a figure (a factor
    of 10, 100, 1000 or 10,000, two digits swapped, the sign, figures rounded) makes all checks hold, it is proposed.
    Nothing is ever changed.

    Source: I. P. Fellegi and D. Holt, A systematic approach to automatic edit and imputation, Journal of the American
    Statistical Association 71 (1976).
    """

    weights: dict[Name, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict, description="measure: how much it is trusted; 1 where it is left out"
    )
    of: OneOrMany[Name] = Field((), description="the checks; left out: all that are linear")
    ours: bool = Field(False, description="what no document states and we chose: true, or the keys")

    def words(self) -> Message:
        """Return in words what counts more or less."""
        if not self.weights:
            return Message("all figures count alike")
        weights = tuple(f"{name} {weight:g}" for name, weight in self.weights.items())
        return Message("trust in figures: {weights}, 1 in the others", weights=weights)
